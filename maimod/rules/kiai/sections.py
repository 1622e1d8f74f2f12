"""Kiai that a part of the song lacks or has too much, by where the song comes again and by the other difficulties.

A chorus without kiai has no line that could be looked at, so candidates are parts of the song: those that are most like a part
that begins with kiai, and those in which most other difficulties do otherwise.

Figures were counted in 49 minutes of 28 maps of all modes that no network was trained on; 31 sections of them were taken away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from maimod.features.copies.song_parts import again, similarity
from maimod.features.ordered import distinct, median
from maimod.findings import Category, Expected, Severity, Tier, clock
from maimod.osu.beatmap import UNSNAP_MS, Beatmap
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.elsewhere import OTHERS
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm_index import lag_of
from maimod.rules.stretches import log_odds, others_of, where

SECTION_CURVE = Curve(6.0, 1.5, highest=0.29)
"""Of bits. Where the song comes again is a question at most: too weak to be listed without the judge."""

SECTION = Rule(
    "kiai/section",
    "Part with or without kiai unlike its repetition",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("audio", "map"),
    why="Kiai marks a part of the song; a chorus that lacks it, or a verse that has it, usually lost or kept a line by accident.",
    how="The spectrum of the song from here on is compared with that of the sections with kiai; kiai is also compared with the other "
    "difficulties of the set.",
    advice="Should kiai be the same here?",
    ignore_when="this part of the song is calmer or stronger than where it came before",
    blind_spots="Songs whose parts sound alike; maps with one section of kiai, in sets of one difficulty.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Kiai_time",
    curves={"": SECTION_CURVE},
    corruptions=("kiai",),
)

LEAST_MEASURES, MOST_MEASURES = 2, 8
"""Measures of a section that are compared."""
MOST_SECTIONS = 24
"""The longest sections, and the parts in which other difficulties differ, that are looked at."""
MOST_PARTS = 4
"""Parts of the song that are candidates."""
MOST_KIAI = 0.25
"""Share of a part that can have kiai already."""
LEAST_SPREAD = 0.02
"""Of correlations: less is noise."""
LEAST_DEVIATIONS, BITS_OF_DEVIATION, MOST_BITS = 0.5, 3.0, 6.0
"""Standard deviations above the other parts of the song that are no evidence yet, bits for each more, and most bits. In those maps
0.31 parts a minute have 1.5 and 0.16 have 2; of sections that lost their kiai 68 and 42 %."""
SHORT_BEATS = 0.6
"""Other difficulties that differ for less are other rules' matter."""
BORDER_BEATS = 4.5
"""By less a border is off; more is another section."""
DECIDED = 0.5
"""Share of the other difficulties that do otherwise."""


class _Part(msgspec.Struct):
    """A part of the map, in ms."""

    start: float
    end: float
    has_kiai: bool
    like: float | None = None
    """Ms where kiai begins that the song is like."""
    song: float = 0.0
    """Bits that the song gives for the other state."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    if not beatmap.hit_objects or not evidence.passages.cells.count:
        return
    others = others_of_set(evidence)
    spans = [_spans(other) for other in others]
    repeated = _repeated(evidence)
    differing = list(_differing(beatmap, spans))
    for part in differing:
        near = [one for one in repeated if not part.has_kiai and one.start < part.end and part.start < one.end]
        for one in near:
            part.song, part.like = max((part.song, part.like), (one.song, one.like), key=lambda pair: pair[0])
        repeated = [one for one in repeated if one not in near]
    for part in (*differing, *repeated):
        if not _is_at_border(beatmap, part):
            yield _candidate(evidence, part, spans)


def _is_at_border(beatmap: Beatmap, part: _Part) -> bool:
    """Whether a part is what a border is off by, which :mod:`maimod.rules.kiai.borders` reports at the border."""
    beat = beatmap.red_line_of(part.start).beat_length
    begins, ends = _at_borders(beatmap, part)
    return begins is not ends and part.end - part.start <= BORDER_BEATS * beat


def _at_borders(beatmap: Beatmap, part: _Part) -> tuple[bool, bool]:
    """Whether kiai changes where a part begins, and where it ends."""
    borders = _spans(beatmap).ravel()
    begins, ends = (bool((np.abs(borders - time) <= UNSNAP_MS).any()) for time in (part.start, part.end))
    return begins, ends


def others_of_set(evidence: Evidence) -> Sequence[Beatmap]:
    """The other difficulties of the mode; of all modes where there are none."""
    return others_of(evidence) or evidence.others


def _spans(beatmap: Beatmap) -> np.ndarray:
    """(n_sections, 2) ms of the sections with kiai."""
    found = [(first.time, after.time if after else np.inf) for first, after in beatmap.kiai_sections]
    return np.array(found, dtype=float).reshape(-1, 2)


def _is_on(spans: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Whether kiai is on at times [ms]."""
    return np.asarray(np.searchsorted(spans.ravel(), times, side="right") % 2 == 1)


# ---------------------------------------------------------------------------------------------------------------------
# The other difficulties


