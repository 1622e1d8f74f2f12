"""Results of a lint: findings, reports per beatmap, and editor timestamps.

Conventions: times in ms, information in bits. The JSON names are documented in docs/json-report.md and stay stable.
Source of the timestamp form: https://osu.ppy.sh/wiki/en/Modding/Timestamp and lazer's `EditorTimestampParser`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec

from maimod.osu.beatmap import Beatmap, HitObject, Mode
from maimod.osu.folder import ARCHIVES, BEATMAP

SCHEMA = "maimod-report/1"
LIKELY, MAYBE = 0.7, 0.4
"""An estimate is likely from this score on, and one that may be real from the second."""
MAX_NAMED_OBJECTS = 30
"""A timestamp of more objects than this names none of them."""


class Severity(StrEnum):
    """Severity of a finding, with the names of Mapset Verifier and lazer's Verify."""

    PROBLEM = "problem"
    WARNING = "warning"
    MINOR = "minor"

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return list(Severity).index(self)


class Tier(StrEnum):
    """Kind of evidence that a rule rests on."""

    EXACT = "exact"
    """Arithmetic of the file, the ranking criteria, the files of the set: always reported; no network, habit or
    estimate lowers or hides it."""
    ESTIMATED = "estimated"
    """A model, the song, or habits of the map: never a problem."""


class Scope(StrEnum):
    """How much of a mapset a finding concerns."""

    SET = "set"
    """Files, names or settings of several difficulties: the difficulty that reports it and its time have no meaning."""
    DIFFICULTY = "difficulty"
    """Settings or files of one difficulty: its time has no meaning."""
    PLACE = "place"
    """A time in one difficulty."""


class Category(StrEnum):
    """Categories of findings, in report order."""

    RHYTHM = "rhythm"
    TIMING = "timing"
    POSITIONS = "positions"
    NEW_COMBOS = "new-combos"
    SLIDERS = "sliders"
    HITSOUNDS = "hitsounds"
    SCROLL_SPEED = "scroll-speed"
    KIAI = "kiai"
    MAPSET = "mapset"
    """The set as a whole: files, metadata, settings, spread, differences between difficulties."""
    SUBMISSION = "submission"
    """What the upload server refuses."""


