"""Slips: objects that seem to have been moved by accident.

The model (:mod:`maimod.features.slip_model`) knows how moves of a few pixels and more change the relations of objects to
their neighbours. It finds slips, and says nothing about what a modder would place elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from maimod.features.catch import copies as catch_copies
from maimod.features.catch import slips as catch_slips
from maimod.features.positions import alternatives as position_alternatives
from maimod.features.positions import slips as position_slips
from maimod.features.positions.geometry import EXACT_PX, FAR_PX
from maimod.features.positions.slips import LEAST_GAP_MS, RESIDUALS, Measures
from maimod.features.slip_model import Slips
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import PLAYFIELD_MODES, Mode
from maimod.osu.names import in_words_of_mode, object_name
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.steps import UsualSteps, gap_name

LEAST_LOG_ODDS = -4.0
"""Objects with less are no candidates."""
BESIDE = 2
"""A move also changes the relations of the neighbours: of objects this close the likeliest is the candidate."""
NAMED_PX = 40.0
"""Greatest distance from a relation that is named; distances between neighbours are named however wrong they are."""
LEAST_KEPT = 0.3
"""A relation is named if at least this share of the objects around keep it."""
LEAST_REVERSED, LEAST_MIRRORED = 4.0, 8.0
"""Gains, in natural logarithms, from which another way round is named: one slider in 200 and one object in 120 of 40 ranked
maps have them."""
LEAST_EXCHANGED, LEAST_SAVED_PX = 6.0, 60.0
"""Gain, and px of way, from which another order of two circles is named: one circle in 500 of good maps has both, and 70 % of
those that were exchanged."""
LEAST_COMPANIONS = 3
"""Fewest steps at one distance to name it."""
UNLIKE_ALL = "no other slider of the map has quite this shape"
WORDS = 2
"""Relations that a message names."""
LEAST_SEEN_PX, UNSEEN_LOG_ODDS = 5.5, -1.0
"""A difference of fewer pixels from the named relations, unless one is a stack, cannot be seen, and counts only from these log-odds on. All of five
such suggestions in 24 ranked maps were 2 to 4 px of spacing."""
SLIP_CURVE = Curve(middle=3.3, scale=1.0)
"""Log-odds of the model, which was fitted on maps in which one object in 20 was moved: one in 550 is nearer to a map that is
nearly finished. 118 ranked maps have 0.02 objects a minute above 2."""

SLIP = Rule(
    "positions/slip",
    "Object seems to have slipped",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="An object dragged or nudged by accident breaks the spacing, the stack or the figure that it belonged to.",
    how="The object is compared with the relations that its neighbours keep: distances at equal gaps in time, stacks, lines, "
    "parallelograms, polygons, mirror images, the same figure elsewhere in the map; in catch by x alone, by how fast the "
    "catcher moves at equal gaps, and by what the copies of the measure have. Decision trees that were fitted on objects moved by 2 to 200 px weigh them.",
    advice="Was it moved by accident?",
    ignore_when="the object is meant to stand apart, or the map places freely.",
    blind_spots="Moves of up to 5 px, unless many relations show them; maps that keep few exact relations; most single moves from Hard on; objects that were never in a relation.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Distance_snap",
    modes=PLAYFIELD_MODES,
    curves={"": SLIP_CURVE},
    corruptions=("place",),
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Objects that seem to have been moved."""
    slips, is_catch = evidence.slips, evidence.beatmap.mode is Mode.CATCH
    if slips is not None and slips.measures is not None:
        yield from candidates(SLIP, slips.positions, evidence, BROKEN_IN_CATCH if is_catch else BROKEN_BY_MOVE)


def beside(log_odds: np.ndarray) -> np.ndarray:
    """(n_objects,) the highest of the log-odds of the objects up to `BESIDE` before and after, without the object."""
    padded = np.pad(log_odds, BESIDE, constant_values=-np.inf)
    ways = [by for by in range(2 * BESIDE + 1) if by != BESIDE]
    return np.asarray(np.max([padded[by : by + len(log_odds)] for by in ways], axis=0))


