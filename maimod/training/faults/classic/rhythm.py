"""Planted mistakes of rhythm: objects at a wrong time, missing, added or doubled, and passages on a wrong grid."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, PLAYFIELD_MODES, UNSNAP_MS, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.timing import snap
from maimod.training.faults.base import (
    CLAP,
    CLEAR_GAP_MS,
    CLEAR_ONSET,
    NO_ONSET,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    Row,
    column_x,
    crosses_point,
    exchanged,
    in_even_runs,
    in_turn,
    is_circle,
    is_free,
    mistake_at,
    moved_in_time,
    onset_strengths,
    over,
    pick,
    rebuild,
    rows_of,
    starting_in,
    stretches,
)


def _unsnapped(ms: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = rows_of(beatmap)
    sign = 1 if random.random() < 0.5 else -1
    landed_on_tick = None
    for i in in_turn(random, range(1, len(rows) - 1)):
        o = rows[i].objects[0]
        if o.kind is ObjectKind.SPINNER or abs(snap(beatmap, o.time).error) >= UNSNAP_MS:
            continue
        for by in (sign * ms, -sign * ms):
            crosses = any(crosses_point(beatmap, time, time + by) for time in (o.time, o.end_time))
            if crosses or not is_free(rows, i, by):
                continue
            # At some tempos the dose is nearly 1/16 or 1/9 beat, so the object is on an unusual tick: second choice.
            if abs(snap(beatmap, o.time + by).error) > UNSNAP_MS:
                return _unsnapped_by(beatmap, o, by)
            landed_on_tick = landed_on_tick or (o, by)
    return _unsnapped_by(beatmap, *landed_on_tick) if landed_on_tick else None


def _unsnapped_by(beatmap: Beatmap, o: HitObject, by: float) -> Planted:
    moved = moved_in_time(o, by)
    planted = mistake_at(exchanged(beatmap, o, moved), moved, f"{o.kind} moved by {by:+g} ms")
    return replace(planted, start=min(o.time, moved.time), end=max(o.time, moved.time))


def _wrong_tick(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = rows_of(beatmap)
    for i, gap in in_turn(random, list(in_even_runs(beatmap, rows))):
        o = rows[i].only
        if o is None or not is_circle(o):
            continue
        sign = 1 if random.random() < 0.5 else -1
        for by in (sign * gap / 2, -sign * gap / 2):
            time = float(round(o.time + by))
            if (
                is_free(rows, i, by)
                and not crosses_point(beatmap, o.time, time)
                and abs(snap(beatmap, time).error) < UNSNAP_MS
            ):
                moved = moved_in_time(o, time - o.time)
                return replace(
                    mistake_at(exchanged(beatmap, o, moved), moved, f"half a gap ({by:+.0f} ms) off an even run"),
                    start=min(o.time, time),
                    end=max(o.time, time),
                )
    return None


def _missing(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = rows_of(beatmap)
    places = [
        i
        for i, _ in in_even_runs(beatmap, rows)
        if is_circle(rows[i].only)
        and not rows[i].objects[0].new_combo
        and (beatmap.mode is Mode.MANIA or rows[i - 1].end_time < rows[i].time - SAME_MS)
    ]
    if envelope is not None and places:
        strengths = onset_strengths(beatmap, envelope, [rows[i].time for i in places])
        places = [i for i, strength in zip(places, strengths, strict=True) if strength >= CLEAR_ONSET]
    i = pick(random, places)
    if i is None:
        return None
    changed = exchanged(beatmap, rows[i].objects[0])
    after = next(o.index for o in changed.hit_objects if o.line == rows[i + 1].objects[0].line)
    time = rows[i].time
    return Planted(changed, time, time, (after - 1, after), f"object at {time:.0f} ms deleted from an even run")


def _extra(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    rows = rows_of(beatmap)
    places = []
    for i, gap in in_even_runs(beatmap, rows):
        time = float(round(rows[i].time + gap / 2))
        if (
            is_circle(rows[i].only)
            and gap >= 2 * CLEAR_GAP_MS
            and abs(snap(beatmap, time).error) < UNSNAP_MS
            and not crosses_point(beatmap, rows[i].time, time)
        ):
            places.append((i, time))
    if envelope is not None and places:
        strengths = onset_strengths(beatmap, envelope, [time for _, time in places])
        places = [place for place, strength in zip(places, strengths, strict=True) if strength <= NO_ONSET]
    place = pick(random, places)
    if place is None:
        return None
    i, time = place
    before, after = rows[i].objects[0], rows[i + 1].objects[0]
    x, y = float(round((before.x + after.x) / 2)), float(round((before.y + after.y) / 2))
    hitsound = 0
    if beatmap.mode is Mode.MANIA:
        x = column_x(beatmap, int(random.integers(beatmap.keys)))
    elif beatmap.mode is Mode.TAIKO:
        hitsound = int(pick(random, (0, CLAP)) or 0)
    extra = replace(before, time=time, end_time=time, x=x, y=y, new_combo=False, combo_skip=0, hitsound=hitsound)
    changed = exchanged(beatmap, before, before, extra)
    return mistake_at(changed, extra, "object added between two of an even run")


def _doubled(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A second object at the same time and place, as left by a paste."""
    o = pick(random, [row.only for row in rows_of(beatmap)[1:-1] if row.only is not None and is_circle(row.only)])
    if o is None:
        return None
    twin = replace(o, new_combo=False, combo_skip=0)
    planted = mistake_at(exchanged(beatmap, o, o, twin), o, "object twice")
    return replace(planted, objects=(planted.objects[0], planted.objects[0] + 1))


