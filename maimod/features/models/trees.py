"""Sums of small boosted trees as plain numbers: the form in which fitted models are kept and computed. Plain numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np

ROWS_AT_ONCE = 1024
COMPARED_AT_ONCE = 256
"""Comparisons of so many rows that are made together: their features stay in a core's cache."""

NODE = np.dtype([("feature", "<i2"), ("left", "<u2"), ("right", "<u2"), ("value", "<f8")])
"""A node in a file: its feature by the number among the model's features, -1 for a leaf; how many nodes further on its children are, 0 for
a leaf; up to which value a row goes left, of a leaf what it adds."""


class Trees(msgspec.Struct, frozen=True, dict=True):
    """Boosted trees, the nodes of one after those of the other; children follow their parents."""

    start: float
    """Log-odds before the first tree."""
    nodes: bytes = b""
    """Each a `NODE`; what is no child is the root of a tree. Base64 in the file: lists of numbers take six times as long to read."""

    @classmethod
    def of(
        cls, start: float, feature: Sequence[int], value: Sequence[float], left: Sequence[int], right: Sequence[int]
    ) -> Trees:
        """From a list with a number for each node for each part; children by their number among all nodes."""
        nodes, own = np.empty(len(feature), dtype=NODE), np.arange(len(feature))
        nodes["feature"], nodes["value"] = feature, value
        for name, children in (("left", left), ("right", right)):
            nodes[name] = np.maximum(np.array(children, dtype=np.intp) - own, 0)
        return cls(start, nodes.tobytes())

    @cached_property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Feature and value of each node; numbers of the inner nodes, and of the left and the right child of each of those."""
        nodes = np.frombuffer(self.nodes, NODE)
        feature, value = nodes["feature"], nodes["value"]
        inner = np.flatnonzero(feature >= 0)
        return feature, value, inner, *(inner + nodes[name][inner] for name in ("left", "right"))

    @cached_property
    def by_level(self) -> _Nodes:
        """The trees in the form in which they are computed."""
        return _Nodes.of(self)


def are_whole(trees: Trees, n_features: int) -> bool:
    """Whether trees from a file are finite and end, and use only features that there are."""
    if len(trees.nodes) % NODE.itemsize:
        return False
    feature, value, inner, left, right = trees.arrays
    follow = (np.minimum(left, right) > inner).all() and (np.maximum(left, right) < len(feature)).all()
    return bool(
        math.isfinite(trees.start)
        and np.isfinite(value).all()
        and ((feature >= -1) & (feature < n_features)).all()
        and follow
        and len(left) + len(right) + _roots(trees).sum() == len(feature)  # no child has two parents
    )


def _roots(trees: Trees) -> np.ndarray:
    """(n_nodes,) whether each is the root of a tree."""
    feature, _, _, left, right = trees.arrays
    result = np.ones(len(feature), dtype=bool)
    result[left] = result[right] = False
    return result


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
        feature, value, inner_nodes, left, right = trees.arrays
        is_inner, nodes = feature >= 0, np.flatnonzero(_roots(trees))
        condition, tree = np.cumsum(is_inner) - 1, np.arange(len(nodes))
        found, reached = [], []
        while len(nodes):  # children have greater numbers than their parents, so this ends
            inner, leaves = np.flatnonzero(is_inner[nodes]), np.flatnonzero(~is_inner[nodes])
            asking = condition[nodes[inner]]
            found.append((inner, asking, leaves))
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
        limit = value[inner_nodes].astype(np.float32)  # nine digits name a float32
        return cls(feature[inner_nodes], limit, levels, values)

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
    for start in range(0, len(features) if trees.nodes else 0, ROWS_AT_ONCE):
        nodes, rows = trees.by_level, slice(start, start + ROWS_AT_ONCE)
        total[rows] += nodes.values.take(nodes.leaves_of(features[rows])).sum(axis=0)
    return total
