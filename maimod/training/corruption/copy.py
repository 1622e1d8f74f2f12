"""A changed copy of a map under construction, with the labels of what was changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from maimod.discriminator.features import SLOTS_PER_BEAT, Grid
from maimod.discriminator.prediction import KINDS
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind

KIND = {name: place for place, name in enumerate(KINDS)}
APART_SLOTS = 7
"""Slots between changes, so that each has unchanged surroundings."""
SLOTS_PER_CHANGE = 26
SLOTS_PER_STRETCH = 300
"""Slots for each change of a whole stretch: a paste, lost hitsounds, the same slip in every phrase."""
MEASURE_SLOTS = 4 * SLOTS_PER_BEAT
CLEAR_MS = 35.0


@dataclass
class CorruptedCopy:
    """A changed copy under construction."""

    beatmap: Beatmap
    grid: Grid
    random: Generator
    objects: list[HitObject | None]
    """Objects by time; None is removed."""
    added: list[HitObject]
    labels: np.ndarray
    """(n_slots, len(KINDS)) bool."""
    starts: np.ndarray
    """(n_objects,) slots of the objects."""
    taken: np.ndarray
    """(n_slots,) bool: too close to another change."""

    def mark(self, kind: str, *times: float) -> None:
        """Label the slots of these times [ms] with a kind of change."""
        slots, _ = self.grid.locate(times)
        self.labels[slots, KIND[kind]] = True

    def beat(self, time: float) -> float:
        """Ms of a beat at a time."""
        return self.beatmap.red_line_of(time).beat_length

    def keep_clear(self, first: int, last: int) -> None:
        """No other change from `APART_SLOTS` before slot `first` to as many after `last`."""
        self.taken[max(first - APART_SLOTS, 0) : last + APART_SLOTS + 1] = True

    def is_clear(self, first: int, last: int) -> bool:
        """Whether no slot from `first` to `last` is too close to another change."""
        return not self.taken[max(first, 0) : last + 1].any()

    def between(self, first: int, last: int) -> list[int]:
        """Objects that are left in the slots `first` to `last`, spinners excepted."""
        low, high = np.searchsorted(self.starts, [first, last + 1])
        return [k for k in range(low, high) if (o := self.objects[k]) is not None and o.kind is not ObjectKind.SPINNER]

    def around(self, i: int) -> tuple[HitObject | None, HitObject | None]:
        """The objects before and after; None at the ends of the map."""
        return self.objects[i - 1] if i else None, self.objects[i + 1] if i + 1 < len(self.objects) else None


Change = Callable[[CorruptedCopy, int], bool]
"""Changes a copy at or near its object i, by time; False if it cannot."""


def is_column_free(copy: CorruptedCopy, i: int, column: int, start: float, end: float) -> bool:
    """Whether a mania column has no note but object i from `start` to `end` [ms] and close to them."""
    near = (copy.objects[k] for k in range(max(i - 24, 0), min(i + 24, len(copy.objects))) if k != i)
    return not any(
        n and copy.beatmap.column(n) == column and n.time - CLEAR_MS < end and n.end_time + CLEAR_MS > start
        for n in near
    )


def slider_from(copy: CorruptedCopy, i: int) -> HitObject | None:
    """The object, or one soon after, that is a slider."""
    for k in range(i, min(i + 4, len(copy.objects))):
        o = copy.objects[k]
        if o is not None and o.slider and o.duration > 0 and not copy.taken[copy.starts[k]]:
            return o
    return None


def exchange(copy: CorruptedCopy, old: HitObject, new: HitObject) -> None:
    """Put another object in the place of one, and keep other changes away from it."""
    k = next(k for k, o in enumerate(copy.objects) if o is old)
    copy.objects[k] = new
    slot = copy.starts[k]
    copy.taken[max(slot - APART_SLOTS, 0) : slot + APART_SLOTS] = True
