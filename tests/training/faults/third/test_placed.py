"""Planted mistakes of places and new combos: each is at the stated place, is what its name says, and nothing else changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from maimod.osu.beatmap import Beatmap, Mode
from maimod.training.evaluate import plant as plant_in_copies
from maimod.training.faults import CLASSIC, FAULTS, FURTHER, THIRD, Fault, Planted, select
from maimod.training.faults.third import placed
from tests.maps import beatmap
from tests.training.planting import (
    FIRST,
    MEASURE,
    back_and_forth,
    changes,
    full_map,
    has_its_objects,
    objects_of,
    one_change,
    planted_in,
    planted_soundly,
)

MAPS: dict[str, Callable[[int], Beatmap]] = {"combos-exchanged": back_and_forth, "not-mirrored": back_and_forth}
"""Where a kind has a place, if not in `full_map`."""


def map_for(kind: str, mode: int = 0) -> Beatmap:
    return MAPS.get(kind, full_map)(mode)


def plant(name: str, mode: int = 0, seed: int = 0) -> tuple[Beatmap, Planted]:
    return planted_in(map_for(name.partition(":")[0], mode), name, seed)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("fault", placed.FAULTS, ids=lambda fault: fault.name)
def test_every_third_fault_is_in_the_map_and_only_there(fault: Fault, mode: Mode) -> None:
    planted, is_inside = planted_soundly(fault, map_for(fault.kind, mode), mode)
    assert is_inside and (planted is None or has_its_objects(planted))


@pytest.mark.parametrize("mode", list(Mode))
def test_earlier_kinds_are_planted_at_the_same_places_with_and_without_the_third_ones(mode: Mode) -> None:
    good, earlier = full_map(mode), (*CLASSIC, *FURTHER)

    def drawn(faults: tuple[Fault, ...]) -> list[tuple[str, float, str]]:
        copies = plant_in_copies(good, [fault for fault in faults if mode in fault.modes], 1, None, together=4)
        return sorted((f.name, p.start, p.note) for copy in copies for f, p in copy.mistakes if f in earlier)

    assert drawn(FAULTS) == drawn(earlier) != []
    assert select(["third"]) == THIRD and not set(earlier) & set(THIRD)


# ---------------------------------------------------------------------------------------------------------------------
# Places


def test_an_object_is_in_the_middle_of_a_map_that_has_nothing_there() -> None:
    before, after = one_change(*plant("left-in-middle"))
    assert (after.x, after.y) == (256, 192) and math.dist((before.x, before.y), (256, 192)) >= 100
    (fault,) = select(["left-in-middle"])
    middle = beatmap([f"{256 + k % 2 * 200},192,{1000 + k * 500},1,0,0:0:0:0:" for k in range(20)])
    assert fault.inject(middle, np.random.default_rng(0)) is None


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_a_circle_is_as_far_from_the_one_before_on_the_wrong_side(mode: Mode) -> None:
    good, planted = plant("wrong-side", mode)
    before, after = one_change(good, planted)
    centre = good.hit_objects[before.index - 1]
    assert before.x - centre.x == centre.x - after.x != 0 and before.y - centre.y == centre.y - after.y
    (fault,) = select(["wrong-side"])
    turning = beatmap(
        [f"{60 + (k % 2) * 90},{60 + (k // 2 % 2) * 90},{1000 + k * 500},1,0,0:0:0:0:" for k in range(20)]
    )
    assert fault.inject(turning, np.random.default_rng(0)) is None


def test_circles_still_lie_on_the_one_before_where_the_map_has_no_such_stack() -> None:
    good, planted = plant("not-placed")
    before, after = changes(good, planted.beatmap)
    first = good.hit_objects[planted.objects[0] - 1]
    assert {(o.x, o.y) for o in after} == {(first.x, first.y)} and len(after) in (3, 4)
    assert [o.time for o in before] == [o.time for o in after]
    (fault,) = select(["not-placed"])
    stacks = beatmap([f"{60 + k // 5 % 5 * 90},90,{1000 + k * 500},1,0,0:0:0:0:" for k in range(40)])
    assert fault.inject(stacks, np.random.default_rng(0)) is None


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_one_object_of_a_mirrored_passage_is_not_mirrored(mode: Mode) -> None:
    before, after = one_change(*plant("not-mirrored", mode))
    assert after.time == before.time and math.dist((before.x, before.y), (after.x, after.y)) >= 80
    alike = beatmap([f"{60 + k % 8 * 50},{60 + k % 8 * k % 8 * 9},{1000 + k * 500},1,0,0:0:0:0:" for k in range(32)])
    (fault,) = select(["not-mirrored"])
    assert fault.inject(alike, np.random.default_rng(0)) is None


def test_exchanged_combos_make_a_detour() -> None:
    good, planted = plant("combos-exchanged")
    before, after = (objects_of(of_map, planted)[:-1] for of_map in (good, planted.beatmap))
    half = len(before) // 2
    assert [(o.x, o.y) for o in after] == [(o.x, o.y) for o in (*before[half:], *before[:half])]
    assert [(o.time, o.new_combo) for o in after] == [(o.time, o.new_combo) for o in before]

    def way(of_map: Beatmap) -> float:
        first, last = planted.objects[0], planted.objects[-1]
        return sum(math.dist((a.x, a.y), (b.x, b.y)) for a, b in pairwise(of_map.hit_objects[first - 1 : last + 1]))

    assert way(planted.beatmap) >= way(good) + 200


def test_the_object_beside_a_new_combo_has_one_too() -> None:
    good, planted = plant("combo-twice")
    before, after = one_change(good, planted)
    assert after.new_combo and not before.new_combo
    assert [o.new_combo for o in objects_of(planted.beatmap, planted)] == [True, True]
    assert planted.objects[1] == planted.objects[0] + 1
    (fault,) = select(["combo-twice"])
    ones = beatmap([f"60,90,{2000 + k * 500},{1 if k % 4 > 1 else 5},0,0:0:0:0:" for k in range(40)])
    assert fault.inject(ones, np.random.default_rng(0)) is None


def test_a_new_combo_is_half_a_measure_off() -> None:
    good, planted = plant("combo-half-off")
    before, after = changes(good, planted.beatmap)
    (was,) = [o.time for o in before if o.new_combo]
    (now,) = [o.time for o in after if o.new_combo]
    assert abs(now - was) == MEASURE / 2 and (was - FIRST) % MEASURE == 0
    assert {start for start, _ in planted.spans} == {was, now}
