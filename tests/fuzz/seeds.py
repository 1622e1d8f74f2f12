"""What is mutated: small files of every kind, written by our own builders; more maps from a folder on request."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from tests import maps, mapset
from tests.songs import clicks

TIMING = (
    "0,500,4,2,0,70,1,0",
    "1000,-100,4,1,0,60,0,1",
    "2000,-50,4,3,1,50,0,0",
    "4000,375,3,2,0,70,1,8",
    "6000,-133.333,4,2,0,5,0,0",
)
EVENTS = (
    "//Background and Video events",
    '0,0,"bg.png",0,0',
    'Video,-100,"video.mp4"',
    "2,9000,10000",
    'Sprite,Foreground,Centre,"sb/a b.png",320,240',
    " F,0,1000,2000,0,1",
    " L,1000,3",
    "  M,0,0,100,320,240,300,200",
    'Sample,3000,0,"kick.wav",70',
    'Animation,Background,TopLeft,"sb/x.png",0,0,4,100,LoopForever',
)
OBJECTS = {
    0: (
        "256,192,1000,5,0,0:0:0:0:",
        "100,100,1500,2,2,B|200:100|200:200|300:200,2,140,2|0|8,0:0|1:2|0:0,0:0:0:0:",
        "50,60,2500,6,0,P|100:60|100:120,1,120.5,0|0,0:0|0:0,1:2:3:40:hit.wav",
        "10,380,3250,2,4,L|300:380,3,150",
        "300,50,4750,2,0,C|350:80|400:50|420:90,1,200,0|4,0:0|0:0,0:0:0:0:",
        "300,50,5500,2,0,B3|350:80|350:80|400:50|L|420:90,1,180,0|4,0:0|0:0,0:0:0:0:",
        "256,192,7000,12,8,8500,0:0:0:0:",
        "400,300,10500,1,10,2:1:1:60:custom.wav",
    ),
    1: (
        "256,192,1000,1,0,0:0:0:0:",
        "256,192,1250,1,8,0:0:0:0:",
        "256,192,1500,2,0,L|400:192,1,280",
        "256,192,3000,12,0,5000",
    ),
    2: ("0,192,1000,5,0,0:0:0:0:", "256,192,1500,2,0,L|400:192,4,140", "256,192,5000,12,0,6000", "512,192,7000,1,0"),
    3: (
        "64,192,1000,1,0,0:0:0:0:",
        "192,192,1000,128,2,1500:0:0:0:0:",
        "320,192,1500,128,0,2500:1:2:3:4:a.wav",
        "448,192,2000,1,0",
    ),
}
COLOURS = "[Colours]\nCombo1 : 255,128,64\nCombo2 : 0,0,255\nSliderBorder : 255,255,255\n\n"
METADATA = {
    "TitleUnicode": "ピアノ",
    "ArtistUnicode": "作",
    "Source": "x",
    "Tags": "a b c",
    "BeatmapID": "75",
    "BeatmapSetID": "12",
}
GENERAL = {
    "AudioFilename": "audio.wav",
    "PreviewTime": "2000",
    "StackLeniency": "0.7",
    "SampleSet": "Soft",
    "SpecialStyle": "0",
}
EDITOR = "[Editor]\nBookmarks: 1000,2000\nDistanceSpacing: 0.8\nBeatDivisor: 4\n\n"


@cache
def beatmaps() -> tuple[bytes, ...]:
    """Maps of all modes, formats and encodings."""
    found = []
    for mode, objects in OBJECTS.items():
        for version in (14, 128, 3):
            text = maps.text(
                objects, TIMING, mode, events=EVENTS, general=GENERAL, metadata=METADATA, format_version=version
            )
            found.append(
                text.replace("[Metadata]", EDITOR + "[Metadata]").replace("[HitObjects]", COLOURS + "[HitObjects]")
            )
    many = [
        f"{(i * 37) % 512},{(i * 53) % 384},{1000 + 250 * i},{5 if i % 8 == 0 else 1},{(i % 5) * 2},0:0:0:0:"
        for i in range(120)
    ]
    found.append(maps.text(many, TIMING, general=GENERAL))
    found += [version.text().replace("audio.mp3", "audio.wav") for version in mapset.versions().values()][:2]
    encoded = [text.encode() for text in found]
    return (*encoded, found[0].replace("\n", "\r\n").encode("utf-8-sig"), found[1].encode("utf-16"))


def more_beatmaps(folder: Path | None, limit: int = 40_000) -> list[bytes]:
    """Our maps and those of a folder up to a size [bytes]."""
    if folder is None:
        return list(beatmaps())
    found = [path.read_bytes() for path in sorted(folder.rglob("*.osu")) if path.stat().st_size <= limit]
    return [*beatmaps(), *found]


@cache
def song() -> bytes:
    """A WAV song of 12 s of clicks."""
    return _written("WAV", "PCM_16")


def _written(format: str, subtype: str, rate: int = 16_000, seconds: float = 12.0) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(
        file, clicks(np.arange(1000, seconds * 1000 - 500, 250), seconds, rate), rate, subtype, format=format
    )
    return file.getvalue()


@cache
def songs() -> dict[str, bytes]:
    """Songs of four seconds by their suffix."""
    import av

    found = {
        "wav": _written("WAV", "PCM_16", seconds=4.0),
        "float.wav": _written("WAV", "FLOAT", seconds=4.0),
        "aiff": _written("AIFF", "PCM_16", seconds=4.0),
        "flac": _written("FLAC", "PCM_16", seconds=4.0),
        "ogg": _written("OGG", "VORBIS", seconds=4.0),
        "opus": _written("OGG", "OPUS", seconds=4.0),
        "mp3": _written("MP3", "MPEG_LAYER_III", 44_100, seconds=4.0),
    }
    found["joined.ogg"] = found["ogg"] * 2
    for suffix, format, codec in (("m4a", "mp4", "aac"), ("mkv", "matroska", "aac"), ("webm", "webm", "libopus")):
        file = io.BytesIO()
        with av.open(file, "w", format=format) as container:
            stream = container.add_stream(codec, rate=48_000, layout="mono")
            samples = clicks(np.arange(500, 3500, 250), 4.0, 48_000)
            for start in range(0, len(samples), 960):
                frame = av.AudioFrame.from_ndarray(samples[None, start : start + 960], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 48_000, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        found[suffix] = file.getvalue()
    return found


@cache
def archive() -> bytes:
    """A mapset of two difficulties and a few other files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in archive_entries().items():
            packed.writestr(name, content)
    return file.getvalue()


