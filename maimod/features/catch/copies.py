"""What the copies of a passage of catch have at the place of an object: where it is, how the catcher gets there.

A figure that was mirrored or moved, or a hyperdash that was lost, is like no copy of its passage, while the objects around it
are; a copy counts the more, the more of these agree with it. Passages are often mirrored as a whole, so copies are compared as
they are and mirrored. Distances in osu! pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from maimod.features.catch import slips as catch_slips
from maimod.features.catch.slips import CATCHER_NAMES
from maimod.features.copies.passages import Passages
from maimod.features.mania.rows import AROUND_ROWS, NEARLY, around_rows, weighted_mean
from maimod.features.positions.slips import Measures
from maimod.osu.beatmap import WIDTH, Beatmap, HitObject

SAME_PX = 12.0
"""Places and distances this close are the same."""

NAMES = (
    # The place of the object.
    "same place",  # the copies that have it there: as they are, or mirrored, whichever agrees with the objects around
    "mirrored place",  # the other way round
    "place trust",  # sum of the weights
    "off",  # log2 of 1 + px from where the copies have the object
    # The movement to the object.
    "same distance",
    "longer",
    "shorter",
    "same way",  # to the same side, as the movements around agree with the copy
    "mirrored way",  # the other way round
    "way trust",  # sum of the weights
    "hyperdash",  # a hyperdash in the copies alone
    "no hyperdash",  # a hyperdash here alone
    "walked",  # walked in the copies alone, or here alone
)
"""Shares of the copies, each weighted by how many of the objects around agree with it."""

MOVEMENTS = NAMES[NAMES.index("same distance") :]
"""Those of the movement to the object."""
SLIP_NAMES = (*catch_slips.NAMES, *(f"copies {name}" for name in NAMES), *(f"copies next {name}" for name in MOVEMENTS))
"""Names of all by which :mod:`maimod.features.slip_model` finds objects that were moved; `next` is the movement on from the object."""


def measure(
    beatmap: Beatmap, objects: Sequence[HitObject], passages: Passages | None = None
) -> tuple[np.ndarray, Measures]:
    """Measure every object of a catch map, with what the copies have.

    Args:
        beatmap: gives the width of the catcher and the measures.
        objects: in order of time.
        passages: the copies of the measures; made of the objects alone if None.

    Returns:
        float32 (n_objects, len(SLIP_NAMES)), and the relations of :func:`maimod.features.catch.slips.measure`.
    """
    if passages is None:
        passages = Passages(replace(beatmap, hit_objects=tuple(objects)), None, 0.0, ())
    own, relations = catch_slips.measure(beatmap, objects)
    copies = features(objects, own[:, -len(CATCHER_NAMES) :], passages)
    following = np.zeros((len(objects), len(MOVEMENTS)))
    following[:-1] = copies[1:, -len(MOVEMENTS) :]
    return np.concatenate([own, copies, following], axis=1).astype(np.float32), relations


def features(objects: Sequence[HitObject], catcher: np.ndarray, passages: Passages) -> np.ndarray:
    """Measure every object.

    Args:
        objects: in order of time.
        catcher: (n_objects, len(CATCHER_NAMES)) of :mod:`maimod.features.catch.slips`.
        passages: the copies of the measures of their map.

    Returns:
        (n_objects, len(NAMES)); zeros where there are no copies.
    """
    if not passages.cells.count:
        return np.zeros((len(objects), len(NAMES)))
    partners = _partners(objects, passages)
    there, at = partners >= 0, np.maximum(partners, 0)
    x = np.array([o.x for o in objects])
    return np.concatenate([_places(x, x[at], there), _movements(x, catcher, there, at)], axis=1)


def _partners(objects: Sequence[HitObject], passages: Passages) -> np.ndarray:
    """(n_objects, n_copies) the object at the same place of each copy; -1 where there is none."""
    of_cell = np.full(passages.cells.count, -1)
    cells = passages.cells.of([o.time for o in objects])
    of_cell[cells] = np.arange(len(objects))
    copies = passages.copies_of(cells)
    return np.asarray(np.where(copies >= 0, of_cell[np.maximum(copies, 0)], -1))


def _places(x: np.ndarray, other: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(n_objects, 4) of the places `x` (n_objects,) and those of the copies (n_objects, n_copies)."""
    plain, mirrored = (there & (np.abs(place - x[:, None]) <= SAME_PX) for place in (other, WIDTH - other))
    weights = np.concatenate([_weights(there, plain), _weights(there, mirrored)], axis=1)
    expected = weighted_mean(np.concatenate([other, WIDTH - other], axis=1), weights)
    columns = (
        weighted_mean(np.concatenate([plain, mirrored], axis=1), weights),
        weighted_mean(np.concatenate([mirrored, plain], axis=1), weights),
        weights.sum(axis=1),
        np.where(there.any(axis=1), np.log2(1.0 + np.abs(expected - x)), 0.0),
    )
    return np.stack(columns, axis=1)


def _movements(x: np.ndarray, catcher: np.ndarray, there: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(n_objects, 9) of the movements to the objects and those of the copies, the objects `at` (n_objects, n_copies)."""
    there = there & (at > 0)  # nothing moves to the first object
    step = np.diff(x, prepend=x[:1])
    longer = np.abs(step[at]) - np.abs(step)[:, None]
    side = np.sign(step[at]) * np.sign(step)[:, None]
    same, way, other_way = there & (np.abs(longer) <= SAME_PX), there & (side > 0), there & (side < 0)
    weights = _weights(there, same & (way | other_way))
    # How much more the movements around go the same way than the other way; negative where the copy is mirrored.
    turned = around_rows(way.astype(float) - other_way, AROUND_ROWS)
    of_way = weights * np.abs(turned)
    hyper, walked = (catcher[:, CATCHER_NAMES.index(f"{name} in")] > 0.5 for name in ("hyperdash", "walked"))
    columns = (
        weighted_mean(same, weights),
        weighted_mean(longer > SAME_PX, weights),
        weighted_mean(longer < -SAME_PX, weights),
        weighted_mean(np.where(turned > 0, way, other_way), of_way),
        weighted_mean(np.where(turned > 0, other_way, way), of_way),
        of_way.sum(axis=1),
        weighted_mean(hyper[at] & ~hyper[:, None], weights),
        weighted_mean(~hyper[at] & hyper[:, None], weights),
        weighted_mean(walked[at] != walked[:, None], weights),
    )
    return np.stack(columns, axis=1)


def _weights(there: np.ndarray, agreed: np.ndarray) -> np.ndarray:
    """(n_objects, n_copies) by the square of the share of the objects around that agree with each copy."""
    return np.asarray(there * (around_rows(agreed.astype(float), AROUND_ROWS) ** 2 + NEARLY))
