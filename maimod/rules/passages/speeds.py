"""Lines with another slider velocity than the copies of their passage: a mistyped velocity makes all sliders under it end at
the wrong time.

Each line is one candidate. It is measured in bits by what the line does to its sliders: durations that are rare in the map,
ends on or after the next object, and other durations than at the same place of the copies (:mod:`maimod.features.copies.passages`)
and of the other difficulties.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from maimod.features.copies.passages import Passages
from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import PLAYFIELD_MODES, HitObject
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.bundles import SHOWN_OBJECTS, strongest
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.passages.rhythms import LEAST_BITS, bits_of_length
from maimod.rules.steps import gap_name
from maimod.rules.stretches import log_odds

VELOCITY_CURVE = Curve(14.0, 3.0)
"""Of bits. 100 minutes of 60 ranked and other maps have 2 lines above the middle; planted mistakes have 8 in the median in osu! and
15 in catch."""
MOST_BITS_OF_SLIDER, LEAST_BITS_OF_SLIDER = 3.0, -1.5
"""Of one kind of evidence."""
OVERLAP_BITS = 2.0
WHOLE_MAP = 0.5
"""Share of the sliders under lines of one velocity from which on it is the map's."""

OTHER_VELOCITY = Rule(
    "sliders/passage-velocity",
    "Line whose velocity fits its sliders badly",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="The length of a slider is fixed, so a mistyped velocity of a timing point makes every slider under it end too early or too "
    "late.",
    how="All sliders under timing points of one velocity are compared with the others: durations that are rare in the map, ends at or "
    "after the next object, and durations that measures with the same rhythm or the other difficulties do not have there.",
    advice="Check the velocity of this green line.",
    ignore_when="the song has longer or shorter sounds here",
    blind_spots="Velocities that most of the map has; lines without sliders.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Slider",
    modes=PLAYFIELD_MODES,
    curves={"": VELOCITY_CURVE},
    corruptions=("length", "shape"),
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    passages = evidence.passages
    if evidence.beatmap.mode in OTHER_VELOCITY.modes and passages.cells.count:
        yield from strongest(_lines(evidence, passages))


def _lines(evidence: Evidence, passages: Passages) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    sliders = [o for o in evidence.objects_by_time if o.slider is not None]
    if not sliders:
        return
    bits, cells = bits_of_durations(passages, sliders), passages.cells.of([o.time for o in sliders])
    velocities = np.array([beatmap.velocity_at(o.time) for o in sliders])
    for velocity, group in groupby(range(len(sliders)), key=lambda place: float(velocities[place])):
        inside = list(group)
        total = float(bits[inside].sum()) - bits_of_length(int(cells[inside[-1]] - cells[inside[0]]))
        if total < LEAST_BITS or (velocities == velocity).mean() >= WHOLE_MAP:
            continue
        objects = [sliders[place] for place in inside]
        point = beatmap.timing_point_at(objects[0].time)
        one = len(objects) == 1
        yield candidate(
            OTHER_VELOCITY,
            time=objects[0].time,
            end_time=objects[-1].end_time,
            line=point.line,
            objects=objects[:SHOWN_OBJECTS],
            measure=total,
            actual=f"{velocity:.2f}x",
            expected=[Expected("durations as in the rest of the map")],
            message=f"At {velocity:.2f}x {'this slider lasts' if one else f'the first of these {len(objects)} sliders lasts'} "
            f"{gap_name(evidence, objects[0], objects[0].duration)}, unlike the rest of the map "
            "and similar measures.",
            sliders=len(objects),
            bits=round(total, 2),
        )


def bits_of_durations(passages: Passages, sliders: list[HitObject]) -> np.ndarray:
    """(n_sliders,) bits against the duration of each."""
    cells = passages.cells.of([o.time for o in sliders])
    own = passages.own.length[cells]
    heads = np.flatnonzero(passages.own.head)
    after = np.append(heads, passages.cells.count + 1)[np.searchsorted(heads, cells, side="right")]
    overlaps = cells + own >= after
    lengths, counts = np.unique(own, return_counts=True)
    alike = counts[np.searchsorted(lengths, own)] - 1
    bits = np.clip(-np.log2((alike + 0.5) / (len(own) + 1)) - 3.0, LEAST_BITS_OF_SLIDER, MOST_BITS_OF_SLIDER)
    seen, valid = passages.in_copies("length", cells)
    others = passages.in_siblings("length", cells)
    for values, there in ((seen, valid & (seen > 0)), (others, others > 0)):
        same = ((values == own[:, None]) & there).sum(axis=1)
        bits = bits + np.clip(log_odds(there.sum(axis=1) - same, same), LEAST_BITS_OF_SLIDER, MOST_BITS_OF_SLIDER)
    return np.asarray(bits + OVERLAP_BITS * overlaps)


CHECK = BeatmapCheck(Category.SLIDERS, "Velocities of repeated passages", (OTHER_VELOCITY,), run)
