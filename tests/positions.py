"""Maps of circles on the corners of a square, and scores of their events."""

from __future__ import annotations

from collections.abc import Mapping

from maimod.events.schema import Event, EventKind, EventScore
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

N = 40
LOOP = [(100, 100), (200, 100), (200, 200), (100, 200)]
"""A square: every step has 100 px."""


def circle(x: float, y: float, time: float) -> str:
    return f"{x:g},{y:g},{time:g},1,0,0:0:0:0:"


def square(
    changed: Mapping[int, tuple[float, float]] | None = None, *, version: str = "", **difficulty: float
) -> Beatmap:
    places = [(changed or {}).get(i, LOOP[i % 4]) for i in range(N)]
    return beatmap(
        [circle(x, y, 500 * i) for i, (x, y) in enumerate(places)], metadata={"Version": version}, **difficulty
    )


def scored(
    loaded: Beatmap, bits: Mapping[tuple[int, EventKind], float], kinds: tuple[EventKind, ...]
) -> tuple[EventScore, ...]:
    """A score of 1 bit for each kind of event of every object, or the value of `bits` for (object, kind)."""
    scores = []
    for o in loaded.hit_objects:
        for kind in (*kinds, EventKind.CIRCLE):
            event = Event(kind, 5, int(o.time), o.index, o)
            own = bits.get((o.index, kind), 1.0)
            scores.append(EventScore(event, own, 4.0, ((Event(kind, 12, int(o.time), o.index, None), 0.6),), 2.0**-own))
    return tuple(scores)
