"""Additions on the wrong edges of a slider."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import edges as edge_sounds
from tests.maps import RED_LINE, beatmap

BEAT = 500
SOUNDS = ("8|0", "2|0", "0|8", "8|0")
"""Of the four sliders of eight beats."""


def slider_map(changed: Mapping[int, str] | None = None, path: str = "beatmap.osu", mode: int = 0) -> Beatmap:
    """Eight measures, with other sounds on the edges of some sliders."""
    objects = []
    for number in range(32):
        sounds = (changed or {}).get(number, SOUNDS[number % 4])
        start = number * 2 * BEAT
        objects.append(f"100,100,{start},2,0,L|200:100,1,100,{sounds},0:0|0:0,0:0:0:0:")
        objects.append(f"300,100,{start + BEAT + BEAT // 2},1,0,0:0:0:0:")
    return beatmap(objects, [RED_LINE.replace("70", "60")], mode, path=path)


def found(own: Beatmap, *others: Beatmap) -> list[Candidate]:
    return list(edge_sounds.run(Evidence(own, mapset=Mapset(Path(), (own, *others)) if others else None)))


@pytest.mark.parametrize("mode", [0, 2])
def test_the_addition_of_the_head_on_all_edges(mode: int) -> None:
    (one,) = found(slider_map({12: "8|8"}, mode=mode))
    assert one.time == pytest.approx(one.objects[0].end_time)  # the tail has the wrong one
    assert one.objects[0].time == 24 * BEAT and one.actual == "clap, clap" and one.expected[0].text == "clap, none"
    assert one.message == (
        'The edges of this slider have "clap, clap"; 15 other sliders of the map have "clap, none", none the same, and similar measures '
        'sound more like "clap, none" here.'
    )
    assert one.numbers["bits_of_copies"] > 0 and one.numbers["bits_of_difficulties"] == 0


def test_exchanged_sounds_and_the_other_difficulties() -> None:
    own, others = slider_map({13: "0|2"}), [slider_map(path=f"{number}.osu") for number in range(2)]
    alone, together = found(own), found(own, *others)
    best = max(together, key=lambda one: one.measure or 0.0)
    assert best.time == best.objects[0].time == 26 * BEAT and best.expected[0].text == "whistle, none"
    assert best.numbers["bits_of_difficulties"] == 6 and (best.measure or 0.0) > max(
        one.measure or 0.0 for one in alone
    )
    assert (best.measure or 0.0) > 12


def test_sliders_that_sound_as_others_do() -> None:
    assert found(slider_map()) == [] == found(slider_map(), slider_map(path="other.osu"))


def test_a_habit_of_the_map_is_no_slip() -> None:
    habit = dict.fromkeys(range(0, 32, 4), "8|8")
    assert max((one.measure or 0.0 for one in found(slider_map(habit))), default=0.0) < 3


def test_notes_have_no_edges() -> None:
    assert found(slider_map(mode=1)) == []
