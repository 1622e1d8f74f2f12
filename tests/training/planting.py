"""Planting a kind of mistake in a map that has a place for it."""

from __future__ import annotations

import numpy as np

from maimod.audio.onsets import OnsetEnvelope
from maimod.osu.beatmap import Beatmap, HitObject
from maimod.training.faults import Planted, select


def planted_in(good: Beatmap, name: str, seed: int = 0) -> tuple[Beatmap, Planted]:
    """The map, and a copy with the mistake of a kind in one dose, or the only one, by its name."""
    (fault,) = select([name])
    planted = fault.inject(good, np.random.default_rng(seed))
    assert planted is not None
    return good, planted


def has_no_place(name: str, good: Beatmap, envelope: OnsetEnvelope | None = None) -> bool:
    """Whether a kind of mistake is refused by a map, whatever the seed."""
    (fault,) = select([name])
    return all(fault.inject(good, np.random.default_rng(seed), envelope) is None for seed in range(5))


def objects_of(beatmap: Beatmap, planted: Planted) -> list[HitObject]:
    """The objects of a map with the indices of a mistake."""
    return [beatmap.hit_objects[i] for i in planted.objects]
