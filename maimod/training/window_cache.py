"""Cache of network outputs by window: copies of a map that differ in one place share all other windows."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from maimod.families.family import Model
from maimod.families.inputs import WindowInputs
from maimod.families.measures import Measures, Targets
from maimod.families.runner import Runner

MAX_WINDOWS = 160
"""Most windows kept: about 0.5 MB each, some 20 for a map of three minutes."""


class RememberingRunner:
    """Runs a network only on windows that are not in the cache; everything else is the runner's own."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.known: OrderedDict[bytes, np.ndarray] = OrderedDict()

    @property
    def device(self) -> str:
        """As the runner's."""
        return self.runner.device

    @property
    def batch_positions(self) -> int:
        """As the runner's."""
        return self.runner.batch_positions

    def hidden(self, windows: Sequence[WindowInputs], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """As the runner's."""
        keys = [_key(window, wanted) for window, wanted in zip(windows, rows, strict=True)]
        new = [number for number, key in enumerate(keys) if key not in self.known]
        if new:
            found = self.runner.hidden([windows[number] for number in new], [rows[number] for number in new])
            self.known |= {keys[number]: states for number, states in zip(new, found, strict=True)}
        for key in keys:
            self.known.move_to_end(key)
        states = [self.known[key] for key in keys]
        while len(self.known) > MAX_WINDOWS:
            self.known.popitem(last=False)
        return states

    def logits(self, hidden: np.ndarray) -> np.ndarray:
        """As the runner's."""
        return self.runner.logits(hidden)

    def measures(self, hidden: np.ndarray, targets: Targets) -> Measures:
        """As the runner's."""
        return self.runner.measures(hidden, targets)


def _key(window: WindowInputs, rows: np.ndarray) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in (*window.by_token.values(), *window.by_window.values(), rows):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.digest()


def remembering(model: Model) -> Model:
    """The same model with a window cache."""
    return replace(model, runner=RememberingRunner(model.runner))
