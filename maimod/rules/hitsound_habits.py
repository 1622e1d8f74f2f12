"""What is heard when: a beatmap's hits with the additions, sample sets and volume that the game plays, and the map's habits of them.

Conventions: times in ms, volume in percent. A hit is a circle, the head, each repeat and the tail of a slider, the end of a spinner
or the head of a hold note.
Source: osu!lazer, `LegacyBeatmapDecoder.handleTimingPoint`, `ConvertHitObjectParser.readCustomSampleBanks` and
`HitObject.ApplyDefaults` (behaviour only).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from maimod.beatgrid import TICKS_PER_BEAT, BeatGrid
from maimod.beatmap import Beatmap, HitObject, HitSample, Mode, ObjectKind, TimingPoint
from maimod.events import ADDITIONS, HITSOUND_LENIENCY_MS, SAMPLE_SETS

WHISTLE, FINISH, CLAP = 2, 4, 8
KAT, BIG = WHISTLE | CLAP, FINISH
"""Taiko: a whistle or clap makes a blue note (kat), a finish a big one."""
DEFAULT_SET = 1  # lazer: a timing point without a sample set plays the normal one


@dataclass(frozen=True, slots=True)
class Hit:
    """One hit and what is heard of it."""

    hit_object: HitObject
    edge: int
    """0 for heads and everything that is no slider, then the repeats, `slides` for the tail."""
    time: float
    """Ms."""
    additions: int
    """Bits: 2 whistle, 4 finish, 8 clap."""
    normal_set: int
    """1 normal, 2 soft, 3 drum: of the sound that is always there."""
    addition_set: int
    """The same of the additions."""
    index: int
    """Of the custom samples; 0 and 1 are the skin's and the mapset's first."""
    volume: int
    """Percent."""
    keysound: bool
    """Whether a sample file of its own is played instead."""
    point: TimingPoint
    """The line that says what the object leaves open."""

    @property
    def is_active(self) -> bool:
        """Whether the player presses a key here: anything but repeats and tails."""
        return self.edge == 0

    @property
    def place(self) -> str:
        """What is hit, in words: "circle", "slider head", "slider tail", "repeat 2"."""
        if self.hit_object.slider is None:
            return "spinner end" if self.hit_object.kind is ObjectKind.SPINNER else self.hit_object.kind.value
        if self.edge == 0:
            return "slider head"
        if self.edge == self.hit_object.slider.slides:
            return "slider tail"
        return "slider repeat" if self.hit_object.slider.slides == 2 else f"repeat {self.edge} of the slider"


def hits(beatmap: Beatmap) -> list[Hit]:
    """List the hits of a beatmap in order of time."""
    found = []
    for hit_object in beatmap.hit_objects:
        slider = hit_object.slider
        if slider is None:
            time = hit_object.end_time if hit_object.kind is ObjectKind.SPINNER else hit_object.time
            found.append(_hit(beatmap, hit_object, 0, time, hit_object.hitsound, hit_object.sample))
            continue
        for edge, time in enumerate(hit_object.edge_times()):
            # Edges that the file does not list sound as the slider itself does.
            additions = slider.edge_sounds[edge] if edge < len(slider.edge_sounds) else hit_object.hitsound
            sample = hit_object.sample
            if edge < len(slider.edge_sets):
                sample = replace(sample, normal_set=slider.edge_sets[edge][0], addition_set=slider.edge_sets[edge][1])
            found.append(_hit(beatmap, hit_object, edge, time, additions, sample))
    found.sort(key=lambda hit: (hit.time, hit.hit_object.index))
    return found


def _hit(beatmap: Beatmap, hit_object: HitObject, edge: int, time: float, additions: int, sample: HitSample) -> Hit:
    point = beatmap.timing_point_at(time + HITSOUND_LENIENCY_MS)
    normal_set = sample.normal_set or point.sample_set
    normal_set = normal_set if normal_set in (1, 2, 3) else DEFAULT_SET
    addition_set = sample.addition_set if sample.addition_set in (1, 2, 3) else normal_set
    return Hit(hit_object, edge, time, additions & 14, normal_set, addition_set, sample.index or point.sample_index,
               min(max(sample.volume or point.volume, 0), 100), bool(sample.filename), point)


def addition_names(additions: int) -> str:
    """Name addition bits: "whistle", "finish + clap", "no addition"."""
    return " + ".join(name for bit, name in enumerate(ADDITIONS, start=1) if additions >> bit & 1) or "no addition"


def set_name(sample_set: int) -> str:
    """Name a sample set from 1 to 3."""
    return SAMPLE_SETS[sample_set - 1]


# ---------------------------------------------------------------------------------------------------------------------
# Alike places


REACH_BEATS = 4
"""Two places are alike if what is heard up to a measure before and after them is."""
CELL_TICKS = 4
"""Hits are compared on a grid of 1/12 beat."""
NEAREST = 24
"""Places tried before and as many after each hit: at one a measure, a verse and a chorus."""
LEAST_SHARED = 4
LEAST_ALIKE = 0.8
LEAST_COVERED = 0.5
"""Alike: at least `LEAST_SHARED` times have a hit around both places, `LEAST_COVERED` of all around either, and at `LEAST_ALIKE` of
the shared times both sound the same."""


@dataclass(frozen=True)
class Habits:
    """Which hits of a map stand at alike places: same position in the measure, same sounds around, another time."""

    hits: tuple[Hit, ...]
    pairs: tuple[np.ndarray, np.ndarray]
    """(n_pairs,) each: index of a hit, index of a hit at a place like its."""
    words: np.ndarray
    """(n_hits,) what is heard at the moment of each hit, as a number."""

    def votes(self, values: np.ndarray) -> np.ndarray:
        """Count how the alike places vote on a property.

        Args:
            values: (n_hits,) non-negative property of each hit.

        Returns:
            (n_hits, highest value + 1) number of alike places with each value; all 0 where they lie on one side of the hit only:
            at the edge of a section other rules begin.
        """
        ours, theirs = self.pairs
        n = len(self.hits)
        counts = np.zeros((n, int(values.max(initial=0)) + 1))
        np.add.at(counts, (ours, values[theirs]), 1)
        before = np.bincount(ours[theirs < ours], minlength=n)
        after = np.bincount(ours[theirs > ours], minlength=n)
        counts[np.minimum(before, after) < LEAST_AROUND] = 0
        return counts


LEAST_AROUND = 2
"""Alike places on either side of a hit for them to speak of a habit around it."""


def habits(beatmap: Beatmap, found: Sequence[Hit]) -> Habits:
    """Compare every hit with those at the same position of the measures around it.

    Args:
        beatmap: the map.
        found: its hits by time, or some of them.
    """
    grid = BeatGrid(beatmap)
    ticks, positions = grid.ticks(np.array([hit.time for hit in found])), measure_ticks(beatmap, [hit.time for hit in found])
    cells = (ticks - ticks.min(initial=0)) // CELL_TICKS
    words = _words(beatmap, found, cells)
    reach = REACH_BEATS * TICKS_PER_BEAT // CELL_TICKS
    timeline = np.full(int(cells.max(initial=0)) + 2 * reach + 1, -1, dtype=np.int16)
    timeline[cells + reach] = words
    around = np.lib.stride_tricks.sliding_window_view(timeline, 2 * reach + 1)[cells].copy()  # (n_hits, cells around)
    around[:, reach] = -1
    filled = (around >= 0).sum(axis=1)
    ours, theirs = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for position in np.unique(positions):
        same = np.flatnonzero(positions == position)
        for lag in range(1, min(NEAREST, len(same) - 1) + 1):
            first, second = same[:-lag], same[lag:]
            shared = (around[first] >= 0) & (around[second] >= 0)
            n_shared = shared.sum(axis=1)
            n_equal = (shared & (around[first] == around[second])).sum(axis=1)
            alike = (n_shared >= LEAST_SHARED) & (n_equal >= LEAST_ALIKE * n_shared) & (cells[first] != cells[second])
            alike &= n_shared >= LEAST_COVERED * np.maximum(filled[first], filled[second])
            ours += [first[alike], second[alike]]
            theirs += [second[alike], first[alike]]
    return Habits(tuple(found), (np.concatenate(ours), np.concatenate(theirs)), words)


def measure_ticks(beatmap: Beatmap, times: Sequence[float]) -> np.ndarray:
    """Ticks of `times` [ms] since the start of their measure: (n_times,) integers."""
    grid = BeatGrid(beatmap)
    section = np.maximum(np.searchsorted(grid.offsets, np.asarray(times, dtype=float) + 2.0, side="right") - 1, 0)
    lengths = np.maximum(grid.meters[section], 1) * TICKS_PER_BEAT
    return ((grid.ticks(np.asarray(times, dtype=float)) - grid.first_ticks[section]) % lengths).astype(np.int64)


def _words(beatmap: Beatmap, found: Sequence[Hit], cells: np.ndarray) -> np.ndarray:
    """Number what is heard; in taiko colour and size, in mania the additions of the whole chord."""
    if beatmap.mode is Mode.TAIKO:
        return np.array([bool(hit.additions & KAT) + 2 * bool(hit.additions & BIG) for hit in found], dtype=np.int16)
    additions: dict[int, int] = {}
    for cell, hit in zip(cells.tolist(), found, strict=True):
        additions[cell] = additions.get(cell, 0) | hit.additions
    return np.array([additions[cell] + 16 * hit.normal_set + 64 * (hit.addition_set if additions[cell] else 0)
                     for cell, hit in zip(cells.tolist(), found, strict=True)], dtype=np.int16)
