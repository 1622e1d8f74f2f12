"""Spectrograms: short-time Fourier transform, mel bands, and band features of a song.

Frame i of a spectrogram is centred at i times its step; beyond the ends of the song there is silence. Steps and windows
are ms outside of this module: only here they become samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from maimod.audio.decode import SAMPLE_RATE, Audio

FRAME_BLOCK = 2048
"""Frames of levels worked on at a time; bounds memory at some 20 MB however long the song."""
SPECTRUM_BLOCK = 256
"""Spectra computed at a time: these stay in a core's cache."""
F_MIN, F_MAX = 30.0, 8000.0
"""Edges of the mel bands [Hz], but for pictures."""
ONSET_WINDOW_MS = 32.0
"""Window for onsets: 16 to 40 ms do equally well, above it lag blurs, below it pitch does."""
COMPRESSION = 0.5
"""Gain before ln(1 + x), in units of the song's mean magnitude; 0.1 to 10 differ little."""
PEAK_OF_MEAN = 1.5
"""Height of an onset over the mean of its flux weighted by itself: 1.5 for a triangle, which a peak nearly is."""
N_BANDS, N_LOUD = 6, 3
"""Frequency bands of the features of a song, of its onsets and of its loudness: equal parts of `BAND_MELS`."""
BAND_MELS = 24
BAND_FRAME_MS = 8.0
"""Step of the band features: slots of the discriminator are 80 ms at 188 BPM."""
BAND_FLUX_STEP = 2
"""Frames between the levels that are compared."""
MAX_BAND_FLUX = 2.0
"""Onsets of a band are not stronger than that of two clear ones."""
LEAST_SPREAD = 0.05
"""Least deviation of the levels by which the loudness of a song is scaled: that of a steady tone is nearly 0."""


