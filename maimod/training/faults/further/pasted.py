"""Planted mistakes of copying: a measure pasted from another place, or its halves in the wrong order."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, Beatmap, HitObject, Mode
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    has_copy,
    in_turn,
    moved_in_time,
    rows_of,
    starting_in,
    stretches,
)
from maimod.training.faults.passages import LEAST_CHANGED, SOURCES_TRIED, is_closed, pasted, ticks_of


def _from_elsewhere(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure has the objects of another one with another rhythm, although it is the same as one close to it."""
    measures = [place for place in stretches(beatmap, 1, 3) if is_closed(beatmap, *place)]
    for start, end in best_in_turn(random, measures, lambda place: has_copy(beatmap, *place)):
        own = ticks_of(beatmap, start, end)
        for other, other_end in list(in_turn(random, measures))[:SOURCES_TRIED]:
            by = start - other
            inside = starting_in(beatmap, other, other_end)
            if (
                abs(other_end - other - (end - start)) < SAME_MS
                and len(own ^ ticks_of(beatmap, other, other_end)) >= LEAST_CHANGED
                and all(beatmap.velocity_at(o.time) == beatmap.velocity_at(o.time + by) for o in inside)
            ):
                new = [moved_in_time(o, float(round(by))) for o in inside]
                return pasted(beatmap, start, end, new, f"measure pasted from {other:.0f} ms")
    return None


def _halves_exchanged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The two halves of a measure of four beats in the wrong order."""
    for start, end in best_in_turn(random, stretches(beatmap, 1, 3), lambda place: has_copy(beatmap, *place)):
        half = (end - start) / 2
        parts = [(start, start + half), (start + half, end)]
        if (
            beatmap.red_line_of(start).meter != 4
            or not all(starting_in(beatmap, *part) and is_closed(beatmap, *part) for part in parts)
            or len(ticks_of(beatmap, *parts[0]) ^ ticks_of(beatmap, *parts[1])) < LEAST_CHANGED - 1
            or len({beatmap.velocity_at(o.time) for o in starting_in(beatmap, start, end)}) > 1
            or beatmap.velocity_at(start) != beatmap.velocity_at(end - SAME_MS)
        ):
            continue
        first, second = (starting_in(beatmap, *part) for part in parts)
        new = [moved_in_time(o, float(-round(half))) for o in second]
        new += [moved_in_time(o, float(round(half))) for o in first]
        new = [replace(o, new_combo=is_flagged) for o, is_flagged in zip(new, _flags(first, second), strict=True)]
        if all(b.time - a.end_time >= CLEAR_GAP_MS or beatmap.mode is Mode.MANIA for a, b in pairwise(new)):
            return pasted(beatmap, start, end, new, "halves of a measure in the wrong order")
    return None


def _flags(first: list[HitObject], second: list[HitObject]) -> list[bool]:
    """New combos of the halves in the wrong order: the measure still begins with the flag that it began with."""
    flags = [o.new_combo for o in (*second, *first)]
    flags[0], flags[len(second)] = flags[len(second)], flags[0]
    return flags


def _repeated_too_often(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure is pasted again over the next one, which has another rhythm."""
    measures = {round(start): (start, end) for start, end in stretches(beatmap, 1, 3)}
    pairs = [
        ((start, end), measures[round(end) + late])
        for start, end in measures.values()
        for late in (-1, 0, 1)
        if round(end) + late in measures
    ]
    for source, (start, end) in best_in_turn(random, pairs, lambda pair: has_copy(beatmap, *pair[1])):
        by = start - source[0]
        inside = starting_in(beatmap, *source)
        if (
            is_closed(beatmap, *source)
            and is_closed(beatmap, start, end)
            and len(ticks_of(beatmap, start, end) ^ ticks_of(beatmap, *source)) >= LEAST_CHANGED
            and all(beatmap.velocity_at(o.time) == beatmap.velocity_at(o.time + by) for o in inside)
        ):
            new = [moved_in_time(o, float(round(by))) for o in inside]
            return pasted(beatmap, start, end, new, "measure pasted over the next one")
    return None


def _grid_lost(ms: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure of objects pasted some ms off the grid."""
    by = ms if random.random() < 0.5 else -ms
    rows = rows_of(beatmap)
    for start, end in in_turn(random, stretches(beatmap, 1, 3)):
        inside = starting_in(beatmap, start, end)
        if (
            rows[0].time < start
            and is_closed(beatmap, start - 2 * ms, end)
            and all(o.end_time + by <= end - CLEAR_GAP_MS for o in inside)
            and all(beatmap.velocity_at(o.time) == beatmap.velocity_at(o.time + by) for o in inside)
        ):
            planted = pasted(beatmap, start, end, [moved_in_time(o, by) for o in inside], "")
            objects = tuple(o.index for o in inside)
            return replace(planted, objects=objects, start=start + min(by, 0), note=f"measure pasted {by:+g} ms off")
    return None


_R = (Category.RHYTHM,)
FAULTS: tuple[Fault, ...] = (
    Fault("pasted-from-elsewhere", "", _R, ALL_MODES, _from_elsewhere),
    Fault("halves-exchanged", "", _R, ALL_MODES, _halves_exchanged),
    Fault("pasted-again", "", _R, ALL_MODES, _repeated_too_often),
    # Arithmetic finds it, so it is nothing to judge: its category is one that is not.
    Fault("passage-unsnapped", "10 ms", (Category.TIMING, *_R), ALL_MODES, partial(_grid_lost, 10)),
)
