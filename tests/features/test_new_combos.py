"""What a new combo more or less would make of the combos of a map."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from maimod.features import new_combos
from maimod.features.new_combos import NAMES, features
from tests.maps import beatmap

MEASURES = 16


def measured(extra: Collection[int] = (), without: Collection[int] = ()) -> np.ndarray:
    """An object on each beat and a new combo on each downbeat, with flags more and less on objects by number."""
    flags = {i for i in range(4 * MEASURES) if i % 4 == 0} | set(extra)
    found = beatmap(
        [f"256,192,{1000 + 500 * i},{5 if i in flags - set(without) else 1},0,0:0:0:0:" for i in range(4 * MEASURES)]
    )
    return features(found, found.hit_objects)


def value(found: np.ndarray, name: str, at: int) -> float:
    return float(found[at, NAMES.index(name)])


def test_in_an_even_map_every_flag_is_as_usual() -> None:
    found = measured()
    assert found.shape == (4 * MEASURES, len(NAMES)) and np.isfinite(found).all()
    assert found[:, NAMES.index("near_same")].min() > 0.9 and found[:, NAMES.index("map_same")].min() > 0.9
    assert value(found, "length_now", 16) == pytest.approx(np.log2(1 + MEASURES - 2))
    assert value(found, "length_other", 16) == 0.0
    assert (value(found, "measures_before", 16), value(found, "measures_after", 16)) == (1.0, 1.0)


@pytest.mark.parametrize(("extra", "without", "at"), [((18,), (), 18), ((), (16,), 16)])
def test_a_flag_more_or_less_is_unlike_the_other_measures(
    extra: tuple[int, ...], without: tuple[int, ...], at: int
) -> None:
    found = measured(extra, without)
    for name in ("near_same", "map_same", "phrases_same"):
        assert value(found, name, at) < 0.1
    for name in ("length_now", "place_now", "objects_now"):
        assert value(found, name, at) == 0.0
    for name in ("length_other", "place_other", "objects_other"):
        assert value(found, name, at) > 3.0
    assert value(found, "compared", at) == pytest.approx(np.log2(MEASURES))


def test_a_misplaced_flag_is_unlike_at_both_objects() -> None:
    found = measured((17,), (16,))
    assert value(found, "near_same", 17) < 0.1 and value(found, "near_same_beside", 17) < 0.1
    assert value(found, "phrases_same_beside", 16) < 0.1
    assert value(measured((18,)), "near_same_beside", 18) > 0.9


def test_a_repeated_figure_is_usual() -> None:
    once, often = measured((18,)), measured((2, 18, 34, 50))
    assert value(often, "phrases_same", 18) > 0.3 > value(once, "phrases_same", 18)
    assert value(often, "length_now", 18) > value(once, "length_now", 18)
    assert value(often, "place_now", 18) == pytest.approx(2.0)


def test_long_groups_are_cut_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_combos, "MOST_AT_ONCE", 4)
    assert value(measured(), "compared", 16) == 2.0
