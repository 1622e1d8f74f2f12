"""The context of a map, for the discriminator: what the song, the timing and the other difficulties have in each slot, and
the slots far away at which the song sounds the same.

It is computed once for a map; training keeps it while it changes the objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import numpy as np

from maimod.audio.onsets import TYPICAL_LAG_MS, OnsetEnvelope
from maimod.audio.spectrogram import N_BANDS, Bands
from maimod.discriminator.features import (
    N_SIMILAR_SLOTS,
    N_SONG,
    OFFSETS,
    REACH,
    SLOT_TICKS,
    SLOTS_PER_BEAT,
    SUMMARY,
    ContextFeatures,
    Grid,
    grid_of,
    object_features,
    summary,
)
from maimod.osu.beatmap import Beatmap
from maimod.osu.timing import TICKS_PER_BEAT

MAX_LAGS = 1_024
"""Most distances at which similar slots are sought; a map of two hours has as many measures."""
SMOOTH_SLOTS = 8
"""Slots are similar if the song sounds the same this far to both sides."""
LEAST_LIKENESS = 0.3
"""Correlation at which similar slots begin to count."""
SLOT_ONSET_MS = 12.0
"""An onset up to this far from a place of a slot belongs to it; so does a slot of another difficulty."""
LOUDNESS_SLOTS = 16
"""Slots before and after a slot over which the loudness is compared."""
MAX_SIBLINGS = 30
"""Most other difficulties that are compared with a map; sets with more in one mode are collections."""
SAME_OBJECTS = 0.6
"""Share of objects at one time and place from which on two files are versions of one difficulty."""


def context_features(
    beatmap: Beatmap,
    grid: Grid,
    bands: Bands | None = None,
    envelope: OnsetEnvelope | None = None,
    lag_ms: float = TYPICAL_LAG_MS,
    siblings: Sequence[Beatmap] = (),
) -> ContextFeatures:
    """Compute the context of a map.

    Args:
        beatmap: the map.
        grid: its slots.
        bands: of the song; None without a song.
        envelope: onsets of the song; None without a song.
        lag_ms: from a time of the map to the onset that belongs to it.
        siblings: other difficulties of the same song and mode.
    """
    slot_ms = np.diff(grid.times, append=grid.times[-1] + 100.0)
    song = np.zeros((grid.count, N_SONG))
    if bands is not None and envelope is not None and len(bands.flux):
        song = _song_features(bands, envelope, grid.times + lag_ms, np.clip(slot_ms, 5.0, 2000.0))
    return ContextFeatures(
        grid,
        song.astype(np.float32),
        _position_features(beatmap, grid),
        _similar_slots(beatmap, song),
        _sibling_features(grid, siblings),
    )


def _means(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Means of the rows low to high, each (n,)."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    low, high = np.clip(low, 0, len(values) - 1), np.clip(high, 1, len(values))
    high = np.maximum(high, low + 1)
    return (sums[high] - sums[low]) / (high - low)[:, None]


def _song_features(bands: Bands, envelope: OnsetEnvelope, times: np.ndarray, slot_ms: np.ndarray) -> np.ndarray:
    """(n_slots, N_SONG) features of the song at song times [ms]; the last column is 1: there is a song."""
    frames = times / bands.frame_ms
    around = np.round(frames)[:, None].astype(np.int64) + np.arange(-2, 3)
    flux = bands.flux[np.clip(around, 0, len(bands.flux) - 1)].max(axis=1)
    flux[(frames < 0) | (frames > len(bands.flux))] = 0.0
    within = np.stack([envelope.at(times + offset / SLOT_TICKS * slot_ms, SLOT_ONSET_MS) for offset in OFFSETS], axis=1)
    at, width = frames.astype(np.int64), (slot_ms / bands.frame_ms).astype(np.int64)
    now = _means(bands.loudness, at, at + width)
    reach = LOUDNESS_SLOTS * width
    later, before = _means(bands.loudness, at, at + reach), _means(bands.loudness, at - reach, at)
    return np.concatenate(
        [flux, within, np.clip(now, -2, 2), np.clip(later - before, -2, 2), np.ones((len(times), 1))], axis=1
    )


def _position_features(beatmap: Beatmap, grid: Grid) -> np.ndarray:
    """(n_slots, N_POSITION): place in the beat, in the measure and in four measures; tempo; mode; settings and density of
    the map."""
    numbers = grid.first + np.arange(grid.count)
    ticks = numbers * SLOT_TICKS
    section = grid.beat_grid.section_of_ticks(ticks)
    beat = grid.beat_grid.measure_ticks(ticks)[0] // TICKS_PER_BEAT
    parts: list[np.ndarray] = [np.eye(SLOTS_PER_BEAT)[(numbers % SLOTS_PER_BEAT)], np.eye(4)[np.minimum(beat, 3)]]
    for measures in (1, 4):
        since, length = grid.beat_grid.measure_ticks(ticks, measures)
        angle = 2 * np.pi * since / length
        parts.append(np.stack([np.sin(angle), np.cos(angle)], axis=1))
    parts.append(
        np.stack([np.log2(grid.beat_grid.beat_lengths[section] / 400), np.arange(grid.count) / grid.count], axis=1)
    )
    parts.append(np.tile(np.eye(4)[int(beatmap.mode)], (grid.count, 1)))
    d = beatmap.difficulty
    n_starts = len({o.time for o in beatmap.hit_objects})
    seconds = max(beatmap.drain_ms, 1000.0) / 1000
    conditioning = [
        d.circle_size / 5 - 1,
        d.overall_difficulty / 5 - 1,
        d.approach_rate / 5 - 1,
        d.hp_drain_rate / 5 - 1,
        math.log2(max(d.slider_multiplier, 0.1)),
        n_starts / seconds / 4 - 1,
        4 * n_starts / grid.count - 1,
        sum(o.slider is not None for o in beatmap.hit_objects) / len(beatmap.hit_objects),
    ]
    parts.append(np.tile(np.clip(conditioning, -3, 3), (grid.count, 1)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _similar_slots(beatmap: Beatmap, song: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slots whole measures away, at least `REACH`, at which the song sounds the same; a weight of 0 where there is none."""
    count = len(song)
    slots, weights = (
        np.zeros((count, N_SIMILAR_SLOTS), dtype=np.int64),
        np.zeros((count, N_SIMILAR_SLOTS), dtype=np.float32),
    )
    measure = SLOTS_PER_BEAT * max(beatmap.red_line_at(beatmap.hit_objects[0].time).meter, 1)
    step = measure * max(math.ceil(count / measure / MAX_LAGS), 1)
    lags = [lag for lag in range(step, count, step) if lag >= REACH]
    if not song[:, -1].any() or not lags:
        return slots, weights
    features = song[:, : N_BANDS + len(OFFSETS)] - song[:, : N_BANDS + len(OFFSETS)].mean(axis=0)
    features = np.concatenate([features, song[:, N_BANDS + len(OFFSETS) : -1] / 2], axis=1).astype(np.float32)
    energy = _box((features**2).sum(axis=1))
    likeness = np.full((count, 2 * len(lags)), -1.0, dtype=np.float32)
    for place, lag in enumerate(lags):
        # Box sums of the products at a lag, over the norms: a local correlation.
        product = _box(np.einsum("nf,nf->n", features[lag:], features[:-lag]))
        product /= np.sqrt(energy[lag:] * energy[:-lag]) + 1e-3
        likeness[lag:, 2 * place], likeness[:-lag, 2 * place + 1] = product, product
    k = min(N_SIMILAR_SLOTS, likeness.shape[1])
    offsets, every = np.array([sign * lag for lag in lags for sign in (-1, 1)]), np.arange(count)
    for place in range(k):  # a few passes for the largest take a tenth of the time of a partition
        best = likeness.argmax(axis=1)
        slots[:, place] = np.clip(every + offsets[best], 0, count - 1)
        weights[:, place] = np.maximum(likeness[every, best] - LEAST_LIKENESS, 0.0) ** 2 * 2
        likeness[every, best] = -np.inf
    return slots, weights


