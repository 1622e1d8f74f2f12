"""What every model family provides: a model, and the encoded form of one map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from maimod.events.schema import Event
from maimod.events.vocabulary import Conditioning, Vocabulary
from maimod.families.mapperatorinator.config import WhisperConfig
from maimod.families.mapperatorinator.encoding import MapperatorinatorReading
from maimod.families.mapperatorinator.network import Whisper
from maimod.families.mini.config import ModelConfig
from maimod.families.mini.encoding import MiniReading, WindowInputs
from maimod.families.mini.network import Network
from maimod.families.windows import Window
from maimod.findings import ModelInfo
from maimod.osu.beatmap import Beatmap


class Reading(Protocol):
    """One map as a family of checkpoints reads it."""

    beatmap: Beatmap

    @property
    def contexts(self) -> Mapping[str, Sequence[Event]]:
        """Events by the name of their context, in the order of a window's spans."""

    @property
    def windows(self) -> Sequence[Window]:
        """Each event is owned by one of them."""

    def inputs(self, window: Window) -> WindowInputs:
        """What the network reads for one window."""

    def expected(self, token: int, context: str, index: int, window: Window) -> Event:
        """The event that a token would have been in place of the event at `index` of `context`."""


@dataclass(frozen=True)
class Model:
    """A loaded checkpoint."""

    network: Network | Whisper
    vocabulary: Vocabulary
    config: ModelConfig | WhisperConfig
    info: ModelInfo
    dtype: torch.dtype | None
    """Of autocast; None runs in the weights' own type."""

    @property
    def needs_song(self) -> bool:
        """Whether it cannot judge a map without spectrum it."""
        return isinstance(self.config, WhisperConfig)

    def read(
        self, beatmap: Beatmap, sound: np.ndarray | None, conditioning: Conditioning, exact: bool = False
    ) -> Reading:
        """Prepare a map for this checkpoint.

        Args:
            beatmap: of a mode the vocabulary covers.
            sound: (n_samples,) from :func:`maimod.families.mapperatorinator.legacy_audio.load` for published
                checkpoints; (n_frames, n_mels) normalised log-mel frames for ours, None without a song.
            conditioning: what is known of the map.
            exact: the original's many windows, and for published checkpoints its prompts.

        Raises:
            EventError: if the map cannot be told in the checkpoint's words.
            VocabularyError: if the facts name something the checkpoint does not know.
        """
        if isinstance(self.config, WhisperConfig):
            assert sound is not None
            return MapperatorinatorReading(beatmap, sound, self.vocabulary, self.config, conditioning, exact)
        return MiniReading(
            beatmap,
            sound,
            self.vocabulary,
            conditioning,
            exact,
            frames=self.config.frames,
            frame_ms=self.config.frame_ms,
            n_mels=self.config.n_mels,
        )
