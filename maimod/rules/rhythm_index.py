"""Rhythm index of a map: every start, repeat and end with its tick, the song's onset there and the model's
expectations.

Conventions: ms of the map; onset strengths as in :mod:`maimod.audio.onsets`, taken at the time plus the map's lag.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import msgspec
import numpy as np

from maimod.audio.onsets import (
    FAR_MS,
    LAGS_MS,
    MIN_SIGNIFICANCE,
    ONSET_WIDTH_MS,
    TYPICAL_LAG_MS,
    Alignment,
    OnsetEnvelope,
)
from maimod.events.schema import BEATS, EventKind, EventScore
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.names import object_name
from maimod.osu.timing import BeatGrid, Snap, is_near, snap

SAME_MS = 12.0
"""Times closer than this are equal: a tick of the model is 1/48 beat, 7 ms at 180 BPM."""

AS_HIGH = 0.85
"""A lag with at least this share of the strongest lag's onset strength may be the true one: in songs of even notes
every note fits.
"""


class Edge(msgspec.Struct, frozen=True):
    """A start, repeat or end of an object."""

    hit_object: HitObject
    number: int
    """0 is the start."""
    time: float
    snap: Snap

    def name(self, beatmap: Beatmap) -> str:
        """As in "This slider", "The end of this slider", in the words of the mode."""
        name = object_name(self.hit_object, beatmap)
        if self.number == 0:
            return f"This {name}"
        is_end = self.number == len(self.hit_object.edge_times()) - 1
        return f"{'The end' if is_end else 'A repeat'} of this {name}"


class Alternative(msgspec.Struct, frozen=True):
    """Another time that a model expected."""

    time: float
    probability: float
    """Probability of this time and those within `SAME_MS` of it."""


def usual_lag(found: Alignment) -> float:
    """Lag of a map [ms]: of lags that fit about equally well, the one nearest to that of well-timed maps."""
    curve = np.asarray(found.curve, dtype=float)
    padded = np.pad(curve, 1, constant_values=-np.inf)
    peaks = LAGS_MS[(curve >= padded[:-2]) & (curve >= padded[2:]) & (curve >= AS_HIGH * curve.max())]
    nearest = float(peaks[np.abs(peaks - TYPICAL_LAG_MS).argmin()])
    return found.lag_ms if abs(nearest - found.lag_ms) <= FAR_MS else nearest


def lag_of(found: Alignment | None) -> float:
    """Ms from a time of a map to its onset; the typical lag if the song gives none."""
    return usual_lag(found) if found and found.significance >= MIN_SIGNIFICANCE else TYPICAL_LAG_MS


def contains(times: Sequence[float], time: float) -> bool:
    """Whether one of the ascending `times` equals `time` within `SAME_MS`."""
    return is_near(times, time, SAME_MS)


def alternative(score: EventScore, time: float) -> Alternative | None:
    """The likeliest other time that the model expected, or None."""
    moments = [
        (float(event.value), probability)
        for event, probability in score.expected
        if event.kind is EventKind.TIME and abs(event.value - time) > SAME_MS
    ]
    if not moments:
        return None
    best = moments[0][0]
    return Alternative(best, sum(probability for value, probability in moments if abs(value - best) <= SAME_MS))


class RhythmIndex:
    """Rhythm index of one map."""

    def __init__(
        self,
        beatmap: Beatmap,
        objects_by_time: Sequence[HitObject],
        scores: Sequence[EventScore],
        envelope: OnsetEnvelope | None,
        lag: float,
    ) -> None:
        """Index a map.

        Args:
            beatmap: the map.
            objects_by_time: its hit objects sorted by time.
            scores: of every event of the map, in order; none without a model.
            envelope: onset strength of the song; None without one.
            lag: ms from a time of the map to its onset.
        """
        self.beatmap, self.scores, self.envelope, self.lag = beatmap, scores, envelope, lag
        self._objects = objects_by_time

    @cached_property
    def edges(self) -> list[Edge]:
        """Edges of all objects, sorted by time."""
        return [
            Edge(o, number, time, snap(self.beatmap, time))
            for o in self._objects
            for number, time in enumerate(o.edge_times())
        ]

    @cached_property
    def edge_times(self) -> list[float]:
        """Ascending."""
        return sorted({edge.time for edge in self.edges})

    @cached_property
    def start_times(self) -> list[float]:
        """Ascending; the notes of a chord count once."""
        return sorted({edge.time for edge in self.edges if edge.number == 0})

    @cached_property
    def groups(self) -> dict[int, list[list[EventScore]]]:
        """Scores of each object, by its index: one list for each group, that of the start first."""
        grouped: dict[int, dict[int, list[EventScore]]] = {}
        for score in self.scores:
            if isinstance(source := score.event.source, HitObject):
                grouped.setdefault(source.index, {}).setdefault(score.event.group, []).append(score)
        return {index: [groups[number] for number in sorted(groups)] for index, groups in grouped.items()}

    def start_score(self, hit_object: HitObject) -> EventScore | None:
        """Score of the time at which an object starts; None if there is none.

        A model with beats between the objects is surprised at the next beat if an object before it is missing; that
            score is then used for the next object.
        """
        groups = self.groups.get(hit_object.index)
        own = next((score for score in groups[0] if score.event.kind is EventKind.TIME), None) if groups else None
        if own is None:
            return None
        place = bisect_left(self.start_times, hit_object.time - SAME_MS)
        since = self.start_times[place - 1] if place else -math.inf
        between = self.beat_scores[
            bisect_left(self._beat_times, since + SAME_MS) : bisect_left(self._beat_times, hit_object.time + SAME_MS)
        ]
        early = [
            score
            for score in between
            if (other := alternative(score, score.event.time)) and other.time < score.event.time
        ]
        return max([own, *early], key=lambda score: score.tolerant_surprisal)

    @cached_property
    def beat_scores(self) -> list[EventScore]:
        """Times of beats between the objects in the model's sequence, ascending; empty if they are in another context
        (docs/compat.md §4.10)."""
        times: list[EventScore] = []
        beats: set[int] = set()
        has_begun = False
        for score in self.scores:
            has_begun = has_begun or isinstance(score.event.source, HitObject)
            if has_begun and score.event.kind in BEATS:
                beats.add(score.event.group)
            elif has_begun and score.event.kind is EventKind.TIME:
                times.append(score)
        return [score for score in times if score.event.group in beats]

    @cached_property
    def _beat_times(self) -> list[int]:
        return [score.event.time for score in self.beat_scores]

    def is_read_beat(self, time: float) -> bool:
        """Whether the model's sequence has a beat at this time, so that expecting the time does not mean expecting an
        object."""
        place = bisect_left(self._beat_times, time - SAME_MS)
        return place < len(self._beat_times) and self._beat_times[place] <= time + SAME_MS

    @cached_property
    def _rhythms(self) -> tuple[dict[float, tuple[int, ...]], Counter[tuple[int, ...]]]:
        """(position in the measure, gap before, gap after) of each start in ticks, and the count of each such
        rhythm."""
        grid, starts = BeatGrid(self.beatmap), self.start_times
        ticks = grid.ticks(np.array(starts))
        places, _ = grid.measure_ticks(ticks)
        gaps = np.diff(ticks).tolist()
        rhythms: dict[float, tuple[int, ...]] = {
            time: (place, before, after)
            for time, place, before, after in zip(starts[1:], places[1:].tolist(), gaps, gaps[1:], strict=False)
        }
        return rhythms, Counter(rhythms.values())

    def alike(self, time: float) -> int:
        """Number of other starts with the same position in the measure and the same gaps before and after."""
        rhythms, counts = self._rhythms
        return counts[rhythms[time]] - 1 if time in rhythms else 0

    @cached_property
    def _holds(self) -> Counter[tuple[int, int]]:
        return Counter(self._hold(o) for o in self.beatmap.hit_objects)

    def _hold(self, hit_object: HitObject) -> tuple[int, int]:
        """(position in the beat, duration) of an object, in 1/16 beats."""
        red = self.beatmap.red_line_of(hit_object.time)
        start, end = (16 * (time - red.time) / red.beat_length for time in (hit_object.time, hit_object.end_time))
        return round(start) % 16, round(end - start)

    def held_alike(self, hit_object: HitObject) -> int:
        """Number of other objects with the same position in the beat and the same duration."""
        return self._holds[self._hold(hit_object)] - 1

    def onset(self, time: float) -> float | None:
        """Strength of the song's onset at a time of the map; None without a song."""
        if self.envelope is None:
            return None
        if time in self._start_onsets:
            return self._start_onsets[time]
        return self._onsets_at(self.envelope, [time])[0]

    @cached_property
    def _start_onsets(self) -> dict[float, float]:
        """Strength at all starts: many together take as long as one."""
        envelope, times = self.envelope, self.start_times
        return dict(zip(times, self._onsets_at(envelope, times), strict=True)) if envelope else {}

    def _onsets_at(self, envelope: OnsetEnvelope, times: Sequence[float]) -> list[float]:
        strengths = envelope.at(np.array(times) + self.lag, ONSET_WIDTH_MS)
        return [round(strength, 2) for strength in strengths.tolist()]
