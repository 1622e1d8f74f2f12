"""Fit the networks of slips that see the objects around (:mod:`maimod.features.models.sequence_network`).

They learn from the same planted mistakes as the trees, whole versions of maps instead of single objects, and also which kind of
mistake each is, by outputs that are not kept, as the networks of the judge do.

Needs torch (`pip install "maimod[train]"`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from maimod.features.models.layers import Layer, Scaling
from maimod.features.models.sequence_network import SequenceNetwork
from maimod.training.slip_forest import Labelled

CHUNK, BATCH = 64, 24
"""Objects of a piece of a map, and pieces in a step."""
RATE, DECAY, LONGEST_STEP = 2e-3, 0.05, 1.0
"""Highest learning rate, decay of the weights, greatest norm of a gradient."""
INPUTS_DROPPED = 0.1
"""Share of the features that are left out at random."""
SCALED_BY = 5
"""Every so many-th object sets how features are standardised: all together would be in memory twice."""


@dataclass(frozen=True)
class Shape:
    """Size of networks and how they are fitted."""

    units: int
    epochs: int
    members: int = 2
    """Networks whose mean counts."""
    dropped: float = 0.3
    """Share of the hidden units that are left out at random."""
    widths: tuple[int, ...] = (5, 3)
    """Objects that each convolution reads."""


SHAPES = {
    "osu": Shape(units=160, epochs=8, members=1, dropped=0.2),
    "forms": Shape(units=128, epochs=6, dropped=0.2),
    "catch": Shape(units=64, epochs=8),
    "catch bodies": Shape(units=64, epochs=8),
    "catch forms": Shape(units=64, epochs=8),
    "taiko": Shape(units=96, epochs=6),
    # A row of mania is several notes: as many rows around need more of them.
    "mania": Shape(units=128, epochs=6, widths=(9, 5)),
}
"""By the keys of :data:`maimod.features.slip_model.OUTPUTS`."""


class _Module(nn.Module):
    """The network in torch; the first outputs are kept, the others are the kinds of mistakes."""

    def __init__(self, inputs: int, outputs: int, shape: Shape) -> None:
        super().__init__()
        units = shape.units
        self.inputs, self.hidden = nn.Dropout(INPUTS_DROPPED), nn.Dropout(shape.dropped)
        self.first = nn.Linear(inputs, units)
        self.around = nn.ModuleList(nn.Conv1d(units, units, width, padding=width // 2) for width in shape.widths)
        self.last = nn.Linear(2 * units, outputs)

    def forward(self, features: Tensor, is_there: Tensor) -> Tensor:
        """(n_pieces, CHUNK, n_outputs) for features (n_pieces, CHUNK, n_features); `is_there` is 0 beyond the end of a map."""
        own = self.hidden(torch.relu(self.first(self.inputs(features)))) * is_there[..., None]
        values = own.transpose(1, 2)
        for number, layer in enumerate(self.around):
            if number:
                values = self.hidden(values) * is_there[:, None]
            values = torch.relu(layer(values))
        found: Tensor = self.last(self.hidden(torch.cat([values.transpose(1, 2), own], dim=2)))
        return found

    def plain(self, scaling: Scaling, names: Sequence[str], outputs: Sequence[str]) -> SequenceNetwork:
        """As plain numbers."""

        def layer(one: nn.Linear | nn.Conv1d, kept: int | None = None) -> Layer:
            weights = one.weight.detach().numpy()
            if weights.ndim == 3:  # (units, inputs, neighbours): kept neighbour by neighbour
                weights = weights.transpose(0, 2, 1).reshape(len(weights), -1)
            assert one.bias is not None
            return Layer.of(weights[:kept], one.bias.detach().numpy()[:kept])

        around = [layer(one) for one in self.around if isinstance(one, nn.Conv1d)]
        last = layer(self.last, len(outputs))
        return SequenceNetwork(scaling.mean, scaling.scale, list(names), list(outputs), layer(self.first), around, last)


@dataclass(frozen=True)
class _Table:
    """All objects of all examples, one after the other."""

    features: Tensor
    """(n, n_features) standardised."""
    real: Tensor
    """(n, n_outputs) 1 for a mistake."""
    known: Tensor
    """(n, n_outputs) 0 where an object is no example."""
    kinds: Tensor
    """(n,) number of the kind, -1 without a mistake or if it is no example."""
    pieces: np.ndarray
    """(n_pieces, 2) first and end of each piece."""


def fitted(
    examples: Sequence[Labelled], names: Sequence[str], outputs: Sequence[str], shape: Shape, seed: int
) -> list[SequenceNetwork]:
    """Fit networks.

    Args:
        examples: versions of maps with planted mistakes.
        names: of their features.
        outputs: what the columns of :attr:`Labelled.real` are.
        shape: of the networks.
        seed: of their first weights and of the order of the examples.
    """
    scaling = Scaling.of(np.concatenate([one.features[::SCALED_BY] for one in examples]))
    table, n_kinds = _table(examples, scaling)
    found = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(shape.members):
            module = _Module(len(names), len(outputs) + n_kinds, shape)
            _descend(module, table, len(outputs), shape.epochs)
            found.append(module.plain(scaling, names, outputs))
    return found


def _table(examples: Sequence[Labelled], scaling: Scaling) -> tuple[_Table, int]:
    """The examples, and the number of kinds."""
    names = sorted({kind for one in examples for kind in one.kinds} - {""})
    number = {name: at for at, name in enumerate(names)}
    known = np.concatenate([one.known for one in examples])
    kinds = np.array([number.get(kind, -1) for one in examples for kind in one.kinds])
    ends = np.cumsum([len(one.kinds) for one in examples])
    features = np.empty((len(kinds), len(scaling.mean)), dtype=np.float32)
    for end, one in zip(ends.tolist(), examples, strict=True):
        features[end - len(one.kinds) : end] = scaling.standard(one.features)
    pieces = [
        (first, min(first + CHUNK, end))
        for end, one in zip(ends.tolist(), examples, strict=True)
        for first in range(end - len(one.kinds), end, CHUNK)
    ]
    table = _Table(
        torch.from_numpy(features),
        torch.from_numpy(np.concatenate([one.real for one in examples]).astype(np.float32)),
        torch.from_numpy(known.astype(np.float32)),
        torch.from_numpy(np.where(known.any(axis=1), kinds, -1)),
        np.array(pieces),
    )
    return table, len(names)


def _descend(module: _Module, table: _Table, n_outputs: int, epochs: int) -> None:
    """Train in place, by AdamW with a rate that rises and falls."""
    module.train()
    optimizer = torch.optim.AdamW(module.parameters(), RATE, weight_decay=DECAY)
    steps = epochs * -(-len(table.pieces) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(table.pieces)), BATCH):
            pieces = table.pieces[chosen.numpy()]
            rows = pieces[:, :1] + np.arange(CHUNK)
            is_there = rows < pieces[:, 1:]
            at, mask = torch.from_numpy(np.where(is_there, rows, 0)), torch.from_numpy(is_there.astype(np.float32))
            outputs, kinds = module(table.features[at], mask), table.kinds[at]
            wrong = binary_cross_entropy_with_logits(outputs[..., :n_outputs], table.real[at], reduction="none")
            loss = (wrong * table.known[at] * mask[..., None]).sum()
            if outputs.shape[-1] > n_outputs:
                which = cross_entropy(outputs[..., n_outputs:].transpose(1, 2), kinds.clamp(min=0), reduction="none")
                loss = loss + (which * (kinds >= 0) * mask).sum()
            optimizer.zero_grad()
            torch.autograd.backward(loss / mask.sum())
            nn.utils.clip_grad_norm_(module.parameters(), LONGEST_STEP)
            optimizer.step()
            schedule.step()
    module.eval()
