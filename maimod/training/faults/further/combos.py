"""Planted mistakes of new combos over a stretch: all late, all missing, one on every object."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from numpy.random import Generator

from maimod.findings import Category
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, ObjectKind
from maimod.training.faults.base import Envelope, Fault, Planted, in_turn, over, starting_in, stretches
from maimod.training.faults.combo_flags import regular_stretches, with_flags

LEAST_OBJECTS = 4
MOST_FLAGGED = 0.35
"""Share of objects with a new combo above which combos of one object are the map's style."""


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
