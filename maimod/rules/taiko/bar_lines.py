"""Bar lines in taiko: two of them close together, one that the last object hides, one with the old scroll speed.

The game draws a bar line at each red line and after each of its measures, until the next red line or the last object.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/osu!taiko; lazer, `BarLineGenerator`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from maimod.findings import Category, Expected, Severity, Tier, in_ms
from maimod.osu.beatmap import ONLY_TAIKO, Beatmap, Mode, ObjectKind, TimingPoint
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import bundled
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko#general"
CLOSE = Rule(
    "timing/close-bar-lines",
    "Bar line close to the one before it",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Bar lines show the measures. A red line that begins within a measure draws a second bar line there, which "
    "looks like a mistake and disturbs reading.",
    how="A red line begins at most a beat after a bar line of the red line before it and does not omit its "
    "first bar line. After more than a beat it is a minor, after nearly a whole measure nothing.",
    advice="Check the meter before this line, or omit one of the bar lines.",
    ignore_when="the song has a shorter measure there; give the red line before it that meter then",
    blind_spots="Bar lines that are close because of the tempo; whether the new red line is right.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
)
HIDDEN = Rule(
    "timing/hidden-bar-line",
    "Last object hides its bar line",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Bar lines are drawn until the last object ends. If it ends a little too early, the bar line at its place is "
    "missing.",
    how="The last object ends 1 to 2 ms before a bar line. An end of a drum roll or denden is a minor.",
    advice="Move the end of the object or the red line by a few ms.",
    ignore_when="the missing bar line does not matter",
    blind_spots="Objects less than 1 ms early, which were truncated to whole ms.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Objects/BarLineGenerator.cs",
    modes=ONLY_TAIKO,
)
OLD_SPEED = Rule(
    "timing/line-after-bar-line",
    "Green line just after a bar line",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A bar line takes its scroll speed from the last line at or before it. If the line comes a moment later, the "
    "bar line keeps the old speed and moves through the notes.",
    how="A green line that changes the scroll speed is up to 5 ms after a bar line.",
    advice="Snap the green line to the bar line.",
    ignore_when="the bar line should keep the old speed",
    blind_spots="Lines more than 5 ms late, and less than half a ms, which is rounding.",
    source=_CRITERIA,
    modes=ONLY_TAIKO,
)

SAME_MS = 2.0
"""Bar lines this close are one for the player; red lines have whole ms."""
LEAST_EARLY_MS, MOST_EARLY_MS = 1.0, 2.0
LATE_MS, LEAST_LATE_MS = 5.0, 0.5
"""Mapset Verifier, bar line unaffected by slider velocity."""
SAME_SPEED = 0.02


def run(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    if beatmap.mode is not Mode.TAIKO or not beatmap.hit_objects:
        return
    yield from bundled(_close(beatmap))
    yield from _hidden(evidence)
    yield from bundled(_old_speed(evidence))


def measure_ms(red: TimingPoint) -> float:
    """Length of a measure."""
    return red.beat_length * max(red.meter, 1)


def into_measure_ms(red: TimingPoint, time: float) -> float:
    """Ms from the last bar line of a red line at or before `time`; less than half a ms before one is at it."""
    past = (time - red.time) % measure_ms(red)
    return past - measure_ms(red) if measure_ms(red) - past < LEAST_LATE_MS else past


def _close(beatmap: Beatmap) -> Iterator[Candidate]:
    last = max(o.end_time for o in beatmap.hit_objects)
    for before, red in pairwise(beatmap.red_lines):
        measure, past = measure_ms(before), into_measure_ms(before, red.time)
        if red.omits_bar_line or red.time > last or past < SAME_MS or measure - past < before.beat_length / 2:
            continue
        if before.omits_bar_line and red.time - before.time < measure:  # the only bar line in between is not drawn
            continue
        is_double = past <= before.beat_length + SAME_MS
        beats = f"{past / before.beat_length:.3g}"
        apart = f"{past:.0f} ms ({beats} beat{'' if beats == '1' else 's'})"
        yield candidate(
            CLOSE,
            time=red.time,
            line=red.line,
            certainty=Certainty.CERTAIN if is_double else Certainty.POSSIBLE,
            actual=f"{past:.0f} ms apart",
            expected=[Expected("a bar line that is omitted")],
            message=f"This red line draws a bar line {apart} after the one before it, "
            f"{'a double bar line' if is_double else 'a shortened measure'}.",
            gap_ms=round(past, 1),
        )


def _hidden(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    last = max(evidence.objects_by_time, key=lambda o: o.end_time)
    red = beatmap.red_line_of(last.end_time)
    early = measure_ms(red) - (last.end_time - red.time) % measure_ms(red)
    if LEAST_EARLY_MS <= early < MOST_EARLY_MS:
        is_note = last.kind is ObjectKind.CIRCLE
        yield candidate(
            HIDDEN,
            time=last.end_time,
            line=last.line,
            objects=[last],
            certainty=Certainty.GUIDELINE if is_note else Certainty.POSSIBLE,
            actual=f"{in_ms(early)} early",
            expected=[Expected("on the bar line")],
            message=f"The last object ends {in_ms(early)} before a bar line, which is therefore not drawn.",
        )


def _old_speed(evidence: Evidence) -> Iterator[Candidate]:
    beatmap, times = evidence.beatmap, evidence.object_times
    points = beatmap.sorted_timing_points
    last = max(o.end_time for o in beatmap.hit_objects)
    for before, point in pairwise(points):
        red = beatmap.red_line_at(point.time)
        late = into_measure_ms(red, point.time)
        if point.uninherited or not LEAST_LATE_MS < late <= LATE_MS or point.time > last:
            continue
        if red.omits_bar_line and point.time - red.time <= LATE_MS:
            continue
        if abs(point.velocity - before.velocity) > SAME_SPEED * max(point.velocity, before.velocity):
            first, stop = np.searchsorted(times, [point.time - LATE_MS, point.time])
            keeps = "this bar line and its note, which keep" if first < stop else "this bar line, which keeps"
            yield candidate(
                OLD_SPEED,
                time=point.time - late,
                line=point.line,
                certainty=Certainty.GUIDELINE,
                actual=f"{before.velocity:.2f}x",
                expected=[Expected(f"{point.velocity:.2f}x")],
                message=f"The green line for {point.velocity:.2f}x comes {in_ms(late)} after {keeps} "
                f"{before.velocity:.2f}x.",
                late_ms=round(late, 2),
            )


CHECK = BeatmapCheck(Category.TIMING, "Bar lines", (CLOSE, HIDDEN, OLD_SPEED), run)
