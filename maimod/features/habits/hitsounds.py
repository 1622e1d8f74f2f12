"""Hitsound habits of a map: hits at similar places, and their common sounds.

Conventions: times in ms, volume in percent. A hit is a circle, the head, each repeat and the tail of a slider, the end
of a spinner or the head of a hold note.
Source: osu!lazer, `LegacyBeatmapDecoder.handleTimingPoint`, `ConvertHitObjectParser.readCustomSampleBanks` and
`HitObject.ApplyDefaults` (behaviour only).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from maimod.features.ordered import distinct
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.hitsounds import BIG, KAT, Hit
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

# ---------------------------------------------------------------------------------------------------------------------
# Similar places


REACH_BEATS = 4
"""Two places are similar if the hitsounds up to a measure before and after them are."""
CELL_TICKS = 4
"""Hits are compared on a grid of 1/12 beat."""
NEAREST = 24
"""Places compared before and after each hit; with one per measure they cover a verse and a chorus."""
LEAST_SHARED = 4
LEAST_ALIKE = 0.8
LEAST_COVERED = 0.5
"""Two places are similar if at least `LEAST_SHARED` times have a hit around both, these are `LEAST_COVERED` of all
times with a hit around either, and at `LEAST_ALIKE` of them both sound the same."""


class Habits(msgspec.Struct, frozen=True):
    """Pairs of hits at similar places: same position in the measure and same sounds around, at another time."""

    hits: tuple[Hit, ...]
    pairs: tuple[np.ndarray, np.ndarray]
    """(n_pairs,) each: index of a hit, index of a hit at a similar place."""
    words: np.ndarray
    """(n_hits,) the sound at the time of each hit, as a number."""

    def votes(self, values: np.ndarray) -> np.ndarray:
        """Count the values of a property at the similar places of each hit.

        Args:
            values: (n_hits,) non-negative property of each hit.

        Returns:
            (n_hits, highest value + 1) number of similar places with each value; all 0 if they are on one side of the
            hit only, because a new section may begin there.
        """
        ours, theirs = self.pairs
        n = len(self.hits)
        width = int(values.max(initial=0)) + 1
        counts = np.bincount(ours * width + values[theirs], minlength=n * width).reshape(n, width).astype(float)
        before = np.bincount(ours[theirs < ours], minlength=n)
        after = np.bincount(ours[theirs > ours], minlength=n)
        counts[np.minimum(before, after) < LEAST_AROUND] = 0
        return counts


LEAST_AROUND = 2
"""Fewest similar places on either side of a hit that make a habit."""


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
    for position in distinct(positions):
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
    """Encode sounds as numbers; in taiko colour and size, in mania the additions of the whole chord."""
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
