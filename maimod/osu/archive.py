"""Read `.osz` and `.olz` archives (osu!stable's and osu!lazer's), zip files that come from unknown people and are not
trusted.

Only plain files are written, and only below the given folder; sizes are checked before and while an entry is unpacked.
An unsafe entry is skipped and named; an archive built to exhaust the machine is refused.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import msgspec

from maimod.errors import BeatmapError, short
from maimod.osu.folder import ARCHIVES, BEATMAP, beatmaps_of, has_ending, name_key, open_file

MAX_ENTRIES = 5_000
"""The largest ranked storyboards have about 2,000 files."""
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
"""Size limit of the list of entries, which is read into memory as a whole."""
MAX_ENTRY_BYTES = 512 * 1024 * 1024
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
"""Videos are the largest files in archives; the game's upload limit is about 100 MB."""
MAX_BEATMAP_BYTES = 64 * 1024 * 1024
"""Limit of all `.osu` files together, which are read into memory; the largest ranked sets have 5 MB."""
MAX_RATIO, RATIO_FROM_BYTES = 100, 16 * 1024 * 1024
"""Highest compression ratio. Text compresses to a tenth and songs not at all. Silence in a `.wav` compresses a
thousandfold, but no hitsound is that long."""
BLOCK_BYTES = 1 << 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compression methods that the game writes and reads."""


class Contents(msgspec.Struct, frozen=True):
    """The entries of an archive that can be unpacked."""

    entries: dict[str, zipfile.ZipInfo]
    """Entries by the name to unpack to: relative, with forward slashes, inside the folder."""
    messages: tuple[str, ...]
    """Entries left out, with the reason."""

    @property
    def beatmaps(self) -> list[str]:
        """Names of the difficulties, sorted."""
        tree: dict[PurePosixPath, list[str]] = {}
        for name in self.entries:
            path = PurePosixPath(name)
            for place in reversed((path.parent, *path.parent.parents)):
                tree.setdefault(place, [])
            tree[path.parent].append(path.name)
        return sorted(path.as_posix() for path in beatmaps_of(sorted(tree.items())))


def contents(path: Path) -> Contents:
    """List an archive without unpacking anything.

    Raises:
        BeatmapError: if it is no archive, or exceeds a limit.
    """
    with _opened(path) as archive:
        return _contents(path, archive)


def unpack(path: Path, folder: Path) -> tuple[str, ...]:
    """Unpack an archive into an empty folder.

    Args:
        path: the archive.
        folder: an existing folder; nothing outside it is touched.

    Returns:
        One line for each entry left out, with the reason.

    Raises:
        BeatmapError: if it is no archive, or exceeds a limit.
    """
    with _opened(path) as archive:
        found = _contents(path, archive)
        messages = list(found.messages)
        left = MAX_TOTAL_BYTES
        for name, entry in found.entries.items():
            target = folder / name
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, open(target, "xb") as out:
                    while block := source.read(BLOCK_BYTES):
                        left -= len(block)
                        if left < 0:
                            raise BeatmapError(
                                path, None, f"unpacks to more than {MAX_TOTAL_BYTES >> 20} MB: not a mapset"
                            )
                        out.write(block)
            except (
                zipfile.BadZipFile,
                zlib.error,
                EOFError,
                NotImplementedError,
                RuntimeError,
                OSError,
                ValueError,
            ) as error:
                target.unlink(missing_ok=True)
                messages.append(f"{path}: {name!r} cannot be unpacked ({_reason(error)}); left out")
        return tuple(messages)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with ExitStack() as opened:
        try:
            file = opened.enter_context(open_file(path))
            if _directory_bytes(file) > MAX_DIRECTORY_BYTES:
                raise BeatmapError(path, None, f"lists more than {MAX_ENTRIES:,} files: not a mapset")
            archive = opened.enter_context(zipfile.ZipFile(file))
        except OSError as error:
            raise BeatmapError(path, None, f"cannot be read ({_reason(error)})") from None
        except (zipfile.BadZipFile, ValueError, NotImplementedError, LookupError, OverflowError, struct.error) as error:
            raise BeatmapError(
                path, None, f"not a zip archive, or cut off ({_reason(error)}); download or export it again"
            ) from None
        yield archive


def _directory_bytes(file: BinaryIO) -> int:
    """Size of the list of entries as stated at the end of the file; 0 if it is not stated.

    `zipfile` reads the whole list at once, so the size is checked first. It is stated 12 bytes into the last record,
    and in large archives 40 bytes into a longer record before it, which takes precedence (APPNOTE.TXT, 4.3.14 to
    4.3.16).
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 65_557 - 76))  # the longer record, its locator, the record and the longest comment
    tail = file.read()
    # Searched as `zipfile` does: at the very end, else before a comment.
    place = len(tail) - 22 if tail[-22:-18] == b"PK\x05\x06" and tail[-2:] == b"\0\0" else tail.rfind(b"PK\x05\x06")
    if not 0 <= place <= len(tail) - 22:
        return 0
    stated = int.from_bytes(tail[place + 12 : place + 16], "little")
    locator, longer = place - 20, place - 76
    if longer >= 0 and tail[locator : locator + 4] == b"PK\x06\x07" and tail[longer : longer + 4] == b"PK\x06\x06":
        stated = max(stated, int.from_bytes(tail[longer + 40 : longer + 48], "little"))
    return stated


