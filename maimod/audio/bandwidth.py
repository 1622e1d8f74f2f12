"""The highest frequency of a song: where its spectrum breaks off, as an encoder's lowpass leaves it.

An encoder of a low bit rate cuts the high frequencies off, and encoding the result again at a higher rate does not bring them
back. Conventions: frequencies in kHz, levels in dB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from maimod.audio.container import MAX_BYTES, open_media
from maimod.audio.decode import channels_of
from maimod.osu.folder import open_file

WINDOWS = 32
"""Places of a song that are decoded, from `FIRST_SHARE` to `LAST_SHARE` of it; at least half of them must be readable."""
FIRST_SHARE, LAST_SHARE = 0.03, 0.95
SAMPLES = 8192
"""Samples of each place."""
SETTLING_FRAMES = 4
"""Frames of a place that are decoded first and left out: an mp3 borrows bits from former frames."""
BAND_KHZ = 0.1
NEARLY_HIGHEST = 95
"""Percentile over the windows: a lowpass leaves nothing above it anywhere, a dull song has a loud place somewhere."""
BESIDE, AWAY, SPAN = 6, 5, 15
"""Bands on each side of the break that are compared, bands between them, and bands that belong to one break."""
CLEAR_DROP = 25.0
"""dB that a lowpass falls at least."""
NEARLY_STEEPEST = 3.0
"""dB less than its steepest fall at which a break still goes on."""
AUDIBLE = 50.0
"""dB below the reference: what is quieter is noise of the encoder, or the natural end of a dull song."""
REFERENCE_KHZ = (2.0, 6.0)
LOWEST_KHZ = 6.5
"""Falls below this are music."""
LEAST_SECONDS = 5.0
"""Shorter songs are not measured."""
MIN_RATE, MAX_RATE = 32_000, 192_000
"""Sample rates that are measured: of a lower one the spectrum ends below what encoders cut off."""


class Break(msgspec.Struct, frozen=True):
    """The lowest audible fall of a spectrum above 6.5 kHz."""

    khz: float
    drop: float
    """dB within a kHz."""


def spectral_break(path: Path) -> Break | None:
    """Measure where the spectrum of a song breaks off; None if it cannot be decoded or is very short."""
    import av

    try:
        with open_file(path, MAX_BYTES) as file, open_media(file) as container:
            stream = container.streams.audio[0]
            rate = int(stream.rate or 0)
            seconds = (container.duration or 0) / 1e6
            if not MIN_RATE <= rate <= MAX_RATE or seconds < LEAST_SECONDS:
                return None
            spectra = list(_spectra(container, stream, seconds))
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return None
    if len(spectra) < WINDOWS // 2:
        return None
    return _steepest(_nearly_highest(10 * np.log10(np.array(spectra) + 1e-12)), rate)


def _spectra(container: Any, stream: Any, seconds: float) -> Iterator[np.ndarray]:
    """Mean power spectra (SAMPLES // 2 + 1,) of the channels at places spread over a song."""
    window = np.hanning(SAMPLES)
    for place in np.linspace(FIRST_SHARE, LAST_SHARE, WINDOWS) * seconds:
        container.seek(int(place / stream.time_base), stream=stream)
        blocks: list[np.ndarray] = []
        for number, frame in enumerate(container.decode(stream)):
            if number >= SETTLING_FRAMES:
                blocks.append(channels_of(frame))
            if sum(block.shape[1] for block in blocks) >= SAMPLES:
                break
        if blocks and (found := np.concatenate(blocks, axis=1)).shape[1] >= SAMPLES:
            yield np.mean(np.abs(np.fft.rfft(np.nan_to_num(found[:, :SAMPLES]) * window)) ** 2, axis=0)


def _nearly_highest(levels: np.ndarray) -> np.ndarray:
    """Percentile `NEARLY_HIGHEST` of each column. numpy's imports masked arrays for 10 ms."""
    ordered = np.sort(levels, axis=0)
    place = NEARLY_HIGHEST / 100 * (len(ordered) - 1)
    low, high = ordered[int(place)], ordered[int(place) + 1]
    return np.asarray(low + (high - low) * (place - int(place)))


def _steepest(levels: np.ndarray, rate: int) -> Break | None:
    """The lowest audible fall of a spectrum (SAMPLES // 2 + 1,) in dB, at `rate` samples per second; None if it ends
    below `LOWEST_KHZ`."""
    khz = np.fft.rfftfreq(SAMPLES, 1 / rate) / 1000
    bands = np.floor(khz / BAND_KHZ + 1e-6).astype(int)
    mean = np.bincount(bands, levels) / np.maximum(np.bincount(bands), 1)
    reference = mean[int(REFERENCE_KHZ[0] / BAND_KHZ) : int(REFERENCE_KHZ[1] / BAND_KHZ)].mean()
    sums = np.concatenate([[0.0], np.cumsum(mean)])
    places = np.arange(int(LOWEST_KHZ / BAND_KHZ), len(mean) - AWAY - BESIDE)
    if not len(places):
        return None
    below = (sums[places] - sums[places - BESIDE]) / BESIDE
    above = (sums[places + AWAY + BESIDE] - sums[places + AWAY]) / BESIDE
    drops = np.where(reference - below <= AUDIBLE, below - above, 0.0)
    # The lowest one counts: encoding again cuts once more, above it.
    first = int(np.argmax(drops >= CLEAR_DROP)) if (drops >= CLEAR_DROP).any() else int(np.argmax(drops))
    steep = drops[first : first + SPAN]
    last = first + int(np.flatnonzero(steep >= steep.max() - NEARLY_STEEPEST)[-1])
    return Break(round(float(places[last] * BAND_KHZ), 2), round(float(steep.max()), 1))
