"""Positions: objects that fit neither the map's spacing nor the model's expectation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import msgspec
import numpy as np

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore, position
from maimod.features.geometry import Steps, compare_steps
from maimod.features.ordered import median, percentile
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject, Mode, ObjectKind
from maimod.osu.level import Level
from maimod.osu.names import object_name
from maimod.rules.base import LEAST_PROPOSED_LOGIT, BeatmapCheck, Candidate, Certainty, Curve, Evidence, Rule, candidate

OSU = frozenset({Mode.OSU})

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
SAME_GAP_MS = 6.0
"""Gaps this close are the same rhythm, as in :mod:`maimod.features.geometry`."""
CLOSE_MS, SAME_SNAP_MS = 180.0, 5.0
"""Steps of half a beat of 160 BPM or less, and how alike their times are (Mapset Verifier, abnormal spacing)."""
LEAST_WIDTH_PX, LEAP_TIMES = 20.0, 4.0
"""Narrower steps count as this wide; a leap is this many times as wide (Mapset Verifier: a warning)."""
MIN_KIN = 4
"""Fewest steps of the same rhythm to compare with."""
SAME_PX, MOST_SAME_STEPS = 2.0, 2
"""A distance that the map has at more than so many other gaps of the same length is a figure of its own."""
LEAST_OFF_PX, MOST_OFF_PX = 2.0, 40.0
"""Smaller deviations are not visible; greater ones count as this."""
LEAST_COMPANIONS, LEAST_SHARE = 5, 0.4
"""Steps at the same gap that must have one distance, and their share of all at this gap."""
USUAL_PX, USUAL_SHARE = 5.0, 0.06
"""Distances this close to the usual one, in px or as a share of it, are usual."""
PAUSE_MS = 2000.0
"""Objects farther apart are not compared in words, unless the map often has this gap."""
ROUNDING_PX = 0.7
"""Spread of distances between whole pixels."""
WHOLE_PX = 5.0
"""Deviations of less are given with a decimal."""
FRACTIONS = (1, 2, 3, 4, 6, 8)
"""Parts of a beat by which gaps are named."""
SAME_BEATS = 0.02
MAX_OFFSCREEN = 5
"""A map with more objects off the screen does it on purpose or was scaled; they become one finding."""
SPACING_CURVE = Curve(middle=20.0, scale=6.0)
"""Deviations of both steps in units of the spread of the distances at these gaps. At most one a minute is named: 700 minutes
of ranked Easy, Normal and Advanced maps have 0.12 a minute above 15 and 0.05 above 30; of objects there that were moved by 60 to
200 px 76 % have more than 15, of those moved by 16 px a third."""

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
    advice="Was it moved by accident?",
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
    how="In Easy, Normal and Advanced, the distances to the object and from it are compared with those of up to twelve steps "
    "on either side that have the same gap in time, if most of these have one distance. The deviation is measured in units of "
    "their spread, and the greatest in each minute is named.",
    advice="Does the music ask for the other spacing?",
    ignore_when="the spacing changes with the music.",
    blind_spots="From Hard on, where distances follow the music, nothing is checked; nor are stacks.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Distance_snap",
    modes=frozenset({Mode.OSU}),
    curves={"": SPACING_CURVE},
    corruptions=("place",),
)
LEAP = Rule(
    "positions/spacing-leap",
    "Leap out of close objects",
    Severity.MINOR,  # 2.6 % of ranked maps have them, mostly on purpose
    Tier.EXACT,
    ("map",),
    why="Players cannot foresee a jump many times as wide as all others of its rhythm; mostly the object is a tick too early.",
    how="Of steps of at most 180 ms, one wider than two circles is at least four times as wide as every other of its rhythm within "
    "4 s, of which there are four or more. Steps from a slider are three radii shorter, because its end need not be reached.",
    advice="Does the music leap here as well?",
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
    advice="Move it inside the playfield.",
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
    advice="Stack them exactly, or move them clearly apart.",
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
    advice="Delete or move one of them.",
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
    advice="Does the pattern break here on purpose?",
    ignore_when="the pattern breaks on purpose.",
    blind_spots="Columns are often a free choice: a single exchanged note is rarely found.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania",
    modes=frozenset({Mode.MANIA}),
    curves={"": COLUMN_CURVE},
    corruptions=("place",),
    proposal="The column of the note fits neither the notes before nor those after it.",
)


class Step(msgspec.Struct, frozen=True):
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


def is_low(evidence: Evidence) -> bool:
    """Whether a map is an Easy, Normal or Advanced, in which distances show the rhythm."""
    level = evidence.level
    return level is not None and (level <= Level.NORMAL or "advanced" in evidence.beatmap.version.lower())


def spacing(evidence: Evidence, all_steps: Sequence[Step]) -> Iterator[Candidate]:
    """Distances unlike the others of the same gap: the greatest deviations, at most one a minute."""
    if not is_low(evidence) or len(all_steps) < LEAST_COMPANIONS:
        return
    distances, gaps = np.array([s.distance for s in all_steps]), np.array([s.gap for s in all_steps])
    compared = compare_steps(distances, gaps)
    uneven = (
        (compared.off >= LEAST_OFF_PX)
        & (np.round(compared.share * compared.count) >= LEAST_COMPANIONS)
        & (compared.share >= LEAST_SHARE)
        & (distances >= STACKED_PX)
        & (np.nan_to_num(compared.mode) >= STACKED_PX)
        & (_same_steps(distances, gaps) <= MOST_SAME_STEPS)
    )
    size = np.minimum(compared.off, MOST_OFF_PX) / (ROUNDING_PX + compared.spread) * np.sqrt(compared.share)
    size = np.where(uneven, size, 0.0)
    # A displaced object makes the step to it and the step from it uneven.
    joined = np.array([first.after is second.before for first, second in pairwise(all_steps)] + [False])
    measures = size + np.where(joined, np.roll(size, -1), 0.0)
    left = max(round(evidence.beatmap.drain_ms / 60_000), 1)
    taken: set[int] = set()
    for at in np.argsort(-measures, kind="stable").tolist():
        if not left or measures[at] <= 0:
            return
        if taken.isdisjoint((at - 1, at, at + 1)):
            taken.add(at)
            left -= 1
            named = [at] * bool(size[at]) + [at + 1] * bool(joined[at] and size[at + 1])
            yield _uneven(evidence, all_steps, compared, named, all_steps[at].after, float(measures[at]))


def _same_steps(distances: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """(n,) number of other steps of the map with about the same distance [px] and gap [ms]."""
    bins = [*zip((distances // SAME_PX).astype(int).tolist(), (gaps // SAME_GAP_MS).astype(int).tolist(), strict=True)]
    counts = Counter(bins)
    around = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return np.array([sum(counts[d + i, g + j] for i, j in around) - 1 for d, g in bins])


def _uneven(
    evidence: Evidence, all_steps: Sequence[Step], compared: Steps, named: Sequence[int], o: HitObject, measure: float
) -> Candidate:
    """The candidate for an object with one or two uneven steps."""
    words = []
    for at in named:
        step, digits = all_steps[at], 0 if compared.off[at] >= WHOLE_PX else 1
        companions = round(compared.share[at] * compared.count[at])
        side = "from the object before" if step.after is o else "to the next"
        words.append(
            f"{step.distance:.{digits}f} px {side}, where {companions} other gaps of "
            f"{gap_name(evidence, step.before, step.gap)} have {compared.mode[at]:.{digits}f} px"
        )
    first = named[0]
    return candidate(
        SPACING,
        time=o.time,
        line=o.line,
        objects=[o],
        measure=measure,
        message=f"This {object_name(o, evidence.beatmap)} is {', and '.join(words)}.",
        actual=f"{all_steps[first].distance:.0f} px",
        expected=[Expected(f"{compared.mode[first]:.0f} px")],
        distance_px=round(all_steps[first].distance, 1),
        usual_px=round(float(compared.mode[first]), 1),
        spread_px=round(float(compared.spread[first]), 1),
        gap_ms=round(all_steps[first].gap, 1),
        same_gaps=int(compared.count[first]),
    )


def _pixels(distance: float) -> str:
    return f"{distance:.0f} px" if distance >= 1 else "less than 1 px"


def gap_name(evidence: Evidence, before: HitObject, gap: float) -> str:
    """A gap in beats ("1/2 beat", "2 beats"), or in ms if it is on no common divisor."""
    beats = gap / evidence.beatmap.red_line_of(before.end_time).beat_length
    for divisor in FRACTIONS:
        parts = round(beats * divisor)
        if parts > 0 and abs(beats * divisor - parts) <= SAME_BEATS * divisor and math.gcd(parts, divisor) == 1:
            return f"{parts if divisor == 1 else f'{parts}/{divisor}'} beat{'s' * (beats > 1 + SAME_BEATS)}"
    return f"{gap:.0f} ms"


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
        step, usual = close[i], median(widths[kin])
        yield candidate(
            LEAP,
            time=step.after.time,
            line=step.after.line,
            objects=[step.before, step.after],
            certainty=Certainty.POSSIBLE,
            message=f"This {object_name(step.after, evidence.beatmap)} is {step.distance:.0f} px from the object before in "
            f"{step.gap:.0f} ms; others of this rhythm around it are {usual:.0f} px apart.",
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
            message=f"This {object_name(step.after, evidence.beatmap)} is {math.hypot(*offset):.1f} px off a stack; "
            f"{exact[on_tail]} other stacks of this map are exact.",
            actual=f"x {step.after.x:.0f}, y {step.after.y:.0f}",
            expected=[Expected(f"x {step.after.x - offset[0]:.0f}, y {step.after.y - offset[1]:.0f}")],
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
        (left, top), (right, bottom) = (points.min(axis=0), points.max(axis=0)) if o.slider else ((o.x, o.y),) * 2
        if max(LEFT - left, right - RIGHT, TOP - top, bottom - BOTTOM) + radius < -1:  # nearly all
            continue
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
        part = "head" if beyond[0] > 0 else "end" if ends > 0 else "body"
        what = "This circle" if o.slider is None else f"The {part} of this slider"
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
                    message=f"{what} reaches {_pixels(float(beyond.max()))} beyond the edge of a 4:3 screen.",
                    actual=f"x {x:.0f}, y {y:.0f}",
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
    usually = UsualSteps(evidence)
    usual, rare = (percentile(bits, share) for share in (BASE_PERCENTILE, TAIL_PERCENTILE))
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
            message=partial(_elsewhere, evidence, o, event, usually),
            actual=_place(event, o),
            expected=_expected(evidence, event),
            bits=round(bits[i], 2),
            usual_bits=round(usual, 2),
        )


class UsualSteps:
    """The distances that a map usually has, in words."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.is_flat = evidence.beatmap.mode is Mode.CATCH
        """Whether only x counts."""
        found = steps(evidence)
        self._to = {step.after.index: step for step in found}
        self._from = {step.before.index: step for step in found}
        gaps: dict[int, list[float]] = {}
        for step in found:
            gaps.setdefault(round(step.gap / SAME_GAP_MS), []).append(self._distance(step))
        self._usual = {gap: median(own) for gap, own in gaps.items() if len(own) >= LEAST_COMPANIONS}

    def _distance(self, step: Step) -> float:
        return abs(step.after.x - cursor(step.before)[0]) if self.is_flat else step.distance

    def words(self, o: HitObject) -> str:
        """As in "175 px from the object before (1/2 beat, usually 90 px) and 60 px from the next (1 beat)".

        Usual distances are no reason for a finding, nor are those over a pause. They are left out; empty if both are.
        """
        parts: list[str] = []
        for step, name in ((self._to.get(o.index), "object before"), (self._from.get(o.index), "next")):
            if step is not None:
                distance, usual = self._distance(step), self._usual.get(round(step.gap / SAME_GAP_MS))
                if (
                    step.gap > PAUSE_MS
                    if usual is None
                    else abs(distance - usual) <= max(USUAL_PX, USUAL_SHARE * usual)
                ):
                    continue
                aside = f", usually {usual:.0f} px" if usual is not None else ""
                gap = gap_name(self.evidence, step.before, step.gap)
                parts.append(f"{distance:.0f} px from the {name} ({gap}{aside})")
        return " and ".join(parts)

    def message(self, o: HitObject) -> str:
        """A sentence about where an object is."""
        name, around = object_name(o, self.evidence.beatmap), self.words(o)
        if around:
            return f"This {name} is {around}."
        where = f"at x {o.x:.0f}" if self.is_flat else f"at x {o.x:.0f}, y {o.y:.0f}"
        return f"This {name} is {where}; the pattern of the objects before and after suggests another place."


