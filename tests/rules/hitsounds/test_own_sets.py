"""Hits without the sample sets of their own that similar hits have."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import own_sets
from tests.maps import RED_LINE, beatmap

BEAT, MEASURE = 500, 2000
OWN = "1:3"
"""A normal hitnormal with a drum addition."""


def drums(lost: Collection[int] = (), mode: int = 0, path: str = "beatmap.osu") -> Beatmap:
    """Circles on each beat under soft lines, the second and fourth with sample sets of their own, but not in the measures `lost`."""
    objects = [
        f"{100 + 60 * beat},100,{measure * MEASURE + beat * BEAT},1,{8 * (beat % 2)},{OWN if beat % 2 and measure not in lost else '0:0'}:0:0:"
        for measure in range(16)
        for beat in range(4)
    ]
    return beatmap(objects, [RED_LINE], mode, path=path)


def found(one: Beatmap, *others: Beatmap) -> list[Candidate]:
    return list(own_sets.run(Evidence(one, mapset=Mapset(Path(), (one, *others)) if others else None)))


def test_nothing_where_the_pattern_goes_on_or_is_nowhere() -> None:
    assert found(drums()) == []
    assert found(drums(lost=range(16))) == []


def test_a_measure_that_lost_its_sets_is_one_passage() -> None:
    (one,) = found(drums(lost=[7]))
    assert (one.time, one.end_time) == (7 * MEASURE + BEAT, 7 * MEASURE + 3 * BEAT) and one.rule is own_sets.OWN_SETS
    assert one.numbers["hits"] == 2 and one.numbers["bits_of_difficulties"] == 0
    assert one.message == (
        "2 hits from here on play the soft set of the line; 18 hits beats or measures away and in similar measures have the normal set "
        "with drum additions of their own."
    )
    assert (one.actual, one.expected[0].text) == ("the soft set", "the normal set with drum additions")
    assert [other.time // MEASURE for other in found(drums(lost=[4, 11]))] == [4, 11]


def test_what_is_too_long_for_a_passage_stays_apart() -> None:
    cells = Evidence(drums()).passages.cells
    at, stretches = 24 * np.arange(30), [np.array([number]) for number in range(30)]  # one each two beats
    assert len(list(own_sets._passages(stretches[:17], at, cells))) == 1
    assert len(list(own_sets._passages(stretches[:18], at, cells))) == 18


def test_the_other_difficulties_count_as_well() -> None:
    (one,) = found(drums(lost=[7]))
    (seen,) = found(drums(lost=[7]), drums(path="other.osu"), drums(path="third.osu"))
    assert seen.numbers["bits_of_difficulties"] == 4 and (seen.measure or 0) == (one.measure or 0) + 4
    agreed = found(drums(lost=[7]), drums(path="other.osu", lost=[7]), drums(path="third.osu", lost=[7]))
    assert all(other.numbers["bits_of_difficulties"] < 0 and other.measure == other.numbers["bits"] for other in agreed)
    assert one.measure == one.numbers["bits"] + 4 * own_sets.BITS_OF_ALL  # all sides agree


def test_sets_of_lines_are_not_those_of_objects() -> None:
    beats = [f"100,100,{number * BEAT},1,0,{'3:0' if number > 60 else '0:0'}:0:0:" for number in range(64)]
    lines = [RED_LINE, f"{7 * MEASURE},-100,4,3,0,70,0,0", f"{8 * MEASURE},-100,4,1,0,70,0,0"]
    assert found(beatmap(beats, lines)) == []


def test_a_pattern_repeats_by_beats_or_by_measures() -> None:
    cells = Evidence(drums()).passages.cells
    beats, measures = own_sets._away(cells, np.array([8 * 48]))
    assert (beats - 8 * 48).tolist() == [[-24, 24, -48, 48]]
    assert (measures - 8 * 48).tolist() == [[-48, 48, -96, 96, -192, 192]]
    assert (next(own_sets._away(cells, np.array([0]))) >= 0).tolist() == [[False, True, False, True]]


def test_not_in_taiko() -> None:
    assert found(drums(lost=[7], mode=3)) != []
    assert found(drums(lost=[7], mode=1)) == []
