"""What the judge finds on songs that it was not fitted on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from maimod.findings import Category
from maimod.linter.places import CATEGORIES, NAMES
from maimod.training.judge_check import lines, recall
from maimod.training.judge_fit import UNCLEAR, UNTOUCHED, Examples

COMBOS = CATEGORIES.index(Category.NEW_COMBOS)


def example(kinds: tuple[str, ...], copies: list[int], planted: dict[str, int]) -> Examples:
    count = len(kinds)
    return Examples(
        "a.osu",
        "song",
        "osu",
        2.0,
        np.zeros((count, len(NAMES)), dtype=np.float32),
        np.full(count, COMBOS),
        kinds,
        ("new-combos/missing",) * count,
        np.array(copies),
        Counter(planted),
    )


KINDS = (*(UNTOUCHED,) * 4, "moved:8 px", "moved:60 px", UNCLEAR, "combo-missing")
COPIES = [0, 0, 0, 0, 1, 2, 2, 2]
PLANTED = {"moved:8 px": 1, "moved:60 px": 1, "combo-missing": 2}


def test_mistakes_above_the_places_of_the_untouched_map_are_found() -> None:
    one = example(KINDS, COPIES, PLANTED)
    logits = np.array([3.0, 1.0, 0.0, -1.0, 0.5, 2.0, 9.0, 4.0])
    assert recall([one], [logits], 0.0) == {"moved": 0.0, "combo-missing": 0.5}  # nothing untouched may be above
    assert recall([one], [logits], 0.5) == {"moved": 0.5, "combo-missing": 0.5}
    assert recall([one], [logits], 1.0) == {"moved": 1.0, "combo-missing": 0.5}


def test_a_mistake_that_two_categories_show_is_found_once() -> None:
    one = example((*KINDS, "combo-missing"), [*COPIES, 2], PLANTED)
    assert recall([one], [np.full(9, 5.0) - 9.0 * (np.arange(9) < 4)], 0.0)["combo-missing"] == 0.5


def test_a_mistake_that_a_fact_names_is_found_without_a_place_and_once() -> None:
    one = replace(example(KINDS, COPIES, PLANTED), told=frozenset({(1, "combo-missing"), (2, "moved:60 px")}))
    logits = np.array([3.0, 1.0, 0.0, -1.0, 0.5, 9.0, 9.0, -4.0])
    assert recall([one], [logits], 0.0) == {"moved": 0.5, "combo-missing": 0.5}


def test_lines_tell_modes_and_categories_of_unseen_maps() -> None:
    one = example(KINDS * 10, COPIES * 10, PLANTED)
    odds = np.tile([-2.0, -2.0, -2.0, -2.0, 3.0, 3.0, 3.0, 3.0], 10)
    seen = replace(one, unseen=False)
    of_mode, of_category = lines([one, seen], {Category.NEW_COMBOS: np.concatenate([odds, -odds])})
    assert of_mode.startswith("osu: 1 maps unknown") and "classic kinds" in of_mode
    assert of_category.startswith("new-combos: probability") and "0.12 → 0.00" in of_category
    assert "0.95 → 1.00" in of_category
    assert list(lines([seen], {Category.NEW_COMBOS: odds})) == []


@pytest.mark.parametrize("rate", [10.0, 1000.0])
def test_a_rate_that_allows_every_place_finds_every_mistake_with_a_place(rate: float) -> None:
    one = example(KINDS, COPIES, PLANTED)
    assert recall([one], [np.zeros(8)], rate) == {"moved": 1.0, "combo-missing": 0.5}
