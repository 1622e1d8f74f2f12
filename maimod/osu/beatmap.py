"""A beatmap as plain data: objects and timing points with their source lines, and look-ups by time.

Conventions: times in ms from the start of the audio, positions in osu! pixels (512 x 384), lines counted from 1.
Source: https://osu.ppy.sh/wiki/en/Client/File_formats/osu_%28file_format%29
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cached_property
from pathlib import Path

MAX_TIME_MS = 10 * 3_600_000
"""Latest time in ms: editor timestamps end at 600 minutes (lazer, `EditorTimestampParser`)."""
SCALED_TICKS_VERSION = 8
"""From this format on the distance of slider ticks follows the velocity of green lines."""
MIN_BEAT_LENGTH_MS, MAX_BEAT_LENGTH_MS = 6.0, 60_000.0
"""Limits of the beat of a red line; the game replaces others, also negative ones, by the closer limit (lazer,
`TimingControlPoint`)."""
UNSNAP_MS = 2.0
"""An object this many ms from every tick is unsnapped (ranking criteria, Timing: less than 2 ms from a timeline
tick)."""
DEFAULT_STACK_LENIENCY = 0.7


class Mode(IntEnum):
    """Game mode, with the numbers of the key `Mode` in `[General]`."""

    OSU = 0
    TAIKO = 1
    CATCH = 2
    MANIA = 3

    @property
    def label(self) -> str:
        """Name used in reports: osu, taiko, catch or mania."""
        return self.name.lower()

    @property
    def title(self) -> str:
        """Name for players: osu!, osu!taiko, osu!catch or osu!mania."""
        return "osu!" if self is Mode.OSU else f"osu!{self.label}"


ALL_MODES = frozenset(Mode)
PLAYFIELD_MODES = frozenset({Mode.OSU, Mode.CATCH})
"""Modes in which objects have places on the playfield, and combos."""
SCROLLING_MODES = frozenset({Mode.TAIKO, Mode.MANIA})
"""Modes in which notes scroll, and green lines set their speed."""
ONLY_OSU, ONLY_TAIKO = frozenset({Mode.OSU}), frozenset({Mode.TAIKO})
ONLY_CATCH, ONLY_MANIA = frozenset({Mode.CATCH}), frozenset({Mode.MANIA})
NOT_TAIKO, NOT_MANIA = ALL_MODES - ONLY_TAIKO, ALL_MODES - ONLY_MANIA
WIDTH, HEIGHT = 512.0, 384.0
"""Of the playfield [osu! pixels]."""


class ObjectKind(StrEnum):
    """Type of a hit object in the file. In taiko, sliders are drum rolls and spinners are dendens."""

    CIRCLE = "circle"
    SLIDER = "slider"
    SPINNER = "spinner"
    HOLD = "hold note"


@dataclass(frozen=True, slots=True)
class TimingPoint:
    """A line of `[TimingPoints]`."""

    line: int
    """1-based line of the `.osu` file."""
    time: float
    """Offset in ms."""
    beat_length: float
    """Ms per beat if uninherited; otherwise -100 / slider velocity."""
    meter: int
    """Beats per measure."""
    sample_set: int
    """0 default, 1 normal, 2 soft, 3 drum."""
    sample_index: int
    volume: int
    """Percent, limited to 0 to 100."""
    uninherited: bool
    """True: red line, sets the tempo. False: green line, sets only velocity, samples, volume and kiai."""
    effects: int
    written_volume: int = 100
    """Percent as the file has it."""

    @property
    def kiai(self) -> bool:
        """Whether kiai time is on."""
        return bool(self.effects & 1)

    @property
    def omits_bar_line(self) -> bool:
        """Whether the first bar line is hidden (taiko, mania)."""
        return bool(self.effects & 8)

    @property
    def generates_ticks(self) -> bool:
        """Whether sliders have ticks here: not where a green line's beat length is NaN (lazer,
        `LegacyDifficultyControlPoint`)."""
        return self.uninherited or not math.isnan(self.beat_length)

    @property
    def velocity(self) -> float:
        """Slider velocity or scroll speed multiplier, 0.1 to 10 (lazer's bounds); 1 on red lines."""
        if self.uninherited or self.beat_length >= 0 or math.isnan(self.beat_length):
            return 1.0
        return min(max(-100.0 / self.beat_length, 0.1), 10.0)


@dataclass(frozen=True, slots=True)
class HitSample:
    """The `hitSample` field; 0 means the value of the timing point."""

    normal_set: int = 0
    addition_set: int = 0
    index: int = 0
    volume: int = 0
    filename: str = ""


@dataclass(frozen=True, slots=True)
class SliderPath:
    """Path, slides and edge sounds of a slider."""

    curve: str
    """Type of the first segment: B (Bezier), L (linear), P (perfect circle) or C (Catmull); B4 is a B-spline of degree 4.
    """
    control_points: tuple[tuple[float, float], ...]
    """Head position first, then the listed points; a repeated point is a red anchor."""
    slides: int
    """Number of spans; 1 is a slider without repeats."""
    length: float
    """Visual length of one span in osu! pixels."""
    edge_sounds: tuple[int, ...] = ()
    """Additions at head, repeats and tail; may be shorter than `slides + 1`, or empty."""
    edge_sets: tuple[tuple[int, int], ...] = ()
    """(normal set, addition set) at head, repeats and tail."""
    segment_types: tuple[tuple[int, str], ...] = ()
    """(index of the control point, type) of later segments, only in format 128."""


@dataclass(frozen=True, slots=True)
class HitObject:
    """A line of `[HitObjects]`."""

    index: int
    """0-based place in order of time; objects at one time are in file order."""
    line: int
    """1-based line of the `.osu` file."""
    kind: ObjectKind
    time: float
    """Start in ms."""
    end_time: float
    """End in ms, for a slider from its length and velocity; equals `time` for circles."""
    x: float
    y: float
    new_combo: bool
    """The flag in the file; the game also starts combos without it."""
    combo_skip: int
    """Combo colours skipped."""
    combo_number: int
    """Number shown on the object and used in editor timestamps, from 1."""
    hitsound: int
    """Addition bits: 2 whistle, 4 finish, 8 clap."""
    sample: HitSample
    slider: SliderPath | None = None

    @property
    def duration(self) -> float:
        """Length in ms."""
        return self.end_time - self.time

    @property
    def span_duration(self) -> float:
        """Duration of one slide in ms; for other objects their whole duration."""
        return self.duration / self.slider.slides if self.slider else self.duration

    def edge_times(self) -> tuple[float, ...]:
        """Times in ms at which the object is hit, repeated or released."""
        if self.slider:
            span = self.span_duration
            return tuple([self.time + i * span for i in range(self.slider.slides + 1)])
        return (self.time,) if self.end_time == self.time else (self.time, self.end_time)


@dataclass(frozen=True, slots=True)
class Break:
    """A break period, in ms."""

    line: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Difficulty:
    """`[Difficulty]`, with the game's defaults."""

    hp_drain_rate: float = 5.0
    circle_size: float = 5.0
    overall_difficulty: float = 5.0
    approach_rate: float = 5.0
    slider_multiplier: float = 1.4
    """Base slider velocity in hundreds of osu! pixels per beat."""
    slider_tick_rate: float = 1.0

    @property
    def circle_radius(self) -> float:
        """Radius of a circle in osu! pixels; in catch a fruit is smaller."""
        return 54.4 - 4.48 * self.circle_size

    @property
    def preempt_ms(self) -> float:
        """Approach time: how long before its time an object begins to appear, in osu! and catch [ms]."""
        rate = self.approach_rate
        return 1200.0 - 150.0 * (rate - 5.0) if rate > 5 else 1200.0 + 120.0 * (5.0 - rate)

    @property
    def fade_in_ms(self) -> float:
        """How long an object takes to become opaque after it begins to appear [ms]."""
        return 400.0 * min(1.0, self.preempt_ms / 450.0)


@dataclass(frozen=True, slots=True)
class BrokenSlider:
    """A slider that the file describes with a field that makes no sense."""

    line: int
    time: float
    """Ms."""
    what: str
    """The field: "its length is -150 px"."""
    is_left_out: bool
    """Whether the game leaves the object out."""


@dataclass(frozen=True)
class Beatmap:
    """One difficulty."""

    path: Path
    format_version: int
    mode: Mode
    general: dict[str, str]
    metadata: dict[str, str]
    difficulty: Difficulty
    timing_points: tuple[TimingPoint, ...]
    """In file order; the game sorts them by time, see :attr:`sorted_timing_points`."""
    hit_objects: tuple[HitObject, ...]
    """In order of time, as the game sorts them."""
    breaks: tuple[Break, ...]
    events: tuple[tuple[int, str], ...] = ()
    """(line, text) of the other lines of `[Events]`, without storyboard commands."""
    messages: tuple[str, ...] = ()
    """Messages for the report on format errors that were tolerated and lines that were skipped."""
    written: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Keys and unparsed values of `[General]`, `[Metadata]`, `[Difficulty]` and `[Colours]`, by section.
    """
    broken_sliders: tuple[BrokenSlider, ...] = ()
    """Sliders with a field that makes no sense, in file order."""
    key_lines: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Line of each key of `written`, by (section, key)."""

    def line_of(self, section: str, key: str) -> int:
        """Line of a key; 1 if it is missing."""
        return self.key_lines.get((section, key), 1)

    @property
    def version(self) -> str:
        """Name of the difficulty."""
        return self.metadata.get("Version", "")

    @property
    def audio_filename(self) -> str:
        """`AudioFilename` as written."""
        return self.general.get("AudioFilename", "")

    @property
    def stack_leniency(self) -> float:
        """Objects at one position stack if they follow each other within this share of the approach time."""
        try:
            leniency = float(self.general["StackLeniency"])
        except (KeyError, ValueError):
            return DEFAULT_STACK_LENIENCY
        return leniency if math.isfinite(leniency) else DEFAULT_STACK_LENIENCY

    @cached_property
    def keys(self) -> int:
        """Number of columns in mania."""
        return max(1, round(self.difficulty.circle_size))  # half to even, as in the game

    def column(self, hit_object: HitObject) -> int:
        """Mania column from 0."""
        return min(max(int(hit_object.x * self.keys / 512), 0), self.keys - 1)

    @cached_property
    def sorted_timing_points(self) -> tuple[TimingPoint, ...]:
        """By time; at equal times red lines first, then file order, as the game applies them."""
        return tuple(sorted(self.timing_points, key=lambda point: (point.time, not point.uninherited)))

    @cached_property
    def red_lines(self) -> tuple[TimingPoint, ...]:
        """Uninherited timing points by time; never empty in a beatmap that was read."""
        return tuple(point for point in self.sorted_timing_points if point.uninherited)

    @cached_property
    def _red_times(self) -> list[float]:
        return [point.time for point in self.red_lines]

    @cached_property
    def _point_times(self) -> list[float]:
        return [point.time for point in self.sorted_timing_points]

    def red_line_at(self, time: float) -> TimingPoint:
        """The uninherited timing point in force at `time` [ms]; before the first, the first."""
        return self.red_lines[max(bisect_right(self._red_times, time) - 1, 0)]

    def red_line_of(self, time: float) -> TimingPoint:
        """The red line that an object at `time` [ms] belongs to.

        An object up to 2 ms before a red line belongs to that line: the editor truncates times.
        """
        return self.red_line_at(time + UNSNAP_MS)

    def timing_point_at(self, time: float) -> TimingPoint:
        """The last timing point of either kind at or before `time` [ms]; before the first, the first."""
        return self.sorted_timing_points[max(bisect_right(self._point_times, time) - 1, 0)]

    def velocity_at(self, time: float) -> float:
        """Slider velocity or scroll speed multiplier in force at `time` [ms]."""
        if not self._point_times or time < self._point_times[0]:
            return 1.0
        return self.timing_point_at(time).velocity

    @cached_property
    def _object_times(self) -> list[float]:
        return [hit_object.time for hit_object in self.hit_objects]

    def closest_object(self, time: float) -> int:
        """Index of the hit object whose start is closest to `time` [ms]; of equally close ones the first."""
        times = self._object_times
        after = bisect_left(times, time)
        if after and (after == len(times) or time - times[after - 1] <= times[after] - time):
            return bisect_left(times, times[after - 1])
        return after

    def slider_duration(self, slider: SliderPath, time: float) -> float:
        """How long a slider that starts at `time` [ms] lasts, all its slides together [ms]."""
        return slider.length * slider.slides / self.pixels_per_beat(time) * self.red_line_at(time).beat_length

    def pixels_per_beat(self, time: float) -> float:
        """How far the ball of a slider that starts at `time` [ms] gets in a beat [px]."""
        return self.difficulty.slider_multiplier * 100 * self.velocity_at(time)

    def tick_distance(self, time: float) -> float:
        """Px from tick to tick of a slider that starts at `time` [ms]."""
        distance = 100.0 * self.difficulty.slider_multiplier / self.difficulty.slider_tick_rate
        return distance * (self.velocity_at(time) if self.format_version >= SCALED_TICKS_VERSION else 1.0)

    @cached_property
    def kiai_sections(self) -> tuple[tuple[TimingPoint, TimingPoint | None], ...]:
        """(first line with kiai, first line without) of each section; None if it never ends."""
        sections: list[tuple[TimingPoint, TimingPoint | None]] = []
        start: TimingPoint | None = None
        for point in self.sorted_timing_points:
            if point.kiai and start is None:
                start = point
            elif not point.kiai and start is not None:
                # A red line and a green line at the same time are one change: the last of them counts.
                if self.timing_point_at(point.time).kiai:
                    continue
                sections.append((start, point))
                start = None
        if start is not None:
            sections.append((start, None))
        return tuple(sections)

    @cached_property
    def drain_ms(self) -> float:
        """Ms from the first object to the end of the last, without breaks."""
        if not self.hit_objects:
            return 0.0
        first = min(hit_object.time for hit_object in self.hit_objects)
        last = max(hit_object.end_time for hit_object in self.hit_objects)
        pauses = sum(max(0.0, min(pause.end, last) - max(pause.start, first)) for pause in self.breaks)
        return last - first - pauses


def combo_numbers(objects: Iterable[tuple[float, ObjectKind, bool]], breaks: Sequence[Break]) -> list[int]:
    """Numbers that the editor shows on objects, from 1 in each combo.

    A combo starts at the flag, and without it at the first object, at a spinner, after a spinner and after a break
    (lazer, `LegacyBeatmapDecoder.postProcessBreaks`).

    Args:
        objects: (time, kind, new combo flag) in order of time.
        breaks: of the map.
    """
    numbers: list[int] = []
    ends = sorted(pause.end for pause in breaks)
    n_passed, starts = 0, True
    for time, kind, new_combo in objects:
        while n_passed < len(ends) and ends[n_passed] < time:
            n_passed, starts = n_passed + 1, True
        starts = starts or new_combo or kind is ObjectKind.SPINNER
        numbers.append(1 if starts else numbers[-1] + 1)
        starts = kind is ObjectKind.SPINNER
    return numbers