def candidates(rule: Rule, log_odds: np.ndarray, evidence: Evidence, relations: tuple[str, ...]) -> Iterator[Candidate]:
    """Candidates of one kind of slip.

    Args:
        rule: of the candidates.
        log_odds: (n_objects,) in order of time.
        evidence: of a map in which slips were looked for.
        relations: those of `RESIDUALS` that the words can name.
    """
    slips = evidence.slips
    assert slips is not None
    measures = slips.measures if rule is SLIP else slips.bodies
    assert measures is not None
    others, usually = beside(log_odds), UsualSteps(evidence)
    for rank in np.flatnonzero((log_odds >= LEAST_LOG_ODDS) & (log_odds >= others)).tolist():
        o = evidence.objects_by_time[rank]
        broken = _broken(slips, measures, rank, evidence, relations)
        if rule is SLIP and log_odds[rank] < UNSEEN_LOG_ODDS and _is_unseen(broken[:WORDS]):
            continue
        kept = int((measures.residuals[rank] <= EXACT_PX).sum())
        usual = float(measures.around[rank].sum())
        named = in_words_of_mode(_joined(broken[:WORDS]), evidence.beatmap)
        if evidence.beatmap.mode is Mode.CATCH:  # most relations need a plane
            unnamed = (
                _ways(measures, rank, evidence) if rule is SLIP else in_words_of_mode(UNLIKE_ALL, evidence.beatmap)
            )
        elif rule is SLIP and (steps := usually.words(o)):
            unnamed = f"it is {steps}"
        elif kept < usual:
            unnamed = f"it fits its neighbours in {kept} ways (equal distances, lines, symmetry), the objects around it in {usual:.0f}"
        elif rule is SLIP:
            unnamed = "the pattern of the objects before and after suggests another place"
        else:
            unnamed = UNLIKE_ALL
        name = object_name(o, evidence.beatmap)
        off: dict[str, Any] = {f"{one.relation}_px": one.off for one in broken[:4] if one.off}
        yield candidate(
            rule,
            time=o.time,
            line=o.line,
            objects=[o],
            measure=float(log_odds[rank]),
            message=f"{'The body of this' if rule is not SLIP else 'This'} {name} may have slipped: {named or unnamed}.",
            actual=broken[0].actual if broken else "",
            expected=[Expected(broken[0].expected)] if broken and broken[0].expected else [],
            log_odds=round(float(log_odds[rank]), 2),
            relations_kept=kept,
            relations_kept_around=round(usual, 1),
            **off,
        )


def _joined(broken: Sequence[Broken]) -> str:
    """As in "it is 40 px off the line of its neighbours and off the middle of its neighbours"; equal distances are said once."""
    said: list[str] = []
    last = None
    for one in broken:
        off = _OFF.match(one.words)
        if off and last:
            said[-1] += f" and {off[2] if off[1] == last[1] else f'{off[1]} {off[2]}'}"
        else:
            said.append(one.words)
        last = off
    return "; ".join(said)


def _is_unseen(broken: Sequence[Broken]) -> bool:
    """Whether the object keeps these relations but for a few pixels."""
    plain = [one for one in broken if one.relation not in (*WHOLE, "stack")]
    return bool(plain) and len(plain) == len(broken) and max(one.off for one in plain) < LEAST_SEEN_PX


def _ways(measures: Measures, rank: int, evidence: Evidence) -> str:
    """The movements of the catcher to an object and from it."""
    objects, ways = evidence.objects_by_time, []
    for step, side in ((rank - 1, "from the object before"), (rank, "to the next one")):
        if 0 <= step < len(objects) - 1:
            gap = gap_name(evidence, objects[step], float(measures.gaps[step]))
            ways.append(f"{measures.distances[step]:.0f} px in {gap} {side}")
    return f"{' and '.join(ways)}, unlike the movements around"


# ---------------------------------------------------------------------------------------------------------------------
# Words


