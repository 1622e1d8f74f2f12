"""How figures of taiko are coloured where they come again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from maimod.features.taiko import colour_figures
from maimod.features.taiko.slips import measure_colours
from tests.maps import beatmap

FIGURE = (0, 8, 8, 0, 8)
"""Hitsounds of a burst: don, kat, kat, don, kat."""
STARTS = (0, 3000, 7500, 9500, 15000, 17000, 24500)
"""Ms of the bursts, no two of which are as far apart as two others."""


def figures(changed: Mapping[int, int] = {}, figure: Sequence[int] = FIGURE) -> dict[str, np.ndarray]:
    """Measures of bursts on 1/4 at 120 BPM; `changed` are hitsounds by the number of the note."""
    times = [1000 + start + 125 * place for start in STARTS for place in range(len(figure))]
    sounds = dict(enumerate(figure * len(STARTS))) | dict(changed)
    lines = [f"256,192,{time},1,{sounds[number]},0:0:0:0:" for number, time in enumerate(times)]
    loaded = beatmap(lines, mode=1)
    found = colour_figures.measure(measure_colours(loaded, loaded.hit_objects).rows)
    assert found.shape == (len(times), len(colour_figures.NAMES)) and np.isfinite(found).all()
    return dict(zip(colour_figures.NAMES, found.T, strict=True))


@pytest.mark.parametrize("place", range(len(FIGURE)))
def test_the_note_that_has_another_colour_than_in_all_other_bursts(place: int) -> None:
    plain = figures()
    assert plain["votes margin"].max() < 0 and not plain["alike other"].any()
    note = 3 * len(FIGURE) + place
    found = figures({note: 8 - FIGURE[place]})
    assert found["votes margin"].argmax() == note and found["votes margin"][note] > 2.0
    assert found["alike own"][note] == 0 and found["alike other"][note] == plain["alike own"][note] > 1
    assert found["nearest margin"][note] > 0.5


def test_a_note_around_that_differs_does_not_end_the_comparison() -> None:
    note = 3 * len(FIGURE) + 1
    found = figures({note: 0, note + 2: 8})
    assert set(np.argsort(found["votes margin"])[-2:]) == {note, note + 2}
    assert found["votes margin"][[note, note + 2]].min() > 1.0


def test_bursts_with_dons_and_kats_exchanged_count_too() -> None:
    start = 4 * len(FIGURE)
    changed = {start + number: 8 - sound for number, sound in enumerate(FIGURE * (len(STARTS) - 4))}
    found = figures(changed)
    assert (found["votes margin exchanged"] < found["votes margin"])[start + len(FIGURE) :].all()
    note = start + len(FIGURE) + 2
    found = figures(changed | {note: FIGURE[2]})
    assert found["votes margin exchanged"].argmax() == note
    assert found["votes margin exchanged"][note] > found["votes margin"][note] > 0


def test_the_place_in_a_burst_and_the_colours_beside() -> None:
    found = figures()
    one = slice(len(FIGURE), 2 * len(FIGURE))
    assert found["burst before"][one].tolist() == [0, 1, 2, 3, 4] == found["burst after"][one].tolist()[::-1]
    assert found["same 1"][one].tolist() == [0, 1, 0, 0, 0]
    assert found["same -1"][0] == found["same -3"][2] == found["same 1"][-1] == -1
    assert found["gap 2"][0] == found["gap -2"][2] == -2
