"""A Songs folder as training examples: every map tokenised, every song as its network hears it.

A song is shared by the maps of its mapset folder, and a folder is never divided between training and development.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from maimod.audio import decode, spectrogram
from maimod.events import writer
from maimod.events.vocabulary import Conditioning, Vocabulary
from maimod.families.mapperatorinator import legacy_audio
from maimod.families.mapperatorinator.config import WhisperConfig
from maimod.families.mapperatorinator.encoding import PublishedMap, events_of
from maimod.families.mini.config import ModelConfig
from maimod.families.mini.encoding import EncodedMap, encode, normalise
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.parser import BeatmapError
from maimod.osu.stars import star_rating
from maimod.osu.timing import BeatGrid

DEVELOPMENT_SHARE = 1 / 30
"""Share of the folders that is held out of training to watch the loss."""


@dataclass(frozen=True, slots=True)
class Example:
    """A map ready for training."""

    encoded: EncodedMap | PublishedMap
    mode: Mode
    keys: int
    """Mania columns; 0 in other modes."""
    song: int
    """Index into the corpus' songs, -1 without one."""
    audio_offset: float
    """Ms from map time to audio time."""
    development: bool
    """Held out of training."""

    @property
    def first_ms(self) -> float:
        """Time of the first event."""
        return float(min((times[0] for times in self._times), default=0.0))

    @property
    def length_ms(self) -> float:
        """From the first event to the last."""
        return float(max((times[-1] for times in self._times), default=0.0)) - self.first_ms

    @property
    def _times(self) -> list[np.ndarray]:
        own = [self.encoded.times] if isinstance(self.encoded, EncodedMap) else self.encoded.times
        return [times for times in own if len(times)]

    @property
    def n_events(self) -> int:
        """Events of all contexts."""
        return sum(map(len, self._times))


@dataclass(frozen=True)
class Corpus:
    """All examples of a folder."""

    examples: list[Example]
    songs: list[np.ndarray]
    """(n_frames, n_mels) float16 each for our networks, (n_samples,) int16 for the published ones."""
    refused: list[str]
    """Why maps were left out."""


