"""Planted mistakes of rhythms and sliders in time, runs of circles and bodies of sliders: each is what its name says, and
nothing else changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.slider_path import flatten
from maimod.training.faults import Fault, Planted
from maimod.training.faults.fifth import shape_slips, timeline_slips
from tests.maps import RED_LINE, beatmap
from tests.training.planting import (
    BEAT,
    FIRST,
    MEASURE,
    changes,
    full_map,
    has_its_objects,
    has_no_place,
    heard,
    objects_of,
    one_change,
    planted_in,
    planted_soundly,
)

PLAYED = [Mode.OSU, Mode.CATCH]


@cache
def roomy(mode: int = 0) -> Beatmap:
    """120 BPM, 16 measures of a circle and, two beats later, a slider of half a beat."""
    lines = []
    for start in range(FIRST, FIRST + 16 * MEASURE, MEASURE):
        lines.append(f"100,100,{start},5,0,0:0:0:0:")
        lines.append(f"200,100,{start + 1000},2,0,L|270:100,1,70,2|8,0:0|0:0,0:0:0:0:")
    return beatmap(lines, [RED_LINE], mode, slider_multiplier=1.4)


MAPS: dict[str, Callable[[int], Beatmap]] = {"tail-at-head": roomy, "velocity-without-body:x0.5": roomy}
"""Where a mistake has a place, if not in `full_map`."""


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(MAPS.get(name, full_map)(mode), name, seed)


def circles(gap: int, xs: list[int], mode: int = 0) -> Beatmap:
    """64 circles with a gap [ms] at the same height, at these x by turns."""
    lines = [f"{xs[k % len(xs)]},90,{FIRST + k * gap},{1 if k % 8 else 5},0,0:0:0:0:" for k in range(64)]
    return beatmap(lines, [RED_LINE], mode)


def sliders(path: str, length: int, mode: int = 0) -> Beatmap:
    """16 sliders from (60, 60), one each two beats."""
    lines = [f"60,60,{FIRST + k * 1000},6,0,{path},1,{length},0|0,0:0|0:0,0:0:0:0:" for k in range(16)]
    return beatmap(lines, [RED_LINE], mode, slider_multiplier=1.4)


def spacings(run: list[HitObject]) -> list[float]:
    return [math.dist((a.x, a.y), (b.x, b.y)) for a, b in pairwise(run)]


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", (*timeline_slips.FAULTS, *shape_slips.FAULTS), ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, MAPS.get(fault.name, full_map)(mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))


# ---------------------------------------------------------------------------------------------------------------------
# Rhythm


@pytest.mark.parametrize("mode", PLAYED)
def test_every_other_circle_is_half_a_gap_late(mode: Mode) -> None:
    good, planted = plant("every-other-late", mode)
    before, after = objects_of(good, planted), objects_of(planted.beatmap, planted)
    assert [b.time - a.time for a, b in zip(before, after, strict=True)] == [125] * len(before)
    assert [(o.x, o.y, o.line) for o in before] == [(o.x, o.y, o.line) for o in after]
    assert {b - a for a, b in pairwise(planted.objects)} == {2} and len(before) in (2, 3)
    gone, come = changes(good, planted.beatmap)
    assert {o.line for o in (*gone, *come)} == {o.line for o in before}
    for beat, gap, every in ((140, 70, 420), (BEAT, 250, 1125)):  # too close to each other, and to the next run
        runs = [f"{60 + 40 * (k % 5)},90,{FIRST + k // 5 * every + k % 5 * gap},1,0,0:0:0:0:" for k in range(40)]
        assert has_no_place("every-other-late", beatmap(runs, [f"{FIRST},{beat},4,2,0,70,1,0"], mode))
    assert has_no_place("every-other-late", circles(125, [60, 120], mode)), "it would be on eighths"
    quarters = {FIRST + 125.0 + 250 * k for k in range(256)}
    assert has_no_place("every-other-late", good, heard(good, quarters)), "the song has onsets there, and not here"


@pytest.mark.parametrize("mode", PLAYED)
def test_the_gaps_around_a_circle_come_in_the_other_order(mode: Mode) -> None:
    good, planted = plant("pick-up-exchanged", mode)
    before, after = one_change(good, planted)
    around = good.hit_objects[before.index - 1], good.hit_objects[before.index + 1]
    gaps = before.time - around[0].end_time, around[1].time - before.time
    assert (after.time - around[0].end_time, around[1].time - after.time) == gaps[::-1]
    assert sorted(gaps) in ([125, 250], [250, 500]) and (after.x, after.y) == (before.x, before.y)
    assert (planted.start, planted.end) == tuple(sorted((before.time, after.time)))
    assert has_no_place("pick-up-exchanged", circles(250, [60, 120], mode)), "the gaps are the same"


@pytest.mark.parametrize("mode", PLAYED)
def test_the_gaps_of_a_measure_are_filled_where_the_song_has_no_onsets(mode: Mode) -> None:
    good, planted = plant("rhythm-filled:1 measure", mode)
    gone, added = changes(good, planted.beatmap)
    assert not gone and 3 <= len(added) <= 8 and planted.end - planted.start == MEASURE
    for o in added:
        a, b = (planted.beatmap.hit_objects[o.index + by] for by in (-1, 1))
        assert (o.time - a.end_time, b.time - o.time) == (125, 125) and not o.new_combo and o.hitsound == 0
        x = a.x if a.slider is None else flatten(a.slider).end[0]
        assert abs(o.x - (x + b.x) / 2) <= 0.5 and o.kind is ObjectKind.CIRCLE
    everywhere = {FIRST + 125.0 * k for k in range(512)}
    assert has_no_place("rhythm-filled:1 measure", good, heard(good, everywhere))
    assert not has_no_place("rhythm-filled:1 measure", good, heard(good, {o.time for o in good.hit_objects}))
    assert has_no_place("rhythm-filled:1 measure", circles(500, [60, 120], mode)), "no gap is half a beat"


# ---------------------------------------------------------------------------------------------------------------------
# Sliders in time


@pytest.mark.parametrize("mode", PLAYED)
def test_a_slider_ends_where_it_began(mode: Mode) -> None:
    before, after = one_change(*plant("tail-at-head", mode))
    assert after.end_time == before.time and after.duration == before.duration and after.slider == before.slider
    assert has_no_place("tail-at-head", full_map(mode)), "there is no room before a slider"
    good, onsets = roomy(mode), {FIRST + 750.0 + k * MEASURE for k in range(16)}
    assert has_no_place("tail-at-head", good, heard(good, onsets)), "the song has its onsets there"


@pytest.mark.parametrize("mode", PLAYED)
@pytest.mark.parametrize("divisor", [3, 4])
def test_a_slider_is_a_stream_along_its_body(divisor: int, mode: Mode) -> None:
    good, planted = plant(f"slider-to-stream:1/{divisor}", mode)
    (slider,), stream = changes(good, planted.beatmap)
    assert slider.slider and objects_of(planted.beatmap, planted) == sorted(stream, key=lambda o: o.time)
    stream.sort(key=lambda o: o.time)
    count = round(slider.duration / BEAT * divisor)
    assert [o.time for o in stream] == [round(slider.time + k * BEAT / divisor) for k in range(count + 1)]
    path = flatten(slider.slider)
    for k, o in enumerate(stream):
        assert math.dist((o.x, o.y), path.at(path.length * k / count)[0]) < 1 and o.line == slider.line
    assert [o.new_combo for o in stream] == [slider.new_combo] + [False] * count
    assert [o.hitsound for o in stream] == [slider.slider.edge_sounds[0], *[0] * (count - 1), 0]
    _, planted = planted_in(sliders("L|200:60", 140, mode), f"slider-to-stream:1/{divisor}")
    assert [o.new_combo for o in objects_of(planted.beatmap, planted)] == [True] + [False] * divisor
    inner = {o.time + k * BEAT / divisor for o in good.hit_objects if o.slider for k in range(1, divisor)}
    ticks = inner | {o.time for o in good.hit_objects}
    assert has_no_place(f"slider-to-stream:1/{divisor}", good, heard(good, ticks)), "the song has onsets there"
    assert has_no_place(f"slider-to-stream:1/{divisor}", sliders("L|95:60", 35, mode)), "it would have two circles"


@pytest.mark.parametrize("mode", PLAYED)
@pytest.mark.parametrize("factor", [0.5, 2])
def test_the_velocity_of_one_slider_changes_and_not_its_body(factor: float, mode: Mode) -> None:
    good, planted = plant(f"velocity-without-body:x{factor:g}", mode)
    before, after = one_change(good, planted)
    assert after.slider == before.slider and after.duration == before.duration / factor
    velocities = [(good.velocity_at(o.time), planted.beatmap.velocity_at(o.time)) for o in good.hit_objects]
    changed = [k for k, (old, new) in enumerate(velocities) if old != new]
    assert changed == [before.index] and math.isclose(velocities[before.index][1] / velocities[before.index][0], factor)
    assert has_no_place("velocity-without-body:x0.5", full_map(mode)), "they would last until the next object"
    assert has_no_place("velocity-without-body:x2", sliders("L|95:60", 35, mode)), "it would be too short"


@pytest.mark.parametrize("mode", PLAYED)
def test_faster_sliders_end_at_the_last_tick_that_their_bodies_reach(mode: Mode) -> None:
    good, planted = plant("lengths-recalculated:x1.25", mode)
    before, after = changes(good, planted.beatmap)
    assert (
        len(before) == len(after) >= 2 and all(o.slider for o in before) and planted.end - planted.start == 2 * MEASURE
    )
    for a, b in zip(sorted(before, key=lambda o: o.time), sorted(after, key=lambda o: o.time), strict=True):
        assert a.slider and b.slider and (a.time, a.slider.control_points) == (b.time, b.slider.control_points)
        assert a.slider.length - 44 < b.slider.length <= a.slider.length, "less than a quarter of a beat is cut off"
        assert b.duration == pytest.approx({500: 375, 250: 125}[round(a.duration)])
        assert planted.beatmap.velocity_at(b.time) == pytest.approx(1.25 * good.velocity_at(a.time))
    assert has_no_place("lengths-recalculated:x1.25", circles(250, [60, 120], mode))
    alone = [line for k in range(8) for line in _with_one_slider(FIRST + 2 * k * MEASURE)]
    assert has_no_place("lengths-recalculated:x1.25", beatmap(alone, [RED_LINE], mode, slider_multiplier=1.4))


def _with_one_slider(start: int) -> list[str]:
    slider = f"60,60,{start},6,0,L|200:60,1,140,0|0,0:0|0:0,0:0:0:0:"
    return [slider, *(f"60,90,{start + time},1,0,0:0:0:0:" for time in range(1000, 4000, 500))]


# ---------------------------------------------------------------------------------------------------------------------
# Runs of circles


def run_of(name: str) -> tuple[list[HitObject], list[HitObject]]:
    """The circles of a run that were moved with the one before them and the object after them: in the good map, and after."""
    good, planted = plant(name)
    before, after = changes(good, planted.beatmap)
    assert {(o.time, o.line, o.kind) for o in before} == {(o.time, o.line, o.kind) for o in after}
    first, last = min(o.index for o in after), max(o.index for o in after)
    assert planted.objects == (*sorted(o.index for o in after), last + 1)
    assert planted.end == good.hit_objects[last + 1].time
    return list(good.hit_objects[first - 1 : last + 2]), list(planted.beatmap.hit_objects[first - 1 : last + 2])


def test_a_run_is_on_the_coarse_grid() -> None:
    before, after = run_of("stream-on-grid:32 px")
    for a, b in zip(before[1:-1], after[1:-1], strict=True):
        assert b.x % 32 == b.y % 32 == 0 and abs(a.x - b.x) <= 16 and abs(a.y - b.y) <= 16
    good = spacings(before[1:-1])
    assert max(good) - min(good) <= 0.25 * max(good), "it was even"
    bad = spacings(after[1:-1])
    assert max(bad) - min(bad) >= 0.5 * sum(bad) / len(bad)
    assert has_no_place("stream-on-grid:32 px", circles(250, [64, 128])), "they are on the grid already"


def test_a_run_is_wide_at_first_and_narrow_then_on_the_same_way() -> None:
    before, after = run_of("stream-bunched:x1.5")
    assert (after[0], after[-1]) == (before[0], before[-1]), "the ends of the run stay"
    (good,), bad = set(spacings(before)), spacings(after)
    assert bad[0] == pytest.approx(1.5 * good, abs=1) and bad[-1] == pytest.approx(0.5 * good, abs=1)
    assert sum(bad) == pytest.approx(sum(spacings(before))), "in full_map it lies on a line"
    assert bad == sorted(bad, reverse=True)
    uneven = circles(250, [60, 90, 150, 170, 260, 300])
    assert has_no_place("stream-bunched:x1.5", uneven)


def test_every_other_circle_of_a_run_is_aside() -> None:
    before, after = run_of("every-other-aside:24 px")
    moved = [math.dist((a.x, a.y), (b.x, b.y)) for a, b in zip(before[1:-1], after[1:-1], strict=True)]
    assert moved == [24 if k % 2 == 0 else 0 for k in range(len(moved))] and len(moved) >= 3
    assert len({o.y for o in after[1:-1:2]}) == 1, "all to one side"
    assert has_no_place("every-other-aside:24 px", circles(250, [60, 160, 260, 360])), "they are too far apart"


def test_the_longer_spacing_comes_with_the_shorter_gap() -> None:
    good, planted = plant("spacings-exchanged")
    before, after = one_change(good, planted)
    around = good.hit_objects[before.index - 1], good.hit_objects[before.index + 1]
    first, second = spacings([around[0], before, around[1]])
    assert spacings([around[0], after, around[1]]) == [second, first] and after.time == before.time
    assert (first / second) == pytest.approx((before.time - around[0].time) / (around[1].time - before.time), rel=0.3)
    lines = [
        f"{60 + 50 * (k % 6)},90,{FIRST + k // 2 * 750 + k % 2 * 250},{1 if k % 6 else 5},0,0:0:0:0:" for k in range(48)
    ]
    assert has_no_place("spacings-exchanged", beatmap(lines, [RED_LINE])), "spacings are the same after all gaps"
    assert has_no_place("spacings-exchanged", circles(250, [60, 120]))


# ---------------------------------------------------------------------------------------------------------------------
# Bodies of sliders


def test_a_slider_is_a_copy_of_an_earlier_one_where_that_is() -> None:
    good, planted = plant("slider-from-clipboard")
    before, after = one_change(good, planted)
    sources = [o for o in good.hit_objects if o.slider == after.slider and (o.x, o.y) == (after.x, after.y)]
    assert sources and sources[0].time < before.time == after.time and after.line == before.line
    assert after.duration != before.duration and after.new_combo == before.new_combo
    assert after.hitsound == sources[0].hitsound and after.end_time < good.hit_objects[before.index + 1].time
    assert has_no_place("slider-from-clipboard", sliders("L|200:60", 140)), "all are the same"


def test_a_body_runs_straight_on_where_its_last_control_point_was_lost() -> None:
    before, after = one_change(*plant("last-point-lost"))
    assert before.slider and after.slider and after.end_time == before.end_time
    assert after.slider.control_points == before.slider.control_points[:-1]
    assert after.slider.length == before.slider.length > flatten(after.slider).natural_length / 0.86
    assert math.dist(flatten(after.slider).end, flatten(before.slider).end) >= 25 and after.slider.curve == "L"
    assert has_no_place("last-point-lost", sliders("L|200:60", 140)), "none would be left"
    assert has_no_place("last-point-lost", sliders("P|180:140|100:240", 140)), "the rest of the path is long enough"
    assert has_no_place("last-point-lost", sliders("B|150:60|200:60|200:60", 140)), "a red anchor stops the body"


def test_a_slider_has_one_control_point_more_beside_its_body() -> None:
    for seed in range(6):
        before, after = one_change(*plant("stray-point:40 px", seed=seed))
        assert before.slider and after.slider and (before.x, before.y) == (after.x, after.y)
        old, new = before.slider.control_points, after.slider.control_points
        (k,) = [k for k in range(1, len(new)) if (*new[:k], *new[k + 1 :]) == old]
        middle = np.mean([old[k - 1], old[k]], axis=0)
        assert math.dist(new[k], middle) == pytest.approx(40, abs=1) and after.slider.curve == "B"
        assert after.slider.length % 35 == pytest.approx(0) and after.slider.slides == before.slider.slides
    assert has_no_place("stray-point:40 px", sliders("L|95:60", 35)), "the body is too short"
