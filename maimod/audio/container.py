"""How long a song is, by its packets, and what its headers say of that.

A header may be old: joining, cutting and tagging programs leave it as it was, and an mp3 of variable bit rate need not
have one. Packets are what is played. They are counted here without decoding them.

Conventions: everything in this module is in seconds and bytes.

Sources: Ogg pages, https://www.rfc-editor.org/rfc/rfc3533; "Xing" and "Info" headers of mp3 files,
http://gabriel.mp3-tech.org/mp3infotag.html.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from maimod.errors import AudioError
from maimod.osu.folder import open_file

FORMATS = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"
"""FFmpeg also opens playlists and scripts, which name other files or hosts. A song never does."""
STATED_LENGTH_FORMATS = ("mov", "matroska", "flac", "wav", "aiff", "au")
"""Formats whose header states the length; FFmpeg guesses that of the others from the bit rate."""
MAX_HOURS = 3.0
"""Longest song that is read [hours]; it takes 700 MB as samples."""
MAX_BYTES = 4 << 30
"""Largest file of a song; no wav file can be larger."""
MAX_GAP = 10.0
"""Larger steps between packets are wrong time stamps rather than lost packets [s]."""
RESTART = 1.0
"""A time stamp this much before the last one begins a new count [s]."""
LENGTH_TOLERANCE = 0.25
"""Lengths that differ by less are the same [s]: packets include what encoders add at both ends."""
MAX_LINKS = 500
"""A file of more is read as one: opening each takes a few ms."""
MAX_DAMAGES = 1_000
"""A file of more damaged places is not searched further for links."""
MAX_PAGE_BYTES = 65_307
"""Largest Ogg page."""


class Part(msgspec.Struct, frozen=True):
    """Bytes of a file that are a song by themselves: the whole file, or one link of a chained Ogg file."""

    path: Path
    start: int
    stop: int
    is_whole: bool = True

    def open(self) -> BinaryIO:
        """The bytes, for reading.

        Raises:
            AudioError: if the file is gone or was replaced by something else.
        """
        try:
            file = open_file(self.path, MAX_BYTES)
        except OSError as error:
            raise AudioError(self.path, f"cannot be read ({error.strerror or error}); check the path.") from None
        return file if self.is_whole else io.BufferedReader(_Slice(file, self.start, self.stop))


class _Slice(io.RawIOBase):
    """A stretch of a file as a file."""

    def __init__(self, file: Any, start: int, stop: int) -> None:
        self.file, self.start, self.size, self.place = file, start, stop - start, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.size}[whence]
        self.place = max(0, base + offset)
        return self.place

    def readinto(self, buffer: Any) -> int:
        self.file.seek(self.start + self.place)
        count = max(0, min(len(buffer), self.size - self.place))
        read = int(self.file.readinto(memoryview(buffer)[:count]))
        self.place += read
        return read

    def close(self) -> None:
        self.file.close()
        super().close()


class Headers(msgspec.Struct, frozen=True):
    """What FFmpeg reads at the beginning of a file."""

    container: str
    """FFmpeg's name of the format."""
    seconds: float | None
    """Length, mostly a guess by the bit rate."""
    audio_codec: str | None
    """None without a sound track."""
    sample_rate: int | None
    video_codec: str | None
    """None without pictures; covers of songs do not count."""
    width: int
    height: int


def headers_of(container: Any) -> Headers:
    """Describe an opened file."""
    # A stream of a codec that FFmpeg does not know has no codec context.
    sound = next((one.codec_context for one in container.streams.audio if one.codec_context), None)
    pictures = (one.codec_context for one in container.streams.video if one.codec_context)
    picture = next((one for one in pictures if one.name not in ("mjpeg", "png", "gif", "bmp")), None)
    return Headers(
        container.format.name,
        container.duration and container.duration / 1_000_000,
        sound.name if sound else None,
        sound.sample_rate if sound else None,
        picture.name if picture else None,
        picture.width if picture else 0,
        picture.height if picture else 0,
    )


