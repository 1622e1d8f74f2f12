"""The judge: one learned probability for each place, from all evidence there.

For each category a logistic model and a sum of small boosted trees, of which the weighted mean of the log-odds counts. What
is suspicious again and again in one map is its style, so its log-odds are lowered. The numbers are in `calibration.json` beside the weights of the generator; `maimod calibrate` fits them on planted mistakes
(:mod:`maimod.training.calibrate`). Plain numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from maimod.findings import Category
from maimod.linter.places import NAMES
from maimod.rules.trees import Trees, are_whole, tree_sum

WITHIN = (-4.0, 12.0)
"""Bounds of standardised features. Evidence on mistakes is skewed: strong doubts lie ten deviations from the mean."""

LINEAR_SHARE = 0.35
"""Weight of the logistic part in the mean. On places of songs that neither part had seen, recall at one false place a
minute is 43 % with 0.5, 45 % with 0.35, 41 % with the trees alone."""
USUAL_MISTAKES, STYLE_WEIGHT = 1.5, 0.5
"""Mistakes of a category that a map may have before its log-odds are lowered, and by which share of the logarithm of the
excess. With it recall at two false places a minute rises by 1 to 2 points, all by maps of unusual style."""


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
    """Calibration: log-odds = slope * weighted mean of both parts + shift of the mode."""
    apart: dict[str, Model] = {}
    """By the label of a mode: the parts of a mode whose mistakes of the category are of another nature, without calibration
    of their own."""

    def mean_logits(self, features: np.ndarray, mode: str) -> np.ndarray:
        """Weighted mean of both parts for places (n_places, len(NAMES)) of a mode."""
        parts = self.apart.get(mode, self)
        chosen = features[:, [_COLUMNS[name] for name in parts.features]]
        standard = np.clip((chosen - np.array(parts.mean)) / np.array(parts.scale), *WITHIN)
        linear = standard @ np.array(parts.weights) + parts.bias
        return np.asarray(LINEAR_SHARE * linear + (1 - LINEAR_SHARE) * tree_sum(parts.trees, chosen))


class Judge(msgspec.Struct, frozen=True):
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
        return np.asarray(model.slope * model.mean_logits(features, mode) + model.shift.get(mode, 0.0))

    def logits_of_map(self, category: Category, features: np.ndarray, mode: str) -> np.ndarray:
        """:meth:`logits` of all places of one map, lowered by :func:`style`."""
        logits = self.logits(category, features, mode)
        return logits - style(logits)


def style(logits: np.ndarray, versions: int = 1) -> float:
    """How much the log-odds of the places of a category are too high, because there are too many doubts in the map.

    Args:
        logits: of all places of a map, or of its versions.
        versions: their number.

    Returns:
        Natural logarithm, 0 if there are few doubts.
    """
    expected = float((1 / (1 + np.exp(-logits))).sum()) / max(versions, 1)
    return STYLE_WEIGHT * math.log(max(expected / USUAL_MISTAKES, 1.0))


_COLUMNS = {name: number for number, name in enumerate(NAMES)}


def check(models: Mapping[Category, Model]) -> None:
    """Check models that were read from a file.

    Raises:
        ValueError: if they do not fit this version's features or are not whole.
    """
    for category, model in [(c, part) for c, whole in models.items() for part in (whole, *whole.apart.values())]:
        unknown = [name for name in model.features if name not in _COLUMNS]
        n = len(model.features)
        numbers = [*model.mean, *model.scale, *model.weights, *model.shift.values()]
        if not all(map(math.isfinite, (*numbers, model.bias, model.slope))):
            raise ValueError(f"{category.value}: a number that is not finite")
        if unknown:
            raise ValueError(f"unknown feature {unknown[0]!r}")
        if {len(model.mean), len(model.scale), len(model.weights)} != {n} or not all(model.scale):
            raise ValueError(f"{category.value}: mean, scale and weights do not fit its features")
        if not are_whole(model.trees, n):
            raise ValueError(f"{category.value}: damaged trees")
