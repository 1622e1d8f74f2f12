"""Hyperdashes and dashes of catch by level."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.catch import dashes
from maimod.rules.evidence import Evidence
from tests.catch import fruit, way
from tests.findings import findings_of
from tests.maps import beatmap


def found(objects: Sequence[str], level: Level | None, guessed: bool = False, **settings: float) -> list[Finding]:
    loaded = beatmap(objects, ["0,500,4,2,0,70,1,0"], mode=2, **{"circle_size": 5.0, **settings})
    return findings_of(dashes.run, Evidence(loaded, level=level, level_guessed=guessed))


def rules(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule.removeprefix("positions/"), finding.severity.value) for finding in findings]


HYPER, DASH, WALK = (400, 250), (250, 250), (100, 250)
BACK = (-400, 250)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (Level.EASY, [("hyperdash", "problem")]),
        (Level.NORMAL, [("hyperdash", "problem")]),
        (Level.HARD, []),
        (Level.INSANE, []),
        (Level.EXPERT, []),
        (None, []),
    ],
)
def test_hyperdashes_by_level(level: Level | None, expected: list[tuple[str, str]]):
    assert rules(found(way(HYPER), level)) == expected


def test_a_level_by_stars_makes_no_problem():
    assert rules(found(way(HYPER), Level.EASY, guessed=True)) == [("hyperdash", "warning")]


@pytest.mark.parametrize(("level", "severity"), [(Level.HARD, "problem"), (Level.INSANE, "warning")])
def test_hyperdashes_on_repeats(level: Level, severity: str):
    lines = ["0,500,4,2,0,70,1,0", "0,-50,4,2,0,70,0,0"]
    objects = ["0,192,1000,2,0,L|440:192,2,440", fruit(0, 3000)]
    loaded = beatmap(objects, lines, mode=2, circle_size=5, slider_multiplier=3.6, slider_tick_rate=0.5)
    findings = findings_of(dashes.run, Evidence(loaded, level=level))
    assert rules(findings) == [("hyperdash", severity)] * 2


@pytest.mark.parametrize(
    ("level", "ms", "wrong"),
    [(Level.HARD, 124, False), (Level.HARD, 100, True), (Level.INSANE, 62, False), (Level.INSANE, 50, True)],
)
def test_the_least_time_of_a_hyperdash(level: Level, ms: float, wrong: bool):
    assert rules(found(way((400, ms)), level)) == ([("hyperdash-snap", "problem")] if wrong else [])


@pytest.mark.parametrize(
    ("steps", "level", "expected"),
    [
        ([HYPER, BACK], Level.HARD, []),
        ([HYPER, BACK, HYPER], Level.HARD, [("hyperdash-run", "problem")]),
        ([HYPER, BACK, HYPER, BACK], Level.INSANE, []),
        ([HYPER, BACK, HYPER, BACK, HYPER], Level.INSANE, [("hyperdash-run", "problem")]),
        ([HYPER, BACK, HYPER, BACK, HYPER], Level.EXPERT, []),
        ([(400, 300), BACK], Level.HARD, [("hyperdash-run", "problem")]),
        ([(440, 330), (-400, 250)], Level.INSANE, [("hyperdash-run", "warning")]),
        ([(400, 200), (60, 500), (-400, 250)], Level.HARD, []),
        ([(400, 200), (-300, 300)], Level.HARD, [("hyperdash-run", "warning"), ("antiflow", "warning")]),
        ([(-300, 300), (-10, 300), (400, 200)], Level.HARD, []),
        ([(400, 200), (-400, 200)], Level.HARD, [("hyperdash-run", "problem"), ("antiflow", "warning")]),
        ([(400, 100), (-400, 100)], Level.INSANE, [("hyperdash-run", "problem"), ("antiflow", "warning")]),
    ],
)
def test_hyperdashes_in_a_row(steps: list[tuple[float, float]], level: Level, expected: list[tuple[str, str]]):
    assert sorted(rules(found(way(*steps), level))) == sorted(expected)


@pytest.mark.parametrize(
    ("steps", "level", "actual", "expected"),
    [
        ([HYPER, BACK, HYPER], Level.HARD, "3 hyperdashes", "at most 2"),
        ([(400, 300), BACK], Level.HARD, "2 hyperdashes", "the same snap"),
        ([(400, 200), (-300, 300)], Level.HARD, "200 ms", "no dash beside it"),
        ([(400, 200), (-400, 200)], Level.HARD, "2 hyperdashes", "one hyperdash"),
    ],
)
def test_what_a_run_of_hyperdashes_is_compared_with(
    steps: list[tuple[float, float]], level: Level, actual: str, expected: str
):
    (finding,) = [f for f in found(way(*steps), level) if f.rule == "positions/hyperdash-run"]
    assert (finding.actual, finding.expected[0].text) == (actual, expected)


EDGE = 250 - 1000 / 240 + 106.75 / 2
"""Px of a dash in 250 ms at circle size 5, from which on it is a hyperdash."""


@pytest.mark.parametrize(
    ("lacks", "level", "expected"),
    [
        (1, Level.NORMAL, [("edge-dash", "problem")]),
        (3, Level.NORMAL, [("edge-dash", "warning")]),
        (8, Level.HARD, [("edge-dash", "warning")]),
        (12, Level.HARD, []),
        (3, Level.INSANE, [("edge-dash", "minor")]),  # alone
        (3, Level.EXPERT, []),
    ],
)
def test_edge_dashes(lacks: float, level: Level, expected: list[tuple[str, str]]):
    assert rules(found(way((EDGE - lacks, 250)), level)) == expected


def test_an_edge_dash_after_a_hyperdash():
    assert ("edge-dash", "warning") in rules(found(way((-0.0, 500), HYPER, (-EDGE + 3, 250)), Level.EXPERT))


@pytest.mark.parametrize("steps", [(HYPER, (-EDGE + 3, 250)), ((EDGE - 3, 250), (-EDGE + 20, 250))])
def test_an_edge_dash_of_a_rain_next_to_another_dash(steps: tuple[tuple[float, float], ...]):
    assert ("edge-dash", "warning") in rules(found(way((-0.0, 500), *steps), Level.INSANE))


@pytest.mark.parametrize(
    ("steps", "level", "count"),
    [
        ([DASH], Level.EASY, 1),
        ([WALK], Level.EASY, 0),
        ([DASH], Level.NORMAL, 0),
        ([(140, 100)], Level.NORMAL, 1),
        ([(140, 100)], Level.HARD, 0),
        ([DASH, (-250, 250), DASH], Level.NORMAL, 1),
        ([DASH, (-250, 250), DASH], Level.HARD, 0),
        ([(200, 180), (-250, 250)], Level.NORMAL, 1),
        ([(200, 180), (-60, 250)], Level.NORMAL, 0),
    ],
)
def test_dashes(steps: list[tuple[float, float]], level: Level, count: int):
    assert [rule for rule, _ in rules(found(way(*steps), level)) if rule == "dash"] == ["dash"] * count


def test_fast_hyperdashes_within_a_slider_of_a_rain():
    lines = ["0,500,4,2,0,70,1,0", "0,-20,4,2,0,70,0,0"]
    loaded = beatmap(
        ["0,192,1000,2,0,L|400:192,1,400", fruit(400, 3000)], lines, mode=2, slider_multiplier=3.6, slider_tick_rate=0.5
    )
    findings = findings_of(dashes.run, Evidence(loaded, level=Level.INSANE))
    assert rules(findings) == [("hyperdash", "problem")]


def test_more_than_two_places_of_one_rule_are_one():
    # Each a fast hyperdash before a dash, with a walk behind.
    places = [(400, 200), (-300, 300), (-100, 1500)]
    for count, findings in ((2, 2), (3, 1)):
        of = [f for f in found(way(*places * count), Level.HARD) if f.rule == "positions/hyperdash-run"]
        assert [f.severity for f in of] == ["warning"] * findings
    assert "; the same at 2 more places: " in of[0].message


def test_antiflow_after_a_fast_hyperdash():
    (finding,) = found(way((400, 200), (-150, 300)), Level.HARD)
    assert (
        "After this hyperdash of 400 px in 200 ms the next fruit lies 150 px in 300 ms in the other " in finding.message
    )
    assert rules(found(way((400, 200), (-150, 300)), Level.HARD)) == [("antiflow", "minor")]
    assert rules(found(way((400, 200), (-130, 300)), Level.HARD)) == []  # two thirds of the walking speed are enough
    assert rules(found(way((400, 200), (-30, 300)), Level.HARD)) == []  # caught without moving
    assert rules(found(way((400, 200), (100, 300)), Level.HARD)) == []
    assert rules(found(way((400, 260), (-100, 300)), Level.HARD)) == []


def back_and_forth(lacks: Sequence[float], level: Level | None = None) -> list[Finding]:
    """Dashes from side to side that lack so many px to a hyperdash."""
    steps = [((EDGE - px) * (-1) ** i, 250.0) for i, px in enumerate(lacks)]
    return [one for one in found(way((-0.0, 500), *steps), level) if one.rule == "positions/lone-edge-dash"]


def test_the_only_dash_that_is_nearly_a_hyperdash() -> None:
    (finding,) = back_and_forth([30, 30, 30, 12, 30, 30])
    assert finding.severity == "minor" and finding.time == 2250
    assert "12 px more would be a hyperdash; the other 5 dashes of the map lack 30 px or more." in finding.message


@pytest.mark.parametrize(
    "lacks",
    [[30] * 6, [30, 30, 16, 30, 30, 30], [30, 12, 20, 30, 30, 30], [30, 4, 12, 30, 30, 30], [30, 12, 30, 30, 30]],
)
def test_edge_dashes_that_are_usual(lacks: Sequence[float]) -> None:
    """None; one that is not that close; others nearly as close, or close as well; few dashes."""
    assert not back_and_forth(lacks)
