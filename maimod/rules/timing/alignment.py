"""Timing: red lines compared with the song, which :mod:`maimod.audio.onsets` measures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np

from maimod.audio.onsets import (
    MIN_SIGNIFICANCE,
    SECTION_GAIN,
    SECTION_SHIFT_MS,
    SECTION_SLOPE,
    SECTION_SLOPE_GAIN,
    SLOPES_MS_PER_S,
    TYPICAL_LAG_MS,
    WINDOW_MS,
    Alignment,
    OnsetEnvelope,
    alignment,
    drift,
    lag_error,
    local_alignment,
    share_alike,
)
from maimod.features.ordered import median
from maimod.findings import Category, Expected, Severity, Tier, in_ms
from maimod.osu.beatmap import UNSNAP_MS, Beatmap, ObjectKind
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence
from maimod.rules.rhythm_index import usual_lag
from maimod.rules.timing.red_lines import early_or_late, side, steps_of_beat, tempo

RUN_OFF_MS = 25.0
"""A tempo that puts the end of its section this far from the song, as seen from the start, is wrong. Ranked maps: at
most 15 ms over a whole map of the 56 measured; half of this is what players notice at the highest overall difficulty
(about 20 ms)."""
DRIFT_GAIN = 4.0
DRIFT_CERTAINTY = 4.0
"""Smallest gain of a drift, and smallest number of its own standard errors."""
MIN_SECTION_OBJECTS = 24
MIN_SECTION_MS = 8_000.0
"""Sections of a red line shorter than this are too short to measure their tempo."""
MIN_STRETCH_MS = 14_000.0
"""A stretch inside of a section must be this long. Of 194 finished maps four had a drift in a single window of 10 s, all of
3 ms a second, and none in a longer stretch: so short, other instruments look like a drift."""
LONE_WINDOW_GAIN = 5.5
"""A single shifted window needs this gain: sections of soft sounds reach 4 in ranked maps, in one window of 10 s each.
"""
SAME_ATTACK = 0.12
"""With more of the rest's onsets as far off as those of a section, the section has other sounds, not another timing. Sections
planted in 30 ranked maps, 20 and 40 ms off, have at most 0.05; a section of hard attacks in a song with soft ones 0.18."""
LEAST_SPREAD_MS = 4.5
"""Least usual distance of a window's lag from the map's, by other instruments; where other windows scatter more, a shift is worth less.
It makes 20 ms the smallest shift that is a warning: the two of 16 and 17 ms in 194 finished maps and 22 real corrections were none."""
SAME_SHIFT_MS = 12.0
"""Neighbouring windows whose shifts differ by less are one section."""
USUAL_DEVIATION_MS = 12.0
"""Nine in ten of 92 ranked maps have their lag this near to the typical one."""
OFFSET_CURVE = Curve(22.0, 5.0)
"""Ms, less two standard errors. 24 ms is 0.6, a warning: none of 124 ranked maps is as far off, and three are by 18 ms, 0.3."""
STEP_CURVE = Curve(1.0, 1.0)
"""Log-odds of a step that the song does not have against one that it has. Of 8 such lines in ranked maps with enough objects two
have more than 0.3, one of which the objects of 17 s confirm."""
LONGEST_STEP_MS = 40.0
STEP_REACH_MS = 30_000.0
"""Objects this far before and after a line are compared."""
MIN_STEP_OBJECTS = 16
ATTACK_SPREAD_MS = 4.0
"""Standard deviation of the lag from passage to passage, by other instruments."""
GAIN_CURVE = Curve(4.0, 1.0)
"""Standard errors, of a shift or a drift."""

OFFSET = Rule(
    "timing/offset",
    "Whole map early or late",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("audio",),
    why="Every hit is judged at the wrong time, so all hits feel too early or too late.",
    how="The song's onsets are compared with all objects. In well-timed maps they are measured about 29 ms after the "
    "objects, with little spread; this map is far outside, also by the least that its four parts allow.",
    advice="Check the offset with a metronome before you move anything.",
    ignore_when="the song starts its sounds softly throughout (strings, choirs), or the offset was checked with a "
    "metronome",
    blind_spots="Errors under 20 ms, which are within the spread of well-timed maps; songs whose parts give different offsets; errors "
    "of a whole note in an even rhythm.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
    curves={"": OFFSET_CURVE},
)
SECTION_SHIFTED = Rule(
    "timing/section-shifted",
    "Section early or late",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("audio",),
    why="A section that is off compared with the rest of the map plays like a sudden change of rhythm.",
    how="The lag between objects and onsets is measured in windows of 10 s and compared with that of the whole map. The objects of "
    "all difficulties with the same red lines are judged together, in one finding. A section is passed over if many onsets "
    "elsewhere lie as far off, because its sounds only have another attack, and counts less where the windows of the rest lie far apart as well.",
    advice="Check the beats of this section with a metronome; it may need a red line.",
    ignore_when="the section has other instruments, with softer sounds, than the rest of the song",
    blind_spots="Shifts under 15 ms, sections under about 8 s, and shifts by a whole note of an even rhythm.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
    curves={"": GAIN_CURVE},
)
BPM = Rule(
    "timing/bpm",
    "Tempo does not follow the song",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("audio",),
    why="Objects drift away from the music until they are a whole note off.",
    how="Within the section of a red line, or a stretch of 14 s and more, the lag between objects and onsets grows or shrinks steadily, "
    "by four standard errors and to more than 25 ms. The message gives two standard errors of the tempo.",
    advice="Check the BPM with a metronome at the end of the section.",
    ignore_when="the song itself speeds up or slows down over the section and the map follows it by ear",
    blind_spots="Sections of fewer than 24 objects, drifts of less than 14 s inside of a section, and tempos that are off by more than 2.5 %.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
    curves={"": GAIN_CURVE},
)
STEP_NOT_IN_SONG = Rule(
    "timing/step-not-in-song",
    "The song has no step where a red line has one",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("audio",),
    why="After a red line a few ms off the beat all objects are early or late, although the tempo goes on.",
    how="The line keeps the tempo but lies 2 to 40 ms off the beats of the red line before it. If the song has that step, its sounds lie as "
    "far from the objects after the line as before it; here they lie apart by about the step.",
    advice="If a metronome says so too, delete this line and move what follows.",
    ignore_when="the instruments change here from hard to soft attacks",
    blind_spots="Lines with fewer than 16 objects before or after them, and lines that change the tempo.",
    source="https://osu.ppy.sh/wiki/en/Ranking_criteria#timing",
    curves={"": STEP_CURVE},
)


def run(evidence: Evidence) -> Iterator[Candidate]:
    song = _song(evidence)
    if song is None:
        return
    yield from _offset(evidence, song)
    wrong_tempo = _drifting(evidence, song)
    for section in wrong_tempo:
        yield _bpm_candidate(evidence, song, section)
    # After a section of wrong tempo the rest is shifted too: that is the same mistake.
    shifted = [
        section
        for section in _shifted(song)
        if not any(other.start - 5_000 < section.end and section.start < other.end + 15_000 for other in wrong_tempo)
    ]
    yield from (_shift_candidate(evidence, song, section) for section in shifted)
    # A section that is shifted begins and ends with a step: that is the same mistake again.
    known = [section for section in shifted if section.gain >= SECTION_GAIN]
    yield from (
        step
        for step in _steps(evidence, song)
        if not any(section.start - WINDOW_MS <= step.time <= section.end + WINDOW_MS for section in known)
    )


class _Section(msgspec.Struct, frozen=True):
    """A section of the map that does not fit the song; times in ms of the map."""

    start: float
    end: float
    amount: float
    """Ms of lag against the map's, or ms per s of drift."""
    gain: float
    """Standard errors; of a shift no more than how often it is the usual distance of other windows."""
    uncertainty: float = 0.0
    """Standard error of a drift [ms per s]."""
    objects: int = 0
    """Objects that a drift is measured by."""
    windows: int = 1


