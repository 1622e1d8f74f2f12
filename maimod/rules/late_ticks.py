"""Objects 1 to 2 ms after their tick, which rounding cannot cause and which the editor shows as snapped."""

from __future__ import annotations

from collections.abc import Iterator

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import UNSNAP_MS
from maimod.rules.base import BeatmapCheck, Candidate, Certainty, Evidence, Rule, candidate
from maimod.rules.rhythm_index import RhythmIndex

LATE = Rule(
    "rhythm/slightly-unsnapped",
    "Objects a millisecond late",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="The editor cuts times down to whole ms, so objects come up to 1 ms early; one that is late was not placed on its tick by it.",
    how="Starts that lie 1 ms to 2 ms after the closest tick. More than that is rhythm/unsnapped; earliness of that size is rounding.",
    ignore_when="the ranking criteria allow it: less than 2 ms is snapped",
    blind_spots="Objects that are 1 ms early; sliders' ends, which depend on the velocity.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckUnsnappedObjects.cs",
)

LATE_MS = 1.0
"""Ms. lazer calls objects this far off, early or late, negligible. Of 262 ranked maps 8 have late ones, 137 early
ones."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    late = [edge for edge in RhythmIndex(evidence).edges if edge.number == 0 and LATE_MS <= edge.snap.error < UNSNAP_MS]
    if not late:
        return
    first = late[0]
    more = f", as {len(late) - 1} more object{'s are' if len(late) > 2 else ' is'}" if len(late) > 1 else ""
    yield candidate(
        LATE,
        time=first.time,
        line=first.hit_object.line,
        objects=[edge.hit_object for edge in late[:8]],
        certainty=Certainty.HARMLESS,
        count=len(late),
        actual=f"{first.snap.error:.1f} ms late",
        expected=[Expected(f"1/{first.snap.divisor} at {first.snap.tick:.0f} ms")],
        message=f"{first.name} is {first.snap.error:.1f} ms late of the closest 1/{first.snap.divisor} tick{more}.",
    )


CHECK = BeatmapCheck(Category.RHYTHM, "Late ticks", (LATE,), run)
