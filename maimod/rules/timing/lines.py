"""Lines of `[TimingPoints]` compared with each other: two at one time, lines without effect, restrictions of the first
line.

Of 1,046 ranked maps nearly half have a green line without effect, most of them one that another difficulty uses, 3 % have conflicting lines, 1 % unnecessary red lines
and 0.4 % (one set) two differing green lines at one time.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import numpy as np

from maimod.findings import Category, Expected, Severity, Tier, clock
from maimod.osu.beatmap import SCROLLING_MODES, Beatmap, HitObject, Mode, TimingPoint
from maimod.osu.hitsounds import HITSOUND_LENIENCY_MS, set_name
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.bundles import places_alike
from maimod.rules.checks import BeatmapCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence

DUPLICATE_GREEN = Rule(
    "timing/duplicate-green-line",
    "Two green lines at one time",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Only the last of them counts, which the editor does not show; the values of the other one are lost.",
    how="Two inherited timing points have the same time. If both are equal it is a minor.",
    advice="Keep one of them, with the values that are right.",
    ignore_when="never; delete one of them",
    blind_spots="Lines that are 1 ms apart.",
    source=f"{PAGE}#timing",
)
CONFLICT = Rule(
    "timing/red-green-conflict",
    "Green line overrides its red line",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="A green line overrides samples, volume and kiai of the red line at the same time, so editing the red line "
    "has no effect.",
    how="Both have the same time and differ in sample set, custom samples, volume or kiai. Another velocity is normal. Red lines that "
    "change no timing are left to timing/unused-red-line: without them nothing differs.",
    advice="Check which of the two values you want, and give it to both.",
    ignore_when="the map sounds right",
    blind_spots="None.",
    source="https://osu.ppy.sh/wiki/en/Client/Beatmap_editor/Timing",
)
UNUSED_GREEN = Rule(
    "timing/unused-green-line",
    "Green line that changes nothing",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="It does no harm, but often shows that a change was forgotten, or was undone elsewhere.",
    how="Velocity, sample set, custom samples, volume and effects are the same as before it; or what it changes is used by no "
    "object before the next line that changes anything: samples where nothing is hit or held, the velocity of osu! and catch where no "
    "slider starts. Lines at whose time another difficulty of the set has one that an object uses are left out.",
    advice="Delete what has no purpose for you.",
    ignore_when="it marks a place for the mapper",
    blind_spots="Lines that change sounds which nothing plays, as the tick sounds of sliders without ticks; lines that another difficulty "
    "needs.",
    source="https://osu.ppy.sh/wiki/en/Client/Beatmap_editor/Timing",
)
UNUSED_RED = Rule(
    "timing/unused-red-line",
    "Red line that changes no timing",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Red lines are for timing; one that only changes velocity or samples should be a green line, and an "
    "unnecessary one has to be moved with every later correction of the offset.",
    how="It has the tempo and meter of the red line before it and is on a downbeat of it, so that not even bar lines "
    "change, which only taiko and mania show. A minor, if all such lines have other red lines within four measures on both sides, as where lines "
    "follow a played tempo.",
    advice="Make it a green line, or delete it.",
    ignore_when="it restarts the cymbals of Nightcore where the phrase of the song begins",
    blind_spots="Lines that are a fraction of a ms off the downbeat in songs with an uneven tempo.",
    source=f"{PAGE}#timing",
)
FIRST_LINE = Rule(
    "timing/first-line",
    "First line is inherited or begins kiai",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="A green line before the first red line has no beat to inherit from, and kiai from the first line on also "
    "plays before the map.",
    how="The first timing point by time is a green line, or has kiai.",
    advice="Put a red line without kiai first.",
    ignore_when="never",
    blind_spots="None.",
    source=f"{PAGE}#timing",
)
LINE_VOLUME = Rule(
    "timing/line-volume",
    "Line with a volume below 5 or above 100 %",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="The editor offers 5 to 100 %; less is barely audible, more is played as 100 %, and the editor changes both when the line "
    "is edited.",
    how="The volume of a timing point is below 5 % or above 100 %. Hits that are hardly heard are reported by hitsounds/muted.",
    advice="Check the volume of this line in the timing panel.",
    ignore_when="only slider ends and repeats are silenced",
    blind_spots="None.",
    source=f"{PAGE}#audio",
)

SAME_TEMPO = 1e-5
"""Relative: 1 ms in 100 s."""
DOWNBEAT_MS = 1.0
FOLLOWED_MEASURES = 4.0
"""A line with others this close on both sides is one of those that follow a played tempo measure by measure: two of these are equal by
chance."""
LEAST_VOLUME, MOST_VOLUME = 5, 100
MOST_NAMED = 4
"""Lines after the first that are named by their times."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    points = evidence.beatmap.sorted_timing_points
    yield from _first(points[0])
    unused, is_followed = _unused_red(evidence.beatmap)
    yield from _same_time(points, {line.line for line in unused})
    yield from _unused_green(evidence, points)
    if unused:
        yield _candidate(
            UNUSED_RED,
            unused,
            certainty=Certainty.POSSIBLE if is_followed else Certainty.GUIDELINE,
            message=f"This red line has the tempo and meter of the one before ({60_000 / unused[0].beat_length:.2f} BPM, "
            f"{unused[0].meter}/4) and is on a downbeat of it",
            actual="a red line",
            expected="a green line or none",
        )
    quiet = [point for point in points if point.volume < LEAST_VOLUME]
    if quiet:
        yield _candidate(
            LINE_VOLUME,
            quiet,
            certainty=Certainty.POSSIBLE,
            message=f"The volume of this line is {quiet[0].volume} %, below {LEAST_VOLUME} %",
            actual=f"{quiet[0].volume} %",
            expected="5 % or more",
        )
    loud = [point for point in points if point.written_volume > MOST_VOLUME]
    if loud:
        yield _candidate(
            LINE_VOLUME,
            loud,
            certainty=Certainty.HARMLESS,
            message=f"The volume of this line is {loud[0].written_volume} %, which is played as 100 %",
            actual=f"{loud[0].written_volume} %",
            expected="100 % or less",
        )


