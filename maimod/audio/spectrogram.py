"""Spectrograms: short-time Fourier transform, mel bands, and band features of a song."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from maimod.audio.decode import SAMPLE_RATE, Audio

FRAME_BLOCK = 2048
"""Spectrum frames computed at a time; bounds memory at some 20 MB however long the song."""


def log_mel(
    samples: np.ndarray,
    *,
    sample_rate: int = SAMPLE_RATE,
    n_fft: int = 1024,
    hop_length: int = 160,
    n_mels: int = 64,
    f_min: float = 30.0,
    f_max: float = 8000.0,
) -> np.ndarray:
    """Compute the log-mel spectrogram ln(1 + power).

    Frame i is centred at sample `i * hop_length`; beyond its ends the song is silent.

    Args:
        samples: mono samples in [-1, 1] of shape (n_samples,).
        sample_rate: samples per second.
        n_fft: length of the periodic Hann window in samples.
        hop_length: samples from one frame to the next.
        n_mels: number of bands.
        f_min: lower edge of the lowest band [Hz].
        f_max: upper edge of the highest band [Hz].

    Returns:
        float32 of shape (n_frames, n_mels) with n_frames = n_samples // hop_length + 1.
    """
    bank = mel_bank(sample_rate, n_fft, n_mels, f_min, f_max)
    n_frames = len(samples) // hop_length + 1
    mel = np.empty((n_frames, n_mels), dtype=np.float32)
    for start, power in power_spectra(samples, n_fft, hop_length):
        mel[start : start + len(power)] = power @ bank
    return np.log1p(mel, out=mel)


def power_spectra(samples: np.ndarray, n_fft: int, hop_length: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first frame, power of shape (n_block, n_fft // 2 + 1)) for blocks of frames."""
    import scipy.fft  # twice as fast as numpy's for float32, but slow to import

    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)  # periodic
    half = n_fft // 2
    n_frames = len(samples) // hop_length + 1
    for start in range(0, n_frames, FRAME_BLOCK):
        stop = min(start + FRAME_BLOCK, n_frames)
        first, last = start * hop_length - half, (stop - 1) * hop_length - half + n_fft
        piece = np.zeros(last - first, dtype=np.float32)
        inside = samples[max(first, 0) : last]
        piece[max(-first, 0) : max(-first, 0) + len(inside)] = inside
        frames = np.lib.stride_tricks.sliding_window_view(piece, n_fft)[::hop_length]
        spectrum = scipy.fft.rfft(frames * window, axis=1)
        yield start, spectrum.real**2 + spectrum.imag**2


def mel_bank(sample_rate: int, n_fft: int, n_mels: int, f_min: float, f_max: float) -> np.ndarray:
    """Return triangles of peak 1 on the HTK mel scale, float32 of shape (n_fft // 2 + 1, n_mels).

    mel = 2595 log10(1 + f / 700), the HTK Book, section 5.4; as torchaudio's `norm=None`.
    """
    mel_edges = np.linspace(2595.0 * np.log10(1.0 + f_min / 700.0), 2595.0 * np.log10(1.0 + f_max / 700.0), n_mels + 2)
    edges = 700.0 * (10.0 ** (mel_edges / 2595.0) - 1.0)  # Hz
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / sample_rate)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


N_BANDS, N_LOUD = 6, 3


@dataclass(frozen=True)
class Bands:
    """Onsets and loudness of a song by frequency."""

    flux: np.ndarray
    """(n_frames, N_BANDS) onset strength, 1 is a clear onset of the band."""
    loudness: np.ndarray
    """(n_frames, N_LOUD) log level against the song's own mean, low to high."""
    frame_ms: float
    start_ms: float


def song_bands(audio: Audio, hop_seconds: float = 0.008, n_mels: int = 24) -> Bands:
    """Measure the onsets and the loudness of a song in a few bands; steps of some ms do for slots of 80."""
    rate = audio.sample_rate
    hop, n_fft = round(hop_seconds * rate), 512
    bank = mel_bank(rate, n_fft, n_mels, 30.0, min(8000.0, rate / 2))
    n_frames = len(audio.samples) // hop + 1
    spectrum = np.empty((n_frames, n_mels), dtype=np.float32)
    for start, power in power_spectra(audio.samples, n_fft, hop):
        spectrum[start : start + len(power)] = np.sqrt(power) @ bank
    spectrum *= 0.5 / max(float(spectrum.mean()), 1e-6)
    np.log1p(spectrum, out=spectrum)
    rise = np.zeros_like(spectrum)
    if n_frames > 2:
        rise[2:] = np.maximum(spectrum[2:] - spectrum[:-2], 0.0)
    flux = rise.reshape(n_frames, N_BANDS, n_mels // N_BANDS).mean(axis=2)
    # The mean weighted by itself is the strength of an onset, whatever lies between onsets.
    level = (flux**2).sum(axis=0) / np.maximum(flux.sum(axis=0), 1e-6)
    loudness = spectrum.reshape(n_frames, N_LOUD, n_mels // N_LOUD).mean(axis=2)
    spread = np.maximum(loudness.std(axis=0), 0.05)
    return Bands(
        np.minimum(flux / np.maximum(1.5 * level, 1e-3), 2.0),
        (loudness - loudness.mean(axis=0)) / (2 * spread),
        1000.0 * hop / rate,
        0.0,
    )
