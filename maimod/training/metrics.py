"""Metrics of an evaluation: recall by mistake, precision, calibration, comparison with the plain score; tables.

Scores are evaluated as in maps with one mistake of each kind: findings of planted mistakes (all doses of a kind
together have weight one) against the findings on the untouched maps.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from maimod.findings import Severity
from maimod.osu.beatmap import Mode
from maimod.training.faults import FAULTS

TOP = (5, 10, 20)
"""Recall is counted among this many best findings of a map."""
BINS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Score bins of the calibration table."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Result for one mistake in one map."""

    map: str
    mode: str
    kind: str
    dose: str
    note: str
    time: float
    """Where it starts, ms."""
    rank: int | None
    """Rank of the best finding that points at it, 1 for the highest score in the map; None if it was missed."""
    right_rank: int | None
    """Of the best such finding of a right category."""
    rule: str = ""
    """Of the best finding of a right category, or of any."""
    score: float = 0.0
    """Of the same."""
    was_there: bool = False
    """Whether the untouched map has a finding of a right category at this place, so that the hit may be chance."""
    n_findings: int = 0
    """In the changed map."""
    plain_rank: int | None = None
    """Of the best suggestion of a right category by the plain score of the original, over the same model."""
    chance: float = 0.0
    """Share of the map's objects that point at the mistake: the chance of a finding on a random object.
    """


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding on an untouched map."""

    rule: str
    severity: str
    score: float = 0.0
    timestamp: str = ""
    message: str = ""


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


@dataclass(frozen=True, slots=True)
class Recall:
    """Trials of one kind, dose and mode, counted."""

    kind: str
    dose: str
    mode: str
    n: int
    found: float
    """Share with a finding that points at it."""
    right: float
    """Share with one of a right category."""
    right_at: tuple[float, ...]
    """The same among the `TOP` findings of the map."""
    median_rank: float | None
    """Of the right findings."""
    was_there: float
    """Share where the untouched map already has such a finding: recall by chance."""


def recalls(trials: Iterable[Trial], by_mode: bool = True) -> list[Recall]:
    """Count trials by kind, dose and mode, in the order of `FAULTS`."""
    grouped: dict[tuple[str, str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        grouped[trial.kind, trial.dose, trial.mode if by_mode else "all"].append(trial)
    order = {(fault.kind, fault.dose): place for place, fault in enumerate(FAULTS)}
    modes = [mode.label for mode in Mode] + ["all"]
    return [
        _recall(*key, grouped[key]) for key in sorted(grouped, key=lambda k: (modes.index(k[2]), order.get(k[:2], -1)))
    ]


def _recall(kind: str, dose: str, mode: str, trials: Sequence[Trial]) -> Recall:
    n = len(trials)
    ranks = [t.right_rank for t in trials if t.right_rank is not None]
    return Recall(
        kind,
        dose,
        mode,
        n,
        sum(t.rank is not None for t in trials) / n,
        len(ranks) / n,
        tuple(sum(rank <= top for rank in ranks) / n for top in TOP),
        median(ranks) if ranks else None,
        sum(t.was_there for t in trials) / n,
    )


def per_minute(untouched: Sequence[Untouched], key: Callable[[Alarm], str]) -> dict[str, float]:
    """Findings per minute of drain time, grouped by `key`, most frequent first."""
    minutes = sum(u.minutes for u in untouched)
    counts = Counter(key(alarm) for u in untouched for alarm in u.alarms)
    return {name: count / max(minutes, 1e-9) for name, count in counts.most_common()}


@dataclass(frozen=True, slots=True)
class Judged:
    """Findings with scores, labels and weights."""

    scores: np.ndarray
    real: np.ndarray
    weights: np.ndarray
    missed: float
    """Weight of the mistakes without a finding."""


def judged(evaluation: Evaluation) -> Judged:
    """All findings with the weights described at the top of this module."""
    doses = {
        (kind, mode): len({t.dose for t in evaluation.trials if (t.kind, t.mode) == (kind, mode)})
        for kind, mode in {(t.kind, t.mode) for t in evaluation.trials}
    }
    rows = [
        (t.score, True, 1 / doses[t.kind, t.mode])
        for t in evaluation.trials
        if t.right_rank is not None and not t.was_there
    ]
    rows += [(alarm.score, False, 1.0) for u in evaluation.untouched for alarm in u.alarms]
    missed = sum(1 / doses[t.kind, t.mode] for t in evaluation.trials if t.right_rank is None)
    if not rows:
        return Judged(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0), missed)
    scores, real, weights = zip(*rows, strict=True)
    return Judged(np.array(scores), np.array(real), np.array(weights), missed)


def average_precision(evaluation: Evaluation) -> float:
    """Area under precision against recall, over all maps and mistakes together."""
    found = judged(evaluation)
    order = np.argsort(-found.scores, kind="stable")
    real, weights = found.real[order], found.weights[order]
    precision = np.cumsum(real * weights) / np.maximum(np.cumsum(weights), 1e-9)
    total = float((real * weights).sum()) + found.missed
    return float((precision * real * weights).sum() / max(total, 1e-9))


def reliability(evaluation: Evaluation) -> list[tuple[float, float, int, float, float]]:
    """(low, high, findings, mean score, share that is real) of each bin of scores that holds findings."""
    found, rows = judged(evaluation), []
    for low, high in pairwise(BINS):
        inside = (found.scores >= low) & ((found.scores < high) | (high == BINS[-1]))
        if inside.any():
            weights = found.weights[inside]
            rows.append(
                (
                    low,
                    high,
                    int(inside.sum()),
                    float(np.average(found.scores[inside], weights=weights)),
                    float(np.average(found.real[inside], weights=weights)),
                )
            )
    return rows


def compared(trials: Sequence[Trial]) -> tuple[float, float, float]:
    """Recall, category right, of our findings, of as many of the plain score's suggestions, and of as many random
    objects."""
    ours = sum(t.right_rank is not None for t in trials)
    plain = sum(t.plain_rank is not None and t.plain_rank <= t.n_findings for t in trials)
    chance = sum(1 - (1 - t.chance) ** t.n_findings for t in trials)
    n = max(len(trials), 1)
    return ours / n, plain / n, chance / n


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> list[str]:
    """Write a Markdown table; the first `words` columns are text, the others numbers."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * words + "--:|" * (len(header) - words)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def markdown(evaluation: Evaluation) -> str:
    """The tables of the model card."""
    versions = ", ".join(" ".join(pair) for pair in evaluation.versions)
    lines = [
        f"Seed {evaluation.seed}, model {evaluation.model}, {len(evaluation.untouched)} maps{evaluation.split}, "
        f"{len(evaluation.trials)} planted mistakes. {versions}",
        "",
        "## Planted mistakes",
        "",
        "*found*: a finding points at the mistake; *right*: a finding of a right category does, of any rank; "
        "*top n*: it is among the first n of its map; "
        "*there*: the untouched map has such a finding at the same place.",
        "",
        "| "
        + " | ".join(
            ["mode", "mistake", "dose", "n", "found", "right", *(f"top {top}" for top in TOP), "median rank", "there"]
        )
        + " |",
        "|---|---|---|--:|--:|--:|" + "--:|" * len(TOP) + "--:|--:|",
    ]
    for r in recalls(evaluation.trials):
        cells = [
            r.mode,
            r.kind,
            r.dose,
            str(r.n),
            f"{r.found:.0%}",
            f"{r.right:.0%}",
            *(f"{share:.0%}" for share in r.right_at),
            "" if r.median_rank is None else f"{r.median_rank:g}",
            f"{r.was_there:.0%}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += _totals(evaluation)
    lines += [
        "",
        "## Untouched maps",
        "",
        "Findings per minute of drain time, and the share of maps without any.",
        "",
        "| mode | maps | minutes | " + " | ".join(Severity) + " | without problems | without warnings |",
        "|---|--:|--:|" + "--:|" * (len(Severity) + 2),
    ]
    modes = [mode.label for mode in Mode if any(u.mode == mode.label for u in evaluation.untouched)]
    for mode in [*modes, *(["all"] if len(modes) > 1 else [])]:
        own = [u for u in evaluation.untouched if mode in (u.mode, "all")]
        rates = per_minute(own, lambda alarm: alarm.severity)
        clean = [
            sum(all(Severity(alarm.severity).rank > worst.rank for alarm in u.alarms) for u in own) / len(own)
            for worst in (Severity.PROBLEM, Severity.WARNING)
        ]
        cells = [
            mode,
            str(len(own)),
            f"{sum(u.minutes for u in own):.1f}",
            *(f"{rates.get(s, 0.0):.2f}" for s in Severity),
            *(f"{share:.0%}" for share in clean),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "| rule | " + " | ".join(f"{s} a minute" for s in Severity) + " | maps with it | most in a map |",
        "|---|" + "--:|" * (len(Severity) + 2),
    ]
    rates = per_minute(evaluation.untouched, lambda alarm: f"{alarm.rule} {alarm.severity}")
    for rule in per_minute(evaluation.untouched, lambda alarm: alarm.rule):
        counts = [sum(alarm.rule == rule for alarm in u.alarms) for u in evaluation.untouched]
        cells = [
            rule,
            *(f"{rates.get(f'{rule} {s}', 0.0):.2f}" for s in Severity),
            str(sum(map(bool, counts))),
            str(max(counts)),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    if evaluation.trials:
        lines += [
            "",
            "## Calibration",
            "",
            "Share of findings that are real in maps with one mistake of each kind.",
            "",
        ]
        lines += _table(
            ["score", "findings", "mean score", "real"],
            [
                [f"{low:g} to {high:g}", str(n), f"{mean:.2f}", f"{real:.2f}"]
                for low, high, n, mean, real in reliability(evaluation)
            ],
        )
    if evaluation.no_place:
        missing = Counter(f"{name} ({mode})" for name, mode in evaluation.no_place)
        lines += [
            "",
            "No place for: " + ", ".join(f"{name} in {count}" for name, count in missing.most_common()) + " maps.",
        ]
    return "\n".join(lines) + "\n"


def _totals(evaluation: Evaluation) -> list[str]:
    """Means over the rows of a mode, and the comparison."""
    lines: list[str] = []
    if not evaluation.trials:
        return lines
    modes = [mode.label for mode in Mode if any(t.mode == mode.label for t in evaluation.trials)]
    rows = []
    for mode in modes:
        counted = recalls([t for t in evaluation.trials if t.mode == mode])
        ours, plain, chance = compared([t for t in evaluation.trials if t.mode == mode])
        own = Evaluation(
            evaluation.seed,
            evaluation.model,
            tuple(t for t in evaluation.trials if t.mode == mode),
            tuple(u for u in evaluation.untouched if u.mode == mode),
        )
        rows.append(
            [
                mode,
                *(_percent(float(np.mean([r.right_at[i] for r in counted]))) for i in range(len(TOP))),
                f"{average_precision(own):.2f}",
                _percent(ours),
                _percent(plain),
                _percent(chance),
            ]
        )
    return [
        "",
        "Means over the rows above, average precision over all findings, and recall. For comparison the recall of the "
        "original's plain score (surprisal / entropy >= 20, with its categories) over the same model, and of random "
        "objects, with as many suggestions.",
        "",
        *_table(["mode", *(f"top {top}" for top in TOP), "average precision", "recall", "plain score", "chance"], rows),
    ]
