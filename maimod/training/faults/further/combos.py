"""Planted mistakes of new combos over a stretch: all late, all missing, one on every object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, HitObject, ObjectKind
from maimod.training.faults.base import (
    Envelope,
    Fault,
    Planted,
    in_turn,
    on_downbeat,
    over,
    starting_in,
    stretches,
    with_objects,
)
from maimod.training.faults.classic.playfield import flagged

LEAST_FLAGS = 3
LEAST_OBJECTS = 4
MOST_FLAGGED = 0.35
"""Share of objects with a new combo above which combos of one object are the map's style."""


def with_flags(beatmap: Beatmap, inside: Sequence[HitObject], flags: Sequence[bool]) -> Beatmap:
    new = {
        o.index: replace(o, new_combo=flag, combo_skip=o.combo_skip if flag and o.new_combo else 0)
        for o, flag in zip(inside, flags, strict=True)
        if flag != o.new_combo
    }
    return with_objects(beatmap, new)


def regular_stretches(beatmap: Beatmap, measures: int) -> list[tuple[float, float, list[HitObject]]]:
    """(start, end, objects) of stretches with new combos, most of them on downbeats, and without spinners."""
    own = {o.index for o in flagged(beatmap)}
    found = []
    for start, end in stretches(beatmap, measures):
        inside = starting_in(beatmap, start, end)
        flags = [o for o in inside if o.new_combo]
        if (
            len(flags) >= LEAST_FLAGS
            and all(o.index in own for o in flags)
            and all(o.kind is not ObjectKind.SPINNER for o in inside)
            and 2 * sum(on_downbeat(beatmap, o.time) for o in flags) > len(flags)
        ):
            found.append((start, end, inside))
    return found


def _late(measures: int, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """The new combos of some measures are one object late."""
    for start, end, inside in in_turn(random, regular_stretches(beatmap, measures)):
        flags = [o.new_combo for o in inside]
        if flags[-1] or any(a and b for a, b in pairwise(flags)):
            continue
        changed = with_flags(beatmap, inside, [False, *flags[:-1]])
        return over(changed, start, end, f"{sum(flags)} new combos one object late")
    return None


def _lost(measures: int, beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Some measures have no new combos."""
    for start, end, inside in in_turn(random, regular_stretches(beatmap, measures)):
        changed = with_flags(beatmap, inside, [False] * len(inside))
        return over(changed, start, end, f"no new combos for {measures} measures")
    return None


def _everywhere(beatmap: Beatmap, random: Generator, envelope: Envelope) -> Planted | None:
    """Every object of a measure has a new combo."""
    objects = beatmap.hit_objects
    if sum(o.new_combo for o in objects) > MOST_FLAGGED * len(objects):
        return None
    for start, end in in_turn(random, stretches(beatmap, 1, LEAST_OBJECTS)):
        inside = starting_in(beatmap, start, end)
        if any(o.kind is ObjectKind.SPINNER for o in inside) or 2 * sum(o.new_combo for o in inside) > len(inside):
            continue
        changed = with_flags(beatmap, inside, [True] * len(inside))
        return over(changed, start, end, f"a new combo on each of {len(inside)} objects")
    return None


_N = (Category.NEW_COMBOS,)
FAULTS: tuple[Fault, ...] = (
    Fault("combos-late", "4 measures", _N, PLAYFIELD_MODES, partial(_late, 4)),
    Fault("combos-lost", "4 measures", _N, PLAYFIELD_MODES, partial(_lost, 4)),
    Fault("combos-everywhere", "", _N, PLAYFIELD_MODES, _everywhere),
)
