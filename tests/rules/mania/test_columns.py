"""Columns of mania: occupied ones, and those that the model does not expect."""

from __future__ import annotations

from maimod.events.schema import EventKind, EventScore
from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from maimod.rules.mania import columns as mania_columns
from tests.findings import findings_of
from tests.maps import beatmap
from tests.positions import N, scored


def find(loaded: Beatmap, rule: str, scores: tuple[EventScore, ...] | None = None) -> list[Finding]:
    return [finding for finding in findings_of(mania_columns.run, Evidence(loaded, scores)) if finding.rule == rule]


def mania(*notes: tuple[int, float, float]) -> Beatmap:
    """Notes of (column, time, end) in four columns."""
    lines = [
        f"{64 + 128 * column},192,{time:g},{128 if end > time else 1},0,{f'{end:g}:' if end > time else ''}0:0:0:0:"
        for column, time, end in notes
    ]
    return beatmap(lines, mode=3)


def test_note_inside_a_hold_note_of_its_column() -> None:
    (finding,) = find(mania((0, 0, 1000), (1, 500, 500), (0, 800, 800)), "positions/column")
    assert (finding.objects, finding.severity) == ((2,), Severity.PROBLEM)


def test_notes_of_a_column_too_close_to_hit() -> None:
    assert find(mania((0, 0, 0), (0, 25, 25)), "positions/column")
    assert not find(mania((0, 0, 0), (0, 60, 60)), "positions/column")


def test_chord_is_silent() -> None:
    assert not findings_of(mania_columns.run, Evidence(mania((0, 0, 0), (1, 0, 0), (2, 0, 1000), (3, 0, 0))))


def test_model_on_a_column_is_no_problem() -> None:
    loaded = mania(*((i % 4, 250.0 * i, 250.0 * i) for i in range(N)))
    (finding,) = find(
        loaded, "positions/unexpected-column", scored(loaded, {(9, EventKind.COLUMN): 14}, (EventKind.COLUMN,))
    )
    assert (finding.severity, finding.expected[0].text) == (Severity.WARNING, "column 13")
