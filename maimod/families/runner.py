"""The seam between scores and what computes them: a generator network that is ready to run, by whatever package.

The networks in torch (:mod:`maimod.families.torch_runner`) are the reference, train, and run on GPUs. The bundled one also
runs in numpy alone (:mod:`maimod.families.mini.numpy_network`), which starts a second sooner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from maimod.families.inputs import WindowInputs
from maimod.families.measures import Measures, Targets


class Continuing(Protocol):
    """Several copies of a window, which grow token by token."""

    @property
    def first(self) -> np.ndarray:
        """(D,) last hidden state after the window itself."""

    def extend(self, copies: Sequence[int], by_token: Mapping[str, np.ndarray]) -> np.ndarray:
        """Add a token to some of the copies.

        Args:
            copies: their numbers, ascending; one that is left out has ended.
            by_token: arrays (n, ...) of the tokens, by the names of the window's.

        Returns:
            (n, D) last hidden states after them.
        """


class Runner(Protocol):
    """A network with its weights; arrays in and out. All arrays it returns are float32."""

    @property
    def device(self) -> str:
        """Where it runs: "cpu", "cuda:0", …"""

    @property
    def batch_positions(self) -> int:
        """Encoder positions and padded tokens to give at a time; a single window may have more."""

    def hidden(self, windows: Sequence[WindowInputs], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Last hidden states (n, D) of each window at its `rows` (n,), which ascend."""

    def logits(self, hidden: np.ndarray) -> np.ndarray:
        """(n, D) to the logits (n, V) of the token after each."""

    def measures(self, hidden: np.ndarray, targets: Targets) -> Measures:
        """Measures of the distributions after (n, D), n at least 1."""


class ContinuingRunner(Runner, Protocol):
    """One that goes on from a window; see :mod:`maimod.families.continuation`."""

    def begin(self, window: WindowInputs, copies: int) -> Continuing:
        """Run a window, for continuations of it."""


class BranchingRunner(Runner, Protocol):
    """One that also runs alternatives side by side; see :mod:`maimod.families.mini.position_posterior`."""

    def encode(self, mel: np.ndarray, frame_grid: np.ndarray) -> Any:
        """The song of a window, (F, ...), as :meth:`decode` takes it."""

    def decode(
        self,
        tokens: np.ndarray,
        times: np.ndarray,
        grid: np.ndarray,
        place: np.ndarray,
        memory: Any,
        rows: np.ndarray,
        index: np.ndarray | None = None,
        seen: np.ndarray | None = None,
    ) -> np.ndarray:
        """Last hidden states (n, D) at some rows of the tokens of one window.

        Args:
            tokens: (T,) ids.
            times: (T,) ms from the window's start.
            grid: (T, G) beat phases at these times.
            place: (T, P) where the cursor is.
            memory: from :meth:`encode`.
            rows: (n,) which, ascending.
            index: (T,) places in the sequence, where alternatives to one token stand side by side.
            seen: (T, T) which tokens a token sees, in place of all before it.
        """
