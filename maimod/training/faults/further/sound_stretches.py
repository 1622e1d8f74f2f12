"""Planted mistakes of hitsounds that were copied or typed over a stretch, at the edges of a slider, or in a section's first
sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import (
    ALL_MODES,
    NOT_TAIKO,
    PLAYFIELD_MODES,
    Beatmap,
    HitObject,
    ObjectKind,
    SliderPath,
    TimingPoint,
)
from maimod.training.faults.additions import is_patterned
from maimod.training.faults.base import (
    ADDITIONS,
    CLAP,
    FINISH,
    SAME_MS,
    WHISTLE,
    Envelope,
    Fault,
    Planted,
    additions_of,
    at_volume,
    best_in_turn,
    exchanged,
    has_red_line,
    in_turn,
    mistake_at,
    on_downbeat,
    over,
    overridden,
    pick,
    rebuild,
    sliders_of,
    starting_in,
    stretches,
    with_additions,
    with_objects,
    without_idle,
)
from maimod.training.faults.passage_lines import LEAST_STEP, LONGEST_LINE_MS

LEAST_SOUNDS = 2
LEAST_CHANGED = 3
LEAST_FINISHES = 4
SECTIONS = (4, 8, 16)
"""Measures between the starts of two sections."""
MOSTLY = 0.7
"""Share of sliders that makes a habit."""
LEAST_RAMP = 4
"""Percent; steps of a ramp."""


def _with_sounds(beatmap: Beatmap, objects: Sequence[HitObject], sounds: Sequence[int]) -> Beatmap:
    return with_objects(beatmap, {o.index: with_additions(o, bits) for o, bits in zip(objects, sounds, strict=True)})


def _shifted(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The additions of a measure are one object late."""
    for place in best_in_turn(random, stretches(beatmap, 1, 4), lambda place: is_patterned(beatmap, place)):
        inside = starting_in(beatmap, *place)
        sounds = [additions_of(o) for o in inside]
        late = [sounds[-1], *sounds[:-1]]
        if (
            any(b.time - a.time < SAME_MS for a, b in pairwise(inside))
            or any(o.kind is ObjectKind.SPINNER for o in inside)
            or sum(map(bool, sounds)) < LEAST_SOUNDS
            or sum(a != b for a, b in zip(sounds, late, strict=True)) < LEAST_CHANGED
        ):
            continue
        return over(_with_sounds(beatmap, inside, late), *place, "additions of a measure one object late")
    return None


