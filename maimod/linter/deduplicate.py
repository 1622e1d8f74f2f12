"""One mistake, one finding: what follows in the wake of a finding is folded into it.

A model that has just been surprised is surprised again: the object after a missing one comes too late, the position
after a wrong one is too far, an unsnapped object is both off the grid and off the rhythm. The strongest of such
findings stays and lists the rest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from maimod.findings import Category, Finding
from maimod.osu.beatmap import Beatmap
from maimod.rules.base import Context
from maimod.rules.calibration import MINOR_SCORE, WARNING_SCORE, Calibration

WAKE_OBJECTS = 1
"""A finding reaches this many objects past its own."""
SECTION_MARGIN_MS = 1500.0
"""Sections are found by windows of 10 s: their borders are about this uncertain, so what lies near them stands for
itself."""
CAUSES: dict[Category, frozenset[Category]] = {
    Category.RHYTHM: frozenset(
        {Category.RHYTHM, Category.POSITIONS, Category.NEW_COMBOS, Category.SLIDERS, Category.MAPSET}
    ),
    Category.TIMING: frozenset({Category.RHYTHM, Category.TIMING, Category.KIAI}),
    Category.POSITIONS: frozenset({Category.POSITIONS, Category.SLIDERS}),
    Category.NEW_COMBOS: frozenset({Category.NEW_COMBOS}),
    Category.SLIDERS: frozenset({Category.SLIDERS, Category.POSITIONS}),
    Category.HITSOUNDS: frozenset({Category.HITSOUNDS}),
    Category.SCROLL_SPEED: frozenset({Category.SCROLL_SPEED}),
    Category.KIAI: frozenset({Category.KIAI}),
    Category.MAPSET: frozenset({Category.HITSOUNDS, Category.RHYTHM}),
}
"""Which categories of findings a finding can bring about on its own object or right after it. Those of a set that name
objects speak of objects and additions that the other difficulties have otherwise."""
FIRST_CAUSES = frozenset({Category.RHYTHM, Category.MAPSET})
"""Of warnings and problems these come before all others."""
USUAL_FINDINGS, USUAL_FINDINGS_A_MINUTE = 2.0, 1.0
"""A rule with model evidence may find this much in a map before it is taken for the map's style. Takes the warnings on
40 untouched ranked maps from 2.02 to 1.87 a minute, and those on a few maps of unusual style from dozens to none."""
UNEXPLAINED_BITS = 10.0
"""An event more surprising than this is counted as unexplained if no finding speaks of its object."""


def penalise_repetition(findings: Sequence[Finding], context: Context) -> list[Finding]:
    """Lower the scores of a rule that the model makes speak again and again: what surprises so often is the style of
    this map.

    Args:
        findings: of one beatmap.
        context: the beatmap.

    Returns:
        The findings, those left out whose lowered score is below what is reported.
    """
    often = Counter(finding.rule for finding in findings if _rests_on_a_network(finding))
    usual = USUAL_FINDINGS + context.beatmap.drain_ms / 60_000 * USUAL_FINDINGS_A_MINUTE
    tempered = []
    for finding in findings:
        if _rests_on_a_network(finding) and often[finding.rule] > usual:
            score = round(finding.score * usual / often[finding.rule], 4)
            finding = replace(finding, score=score, severity=Calibration.severity(finding.severity, score))
        if finding.score >= MINOR_SCORE:
            tempered.append(finding)
    return tempered


def _rests_on_a_network(finding: Finding) -> bool:
    return finding.surprisal is not None or "second_reading" in finding.evidence


def fold(findings: Sequence[Finding], context: Context) -> tuple[list[Finding], int]:
    """Keep one finding per mistake.

    Args:
        findings: of one beatmap, in any order.
        context: the beatmap and its scores.

    Returns:
        The findings that stay, by time, with what was folded into each in its evidence under "also"; and the number of
        surprising events that none of the given findings is about.
    """
    rank = {o.index: place for place, o in enumerate(context.objects_by_time)}
    kept: list[Finding] = []
    also: dict[int, list[str]] = {}

    # Causes first: sections, however sure the findings inside them are; then rhythm, because an object at another time
    # is at another distance, too, and not the other way round; what a whole set says, which is more than what one
    # difficulty does; then by score. Of equals the earlier one is the cause.
    def order_of_causes(f: Finding) -> tuple[bool, bool, float, float, str]:
        return (
            not _is_section(f),
            not (f.category in FIRST_CAUSES and f.score >= WARNING_SCORE),
            -f.score,
            f.time,
            f.rule,
        )

    for finding in sorted(findings, key=order_of_causes):
        cause = next((i for i, k in enumerate(kept) if _brings_about(k, finding, rank)), None)
        if cause is None:
            kept.append(finding)
        else:
            also.setdefault(cause, []).append(f"{finding.timestamp} {finding.rule}")
    merged = [
        replace(f, evidence={**f.evidence, "also": sorted(also[i])}) if i in also else f for i, f in enumerate(kept)
    ]
    spoken_of = {index for finding in findings for index in finding.objects}
    unexplained = sum(
        1
        for index, scores in context.scores_by_object.items()
        if index not in spoken_of and any(score.surprise > UNEXPLAINED_BITS for score in scores)
    )
    order = {category: place for place, category in enumerate(Category)}
    return sorted(merged, key=lambda f: (f.time, order[f.category], f.rule)), unexplained


def _is_section(finding: Finding) -> bool:
    return finding.category is Category.TIMING and not finding.objects and finding.end_time is not None


def _brings_about(cause: Finding, finding: Finding, rank: dict[int, int]) -> bool:
    if finding.category not in CAUSES[cause.category]:
        return False
    if not cause.objects:
        # A section out of time puts every object in it off the beat.
        inside = cause.time + SECTION_MARGIN_MS <= finding.time <= (cause.end_time or 0.0) - SECTION_MARGIN_MS
        return _is_section(cause) and bool(finding.objects) and inside
    if not finding.objects:
        return False
    own, others = [rank[i] for i in cause.objects], [rank[i] for i in finding.objects]
    if set(own) & set(others):
        return True
    is_next = 0 < min(others) - max(own) <= WAKE_OBJECTS
    # Where something ends elsewhere, the step to the next object is another one, by arithmetic too.
    is_surprised_again = _rests_on_a_network(finding) and (
        _rests_on_a_network(cause) or cause.category is Category.RHYTHM
    )
    return is_next and (finding.category is Category.POSITIONS or is_surprised_again)


def fingerprint(beatmap: Beatmap, finding: Finding, of_set: bool = False) -> str:
    """An id that survives shifts of the map and edits elsewhere: made of the rule, the difficulty, the objects and
    their neighbours.

    What is true of the set as a whole is the same whichever difficulty's report it stands in.
    """
    if of_set and not finding.objects:
        return hashlib.sha256(f"{finding.rule}\n{finding.evidence.get('subject', '')}".encode()).hexdigest()[:16]
    count = len(beatmap.hit_objects)
    if finding.objects:
        first, last = min(finding.objects), max(finding.objects)
    else:
        first = last = min(range(count), key=lambda i: abs(beatmap.hit_objects[i].time - finding.time))
    around = [beatmap.hit_objects[i] for i in range(max(first - 1, 0), min(last + 2, count))]
    # Several findings of one rule may be about no object: each has its subject, as a key of the file or the name of a
    # file.
    parts = [
        finding.rule,
        beatmap.metadata.get("Version", ""),
        str(finding.evidence.get("subject", "")),
        *(f"{o.kind}:{round(o.x)}:{round(o.y)}:{o.combo_number}" for o in around),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
