"""What a picture of a moment is told: when, and where the model expected the object in question.

A picture holds every object that is visible at some time of its span. What appears and fades carries its times in ms
(`data-s`, `data-e`), what scrolls its time and its speed in px/ms (`data-s`, `data-vx`, `data-vy`); so a viewer can
play the picture by the rules it was drawn by, and without one it stands still at its moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from maimod.events.schema import CELL, CENTRE, EventKind, EventSchema, EventScore, position
from maimod.osu import slider_path
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind

CLOUD, MARKED = "#41e0d0", "#ff5c93"
"""Colours of what was expected and of what was found; neither is a combo colour."""
LEAST = 0.01
"""Probability below which an expectation is not drawn."""


@dataclass(frozen=True, slots=True)
class Span:
    """What of a map a picture holds."""

    time: float
    """The moment it shows, in ms."""
    before: float = 0.0
    """Ms that can be played before it."""
    after: float = 0.0
    """Ms that can be played after it."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where the model expected an object; each entry ends with its probability."""

    time: float
    """Of the object, in ms."""
    rings: tuple[tuple[float, float, float, float], ...] = ()
    """(x, y, distance): from the object before. Of the step's length, before its direction is known."""
    spots: tuple[tuple[float, float, float], ...] = ()
    """(x, y): at the distance, and then at the x, that the map has."""
    cells: tuple[tuple[float, float, float, float], ...] = ()
    """(x, y, size): squares, of models that know no finer."""
    columns: tuple[tuple[int, float], ...] = ()
    """Mania, from 0."""
    places: tuple[tuple[float, float, float], ...] = ()
    """(x, y): all of them, from having asked the model for nothing but this; drawn in place of the rest."""

    def near(self, x: float, y: float, distance: float) -> float:
        """Probability of the places that are at most `distance` px from a point."""
        return sum(p for px, py, p in self.places if math.hypot(px - x, py - y) <= distance)


def cloud(beatmap: Beatmap, hit_object: HitObject, scores: list[EventScore], schema: EventSchema) -> Cloud | None:
    """Read the expected places of an object off the scores of its events; None if the model has nothing to say.

    Args:
        beatmap: of the object.
        hit_object: where the cloud belongs.
        scores: of the object's events, in order.
        schema: of the model.
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
    """Where the object before leaves the cursor."""
    before = max(
        (o for o in beatmap.hit_objects if (o.time, o.index) < (hit_object.time, hit_object.index)),
        key=lambda o: (o.time, o.index),
        default=None,
    )
    if before is None or before.kind is ObjectKind.SPINNER:
        return CENTRE
    return slider_path.tail(before.slider) if before.slider else (before.x, before.y)
