"""What has to be, or usually is, the same in every difficulty of a set: metadata, files, timing, kiai, preview, display settings.

The value of most difficulties is the set's; those that depart from it get the finding. Of two equal halves the later one by path does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maimod.beatmap import Beatmap
from maimod.detectors.base import MapsetContext, MapsetDetector, Placed, Rule
from maimod.findings import Expected, Severity

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria"
METADATA = Rule(
    "mapset/metadata", "Metadata differ between difficulties", Severity.PROBLEM, ("map",),
    why="A set has one artist, title, source, creator and list of tags; what differs is an old copy in one of the difficulties.",
    how="Artist, title (romanised and Unicode), creator, source and tags of each difficulty are compared with those of most.",
    ignore_when="never; the ranking criteria ask for the same metadata throughout",
    blind_spots="Mistakes that all difficulties share; sets of a single difficulty.",
    source=f"{_CRITERIA}#metadata")


@dataclass(frozen=True)
class _Part:
    """Difficulties that agree among themselves, and not with most of the set."""

    beatmaps: Sequence[Beatmap]
    value: str
    usual: str
    others: Sequence[Beatmap]


def _departures(beatmaps: Sequence[Beatmap], values: Sequence[str]) -> Iterator[_Part]:
    groups: dict[str, list[Beatmap]] = defaultdict(list)
    for beatmap, value in zip(beatmaps, values, strict=True):
        groups[value].append(beatmap)
    usual = max(groups, key=lambda value: len(groups[value]))  # of equals the first
    for value, group in groups.items():
        if value != usual:
            yield _Part(group, value, usual, groups[usual])


def run(context: MapsetContext) -> Iterator[Placed]:
    if len(context.beatmaps) < 2:
        return
    yield from _metadata(context)


def _metadata(context: MapsetContext) -> Iterator[Placed]:
    for key in ("Artist", "ArtistUnicode", "Title", "TitleUnicode", "Creator", "Source", "Tags"):
        for part in _departures(context.beatmaps, [beatmap.metadata.get(key, "") for beatmap in context.beatmaps]):
            for beatmap in part.beatmaps:
                yield from context.finding(
                    METADATA, beatmap, line=beatmap.line_of("Metadata", key), score=0.95, subject=key,
                    message=_metadata_message(key, part), actual=part.value, expected=[Expected(part.usual)])


def _metadata_message(key: str, part: _Part) -> str:
    others = _names(part.others)
    if key == "Tags":
        own, usual = set(part.value.split()), set(part.usual.split())
        lacks, adds = sorted(usual - own), sorted(own - usual)
        words = [f"lack {_list(lacks)}"] if lacks else []
        words += [f"add {_list(adds)}"] if adds else []
        return f"The tags {' and '.join(words) or 'are in another order'}, compared with {others}."
    return f"{key} is {_quoted(part.value)} here and {_quoted(part.usual)} in {others}."


def _quoted(value: str) -> str:
    return f'"{value}"' if value else "empty"


def _list(words: Sequence[str], limit: int = 6) -> str:
    shown = ", ".join(f'"{word}"' for word in words[:limit])
    return shown + (f" and {len(words) - limit} more" if len(words) > limit else "")


def _names(beatmaps: Sequence[Beatmap], limit: int = 3) -> str:
    """`[Hard]`, `[Hard] and [Insane]`, `[Hard], [Insane] and 3 more`."""
    names = [f"[{beatmap.version}]" for beatmap in beatmaps]
    if len(names) > limit:
        names = [*names[:limit - 1], f"{len(names) - limit + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


DETECTOR = MapsetDetector("Consistency", (METADATA,), run)
