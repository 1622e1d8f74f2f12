"""The same place of several phrases."""

from __future__ import annotations

import numpy as np

from maimod.features.copies import phrases
from maimod.features.copies.cells import Cells
from tests.phrases import MEASURE, phrase_map

CELLS = Cells(phrase_map())
EVERY_FOURTH = np.array([measure * MEASURE + 1000.0 for measure in range(1, 24, 4)])


def test_places_of_phrases_in_a_row_add_up() -> None:
    count, total = phrases.around(CELLS, EVERY_FOURTH, np.full(6, 1.5))
    assert count.tolist() == [4, 5, 5, 5, 5, 4]
    assert total.tolist() == [6.0, 7.5, 7.5, 7.5, 7.5, 6.0]


def test_places_elsewhere_in_the_phrase_do_not() -> None:
    times = EVERY_FOURTH + np.array([0, 500, 0, 500, 0, 500])
    assert phrases.around(CELLS, times, np.full(6, 1.5))[1].max() <= 1.5 * 2


def test_what_is_usual_in_the_map_adds_nothing_and_no_place_adds_much() -> None:
    assert not phrases.around(CELLS, EVERY_FOURTH, np.full(6, -1.0))[1].any()
    assert phrases.around(CELLS, EVERY_FOURTH, np.full(6, 100.0))[1].max() == 5 * phrases.MOST


def many(strong: np.ndarray, logit: float) -> tuple[np.ndarray, np.ndarray]:
    """Times and log-odds: `strong` ones among many that are usual in the map."""
    usual = np.array([measure * MEASURE + beat for measure in range(24) for beat in (250.0, 1250.0, 1750.0)])
    return np.concatenate([strong, usual]), np.concatenate([np.full(len(strong), logit), np.full(len(usual), -5.0)])


def test_weak_places_of_every_phrase_are_one_strong_finding() -> None:
    times, logits = many(EVERY_FOURTH, -2.0)
    ((group, logit),) = phrases.pooled(CELLS, times, logits)
    assert group == [0, 1, 2, 3, 4, 5]
    assert logit == -2.0 + phrases.SHARE * 5 * 3.0


def test_few_places_and_places_out_of_turn_stay_alone() -> None:
    assert list(phrases.pooled(CELLS, *many(EVERY_FOURTH[:3], -2.0))) == []
    assert list(phrases.pooled(CELLS, *many(EVERY_FOURTH + np.arange(6) * 125.0, -2.0))) == []
    assert list(phrases.pooled(CELLS, *many(EVERY_FOURTH, -4.5))) == []


def test_together_they_are_bounded() -> None:
    ((_, logit),) = phrases.pooled(CELLS, *many(EVERY_FOURTH, 1.5))
    assert logit == phrases.HIGHEST
    ((_, logit),) = phrases.pooled(CELLS, *many(EVERY_FOURTH, 3.0))
    assert logit == 3.0
