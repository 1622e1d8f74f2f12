"""Ends of sliders among the points around, and control points among those of other sliders."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.features.positions import point_relations
from maimod.features.positions import slips as position_slips
from maimod.features.positions.geometry import FAR_PX
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

POINTS = ((0, 0), (30, 20), (70, 30), (110, 0))
"""Of every slider, from its head."""
LENGTH = 110


def values(loaded: Beatmap, name: str) -> np.ndarray:
    """The numbers of one name of all objects."""
    measured = position_slips.measure(loaded, loaded.hit_objects)
    assert np.isfinite(measured.features).all()
    return measured.features[:, position_slips.NAMES.index(name)]


def sliders(changed: dict[int, tuple[int, int]] | None = None, of: int = 6) -> Beatmap:
    """Twelve sliders with the same control points, each followed by a circle; one of them has some of them moved."""
    lines = []
    for i in range(12):
        x, y = 60 + 200 * (i % 2), 30 + 25 * i
        moves = changed if changed is not None and i == of else {}
        moved = [(x + a + moves.get(k, (0, 0))[0], y + b + moves.get(k, (0, 0))[1]) for k, (a, b) in enumerate(POINTS)]
        path = "|".join(f"{a}:{b}" for a, b in moved[1:])
        lines += [f"{x},{y},{1000 + 1000 * i},2,0,B|{path},1,{LENGTH}", f"{x},{y},{1500 + 1000 * i},1,0,0:0:0:0:"]
    return beatmap(lines)


def test_names_are_columns() -> None:
    loaded = sliders()
    measures = position_slips.measure(loaded, loaded.hit_objects)
    found = point_relations.measure(loaded.hit_objects, measures.heads, measures.tails, measures.relations.bodies)
    assert found.shape == (24, len(point_relations.NAMES)) and len(set(position_slips.NAMES)) == len(
        position_slips.NAMES
    )
    circles = beatmap([f"{10 * i},50,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(12)])
    assert (values(circles, "end row off") == np.float32(np.log2(1 + FAR_PX))).all()
    assert (values(circles, "points") == 0).all()


def test_an_anchor_that_is_moved_differs_from_those_of_the_other_sliders() -> None:
    same, moved = sliders(), sliders({1: (6, 0)})
    assert values(same, "same_points")[::2].max() == 0 and values(same, "with_same_points")[::2].min() > 3.5
    assert values(moved, "same_points")[12] == pytest.approx(np.log2(7)) == values(moved, "odd_point")[12]
    assert values(moved, "but_one_point")[12] == 0 and values(moved, "with_but_one")[12] == pytest.approx(np.log2(12))
    assert values(moved, "with_same_points")[12] == 0 < values(moved, "with_same_points")[10]
    assert values(sliders({1: (12, 0), 2: (-9, 9)}), "with_but_one")[12] == 0
    assert values(moved, "turned_polygon")[12] > 1 > values(same, "turned_polygon")[12] == 0


def test_copies_may_be_mirrored_or_run_the_other_way() -> None:
    for back, sign in ((False, -1), (True, 1), (True, -1)):
        points = [(sign * (a - 110 * back), b) for a, b in (POINTS[::-1] if back else POINTS)]
        moves = {k: (new[0] - old[0], new[1] - old[1]) for k, (new, old) in enumerate(zip(points, POINTS, strict=True))}
        assert values(sliders(moves, of=7), "same_points")[14] == 0


def test_the_path_of_the_control_points_and_the_length_of_the_slider() -> None:
    beyond = values(sliders({3: (30, 0)}), "beyond")
    assert beyond[12] - beyond[10] > 1
    assert values(sliders({3: (30, 0)}), "beyond_usual")[[10, 12]] == pytest.approx([10 / 11, 0])
    assert values(sliders({3: (-60, 0)}), "beyond")[12] < -4 and values(sliders({3: (-60, 0)}), "beyond_rank")[12] == 0


def test_ends_in_a_row_and_as_far_from_the_next_object_as_heads() -> None:
    level = [f"{60 + 40 * i},{20 + 29 * i},{1000 + 500 * i},2,0,L|{160 + 40 * i}:{20 + 29 * i},1,100" for i in range(9)]
    assert (values(beatmap(level), "end row off") == 0).all()
    level[4] = f"220,136,3000,2,0,L|{220 + 83}:{136 + 56},1,100"
    turned = beatmap(level)
    assert values(turned, "end row off")[4] > 1 and values(turned, "end row kept")[4] == 1
    between = beatmap([*level[:4], "220,136,3000,2,0,L|320:136,1,100", "270,250,3500,1,0,0:0:0:0:"])
    assert values(between, "apart_next off")[4] < 1e-3 < 1 < values(turned, "apart_next off")[4]


def test_a_body_round_an_object() -> None:
    around = ["200,100,1000,2,0,P|250:150|200:200,1,157", "200,150,1500,1,0,0:0:0:0:"]
    straight = ["200,100,1000,2,0,L|357:100,1,157", "200,150,1500,1,0,0:0:0:0:"]
    assert values(beatmap(around), "round off")[0] < 1 < values(beatmap(straight), "round off")[0]
