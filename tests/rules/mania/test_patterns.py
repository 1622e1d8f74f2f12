"""Runs, jacks and trills by level."""

from __future__ import annotations

import pytest

from maimod.osu.level import Level
from maimod.rules.evidence import Evidence
from maimod.rules.mania import patterns as mania_patterns
from tests.findings import findings_of
from tests.mania import made, note


def patterns(level: Level | None, *steps: tuple[float, int]) -> list[tuple[str, str]]:
    """Findings about notes, each (ms after the one before, column)."""
    time, objects = 1000.0, [note(0, 1000)]
    for ms, column in steps:
        time += ms
        objects.append(note(column, time))
    found = findings_of(mania_patterns.run, Evidence(made(objects), level=level))
    return [(finding.rule, finding.severity.value) for finding in found]


def stream(count: int, ms: float) -> list[tuple[float, int]]:
    """Notes after the first, in columns in turn."""
    return [(ms, i % 4) for i in range(1, count)]


@pytest.mark.parametrize(
    ("level", "count", "ms", "severity"),
    [
        (Level.EASY, 5, 200, None),
        (Level.EASY, 6, 200, "minor"),
        (Level.EASY, 11, 200, "warning"),
        (Level.EASY, 2, 100, "warning"),
        (Level.NORMAL, 5, 100, None),
        (Level.NORMAL, 6, 100, "minor"),
        (Level.NORMAL, 2, 66, "warning"),
        (Level.NORMAL, 2, 80, None),
        (Level.HARD, 3, 50, None),
        (Level.HARD, 4, 50, "warning"),
        (Level.HARD, 40, 100, None),
        (Level.INSANE, 40, 50, None),
        (None, 40, 50, None),
    ],
)
def test_runs_by_level(level: Level | None, count: int, ms: float, severity: str | None):
    expected = [] if severity is None else [("rhythm/run-for-level", severity)]
    assert patterns(level, *stream(count, ms)) == expected


def test_runs_of_a_map_are_one_finding_that_lists_the_places() -> None:
    objects = [note(i % 4, start + 100 * i) for start in (1000, 5000, 9000) for i in range(3)]
    (found,) = findings_of(mania_patterns.run, Evidence(made(objects), level=Level.EASY))
    assert "the same at 2 more places: 00:05:000, 00:09:000" in found.message
    fast = [
        note(i % 4, 1000 + 100 * i) for i in range(12)
    ]  # too long for a run on 1/2 as well, which is the same mistake
    assert len(list(findings_of(mania_patterns.run, Evidence(made(fast), level=Level.EASY)))) == 1


def test_notes_a_little_off_are_one_chord():
    assert patterns(Level.EASY, (5, 1), (400, 2)) == []


def test_jacks_and_trills():
    assert patterns(Level.NORMAL, (100, 0)) == [("rhythm/jack-for-level", "warning")]
    assert patterns(Level.NORMAL, (100, 1), (100, 0)) == [] == patterns(Level.NORMAL, (200, 0))
    assert patterns(Level.HARD, (100, 0)) == []
    trill = [(100, i % 2) for i in range(1, 10)]
    assert patterns(Level.HARD, *trill) == [("rhythm/jack-for-level", "warning")]
    assert patterns(Level.HARD, *trill[:-1]) == []
    assert patterns(Level.HARD, *trill[:6], (100, 3), *trill[:6]) == []
