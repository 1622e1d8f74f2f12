"""Measure media files without playing them: container, codecs, bit rate, picture size, start of a hitsound sample.

Conventions: times in ms, bit rates in kbit/s, sizes in pixels. File names are ignored; only short samples are decoded;
of large files only the needed parts are read, because mapsets are not trusted.
"""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec
import numpy as np

from maimod.audio.container import FORMATS, MAX_BYTES, measure, parts
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
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    try:
        with (
            open_file(path, MAX_BYTES) as file,
            av.open(file, "r", options=options, metadata_errors="replace") as container,
        ):
            # A stream of a codec that FFmpeg does not know has no codec context.
            sound = next((one.codec_context for one in container.streams.audio if one.codec_context), None)
            pictures = (one.codec_context for one in container.streams.video if one.codec_context)
            picture = next((one for one in pictures if one.name not in ("mjpeg", "png", "gif", "bmp")), None)
            name, duration = container.format.name, container.duration and container.duration / 1000
        seconds, n_bytes = _counted(path) if sound and rate else (None, 0)
        return Media(
            name,
            duration if seconds is None else 1000 * seconds,
            sound.name if sound else None,
            n_bytes * 8 / 1000 / seconds if seconds else None,
            sound.sample_rate if sound else None,
            picture.name if picture else None,
            picture.width if picture else 0,
            picture.height if picture else 0,
        )
    except (av.FFmpegError, OSError, ValueError, IndexError):
        return None


def _counted(path: Path) -> tuple[float | None, int]:
    """(length in seconds, bytes of sound) by the packets: what headers say of variable rates is often wrong."""
    try:
        found = parts(path)
        if found[-1].stop > MAX_RATE_BYTES:
            return None, 0
        counted = [measure(part) for part in found]
    except AudioError:
        return None, 0
    return (
        (sum(one.seconds for one in counted if one), sum(one.n_bytes for one in counted if one))
        if all(counted)
        else (None, 0)
    )


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
