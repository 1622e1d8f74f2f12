"""The maps: one of osu! along a winding path, and one of taiko, with a writer of `.osu` files."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tools.example.score import BEAT_MS, OFFSET_MS, SECTIONS, lead, lead_gap, measures, start_of, time_of

SONG = "audio.mp3"
BACKGROUND = "background.png"
VOLUMES = {"intro": 50, "verse": 60, "build": 60, "chorus": 75, "end": 50}
SPACING = 85.0
"""Osu! pixels per half beat."""
SLIDER_MULTIPLIER = 1.4
LEFT, TOP, RIGHT, BOTTOM = 60.0, 60.0, 452.0, 324.0
WHISTLE, FINISH, CLAP = 2, 4, 8
SOFT, DRUM = 2, 3


@dataclass(frozen=True)
class Object:
    """A line of `[HitObjects]`."""

    measure: int
    half: float
    time: float
    x: int
    y: int
    new_combo: bool
    sounds: tuple[int, ...]
    """Additions of the circle, or of head and tail."""
    points: tuple[tuple[int, int], ...] = ()
    """Control points of a slider without the head."""
    length: float = 0.0
    sample_set: int = 0

    def text(self) -> str:
        """The line in the file; times are truncated to whole ms, as the editor does."""
        kind = (2 if self.points else 1) + 4 * self.new_combo
        start = f"{self.x},{self.y},{int(self.time)},{kind},"
        sample = f"{self.sample_set}:{self.sample_set}:0:0:"
        if not self.points:
            return f"{start}{self.sounds[0]},{sample}"
        curve = "P" if len(self.points) == 2 else "L"
        path = "|".join([curve, *(f"{x}:{y}" for x, y in self.points)])
        sets = "|".join(f"{self.sample_set}:{self.sample_set}" for _ in self.sounds)
        return f"{start}0,{path},1,{self.length:g},{'|'.join(map(str, self.sounds))},{sets},{sample}"


@dataclass(frozen=True)
class Line:
    """A line of `[TimingPoints]`."""

    time: float
    beat_length: float
    """Ms per beat; negative on green lines: -100 / velocity."""
    volume: int
    kiai: bool

    def text(self) -> str:
        """The line in the file."""
        return f"{self.time:g},{self.beat_length:.12g},4,{SOFT},0,{self.volume},{int(self.beat_length > 0)},{int(self.kiai)}"


@dataclass
class Map:
    """A difficulty under construction."""

    version: str
    mode: int
    objects: list[Object]
    lines: list[Line]

    def at(self, measure: int, half: float) -> int:
        """Index of the object at this half beat."""
        return next(i for i, o in enumerate(self.objects) if (o.measure, o.half) == (measure, half))

    def change(self, measure: int, half: float, **changes: object) -> None:
        """Change an object in place."""
        index = self.at(measure, half)
        self.objects[index] = replace(self.objects[index], **changes)  # type: ignore[arg-type]

    def add_lines(self, *lines: Line) -> None:
        """Add timing points, red ones first at equal times."""
        self.lines = sorted([*self.lines, *lines], key=lambda line: (line.time, line.beat_length < 0))

    def text(self) -> str:
        """The `.osu` file."""
        preview = int(time_of(start_of("chorus")))
        return "\n".join(
            [
                "osu file format v14",
                "",
                "[General]",
                f"AudioFilename: {SONG}",
                "AudioLeadIn: 0",
                f"PreviewTime: {preview}",
                "Countdown: 0",
                "SampleSet: Soft",
                "StackLeniency: 0.7",
                f"Mode: {self.mode}",
                "LetterboxInBreaks: 0",
                "WidescreenStoryboard: 0",
                "",
                "[Editor]",
                "DistanceSpacing: 1.2",
                "BeatDivisor: 4",
                "GridSize: 4",
                "TimelineZoom: 1",
                "",
                "[Metadata]",
                "Title:Example",
                "TitleUnicode:Example",
                "Artist:maimod",
                "ArtistUnicode:maimod",
                "Creator:maimod",
                f"Version:{self.version}",
                "Source:",
                "Tags:instrumental electronic",
                "BeatmapID:0",
                "BeatmapSetID:-1",
                "",
                "[Difficulty]",
                "HPDrainRate:4",
                "CircleSize:3.8",
                "OverallDifficulty:5",
                "ApproachRate:6.5",
                f"SliderMultiplier:{SLIDER_MULTIPLIER}",
                "SliderTickRate:1",
                "",
                "[Events]",
                f'0,0,"{BACKGROUND}",0,0',
                "",
                "[TimingPoints]",
                *(line.text() for line in self.lines),
                "",
                "",
                "[Colours]",
                "Combo1 : 255,166,77",
                "Combo2 : 77,166,255",
                "",
                "[HitObjects]",
                *(o.text() for o in sorted(self.objects, key=lambda o: o.time)),
                "",
            ]
        )


def additions(measure: int, half: int, inner: int) -> int:
    """Claps with the snare, a finish with each crash, a whistle on the other downbeats."""
    if half == 0:
        return FINISH if inner == 0 else WHISTLE
    return CLAP if half % 4 == 2 else 0


def clean_lines() -> list[Line]:
    """One red line, and a green line where a section changes volume or kiai."""
    lines = [Line(OFFSET_MS, BEAT_MS, VOLUMES["intro"], False)]
    for name, _ in SECTIONS[1:]:
        line = Line(time_of(start_of(name)), -100.0, VOLUMES[name], name == "chorus")
        if (line.volume, line.kiai) != (lines[-1].volume, lines[-1].kiai):
            lines.append(line)
    return lines


def clean_map(version: str = "Hard") -> Map:
    """The osu! map: one object per note of the lead, evenly spaced along a winding path."""
    inner_of = {number: inner for number, _, inner in measures()}
    objects: list[Object] = []
    x, y, heading, turn, since = 256.0, 192.0, 0.3, 0.7, 1.0
    for number, note in enumerate(lead()):
        inner = inner_of[note.measure]
        if note.half == 0:
            turn = -turn
        step = SPACING * min(since, 2.0) if number else 0.0
        x, y, heading = _walk(x, y, step, heading + turn, turn)
        head = (round(x), round(y))
        sounds = (additions(note.measure, note.half, inner),)
        points: tuple[tuple[int, int], ...] = ()
        length = note.length * SLIDER_MULTIPLIER * 50
        if note.length:
            bend = 0.9 * math.copysign(1.0, turn) if note.length == 2 and inner % 2 == 0 else 0.0
            points, (x, y), heading = _slider(head, length, heading + turn / 2, bend)
            sounds += (additions(note.measure, note.half + note.length, inner),)
        objects.append(
            Object(
                note.measure, note.half, time_of(note.measure, note.half), *head, note.half == 0, sounds, points, length
            )
        )
        follower = lead_gap(number)
        since = follower - note.length if follower else 0.0
    return Map(version, 0, objects, clean_lines())


def _inside(x: float, y: float) -> bool:
    return LEFT <= x <= RIGHT and TOP <= y <= BOTTOM


def _walk(x: float, y: float, step: float, heading: float, turn: float) -> tuple[float, float, float]:
    """Take a step in about this direction, turned as far as needed to stay inside and leave room for a slider."""
    for k in range(40):
        angle = heading + k * 0.25 * math.copysign(1.0, turn)
        to = x + step * math.cos(angle), y + step * math.sin(angle)
        if _inside(*to):
            return *to, angle
    raise AssertionError("no room")


def _slider(
    head: tuple[int, int], length: float, heading: float, bend: float
) -> tuple[tuple[tuple[int, int], ...], tuple[float, float], float]:
    """Points after the head, end and heading at the end of a straight slider or an arc that turns by `bend` radians."""
    for k in range(40):
        angle = heading + 0.25 * k
        if bend:
            radius = length / abs(bend)
            chord = 2 * radius * math.sin(abs(bend) / 2)
            half_chord = 2 * radius * math.sin(abs(bend) / 4)
            middle = (
                head[0] + half_chord * math.cos(angle - bend / 4),
                head[1] + half_chord * math.sin(angle - bend / 4),
            )
            end = head[0] + chord * math.cos(angle), head[1] + chord * math.sin(angle)
            points = (middle, end)
        else:
            end = head[0] + length * math.cos(angle), head[1] + length * math.sin(angle)
            points = (end,)
        if all(_inside(*point) for point in points):
            return tuple((round(px), round(py)) for px, py in points), end, angle + bend / 2
    raise AssertionError("no room")


def taiko_map(version: str = "Taiko") -> Map:
    """The taiko map: a note for every sound of lead and drums, kats with the snare.

    It keeps the criteria for a Futsuu: no more than five notes on 1/2 in a row, a rest of two beats in every eight measures.
    """
    struck = {(n.measure, h) for n in lead() for h in (n.half, n.half + n.length) if h < 8}
    objects: list[Object] = []
    in_a_row = 0
    for measure, section, inner in measures():
        for half in range(8):
            sounds = (measure, half) in struck or (section not in ("intro", "end") and half % 2 == 0)
            rests = measure % 8 == 5 and half >= 4
            in_a_row = in_a_row + 1 if sounds and not rests and in_a_row < 5 else 0
            if in_a_row:
                sound = CLAP if half % 4 == 2 or half == 5 else 0
                sound |= FINISH if half == 0 and inner == 0 else 0
                objects.append(Object(measure, half, time_of(measure, half), 256, 192, False, (sound,)))
    return Map(version, 1, objects, clean_lines())