class Packets(msgspec.Struct, frozen=True):
    """The packets of a sound track, counted."""

    headers: Headers
    seconds: float
    """Length of the song, lost packets included."""
    n_bytes: int
    stated: float | None
    """Length that the header states; None where it states none, or where its number of bytes is right."""
    ends_early: bool
    """The container says that bytes are missing at the end."""
    has_true_header: bool
    """False for an mp3 whose header is missing or says something else than there is: libsndfile believes headers."""


def parts(path: Path) -> list[Part]:
    """The songs that follow one another in a file: its links if it is a chained Ogg file, else the whole file.

    Raises:
        AudioError: if it is no file, or cannot be read.
    """
    try:
        with open_file(path, MAX_BYTES) as file:
            size = os.fstat(file.fileno()).st_size
            starts = list(_ogg_links(file, size))
    except OSError as error:
        raise AudioError(path, f"cannot be read ({error.strerror or error}); check the path.") from error
    if size == 0:
        raise AudioError(path, "the file is empty (0 bytes); copy or download it again.")
    if not 2 <= len(starts) <= MAX_LINKS:
        return [Part(path, 0, size)]
    return [Part(path, *ends, is_whole=False) for ends in zip(starts, [*starts[1:], size], strict=True)]


def _ogg_links(file: BinaryIO, size: int) -> Iterator[int]:
    """Where each link of an Ogg file starts: at a page that begins a stream after pages that do not."""
    place, begins, last, n_damages = 0, False, 0, 0
    while place + 27 <= size and n_damages < MAX_DAMAGES:
        file.seek(place)
        head = file.read(27 + 255)
        if head[:5] != b"OggS\0":
            if place == 0:
                return
            # The last page may have been cut off where the next file was joined to it, so its end is not where it says.
            place, n_damages = _next_page(file, last, size), n_damages + 1
            last = place
            continue
        if head[5] & 0x02 and not begins:
            yield place
        begins = bool(head[5] & 0x02)
        n_segments, last = head[26], place
        place += 27 + n_segments + sum(head[27 : 27 + n_segments])


def _next_page(file: BinaryIO, place: int, size: int) -> int:
    """Where the first page after damaged bytes starts."""
    while place < size:
        file.seek(place)
        data = file.read(MAX_PAGE_BYTES)
        found = data.find(b"OggS\0", 1)
        if found >= 0:
            return place + found
        place += max(len(data) - 4, 1)
    return size


@contextmanager
def open_media(file: BinaryIO) -> Iterator[Any]:
    """Open a song or a video with FFmpeg as an `av.container.InputContainer`, so that it reads no other file and no host.

    Raises:
        av.FFmpegError: if it is of no format in :data:`FORMATS`; for hostile files also OSError, ValueError, IndexError.
    """
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    # "replace": titles in old code pages must not stop the song
    with av.open(file, "r", options=options, metadata_errors="replace") as container:
        yield container


@contextmanager
def open_container(part: Part) -> Iterator[Any]:
    """The same for a song: a file that has a sound track.

    Raises:
        AudioError: if there is no sound track.
    """
    with part.open() as file, open_media(file) as container:
        if not container.streams.audio:
            raise AudioError(part.path, "has no sound track; put the song's audio file in its place.")
        yield container


def check_length(path: Path, seconds: float) -> None:
    """Refuse a song that would fill the memory.

    Raises:
        AudioError: if it is longer than :data:`MAX_HOURS`.
    """
    if seconds > 3600 * MAX_HOURS:
        raise AudioError(path, f"longer than {MAX_HOURS:g} hours; cut the song and try again.")


def measure(part: Part) -> Packets | None:
    """Count the packets of a song; None if FFmpeg cannot read it. A file that has not changed is counted once.

    Raises:
        AudioError: if there is no sound track, or it is longer than :data:`MAX_HOURS`.
    """
    try:
        state = part.path.stat()
    except OSError:
        return _measured(part)
    return _remembered(part, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=MAX_LINKS)
def _remembered(part: Part, changed: int, size: int) -> Packets | None:
    return _measured(part)


