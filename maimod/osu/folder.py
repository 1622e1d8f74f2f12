"""What lies in a mapset folder: which files count, which file a name means, and how one is opened.

Mapsets are not trusted. Everything in them is opened by :func:`open_file`, which waits for nothing and reads only
regular files, and a link counts as the file it leads to if that lies in the folder too; nothing outside is opened.

Conventions: names are relative to the folder, with forward slashes.

Source: how osu!lazer finds files, `BeatmapSetInfo.GetFile` and `Storyboard.GetStoragePathFromStoryboardPath`.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import NamedTuple

BEATMAP = ".osu"
ARCHIVES = (".osz", ".olz")
"""Archives of osu!stable and osu!lazer."""
SONGS = (".mp3", ".ogg", ".wav", ".m4a", ".flac", ".opus")
PICTURES = (".png", ".jpg")
"""Endings that the game tries for a sprite without one."""
SOUNDS = (".wav", ".ogg", ".mp3")
"""Endings that the game tries for a sample, in place of its own too."""
STORYBOARD = ".osb"
NEVER_WRITTEN = frozenset(
    {
        BEATMAP,
        STORYBOARD,
        *ARCHIVES,
        *SONGS,
        *PICTURES,
        ".jpeg",
        ".avi",
        ".flv",
        ".mp4",
        ".mkv",
        ".webm",
        ".osk",
        ".osr",
    }
)
"""Endings of files of the game, over which no report is written."""
MAX_FILES = 5_000
"""Most files of a folder. The largest ranked storyboards have about 2,000."""
_OF_SYSTEM = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"})
"""Files and folders that Windows and macOS add, besides hidden ones."""


# ---------------------------------------------------------------------------------------------------------------------
# Names


def is_hidden(name: str) -> bool:
    """Whether a file or folder is one of the system or of tools (`.git`, `._a.osu`, `Thumbs.db`): not of the set."""
    return name.startswith(".") or name.lower() in _OF_SYSTEM


def has_ending(name: str, *endings: str) -> bool:
    """Whether a name ends so, whatever the case."""
    return name.lower().endswith(endings)


def name_key(name: str) -> str:
    """A text that two names share if they are one on Windows, where maps are made: in upper or lower case, and in
    either Unicode form of accents, as macOS writes them. Bytes that are no UTF-8 count as the `�` that the parser
    makes of them."""
    if name.isascii():
        return name.upper()
    text = os.fsencode(name).decode("utf-8", "replace") if any("\ud800" <= c <= "\udfff" for c in name) else name
    # One letter for each letter, as in Windows: ß and ss stay two names.
    return "".join(one.upper() if len(one.upper()) == 1 else one for one in unicodedata.normalize("NFC", text))


def parts_of(name: str) -> tuple[str, ...] | None:
    """Folders and file of a name as maps write it: with either slash, in quotes or not. None if it leads out."""
    parts = tuple(part for part in name.strip().strip('"').replace("\\", "/").split("/") if part not in ("", "."))
    return None if ".." in parts or "\0" in name else parts


def beatmaps_of(tree: Iterable[tuple[PurePosixPath, Sequence[str]]]) -> Iterator[PurePosixPath]:
    """The difficulties of a tree of folders, given as (folder, names of its files), outer folders first.

    In a folder below a mapset only a set with a song of its own counts: others are backups and the like, which the game
    does not read either. Hidden files and folders are left out.
    """
    sets: set[PurePosixPath] = set()
    for place, names in tree:
        if any(is_hidden(part) for part in place.parts):
            continue
        if is_set(names):
            sets.add(place)
        elif not sets.isdisjoint(place.parents):
            continue
        yield from (place / name for name in sorted(names) if has_ending(name, BEATMAP) and not is_hidden(name))


def is_set(names: Iterable[str]) -> bool:
    """Whether the files of a folder are a mapset of their own: difficulties with a song."""
    shown = [name for name in names if not is_hidden(name)]
    return any(has_ending(name, BEATMAP) for name in shown) and any(has_ending(name, *SONGS) for name in shown)


# ---------------------------------------------------------------------------------------------------------------------
# Opening

LEADS_OUT = "a link that leads out of its folder"
LEADS_NOWHERE = "a link that leads nowhere"
IS_FOLDER = "a folder, not a file"
IS_ODD = "not a regular file"


def open_file(path: Path, most: int | None = None) -> BufferedReader:
    """Open a regular file for reading, without ever waiting for one.

    Args:
        path: the file. A link is followed if it stays in its folder.
        most: largest size in bytes; None for any.

    Raises:
        OSError: if it cannot be opened, is no regular file, is larger, or is a link that leads out of its folder; its
            `strerror` is the reason.
    """
    _refuse(path, os.stat(path), most)
    if path.is_symlink() and _inside(path, path.parent) is None:
        raise OSError(errno.EPERM, LEADS_OUT, str(path))
    # Non-blocking, in case that a pipe has taken its place: opening one waits for somebody who writes to it.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _refuse(path, os.fstat(number), most)
        return open(number, "rb")
    except BaseException:
        os.close(number)
        raise


def read_file(path: Path, most: int | None = None) -> bytes:
    """The bytes of a file; see :func:`open_file`."""
    with open_file(path, most) as file:
        return file.read()


def _refuse(path: Path, status: os.stat_result, most: int | None) -> None:
    reason = _odd(status)
    if reason:
        raise OSError(errno.EINVAL, reason, str(path))
    if most is not None and status.st_size > most:
        raise OSError(errno.EFBIG, f"larger than {most >> 20} MB", str(path))


def _odd(status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return IS_FOLDER
    return "" if stat.S_ISREG(status.st_mode) else IS_ODD


def _inside(path: Path, folder: Path) -> Path | None:
    """The file of the folder that a link leads to; None if it leads outside or nowhere."""
    try:
        target, root = path.resolve(strict=True), folder.resolve()
    except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
        return None
    return folder / target.relative_to(root) if target.is_relative_to(root) else None


# ---------------------------------------------------------------------------------------------------------------------
# Folders


class _Entry(NamedTuple):
    """A file of the folder, or the reason why it is none."""

    path: Path
    """Where it is: for a link, what it leads to."""
    size: int
    reason: str = ""


class Folder:
    """The files of a mapset folder, each part of it listed once, when it is first needed.

    A folder below it that is a set of its own is not part of it, nor are hidden files and what links to folders lead to.
    """

    def __init__(self, root: Path | None = None) -> None:
        """`root` is the folder; None for an empty one."""
        self.root = root
        self._listed: dict[str, tuple[dict[str, _Entry], tuple[str, ...]]] = {}
        self._by_key: dict[str, dict[str, str]] = {}

    @cached_property
    def files(self) -> dict[str, int] | None:
        """Size in bytes of each file by its name; None if there are more than :data:`MAX_FILES`."""
        found: dict[str, int] = {}
        waiting = [""]
        while waiting:
            place = waiting.pop()
            entries, folders = self._list(place)
            if place and is_set(entries):
                continue
            found |= {place + name: entry.size for name, entry in entries.items() if not entry.reason}
            if len(found) > MAX_FILES:
                return None
            waiting += [f"{place}{name}/" for name in reversed(folders)]
        return found

    @property
    def refused(self) -> dict[str, str]:
        """Why others are no files, by their names, as far as the folder has been listed."""
        return {
            place + name: entry.reason
            for place, (entries, _) in sorted(self._listed.items())
            for name, entry in entries.items()
            if entry.reason
        }

    def beatmaps(self) -> list[Path]:
        """Paths of the difficulties, by name; also of those that cannot be opened, which the parser gives reasons for."""
        return [self.root / name for name in self._list("")[0] if has_ending(name, BEATMAP)] if self.root else []

    def find(self, name: str, endings: Sequence[str] = (), *, replaced: bool = False) -> str | None:
        """The file that the game opens for a name in a map; None if there is none.

        Args:
            name: as written in the map.
            endings: tried after the name.
            replaced: whether they are also tried in place of the name's own ending.
        """
        parts = parts_of(name)
        if not parts:
            return None
        *folders, last = parts
        place = ""
        for part in folders:
            _, names = self._list(place)
            keys = {name_key(one): one for one in names}
            actual = part if part in names else keys.get(name_key(part))
            if actual is None:
                return None
            place += f"{actual}/"
        if place and is_set(self._list(place)[0]):
            return None
        stems = [last, PurePosixPath(last).stem] if replaced else [last]
        for wanted in dict.fromkeys([last, *(stem + ending for stem in stems for ending in endings)]):
            found = self._match(place, wanted)
            if found is not None and not self._list(place)[0][found].reason:
                return place + found
        return None

    def why_not(self, name: str) -> str:
        """Why :meth:`find` finds nothing: the end of a sentence about the file, as in "is not in the folder"."""
        parts = parts_of(name)
        if parts is None:
            return "leads out of the folder"
        place = "".join(f"{part}/" for part in parts[:-1])
        found = self._match(place, parts[-1]) if parts else None
        reason = self._list(place)[0][found].reason if found else ""
        return f"is {reason}" if reason else "is not in the folder"

    def path_of(self, name: str) -> Path:
        """Path of a file by its name in :attr:`files`; for a link, of what it leads to.

        Raises:
            KeyError: if it is none of them.
        """
        place, slash, last = name.rpartition("/")
        return self._list(place + slash)[0][last].path

    def _match(self, place: str, wanted: str) -> str | None:
        entries, _ = self._list(place)
        if wanted in entries:
            return wanted
        if place not in self._by_key:
            self._by_key[place] = {name_key(name): name for name in reversed(entries)}
        return self._by_key[place].get(name_key(wanted))

    def _list(self, place: str) -> tuple[dict[str, _Entry], tuple[str, ...]]:
        """The files and the folders of a part of the folder, by name; nothing where there is no such part."""
        if place not in self._listed:
            self._listed[place] = self._scan(place)
        return self._listed[place]

    def _scan(self, place: str) -> tuple[dict[str, _Entry], tuple[str, ...]]:
        if self.root is None:
            return {}, ()
        files: dict[str, _Entry] = {}
        folders: list[str] = []
        try:
            with os.scandir(self.root / place) as listed:
                found = sorted((one for one in listed if not is_hidden(one.name)), key=lambda one: one.name)
        except OSError:
            return {}, ()
        for one in found:
            path = self.root / place / one.name
            try:
                if one.is_dir(follow_symlinks=False):
                    folders.append(one.name)
                elif not one.is_symlink():
                    status = one.stat()
                    files[one.name] = _Entry(path, status.st_size, _odd(status))
                elif (target := _inside(path, self.root)) is None:
                    files[one.name] = _Entry(path, 0, LEADS_OUT if path.exists() else LEADS_NOWHERE)
                elif not target.is_dir():
                    status = target.stat()
                    files[one.name] = _Entry(target, status.st_size, _odd(status))
            except OSError:  # it vanished
                continue
        return files, tuple(folders)
