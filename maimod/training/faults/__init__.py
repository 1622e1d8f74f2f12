"""Fault injection: plant known mistakes in a good map, for `maimod evaluate` and for training judges of evidence.

Each :class:`Fault` is a kind of mistake in one dose (5 ms, 120 px, ...), declared in the module of its kind. Its `inject`
takes a beatmap without mistakes and returns a changed copy with the place of the mistake, or None if the map has no place
where a mapper would make it: an object goes missing from an even run where the song has an onset, a new combo from a
downbeat, an addition from a pattern. With the same seed, all doses of a kind use the same place if possible.
:func:`plant_many` plants several in one copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from maimod.training.faults.base import Fault, Planted
from maimod.training.faults.classic import lines, modes, playfield, repeated, rhythm, sliders, sounds, timing
from maimod.training.faults.copies import Copy, plant_alone, plant_many
from maimod.training.faults.fifth import (
    drum_edits,
    fruit_edits,
    mania_columns,
    mania_hands,
    shape_slips,
    sounds_and_combos,
    timeline_slips,
    timing_panel,
)
from maimod.training.faults.fourth import (
    catch_slips,
    line_passages,
    mania_edits,
    redrawn,
    selections,
    sound_keys,
    taiko_slips,
)
from maimod.training.faults.further import (
    combos,
    dragged,
    earlier,
    figures,
    more_modes,
    pasted,
    sections,
    sound_stretches,
)
from maimod.training.faults.third import line_slips, mode_slips, placed, rhythm_slips, slider_slips, sound_slips

__all__ = [
    "CLASSIC",
    "FAULTS",
    "FIFTH",
    "FOURTH",
    "FURTHER",
    "SETS",
    "THIRD",
    "Copy",
    "Fault",
    "Planted",
    "plant_alone",
    "plant_many",
    "select",
]

CLASSIC: tuple[Fault, ...] = (
    *rhythm.FAULTS,
    *timing.FAULTS,
    *playfield.FAULTS,
    *sliders.FAULTS,
    *sounds.FAULTS,
    *lines.FAULTS,
    *modes.FAULTS,
    *repeated.FAULTS,
)
"""The kinds of the first published figures: alone they give figures that can be compared with those."""
FURTHER: tuple[Fault, ...] = (
    *dragged.FAULTS,
    *pasted.FAULTS,
    *figures.FAULTS,
    *combos.FAULTS,
    *sound_stretches.FAULTS,
    *sections.FAULTS,
    *more_modes.FAULTS,
    *earlier.FAULTS,
)
"""Kinds that differ from those in what the mapper did."""
THIRD: tuple[Fault, ...] = (
    *placed.FAULTS,
    *sound_slips.FAULTS,
    *line_slips.FAULTS,
    *rhythm_slips.FAULTS,
    *slider_slips.FAULTS,
    *mode_slips.FAULTS,
)
"""Kinds made after judge 14, to measure what a judge finds that was taught none of them; later ones are taught them too."""
FOURTH: tuple[Fault, ...] = (
    *mania_edits.FAULTS,
    *sound_keys.FAULTS,
    *line_passages.FAULTS,
    *selections.FAULTS,
    *redrawn.FAULTS,
    *taiko_slips.FAULTS,
    *catch_slips.FAULTS,
)
"""Kinds made after judge 15, for the same purpose."""
FIFTH: tuple[Fault, ...] = (
    *sounds_and_combos.FAULTS,
    *timing_panel.FAULTS,
    *mania_columns.FAULTS,
    *mania_hands.FAULTS,
    *timeline_slips.FAULTS,
    *shape_slips.FAULTS,
    *drum_edits.FAULTS,
    *fruit_edits.FAULTS,
)
"""Kinds made after judge 16, for the same purpose."""
FAULTS: tuple[Fault, ...] = (*CLASSIC, *FURTHER, *THIRD, *FOURTH, *FIFTH)
"""All faults. Those of earlier sets come first, so that each is planted at the same place with or without the others."""
SETS = {"classic": CLASSIC, "further": FURTHER, "third": THIRD, "fourth": FOURTH, "fifth": FIFTH}


def select(names: Iterable[str] = ()) -> tuple[Fault, ...]:
    """Faults by kind (`unsnapped`), name (`unsnapped:5 ms`), main category (`rhythm`) or set (`classic`, `further`,
    `third`, `fourth`, `fifth`); all without names.

    Raises:
        ValueError: for an unknown name.
    """
    wanted = list(names)

    def is_called(fault: Fault, name: str) -> bool:
        return name in (fault.kind, fault.name, fault.category) or fault in SETS.get(name, ())

    for name in wanted:
        if not any(is_called(fault, name) for fault in FAULTS):
            known = {*SETS, *(word for fault in FAULTS for word in (fault.kind, fault.category))}
            close = get_close_matches(name, sorted(known), 3)
            raise ValueError(
                f"no fault is called {name!r}; "
                + (f"did you mean {' or '.join(close)}?" if close else f"sets are {', '.join(SETS)}")
            )
    return tuple(f for f in FAULTS if not wanted or any(is_called(f, name) for name in wanted))
