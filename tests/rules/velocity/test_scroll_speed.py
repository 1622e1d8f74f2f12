"""Scroll speed: lone changes, late lines, tempo changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding, Severity
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.velocity import scroll_speed
from tests.findings import findings_of
from tests.maps import RED_LINE, beatmap
from tests.taiko import LINE

NOTES = [f"256,192,{250 * i},1,{8 if i % 3 else 0},0:0:0:0:" for i in range(300)]


def green(time: float, velocity: float) -> str:
    return f"{time:g},{-100 / velocity},4,2,0,70,0,0"


def lines_of(*lines: str) -> list[str]:
    return [RED_LINE, *lines]


def found(lines, mode=1, notes=NOTES, scores=None):
    context = Evidence(beatmap(notes, lines, mode, circle_size=4), scores)
    return findings_of(scroll_speed.run, context)


def test_one_speed_is_silent():
    assert found(lines_of(green(1000, 1.0), green(40_000, 1.0))) == []


@pytest.mark.parametrize("mode", [1, 3])
def test_lone_note_at_another_speed(mode):
    lines = lines_of(green(25_000, 1.5), green(25_250, 1.0))
    [finding] = found(lines, mode)
    assert (finding.rule, finding.objects) == ("scroll-speed/unexpected", (100,))
    assert (finding.actual, finding.expected[0].text) == ("1.50x", "1.00x")
    assert finding.line == beatmap(NOTES, lines, mode).timing_points[1].line


def test_a_measure_at_another_speed():
    [finding] = found(lines_of(green(24_000, 0.5), green(26_000, 1.0)))
    assert finding.evidence["notes"] == 8


@pytest.mark.parametrize(
    "lines",
    [
        lines_of(green(25_000, 1.04), green(25_250, 1.0)),  # hardly another speed
        lines_of(green(24_000, 0.5), green(32_000, 1.0)),  # a section
        lines_of(green(25_000, 0.5), green(25_250, 0.8)),  # another section follows
        lines_of(
            *(line for i in range(4, 70, 4) for line in (green(1000 * i, 0.5), green(1000 * i + 250, 1.0)))
        ),  # style
    ],
)
def test_speeds_that_are_meant(lines):
    assert found(lines) == []


@pytest.mark.xfail(reason="stated blind spot: the wrong speed stays", strict=True)
def test_blind_spot_a_speed_that_stays():
    assert found(lines_of(green(25_000, 0.5)))


def test_osu_has_no_scroll_speed():
    assert found(lines_of(green(25_000, 1.5), green(25_250, 1.0)), mode=0) == []


def test_the_model_counts():
    lines = lines_of(green(25_000, 1.5), green(25_250, 1.0))
    note = beatmap(NOTES, lines, 1).hit_objects[100]
    event = Event(EventKind.SCROLL_SPEED, 150, 25_000, 0, note)

    def score(p: float) -> tuple[EventScore, ...]:
        expected = [
            (Event(EventKind.SCROLL_SPEED, 100, 25_000, 0, None), p),
            (Event(EventKind.SCROLL_SPEED, 150, 25_000, 0, None), 1 - p),
        ]
        return (EventScore(event, 7.0, 0.1, tuple(sorted(expected, key=lambda e: -e[1])), 1 - p),)

    [sure] = found(lines, scores=score(0.99))
    assert sure.severity is Severity.MINOR and sure.surprisal == 7.0
    assert found(lines, scores=score(0.01)) == []


def test_line_just_after_its_note():
    [finding] = [f for f in found(lines_of(green(25_003, 1.4))) if f.rule == "scroll-speed/line-after-object"]
    assert (finding.objects, finding.evidence["late_ms"]) == ((100,), 3.0)


@pytest.mark.parametrize("line", [green(25_000, 1.4), green(25_007, 1.4), green(24_998, 1.4), green(25_003, 1.0)])
def test_lines_that_are_not_late(line):
    assert found(lines_of(line)) == []


def tempo(time: int, bpm: float) -> str:
    return f"{time},{60_000 / bpm},4,2,0,70,1,0"


def changes(*, missing: bool) -> list[str]:
    lines = []
    for i, time in enumerate(range(0, 75_000, 15_000)):
        bpm = 180 if i % 2 else 120
        lines.append(tempo(time, bpm))
        if i % 2 and not (missing and i == 3):
            lines.append(green(time, 120 / 180))
    return lines


def test_tempo_change_left_unnormalised():
    assert [(f.rule, f.time) for f in found(changes(missing=True), mode=1)] == [
        ("scroll-speed/not-normalised", 45_000.0)
    ]
    assert found(changes(missing=False), mode=3) == [] == found(changes(missing=False), mode=1)


def test_in_mania_it_breaks_a_guideline():
    assert [(f.rule, f.time) for f in found(changes(missing=True), mode=3)] == [("scroll-speed/tempo", 45_000.0)]
    effects = [*changes(missing=True), green(5_000, 0.5), green(9_000, 1.0)]
    rules = {f.rule for f in found(effects, mode=3)}
    assert "scroll-speed/not-normalised" in rules and "scroll-speed/tempo" not in rules


def test_maps_that_never_normalise_break_a_guideline_of_mania():
    changes = [tempo(time, 120 + 60 * (i % 2)) for i, time in enumerate(range(0, 75_000, 15_000))]
    assert [f.rule for f in found(changes, mode=3)] == ["scroll-speed/tempo"]
    assert found(changes, mode=1) == []


def test_a_stop_is_an_effect():
    assert found(lines_of(green(25_000, 0.1), green(25_250, 1.0)), mode=3) == []


@pytest.mark.parametrize("mode", [1, 3])
def test_timing_points_after_the_last_object(mode):
    easy = Evidence(beatmap(NOTES, [tempo(100_000, 120)], mode), level=Level.EASY)
    assert findings_of(scroll_speed.run, easy) == []


def speeds(lines: Sequence[str], level: Level | None, mode: int = 1) -> list[Finding]:
    objects = [f"64,192,{1000 + i * 500},1,0,0:0:0:0:" for i in range(60)]
    loaded = beatmap(objects, lines, mode=mode, metadata={"Version": "Easy"})
    exact = (scroll_speed.FOR_LEVEL.id, scroll_speed.TEMPO.id)
    return [f for f in findings_of(scroll_speed.run, Evidence(loaded, level=level)) if f.rule in exact]


def test_scroll_speed_of_easy_difficulties():
    faster = [LINE, "20000,-80,4,2,0,70,0,0"]
    assert [f.severity for f in speeds(faster, Level.EASY)] == ["minor"]
    assert speeds(faster, Level.HARD) == []
    assert [f.severity for f in speeds(faster, Level.EASY, mode=3)] == ["problem"]
    assert [f.severity for f in speeds(faster, Level.NORMAL, mode=3)] == ["minor"]
    even = [LINE, "20000,300,4,2,0,70,1,0", "20000,-133.333333,4,2,0,70,0,0"]
    assert speeds(even, Level.EASY) == [] == speeds(even, Level.EASY, mode=3)
    unseen = [LINE, "20100,-80,4,2,0,70,0,0", "20400,-100,4,2,0,70,0,0"]
    assert speeds(unseen, Level.EASY) == []


def test_a_tempo_change_moves_mania_notes():
    tempo = [LINE, "12000,300,4,2,0,70,1,0", "20400,400,4,2,0,70,1,0"]
    assert [f.rule for f in speeds(tempo, Level.HARD, mode=3)] == [scroll_speed.TEMPO.id]
    assert [f.severity for f in speeds(tempo, Level.EASY, mode=3)] == ["problem"]
    assert speeds(tempo, Level.HARD) == [] == speeds(tempo, Level.EASY)
    late = [LINE, "12000,300,4,2,0,70,1,0", "12600,-133.333,4,2,0,70,0,0", "20400,400,4,2,0,70,1,0"]
    assert [f.time for f in speeds(late, Level.HARD, mode=3)] == [12_000]
    even = [LINE, "12000,300,4,2,0,70,1,0", "12000,-133.333,4,2,0,70,0,0", "20400,400,4,2,0,70,1,0"]
    assert speeds(even, Level.HARD, mode=3) == []
    wrong = [LINE, "12000,300,4,2,0,70,1,0", "12000,-120,4,2,0,70,0,0", "20400,400,4,2,0,70,1,0"]
    assert ["does not even it out" in f.message for f in speeds(wrong, Level.HARD, mode=3)] == [True]
    effects = [*tempo, "24000,-50,4,2,0,70,0,0"]
    assert speeds(effects, Level.HARD, mode=3) == []


def test_long_sections_have_the_speeds_of_the_level():
    slow = [LINE, "12000,-142.857,4,2,0,70,0,0", "22000,-100,4,2,0,70,0,0"]
    assert [f.severity for f in ranges(slow, Level.HARD)] == ["minor"]
    assert ranges(slow, Level.INSANE) == [] == ranges(slow, None)
    brief = [LINE, "12000,-142.857,4,2,0,70,0,0", "15000,-100,4,2,0,70,0,0"]
    assert ranges(brief, Level.HARD) == []


def ranges(lines: Sequence[str], level: Level | None) -> list[Finding]:
    objects = [f"64,192,{1000 + i * 500},1,0,0:0:0:0:" for i in range(90)]
    evidence = Evidence(beatmap(objects, lines, mode=3), level=level)
    return [f for f in findings_of(scroll_speed.run, evidence) if f.rule == scroll_speed.RANGE.id]
