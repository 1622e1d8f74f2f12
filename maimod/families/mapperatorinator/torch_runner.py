"""Running a published network in torch, token by token included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from maimod.families.inputs import WindowInputs
from maimod.families.mapperatorinator.network import Kept, Whisper
from maimod.families.torch_runner import TorchRunner


class TorchWhisper(TorchRunner):
    """A published network in torch."""

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
