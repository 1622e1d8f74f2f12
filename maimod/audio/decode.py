"""Decode a song's file to mono samples.

Conventions: samples are float32, mono, in [-1, 1]; times outside of this module are ms from the start of the audio,
seconds and sample indices stay inside. The format is found from the content of a file, never from its name: mapsets
contain mp3 data named `.ogg` and the like.

Decoders: libsndfile (https://libsndfile.github.io/libsndfile/formats.html) first; FFmpeg's libraries through PyAV for
what it cannot read to the end (m4a, damaged or odd files), and for mp3 files whose header is missing or wrong, which
libsndfile believes. How much there should be is counted in the packets (:mod:`maimod.audio.container`). Both decoders
drop the encoder delay that a LAME tag or an Opus header declares. An mp3 without such a tag starts about 25 ms late in
both, and in the game too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from maimod.audio.container import (
    LENGTH_TOLERANCE,
    MAX_GAP,
    Packets,
    Part,
    check_length,
    measure,
    open_container,
    parts,
)
from maimod.errors import AudioError

SAMPLE_RATE = 16_000
"""Sample rate of decoded songs."""
BLOCK_SAMPLES = 1 << 18
"""Samples decoded at a time, so that only the resampled song is ever whole in memory."""
CUT_TOLERANCE_SECONDS = 0.5
"""A song may be this much shorter than its header states without a message: mp3 tags miscount by some frames."""
MIN_GAP_SECONDS = 0.02  # smaller steps are rounding: time stamps of Matroska are whole ms, those of Ogg once a page
MIN_MP3_GAP_SECONDS = 0.001  # of these FFmpeg counts the frames
MIN_TOLD_GAPS_SECONDS = 0.05
"""Less silence in place of lost packets is not worth a message: where mp3 files were joined, a frame is lost."""
LOUDEST = 100.0
"""Samples of a wav file may be any number; full scale is 1. Beyond this they would overflow in the resampler."""

Blocks = Iterator[tuple[int, np.ndarray]]
"""(samples per second, samples) of consecutive parts of a song; the first axis of the samples is time."""


class Audio(msgspec.Struct, frozen=True):
    """A decoded song."""

    path: Path | None
    """The file it came from; None if it was made in memory."""
    samples: np.ndarray
    """Mono samples in [-1, 1], float32 (n_samples,)."""
    sample_rate: int
    """Samples per second."""
    messages: tuple[str, ...] = ()
    """Problems that did not stop the decoding, one line each."""

    @property
    def duration(self) -> float:
        """Length in ms."""
        return 1000.0 * len(self.samples) / self.sample_rate

    def piece(self, first: int, count: int) -> np.ndarray:
        """(count,) samples from index `first` on; silence before and after the song."""
        found = np.zeros(count, dtype=np.float32)
        inside = self.samples[max(first, 0) : max(first + count, 0)]
        place = max(-first, 0)
        found[place : place + len(inside)] = inside
        return found


class _Decoded(NamedTuple):
    """Result of one decoder."""

    samples: np.ndarray  # (n_samples,) at the wanted rate
    complete: bool  # the decoder met no error
    gap_seconds: float  # silence in place of lost packets
    n_gaps: int
    n_not_numbers: int  # samples, at the rate of the file


def load(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> Audio:
    """Decode a song of any common format, mix it down to mono and resample it.

    Of a damaged or cut file the part that can be decoded is returned, with a message in `Audio.messages`. A damaged
    packet becomes silence of its length, so what follows it stays in time. Ogg files that were joined are decoded one
    after the other, as the game plays them, up to the first that cannot be decoded.

    Args:
        path: the file; its extension does not matter.
        sample_rate: samples per second of the result.

    Raises:
        AudioError: nothing usable could be decoded, or the song is longer than
            :data:`maimod.audio.container.MAX_HOURS`.
    """
    path = Path(path)
    found = parts(path)
    packets = [measure(part) for part in found]
    check_length(path, sum(counted.seconds for counted in packets if counted))
    decoded: list[_Decoded] = []
    for part, counted in zip(found, packets, strict=True):
        one = _best(part, counted, sample_rate)
        if one is None:  # what follows would not be in time
            decoded = [last._replace(complete=False) for last in decoded]
            break
        decoded.append(one)
    if not decoded:
        raise AudioError(path, "not audio that can be decoded; convert the song to mp3 or ogg and try again.")
    samples = decoded[0].samples if len(decoded) == 1 else np.concatenate([one.samples for one in decoded])
    if len(samples) == 0:
        raise AudioError(path, "decodes to nothing; export or download the song again.")
    messages = tuple(_messages(decoded, packets, sample_rate))
    # mp3 and Opus overshoot full scale; resampling does, too.
    return Audio(path, np.clip(samples, -1.0, 1.0, out=samples), sample_rate, messages)


def _best(part: Part, packets: Packets | None, sample_rate: int) -> _Decoded | None:
    """The result of the decoder whose song is as long as the packets; None if none can read it."""
    decoders: list[Callable[[_Source], Blocks]] = [_soundfile_blocks, _av_blocks]
    best: _Decoded | None = None
    error: AudioError | None = None
    for decoder in decoders if packets is None or packets.has_true_header else decoders[::-1]:
        try:
            decoded = _decode(part, sample_rate, decoder, packets.seconds if packets else 0.0)
        except AudioError as reason:
            error = error or reason
            continue
        if decoded is None:
            continue
        if best is None or _missing(decoded, packets, sample_rate) < _missing(best, packets, sample_rate):
            best = decoded
        if best.complete and _missing(best, packets, sample_rate) < LENGTH_TOLERANCE:
            return best
    if best is None and error is not None:
        raise error
    return best


def _missing(decoded: _Decoded, packets: Packets | None, sample_rate: int) -> float:
    """Seconds that a result lacks, or has too many; of a file without packets the longer song lacks less."""
    seconds = len(decoded.samples) / sample_rate
    return abs(packets.seconds - seconds) if packets else -seconds


def _messages(decoded: Sequence[_Decoded], packets: Sequence[Packets | None], sample_rate: int) -> Iterator[str]:
    """What was not heard, and why."""
    seconds = sum(len(one.samples) for one in decoded) / sample_rate
    there = sum(counted.seconds for counted in packets if counted)
    stated = packets[0].stated if packets[0] and len(packets) == 1 else None
    n_gaps, lost = sum(one.n_gaps for one in decoded), sum(one.gap_seconds for one in decoded)
    if lost > MIN_TOLD_GAPS_SECONDS:
        yield f"The file is damaged: {n_gaps} gap{'s' * (n_gaps != 1)}, {lost:.2f} s in all, became silence."
    if n_not_numbers := sum(one.n_not_numbers for one in decoded):
        are = "sample is not a number" if n_not_numbers == 1 else "samples are not numbers"
        yield f"{n_not_numbers:,} {are} and became silence."
    if stated is not None and stated - seconds > CUT_TOLERANCE_SECONDS:
        yield f"The song breaks off: {seconds:.1f} s could be decoded of the {stated:.1f} s that its header promises."
    elif packets[-1] and packets[-1].ends_early:
        yield f"The file ends in mid-stream: the song breaks off after {seconds:.1f} s."
    elif there - seconds > CUT_TOLERANCE_SECONDS:
        yield f"Not all of the song could be decoded: {seconds:.1f} s of {there:.1f} s."
    elif not all(one.complete for one in decoded):
        yield f"Decoding stopped at an error after {seconds:.1f} s."


class _Source:
    """State of decoding: the file, and the gaps that its decoder found."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.n_gaps, self.gap_seconds = 0, 0.0


