"""A song as everything that listens to it needs it, worked out once for the difficulties of a mapset and only where somebody asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maimod import audio, onsets, pcm, slots
from maimod.audio import Audio
from maimod.configs import ModelConfig

if TYPE_CHECKING:
    from maimod.scoring import Model


@dataclass(frozen=True)
class Song:
    """A decoded song and what was measured of it."""

    audio: Audio
    envelope: onsets.OnsetEnvelope
    _mels: dict[tuple[int, float], np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def bands(self) -> slots.Bands:
        """Onsets and loudness by frequency, for the proofreader."""
        return slots.song_bands(self.audio)

    def sound(self, model: Model) -> np.ndarray:
        """The song as `model` hears it; see :meth:`maimod.scoring.Model.read`."""
        if isinstance(model.config, ModelConfig):
            return self._mel(model.config.n_mels, model.config.frame_ms)
        return self._pcm

    def _mel(self, n_mels: int, frame_ms: float) -> np.ndarray:
        from maimod.encoding import normalise

        if (n_mels, frame_ms) not in self._mels:
            hop_length = round(frame_ms * self.audio.sample_rate / 1000)
            self._mels[n_mels, frame_ms] = normalise(audio.log_mel(self.audio.samples, n_mels=n_mels, hop_length=hop_length))
        return self._mels[n_mels, frame_ms]

    @cached_property
    def _pcm(self) -> np.ndarray:
        assert self.audio.path is not None
        return pcm.load(self.audio.path)


def load(path: Path) -> Song:
    """Decode a song and find its onsets.

    Raises:
        AudioError: if it is none.
    """
    decoded = audio.load(path)
    return Song(decoded, onsets.onset_envelope(decoded))
