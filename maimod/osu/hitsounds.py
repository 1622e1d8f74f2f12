"""Hitsounds as the game plays them: sample set, additions and volume of every hit."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import chain, repeat
from typing import NamedTuple

import msgspec

from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind, TimingPoint

HITSOUND_LENIENCY_MS = 5
"""The timing point in force this many ms later sets the samples: the game tolerates a late timing point."""
SAMPLE_SETS = ("normal", "soft", "drum")
ADDITIONS = ("whistle", "finish", "clap")
WHISTLE, FINISH, CLAP = 2, 4, 8
KAT, BIG = WHISTLE | CLAP, FINISH
"""Taiko: a whistle or clap makes a blue note (kat), a finish a big one."""
DEFAULT_SET = 1  # lazer: a timing point without a sample set plays the normal one


class Hit(NamedTuple):  # five times as fast to make as a frozen dataclass
    """One hit with the samples that the game plays."""

    hit_object: HitObject
    edge: int
    """0 for heads and for objects other than sliders, then the repeats; `slides` for the tail."""
    time: float
    """Ms."""
    additions: int
    """Bits: 2 whistle, 4 finish, 8 clap."""
    normal_set: int
    """Sample set of the hitnormal: 1 normal, 2 soft, 3 drum."""
    addition_set: int
    """Sample set of the additions."""
    sample_index: int
    """Index of custom samples: 0 are the skin's, 1 the mapset's first."""
    volume: int
    """Percent."""
    keysound: bool
    """Whether the object names a sample file to play instead."""
    point: TimingPoint
    """The timing point that gives the values the object does not set."""

    @property
    def is_active(self) -> bool:
        """Whether the player presses a key: true for all but repeats and tails."""
        return self.edge == 0

    @property
    def place(self) -> str:
        """Name of the hit: "circle", "slider head", "slider tail", "repeat 2 of the slider"."""
        if self.hit_object.slider is None:
            return "spinner end" if self.hit_object.kind is ObjectKind.SPINNER else self.hit_object.kind.value
        if self.edge == 0:
            return "slider head"
        if self.edge == self.hit_object.slider.slides:
            return "slider tail"
        return "slider repeat" if self.hit_object.slider.slides == 2 else f"repeat {self.edge} of the slider"


def hits(beatmap: Beatmap) -> list[Hit]:
    """List the hits of a beatmap in order of time."""
    kept = vars(beatmap)  # as its cached properties are: many rules list the hits of every difficulty of a set
    if _KEPT not in kept:
        kept[_KEPT] = tuple(_hits(beatmap))
    return list(kept[_KEPT])


_KEPT = "_hits"


def _hits(beatmap: Beatmap) -> list[Hit]:
    points = beatmap.sorted_timing_points
    times = [point.time for point in points]
    found = []
    for hit_object in beatmap.hit_objects:
        for edge, time, additions, normal_set, addition_set in _edges(hit_object):
            # As Beatmap.timing_point_at, without its calls: there may be tens of thousands of hits.
            point = points[max(bisect_right(times, time + HITSOUND_LENIENCY_MS) - 1, 0)]
            found.append(_hit(hit_object, edge, time, additions, normal_set, addition_set, point))
    found.sort(key=lambda hit: (hit.time, hit.hit_object.index))
    return found


def _edges(hit_object: HitObject) -> Iterable[tuple[int, float, int, int, int]]:
    """(edge, time, additions, normal set, addition set) of each hit of an object, as the file has them."""
    slider, sample = hit_object.slider, hit_object.sample
    own_sets = sample.normal_set, sample.addition_set
    if slider is None:
        time = hit_object.end_time if hit_object.kind is ObjectKind.SPINNER else hit_object.time
        return ((0, time, hit_object.hitsound, *own_sets),)
    # Edges that the file does not list use the slider's own sound.
    additions = chain(slider.edge_sounds, repeat(hit_object.hitsound))
    sets = chain(slider.edge_sets, repeat(own_sets))
    return (
        (edge, time, bits, *pair)
        for edge, (time, bits, pair) in enumerate(zip(hit_object.edge_times(), additions, sets, strict=False))
    )


def _hit(
    hit_object: HitObject,
    edge: int,
    time: float,
    additions: int,
    normal_set: int,
    addition_set: int,
    point: TimingPoint,
) -> Hit:
    sample = hit_object.sample
    normal_set = normal_set or point.sample_set
    if normal_set not in (1, 2, 3):
        normal_set = DEFAULT_SET
    volume = sample.volume or point.volume
    return Hit(
        hit_object,
        edge,
        time,
        additions & 14,
        normal_set,
        addition_set if addition_set in (1, 2, 3) else normal_set,
        sample.index or point.sample_index,
        volume if 0 <= volume <= 100 else min(max(volume, 0), 100),
        bool(sample.filename),
        point,
    )


class Sound(msgspec.Struct, frozen=True):
    """One sample of a hit."""

    files: tuple[str, ...]
    """Names of files of the mapset to look for, in order, without their endings; none if the player's own sample is
    meant."""
    sample_set: int
    """1 normal, 2 soft, 3 drum: of the player's own sample, which plays where the mapset has no file."""
    name: str
    """"hitnormal", "hitwhistle", "hitfinish" or "hitclap"."""


def sounds(hit: Hit, mode: Mode) -> list[Sound]:
    """The samples that a hit plays together.

    Source: https://osu.ppy.sh/wiki/en/Skinning/Sounds, and lazer's `TaikoLegacySkinTransformer` for what taiko looks for.
    """
    if hit.keysound:
        return [Sound((hit.hit_object.sample.filename,), hit.normal_set, "hitnormal")]
    if mode is Mode.TAIKO:
        name = "hitclap" if hit.additions & KAT else "hitnormal"
        big = ["hitwhistle" if hit.additions & KAT else "hitfinish"] if hit.additions & BIG else []
        return [_sound(hit, hit.normal_set, one, ("taiko-", "")) for one in [name, *big]]
    names = [f"hit{name}" for bit, name in enumerate(ADDITIONS, start=1) if hit.additions >> bit & 1]
    return [_sound(hit, hit.normal_set, "hitnormal"), *(_sound(hit, hit.addition_set, name) for name in names)]


def _sound(hit: Hit, sample_set: int, name: str, prefixes: tuple[str, ...] = ("",)) -> Sound:
    number = sample_number(hit.sample_index)
    files = () if number is None else tuple(f"{prefix}{set_name(sample_set)}-{name}{number}" for prefix in prefixes)
    return Sound(files, sample_set, name)


def sample_number(index: int) -> str | None:
    """End of the names of a set's samples with an index; None where the player's own samples are meant."""
    return None if index < 1 else "" if index == 1 else str(index)


def addition_names(additions: int) -> str:
    """Name addition bits: "whistle", "finish + clap", "no addition"."""
    return " + ".join(name for bit, name in enumerate(ADDITIONS, start=1) if additions >> bit & 1) or "no addition"


def set_name(sample_set: int) -> str:
    """Name a sample set from 1 to 3."""
    return SAMPLE_SETS[sample_set - 1]
