"""Planted mistakes made in the timing panel: lines that belong to a red line or to moved objects and were
forgotten, values one line too late, velocities of another base velocity, kiai in other measures, and red lines with the wrong
downbeat, measure or octave of the tempo."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_MANIA, PLAYFIELD_MODES, SCROLLING_MODES, Beatmap, HitObject, TimingPoint
from maimod.osu.combos import chosen_combos
from maimod.training.faults.base import (
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    faster,
    has_red_line,
    in_turn,
    on_downbeat,
    over,
    overridden,
    rebuild,
    starting_in,
    stretches,
)
from maimod.training.faults.classic.timing import SECTION_OBJECTS
from maimod.training.faults.fourth.line_passages import (
    LEAST_OTHER,
    fits,
    is_faster_or_slower,
    is_louder_or_quieter,
    lines_in_a_row,
    shown_by,
    velocity_of,
    volume_of,
)
from maimod.training.faults.passage_lines import LONGEST_KIAI_MS, kiai_changed, with_ends

LONGEST_MS = 32_000.0
"""Longest stretch after a red line whose green line is lost."""
LEFT_BEHIND_MS = (12, 18, 24, 30)
LEAST_CHANGED = 3
ROWS = 4
"""Lines that have the values of the lines before them."""
BASE_FACTORS = (0.7, 0.8, 1.25, 1.4)
"""Ratios of the base velocities of two mappers' difficulties."""
KIAI_MEASURES = (1, 2, 4)
LEAST_MARKS, MARKED = 4, 0.6
"""Number of new combos and ends of kiai, and share of those on downbeats, that show where the measures begin."""


# ---------------------------------------------------------------------------------------------------------------------
# Green lines


def _companion_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A red line lost the green line at its time, as when it is deleted and made again: until the next line the velocity is 1.0x, with the
    volume and samples of the red line."""
    points = beatmap.sorted_timing_points
    for red in in_turn(random, beatmap.red_lines):
        at = [point for point in points if abs(point.time - red.time) <= SAME_MS and point is not red]
        until = next((point.time for point in points if point.time > red.time + SAME_MS), math.inf)
        if len(at) != 1 or at[0].uninherited or at[0].kiai is not red.kiai or until > red.time + LONGEST_MS:
            continue
        changed = rebuild(beatmap, timing_points=[point for point in points if point is not at[0]])
        start = max(red.time, at[0].time)
        if shown_by(beatmap, changed, starting_in(beatmap, start, until)) >= LEAST_OTHER and fits(beatmap, changed):
            note = f"green line of {at[0].velocity:.2f}x and {at[0].volume} % at a red line lost"
            return with_ends(over(changed, start, until, note))
    return None


def _left_behind(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The green lines of eight measures are some ms later than their objects, which were moved with the red line when the song was timed
    anew: the objects on them still have the values before."""
    points = beatmap.sorted_timing_points
    for start, end in in_turn(random, stretches(beatmap, 8)):
        by = float(random.choice(LEFT_BEHIND_MS))
        lines = [point for point in points if start - SAME_MS <= point.time < end - SAME_MS]
        following = [*(point.time for point in points if point.time > start - SAME_MS), math.inf]
        if (
            len(lines) < LEAST_OTHER
            or any(line.uninherited for line in lines)
            or any(after - line.time <= by + SAME_MS for line, after in zip(lines, following[1:], strict=False))
        ):
            continue
        late = {id(line): replace(line, time=line.time + by) for line in lines}
        changed = rebuild(beatmap, timing_points=[late.get(id(point), point) for point in beatmap.timing_points])
        on_lines = [o for line in lines for o in starting_in(beatmap, line.time, line.time + 2 * SAME_MS)]
        shown = {o.time for o in on_lines if shown_by(beatmap, changed, [o])}
        if len(shown) >= LEAST_OTHER and fits(beatmap, changed):
            ends = ((o, max(o.end_time, changed.hit_objects[o.index].end_time)) for o in on_lines)
            places = tuple(sorted({(o.time, end) for o, end in ends}))
            note = f"{len(lines)} green lines {by:g} ms later than their objects"
            indices = tuple(o.index for o in on_lines)
            return Planted(changed, places[0][0], max(end for _, end in places), indices, note, places=places)
    return None


