"""Objects that are hard to read, by exact arithmetic: close in time but apart in easy maps, overlaps that are not
stacked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import ONLY_OSU, HitObject, Mode, ObjectKind
from maimod.osu.level import Level
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import places_alike
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import low
from maimod.rules.evidence import Evidence

OVERLAP = Rule(
    "positions/should-overlap",
    "Objects close in time that do not overlap",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Beginners read time from distance, so objects that follow at once have to touch.",
    how="In an Easy or Normal, two objects less than 150 ms apart (175 ms: a warning) that do not overlap.",
    advice="Let them overlap, so that a beginner sees the faster rhythm.",
    ignore_when="the song is so fast that all of its half beats are that short",
    blind_spots="Objects that overlap although they are far apart in time; harder difficulties.",
    source="https://github.com/ppy/osu/blob/master/osu.Game.Rulesets.Osu/Edit/Checks/CheckLowDiffOverlaps.cs",
    modes=ONLY_OSU,
)
UNSTACKED = Rule(
    "positions/unstacked",
    "Overlap that the stack leniency leaves unstacked",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="An object exactly on another one, shown at the same time and not stacked, is not visible.",
    how="An object lies on the end of the one before it, a quarter beat later or less (a beat in an Easy or Normal, half a "
    "beat in a Hard), and the time between is more than approach time times stack leniency, so that the game does not shift it.",
    advice="Stack them by hand, or raise the stack leniency.",
    ignore_when="the overlaps are intended to be read by rhythm",
    blind_spots="Overlaps with other objects in between; gaps of more than a quarter beat in harder difficulties, where "
    "low leniencies are common.",
    criteria=("full-overlap",),
    source="https://osu.ppy.sh/wiki/en/Beatmap/Stack_leniency",
    modes=ONLY_OSU,
)

MUST_OVERLAP_MS, SHOULD_OVERLAP_MS = 150.0, 175.0
"""lazer, CheckLowDiffOverlaps. 2 of 267 ranked Easies and Normals have objects that should overlap, none any that must.
"""
STACK_PX = 3.0  # lazer, `OsuBeatmapProcessor.STACK_DISTANCE`
ROUNDING_BEATS = 0.01
QUARTER = 0.26
"""Beats. 5 of 495 ranked maps have such overlaps within a quarter beat, 26 within half a beat."""
MANY = 4
"""This many places or more are one finding."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode is not Mode.OSU:
        return
    pairs = [
        (before, after)
        for before, after in pairwise(evidence.objects_by_time)
        if ObjectKind.SPINNER not in (before.kind, after.kind)
    ]
    if evidence.level in (Level.EASY, Level.NORMAL):
        yield from _overlaps(evidence, pairs)
    yield from _unstacked(evidence, pairs)


def _distance(before: HitObject, after: HitObject) -> float:
    return math.dist(slider_path.tail(before.slider) if before.slider else (before.x, before.y), (after.x, after.y))


def _overlaps(evidence: Evidence, pairs: list[tuple[HitObject, HitObject]]) -> Iterator[Candidate]:
    diameter = 2 * evidence.beatmap.difficulty.circle_radius
    found = [
        (before, after, gap)
        for before, after in pairs
        if 0 <= (gap := after.time - before.end_time) < SHOULD_OVERLAP_MS and _distance(before, after) >= diameter
    ]
    for before, after, gap in found[:1] if len(found) >= MANY else found:
        more = places_alike([one.time for one, *_ in found[1:]]) if len(found) >= MANY else ""
        yield candidate(
            OVERLAP,
            time=before.time,
            line=after.line,
            objects=[before, after],
            certainty=Certainty.CERTAIN if gap < MUST_OVERLAP_MS else Certainty.GUIDELINE,
            actual=f"{gap:.0f} ms",
            expected=[Expected("an overlap")],
            message=f"These objects are {gap:.0f} ms apart and do not touch: {_distance(before, after):.0f} px, circles are "
            f"{diameter:.0f} px wide{more}.",
            places=len(found),
        )


def _unstacked(evidence: Evidence, pairs: list[tuple[HitObject, HitObject]]) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    reach = beatmap.difficulty.preempt_ms * beatmap.stack_leniency
    beats = max(low("full-overlap", Mode.OSU, evidence.level) + ROUNDING_BEATS, QUARTER)
    found = [
        (before, after)
        for before, after in pairs
        if reach < after.time - before.end_time <= beats * beatmap.red_line_at(after.time).beat_length
        and _distance(before, after) < STACK_PX
    ]
    if found:
        before, after = found[0]
        more = places_alike([one.time for one, _ in found[1:]])
        yield candidate(
            UNSTACKED,
            time=before.time,
            line=after.line,
            objects=[before, after],
            certainty=Certainty.GUIDELINE,
            places=len(found),
            actual=f"{beatmap.stack_leniency:g}",
            expected=[Expected("a higher stack leniency")],
            message=f"These objects are at the same position, {after.time - before.end_time:.0f} ms apart, but a stack leniency of "
            f"{beatmap.stack_leniency:g} stacks only those within {reach:.0f} ms{more}.",
        )


CHECK = BeatmapCheck(Category.POSITIONS, "Readability", (OVERLAP, UNSTACKED), run)
