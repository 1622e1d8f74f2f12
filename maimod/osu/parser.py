"""Read `.osu` files: text in, :class:`Beatmap` out, every object with its source line.

Errors that the game tolerates are tolerated; a file that cannot be linted raises :class:`BeatmapError` with path, line
and reason.
Source: https://osu.ppy.sh/wiki/en/Client/File_formats/osu_%28file_format%29 and osu!lazer's `LegacyBeatmapDecoder`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from maimod.osu.beatmap import (
    MAX_TIME_MS,
    Beatmap,
    Break,
    Difficulty,
    HitObject,
    HitSample,
    Mode,
    ObjectKind,
    SliderPath,
    TimingPoint,
)

MAX_FILE_BYTES = 64 * 1024 * 1024  # the largest marathon in circulation is under 10 MB
MAX_OBJECTS = 100_000
"""The longest ranked marathons have about 15,000 hit objects."""
MAX_COORDINATE = 131_072  # lazer, `Parsing.MAX_COORDINATE_VALUE`
LATEST_VERSION = 14
"""Latest format of stable; lazer's is 128."""
MIN_BEAT_LENGTH_MS = 6.0
"""Shortest beat of a red line; the game replaces shorter and negative ones by it (lazer, `TimingControlPoint`)."""


class BeatmapError(Exception):
    """A `.osu` file that cannot be linted; the message is `path:line: reason`."""

    def __init__(self, path: Path | str, line: int | None, reason: str) -> None:
        super().__init__(path, line, reason)
        self.path, self.line, self.reason = Path(path), line, reason

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        return f"{place}: {self.reason}"


# ---------------------------------------------------------------------------------------------------------------------
# Finding files


def find_audio(beatmap: Beatmap) -> Path | None:
    """Path of a beatmap's song in its folder, ignoring case as the game on Windows does.

    A path out of the mapset folder is not followed, because maps are not trusted.
    """
    name = beatmap.audio_filename.strip().strip('"').replace("\\", "/")
    if not name:
        return None
    folder = beatmap.path.parent
    for part in name.split("/"):
        if part in ("", "."):
            continue
        if part == ".." or not folder.is_dir():
            return None
        exact = folder / part
        try:
            if not exact.exists():
                exact = next((p for p in sorted(folder.iterdir()) if p.name.casefold() == part.casefold()), exact)
        except OSError:
            return None
        folder = exact
    return folder if folder.is_file() else None


# ---------------------------------------------------------------------------------------------------------------------
# Reading


