"""Figures of an evaluation, with intervals: recall among the first findings and at a rate of false ones, average
precision, findings on untouched maps, calibration.

All findings on untouched maps count as false. In each map, every kind of mistake has weight one, however many doses of it
were planted. Intervals cover 90 % of `DRAWS` draws of maps with replacement (the bootstrap), because mistakes in one map
succeed or fail together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from maimod.findings import Category, Severity
from maimod.osu.beatmap import Mode

TOP = (5, 10, 20)
"""Recall is counted among this many best findings of a map."""
FALSE_A_MINUTE = (1.0, 2.0)
"""Recall is counted above the scores that leave this many findings a minute on untouched maps."""
BIN = 50
"""Findings in a bin of the calibration table."""
DRAWS = 400
LEAST_MAPS = 5
"""With fewer maps there is no interval: draws of three maps that agree would look certain."""
LEVELS = (5.0, 95.0)
"""Percentiles of the draws that bound an interval."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Result for one mistake in one map."""

    map: str
    mode: str
    kind: str
    dose: str
    category: str
    """That a report should have it in."""
    note: str
    time: float
    """Where it starts, ms."""
    rank: float | None
    """Rank of the best right, new finding, 1 for the highest score in the map; None if there is none."""
    rule: str = ""
    """Of that finding."""
    score: float = 0.0
    """Of that finding."""
    was_there: bool = False
    """Whether the untouched map has a right finding at this place."""
    n_findings: int = 0
    """About the changed map."""
    plain_rank: int | None = None
    """Of the best right suggestion by the plain score of the original, over the same model."""
    chance: float = 0.0
    """Share of the map's objects at which a finding would hit the mistake."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding on an untouched map."""

    rule: str
    severity: str
    score: float = 0.0
    timestamp: str = ""
    message: str = ""

    @property
    def category(self) -> str:
        """The part of the rule's name before the slash."""
        return self.rule.partition("/")[0]

    @property
    def in_map(self) -> bool:
        """Whether it is about the map itself, not about files or the set."""
        return self.category != Category.MAPSET


@dataclass(frozen=True, slots=True)
class Untouched:
    """Findings of an untouched map."""

    map: str
    mode: str
    minutes: float
    """From the first object to the last, without breaks."""
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results of an evaluation."""

    seed: int
    model: str
    trials: tuple[Trial, ...] = ()
    untouched: tuple[Untouched, ...] = ()
    no_place: tuple[tuple[str, str], ...] = ()
    """(fault, mode) for each map without a place for it."""
    split: str = ""
    """Name of the maps."""
    versions: tuple[tuple[str, str], ...] = ()
    """Versions of maimod, the libraries and the models."""

    def of_mode(self, mode: str) -> Evaluation:
        """The part of one mode; "all" is everything."""
        if mode == "all":
            return self
        return Evaluation(
            self.seed,
            self.model,
            tuple(t for t in self.trials if t.mode == mode),
            tuple(u for u in self.untouched if u.mode == mode),
            tuple(n for n in self.no_place if n[1] == mode),
            self.split,
            self.versions,
        )

    @property
    def modes(self) -> list[str]:
        """Modes that occur, then "all" if there are several."""
        found = [mode.label for mode in Mode if any(u.mode == mode.label for u in self.untouched)]
        return [*found, "all"] if len(found) > 1 else found


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its interval; NaN if nothing was measured."""

    value: float
    low: float = math.nan
    high: float = math.nan
    """NaN with fewer than `LEAST_MAPS` maps."""


# ---------------------------------------------------------------------------------------------------------------------
# Draws of maps


def draws(n_maps: int) -> np.ndarray:
    """(DRAWS, n_maps) how often each map is in each draw."""
    return np.random.default_rng(0).multinomial(n_maps, np.full(n_maps, 1 / n_maps), DRAWS).astype(float)


def figure(metric: Callable[[np.ndarray], float], drawn: np.ndarray) -> Figure:
    """The value of `metric`, a function of the weights of maps, and its interval over draws."""
    value = float(metric(np.ones(drawn.shape[1])))
    if drawn.shape[1] < LEAST_MAPS:
        return Figure(value)
    values = np.array([metric(weights) for weights in drawn])
    if np.isnan(values).all():
        return Figure(value)
    low, high = np.nanpercentile(values, LEVELS)
    return Figure(value, float(low), float(high))


