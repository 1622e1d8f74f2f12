from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.catch import combos as catch_combos
from maimod.rules.catch import dashes
from maimod.rules.evidence import Evidence
from maimod.rules.mapset import difficulty
from tests.findings import findings_of
from tests.maps import beatmap


def fruit(x: float, time: float, new_combo: bool = False) -> str:
    return f"{x:g},192,{time:g},{5 if new_combo else 1},0,0:0:0:0:"


def found(objects: Sequence[str], level: Level | None, guessed: bool = False, **settings: float) -> list[Finding]:
    loaded = beatmap(objects, ["0,500,4,2,0,70,1,0"], mode=2, **{"circle_size": 5.0, **settings})
    return findings_of(dashes.run, Evidence(loaded, level=level, level_guessed=guessed))


def way(*steps: tuple[float, float]) -> list[str]:
    """Fruits from 1 s on, each (px, ms) from the one before; the leftmost is at 0."""
    x, time = -min(0.0, *accumulate(px for px, _ in steps)), 1000.0
    objects = [fruit(x, time)]
    for px, ms in steps:
        x, time = x + px, time + ms
        objects.append(fruit(x, time))
    return objects


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


def combo(count: int, level: Level) -> list[Finding]:
    objects = [fruit(100, 1000 + i * 500, new_combo=i in (0, count)) for i in range(count + 2)]
    return findings_of(catch_combos.run, Evidence(beatmap(objects, mode=2), level=level))


@pytest.mark.parametrize(
    ("count", "level", "severity"),
    [
        (8, Level.EASY, None),
        (9, Level.EASY, "minor"),
        (13, Level.EASY, "warning"),
        (10, Level.NORMAL, None),
        (13, Level.HARD, "minor"),
        (16, Level.EXPERT, None),
        (30, Level.EXPERT, "minor"),  # the criteria give no number
    ],
)
def test_long_combos(count: int, level: Level, severity: str | None):
    assert [f.severity for f in combo(count, level)] == ([] if severity is None else [severity])


def test_what_no_criterion_limits_is_said_so():
    (limited,), (unlimited,) = combo(11, Level.NORMAL), combo(17, Level.EXPERT)
    assert (
        "17 fruits; more than 16 are many in " in unlimited.message
        and "the criteria give no number." in unlimited.message
    )
    assert "a Salad should have at most 10." in limited.message


def test_ends_of_sliders_count_and_drops_do_not():
    sliders = [f"100,192,{1000 + i * 1500},2,0,L|400:192,1,280" for i in range(5)]
    (finding,) = findings_of(catch_combos.run, Evidence(beatmap(sliders, mode=2), level=Level.EASY))
    assert finding.actual == "10 fruits"


def test_a_slider_that_is_a_combo_has_no_place_for_another():
    objects = [fruit(100, 1000), "100,192,2000,6,0,L|130:192,20,30", fruit(100, 8000, new_combo=True)]
    assert findings_of(catch_combos.run, Evidence(beatmap(objects, mode=2), level=Level.EASY)) == []


def showers(evidence: Evidence) -> list[Finding]:
    return [f for f in findings_of(difficulty.run, evidence) if f.rule == difficulty.NO_SHOWER.id]


def test_a_difficulty_without_a_banana_shower():
    assert [f.severity for f in showers(Evidence(beatmap(way(WALK), mode=2)))] == ["minor"]
    with_one = [*way(WALK), "256,192,5000,12,0,6000,0:0:0:0:"]
    assert showers(Evidence(beatmap(with_one, mode=2))) == []
    assert showers(Evidence(beatmap(way(WALK)))) == []


@pytest.mark.parametrize(("overall", "severity"), [(8, None), (9, "warning"), (7, "minor")])
def test_overall_difficulty_is_the_approach_rate(overall: float, severity: str | None):
    loaded = beatmap(way(WALK), mode=2, overall_difficulty=overall, approach_rate=8)
    found = [f for f in findings_of(difficulty.run, Evidence(loaded)) if f.rule == difficulty.OVERALL_APPROACH.id]
    assert [f.severity for f in found] == ([] if severity is None else [severity])
