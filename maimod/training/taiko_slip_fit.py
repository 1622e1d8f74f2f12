"""Colours changed in good taiko maps, to fit the model of slips (:mod:`maimod.training.slip_fit`).

Single notes change their colour, and two neighbours of different colours exchange them. Nothing is shared with the
mistakes of :mod:`maimod.training.faults`, by which findings are evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from maimod.features.taiko.slips import KAT, SLIP_NAMES, is_kat, measure_colours, notes_of, slip_features
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.osu.hitsounds import CLAP
from maimod.training.slip_forest import Planted, SlipFit

APART = (12, 30)
"""Notes from one changed colour to the next."""
EXCHANGED = 0.25
"""Share of changes in which two neighbours exchange their colours."""
VERSIONS = 3


@dataclass(frozen=True)
class TaikoVersion:
    """A map with changed colours."""

    notes: tuple[HitObject, ...]
    """In order of time."""
    kinds: tuple[str, ...]
    """Of the change of each note; empty without one."""


def plant(notes: Sequence[HitObject], random: Generator) -> TaikoVersion:
    """Change colours all over a map.

    Args:
        notes: of a good map, in order of time.
        random: chooses places and kinds.
    """
    changed, kinds = list(notes), [""] * len(notes)
    at = int(random.integers(2, APART[1]))
    while at < len(notes) - 1:
        pair = random.random() < EXCHANGED and is_kat(notes[at]) != is_kat(notes[at + 1])
        for place in (at, at + 1) if pair else (at,):
            changed[place] = _other_colour(notes[place])
            kinds[place] = "exchanged" if pair else "colour"
        at += int(random.integers(*APART))
    return TaikoVersion(tuple(changed), tuple(kinds))


def _other_colour(o: HitObject) -> HitObject:
    return replace(o, hitsound=o.hitsound & ~KAT if is_kat(o) else o.hitsound | CLAP)


def _measured(beatmap: Beatmap, objects: Sequence[HitObject]) -> np.ndarray:
    return slip_features(measure_colours(beatmap, [objects[place] for place in notes_of(objects)]))


def _planted(beatmap: Beatmap, objects: Sequence[HitObject], random: Generator) -> Planted:
    version = plant([objects[place] for place in notes_of(objects)], random)
    names = [f"colours {kind}" if kind else "" for kind in version.kinds]
    features = slip_features(measure_colours(beatmap, version.notes))
    return Planted(features, names, np.zeros(len(names), dtype=bool))


FIT = SlipFit("colours", SLIP_NAMES, VERSIONS, _measured, _planted)
