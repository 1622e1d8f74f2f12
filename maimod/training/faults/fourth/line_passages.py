"""Planted mistakes of passages and of all their lines: objects pasted without the green lines of their original, several lines
selected and given one value, a passage reversed in time, kiai that goes on only to a line inside the chorus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_MANIA, PLAYFIELD_MODES, SCROLLING_MODES, Beatmap, HitObject, TimingPoint
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    has_copy,
    has_red_line,
    in_turn,
    on_downbeat,
    over,
    rebuild,
    starting_in,
    stretches,
)
from maimod.training.faults.passage_lines import (
    LEAST_FACTOR,
    LEAST_STEP,
    LONGEST_KIAI_MS,
    LONGEST_LINE_MS,
    kiai_changed,
    with_ends,
)
from maimod.training.faults.passages import LEAST_CHANGED, is_closed, pasted, ticks_of
from maimod.training.faults.paths import backwards, is_whole

LEAST_LINES = 3
SELECTED_LINES = 4
LEAST_OTHER = 2
"""Of the selected lines, those that had clearly another value."""


def _set_by_line(beatmap: Beatmap, o: HitObject) -> tuple[float, ...]:
    """What the line in force sets that an object shows: velocity of sliders and scrolling notes; volume, sample set and index if
    the object has none of its own."""
    point, sample = beatmap.timing_point_at(o.time), o.sample
    shows_velocity = o.slider is not None or beatmap.mode in SCROLLING_MODES
    return (
        point.velocity if shows_velocity else 1.0,
        sample.volume or point.volume,
        sample.normal_set or point.sample_set,
        sample.index or point.sample_index,
    )


def shown_by(good: Beatmap, changed: Beatmap, inside: list[HitObject]) -> int:
    """Number of objects that show that the lines in force are others."""
    return sum(_set_by_line(good, o) != _set_by_line(changed, o) for o in inside)


def fits(good: Beatmap, changed: Beatmap) -> bool:
    """Whether no slider lasts longer than before and until the next object, which mappers see."""
    return all(
        after.end_time <= before.end_time or after.end_time + CLEAR_GAP_MS <= following.time
        for before, (after, following) in zip(good.hit_objects, pairwise(changed.hit_objects), strict=False)
    )


def _lines_not_copied(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The green lines of four measures are missing, as after a paste, which takes only objects along: the line before is in force up to
    the next one after the passage."""
    points = beatmap.sorted_timing_points
    for start, end in best_in_turn(random, stretches(beatmap, 4), lambda place: has_copy(beatmap, *place)):
        lines = [point for point in points if start - SAME_MS <= point.time < end - SAME_MS]
        after = next((point for point in points if point.time >= end - SAME_MS), None)
        before = beatmap.timing_point_at(start - 2 * SAME_MS)
        if (
            len(lines) < LEAST_LINES
            or any(point.uninherited for point in lines)
            or before.time >= start - SAME_MS
            or after is None
            or after.time > end + (end - start) / 4
            or any(point.kiai is not before.kiai for point in lines)
        ):
            continue
        kept = [point for point in beatmap.timing_points if not any(point is line for line in lines)]
        changed = rebuild(beatmap, timing_points=kept)
        inside = starting_in(beatmap, start, after.time)
        if shown_by(beatmap, changed, inside) >= LEAST_CHANGED and fits(beatmap, changed):
            return with_ends(over(changed, start, after.time, f"{len(lines)} green lines of a passage missing"))
    return None


def lines_in_a_row(
    beatmap: Beatmap, random: Generator, count: int
) -> Iterator[tuple[TimingPoint, Sequence[TimingPoint], float]]:
    """(line before, lines, time of the next one in ms) of `count` green lines that follow each other, alone at their times and together
    not in force for long; in a random order."""
    points = beatmap.sorted_timing_points
    for i in in_turn(random, range(1, len(points) - count)):
        lines, until = points[i : i + count], points[i + count].time
        if (
            not any(line.uninherited for line in lines)
            and all(b.time - a.time >= SAME_MS for a, b in pairwise(points[i - 1 : i + count + 1]))
            and until - lines[0].time <= LONGEST_LINE_MS
        ):
            yield points[i - 1], lines, until


def _levelled(
    is_other: Callable[[TimingPoint, TimingPoint], bool],
    with_value_of: Callable[[TimingPoint, TimingPoint], TimingPoint],
    note: str,
    beatmap: Beatmap,
    random: Generator,
    envelope: Envelope,
) -> Planted | None:
    """Green lines that follow each other have the value of one of them, given to all while they were selected together.

    Args:
        is_other: whether the values of two lines differ clearly.
        with_value_of: the first line with the value of the second.
        note: what is done.
        beatmap, random, envelope: as in :meth:`Fault.inject`.
    """
    for _, lines, until in lines_in_a_row(beatmap, random, SELECTED_LINES):
        models = [model for model in lines if sum(is_other(line, model) for line in lines) >= LEAST_OTHER]
        if not models:
            continue
        model = models[int(random.integers(len(models)))]
        new = {id(line): with_value_of(line, model) for line in lines}
        changed = rebuild(beatmap, timing_points=[new.get(id(point), point) for point in beatmap.timing_points])
        inside = starting_in(beatmap, lines[0].time, until)
        if shown_by(beatmap, changed, inside) >= LEAST_OTHER and fits(beatmap, changed):
            return with_ends(over(changed, lines[0].time, until, f"{note} of {SELECTED_LINES} lines are one"))
    return None


