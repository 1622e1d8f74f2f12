"""Planted mistakes of taiko and catch: each is what its name says, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.slider_path import flatten, tail
from maimod.training.faults import Fault, Planted, select
from maimod.training.faults.base import rebuild
from maimod.training.faults.fourth import catch_slips, taiko_slips
from tests.maps import RED_LINE, beatmap
from tests.training.planting import (
    BEAT,
    FIRST,
    MEASURE,
    changed_lines,
    changes,
    has_its_objects,
    has_no_place,
    objects_of,
    one_change,
    planted_in,
    planted_soundly,
)

DON, KAT, FINISH = 0, 8, 4
PLACES = (0, 2, 4, 6, 8, 9, 10, 14)
"""Quarters of a beat at which the measures of `drummed` have notes: half beats and a burst of three."""
COLOURS = "dkdkdkdk"


def greens(measure: int) -> list[str]:
    """Lines of speeds of 1.25x and 0.8x, half a measure and a measure long."""
    return [
        f"{FIRST + measure * MEASURE + time},{length},4,2,0,70,0,0"
        for time, length in ((0, -80), (1000, -125), (3000, -100))
    ]


@cache
def drummed(mode: int = 1, colours: str = COLOURS, finishers: int = 4) -> Beatmap:
    """120 BPM, 32 measures with the same rhythm and `colours`; every `finishers`-th begins with a finisher. The 17th and 18th
    have other speeds; after all a spinner follows, and a note."""
    lines = []
    for measure in range(32):
        for place, colour in zip(PLACES, colours, strict=True):
            sound = (KAT if colour == "k" else DON) | (FINISH if place == 0 and measure % finishers == 0 else 0)
            x, time = 60 + 25 * place, FIRST + measure * MEASURE + place * BEAT // 4
            lines.append(f"{x},192,{time},{1 if place else 5},{sound},0:0:0:0:")
    end = FIRST + 32 * MEASURE
    lines += [f"256,192,{end + 500},12,0,{end + 1500}", f"60,192,{end + 2250},5,0,0:0:0:0:"]
    return beatmap(lines, [RED_LINE, *greens(16)], mode)


@cache
def flowing(mode: int = 2) -> Beatmap:
    """120 BPM, 16 measures of five fruits in a row, every other one turning back, and a stream of a beat that goes on to the next
    measure."""
    lines = []
    for measure in range(16):
        start = FIRST + measure * MEASURE
        xs = (100, 150, 200, 250, 100) if measure % 2 else (40, 100, 160, 220, 280)
        lines += [f"{x},192,{start + 250 * half},{1 if half else 5},0,0:0:0:0:" for half, x in enumerate(xs)]
        x, end = (200, 340) if measure % 2 else (340, 200)
        lines.append(f"{x},192,{start + 1250},2,0,L|{end}:192,1,140,2|8,0:0|0:0,0:0:0:0:")
    return beatmap(lines, [RED_LINE], mode)


MAPS: dict[Fault, Callable[[int], Beatmap]] = {
    **dict.fromkeys(taiko_slips.FAULTS, drummed),
    **dict.fromkeys(catch_slips.FAULTS, flowing),
}


def plant(name: str, mode: int = 1, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(MAPS[select([name])[0]](mode), name, seed)


def only(good: Beatmap, is_kept: Callable[[HitObject], bool]) -> Beatmap:
    return rebuild(good, hit_objects=filter(is_kept, good.hit_objects))


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", list(MAPS), ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, MAPS[fault](mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))


# ---------------------------------------------------------------------------------------------------------------------
# Colours and finishers


def sounds(beatmap: Beatmap, planted: Planted) -> dict[float, int]:
    """Hitsounds of the mistake's notes by time from its start [quarter beats]."""
    return {(o.time - planted.start) * 4 / BEAT: o.hitsound for o in objects_of(beatmap, planted)}


def test_two_measures_have_the_hitsounds_of_osu() -> None:
    good, planted = plant("hitsounds-copied")
    assert planted.end - planted.start == 2 * MEASURE
    with_sound = {time: sound for time, sound in sounds(planted.beatmap, planted).items() if sound}
    assert with_sound == {0: FINISH, 4: KAT, 20: KAT}
    assert set(sounds(good, planted)) == {time + of for time in PLACES for of in (0, 16)}


def test_hitsounds_are_copied_only_where_they_change_colours_and_measures_have_four_beats() -> None:
    assert has_no_place("hitsounds-copied", drummed(1, "ddkddddd"))
    good = drummed()
    threes = [replace(point, meter=3) if point.uninherited else point for point in good.timing_points]
    assert has_no_place("hitsounds-copied", rebuild(good, timing_points=threes))


def test_a_measure_has_no_colours_yet_in_a_map_whose_measures_have_kats() -> None:
    good, planted = plant("colours-not-set")
    assert planted.end - planted.start == MEASURE
    assert set(sounds(planted.beatmap, planted).values()) == {DON} and len(planted.objects) == len(PLACES)
    assert KAT in sounds(good, planted).values()
    _, without_finisher = planted_in(drummed(1, COLOURS, 1), "colours-not-set")
    assert set(sounds(without_finisher.beatmap, without_finisher).values()) == {DON}
    plain = [replace(o, hitsound=DON) if o.index % 64 < 8 else o for o in good.hit_objects]
    assert has_no_place("colours-not-set", rebuild(good, hit_objects=plain))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("is_beside", [False, True], ids=["alone", "a beat before another"])
