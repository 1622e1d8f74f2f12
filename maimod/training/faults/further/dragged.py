"""Planted mistakes of the timeline: objects dragged, exchanged, cut off or turned into another kind of object."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_MANIA, PLAYFIELD_MODES, UNSNAP_MS, Beatmap, ObjectKind, SliderPath
from maimod.osu.slider_path import tail
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid, snap
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    CLEAR_ONSET,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    Row,
    best_in_turn,
    crosses_point,
    distance,
    exchanged,
    has_copy,
    has_red_line,
    in_turn,
    is_circle,
    is_inside,
    is_on_tick,
    mistake_at,
    moved_in_time,
    onset_strengths,
    pick,
    rows_of,
    sliders_of,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.bursts import LEAST_BURSTS, bursts_of

GROUP_ROWS = (2, 3, 4)
LEAST_DETOUR_PX = 120.0
"""Exchanged circles make the way through them and their neighbours longer by this."""
RARE_THIRDS = 0.02
LEAST_JOINED_PX = 20.0
SPINNER_BEATS = 1.0


def _group_dragged(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A few objects on half beats dragged together; the gaps before and after them change."""
    rows = rows_of(beatmap)
    sign = 1 if random.random() < 0.5 else -1
    count = int(random.choice(GROUP_ROWS))
    for first in in_turn(random, range(1, len(rows) - count)):
        group, around = rows[first : first + count], rows[first - 1 : first + count + 1]
        beat = beatmap.red_line_of(group[0].time).beat_length
        if not all(_can_be_dragged(beatmap, row) for row in around) or around[-1].time - around[0].time > 8 * beat:
            continue
        held = max(o.end_time for o in beatmap.hit_objects[: group[0].objects[0].index])
        for by in (sign * beats * beat, -sign * beats * beat):
            start, end = group[0].time, max(row.end_time for row in group)
            if (
                held + CLEAR_GAP_MS <= start + by
                and end + by + CLEAR_GAP_MS <= around[-1].time
                and not crosses_point(beatmap, start + min(by, 0), end + max(by, 0))
            ):
                return _dragged(beatmap, group, float(round(by)), f"{count} objects dragged {by / beat:+g} beats")
    return None


def _can_be_dragged(beatmap: Beatmap, row: Row) -> bool:
    return is_on_tick(beatmap, row.time, 2) and all(
        o.kind not in (ObjectKind.SPINNER, ObjectKind.HOLD) for o in row.objects
    )


def _dragged(beatmap: Beatmap, group: Sequence[Row], by: float, note: str) -> Planted:
    moved = {o.index: moved_in_time(o, by) for row in group for o in row.objects}
    start, end = group[0].time, max(row.end_time for row in group)
    return Planted(with_objects(beatmap, moved), start + min(by, 0), end + max(by, 0), tuple(moved), note)


def _circles_exchanged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two circles change their order, which makes the way through them longer."""
    objects = beatmap.hit_objects
    far = partial(distance, beatmap)
    for i in in_turn(random, range(1, len(objects) - 2)):
        before, a, b, after = objects[i - 1 : i + 3]
        beat = beatmap.red_line_of(a.time).beat_length
        if (
            is_circle(a)
            and is_circle(b)
            and not (a.new_combo or b.new_combo)
            and before.kind is not ObjectKind.SPINNER
            and after.time - before.end_time <= 3 * beat
            and far(before, b) + far(a, after) - far(before, a) - far(b, after) >= LEAST_DETOUR_PX
        ):
            changed = with_objects(
                beatmap, {i: replace(b, time=a.time, end_time=a.time), i + 1: replace(a, time=b.time, end_time=b.time)}
            )
            return Planted(changed, a.time, b.time, (i, i + 1), "two circles in the wrong order")
    return None


def _slider_exchanged(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A circle and the slider after it change their order: the slider begins first, the circle is at its old end."""
    objects = beatmap.hit_objects

    def is_known(i: int) -> bool:
        return has_copy(beatmap, objects[i].time, objects[i + 1].end_time + SAME_MS)

    places = [
        i
        for i in range(1, len(objects) - 2)
        if is_circle(objects[i])
        and (slider := objects[i + 1]).slider is not None
        and not (objects[i].new_combo or slider.new_combo)
        and slider.time - objects[i].time <= beatmap.red_line_of(slider.time).beat_length + SAME_MS
        and objects[i + 2].time >= slider.end_time + CLEAR_GAP_MS
        and not crosses_point(beatmap, objects[i].time, slider.end_time)
    ]
    for i in best_in_turn(random, places, is_known):
        circle, slider = objects[i : i + 2]
        end = float(round(slider.end_time))
        changed = with_objects(
            beatmap,
            {i: moved_in_time(slider, circle.time - slider.time), i + 1: replace(circle, time=end, end_time=end)},
        )
        return Planted(changed, circle.time, end, (i, i + 1), "a circle and a slider in the wrong order")
    return None


