"""Fit the judge (:mod:`maimod.linter.judge`) to the examples of :mod:`maimod.training.calibrate`.

Examples are weighted as if each map had `PRIOR` mistakes
in each category, all kinds equally often, so the probabilities are those of maps that are nearly finished.

Needs scikit-learn (`pip install "maimod[train]"`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import msgspec
import numpy as np

from maimod.errors import UsageError
from maimod.findings import Category
from maimod.linter.judge import WITHIN, Judge, Model, style
from maimod.linter.places import CATEGORIES, NAMES
from maimod.osu.beatmap import Mode
from maimod.rules import RULES
from maimod.rules.trees import Trees

PRIOR = 0.7
"""Mistakes of each category in a map."""
FOLDS = 4
MOST_OTHERS = 30_000
"""Places without a mistake that are used in one fit, each with a higher weight instead of the rest."""
PENALTY, PENALTY_OF_EVIDENCE = 60.0, 6.0
"""Of the squared weights of the logistic part: of the surroundings, and of the evidence on the mistake itself."""
TREES = {"max_iter": 200, "max_leaf_nodes": 8, "learning_rate": 0.05, "max_features": 0.2, "l2_regularization": 10.0}
LEAST_LEAF = 20
BITS_OF = {
    Category.RHYTHM: ("time", "end", "kind"),
    Category.POSITIONS: ("position", "column"),
    Category.NEW_COMBOS: ("combo",),
    Category.SLIDERS: ("anchor", "end", "speed"),
    Category.HITSOUNDS: ("sound", "edge_sound", "volume"),
    Category.SCROLL_SPEED: ("speed",),
    Category.KIAI: (),
}
"""Groups of events that are evidence on mistakes of a category."""
SLIPS_OF = {
    Category.POSITIONS: ("position",),
    Category.SLIDERS: ("shape",),
    Category.RHYTHM: ("chord", "end"),
    Category.HITSOUNDS: ("colour",),
}
"""Slips that are evidence on mistakes of a category."""
LEAST_POSITIVES = 30
"""With fewer examples a category keeps the scores of its rules."""
APART = {Category.POSITIONS: (Mode.MANIA.label,)}
"""Modes that are fitted apart from the others. A column has nothing in common with a place on the playfield: with 70 maps of
mania, on songs left out of the fit, recall of mistakes in columns at 0.25 false places a minute rises from 27 to 35 %. Rhythm of
mania is no better apart (37 and 38 %)."""
LEAST_OF_RULE = 5
"""A rule that was the strongest at fewer mistakes keeps its own scores."""
UNSEEN_WEIGHT = 3.0
"""Of examples in maps that no network was trained on, beside 1 for the others: a network is surer of what it has seen. Such
maps also set the calibration, if they have enough mistakes: with all maps, scores of 0.6 to 0.8 were right in 0.5 to 0.7 of
unseen maps and in 0.8 to 0.9 of the others."""
CALIBRATION_PENALTY = 4.0
"""Of the squared distance of slope and shifts from 1 and 0."""
CALIBRATION_ROUNDS = 4
UNTOUCHED = ""
"""Kind of the places without a mistake."""


@dataclass(frozen=True)
class Examples:
    """Places of one map and of changed copies of it."""

    map: str
    song: str
    mode: str
    minutes: float
    """Drain time of one version."""
    features: np.ndarray
    """float32 (n, len(NAMES))."""
    categories: np.ndarray
    """(n,) index into `CATEGORIES`."""
    kinds: tuple[str, ...]
    """Name of the planted mistake of each place, `UNTOUCHED` for those without one."""
    rules: tuple[str, ...]
    """Rule of the strongest candidate of each place."""
    planted: Counter[str]
    """Number of planted mistakes by name, those without a place included."""
    versions: int = 1
    """The map and its copies."""
    unseen: bool = True
    """Whether no network was trained on the map."""


# ---------------------------------------------------------------------------------------------------------------------
# Fitting


@dataclass(frozen=True)
class _Data:
    """All examples of one category."""

    category: Category
    features: np.ndarray
    real: np.ndarray
    weights: np.ndarray
    songs: np.ndarray
    modes: np.ndarray
    maps: np.ndarray
    """Number of the map of each example."""
    versions: np.ndarray
    """Of that map."""
    unseen: np.ndarray
    """Whether no network was trained on that map."""

    def only(self, rows: np.ndarray) -> _Data:
        """Some of the examples."""
        arrays = ("features", "real", "weights", "songs", "modes", "maps", "versions", "unseen")
        return replace(self, **{name: getattr(self, name)[rows] for name in arrays})


def _data(examples: Sequence[Examples], category: Category, without: frozenset[str] = frozenset()) -> _Data:
    number = CATEGORIES.index(category)
    chosen = [one.categories == number for one in examples]
    kinds = np.array([k for one, own in zip(examples, chosen, strict=True) for k in np.array(one.kinds)[own].tolist()])
    kept = ~np.isin(kinds, list(without))
    features = np.concatenate([one.features[own] for one, own in zip(examples, chosen, strict=True)])[kept]
    songs = np.concatenate([np.full(own.sum(), one.song) for one, own in zip(examples, chosen, strict=True)])[kept]
    modes = np.concatenate([np.full(own.sum(), one.mode) for one, own in zip(examples, chosen, strict=True)])[kept]
    maps = np.concatenate([np.full(own.sum(), number) for number, own in enumerate(chosen)])[kept]
    kinds = kinds[kept]
    real = kinds != UNTOUCHED
    weights = np.ones(len(kinds))
    # By mode: a mode with few mistakes must not look as if it had none.
    for mode in set(modes.tolist()):
        versions = sum(one.versions for one in examples if one.mode == mode)
        counts = Counter(kinds[(modes == mode) & real].tolist())
        for kind, count in counts.items():
            weights[(modes == mode) & (kinds == kind)] = PRIOR * versions / len(counts) / count
    versions = np.array([one.versions for one in examples])[maps]
    unseen = np.array([one.unseen for one in examples])[maps]
    return _Data(category, features, real, weights, songs, modes, maps, versions, unseen)


def directions(category: Category) -> dict[str, int]:
    """Evidence on mistakes of a category: 1 if more of the feature can only raise the score, -1 if it can only lower it.

    Without this, rare mistakes teach that strong evidence of one kind is weak evidence of another.
    """
    rules = [rule for rule in RULES.values() if rule.category is category]
    kinds = {kind for rule in rules for kind in rule.corruptions}
    more = ["own_best", "both_best", f"here {category.value}", *(f"rule {rule.id}" for rule in rules)]
    more += [f"{place} {kind}" for place in ("slot", "near", "wide") for kind in kinds]
    more += [f"bits {group}" for group in BITS_OF[category]]
    slips = [f"slip {what}" for what in SLIPS_OF.get(category, ())]
    more += [f"{slip} {name}" for slip in slips for name in ("log-odds", "lead")]
    less = ["own_rank", "both_rank", *(f"rank {kind}" for kind in kinds)]
    less += [f"rank {group} bits" for group in BITS_OF[category]]
    less += [f"{slip} {name}" for slip in slips for name in ("rank", "a minute")]
    return {name: sign for names, sign in ((more, 1), (less, -1)) for name in names if name in NAMES}


def _fit_parts(data: _Data, rows: np.ndarray, seed: int) -> Model:
    """Fit both parts on some rows, those of modes of `APART` with enough mistakes on their own; a model without calibration."""
    apart = {}
    for mode in APART.get(data.category, ()):
        is_own = data.modes[rows] == mode
        if min(data.real[rows[is_own]].sum(), data.real[rows[~is_own]].sum()) >= LEAST_POSITIVES:
            apart[mode] = _fit_mode_parts(data, rows[is_own], seed)
            rows = rows[~is_own]
    return msgspec.structs.replace(_fit_mode_parts(data, rows, seed), apart=apart)


def _fit_mode_parts(data: _Data, rows: np.ndarray, seed: int) -> Model:
    """Both parts, fitted on all of the rows together."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    others = rows[~data.real[rows]]
    if len(others) > MOST_OTHERS:
        kept = np.random.default_rng(seed).permutation(others)[:MOST_OTHERS]
        rows = np.sort(np.concatenate([rows[data.real[rows]], kept]))
    x, y, w = data.features[rows].astype(np.float64), data.real[rows], data.weights[rows].copy()
    w[~y] *= max(len(others) / MOST_OTHERS, 1.0)
    used = np.flatnonzero(x.std(axis=0) > 1e-6)
    x, names = x[:, used], [NAMES[i] for i in used.tolist()]
    signs = directions(data.category)
    sign = np.array([signs.get(name, 0) for name in names])
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    balanced, shift = _balanced(w, y), _shift(w, y)
    weights, bias = _logistic(np.clip((x - mean) / scale, *WITHIN), y, balanced, sign)
    trees = HistGradientBoostingClassifier(
        **TREES, min_samples_leaf=LEAST_LEAF, monotonic_cst=sign, random_state=seed, early_stopping=False
    )
    trees.fit(x, y, sample_weight=balanced)
    return Model(names, _rounded(mean), _rounded(scale), _rounded(weights), bias - shift, plain_trees(trees, shift))


