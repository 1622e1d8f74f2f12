"""Numbers by which :mod:`maimod.features.slip_model` finds notes of taiko with the wrong colour.

Dons and kats are two columns, so what :mod:`maimod.features.mania.slips` measures of columns holds for colours: what the same
place of the measures around has, and what follows the same colours elsewhere in the map. :mod:`maimod.features.taiko.colour_figures` adds
where the same figure comes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from maimod.features.mania.columns import COLUMN_NAMES
from maimod.features.mania.slips import ManiaMeasures, measure
from maimod.features.taiko import colour_figures
from maimod.osu.beatmap import WIDTH, Beatmap, HitObject, Mode, ObjectKind

KAT = 2 | 8
"""Whistle or clap makes a kat."""
SLIP_NAMES = (*COLUMN_NAMES, *colour_figures.NAMES)
"""Features of a note's colour."""


def is_kat(o: HitObject) -> bool:
    """Whether a note is a kat."""
    return bool(o.hitsound & KAT)


def notes_of(objects: Sequence[HitObject]) -> list[int]:
    """Places of the notes among the objects; drum rolls and dendens have no colour."""
    return [place for place, o in enumerate(objects) if o.kind is ObjectKind.CIRCLE]


def measure_colours(beatmap: Beatmap, notes: Sequence[HitObject]) -> ManiaMeasures:
    """Measure every note of a taiko map.

    Args:
        beatmap: gives the beats.
        notes: in order of time.
    """
    two = replace(beatmap, mode=Mode.MANIA, difficulty=replace(beatmap.difficulty, circle_size=2.0))
    # Volume and finishers say nothing about the colour.
    placed = [replace(o, x=WIDTH * (0.75 if is_kat(o) else 0.25), hitsound=0) for o in notes]
    return measure(two, placed)


def slip_features(measured: ManiaMeasures) -> np.ndarray:
    """float32 (n_notes, len(SLIP_NAMES)) of the notes measured by :func:`measure_colours`."""
    return np.concatenate([measured.columns, colour_figures.measure(measured.rows)], axis=1, dtype=np.float32)
