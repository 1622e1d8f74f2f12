"""What the other difficulties say about objects that are here or missing."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from maimod.features.copies.passages import Passages
from maimod.features.rhythm.set_starts import NAMES, features
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

NOTES, GAP = 96, 125
PLACE = 48


def difficulty(name: str, notes: Collection[int], mode: int = 1) -> Beatmap:
    """Notes at some of the quarters of a beat of 500 ms."""
    lines = [f"256,192,{1000 + GAP * i},1,0,0:0:0:0:" for i in sorted(notes)]
    return beatmap(lines, mode=mode, metadata={"Version": name}, path=f"{name}.osu")


def measured(own: Beatmap, *others: Beatmap) -> np.ndarray:
    found = features(Passages(own, None, 0.0, others), 1000.0 + GAP * np.arange(NOTES))
    assert found.shape == (NOTES, len(NAMES)) and np.isfinite(found).all()
    return found


def of(found: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(found[:, NAMES.index(name)])


def test_what_an_easier_difficulty_has_is_missing_in_a_harder_one_and_not_the_other_way_round() -> None:
    hard, easy = set(range(NOTES)), set(range(0, NOTES, 4))
    found = measured(difficulty("hard", hard - {PLACE}), difficulty("easy", easy))
    missing = of(found, "missing")
    assert missing.argmax() == PLACE and missing[PLACE] > 3.0 and (np.delete(missing, PLACE) == 0).all()
    assert of(found, "missing rank")[PLACE] == 0.0 < of(found, "missing rank")[PLACE + 1]
    found = measured(difficulty("easy", easy), difficulty("hard", hard - {PLACE}))
    lacked = sorted(hard - easy - set(range(NOTES - 4, NOTES)))
    assert of(found, "missing")[lacked].max() < -0.5  # three quarters of what the hard one has
    assert of(found, "extra").argmax() == PLACE and of(found, "extra")[PLACE] > 2.0 > 0.0 > of(found, "extra")[0]


def test_the_difficulties_are_added_and_the_one_that_says_most_is_known() -> None:
    easy = set(range(0, NOTES, 4))
    own = difficulty("hard", set(range(NOTES)) - {PLACE})
    one, two = measured(own, difficulty("a", easy)), measured(own, difficulty("a", easy), difficulty("b", easy))
    assert of(two, "missing")[PLACE] == 2 * of(one, "missing")[PLACE]
    assert of(two, "missing most")[PLACE] == of(one, "missing most")[PLACE] > 0


def test_places_beside() -> None:
    found = measured(difficulty("hard", set(range(NOTES)) - {PLACE}), difficulty("easy", set(range(0, NOTES, 4))))
    at = of(found, "missing")[PLACE]
    assert of(found, "missing beside")[[PLACE - 5, PLACE - 4, PLACE, PLACE + 4]].tolist() == [0.0, at, 0.0, at]
    assert of(found, "missing around")[[PLACE - 5, PLACE - 4, PLACE]].tolist() == [0.0, at, at]


def test_where_the_difficulties_part_a_difference_says_little() -> None:
    """The other difficulty stops following in the second half."""
    other = set(range(0, NOTES, 2))
    own = {i for i in range(NOTES) if i < NOTES // 2 or i % 2} - {8}
    missing = of(measured(difficulty("own", own), difficulty("other", other)), "missing")
    assert missing[8] > 1.0 and missing[NOTES - 8] < -1.0


def test_without_another_difficulty_and_with_few_notes() -> None:
    own = difficulty("hard", range(NOTES))
    assert not measured(own)[:, [NAMES.index(name) for name in NAMES if "rank" not in name]].any()
    assert not of(measured(own, difficulty("tiny", {3, 4})), "extra").any()
    assert features(Passages(own, None, 0.0, ()), np.zeros(0)).shape == (0, len(NAMES))
