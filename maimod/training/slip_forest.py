"""What the fits of the model of slips share: which examples are used, the trees, and how good they are on other maps.

Needs scikit-learn (`pip install "maimod[train]"`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.random import Generator

from maimod.errors import UsageError
from maimod.features.slip_model import LEAST_OBJECTS, Forest, log_odds
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.training.judge_fit import plain_trees

MOST_OBJECTS = 3500
KEPT_OTHERS = 0.35
"""Share of the examples without a mistake that are used, each with a higher weight instead of the rest."""
CLOSE = 4
"""Examples without a mistake this close to one are all used: they teach which of two neighbours it is."""
TREES: Mapping[str, float] = {
    "max_iter": 250,
    "max_leaf_nodes": 16,
    "learning_rate": 0.07,
    "max_features": 0.3,
    "l2_regularization": 5.0,
}
LEAST_LEAF = 40
FALSE_FLAGS = (1.0, 2.0, 6.0)
"""False flags a minute at which recall is measured."""


@dataclass(frozen=True)
class Rows:
    """Examples for one forest."""

    features: np.ndarray
    """float32 (n, n_features)."""
    real: np.ndarray
    """(n,) whether it is a mistake of the forest's kind."""
    weights: np.ndarray


@dataclass(frozen=True)
class Labelled:
    """All objects of a version, in order of time, as an example for a network."""

    features: np.ndarray
    """float32 (n, n_features)."""
    kinds: Sequence[str]
    """Of the mistake at each object; empty without one."""
    real: np.ndarray
    """(n, n_outputs) whether it is a mistake of the kinds that an output finds."""
    known: np.ndarray
    """(n, n_outputs) whether it is an example for the output."""


@dataclass
class Scored:
    """Log-odds of one forest in one map, as it is and with planted mistakes."""

    clean: np.ndarray
    """Of the map as it is."""
    others: list[np.ndarray] = field(default_factory=list)
    """Of what is far from the mistakes of each version."""
    found: list[tuple[str, float]] = field(default_factory=list)
    """Name of each mistake, and its log-odds."""


@dataclass(frozen=True)
class Planted:
    """A version of a map with planted mistakes, as examples for one forest."""

    features: np.ndarray
    """float32 (n, n_features)."""
    names: Sequence[str]
    """Of the mistake at each example, as it is reported; empty without one."""
    inside: np.ndarray
    """(n,) whether its neighbours changed with it, so that nothing shows there: neither an example nor looked for."""

    @property
    def changed(self) -> np.ndarray:
        """(n,) whether a mistake is there."""
        return np.array([bool(name) for name in self.names])


@dataclass(frozen=True)
class SlipFit:
    """What the forest of one kind of mistakes is fitted on and measured on."""

    forest: str
    features: Sequence[str]
    versions: int
    """Planted versions of each map."""
    measure: Callable[[Beatmap, Sequence[HitObject]], np.ndarray]
    """Features (n, n_features) of a good map."""
    plant: Callable[[Beatmap, Sequence[HitObject], Generator], Planted]
    are_joined: bool = False
    """Whether neighbours of one name are a single mistake, which counts as found by the highest of their log-odds."""

    def examples_of(self, seed: int, path: Path) -> list[Rows]:
        """Examples of planted versions of a map; none of one that is too short or too long."""
        loaded = load(path)
        if loaded is None:
            return []
        random = chooser(path, seed)
        planted = versions(path, seed, self.versions, partial(self.plant, *loaded))
        return [chosen(one.features, one.changed & ~one.inside, one.changed, random) for one in planted]

    def labelled(self, seed: int, count: int, path: Path) -> list[Labelled]:
        """So many planted versions of a map, for a network; none of one that is too short or too long."""
        loaded = load(path)
        if loaded is None:
            return []
        return [
            Labelled(
                one.features.astype(np.float32),
                [name.split()[1] if name else "" for name in one.names],
                (one.changed & ~one.inside)[:, None],
                ~one.inside[:, None],
            )
            for one in versions(path, seed, count, partial(self.plant, *loaded))
        ]

    def scored(self, forest: Forest, seed: int, path: Path) -> tuple[float, dict[str, Scored]] | None:
        """Minutes and log-odds of a map as it is and with planted mistakes; None for one that is too short or too long."""
        loaded = load(path)
        if loaded is None:
            return None
        return loaded[0].drain_ms / 60_000, {self.forest: self.scored_map(forest, seed, path, *loaded)}

    def scored_map(
        self, forest: Forest, seed: int, path: Path, beatmap: Beatmap, objects: Sequence[HitObject]
    ) -> Scored:
        """Log-odds of a loaded map as it is and with planted mistakes."""
        result = Scored(log_odds(forest, self.measure(beatmap, objects), self.features))
        for one in versions(path, seed, self.versions, partial(self.plant, beatmap, objects)):
            scores, changed = log_odds(forest, one.features, self.features), one.changed
            result.others.append(scores[~is_close(changed)])
            places = np.flatnonzero(changed & ~one.inside)
            if self.are_joined:
                names = np.array(one.names)
                borders = np.flatnonzero(names[1:] != names[:-1]) + 1
                groups = [group for group in np.split(np.arange(len(names)), borders) if names[group[0]]]
            else:
                groups = list(places[:, None])
            result.found += [(one.names[group[0]], float(scores[group].max())) for group in groups]
        return result


