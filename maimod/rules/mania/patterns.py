"""Mania: runs of notes faster or longer than the level of a difficulty allows, jacks and trills.

Runs count moments, so a chord is one.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/osu!mania#difficulty-specific.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_MANIA, HitObject, Mode
from maimod.osu.level import Level
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import bundled
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import high, usual_beat
from maimod.rules.evidence import Evidence

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21mania#difficulty-specific"
RUN = Rule(
    "rhythm/run-for-level",
    "Run of notes too fast or too long for the level",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Beginners cannot read and press many notes in a row; each level introduces faster runs.",
    how="Notes on 1/4 or closer in an Easy, 1/6 in a Normal, more than three on 1/8 in a Hard; more than five on 1/2 "
    "in an Easy or on 1/4 in a Normal, a minor up to twice as many. Beats are those of a song of about 180 BPM.",
    advice="Make the run shorter or slower, unless the song is slow.",
    ignore_when="the song is slow enough for the run to be comfortable",
    blind_spots="Difficulties with unknown level, Insane and Expert.",
    source=_CRITERIA,
    modes=ONLY_MANIA,
    criteria=("notes-on-1/2", "notes-on-1/4", "note-gap"),
)
JACK = Rule(
    "rhythm/jack-for-level",
    "Jack or trill too hard for the level",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="The same finger twice in a quarter beat, or two fingers in turn for long, strain players of the lower levels.",
    how="Two notes of one column 1/4 beat apart or less in an Easy or Normal; a trill of more than nine single notes "
    "in a Hard.",
    advice="Spread it over other columns, or slow it down.",
    ignore_when="the song is slow",
    blind_spots="Difficulties with unknown level, Insane and Expert; jacks in a Hard, which are discouraged only.",
    source=_CRITERIA,
    modes=ONLY_MANIA,
    criteria=("trill",),
    same_mistake=("positions/lone-jack",),
)

FASTEST = {Level.EASY: (4, 1), Level.NORMAL: (6, 1), Level.HARD: (8, 3)}
"""(divisor, most notes in a row); grace notes of a Hard may be three."""
LONGEST_DIVISOR = {Level.EASY: 2, Level.NORMAL: 4}
JACK_LEVELS, JACK_DIVISOR = frozenset({Level.EASY, Level.NORMAL}), 4
MUCH_LONGER = 2.0
TOGETHER_MS = 10.0
"""Notes this close are one moment: a chord that is a little off."""
SLACK_MS = 3.0
FEW = 1
"""More findings of one kind become one, which lists the places: a mapper reads what the level asks for once."""


class _Moment(msgspec.Struct, frozen=True):
    """Notes that start together."""

    time: float
    notes: tuple[HitObject, ...]
    columns: frozenset[int]
    beat: float
    """Of about 180 BPM, in ms."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    level = evidence.level
    if evidence.beatmap.mode is not Mode.MANIA or level is None or level > Level.HARD:
        return
    moments = _moments(evidence)
    divisor, most = FASTEST[level]
    fast = list(_runs(evidence, level, moments, divisor, most, 1.0))
    yield from bundled(fast, FEW)
    if level in LONGEST_DIVISOR:
        divisor = LONGEST_DIVISOR[level]
        longest = high(f"notes-on-1/{divisor}", Mode.MANIA, level)
        long = _runs(evidence, level, moments, divisor, longest, MUCH_LONGER)
        named = {(one.time, one.end_time) for one in fast}
        yield from bundled((one for one in long if (one.time, one.end_time) not in named), FEW)
    if level in JACK_LEVELS:
        yield from bundled(_jacks(evidence, level, moments), FEW)
    yield from bundled(_trills(evidence, level, moments), FEW)


def _moments(evidence: Evidence) -> list[_Moment]:
    beatmap = evidence.beatmap
    notes: dict[float, list[HitObject]] = {}
    last = 0.0
    for o in evidence.objects_by_time:
        close = last if notes and o.time - last <= TOGETHER_MS else o.time
        notes.setdefault(close, []).append(o)
        last = close
    return [
        _Moment(
            time,
            tuple(together),
            frozenset(beatmap.column(o) for o in together),
            usual_beat(beatmap.red_line_of(time).beat_length),
        )
        for time, together in notes.items()
    ]


def _is_within(before: _Moment, after: _Moment, divisor: int) -> bool:
    return after.time - before.time <= before.beat / divisor + SLACK_MS


def _found(
    evidence: Evidence, rule: Rule, moments: Sequence[_Moment], certainty: Certainty, message: str, most: float
) -> Candidate:
    return candidate(
        rule,
        time=moments[0].time,
        end_time=moments[-1].time,
        line=moments[0].notes[0].line,
        objects=[note for moment in moments for note in moment.notes],
        certainty=evidence.for_level(certainty),
        actual=f"{len(moments)} in a row",
        expected=[Expected(f"at most {most:g}")],
        message=message,
    )


def _runs(
    evidence: Evidence, level: Level, moments: Sequence[_Moment], divisor: int, most: float, much: float
) -> Iterator[Candidate]:
    start = 0
    for place in range(1, len(moments) + 1):
        if place < len(moments) and _is_within(moments[place - 1], moments[place], divisor):
            continue
        length = place - start
        if length > most:
            limit = f"at most {most:g}" if most > 1 else "none"
            yield _found(
                evidence,
                RUN,
                moments[start:place],
                Certainty.GUIDELINE if length > much * most else Certainty.POSSIBLE,
                f"{length} notes follow each other on 1/{divisor} or closer; {level.one_in(Mode.MANIA)} should have "
                f"{limit}.",
                most,
            )
        start = place


def _jacks(evidence: Evidence, level: Level, moments: Sequence[_Moment]) -> Iterator[Candidate]:
    for before, after in pairwise(moments):
        if before.columns & after.columns and _is_within(before, after, JACK_DIVISOR):
            yield _found(
                evidence,
                JACK,
                [before, after],
                Certainty.GUIDELINE,
                f"Column {min(before.columns & after.columns) + 1} has two notes within {after.time - before.time:.0f} "
                f"ms; {level.one_in(Mode.MANIA)} should have no jacks of 1/{JACK_DIVISOR}.",
                1,
            )


def _trills(evidence: Evidence, level: Level, moments: Sequence[_Moment]) -> Iterator[Candidate]:
    most = high("trill", Mode.MANIA, level)
    if math.isinf(most):  # the criteria limit them in a Hard alone
        return
    start = 0
    for place in range(1, len(moments) + 1):
        if place < len(moments) and _continues(moments, start, place):
            continue
        if place - start > most:
            yield _found(
                evidence,
                JACK,
                moments[start:place],
                Certainty.GUIDELINE,
                f"This trill has {place - start} notes; {level.one_in(Mode.MANIA)} should have at most {most:g}.",
                most,
            )
        start = place - 1 if place < len(moments) and _alternate(moments[place - 1], moments[place]) else place


def _alternate(before: _Moment, after: _Moment) -> bool:
    """Whether two single notes follow each other on 1/2 or closer in two columns."""
    single = len(before.columns) == len(after.columns) == 1
    return single and before.columns != after.columns and _is_within(before, after, 2)


def _continues(moments: Sequence[_Moment], start: int, place: int) -> bool:
    """Whether the trill from `start` on goes on at `place`."""
    back = place - start < 2 or moments[place].columns == moments[place - 2].columns
    return back and _alternate(moments[place - 1], moments[place])


CHECK = BeatmapCheck(Category.RHYTHM, "Mania patterns", (RUN, JACK), run)
