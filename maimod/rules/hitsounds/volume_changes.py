"""Changes of volume that come late or are missing, and lines out of a rising or falling volume.

Hits under one line are compared with those at the same place of the copies (:mod:`maimod.features.copies.passages`) and with the lines of
the other difficulties. A stretch of them that all have another volume there, while the rest under the line agrees, shows that a
line is missing where the stretch begins or ends; a stretch under lines of its own is mostly a choice, and listed by
:mod:`maimod.rules.passages.sounds`.

Figures were counted in 49 minutes of 28 maps of all modes that no network was trained on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import msgspec
import numpy as np

from maimod.features.copies.passages import SAME_VOLUME
from maimod.features.copies.song_parts import loudness
from maimod.features.ordered import median
from maimod.findings import Category, Expected, Severity, Tier, counted
from maimod.osu.beatmap import Beatmap, TimingPoint
from maimod.osu.hitsounds import HITSOUND_LENIENCY_MS, Hit
from maimod.osu.names import noun
from maimod.osu.timing import TICKS_PER_BEAT, are_near
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.bundles import SHOWN_OBJECTS, objects_of, strongest
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.elsewhere import MEASURES, OTHERS
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm_index import lag_of
from maimod.rules.stretches import (
    LEAST_BITS,
    LONGEST_MS,
    apart,
    bits_of,
    in_force,
    log_odds,
    others_of,
    parts,
    totals,
    where,
)

STEP_CURVE, LINE_CURVE = Curve(12.0, 2.0), Curve(12.0, 2.0, highest=0.29)
"""Of bits. In those maps 0.12 stretches a minute have 6 bits or more, 0.04 have 10; of planted changes that are lost 66 and 59 %
have, of two quieter measures 93 and 77 %. All that lies under a line is not listed without the judge."""
LATE_CURVE = Curve(6.0, 1.0)
"""Of bits. No line of those maps has 4, and 0.2 a minute have 3; of those with a change that is a beat late 57 and 77 % have."""
RAMP_CURVE = Curve(4.0, 2.0, highest=0.8)
"""Of bits. In 212 minutes of 130 ranked maps 0.02 lines a minute have 2.5, 0.005 have 5; of ramps with a planted slip 72 and 48 %. In
others that no network was trained on 0.1 a minute have -0.7, of 14 slips 93 %."""

STEP = Rule(
    "hitsounds/volume-step",
    "Change of volume that is late, early or missing",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="Hits that keep the volume of the section before are too quiet or too loud for theirs; usually a line was forgotten or set a "
    "beat late.",
    how="Several hits under a timing point have another volume at the same place of measures with the same rhythm, and in the other "
    "difficulties; if they are all that lie under it, that counts less. Or most other difficulties become louder or quieter at a hit, "
    "and this one does not.",
    advice="Is a line missing here, or is its volume wrong?",
    ignore_when="the song changes here otherwise than in those measures",
    blind_spots="Volumes that objects give themselves; changes by less than 12 %; passages that occur once, in sets of one difficulty.",
    source=f"{PAGE}#audio",
    curves={"": STEP_CURVE, "whole line": LINE_CURVE},
    corruptions=("volume",),
)
LATE = Rule(
    "hitsounds/volume-late",
    "Line of volume a beat after its usual place",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="A section whose volume changes a beat late begins with a hit at the volume of the one before.",
    how="The place of the line in the measure, and a beat before it, are compared with those of the map's other changes of volume and "
    "with the lines of the other difficulties; a new combo at either counts as well.",
    advice="Should this line be a beat earlier?",
    ignore_when="the first hit belongs to the section before",
    blind_spots="Maps with few changes of volume; lines that are late by more or less than a beat.",
    source=f"{PAGE}#audio",
    curves={"": LATE_CURVE},
    corruptions=("volume",),
)
OUT_OF_RAMP = Rule(
    "hitsounds/volume-ramp",
    "Line out of a rising or falling volume",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="In a volume that rises or falls line by line, a single line on the wrong side of its neighbours is heard as a slip.",
    how="The volumes before and after this line rise, or fall, in steps, and its own is not between them. A gap of two steps between "
    "them counts for a slip; that other difficulties have the same counts against it, and so do other such lines of the map.",
    advice="Does the volume of this line continue the fade?",
    ignore_when="the song has an accent there",
    blind_spots="Ramps of fewer than four lines; a line between its neighbours.",
    source=f"{PAGE}#audio",
    curves={"": RAMP_CURVE},
    corruptions=("volume",),
)

OTHER_VOLUME = 12
"""Percent."""
LATE_BITS = 2.0
"""Where the next line sets the volume that the stretch lacks."""
DOUBT_OF_LINE = 4.0
"""Bits against a stretch that is all that lies under its line, which mostly is a choice; hitsounds/passage-volume reports those."""
LEAST_HITS = 4
LEAST_STEPS, LEAST_LATE_BITS, BITS_OF_COMBO = 4, 0.5, 1.5
"""Changes of volume that make a habit; bits of a candidate; bits if there is a new combo a beat before the line and not at it."""
NEAR_MS = 6.0
LEAST_SPREAD = 3.0
"""Percent, added to the spread of volumes beside those that the song suggests."""
SAME_MS = 2.0
RAMP_STEP, STEP_MS = 30, 8_000.0
"""Percent and ms between lines of one ramp, at most."""
LEAST_RAMP, MOST_RAMP = 3, 6
"""Lines of a ramp beside the one out of it, and most that count."""
BITS_OF_STEP = 1.5
"""For a line where the ramp has a gap of two steps, and against one where it has not."""
SAME_LEVEL = 3
"""Percent by which difficulties differ in the same ramp."""
BITS_OF_ANOTHER = 1.5
"""Bits against a slip for each doubling of the lines out of ramps: a map with many has accents."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    if not evidence.beatmap.hit_objects or not evidence.passages.cells.count:
        return
    yield from strongest(_steps(evidence))
    yield from strongest(_late(evidence))
    yield from strongest(_out_of_ramps(evidence))


