"""Planted mistakes of lines that another tool wrote, that were pasted from another part, in the opposite order or moved by
a beat, and of red lines that reset the velocity."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, SCROLLING_MODES, Beatmap, HitObject, TimingPoint
from maimod.training.faults.base import (
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    has_red_line,
    in_turn,
    on_downbeat,
    over,
    overridden,
    rebuild,
    starting_in,
    without_idle,
)
from maimod.training.faults.further.sound_stretches import LEAST_RAMP
from maimod.training.faults.passage_lines import (
    LEAST_FACTOR,
    LONGEST_LINE_MS,
    lines_of,
    mistyped,
    velocity_steps,
    with_ends,
)

LEAST_SHOWN = 2
QUIET = 85
"""Percent; at higher volumes a line of 100 % is hardly louder."""
USUAL = 0.8
"""Share of objects with the same custom sample index, from which on another one is a mistake."""
RAMP_LINES = 4
RAMP_GAP_MS = 1_500.0
"""Lines further apart are steps of their own."""
LEAST_RAMP_FACTOR, LEAST_STEP_FACTOR = 1.2, 1.01
"""Of the velocities of a whole ramp, and of two of its lines."""
LONGEST_KIAI_GAP_BEATS = 16


def _own_samples(objects: Sequence[HitObject]) -> bool:
    """Whether one of the objects does not take its samples from the line."""
    return any(o.sample.volume or o.sample.normal_set or o.sample.index or o.sample.filename for o in objects)


def _shown(beatmap: Beatmap, start: float, until: float) -> bool:
    """Whether objects show the velocity of a stretch [ms]: any in scrolling modes, else sliders."""
    inside = starting_in(beatmap, start, until)
    return len(inside) >= LEAST_SHOWN if beatmap.mode in SCROLLING_MODES else any(o.slider for o in inside)


def _is_far(one: float, two: float) -> bool:
    return max(one / two, two / one) >= LEAST_FACTOR


# ---------------------------------------------------------------------------------------------------------------------
# Samples


def _with_defaults(point: TimingPoint) -> TimingPoint:
    return replace(point, sample_set=1, sample_index=0, volume=100)


def _shows_defaults(beatmap: Beatmap, point: TimingPoint, inside: list[HitObject]) -> bool:
    return point.volume <= QUIET and len(inside) >= LEAST_SHOWN and not _own_samples(inside)


def _index_changed(change: Callable[[int], int], point: TimingPoint) -> TimingPoint:
    return replace(point, sample_index=change(point.sample_index))


def _shows_index(beatmap: Beatmap, point: TimingPoint, inside: list[HitObject]) -> bool:
    """Whether a line has the index of custom samples that nearly all of the map has."""
    found = Counter(beatmap.timing_point_at(o.time).sample_index for o in beatmap.hit_objects)
    return (
        point.sample_index > 0
        and found[point.sample_index] >= USUAL * len(beatmap.hit_objects)
        and len(inside) >= LEAST_SHOWN
        and not _own_samples(inside)
    )


# ---------------------------------------------------------------------------------------------------------------------
# Ramps


def _ramps(beatmap: Beatmap, is_step: Callable[[TimingPoint, TimingPoint], bool]) -> list[list[TimingPoint]]:
    """Longest runs of at least `RAMP_LINES` green lines, alone at their times, with `is_step` from each to the next."""
    points = beatmap.sorted_timing_points
    found: list[list[TimingPoint]] = []
    run: list[TimingPoint] = []
    for before, point in pairwise(points):
        if point.uninherited or point.time - before.time < SAME_MS:
            found.append(run)
            run = []
        elif run and is_step(run[-1], point) and point.time - run[-1].time <= RAMP_GAP_MS:
            run.append(point)
        else:
            found.append(run)
            run = [point]
    found.append(run)
    return [run for run in found if len(run) >= RAMP_LINES and run[-1].time - run[0].time <= LONGEST_LINE_MS]


def _reversed(
    rising: Callable[[TimingPoint, TimingPoint], bool],
    with_value_of: Callable[[TimingPoint, TimingPoint], TimingPoint],
    is_shown: Callable[[Beatmap, list[TimingPoint]], bool],
    note: str,
    beatmap: Beatmap,
    random: Generator,
    envelope: Envelope,
) -> Planted | None:
    """The values of a ramp of lines are in the opposite order, as a tool writes it whose first and last value were exchanged.

    Args:
        rising: whether the value of the second line is above that of the first by a step.
        with_value_of: the first line with the value of the second.
        is_shown: whether objects show the ramp.
        note: what is done.
        beatmap, random, envelope: as in :meth:`Fault.inject`.
    """
    ramps = [*_ramps(beatmap, rising), *_ramps(beatmap, lambda a, b: rising(b, a))]
    points = beatmap.sorted_timing_points
    for ramp in in_turn(random, [ramp for ramp in ramps if is_shown(beatmap, ramp)]):
        until = next((point.time for point in points if point.time > ramp[-1].time), None)
        if until is None or until - ramp[-1].time > LONGEST_LINE_MS:
            continue
        new = {id(old): with_value_of(old, other) for old, other in zip(ramp, ramp[::-1], strict=True)}
        changed = rebuild(beatmap, timing_points=[new.get(id(point), point) for point in beatmap.timing_points])
        return with_ends(over(changed, ramp[0].time, until, f"{note} of {len(ramp)} lines in the opposite order"))
    return None


def _louder(a: TimingPoint, b: TimingPoint) -> bool:
    return b.volume - a.volume >= LEAST_RAMP


def _with_volume(point: TimingPoint, other: TimingPoint) -> TimingPoint:
    return replace(point, volume=other.volume)


def _volume_shown(beatmap: Beatmap, ramp: list[TimingPoint]) -> bool:
    inside = starting_in(beatmap, ramp[0].time, ramp[-1].time)
    return len(inside) >= RAMP_LINES - 1 and not any(o.sample.volume for o in inside)


def _faster(a: TimingPoint, b: TimingPoint) -> bool:
    return b.velocity >= LEAST_STEP_FACTOR * a.velocity


def _with_velocity(point: TimingPoint, other: TimingPoint) -> TimingPoint:
    return replace(point, beat_length=other.beat_length)


def _velocity_shown(beatmap: Beatmap, ramp: list[TimingPoint]) -> bool:
    factor = ramp[-1].velocity / ramp[0].velocity
    inside = starting_in(beatmap, ramp[0].time, ramp[-1].time)
    return max(factor, 1 / factor) >= LEAST_RAMP_FACTOR and len(inside) >= LEAST_SHOWN


# ---------------------------------------------------------------------------------------------------------------------
# Places of lines


def _step_moved(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A line that changes the velocity is some beats early (negative) or late; what else it sets stays."""
    for point, after in in_turn(random, velocity_steps(beatmap)):
        by = beats * beatmap.red_line_at(point.time).beat_length
        start, until = sorted((point.time, float(round(point.time + by))))
        others = [other for other in beatmap.timing_points if start <= other.time <= until and other is not point]
        if others or until >= after or start <= beatmap.red_lines[0].time or not _shown(beatmap, start, until):
            continue
        velocity = point.velocity if beats < 0 else beatmap.velocity_at(point.time - 1)

        def at_velocity(line: TimingPoint, velocity: float = velocity) -> TimingPoint:
            return replace(line, beat_length=-100.0 / velocity)

        lines = without_idle(overridden(beatmap, start, until, at_velocity), start, until)
        note = f"velocity {point.velocity:.2f}x begins {abs(beats):g} beats {'early' if beats < 0 else 'late'}"
        return with_ends(over(rebuild(beatmap, timing_points=lines), start, until, note))
    return None


