"""A song as everything that listens to it needs it, worked out once for the difficulties of a mapset and only where
somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maimod.audio import decode, onsets, spectrogram
from maimod.audio.decode import Audio
from maimod.families.mapperatorinator import legacy_audio
from maimod.families.mini.config import ModelConfig

if TYPE_CHECKING:
    from maimod.families.family import Model


@dataclass(frozen=True)
class Song:
    """A decoded song and what was measured of it."""

    audio: Audio
    envelope: onsets.OnsetEnvelope
    _mels: dict[tuple[int, float], np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def bands(self) -> spectrogram.Bands:
        """Onsets and loudness by frequency, for the proofreader."""
        return spectrogram.song_bands(self.audio)

    def sound(self, model: Model) -> np.ndarray:
        """The song as `model` hears it; see :meth:`maimod.families.family.Model.read`."""
        if isinstance(model.config, ModelConfig):
            return self._mel(model.config.n_mels, model.config.frame_ms)
        return self._pcm

    def _mel(self, n_mels: int, frame_ms: float) -> np.ndarray:
        from maimod.families.mini.encoding import normalise

        if (n_mels, frame_ms) not in self._mels:
            hop_length = round(frame_ms * self.audio.sample_rate / 1000)
            self._mels[n_mels, frame_ms] = normalise(
                spectrogram.log_mel(self.audio.samples, n_mels=n_mels, hop_length=hop_length)
            )
        return self._mels[n_mels, frame_ms]

    @cached_property
    def _pcm(self) -> np.ndarray:
        assert self.audio.path is not None
        return legacy_audio.load(self.audio.path)


def load(path: Path) -> Song:
    """Decode a song and find its onsets.

    Raises:
        AudioError: if it is none.
    """
    decoded = decode.load(path)
    return Song(decoded, onsets.onset_envelope(decoded))