# ---------------------------------------------------------------------------------------------------------------------
# Stretches within a line


class _Heard(msgspec.Struct, frozen=True):
    """Hits whose volume is that of a line, one at a time, with those to compare with; arrays of shape (n_hits,) or
    (n_hits, n_others)."""

    hits: list[Hit]
    own: np.ndarray
    sides: tuple[tuple[np.ndarray, np.ndarray], ...]
    """(volumes, whether there is one) of the copies, and of the other difficulties."""
    too_loud: np.ndarray
    """(n_hits,) by how much each is louder than the song there suggests, by the map's own relation of both, in standard deviations
    times their correlation; 0 without a song."""


def _heard(evidence: Evidence) -> _Heard:
    passages = evidence.passages
    found = [hit for hit in passages.hits if not hit.hit_object.sample.volume]
    times = np.array([hit.time for hit in found])
    is_first = np.diff(times, prepend=-np.inf) > SAME_MS
    chosen, times = [hit for hit, first in zip(found, is_first.tolist(), strict=True) if first], times[is_first]
    cells = passages.cells.of(times)
    seen, valid = passages.in_copies("volume", cells)
    heard, _ = passages.in_copies("sound", cells)
    siblings = [_volumes(other, times) for other in others_of(evidence)]
    others = np.stack(siblings, axis=1) if siblings else np.zeros((len(times), 0))
    own = np.array([hit.volume for hit in chosen], dtype=float)
    return _Heard(
        chosen,
        own,
        ((seen.astype(float), valid & (heard >= 0)), (others, np.ones(others.shape, dtype=bool))),
        _too_loud(evidence, times, own),
    )


def _too_loud(evidence: Evidence, times: np.ndarray, volumes: np.ndarray) -> np.ndarray:
    if evidence.bands is None or len(times) < LEAST_HITS:
        return np.zeros(len(times))
    song = loudness(evidence.bands, times + lag_of(evidence.alignment))
    song, own = song - song.mean(), volumes - volumes.mean()
    both, each = float(song @ own), float((song @ song) * (own @ own))
    if both <= 0 or each <= 0:  # a map that is quieter where the song is loud says nothing
        return np.zeros(len(times))
    rest = own - song * (both / float(song @ song))
    return np.asarray(rest / (rest.std() + LEAST_SPREAD) * (both / math.sqrt(each)))


