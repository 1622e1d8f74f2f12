"""What if there was a new combo, or none, on an object? How usual both would be in the map.

A forgotten or an added flag leaves combos that the map does not have elsewhere, at a place of the measure where the measures
around do otherwise. A figure with its own combos is repeated instead. No song and no network is needed for it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from maimod.features.ordered import distinct
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

NEAR_MEASURES = 12.0
"""The weight of a measure falls to 1/e of it so many measures away."""
PHRASES = (1, 2, 4, 8)
"""Measures after which a flag is most often repeated."""
SAME_MEASURE = 0.02
"""Distances from a whole number of measures up to this are rounding."""
PSEUDO_WEIGHT = 0.3
"""Weight of even odds beside the measures around."""
MOST_AT_ONCE = 1000
"""Objects compared with each other; more are cut into parts."""
UNKNOWN = 0.5
"""Share where there is nothing to compare with."""

NAMES = (
    # Log2 of 1 + other combos of the map like those at the object, the rarer of two: as the flag is (now) and if it was
    # the other way (other).
    "length_now",  # as long
    "length_other",
    "place_now",  # as long, from the same place of the measure
    "place_other",
    "objects_now",  # with as many objects
    "objects_other",
    # Measures from the start of the combo to the object, and from there to its end.
    "measures_before",
    "measures_after",
    # Share of the objects at the same place of other measures with the same flag.
    "near_same",  # nearby
    "map_same",  # in all of the map
    "compared",  # log2 of 1 + their number
    "phrases_same",  # `PHRASES` measures away
    # The least at the two neighbours: a flag that is an object early is unlike both.
    "near_same_beside",
    "phrases_same_beside",
)
"""Names of the features."""


def features(beatmap: Beatmap, objects: Sequence[HitObject]) -> np.ndarray:
    """Measure every object.

    Args:
        beatmap: gives the red lines.
        objects: in order of time.

    Returns:
        (n_objects, len(NAMES)).
    """
    grid = BeatGrid(beatmap)
    ticks = grid.ticks(np.array([o.time for o in objects])).astype(np.int64)
    in_measure, length = grid.measure_ticks(ticks)
    # The first object and those after spinners always begin a combo.
    spinners = np.array([o.kind is ObjectKind.SPINNER for o in objects])
    flags = np.array([o.new_combo for o in objects]) | spinners | np.concatenate([[True], spinners[:-1]])
    lengths = _lengths(ticks, in_measure.astype(np.int64), np.maximum(length, 1), flags)
    measures = np.cumsum(np.diff(ticks, prepend=ticks[:1]) / np.maximum(length, 1))
    same = _same(in_measure.astype(np.int64), measures, flags)
    padded = np.pad(same[:, [0, 3]], ((1, 1), (0, 0)), constant_values=1.0)
    return np.concatenate([lengths, same, np.minimum(padded[:-2], padded[2:])], axis=1)


def _lengths(ticks: np.ndarray, in_measure: np.ndarray, measure: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """The features up to `measures_after`."""
    starts, at, places = np.flatnonzero(flags).tolist(), ticks.tolist(), in_measure.tolist()
    ends = [*(at[start] for start in starts[1:]), at[-1] + TICKS_PER_BEAT]
    stops = [*starts[1:], len(at)]

    def combo(first: int, end: int, stop: int) -> tuple[int, tuple[int, int], int]:
        """Its ticks, place in the measure and ticks, and objects."""
        return end - at[first], (places[first], end - at[first]), stop - first

    combos = [combo(*one) for one in zip(starts, ends, stops, strict=True)]
    counts = [Counter(column) for column in zip(*combos, strict=True)]
    found = np.zeros((len(ticks), 8))
    for number, (begin, end, stop) in enumerate(zip(starts, ends, stops, strict=True)):
        for i in range(begin, stop):
            if i > begin:
                now, other, first = [combos[number]], [combo(begin, at[i], i), combo(i, end, stop)], begin
            elif number:
                first = starts[number - 1]
                now, other = combos[number - 1 : number + 1], [combo(first, end, stop)]
            else:
                continue
            for column, count in enumerate(counts):
                own = [one[column] for one in now]
                for side, ones in enumerate((now, other)):
                    rarest = min(count[one[column]] - own.count(one[column]) for one in ones)
                    found[i, 2 * column + side] = math.log2(1.0 + max(rarest, 0))
            found[i, 6:] = (at[i] - at[first]) / measure[i], (end - at[i]) / measure[i]
    return found


def _same(in_measure: np.ndarray, measures: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """The features from `near_same` to `phrases_same`."""
    found = np.full((len(flags), 4), UNKNOWN)
    groups = [np.flatnonzero(in_measure == place) for place in distinct(in_measure)]
    for own in (group[i : i + MOST_AT_ONCE] for group in groups for i in range(0, len(group), MOST_AT_ONCE)):
        apart = np.abs(np.subtract.outer(measures[own], measures[own]))
        same = np.equal.outer(flags[own], flags[own])
        near, others = np.exp(-apart / NEAR_MEASURES), np.ones_like(apart)
        np.fill_diagonal(near, 0.0)
        np.fill_diagonal(others, 0.0)
        phrases = np.isin(np.round(apart), PHRASES) & (np.abs(apart - np.round(apart)) <= SAME_MEASURE)
        for column, weights in ((0, near), (1, others), (3, phrases)):
            found[own, column] = _share(weights, same)
        found[own, 2] = np.log2(1.0 + others.sum(axis=1))
    return found


def _share(weights: np.ndarray, same: np.ndarray) -> np.ndarray:
    """(n,) weighted share of what is the same in each row, towards `UNKNOWN` where little is compared."""
    return np.asarray(((weights * same).sum(axis=1) + UNKNOWN * PSEUDO_WEIGHT) / (weights.sum(axis=1) + PSEUDO_WEIGHT))
