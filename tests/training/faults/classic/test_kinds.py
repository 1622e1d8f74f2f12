"""Mistakes are planted at the stated place with the stated dose, and nothing else changes."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.findings import Category
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.osu.slider_path import flatten
from maimod.osu.timing import snap
from maimod.training.faults import CLASSIC, FAULTS, Fault, Planted, plant_alone, plant_many, select
from maimod.training.faults.additions import silent
from maimod.training.faults.base import rebuild
from maimod.training.faults.copies import Copy, added
from tests.maps import RED_LINE, beatmap
from tests.training.planting import GREEN, changes, has_its_objects, in_spans, planted_in, planted_soundly, varied_map


def even_map(mode: int = 0) -> Beatmap:
    """120 BPM for 64 s: circles on every half beat, a clap on every second beat, a new combo on downbeats, a slider
    over half a beat in each measure; in mania notes instead."""
    lines = []
    for k in range(256):
        time, sound, flag = 2000 + k * 250, 8 if k % 4 == 2 else 0, 4 if k % 8 == 0 else 0
        x, y = 100 + 37 * (k % 9), 80 + 23 * (k % 7)
        if mode == Mode.MANIA:
            x = 64 + 128 * (k % 4)
        if k % 8 == 4 and mode != Mode.MANIA:
            lines.append(f"{x},{y},{time},{2 | flag},{sound},L|{x + 70}:{y},1,70,,,0:0:0:0:")
        elif k % 8 != 5 or mode == Mode.MANIA:
            lines.append(f"{x},{y},{time},{1 | flag},{sound},0:0:0:0:")
    kiai = ["18000,-100,4,2,0,70,0,1", "34000,-100,4,2,0,70,0,0"]
    return beatmap(lines, [RED_LINE, GREEN, *kiai], mode, slider_multiplier=1.4, circle_size=4)


def one(name: str) -> Fault:
    (fault,) = select([name])
    return fault


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(even_map(mode), name, seed)


@pytest.mark.parametrize("mode", list(Mode))
def test_rebuilding_an_unchanged_map_changes_nothing(mode: Mode) -> None:
    good = even_map(mode)
    assert rebuild(good, hit_objects=reversed(good.hit_objects), timing_points=good.timing_points) == good


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", CLASSIC, ids=lambda fault: fault.name)
def test_every_fault_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, varied_map(mode), mode)
    if planted is None:
        return
    if fault.category is not Category.TIMING:
        assert is_inside and (planted.objects or planted.places)
    if planted.is_local and not planted.places:
        assert has_its_objects(planted)


@pytest.mark.parametrize("ms", [5, 10, 20, 40])
def test_unsnapped_moves_one_object_by_the_dose(ms: int) -> None:
    good, planted = plant(f"unsnapped:{ms} ms")
    (before,), (after,) = changes(good, planted.beatmap)
    assert abs(after.time - before.time) == ms and after.duration == pytest.approx(before.duration)
    assert planted.beatmap.hit_objects[planted.objects[0]].time == after.time


def test_a_missing_object_leaves_its_neighbours_behind() -> None:
    good, planted = plant("missing-object")
    (gone,), come = changes(good, planted.beatmap)
    assert not come and gone.time == planted.start
    before, after = (planted.beatmap.hit_objects[i] for i in planted.objects)
    assert after.time - before.time == 500 and before.time < gone.time < after.time


def test_objects_go_missing_on_onsets_and_are_added_in_silence() -> None:
    good = even_map()
    values = np.zeros(70_000, dtype=np.float32)
    values[[round(o.time) + 25 for o in good.hit_objects]] = 1.0
    silent_half = values.copy()
    silent_half[30_000:] = 0.0
    for seed in range(5):
        missing = one("missing-object").inject(good, np.random.default_rng(seed), OnsetEnvelope(silent_half, 1.0))
        assert missing is not None and missing.start < 30_000
    busy = np.ones(70_000, dtype=np.float32)
    assert one("extra-object").inject(good, np.random.default_rng(0), OnsetEnvelope(busy, 1.0)) is None
    assert one("extra-object").inject(good, np.random.default_rng(0), OnsetEnvelope(values, 1.0)) is not None


def test_a_shifted_section_takes_its_grid_along() -> None:
    good, planted = plant("section-shift:20 ms")
    gone, come = changes(good, planted.beatmap)
    assert len(gone) == len(come) >= 32
    assert {abs(b.time - a.time) for a, b in zip(gone, come, strict=True)} == {20.0}
    assert all(abs(snap(planted.beatmap, o.time).error) < 1 for o in planted.beatmap.hit_objects)
    assert len(planted.beatmap.red_lines) == 3 and not planted.is_local


def test_a_wrong_tempo_drifts_and_is_anchored_again() -> None:
    good, planted = plant("tempo:1 %")
    inside = planted.beatmap.red_line_at(planted.start + 100)
    assert inside.beat_length == pytest.approx(500 * 1.01, abs=1e-6) or inside.beat_length == pytest.approx(
        500 * 0.99, abs=1e-6
    )
    assert planted.beatmap.red_line_at(planted.end + 100).beat_length == 500
    assert all(abs(snap(planted.beatmap, o.time).error) < 1 for o in planted.beatmap.hit_objects)
    assert planted.beatmap.hit_objects[-1].time == good.hit_objects[-1].time


def test_a_shifted_map_moves_everything() -> None:
    good, planted = plant("map-shift:-20 ms")
    assert [o.time for o in planted.beatmap.hit_objects] == [o.time - 20 for o in good.hit_objects]
    assert [p.time for p in planted.beatmap.timing_points] == [p.time - 20 for p in good.timing_points]


def test_combos_are_counted_anew() -> None:
    good, planted = plant("combo-missing")
    o = planted.beatmap.hit_objects[planted.objects[0]]
    assert good.hit_objects[o.index].combo_number == 1 and o.combo_number == 8
    _, misplaced = plant("combo-misplaced")
    flags = [misplaced.beatmap.hit_objects[i].new_combo for i in misplaced.objects]
    assert sorted(flags) == [False, True]


def test_slider_ends_follow_length_and_velocity() -> None:
    good, longer = plant("slider-length:+50 %")
    (before,), (after,) = changes(good, longer.beatmap)
    assert after.duration == pytest.approx(before.duration * 1.5)
    good, faster = plant("slider-velocity:x2")
    (before,), (after,) = changes(good, faster.beatmap)
    assert after.slider is not None and before.slider is not None
    assert after.slider.length == before.slider.length * 2
    assert after.duration == pytest.approx(before.duration)
    assert faster.beatmap.velocity_at(faster.beatmap.hit_objects[after.index + 1].time) == 1.0


def test_a_slider_ends_on_a_tick_of_its_path_after_an_anchor_is_dragged() -> None:
    lengths = []
    for seed, pixels in product(range(4), (5, 40, 60, 120)):
        good, planted = plant(f"slider-anchor:{pixels} px", seed=seed)
        (before,), (after,) = changes(good, planted.beatmap)
        assert before.slider is not None and after.slider is not None
        old, new = (np.array(o.slider.control_points) for o in (before, after))
        assert np.hypot(*(new - old).T).max() == pytest.approx(pixels, abs=1)
        beyond = flatten(after.slider).natural_length - after.slider.length
        assert -1 < beyond < 35  # 35 px are a quarter of a beat
        assert after.slider.length % 35 == 0 and after.duration == pytest.approx(after.slider.length / 140 * 500)
        assert planted.end == max(before.end_time, after.end_time)
        assert after.end_time + 40 <= planted.beatmap.hit_objects[after.index + 1].time
        lengths.append(after.slider.length)
    assert set(lengths) >= {35, 70, 105}


def test_a_reversed_slider_begins_where_it_ended() -> None:
    good, planted = plant("slider-reversed")
    (before,), (after,) = changes(good, planted.beatmap)
    assert after.slider and before.slider and (after.x, after.y) == before.slider.control_points[-1]


def test_a_volume_dip_ends_with_the_object() -> None:
    _, planted = plant("volume-dip:50 %")
    bad = planted.beatmap
    assert bad.timing_point_at(planted.start).volume == 35
    assert bad.timing_point_at(planted.start - 1).volume == bad.timing_point_at(planted.start + 250).volume == 70


def test_scroll_speed_is_off_for_a_measure() -> None:
    _, planted = plant("scroll-speed:x2", Mode.TAIKO)
    assert planted.beatmap.velocity_at(planted.start) == planted.beatmap.velocity_at(planted.end - 1) == 2
    assert planted.beatmap.velocity_at(planted.end) == planted.beatmap.velocity_at(planted.start - 1) == 1


def test_kiai_is_off_by_the_dose_and_nothing_else_is() -> None:
    good, planted = plant("kiai-moved:2 beats")
    ((first, after),) = planted.beatmap.kiai_sections
    assert after is not None and {abs(first.time - 18_000), abs(after.time - 34_000)} == {0, 1000}
    assert changes(good, planted.beatmap) == ([], [])


def test_lost_hitsounds_leave_their_neighbours() -> None:
    good, planted = plant("hitsounds-lost:2 measures")
    bad = planted.beatmap
    inside = [o for o in bad.hit_objects if planted.start <= o.time < planted.end]
    assert planted.end - planted.start == 4000 and not any(o.hitsound for o in inside)
    assert [o for o in bad.hit_objects if o not in inside] == [
        o for o in good.hit_objects if o.index not in planted.objects
    ]


def test_a_late_paste_moves_two_measures() -> None:
    good, planted = plant("late-paste:1/4 beat")
    gone, come = changes(good, planted.beatmap)
    assert planted.end - planted.start == 4000 and {o.time - 125 for o in come} <= {o.time for o in gone}
    assert len(gone) - len(come) <= 1 and max(o.end_time for o in come) + 40 <= planted.end


def test_a_passage_on_the_wrong_grid_keeps_its_beats() -> None:
    good = varied_map()
    planted = one("wrong-snap:1/4 as 1/3").inject(good, np.random.default_rng(0))
    assert planted is not None
    gone, come = changes(good, planted.beatmap)
    assert {round(o.time - planted.start) for o in gone} == {125, 250}
    assert {round(o.time - planted.start) for o in come} == {167, 333}
    back = one("wrong-snap:1/3 as 1/4").inject(good, np.random.default_rng(0))
    assert back is not None and {round(o.time - back.start) for o in changes(good, back.beatmap)[1]} == {125, 250}


def test_a_doubled_object_lies_on_itself() -> None:
    _, planted = plant("doubled-object")
    one_, two = (planted.beatmap.hit_objects[i] for i in planted.objects)
    assert (one_.time, one_.x, one_.y) == (two.time, two.x, two.y)


def test_repeats_keep_the_sounds_of_their_edges() -> None:
    good = beatmap(["100,100,1000,2,0,L|170:100,2,70,2|4|8,1:0|2:0|3:0,0:0:0:0:", "100,100,3000,1,0,0:0:0:0:"])
    for dose, sounds in (("-1", (2, 4)), ("+1", (2, 4, 8, 8))):
        planted = one(f"slider-repeats:{dose}").inject(good, np.random.default_rng(0))
        assert planted is not None
        slider = planted.beatmap.hit_objects[0].slider
        assert slider and slider.slides == 2 + int(dose) and slider.edge_sounds == sounds
        assert planted.beatmap.hit_objects[0].end_time == 1000 + 250 * slider.slides


@pytest.mark.parametrize("pixels", [2, 5, 10, 20, 40, 60, 120, 200])
def test_a_moved_circle_moves_by_the_dose(pixels: int) -> None:
    good, planted = plant(f"moved:{pixels} px")
    (before,), (after,) = changes(good, planted.beatmap)
    assert np.hypot(after.x - before.x, after.y - before.y) == pytest.approx(pixels, abs=0.8)


def test_a_broken_stack_was_one() -> None:
    good = varied_map()
    planted = one("stack-broken:5 px").inject(good, np.random.default_rng(0))
    assert planted is not None
    (before,), (after,) = changes(good, planted.beatmap)
    below = good.hit_objects[before.index - 1]
    assert (below.x, below.y) == (before.x, before.y) != (after.x, after.y)


def test_a_mirrored_figure_keeps_its_middle() -> None:
    good, planted = plant("figure-mirrored")
    gone, come = changes(good, planted.beatmap)
    assert 2 <= len(gone) == len(come) <= 5
    assert [o.time for o in gone] == [o.time for o in come]
    before, after = ([o.hit_objects[i] for i in planted.objects] for o in (good, planted.beatmap))
    for name in ("x", "y"):
        places = [sorted(round(getattr(o, name), 6) for o in figure) for figure in (before, after)]
        total = places[0][0] + places[0][-1]
        assert places[1] == places[0] or places[1] == sorted(total - place for place in places[0])


def test_a_mistyped_velocity_ends_with_the_next_line() -> None:
    good, planted = plant_in_varied("velocity-typo:-100 as -10")
    bad = planted.beatmap
    assert bad.velocity_at(planted.start) == 10 and good.velocity_at(planted.start) == 1
    slider = next(o for o in bad.hit_objects if o.slider and o.index in planted.objects)
    before = next(o for o in good.hit_objects if o.line == slider.line)
    assert slider.duration == pytest.approx(before.duration / 10) and slider.slider == before.slider


def plant_in_varied(name: str, mode: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(varied_map(mode), name)


def test_a_mistyped_tempo_moves_no_object() -> None:
    good, planted = plant("tempo-typo:+10 BPM")
    assert planted.beatmap.red_lines[0].beat_length == pytest.approx(60_000 / 130)
    assert [o.time for o in planted.beatmap.hit_objects] == [o.time for o in good.hit_objects]


@pytest.mark.parametrize("kind", ["repeated-combo-missing", "repeated-addition-missing", "repeated-object-missing"])
def test_a_repeated_slip_is_at_the_same_place_of_every_phrase(kind: str) -> None:
    good, planted = plant(f"{kind}:7 phrases")
    assert len(planted.places) == 7
    steps = np.diff([start for start, _ in planted.places])
    assert np.ptp(steps) == 0 and steps[0] % 4000 == 0
    times = {o.time for o in (changes(good, planted.beatmap)[0])}
    assert times == {start for start, _ in planted.places}


def test_mania_kinds_change_what_they_say() -> None:
    good, swapped = plant_in_varied("columns-swapped", Mode.MANIA)
    gone, come = changes(good, swapped.beatmap)
    assert [o.x for o in gone] == [o.x for o in reversed(come)]
    good, held = plant_in_varied("note-to-hold", Mode.MANIA)
    (_,), (after,) = changes(good, held.beatmap)
    assert after.kind is ObjectKind.HOLD and after.duration == 250
    good, ended = plant_in_varied("hold-end:-1/4 beat", Mode.MANIA)
    (before,), (after,) = changes(good, ended.beatmap)
    assert before.end_time - after.end_time == 125


def test_a_hyperdash_is_out_of_reach() -> None:
    good, planted = plant("hyperdash", Mode.CATCH)
    (before,), (after,) = changes(good, planted.beatmap)
    previous = good.hit_objects[before.index - 1]
    gap = after.time - previous.time
    assert abs(before.x - previous.x) < gap < abs(after.x - previous.x) - 53


@pytest.mark.parametrize("seed", range(4))
def test_many_mistakes_lie_far_apart_in_one_copy(seed: int) -> None:
    good = varied_map()
    copy = plant_many(good, FAULTS, seed, count=6, gap_ms=5000)
    assert len(copy.mistakes) >= 4 and len({fault.kind for fault, _ in copy.mistakes}) == len(copy.mistakes)
    assert plant_many(good, FAULTS, seed, count=6, gap_ms=5000) == copy != plant_many(good, FAULTS, seed + 1, 6, 5000)
    ends = [(planted.start, planted.end) for _, planted in copy.mistakes]
    assert all(after - before >= 5000 for (_, before), (after, _) in pairwise(ends))
    gone, come = changes(good, copy.beatmap)
    for o in (*gone, *come):
        assert any(in_spans(planted, o.time, o.end_time) for _, planted in copy.mistakes)
    for _, planted in copy.mistakes:
        assert planted.beatmap is copy.beatmap


def test_earlier_mistakes_move_along_with_an_added_object() -> None:
    good = varied_map()
    (moved,), (extra,) = select(["moved:60 px"]), select(["extra-object"])
    first = added(Copy(good), moved, np.random.default_rng(1), 5000, None)
    assert first is not None
    ((_, before),) = first.mistakes
    both = [added(first, extra, np.random.default_rng(seed), 5000, None) for seed in range(12)]
    starts = set()
    for copy in both:
        assert copy is not None
        after = {fault.kind: planted for fault, planted in copy.mistakes}
        starts.add(after["extra-object"].start < before.start)
        assert copy.beatmap.hit_objects[after["moved"].objects[0]].time == before.start
    assert starts == {True, False}, "objects are added before and after"


def test_lost_hitsounds_are_lost_at_the_edges_of_sliders_too() -> None:
    (slider,) = beatmap(["100,100,1000,2,8,L|170:100,1,70,2|4,1:0|2:0,0:0:0:0:"]).hit_objects
    quiet = silent(slider)
    assert quiet.slider and quiet.slider.edge_sounds == (0, 0) and quiet.hitsound == 0


def test_maps_without_a_place_are_left_alone() -> None:
    short = beatmap()
    assert all(fault.inject(short, np.random.default_rng(0)) is None for fault in FAULTS if fault.kind != "map-shift")


def test_faults_are_selected_by_kind_name_and_category() -> None:
    assert len(select(["unsnapped"])) == 4 and len(select(["unsnapped:5 ms"])) == 1
    assert select() == FAULTS and {f.kind for f in select(["new-combos"])} == {
        "combo-missing",
        "combo-extra",
        "combo-misplaced",
        "repeated-combo-missing",
        "combos-late",
        "combos-lost",
        "combos-everywhere",
        "combo-twice",
        "combo-half-off",
        "combo-rate",
        "combos-out-of-phase",
        "combos-by-count",
        "combos-pasted",
        "combo-reversed",
    }
    with pytest.raises(ValueError, match="no fault is called 'mooved'; did you mean moved"):
        select(["mooved"])
    with pytest.raises(ValueError, match="no fault is called 'qqqq'; sets are classic, further, "):
        select(["qqqq"])
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_copy_with_a_mistake_that_takes_the_whole_map() -> None:
    good = varied_map()
    copy = plant_alone(good, select(["moved", "repeated-object-missing"]), 3)
    ((fault, planted),) = copy.mistakes
    assert fault.is_alone and len(planted.places) >= 4 and planted.beatmap == copy.beatmap != good
    assert plant_alone(good, select(["moved"]), 3).mistakes == ()