def load(path: Path) -> tuple[Beatmap, tuple[HitObject, ...]] | None:
    """A map with its objects in order of time; None if it is too short or too long."""
    beatmap = parser.load(path)
    objects = tuple(sorted(beatmap.hit_objects, key=lambda o: (o.time, o.index)))
    return (beatmap, objects) if LEAST_OBJECTS <= len(objects) <= MOST_OBJECTS else None


_Version = TypeVar("_Version")


def versions(path: Path, seed: int, count: int, plant: Callable[[Generator], _Version]) -> list[_Version]:
    """Versions of a map with planted slips, which depend on the seed and on the name of the file alone."""
    random = np.random.default_rng([seed, zlib.crc32(path.name.encode())])
    return [plant(random) for _ in range(count)]


def chooser(path: Path, seed: int) -> Generator:
    """The random numbers by which :func:`chosen` leaves out examples of a map, apart from those of its versions."""
    return np.random.default_rng([seed, 1, zlib.crc32(path.name.encode())])


def is_close(changed: np.ndarray) -> np.ndarray:
    """Whether each example is a mistake or up to `CLOSE` from one."""
    return np.asarray(np.convolve(changed, np.ones(2 * CLOSE + 1), mode="same") > 0)


def chosen(features: np.ndarray, real: np.ndarray, changed: np.ndarray, random: Generator) -> Rows:
    """The examples of a version that are used.

    Args:
        features: (n, n_features).
        real: (n,) mistakes of the forest's kind.
        changed: (n,) all mistakes; those of other kinds are no examples against it.
        random: chooses among those without a mistake.
    """
    close = is_close(changed)
    kept = real | (~changed & (close | (random.random(len(real)) < KEPT_OTHERS)))
    return Rows(features[kept], real[kept], np.where(close, 1.0, 1 / KEPT_OTHERS)[kept])


def fitted(rows: Sequence[Rows], names: Sequence[str], seed: int, trees: Mapping[str, float] = TREES) -> Forest:
    """Fit a forest.

    Raises:
        UsageError: if scikit-learn is not installed.
    """
    if find_spec("sklearn") is None:
        raise UsageError('fitting needs scikit-learn: pip install "maimod[train]"')
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        **trees, min_samples_leaf=LEAST_LEAF, random_state=seed, early_stopping=False
    )
    model.fit(
        np.concatenate([one.features for one in rows]),
        np.concatenate([one.real for one in rows]),
        sample_weight=np.concatenate([one.weights for one in rows]),
    )
    return Forest(list(names), plain_trees(model, 0.0))


def figures(parts: Sequence[tuple[float, Mapping[str, Scored]]]) -> dict[str, float]:
    """AUC and recall of planted mistakes.

    Args:
        parts: minutes and the log-odds of each forest, by its name, of each map.

    Returns:
        By `forest limit@rate` and `mistake measure`: the area under the ROC curve against what is far from the mistakes of
        the same version, and the share found at each of `FALSE_FLAGS` on the maps as they are.
    """
    minutes = sum(part[0] for part in parts)
    result: dict[str, float] = {"maps": len(parts), "minutes": round(minutes, 1)}
    for what in parts[0][1] if parts else ():
        of = [part[1][what] for part in parts]
        clean = np.sort(np.concatenate([one.clean for one in of]))[::-1]
        others = np.sort(np.concatenate([values for one in of for values in one.others]))
        limits = {rate: clean[min(int(rate * minutes), len(clean) - 1)] for rate in FALSE_FLAGS}
        result |= {f"{what} limit@{rate:g}": round(float(limit), 2) for rate, limit in limits.items()}
        scores: dict[str, list[float]] = {}
        for one in of:
            for name, score in one.found:
                scores.setdefault(name, []).append(score)
        for name, found in sorted(scores.items()):
            values = np.array(found)
            low, high = (np.searchsorted(others, values, side=side) for side in ("left", "right"))
            result[f"{name} n"] = len(values)
            result[f"{name} auc"] = round(float(((low + high) / 2 / len(others)).mean()), 3)
            result |= {
                f"{name} recall@{rate:g}": round(float((values > limit).mean()), 3) for rate, limit in limits.items()
            }
    return result
