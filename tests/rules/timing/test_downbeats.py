"""Measures that begin beside the new combos and finishes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from maimod.rules.timing import downbeats
from tests.findings import findings_of
from tests.maps import beatmap

BEAT = 500


def counted(
    is_marked: Callable[[int], bool],
    meter: int = 4,
    count: int = 96,
    mode: int = 0,
    mark: str = "combo",
    at: int = 1000,
    path: str = "own.osu",
) -> Beatmap:
    """A circle on each beat from 1 s on, with a new combo or a finish on the marked beats, under a red line at `at`."""
    kinds = {"combo": ("5", "0"), "finish": ("1", "4")}
    kind, sound = kinds[mark]
    objects = [
        f"{100 + i % 4 * 50},100,{1000 + i * BEAT},{kind if is_marked(i) else 1},{sound if is_marked(i) else 0},0:0:0:0:"
        for i in range(count)
    ]
    return beatmap(objects, [f"{at},{BEAT},{meter},2,0,60,1,0"], mode, path=path, CircleSize=4)


def find(own: Beatmap, *others: Beatmap) -> list[Finding]:
    return findings_of(downbeats.run, Evidence(own, mapset=Mapset(Path(), (own, *others)) if others else None))


@pytest.mark.parametrize("mode", [0, 2])
def test_new_combos_on_another_beat(mode: int) -> None:
    (finding,) = find(counted(lambda i: i % 4 == 3, mode=mode))
    assert finding.rule == "timing/downbeat" and finding.severity is Severity.WARNING
    assert finding.time == 1000 and finding.actual == "4/4 from 00:01:000"
    assert finding.expected[0].text == "measures that begin on beat 4"
    assert finding.message.startswith(
        "Under this red line 24 of 24 new combos are on beat 4 of its measures, none on beat 1."
    )


@pytest.mark.parametrize("mode", [0, 1, 3])
def test_finishes_on_another_beat(mode: int) -> None:
    (finding,) = find(counted(lambda i: i % 8 == 1 or i % 24 == 0, mode=mode, mark="finish"))
    assert finding.message.startswith(
        "Under this red line 12 of 16 finishes are on beat 2 of its measures, 4 on beat 1."
    )


def test_measures_of_another_length() -> None:
    (finding,) = find(counted(lambda i: i % 4 == 0, meter=3))
    assert finding.message.startswith(
        "Under this red line 23 of 23 new combos are on the first beats of measures of 4 beats, 7 on those of its own 3."
    )
    (finding,) = find(counted(lambda i: i % 3 == 2))
    assert "measures of 3 beats from beat 3 on, 8 on those of its own 4." in finding.message


def test_a_smaller_lead_is_a_minor() -> None:
    """14 of 24 on beat 3, 6 on beat 1."""
    (finding,) = find(counted(lambda i: i in range(2, 58, 4) or i in range(60, 84, 4)))
    assert finding.severity is Severity.MINOR


@pytest.mark.parametrize(
    "is_marked",
    [
        lambda i: i % 4 == 0,
        lambda i: i % 2 == 0,  # twice a measure: either half could be the first
        lambda i: i % 8 == 2 or i % 8 == 4,  # as many on the downbeat
        lambda i: i % 5 == 0,  # on no beat more than on others
        lambda i: i % 4 == 3 and i < 44,  # eleven are too few
    ],
)
def test_measures_that_could_be_right(is_marked: Callable[[int], bool]) -> None:
    assert not find(counted(is_marked))


def test_a_line_of_measures_twice_as_long_is_right() -> None:
    assert not find(counted(lambda i: i % 3 == 0, meter=6))


def test_marks_off_the_beats_say_nothing() -> None:
    """As where the line is for something else: circles 100 ms after its beats."""
    assert not find(counted(lambda i: i % 4 == 3, at=900))


def test_finishes_on_the_downbeats_contradict() -> None:
    own = counted(lambda i: i % 4 == 3)
    objects = [
        f"100,100,{1000 + i * BEAT},{5 if i % 4 == 3 else 1},{4 if i % 4 == 0 else 0},0:0:0:0:" for i in range(96)
    ]
    both = beatmap(objects, [f"1000,{BEAT},4,2,0,60,1,0"], CircleSize=4)
    assert find(own) and not find(both)


def test_another_difficulty_with_the_same_line_contradicts() -> None:
    own = counted(lambda i: i % 4 == 3)
    assert not find(own, counted(lambda i: i % 4 == 0, path="other.osu"))
    assert find(own, counted(lambda i: i % 4 == 0, at=1000 - BEAT, path="other.osu"))
    assert find(own, counted(lambda i: i % 4 == 0, meter=3, path="other.osu"))


def test_only_the_marks_under_the_line_count() -> None:
    objects = [f"100,100,{1000 + i * BEAT},{5 if i % 4 == 3 else 1},0,0:0:0:0:" for i in range(96)]
    lines = [f"1000,{BEAT},4,2,0,60,1,0", f"{1000 + 43 * BEAT},{BEAT},4,2,0,60,1,0"]
    assert not find(beatmap(objects, lines, CircleSize=4))
