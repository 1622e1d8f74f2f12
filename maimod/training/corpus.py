"""Read a Songs folder as training examples; slow computations run once, on all cores, and are cached.

One file is kept for each mapset folder, by the content of its beatmaps and the names and sizes of its other files, so
only new or changed folders are computed when a corpus changes. Files are numpy arrays and cannot run code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeVar

import numpy as np

from maimod.audio import decode, onsets, spectrogram
from maimod.discriminator import features
from maimod.discriminator.context import context_features, other_difficulties
from maimod.discriminator.features import ContextFeatures
from maimod.errors import AudioError, BeatmapError
from maimod.events.vocabulary import Conditioning
from maimod.families.family import Family, TokenisedMap
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.folder import BEATMAP, Folder, beatmaps_of, has_ending
from maimod.osu.level import star_rating
from maimod.rules.rhythm_index import lag_of
from maimod.training.processes import map_in_processes

HELD_OUT = 0.15
"""Share of the mapset folders that no network is trained on. The trainer measures the loss on them, and
`calibration.json` is fitted on them."""

Arrays = Mapping[str, np.ndarray]
Example = TypeVar("Example")


def is_held_out(folder: Path) -> bool:
    """Whether a mapset folder is held out of training; its name alone decides."""
    digest = hashlib.sha256(folder.name.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT


class Extractor(Protocol[Example]):
    """Converts a mapset folder to examples for one network. Picklable."""

    @property
    def key(self) -> str:
        """Names everything that :meth:`extract` depends on besides the folder; kept arrays of other keys are not used."""

    def extract(self, folder: Path, refused: Callable[[str], None]) -> Arrays:
        """Slow part: arrays for the cache; `refused` is called with the reason for each map left out."""

    def examples(self, folder: Path, arrays: Arrays) -> list[Example]:
        """Fast part: examples of a folder from its arrays."""


def read(
    songs: Path, extractor: Extractor[Example], cache: Path, jobs: int, report: Callable[[str], None]
) -> Iterator[tuple[Path, list[Example]]]:
    """Examples of every mapset folder below `songs`, in the order of the folders.

    Args:
        songs: a Songs folder.
        extractor: how a mapset folder becomes examples.
        cache: folder of the arrays.
        jobs: processes that make them; 0 takes as many as there are cores.
        report: called with lines of progress and the reason for each map left out.
    """
    cache.mkdir(parents=True, exist_ok=True)
    paths = {folder: cache / f"{_key(extractor.key, folder)}.npz" for folder in mapset_folders(songs)}
    missing = [(folder, path) for folder, path in paths.items() if not path.exists()]
    extracted = map_in_processes(partial(_keep, extractor), missing, jobs or os.cpu_count() or 1)
    for done, (_, refused) in enumerate(extracted, start=1):
        for line in refused:
            report(f"left out: {line}")
        if done % 50 == 0 or done == len(missing):
            report(f"{done} of {len(missing)} mapset folders read")
    for folder, path in paths.items():
        with np.load(path) as stored:
            yield folder, extractor.examples(folder, {name: stored[name] for name in stored.files})


def mapset_folders(songs: Path) -> list[Path]:
    """Every folder below `songs` that holds a beatmap, as a check would find it."""
    tree = ((PurePosixPath(Path(place).relative_to(songs)), names) for place, _, names in os.walk(songs))
    return sorted({songs / path.parent for path in beatmaps_of(tree)})


def _keep(extractor: Extractor[Example], place: tuple[Path, Path]) -> list[str]:
    """Write the arrays of a folder into a file of the cache, and return the reasons for maps left out."""
    folder, path = place
    refused: list[str] = []
    arrays = extractor.extract(folder, refused.append)
    unfinished = path.with_suffix(f".{os.getpid()}.npz")
    np.savez(unfinished, **arrays)  # type: ignore[arg-type]
    unfinished.replace(path)
    return refused


def _key(extractor: str, folder: Path) -> str:
    digest = hashlib.sha256(f"{extractor}\n{folder.name}\n".encode())
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        digest.update(f"{path.name}\n{path.stat().st_size}\n".encode())
        if has_ending(path.name, BEATMAP):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:40]


def load_beatmaps(folder: Path, refused: Callable[[str], None] = lambda line: None) -> list[Beatmap]:
    """The readable beatmaps of a mapset folder; `refused` is called with the reason for each other."""
    found = []
    for path in Folder(folder).beatmaps():
        try:
            found.append(parser.load(path))
        except BeatmapError as error:
            refused(str(error))
    return found


# ---------------------------------------------------------------------------------------------------------------------
# The generator: tokenised maps and their songs


@dataclass(frozen=True, slots=True)
class TokenisedExample:
    """A tokenised map with its song."""

    tokens: TokenisedMap
    mode: Mode
    keys: int
    """Mania columns; 0 in other modes."""
    song: np.ndarray | None
    """As :meth:`maimod.families.family.Family.compact_audio` gives it, one array for all maps with this song."""

    @property
    def first_ms(self) -> float:
        """Time of the first event."""
        return float(min((times[0] for times in self._times), default=0.0))

    @property
    def length_ms(self) -> float:
        """From the first event to the last."""
        return float(max((times[-1] for times in self._times), default=0.0)) - self.first_ms

    @property
    def n_events(self) -> int:
        """Number of events of all contexts."""
        return sum(map(len, self._times))

    @property
    def _times(self) -> list[np.ndarray]:
        return [times for times in self.tokens.context_times if len(times)]


class GeneratorExtractor:
    """Extracts tokens and songs for one checkpoint."""

    def __init__(self, family: Family[Any], tokenizer: bytes) -> None:
        """Extract for a checkpoint.

        Args:
            family: of the checkpoint.
            tokenizer: content of its `tokenizer.json`.
        """
        shape = json.dumps(family.stored, sort_keys=True).encode()
        self.family = family
        self.key = f"generator 2 {family.name} {hashlib.sha256(tokenizer + shape).hexdigest()}"

    def extract(self, folder: Path, refused: Callable[[str], None]) -> Arrays:
        """Arrays of each map that the family can learn from, and of their songs."""
        songs: dict[Path, np.ndarray | None] = {}
        arrays: dict[str, np.ndarray] = {}
        facts: list[tuple[float, ...]] = []
        for beatmap in load_beatmaps(folder, refused):
            path = parser.find_audio(beatmap)
            if path is not None and path not in songs and beatmap.mode in self.family.vocabulary.modes:
                songs[path] = self._song(path, refused)
            song = songs.get(path) if path is not None else None
            tokens = self._tokenise(beatmap, song, refused)
            if tokens is None:
                continue
            arrays |= {f"{len(facts)}/{name}": array for name, array in self.family.to_arrays(tokens).items()}
            number = -1 if path is None or song is None else list(songs).index(path)
            facts.append((beatmap.mode, beatmap.keys if beatmap.mode is Mode.MANIA else 0, number))
        arrays |= {f"song {i}": song for i, song in enumerate(songs.values()) if song is not None}
        return arrays | {"facts": np.array(facts, dtype=float).reshape(-1, 3)}

    def _song(self, path: Path, refused: Callable[[str], None]) -> np.ndarray | None:
        try:
            return self.family.compact_audio(self.family.load_audio(path))
        except AudioError as error:
            refused(str(error))
            return None

    def _tokenise(
        self, beatmap: Beatmap, song: np.ndarray | None, refused: Callable[[str], None]
    ) -> TokenisedMap | None:
        if beatmap.mode not in self.family.vocabulary.modes:
            return None
        try:
            return self.family.tokenise(beatmap, song, Conditioning(star_rating(beatmap)))
        except (BeatmapError, ValueError) as error:
            refused(f"{beatmap.path}: {error}")
            return None

    def examples(self, folder: Path, arrays: Arrays) -> list[TokenisedExample]:
        """One of each map."""
        found = []
        for number, (mode, keys, song) in enumerate(arrays["facts"].tolist()):
            prefix = f"{number}/"
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            tokens = self.family.from_arrays(own)
            found.append(TokenisedExample(tokens, Mode(int(mode)), int(keys), arrays.get(f"song {int(song)}")))
        return found


# ---------------------------------------------------------------------------------------------------------------------
# The discriminator: maps and their context features


@dataclass(frozen=True, slots=True)
class SlotExample:
    """A beatmap and the context features of its slots."""

    beatmap: Beatmap
    context: ContextFeatures
    unchanged: tuple[np.ndarray, np.ndarray, np.ndarray]
    """:func:`maimod.discriminator.features.object_features` of the map."""

    @property
    def has_song(self) -> bool:
        """Whether the song could be decoded."""
        return bool(self.context.song[:, -1].any())


_CONTEXT = ("song", "position", "siblings")
_OBJECTS = ("categories", "numbers", "neighbours")


class DiscriminatorExtractor:
    """Extracts features. Maps are parsed at every start, because training changes them."""

    key = "discriminator 3"

    def extract(self, folder: Path, refused: Callable[[str], None]) -> Arrays:
        """Arrays of each map that has slots, by its place in the folder."""
        maps = load_beatmaps(folder, refused)
        song = lru_cache(maxsize=2)(_song)
        arrays: dict[str, np.ndarray] = {}
        for number, beatmap in enumerate(maps):
            grid = features.grid_of(beatmap)
            if grid is None:
                continue
            bands, envelope = song(parser.find_audio(beatmap))
            times = np.unique([o.time for o in beatmap.hit_objects])
            alignment = onsets.alignment(envelope, times) if envelope is not None else None
            others = other_difficulties(beatmap, [m for m in maps if m is not beatmap])
            context = context_features(beatmap, grid, bands, envelope, lag_of(alignment), others)
            arrays |= {f"{number}/{name}": getattr(context, name).astype(np.float16) for name in _CONTEXT}
            arrays[f"{number}/similar"] = context.similar[0].astype(np.int16)
            arrays[f"{number}/weights"] = context.similar[1].astype(np.float16)
            # Not rounded: changed maps are not, and the network would learn to tell rounded numbers.
            unchanged = zip(_OBJECTS, features.object_features(beatmap, grid), strict=True)
            arrays |= {f"{number}/{name}": array for name, array in unchanged}
        return arrays

    def examples(self, folder: Path, arrays: Arrays) -> list[SlotExample]:
        """One of each map that has slots."""
        found = []
        for number, beatmap in enumerate(load_beatmaps(folder)):
            grid = features.grid_of(beatmap) if f"{number}/song" in arrays else None
            if grid is not None:
                song, position, siblings = (arrays[f"{number}/{name}"] for name in _CONTEXT)
                similar = arrays[f"{number}/similar"], arrays[f"{number}/weights"]
                categories, numbers, neighbours = (arrays[f"{number}/{name}"] for name in _OBJECTS)
                context = ContextFeatures(grid, song, position, similar, siblings)
                found.append(SlotExample(beatmap, context, (categories, numbers, neighbours)))
        return found


def _song(path: Path | None) -> tuple[spectrogram.Bands | None, onsets.OnsetEnvelope | None]:
    if path is None:
        return None, None
    try:
        decoded = decode.load(path)
    except AudioError:
        return None, None
    return spectrogram.song_bands(decoded), onsets.onset_envelope(decoded)
