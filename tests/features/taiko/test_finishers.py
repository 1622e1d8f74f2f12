"""Finishers of taiko by the notes a number of measures away."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from maimod.features.taiko.finishers import NAMES, NOT, features
from maimod.features.taiko.slips import measure_colours
from tests.maps import beatmap

NOTES, MEASURES = 8, 24
"""In a measure, on 1/2 at 120 BPM."""
PLACE = 8 * NOTES
BIG = frozenset(range(0, NOTES * MEASURES, 4 * NOTES))
"""The first note of every fourth measure."""


def measured(big: Collection[int]) -> np.ndarray:
    lines = [f"256,192,{1000 + 250 * i},1,{4 * (i in big)},0:0:0:0:" for i in range(NOTES * MEASURES)]
    found = beatmap(lines, mode=1)
    return features(measure_colours(found, found.hit_objects).rows, found.hit_objects)


def of(found: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(found[:, NAMES.index(name)])


def test_finishers_of_a_phrase_are_likely_where_they_are() -> None:
    found = measured(BIG)
    assert found.shape == (NOTES * MEASURES, len(NAMES)) and np.isfinite(found).all()
    odds = of(found, "odds")
    assert min(odds[list(BIG)]) > max(np.delete(odds, list(BIG)))
    assert of(found, "lost")[PLACE] == NOT and of(found, "added")[PLACE + 1] == NOT
    assert of(found, "phrase")[PLACE + 1] == 0.0 and of(found, "gap share").max() < 0.05


def test_a_lost_finisher_and_one_too_many() -> None:
    found = measured(BIG - {PLACE} | {PLACE + 11})
    assert of(found, "lost").argmax() == PLACE
    assert of(found, "added").argmax() == PLACE + 11 and of(found, "added")[PLACE + 11] > 3.0


@pytest.mark.parametrize("by", [-1, 1])
def test_a_finisher_on_the_note_beside_its_own(by: int) -> None:
    late = of(measured(BIG - {PLACE} | {PLACE + by}), "late")
    assert set(np.flatnonzero(late == late.max())) == {PLACE, PLACE + by}
    assert late.max() > 3.0 > of(measured(BIG), "late").max()


def test_notes_before_a_rest_are_compared_with_such_notes() -> None:
    lines = [f"256,192,{1000 + 250 * i},1,{4 * (i % 8 == 5)},0:0:0:0:" for i in range(192) if i % 8 not in (6, 7)]
    found = beatmap(lines, mode=1)
    share = of(features(measure_colours(found, found.hit_objects).rows, found.hit_objects), "gap share")
    assert share[5] > 0.8 > 0.1 > share[4]