def load(path: Path | str) -> Beatmap:
    """Read a `.osu` file.

    Raises:
        BeatmapError: if it cannot be read as a beatmap.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BeatmapError(path, None, f"larger than {MAX_FILE_BYTES >> 20} MB: not a beatmap")
        content = path.read_bytes()
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
    return float(text.strip())


def _integer(text: str) -> int:
    """Read an integer; decimals, which occur in old and converted maps, are truncated."""
    try:
        return int(text)
    except ValueError:
        return int(float(text))


class _Parser:
    """State of reading one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.messages: list[str] = []
        self.sections: dict[str, dict[str, str]] = {"General": {}, "Metadata": {}, "Difficulty": {}, "Colours": {}}
        self.key_lines: dict[tuple[str, str], int] = {}
        self.timing_points: list[TimingPoint] = []
        self.object_lines: list[tuple[int, str]] = []
        self.breaks: list[Break] = []
        self.events: list[tuple[int, str]] = []
        self.skipped: dict[str, list[int]] = {}
        self.short_beats: list[int] = []

    def fail(self, line: int | None, reason: str) -> BeatmapError:
        return BeatmapError(self.path, line, reason)

    def skip(self, what: str, line: int) -> None:
        self.skipped.setdefault(what, []).append(line)

    def parse(self, content: bytes) -> Beatmap:
        text, notes = _decode(content, self.path)
        self.messages += notes
        # Only \n and \r\n end lines: str.splitlines would also split at U+2028 inside titles and miscount.
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        version = self.version(lines)
        section = ""
        for number, raw in enumerate(lines, start=1):
            line = raw.strip()
            if not line or line.startswith("//"):
                continue
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
                continue
            self.line(section, number, raw, line)
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
                if not (3 <= version <= 14 or version == 128):
                    raise self.fail(number, f"format v{version} is not supported (v3 to v14 and v128 are)")
                return version
            if "[HitObjects]" in (text.strip() for text in lines):
                self.messages.append(
                    f"line {number}: no 'osu file format v…'; read as v{LATEST_VERSION}, as the game does"
                )
                return LATEST_VERSION
            raise self.fail(number, "not a beatmap: the first line must be 'osu file format v…'")
        raise self.fail(None, "the file is empty")

    def line(self, section: str, number: int, raw: str, line: str) -> None:
        if section in self.sections:
            key, separator, value = line.partition(":")
            if separator and key.strip() not in self.sections[section]:
                self.sections[section][key.strip()] = value.strip()
                self.key_lines[section, key.strip()] = number
        elif section == "TimingPoints":
            self.timing_point(number, line)
        elif section == "HitObjects":
            self.object_lines.append((number, line))
            if len(self.object_lines) > MAX_OBJECTS:
                raise self.fail(number, f"more than {MAX_OBJECTS:,} hit objects; no such map can be played or linted")
        elif section == "Events":
            self.event(number, raw, line)

    def event(self, number: int, raw: str, line: str) -> None:
        fields = line.split(",")
        if fields[0] in ("2", "Break") and len(fields) >= 3:
            try:
                self.breaks.append(Break(number, _number(fields[1]), _number(fields[2])))
            except ValueError:
                self.skip("break", number)
        elif not raw.startswith((" ", "_")):  # indented lines are storyboard commands
            self.events.append((number, line))

    def timing_point(self, number: int, line: str) -> None:
        fields = [part.strip() for part in line.split(",")]
        try:
            time, beat_length = _number(fields[0]), _number(fields[1])
            given = [_integer(part) if part else None for part in fields[2:8]] + [None] * 6
        except (ValueError, IndexError, OverflowError):
            self.skip("timing point", number)
            return
        meter, sample_set, sample_index, volume = (
            default if value is None else value for value, default in zip(given, (4, 0, 0, 100), strict=False)
        )
        uninherited, effects = given[4], given[5] or 0
        if not math.isfinite(time):
            raise self.fail(number, f"timing point at {fields[0]} ms: not a time")
        if abs(time) > MAX_TIME_MS:
            self.skip("timing point", number)
            return
        is_red = beat_length > 0 if uninherited is None else uninherited == 1
        if is_red and (not math.isfinite(beat_length) or beat_length == 0):
            raise self.fail(number, f"timing point with a beat length of {fields[1]} ms; it must be a number above 0")
        if is_red and beat_length < MIN_BEAT_LENGTH_MS:
            self.short_beats.append(number)
            beat_length = MIN_BEAT_LENGTH_MS
        # In lazer NaN on a green line means "no slider ticks"; every other value must be a number.
        if not is_red and math.isinf(beat_length):
            raise self.fail(number, f"inherited timing point with a beat length of {fields[1]}")
        self.timing_points.append(
            TimingPoint(
                number,
                time,
                beat_length,
                meter if 1 <= meter <= 1000 else 4,
                sample_set,
                sample_index,
                min(max(volume, 0), 100),
                is_red,
                effects,
            )
        )

    def finish(self, version: int) -> Beatmap:
        if not self.object_lines:
            raise self.fail(None, "no hit objects: nothing to lint (is the file cut off?)")
        if not self.timing_points:
            raise self.fail(None, "no timing points: without a beat there is nothing to compare with")
        if not any(point.uninherited for point in self.timing_points):
            raise self.fail(self.timing_points[0].line, "no uninherited timing point (red line) in the whole map")
        general, metadata = self.sections["General"], self.sections["Metadata"]
        try:
            mode = Mode(_integer(general.get("Mode", "0") or "0"))
        except ValueError:
            raise self.fail(None, f"unknown game mode {general['Mode']!r} in [General]") from None
        shell = Beatmap(
            self.path,
            version,
            mode,
            general,
            metadata,
            self.difficulty(),
            tuple(self.timing_points),
            (),
            tuple(self.breaks),
        )
        objects = tuple(_Objects(self, shell).read())
        for what, lines in self.skipped.items():
            self.messages.append(
                f"skipped {len(lines)} {what} line{'s' * (len(lines) > 1)} that cannot be read ({_lines(lines)})"
            )
        if self.short_beats:
            self.messages.append(
                f"{_lines(self.short_beats)}: beats shorter than {MIN_BEAT_LENGTH_MS:g} ms, taken for "
                f"{MIN_BEAT_LENGTH_MS:g} ms as the game does"
            )
        return Beatmap(
            self.path,
            version,
            mode,
            general,
            metadata,
            shell.difficulty,
            shell.timing_points,
            objects,
            shell.breaks,
            tuple(self.events),
            tuple(self.messages),
            self.sections,
            self.key_lines,
        )

    def difficulty(self) -> Difficulty:
        section = self.sections["Difficulty"]

        def read(key: str, default: float, low: float, high: float) -> float:
            try:
                value = _number(section[key])
            except KeyError:
                return default
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                self.messages.append(f"{key} is {section[key][:20]!r}; {default:g} is used")
                return default
            return min(max(value, low), high)

        overall = read("OverallDifficulty", 5.0, 0.0, 10.0)
        return Difficulty(
            read("HPDrainRate", 5.0, 0.0, 10.0),
            read("CircleSize", 5.0, 0.0, 18.0),
            overall,
            read("ApproachRate", overall, 0.0, 10.0),  # maps of format 7 and older have none: AR follows OD
            read("SliderMultiplier", 1.4, 0.4, 3.6),
            read("SliderTickRate", 1.0, 0.5, 8.0),
        )


