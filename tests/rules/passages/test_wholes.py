"""Measures that would be likelier otherwise are one candidate, where they begin."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from maimod.osu.beatmap import Beatmap
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.passages import wholes as passage_wholes
from tests.features.measures.test_alternatives import AT, CLAP, MEASURE, WHISTLE, Note, song, with_measure, written
from tests.maps import beatmap
from tests.slips import evidence as slips_evidence


def found(one: Beatmap) -> list[Candidate]:
    evidence = Evidence(one)
    runs = (passage_wholes.run_rhythm, passage_wholes.run_sounds, passage_wholes.run_combos)
    return [candidate for run in runs for candidate in run(evidence)]


def only(one: Beatmap) -> Candidate:
    (candidate,) = found(one)
    assert AT * MEASURE <= candidate.time < (AT + 1) * MEASURE
    assert candidate.end_time is not None and candidate.time <= candidate.end_time < (AT + 1) * MEASURE
    assert candidate.objects[0].time == candidate.time and candidate.line == candidate.objects[0].line
    return candidate


def score(candidate: Candidate) -> float:
    return candidate.rule.curves[candidate.curve](candidate.measure or 0.0)


def changed(flags: Sequence[bool] = (), sounds: Sequence[int] = ()) -> list[Note]:
    chorus = song()[AT]
    return [
        (beat, sounds[i] if sounds else sound, flags[i] if flags else flag)
        for i, (beat, sound, flag) in enumerate(chorus)
    ]


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_nothing_in_a_good_map(mode: int) -> None:
    assert found(written(song(), mode=mode)) == [] or mode == 1
    assert found(beatmap()) == []


def test_halves_in_the_wrong_order() -> None:
    halves = sorted(((beat + 2) % 4, sound, flag) for beat, sound, flag in song()[AT])
    one = max(found(written(with_measure(halves))), key=score)
    assert one.rule is passage_wholes.HALVES and one.time == AT * MEASURE and score(one) > 0.5
    assert one.message.startswith("The halves of this measure of 5 objects seem exchanged")


def test_a_measure_pasted_from_elsewhere_names_the_other_one() -> None:
    places = [1 if number == AT else number for number in range(24)]
    one = only(written(with_measure(song()[1]), places))
    assert one.rule is passage_wholes.PASTED and score(one) > 0.5
    assert one.message.startswith("These 4 objects are exactly those of the measure at 00:02:000;")


def test_a_measure_pasted_again_is_the_later_one() -> None:
    places = [13 if number == AT else number for number in range(24)]
    one = only(written(song(), places))
    assert one.rule is passage_wholes.PASTED and one.actual == "as at 00:26:000"


def test_copied_sections_are_no_mistake() -> None:
    assert not [
        c for c in found(written(song(), [number % 8 for number in range(24)])) if c.rule is passage_wholes.PASTED
    ]


def test_in_maps_that_repeat_measures_one_more_is_less() -> None:
    rare = only(written(song(), [13 if number == AT else number for number in range(24)], mode=3))
    often = found(
        written(
            song(), [13 if number == AT else number // 2 * 2 if number < 12 else number for number in range(24)], mode=3
        )
    )
    (same,) = [c for c in often if c.time == rare.time]
    assert (same.measure or 0) < (rare.measure or 0) - 1 and score(rare) < score(
        only(written(song(), [13 if number == AT else number for number in range(24)]))
    )


def test_whistles_and_claps_exchanged() -> None:
    one = only(written(with_measure(changed(sounds=(CLAP, 0, WHISTLE, 0, 0)))))
    assert one.rule is passage_wholes.EXCHANGED
    assert one.message.startswith("Whistles and claps of 5 objects seem exchanged")


def test_additions_one_object_late() -> None:
    one = only(written(with_measure(changed(sounds=(0, WHISTLE, 0, CLAP, 0)))))
    assert one.rule is passage_wholes.LATE and one.actual == "one object late"
    assert one.message.startswith("The additions of 5 objects seem one object late")


def test_additions_half_a_beat_late() -> None:
    one = only(
        written(
            with_measure([(0, 0, True), (0.5, WHISTLE, False), (2, 0, False), (2.5, CLAP, False), (3.25, 0, False)])
        )
    )
    assert one.rule is passage_wholes.LATE


def late_combos() -> list[list[Note]]:
    return [
        [(beat, sound, i == 1) for i, (beat, sound, _) in enumerate(measure)] if number == AT else measure
        for number, measure in enumerate(song())
    ]


def test_new_combos_one_object_late() -> None:
    (one,) = found(written(late_combos()))
    assert one.rule is passage_wholes.COMBOS and one.time == AT * MEASURE
    assert one.message.startswith("1 new combo seems one object late")


def test_not_of_modes_without_combos_or_additions() -> None:
    assert found(written(late_combos(), mode=3)) == []
    exchanged = found(written(with_measure(changed(sounds=(CLAP, 0, WHISTLE, 0, 0))), mode=1))
    assert not [c for c in exchanged if c.rule.id.startswith("hitsounds")]


def test_hits_without_starts_are_no_passage() -> None:
    """A measure with nothing but the repeats of a slider."""
    bodies = [
        f"100,100,{MEASURE * number},2,0,L|380:100,{9 if number == 4 else 1},280,0|{'|'.join(['2'] * (9 if number == 4 else 1))},0:0|{'|'.join(['0:0'] * (9 if number == 4 else 1))},0:0:0:0:"
        for number in (*range(5), *range(8, 20))
    ]
    assert all(c.objects for c in found(beatmap(bodies)))


def square(mirrored: Sequence[int] = (), mode: int = 0) -> Evidence:
    """Eight circles in each of 16 measures around a square, to the left of the middle; some measures are mirrored to the right."""
    lines = []
    for i in range(8 * 16):
        x, y = ((60, 100), (160, 100), (160, 200), (60, 200))[i % 4]
        lines.append(f"{512 - x if i // 8 in mirrored else x},{y},{250 * i},1,0,0:0:0:0:")
    return slips_evidence(beatmap(lines, mode=mode))


def test_a_measure_mirrored_alone() -> None:
    evidence = square((AT - 4,))
    (one,) = passage_wholes.run_positions(evidence)
    assert one.rule is passage_wholes.MIRRORED and score(one) > 0.5
    assert (one.time, one.end_time) == ((AT - 4) * MEASURE, (AT - 4) * MEASURE + 1750)
    assert one.message.startswith(
        "These 8 objects are 405 and 405 px from those before and after; mirrored left to right about the middle"
    )
    assert "100 and 100 px, as the map has" in one.message
    values = evidence.measures.of_measures["mirrored"]
    assert values[AT - 4] == values.max() > 5.0 and values[[0, -1]].tolist() == [0.0, 0.0]
    assert values[AT - 2] < 1.0 > values[AT - 6]


def test_two_measures_mirrored_together_are_one_passage() -> None:
    (one,) = passage_wholes.run_positions(square((6, 7)))
    assert (one.time, one.end_time) == (6 * MEASURE, 7 * MEASURE + 1750)


def test_nothing_is_mirrored_in_a_good_map_or_without_a_playfield() -> None:
    assert list(passage_wholes.run_positions(square())) == []
    assert list(passage_wholes.run_positions(square((AT - 4,), mode=3))) == []
    assert list(passage_wholes.run_positions(Evidence(square((AT - 4,)).beatmap))) == []


def test_a_figure_that_was_scaled_fits_at_its_size() -> None:
    def gains(factor: float) -> list[float]:
        lines = []
        for i in range(96):
            dx, dy = ((-50, -50), (50, -50), (50, 50), (-50, 50))[i % 4]
            by = factor if 40 <= i < 44 else 1.0
            lines.append(f"{256 + round(by * dx)},{192 + round(by * dy)},{250 * i},1,0,0:0:0:0:")
        return slips_evidence(beatmap(lines)).measures.of_objects["scaled"].tolist()

    for factor in (0.7, 1.4):
        found = gains(factor)
        assert min(found[40:44]) > 3.0 and max(found[:36] + found[48:]) < 1.0
    assert max(gains(1.0)) < 1.0
    assert not slips_evidence(beatmap()).measures.of_objects["scaled"].any()
