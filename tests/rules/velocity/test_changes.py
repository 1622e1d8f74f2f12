"""Sliders and notes that keep the velocity of the line before, and stretches of another scroll speed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.velocity import changes as velocity_changes
from tests.maps import RED_LINE, beatmap
from tests.phrases import BEAT, MEASURE, SONG, phrase_map


def found(own: Beatmap, *others: Beatmap) -> list[Candidate]:
    evidence = Evidence(own, mapset=Mapset(Path(), (own, *others)) if others else None)
    return [*velocity_changes.run_sliders(evidence), *velocity_changes.run_notes(evidence)]


def velocities(*changed: tuple[int, float], slower: float = 1.0) -> list[str]:
    """1x in verses, 1.5x in choruses, with other lines (0 is none) at some measures."""
    lines = {4 * number: 1.5 if number % 2 else 1.0 for number in range(6)} | dict(changed)
    return [
        RED_LINE,
        *(f"{measure * MEASURE},{-100 / slower / one:.4f},4,2,0,70,0,0" for measure, one in lines.items() if one),
    ]


def sliders(lines: Sequence[str], path: str = "beatmap.osu") -> Beatmap:
    """Sliders on each downbeat and on the third beat, as long as a beat lasts at the usual velocity."""
    every = [
        f"100,100,{number * MEASURE + by},2,0,L|300:100,1,{140 if number // 4 % 2 == 0 else 210}"
        for number in range(24)
        for by in (0, 2 * BEAT)
    ]
    return beatmap(every, lines, path=path)


def notes(lines: Sequence[str], path: str = "beatmap.osu", mode: int = 1) -> Beatmap:
    every = [
        f"256,192,{measure * MEASURE + round(beat * BEAT)},1,0,0:0:0:0:"
        for measure, beats in enumerate(SONG)
        for beat in beats
    ]
    return beatmap(every, lines, mode, path=path)


def test_nothing_where_the_sections_agree() -> None:
    assert found(sliders(velocities())) == [] == found(notes(velocities()))
    others = [sliders(velocities(slower=0.8), path=f"{number}.osu") for number in range(2)]
    assert found(sliders(velocities()), *others) == []
    assert found(phrase_map(lines=velocities())) == []


def test_a_lost_line_leaves_sliders_at_the_velocity_before() -> None:
    others = [sliders(velocities(slower=0.8), path=f"{number}.osu") for number in range(2)]
    (one,) = found(sliders(velocities((12, 0.0))), *others)
    assert one.rule is velocity_changes.SLIDER_STEP and one.time == 12 * MEASURE and one.actual == "1.00x"
    assert one.numbers["bits_of_difficulties"] == 8 and one.numbers["bits_of_durations"] > 0
    assert one.message == (
        "8 sliders from here on have 1.00x velocity, as those before, where the other difficulties are faster."
    )


def test_an_easier_difficulty_is_slower_throughout() -> None:
    others = [notes(velocities(slower=0.8), path=f"{number}.osu") for number in range(2)]
    assert found(notes(velocities()), *others) == []
    (one,) = found(notes(velocities((12, 0.0))), *others)
    assert one.rule is velocity_changes.SCROLL_STRETCH and one.time == 12 * MEASURE
    assert one.numbers["bits_of_difficulties"] == one.numbers["bits_of_copies"] == 8


def test_a_measure_under_a_mistyped_line() -> None:
    (one,) = found(notes(velocities((10, 0.5), (11, 1.0)), mode=3))
    assert (one.time, one.end_time) == (10 * MEASURE, 10 * MEASURE + 3 * BEAT)
    assert one.numbers["begins_at_line"] and one.numbers["ends_at_line"]
    assert one.message == "5 notes from here on scroll at 0.50x, where similar measures scroll faster."


def test_a_tempo_that_is_not_evened_out_is_no_other_velocity() -> None:
    """The last two measures of the map are faster, as are the notes, without a green line or with one that evens it out but for a measure."""

    def candidates(*lines: str) -> list[Candidate]:
        start, beat = 22 * MEASURE, 0.75 * BEAT
        kept = [o for o in notes([RED_LINE]).hit_objects if o.time < start]
        times = [o.time for o in kept] + [start + (4 * number + at) * beat for number in range(2) for at in SONG[20]]
        red = f"{start},{beat:g},4,2,0,70,1,0"
        return found(beatmap([f"256,192,{time:g},1,0,0:0:0:0:" for time in times], [RED_LINE, red, *lines], 1))

    assert candidates() == []
    even = f"{22 * MEASURE},{-100 / 0.75:.4f},4,2,0,70,0,0"
    assert candidates(even) == []
    (lost,) = candidates(even, f"{22 * MEASURE + 3 * BEAT},-100,4,2,0,70,0,0")
    assert lost.actual == "1.00x"


def test_an_effect_that_is_used_again_is_weaker() -> None:
    def bits(*measures: int) -> float:
        lines = velocities(*(pair for number in measures for pair in ((number, 0.5), (number + 1, 1.0))))
        return max((one.measure or 0.0 for one in found(notes(lines, mode=3))), default=0.0)

    assert bits(10) > bits(2, 10) + 3


def test_a_difficulty_that_never_changes_its_speed_says_nothing_of_one_that_does() -> None:
    others = [notes([RED_LINE], path=f"{number}.osu") for number in range(2)]
    (one,) = found(notes(velocities((11, 1.3))), *others)
    assert one.numbers["bits_of_difficulties"] == 0 < one.numbers["bits_of_copies"]


def test_a_map_that_changes_its_speed_all_the_time() -> None:
    steps = [(measure, 0.8 + 0.1 * (measure * 7 % 5)) for measure in range(24)]
    assert found(notes(velocities(*steps))) == []
    # As a map of one speed with the same measure changed:
    assert found(notes(velocities(*((measure, 1.0) for measure in range(24) if measure != 11), (11, 1.5))))
