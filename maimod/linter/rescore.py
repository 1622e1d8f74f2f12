"""The second reading: every finding that rests on a model or a habit is weighed against what the proofreader thinks,
and what it alone saw becomes a finding.

The first evidence is the score of the rule's own curve, the second the proofreader's log-odds at the place. Weights by
rule come from `calibration.json`; they were fitted on planted mistakes, so the score they give is the share of such
findings that are real.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from maimod.findings import Finding
from maimod.rules import RULES, kiai
from maimod.rules.base import Context
from maimod.rules.calibration import ALONE_SCORE, MINOR_SCORE, Calibration
from maimod.rules.proposals import _kiai_doubt, proposals

KINDS_OF_RULE: dict[str, tuple[str, ...]] = {
    "rhythm/unexpected-object": ("extra",),
    "rhythm/missing-object": ("missing",),
    "rhythm/wrong-tick": ("extra", "missing"),
    "rhythm/unexpected-end": ("length",),
    "rhythm/unexpected-kind": ("length",),
    "new-combos/missing": ("combo",),
    "new-combos/unexpected": ("combo",),
    "hitsounds/missing": ("addition",),
    "hitsounds/unexpected": ("addition",),
    "hitsounds/taiko-colour": ("addition",),
    "hitsounds/sample-set": ("sample_set",),
    "hitsounds/volume": ("volume",),
    "positions/unexpected": ("place",),
    "positions/column": ("place",),
    "positions/spacing": ("place",),
    "sliders/shape": ("shape",),
    "sliders/length": ("length", "shape"),
    "sliders/velocity": ("shape", "length"),
    "sliders/repeats": ("length",),
    "sliders/reversed": ("shape",),
    "scroll-speed/unexpected": ("velocity",),
    "kiai/misplaced": ("kiai",),
}
"""What the proofreader would call the mistakes of each rule it can judge."""
EXACT = frozenset({"positions/column"})
"""Rules that arithmetic makes too: a finding without model evidence stays as it is."""
SILENT = -3.0
"""Log-odds that stand for a rule that did not speak."""


def rule_logit(finding: Finding) -> float:
    """Log-odds of a rule's own score."""
    score = min(max(finding.score, 1e-3), 1 - 1e-3)
    return math.log(score / (1 - score))


def witnesses(findings: Sequence[Finding], context: Context) -> Iterator[tuple[Finding, float, float]]:
    """Every finding that the proofreader can judge, and those it proposes, with both log-odds: the rule's and the
    proofreader's.

    Args:
        findings: of the detectors.
        context: with the proofreader's doubts; without them there is nothing to weigh.
    """
    corruption = context.corruption
    if corruption is None:
        return
    spoken_of: set[tuple[str, int]] = set()
    for finding in findings:
        if is_judged(finding):
            spoken_of |= _subjects(finding)
            doubt = corruption.at(KINDS_OF_RULE[finding.rule], _times(finding, context))
            if finding.rule == kiai.MISPLACED.id:
                doubt = _kiai_doubt(corruption, finding.time)[0]
            yield finding, rule_logit(finding), doubt
    for finding, doubt in proposals(context, corruption):
        if not spoken_of & _subjects(finding):
            yield finding, SILENT, doubt


def _subjects(finding: Finding) -> set[tuple[str, int]]:
    """(kind of change, object) of all it speaks of. Kiai has no objects: its borders are told apart by their lines."""
    return {(kind, place) for kind in KINDS_OF_RULE[finding.rule] for place in [*finding.objects] or [-finding.line]}


def is_judged(finding: Finding) -> bool:
    """Whether the proofreader has a say in a finding."""
    return finding.rule in KINDS_OF_RULE and not (finding.rule in EXACT and finding.surprisal is None)


def rescore_findings(findings: Sequence[Finding], context: Context) -> list[Finding]:
    """Weigh the findings against the proofreader, and add its own; without a proofreader they stay as they are."""
    if context.corruption is None:
        return [finding for finding in findings if finding.score >= ALONE_SCORE]
    weighed = [finding for finding in findings if not is_judged(finding)]
    weighed += [
        _scored(finding, context.calibration, first, second) for finding, first, second in witnesses(findings, context)
    ]
    return [finding for finding in weighed if finding.score >= MINOR_SCORE]


def _scored(finding: Finding, calibration: Calibration, first: float, second: float) -> Finding:
    score = round(calibration.together(finding.rule, first, second), 4)
    severity = calibration.severity(RULES[finding.rule].severity, score)
    evidence = {**finding.evidence, "first_reading": round(first, 2), "second_reading": round(second, 2)}
    return replace(finding, score=score, severity=severity, evidence=evidence)


def _times(finding: Finding, context: Context) -> list[float]:
    """Where to ask about a finding."""
    objects = context.beatmap.hit_objects
    if finding.rule == "rhythm/missing-object":
        return [finding.time]
    return [finding.time, *(objects[i].time for i in finding.objects)]


# ---------------------------------------------------------------------------------------------------------------------
# What the proofreader saw
