"""The further kinds of mistakes: each is at the stated place, is what its name says, and nothing else changes."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu import catch
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.slider_path import flatten, tail
from maimod.osu.timing import snap
from maimod.training.evaluate import plant as plant_in_copies
from maimod.training.faults import CLASSIC, FAULTS, FURTHER, Fault, Planted, plant_many, select
from maimod.training.faults.base import additions_of, has_copy, rhythm_of, rows_of
from tests.maps import RED_LINE, beatmap
from tests.training.planting import (
    BEAT,
    FIRST,
    MEASURE,
    MEASURES,
    changes,
    full_map,
    has_its_objects,
    objects_of,
    planted_in,
    planted_soundly,
)


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(full_map(mode), name, seed)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", FURTHER, ids=lambda fault: fault.name)
def test_every_further_fault_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, full_map(mode), mode)
    assert is_inside and (planted is None or planted.places or has_its_objects(planted))


@pytest.mark.parametrize("mode", list(Mode))
def test_classic_kinds_are_planted_at_the_same_places_with_and_without_the_further_ones(mode: Mode) -> None:
    good = full_map(mode)

    def drawn(faults: tuple[Fault, ...]) -> list[tuple[str, float, str]]:
        fitting = [fault for fault in faults if mode in fault.modes]
        copies = plant_in_copies(good, fitting, 1, None, together=4)
        return sorted((f.name, p.start, p.note) for copy in copies for f, p in copy.mistakes if f in CLASSIC)

    assert drawn(FAULTS) == drawn(CLASSIC) != []
    assert select(["classic"]) == CLASSIC and select(["further"]) == FURTHER and not set(CLASSIC) & set(FURTHER)


def test_further_kinds_are_among_those_planted_in_one_copy() -> None:
    kinds = {fault.kind for fault in FURTHER}
    found = {f.kind for seed in range(8) for f, _ in plant_many(full_map(), FAULTS, seed, 6, 4000).mistakes}
    assert found & kinds and found - kinds


# ---------------------------------------------------------------------------------------------------------------------
# The timeline


@pytest.mark.parametrize(("dose", "by"), [("1/4 beat", 125), ("1/8 beat", 62)])
def test_a_dragged_group_keeps_its_gaps(dose: str, by: int) -> None:
    good, planted = plant(f"group-dragged:{dose}")
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert len(before) >= 2 and {abs(b.time - a.time) for a, b in zip(before, after, strict=True)} == {by}
    assert [replace(o, time=0, end_time=0) for o in before] == [replace(o, time=0, end_time=0) for o in after]


def test_exchanged_circles_make_a_detour() -> None:
    good, planted = plant("circles-exchanged")
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert [(o.x, o.time) for o in after] == [(before[1].x, before[0].time), (before[0].x, before[1].time)]
    i = planted.objects[0]

    def way(of_map: Beatmap) -> float:
        return sum(math.dist((a.x, a.y), (b.x, b.y)) for a, b in pairwise(of_map.hit_objects[i - 1 : i + 3]))

    assert way(planted.beatmap) >= way(good) + 120


def test_an_exchanged_slider_ends_before_its_circle() -> None:
    good, planted = plant("slider-exchanged")
    slider, circle = objects_of(planted.beatmap, planted)
    was_circle, was_slider = objects_of(good, planted)
    assert slider.slider == was_slider.slider and slider.time == was_circle.time
    assert circle.time == was_slider.end_time and circle.time - slider.end_time == was_slider.time - was_circle.time


def test_a_split_slider_leaves_its_ends_and_joined_circles_theirs() -> None:
    good, planted = plant("slider-split")
    (slider,), ends = changes(good, planted.beatmap)
    assert slider.slider is not None and {o.time for o in ends} == {slider.time, round(slider.end_time)}
    assert {(o.x, o.y) for o in ends} == {(slider.x, slider.y), tuple(map(round, tail(slider.slider)))}
    good, planted = plant("circles-joined")
    circles, (joined,) = changes(good, planted.beatmap)
    assert {o.time for o in circles} == {joined.time, joined.end_time} and joined.kind is ObjectKind.SLIDER


def test_spinners_are_lost_or_end_a_beat_off() -> None:
    good, planted = plant("spinner-lost")
    (gone,), come = changes(good, planted.beatmap)
    assert not come and gone.kind is ObjectKind.SPINNER and (planted.start, planted.end) == (gone.time, gone.end_time)
    good, planted = plant("spinner-end")
    (before,), (after,) = changes(good, planted.beatmap)
    assert abs(after.end_time - before.end_time) == BEAT


@pytest.mark.parametrize(("dose", "by"), [("1/4 beat", 125), ("1/8 beat", 62.5)])
def test_a_slider_ends_a_tick_off(dose: str, by: float) -> None:
    good, planted = plant(f"slider-end-tick:{dose}")
    (before,), (after,) = changes(good, planted.beatmap)
    assert abs(after.end_time - before.end_time) == pytest.approx(by)
    assert before.slider and after.slider and before.slider.control_points == after.slider.control_points


def test_the_last_of_a_burst_goes_missing() -> None:
    good, planted = plant("burst-shortened")
    (gone,), come = changes(good, planted.beatmap)
    assert not come and good.hit_objects[gone.index - 1].time == gone.time - BEAT / 4
    assert good.hit_objects[gone.index + 1].time - gone.time > BEAT / 4


@pytest.mark.parametrize(("dose", "ms"), [("1/2 measure", 1000), ("1 measure", 2000), ("2 measures", 4000)])
def test_a_deleted_passage_is_empty(dose: str, ms: int) -> None:
    good, planted = plant(f"passage-deleted:{dose}")
    gone, come = changes(good, planted.beatmap)
    assert len(gone) >= 3 and not come and planted.end - planted.start == ms
    assert not [o for o in planted.beatmap.hit_objects if planted.start <= o.time < planted.end]


def test_a_thinned_measure_keeps_its_beats() -> None:
    good, planted = plant("rhythm-thinned")
    gone, come = changes(good, planted.beatmap)
    assert len(gone) >= 2 and not come and all((o.time - FIRST) % BEAT for o in gone)
    first = FIRST + (planted.start - FIRST) // MEASURE * MEASURE
    left = [o.time for o in planted.beatmap.hit_objects if first <= o.time < first + MEASURE]
    assert len(left) >= 2 and (planted.start, planted.end) == (gone[0].time, gone[-1].time)


@pytest.mark.parametrize(("name", "silent", "heard"), [("rhythm-thinned", 1, 0.5), ("repeat-for-circle", 2, 1)])
def test_only_circles_on_clear_onsets_are_not_there_yet(name: str, silent: float, heard: float) -> None:
    (fault,) = select([name])

    def planted(beats: float) -> Planted | None:
        onsets = np.zeros(FIRST + MEASURES * MEASURE, dtype=np.float32)
        onsets[FIRST :: round(beats * BEAT)] = 1.0
        return fault.inject(full_map(), np.random.default_rng(0), OnsetEnvelope(onsets, 1.0))

    assert planted(silent) is None and planted(heard) is not None


def test_a_slider_turns_back_in_place_of_the_circle_after_it() -> None:
    good, planted = plant("repeat-for-circle")
    before, (slider,) = changes(good, planted.beatmap)
    was, circle = sorted(before, key=_time)
    assert was.slider and slider.slider and (was.slider.slides, slider.slider.slides) == (1, 2)
    assert slider.end_time == circle.time == planted.end and slider.slider.edge_sounds == (2, 0, circle.hitsound)
    assert slider.slider.edge_sets[-1] == (circle.sample.normal_set, circle.sample.addition_set)


def test_an_object_is_on_a_third_of_a_map_without_thirds() -> None:
    good, planted = plant("on-third")
    (before,), (after,) = changes(good, planted.beatmap)
    assert snap(good, before.time).divisor in (2, 4) and snap(good, after.time).divisor == 3
    thirds = beatmap([f"{40 + k % 9 * 40},90,{1000 + k * 500 // 3},1,0,0:0:0:0:" for k in range(60)])
    (fault,) = select(["on-third"])
    assert fault.inject(thirds, np.random.default_rng(0)) is None


# ---------------------------------------------------------------------------------------------------------------------
# Passages and figures


def test_a_measure_is_pasted_from_elsewhere_or_again() -> None:
    good, planted = plant("pasted-from-elsewhere")
    own = rhythm_of(planted.beatmap, planted.start, planted.end)
    measures = {rhythm_of(good, start, start + MEASURE) for start in range(FIRST, FIRST + 31 * MEASURE, MEASURE)}
    assert own in measures and own != rhythm_of(good, planted.start, planted.end)
    assert has_copy(good, planted.start, planted.end)
    good, planted = plant("pasted-again")
    before = rhythm_of(planted.beatmap, planted.start - MEASURE, planted.start)
    assert rhythm_of(planted.beatmap, planted.start, planted.end) == before
    assert rhythm_of(good, planted.start, planted.end) != before


def test_halves_of_a_measure_change_their_places() -> None:
    good, planted = plant("halves-exchanged")
    half = MEASURE / 2

    def halves(of_map: Beatmap) -> list[object]:
        return [rhythm_of(of_map, time, time + half) for time in (planted.start, planted.start + half)]

    assert halves(planted.beatmap) == halves(good)[::-1] != halves(good)
    flags = [o.time for o in planted.beatmap.hit_objects if o.new_combo]
    assert planted.start in flags and len(flags) == sum(o.new_combo for o in good.hit_objects)


def test_a_measure_off_the_grid_is_off_by_the_dose() -> None:
    good, planted = plant("passage-unsnapped")
    moves = {
        b.time - a.time for a, b in zip(objects_of(good, planted), objects_of(planted.beatmap, planted), strict=True)
    }
    assert moves in ({10.0}, {-10.0}) and len(planted.objects) >= 3


@pytest.mark.parametrize("pixels", [16, 40, 100])
def test_a_shifted_figure_moves_as_a_whole(pixels: int) -> None:
    good, planted = plant(f"figure-shifted:{pixels} px")
    before, after = changes(good, planted.beatmap)
    assert len(before) >= 2
    moves = np.array(
        [(b.x - a.x, b.y - a.y) for a, b in zip(sorted(before, key=_time), sorted(after, key=_time), strict=True)]
    )
    assert np.hypot(*moves[0]) == pytest.approx(pixels, abs=1) and np.ptp(moves, axis=0).max() <= 1


def _time(o: HitObject) -> float:
    return o.time


@pytest.mark.parametrize(
    ("name", "factor"), [("turned:30 degrees", 1), ("turned:90 degrees", 1), ("scaled:x0.7", 0.7), ("scaled:x1.4", 1.4)]
)
def test_a_turned_or_scaled_figure_keeps_its_form(name: str, factor: float) -> None:
    good, planted = plant(f"figure-{name}")
    figures = [objects_of(one, planted)[:-1] for one in (good, planted.beatmap)]
    spacings = [[math.dist((a.x, a.y), (b.x, b.y)) for a, b in pairwise(figure)] for figure in figures]
    assert spacings[1] == pytest.approx([factor * one for one in spacings[0]], abs=2)
    middles = [np.mean([(o.x, o.y) for o in figure], axis=0) for figure in figures]
    assert middles[1] == pytest.approx(middles[0], abs=1) and figures[0] != figures[1]


def test_a_copy_lies_on_its_original_only_where_the_map_does_not_do_so() -> None:
    good, planted = plant("figure-left")
    bad = planted.beatmap
    n = len(planted.objects) - 1
    first = planted.objects[0]
    assert n >= 3
    for i in range(first, first + n):
        assert (bad.hit_objects[i].x, bad.hit_objects[i].y) == (good.hit_objects[i - n].x, good.hit_objects[i - n].y)
    (fault,) = select(["figure-left"])
    assert fault.inject(bad, np.random.default_rng(0)) is None


@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_a_scaled_jump_keeps_its_direction(factor: float) -> None:
    good, planted = plant(f"jump-scaled:x{factor:g}")
    (before,), (after,) = changes(good, planted.beatmap)
    last = good.hit_objects[before.index - 1]
    ways = [np.array([o.x - last.x, o.y - last.y]) for o in (before, after)]
    assert ways[1] == pytest.approx(ways[0] * factor, abs=1)


@pytest.mark.parametrize("measures", [1, 2])
def test_a_mirrored_passage_breaks_the_ways_in_or_out(measures: int) -> None:
    good, planted = plant(f"passage-mirrored:{measures} measures")
    before, after = (objects_of(one, planted)[:-1] for one in (good, planted.beatmap))
    assert after[-1].time - after[0].time > (measures - 1) * MEASURE
    for a, b in zip(before, after, strict=True):
        assert {b.x, 512 - b.x} == {a.x, 512 - a.x} and {b.y, 384 - b.y} == {a.y, 384 - a.y}
    assert any((a.x, a.y) != (b.x, b.y) for a, b in zip(before, after, strict=True))


def test_bodies_lose_and_exchange_anchors_and_turn() -> None:
    points = {}
    for name in ("anchor-lost", "anchor-exchanged", "body-turned:15 degrees", "body-turned:45 degrees"):
        good, planted = plant(name)
        (before,), (after,) = changes(good, planted.beatmap)
        assert before.slider and after.slider
        if name.startswith("body-turned"):
            assert before.slider.length == after.slider.length
        else:  # the editor ends it at a tick anew
            assert after.slider.length - 1 <= flatten(after.slider).natural_length
        assert math.dist(tail(before.slider), tail(after.slider)) >= 15
        points[name] = before.slider.control_points, after.slider.control_points
    assert len(points["anchor-lost"][0]) - len(points["anchor-lost"][1]) == 1
    assert set(points["anchor-exchanged"][0]) == set(points["anchor-exchanged"][1])
    for degrees in (15, 45):
        old, new = (np.array(p) - p[0] for p in points[f"body-turned:{degrees} degrees"])
        angles = np.degrees(np.arctan2(new[-1, 1], new[-1, 0]) - np.arctan2(old[-1, 1], old[-1, 0]))
        assert abs((angles + 180) % 360 - 180) == pytest.approx(degrees, abs=2)


# ---------------------------------------------------------------------------------------------------------------------
# New combos, sounds and lines


def test_new_combos_of_a_stretch_are_late_lost_or_everywhere() -> None:
    good, planted = plant("combos-late")
    flags = [[o.new_combo for o in objects_of(one, planted)] for one in (good, planted.beatmap)]
    assert sum(flags[0]) >= 3 and flags[1] == [False, *flags[0][:-1]]
    _, planted = plant("combos-lost")
    assert not any(o.new_combo for o in objects_of(planted.beatmap, planted)) and len(planted.objects) > 12
    _, planted = plant("combos-everywhere")
    assert all(o.new_combo and o.combo_number == 1 for o in objects_of(planted.beatmap, planted))


def test_additions_of_a_measure_are_late_or_exchanged() -> None:
    good, planted = plant("additions-shifted")
    sounds = [[additions_of(o) for o in objects_of(one, planted)] for one in (good, planted.beatmap)]
    assert sounds[1] == [sounds[0][-1], *sounds[0][:-1]] != sounds[0]
    good, planted = plant("additions-late")
    at = {o.time: additions_of(o) for o in objects_of(good, planted)}
    late = {o.time: additions_of(o) for o in objects_of(planted.beatmap, planted)}
    assert late == {time: at.get(time - BEAT / 2, 0) for time in at} != at
    good, planted = plant("additions-exchanged")
    swapped = {0: 0, 2: 8, 4: 4, 8: 2}
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert [additions_of(o) for o in after] == [swapped[additions_of(o)] for o in before]
    assert any(o.slider and o.slider.edge_sounds == (8, 0) for o in after) or not any(o.slider for o in after)


@pytest.mark.parametrize(("dose", "least"), [("1 object", 1), ("2 measures", 3)])
def test_own_sample_sets_are_lost_where_that_is_heard(dose: str, least: int) -> None:
    good, planted = plant(f"own-sets-lost:{dose}")
    before, after = changes(good, planted.beatmap)
    assert len(before) >= least and {o.sample.addition_set for o in before} == {3}
    assert {o.sample.addition_set for o in after} == {0} and all(map(additions_of, after))
    (fault,) = select([f"own-sets-lost:{dose}"])
    unheard = [replace(o, hitsound=0, sample=replace(o.sample, normal_set=2)) for o in good.hit_objects]
    assert fault.inject(replace(good, hit_objects=tuple(unheard)), np.random.default_rng(0)) is None


def test_hitsounds_of_eight_measures_are_not_there_yet() -> None:
    good, planted = plant("sounds-unfinished")
    assert planted.end - planted.start == 8 * MEASURE and any(additions_of(o) for o in objects_of(good, planted))
    inside = objects_of(planted.beatmap, planted)
    assert not any(additions_of(o) or o.sample.addition_set for o in inside)
    assert not any(any(o.slider.edge_sounds) for o in inside if o.slider)


def test_the_finish_of_a_section_is_missing() -> None:
    good, planted = plant("finish-missing")
    (before,), (after,) = changes(good, planted.beatmap)
    assert additions_of(before) == 4 and additions_of(after) == 0 and (before.time - FIRST) % MEASURE == 0


def test_sounds_of_edges_are_reversed_or_everywhere() -> None:
    for name, edges in (("edge-sounds-reversed", (0, 2)), ("edge-sounds-everywhere", (2, 2))):
        good, planted = plant(name)
        (before,), (after,) = changes(good, planted.beatmap)
        assert before.slider and before.slider.edge_sounds == (2, 0)
        assert after.slider and after.slider.edge_sounds == edges


def test_sounds_on_all_edges_are_a_mistake_only_where_tails_have_none() -> None:
    sliders = [f"100,100,{1000 + k * 1000},2,0,L|170:100,1,70,2|{2 * (k % 2)},0:0|0:0,0:0:0:0:" for k in range(20)]
    (fault,) = select(["edge-sounds-everywhere"])
    assert fault.inject(beatmap(sliders), np.random.default_rng(0)) is None


def test_volumes_are_late_lost_and_out_of_their_ramp() -> None:
    good, planted = plant("volume-late")
    volumes = [[one.timing_point_at(t).volume for t in (planted.start - 1, planted.start, planted.end)]
               for one in (good, planted.beatmap)]  # fmt: skip
    assert planted.end - planted.start == BEAT and volumes[0][0] != volumes[0][1] == volumes[0][2]
    assert volumes[1] == [volumes[0][0], volumes[0][0], volumes[0][2]]
    _, planted = plant("volume-line-lost")
    volumes = [planted.beatmap.timing_point_at(time).volume for time in (planted.start - 1, planted.end - 1)]
    assert volumes[0] == volumes[1]
    good, planted = plant("volume-ramp-broken")
    around = [planted.beatmap.timing_point_at(t).volume for t in (planted.start - 1, planted.start, planted.end)]
    assert not around[0] < around[1] < around[2] and good.timing_point_at(planted.start).volume != around[1]


@pytest.mark.parametrize(
    ("name", "mode"), [("velocity-line-lost", 0), ("scroll-line-lost", 1), ("scroll-line-lost", 3)]
)
def test_a_lost_line_keeps_the_former_velocity(name: str, mode: int) -> None:
    good, planted = plant(name, mode)
    assert good.velocity_at(planted.start) != good.velocity_at(planted.start - 1)
    assert planted.beatmap.velocity_at(planted.start) == planted.beatmap.velocity_at(planted.start - 1)


@pytest.mark.parametrize("name", ["volume-line-lost", "velocity-line-lost", "volume-late", "kiai-doubled"])
def test_of_a_lost_or_moved_line_none_is_left(name: str) -> None:
    good, planted = plant(name)
    times = [[point.time for point in one.timing_points] for one in (good, planted.beatmap)]
    assert planted.start in times[0] and planted.start not in times[1]


@pytest.mark.parametrize(
    ("name", "line"), [("velocity-line-lost", "-80,4,2,0,70"), ("volume-line-lost", "-100,4,2,0,40")]
)
def test_a_lost_line_keeps_the_kiai_that_begins_there(name: str, line: str) -> None:
    points = [RED_LINE, "2000,-100,4,2,0,70,0,0", f"4000,{line},0,1", "6000,-100,4,2,0,70,0,1"]
    sliders = [f"100,100,{time},2,0,L|170:100,1,70" for time in range(2000, 9000, 500)]
    (fault,) = select([name])
    places = [fault.inject(beatmap(sliders, points), np.random.default_rng(seed)) for seed in range(20)]
    planted = next(found for found in places if found and found.start == 4000)
    (left,) = [point for point in planted.beatmap.timing_points if point.time == 4000]
    assert (left.velocity, left.volume, left.kiai) == (1.0, 70, True)


def test_a_late_line_leaves_its_object_to_the_former_one() -> None:
    good, planted = plant("velocity-line-late")
    (o,) = objects_of(planted.beatmap, planted)
    assert planted.beatmap.velocity_at(o.time) == good.velocity_at(o.time - 1) != good.velocity_at(o.time)
    assert planted.beatmap.velocity_at(o.time + 5) == good.velocity_at(o.time) and o.slider


def test_kiai_is_missing_or_too_long() -> None:
    good, planted = plant("kiai-lost")
    assert len(planted.beatmap.kiai_sections) == len(good.kiai_sections) - 1 == 1
    good, planted = plant("kiai-doubled")
    lengths = [[end.time - start.time for start, end in one.kiai_sections if end] for one in (good, planted.beatmap)]
    assert sorted(lengths[1]) == [4000, 8000] and lengths[0] == [4000, 4000]


# ---------------------------------------------------------------------------------------------------------------------
# Taiko, catch, mania


def test_colours_of_a_measure_are_exchanged_or_late() -> None:
    for dose in ("exchanged", "one late"):
        good, planted = plant(f"taiko-colours:{dose}", Mode.TAIKO)
        kats = [
            [bool(o.hitsound & 10) for o in objects_of(one, planted) if o.kind is ObjectKind.CIRCLE]
            for one in (good, planted.beatmap)
        ]
        expected = [not kat for kat in kats[0]] if dose == "exchanged" else [kats[0][-1], *kats[0][:-1]]
        assert kats[1] == expected != kats[0]
    good, planted = plant("finisher-late", Mode.TAIKO)
    assert [[o.hitsound & 4 for o in objects_of(one, planted)] for one in (good, planted.beatmap)] == [[4, 0], [0, 4]]


def test_a_lost_hyperdash_is_just_in_reach() -> None:
    good, planted = plant("hyperdash-lost", Mode.CATCH)
    (index,) = planted.objects

    def to(one: Beatmap) -> catch.Movement:
        return next(m for m in catch.movements(one) if m.after.hit_object.index == index)

    assert to(good).is_hyperdash and not to(planted.beatmap).is_hyperdash
    assert to(planted.beatmap).to_hyperdash <= 20


def test_columns_of_mania_are_what_the_kinds_say() -> None:
    good, planted = plant("accidental-jack", Mode.MANIA)
    (o,) = objects_of(planted.beatmap, planted)
    last = next(row.only for row in reversed(rows_of(planted.beatmap)) if row.time < o.time)
    assert last is not None and last.x == o.x != good.hit_objects[o.index].x
    good, planted = plant("chord-shifted", Mode.MANIA)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    steps = {good.column(b) - good.column(a) for a, b in zip(before, after, strict=True)}
    assert steps in ({1}, {-1}) and len(planted.objects) == 2
    good, planted = plant("columns-exchanged:hands", Mode.MANIA)
    columns = [sorted((o.time, one.column(o)) for o in objects_of(one, planted)) for one in (good, planted.beatmap)]
    assert columns[1] == sorted((time, 3 - column) for time, column in columns[0]) != columns[0]
    good, planted = plant("columns-exchanged:two columns", Mode.MANIA)
    gone, come = changes(good, planted.beatmap)
    moved = {good.column(o) for o in gone}
    assert moved == {planted.beatmap.column(o) for o in come} and max(moved) - min(moved) == 1
    good, planted = plant("column-lost", Mode.MANIA)
    gone, come = changes(good, planted.beatmap)
    assert not come and len(gone) >= 2 and len({o.x for o in gone}) == 1
    assert {o.time for o in gone} == {start for start, _ in planted.places}


def test_holds_are_broken_or_end_early() -> None:
    good, planted = plant("hold-broken", Mode.MANIA)
    (before,), parts = changes(good, planted.beatmap)
    one, two = sorted(parts, key=_time)
    assert (one.time, two.end_time) == (before.time, before.end_time) and two.time - one.end_time == BEAT / 4
    good, planted = plant("holds-shortened", Mode.MANIA)
    gone, come = changes(good, planted.beatmap)
    assert len(gone) >= 3 and {o.kind for o in gone} == {ObjectKind.HOLD}
    ends = [sorted(o.end_time for o in some) for some in (gone, come)]
    assert ends[1] == [end - BEAT / 4 for end in ends[0]]
