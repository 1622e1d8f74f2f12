"""Read `.osu` files: text in, :class:`Beatmap` out, every object with its source line.

The reader is as forgiving as the game: a line that cannot be read costs that line, and a message names it. A file raises
:class:`BeatmapError`, with path, line and reason, only if it is no beatmap, or no red line or no object is left.
Source: https://osu.ppy.sh/wiki/en/Client/File_formats/osu_%28file_format%29 and osu!lazer's `LegacyBeatmapDecoder` and
`ConvertHitObjectParser`.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from maimod.errors import BeatmapError
from maimod.osu import limits, slider_path
from maimod.osu.beatmap import (
    MAX_TIME_MS,
    Beatmap,
    Break,
    BrokenSlider,
    Difficulty,
    HitObject,
    HitSample,
    Mode,
    ObjectKind,
    SliderPath,
    TimingPoint,
    combo_numbers,
)
from maimod.osu.folder import Folder, read_file

MAX_DEGREE = 16
"""Of a B-spline; lazer's editor writes 4."""
MAX_COORDINATE = 131_072  # lazer, `Parsing.MAX_COORDINATE_VALUE`
MAX_VALUE = 2_147_483_647  # of 32 bits
LATEST_VERSION = 14
"""Latest format of stable."""
LAZER_VERSION = 128
"""First format of lazer; positions have decimals from here on."""
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
MIN_BEAT_LENGTH_MS, MAX_BEAT_LENGTH_MS = 6.0, 60_000.0
"""Limits of the beat of a red line; the game replaces others, also negative ones, by the closer limit (lazer,
`TimingControlPoint`)."""
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


def _number(text: str) -> float:
    """Read a decimal as the game does; NaN and infinity are allowed here and checked where the value is used."""
    if "_" in text or not text.isascii():  # which Python allows within numbers
        raise ValueError(f"not a number: {text[:40]}")
    return float(text)


def _with_thousands(text: str) -> float:
    """The same where the game ignores commas in front of the point, so that 4,2 is 42."""
    whole, point, rest = text.partition(".")
    return _number(whole[:1] + whole[1:].replace(",", "") + point + rest)


_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)


def _integer(text: str) -> int:
    """Read an integer as the game does: it takes no decimals, not even .0.

    Raises:
        ValueError: if it is none.
    """
    value = int(text) if len(text) < 40 and _INTEGER.fullmatch(text) else MAX_VALUE + 1
    if not -MAX_VALUE - 1 <= value <= MAX_VALUE:
        raise ValueError(f"not a whole number: {text[:40]}")
    return value


def _integer_or_0(text: str) -> int:
    """Read an integer of a field in which the game takes anything else for 0."""
    try:
        return _integer(text)
    except ValueError:
        return 0


class _Skip(Exception):
    """A line that is left out; the message is why, as in "skipped 2 timing point lines that cannot be read"."""


UNREADABLE = "that cannot be read"
NO_TIME = "at a time that is not a number or beyond 10 hours"


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
            except _Skip as reason:
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
                start, end = self.time(fields[1]), self.time(fields[2])
                if len(self.breaks) >= limits.MAX_BREAKS:
                    raise _Skip(f"beyond {limits.MAX_BREAKS:,}")
                self.breaks.append(Break(number, start, end))
            except _Skip as reason:
                self.skip("break", str(reason), number)
        elif len(self.events) < limits.MAX_EVENTS:
            self.events.append((number, line))
        else:
            self.skip("event", f"beyond {limits.MAX_EVENTS:,}", number)

    def time(self, text: str) -> float:
        """A time of the file as the game has it [ms]."""
        try:
            time = _number(text)
        except ValueError:
            raise _Skip(UNREADABLE) from None
        if not abs(time) <= MAX_TIME_MS:  # also true for NaN
            raise _Skip(NO_TIME)
        return time + self.offset

    def timing_point(self, number: int, line: str) -> TimingPoint:
        fields = line.split(",")
        time = self.time(fields[0])
        try:
            beat_length = _number(fields[1])
            meter = 4 if len(fields) < 3 or fields[2][0] == "0" else _integer(fields[2])
            sample_set = _integer(fields[3]) if len(fields) > 3 else self.default_set()
            sample_index = _integer(fields[4]) if len(fields) > 4 else 0
            volume = _integer(fields[5]) if len(fields) > 5 else self.default_volume()
            is_red = fields[6][0] == "1" if len(fields) > 6 else beat_length > 0
            effects = _integer(fields[7]) if len(fields) > 7 else 0
        except (ValueError, IndexError):
            raise _Skip(UNREADABLE) from None
        # In lazer NaN on a green line means "no slider ticks"; every other value must be a number.
        if math.isinf(beat_length) or (is_red and math.isnan(beat_length)):
            raise _Skip("whose beat length is not a number")
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
            return _integer(self.sections["General"].get("SampleVolume", ""))
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
        reader = _Objects(self, shell)
        objects = reader.read()
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
                return Mode(_integer(text))
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
                    value = _with_thousands(text)
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


