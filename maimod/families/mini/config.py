"""Shape of the mini network, as `config.json` stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from maimod.families.family import MAX_WINDOW_MS, Count, Layers

FRAME_STRIDE = 4
"""Frames per encoder position: 40 ms. The channels keep where in it a sound starts; attention costs a quarter of
Whisper's."""
CONVOLUTIONS = ((5, 2), (3, FRAME_STRIDE // 2))
"""(kernel size, stride) of the encoder's convolutions."""
TIME_UNIT_MS = 10.0
"""One rotary position of a time; frequencies run from 1 rad per unit down."""


@dataclass(frozen=True, slots=True)
class MiniConfig:
    """Shape of the network; `config.json` of a checkpoint."""

    vocab_size_in: Count
    vocab_size_out: Count
    d_model: Count = 192
    encoder_layers: Layers = 3
    decoder_layers: Layers = 5
    heads: Count = 3
    feed_forward: Count = 768
    n_mels: Count = 64
    n_grid: Count = 15
    n_place: Count = 51
    frame_ms: Annotated[float, msgspec.Meta(ge=1.0, le=100.0)] = 10.0
    window_ms: Annotated[float, msgspec.Meta(ge=1000.0, le=MAX_WINDOW_MS)] = 10_240.0

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MiniConfig:
        """Take the known fields of a parsed `config.json`.

        Raises:
            ValueError: if one is missing, of another type, or out of bounds.
        """
        config = msgspec.convert(values, cls)
        if config.d_model % (4 * config.heads):  # halves of a head are rotated in pairs
            raise ValueError(f"{config.heads} heads do not divide a width of {config.d_model}")
        return config

    @property
    def frames(self) -> int:
        """Mel frames in a window."""
        return round(self.window_ms / self.frame_ms)

    @property
    def encoder_positions(self) -> int:
        """Of a window."""
        return self.frames // FRAME_STRIDE
