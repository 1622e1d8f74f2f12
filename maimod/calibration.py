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

PROBLEM_SCORE, WARNING_SCORE, MINOR_SCORE = 0.85, 0.6, 0.3
"""A finding is a problem, a warning or a minor from this score on (bounded by its rule); below, it is not reported."""


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


@dataclass(frozen=True)
class Calibration:
    """Curves by name: a rule, optionally with what of it was measured after a colon."""

    curves: Mapping[str, Curve] = field(default_factory=dict)
    measured: bool = False
    """False: the documented defaults, not measured with this checkpoint."""

    def score(self, name: str, measure: float, default: Curve = DEFAULT_SURPRISE) -> float:
        """Score of `measure` by the curve called `name`, else by `default`."""
        return self.curves.get(name, default)(measure)

    @staticmethod
    def severity(highest: Severity, score: float) -> Severity:
        """The severity a score deserves, no worse than `highest`."""
        deserved = (Severity.PROBLEM if score >= PROBLEM_SCORE else
                    Severity.WARNING if score >= WARNING_SCORE else Severity.MINOR)
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
            return cls({name: Curve(**curve) for name, curve in stored["curves"].items()}, measured=True)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: not a usable calibration ({error})") from None
