"""Fruits of catch that have no places yet."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from maimod.findings import Category, Severity, Tier
from maimod.osu.beatmap import HEIGHT, ONLY_CATCH, WIDTH, HitObject, Mode, ObjectKind
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

MIDDLE = (WIDTH / 2, HEIGHT / 2)
"""Where the objects of taiko lie, and objects whose places are still to come [osu! pixels]."""
LEAST_FRUITS = 4
"""None of 54 difficulties, 17 of them ranked, has three fruits in a row in the middle."""

NOT_PLACED = Rule(
    "positions/not-placed",
    "Fruits in a row in the middle of the playfield",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Objects copied from taiko, or placed for their rhythm alone, lie in the middle: a passage that was forgotten there has nothing to catch.",
    how="At least four fruits in a row are in the middle from left to right, and no others of the map. Where they are in the middle from top to bottom too, as in taiko, it is a warning.",
    advice="Do these fruits still need their places?",
    ignore_when="the passage rests on purpose",
    blind_spots="Juice streams and banana showers; maps that rest in the middle several times.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Fruit",
    modes=ONLY_CATCH,
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    """The one row of fruits in the middle."""
    if evidence.beatmap.mode is not Mode.CATCH:
        return
    rows = [list(row) for is_middle, row in groupby(evidence.objects_by_time, _is_in_middle) if is_middle]
    rows = [row for row in rows if len(row) >= LEAST_FRUITS]
    if len(rows) != 1:
        return
    (row,) = rows
    unplaced = all(o.y == MIDDLE[1] for o in row)
    yield candidate(
        NOT_PLACED,
        time=row[0].time,
        end_time=row[-1].time,
        line=row[0].line,
        objects=row,
        certainty=Certainty.LIKELY if unplaced else Certainty.POSSIBLE,
        message=f"{len(row)} fruits in a row are in the middle of the playfield, no others of the map are.",
        fruits=len(row),
    )


def _is_in_middle(o: HitObject) -> bool:
    return o.kind is ObjectKind.CIRCLE and o.x == MIDDLE[0]


CHECK = BeatmapCheck(Category.POSITIONS, "Places of fruits", (NOT_PLACED,), run)
