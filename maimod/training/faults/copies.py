"""Several mistakes in one copy of a map, far apart, so that one reading of the copy shows them all."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu.beatmap import Beatmap
from maimod.training.faults.base import Fault, Planted

APART_MS = 12_000.0
PLACES_TRIED = 6
KINDS_TRIED = 12
"""After this many kinds in a row without a place, the copy is full."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A changed map and the mistakes in it."""

    beatmap: Beatmap
    mistakes: tuple[tuple[Fault, Planted], ...] = ()
    """Kinds and places, in order of time; the `beatmap` of each place is this one."""


def plant_many(
    beatmap: Beatmap,
    kinds: Sequence[Fault],
    seed: int,
    count: int,
    gap_ms: float = APART_MS,
    envelope: OnsetEnvelope | None = None,
) -> Copy:
    """Plant up to `count` mistakes at least `gap_ms` apart, of different kinds as long as there are others.

    Args:
        beatmap: assumed to have no mistakes.
        kinds: what to plant; each kind is as likely, however many doses it has. Those that take the whole map
            (`is_alone`) are left out.
        seed: chooses kinds, doses and places, together with the name of the file.
        count: most mistakes.
        gap_ms: least distance between the end of one and the start of the next.
        envelope: onsets of the song, for mistakes that depend on it.
    """
    random = np.random.default_rng([seed, zlib.crc32(beatmap.path.name.encode())])
    doses: dict[str, list[Fault]] = {}
    for fault in kinds:
        if not fault.is_alone and beatmap.mode in fault.modes:
            doses.setdefault(fault.kind, []).append(fault)
    copy, names, failures = Copy(beatmap), list(doses), 0
    while names and failures < KINDS_TRIED:
        for name in random.permutation(names).tolist():
            if len(copy.mistakes) >= count or failures >= KINDS_TRIED:
                return copy
            fault = doses[name][int(random.integers(len(doses[name])))]
            more = added(copy, fault, random, gap_ms, envelope)
            copy, failures = more or copy, 0 if more else failures + 1
    return copy


def plant_alone(beatmap: Beatmap, kinds: Sequence[Fault], seed: int, envelope: OnsetEnvelope | None = None) -> Copy:
    """Plant one of the mistakes that take the whole map; the copy has none if there is no place for any.

    Args:
        beatmap, kinds, seed, envelope: as for :func:`plant_many`; other kinds are left out.
    """
    random = np.random.default_rng([seed, zlib.crc32(beatmap.path.name.encode()), 1])
    alone = [fault for fault in kinds if fault.is_alone and beatmap.mode in fault.modes]
    for number in random.permutation(len(alone)).tolist():
        copy = added(Copy(beatmap), alone[number], random, 0.0, envelope)
        if copy is not None:
            return copy
    return Copy(beatmap)


def added(
    copy: Copy, fault: Fault, random: np.random.Generator, gap_ms: float, envelope: OnsetEnvelope | None
) -> Copy | None:
    """The copy with one more mistake, or None if no place far enough from the others was found."""
    for _ in range(PLACES_TRIED):
        planted = fault.inject(copy.beatmap, random, envelope)
        if planted is None:
            return None
        if all(_apart(planted, other) >= gap_ms for _, other in copy.mistakes):
            more = len(planted.beatmap.hit_objects) - len(copy.beatmap.hit_objects)
            mistakes = [(fault, planted)]
            for kind, other in copy.mistakes:
                objects = tuple(i + more * (other.start > planted.start) for i in other.objects)
                mistakes.append((kind, replace(other, beatmap=planted.beatmap, objects=objects)))
            return Copy(planted.beatmap, tuple(sorted(mistakes, key=lambda mistake: mistake[1].start)))
        if fault.is_alone:
            return None
    return None


def _apart(one: Planted, two: Planted) -> float:
    """Ms between the closest places of two mistakes; negative if they overlap."""
    return min(max(a - d, c - b) for a, b in one.spans for c, d in two.spans)
