"""Measure media files without playing them: container, codecs, bit rate, picture size, start of a hitsound sample.

Conventions: times in ms, bit rates in kbit/s, sizes in pixels. File names are ignored; only short samples are decoded;
of large files only the needed parts are read, because mapsets are not trusted.
"""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import numpy as np

from maimod.audio.container import MAX_BYTES, Headers, Packets, headers_of, measure, open_media, parts
from maimod.errors import AudioError
from maimod.osu.folder import open_file

MAX_RATE_BYTES = 512 * 1024 * 1024
"""The bit rate of larger files is not measured."""
MAX_SAMPLE_BYTES = 4 * 1024 * 1024
"""Larger files are not hitsounds."""
MAX_HEADER_BYTES = 1024 * 1024
"""The size of a JPEG comes after its metadata, which may hold a thumbnail or a colour profile."""
MAX_SAMPLE_SECONDS, MAX_SAMPLE_CHANNELS = 30, 8
AUDIBLE = 0.005
"""Share of its peak at which a sample counts as audible: -46 dB."""


class Media(msgspec.Struct, frozen=True):
    """A song or a video."""

    container: str
    """FFmpeg's name, as "mp3", "ogg", "wav" or "mov,mp4,m4a,3gp,3g2,mj2"."""
    duration: float | None
    """Ms."""
    audio_codec: str | None = None
    """None without a sound track."""
    bit_rate: float | None = None
    """Of the sound track: kbit/s on average."""
    sample_rate: int | None = None
    video_codec: str | None = None
    """None without pictures; covers of songs do not count."""
    width: int = 0
    height: int = 0


def probe(path: Path, rate: bool = True) -> Media | None:
    """Describe a song or video without decoding it; None if FFmpeg's libraries cannot read it.

    Args:
        path: the file.
        rate: whether to measure the bit rate, for which the whole file is read.
    """
    counted = _counted(path) if rate else []
    # Opening a file takes as long as counting its packets, so one that is a song by itself is not opened again.
    headers = counted[0].headers if len(counted) == 1 and counted[0].headers.audio_codec else _headers(path)
    if headers is None:
        return None
    if not headers.audio_codec:
        counted = []
    seconds, n_bytes = sum(one.seconds for one in counted), sum(one.n_bytes for one in counted)
    length = seconds if counted else headers.seconds
    return Media(
        headers.container,
        None if length is None else 1000 * length,
        headers.audio_codec,
        n_bytes * 8 / 1000 / seconds if seconds else None,
        headers.sample_rate,
        headers.video_codec,
        headers.width,
        headers.height,
    )


def _headers(path: Path) -> Headers | None:
    """What the headers of a file say; None if FFmpeg's libraries cannot read it."""
    import av

    try:
        with open_file(path, MAX_BYTES) as file, open_media(file) as container:
            return headers_of(container)
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return None


def _counted(path: Path) -> list[Packets]:
    """The packets of each song in a file, because what headers say of variable rates is often wrong; none if one of them cannot be
    counted."""
    try:
        found = parts(path)
        counted = [measure(part) for part in found] if found[-1].stop <= MAX_RATE_BYTES else []
    except AudioError:
        return []
    known = [one for one in counted if one]
    return known if len(known) == len(counted) else []


def picture_size(path: Path) -> tuple[int, int, str] | None:
    """(width, height, format) of a PNG or JPEG from its header; None for anything else."""
    try:
        with open_file(path) as stream:
            data = stream.read(MAX_HEADER_BYTES)
    except OSError:
        return None
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height, "png"
    if not data.startswith(b"\xff\xd8"):
        return None
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:  # padding, or segments without a length
            place += 1 if marker == 0xFF else 2
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a frame header
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height, "jpg"
        place += 2 + int(struct.unpack(">H", data[place + 2 : place + 4])[0])
    return None


class Sample(msgspec.Struct, frozen=True):
    """A short sound."""

    container: str
    """libsndfile's name: "WAV", "OGG", "MP3", ..."""
    duration: float
    """Ms."""
    peak: float
    """0 is silence, 1 full scale."""
    delay: float
    """Ms from the start to the first audible sample; 0 for silence."""
    balance: float = 1.0
    """Loudness of the quieter of two channels as a share of the louder one (root mean square); 1 for one channel."""


def measure_sample(path: Path) -> Sample | None:
    """Decode a hitsound sample; None if it is too large, or is not a sound."""
    import soundfile

    try:
        with open_file(path, MAX_SAMPLE_BYTES) as stream, soundfile.SoundFile(stream.fileno(), closefd=False) as file:
            if (
                file.channels > MAX_SAMPLE_CHANNELS
                or file.frames > MAX_SAMPLE_SECONDS * file.samplerate
                or file.samplerate > 192_000
            ):
                return None
            samples = file.read(file.frames, dtype="float32", always_2d=True)
            container, rate = str(file.format), int(file.samplerate)
    except (OSError, soundfile.LibsndfileError, ValueError):
        return None
    samples = np.nan_to_num(samples, posinf=1.0, neginf=-1.0)
    loud = np.abs(samples).max(axis=1) if len(samples) else np.zeros(0, dtype=np.float32)
    peak = float(loud.max(initial=0.0))
    delay = float(np.argmax(loud > AUDIBLE * peak)) / rate * 1000 if peak > 0 else 0.0
    loudness = np.sqrt(np.mean(np.square(samples, dtype=np.float64), axis=0)) if len(samples) else np.ones(1)
    balance = float(loudness.min() / loudness.max()) if loudness.max() > 0 else 1.0
    return Sample(container, len(samples) / rate * 1000, peak, delay, balance)