def mean_over_maps(values: np.ndarray, weights: np.ndarray, maps: np.ndarray) -> Callable[[np.ndarray], float]:
    """The weighted mean of rows as a function of the weights of maps; `maps` are the map of each row."""

    def mean(of_map: np.ndarray) -> float:
        total = weights * of_map[maps]
        return float((values * total).sum() / total.sum()) if total.sum() else math.nan

    return mean


class Arrays:
    """The trials and false findings of an evaluation as arrays; findings about files and sets are left out."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.trials = evaluation.trials
        self.names = [u.map for u in evaluation.untouched]
        place = {name: i for i, name in enumerate(self.names)}
        self.maps = np.array([place[t.map] for t in self.trials], dtype=int)
        doses = Counter((t.map, t.kind) for t in self.trials)
        self.weights = np.array([1 / doses[t.map, t.kind] for t in self.trials])
        self.ranks = np.array([math.inf if t.rank is None else t.rank for t in self.trials])
        self.scores = np.array([-math.inf if t.rank is None else t.score for t in self.trials])
        false = sorted(
            ((alarm.score, place[u.map]) for u in evaluation.untouched for alarm in u.alarms if alarm.in_map),
            reverse=True,
        )
        self.false = np.array([score for score, _ in false])
        self.false_maps = np.array([i for _, i in false], dtype=int)
        self.minutes = np.array([u.minutes for u in evaluation.untouched])
        self.by_severity = counts_by_severity(evaluation.untouched, whole=False)

    @cached_property
    def drawn(self) -> np.ndarray:
        """Draws of its maps."""
        return draws(len(self.names))

    @cached_property
    def everything(self) -> np.ndarray:
        """A mask of all trials."""
        return np.ones(len(self.trials), dtype=bool)

    def hit_at(self, top: float, own: np.ndarray | None = None) -> Callable[[np.ndarray], float]:
        """Share of the mistakes (of the mask `own`) that are among the `top` best findings."""
        own = self.everything if own is None else own
        return mean_over_maps((self.ranks[own] <= top).astype(float), self.weights[own], self.maps[own])

    def least_score(self, false_a_minute: float, of_map: np.ndarray) -> float:
        """Above this score the untouched maps have at most so many findings a minute."""
        count = np.cumsum(of_map[self.false_maps])
        first = int(np.searchsorted(count, false_a_minute * float((self.minutes * of_map).sum()) + 1e-9, side="right"))
        return float(self.false[first]) if first < len(self.false) else -math.inf

    def recall_at(self, false_a_minute: float, own: np.ndarray | None = None) -> Callable[[np.ndarray], float]:
        """Share of the mistakes with a score above those of all but so many false findings a minute of all categories;
        equal scores count half."""
        own = self.everything if own is None else own
        scores, weights, maps = self.scores[own], self.weights[own], self.maps[own]

        def recall(of_map: np.ndarray) -> float:
            least = self.least_score(false_a_minute, of_map)
            found = (scores > least) + 0.5 * ((scores == least) & np.isfinite(scores))
            return mean_over_maps(found, weights, maps)(of_map)

        return recall

    def average_precision(self, of_map: np.ndarray) -> float:
        """Area under precision against recall over all maps and mistakes together; equal scores are one step."""
        scores = np.concatenate([self.scores, self.false])
        real = np.concatenate([self.weights * of_map[self.maps], np.zeros(len(self.false))])
        false = np.concatenate([np.zeros(len(self.scores)), of_map[self.false_maps]])
        total = float(real.sum())
        found = np.isfinite(scores)
        order = np.argsort(-scores[found], kind="stable")
        if not total or not len(order):
            return 0.0 if total else math.nan
        scores, real, false = (values[found][order] for values in (scores, real, false))
        ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))
        hits, alarms = np.cumsum(real)[ends], np.cumsum(false)[ends]
        gained = np.diff(hits, prepend=0.0)
        return float((gained * hits / np.maximum(hits + alarms, 1e-9)).sum() / total)


# ---------------------------------------------------------------------------------------------------------------------
# Figures


@dataclass(frozen=True, slots=True)
class Recall:
    """How often the mistakes of a row are found."""

    name: str
    n: int
    hits: tuple[Figure, ...]
    """Share among the `TOP` findings of the map."""
    at: tuple[Figure, ...]
    """Share at `FALSE_A_MINUTE`."""
    found: float
    """Share at any rank."""
    median_rank: float | None
    """Of those found."""
    was_there: float
    """Share of places at which the untouched map has a right finding."""


def recalls(evaluation: Evaluation, key: Callable[[Trial], str], arrays: Arrays | None = None) -> list[Recall]:
    """Recall by `key`, in the order in which the keys occur."""
    arrays = arrays or Arrays(evaluation)
    keys = [key(t) for t in evaluation.trials]
    return [
        _recall(name, arrays, np.array([other == name for other in keys], dtype=bool)) for name in dict.fromkeys(keys)
    ]


def _recall(name: str, arrays: Arrays, own: np.ndarray) -> Recall:
    ranks = arrays.ranks[own]
    found = ranks[np.isfinite(ranks)]
    drawn = arrays.drawn if len(set(arrays.maps[own])) >= LEAST_MAPS else np.ones((0, 0))
    ones = np.ones(len(arrays.names))

    def measured(metric: Callable[[np.ndarray], float]) -> Figure:
        return figure(metric, drawn) if len(drawn) else Figure(metric(ones))

    return Recall(
        name,
        int(own.sum()),
        tuple(measured(arrays.hit_at(top, own)) for top in TOP),
        tuple(measured(arrays.recall_at(rate, own)) for rate in FALSE_A_MINUTE),
        len(found) / max(len(ranks), 1),
        float(np.median(found)) if len(found) else None,
        float(np.mean([t.was_there for t, is_own in zip(arrays.trials, own, strict=True) if is_own])),
    )


def summary(evaluation: Evaluation) -> dict[str, Figure]:
    """The figures of all mistakes together, by name."""
    return {
        name: figure(metric, arrays.drawn)
        for arrays in [Arrays(evaluation)]
        for name, metric in headline(arrays).items()
    }


def headline(arrays: Arrays) -> dict[str, Callable[[np.ndarray], float]]:
    """Metrics of all mistakes together, by name, as functions of the weights of maps."""
    return {
        **{f"top {top}": arrays.hit_at(top) for top in TOP},
        **{f"at {rate:g}/min": arrays.recall_at(rate) for rate in FALSE_A_MINUTE},
        "average precision": arrays.average_precision,
    }


def compared(trials: Sequence[Trial]) -> tuple[float, float, float]:
    """Recall of our findings, of as many of the plain score's suggestions, and of as many random objects."""
    ours = sum(t.rank is not None for t in trials)
    plain = sum(t.plain_rank is not None and t.plain_rank <= t.n_findings for t in trials)
    chance = sum(1 - (1 - t.chance) ** t.n_findings for t in trials)
    n = max(len(trials), 1)
    return ours / n, plain / n, chance / n


