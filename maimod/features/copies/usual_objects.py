"""Objects that are as in most of the similar measures, the copies of :mod:`maimod.features.copies.passages`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.features.copies.cells import KIND_NUMBERS
from maimod.features.copies.passages import Passages
from maimod.osu.beatmap import HitObject

LEAST_ALIKE, MOST_ALIKE = 3, 0.75
"""So many objects at the same place of similar measures, and this share of them, make an object usual there."""


def same_lengths(passages: Passages, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For the objects in cells (n,): how many objects at the same place of similar measures last as long, and how many there
    are, (n,) each."""
    heads, valid = passages.in_copies("head", cells)
    seen, _ = passages.in_copies("length", cells)
    there = valid & heads
    return (there & (seen == passages.own.length[cells][:, None])).sum(axis=1), there.sum(axis=1)


def usual_objects(passages: Passages, objects: Sequence[HitObject]) -> frozenset[int]:
    """Indices of the objects of which most of several similar measures have the same kind, of the same length, at their place.

    Args:
        passages: of the map.
        objects: of the map.
    """
    if not passages.cells.count:
        return frozenset()
    kinds = np.array([KIND_NUMBERS[o.kind] for o in objects])
    cells = passages.cells.of([o.time for o in objects])
    same, of = same_lengths(passages, cells)
    seen, valid = passages.in_copies("kind", cells)
    alike = (valid & (seen == kinds[:, None])).sum(axis=1)
    is_usual = (of >= LEAST_ALIKE) & (np.minimum(same, alike) >= MOST_ALIKE * of)
    return frozenset(objects[number].index for number in np.flatnonzero(is_usual).tolist())
