"""Copies of passages: which measures are alike, and what they do where a place is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.features.copies.passages import NAMES, Passages
from maimod.osu.beatmap import Beatmap
from tests.maps import RED_LINE, beatmap
from tests.phrases import BEAT, MEASURE, SONG, VERSE, phrase_map


def passages(one: Beatmap, *others: Beatmap) -> Passages:
    return Passages(one, None, 29.0, (one, *others))


def feature(found: Passages, name: str, time: float) -> float:
    objects = np.array([o.time for o in found.beatmap.hit_objects])
    own = objects[max(int(np.searchsorted(objects, time + 1)) - 1, 0)]
    return float(found.features(np.array([time]), np.array([own]))[0, NAMES.index(name)])


def test_copies_have_the_same_rhythm_with_that_around() -> None:
    copies = passages(phrase_map()).copies
    verse = {number for number, beats in enumerate(SONG) if beats is VERSE}
    of_second = {number for number in copies[1].tolist() if number >= 0}
    assert of_second <= verse - {1} and len(of_second) >= 6
    assert set(copies[5].tolist()) & verse == set()


def test_a_measure_without_its_additions_still_has_its_copies() -> None:
    lost = passages(phrase_map(without_sound=range(38, 50)))
    whole = passages(phrase_map())
    measure = int(lost.beatmap.hit_objects[42].time // MEASURE)
    assert set(lost.copies[measure].tolist()) == set(whole.copies[measure].tolist())
    time = lost.beatmap.hit_objects[42].time
    assert feature(lost, "passage_lost", time) > 0.3 and feature(whole, "passage_lost", time) == 0.0


def test_what_differs_from_the_copies_of_an_object() -> None:
    flags = [number for number, o in enumerate(phrase_map().hit_objects) if o.new_combo]
    changed = phrase_map(without_flag=[flags[9]], slider=[flags[10]])
    found = passages(changed)
    assert feature(found, "copies_same_flag", changed.hit_objects[flags[9]].time) == 0.0
    assert feature(found, "copies_same_flag", changed.hit_objects[flags[11]].time) >= 0.8
    assert feature(found, "copies_same_kind", changed.hit_objects[flags[10]].time) == 0.0
    assert feature(found, "copies_same_additions", changed.hit_objects[flags[10]].time) == 1.0


def test_an_empty_place_where_the_copies_have_an_object() -> None:
    song = list(SONG)
    song[9] = (0, 1, 2, 3)
    found = passages(phrase_map(song))
    assert feature(found, "copies_with_object", 9 * MEASURE + 1.5 * BEAT) == 1.0
    assert feature(found, "copies_with_object", 9 * MEASURE + 2.5 * BEAT) == 0.0


def test_other_difficulties_are_compared_by_time() -> None:
    own = phrase_map(without_sound=range(40, 50))
    other = phrase_map(path="other.osu")
    time = own.hit_objects[43].time
    found = passages(own, other, replace(phrase_map(without_sound=range(300)), path=Path("third.osu")))
    assert len(found.siblings) == 2
    assert feature(found, "siblings_with_edge", time) == 1.0
    assert feature(found, "siblings_there", time) == pytest.approx(np.log2(3))
    assert feature(passages(own, other), "siblings_same_additions", own.hit_objects[42].time) == 0.0
    lost = [feature(found, f"siblings_{name}_addition", own.hit_objects[42].time) for name in ("lost", "added")]
    back = [
        feature(passages(other, own), f"siblings_{name}_addition", own.hit_objects[42].time)
        for name in ("lost", "added")
    ]
    assert (lost, back) == ([0.5, 0.0], [0.0, 1.0])
    assert feature(found, "copies_lost_addition", own.hit_objects[42].time) > 0.5


def test_volumes_of_other_difficulties_are_compared_by_their_steps() -> None:
    def volumes(*pairs: tuple[int, int]) -> list[str]:
        return [
            f"{measure * MEASURE},{-100 if measure else BEAT},4,2,0,{one},{int(not measure)},0"
            for measure, one in pairs
        ]

    own = phrase_map(lines=volumes((0, 30)))
    louder, same = (
        phrase_map(path=f"{one}.osu", lines=volumes((0, one), (9, other))) for one, other in ((50, 70), (60, 65))
    )
    shares = [
        [feature(passages(own, louder, same), f"siblings_{name}", at * MEASURE) for name in ("louder", "softer")]
        for at in (8, 9)
    ]
    assert shares == [[0.0, 0.0], [0.5, 0.0]]
    assert feature(passages(louder, own), "siblings_softer", 9 * MEASURE) == 1.0
    assert feature(passages(own), "siblings_louder", 9 * MEASURE) == 0.5


def test_two_measures_pasted_half_a_beat_late() -> None:
    song = list(SONG)
    song[9] = song[10] = tuple(beat + 0.5 for beat in VERSE)
    gain, shift, _ = passages(phrase_map(song)).shifted
    usual, _, _ = passages(phrase_map()).shifted
    assert gain[9] > 0.4 > usual.max() and shift[9] == 6


def test_volumes_that_fall_step_by_step_are_a_fade() -> None:
    lines = [RED_LINE, *(f"{20_000 + 500 * step},-100,4,2,0,{70 - 10 * step},0,0" for step in range(1, 5))]
    found = passages(phrase_map(lines=lines))
    assert feature(found, "fade", 21_500) == pytest.approx(np.log2(5))
    assert feature(passages(phrase_map()), "fade", 21_500) == 0.0


@pytest.mark.parametrize(
    "line",
    ["0,500,1000000000,2,0,70,1,0", "0,0.0001,4,2,0,70,1,0", "-10000000,500,4,2,0,70,1,0", "40000,500,3,2,0,70,1,0"],
)
def test_odd_red_lines_have_features_too(line: str) -> None:
    found = passages(phrase_map(lines=[line, "46000,300,4,2,0,70,1,0", "46000,310,4,2,0,70,1,0"]))
    times = np.array([o.time for o in found.beatmap.hit_objects])
    features = found.features(times, times)
    assert features.shape == (len(times), len(NAMES)) and np.isfinite(features).all()
    assert found.own.head.nbytes <= 400_100


def test_a_map_of_one_object_has_no_copies() -> None:
    found = passages(beatmap())
    assert (found.copies == -1).all() and feature(found, "copies", 1000) == 0.0
