"""Sliders: bodies, lengths and velocities that differ from the rest of the map."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

import msgspec
import numpy as np

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore
from maimod.features.ordered import percentile
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu import slider_path
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject, Mode
from maimod.osu.names import object_name
from maimod.rules.base import (
    LEAST_PROPOSED_LOGIT,
    BeatmapCheck,
    Candidate,
    Certainty,
    Curve,
    Evidence,
    Rule,
    bundled,
    candidate,
)
from maimod.rules.positions import PLACES, SAME_GAP_MS, cursor, steps

EXTENDED_SHARE, EXTENDED_PX = 0.03, 5.0
"""A body this much longer than its curve continues straight; less cannot be seen. 8 of 8,700 sliders of 60 ranked maps are 2 %
and 3 px longer, 7 of them in one map.
"""
EXTENDED_CURVE = Curve(middle=0.035, scale=0.015)
"""Share of the length beyond the curve."""
CUT_CURVE = Curve(middle=0.5, scale=0.06)
"""Beats that the curve is longer than the body. The editor cuts at the last tick of its beat snap divisor, so less than
half a beat is left over: at most 0.48 in 60 ranked maps, 0.36 in 99 % of sliders."""
MISFIT = {"extended": 0.022, "cut": 0.45}
"""A body this much longer or shorter than its curve explains an unexpected tail."""
CUT_MARGIN = 1.3
"""The rest must also be this many times that of any other slider of the map."""
HABIT_SHARE = 0.02
"""If more sliders of the map do the same, it is its style."""

LATE_LINE_MS = 5.0
"""A green line this soon after the head was intended for it (Mapset Verifier: objects unaffected by a near green
line)."""
VELOCITY_SHARE = 0.02
"""Velocities this close are the same; the variable tempo of some songs is evened out in such steps."""
SEEN_VELOCITY_SHARE = 0.05
"""A velocity that only the model expects must be further from the slider's than this: less is not felt."""
USUAL_VELOCITY = 8
"""A velocity of so many other sliders is usual, unless the model or the sliders around one have another."""
LONE_MS = 6000.0
"""Sliders farther apart than this are not compared."""
VELOCITY_CURVE = Curve(middle=8.8, scale=1.2)
"""Bits of the model for the velocity, plus half those of the map: 7 ranked maps have 0.3 sliders a minute above 8."""
HABIT_WEIGHT = 0.5
TOKEN_WIDTH = 0.03
"""An expected velocity stands for the map's velocities this close to it."""

NODES_PER_ROOT = 10.0
"""Control points per square root of the length [px] from which a path is abnormal (Mapset Verifier, abnormal nodes).
"""
COPY_PX, CHANGED_PX = 3.0, 10.0
"""Control points of copies are within the first distance of each other; one moved by more than the second is another
shape."""
COPY_POINTS, MAX_COPY_POINTS = 4, 16
"""Paths with fewer control points are equal by chance."""
COMPARED = 500_000_000
"""Most distances compared for sliders with the same number of control points; if there are more, each slider is compared
with those around it. Reached by 1,400 sliders of 16 points."""
MIN_COPIES = 2
COPY_CURVE = Curve(middle=1.2, scale=0.5)
"""Log2 of the copies of the shape that this one departs from."""
SHAPE_CURVE = Curve(middle=5.6, scale=1.2)
"""Bits by which the tail, and half of those by which an anchor, exceeds 90 % of the map's: 7 ranked maps have 0.3
sliders a minute above 5.2; of anchors moved by 80 px and more 75 % are."""
MIN_USUAL_BITS = 1.5
BASE_PERCENTILE = 90
REPEATS_CURVE = Curve(middle=5.0, scale=1.0)
"""Bits of the time of the end: in ranked maps it follows from the velocity and the length, 99.9 % are below 1."""
MIN_PROBABILITY = 0.3
"""Smallest probability of another number of repeats: for buzz sliders of a dozen no number is expected."""
REVERSED_CURVE = Curve(middle=5.0, scale=0.8)
"""Bits by which a slider fits the map's spacing better from tail to head: 50 ranked maps have 0.3 sliders a minute
above 4.4 and 0.1 above 5.6; of sliders that were reversed 37 % are."""
REVERSED_PX = 40.0
"""With the tail closer to the head than this, the direction makes no difference."""
MIN_STEPS, MAX_KIN = 8, 2_000
"""Fewest steps of the same rhythm to compare with, and most."""
SPREAD = 0.25
"""Width in octaves of the kernel that smooths the map's step lengths."""
FLOOR = 0.01
"""Density of step lengths that do not occur in the map; limits one step to 6.6 bits."""

