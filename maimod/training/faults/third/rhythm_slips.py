"""Planted mistakes of snaps and copies: a burst too long or on sixths of a beat, ends on thirds, a hold note that begins at
another tick, the second half of a phrase in place of the first."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_MANIA, ONLY_MANIA, Beatmap, HitObject, Mode
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    NO_ONSET,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    Row,
    best_in_turn,
    crosses_point,
    exchanged,
    has_copy,
    in_turn,
    is_circle,
    is_inside,
    is_on_tick,
    mistake_at,
    moved_in_time,
    onset_strengths,
    over,
    rows_of,
    sliders_of,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.bursts import LEAST_BURSTS, bursts_of
from maimod.training.faults.columns import holds_of, is_column_free
from maimod.training.faults.further.dragged import RARE_THIRDS
from maimod.training.faults.passages import is_closed, pasted, ticks_of

LEAST_COMPRESSED = 3
LEAST_END_MOVE_MS = 20.0
LEAST_CHANGED = 4


def _lengthened(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One more object at the end of a burst, a quarter of a beat or less after it, where the song has no onset."""
    rows = rows_of(beatmap)
    next_row = {round(row.time): after for row, after in pairwise(rows)}
    bursts = bursts_of(beatmap)
    counts = Counter(map(len, bursts))
    places = []
    for burst in bursts:
        last, after = burst[-1].only, next_row.get(round(burst[-1].time))
        time = float(round(2 * burst[-1].time - burst[-2].time))
        if (
            counts[len(burst)] >= max(LEAST_BURSTS, 3 * counts[len(burst) + 1] + 1)
            and last is not None
            and is_circle(last)
            and is_circle(burst[-2].only)
            and after is not None
            and after.time - time >= max(time - last.time - SAME_MS, CLEAR_GAP_MS)
            and not crosses_point(beatmap, last.time, time)
        ):
            places.append((burst, time))
    if envelope is not None and places:
        strengths = onset_strengths(beatmap, envelope, [time for _, time in places])
        places = [place for place, strength in zip(places, strengths, strict=True) if strength <= NO_ONSET]
    for burst, time in in_turn(random, places):
        before, last = burst[-2].objects[0], burst[-1].objects[0]
        x, y = 2 * last.x - before.x, 2 * last.y - before.y
        if beatmap.mode is Mode.MANIA or not is_inside((x, y)):
            x, y = before.x, before.y
        extra = replace(last, time=time, end_time=time, x=x, y=y, new_combo=False, combo_skip=0)
        if beatmap.mode is not Mode.TAIKO:
            extra = replace(extra, hitsound=0)
        note = f"burst of {len(burst)} objects has one more"
        return mistake_at(exchanged(beatmap, last, last, extra), extra, note)
    return None


def _is_rare(beatmap: Beatmap, divisor: int) -> bool:
    """Whether next to no object starts or ends on a tick of 1/`divisor` beat that is not on a half beat."""
    times = [time for row in rows_of(beatmap) for time in {row.time, row.end_time}]
    found = [time for time in times if is_on_tick(beatmap, time, divisor) and not is_on_tick(beatmap, time, 2)]
    return len(found) <= RARE_THIRDS * len(times)


