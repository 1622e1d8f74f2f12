"""Evidence with a model of slips that asks one question."""

from __future__ import annotations

from maimod.features import slip_model
from maimod.features.models.trees import Trees
from maimod.features.slip_model import Forest, SlipModel
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence

NOTHING = Trees(-9.0)


def stump(name: str, limit: float, below: float, above: float) -> Forest:
    """A model of one question."""
    return Forest([name], Trees.of(0.0, [0, -1, -1], [limit, below, above], [1, 0, 0], [2, 0, 0]))


def evidence(loaded: Beatmap, **forests: Forest) -> Evidence:
    model = {"positions": Forest([], NOTHING), "shapes": Forest([], NOTHING)} | forests
    return Evidence(loaded, slip_model=SlipModel(slip_model.FORMAT, **model))
