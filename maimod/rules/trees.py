"""Sums of small boosted trees as plain numbers: the form in which fitted models are kept and computed. Plain numpy."""

from __future__ import annotations

import math

import msgspec
import numpy as np


class Trees(msgspec.Struct, frozen=True):
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


def tree_sum(trees: Trees, features: np.ndarray) -> np.ndarray:
    """Sum of all trees.

    Args:
        trees: of a model, for which :func:`are_whole` holds.
        features: (n_rows, n_features) of that model.

    Returns:
        (n_rows,) log-odds.
    """
    feature, threshold = np.array(trees.feature), np.array(trees.threshold)
    limit, features = threshold.astype(np.float32), features.astype(np.float32)  # nine digits name a float32
    left, right = np.array(trees.left), np.array(trees.right)
    if not len(trees.roots):
        return np.full(len(features), trees.start)
    rows = np.arange(len(features))[:, None]
    node = np.tile(np.array(trees.roots), (len(features), 1))
    # Children have greater numbers than their parents, so this ends.
    while (inner := feature[node] >= 0).any():
        goes_left = features[rows, np.maximum(feature[node], 0)] <= limit[node]
        node = np.where(inner, np.where(goes_left, left[node], right[node]), node)
    return np.asarray(trees.start + threshold[node].sum(axis=1))