class Broken(msgspec.Struct, frozen=True):
    """A relation that the objects around keep and this one does not."""

    relation: str
    """Of `RESIDUALS`."""
    off: float
    """Px."""
    weight: float
    words: str
    actual: str = ""
    expected: str = ""


REVERSED, MIRRORED, EXCHANGED = "reversed", "mirrored", "exchanged"
"""Other ways round that fit better, beside the relations."""
HYPERDASH = "hyperdash"
"""In catch: a hyperdash that the copies of the measure have and the object lacks, or the other way round."""
CONTROL_POINT, PATH = "control_point", "path"
"""All control points but one are those of other sliders; the path of the control points has another length than the slider."""
LEAST_POINTS, LEAST_PATH_PX, USUAL_PATHS, END_OF_PATHS = 4, 8.0, 0.05, 0.03
"""Fewest control points of which one is named; from how many px on the length of the path is, if at most so many sliders have about the same
difference, and it is among so many that have the most or the least."""
WHOLE = (REVERSED, MIRRORED, EXCHANGED, HYPERDASH)
"""Of these, the ones that are no distance in px."""
NEAR_HYPERDASH_PX, LEAST_COPIES = 60.0, 0.5
"""It is named this close to where the game makes one, if at least this share of the copies says so."""
BROKEN_BY_MOVE = (
    EXCHANGED,
    MIRRORED,
    "step_in_mode",
    "step_out_mode",
    "stack",
    "figure",
    "line",
    "midpoint",
    "parallelogram",
    "polygon",
    "trapezoid",
    "field_mirror",
    "axis",
)
BROKEN_IN_CATCH = (HYPERDASH, "step_in_mode", "step_out_mode", "stack", "figure", "midpoint")
"""On a line many places are mirror images of others by chance."""
_OFF = re.compile(r"it is (\d+ px) (off .*)")
CATCH_PX = 12.0
"""Least distance from a relation that is named in catch: the catcher is 107 px wide at circle size 5 and rarely has to stand
more exactly."""
_WORDS = {
    "stack": "it is {off} px off the closest object to stack on",
    "figure": "it is {off} px off its place in the same figure elsewhere in the map",
    "line": "it is {off} px off the line of its neighbours",
    "midpoint": "it is {off} px off the middle of its neighbours",
    "parallelogram": "it is {off} px off a parallelogram with its neighbours",
    "polygon": "it is {off} px off the regular turn of its neighbours",
    "trapezoid": "it is {off} px off the mirror image of its neighbour",
    "field_mirror": "it is {off} px off the mirror image of an object nearby in the playfield",
    "axis": "it is {off} px off the row or column of its neighbours",
    "turned_copy": "turned or mirrored, it is {off} px off another slider",
    "tail_stack": "its end is {off} px off the closest object to stack on",
    "symmetry": "its halves are {off} px off mirroring each other, as those of sliders around do",
    "parallel": "it is {off} px off being parallel to a slider nearby",
}


def _broken(
    slips: Slips, measures: Measures, rank: int, evidence: Evidence, relations: tuple[str, ...]
) -> list[Broken]:
    """Relations that an object breaks, by how often the objects around keep them."""
    found: list[Broken] = []
    least = CATCH_PX if evidence.beatmap.mode is Mode.CATCH else EXACT_PX
    if REVERSED in relations and slips.measures is not None:
        found += _reversed(slips.measures, rank)
    if MIRRORED in relations:
        found += _mirrored(measures, rank, evidence)
    if EXCHANGED in relations:
        found += _exchanged(measures, rank, evidence)
    if CONTROL_POINT in relations:
        found += _control_points(measures, rank)
    if HYPERDASH in relations:
        found += _hyperdash(slips, rank)
    for relation in relations:
        if relation in (*WHOLE, CONTROL_POINT, PATH):
            continue
        column = RESIDUALS.index(relation)
        off, kept = float(measures.residuals[rank, column]), float(measures.around[rank, column])
        alike = int(measures.same_length[rank])
        if relation in ("step_in_mode", "step_out_mode"):
            if least < off < FAR_PX and (one := _step(slips, rank, evidence, relation, off)) is not None:
                found.append(one)
        elif not least < off <= NAMED_PX:
            continue
        elif relation == "copy" and kept >= LEAST_KEPT and alike:
            others = "the other slider" if alike == 1 else f"the most similar of the other {alike} sliders"
            words = f"it is {off:.0f} px off {others} of its length"
            found.append(Broken(relation, round(off, 1), kept, words))
        elif kept >= LEAST_KEPT and relation in _WORDS:
            words = _WORDS[relation].format(off=f"{off:.0f}", alike=f"{alike} other sliders")
            found.append(Broken(relation, round(off, 1), kept, words))
    return sorted(found, key=lambda one: -one.weight)


