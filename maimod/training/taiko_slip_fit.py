"""Colours changed in good taiko maps, to fit the model of slips (:mod:`maimod.training.slip_fit`).

Single notes change their colour, and two neighbours of different colours exchange them. Nothing is shared with the
mistakes of :mod:`maimod.training.faults`, by which findings are evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.random import Generator

from maimod.features.slip_model import Forest, log_odds
from maimod.features.taiko_measures import KAT, SLIP_NAMES, is_kat, measure_colours, notes_of, slip_features
from maimod.osu.beatmap import HitObject
from maimod.osu.hitsounds import CLAP
from maimod.training.slip_forest import Rows, Scored, chooser, chosen, is_close, load, versions

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


def _versions(path: Path, notes: Sequence[HitObject], seed: int) -> list[TaikoVersion]:
    return versions(path, seed, VERSIONS, partial(plant, notes))


def examples_of(seed: int, path: Path) -> list[Rows]:
    """Examples of planted versions of a map."""
    loaded = load(path)
    if loaded is None:
        return []
    notes = [loaded[1][place] for place in notes_of(loaded[1])]
    random = chooser(path, seed)
    found = []
    for version in _versions(path, notes, seed):
        changed = np.array([bool(kind) for kind in version.kinds])
        found.append(chosen(slip_features(measure_colours(loaded[0], version.notes)), changed, changed, random))
    return found


def scored(forest: Forest, seed: int, path: Path) -> tuple[float, dict[str, Scored]] | None:
    """Minutes and log-odds of a map as it is and with changed colours; None for one that is too short or too long."""
    loaded = load(path)
    if loaded is None:
        return None
    beatmap, objects = loaded
    notes = [objects[place] for place in notes_of(objects)]
    result = Scored(log_odds(forest, slip_features(measure_colours(beatmap, notes)), SLIP_NAMES))
    for version in _versions(path, notes, seed):
        scores = log_odds(forest, slip_features(measure_colours(beatmap, version.notes)), SLIP_NAMES)
        changed = np.array([bool(kind) for kind in version.kinds])
        result.others.append(scores[~is_close(changed)])
        result.found += [(f"colours {version.kinds[i]}", float(scores[i])) for i in np.flatnonzero(changed).tolist()]
    return beatmap.drain_ms / 60_000, {"colours": result}