def _elsewhere(evidence: Evidence, o: HitObject, score: EventScore, usually: UsualSteps) -> str:
    """Words about a position, and the likeliest other one."""
    expected, around = _expected(evidence, score), usually.words(o)
    if not expected:
        return usually.message(o)
    name, place = object_name(o, evidence.beatmap), _place(score, o)
    other = expected[0].text.removesuffix(" from the object before")
    where = place if score.event.kind is EventKind.DISTANCE else f"at {place}"
    aside = f" It is {around}." if around and score.event.kind is not EventKind.DISTANCE else ""
    return f"This {name} is {where}; around {other} would follow the pattern.{aside}"


def _place(score: EventScore, o: HitObject) -> str:
    match score.event.kind:
        case EventKind.DISTANCE:
            return f"{score.event.value} px from the object before"
        case EventKind.POS_X:
            return f"x {o.x:.0f}"
        case EventKind.POS_Y:
            return f"y {o.y:.0f}"
        case _:
            return f"x {o.x:.0f}, y {o.y:.0f}"


def _expected(evidence: Evidence, score: EventScore) -> list[Expected]:
    """Positions that the model expects, in the unit of the most surprising event."""
    same_kind = [(e, p) for e, p in score.expected if e.kind is score.event.kind]
    match score.event.kind:
        case EventKind.DISTANCE:
            return [Expected(f"{e.value} px from the object before", round(p, 4)) for e, p in same_kind]
        case EventKind.POS if evidence.schema is not None:
            cells = [(position(e, evidence.schema), p) for e, p in same_kind]
            return [Expected(f"x {x:.0f}, y {y:.0f}", round(p, 4)) for (x, y), p in cells]
        case _ if evidence.schema is not None:
            axis = "x" if score.event.kind is EventKind.POS_X else "y"
            return [Expected(f"{axis} {position(e, evidence.schema)[0]:.0f}", round(p, 4)) for e, p in same_kind]
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
    usual = percentile([s.tolerant_surprisal for _, s in scores], BASE_PERCENTILE)
    for note, event in scores:
        yield candidate(
            UNEXPECTED_COLUMN,
            time=note.time,
            line=note.line,
            objects=[note],
            measure=event.tolerant_surprisal - usual,
            event=event,
            message=_column_message(event),
            actual=f"column {event.event.value + 1}",
            expected=[
                Expected(f"column {e.value + 1}", round(p, 4)) for e, p in event.expected if e.kind is EventKind.COLUMN
            ],
        )