def test_the_notes_beside_a_finisher_are_finishers_too(is_beside: bool, seed: int) -> None:
    good = drummed()
    if is_beside:
        others = [replace(o, hitsound=o.hitsound | FINISH) if o.index % 32 == 2 else o for o in good.hit_objects]
        good = rebuild(good, hit_objects=others)
    _, planted = planted_in(good, "finishers-selected", seed)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert [o.hitsound | FINISH for o in before] == [o.hitsound for o in after] and len(after) in (2, 3, 4)
    assert not any(o.hitsound & FINISH for o in before)
    beside = good.hit_objects[before[0].index - 1], good.hit_objects[before[-1].index + 1]
    assert sum(bool(o.hitsound & FINISH) for o in beside) == 1
    assert all(b.time - a.time <= BEAT / 2 for a, b in pairwise(after))


def test_finishers_are_not_selected_in_a_map_with_such_groups_or_without_finishers_in_groups() -> None:
    good = drummed()
    group = [replace(o, hitsound=o.hitsound | FINISH) if 9 <= o.index < 12 else o for o in good.hit_objects]
    assert has_no_place("finishers-selected", rebuild(good, hit_objects=group))
    assert has_no_place("finishers-selected", only(good, lambda o: o.time % BEAT == 0))


# ---------------------------------------------------------------------------------------------------------------------
# Lines


@pytest.mark.parametrize("velocity", [1.0, 1.25])
def test_a_red_line_begins_measures_anew_and_changes_no_speed(velocity: float) -> None:
    points = [RED_LINE, f"1000,{-100 / velocity},4,1,2,50,0,1"]
    good = rebuild(drummed(), timing_points=beatmap(timing_points=points).timing_points)
    _, planted = planted_in(good, "red-for-green")
    new = [point for point in planted.beatmap.timing_points if point not in good.timing_points]
    red, greens = new[0], new[1:]
    assert red.uninherited and red.beat_length == BEAT and red.time == planted.start
    assert len(greens) == (velocity != 1) and all(p.time == red.time and p.velocity == velocity for p in greens)
    assert (red.sample_set, red.sample_index, red.volume, red.kiai) == (1, 2, 50, True)
    assert (red.time - good.red_lines[0].time) % BEAT == 0 != (red.time - good.red_lines[0].time) % MEASURE
    assert planted.end == good.hit_objects[-1].end_time and not planted.is_local
    assert good.hit_objects == planted.beatmap.hit_objects
    assert all(good.velocity_at(o.time) == planted.beatmap.velocity_at(o.time) for o in good.hit_objects)


def test_a_red_line_stands_where_a_green_one_is_if_there_is_one_within_a_measure() -> None:
    _, planted = plant("red-for-green")
    assert planted.start - FIRST in (16.5 * MEASURE, 17.5 * MEASURE)
    at = [p.uninherited for p in planted.beatmap.sorted_timing_points if p.time == planted.start]
    assert at == [True, False]


def test_no_red_line_close_to_the_end_or_off_the_beats() -> None:
    good = drummed()
    assert has_no_place("red-for-green", only(good, lambda o: o.time < FIRST + 4 * MEASURE))
    assert has_no_place("red-for-green", only(good, lambda o: o.time % MEASURE == 0 or o.time % BEAT != 0))


@pytest.mark.parametrize("seed", range(6))
def test_two_measures_have_the_speeds_of_others_that_change_within_them(seed: int) -> None:
    good, planted = plant("scroll-pasted", seed=seed)
    source = float(planted.note.split()[-2])
    assert planted.end - planted.start == 2 * MEASURE and abs(source - planted.start) >= 2 * MEASURE
    inside = objects_of(planted.beatmap, planted)
    speeds = [planted.beatmap.velocity_at(o.time) for o in inside]
    assert speeds == [good.velocity_at(o.time - planted.start + source) for o in inside]
    assert len(set(speeds)) > 1
    assert changed_lines(good, planted.beatmap) and not any(changes(good, planted.beatmap))
    assert planted.beatmap.velocity_at(planted.end) == good.velocity_at(planted.end)


def test_pasted_speeds_leave_samples_and_kiai() -> None:
    louder = drummed()
    points = [replace(p, volume=30 + 10 * k, effects=k % 2) for k, p in enumerate(louder.timing_points)]
    good, planted = planted_in(rebuild(louder, timing_points=points), "scroll-pasted")
    for o in good.hit_objects:
        before, after = good.timing_point_at(o.time), planted.beatmap.timing_point_at(o.time)
        assert (before.volume, before.kiai) == (after.volume, after.kiai)


