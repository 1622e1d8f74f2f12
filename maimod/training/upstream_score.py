"""The plain score of the original MaiMod, computed with the loaded model, for comparison with our findings.

An event is a suggestion if its surprisal is at least 20 times the model's entropy; its category follows from the kinds
of the event and of the likeliest one. Facts from https://github.com/OliBomby/Mapperatorinator (`mai_mod.py`);
suggestions are sorted by that ratio here, while the original shows the first ten of each category by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maimod.events.schema import ANCHORS, BEATS, OBJECTS, TYPES, EventKind, EventScore
from maimod.findings import Category, Finding, Severity
from maimod.osu.beatmap import HitObject, Mode
from maimod.osu.timing import is_near

LEAST_RATIO = 20.0
SAME_TIME_MS = 10.0
PLACES = frozenset({EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y, EventKind.POS})
K = EventKind


@dataclass(frozen=True, slots=True)
class _Group:
    kind: EventKind | None
    time: float


def suggestions(scores: Sequence[EventScore], mode: Mode) -> list[Finding]:
    """Suggestions of the original, highest ratio first; the ratio is in the evidence, the category in the rule."""
    kinds: dict[int, EventKind] = {}
    for score in scores:
        if score.event.kind in TYPES and score.event.kind is not K.SLIDER_SUSTAIN:
            kinds[score.event.group] = score.event.kind
    beats = sorted(score.event.time for score in scores if score.event.kind in BEATS)
    found = []
    for score in scores:
        if score.entropy <= 0.0 or (ratio := score.surprisal / score.entropy) < LEAST_RATIO:
            continue
        group = _Group(kinds.get(score.event.group), score.event.time)
        category = None if _is_dropped(score, group, beats) else _category(score, group, mode)
        if category is not None:
            source = score.event.source
            objects = (source.index,) if isinstance(source, HitObject) else ()
            found.append(
                Finding(
                    f"{category}/plain",
                    category,
                    Severity.MINOR,
                    0.0,
                    "",
                    score.event.time,
                    "",
                    source.line if source else 1,
                    objects,
                    evidence={"ratio": ratio},
                )
            )
    return sorted(found, key=lambda finding: -float(finding.evidence["ratio"]))


def _is_dropped(score: EventScore, group: _Group, beats: Sequence[float]) -> bool:
    actual, expected = score.event, score.likeliest
    if group.kind is K.SLIDER_END and actual.kind in PLACES:
        return True
    if actual.kind is expected.kind is K.TIME:
        return abs(expected.value - actual.value) <= SAME_TIME_MS
    return actual.kind is K.SNAP and expected.kind in BEATS and is_near(beats, actual.time, 2.0)


def _category(score: EventScore, group: _Group, mode: Mode) -> Category | None:
    actual, expected = score.event.kind, score.likeliest.kind
    of_group = (
        Category.RHYTHM
        if group.kind in OBJECTS
        else Category.SCROLL_SPEED
        if group.kind is K.SCROLL_SPEED_CHANGE
        else Category.KIAI
        if group.kind is K.KIAI
        else Category.TIMING
    )
    if actual in OBJECTS and expected in OBJECTS:
        return Category.SLIDERS if {actual, expected} <= ANCHORS | {K.LAST_ANCHOR} else Category.RHYTHM
    if actual is expected:
        match actual:
            case K.TIME | K.SNAP:
                return of_group
            case K.SCROLL_SPEED:
                return Category.SLIDERS if mode is Mode.OSU else Category.SCROLL_SPEED
            case K.HITSOUND | K.VOLUME:
                return Category.HITSOUNDS
            case K.DISTANCE | K.POS_X | K.POS_Y | K.POS | K.COLUMN:
                return Category.POSITIONS
    if expected is K.CONTROL:
        return Category.KIAI if actual is K.KIAI else Category.TIMING
    match actual, expected:
        case K.HITSOUND, K.NEW_COMBO:
            return Category.NEW_COMBOS
        case K.NEW_COMBO, K.HITSOUND:
            return Category.NEW_COMBOS
        case K.HITSOUND, (K.LAST_ANCHOR | K.SLIDER_END):
            return Category.RHYTHM
        case (K.TIME, K.DISTANCE) | (K.DISTANCE, K.TIME):
            return Category.SLIDERS
        case K.SNAP, (K.BEAT | K.MEASURE | K.TIMING_POINT):
            return Category.TIMING
    return Category.TIMING if actual in BEATS else None
