"""Planted mistakes that earlier versions of maps have: what mappers added to their own maps later is not there yet.

Read off the differences between versions of a difficulty: sounds were given to a section that had none, objects and
passages their own sample sets, a slider that turned back became a slider and a circle, and a plain rhythm got the notes
between its beats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import ALL_MODES, NOT_TAIKO, PLAYFIELD_MODES, Beatmap, HitObject
from maimod.osu.hitsounds import hits
from maimod.training.faults.additions import silent
from maimod.training.faults.base import (
    CLEAR_GAP_MS,
    CLEAR_ONSET,
    SAME_MS,
    Envelope,
    Fault,
    Planted,
    best_in_turn,
    crosses_point,
    exchanged,
    has_copy,
    in_turn,
    is_circle,
    is_on_tick,
    mistake_at,
    onset_strengths,
    over,
    rows_of,
    sliders_of,
    starting_in,
    stretches,
    with_objects,
)

LEAST_CHANGED = 3
LEAST_THINNED, LEAST_KEPT = 2, 2
UNFINISHED_MEASURES = 8

Played = Mapping[int, tuple[tuple[int, int, int], ...]]


def played_by(beatmap: Beatmap) -> Played:
    """By the index of the object: (additions, sample set, sample set of the additions or 0 without any) of its hits."""
    found: defaultdict[int, tuple[tuple[int, int, int], ...]] = defaultdict(tuple)
    for hit in hits(beatmap):
        found[hit.hit_object.index] += ((hit.additions, hit.normal_set, hit.addition_set if hit.additions else 0),)
    return found


def _automatic(o: HitObject) -> HitObject:
    """The object with the sample sets of its line."""
    slider = o.slider and replace(o.slider, edge_sets=((0, 0),) * len(o.slider.edge_sets))
    return replace(o, sample=replace(o.sample, normal_set=0, addition_set=0), slider=slider)


def with_repeated_sets(beatmap: Beatmap, played: Played) -> list[HitObject]:
    """Objects with sample sets of their own whose first hit sounds as those two beats or a measure before and after."""
    rows = rows_of(beatmap)
    heads = {round(row.time): played[row.only.index][0] for row in rows if row.only is not None}

    def at(time: float) -> tuple[int, int, int] | None:
        return next((heads[t] for t in (round(time), round(time) - 1, round(time) + 1) if t in heads), None)

    def is_repeated(o: HitObject) -> bool:
        red = beatmap.red_line_at(o.time)
        periods = (2 * red.beat_length, red.meter * red.beat_length)
        return any(at(o.time - by) == at(o.time + by) == at(o.time) for by in periods)

    objects = [row.only for row in rows if row.only is not None]
    return [o for o in objects if _automatic(o) != o and is_repeated(o)]


def _set_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """One object of a pattern lost its own sample sets, and sounds otherwise."""
    played = played_by(beatmap)
    for o in in_turn(random, with_repeated_sets(beatmap, played)):
        changed = exchanged(beatmap, o, _automatic(o))
        if played_by(changed)[o.index] != played[o.index]:
            return mistake_at(changed, o, "own sample sets of an object of a pattern lost", o.end_time)
    return None


def _sets_lost(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The objects of two measures lost their own sample sets, which those before and after have."""
    played, own = played_by(beatmap), {o.index for o in beatmap.hit_objects if _automatic(o) != o}

    def has_own(start: float, end: float, least: int) -> bool:
        return sum(o.index in own for o in starting_in(beatmap, start, end)) >= least

    for start, end in in_turn(random, stretches(beatmap, 2)):
        measure = (end - start) / 2
        if (
            not has_own(start, end, LEAST_CHANGED)
            or not has_own(start - measure, start, 1)
            or not has_own(end, end + measure, 1)
        ):
            continue
        inside = starting_in(beatmap, start, end)
        changed = with_objects(beatmap, {o.index: _automatic(o) for o in inside})
        after = played_by(changed)
        if sum(after[o.index] != played[o.index] for o in inside) >= LEAST_CHANGED:
            return over(changed, start, end, "own sample sets of two measures lost")
    return None


