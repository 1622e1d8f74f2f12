"""Green lines and kiai: where lines change something, and maps with other lines. Times in ms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from numpy.random import Generator

from maimod.osu.beatmap import Beatmap, HitObject, TimingPoint
from maimod.training.faults.base import (
    SAME_MS,
    Envelope,
    Planted,
    green_line,
    in_turn,
    over,
    overridden,
    rebuild,
    starting_in,
    stretches,
    without_idle,
)

LONGEST_LINE_MS = 16_000.0
"""A line in force for longer is not mistyped: that would be a mistake of the whole map."""
LEAST_FACTOR = 1.15
"""Smaller steps of velocity are not seen."""
LONGEST_KIAI_MS = 60_000.0
LEAST_STEP = 12
"""Percent; smaller steps of volume are not heard."""
LEAST_SHOWN = 2
"""Objects that must show another velocity."""


def lines_of(beatmap: Beatmap) -> list[tuple[float, float]]:
    """(time, until) of the green lines that are alone at their time and soon followed by another line; without any,
    measures, in which a mistyped line can stand."""
    points = beatmap.sorted_timing_points
    found = [
        (point.time, after.time)
        for before, point, after in zip(points, points[1:], points[2:], strict=False)
        if not point.uninherited and before.time < point.time < after.time <= point.time + LONGEST_LINE_MS
    ]
    return found or stretches(beatmap, 1)


def mistyped(
    change: Callable[[TimingPoint], TimingPoint],
    fits: Callable[[Beatmap, TimingPoint, list[HitObject]], bool],
    note: str,
    beatmap: Beatmap,
    random: Generator,
    envelope: Envelope,
) -> Planted | None:
    """A line with `change`, in force until the next one.

    Args:
        change: makes the mistyped line.
        fits: whether the line and the objects under it show the mistake.
        note: what is done.
        beatmap, random, envelope: as in :meth:`Fault.inject`.
    """
    for start, until in in_turn(random, lines_of(beatmap)):
        point, inside = beatmap.timing_point_at(start), starting_in(beatmap, start, until)
        if inside and fits(beatmap, point, inside) and change(point) != point:
            changed = rebuild(beatmap, timing_points=overridden(beatmap, start, until, change))
            end = max(until, *(o.end_time for o in starting_in(changed, start, until)), 0.0)
            return replace(over(changed, start, until, f"{note} for {len(inside)} objects"), end=end)
    return None


def _kiai(is_on: bool, line: TimingPoint) -> TimingPoint:
    return replace(line, effects=line.effects | 1 if is_on else line.effects & ~1)


def kiai_changed(beatmap: Beatmap, start: float, end: float, is_on: bool, note: str) -> Planted:
    """Kiai on or off from `start` to `end` [ms], red lines included."""
    lines = [
        _kiai(is_on, line) if start <= line.time < end else line
        for line in overridden(beatmap, start, end, partial(_kiai, is_on))
    ]
    return over(rebuild(beatmap, timing_points=without_idle(lines, start, end)), start, end, note)


def velocity_steps(beatmap: Beatmap) -> list[tuple[TimingPoint, float]]:
    """(green line, until) of the lines that change the velocity, are alone at their time and followed by another line."""
    points = beatmap.sorted_timing_points
    found = []
    for before, point, after in zip(points, points[1:], points[2:], strict=False):
        factor = point.velocity / before.velocity
        if (
            not point.uninherited
            and before.time < point.time < after.time <= point.time + LONGEST_LINE_MS
            and max(factor, 1 / factor) >= LEAST_FACTOR
        ):
            found.append((point, after.time))
    return found


def with_ends(planted: Planted) -> Planted:
    """The mistake with the end of its last object."""
    ends = [planted.beatmap.hit_objects[i].end_time for i in planted.objects]
    return replace(planted, end=max([planted.end, *ends]))


def _lines_in(beatmap: Beatmap, start: float, end: float) -> list[float]:
    """Times [ms] of the green lines of a stretch [ms]; one just before its first note is of it."""
    return [p.time for p in beatmap.timing_points if not p.uninherited and start - SAME_MS <= p.time < end - SAME_MS]


def with_lines_of(beatmap: Beatmap, source: float, start: float, end: float) -> Planted | None:
    """The speeds of the measures at `source` from `start` to `end` [ms], with the samples and kiai that are there; None if they
    hardly show."""
    by = float(round(start - source))
    factors = [beatmap.velocity_at(o.time - by) / beatmap.velocity_at(o.time) for o in starting_in(beatmap, start, end)]
    if sum(max(factor, 1 / factor) >= LEAST_FACTOR for factor in factors) < LEAST_SHOWN:
        return None
    own = _lines_in(beatmap, start, end)
    times = {*own, *(time + by for time in _lines_in(beatmap, source, source + end - start))}
    if not any(time <= start for time in times):
        times.add(start)
    lines: list[TimingPoint] = [p for p in beatmap.timing_points if p.uninherited or p.time not in own]
    for time in sorted(times):
        line = green_line(beatmap.timing_point_at(time), time)
        lines.append(replace(line, beat_length=-100.0 / beatmap.velocity_at(time - by)))
    if not any(abs(point.time - end) <= SAME_MS for point in beatmap.timing_points):
        lines.append(green_line(beatmap.timing_point_at(end), end))
        times.add(end)
    changed = rebuild(beatmap, timing_points=without_idle(lines, *times))
    return over(changed, min(start, *times), end, f"scroll speeds of the measures at {source:.0f} ms")