def _one_row_late(
    is_other: Callable[[TimingPoint, TimingPoint], bool],
    with_value_of: Callable[[TimingPoint, TimingPoint], TimingPoint],
    note: str,
    beatmap: Beatmap,
    random: Generator,
    envelope: Envelope,
) -> Planted | None:
    """Each of several green lines has the value of the line before it, as typed or pasted one row too low in the list.

    Args:
        is_other: whether the values of two lines differ clearly.
        with_value_of: the first line with the value of the second.
        note: what is done.
        beatmap, random, envelope: as in :meth:`Fault.inject`.
    """
    for before, lines, until in lines_in_a_row(beatmap, random, ROWS):
        pairs = list(zip(lines, (before, *lines), strict=False))
        if sum(is_other(line, model) for line, model in pairs) < LEAST_OTHER:
            continue
        new = {id(line): with_value_of(line, model) for line, model in pairs}
        changed = rebuild(beatmap, timing_points=[new.get(id(point), point) for point in beatmap.timing_points])
        inside = starting_in(beatmap, lines[0].time, until)
        if shown_by(beatmap, changed, inside) >= LEAST_CHANGED and fits(beatmap, changed):
            return with_ends(over(changed, lines[0].time, until, f"{note} of {ROWS} lines one line late"))
    return None


def _velocity_of_line(line: TimingPoint, model: TimingPoint) -> TimingPoint:
    """The green line with the velocity of another line, which may be red."""
    return velocity_of(line, replace(model, beat_length=-100.0 / model.velocity))


