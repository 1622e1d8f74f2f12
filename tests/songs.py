"""Songs for tests: noise bursts in a known rhythm."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maimod.audio.decode import Audio

CLICKS_MS = np.array([500.0, 1250.0, 1900.0, 2600.0, 3300.0])


def clicks(times_ms: np.ndarray, seconds: float, sample_rate: int = 16_000) -> np.ndarray:
    """Short noise bursts at the times over faint noise: float32 (n_samples,)."""
    random = np.random.default_rng(7)
    samples = random.normal(0.0, 1e-3, round(seconds * sample_rate))
    burst = np.exp(-np.arange(sample_rate // 25) / (sample_rate / 150))
    for time in times_ms:
        start = round(time * sample_rate / 1000)
        piece = samples[start : start + len(burst)]
        piece += (0.3 * burst * random.normal(size=len(burst)))[: len(piece)]
    return np.clip(samples, -1, 1).astype(np.float32)


def song_and_times(seconds: float = 40.0, lag_ms: float = 0.0) -> tuple[Audio, np.ndarray]:
    """A song of clicks in an uneven rhythm, and times `lag_ms` before the clicks."""
    random = np.random.default_rng(3)
    steps = random.choice([300.0, 150.0, 450.0], size=1000)
    times = 500 + np.cumsum(steps)
    times = times[times < 1000 * seconds - 500]
    return Audio(None, clicks(times + lag_ms, seconds), 16_000), times


def mp3(
    path: Path, samples: np.ndarray, sample_rate: int = 44_100, *, average: bool = False, header: bool = True
) -> Path:
    """Write a mono mp3: of a constant bit rate, or of one that follows the song; with or without a Xing header."""
    import av

    options = {} if header else {"write_xing": "0"}
    with av.open(str(path), "w", format="mp3", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=sample_rate, layout="mono", options={"abr": str(int(average))})
        stream.bit_rate = 64_000
        for start in range(0, len(samples), 1152):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1152], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = sample_rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
