"""Drain time and breaks.

Of 1,046 ranked maps 10 have a break that does not fit, 5 are a few hundredths of a second short of 30 s, which is
tolerated.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import Break, HitObject, Mode
from maimod.rules.base import ALL_MODES, BeatmapCheck, Candidate, Certainty, Evidence, Rule, candidate

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria"
_LAZER = "https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks"
DRAIN = Rule(
    "mapset/drain-time",
    "Drain time too short",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The ranking criteria ask for at least 30 seconds of play.",
    how="From the first object to the end of the last, breaks taken out.",
    ignore_when="never",
    blind_spots="None.",
    source=f"{_CRITERIA}#general",
)
BREAK = Rule(
    "mapset/break",
    "Break too short or too close to an object",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The game shows breaks by fading; one that is too short flickers, and one that reaches into the play hides objects. The editor "
    "makes none like that: they are left when objects are added, moved or copied between difficulties.",
    how="A break lasts 650 ms or more, begins 200 ms or more after an object ends, ends no later than the next object begins to appear "
    "(by the approach rate) and contains no object.",
    ignore_when="never: the game or another editor will mend it",
    blind_spots="Mania, which has no breaks to speak of.",
    source=f"{_LAZER}/CheckBreaks.cs",
    modes=ALL_MODES - {Mode.MANIA},
)
MISSING_BREAK = Rule(
    "mapset/missing-break",
    "Long pause without a break",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Health drains through a pause that is not a break, and players cannot tell that they may rest.",
    how="Nothing is to be hit for 10 s or more, and no break lies in between.",
    ignore_when="a break would tell too early that the map goes on, or not",
    blind_spots="Pauses under 10 s; mania, where health does not drain by itself.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Break",
    modes=ALL_MODES - {Mode.MANIA},
)

MIN_DRAIN_MS, DRAIN_ROUNDING_MS = 30_000.0, 50.0
MIN_BREAK_MS, MIN_BREAK_START_MS = 650.0, 200.0
ROUNDING_MS = 1.0
LONG_PAUSE_MS = 10_000.0
"""Pause in ms; no ranked map has one as long."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    if beatmap.drain_ms < MIN_DRAIN_MS - DRAIN_ROUNDING_MS:
        yield candidate(
            DRAIN,
            time=evidence.objects_by_time[0].time,
            line=1,
            certainty=Certainty.CERTAIN,
            actual=f"{beatmap.drain_ms / 1000:.1f} s",
            expected=[Expected("30 s")],
            message=f"The drain time is {beatmap.drain_ms / 1000:.1f} s, less than 30 s.",
        )
    if beatmap.mode is Mode.MANIA:
        return
    for pause in beatmap.breaks:
        yield from _break(evidence, pause)
    yield from _missing_breaks(evidence)


def _break(evidence: Evidence, pause: Break) -> Iterator[Candidate]:
    wrong: list[tuple[Certainty, str, str, str]] = []
    objects = evidence.objects_by_time
    inside = [o for o in objects if o.time < pause.end - ROUNDING_MS and o.end_time > pause.start + ROUNDING_MS]
    before = max((o.end_time for o in objects if o.end_time <= pause.start + ROUNDING_MS), default=None)
    after = min((o.time for o in objects if o.time >= pause.end - ROUNDING_MS), default=None)
    preempt = evidence.beatmap.difficulty.preempt_ms
    length = pause.end - pause.start
    if inside:
        count = f"{len(inside)} objects lie" if len(inside) > 1 else "An object lies"
        wrong.append((Certainty.CERTAIN, f"{count} in this break", "objects", "none"))
    if length < MIN_BREAK_MS - ROUNDING_MS:
        wrong.append(
            (Certainty.GUIDELINE, f"This break lasts {length:.0f} ms", f"{length:.0f} ms", f"{MIN_BREAK_MS:.0f} ms")
        )
    if not inside and before is not None and pause.start - before < MIN_BREAK_START_MS - ROUNDING_MS:
        gap = pause.start - before
        wrong.append(
            (Certainty.CERTAIN, f"This break begins {gap:.0f} ms after the object before it", f"{gap:.0f} ms", "200 ms")
        )
    if not inside and after is not None and after - pause.end < preempt - ROUNDING_MS:
        gap = after - pause.end
        wrong.append(
            (
                Certainty.CERTAIN,
                f"This break ends {gap:.0f} ms before the next object, which begins to appear {preempt:.0f} ms before "
                "its time",
                f"{gap:.0f} ms",
                f"{preempt:.0f} ms",
            )
        )
    if wrong:
        certainty, message, actual, least = wrong[0]
        more = "".join(f"; {other[0].lower()}{other[1:]}" for _, other, _, _ in wrong[1:])
        yield candidate(
            BREAK,
            time=pause.start,
            end_time=pause.end,
            line=pause.line,
            certainty=certainty,
            message=f"{message}{more}.",
            actual=actual,
            expected=[Expected(least)],
            length_ms=round(length, 1),
        )


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
                message=f"Nothing is to be hit for {pause / 1000:.1f} s, and there is no break.",
            )


CHECK = BeatmapCheck(Category.MAPSET, "Playing time", (DRAIN, BREAK, MISSING_BREAK), run)
