"""Sliders that are hard to read, and parts of a map without a circle."""

from __future__ import annotations

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.sliders import reading
from tests.findings import findings_of
from tests.maps import beatmap
from tests.positions import circle


def found(objects: list[str], level: Level, mode: int = 0) -> list[Finding]:
    return findings_of(reading.run, Evidence(beatmap(objects, mode=mode), level=level))


def rules(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in findings]


BACK = "100,100,1000,2,0,B|300:100|300:100|100:101,1,390"
LOOP = "100,100,1000,2,0,B|300:100|300:100|300:250|300:250|100:100,1,600"
CORNER = "100,100,1000,2,0,B|300:100|300:250|100:100|100:100|100:300,1,640"


@pytest.mark.parametrize(
    ("slider", "rule"),
    [
        (BACK, "sliders/shape-runs-back"),
        (LOOP, "sliders/shape-ambiguous"),
        (CORNER, "sliders/shape-ambiguous"),
        ("100,100,1000,2,0,L|300:100,1,200", None),
        ("100,100,1000,2,0,P|200:200|300:100,1,310", None),
        ("100,100,1000,2,0,B|100:100|300:100|300:100,1,200", None),  # ends listed twice
        ("100,100,1000,2,0,B|150:100|150:100|100:101,1,95", None),  # under the follow circle
        ("100,100,1000,2,0,B|300:100|300:100|300:250,1,350", None),  # a corner
    ],
)
def test_paths_that_cannot_be_read(slider: str, rule: str | None):
    assert rules(found([slider], Level.HARD)) == ([(rule, "warning")] if rule else [])
    assert rules(found([slider], Level.EXPERT)) == ([(rule, "minor")] if rule else [])
    assert found([slider], Level.HARD, mode=2) == []


@pytest.mark.parametrize(
    ("count", "gap", "level", "hit"),
    [
        (8, 1000, Level.EASY, True),
        (8, 1000, Level.NORMAL, True),
        (6, 1000, Level.EASY, False),
        (8, 600, Level.EASY, False),  # five seconds in all
        (8, 1500, Level.EASY, False),  # a pause of two beats after each
        (8, 1000, Level.HARD, False),
    ],
)
def test_sliders_without_a_circle(count: int, gap: int, level: Level, hit: bool):
    sliders = [f"100,192,{1000 + gap * i},2,0,L|240:192,1,180" for i in range(count)]  # 643 ms
    objects = [circle(100, 192, 0), *sliders, circle(100, 192, 1000 + gap * (count + 1))]
    findings = [finding for finding in found(objects, level) if finding.rule == "sliders/only-sliders"]
    assert rules(findings) == [("sliders/only-sliders", "minor")] * hit
