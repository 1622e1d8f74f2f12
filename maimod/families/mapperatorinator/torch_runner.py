"""Running a published network in torch, token by token included."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from maimod.families.inputs import WindowInputs, stack
from maimod.families.mapperatorinator.network import Kept, Whisper
from maimod.families.network import Network
from maimod.families.torch_runner import TorchRunner

KEPT_BYTES = 128 << 20
"""Of the encoder's output: a song of seven minutes takes as much with V32 in float32."""


class TorchWhisper(TorchRunner):
    """A published network in torch.

    Where the encoder reads the song alone (V29, V32), its output is kept by the samples it was made from, because the
    windows of all difficulties of a song begin at the same times (:func:`maimod.families.windows.split`), and those of a
    map that has been saved again too.
    """

    def __init__(self, network: Network, dtype: torch.dtype | None = None) -> None:
        """As of :class:`TorchRunner`."""
        super().__init__(network, dtype)
        self._memories: OrderedDict[bytes, Tensor] = OrderedDict()

    @torch.inference_mode()
    def hidden(self, windows: Sequence[WindowInputs], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As of :class:`TorchRunner`."""
        network = cast(Whisper, self.network)
        if network.conditions is not None:
            return super().hidden(windows, rows)
        tokens = self.tensor(stack([replace(window, by_window={}) for window in windows])["tokens"])
        memory = self._memory([window.by_window["samples"] for window in windows])
        with self.autocast():
            hidden: Tensor = network.decoder(network.decoder_embedder(tokens), memory)
        return self.chosen(hidden, rows)

    def _memory(self, samples: Sequence[np.ndarray]) -> Tensor:
        """The encoder's output (B, S, D) for samples (N,) of each window."""
        keys = [hashlib.blake2b(part.tobytes(), digest_size=16).digest() for part in samples]
        found = {key: self._memories.pop(key) for key in dict.fromkeys(keys) if key in self._memories}
        new = {key: part for key, part in zip(keys, samples, strict=True) if key not in found}
        if new:
            with self.autocast():
                encoded = cast(Whisper, self.network).encode(self.tensor(np.stack(list(new.values()))))
            found |= {key: one.clone() for key, one in zip(new, encoded, strict=True)}
        self._memories |= found
        while len(self._memories) > max(1, KEPT_BYTES // next(iter(found.values())).nbytes):
            self._memories.popitem(last=False)
        return torch.stack([found[key] for key in keys])

    def begin(self, window: WindowInputs, copies: int) -> Growing:
        """Run a window, for continuations of it."""
        return Growing(self, window, copies)


class Growing:
    """A :class:`maimod.families.runner.Continuing` that keeps the keys of all tokens so far, and of the song."""

    @torch.inference_mode()
    def __init__(self, runner: TorchWhisper, window: WindowInputs, copies: int) -> None:
        """Run the window."""
        self.runner, self.network = runner, cast(Whisper, runner.network)
        self.kept = [Kept() for _ in self.network.decoder.layers]
        self.length = 0
        self.copies = list(range(copies))
        song = {name: runner.tensor(array[None]) for name, array in window.by_window.items()}
        with runner.autocast():
            self.memory = self.network.encode(**song)
        self.first = self._run(runner.tensor(window.by_token["tokens"][None]))[0]
        self._choose([0] * copies)

    @torch.inference_mode()
    def extend(self, copies: Sequence[int], by_token: Mapping[str, np.ndarray]) -> np.ndarray:
        """Add a token to some of the copies."""
        if list(copies) != self.copies:
            self._choose([self.copies.index(copy) for copy in copies])
            self.copies = list(copies)
        return self._run(self.runner.tensor(by_token["tokens"][:, None]))

    def _run(self, tokens: Tensor) -> np.ndarray:
        """(B, D) after the last of tokens (B, T)."""
        with self.runner.autocast():
            embedded = self.network.decoder_embedder(tokens)
            hidden: Tensor = self.network.decoder(embedded, self.memory, self.kept, self.length)
        self.length += tokens.shape[1]
        return hidden[:, -1].float().cpu().numpy()

    def _choose(self, rows: Sequence[int]) -> None:
        for kept in self.kept:
            kept.choose(torch.tensor(rows, device=self.memory.device))
