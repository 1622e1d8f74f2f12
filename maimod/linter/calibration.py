"""Calibration of a checkpoint: `calibration.json` with curves and weights by rule."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, replace
from itertools import chain
from pathlib import Path

import msgspec

from maimod.errors import short
from maimod.rules.base import Curve, Rule


@dataclass(frozen=True, slots=True)
class Weights:
    """How two kinds of evidence, both log-odds, make one score."""

    bias: float
    first: float
    """Weight of the rule's own evidence."""
    second: float
    """Weight of the discriminator's."""

    def __call__(self, first: float, second: float) -> float:
        """Score in [0, 1]."""
        logit = self.bias + self.first * first + self.second * second
        return 1.0 / (1.0 + math.exp(-max(min(logit, 30.0), -30.0)))


DEFAULT_WEIGHTS = Weights(bias=0.0, first=0.6, second=0.6)
"""For rules whose weights were not measured."""


class _Stored(msgspec.Struct):
    """`calibration.json`."""

    weights: dict[str, Weights]
    curves: dict[str, Curve] = {}


@dataclass(frozen=True)
class Calibration:
    """Curves by name (a rule's id, with the name of one of its curves after a colon) and weights by rule."""

    curves: Mapping[str, Curve] = field(default_factory=dict)
    weights: Mapping[str, Weights] = field(default_factory=dict)
    measured: bool = False
    """False: the documented defaults, not measured with this checkpoint."""

    def score(self, rule: Rule, curve: str, measure: float) -> float:
        """Score of a rule's measure, by its declared curve with the middle and scale of `calibration.json`, if given
        there."""
        declared = rule.curves[curve]
        stored = self.curves.get(f"{rule.id}:{curve}" if curve else rule.id)
        if stored is None:
            return declared(measure)
        if isinstance(declared, Curve):
            stored = replace(declared, middle=stored.middle, scale=stored.scale)
        return stored(measure)

    def together(self, rule: Rule, first: float, second: float) -> float:
        """Score of a finding by a rule's own log-odds and the discriminator's."""
        return self.weights.get(rule.id, DEFAULT_WEIGHTS)(first, second)

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
            stored = msgspec.convert(json.loads(path.read_text(encoding="utf-8")), _Stored)
            numbers = [*map(astuple, stored.weights.values()), *map(astuple, stored.curves.values())]
            if not all(map(math.isfinite, chain(*numbers))) or any(not curve.scale for curve in stored.curves.values()):
                raise ValueError("a number that is not finite, or a scale of 0")
        except (OSError, ValueError, RecursionError) as error:
            reason = short(error, 160)
            raise ValueError(
                f"{path}: not a usable calibration ({reason}); maimod calibrate makes one, without it the defaults count"
            ) from None
        return cls(stored.curves, stored.weights, measured=True)
