"""Timing lines: hits, near misses, maps without findings, and blind spots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from maimod.findings import Finding
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.timing import lines
from tests.findings import findings_of
from tests.maps import RED_LINE, beatmap

GREEN = "4000,-50,4,2,0,70,0,0"


SLIDERS = tuple(f"100,192,{time},2,0,L|205:192,1,35" for time in range(500, 12_000, 500))
"""A short slider every beat, so that each line has something to change."""


def found(*points: str, mode: int = 0, objects: Sequence[str] = SLIDERS) -> list[Finding]:
    return findings_of(lines.run, Evidence(beatmap(objects, points, mode)))


def rules(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity.value) for finding in findings]


def test_lines_that_change_something_are_silent():
    assert found(RED_LINE, GREEN, "6000,-100,4,2,0,70,0,0", "8000,-100,4,2,0,60,0,0", "9000,-100,4,2,0,60,0,1") == []


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ((RED_LINE, GREEN, "4000,-100,4,2,0,70,0,0"), [("timing/duplicate-green-line", "problem")]),
        ((RED_LINE, GREEN, GREEN), [("timing/duplicate-green-line", "minor")]),
        ((RED_LINE, "0,-50,4,2,0,70,0,0"), []),  # a green line on a red one for its velocity
        ((RED_LINE, "0,-50,4,2,0,40,0,0"), [("timing/red-green-conflict", "minor")]),
        ((RED_LINE, GREEN, "5000,-50,4,2,0,70,0,0"), [("timing/unused-green-line", "minor")]),
        ((RED_LINE, "5000,NaN,4,2,0,70,0,0", "6000,-100,4,2,0,70,0,0"), []),  # no slider ticks, and ticks again
        (("0,-100,4,2,0,70,0,0", RED_LINE.replace("0,500", "500,500")), [("timing/first-line", "problem")]),
        ((RED_LINE[:-1] + "1", "4000,-100,4,2,0,70,0,0"), [("timing/first-line", "problem")]),
        ((RED_LINE, "4000,-100,4,2,0,4,0,0"), [("timing/line-volume", "minor")]),
        ((RED_LINE, "4000,-100,4,2,0,5,0,0"), []),
        ((RED_LINE, "4000,-100,4,2,0,105,0,0"), [("timing/line-volume", "minor")]),
        ((RED_LINE, "4000,-100,4,2,0,100,0,0"), []),
    ],
)
def test_green_lines_and_the_first(points: tuple[str, ...], expected: list[tuple[str, str]]):
    assert rules(found(*points)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("8000,500,4,2,0,70,1,0", [("timing/unused-red-line", "warning")]),
        ("8500,500,4,2,0,70,1,0", []),  # the bar starts anew on another beat
        ("8000,500,3,2,0,70,1,0", []),
        ("8000,480,4,2,0,70,1,0", []),
        (
            "8000,500,4,2,0,70,1,8",
            [("timing/unused-red-line", "warning")],
        ),  # it omits a bar line that osu! does not show
    ],
)
def test_red_lines_that_change_nothing(line: str, expected: list[tuple[str, str]]):
    assert rules(found(RED_LINE, line)) == expected
    assert found(RED_LINE, line, mode=3) == []


def test_a_green_line_on_a_red_line_that_is_to_be_deleted_is_no_conflict():
    unused, differs = "8000,500,4,2,0,70,1,0", "8000,-50,4,2,0,40,0,0"
    assert rules(found(RED_LINE, unused, differs)) == [("timing/unused-red-line", "warning")]
    assert rules(found(RED_LINE, unused.replace("500", "480"), differs)) == [("timing/red-green-conflict", "minor")]


@pytest.mark.parametrize(
    ("times", "severity"),
    [
        ((0, 2000, 4000, 6010), "minor"),  # lines follow a played tempo
        ((0, 2000, 4000, 20010), "warning"),
        ((-20000, 2000, 4000, 6010), "minor"),
        ((0, 4000), "warning"),
    ],
)
def test_red_lines_that_follow_a_played_tempo_may_be_equal_by_chance(times: tuple[int, ...], severity: str):
    """The third of four lines, or the last of two, has the tempo of the one before."""
    lengths = (500, 500) if len(times) == 2 else (510, 500, 500, 490)
    lines = [f"{time},{length},4,2,0,70,1,0" for time, length in zip(times, lengths, strict=True)]
    assert rules(found(*lines)) == [("timing/unused-red-line", severity)]


@pytest.mark.parametrize(
    ("line", "objects", "count"),
    [
        (GREEN, ["100,192,5000,1,0"], 1),  # a velocity without a slider
        (GREEN, ["100,192,5000,2,0,L|205:192,1,35"], 0),
        (GREEN, ["100,192,3900,2,0,L|205:192,1,70"], 1),  # the slider has started before
        ("4000,-100,4,2,0,30,0,0", ["100,192,3000,1,0"], 1),  # a volume after the last object
        ("4000,-100,4,2,0,30,0,0", ["100,192,3996,1,0"], 0),  # samples may be up to 5 ms late
        ("4000,-100,4,2,0,30,0,0", ["100,192,3500,12,0,4500"], 0),  # the spinner ends later
        ("4000,-100,4,2,0,70,0,1", ["100,192,3000,1,0"], 0),  # kiai is seen without objects
    ],
)
def test_lines_whose_changes_no_object_uses(line: str, objects: list[str], count: int):
    assert rules(found(RED_LINE, line, objects=objects)) == [("timing/unused-green-line", "minor")] * count


@pytest.mark.parametrize(
    ("there", "is_listed"),
    [
        (("4000,-50,4,2,0,70,0,0",), False),  # a slider of the other difficulty uses it
        (("4000,-50,4,2,0,70,0,0", "4100,-100,4,2,0,70,0,0"), True),  # over before the next slider
        (("4000,-100,4,2,0,70,0,0",), True),  # changes nothing there either
        (("4200,-50,4,2,0,70,0,0",), True),
    ],
)
def test_lines_that_another_difficulty_uses_are_left_out(there: tuple[str, ...], is_listed: bool):
    own = beatmap(["100,192,4500,1,0"], [RED_LINE, GREEN], path="own.osu")
    other = beatmap(["100,192,4250,2,0,L|205:192,1,35"], [RED_LINE, *there], path="other.osu")
    found = findings_of(lines.run, Evidence(own, mapset=Mapset(Path(), (own, other))))
    assert rules(found) == [("timing/unused-green-line", "minor")] * is_listed


def test_scroll_speed_is_used_without_sliders():
    assert found(RED_LINE, GREEN, objects=["100,192,5000,1,0"], mode=1) == []


def test_many_lines_are_one_finding():
    lines = [f"{time},-100,4,2,0,70,0,0" for time in range(1000, 9000, 1000)]
    (finding,) = found(RED_LINE, *lines)
    assert finding.message == (
        "8 green lines between here and 00:08:000 change nothing; this one has 1.00x, 70 % volume."
    )
    assert len(finding.evidence["lines"]) == 8
    (finding,) = found(RED_LINE, *lines[:2], "8000,-100,4,2,0,30,0,0", objects=["100,192,3000,1,0"])
    assert finding.message == (
        "3 green lines here, at 00:02:000 and at 00:08:000 change nothing that an object uses; this one has 1.00x, 70 % volume."
    )
