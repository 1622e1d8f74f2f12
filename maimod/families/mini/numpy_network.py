"""The mini network without torch: the same function as :mod:`maimod.families.mini.network` in numpy, window by window.

Axes as there, without `B`. Factors that follow each other are multiplied at loading: those of the norms, and the scale of
the queries, are a part of the projections after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np

from maimod.families import measures
from maimod.families.inputs import WindowInputs
from maimod.families.measures import Measures, Targets
from maimod.families.mini.config import CONVOLUTIONS, FRAME_STRIDE, TIME_UNIT_MS, MiniConfig
from maimod.families.operators import (
    BITS,
    Linear,
    Weights,
    attend,
    for_heads,
    gelu,
    paired,
    rms_normed,
    rotate,
    rotations,
    thread_count,
)

POSITIONS_A_THREAD = 2_000
Keys = tuple[np.ndarray, np.ndarray]
"""Keys and values (S, H, K)."""


class _Attention:
    """Multi-head attention; the norm before it is a part of its projections."""

    def __init__(self, weights: Weights, config: MiniConfig, norm: np.ndarray, memory_norm: np.ndarray) -> None:
        width, heads = config.d_model, config.heads
        self.heads, scale = heads, np.float32((width // heads) ** -0.5 * BITS)
        query, bias = weights.take("query.weight", width, width) * norm, weights.take("query.bias", width)
        self.query = Linear(paired(query, heads) * scale, paired(bias, heads) * scale)
        both = weights.take("key_value.weight", 2 * width, width) * memory_norm
        self.key, self.value = Linear(paired(both[:width], heads)), Linear(both[width:])
        self.out = Linear(weights.take("out.weight", width, width), weights.take("out.bias", width))

    def keys(self, memory: np.ndarray, angles: np.ndarray) -> Keys:
        """Keys and values of a memory (S, D)."""
        key, value = (part(memory).reshape(len(memory), self.heads, -1) for part in (self.key, self.value))
        return rotate(key, angles), value

    def __call__(
        self, x: np.ndarray, angles: np.ndarray, keys: Keys, first: int | None = None, seen: np.ndarray | None = None
    ) -> np.ndarray:
        """Queries from x; `first` and `seen` as :func:`maimod.families.operators.attend`."""
        query = rotate(self.query(x).reshape(len(x), self.heads, -1), angles)
        return self.out(attend(query, *keys, first, seen))


class _Layer:
    def __init__(self, weights: Weights, config: MiniConfig) -> None:
        width, inner = config.d_model, config.feed_forward
        norm = weights.take("attention_norm.weight", width)
        self.attention = _Attention(weights.within("attention"), config, norm, norm)
        norm = weights.take("mlp_norm.weight", width)
        self.widen = Linear(weights.take("mlp.0.weight", inner, width) * norm, weights.take("mlp.0.bias", inner))
        self.narrow = Linear(weights.take("mlp.2.weight", width, inner), weights.take("mlp.2.bias", width))

    def feed(self, x: np.ndarray) -> np.ndarray:
        """The feed-forward part."""
        return x + self.narrow(gelu(self.widen(rms_normed(x))))


class _DecoderLayer(_Layer):
    def __init__(self, weights: Weights, config: MiniConfig, memory_norm: np.ndarray) -> None:
        super().__init__(weights, config)
        norm = weights.take("cross_norm.weight", config.d_model)
        self.cross = _Attention(weights.within("cross"), config, norm, memory_norm)


class _Convolution(msgspec.Struct, frozen=True):
    linear: Linear
    size: int
    stride: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(F, C) to (F / stride, D)."""
        padded = np.pad(x, [(self.size // 2, self.size // 2), (0, 0)])
        seen = np.lib.stride_tricks.sliding_window_view(padded, self.size, axis=0)[:: self.stride]  # (F', C, size)
        # Frame by frame, as they lie in memory: channel by channel the copy takes a fifth of the whole.
        return self.linear(np.ascontiguousarray(seen.swapaxes(1, 2)).reshape(len(seen), -1))


class NumpyMini:
    """Encoder over frames, causal decoder over tokens; a :class:`maimod.families.runner.BranchingRunner`."""

    device = "cpu"

    def __init__(self, config: MiniConfig, weights: Weights) -> None:
        """Take all weights.

        Raises:
            ValueError: if they are of another shape.
        """
        self.width = width = config.d_model
        self.head_width = width // config.heads
        self.convolutions = []
        inputs = config.n_mels + config.n_grid
        for number, (size, stride) in enumerate(CONVOLUTIONS, start=1):
            matrix, bias = (
                weights.take(f"conv{number}.weight", width, inputs, size),
                weights.take(f"conv{number}.bias", width),
            )
            self.convolutions.append(_Convolution(Linear(matrix.swapaxes(1, 2).reshape(width, -1), bias), size, stride))
            inputs = width
        self.encoder = [_Layer(weights.within(f"encoder.{i}"), config) for i in range(config.encoder_layers)]
        norm = weights.take("encoder_norm.weight", width)
        self.embedding = weights.take("embedding.weight", config.vocab_size_in, width)
        self.grid = Linear(weights.take("grid.weight", width, config.n_grid))
        self.place = Linear(weights.take("place.weight", width, config.n_place))
        self.decoder = [
            _DecoderLayer(weights.within(f"decoder.{i}"), config, norm) for i in range(config.decoder_layers)
        ]
        norm = weights.take("decoder_norm.weight", width)
        self.project = Linear(weights.take("project.weight", config.vocab_size_out, width) * norm)
        weights.finish()
        frames = np.arange(-(-config.frames // FRAME_STRIDE)) * (FRAME_STRIDE * config.frame_ms / TIME_UNIT_MS)
        self.heads = config.heads
        self.frame_angles = for_heads(rotations(frames, self.head_width), self.heads)
        self.threads = thread_count()

    @property
    def batch_positions(self) -> int:
        """Enough for two windows a thread. In a thread they run one by one: no padding, and what a layer works on stays in
        the core's cache."""
        return self.threads * POSITIONS_A_THREAD if self.threads > 1 else 0

    def hidden(self, windows: Sequence[WindowInputs], rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Last hidden states, not yet scaled by their norm's factors, of each window at its rows."""
        if len(windows) == 1 or self.threads == 1:
            return list(map(self._hidden, windows, rows))
        with ThreadPoolExecutor(self.threads) as pool:  # numpy leaves its lock for anything that takes long
            return list(pool.map(self._hidden, windows, rows))

    def _hidden(self, window: WindowInputs, rows: np.ndarray) -> np.ndarray:
        if not len(rows):  # one of the original's windows in a pause
            return np.empty((0, self.width), dtype=np.float32)
        return self.decode(**window.by_token, memory=self.encode(**window.by_window), rows=rows)

    def logits(self, hidden: np.ndarray) -> np.ndarray:
        """(n, D) to (n, V)."""
        return self.project(hidden)

    def measures(self, hidden: np.ndarray, targets: Targets) -> Measures:
        """Of the distributions after (n, D)."""
        return measures.in_blocks(self.logits, hidden, targets)

    def begin(self, window: WindowInputs, copies: int) -> Growing:
        """Run a window, for continuations of it."""
        return Growing(self, window, copies)

    def encode(self, mel: np.ndarray, frame_grid: np.ndarray) -> list[Keys]:
        """Keys and values of the song for each layer of the decoder, from mel (F, n_mels) and grid (F, G)."""
        x = np.concatenate([mel, frame_grid], axis=1, dtype=np.float32)
        for convolution in self.convolutions:
            x = gelu(convolution(x))
        angles = self.frame_angles
        for layer in self.encoder:
            normed = rms_normed(x)
            x = layer.feed(x + layer.attention(normed, angles, layer.attention.keys(normed, angles)))
        memory = rms_normed(x)
        return [layer.cross.keys(memory, angles) for layer in self.decoder]

    def decode(
        self,
        tokens: np.ndarray,
        times: np.ndarray,
        grid: np.ndarray,
        place: np.ndarray,
        memory: list[Keys],
        rows: np.ndarray,
        index: np.ndarray | None = None,
        seen: np.ndarray | None = None,
    ) -> np.ndarray:
        """Last hidden states at some rows of one window."""
        index = np.arange(len(tokens)) if index is None else index
        x, angles, by_time = self.embedded(tokens, times, grid, place, index)
        first = 0
        for layer, song in zip(self.decoder, memory, strict=True):
            normed = rms_normed(x)
            keys = layer.attention.keys(normed, angles)
            if layer is self.decoder[-1]:  # where rows that are not wanted matter as keys alone
                first = int(rows[0])
                x, normed, angles, by_time = x[first:], normed[first:], angles[first:], by_time[first:]
                seen = None if seen is None else seen[first:]
            x = x + layer.attention(normed, angles, keys, first if seen is None else None, seen)
            x = layer.feed(x + layer.cross(rms_normed(x), by_time, song))
        return rms_normed(x[rows - first])

    def embedded(
        self, tokens: np.ndarray, times: np.ndarray, grid: np.ndarray, place: np.ndarray, index: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Input (T, D) of the decoder, and what rotates its attention over tokens and over the song."""
        x = self.embedding[tokens] + self.grid(grid) + self.place(place)
        units = times / np.float32(TIME_UNIT_MS)
        by_time, half = rotations(units, self.head_width), rotations(units, self.head_width // 2)
        # Half of each head is rotated by position in the sequence, half by time.
        angles = np.concatenate([rotations(index, self.head_width // 2), half], axis=1)
        return x, for_heads(angles, self.heads), for_heads(by_time, self.heads)


class Growing:
    """A :class:`maimod.families.runner.Continuing` that keeps the keys of all tokens so far."""

    def __init__(self, network: NumpyMini, window: WindowInputs, copies: int) -> None:
        """Run the window."""
        self.network, self.memory = network, network.encode(**window.by_window)
        length = len(window.by_token["tokens"])
        self.lengths = np.full(copies, length)
        x, angles, by_time = network.embedded(**window.by_token, index=np.arange(length))
        self.kept: list[list[Keys]] = []
        """Of each layer, for each copy."""
        for layer, song in zip(network.decoder, self.memory, strict=True):
            normed = rms_normed(x)
            keys = layer.attention.keys(normed, angles)
            self.kept.append([keys] * copies)
            x = x + layer.attention(normed, angles, keys, 0)
            x = layer.feed(x + layer.cross(rms_normed(x), by_time, song))
        self.first = rms_normed(x[-1:])[0]

    def extend(self, copies: Sequence[int], by_token: Mapping[str, np.ndarray]) -> np.ndarray:
        """Add a token to some of the copies."""
        x, angles, by_time = self.network.embedded(**by_token, index=self.lengths[list(copies)])
        self.lengths[list(copies)] += 1
        for layer, kept, song in zip(self.network.decoder, self.kept, self.memory, strict=True):
            normed = rms_normed(x)
            keys, values = layer.attention.keys(normed, angles)
            mixed = []
            for row, copy in enumerate(copies):
                one = slice(row, row + 1)
                before = kept[copy]
                kept[copy] = np.concatenate([before[0], keys[one]]), np.concatenate([before[1], values[one]])
                mixed.append(layer.attention(normed[one], angles[one], kept[copy]))
            x = x + np.concatenate(mixed)
            x = layer.feed(x + layer.cross(rms_normed(x), by_time, song))
        return rms_normed(x)