def _volumes(beatmap: Beatmap, times: np.ndarray) -> np.ndarray:
    """(n_times,) volumes of the lines that the game uses at times [ms]."""
    return in_force(beatmap.sorted_timing_points, times + HITSOUND_LENIENCY_MS, lambda point: point.volume)


def _steps(evidence: Evidence) -> Iterator[Candidate]:
    heard = _heard(evidence)
    if len(heard.hits) < LEAST_HITS:
        return
    found = list(_unlike_others(evidence, heard))
    yield from found
    for one in _not_followed(evidence, heard):
        if all(one.time > (other.end_time or other.time) or (one.end_time or one.time) < other.time for other in found):
            yield one


def _not_followed(evidence: Evidence, heard: _Heard) -> Iterator[Candidate]:
    """Stretches that begin where most other difficulties change their volume and this one does not, whatever the levels: a difficulty
    that is louder throughout has the same steps."""
    volumes, _ = heard.sides[1]
    count = volumes.shape[1]
    if not count:
        return
    of_own, of_others = np.diff(heard.own), np.diff(volumes, axis=0)
    middle = np.sort(volumes, axis=1)[:, (count - 1) // 2]
    off = heard.own - middle
    off -= median(off)
    for sign in (-1, 1):
        many = (sign * of_others >= OTHER_VOLUME).sum(axis=1)
        odds = log_odds(many, count - many)
        # Where the others come back from such a step, nothing is missing.
        goes_off = -sign * off[1:] >= np.abs(off[:-1]) + OTHER_VOLUME / 2
        for before in np.flatnonzero((odds > 0) & (sign * of_own < OTHER_VOLUME / 2) & goes_off).tolist():
            start = before + 1
            ends = (heard.own[start:] != heard.own[start]) | (
                sign * (middle[start:] - middle[start]) < -OTHER_VOLUME / 2
            )
            stop = start + int(ends.argmax()) if ends.any() else len(ends) + start
            hits = heard.hits[start:stop]
            if hits[-1].time - hits[0].time > LONGEST_MS:
                continue
            bits = float(odds[before])
            expected = heard.own[start] + middle[start] - middle[before]
            yield _of_stretch(
                evidence,
                hits,
                f"The volume stays {heard.own[start]:.0f} % here, where {many[before]} of {count} {OTHERS} become "
                f"{'louder' if sign > 0 else 'quieter'}.",
                (float(heard.own[start]), float(np.clip(expected, 0, 100))),
                measure=bits,
                bits=round(bits, 2),
                bits_of_copies=0.0,
                bits_of_difficulties=round(bits, 2),
                bits_of_song=round(-sign * float(heard.too_loud[start:stop].mean()), 2),
                begins_at_line=False,
                ends_at_line=bool(stop < len(heard.own) and heard.own[stop] != heard.own[start]),
                is_settled=False,
            )


def _unlike_others(evidence: Evidence, heard: _Heard) -> Iterator[Candidate]:
    """Stretches whose volume is not that of the copies and of the other difficulties."""
    runs = [list(run) for _, run in groupby(range(len(heard.hits)), key=heard.own.tolist().__getitem__)]
    for sign in (-1, 1):
        bits = [_bits(heard, sign, *side) for side in heard.sides]
        for run, after in pairwise([*runs, []]):
            following = float(heard.own[after[0]]) if after else None
            found = [
                _step(evidence, heard, np.array(run[start:stop]), sign, bits, (start == 0, stop == len(run)), following)
                for start, stop in parts([side[run] for side in bits])
            ]
            yield from apart([one for one in found if one is not None])


def _bits(heard: _Heard, sign: int, seen: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(n_hits,) bits by which hits are louder (`sign` 1) or quieter than others."""
    more = sign * (heard.own[:, None] - seen)
    return bits_of((more >= OTHER_VOLUME) & valid, (np.abs(more) <= SAME_VOLUME) & valid)


def _step(
    evidence: Evidence,
    heard: _Heard,
    inside: np.ndarray,
    sign: int,
    bits: Sequence[np.ndarray],
    at_lines: tuple[bool, bool],
    following: float | None,
) -> Candidate | None:
    """The candidate of one stretch; None if the evidence is weak.

    Args:
        evidence: of the map.
        heard: its hits.
        inside: numbers of the hits of the stretch.
        sign: 1 if they are louder than others, -1 if quieter.
        bits: of each hit, by the copies and by the other difficulties.
        at_lines: whether a line sets the volume where it begins, and where it ends.
        following: the volume under the next line.
    """
    hits, own = [heard.hits[number] for number in inside.tolist()], float(heard.own[inside[0]])
    first, last = hits[0], hits[-1]
    of_copies, of_others = totals(bits, inside)
    expected = _expected(heard, inside, sign)
    is_settled = at_lines[1] and following is not None and abs(following - expected) <= SAME_VOLUME
    total = of_copies + of_others + LATE_BITS * is_settled - DOUBT_OF_LINE * all(at_lines)
    if total < LEAST_BITS or last.time - first.time > LONGEST_MS:
        return None
    like = "" if all(at_lines) else ", as those after" if at_lines[0] else ", as those before"
    many = "This hit has" if len(hits) == 1 else f"{counted(len(hits), 'hit')} from here on have"
    return _of_stretch(
        evidence,
        hits,
        f"{many} {own:.0f} % volume{like}; {_levels_elsewhere(heard, inside, sign, (of_copies, of_others))} "
        f"here{', as the next line sets' if is_settled else ''}.",
        (own, expected),
        measure=total,
        curve="whole line" if all(at_lines) else "",
        bits=round(total, 2),
        bits_of_copies=round(of_copies, 2),
        bits_of_difficulties=round(of_others, 2),
        bits_of_song=round(sign * float(heard.too_loud[inside].mean()), 2),
        begins_at_line=at_lines[0],
        ends_at_line=at_lines[1],
        is_settled=is_settled,
    )


def _of_stretch(
    evidence: Evidence, hits: Sequence[Hit], message: str, volumes: tuple[float, float], **details: Any
) -> Candidate:
    """The candidate of a stretch of hits, with its volume and the expected one."""
    first, last = hits[0], hits[-1]
    return candidate(
        STEP,
        time=first.time,
        end_time=last.time if len(hits) > 1 else None,
        line=first.point.line,
        objects=objects_of(hits),
        actual=f"{volumes[0]:.0f} %",
        expected=[Expected(f"{volumes[1]:.0f} %")],
        message=message,
        hits=len(hits),
        **details,
        **where(evidence, first.time, last.time),
    )


def _levels_elsewhere(heard: _Heard, inside: np.ndarray, sign: int, bits: Sequence[float]) -> str:
    """As in "most similar measures and other difficulties have 60 %", or "most similar measures have 60 %, most other difficulties
    75 %", of those sides that differ by more than a few bits."""
    sides = [
        (what, _expected(heard, inside, sign, side))
        for what, side, of_side in zip((MEASURES, OTHERS), range(2), bits, strict=True)
        if of_side > LEAST_BITS / 2
    ]
    if not sides:
        return f"most others have {_expected(heard, inside, sign):.0f} %"
    if len(sides) > 1 and abs(sides[0][1] - sides[1][1]) <= SAME_VOLUME:
        return f"most {MEASURES} and {OTHERS} have {_expected(heard, inside, sign):.0f} %"
    (first, volume), *more = sides
    return f"most {first} have {volume:.0f} %" + "".join(f", most {what} {other:.0f} %" for what, other in more)


def _expected(heard: _Heard, inside: np.ndarray, sign: int, side: int | None = None) -> float:
    """The median volume of the others that differ; with `side`, of the copies (0) or of the other difficulties (1) alone."""
    own = heard.own[inside][:, None]
    values = [
        seen[inside][valid[inside] & (sign * (own - seen[inside]) >= OTHER_VOLUME)]
        for seen, valid in (heard.sides if side is None else heard.sides[side : side + 1])
    ]
    return median(np.concatenate(values))


# ---------------------------------------------------------------------------------------------------------------------
# Lines that are a beat late


def _late(evidence: Evidence) -> Iterator[Candidate]:
    """Changes of volume that would be at a more usual place a beat earlier."""
    steps = _changes(evidence.beatmap)
    if len(steps) < LEAST_STEPS:
        return
    grid, times = evidence.passages.cells.grid, np.array([point.time for _, point in steps])
    inside, measure = grid.measure_ticks(grid.ticks(times))
    earlier = (inside - TICKS_PER_BEAT) % measure
    ordered = np.sort(inside)
    here, there = (
        np.searchsorted(ordered, places, side="right") - np.searchsorted(ordered, places)
        for places in (inside, earlier)
    )
    beats = np.array([evidence.beatmap.red_line_of(time).beat_length for time in times.tolist()])
    flags = np.array([o.time for o in evidence.objects_by_time if o.new_combo])
    combos = are_near(times - beats, flags, NEAR_MS).astype(float) - are_near(times, flags, NEAR_MS)
    of_map = log_odds(there, here - 1) + BITS_OF_COMBO * combos
    others = [np.array([point.time for _, point in _changes(other)]) for other in others_of(evidence)]
    at_both = [
        sum((are_near(at, other, NEAR_MS) for other in others), np.zeros(len(at), int)) for at in (times - beats, times)
    ]
    of_others = log_odds(*at_both)
    for number, (before, point) in enumerate(steps):
        bits = float(of_map[number] + of_others[number])
        first = int(np.searchsorted(evidence.object_times, point.time - beats[number] - SAME_MS))
        objects = [o for o in evidence.objects_by_time[first : first + SHOWN_OBJECTS] if o.time < point.time - SAME_MS]
        if bits < LEAST_LATE_BITS or not objects or point.uninherited:
            continue
        yield candidate(
            LATE,
            time=objects[0].time,
            line=point.line,
            objects=objects,
            measure=bits,
            actual=f"{before.volume} %",
            expected=[Expected(f"{point.volume} %")],
            message=f"The volume changes from {before.volume} to {point.volume} % a beat after this {noun(evidence.beatmap)}; "
            f"{_places(int(there[number]), int(here[number]) - 1, int(at_both[0][number]), len(others))}.",
            bits=round(bits, 2),
            bits_of_map=round(float(of_map[number]), 2),
            bits_of_difficulties=round(float(of_others[number]), 2),
            on_downbeat=bool(earlier[number] == 0),
        )


def _places(there: int, here: int, of_others: int, others: int) -> str:
    """Where the map and the other difficulties change the volume, in words: at an object, and a beat after it."""
    usual = f"{counted(there, 'other change')} of the map {'is' if there == 1 else 'are'} on this beat of the measure, {here or 'none'} on the next"
    return f"{usual}, and {of_others} of {others} {OTHERS} change it here" if of_others else usual


def _changes(beatmap: Beatmap) -> list[tuple[TimingPoint, TimingPoint]]:
    """(line before, line) of the changes of volume that are heard."""
    return [pair for pair in pairwise(_levels(beatmap)) if abs(pair[1].volume - pair[0].volume) >= OTHER_VOLUME]


# ---------------------------------------------------------------------------------------------------------------------
# Ramps


def _out_of_ramps(evidence: Evidence) -> Iterator[Candidate]:
    lines = _levels(evidence.beatmap)
    found = [(place, *ramp) for place in range(1, len(lines) - 1) for ramp in _ramp_around(lines, place)]
    others = others_of(evidence)
    for place, sign, ramp, fits in found:
        before, own, after = (line.volume for line in lines[place - 1 : place + 2])
        start, end = lines[place].time, lines[place + 1].time
        first, last = np.searchsorted(evidence.object_times, [start - HITSOUND_LENIENCY_MS, end])
        objects = evidence.objects_by_time[int(first) : int(last)]
        if not objects:
            continue
        there = np.array([_volumes(other, np.array([start]))[0] for other in others])
        same = np.abs(there - own) <= SAME_LEVEL
        inside = (there >= min(before, after) - SAME_LEVEL) & (there <= max(before, after) + SAME_LEVEL) & ~same
        of_others = float(log_odds(inside.sum(), same.sum()))
        bits = ramp + of_others + (BITS_OF_STEP if fits else -BITS_OF_STEP) - BITS_OF_ANOTHER * math.log2(len(found))
        yield candidate(
            OUT_OF_RAMP,
            time=start,
            end_time=end,
            line=lines[place].line,
            objects=objects[:SHOWN_OBJECTS],
            measure=bits,
            actual=f"{own} %",
            expected=[Expected(f"{min(before, after)} to {max(before, after)} %")],
            message=f"The volume {'rises' if sign > 0 else 'falls'} from {before} to {after} % {_around(lines, place, ramp)}, but "
            f"this line sets {own} %.",
            lines_of_ramp=ramp,
            bits=round(bits, 2),
            bits_of_copies=float(ramp),
            bits_of_difficulties=round(of_others, 2),
            begins_at_line=True,
            ends_at_line=True,
            is_settled=False,
            **where(evidence, start, end),
        )


def _around(lines: Sequence[TimingPoint], place: int, ramp: int) -> str:
    """Where the volume rises or falls around a line: a ramp is heard as one if its lines are close together."""
    gaps = [after.time - before.time for before, after in pairwise(lines[place - 1 : place + 2])]
    if max(gaps) <= STEP_MS:
        return f"here in a ramp of {ramp} lines"
    return f"from the line before to the one after, {sum(gaps) / 1000:.0f} s apart"


def _ramp_around(lines: Sequence[TimingPoint], place: int) -> Iterator[tuple[int, int, bool]]:
    """The direction and the number of the lines that a line is out of, if it is out of a ramp, and whether one step of them is
    missing there."""
    before, own, after = (line.volume for line in lines[place - 1 : place + 2])
    is_between = min(before, after) <= own <= max(before, after)
    if before == after or is_between or lines[place + 1].time - lines[place].time > LONGEST_MS:
        return
    sign = 1 if after > before else -1
    earlier = _ramp(lines[max(place - MOST_RAMP, 0) : place][::-1], -sign)
    later = _ramp(lines[place + 1 : place + 1 + MOST_RAMP], sign)
    if len(earlier) >= 2 and len(earlier) + len(later) >= LEAST_RAMP:
        step = median([abs(b - a) for side in (earlier, later) for a, b in pairwise(side)])
        yield sign, min(len(earlier) + len(later), MOST_RAMP), abs(abs(after - before) - 2 * step) <= step / 2


def _levels(beatmap: Beatmap) -> list[TimingPoint]:
    """The lines that change the volume, the last of each time."""
    points = beatmap.sorted_timing_points
    last = [point for point, after in pairwise([*points, None]) if point and (after is None or after.time > point.time)]
    return [next(run) for _, run in groupby(last, key=lambda point: point.volume)]


def _ramp(lines: Sequence[TimingPoint], sign: int) -> list[int]:
    """The volumes of the first lines, as long as they rise (`sign` 1) or fall in small steps. Backwards the last may have begun long
    ago: it is the level before the ramp."""
    volumes = [line.volume for line in lines[:1]]
    for one, other in pairwise(lines):
        is_far = abs(other.time - one.time) > STEP_MS
        if not 0 < sign * (other.volume - one.volume) <= RAMP_STEP or (is_far and other.time > one.time):
            break
        volumes.append(other.volume)
        if is_far:
            break
    return volumes


CHECK = BeatmapCheck(Category.HITSOUNDS, "Changes of volume", (STEP, LATE, OUT_OF_RAMP), run)
