"""Cache of network outputs by window: copies of a map that differ in one place share all other windows."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from maimod.events.vocabulary import PAD
from maimod.families.family import Model
from maimod.families.network import Network

MAX_WINDOWS = 160
"""Most windows kept: about 0.5 MB each, some 20 for a map of three minutes."""


class RememberingNetwork(Network):
    """Runs a network only on windows that are not in the cache."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.known: OrderedDict[bytes, Tensor] = OrderedDict()

    def hidden(self, **inputs: Tensor) -> Tensor:
        """As the network's; padding at the end of a row is not cached."""
        tokens = inputs["tokens"]
        lengths = (tokens != PAD).sum(dim=1).tolist()
        keys = [
            _key(
                [tensor[i, :length] if name in self.network.by_token else tensor[i] for name, tensor in inputs.items()]
            )
            for i, length in enumerate(lengths)
        ]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        if new:
            longest = max(lengths[i] for i in new)
            found = self.network.hidden(
                **{
                    name: tensor[new, :longest] if name in self.network.by_token else tensor[new]
                    for name, tensor in inputs.items()
                }
            )
            for i, row in zip(new, found, strict=True):
                self.known[keys[i]] = row[: lengths[i]].clone()
        some = self.known[keys[0]]
        hidden = some.new_zeros(*tokens.shape, some.shape[-1])
        for i, (key, length) in enumerate(zip(keys, lengths, strict=True)):
            hidden[i, :length] = self.known[key]
            self.known.move_to_end(key)
        while len(self.known) > MAX_WINDOWS:
            self.known.popitem(last=False)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """As the network's."""
        return self.network.logits(hidden)


def _key(parts: Sequence[Tensor]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.contiguous().cpu().numpy().tobytes())
    return digest.digest()


def remembering(model: Model) -> Model:
    """The same model with a window cache."""
    return replace(model, network=RememberingNetwork(model.network))
