"""What the other difficulties of a set have where a note of mania is held: whether they hold a note there, and until when.

The difficulties follow the same song, so a sound that is held in one is often held as long in another. How far that is so differs
from set to set: what a difficulty has counts as much as this map agrees with it elsewhere, without the note itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.features.mania.rows import Rows
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.osu.timing import SAME_BEAT_MS, are_near

SAME_END_MS = 10.0
"""Ends this close are one: they are rounded more often than starts."""
PRIOR_NOTES = 4.0
"""Weight of the share of the whole map beside the share at places where a difficulty has the same, in notes."""
MOST_OTHERS = 8
LEAST_HOLDS = 3
"""Of a difficulty that tells where notes are held."""

NAMES = (
    "holds",  # difficulties that start a hold at the same time
    "notes",  # that start only notes then
    "held odds",  # log-odds, more than in the whole map, that a note is held by what they have there; of a hold their opposite
    # Difficulties with a hold that starts then, each with the share of the other such holds that end alike.
    "same end",
    "other end",
    "border",  # share of the difficulties in which something starts or ends at the release, less that of all holds of the map
)
"""Names of the features. Odds are natural logarithms."""


def features(rows: Rows, others: Sequence[Beatmap]) -> np.ndarray:
    """Measure every note.

    Args:
        rows: of the notes.
        others: the other difficulties of the set and mode.

    Returns:
        (n_notes, len(NAMES)); zeros where no other difficulty has holds.
    """
    found = {name: np.zeros(len(rows.notes)) for name in NAMES}
    compared = 0
    for other in others[:MOST_OTHERS]:
        holds = [o for o in other.hit_objects if o.kind is ObjectKind.HOLD]
        if len(holds) < LEAST_HOLDS:
            continue
        compared += 1
        _add(found, rows, other.hit_objects, holds)
    if compared:
        found["border"] /= compared
    return np.stack([found[name] for name in NAMES], axis=1)


def _add(found: dict[str, np.ndarray], rows: Rows, objects: Sequence[HitObject], holds: Sequence[HitObject]) -> None:
    """Add what one difficulty has."""
    is_hold = rows.is_hold
    ends_of = _ends_at(rows.start, holds)
    holds_there = np.array([len(ends) > 0 for ends in ends_of])
    notes_there = are_near(rows.start, [o.time for o in objects], SAME_BEAT_MS) & ~holds_there
    found["holds"] += holds_there
    found["notes"] += notes_there
    for there in (holds_there, notes_there):
        found["held odds"] += np.where(there, _held_odds(is_hold, there), 0.0)
    both = is_hold & holds_there
    pairs = zip(ends_of, rows.end.tolist(), strict=True)
    same = both & np.array([bool((np.abs(ends - end) <= SAME_END_MS).any()) for ends, end in pairs])
    share = (same.sum() - same) / np.maximum(both.sum() - both, 1)
    found["same end"] += np.where(same, share, 0.0)
    found["other end"] += np.where(both & ~same, share, 0.0)
    if is_hold.any():
        border = are_near(rows.end, [o.time for o in objects] + [o.end_time for o in holds], SAME_END_MS)
        found["border"] += np.where(is_hold, border - border[is_hold].mean(), 0.0)


def _ends_at(times: np.ndarray, holds: Sequence[HitObject]) -> list[np.ndarray]:
    """Ends [ms] of the holds that start at each time."""
    starts, ends = (np.array(values) for values in zip(*sorted((o.time, o.end_time) for o in holds), strict=True))
    first, last = (
        np.searchsorted(starts, times - SAME_BEAT_MS),
        np.searchsorted(starts, times + SAME_BEAT_MS, side="right"),
    )
    return [ends[low:high] for low, high in zip(first.tolist(), last.tolist(), strict=True)]


def _held_odds(is_hold: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(n_notes,) by how much likelier than elsewhere a note is held at such a place, by the other notes there; of a hold the opposite."""
    mean = float(np.clip(is_hold.mean(), 0.01, 0.99))
    share = (is_hold[there].sum() - is_hold + PRIOR_NOTES * mean) / (max(int(there.sum()), 1) - 1 + PRIOR_NOTES)
    share = np.clip(share, 0.01, 0.99)
    odds = np.log(share / (1 - share)) - np.log(mean / (1 - mean))
    return np.asarray(np.where(is_hold, -odds, odds))
