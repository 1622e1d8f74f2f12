"""Planted mistakes of sliders and of single modes: each is what its name says, and nothing else changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import pytest

from maimod.osu import catch
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.osu.slider_path import tail
from maimod.training.faults import Fault, Planted
from maimod.training.faults.base import rows_of
from maimod.training.faults.third import mode_slips, slider_slips
from tests.maps import RED_LINE, beatmap
from tests.training.planting import (
    BEAT,
    FIRST,
    MEASURE,
    back_and_forth,
    changes,
    drawn,
    full_map,
    has_its_objects,
    has_no_place,
    objects_of,
    one_change,
    planted_in,
    planted_soundly,
)

BURSTS = "kddd", "dkkd"


@cache
def coloured(mode: int = 1, bursts: tuple[str, str] = BURSTS) -> Beatmap:
    """120 BPM, 16 measures of two notes and a burst of four, in every fourth measure another."""
    lines = []
    for measure in range(16):
        start, burst = FIRST + measure * MEASURE, bursts[measure % 4 == 3]
        lines += [f"256,192,{start + 500 * beat},1,{8 * (beat % 2)},0:0:0:0:" for beat in (0, 1)]
        lines += [f"256,192,{start + 1000 + 125 * k},1,{8 * (key == 'k')},0:0:0:0:" for k, key in enumerate(burst)]
    return beatmap(lines, [RED_LINE], mode)


@cache
def dashing(mode: int = 2) -> Beatmap:
    """120 BPM, 16 measures with a hyperdash to their second fruit."""
    lines = [
        f"{x},192,{FIRST + measure * MEASURE + 125 * k},1,0,0:0:0:0:"
        for measure in range(16)
        for k, x in enumerate((60, 500, 470, 440))
    ]
    return beatmap(lines, [RED_LINE], mode)


@cache
def held(mode: int = 3) -> Beatmap:
    """120 BPM, four columns, 16 measures of quarter notes whose columns no beat repeats, then two hold notes."""
    lines = []
    for measure in range(16):
        start = FIRST + measure * MEASURE
        for k in range(12):
            lines.append(f"{64 + 128 * ((k + k // 4) % 4)},192,{start + 125 * k},1,0,0:0:0:0:")
        lines += [f"{x},192,{start + 1500},128,0,{start + 1750}:0:0:0:0:" for x in (64, 320)]
    return beatmap(lines, [RED_LINE], mode, circle_size=4)


MAPS: dict[str, Callable[[int], Beatmap]] = {
    "curve-changed:to linear": drawn,
    "curve-changed:to Bezier": drawn,
    "repeat-moved": drawn,
    "tail-on-next": drawn,
    "circle-to-slider:1/2 beat": back_and_forth,
    "burst-reversed": coloured,
    "burst-pasted": coloured,
    "hyperdash-late": dashing,
    "beat-repeated": held,
    "hold-uneven:1/8 beat": held,
}
"""Where a mistake has a place, if not in `full_map`."""


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(MAPS.get(name, full_map)(mode), name, seed)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", (*slider_slips.FAULTS, *mode_slips.FAULTS), ids=lambda fault: fault.name)
def test_every_slip_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, MAPS.get(fault.name, full_map)(mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))


# ---------------------------------------------------------------------------------------------------------------------
# Sliders


@pytest.mark.parametrize("pixels", [40, 100])
def test_only_the_head_of_a_slider_is_dragged(pixels: int) -> None:
    before, after = one_change(*plant(f"head-dragged:{pixels} px"))
    assert before.slider and after.slider
    assert after.slider.control_points == ((after.x, after.y), *before.slider.control_points[1:])
    assert math.dist((before.x, before.y), (after.x, after.y)) == pytest.approx(pixels, abs=1)


def test_the_tail_is_on_the_next_object_where_the_map_hardly_ever_does_so() -> None:
    good, planted = plant("tail-on-next")
    before, after = one_change(good, planted)
    following = good.hit_objects[before.index + 1]
    assert after.slider and after.slider.control_points[-1] == (following.x, following.y)
    assert math.dist(tail(after.slider), (following.x, following.y)) <= good.difficulty.circle_radius
    touching = [
        f"{60 + k % 2 * 70},90,{FIRST + k * 500},{1 if k % 2 else 2},0,{'' if k % 2 else 'L|130:90,1,70,'}0:0:0:0:"
        for k in range(40)
    ]
    places = [
        "300,160,23000,2,0,L|335:160,1,35,2|0,0:0|0:0,0:0:0:0:",
        "404,190,23500,1,0,0:0:0:0:",
        "404,190,24000,1,0,0:0:0:0:",
    ]
    assert not has_no_place("tail-on-next", beatmap([*touching[:2], *places], [RED_LINE], circle_size=4))
    assert has_no_place("tail-on-next", beatmap([*touching, *places], [RED_LINE], circle_size=4))


@pytest.mark.parametrize(("dose", "curve"), [("to linear", "L"), ("to Bezier", "B")])
def test_the_points_of_another_curve_are_the_same(dose: str, curve: str) -> None:
    before, after = one_change(*plant(f"curve-changed:{dose}"))
    assert before.slider and after.slider and (before.slider.curve, after.slider.curve) == ("P", curve)
    assert before.slider.control_points == after.slider.control_points
    lines = [
        f"60,120,{FIRST + k * 1000},2,0,{'L' if k % 2 else 'P'}|110:180|160:120,1,140,0|0,0:0|0:0,0:0:0:0:"
        for k in range(20)
    ]
    assert has_no_place("curve-changed:to linear", beatmap(lines, [RED_LINE]))


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_a_slider_runs_the_other_way_and_away_from_the_next_object(mode: Mode) -> None:
    good, planted = plant("slider-opposite", mode)
    before, after = one_change(good, planted)
    assert before.slider and after.slider and (before.x, before.y) == (after.x, after.y)
    x, following = before.x, good.hit_objects[before.index + 1].x
    assert tail(after.slider)[0] - x == pytest.approx(x - tail(before.slider)[0])
    assert abs(tail(after.slider)[0] - following) > abs(tail(before.slider)[0] - following) + 60


def test_the_other_of_two_sliders_turns_back() -> None:
    good, planted = plant("repeat-moved")

    def slides(of_map: Beatmap) -> list[int]:
        return [o.slider.slides for o in objects_of(of_map, planted) if o.slider]

    assert sorted(slides(good)) == [1, 2] and slides(planted.beatmap) == slides(good)[::-1]
    assert all(
        o.slider and len(o.slider.edge_sounds) == o.slider.slides + 1 for o in objects_of(planted.beatmap, planted)
    )


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.TAIKO, Mode.CATCH])
@pytest.mark.parametrize(("dose", "ms"), [("1/4 beat", 125), ("1/2 beat", 250)])
def test_a_circle_is_drawn_as_a_slider_that_ends_before_the_next_object(dose: str, ms: int, mode: Mode) -> None:
    good, planted = plant(f"circle-to-slider:{dose}", mode)
    before, after = one_change(good, planted)
    assert (before.kind, after.kind) == (ObjectKind.CIRCLE, ObjectKind.SLIDER) and after.duration == pytest.approx(ms)
    assert good.hit_objects[before.index + 1].time >= after.end_time + ms - 3


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.TAIKO, Mode.CATCH])
def test_a_long_slider_is_a_spinner_far_from_others(mode: Mode) -> None:
    good, planted = plant("slider-to-spinner", mode)
    before, after = one_change(good, planted)
    assert (before.kind, after.kind) == (ObjectKind.SLIDER, ObjectKind.SPINNER) and before.duration >= BEAT
    spinners = [o.time for o in good.hit_objects if o.kind is ObjectKind.SPINNER]
    assert (after.time, after.end_time) == (before.time, before.end_time)
    assert spinners and all(abs(time - after.time) > 8000 for time in spinners)


# ---------------------------------------------------------------------------------------------------------------------
# Single modes


def _keys(of_map: Beatmap, planted: Planted) -> str:
    return "".join("k" if o.hitsound & 8 else "d" for o in objects_of(of_map, planted))


def test_a_burst_is_backwards_where_the_map_has_it_forwards_only() -> None:
    good, planted = plant("burst-reversed", 1)
    assert (_keys(good, planted), _keys(planted.beatmap, planted)) == ("kddd", "dddk")
    assert has_no_place("burst-reversed", coloured(1, ("kddd", "dddk")))


def test_a_burst_has_the_colours_of_another_though_its_copy_has_its_own() -> None:
    good, planted = plant("burst-pasted", 1)
    assert {_keys(good, planted), _keys(planted.beatmap, planted)} == set(BURSTS)


def test_a_hyperdash_is_one_fruit_late() -> None:
    good, planted = plant("hyperdash-late", 2)

    def is_hyperdash(of_map: Beatmap) -> list[bool]:
        ways = {way.after.time: way.is_hyperdash for way in catch.movements(of_map)}
        return [ways[o.time] for o in objects_of(of_map, planted)]

    assert is_hyperdash(good) == [True, False] and is_hyperdash(planted.beatmap) == [False, True]
    slow = [f"{x},192,{FIRST + time},1,0,0:0:0:0:" for x, time in ((60, 0), (500, 125), (470, 1125), (440, 2125))]
    assert has_no_place("hyperdash-late", beatmap(slow, [RED_LINE], 2))


@pytest.mark.parametrize(("dose", "ms"), [("1/4 beat", 125), ("1/8 beat", 62)])
def test_a_note_is_off_its_chord(dose: str, ms: int) -> None:
    good, planted = plant(f"chord-torn:{dose}", 3)
    before, after = one_change(good, planted)
    assert abs(after.time - before.time) == ms and after.x == before.x
    assert [o for o in good.hit_objects if o.time == before.time and o.index != before.index]


def test_a_beat_is_pasted_over_the_next_where_the_map_repeats_none() -> None:
    good, planted = plant("beat-repeated", 3)

    def columns(of_map: Beatmap, start: float) -> list[tuple[float, int]]:
        return [(o.time - start, of_map.column(o)) for o in of_map.hit_objects if start <= o.time < start + BEAT]

    start = planted.start
    assert columns(planted.beatmap, start) == columns(good, start - BEAT) != columns(good, start)
    lines = [f"{64 + 128 * ((k + k // 8) % 4)},192,{FIRST + 125 * k},1,0,0:0:0:0:" for k in range(200)]
    assert has_no_place("beat-repeated", beatmap(lines, [RED_LINE], 3, circle_size=4))


def test_a_hold_is_one_column_off() -> None:
    good, planted = plant("hold-moved", 3)
    before, after = one_change(good, planted)
    assert before.kind is ObjectKind.HOLD and (after.time, after.end_time) == (before.time, before.end_time)
    assert abs(planted.beatmap.column(after) - good.column(before)) == 1


def test_a_hold_becomes_two_notes_and_two_notes_a_hold() -> None:
    good, planted = plant("hold-to-ends", 3)
    (hold,), notes = changes(good, planted.beatmap)
    assert hold.kind is ObjectKind.HOLD and {o.kind for o in notes} == {ObjectKind.CIRCLE}
    assert {(o.time, o.x) for o in notes} == {(hold.time, hold.x), (hold.end_time, hold.x)}
    good, planted = plant("notes-joined", 3)
    notes, (hold,) = changes(good, planted.beatmap)
    assert {(o.time, o.x) for o in notes} == {(hold.time, hold.x), (hold.end_time, hold.x)}
    between = [o for o in good.hit_objects if hold.time < o.time < hold.end_time and o.x == hold.x]
    assert hold.kind is ObjectKind.HOLD and not between


def test_one_of_the_holds_that_end_together_is_short() -> None:
    good, planted = plant("hold-uneven:1/8 beat", 3)
    before, after = one_change(good, planted)
    assert before.end_time - after.end_time == pytest.approx(BEAT / 8, abs=0.5)
    assert [o for o in good.hit_objects if o.end_time == before.end_time and o.index != before.index]
    assert len(rows_of(good)) == len(rows_of(planted.beatmap))