def _other_base(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """All velocities of eight measures are as many times too high or too low, as in the part of another mapper whose difficulty has
    another base velocity; the sliders keep their lengths."""
    for start, end in in_turn(random, stretches(beatmap, 8)):
        inside, until = starting_in(beatmap, start, end), float(round(end))
        velocities = {beatmap.velocity_at(o.time) for o in inside}
        if len(velocities) < LEAST_OTHER:
            continue
        for factor in in_turn(random, BASE_FACTORS):
            changed = rebuild(beatmap, timing_points=overridden(beatmap, start, until, partial(faster, factor)))
            if (
                shown_by(beatmap, changed, inside) >= LEAST_CHANGED
                and all(0.1 <= velocity * factor <= 10 for velocity in velocities)
                and fits(beatmap, changed)
            ):
                return with_ends(over(changed, start, until, f"velocities of eight measures times {factor:g}"))
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Kiai


def _kiai_elsewhere(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A kiai section is one, two or four measures early or late, both its start and its end, as with lines copied from a difficulty whose
    song was cut otherwise."""
    sections = [(first.time, after.time) for first, after in beatmap.kiai_sections if after is not None]
    for start, end in in_turn(random, [section for section in sections if on_downbeat(beatmap, section[0])]):
        red = beatmap.red_line_of(start)
        by = float(random.choice(KIAI_MEASURES)) * red.meter * red.beat_length * int(random.choice((-1, 1)))
        low, high = float(round(start + by)), float(round(end + by))
        others = [(a, b) for a, b in sections if a != start]
        if (
            end - start < 4 * red.beat_length
            or end - start > LONGEST_KIAI_MS
            or low < beatmap.hit_objects[0].time
            or high > beatmap.hit_objects[-1].time
            or has_red_line(beatmap, min(low, start) - SAME_MS, max(high, end) + SAME_MS)
            or any(low < b + SAME_MS and a < high + SAME_MS for a, b in others)
            or any(first.time < high and after is None for first, after in beatmap.kiai_sections)
        ):
            continue
        note = f"kiai from {low:.0f} to {high:.0f} in place of {start:.0f} to {end:.0f} ms"
        without = kiai_changed(beatmap, start, end, False, note).beatmap
        changed = kiai_changed(without, low, high, True, note).beatmap
        # Inside both, nothing differs.
        a, b, c, d = sorted((start, end, low, high))
        objects = (*starting_in(changed, a, b), *starting_in(changed, c, d))
        if starting_in(changed, a, b) and starting_in(changed, c, d):
            return Planted(changed, a, d, tuple(o.index for o in objects), note, places=((a, b), (c, d)))
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Red lines


def _sections(beatmap: Beatmap, random: Generator) -> Iterator[tuple[TimingPoint, float, list[HitObject]]]:
    """(red line, until in ms, objects) of the tempos with enough objects, in a random order."""
    last = beatmap.hit_objects[-1].end_time if beatmap.hit_objects else 0.0
    borders = [*(point.time for point in beatmap.red_lines[1:]), math.inf]
    for red, until in in_turn(random, list(zip(beatmap.red_lines, borders, strict=True))):
        inside = starting_in(beatmap, red.time, until)
        if len(inside) >= SECTION_OBJECTS:
            yield red, min(until, last), inside


def _marked(beatmap: Beatmap, marks: list[float]) -> float:
    """Share of times [ms] that are on downbeats."""
    return sum(on_downbeat(beatmap, time) for time in marks) / len(marks)


def _measures_wrong(
    change: Callable[[TimingPoint, Generator], TimingPoint],
    note: str,
    beatmap: Beatmap,
    random: Generator,
    envelope: Envelope,
) -> Planted | None:
    """A red line whose measures do not begin where new combos and kiai do.

    Args:
        change: makes the wrong line.
        note: what is done.
        beatmap, random, envelope: as in :meth:`Fault.inject`.
    """
    marks = [point.time for section in beatmap.kiai_sections for point in section if point is not None]
    marks += [o.time for o in chosen_combos(beatmap)] if beatmap.mode in PLAYFIELD_MODES else []
    for red, until, _ in _sections(beatmap, random):
        own = [time for time in marks if red.time - SAME_MS <= time < until - SAME_MS]
        wrong = change(red, random)
        # A line in the middle of the map that begins earlier would take beats from the tempo before.
        if len(own) < LEAST_MARKS or (wrong.time != red.time and red is not beatmap.red_lines[0]):
            continue
        lines = [wrong if point is red else point for point in beatmap.timing_points]
        changed = rebuild(beatmap, timing_points=lines)
        share = _marked(beatmap, own)
        if share >= MARKED and 2 * _marked(changed, own) <= share:
            return Planted(changed, wrong.time, until, note=note, is_local=False)
    return None


def _beats_early(red: TimingPoint, random: Generator) -> TimingPoint:
    beats = int(random.integers(1, max(red.meter, 2)))
    return replace(red, time=float(round(red.time - beats * red.beat_length)))


def _other_meter(red: TimingPoint, random: Generator) -> TimingPoint:
    return replace(red, meter=4 if red.meter == 3 else 3)


def _tempo_doubled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The tempo of a red line is twice what it was, and its green lines are as before: objects are still on the grid, but sliders take
    half as long and notes scroll twice as fast."""
    for red, until, inside in _sections(beatmap, random):
        if beatmap.mode in SCROLLING_MODES or sum(o.slider is not None for o in inside) >= LEAST_CHANGED:
            half = replace(red, beat_length=red.beat_length / 2)
            lines = [half if point is red else point for point in beatmap.timing_points]
            bpm = 60_000 / red.beat_length
            note = f"{bpm:.2f} BPM as {2 * bpm:.2f}"
            return Planted(rebuild(beatmap, timing_points=lines), red.time, until, note=note, is_local=False)
    return None


_V, _S, _R, _H, _T = (Category.SCROLL_SPEED, Category.SLIDERS, Category.RHYTHM, Category.HITSOUNDS, Category.TIMING)
FAULTS: tuple[Fault, ...] = (
    Fault("line-of-red-line-lost", "", (_S, _V, _H, _R), ALL_MODES, _companion_lost),
    Fault("lines-left-behind", "8 measures", (_V, _S, _H, _R, _T), ALL_MODES, _left_behind),
    Fault(
        "velocities-one-line-late",
        "",
        (_V, _S, _R),
        ALL_MODES,
        partial(_one_row_late, is_faster_or_slower, _velocity_of_line, "velocities"),
    ),
    Fault(
        "volumes-one-line-late",
        "",
        (_H,),
        ALL_MODES,
        partial(_one_row_late, is_louder_or_quieter, volume_of, "volumes"),
    ),
    Fault("part-of-other-base", "8 measures", (_S, _V, _R), NOT_MANIA, _other_base),
    Fault("kiai-elsewhere", "", (Category.KIAI,), ALL_MODES, _kiai_elsewhere),
    Fault(
        "downbeat-wrong",
        "",
        (_T,),
        ALL_MODES,
        partial(_measures_wrong, _beats_early, "red line some beats early"),
        True,
    ),
    Fault(
        "meter-wrong", "", (_T,), ALL_MODES, partial(_measures_wrong, _other_meter, "beats of a measure wrong"), True
    ),
    Fault("tempo-doubled", "", (_T, _R, _S, _V), NOT_MANIA, _tempo_doubled, True),
)
