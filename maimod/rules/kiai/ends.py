"""Kiai: starts and ends compared with the beat, the map's habits and the model.

Figures in this module were counted in the 1,045 ranked maps of the training split that hold 2,936 kiai sections.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import msgspec

from maimod.discriminator.features import SLOTS_PER_BEAT
from maimod.discriminator.prediction import NO_PREDICTION, CorruptionLogits
from maimod.events.schema import EventKind
from maimod.findings import Category, Expected, Severity, Tier, clock, in_ms
from maimod.osu.beatmap import UNSNAP_MS, Beatmap, TimingPoint
from maimod.osu.timing import beat_in_measure, snap
from maimod.rules.base import Candidate, Certainty, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm.snaps import expected_tick

KIAI_DIVISORS = (1, 2, 3, 4, 6, 8, 16)
"""Divisors of starts and ends: all but six in those maps are on one of these; a slip of some ms may land on 1/5, 1/7,
1/9 or 1/12.
"""
CLEAR_UNSNAP_MS = 10.0
"""Mapset Verifier warns from here on. Ranked maps: 6 of 5,871 lines are 2 ms off or more, none is 5 ms off."""
MANY_UNSNAPPED = 3
"""This many lines or more are one finding: the timing was changed after they were set, or they were set by ear."""
FLASH_BEATS = 1.1
"""Kiai, or a gap in it, of at most a beat is a flash of fountains, intended or not."""
FAR_BEATS = 16.0
"""Borders of other difficulties further away belong to another part of the song."""
LEAST_SHARED = 2
"""So many other difficulties with kiai that begins or ends at the same time show that the place is meant."""
LONG_BEATS = 8.0
"""Kiai of two measures or more is a section of the song."""
ON_DOWNBEAT_SHARE = 0.8
"""A map with this share of the other sections on downbeats has the habit; 87 % of all starts are on one."""
LEAST_BITS = 9.6
"""A line with a higher probability than this is no surprise."""
SURPRISE_CURVE = Curve(middle=14.0, scale=1.5)
"""Bits of the model."""
CURVES = {
    "": SURPRISE_CURVE,
    "off the beat": replace(SURPRISE_CURVE, lowest=0.6),
    "off the habit": replace(SURPRISE_CURVE, lowest=0.35),
    "half a beat off the habit": replace(SURPRISE_CURVE, lowest=0.35, shift=0.15),
    "usual place": replace(SURPRISE_CURVE, shift=-0.25),
}
"""Curves by the position of the line. 12 of 2,936 starts are off the beat. Kiai mostly begins on downbeats, but ends
anywhere, so ends have lower scores."""
BORDER_SLOTS = SLOTS_PER_BEAT
"""A border that is a beat off has a beat on the wrong side."""


def _border_logit(corruption: CorruptionLogits, time: float) -> tuple[float, bool]:
    """(log-odds, whether the border is too late): the higher mean of the beat before and the beat after. If the beat
    before the border is suspect, it belongs to the section after it, so the border is too late."""
    slot = int(corruption.grid.locate([time])[0][0])
    values = corruption.of("kiai")
    before, after = (
        float(part.mean()) if len(part) else NO_PREDICTION
        for part in (values[max(slot - BORDER_SLOTS, 0) : slot], values[slot : slot + BORDER_SLOTS])
    )
    return max(before, after), before > after


def logit_of_border(corruption: CorruptionLogits, found: Candidate) -> float:
    """Log-odds that the border of kiai at a candidate is misplaced."""
    return _border_logit(corruption, found.time)[0]


_SOURCE = "https://osu.ppy.sh/wiki/en/Gameplay/Kiai_time"
UNSNAPPED = Rule(
    "kiai/unsnapped",
    "Kiai off the beat",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="The fountains, the flashing and, in taiko, the scoring start off the music.",
    how="The timing point that begins or ends kiai lies 2 ms or more off every tick of the beat.",
    advice="Snap the line that switches it.",
    ignore_when="the song pauses or changes its tempo freely there",
    blind_spots="Lines that are on a fine tick by chance.",
    source=_SOURCE,
)
MISPLACED = Rule(
    "kiai/misplaced",
    "Kiai begins or ends at an unusual place",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map", "model"),
    why="Kiai emphasises the start of the chorus; a beat too early or too late weakens it.",
    how="The position in the measure is compared with that of the map's other sections, and with the model's "
    "prediction whether kiai changes here or elsewhere.",
    advice="Listen: where does the chorus begin or end?",
    ignore_when="vocals lead into the chorus and kiai begins with them",
    blind_spots="Maps with a single section, unless the model is sure; sections that are wrong by whole measures; flashes and rests "
    "of a beat; what two other difficulties share.",
    source=_SOURCE,
    curves=CURVES,
    corruptions=("kiai",),
    proposal="The song and the objects around suggest that kiai begins or ends a beat earlier or later.",
    discriminator_logit=logit_of_border,
)
INTERRUPTED = Rule(
    "kiai/interrupted",
    "Short gap in kiai",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="A timing point without its kiai flag switches the effect off and on again in the middle of a section.",
    how="Kiai stops for a beat or less between two long sections, once in the map; a minor if two other difficulties have the same gap.",
    advice="Did a timing point lose its kiai?",
    ignore_when="the song has a rest there that the gap shows",
    blind_spots="Gaps longer than a beat.",
    source=_SOURCE,
)
STRAY = Rule(
    "kiai/stray-flash",
    "Stray flash of kiai",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="A single flash is usually a timing point that was copied with its kiai flag.",
    how="Kiai lasts for a beat or less, once in the map, while its other sections are long, and the line that ends it changes the "
    "velocity, the volume or the samples as well: one that only ends kiai was set for the flash.",
    advice="Did a timing point keep its kiai by accident?",
    ignore_when="the flash marks a single strong sound",
    blind_spots="Maps that flash more than once, which counts as style; flashes that two other difficulties have too.",
    source=_SOURCE,
)
NEVER_ENDS = Rule(
    "kiai/never-ends",
    "Kiai is never switched off",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="The effect continues after the last object, to the end of the song and on the results screen.",
    how="No timing point after the start of the section is without kiai. One section of the 2,936 is like that.",
    advice="Switch it off where the chorus ends.",
    ignore_when="the song ends with the last object",
    blind_spots="None.",
    source=_SOURCE,
)


class _Border(msgspec.Struct, frozen=True):
    """A start or end of kiai."""

    point: TimingPoint
    begins: bool
    section: int

    @property
    def word(self) -> str:
        return "begins" if self.begins else "ends"


def run(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    borders = _borders(beatmap)
    unsnapped = [
        border for border in borders if abs(snap(beatmap, border.point.time, KIAI_DIVISORS).error) >= UNSNAP_MS
    ]
    if len(unsnapped) >= MANY_UNSNAPPED:
        unsnapped_lines = [border.point.line for border in unsnapped]
        yield replace(
            _unsnapped(evidence, unsnapped[0]),
            words=f"Kiai begins or ends off the beat {len(unsnapped)} times, first here.",
            end_time=unsnapped[-1].point.time,
            numbers={"lines": unsnapped_lines},
        )
    else:
        yield from (_unsnapped(evidence, border) for border in unsnapped)
    off = {border.point.line for border in unsnapped}
    judged = [border for border in _of_long_parts(beatmap, borders) if border.point.line not in off]
    yield from _misplaced(evidence, judged)
    yield from _short(evidence)
    sections = beatmap.kiai_sections
    if sections and sections[-1][1] is None:
        start = sections[-1][0]
        yield candidate(
            NEVER_ENDS,
            time=start.time,
            line=start.line,
            certainty=Certainty.GUIDELINE,
            actual="no end",
            expected=(Expected("an end"),),
            message="Kiai begins here and is never switched off.",
        )


def _own(evidence: Evidence, borders: Sequence[_Border]) -> list[_Border]:
    """Borders that the difficulty does not share with several others of its set: what these agree on is meant."""
    there = Counter((round(one.point.time), one.begins) for other in evidence.others for one in _borders(other))
    return [one for one in borders if there[round(one.point.time), one.begins] < LEAST_SHARED]


def _of_long_parts(beatmap: Beatmap, borders: Sequence[_Border]) -> list[_Border]:
    """Borders between kiai and a part without it that are both longer than a flash: a rest of a beat, or a flash of one, is not
    misplaced by a beat."""
    changes = [-math.inf, *(border.point.time for border in borders), math.inf]
    return [
        border
        for border, before, after in zip(borders, changes, changes[2:], strict=False)
        if min(after - border.point.time, border.point.time - before)
        > FLASH_BEATS * beatmap.red_line_of(border.point.time).beat_length
    ]


def _borders(beatmap: Beatmap) -> list[_Border]:
    return [
        _Border(point, begins, number)
        for number, section in enumerate(beatmap.kiai_sections)
        for point, begins in zip(section, (True, False), strict=True)
        if point is not None
    ]


def _unsnapped(evidence: Evidence, border: _Border) -> Candidate:
    tick = snap(evidence.beatmap, border.point.time, KIAI_DIVISORS)
    error = tick.error
    return candidate(
        UNSNAPPED,
        time=border.point.time,
        line=border.point.line,
        certainty=Certainty.LIKELY if abs(error) >= CLEAR_UNSNAP_MS else Certainty.POSSIBLE,
        actual=f"{in_ms(abs(error))} {'late' if error > 0 else 'early'}",
        expected=(expected_tick(tick),),
        message=f"Kiai {border.word} {in_ms(abs(error))} off the closest tick of the beat.",
        error_ms=round(error, 2),
    )


def _misplaced(evidence: Evidence, borders: list[_Border]) -> Iterator[Candidate]:
    """Starts off the beat, and starts and ends that the model expects elsewhere."""
    beatmap = evidence.beatmap
    sections = beatmap.kiai_sections
    scores = {
        score.event.source.line: score
        for score in evidence.of_kind(EventKind.KIAI)
        if isinstance(score.event.source, TimingPoint)
    }
    starts = {
        border.section
        for border in borders
        if border.begins and _length(beatmap, sections[border.section]) > LONG_BEATS
    }
    on_downbeat = sum(_place(beatmap, sections[number][0].time) == "downbeat" for number in starts)
    for border in _own(evidence, borders):
        place = _place(beatmap, border.point.time)
        own = place == "downbeat"
        habit = (on_downbeat - own) / max(len(starts) - 1, 1)
        is_long_start = border.begins and border.section in starts
        odd = is_long_start and not own and len(starts) > 2 and habit >= ON_DOWNBEAT_SHARE
        event = scores.get(border.point.line)
        if event is not None and event.tolerant_surprisal < LEAST_BITS:
            event = None
        curve = _curve(border, place, is_long_start, odd)
        if event is None and curve in ("", "usual place"):
            continue
        others = (
            f"; {on_downbeat - own} of the {len(starts) - 1} other sections begin on a downbeat"
            if odd
            else "; the song and the map around suggest another place"
            if event
            else ""
        )
        yield candidate(
            MISPLACED,
            time=border.point.time,
            line=border.point.line,
            measure=-math.inf if event is None else event.tolerant_surprisal,
            curve=curve,
            event=event,
            actual=f"{border.word} on a {place}" if place != "off the beat" else f"{border.word} {place}",
            expected=(Expected("downbeat"),) if odd else (),
            message=f"Kiai {border.word} {'on a ' if place != 'off the beat' else ''}{place}{others}.",
            others_on_downbeat=on_downbeat - own,
            other_sections=len(starts) - 1,
        )


def _curve(border: _Border, place: str, is_long_start: bool, is_odd: bool) -> str:
    """Name of the curve for a border, by its place in the measure; `is_odd` if the other sections begin on downbeats."""
    if place == "downbeat" or not border.begins:
        return "usual place"
    if place == "off the beat" and is_long_start:
        return "off the beat"
    if is_odd:
        return "half a beat off the habit" if place == "half beat" else "off the habit"
    return ""


def _place(beatmap: Beatmap, time: float) -> str:
    """Position in the measure: downbeat, beat, half beat or off the beat."""
    red = beatmap.red_line_of(time)
    beats = beat_in_measure(red, time)
    for name, unit in (("downbeat", max(red.meter, 1)), ("beat", 1.0), ("half beat", 0.5)):
        if abs(beats / unit - round(beats / unit)) * unit * red.beat_length < UNSNAP_MS + 1:
            return name
    return "off the beat"


def _on(beatmap: Beatmap, time: float) -> str:
    place = _place(beatmap, time)
    return place if place == "off the beat" else f"on a {place}"


def _length(beatmap: Beatmap, section: tuple[TimingPoint, TimingPoint | None]) -> float:
    """Beats."""
    start, end = section
    return float("inf") if end is None else (end.time - start.time) / beatmap.red_line_of(start.time).beat_length


def _short(evidence: Evidence) -> Iterator[Candidate]:
    """Gaps and sections of a beat or less that occur once."""
    beatmap = evidence.beatmap
    sections = beatmap.kiai_sections
    lengths = [_length(beatmap, section) for section in sections]
    gaps = [_length(beatmap, (end, following)) for (_, end), (following, _) in pairwise(sections) if end is not None]
    short_gaps = [number for number, gap in enumerate(gaps) if gap <= FLASH_BEATS]
    if len(short_gaps) == 1 and min(lengths[short_gaps[0]], lengths[short_gaps[0] + 1]) >= LONG_BEATS:
        stop, following = sections[short_gaps[0]][1], sections[short_gaps[0] + 1][0]
        # A short rest before a new part of the song is intended, if that part begins a measure.
        if stop is not None and _place(beatmap, following.time) != "downbeat":
            is_own = _is_own(evidence, stop.time, following.time)
            yield candidate(
                INTERRUPTED,
                time=stop.time,
                end_time=following.time,
                line=stop.line,
                certainty=Certainty.GUIDELINE if is_own else Certainty.POSSIBLE,
                actual="kiai off",
                expected=(Expected("kiai on"),),
                message=f"Kiai stops for {_beats(gaps[short_gaps[0]])} between sections of {lengths[short_gaps[0]]:.3g} and "
                f"{lengths[short_gaps[0] + 1]:.3g} beats.",
            )
    flashes = [number for number, length in enumerate(lengths) if length <= FLASH_BEATS]
    if len(flashes) == 1 and any(length >= LONG_BEATS for length in lengths):
        start, end = sections[flashes[0]]
        if end is not None and (_only_kiai(start, end) or not _is_own(evidence, start.time, end.time)):
            return
        yield candidate(
            STRAY,
            time=start.time,
            end_time=end.time if end else None,
            line=start.line,
            certainty=Certainty.POSSIBLE,
            actual="kiai on",
            expected=(Expected("kiai off"),),
            message=f"Kiai is on for only {_beats(lengths[flashes[0]])}; the map has no other such flash.",
        )


def _beats(number: float) -> str:
    return f"{number:.2g} beat{'s' * (number != 1)}"


def _is_own(evidence: Evidence, *times: float) -> bool:
    """Whether fewer than several other difficulties switch kiai at all of these times [ms] too: what these agree on is meant, or
    was copied with all lines."""
    wanted = {round(time) for time in times}
    sharing = [other for other in evidence.others if wanted <= {round(one.point.time) for one in _borders(other)}]
    return len(sharing) < LEAST_SHARED


def _only_kiai(start: TimingPoint, end: TimingPoint) -> bool:
    """Whether the line that ends kiai is there for nothing else."""
    return not end.uninherited and all(
        getattr(start, name) == getattr(end, name) for name in ("velocity", "sample_set", "sample_index", "volume")
    )


# ---------------------------------------------------------------------------------------------------------------------
# Proposals of the discriminator


def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
    """Borders of kiai, with the doubt about the beat on either side; not those off every tick, which are reported."""
    for border in _own(evidence, _of_long_parts(evidence.beatmap, _borders(evidence.beatmap))):
        if abs(snap(evidence.beatmap, border.point.time, KIAI_DIVISORS).error) >= UNSNAP_MS:
            continue
        logit, is_late = _border_logit(corruption, border.point.time)
        yield candidate(
            MISPLACED,
            time=border.point.time,
            line=border.point.line,
            proposed=logit,
            actual=f"kiai {border.word}",
            message=partial(_suggested, evidence, border, is_late),
        )


def _suggested(evidence: Evidence, border: _Border, is_late: bool) -> str:
    """The message about a border that should be elsewhere, with the time that at least half of the other difficulties have."""
    own, others = border.point.time, evidence.others
    reach = FAR_BEATS * evidence.beatmap.red_line_of(own).beat_length
    times: Counter[int] = Counter()
    for other in others:
        there = [one.point.time for one in _borders(other) if one.begins is border.begins]
        closest = min(there, key=lambda time: abs(time - own), default=math.inf)
        times.update([round(closest)] if abs(closest - own) <= reach else [])
    time, count = max(times.items(), key=lambda one: one[1], default=(round(own), 0))
    of_set = ""
    if 2 * count >= len(others) and abs(time - own) > UNSNAP_MS:
        where = f"{count} of {len(others)} other difficulties" if len(others) > 1 else "the other difficulty"
        of_set = f"; in {where} it {border.word} at {clock(time)}"
    return (
        f"Kiai {border.word} {_on(evidence.beatmap, own)}; the song and the objects around suggest a little "
        f"{'earlier' if is_late else 'later'}{of_set}."
    )


CHECK = BeatmapCheck(Category.KIAI, "Kiai", (UNSNAPPED, MISPLACED, INTERRUPTED, STRAY, NEVER_ENDS), run, propose)