class SampleBuffer:
    """Samples that arrive in blocks, in one array that grows in place."""

    def __init__(self, expected: int = 0) -> None:
        self.array, self.count = np.empty(max(expected, BLOCK_SAMPLES), np.float32), 0

    def add(self, block: np.ndarray) -> None:
        """Append samples (n,)."""
        if self.count + len(block) > len(self.array):
            self.array.resize((self.count + len(block)) * 3 // 2, refcheck=False)
        self.array[self.count : self.count + len(block)] = block
        self.count += len(block)

    def whole(self) -> np.ndarray:
        """All of them, float32 (n_samples,)."""
        self.array.resize(self.count, refcheck=False)
        return self.array


def _decode(
    part: Part, sample_rate: int, blocks: Callable[[_Source], Blocks], expected_seconds: float = 0.0
) -> _Decoded | None:
    """Run one decoder to the end or to its first error; None if it cannot open the file."""
    import soxr

    source = _Source(part)
    samples = SampleBuffer(round((expected_seconds + 1) * sample_rate))
    n_read = n_not_numbers = 0
    complete = True
    resampler, resampler_rate = None, 0
    iterator = blocks(source)
    while True:
        try:
            rate, block = next(iterator)
        except StopIteration:
            break
        except AudioError:
            raise
        except Exception:  # each library raises its own errors, also for hostile files
            if not n_read:
                return None
            complete = False
            break
        block = np.ascontiguousarray(block, np.float32)
        n_read += len(block)
        if not (block.min(initial=0.0) >= -LOUDEST and block.max(initial=0.0) <= LOUDEST):  # true for NaN, too
            finite = np.isfinite(block)
            n_not_numbers += len(block) - int(finite.sum())
            block = np.clip(np.where(finite, block, np.float32(0)), -LOUDEST, LOUDEST)
        if rate != resampler_rate:
            if not 1000 <= rate <= 1_000_000:
                raise AudioError(part.path, f"has a sample rate of {rate} Hz; convert it to 44100 Hz.")
            if resampler is not None:
                samples.add(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            # quality HQ: -144 dB alias, no shift
            resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
            resampler_rate = rate
        assert resampler is not None
        samples.add(resampler.resample_chunk(block))
        check_length(part.path, samples.count / sample_rate)
    if n_not_numbers and n_not_numbers == n_read:
        raise AudioError(part.path, "holds no samples that are numbers; export the song again.")
    if resampler is not None:
        samples.add(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    return _Decoded(samples.whole(), complete, source.gap_seconds, source.n_gaps, n_not_numbers)


def _soundfile_blocks(source: _Source) -> Blocks:
    """Decode with libsndfile, mixed down to mono."""
    import soundfile

    # A file object, not a path: for the extension `.raw` soundfile needs a format.
    with (
        source.part.open() as stream,
        soundfile.SoundFile(stream.fileno() if source.part.is_whole else stream, closefd=False) as file,
    ):
        weights = np.full(file.channels, 1.0 / file.channels, dtype=np.float32)
        count = max(BLOCK_SAMPLES // file.channels, 1)
        while len(block := file.read(count, dtype="float32", always_2d=True)):
            with np.errstate(invalid="ignore", over="ignore"):  # samples that are no numbers are counted by the caller
                mixed = block @ weights if len(weights) > 1 else block[:, 0]
            yield file.samplerate, mixed


def _av_blocks(source: _Source) -> Blocks:
    """Decode with FFmpeg, mixed down to mono, with silence in place of damaged packets."""
    return joined(_av_frame_blocks(source))


def _av_frame_blocks(source: _Source) -> Blocks:
    with open_container(source.part) as container:
        least = MIN_MP3_GAP_SECONDS if container.format.name == "mp3" else MIN_GAP_SECONDS
        position = None  # seconds, by the time stamps, where the next frame should start
        for frame in av_frames(container, container.streams.audio[0]):
            block, rate = _mix_down(frame), frame.sample_rate
            if frame.time is not None:
                gap = frame.time - position if position is not None else 0.0
                if least < gap < MAX_GAP:
                    source.n_gaps, source.gap_seconds = source.n_gaps + 1, source.gap_seconds + gap
                    block = np.concatenate((np.zeros(round(gap * rate), np.float32), block))
                position = frame.time + frame.samples / rate
            elif position is not None:
                position += frame.samples / rate
            yield rate, block


def joined(blocks: Blocks) -> Blocks:
    """Join neighbouring blocks of one sample rate until they have at least `BLOCK_SAMPLES` samples."""
    pending: list[np.ndarray] = []
    n_pending = pending_rate = 0
    for rate, block in blocks:
        if pending and (rate != pending_rate or n_pending >= BLOCK_SAMPLES):
            yield pending_rate, np.concatenate(pending)
            pending, n_pending = [], 0
        pending.append(block)
        n_pending, pending_rate = n_pending + len(block), rate
    if pending:
        yield pending_rate, np.concatenate(pending)


def av_frames(container: Any, stream: Any) -> Iterator[Any]:
    """Decode a stream to `av.AudioFrame`s, without its damaged packets."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):  # the end, or a cut in mid-packet
            return
        try:
            yield from packet.decode()
        except EOFError:
            return
        except av.FFmpegError:
            continue


def channels_of(frame: Any) -> np.ndarray:
    """Samples of an `av.AudioFrame`, full scale is 1: float32 (n_channels, n_samples)."""
    values = frame.to_ndarray()  # planar: (n_channels, n_samples); packed: (1, n_samples * n_channels)
    if values.dtype.kind == "u":
        scaled = values.astype(np.float32) / 128.0 - 1.0  # u8 is the only unsigned format
    elif values.dtype.kind == "i":
        scaled = values.astype(np.float32) / float(1 << (8 * values.dtype.itemsize - 1))
    else:
        scaled = values.astype(np.float32)
    found: np.ndarray = scaled if frame.format.is_planar else scaled.reshape(-1, len(frame.layout.channels)).T
    return found


def _mix_down(frame: Any) -> np.ndarray:
    """Average the channels of an `av.AudioFrame`: float32 (n_samples,)."""
    return np.asarray(channels_of(frame).mean(axis=0), dtype=np.float32)
