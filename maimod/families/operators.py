"""Operators of the networks that run without torch, in numpy.

All arrays are float32. What torch does in one kernel is done here in blocks of rows that stay in a core's cache. The
networks in torch are the reference; tests/families/test_numpy_networks.py compares.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

BLOCK = 128
"""Queries that attend at a time: a block of logits against 1,000 keys takes half a megabyte."""
PAST = np.tri(BLOCK, dtype=np.float32)
"""Which of the last keys a block of queries sees where attention is causal."""
BITS = 1 / np.log(2.0)
"""In a unit of natural logarithms. Attention works with powers of 2, which numpy computes in half of the time of those of e."""
LEAST_SUM, LARGEST_SUM = 1e-30, 1e30
"""Sums of weights between these need no subtraction of the largest logit: they, and their products with values, are far from
the ends of float32."""
ROWS = 64
"""Rows of a feed-forward layer at a time."""
_TAIL = [
    np.float32(factor)
    for factor in (1.0000419943, 1.1507547091, 0.4600691826, 0.0517547511, -0.0070554314, 0.00046928383)
]
"""Coefficients of 1, x, x², … in -log2 of (1 - erf(x / sqrt 2)) / 2 for x >= 0, fitted for x / 2 (1 - erf) to be right to
5e-7."""


MAX_THREADS = 8


def thread_count() -> int:
    """Threads to run windows in: `OMP_NUM_THREADS`, as for torch, else a thread for each core."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(int(given) if given.isdecimal() else cores, MAX_THREADS))


class Weights:
    """The tensors of a checkpoint, each taken once."""

    def __init__(self, tensors: Mapping[str, np.ndarray], prefix: str = "", left: set[str] | None = None) -> None:
        self._tensors, self._prefix = tensors, prefix
        self._left = set(tensors) if left is None else left

    def within(self, name: str) -> Weights:
        """Those of a part of the network."""
        return Weights(self._tensors, f"{self._prefix}{name}.", self._left)

    def take(self, name: str, *shape: int) -> np.ndarray:
        """The tensor of a name and shape, float32.

        Raises:
            ValueError: if it is missing or of another shape.
        """
        name = self._prefix + name
        if name not in self._tensors:
            raise ValueError(f"tensors are missing (first: {name})")
        if self._tensors[name].shape != shape:
            raise ValueError(f"tensors are of another shape (first: {name})")
        self._left.discard(name)
        return np.ascontiguousarray(self._tensors[name], dtype=np.float32)

    def finish(self) -> None:
        """Check that all were taken.

        Raises:
            ValueError: if some are left over.
        """
        if self._left:
            raise ValueError(f"{len(self._left)} tensors are not of this network (first: {min(self._left)})")


class Linear:
    """x W^T + b."""

    def __init__(self, matrix: np.ndarray, bias: np.ndarray | None = None) -> None:
        """Take a matrix (outputs, inputs) and a bias (outputs,)."""
        self.matrix, self.bias = np.ascontiguousarray(matrix.T), bias

    def scale(self, outputs: slice, factor: float) -> None:
        """Multiply some of the outputs."""
        self.matrix[:, outputs] *= np.float32(factor)
        if self.bias is not None:
            self.bias[outputs] *= np.float32(factor)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        found = x @ self.matrix
        if self.bias is not None:
            found += self.bias
        return found


def gelu(x: np.ndarray) -> np.ndarray:
    """Gaussian error linear unit x (1 + erf(x / sqrt 2)) / 2 of (n, D), in place.

    In float32 to 1e-6: numpy has no erf.
    """
    zeros = np.zeros((min(ROWS, len(x)), x.shape[1]), dtype=np.float32)
    for start in range(0, len(x), ROWS):
        rows = x[start : start + ROWS]
        size = np.abs(rows)
        tail = size * -_TAIL[-1]
        for coefficient in _TAIL[-2:0:-1]:
            tail -= coefficient
            tail *= size
        tail -= _TAIL[0]
        np.exp2(tail, out=tail)
        tail *= size  # |x| / 2 (1 - erf)
        np.maximum(rows, zeros[: len(rows)], out=rows)  # numpy takes four times as long against a number
        rows -= tail
    return x


def gelu_by_tanh(x: np.ndarray) -> np.ndarray:
    """Its usual approximation x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 of (n, D), in place."""
    # (1 + tanh y) / 2 = 1 / (1 + 2^(-2 y / ln 2))
    factor = -2 * BITS * (2 / np.pi) ** 0.5
    with np.errstate(over="ignore"):  # x / inf is the right limit
        for start in range(0, len(x), ROWS):
            rows = x[start : start + ROWS]
            inner = rows * rows
            inner *= np.float32(0.044715 * factor)
            inner += np.float32(factor)
            inner *= rows
            np.exp2(inner, out=inner)
            inner += np.float32(1.0)
            rows /= inner
    return x


def rms_normed(x: np.ndarray) -> np.ndarray:
    """Rows of (..., D) divided by their root mean square."""
    scale = np.vecdot(x, x)
    scale /= np.float32(x.shape[-1])
    scale += np.finfo(np.float32).eps  # as torch's RMSNorm
    np.sqrt(scale, out=scale)
    np.reciprocal(scale, out=scale)
    return x * scale[..., None]


