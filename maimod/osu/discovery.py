"""Turn paths (files, folders, archives, patterns) into sources: beatmaps that are linted together.

Conventions: paths in reports have forward slashes; sources and the beatmaps in them are in a fixed order.
"""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from maimod.errors import BeatmapError, UsageError
from maimod.osu import archive

SONG_SUFFIXES = (".mp3", ".ogg", ".wav", ".m4a", ".flac", ".opus")
SUFFIXES = (".osu", *archive.SUFFIXES)
TEMPORARY_PREFIX = f"maimod-{secrets.token_hex(4)}-"
"""Of all temporary folders of this process, so that they can be found at its end."""


class Entry(NamedTuple):
    """One `.osu` file."""

    inner: str
    """Its path inside the source."""
    name: str
    """Its path in the report: as given, or relative to the folder given."""
    location: str
    """Path from the working directory, or absolute if the file is not below it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Beatmaps to lint together: those of one folder, or an archive."""

    path: Path
    """The folder or the archive."""
    entries: tuple[Entry, ...]
    is_archive: bool = False
    trouble: str = ""
    """Reason why nothing of it can be read; empty if it can."""


def find(paths: Sequence[str | Path]) -> list[Source]:
    """Find the beatmaps below some paths.

    Args:
        paths: `.osu` files, `.osz` archives, folders of them at any depth, and patterns with `*`, `?` or `**`.

    Returns:
        Sources in the order given, those of a folder by path; each beatmap once.

    Raises:
        UsageError: if a path does not exist or holds no beatmap.
    """
    found: dict[Path, tuple[Path, Path | None]] = {}
    for given in paths:
        for path in _expanded(given):
            inside = _inside(path) if path.is_dir() else [path]
            for file in inside:
                found.setdefault(file, (file, path if path.is_dir() else None))
    if not found:
        raise UsageError("no path given: give a .osu file, a mapset folder or an .osz archive")
    names = _names(list(found.values()))
    sources: dict[Path, Source] = {}
    for file, name in zip(found, names, strict=True):
        if archive.is_archive(file):
            sources[file] = _archive(file, name)
        else:
            folder = file.parent
            known = sources[folder].entries if folder in sources else ()
            sources[folder] = Source(folder, (*known, Entry(file.name, name, location(file))))
    return list(sources.values())


def _expanded(given: str | Path) -> list[Path]:
    path = Path(given)
    if path.exists():
        return [path]
    if any(mark in str(given) for mark in "*?["):
        matches = [Path(match) for match in sorted(glob.glob(str(given), recursive=True))]
        # A pattern like `sets/*` also matches songs and other files.
        matches = [
            match for match in matches if match.suffix.lower() in SUFFIXES or (match.is_dir() and _inside(match, False))
        ]
        if matches:
            return [match for match in matches if not any(parent in matches for parent in match.parents)]
        raise UsageError(f"{given}: nothing matches this pattern")
    raise UsageError(f"{given}: no such file or folder")


def _inside(folder: Path, required: bool = True) -> list[Path]:
    """Beatmaps and archives at any depth below a folder; links to other folders are not followed.

    In a folder below a mapset only a set with a song of its own counts: others are backups and the like, which the game
    does not read either. Hidden files and folders are left out, as those of git and those that macOS adds.
    """
    found: list[Path] = []
    sets: set[Path] = set()
    for name, folders, files in os.walk(folder, followlinks=False):
        place = Path(name)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = [name for name in sorted(files) if not name.startswith(".")]
        has_song = any(name.lower().endswith(SONG_SUFFIXES) for name in here)
        is_part = not has_song and not sets.isdisjoint(place.parents)
        here = [name for name in here if name.lower().endswith(SUFFIXES)]
        if has_song and any(name.lower().endswith(".osu") for name in here):
            sets.add(place)
        found += [place / name for name in here if not (is_part and name.lower().endswith(".osu"))]
    if not found and required:
        raise UsageError(f"{folder}: no .osu file in this folder; give a beatmap, a mapset folder or a Songs folder")
    return sorted(file for file in found if file.is_file())


def _names(found: Sequence[tuple[Path, Path | None]]) -> list[str]:
    """Display names relative to the given folder; names that would be equal stay as given."""
    short = [(file.relative_to(folder) if folder else file).as_posix() for file, folder in found]
    uses = Counter(short)
    return [name if uses[name] == 1 else file.as_posix() for name, (file, _) in zip(short, found, strict=True)]


def _archive(path: Path, name: str) -> Source:
    try:
        beatmaps = archive.contents(path).beatmaps
    except BeatmapError as error:
        return Source(path, (Entry("", name, location(path)),), True, str(error))
    if not beatmaps:
        return Source(path, (Entry("", name, location(path)),), True, f"{path}: no .osu file in this archive")
    place = location(path)
    return Source(path, tuple(Entry(inner, f"{name}/{inner}", f"{place}/{inner}") for inner in beatmaps), True)


def location(path: Path) -> str:
    """Path of a file relative to the working directory; absolute if it is not below it.

    In a GitHub workflow it is relative to the checkout, as annotations require, even if the step runs in a subfolder.
    """
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    checkout = os.environ.get("GITHUB_WORKSPACE", "")
    for root in [Path(checkout), here] if checkout and here.is_relative_to(checkout) else [here]:
        if absolute.is_relative_to(root):
            return absolute.relative_to(root).as_posix()
    return absolute.as_posix()


@contextmanager
def opened(source: Source, workplace: Path | None = None) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Open a source: its folder (unpacked, for an archive) and the messages on skipped entries.

    Args:
        source: what to open.
        workplace: folder to unpack archives in; None for the system's. The files are removed at the end, also after an
            error.

    Raises:
        BeatmapError: if the archive cannot be unpacked.
    """
    if not source.is_archive:
        yield source.path, ()
        return
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=workplace))
    try:
        yield folder, archive.unpack(source.path, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
