"""What the copies of a passage of catch have in place of an object."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from maimod.features.catch import slips as catch_slips
from maimod.features.catch.copies import NAMES, features
from maimod.features.copies.passages import Passages
from tests.maps import beatmap

FIGURE = (56, 136, 216, 136, 232, 456, 376, 296)
"""X of the fruits of a measure on 1/2 at 120 BPM; the one with 456 is reached by the longest movement."""
NOTES, MEASURES = len(FIGURE), 10
PLACE = 5 * NOTES + 4


def measured(moved: Mapping[int, float], mirrored: frozenset[int] = frozenset(), gap: int = 250) -> np.ndarray:
    """The features of the map with other x of some fruits, and some measures mirrored."""
    x = [512 - place if i // NOTES in mirrored else place for i, place in enumerate(FIGURE * MEASURES)]
    lines = [f"{moved.get(i, place):g},192,{1000 + gap * i},1,0,0:0:0:0:" for i, place in enumerate(x)]
    found = beatmap(lines, mode=2, timing_points=[f"1000,{2 * gap},4,1,0,100,1,0"])
    catcher = catch_slips.measure(found, found.hit_objects)[0][:, -len(catch_slips.CATCHER_NAMES) :]
    return features(found.hit_objects, catcher, Passages(found, None, 0.0, ()))


def value(found: np.ndarray, name: str, at: int = PLACE) -> float:
    return float(found[at, NAMES.index(name)])


def test_an_even_map_agrees_with_its_copies() -> None:
    found = measured({})
    assert found.shape == (NOTES * MEASURES, len(NAMES)) and np.isfinite(found).all()
    inside = slice(NOTES, -NOTES)
    for name in ("same place", "same distance", "same way"):
        assert found[inside, NAMES.index(name)].min() > 0.8, name
    for name in ("mirrored way", "longer", "shorter", "hyperdash", "no hyperdash", "walked"):
        assert found[inside, NAMES.index(name)].max() < 0.01, name


def test_a_moved_fruit() -> None:
    found = measured({PLACE: FIGURE[4] - 60})
    assert value(found, "same place") < 0.1 and value(found, "off") == pytest.approx(np.log2(61), abs=0.3)
    assert value(found, "longer") > 0.99 and value(found, "shorter", PLACE + 1) > 0.99
    assert value(found, "same way") > 0.99


@pytest.mark.parametrize("mirrored", [frozenset[int](), frozenset({4, 7})])
def test_a_figure_that_was_mirrored_alone(mirrored: frozenset[int]) -> None:
    found = measured({PLACE + i: 512 - FIGURE[4 + i] for i in range(2, 4)}, mirrored)
    assert value(found, "mirrored place", PLACE + 2) > 0.8 > 0.2 > value(found, "same place", PLACE + 2)
    assert value(found, "mirrored way", PLACE + 3) > 0.8 > 0.2 > value(found, "same way", PLACE + 3)


def test_a_whole_measure_that_is_mirrored_is_like_its_copies() -> None:
    found = measured({}, frozenset({4, 5, 6}))
    assert value(found, "same place") > 0.9 > 0.1 > value(found, "mirrored place")
    assert value(found, "same way") > 0.99


def test_a_hyperdash_that_was_lost() -> None:
    gap = 125
    even = measured({}, gap=gap)
    assert value(even, "hyperdash", PLACE + 1) == value(even, "no hyperdash", PLACE + 1) == 0.0
    lost = measured({PLACE + 1: FIGURE[5] - 110}, gap=gap)
    assert value(lost, "hyperdash", PLACE + 1) > 0.99
    assert value(lost, "hyperdash", PLACE - 1) == 0.0


def test_without_copies_there_is_nothing_to_say() -> None:
    found = beatmap([f"{100 * i},192,{1000 + 700 * i**2},1,0,0:0:0:0:" for i in range(5)], mode=2)
    catcher = np.zeros((5, len(catch_slips.CATCHER_NAMES)))
    assert not features(found.hit_objects, catcher, Passages(found, None, 0.0, ())).any()
