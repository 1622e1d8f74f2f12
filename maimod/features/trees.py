"""Sums of small boosted trees as plain numbers: the form in which fitted models are kept and computed. Plain numpy."""

from __future__ import annotations

import math
from functools import cached_property

import msgspec
import numpy as np

ROWS_AT_ONCE = 1024
COMPARED_AT_ONCE = 256
"""Comparisons of so many rows that are made together: their features stay in a core's cache."""


class Trees(msgspec.Struct, frozen=True, dict=True):
    """Boosted trees, all nodes in flat lists; children follow their parents."""

    start: float
    """Log-odds before the first tree."""
    roots: list[int]
    feature: list[int]
    """Feature of each node by its number among the model's features; -1 for a leaf."""
    threshold: list[float]
    """A node goes left if the feature is at most this; of a leaf its value."""
    left: list[int]
    right: list[int]

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The lists, in order.

        Raises:
            OverflowError: if a number has more than 64 bits.
        """
        lists = (self.roots, self.feature, self.threshold, self.left, self.right)
        return tuple(np.array(one, dtype=float if one is self.threshold else np.int64) for one in lists)

    @cached_property
    def nodes(self) -> _Nodes:
        """The trees in the form in which they are computed."""
        return _Nodes.of(self)


def are_whole(trees: Trees, n_features: int) -> bool:
    """Whether trees from a file are finite and end, and use only features that there are."""
    nodes = len(trees.feature)
    if {len(trees.threshold), len(trees.left), len(trees.right)} != {nodes}:
        return False
    try:
        roots, feature, threshold, left, right = trees.arrays
    except OverflowError:
        return False
    later, is_inner = np.minimum(left, right) > np.arange(nodes), feature >= 0
    if not all(((children >= 0) & (children < nodes)).all() for children in (left, right, roots)):
        return False
    return bool(
        math.isfinite(trees.start)
        and np.isfinite(threshold).all()
        and ((feature >= -1) & (feature < n_features)).all()
        and (later | ~is_inner).all()
        and (np.bincount(np.concatenate([left[is_inner], right[is_inner], roots]), minlength=nodes) <= 1).all()
    )


class _Level(msgspec.Struct, frozen=True):
    """Nodes of all trees that are equally far from their roots."""

    inner: np.ndarray
    """Which of them compare."""
    condition: np.ndarray
    """What each of those compares."""
    leaves: np.ndarray
    """Which of them are leaves."""
    places: np.ndarray
    """Of those among the values."""


class _Nodes(msgspec.Struct, frozen=True):
    """Trees as arrays, for many rows at a time: each node has a bit for each row that comes to it."""

    feature: np.ndarray
    """(n_conditions,) a row goes left if this feature is at most the limit."""
    limit: np.ndarray
    levels: tuple[_Level, ...]
    """From the roots on. After a level come the left children of its inner nodes, then the right ones."""
    values: np.ndarray
    """(n_trees, n_leaves) of the leaves, as many for each tree as the largest has."""

    @classmethod
    def of(cls, trees: Trees) -> _Nodes:
        nodes, feature, value, left, right = trees.arrays
        is_inner = feature >= 0
        condition, tree = np.cumsum(is_inner) - 1, np.arange(len(nodes))
        found, reached = [], []
        while len(nodes):  # children have greater numbers than their parents, so this ends
            inner, leaves = np.flatnonzero(is_inner[nodes]), np.flatnonzero(~is_inner[nodes])
            asking = nodes[inner]
            found.append((inner, condition[asking], leaves))
            reached.append((tree[leaves], value[nodes[leaves]]))
            nodes, tree = np.concatenate([left[asking], right[asking]]), np.tile(tree[inner], 2)
        of_tree, of_leaf = (np.concatenate(part) for part in zip(*reached, strict=True))
        counts, order = np.bincount(of_tree), np.argsort(of_tree, kind="stable")
        number = np.empty(len(of_tree), dtype=np.intp)  # of a leaf in its tree
        number[order] = np.arange(len(of_tree)) - np.repeat(np.cumsum(counts) - counts, counts)
        values = np.zeros((len(counts), counts.max()))
        values[of_tree, number] = of_leaf
        places = np.split(of_tree * values.shape[1] + number, np.cumsum([len(leaves) for *_, leaves in found])[:-1])
        levels = tuple(_Level(*level, own) for level, own in zip(found, places, strict=True))
        limit = value[is_inner].astype(np.float32)  # nine digits name a float32
        return cls(feature[is_inner], limit, levels, values)

    def leaves_of(self, features: np.ndarray) -> np.ndarray:
        """(n_trees, n_rows) places of the leaves to which rows (n_rows, n_features) come."""
        columns = np.ascontiguousarray(features.T, dtype=np.float32)
        n_trees, width = self.values.shape
        n_bytes = -(-len(features) // 8)
        goes_left = np.empty((len(self.feature), n_bytes), dtype=np.uint8)
        for at in range(0, len(self.feature), COMPARED_AT_ONCE):
            part = slice(at, at + COMPARED_AT_ONCE)
            goes_left[part] = np.packbits(columns[self.feature[part]] <= self.limit[part, None], axis=1)
        comes = np.full((n_trees, n_bytes), 255, dtype=np.uint8)
        ends = np.zeros((n_trees * width, n_bytes), dtype=np.uint8)
        for level in self.levels:
            ends[level.places] = comes[level.leaves]
            comes = comes[level.inner]
            left = comes & goes_left[level.condition]
            comes = np.concatenate([left, comes ^ left])
        # A row comes to one leaf of each tree, whose number is found bit by bit.
        ends = ends.reshape(n_trees, width, n_bytes)
        number = np.zeros((n_trees, len(features)), dtype=np.uint16)
        for bit in range((width - 1).bit_length()):
            has_bit = np.bitwise_or.reduce(ends[:, np.arange(width) >> bit & 1 == 1], axis=1)
            number |= np.unpackbits(has_bit, axis=1, count=len(features)).astype(np.uint16) << bit
        return np.arange(n_trees)[:, None] * width + number


def tree_sum(trees: Trees, features: np.ndarray) -> np.ndarray:
    """Sum of all trees.

    Args:
        trees: of a model, for which :func:`are_whole` holds.
        features: (n_rows, n_features) of that model.

    Returns:
        (n_rows,) log-odds.
    """
    total = np.full(len(features), trees.start)
    for start in range(0, len(features) if trees.roots else 0, ROWS_AT_ONCE):
        nodes, rows = trees.nodes, slice(start, start + ROWS_AT_ONCE)
        total[rows] += nodes.values.take(nodes.leaves_of(features[rows])).sum(axis=0)
    return total