def _column_message(score: EventScore) -> str:
    own = score.event.value
    others = [event.value + 1 for event, _ in score.expected if event.kind is EventKind.COLUMN and event.value != own]
    better = (
        f"column {others[0]} would follow the pattern of the notes before"
        if others
        else "the notes before it suggest another"
    )
    return f"This note is in column {score.event.value + 1}; {better}."


def _column_alone(evidence: Evidence, note: HitObject) -> str:
    """Words about a note in a column, by the notes that are closest there."""
    column, beat = evidence.beatmap.column(note), evidence.beatmap.red_line_of(note.time).beat_length
    first, last = np.searchsorted(evidence.object_times, [note.time - 4 * beat, note.time + 4 * beat + 1])
    near = evidence.objects_by_time[int(first) : int(last)]
    own = sum(evidence.beatmap.column(o) == column for o in near)
    return (
        f"This note is in column {column + 1}, which has {own} of the {len(near)} notes within four beats; "
        "the pattern before and after it suggests another."
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
    # Geometry alone can show an object that slipped, so all of them are proposed.
    least = LEAST_PROPOSED_LOGIT if mode is Mode.MANIA else -math.inf
    usually = None if mode is Mode.MANIA else UsualSteps(evidence)
    for slot, logit in corruption.peaks("place", least, apart=0):
        o = evidence.object_of_slot.get(slot)
        if o is not None and o.kind is not ObjectKind.SPINNER:
            yield candidate(
                UNEXPECTED_COLUMN if mode is Mode.MANIA else UNEXPECTED,
                time=o.time,
                line=o.line,
                objects=[o],
                proposed=logit,
                message=partial(_column_alone, evidence, o) if usually is None else partial(usually.message, o),
            )


CHECK = BeatmapCheck(
    Category.POSITIONS,
    "Positions",
    (UNEXPECTED, SPACING, LEAP, OFFSCREEN, NEAR_OVERLAP, COLUMN, UNEXPECTED_COLUMN),
    run,
    propose,
)
