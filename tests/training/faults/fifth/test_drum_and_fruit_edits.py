"""Planted mistakes of taiko and catch: each is what its name says, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu import catch
from maimod.osu.beatmap import WIDTH, Beatmap, HitObject, Mode, ObjectKind
from maimod.training.faults import Fault, Planted, select
from maimod.training.faults.base import rebuild
from maimod.training.faults.fifth import drum_edits, fruit_edits
from tests.maps import RED_LINE, beatmap
from tests.training.planting import (
    BEAT,
    FIRST,
    MEASURE,
    changes,
    has_its_objects,
    has_no_place,
    objects_of,
    one_change,
    planted_in,
    planted_soundly,
)

QUARTER = BEAT // 4
DON, KAT = 0, 8
PLACES = (0, 2, 4, 6, 8, 9, 10, 14)
"""Quarters of a beat at which three measures of four of `drummed` have notes."""
COLOURS = "dkdddddd", "dkdddddd", "ddkkdkkd"
EMPTY = 11
"""Number of a measure without objects."""
LAST = FIRST + EMPTY * MEASURE - 2 * QUARTER
"""Time [ms] of the last note before it."""


def circle(x: int, time: int, sound: int = 0, flag: int = 0) -> str:
    return f"{x},192,{time},{1 | flag},{sound},0:0:0:0:"


def slider(x: int, end: int, time: int, slides: int = 1) -> str:
    return f"{x},100,{time},2,8,L|{end}:100,{slides},{abs(end - x)},,,0:0:0:0:"


@cache
def drummed(mode: int = 1) -> Beatmap:
    """120 BPM, 32 measures, one of them empty: three with notes in the same rhythm and the colours of `COLOURS`, the fourth with a
    drum roll of a beat; after all two notes, a spinner, and a note."""
    lines = []
    for measure in range(32):
        start = FIRST + measure * MEASURE
        if measure % 4 < 3:
            colours = zip(PLACES, COLOURS[measure % 4], strict=True)
            lines += [
                circle(60 + 25 * at, start + at * QUARTER, KAT if colour == "k" else DON, 0 if at else 4)
                for at, colour in colours
            ]
        elif measure != EMPTY:
            lines += [circle(60 + 25 * at, start + at * QUARTER) for at in (0, 4)]
            lines.append(slider(260, 330, start + 8 * QUARTER, 2))
    end = FIRST + 32 * MEASURE
    lines += [circle(60, end), circle(110, end + 250), f"256,192,{end + 500},12,0,{end + 1500}", circle(60, end + 2250)]
    return beatmap(lines, [RED_LINE], mode)


RISING = (40, 100, 160, 220, 280, 340, 400, 460)
FALLING = (440, 380, 320, 260, 200, 140, 80, 20)


@cache
def flowing(mode: int = 2) -> Beatmap:
    """120 BPM, 16 measures: one of fruits to the right, one to the left, and two with two streams each. The second fruit of every
    third measure is far from the first."""
    lines = []
    for measure in range(16):
        start, kind = FIRST + measure * MEASURE, measure % 4
        if kind < 2:
            xs = (RISING, FALLING)[kind]
            lines += [circle(x, start + 250 * half, 0, 0 if half else 4) for half, x in enumerate(xs)]
        elif kind == 2:
            lines += [circle(60, start, 0, 4), circle(270, start + 250), slider(290, 430, start + 500)]
            lines += [circle(440, start + 1250), slider(440, 370, start + 1500)]
        else:
            lines += [circle(360, start, 0, 4), circle(300, start + 250), slider(290, 150, start + 500)]
            lines += [circle(130, start + 1250), slider(120, 50, start + 1500)]
    return beatmap(lines, [RED_LINE], mode)


MAPS: dict[Fault, Callable[[int], Beatmap]] = {
    **dict.fromkeys(drum_edits.FAULTS, drummed),
    **dict.fromkeys(fruit_edits.FAULTS, flowing),
}


def plant(name: str, mode: int = 1, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(MAPS[select([name])[0]](mode), name, seed)


def only(good: Beatmap, is_kept: Callable[[HitObject], bool]) -> Beatmap:
    return rebuild(good, hit_objects=filter(is_kept, good.hit_objects))


def of_measure(o: HitObject) -> int:
    return int((o.time - FIRST) // MEASURE)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", list(MAPS), ids=lambda fault: fault.name)
def test_every_edit_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, MAPS[fault](mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))


# ---------------------------------------------------------------------------------------------------------------------
# Colours


@pytest.mark.parametrize("seed", range(4))
def test_all_notes_after_a_kat_are_kats_up_to_the_end_of_its_measure(seed: int) -> None:
    good, planted = plant("kat-left-on", seed=seed)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert {o.hitsound for o in before} == {DON} and {o.hitsound for o in after} == {KAT}
    assert [replace(o, hitsound=DON) for o in after] == before
    measure = [o for o in planted.beatmap.hit_objects if of_measure(o) == of_measure(after[0])]
    first_kat = next(i for i, o in enumerate(measure) if o.hitsound)
    assert all(o.hitsound == KAT for o in measure[first_kat:]) and first_kat in (1, 2)
    assert (planted.start, planted.end) == (after[0].time, after[-1].time)


def test_the_kat_key_is_not_left_on_where_the_map_has_such_rows_or_no_kats() -> None:
    good = drummed()
    apart = only(good, lambda o: of_measure(o) % 4 in (1, 3))
    row = [replace(o, hitsound=KAT) if 0 < o.index < 7 else o for o in apart.hit_objects]
    assert has_no_place("kat-left-on", rebuild(apart, hit_objects=row)) and not has_no_place("kat-left-on", apart)
    plain = [replace(o, hitsound=DON) for o in good.hit_objects]
    assert has_no_place("kat-left-on", rebuild(good, hit_objects=plain))


@pytest.mark.parametrize("seed", range(4))
def test_a_measure_has_the_colours_of_another_of_the_same_rhythm(seed: int) -> None:
    good, planted = plant("colours-pasted", seed=seed)

    def colours(of_map: Beatmap) -> str:
        return "".join("k" if o.hitsound else "d" for o in objects_of(of_map, planted))

    assert planted.end - planted.start == MEASURE
    assert {colours(good), colours(planted.beatmap)} == set(COLOURS)
    unlike = [replace(o, hitsound=0) for o in planted.beatmap.hit_objects]
    assert unlike == [replace(o, hitsound=0) for o in good.hit_objects]


def test_colours_are_pasted_only_over_those_of_which_a_copy_is_near() -> None:
    good = drummed()
    seeds = [objects_of(good, planted_in(good, "colours-pasted", seed)[1])[0] for seed in range(8)]
    assert {of_measure(o) % 4 for o in seeds} == {0, 1, 2}
    alone = only(good, lambda o: of_measure(o) in (0, 2, 31))
    assert has_no_place("colours-pasted", alone)
    same = [replace(o, hitsound=DON) for o in good.hit_objects]
    assert has_no_place("colours-pasted", rebuild(good, hit_objects=same))


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


def test_two_measures_have_their_notes_in_the_time_of_one() -> None:
    good, planted = plant("double-speed")
    before = [o for o in good.hit_objects if planted.start <= o.time < planted.end]
    after = objects_of(planted.beatmap, planted)
    assert planted.end - planted.start == 2 * MEASURE
    assert [o.time - planted.start for o in after] == [round((o.time - planted.start) / 2) for o in before]
    assert [o.hitsound for o in after] == [o.hitsound for o in before]
    assert max(o.time for o in after) < planted.start + MEASURE


def test_drum_rolls_keep_their_speed_and_fast_bursts_too() -> None:
    good = drummed()
    assert has_no_place("double-speed", only(good, lambda o: of_measure(o) % 4 in (2, 3)))
    late = [
        replace(o, time=o.time - 60, end_time=o.time - 60) if (o.time - FIRST) % MEASURE == 9 * QUARTER else o
        for o in good.hit_objects
    ]
    assert has_no_place("double-speed", rebuild(good, hit_objects=late))


@pytest.mark.parametrize("seed", range(3))
def test_a_drum_roll_lasts_until_the_next_note(seed: int) -> None:
    before, after = one_change(*plant("roll-to-next", seed=seed))
    good = drummed()
    assert before.slider and after.slider
    assert after.end_time == good.hit_objects[before.index + 1].time == before.end_time + BEAT
    assert replace(after.slider, length=before.slider.length) == before.slider


def test_drum_rolls_far_from_the_next_note_or_already_there_stay() -> None:
    def with_note(beats: float) -> Beatmap:
        return beatmap([slider(60, 200, 1000), circle(60, 1500 + round(beats * BEAT))], [RED_LINE], 1)

    assert not has_no_place("roll-to-next", with_note(1))
    assert has_no_place("roll-to-next", with_note(1.25)) and has_no_place("roll-to-next", with_note(0))
    good = drummed()
    reds = [replace(good.red_lines[0], time=FIRST + k * MEASURE - QUARTER) for k in range(1, 33)]
    assert has_no_place("roll-to-next", rebuild(good, timing_points=[*good.timing_points, *reds]))


# ---------------------------------------------------------------------------------------------------------------------
# Taiko and catch


@pytest.mark.parametrize("mode", [Mode.TAIKO, Mode.CATCH])
def test_the_end_of_a_phrase_is_pasted_into_the_pause_after_it(mode: Mode) -> None:
    good, planted = plant("pasted-into-pause", mode)
    gone, come = changes(good, planted.beatmap)
    copies = sorted(come, key=lambda o: o.time)
    source = [o for o in good.hit_objects if LAST - 2 * BEAT < o.time <= LAST]
    assert not gone and planted.objects == tuple(o.index for o in copies) and len(source) == 4
    assert [(o.time - 2 * BEAT, o.x, o.hitsound) for o in copies] == [(o.time, o.x, o.hitsound) for o in source]
    assert planted.start == copies[0].time and not any(o.new_combo for o in copies)


def test_nothing_is_pasted_into_breaks_or_where_the_song_goes_on() -> None:
    good = drummed()
    others = beatmap([circle(60, 1000)], [RED_LINE], 1, events=[f"2,{LAST + 400},{LAST + 1500}"])
    assert others.breaks
    assert has_no_place("pasted-into-pause", replace(good, breaks=others.breaks))
    assert has_no_place("pasted-into-pause", only(good, lambda o: o.time % BEAT == 0))
    strength = np.zeros(40_000)
    assert not has_no_place("pasted-into-pause", good, OnsetEnvelope(strength, 5.0))
    heard = [o.time for o in good.hit_objects]
    strength[[int(time / 5) for time in (*heard, *(time + 2 * BEAT for time in heard))]] = 1.0
    assert has_no_place("pasted-into-pause", good, OnsetEnvelope(strength, 5.0))


@pytest.mark.parametrize("mode", [Mode.TAIKO, Mode.CATCH])
def test_a_note_is_at_the_time_of_the_next(mode: Mode) -> None:
    good, planted = plant("dragged-onto-next", mode)
    before, after = one_change(good, replace(planted, objects=planted.objects[:1]))
    assert after.time == good.hit_objects[before.index + 1].time > before.time
    assert (planted.start, planted.end) == (before.time, after.time)
    assert planted.objects == (before.index, before.index + 1)
    wide = only(good, lambda o: (o.time - FIRST) % MEASURE == 0)
    assert has_no_place("dragged-onto-next", wide)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mode", [Mode.TAIKO, Mode.CATCH])
def test_a_spinner_begins_over_objects_that_were_left(mode: Mode, seed: int) -> None:
    good, planted = plant("spinner-over-objects", mode, seed)
    (before,), (after,) = changes(good, planted.beatmap)
    assert before.kind is after.kind is ObjectKind.SPINNER and after.end_time == before.end_time
    left = [o for o in objects_of(planted.beatmap, planted) if o.kind is ObjectKind.CIRCLE]
    assert len(left) in (1, 2) and after.time == left[0].time and len(left) == len(planted.objects) - 1
    far = [o if o.kind is not ObjectKind.SPINNER else replace(o, time=o.time + 800) for o in good.hit_objects]
    assert has_no_place("spinner-over-objects", rebuild(good, hit_objects=far[:-1]))
    rolls = [slider(60, 95, time) for time in (1000, 1250, 1500)]
    assert has_no_place("spinner-over-objects", beatmap([*rolls, "256,192,1750,12,0,3000"], [RED_LINE], mode))


# ---------------------------------------------------------------------------------------------------------------------
# Fruits


def test_a_fruit_is_dragged_early_until_a_hyperdash_arises() -> None:
    good, planted = plant("dragged-to-hyperdash", 2)
    before, after = one_change(good, planted)
    assert before.time - after.time == BEAT / 4 and after.x == before.x == 270
    assert (planted.start, planted.end) == (after.time, before.time)

    def leads_to(of_map: Beatmap, o: HitObject) -> bool:
        return next(way for way in catch.movements(of_map) if way.after.time == o.time).is_hyperdash

    assert leads_to(planted.beatmap, after) and not leads_to(good, before)
    for x in (200.0, 390.0):  # out of reach, and a hyperdash already
        other = [replace(o, x=x) if o.x == 270 else o for o in good.hit_objects if o.slider is None]
        assert has_no_place("dragged-to-hyperdash", rebuild(good, hit_objects=other))


@pytest.mark.parametrize("seed", range(3))
def test_fruits_turned_upright_are_in_a_column_as_high_as_they_were_wide(seed: int) -> None:
    good, planted = plant("figure-upright", 2, seed)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    figures = before[:-1], after[:-1]
    middle = (max(o.x for o in figures[0]) + min(o.x for o in figures[0])) / 2
    assert {o.x for o in figures[1]} == {middle}
    assert [o.y - 192 for o in figures[1]] == [o.x - middle for o in figures[0]]
    assert before[-1] == after[-1] and len(figures[0]) in (4, 5, 6)


def test_fruits_are_not_turned_in_a_map_of_columns_or_where_they_are_no_row() -> None:
    good = flowing()
    columns = [replace(o, x=RISING[0]) if of_measure(o) % 4 == 0 else o for o in good.hit_objects]
    high = [replace(o, y=192.0 + 60 * (o.index % 2)) for o in good.hit_objects]
    for name, objects in (("figure-upright", columns), ("figure-upright", high), ("rhythm-only", columns)):
        assert has_no_place(name, rebuild(good, hit_objects=objects))


def test_a_fruit_is_as_far_from_the_head_of_the_stream_before_as_it_was_from_its_end() -> None:
    good, planted = plant("placed-from-head", 2)
    before, after = one_change(good, planted)
    stream = good.hit_objects[before.index - 1]
    assert stream.slider is not None and after.time == before.time
    assert after.x - stream.x == before.x - stream.slider.control_points[-1][0]
    assert has_no_place("placed-from-head", only(good, lambda o: o.time % MEASURE != 500))


@pytest.mark.parametrize("seed", range(3))
def test_a_measure_has_the_places_of_another_of_the_same_rhythm(seed: int) -> None:
    good, planted = plant("places-pasted", 2, seed)
    inside = objects_of(planted.beatmap, planted)[:-1]
    kinds = {of_measure(o) % 4 for o in inside}
    assert len(kinds) == 1
    (kind,) = kinds
    sources = [
        [(o.x, o.slider, o.time - FIRST - measure * MEASURE) for o in good.hit_objects if of_measure(o) == measure]
        for measure in range(16)
        if measure % 4 != kind
    ]
    assert [(o.x, o.slider, o.time - planted.start) for o in inside] in sources
    assert all(o not in inside for o in changes(good, planted.beatmap)[0])


def test_places_are_not_pasted_where_no_way_gets_longer_or_no_measure_is_alike() -> None:
    good = flowing()
    assert has_no_place("places-pasted", only(good, lambda o: of_measure(o) % 4 in (0, 2)))
    assert has_no_place("places-pasted", rebuild(good, hit_objects=good.hit_objects[:13]))

    def sources(*measures: int) -> int:
        kept = only(good, lambda o: of_measure(o) in (*measures, 15))
        return len(list(drum_edits.of_one_rhythm(kept, np.random.default_rng(0))))

    assert (sources(4, 8), sources(4, 9)) == (2, 0)


def test_the_fruits_of_a_measure_are_in_the_middle() -> None:
    good, planted = plant("rhythm-only", 2)
    gone, come = changes(good, planted.beatmap)
    assert {(o.x, o.y) for o in come} == {(WIDTH / 2, 192)} and len(gone) == 8
    assert sorted(o.time for o in gone) == sorted(o.time for o in come)
    assert {of_measure(o) for o in come} == {of_measure(o) for o in gone} and len({of_measure(o) for o in come}) == 1
    assert has_no_place("rhythm-only", only(good, lambda o: of_measure(o) % 4 >= 2))


def test_only_the_streams_of_two_measures_are_mirrored() -> None:
    good, planted = plant("streams-mirrored", 2)
    gone, come = changes(good, planted.beatmap)
    assert all(o.slider is not None for o in (*gone, *come)) and len(gone) == len(come) >= 2
    for before, after in zip(*(sorted(of, key=lambda o: o.time) for of in (gone, come)), strict=True):
        assert before.slider and after.slider and (after.time, after.end_time) == (before.time, before.end_time)
        points = zip(before.slider.control_points, after.slider.control_points, strict=True)
        assert all(a[0] + b[0] == WIDTH and a[1] == b[1] for a, b in points)
    streams = {o.index for o in gone}
    inside = [o for o in good.hit_objects if planted.start <= o.time < planted.end]
    assert streams == {o.index for o in inside if o.slider} and any(b.index - a.index == 1 for a, b in pairwise(inside))


def test_streams_are_mirrored_only_among_fruits_and_where_ways_get_longer() -> None:
    good = flowing()
    one = only(good, lambda o: o.slider is None or (of_measure(o) % 4 == 2 and o.time % MEASURE == 500))
    assert has_no_place("streams-mirrored", one)
    path = good.hit_objects[-1].slider
    assert path is not None

    def upright(o: HitObject, x: float, length: float) -> HitObject:
        points = (x, o.y), (x, o.y + length)
        return replace(o, x=x, kind=ObjectKind.SLIDER, slider=replace(path, control_points=points, length=length))

    no_fruits = [o if o.slider else upright(o, o.x, 14.0) for o in good.hit_objects]
    assert has_no_place("streams-mirrored", rebuild(good, hit_objects=no_fruits))
    in_middle = [upright(o, WIDTH / 2, 70.0) if o.slider else o for o in good.hit_objects]
    assert has_no_place("streams-mirrored", rebuild(good, hit_objects=in_middle))
