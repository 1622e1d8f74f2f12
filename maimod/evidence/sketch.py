"""Objects as far as a picture needs them, read from a map or from events that a model has written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from maimod.events.schema import ANCHORS, CELL, TYPES, Event, EventKind, EventSchema, position
from maimod.osu import slider_path
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind, SliderPath

ON_PATH_PX = 48.0
"""A slider end farther from its anchors' path than this does not say how long the slider is."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """An object without its line in a file."""

    kind: ObjectKind
    time: float
    end_time: float
    x: float = 256.0
    y: float = 192.0
    path: SliderPath | None = None
    column: int = 0
    additions: int = 0
    new_combo: bool = False


def of_map(beatmap: Beatmap, objects: Sequence[HitObject]) -> list[Sketch]:
    """Objects of a map."""
    return [
        Sketch(
            o.kind,
            o.time,
            o.end_time,
            o.x,
            o.y,
            o.slider,
            beatmap.column(o) if beatmap.mode is Mode.MANIA else 0,
            o.hitsound,
            o.new_combo,
        )
        for o in objects
    ]


def of_events(events: Sequence[Event], schema: EventSchema, mode: Mode, until: float) -> list[Sketch]:
    """Objects that a model has written, by time.

    Args:
        events: in order, with times in ms.
        schema: of the model.
        mode: of the map.
        until: ms; long objects whose end is missing last until then.
    """
    found: list[Sketch] = []
    slider: _Slider | None = None
    for group in _groups(events, schema):
        kind, time = group.kind, group.time
        if kind is EventKind.CIRCLE:
            found.append(group.sketch(ObjectKind.CIRCLE))
        elif kind is EventKind.SPINNER:
            found.append(replace(group.sketch(ObjectKind.SPINNER), end_time=until))
        elif kind is EventKind.HOLD_NOTE:
            found.append(replace(group.sketch(ObjectKind.HOLD), end_time=until))
        elif kind in (EventKind.DRUMROLL, EventKind.DENDEN):
            is_roll = kind is EventKind.DRUMROLL
            found.append(replace(group.sketch(ObjectKind.SLIDER if is_roll else ObjectKind.SPINNER), end_time=until))
        elif kind in _ENDS:
            _end(found, _ENDS[kind], time, group.column if kind is EventKind.HOLD_NOTE_END else None)
        elif kind is EventKind.SLIDER_HEAD:
            slider = _Slider(group)
        elif slider is not None and (kind in ANCHORS or kind is EventKind.LAST_ANCHOR):
            slider.add(group)
        elif slider is not None and kind is EventKind.SLIDER_END:
            found.append(slider.sketch(group))
            slider = None
    return sorted(_apart(found, mode), key=lambda one: one.time)


_ENDS = {
    EventKind.SPINNER_END: ObjectKind.SPINNER,
    EventKind.HOLD_NOTE_END: ObjectKind.HOLD,
    EventKind.DRUMROLL_END: ObjectKind.SLIDER,
    EventKind.DENDEN_END: ObjectKind.SPINNER,
}


def _end(found: list[Sketch], kind: ObjectKind, time: float, column: int | None) -> None:
    """Give the last open object of a kind its end."""
    for place in range(len(found) - 1, -1, -1):
        one = found[place]
        if one.kind is kind and (column is None or one.column == column):
            found[place] = replace(one, end_time=max(time, one.time))
            return


def _apart(found: Sequence[Sketch], mode: Mode) -> Iterator[Sketch]:
    """Without a second note in one column at one time."""
    seen = set()
    for one in found:
        place = (one.time, one.column)
        if mode is not Mode.MANIA or place not in seen:
            yield one
        seen.add(place)


class _Group:
    """Events of one hit or anchor."""

    def __init__(
        self, kind: EventKind, events: Sequence[Event], schema: EventSchema, before: tuple[float, float]
    ) -> None:
        self.kind, self.time = kind, float(events[-1].time)
        values = {event.kind: event for event in events}
        self.x, self.y = self._place(values, schema) or before
        self.column = values[EventKind.COLUMN].value if EventKind.COLUMN in values else 0
        self.additions = values[EventKind.HITSOUND].value % 8 * 2 if EventKind.HITSOUND in values else 0
        self.new_combo = EventKind.NEW_COMBO in values

    @staticmethod
    def _place(values: dict[EventKind, Event], schema: EventSchema) -> tuple[float, float] | None:
        if EventKind.POS_X in values and EventKind.POS_Y in values:
            return position(values[EventKind.POS_X], schema)[0], position(values[EventKind.POS_Y], schema)[0]
        if EventKind.POS not in values:
            return None
        x, y = position(values[EventKind.POS], schema)
        if EventKind.POS_REFINE in values:
            dx, dy = position(values[EventKind.POS_REFINE], schema)
            x, y = x - CELL / 2 + dx, y - CELL / 2 + dy
        return x, y

    def sketch(self, kind: ObjectKind) -> Sketch:
        return Sketch(kind, self.time, self.time, self.x, self.y, None, self.column, self.additions, self.new_combo)


def _groups(events: Sequence[Event], schema: EventSchema) -> Iterator[_Group]:
    """Complete groups, in order."""
    parts: dict[int, list[Event]] = {}
    for event in events:
        parts.setdefault(event.group, []).append(event)
    before = (256.0, 192.0)
    for group in parts.values():
        kind = next((event.kind for event in group if event.kind in TYPES), None)
        if kind is not None:
            found = _Group(kind, group, schema, before)
            before = found.x, found.y
            yield found


class _Slider:
    """A slider whose parts come one after the other."""

    def __init__(self, head: _Group) -> None:
        self.head, self.anchors, self.last = head, list[_Group](), list[_Group]()

    def add(self, group: _Group) -> None:
        (self.last if group.kind is EventKind.LAST_ANCHOR else self.anchors).append(group)

    def sketch(self, end: _Group) -> Sketch:
        path = self._path(end)
        return replace(self.head.sketch(ObjectKind.SLIDER), end_time=max(end.time, self.head.time), path=path)

    def _path(self, end: _Group) -> SliderPath:
        points = [(self.head.x, self.head.y)]
        kinds = {anchor.kind for anchor in self.anchors}
        is_linear = kinds == {EventKind.RED_ANCHOR}
        for anchor in self.anchors:
            points.append((anchor.x, anchor.y))
            if anchor.kind is EventKind.RED_ANCHOR and not is_linear:
                points.append((anchor.x, anchor.y))  # as the file writes it
        tail = self.last[0] if self.last else end
        points.append((tail.x, tail.y))
        curve = "L" if is_linear or not kinds else "P" if kinds == {EventKind.PERFECT_ANCHOR} else "B"
        curve = "C" if kinds == {EventKind.CATMULL_ANCHOR} else curve
        # The last of the groups with a time is where the first slide ends.
        span = self.last[-1].time - self.head.time if self.last else end.time - self.head.time
        slides = max(1, round((end.time - self.head.time) / span)) if span > 0 else 1
        whole = SliderPath(curve, tuple(points), min(slides, 20), 0.0)
        return replace(whole, length=_length(whole, end.x, end.y))


def _length(path: SliderPath, x: float, y: float) -> float:
    """How far along a path a point is; all of it if the point is elsewhere."""
    line = slider_path.flatten(path)
    distances = np.linspace(0.0, line.length, 65)[1:]
    off = np.hypot(*(line.at(distances) - (x, y)).T)
    best = int(off.argmin())
    return float(distances[best]) if off[best] <= ON_PATH_PX and math.isfinite(line.length) else line.length