def volume_of(line: TimingPoint, model: TimingPoint) -> TimingPoint:
    return replace(line, volume=model.volume)


def is_louder_or_quieter(one: TimingPoint, other: TimingPoint) -> bool:
    return abs(one.volume - other.volume) >= LEAST_STEP


def velocity_of(line: TimingPoint, model: TimingPoint) -> TimingPoint:
    return replace(line, beat_length=model.beat_length)


def is_faster_or_slower(one: TimingPoint, other: TimingPoint) -> bool:
    factor = one.velocity / other.velocity
    return max(factor, 1 / factor) >= LEAST_FACTOR


def _turned_round(o: HitObject) -> HitObject | None:
    """A slider from its end to its head, with its sounds; None if its path goes on far beyond its end or not so far. Other objects
    as they are."""
    if o.slider is None:
        return o
    if o.slider.segment_types or not is_whole(o.slider):
        return None
    turned = backwards(o)
    assert turned.slider is not None
    sounds, sets = turned.slider.edge_sounds[::-1], turned.slider.edge_sets[::-1]
    return replace(turned, slider=replace(turned.slider, edge_sounds=sounds, edge_sets=sets))


def _passage_reversed(measures: int, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """All objects of a passage reversed in time, as a key of the editor does: the last comes first, and sliders begin where they
    ended. The new combos stay where they were."""
    for start, end in best_in_turn(random, stretches(beatmap, measures, 3), lambda place: has_copy(beatmap, *place)):
        if not is_closed(beatmap, start, end):
            continue
        inside = starting_in(beatmap, start, end)
        first, last = inside[0].time, max(o.end_time for o in inside)
        turned = [_turned_round(o) for o in inside] if beatmap.mode in PLAYFIELD_MODES else inside
        if has_red_line(beatmap, first, last):
            continue
        new = [
            replace(o, time=float(round(first + last - o.end_time)), end_time=first + last - o.time)
            for o in turned[::-1]
            if o is not None
        ]
        new = sorted(new, key=lambda o: o.time)
        if len(new) < len(inside) or len({beatmap.velocity_at(o.time) for o in (*inside, *new)}) > 1:
            continue
        new = [
            replace(o, new_combo=old.new_combo, combo_skip=old.combo_skip) for o, old in zip(new, inside, strict=True)
        ]
        planted = pasted(beatmap, start, end, new, "objects of a passage reversed in time")
        if len(ticks_of(beatmap, start, end) ^ ticks_of(planted.beatmap, start, end)) >= LEAST_CHANGED:
            return planted
    return None


def _kiai_cut(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Kiai goes on only to a line inside the chorus: that one and those after it were made without."""
    lines = [
        (point, after.time)
        for first, after in beatmap.kiai_sections
        if after is not None
        for point in beatmap.sorted_timing_points
        if first.time < point.time < after.time and not point.uninherited and on_downbeat(beatmap, point.time)
        for measure in [beatmap.red_line_of(point.time).beat_length * beatmap.red_line_of(point.time).meter]
        if point.time - first.time >= 2 * measure - SAME_MS and after.time - point.time >= 2 * measure - SAME_MS
    ]
    for point, end in in_turn(random, lines):
        alone = sum(abs(other.time - point.time) < SAME_MS for other in beatmap.timing_points) == 1
        if alone and end - point.time <= LONGEST_KIAI_MS and starting_in(beatmap, point.time, end):
            note = f"kiai ends at {point.time:.0f} in place of {end:.0f} ms"
            return kiai_changed(beatmap, point.time, end, False, note)
    return None


_V, _S, _R, _H = Category.SCROLL_SPEED, Category.SLIDERS, Category.RHYTHM, Category.HITSOUNDS
FAULTS: tuple[Fault, ...] = (
    Fault("lines-not-copied", "4 measures", (_H, _V, _S), ALL_MODES, _lines_not_copied),
    Fault("volumes-levelled", "", (_H,), ALL_MODES, partial(_levelled, is_louder_or_quieter, volume_of, "volumes")),
    Fault(
        "velocities-levelled",
        "",
        (_V, _S, _R),
        ALL_MODES,
        partial(_levelled, is_faster_or_slower, velocity_of, "velocities"),
    ),
    *(
        Fault(
            "passage-reversed",
            f"{measures} measure{'s' if measures > 1 else ''}",
            (_R, _S, Category.POSITIONS),
            NOT_MANIA,
            partial(_passage_reversed, measures),
        )
        for measures in (1, 2)
    ),
    Fault("kiai-cut", "", (Category.KIAI,), ALL_MODES, _kiai_cut),
)
