"""Planted mistakes of taiko: hitsounds of another mode, notes without colours yet, the finish key with too
much selected, red lines in place of green ones and green lines of another measure. Two are of catch as well: bursts
drawn as one slider, and spinners dragged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ONLY_TAIKO, WIDTH, Beatmap, HitObject, Mode, ObjectKind, SliderPath
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training.faults.base import (
    CLAP,
    CLEAR_GAP_MS,
    FINISH,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    exchanged,
    green_line,
    has_copy,
    has_red_line,
    in_turn,
    is_circle,
    is_inside,
    is_on_tick,
    mistake_at,
    moved_in_time,
    on_downbeat,
    over,
    rebuild,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.bursts import bursts_of
from maimod.training.faults.colours import KAT, is_kat
from maimod.training.faults.passage_lines import with_lines_of
from maimod.training.faults.passages import SOURCES_TRIED

LEAST_NOTES = 4
LEAST_RECOLOURED = 4
LEAST_KATS = 3
RARE = 0.05
"""Share of measures without kats, up to which the map has such measures by accident."""
GROUP_NOTES = (3, 4, 5)
LEAST_MEASURES_AFTER = 4
CATCH_AND_TAIKO = frozenset({Mode.TAIKO, Mode.CATCH})


def _with_sounds(beatmap: Beatmap, place: tuple[float, float], new: dict[int, int], note: str) -> Planted:
    """The notes of a stretch [ms] with other hitsounds, by index."""
    changed = {i: replace(beatmap.hit_objects[i], hitsound=bits) for i, bits in new.items()}
    return over(with_objects(beatmap, changed), *place, note)


def _notes_in(beatmap: Beatmap, place: tuple[float, float]) -> list[HitObject]:
    """Notes that start in a stretch [ms], without drum rolls and dendens."""
    return [o for o in starting_in(beatmap, *place) if is_circle(o)]


# ---------------------------------------------------------------------------------------------------------------------
# Colours and finishers


def _hitsounds_copied(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The hitsounds of an osu! difficulty were copied onto two measures: a finish on the first beat, claps on every second and
    fourth beat, nothing elsewhere. So its notes there are kats, and all others dons."""
    for place in best_in_turn(random, stretches(beatmap, 2, LEAST_NOTES), lambda place: has_copy(beatmap, *place)):
        red, notes = beatmap.red_line_of(place[0]), _notes_in(beatmap, place)

        def sound(o: HitObject, start: float = place[0], beat: float = red.beat_length) -> int:
            beats = (o.time - start) / beat
            if abs(beats) < SAME_MS / beat:
                return FINISH
            return CLAP if round(beats) % 2 and abs(beats - round(beats)) < SAME_MS / beat else 0

        new = {o.index: sound(o) for o in notes}
        recoloured = sum(is_kat(o) != bool(new[o.index] & KAT) for o in notes)
        if red.meter == 4 and recoloured >= LEAST_RECOLOURED and sum(bits == CLAP for bits in new.values()) >= 2:
            return _with_sounds(beatmap, place, new, f"hitsounds of osu! on {len(notes)} notes")
    return None


