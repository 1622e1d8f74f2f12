"""Where the spectrum of a song breaks off."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from maimod.audio import bandwidth
from maimod.audio.bandwidth import SAMPLES, spectral_break
from tests.mapset import song

KHZ = np.fft.rfftfreq(SAMPLES, 1 / 44_100) / 1000


@pytest.mark.parametrize(
    ("steps", "khz", "drop"),
    [
        (((11.0, -60.0),), 11.0, 60.0),
        (((8.0, -40.0), (18.7, -110.0)), 8.0, 40.0),  # encoding again cuts once more
        (((12.0, -70.0), (18.7, -130.0)), 12.0, 70.0),
        (((18.7, -20.0),), 18.7, 20.0),
    ],
)
def test_the_lowest_fall_counts(steps: tuple[tuple[float, float], ...], khz: float, drop: float) -> None:
    levels = np.zeros(len(KHZ))
    for start, level in steps:
        levels[start <= KHZ] = level
    found = bandwidth._steepest(levels, 44_100)
    assert found is not None and abs(found.khz - khz) <= 0.3 and abs(found.drop - drop) < 1.0


def test_what_cannot_be_heard_does_not_count() -> None:
    levels = np.where(KHZ < 16, -6.0 * np.maximum(KHZ - 6, 0), -140.0)  # -60 dB where it ends
    found = bandwidth._steepest(levels, 44_100)
    assert found is not None and found.drop < bandwidth.CLEAR_DROP


def test_files_without_a_song(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"nothing of the kind")
    song(tmp_path / "b.mp3", seconds=2, level=0.1)
    assert [spectral_break(tmp_path / name) for name in ("a.mp3", "b.mp3", "none.mp3")] == [None] * 3


@pytest.mark.parametrize("count", [16, 21, 32])
def test_nearly_the_highest_is_numpys_percentile(count: int) -> None:
    levels = np.random.default_rng(1).normal(-60.0, 20.0, (count, 50))
    expected = np.percentile(levels, bandwidth.NEARLY_HIGHEST, axis=0)
    np.testing.assert_allclose(bandwidth._nearly_highest(levels), expected, rtol=1e-12)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "FLOAT"])
def test_a_lowpass_is_found_whatever_the_samples_are(tmp_path: Path, subtype: str) -> None:
    spectrum = np.fft.rfft(np.random.default_rng(2).normal(size=6 * 44_100))
    spectrum[np.fft.rfftfreq(6 * 44_100, 1 / 44_100) > 12_000] = 0
    samples = np.fft.irfft(spectrum)
    soundfile.write(tmp_path / "song.wav", samples / np.abs(samples).max(), 44_100, subtype=subtype)
    found = spectral_break(tmp_path / "song.wav")
    assert found is not None and abs(found.khz - 12.0) <= 0.4 and found.drop >= bandwidth.CLEAR_DROP


def test_the_first_frames_of_a_place_are_left_out() -> None:
    loud, silent = np.ones((1, 1000), np.float32), np.zeros((1, SAMPLES), np.float32)
    format_of = SimpleNamespace(is_planar=True)
    frames = [
        SimpleNamespace(to_ndarray=lambda values=values: values, format=format_of, layout=None)
        for values in [loud] * bandwidth.SETTLING_FRAMES + [silent]
    ]
    container = SimpleNamespace(seek=lambda *_, **__: None, decode=lambda stream: iter(frames))
    spectra = list(bandwidth._spectra(container, SimpleNamespace(time_base=1), 100.0))
    assert len(spectra) == bandwidth.WINDOWS and not np.any(spectra)