def test_no_speeds_are_pasted_without_a_change_within_measures_or_over_drum_rolls() -> None:
    good = drummed()
    points = [point for point in good.timing_points if point.time < FIRST]
    assert has_no_place("scroll-pasted", rebuild(good, timing_points=points))
    rolls = rebuild(flowing(1), timing_points=beatmap(timing_points=[RED_LINE, *greens(8)]).timing_points)
    assert has_no_place("scroll-pasted", rolls)
    assert not has_no_place("scroll-pasted", only(rolls, lambda o: o.slider is None))


# ---------------------------------------------------------------------------------------------------------------------
# Taiko and catch


@pytest.mark.parametrize("mode", [Mode.TAIKO, Mode.CATCH])
def test_a_burst_is_one_slider_as_long_as_it(mode: Mode) -> None:
    good, planted = plant("burst-drawn", mode)
    burst, (slider,) = changes(good, planted.beatmap)
    assert sorted((o.time - planted.start) * 4 / BEAT for o in burst) == [0, 1, 2]
    assert slider.kind is ObjectKind.SLIDER and slider.slider and slider.slider.slides == 1
    assert (slider.time, slider.end_time) == (planted.start, planted.start + BEAT / 2)
    if mode is Mode.CATCH:
        assert tail(slider.slider)[0] == pytest.approx(max(o.x for o in burst), abs=1)
    once = only(good, lambda o: o.time < FIRST + MEASURE or (o.time - FIRST) % BEAT == 0)
    assert has_no_place("burst-drawn", once)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mode", [Mode.TAIKO, Mode.CATCH])
def test_a_spinner_is_dragged_by_half_a_beat(mode: Mode, seed: int) -> None:
    before, after = one_change(*planted_in(drummed(mode), "spinner-dragged", seed))
    assert before.kind is ObjectKind.SPINNER and after.duration == before.duration
    assert abs(after.time - before.time) == BEAT / 2


def test_spinners_are_dragged_only_where_a_quarter_beat_is_left() -> None:
    def between(before: int, after: int) -> Beatmap:
        notes = [f"60,192,{time},1,0,0:0:0:0:" for time in (1000, 4000 - before, 6000 + after)]
        return beatmap([*notes, "256,192,4000,12,0,6000"], [RED_LINE], 1)

    def moves(good: Beatmap) -> set[float]:
        return {planted_in(good, "spinner-dragged", seed)[1].beatmap.hit_objects[2].time - 4000 for seed in range(6)}

    assert moves(between(375, 375)) == {-250, 250}
    assert (moves(between(360, 375)), moves(between(500, 300))) == ({250}, {-250})
    assert has_no_place("spinner-dragged", between(300, 300))


# ---------------------------------------------------------------------------------------------------------------------
# Catch


def test_a_stream_is_upright_and_as_long_as_before() -> None:
    good, planted = plant("stream-upright", 2)
    before, after = one_change(good, planted)
    assert before.slider and after.slider and set(flatten(after.slider).vertices[:, 0]) == {before.x}
    assert after.slider.curve == "L"
    assert (after.time, after.end_time, after.slider.length) == (before.time, before.end_time, before.slider.length)
    following = good.hit_objects[before.index + 1]
    assert abs(following.x - before.x) > abs(following.x - tail(before.slider)[0])
    upright = [
        replace(o, slider=replace(o.slider, control_points=((o.x, o.y), (o.x, 60.0))))
        if o.slider and o.index % 12 == 11
        else o
        for o in good.hit_objects
    ]
    assert has_no_place("stream-upright", rebuild(good, hit_objects=upright))


def test_streams_stay_that_lead_away_from_the_next_object_or_stand_before_a_pause() -> None:
    good = flowing()
    leads_away = only(good, lambda o: not o.slider or (o.time - FIRST) // MEASURE % 2 == 1)
    assert has_no_place("stream-upright", leads_away)
    assert has_no_place("stream-upright", only(good, lambda o: o.slider is not None))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_fruits_are_at_other_distances_from_each_other(factor: float, seed: int) -> None:
    good, planted = plant(f"distance-snap:x{factor:g}", 2, seed)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    first = good.hit_objects[before[0].index - 1]
    ways = [[b.x - a.x for a, b in pairwise((first, *group[:-1]))] for group in (before, after)]
    assert ways[1] == [factor * way for way in ways[0]]
    assert before[-1] == after[-1] and len(before) in (4, 5, 6, 7)
    assert abs(after[-1].x - after[-2].x) >= abs(before[-1].x - before[-2].x) + 60


@pytest.mark.parametrize("name", ["distance-snap:x0.5", "distance-snap:x1.5"])
def test_fruits_at_uneven_times_or_that_hardly_move_stay(name: str) -> None:
    good = flowing()

    def is_third(o: HitObject) -> bool:
        return (o.time - FIRST) % MEASURE == 500

    late = [replace(o, time=o.time + 125, end_time=o.time + 125) if is_third(o) else o for o in good.hit_objects]
    assert has_no_place(name, rebuild(good, hit_objects=late))
    xs = {0: 40.0, 250: 40.0, 500: 40.0, 750: 200.0, 1000: 200.0}
    still = [replace(o, x=xs.get((o.time - FIRST) % MEASURE, o.x)) for o in good.hit_objects]
    assert has_no_place(name, rebuild(good, hit_objects=still))
