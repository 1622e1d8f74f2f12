"""The mini family: a small network that counts time in ticks of the beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from maimod.audio.decode import Audio
from maimod.errors import CheckpointError
from maimod.events.schema import EventSchema
from maimod.events.vocabulary import Conditioning, Vocabulary
from maimod.events.writer import from_beatmap
from maimod.families.family import Excerpt, Family
from maimod.families.inputs import TrainingWindow
from maimod.families.mini import encoding
from maimod.families.mini.config import MiniConfig
from maimod.families.mini.encoding import MiniMap, MiniTokens
from maimod.families.mini.place_features import N_PLACE_FEATURES
from maimod.osu.beatmap import Beatmap
from maimod.osu.timing import N_FEATURES

if TYPE_CHECKING:
    import torch

    from maimod.families.network import Network
    from maimod.families.operators import Weights
    from maimod.families.runner import Runner
    from maimod.families.torch_runner import TorchRunner


class Mini(Family[MiniTokens]):
    """Checkpoints whose `tokenizer.json` names its own event schema."""

    has_position_posterior = True
    runs_in_numpy = True
    audio_input = "mel"
    audio_noise = 0.15  # deviations of the normalised log-mel frames
    lora_modules = ("query", "key_value", "out", "mlp.0", "mlp.2")

    @staticmethod
    def recognises(tokenizer: Mapping[str, Any]) -> bool:
        """By the `maimod` object."""
        return "maimod" in tokenizer

    def __init__(self, tokenizer: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        try:
            schema = EventSchema.from_dict(tokenizer["maimod"]["language"])
        except (AttributeError, KeyError, ValueError, TypeError) as error:
            raise CheckpointError(f"tokenizer.json cannot be used ({type(error).__name__}: {error})") from None
        self.name = "maimod"
        self.vocabulary = Vocabulary(tokenizer, schema)
        features = {"n_grid": N_FEATURES, "n_place": N_PLACE_FEATURES}
        sizes = {"vocab_size_in": self.vocabulary.size_in, "vocab_size_out": self.vocabulary.size_out}
        self.config: MiniConfig = MiniConfig.from_dict(sizes | features | dict(config))
        if (self.config.n_grid, self.config.n_place) != (N_FEATURES, N_PLACE_FEATURES):
            raise CheckpointError(
                "config.json: made for other input features than this version of maimod has: train a new one"
            )
        self.stored = {**config, **asdict(self.config)}

    def make_network(self) -> Network:
        """A network of this shape with random weights."""
        from maimod.families.mini.network import MiniNetwork

        return MiniNetwork(self.config)

    def torch_runner(self, network: Network, dtype: torch.dtype | None) -> TorchRunner:
        """What runs a network of :meth:`make_network`."""
        from maimod.families.mini.torch_runner import TorchMini

        return TorchMini(network, dtype)

    def numpy_runner(self, weights: Weights) -> Runner:
        """What runs these weights without torch."""
        from maimod.families.mini.numpy_network import NumpyMini

        return NumpyMini(self.config, weights)

    def load_audio(self, song: Path | Audio) -> np.ndarray:
        """Normalised log-mel frames (n_frames, n_mels)."""
        return encoding.load_audio(song, self.config)

    def encode(
        self, beatmap: Beatmap, audio: np.ndarray | None, conditioning: Conditioning, exact: bool = False
    ) -> MiniMap:
        """Encode a map for scoring."""
        return MiniMap(beatmap, audio, self.vocabulary, self.config, conditioning, exact)

    def compact_audio(self, audio: np.ndarray) -> np.ndarray:
        """In float16."""
        return audio.astype(np.float16)

    def tokenise(self, beatmap: Beatmap, audio: np.ndarray | None, conditioning: Conditioning) -> MiniTokens:
        """Tokenise a map once for training."""
        events = from_beatmap(beatmap, self.vocabulary.schema)["map"]
        return encoding.tokenise(beatmap, events, self.vocabulary, conditioning)

    def to_arrays(self, tokenised: MiniTokens) -> dict[str, np.ndarray]:
        """A map as arrays."""
        return encoding.to_arrays(tokenised)

    def from_arrays(self, arrays: Mapping[str, np.ndarray]) -> MiniTokens:
        """The inverse of :meth:`to_arrays`."""
        return encoding.from_arrays(arrays)

    def training_window(self, tokenised: MiniTokens, audio: np.ndarray | None, excerpt: Excerpt) -> TrainingWindow:
        """Inputs and targets of one window of a map."""
        return encoding.training_window(tokenised, audio, self.vocabulary, self.config, excerpt)
