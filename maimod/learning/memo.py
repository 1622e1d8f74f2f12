"""A network that remembers: copies of a map that differ in one place share all windows but those around it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from maimod.model import Network
from maimod.scoring import Model
from maimod.tokens import PAD

MAX_WINDOWS = 160
"""Remembered at once: about 1 MB each, and some 20 for a map of three minutes."""


class RememberingNetwork(nn.Module):
    """Runs the network only on windows that it has not seen lately."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.config = network, network.config
        self.known: OrderedDict[bytes, Tensor] = OrderedDict()

    def forward(self, mel: Tensor, frame_phases: Tensor, tokens: Tensor, times: Tensor, phases: Tensor, places: Tensor) -> Tensor:
        """As :meth:`maimod.model.Network.forward`; what is padded at the end of a row is not remembered."""
        lengths = (tokens != PAD).sum(dim=1).tolist()
        keys = [_key((mel[i], frame_phases[i], *(part[i, :length] for part in (tokens, times, phases, places))))
                for i, length in enumerate(lengths)]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        if new:
            longest = max(lengths[i] for i in new)
            found = self.network(mel[new], frame_phases[new], *(part[new, :longest] for part in (tokens, times, phases, places)))
            for i, row in zip(new, found, strict=True):
                self.known[keys[i]] = row[:lengths[i]].clone()
        logits = torch.zeros(*tokens.shape, next(iter(self.known.values())).shape[-1], dtype=next(iter(self.known.values())).dtype)
        for i, (key, length) in enumerate(zip(keys, lengths, strict=True)):
            logits[i, :length] = self.known[key]
            self.known.move_to_end(key)
        while len(self.known) > MAX_WINDOWS:
            self.known.popitem(last=False)
        return logits.to(tokens.device)


def _key(parts: Sequence[Tensor]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.contiguous().cpu().numpy().tobytes())
    return digest.digest()


def remembering(model: Model) -> Model:
    """The same model with a memory; itself if its network is of another kind."""
    return replace(model, network=RememberingNetwork(model.network)) if isinstance(model.network, Network) else model  # type: ignore[arg-type]
