"""The planted faults: what each is, how it is made, and which rules find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tools.example.beatmap import CLAP, DRUM, FINISH, VOLUMES, Line, Map, Object, clean_map, taiko_map
from tools.example.score import BEAT_MS, HALF_MS, start_of, time_of


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
    """Measures that it lasts, for faults of a section."""

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
