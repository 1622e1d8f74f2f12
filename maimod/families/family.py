"""The protocol of a model family. It covers all differences between families, so no code outside depends on one of
them.

A family is a folder with a subclass of :class:`Family` and a line in :mod:`maimod.families.registry`. Nothing here, and
nothing that a family's class imports at the top, needs torch: a checkpoint can be described without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np

from maimod.audio.decode import Audio
from maimod.events.schema import Event, EventKind
from maimod.events.vocabulary import Conditioning, Vocabulary
from maimod.families.draft import Draft
from maimod.families.inputs import TrainingWindow, WindowInputs
from maimod.families.windows import Window
from maimod.findings import ModelInfo
from maimod.osu.beatmap import Beatmap, HitObject

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from maimod.families.network import Network
    from maimod.families.operators import Weights
    from maimod.families.runner import Runner
    from maimod.families.torch_runner import TorchRunner

Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 20)]
"""A size of a network in a `config.json`."""
Layers = Annotated[int, msgspec.Meta(ge=0, le=256)]
MAX_WINDOW_MS = 600_000.0


class LikelyPosition(NamedTuple):
    """Where a network would place an object."""

    x: float
    """Osu! pixels."""
    y: float
    probability: float


class NetworkConfig(Protocol):
    """Sizes that the configuration of every network has."""

    @property
    def vocab_size_in(self) -> int:
        """Tokens that the decoder reads."""

    @property
    def vocab_size_out(self) -> int:
        """Tokens that it predicts."""

    @property
    def encoder_positions(self) -> int:
        """Encoder positions of a window."""

    @property
    def window_ms(self) -> float:
        """Length of a window."""


class EncodedMap(ABC):
    """One map and its song, encoded for scoring: windows and their inputs."""

    beatmap: Beatmap
    contexts: Mapping[str, Sequence[Event]]
    """Events by the name of their context, in the order of a window's spans."""
    windows: Sequence[Window]
    """Each event is owned by exactly one of them."""

    @abstractmethod
    def inputs(self, window: Window) -> WindowInputs:
        """Inputs of the network for one window."""

    @abstractmethod
    def expected_times(self, values: np.ndarray, indices: np.ndarray, window: Window) -> np.ndarray:
        """Whole ms (n, k) that time tokens of these values (n, k) would stand for in place of events (n,) of a window."""

    @abstractmethod
    def draft(self, time: float, ahead: float) -> Draft:
        """The map before a time, for the network to go on from.

        Args:
            time: ms; events at this time and later are left out.
            ahead: ms of the song that the network should hear after it; less if its window is shorter.
        """

    def position_posterior(self, runner: Runner, hit_object: HitObject) -> list[LikelyPosition]:
        """Where the network would place an object of the map, likeliest first.

        Empty for families and objects that have none. Takes about half a second.
        """
        return []


class TokenisedMap(Protocol):
    """One map tokenised for training: plain arrays that worker processes can hand over, without vocabulary or song."""

    @property
    def context_times(self) -> Sequence[np.ndarray]:
        """Ms of each event, context by context."""


class Excerpt(msgspec.Struct, frozen=True):
    """Which part of a map a training window shows, and how it is changed."""

    start: int
    """Ms."""
    max_tokens: int
    """Events beyond are cut off."""
    rate: float = 1.0
    """Ms of map and song for each ms shown: above 1 is faster."""
    shift_ms: float = 0.0
    """Added to the time from which the song is taken."""
    mirror: Callable[[np.ndarray], np.ndarray] = lambda tokens: tokens
    """Changes to the tokens of objects."""
    forgotten: frozenset[EventKind] = frozenset()
    """Class tokens replaced by "unknown"."""


Tokenised = TypeVar("Tokenised", bound=TokenisedMap)


