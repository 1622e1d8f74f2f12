"""Decode a song's file to mono samples.

Conventions: samples are float32, mono, in [-1, 1]; times outside of this module are ms from the start of the audio,
seconds and sample indices stay inside. The format is found from the content of a file, never from its name: mapsets
contain mp3 data named `.ogg` and the like.

Decoders: libsndfile (https://libsndfile.github.io/libsndfile/formats.html) first; FFmpeg's libraries through PyAV for
what it cannot read (m4a, damaged or odd files). Both drop the encoder delay that a LAME tag or an Opus header declares.
An mp3 without such a tag starts about 25 ms late in both, and in the game too.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from maimod.errors import AudioError

SAMPLE_RATE = 16_000
"""Sample rate of decoded songs."""
MAX_HOURS = 3.0
"""Longest song that is read [hours]; it takes 700 MB as samples."""
BLOCK_SAMPLES = 1 << 18
"""Samples decoded at a time, so that only the resampled song is ever whole in memory."""
CUT_TOLERANCE_SECONDS = 0.5
"""A song may be this much shorter than its header states without a message: mp3 tags miscount by some frames."""
MAX_SAMPLE = 100.0
"""Louder samples of files of floats are cut here: near the largest float they would overflow when resampled."""
MIN_GAP_SECONDS = 0.02  # smaller steps are rounding: Matroska's time stamps are whole ms
MAX_GAP_SECONDS = 10.0  # larger steps are wrong time stamps rather than lost packets

# FFmpeg also opens playlists and scripts, which name other files or hosts. A song never does.
CONTAINER_FORMATS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"
# Formats whose header states the true length; FFmpeg guesses the others' from the bit rate.
STATED_LENGTH_FORMATS = ("mov", "matroska", "flac", "wav")


Blocks = Iterator[tuple[int, np.ndarray]]
"""(samples per second, samples) of consecutive parts of a song; the first axis of the samples is time."""


@dataclass(frozen=True, slots=True)
class Audio:
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


class _Decoded(NamedTuple):
    """Result of one decoder."""

    samples: np.ndarray  # (n_samples,) at the wanted rate
    promised: float | None  # seconds, by the file's header
    messages: list[str]
    complete: bool  # the decoder met no error

    def is_short(self, sample_rate: int) -> bool:
        """Whether the header promises more than was decoded."""
        seconds = len(self.samples) / sample_rate
        return self.promised is not None and self.promised - seconds > CUT_TOLERANCE_SECONDS


def load(path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE) -> Audio:
    """Decode a song of any common format, mix it down to mono and resample it.

    For a damaged or cut file the decodable part is returned, with a message in `Audio.messages`. A damaged packet
    becomes silence of its length, so the rest stays in time.

    Args:
        path: the file; its extension does not matter.
        sample_rate: samples per second of the result.

    Raises:
        AudioError: nothing usable could be decoded, or the song is longer than `MAX_HOURS`.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise AudioError(path, "this is a folder; name the song's file.")
        if path.exists() and not path.is_file():  # a pipe, which would be waited for
            raise AudioError(path, "not a file; name the song's file.")
        if path.stat().st_size == 0:
            raise AudioError(path, "the file is empty (0 bytes); copy or download it again.")
        with path.open("rb"):
            pass
    except OSError as error:
        raise AudioError(path, f"cannot be read ({error.strerror}); check the path.") from error

    container = _inspect(path)
    decoders = [_av_blocks, _soundfile_blocks] if container.needs_ffmpeg else [_soundfile_blocks, _av_blocks]
    decoded: _Decoded | None = None
    for blocks in decoders:
        try:
            found = _decode(path, sample_rate, blocks)
        except AudioError:
            if decoded is None:
                raise
            break
        if found is not None and (decoded is None or len(found.samples) > len(decoded.samples)):
            decoded = found
        if decoded is not None and decoded.complete and not decoded.is_short(sample_rate):
            break
    if decoded is None:
        raise AudioError(path, "not audio that can be decoded; convert the song to mp3 or ogg and try again.")
    if len(decoded.samples) == 0:
        raise AudioError(path, "decodes to nothing; export or download the song again.")

    messages = decoded.messages
    seconds = len(decoded.samples) / sample_rate
    if decoded.is_short(sample_rate):
        assert decoded.promised is not None
        messages.append(
            f"The song breaks off: {seconds:.1f} s could be decoded "
            f"of the {decoded.promised:.1f} s that its header promises."
        )
    elif container.is_cut:
        messages.append(f"The file ends in mid-stream: the song breaks off after {seconds:.1f} s.")
    elif not decoded.complete:
        messages.append(f"Decoding stopped at an error after {seconds:.1f} s.")
    # mp3 and Opus overshoot full scale; resampling does, too.
    samples = np.clip(decoded.samples, -1.0, 1.0, out=decoded.samples)
    return Audio(path, samples, sample_rate, tuple(messages))


