"""The same place of several phrases: a slip that was copied with its phrase is weak evidence at each place, and together
strong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from maimod.rules.passages import Cells

MEASURES = (2, 4, 8)
"""Measures in a phrase."""
REACH = 4
"""Phrases before and after a place that are compared with it."""
MOST = 4.0
"""Natural log-odds that one place adds at most."""


def _grouped(cells: Cells, times: np.ndarray) -> Iterator[dict[int, dict[int, int]]]:
    """For each length of a phrase: by the place in it, the number of the time in each phrase that has one."""
    at = cells.of(times)
    measures = cells.measures(at)
    inside = at - cells.starts[measures]
    for length in MEASURES:
        found: dict[int, dict[int, int]] = defaultdict(dict)
        for number, (measure, cell) in enumerate(zip(measures.tolist(), inside.tolist(), strict=True)):
            place = measure % length * 1_000_000 + cell
            found[place].setdefault(measure // length, number)
        yield found


def around(cells: Cells, times: np.ndarray, excess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How strong the same place is in the phrases around.

    Args:
        cells: of the map.
        times: (n,) ms of places of one kind.
        excess: (n,) their log-odds less those usual in the map.

    Returns:
        (n,) number of places in the phrases in a row before and after, and the sum of their excess, each at least 0 and
        at most `MOST`; of the length of the phrase with the greatest sum.
    """
    count, total = np.zeros(len(times)), np.zeros(len(times))
    if not cells.count:
        return count, total
    weights = np.clip(excess, 0.0, MOST)
    for groups in _grouped(cells, times):
        for numbers in groups.values():
            for phrase, number in numbers.items():
                beside = [other for sign in (-1, 1) for other in _in_a_row(numbers, phrase, sign)]
                strength = float(weights[beside].sum()) if beside else 0.0
                if (strength, len(beside)) > (total[number], count[number]):
                    count[number], total[number] = len(beside), strength
    return count, total


def _in_a_row(numbers: dict[int, int], phrase: int, sign: int) -> Iterator[int]:
    for step in range(1, REACH + 1):
        other = numbers.get(phrase + sign * step)
        if other is None:
            return
        yield other
