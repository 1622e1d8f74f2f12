"""Difficulty settings: hits, near misses, maps without findings, and blind spots."""

from __future__ import annotations

import pytest

from maimod.findings import Finding
from maimod.osu.beatmap import Beatmap
from maimod.osu.level import Level
from maimod.osu.parser import parse
from maimod.rules.evidence import Evidence
from maimod.rules.mapset import difficulty
from tests.catch import way
from tests.findings import findings_of
from tests.maps import beatmap, text

COLOURS = ("255,128,64", "64,160,255")


def coloured(*colours: str, extra: str = "", **settings: float) -> Beatmap:
    section = (
        "[Colours]\n" + "".join(f"Combo{number} : {colour}\n" for number, colour in enumerate(colours, start=1)) + extra
    )
    kiai = ("0,500,4,2,0,70,1,0", "2000,-100,4,2,0,70,0,1", "4000,-100,4,2,0,70,0,0")
    return parse(text(timing_points=kiai, **settings).replace("[HitObjects]", f"{section}\n[HitObjects]").encode())


def found(loaded: Beatmap, level: Level | None = None) -> list[Finding]:
    return findings_of(difficulty.run, Evidence(loaded, level=level))


def of(rule: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.rule == rule]


def test_usual_settings_are_silent():
    assert found(coloured(*COLOURS, overall_difficulty=5.5, approach_rate=7, slider_multiplier=1.437), Level.HARD) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"approach_rate": 9.25}, "The approach rate is 9.25; it may have one decimal."),
        ({"overall_difficulty": 11}, "The overall difficulty is 11, outside of 0 to 10."),
        ({"hp_drain_rate": -1}, "The health drain is -1, outside of 0 to 10."),
        ({"slider_multiplier": 4}, "The slider velocity is 4, outside of 0.4 to 3.6."),
        ({"approach_rate": 9.3000001907}, None),
    ],
)  # float32
def test_values_out_of_bounds(settings: dict[str, float], message: str | None):
    findings = of("mapset/setting", found(coloured(*COLOURS, **settings)))
    assert [finding.message for finding in findings] == ([] if message is None else [message])


@pytest.mark.parametrize(("rate", "count"), [(1, 0), (2, 0), (0.5, 0), (1.333, 0), (1.5, 0), (1.25, 1)])
def test_tick_rates(rate: float, count: int):
    assert len(found(coloured(*COLOURS, slider_tick_rate=rate))) == count


@pytest.mark.parametrize(("rate", "severity"), [(6, None), (6.5, "minor"), (7.5, "minor"), (8, "warning")])
def test_settings_for_the_level(rate: float, severity: str | None):
    findings = found(coloured(*COLOURS, approach_rate=rate, overall_difficulty=4, hp_drain_rate=4), Level.NORMAL)
    assert [finding.severity for finding in findings] == ([] if severity is None else [severity])
    assert found(coloured(*COLOURS, approach_rate=rate)) == []


@pytest.mark.parametrize(
    ("mode", "level", "settings", "messages"),
    [
        (
            1,
            Level.EASY,
            {"overall_difficulty": 5, "hp_drain_rate": 8},
            ["difficulty is 5; usual for a Kantan is 3 or less."],
        ),
        (1, Level.EASY, {"overall_difficulty": 3, "hp_drain_rate": 9, "approach_rate": 10}, []),
        (2, Level.INSANE, {"approach_rate": 9.5, "circle_size": 4}, ["rate is 9.5; usual for a Rain is 9 or less."]),
        (
            3,
            Level.NORMAL,
            {"overall_difficulty": 8, "circle_size": 7},
            ["difficulty is 8; usual for a Normal is 7.5 or less."],
        ),
        (3, Level.INSANE, {"overall_difficulty": 10, "hp_drain_rate": 10, "circle_size": 7}, []),
    ],
)
def test_settings_for_the_level_in_other_modes(
    mode: int, level: Level, settings: dict[str, float], messages: list[str]
):
    loaded = beatmap(mode=mode, **settings)
    findings = of("mapset/unusual-for-level", found(loaded, level))
    assert [finding.message.rpartition(" overall ")[2].rpartition(" approach ")[2] for finding in findings] == messages


