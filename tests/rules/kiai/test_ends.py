"""Kiai: hits, near misses, maps without findings, and blind spots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.kiai import ends as kiai_ends
from tests.findings import doubted, findings_of
from tests.maps import RED_LINE, beatmap

MEASURE = 2000  # 120 BPM, 4/4


def map_with(*sections: tuple[float, float | None]) -> Beatmap:
    """A map with kiai between the given times [ms]."""
    lines = [RED_LINE]
    for start, end in sections:
        lines.append(f"{start},-100,4,2,0,70,0,1")
        if end is not None:
            lines.append(f"{end},-100,4,2,0,70,0,0")
    return beatmap([f"256,192,{1000 + i * 500},1,0,0:0:0:0:" for i in range(200)], lines)


def found(loaded: Beatmap, scores: tuple[EventScore, ...] | None = None) -> list[Finding]:
    return findings_of(kiai_ends.run, Evidence(loaded, scores))


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


def test_clean_map_is_silent():
    assert found(map_with((8000, 24_000), (40_000, 56_000), (72_000, 88_000))) == []


def test_kiai_off_the_beat():
    (finding,) = found(map_with((8013, 24_000)))
    assert finding.rule == "kiai/unsnapped"
    assert finding.message == "Kiai begins 13 ms off the closest tick of the beat."


@pytest.mark.parametrize(("start", "expected"), [(8004, Severity.MINOR), (8013, Severity.WARNING)])
def test_kiai_some_ms_off_the_beat_is_a_minor(start: int, expected: Severity):
    (finding,) = found(map_with((start, 24_000)))
    assert finding.severity is expected


def test_many_lines_off_the_beat_are_one_finding():
    (finding,) = found(map_with((8013, 24_000), (40_013, 56_000), (72_013, 88_000)))
    assert finding.message == "Kiai begins or ends off the beat 3 times, first here."
    assert finding.evidence["lines"] == [25, 27, 29]


def test_rounding_is_forgiven():
    assert found(map_with((8001, 23_999))) == []


def test_kiai_on_a_seventh_is_off_the_beat():
    assert rules(found(map_with((8071, 24_000)))) == ["kiai/unsnapped"]


@pytest.mark.parametrize(
    ("start", "expected"), [(72_250, ["kiai/misplaced"]), (73_000, ["kiai/misplaced"]), (72_000, [])]
)
def test_start_unlike_the_others(start: int, expected: list[str]):
    findings = found(map_with((8000, 24_000), (40_000, 56_000), (start, 88_000)))
    assert rules(findings) == expected
    assert all("; 2 of the 2 other sections begin on a downbeat" in finding.message for finding in findings)


def test_maps_own_habit_is_not_odd():
    assert found(map_with((8500, 24_000), (40_500, 56_000), (72_500, 88_000))) == []


def model(loaded: Beatmap, line: int, bits: float) -> tuple[EventScore, ...]:
    point = next(point for point in loaded.timing_points if point.line == line)
    event = Event(EventKind.KIAI, 1, round(point.time), 0, point)
    return (EventScore(event, bits, 1.0, ((event, 0.1),), 2.0**-bits),)


@pytest.mark.parametrize(("bits", "expected"), [(16.0, ["kiai/misplaced"]), (7.0, [])])
def test_start_that_surprises_the_model(bits: float, expected: list[str]):
    loaded = map_with((8500, 24_000))
    line = loaded.timing_points[1].line
    assert rules(found(loaded, model(loaded, line, bits))) == expected


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ((), "suggest a little later."),
        ((9000,), "suggest a little later; in the other difficulty it begins at 00:09:000."),
        ((9000, 9000, 7000), "suggest a little later; in 2 of 3 other difficulties it begins at 00:09:000."),
        ((9000, 7000, 10_000), "suggest a little later."),
        ((18_000, 18_000), "suggest a little later."),  # another part of the song
    ],
)
def test_a_doubted_border_says_where_the_other_difficulties_have_it(others: tuple[int, ...], words: str):
    own, *rest = [
        replace(map_with((start, 24_000)), path=Path(f"{number}.osu")) for number, start in enumerate((8500, *others))
    ]
    seen = replace(doubted(own, {("kiai", 8500.0): 2.0}), mapset=Mapset(Path(), (own, *rest)))
    assert seen.corruption is not None
    (begins,) = (one for one in kiai_ends.propose(seen, seen.corruption) if one.time == 8500)
    assert begins.message.endswith(words)


@pytest.mark.parametrize(
    ("others", "is_meant"),
    [((), False), ((8500,), False), ((8500, 8500), True), ((8500, 9000, 8500), True), ((9000, 9000), False)],
)
def test_what_several_other_difficulties_share_is_meant(others: tuple[int, ...], is_meant: bool):
    own, *rest = [
        replace(map_with((start, 24_000)), path=Path(f"{number}.osu")) for number, start in enumerate((8500, *others))
    ]
    seen = replace(doubted(own, {}, elsewhere=1.5), mapset=Mapset(Path(), (own, *rest)))
    assert seen.corruption is not None
    times = [one.time for one in kiai_ends.propose(seen, seen.corruption)]
    assert (8500 not in times) is is_meant
    surprised = replace(seen, scores=model(own, own.timing_points[1].line, 16.0))
    assert (rules(findings_of(kiai_ends.run, surprised)) == []) is is_meant


def test_gap_in_the_middle():
    (finding,) = found(map_with((8000, 24_500), (24_750, 40_000)))
    assert finding.rule == "kiai/interrupted"
    assert finding.time == 24_500 and finding.end_time == 24_750


@pytest.mark.parametrize(
    ("others", "severity"),
    [
        ((24_500,), Severity.WARNING),
        ((24_500, 24_500), Severity.MINOR),
        ((24_500, 24_250), Severity.WARNING),  # another gap
    ],
)
def test_a_gap_that_two_other_difficulties_have_is_a_minor(others: tuple[int, ...], severity: Severity):
    own, *rest = [
        replace(map_with((8000, stop), (24_750, 40_000)), path=Path(f"{number}.osu"))
        for number, stop in enumerate((24_500, *others))
    ]
    (finding,) = findings_of(kiai_ends.run, Evidence(own, mapset=Mapset(Path(), (own, *rest))))
    assert (finding.rule, finding.severity) == ("kiai/interrupted", severity)


def test_rest_before_a_new_measure_is_meant():
    assert found(map_with((8000, 23_500), (24_000, 40_000))) == []


def test_borders_of_rests_and_flashes_are_not_misplaced():
    """The rest ends the first section and begins the next one; the starts at 8 s and the end at 40 s stand alone."""
    loaded = map_with((8500, 23_500), (24_000, 40_000))
    by_time = {point.time: point.line for point in loaded.timing_points if point.uninherited is False}
    assert [rules(found(loaded, model(loaded, by_time[time], 16.0))) for time in (8500, 23_500, 24_000)] == [
        ["kiai/misplaced"],
        [],
        [],
    ]
    seen = doubted(loaded, {}, elsewhere=1.5)
    assert seen.corruption is not None
    assert [one.time for one in kiai_ends.propose(seen, seen.corruption)] == [8500, 40_000]


@pytest.mark.parametrize(
    ("end", "count"), [("40250,-100,4,2,0,60,0,0", 1), ("40250,-50,4,2,0,70,0,0", 1), ("40250,-100,4,2,0,70,0,0", 0)]
)
def test_stray_flash(end: str, count: int):
    lines = [RED_LINE, "8000,-100,4,2,0,70,0,1", "24000,-100,4,2,0,70,0,0", "40000,-100,4,2,0,70,0,1", end]
    flashing = beatmap([f"256,192,{1000 + i * 500},1,0,0:0:0:0:" for i in range(200)], lines)
    assert rules(found(flashing)) == ["kiai/stray-flash"] * count


def test_one_beat_is_no_beats():
    lines = [
        RED_LINE,
        "8000,-100,4,2,0,70,0,1",
        "24000,-100,4,2,0,70,0,0",
        "40000,-100,4,2,0,70,0,1",
        "40500,-50,4,2,0,70,0,0",
    ]
    (finding,) = found(beatmap([f"256,192,{1000 + i * 500},1,0,0:0:0:0:" for i in range(200)], lines))
    assert finding.message == "Kiai is on for only 1 beat; the map has no other such flash."


def test_a_flash_that_two_other_difficulties_have_is_meant():
    lines = [RED_LINE, "8000,-100,4,2,0,70,0,1", "24000,-100,4,2,0,70,0,0", "40000,-100,4,2,0,70,0,1"]
    own, *others = [
        replace(
            beatmap(
                [f"256,192,{1000 + i * 500},1,0,0:0:0:0:" for i in range(200)],
                [*lines, f"40250,-{50 + number},4,2,0,70,0,0"],
            ),
            path=Path(f"{number}.osu"),
        )
        for number in range(3)
    ]
    for rest, expected in ((others[:1], ["kiai/stray-flash"]), (others, [])):
        assert rules(findings_of(kiai_ends.run, Evidence(own, mapset=Mapset(Path(), (own, *rest))))) == expected


def test_flashing_style_is_meant():
    assert found(map_with((8000, 24_000), *((40_000 + i * MEASURE, 40_250 + i * MEASURE) for i in range(4)))) == []


def test_kiai_that_never_ends():
    assert rules(found(map_with((8000, None)))) == ["kiai/never-ends"]


def test_blind_spot_section_wrong_by_a_measure():
    assert found(map_with((8000, 24_000), (40_000, 56_000), (72_000 + MEASURE, 88_000))) == []
