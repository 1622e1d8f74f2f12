"""The discriminator without torch: the same function as :mod:`maimod.discriminator.network` in numpy, window by window.

The factors and the offset of each norm are a part of the projection after it. Axes as there, without `B`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.discriminator.checkpoint import COVERED, DiscriminatorConfig
from maimod.discriminator.features import CATEGORIES
from maimod.families.operators import BITS, Linear, Weights, divided_by_deviation, gelu_by_tanh, is_safe, weigh


def _after_norm(weights: Weights, norm: str, name: str, outputs: int, width: int) -> Linear:
    """All of a norm but the division by the deviation, and the projection after it."""
    factor, offset = weights.take(f"{norm}.weight", width), weights.take(f"{norm}.bias", width)
    matrix = weights.take(f"{name}.weight", outputs, width)
    bias = weights.take(f"{name}.bias", outputs) + matrix @ offset
    matrix = matrix * factor
    # (x - mean of x) M = x (M - mean of each row of M): the mean need not be subtracted from x.
    return Linear(matrix - matrix.mean(axis=1, keepdims=True), bias)


class _Layer:
    def __init__(self, weights: Weights, config: DiscriminatorConfig) -> None:
        width, inner, heads = config.d_model, config.feed_forward, config.heads
        self.heads = heads
        self.query_key_value = _after_norm(weights, "attention_norm", "query_key_value", 3 * width, width)
        self.query_key_value.scale(slice(0, width), (width // heads) ** -0.5 * BITS)  # the queries
        self.out = Linear(weights.take("out.weight", width, width), weights.take("out.bias", width))
        distances = weights.take("distances", heads, 2 * config.reach - 1) * np.float32(BITS)
        # Row i is the distances from -i on, so this is a view of a few KB instead of megabytes that do not stay in a core's cache.
        self.bias = np.lib.stride_tricks.sliding_window_view(distances, config.reach, axis=1)[:, ::-1]
        """(H, N, N) what is added to the logits of slots."""
        self.widen = _after_norm(weights, "feed_norm", "feed.0", inner, width)
        self.narrow = Linear(weights.take("feed.2.weight", width, inner), weights.take("feed.2.bias", width))

    def __call__(self, x: np.ndarray, owned: slice = slice(None)) -> np.ndarray:
        """Outputs at some of the slots."""
        length = len(x)
        parts = self.query_key_value(divided_by_deviation(x)).reshape(length, 3, self.heads, -1)
        query, key, value = parts.transpose(1, 2, 0, 3)  # (H, N, D / H)
        x, query = x[owned], query[:, owned]
        bias = self.bias[:, :length, :length][:, owned]
        mixed, sums = self._attend(query, key, value, bias, False)
        if not is_safe(sums):
            mixed, _ = self._attend(query, key, value, bias, True)
        x = x + self.out(mixed.reshape(x.shape))
        x += self.narrow(gelu_by_tanh(self.widen(divided_by_deviation(x))))
        return x

    def _attend(
        self, query: np.ndarray, key: np.ndarray, value: np.ndarray, bias: np.ndarray, is_large: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """(T, H, D / H) of (H, T, D / H) and the sums of the weights (T, H), as in maimod.families.operators.attend."""
        mixed, sums = np.empty_like(query.swapaxes(0, 1)), np.empty((query.shape[1], self.heads), dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for head in range(self.heads):
                logits = query[head] @ key[head].T
                logits += bias[head]
                weigh(logits, value[head], mixed[:, head], sums[:, head], is_large)
            mixed /= sums[:, :, None]
        return mixed, sums


class NumpyDiscriminator:
    """A :class:`maimod.discriminator.runner.Runner`."""

    def __init__(self, config: DiscriminatorConfig, weights: Weights) -> None:
        """Take all weights.

        Raises:
            ValueError: if they are of another shape.
        """
        self.config = config
        width, sizes = config.d_model, list(CATEGORIES.values())
        self.first_rows = np.array([0, *np.cumsum(sizes)[:-1].tolist()])
        self.categories = weights.take("categories.weight", sum(sizes), width)
        self.numbers, self.surroundings = (
            Linear(weights.take(f"{name}.weight", width, count), weights.take(f"{name}.bias", width))
            for name, count in (("numbers", config.n_numbers), ("surroundings", config.n_surroundings))
        )
        self.mixing = _after_norm(weights, "mixing.0", "mixing.1", width, width)
        self.layers = [_Layer(weights.within(f"layers.{i}"), config) for i in range(config.layers)]
        self.changed = _after_norm(weights, "norm", "changed", config.n_kinds, width)
        weights.take("cover", width)  # this and the heads below are for training
        for name in COVERED:
            weights.take(f"filled.{name}.weight", CATEGORIES[name], width)
            weights.take(f"filled.{name}.bias", CATEGORIES[name])
        weights.finish()

    def logits(
        self, categories: np.ndarray, numbers: np.ndarray, context: np.ndarray, owned: Sequence[slice]
    ) -> list[np.ndarray]:
        """Log-odds of a change."""
        parts = zip(categories, numbers.astype(np.float32), context.astype(np.float32), owned, strict=True)
        return [self._window(*part) for part in parts]

    def _window(self, categories: np.ndarray, numbers: np.ndarray, context: np.ndarray, owned: slice) -> np.ndarray:
        content = self.categories[categories + self.first_rows].sum(axis=1)  # (N, D)
        x = content + self.numbers(numbers) + self.surroundings(context)
        x += gelu_by_tanh(self.mixing(divided_by_deviation(x)))
        for layer in self.layers[:-1]:
            x = layer(x)
        return self.changed(divided_by_deviation(self.layers[-1](x, owned)))
