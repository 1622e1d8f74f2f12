"""A decoded song with its measurements, shared by the difficulties of a mapset."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from maimod.audio import decode, onsets, spectrogram
from maimod.audio.decode import Audio

if TYPE_CHECKING:
    from maimod.families.family import Family, NetworkConfig


class Song(msgspec.Struct, frozen=True, dict=True):
    """A song; derived data are computed once, at first use."""

    audio: Audio
    envelope: onsets.OnsetEnvelope
    _inputs: dict[NetworkConfig, np.ndarray] = msgspec.field(default_factory=dict)

    @cached_property
    def bands(self) -> spectrogram.Bands:
        """Onsets and loudness by frequency band."""
        return spectrogram.song_bands(self.audio)

    def model_input(self, family: Family[Any]) -> np.ndarray:
        """Input audio of a checkpoint's network; see :meth:`maimod.families.family.Family.load_audio`."""
        if family.config not in self._inputs:
            self._inputs[family.config] = family.load_audio(self.audio)
        return self._inputs[family.config]


def load(path: Path) -> Song:
    """Decode a song and find its onsets.

    Raises:
        AudioError: if it cannot be decoded.
    """
    decoded = decode.load(path)
    return Song(decoded, onsets.onset_envelope(decoded))
