"""Borders of kiai that lie some beats beside where the song and the other difficulties have them.

Where a chorus comes again, its kiai should begin and end at the same beat of the song. The song around a border is compared with
that around the borders of the other sections, early and late by some beats: the one that fits best says where this border would be.

Figures were counted in 49 minutes of 28 maps of all modes that no network was trained on, with and without their other difficulties.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from maimod.features.copies.cells import CELLS_PER_BEAT
from maimod.features.copies.song_parts import beats
from maimod.findings import Category, Expected, Severity, Tier, clock
from maimod.osu.beatmap import Beatmap, TimingPoint
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.elsewhere import OTHERS
from maimod.rules.evidence import Evidence
from maimod.rules.kiai.ends import logit_of_border
from maimod.rules.kiai.sections import BORDER_BEATS, others_of_set
from maimod.rules.rhythm_index import lag_of
from maimod.rules.steps import beats_name
from maimod.rules.stretches import log_odds, where

BORDER_CURVE = Curve(5.0, 1.5, highest=0.29)
"""Of bits. Not listed without the judge: 0.27 borders a minute have 1.5, and 43 % of those that were moved by a beat to a measure;
with the other difficulties 0.06 a minute and 89 %."""

BORDER = Rule(
    "kiai/border",
    "Kiai begins or ends some beats beside its repetition",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("audio", "map"),
    why="Where the chorus comes again, kiai should begin and end at the same place of it.",
    how="The song around the border is compared with that around those of the other sections, up to four beats earlier and later; the "
    "borders of the other difficulties count as well.",
    advice="Listen: where does the chorus begin or end?",
    ignore_when="vocals lead into one chorus and not into the other",
    blind_spots="Songs that repeat each beat; maps with one section of kiai, in sets of one difficulty.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Kiai_time",
    curves={"": BORDER_CURVE},
    corruptions=("kiai",),
    discriminator_logit=logit_of_border,
)

AROUND_BEATS, MOST_BEATS = 8, int(BORDER_BEATS)
"""Beats before and after a border that are compared, and most by which it can be off."""
LEAST_BEATS = 6.0
"""Of a section."""
MOST_SECTIONS = 24
"""The first ones."""
BITS_OF_GAIN, MOST_BITS = 90.0, 6.0
"""Bits of a gain of 1 in the mean correlation over the other borders, and most of them."""
AGREEING_GAIN = 0.05
"""Gain that a border which fits best as it is speaks against."""
SAME_MS = 20.0


class _Border(msgspec.Struct, frozen=True):
    """A start or end of kiai."""

    point: TimingPoint
    begins: bool
    beats: float
    """Of its section; infinite if that never ends."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    if not beatmap.hit_objects or not evidence.passages.cells.count:
        return
    others = [_borders(other) for other in others_of_set(evidence)]
    borders = _borders(beatmap)
    for begins in (True, False):
        alike = [border for border in borders if border.begins is begins]
        times = [[border.point.time for border in other if border.begins is begins] for other in others]
        lengths = [border.beats for border in alike]
        for number, (border, off, bits) in enumerate(zip(alike, *_by_song(evidence, alike), strict=True)):
            unlike = _unlike(border.beats, lengths[:number] + lengths[number + 1 :])
            yield from _candidate(evidence, border, off, bits, times, unlike)


def _unlike(length: float, others: Sequence[float]) -> float:
    """Octaves between the length of a section and the closest one of the others; 0 for the only one, and for one without end."""
    known = [other for other in others if math.isfinite(other)]
    return min((abs(math.log2(length / other)) for other in known), default=0.0) if math.isfinite(length) else 0.0


def _borders(beatmap: Beatmap) -> list[_Border]:
    """Those of sections that are long enough."""
    found = []
    for start, end in beatmap.kiai_sections[:MOST_SECTIONS]:
        beat = beatmap.red_line_of(start.time).beat_length
        length = math.inf if end is None else (end.time - start.time) / beat
        if length >= LEAST_BEATS:
            found += [_Border(point, begins, length) for point, begins in ((start, True), (end, False)) if point]
    return found


# ---------------------------------------------------------------------------------------------------------------------
# The song


