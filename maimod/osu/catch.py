"""Catch as the game computes it: fruits and drops of the objects, and the movements of the catcher between them.

Conventions: x in osu! pixels, times in ms.
Source: lazer, `CatchBeatmapProcessor` (hyperdashes), `JuiceStream` and `SliderEventGenerator` (drops), `Catcher` (widths
and speeds); behaviour only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise

import msgspec
import numpy as np

from maimod.osu import slider_path
from maimod.osu.beatmap import WIDTH, Beatmap, HitObject, ObjectKind, SliderPath

CATCHER_WIDTH = 106.75
"""Of the catcher at scale 1 (circle size 5)."""
CATCHING_SHARE = 0.8
"""Share of the catcher that catches; the game computes hyperdashes with all of it."""
DASH_SPEED, WALK_SPEED = 1.0, 0.5
"""px/ms."""
GRACE_MS = 1000 / 60 / 4
"""A quarter of a frame, by which the game shortens the time of a movement."""
LEAST_TICK_FROM_END_MS = 10.0
"""A drop is left out this close to the end of a slide."""
MAX_LENGTH = 100_000.0
MAX_TICKS, MAX_FRUITS = 2_000, 200_000
"""Drops of one slider, all its slides together, and fruits of a map, from which on sliders have no drops; absurd maps would
need millions."""


class Part(StrEnum):
    """What a fruit belongs to."""

    FRUIT = "fruit"
    HEAD = "juice stream head"
    DROP = "drop"
    REPEAT = "juice stream repeat"
    TAIL = "juice stream tail"


class Fruit(msgspec.Struct, frozen=True):
    """A fruit or drop that has to be caught; the droplets between drops and the bananas are left out."""

    hit_object: HitObject
    part: Part
    time: float
    x: float

    @property
    def is_within_slider(self) -> bool:
        """Whether the slider goes on after it."""
        return self.part in (Part.HEAD, Part.DROP, Part.REPEAT)


class Movement(msgspec.Struct, frozen=True):
    """The way from one fruit to the next."""

    before: Fruit
    after: Fruit
    to_hyperdash: float
    """Px that the next fruit may be farther away before the game makes a hyperdash; negative: it is one."""
    is_walked: bool
    """Whether the next fruit can be caught without dashing, however the catcher stood before."""
    over_spinner: bool
    """Whether there is a banana shower in between."""

    @property
    def is_hyperdash(self) -> bool:
        """Whether the game makes it one."""
        return self.to_hyperdash < 0

    @property
    def is_dash(self) -> bool:
        """Whether the catcher has to dash, and the game makes no hyperdash."""
        return not self.is_walked and not self.is_hyperdash

    @property
    def ms(self) -> float:
        """Time between the two."""
        return self.after.time - self.before.time

    @property
    def direction(self) -> int:
        """1 to the right, -1 to the left, 0 if both are at one place."""
        return (self.after.x > self.before.x) - (self.after.x < self.before.x)


def catcher_width(circle_size: float) -> float:
    """Width of the whole catcher [px]."""
    return CATCHER_WIDTH * abs(1.0 - 0.7 * (circle_size - 5.0) / 5.0)


def fruits(beatmap: Beatmap) -> list[Fruit]:
    """Fruits and drops in order of time."""
    found: list[Fruit] = []
    for o in beatmap.hit_objects:
        if o.kind is ObjectKind.CIRCLE:
            found.append(Fruit(o, Part.FRUIT, o.time, _inside(o.x)))
        elif o.slider is not None:
            found += _of_slider(beatmap, o, o.slider, has_drops=len(found) < MAX_FRUITS)
    return sorted(found, key=lambda fruit: fruit.time)


def _of_slider(beatmap: Beatmap, o: HitObject, slider: SliderPath, *, has_drops: bool) -> Iterator[Fruit]:
    path = slider_path.flatten(slider)
    span, length = o.span_duration, min(path.length, MAX_LENGTH)
    ticks = _tick_distances(beatmap, o, length, slider.slides) if has_drops else []
    xs = path.at(np.array([0.0, *ticks, length]))[:, 0]
    yield Fruit(o, Part.HEAD, o.time, _inside(xs[0]))
    for slide in range(slider.slides):
        start, back = o.time + slide * span, slide % 2 == 1
        shares = [distance / length for distance in ticks]
        for share, x in sorted(((1 - share if back else share), x) for share, x in zip(shares, xs[1:-1], strict=True)):
            yield Fruit(o, Part.DROP, start + share * span, _inside(x))
        part = Part.TAIL if slide == slider.slides - 1 else Part.REPEAT
        yield Fruit(o, part, start + span, _inside(xs[0] if back else xs[-1]))


def _tick_distances(beatmap: Beatmap, o: HitObject, length: float, slides: int) -> list[float]:
    """Distances of the drops from the head on the way to the end."""
    point, span = beatmap.timing_point_at(o.time), o.span_duration
    distance = min(beatmap.tick_distance(o.time), length)
    if distance <= 0 or span <= 0 or not point.generates_ticks or length / distance * slides > MAX_TICKS:
        return []
    last = length - LEAST_TICK_FROM_END_MS * length / span
    found, at = [], distance
    while at < last:
        found.append(at)
        at += distance
    return found


def _inside(x: float) -> float:
    return float(min(max(x, 0.0), WIDTH))


def movements(beatmap: Beatmap, of: Sequence[Fruit] | None = None) -> list[Movement]:
    """Movements between the fruits, in order."""
    found: list[Movement] = []
    half = catcher_width(beatmap.difficulty.circle_size) / 2
    spinners = sorted(o.time for o in beatmap.hit_objects if o.kind is ObjectKind.SPINNER)
    places = fruits(beatmap) if of is None else of
    allowance, last_direction, place = half, 0, 0
    low = high = None  # where a catcher that caught everything without dashing more than needed can be
    for before, after in pairwise(places):
        while place < len(spinners) and spinners[place] < before.time:
            place += 1
        over = place < len(spinners) and spinners[place] < after.time
        direction, time = 1 if after.x > before.x else -1, after.time - before.time - GRACE_MS
        distance = abs(after.x - before.x)
        left = time * DASH_SPEED - (distance - (allowance if direction == last_direction else half))
        catching = half * CATCHING_SHARE
        if low is None or high is None or over:
            low, high = before.x - catching, before.x + catching
        is_walked, low, high = _walk(low, high, max(time, 0.0), after.x, catching)
        found.append(Movement(before, after, left, is_walked, over))
        allowance = half if left < 0 else min(left, half)
        last_direction = direction
    return found


def _walk(low: float, high: float, time: float, x: float, catching: float) -> tuple[bool, float, float]:
    """Whether a catcher between `low` and `high` can walk to a fruit at `x`, and where it can be then."""
    for speed in (WALK_SPEED, DASH_SPEED):
        reached = max(low - time * speed, x - catching), min(high + time * speed, x + catching)
        if reached[0] <= reached[1]:
            return speed is WALK_SPEED, *reached
    return False, x, x  # a hyperdash ends at the fruit
