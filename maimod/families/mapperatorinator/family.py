"""The Mapperatorinator family: the published checkpoints V29 to V32."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from maimod.audio.decode import Audio
from maimod.errors import CheckpointError
from maimod.events.vocabulary import Conditioning, Vocabulary
from maimod.families.family import Excerpt, Family
from maimod.families.inputs import TrainingWindow
from maimod.families.mapperatorinator import encoding, legacy_audio
from maimod.families.mapperatorinator.config import WhisperConfig
from maimod.families.mapperatorinator.encoding import PublishedMap, PublishedTokens
from maimod.families.mapperatorinator.versions import version_of
from maimod.osu.beatmap import Beatmap

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from maimod.families.network import Network
    from maimod.families.torch_runner import TorchRunner


class Mapperatorinator(Family[PublishedTokens]):
    """Checkpoints with the published layout; their differences are in
    :mod:`maimod.families.mapperatorinator.versions`."""

    needs_song = True
    starts_from_weights = True  # the filters of its spectrogram are stored with the weights, and not learned
    audio_input = "samples"
    audio_noise = 0.01  # full scale is 1
    lora_modules = ("Wqkv", "Wq", "Wkv", "Wo", "fc1", "fc2")

    @staticmethod
    def recognises(tokenizer: Mapping[str, Any]) -> bool:
        """Whether it lists ranges of events and is not of another family."""
        return "event_ranges" in tokenizer

    def __init__(self, tokenizer: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        try:
            kinds = {entry["type"] for key in ("event_ranges", "input_event_ranges") for entry in tokenizer[key]}
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"tokenizer.json cannot be used ({type(error).__name__}: {error})") from None
        version = version_of(kinds)
        if version is None:
            raise CheckpointError("tokenizer.json is of no known version of Mapperatorinator (V29 to V32 are)")
        self.version, self.name = version, f"Mapperatorinator {version.name}"
        self.vocabulary = Vocabulary(tokenizer, version.schema, version.modes, version.unwritten)
        self.config: WhisperConfig = WhisperConfig.from_dict(config)
        self.stored = dict(config)

    def make_network(self) -> Network:
        """A network of this shape with random weights, its spectrogram empty."""
        from maimod.families.mapperatorinator.network import Whisper

        return Whisper(self.config)

    def torch_runner(self, network: Network, dtype: torch.dtype | None) -> TorchRunner:
        """What runs a network of :meth:`make_network`."""
        from maimod.families.mapperatorinator.torch_runner import TorchWhisper

        return TorchWhisper(network, dtype)

    def joins(self, name: str) -> bool:
        """Query, key and value where the file has them apart."""
        return any(f".{part}_proj." in name for part in "qkv")

    def rename(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a published file under the names of the network's parameters."""
        from maimod.families.mapperatorinator.network import from_published

        return from_published(tensors)

    def publish_adapter(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a low-rank adapter under the names that Mapperatorinator gives its layers."""
        from maimod.families.mapperatorinator.network import to_published

        return to_published(tensors, self.version.joins_projections)

    def load_audio(self, song: Path | Audio) -> np.ndarray:
        """Samples (n_samples,) at 16 kHz, resampled as the original does."""
        path = song.path if isinstance(song, Audio) else song
        assert path is not None
        return legacy_audio.load(path)

    def encode(
        self, beatmap: Beatmap, audio: np.ndarray | None, conditioning: Conditioning, exact: bool = False
    ) -> PublishedMap:
        """Encode a map for scoring."""
        assert audio is not None
        return PublishedMap(beatmap, audio, self.vocabulary, self.config, self.version, conditioning, exact)

    def compact_audio(self, audio: np.ndarray) -> np.ndarray:
        """In int16."""
        return np.round(audio * encoding.FULL_SCALE).astype(np.int16)

    def tokenise(
        self, beatmap: Beatmap, audio: np.ndarray | None, conditioning: Conditioning
    ) -> PublishedTokens | None:
        """Tokenise a map once for training."""
        if audio is None:
            return None
        conditioning = msgspec.structs.replace(
            self.vocabulary.with_known_facts(beatmap, conditioning), song_ms=len(audio) / self.config.samples_per_ms
        )
        contexts = encoding.events_of(beatmap, self.vocabulary, conditioning.song_ms)
        return encoding.tokenise(beatmap, contexts, self.vocabulary, self.version, conditioning)

    def to_arrays(self, tokenised: PublishedTokens) -> dict[str, np.ndarray]:
        """A map as arrays."""
        return encoding.to_arrays(tokenised)

    def from_arrays(self, arrays: Mapping[str, np.ndarray]) -> PublishedTokens:
        """The inverse of :meth:`to_arrays`."""
        return encoding.from_arrays(arrays)

    def training_window(self, tokenised: PublishedTokens, audio: np.ndarray | None, excerpt: Excerpt) -> TrainingWindow:
        """Inputs and targets of one window of a map."""
        assert audio is not None
        return encoding.training_window(tokenised, audio, self.vocabulary, self.config, excerpt)
