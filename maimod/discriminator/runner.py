"""The discriminator with its weights, ready to run: in numpy on the CPU, in torch on other devices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from maimod.discriminator.checkpoint import UNUSABLE, WEIGHTS, DiscriminatorConfig, read_config, unusable
from maimod.discriminator.features import REACH, MapFeatures

MARGIN = REACH // 4
"""Slots at either end of a window that the next window reads again."""
WINDOWS_PER_BATCH = 8


class Runner(Protocol):
    """A loaded discriminator: arrays in and out."""

    @property
    def config(self) -> DiscriminatorConfig:
        """Shape of the network."""

    def logits(
        self, categories: np.ndarray, numbers: np.ndarray, context: np.ndarray, owned: Sequence[slice]
    ) -> Sequence[np.ndarray]:
        """Log-odds of a change.

        Args:
            categories: (B, N, ...) windows of the arrays of :class:`MapFeatures`.
            numbers: the same.
            context: the same.
            owned: the slots of each window that are wanted.

        Returns:
            float32 (n, K) of each window, for its n owned slots.
        """


def load(
    folder: Path, device: str = "auto", runtime: Literal["auto", "numpy", "torch"] = "auto"
) -> tuple[Runner, tuple[str, ...]]:
    """Load the network, and the names of the kinds of change it predicts.

    Args:
        folder: its checkpoint.
        device: as for :func:`maimod.families.checkpoint.load_model`.
        runtime: what runs it; auto is numpy on the CPU, torch elsewhere.

    Raises:
        CheckpointError: if the folder or the device cannot be used.
    """
    if runtime == "torch" or (runtime == "auto" and device not in ("auto", "cpu")):
        from maimod.families.checkpoint import resolve_device

        place = str(resolve_device(device))
        from maimod.discriminator.network import TorchRunner, load_network

        network, kinds = load_network(folder, place)
        return TorchRunner(network), kinds
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    from maimod.discriminator.numpy_network import NumpyDiscriminator
    from maimod.families.operators import Weights

    try:
        config, kinds = read_config(folder)
        return NumpyDiscriminator(config, Weights(load_file(folder / WEIGHTS))), kinds
    except (*UNUSABLE, SafetensorError) as error:
        raise unusable(folder, error) from None


def windows(count: int, reach: int = REACH) -> list[tuple[int, slice]]:
    """Cut `count` slots into overlapping windows: (first slot, the slots whose predictions are taken from it)."""
    step = reach - 2 * MARGIN
    firsts = list(range(0, max(count - reach, 0) + step, step)) if count > reach else [0]
    firsts = sorted({min(first, max(count - reach, 0)) for first in firsts})
    borders = [0, *((first + before + reach) // 2 for before, first in pairwise(firsts)), count]
    return [(first, slice(low, high)) for first, (low, high) in zip(firsts, pairwise(borders), strict=True)]


def corruption_logits(runner: Runner, features: MapFeatures) -> np.ndarray:
    """Predict the changes of a map: (n_slots, K) log-odds of a change of each kind, natural logarithm."""
    count, reach = features.grid.count, runner.config.reach
    pieces = windows(count, reach)
    logits = np.zeros((count, runner.config.n_kinds), dtype=np.float32)
    for start in range(0, len(pieces), WINDOWS_PER_BATCH):
        batch = pieces[start : start + WINDOWS_PER_BATCH]
        at = np.array([first for first, _ in batch])[:, None] + np.arange(min(count, reach))
        inside = [slice(owned.start - first, owned.stop - first) for first, owned in batch]
        found = runner.logits(features.categories[at], features.numbers[at], features.context[at], inside)
        for (_, owned), rows in zip(batch, found, strict=True):
            logits[owned] = rows
    assert math.isfinite(float(np.abs(logits).max(initial=0.0)))
    return logits
