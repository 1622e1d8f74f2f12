"""Hold notes: too short, released close to each other, with notes during them."""

from __future__ import annotations

import pytest

from maimod.findings import Finding
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.mania import holds
from tests.findings import findings_of
from tests.mania import hold, made, note


@pytest.mark.parametrize(
    ("ms", "level", "severity"),
    [
        (400, Level.EASY, None),
        (300, Level.EASY, "minor"),
        (150, Level.EASY, "warning"),
        (200, Level.NORMAL, None),
        (150, Level.NORMAL, "minor"),
        (100, Level.HARD, None),
        (80, Level.HARD, "minor"),
        (40, Level.HARD, "warning"),
        (20, Level.HARD, None),
        (40, Level.INSANE, None),
        (40, None, None),
    ],
)
def test_short_hold_notes(ms: float, level: Level | None, severity: str | None):
    found = findings_of(holds.run, Evidence(made([hold(0, 1000, 1000 + ms)]), level=level))
    assert [f.severity for f in found] == ([] if severity is None else [severity])


def test_many_short_hold_notes_are_one_minor():
    objects = [hold(0, 1000 * i, 1000 * i + 100) for i in range(1, 8)]
    (finding,) = findings_of(holds.run, Evidence(made(objects), level=Level.EASY))
    assert finding.severity == "minor" and "6 more places" in finding.message


def held(level: Level | None, *objects: str) -> list[tuple[str, str]]:
    findings = findings_of(holds.run, Evidence(made(objects), level=level))
    return [(finding.rule, finding.severity.value) for finding in findings]


@pytest.mark.parametrize(
    ("level", "apart", "count"),
    [
        (Level.EASY, 400, 0),
        (Level.EASY, 200, 1),
        (Level.EASY, 5, 0),
        (Level.NORMAL, 200, 0),
        (Level.NORMAL, 100, 1),
        (Level.HARD, 100, 0),
    ],
)
def test_releases_by_level(level: Level, apart: float, count: int):
    found = held(level, hold(0, 1000, 2600), hold(1, 1400, 2600 + apart))
    assert found == [("rhythm/close-releases", "warning")] * count


def test_notes_during_short_hold_notes():
    during = [("rhythm/note-during-hold", "warning")]
    assert held(Level.EASY, hold(0, 1000, 1400), note(1, 1200)) == during
    assert held(Level.EASY, hold(0, 1000, 1400), note(1, 1000), note(2, 1400)) == []
    assert held(Level.EASY, hold(0, 1000, 1800), note(1, 1400)) == []
    assert held(Level.NORMAL, hold(0, 1000, 1400), note(1, 1200)) == []
    assert held(Level.NORMAL, hold(0, 1000, 1200), note(1, 1100)) == during
    assert held(Level.HARD, hold(0, 1000, 1200), note(1, 1100)) == []


def releases(*apart: float, even: int = 12) -> list[Finding]:
    ends = [0.0] * even + list(apart)
    objects = [
        line
        for place, late in enumerate(ends)
        for line in (
            hold(0, 1000 + place * 1000, 1800 + place * 1000),
            hold(1, 1000 + place * 1000, 1800 + place * 1000 + late),
        )
    ]
    return findings_of(holds.run, Evidence(made(objects)))


def test_hold_notes_released_just_apart():
    (finding,) = releases(40)
    assert finding.rule == holds.UNEVEN_RELEASE.id and finding.severity == "warning"
    assert releases(1) == [] == releases(100) == releases(40, even=9)
    assert releases(40, 40, 40, even=60) == []