def _slider_split(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Circles at the head and at the tail in place of a slider."""
    objects = beatmap.hit_objects
    places = [
        o
        for o in sliders_of(beatmap)[1:]
        if o.slider is not None
        and o.slider.slides == 1
        and o.duration >= beatmap.red_line_of(o.time).beat_length / 4 - SAME_MS
        and o.duration >= 2 * CLEAR_GAP_MS
        and o.index + 1 < len(objects)
        and objects[o.index + 1].time >= o.end_time + CLEAR_GAP_MS
    ]
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, o.end_time + SAME_MS)):
        assert o.slider is not None
        end = float(round(o.end_time))
        x, y = (float(round(value)) for value in tail(o.slider))
        if not is_inside((x, y)):
            continue
        sounds = o.slider.edge_sounds or (o.hitsound, o.hitsound)
        head = replace(o, kind=ObjectKind.CIRCLE, slider=None, end_time=o.time, hitsound=sounds[0])
        last = replace(head, time=end, end_time=end, x=x, y=y, new_combo=False, combo_skip=0, hitsound=sounds[-1])
        changed = exchanged(beatmap, o, head, last)
        return Planted(changed, o.time, end, (o.index, o.index + 1), "circles at both ends in place of a slider")
    return None


def _circles_joined(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider from one circle towards the next, as long as the time between them."""
    objects = beatmap.hit_objects
    places = [
        i
        for i in range(1, len(objects) - 2)
        if is_circle(objects[i])
        and is_circle(objects[i + 1])
        and not objects[i + 1].new_combo
        and 2 * CLEAR_GAP_MS
        <= objects[i + 1].time - objects[i].time
        <= beatmap.red_line_of(objects[i].time).beat_length + SAME_MS
        and not crosses_point(beatmap, objects[i].time, objects[i + 1].time)
    ]
    for i in best_in_turn(
        random, places, lambda i: has_copy(beatmap, objects[i].time, objects[i + 1].time + 2 * SAME_MS)
    ):
        a, b = objects[i : i + 2]
        apart = math.dist((a.x, a.y), (b.x, b.y))
        # Circles are at whole ms, but the editor makes sliders as long as the ticks between them.
        start, end = BeatGrid(beatmap).ticks(np.array([a.time, b.time])).tolist()
        per_beat = beatmap.pixels_per_beat(a.time)
        length = per_beat * (end - start) / TICKS_PER_BEAT
        if apart < LEAST_JOINED_PX:
            continue
        share = length / apart
        point = (float(round(a.x + (b.x - a.x) * share)), float(round(a.y + (b.y - a.y) * share)))
        if not is_inside(point):
            continue
        sets = tuple((o.sample.normal_set, o.sample.addition_set) for o in (a, b))
        path = SliderPath("L", ((a.x, a.y), point), 1, length, (a.hitsound, b.hitsound), sets)
        joined = replace(a, kind=ObjectKind.SLIDER, slider=path, hitsound=0, end_time=b.time)
        changed = with_objects(beatmap, {i: joined, i + 1: None})
        return Planted(changed, a.time, b.time, (i,), "two circles joined to a slider")
    return None


def _spinner_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    o = pick(random, [o for o in beatmap.hit_objects[1:-1] if o.kind is ObjectKind.SPINNER])
    if o is None:
        return None
    return Planted(exchanged(beatmap, o), o.time, o.end_time, (o.index - 1, o.index), "spinner deleted")


def _spinner_end(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A spinner ends a beat early or late."""
    objects = beatmap.hit_objects
    sign = 1 if random.random() < 0.5 else -1
    for o in in_turn(random, [o for o in objects[:-1] if o.kind is ObjectKind.SPINNER]):
        beat = beatmap.red_line_at(o.end_time).beat_length
        for by in (sign * SPINNER_BEATS * beat, -sign * SPINNER_BEATS * beat):
            end = float(round(o.end_time + by))
            if end - o.time >= beat - SAME_MS and end + CLEAR_GAP_MS <= objects[o.index + 1].time:
                changed = exchanged(beatmap, o, replace(o, end_time=end))
                return mistake_at(changed, o, f"spinner ends {by / beat:+g} beats off", max(end, o.end_time))
    return None


def _end_tick(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider of a beat or more ends one tick early or late; the object after it stays."""
    objects = beatmap.hit_objects
    sign = 1 if random.random() < 0.5 else -1
    for o in in_turn(random, [o for o in sliders_of(beatmap)[:-1] if o.slider is not None and o.slider.slides == 1]):
        assert o.slider is not None
        beat = beatmap.red_line_of(o.time).beat_length
        if o.duration < beat - SAME_MS or not is_on_tick(beatmap, o.end_time, 4):
            continue
        for by in (sign * beats * beat, -sign * beats * beat):
            if o.index + 1 < len(objects) and o.end_time + by + CLEAR_GAP_MS <= objects[o.index + 1].time:
                slider = replace(o.slider, length=o.slider.length * (o.duration + by) / o.duration)
                changed = exchanged(beatmap, o, replace(o, slider=slider))
                return mistake_at(changed, o, f"slider ends {by / beat:+g} beats off", o.end_time + max(by, 0))
    return None


def _burst_shortened(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The last note of a burst is missing, in a map with more bursts of its length."""
    bursts = bursts_of(beatmap)
    counts = Counter(map(len, bursts))
    places = [
        burst
        for burst in bursts
        if counts[len(burst)] >= LEAST_BURSTS
        and (last := burst[-1].only) is not None
        and is_circle(last)
        and (not last.new_combo or beatmap.mode not in PLAYFIELD_MODES)
        and 0 < last.index < len(beatmap.hit_objects) - 1
    ]
    if envelope is not None and places:
        strengths = onset_strengths(beatmap, envelope, [burst[-1].time for burst in places])
        places = [burst for burst, strength in zip(places, strengths, strict=True) if strength >= CLEAR_ONSET]
    burst = pick(random, places)
    if burst is None:
        return None
    o = burst[-1].objects[0]
    note = f"the last of {len(burst)} objects of a burst is missing"
    return Planted(exchanged(beatmap, o), o.time, o.time, (o.index - 1, o.index), note)


def _passage_deleted(measures: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """All objects of half a measure to two measures are gone, in a stretch that is mapped before and after."""
    rows = rows_of(beatmap)
    places = stretches(beatmap, 1, 4)
    for start, whole in best_in_turn(random, places, lambda place: has_copy(beatmap, *place)):
        end = start + (whole - start) * measures
        inside = starting_in(beatmap, start, end)
        before, after = starting_in(beatmap, 2 * start - whole, start), starting_in(beatmap, end, end + whole - start)
        if (
            len(inside) >= 3
            and min(len(before), len(after)) >= 3
            and rows[0].time < start
            and not has_red_line(beatmap, start, end)
            and all(o.kind is not ObjectKind.SPINNER and o.end_time <= end for o in inside)
        ):
            changed = with_objects(beatmap, dict.fromkeys([o.index for o in inside]))
            first = inside[0].index
            note = f"{len(inside)} objects of {measures:g} measures deleted"
            return Planted(changed, start, end, (first - 1, first), note)
    return None


def _on_third(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """An object between the beats is on a third of the beat, in a map that has next to none there."""
    rows = rows_of(beatmap)
    thirds = [row for row in rows if is_on_tick(beatmap, row.time, 3) and not is_on_tick(beatmap, row.time, 1)]
    if len(thirds) > RARE_THIRDS * len(rows):
        return None
    sign = 1 if random.random() < 0.5 else -1
    for i in in_turn(random, range(1, len(rows) - 1)):
        o, red = rows[i].only, beatmap.red_line_of(rows[i].time)
        if o is None or not is_circle(o) or is_on_tick(beatmap, o.time, 1) or not is_on_tick(beatmap, o.time, 4):
            continue
        beats = math.floor((o.time - red.time) / red.beat_length + SAME_MS / red.beat_length)
        for third in (1, 2)[::sign]:
            time = float(round(red.time + (beats + third / 3) * red.beat_length))
            if (
                rows[i - 1].end_time + CLEAR_GAP_MS <= time <= rows[i + 1].time - CLEAR_GAP_MS
                and SAME_MS < abs(time - o.time) <= red.beat_length / 5
                and not crosses_point(beatmap, o.time, time)
                and abs(snap(beatmap, time).error) < UNSNAP_MS
            ):
                planted = mistake_at(
                    exchanged(beatmap, o, moved_in_time(o, time - o.time)),
                    moved_in_time(o, time - o.time),
                    f"object moved to {third}/3 of its beat",
                )
                return replace(planted, start=min(o.time, time), end=max(o.time, time))
    return None


_R, _S, _P = Category.RHYTHM, Category.SLIDERS, Category.POSITIONS
FAULTS: tuple[Fault, ...] = (
    *(
        Fault("group-dragged", f"{name} beat", (_R,), ALL_MODES, partial(_group_dragged, beats))
        for name, beats in (("1/4", 0.25), ("1/8", 0.125))
    ),
    Fault("circles-exchanged", "", (_P,), PLAYFIELD_MODES, _circles_exchanged),
    Fault("slider-exchanged", "", (_R, _S), PLAYFIELD_MODES, _slider_exchanged),
    Fault("slider-split", "", (_R, _S), PLAYFIELD_MODES, _slider_split),
    Fault("circles-joined", "", (_R, _S), PLAYFIELD_MODES, _circles_joined),
    Fault("spinner-lost", "", (_R,), NOT_MANIA, _spinner_lost),
    Fault("spinner-end", "", (_R,), NOT_MANIA, _spinner_end),
    *(
        Fault("slider-end-tick", f"{name} beat", (_S, _R), NOT_MANIA, partial(_end_tick, beats))
        for name, beats in (("1/4", 0.25), ("1/8", 0.125))
    ),
    Fault("burst-shortened", "", (_R,), ALL_MODES, _burst_shortened),
    *(
        Fault("passage-deleted", dose, (_R,), ALL_MODES, partial(_passage_deleted, measures))
        for dose, measures in (("1/2 measure", 0.5), ("1 measure", 1.0), ("2 measures", 2.0))
    ),
    Fault("on-third", "", (_R,), ALL_MODES, _on_third),
)
