"""Notes and maps of taiko at 150 BPM."""

from __future__ import annotations

from collections.abc import Sequence

from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

LINE = "0,400,4,2,0,70,1,0"
"""150 BPM: a beat of the criteria is a beat of the song."""
DON, KAT, BIG_DON, BIG_KAT = 0, 8, 4, 12


def notes(*hits: tuple[float, int] | float) -> list[str]:
    """Notes at these times [ms], as (time, hitsound) or as a time for a don."""
    pairs = [hit if isinstance(hit, tuple) else (hit, DON) for hit in hits]
    return [f"256,192,{time:g},1,{sound},0:0:0:0:" for time, sound in pairs]


def run_of(count: int, step: float, start: float = 4000) -> list[str]:
    return notes(*(start + i * step for i in range(count)))


def made(objects: Sequence[str], lines: Sequence[str] = (LINE,), version: str = "Oni") -> Beatmap:
    return beatmap(objects, lines, mode=1, metadata={"Version": version})
