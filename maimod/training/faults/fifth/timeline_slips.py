"""Planted mistakes in the timeline of osu! and catch: every other circle late, a pick-up on the wrong side, sliders
placed by their ends, converted to streams or given another velocity, rhythms filled up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, HitObject, ObjectKind
from maimod.osu.slider_path import flatten, tail
from maimod.osu.timing import edited_length
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    NO_ONSET,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    crosses_point,
    exchanged,
    faster,
    has_copy,
    has_red_line,
    is_circle,
    is_inside,
    is_on_tick,
    mistake_at,
    moved_in_time,
    onset_strengths,
    over,
    overridden,
    rebuild,
    sliders_of,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.figures import even_figures

LATE_OBJECTS = (4, 6)
UNLIKE_GAPS = 1.9
"""The longer of two gaps is at least so many times the shorter, so that it matters which comes first."""
LEAST_ADDED = 3
LEAST_SHORTENED = 2
LEAST_STREAM_GAP_MS = 60.0


def _is_heard_less(beatmap: Beatmap, envelope: Envelope, old: Sequence[float], new: Sequence[float]) -> bool:
    """Whether the song is weaker on the whole at the new times [ms] than at the old ones; yes without a song."""
    if envelope is None:
        return True
    before, after = (onset_strengths(beatmap, envelope, times).mean() for times in (old, new))
    return bool(after < before)


def _is_silent(beatmap: Beatmap, envelope: Envelope, times: Sequence[float]) -> bool:
    """Whether the song has next to no onsets at these times [ms]; yes without a song."""
    return envelope is None or bool(onset_strengths(beatmap, envelope, times).mean() <= NO_ONSET)


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


def _every_other_late(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Every other circle of an even run was selected and dragged half a gap late: the run gallops."""
    for figure in even_figures(beatmap, random, LATE_OBJECTS):
        gap = (figure[-1].time - figure[0].time) / (len(figure) - 1)
        after = beatmap.hit_objects[figure[-1].index + 1]
        late = figure[1::2]
        moved = [moved_in_time(o, float(round(gap / 2))) for o in late]
        if (
            gap >= 2 * CLEAR_GAP_MS
            and after.time - moved[-1].time >= CLEAR_GAP_MS
            and all(is_on_tick(beatmap, o.time, 4) for o in (figure[0], *moved))
            and not crosses_point(beatmap, figure[0].time, moved[-1].time)
            and _is_heard_less(beatmap, envelope, [o.time for o in late], [o.time for o in moved])
        ):
            changed = with_objects(beatmap, {o.index: o for o in moved})
            note = f"every other circle of {len(figure)} half a gap late"
            return Planted(changed, late[0].time, moved[-1].time, tuple(o.index for o in late), note)
    return None


