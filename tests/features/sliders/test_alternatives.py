"""Sliders as circles, circles as sliders, repeats more or less, against what the map does elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.audio.onsets import TYPICAL_LAG_MS, OnsetEnvelope
from maimod.features.sliders import alternatives as slider_alternatives
from maimod.features.sliders.alternatives import NAMES, NO_ROOM
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules.evidence import Evidence
from tests.maps import beatmap

BEAT, MEASURES, ODD = 500, 16, 8
"""Ms; number of measures, and the one with the mistake."""


def measure(start: int, form: str = "usual", tail_sound: int = 0) -> list[str]:
    """A circle, a slider of one beat and a circle half a beat after it; the slider has 140 px."""
    slider = f"200,100,{start + BEAT},2,0,L|340:100,{{}},140,0|{tail_sound},0:0|0:0,0:0:0:0:"
    middle = {
        "usual": [slider.format(1)],
        "split": [f"200,100,{start + BEAT},1,0,0:0:0:0:", f"340,100,{start + 2 * BEAT},1,{tail_sound},0:0:0:0:"],
        "repeat": [slider.format(2)],
    }[form]
    return [f"100,100,{start},1,0,0:0:0:0:", *middle, f"400,200,{start + 3 * BEAT + BEAT // 2},1,0,0:0:0:0:"]


def of_sliders(odd: str = "usual", tail_sound: int = 0) -> Beatmap:
    return beatmap(
        [
            line
            for number in range(MEASURES)
            for line in measure(number * 4 * BEAT, odd if number == ODD else "usual", tail_sound * (number == ODD))
        ]
    )


def of_circles(joined: bool) -> Beatmap:
    """Circles on every beat, half of them 90 px apart; two of them joined to a slider of a beat."""
    lines = []
    for number in range(4 * MEASURES):
        x = 100 + 90 * (number % 4)
        if joined and number == 4 * ODD + 1:
            lines.append(f"{x},100,{number * BEAT},2,0,L|{x + 140}:100,1,140,0|0,0:0|0:0,0:0:0:0:")
        elif not (joined and number == 4 * ODD + 2):
            lines.append(f"{x},100,{number * BEAT},1,0,0:0:0:0:")
    for number in range(4 * MEASURES, 4 * MEASURES + 24, 2):  # sliders of a beat are known to the map
        lines.append(f"100,100,{number * BEAT},2,0,L|240:100,1,140,0|0,0:0|0:0,0:0:0:0:")
    return beatmap(lines)


def features(evidence: Evidence | Beatmap) -> np.ndarray:
    evidence = evidence if isinstance(evidence, Evidence) else Evidence(evidence)
    return slider_alternatives.features(evidence.passages, evidence.objects_by_time)


def column(evidence: Evidence | Beatmap, name: str) -> np.ndarray:
    found = features(evidence)
    assert np.isfinite(found).all()
    return found[:, NAMES.index(name)]


@pytest.mark.parametrize("name", ["usage", "copies", "total"])
def test_circles_in_place_of_a_slider(name: str) -> None:
    split = of_sliders("split")
    own, into = column(split, f"own {name}"), column(split, f"into {name}")
    head = 3 * ODD + 1
    assert own.argmax() == head and into.argmax() == head + 1
    assert own[head] == into[head + 1] > 1
    assert column(of_sliders(), f"own {name}")[head] < -1


def test_a_slider_in_place_of_circles() -> None:
    place = 4 * ODD + 1
    own = column(of_circles(joined=True), "own usage")
    assert own.argmax() == place and own[place] > 1
    assert column(of_circles(joined=False), "own usage")[place] < -1


def of_third_beats(with_mistake: bool) -> Beatmap:
    """Two circles on every beat, but a slider on the third of each measure."""
    lines = []
    for number in range(4 * MEASURES):
        time, is_mistake = number * BEAT, with_mistake and number == 4 * ODD + 2
        if number % 4 == 2 and not is_mistake:
            lines.append(f"100,100,{time},2,0,L|170:100,1,70,0|0,0:0|0:0,0:0:0:0:")
        else:
            lines += [f"{x},100,{time + (x - 100) * BEAT // 140},1,0,0:0:0:0:" for x in (100, 170)]
    return beatmap(lines)


def test_the_place_in_the_measure() -> None:
    place = 7 * ODD + 4
    split, usual = (column(of_third_beats(with_mistake), "own usage") for with_mistake in (True, False))
    assert split.argmax() == place and split[place] > 0.5 and usual[place] < -0.5


def test_what_is_at_the_end() -> None:
    split = of_sliders("split", tail_sound=8)
    head = 3 * ODD + 1
    # The circle is where a slider ends in the map, but has a clap, which no end of a slider has.
    assert column(split, "own distance")[head] > 0.3
    assert column(split, "own sound")[head] < column(of_sliders("split"), "own sound")[head]


def test_a_repeat_too_many() -> None:
    less, usual = column(of_sliders("repeat"), "less usage"), column(of_sliders(), "less usage")
    place = 3 * ODD + 1
    assert less.argmax() == place and less[place] > 6.5 and not usual.any()
    assert column(of_sliders("repeat"), "less copies")[place] > 1
    assert not column(of_third_beats(False), "more copies").any()  # one more would reach the next object
    assert column(of_third_beats(False), "end added")[7 * ODD + 4] == NO_ROOM
    assert column(of_sliders(), "more usage")[place] < -1


def test_the_onset_that_an_end_would_have() -> None:
    loaded, place = of_sliders(), 3 * ODD + 1
    times = [time for o in loaded.hit_objects for time in o.edge_times()]
    values = np.zeros(4000, dtype=np.float32)
    values[[round((time + TYPICAL_LAG_MS) / 10) for time in (*times, (4 * ODD + 3) * BEAT)]] = 1.0
    with_onset = Evidence(loaded, envelope=OnsetEnvelope(values, 10.0))
    more = column(with_onset, "more onset")
    assert np.flatnonzero(column(with_onset, "less onset")).size == 0
    assert more.argmax() == place and np.count_nonzero(more > 0.2) == 1


def test_the_other_difficulties() -> None:
    split, other = of_sliders("split"), replace(of_sliders(), path=of_sliders().path.with_name("other.osu"))
    evidence = Evidence(split, mapset=Mapset(Path(), (split, other)))
    head = 3 * ODD + 1
    siblings = column(evidence, "own siblings")
    assert siblings.argmax() == head and siblings[head] > 1 and siblings[1] < -1


def test_straight_sliders_among_bent_ones() -> None:
    bent = "100,100,{},2,0,B|150:180|200:100,1,140,0|0,0:0|0:0,0:0:0:0:"
    lines = [bent.format(number * 2 * BEAT) for number in range(20)]
    lines[10] = f"100,100,{20 * BEAT},2,0,L|240:100,1,140,0|0,0:0|0:0,0:0:0:0:"
    straight = column(beatmap(lines), "straight")
    assert straight[10] > 2 and np.count_nonzero(straight) == 1


def test_a_circle_as_far_as_a_slider_would_reach() -> None:
    reach = column(of_sliders("split"), "reach")
    assert reach[3 * ODD + 1] == pytest.approx(0, abs=0.02)
    assert reach[0] == pytest.approx(np.log2(104 / 144), abs=0.02)


def test_catch_has_x_alone() -> None:
    lines = [f"{100 + 50 * (i % 2)},{40 * (i % 9)},{i * BEAT},1,0,0:0:0:0:" for i in range(30)]
    flat = [f"{100 + 50 * (i % 2)},0,{i * BEAT},1,0,0:0:0:0:" for i in range(30)]
    first, second = (features(beatmap(of, mode=2)) for of in (lines, flat))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("mode", [1, 3])
def test_other_modes_have_none(mode: int) -> None:
    lines = [f"{64 + 128 * (i % 4)},192,{i * BEAT},1,0,0:0:0:0:" for i in range(30)]
    assert not features(beatmap(lines, mode=mode, circle_size=4)).any()


def test_a_long_map_is_cut_into_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = features(of_sliders("split"))
    monkeypatch.setattr("maimod.features.sliders.alternatives.MOST_AT_ONCE", 40)
    parts = features(of_sliders("split"))
    head = 3 * ODD + 1
    assert parts[:, NAMES.index("own total")].argmax() == head
    assert np.corrcoef(whole.ravel(), parts.ravel())[0, 1] > 0.95


def test_an_end_on_another_tick() -> None:
    lines = [line for number in range(MEASURES) for line in measure(number * 4 * BEAT)]
    place = 3 * ODD + 1
    lines[place] = lines[place].replace(",1,140,", ",1,175,")  # 1/4 beat longer
    long, usual = beatmap(lines), of_sliders()
    assert column(long, "end fit_before")[place] < column(usual, "end fit_before")[place] - 2
    assert column(of_sliders("repeat"), "end removed")[place] > 2 > column(usual, "end removed")[place]
    assert column(usual, "end added")[place] < 0
    assert not column(usual, "end added")[[0, 2]].any()  # circles have no other end


def test_maps_that_are_too_short_or_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not features(beatmap(measure(0))).any()
    monkeypatch.setattr("maimod.features.sliders.alternatives.MOST_EDGES", 2 * 3 * MEASURES)
    assert features(of_sliders()).any()
    assert not features(of_sliders("repeat")).any()


def test_the_reach_of_a_circle_is_known_at_the_next_object_too() -> None:
    reach, into = column(of_sliders("split"), "reach"), column(of_sliders("split"), "reach into")
    assert into[0] == 0 and np.array_equal(into[1:], reach[:-1]) and np.count_nonzero(into) > MEASURES
