"""Median, distinct values and percentiles. numpy has them, but imports masked arrays for them, which takes 10 ms."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def median(values: ArrayLike) -> float:
    """The middle of numbers; NaN for none."""
    ordered = np.sort(np.asarray(values, dtype=float), axis=None)
    middle = len(ordered) // 2
    if not len(ordered):
        return float("nan")
    return float(ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def distinct(values: np.ndarray) -> np.ndarray:
    """(n,) ascending, each once."""
    ordered = np.sort(values, axis=None)
    return ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]


def percentile(values: ArrayLike, share: float) -> float:
    """The number that `share` percent of one or more lie below, between two neighbours in proportion."""
    ordered = np.sort(np.asarray(values, dtype=float), axis=None)
    place = (len(ordered) - 1) * share / 100
    below = int(place)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return float(low + (high - low) * (place - below))