def _differing(beatmap: Beatmap, others: list[np.ndarray]) -> Iterator[_Part]:
    """Parts in which kiai differs from most other difficulties, the longest ones."""
    own, last = _spans(beatmap), max(o.end_time for o in beatmap.hit_objects)
    if not others:
        return
    every = np.concatenate([spans.ravel() for spans in (own, *others)])
    borders = distinct(every[every < last])  # without the infinite ends
    if not len(borders):
        return
    ends = np.append(borders[1:], last)
    middles = (borders + ends) / 2
    is_on = _is_on(own, middles)
    share = np.mean([_is_on(spans, middles) != is_on for spans in others], axis=0)
    found: list[_Part] = []
    for start, end, on, other in zip(borders.tolist(), ends.tolist(), is_on.tolist(), share.tolist(), strict=True):
        if other < DECIDED:
            continue
        if found and found[-1].end == start and found[-1].has_kiai == on:
            found[-1].end = end
        else:
            found.append(_Part(start, end, on))
    long = [one for one in found if one.end - one.start >= SHORT_BEATS * beatmap.red_line_of(one.start).beat_length]
    yield from sorted(long, key=lambda one: one.start - one.end)[:MOST_SECTIONS]


# ---------------------------------------------------------------------------------------------------------------------
# The song


def _repeated(evidence: Evidence) -> list[_Part]:
    """Parts without kiai that are most like a part that begins with it."""
    cells, spans = evidence.passages.cells, _spans(evidence.beatmap)
    if evidence.bands is None or not len(spans):
        return []
    starts = cells.times(cells.starts)
    kiai = _is_on(spans, starts + UNSNAP_MS)
    sections = _sections(starts, spans)
    if not sections:
        return []
    alike = similarity(cells, evidence.bands, lag_of(evidence.alignment))
    n = len(starts)
    best, like = np.full(n, -np.inf), np.zeros(n, dtype=np.int64)
    sums, seen = np.concatenate([[0], np.cumsum(kiai)]), []
    for number, (first, measures) in enumerate(sections):
        length = min(measures, MOST_MEASURES)
        found = again(alike, first, length)
        at = np.arange(len(found))
        is_other = np.abs(at - first) >= length
        seen.append(found[is_other])
        free = is_other & (sums[at + length] - sums[at] <= MOST_KIAI * length) & (found > best[: len(found)])
        best[: len(found)][free], like[: len(found)][free] = found[free], number
    all_seen = np.concatenate(seen)
    if not len(all_seen):
        return []
    usual, spread = median(all_seen), float(all_seen.std()) + LEAST_SPREAD
    return list(_parts(best, like, sections, starts, usual, spread))


def _sections(starts: np.ndarray, spans: np.ndarray) -> list[tuple[int, int]]:
    """(first measure, measures) of the sections with kiai, the longest ones."""
    firsts = np.searchsorted(starts, spans[:, 0] - UNSNAP_MS)
    measures = np.searchsorted(starts, spans[:, 1] - UNSNAP_MS) - firsts
    found = [pair for pair in zip(firsts.tolist(), measures.tolist(), strict=True) if pair[1] >= LEAST_MEASURES]
    return sorted(found, key=lambda pair: -pair[1])[:MOST_SECTIONS]


def _parts(
    best: np.ndarray, like: np.ndarray, sections: list[tuple[int, int]], starts: np.ndarray, usual: float, spread: float
) -> Iterator[_Part]:
    """The parts of the song that are most like a section, none overlapping another."""
    best = best.copy()
    for _ in range(MOST_PARTS):
        at = int(best.argmax())
        bits = BITS_OF_DEVIATION * ((float(best[at]) - usual) / spread - LEAST_DEVIATIONS)
        if not bits > 0:
            return
        first, measures = sections[like[at]]
        end = min(at + measures, len(starts) - 1)
        yield _Part(float(starts[at]), float(starts[end]), False, float(starts[first]), min(bits, MOST_BITS))
        length = min(measures, MOST_MEASURES)
        best[max(at - length + 1, 0) : at + length] = -np.inf


# ---------------------------------------------------------------------------------------------------------------------
# Candidates


def _candidate(evidence: Evidence, part: _Part, others: list[np.ndarray]) -> Candidate:
    beatmap = evidence.beatmap
    line = beatmap.timing_point_at(part.start + UNSNAP_MS)
    middle = np.array([(part.start + part.end) / 2])
    differing = sum(bool(_is_on(spans, middle)[0]) != part.has_kiai for spans in others)
    of_others = float(log_odds(differing, len(others) - differing))
    begins, ends = _at_borders(beatmap, part)
    bits = part.song + of_others
    return candidate(
        SECTION,
        time=part.start,
        end_time=part.end,
        line=line.line,
        measure=bits,
        actual="kiai" if part.has_kiai else "no kiai",
        expected=[Expected("no kiai" if part.has_kiai else "kiai")],
        message=_words(part, differing, len(others)),
        bits=round(bits, 2),
        bits_of_song=round(part.song, 2),
        bits_of_difficulties=round(of_others, 2),
        begins_at_line=begins,
        ends_at_line=ends,
        has_kiai=part.has_kiai,
        **where(evidence, part.start, part.end),
    )


def _words(part: _Part, differing: int, others: int) -> str:
    reasons = []
    if part.like is not None:
        reasons.append(f"the song is like that at {clock(part.like)}, where kiai begins")
    if differing:
        what = "none" if part.has_kiai else "it"
        reasons.append(
            f"the other difficulty has {what}" if others == 1 else f"{differing} of {others} {OTHERS} have {what}"
        )
    return f"Kiai is {'on' if part.has_kiai else 'off'} here; {', and '.join(reasons)}."


CHECK = BeatmapCheck(Category.KIAI, "Sections of kiai", (SECTION,), run)
