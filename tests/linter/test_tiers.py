"""Facts come through the whole line as they are, whatever the networks think of the same place."""

from __future__ import annotations

import pytest

from maimod.findings import Category, Finding, Severity, Tier
from maimod.linter.gather import Gathered
from maimod.linter.pipeline import analyse
from maimod.linter.settings import Settings
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from tests.findings import judgeable, judging
from tests.maps import beatmap

CREDULOUS = judging(Category.RHYTHM, "slot extra", 2.0, 0.0, "rhythm/wrong-tick")
"""Believes every doubt of the discriminator."""


def circles(*times: float) -> list[str]:
    return [f"{128 + 64 * (i % 4)},192,{time},1,0,0:0:0:0:" for i, time in enumerate(times)]


def report(evidence: Evidence) -> list[Finding]:
    settings = Settings(ignore=("mapset", "hitsounds"))
    return list(analyse(Gathered(evidence, calibration=CREDULOUS), "map.osu", settings).report.findings)


def listed(findings: list[Finding]) -> list[tuple[str, Severity]]:
    return [(finding.rule, finding.severity) for finding in findings]


def off_every_tick() -> Beatmap:
    """An object 50 ms off its beat."""
    return beatmap(circles(*(1000 + 500 * i + 50 * (i == 30) for i in range(70))))


@pytest.mark.parametrize("logit", [None, -30.0, 9.0])
def test_an_object_off_every_tick_is_a_problem_with_and_without_networks(logit: float | None) -> None:
    loaded = off_every_tick()
    doubts = {("extra", 16_050.0): logit, ("missing", 16_000.0 + 500 / 4): logit} if logit is not None else {}
    findings = report(judgeable(loaded, doubts) if doubts else Evidence(loaded))
    assert listed(findings) == [("rhythm/unsnapped", Severity.PROBLEM)]
    assert (findings[0].score, findings[0].tier) == (0.95, Tier.EXACT)
    folded = [
        {"timestamp": "00:16:050 (31) -", "rule": "rhythm/wrong-tick", "severity": "minor", "id": "049038f9896c034f"}
    ]
    assert findings[0].evidence.get("also", []) == (folded if logit == 9.0 else [])


def test_a_slider_off_the_screen_is_a_problem_beside_a_guess_about_its_end() -> None:
    """The slider ends on 1/5, alone in its map; its body leaves the screen."""
    lines = circles(*(1000 + 500 * i for i in range(70)))
    lines[30] = "300,192,16000,2,0,L|300:600,1,308"  # 140 px are a beat: 2.2 beats
    del lines[31:34]
    findings = report(Evidence(beatmap(lines)))
    assert sorted(listed(findings)) == [
        ("positions/offscreen", Severity.PROBLEM),
        ("rhythm/unusual-snap", Severity.WARNING),
    ]


def test_a_map_full_of_facts_keeps_them_all() -> None:
    lines = circles(*(1000 + 500 * i for i in range(70)))
    for i in range(10, 60, 10):
        lines[i] = f"-100,192,{1000 + 500 * i},1,0,0:0:0:0:"
    findings = report(judgeable(beatmap(lines), {}, elsewhere=-30.0))
    assert [finding.severity for finding in findings if finding.rule == "positions/offscreen"] == [Severity.PROBLEM] * 5