def _compressed(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A burst on quarters of a beat is on sixths from its first object on, in a map without sixths."""
    if not _is_rare(beatmap, 6):
        return None

    def is_place(burst: list[Row]) -> bool:
        quarter = beatmap.red_line_of(burst[0].time).beat_length / 4
        return (
            len(burst) >= LEAST_COMPRESSED
            and abs(burst[1].time - burst[0].time - quarter) < SAME_MS
            and quarter * 2 / 3 >= CLEAR_GAP_MS
            and all(is_circle(o) for row in burst for o in row.objects)
            and is_on_tick(beatmap, burst[0].time, 2)
            and not crosses_point(beatmap, burst[0].time, burst[-1].time)
        )

    for burst in in_turn(random, [burst for burst in bursts_of(beatmap) if is_place(burst)]):
        start, end = burst[0].time, burst[-1].time
        sixth = beatmap.red_line_of(start).beat_length / 6
        moves = {o.index: round(start + k * sixth) - row.time for k, row in enumerate(burst) for o in row.objects}
        new = {index: moved_in_time(beatmap.hit_objects[index], by) for index, by in moves.items()}
        return over(with_objects(beatmap, new), start, end, f"burst of {len(burst)} objects on 1/6 in place of 1/4")
    return None


def _third_end(beatmap: Beatmap, o: HitObject) -> float | None:
    """The closest third of a beat [ms] to the end of an object that is on a half or quarter between beats, if it can end there."""
    red = beatmap.red_line_of(o.end_time)
    if is_on_tick(beatmap, o.end_time, 1) or not is_on_tick(beatmap, o.end_time, 4):
        return None
    third = red.beat_length / 3
    steps = (o.end_time - red.time) / third
    for step in sorted((math.floor(steps), math.ceil(steps)), key=lambda step: abs(step - steps)):
        end = red.time + step * third
        if step % 3 and end - o.time >= max(red.beat_length / 4, 2 * CLEAR_GAP_MS):
            return end if abs(end - o.end_time) >= LEAST_END_MOVE_MS else None
    return None


def _slider_end(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider ends on a third of a beat, in a map that has next to none."""
    objects = beatmap.hit_objects
    if not _is_rare(beatmap, 3):
        return None
    for o in in_turn(random, [o for o in sliders_of(beatmap)[:-1] if o.slider is not None and o.slider.slides == 1]):
        end = _third_end(beatmap, o)
        if end is None or end + CLEAR_GAP_MS > objects[o.index + 1].time or o.slider is None:
            continue
        slider = replace(o.slider, length=o.slider.length * (end - o.time) / o.duration)
        changed = exchanged(beatmap, o, replace(o, slider=slider))
        return mistake_at(changed, o, f"slider ends {end - o.end_time:+.0f} ms off, on 1/3", max(end, o.end_time))
    return None


def _hold_end(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A hold note ends on a third of a beat, in a map that has next to none."""
    if not _is_rare(beatmap, 3):
        return None
    for o in in_turn(random, holds_of(beatmap)):
        end = _third_end(beatmap, o)
        if end is not None and is_column_free(beatmap, beatmap.column(o), o.time, end := float(round(end)), but=o):
            changed = exchanged(beatmap, o, replace(o, end_time=end))
            return mistake_at(
                changed, o, f"hold note ends {end - o.end_time:+.0f} ms off, on 1/3", max(end, o.end_time)
            )
    return None


def _hold_start(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A hold note on a half beat begins a quarter of a beat early or late; its end stays."""
    sign = 1 if random.random() < 0.5 else -1
    for o in in_turn(random, [o for o in holds_of(beatmap) if is_on_tick(beatmap, o.time, 2)]):
        quarter = beatmap.red_line_of(o.time).beat_length / 4
        for by in (sign * quarter, -sign * quarter):
            start = float(round(o.time + by))
            if (
                o.end_time - start >= quarter - SAME_MS
                and is_column_free(beatmap, beatmap.column(o), start, o.end_time, but=o)
                and not crosses_point(beatmap, o.time, start)
            ):
                moved = replace(o, time=start)
                planted = mistake_at(exchanged(beatmap, o, moved), moved, f"hold note begins {by:+.0f} ms off")
                return replace(planted, start=min(o.time, start), end=max(o.time, start))
    return None


def _half_over_half(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The second half of a phrase of four measures is pasted over the first, which has the rhythm of another passage."""
    for start, end in best_in_turn(random, stretches(beatmap, 4, 3), lambda place: has_copy(beatmap, *place)):
        middle = (start + end) / 2
        by = middle - start
        inside = starting_in(beatmap, middle, end)
        if (
            inside
            and starting_in(beatmap, start, middle)
            and has_copy(beatmap, start, middle)
            and is_closed(beatmap, start, middle)
            and is_closed(beatmap, middle, end)
            and len(ticks_of(beatmap, start, middle) ^ ticks_of(beatmap, middle, end)) >= LEAST_CHANGED
            and all(beatmap.velocity_at(o.time) == beatmap.velocity_at(o.time - by) for o in inside)
        ):
            new = [moved_in_time(o, -float(round(by))) for o in inside]
            return pasted(beatmap, start, middle, new, "second half of a phrase pasted over the first")
    return None


_R, _S = Category.RHYTHM, Category.SLIDERS
FAULTS: tuple[Fault, ...] = (
    Fault("burst-lengthened", "", (_R,), ALL_MODES, _lengthened),
    Fault("burst-on-sixths", "", (_R,), ALL_MODES, _compressed),
    Fault("slider-end-third", "", (_S, _R), NOT_MANIA, _slider_end),
    Fault("hold-end-third", "", (_R,), ONLY_MANIA, _hold_end),
    Fault("hold-start", "1/4 beat", (_R,), ONLY_MANIA, _hold_start),
    Fault("half-over-half", "2 measures", (_R,), ALL_MODES, _half_over_half),
)