_WIKI = "https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Slider"
_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21"
SHAPE = Rule(
    "sliders/shape",
    "Odd slider body",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "map"),
    why="A misplaced control point gives the body an unintended shape, or moves the tail.",
    how="The model's surprise at the control points and at the tail is compared with that at the other sliders of the "
    "map; copies of "
    "one shape, turned or mirrored, that differ in a single control point are found by their distances.",
    advice="Check for a control point that was moved by accident.",
    ignore_when="the body is deliberate slider art, or the copy should differ.",
    blind_spots="A small shift that keeps a smooth curve; maps without similar sliders.",
    source=_WIKI,
    modes=PLAYFIELD_MODES,
    curves={"": SHAPE_CURVE, "copy": COPY_CURVE},
    corruptions=("shape",),
    proposal="The shape, direction or speed of the slider fits neither the objects before nor those after it.",
)
CONTROL_POINTS = Rule(
    "sliders/shape-control-points",
    "Far too many control points",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A path with a control point every few pixels is a scribble or a failed import: its shape is unreadable, and "
    "it is slow to draw.",
    how="The number of control points is compared with ten times the square root of the length in px.",
    advice="Check that nothing was pasted twice into it.",
    ignore_when="the body is deliberate slider art.",
    blind_spots="Paths that are long enough for their many control points.",
    source=_WIKI,
    modes=PLAYFIELD_MODES,
)
LENGTH = Rule(
    "sliders/length",
    "Length does not fit the curve",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map", "model"),
    why="The body ends before its last control point, or continues straight after it, so the tail is not where it was "
    "drawn.",
    how="The length in the file is compared with the length of the curve. The editor cuts a curve at the last tick "
    "before its end, "
    "so the remaining part is short; it never makes a body longer than its curve.",
    advice="Was the curve changed after the length was set?",
    ignore_when="bodies are stretched on purpose; if many are, the rule reports none.",
    blind_spots="A wrong length that still ends on the last tick before the end of the curve.",
    source=_WIKI,
    modes=PLAYFIELD_MODES,
    curves={"extended": EXTENDED_CURVE, "cut": CUT_CURVE},
    corruptions=("length", "shape"),
)
INVISIBLE = Rule(
    "sliders/invisible",
    "Slider without a body",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Players cannot follow a slider without a path, and the game leaves out a slider that it cannot read.",
    how="The curve has no length: there are no control points, or all are at one position. So are sliders with a negative length, "
    "and lines of sliders that cannot be read.",
    advice="Delete it, or draw its path again.",
    ignore_when="never.",
    blind_spots="Bodies of a few pixels.",
    source=_CRITERIA,
    modes=PLAYFIELD_MODES,
)
VELOCITY = Rule(
    "sliders/velocity",
    "Odd slider velocity",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "map"),
    why="Players expect the velocity of the sliders before; a single slider with another one is misread.",
    how="The model's surprise at the velocity, and how rare it is in this map that one slider alone differs from both "
    "neighbours.",
    advice="Is the change of speed intended?",
    ignore_when="the music stresses this sound.",
    blind_spots="A wrong velocity that lasts for several sliders; a change at the start of a section.",
    source=_CRITERIA,
    modes=PLAYFIELD_MODES,
    curves={"": VELOCITY_CURVE},
    corruptions=("shape", "length"),
)
LATE_LINE = Rule(
    "sliders/late-line",
    "Green line just after the head",
    Severity.WARNING,  # 18 of 1,046 ranked maps have them, all 1 ms late
    Tier.EXACT,
    ("map",),
    why="The line was intended for this slider but comes too late, so the slider keeps the velocity of the one before.",
    how="An inherited timing point with another velocity is 5 ms or less after the head.",
    advice="Snap the line to the head, or was it meant for the next object?",
    ignore_when="the line is intended for the next object.",
    blind_spots="Lines that are later, and lines that only change samples.",
    source="https://osu.ppy.sh/wiki/en/Client/Beatmap_editor/Timing",
    modes=PLAYFIELD_MODES,
)
REPEATS = Rule(
    "sliders/repeats",
    "Unlikely number of repeats",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model",),
    why="An additional repeat falls on silence, and a missing one leaves a sound without a hit.",
    how="The model's surprise at the time of the slider's end, given its velocity and the length of one slide.",
    advice="Listen: how often does the sound come again?",
    ignore_when="the number of repeats follows the music.",
    blind_spots="Whether there should be a slider at all, which is a matter of rhythm.",
    source=_CRITERIA,
    modes=PLAYFIELD_MODES,
    curves={"": REPEATS_CURVE},
    corruptions=("length",),
)
REVERSED = Rule(
    "sliders/reversed",
    "Slider seems reversed",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="The distances to the head and from the tail both break the spacing, and would not if the slider ran the "
    "other way.",
    how="The steps before and after the slider are compared with all steps of the same rhythm in this map, as they "
    "are and with head and tail swapped.",
    advice="Did the slider get reversed by accident?",
    ignore_when="the jumps are intended.",
    blind_spots="Short sliders, repeats, and maps without a usual spacing.",
    source=_CRITERIA,
    modes=frozenset({Mode.OSU}),
    curves={"": REVERSED_CURVE},
    corruptions=("shape",),
)


