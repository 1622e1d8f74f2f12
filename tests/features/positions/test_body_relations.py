"""How bodies lie among the other objects: clearances, aims, directions and copies."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.features.positions import body_relations
from maimod.features.positions import slips as position_slips
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

RADIUS = 36.48


def values(loaded: Beatmap, name: str) -> np.ndarray:
    """The numbers of one name of all objects."""
    measured = position_slips.measure(loaded, loaded.hit_objects)
    assert np.isfinite(measured.features).all()
    return measured.features[:, position_slips.NAMES.index(name)]


def row(angles: dict[int, float] | None = None, gap: int = 500) -> Beatmap:
    """Twelve level sliders of 60 px in two columns, each followed by a circle on its line; some are turned about their heads."""
    lines = []
    for i in range(12):
        x, y, angle = 60 + 240 * (i % 2), 30 + 60 * (i // 2), np.deg2rad((angles or {}).get(i, 0.0))
        end = f"{x + round(60 * np.cos(angle))}:{y + round(60 * np.sin(angle))}"
        lines += [
            f"{x},{y},{1000 + 2 * i * gap},2,0,L|{end},1,60",
            f"{x + 120},{y},{1000 + (2 * i + 1) * gap},1,0,0:0:0:0:",
        ]
    return beatmap(lines, circle_size=4)


def test_names_are_columns() -> None:
    loaded = row()
    measures = position_slips.measure(loaded, loaded.hit_objects)
    columns = body_relations.measure(
        loaded.hit_objects, measures.heads, measures.tails, measures.relations.bodies, RADIUS, 600.0
    )
    assert columns.shape == (24, len(body_relations.NAMES)) and len(set(body_relations.NAMES)) == columns.shape[1]


def test_a_body_that_no_longer_points_at_the_next_object_and_is_no_longer_a_copy() -> None:
    straight, turned = row(), row({6: 45.0})
    assert values(straight, "aim_out")[::2].max() == 0 < values(turned, "aim_out")[12]
    assert values(turned, "aim_out_around")[12] == 1 > values(turned, "aim_out_around")[10]
    assert values(straight, "copies_share")[::2].min() == 1 and values(turned, "copies_share")[12] == 0
    assert values(turned, "turned_share")[12] == 1
    assert values(turned, "turned_angle")[12] == pytest.approx(45, abs=1) and values(straight, "turned_angle")[12] == 0
    assert (
        values(row({6: 37.0}), "round_angle")[12] == pytest.approx(7, abs=1)
        and values(straight, "round_angle")[12] == 0
    )
    assert (values(straight, "aim_out")[1::2] > 8).all()  # circles have no end


def test_mirrored_and_upright_directions() -> None:
    pair = row({4: 30.0, 6: -30.0})
    assert values(pair, "opposite")[12] < 1 < values(row({6: -30.0}), "opposite")[12]
    assert values(row({6: 90.0}), "upright")[12] < 0.1 < 4 < values(row(), "upright")[12]


def test_a_body_over_what_is_still_seen() -> None:
    clear, over = (
        row(gap=200),
        row({6: -90.0}, 200),
    )  # slider 6 runs through slider 4, two objects before the circle before it
    before, after = values(clear, "body_on_head")[12], values(over, "body_on_head")[12]
    assert after < 0.5 < before
    assert values(over, "body_on_head_rank")[12] < values(clear, "body_on_head_rank")[12]
    assert values(row({6: -90.0}, gap=2000), "body_on_head")[12] > 0.5  # gone by then


def test_circles_alone_and_few_objects() -> None:
    circles = beatmap([f"{60 + 40 * i},100,{1000 + 250 * i},1,0,0:0:0:0:" for i in range(8)], circle_size=4)
    assert values(circles, "head_on_head")[4] == pytest.approx(80 / RADIUS, abs=0.05)
    assert (values(circles, "body_on_body") == body_relations.FAR_RADII).all()
    for count in (1, 2, 3):
        few = beatmap([f"{60 + 40 * i},100,{1000 + 250 * i},1,0,0:0:0:0:" for i in range(count)])
        assert position_slips.measure(few, few.hit_objects).features.shape == (count, len(position_slips.NAMES))