def _candidate(
    rule: Rule, found: Sequence[TimingPoint], *, certainty: Certainty, message: str, actual: str, expected: str
) -> Candidate:
    """One finding for all lines, because they are fixed together."""
    first = found[0]
    more = places_alike([point.time for point in found[1:]], "the same for", "line")
    return candidate(
        rule,
        time=first.time,
        line=first.line,
        certainty=certainty,
        message=f"{message}{more}.",
        actual=actual,
        expected=[Expected(expected)],
        lines=[point.line for point in found[:50]],
        count=len(found),
    )


def _first(first: TimingPoint) -> Iterator[Candidate]:
    for is_so, what in ((not first.uninherited, "is a green line"), (first.kiai, "has kiai")):
        if is_so:
            yield candidate(
                FIRST_LINE,
                time=first.time,
                line=first.line,
                certainty=Certainty.CERTAIN,
                message=f"The first timing point {what}.",
                actual=what.partition(" ")[2],
                expected=[Expected("a red line without kiai")],
                subject=what,
            )


def _says(point: TimingPoint) -> tuple[object, ...]:
    """All values but the beat length: velocity, slider ticks, samples, volume, effects."""
    return (*_speed(point), *_sounds(point), point.omits_bar_line)


def _speed(point: TimingPoint) -> tuple[object, ...]:
    return point.velocity, point.generates_ticks


def _sounds(point: TimingPoint) -> tuple[object, ...]:
    return point.sample_set, point.sample_index, point.volume, point.kiai


def _values(point: TimingPoint) -> str:
    return f"{point.velocity:.2f}x, {point.volume} % volume"


def _set(point: TimingPoint) -> str:
    return set_name(point.sample_set) if point.sample_set in (1, 2, 3) else "default"


def _differences(before: TimingPoint, point: TimingPoint) -> str:
    """What two lines at one time set differently, in words."""
    pairs = [
        (
            f"{one.velocity:.2f}x",
            f"{_set(one)} set",
            f"samples {one.sample_index}",
            f"{one.volume} % volume",
            "kiai" if one.kiai else "no kiai",
        )
        for one in (before, point)
    ]
    return ", ".join(f"{first} and {second}" for first, second in zip(*pairs, strict=True) if first != second)


def _same_time(points: Sequence[TimingPoint], unused: Collection[int]) -> Iterator[Candidate]:
    """Green lines at the time of another line; `unused` are the numbers of red lines that change no timing."""
    twice: list[TimingPoint] = []
    copies: list[TimingPoint] = []
    conflicts: list[TimingPoint] = []
    differences: dict[int, str] = {}
    for before, point in pairwise(points):
        if before.time != point.time or point.uninherited:
            continue
        differences[point.line] = _differences(before, point)
        if not before.uninherited:
            (copies if _says(before) == _says(point) else twice).append(point)
        elif _sounds(before) != _sounds(point) and before.line not in unused:
            conflicts.append(point)
    if twice:
        yield _candidate(
            DUPLICATE_GREEN,
            twice,
            certainty=Certainty.CERTAIN,
            message=f"Two green lines at this time differ ({differences[twice[0].line]}); only the last counts",
            actual="two lines",
            expected="one line",
        )
    if copies:
        yield _candidate(
            DUPLICATE_GREEN,
            copies,
            certainty=Certainty.POSSIBLE,
            message="Two equal green lines are at this time",
            actual="two lines",
            expected="one line",
        )
    if conflicts:
        yield _candidate(
            CONFLICT,
            conflicts,
            certainty=Certainty.POSSIBLE,
            message=f"The red line and the green line at this time differ ({differences[conflicts[0].line]})",
            actual="two settings",
            expected="one setting",
        )


