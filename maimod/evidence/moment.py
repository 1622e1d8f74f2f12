"""Inputs of a playfield picture: the moment, and where the model expected the object.

A picture holds every object that is visible at some time of its span. Elements that appear and fade carry their times
in ms (`data-s`, `data-e`), elements that scroll their time and speed in px/ms (`data-s`, `data-vx`, `data-vy`). A
viewer can animate the picture from these; without a viewer it shows its moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from maimod.events.schema import CELL, CENTRE, EventKind, EventSchema, EventScore, position
from maimod.osu import slider_path
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind

CLOUD, MARKED = "#41e0d0", "#ff5c93"
"""Colours for expected positions and for the finding; neither is a combo colour."""
LEAST = 0.01
"""Expected positions below this probability are not drawn."""


@dataclass(frozen=True, slots=True)
class Span:
    """Time range of a picture."""

    time: float
    """The moment to show, in ms."""
    before: float = 0.0
    """Playable ms before it."""
    after: float = 0.0
    """Playable ms after it."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Positions at which the model expected an object; each entry ends with its probability."""

    time: float
    """Time of the object in ms."""
    rings: tuple[tuple[float, float, float, float], ...] = ()
    """(x, y, distance, p): centre at the previous object; the model's distances before it knows a direction."""
    spots: tuple[tuple[float, float, float], ...] = ()
    """(x, y, p): the model's x given the map's distance, and y given the map's distance and x."""
    cells: tuple[tuple[float, float, float, float], ...] = ()
    """(x, y, size, p): squares, for models whose positions are cells."""
    columns: tuple[tuple[int, float], ...] = ()
    """(column, p) in mania, counted from 0."""
    places: tuple[tuple[float, float, float], ...] = ()
    """(x, y, p): joint samples of the position posterior; drawn instead of `rings` and `spots` if present."""
    is_missing: bool = False
    """Whether an object is expected at `time` that the map lacks; its position is not known."""

    def near(self, x: float, y: float, distance: float) -> float:
        """Total probability of `places` within `distance` px of a point."""
        return sum(p for px, py, p in self.places if math.hypot(px - x, py - y) <= distance)


def cloud(beatmap: Beatmap, hit_object: HitObject, scores: list[EventScore], schema: EventSchema) -> Cloud | None:
    """Collect the expected positions of an object from the scores of its events; None if there are none.

    Args:
        beatmap: of the object.
        hit_object: the object to place.
        scores: of the object's events, in order.
        schema: event schema of the model.
    """
    first = [score for score in scores if score.event.group == scores[0].event.group] if scores else []
    by_kind = {
        score.event.kind: [(event, p) for event, p in score.expected if event.kind is score.event.kind and p >= LEAST]
        for score in first
    }
    columns = tuple((event.value, p) for event, p in by_kind.get(EventKind.COLUMN, ()))
    if beatmap.mode is Mode.MANIA:
        return Cloud(hit_object.time, columns=columns) if columns else None
    x0, y0 = _cursor(beatmap, hit_object)
    distances = by_kind.get(EventKind.DISTANCE, [])
    rings = tuple((x0, y0, float(event.value), p) for event, p in distances) if beatmap.mode is Mode.OSU else ()
    spots: list[tuple[float, float, float]] = []
    reach = math.hypot(hit_object.x - x0, hit_object.y - y0)
    for event, p in by_kind.get(EventKind.POS_X, ()):
        (x,) = position(event, schema)
        if beatmap.mode is Mode.CATCH:
            spots.append((x, 0.0, p))
        elif distances and abs(x - hit_object.x) >= schema.position_precision and abs(x - x0) <= reach:
            rise = math.sqrt(reach**2 - (x - x0) ** 2)
            spots += [(x, y, p / 2) for y in (y0 - rise, y0 + rise)]
    if beatmap.mode is Mode.OSU:
        spots += [(hit_object.x, *position(event, schema), p) for event, p in by_kind.get(EventKind.POS_Y, ())]  # type: ignore[misc]
    cells = tuple((*position(event, schema), float(CELL), p) for event, p in by_kind.get(EventKind.POS, ()))
    found = Cloud(hit_object.time, rings, tuple(spots), cells)  # type: ignore[arg-type]
    return found if rings or spots or cells else None


def _cursor(beatmap: Beatmap, hit_object: HitObject) -> tuple[float, float]:
    """Position of the cursor after the previous object."""
    before = max(
        (o for o in beatmap.hit_objects if (o.time, o.index) < (hit_object.time, hit_object.index)),
        key=lambda o: (o.time, o.index),
        default=None,
    )
    if before is None or before.kind is ObjectKind.SPINNER:
        return CENTRE
    return slider_path.tail(before.slider) if before.slider else (before.x, before.y)