def _measured(part: Part) -> Packets | None:
    import av

    try:
        with open_container(part) as container:
            seconds, n_bytes = _count(part.path, container, container.streams.audio[0])
            headers, stated = headers_of(container), _stated(container)
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return None
    ends_early, has_true_header = _is_cut(part), True
    if headers.container == "mp3":
        stated, has_true_header = None, False
        tag = _xing(part)
        if tag is not None:
            ends_early = tag.n_bytes is not None and tag.held < 0.99 * tag.n_bytes  # some encoders leave out their tags
            # Where the number of bytes is right, the song is whole, whatever the number of frames.
            stated = tag.seconds if tag.n_bytes is None or ends_early else None
            are_bytes_right = tag.n_bytes is None or abs(tag.held - tag.n_bytes) < 0.01 * tag.n_bytes
            has_true_header = are_bytes_right and abs(tag.seconds - seconds) < LENGTH_TOLERANCE
    return Packets(headers, seconds, n_bytes, stated, ends_early, has_true_header)


def _count(path: Path, container: Any, stream: Any) -> tuple[float, int]:
    """Length of a stream [s], and bytes of its packets.

    Raises:
        AudioError: if it is longer than :data:`MAX_HOURS`.
    """
    import av

    # The time stamps of a stream should grow steadily. Where they start again or leap, what came before is added up.
    total, n_bytes = 0.0, 0
    start = end = 0.0
    is_first = True
    # Products of whole numbers, as a fraction for each packet takes longer than reading it.
    numerator, denominator = (stream.time_base or Fraction(0)).as_integer_ratio()
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.FFmpegError):  # the end, or a cut in mid-packet
            break
        if not packet.size:
            continue
        n_bytes += packet.size
        lasts = (packet.duration or 0) * numerator / denominator
        time = packet.pts * numerator / denominator if packet.pts is not None and numerator else end
        if is_first or not end - RESTART < time < end + MAX_GAP:
            total, start, end, is_first = total + end - start, time, time, False
        end = max(end, time + lasts)
        check_length(path, total + end - start)
    return total + end - start, n_bytes


def _stated(container: Any) -> float | None:
    """Length that the header states [s]; None if it states none."""
    import av

    stream = container.streams.audio[0]
    if not set(STATED_LENGTH_FORMATS).intersection(container.format.name.split(",")):
        return None
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration is not None else None


class _Xing(msgspec.Struct, frozen=True):
    """Header of an mp3 in its first frame."""

    seconds: float
    n_bytes: int | None
    held: int
    """Bytes from the first frame to the end of the file."""


def _xing(part: Part) -> _Xing | None:
    """The header of an mp3 that states its length; None if it has none."""
    with part.open() as file:
        head = file.read(10)
        start = 0
        if head[:3] == b"ID3":  # size in 4 bytes of 7 bits, without the header's 10
            start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(start)
        frame = file.read(64)
    tag = max(frame.find(b"Xing"), frame.find(b"Info"))
    if frame[:1] != b"\xff" or tag < 0 or len(frame) < tag + 16 or not frame[tag + 7] & 1:
        return None
    version = frame[1] >> 3 & 3  # 3: MPEG 1; 2: MPEG 2; 0: MPEG 2.5
    rate = (44_100, 48_000, 32_000, 0)[frame[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}.get(version, 0)
    if not rate:
        return None
    frames = int.from_bytes(frame[tag + 8 : tag + 12], "big")
    n_bytes = int.from_bytes(frame[tag + 12 : tag + 16], "big") if frame[tag + 7] & 2 else None
    return _Xing(frames * (1152 if version == 3 else 576) / rate, n_bytes, part.stop - part.start - start)


def _is_cut(part: Part) -> bool:
    """Whether bytes are missing at the end, by the container alone (wav and ogg).

    libsndfile trusts the size of these files over their headers, so its frame count cannot be used for this.
    """
    size = part.stop - part.start
    with part.open() as file:
        head = file.read(12)
        if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
            stated = int.from_bytes(head[4:8], "little") + 8
            # the largest values stand for "unknown": written to a pipe
            return size + 1 < stated < 0xFFFFF000
        if head[:4] == b"OggS":
            file.seek(max(0, size - 2 * MAX_PAGE_BYTES))
            tail = file.read(2 * MAX_PAGE_BYTES)
            last = tail.rfind(b"OggS\0")
            return last >= 0 and len(tail) > last + 5 and not tail[last + 5] & 0x04  # end of stream
    return False