class Family(ABC, Generic[Tokenised]):
    """A model family, opened for one checkpoint: its vocabulary, its shape, and how it encodes maps and songs."""

    vocabulary: Vocabulary
    config: NetworkConfig
    stored: dict[str, Any]
    """Network shape from `config.json`."""
    name: str
    """Name of the family and version."""

    needs_song: ClassVar[bool] = False
    """Whether maps without a song cannot be scored or learned from."""
    has_position_posterior: ClassVar[bool] = False
    """Whether :meth:`EncodedMap.position_posterior` ever finds places."""
    starts_from_weights: ClassVar[bool] = False
    """Whether training needs the weights of a checkpoint to start from."""
    runs_in_numpy: ClassVar[bool] = False
    """Whether :meth:`numpy_runner` is there."""
    audio_input: ClassVar[str]
    """Input of the network that holds the song's part of a window."""
    audio_noise: ClassVar[float]
    """Most noise that training adds to `audio_input`, as its deviation."""
    lora_modules: ClassVar[tuple[str, ...]]
    """Last names of the linear layers that low-rank adapters are trained on."""

    @staticmethod
    @abstractmethod
    def recognises(tokenizer: Mapping[str, Any]) -> bool:
        """Whether a checkpoint with this `tokenizer.json` is of this family; the first family of the registry wins."""

    @abstractmethod
    def __init__(self, tokenizer: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Open a checkpoint by its parsed `tokenizer.json` and `config.json`.

        Raises:
            CheckpointError: if the vocabulary cannot be used, or the shape needs something that this family's network
                does not support.
            KeyError, TypeError, ValueError, AttributeError: if the shape cannot be parsed.
        """

    @abstractmethod
    def make_network(self) -> Network:
        """A network of this shape with random weights; loads torch."""

    def torch_runner(self, network: Network, dtype: torch.dtype | None) -> TorchRunner:
        """What runs a network of :meth:`make_network`, in autocast to `dtype` if it is given; loads torch."""
        from maimod.families.torch_runner import TorchRunner

        return TorchRunner(network, dtype)

    def numpy_runner(self, weights: Weights) -> Runner:
        """What runs these weights without torch, on the CPU in float32; only if `runs_in_numpy`.

        Raises:
            ValueError: if the weights are of another shape.
        """
        raise NotImplementedError

    def joins(self, name: str) -> bool:
        """Whether :meth:`rename` copies a tensor of a weights file into a larger one."""
        return False

    def rename(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Rename the tensors of a weights file to the network's parameters; `tensors` may be emptied."""
        return tensors

    def publish_adapter(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a low-rank adapter of the network under the names of the checkpoint's files; see
        :func:`maimod.families.lora.write`."""
        return tensors

    @abstractmethod
    def load_audio(self, song: Path | Audio) -> np.ndarray:
        """Input audio of this checkpoint's network, the same for training and for scoring.

        Args:
            song: the file, or the result of :func:`maimod.audio.decode.load` if there is one.

        Returns:
            float32, the first axis is time.

        Raises:
            AudioError: if nothing could be decoded.
        """

    @abstractmethod
    def encode(
        self, beatmap: Beatmap, audio: np.ndarray | None, conditioning: Conditioning, exact: bool = False
    ) -> EncodedMap:
        """Encode a map for scoring.

        Args:
            beatmap: of a mode the vocabulary covers.
            audio: from :meth:`load_audio`; None without a song, which families with `needs_song` do not take.
            conditioning: facts about the map.
            exact: the original's many windows, and for published checkpoints its prompts.

        Raises:
            BeatmapError: if the map has events that the vocabulary lacks, or too many.
            UsageError: if `conditioning` names something the checkpoint does not know.
        """

    # -----------------------------------------------------------------------------------------------------------------
    # Training

    @abstractmethod
    def compact_audio(self, audio: np.ndarray) -> np.ndarray:
        """Convert a song of :meth:`load_audio` to half the memory, for a corpus."""

    @abstractmethod
    def tokenise(self, beatmap: Beatmap, audio: np.ndarray | None, conditioning: Conditioning) -> Tokenised | None:
        """Tokenise a map once for training.

        Args:
            beatmap: of a mode the vocabulary covers.
            audio: from :meth:`compact_audio`; None without a song.
            conditioning: facts about the map; facts that the checkpoint lists for the map are added.

        Returns:
            The map; None if this family cannot learn from it without a song.

        Raises:
            BeatmapError: as :meth:`encode`.
        """

    @abstractmethod
    def to_arrays(self, tokenised: Tokenised) -> dict[str, np.ndarray]:
        """Convert a map to arrays, to store a corpus."""

    @abstractmethod
    def from_arrays(self, arrays: Mapping[str, np.ndarray]) -> Tokenised:
        """The inverse of :meth:`to_arrays`."""

    @abstractmethod
    def training_window(self, tokenised: Tokenised, audio: np.ndarray | None, excerpt: Excerpt) -> TrainingWindow:
        """Inputs and targets of one window of a map.

        Args:
            tokenised: from :meth:`tokenise`.
            audio: from :meth:`compact_audio`; None leaves the song out, if `needs_song` is not set.
            excerpt: which part, and how it is changed.
        """


@dataclass(frozen=True)
class Model:
    """A loaded checkpoint."""

    runner: Runner
    """Its network."""
    family: Family[Any]
    info: ModelInfo

    @property
    def vocabulary(self) -> Vocabulary:
        """Of the checkpoint."""
        return self.family.vocabulary

    @property
    def config(self) -> NetworkConfig:
        """Sizes of the network."""
        return self.family.config
