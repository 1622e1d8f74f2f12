"""Borders of kiai beside where the song, or the other difficulties, have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from maimod.features.copies.cells import Cells
from maimod.features.copies.song_parts import beats
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.kiai import borders as kiai_borders
from tests.phrases import MEASURE, phrase_map
from tests.rules.kiai.test_sections import kiai_map, song

PARTS = "ABCABC"


def found(
    *sections: tuple[float, float], others: tuple[tuple[float, float], ...] = (), heard: bool = True, in_set: int = 2
) -> list[Candidate]:
    own = kiai_map(*sections)
    whole = Mapset(Path(), (own, *(kiai_map(*others, path=f"{n}.osu") for n in range(in_set)))) if others else None
    return list(kiai_borders.run(Evidence(own, mapset=whole, bands=song(PARTS) if heard else None)))


def at(candidates: list[Candidate], measure: float) -> Candidate:
    (one,) = [one for one in candidates if one.time == measure * MEASURE]
    return one


def test_beats_correlate_where_the_song_comes_again() -> None:
    rows = beats(Cells(phrase_map()), song(PARTS), 0.0)
    assert len(rows) >= 94
    assert float(rows[5] @ rows[5 + 48]) == pytest.approx(1.0, abs=1e-4) and abs(float(rows[5] @ rows[30])) < 0.8


def test_borders_at_the_same_place_of_the_song_are_right() -> None:
    borders = found((8, 12), (20, 24))
    assert [one.measure for one in borders] == pytest.approx([-4.5] * 4, abs=0.2)
    assert borders[0].message == "Kiai begins at an unusual place."


def test_a_border_off_the_downbeats_is_named_so() -> None:
    borders = found((8.25, 12), (20.25, 24))
    assert borders[0].message == "Kiai begins off the downbeats."


@pytest.mark.parametrize(("by", "words"), [(0.25, "1 beat later"), (-0.5, "2 beats earlier"), (1.0, "4 beats later")])
def test_a_border_that_is_some_beats_off(by: float, words: str) -> None:
    one = at(found((8, 12), (20 + by, 24)), 20 + by)
    assert (one.measure or 0.0) > 3 and one.numbers["bits_of_song"] == one.measure
    assert one.message == f"Kiai begins {words} than where the song comes again."


def test_most_sections_say_which_is_off() -> None:
    borders = found((2, 4), (8, 10), (14.25, 16), (20, 22))  # A and C twice each, of which only A is off
    assert (at(borders, 14.25).measure or 0.0) > 1 > 0 >= (at(borders, 20).measure or 0.0)


def test_the_other_difficulties_say_where_a_border_is() -> None:
    borders = found((8, 12), (20.25, 24), others=((8, 12), (20, 24)), heard=False)
    off, right = at(borders, 20.25), at(borders, 8)
    assert (off.measure or 0.0) > 2 > -2 > (right.measure or 0.0)
    assert off.message == "Kiai begins 1 beat later than in 2 of 2 other difficulties."
    assert off.expected[0].text == "00:40:000"
    both = at(found((8, 12), (20.25, 24), others=((8, 12), (20, 24))), 20.25)
    assert both.message == (
        "Kiai begins 1 beat later than in 2 of 2 other difficulties and than where the song comes again."
    )
    alone = found((8, 12), (20.25, 24), others=((8, 12), (20, 24)), heard=False, in_set=1)
    assert at(alone, 20.25).message == "Kiai begins 1 beat later than in the other difficulty."


def test_only_the_difficulties_that_agree_are_counted() -> None:
    sections = [(8, 12), (20, 23.5)]
    others = [kiai_map((8, 12), (20, end), path=f"{end}.osu") for end in (23, 23.0001, 24)]
    whole = Mapset(Path(), (own := kiai_map(*sections), *others))
    border = at(list(kiai_borders.run(Evidence(own, mapset=whole))), 23.5)
    assert border.message == "Kiai ends 2 beats later than in 2 of 3 other difficulties."
    short = kiai_map((8, 12), (20, 24.0625), path="short.osu")
    off = at(list(kiai_borders.run(Evidence(short, mapset=Mapset(Path(), (short, *others[2:]))))), 24.0625)
    assert off.message == "Kiai ends 1/4 beat later than in the other difficulty."


def test_a_border_that_most_of_the_set_has_is_not_compared_with_the_others() -> None:
    own, other = kiai_map((8, 12)), kiai_map((8.25, 12), path="other.osu")

    def begins(*others: Beatmap) -> list[float]:
        candidates = kiai_borders.run(Evidence(own, mapset=Mapset(Path(), (own, *others))))
        return [one.measure or 0.0 for one in candidates if one.time == 8 * MEASURE]

    same = [kiai_map((8, 12), path=f"{number}.osu") for number in range(2)]
    assert begins(other, same[0]) == [] and begins(*same, other) == []
    assert begins(other)[0] > 0 > begins(*same)[0]


def test_nothing_is_known_of_one_section_alone() -> None:
    assert [one.measure for one in found((8, 12))] == [0.0, 0.0]
    assert [one.measure for one in found((8, 12), (20, 24), heard=False)] == [0.0] * 4


def test_a_section_of_twice_the_length_of_the_others() -> None:
    borders = found((4, 6), (8, 12), (20, 22), heard=False)
    assert [one.numbers["unlike_length"] for one in borders] == [0.0, 1.0, 0.0] * 2
    assert [one.numbers["unlike_length"] for one in found((8, 12), heard=False)] == [0.0, 0.0]
