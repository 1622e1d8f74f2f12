"""Additions and new combos compared with the starts some beats and measures away."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from maimod.features.habits.starts import NAMES, NOT_MOVED, features
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap

STARTS, GAP_MS = 160, 250
"""Half beats of the red line at 0."""
CLAPS = frozenset(range(2, STARTS, 4))
FINISHES = frozenset(range(0, STARTS, 32))
FLAGS = frozenset(range(0, STARTS, 8))


def standard(
    claps: Collection[int] = CLAPS,
    finishes: Collection[int] = FINISHES,
    flags: Collection[int] = FLAGS,
    mode: int = 0,
    starts: Collection[int] = range(STARTS),
) -> Beatmap:
    lines = []
    for i in starts:
        sound = 8 * (i in claps) + 4 * (i in finishes)
        lines.append(f"{100 + i % 7 * 30},{80 + i % 5 * 30},{GAP_MS * i},{5 if i in flags else 1},{sound},0:0:0:0:")
    return beatmap(lines, mode=mode)


def measured(loaded: Beatmap) -> np.ndarray:
    return features(loaded, loaded.hit_objects, None, None, 0.0)


def column(loaded: Beatmap, name: str) -> np.ndarray:
    return measured(loaded)[:, NAMES.index(name)]


@pytest.mark.parametrize(
    ("loaded", "name", "at"),
    [
        (standard(claps=CLAPS - {82}), "lost", 82),
        (standard(claps=CLAPS - {82}), "lost_beats", 82),
        (standard(claps=CLAPS - {82}), "lost_measures", 82),
        (standard(claps=CLAPS - {82}), "addition_other", 82),
        (standard(claps=CLAPS | {85}), "extra", 85),
        (standard(claps=CLAPS | {85}), "extra_beats", 85),
        (standard(claps=CLAPS | {85}), "extra_measures", 85),
        (standard(finishes=FINISHES - {96}), "finish_lost", 96),
        (standard(flags=FLAGS | {83}), "combo_off", 83),
        (standard(flags=FLAGS | {83}), "combo_beats", 83),
        (standard(flags=FLAGS | {83}), "combo_measures", 83),
    ],
)
def test_one_start_is_unlike_those_around(loaded: Beatmap, name: str, at: int) -> None:
    found = column(loaded, name)
    assert found.argmax() == at and found[at] > 0.5


@pytest.mark.parametrize("name", ["combo_off", "combo_measures", "combo_phrases"])
def test_a_lost_new_combo(name: str) -> None:
    found = column(standard(flags=FLAGS - {80}), name)
    assert found.argmin() == 80 and found[80] < -0.5


@pytest.mark.parametrize("to", [79, 81])
def test_a_new_combo_on_the_start_beside(to: int) -> None:
    found = column(standard(flags=FLAGS - {80} | {to}), "combo_moved")
    assert set(np.argsort(found)[-2:].tolist()) == {80, to}
    assert found[80] == found[to] > 1.0
    assert found[84] == NOT_MOVED
    assert column(standard(), "combo_moved").max() < 0


def test_places_without_a_start_are_not_compared() -> None:
    starts = [i for i in range(STARTS) if 64 <= i < 96 or i % 8 in (0, 1)]
    found = column(standard(claps=CLAPS - {82}, starts=starts), "lost_measures")
    assert starts[int(found.argmax())] == 82 and found.max() > 0.8


def test_additions_that_the_map_has_nowhere() -> None:
    found = measured(standard(claps=(), finishes=()))
    assert np.isfinite(found).all()
    assert not found[:, : NAMES.index("combo_off")].any()
    assert column(standard(claps=(), finishes={85}), "extra").argmax() == 85


@pytest.mark.parametrize("mode", [1, 3])
def test_modes_without_combos_or_additions(mode: int) -> None:
    found = measured(standard(mode=mode))
    assert found.shape == (STARTS, len(NAMES))
    assert not found[:, NAMES.index("combo_off") :].any()
    assert found.any() == (mode == 3)


def test_short_maps() -> None:
    loaded = beatmap(["100,100,0,5,8,0:0:0:0:", "200,100,500,1,0,0:0:0:0:"])
    assert not measured(loaded).any()
