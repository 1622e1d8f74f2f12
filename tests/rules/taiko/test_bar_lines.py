"""Bar lines of taiko: close together, hidden, with the old scroll speed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.findings import Finding
from maimod.rules.evidence import Evidence
from maimod.rules.taiko import bar_lines
from tests.findings import findings_of
from tests.taiko import LINE, made, notes, run_of


def bars(objects: Sequence[str], *lines: str) -> list[Finding]:
    return findings_of(bar_lines.run, Evidence(made(objects, lines)))


@pytest.mark.parametrize(
    ("second", "severity"),
    [
        ("8400,400,4,2,0,70,1,0", "problem"),
        ("8440,400,4,2,0,70,1,0", "minor"),
        ("8800,400,4,2,0,70,1,0", "minor"),
        ("9200,400,4,2,0,70,1,0", "minor"),
        ("9600,400,4,2,0,70,1,0", None),
        ("9500,400,4,2,0,70,1,0", None),
        ("8001,400,4,2,0,70,1,0", None),
        ("8400,400,4,2,0,70,1,8", None),
        ("20400,400,4,2,0,70,1,0", None),
    ],
)
def test_close_bar_lines(second: str, severity: str | None):
    findings = bars(run_of(10, 1000), LINE, second)
    assert [f.severity for f in findings] == ([] if severity is None else [severity])
    assert all(f.rule == bar_lines.CLOSE.id for f in findings)


def test_an_omitted_bar_line_is_not_close():
    once = [LINE, "8000,400,4,2,0,70,1,8", "8400,400,4,2,0,70,1,0"]
    assert bars(run_of(10, 1000), *once) == []
    later = [LINE, "8000,400,4,2,0,70,1,8", "10000,400,4,2,0,70,1,0"]
    assert [f.rule for f in bars(run_of(10, 1000), *later)] == [bar_lines.CLOSE.id]


@pytest.mark.parametrize(("end", "severity"), [(7998.6, "warning"), (7999.4, None), (8000, None), (7900, None)])
def test_the_last_note_may_hide_its_bar_line(end: float, severity: str | None):
    findings = bars(notes(4000, end), LINE)
    assert [f.severity for f in findings] == ([] if severity is None else [severity])


def test_the_end_of_a_denden_is_a_minor():
    (finding,) = bars([*notes(4000), "256,192,6000,12,0,7999,0:0:0:0:"], LINE)
    assert finding.rule == bar_lines.HIDDEN.id and finding.severity == "minor"


@pytest.mark.parametrize(("late", "count"), [(0, 0), (3, 1), (6, 0)])
def test_a_line_just_after_a_bar_line(late: int, count: int):
    findings = bars(run_of(10, 1000), LINE, f"{8000 + late},-50,4,2,0,70,0,0")
    assert [f.rule for f in findings] == [bar_lines.OLD_SPEED.id] * count
    assert all("after this bar line and its note, which keep 1.00x" in f.message for f in findings)
    without = bars(notes(4000, 9000), LINE, f"{8000 + late},-50,4,2,0,70,0,0")
    assert ["after this bar line, which keeps 1.00x" in f.message for f in without] == [True] * count