class _Song(msgspec.Struct, frozen=True):
    """A song and the objects by which its timing is judged: those of all difficulties with the same red lines."""

    envelope: OnsetEnvelope
    times: np.ndarray
    """Start times in ms of the song, without spinners, which rarely start on a sound."""
    alignment: Alignment
    difficulties: tuple[str, ...]
    """Names of the difficulties."""

    @property
    def whose(self) -> str:
        """Part of a message: of which difficulties."""
        count = len(self.difficulties)
        return "" if count == 1 else f" of {'both' if count == 2 else f'all {count}'} difficulties with these red lines"


def _song(evidence: Evidence) -> _Song | None:
    """The song, in the report of the difficulty with the most objects of those that share their red lines; None in those of
    the others, and without audio."""
    own = evidence.beatmap
    if evidence.envelope is None or not own.hit_objects:
        return None
    lines = _lines_of(own)
    others = [one for one in evidence.others if one.hit_objects and _lines_of(one) == lines]
    reported = [own, *(one for one in others if not evidence.reported or one.path in evidence.reported)]
    if min(reported, key=lambda one: (-len(one.hit_objects), str(one.path))) is not own:
        return None
    times = np.array(
        sorted({o.time for one in (own, *others) for o in one.hit_objects if o.kind is not ObjectKind.SPINNER})
    )
    aligned = evidence.alignment if not others else None
    names = tuple(one.version for one in (own, *others))
    return _Song(evidence.envelope, times, aligned or alignment(evidence.envelope, times), names)


