"""Additions and new combos compared with the starts around, some beats and measures away.

Hitsounds and new combos come again after a beat, a measure or a phrase, but which of these counts differs from map to map. A
ridge regression over the map itself, as in :mod:`maimod.features.habits.song`, weighs the starts at these distances beside the
song, the rests, the borders of sections, the other difficulties and the neighbours. A start that lacks what it leads to expect
has lost it; a new combo that the start beside it should have is at the wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from maimod.audio.onsets import OnsetEnvelope
from maimod.audio.spectrogram import Bands
from maimod.features.habits.song import (
    LEAST_STARTS,
    Fit,
    elsewhere,
    in_deviations,
    phases,
    song_at,
    starts_of,
    target_of,
)
from maimod.features.ordered import median
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import HITSOUND_LENIENCY_MS
from maimod.osu.timing import TICKS_PER_BEAT, BeatGrid

ADDITIONS = ("whistle", "finish", "clap")
FLAG = "new combo"
RIDGE = 10.0
"""Weight of the penalty, in starts; there are more inputs than of the song alone."""
SHORT_LAGS = (TICKS_PER_BEAT // 2, TICKS_PER_BEAT, 2 * TICKS_PER_BEAT)
LAGS_IN_MEASURES = (1, 2, 4, 8)
LONG_REST, SECTION_REST = 1.0, 4.0
"""Beats; a section begins after the second."""
PHRASES = (2, 4, 8)
"""Measures in a phrase, counted from the start of the section."""
NEAREST = 8
"""Starts before and after that the shares are of; each counts by its distance."""
IN_PHRASES = ((4, 1.0), (8, 1.0), (16, 0.5))
"""Measures, weight."""
PRIOR = 0.3
"""Weight of the share of the whole map."""
LEAST_PROBABILITY = 0.01
NOT_MOVED = -10.0

NAMES = (
    # By how much a start has less or more than is expected, for the addition with the most.
    "lost",  # in standard deviations of what is not explained
    "extra",
    "lost_beats",  # than the share of the starts 2, 4, 6, ... beats away
    "extra_beats",
    "lost_measures",  # than the share of the starts 1, 2, 3, ... measures away
    "extra_measures",
    "finish_lost",  # as `lost`, of the finish alone
    "addition_other",  # log-odds against what the start has, for the addition with the highest
    # More of a new combo than is expected.
    "combo_off",  # in standard deviations of what is not explained
    "combo_beats",
    "combo_measures",
    "combo_phrases",  # than the share of the starts `IN_PHRASES` measures away
    "combo_moved",  # by how much log-odds are higher with the new combo at the start beside
)
"""Names of the features."""


def features(
    beatmap: Beatmap,
    objects: Sequence[HitObject],
    bands: Bands | None,
    envelope: OnsetEnvelope | None,
    lag_ms: float,
    others: Sequence[Beatmap] = (),
) -> np.ndarray:
    """Measure every object.

    Args:
        beatmap, objects, bands, envelope, lag_ms, others: as for :func:`maimod.features.habits.song.features`.

    Returns:
        (n_objects, len(NAMES)); zeros in taiko, in short maps, and of what the mode or the map does not have.
    """
    if beatmap.mode is Mode.TAIKO or len(objects) < LEAST_STARTS:
        return np.zeros((len(objects), len(NAMES)))
    starts = _Starts(beatmap, objects)
    if len(starts.times) < LEAST_STARTS:
        return np.zeros((len(objects), len(NAMES)))
    known = starts.surroundings
    if bands is not None and envelope is not None and len(bands.flux):
        known = np.concatenate([known, song_at(starts.times + lag_ms, bands, envelope)], axis=1)
    values = {target: target_of(target, beatmap.mode, objects, starts.of) for target in (*ADDITIONS, FLAG)}
    habits = {}
    for target, own in values.items():
        if own is not None and np.ptp(own) > 0:
            beside = [one[:, None] for other, one in values.items() if other != target and one is not None]
            there = elsewhere(target, starts.times, others)
            habits[target] = _Habit(starts, own, np.concatenate([known, *beside, *there], axis=1))
    return np.stack(list(_columns(habits, len(starts.times))), axis=1)[starts.of]


def _columns(habits: dict[str, _Habit], count: int) -> Iterator[np.ndarray]:
    """The features of `count` starts, in order."""
    nothing = np.zeros(count)
    additions = [habits[target] for target in ADDITIONS if target in habits]
    for name in ("off", "beats", "measures"):
        # Those that the map has nowhere are as expected.
        more = np.stack([nothing, *(getattr(one, name) for one in additions)])
        yield (-more).max(axis=0)
        yield more.max(axis=0)
    yield -habits["finish"].off if "finish" in habits else nothing
    yield np.stack([one.other for one in additions]).max(axis=0) if additions else nothing
    for name in ("off", "beats", "measures", "phrases", "moved"):
        yield getattr(habits[FLAG], name) if FLAG in habits else nothing


class _Starts:
    """The times at which objects start."""

    def __init__(self, beatmap: Beatmap, objects: Sequence[HitObject]) -> None:
        self.times, self.of = starts_of(objects)
        """(n_starts,) ms, and (n_objects,) the start of each object."""
        grid = BeatGrid(beatmap)
        self.ticks = grid.ticks(self.times).astype(np.int64)
        in_measure, length = grid.measure_ticks(self.ticks)
        self.measure = int(median(np.maximum(length, 1)))
        """Ticks of most measures."""
        first = [objects[i] for i in np.searchsorted(self.of, np.arange(len(self.times))).tolist()]
        self.surroundings = np.concatenate(
            [
                phases(beatmap, self.times),
                self._sections(beatmap, first, in_measure == 0, np.maximum(length, 1)),
                self._kinds(first),
            ],
            axis=1,
        )
        """(n_starts, n) all but the song."""

    def _sections(
        self, beatmap: Beatmap, first: Sequence[HitObject], is_downbeat: np.ndarray, measure: np.ndarray
    ) -> np.ndarray:
        """Rests around, borders of kiai and of slider velocity, and starts of phrases."""
        beats = np.array([max(beatmap.red_line_of(o.time).beat_length, 1.0) for o in first])
        rests = (self.times[1:] - np.array([o.end_time for o in first])[:-1]) / beats[1:]
        rests = np.clip(rests, 0.0, SECTION_REST)
        before, after = np.append(SECTION_REST, rests), np.append(rests, SECTION_REST)
        points = [beatmap.timing_point_at(o.time + HITSOUND_LENIENCY_MS) for o in first]
        kiai = np.array([point.kiai for point in points], dtype=float)
        velocity = np.array([point.velocity for point in points])
        border, faster = np.diff(kiai, prepend=kiai[:1]), np.diff(velocity, prepend=velocity[:1])
        section = np.cumsum((border != 0) | (before >= SECTION_REST))
        begins = np.searchsorted(section, section)
        measures = np.round((self.ticks - self.ticks[begins]) / measure).astype(int)
        columns = [before, after, before >= LONG_REST, after >= LONG_REST, kiai, border > 0, border < 0]
        columns += [faster > 0, faster < 0, np.append(border[1:], 0.0) > 0]
        columns += [is_downbeat & (measures % phrase == 0) for phrase in PHRASES]
        return np.stack(columns, axis=1).astype(float)

    def _kinds(self, first: Sequence[HitObject]) -> np.ndarray:
        """Whether the start, and the one before, is a slider or a spinner."""
        own = np.array([(o.slider is not None, o.kind is ObjectKind.SPINNER) for o in first], dtype=float)
        return np.concatenate([own, np.pad(own[:-1], ((1, 0), (0, 0)))], axis=1)

    def at(self, lag: int) -> tuple[np.ndarray, np.ndarray]:
        """(n_starts,) the start so many ticks later, and whether there is one."""
        there = np.minimum(np.searchsorted(self.ticks, self.ticks + lag), len(self.ticks) - 1)
        return there, self.ticks[there] == self.ticks + lag

    def share(self, values: np.ndarray, lags: Sequence[tuple[int, float]]) -> np.ndarray:
        """(n_starts,) weighted share of the starts at (ticks, weight) before and after that have it."""
        seen, total = np.full((2, len(values)), PRIOR)
        seen *= values.mean()
        for lag, weight in lags:
            for there, has in (self.at(-lag), self.at(lag)):
                seen += weight * has * values[there]
                total += weight * has
        return np.asarray(seen / total)


class _Habit:
    """What is expected of one addition, or of new combos; arrays (n_starts,)."""

    def __init__(self, starts: _Starts, values: np.ndarray, known: np.ndarray) -> None:
        """
        Args:
            starts: of the map.
            values: (n_starts,) 1 where a start has it, else 0.
            known: (n_starts, n) everything else.
        """
        around = np.stack(list(_around(starts, values - values.mean())), axis=1)
        expected = Fit(np.concatenate([known, around], axis=1), RIDGE).without_itself(values)
        self.off = in_deviations(values - expected)
        likely = np.clip(expected, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        odds = np.log(likely / (1 - likely))
        self.other = odds * (1 - 2 * values)
        self.moved = _moved(odds, values)
        beats, measures = 2 * TICKS_PER_BEAT, starts.measure
        self.beats = values - starts.share(values, [(beats * i, 1 / i) for i in range(1, NEAREST + 1)])
        self.measures = values - starts.share(values, [(measures * i, 1 / i) for i in range(1, NEAREST + 1)])
        self.phrases = values - starts.share(values, [(measures * i, weight) for i, weight in IN_PHRASES])


def _around(starts: _Starts, centred: np.ndarray) -> Iterator[np.ndarray]:
    """(n_starts,) each: what the starts at every distance and the neighbours have, less the mean of the map."""
    for lag in (*SHORT_LAGS, *(starts.measure * count for count in LAGS_IN_MEASURES)):
        sides = []
        for there, has in (starts.at(-lag), starts.at(lag)):
            sides.append(np.where(has, centred[there], 0.0))
            yield from (has.astype(float), sides[-1])
        yield sides[0] * sides[1]
    padded = np.pad(centred, 2)
    for by in (-2, -1, 1, 2):
        yield padded[2 + by : len(centred) + 2 + by]


def _moved(odds: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n_starts,) what the log-odds of both gain if a start and the one before or after change places; `NOT_MOVED` between alike
    ones."""
    gains = np.where(np.diff(values) != 0, np.diff(odds) * (values[:-1] - values[1:]), NOT_MOVED)
    return np.maximum(np.append(NOT_MOVED, gains), np.append(gains, NOT_MOVED))
