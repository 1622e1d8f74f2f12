"""Arrays of one window: inputs of a network, and targets for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from maimod.events.vocabulary import PAD

IGNORED = -100
"""Target of rows without a loss."""


@dataclass(frozen=True, slots=True)
class WindowInputs:
    """Inputs of a network for one window, by the names of its parameters."""

    by_token: Mapping[str, np.ndarray]
    """Arrays (T, ...), "tokens" among them."""
    by_window: Mapping[str, np.ndarray]
    """All others."""
    rows: tuple[int, ...]
    """For each span of the window the row whose output predicts its first event; the events follow one by one."""


def stack(inputs: Sequence[WindowInputs], length: int = 0) -> dict[str, np.ndarray]:
    """Arrays (B, ...) of several windows, those by token right-padded with `PAD` and zeros, to at least `length`."""
    longest = max(length, *(len(window.by_token["tokens"]) for window in inputs))

    def padded(array: np.ndarray) -> np.ndarray:
        return np.pad(array, [(0, longest - len(array)), *[(0, 0)] * (array.ndim - 1)], constant_values=PAD)

    arrays = {name: np.stack([padded(window.by_token[name]) for window in inputs]) for name in inputs[0].by_token}
    return arrays | {name: np.stack([window.by_window[name] for window in inputs]) for name in inputs[0].by_window}


class TrainingWindow(msgspec.Struct, frozen=True):
    """One window to train on."""

    inputs: WindowInputs
    targets: np.ndarray
    """(T,) the token that should follow each, or `IGNORED`."""

    @property
    def length(self) -> int:
        """Number of tokens."""
        return len(self.targets)


def next_tokens(inputs: WindowInputs, n_events: Sequence[int], skipped: int = 0) -> np.ndarray:
    """Targets (T,) of teacher forcing: the token after each row that predicts an event.

    Args:
        inputs: of the window. A context that is not the last ends with a token of its own, which is a target too.
        n_events: number of events shown of each context.
        skipped: first events of each context that cannot be predicted from the window.
    """
    tokens = inputs.by_token["tokens"]
    targets = np.full(len(tokens), IGNORED, dtype=np.int64)
    for number, (row, count) in enumerate(zip(inputs.rows, n_events, strict=True)):
        end = row + count + (number < len(n_events) - 1)
        targets[row + skipped : end] = tokens[row + 1 + skipped : end + 1]
    return targets
