"""Relations that objects keep, and what one that slipped does to them."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.features.positions import geometry
from maimod.osu.beatmap import HitObject
from tests.maps import beatmap

SIDE = 100


def square_dance(moved: int = -1, by: tuple[int, int] = (0, 0)) -> tuple[HitObject, ...]:
    """48 circles around a square, one of which may be moved."""
    corners = [(150, 100), (150 + SIDE, 100), (150 + SIDE, 100 + SIDE), (150, 100 + SIDE)]
    places = [corners[i % 4] for i in range(48)]
    lines = []
    for i, (x, y) in enumerate(places):
        dx, dy = by if i == moved else (0, 0)
        lines.append(f"{x + dx},{y + dy},{1000 + 500 * i},1,0,0:0:0:0:")
    return beatmap(lines).hit_objects


def column(measured: np.ndarray, name: str) -> np.ndarray:
    return measured[:, geometry.NAMES.index(name)]


def test_a_regular_figure_keeps_its_relations() -> None:
    measured = geometry.measure(square_dance())
    for name in ("step_in", "step_out", "skip_2", "skip_3", "stack", "parallelogram", "polygon", "axis"):
        assert column(measured, name)[6:-6].max() < 0.1, name
    assert column(measured, "exact")[6:-6].min() >= 8
    assert np.isfinite(measured).all()


def test_an_object_that_slipped_keeps_fewer_relations_than_any_other() -> None:
    measured = geometry.measure(square_dance(20, (5, 3)))
    exact = column(measured, "exact")
    assert exact.argmin() == 20 and exact[20] <= np.sort(exact[6:-6])[1] - 2
    assert abs(2 ** column(measured, "stack")[20] - 1 - np.hypot(5, 3)) < 0.01
    # The steps to it and from it differ from all others, each seen from both of its objects.
    assert column(measured, "step_in_mode")[20] > 1 and column(measured, "step_out_mode")[19] > 1
    assert column(measured, "step_in_mode")[30] == 0


def test_sliders_are_compared_with_those_of_the_same_length() -> None:
    def slider(x: int, y: int, time: int, path: str, length: float) -> str:
        return f"{x},{y},{time},2,0,{path},1,{length}"

    bent = [
        slider(100, 100 + 20 * i, 1000 + 1000 * i, f"L|150:{100 + 20 * i}|150:{150 + 20 * i}", 100) for i in range(3)
    ]
    turned = slider(300, 100, 4000, "L|300:150|250:150", 100)
    other = slider(300, 200, 5000, "L|310:200|310:290", 100)
    longer = slider(300, 250, 6000, "L|450:250", 150)
    measured = geometry.measure(beatmap([*bent, turned, other, longer]).hit_objects)
    copy, free = 2 ** column(measured, "copy") - 1, 2 ** column(measured, "turned_copy") - 1
    assert copy[:3].max() < 0.1 and copy[3] > 10 and free[3] < 0.1
    assert free[4] > 3
    assert round(copy[5]) == geometry.FAR_PX


def test_spinners_and_short_maps_have_numbers_too() -> None:
    measured = geometry.measure(beatmap(["256,192,1000,12,0,2000,0:0:0:0:", "100,100,3000,1,0,0:0:0:0:"]).hit_objects)
    assert measured.shape == (2, len(geometry.NAMES)) and np.isfinite(measured).all()


def test_steps_are_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    distances, gaps = random.random(60) * 90, random.choice([250.0, 500.0], 60)
    whole = geometry.compare_steps(distances, gaps)
    monkeypatch.setattr(geometry, "STEPS_AT_ONCE", 7)
    parts = geometry.compare_steps(distances, gaps)
    for name in geometry.Steps.__struct_fields__:
        assert np.array_equal(getattr(whole, name), getattr(parts, name), equal_nan=True), name


def test_a_figure_that_lies_on_the_one_before_it() -> None:
    def circles(copies: int, by: int, gap: int = 250) -> np.ndarray:
        """Triangles, each to the right of the one before; some lie where the one before them does."""
        lines, time = [], 1000
        for number in range(12):
            of = number - 1 if 4 <= number < 4 + copies else number
            for x, y in ((0, 0), (20, 90), (-20, 60)):
                lines.append(f"{60 + 30 * of + x + by * (of < number)},{100 + y},{time},1,0,0:0:0:0:")
                time += gap if number != 5 else 250
        return geometry.measure(beatmap(lines).hit_objects)

    again = column(circles(1, 2), "again")
    assert np.flatnonzero(again).tolist() == [12, 13, 14] and again.max() == 3.0
    assert column(circles(1, 2), "again_share").tolist() == [3 / 36] * 36
    assert not column(circles(0, 0), "again").any() and not column(circles(1, 20), "again").any()
    stack = beatmap([f"100,100,{1000 + 250 * i},1,0,0:0:0:0:" for i in range(20)]).hit_objects
    assert not column(geometry.measure(stack), "again").any()
