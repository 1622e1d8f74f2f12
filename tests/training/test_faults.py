"""Mistakes are planted at the stated place with the stated dose, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu.beatmap import Beatmap, HitObject, Mode
from maimod.osu.timing import snap
from maimod.training.faults import FAULTS, Fault, Planted, rebuild, select
from tests.maps import RED_LINE, beatmap

GREEN = "0,-100,4,2,0,70,0,0"


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
    good = even_map(mode)
    planted = one(name).inject(good, np.random.default_rng(seed))
    assert planted is not None
    return good, planted


def changes(good: Beatmap, bad: Beatmap) -> tuple[list[HitObject], list[HitObject]]:
    """Objects that are in only one of the maps, ignoring their indices."""

    def bare(beatmap: Beatmap) -> dict[HitObject, HitObject]:
        return {replace(o, index=0, combo_number=0): o for o in beatmap.hit_objects}

    before, after = bare(good), bare(bad)
    return [o for key, o in before.items() if key not in after], [o for key, o in after.items() if key not in before]


@pytest.mark.parametrize("mode", list(Mode))
def test_rebuilding_an_unchanged_map_changes_nothing(mode: Mode) -> None:
    good = even_map(mode)
    assert rebuild(good, hit_objects=reversed(good.hit_objects), timing_points=good.timing_points) == good


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_finds_a_place_and_says_where(fault: Fault, mode: Mode) -> None:
    good = even_map(mode)
    planted = fault.inject(good, np.random.default_rng(3))
    if mode not in fault.modes:
        assert planted is None
        return
    assert planted is not None, "an even map has a place for everything"
    assert planted.beatmap != good and planted.start <= planted.end and planted.note
    bad = planted.beatmap
    assert [o.index for o in bad.hit_objects] == list(range(len(bad.hit_objects)))
    assert [o.time for o in bad.hit_objects] == sorted(o.time for o in bad.hit_objects)
    assert {o.line for o in bad.hit_objects} <= {o.line for o in good.hit_objects}
    again = fault.inject(good, np.random.default_rng(3))
    assert again is not None and again.beatmap == bad, "the same seed gives the same mistake"
    if planted.is_local and fault.kind != "scroll-speed":
        gone, come = changes(good, bad)
        assert len(gone) <= 2 and len(come) <= 2 and planted.objects
        times = [bad.hit_objects[i].time for i in planted.objects]
        assert min(times) <= planted.end and max(times) >= planted.start


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


def test_maps_without_a_place_are_left_alone() -> None:
    short = beatmap()
    assert all(fault.inject(short, np.random.default_rng(0)) is None for fault in FAULTS if fault.kind != "map-shift")


def test_faults_are_selected_by_kind_name_and_category() -> None:
    assert len(select(["unsnapped"])) == 4 and len(select(["unsnapped:5 ms"])) == 1
    assert select() == FAULTS and {f.kind for f in select(["new-combos"])} == {
        "combo-missing",
        "combo-extra",
        "combo-misplaced",
    }
    with pytest.raises(ValueError, match="no fault is called 'typo'"):
        select(["typo"])
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
