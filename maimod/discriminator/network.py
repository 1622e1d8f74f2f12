"""The discriminator: a bidirectional network that predicts which parts of a map were changed.

The generator of :mod:`maimod.families.mini.network` reads from left to right and cannot know what comes next. A map that
is checked is complete, so this small transformer over :mod:`maimod.discriminator.features` reads both sides of every
slot, the song, and the same position in repeated parts and in the other difficulties. It was trained on maps with many
small changes (`maimod.training.corruption`), as ELECTRA learns to recognise replaced words (Clark et al., 2020,
arXiv:2003.10555), and to fill in masked slots, as BERT (Devlin et al., 2019, arXiv:1810.04805).

Axes: `B` windows, `N` slots, `D` width, `H` heads, `K` kinds of change.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from maimod.discriminator.features import CATEGORIES, N_CONTEXT, NUMBERS, REACH, MapFeatures
from maimod.errors import CheckpointError, short

COVERED = ("starts", "kind", "combo", "additions", "normal_set")
"""Categories that the network can fill in where a slot is masked."""
MARGIN = REACH // 4
"""Slots at either end of a window that the next window reads again."""
WINDOWS_PER_BATCH = 8


@dataclass(frozen=True, slots=True)
class DiscriminatorConfig:
    """Shape of the network; `config.json` of its folder."""

    n_kinds: int
    d_model: int = 128
    layers: int = 6
    heads: int = 4
    feed_forward: int = 320
    n_numbers: int = len(NUMBERS)
    n_surroundings: int = N_CONTEXT
    """Context features; `surroundings` is their name in the checkpoints."""
    reach: int = REACH

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DiscriminatorConfig:
        """Take the known fields of a parsed `config.json`.

        Raises:
            ValueError: if one is missing or of another type.
        """
        return msgspec.convert(values, cls)


class _Layer(nn.Module):
    """Pre-norm attention with a bias for each distance, then two linear layers."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm, self.feed_norm = nn.LayerNorm(config.d_model), nn.LayerNorm(config.d_model)
        self.query_key_value = nn.Linear(config.d_model, 3 * config.d_model)
        self.out = nn.Linear(config.d_model, config.d_model)
        self.distances = nn.Parameter(torch.zeros(config.heads, 2 * config.reach - 1))
        self.feed = nn.Sequential(
            nn.Linear(config.d_model, config.feed_forward),
            nn.GELU(approximate="tanh"),
            nn.Linear(config.feed_forward, config.d_model),
        )

    def forward(self, x: Tensor, places: Tensor) -> Tensor:
        batch, length, width = x.shape
        query, key, value = (
            self.query_key_value(self.attention_norm(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )
        logits = (query * (width // self.heads) ** -0.5) @ key.transpose(-1, -2)  # (B, H, N, N)
        mixed = (logits + self.distances[:, places].to(logits.dtype)).softmax(dim=-1) @ value
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return x + self.feed(self.feed_norm(x))


class Discriminator(nn.Module):
    """Predict for each slot whether it was changed, and the content of masked slots."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        sizes = list(CATEGORIES.values())
        self.register_buffer("first_rows", torch.tensor([0, *np.cumsum(sizes)[:-1].tolist()]), persistent=False)
        self.first_rows: Tensor
        self.categories = nn.Embedding(sum(sizes), config.d_model)
        self.numbers = nn.Linear(config.n_numbers, config.d_model)
        self.surroundings = nn.Linear(config.n_surroundings, config.d_model)
        self.cover = nn.Parameter(torch.zeros(config.d_model))
        self.mixing = nn.Sequential(
            nn.LayerNorm(config.d_model), nn.Linear(config.d_model, config.d_model), nn.GELU(approximate="tanh")
        )
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.changed = nn.Linear(config.d_model, config.n_kinds)
        self.filled = nn.ModuleDict({name: nn.Linear(config.d_model, CATEGORIES[name]) for name in COVERED})

    def forward(
        self, categories: Tensor, numbers: Tensor, context: Tensor, covered: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run the network on windows of the arrays of :class:`MapFeatures`.

        Args:
            categories: (B, N, len(CATEGORIES)) integers.
            numbers: (B, N, len(NUMBERS)).
            context: (B, N, N_CONTEXT).
            covered: (B, N) bool: slots whose content is masked; None for none.

        Returns:
            (B, N, K) logits of a change of each kind, and (B, N, D), the input of the heads :attr:`filled`.
        """
        content = self.categories(categories + self.first_rows).sum(dim=2) + self.numbers(numbers)
        if covered is not None:
            content = torch.where(covered[..., None], self.cover.to(content.dtype), content)
        x = content + self.surroundings(context)
        x = x + self.mixing(x)
        length = x.shape[1]
        at = torch.arange(length, device=x.device)
        places = at[None, :] - at[:, None] + self.config.reach - 1
        for layer in self.layers:
            x = layer(x, places)
        x = self.norm(x)
        return self.changed(x), x


def load(folder: Path, device: str = "cpu") -> tuple[Discriminator, tuple[str, ...]]:
    """Load the network, and the names of the kinds of change it predicts.

    Raises:
        CheckpointError: if the folder cannot be used.
    """
    try:
        stored = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kinds = tuple(str(kind) for kind in stored["kinds"])
        network = Discriminator(DiscriminatorConfig.from_dict({**stored, "n_kinds": len(kinds)}))
        if (network.config.n_numbers, network.config.n_surroundings) != (len(NUMBERS), N_CONTEXT):
            raise ValueError("made for other features; train it again")
        weights = load_file(folder / "model.safetensors", device=device)
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except (OSError, ValueError, KeyError, TypeError, OverflowError, ZeroDivisionError, RuntimeError) as error:
        raise CheckpointError(
            f"{folder}: not a usable proofreader ({short(' '.join(str(error).split()), 200)})"
        ) from None
    return network.to(device).eval(), kinds


def windows(count: int, reach: int = REACH, margin: int = MARGIN) -> list[tuple[int, slice]]:
    """Cut `count` slots into overlapping windows: (first slot, the slots whose predictions are taken from it)."""
    step = reach - 2 * margin
    firsts = list(range(0, max(count - reach, 0) + step, step)) if count > reach else [0]
    firsts = sorted({min(first, max(count - reach, 0)) for first in firsts})
    borders = [0, *((first + before + reach) // 2 for before, first in pairwise(firsts)), count]
    return [(first, slice(low, high)) for first, (low, high) in zip(firsts, pairwise(borders), strict=True)]


@torch.inference_mode()
def corruption_logits(network: Discriminator, features: MapFeatures) -> np.ndarray:
    """Predict the changes of a map: (n_slots, K) log-odds of a change of each kind, natural logarithm."""
    count, reach = features.grid.count, network.config.reach
    pieces = windows(count, reach)
    logits = np.zeros((count, network.config.n_kinds), dtype=np.float32)
    device = next(network.parameters()).device
    for start in range(0, len(pieces), WINDOWS_PER_BATCH):
        batch = pieces[start : start + WINDOWS_PER_BATCH]
        length = min(count, reach)
        at = np.array([first for first, _ in batch])[:, None] + np.arange(length)
        found, _ = network(
            *(
                torch.from_numpy(array[at]).to(device, dtype)
                for array, dtype in (
                    (features.categories, torch.int64),
                    (features.numbers, torch.float32),
                    (features.context, torch.float32),
                )
            )
        )
        for (first, owned), rows in zip(batch, found.float().cpu().numpy(), strict=True):
            logits[owned] = rows[owned.start - first : owned.stop - first]
    assert math.isfinite(float(np.abs(logits).max(initial=0.0)))
    return logits
