"""Corruption: many small changes in a good map, which the discriminator learns to detect.

Each change is labelled with its kind and its slots. The kinds are typical slips of mappers. Amounts and places are
drawn from wide ranges, without the code of :mod:`maimod.training.faults`, which evaluates the rules.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from maimod.discriminator.features import SLOT_TICKS, SLOTS_PER_BEAT, Grid
from maimod.osu.beatmap import Beatmap, HitObject, Mode
from maimod.training.corruption import figures, objects, pastes, stretches
from maimod.training.corruption.copy import KIND, SLOTS_PER_CHANGE, SLOTS_PER_STRETCH, Change, CorruptedCopy
from maimod.training.corruption.lines import corrupt_lines

__all__ = ["CHANGES", "KIND", "STRETCHES", "Change", "CorruptedCopy", "corrupt", "corrupt_lines"]

_COMMON: tuple[tuple[Change, float], ...] = (
    (objects.extra, 3.0),
    (objects.missing, 3.0),
    (objects.moved_in_time, 3.0),
    (objects.volume, 1.0),
)
_SAMPLES: tuple[tuple[Change, float], ...] = ((objects.addition, 5.0), (objects.sample_set, 2.0))
_PLAYFIELD: tuple[tuple[Change, float], ...] = (
    *_COMMON,
    *_SAMPLES,
    (objects.combo, 3.5),
    (objects.place, 3.0),
    (figures.places_exchanged, 1.5),
    (objects.length, 3.0),
    (objects.to_circle, 1.2),
    (figures.slider_split, 1.2),
    (figures.circles_joined, 3.0),
    (objects.shape, 3.0),
    (figures.body_turned, 0.8),
)
CHANGES: dict[Mode, tuple[tuple[Change, float], ...]] = {
    Mode.OSU: _PLAYFIELD,
    Mode.CATCH: _PLAYFIELD,
    Mode.TAIKO: (*_COMMON, (objects.addition, 4.0), (objects.length, 0.7), (objects.to_circle, 0.3)),
    Mode.MANIA: (
        *_COMMON,
        (objects.place, 4.0),
        (objects.chord, 3.0),
        (objects.hold, 3.0),
        (objects.addition, 1.0),
        (objects.sample_set, 0.5),
    ),
}
"""Changes for each mode with their relative frequency."""
_PASTES: tuple[Change, ...] = (
    stretches.late_paste,
    stretches.in_every_phrase,
    pastes.pasted,
    pastes.pasted,
    pastes.halves_exchanged,
)
_ALL_STRETCHES: tuple[Change, ...] = (
    *_PASTES,
    stretches.sounds_changed,
    stretches.sounds_changed,
    stretches.spinner_changed,
)
_PLAYFIELD_STRETCHES: tuple[Change, ...] = (
    *_ALL_STRETCHES,
    stretches.combos_changed,
    figures.figure_moved,
    figures.figure_moved,
    figures.figure_moved,
)
STRETCHES: dict[Mode, tuple[Change, ...]] = {
    Mode.OSU: _PLAYFIELD_STRETCHES,
    Mode.CATCH: _PLAYFIELD_STRETCHES,
    Mode.TAIKO: (*_PASTES, stretches.colours_changed, stretches.colours_changed, stretches.spinner_changed),
    Mode.MANIA: (
        *_PASTES,
        stretches.sounds_changed,
        stretches.columns_changed,
        stretches.columns_changed,
        stretches.columns_changed,
        stretches.holds_changed,
    ),
}
"""Changes of whole stretches for each mode."""
assert SLOT_TICKS * SLOTS_PER_BEAT == 48


def corrupt(beatmap: Beatmap, grid: Grid, random: Generator) -> tuple[Beatmap, np.ndarray]:
    """Corrupt a map.

    Returns:
        The changed map with objects by time, and (n_slots, len(KIND)) bool: kinds of change in each slot.
    """
    in_order = sorted(beatmap.hit_objects, key=lambda o: (o.time, o.index))
    originals: list[HitObject | None] = [*in_order]
    starts, _ = grid.locate([o.time for o in in_order])
    copy = CorruptedCopy(
        beatmap,
        grid,
        random,
        originals,
        [],
        np.zeros((grid.count, len(KIND)), dtype=bool),
        starts,
        np.zeros(grid.count, dtype=bool),
    )
    _change_stretches(copy)
    changes = CHANGES[beatmap.mode]
    weights = np.array([weight for _, weight in changes])
    wanted = max(2, grid.count // SLOTS_PER_CHANGE)
    for _ in range(2 * wanted):
        i = int(random.integers(len(originals)))
        slot = int(starts[i])
        if copy.objects[i] is None or copy.taken[slot]:
            continue
        change, _ = changes[int(random.choice(len(changes), p=weights / weights.sum()))]
        if change(copy, i):
            copy.keep_clear(slot, slot)
            wanted -= 1
            if not wanted:
                break
    changed = [o for o in copy.objects if o is not None] + copy.added
    changed.sort(key=lambda o: o.time)
    in_place = (o if o.index == index else replace(o, index=index) for index, o in enumerate(changed))
    return replace(beatmap, hit_objects=tuple(in_place)), copy.labels


def _change_stretches(copy: CorruptedCopy) -> None:
    """Change whole stretches of a map, some of its phrases or none."""
    changes = STRETCHES[copy.beatmap.mode]
    for _ in range(int(copy.random.poisson(copy.grid.count / SLOTS_PER_STRETCH))):
        i = int(copy.random.integers(len(copy.objects)))
        changes[int(copy.random.integers(len(changes)))](copy, i)
