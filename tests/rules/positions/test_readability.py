"""Objects that are hard to read: hits, near misses, levels."""

from __future__ import annotations

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.positions import readability
from tests.findings import findings_of
from tests.maps import beatmap


def circle(time: float, x: int = 100) -> str:
    return f"{x},192,{time},1,0,0:0:0:0:"


def found(objects: list[str], level: Level | None = None, leniency: str = "0.7") -> list[Finding]:
    return findings_of(readability.run, Evidence(beatmap(objects, general={"StackLeniency": leniency}), level=level))


@pytest.mark.parametrize(
    ("gap", "x", "severity"), [(140, 250, "problem"), (160, 250, "warning"), (180, 250, None), (140, 150, None)]
)  # circles are 73 px wide
def test_close_in_time_but_apart(gap: int, x: int, severity: str | None):
    objects = [circle(1000), circle(1000 + gap, x)]
    assert [finding.severity for finding in found(objects, Level.NORMAL)] == ([] if severity is None else [severity])
    assert found(objects, Level.HARD) == [] == found(objects)


@pytest.mark.parametrize(
    ("leniency", "gap", "count"), [("0.1", 125, 1), ("0.7", 125, 0), ("0.1", 115, 0), ("0.1", 250, 0)]
)
def test_overlaps_that_are_not_stacked(leniency: str, gap: int, count: int):
    findings = found([circle(1000), circle(1000 + gap)], leniency=leniency)  # approach rate 5: 120 ms at 0.1
    assert [finding.rule for finding in findings] == ["positions/unstacked"] * count


def test_unstacked_overlaps_by_level():
    objects = [circle(1000), circle(1250)]
    general = {"StackLeniency": "0.2"}
    loaded = beatmap(objects, approach_rate=8, general=general)
    for level, count in ((Level.HARD, 1), (Level.INSANE, 0), (None, 0)):
        findings = findings_of(readability.run, Evidence(loaded, level=level))
        assert [f.rule for f in findings] == ["positions/unstacked"] * count