class _Source:
    """State of decoding a file: the stream and the messages of its decoder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.promised: float | None = None  # seconds
        self.messages: list[str] = []


def _decode(path: Path, sample_rate: int, blocks: Callable[[_Source], Blocks]) -> _Decoded | None:
    """Run one decoder to the end or to its first error; None if it cannot open the file."""
    import soxr

    source = _Source(path)
    parts: list[np.ndarray] = []
    n_samples = 0
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
            if not parts:
                return None
            complete = False
            break
        if not np.isfinite(block).all():
            raise AudioError(path, "holds samples that are not numbers; export the song again.")
        block = np.clip(block, -MAX_SAMPLE, MAX_SAMPLE)
        if rate != resampler_rate:
            if not 1000 <= rate <= 1_000_000:
                raise AudioError(path, f"has a sample rate of {rate} Hz; convert it to 44100 Hz.")
            if resampler is not None:
                parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            # quality HQ: -144 dB alias, no shift
            resampler = soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
            resampler_rate = rate
        assert resampler is not None
        parts.append(resampler.resample_chunk(np.ascontiguousarray(block, np.float32)))
        n_samples += len(parts[-1])
        if max(n_samples / sample_rate, source.promised or 0.0) > 3600 * MAX_HOURS:
            raise AudioError(path, f"longer than {MAX_HOURS:g} hours; cut the song and try again.")
    if resampler is not None:
        parts.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return _Decoded(samples, source.promised, source.messages, complete)


def _soundfile_blocks(source: _Source) -> Blocks:
    """Decode with libsndfile, mixed down to mono."""
    import soundfile

    # A file object, not a path: for the extension `.raw` soundfile needs a format.
    with source.path.open("rb") as stream, soundfile.SoundFile(stream.fileno(), closefd=False) as file:
        # 2**63 - 1 stands for "unknown"
        source.promised = file.frames / file.samplerate if file.frames < 1 << 62 else None
        weights = np.full(file.channels, 1.0 / file.channels, dtype=np.float32)
        while len(block := file.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)):
            yield file.samplerate, block @ weights


def _av_blocks(source: _Source) -> Blocks:
    """Decode with FFmpeg, mixed down to mono, with silence in place of damaged packets."""
    return joined(_av_frame_blocks(source))


def _av_frame_blocks(source: _Source) -> Blocks:
    import av

    with open_container(source.path) as container:
        stream = container.streams.audio[0]
        if any(name in container.format.name for name in STATED_LENGTH_FORMATS):
            if stream.duration is not None and stream.time_base is not None:
                source.promised = float(stream.duration * stream.time_base)
            elif container.duration is not None:
                source.promised = container.duration / av.time_base
        n_gaps, lost_seconds = 0, 0.0
        position = None  # seconds, by the time stamps, where the next frame should start
        for frame in av_frames(container, stream):
            block, rate = _mix_down(frame), frame.sample_rate
            if frame.time is not None:
                gap = frame.time - position if position is not None else 0.0
                if MIN_GAP_SECONDS < gap < MAX_GAP_SECONDS:
                    n_gaps, lost_seconds = n_gaps + 1, lost_seconds + gap
                    block = np.concatenate((np.zeros(round(gap * rate), np.float32), block))
                position = frame.time + frame.samples / rate
            elif position is not None:
                position += frame.samples / rate
            yield rate, block
        if n_gaps:
            source.messages.append(f"The file is damaged: {n_gaps} gaps, {lost_seconds:.2f} s in all, became silence.")


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


@contextmanager
def open_container(path: Path) -> Iterator[Any]:
    """Open a file with FFmpeg as an `av.container.InputContainer` that has a sound track.

    Raises:
        AudioError: if there is no sound track.
    """
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINER_FORMATS}
    # "replace": titles in old code pages must not stop the song
    with av.open(str(path), options=options, metadata_errors="replace") as container:
        if not container.streams.audio:
            raise AudioError(path, "has no sound track; put the song's audio file in its place.")
        yield container


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


def _mix_down(frame: Any) -> np.ndarray:
    """Average the channels of an `av.AudioFrame`: float32 (n_samples,)."""
    values = frame.to_ndarray()  # planar: (n_channels, n_samples); packed: (1, n_samples * n_channels)
    if values.dtype.kind == "u":
        scaled = values.astype(np.float32) / 128.0 - 1.0  # u8 is the only unsigned format
    elif values.dtype.kind == "i":
        scaled = values.astype(np.float32) / float(1 << (8 * values.dtype.itemsize - 1))
    else:
        scaled = values.astype(np.float32)
    n_channels = len(frame.layout.channels)
    if not frame.format.is_planar:
        scaled = scaled.reshape(-1, n_channels).T
    return np.asarray(scaled.mean(axis=0), dtype=np.float32)


class _Container(NamedTuple):
    """Facts about a file from its bytes, without decoding."""

    is_cut: bool = False
    """Bytes are missing at the end. libsndfile trusts the size of the file over its header, so its frame count cannot
    be used for this."""
    needs_ffmpeg: bool = False
    """libsndfile would stop early, without an error: at the length that it guesses from the first frames of an mp3
    without a length in its first frame, or after the first of several streams in an Ogg file."""


def _inspect(path: Path) -> _Container:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
            stated = int.from_bytes(head[4:8], "little") + 8
            # the largest values stand for "unknown": written to a pipe
            return _Container(is_cut=size + 1 < stated < 0xFFFFF000)
        if head[:4] == b"OggS":
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _inspect_ogg(data)
        start = 0
        if head[:3] == b"ID3":  # size in 4 bytes of 7 bits, without the header's 10
            start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(start)
        return _inspect_mp3(file.read(64), size - start)


def _inspect_ogg(data: mmap.mmap) -> _Container:
    """Page headers of RFC 3533: a magic number, version 0 and flags: 2 begins a stream, 4 ends it."""
    has_more = data.find(b"OggS\0\2", 6) >= 0
    last = data.rfind(b"OggS\0", max(0, len(data) - 2 * 65_307))  # the largest page is 65,307 bytes
    return _Container(is_cut=0 <= last < len(data) - 5 and not data[last + 5] & 4, needs_ffmpeg=has_more)


def _inspect_mp3(frame: bytes, size: int) -> _Container:
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # layer III of MPEG audio
        return _Container()
    tag = max(frame.find(b"Xing"), frame.find(b"Info"))
    if tag < 0 or len(frame) < tag + 16 or not frame[tag + 7] & 1:  # no number of frames
        return _Container(needs_ffmpeg=True)
    stated = int.from_bytes(frame[tag + 12 : tag + 16], "big")  # bytes of mp3 data
    # some encoders leave their tags out of the count
    return _Container(is_cut=frame[tag + 7] & 3 == 3 and size < 0.99 * stated)