def _box(values: np.ndarray) -> np.ndarray:
    """Sums over `SMOOTH_SLOTS` to both sides."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    at = np.arange(len(values))
    return np.asarray(
        sums[np.minimum(at + SMOOTH_SLOTS + 1, len(values))] - sums[np.maximum(at - SMOOTH_SLOTS, 0)], dtype=np.float32
    )


def other_difficulties(beatmap: Beatmap, maps: Sequence[Beatmap]) -> list[Beatmap]:
    """Other difficulties of the same song and mode among `maps`, without versions of this one."""
    own = {(round(o.time), round(o.x), round(o.y)) for o in beatmap.hit_objects}
    found = []
    of_song = (
        other
        for other in maps
        if other.mode is beatmap.mode and other.audio_filename == beatmap.audio_filename and other.hit_objects
    )
    for other in islice(of_song, MAX_SIBLINGS):
        shared = sum((round(o.time), round(o.x), round(o.y)) in own for o in other.hit_objects)
        if shared < SAME_OBJECTS * min(len(own), len(other.hit_objects)):
            found.append(other)
    return found


def _sibling_features(grid: Grid, siblings: Sequence[Beatmap]) -> np.ndarray:
    """(n_slots, N_SIBLINGS) mean of the other difficulties' summaries, and how many there are."""
    total = np.zeros((grid.count, len(SUMMARY)), dtype=np.float32)
    known = 0
    for sibling in siblings:
        own = grid_of(sibling)
        if own is None:
            continue
        categories, numbers, _ = object_features(sibling, own)
        shares = summary(categories, numbers)
        slots, _ = own.locate(grid.times)
        away = np.abs(own.times[slots] - grid.times)
        is_same = away < SLOT_ONSET_MS
        # Another difficulty may be timed by other lines: its slots need not be ours.
        total[is_same] += shares[slots[is_same]]
        known += 1
    if known:
        total /= known
    return np.concatenate([total, np.full((grid.count, 1), min(known, 5) / 5, dtype=np.float32)], axis=1)
