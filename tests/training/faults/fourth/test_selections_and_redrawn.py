"""Planted mistakes of selections, shapes of sliders and rates of new combos: each is what its name says, and nothing else
changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind, SliderPath
from maimod.osu.slider_path import flatten
from maimod.training.faults import Fault, Planted
from maimod.training.faults.base import starting_in
from maimod.training.faults.fourth import redrawn, selections
from tests.maps import RED_LINE, beatmap
from tests.training.planting import (
    BEAT,
    FIRST,
    MEASURE,
    changes,
    drawn,
    full_map,
    has_its_objects,
    has_no_place,
    heard,
    objects_of,
    one_change,
    planted_in,
    planted_soundly,
)

MEASURES = 24


@cache
def with_pauses(mode: int = 0) -> Beatmap:
    """120 BPM, 24 measures, by turns eight circles up and down from left to right, and a circle and an angled slider of a beat
    before a pause of two beats."""
    lines = []
    for measure in range(MEASURES):
        start = FIRST + measure * MEASURE
        if measure % 2:
            lines.append(f"400,200,{start},5,0,0:0:0:0:")
            lines.append(f"300,200,{start + 500},2,0,L|220:200|220:140,1,140,2|8,0:0|0:0,0:0:0:0:")
            continue
        for k in range(8):
            lines.append(f"{60 + 50 * k},{100 + 140 * (k % 2)},{start + 250 * k},{1 if k else 5},0,0:0:0:0:")
    return beatmap(lines, [RED_LINE], mode, slider_multiplier=1.4)


MAPS: dict[str, Callable[[int], Beatmap]] = {
    "flattened:1 measure": with_pauses,
    "click-in-pause": with_pauses,
    "anchors-crossed": with_pauses,
    "slider-folded:goes on": drawn,
    "slider-bent": drawn,
}
"""Where a mistake has a place, if not in `full_map`."""


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(MAPS.get(name, full_map)(mode), name, seed)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", (*selections.FAULTS, *redrawn.FAULTS), ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, MAPS.get(fault.name, full_map)(mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))


# ---------------------------------------------------------------------------------------------------------------------
# Selections


def inside(of_map: Beatmap, planted: Planted) -> list[HitObject]:
    return starting_in(of_map, planted.start, planted.end)


def way(of_map: Beatmap, first: int, last: int) -> float:
    """Px from head to head through objects with these indices, with those before and after them."""
    return sum(math.dist((a.x, a.y), (b.x, b.y)) for a, b in pairwise(of_map.hit_objects[first - 1 : last + 2]))


def test_circles_are_in_reverse_order_and_leap_into_and_out_of_it() -> None:
    good, planted = plant("figure-backwards")
    before, after = (objects_of(of_map, planted)[:-1] for of_map in (good, planted.beatmap))
    assert [(o.x, o.y) for o in after] == [(o.x, o.y) for o in before[::-1]]
    assert [(o.time, o.line) for o in after] == [(o.time, o.line) for o in before] and len(after) in (4, 5, 6)
    borders = planted.objects[0], planted.objects[-2]
    assert way(planted.beatmap, *borders) >= way(good, *borders) + 200
    ring = [f"{60 + k % 2 * 90},90,{FIRST + k * 250},{1 if k % 8 else 5},0,0:0:0:0:" for k in range(64)]
    assert has_no_place("figure-backwards", beatmap(ring, [RED_LINE]))


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_a_measure_fills_two_at_half_speed(mode: Mode) -> None:
    good, planted = plant("half-speed:1 measure", mode)
    middle = (planted.start + planted.end) / 2
    assert planted.end - planted.start == 2 * MEASURE
    source, after = starting_in(good, planted.start, middle), inside(planted.beatmap, planted)
    assert [(o.time - planted.start) * 2 for o in source] == [o.time - planted.start for o in after]
    assert [(o.kind, o.x, o.y, o.duration) for o in source] == [(o.kind, o.x, o.y, o.duration) for o in after]
    # Each time is half the next one, so that most of the measure is where it was.
    half = [
        f"60,90,{FIRST + 2 * MEASURE * n + time},1,0,0:0:0:0:"
        for n in range(8)
        for time in (0, 125, 250, 500, 1000, 2000)
    ]
    assert has_no_place("half-speed:1 measure", beatmap(half, [RED_LINE], mode)), "it would be as it was"


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_objects_are_pasted_among_themselves(mode: Mode) -> None:
    good, planted = plant("pasted-on-top", mode)
    gone, copies = changes(good, planted.beatmap)
    originals = [o for o in inside(good, planted) if o.line in {copy.line for copy in copies}]
    by = copies[0].time - originals[0].time
    assert not gone and by in (BEAT / 4, BEAT / 2) and len(copies) in (3, 4, 5)
    assert [(o.x, o.y, o.time + by, o.kind) for o in originals] == [(o.x, o.y, o.time, o.kind) for o in copies]
    assert copies[0].time < originals[-1].time and not any(o.new_combo for o in copies)
    stream = [f"{60 + k % 8 * 50},90,{FIRST + k * 63},{1 if k % 16 else 5},0,0:0:0:0:" for k in range(128)]
    assert has_no_place("pasted-on-top", beatmap(stream, [RED_LINE], mode)), "there is no room"


def test_a_measure_is_on_one_line_where_the_map_has_no_such() -> None:
    good, planted = plant("flattened:1 measure")
    before, after = (objects_of(of_map, planted)[:-1] for of_map in (good, planted.beatmap))
    assert len({o.y for o in after}) == 1 < len({o.y for o in before}) and len(after) == 8
    assert [(o.x, o.time) for o in after] == [(o.x, o.time) for o in before]
    heights = (90, 230, 230, 90), (90, 90, 90, 90)
    lines = [f"{60 + 90 * (k % 4)},{heights[k // 4 % 2][k % 4]},{FIRST + k * 500},1,0,0:0:0:0:" for k in range(64)]
    assert has_no_place("flattened:1 measure", beatmap(lines, [RED_LINE])), "it has rows on one line"
    lines = [line for k, line in enumerate(lines) if k // 4 % 2 == 0]
    assert not has_no_place("flattened:1 measure", beatmap(lines, [RED_LINE]))


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_places_are_one_object_late(mode: Mode) -> None:
    good, planted = plant("places-late:1 object", mode)
    first, last = planted.objects[0], planted.objects[-2]
    late = planted.beatmap.hit_objects[first : last + 1]
    assert [(o.x, o.y) for o in late] == [(o.x, o.y) for o in good.hit_objects[first - 1 : last]]
    assert [o.time for o in late] == [o.time for o in good.hit_objects[first : last + 1]]
    ring = [f"{60 + k % 2 * 90},90,{FIRST + k * 250},{1 if k % 8 else 5},0,0:0:0:0:" for k in range(64)]
    assert has_no_place("places-late:1 object", beatmap(ring, [RED_LINE], mode)), "none of them leaps"


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_a_click_in_a_pause_adds_a_circle_between_its_beats(mode: Mode) -> None:
    good, planted = plant("click-in-pause", mode)
    gone, (circle,) = changes(good, planted.beatmap)
    assert not gone and circle.kind is ObjectKind.CIRCLE and not circle.new_combo
    around = good.hit_objects[circle.index - 1], good.hit_objects[circle.index]
    assert around[1].time - around[0].end_time == 2 * BEAT
    assert (circle.time - around[0].end_time) / BEAT in (0.75, 1.25)
    xs = [abs(o.x - circle.x) for o in around]
    assert min(xs if mode == Mode.CATCH else [math.dist((o.x, o.y), (circle.x, circle.y)) for o in around]) >= 100
    assert has_no_place("click-in-pause", full_map(mode)), "it has no pauses"
    ticks = {round(o.time) + 125.0 * k for o in good.hit_objects for k in range(12)}
    assert has_no_place("click-in-pause", good, heard(good, ticks)), "the song has an onset everywhere"


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_a_circle_is_dragged_past_the_next_object(mode: Mode) -> None:
    good, planted = plant("dragged-past-next", mode)
    before, after = one_change(good, planted)
    passed, following = good.hit_objects[before.index + 1 : before.index + 3]
    assert passed.end_time < after.time == round((passed.end_time + following.time) / 2) < following.time
    assert (after.x, after.y) == (before.x, before.y) and planted.objects == (before.index, before.index + 1)
    assert way(planted.beatmap, *planted.objects) > way(good, *planted.objects)
    stacked = [f"60,90,{FIRST + k * 250},1,0,0:0:0:0:" for k in range(64)]
    assert has_no_place("dragged-past-next", beatmap(stacked, [RED_LINE], mode)), "the way would be the same"


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_a_slider_is_merged_with_the_object_after_it(mode: Mode) -> None:
    good, planted = plant("objects-merged", mode)
    gone, (merged,) = changes(good, planted.beatmap)
    slider, after = gone
    assert slider.slider and merged.slider and merged.line == slider.line and merged.time == slider.time
    points = merged.slider.control_points
    assert set(slider.slider.control_points) < set(points) and points[-1] == (after.x, after.y)
    assert points.count(slider.slider.control_points[-1]) == 2, "a red anchor where the slider ended"
    assert merged.slider.length > slider.slider.length and flatten(merged.slider).natural_length >= merged.slider.length
    assert merged.slider.length % 35 == pytest.approx(0), "it ends on a quarter of a beat"
    assert merged.end_time < good.hit_objects[after.index + 1].time
    assert has_no_place("objects-merged", beatmap([f"60,90,{FIRST + k * 500},1,0,0:0:0:0:" for k in range(20)]))


# ---------------------------------------------------------------------------------------------------------------------
# Shapes of sliders


@pytest.mark.parametrize(("dose", "slides"), [("turns back", 2), ("goes on", 1)])
def test_a_slider_of_the_same_duration_turns_back_or_does_not(dose: str, slides: int) -> None:
    good, planted = plant(f"slider-folded:{dose}")
    before, after = one_change(good, planted)
    assert before.slider and after.slider and after.end_time == pytest.approx(before.end_time)
    assert (before.slider.slides, after.slider.slides) == (3 - slides, slides)
    assert after.slider.length * slides == pytest.approx(before.slider.length * before.slider.slides)
    assert after.slider.control_points == before.slider.control_points
    first, *_, last = before.slider.edge_sounds
    assert after.slider.edge_sounds == ((first, 0, last) if slides == 2 else (first, last))
    middles = {o.time + o.duration / 2 for o in good.hit_objects if o.slider}
    everywhere, nowhere = heard(good, {o.time for o in good.hit_objects} | middles), heard(good, {500.0})
    assert has_no_place(f"slider-folded:{dose}", good, everywhere if slides == 2 else nowhere)
    assert not has_no_place(f"slider-folded:{dose}", good, nowhere if slides == 2 else everywhere)


def test_a_slider_bends_to_the_other_side_than_its_copies() -> None:
    before, after = one_change(*plant("slider-bent"))
    assert before.slider and after.slider and before.slider.curve == after.slider.curve == "P"
    one, other = flatten(before.slider), flatten(after.slider)
    assert math.dist(one.end, other.end) < 3 and after.end_time == before.end_time
    (x, y), (end_x, end_y) = one.vertices[0], one.end

    def side(point: np.ndarray) -> float:
        return float((point[0] - x) * (end_y - y) - (point[1] - y) * (end_x - x)) / math.dist((x, y), (end_x, end_y))

    middles = [path.at(path.length / 2)[0] for path in (one, other)]
    assert side(middles[0]) == pytest.approx(-side(middles[1]), abs=2) and abs(side(middles[0])) >= 15
    unlike = [
        f"60,60,{FIRST + k * 1000},6,0,P|{80 + 9 * k}:{90 + 7 * k}|{130 + 5 * k}:{70 + 3 * k},1,70,0|0,0:0|0:0,0:0:0:0:"
        for k in range(8)
    ]
    assert has_no_place("slider-bent", beatmap(unlike, [RED_LINE])), "none has a copy"
    arc = SliderPath("P", ((60, 60), (95, 100), (130, 60)), 1, 0)
    length = flatten(arc).natural_length
    level = [f"60,60,{FIRST + k * 1000},6,0,P|95:100|130:60,1,{length},0|0,0:0|0:0,0:0:0:0:" for k in range(8)]
    assert has_no_place("slider-bent", beatmap(level, [RED_LINE])), "it would be their mirror image"


def test_two_control_points_are_in_the_wrong_order() -> None:
    before, after = one_change(*plant("anchors-crossed"))
    assert before.slider and after.slider and (before.x, before.y) == (after.x, after.y)
    head, *others = before.slider.control_points
    assert after.slider.control_points == (head, *others[::-1])
    assert after.slider.length % 35 == pytest.approx(0) and after.slider.length <= flatten(after.slider).natural_length
    red = [f"60,60,{FIRST + k * 1000},6,0,B|100:100|100:100|160:60,1,70,0|0,0:0|0:0,0:0:0:0:" for k in range(8)]
    assert has_no_place("anchors-crossed", beatmap(red, [RED_LINE])), "a red anchor would come apart"


# ---------------------------------------------------------------------------------------------------------------------
# New combos


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
@pytest.mark.parametrize(("dose", "gap"), [("half", MEASURE / 2), ("twice", 2 * MEASURE)])
def test_four_combos_have_another_length_than_the_rest(dose: str, gap: float, mode: Mode) -> None:
    good, planted = plant(f"combo-rate:{dose}", mode)
    start, end = planted.start, planted.end
    times = [o.time for o in good.hit_objects if start <= o.time < end and o.new_combo]
    assert times == [start + k * MEASURE for k in range(4)]
    now = [o.time for o in planted.beatmap.hit_objects if start <= o.time < end and o.new_combo]
    assert now == [start + k * gap for k in range(round(4 * MEASURE / gap))]
    before, after = changes(good, planted.beatmap)
    assert {(o.time, o.x, o.y) for o in before} == {(o.time, o.x, o.y) for o in after}
    lengths = (2000, 1000) if dose == "half" else (2000, 4000, 8000)
    starts, time = set(), FIRST
    for k in range(24):
        starts.add(time)
        time += lengths[k // 4 % len(lengths)]
    lines = [f"60,90,{t},{5 if t in starts else 1},0,0:0:0:0:" for t in range(FIRST, time, 500)]
    assert has_no_place(f"combo-rate:{dose}", beatmap(lines, [RED_LINE], mode)), "the map has such lengths"