class _Read(NamedTuple):
    """A hit object before it has its place among the others; fields as in :class:`HitObject`."""

    line: int
    kind: ObjectKind
    time: float
    end_time: float
    x: float
    y: float
    new_combo: bool
    combo_skip: int
    hitsound: int
    sample: HitSample
    slider: SliderPath | None


class _Objects:
    """Reads `[HitObjects]`; timing points and mode must be known before."""

    def __init__(self, parser: _Parser, shell: Beatmap) -> None:
        self.parser, self.shell = parser, shell
        self.slides_left, self.points_left = limits.MAX_SLIDES, limits.MAX_CONTROL_POINTS
        self.broken: list[BrokenSlider] = []

    def read(self) -> tuple[HitObject, ...]:
        """The objects in order of time, as the game sorts them."""
        found: list[_Read] = []
        for line, text in self.parser.object_lines:
            try:
                found.append(self.hit_object(line, text))
            except _Skip as reason:
                self.parser.skip("hit object", str(reason), line)
        if not found:
            (_, why), lines = next((of, lines) for of, lines in self.parser.skipped.items() if of[0] == "hit object")
            raise self.parser.fail(
                lines.first[0], f"none of the hit objects can be read ({_skipped('hit object', why, lines)})"
            )
        last, text = self.parser.object_lines[-1]
        if found[-1].line != last and text.count(",") < 4:
            self.parser.messages.append(f"line {last}: the file seems cut off here")
        found.sort(key=lambda o: o.time)
        numbers = combo_numbers([(o.time, o.kind, o.new_combo) for o in found], self.shell.breaks)
        return tuple(
            HitObject(index, *o[:8], number, *o[8:])
            for index, (o, number) in enumerate(zip(found, numbers, strict=True))
        )

    def hit_object(self, line: int, text: str) -> _Read:
        fields = text.split(",")
        if len(fields) < 5:
            raise _Skip(UNREADABLE)
        time = self.parser.time(fields[2])
        try:
            x, y = self.coordinate(fields[0]), self.coordinate(fields[1])
            bits, hitsound = _integer(fields[3]), _integer(fields[4])
            kind, end_time, sample, slider = self.body(bits, fields, x, y, time)
        except (ValueError, IndexError):
            if _says_slider(fields):
                self.broken.append(BrokenSlider(line, time, "it cannot be read", is_left_out=True))
            raise _Skip(UNREADABLE) from None
        if not abs(end_time) <= MAX_TIME_MS:
            raise _Skip("whose end is not a number or beyond 10 hours")
        if slider is not None and len(fields) > 7 and (length := _number(fields[7])) < 0:
            self.broken.append(BrokenSlider(line, time, f"its length is {length:g} px", is_left_out=False))
        return _Read(
            line, kind, time, max(end_time, time), x, y, bool(bits & 4), bits >> 4 & 7, hitsound, sample, slider
        )

    def coordinate(self, text: str) -> float:
        """A coordinate; before lazer's format they are whole pixels, and decimals are cut off."""
        value = _number(text)
        if not abs(value) <= MAX_COORDINATE:  # false for NaN too
            raise _Skip(f"whose coordinates are not numbers or beyond ±{MAX_COORDINATE:,}")
        return value if self.shell.format_version >= LAZER_VERSION else float(int(value))

    def body(
        self, bits: int, fields: list[str], x: float, y: float, time: float
    ) -> tuple[ObjectKind, float, HitSample, SliderPath | None]:
        if bits & 1:
            return ObjectKind.CIRCLE, time, self.sample(fields, 5), None
        if bits & 2:
            sample = self.sample(fields, 10)
            slider = self.slider(fields, x, y, sample)
            return ObjectKind.SLIDER, time + self.shell.slider_duration(slider, time), sample, slider
        if bits & 8:
            return ObjectKind.SPINNER, _number(fields[5]) + self.parser.offset, self.sample(fields, 6), None
        if bits & 128:
            if self.shell.mode is not Mode.MANIA:
                raise _Skip("of hold notes, which only mania has")
            if len(fields) < 6 or not fields[5]:
                return ObjectKind.HOLD, time, HitSample(), None
            end, _, rest = fields[5].partition(":")
            return ObjectKind.HOLD, _number(end) + self.parser.offset, self.sample([rest], 0), None
        raise _Skip(UNREADABLE)

    @staticmethod
    def sample(fields: list[str], place: int) -> HitSample:
        if len(fields) <= place or not fields[place].strip():
            return HitSample()
        parts = fields[place].split(":", 4)
        index, volume = (_integer(part) if part else 0 for part in [*parts[2:4], "", ""][:2])
        name = parts[4].strip() if len(parts) > 4 else ""
        return HitSample(_integer(parts[0]), _integer(parts[1]), index, max(volume, 0), name)

    def slider(self, fields: list[str], x: float, y: float, sample: HitSample) -> SliderPath:
        points, types = self.path(fields[5], (x, y))
        slides = max(1, _integer(fields[6]))
        if slides > limits.MAX_SLIDES_OF_ONE:
            raise _Skip(f"of sliders with more than {limits.MAX_SLIDES_OF_ONE:,} slides")
        if slides > self.slides_left or len(points) > self.points_left:
            raise _Skip(
                f"of sliders beyond {limits.MAX_SLIDES:,} slides or {limits.MAX_CONTROL_POINTS:,} control points in all"
            )
        if len(points) > limits.MAX_POINTS_OF_ONE:
            raise _Skip(f"of sliders with more than {limits.MAX_POINTS_OF_ONE:,} control points")
        self.slides_left, self.points_left = self.slides_left - slides, self.points_left - len(points)
        length = _number(fields[7]) if len(fields) > 7 else 0.0
        if not abs(length) <= MAX_COORDINATE:  # false for NaN too
            raise _Skip(f"of sliders whose length is not a number or beyond {MAX_COORDINATE:,}")
        curve, segments = types[0][1] if types else "B", tuple(types[1:])
        if length <= 0:  # as long as its path
            path = SliderPath(curve, points, 1, 0.0, segment_types=segments)
            length = slider_path.flatten(path).natural_length
        sounds, sets = (_edges(fields[place], slides) if len(fields) > place else [] for place in (8, 9))
        return SliderPath(
            curve,
            points,
            slides,
            length,
            tuple(_integer_or_0(part) for part in sounds),
            tuple(self.edge_sets(sets, slides, sample)),
            segments,
        )

    def edge_sets(self, texts: Sequence[str], slides: int, sample: HitSample) -> Iterator[tuple[int, int]]:
        """Sample sets of the edges; of one that states none, those of the slider.

        One that cannot be read counts as 0, so that the slider is kept.
        """
        for edge, text in enumerate(texts):
            try:
                one = self.sample([text], 0) if text else sample
            except (ValueError, IndexError):
                if edge > slides:
                    return  # the game reads no more than there are edges
                yield 0, 0
                continue
            yield one.normal_set, one.addition_set

    def path(
        self, text: str, head: tuple[float, float]
    ) -> tuple[tuple[tuple[float, float], ...], list[tuple[int, str]]]:
        """Read `B|1:2|3:4|L|5:6`: the control points, the head first, and (index of its first point, type) of each
        curve.

        Raises:
            ValueError: if a point cannot be read.
        """
        points, types = [head], list[tuple[int, str]]()
        for part in text.split("|"):
            part = part.strip()
            if part[0].isalpha() and ":" not in part:  # IndexError if it is empty
                curve = _curve(part)
                at = len(points) if len(points) > 1 else 0
                if types and types[-1][0] == at:  # no points since the last type
                    types.pop()
                types.append((at, curve))
            else:
                x, y = part.split(":")[:2]
                points.append((self.coordinate(x), self.coordinate(y)))
        if len(types) > 1 and types[-1][0] == len(points):
            types.pop()
        return tuple(points), types


def _says_slider(fields: list[str]) -> bool:
    """Whether a line of `[HitObjects]` is that of a slider."""
    return len(fields) > 5 and bool(_integer_or_0(fields[3]) & 2)


def _edges(text: str, slides: int) -> list[str]:
    """What a field states of each edge, and the last entry of one that states more: the published models use that."""
    found = text.split("|") if text else []
    return [*found[: slides + 1], *(found[-1:] if len(found) > slides + 1 else [])]


def _curve(text: str) -> str:
    """Type of a curve. The game takes every letter that it does not know for Catmull; a number makes a Bezier curve a
    B-spline of that degree.

    Raises:
        ValueError: if the degree is larger than any that is drawn.
    """
    if text[0] != "B":
        return text[0] if text[0] in "LP" else "C"
    degree = _integer_or_0(text[1:])
    if degree > MAX_DEGREE:
        raise ValueError("degree out of bounds")
    return f"B{degree}" if degree > 0 else "B"
