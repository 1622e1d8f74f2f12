"""Which measures each measure of a map should be like.

That is judged without the measure itself: by the song, by the rhythm of the measures around and by the place in the phrase. As
a mixture of these likely measures, each with a few differences, they give a probability to any content of the measure.
Logarithms are natural.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from maimod.features.copies.cells import CELLS_PER_BEAT, LONGEST_MEASURE
from maimod.features.copies.passages import Passages, displaced
from maimod.osu.beatmap import HitObject

WEIGHT_OF_SONG, WEIGHT_OF_AROUND = 12.0, 7.0
"""What a measure gains by the same onsets and by the same rhythm around. These and the next numbers make the measures of 30 maps
without mistakes likeliest."""
WEIGHT_OF_PHRASES = ((2, 0.5), (4, 0.4), (8, 0.5), (16, 0.3))
"""Gained by measures a multiple of so many measures away."""
NEAR_MEASURES, WEIGHT_OF_NEAR = 5.0, 2.8
"""Gained by close measures; it falls to 1/e of it so many measures away."""
PART_WEIGHTS = (1.0, 0.5, 0.5, 0.5, 0.5)
"""Of differences of the parts of the contents: starts, ends, objects that are held, chords of two and of three."""
SHORTEST_PHRASE, FURTHEST_COPY = 2, 32
"""Measures in a phrase; from so many measures on a place is no copy of another one."""
PRIOR_MASKED, LEAST_MASKED = 0.1, 3e-4
"""Weight of the share of all measures: part of the weight of the likely ones, and where none of them has the rest of the measure."""


class LikelyMeasures:
    """The measures of one map, each with the weights of those that it should be like; arrays of shape (n_measures, ...)."""

    def __init__(self, passages: Passages, objects: Sequence[HitObject]) -> None:
        """
        Args:
            passages: of the map.
            objects: of the map, in order of time.
        """
        self.passages, self.objects, self.own = passages, objects, passages.own
        self.mode, cells = passages.beatmap.mode, passages.cells
        if not cells.count:
            return
        self.starts, self.lengths, self.n = cells.starts, cells.lengths, len(cells.starts)
        self.width = int(min(self.lengths.max(initial=1), LONGEST_MEASURE))
        """Cells that are compared."""
        self.object_cells = cells.of([o.time for o in objects])
        self.of_object, self.at_object = self.places(self.object_cells)
        """(n_objects,) measures and cells in them."""
        self.heads = self.rows(self.own.head) > 0
        of_row = np.flatnonzero(self.heads)
        self.row_measures, self.row_places = of_row // self.width, of_row % self.width
        """(n_rows,) measures and places of the starts of objects, by time."""

    def places(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Measures of cells of the map, and which cells of the measures they are; what is not compared counts as the last."""
        measures = self.passages.cells.measures(cells)
        return measures, np.minimum(cells - self.starts[measures], self.width - 1)

    def rows(self, values: np.ndarray) -> np.ndarray:
        """(n, width) of values of the cells of the map."""
        return self.passages.rows(values)[:, : self.width]

    @cached_property
    def log_weights(self) -> np.ndarray:
        """(n, n) log-probability that each measure is like each other one, without looking into it; -inf for itself, for
        measures of another length and for empty ones."""
        alike, apart = self.passages.alike, np.abs(np.subtract.outer(np.arange(self.n), np.arange(self.n)))
        beside, further = (displaced(alike, by) + displaced(alike, -by) for by in (1, 2))
        found = WEIGHT_OF_AROUND * (beside / 3 + further / 6) + WEIGHT_OF_NEAR * np.exp(-apart / NEAR_MEASURES)
        if self.passages.song is not None:
            found += WEIGHT_OF_SONG * self.passages.song
        for measures, weight in WEIGHT_OF_PHRASES:
            found += weight * (apart % measures == 0)
        can_be = (self.lengths[:, None] == self.lengths) & self.heads.any(axis=1)
        return normalised(np.where(can_be & (apart > 0), found, -np.inf))

    @cached_property
    def contents(self) -> np.ndarray:
        """float32 (n, width, len(PART_WEIGHTS)): starts, ends, objects that are held, chords of two and of three."""
        own, notes = self.own, np.bincount(self.object_cells, minlength=self.passages.cells.count)
        parts = (own.head, own.edge & ~own.head, own.head & (own.kind > 1), notes > 1, notes > 2)
        return np.stack([self.rows(part) for part in parts], axis=2).astype(np.float32)

    def differences(self, contents: np.ndarray) -> np.ndarray:
        """(n, n) weighted differences of contents from those of each measure."""
        weighted = (contents * np.array(PART_WEIGHTS, dtype=np.float32)).reshape(self.n, -1)
        own = self.contents.reshape(self.n, -1)
        return np.asarray(weighted.sum(axis=1)[:, None] + self.sizes - 2 * weighted @ own.T)

    @cached_property
    def own_differences(self) -> np.ndarray:
        """(n, n) weighted differences of the measures from each other."""
        return self.differences(self.contents)

    @cached_property
    def sizes(self) -> np.ndarray:
        """(n,) weighted differences from an empty measure."""
        return np.asarray((self.contents * np.array(PART_WEIGHTS)).sum(axis=(1, 2)))

    def rolled(self, values: np.ndarray, by: np.ndarray) -> np.ndarray:
        """Rows (n, width, ...) with their cells (n,) later, those at the end of a measure at its start."""
        at, lengths = np.arange(self.width), np.minimum(self.lengths, self.width)[:, None]
        index = np.where(at < lengths, (at - by[:, None]) % lengths, at)
        return np.take_along_axis(values, index.reshape(*index.shape, *(1,) * (values.ndim - 2)), axis=1)

    @cached_property
    def halves(self) -> np.ndarray:
        """(n,) cells of half a measure; 0 for measures that have none."""
        return np.where((self.lengths % (2 * CELLS_PER_BEAT) == 0) & (self.lengths <= self.width), self.lengths // 2, 0)

    @cached_property
    def out_of_phrase(self) -> np.ndarray:
        """(n, n) whether measures are no phrases apart, or so many that a slip was hardly copied as far."""
        apart = np.abs(np.subtract.outer(np.arange(self.n), np.arange(self.n)))
        return (apart % SHORTEST_PHRASE != 0) | (apart > FURTHEST_COPY)


def masked_odds(
    weights: np.ndarray, has: np.ndarray, lacks: np.ndarray, usual: np.ndarray, difference: float
) -> np.ndarray:
    """Log-odds that something is at places, by the measures that are like this one everywhere else.

    Args:
        weights: (n, n) of the likely measures, those lower that differ from this one.
        has, lacks: (n, width) whether each measure has it, and whether it could but does not.
        usual: (width,) share of all measures that have it.
        difference: by which the logarithm of a weight is lower for each difference; at the place itself it is none.
    """
    with_it = weights @ has * np.exp(difference * (1.0 - has))
    without = weights @ lacks * np.exp(difference * has)
    prior = PRIOR_MASKED * (with_it + without) + LEAST_MASKED
    usual = np.clip(usual, 0.01, 0.99)
    return np.log((with_it + prior * usual) / (without + prior * (1.0 - usual)))


def normalised(logs: np.ndarray) -> np.ndarray:
    """Log-weights of which each row has the sum 1."""
    return np.asarray(logs - log_sum(logs)[:, None])


def log_sum(logs: np.ndarray) -> np.ndarray:
    """(n,) logarithm of the sum of each row; 0 for rows of -inf."""
    top = logs.max(axis=1, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.exp(logs - top[:, None]).sum(axis=1)
    return np.asarray(np.where(total > 0, top + np.log(np.maximum(total, 1e-300)), 0.0))


def log_odds(probability: np.ndarray, least: float) -> np.ndarray:
    """Natural logarithm of the odds of probabilities that are at least `least` and at most 1 less that."""
    probability = np.clip(probability, least, 1 - least)
    return np.log(probability / (1 - probability))


def in_a_row(gains: np.ndarray, measures: int) -> np.ndarray:
    """(n,) the greatest sum of so many measures in a row with each one."""
    total = np.concatenate([[0.0], np.cumsum(gains)])
    n = len(gains)
    sums = np.array([total[min(start + measures, n)] - total[start] for start in range(n)])
    padded = np.concatenate([np.full(measures - 1, -np.inf), sums])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, measures).max(axis=1))
