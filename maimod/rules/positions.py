"""Positions: objects that fit neither the map's spacing nor the model's expectation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore, position
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.rules.base import LEAST_PROPOSED_LOGIT, BeatmapCheck, Candidate, Certainty, Curve, Evidence, Rule, candidate

OSU = frozenset({Mode.OSU})
PLAYFIELD_MODES = frozenset({Mode.OSU, Mode.CATCH})

LEFT, TOP, RIGHT, BOTTOM = -67, -60, 579, 428
"""Visible area around the playfield on a 4:3 screen, in osu! pixels (lazer, `CheckOffscreenObjects`)."""

STACK_PX, TAIL_STACK_PX = 1.0, 1.5
"""Objects closer than this are an exact stack: heads are on whole pixels, tails at the end of a curve."""
NEAR_STACK_PX = 5.0
"""Objects farther apart than this look like an intended overlap."""
VISIBLE_STACK_PX = 3.0
"""The game stacks objects closer than this itself (lazer, `OsuBeatmapProcessor.stack_distance`)."""
SAME_OFFSETS = 3
"""An offset that occurs this often is a style."""
STACK_CURVE = Curve(middle=2.0, scale=1.0)
"""Log2 of exact stacks per broken one. Of 60 ranked maps 51 have only exact stacks."""
SELF_STACKED_CURVE = replace(STACK_CURVE, highest=0.55)
"""The same for objects that the game stacks itself."""

STACKED_PX = 12.0
"""Closer steps are stacks, not spacing (lazer, `CheckTimeDistanceEquality.stack_leniency`)."""
PATTERN_MS = 600.0
"""Objects farther apart are read apart (lazer: "200 BPM 2/1")."""
NEIGHBOURHOOD_MS = 4000.0
"""Spacing is compared within this time, because slow changes are deliberate (lazer's value, here to both sides)."""
MAX_NEIGHBOURS = 200
"""Most neighbours on each side; ranked maps have up to about 70."""
SAME_GAP_MS = 16.0
"""Gaps this close are the same rhythm (lazer: "240 BPM 1/16")."""
CLOSE_MS, SAME_SNAP_MS = 180.0, 5.0
"""Steps of half a beat of 160 BPM or less, and how alike their times are (Mapset Verifier, abnormal spacing)."""
LEAST_WIDTH_PX, LEAP_TIMES = 20.0, 4.0
"""Narrower steps count as this wide; a leap is this many times as wide (Mapset Verifier: a warning)."""
EVEN_PX, EVEN_SHARE = 10.0, 0.15
UNEVEN_PX, UNEVEN_SHARE = 20.0, 0.3
"""A deviation below the first pair is even; above the second it is a problem in Easy and Normal (lazer)."""
MIN_KIN = 4
EVEN_KIN = 0.8
"""Fewest neighbours of the same rhythm, and the share of them that must agree for a step to be uneven."""


EVEN_MAP = 0.85
"""Share of comparable steps that are among even ones: close to 1 in 25 ranked Easy and Normal maps, where not one step
in 3,000 is uneven; at most 0.83 (except for one map) in harder ones, where distances follow the music."""
STYLE_WEIGHT = 1.5
"""Penalty for the number of uneven steps, because many are a style: three in 250 are still worth a warning, eight in
140 are not."""
MAX_OFFSCREEN = 5
"""A map with more objects off the screen does it on purpose or was scaled; they become one finding."""
SPACING_CURVE = Curve(middle=4.5, scale=1.0)
"""Bits: log2 of the even steps, less the number of mistakes, plus how far this one is off in units of lazer's problem.
One circle moved by 60 px in a Normal of 120 steps has 7 to 8."""

PLACES = frozenset({EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y, EventKind.POS})
"""Kinds of events with positions. Refinements within a cell are left out, since 2 px are not visible."""
UNEXPECTED_CURVE = Curve(middle=6.0, scale=1.1)
"""Bits of place and of the distance to the next, above 90 % of the map's own: 7 ranked maps have 0.3 objects a minute
above 6.1."""
BASE_PERCENTILE = 90
TAIL_PERCENTILE, TAIL_BITS = 98, 3.5
"""Between these percentiles there are 2 to 4 bits in 11 of 12 ranked maps; with more (13 in the twelfth), surprises are
the style and have less weight."""
MIN_OBJECTS = 20
"""Fewest objects for a map's own distribution of surprises."""

HOLD_GAP_MS = 30.0
"""Notes of a column closer than this cannot be hit apart (Mapset Verifier, concurrent objects in mania)."""
COLUMN_CURVE = Curve(middle=7.5, scale=1.0, highest=0.8)
"""Bits of the column above 90 % of the map's own. Columns are often a free choice, so the model is never nearly
sure."""

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21"
UNEXPECTED = Rule(
    "positions/unexpected",
    "Unexpected position",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model",),
    why="An object at an unexpected position breaks the flow, or was moved by accident.",
    how="The model's surprise at distance and position of the object and at the distance to the next one, above the "
    "90th percentile of this map: in a map full of jumps a jump is no surprise.",
    ignore_when="the jump stresses its sound.",
    blind_spots="Small moves (under 100 px) in hard, jumpy maps.",
    source=_CRITERIA,
    modes=PLAYFIELD_MODES,
    curves={"": UNEXPECTED_CURVE},
    corruptions=("place",),
    proposal="The position of the object fits neither the objects before nor those after it.",
)
SPACING = Rule(
    "positions/spacing",
    "Uneven spacing",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="In a map whose distances show the rhythm, another distance at the same rhythm looks like another rhythm.",
    how="The step is compared with the steps of the same rhythm within 4 s; these are even, as are 85 % of those of the "
    "whole map, and "
    "this one is more than 10 px and 15 % off.",
    ignore_when="the spacing changes with the music.",
    blind_spots="Maps with varying spacing (most Insane and Expert ones) and stacks are not checked.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Distance_snap",
    modes=frozenset({Mode.OSU}),
    curves={"": SPACING_CURVE},
    corruptions=("place",),
)
LEAP = Rule(
    "positions/spacing-leap",
    "Leap out of close objects",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Players cannot foresee a jump many times as wide as all others of its rhythm; mostly the object is a tick too early.",
    how="Of steps of at most 180 ms, one wider than two circles is at least four times as wide as every other of its rhythm within "
    "4 s, of which there are four or more. Steps from a slider are three radii shorter, because its end need not be reached.",
    ignore_when="the music leaps as well",
    blind_spots="Steps of more than 180 ms; maps that leap often.",
    source="https://github.com/Naxesss/MapsetVerifier/blob/main/src/Checks/Standard/Compose/CheckAbnormalSpacing.cs",
    modes=OSU,
)
OFFSCREEN = Rule(
    "positions/offscreen",
    "Object outside the screen",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A part of it is not visible on 4:3 screens.",
    how="The circle, or the slider's body with its width, is compared with the area that the game shows on a 4:3 "
    "screen.",
    ignore_when="never: the ranking criteria forbid it.",
    blind_spots="Stacked objects, which the game shifts to the upper left.",
    source=_CRITERIA,
    modes=OSU,
)
NEAR_OVERLAP = Rule(
    "positions/near-overlap",
    "Broken stack",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Two objects a few pixels apart look like a stack that slipped.",
    how="The object lies 1 to 5 px from the one before it, while other stacks of this map are exact.",
    ignore_when="the offset is a style; one that occurs three times is not reported.",
    blind_spots="Stacks with objects in between, and offsets of more than 5 px.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Stacking",
    modes=OSU,
    curves={"": STACK_CURVE, "self-stacked": SELF_STACKED_CURVE},
)
COLUMN = Rule(
    "positions/column",
    "Note in an occupied column",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Two simultaneous notes in a column cannot be played.",
    how="Notes of one column overlap, or are 30 ms apart or less (a warning).",
    ignore_when="never",
    blind_spots="None.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania",
    modes=frozenset({Mode.MANIA}),
)
UNEXPECTED_COLUMN = Rule(
    "positions/unexpected-column",
    "Note in an unlikely column",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model",),
    why="A note far from the pattern is hard to read.",
    how="The model's surprise at the column, above the 90th percentile of this map.",
    ignore_when="the pattern breaks on purpose.",
    blind_spots="Columns are often a free choice: a single exchanged note is rarely found.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania",
    modes=frozenset({Mode.MANIA}),
    curves={"": COLUMN_CURVE},
    corruptions=("place",),
    proposal="The column of the note fits neither the notes before nor those after it.",
)


@dataclass(frozen=True, slots=True)
class Step:
    """The step from one object to the next."""

    before: HitObject
    after: HitObject
    gap: float
    """Ms from the end of the one to the start of the other."""
    distance: float
    """Osu! pixels from the tail of the one to the head of the other."""


def cursor(hit_object: HitObject) -> tuple[float, float]:
    """Position of the cursor at the end of the object."""
    return slider_path.tail(hit_object.slider) if hit_object.slider else (hit_object.x, hit_object.y)


def steps(evidence: Evidence) -> list[Step]:
    """Steps between neighbours in time, without spinners."""
    found = []
    objects = evidence.objects_by_time
    for before, after in pairwise(objects):
        if ObjectKind.SPINNER in (before.kind, after.kind):
            continue
        found.append(Step(before, after, after.time - before.end_time, math.dist(cursor(before), (after.x, after.y))))
    return found


@dataclass(frozen=True, slots=True)
class Uneven:
    """A step that breaks an otherwise even spacing."""

    step: Step
    usual: float
    """Distance of the neighbours with the same rhythm."""


def uneven_steps(all_steps: Sequence[Step]) -> tuple[list[Uneven], int, int]:
    """Steps that break an even spacing, number of steps in an even spacing, and number of comparable steps."""
    spaced = [s for s in all_steps if 0 < s.gap <= PATTERN_MS and s.distance >= STACKED_PX]
    times = np.array([s.after.time for s in spaced])
    gaps, distances = np.array([s.gap for s in spaced]), np.array([s.distance for s in spaced])
    uneven, compared, judged = [], 0, 0
    for i, step in enumerate(spaced):
        first, last = np.searchsorted(times, [times[i] - NEIGHBOURHOOD_MS, times[i] + NEIGHBOURHOOD_MS])
        first, last = max(first, i - MAX_NEIGHBOURS), min(last, i + MAX_NEIGHBOURS + 1)
        kin = np.flatnonzero(np.abs(gaps[first:last] - gaps[i]) <= SAME_GAP_MS) + first
        # The next step of a displaced object is off as well, so it is not compared with this one.
        kin = kin[np.abs(kin - i) > 1]
        if len(kin) < MIN_KIN:
            continue
        compared += 1
        usual = float(np.median(distances[kin]))
        errors = np.abs(distances[kin] - usual)
        if np.mean((errors <= EVEN_PX) | (errors <= EVEN_SHARE * usual)) < EVEN_KIN:
            continue
        judged += 1
        error = abs(step.distance - usual)
        if error > EVEN_PX and error > EVEN_SHARE * usual:
            uneven.append(Uneven(step, usual))
    return uneven, judged, compared


def spacing(evidence: Evidence, all_steps: Sequence[Step]) -> Iterator[Candidate]:
    """Uneven steps of maps with an even spacing; two in a row are one displaced object."""
    uneven, judged, compared = uneven_steps(all_steps)
    if judged < EVEN_MAP * compared:
        return
    # A displaced object makes the step to it and the step from it uneven.
    second = {u.step.after.index for first, u in pairwise(uneven) if u.step.before is first.step.after}
    second -= {u.step.after.index for u in uneven if u.step.before.index in second}
    befores = {u.step.before.index for u in uneven}
    for found in uneven:
        if found.step.after.index in second:
            continue
        following = found.step.after.index in befores
        step, usual = found.step, found.usual
        error = abs(step.distance - usual)
        size = min(error / UNEVEN_PX, error / (UNEVEN_SHARE * usual))
        measure = math.log2(judged) - STYLE_WEIGHT * math.log2(len(uneven) - len(second)) + math.log2(min(size, 2.0))
        both = ", and so is the next step" if following else ""
        yield candidate(
            SPACING,
            time=step.after.time,
            line=step.after.line,
            objects=[step.after],
            measure=measure,
            message=f"{step.distance:.0f} px from the object before it; other steps of this rhythm have {usual:.0f} "
            f"px{both}.",
            actual=f"{step.distance:.0f} px",
            expected=[Expected(f"{usual:.0f} px")],
            distance_px=round(step.distance, 1),
            usual_px=round(usual, 1),
            gap_ms=round(step.gap, 1),
            even_steps=judged,
            uneven_steps=len(uneven),
        )


def leaps(evidence: Evidence, all_steps: Sequence[Step]) -> Iterator[Candidate]:
    """Steps far wider than all others of the same rhythm around them."""
    radius = evidence.beatmap.difficulty.circle_radius
    close = [s for s in all_steps if 0 < s.gap <= CLOSE_MS]
    times = np.array([s.after.time for s in close])
    gaps = np.array([s.gap for s in close])
    widths = np.maximum([s.distance - 3 * radius * (s.before.slider is not None) for s in close], LEAST_WIDTH_PX)
    for i in np.flatnonzero(widths > 4 * radius).tolist():
        first, last = np.searchsorted(times, [times[i] - NEIGHBOURHOOD_MS, times[i] + NEIGHBOURHOOD_MS])
        first, last = max(first, i - MAX_NEIGHBOURS), min(last, i + MAX_NEIGHBOURS + 1)
        kin = np.flatnonzero(np.abs(gaps[first:last] - gaps[i]) <= SAME_SNAP_MS) + first
        kin = kin[np.abs(kin - i) > 1]
        if len(kin) < MIN_KIN or widths[i] < LEAP_TIMES * widths[kin].max():
            continue
        step, usual = close[i], float(np.median(widths[kin]))
        yield candidate(
            LEAP,
            time=step.after.time,
            line=step.after.line,
            objects=[step.before, step.after],
            certainty=Certainty.GUIDELINE,
            message=f"{step.distance:.0f} px in {step.gap:.0f} ms; other steps of this rhythm around it have {usual:.0f} px.",
            actual=f"{step.distance:.0f} px",
            expected=[Expected(f"{usual:.0f} px")],
        )


def broken_stacks(evidence: Evidence, all_steps: Sequence[Step]) -> Iterator[Candidate]:
    """Objects a few pixels off the one before, in maps that stack exactly."""
    exact: Counter[bool] = Counter()
    broken: list[tuple[Step, bool, tuple[int, int]]] = []
    for step in all_steps:
        if step.gap > PATTERN_MS:
            continue
        # A slider's head and tail are both places to stack on; heads lie on whole pixels, tails where the curve ends.
        heads = math.dist((step.before.x, step.before.y), (step.after.x, step.after.y))
        on_tail = step.before.slider is not None and step.distance < heads
        distance = min(heads, step.distance)
        x, y = cursor(step.before) if on_tail else (step.before.x, step.before.y)
        if distance < (TAIL_STACK_PX if on_tail else STACK_PX):
            exact[on_tail] += 1
        elif distance <= NEAR_STACK_PX:
            broken.append((step, on_tail, (round(step.after.x - x), round(step.after.y - y))))
    offsets = Counter(offset for _, _, offset in broken)
    numbers = Counter(on_tail for _, on_tail, _ in broken)
    for step, on_tail, offset in broken:
        if offsets[offset] >= SAME_OFFSETS or not exact[on_tail]:
            continue
        yield candidate(
            NEAR_OVERLAP,
            time=step.after.time,
            line=step.after.line,
            objects=[step.after],
            measure=math.log2(exact[on_tail] / numbers[on_tail]),
            curve="self-stacked" if math.hypot(*offset) < VISIBLE_STACK_PX else "",
            message=f"{math.hypot(*offset):.1f} px off a stack; {exact[on_tail]} other stacks of this map are exact.",
            actual=f"x:{step.after.x:.0f} y:{step.after.y:.0f}",
            expected=[Expected(f"x:{step.after.x - offset[0]:.0f} y:{step.after.y - offset[1]:.0f}")],
            off_px=round(math.hypot(*offset), 2),
            exact_stacks=exact[on_tail],
            broken_stacks=numbers[on_tail],
        )


def offscreen(evidence: Evidence) -> Iterator[Candidate]:
    """Circles and bodies that leave the screen: one by one, or together if a map has many."""
    radius = evidence.beatmap.difficulty.circle_radius
    found: list[tuple[HitObject, float, Candidate]] = []
    for o in evidence.objects_by_time:
        if o.kind not in (ObjectKind.CIRCLE, ObjectKind.SLIDER):
            continue
        points = slider_path.flatten(o.slider).vertices if o.slider else np.array([[o.x, o.y]])
        beyond = np.max(
            [
                LEFT - points[:, 0] + radius,
                points[:, 0] + radius - RIGHT,
                TOP - points[:, 1] + radius,
                points[:, 1] + radius - BOTTOM,
            ],
            axis=0,
        )
        if beyond.max() <= 0:
            continue
        ends = max(beyond[0], beyond[-1])
        what = (
            "The circle" if o.slider is None else "The head" if beyond[0] > 0 else "The end" if ends > 0 else "The body"
        )
        x, y = points[int(beyond.argmax())]
        found.append(
            (
                o,
                float(beyond.max()),
                candidate(
                    OFFSCREEN,
                    time=o.time,
                    end_time=o.end_time if o.slider else None,
                    line=o.line,
                    objects=[o],
                    certainty=Certainty.CERTAIN if ends > 0 else Certainty.LIKELY,  # Mapset Verifier: a warning
                    message=f"{what} reaches {beyond.max():.0f} px beyond the edge of a 4:3 screen.",
                    actual=f"x:{x:.0f} y:{y:.0f}",
                    beyond_px=round(float(beyond.max()), 1),
                    radius_px=round(radius, 1),
                ),
            )
        )
    if len(found) <= MAX_OFFSCREEN:
        yield from (one for _, _, one in found)
        return
    first, worst = found[0][0], max(amount for _, amount, _ in found)
    yield candidate(
        OFFSCREEN,
        time=first.time,
        end_time=found[-1][0].end_time,
        line=first.line,
        objects=[o for o, _, _ in found],
        certainty=Certainty.CERTAIN,
        message=f"{len(found)} objects from here on reach beyond the edge of a 4:3 screen, by up to {worst:.0f} px.",
        actual=f"{len(found)} objects",
        beyond_px=round(worst, 1),
        radius_px=round(radius, 1),
    )


# ---------------------------------------------------------------------------------------------------------------------
# The model


def places(evidence: Evidence) -> dict[int, list[EventScore]]:
    """Position scores of every circle and slider head, by the index of the object."""
    groups: dict[int, list[EventScore]] = {}
    for score in evidence.scores or ():
        if isinstance(score.event.source, HitObject):
            groups.setdefault(score.event.group, []).append(score)
    found = {}
    for scores in groups.values():
        if any(score.event.kind in (EventKind.CIRCLE, EventKind.SLIDER_HEAD) for score in scores):
            source = scores[0].event.source
            assert isinstance(source, HitObject)
            found[source.index] = [score for score in scores if score.event.kind in PLACES]
    return found


def unexpected(evidence: Evidence) -> Iterator[Candidate]:
    """Objects with more surprising positions than usual in this map."""
    scores = {index: own for index, own in places(evidence).items() if own}
    if evidence.beatmap.mode is Mode.CATCH:  # y has no meaning in catch
        scores = {
            index: [s for s in own if s.event.kind in (EventKind.POS_X, EventKind.POS)] for index, own in scores.items()
        }
    order = [o for o in evidence.objects_by_time if scores.get(o.index)]
    if len(order) < MIN_OBJECTS:
        return
    bits = []
    for o, after in zip(order, [*order[1:], None], strict=True):
        own = sum(s.tolerant_surprisal for s in scores[o.index])
        # The step away from a displaced object is unusual as well.
        bits.append(
            own
            + (
                sum(s.tolerant_surprisal for s in scores[after.index] if s.event.kind is EventKind.DISTANCE)
                if after
                else 0.0
            )
        )
    usual, rare = np.percentile(bits, (BASE_PERCENTILE, TAIL_PERCENTILE)).tolist()
    spread = max((rare - usual) / TAIL_BITS, 1.0)
    for i, o in enumerate(order):
        # Of two objects in a row the more surprising one is the displaced one.
        if bits[i] < max(bits[max(i - 1, 0) : i + 2]):
            continue
        event = max(scores[o.index], key=lambda s: s.tolerant_surprisal)
        yield candidate(
            UNEXPECTED,
            time=o.time,
            line=o.line,
            objects=[o],
            measure=(bits[i] - usual) / spread,
            event=event,
            message=f"{_place(event, o)} {'are' if event.event.kind is EventKind.DISTANCE else 'is'} unexpected here, "
            "even compared with the other jumps of this map.",
            actual=_place(event, o),
            expected=_expected(evidence, event),
            bits=round(bits[i], 2),
            usual_bits=round(usual, 2),
        )


def _place(score: EventScore, o: HitObject) -> str:
    match score.event.kind:
        case EventKind.DISTANCE:
            return f"{score.event.value} px from the object before"
        case EventKind.POS_X:
            return f"x:{o.x:.0f}"
        case EventKind.POS_Y:
            return f"y:{o.y:.0f}"
        case _:
            return f"x:{o.x:.0f} y:{o.y:.0f}"


def _expected(evidence: Evidence, score: EventScore) -> list[Expected]:
    """Positions that the model expects, in the unit of the most surprising event."""
    same_kind = [(e, p) for e, p in score.expected if e.kind is score.event.kind]
    match score.event.kind:
        case EventKind.DISTANCE:
            return [Expected(f"{e.value} px from the object before", round(p, 4)) for e, p in same_kind]
        case EventKind.POS if evidence.schema is not None:
            cells = [(position(e, evidence.schema), p) for e, p in same_kind]
            return [Expected(f"x:{x:.0f} y:{y:.0f}", round(p, 4)) for (x, y), p in cells]
        case _ if evidence.schema is not None:
            axis = "x" if score.event.kind is EventKind.POS_X else "y"
            return [Expected(f"{axis}:{position(e, evidence.schema)[0]:.0f}", round(p, 4)) for e, p in same_kind]
        case _:
            return []


def columns(evidence: Evidence) -> Iterator[Candidate]:
    """Mania notes at the same time in one column, and notes in columns that the model does not expect."""
    beatmap = evidence.beatmap
    last: dict[int, HitObject] = {}
    for note in evidence.objects_by_time:
        column = beatmap.column(note)
        before = last.get(column)
        if before is not None and note.time - before.end_time <= HOLD_GAP_MS:
            overlap = before.end_time - note.time
            what = (
                f"overlaps the note before it by {overlap:.0f} ms"
                if overlap > 0
                else f"follows {-overlap:.0f} ms after the one before"
            )
            yield candidate(
                COLUMN,
                time=note.time,
                line=note.line,
                objects=[note],
                certainty=Certainty.CERTAIN if overlap >= 0 else Certainty.LIKELY,
                message=f"This note in column {column + 1} {what}.",
                actual=f"column {column + 1}",
                overlap_ms=round(overlap, 2),
            )
        last[column] = max((note, before), key=lambda n: n.end_time) if before else note
    scores = [(s.event.source, s) for s in evidence.of_kind(EventKind.COLUMN) if isinstance(s.event.source, HitObject)]
    if len(scores) < MIN_OBJECTS:
        return
    usual = float(np.percentile([s.tolerant_surprisal for _, s in scores], BASE_PERCENTILE))
    for note, event in scores:
        yield candidate(
            UNEXPECTED_COLUMN,
            time=note.time,
            line=note.line,
            objects=[note],
            measure=event.tolerant_surprisal - usual,
            event=event,
            message=f"A note in column {event.event.value + 1} is unlikely here.",
            actual=f"column {event.event.value + 1}",
            expected=[
                Expected(f"column {e.value + 1}", round(p, 4)) for e, p in event.expected if e.kind is EventKind.COLUMN
            ],
        )


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Check positions in the modes that have them; taiko has none."""
    match evidence.beatmap.mode:
        case Mode.OSU:
            all_steps = steps(evidence)
            yield from offscreen(evidence)
            yield from broken_stacks(evidence, all_steps)
            yield from spacing(evidence, all_steps)
            yield from leaps(evidence, all_steps)
            yield from unexpected(evidence)
        case Mode.CATCH:
            yield from unexpected(evidence)
        case Mode.MANIA:
            yield from columns(evidence)


# ---------------------------------------------------------------------------------------------------------------------
# Proposals of the discriminator


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Objects and mania notes that fit neither the objects before nor those after."""
    mode = evidence.beatmap.mode
    if mode is Mode.TAIKO:
        return
    # Geometry alone can show an object of osu! that slipped, so all of them are proposed.
    least = -math.inf if mode is Mode.OSU else LEAST_PROPOSED_LOGIT
    for slot, logit in corruption.peaks("place", least, apart=0):
        o = evidence.object_of_slot.get(slot)
        if o is not None and o.kind is not ObjectKind.SPINNER:
            yield candidate(
                UNEXPECTED_COLUMN if mode is Mode.MANIA else UNEXPECTED,
                time=o.time,
                line=o.line,
                objects=[o],
                proposed=logit,
                message="The position of this object fits neither the objects before nor those after it.",
            )


CHECK = BeatmapCheck(
    Category.POSITIONS,
    "Positions",
    (UNEXPECTED, SPACING, LEAP, OFFSCREEN, NEAR_OVERLAP, COLUMN, UNEXPECTED_COLUMN),
    run,
    propose,
)
