"""Layers of small neural networks as plain numbers: the form in which fitted networks are kept and computed. Plain numpy."""

from __future__ import annotations

from functools import cached_property

import msgspec
import numpy as np

WITHIN = (-4.0, 6.0)
"""Bounds of standardised features."""
STORED_AS = "<f2"
"""Type of the weights in a file."""
EXPONENT = 0x7C00
"""Bits of the exponent in it; all are set in infinity and in what is no number."""


class Layer(msgspec.Struct, frozen=True, dict=True):
    weights: bytes
    """float16, little-endian, of each unit one for each input; base64 in the file. As text they would take twice the space and most
    of the time to read it."""
    offsets: list[float]

    @classmethod
    def of(cls, weights: np.ndarray, offsets: np.ndarray) -> Layer:
        """From weights (n_units, n_inputs) and offsets (n_units,)."""
        return cls(weights.astype(STORED_AS).tobytes(), [float(f"{offset:.4g}") for offset in offsets.tolist()])

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights (n_inputs, n_units) and offsets (n_units,), float32 as the features."""
        offsets = np.array(self.offsets, dtype=np.float32)
        return np.frombuffer(self.weights, STORED_AS).astype(np.float32).reshape(len(offsets), -1).T, offsets

    def of_inputs(self, values: np.ndarray) -> np.ndarray:
        """(n, n_units) before any activation, for (n, n_inputs)."""
        weights, offsets = self.arrays
        return np.asarray(values @ weights + offsets)

    @property
    def n_inputs(self) -> int:
        return len(self.weights) // (np.dtype(STORED_AS).itemsize * max(len(self.offsets), 1))

    def has_inputs(self, count: int) -> bool:
        """Whether it has finite weights for so many inputs."""
        is_whole = len(self.weights) == np.dtype(STORED_AS).itemsize * len(self.offsets) * count
        if not self.offsets or not is_whole or not np.isfinite(np.array(self.offsets, dtype=np.float32)).all():
            return False
        # In float32 it takes ten times as long to see, also for networks that are not asked in the end.
        exponents = np.frombuffer(self.weights, "<u2") & EXPONENT
        return not (exponents == EXPONENT).any()


class Scaling(msgspec.Struct, frozen=True, dict=True):
    """How features are standardised: (x - mean) / scale, within `WITHIN`."""

    mean: list[float]
    scale: list[float]

    @classmethod
    def of(cls, features: np.ndarray) -> Scaling:
        """From examples (n, n_features)."""
        mean, scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-3)
        return cls(*([float(f"{value:.6g}") for value in one] for one in (mean, scale)))

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and scale as float32."""
        return np.array(self.mean, dtype=np.float32), np.array(self.scale, dtype=np.float32)

    def standard(self, features: np.ndarray) -> np.ndarray:
        """(n, n_features) standardised."""
        mean, scale = self.arrays
        return np.asarray(np.clip((features - mean) / scale, *WITHIN))

    def fits(self, count: int) -> bool:
        """Whether it has numbers for so many features, finite and with no scale of 0."""
        is_whole = {len(self.mean), len(self.scale)} == {count}
        return is_whole and bool(np.isfinite(self.arrays).all() and self.arrays[1].all())