def per_minute(untouched: Sequence[Untouched], key: Callable[[Alarm], str]) -> dict[str, float]:
    """Findings per minute of drain time, grouped by `key`, most frequent first."""
    minutes = sum(u.minutes for u in untouched)
    counts = Counter(key(alarm) for u in untouched for alarm in u.alarms)
    return {name: count / max(minutes, 1e-9) for name, count in counts.most_common()}


@dataclass(frozen=True, slots=True)
class Quiet:
    """Findings on untouched maps."""

    maps: int
    minutes: float
    rates: tuple[Figure, ...]
    """A minute, by severity."""
    without: tuple[Figure, ...]
    """Share of maps without problems, without problems and warnings, without any finding."""


def counts_by_severity(untouched: Sequence[Untouched], whole: bool) -> np.ndarray:
    """(n_maps, 3) findings by severity; `whole` includes those about files and the set."""
    counts = [
        [sum(a.severity == severity and (whole or a.in_map) for a in u.alarms) for severity in Severity]
        for u in untouched
    ]
    return np.array(counts, dtype=float).reshape(-1, len(Severity))


def quiet(untouched: Sequence[Untouched], whole: bool) -> Quiet:
    """Count findings on untouched maps; `whole` includes those about files and the set."""
    counts = counts_by_severity(untouched, whole)
    minutes = np.array([u.minutes for u in untouched])
    drawn, maps = draws(len(untouched)), np.arange(len(untouched))

    def rate(column: int) -> Callable[[np.ndarray], float]:
        return lambda of_map: float((counts[:, column] * of_map).sum() / max(float((minutes * of_map).sum()), 1e-9))

    clean = np.cumsum(counts, axis=1) == 0
    return Quiet(
        len(untouched),
        float(minutes.sum()),
        tuple(figure(rate(column), drawn) for column in range(len(Severity))),
        tuple(
            figure(mean_over_maps(clean[:, column].astype(float), np.ones(len(maps)), maps), drawn)
            for column in range(len(Severity))
        ),
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Findings of similar scores."""

    mode: str
    category: str
    n: int
    mean_score: float
    right: float
    """Share that points at a planted mistake, as in maps with one mistake of each kind."""


def calibration(evaluation: Evaluation, size: int = BIN) -> list[Bin]:
    """Bins of `size` findings each by score, highest first, of each mode and category; a last part of less than half a
    bin joins the one before."""
    rows: dict[tuple[str, str], list[tuple[float, bool, float]]] = {}
    doses = Counter((t.map, t.kind) for t in evaluation.trials)
    for t in evaluation.trials:
        if t.rank is not None:
            row = (t.score, True, 1 / doses[t.map, t.kind])
            rows.setdefault((t.mode, t.rule.partition("/")[0]), []).append(row)
    for u in evaluation.untouched:
        for alarm in u.alarms:
            if alarm.in_map:
                rows.setdefault((u.mode, alarm.category), []).append((alarm.score, False, 1.0))
    modes, categories = [mode.label for mode in Mode], [str(category) for category in Category]
    found = []
    for mode, category in sorted(rows, key=lambda key: (modes.index(key[0]), categories.index(key[1]))):
        own = sorted(rows[mode, category], key=lambda row: -row[0])
        starts = list(range(0, max(len(own) - size // 2, 1), size))
        for start, end in zip(starts, [*starts[1:], len(own)], strict=True):
            scores, real, weights = (np.array(column, dtype=float) for column in zip(*own[start:end], strict=True))
            found.append(
                Bin(
                    mode,
                    category,
                    end - start,
                    float(np.average(scores, weights=weights)),
                    float(np.average(real, weights=weights)),
                )
            )
    return found


def difference(
    one: Evaluation, two: Evaluation, metrics: Callable[[Arrays], dict[str, Callable[[np.ndarray], float]]] = headline
) -> dict[str, tuple[float, float, Figure]]:
    """(value of `one`, of `two`, `two` minus `one` with its interval) of each metric, on the maps and mistakes that
    both have; each draw takes the same maps of both."""
    first, second = (Arrays(part) for part in common(one, two))
    ones = np.ones(len(first.names))
    pairs = {name: (metric, metrics(second)[name]) for name, metric in metrics(first).items()}

    def gain(
        before: Callable[[np.ndarray], float], after: Callable[[np.ndarray], float]
    ) -> Callable[[np.ndarray], float]:
        return lambda of_map: after(of_map) - before(of_map)

    return {
        name: (before(ones), after(ones), figure(gain(before, after), first.drawn))
        for name, (before, after) in pairs.items()
    }


def common(one: Evaluation, two: Evaluation) -> tuple[Evaluation, Evaluation]:
    """Both evaluations cut to their common maps and mistakes, in the same order."""

    def key(t: Trial) -> tuple[str, str, str]:
        return t.map, t.kind, t.dose

    maps = sorted({u.map for u in one.untouched} & {u.map for u in two.untouched})
    tried = {key(t) for t in one.trials} & {key(t) for t in two.trials}

    def cut(part: Evaluation) -> Evaluation:
        by_name = {u.map: u for u in part.untouched}
        trials = sorted((t for t in part.trials if key(t) in tried and t.map in by_name), key=key)
        return Evaluation(
            part.seed,
            part.model,
            tuple(t for t in trials if t.map in set(maps)),
            tuple(by_name[name] for name in maps),
            split=part.split,
        )

    return cut(one), cut(two)


def order_by(names: Iterable[str], found: Iterable[str]) -> list[str]:
    """The `found` names in the order of `names`, others last."""
    place = {name: i for i, name in enumerate(names)}
    return sorted(found, key=lambda name: place.get(name, len(place)))
