"""Drain time and breaks: hits, near misses, maps without findings, and blind spots."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.findings import Finding
from maimod.rules.evidence import Evidence
from maimod.rules.mapset import playing_time
from tests.findings import findings_of
from tests.maps import beatmap

RULES = {playing_time.DRAIN.id, playing_time.BREAK.id, playing_time.MISSING_BREAK.id}
PREEMPT = 1200  # approach rate 5


def found(times: Sequence[float], *events: str, mode: int = 0) -> list[Finding]:
    loaded = beatmap([f"256,192,{time},1,0,0:0:0:0:" for time in times], events=events, mode=mode)
    return [finding for finding in findings_of(playing_time.run, Evidence(loaded)) if finding.rule in RULES]


PLAY = [*range(0, 20_001, 500), *range(26_000, 46_001, 500)]


def test_a_break_as_the_editor_makes_it_is_silent():
    assert found(PLAY, f"2,20200,{26_000 - PREEMPT}") == []


def test_drain_time():
    (finding,) = found(range(0, 20_001, 500))
    assert finding.rule == "mapset/drain-time" and finding.message == "The drain time is 20.00 s, less than 30 s."
    assert found(range(0, 30_001, 500)) == []


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("2,20050,24800", "This break begins 50 ms after the object before it."),
        (
            "2,20200,25000",
            "This break ends 1000 ms before the next object, which begins to appear 1200 ms before its time.",
        ),
        ("2,20200,26400", "An object lies in this break."),
        ("2,20200,20700", "This break lasts 500 ms."),
        ("2,20200.5,24800", "This break has decimals, which stable cannot read."),
    ],
)
def test_breaks_that_do_not_fit(event: str, message: str):
    (finding,) = found(PLAY, event)
    assert finding.rule == "mapset/break" and finding.message == message
    assert found(PLAY, event, mode=3) == []


def test_a_pause_without_a_break():
    times = [*range(0, 20_001, 500), *range(31_000, 46_001, 500)]
    (finding,) = found(times)
    assert finding.rule == "mapset/missing-break" and (finding.time, finding.end_time) == (20_000, 31_000)
    assert found(times, "2,20200,29800") == []
    assert found(PLAY) == []  # six seconds are a rest


@pytest.mark.parametrize(
    ("by", "severity"), [(2, None), (3, "minor"), (10, "minor"), (11, "warning"), (50, "warning"), (51, "problem")]
)
def test_a_border_of_a_break_that_is_a_little_wrong_is_no_problem(by: int, severity: str | None):
    for event in (f"2,{20_200 - by},24800", f"2,20200,{24_800 + by}"):
        assert [finding.severity for finding in found(PLAY, event)] == ([] if severity is None else [severity])