def _late(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The additions of a measure are half a beat late; where nothing is half a beat later they are lost."""
    for place in best_in_turn(random, stretches(beatmap, 1, 4), lambda place: is_patterned(beatmap, place)):
        inside = starting_in(beatmap, *place)
        by = beatmap.red_line_of(place[0]).beat_length / 2
        at = {o.time: additions_of(o) for o in inside}
        late = [next((bits for time, bits in at.items() if abs(time + by - o.time) < SAME_MS), 0) for o in inside]
        if (
            len(at) < len(inside)
            or any(o.kind is ObjectKind.SPINNER for o in inside)
            or sum(map(bool, late)) < LEAST_SOUNDS
            or sum(a != b for a, b in zip(at.values(), late, strict=True)) < LEAST_CHANGED
        ):
            continue
        return over(_with_sounds(beatmap, inside, late), *place, "additions of a measure half a beat late")
    return None


def _other_way(bits: int) -> int:
    """Whistle for clap and clap for whistle."""
    return bits & ~(WHISTLE | CLAP) | (CLAP if bits & WHISTLE else 0) | (WHISTLE if bits & CLAP else 0)


def _exchanged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Whistle and clap are exchanged for two measures."""

    def changed(o: HitObject) -> HitObject:
        slider = o.slider and replace(o.slider, edge_sounds=tuple(map(_other_way, o.slider.edge_sounds)))
        return replace(o, hitsound=_other_way(o.hitsound), slider=slider)

    for place in best_in_turn(random, stretches(beatmap, 2), lambda place: is_patterned(beatmap, place)):
        new = {o.index: other for o in starting_in(beatmap, *place) if (other := changed(o)) != o}
        if len(new) >= LEAST_CHANGED:
            return over(with_objects(beatmap, new), *place, "whistle and clap exchanged for two measures")
    return None


def _finish_missing(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The finish is missing where a section or kiai begins."""
    finishes = [o for o in beatmap.hit_objects if additions_of(o) & FINISH and on_downbeat(beatmap, o.time)]
    if len(finishes) < LEAST_FINISHES:
        return None
    times = {round(o.time) + by for o in finishes for by in (-1, 0, 1)}
    kiais = [first.time for first, _ in beatmap.kiai_sections]

    def begins_section(o: HitObject) -> bool:
        red = beatmap.red_line_of(o.time)
        steps = [sign * count * max(red.meter, 1) * red.beat_length for count in SECTIONS for sign in (-1, 1)]
        return any(abs(o.time - kiai) < SAME_MS for kiai in kiais) or any(round(o.time + by) in times for by in steps)

    o = pick(random, [o for o in finishes if begins_section(o)])
    if o is None:
        return None
    without = with_additions(o, additions_of(o) & ~FINISH)
    return mistake_at(exchanged(beatmap, o, without), o, "finish missing where a section begins")


def _with_edges(beatmap: Beatmap) -> list[HitObject]:
    """Sliders with a sound of its own on each edge."""
    return [o for o in sliders_of(beatmap) if o.slider and len(o.slider.edge_sounds) == o.slider.slides + 1]


def _edges_reversed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The sounds of a slider's tail are at its head, and those of its head at its tail."""

    def is_uneven(path: SliderPath) -> bool:
        sounds = [bits & ADDITIONS for bits in path.edge_sounds]
        return sounds != sounds[::-1]

    places = [o for o in _with_edges(beatmap) if o.slider is not None and is_uneven(o.slider)]
    o = pick(random, places)
    if o is None or o.slider is None:
        return None
    slider = replace(o.slider, edge_sounds=o.slider.edge_sounds[::-1], edge_sets=o.slider.edge_sets[::-1])
    note = "sounds of a slider from its tail to its head"
    return mistake_at(exchanged(beatmap, o, replace(o, slider=slider)), o, note, o.end_time)


def _body_sound(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The addition of a slider's head is on all of its edges, as a key pressed with the whole slider selected leaves it,
    in a map whose tails are mostly without."""

    def is_at_head(path: SliderPath) -> bool:
        sounds = [bits & ADDITIONS for bits in path.edge_sounds]
        return bool(sounds[0]) and not any(sounds[1:])

    sounded = [o for o in _with_edges(beatmap) if o.slider is not None and o.slider.edge_sounds[0] & ADDITIONS]
    places = [o for o in sounded if o.slider is not None and is_at_head(o.slider)]
    if len(places) < MOSTLY * len(sounded):
        return None
    o = pick(random, places)
    if o is None or o.slider is None:
        return None
    bits = o.slider.edge_sounds[0]
    slider = replace(o.slider, edge_sounds=(bits,) * len(o.slider.edge_sounds))
    note = f"addition {bits & ADDITIONS} of a head on all edges"
    return mistake_at(exchanged(beatmap, o, replace(o, slider=slider)), o, note, o.end_time)


# ---------------------------------------------------------------------------------------------------------------------
# Lines of volume


def _steps(beatmap: Beatmap) -> list[tuple[TimingPoint, TimingPoint]]:
    """(line before, line) of the green lines that change the volume and are alone at their time."""
    points = beatmap.sorted_timing_points
    return [
        (before, point)
        for before, point, after in zip(points, points[1:], [*points[2:], None], strict=False)
        if not point.uninherited
        and abs(point.volume - before.volume) >= LEAST_STEP
        and before.time < point.time
        and (after is None or after.time > point.time)
    ]


def _has_own_volume(objects: list[HitObject]) -> bool:
    return any(o.sample.volume for o in objects)


def _at_former_volume(beatmap: Beatmap, former: TimingPoint, point: TimingPoint, until: float, note: str) -> Planted:
    """A map that has the volume of a former line from another one on until a time in ms."""
    lines = without_idle(overridden(beatmap, point.time, until, partial(at_volume, former.volume)), point.time)
    return over(rebuild(beatmap, timing_points=lines), point.time, until, note)


def _step_late(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A change of volume comes late."""
    for before, point in in_turn(random, _steps(beatmap)):
        until = float(round(point.time + beats * beatmap.red_line_at(point.time).beat_length))
        inside = starting_in(beatmap, point.time, until)
        later = [other for other in beatmap.timing_points if point.time < other.time <= until]
        if not inside or later or _has_own_volume(inside) or has_red_line(beatmap, point.time - SAME_MS, until):
            continue
        note = f"volume {before.volume} becomes {point.volume} {beats:g} beats late"
        return _at_former_volume(beatmap, before, point, until, note)
    return None


def _step_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A line that changes the volume is lost: until the next line the section sounds as the one before. What else it sets stays."""
    points = beatmap.sorted_timing_points
    for before, point in in_turn(random, _steps(beatmap)):
        until = next((other.time for other in points if other.time > point.time), None)
        if until is None or until - point.time > LONGEST_LINE_MS:
            continue
        inside = starting_in(beatmap, point.time, until)
        if len(inside) < LEAST_SOUNDS or _has_own_volume(inside):
            continue
        note = f"volume stays {before.volume} in place of {point.volume}"
        return _at_former_volume(beatmap, before, point, until, note)
    return None


def _ramp_broken(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One line of a volume that rises or falls over at least four lines has the value of the first of them."""
    points = [point for point in beatmap.sorted_timing_points if not point.uninherited]
    places = []
    for ramp in zip(points, points[1:], points[2:], points[3:], strict=False):
        steps = [b.volume - a.volume for a, b in pairwise(ramp)]
        is_steady = all(step >= LEAST_RAMP for step in steps) or all(step <= -LEAST_RAMP for step in steps)
        if is_steady and ramp[3].time - ramp[0].time <= LONGEST_LINE_MS:
            places.append(ramp)
    for first, _, point, after in in_turn(random, places):
        inside = starting_in(beatmap, point.time, after.time)
        if not inside or _has_own_volume(inside) or has_red_line(beatmap, first.time - SAME_MS, after.time):
            continue
        note = f"volume {point.volume} of a ramp is {first.volume}"
        return _at_former_volume(beatmap, first, point, after.time, note)
    return None


_H = (Category.HITSOUNDS,)
FAULTS: tuple[Fault, ...] = (
    Fault("additions-shifted", "1 object", _H, NOT_TAIKO, _shifted),
    Fault("additions-late", "1/2 beat", _H, NOT_TAIKO, _late),
    Fault("additions-exchanged", "2 measures", _H, NOT_TAIKO, _exchanged),
    Fault("finish-missing", "", _H, NOT_TAIKO, _finish_missing),
    Fault("edge-sounds-reversed", "", _H, PLAYFIELD_MODES, _edges_reversed),
    Fault("edge-sounds-everywhere", "", _H, PLAYFIELD_MODES, _body_sound),
    Fault("volume-late", "1 beat", _H, ALL_MODES, partial(_step_late, 1)),
    Fault("volume-line-lost", "", _H, ALL_MODES, _step_lost),
    Fault("volume-ramp-broken", "", _H, ALL_MODES, _ramp_broken),
)