def _lines(numbers: Sequence[int]) -> str:
    """Write `line 3, 5, 8`, naming the first few."""
    return "line " + ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")


class _Objects:
    """Reads `[HitObjects]`; timing points and mode must be known before."""

    def __init__(self, parser: _Parser, shell: Beatmap) -> None:
        self.parser, self.shell = parser, shell
        self.combo_number = 0
        self.after_spinner = False

    def read(self) -> Iterator[HitObject]:
        index = 0
        for line, text in self.parser.object_lines:
            hit_object = self.hit_object(index, line, text)
            if hit_object is not None:
                yield hit_object
                index += 1
        if not index:
            raise self.parser.fail(self.parser.object_lines[0][0], "none of the hit objects can be read")

    def hit_object(self, index: int, line: int, text: str) -> HitObject | None:
        fields = text.split(",")
        try:
            x, y, time = _number(fields[0]), _number(fields[1]), _number(fields[2])
            bits = _integer(fields[3])
            hitsound = _integer(fields[4]) if len(fields) > 4 and fields[4].strip() else 0
        except (ValueError, IndexError, OverflowError):
            self.unreadable(line, text)
            return None
        if not math.isfinite(time) or abs(time) > MAX_TIME_MS:
            raise self.parser.fail(line, f"hit object at {fields[2].strip()} ms: no song is that long (limit 10 hours)")
        if not (abs(x) <= MAX_COORDINATE and abs(y) <= MAX_COORDINATE):  # false for NaN too
            raise self.parser.fail(
                line, f"hit object at ({fields[0]}, {fields[1]}): coordinates beyond ±{MAX_COORDINATE}"
            )
        try:
            kind, end_time, sample, slider = self.body(bits, fields, x, y, time)
        except (ValueError, IndexError, OverflowError):
            self.unreadable(line, text)
            return None
        if kind is None:
            self.unreadable(line, text)
            return None
        if not math.isfinite(end_time) or abs(end_time) > MAX_TIME_MS:
            raise self.parser.fail(
                line, "the hit object's end lies beyond 10 hours; its length or velocity cannot be right"
            )
        new_combo = bool(bits & 4)
        self.count_combo(kind, new_combo, index)
        return HitObject(
            index,
            line,
            kind,
            time,
            max(end_time, time),
            x,
            y,
            new_combo,
            bits >> 4 & 7,
            self.combo_number,
            hitsound,
            sample,
            slider,
        )

    def unreadable(self, line: int, text: str) -> None:
        """Skip an unreadable line, as the game does; if it is the last one, the file was cut off."""
        if line == self.parser.object_lines[-1][0] and text.count(",") < 4:
            raise self.parser.fail(line, f"cannot read hit object {text[:60]!r}: the file seems cut off here")
        self.parser.skip("hit object", line)

    def count_combo(self, kind: ObjectKind, new_combo: bool, index: int) -> None:
        """Numbers shown in the editor: a combo starts at the flag, at the first object and after a spinner."""
        if new_combo or index == 0 or self.after_spinner or kind is ObjectKind.SPINNER:
            self.combo_number = 0
        self.combo_number += 1
        self.after_spinner = kind is ObjectKind.SPINNER

    def body(
        self, bits: int, fields: list[str], x: float, y: float, time: float
    ) -> tuple[ObjectKind | None, float, HitSample, SliderPath | None]:
        if bits & 1:
            return ObjectKind.CIRCLE, time, self.sample(fields, 5), None
        if bits & 2:
            slider = self.slider(fields, x, y)
            return ObjectKind.SLIDER, time + self.shell.slider_duration(slider, time), self.sample(fields, 10), slider
        if bits & 8:
            return ObjectKind.SPINNER, _number(fields[5]), self.sample(fields, 6), None
        if bits & 128:
            end, _, sample = (fields[5] if len(fields) > 5 else "").partition(":")
            return ObjectKind.HOLD, _number(end) if end.strip() else time, self.sample([sample], 0), None
        return None, time, HitSample(), None

    @staticmethod
    def sample(fields: list[str], place: int) -> HitSample:
        if len(fields) <= place or not fields[place].strip():
            return HitSample()
        parts = fields[place].split(":", 4)
        numbers = []
        for part in (parts + ["0"] * 4)[:4]:
            try:
                numbers.append(_integer(part) if part.strip() else 0)
            except ValueError:
                numbers.append(0)
        normal_set, addition_set, index, volume = numbers
        return HitSample(normal_set, addition_set, index, volume, parts[4].strip() if len(parts) > 4 else "")

    @staticmethod
    def slider(fields: list[str], x: float, y: float) -> SliderPath:
        curve, points, segments = "", [(x, y)], []
        for part in fields[5].split("|"):
            part = part.strip()
            if part[:1].isalpha():
                letter = part[0].upper()
                if curve:
                    segments.append((len(points), letter))
                else:
                    curve = letter
            elif part:
                px, _, py = part.partition(":")
                point = _number(px), _number(py)
                if not all(abs(value) <= MAX_COORDINATE for value in point):
                    raise ValueError("control point out of bounds")
                points.append(point)
        slides = max(1, _integer(fields[6]))
        if slides > 9000:  # lazer, `ConvertHitObjectParser`
            raise ValueError("too many slides")
        length = _number(fields[7]) if len(fields) > 7 and fields[7].strip() else _polyline_length(points)
        if not 0 <= length <= MAX_COORDINATE:
            length = _polyline_length(points)
        sounds: list[int] = []
        if len(fields) > 8 and fields[8].strip():
            sounds = [_integer(part) if part.strip() else 0 for part in fields[8].split("|")]
        sets: list[tuple[int, int]] = []
        if len(fields) > 9 and fields[9].strip():
            for part in fields[9].split("|"):
                normal, _, addition = part.partition(":")
                sets.append((_integer(normal or "0"), _integer(addition.split(":")[0] or "0")))
        return SliderPath(curve or "B", tuple(points), slides, length, tuple(sounds), tuple(sets), tuple(segments))


def _polyline_length(points: Sequence[tuple[float, float]]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(points))
