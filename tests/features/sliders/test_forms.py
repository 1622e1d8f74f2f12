"""Forms of objects against what the map has at the same place of its rhythm."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.features.sliders import alternatives as slider_alternatives
from maimod.features.sliders import forms as slider_forms
from maimod.features.sliders.forms import NAMES, can_measure
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from tests.features.sliders.test_alternatives import ODD, of_sliders
from tests.maps import beatmap


def measure(loaded: Beatmap, alternatives: np.ndarray | None = None) -> np.ndarray:
    evidence = Evidence(loaded)
    return slider_forms.measure(evidence.passages, evidence.objects_by_time, alternatives)


def column(loaded: Beatmap, name: str) -> np.ndarray:
    found = measure(loaded)
    assert found.shape == (len(loaded.hit_objects), len(NAMES)) and np.isfinite(found).all()
    return found[:, NAMES.index(name)]


SPLIT, REPEAT, USUAL = of_sliders("split"), of_sliders("repeat"), of_sliders()
PER_MEASURE = 3
HEAD = PER_MEASURE * ODD + 1
"""The slider with the mistake; a split one is two circles from here on."""


@pytest.mark.parametrize("name", ["own odds measure", "own odds place", "own odds widely"])
def test_circles_where_all_other_measures_have_a_slider(name: str) -> None:
    odds = column(SPLIT, name)
    assert odds.argmax() == HEAD and odds[HEAD] > 1.0 > np.delete(odds, HEAD).max()
    assert column(USUAL, name).max() <= 0.0


def test_the_circle_at_the_end_of_a_split_slider_is_an_end_in_the_other_passages() -> None:
    edge, same = column(SPLIT, "lag edge"), column(SPLIT, "lag same")
    assert edge[HEAD + 1] > 0.8 > 0.1 > np.delete(edge, HEAD + 1).max()
    assert same[HEAD] == 0.0 and same[HEAD + 1] < 0.01 and np.median(same) > 0.8
    assert column(SPLIT, "into odds measure").argmax() == HEAD + 1
    assert column(SPLIT, "lag best same")[HEAD] == 0.0 < column(USUAL, "lag best same")[HEAD]


def test_a_repeat_that_no_other_measure_has() -> None:
    for name in ("form odds room at beat", "form odds forms beside"):
        odds = column(REPEAT, name)
        assert odds.argmax() == HEAD, name
    for name in ("count form", "count duration", "count free at beat", "count room form"):
        assert column(REPEAT, name)[HEAD] == 0.0 < column(USUAL, name)[HEAD], name
    assert column(REPEAT, "lag other")[HEAD] > 0.8 and column(USUAL, "lag other")[HEAD] == 0.0


def test_the_gap_after_a_slider_is_compared_as_well() -> None:
    after = column(REPEAT, "on odds beat")
    assert after[HEAD] == column(REPEAT, "into odds beat")[HEAD + 1]
    assert not column(SPLIT, "on odds beat")[[HEAD, HEAD + 1]].any()


def test_the_object_itself_says_nothing_of_what_is_usual() -> None:
    odds = column(SPLIT, "own odds measure")
    others = len(SPLIT.hit_objects) // PER_MEASURE - 1
    assert odds[HEAD] == pytest.approx(np.log((others + 0.3) / 0.3), abs=1e-5)


def test_directions_of_bodies() -> None:
    """A slider to the right, after a circle at its left and before one at its lower right."""
    loaded = beatmap(
        [
            line
            for number in range(10)
            for line in (
                f"100,100,{2000 * number},1,0,0:0:0:0:",
                f"200,100,{2000 * number + 500},2,0,L|300:100,1,100,0|0,0:0|0:0,0:0:0:0:",
                f"300,200,{2000 * number + 1500},1,0,0:0:0:0:",
            )
        ]
    )
    assert column(loaded, "geometry turn in")[1] == pytest.approx(1.0)
    assert column(loaded, "geometry turn out")[1] == pytest.approx(0.0, abs=1e-6)
    assert column(loaded, "geometry in")[1] == pytest.approx(np.log2(101)) == column(loaded, "geometry out")[1]
    assert column(loaded, "geometry bow")[1] == pytest.approx(1.0) and column(loaded, "geometry bow")[0] == 0.0
    assert not column(loaded, "geometry out off")[1::3].any()


def test_known_alternatives_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = Evidence(SPLIT)
    known = slider_alternatives.features(evidence.passages, evidence.objects_by_time)
    expected = measure(SPLIT)
    monkeypatch.setattr(slider_alternatives, "features", None)
    assert (measure(SPLIT, known) == expected).all()


def test_maps_that_are_too_short_or_have_too_many_edges() -> None:
    short = beatmap([f"100,100,{500 * i},1,0,0:0:0:0:" for i in range(8)])
    long = beatmap([f"100,100,{500 * i},2,0,L|200:100,{3000 if i == 5 else 1},1,0" for i in range(40)])
    many = beatmap([f"100,100,{500 * i},2,0,L|200:100,3000,1,0" for i in range(40)])
    assert [can_measure(one.hit_objects) for one in (short, long, many, USUAL)] == [False, True, False, True]
    assert np.isfinite(measure(long)).all()


def test_spinners_objects_at_one_time_and_objects_far_apart() -> None:
    lines = [f"100,100,{500 * i},1,0,0:0:0:0:" for i in range(12)]
    lines += ["256,192,6000,12,0,9000,0:0:0:0:", "100,100,9500,1,0,0:0:0:0:", "300,100,9500,1,0,0:0:0:0:"]
    assert np.isfinite(measure(beatmap(lines))).all()
    far = [*lines, "100,100,20000000,1,0,0:0:0:0:"]
    assert not column(beatmap(far), "lag trust").any()