def _unfinished(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Eight measures have no hitsounds yet, neither additions nor sample sets, between measures that have some."""

    def plain(o: HitObject) -> HitObject:
        return silent(_automatic(o))

    def is_sounded(start: float, end: float, least: int) -> bool:
        return sum(silent(o) != o for o in starting_in(beatmap, start, end)) >= least

    for start, end in in_turn(random, stretches(beatmap, UNFINISHED_MEASURES)):
        measure = (end - start) / UNFINISHED_MEASURES
        if (
            is_sounded(start, end, 2 * UNFINISHED_MEASURES)
            and is_sounded(start - measure, start, 1)
            and is_sounded(end, end + measure, 1)
        ):
            changed = with_objects(beatmap, {o.index: plain(o) for o in starting_in(beatmap, start, end)})
            return over(changed, start, end, f"no hitsounds yet for {UNFINISHED_MEASURES} measures")
    return None


def _on_onsets(beatmap: Beatmap, objects: list[HitObject], envelope: Envelope) -> list[HitObject]:
    """Objects that start on a clear onset; all without a song."""
    if envelope is None or not objects:
        return objects
    strengths = onset_strengths(beatmap, envelope, [o.time for o in objects])
    return [o for o, strength in zip(objects, strengths, strict=True) if strength >= CLEAR_ONSET]


def _sets_of(o: HitObject) -> tuple[int, int]:
    return o.sample.normal_set, o.sample.addition_set


def _turned_back(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """A slider turns back and ends where the circle after it was hit, on a clear onset of the song."""
    objects = beatmap.hit_objects

    def is_place(o: HitObject) -> bool:
        if o.slider is None or o.slider.slides != 1 or o.index + 2 >= len(objects):
            return False
        circle, after = objects[o.index + 1 : o.index + 3]
        return (
            is_circle(circle)
            and not circle.new_combo
            and abs(o.end_time + o.duration - circle.time) <= SAME_MS
            and after.time >= circle.time + CLEAR_GAP_MS
            and not crosses_point(beatmap, o.time, circle.time)
        )

    places = [o for o in sliders_of(beatmap) if is_place(o)]
    heard = {o.index for o in _on_onsets(beatmap, [objects[o.index + 1] for o in places], envelope)}
    places = [o for o in places if o.index + 1 in heard]
    for o in best_in_turn(random, places, lambda o: has_copy(beatmap, o.time, objects[o.index + 1].time + 2 * SAME_MS)):
        assert o.slider is not None
        circle = objects[o.index + 1]
        sounds, sets = o.slider.edge_sounds, o.slider.edge_sets
        slider = replace(
            o.slider,
            slides=2,
            edge_sounds=(*sounds, *(o.hitsound,) * (2 - len(sounds)), circle.hitsound),
            edge_sets=(*sets, *(_sets_of(o),) * (2 - len(sets)), _sets_of(circle)),
        )
        changed = with_objects(beatmap, {o.index: replace(o, slider=slider), circle.index: None})
        return Planted(changed, o.time, circle.time, (o.index,), "a slider turns back in place of the circle after it")
    return None


def _thinned(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The circles between the beats of a measure are gone, where the song has clear onsets."""
    for place in best_in_turn(random, stretches(beatmap, 1, 4), lambda place: has_copy(beatmap, *place)):
        inside = starting_in(beatmap, *place)
        gone = [o for o in inside if is_circle(o) and not o.new_combo and not is_on_tick(beatmap, o.time, 1)]
        gone = _on_onsets(beatmap, gone, envelope)
        if len(gone) < LEAST_THINNED or len(inside) - len(gone) < LEAST_KEPT or gone[0].index == 0:
            continue
        changed = with_objects(beatmap, dict.fromkeys(o.index for o in gone))
        kept = starting_in(changed, place[0], gone[-1].time)
        note = f"{len(gone)} circles between the beats of a measure are gone"
        return Planted(changed, gone[0].time, gone[-1].time, tuple(o.index for o in kept), note)
    return None


_R, _S, _H = Category.RHYTHM, Category.SLIDERS, Category.HITSOUNDS
FAULTS: tuple[Fault, ...] = (
    Fault("own-sets-lost", "1 object", (_H,), NOT_TAIKO, _set_lost),
    Fault("own-sets-lost", "2 measures", (_H,), NOT_TAIKO, _sets_lost),
    Fault("sounds-unfinished", f"{UNFINISHED_MEASURES} measures", (_H,), NOT_TAIKO, _unfinished),
    Fault("repeat-for-circle", "", (_S, _R), PLAYFIELD_MODES, _turned_back),
    Fault("rhythm-thinned", "1 measure", (_R,), ALL_MODES, _thinned),
)
