"""Build a mapset of four consistent difficulties in a folder."""

from __future__ import annotations

import io
import math
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from tests.maps import text

BEAT_MS = 400
"""150 BPM."""
FIRST_MS = 2_000
MEASURES = 80
"""128 s: the set has to begin with a Normal."""
METADATA = {
    "Title": "Song",
    "TitleUnicode": "Song",
    "Artist": "Artist",
    "ArtistUnicode": "Artist",
    "Creator": "Mapper",
    "Source": "",
    "Tags": "english pop song",
    "BeatmapSetID": "12",
}
GENERAL = {
    "AudioFilename": "audio.mp3",
    "AudioLeadIn": "0",
    "PreviewTime": "21200",
    "Countdown": "0",
    "SampleSet": "Soft",
    "StackLeniency": "0.7",
    "LetterboxInBreaks": "0",
    "WidescreenStoryboard": "0",
}
LINES = (
    f"{FIRST_MS},{BEAT_MS},4,2,0,70,1,0",
    f"{FIRST_MS + 48 * BEAT_MS},-100,4,2,0,70,0,1",
    f"{FIRST_MS + 112 * BEAT_MS},-100,4,2,0,70,0,0",
)
EVENTS = ('0,0,"bg.png",0,0',)
COLOURS = {"Combo1": "255,128,64", "Combo2": "64,160,255"}


@dataclass(frozen=True)
class Version:
    """One difficulty."""

    name: str
    objects: Sequence[str]
    lines: Sequence[str] = LINES
    events: Sequence[str] = EVENTS
    general: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    difficulty: Mapping[str, float] = field(default_factory=dict)

    def with_metadata(self, **changes: str) -> Version:
        return replace(self, metadata={**self.metadata, **changes})

    def with_objects(self, change: Callable[[list[str]], Sequence[str]]) -> Version:
        return replace(self, objects=tuple(change(list(self.objects))))

    def with_general(self, **changes: str) -> Version:
        return replace(self, general={**self.general, **changes})

    def text(self) -> str:
        written = text(
            self.objects,
            self.lines,
            events=self.events,
            general={**GENERAL, **self.general},
            metadata={**METADATA, "Version": self.name, **self.metadata},
            **self.difficulty,
        )
        colours = "\n".join(f"{key} : {value}" for key, value in COLOURS.items())
        return written.replace("[HitObjects]", f"[Colours]\n{colours}\n\n[HitObjects]")


def circles(step: int, radius: float) -> list[str]:
    """Circles every `step` half beats on a slow zigzag; a whistle on each downbeat, a clap on each other second beat."""
    objects = []
    for number, half in enumerate(range(0, MEASURES * 8, step)):
        x, y = 256 + radius * (1 if number % 2 else -1), 100 + 40 * (number // 2 % 5)
        sound = {0: 2, 4: 8}.get(half % 8, 0)
        kind = 5 if half % 16 == 0 else 1
        sample = "0:0:2:0:" if sound == 8 else "0:0:0:0:"  # the file that `write_media` writes
        objects.append(f"{x:g},{y},{FIRST_MS + half * BEAT_MS // 2},{kind},{sound},{sample}")
    return objects


def versions() -> dict[str, Version]:
    """A spread without findings."""
    plan = {
        "Normal": (4, 150, 3, 4, 4),
        "Hard": (2, 180, 5, 6, 5),
        "Insane": (1, 30, 6, 8, 7),
        "Expert": (1, 90, 6, 9, 8),
    }
    return {
        name: Version(
            name,
            circles(step, radius),
            difficulty={"hp_drain_rate": hp, "circle_size": 4, "overall_difficulty": od, "approach_rate": ar},
        )
        for name, (step, radius, hp, ar, od) in plan.items()
    }


def write(folder: Path, found: Mapping[str, Version]) -> list[Path]:
    """Write the difficulties as `.osu` files."""
    paths = []
    for version in found.values():
        path = folder / f"Artist - Song (Mapper) [{version.name}].osu"
        path.write_text(version.text(), encoding="utf-8")
        paths.append(path)
    return paths


# ---------------------------------------------------------------------------------------------------------------------
# Media


SONG_SECONDS = FIRST_MS / 1000 + MEASURES * 4 * BEAT_MS / 1000


def song(
    path: Path,
    seconds: float = SONG_SECONDS,
    sample_rate: int = 44_100,
    kilobits: int = 160,
    level: float = 0.0,
    highest_khz: float = 100.0,
    again_after: float = 2.0,
) -> None:
    """Write a song of about that length as mp3 of a constant bit rate: silence, or noise of this level up to a frequency, which
    begins again after some seconds with a click."""
    again = _mp3(min(seconds, again_after), sample_rate, kilobits, level, highest_khz)
    path.write_bytes(again * max(1, math.ceil(seconds / again_after)))


@cache
def _mp3(seconds: float, sample_rate: int, kilobits: int, level: float, highest_khz: float) -> bytes:
    """Mp3 frames without a header that would count them."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=sample_rate, layout="mono", options={"reservoir": "0"})
        stream.bit_rate = kilobits * 1000
        noise = np.random.default_rng(0).normal(0, level, int(seconds * sample_rate))
        spectrum = np.fft.rfft(noise)
        spectrum[np.fft.rfftfreq(len(noise), 1 / sample_rate) > 1000 * highest_khz] = 0
        noise = np.fft.irfft(spectrum, len(noise)).astype(np.float32)
        for start in range(0, len(noise) - 1152, 1152):
            frame = av.AudioFrame.from_ndarray(noise[None, start : start + 1152], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = sample_rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def picture(path: Path, width: int = 1280, height: int = 720) -> None:
    """Write a black PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * (width + 1) * height)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def video(path: Path, width: int = 320, height: int = 180, codec: str = "libx264", with_sound: bool = False) -> None:
    """Write a few black frames as a video."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        sound = container.add_stream("aac", rate=44_100, layout="mono") if with_sound else None
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((height * 3 // 2, width), dtype=np.uint8), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
            frame.sample_rate = 44_100
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))


def hitsound(path: Path, milliseconds: float = 100.0, delay: float = 0.0, level: float = 0.5) -> None:
    """Write a click that starts after `delay` ms."""
    import soundfile

    rate = 44_100
    samples = np.zeros(int((delay + milliseconds) * rate / 1000), dtype=np.float32)
    samples[int(delay * rate / 1000) :] = level
    soundfile.write(path, samples, rate, subtype="PCM_16")


def write_media(folder: Path) -> None:
    """Write the files that the difficulties name."""
    song(folder / "audio.mp3")
    picture(folder / "bg.png")
    hitsound(folder / "soft-hitclap2.wav")