class Body(msgspec.Struct, frozen=True):
    """A slider with its measurements."""

    head: HitObject
    path: slider_path.Polyline
    velocity: float
    pixels_per_beat: float

    @property
    def extension(self) -> float:
        """Share of the length in the file beyond the curve; negative where the curve is cut."""
        assert self.head.slider is not None
        length = self.head.slider.length or self.path.natural_length
        return (length - self.path.natural_length) / max(length, 1e-9)

    @property
    def left_over(self) -> float:
        """Beats of curve beyond the end of the body."""
        assert self.head.slider is not None
        return (self.path.natural_length - (self.head.slider.length or self.path.natural_length)) / self.pixels_per_beat


def bodies(evidence: Evidence) -> list[Body]:
    """All sliders in order of time."""
    beatmap = evidence.beatmap
    found = []
    for head in evidence.objects_by_time:
        if head.slider:
            velocity = beatmap.velocity_at(head.time)
            found.append(
                Body(
                    head,
                    slider_path.flatten(head.slider),
                    velocity,
                    beatmap.difficulty.slider_multiplier * 100 * velocity,
                )
            )
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Length and velocity


def lengths(evidence: Evidence, all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    """Bodies that are longer or much shorter than their curves."""
    extended = {
        body.head.index
        for body in all_bodies
        if body.extension > EXTENDED_SHARE and body.extension * body.path.length > EXTENDED_PX
    }
    left_over = np.sort([b.left_over for b in all_bodies])
    allowed = 1 + HABIT_SHARE * len(all_bodies)
    for body in all_bodies:
        slider = body.head.slider
        assert slider is not None
        drawn, length = body.path.natural_length, slider.length or body.path.natural_length
        if body.head.index in extended and len(extended) <= allowed:
            curve, measure = "extended", body.extension
            what = "the body continues straight beyond the last control point"
        elif len(left_over) - np.searchsorted(left_over, body.left_over / CUT_MARGIN, side="right") <= allowed:
            curve, measure = "cut", body.left_over
            what = "the body ends before the last control point"
        else:
            continue
        yield candidate(
            LENGTH,
            time=body.head.time,
            end_time=body.head.end_time,
            line=body.head.line,
            objects=[body.head],
            measure=measure,
            curve=curve,
            message=f"This slider is {length:.0f} px long and its curve {drawn:.0f} px: {what}, which is rare in this map.",
            actual=f"{length:.0f} px",
            expected=[Expected(f"{drawn:.0f} px or a little less")],
            curve_px=round(drawn, 1),
            length_px=round(length, 1),
            beats_left_over=round(body.left_over, 3),
        )


def same(a: float, b: float) -> bool:
    """Whether two velocities are the same for a player."""
    return abs(a - b) <= VELOCITY_SHARE * max(a, b)


def _alike(ascending: Sequence[float], velocity: float) -> int:
    """How many of the velocities, `velocity` among them, are the same as it."""
    own = bisect_left(ascending, velocity)
    first = bisect_left(ascending, True, 0, own, key=lambda other: same(velocity, other))
    return bisect_left(ascending, True, own, key=lambda other: not same(velocity, other)) - first


def velocities(evidence: Evidence, all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    """Single sliders with another velocity, and heads just before the line intended for them."""
    beatmap = evidence.beatmap
    lone = []
    for before, body, after in zip(all_bodies, all_bodies[1:], all_bodies[2:], strict=False):
        near = after.head.time - before.head.time <= LONE_MS
        if near and same(before.velocity, after.velocity) and not same(body.velocity, before.velocity):
            lone.append((before, body))
    rarity = math.log2(max(len(all_bodies), 1)) - 2 * math.log2(max(len(lone), 1))
    usual = {body.head.index: before.velocity for before, body in lone}
    events = {
        s.event.source.index: s
        for s in evidence.of_kind(EventKind.SCROLL_SPEED)
        if isinstance(s.event.source, HitObject)
    }
    beside = {
        body.head.index: (before, after)
        for before, body, after in zip(all_bodies, all_bodies[1:], all_bodies[2:], strict=False)
    }
    used = sorted(body.velocity for body in all_bodies)
    alike = {one: _alike(used, one) for one in set(used)}
    for body in all_bodies:
        event = events.get(body.head.index)
        # Players know a velocity that occurs often; without a model the map is the only evidence.
        others = alike[body.velocity] - 1
        bits = (0.0 if event is None else event.tolerant_surprisal) - math.log2(1 + others) / 2
        bits += HABIT_WEIGHT * max(rarity, 0.0) * (body.head.index in usual)
        around = usual.get(body.head.index)
        expected = _velocities(event, sorted(alike)) or ([Expected(f"{around:.2f}x")] if around else [])
        other = next((one.text for one in expected if one.text != f"{body.velocity:.2f}x"), None)
        if not around and (
            abs(float(other[:-1]) / body.velocity - 1) < SEEN_VELOCITY_SHARE if other else others >= USUAL_VELOCITY
        ):
            continue
        yield candidate(
            VELOCITY,
            time=body.head.time,
            line=body.head.line,
            objects=[body.head],
            measure=bits,
            event=event,
            message=partial(_velocity_words, body, around, others, other, beside.get(body.head.index, ())),
            actual=f"{body.velocity:.2f}x",
            expected=expected,
            bits=round(bits, 2),
        )
    heads = {body.head.time: body for body in all_bodies}
    times = sorted(heads)
    for point in beatmap.sorted_timing_points:
        place = bisect_left(times, point.time - LATE_LINE_MS)
        if point.uninherited or place == len(times) or times[place] >= point.time:
            continue
        body = heads[times[place]]
        if same(body.velocity, point.velocity):
            continue
        yield candidate(
            LATE_LINE,
            time=body.head.time,
            line=point.line,
            objects=[body.head],
            certainty=Certainty.CERTAIN,
            message=f"The green line for {point.velocity:.2f}x comes {point.time - body.head.time:g} ms after the head of this "
            f"slider, which keeps {body.velocity:.2f}x.",
            actual=f"{body.velocity:.2f}x",
            expected=[Expected(f"{point.velocity:.2f}x")],
            late_ms=round(point.time - body.head.time, 3),
        )


def _velocity_words(body: Body, around: float | None, others: int, other: str | None, beside: tuple[Body, ...]) -> str:
    """The message about a velocity.

    Args:
        body: the slider.
        around: the velocity of the sliders before and after, if both have another one.
        others: number of other sliders with its velocity.
        other: the velocity that the model expects.
        beside: the sliders before and after, if there are both.
    """
    own = f"This slider has {body.velocity:.2f}x"
    if around:
        return f"{own}; the sliders before and after have {around:.2f}x."
    if other and others >= USUAL_VELOCITY:  # that many others have it is no reason
        differs = any(not same(one.velocity, body.velocity) for one in beside)
        aside = " (before it {:.2f}x, after it {:.2f}x)".format(*(one.velocity for one in beside)) if differs else ""
        return f"{own}; {other} would follow the pattern{aside}."
    count = f"{others or 'no'} other slider{'s' * (others != 1)} of the map {'has' if others == 1 else 'have'} that"
    return f"{own}; {count}{f', but {other} would follow the pattern' if other else ''}."


def _velocities(score: EventScore | None, used: Sequence[float]) -> list[Expected]:
    """The model's expectations as velocities `used` in the map, because tokens are coarser."""
    offers = [(e.value / 100, p) for e, p in (score.expected if score else ()) if e.kind is EventKind.SCROLL_SPEED]
    named = [(next((velocity for velocity in used if abs(velocity - at) <= TOKEN_WIDTH), at), p) for at, p in offers]
    return [Expected(f"{velocity:.2f}x", round(p, 4)) for velocity, p in named]


# ---------------------------------------------------------------------------------------------------------------------
# Shape


def shapes(evidence: Evidence, all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    """Bodies with a control point or a tail that neither the model nor the map's copies of the shape have."""
    surprises = body_surprises(evidence)
    # Usual bends are the map's style: values below its 90th percentile are no surprise.
    usual_anchor, usual_tail = (
        max(percentile(np.array([bits[i] for bits in surprises.values()] or [0.0]), BASE_PERCENTILE), MIN_USUAL_BITS)
        for i in (0, 1)
    )
    copies = changed_copies(all_bodies)
    for body in all_bodies:
        head, slider = body.head, body.head.slider
        assert slider is not None
        points = slider.control_points
        anchor_bits, tail_bits, event = surprises.get(head.index, (0.0, 0.0, None))
        yield candidate(
            SHAPE,
            time=head.time,
            end_time=head.end_time,
            line=head.line,
            objects=[head],
            measure=0.5 * max(anchor_bits - usual_anchor, 0.0) + max(tail_bits - usual_tail, 0.0),
            message=_shape_message(points, event),
            event=event,
            actual=_control_point(points, event.event.part if event else 0),
            anchor_bits=round(anchor_bits, 2),
            tail_bits=round(tail_bits, 2),
        )
        if head.index in copies:
            part, number, off = copies[head.index]
            yield candidate(
                SHAPE,
                time=head.time,
                end_time=head.end_time,
                line=head.line,
                objects=[head],
                measure=math.log2(number),
                curve="copy",
                message=f"This slider has a shape that the map uses {number} times, but its control point {part} is "
                f"{off:.0f} px off.",
                actual=_control_point(points, part),
                copies=number,
                off_px=round(off, 1),
            )


def _shape_message(points: Sequence[tuple[float, float]], event: EventScore | None) -> str:
    part = event.event.part if event else 0
    x, y = points[min(part, len(points) - 1)]
    where = f"bends at control point {part}" if part else "ends"
    return f"This slider {where} (x {x:.0f}, y {y:.0f}) unlike the other sliders of the map."


def _control_point(points: Sequence[tuple[float, float]], part: int) -> str:
    x, y = points[min(part, len(points) - 1)]
    return f"control point {part} at x {x:.0f}, y {y:.0f}" if part else ""


def scribbles(all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    """Bodies with far too many control points for their length."""
    for body in all_bodies:
        head = body.head
        assert head.slider is not None
        count = len(head.slider.control_points)
        if count > NODES_PER_ROOT * math.sqrt(max(body.path.length, 1.0)):
            yield candidate(
                CONTROL_POINTS,
                time=head.time,
                end_time=head.end_time,
                line=head.line,
                objects=[head],
                certainty=Certainty.LIKELY,
                message=f"This slider has {count} control points on {body.path.length:.0f} px; up to "
                f"{NODES_PER_ROOT * math.sqrt(max(body.path.length, 1.0)):.0f} are usual for that length.",
                control_points=count,
            )


def body_surprises(evidence: Evidence) -> dict[int, tuple[float, float, EventScore | None]]:
    """Bits at the most surprising control point and at the tail of each slider, and the most surprising event."""
    groups: dict[int, list[EventScore]] = defaultdict(list)
    for score in evidence.scores or ():
        if isinstance(score.event.source, HitObject) and score.event.source.slider:
            groups[score.event.group].append(score)
    found: dict[int, tuple[float, float, EventScore | None]] = {}
    for scores in groups.values():
        places = [s for s in scores if s.event.kind in PLACES]
        source = scores[0].event.source
        kinds = {s.event.kind for s in scores}
        if not places or EventKind.SLIDER_HEAD in kinds or not isinstance(source, HitObject):
            continue
        bits = sum(s.tolerant_surprisal for s in places)
        anchor, tail, event = found.get(source.index, (0.0, 0.0, None))
        worst = max(places, key=lambda s: s.tolerant_surprisal)
        if event is None or worst.tolerant_surprisal > event.tolerant_surprisal:
            event = worst
        found[source.index] = (
            (anchor, bits, event) if EventKind.SLIDER_END in kinds else (max(anchor, bits), tail, event)
        )
    return found


def changed_copies(all_bodies: Sequence[Body]) -> dict[int, tuple[int, int, float]]:
    """Sliders that are copies of a shape of this map except for one control point.

    Returns:
        Index of the head to (control point, number of copies of the shape, px that the point is off).
    """
    classes: dict[tuple[str, int], list[tuple[int, np.ndarray]]] = defaultdict(list)
    for body in all_bodies:
        slider = body.head.slider
        assert slider is not None
        if COPY_POINTS <= len(slider.control_points) <= MAX_COPY_POINTS:
            points = np.array(slider.control_points)
            # Distances between the points stay the same when a shape is moved, turned or mirrored.
            distances = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
            classes[slider.curve, len(points)].append((body.head.index, distances))
    found = {}
    for members in classes.values():
        stack = np.stack([distances for _, distances in members])
        reach = COMPARED // stack.size
        for own, (index, distances) in enumerate(members):
            near = stack[max(own - reach, 0) : own + reach + 1]
            errors = np.abs(near - distances)
            errors[min(own, reach)] = np.inf
            off = errors > COPY_PX
            n_off, n_off_of_point = off.sum(axis=(1, 2)), off.sum(axis=2)
            if not n_off.all():  # an exact copy
                continue
            changed = (errors.max(axis=(1, 2)) > CHANGED_PX) & np.isfinite(errors[:, 0, 1])
            best: tuple[int, int, float] | None = None
            for k in range(1, len(distances)):
                # Every distance that is off is one of point k, and stands twice in the table.
                alike = np.flatnonzero((n_off == 2 * n_off_of_point[:, k]) & changed)
                # The copies must agree, or the point always varies.
                agree = np.abs(near[alike] - near[alike[:1]]).max(axis=(1, 2)) <= COPY_PX
                if len(agree) >= MIN_COPIES and agree.all() and (best is None or len(agree) > best[1]):
                    best = k, len(agree), float(errors[alike[0], k].max())
            if best:
                found[index] = best
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Repeats and direction


def repeats(evidence: Evidence, all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    """Sliders whose end fits no number of repeats that the model expects."""
    groups = {s.event.group for s in evidence.of_kind(EventKind.SLIDER_END)}
    ends = {
        s.event.source.index: s
        for s in evidence.of_kind(EventKind.TIME)
        if s.event.group in groups and isinstance(s.event.source, HitObject)
    }
    for body in all_bodies:
        event, head = ends.get(body.head.index), body.head
        if event is None or head.slider is None or head.span_duration <= 0:
            continue
        offers = [
            (round((e.value - head.time) / head.span_duration), p)
            for e, p in event.expected
            if e.kind is EventKind.TIME
        ]
        offers = [(slides, p) for slides, p in offers if slides >= 1 and slides != head.slider.slides]
        if offers and offers[0][1] >= MIN_PROBABILITY:
            count, likely = head.slider.slides - 1, offers[0][0] - 1
            yield candidate(
                REPEATS,
                time=head.time,
                end_time=head.end_time,
                line=head.line,
                objects=[head],
                measure=event.tolerant_surprisal,
                event=event,
                message=f"This {object_name(head, evidence.beatmap)} has {_count(count)}; {_count(likely)} would be more usual in this rhythm.",
                actual=_count(count),
                expected=[Expected(_count(slides - 1), round(p, 4)) for slides, p in offers],
            )


def _count(count: int) -> str:
    return f"{count or 'no'} repeat{'s' * (count != 1)}"


class _Kinship:
    """Steps of the same rhythm."""

    def __init__(self, gaps: np.ndarray) -> None:
        self._order = np.argsort(gaps, kind="stable")
        self._gaps = gaps[self._order]

    def of(self, gap: float, without: Sequence[int]) -> np.ndarray:
        """Indices of the steps with about this gap [ms], without some; of very many an even choice."""
        width = max(SAME_GAP_MS, 0.1 * abs(gap))
        first = int(np.searchsorted(self._gaps, gap - width))
        last = int(np.searchsorted(self._gaps, gap + width, side="right"))
        places = np.arange(first, last)
        if last - first > MAX_KIN:
            places = first + np.arange(MAX_KIN) * (last - first) // MAX_KIN
        kin = self._order[places]
        return kin[~np.isin(kin, without)]


def reversed_sliders(evidence: Evidence) -> Iterator[Candidate]:
    """Sliders that fit the map's spacing better from tail to head."""
    all_steps = steps(evidence)
    kinship = _Kinship(np.array([s.gap for s in all_steps]))
    octaves = np.log2(np.maximum([s.distance for s in all_steps], 8.0)) if all_steps else np.zeros(0)
    for i, (into, out) in enumerate(pairwise(all_steps)):
        head = into.after
        if head.slider is None or head.slider.slides % 2 == 0 or out.before is not head:
            continue
        tail, start, after = slider_path.tail(head.slider), cursor(into.before), (out.after.x, out.after.y)
        if math.dist(tail, (head.x, head.y)) < REVERSED_PX:
            continue
        bits, ways = 0.0, (math.dist(start, tail), math.dist((head.x, head.y), after))
        if sum(ways) > into.distance + out.distance:  # less movement as it is: a tight pattern
            continue
        for step, other in zip((into, out), ways, strict=True):
            kin = kinship.of(step.gap, (i, i + 1))
            if len(kin) < MIN_STEPS:
                break
            bits += _log_density(octaves[kin], other) - _log_density(octaves[kin], step.distance)
        else:
            yield candidate(
                REVERSED,
                time=head.time,
                end_time=head.end_time,
                line=head.line,
                objects=[head],
                measure=bits,
                message=f"Head and tail of this slider may be swapped: it is {into.distance:.0f} px from the object before and "
                f"{out.distance:.0f} px from the next; the other way round {ways[0]:.0f} and {ways[1]:.0f} px would fit this "
                "map's spacing.",
                actual=f"head at x {head.x:.0f}, y {head.y:.0f}",
                expected=[Expected(f"head at x {tail[0]:.0f}, y {tail[1]:.0f}")],
                bits=round(bits, 2),
            )


def _log_density(octaves: np.ndarray, distance: float) -> float:
    kernel = np.exp(-0.5 * ((octaves - math.log2(max(distance, 8.0))) / SPREAD) ** 2)
    return math.log2(float(kernel.mean()) / (SPREAD * math.sqrt(2 * math.pi)) + FLOOR)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Check every slider; osu! and catch only."""
    if evidence.beatmap.mode not in PLAYFIELD_MODES:
        return
    all_bodies = bodies(evidence)
    for body in all_bodies:
        if body.path.natural_length == 0:
            yield candidate(
                INVISIBLE,
                time=body.head.time,
                line=body.head.line,
                objects=[body.head],
                certainty=Certainty.CERTAIN,
                message="This slider has no body: its control points are all at one position.",
            )
    yield from bundled(
        candidate(
            INVISIBLE,
            time=broken.time,
            line=broken.line,
            certainty=Certainty.CERTAIN,
            message=f"This slider is broken: {broken.what}{', so the game leaves it out' if broken.is_left_out else ''}.",
        )
        for broken in evidence.beatmap.broken_sliders
    )
    visible = [body for body in all_bodies if body.path.natural_length > 0]
    odd_lengths = list(lengths(evidence, visible))
    yield from odd_lengths
    # A wrong length also gives a wrong tail: that is one mistake.
    misfits = {
        o.index
        for found in odd_lengths
        for o in found.objects
        if found.measure is not None and found.measure >= MISFIT[found.curve]
    }
    yield from (found for found in shapes(evidence, visible) if found.objects[0].index not in misfits)
    yield from scribbles(visible)
    yield from velocities(evidence, visible)
    yield from repeats(evidence, visible)
    if evidence.beatmap.mode is Mode.OSU:
        yield from reversed_sliders(evidence)


# ---------------------------------------------------------------------------------------------------------------------
# Proposals of the discriminator


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Bodies that fit neither the objects before nor those after."""
    if evidence.beatmap.mode not in PLAYFIELD_MODES:
        return
    for slot, logit in corruption.peaks("shape", LEAST_PROPOSED_LOGIT, apart=0):
        o = evidence.object_of_slot.get(slot)
        if o is not None and o.slider is not None:
            yield candidate(
                SHAPE,
                time=o.time,
                line=o.line,
                objects=[o],
                proposed=logit,
                message=f"This {object_name(o, evidence.beatmap)} lasts {o.span_duration:.0f} ms over "
                f"{o.slider.length or 0:.0f} px ({evidence.beatmap.velocity_at(o.time):.2f}x); its shape, direction or speed does not "
                "match the objects before and after it.",
            )


CHECK = BeatmapCheck(
    Category.SLIDERS,
    "Sliders",
    (SHAPE, CONTROL_POINTS, LENGTH, INVISIBLE, VELOCITY, LATE_LINE, REPEATS, REVERSED),
    run,
    propose,
)
