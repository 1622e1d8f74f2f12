"""A Songs folder as training examples: every map tokenised, every song as its network hears it.

A song is shared by the maps of its mapset folder, and a folder is never divided between training and development.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from maimod.audio import decode
from maimod.events.vocabulary import Conditioning
from maimod.families.family import Family, TokenisedMap
from maimod.osu import parser
from maimod.osu.beatmap import Mode
from maimod.osu.level import star_rating
from maimod.osu.parser import BeatmapError

DEVELOPMENT_SHARE = 1 / 30
"""Share of the folders that is held out of training to watch the loss."""


@dataclass(frozen=True, slots=True)
class Example:
    """A map ready for training."""

    tokens: TokenisedMap
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
        return [times for times in self.tokens.context_times if len(times)]

    @property
    def n_events(self) -> int:
        """Events of all contexts."""
        return sum(map(len, self._times))


@dataclass(frozen=True)
class Corpus:
    """All examples of a folder."""

    examples: list[Example]
    songs: list[np.ndarray]
    """As :meth:`maimod.families.family.Family.compact_audio` gives them."""
    refused: list[str]
    """Why maps were left out."""


def is_development(folder: Path) -> bool:
    """Whether a mapset folder is held out of training, by its name."""
    digest = hashlib.sha256(folder.name.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < DEVELOPMENT_SHARE


class _Reader:
    """Reads one mapset folder; picklable, for worker processes."""

    def __init__(self, family: Family[Any]) -> None:
        self.family = family

    def __call__(self, folder: Path) -> Corpus:
        examples: list[Example] = []
        songs: list[np.ndarray] = []
        refused: list[str] = []
        song_indices: dict[Path, int] = {}
        for path in sorted(folder.glob("*.osu")):
            try:
                loaded = parser.load(path)
                if loaded.mode not in self.family.vocabulary.modes:
                    continue
                song = parser.find_audio(loaded)
                if song is not None and song not in song_indices:
                    song_indices[song] = self.song(song, songs, refused)
                index = -1 if song is None else song_indices[song]
                audio = songs[index] if index >= 0 else None
                tokens = self.family.tokenise(loaded, audio, Conditioning(star_rating(loaded)))
            except (BeatmapError, ValueError) as error:
                refused.append(str(error))
                continue
            if tokens is not None:
                examples.append(
                    Example(
                        tokens,
                        loaded.mode,
                        loaded.keys if loaded.mode is Mode.MANIA else 0,
                        index,
                        loaded.audio_offset,
                        is_development(folder),
                    )
                )
        return Corpus(examples, songs, refused)

    def song(self, path: Path, songs: list[np.ndarray], refused: list[str]) -> int:
        try:
            songs.append(self.family.compact_audio(self.family.load_audio(path)))
        except decode.AudioError as error:
            refused.append(str(error))
            return -1
        return len(songs) - 1


def read(folder: Path, family: Family[Any], progress: Callable[[int, int], None]) -> Corpus:
    """Read every mapset below `folder`, with all cores.

    Args:
        folder: a Songs folder.
        family: of the checkpoint to train.
        progress: called with (folders done, folders in all).
    """
    folders = sorted({path.parent for path in folder.rglob("*.osu")})
    corpus = Corpus([], [], [])
    with multiprocessing.get_context("spawn").Pool() as pool:
        for done, part in enumerate(pool.imap(_Reader(family), folders, chunksize=4), start=1):
            first_song = len(corpus.songs)
            corpus.songs.extend(part.songs)
            corpus.refused.extend(part.refused)
            for example in part.examples:
                corpus.examples.append(replace(example, song=example.song + first_song if example.song >= 0 else -1))
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


def save(corpus: Corpus, family: Family[Any], path: Path) -> None:
    """Write the cache file."""
    stored: dict[str, np.ndarray] = {}
    maps = [family.to_arrays(example.tokens) for example in corpus.examples]
    for name in maps[0] if maps else ():
        stored[name], stored[f"{name}_lengths"] = _flat(each[name] for each in maps)
    stored["names"] = np.array([*maps[0]] if maps else [], dtype=str)
    stored["songs"], stored["songs_lengths"] = _flat(corpus.songs)
    stored["facts_of_maps"] = np.array(
        [(e.mode, e.keys, e.song, e.audio_offset, e.development) for e in corpus.examples], dtype=float
    )
    np.savez(path, **stored)  # type: ignore[arg-type]


def load(path: Path, family: Family[Any]) -> Corpus:
    """Read the cache file."""
    with np.load(path) as stored:
        columns = {name: _split(stored[name], stored[f"{name}_lengths"]) for name in stored["names"].tolist()}
        songs = _split(stored["songs"], stored["songs_lengths"])
        facts = stored["facts_of_maps"]
    examples = []
    for i, (mode, keys, song, audio_offset, development) in enumerate(facts):
        tokens = family.from_arrays({name: column[i] for name, column in columns.items()})
        examples.append(Example(tokens, Mode(int(mode)), int(keys), int(song), audio_offset, bool(development)))
    return Corpus(examples, songs, [])