def _lines_of(beatmap: Beatmap) -> list[tuple[int, float]]:
    """Times and tempos of the red lines."""
    return [(round(line.time), round(line.beat_length, 3)) for line in beatmap.red_lines]


def _offset(evidence: Evidence, song: _Song) -> Iterator[Candidate]:
    found = song.alignment
    if found.significance < MIN_SIGNIFICANCE:
        return
    lag = usual_lag(found)
    early = lag - TYPICAL_LAG_MS
    if abs(early) < SECTION_SHIFT_MS:
        return
    error = 2 * lag_error(song.envelope, song.times, lag)
    if error >= abs(early):
        return
    first = evidence.beatmap.red_lines[0]
    yield candidate(
        OFFSET,
        time=first.time,
        line=first.line,
        measure=abs(early) - error,
        actual=early_or_late(early),
        expected=(Expected("0 ms"),),
        message=f"The whole map seems to be about {abs(early):.0f} ms {side(early)} compared with the song"
        f"{song.whose.replace(' of ', ', by the objects of ', 1)}. Its parts agree within {max(error, 1.0):.0f} ms; most finished maps "
        f"are within {USUAL_DEVIATION_MS:.0f} ms.",
        difficulties=list(song.difficulties),
        lag_ms=round(lag, 1),
        lag_error_ms=round(error, 1),
        typical_lag_ms=TYPICAL_LAG_MS,
        significance=round(found.significance, 1),
        objects_compared=found.n_times,
    )


