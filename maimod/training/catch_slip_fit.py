"""Moves planted in good catch maps, to fit the model of slips (:mod:`maimod.training.slip_fit`).

Only x counts, so objects are moved to the left and right: alone, a few together, mirrored within the space that they take, two
fruits exchanged, and fruits brought just within reach of a dash, so that a hyperdash is lost, or just out of it. Nothing is shared with the mistakes of :mod:`maimod.training.faults`, by which findings are evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from maimod.features.catch import copies as catch_copies
from maimod.osu import slider_path
from maimod.osu.beatmap import WIDTH, Beatmap, HitObject, ObjectKind
from maimod.osu.catch import Part, movements
from maimod.training.slip_forest import Planted, SlipFit

SIZES = (8, 12, 16, 24, 32, 40, 60, 80, 100, 120, 160, 200)
"""Px of planted moves."""
APART = (9, 20)
"""Objects from one planted move to the next."""
VERSIONS = 8
"""Planted versions of each map: there are few catch maps."""
KINDS = {"moved": 8, "together": 2, "mirrored": 1, "exchanged": 2, "hyperdash-lost": 2, "hyperdash-made": 1}
"""Kinds of moves, and how often they are planted."""
SIZED, GROUPS = ("moved", "together"), ("together", "mirrored")
MARGIN_PX = (1.0, 40.0)
"""How far a fruit is then from where the game makes a hyperdash."""
NEAREST_PX = 150.0
"""A fruit that would have to be moved farther gets no hyperdash."""
_Xs = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class CatchVersion:
    """A map with planted moves."""

    objects: tuple[HitObject, ...]
    """In order of time."""
    kinds: tuple[str, ...]
    """Of the move of each object; empty without one."""
    sizes: np.ndarray
    """(n_objects,) px; 0 where a move has no size."""
    inside: np.ndarray
    """(n_objects,) whether an object was moved with both its neighbours."""


def plant(beatmap: Beatmap, objects: Sequence[HitObject], random: Generator) -> CatchVersion:
    """Plant moves all over a map.

    Args:
        beatmap: a good map.
        objects: its objects, in order of time.
        random: chooses places, kinds and sizes.
    """
    n = len(objects)
    changed, kinds, sizes, inside = list(objects), [""] * n, np.zeros(n), np.zeros(n, dtype=bool)
    names, chances = list(KINDS), np.array(list(KINDS.values()), dtype=float)
    to_hyperdash = _to_hyperdash(beatmap, objects)
    at = int(random.integers(2, APART[1]))
    while at < n - 1:
        kind = str(random.choice(names, p=chances / chances.sum()))
        size = float(random.choice(SIZES))
        count = int(random.integers(2, 6)) if kind in GROUPS else 2 if kind == "exchanged" else 1
        group = list(objects[at : at + count])
        if all(o.kind is not ObjectKind.SPINNER for o in group):
            if kind.startswith("hyperdash"):
                moved = _hyperdash(objects[at - 1], group[0], to_hyperdash[at], kind, random)
            else:
                moved = _MOVES[kind](group, size, random)
            for by, o in enumerate(moved):
                changed[at + by], kinds[at + by] = o, kind if o != group[by] else ""
                sizes[at + by] = size if kind in SIZED else 0.0
                inside[at + by] = 0 < by < len(moved) - 1
            at += max(len(moved) - 1, 0)
        at += int(random.integers(*APART))
    return CatchVersion(tuple(changed), tuple(kinds), sizes, inside)


def _to_hyperdash(beatmap: Beatmap, objects: Sequence[HitObject]) -> np.ndarray:
    """(n_objects,) px that each fruit may be farther from the object before; NaN of what is no fruit, or over a spinner."""
    found = {
        id(one.after.hit_object): one.to_hyperdash
        for one in movements(beatmap)
        if one.after.part is Part.FRUIT and not one.over_spinner
    }
    return np.array([found.get(id(o), np.nan) for o in objects])


def _hyperdash(before: HitObject, o: HitObject, away: float, kind: str, random: Generator) -> list[HitObject]:
    """A fruit moved along its way so that a hyperdash to it is lost or made; none where it cannot be."""
    is_made, margin = kind == "hyperdash-made", float(random.uniform(*MARGIN_PX))
    if np.isnan(away) or (away < 0) is is_made or abs(away) > NEAREST_PX:
        return []
    from_x = before.x if before.slider is None else slider_path.tail(before.slider)[0]
    way = 1 if o.x > from_x else -1
    x = float(round(o.x + way * (away + (margin if is_made else -margin))))
    return _placed([o], ((x,),)) if (x - from_x) * way > 0 else []


def _xs(o: HitObject) -> tuple[float, ...]:
    return tuple(x for x, _ in o.slider.control_points) if o.slider else (o.x,)


def _at(o: HitObject, xs: Sequence[float]) -> HitObject:
    path = o.slider and replace(
        o.slider, control_points=tuple((x, y) for x, (_, y) in zip(xs, o.slider.control_points, strict=True))
    )
    return replace(o, x=xs[0], slider=path)


def _placed(group: Sequence[HitObject], places: _Xs) -> list[HitObject]:
    """The objects at other places; none if one is outside the playfield."""
    if not all(0 <= x <= WIDTH for xs in places for x in xs):
        return []
    return [_at(o, xs) for o, xs in zip(group, places, strict=True)]


def _moved(group: Sequence[HitObject], size: float, random: Generator) -> list[HitObject]:
    for way in random.permutation([-size, size]).tolist():
        if moved := _placed(group, tuple(tuple(x + way for x in _xs(o)) for o in group)):
            return moved
    return []


def _mirrored(group: Sequence[HitObject], size: float, random: Generator) -> list[HitObject]:
    every = [x for o in group for x in _xs(o)]
    both = min(every) + max(every)
    return _placed(group, tuple(tuple(both - x for x in _xs(o)) for o in group))


def _exchanged(group: Sequence[HitObject], size: float, random: Generator) -> list[HitObject]:
    """Two fruits, each at the other's place."""
    if len(group) < 2 or any(o.slider for o in group) or group[0].x == group[1].x:
        return []
    return _placed(group, ((group[1].x,), (group[0].x,)))


_MOVES: dict[str, Callable[[Sequence[HitObject], float, Generator], list[HitObject]]] = {
    "moved": _moved,
    "together": _moved,
    "mirrored": _mirrored,
    "exchanged": _exchanged,
}


def _measured(beatmap: Beatmap, objects: Sequence[HitObject]) -> np.ndarray:
    return catch_copies.measure(beatmap, objects)[0]


def _planted(beatmap: Beatmap, objects: Sequence[HitObject], random: Generator) -> Planted:
    version = plant(beatmap, objects, random)
    names = [
        "" if not kind else f"catch {kind} {size:g}" if size else f"catch {kind}"
        for kind, size in zip(version.kinds, version.sizes.tolist(), strict=True)
    ]
    return Planted(_measured(beatmap, version.objects), names, version.inside)


FIT = SlipFit("catch", catch_copies.SLIP_NAMES, VERSIONS, _measured, _planted)
