"""Decode a song as in the training of the published checkpoints: integer samples, interpolated to 16 kHz without a
filter.

The original decodes through pydub, whose resampling is that of Python's old `audioop.ratecv`: a straight line between
neighbouring samples. Frequencies above 8 kHz are not filtered out and fold back into the bands below (a hi-hat at 12
kHz appears at 4 kHz). The networks were trained on such spectrograms and a proper resampler would give them others;
hence an exact port, down to the rounding (docs/compat.md §5.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from maimod.audio.container import check_length, open_container, parts
from maimod.audio.decode import BLOCK_SAMPLES, SAMPLE_RATE, Blocks, SampleBuffer, av_frames, joined
from maimod.errors import AudioError

SAMPLE_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 32, "PCM_32": 32}
"""Width that libsndfile's lossless formats are read with; 24 bits are widened. Everything else is decoded to 16 bits.
"""


def load(path: Path) -> np.ndarray:
    """Decode, resample and mix down a song as the original does.

    Args:
        path: of the song.

    Returns:
        float32 (n_samples,) at 16 kHz, the loudest sample at 1 or -1.

    Raises:
        AudioError: if nothing could be decoded.
    """
    found = SampleBuffer()
    resampler: RateConverter | None = None
    try:
        for rate, bits, block in _lossless_blocks(path) or _lossy_blocks(path):
            if resampler is None or resampler.rate != rate:
                resampler = RateConverter(rate, bits)
            found.add(mix_down(resampler.convert(block)).astype(np.int16 if bits <= 16 else np.int32))
            check_length(path, found.count / SAMPLE_RATE)
    except AudioError:
        raise
    except Exception as error:  # each library raises its own errors, also for hostile files
        if not found.count:
            raise AudioError(
                path, "not audio that can be decoded; convert the song to mp3 or ogg and try again."
            ) from error
    if not found.count:
        raise AudioError(path, "decodes to nothing; export or download the song again.")
    samples = found.whole()
    peak = float(max(samples.max(), -samples.min()))
    if peak > 0:
        samples /= np.float32(peak)
    return samples


class RateConverter:
    """Linear interpolation to 16 kHz, block by block; the arithmetic of `audioop.ratecv`."""

    def __init__(self, rate: int, bits: int) -> None:
        divisor = gcd(rate, SAMPLE_RATE)
        self.rate, self.shift = rate, 32 - bits
        self.step, self.unit = rate // divisor, SAMPLE_RATE // divisor
        self.n_read = self.n_written = 0
        self.last: np.ndarray | None = None

    def convert(self, block: np.ndarray) -> np.ndarray:
        """The output samples that `block` (n, n_channels), whole numbers, makes possible."""
        if self.step == self.unit:
            return block
        # Output m lies m·step/unit input samples after the first, between input j - 1 and input j; the first counts
        # from silence.
        if self.last is None:
            self.last = np.zeros((1, block.shape[1]), dtype=block.dtype)
        shifted = np.concatenate([self.last, block]).astype(np.int64) << self.shift
        stop = (self.n_read + len(block) - 1) * self.unit // self.step + 1
        outputs = np.arange(self.n_written, stop)
        later = -(-outputs * self.step // self.unit)
        share = (later * self.unit - outputs * self.step)[:, None].astype(float)
        place = later - self.n_read
        mixed = (shifted[place] * share + shifted[place + 1] * (self.unit - share)) / self.unit
        self.n_read, self.n_written, self.last = self.n_read + len(block), stop, block[-1:]
        return np.trunc(mixed).astype(np.int64) >> self.shift


def mix_down(samples: np.ndarray) -> np.ndarray:
    """Whole-number samples (n, n_channels) to (n,): two channels are averaged, more are each divided first, all rounded
    down."""
    n_channels = samples.shape[1]
    if n_channels == 1:
        return samples[:, 0]
    wide = samples.astype(np.int64)
    return (wide[:, 0] + wide[:, 1]) >> 1 if n_channels == 2 else (wide // n_channels).sum(axis=1)


def _lossless_blocks(path: Path) -> Iterator[tuple[int, int, np.ndarray]] | None:
    """(rate, bits, samples (n, n_channels)) of wav and flac by libsndfile; None for other formats."""
    import soundfile

    try:
        file = soundfile.SoundFile(str(path))
    except (soundfile.SoundFileError, TypeError):
        return None
    if file.subtype not in SAMPLE_BITS or not (file.format.startswith("WAV") or file.format == "FLAC"):
        file.close()
        return None

    def blocks() -> Iterator[tuple[int, int, np.ndarray]]:
        bits = SAMPLE_BITS[file.subtype]
        with file:
            while len(block := file.read(BLOCK_SAMPLES, dtype="int32" if bits == 32 else "int16", always_2d=True)):
                yield file.samplerate, bits, block if bits >= 16 else block >> 8

    return blocks()


def _lossy_blocks(path: Path) -> Iterator[tuple[int, int, np.ndarray]]:
    """The same at 16 bits for everything FFmpeg reads."""
    for part in parts(path):
        with open_container(part) as container:
            for rate, block in joined(_frame_blocks(container)):
                yield rate, 16, block


def _frame_blocks(container: Any) -> Blocks:
    import av

    resampler: Any = None
    rate = 0
    for frame in av_frames(container, container.streams.audio[0]):
        if resampler is None or frame.sample_rate != rate:
            rate = frame.sample_rate
            # Only the sample format changes here, by the rounding of FFmpeg's own command line.
            resampler = av.AudioResampler(format="s16", layout=frame.layout, rate=rate)
        for converted in resampler.resample(frame):
            yield rate, converted.to_ndarray().reshape(-1, len(converted.layout.channels))