def _steps(evidence: Evidence, song: _Song) -> Iterator[Candidate]:
    """Red lines with a step of the beat that the song does not have."""
    times, envelope = song.times, song.envelope
    ends = {line.time: after.time for line, after in pairwise(evidence.beatmap.red_lines)}
    for former, line, off in steps_of_beat(evidence.beatmap):
        if not UNSNAP_MS <= abs(off) < LONGEST_STEP_MS:
            continue
        at, end = line.time - UNSNAP_MS, ends.get(line.time, math.inf) - UNSNAP_MS
        before = times[(times >= max(former.time - UNSNAP_MS, at - STEP_REACH_MS)) & (times < at)]
        after = times[(times >= at) & (times < min(end, at + STEP_REACH_MS))]
        if min(len(before), len(after)) < MIN_STEP_OBJECTS:
            continue
        lags = [alignment(envelope, part) for part in (before, after)]
        if min(one.significance for one in lags) < MIN_SIGNIFICANCE:
            continue
        by = lags[1].lag_ms - lags[0].lag_ms
        errors = [lag_error(envelope, part, one.lag_ms) for part, one in zip((before, after), lags, strict=True)]
        variance = errors[0] ** 2 + errors[1] ** 2 + ATTACK_SPREAD_MS**2
        yield candidate(
            STEP_NOT_IN_SONG,
            time=line.time,
            line=line.line,
            measure=(by**2 - (by + off) ** 2) / (2 * variance),
            actual=early_or_late(-off),
            expected=(Expected("on the beat of the red line before"),),
            message=f"This red line keeps the tempo, but lies {abs(off):.0f} ms {'after' if off > 0 else 'before'} the beat of the one before; from it on the "
            f"sounds come {abs(by):.0f} ms {'later' if by > 0 else 'earlier'} than until then, as if the beat went on.",
            off_ms=round(off, 2),
            lag_change_ms=round(by, 1),
            former_line=former.line,
            objects_before=len(before),
            objects_after=len(after),
            difficulties=list(song.difficulties),
        )


def _shifted(song: _Song) -> list[_Section]:
    found = local_alignment(song.envelope, song.times)
    windows = [
        _Section(float(start), float(end), float(lag - found.map_lag_ms), float(gain))
        for start, end, lag, gain in zip(found.starts, found.ends, found.lags, found.gains, strict=True)
        if abs(lag - found.map_lag_ms) > SECTION_SHIFT_MS and gain > SECTION_GAIN
    ]
    merged: list[_Section] = []
    for window in windows:
        last = merged[-1] if merged else None
        if last and window.start <= last.end and abs(window.amount - last.amount) < SAME_SHIFT_MS:
            best = max(last, window, key=lambda section: section.gain)
            merged[-1] = _Section(last.start, window.end, best.amount, best.gain, windows=last.windows + 1)
        else:
            merged.append(window)
    inside = np.array([any(one.start <= start < one.end for one in merged) for start in found.starts], dtype=bool)
    rest = np.abs(found.lags - found.map_lag_ms)[~inside]
    spread = max(1.48 * median(rest), LEAST_SPREAD_MS) if len(rest) else LEAST_SPREAD_MS
    return [
        msgspec.structs.replace(section, gain=min(section.gain, abs(section.amount) / spread))
        for section in merged
        if (section.windows > 1 or section.gain > LONE_WINDOW_GAIN)
        and share_alike(song.envelope, _outside(song, section), found.map_lag_ms, section.amount) <= SAME_ATTACK
    ]


def _outside(song: _Song, section: _Section) -> np.ndarray:
    """The times outside of a section [ms]."""
    return song.times[(song.times < section.start) | (song.times > section.end)]


def _shift_candidate(evidence: Evidence, song: _Song, section: _Section) -> Candidate:
    line = evidence.beatmap.red_line_at(section.start)
    return candidate(
        SECTION_SHIFTED,
        time=section.start,
        end_time=section.end,
        line=line.line,
        measure=section.gain,
        actual=early_or_late(section.amount),
        expected=(Expected("as the rest of the map"),),
        message=f"For {_seconds(section)} the objects{song.whose} are about {abs(section.amount):.0f} ms {side(section.amount)}, "
        "compared with the rest of the map.",
        shift_ms=round(section.amount, 1),
        gain=round(section.gain, 1),
        red_line_ms=line.time,
        difficulties=list(song.difficulties),
    )


