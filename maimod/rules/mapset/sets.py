"""Helpers of rules about whole sets: difficulties that differ from the others, and names for messages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from maimod.osu.beatmap import Beatmap
from maimod.osu.folder import has_ending
from maimod.osu.mapset import Mapset

LAZER = "https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks"


class Part(msgspec.Struct, frozen=True):
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


class FileEvent(msgspec.Struct, frozen=True):
    """A picture or video of `[Events]`."""

    line: int
    start: float
    """Ms."""
    name: str
    offset: tuple[float, float] = (0.0, 0.0)
    """Osu! pixels to the right and down from where it would be."""


PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")
"""Endings of pictures that old maps have as videos."""


def background(beatmap: Beatmap) -> FileEvent | None:
    """The background that the game shows: the last one; a picture that is written as a video counts; without any, the
    first sprite of the storyboard (lazer, `LegacyBeatmapDecoder.handleEvent`)."""
    shown = [*_file_events(beatmap, 2, "0", "Background"), *filter(_is_picture, _file_events(beatmap, 2, "1", "Video"))]
    sprites = [] if shown else [*_file_events(beatmap, 3, "4", "Sprite")][:1]
    return max([*shown, *sprites], key=lambda event: event.line, default=None)


def video(beatmap: Beatmap) -> FileEvent | None:
    """The first video, if it is not a picture."""
    return next((event for event in _file_events(beatmap, 2, "1", "Video") if not _is_picture(event)), None)


def _is_picture(event: FileEvent) -> bool:
    return has_ending(event.name, *PICTURES)


def _file_events(beatmap: Beatmap, place: int, *kinds: str) -> Iterator[FileEvent]:
    """Events of these kinds that name a file in their field `place`."""
    for line, text in beatmap.events:
        fields = [part.strip() for part in text.split(",")]
        if fields[0] in kinds and len(fields) > place and fields[place].strip('"'):
            right, down = (_number(field) for field in (*fields[place + 1 : place + 3], "", "")[:2])
            yield FileEvent(line, _number(fields[1]), fields[place].strip('"'), (right, down))


def _number(field: str) -> float:
    """A number of an event; 0 if it is none."""
    try:
        return float(field)
    except ValueError:
        return 0.0


def set_id(beatmap: Beatmap) -> int | None:
    """Number of the set on the server, which grows with time; None if it has none."""
    text = beatmap.metadata.get("BeatmapSetID", "")
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,17}", text) else None


def is_whole(mapset: Mapset) -> bool:
    """Whether a folder seems to hold all of a set: its difficulties have backgrounds, and these are there.

    Collections of maps and copies of single difficulties lack them.
    """
    shown = [background(beatmap) for beatmap in mapset.beatmaps]
    return all(event is not None and mapset.find_picture(event.name) is not None for event in shown)
