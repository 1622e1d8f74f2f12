"""Pairs of versions of a difficulty, from the history of a git repository or from a folder of backups: `maimod pairs`."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath

from maimod.errors import BeatmapError, UsageError
from maimod.findings import plain
from maimod.linter.repository import blob, git, names, root_of
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap
from maimod.training.differences import Differences, differences

MAX_SONG_BYTES = 100_000_000
MAX_MAP_BYTES = 5_000_000
README = """# Pairs of versions

Each folder holds two versions of one difficulty (`before/map.osu`, `after/map.osu`), the song where it was found, and
`changes.json` with the places that changed, for `maimod evaluate --pairs`.

The maps and songs belong to their authors. Keep them to yourself, unless their licences allow more.
"""


@dataclass(frozen=True)
class Pair:
    """Two versions of one difficulty."""

    before: bytes
    after: bytes
    name: str
    """Of the file."""
    song: Callable[[str], bytes | None]
    """The song of the later version by the name that the map gives it; None if it is not there."""
    source: dict[str, str]
    """Where the versions come from."""


def write_pairs(source: Path, output: Path, report: Callable[[str], None] = lambda line: None) -> int:
    """Write the pairs of a repository or a folder of backups, and return their number.

    Args:
        source: a git repository, or a folder below it, with `.osu` files in its history; else a folder with several
            versions of difficulties.
        output: a new or empty folder.
        report: called with a line for each pair and for each version that cannot be read.

    Raises:
        UsageError: if the source has no pairs, the output is not empty, or git fails.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output}: not empty; give a new folder")
    count = 0
    for pair in in_history(source) if _is_repository(source) else in_backups(source):
        found = _compared(pair, report)
        if found is None:
            continue
        maps, changed = found
        name = _file_name(f"{count:03d}-{changed.title}-{changed.version}")
        _write(output / name, pair, maps[1], changed)
        report(f"{name}: {len(changed.places)} {'place' if len(changed.places) == 1 else 'places'}")
        count += 1
    if not count:
        raise UsageError(f"{source}: no difficulty with two versions that differ")
    (output / "README.md").write_text(README, encoding="utf-8")
    return count


def _compared(pair: Pair, report: Callable[[str], None]) -> tuple[tuple[Beatmap, Beatmap], Differences] | None:
    """Both versions and their differences; None if one cannot be read or no place changed."""
    try:
        before, after = (parser.parse(content, pair.name) for content in (pair.before, pair.after))
    except BeatmapError as error:
        report(f"left out: {error}")
        return None
    if before.mode is not after.mode:
        return None
    changed = differences(before, after)
    return ((before, after), replace(changed, source=pair.source)) if changed.places else None


def _write(folder: Path, pair: Pair, after: Beatmap, changed: Differences) -> None:
    # A name with folders, or one that leads out of the folder, is not followed.
    name = PurePosixPath(after.audio_filename.replace("\\", "/"))
    song = pair.song(str(name)) if len(name.parts) == 1 and name.parts[0] not in (".", "..") else None
    for version, content in (("before", pair.before), ("after", pair.after)):
        (folder / version).mkdir(parents=True)
        (folder / version / "map.osu").write_bytes(content)
        if song is not None:
            (folder / version / name).write_bytes(song)
    stored = json.dumps(plain(asdict(replace(changed, song=song is not None))), indent=1, ensure_ascii=False)
    (folder / "changes.json").write_text(stored + "\n", encoding="utf-8")


def _file_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.")[:80]


# ---------------------------------------------------------------------------------------------------------------------
# Git


def _is_repository(folder: Path) -> bool:
    return any((place / ".git").exists() for place in (folder.resolve(), *folder.resolve().parents))


def in_history(repository: Path) -> Iterator[Pair]:
    """Pairs of each commit that changes a difficulty, oldest first; merges are left out.

    Raises:
        UsageError: if git is missing or fails.
    """
    root = root_of(repository)
    inside = repository.resolve().relative_to(root).as_posix()
    where = [] if inside == "." else [f":(literal,top){inside}"]
    for commit in git(root, "log", "--no-merges", "--reverse", "--format=%H", "--", *where).decode().split():
        parents = git(root, "rev-list", "--parents", "-n", "1", commit).decode().split()[1:]
        if not parents:
            continue
        listed = git(
            root,
            "diff-tree",
            "-r",
            "-z",
            "-M",
            "--no-commit-id",
            "--no-ext-diff",
            "--no-textconv",
            "--diff-filter=MR",
            "--name-status",
            parents[0],
            commit,
            "--",
            *where,
        )
        fields = names(listed)
        while fields:
            renamed = fields[0].startswith("R")
            old, new = (fields[1], fields[2]) if renamed else (fields[1], fields[1])
            fields = fields[3 if renamed else 2 :]
            if not new.lower().endswith(".osu") or not old.lower().endswith(".osu"):
                continue
            before, after = (
                blob(root, revision, path, MAX_MAP_BYTES) for revision, path in ((parents[0], old), (commit, new))
            )
            if before is None or after is None:
                continue

            def song(name: str, commit: str = commit, folder: str = os.path.dirname(new)) -> bytes | None:
                return blob(root, commit, f"{folder}/{name}" if folder else name, MAX_SONG_BYTES)

            yield Pair(before, after, new, song, {"commit": commit, "before": parents[0], "file": new})


# ---------------------------------------------------------------------------------------------------------------------
# Backups


def in_backups(folder: Path) -> Iterator[Pair]:
    """Pairs of successive versions of a difficulty in a folder with copies of `.osu` files.

    Versions are files of the same artist, title, creator and name of the difficulty, in order of modification; the song
    is sought beside the file, then anywhere in the folder.
    """
    versions: dict[tuple[str, ...], list[tuple[float, Path, bytes]]] = defaultdict(list)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    songs = {path.name.lower(): path for path in reversed(files)}
    for path in files:
        if path.suffix.lower() != ".osu" or path.stat().st_size > MAX_MAP_BYTES:
            continue
        content = path.read_bytes()
        try:
            metadata = parser.parse(content, path.name).metadata
        except BeatmapError:
            continue
        key = tuple(metadata.get(name, "") for name in ("Artist", "Title", "Creator", "Version"))
        versions[key].append((path.stat().st_mtime, path, content))
    for found in versions.values():
        found.sort(key=lambda version: version[:2])
        for (_, old, before), (_, new, after) in pairwise(found):
            if before == after:
                continue

            def song(name: str, beside: Path = new.parent) -> bytes | None:
                path = beside / name if (beside / name).is_file() else songs.get(name.lower())
                return path.read_bytes() if path and path.stat().st_size <= MAX_SONG_BYTES else None

            source = {"before": str(old.relative_to(folder)), "after": str(new.relative_to(folder))}
            yield Pair(before, after, new.name, song, source)