def is_development(folder: Path) -> bool:
    """Whether a mapset folder is held out of training, by its name."""
    digest = hashlib.sha256(folder.name.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < DEVELOPMENT_SHARE


class _Reader:
    """Reads one mapset folder; picklable, for worker processes."""

    def __init__(self, vocabulary: Vocabulary, config: ModelConfig | WhisperConfig) -> None:
        self.vocabulary, self.config = vocabulary, config

    def __call__(self, folder: Path) -> Corpus:
        examples: list[Example] = []
        songs: list[np.ndarray] = []
        refused: list[str] = []
        song_indices: dict[Path, int] = {}
        for path in sorted(folder.glob("*.osu")):
            try:
                loaded = parser.load(path)
                if loaded.mode not in self.vocabulary.modes:
                    continue
                song = parser.find_audio(loaded)
                if song is not None and song not in song_indices:
                    song_indices[song] = self.song(song, songs, refused)
                index = -1 if song is None else song_indices[song]
                encoded = self.encode(loaded, songs[index] if index >= 0 else None)
            except (BeatmapError, ValueError) as error:
                refused.append(str(error))
                continue
            if encoded is not None:
                examples.append(
                    Example(
                        encoded,
                        loaded.mode,
                        loaded.keys if loaded.mode is Mode.MANIA else 0,
                        index,
                        loaded.audio_offset,
                        is_development(folder),
                    )
                )
        return Corpus(examples, songs, refused)

    def encode(self, loaded: Beatmap, song: np.ndarray | None) -> EncodedMap | PublishedMap | None:
        """The map in the checkpoint's words; None if it cannot be learned from without its song."""
        conditioning = Conditioning(star_rating(loaded))
        if isinstance(self.config, ModelConfig):
            return encode(
                loaded, writer.from_beatmap(loaded, self.vocabulary.schema)["map"], self.vocabulary, conditioning
            )
        if song is None:
            return None
        conditioning = self.vocabulary.with_known_facts(
            loaded, replace(conditioning, song_ms=len(song) / self.config.samples_per_ms)
        )
        return PublishedMap(
            loaded, events_of(loaded, self.vocabulary, conditioning.song_ms), self.vocabulary, conditioning
        )

    def song(self, path: Path, songs: list[np.ndarray], refused: list[str]) -> int:
        try:
            if isinstance(self.config, WhisperConfig):
                songs.append(np.round(legacy_audio.load(path) * 32_767).astype(np.int16))
            else:
                songs.append(
                    normalise(spectrogram.log_mel(decode.load(path).samples, n_mels=self.config.n_mels)).astype(
                        np.float16
                    )
                )
        except decode.AudioError as error:
            refused.append(str(error))
            return -1
        return len(songs) - 1


def read(
    folder: Path, vocabulary: Vocabulary, config: ModelConfig | WhisperConfig, progress: Callable[[int, int], None]
) -> Corpus:
    """Read every mapset below `folder`, with all cores.

    Args:
        folder: a Songs folder.
        vocabulary: of the checkpoint to train.
        config: of its network; says how songs are heard.
        progress: called with (folders done, folders in all).
    """
    folders = sorted({path.parent for path in folder.rglob("*.osu")})
    corpus = Corpus([], [], [])
    with multiprocessing.get_context("spawn").Pool() as pool:
        for done, part in enumerate(pool.imap(_Reader(vocabulary, config), folders, chunksize=4), start=1):
            first_song = len(corpus.songs)
            corpus.songs.extend(part.songs)
            corpus.refused.extend(part.refused)
            for example in part.examples:
                if isinstance(example.encoded, PublishedMap):
                    example.encoded.vocabulary = vocabulary  # one for all, in place of one from each process
                corpus.examples.append(replace(example, song=example.song + first_song if example.song >= 0 else -1))
            progress(done, len(folders))
    return corpus


# ---------------------------------------------------------------------------------------------------------------------
# The cache, for our networks: flat arrays in one .npz, nothing that could run code when loaded


def _flat(arrays: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    arrays = list(arrays)
    lengths = np.array([len(array) for array in arrays], dtype=np.int64)
    return (np.concatenate(arrays) if arrays else np.zeros(0)), lengths


def _split(flat: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    return np.split(flat, np.cumsum(lengths)[:-1]) if len(lengths) else []


_ARRAYS = ("prompt", "tokens", "times", "groups")
_GRID_ARRAYS = ("offsets", "beat_lengths", "meters", "first_ticks")


def save(corpus: Corpus, path: Path) -> None:
    """Write the cache file."""
    stored: dict[str, np.ndarray] = {}
    encoded = [e.encoded for e in corpus.examples if isinstance(e.encoded, EncodedMap)]
    for name in _ARRAYS:
        stored[name], stored[f"{name}_lengths"] = _flat(getattr(each, name) for each in encoded)
    for name in _GRID_ARRAYS:
        stored[name], stored[f"{name}_lengths"] = _flat(getattr(each.grid, name) for each in encoded)
    stored["songs"], stored["songs_lengths"] = _flat(corpus.songs)
    stored["facts"] = np.array(
        [(e.mode, e.keys, e.song, e.audio_offset, e.development) for e in corpus.examples], dtype=float
    )
    np.savez(path, **stored)  # type: ignore[arg-type]


def load(path: Path) -> Corpus:
    """Read the cache file."""
    with np.load(path) as stored:
        columns = {name: _split(stored[name], stored[f"{name}_lengths"]) for name in (*_ARRAYS, *_GRID_ARRAYS)}
        songs = _split(stored["songs"], stored["songs_lengths"])
        facts = stored["facts"]
    examples = []
    for i, (mode, keys, song, audio_offset, development) in enumerate(facts):
        grid = BeatGrid.__new__(BeatGrid)
        for name in _GRID_ARRAYS:
            setattr(grid, name, columns[name][i])
        times = columns["times"][i]
        encoded = EncodedMap(
            columns["prompt"][i], columns["tokens"][i], times, columns["groups"][i], grid.features(times), grid
        )
        examples.append(Example(encoded, Mode(int(mode)), int(keys), int(song), audio_offset, bool(development)))
    return Corpus(examples, songs, [])
