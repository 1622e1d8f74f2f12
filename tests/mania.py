"""Notes and maps of mania at 150 BPM."""

from __future__ import annotations

from collections.abc import Sequence

from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

LINE = "0,400,4,2,0,70,1,0"
"""150 BPM: a beat of the criteria is a beat of the song."""


def note(column: int, time: float, keys: int = 4, sound: int = 0, file: str = "") -> str:
    return f"{round((column + 0.5) * 512 / keys)},192,{time:g},1,{sound},0:0:0:0:{file}"


def hold(column: int, time: float, end: float, keys: int = 4) -> str:
    return f"{round((column + 0.5) * 512 / keys)},192,{time:g},128,0,{end:g}:0:0:0:0:"


def made(objects: Sequence[str], keys: int = 4, **general: str) -> Beatmap:
    return beatmap(objects, [LINE], mode=3, circle_size=keys, general=general)
