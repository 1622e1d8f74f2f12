"""Measures that as a whole would be likelier otherwise: pasted from elsewhere, halves exchanged, mirrored, sounds or new combos one
object late, whistle and clap exchanged.

Object by object all of them can look usual. What they would gain is measured in :mod:`maimod.features.measures.alternatives`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from maimod.features.measures.alternatives import MIRRORED_MEASURES
from maimod.features.measures.rhythms import LEAST_OBJECTS
from maimod.features.positions.alternatives import across
from maimod.findings import Category, Expected, Severity, Tier, clock, counted
from maimod.osu.beatmap import NOT_TAIKO, PLAYFIELD_MODES, HitObject, Mode
from maimod.osu.names import noun
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.bundles import SHOWN_OBJECTS, strongest
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence

HALVES_CURVE, PASTED_CURVE, PASTED_NOTES_CURVE = Curve(9.0, 1.5), Curve(6.5, 1.2), Curve(9.0, 1.5)
EXCHANGED_CURVE, LATE_CURVE, COMBOS_CURVE = Curve(9.5, 1.5), Curve(8.0, 1.2), Curve(6.5, 1.0)
MIRRORED_CURVE = Curve(7.0, 1.0)
"""Of natural logarithms. 100 minutes of 60 finished maps have 4 halves, no pastes, 4 exchanged and 4 late additions and no late combos
above the middles, 36 minutes of osu! no mirrored passage. Of planted ones are above: half of the halves (60 % in mania), 40 to 60 % of
the pastes (15 to 55), 65 to 75 % of the sounds, 60 % of the combos and 55 % of the mirrored passages."""
LEAST_GAIN = 2.0
"""Fewest natural logarithms of a candidate."""
MOST_SOUNDS = 12.0
"""Natural logarithms that the sounds of exchanged halves add at most."""
RAREST = 0.02
"""Added to the share of measures that have the objects of another one, before the logarithm."""
WEIGHT_OF_WORSE, MOST_WORSE = 0.25, 24.0
"""Of what a measure fits worse than the one with its objects, and the most that counts."""
AGAIN = 3.0
"""Added for a measure with the objects of the one before, rather than that one."""
MEASURE_OF_MAP = "the measures with the same song and surroundings"

HALVES = Rule(
    "rhythm/passage-halves",
    "Measure with its halves in the wrong order",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A measure whose halves were copied in the wrong order is off the song from its first to its last object.",
    how="With the second half before the first, the rhythm and the sounds of a measure are much more like those of the measures that it "
    "should be like, by the song, by the measures around and by the place in the phrase, and the objects lie on onsets at least as well.",
    advice="Listen: do the objects follow the song here?",
    ignore_when="the song turns its phrase round here",
    blind_spots="Measures whose halves have the same rhythm; parts that occur once.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
    curves={"": HALVES_CURVE},
    corruptions=("extra", "missing"),
)
PASTED = Rule(
    "rhythm/passage-pasted",
    "Measure with the very objects of another one",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A measure that was pasted once too often, or from the wrong place, has the rhythm of that place and not of the song.",
    how="All objects of a measure are at the times and places of those of another one, whose song and surroundings are less like its own "
    "than those of other measures, and neither the measure before nor the one after is repeated with it; in maps that rarely repeat "
    "measures so.",
    advice="Was this measure pasted by accident?",
    ignore_when="the repetition is intended",
    blind_spots="Pastes that were moved on the playfield afterwards; maps that repeat many measures.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
    curves={"": PASTED_CURVE, "notes": PASTED_NOTES_CURVE},
    corruptions=("extra", "missing"),
)
EXCHANGED = Rule(
    "hitsounds/passage-exchanged",
    "Whistle for clap and clap for whistle",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Whistles where the pattern has claps, and claps where it has whistles, usually come from the wrong key or from another guest's set.",
    how="With whistle and clap exchanged, the hits of a measure or of several in a row are much more like those of the measures that they "
    "should be like, by the song, by the measures around and by the place in the phrase.",
    advice="Compare the sounds with those of similar parts.",
    ignore_when="the instruments of the song change here",
    blind_spots="Parts that occur once.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
    curves={"": EXCHANGED_CURVE},
    corruptions=("addition",),
)
LATE = Rule(
    "hitsounds/passage-late",
    "Additions of a measure late by one object or half a beat",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Additions that were copied one object late accent the wrong sounds of the song.",
    how="With the additions of the next object, or of what is half a beat later, the hits of a measure or of several in a row are much "
    "more like those of the measures that they should be like, by the song, by the measures around and by the place in the phrase.",
    advice="Compare the sounds with those of similar parts.",
    ignore_when="the song moves its accents here",
    blind_spots="Parts that occur once; additions that are early.",
    source=f"{PAGE}#audio",
    modes=NOT_TAIKO,
    curves={"": LATE_CURVE},
    corruptions=("addition",),
)
MIRRORED = Rule(
    "positions/passage-mirrored",
    "Measure that seems mirrored",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A copied measure that was mirrored alone keeps its pattern, but leaps into and out of it.",
    how="If one or two measures are mirrored about the middle of the playfield, or turned upside down, the distances and turns into "
    "and out of them are much more like those of the map at about the same gaps.",
    advice="Is the way into and out of them intended?",
    ignore_when="the leaps follow the song",
    blind_spots="Measures after a break; passages that were moved as well.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Mapping_techniques",
    modes=PLAYFIELD_MODES,
    curves={"": MIRRORED_CURVE},
    corruptions=("place",),
)
COMBOS = Rule(
    "new-combos/passage-late",
    "New combos of a passage late by one object",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="New combos that all come one object late were usually set from the wrong object on.",
    how="With the flags of the next objects, the new combos of a measure or of several in a row are much more like those of the measures "
    "that they should be like, by the song, by the measures around and by the place in the phrase.",
    advice="Should combos begin one object earlier here?",
    ignore_when="the pattern changes here",
    blind_spots="Parts that occur once; new combos that are early.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Combo",
    modes=PLAYFIELD_MODES,
    curves={"": COMBOS_CURVE},
    corruptions=("combo",),
)


def _is_measured(evidence: Evidence) -> bool:
    return bool(evidence.beatmap.hit_objects) and evidence.passages.cells.count > 0


def run_rhythm(evidence: Evidence) -> Iterator[Candidate]:
    if _is_measured(evidence):
        yield from strongest(_halves(evidence))
        yield from strongest(_pasted(evidence))


def run_sounds(evidence: Evidence) -> Iterator[Candidate]:
    if _is_measured(evidence) and evidence.beatmap.mode is not Mode.TAIKO:
        yield from strongest(_exchanged(evidence))
        yield from strongest(_late(evidence))


def run_combos(evidence: Evidence) -> Iterator[Candidate]:
    if _is_measured(evidence) and evidence.beatmap.mode in COMBOS.modes:
        yield from strongest(_combos(evidence))


def run_positions(evidence: Evidence) -> Iterator[Candidate]:
    if _is_measured(evidence) and evidence.beatmap.mode in MIRRORED.modes:
        yield from strongest(_mirrored(evidence))


def _inside(evidence: Evidence, first: int, last: int) -> list[HitObject]:
    """Objects of the measures from one to another."""
    of_object = evidence.measures.likely.of_object
    low, high = np.searchsorted(of_object, [first, last + 1])
    return list(evidence.objects_by_time[low:high])


def _at(
    rule: Rule, objects: list[HitObject], gain: float, actual: str, expected: str, message: str, curve: str = ""
) -> Candidate:
    return candidate(
        rule,
        time=objects[0].time,
        end_time=objects[-1].time,
        line=objects[0].line,
        objects=objects[:SHOWN_OBJECTS],
        measure=gain,
        curve=curve,
        actual=actual,
        expected=[Expected(expected)],
        message=message,
        gain=round(gain, 2),
    )


def _runs(evidence: Evidence, gains: np.ndarray) -> Iterator[tuple[slice, list[HitObject], float]]:
    """(measures, objects, sum) of measures in a row that gain something, if they gain enough together."""
    for is_gain, group in groupby(range(len(gains)), key=lambda number: bool(gains[number] > 0)):
        run = list(group)
        total, objects = float(gains[run].sum()), _inside(evidence, run[0], run[-1])
        if is_gain and total >= LEAST_GAIN and objects:
            yield slice(run[0], run[-1] + 1), objects, total


def _halves(evidence: Evidence) -> Iterator[Candidate]:
    of = evidence.measures.of_measures
    gains = of["halves"] + of["halves_song"] + np.clip(of["sounds_halves"], -MOST_SOUNDS, MOST_SOUNDS)
    for measure in np.flatnonzero((gains >= LEAST_GAIN) & (of["halves"] > 0)).tolist():
        objects = _inside(evidence, measure, measure)
        if len(objects) >= LEAST_OBJECTS:
            yield _at(
                HALVES,
                objects,
                float(gains[measure]),
                "halves in this order",
                "the second half first",
                f"The halves of this measure of {len(objects)} {noun(evidence.beatmap)}s seem exchanged: the other way round they match "
                f"{MEASURE_OF_MAP}.",
            )


def _pasted(evidence: Evidence) -> Iterator[Candidate]:
    measures, of = evidence.measures, evidence.measures.of_measures
    worse = of["same_worse"] + AGAIN * of["same_before"]
    gains = of["same_unlike"] + WEIGHT_OF_WORSE * np.minimum(worse, MOST_WORSE) - np.log(of["same_elsewhere"] + RAREST)
    for measure in np.flatnonzero(of["same_alone"] & (worse > 0) & (gains >= LEAST_GAIN)).tolist():
        objects = _inside(evidence, measure, measure)
        (twin, *_) = _inside(evidence, int(measures.rhythms.twins[measure]), int(measures.rhythms.twins[measure]))
        stamp = clock(twin.time)
        yield _at(
            PASTED,
            objects,
            float(gains[measure]),
            f"as at {stamp}",
            "objects of its own",
            f"These {len(objects)} {noun(evidence.beatmap)}s are exactly those of the measure at {stamp}; what is around them is not "
            "repeated.",
            "" if evidence.beatmap.mode in PLAYFIELD_MODES else "notes",
        )


def _exchanged(evidence: Evidence) -> Iterator[Candidate]:
    for _, objects, gain in _runs(evidence, evidence.measures.of_measures["sounds_exchanged_alone"]):
        yield _at(
            EXCHANGED,
            objects,
            gain,
            "whistle for clap",
            "clap for whistle",
            f"Whistles and claps of {counted(len(objects), noun(evidence.beatmap))} seem exchanged: the other way round they match "
            f"{MEASURE_OF_MAP}.",
        )


def _late(evidence: Evidence) -> Iterator[Candidate]:
    of = evidence.measures.of_measures
    by_object, by_half = of["sounds_earlier"], of["sounds_half_beat_earlier"]
    for part, objects, gain in _runs(evidence, np.maximum(by_object, by_half)):
        word = "one object" if by_object[part].sum() >= by_half[part].sum() else "half a beat"
        yield _at(
            LATE,
            objects,
            gain,
            f"{word} late",
            f"{word} earlier",
            f"The additions of {counted(len(objects), noun(evidence.beatmap))} seem {word} late: earlier they match {MEASURE_OF_MAP}.",
        )


def _combos(evidence: Evidence) -> Iterator[Candidate]:
    for _, objects, gain in _runs(evidence, evidence.measures.of_measures["flags_earlier"]):
        count = sum(o.new_combo for o in objects)
        if not count:
            continue
        combos = "1 new combo seems" if count == 1 else f"{count} new combos in a row seem"
        yield _at(
            COMBOS,
            objects,
            gain,
            "one object late",
            "one object earlier",
            f"{combos} one object late: earlier {'it matches' if count == 1 else 'they match'} {MEASURE_OF_MAP}.",
        )


def _mirrored(evidence: Evidence) -> Iterator[Candidate]:
    measures, positions = evidence.measures, evidence.measures.positions
    if positions is None:
        return
    gains, mirrors = measures.mirrored
    used: set[int] = set()
    for number in np.argsort(-gains, axis=None, kind="stable").tolist():
        row, first = divmod(number, gains.shape[1])
        if gains[row, first] < LEAST_GAIN:
            return
        passage = range(first, first + MIRRORED_MEASURES[row])
        objects = _inside(evidence, passage[0], passage[-1])
        if not used.isdisjoint(passage) or len(objects) < LEAST_OBJECTS:
            continue
        used.update(passage)
        low, high = np.searchsorted(measures.likely.of_object, [passage[0], passage[-1] + 1])
        mirror = int(mirrors[row, first])
        heads, tails = positions.heads, positions.tails
        into = abs(across(heads[low], mirror) - tails[low - 1])
        out = abs(heads[high] - across(tails[high - 1], mirror))
        now = f"{positions.distances[low - 1]:.0f} and {positions.distances[high - 1]:.0f} px"
        yield _at(
            MIRRORED,
            objects,
            float(gains[row, first]),
            now,
            f"{into:.0f} and {out:.0f} px",
            f"These {len(objects)} {noun(evidence.beatmap)}s are {now} from those before and after; {_MIRRORED[mirror]} about the middle of the "
            f"playfield, {into:.0f} and {out:.0f} px, as the map has more often at these gaps.",
        )


_MIRRORED = ("mirrored left to right", "mirrored top to bottom", "turned upside down")
RHYTHM_CHECK = BeatmapCheck(Category.RHYTHM, "Rhythm of whole measures", (HALVES, PASTED), run_rhythm)
SOUNDS_CHECK = BeatmapCheck(Category.HITSOUNDS, "Hitsounds of whole measures", (EXCHANGED, LATE), run_sounds)
POSITIONS_CHECK = BeatmapCheck(Category.POSITIONS, "Positions of whole measures", (MIRRORED,), run_positions)
COMBOS_CHECK = BeatmapCheck(Category.NEW_COMBOS, "New combos of whole measures", (COMBOS,), run_combos)
