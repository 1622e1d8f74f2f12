"""Timing and kiai that must be, or usually are, the same in every difficulty of a set.

Of 1,046 ranked maps 7 have other red lines than their set, 8 a single differing kiai section and 42 a section that few
difficulties lack. Planted in 30 sets (`benchmarks/sets.py`), all changes of 8 ms, 1 BPM and another meter are
found, and 16 of 23 removed kiai sections; the others are in sets without a kiai common to most difficulties.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from maimod.findings import Expected, Severity, Tier, clock
from maimod.osu.beatmap import SCROLLING_MODES, Beatmap, Mode, TimingPoint
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed
from maimod.rules.mapset.sets import departures, names

RED_LINES = Rule(
    "mapset/red-lines",
    "Red lines differ between difficulties",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The song has one timing. A difficulty with another offset, tempo or meter was timed before the others were "
    "corrected.",
    how="Times, tempos and meters of the red lines are compared with those of most difficulties; lines in taiko and "
    "mania that only restart the bar are left out, and other modes may differ (a warning).",
    advice="Make the red lines the same everywhere.",
    ignore_when="one mode needs its own lines for bar lines or scroll speed",
    blind_spots="Mistakes that all difficulties share.",
    source=f"{PAGE}#timing",
)
BAR_LINES = Rule(
    "mapset/bar-lines",
    "Bar line omitted in some difficulties only",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="A bar line that is hidden in one difficulty and shown in another is an oversight in one of them.",
    how="The flag that omits the first bar line is compared between red lines at the same time, in taiko and mania.",
    advice="Omit it everywhere, or nowhere.",
    ignore_when="the notes around it differ",
    blind_spots="Lines that only one difficulty has.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria/osu%21taiko",
)
KIAI = Rule(
    "mapset/kiai",
    "Kiai differs between difficulties",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="The chorus is the same in every difficulty; a section that begins elsewhere or is missing in one was usually "
    "forgotten there.",
    how="Starts and ends of the kiai sections are compared with those that most difficulties of the mode have, within "
    "half a beat; in taiko also if there are only two, a minor.",
    advice="Is it intended?",
    ignore_when="the difficulty stresses other parts of the song on purpose",
    blind_spots="Sets in which each difficulty has its own kiai; sections shorter than two beats.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Kiai_time",
)

LINE_MS = 2.0
"""Red lines closer than this are one: rounding to whole ms."""
MOST_LINES = 500
"""More differing lines than this are no slip and are not counted."""
SAME_BEAT_MS = 0.002
"""Difference of beat lengths that comes from rounding: red lines of a set are copied, so they have the same decimals."""
SAME_TEMPO = 1e-3
"""Relative difference of tempos, 0.2 BPM at 180; tempos of one song are usually copied."""
KIAI_BEATS = 0.5
SHORT_KIAI_BEATS = 2.0
"""Shorter sections are flashes, which may differ between difficulties."""
FEW_KIAI = 3
"""Most differing starts and ends of an oversight; more are deliberate."""


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    if len(evidence.beatmaps) < 2:
        return
    yield from _red_lines(evidence)
    for mode in Mode:
        of_mode = [beatmap for beatmap in evidence.beatmaps if beatmap.mode is mode]
        if len(of_mode) > 1:
            yield from _bar_lines(evidence, of_mode)
            yield from _kiai(evidence, of_mode)


def _red_lines(evidence: MapsetEvidence) -> Iterator[Placed]:
    signatures = [
        ";".join(f"{line.time:.0f},{line.beat_length:.3f},{line.meter}" for line in one.red_lines)
        for one in evidence.beatmaps
    ]
    for part in departures(evidence.beatmaps, signatures):
        for beatmap in part.beatmaps:
            reference = next((other for other in part.others if other.mode is beatmap.mode), part.others[0])
            differences = list(_line_differences(beatmap, reference, names(part.others)))
            if not differences:
                continue
            _, line, time, what = min(differences, key=lambda difference: difference[:3])
            more = (
                f"; {len(differences) - 1} more of its red lines differ{'s' * (len(differences) == 2)}"
                if len(differences) > 1
                else ""
            )
            yield from evidence.candidate(
                RED_LINES,
                beatmap,
                line=line,
                time=time,
                certainty=Certainty.CERTAIN if beatmap.mode is reference.mode else Certainty.LIKELY,
                message=f"{what}{more}.",
                differing_lines=len(differences),
                reference=reference.version,
            )


def _line_differences(beatmap: Beatmap, reference: Beatmap, where: str) -> Iterator[tuple[bool, int, float, str]]:
    """(whether it is missing or additional, line of the file, time, description) of each differing red line."""
    pairs, added, missing = _matched(beatmap.red_lines, reference.red_lines)
    for line, other in pairs:
        if abs(line.beat_length - other.beat_length) > SAME_BEAT_MS:
            yield (
                False,
                line.line,
                line.time,
                f"The red line has {_bpm(line, other)} BPM here and {_bpm(other, line)} in {where}",
            )
        elif line.meter != other.meter:
            yield False, line.line, line.time, f"The meter is {line.meter}/4 here and {other.meter}/4 in {where}"
    for line in added:
        near = min(
            (other for other in missing if abs(other.time - line.time) < other.beat_length / 2),
            key=lambda other: abs(other.time - line.time),
            default=None,
        )
        if near is not None:
            missing.remove(near)
            yield (
                False,
                line.line,
                line.time,
                f"The red line at {clock(line.time)} is at {clock(near.time)} in {where}",
            )
        elif not _only_restarts_bar(beatmap, line):
            yield True, line.line, line.time, f"There is no red line at {clock(line.time)} in {where}"
    for other in missing:
        if not _only_restarts_bar(reference, other):
            yield (
                True,
                beatmap.red_line_at(other.time).line,
                other.time,
                f"The red line at {clock(other.time)} in {where} is missing here",
            )


def _bpm(line: TimingPoint, other: TimingPoint) -> str:
    """Tempo with as many decimals as tell it from another one."""
    tempo, others = 60_000 / line.beat_length, 60_000 / other.beat_length
    decimals = next((n for n in range(2, 6) if f"{tempo:.{n}f}" != f"{others:.{n}f}"), 6)
    return f"{tempo:.{decimals}f}"


def _matched(
    own: Sequence[TimingPoint], others: Sequence[TimingPoint]
) -> tuple[list[tuple[TimingPoint, TimingPoint]], list[TimingPoint], list[TimingPoint]]:
    """Pairs of lines at the same time, lines only in `own` and only in `others`; the last two limited in number."""
    pairs: list[tuple[TimingPoint, TimingPoint]] = []
    added: list[TimingPoint] = []
    missing: list[TimingPoint] = []
    mine, theirs = 0, 0
    while mine < len(own) or theirs < len(others):
        if mine == len(own) or (theirs < len(others) and others[theirs].time <= own[mine].time - LINE_MS):
            missing.append(others[theirs])
            theirs += 1
        elif theirs == len(others) or own[mine].time <= others[theirs].time - LINE_MS:
            added.append(own[mine])
            mine += 1
        else:
            pairs.append((own[mine], others[theirs]))
            mine, theirs = mine + 1, theirs + 1
    return pairs, added[:MOST_LINES], missing[:MOST_LINES]


def _only_restarts_bar(beatmap: Beatmap, line: TimingPoint) -> bool:
    if beatmap.mode not in SCROLLING_MODES or line is beatmap.red_lines[0]:
        return False
    former = beatmap.red_line_at(line.time - LINE_MS)
    beats = (line.time - former.time) / former.beat_length
    return (
        abs(line.beat_length / former.beat_length - 1) < SAME_TEMPO
        and abs(beats - round(beats)) * former.beat_length < LINE_MS
    )


def _bar_lines(evidence: MapsetEvidence, of_mode: Sequence[Beatmap]) -> Iterator[Placed]:
    if of_mode[0].mode not in SCROLLING_MODES:
        return
    lines: dict[int, dict[Path, tuple[Beatmap, TimingPoint]]] = defaultdict(dict)
    for beatmap in of_mode:
        for line in beatmap.red_lines:
            lines[round(line.time)].setdefault(beatmap.path, (beatmap, line))
    for time, there in lines.items():
        for part in departures(
            [one for one, _ in there.values()],
            ["omitted" if line.omits_bar_line else "shown" for _, line in there.values()],
        ):
            for beatmap in part.beatmaps:
                _, line = there[beatmap.path]
                yield from evidence.candidate(
                    BAR_LINES,
                    beatmap,
                    line=line.line,
                    time=line.time,
                    certainty=Certainty.LIKELY,
                    subject=str(time),
                    actual=part.value,
                    expected=[Expected(part.usual)],
                    message=f"The bar line is {part.value} here and {part.usual} in {names(part.others)}.",
                )


class _Border(msgspec.Struct, frozen=True):
    """A start or end of kiai in a difficulty."""

    time: float
    line: int
    verb: str
    """ "begins" or "ends"."""


def _kiai(evidence: MapsetEvidence, of_mode: Sequence[Beatmap]) -> Iterator[Placed]:
    beat = of_mode[0].red_lines[0]  # one grid for all, even if the lines of one are wrong
    near = KIAI_BEATS * beat.beat_length
    borders = {one.path: _borders(one, SHORT_KIAI_BEATS * beat.beat_length) for one in of_mode}
    keys = [",".join(f"{(border.time - beat.time) / near:.0f}" for border in borders[one.path]) for one in of_mode]
    # In taiko kiai lights the whole playfield, so that even two difficulties should agree.
    is_pair = of_mode[0].mode is Mode.TAIKO and len(of_mode) == 2
    for part in departures(of_mode, keys):
        usual = borders[part.others[0].path]
        if (not is_pair and (len(part.others) < 2 or len(part.others) <= len(of_mode) / 2)) or not usual:
            continue
        # All others together are stronger evidence than most of them.
        all_others = len(part.others) == len(of_mode) - 1 and not is_pair
        for beatmap in part.beatmaps:
            own = borders[beatmap.path]
            missing = [border for border in usual if not _has(own, border.time, near)]
            added = [border for border in own if not _has(usual, border.time, near)]
            if (not missing and not added) or (len(missing) + len(added) > FEW_KIAI and own):
                continue
            first = (added or missing)[0] if own else usual[0]
            line = 1 if not own else first.line if added else beatmap.timing_point_at(first.time).line
            yield from evidence.candidate(
                KIAI,
                beatmap,
                line=line,
                time=first.time,
                certainty=Certainty.LIKELY if all_others else Certainty.POSSIBLE,
                message=f"{_kiai_words(own, missing, added, names(part.others))}.",
                missing=[border.time for border in missing],
                added=[border.time for border in added],
            )


def _borders(beatmap: Beatmap, short_ms: float) -> list[_Border]:
    """Starts and ends of the kiai sections that are longer than `short_ms`."""
    long = [
        section
        for section in beatmap.kiai_sections
        if section[1] is None or section[1].time - section[0].time > short_ms
    ]
    return [
        _Border(point.time, point.line, "begins" if point is section[0] else "ends")
        for section in long
        for point in section
        if point is not None
    ]


def _kiai_words(own: Sequence[_Border], missing: Sequence[_Border], added: Sequence[_Border], others: str) -> str:
    """What kiai does here and in the others, from where both differ first.

    Args:
        own: borders of the difficulty.
        missing: borders that only the others have.
        added: borders that only this one has.
        others: the others by name.
    """
    if not own:
        return f"There is no kiai here, while {others} have it"
    if not added:
        return f"Kiai {_doing(missing)} in {others}, but not in this difficulty"
    first = added[0]
    there = [border.time for border in missing if border.verb == first.verb]
    if not there:
        return f"Kiai {_doing(added)}, but not in {others}"
    closest = min(there, key=lambda time: abs(time - first.time))
    return f"Kiai {first.verb} here, and at {clock(closest)} in {others}"


def _doing(borders: Sequence[_Border]) -> str:
    """What kiai does at borders that are not shared: "ends here", or of two that belong together "is on from here to 00:12:345"."""
    first, *more = borders
    if len(more) != 1:
        return f"{first.verb} here"
    return f"is {'on' if first.verb == 'begins' else 'off'} from here to {clock(more[0].time)}"


def _has(borders: Sequence[_Border], time: float, near: float) -> bool:
    """Whether one of the ascending borders is within `near` of a time [ms]."""
    place = bisect_left(borders, time - near, key=lambda border: border.time)
    return place < len(borders) and borders[place].time <= time + near


CHECK = MapsetCheck("Timing of the set", (RED_LINES, BAR_LINES, KIAI), run)
