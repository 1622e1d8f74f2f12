"""Content-addressed cache of reports and scores: keys are made of maps, song, model, settings and program.

It holds the reports of mapsets, and the scores of single difficulties, which are most of the work and stay valid if
other difficulties change. Entries are compressed JSON and never code, because a cache may come from another machine, as
in CI. Each is written to a temporary file of a random name and then renamed, so that a killed run leaves only complete
entries, and several processes and machines can share a folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import secrets
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

import maimod
from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import BeatmapReport, ModelInfo
from maimod.linter.settings import CACHE_MEGABYTES, Settings
from maimod.osu.beatmap import Beatmap, HitObject, TimingPoint
from maimod.osu.folder import Folder, open_file

Value = TypeVar("Value")

MAX_BYTES = 512 << 20
"""Most bytes of a folder whose reports are cached; a folder with more is not a mapset."""
MAX_AGE_DAYS = 60.0
TIDY_EVERY_HOURS = 24.0
MAX_ENTRY_BYTES = 256 * 1024 * 1024
"""Size limit of an uncompressed entry."""


def default_folder() -> Path:
    """`MAIMOD_CACHE_DIR`, else the user's cache folder of the system."""
    from platformdirs import user_cache_path

    given = os.environ.get("MAIMOD_CACHE_DIR")
    return Path(given) if given else user_cache_path("maimod", appauthor=False)


_OURS = re.compile(r"[0-9a-f]{62}\.z|\.[0-9a-f]{62}\.z\.[0-9a-f]+")
"""Names of entries, and of temporary files left by a killed run. No other file in the folder is touched."""


class Cache:
    """A folder of entries. Values that are damaged, missing or cannot be written are computed again."""

    def __init__(self, folder: Path, max_bytes: int | None = CACHE_MEGABYTES << 20) -> None:
        """Nothing is read here.

        Args:
            folder: made when something is stored.
            max_bytes: what :meth:`tidy` leaves at most; None is no limit.
        """
        self.folder, self.max_bytes = folder, max_bytes

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.z"

    def get(self, key: str, kind: type[Value]) -> Value | None:
        """The stored value; None if there is none, or not one of type `kind`."""
        path = self._path(key)
        try:
            packed = zlib.decompressobj()
            text = packed.decompress(path.read_bytes(), MAX_ENTRY_BYTES)
            if not packed.eof:  # zlib's checksum is at the end
                return None
            value = msgspec.convert(json.loads(text, parse_constant=_constant), kind)
            with suppress(OSError):  # of another user, or just deleted by another machine
                os.utime(path)  # the time of the last use decides which entries are deleted
            return value
        except (OSError, ValueError, zlib.error, RecursionError):
            return None

    def put(self, key: str, value: object) -> None:
        """Store a JSON value; if the folder cannot be written, nothing happens."""
        path = self._path(key)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # ids of processes repeat on other machines
        try:
            # Not by msgspec.json: names of files that are no UTF-8 have letters that it refuses.
            text = json.dumps(msgspec.to_builtins(value), separators=(",", ":"))
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(zlib.compress(text.encode("ascii"), 1))
            os.replace(beside, path)
        except OSError:
            with suppress(OSError):
                beside.unlink()

    @property
    def obstacle(self) -> str:
        """Why nothing can be stored, as far as the folder shows; empty if nothing is in the way."""
        place = next(one for one in (self.folder, *self.folder.absolute().parents) if os.path.lexists(one))
        if not place.is_dir():
            return f"{place} is not a folder"
        return "" if os.access(place, os.W_OK | os.X_OK) else f"{place} cannot be written"

    def tidy(self) -> None:
        """Delete old entries, and the oldest if the cache is too large; at most once a day."""
        marker = self.folder / "tidied"
        try:
            if time.time() - marker.stat().st_mtime < TIDY_EVERY_HOURS * 3600:
                return
        except OSError:
            pass
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            marker.touch()
            self._clear()
        except OSError:
            return

    def _clear(self) -> None:
        """Delete what is old or too much. Another machine may do the same, so entries may vanish meanwhile."""
        entries = []
        for place in self.folder.glob("[0-9a-f][0-9a-f]"):
            with suppress(OSError), os.scandir(place) as listed:
                for entry in listed:
                    if _OURS.fullmatch(entry.name):
                        with suppress(OSError):
                            status = entry.stat()
                            entries.append((status.st_mtime, status.st_size, entry.path))
        oldest, left = time.time() - MAX_AGE_DAYS * 86_400, float("inf") if self.max_bytes is None else self.max_bytes
        for used, size, path in sorted(entries, reverse=True):
            left -= size
            if used < oldest or left < 0:
                with suppress(OSError):
                    os.unlink(path)


