"""Measures that begin on another beat than the new combos and finishes of the map, or have another number of beats."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import msgspec
import numpy as np

from maimod.findings import Category, Expected, Severity, Tier, clock
from maimod.osu.beatmap import PLAYFIELD_MODES, UNSNAP_MS, Beatmap, TimingPoint
from maimod.osu.combos import chosen_combos
from maimod.osu.hitsounds import FINISH, hits
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

METERS = (3, 4)
"""Beats of a measure that are tried beside those of the line: nearly all songs have one of them."""
LEAST_MARKS = 12
LEAST_SHARE, LEAST_LEAD = 0.5, 0.3
"""Share of the marks under a red line that are on one other beat, and by how much it is larger than the share of those on the downbeat. Of 1,046 ranked
difficulties with 2,000 such lines 2 have one with both, of which the other difficulties contradict 1; of 1,500 unranked ones 15."""
CLEAR_LEAD = 0.5
"""From this on it is no style: a warning."""
USUAL_SHARE = 0.4
"""Marks of another kind, or of another difficulty, of which so many are on the downbeat contradict."""

MISPLACED = Rule(
    "timing/downbeat",
    "Measures that do not begin where new combos or finishes are",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="The measures of a red line set the long ticks of the timeline, the bar lines of taiko and mania and the beat of Nightcore. Where they begin on another beat than "
    "the song, all of these are off, and so is what is placed by them.",
    how="New combos, and apart from them finishes, mark where a mapper hears measures begin. Under a red line with at least twelve of them most are on one other beat of the measure, "
    "or on one beat of measures with three or four beats in place of those of the line.",
    advice="Count with the metronome: is beat 1 where a measure of the song begins?",
    ignore_when="the combos follow an off-beat of the song on purpose",
    blind_spots="Measures that are off by half where combos change twice a measure; meters other than 3 and 4; maps with few new combos and finishes.",
    source="https://osu.ppy.sh/wiki/en/Music_theory/Time_signature",
)


class _Fit(msgspec.Struct, frozen=True):
    """Measures on whose first beat many marks are."""

    share: float
    """Of the marks."""
    meter: int
    """Beats of a measure."""
    beat: int
    """Beats from the red line to a measure, below `meter`."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    """Red lines whose measures are marked on another beat, or are of another length."""
    beatmap = evidence.beatmap
    kinds = {"new combos": _combos(beatmap), "finishes": _finishes(beatmap)}
    ends = [*(line.time for line in beatmap.red_lines[1:]), math.inf]
    for red, end in zip(beatmap.red_lines, ends, strict=True):
        for kind, times in kinds.items():
            beats = _beats(times, red, end)
            other = _other_measures(beats, red.meter)
            if other is None:
                continue
            compared = [*(more for name, more in kinds.items() if name != kind), *_of_others(evidence, red)]
            if not any(_is_usual(_beats(more, red, end), red.meter) for more in compared):
                yield _candidate(red, kind, beats, other)
                break


def _combos(beatmap: Beatmap) -> np.ndarray:
    """(n,) times [ms] of new combos, ascending."""
    if beatmap.mode not in PLAYFIELD_MODES:
        return np.zeros(0)
    return np.array(sorted(o.time for o in chosen_combos(beatmap)))


def _finishes(beatmap: Beatmap) -> np.ndarray:
    """(n,) times [ms] at which finishes are played, in taiko big notes, ascending."""
    return np.array(sorted({hit.time for hit in hits(beatmap) if hit.additions & FINISH}))


def _of_others(evidence: Evidence, red: TimingPoint) -> Iterator[np.ndarray]:
    """The marks of the other difficulties that have the same red line."""
    for other in evidence.others:
        if any(abs(line.time - red.time) < UNSNAP_MS and line.meter == red.meter for line in other.red_lines):
            yield from (_combos(other), _finishes(other))


def _beats(times: np.ndarray, red: TimingPoint, end: float) -> np.ndarray:
    """(n,) beats of a red line from it to the marks under it; -1 for those that are on none."""
    own = times[slice(*np.searchsorted(times, [red.time - UNSNAP_MS, end - UNSNAP_MS]))]
    beats = np.rint((own - red.time) / red.beat_length).astype(int)
    return np.where(np.abs(own - red.time - beats * red.beat_length) < 2 * UNSNAP_MS, beats, -1)


def _fits(beats: np.ndarray, meter: int) -> dict[int, float]:
    """Share of the marks on each beat of measures of so many beats that has any."""
    return {beat: count / len(beats) for beat, count in Counter((beats[beats >= 0] % meter).tolist()).items()}


def _is_usual(beats: np.ndarray, meter: int) -> bool:
    """Whether marks are mostly on the downbeats of the line."""
    return len(beats) >= LEAST_MARKS and _fits(beats, meter).get(0, 0.0) >= USUAL_SHARE


def _other_measures(beats: np.ndarray, meter: int) -> _Fit | None:
    """The other measures that the marks fit clearly better than those of the line; None if there are none."""
    if len(beats) < LEAST_MARKS:
        return None
    of_line = _fits(beats, meter)
    on_downbeat = of_line.pop(0, 0.0)
    fits = [_Fit(share, meter, beat) for beat, share in of_line.items()]
    # Every downbeat of the line is on a measure half as long: that would fit whatever the marks say.
    for other in (one for one in METERS if meter % one):
        fits += [_Fit(share, other, beat) for beat, share in _fits(beats, other).items()]
    best = max(fits, key=lambda fit: fit.share, default=None)
    if best is None or best.share < LEAST_SHARE or best.share - on_downbeat < LEAST_LEAD:
        return None
    return best


def _candidate(red: TimingPoint, kind: str, beats: np.ndarray, other: _Fit) -> Candidate:
    there, own = (round(share * len(beats)) for share in (other.share, _fits(beats, red.meter).get(0, 0.0)))
    if other.meter == red.meter:
        place = f"on beat {other.beat + 1} of its measures, {own or 'none'} on beat 1"
        expected = f"measures that begin on beat {other.beat + 1}"
    else:
        start = f" from beat {other.beat + 1} on" if other.beat else ""
        place = f"on the first beats of measures of {other.meter} beats{start}, {own or 'none'} on those of its own {red.meter}"
        expected = f"{other.meter}/4"
    return candidate(
        MISPLACED,
        time=red.time,
        line=red.line,
        certainty=Certainty.GUIDELINE if other.share - own / len(beats) >= CLEAR_LEAD else Certainty.POSSIBLE,
        actual=f"{red.meter}/4 from {clock(red.time)}",
        expected=(Expected(expected),),
        message=f"Under this red line {there} of {len(beats)} {kind} are {place}.",
        marks=len(beats),
        on_other_beat=there,
        on_downbeat=own,
    )


CHECK = BeatmapCheck(Category.TIMING, "Downbeats", (MISPLACED,), run)
