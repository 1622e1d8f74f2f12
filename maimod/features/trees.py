"""Sums of small boosted trees as plain numbers: the form in which fitted models are kept and computed. Plain numpy."""

from __future__ import annotations

import math
from functools import cached_property

import msgspec
import numpy as np

NODES_AT_ONCE = 1 << 14
"""Nodes of all trees and some rows, which stay in a core's cache."""


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
    def nodes(self) -> _Nodes:
        """The trees in the form in which they are computed."""
        return _Nodes.of(self)


def are_whole(trees: Trees, n_features: int) -> bool:
    """Whether trees from a file are finite and end, and use only features that there are."""
    nodes = len(trees.feature)
    if {len(trees.threshold), len(trees.left), len(trees.right)} != {nodes}:
        return False
    lists = (trees.feature, trees.left, trees.right, trees.roots)
    try:
        feature, left, right, roots = (np.array(one, dtype=np.int64) for one in lists)
    except OverflowError:
        return False
    later = np.minimum(left, right) > np.arange(nodes)
    return bool(
        math.isfinite(trees.start)
        and np.isfinite(np.array(trees.threshold, dtype=float)).all()
        and ((feature >= -1) & (feature < n_features)).all()
        and all(((children >= 0) & (children < nodes)).all() for children in (left, right, roots))
        and (later | (feature < 0)).all()
    )


class _Nodes(msgspec.Struct, frozen=True):
    """Trees as arrays with two places for each node, so that adding a comparison to a place leads to where the child is
    found; a leaf leads to itself."""

    feature: np.ndarray
    limit: np.ndarray
    values: np.ndarray
    children: np.ndarray
    """Places; the right child of a node comes first."""
    roots: np.ndarray
    depth: int

    @classmethod
    def of(cls, trees: Trees) -> _Nodes:
        feature, values = np.array(trees.feature), np.array(trees.threshold)
        is_leaf, own = feature < 0, np.arange(len(feature))
        left, right = (np.where(is_leaf, own, np.array(children)) for children in (trees.left, trees.right))
        depth, level = 0, np.zeros(len(feature), dtype=bool)
        level[trees.roots] = True
        while (level & ~is_leaf).any():  # children have greater numbers than their parents, so this ends
            following = np.zeros_like(level)
            following[left[level]] = following[right[level]] = True
            level, depth = following, depth + 1
        limit = values.astype(np.float32)  # nine digits name a float32
        return cls(
            np.repeat(np.maximum(feature, 0), 2),
            np.repeat(limit, 2),
            np.repeat(values, 2),
            2 * np.stack([right, left], axis=1).ravel(),
            2 * np.array(trees.roots),
            depth,
        )


def tree_sum(trees: Trees, features: np.ndarray) -> np.ndarray:
    """Sum of all trees.

    Args:
        trees: of a model, for which :func:`are_whole` holds.
        features: (n_rows, n_features) of that model.

    Returns:
        (n_rows,) log-odds.
    """
    if not trees.roots:
        return np.full(len(features), trees.start)
    nodes, features = trees.nodes, np.ascontiguousarray(features, dtype=np.float32)
    total = np.empty(len(features))
    count = max(1, NODES_AT_ONCE // len(nodes.roots))
    for start in range(0, len(features), count):
        block = features[start : start + count]
        first = (np.arange(len(block)) * features.shape[1])[:, None]
        node = np.tile(nodes.roots, (len(block), 1))
        place = np.empty_like(node)
        for _ in range(nodes.depth):
            # All places exist; "clip" is the mode in which numpy writes straight into `out`.
            nodes.feature.take(node, out=place, mode="clip")
            place += first
            node += block.take(place, mode="clip") <= nodes.limit.take(node, mode="clip")
            nodes.children.take(node, out=place, mode="clip")
            node, place = place, node
        total[start : start + len(block)] = nodes.values.take(node, mode="clip").sum(axis=1)
    return trees.start + total
