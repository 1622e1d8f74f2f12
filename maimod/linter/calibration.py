"""Calibration of a checkpoint: `calibration.json` with the judge of its findings, and curves of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from maimod.errors import short
from maimod.findings import Category
from maimod.linter.judge import Judge, Model, check
from maimod.rules.base import Curve, Rule

FILE = "calibration.json"
FORMAT = 6
"""1 had weights by rule in place of the judge, 2 a logistic model in place of its network, 3 one hidden layer, 4 weights as text, 5 trees
as lists."""


class Stored(msgspec.Struct):
    """Content of the file."""

    format: int
    rules: list[str]
    """Rules that are judged."""
    models: dict[Category, Model]
    """The judge."""
    measured: dict[str, float | int | str] = {}
    """What it was fitted on."""
    curves: dict[str, Curve] = {}
    """Middle and scale by rule id, with the name of one of its curves after a colon."""


class Calibration(msgspec.Struct, frozen=True):
    """How the measures of a checkpoint become scores."""

    curves: Mapping[str, Curve] = msgspec.field(default_factory=dict)
    """By name: a rule's id, with the name of one of its curves after a colon."""
    judge: Judge | None = None
    """None: the checkpoint is not calibrated, and the two networks are weighed by default."""

    def score(self, rule: Rule, curve: str, measure: float, is_judged: bool = False) -> float:
        """Score of a rule's measure, by its declared curve with the middle and scale of `calibration.json`, if given
        there; for the judge without the highest score of the curve, which is meant for the rule alone."""
        declared = rule.curves[curve]
        if is_judged and isinstance(declared, Curve):
            declared = replace(declared, highest=1.0)
        stored = self.curves.get(f"{rule.id}:{curve}" if curve else rule.id)
        if stored is None:
            return declared(measure)
        if isinstance(declared, Curve):
            stored = replace(declared, middle=stored.middle, scale=stored.scale)
        return stored(measure)

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """Read `calibration.json` of a checkpoint folder; the defaults if there is none.

        Raises:
            ValueError: if it is there but damaged, or of another version.
        """
        path = folder / FILE
        if not path.exists():
            return cls()
        try:
            stored = msgspec.json.decode(path.read_bytes(), type=Stored)
            if stored.format != FORMAT:
                raise ValueError(f"format {stored.format}, {FORMAT} expected")
            check(stored.models)
            if any(not curve.scale for curve in stored.curves.values()):
                raise ValueError("a scale of 0")
        except (OSError, ValueError, RecursionError) as error:
            reason = short(error, 160)
            raise ValueError(
                f"{path}: not a usable calibration ({reason}); run maimod calibrate, or delete the file"
            ) from None
        return cls(stored.curves, Judge(stored.models, frozenset(stored.rules)))
