"""Read `.osu` files: text in, :class:`Beatmap` out, every object with its source line.

The reader is as forgiving as the game: a line that cannot be read costs that line, and a message names it. A file raises
:class:`BeatmapError`, with path, line and reason, only if it is no beatmap, or no red line or no object is left.
Source: https://osu.ppy.sh/wiki/en/Client/File_formats/osu_%28file_format%29 and osu!lazer's `LegacyBeatmapDecoder`.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from maimod.errors import BeatmapError
from maimod.osu import limits
from maimod.osu.beatmap import (
    MAX_BEAT_LENGTH_MS,
    MIN_BEAT_LENGTH_MS,
    Beatmap,
    Break,
    Difficulty,
    HitObject,
    Mode,
    TimingPoint,
    combo_numbers,
)
from maimod.osu.fields import LAZER_VERSION, MAX_VALUE, UNREADABLE, Skip, decimal, decimal_with_commas, integer, time_ms
from maimod.osu.folder import Folder, read_file
from maimod.osu.object_lines import ObjectLine, ObjectReader

LATEST_VERSION = 14
"""Latest format of stable."""
SECTIONS = frozenset(
    [
        "General",
        "Editor",
        "Metadata",
        "Difficulty",
        "Events",
        "TimingPoints",
        "Colours",
        "HitObjects",
        "Variables",
        "Fonts",
        "CatchTheBeat",
        "Mania",
    ]
)
SETTINGS = ("HPDrainRate", "CircleSize", "OverallDifficulty", "SliderMultiplier", "SliderTickRate")
"""Keys of [Difficulty] that the editor writes in every format."""
OTHER_KEYS = {
    "General": ("AudioFilename", "AudioLeadIn", "PreviewTime", "SampleSet", "StackLeniency", "Mode"),
    "Metadata": ("Title", "TitleUnicode", "Artist", "ArtistUnicode", "Creator", "Version", "Source", "Tags"),
    "Difficulty": ("ApproachRate",),
}
"""Keys that are noticed when they are mistyped."""
CLOSE = 0.75
"""Least likeness of a mistyped name and the one that is meant, as difflib measures it."""
CONFLICT = re.compile(r"<{7} |={7}$|>{7} ")
"""Lines that git writes into a file that two people changed."""
EARLY_FORMAT_OFFSET_MS = 24.0
"""The game adds this to the times of formats 3 and 4 (lazer, `EARLY_VERSION_TIMING_OFFSET`)."""


# ---------------------------------------------------------------------------------------------------------------------
# Finding files


def find_audio(beatmap: Beatmap) -> Path | None:
    """Path of a beatmap's song in its folder; None if it is not there. See :meth:`maimod.osu.folder.Folder.find`."""
    here = Folder(beatmap.path.parent)
    name = here.find(beatmap.audio_filename)
    return None if name is None else here.path_of(name)


# ---------------------------------------------------------------------------------------------------------------------
# Reading


def load(path: Path | str) -> Beatmap:
    """Read a `.osu` file.

    Raises:
        BeatmapError: if it cannot be read as a beatmap.
    """
    path = Path(path)
    try:
        content = read_file(path, limits.MAX_FILE_BYTES)
    except OSError as error:
        raise BeatmapError(path, None, f"cannot be read ({error.strerror or error})") from None
    return parse(content, path)


def parse(content: bytes, path: Path | str = "beatmap.osu") -> Beatmap:
    """Turn the bytes of a `.osu` file into a :class:`Beatmap`; `path` is kept and used in errors.

    Raises:
        BeatmapError: if it cannot be read as a beatmap.
    """
    return _Parser(Path(path)).parse(content)


