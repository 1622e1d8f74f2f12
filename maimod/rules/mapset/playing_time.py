"""Playing time of a single difficulty: drain time, breaks, pauses without one.

Of 1,046 ranked maps 10 have a break that does not fit, 5 are a few hundredths of a second short of 30 s, which is
tolerated.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import NOT_MANIA, Break, HitObject, Mode
from maimod.rules import criteria
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

DRAIN = Rule(
    "mapset/drain-time",
    "Drain time too short",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The ranking criteria require at least 30 seconds of play.",
    how="From the first object to the end of the last, without breaks.",
    advice="Map more of the song.",
    ignore_when="never",
    blind_spots="None.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#beatmap",
    criteria=("drain-time",),
)
BREAK = Rule(
    "mapset/break",
    "Break too short or too close to an object",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The game shows breaks by fading; one that is too short flickers, and one that overlaps with play hides "
    "objects. The editor makes no such breaks; they remain when objects are added, moved or copied between "
    "difficulties.",
    how="A break lasts 650 ms or more, begins 200 ms or more after an object ends, ends no later than the next object "
    "begins to appear (by the approach rate), contains no object, and has whole ms, because stable refuses a map with "
    "decimals. A border that is wrong by up to 50 ms is a warning, by up to 10 ms a minor, by up to 2 ms rounded.",
    advice="Set the break again in the editor.",
    ignore_when="never: the game or another editor will change it",
    blind_spots="Mania, which hardly uses breaks.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckBreaks.cs",
    modes=NOT_MANIA,
)
MISSING_BREAK = Rule(
    "mapset/missing-break",
    "Long pause without a break",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Health drains during a pause that is not a break, and players do not know that they may rest.",
    how="There is no object for 10 s or more, and no break in between.",
    advice="Add a break.",
    ignore_when="a break would show too early whether the map continues",
    blind_spots="Pauses under 10 s; mania, where health does not drain by itself.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Break",
    modes=NOT_MANIA,
)

DRAIN_ROUNDING_MS = 50.0
MIN_BREAK_MS, MIN_BREAK_START_MS = 650.0, 200.0
LITTLE_MS, SOME_MS = 10.0, 50.0
"""A break that begins or ends this much wrong is a minor or a warning, not yet a problem: ranked maps have breaks that
begin 167 and 195 ms after an object, and some that end 11 and 26 ms late."""
ROUNDING_MS = 1.0
"""Of a time; the ends of sliders and of breaks are both rounded."""
LONG_PAUSE_MS = 10_000.0
"""No ranked map has a pause as long."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    yield from _drain_time(evidence)
    if evidence.beatmap.mode is Mode.MANIA:
        return
    for pause in evidence.beatmap.breaks:
        yield from _break(evidence, pause)
    yield from _missing_breaks(evidence)


def _drain_time(evidence: Evidence) -> Iterator[Candidate]:
    drain_ms, least = evidence.beatmap.drain_ms, criteria.low("drain-time", evidence.beatmap.mode)
    if drain_ms < least:
        yield candidate(
            DRAIN,
            time=evidence.objects_by_time[0].time,
            line=1,
            certainty=Certainty.CERTAIN if drain_ms < least - DRAIN_ROUNDING_MS else Certainty.POSSIBLE,
            actual=f"{drain_ms / 1000:.2f} s",
            expected=[Expected("30 s")],
            message=f"The drain time is {drain_ms / 1000:.2f} s, less than 30 s.",
        )


class _Fault(msgspec.Struct, frozen=True):
    """What is wrong with a break."""

    certainty: Certainty
    words: str
    """A sentence without its full stop."""
    actual: str
    expected: str


def _break(evidence: Evidence, pause: Break) -> Iterator[Candidate]:
    faults = list(_faults(evidence, pause))
    if not faults:
        return
    first, *others = faults
    more = "".join(f"; {other.words[0].lower()}{other.words[1:]}" for other in others)
    yield candidate(
        BREAK,
        time=pause.start,
        end_time=pause.end,
        line=pause.line,
        certainty=first.certainty,
        message=f"{first.words}{more}.",
        actual=first.actual,
        expected=[Expected(first.expected)],
        length_ms=round(pause.end - pause.start, 1),
    )


def _faults(evidence: Evidence, pause: Break) -> Iterator[_Fault]:
    starts, ends = evidence.object_times, evidence.object_end_times
    inside = int(np.sum((starts < pause.end - ROUNDING_MS) & (ends > pause.start + ROUNDING_MS)))
    if inside:
        count = f"{inside} objects lie" if inside > 1 else "An object lies"
        yield _Fault(Certainty.CERTAIN, f"{count} in this break", "objects", "none")
    length = pause.end - pause.start
    if length < MIN_BREAK_MS:
        is_rounding = length >= MIN_BREAK_MS - ROUNDING_MS
        yield _Fault(
            Certainty.POSSIBLE if is_rounding else Certainty.GUIDELINE,
            f"This break lasts {length:.0f} ms",
            f"{length:.0f} ms",
            f"{MIN_BREAK_MS:.0f} ms",
        )
    if pause.start % 1 or pause.end % 1:
        written = f"{pause.start:.12g} to {pause.end:.12g} ms"
        yield _Fault(Certainty.CERTAIN, "This break has decimals, which stable cannot read", written, "whole ms")
    if inside:
        return
    before = max(ends[ends <= pause.start + ROUNDING_MS].tolist(), default=None)
    if before is not None and pause.start - before < MIN_BREAK_START_MS - 2 * ROUNDING_MS:
        gap = pause.start - before
        yield _Fault(
            _how_wrong(MIN_BREAK_START_MS - gap),
            f"This break begins {gap:.0f} ms after the object before it",
            f"{gap:.0f} ms",
            "200 ms",
        )
    after = min(starts[starts >= pause.end - ROUNDING_MS].tolist(), default=None)
    preempt = evidence.beatmap.difficulty.preempt_ms
    if after is not None and after - pause.end < preempt - 2 * ROUNDING_MS:
        gap = after - pause.end
        yield _Fault(
            _how_wrong(preempt - gap),
            f"This break ends {gap:.0f} ms before the next object, which begins to appear {preempt:.0f} ms before "
            "its time",
            f"{gap:.0f} ms",
            f"{preempt:.0f} ms",
        )


def _how_wrong(by_ms: float) -> Certainty:
    """For a border of a break that is wrong by some ms."""
    if by_ms <= LITTLE_MS:
        return Certainty.POSSIBLE
    return Certainty.GUIDELINE if by_ms <= SOME_MS else Certainty.CERTAIN


def _missing_breaks(evidence: Evidence) -> Iterator[Candidate]:
    ends = 0.0
    last: HitObject | None = None
    for before, after in pairwise(evidence.objects_by_time):
        if before.end_time >= ends:
            last, ends = before, before.end_time
        pause = after.time - ends
        if (
            last is not None
            and pause >= LONG_PAUSE_MS
            and not any(one.start < after.time and one.end > ends for one in evidence.beatmap.breaks)
        ):
            yield candidate(
                MISSING_BREAK,
                time=ends,
                end_time=after.time,
                line=after.line,
                certainty=Certainty.POSSIBLE,
                actual="no break",
                expected=[Expected("a break")],
                message=f"There is no object for {pause / 1000:.1f} s, and no break.",
            )


CHECK = BeatmapCheck(Category.MAPSET, "Playing time", (DRAIN, BREAK, MISSING_BREAK), run)