def _contents(path: Path, archive: zipfile.ZipFile) -> Contents:
    listed = archive.infolist()
    if len(listed) > MAX_ENTRIES:
        raise BeatmapError(path, None, f"lists more than {MAX_ENTRIES:,} files: not a mapset")
    entries: dict[str, zipfile.ZipInfo] = {}
    by_key: dict[str, str] = {}
    messages: list[str] = []
    total, beatmap_bytes = 0, 0
    for entry in listed:
        given = _name(entry)
        if given.endswith("/"):
            continue
        name, trouble = _safe(given, entry)
        if trouble:
            messages.append(f"{path}: {given[:100]!r} {trouble}; left out")
            continue
        total += entry.file_size
        if entry.file_size > MAX_ENTRY_BYTES or total > MAX_TOTAL_BYTES:
            raise BeatmapError(
                path, None, f"unpacks to more than {min(MAX_ENTRY_BYTES, MAX_TOTAL_BYTES) >> 20} MB: not a mapset"
            )
        if entry.file_size > RATIO_FROM_BYTES and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise BeatmapError(
                path,
                None,
                f"{given[:100]!r} unpacks to {entry.file_size // max(entry.compress_size, 1)} times its size: "
                "a zip bomb, not a mapset",
            )
        if has_ending(name, BEATMAP):
            beatmap_bytes += entry.file_size
            if beatmap_bytes > MAX_BEATMAP_BYTES:
                messages.append(
                    f"{path}: {given[:100]!r} is beyond the {MAX_BEATMAP_BYTES >> 20} MB of beatmaps that are read of "
                    "one set; left out"
                )
                continue
        key = name_key(name)
        if key in by_key:
            # Windows, where maps are made, ignores case in names: a later entry replaces an earlier one.
            messages.append(f"{path}: {given[:100]!r} occurs more than once; the last one is used")
            del entries[by_key[key]]
        by_key[key] = name
        entries[name] = entry
    # A name cannot be both a file and a folder.
    for name in [name for name in entries if any(str(parent) in entries for parent in PurePosixPath(name).parents)]:
        messages.append(f"{path}: {name[:100]!r} is in a folder that is also a file; left out")
        del entries[name]
    return Contents(entries, tuple(messages))


def _name(entry: zipfile.ZipInfo) -> str:
    """The name of an entry. The game writes UTF-8, some archives without the flag that says so."""
    if not entry.flag_bits & 0x800:
        try:
            return entry.orig_filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return entry.orig_filename


def _safe(given: str, entry: zipfile.ZipInfo) -> tuple[str, str]:
    """The relative name to unpack to, and the reason to skip the entry, empty if there is none."""
    name = given.replace("\\", "/")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or name[1:2] == ":":
        return "", "is an absolute path"
    if ".." in parts:
        return "", "leads out of the archive"
    if not parts or any(not letter.isprintable() for letter in name):
        return "", "is not a file name"
    if len(name) > 255 or len(parts) > 8 or any(len(part.encode("utf-8", "replace")) > 255 for part in parts):
        return "", "is too long a path"
    if kind not in (0, stat.S_IFREG):
        return "", "is a link or a device, not a file"
    if entry.flag_bits & 0x1:
        return "", "is encrypted"
    if entry.compress_type not in METHODS:
        return "", f"is compressed by a method (number {entry.compress_type}) that the game does not read"
    return "/".join(_portable(part) for part in parts), ""


def _portable(part: str) -> str:
    """Replace characters that the file system does not allow; Windows also forbids trailing dots and device names."""
    if os.name != "nt":
        return part
    part = "".join("_" if letter in '<>:"|?*' else letter for letter in part).rstrip(". ") or "_"
    stem = part.partition(".")[0].upper()
    return f"_{part}" if stem in _DEVICES else part


_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", *(f"{name}{digit}" for name in ("COM", "LPT") for digit in range(10))}
)


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return short(" ".join(text.split())) or type(error).__name__


def is_archive(path: Path) -> bool:
    """Whether a path has the suffix of an archive."""
    return path.suffix.lower() in ARCHIVES