def _gain(measures: Measures, rank: int, *names: str) -> float:
    features = measures.alternatives.features[rank]
    return float(sum(features[position_alternatives.NAMES.index(name)] for name in names))


def _control_points(measures: Measures, rank: int) -> Iterator[Broken]:
    """A control point that is not where other sliders have it, and a path that is longer or shorter than the slider."""

    def value(name: str) -> float:
        return float(measures.features[rank, position_slips.NAMES.index(name)])

    odd, others = 2.0 ** value("odd_point") - 1, round(2.0 ** value("with_but_one")) - 1
    is_copy = value("with_same_points") > 0
    if value("points") >= LEAST_POINTS and others and not is_copy and EXACT_PX < odd <= NAMED_PX:
        sliders = "another slider" if others == 1 else f"{others} other sliders"
        words = f"all control points but one are those of {sliders}; that one is {odd:.0f} px off"
        yield Broken(CONTROL_POINT, round(odd, 1), 2.0, words)
    off, place = value("beyond"), value("beyond_rank")
    px = 2.0 ** abs(off) - 1
    is_extreme = place <= END_OF_PATHS if off < 0 else place >= 1 - END_OF_PATHS
    if px >= LEAST_PATH_PX and is_extreme and value("beyond_usual") <= USUAL_PATHS:
        way = (
            "longer than the slider, which ends before"
            if off > 0
            else "shorter than the slider, which runs straight on after"
        )
        words = f"the path through its control points is {px:.0f} px {way} the last of them, unlike nearly all others in the map"
        yield Broken(PATH, round(px, 1), 1.0, words)


def _reversed(measures: Measures, rank: int) -> Iterator[Broken]:
    """A slider that fits the steps of the map if it runs from its end to its start."""
    if _gain(measures, rank, "reversed_steps", "reversed_turns") < LEAST_REVERSED:
        return
    heads, tails = measures.heads, measures.tails
    now = float(measures.distances[rank - 1]), float(measures.distances[rank])
    back = float(abs(tails[rank] - tails[rank - 1])), float(abs(heads[rank + 1] - heads[rank]))
    words = (
        f"{now[0]:.0f} px to its start and {now[1]:.0f} px from its end to the next object; if it ran the other way, "
        f"{back[0]:.0f} and {back[1]:.0f} px, as the map has more often at these gaps"
    )
    yield Broken(REVERSED, 0.0, 2.0, words, f"{now[0]:.0f} and {now[1]:.0f} px", f"{back[0]:.0f} and {back[1]:.0f} px")


def _mirrored(measures: Measures, rank: int, evidence: Evidence) -> Iterator[Broken]:
    """A few objects that fit the steps of the map if they are mirrored."""
    if _gain(measures, rank, "mirrored_with") < LEAST_MIRRORED:
        return
    alternatives, distances = measures.alternatives, measures.distances
    first, count = map(int, alternatives.figures[rank])
    numbers = [o.combo_number for o in evidence.objects_by_time[first : first + count]]
    way = "left to right" if alternatives.axes[rank] == 0 else "top to bottom"
    now = float(distances[first - 1]), float(distances[first + count - 1])
    back = tuple(map(float, alternatives.mirrored_px[rank]))
    words = (
        f"the objects {', '.join(map(str, numbers))} are {now[0]:.0f} and {now[1]:.0f} px from those before and after them; "
        f"mirrored {way} it would be {back[0]:.0f} and {back[1]:.0f} px, as the map has more often at these gaps"
    )
    yield Broken(MIRRORED, 0.0, 0.5, words, f"{now[0]:.0f} and {now[1]:.0f} px", f"{back[0]:.0f} and {back[1]:.0f} px")


