"""The discriminator: a bidirectional network that predicts which parts of a map were changed.

The generator of :mod:`maimod.families.mini.network` reads from left to right and cannot know what comes next. A map that
is checked is complete, so this small transformer over :mod:`maimod.discriminator.features` reads both sides of every
slot, the song, and the same position in repeated parts and in the other difficulties. It was trained on maps with many
small changes (`maimod.training.corruption`), as ELECTRA learns to recognise replaced words (Clark et al., 2020,
arXiv:2003.10555), and to fill in masked slots, as BERT (Devlin et al., 2019, arXiv:1810.04805).

The network in torch trains and is the reference; :mod:`maimod.discriminator.numpy_network` computes the same.
Axes: `B` windows, `N` slots, `D` width, `H` heads, `K` kinds of change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maimod.discriminator.checkpoint import COVERED, UNUSABLE, WEIGHTS, DiscriminatorConfig, read_config, unusable
from maimod.discriminator.features import CATEGORIES

DROPOUT = 0.1
"""Share of the channels that a layer's outputs lose while training: a map is drawn some hundred times."""


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
        x = x + self._dropped(self.out(mixed.transpose(1, 2).reshape(batch, length, width)))
        return x + self._dropped(self.feed(self.feed_norm(x)))

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, DROPOUT, self.training)


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


def load_network(folder: Path, device: str = "cpu") -> tuple[Discriminator, tuple[str, ...]]:
    """Load the network in torch, and the names of the kinds of change it predicts.

    Raises:
        CheckpointError: if the folder cannot be used.
    """
    from safetensors.torch import load_file

    try:
        config, kinds = read_config(folder)
        network = Discriminator(config)
        weights = load_file(folder / WEIGHTS, device=device)
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except UNUSABLE as error:
        raise unusable(folder, error) from None
    return network.to(device).eval(), kinds


def deepened(network: Discriminator, layers: int) -> Discriminator:
    """The same function with more layers, to be trained further (the identity layers of Net2Net, arXiv:1511.05641).

    The layers that are added lie evenly between the others. They begin as copies of the layer before them whose two
    outputs are zero, so that the residual stream passes them unchanged.

    Args:
        network: to copy; it is not changed.
        layers: at least as many as it has.
    """
    old = network.config.layers
    weights = network.state_dict()
    deeper = Discriminator(replace(network.config, layers=layers))
    found = {name: value for name, value in weights.items() if not name.startswith("layers.")}
    sources = [place * old // layers for place in range(layers)]  # layer of `network` for each layer of `deeper`
    for place, source in enumerate(sources):
        is_added = place > 0 and sources[place - 1] == source
        for name in deeper.layers[place].state_dict():
            value = weights[f"layers.{source}.{name}"]
            is_output = name.startswith(("out.", "feed.2."))
            found[f"layers.{place}.{name}"] = torch.zeros_like(value) if is_added and is_output else value
    deeper.load_state_dict(found)
    return deeper


class TorchRunner:
    """A network in torch as :class:`maimod.discriminator.runner.Runner`."""

    def __init__(self, network: Discriminator) -> None:
        self.network, self.config = network, network.config

    @torch.inference_mode()
    def logits(
        self, categories: np.ndarray, numbers: np.ndarray, context: np.ndarray, owned: Sequence[slice]
    ) -> list[np.ndarray]:
        """Log-odds of a change."""
        device = next(self.network.parameters()).device
        found, _ = self.network(
            *(
                torch.from_numpy(array).to(device, dtype)
                for array, dtype in ((categories, torch.int64), (numbers, torch.float32), (context, torch.float32))
            )
        )
        windows: np.ndarray = found.float().cpu().numpy()
        return [rows[one] for rows, one in zip(windows, owned, strict=True)]
