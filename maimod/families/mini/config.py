"""Shape of the mini network, as `config.json` stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

FRAME_STRIDE = 4
"""Frames per encoder position: 40 ms. The channels keep where in it a sound starts; attention costs a quarter of
Whisper's."""


@dataclass(frozen=True, slots=True)
class MiniConfig:
    """Shape of the network; `config.json` of a checkpoint."""

    vocab_size_in: int
    vocab_size_out: int
    d_model: int = 192
    encoder_layers: int = 3
    decoder_layers: int = 5
    heads: int = 3
    feed_forward: int = 768
    n_mels: int = 64
    n_grid: int = 15
    n_place: int = 51
    frame_ms: float = 10.0
    window_ms: float = 10_240.0

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MiniConfig:
        """Take the known fields of a parsed `config.json`.

        Raises:
            ValueError: if one is missing or of another type.
        """
        return msgspec.convert(values, cls)

    @property
    def frames(self) -> int:
        """Mel frames in a window."""
        return round(self.window_ms / self.frame_ms)

    @property
    def encoder_positions(self) -> int:
        """Of a window."""
        return self.frames // FRAME_STRIDE
