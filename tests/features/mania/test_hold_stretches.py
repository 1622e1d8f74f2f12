"""Stretches of holds of mania that would be likelier with other ends."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from maimod.features.mania.hold_stretches import NAMES, HoldStretches, Stretch, measure
from maimod.features.mania.rows import Rows, apart
from tests.maps import beatmap

BEAT, MEASURES = 500, 24
STRETCH = range(10 * 4, 12 * 4)
"""Beats of the two measures in the middle."""


def rows(cut: Collection[int] = (), by: int = BEAT // 4, after: int = 0) -> Rows:
    """A hold of 3/4 beat on every beat, in turn in four columns; those on some beats end earlier by so many ms, and have a note `after`
    so many ms in their column."""
    lines = [
        f"{64 + 128 * (beat % 4)},192,{1000 + BEAT * beat},128,0,"
        f"{1000 + BEAT * beat + 3 * BEAT // 4 - (by if beat in cut else 0)}:0:0:0:0:"
        for beat in range(4 * MEASURES)
    ]
    lines += [f"{64 + 128 * (beat % 4)},192,{1000 + BEAT * beat + after},1,0,0:0:0:0:" for beat in cut if after]
    loaded = beatmap(sorted(lines, key=lambda line: int(line.split(",")[2])), mode=3, circle_size=4)
    return Rows(loaded, loaded.hit_objects)


def best(found: HoldStretches) -> tuple[range, int, float]:
    one = apart(found.stretches, 1.0)[0]
    return range(one.first, one.last), one.shift, one.gain


@pytest.mark.parametrize(("by", "shift"), [(BEAT // 4, 12), (-BEAT // 4, -12), (BEAT // 2, 24)])
def test_holds_that_all_end_elsewhere_are_one_stretch(by: int, shift: int) -> None:
    where, found, gain = best(measure(rows(STRETCH, by)))
    assert where == STRETCH and found == shift and gain > 4 * len(STRETCH)


def test_a_map_whose_holds_are_alike_has_none() -> None:
    assert not measure(rows()).stretches and measure(rows()).alone.max() == 0.0


def test_holds_close_by_do_not_count() -> None:
    """Of eight holds all have the same new length; if they counted, it would not be so rare."""
    alone = measure(rows([STRETCH[0]])).alone[STRETCH[0]]
    assert measure(rows(STRETCH)).alone[STRETCH[0]] == pytest.approx(alone, abs=2.0)


def test_two_holds_are_no_stretch() -> None:
    found = measure(rows(STRETCH[:2]))
    assert max(one.gain for one in found.stretches) < 1.0 < 4.0 < found.alone[list(STRETCH[:2])].min()


def test_an_end_without_room_is_no_alternative() -> None:
    """After each shortened hold another note starts in its column before the hold would end."""
    assert measure(rows(STRETCH)).alone[list(STRETCH)].min() > 4.0
    crowded = measure(rows(STRETCH, after=5 * BEAT // 8))
    assert crowded.alone.max() < 4.0 and all(one.shift < 6 for one in crowded.stretches if one.gain > 4.0)


def test_what_the_passages_that_are_alike_have_is_told_apart() -> None:
    of_copies = apart(measure(rows(STRETCH)).stretches, 1.0)[0].of_copies
    assert 0 < of_copies < best(measure(rows(STRETCH)))[2]


def test_features_are_those_of_the_best_stretch_around() -> None:
    features = measure(rows(STRETCH)).features(4 * MEASURES)
    of = {name: features[:, column] for column, name in enumerate(NAMES)}
    assert np.flatnonzero(of["around"] == of["around"].max()).tolist() == list(STRETCH)
    assert (of["around holds"][list(STRETCH)] == len(STRETCH)).all()
    assert of["from"].argmax() == STRETCH[0] and of["around shift"][STRETCH[3]] == 0.25
    assert of["around"][STRETCH[-1]] == of["from"][STRETCH[0]] and of["around"][0] == 0.0


@pytest.mark.parametrize("count", [0, 1, 7])
def test_maps_with_few_holds_are_not_measured(count: int) -> None:
    loaded = beatmap(
        [f"64,192,{1000 + BEAT * i},128,0,{1100 + BEAT * i}:0:0:0:0:" for i in range(count)]
        + ["64,192,90000,1,0,0:0:0:0:"],
        mode=3,
    )
    found = measure(Rows(loaded, loaded.hit_objects))
    assert not found.stretches and len(found.features(count + 1)) == count + 1


def test_stretches_that_overlap_a_better_one_are_left_out() -> None:
    def stretch(first: int, last: int, gain: float) -> Stretch:
        return Stretch(first, last, 6, gain, 0.0)

    best, beside, overlapping, weak = stretch(4, 8, 9.0), stretch(8, 10, 2.0), stretch(2, 5, 8.0), stretch(20, 24, 1.9)
    assert apart((weak, overlapping, beside, best), 2.0) == [best, beside]
