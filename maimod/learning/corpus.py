"""A Songs folder as training examples: every map tokenised, every song as mel frames, kept in one cache file.

A song is shared by the maps of its mapset folder, and a folder is never divided between training and development.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maimod import audio, events, reader
from maimod.beatgrid import BeatGrid
from maimod.beatmap import Mode
from maimod.configs import ModelConfig
from maimod.encoding import EncodedMap, encode, normalise
from maimod.reader import BeatmapError
from maimod.stars import star_rating
from maimod.tokens import MapFacts, Vocabulary

DEVELOPMENT_SHARE = 1 / 30
"""Share of the folders that is held out of training to watch the loss."""


@dataclass(frozen=True, slots=True)
class Example:
    """A map ready for training."""

    encoded: EncodedMap
    mode: Mode
    keys: int
    """Mania columns; 0 in other modes."""
    song: int
    """Index into the corpus' songs, -1 without one."""
    audio_offset: float
    """Ms from map time to audio time."""
    development: bool
    """Held out of training."""


@dataclass(frozen=True)
class Corpus:
    """All examples of a folder."""

    examples: list[Example]
    songs: list[np.ndarray]
    """(n_frames, n_mels) float16 each."""
    refused: list[str]
    """Why maps were left out."""


def is_development(folder: Path) -> bool:
    """Whether a mapset folder is held out of training, by its name."""
    digest = hashlib.sha256(folder.name.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < DEVELOPMENT_SHARE


class _Reader:
    """Reads one mapset folder; picklable, for worker processes."""

    def __init__(self, vocabulary_folder: Path, config: ModelConfig) -> None:
        self.vocabulary, self.config = Vocabulary.load(vocabulary_folder), config

    def __call__(self, folder: Path) -> Corpus:
        examples: list[Example] = []
        songs: list[np.ndarray] = []
        refused: list[str] = []
        song_indices: dict[Path, int] = {}
        for path in sorted(folder.glob("*.osu")):
            try:
                loaded = reader.load(path)
                contexts = events.from_beatmap(loaded, self.vocabulary.language)
            except (BeatmapError, ValueError) as error:
                refused.append(str(error))
                continue
            song = reader.find_audio(loaded)
            if song is not None and song not in song_indices:
                song_indices[song] = self.song(song, songs, refused)
            encoded = encode(loaded, contexts["map"], self.vocabulary, MapFacts(star_rating(path)))
            examples.append(Example(encoded, loaded.mode, loaded.keys if loaded.mode is Mode.MANIA else 0,
                                    -1 if song is None else song_indices[song], loaded.audio_offset, is_development(folder)))
        return Corpus(examples, songs, refused)

    def song(self, path: Path, songs: list[np.ndarray], refused: list[str]) -> int:
        try:
            samples = audio.load(path).samples
        except audio.AudioError as error:
            refused.append(str(error))
            return -1
        songs.append(normalise(audio.log_mel(samples, n_mels=self.config.n_mels)).astype(np.float16))
        return len(songs) - 1


def read(folder: Path, vocabulary_folder: Path, config: ModelConfig, progress: Callable[[int, int], None]) -> Corpus:
    """Read every mapset below `folder`, with all cores.

    Args:
        folder: a Songs folder.
        vocabulary_folder: where `tokenizer.json` lies.
        config: says how the frames are made.
        progress: called with (folders done, folders in all).
    """
    folders = sorted({path.parent for path in folder.rglob("*.osu")})
    corpus = Corpus([], [], [])
    with multiprocessing.get_context("spawn").Pool() as pool:
        for done, part in enumerate(pool.imap(_Reader(vocabulary_folder, config), folders, chunksize=4), start=1):
            first_song = len(corpus.songs)
            corpus.songs.extend(part.songs)
            corpus.refused.extend(part.refused)
            corpus.examples.extend(
                Example(e.encoded, e.mode, e.keys, e.song + first_song if e.song >= 0 else -1, e.audio_offset, e.development)
                for e in part.examples)
            progress(done, len(folders))
    return corpus


# ---------------------------------------------------------------------------------------------------------------------
# The cache: flat arrays in one .npz, nothing that could run code when loaded


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
    for name in _ARRAYS:
        stored[name], stored[f"{name}_lengths"] = _flat(getattr(e.encoded, name) for e in corpus.examples)
    for name in _GRID_ARRAYS:
        stored[name], stored[f"{name}_lengths"] = _flat(getattr(e.encoded.grid, name) for e in corpus.examples)
    stored["songs"], stored["songs_lengths"] = _flat(corpus.songs)
    stored["facts"] = np.array([(e.mode, e.keys, e.song, e.audio_offset, e.development) for e in corpus.examples], dtype=float)
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
        encoded = EncodedMap(columns["prompt"][i], columns["tokens"][i], times, columns["groups"][i], grid.features(times), grid)
        examples.append(Example(encoded, Mode(int(mode)), int(keys), int(song), audio_offset, bool(development)))
    return Corpus(examples, songs, [])