def test_a_level_by_stars_alone_forgives_more():
    near, far = coloured(*COLOURS, approach_rate=7.5), coloured(*COLOURS, approach_rate=7.6)
    for loaded, rules in ((near, []), (far, ["mapset/unusual-for-level"])):
        evidence = Evidence(loaded, level=Level.NORMAL, level_guessed=True)
        findings = of("mapset/unusual-for-level", findings_of(difficulty.run, evidence))
        assert [finding.rule for finding in findings] == rules
    taiko = Evidence(beatmap(mode=1, overall_difficulty=10), level=Level.EASY, level_guessed=True)
    assert of("mapset/unusual-for-level", findings_of(difficulty.run, taiko)) == []


@pytest.mark.parametrize(("health", "count"), [(8, 0), (7, 0), (6.9, 1)])
def test_health_of_taiko_may_be_slightly_lower(health: float, count: int):
    loaded = beatmap(mode=1, overall_difficulty=3, hp_drain_rate=health)
    assert len(of("mapset/unusual-for-level", found(loaded, Level.EASY))) == count


@pytest.mark.parametrize(
    ("colours", "extra", "expected"),
    [
        (("255,128,64",), "", ["problem"]),
        (("10,10,10", "64,160,255"), "", ["problem"]),
        (("38,38,38", "64,160,255"), "", ["warning"]),
        (("255,255,255", "64,160,255"), "", ["warning"]),
        ((), "", ["minor"]),
        (COLOURS, "SliderBorder : 0,0,0", ["warning"]),
    ],
)
def test_colours(colours: tuple[str, ...], extra: str, expected: list[str]):
    findings = of("mapset/combo-colours", found(coloured(*colours, extra=extra)))
    assert [finding.severity for finding in findings] == expected


def test_findings_name_the_line_of_the_setting():
    loaded = coloured(*COLOURS, approach_rate=9.25)
    (finding,) = found(loaded)
    lines = text(approach_rate=9.25).splitlines()
    assert lines[finding.line - 1] == "ApproachRate:9.25"


@pytest.mark.parametrize(("count", "expected"), [(9000, ["mapset/score-overflow"]), (7000, [])])
def test_scores_beyond_what_stable_counts(count: int, expected: list[str]):
    objects = [f"256,192,{1000 + 100 * number},1,0,0:0:0:0:" for number in range(count)]
    loaded = beatmap(objects, hp_drain_rate=8, circle_size=4, overall_difficulty=10)  # a multiplier of 5
    assert [finding.rule for finding in of("mapset/score-overflow", found(loaded))] == expected
    assert of("mapset/score-overflow", found(beatmap(objects, mode=1))) == []


def test_decimals_of_settings_that_the_mode_does_not_use():
    findings = of("mapset/setting", found(beatmap(mode=1, approach_rate=5.55, circle_size=2)))
    assert [(finding.severity, finding.evidence["subject"]) for finding in findings] == [("minor", "ApproachRate")]
    assert of("mapset/setting", found(beatmap(mode=3, circle_size=4, approach_rate=5.5))) == []


def showers(evidence: Evidence) -> list[Finding]:
    return [f for f in findings_of(difficulty.run, evidence) if f.rule == difficulty.NO_SHOWER.id]


def test_a_difficulty_without_a_banana_shower():
    assert [f.severity for f in showers(Evidence(beatmap(way((100, 250)), mode=2)))] == ["minor"]
    with_one = [*way((100, 250)), "256,192,5000,12,0,6000,0:0:0:0:"]
    assert showers(Evidence(beatmap(with_one, mode=2))) == []
    assert showers(Evidence(beatmap(way((100, 250))))) == []


@pytest.mark.parametrize(("overall", "severity"), [(8, None), (9, "warning"), (7, "minor")])
def test_overall_difficulty_is_the_approach_rate(overall: float, severity: str | None):
    loaded = beatmap(way((100, 250)), mode=2, overall_difficulty=overall, approach_rate=8)
    found = [f for f in findings_of(difficulty.run, Evidence(loaded)) if f.rule == difficulty.OVERALL_APPROACH.id]
    assert [f.severity for f in found] == ([] if severity is None else [severity])
