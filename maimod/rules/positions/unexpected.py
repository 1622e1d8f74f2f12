"""Positions that neither the generator nor the discriminator expects."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import EventKind, EventScore, position
from maimod.features.ordered import percentile
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject, Mode, ObjectKind
from maimod.osu.names import object_name
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.steps import UsualSteps

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
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21",
    modes=PLAYFIELD_MODES,
    curves={"": UNEXPECTED_CURVE},
    corruptions=("place",),
    proposal="The position of the object fits neither the objects before nor those after it.",
)


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


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Check the positions of osu! and catch; in mania they are columns, taiko has none."""
    if evidence.beatmap.mode in PLAYFIELD_MODES:
        yield from unexpected(evidence)


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Objects that fit neither those before nor those after."""
    if evidence.beatmap.mode not in PLAYFIELD_MODES:
        return
    usually = UsualSteps(evidence)
    # Geometry alone can show an object that slipped, so all of them are proposed.
    for o, logit in evidence.doubted_objects(corruption, "place", least=-math.inf):
        if o.kind is not ObjectKind.SPINNER:
            yield candidate(
                UNEXPECTED, time=o.time, line=o.line, objects=[o], proposed=logit, message=partial(usually.message, o)
            )


CHECK = BeatmapCheck(Category.POSITIONS, "Positions", (UNEXPECTED,), run, propose)
