"""Cascade suppression: one finding per mistake; its consequences are listed under it.

A surprised model is often surprised again right after: the object after a missing one is too late, the position after a
wrong one too far, an unsnapped object is off the grid and off the rhythm. The strongest of such findings is kept and
lists the others. An exact finding is only ever folded into another exact one that reports the very
same mistake.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from maimod.findings import Category, Finding
from maimod.linter.causes import Kept, first_sections, is_in_section, order_of_causes
from maimod.linter.combining import combined
from maimod.linter.fingerprints import listed
from maimod.linter.settings import is_faint
from maimod.rules.evidence import Evidence

MOST_OF_RULE = 100
"""Nobody reads more findings of one rule in one map; ranked maps have up to a few dozen."""
UNEXPLAINED_BITS = 10.0
"""An event with more bits is counted as unexplained if no finding names its object."""


def deduplicate(findings: Sequence[Finding], evidence: Evidence) -> tuple[list[Finding], int]:
    """Keep one finding for each mistake.

    Args:
        findings: of one beatmap, in any order.
        evidence: the beatmap and its scores.

    Returns:
        The kept findings by time, with the suppressed ones under "also" in their evidence (timestamp, rule, severity and
        fingerprint of each that is not faint), at most `MOST_OF_RULE` of a rule, the last of which says how many "more" there
        are; and the number of objects with a surprising event that no finding but faint ones names.
    """
    kept = Kept(evidence)
    also: dict[int, list[Finding]] = {}
    ordered = sorted(combined(findings, evidence), key=order_of_causes)
    sections = first_sections(ordered)
    for finding in ordered:
        causes = kept.causes_of(finding)
        if finding.time in sections and is_in_section(finding):
            causes.append(sections[finding.time])
        if causes:
            if not is_faint(finding):
                also.setdefault(min(causes), []).append(finding)
        else:
            kept.add(finding)
    merged = [
        replace(f, evidence={**f.evidence, "also": [*f.evidence.get("also", ()), *listed(also[i], evidence.beatmap)]})
        if i in also
        else f
        for i, f in enumerate(kept.findings)
    ]
    order = {category: place for place, category in enumerate(Category)}
    ordered = sorted(_few_of_each(merged), key=lambda f: (f.time, order[f.category], f.rule))
    return ordered, _unexplained(findings, evidence)


def _unexplained(findings: Iterable[Finding], evidence: Evidence) -> int:
    """The number of objects with a surprising event that no finding but faint ones names."""
    named = {index for finding in findings if not is_faint(finding) for index in finding.objects}
    return sum(
        1
        for index, scores in evidence.scores_by_object.items()
        if index not in named and any(score.tolerant_surprisal > UNEXPLAINED_BITS for score in scores)
    )


def _few_of_each(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The findings of rules with up to `MOST_OF_RULE`; of other rules the gravest, and how many more there are."""
    by_rule: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_rule[finding.rule].append(finding)
    for own in by_rule.values():
        if len(own) > MOST_OF_RULE:
            own.sort(key=lambda f: (f.severity.rank, -f.score, f.time))
            more = len(own) - MOST_OF_RULE
            own = sorted(own[:MOST_OF_RULE], key=lambda f: f.time)
            own[-1] = replace(
                own[-1],
                message=f"{own[-1].message} And {more:,} more like it.",
                evidence={**own[-1].evidence, "more": more},
            )
        yield from own
