"""Finishers of taiko: how likely a note is a big one by the notes a whole number of measures away, and by the gap after it.

A finisher marks a strong sound, and strong sounds come again after a measure, a phrase or a section. Those a power of two
measures away say most. Every note is compared without itself. Natural logarithms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.features.mania.rows import Rows
from maimod.osu.beatmap import HitObject
from maimod.osu.hitsounds import FINISH

MEASURES = 32
"""Measures on either side that are compared."""
NEAR_MEASURES = 16.0
"""The weight of a measure falls to 1/e of it so many measures away."""
PHRASES = ((2, 1.0), (4, 2.0), (8, 3.0), (16, 2.0))
"""Weight that is added to measures a multiple of so many measures away."""
PRIOR_WEIGHT, PRIOR_NOTES = 2.0, 4.0
"""Weight of the share of finishers among notes with the same gap after them, and of all notes beside these."""
LEAST_SHARE = 0.003
NOT = -8.0
"""Where a note is not of the kind that could be wrong."""

NAMES = (
    "odds",  # log-odds of a finisher
    "lost",  # these where the note is none
    "added",  # their opposite where it is one
    "late",  # how much likelier the finishers of the note and of a neighbour were if they were exchanged
    "phrase",  # share of finishers among the notes a number of measures away
    "gap share",  # among those with the same gap after them
)
"""Names of the features."""


def features(rows: Rows, notes: Sequence[HitObject]) -> np.ndarray:
    """Measure every note.

    Args:
        rows: of the notes, one note each.
        notes: with their sounds, in the same order.

    Returns:
        (n_notes, len(NAMES)).
    """
    big = np.array([bool(o.hitsound & FINISH) for o in notes])
    big = np.bincount(rows.row_of, weights=big, minlength=rows.count) > 0
    of_gap = _by_gap(rows, big)
    distance = np.concatenate([np.arange(-MEASURES, 0), np.arange(1, MEASURES + 1)])
    weights = np.exp(-np.abs(distance) / NEAR_MEASURES) * (
        1.0 + sum(extra * (distance % step == 0) for step, extra in PHRASES)
    )
    wanted = rows.tick[:, None] + distance * rows.measure[:, None]
    index = np.minimum(np.searchsorted(rows.tick, wanted), rows.count - 1)
    there = (rows.tick[index] == wanted) * weights
    total = there.sum(axis=1)
    hits = (there * big[index]).sum(axis=1)
    share = np.clip((hits + PRIOR_WEIGHT * of_gap) / (total + PRIOR_WEIGHT), LEAST_SHARE, 1 - LEAST_SHARE)
    odds = np.log(share / (1 - share))
    gain = np.where(big, -odds, odds)
    pair = np.where(big[1:] != big[:-1], gain[1:] + gain[:-1], NOT)
    late = np.maximum(np.concatenate([[NOT], pair]), np.concatenate([pair, [NOT]]))
    found = {
        "odds": odds,
        "lost": np.where(big, NOT, odds),
        "added": np.where(big, -odds, NOT),
        "late": late,
        "phrase": hits / np.maximum(total, 1e-6),
        "gap share": of_gap,
    }
    return np.stack([found[name][rows.row_of] for name in NAMES], axis=1)


def _by_gap(rows: Rows, big: np.ndarray) -> np.ndarray:
    """(n_rows,) share of finishers among the other rows with the same gap after them."""
    gaps = np.unique(rows.ticks_between[1:], return_inverse=True)[1]
    count, hits = np.bincount(gaps)[gaps] - 1, np.bincount(gaps, weights=big)[gaps] - big
    return np.asarray((hits + PRIOR_NOTES * big.mean()) / (count + PRIOR_NOTES))