class Expected(msgspec.Struct, frozen=True):
    """A value that is likelier than the map's by the evidence; never a fix."""

    text: str
    probability: float | None = None
    """The model's probability; None if the evidence is arithmetic or audio."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at, with the evidence for it."""

    rule: str
    """`category/name`, as listed by `maimod rules`."""
    category: Category
    severity: Severity
    score: float
    """0 to 1: how likely the finding is real; see docs/how-scores-work.md."""
    message: str
    time: float
    timestamp: str
    """Editor timestamp, `MM:SS:mmm (1,2) -`."""
    line: int
    """1-based line of the `.osu` file."""
    objects: tuple[int, ...] = ()
    """0-based indices of the hit objects in order of time; empty for the whole map."""
    end_time: float | None = None
    surprisal: float | None = None
    """Bits; None without model evidence."""
    entropy: float | None = None
    """Bits."""
    actual: str = ""
    expected: tuple[Expected, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    """Numbers a reader can check, by name; plain JSON values."""
    id: str = ""
    """Stable fingerprint."""
    tier: Tier = Tier.ESTIMATED
    """Of its rule."""
    scope: Scope = Scope.PLACE

    def __post_init__(self) -> None:
        """Convert numpy numbers to Python's, for reports, caches and other processes."""
        for name in ("score", "time", "end_time", "surprisal", "entropy"):
            value = plain(getattr(self, name))
            object.__setattr__(self, name, None if value is None else float(value))
        object.__setattr__(self, "objects", tuple(int(index) for index in self.objects))
        object.__setattr__(self, "evidence", plain(self.evidence))

    @property
    def confidence(self) -> str:
        """`fact`, or how likely an estimate is real: `likely 84 %`, `maybe 55 %` or `unsure 22 %`."""
        if self.tier is Tier.EXACT:
            return "fact"
        # Rounded down, so that 79.7 % is not shown as the 80 % from which there are warnings.
        percent = min(max(int(100 * self.score + 1e-9), 1), 99)
        word = "likely" if percent >= 100 * LIKELY else "maybe" if percent >= 100 * MAYBE else "unsure"
        return f"{word} {percent} %"

    @property
    def place(self) -> str:
        """The timestamp; empty for what is at no time in the map."""
        return self.timestamp if self.scope is Scope.PLACE else ""

    @property
    def link(self) -> str:
        """`osu://edit/...`, opens the editor at the finding."""
        return editor_link(self.timestamp)


class ModelInfo(msgspec.Struct, frozen=True):
    """The model used."""

    id: str
    """Name of the checkpoint, with " + " and the name of the low-rank adapter that was merged into it, if any."""
    family: str
    device: str
    precision: str


@dataclass(frozen=True, slots=True)
class BeatmapReport:
    """The outcome for one `.osu` file."""

    path: str
    """As given, or relative to the folder given, with forward slashes."""
    status: str
    """ok, partial (something could not be checked; `messages` says what) or error (could not be read)."""
    messages: tuple[str, ...] = ()
    title: str = ""
    artist: str = ""
    creator: str = ""
    version: str = ""
    mode: str = ""
    audio: str | None = None
    objects: int = 0
    drain_ms: float = 0.0
    events: int = 0
    unexplained: int = 0
    """Number of objects with surprising events that no finding mentions."""
    findings: tuple[Finding, ...] = ()
    """In order of time."""
    file: str = ""
    """Path from the working directory (absolute on another drive), with forward slashes; inside an archive
    `set.osz/name.osu`."""
    fainter: int = 0
    """Number of estimates with a score below that of listed ones, which are not among `findings`."""
    stars: float | None = None
    """Star rating; None if it cannot be computed."""

    @property
    def location(self) -> str:
        """Path for editors and annotations."""
        return self.file or self.path

    @property
    def mapset(self) -> str:
        """Path of its folder or archive."""
        path = PurePosixPath(self.location)
        if path.suffix.lower() != BEATMAP:  # an archive or a folder of which nothing could be read, or stdin
            return path.as_posix()
        archive = next((parent for parent in path.parents if parent.suffix.lower() in ARCHIVES), None)
        return (archive or path.parent).as_posix()


class Shard(msgspec.Struct, frozen=True):
    """The part of a run that a report is."""

    number: int
    """From 1."""
    of: int
    order: tuple[int, ...] = ()
    """Place of each beatmap of the report in the whole run, from 0."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a lint."""

    version: str
    """Of maimod."""
    model: ModelInfo | None
    beatmaps: tuple[BeatmapReport, ...]
    unfinished: int = 0
    """Beatmaps without a report, because the run was interrupted."""
    shard: Shard | None = None
    """None for a whole run."""

    @property
    def findings(self) -> list[Finding]:
        """Of all beatmaps."""
        return [finding for beatmap in self.beatmaps for finding in beatmap.findings]

    @property
    def summary(self) -> dict[str, int]:
        """Number of findings by severity."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity.value: counts[severity] for severity in Severity}

    @property
    def interruption(self) -> str:
        """One sentence on what an interrupted run did not reach; empty after a complete run."""
        total = len(self.beatmaps) + self.unfinished
        if not self.unfinished:
            return ""
        return f"Unfinished: the run was interrupted after {len(self.beatmaps)} of {total:,} difficult{'y' if total == 1 else 'ies'}."


def plain(value: Any) -> Any:
    """Convert to JSON values: numpy values become Python's, sets become lists, NaN and infinity (which JSON lacks) None."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    return plain(value.tolist()) if hasattr(value, "tolist") else str(value)


def editor_timestamp(beatmap: Beatmap, time: float, objects: Sequence[HitObject] = ()) -> str:
    """Write `MM:SS:mmm (1,2) -`; in mania `MM:SS:mmm (ms|column,...) -`; without objects `MM:SS:mmm -`."""
    stamp = clock(time)
    if not objects or len(objects) > MAX_NAMED_OBJECTS:
        return f"{stamp} -"
    if beatmap.mode is Mode.MANIA:
        names = [f"{round(o.time)}|{beatmap.column(o)}" for o in objects]
    else:
        names = [str(o.combo_number) for o in objects]
    return f"{stamp} ({','.join(names)}) -"


def clock(time: float) -> str:
    """`MM:SS:mmm` of a time in ms, as the editor writes it."""
    total = max(0, round(time))
    return f"{total // 60_000:02d}:{total // 1000 % 60:02d}:{total % 1000:03d}"


def in_ms(time: float) -> str:
    """As in "2.4 ms", "3 ms" and "12 ms": one decimal below 10 ms, unless it is 0."""
    digits = f"{time:.{0 if abs(time) >= 9.95 else 1}f}"
    return f"{digits.removesuffix('.0')} ms"


def counted(number: int, noun: str) -> str:
    """`1 problem`, `2,000 problems`, `2 difficulties`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"


def percent(probability: float) -> str:
    """Whole percents; below 1 % and above 99 % as `<1 %` and `>99 %`."""
    if probability < 0.01:
        return "<1 %"
    if 0.99 < probability < 1:
        return ">99 %"
    return f"{round(probability * 100)} %"


def minutes(time: float) -> str:
    """`M:SS` of a time in ms; parts of a second do not count, as in the game."""
    return f"{int(time) // 60_000}:{int(time) // 1000 % 60:02d}"


def editor_link(timestamp: str) -> str:
    """The timestamp as a link that opens osu!'s editor."""
    return "osu://edit/" + quote(timestamp.removesuffix(" -"), safe=":", errors="replace")
