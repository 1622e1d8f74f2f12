"""A mapset: the difficulties of one song in one folder, and the other files there.

Conventions: names of files are relative to the folder, with forward slashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from maimod.errors import BeatmapError
from maimod.osu import folder as folders
from maimod.osu import limits, parser
from maimod.osu.beatmap import Beatmap
from maimod.osu.folder import PICTURES, SOUNDS, STORYBOARD, Folder, has_ending, read_file
from maimod.osu.level import Level, levels_of, star_rating

WORK_NAMES = re.compile(
    r"(?:hit|key)[\s-]*sound(?:s|ing|ed)?(?: (?:diff|difficulty|copy))?|hs(?: diff)?|timing(?: diff)?"
    r"|\w+ (?:hitsound(?:s|ing)?|hs) (?:diff|difficulty|copy)",
    re.IGNORECASE,
)
"""Names of difficulties that hold nothing but hitsounds or timing, to be copied from while a set is made; without signs
around them."""


class Mapset(msgspec.Struct, frozen=True, dict=True):
    """Difficulties of one song."""

    folder: Path
    beatmaps: tuple[Beatmap, ...]
    """Readable difficulties by path; never empty."""
    work: tuple[Beatmap, ...] = ()
    """Difficulties that are there for work on the set (:data:`WORK_NAMES`), by path: not among `beatmaps`, since nothing
    of them is played."""
    contents: Folder = msgspec.field(default_factory=Folder)
    """What lies in the folder."""
    unreadable: tuple[BeatmapError, ...] = ()
    """Difficulties that cannot be read."""
    others: tuple[Beatmap, ...] = ()
    """Readable difficulties of other songs in the same folder."""

    @property
    def files(self) -> dict[str, int]:
        """Size in bytes of every file of the folder, by name; empty if they are too many to be a mapset."""
        return self.contents.files or {}

    @property
    def listed(self) -> bool:
        """False if the folder has too many files."""
        return self.contents.files is not None

    def is_work(self, beatmap: Beatmap) -> bool:
        """Whether a difficulty of the set is there for work on it."""
        return any(one.path == beatmap.path for one in self.work)

    @cached_property
    def stars(self) -> dict[Path, float | None]:
        """Star rating of each beatmap by its path; None if it cannot be computed."""
        return {beatmap.path: star_rating(beatmap) for beatmap in self.beatmaps}

    @cached_property
    def levels(self) -> dict[Path, Level | None]:
        """Level of each beatmap by its path."""
        return levels_of(self.beatmaps, self.stars)

    @cached_property
    def _storyboard_file(self) -> str | None:
        return next((name for name in sorted(self.files) if has_ending(name, STORYBOARD) and "/" not in name), None)

    @cached_property
    def storyboard(self) -> tuple[str, ...]:
        """Lines of the `.osb` file with variables replaced; empty if there is none."""
        name = self._storyboard_file
        try:
            content = read_file(self.path_of(name), limits.MAX_STORYBOARD_BYTES) if name else b""
        except OSError:
            return ()
        return _storyboard_lines(content.decode("utf-8-sig", errors="replace"))

    @cached_property
    def unchecked(self) -> tuple[str, ...]:
        """One line for each part of the set that is too large to be checked."""
        lines = []
        if not self.listed:
            lines.append(f"the folder holds more than {folders.MAX_FILES:,} files: no mapset; files are not checked")
        if (name := self._storyboard_file) and self.files[name] > limits.MAX_STORYBOARD_BYTES:
            lines.append(f"{name} is larger than {limits.MAX_STORYBOARD_BYTES >> 20} MB: the storyboard is not checked")
        elif len(self.storyboard) == limits.MAX_EVENTS:
            lines.append(f"{name} has more than {limits.MAX_EVENTS:,} events: those beyond are not checked")
        return tuple(lines)

    def find(self, name: str) -> str | None:
        """The file that the game opens for the name of a song, background or video; None if there is none."""
        return self.contents.find(name)

    def find_picture(self, name: str) -> str | None:
        """The same for a picture of the storyboard, whose ending may be missing."""
        return self.contents.find(name, PICTURES)

    def find_sound(self, name: str) -> str | None:
        """The same for a sample, whose ending may be missing or another."""
        return self.contents.find(name, SOUNDS, replaced=True)

    def why_not(self, name: str) -> str:
        """Why a file is not found, as in "is not in the folder"."""
        return self.contents.why_not(name)

    def path_of(self, name: str) -> Path:
        """Path of a file of :attr:`files`."""
        return self.contents.path_of(name)


class TooLarge(Exception):
    """The beatmaps of a folder are too many for a mapset; the text says of what."""


def load(folder: Path) -> list[Mapset]:
    """Read the beatmaps in a folder, without those in folders below it.

    A folder with maps of several songs (a collection) gives one mapset per song: maps with the same audio file, or the
    same artist and title, belong together. Files that cannot be read are listed in each.

    Args:
        folder: a mapset folder.

    Returns:
        Mapsets; none if no beatmap can be read.

    Raises:
        TooLarge: if there are too many or too large beatmaps to be one mapset.
    """
    beatmaps, unreadable, n_lines = list[Beatmap](), list[BeatmapError](), 0
    contents = Folder(folder)
    paths = contents.beatmaps()
    if len(paths) > limits.MAX_BEATMAPS:
        raise TooLarge(f"the folder holds more than {limits.MAX_BEATMAPS} difficulties")
    for path in paths:
        try:
            beatmap = parser.load(path)
        except BeatmapError as error:
            unreadable.append(error)
            continue
        beatmaps.append(beatmap)
        n_lines += len(beatmap.hit_objects) + len(beatmap.timing_points) + len(beatmap.events)
        if n_lines > limits.MAX_SET_LINES:
            raise TooLarge(
                f"the difficulties of the folder hold more than {limits.MAX_SET_LINES:,} objects, timing points and events"
            )
    sets: list[Mapset] = []
    if beatmaps:
        _ = contents.files  # listed now, so that everything sees the same
    for own in _by_song(beatmaps):
        others = (
            tuple(beatmap for beatmap in beatmaps if all(beatmap is not one for one in own))
            if len(own) < len(beatmaps)
            else ()
        )
        sets.append(Mapset(folder, *_apart(own), contents, tuple(unreadable), others))
    return sets


def _apart(beatmaps: Sequence[Beatmap]) -> tuple[tuple[Beatmap, ...], tuple[Beatmap, ...]]:
    """Difficulties to play, and those for work on the set. One that is alone is taken for a map."""
    work = tuple(beatmap for beatmap in beatmaps if WORK_NAMES.fullmatch(_without_signs(beatmap.version)))
    if len(work) == len(beatmaps):
        return tuple(beatmaps), ()
    return tuple(beatmap for beatmap in beatmaps if beatmap not in work), work


def _without_signs(version: str) -> str:
    return re.sub(r"^[\W_]+|[\W_]+$", "", version)


def _by_song(beatmaps: Sequence[Beatmap]) -> Iterable[list[Beatmap]]:
    groups: list[tuple[set[tuple[str, ...]], list[Beatmap]]] = []
    for beatmap in beatmaps:
        # A map without any of these belongs to no other map.
        names = {
            words
            for words in (
                ("audio", beatmap.audio_filename.casefold()),
                ("song", *(beatmap.metadata.get(key, "").casefold() for key in ("Artist", "Title"))),
            )
            if any(words[1:])
        }
        group = [beatmap]
        apart = []
        for other_names, others in groups:
            if names & other_names:
                names |= other_names
                group = [*others, *group]
            else:
                apart.append((other_names, others))
        groups = [*apart, (names, group)]
    return (group for _, group in groups)


def _storyboard_lines(text: str) -> tuple[str, ...]:
    """Event lines without indented commands, with `$variables` replaced as the game does."""
    variables: dict[str, str] = {}
    ordered: list[tuple[str, str]] | None = None
    lines, section = list[str](), ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section == "Variables" and line.startswith("$") and len(variables) < limits.MAX_VARIABLES:
            name, _, value = line.partition("=")
            variables[name], ordered = value[: limits.MAX_VARIABLE_CHARS], None
        elif section == "Events" and line and not line.startswith("//") and not raw.startswith((" ", "_")):
            if "$" in line:
                ordered = ordered or sorted(variables.items(), key=lambda item: -len(item[0]))
                for name, value in ordered:
                    line = line[: limits.MAX_EVENT_CHARS].replace(name, value)
            lines.append(line[: limits.MAX_EVENT_CHARS])
            if len(lines) == limits.MAX_EVENTS:
                break
    return tuple(lines)
