"""Small networks over the objects of a map in order of time: what an object is, beside what the objects around it are.

A mistake leaves traces on several objects: a figure that was turned shows at its first and its last one, an exchanged pair at both.
Trees that see one object at a time (:mod:`maimod.features.models.trees`) cannot tell which of them changed. Here each object becomes a few numbers, convolutions
mix those of neighbours, and the outputs read both. :mod:`maimod.training.slip_network` fits them. Plain numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.features.models.layers import Layer, Scaling


class SequenceNetwork(Scaling, frozen=True, dict=True):
    features: list[str]
    """Names of the features, in the order of `mean` and `scale`."""
    outputs: list[str]
    """What each output is the log-odds of."""
    first: Layer
    """Of each object alone."""
    around: list[Layer]
    """Convolutions: each reads all units of an odd number of neighbours, the first of them first; none beyond the ends of the map."""
    last: Layer
    """Reads the last convolution and the first layer; one unit for each output."""

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(n_objects, n_outputs) log-odds for (n_objects, n_features) of all objects of a map in order of time."""
        own = np.maximum(self.first.of_inputs(self.standard(features)), 0)
        values = own
        for layer in self.around:
            values = np.maximum(_convolved(layer, values), 0)
        return self.last.of_inputs(np.concatenate([values, own], axis=1))

    def check(self, names: Sequence[str], outputs: Sequence[str]) -> None:
        """Check numbers that were read from a file.

        Args:
            names: of all features that this version measures.
            outputs: that it reads.

        Raises:
            ValueError: if they do not fit this version or are not whole.
        """
        unknown = [name for name in self.features if name not in names]
        if unknown:
            raise ValueError(f"unknown feature {unknown[0]!r}")
        units = len(self.first.offsets)
        fits = self.fits(len(self.features)) and self.first.has_inputs(len(self.features))
        before = units
        for layer in self.around:
            fits = (
                fits
                and before > 0
                and layer.has_inputs(_width(layer, before) * before)
                and _width(layer, before) % 2 == 1
            )
            before = len(layer.offsets)
        if not fits or not self.last.has_inputs(before + units):
            raise ValueError("the numbers of a network do not fit together")
        if self.outputs != list(outputs) or len(self.last.offsets) != len(outputs):
            raise ValueError(f"outputs {', '.join(self.outputs)} of a network, {', '.join(outputs)} expected")


def _width(layer: Layer, units: int) -> int:
    """Neighbours that a convolution reads, of so many units each."""
    return layer.n_inputs // units


def _convolved(layer: Layer, values: np.ndarray) -> np.ndarray:
    """(n_objects, n_units) before the activation, for (n_objects, n_inputs)."""
    n, units = values.shape
    weights, offsets = layer.arrays
    width = _width(layer, units)
    padded = np.pad(values, ((width // 2, width // 2), (0, 0)))
    # One product for each neighbour: all of them side by side would take `width` times the memory.
    products = (padded[k : k + n] @ weights[k * units : (k + 1) * units] for k in range(width))
    return np.asarray(sum(products) + offsets)