@cache
def archive_entries() -> dict[str, bytes]:
    """Its files by name."""
    first, second = (version.text().encode() for version in list(mapset.versions().values())[:2])
    return {
        "a [Normal].osu": first,
        "b [Hard].osu": second,
        "bg.png": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "sb/x.png": bytes(100),
        "é ピ.wav": bytes(300),
        "readme.txt": b"text" * 50,
    }


CONFIGURATIONS = (
    b'fail-on = "warning"\nbaseline = "b.json"\nignore = ["kiai", "rhythm/unsnapped"]\nselect = ["mapset"]\njobs = 2\n'
    b'format = ["console", "json:a.json"]\nmin-severity = "minor"\nmax-findings = 5\ntimeout = 3.5\nmemory = 1000\n'
    b'\n[severity]\n"mapset/tags-genre-language" = "minor"\n"hitsounds" = "off"\n\n[min-score]\n"positions" = 0.8\n'
    b'\n[[override]]\nname = "*Muzukashii*"\nlevel = "hard"\nseverity = { "rhythm" = "problem" }\n',
    b'model = "maimod-mini"\ndevice = "cpu"\nprecision = "fp32"\nquiet = true\nno-cache = false\ncache-dir = "c"\n'
    b'level = "easy"\n[[override]]\nname = "a"\nignore = ["kiai"]\n[[override]]\nname = "b"\nmin-score = { "timing" = 0.5 }\n',
    b'#:schema x\n[severity]\nrhythm = "warning"\n',
)


def pick(choices: list[bytes] | tuple[bytes, ...], random: Random) -> bytes:
    """One of some inputs."""
    return random.choice(choices)
