"""The same place of several phrases."""

from __future__ import annotations

import numpy as np

from maimod.linter import phrases
from maimod.rules.passages import Cells
from tests.rules.test_passages import MEASURE, phrase_map

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
