"""Catch: hyperdashes and dashes that the level of a difficulty allows, and the one dash that is nearly a hyperdash.

Fruits and hyperdashes are those of the game (:mod:`maimod.osu.catch`). A dash is a movement that cannot be walked,
however the catcher stood before. The Cups, Salads and Platters of 20 ranked maps break none of the rules.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/osu!catch and https://osu.ppy.sh/wiki/en/Gameplay/Dash_snapping.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_CATCH, Mode
from maimod.osu.catch import CATCHING_SHARE, WALK_SPEED, Movement, Part, catcher_width, movements
from maimod.osu.level import Level
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import bundled
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import high, low
from maimod.rules.evidence import Evidence

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21catch#difficulty-specific"
HYPERDASH = Rule(
    "positions/hyperdash",
    "Hyperdash that the level does not allow",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Beginners do not know hyperdashes yet, and lose control on drops and repeats of sliders.",
    how="As the game computes it: any hyperdash in a Cup or Salad, one from or to a drop or repeat in a Platter. In a "
    "Rain, one from or to a drop or repeat is a warning, one within a slider a problem if its fruits are less than 125 "
    "ms apart.",
    advice="Move the fruits closer together.",
    ignore_when="never in a Cup, Salad or Platter: the ranking criteria forbid it",
    blind_spots="Difficulties with unknown level; hyperdashes over a banana shower.",
    source=_CRITERIA,
    modes=ONLY_CATCH,
    criteria=("hyperdash-gap",),
)
HYPERDASH_SNAP = Rule(
    "positions/hyperdash-snap",
    "Hyperdash too fast for the level",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The less time there is between two fruits, the more exactly the hyperdash has to be started and stopped.",
    how="The two fruits are less than 125 ms apart in a Platter, 62 ms in a Rain.",
    advice="Move the fruits closer together, or give the player more time.",
    ignore_when="never: the ranking criteria forbid it",
    blind_spots="Difficulties with unknown level.",
    source=_CRITERIA,
    modes=ONLY_CATCH,
    criteria=("hyperdash-gap",),
)
HYPERDASH_RUN = Rule(
    "positions/hyperdash-run",
    "Too many hyperdashes in a row",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Each hyperdash starts where the one before it stopped, so a run of them allows no correction.",
    how="More than two hyperdashes in a row in a Platter, four in a Rain, two within a slider of a Rain; a hyperdash "
    "of less than 250 ms in a Platter, or 125 ms in a Rain, next to another one (in a Platter, next to a dash a "
    "warning); different snaps in a row (in a Rain a warning).",
    advice="Let a walk come between.",
    ignore_when="never: the ranking criteria forbid it",
    blind_spots="Difficulties with unknown level.",
    source=_CRITERIA,
    modes=ONLY_CATCH,
    criteria=(
        "basic-hyperdash",
        "basic-hyperdashes-in-a-row",
        "higher-hyperdashes-in-a-row",
        "hyperdashes-in-a-slider",
    ),
)
EDGE_DASH = Rule(
    "positions/edge-dash",
    "Edge dash",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The first fruit has to be caught with the very edge of the catcher, which looks like any other dash.",
    how="A dash that lacks up to 10 px to a hyperdash: a problem in a Salad or Platter if it lacks 2 px at most, else "
    "a warning; in a Rain a minor, next to another dash or hyperdash a warning; in an Overdose a warning after a "
    "hyperdash.",
    advice="Is it meant to be that tight?",
    ignore_when="the edge dash is intended, in a Rain or Overdose",
    blind_spots="Difficulties with unknown level. The criteria give no number of px.",
    source=_CRITERIA,
    modes=ONLY_CATCH,
    criteria=("edge-dashes",),
    same_mistake=("positions/lone-edge-dash",),
)
DASH = Rule(
    "positions/dash",
    "Dash that the level does not allow",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Beginners walk; dashes are introduced one by one, with time for each.",
    how="A movement that cannot be walked, not even from the best place: any in a Cup; between fruits less than 125 ms "
    "apart in a Salad, 62 ms in a Platter or Rain; more than two (Platter: four) in a row, or one of less than 250 ms "
    "in a Salad that another dash follows.",
    advice="Move the fruits closer together.",
    ignore_when="the movement can be walked after all",
    blind_spots="Difficulties with unknown level; movements that players dash although they could walk.",
    source=_CRITERIA,
    modes=ONLY_CATCH,
    criteria=("dash-gap", "basic-dash", "basic-dashes-in-a-row", "higher-dashes-in-a-row"),
)
ANTIFLOW = Rule(
    "positions/antiflow",
    "Change of direction after a fast dash",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="After a short, fast movement the catcher is hard to turn; the next fruit on the other side is missed.",
    how="The next fruit lies in the other direction, after a dash of less than 250 ms in a Salad, a hyperdash of less than 250 ms in a "
    "Platter, or a hyperdash of less than 125 ms that a dash follows in a Rain. A way back that can be walked is a minor, and none at "
    "all if two thirds of the walking speed are enough.",
    advice="Play it: is the turn meant to be that hard?",
    ignore_when="the song turns there",
    blind_spots="Difficulties with unknown level.",
    source=_CRITERIA,
    modes=ONLY_CATCH,
    criteria=("basic-dash", "basic-hyperdash"),
)
LONE_EDGE_DASH = Rule(
    "positions/lone-edge-dash",
    "The only dash that is nearly a hyperdash",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="It has to be run to the last pixel like no other dash of the map, and was perhaps a hyperdash before a fruit was moved.",
    how="One dash lacks at most 15 px to a hyperdash, as the game computes it, and no other dash of the map less than that or 1.75 times as many.",
    advice="Should it be a hyperdash, or an easier dash?",
    ignore_when="the edge dash is intended",
    blind_spots="Maps with several edge dashes; what was a wide hyperdash and is now an easy dash.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Dash_snapping",
    modes=ONLY_CATCH,
)

# ---------------------------------------------------------------------------------------------------------------------
# Limits

EDGE_PX, NEAR_EDGE_PX = 2.0, 10.0
"""Of the ranked Salads and Platters of the collection none has a dash that lacks less than 10 px."""
LEAST_WAY_BACK = 2 / 3
"""Share of the walking speed that a turn after a fast movement needs to be antiflow. Of 366 such hyperdashes in nine Platters 65 turn back, all of them
walked, in every Platter some; 61 need less, which leaves time to turn."""
LONE_EDGE_PX, LEAST_TIMES, LEAST_OTHERS = 15.0, 1.75, 5
"""What a lone edge dash lacks to a hyperdash, by how much more each other dash of the map lacks, and how many there are. No dash of 17 ranked difficulties lacks
so little; 8 of 37 unranked ones have such dashes, 1 a single one. Of 28 hyperdashes that became dashes when a fruit was moved so that 12 px were lacking, 12 are
found."""
SAME_SNAP_MS = 4.0
FEW = 2
"""More findings of one rule become one."""
ROUNDING_MS = 1.0


def run(evidence: Evidence) -> Iterator[Candidate]:
    if evidence.beatmap.mode is not Mode.CATCH or not evidence.beatmap.hit_objects:
        return
    ways = movements(evidence.beatmap)
    yield from _lone_edge_dash(ways)
    if evidence.level is None:
        return
    way = _Way(evidence, evidence.level, ways)
    for find in (_hyperdashes, _hyperdash_snaps, _hyperdash_runs, _edge_dashes, _dashes, _antiflow):
        yield from bundled(find(way), FEW)


class _Way(msgspec.Struct, frozen=True):
    """Movements of a difficulty whose level is known."""

    evidence: Evidence
    level: Level
    movements: Sequence[Movement]

    @property
    def name(self) -> str:
        return self.level.one_in(Mode.CATCH)

    def found(
        self, rule: Rule, at: Sequence[Movement], certainty: Certainty, message: str, actual: str, expected: str
    ) -> Candidate:
        return _candidate(rule, at, self.evidence.for_level(certainty), message, actual, expected)

    def is_higher_snapped(self, movement: Movement) -> bool:
        return not movement.is_walked and movement.ms < self.basic_ms(movement) - ROUNDING_MS

    def basic_ms(self, movement: Movement) -> float:
        """From this time on a dash or hyperdash is basic-snapped, below it higher-snapped."""
        return low("basic-hyperdash" if movement.is_hyperdash else "basic-dash", Mode.CATCH, self.level)

    def runs(self, hyperdashes: bool) -> Iterator[tuple[list[Movement], bool]]:
        """Hyperdashes, or movements that cannot be walked, in a row; and whether a dash is beside them."""
        start = 0
        for place in range(len(self.movements) + 1):
            if place < len(self.movements) and self._belongs(self.movements[place], hyperdashes):
                continue
            if place > start:
                beside = (*self.movements[max(start - 1, 0) : start], *self.movements[place : place + 1])
                yield list(self.movements[start:place]), any(one.is_dash and not one.over_spinner for one in beside)
            start = place + 1

    @staticmethod
    def _belongs(movement: Movement, hyperdashes: bool) -> bool:
        return (movement.is_hyperdash if hyperdashes else not movement.is_walked) and not movement.over_spinner


def _candidate(
    rule: Rule, at: Sequence[Movement], certainty: Certainty, message: str, actual: str, expected: str
) -> Candidate:
    first, last = at[0].before, at[-1].after
    objects = {o.index: o for o in (*(one.before.hit_object for one in at), last.hit_object)}
    return candidate(
        rule,
        time=first.time,
        line=first.hit_object.line,
        objects=list(objects.values()),
        certainty=certainty,
        message=message,
        actual=actual,
        expected=[Expected(expected)],
        distance_px=round(abs(at[0].after.x - first.x), 1),
        time_ms=round(at[0].ms, 1),
    )


def _is_in_slider(movement: Movement) -> bool:
    """Whether a movement starts or ends at a drop or repeat."""
    return bool({movement.before.part, movement.after.part} & {Part.DROP, Part.REPEAT})


def _way_of(movement: Movement) -> str:
    return f"{abs(movement.after.x - movement.before.x):.0f} px in {movement.ms:.0f} ms"


# ---------------------------------------------------------------------------------------------------------------------
# Hyperdashes


def _hyperdashes(way: _Way) -> Iterator[Candidate]:
    forbidden = low("hyperdash-gap", Mode.CATCH, way.level)
    for one in way.movements:
        if not one.is_hyperdash or one.over_spinner:
            continue
        if math.isinf(forbidden) and forbidden > 0:
            reason, certainty = f"{way.name} has none", Certainty.CERTAIN
        elif way.level is Level.HARD and _is_in_slider(one):
            reason, certainty = f"{way.name} has none on drops and repeats of juice streams", Certainty.CERTAIN
        elif way.level is Level.INSANE and one.before.is_within_slider and way.is_higher_snapped(one):
            reason, certainty = (
                f"within a slider, {way.name} has none of less than {way.basic_ms(one):.0f} ms",
                Certainty.CERTAIN,
            )
        elif way.level is Level.INSANE and _is_in_slider(one):
            reason, certainty = (
                f"{way.name} should have none on drops and repeats of juice streams",
                Certainty.GUIDELINE,
            )
        else:
            continue
        yield way.found(
            HYPERDASH,
            [one],
            certainty,
            f"From this {one.before.part} it is {_way_of(one)} to the next fruit, a hyperdash by {-one.to_hyperdash:.0f} px; {reason}.",
            "a hyperdash",
            f"{-one.to_hyperdash:.0f} px less",
        )


def _hyperdash_snaps(way: _Way) -> Iterator[Candidate]:
    least = low("hyperdash-gap", Mode.CATCH, way.level)
    if math.isinf(least):  # none at all, or no limit
        return
    for one in way.movements:
        if one.is_hyperdash and not one.over_spinner and 0 < one.ms < least - ROUNDING_MS:
            yield way.found(
                HYPERDASH_SNAP,
                [one],
                Certainty.CERTAIN,
                f"The two fruits of this hyperdash are {one.ms:.0f} ms apart; {way.name} requires {least:.0f} ms.",
                f"{one.ms:.0f} ms",
                f"at least {least:.0f} ms",
            )


def _hyperdash_runs(way: _Way) -> Iterator[Candidate]:
    most = high("basic-hyperdashes-in-a-row", Mode.CATCH, way.level)
    most_inside = high("hyperdashes-in-a-slider", Mode.CATCH, way.level)
    if math.isinf(most):
        return
    for run, beside in way.runs(hyperdashes=True):
        inside = [one for one in run if one.before.is_within_slider]
        snaps = [one.ms for one in run]
        certainty, wanted = Certainty.CERTAIN, f"at most {most:g}"
        if len(run) > most:
            reason = f"{way.name} may have {most:g}"
        elif len(run) > 1 and any(way.is_higher_snapped(one) for one in run):
            reason = f"in {way.name} one of less than {way.basic_ms(run[0]):.0f} ms must be alone"
            wanted = "one hyperdash"
        elif way.level is Level.HARD and way.is_higher_snapped(run[0]) and beside:
            reason = f"in {way.name} one of less than {way.basic_ms(run[0]):.0f} ms must not be next to a dash"
            certainty, wanted = Certainty.GUIDELINE, "no dash beside it"
        elif len(inside) > most_inside:
            reason = f"{way.name} may have {most_inside:g} within a slider"
            wanted = f"at most {most_inside:g} within a slider"
        elif len(run) > 1 and max(snaps) - min(snaps) > SAME_SNAP_MS:
            reason, wanted = f"in {way.name} those in a row must have the same snap", "the same snap"
            certainty = Certainty.CERTAIN if way.level is Level.HARD else Certainty.GUIDELINE
        else:
            continue
        yield way.found(
            HYPERDASH_RUN,
            run,
            certainty,
            f"{len(run)} hyperdashes follow each other ({', '.join(f'{ms:.0f}' for ms in snaps[:6])} ms); {reason}."
            if len(run) > 1
            else f"This hyperdash has {snaps[0]:.0f} ms; {reason}.",
            f"{len(run)} hyperdashes" if len(run) > 1 else f"{snaps[0]:.0f} ms",
            wanted,
        )


# ---------------------------------------------------------------------------------------------------------------------
# Dashes


def _edge_dashes(way: _Way) -> Iterator[Candidate]:
    if way.level is Level.EASY:  # no dashes at all
        return
    for place, one in enumerate(way.movements):
        if not one.is_dash or one.over_spinner or one.to_hyperdash > NEAR_EDGE_PX:
            continue
        before = way.movements[place - 1] if place else None
        after = way.movements[place + 1] if place + 1 < len(way.movements) else None
        if high("edge-dashes", Mode.CATCH, way.level) == 0:
            certainty = Certainty.CERTAIN if one.to_hyperdash <= EDGE_PX else Certainty.GUIDELINE
            reason = f"{way.name} has no edge dashes"
        elif way.level is Level.INSANE:
            alone = all(other is None or other.is_walked for other in (before, after))
            certainty = Certainty.POSSIBLE if alone else Certainty.GUIDELINE
            reason = f"{way.name} {'may have single ones' if alone else 'should not have them next to other dashes'}"
        elif way.level is Level.EXPERT and before is not None and before.is_hyperdash:
            certainty, reason = Certainty.GUIDELINE, f"in {way.name} they should not follow a hyperdash"
        else:
            continue
        yield way.found(
            EDGE_DASH,
            [one],
            certainty,
            f"From this {one.before.part} it is {_way_of(one)} to the next fruit, an edge dash: {one.to_hyperdash:.0f} px more would "
            f"be a hyperdash; {reason}.",
            f"{one.to_hyperdash:.1f} px to a hyperdash",
            f"more than {NEAR_EDGE_PX:.0f} px",
        )


def _lone_edge_dash(ways: Sequence[Movement]) -> Iterator[Candidate]:
    dashes = sorted((one for one in ways if one.is_dash and not one.over_spinner), key=lambda one: one.to_hyperdash)
    if len(dashes) <= LEAST_OTHERS:
        return
    edge, other = dashes[:2]
    if edge.to_hyperdash <= LONE_EDGE_PX and other.to_hyperdash >= max(LONE_EDGE_PX, LEAST_TIMES * edge.to_hyperdash):
        yield _candidate(
            LONE_EDGE_DASH,
            [edge],
            Certainty.POSSIBLE,
            f"From this {edge.before.part} it is {_way_of(edge)} to the next fruit: {edge.to_hyperdash:.0f} px more would be a hyperdash; the other "
            f"{len(dashes) - 1} dashes of the map lack {other.to_hyperdash:.0f} px or more.",
            f"{edge.to_hyperdash:.1f} px to a hyperdash",
            f"{other.to_hyperdash:.0f} px or more",
        )


def _dashes(way: _Way) -> Iterator[Candidate]:
    least = low("dash-gap", Mode.CATCH, way.level)
    for one in way.movements:
        if not one.is_dash or one.over_spinner:
            continue
        if least == math.inf:
            reason = f"{way.name} has no dashes"
        elif 0 < one.ms < least - ROUNDING_MS:
            reason = f"the two fruits of a dash of {way.name} must be {least:.0f} ms apart"
        else:
            continue
        message = f"From this {one.before.part} it is {_way_of(one)} to the next fruit, too far to walk; {reason}."
        yield way.found(DASH, [one], Certainty.GUIDELINE, message, "a dash", "a shorter distance or more time")
    yield from _dash_runs(way)


def _dash_runs(way: _Way) -> Iterator[Candidate]:
    most = high("basic-dashes-in-a-row", Mode.CATCH, way.level)
    if math.isinf(most):
        return
    for run, _ in way.runs(hyperdashes=False):
        dashes = [one for one in run if one.is_dash]
        if len(dashes) > most:
            reason = f"{way.name} may have {most:g} in a row"
        elif way.level is Level.NORMAL and any(way.is_higher_snapped(one) for one in run[:-1]):
            least = low("basic-dash", Mode.CATCH, way.level)
            reason = f"in {way.name} one of less than {least:.0f} ms must be followed by walking"
        else:
            continue
        message = f"{len(run)} movements in a row cannot be walked; {reason}."
        yield way.found(DASH, run, Certainty.GUIDELINE, message, f"{len(run)} in a row", f"at most {most:g}")


def _antiflow(way: _Way) -> Iterator[Candidate]:
    catching = catcher_width(way.evidence.beatmap.difficulty.circle_size) * CATCHING_SHARE / 2
    for one, after in pairwise(way.movements):
        if one.over_spinner or after.over_spinner or one.is_walked or not way.is_higher_snapped(one):
            continue
        concerned = {
            Level.NORMAL: one.is_dash,
            Level.HARD: one.is_hyperdash,
            Level.INSANE: one.is_hyperdash and not after.is_walked,
        }.get(way.level, False)
        left = abs(after.after.x - after.before.x) - catching
        back = after.direction * one.direction < 0 and left > LEAST_WAY_BACK * WALK_SPEED * max(after.ms, 0.0)
        if concerned and back:
            kind = "hyperdash" if one.is_hyperdash else "dash"
            yield way.found(
                ANTIFLOW,
                [one, after],
                Certainty.POSSIBLE if after.is_walked else Certainty.GUIDELINE,
                f"After this {kind} of {_way_of(one)} the next fruit lies {_way_of(after)} in the other direction; "
                f"{way.name} should avoid that after fast ones.",
                "another direction",
                "the same direction",
            )


CHECK = BeatmapCheck(
    Category.POSITIONS,
    "Hyperdashes and dashes",
    (HYPERDASH, HYPERDASH_SNAP, HYPERDASH_RUN, EDGE_DASH, DASH, ANTIFLOW, LONE_EDGE_DASH),
    run,
)