def _reset(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A red line of the same tempo on a downbeat, for the bar lines, resets the velocity to 1.0x until the next line: it got no
    green line of its own."""
    points = beatmap.sorted_timing_points
    downbeats = sorted({o.time for o in beatmap.hit_objects if on_downbeat(beatmap, o.time)})
    for time in in_turn(random, downbeats):
        point = beatmap.timing_point_at(time)
        until = next((other.time for other in points if other.time > time + SAME_MS), math.inf)
        if (
            any(abs(other.time - time) <= 2 * SAME_MS for other in points)
            or until > time + LONGEST_LINE_MS
            or not _is_far(point.velocity, 1.0)
            or not _shown(beatmap, time, until)
        ):
            continue
        red = replace(beatmap.red_line_at(time), time=time, effects=point.effects & 1)
        red = replace(red, sample_set=point.sample_set, sample_index=point.sample_index, volume=point.volume)
        changed = rebuild(beatmap, timing_points=[*beatmap.timing_points, red])
        return with_ends(over(changed, time, until, f"red line resets velocity {point.velocity:.2f}x"))
    return None


def _kiai_line(is_on: bool, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A green line that was pasted from another part has its kiai: until the next line the chorus has none, or the verse has."""
    for start, until in in_turn(random, lines_of(beatmap)):
        point = beatmap.timing_point_at(start)
        beat = beatmap.red_line_at(start).beat_length
        around = [beatmap.timing_point_at(time).kiai for time in (start - 1, start, until)]
        if (
            any(kiai is is_on for kiai in around)
            or not beat - SAME_MS <= until - start <= LONGEST_KIAI_GAP_BEATS * beat
            or has_red_line(beatmap, start - 2 * SAME_MS, until)
            or not starting_in(beatmap, start, until)
            or not beatmap.kiai_sections
        ):
            continue

        def turned(line: TimingPoint) -> TimingPoint:
            return replace(line, effects=line.effects ^ 1)

        lines = overridden(beatmap, start, until, turned)
        note = f"kiai {'on' if is_on else 'off'} from a line at {point.time:.0f} ms to the next"
        return over(rebuild(beatmap, timing_points=lines), start, until, note)
    return None


_V, _S, _R, _H = Category.SCROLL_SPEED, Category.SLIDERS, Category.RHYTHM, Category.HITSOUNDS
_NOT_SCROLLING = ALL_MODES - SCROLLING_MODES
FAULTS: tuple[Fault, ...] = (
    Fault(
        "line-defaults",
        "",
        (_H,),
        ALL_MODES,
        partial(mistyped, _with_defaults, _shows_defaults, "samples of a line normal, no custom ones, 100 %"),
    ),
    *(
        Fault(
            "sample-index",
            dose,
            (_H,),
            ALL_MODES,
            partial(mistyped, partial(_index_changed, change), _shows_index, f"custom samples of a line {dose}"),
        )
        for dose, change in (("none", lambda index: 0), ("the next", lambda index: index + 1))
    ),
    Fault(
        "volume-ramp-reversed",
        "",
        (_H,),
        ALL_MODES,
        partial(_reversed, _louder, _with_volume, _volume_shown, "volumes"),
    ),
    Fault(
        "scroll-ramp-reversed",
        "",
        (_V,),
        SCROLLING_MODES,
        partial(_reversed, _faster, _with_velocity, _velocity_shown, "velocities"),
    ),
    *(
        Fault(kind, dose, categories, modes, plant)
        for moved, reset, categories, modes in (
            ("velocity-line-moved", "velocity-reset", (_S, _V, _R), _NOT_SCROLLING),
            ("scroll-line-moved", "scroll-speed-reset", (_V,), SCROLLING_MODES),
        )
        for kind, dose, plant in (
            (moved, "1 beat early", partial(_step_moved, -1)),
            (moved, "1 beat late", partial(_step_moved, 1)),
            (reset, "", _reset),
        )
    ),
    *(
        Fault("kiai-line", dose, (Category.KIAI,), ALL_MODES, partial(_kiai_line, dose == "on"))
        for dose in ("off", "on")
    ),
)