def _slider_lost(into: str, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    objects = beatmap.hit_objects
    o = pick(random, [o for o in objects[1:-1] if o.slider is not None and not o.new_combo])
    if o is None:
        return None
    if into == "circle":
        circle = replace(o, kind=ObjectKind.CIRCLE, slider=None, end_time=o.time)
        return mistake_at(exchanged(beatmap, o, circle), circle, "slider became a circle", o.end_time)
    return Planted(exchanged(beatmap, o), o.time, o.end_time, (o.index - 1, o.index), "slider deleted")


def _late_paste(beats: float, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Two measures of objects pasted late; those that would run into the next measure are gone."""
    for start, end in in_turn(random, stretches(beatmap, 2)):
        by = float(round(beats * beatmap.red_line_of(start).beat_length))
        inside = starting_in(beatmap, start, end)
        if by < CLEAR_GAP_MS or any(
            o.kind is ObjectKind.SPINNER or beatmap.velocity_at(o.time) != beatmap.velocity_at(o.time + by)
            for o in inside
        ):
            continue
        lines = {o.line for o in inside}
        moved = [moved_in_time(o, by) for o in inside if o.end_time + by + CLEAR_GAP_MS <= end]
        changed = rebuild(beatmap, hit_objects=[*(o for o in beatmap.hit_objects if o.line not in lines), *moved])
        return over(changed, start, end, f"two measures pasted {beats:g} beats late")
    return None


def _wrong_snap(divisor: int, typed: int, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One or two beats of objects on `divisor`-ths of a beat are on `typed`-ths: the first on the first, and so on."""
    rows = rows_of(beatmap)
    for first in in_turn(random, range(1, len(rows) - 1)):
        red = beatmap.red_line_of(rows[first].time)
        beat = red.beat_length
        for beats in (2, 1):
            start, end = rows[first].time, rows[first].time + beats * beat
            inside = [row for row in rows[first : first + beats * divisor] if row.time < end - SAME_MS]
            steps = [round((row.time - start) / beat * divisor) for row in inside]
            # A beat without an object on its first step is as easy on both grids, and stays.
            changed_beats = {step // divisor for step in steps if step % divisor == 1}
            moves = [
                float(round((step // divisor + step % divisor / typed) * beat + start - row.time))
                if step // divisor in changed_beats and step % divisor
                else 0.0
                for row, step in zip(inside, steps, strict=True)
            ]
            if (
                abs((start - red.time) / beat - round((start - red.time) / beat)) * beat < SAME_MS
                and changed_beats
                and all(step % divisor < typed or step // divisor not in changed_beats for step in steps)
                and all(
                    abs(start + step * beat / divisor - row.time) < SAME_MS
                    and (move == 0 or all(is_circle(o) for o in row.objects))
                    for row, step, move in zip(inside, steps, moves, strict=True)
                )
                and _stay_apart([*inside, *rows[first + len(inside) :][:1]], moves)
                and not crosses_point(beatmap, start + SAME_MS, end)
            ):
                by_line = {o.line: move for row, move in zip(inside, moves, strict=True) for o in row.objects}
                objects = [moved_in_time(o, by_line.get(o.line, 0.0)) for o in beatmap.hit_objects]
                changed = rebuild(beatmap, hit_objects=objects)
                return over(changed, start, end, f"1/{divisor} of a passage written as 1/{typed}")
    return None


def _stay_apart(rows: list[Row], moves: list[float]) -> bool:
    """Whether rows moved by `moves` [ms] keep their order with `CLEAR_GAP_MS` between; the last may be a fixed one."""
    by = [*moves, 0.0]
    return all(
        rows[i].end_time + by[i] + CLEAR_GAP_MS <= rows[i + 1].time + by[i + 1]
        for i in range(len(rows) - 1)
        if rows[i].objects[0].kind is not ObjectKind.HOLD
    )


_R, _S = Category.RHYTHM, Category.SLIDERS
FAULTS: tuple[Fault, ...] = (
    *(Fault("unsnapped", f"{ms} ms", (_R,), ALL_MODES, partial(_unsnapped, ms)) for ms in (5, 10, 20, 40)),
    Fault("wrong-tick", "", (_R,), ALL_MODES, _wrong_tick),
    Fault("missing-object", "", (_R,), ALL_MODES, _missing),
    Fault("extra-object", "", (_R,), ALL_MODES, _extra),
    Fault("doubled-object", "", (_R, Category.POSITIONS), ALL_MODES, _doubled),
    *(
        Fault("slider-lost", into, (_R, _S), PLAYFIELD_MODES | {Mode.TAIKO}, partial(_slider_lost, into))
        for into in ("gone", "circle")
    ),
    *(
        Fault("late-paste", f"{name} beat", (_R, Category.TIMING), ALL_MODES, partial(_late_paste, beats))
        for name, beats in (("1/4", 0.25), ("1/2", 0.5))
    ),
    *(
        Fault("wrong-snap", f"1/{divisor} as 1/{typed}", (_R,), ALL_MODES, partial(_wrong_snap, divisor, typed))
        for divisor, typed in ((4, 3), (3, 4))
    ),
)
