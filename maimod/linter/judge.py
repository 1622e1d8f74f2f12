"""The judge: one learned probability for each place, from all evidence there.

For each category small neural networks and a sum of boosted trees, of which the weighted mean of the log-odds counts. What
is doubted again and again in one map is its style, so a place is then compared with the others of its map (:func:`standing`).
The numbers are in `calibration.json` beside the weights of the generator; `maimod calibrate` fits them on planted mistakes
(:mod:`maimod.training.calibrate`). Plain numpy.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import msgspec
import numpy as np

from maimod.features.models.layers import Layer, Scaling
from maimod.features.models.trees import Trees, are_whole, tree_sum
from maimod.findings import Category
from maimod.linter.places import NAMES

NETWORK_SHARE = 0.4
"""Weight of the networks in the mean. On songs that neither part had seen, more of them finds more mistakes of kinds that they were
taught (rhythm, at 0.1 false places a minute: 45 % at 0.3, 49 % at 0.5) and fewer of others (sliders, at 0.3 a minute: 70 and 68 %)."""
PLACES_AHEAD = (1, 3, 8, 26)
"""A place is compared with the other place of its map and category that has this rank by log-odds."""
NO_PLACE = -9.0
"""Log-odds where a map has fewer places than that."""
FURTHEST = 8.0
STRONG = 4.0
"""Log-odds of a rule's measure that are as strong as any."""


class Network(Scaling, frozen=True, dict=True):
    """Networks with the same inputs and hidden layers; the mean of their outputs counts."""

    members: list[list[Layer]]
    """Layers of each, the last with one unit."""
    bias: float = 0.0
    """Added to the mean."""

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(n,) log-odds for (n, n_features)."""
        standard = self.standard(features)
        total = np.zeros(len(features), dtype=standard.dtype)
        for *hidden, last in self.members:
            values = standard
            for layer in hidden:
                values = np.maximum(layer.of_inputs(values), 0)
            total += last.of_inputs(values)[:, 0]
        return np.asarray(total / len(self.members) + self.bias)

    def check(self, n_features: int) -> None:
        """Check numbers that were read from a file.

        Raises:
            ValueError: if they do not fit together or are not finite.
        """
        fits = self.fits(n_features) and bool(self.members)
        for layers in self.members:
            sizes = [n_features, *(len(layer.offsets) for layer in layers)]
            fits &= bool(layers) and sizes[-1] == 1
            fits &= all(layer.has_inputs(inputs) for inputs, layer in zip(sizes, layers, strict=False))
        if not fits or not math.isfinite(self.bias):
            raise ValueError("the numbers of its network do not fit its features")


class Model(msgspec.Struct, frozen=True):
    """Model of one category."""

    features: list[str]
    """Names of the features that it uses."""
    network: Network
    trees: Trees
    slope: float = 1.0
    ahead: tuple[float, ...] = (0.0,) * len(PLACES_AHEAD)
    shift: dict[str, float] = {}
    """Calibration: log-odds = slope * weighted mean of both parts + ahead * :func:`standing` + shift of the mode + what rules add."""
    by_rule: dict[str, float] = {}
    """Log-odds that the strongest measure of a rule adds (:func:`strength_of`): both parts trust too little what few mistakes show."""
    apart: dict[str, Model] = {}
    """By the label of a mode: the parts of a mode whose mistakes of the category are of another nature, without calibration
    of their own."""

    def mean_logits(self, features: np.ndarray, mode: str) -> np.ndarray:
        """Weighted mean of both parts for places (n_places, len(NAMES)) of a mode."""
        parts = self.apart.get(mode, self)
        chosen = features[:, [_COLUMNS[name] for name in parts.features]]
        return NETWORK_SHARE * parts.network.logits(chosen) + (1 - NETWORK_SHARE) * tree_sum(parts.trees, chosen)


class Judge(msgspec.Struct, frozen=True):
    """Models by category."""

    models: Mapping[Category, Model]
    rules: frozenset[str]
    """Rules with mistakes of their kind in the training; others keep their own scores."""

    def logits(self, category: Category, features: np.ndarray, mode: str) -> np.ndarray:
        """Log-odds of a mistake.

        Args:
            category: of all places.
            features: (n_places, len(NAMES)) of :func:`maimod.linter.places.features`, all places of the category in one map.
            mode: label of the game mode.

        Returns:
            (n_places,) natural logarithm.
        """
        model = self.models[category]
        logits = model.mean_logits(features, mode)
        of_rules = strength_of(features, model.by_rule) @ np.array(list(model.by_rule.values()))
        calibrated = model.slope * logits + standing(logits) @ np.array(model.ahead) + model.shift.get(mode, 0.0)
        return np.asarray(calibrated + of_rules)


def standing(logits: np.ndarray) -> np.ndarray:
    """By how much places stand out from the others of their map.

    Args:
        logits: of all places of a category in one map.

    Returns:
        (n_places, len(PLACES_AHEAD)): log-odds less those of the strongest, the third, ... of the other places, within
        `FURTHEST`.
    """
    ordered = np.concatenate([np.sort(logits)[::-1], np.full(max(PLACES_AHEAD) + 1, NO_PLACE)])
    rank = np.searchsorted(-ordered, -logits)
    others = [np.where(rank < number, ordered[number], ordered[number - 1]) for number in PLACES_AHEAD]
    return np.clip(logits[:, None] - np.stack(others, axis=1), -FURTHEST, FURTHEST)


def strength_of(features: np.ndarray, rules: Collection[str]) -> np.ndarray:
    """(n_places, n_rules) from 0 to 1: how strong the measure of each rule is; 0 without a candidate or with log-odds of -`STRONG`."""
    own = features[:, [_COLUMNS[f"rule {rule}"] for rule in rules]]
    return np.asarray((np.clip(own, -STRONG, STRONG) + STRONG) / (2 * STRONG))


_COLUMNS = {name: number for number, name in enumerate(NAMES)}


def check(models: Mapping[Category, Model]) -> None:
    """Check models that were read from a file.

    Raises:
        ValueError: if they do not fit this version's features or are not whole.
    """
    for category, model in [(c, part) for c, whole in models.items() for part in (whole, *whole.apart.values())]:
        names = [*model.features, *(f"rule {rule}" for rule in model.by_rule)]
        unknown = [name for name in names if name not in _COLUMNS]
        if unknown:
            raise ValueError(f"unknown feature {unknown[0]!r}")
        n = len(model.features)
        try:
            model.network.check(n)
        except ValueError as error:
            raise ValueError(f"{category.value}: {error}") from None
        if not all(map(math.isfinite, (model.slope, *model.ahead, *model.shift.values(), *model.by_rule.values()))):
            raise ValueError(f"{category.value}: a number that is not finite")
        if len(model.ahead) != len(PLACES_AHEAD):
            raise ValueError(
                f"{category.value}: {len(model.ahead)} weights of places ahead, {len(PLACES_AHEAD)} expected"
            )
        if not are_whole(model.trees, n):
            raise ValueError(f"{category.value}: damaged trees")
