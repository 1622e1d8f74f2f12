"""Running a generator network in torch, on any device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from maimod.families import measures
from maimod.families.inputs import WindowInputs, stack
from maimod.families.measures import BITS, EXACT_FLOOR, N_EXPECTED, Measures, Targets
from maimod.families.network import Network
from maimod.families.runner import Continuing, Runner

BATCH_POSITIONS = {"cpu": 6_000, "cuda": 64_000, "mps": 16_000}
"""Encoder positions and padded tokens run at a time. This bounds the memory; more is not faster on that kind of
device."""


class TorchRunner:
    """A network in torch as :class:`maimod.families.runner.Runner`."""

    def __init__(self, network: Network, dtype: torch.dtype | None = None) -> None:
        """Run a network where its weights are.

        Args:
            network: with its weights.
            dtype: of autocast; None computes in the type of the weights.
        """
        self.network, self.dtype = network, dtype

    @property
    def place(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @property
    def own(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.network.parameters()).dtype

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self.place)

    @property
    def batch_positions(self) -> int:
        """By the kind of device."""
        return BATCH_POSITIONS.get(self.place.type, BATCH_POSITIONS["cpu"])

    @torch.inference_mode()
    def hidden(self, windows: Sequence[WindowInputs], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Windows are right-padded and run together."""
        arrays = {name: self.tensor(array) for name, array in stack(windows).items()}
        with self.autocast():
            hidden: Tensor = self.network.hidden(**arrays)
        return self.chosen(hidden, rows)

    def chosen(self, hidden: Tensor, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Some rows (n, D) of each window of (B, T, D)."""
        of_window = np.repeat(np.arange(len(rows)), [len(wanted) for wanted in rows])
        states = self._array(hidden[self.tensor(of_window), self.tensor(np.concatenate(rows))])  # one copy from a GPU
        return np.split(states, np.cumsum([len(wanted) for wanted in rows])[:-1])

    @torch.inference_mode()
    def logits(self, hidden: np.ndarray) -> np.ndarray:
        """(n, D) to (n, V)."""
        with self.autocast():
            return self._array(self._logits(hidden))

    @torch.inference_mode()
    def measures(self, hidden: np.ndarray, targets: Targets) -> Measures:
        """Where the weights are, if that is a GPU."""
        if self.place.type == "cpu":
            return measures.in_blocks(self.logits, hidden, targets)
        with self.autocast():
            logits = self._logits(hidden)
        return Measures(*(column.cpu().numpy() for column in measured(logits.float(), targets)))

    def _logits(self, hidden: np.ndarray) -> Tensor:
        found: Tensor = self.network.logits(self.tensor(hidden).to(self.dtype or self.own))
        return found

    def begin(self, window: WindowInputs, copies: int) -> Continuing:
        """Run a window, for continuations of it."""
        return Rerun(self, window, copies)

    def tensor(self, array: np.ndarray) -> Tensor:
        """An array where the weights are."""
        return torch.from_numpy(array).to(self.place)

    @staticmethod
    def _array(tensor: Tensor) -> np.ndarray:
        return tensor.float().cpu().numpy()

    def autocast(self) -> torch.autocast:
        """To the type in which it computes."""
        return torch.autocast(self.place.type, dtype=self.dtype or torch.bfloat16, enabled=self.dtype is not None)


def measured(logits: Tensor, targets: Targets) -> tuple[Tensor, ...]:
    """:func:`maimod.families.measures.measure` on a device, of float32 logits (n, V); its fields in order."""
    tokens, low, high, legal, table = (
        torch.from_numpy(array).to(logits.device)
        for array in (targets.tokens, targets.low, targets.high, targets.legal, targets.table)
    )
    logs = logits.log_softmax(dim=1)
    probabilities = logs.exp()
    bits = -torch.log2(probabilities + EXACT_FLOOR) if targets.exact else logs * -float(BITS)
    reach = targets.reach
    ids = tokens[:, None] + torch.arange(-reach, reach + 1, device=logits.device)
    inside = (ids >= low[:, None]) & (ids <= high[:, None])
    around = probabilities.gather(1, ids.clamp(0, logits.shape[1] - 1))
    allowed = probabilities if targets.exact else probabilities * table[legal]
    return (
        bits.gather(1, tokens[:, None])[:, 0],
        (probabilities * bits).sum(dim=1),
        (around * inside).sum(dim=1),
        *allowed.topk(min(N_EXPECTED, logits.shape[1]), dim=1),
    )


class Rerun:
    """A :class:`maimod.families.runner.Continuing` for networks that keep nothing: each token runs the window again."""

    def __init__(self, runner: Runner, window: WindowInputs, copies: int) -> None:
        """Run the window."""
        self.runner, self.windows = runner, [window] * copies
        self.first = self._last([window])[0]

    def extend(self, copies: Sequence[int], by_token: Mapping[str, np.ndarray]) -> np.ndarray:
        """Add a token to some of the copies."""
        for row, copy in enumerate(copies):
            window = self.windows[copy]
            grown = {
                name: np.concatenate([array, by_token[name][row : row + 1]]) for name, array in window.by_token.items()
            }
            self.windows[copy] = replace(window, by_token=grown)
        return self._last([self.windows[copy] for copy in copies])

    def _last(self, windows: list[WindowInputs]) -> np.ndarray:
        rows = [np.array([len(window.by_token["tokens"]) - 1]) for window in windows]
        return np.concatenate(self.runner.hidden(windows, rows))