def log_mel(
    samples: np.ndarray,
    *,
    frame_ms: float = 10.0,
    window_ms: float = 64.0,
    n_mels: int = 64,
    f_max: float = F_MAX,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray:
    """Compute the log-mel spectrogram ln(1 + power).

    Args:
        samples: float32 (n_samples,) in [-1, 1], mono.
        frame_ms: step from one frame to the next, rounded to whole samples.
        window_ms: length of the periodic Hann window, rounded to an even number of samples.
        n_mels: number of bands.
        f_max: upper edge of the highest band [Hz].
        sample_rate: samples per second.

    Returns:
        float32 (n_frames, n_mels); a song of less than a step has one frame.
    """
    n_fft, hop = _window_samples(window_ms, sample_rate), step_samples(frame_ms, sample_rate)
    bank = mel_bank(sample_rate, n_fft, n_mels, F_MIN, f_max)
    mel = np.empty((len(samples) // hop + 1, n_mels), dtype=np.float32)
    for start, spectra in _spectra(samples, n_fft, hop):
        mel[start : start + len(spectra)] = (spectra.real**2 + spectra.imag**2) @ bank
    return np.log1p(mel, out=mel)


class MelLevels(msgspec.Struct, frozen=True):
    """Compressed magnitudes of a song by mel band, against its own mean: a quiet master has the same levels."""

    values: np.ndarray
    """float32 (n_frames, n_mels): ln(1 + `COMPRESSION` x magnitude / mean magnitude of the song)."""
    frame_ms: float
    """Step from one frame to the next, as rounded to whole samples."""


def mel_levels(audio: Audio, frame_ms: float, n_mels: int) -> MelLevels:
    """Measure the levels that onsets are found in.

    Args:
        audio: the song.
        frame_ms: step from one frame to the next.
        n_mels: number of bands from `F_MIN` to `F_MAX`.
    """
    rate = audio.sample_rate
    n_fft, hop = _window_samples(ONSET_WINDOW_MS, rate), step_samples(frame_ms, rate)
    bank = mel_bank(rate, n_fft, n_mels, F_MIN, min(F_MAX, rate / 2))
    levels = np.empty((len(audio.samples) // hop + 1, n_mels), dtype=np.float32)
    for start, spectra in _spectra(audio.samples, n_fft, hop):
        levels[start : start + len(spectra)] = np.abs(spectra) @ bank
    levels *= COMPRESSION / max(float(levels.mean()), 1e-6)  # 1e-6: digital silence
    return MelLevels(np.log1p(levels, out=levels), 1000.0 * hop / rate)


def step_samples(frame_ms: float, sample_rate: int) -> int:
    """Samples from one frame to the next."""
    return max(1, round(frame_ms * sample_rate / 1000))


def _window_samples(window_ms: float, sample_rate: int) -> int:
    return 2 * round(window_ms * sample_rate / 2000)


def _spectra(samples: np.ndarray, n_fft: int, hop_length: int) -> Iterator[tuple[int, np.ndarray]]:
    """Compute the spectra in blocks of frames: (first frame, complex (n_block, n_fft // 2 + 1)); a block is overwritten by
    the next one."""
    # numpy computes in float64 unless its factor is a float32, as that of norm="forward" is: in half of the time and to 1e-7 of
    # the largest number of a spectrum. The window takes that factor back.
    window = (n_fft * np.hanning(n_fft + 1)[:-1]).astype(np.float32)  # periodic
    half = n_fft // 2
    n_frames = len(samples) // hop_length + 1
    windowed = np.empty((SPECTRUM_BLOCK, n_fft), dtype=np.float32)
    spectra: Any = np.empty((SPECTRUM_BLOCK, half + 1), dtype=np.complex64)  # numpy's stubs know complex128 alone
    for start in range(0, n_frames, SPECTRUM_BLOCK):
        stop = min(start + SPECTRUM_BLOCK, n_frames)
        first, last = start * hop_length - half, (stop - 1) * hop_length - half + n_fft
        piece = np.zeros(last - first, dtype=np.float32)
        inside = samples[max(first, 0) : last]
        piece[max(-first, 0) : max(-first, 0) + len(inside)] = inside
        # The same view as of sliding_window_view, which takes 30 µs.
        frames: np.ndarray = np.ndarray(
            (stop - start, n_fft), piece.dtype, piece, strides=(hop_length * piece.itemsize, piece.itemsize)
        )
        np.multiply(frames, window, out=windowed[: stop - start])
        yield start, np.fft.rfft(windowed[: stop - start], axis=1, norm="forward", out=spectra[: stop - start])


def mel_bank(sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float) -> np.ndarray:
    """Triangles of peak 1 on the HTK mel scale: float32 (n_fft // 2 + 1, n_mels).

    mel = 2595 log10(1 + f / 700), the HTK Book, section 5.4; as torchaudio's `norm=None`.
    """
    mel_edges = np.linspace(2595.0 * np.log10(1.0 + f_min / 700.0), 2595.0 * np.log10(1.0 + f_max / 700.0), n_mels + 2)
    edges = 700.0 * (10.0 ** (mel_edges / 2595.0) - 1.0)  # Hz
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


class Bands(msgspec.Struct, frozen=True):
    """Onsets and loudness of a song by frequency."""

    flux: np.ndarray
    """(n_frames, N_BANDS) onset strength, 1 is a clear onset of the band."""
    loudness: np.ndarray
    """(n_frames, N_LOUD) log level against the song's own mean, low to high."""
    frame_ms: float
    """Step from one frame to the next; frame 0 is the start of the song."""


def song_bands(audio: Audio) -> Bands:
    """Measure the onsets and the loudness of a song in a few bands."""
    levels = mel_levels(audio, BAND_FRAME_MS, BAND_MELS)
    n_frames = len(levels.values)
    rise = np.zeros_like(levels.values)
    if n_frames > BAND_FLUX_STEP:
        rise[BAND_FLUX_STEP:] = np.maximum(levels.values[BAND_FLUX_STEP:] - levels.values[:-BAND_FLUX_STEP], 0.0)
    flux = rise.reshape(n_frames, N_BANDS, -1).mean(axis=2)
    # Weighted by itself, so that the time between onsets has no effect; as maimod.audio.onsets._level, for a whole song.
    level = (flux**2).sum(axis=0) / np.maximum(flux.sum(axis=0), 1e-6)
    loudness = levels.values.reshape(n_frames, N_LOUD, -1).mean(axis=2)
    spread = np.maximum(loudness.std(axis=0), LEAST_SPREAD)
    return Bands(
        np.minimum(flux / np.maximum(PEAK_OF_MEAN * level, 1e-3), MAX_BAND_FLUX),
        (loudness - loudness.mean(axis=0)) / (2 * spread),
        levels.frame_ms,
    )
