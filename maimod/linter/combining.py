"""Make one finding of several that are one mistake: a new combo a few objects off, holds of one stretch, stretches without additions,
notes in a row of which the same is said. Each names those that it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from maimod.findings import Finding, editor_timestamp
from maimod.linter.adjustments import HOLD_SLIP, MISSING_COMBO, UNEXPECTED_COMBO
from maimod.linter.fingerprints import listed
from maimod.linter.settings import is_faint
from maimod.osu.beatmap import Beatmap
from maimod.rules.bundles import TIMES, places_alike
from maimod.rules.evidence import Evidence

MOVED_OBJECTS = 2
"""Objects between the place of a new combo and where it seems to belong: of new combos that are set too late or too early most are
one or two objects off."""
_NO_COMBO = re.compile(r"^No new combo (?=on )")
"""How messages about a missing one begin, up to the place in the measure."""
BARE_STRETCH = "hitsounds/none"
LOST_SOUNDS = frozenset({"hitsounds/missing", "hitsounds/passage-lost"})
"""Estimates that sounds are missing: inside a stretch without any they say no more."""
IN_A_ROW = frozenset({"rhythm/finisher", "mapset/beside-others"})
"""What each note of a pattern or chord can have alike: it was done once, and is said once."""
SAME_PLACE_MS = 3.0


def combined(findings: Sequence[Finding], evidence: Evidence) -> list[Finding]:
    """The findings of one beatmap, those that are one mistake as one, in any order."""
    rank = {o.index: place for place, o in enumerate(evidence.objects_by_time)}
    beatmap = evidence.beatmap
    together = _holds_together(_moved_combos(findings, rank, evidence), beatmap)
    return list(_in_a_row(_bare_stretches(together, beatmap), rank, beatmap))


def _moved_combos(findings: Sequence[Finding], rank: Mapping[int, int], evidence: Evidence) -> Iterator[Finding]:
    """Findings; where a new combo is missing at one object and unexpected up to `MOVED_OBJECTS` before or after, one about both, with
    the words of the missing one, and score and severity of the likelier. One that is missing at several places lists the unexpected
    ones beside them."""
    unexpected = {rank[one.objects[0]]: one for one in findings if one.rule == UNEXPECTED_COMBO and _is_at_one(one)}
    named: set[int] = set()
    for one in findings:
        if one.rule != MISSING_COMBO or not one.objects or is_faint(one):
            continue
        places = [rank[one.objects[0]]]
        if TIMES in one.evidence:
            places = np.searchsorted(evidence.object_times, np.array(one.evidence[TIMES]) - SAME_PLACE_MS).tolist()
        beside = {
            id(other): (by, other)
            for place in places
            for steps in range(1, MOVED_OBJECTS + 1)
            for by in (steps, -steps)
            if (other := unexpected.get(place + by)) and id(other) not in named
        }
        if not beside:
            continue
        if TIMES in one.evidence:
            named.update((id(one), *beside))
            yield _with_moved(one, [other for _, other in beside.values()], evidence.beatmap)
        elif _is_at_one(one):
            by, other = max(beside.values(), key=lambda pair: (-abs(pair[0]), pair[1].score))
            named.update((id(one), id(other)))
            yield _moved_combo(one, other, abs(by), evidence.beatmap)
    yield from (one for one in findings if id(one) not in named)


def _is_at_one(finding: Finding) -> bool:
    """Whether a finding that is listed is about one object, not the same place of several phrases."""
    return len(finding.objects) == 1 and "places" not in finding.evidence and not is_faint(finding)


def _with_moved(missing: Finding, others: Sequence[Finding], beatmap: Beatmap) -> Finding:
    """A new combo that is missing at several places, with the unexpected ones beside them under it."""
    likelier = max([missing, *others], key=lambda finding: finding.score)
    return replace(
        missing,
        severity=min([missing, *others], key=lambda finding: finding.severity.rank).severity,
        score=likelier.score,
        evidence={**missing.evidence, "also": listed(others, beatmap)},
    )


def _moved_combo(missing: Finding, unexpected: Finding, by: int, beatmap: Beatmap) -> Finding:
    side = "late" if missing.time < unexpected.time else "early"
    first, last = sorted((missing, unexpected), key=lambda finding: finding.time)
    likelier = max(missing, unexpected, key=lambda finding: finding.score)
    objects = first.objects + last.objects
    return replace(
        missing,
        severity=likelier.severity,
        score=likelier.score,
        message=_NO_COMBO.sub(
            f"The new combo is {'one object' if by == 1 else f'{by} objects'} {side}, not ", missing.message
        ),
        time=first.time,
        timestamp=editor_timestamp(beatmap, first.time, [beatmap.hit_objects[index] for index in objects]),
        line=first.line,
        objects=objects,
        end_time=last.time,
        evidence={**missing.evidence, "also": listed([unexpected], beatmap)},
    )


def _holds_together(findings: Iterable[Finding], beatmap: Beatmap) -> Iterator[Finding]:
    """Findings; one about a stretch of holds names those about single ones inside, and is as likely as the likeliest of them."""
    every = list(findings)
    stretches = [one for one in every if one.rule == HOLD_SLIP and len(one.objects) > 1 and not is_faint(one)]
    inside: dict[int, list[Finding]] = {number: [] for number in range(len(stretches))}
    for one in every:
        around = [number for number, stretch in enumerate(stretches) if _is_of_stretch(one, stretch)]
        if around:
            inside[around[0]].append(one)
        elif one not in stretches:
            yield one
    for number, stretch in enumerate(stretches):
        own = [one for one in inside[number] if not is_faint(one)]
        likeliest = max([stretch, *own], key=lambda one: one.score)
        also = {"also": listed(own, beatmap)} if own else {}
        yield replace(
            stretch, score=likeliest.score, severity=likeliest.severity, evidence={**stretch.evidence, **also}
        )


def _is_of_stretch(finding: Finding, stretch: Finding) -> bool:
    """Whether a finding is about the end of a single hold of a stretch."""
    last = stretch.time if stretch.end_time is None else stretch.end_time
    is_single = finding.rule == HOLD_SLIP and len(finding.objects) == 1
    return is_single and stretch.time <= finding.time <= last


def _bare_stretches(findings: Iterable[Finding], beatmap: Beatmap) -> Iterator[Finding]:
    """Findings; of several stretches without additions the surest, which is the longest, names the others, and what is less sure to
    be missing in any of them."""
    every = list(findings)
    bare = [one for one in every if one.rule == BARE_STRETCH]
    surest = max(bare, key=lambda one: one.score, default=None)
    inside: list[Finding] = []
    for one in every:
        if surest and one.rule in LOST_SOUNDS and one.score <= surest.score and _is_in_any(one.time, bare):
            inside.append(one)
        elif one.rule != BARE_STRETCH:
            yield one
    if surest:
        times = sorted(one.time for one in bare)
        what, _, advice = surest.message.partition(". ")
        words = places_alike([time for time in times if time != surest.time], "none for a while at")
        several = {"places": len(times), TIMES: times} if words else {}
        also = listed([one for one in inside if not is_faint(one)], beatmap)
        yield replace(
            surest,
            message=f"{what.removesuffix('.')}{words}. {advice}".rstrip(),
            evidence={**surest.evidence, **several, **({"also": also} if also else {})},
        )


def _is_in_any(time: float, stretches: Iterable[Finding]) -> bool:
    return any(one.time - SAME_PLACE_MS <= time <= (one.end_time or one.time) + SAME_PLACE_MS for one in stretches)


def _in_a_row(findings: Iterable[Finding], rank: Mapping[int, int], beatmap: Beatmap) -> Iterator[Finding]:
    """Findings; of `IN_A_ROW` those that say the same of notes after each other, or of one chord, are one about all of them."""
    runs: list[list[Finding]] = []
    alike: list[Finding] = []
    for one in findings:
        if one.rule in IN_A_ROW and len(one.objects) == 1 and TIMES not in one.evidence:
            alike.append(one)
        else:
            yield one
    for one in sorted(alike, key=lambda one: (one.rule, rank[one.objects[0]])):
        last = runs[-1][-1] if runs else None
        if (
            last is not None
            and (last.rule, last.severity, last.message) == (one.rule, one.severity, one.message)
            and rank[one.objects[0]] == rank[last.objects[0]] + 1
        ):
            runs[-1].append(one)
        else:
            runs.append([one])
    for run in runs:
        yield _as_one(run, beatmap) if len(run) > 1 else run[0]


def _as_one(run: Sequence[Finding], beatmap: Beatmap) -> Finding:
    first, objects = run[0], tuple(one.objects[0] for one in run)
    what, _, advice = first.message.partition(". ")
    words = places_alike([one.time for one in run if one.time != first.time])
    several = {"places": len({one.time for one in run}), TIMES: [one.time for one in run]} if words else {}
    return replace(
        first,
        message=f"{what.removesuffix('.')}{words}. {advice}".rstrip() if words else first.message,
        timestamp=editor_timestamp(beatmap, first.time, [beatmap.hit_objects[index] for index in objects]),
        objects=objects,
        end_time=run[-1].time if words else first.end_time,
        evidence={**first.evidence, **several},
    )