def _logistic(x: np.ndarray, y: np.ndarray, w: np.ndarray, sign: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and bias of a logistic regression in which evidence has its sign."""
    import scipy.optimize

    penalty = np.where(sign != 0, PENALTY_OF_EVIDENCE, PENALTY)

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = x @ values[1:] + values[0]
        errors = w * (1 / (1 + np.exp(-logits)) - y)
        total = float((w * (np.logaddexp(0, logits) - y * logits)).sum() + (penalty * values[1:] ** 2).sum())
        return total, np.concatenate([[errors.sum()], x.T @ errors + 2 * penalty * values[1:]])

    bounds = [(None, None), *((0.0 if one > 0 else None, 0.0 if one < 0 else None) for one in sign.tolist())]
    best = scipy.optimize.minimize(
        loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 150}
    ).x
    return best[1:], float(best[0])


def _balanced(weights: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Weights with which mistakes weigh a fifth of all: fits with rare mistakes are unstable."""
    result = weights.copy()
    result[real] *= 0.25 * weights[~real].sum() / max(weights[real].sum(), 1e-9)
    return result


def _shift(weights: np.ndarray, real: np.ndarray) -> float:
    """Log-odds by which :func:`_balanced` raises every prediction."""
    return float(np.log(0.25 * weights[~real].sum() / max(weights[real].sum(), 1e-9)))


def plain_trees(fitted: Any, shift: float) -> Trees:
    """The trees of a fitted `HistGradientBoostingClassifier`, with log-odds lower by `shift`.

    scikit-learn keeps them in a private attribute; a test compares ours with its predictions.
    """
    trees = Trees(float(fitted._baseline_prediction.item()) - shift, [], [], [], [], [])
    for (tree,) in fitted._predictors:
        first = len(trees.feature)
        trees.roots.append(first)
        for node in tree.nodes:
            leaf = bool(node["is_leaf"])
            trees.feature.append(-1 if leaf else int(node["feature_idx"]))
            trees.threshold.append(float(f"{node['value']:.5g}" if leaf else f"{node['num_threshold']:.9g}"))
            trees.left.append(0 if leaf else first + int(node["left"]))
            trees.right.append(0 if leaf else first + int(node["right"]))
    return trees


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _unseen_first(data: _Data) -> np.ndarray:
    """Weights of the examples, those in unseen maps `UNSEEN_WEIGHT` times the others, with the same sum as before."""
    weights = data.weights * np.where(data.unseen, UNSEEN_WEIGHT, 1.0)
    return np.asarray(weights * (data.weights.sum() / weights.sum()))


def _calibrated(logits: np.ndarray, data: _Data) -> tuple[float, dict[str, float]]:
    """Make log-odds true.

    The style of a map (:func:`maimod.linter.judge.style`) lowers what it is measured on, so both are found in turn.

    Args:
        logits: of the examples, by models without calibration.
        data: the examples.

    Returns:
        Slope and shifts by mode, with a prior of 1 and 0.
    """
    modes = sorted(set(data.modes.tolist()))
    which = np.array([modes.index(mode) for mode in data.modes.tolist()])
    lowered = np.zeros(len(logits))
    found = np.concatenate([[1.0], np.zeros(len(modes))])
    for _ in range(CALIBRATION_ROUNDS):
        found = _slope_and_shifts(logits, which, lowered, data, found)
        calibrated = found[0] * logits + found[1:][which]
        lowered = _styles(calibrated, data)
    shifts = {mode: round(float(v), 4) for mode, v in zip(modes, found[1:], strict=True)}
    return round(float(found[0]), 4), shifts


def _styles(logits: np.ndarray, data: _Data) -> np.ndarray:
    """:func:`maimod.linter.judge.style` of the map of each example."""
    found = np.zeros(len(logits))
    for number in np.unique(data.maps).tolist():
        own = data.maps == number
        found[own] = style(logits[own], int(data.versions[own][0]))
    return found


def _slope_and_shifts(
    logits: np.ndarray, which: np.ndarray, lowered: np.ndarray, data: _Data, start: np.ndarray
) -> np.ndarray:
    """(1 + n_modes,): slope and shifts of the best fit, where `lowered` is subtracted afterwards."""
    import scipy.optimize

    count = len(start) - 1

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        slope, shifts = values[0], values[1:]
        odds = slope * logits + shifts[which] - lowered
        errors = data.weights * (1 / (1 + np.exp(-odds)) - data.real)
        total = float((data.weights * (np.logaddexp(0, odds) - data.real * odds)).sum())
        total += CALIBRATION_PENALTY * ((slope - 1) ** 2 + (shifts**2).sum())
        gradient = np.concatenate(
            [[(errors * logits).sum()], np.bincount(which, weights=errors, minlength=count)]
        ) + 2 * CALIBRATION_PENALTY * np.concatenate([[slope - 1], shifts])
        return total, gradient

    bounds = [(0.2, 2.0)] + [(-4, 4)] * count
    return np.asarray(scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def held_out_logits(data: _Data, seed: int) -> np.ndarray:
    """Log-odds of every example by models fitted without its song, before calibration."""
    songs = sorted(set(data.songs.tolist()))
    folds = {
        song: number % FOLDS for number, song in enumerate(np.random.default_rng(seed).permutation(songs).tolist())
    }
    fold = np.array([folds[song] for song in data.songs.tolist()])
    logits = np.zeros(len(data.real))
    for number in range(FOLDS):
        model = _fit_parts(data, np.flatnonzero(fold != number), seed)
        for mode in set(data.modes.tolist()):
            own = (fold == number) & (data.modes == mode)
            logits[own] = model.mean_logits(data.features[own], mode)
    return logits


def fit(
    examples: Sequence[Examples], seed: int = 0, report: Callable[[str], None] = lambda line: None
) -> tuple[Judge, dict[Category, np.ndarray]]:
    """Fit the models of all categories.

    Returns:
        The judge, and for each category the calibrated log-odds of its examples by models that do not know their song,
        lowered by the style of its map.

    Raises:
        UsageError: if scikit-learn is not installed.
    """
    if find_spec("sklearn") is None:
        raise UsageError('calibration needs scikit-learn: pip install "maimod[train]"')
    models: dict[Category, Model] = {}
    checked: dict[Category, np.ndarray] = {}
    for category in CATEGORIES:
        data = _data(examples, category)
        if data.real.sum() < LEAST_POSITIVES:
            report(f"{category.value}: {data.real.sum()} mistakes are too few, so its rules keep their own scores")
            continue
        fitted = replace(data, weights=_unseen_first(data))
        logits = held_out_logits(fitted, seed)
        rows = data.unseen if data.real[data.unseen].sum() >= LEAST_POSITIVES else np.ones(len(data.real), dtype=bool)
        slope, shift = _calibrated(logits[rows], data.only(rows))
        model = _fit_parts(fitted, np.arange(len(data.real)), seed)
        models[category] = msgspec.structs.replace(model, slope=slope, shift=shift)
        odds = slope * logits + np.array([shift.get(mode, 0.0) for mode in data.modes.tolist()])
        checked[category] = odds - _styles(odds, data)
        report(f"{category.value}: {data.real.sum()} mistakes, {(~data.real).sum()} other places, slope {slope}")
    return Judge(models, _known_rules(examples)), checked


def _known_rules(examples: Sequence[Examples]) -> frozenset[str]:
    """Rules whose candidates were often the strongest at a mistake."""
    counts = Counter(
        rule for one in examples for rule, kind in zip(one.rules, one.kinds, strict=True) if kind != UNTOUCHED
    )
    return frozenset(rule for rule, count in counts.items() if count >= LEAST_OF_RULE)
