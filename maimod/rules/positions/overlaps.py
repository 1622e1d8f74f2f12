"""Objects that hide others, by exact arithmetic: overlaps in an Easy, covered reverse arrows, stacks that Hard Rock
unstacks.

An object is drawn above those that follow it, so it can hide what it was before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import msgspec

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import ONLY_OSU, UNSNAP_MS, HitObject, Mode, ObjectKind
from maimod.osu.level import Level
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import places_alike
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import low
from maimod.rules.evidence import Evidence
from maimod.rules.steps import cursor

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21"
OVERLAP = Rule(
    "positions/overlap",
    "Overlap in an Easy",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Beginners take objects that overlap for objects at once; one that lies under another is not seen at all.",
    how="In an Easy, an object lies less than 0.8 diameters from the place where the one before it ends, a fifth of a second "
    "to a beat earlier. Places at the distance that the map keeps for such a gap (its distance snap), and four places or more, are the "
    "map's style: one finding, a minor.",
    advice="Move them apart, so that a beginner can read the order.",
    ignore_when="the song is so fast that the objects are half a beat apart",
    blind_spots="Overlaps with objects further back; harder difficulties, where stacks are common.",
    source=f"{_CRITERIA}#easy",
    modes=ONLY_OSU,
    criteria=("full-overlap",),
)
HIDDEN_REPEAT = Rule(
    "positions/hidden-repeat",
    "Covered reverse arrow",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A player who cannot see the arrow leaves the slider at its end.",
    how="An object before the slider lies on the end of its path, within half a radius, and is there until shortly before the "
    "slider gets there: within the beats that the criteria name for the level, at 120 BPM where the song is slower.",
    advice="Move the object before, so that the arrow can be seen.",
    ignore_when="the arrow is visible beside the object",
    blind_spots="Arrows at the head, which only sliders with three slides and more have; Experts, for which there is no such "
    "guideline.",
    source=f"{_CRITERIA}#difficulty-specific",
    modes=ONLY_OSU,
    criteria=("hidden-repeat",),
)
HARD_ROCK = Rule(
    "positions/hard-rock-stack",
    "Stack that Hard Rock leaves unstacked",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Hard Rock shortens the approach time, and with it the time within which objects are stacked: the second object lies "
    "exactly under the first.",
    how="Objects at one position, a quarter beat apart or less, that are stacked by approach time and stack leniency, but not "
    "by the approach time under Hard Rock.",
    advice="Look at it with Hard Rock: can it be read?",
    ignore_when="the overlap is readable by its rhythm",
    blind_spots="Gaps of more than a quarter beat.",
    source="https://osu.ppy.sh/wiki/en/Beatmap/Stack_leniency",
    modes=ONLY_OSU,
)

LEAST_OVERLAP_MS = 200.0
"""Objects closer in time should touch in an Easy, see positions/should-overlap."""
OVERLAP_BEATS = 1.02
LEAST_APART = 0.8
"""In diameters of a circle. Of 22 ranked Easies 7 have objects less than a diameter apart; distance snap makes most of
them touch a little."""
MANY = 4
"""This many places or more are one finding."""
KEPT = 0.15
"""Share by which a distance may differ from the map's distance snap. All six overlaps of three ranked Easies are at it: their
velocity is low for the size of their circles."""
LEAST_STEPS = 8
"""Fewest steps that have a distance snap."""
SLOW_BEAT_MS = 500.0
"""The guidelines count beats; those of songs under 120 BPM count as if they had it."""
MOST_BEFORE = 50
"""Objects before a slider that may lie on its arrow; there are more only where they cannot be read anyway."""
COVERED = 0.5
"""Share of the radius within which an object covers an arrow."""
STACK_PX = 3.0
QUARTER_BEAT = 0.26
HARD_ROCK_RATE = 1.4


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode is not Mode.OSU:
        return
    objects = [o for o in evidence.objects_by_time if o.kind is not ObjectKind.SPINNER]
    if evidence.level is Level.EASY:
        yield from _overlaps(evidence, objects)
    yield from _hidden_repeats(evidence, objects)
    yield from _hard_rock(evidence, objects)


def _overlaps(evidence: Evidence, objects: list[HitObject]) -> Iterator[Candidate]:
    diameter = 2 * evidence.beatmap.difficulty.circle_radius
    steps = [_step(evidence, before, after) for before, after in pairwise(objects)]
    kept = _distance_snap(steps)
    found = [
        one
        for one in steps
        if one.gap >= LEAST_OVERLAP_MS and one.beats <= OVERLAP_BEATS and one.distance < LEAST_APART * diameter
    ]
    usual = [one for one in found if kept is not None and abs(one.distance / one.beats - kept) <= KEPT * kept]
    styled = found if len(found) >= MANY else usual
    for one in (*styled[:1], *(one for one in found if one not in styled)):
        is_style = one in styled
        yield candidate(
            OVERLAP,
            time=one.before.time,
            line=one.after.line,
            objects=[one.before, one.after],
            certainty=Certainty.POSSIBLE if is_style else Certainty.GUIDELINE,
            actual=f"{one.distance:.0f} px",
            expected=[Expected(f"{diameter:.0f} px or more")],
            message=f"{_overlap_words(one, one in usual, diameter)}"
            f"{places_alike([other.before.time for other in styled[1:]]) if is_style else ''}.",
            places=len(styled) if is_style else 1,
        )


class _Step(msgspec.Struct, frozen=True):
    """The way from where an object ends to the next one."""

    before: HitObject
    after: HitObject
    gap: float
    """Ms."""
    beats: float
    """The gap in beats."""
    distance: float
    """Px."""


def _step(evidence: Evidence, before: HitObject, after: HitObject) -> _Step:
    gap = after.time - before.end_time
    beat = evidence.beatmap.red_line_at(after.time).beat_length
    return _Step(before, after, gap, gap / beat, math.dist(cursor(before), (after.x, after.y)))


def _overlap_words(step: _Step, is_usual: bool, diameter: float) -> str:
    if step.distance < STACK_PX:
        return f"These objects lie on each other, {step.gap:.0f} ms apart"
    aside = ", as the distance snap of this map wants it" if is_usual else ""
    return (
        f"These objects overlap: they are {step.distance:.0f} px and {step.gap:.0f} ms apart{aside}, and circles are "
        f"{diameter:.0f} px wide"
    )


def _distance_snap(steps: Sequence[_Step]) -> float | None:
    """Px for each beat that most steps of a map keep; None if there is no such distance."""
    ratios = sorted(one.distance / one.beats for one in steps if one.beats > 0 and one.gap >= LEAST_OVERLAP_MS)
    if len(ratios) < LEAST_STEPS:
        return None
    middle = ratios[len(ratios) // 2]
    close = sum(abs(ratio - middle) <= KEPT * middle for ratio in ratios)
    return middle if close > len(ratios) / 2 else None


def _hidden_repeats(evidence: Evidence, objects: list[HitObject]) -> Iterator[Candidate]:
    beats = low("hidden-repeat", Mode.OSU, evidence.level)
    if evidence.level is None or math.isinf(beats):
        return
    radius = evidence.beatmap.difficulty.circle_radius
    for place, slider in enumerate(objects):
        if slider.slider is None or slider.slider.slides < 2:
            continue
        reached = slider.time + slider.span_duration
        # Files have whole ms: exactly the beats of the guideline can be less than a ms too few.
        since = reached - beats * min(evidence.beatmap.red_line_at(slider.time).beat_length, SLOW_BEAT_MS) + UNSNAP_MS
        arrow = slider_path.flatten(slider.slider).end
        for before in reversed(objects[max(place - MOST_BEFORE, 0) : place]):
            if before.end_time < since:
                break
            places = (
                [(before.x, before.y), slider_path.flatten(before.slider).end]
                if before.slider
                else [(before.x, before.y)]
            )
            distance = min(math.dist(arrow, at) for at in places)
            if distance <= COVERED * radius and math.dist((slider.x, slider.y), arrow) > radius:
                yield candidate(
                    HIDDEN_REPEAT,
                    time=slider.time,
                    line=slider.line,
                    objects=[before, slider],
                    certainty=Certainty.GUIDELINE,
                    actual=f"{distance:.0f} px",
                    message=f"The {before.kind.value} before covers the reverse arrow of this slider until "
                    f"{reached - before.end_time:.0f} ms before it is reached.",
                )
                break


def _hard_rock(evidence: Evidence, objects: list[HitObject]) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    reach = beatmap.difficulty.preempt_ms * beatmap.stack_leniency
    rate = min(beatmap.difficulty.approach_rate * HARD_ROCK_RATE, 10.0)
    harder = replace(beatmap.difficulty, approach_rate=rate).preempt_ms * beatmap.stack_leniency
    found = [
        (before, after)
        for before, after in pairwise(objects)
        if harder < (gap := after.time - before.end_time) <= reach
        and gap <= QUARTER_BEAT * beatmap.red_line_at(after.time).beat_length
        and math.dist(cursor(before), (after.x, after.y)) < STACK_PX
    ]
    if found:
        before, after = found[0]
        more = places_alike([one.time for one, _ in found[1:]])
        yield candidate(
            HARD_ROCK,
            time=before.time,
            line=after.line,
            objects=[before, after],
            certainty=Certainty.HARMLESS,
            places=len(found),
            actual=f"{after.time - before.end_time:.0f} ms",
            expected=[Expected(f"{harder:.0f} ms or less")],
            message=f"These objects are stacked, {after.time - before.end_time:.0f} ms apart; under Hard Rock only those within "
            f"{harder:.0f} ms are{more}.",
        )


CHECK = BeatmapCheck(Category.POSITIONS, "Hidden objects", (OVERLAP, HIDDEN_REPEAT, HARD_ROCK), run)
