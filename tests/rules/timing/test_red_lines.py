"""Red lines without the song: hits, near misses and a blind spot; beats that a model does not expect."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from maimod.rules.timing import red_lines
from tests.findings import findings_of
from tests.maps import RED_LINE, beatmap

TIMES = [1000.0 + 250 * i for i in range(200)]


def map_of(times: Sequence[float], timing_points: tuple[str, ...] = (RED_LINE,)) -> Beatmap:
    return beatmap([f"256,192,{time:.0f},1,0,0:0:0:0:" for time in times], timing_points)


def found(loaded: Beatmap, scores: tuple[EventScore, ...] | None = None) -> list[Finding]:
    return findings_of(red_lines.run, Evidence(loaded, scores))


def test_two_red_lines_at_one_time():
    (finding,) = found(map_of(TIMES, (RED_LINE, "8000,500,4,2,0,70,1,0", "8000,400,4,2,0,70,1,0")))
    assert finding.rule == "timing/duplicate-red-line"
    assert finding.message == "Two red lines have the same time (120.00 BPM and 150.00 BPM); only one counts."


def test_green_line_on_a_red_line_is_fine():
    assert found(map_of(TIMES, (RED_LINE, "0,-50,4,2,0,70,0,0"))) == []


@pytest.mark.parametrize(
    ("first", "rules"),
    [
        (1200, ["timing/before-first-red-line"]),
        (1001, []),
        (1500, []),
        (2500, []),
        (3000, ["timing/before-first-red-line"]),
    ],
)
def test_objects_before_the_first_red_line(first: int, rules: list[str]):
    loaded = map_of([1000.0, 1500, 2000], (f"{first},500,4,2,0,70,1,0",))
    assert [finding.rule for finding in found(loaded)] == rules


@pytest.mark.parametrize(("time", "rules"), [(8003, ["timing/red-line-off-beat"]), (8001, []), (8060, [])])
def test_red_line_a_few_ms_off_the_beat(time: int, rules: list[str]):
    assert [finding.rule for finding in found(map_of(TIMES, (RED_LINE, f"{time},500,4,2,0,70,1,0")))] == rules


def test_blind_spot_red_line_that_changes_the_tempo():
    assert found(map_of(TIMES, (RED_LINE, "8003,400,4,2,0,70,1,0"))) == []


def beats(loaded: Beatmap, surprises: dict[int, float]) -> tuple[EventScore, ...]:
    result = []
    for beat in range(40):
        kind = EventKind.MEASURE if beat % 4 == 0 else EventKind.BEAT
        for event_kind, value in ((EventKind.TIME, beat * 500), (kind, 0)):
            event = Event(event_kind, value, beat * 500, beat, loaded.red_lines[0], beat)
            bits = surprises.get(beat, 0.1) if event_kind is kind else 0.1
            result.append(EventScore(event, bits, 1.0, ((event, 0.9),), 2.0**-bits))
    return tuple(result)


def test_surprising_beats_in_a_row_are_one_finding():
    loaded = map_of(TIMES)
    first, second = found(loaded, scores=beats(loaded, {8: 16.0, 12: 15.0, 30: 16.0}))
    assert {first.rule, second.rule} == {"timing/unexpected-beat"}
    assert (first.time, second.time) == (4000, 15_000)
    assert first.actual == "measure"


def test_likely_beats_are_silent():
    loaded = map_of(TIMES)
    assert found(loaded, scores=beats(loaded, {8: 7.0})) == []