def _exchanged(measures: Measures, rank: int, evidence: Evidence) -> Iterator[Broken]:
    """Two circles whose way would be shorter, and more like the steps of the map, in the other order."""
    saved = 2.0 ** _gain(measures, rank, "exchanged_px") - 1
    if _gain(measures, rank, "exchanged_steps", "exchanged_turns") < LEAST_EXCHANGED or saved < LEAST_SAVED_PX:
        return
    other = evidence.objects_by_time[int(measures.alternatives.partners[rank])]
    side = "before" if other.time < evidence.objects_by_time[rank].time else "after"
    words = (
        f"if it changed places with circle {other.combo_number} {side} it, the way through both would be {saved:.0f} px shorter, "
        "with steps that the map has more often at these gaps"
    )
    yield Broken(EXCHANGED, 0.0, 1.5, words, expected=f"exchanged with circle {other.combo_number} {side} it")


def _hyperdash(slips: Slips, rank: int) -> Iterator[Broken]:
    """A hyperdash that most copies of the measure, or most movements with the gap, have and this place lacks, or the other way
    round."""
    if slips.catcher is None or slips.copies is None:
        return
    away, usual = (
        float(slips.catcher[rank, catch_slips.CATCHER_NAMES.index(name)])
        for name in ("to hyperdash in", "map hyperdash in")
    )
    there, here = (float(slips.copies[rank, catch_copies.NAMES.index(name)]) for name in ("hyperdash", "no hyperdash"))
    if there >= LEAST_COPIES and 0 <= away <= NEAR_HYPERDASH_PX:
        words = f"{away:.0f} px more would be a hyperdash, which the copies of this measure have here"
        yield Broken(HYPERDASH, round(away, 1), 2.0, words, "no hyperdash", "a hyperdash")
    elif here >= LEAST_COPIES and -NEAR_HYPERDASH_PX <= away < 0:
        words = f"it is a hyperdash by {-away:.0f} px, and the copies of this measure have none here"
        yield Broken(HYPERDASH, round(-away, 1), 2.0, words, "a hyperdash", "no hyperdash")
    elif usual >= LEAST_COPIES and 0 <= away <= NEAR_HYPERDASH_PX:
        words = f"{away:.0f} px more would be a hyperdash, as {100 * usual:.0f} % of the movements with this gap are"
        yield Broken(HYPERDASH, round(away, 1), 1.0, words, "no hyperdash", "a hyperdash")


def _step(slips: Slips, rank: int, evidence: Evidence, relation: str, off: float) -> Broken | None:
    """The distance to a neighbour, if others at the same gap agree on another one."""
    measures, step = slips.measures, rank - 1 if relation == "step_in_mode" else rank
    assert measures is not None
    if measures.gaps[step] < LEAST_GAP_MS:
        return None
    share, count = float(measures.steps.share[step]), int(measures.steps.count[step])
    companions = round(share * count)
    if companions < LEAST_COMPANIONS or share < LEAST_KEPT:
        return None
    distance, usual = float(measures.distances[step]), float(measures.steps.mode[step])
    gap = gap_name(evidence, evidence.objects_by_time[step], float(measures.gaps[step]))
    side = "from the object before" if relation == "step_in_mode" else "to the next object"
    share_of = f"all {count}" if companions == count else f"{companions} of {count}"
    words = f"{distance:.0f} px {side}, where {share_of} other gaps of {gap} around have {usual:.0f} px"
    # The distance is what players read, so it is named before the figures.
    return Broken(relation, round(off, 1), share + 0.2, words, f"{distance:.0f} px {side}", f"{usual:.0f} px")


CHECK = BeatmapCheck(Category.POSITIONS, "Slips", (SLIP,), run)
