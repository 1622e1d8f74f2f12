"""Velocities of sliders: single ones with another, and green lines just after the head."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial

from maimod.events.schema import EventKind, EventScore
from maimod.findings import Expected, Severity, Tier, in_ms
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, HitObject
from maimod.rules.base import Candidate, Certainty, Curve, Rule, candidate
from maimod.rules.evidence import Evidence
from maimod.rules.sliders.lengths import Body

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
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21",
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
    yield from _single(evidence, all_bodies)
    yield from _late_lines(evidence.beatmap, all_bodies)


def _single(evidence: Evidence, all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    beside: dict[int, tuple[Body, Body]] = {}
    around: dict[int, float] = {}
    """Of single sliders, the velocity of those before and after."""
    for before, body, after in zip(all_bodies, all_bodies[1:], all_bodies[2:], strict=False):
        beside[body.head.index] = before, after
        near = after.head.time - before.head.time <= LONE_MS
        if near and same(before.velocity, after.velocity) and not same(body.velocity, before.velocity):
            around[body.head.index] = before.velocity
    rarity = math.log2(max(len(all_bodies), 1)) - 2 * math.log2(max(len(around), 1))
    events = {
        s.event.source.index: s
        for s in evidence.of_kind(EventKind.SCROLL_SPEED)
        if isinstance(s.event.source, HitObject)
    }
    used = sorted(body.velocity for body in all_bodies)
    alike = {one: _alike(used, one) for one in set(used)}
    for body in all_bodies:
        event, usual = events.get(body.head.index), around.get(body.head.index)
        # Players know a velocity that occurs often; without a model the map is the only evidence.
        others = alike[body.velocity] - 1
        bits = (0.0 if event is None else event.tolerant_surprisal) - math.log2(1 + others) / 2
        bits += HABIT_WEIGHT * max(rarity, 0.0) * (usual is not None)
        expected = _velocities(event, sorted(alike)) or ([Expected(f"{usual:.2f}x")] if usual else [])
        other = next((one.text for one in expected if one.text != f"{body.velocity:.2f}x"), None)
        if not usual and (
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
            message=partial(_velocity_words, body, usual, others, other, beside.get(body.head.index, ())),
            actual=f"{body.velocity:.2f}x",
            expected=expected,
            bits=round(bits, 2),
        )


def _late_lines(beatmap: Beatmap, all_bodies: Sequence[Body]) -> Iterator[Candidate]:
    heads = {body.head.time: body for body in all_bodies}
    times = sorted(heads)
    for point in beatmap.sorted_timing_points:
        place = bisect_left(times, point.time - LATE_LINE_MS)
        if point.uninherited or place == len(times) or times[place] >= point.time:
            continue
        body = heads[times[place]]
        if same(body.velocity, point.velocity):
            continue
        late_ms = point.time - body.head.time
        at_head = any(one.time == body.head.time for one in beatmap.timing_points if not one.uninherited)
        late = f"The green line for {point.velocity:.2f}x comes {in_ms(late_ms)} after"
        yield candidate(
            LATE_LINE,
            time=body.head.time,
            line=point.line,
            objects=[body.head],
            certainty=Certainty.CERTAIN,
            message=f"{late} the one for {body.velocity:.2f}x at the head of this slider, which keeps that."
            if at_head
            else f"{late} the head of this slider, which keeps {body.velocity:.2f}x.",
            actual=f"{body.velocity:.2f}x",
            expected=[Expected(f"{point.velocity:.2f}x")],
            late_ms=round(late_ms, 3),
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
    own = f"This slider has a velocity of {body.velocity:.2f}x"
    if around:
        return f"{own}; the sliders before and after have {around:.2f}x."
    if other and others >= USUAL_VELOCITY:  # that many others have it is no reason
        differs = any(not same(one.velocity, body.velocity) for one in beside)
        aside = " (before it {:.2f}x, after it {:.2f}x)".format(*(one.velocity for one in beside)) if differs else ""
        return f"{own}; {other} would follow the pattern{aside}."
    if not others:
        return f"{own}, as no other slider of the map{f'; {other} would follow the pattern' if other else ''}."
    count = f"{others} other slider{'s' * (others != 1)} of the map {'has' if others == 1 else 'have'} that"
    return f"{own}; {count}{f', but {other} would follow the pattern' if other else ''}."


def _velocities(score: EventScore | None, used: Sequence[float]) -> list[Expected]:
    """The model's expectations as velocities `used` in the map, because tokens are coarser."""
    offers = [(e.value / 100, p) for e, p in (score.expected if score else ()) if e.kind is EventKind.SCROLL_SPEED]
    named = [(next((velocity for velocity in used if abs(velocity - at) <= TOKEN_WIDTH), at), p) for at, p in offers]
    return [Expected(f"{velocity:.2f}x", round(p, 4)) for velocity, p in named]
