"""Make `examples/maimod example`: a short song, a clean map of it, and the same map with known faults.

Everything comes from the score in this file: the song is synthesised from it, the map's rhythm follows its lead and
drums, and the faults are data (:data:`FAULTS`, :data:`TAIKO_FAULTS`), which `tests/test_example.py` uses to check what
is found.

Run `python tools/make_example.py`. The `.osu` files are the same every time; the song depends on the installed encoder.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

FOLDER = Path(__file__).parent.parent / "examples" / "maimod example"
SONG = "audio.mp3"
BACKGROUND = "background.png"

BPM = 150.0
BEAT_MS = 60_000 / BPM
HALF_MS = BEAT_MS / 2
MEASURE_MS = 4 * BEAT_MS
OFFSET_MS = 1_000.0
"""Time of the first beat in the map, ms."""
LATENCY_MS = 27.0
"""Ms from a beat of the map to its attack in the song; attacks peak this long after the time at which mappers place
beats (see `maimod.audio.onsets`)."""
SAMPLE_RATE = 44_100
SEED = 150

SECTIONS = (("intro", 4), ("verse", 16), ("build", 8), ("chorus", 16), ("end", 2))
"""Sections: name and number of measures."""
RHYTHMS = {
    "intro": ("c.c.L...", "c.c.c.c."),
    "verse": ("L..cc.S.", "L..cL..c"),
    "build": ("c.ccL..c", "c.ccc.S."),
    "chorus": ("ccL..cS.", "L..cccS."),
    "end": ("L...L...", "c......."),
}
"""Rhythms of two measures in half beats: circle, slider of half a beat (S) or a whole one (L)."""
PHRASE = (0, 2, 4, 2, 5, 4, 2, 1)
"""Scale degrees of the lead, repeated over its notes; each section starts at another one."""
SCALE = (0, 2, 4, 7, 9, 12, 14, 16)  # major pentatonic, semitones
CHORDS = (0, -3, -7, -5)  # roots of the bass, one per measure, semitones from A
STARTS = {"intro": 0, "verse": 2, "build": 4, "chorus": 1, "end": 0}
VOLUMES = {"intro": 50, "verse": 60, "build": 60, "chorus": 75, "end": 50}


def measures() -> Iterator[tuple[int, str, int]]:
    """Yield (number, section, number within the section)."""
    number = 0
    for section, length in SECTIONS:
        for inner in range(length):
            yield number, section, inner
            number += 1


def start_of(section: str) -> int:
    """First measure of a section."""
    return next(number for number, name, _ in measures() if name == section)


def time_of(measure: float, half: float = 0.0) -> float:
    """Ms in the map of a half beat (0 to 7) of a measure."""
    return OFFSET_MS + measure * MEASURE_MS + half * HALF_MS


@dataclass(frozen=True)
class Note:
    """A note of the lead and its object."""

    measure: int
    half: int
    length: int
    """In half beats; 0 for a circle."""
    section: str
    degree: int


def lead() -> list[Note]:
    """Notes of the lead, which the map follows."""
    notes: list[Note] = []
    for measure, section, inner in measures():
        if inner % 4 == 0:
            step = STARTS[section]
        for half, letter in enumerate(RHYTHMS[section][inner % 2]):
            if letter != ".":
                notes.append(Note(measure, half, {"c": 0, "S": 1, "L": 2}[letter], section, PHRASE[step % len(PHRASE)]))
                step += 1
    return notes


# ---------------------------------------------------------------------------------------------------------------------
# The song


def synthesise() -> np.ndarray:
    """The song as float32 samples (n_samples,)."""
    random = np.random.default_rng(SEED)
    total = sum(length for _, length in SECTIONS)
    song = np.zeros(int((time_of(total) + 2_000) / 1000 * SAMPLE_RATE))

    def play(sound: np.ndarray, time: float, gain: float) -> None:
        first = round((time + LATENCY_MS) / 1000 * SAMPLE_RATE)
        song[first : first + len(sound)] += gain * sound[: len(song) - first]

    kick, snare, hat, crash = _kick(), _snare(random), _noise(random, 0.04, 90.0), _noise(random, 1.2, 4.0)
    for measure, section, inner in measures():
        full = section in ("verse", "chorus", "build")
        for half in range(8):
            if half % 4 == 0 and section != "end":
                play(kick, time_of(measure, half), 0.8)
            if half % 4 == 2 and section != "end":
                play(snare, time_of(measure, half), 0.55 if full else 0.35)
            if full:
                play(hat, time_of(measure, half), 0.16 if half % 2 else 0.1)
        if inner == 0:
            play(crash, time_of(measure), 0.2)
        root = 110.0 * 2 ** (CHORDS[measure % 4] / 12)
        for half in (0, 4) if section != "end" else (0,):
            play(_tone(root / 2 if root > 90 else root, 0.5, (1.0, 0.5, 0.25), 5.0), time_of(measure, half), 0.3)
        if section == "chorus":
            for semitones in (0, 7, 16):
                play(_tone(root * 2 * 2 ** (semitones / 12), 1.5, (1.0, 0.3), 1.0), time_of(measure), 0.05)
    for note in lead():
        pitch = 440.0 * 2 ** (SCALE[note.degree] / 12)
        play(
            _tone(pitch, 0.2 + 0.2 * note.length, (1.0, 0.6, 0.4, 0.2), 6.0 / (1 + note.length)),
            time_of(note.measure, note.half),
            0.3,
        )
        if note.length:  # a sound at the slider's tail
            play(_tone(pitch * 1.5, 0.15, (1.0, 0.4), 10.0), time_of(note.measure, note.half + note.length), 0.14)
    return (song / np.abs(song).max() * 0.9).astype(np.float32)


def _times(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _tone(pitch: float, seconds: float, harmonics: tuple[float, ...], decay: float) -> np.ndarray:
    t = _times(seconds)
    wave = sum(gain * np.sin(2 * np.pi * pitch * k * t) for k, gain in enumerate(harmonics, start=1))
    return wave * np.exp(-decay * t) * np.minimum(1.0, t / 0.004) * np.minimum(1.0, (seconds - t) / 0.02)


def _kick() -> np.ndarray:
    t = _times(0.22)
    return np.sin(2 * np.pi * (50 * t + 3.0 * (1 - np.exp(-28 * t)))) * np.exp(-14 * t)


def _snare(random: np.random.Generator) -> np.ndarray:
    t = _times(0.18)
    return (
        0.8 * random.standard_normal(len(t)) * np.exp(-24 * t) + np.sin(2 * np.pi * 190 * t) * np.exp(-18 * t)
    ) * 0.6


def _noise(random: np.random.Generator, seconds: float, decay: float) -> np.ndarray:
    t = _times(seconds)
    return np.diff(random.standard_normal(len(t) + 1)) * np.exp(-decay * t)


# ---------------------------------------------------------------------------------------------------------------------
# The map

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


def lead_gap(number: int) -> int:
    """Half beats from a note of the lead to the next; 0 after the last."""
    notes = lead()
    if number + 1 == len(notes):
        return 0
    this, following = notes[number], notes[number + 1]
    return 8 * (following.measure - this.measure) + following.half - this.half


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


# ---------------------------------------------------------------------------------------------------------------------
# The faults


@dataclass(frozen=True)
class Fault:
    """A planted mistake."""

    name: str
    measure: int
    half: float
    rules: tuple[str, ...]
    """Rules or prefixes of rules; a finding of any of them counts."""
    needs_model: bool
    """Whether only the model can find it."""
    note: str
    """Description for `examples/README.md`."""
    plant: Callable[[Map], None]
    span: float = 0.0
    """First and last measure, for faults of a section."""

    @property
    def time(self) -> float:
        """Ms in the faulty map."""
        return time_of(self.measure, self.half)


def _move(measure: int, half: float, ms: float) -> Callable[[Map], None]:
    def plant(beatmap: Map) -> None:
        beatmap.change(measure, half, time=time_of(measure, half) + ms)

    return plant


def _remove(measure: int, half: float) -> Callable[[Map], None]:
    def plant(beatmap: Map) -> None:
        del beatmap.objects[beatmap.at(measure, half)]

    return plant


def _change(measure: int, half: float, **changes: object) -> Callable[[Map], None]:
    def plant(beatmap: Map) -> None:
        beatmap.change(measure, half, **changes)

    return plant


def _extra(measure: int, half: float) -> Callable[[Map], None]:
    """Put a circle between two objects, on the line from one to the other."""

    def plant(beatmap: Map) -> None:
        after = next(i for i, o in enumerate(beatmap.objects) if o.time > time_of(measure, half))
        before, following = beatmap.objects[after - 1], beatmap.objects[after]
        x, y = before.points[-1] if before.points else (before.x, before.y)
        between = (x + following.x) // 2, (y + following.y) // 2
        beatmap.objects.insert(after, Object(measure, half, time_of(measure, half), *between, False, (0,)))

    return plant


def _far(measure: int, half: float) -> Callable[[Map], None]:
    """Move a circle by 180 px, to the side where there is more room."""

    def plant(beatmap: Map) -> None:
        o = beatmap.objects[beatmap.at(measure, half)]
        beatmap.change(measure, half, x=o.x + (180 if o.x < 256 else -180))

    return plant


def _shift_section(first: int, end: int, ms: float) -> Callable[[Map], None]:
    def plant(beatmap: Map) -> None:
        beatmap.objects = [replace(o, time=o.time + ms) if first <= o.measure < end else o for o in beatmap.objects]
        volume = VOLUMES["verse"]
        beatmap.add_lines(Line(time_of(first) + ms, BEAT_MS, volume, False), Line(time_of(end), BEAT_MS, volume, False))

    return plant


def _displace_anchor(measure: int, half: float) -> Callable[[Map], None]:
    """Move the last control point of a slider aside, like a slip of the mouse; the length stays."""

    def plant(beatmap: Map) -> None:
        o = beatmap.objects[beatmap.at(measure, half)]
        x, y = o.points[0]
        beatmap.change(
            measure, half, points=((x + 70 if x < 256 else x - 70, y + 90 if y < 192 else y - 90), *o.points[1:])
        )

    return plant


def _velocity(
    measure: int, half: float, length: int, velocity: float, volume: int, kiai: bool = True
) -> Callable[[Map], None]:
    """Give a slider another velocity at the same duration, so it becomes longer."""

    def plant(beatmap: Map) -> None:
        o = beatmap.objects[beatmap.at(measure, half)]
        far = tuple((round(o.x + (x - o.x) * velocity), round(o.y + (y - o.y) * velocity)) for x, y in o.points)
        beatmap.change(measure, half, points=far, length=o.length * velocity)
        after = time_of(measure, half + length) + HALF_MS / 2
        beatmap.add_lines(Line(o.time, -100 / velocity, volume, kiai), Line(after, -100.0, volume, kiai))

    return plant


def _lines(*lines: Line) -> Callable[[Map], None]:
    return lambda beatmap: beatmap.add_lines(*lines)


def _late_kiai(ms: float) -> Callable[[Map], None]:
    def plant(beatmap: Map) -> None:
        start = time_of(start_of("chorus"))
        beatmap.lines = [replace(line, kiai=False) if line.time == start else line for line in beatmap.lines]
        beatmap.add_lines(Line(start + ms, -100.0, VOLUMES["chorus"], True))

    return plant


LOUD = VOLUMES["chorus"]
FAULTS = (
    Fault("unsnapped object", 6, 3, ("rhythm/unsnapped",), False, "a circle is 12 ms late", _move(6, 3, 12)),
    Fault("wrong tick", 8, 4, ("rhythm/",), True, "a circle is a quarter of a beat late", _move(8, 4, HALF_MS / 2)),
    Fault(
        "section shifted",
        12,
        0,
        ("timing/section-shifted", "timing/"),
        False,
        "six measures are 35 ms late, red line and all",
        _shift_section(12, 18, 35.0),
        span=6,
    ),
    Fault(
        "extra object", 18, 5.5, ("rhythm/",), True, "a circle on a quarter beat where nothing sounds", _extra(18, 5.5)
    ),
    Fault("position", 21, 4, ("positions/",), False, "a circle lies 180 px from where it belongs", _far(21, 4)),
    Fault(
        "new combo missing",
        23,
        0,
        ("new-combos/",),
        False,
        "the measure does not start a new combo",
        _change(23, 0, new_combo=False),
    ),
    Fault(
        "new combo misplaced",
        25,
        3,
        ("new-combos/",),
        False,
        "a new combo in mid-phrase",
        _change(25, 3, new_combo=True),
    ),
    Fault(
        "sample set",
        26,
        3,
        ("hitsounds/sample-set",),
        False,
        "one circle plays drum samples in a map of soft ones",
        _change(26, 3, sample_set=DRUM),
    ),
    Fault(
        "kiai late", 28, 0, ("kiai/",), False, "kiai starts 117 ms after the chorus, off every tick", _late_kiai(117.0)
    ),
    Fault(
        "slider shape", 30, 2, ("sliders/",), False, "the middle of an arc is dragged aside", _displace_anchor(30, 2)
    ),
    Fault(
        "clap missing", 33, 6, ("hitsounds/missing",), False, "no clap with the snare", _change(33, 6, sounds=(0, 0))
    ),
    Fault("missing object", 35, 4, ("rhythm/",), True, "the middle one of three circles is left out", _remove(35, 4)),
    Fault(
        "slider velocity", 36, 2, ("sliders/",), True, "one slider moves half as fast", _velocity(36, 2, 2, 0.5, LOUD)
    ),
    Fault(
        "volume dip",
        39,
        4,
        ("hitsounds/volume", "hitsounds/muted"),
        False,
        "a green line turns two hits down to 15 %",
        _lines(Line(time_of(39, 4) - 5, -100.0, 15, True), Line(time_of(39, 6) - 5, -100.0, LOUD, True)),
    ),
    Fault("finish", 41, 5, ("hitsounds/unexpected",), True, "a finish in mid-phrase", _change(41, 5, sounds=(FINISH,))),
)
TAIKO_FAULTS = (
    Fault(
        "colour",
        15,
        4,
        ("hitsounds/taiko-colour", "hitsounds/colour-slip"),
        False,
        "a don of the verse is a kat",
        _change(15, 4, sounds=(CLAP,)),
    ),
    Fault(
        "scroll speed",
        23,
        4,
        ("scroll-speed/unexpected",),
        False,
        "one note scrolls at 1.5x",
        _lines(
            Line(time_of(23, 4), -100 / 1.5, VOLUMES["build"], False),
            Line(time_of(23, 5), -100.0, VOLUMES["build"], False),
        ),
    ),
    Fault(
        "late line",
        36,
        0,
        ("timing/line-after-bar-line",),
        False,
        "the line for 1.2x comes 3 ms after the bar line and the note it is meant for",
        _lines(Line(time_of(36) + 3, -100 / 1.2, VOLUMES["chorus"], True)),
    ),
)


def faulty_map() -> Map:
    """The clean map with every fault of :data:`FAULTS`."""
    beatmap = clean_map("Faulty")
    for fault in FAULTS:
        fault.plant(beatmap)
    return beatmap


def faulty_taiko_map() -> Map:
    """The taiko map with every fault of :data:`TAIKO_FAULTS`."""
    beatmap = taiko_map("Faulty Taiko")
    for fault in TAIKO_FAULTS:
        fault.plant(beatmap)
    return beatmap


def maps() -> list[Map]:
    """All difficulties."""
    return [clean_map(), faulty_map(), taiko_map(), faulty_taiko_map()]


def readme() -> str:
    """`examples/README.md`, with the faults as a table."""

    def table(faults: tuple[Fault, ...]) -> list[str]:
        rows = ["| time | fault | what was done | rule | without the model |", "|---|---|---|---|---|"]
        for fault in faults:
            stamp = f"{int(fault.time) // 60_000:02d}:{int(fault.time) // 1000 % 60:02d}:{int(fault.time) % 1000:03d}"
            rule = fault.rules[0] + ("…" if fault.rules[0].endswith("/") else "")
            rows.append(
                f"| {stamp} | {fault.name} | {fault.note} | `{rule}` | {'no' if fault.needs_model else 'yes'} |"
            )
        return rows

    return "\n".join(
        [
            "# Example",
            "",
            "`maimod example/` is a mapset folder in osu!'s layout: a song of 75 s, a map of it in osu! (*Hard*) and taiko (*Taiko*), and each",
            "map once more with known faults (*Faulty*, *Faulty Taiko*). Song and maps are made by `tools/make_example.py`; nothing in it is",
            "anyone else's.",
            "",
            "```",
            'maimod check "examples/maimod example"',
            'maimod check --no-model "examples/maimod example"',
            "```",
            "",
            "The last column: whether the fault is found without the model.",
            "",
            "## Faulty",
            "",
            *table(FAULTS),
            "",
            "## Faulty Taiko",
            "",
            *table(TAIKO_FAULTS),
            "",
            "`maimod.ipynb` checks the same folder in a notebook, and needs no installation of your own.",
            "",
        ]
    )


def picture() -> bytes:
    """The background: an evening sky of 1280 x 720 as PNG."""
    top, bottom = np.array([24.0, 28.0, 68.0]), np.array([226.0, 122.0, 92.0])
    share = np.linspace(0.0, 1.0, 720)[:, None] ** 1.5
    rows = np.rint(top + (bottom - top) * share).astype(np.uint8)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = b"".join(b"\0" + row.tobytes() * 1280 for row in rows)
    header = struct.pack(">IIBBBBB", 1280, 720, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")
    )


def main() -> None:
    """Write the folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    soundfile.write(
        FOLDER / SONG, synthesise(), SAMPLE_RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=0.66
    )
    (FOLDER / BACKGROUND).write_bytes(picture())
    for beatmap in maps():
        path = FOLDER / f"maimod - Example (maimod) [{beatmap.version}].osu"
        path.write_bytes(beatmap.text().replace("\n", "\r\n").encode())
    (FOLDER.parent / "README.md").write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    main()
