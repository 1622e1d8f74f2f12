"""Shapes of sliders: control points and tails that are unexpected or differ from copies of the shape."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore
from maimod.features.ordered import percentile
from maimod.findings import Severity, Tier
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject
from maimod.osu.names import object_name
from maimod.rules.base import Candidate, Certainty, Curve, Rule, candidate
from maimod.rules.evidence import Evidence
from maimod.rules.positions.unexpected import BASE_PERCENTILE, PLACES
from maimod.rules.sliders.lengths import Body

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

_WIKI = "https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Slider"
SHAPE = Rule(
    "sliders/shape",
    "Odd slider body",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "map"),
    why="A misplaced control point gives the body an unintended shape, or moves the tail.",
    how="The model's surprise at the control points and at the tail is compared with that at the other sliders of the "
    "map; copies of one shape, turned or mirrored, that differ in a single control point are found by their distances.",
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
            message=_shape_message(body, event),
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


def _shape_message(body: Body, event: EventScore | None) -> str:
    assert body.head.slider is not None
    points = body.head.slider.control_points
    part = event.event.part if event else 0  # of the end
    x, y = points[min(part, len(points) - 1)] if part else body.path.end
    is_last = 0 < len(points) - 1 <= part
    where = "runs to its last control point" if is_last else f"bends at control point {part}" if part else "ends"
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


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Bodies that fit neither the objects before nor those after."""
    if evidence.beatmap.mode not in PLAYFIELD_MODES:
        return
    for o, logit in evidence.doubted_objects(corruption, "shape"):
        if o.slider is not None:
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
