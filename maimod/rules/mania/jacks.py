"""The one jack of a mania map that otherwise has none as fast."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from maimod.findings import Category, Severity, Tier
from maimod.osu.beatmap import ONLY_MANIA, HitObject, Mode
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.mania.columns import HOLD_GAP_MS
from maimod.rules.mania.elsewhere import repeats

LEAST_TIMES = 1.9
"""By so much the shortest time between two notes of a column is shorter than any other of the map: twice, but for rounding."""
LONGEST_BEATS = 0.55
"""Notes of a column that are farther apart are no jack."""
LEAST_OTHERS, LEAST_ROWS, SAME_GAP = 100, 20, 1.15
"""Other pairs of notes in a column, and rows that follow each other as closely, from which on the lack of such jacks is a choice. Of 315 difficulties, 11 of
them ranked, 1 unranked one has a lone jack, a column that similar measures do not have; with jacks that similar measures or other difficulties have too it would be 3.
It is made by 7 % of the notes that are planted in another column, 9 % of those exchanged with the next, 8 % of the columns of a measure that are in the next column or
come a row or beat late, and of the passages mirrored on themselves, and 15 % of the beats that are repeated."""

LONE_JACK = Rule(
    "positions/lone-jack",
    "The only jack of its speed",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="In a map without fast jacks, a single one is nearly always a note that slipped into the column of the note before or after it.",
    how="The notes of one row follow others in their columns at most half a beat later, and no other two notes of any column are less than about twice as "
    "far apart, although many rows follow each other as closely. Not told are jacks for which there are too few columns, and those that similar measures or other "
    "difficulties have as well.",
    advice="Is the jack intended, or is one of the notes in a wrong column?",
    ignore_when="the song repeats a sound here alone",
    blind_spots="Maps with several jacks; slips that make none.",
    source="https://osu.ppy.sh/wiki/en/Beatmapping/Mapping_techniques",
    modes=ONLY_MANIA,
)


class _Step(msgspec.Struct, frozen=True):
    """Two notes that follow each other in a column."""

    before: HitObject
    after: HitObject

    @property
    def ms(self) -> float:
        """From start to start."""
        return self.after.time - self.before.time


def run(evidence: Evidence) -> Iterator[Candidate]:
    """The one row that repeats columns faster than the rest of the map."""
    beatmap = evidence.beatmap
    if beatmap.mode is not Mode.MANIA:
        return
    steps = sorted(_steps(evidence), key=lambda step: step.ms)
    jacks = [step for step in steps if step.ms < LEAST_TIMES * steps[0].ms]
    if not jacks or len(steps) - len(jacks) < LEAST_OTHERS or len({step.after.time for step in jacks}) > 1:
        return
    jack = jacks[0]
    gaps = np.diff(np.unique(evidence.object_times))
    if (
        jack.ms > LONGEST_BEATS * beatmap.red_line_of(jack.before.time).beat_length
        or any(step.after.time - step.before.end_time <= HOLD_GAP_MS for step in jacks)
        or int((gaps <= SAME_GAP * jack.ms).sum()) < LEAST_ROWS
        or repeats(evidence, jack.after, jack.ms, is_second=True)
    ):
        return
    columns = sorted(beatmap.column(step.after) + 1 for step in jacks)
    names = ", ".join(map(str, columns[:-1])) + " and " * (len(columns) > 1) + str(columns[-1])
    yield candidate(
        LONE_JACK,
        time=jack.after.time,
        line=jack.after.line,
        objects=[o for step in jacks for o in (step.after, step.before)],
        certainty=Certainty.POSSIBLE,
        actual=f"{jack.ms:.0f} ms",
        message=f"Column{'s' * (len(jacks) > 1)} {names} {'have' if len(jacks) > 1 else 'has'} a note {jack.ms:.0f} ms after another one; "
        f"everywhere else in the map notes of a column are {steps[len(jacks)].ms:.0f} ms or more apart.",
        others=len(steps) - len(jacks),
    )


def _steps(evidence: Evidence) -> Iterator[_Step]:
    """Each note with the one before it in its column."""
    last: dict[int, HitObject] = {}
    for o in evidence.objects_by_time:
        column = evidence.beatmap.column(o)
        before = last.get(column)
        if before is not None:
            yield _Step(before, o)
        last[column] = o


CHECK = BeatmapCheck(Category.POSITIONS, "Lone jacks", (LONE_JACK,), run)