# ---------------------------------------------------------------------------------------------------------------------
# Keys


def digest(*parts: object) -> str:
    """One key of several parts, with separators."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8, "little") + data)
    return hashed.hexdigest()


def of_file(path: Path) -> str:
    """Digest of a file's bytes.

    Raises:
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def of_program() -> str:
    """Digest of maimod's own code, so that no answer outlives the code that gave it."""
    package = Path(maimod.__file__).parent
    return digest(
        *(
            part
            for path in sorted(package.rglob("*.py"))
            for part in (path.relative_to(package).as_posix(), path.read_bytes())
        )
    )


def of_setup(settings: Settings, checkpoints: Sequence[Path]) -> str:
    """Digest of everything that makes a report besides the maps: program, checkpoints and adapters (those that are there) and settings.

    Raises:
        OSError: if a checkpoint or the song given cannot be read.
    """
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    song = fields.pop("audio_path")
    fields.pop("model")
    fields.pop("lora")
    weights = [
        part
        for folder in checkpoints
        if folder.is_dir()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".json", ".safetensors")
        for part in (path.relative_to(folder.parent).as_posix(), of_file(path))
    ]
    return digest(of_program(), repr(sorted(fields.items())), of_file(song) if song else None, *weights)


def of_folder(folder: Path) -> str | None:
    """Digest of all files of a mapset folder; None if they are too many or too large, or cannot be read."""
    contents = Folder(folder)
    files = contents.files
    if files is None or sum(files.values()) > MAX_BYTES:
        return None
    try:
        parts = list[object](contents.refused.items())
        for name in files:
            with open_file(contents.path_of(name), MAX_BYTES) as file:
                parts += [name, hashlib.file_digest(file, "sha256").hexdigest()]
    except OSError:
        return None
    return digest(*parts)


# ---------------------------------------------------------------------------------------------------------------------
# Values


def _constant(name: str) -> float:
    """Infinity, which JSON does not have; not NaN, which `msgspec.convert` takes for None in some fields.

    Raises:
        ValueError: for NaN.
    """
    if name == "NaN":
        raise ValueError("NaN")
    return float(name)


class KeptReports(msgspec.Struct, frozen=True):
    """Reports of a source, and the model that judged."""

    model: ModelInfo | None
    reports: tuple[BeatmapReport, ...]
    """Without the place where they were made."""

    @classmethod
    def of(cls, reports: Sequence[BeatmapReport], model: ModelInfo | None, folder: Path) -> KeptReports:
        """Reports that were made in a folder."""
        return cls(model, _moved(reports, f"{folder}{os.sep}", "\0"))

    def at(self, folder: Path) -> list[BeatmapReport]:
        """The reports again, in a folder that may be another."""
        return list(_moved(self.reports, "\0", f"{folder}{os.sep}"))


def _moved(reports: Iterable[BeatmapReport], old: str, new: str) -> tuple[BeatmapReport, ...]:
    return tuple(dataclasses.replace(report, messages=moved(report.messages, old, new)) for report in reports)


