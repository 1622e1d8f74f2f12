"""Planted mistakes of green lines: typing mistakes in a line, scroll speed and volume of a stretch, kiai."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_TAIKO, SCROLLING_MODES, Beatmap, HitObject, TimingPoint
from maimod.training.faults.base import (
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    at_volume,
    faster,
    has_red_line,
    in_turn,
    on_downbeat,
    over,
    overridden,
    rebuild,
    rows_of,
    starting_in,
    stretches,
    without_idle,
)
from maimod.training.faults.passage_lines import mistyped

LEAST_VOLUME = 30
"""Percent; lower volumes are not lowered further."""


def _scroll_speed(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One measure at another speed between measures of equal speed."""
    rows = rows_of(beatmap)
    for row in in_turn(random, rows[:-1]):
        red = beatmap.red_line_at(row.time)
        measure = red.beat_length * red.meter
        until = float(round(row.time + measure))
        inside = [o for o in beatmap.hit_objects if row.time <= o.time < until - SAME_MS]
        around = [beatmap.velocity_at(row.time + share * measure) for share in (-1, -0.5, 0, 0.5, 0.99, 1.5, 2)]
        if (
            not on_downbeat(beatmap, row.time)
            or len(inside) < 2
            or max(around) - min(around) > 0.01
            or not 0.1 <= around[0] * factor <= 10
            or has_red_line(beatmap, row.time, until)
        ):
            continue
        if until > rows[-1].time:
            continue
        changed = rebuild(beatmap, timing_points=overridden(beatmap, row.time, until, partial(faster, factor)))
        return Planted(
            changed,
            row.time,
            until,
            tuple(o.index for o in inside),
            f"scroll speed {around[0]:.2f}x becomes {around[0] * factor:.2f}x for a measure",
        )
    return None


def _with_kiai(is_on: bool, point: TimingPoint) -> TimingPoint:
    return replace(point, effects=point.effects | 1 if is_on else point.effects & ~1)


def _kiai_moved(beats: float | None, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Kiai begins or ends some beats (None: a measure) early or late; the lines' other values stay."""
    borders = [(first, True) for first, _ in beatmap.kiai_sections] + [
        (after, False) for _, after in beatmap.kiai_sections if after
    ]
    for border, begins in in_turn(
        random, [(line, begins) for line, begins in borders if on_downbeat(beatmap, line.time)]
    ):
        red = beatmap.red_line_at(border.time)
        by = (beats or red.meter) * red.beat_length * (1 if random.random() < 0.5 else -1)
        start, until = sorted((border.time, float(round(border.time + by))))
        inside = [point for point in beatmap.timing_points if start < point.time < until]
        # A red line has its own kiai bit, so there would be two changes.
        if (
            has_red_line(beatmap, start - 2 * SAME_MS, until + SAME_MS)
            or start < beatmap.red_lines[0].time
            or any(point.kiai != beatmap.timing_point_at(start).kiai for point in inside)
        ):
            continue
        lines = without_idle(overridden(beatmap, start, until, partial(_with_kiai, begins == (by < 0))), start, until)
        objects = tuple(o.index for o in beatmap.hit_objects if start - SAME_MS <= o.time <= until + SAME_MS)
        return Planted(
            rebuild(beatmap, timing_points=lines),
            start,
            until,
            objects,
            f"kiai {'begins' if begins else 'ends'} {beats or red.meter:g} beats {'late' if by > 0 else 'early'}",
        )
    return None


def _shows_velocity(factor: float, beatmap: Beatmap, point: TimingPoint, inside: list[HitObject]) -> bool:
    if not 0.1 <= point.velocity * factor <= 10 or (beatmap.mode in SCROLLING_MODES and len(inside) < 2):
        return False
    return beatmap.mode in SCROLLING_MODES or any(o.slider for o in inside)


def _digit_lost(number: int) -> int:
    return number // 10


def _shows_volume(beatmap: Beatmap, point: TimingPoint, inside: list[HitObject]) -> bool:
    return point.volume >= LEAST_VOLUME and not any(o.sample.volume for o in inside)


def _shows_sample_set(beatmap: Beatmap, point: TimingPoint, inside: list[HitObject]) -> bool:
    return len(inside) >= 2 and not any(o.sample.normal_set or (o.slider and o.slider.edge_sets) for o in inside)


def _line_sample_set(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    by = int(random.integers(1, 3))

    def other(point: TimingPoint) -> TimingPoint:
        return replace(point, sample_set=(max(point.sample_set, 1) - 1 + by) % 3 + 1)

    return mistyped(other, _shows_sample_set, "sample set of a line is another", beatmap, random, envelope)


def _line_volume(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    def lower(point: TimingPoint) -> TimingPoint:
        return replace(point, volume=_digit_lost(point.volume))

    return mistyped(lower, _shows_volume, "volume of a line lost its last digit", beatmap, random, envelope)


def _section_volume(percent: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two measures are quieter than the lines before and after."""
    for start, end in in_turn(random, stretches(beatmap, 2)):
        volumes = {beatmap.timing_point_at(o.time).volume for o in starting_in(beatmap, start, end)}
        until = float(round(end))
        if min(volumes) < LEAST_VOLUME or any(o.sample.volume for o in starting_in(beatmap, start, end)):
            continue

        def lower(point: TimingPoint) -> TimingPoint:
            return at_volume(round(point.volume * (1 - percent / 100)), point)

        changed = rebuild(beatmap, timing_points=overridden(beatmap, start, until, lower))
        return over(changed, start, until, f"volume of two measures {percent:g} % lower")
    return None


_V, _H, _K = Category.SCROLL_SPEED, Category.HITSOUNDS, Category.KIAI
FAULTS: tuple[Fault, ...] = (
    *(
        Fault("scroll-speed", f"x{factor:g}", (_V,), SCROLLING_MODES, partial(_scroll_speed, factor))
        for factor in (0.5, 0.75, 1.5, 2)
    ),
    # A slider under a mistyped line is as long as before and has another duration.
    *(
        Fault(
            "velocity-typo",
            dose,
            (Category.SLIDERS, _V, Category.RHYTHM),
            ALL_MODES,
            partial(mistyped, partial(faster, factor), partial(_shows_velocity, factor), f"velocity times {factor:g}"),
        )
        for dose, factor in (("x1.5", 1.5), ("x0.5", 0.5), ("-100 as -10", 10.0))
    ),
    Fault("line-volume", "digit lost", (_H,), ALL_MODES, _line_volume),
    Fault("line-sample-set", "", (_H,), NOT_TAIKO, _line_sample_set),
    *(
        Fault("section-volume", f"{percent} %", (_H,), ALL_MODES, partial(_section_volume, percent))
        for percent in (30, 50)
    ),
    *(
        Fault("kiai-moved", dose, (_K,), ALL_MODES, partial(_kiai_moved, beats))
        for dose, beats in (("1 beats", 1), ("2 beats", 2), ("1 measure", None))
    ),
)
