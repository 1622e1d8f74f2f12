"""Planted mistakes of velocity lines that are lost or late, and of whole kiai sections."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, SCROLLING_MODES, Beatmap, TimingPoint
from maimod.training.faults.base import (
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    has_red_line,
    in_turn,
    over,
    overridden,
    rebuild,
    starting_in,
    without_idle,
)
from maimod.training.faults.passage_lines import LONGEST_KIAI_MS, kiai_changed, velocity_steps


def _line_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A line that changes the velocity is lost: until the next line the former velocity is in force. What else it sets stays."""
    for point, until in in_turn(random, velocity_steps(beatmap)):
        inside = starting_in(beatmap, point.time, until)
        velocity = beatmap.velocity_at(point.time - 1)
        shown = len(inside) >= 2 if beatmap.mode in SCROLLING_MODES else any(o.slider for o in inside)
        if not shown:
            continue

        def as_before(line: TimingPoint, velocity: float = velocity) -> TimingPoint:
            return replace(line, beat_length=-100.0 / velocity)

        lines = without_idle(overridden(beatmap, point.time, until, as_before), point.time)
        changed = rebuild(beatmap, timing_points=lines)
        end = max(until, *(o.end_time for o in starting_in(changed, point.time, until)), 0.0)
        note = f"velocity stays {velocity:.2f}x in place of {point.velocity:.2f}x"
        return replace(over(changed, point.time, until, note), end=end)
    return None


def _line_late(ms: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A line that changes the velocity comes some ms after its object, which keeps the former velocity."""
    for point, until in in_turn(random, velocity_steps(beatmap)):
        hit = [o for o in beatmap.hit_objects if point.time - SAME_MS <= o.time < point.time + ms]
        shown = beatmap.mode in SCROLLING_MODES or any(o.slider for o in hit)
        if not hit or hit[0].time < point.time or not shown or until <= point.time + ms + SAME_MS:
            continue
        late = replace(point, time=point.time + ms)
        lines = [late if line is point else line for line in beatmap.timing_points]
        changed = rebuild(beatmap, timing_points=lines)
        objects = tuple(o.index for o in hit)
        end = max(changed.hit_objects[i].end_time for i in objects)
        note = f"line of {point.velocity:.2f}x {ms:g} ms after its object"
        return Planted(changed, hit[0].time, max(end, hit[-1].end_time), objects, note)
    return None


def _kiai_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One of several choruses has no kiai."""
    sections = [(first.time, after.time) for first, after in beatmap.kiai_sections if after is not None]
    if len(beatmap.kiai_sections) < 2:
        return None
    for start, end in in_turn(random, sections):
        if 4 * beatmap.red_line_at(start).beat_length <= end - start <= LONGEST_KIAI_MS and starting_in(
            beatmap, start, end
        ):
            return kiai_changed(beatmap, start, end, False, f"no kiai from {start:.0f} to {end:.0f} ms")
    return None


def _kiai_doubled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Kiai is twice as long: its end was set in the next section."""
    sections = [(first.time, after.time) for first, after in beatmap.kiai_sections if after is not None]
    for start, end in in_turn(random, sections):
        until = float(round(2 * end - start))
        is_free = not any(first.time < until + SAME_MS and first.time >= end for first, _ in beatmap.kiai_sections)
        if (
            is_free
            and 4 * beatmap.red_line_at(start).beat_length <= end - start <= LONGEST_KIAI_MS / 2
            and starting_in(beatmap, end, until)
            and until < beatmap.hit_objects[-1].time
            and not has_red_line(beatmap, end - SAME_MS, until)
        ):
            return kiai_changed(beatmap, end, until, True, f"kiai to {until:.0f} in place of {end:.0f} ms")
    return None


_V, _S, _R, _K = Category.SCROLL_SPEED, Category.SLIDERS, Category.RHYTHM, Category.KIAI
FAULTS: tuple[Fault, ...] = (
    Fault("velocity-line-lost", "", (_S, _V, _R), ALL_MODES - SCROLLING_MODES, _line_lost),
    Fault("scroll-line-lost", "", (_V,), SCROLLING_MODES, _line_lost),
    Fault("velocity-line-late", "5 ms", (_V, _S), ALL_MODES, partial(_line_late, 5)),
    Fault("kiai-lost", "", (_K,), ALL_MODES, _kiai_lost),
    Fault("kiai-doubled", "", (_K,), ALL_MODES, _kiai_doubled),
)