def divided_by_deviation(x: np.ndarray) -> np.ndarray:
    """Rows of (n, D) divided by their deviation, the means left in.

    In float32 to 1e-7 times the square of a row's mean in deviations, which is below 10 in a trained network.
    """
    width = np.float32(x.shape[1])
    mean = x @ np.full(x.shape[1], 1 / width, dtype=np.float32)  # three times as fast as numpy adds
    variance = np.vecdot(x, x)
    variance /= width
    variance -= mean * mean
    np.maximum(variance, np.float32(0.0), out=variance)
    variance += np.float32(1e-5)  # as torch's LayerNorm
    return x * (1 / np.sqrt(variance))[:, None]


def rotations(positions: np.ndarray, width: int) -> np.ndarray:
    """Complex numbers (n, width / 2) that rotate `width` channels by `positions` (n,), as :func:`attention.rotary`."""
    exponents = np.arange(0, width, 2, dtype=np.float32) / np.float32(width)
    angles = positions.astype(np.float32)[:, None] * np.float32(10_000.0) ** -exponents
    return np.cos(angles) + 1j * np.sin(angles)


def paired(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key projection (D, ...) reordered so that the channels i and i + K/2 of each head, which are
    rotated together, lie side by side: one complex number. Products of queries and keys do not change."""
    split = matrix.reshape(heads, 2, -1, *matrix.shape[1:])
    return np.ascontiguousarray(split.swapaxes(1, 2)).reshape(matrix.shape)


def for_heads(angles: np.ndarray, heads: int) -> np.ndarray:
    """Rotations (T, K/2) once for each head, (T, H, K/2), as :func:`rotate` needs them."""
    return np.repeat(angles[:, None], heads, axis=1)


def rotate(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotate :func:`paired` channels of (T, H, K) by (T, H, K/2) complex numbers, in place.

    Both lie in memory without gaps, so that numpy multiplies them in one loop: half of the time, a sixth for keys that lie
    between values.
    """
    pairs = x.view(np.complex64)
    pairs *= angles
    return x


def attend(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, first: int | None = None, seen: np.ndarray | None = None
) -> np.ndarray:
    """Attention of (T, H, K) over (S, H, K): (T, H K). Logits are in bits: the queries are scaled so already.

    Args:
        query: of T positions.
        key: of S positions.
        value: of S positions.
        first: with it attention is causal: position of the first query among the keys.
        seen: (T, S) which keys a query sees.
    """
    mixed, sums = _attend(query, key, value, first, seen, False)
    if not is_safe(sums):
        mixed, _ = _attend(query, key, value, first, seen, True)
    return mixed.reshape(len(query), -1)


def _attend(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, first: int | None, seen: np.ndarray | None, is_large: bool
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`attend`, and the sums (T, H) of the weights; with `is_large` the largest logit is subtracted first."""
    length, heads, width = query.shape
    mixed, sums = np.empty((length, heads, width), dtype=np.float32), np.empty((length, heads), dtype=np.float32)
    block = BLOCK if first is not None else 2 * BLOCK  # longer ones waste more on the keys after a query
    with np.errstate(over="ignore", invalid="ignore"):  # then they are computed again
        for start in range(0, length, block):
            stop = min(start + block, length)
            known, visible = len(key), None
            if first is not None:
                known, visible = first + stop, PAST[: stop - start, : stop - start]
            elif seen is not None:
                visible = seen[start:stop]
            for head in range(heads):  # one by one: their logits stay in the core's cache
                logits = query[start:stop, head] @ key[:known, head].T
                rows = slice(start, stop), head
                weigh(logits, value[:known, head], mixed[rows], sums[rows], is_large, visible)
        mixed /= sums[:, :, None]
    return mixed, sums


def is_safe(sums: np.ndarray) -> bool:
    """Whether sums of weights are far from the ends of float32."""
    return bool(sums.min() > LEAST_SUM and sums.max() < LARGEST_SUM)  # false for NaN, too


def weigh(
    logits: np.ndarray,
    value: np.ndarray,
    mixed: np.ndarray,
    sums: np.ndarray,
    is_large: bool,
    visible: np.ndarray | None = None,
) -> None:
    """Sums of values (S, K) weighted by powers of logits (T, S) in bits, which are changed, and the sums of the weights (T,),
    by which they are still to be divided: for all heads at once.

    Args:
        logits: of T queries against S keys.
        value: of the keys.
        mixed: (T, K), is set.
        sums: (T,), is set.
        is_large: whether the largest logit is subtracted.
        visible: (T, n) 1 for those of the last n keys that a query sees, 0 for others.
    """
    if is_large:
        if visible is not None:
            logits[:, len(value) - visible.shape[1] :][visible == 0] = -np.inf
        logits -= logits.max(axis=1, keepdims=True)
    np.exp2(logits, out=logits)
    if visible is not None:  # numpy takes three times as long for 2 to the power of -inf
        logits[:, len(value) - visible.shape[1] :] *= visible
    # A product with ones, which BLAS computes three times as fast as numpy adds.
    sums[...] = logits @ np.ones(len(value), dtype=np.float32)
    np.matmul(logits, value, out=mixed)