def _colours_not_set(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes of a measure are plain dons: they have their rhythm, but no colours yet. Only in a map with next to no measures
    without kats."""
    places = stretches(beatmap, 1, LEAST_NOTES)
    notes = {place: _notes_in(beatmap, place) for place in places}
    if sum(not any(map(is_kat, inside)) for inside in notes.values()) > RARE * len(places):
        return None
    for place in best_in_turn(random, places, lambda place: has_copy(beatmap, *place)):
        if sum(map(is_kat, notes[place])) >= LEAST_KATS:
            new = {o.index: o.hitsound & ~(KAT | FINISH) for o in notes[place]}
            return _with_sounds(beatmap, place, new, f"{len(new)} notes without colours")
    return None


def _finishers_selected(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The notes before or after a finisher are finishers too: they were selected with it when the finish key was pressed. Only in
    a map that has no such groups."""
    objects = beatmap.hit_objects

    def groups(count: int) -> list[tuple[HitObject, ...]]:
        found = (objects[i : i + count] for i in range(1, len(objects) - count))
        return [group for group in found if all(map(is_circle, group)) and _is_dense(beatmap, group)]

    def sizes(group: tuple[HitObject, ...]) -> list[bool]:
        return [bool(o.hitsound & FINISH) for o in group]

    if any(all(sizes(group)) for group in groups(GROUP_NOTES[0])):
        return None
    of_all = [group for count in in_turn(random, GROUP_NOTES) for group in in_turn(random, groups(count))]
    for group in of_all:
        big = sizes(group)
        if sum(big) == 1 and (big[0] or big[-1]):
            new = {o.index: replace(o, hitsound=o.hitsound | FINISH) for o in group}
            indices = tuple(o.index for o, is_big in zip(group, big, strict=True) if not is_big)
            changed = with_objects(beatmap, new)
            start, end = objects[indices[0]].time, objects[indices[-1]].time
            return Planted(changed, start, end, indices, f"{len(indices)} notes beside a finisher are finishers too")
    return None


def _is_dense(beatmap: Beatmap, group: Sequence[HitObject]) -> bool:
    """Whether half a beat or less lies between objects that follow each other."""
    return all(
        CLEAR_GAP_MS <= b.time - a.time <= beatmap.red_line_of(a.time).beat_length / 2 + SAME_MS
        for a, b in pairwise(group)
    )


# ---------------------------------------------------------------------------------------------------------------------
# Lines


def _red_for_green(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A red line of the same tempo is on a beat within a measure, where a green line was meant: the bar lines begin anew there.
    Where the speed is not 1x, a green line at the same time keeps it."""
    times = sorted({o.time for o in beatmap.hit_objects})
    last = beatmap.hit_objects[-1].end_time
    green = {point.time for point in beatmap.timing_points if not point.uninherited}
    places = [
        time
        for time in times[1:]
        if is_on_tick(beatmap, time, 1)
        and not on_downbeat(beatmap, time)
        and not any(SAME_MS >= abs(point.time - time) > 0 for point in beatmap.timing_points)
    ]
    for time in best_in_turn(random, places, lambda time: time in green):
        red, point = beatmap.red_line_of(time), beatmap.timing_point_at(time)
        end = min([other.time for other in beatmap.red_lines if other.time > time + SAME_MS] + [last])
        if end - time < LEAST_MEASURES_AFTER * red.meter * red.beat_length or red.time > time:
            continue
        own = replace(red, time=time, effects=point.effects & 1, volume=point.volume)
        added = [replace(own, sample_set=point.sample_set, sample_index=point.sample_index)]
        if time not in green and not math.isclose(point.velocity, 1.0):
            added.append(green_line(point, time))
        changed = rebuild(beatmap, timing_points=[*beatmap.timing_points, *added])
        beats = round((time - red.time) / red.beat_length) % red.meter + 1
        return replace(over(changed, time, end, f"red line on beat {beats} of a measure"), is_local=False)
    return None


def _scroll_pasted(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two measures have the scroll speeds of two others, which change within them: their green lines were pasted there."""
    measures = [place for place in stretches(beatmap, 2, LEAST_NOTES) if _is_free_of_rolls(beatmap, place)]
    sources = [
        place
        for place in measures
        if len({round(beatmap.velocity_at(o.time), 2) for o in starting_in(beatmap, *place)}) > 1
    ]
    for start, end in in_turn(random, measures):
        for source in list(in_turn(random, sources))[:SOURCES_TRIED]:
            if abs(source[1] - source[0] - (end - start)) < SAME_MS and abs(source[0] - start) >= end - start - SAME_MS:
                planted = with_lines_of(beatmap, source[0], start, float(round(end)))
                if planted is not None:
                    return planted
    return None


def _is_free_of_rolls(beatmap: Beatmap, place: tuple[float, float]) -> bool:
    """Whether a stretch [ms] has only notes, whose durations no line changes, and no red line after its start."""
    return all(map(is_circle, starting_in(beatmap, *place))) and not has_red_line(beatmap, place[0], place[1] + SAME_MS)


# ---------------------------------------------------------------------------------------------------------------------
# Also in catch


def _burst_drawn(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A burst is one slider of its length, as an easier difficulty has it, although the same rhythm some measures before or after
    has its notes: in taiko a drum roll, in catch a juice stream from the first fruit towards the last."""
    objects = beatmap.hit_objects
    for rows in in_turn(random, bursts_of(beatmap)):
        burst = [row.objects[0] for row in rows]
        first, last = burst[0], burst[-1]
        if (
            not all(is_circle(row.only) for row in rows)
            or any(o.new_combo for o in burst[1:] if beatmap.mode is Mode.CATCH)
            or last.index + 1 >= len(objects)
            or objects[last.index + 1].time < last.time + CLEAR_GAP_MS
            or has_red_line(beatmap, first.time, last.time)
            or not has_copy(beatmap, first.time, last.time + 2 * SAME_MS)
        ):
            continue
        ticks = round((last.time - first.time) / beatmap.red_line_of(first.time).beat_length * TICKS_PER_BEAT)
        length = beatmap.pixels_per_beat(first.time) * ticks / TICKS_PER_BEAT
        point = _end_of(beatmap, first, last, length)
        if point is None:
            continue
        sets = tuple((o.sample.normal_set, o.sample.addition_set) for o in (first, last))
        path = SliderPath("L", ((first.x, first.y), point), 1, length, (first.hitsound, last.hitsound), sets)
        slider = replace(first, kind=ObjectKind.SLIDER, slider=path, hitsound=0)
        changed = with_objects(beatmap, {first.index: slider, **dict.fromkeys([o.index for o in burst[1:]])})
        return Planted(changed, first.time, last.time, (first.index,), f"a burst of {len(burst)} notes is one slider")
    return None


def _end_of(beatmap: Beatmap, first: HitObject, last: HitObject, length: float) -> tuple[float, float] | None:
    """End of a straight slider of a length [px]: at the x of the last fruit if it gets there; None outside the playfield."""
    if beatmap.mode is Mode.TAIKO:
        return (first.x + length if first.x + length <= WIDTH else max(first.x - length, 0.0)), first.y
    across = max(-length, min(length, last.x - first.x))
    down = math.sqrt(length**2 - across**2)
    ends = [(float(round(first.x + across)), float(round(first.y + y))) for y in (down, -down)]
    return next((end for end in ends if is_inside(end)), None)


def _spinner_dragged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A denden or banana shower was dragged by half a beat: it lasts as long as before, between the same objects."""
    objects = beatmap.hit_objects
    sign = 1 if random.random() < 0.5 else -1
    for o in in_turn(random, [o for o in objects[1:-1] if o.kind is ObjectKind.SPINNER]):
        beat = beatmap.red_line_of(o.time).beat_length
        before, after = objects[o.index - 1], objects[o.index + 1]
        for by in (sign * beat / 2, -sign * beat / 2):
            moved = moved_in_time(o, float(round(by)))
            if (
                before.end_time + beat / 4 - SAME_MS <= moved.time
                and moved.end_time <= after.time - beat / 4 + SAME_MS
                and not has_red_line(beatmap, before.end_time, after.time + SAME_MS)
            ):
                planted = mistake_at(exchanged(beatmap, o, moved), moved, f"spinner dragged by {by / beat:+g} beats")
                return replace(planted, start=min(o.time, moved.time), end=max(o.end_time, moved.end_time))
    return None


_H, _R, _T = Category.HITSOUNDS, Category.RHYTHM, Category.TIMING
_S, _V = Category.SLIDERS, Category.SCROLL_SPEED
FAULTS: tuple[Fault, ...] = (
    Fault("hitsounds-copied", "2 measures", (_H,), ONLY_TAIKO, _hitsounds_copied),
    Fault("colours-not-set", "1 measure", (_H,), ONLY_TAIKO, _colours_not_set),
    # How close together finishers may be is of the rhythm in the criteria.
    Fault("finishers-selected", "", (_H, _R), ONLY_TAIKO, _finishers_selected),
    Fault("red-for-green", "", (_T,), ONLY_TAIKO, _red_for_green, is_alone=True),
    Fault("scroll-pasted", "2 measures", (_V,), ONLY_TAIKO, _scroll_pasted),
    Fault("burst-drawn", "", (_R, _S), CATCH_AND_TAIKO, _burst_drawn),
    Fault("spinner-dragged", "1/2 beat", (_R,), CATCH_AND_TAIKO, _spinner_dragged),
)
