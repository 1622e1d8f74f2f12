"""A run in parts, for a matrix of CI: `--shard 2/8` checks one part of the mapsets; :mod:`maimod.commands.merge` joins the
reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from heapq import heapreplace
from pathlib import Path

from maimod.errors import UsageError
from maimod.findings import Report, Shard
from maimod.osu.discovery import Source

SET_BYTES = 50_000
"""Weight of a mapset beside that of its difficulties: its song and other files."""


def numbers_of(given: str) -> tuple[int, int]:
    """The number of a shard and how many there are.

    Raises:
        UsageError: if there is no such shard.
    """
    number, _, of = given.partition("/")
    if not 1 <= int(number) <= int(of):
        raise UsageError(f"--shard {given}: the first number goes from 1 to the second, as in 1/8 to 8/8")
    return int(number), int(of)


def part_of(sources: Sequence[Source], number: int, of: int) -> list[Source]:
    """The mapsets of one shard, in their order. All of a set is in one shard; shards are about equal in bytes of difficulties.

    The largest set goes to the emptiest shard, then the next one, so the same maps always give the same shards.
    """
    weights = [_weight(source) for source in sources]
    filled = [(0, shard) for shard in range(1, of + 1)]
    chosen = []
    for place in sorted(range(len(sources)), key=lambda place: (-weights[place], place)):
        bytes_, shard = filled[0]
        if shard == number:
            chosen.append(place)
        heapreplace(filled, (bytes_ + weights[place], shard))
    return [sources[place] for place in sorted(chosen)]


def _weight(source: Source) -> int:
    files = [source.path] if source.is_archive else [source.path / entry.inner for entry in source.entries]
    return SET_BYTES + sum(_size(file) for file in files)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def shard_of(report: Report, sources: Sequence[Source], number: int, of: int) -> Report:
    """A report of a shard, with the place of each difficulty in the whole run of `sources`."""
    names = (entry.name for source in sources for entry in source.entries)
    place = {name: at for at, name in enumerate(names)}
    return replace(report, shard=Shard(number, of, tuple(place[beatmap.path] for beatmap in report.beatmaps)))