def moved(messages: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    """Messages with paths below another folder."""
    return tuple(message.replace(old, new) for message in messages)


class KeptScores(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores of a map by context."""

    contexts: dict[str, KeptContext]

    @classmethod
    def of(cls, contexts: Mapping[str, Sequence[EventScore]]) -> KeptScores:
        """Scores of the events of a map."""
        return cls({name: KeptContext.of(scores) for name, scores in contexts.items()})

    def among(self, beatmap: Beatmap) -> dict[str, tuple[EventScore, ...]] | None:
        """The scores again, pointing to the objects of `beatmap`; None if they are those of another map, or no scores."""
        sources: dict[int, HitObject | TimingPoint | None] = {point.line: point for point in beatmap.timing_points}
        sources |= {hit_object.line: hit_object for hit_object in beatmap.hit_objects}
        sources[NO_LINE] = None
        try:
            return {name: tuple(kept.among(sources)) for name, kept in self.contexts.items()}
        except (KeyError, IndexError, ValueError):
            return None


KINDS = tuple(EventKind)
NO_LINE = -1


class KeptContext(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores of one context: the bytes of a column for each field, because a map has 60,000 alternatives, which take a
    quarter of a second as JSON. Alternatives have time, group and part of their event, and no source."""

    kinds: bytes
    """Of the events, then of the alternatives: places in `KINDS`."""
    values: bytes
    """Of the events, then of the alternatives."""
    places: bytes
    """(n_events, 4) time, group, line of the source or `NO_LINE`, part."""
    measures: bytes
    """(n_events, 3) surprisal, entropy, near."""
    shares: bytes
    """Of the alternatives."""
    counts: bytes
    """Of alternatives of each event."""

    @classmethod
    def of(cls, scores: Sequence[EventScore]) -> KeptContext:
        """Scores of the events of a context."""
        events = [score.event for score in scores]
        offered = [offer for score in scores for offer in score.expected]
        every = [*events, *(event for event, _ in offered)]
        numbers = {kind: number for number, kind in enumerate(KINDS)}
        return cls(
            _packed([numbers[event.kind] for event in every], "<u1"),
            _packed([event.value for event in every], "<i8"),
            _packed([(e.time, e.group, e.source.line if e.source else NO_LINE, e.part) for e in events], "<i8"),
            _packed([(score.surprisal, score.entropy, score.near) for score in scores], "<f8"),
            _packed([share for _, share in offered], "<f8"),
            _packed([len(score.expected) for score in scores], "<u1"),
        )

    def among(self, sources: Mapping[int, HitObject | TimingPoint | None]) -> Iterator[EventScore]:
        """The scores again, with sources by their lines.

        Raises:
            KeyError: if there is no source at a line.
            IndexError: if there is no such kind.
            ValueError: if columns do not fit each other, or have no numbers.
        """
        kinds = [KINDS[number] for number in self.kinds]
        values, shares = _unpacked(self.values, "<i8").tolist(), _unpacked(self.shares, "<f8").tolist()
        places, measures = _unpacked(self.places, "<i8", 4).tolist(), _unpacked(self.measures, "<f8", 3).tolist()
        count, counts = len(places), np.cumsum(np.frombuffer(self.counts, "<u1")).tolist()
        if (len(kinds), len(values)) != (count + len(shares),) * 2 or (counts[-1:] or [0]) != [len(shares)]:
            raise ValueError("columns of different lengths")
        begin = 0
        for kind, value, (at, group, line, part), (surprisal, entropy, near), end in zip(
            kinds[:count], values[:count], places, measures, counts, strict=True
        ):
            offers = zip(
                kinds[count + begin : count + end], values[count + begin : count + end], shares[begin:end], strict=True
            )
            expected = tuple([(Event(one, number, at, group, None, part), share) for one, number, share in offers])
            event = Event(kind, value, at, group, sources[line], part)
            yield EventScore(event, surprisal, entropy, expected, near)
            begin = end


def _packed(numbers: Sequence[float] | Sequence[tuple[float, ...]], kind: str) -> bytes:
    return np.array(numbers, dtype=kind).tobytes()


def _unpacked(packed: bytes, kind: str, columns: int = 0) -> np.ndarray:
    """(n,) numbers, or (n, columns).

    Raises:
        ValueError: if they do not fill the columns, or are none.
    """
    numbers = np.frombuffer(packed, kind)
    if np.isnan(numbers).any():
        raise ValueError("NaN")
    return numbers.reshape(-1, columns) if columns else numbers
