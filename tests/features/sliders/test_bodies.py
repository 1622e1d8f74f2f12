"""Control points of sliders compared with those of sliders as long."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.features.sliders.bodies import NAMES, features
from tests.maps import beatmap

USUAL, LOST, WHITE = "B|130:140|160:140|190:100", "B|130:140|190:100", "B|130:140|160:140|160:140|190:100"
ODD = 12


def column(name: str, usual: str, odd: str, length: float = 110, count: int = 24) -> np.ndarray:
    lines = [f"100,100,{1000 * i},2,0,{odd if i == ODD else usual},1,{length:g}" for i in range(count)]
    lines[3] = f"100,100,{3000},1,0,0:0:0:0:"
    found = features(beatmap(lines).hit_objects)
    assert np.isfinite(found).all() and not found[3].any()
    return found[:, NAMES.index(name)]


@pytest.mark.parametrize(
    ("name", "usual", "odd"),
    [
        ("points_odds", USUAL, LOST),
        ("points_odds", WHITE, USUAL),
        ("curve_odds", USUAL, "P|150:140|190:100"),
        ("corner_odds", USUAL, LOST),
    ],
)
def test_a_slider_unlike_the_others(name: str, usual: str, odd: str) -> None:
    found = column(name, usual, odd)
    assert found.argmax() == ODD and found[ODD] > 1.5
    assert np.delete(found, [3, ODD]).max() < -1
    assert np.delete(column(name, usual, usual), 3).max() < -1


def test_numbers_of_one_body() -> None:
    assert column("points", USUAL, WHITE)[ODD] == 4
    assert column("red", USUAL, WHITE)[[ODD, 0]].tolist() == [1, 0]
    assert column("corner", USUAL, "B|200:100|200:150|180:150")[ODD] == pytest.approx(np.pi / 2, abs=1e-5)
    assert column("corner", USUAL, "B|200:100|200:100|200:150")[ODD] == 0  # a red corner is meant
    assert column("legs", USUAL, "B|150:100|350:100")[ODD] == pytest.approx(2)
    assert column("legs", USUAL, "L|210:100")[ODD] == 0


def test_sliders_of_other_lengths_say_little() -> None:
    lines = [f"100,100,{1000 * i},2,0,{USUAL if i % 2 else LOST},1,{110 if i % 2 else 90}" for i in range(24)]
    found = features(beatmap(lines).hit_objects)[:, NAMES.index("points_odds")]
    assert found.max() < -1


def test_points_at_one_place() -> None:
    lines = [f"100,100,{1000 * i},2,0,B|100:100|100:100,1,50" for i in range(3)]
    assert np.isfinite(features(beatmap(lines).hit_objects)).all()
