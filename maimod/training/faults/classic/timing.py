"""Planted mistakes of timing: sections and whole maps off the song, tempos typed wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, Beatmap, TimingPoint
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    in_turn,
    moved_in_time,
    on_downbeat,
    rebuild,
    rows_of,
)

SECTION_MS = 16_000.0
"""Shortest section with wrong timing, rounded up to whole measures."""
SECTION_OBJECTS = 24


def anchors(beatmap: Beatmap, time: float, new_time: float) -> list[TimingPoint]:
    """Points that let tempo, velocity and samples of `time` go on from `new_time`; none if a red line is there anyway."""
    if any(abs(point.time - time) <= SAME_MS for point in beatmap.red_lines):
        return []
    red, now = beatmap.red_line_at(time), beatmap.timing_point_at(time)
    anchor = replace(now, time=new_time, beat_length=red.beat_length, meter=red.meter, uninherited=True)
    has_green = any(abs(point.time - time) <= SAME_MS for point in beatmap.timing_points)
    return [anchor] if now.uninherited or has_green else [anchor, replace(now, time=new_time)]


def _section(beatmap: Beatmap, random: Generator, margin: float, one_tempo: bool) -> tuple[float, float] | None:
    """(start, end) of whole measures, with `margin` ms free of objects before both."""
    rows = rows_of(beatmap)
    starts = np.array([row.time for row in rows])
    ends = np.maximum.accumulate([row.end_time for row in rows])

    def is_clear(time: float) -> bool:
        i = int(np.searchsorted(starts, time - SAME_MS))
        return i > 0 and ends[i - 1] <= time - margin - CLEAR_GAP_MS / 2

    for row in in_turn(random, rows):
        red = beatmap.red_line_of(row.time)
        if not on_downbeat(beatmap, row.time) or not is_clear(row.time):
            continue
        start = red.time + round((row.time - red.time) / red.beat_length) * red.beat_length
        measure = red.beat_length * red.meter
        first = math.ceil(SECTION_MS / measure)
        for measures in range(first, first + 4):
            end = start + measures * measure
            inside = int(np.searchsorted(starts, end - SAME_MS) - np.searchsorted(starts, start - SAME_MS))
            is_one = beatmap.red_line_at(end - 2 * SAME_MS) is red
            # A red line inside would restart the measures; a section that only shifts may hold some, but must end on a
            # beat.
            if is_clear(end) and end < starts[-1] and inside >= SECTION_OBJECTS and (is_one or not one_tempo):
                return start, end
    return None


def _section_shift(ms: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    by = ms if random.random() < 0.5 else -ms
    section = _section(beatmap, random, ms, one_tempo=False)
    if section is None:
        return None
    start, end = section

    def moved(time: float) -> float:
        return time + by if start - SAME_MS <= time < end - SAME_MS else time

    points = [replace(point, time=moved(point.time)) for point in beatmap.timing_points]
    points += anchors(beatmap, start, start + by) + anchors(beatmap, end, end)
    objects = [moved_in_time(o, moved(o.time) - o.time) for o in beatmap.hit_objects]
    return Planted(
        rebuild(beatmap, hit_objects=objects, timing_points=points),
        start + by,
        end,
        note=f"{start:.0f} to {end:.0f} ms moved by {by:+g} ms, grid and objects",
        is_local=False,
    )


def _map_shift(by: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    changed = rebuild(
        beatmap,
        hit_objects=[moved_in_time(o, by) for o in beatmap.hit_objects],
        timing_points=[replace(point, time=point.time + by) for point in beatmap.timing_points],
        breaks=tuple(replace(pause, start=pause.start + by, end=pause.end + by) for pause in beatmap.breaks),
    )
    start = min(changed.red_lines[0].time, min(o.time for o in changed.hit_objects))
    end = max(o.end_time for o in changed.hit_objects)
    return Planted(changed, start, end, note=f"everything moved by {by:+g} ms", is_local=False)


def _tempo(percent: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    factor = 1 + percent / 100 * (1 if random.random() < 0.5 else -1)
    section = _section(beatmap, random, 0.0, one_tempo=True)
    if section is None:
        return None
    start, end = section

    def laid(time: float) -> float:
        return start + (time - start) * factor if start - SAME_MS <= time < end - SAME_MS else time

    red = beatmap.red_line_of(start)
    bpm = 60_000 / red.beat_length
    points = []
    for point in beatmap.timing_points:
        is_its_red = point is red and abs(point.time - start) <= SAME_MS
        scaled = replace(point, time=laid(point.time), beat_length=point.beat_length * (factor if is_its_red else 1))
        if scaled.time < end - SAME_MS or point.time >= end - SAME_MS:
            points.append(scaled)
    points += [
        replace(point, beat_length=point.beat_length * factor) if point.uninherited else point
        for point in anchors(beatmap, start, start)
    ]
    points += anchors(beatmap, end, end)
    objects = []
    for o in beatmap.hit_objects:
        by = round(laid(o.time)) - o.time if laid(o.time) != o.time else 0.0
        moved = replace(
            o, time=o.time + by, end_time=float(round(laid(o.time) + o.duration * factor)) if by else o.end_time
        )
        # Objects that a slower tempo moves past the section's end are removed.
        if o.time >= end - SAME_MS or moved.end_time <= end - CLEAR_GAP_MS / 2:
            objects.append(moved)
    return Planted(
        rebuild(beatmap, hit_objects=objects, timing_points=points),
        start,
        end,
        note=f"{start:.0f} to {end:.0f} ms at {bpm / factor:.2f} in place of {bpm:.2f} BPM",
        is_local=False,
    )


def _tempo_typo(bpm: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The tempo of a red line is wrong, and the objects stay: they leave the grid."""
    last = beatmap.hit_objects[-1].end_time if beatmap.hit_objects else 0.0
    borders = [*(point.time for point in beatmap.red_lines[1:]), math.inf]
    for red, until in in_turn(random, list(zip(beatmap.red_lines, borders, strict=True))):
        inside = [o for o in beatmap.hit_objects if red.time - SAME_MS <= o.time < until - SAME_MS]
        if len(inside) < SECTION_OBJECTS:
            continue
        wrong = 60_000 / (60_000 / red.beat_length + bpm)
        lines = [replace(point, beat_length=wrong) if point is red else point for point in beatmap.timing_points]
        return Planted(
            rebuild(beatmap, timing_points=lines),
            red.time,
            min(until, last),
            note=f"{60_000 / red.beat_length:.2f} BPM typed as {60_000 / wrong:.2f}",
            is_local=False,
        )
    return None


_T = (Category.TIMING,)
FAULTS: tuple[Fault, ...] = (
    *(Fault("section-shift", f"{ms} ms", _T, ALL_MODES, partial(_section_shift, ms), True) for ms in (10, 20, 40)),
    *(
        Fault("map-shift", f"{ms:+d} ms", _T, ALL_MODES, partial(_map_shift, ms), True)
        for ms in (-40, -30, -20, -10, 10, 20, 30, 40)
    ),
    *(Fault("tempo", f"{percent:g} %", _T, ALL_MODES, partial(_tempo, percent), True) for percent in (0.5, 1, 2)),
    *(
        Fault("tempo-typo", f"{bpm:+d} BPM", (*_T, Category.RHYTHM), ALL_MODES, partial(_tempo_typo, bpm), True)
        for bpm in (1, 10)
    ),
)