def _by_song(evidence: Evidence, borders: Sequence[_Border]) -> tuple[list[int], list[float]]:
    """Of each border: beats by which it is late (negative: early) by the others of its kind, and the bits for that."""
    cells = evidence.passages.cells
    nothing = [0] * len(borders), [0.0] * len(borders)
    if evidence.bands is None or len(borders) < 2:
        return nothing
    rows = beats(cells, evidence.bands, lag_of(evidence.alignment))
    ticks = cells.grid.ticks(
        np.array([border.point.time for border in borders])
    )  # also of borders after the last object
    at = np.rint(ticks / TICKS_PER_BEAT - cells.first / CELLS_PER_BEAT).astype(np.int64)
    fits = _fits(rows, at)
    best = fits.max(axis=2)
    shift = fits.argmax(axis=2) - MOST_BEATS
    weight = np.where(np.eye(len(at), dtype=bool), 0.0, np.maximum(best, 0.0))
    gain = (best - fits[:, :, MOST_BEATS]) * weight
    found, bits = [], []
    for own_gain, own_shift, own_weight in zip(gain, shift, weight, strict=True):
        sums = [float(own_gain[own_shift == by].sum()) for by in range(-MOST_BEATS, MOST_BEATS + 1)]
        late = int(np.argmax(sums))
        against = AGREEING_GAIN * float(own_weight[own_shift == 0].sum())
        mean = (sums[late] - against) / (len(at) - 1)
        found.append(late - MOST_BEATS if mean > 0 else 0)
        bits.append(float(np.clip(BITS_OF_GAIN * mean, -MOST_BITS, MOST_BITS)))
    return found, bits


def _fits(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(n, n, 2 * `MOST_BEATS` + 1) mean correlation of the beats around each of the beats `at` with those around each other one,
    some beats later."""
    reach = AROUND_BEATS + MOST_BEATS
    index = at[:, None] + np.arange(-reach, reach)
    there = (index >= 0) & (index < len(rows))
    taken = np.where(there[..., None], rows[np.clip(index, 0, len(rows) - 1)], 0.0)
    inside = slice(MOST_BEATS, MOST_BEATS + 2 * AROUND_BEATS)
    own, own_there = taken[:, inside], there[:, inside].astype(float)
    found = []
    for by in range(2 * MOST_BEATS + 1):
        moved = slice(by, by + 2 * AROUND_BEATS)
        sums = np.einsum("iwf,jwf->ij", own, taken[:, moved])
        both = own_there @ there[:, moved].astype(float).T
        found.append(np.where(both >= AROUND_BEATS, sums / np.maximum(both, 1), -1.0))
    return np.stack(found, axis=2)


# ---------------------------------------------------------------------------------------------------------------------
# Candidates


def _candidate(
    evidence: Evidence, border: _Border, off: int, of_song: float, others: Sequence[Sequence[float]], unlike: float
) -> Iterator[Candidate]:
    """One about the border, unless nothing but the lesser part of the set, which has it elsewhere, speaks against it: that is a
    finding about the others."""
    beatmap, time = evidence.beatmap, border.point.time
    beat = beatmap.red_line_of(time).beat_length
    closest = [min(times, key=lambda other: abs(other - time)) for times in others if times]
    near = [other for other in closest if abs(other - time) <= BORDER_BEATS * beat]
    elsewhere = [other for other in near if abs(other - time) > SAME_MS]
    if not off and 0 < len(elsewhere) <= len(near) - len(elsewhere):
        return
    of_others = float(log_odds(len(elsewhere), len(near) - len(elsewhere)))
    bits = of_song + of_others
    word, place = "begins" if border.begins else "ends", where(evidence, time, time - off * beat)
    yield candidate(
        BORDER,
        time=time,
        line=border.point.line,
        measure=bits,
        actual=f"kiai {word}",
        expected=[Expected(clock(elsewhere[0]))] if elsewhere else [],
        message=_words(word, off, time, beat, elsewhere, len(others), bool(place["on_downbeat"])),
        bits=round(bits, 2),
        bits_of_song=round(of_song, 2),
        bits_of_difficulties=round(of_others, 2),
        unlike_length=round(unlike, 2),
        **place,
    )


def _words(
    word: str, late: int, time: float, beat: float, elsewhere: Sequence[float], others: int, on_downbeat: bool
) -> str:
    reasons: list[str] = []
    if elsewhere:
        # The others need not agree: counted are those that have it where most of them do.
        there = Counter(round(other) for other in elsewhere).most_common(1)[0][0]
        same = sum(abs(other - there) <= SAME_MS for other in elsewhere)
        where = "the other difficulty" if others == 1 else f"{same} of {others} {OTHERS}"
        reasons.append(f"{_beats_off((time - there) / beat)} than in {where}")
    if late:
        many = _beats_off(late)
        than = "than where the song comes again"
        reasons.append(than if reasons and reasons[0].startswith(f"{many} than") else f"{many} {than}")
    if not reasons:
        reasons.append("at an unusual place" if on_downbeat else "off the downbeats")
    return f"Kiai {word} {' and '.join(reasons)}."


def _beats_off(beats: float) -> str:
    many = beats_name(abs(beats)) or f"{abs(beats):.2g} beat{'s' * (abs(beats) > 1)}"
    return f"{many} {'later' if beats > 0 else 'earlier'}"


CHECK = BeatmapCheck(Category.KIAI, "Borders of kiai", (BORDER,), run)
