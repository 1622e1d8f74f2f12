"""Holds of mania in the other difficulties of a set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from maimod.features.mania.rows import Rows
from maimod.features.mania.set_holds import NAMES, features
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

NOTES, GAP = 40, 500
HELD = frozenset(range(0, NOTES, 4))
PLACE = 20
"""One of them."""


def difficulty(lengths: Mapping[int, int], every: int = 1, shift: int = 0) -> Beatmap:
    """Notes in turn in four columns, some held for so many ms."""
    lines = []
    for i in range(0, NOTES, every):
        time = 1000 + GAP * i + shift
        end = f"{time + lengths[i]}:" if i in lengths else ""
        lines.append(f"{64 + 128 * (i % 4)},192,{time},{128 if end else 1},0,{end}0:0:0:0:")
    return beatmap(lines, mode=3)


def measured(own: Beatmap, *others: Beatmap) -> np.ndarray:
    return features(Rows(own, own.hit_objects), others)


def of(found: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(found[:, NAMES.index(name)])


def test_difficulties_that_hold_the_same_notes_say_which_one_is_not_held() -> None:
    lengths = dict.fromkeys(HELD, 250)
    found = measured(difficulty(dict.fromkeys(HELD - {PLACE}, 250)), difficulty(lengths), difficulty(lengths, every=2))
    odds = of(found, "held odds")
    assert odds.argmax() == PLACE and odds[PLACE] > 4.0 > 0.0 > np.delete(odds, PLACE).max()
    assert of(found, "holds")[[0, PLACE, 1]].tolist() == [2.0, 2.0, 0.0]
    assert of(found, "notes")[[0, 1, 2]].tolist() == [0.0, 1.0, 2.0]


def test_a_hold_too_many_is_one_that_no_other_difficulty_has() -> None:
    lengths = dict.fromkeys(HELD, 250)
    odds = of(measured(difficulty({**lengths, PLACE + 1: 250}), difficulty(lengths)), "held odds")
    assert odds.argmax() == PLACE + 1 and odds[PLACE + 1] > 1.0


def test_an_end_that_differs_from_the_set() -> None:
    lengths = dict.fromkeys(HELD, 250)
    found = measured(difficulty({**lengths, PLACE: 375}), difficulty(lengths, shift=4))
    assert of(found, "other end").argmax() == PLACE and of(found, "other end")[PLACE] == 1.0
    assert of(found, "same end")[0] > 0.8 and of(found, "same end")[PLACE] == 0.0
    assert of(found, "border").argmin() == PLACE and of(found, "border")[PLACE] < -0.8


def test_a_difficulty_with_other_lengths_throughout_says_little_of_one() -> None:
    own = {i: 250 if i % 8 else 375 for i in HELD}
    found = measured(difficulty({**own, PLACE: 125}), difficulty(dict.fromkeys(HELD, 250)))
    assert 0.2 < of(found, "other end")[PLACE] < 0.6


def test_nothing_is_known_without_holds_elsewhere() -> None:
    own = difficulty(dict.fromkeys(HELD, 250))
    assert not measured(own).any() and not measured(own, difficulty({0: 250, 4: 250})).any()