def _pick_up(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A circle between a short and a long gap was snapped so that they come in the other order: it follows closely where it should
    lead into the next object, or the other way round."""
    objects = beatmap.hit_objects

    def is_known(i: int) -> bool:
        return has_copy(beatmap, objects[i - 1].time, objects[i + 1].time + SAME_MS)

    for i in best_in_turn(random, range(1, len(objects) - 1), is_known):
        before, o, after = objects[i - 1 : i + 2]
        gaps = o.time - before.end_time, after.time - o.time
        time = float(round(before.end_time + gaps[1]))
        if (
            is_circle(o)
            and ObjectKind.SPINNER not in (before.kind, after.kind)
            and min(gaps) >= CLEAR_GAP_MS
            and max(gaps) >= UNLIKE_GAPS * min(gaps)
            and sum(gaps) <= 2 * beatmap.red_line_of(o.time).beat_length + SAME_MS
            and all(is_on_tick(beatmap, at, 4) for at in (o.time, time))
            and not crosses_point(beatmap, o.time, time)
            and _is_heard_less(beatmap, envelope, [o.time], [time])
        ):
            moved = moved_in_time(o, time - o.time)
            note = f"gaps of {gaps[0]:.0f} and {gaps[1]:.0f} ms around a circle in the other order"
            planted = mistake_at(exchanged(beatmap, o, moved), moved, note)
            return replace(planted, start=min(o.time, time), end=max(o.time, time))
    return None


def _filled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A measure still has the circles of a harder difficulty that it was adapted from: one more in each gap of half a beat. Only
    where the song has next to no onsets for them."""
    for start, end in best_in_turn(random, stretches(beatmap, 1, 3), lambda place: has_copy(beatmap, *place)):
        inside = starting_in(beatmap, start, end)
        half = beatmap.red_line_of(start).beat_length / 2
        added = []
        for a, b in pairwise((*inside, beatmap.hit_objects[inside[-1].index + 1])):
            if abs(b.time - a.end_time - half) < SAME_MS and ObjectKind.SPINNER not in (a.kind, b.kind):
                x, y = tail(a.slider) if a.slider else (a.x, a.y)
                time = float(round((a.end_time + b.time) / 2))
                added.append(_circle(a, time, (x + b.x) / 2, (y + b.y) / 2))
        if (
            len(added) >= LEAST_ADDED
            and half / 2 >= LEAST_STREAM_GAP_MS
            and all(is_inside((o.x, o.y)) for o in added)
            and _is_silent(beatmap, envelope, [o.time for o in added])
        ):
            changed = rebuild(beatmap, hit_objects=[*beatmap.hit_objects, *added])
            return over(changed, start, end, f"{len(added)} circles more in the gaps of a measure")
    return None


def _circle(like: HitObject, time: float, x: float, y: float, hitsound: int = 0) -> HitObject:
    """A circle within the combo of an object and with its samples."""
    return replace(
        like,
        kind=ObjectKind.CIRCLE,
        slider=None,
        time=time,
        end_time=time,
        x=float(round(x)),
        y=float(round(y)),
        new_combo=False,
        combo_skip=0,
        hitsound=hitsound,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Sliders


def _tail_at_head(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider was dragged by its end: it ends where it should begin."""
    places = [o for o in sliders_of(beatmap) if o.index]
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, o.end_time + SAME_MS)):
        before = beatmap.hit_objects[o.index - 1]
        moved = moved_in_time(o, -float(round(o.duration)))
        if (
            o.duration >= 2 * CLEAR_GAP_MS
            and before.kind is not ObjectKind.SPINNER
            and before.end_time + CLEAR_GAP_MS <= moved.time
            and is_on_tick(beatmap, moved.time, 4)
            and not crosses_point(beatmap, moved.time, o.time)
            and _is_heard_less(beatmap, envelope, [o.time], [moved.time])
        ):
            note = "slider ends where it should begin"
            return mistake_at(exchanged(beatmap, o, moved), moved, note, o.end_time)
    return None


def _to_stream(divisor: int, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider was converted to a stream: there are circles on all ticks along its body. Only where the song has next to no onsets
    inside it."""
    objects = beatmap.hit_objects
    places = [
        o
        for o in sliders_of(beatmap)
        if o.slider is not None
        and o.slider.slides == 1
        and o.index + 1 < len(objects)
        and objects[o.index + 1].time >= o.end_time + CLEAR_GAP_MS
        and not has_red_line(beatmap, o.time, o.end_time + SAME_MS)
    ]
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, o.end_time + SAME_MS)):
        assert o.slider is not None
        gap = beatmap.red_line_of(o.time).beat_length / divisor
        count = round(o.duration / gap)
        if count < 2 or abs(count * gap - o.duration) > SAME_MS or gap < LEAST_STREAM_GAP_MS:
            continue
        path = flatten(o.slider)
        points = [path.at(path.length * k / count)[0] for k in range(count + 1)]
        sounds = o.slider.edge_sounds or (o.hitsound, o.hitsound)
        heard = [sounds[0], *[0] * (count - 1), sounds[-1]]
        stream = [
            _circle(o, float(round(o.time + k * gap)), float(x), float(y), sound)
            for k, ((x, y), sound) in enumerate(zip(points, heard, strict=True))
        ]
        stream[0] = replace(stream[0], new_combo=o.new_combo, combo_skip=o.combo_skip)
        inner = [circle.time for circle in stream[1:-1]]
        if all(is_inside((c.x, c.y)) for c in stream) and _is_silent(beatmap, envelope, inner):
            changed = exchanged(beatmap, o, *stream)
            indices = tuple(range(o.index, o.index + count + 1))
            note = f"slider converted to {count + 1} circles on 1/{divisor}"
            return Planted(changed, o.time, max(o.end_time, stream[-1].time), indices, note)
    return None


def _other_velocity(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The velocity of one slider was changed and its body left as it was, so that it lasts longer or less long."""
    objects = beatmap.hit_objects
    places = [o for o in sliders_of(beatmap) if o.index + 1 < len(objects)]
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, o.end_time + SAME_MS)):
        until, velocity = objects[o.index + 1].time, beatmap.velocity_at(o.time)
        end = o.time + o.duration / factor
        if (
            0.1 <= velocity * factor <= 10
            and 2 * CLEAR_GAP_MS <= end - o.time <= until - o.time - CLEAR_GAP_MS
            and is_on_tick(beatmap, end, 4)
            and not has_red_line(beatmap, o.time, until + SAME_MS)
        ):
            changed = rebuild(beatmap, timing_points=overridden(beatmap, o.time, until, partial(faster, factor)))
            note = f"velocity {velocity:g}x of a slider becomes {velocity * factor:g}x, its body stays"
            return mistake_at(changed, o, note, max(o.end_time, end))
    return None


def _recalculated(factor: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Sliders of two measures became faster and got new lengths: each ends at the last tick that its body reaches, before the one at
    which it ended."""
    whole = {o.index for o in sliders_of(beatmap)}
    for start, end in best_in_turn(random, stretches(beatmap, 2, 2), lambda place: has_copy(beatmap, *place)):
        sliders = [o for o in starting_in(beatmap, start, end) if o.slider is not None]
        lines = overridden(beatmap, start, end, partial(faster, factor))
        if (
            len(sliders) < LEAST_SHORTENED
            or not all(o.index in whole for o in sliders)
            or not all(0.1 <= beatmap.velocity_at(o.time) * factor <= 10 for o in sliders)
            or any(o.time < start for o in sliders)
        ):
            continue
        in_force = rebuild(beatmap, timing_points=lines)
        new = {}
        for o in sliders:
            assert o.slider is not None
            # As long in beats as before, from which the editor shortens it to its body.
            before = o.slider.length * factor
            length = edited_length(in_force, o.time, before, min(flatten(o.slider).natural_length, before))
            if length is not None and length < before:
                new[o.index] = replace(o, slider=replace(o.slider, length=length))
        if len(new) == len(sliders):
            changed = with_objects(in_force, new)
            return over(changed, start, end, f"{len(new)} sliders {factor:g} times as fast, with their ends on ticks")
    return None


_R, _S, _V, _P = Category.RHYTHM, Category.SLIDERS, Category.SCROLL_SPEED, Category.POSITIONS
FAULTS: tuple[Fault, ...] = (
    Fault("every-other-late", "", (_R,), PLAYFIELD_MODES, _every_other_late),
    Fault("pick-up-exchanged", "", (_R,), PLAYFIELD_MODES, _pick_up),
    Fault("rhythm-filled", "1 measure", (_R,), PLAYFIELD_MODES, _filled),
    Fault("tail-at-head", "", (_R, _S), PLAYFIELD_MODES, _tail_at_head),
    *(
        # The circles lie as close as the body was long, so findings about positions count as well.
        Fault("slider-to-stream", f"1/{divisor}", (_R, _S, _P), PLAYFIELD_MODES, partial(_to_stream, divisor))
        for divisor in (4, 3)
    ),
    *(
        Fault("velocity-without-body", f"x{factor:g}", (_S, _R, _V), PLAYFIELD_MODES, partial(_other_velocity, factor))
        for factor in (0.5, 2)
    ),
    Fault("lengths-recalculated", "x1.25", (_S, _R, _V), PLAYFIELD_MODES, partial(_recalculated, 1.25)),
)
