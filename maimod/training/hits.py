"""Which findings hit a place, and which rank they have: shared by planted mistakes and real corrections.

A finding is *right* for a mistake if its category is one of the mistake's and it lies within `NEAR_MS` of it. It is
*new* if the untouched map has no right finding at this place, or only one whose log-odds are lower by at least
`NEW_NATS`: what was there before the mistake does not point at it. Ranks are by score among the findings about the map
itself; findings about files and the set (category `mapset`) are another list. Equal scores share their mean rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from maimod.findings import Category, Finding
from maimod.rules.bundles import TIMES
from maimod.training.faults import Fault, Planted
from maimod.training.metrics import Trial

NEAR_MS = 60.0
NEW_NATS = 0.5
LONG_FINDING_MS = 10_000.0
"""A finding about a longer section is at its start, so that it does not hit every place in the section."""
AROUND_BEATS = 1.0
AROUND_OBJECTS = 1
"""A finding this close to another mistake of the same copy belongs to that one."""
AROUND_MS = (200.0, 1_000.0)
"""Bounds of a beat in ms, for maps with a doubled or halved BPM."""

Span = tuple[float, float]


def in_map(findings: Iterable[Finding]) -> list[Finding]:
    """Those about the map itself, not about files or the set."""
    return [finding for finding in findings if finding.category is not Category.MAPSET]


def spans_of(finding: Finding, whole: bool) -> list[Span]:
    """(start, end) in ms of the places that a finding is about.

    Args:
        finding: bundled ones list their places.
        whole: keep long sections, for mistakes that are long themselves.
    """
    listed = finding.evidence.get(TIMES)
    if isinstance(listed, list) and listed:
        return [(float(time), float(time)) for time in listed]
    end = finding.time if finding.end_time is None else finding.end_time
    return [(finding.time, end if whole or end - finding.time <= LONG_FINDING_MS else finding.time)]


def is_near(finding: Finding, places: Iterable[Span], whole: bool = False, near: float = NEAR_MS) -> bool:
    """Whether a finding lies within `near` ms of one of the places."""
    found = spans_of(finding, whole)
    return any(low - near <= end and start <= high + near for low, high in places for start, end in found)


def mean_rank(score: float, scores: Sequence[float]) -> float:
    """Rank of a score among `scores`, which contain it; 1 is the best, equal ones share the mean of their ranks."""
    return sum(other > score for other in scores) + (sum(other == score for other in scores) + 1) / 2


def leads_to(finding: Finding, planted: Planted) -> bool:
    """Whether a finding may have been caused by a mistake: it lies within a beat or an object of it."""
    red = planted.beatmap.red_line_at(planted.start)
    around = AROUND_BEATS * min(max(red.beat_length, AROUND_MS[0]), AROUND_MS[1])
    if not planted.is_local or planted.places:
        return is_near(finding, planted.spans, whole=not planted.is_local, near=around)
    return is_near(finding, planted.spans, near=around) or (
        bool(finding.objects and planted.objects)
        and min(finding.objects) <= planted.objects[-1] + AROUND_OBJECTS
        and max(finding.objects) >= planted.objects[0] - AROUND_OBJECTS
        and len(finding.objects) <= len(planted.objects) + 8
    )


def trial_of(
    planted: Planted,
    fault: Fault,
    findings: Sequence[Finding],
    before: Sequence[Finding],
    name: str,
    plain: Sequence[Finding] = (),
) -> Trial:
    """Search the findings of the changed map for the mistake.

    Args:
        planted: the mistake.
        fault: its kind.
        findings: about the changed map, without those that other mistakes planted in it may have caused.
        before: about the untouched map.
        name: of the map.
        plain: suggestions of the plain score for the changed map, best first, without those of other mistakes.
    """
    whole = not planted.is_local

    def right(found: Iterable[Finding]) -> list[Finding]:
        return [f for f in found if fault.is_right(f.rule) and is_near(f, planted.spans, whole)]

    was = max((log_odds(f.score) for f in right(before)), default=-math.inf)
    hits = [f for f in right(findings) if log_odds(f.score) >= was + NEW_NATS]
    best = max(hits, key=lambda f: f.score, default=None)
    suggested = {id(f) for f in right(plain)}
    return Trial(
        name,
        planted.beatmap.mode.label,
        fault.kind,
        fault.dose,
        str(fault.category),
        planted.note,
        planted.start,
        mean_rank(best.score, [f.score for f in findings]) if best else None,
        best.rule if best else "",
        best.score if best else 0.0,
        was > -math.inf,
        len(findings),
        next((rank for rank, f in enumerate(plain, start=1) if id(f) in suggested), None),
        chance(planted),
    )


def log_odds(score: float) -> float:
    """ln(p / (1 - p)) of a score, which may be 0 or 1."""
    p = min(max(score, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def chance(planted: Planted) -> float:
    """Share of the objects at which a finding would hit the mistake; 0 for mistakes of a section or the whole map."""
    if not planted.is_local:
        return 0.0
    times = [o.time for o in planted.beatmap.hit_objects]
    near = [any(low - NEAR_MS <= time <= high + NEAR_MS for low, high in planted.spans) for time in times]
    return sum(near) / max(len(near), 1)
