"""Fault injection: plant known mistakes in a good map, for `maimod evaluate` and for training judges of evidence.

Each :class:`Fault` is a kind of mistake in one dose (5 ms, 120 px, ...), declared in the module of its kind. Its `inject`
takes a beatmap without mistakes and returns a changed copy with the place of the mistake, or None if the map has no place
where a mapper would make it: an object goes missing from an even run where the song has an onset, a new combo from a
downbeat, an addition from a pattern. With the same seed, all doses of a kind use the same place if possible.
:func:`plant_many` plants several in one copy.
"""

from __future__ import annotations

from collections.abc import Iterable

from maimod.training.faults import lines, modes, playfield, repeated, rhythm, sliders, sounds, timing
from maimod.training.faults.base import Fault, Planted
from maimod.training.faults.copies import Copy, plant_alone, plant_many

__all__ = ["FAULTS", "Copy", "Fault", "Planted", "plant_alone", "plant_many", "select"]

FAULTS: tuple[Fault, ...] = (
    *rhythm.FAULTS,
    *timing.FAULTS,
    *playfield.FAULTS,
    *sliders.FAULTS,
    *sounds.FAULTS,
    *lines.FAULTS,
    *modes.FAULTS,
    *repeated.FAULTS,
)
"""All faults."""


def select(names: Iterable[str] = ()) -> tuple[Fault, ...]:
    """Faults by kind (`unsnapped`), name (`unsnapped:5 ms`) or main category (`rhythm`); all without names.

    Raises:
        ValueError: for an unknown name.
    """
    wanted = list(names)
    for name in wanted:
        if not any(name in (fault.kind, fault.name, fault.category) for fault in FAULTS):
            raise ValueError(
                f"no fault is called {name!r}; there are: {', '.join(sorted({fault.kind for fault in FAULTS}))}"
            )
    return tuple(f for f in FAULTS if not wanted or any(name in (f.kind, f.name, f.category) for name in wanted))
