"""A mapper's changes of a set since the last run: objects and lines of each difficulty, in words."""

from __future__ import annotations

import base64
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from maimod.errors import BeatmapError
from maimod.findings import counted, editor_timestamp
from maimod.linter.cache import Cache, digest
from maimod.osu import limits, parser
from maimod.osu.beatmap import Beatmap
from maimod.osu.discovery import Source
from maimod.osu.folder import read_file
from maimod.training.differences import Change, Differences, Place, differences

MAX_NAMED = 8
"""Most places that are named one by one on a console."""
MAX_STAMPED = 8
"""Most objects in a timestamp."""
SAME_MS = 1.5
_OF_OBJECTS = {
    "object added": "added",
    "object removed": "removed",
    "snap": "moved in time",
    "position": "moved",
    "object kind": "of another kind",
    "slider shape": "with another shape",
    "slider length": "with another length",
    "hold end": "with another end",
    "new combo": "with a new combo more or less",
    "hitsound": "with other hitsounds",
}
"""Kinds of change of objects: the end of "3 objects …"."""
_OF_LINES = {
    "scroll speed": "velocity {}x → {}x",
    "volume": "volume {} → {} %",
    "sample set": "sample set {} → {}",
    "kiai": "kiai {} → {}",
}
_SETS = {"0": "of the difficulty", "1": "normal", "2": "soft", "3": "drum"}
_SWITCH = {"0": "off", "1": "on"}


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes at one place."""

    timestamp: str
    """Of the present version; empty for what has no place."""
    text: str


@dataclass(frozen=True, slots=True)
class Edits:
    """Changes of a difficulty."""

    version: str
    summary: str
    edits: tuple[Edit, ...]


def edits(before: bytes, after: bytes, path: Path | str = "beatmap.osu") -> Edits | None:
    """Compare the contents of two versions of a difficulty; None if nothing has changed, or one cannot be read."""
    try:
        old, new = parser.parse(before, path), parser.parse(after, path)
    except BeatmapError:
        return None
    found = differences(old, new, unseen=True)
    changes = [Edit("", _remark(remark.kind, remark.what)) for remark in found.general]
    changes += [Edit(_stamp(new, place), "; ".join(_words(place.changes))) for place in found.places]
    return Edits(new.version, _summary(found), tuple(changes)) if changes else None


def _stamp(beatmap: Beatmap, place: Place) -> str:
    times = [change.at for change in place.changes if change.kind in _OF_OBJECTS and change.kind != "object removed"]
    objects = [o for o in beatmap.hit_objects if any(abs(o.time - time) < SAME_MS for time in times)]
    return editor_timestamp(beatmap, objects[0].time if objects else place.after[0], objects[:MAX_STAMPED])


def _words(changes: Sequence[Change]) -> Iterator[str]:
    counts = Counter(change.kind for change in changes)
    for kind, words in _OF_OBJECTS.items():
        if counts[kind]:
            yield f"{counted(counts[kind], 'object')} {words}"
    for change in changes:
        if change.kind in _OF_LINES:
            yield _of_line(change)
        elif change.kind == "red line":
            sign, _, line = change.what.partition(" ")
            _, beat_length, meter = line.strip("()").split(", ")
            tempo = f"{60_000 / float(beat_length):.6g} BPM, {meter}/4"
            yield f"red line {'removed' if sign == '-' else 'added'}: {tempo}"


def _of_line(change: Change) -> str:
    values = [value.strip() for value in change.what.split("->")]
    names = {"sample set": _SETS, "kiai": _SWITCH}.get(change.kind, {})
    return _OF_LINES[change.kind].format(*(names.get(value, value) for value in values))


def _remark(kind: str, what: str) -> str:
    return f"{kind} {what}".replace("->", "→")


def _summary(found: Differences) -> str:
    """All changes in one line."""
    counts = Counter(change.kind for place in found.places for change in place.changes)
    parts: list[str] = []
    for kind, words in _OF_OBJECTS.items():
        if counts[kind]:
            number = f"{counts[kind]:,}" if parts else counted(counts[kind], "object")
            parts.append(f"{number} {words}")
    parts += [f"{kind} in {counted(counts[kind], 'place')}" for kind in _OF_LINES if counts[kind]]
    if counts["red line"]:
        parts.append("red lines")
    parts += sorted({remark.kind for remark in found.general})
    return ", ".join(parts)


# ---------------------------------------------------------------------------------------------------------------------
# The version before


def since_last_run(location: str, content: bytes, cache: Cache) -> Edits | None:
    """Changes of a difficulty since this was last called for it; None at the first time, or if nothing has changed.

    Args:
        location: of the difficulty.
        content: of its file.
        cache: where the version is kept.
    """
    key = digest("last version", os.path.abspath(location))
    kept = cache.get(key, str)
    packed = base64.b64encode(zlib.compress(content)).decode("ascii")
    if kept == packed:
        return None
    cache.put(key, packed)
    if kept is None:
        return None
    try:
        before = zlib.decompressobj().decompress(base64.b64decode(kept), limits.MAX_FILE_BYTES)
    except (ValueError, zlib.error):
        return None
    return edits(before, content, location)


class Versions:
    """The difficulties of a watch as they were at the last look."""

    def __init__(self, sources: Iterable[Source]) -> None:
        """Read them all; archives are left out, because they are written anew as a whole."""
        self._known: dict[Path, bytes] = {}
        for _ in self.changed(sources):
            pass

    def changed(self, sources: Iterable[Source]) -> Iterator[Edits]:
        """Look again, and yield what has changed in each difficulty of some sources."""
        for source in sources:
            for entry in source.entries if not source.is_archive else ():
                path = source.path / entry.inner
                try:
                    content = read_file(path, limits.MAX_FILE_BYTES)
                except OSError:
                    continue
                before, self._known[path] = self._known.get(path), content
                found = edits(before, content, path) if before is not None and before != content else None
                if found is not None:
                    yield found


def lines(found: Edits) -> Iterator[str]:
    """Changes of a difficulty for a console: a summary, and the first places."""
    yield f"changed in [{found.version}]: {found.summary}"
    for edit in found.edits[:MAX_NAMED]:
        yield f"  {edit.timestamp} {edit.text}".rstrip() if edit.timestamp else f"  {edit.text}"
    if len(found.edits) > MAX_NAMED:
        yield f"  … and {counted(len(found.edits) - MAX_NAMED, 'more place')}"
