"""What is heard when: a beatmap's hits with the additions, sample sets and volume that the game plays, and the map's
habits of them.

Conventions: times in ms, volume in percent. A hit is a circle, the head, each repeat and the tail of a slider, the end
of a spinner or the head of a hold note.
Source: osu!lazer, `LegacyBeatmapDecoder.handleTimingPoint`, `ConvertHitObjectParser.readCustomSampleBanks` and
`HitObject.ApplyDefaults` (behaviour only).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.hitsounds import BIG, KAT, Hit
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

# ---------------------------------------------------------------------------------------------------------------------
# Alike places


REACH_BEATS = 4
"""Two places are alike if what is heard up to a measure before and after them is."""
CELL_TICKS = 4
"""Hits are compared on a grid of 1/12 beat."""
NEAREST = 24
"""Places tried before and as many after each hit: at one a measure, a verse and a chorus."""
LEAST_SHARED = 4
LEAST_ALIKE = 0.8
LEAST_COVERED = 0.5
"""Alike: at least `LEAST_SHARED` times have a hit around both places, `LEAST_COVERED` of all around either, and at
`LEAST_ALIKE` of the shared times both sound the same."""


@dataclass(frozen=True)
class Habits:
    """Which hits of a map stand at alike places: same position in the measure, same sounds around, another time."""

    hits: tuple[Hit, ...]
    pairs: tuple[np.ndarray, np.ndarray]
    """(n_pairs,) each: index of a hit, index of a hit at a place like its."""
    words: np.ndarray
    """(n_hits,) what is heard at the moment of each hit, as a number."""

    def votes(self, values: np.ndarray) -> np.ndarray:
        """Count how the alike places vote on a property.

        Args:
            values: (n_hits,) non-negative property of each hit.

        Returns:
            (n_hits, highest value + 1) number of alike places with each value; all 0 where they lie on one side of the
            hit only: at the edge of a section other rules begin.
        """
        ours, theirs = self.pairs
        n = len(self.hits)
        counts = np.zeros((n, int(values.max(initial=0)) + 1))
        np.add.at(counts, (ours, values[theirs]), 1)
        before = np.bincount(ours[theirs < ours], minlength=n)
        after = np.bincount(ours[theirs > ours], minlength=n)
        counts[np.minimum(before, after) < LEAST_AROUND] = 0
        return counts


LEAST_AROUND = 2
"""Alike places on either side of a hit for them to speak of a habit around it."""


def habits(beatmap: Beatmap, found: Sequence[Hit]) -> Habits:
    """Compare every hit with those at the same position of the measures around it.

    Args:
        beatmap: the map.
        found: its hits by time, or some of them.
    """
    grid = BeatGrid(beatmap)
    ticks = grid.ticks(np.array([hit.time for hit in found]))
    positions, _ = grid.measure_ticks(ticks)
    cells = (ticks - ticks.min(initial=0)) // CELL_TICKS
    words = _words(beatmap, found, cells)
    reach = REACH_BEATS * TICKS_PER_BEAT // CELL_TICKS
    timeline = np.full(int(cells.max(initial=0)) + 2 * reach + 1, -1, dtype=np.int16)
    timeline[cells + reach] = words
    around = np.lib.stride_tricks.sliding_window_view(timeline, 2 * reach + 1)[cells].copy()  # (n_hits, cells around)
    around[:, reach] = -1
    filled = (around >= 0).sum(axis=1)
    ours, theirs = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for position in np.unique(positions):
        same = np.flatnonzero(positions == position)
        for lag in range(1, min(NEAREST, len(same) - 1) + 1):
            first, second = same[:-lag], same[lag:]
            shared = (around[first] >= 0) & (around[second] >= 0)
            n_shared = shared.sum(axis=1)
            n_equal = (shared & (around[first] == around[second])).sum(axis=1)
            alike = (n_shared >= LEAST_SHARED) & (n_equal >= LEAST_ALIKE * n_shared) & (cells[first] != cells[second])
            alike &= n_shared >= LEAST_COVERED * np.maximum(filled[first], filled[second])
            ours += [first[alike], second[alike]]
            theirs += [second[alike], first[alike]]
    return Habits(tuple(found), (np.concatenate(ours), np.concatenate(theirs)), words)


def _words(beatmap: Beatmap, found: Sequence[Hit], cells: np.ndarray) -> np.ndarray:
    """Number what is heard; in taiko colour and size, in mania the additions of the whole chord."""
    if beatmap.mode is Mode.TAIKO:
        return np.array([bool(hit.additions & KAT) + 2 * bool(hit.additions & BIG) for hit in found], dtype=np.int16)
    additions: dict[int, int] = {}
    for cell, hit in zip(cells.tolist(), found, strict=True):
        additions[cell] = additions.get(cell, 0) | hit.additions
    return np.array(
        [
            additions[cell] + 16 * hit.normal_set + 64 * (hit.addition_set if additions[cell] else 0)
            for cell, hit in zip(cells.tolist(), found, strict=True)
        ],
        dtype=np.int16,
    )