def _drifting(evidence: Evidence, song: _Song) -> list[_Section]:
    """Sections with a growing or shrinking lag: whole sections of a red line first, then stretches inside the others."""
    borders = [-np.inf, *(line.time for line in evidence.beatmap.red_lines[1:]), np.inf]
    whole = [_tempo_off(song, start, end, MIN_SECTION_MS) for start, end in pairwise(borders)]
    sections = [section for section in whole if section]
    for start, end in _drifting_stretches(song):
        stretch = _tempo_off(song, start, end, MIN_STRETCH_MS)
        if stretch and not any(known.start < end and start < known.end for known in sections):
            sections.append(stretch)
    return sorted(sections, key=lambda section: section.start)


def _tempo_off(song: _Song, start: float, end: float, shortest_ms: float) -> _Section | None:
    """The objects from `start` until `end` [ms] as a section, if their lag surely grows or shrinks."""
    first, last = np.searchsorted(song.times, [start - UNSNAP_MS, end - UNSNAP_MS])
    inside = song.times[first:last]
    if len(inside) < MIN_SECTION_OBJECTS or inside[-1] - inside[0] < shortest_ms:
        return None
    fit = drift(song.envelope, inside)
    run_off = abs(fit.slope) * (inside[-1] - inside[0]) / 1000
    if run_off <= RUN_OFF_MS or fit.gain <= DRIFT_GAIN or abs(fit.slope) <= DRIFT_CERTAINTY * fit.uncertainty:
        return None
    return _Section(float(inside[0]), float(inside[-1]), fit.slope, fit.gain, fit.uncertainty, len(inside))


def _drifting_stretches(song: _Song) -> list[tuple[float, float]]:
    """(start, end) ms of windows that seem to drift, neighbours that drift the same way joined."""
    found = local_alignment(song.envelope, song.times, slopes=SLOPES_MS_PER_S)
    stretches: list[tuple[float, float, bool]] = []
    for start, end, slope, gain in zip(found.starts, found.ends, found.slopes, found.gains, strict=True):
        if abs(slope) < SECTION_SLOPE or gain <= SECTION_SLOPE_GAIN:
            continue
        if stretches and start <= stretches[-1][1] and (slope > 0) == stretches[-1][2]:
            start = stretches.pop()[0]
        stretches.append((float(start), float(end) + UNSNAP_MS + 1, bool(slope > 0)))
    return [(start, end) for start, end, _ in stretches]


def _bpm_candidate(evidence: Evidence, song: _Song, section: _Section) -> Candidate:
    line = evidence.beatmap.red_line_at(section.start)
    bpm, fitting = 60_000 / line.beat_length, 60_000 / (line.beat_length * (1 + section.amount / 1000))
    error = max(2 * fitting * section.uncertainty / 1000, 0.01)
    run_off = abs(section.amount) * (section.end - section.start) / 1000
    grows = "fall behind the objects" if section.amount > 0 else "run ahead of the objects"
    return candidate(
        BPM,
        time=section.start,
        end_time=section.end,
        line=line.line,
        measure=section.gain,
        actual=tempo(line),
        expected=(Expected(f"about {fitting:.2f} BPM"),),
        message=f"Over {_seconds(section)}, by {section.objects} objects, the sounds {grows} by about {in_ms(abs(section.amount))} "
        f"each second, {run_off:.0f} ms in all: {bpm:.2f} BPM is set, {fitting:.2f} ± {error:.2f} BPM would fit.",
        drift_ms_per_s=round(section.amount, 2),
        bpm=round(bpm, 3),
        fitting_bpm=round(fitting, 3),
        fitting_bpm_error=round(error, 3),
        objects_compared=section.objects,
        gain=round(section.gain, 1),
        red_line_ms=line.time,
        difficulties=list(song.difficulties),
    )


def _seconds(section: _Section) -> str:
    return f"{(section.end - section.start) / 1000:.0f} s"


CHECK = BeatmapCheck(Category.TIMING, "Timing", (OFFSET, SECTION_SHIFTED, BPM, STEP_NOT_IN_SONG), run)
