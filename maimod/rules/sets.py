"""Helpers of rules about whole sets: difficulties that differ from the others, and names for messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maimod.osu.beatmap import Beatmap

CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria"
LAZER = "https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks"


@dataclass(frozen=True)
class Part:
    """Difficulties with a common value that differs from most of the set."""

    beatmaps: Sequence[Beatmap]
    value: str
    usual: str
    """The value of most difficulties."""
    others: Sequence[Beatmap]
    """Difficulties with that value."""


def departures(beatmaps: Sequence[Beatmap], values: Sequence[str]) -> Iterator[Part]:
    """Find the difficulties whose value differs from that of most.

    Args:
        beatmaps: difficulties.
        values: one for each.

    Yields:
        One part for each other value; nothing if all agree.
    """
    groups: dict[str, list[Beatmap]] = defaultdict(list)
    for beatmap, value in zip(beatmaps, values, strict=True):
        groups[value].append(beatmap)
    usual = max(groups, key=lambda value: len(groups[value]), default="")  # if several are equally frequent, the first
    for value, group in groups.items():
        if value != usual:
            yield Part(group, value, usual, groups[usual])


def quoted(value: str) -> str:
    """As in `"Hard"`, or "empty"."""
    return f'"{value}"' if value else "empty"


def names(beatmaps: Sequence[Beatmap], limit: int = 3) -> str:
    """Name difficulties: `[Hard]`, `[Hard] and [Insane]`, `[Hard], [Insane] and 3 more`."""
    shown = [f"[{beatmap.version}]" for beatmap in beatmaps]
    if len(shown) > limit:
        shown = [*shown[: limit - 1], f"{len(shown) - limit + 1} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def file_event(beatmap: Beatmap, *kinds: str) -> tuple[int, float, str] | None:
    """(line, start in ms, file name) of the first event of these kinds (`0` a background, `1` or `Video` a video)."""
    for line, text in beatmap.events:
        fields = [part.strip() for part in text.split(",")]
        if fields[0] in kinds and len(fields) > 2 and fields[2].strip('"'):
            try:
                return line, float(fields[1]), fields[2].strip('"')
            except ValueError:
                return line, 0.0, fields[2].strip('"')
    return None
