"""Output of the discriminator: log-odds of a change for each slot and kind of change. Needs numpy alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from maimod.discriminator.features import Grid

KINDS = (
    "extra",
    "missing",
    "combo",
    "addition",
    "sample_set",
    "place",
    "length",
    "shape",
    "volume",
    "kiai",
    "velocity",
)
"""Extra object, missing object, new combo flag, additions (or taiko colour), sample set, position (or mania column),
slider length, slider shape or speed, volume, kiai, scroll speed. An object moved in time is extra at its new time and
missing at the old one."""
NO_PREDICTION = -12.0
"""Log-odds used where there is no prediction."""


class CorruptionLogits(msgspec.Struct, frozen=True, dict=True):
    """Log-odds of a change of each kind at each slot of a map."""

    grid: Grid
    kinds: tuple[str, ...]
    """Names of the columns, see :data:`KINDS`."""
    logits: np.ndarray
    """(n_slots, n_kinds) natural logarithm."""

    def of(self, kind: str) -> np.ndarray:
        """(n_slots,) log-odds of one kind; `NO_PREDICTION` if the network does not know it."""
        if kind not in self.kinds:
            return np.full(self.grid.count, NO_PREDICTION)
        return np.asarray(self.logits[:, self.kinds.index(kind)])

    def at(self, kinds: Iterable[str], times: Sequence[float]) -> float:
        """The greatest log-odds of any of the kinds at any of the times [ms]."""
        if not len(times):
            return NO_PREDICTION
        self.locate(time for time in times if time not in self._slots)
        slots = [self._slots[time] for time in times]
        columns = [self._columns[kind] if kind in self._columns else self._column(kind) for kind in kinds]
        return max((max([column[slot] for slot in slots]) for column in columns), default=NO_PREDICTION)

    def locate(self, times: Iterable[float]) -> None:
        """Look up the slots of times [ms] that :meth:`at` will need: many together take as long as one."""
        unknown = list(times)
        if unknown:
            self._slots.update(zip(unknown, self.grid.locate(unknown)[0].tolist(), strict=True))

    def _column(self, kind: str) -> list[float]:
        self._columns[kind] = column = self.of(kind).tolist()
        return column

    @cached_property
    def _columns(self) -> dict[str, list[float]]:
        """Log-odds of the kinds that were looked up."""
        return {}

    @cached_property
    def _slots(self) -> dict[float, int]:
        """Slots of the times that were looked up."""
        return {}

    def peaks(self, kind: str, least: float, apart: int = 1) -> Iterator[tuple[int, float]]:
        """(slot, log-odds) of slots above `least` that no slot up to `apart` away exceeds."""
        values = self.of(kind)
        slots = np.flatnonzero(values > least)
        if apart:
            highest = sliding_window_view(np.pad(values, apart, mode="edge"), 2 * apart + 1).max(axis=1)
            slots = slots[values[slots] >= highest[slots]]
        yield from zip(slots.tolist(), values[slots].tolist(), strict=True)
