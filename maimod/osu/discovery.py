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
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from maimod.errors import BeatmapError, UsageError
from maimod.osu import archive
from maimod.osu.folder import ARCHIVES, BEATMAP, SONGS, beatmaps_of, has_ending, is_hidden

TEMPORARY_PREFIX = f"maimod-{secrets.token_hex(4)}-"
"""Of all temporary folders of this process, so that they can be found at its end."""


class Entry(NamedTuple):
    """One `.osu` file."""

    inner: str
    """Its path inside the source."""
    name: str
    """Its path in the report: as given, or relative to the folder given."""
    location: str
    """Path in reports and for editors, see :func:`location`."""


class Source(msgspec.Struct, frozen=True):
    """Beatmaps to lint together: those of one folder, or an archive."""

    path: Path
    """The folder or the archive."""
    entries: tuple[Entry, ...]
    is_archive: bool = False
    trouble: str = ""
    """Reason why nothing of it can be read; empty if it can."""
    beside: tuple[str, ...] = ()
    """Inner paths of beatmaps that were linted before and are left out now, so that what they report about the set is not
    reported again."""

    is_lone: bool = False
    """Whether its folder is not its mapset, because it came from stdin: nothing is compared, no file is missing."""

    def only(self, entries: Sequence[Entry]) -> Source:
        """Some of its beatmaps, beside the others."""
        return msgspec.structs.replace(
            self, entries=tuple(entries), beside=tuple(one.inner for one in self.entries if one not in entries)
        )


def find(paths: Sequence[str | Path]) -> list[Source]:
    """Find the beatmaps below some paths.

    Args:
        paths: `.osu` files, `.osz` archives, folders of them at any depth, and patterns with `*`, `?`, `[…]` or `**`.

    Returns:
        Sources in the order given, those of a folder by path; each beatmap once.

    Raises:
        UsageError: if a path does not exist or holds no beatmap.
    """
    found: dict[Path, tuple[Path, Path | None]] = {}
    unlisted: dict[Path, str] = {}
    for given in paths:
        for path in _expanded(given):
            is_folder = os.path.isdir(path)  # Path.is_dir raises an error in a folder that may not be searched
            inside = _inside(path) if is_folder else _Inside([path], {})
            for file in inside.files:
                found.setdefault(file, (file, path if is_folder else None))
            unlisted |= inside.unlisted
    if not found and not unlisted:
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
    for folder, reason in unlisted.items():
        entry = Entry("", shortened(folder.as_posix()), shortened(location(folder)))
        sources.setdefault(folder, Source(folder, (entry,), trouble=f"{entry.name}: cannot be listed ({reason})"))
    return list(sources.values())


def _expanded(given: str | Path) -> list[Path]:
    path = Path(given)
    if _exists(path):
        return [path]
    if any(mark in str(given) for mark in "*?["):
        # Names of difficulties have brackets: `*[Hard].osu` means them, unless they are a class of characters.
        patterns = (str(given), str(given).replace("[", "[[]"))
        found = next(filter(None, (glob.glob(pattern, recursive=True) for pattern in patterns)), [])
        matches = [Path(match) for match in sorted(found)]
        # A pattern like `sets/*` also matches songs and other files.
        matches = [
            match
            for match in matches
            if has_ending(match.name, BEATMAP, *ARCHIVES) or (match.is_dir() and _inside(match, False).files)
        ]
        if matches:
            return [match for match in matches if not any(parent in matches for parent in match.parents)]
    is_pattern = any(mark in str(given) for mark in "*?")  # a name may have brackets
    trouble = "nothing matches this pattern" if is_pattern else "no such file or folder"
    # Programs on Windows are given the end of "C:\Songs\" as a quote that is part of the name.
    advice = "; leave out the backslash before the closing quote" if '"' in str(given) else ""
    raise UsageError(f"{shortened(str(given))}: {trouble}{advice}")


class _Inside(NamedTuple):
    files: list[Path]
    """Difficulties and archives, by path."""
    unlisted: dict[Path, str]
    """Folders that cannot be listed, with the reason."""


def _inside(folder: Path, required: bool = True) -> _Inside:
    """Beatmaps and archives at any depth below a folder, as :func:`beatmaps_of` chooses them; links to other folders
    are not followed.

    Raises:
        UsageError: if there is none, unless it is not required.
    """
    tree: list[tuple[PurePosixPath, list[str]]] = []
    archives: list[Path] = []
    unlisted: dict[Path, str] = {}

    def note(error: OSError) -> None:
        unlisted[Path(error.filename)] = error.strerror or str(error)

    for name, folders, files in os.walk(folder, onerror=note, followlinks=False):
        place = Path(name)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        names = [name for name in files if has_ending(name, BEATMAP, *SONGS)]
        tree.append((PurePosixPath(place.relative_to(folder).as_posix()), names))
        archives += [place / name for name in files if has_ending(name, *ARCHIVES) and not is_hidden(name)]
    found = [*(folder / path for path in beatmaps_of(tree)), *archives]
    if required and not found and not unlisted:
        raise UsageError(f"{folder}: no .osu file in this folder; give a beatmap, a mapset folder or a Songs folder")
    return _Inside(sorted(found), unlisted)


def _exists(path: Path) -> bool:
    """Whether there is something of that name, be it a link that leads nowhere or a name too long for the system."""
    try:
        os.lstat(path)
    except PermissionError:  # in a folder that may not be searched: reading it says so
        return True
    except (OSError, ValueError):  # a name with a NUL
        return False
    return True


MAX_SHOWN_PATH = 300


def shortened(path: str) -> str:
    """A path for a message: of one that is longer than a message should be, both ends."""
    half = MAX_SHOWN_PATH // 2
    return path if len(path) <= MAX_SHOWN_PATH else f"{path[:half]}…{path[-half:]}"


def _names(found: Sequence[tuple[Path, Path | None]]) -> list[str]:
    """Display names relative to the given folder; names that would be equal stay as given."""
    short = [(file.relative_to(folder) if folder else file).as_posix() for file, folder in found]
    uses = Counter(short)
    return [name if uses[name] == 1 else file.as_posix() for name, (file, _) in zip(short, found, strict=True)]


def _archive(path: Path, name: str) -> Source:
    try:
        found = archive.contents(path)
    except BeatmapError as error:
        return Source(path, (Entry("", name, location(path)),), True, str(error))
    beatmaps = found.beatmaps
    if not beatmaps:
        trouble = "; ".join((f"{path}: no .osu file in this archive", *found.messages[:1]))
        return Source(path, (Entry("", name, location(path)),), True, trouble)
    place = location(path)
    return Source(path, tuple(Entry(inner, f"{name}/{inner}", f"{place}/{inner}") for inner in beatmaps), True)


def base() -> Path:
    """The folder that paths in reports are relative to: the working directory, or in a GitHub workflow the checkout around it,
    as annotations require."""
    here = Path.cwd()
    checkout = os.environ.get("GITHUB_WORKSPACE", "")
    return Path(checkout) if checkout and here.is_relative_to(checkout) else here


def location(path: Path) -> str:
    """Path of a file relative to :func:`base`, with `../` if it is not below it; absolute on another drive."""
    absolute = Path(os.path.abspath(path))
    try:
        return Path(os.path.relpath(absolute, base())).as_posix()
    except ValueError:
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
