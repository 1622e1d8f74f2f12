"""The context of a map on the grid of the discriminator."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.audio import spectrogram
from maimod.audio.decode import Audio
from maimod.audio.onsets import onset_envelope
from maimod.discriminator import features
from maimod.discriminator.context import context_features, other_difficulties
from maimod.discriminator.features import REACH
from tests.discriminator.test_features import circles, grid_of
from tests.maps import beatmap
from tests.songs import clicks


def test_similar_slots_are_far_away() -> None:
    random = np.random.default_rng(0)
    phrase = random.normal(size=16_000 * 16).astype(np.float32) * np.repeat(random.random(128), 2000).astype(np.float32)
    song = Audio(None, np.tile(phrase, 4), 16_000)
    loaded = circles(*range(0, 60_000, 500))
    grid = grid_of(loaded)
    around = context_features(loaded, grid, spectrogram.song_bands(song), onset_envelope(song), 0.0)
    places, weights = around.similar
    at = 100
    assert np.all(np.abs(places - np.arange(grid.count)[:, None])[weights > 0] >= REACH)
    assert np.abs(places[at][weights[at].argmax()] - at) % (16 * 8) == 0  # 16 s of 500 ms beats
    assert weights[at].max() == pytest.approx(2 * (1 - 0.3) ** 2, abs=0.05)  # a likeness of 1; 0.3 counts nothing
    read = features.map_features(loaded, around)
    assert read.context.shape == (grid.count, features.N_CONTEXT) and np.isfinite(read.context).all()


def test_versions_of_one_difficulty_are_not_other_difficulties() -> None:
    own, copy, other = (
        circles(*range(1000, 9000, 250)),
        circles(*range(1000, 9000, 250)),
        circles(*range(1000, 9000, 500), x=200),
    )
    assert other_difficulties(own, [copy, other, circles(1000, mode=1)]) == [other]


def test_siblings_are_read_at_the_same_time_not_in_the_same_slot() -> None:
    own, early = circles(3000, 4000, 5000), circles(1000, 3500, 4000, 5250)
    grid = grid_of(own)
    assert grid.first != grid_of(early).first
    siblings = context_features(own, grid, siblings=[early]).siblings
    starts = siblings[:, features.SUMMARY.index("starts_on")]
    assert [float(grid.times[slot]) for slot in np.flatnonzero(starts)] == [3500, 4000, 5250]
    assert (siblings[:, -1] == np.float32(1 / 5)).all()
    both = context_features(own, grid, siblings=[early, circles(3000, 3500)]).siblings
    halves = both[grid.locate([3000, 3500, 4000])[0], features.SUMMARY.index("starts_on")]
    assert halves.tolist() == [0.5, 1.0, 0.5]


def test_siblings_with_other_lines_count_where_their_slots_are_ours() -> None:
    own = circles(3000, 5000)
    off = beatmap(["256,192,3060,1,0", "256,192,4000,1,0"], ["60,500,4,2,0,70,1,0"])
    grid = grid_of(own)
    assert not context_features(own, grid, siblings=[off]).siblings[:, :-1].any()


def test_the_position_in_the_measure_is_that_of_the_slot() -> None:
    loaded = circles(1000, 9000)  # 500 ms a beat, 4 beats a measure, from 0 ms
    grid = grid_of(loaded)
    position = context_features(loaded, grid).position
    downbeat, beat, quarter = grid.locate([2000, 2500, 2125])[0]
    measure = slice(features.SLOTS_PER_BEAT + 4, features.SLOTS_PER_BEAT + 6)
    four = slice(features.SLOTS_PER_BEAT + 6, features.SLOTS_PER_BEAT + 8)
    assert position[downbeat, :8].tolist() == [1, 0, 0, 0, 1, 0, 0, 0]
    assert position[quarter, :8].tolist() == [0, 1, 0, 0, 1, 0, 0, 0]
    assert position[beat, :8].tolist() == [1, 0, 0, 0, 0, 1, 0, 0]
    assert position[[downbeat, beat], measure] == pytest.approx(np.array([[0, 1], [1, 0]]), abs=1e-6)
    assert position[downbeat, four] == pytest.approx([1, 0], abs=1e-6)  # the second of four measures


def test_the_song_is_read_at_its_lag() -> None:
    times = np.arange(1000.0, 9000.0, 500.0)
    song = Audio(None, clicks(times + 30.0, 10.0), 16_000)
    loaded = circles(*times.astype(int))
    grid = grid_of(loaded)
    context = context_features(loaded, grid, spectrogram.song_bands(song), onset_envelope(song), 30.0)
    onsets = context.song[:, features.N_BANDS]  # on the slot
    slots = grid.locate(times)[0]
    assert onsets[slots].min() > 0.6 and np.delete(onsets, slots).max() < 0.2
    assert context.song[slots, : features.N_BANDS].min(axis=1).min() > 0.2
    early = context_features(loaded, grid, spectrogram.song_bands(song), onset_envelope(song), -30.0)
    assert early.song[slots, features.N_BANDS].max() < 0.2


def test_a_song_that_grows_louder_is_louder_later_than_before() -> None:
    noise = np.random.default_rng(4).normal(size=16 * 16_000).astype(np.float32) / 8
    song = Audio(None, noise * np.repeat([0.05, 1.0], 8 * 16_000).astype(np.float32), 16_000)
    loaded = circles(*range(0, 16_000, 500))
    grid = grid_of(loaded)
    context = context_features(loaded, grid, spectrogram.song_bands(song), onset_envelope(song), 0.0)
    change = context.song[:, -1 - features.N_LOUD : -1]
    assert change[grid.locate([8000.0])[0][0]].min() > 0.8 and np.abs(change[grid.locate([4000.0])[0][0]]).max() < 0.3
