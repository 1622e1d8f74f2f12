"""Spectrograms against the formula written out."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.audio import spectrogram
from maimod.audio.decode import Audio
from tests.songs import CLICKS_MS, clicks, song_and_times


def test_log_mel_equals_the_formula_for_one_frame() -> None:
    random = np.random.default_rng(1)
    samples = random.uniform(-1, 1, 8_000).astype(np.float32)
    mel = spectrogram.log_mel(samples)
    assert mel.shape == (51, 64)
    assert mel.dtype == np.float32

    n = np.arange(1024)
    piece = samples[20 * 160 - 512 : 20 * 160 + 512] * (0.5 - 0.5 * np.cos(2 * np.pi * n / 1024))
    bins = np.arange(513)
    power = np.abs(np.exp(-2j * np.pi * np.outer(bins, n) / 1024) @ piece) ** 2
    low, high = (2595 * np.log10(1 + f / 700) for f in (30.0, 8000.0))
    for band in (0, 5, 31, 63):
        mels = low + (high - low) * np.arange(band, band + 3) / 65
        left, centre, right = 700 * (10 ** (mels / 2595) - 1)
        f = bins * 16_000 / 1024
        weight = np.interp(f, [left, centre, right], [0.0, 1.0, 0.0])
        assert mel[20, band] == pytest.approx(np.log(1 + weight @ power), abs=1e-3)


def test_log_mel_does_not_depend_on_the_block() -> None:
    samples = clicks(CLICKS_MS, 25.0)  # more frames than one block
    whole = spectrogram.log_mel(samples)
    assert len(whole) > spectrogram.FRAME_BLOCK
    tail = spectrogram.log_mel(samples[160 * 1000 :])
    np.testing.assert_allclose(whole[1010:], tail[10:], atol=1e-5)


@pytest.mark.parametrize("n_samples", [0, 1, 159, 160])
def test_log_mel_of_almost_nothing(n_samples: int) -> None:
    mel = spectrogram.log_mel(np.zeros(n_samples, dtype=np.float32))
    assert mel.shape == (n_samples // 160 + 1, 64)
    assert not mel.any()


def test_a_step_in_ms_is_the_same_time_at_every_sample_rate() -> None:
    samples = clicks(CLICKS_MS, 4.0)
    for frame_ms, n_frames in ((10.0, 401), (20.0, 201), (8.0, 501)):
        assert len(spectrogram.log_mel(samples, frame_ms=frame_ms)) == n_frames
    fast = clicks(CLICKS_MS, 4.0, 32_000)
    assert len(spectrogram.log_mel(fast, sample_rate=32_000)) == 401
    loudest = spectrogram.log_mel(fast, sample_rate=32_000).sum(axis=1).argmax() * 10.0
    assert np.abs(CLICKS_MS - loudest).min() < 50


def test_levels_do_not_depend_on_the_volume_of_the_song() -> None:
    samples = clicks(CLICKS_MS, 4.0)
    loud = spectrogram.mel_levels(Audio(None, samples, 16_000), 5.0, 24)
    quiet = spectrogram.mel_levels(Audio(None, samples / 8, 16_000), 5.0, 24)
    assert loud.frame_ms == 5.0 and loud.values.shape == (801, 24)
    np.testing.assert_allclose(loud.values, quiet.values, rtol=1e-4, atol=1e-5)


def test_bands_rise_at_clicks_and_are_told_apart_by_pitch() -> None:
    song, times = song_and_times(20.0)
    bands = spectrogram.song_bands(song)
    frames = np.round(times / bands.frame_ms).astype(int)
    near = np.max([bands.flux[frames + k] for k in range(-2, 3)], axis=0)
    between = np.max([bands.flux[frames - 8 + k] for k in range(-2, 3)], axis=0)
    assert (near.min(axis=1) > 0.3).all() and between.max() < 0.3
    seconds = np.arange(5 * 16_000) / 16_000
    low_then_high = np.where(seconds < 2.5, np.sin(2 * np.pi * 100 * seconds), np.sin(2 * np.pi * 5000 * seconds))
    tone = spectrogram.song_bands(Audio(None, low_then_high.astype(np.float32) / 2, 16_000))
    half = round(2500 / tone.frame_ms)
    assert tone.loudness[10 : half - 10].mean(axis=0).argmax() == 0
    assert tone.loudness[half + 10 : -10].mean(axis=0).argmax() == 2


def test_clear_onsets_of_a_band_are_about_1_and_loudness_deviates_by_a_half() -> None:
    song, times = song_and_times(20.0)
    bands = spectrogram.song_bands(song)
    frames = np.round(times / bands.frame_ms).astype(int)
    near = np.max([bands.flux[frames + k] for k in range(-2, 3)], axis=0)
    assert 0.6 < np.median(near) < 1.15 and bands.flux.max() <= spectrogram.MAX_BAND_FLUX
    np.testing.assert_allclose(bands.loudness.std(axis=0), 0.5, atol=1e-3)
    np.testing.assert_allclose(bands.loudness.mean(axis=0), 0.0, atol=1e-3)
