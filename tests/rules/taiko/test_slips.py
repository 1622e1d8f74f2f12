"""Colours of taiko that slipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maimod.features import slip_model
from maimod.features.taiko.slips import measure_colours, notes_of
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from maimod.rules.taiko import slips as taiko_slips
from tests.maps import beatmap

PATTERN = (0, 8, 8, 0, 0, 2, 8, 0)
"""Hitsounds: don, kat by clap, kat by whistle."""


def made(changed: int = -1, to: int = 0, count: int = 128) -> Beatmap:
    """A pattern of a measure on 1/2, a drum roll in front."""
    lines = ["256,192,500,2,0,L|300:192,1,40"]
    lines += [f"256,192,{1000 + 250 * i},1,{to if i == changed else PATTERN[i % 8]},0:0:0:0:" for i in range(count)]
    return beatmap(lines, mode=1)


@pytest.fixture(scope="module")
def model() -> slip_model.SlipModel:
    found = slip_model.load(Path(slip_model.__file__).parents[2] / "models" / "maimod-slips")
    assert found is not None
    return found


@pytest.mark.parametrize(("place", "to", "own", "other"), [(59, 8, "kat", "don"), (57, 0, "don", "kat")])
def test_a_note_of_the_other_colour_is_named(
    place: int, to: int, own: str, other: str, model: slip_model.SlipModel
) -> None:
    found = max(taiko_slips.run(Evidence(made(place, to), slip_model=model)), key=lambda one: one.measure or -99)
    assert found.time == 1000 + 250 * place and (found.measure or -99) > 0
    assert (found.actual, found.expected[0].text) == (own, other)
    assert (
        f"This note is a {own}; at the same place of" in found.message and f"have a {other} (as at 00:" in found.message
    )


def test_the_map_as_it_is_has_none(model: slip_model.SlipModel) -> None:
    found = slip_model.find(model, made(), made().hit_objects)
    assert found is not None and found.colours.max() < 0
    assert found.colours[0] == slip_model.NO_SLIP and len(found.colours) == 129  # the drum roll has no colour


def test_whistle_and_clap_are_one_colour_and_finishers_none() -> None:
    plain = made()
    big = beatmap(
        [f"256,192,{1000 + 250 * i},1,{PATTERN[i % 8] | 4 * (i % 3 == 0)},0:0:0:0:" for i in range(128)], mode=1
    )
    notes = [plain.hit_objects[place] for place in notes_of(plain.hit_objects)]
    assert np.array_equal(measure_colours(plain, notes).columns, measure_colours(big, big.hit_objects).columns)


def test_short_maps_and_other_modes_have_none(model: slip_model.SlipModel) -> None:
    assert list(taiko_slips.run(Evidence(made(count=20), slip_model=model))) == []
    assert list(taiko_slips.run(Evidence(made()))) == []


def test_a_figure_that_comes_again_at_odd_distances_is_named(model: slip_model.SlipModel) -> None:
    starts = np.cumsum([0, *(3 + (number * 7 % 5) for number in range(15))]).tolist()
    lines = [
        f"256,192,{1000 + 500 * start + 125 * place},1,{8 * (place in ((2, 3) if number == 9 else (1, 2, 3)))},0:0:0:0:"
        for number, start in enumerate(starts)
        for place in range(5)
    ]
    found = max(taiko_slips.run(Evidence(beatmap(lines, mode=1), slip_model=model)), key=lambda one: one.measure or -99)
    assert found.time == 1000 + 500 * starts[9] + 125
    assert "places with the same notes around" in found.message and "have a kat (as at 00:" in found.message
