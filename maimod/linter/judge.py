"""The judge: one learned probability for each place, from all evidence there.

For each category a logistic model and a sum of small boosted trees, of which the mean log-odds count. The numbers are in
`calibration.json` beside the weights of the generator; `maimod calibrate` fits them on planted mistakes
(:mod:`maimod.training.calibrate`). Plain numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from maimod.findings import Category
from maimod.linter.places import NAMES

WITHIN = (-4.0, 12.0)
"""Bounds of standardised features. Evidence on mistakes is skewed: strong doubts lie ten deviations from the mean."""


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


class Model(msgspec.Struct, frozen=True):
    """Model of one category."""

    features: list[str]
    """Names of the features that it uses."""
    mean: list[float]
    scale: list[float]
    """Features are standardised for the logistic part: (x - mean) / scale, within `WITHIN`."""
    weights: list[float]
    bias: float
    trees: Trees
    shift: dict[str, float] = {}
    slope: float = 1.0
    """Calibration: log-odds = slope * mean of both parts + shift of the mode."""


@dataclass(frozen=True)
class Judge:
    """Models by category."""

    models: Mapping[Category, Model]
    rules: frozenset[str]
    """Rules with mistakes of their kind in the training; others keep their own scores."""

    def logits(self, category: Category, features: np.ndarray, mode: str) -> np.ndarray:
        """Log-odds of a mistake.

        Args:
            category: of all places.
            features: (n_places, len(NAMES)) of :func:`maimod.linter.places.features`.
            mode: label of the game mode.

        Returns:
            (n_places,) natural logarithm.
        """
        model = self.models[category]
        chosen = features[:, [_COLUMNS[name] for name in model.features]]
        standard = np.clip((chosen - np.array(model.mean)) / np.array(model.scale), *WITHIN)
        linear = standard @ np.array(model.weights) + model.bias
        mean = (linear + tree_sum(model.trees, chosen)) / 2
        return np.asarray(model.slope * mean + model.shift.get(mode, 0.0))


_COLUMNS = {name: number for number, name in enumerate(NAMES)}


def check(models: Mapping[Category, Model]) -> None:
    """Check models that were read from a file.

    Raises:
        ValueError: if they do not fit this version's features or are not whole.
    """
    for category, model in models.items():
        unknown = [name for name in model.features if name not in _COLUMNS]
        n, nodes = len(model.features), len(model.trees.feature)
        numbers = [*model.mean, *model.scale, *model.weights, *model.trees.threshold, *model.shift.values()]
        if not all(map(math.isfinite, (*numbers, model.bias, model.slope, model.trees.start))):
            raise ValueError(f"{category.value}: a number that is not finite")
        children = [*model.trees.left, *model.trees.right, *model.trees.roots]
        if unknown:
            raise ValueError(f"unknown feature {unknown[0]!r}")
        if {len(model.mean), len(model.scale), len(model.weights)} != {n} or not all(model.scale):
            raise ValueError(f"{category.value}: mean, scale and weights do not fit its features")
        if (
            {len(model.trees.threshold), len(model.trees.left), len(model.trees.right)} != {nodes}
            or not all(-1 <= feature < n for feature in model.trees.feature)
            or not all(0 <= child < nodes for child in children)
            or any(
                feature >= 0 and min(left, right) <= node
                for node, (feature, left, right) in enumerate(
                    zip(model.trees.feature, model.trees.left, model.trees.right, strict=True)
                )
            )
        ):
            raise ValueError(f"{category.value}: damaged trees")


def tree_sum(trees: Trees, features: np.ndarray) -> np.ndarray:
    """Sum of all trees.

    Args:
        trees: of a model.
        features: (n_places, n_features) of that model, not standardised.

    Returns:
        (n_places,) log-odds.
    """
    feature, threshold = np.array(trees.feature), np.array(trees.threshold)
    limit, features = threshold.astype(np.float32), features.astype(np.float32)  # nine digits name a float32
    left, right = np.array(trees.left), np.array(trees.right)
    if not len(trees.roots):
        return np.full(len(features), trees.start)
    rows = np.arange(len(features))[:, None]
    node = np.tile(np.array(trees.roots), (len(features), 1))
    # Children have greater numbers than their parents (:func:`check`), so this ends.
    while (inner := feature[node] >= 0).any():
        goes_left = features[rows, np.maximum(feature[node], 0)] <= limit[node]
        node = np.where(inner, np.where(goes_left, left[node], right[node]), node)
    return np.asarray(trees.start + threshold[node].sum(axis=1))
