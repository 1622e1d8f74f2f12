"""What the other difficulties of a set say about an object that is here or missing: by how often both agree nearby.

An object that an easier difficulty has and a harder one lacks is seldom meant, while the easier one lacks most of the harder one's.
So what another difficulty has counts as much as this map follows it: at the objects around in time, and in the whole map, without
the place itself. No levels are asked for. Odds are natural logarithms, times cells of 1/12 beat.
"""

from __future__ import annotations

import numpy as np

from maimod.features.copies.cells import CELLS_PER_BEAT
from maimod.features.copies.passages import Passages

AROUND = 16
"""Starts on either side that tell how far one difficulty follows the other there."""
PRIOR_STARTS = 4.0
"""Weight of the whole map beside them."""
LEAST_STARTS = 8
"""Of a difficulty that is compared."""
LEAST_SHARE = 0.005
NEAR = CELLS_PER_BEAT
"""Cells on either side of a place that are beside it."""

NAMES = (
    # Odds that an empty place should have an object, by the starts that the other difficulties have there.
    "missing",  # added up
    "missing most",  # of the one that says most
    "missing beside",  # the highest up to a beat away
    "missing around",  # the sum of the positive ones there
    "missing rank",  # log2 of the rank in the map
    # Odds that an object should not be there, by the difficulties that have nothing there and, negative, by the others.
    "extra",
    "extra most",
    "extra beside",
    "extra around",
    "extra rank",
)
"""Names of the features."""


def features(passages: Passages, times: np.ndarray) -> np.ndarray:
    """Measure places of a map.

    Args:
        passages: of the map, with its other difficulties.
        times: (n_places,) ms.

    Returns:
        (n_places, len(NAMES)); zeros without another difficulty.
    """
    found = np.zeros((len(times), len(NAMES)))
    if not passages.cells.count or not len(times):
        return found
    cells, columns = passages.cells.of(times), []
    for total, most in zip(*_odds_by_cell(passages), strict=True):
        columns += [total[cells], most[cells], *(values[cells] for values in _near(total)), _rank(total)[cells]]
    return np.stack(columns, axis=1)


def _odds_by_cell(passages: Passages) -> tuple[np.ndarray, np.ndarray]:
    """(2, n_cells) odds that an object is missing and that one is too many, added up over the difficulties, and of the one that says
    most; 0 where nothing is asked."""
    own, count = passages.own, passages.cells.count
    total, most = np.zeros((2, count)), np.zeros((2, count))
    own_starts = np.flatnonzero(own.head)
    if len(own_starts) < LEAST_STARTS:
        return total, most
    for other in passages.siblings:
        starts = np.flatnonzero(other.head)
        if len(starts) < LEAST_STARTS:
            continue
        is_shared = own.edge[starts]
        missing = np.where(is_shared, 0.0, _odds(is_shared))
        total[0, starts] += missing
        most[0, starts] = np.maximum(most[0, starts], missing)
        is_shared = other.edge[own_starts]
        extra = np.where(is_shared, -1.0, 1.0) * _odds(is_shared)
        total[1, own_starts] += extra
        most[1, own_starts] = np.maximum(most[1, own_starts], extra)
    return total, most


def _odds(is_shared: np.ndarray) -> np.ndarray:
    """(n_starts,) log-odds that one difficulty has what the other one has, by the other starts."""
    total = np.concatenate([[0], np.cumsum(is_shared)])
    at, n = np.arange(len(is_shared)), len(is_shared)
    low, high = np.maximum(at - AROUND, 0), np.minimum(at + AROUND + 1, n)
    whole = (total[-1] - is_shared + 1) / (n + 1)
    share = (total[high] - total[low] - is_shared + PRIOR_STARTS * whole) / (high - low - 1 + PRIOR_STARTS)
    share = np.clip(share, LEAST_SHARE, 1 - LEAST_SHARE)
    return np.asarray(np.log(share / (1 - share)))


def _near(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n_cells,) each: the highest of the values beside each cell, at least 0, and the sum of the positive ones."""
    padded = np.pad(np.maximum(values, 0.0), NEAR)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEAR + 1)
    highest = np.maximum(windows[:, :NEAR].max(axis=1), windows[:, NEAR + 1 :].max(axis=1))
    return highest, windows.sum(axis=1)


def _rank(values: np.ndarray) -> np.ndarray:
    """(n_cells,) log2 of the rank from the top, of equal ones the first."""
    ordered = np.sort(values)
    return np.log2(1.0 + len(values) - np.searchsorted(ordered, values, side="right"))
