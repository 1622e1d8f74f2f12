"""Running the mini network in torch, alternatives side by side included."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from maimod.families.mini.network import MiniNetwork
from maimod.families.torch_runner import TorchRunner


class TorchMini(TorchRunner):
    """A mini network in torch as :class:`maimod.families.runner.BranchingRunner`."""

    @torch.inference_mode()
    def encode(self, mel: np.ndarray, frame_grid: np.ndarray) -> Tensor:
        """(1, S, D)."""
        return self._mini.encode(self._input(mel), self._input(frame_grid))

    @torch.inference_mode()
    def decode(
        self,
        tokens: np.ndarray,
        times: np.ndarray,
        grid: np.ndarray,
        place: np.ndarray,
        memory: Tensor,
        rows: np.ndarray,
        index: np.ndarray | None = None,
        seen: np.ndarray | None = None,
    ) -> np.ndarray:
        """Last hidden states at some rows of one window."""
        hidden = self._mini.decode(
            self.tensor(tokens[None]),
            self.tensor(times[None]),
            self._input(grid),
            self._input(place),
            memory,
            None if index is None else self.tensor(index[None]),
            None if seen is None else self.tensor(seen),
        )
        return self._array(hidden[0, self.tensor(rows)])

    @property
    def _mini(self) -> MiniNetwork:
        return cast(MiniNetwork, self.network)

    def _input(self, array: np.ndarray) -> Tensor:
        return self.tensor(array[None]).to(self.own)