def _unused_green(evidence: Evidence, points: Sequence[TimingPoint]) -> Iterator[Candidate]:
    unused = [
        point
        for before, point in pairwise(points)
        if not point.uninherited and before.time != point.time and _says(before)[:-1] == _says(point)[:-1]
    ]
    unheard = _without_objects(evidence.beatmap, evidence.objects_by_time)
    elsewhere = _used_elsewhere(evidence, {point.time for point in (*unused, *unheard)})
    unused, unheard = ([point for point in own if point.time not in elsewhere] for own in (unused, unheard))
    found = sorted([*unused, *unheard], key=lambda point: point.time)
    if found:
        yield candidate(
            UNUSED_GREEN,
            time=found[0].time,
            line=found[0].line,
            certainty=Certainty.HARMLESS,
            message=_unused_words(found, "" if unused and not unheard else " that an object uses"),
            actual="a line" if len(found) == 1 else f"{len(found)} lines",
            expected=[Expected("no line")],
            lines=[point.line for point in found[:50]],
            count=len(found),
            used_in_others=len(elsewhere),
        )


def _used_elsewhere(evidence: Evidence, times: set[float]) -> set[float]:
    """Those of the times at which a green line of another difficulty changes something that an object uses there: lines are
    copied through a set, and what one difficulty needs does no harm in the others."""
    used: set[float] = set()
    for other in evidence.mapset.beatmaps if evidence.mapset and times else ():
        wanted = times - used
        if other.path == evidence.beatmap.path or not wanted:
            continue
        points = other.sorted_timing_points
        changing = {
            point.time
            for before, point in pairwise(points)
            if point.time in wanted and not point.uninherited and _says(before)[:-1] != _says(point)[:-1]
        }
        if changing:
            objects = sorted(other.hit_objects, key=lambda o: o.time)
            used |= changing - {point.time for point in _without_objects(other, objects, changing)}
    return used


def _unused_words(found: Sequence[TimingPoint], used: str) -> str:
    """How many green lines change nothing (`used`: that what may be), and where they are."""
    first, *others = found
    if not others:
        return f"This green line changes nothing{used} ({_values(first)})."
    times = [clock(point.time) for point in others]
    *most, last = ["here", *(f"at {time}" for time in times)]
    where = f"between here and {times[-1]}" if len(times) > MOST_NAMED else f"{', '.join(most)} and {last}"
    return f"{len(found)} green lines {where} change nothing{used}; this one has {_values(first)}."


def _without_objects(
    beatmap: Beatmap, objects: Sequence[HitObject], times: Collection[float] | None = None
) -> list[TimingPoint]:
    """Green lines, of those at `times` if given, whose changes are over before an object uses them.

    Args:
        beatmap: a difficulty.
        objects: its objects by time.
        times: in ms; None is all.
    """
    changes = [
        (before, point)
        for before, point in pairwise(beatmap.sorted_timing_points)
        if point.uninherited or before.uninherited or _says(before)[:-1] != _says(point)[:-1]
    ]
    starts = np.array([o.time for o in objects])
    ends = np.maximum.accumulate(np.array([o.end_time for o in objects]))
    heads = np.array([o.time for o in objects if o.slider])
    found = []
    for place, (before, point) in enumerate(changes):
        if times is not None and point.time not in times:
            continue
        until = changes[place + 1][1].time if place + 1 < len(changes) else math.inf
        says_nothing = _says(before)[:-1] == _says(point)[:-1]
        if point.uninherited or says_nothing or point.time in (before.time, until) or before.kiai != point.kiai:
            continue
        since = point.time - HITSOUND_LENIENCY_MS
        former = int(np.searchsorted(starts, since))
        is_heard = _count(starts, since, until) > 0 or (former > 0 and ends[former - 1] >= since)
        has_sound = _sounds(before) != _sounds(point) and is_heard
        is_scrolled = beatmap.mode in SCROLLING_MODES or _count(heads, point.time, until) > 0
        if not has_sound and not (_speed(before) != _speed(point) and is_scrolled):
            found.append(point)
    return found


def _count(times: np.ndarray, start: float, end: float) -> int:
    return int(np.searchsorted(times, end) - np.searchsorted(times, start))


def _unused_red(beatmap: Beatmap) -> tuple[list[TimingPoint], bool]:
    """Red lines that change no timing, and whether each is one of several that follow a played tempo."""
    unused, is_followed = list[TimingPoint](), True
    lines = beatmap.red_lines if beatmap.mode is not Mode.MANIA else []  # there red lines also undo scroll speeds
    for before, line, after in zip(lines, lines[1:], [*lines[2:], None], strict=False):
        measure = before.meter * before.beat_length
        off = (line.time - before.time) - round((line.time - before.time) / measure) * measure
        same = abs(line.beat_length / before.beat_length - 1) < SAME_TEMPO and line.meter == before.meter
        draws = beatmap.mode is Mode.TAIKO and line.omits_bar_line != before.omits_bar_line
        if same and abs(off) < DOWNBEAT_MS and not draws and line.time > before.time:
            unused.append(line)
            beside = after.time - line.time if after else math.inf
            is_followed &= max(line.time - before.time, beside) <= FOLLOWED_MEASURES * measure + DOWNBEAT_MS
    return unused, is_followed


CHECK = BeatmapCheck(
    Category.TIMING, "Timing lines", (DUPLICATE_GREEN, CONFLICT, UNUSED_GREEN, UNUSED_RED, FIRST_LINE, LINE_VOLUME), run
)
