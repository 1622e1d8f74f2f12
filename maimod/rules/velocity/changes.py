"""Changes of velocity that are late or missing, and stretches of another scroll speed than their copies and the other
difficulties.

As in :mod:`maimod.rules.hitsounds.volume_changes`. In osu! and catch the durations of sliders count too, and stretches under lines of their own
are :mod:`maimod.rules.passages.speeds`'. Velocities of other difficulties are compared by their steps, since an easier one is slower
throughout. Maps of taiko and mania that change the scroll speed for effect are unlike their own repeats and the easier difficulties
everywhere, so what seldom agrees says nothing there.

Figures were counted in 31 minutes of osu! and catch, 72 of taiko and 42 of mania that no network was trained on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import msgspec
import numpy as np

from maimod.features.ordered import median
from maimod.findings import Category, Expected, Severity, Tier, counted
from maimod.osu.beatmap import PLAYFIELD_MODES, SCROLLING_MODES, UNSNAP_MS, Beatmap, HitObject
from maimod.osu.names import noun
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.bundles import SHOWN_OBJECTS, strongest
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.passages.speeds import bits_of_durations
from maimod.rules.stretches import (
    LEAST_BITS,
    LONGEST_MS,
    apart,
    bits_of,
    in_force,
    names,
    others_of,
    parts,
    totals,
    where,
)

SLIDER_CURVE, SCROLL_CURVE = Curve(14.0, 3.0, highest=0.29), Curve(11.0, 2.0, highest=0.29)
"""Of bits. Not listed without the judge: durations are often odd, and some maps change their speed all the time. Stretches of sliders
with 8 bits are 0.5 a minute, and 38 % of the planted lines that were lost; of scroll speeds those with 4 bits are 0.3 a minute in taiko
and 0.1 in mania, and 85 and 91 % of the planted measures of another speed."""

SLIDER_STEP = Rule(
    "sliders/velocity-step",
    "Change of slider velocity that is late or missing",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="Sliders that keep the velocity of the section before are too slow or too fast for theirs, and end at other times.",
    how="Several sliders under one velocity, but not all, have durations that are rare in the map, or other velocities at the same "
    "place of measures with the same rhythm and in the other difficulties.",
    advice="Should a line change the velocity here?",
    ignore_when="the song has longer or shorter sounds here",
    blind_spots="Lines without sliders; passages that occur once, in sets of one difficulty.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Slider",
    modes=PLAYFIELD_MODES,
    curves={"": SLIDER_CURVE},
    corruptions=("length", "shape"),
)
SCROLL_STRETCH = Rule(
    "scroll-speed/stretch",
    "Stretch of another scroll speed than its copies",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="A stretch that scrolls faster or slower than when it comes again usually lies under a mistyped line, or lacks one.",
    how="The scroll speeds of notes in a row are compared with those at the same place of measures with the same rhythm, and with the "
    "steps of the other difficulties; with either only where most notes agree, in the map or around.",
    advice="Check the velocity of the green lines here.",
    ignore_when="the song is calmer or stronger here",
    blind_spots="Changes by less than 7 %; passages that occur once, in sets of one difficulty; maps that change the speed all the time.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko",
    modes=SCROLLING_MODES,
    curves={"": SCROLL_CURVE},
    corruptions=("velocity",),
)

OTHER_VELOCITY, SAME_VELOCITY = 0.095, 0.03
"""Octaves: 7 and 2 %."""
BITS_OF_ANOTHER = 4.0
"""Bits against a slip for each doubling of the stretches with the same velocity and length."""
LEAST_OBJECTS = 4
SAME_MS = 2.0
AROUND, LEAST_AGREEMENT = 64, 0.6
"""Notes on either side, and the share of these that scroll as fast as their copies, or as in another difficulty: with less, these do not
count; with more, they count the more, fully where all agree. In 15 ranked taiko maps that change their speed 51 to 90 % of all notes agree
with their copies, and with another difficulty 2 to 76 % in 29 of 33 pairs; counting them gave 0.8 stretches with 4 bits a minute in taiko, and
as many planted measures of another speed."""


class _Objects(msgspec.Struct, frozen=True):
    """Sliders, or moments with notes."""

    objects: list[HitObject]
    speeds: np.ndarray
    """(n_objects,) of each."""
    sides: tuple[tuple[np.ndarray, np.ndarray], ...]
    """Octaves (n_objects, n_others) by which each is faster than the copies and the other difficulties, and whether there is one."""
    trust: tuple[np.ndarray, ...]
    """(n_objects,) in how far the copies, and the other difficulties, count; 0 to 1."""
    durations: np.ndarray
    """(n_objects,) bits; zeros for notes."""


def run_sliders(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode in SLIDER_STEP.modes:
        yield from _run(evidence)


def run_notes(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode in SCROLL_STRETCH.modes:
        yield from _run(evidence)


def _run(evidence: Evidence) -> Iterator[Candidate]:
    if not evidence.beatmap.hit_objects or not evidence.passages.cells.count:
        return
    found = _objects(evidence)
    if found is not None:
        yield from strongest(_once(list(apart(list(_steps(evidence, found))))))


def _is_scrolling(beatmap: Beatmap) -> bool:
    return beatmap.mode in SCROLL_STRETCH.modes


def _objects(evidence: Evidence) -> _Objects | None:
    beatmap, passages = evidence.beatmap, evidence.passages
    objects = [o for o in evidence.objects_by_time if o.slider is not None or _is_scrolling(beatmap)]
    times = np.array([o.time for o in objects])
    if _is_scrolling(beatmap) and objects:
        first = np.diff(times, prepend=-np.inf) > SAME_MS
        objects, times = [o for o, is_first in zip(objects, first.tolist(), strict=True) if is_first], times[first]
    if len(objects) < LEAST_OBJECTS:
        return None
    own, cells = _speeds(beatmap, times), passages.cells.of(times)
    there = passages.copies_of(cells)
    at_copies = _speeds(beatmap, passages.cells.times(np.maximum(there, 0)).ravel()).reshape(there.shape)
    of_copies = np.log2(own[:, None] / at_copies)
    siblings = [np.log2(own / _speeds(other, times)) for other in others_of(evidence)]
    of_others = np.stack(siblings, axis=1) if siblings else np.zeros((len(times), 0))
    of_others -= np.array([median(column) for column in of_others.T])
    in_copies = (there >= 0) & passages.in_copies("head", cells)[0]
    if _is_scrolling(beatmap):
        in_copies &= ~_by_tempo_alone(beatmap, times, passages.cells.times(np.maximum(there, 0)), of_copies)
    in_others, trust = np.ones(of_others.shape, dtype=bool), (np.ones(len(times)), np.ones(len(times)))
    if _is_scrolling(beatmap):
        each = [_trust(column[:, None], in_others[:, :1]) for column in of_others.T]
        of_each = np.stack(each, axis=1) if each else np.zeros(of_others.shape)
        in_others = of_each > 0
        trust = _trust(of_copies, in_copies), of_each.max(axis=1, initial=0.0)
    return _Objects(
        objects,
        own,
        ((of_copies, in_copies), (of_others, in_others)),
        trust,
        np.zeros(len(objects)) if _is_scrolling(beatmap) else bits_of_durations(passages, objects),
    )


def _by_tempo_alone(beatmap: Beatmap, times: np.ndarray, copies: np.ndarray, octaves: np.ndarray) -> np.ndarray:
    """(n_objects, n_copies) whether a note scrolls at another speed than its copy under the same velocity: another tempo says nothing
    about the green lines.

    Args:
        beatmap: with the lines.
        times: (n_objects,) of the notes, ms.
        copies: (n_objects, n_copies) times of the copies, ms.
        octaves: (n_objects, n_copies) by which the notes are faster.
    """
    lines = beatmap.sorted_timing_points
    own, there = (in_force(lines, at + UNSNAP_MS, lambda point: point.velocity) for at in (times, copies.ravel()))
    return np.asarray(
        (np.abs(octaves) > SAME_VELOCITY)
        & (np.abs(np.log2(own[:, None] / there.reshape(copies.shape))) <= SAME_VELOCITY)
    )


def _trust(octaves: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """(n_objects,) 0 to 1, by the share of the notes around that scroll as fast as half of the others that there are, or more.

    Args:
        octaves: (n_objects, n_others) by which each note is faster.
        valid: (n_objects, n_others) whether there is one.
    """
    count = valid.sum(axis=1)
    same = ((np.abs(octaves) <= SAME_VELOCITY) & valid).sum(axis=1)
    agrees = np.concatenate([[0.0], np.cumsum((count > 0) & (2 * same >= count))])
    known = np.concatenate([[0.0], np.cumsum(count > 0)])
    at = np.arange(len(count))
    first, last = np.maximum(at - AROUND, 0), np.minimum(at + AROUND + 1, len(count))
    around = (agrees[last] - agrees[first]) / np.maximum(known[last] - known[first], 1.0)
    agreed = np.maximum(around, agrees[-1] / max(known[-1], 1.0))
    return np.asarray(np.maximum(agreed - LEAST_AGREEMENT, 0.0) / (1.0 - LEAST_AGREEMENT))


def _speeds(beatmap: Beatmap, times: np.ndarray) -> np.ndarray:
    """(n_times,) velocities at times [ms]; in taiko and mania with the tempo, as notes scroll."""
    at = times + UNSNAP_MS
    found = in_force(beatmap.sorted_timing_points, at, lambda point: point.velocity)
    if _is_scrolling(beatmap):
        found = found / in_force(beatmap.red_lines, at, lambda line: max(line.beat_length, 1.0))
    return np.maximum(found, 1e-6)


def _steps(evidence: Evidence, found: _Objects) -> Iterator[Candidate]:
    scrolls = _is_scrolling(evidence.beatmap)
    levels = np.round(np.log2(found.speeds), 3).tolist()
    runs = [list(run) for _, run in groupby(range(len(levels)), key=levels.__getitem__)]
    for sign in (-1, 1):
        bits = [
            trust * bits_of((sign * octaves >= OTHER_VELOCITY) & valid, (np.abs(octaves) <= SAME_VELOCITY) & valid)
            for (octaves, valid), trust in zip(found.sides, found.trust, strict=True)
        ]
        bits += [] if scrolls else [found.durations]
        for run in runs:
            stretches = parts([side[run] for side in bits])
            chosen = [(start, stop) for start, stop in stretches if scrolls or stop - start < len(run)]
            steps = [
                _step(evidence, found, np.array(run[start:stop]), sign, bits, (start == 0, stop == len(run)))
                for start, stop in chosen
            ]
            yield from apart([one for one in steps if one is not None])


def _once(found: Sequence[Candidate]) -> Iterator[Candidate]:
    """The candidates, weaker where others of the map are alike: an effect that is used again."""
    shapes = [(one.actual, one.numbers["beats"]) for one in found]
    counts = Counter(shapes)
    for one, shape in zip(found, shapes, strict=True):
        bits = (one.measure or 0.0) - BITS_OF_ANOTHER * math.log2(counts[shape])
        if bits >= LEAST_BITS:
            yield replace(one, measure=bits, numbers={**one.numbers, "bits": round(bits, 2)})


def _step(
    evidence: Evidence,
    found: _Objects,
    inside: np.ndarray,
    sign: int,
    bits: Sequence[np.ndarray],
    at_lines: tuple[bool, bool],
) -> Candidate | None:
    """The candidate of one stretch; None if the evidence is weak.

    Args:
        evidence: of the map.
        found: its objects.
        inside: numbers of the objects of the stretch.
        sign: 1 if they are faster than others, -1 if slower.
        bits: of each object, by the copies, by the other difficulties, and of sliders by their durations.
        at_lines: whether a line sets the velocity where it begins, and where it ends.
    """
    beatmap, objects = evidence.beatmap, [found.objects[number] for number in inside.tolist()]
    of_copies, of_others, *of_durations = totals(bits, inside)
    total = of_copies + of_others + sum(of_durations)
    first, last = objects[0], objects[-1]
    if total < LEAST_BITS or last.time - first.time > LONGEST_MS:
        return None
    scrolls = _is_scrolling(beatmap)
    name = noun(beatmap) if scrolls else "slider"
    many = f"This {name}" if len(objects) == 1 else f"{counted(len(objects), name)} from here on"
    velocity = beatmap.velocity_at(first.time + UNSNAP_MS)
    alone = all(at_lines)
    like = "" if alone else f", as those {'after' if at_lines[0] else 'before'}"
    who = names(of_copies, of_others)
    why = (
        f"where {who} {'scroll' if scrolls else 'are'} {'slower' if sign > 0 else 'faster'}"
        if scrolls or max(of_copies, of_others) > LEAST_BITS / 2
        else "with durations that are rare in the map"
    )
    does = ("scrolls" if len(objects) == 1 else "scroll") if scrolls else ("has" if len(objects) == 1 else "have")
    return candidate(
        SCROLL_STRETCH if scrolls else SLIDER_STEP,
        time=first.time,
        end_time=last.end_time if len(objects) > 1 else None,
        line=beatmap.timing_point_at(first.time + UNSNAP_MS).line,
        objects=objects[:SHOWN_OBJECTS],
        measure=total,
        actual=f"{velocity:.2f}x",
        expected=[Expected("slower" if sign > 0 else "faster")] if max(of_copies, of_others) > 0 else [],
        message=f"{many} {does} {'at ' * scrolls}{velocity:.2f}x{' velocity' * (not scrolls)}{like}, {why}.",
        stretch_objects=len(objects),
        bits=round(total, 2),
        bits_of_copies=round(of_copies, 2),
        bits_of_difficulties=round(of_others, 2),
        bits_of_durations=round(sum(of_durations), 2),
        begins_at_line=at_lines[0],
        ends_at_line=at_lines[1],
        **where(evidence, first.time, last.time),
    )


SLIDER_CHECK = BeatmapCheck(Category.SLIDERS, "Changes of velocity", (SLIDER_STEP,), run_sliders)
SCROLL_CHECK = BeatmapCheck(Category.SCROLL_SPEED, "Stretches of scroll speed", (SCROLL_STRETCH,), run_notes)
