"""From evidence to a score in [0, 1], and from a score to a severity.

A checkpoint brings `calibration.json`; without one the defaults below hold and the report says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maimod.findings import Severity

PROBLEM_SCORE, WARNING_SCORE, MINOR_SCORE = 0.85, 0.6, 0.2
"""A finding is a problem, a warning or a minor from this score on (bounded by its rule); below, it is not reported."""
ALONE_SCORE = 0.3
"""The same for a rule on which the proofreader has no say, or is not there to have one: its score is no measured
probability."""


CANDIDATE_SCORE = 0.05
"""A rule on which the proofreader has a say proposes from this score on; reported is what both readings give
`MINOR_SCORE`."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Logistic score of a measured quantity."""

    middle: float
    """The measure at which the score is 0.5."""
    scale: float
    """Measure per unit of logit."""

    def __call__(self, measure: float) -> float:
        """Score in [0, 1]."""
        return 1.0 / (1.0 + math.exp(-max(min((measure - self.middle) / self.scale, 30.0), -30.0)))


DEFAULT_SURPRISE = Curve(middle=9.0, scale=1.5)
"""For event kinds without a measured curve: 9 bits is an event the model gives 1 in 500."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How two kinds of evidence, both log-odds, make one score."""

    bias: float
    first: float
    """Weight of the rule's own evidence."""
    second: float
    """Weight of the proofreader's."""

    def __call__(self, first: float, second: float) -> float:
        """Score in [0, 1]."""
        logit = self.bias + self.first * first + self.second * second
        return 1.0 / (1.0 + math.exp(-max(min(logit, 30.0), -30.0)))


DEFAULT_WEIGHTS = Weights(bias=0.0, first=0.6, second=0.6)
"""For rules whose weights were not measured."""


@dataclass(frozen=True)
class Calibration:
    """Curves by name: a rule, optionally with what of it was measured after a colon; and weights by rule."""

    curves: Mapping[str, Curve] = field(default_factory=dict)
    weights: Mapping[str, Weights] = field(default_factory=dict)
    measured: bool = False
    """False: the documented defaults, not measured with this checkpoint."""

    def score(self, name: str, measure: float, default: Curve = DEFAULT_SURPRISE) -> float:
        """Score of `measure` by the curve called `name`, else by `default`."""
        return self.curves.get(name, default)(measure)

    def together(self, rule: str, first: float, second: float) -> float:
        """Score of a finding by a rule's own log-odds and the proofreader's."""
        return self.weights.get(rule, DEFAULT_WEIGHTS)(first, second)

    @staticmethod
    def severity(highest: Severity, score: float) -> Severity:
        """The severity a score deserves, no worse than `highest`."""
        deserved = (
            Severity.PROBLEM
            if score >= PROBLEM_SCORE
            else Severity.WARNING
            if score >= WARNING_SCORE
            else Severity.MINOR
        )
        return max(deserved, highest, key=lambda severity: severity.rank)

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Read `calibration.json` of a checkpoint folder; the defaults if there is none.

        Raises:
            ValueError: if it is there but damaged.
        """
        path = folder / "calibration.json"
        if not path.exists():
            return cls()
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                {name: Curve(**curve) for name, curve in stored.get("curves", {}).items()},
                {name: Weights(**weights) for name, weights in stored["weights"].items()},
                measured=True,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: not a usable calibration ({error})") from None
