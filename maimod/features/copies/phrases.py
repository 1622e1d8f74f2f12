"""The same place of several phrases: a slip that was copied with its phrase is weak evidence at each place, and together
strong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby

import numpy as np

from maimod.features.copies.cells import Cells
from maimod.features.ordered import median

MEASURES = (2, 4, 8)
"""Measures in a phrase."""
REACH = 4
"""Phrases before and after a place that are compared with it."""
MOST = 4.0
"""Natural log-odds that one place adds at most."""
LEAST_PHRASES, LEAST_EXCESS = 4, 1.0
"""Fewest places that are pooled, and their least log-odds above the median of the map. Of 12 minutes of ranked maps none has
four in a row, and two have three."""
SHARE, MOST_POOLED, HIGHEST = 0.15, 3.0, 2.2
"""Share of the excess of the other places that counts, since a style repeats as well; most that it adds to the strongest
place; greatest log-odds that it leads to (0.9)."""


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
    count, total = [0.0] * len(times), [0.0] * len(times)
    if not cells.count:
        return np.array(count), np.array(total)
    weights = np.clip(excess, 0.0, MOST).tolist()
    for groups in _grouped(cells, times):
        for numbers in groups.values():
            for phrase, number in numbers.items():
                beside, strength = 0, 0.0
                for row in (range(phrase - 1, phrase - REACH - 1, -1), range(phrase + 1, phrase + REACH + 1)):
                    for at in row:
                        other = numbers.get(at)
                        if other is None:
                            break
                        beside, strength = beside + 1, strength + weights[other]
                if (strength, beside) > (total[number], count[number]):
                    count[number], total[number] = beside, strength
    return np.array(count), np.array(total)


def pooled(cells: Cells, times: np.ndarray, logits: np.ndarray) -> Iterator[tuple[list[int], float]]:
    """Places that are one mistake, because they are at the same place of phrases in a row.

    Args:
        cells: of the map.
        times: (n,) ms of all places of one rule in the map.
        logits: (n,) their log-odds.

    Yields:
        The numbers of such places by time, each in one group only, and their log-odds together.
    """
    if not cells.count or len(times) < LEAST_PHRASES:
        return
    excess = logits - median(logits)
    groups = [run for found in _grouped(cells, times) for numbers in found.values() for run in _runs(numbers, excess)]
    used: set[int] = set()
    for group in sorted(groups, key=lambda group: -float(excess[group].sum())):
        if used.isdisjoint(group):
            used.update(group)
            strongest = float(logits[group].max())
            others = float(excess[group].sum() - excess[group].max())
            together = min(strongest + min(SHARE * others, MOST_POOLED), HIGHEST)
            yield sorted(group, key=lambda number: float(times[number])), max(strongest, together)


def _runs(numbers: dict[int, int], excess: np.ndarray) -> Iterator[list[int]]:
    """Numbers in phrases in a row, all of them strong."""
    strong = sorted(phrase for phrase, number in numbers.items() if excess[number] >= LEAST_EXCESS)
    # Phrases in a row have the same difference from their rank.
    for _, run in groupby(enumerate(strong), key=lambda one: one[1] - one[0]):
        found = [numbers[phrase] for _, phrase in run]
        if len(found) >= LEAST_PHRASES:
            yield found
