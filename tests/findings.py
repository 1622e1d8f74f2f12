"""From a check to the findings that a report would have; a discriminator written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from maimod.discriminator.features import grid_of
from maimod.discriminator.prediction import KINDS, CorruptionLogits
from maimod.features.models.layers import Layer
from maimod.features.models.trees import Trees
from maimod.findings import Category, Finding
from maimod.linter.calibration import Calibration
from maimod.linter.judge import NETWORK_SHARE, Judge, Model, Network
from maimod.linter.rescore import rescore
from maimod.osu.beatmap import Beatmap
from maimod.rules import BEATMAP_CHECKS, RULES
from maimod.rules.base import Candidate
from maimod.rules.checks import MapsetCheck
from maimod.rules.evidence import Evidence, MapsetEvidence


def findings_of(run: Callable[[Evidence], Iterator[Candidate]], evidence: Evidence) -> list[Finding]:
    """Findings of one check of single difficulties, with the words of the check alone."""
    return [without_advice(one) for one in rescore(run(evidence), evidence, Calibration())]


def without_advice(finding: Finding) -> Finding:
    """The finding without the advice of its rule, which is the same in all findings of the rule."""
    return replace(finding, message=finding.message.removesuffix(f" {RULES[finding.rule].advice}"))


def findings_of_set(check: MapsetCheck, evidence: MapsetEvidence) -> list[Finding]:
    """Findings of one check of sets, of all difficulties, with the words of the check alone."""
    of_beatmap = {one.path: Evidence(one) for one in evidence.mapset.work}
    of_beatmap |= {one.beatmap.path: one for one in evidence.of_beatmaps}
    return [
        without_advice(finding)
        for beatmap, candidate in check.run(evidence)
        for finding in rescore([candidate], of_beatmap[beatmap.path], Calibration())
    ]


def doubted(loaded: Beatmap, doubts: Mapping[tuple[str, float], float], elsewhere: float = -12.0) -> Evidence:
    """Evidence about a map whose discriminator doubts some places.

    Args:
        loaded: the map.
        doubts: log-odds by (kind of corruption, time in ms).
        elsewhere: log-odds at all other places.
    """
    grid = grid_of(loaded)
    assert grid is not None
    logits = np.full((grid.count, len(KINDS)), elsewhere)
    for (kind, time), logit in doubts.items():
        logits[grid.locate([time])[0], KINDS.index(kind)] = logit
    return Evidence(loaded, corruption=CorruptionLogits(grid, KINDS, logits))


def judgeable(
    loaded: Beatmap, doubts: Mapping[tuple[str, float], float], elsewhere: float = -12.0, **more: Any
) -> Evidence:
    """Evidence as of :func:`doubted` that the judge can judge: the generator has scored the map too, and nothing surprised
    it. `more` are other fields of the evidence."""
    return replace(doubted(loaded, doubts, elsewhere), scores=(), **more)


def judging(category: Category, feature: str, weight: float, bias: float, *rules: str) -> Calibration:
    """Calibration whose judge knows one feature of one category: log-odds = weight * feature + bias."""
    # A hidden unit is nearly a line if its weight is small.
    network = Network(
        [0.0], [1.0], [[Layer.of(np.array([[weight / NETWORK_SHARE]]), np.zeros(1))]], bias / NETWORK_SHARE
    )
    model = Model([feature], network, Trees(0.0))
    return Calibration(judge=Judge({category: model}, frozenset(rules)))


def proposals_of(evidence: Evidence) -> list[Candidate]:
    """What the discriminator alone suggests, in all checks."""
    assert evidence.corruption is not None
    return [one for check in BEATMAP_CHECKS if check.propose for one in check.propose(evidence, evidence.corruption)]


def with_proposals(candidates: list[Candidate], evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Rescore candidates and what the discriminator suggests beside them."""
    proposals = proposals_of(evidence) if evidence.corruption is not None else []
    return rescore([*candidates, *proposals], evidence, calibration)