def _decode(content: bytes, path: Path) -> tuple[str, list[str]]:
    """Decode UTF-8 (with or without BOM) or UTF-16 with BOM; other bytes are replaced and reported."""
    if not content.strip():
        raise BeatmapError(path, None, "the file is empty")
    for bom, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(bom):
            return content.decode(encoding, errors="replace"), []
    if b"\0" in content[:4096]:
        raise BeatmapError(path, None, "a binary file, not a beatmap (expected text starting with 'osu file format v')")
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return content.decode("utf-8", errors="replace"), [f"line {line}: not UTF-8; the odd bytes were replaced"]


class _Parser:
    """State of reading one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.messages: list[str] = []
        self.sections: dict[str, dict[str, str]] = {"General": {}, "Metadata": {}, "Difficulty": {}, "Colours": {}}
        self.values: dict[tuple[str, str], list[tuple[int, str]]] = {}
        """(line, value) of each (section, key), in file order."""
        self.timing_points: list[TimingPoint] = []
        self.object_lines: list[tuple[int, str]] = []
        self.breaks: list[Break] = []
        self.events: list[tuple[int, str]] = []
        self.skipped: defaultdict[tuple[str, str], _Lines] = defaultdict(_Lines)
        """Lines that are left out, by kind of line and reason."""
        self.odd_beats = _Lines()
        self.named: set[str] = set()
        """Sections that the file has."""
        self.unknown: list[tuple[int, str]] = []
        """(line, name) of sections that the format does not have."""
        self.offset = 0.0

    def fail(self, line: int | None, reason: str) -> BeatmapError:
        return BeatmapError(self.path, line, reason)

    def skip(self, kind: str, why: str, line: int) -> None:
        self.skipped[kind, why].append(line)

    def parse(self, content: bytes) -> Beatmap:
        text, notes = _decode(content, self.path)
        self.messages += notes
        # Only \n and \r\n end lines: str.splitlines would also split at U+2028 inside titles and miscount.
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        version = self.version(lines)
        self.offset = EARLY_FORMAT_OFFSET_MS if version < 5 else 0.0
        section = ""
        for number, raw in enumerate(lines, start=1):
            line = raw.strip()
            if not line or line.startswith("//"):
                continue
            if raw.startswith((" ", "_")):
                if section in SECTIONS and section not in ("Events", "Editor"):  # in [Events], commands of storyboards
                    self.skip(f"[{section}]", "beginning with a space or an underscore, as the game does", number)
                continue
            if CONFLICT.match(line):
                self.skip(f"[{section}]", "of a git conflict, to be resolved first", number)
                continue
            if section != "Metadata":
                line = _without_comment(line)
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1].strip()
                self.named.add(section)
                if section not in SECTIONS:
                    self.unknown.append((number, section[:38]))
                    meant = "; did you mean [{}]?".format(*close) if (close := _close(section, SECTIONS)) else ""
                    self.messages.append(f"line {number}: there is no section {line[:40]}; it is left out{meant}")
                continue
            self.line(section, number, line)
        return self.finish(version)

    def version(self, lines: list[str]) -> int:
        for number, raw in enumerate(lines, start=1):
            line = raw.strip().lstrip("\ufeff")
            if not line:
                continue
            prefix, separator, digits = line.partition("osu file format v")
            if separator and not prefix:
                try:
                    version = int(digits.strip())
                except ValueError:
                    raise self.fail(number, f"unknown format version {digits.strip()[:20]!r}") from None
                if version < 1:
                    raise self.fail(number, f"unknown format version {version}")
                if version > LATEST_VERSION and version != LAZER_VERSION:
                    known = LATEST_VERSION if version < LAZER_VERSION else LAZER_VERSION
                    self.messages.append(f"line {number}: format v{version} is not known; read as v{known}")
                return version
            if "[HitObjects]" in (text.strip() for text in lines):
                self.messages.append(
                    f"line {number}: no 'osu file format v…'; read as v{LATEST_VERSION}, as the game does"
                )
                return LATEST_VERSION
            raise self.fail(number, "not a beatmap: the first line must be 'osu file format v…'")
        raise self.fail(None, "the file is empty")

    def line(self, section: str, number: int, line: str) -> None:
        if section in self.sections:
            key, separator, value = line.partition(":")
            if separator:
                self.key(section, key.strip(), number, value.strip())
        elif section == "TimingPoints":
            if len(self.timing_points) >= limits.MAX_TIMING_POINTS:
                self.skip("timing point", f"beyond {limits.MAX_TIMING_POINTS:,}", number)
                return
            try:
                self.timing_points.append(self.timing_point(number, line))
            except Skip as reason:
                self.skip("timing point", str(reason), number)
        elif section == "HitObjects":
            self.object_lines.append((number, line))
            if len(self.object_lines) > limits.MAX_OBJECTS:
                raise self.fail(
                    number, f"more than {limits.MAX_OBJECTS:,} hit objects; no such map can be played or linted"
                )
        elif section == "Events":
            self.event(number, line)

    def key(self, section: str, key: str, number: int, value: str) -> None:
        values = self.sections[section]
        if key not in values and len(values) >= limits.MAX_KEYS:
            self.skip("key", f"beyond {limits.MAX_KEYS:,} of [{section}]", number)
            return
        if len(value) > limits.MAX_VALUE_CHARS:
            value = value[: limits.MAX_VALUE_CHARS]
            self.skip("key", f"beyond {limits.MAX_VALUE_CHARS:,} characters, from there on", number)
        values[key] = value
        same = self.values.setdefault((section, key), [])
        same.append((number, value))
        if len(same) > limits.MAX_SAME_KEYS:
            del same[0]  # the last counts

    def event(self, number: int, line: str) -> None:
        fields = line.split(",")
        if fields[0].strip() in ("2", "Break") and len(fields) >= 3:
            try:
                start, end = time_ms(fields[1], self.offset), time_ms(fields[2], self.offset)
                if len(self.breaks) >= limits.MAX_BREAKS:
                    raise Skip(f"beyond {limits.MAX_BREAKS:,}")
                self.breaks.append(Break(number, start, end))
            except Skip as reason:
                self.skip("break", str(reason), number)
        elif len(self.events) < limits.MAX_EVENTS:
            self.events.append((number, line))
        else:
            self.skip("event", f"beyond {limits.MAX_EVENTS:,}", number)

    def timing_point(self, number: int, line: str) -> TimingPoint:
        fields = line.split(",")
        time = time_ms(fields[0], self.offset)
        try:
            beat_length = decimal(fields[1])
            meter = 4 if len(fields) < 3 or fields[2][0] == "0" else integer(fields[2])
            sample_set = integer(fields[3]) if len(fields) > 3 else self.default_set()
            sample_index = integer(fields[4]) if len(fields) > 4 else 0
            volume = integer(fields[5]) if len(fields) > 5 else self.default_volume()
            is_red = fields[6][0] == "1" if len(fields) > 6 else beat_length > 0
            effects = integer(fields[7]) if len(fields) > 7 else 0
        except (ValueError, IndexError):
            raise Skip(UNREADABLE) from None
        # In lazer NaN on a green line means "no slider ticks"; every other value must be a number.
        if math.isinf(beat_length) or (is_red and math.isnan(beat_length)):
            raise Skip("whose beat length is not a number")
        if is_red and not MIN_BEAT_LENGTH_MS <= beat_length <= MAX_BEAT_LENGTH_MS:
            self.odd_beats.append(number)
            beat_length = min(max(beat_length, MIN_BEAT_LENGTH_MS), MAX_BEAT_LENGTH_MS)
        return TimingPoint(
            number,
            time,
            beat_length,
            meter if 1 <= meter <= 1000 else 4,
            sample_set,
            sample_index,
            min(max(volume, 0), 100),
            is_red,
            effects,
            volume,
        )

    def default_set(self) -> int:
        """Sample set of timing points that state none."""
        named = self.sections["General"].get("SampleSet", "")
        return ("Normal", "Soft", "Drum").index(named) + 1 if named in ("Normal", "Soft", "Drum") else 0

    def default_volume(self) -> int:
        """Volume of timing points that state none."""
        try:
            return integer(self.sections["General"].get("SampleVolume", ""))
        except ValueError:
            return 100

    def finish(self, version: int) -> Beatmap:
        if not self.object_lines:
            raise self.fail(*self.missing("HitObjects", "no hit objects: nothing to lint", " (is the file cut off?)"))
        lost = "".join(f" ({_skipped(*of, lines)})" for of, lines in self.skipped.items() if of[0] == "timing point")
        if not self.timing_points:
            why = "no timing points: without a beat there is nothing to compare with"
            raise self.fail(*self.missing("TimingPoints", why, lost))
        if not any(point.uninherited for point in self.timing_points):
            raise self.fail(
                self.timing_points[0].line, f"no uninherited timing point (red line) in the whole map{lost}"
            )
        general, metadata = self.sections["General"], self.sections["Metadata"]
        mode = self.mode()
        shell = Beatmap(
            self.path,
            version,
            mode,
            general,
            metadata,
            self.difficulty(mode),
            tuple(self.timing_points),
            (),
            tuple(self.breaks),
        )
        reader = ObjectReader(shell, self.offset)
        objects = self.objects(reader)
        self.note_duplicates()
        self.note_missing()
        self.messages += [_skipped(kind, why, lines) for (kind, why), lines in self.skipped.items()]
        if self.odd_beats.count:
            self.messages.append(
                f"{self.odd_beats}: beats shorter than {MIN_BEAT_LENGTH_MS:g} or longer than "
                f"{MAX_BEAT_LENGTH_MS:,.0f} ms, read as the closer of these, as the game does"
            )
        return Beatmap(
            self.path,
            version,
            shell.mode,
            general,
            metadata,
            shell.difficulty,
            shell.timing_points,
            objects,
            shell.breaks,
            tuple(self.events),
            tuple(self.messages),
            self.sections,
            tuple(reader.broken),
            {place: lines[-1][0] for place, lines in self.values.items()},
        )

    def objects(self, reader: ObjectReader) -> tuple[HitObject, ...]:
        """The objects in order of time, as the game sorts them."""
        found: list[ObjectLine] = []
        for line, text in self.object_lines:
            try:
                found.append(reader.read(line, text))
            except Skip as reason:
                self.skip("hit object", str(reason), line)
        if not found:
            (_, why), lines = next((of, lines) for of, lines in self.skipped.items() if of[0] == "hit object")
            raise self.fail(
                lines.first[0], f"none of the hit objects can be read ({_skipped('hit object', why, lines)})"
            )
        last, text = self.object_lines[-1]
        if found[-1].line != last and text.count(",") < 4:
            self.messages.append(f"line {last}: the file seems cut off here")
        found.sort(key=lambda o: o.time)
        numbers = combo_numbers([(o.time, o.kind, o.new_combo) for o in found], reader.shell.breaks)
        return tuple(
            HitObject(index, combo_number=number, **o._asdict())
            for index, (o, number) in enumerate(zip(found, numbers, strict=True))
        )

    def missing(self, section: str, reason: str, consequence: str) -> tuple[int | None, str]:
        """Line and reason of a failure for want of a section, with the one that is written in its place."""
        for line, name in self.unknown:
            if section in _close(name, SECTIONS):
                return line, f"{reason}; [{name}] should be [{section}]"
        return None, f"{reason}{consequence}{'' if section in self.named else f'; the file has no section [{section}]'}"

    def note_missing(self) -> None:
        """Name settings that every file has and this one lacks, and keys that are written with a mistake: the game leaves
        both out without a word."""
        for section, others in OTHER_KEYS.items():
            written = self.sections[section]
            wanted = [
                key for key in ((*SETTINGS, *others) if section == "Difficulty" else others) if key not in written
            ]
            mistyped = {}
            for key in written:
                if wanted and key not in OTHER_KEYS[section] and (close := _close(key, wanted)):
                    mistyped[close[0]] = key
            for key, found in mistyped.items():
                line = self.values[section, found][-1][0]
                self.messages.append(f"line {line}: {found[:40]} should be {key}; the game leaves the line out")
            lacks = [key for key in wanted if key in SETTINGS and key not in mistyped]
            if lacks and written:
                self.messages.append(f"[Difficulty] has no {', '.join(lacks)}; the game's default is used")

    def note_duplicates(self) -> None:
        twice = {place: lines for place, lines in self.values.items() if len({value for _, value in lines}) > 1}
        if twice:
            names = ", ".join(key[:40] for _, key in list(twice)[:5]) + (", …" if len(twice) > 5 else "")
            lines = sorted(line for found in twice.values() for line, _ in found[1:])
            self.messages.append(f"{_Lines(lines)}: {names} again; the last value counts, as in the game")

    def mode(self) -> Mode:
        for number, text in reversed(self.values.get(("General", "Mode"), [])):
            try:
                return Mode(integer(text))
            except ValueError:
                self.messages.append(
                    f"line {number}: there is no game mode {text[:20]!r}; the line is left out, as in the game"
                )
        return Mode.OSU

    def difficulty(self, mode: Mode) -> Difficulty:
        def read(key: str, default: float, low: float, high: float) -> float:
            values = self.values.get(("Difficulty", key), [])
            for line, text in reversed(values):
                try:
                    value = decimal_with_commas(text)
                except ValueError:
                    continue
                if abs(value) <= MAX_VALUE:
                    if "," in text:
                        self.messages.append(
                            f"line {line}: {key} is {text[:20]!r}, which the game reads as {value:g}; decimals have a point"
                        )
                    return min(max(value, low), high)
            if values:
                self.messages.append(f"line {values[-1][0]}: {key} is {values[-1][1][:20]!r}; {default:g} is used")
            return default

        overall = read("OverallDifficulty", 5.0, 0.0, 10.0)
        return Difficulty(
            read("HPDrainRate", 5.0, 0.0, 10.0),
            read("CircleSize", 5.0, *((1.0, 18.0) if mode is Mode.MANIA else (0.0, 10.0))),
            overall,
            read("ApproachRate", overall, 0.0, 10.0),  # maps of format 7 and older have none: AR follows OD
            read("SliderMultiplier", 1.4, 0.4, 3.6),
            read("SliderTickRate", 1.0, 0.5, 8.0),
        )


def _close(name: str, known: Iterable[str]) -> list[str]:
    """The known name that is most like a mistyped one, if there is one."""
    return get_close_matches(name, list(known), n=1, cutoff=CLOSE)


_BEFORE_COMMENT = re.compile(r'(?:[^"/]|"[^"]*(?:"|$)|/(?!/))*+')  # +: remembers no way back, which would fill memory


def _without_comment(line: str) -> str:
    """A line up to `//`; a path in quotes keeps its slashes."""
    if "//" not in line:
        return line
    found = _BEFORE_COMMENT.match(line)
    return found[0].rstrip() if found else line


class _Lines:
    """Numbers of lines, of which a message names the first few."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self.count, self.first = 0, list[int]()
        for number in numbers:
            self.append(number)

    def append(self, number: int) -> None:
        self.count += 1
        if len(self.first) < 5:
            self.first.append(number)

    def __str__(self) -> str:
        """`line 3`, `lines 3, 5, 8`."""
        return (
            f"line{'s' * (self.count > 1)} "
            + ", ".join(map(str, self.first))
            + (", …" if self.count > len(self.first) else "")
        )


def _skipped(kind: str, why: str, lines: _Lines) -> str:
    return f"skipped {lines.count} {kind} line{'s' * (lines.count > 1)} {why} ({lines})"
