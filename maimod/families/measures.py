"""What a score needs of the distributions of a network, a few numbers for each row of logits; in bits.

Rows of logits are large: those of a published checkpoint have 4,600 numbers, a map has 10,000 of them. They are measured
where they are made, so that a GPU returns the measures alone. This is the reference, in numpy;
:mod:`maimod.families.torch_runner` computes the same on GPUs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

N_EXPECTED = 4
"""Alternatives kept per event."""
BITS = np.float32(1 / np.log(2.0))
"""In a unit of natural logarithms."""
EXACT_FLOOR = 1e-10
"""The original adds this to probabilities before the logarithm, which limits surprisals to 33.2 bits (docs/compat.md
§9)."""
SAFE_LOGIT = 60.0
"""Exponentials of larger ones, or sums of them, are beyond float32."""
BLOCK = 256
"""Rows measured at a time on a CPU, so that their logits stay in its cache."""


class Targets(msgspec.Struct, frozen=True):
    """The tokens that n rows of logits are measured against."""

    tokens: np.ndarray
    """(n,) ids."""
    low: np.ndarray
    """(n,) first id that counts as near the token."""
    high: np.ndarray
    """(n,) last id that does."""
    legal: np.ndarray
    """(n,) rows of `table`."""
    table: np.ndarray
    """(m, V) which tokens are legal alternatives."""
    exact: bool = False
    """Surprisal and entropy by the original's formula, and alternatives from the whole vocabulary."""

    def part(self, begin: int, end: int) -> Targets:
        """Those of some rows."""
        rows = slice(begin, end)
        return Targets(self.tokens[rows], self.low[rows], self.high[rows], self.legal[rows], self.table, self.exact)

    @property
    def reach(self) -> int:
        """Most ids between a token and one that counts as near."""
        return int(max((self.tokens - self.low).max(), (self.high - self.tokens).max()))


class Measures(msgspec.Struct, frozen=True):
    """Measures of n rows."""

    surprisals: np.ndarray
    """(n,) bits."""
    entropies: np.ndarray
    """(n,) bits."""
    near: np.ndarray
    """(n,) probability of what counts as near."""
    best: np.ndarray
    """(n, N_EXPECTED) probabilities of the likeliest alternatives, falling."""
    chosen: np.ndarray
    """(n, N_EXPECTED) their ids."""

    @staticmethod
    def joined(parts: Sequence[Measures]) -> Measures:
        """Those of several parts, in order."""
        names = ("surprisals", "entropies", "near", "best", "chosen")
        return Measures(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def in_blocks(logits: Callable[[np.ndarray], np.ndarray], hidden: np.ndarray, targets: Targets) -> Measures:
    """Measure the distributions after hidden states (n, D), n at least 1; `logits` computes those of a block."""
    starts = range(0, len(hidden), BLOCK)
    return Measures.joined([measure(logits(hidden[at : at + BLOCK]), targets.part(at, at + BLOCK)) for at in starts])


def measure(logits: np.ndarray, targets: Targets) -> Measures:
    """Measure rows of logits (n, V), which are changed."""
    highest = logits.max(axis=1, keepdims=True)
    if np.abs(highest).max() > SAFE_LOGIT:
        logits -= highest
    weights = np.exp(logits)
    # Probabilities are the weights by their sums. Only what is returned is divided: a division of all rows takes as long
    # as their exponentials. Sums are products with ones, which BLAS computes four times as fast as numpy adds.
    total = weights @ np.ones(weights.shape[1], dtype=np.float32)
    if targets.exact:
        bits = -np.log2(weights / total[:, None] + np.float32(EXACT_FLOOR))
        surprisals, entropies = _at(bits, targets.tokens), np.vecdot(weights, bits) / total
    else:
        surprisals = (np.log(total) - _at(logits, targets.tokens)) * BITS
        entropies = (np.log(total) - np.vecdot(weights, logits) / total) * BITS
    near = _near(weights, targets) / total
    if not targets.exact:
        weights *= targets.table.astype(np.float32)[targets.legal]
    best, chosen = _largest(weights)
    return Measures(surprisals, entropies, near, best / total[:, None], chosen)


def _near(weights: np.ndarray, targets: Targets) -> np.ndarray:
    """(n,) sums of the weights (n, V) within the tolerance of each token."""
    reach = targets.reach
    ids = targets.tokens[:, None] + np.arange(-reach, reach + 1)
    inside = (ids >= targets.low[:, None]) & (ids <= targets.high[:, None])
    around = np.take_along_axis(weights, ids.clip(0, weights.shape[1] - 1), axis=1)
    return np.asarray((around * inside).sum(axis=1))


def _at(values: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """(n,) of (n, V)."""
    return np.asarray(np.take_along_axis(values, ids[:, None], axis=1)[:, 0])


def _largest(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The `N_EXPECTED` largest of each row, and where they are, both (n, N_EXPECTED); `values` are changed."""
    count = min(N_EXPECTED, values.shape[1])
    best, chosen = np.empty((len(values), count), values.dtype), np.empty((len(values), count), np.int64)
    for place in range(count):
        chosen[:, place] = values.argmax(axis=1)
        best[:, place] = _at(values, chosen[:, place])
        np.put_along_axis(values, chosen[:, place, None], -1.0, axis=1)
    return best, chosen
