"""Objects and sliders that slipped: their measures, the model that weighs them, and the words."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from maimod.features import slip_model
from maimod.features.catch import slips as catch_slips
from maimod.features.models.trees import Trees
from maimod.features.positions import alternatives as position_alternatives
from maimod.features.positions import slips as position_slips
from maimod.features.slip_model import FILE, Forest, SlipModel
from maimod.linter.models import load_networks
from maimod.linter.settings import Settings
from maimod.osu.beatmap import Beatmap, Mode, ObjectKind
from maimod.rules.evidence import Evidence
from maimod.rules.positions import slips
from maimod.rules.sliders import slips as slider_slips
from tests.maps import beatmap
from tests.slips import NOTHING, evidence, stump

SIDE = 100


def dance(moved: int = -1, by: tuple[int, int] = (0, 0), mode: int = 0, count: int = 48) -> Beatmap:
    """Circles around a square, 1/2 beat apart, one of which may be moved."""
    corners = [(150, 100), (150 + SIDE, 100), (150 + SIDE, 100 + SIDE), (150, 100 + SIDE)]
    lines = []
    for i in range(count):
        (x, y), (dx, dy) = corners[i % 4], by if i == moved else (0, 0)
        lines.append(f"{x + dx},{y + dy},{1000 + 250 * i},1,0,0:0:0:0:")
    return beatmap(lines, mode=mode)


def bodies(changed: int = -1, by: int = 6) -> Beatmap:
    """Forty straight sliders side by side, one of which may be bent."""
    lines = []
    for i in range(40):
        x, y = 50 + 40 * (i % 10), 50 + 60 * (i // 10)
        path = f"L|{x + 25}:{y + by}|{x + 50}:{y}" if i == changed else f"L|{x + 50}:{y}"
        lines.append(f"{x},{y},{1000 + 1000 * i},2,0,{path},1,50")
    return beatmap(lines)


def values(loaded: Beatmap, name: str) -> np.ndarray:
    measured = position_slips.measure(loaded, loaded.hit_objects)
    assert np.isfinite(measured.features).all() and measured.features.dtype == np.float32
    return measured.features[:, position_slips.NAMES.index(name)]


# ---------------------------------------------------------------------------------------------------------------------
# Measures


def test_names_are_columns_and_each_is_there_once() -> None:
    assert position_slips.measure(dance(), dance().hit_objects).features.shape == (48, len(position_slips.NAMES))
    assert len(set(position_slips.NAMES)) == len(position_slips.NAMES)


def test_relations_ask_for_the_place_that_an_object_left() -> None:
    as_it_was, moved = dance(), dance(20, (9, 12))
    assert values(as_it_was, "asked_here")[20] >= 5
    assert values(moved, "asked_here")[20] <= 1 and values(moved, "asked_elsewhere")[20] >= 5
    assert values(moved, "asked_away")[20] == pytest.approx(np.log2(1 + 15), abs=0.1)


def test_an_object_misses_what_its_neighbours_keep() -> None:
    missing = values(dance(20, (9, 12)), "exact_missing")
    assert missing.argmax() == 20 and missing[20] > 5
    assert values(dance(20, (9, 12)), "off figure")[20] == pytest.approx(np.log2(1 + 15), abs=0.1)
    assert values(dance(), "off figure")[4:-4].max() == 0


def test_distances_are_measured_against_their_own_spread() -> None:
    # The circle lies 3 px farther from the next; all others keep the distance exactly.
    off = values(dance(20, (-3, 0)), "off_out")
    assert off[20] == pytest.approx(3 / 0.7, rel=0.2) and off[30] == 0


@pytest.mark.parametrize(
    ("name", "least"), [("off symmetry", 2.0), ("off copy", 2.0), ("off copy_2", 2.0), ("off reversed_copy", 2.0)]
)
def test_a_bent_slider_is_unlike_the_others(name: str, least: float) -> None:
    lines = [f"{60 + 30 * i},100,{1000 + 1000 * i},2,0,L|{60 + 30 * i}:150,1,50" for i in range(6)]
    bent = [*lines[:3], "150,100,4000,2,0,B|170:125|150:110,1,50", *lines[4:]]
    straight, changed = values(beatmap(lines), name), values(beatmap(bent), name)
    assert straight.max() < 0.1 and changed[3] > least and changed[0] < 0.1


def test_bodies_parallel_to_those_nearby_and_ends_on_a_stack() -> None:
    lines = [f"{60 + 30 * i},100,{1000 + 500 * i},2,0,L|{60 + 30 * i}:150,1,50" for i in range(6)]
    lines += ["60,150,4500,1,0,0:0:0:0:"]
    turned = [*lines[:3], "150,100,2500,2,0,L|190:130,1,50", *lines[4:]]
    assert values(beatmap(lines), "off parallel")[:6].max() < 0.1
    assert values(beatmap(turned), "off parallel")[3] == pytest.approx(np.log2(1 + 40), abs=0.1)
    assert values(beatmap(lines), "off tail_stack")[1] > 4
    assert position_slips.measure(beatmap(lines), beatmap(lines).hit_objects).same_length.tolist() == [5] * 6 + [0]


def test_a_body_around_an_object() -> None:
    # Half a circle of 100 px about the next object, and the same object 8 px off its middle.
    around = ["156,192,1000,2,0,P|256:92|356:192,1,314.159", "256,192,2500,1,0,0:0:0:0:"]
    off = [around[0], "264,192,2500,1,0,0:0:0:0:"]
    assert values(beatmap(around), "off blanket")[1] < 1.0
    assert values(beatmap(off), "off blanket")[1] > 3.5


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 9])
def test_short_maps_have_numbers_too(count: int) -> None:
    lines = [f"{100 + 9 * i},100,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(count)]
    loaded = beatmap(["256,192,100,12,0,800,0:0:0:0:", *lines])
    assert len(values(loaded, "exact")) == count + 1


# ---------------------------------------------------------------------------------------------------------------------
# The model


def stored(**changes: Any) -> dict[str, Any]:
    trees = Trees.of(0.0, [0, -1, -1], [1.0, 2.0, 3.0], [1, 0, 0], [2, 0, 0])
    forest = {"features": ["exact"], "trees": {"start": 0.0, "nodes": b64encode(trees.nodes).decode()}}
    return {"format": slip_model.FORMAT, "positions": forest, "shapes": forest | changes}


def test_a_model_from_a_file(tmp_path: Path) -> None:
    assert slip_model.load(tmp_path) is None
    (tmp_path / FILE).write_text(json.dumps(stored()))
    model = slip_model.load(tmp_path)
    assert model is not None
    found = slip_model.find(model, dance(), dance().hit_objects)
    assert found is not None and found.positions[20] == 3.0 and (found.shapes == slip_model.NO_SLIP).all()


def test_networks_are_read_only_where_they_are_asked() -> None:
    folder = Path(slip_model.__file__).parents[2] / "models" / "maimod-slips"
    whole, plain = (slip_model.load(folder, with_networks=is_asked) for is_asked in (True, False))
    assert whole is not None and plain is not None
    assert set(whole.networks) == set(slip_model.OUTPUTS) and plain == msgspec.structs.replace(whole, networks={})
    assert load_networks(Settings(model=None)).slips == plain


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        stored() | {"format": 0},
        stored(features=["nothing"]),
        stored(features=[]),
        stored(trees={"start": 0.0, "nodes": "AAAA"}),
        stored() | {"forms": stored()["positions"]},
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: object) -> None:
    (tmp_path / FILE).write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"slips\.json: not a usable model of slips .*; install maimod again"):
        slip_model.load(tmp_path)


def test_a_file_with_trees_as_lists_is_of_another_format(tmp_path: Path) -> None:
    trees = {"start": 0.0, "roots": [0], "feature": [-1], "threshold": [1.0], "left": [0], "right": [0]}
    (tmp_path / FILE).write_text(json.dumps(stored(trees=trees) | {"format": 1}))
    with pytest.raises(ValueError, match=r"\(format 1, 2 expected\)"):
        slip_model.load(tmp_path)


def test_nothing_slips_without_the_model_in_other_modes_and_in_short_maps() -> None:
    always = stump("exact", 99.0, 5.0, 5.0)
    assert Evidence(dance()).slips is None
    assert list(slips.run(Evidence(dance()))) == []
    for other in (dance(mode=2), dance(count=slip_model.LEAST_OBJECTS - 1)):
        assert list(slips.run(evidence(other, positions=always))) == []
    assert len(list(slips.run(evidence(dance(), positions=always)))) == 48


def test_maps_of_any_length_need_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    as_it_is = values(dance(20, (9, 12)), "asked_elsewhere")
    monkeypatch.setattr(position_slips, "AT_ONCE", 5)
    assert values(dance(20, (9, 12)), "asked_elsewhere").tolist() == as_it_is.tolist()
    monkeypatch.setattr(slip_model, "MOST_OBJECTS", 40)
    assert evidence(dance()).slips is None


def test_spinners_cannot_slip() -> None:
    lines = [f"{100 + 9 * i},100,{3000 + 500 * i},1,0,0:0:0:0:" for i in range(40)]
    spun = evidence(beatmap(["256,192,100,12,0,2000,0:0:0:0:", *lines]), positions=stump("exact", 99.0, 5.0, 5.0))
    assert spun.slips is not None and spun.slips.positions[0] == slip_model.NO_SLIP


# ---------------------------------------------------------------------------------------------------------------------
# Catch


def ways(loaded: Beatmap, name: str) -> np.ndarray:
    features, measures = catch_slips.measure(loaded, loaded.hit_objects)
    assert np.isfinite(features).all() and features.dtype == np.float32
    assert features.shape == (len(loaded.hit_objects), len(catch_slips.NAMES)) and measures.distances.max() <= 512
    return features[:, catch_slips.NAMES.index(name)]


def walk(moved: int = -1, by: int = 0, count: int = 60) -> Beatmap:
    """Fruits to and fro, 1/4 beat apart; y is different every time."""
    xs = [200, 260, 320, 260]
    lines = [
        f"{xs[i % 4] + by * (i == moved)},{100 + 37 * i % 200},{1000 + 125 * i},1,0,0:0:0:0:" for i in range(count)
    ]
    return beatmap(lines, mode=2)


def test_in_catch_only_x_counts() -> None:
    assert ways(walk(), "off step_in_mode")[2:].max() == 0
    assert ways(walk(30, 40), "off step_in_mode")[30] == pytest.approx(np.log2(1 + 40), abs=0.01)
    assert ways(walk(30, 40), "way map speed in")[30] == 1.0
    assert ways(walk(30, 120), "way to hyperdash in")[30] < ways(walk(), "way to hyperdash in")[30] - 60


def test_sliders_of_catch_go_from_x_to_x() -> None:
    lines = [f"{100 + i},100,{1000 + 500 * i},2,0,L|{100 + i}:300,{1 + i % 2},100" for i in range(12)]
    lines += [f"{100 + i},100,{7000 + 500 * i},2,0,L|{160 + i}:180,1,100" for i in range(12)]
    loaded = beatmap(["256,192,100,12,0,800,0:0:0:0:", *lines], mode=2)
    _, measures = catch_slips.measure(loaded, loaded.hit_objects)
    assert measures.distances[1:12].max() <= 1.0  # down and up again
    assert measures.distances[14:].tolist() == pytest.approx([59.0] * 10)


def test_steps_of_long_catch_maps_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    as_it_is = ways(walk(30, 40), "way map speed in")
    monkeypatch.setattr(catch_slips, "MOST_COMPARED", 20)
    assert np.abs(ways(walk(30, 40), "way map speed in") - as_it_is).max() < 0.3


def test_the_bundled_model_finds_a_fruit_that_was_moved() -> None:
    model = slip_model.load(Path(slip_model.__file__).parents[2] / "models" / "maimod-slips")
    assert model is not None
    clean, moved = (slip_model.find(model, one, one.hit_objects) for one in (walk(), walk(30, 90)))
    assert clean is not None and moved is not None
    assert clean.positions.max() < 0 < moved.positions.max() and moved.positions.argmax() == 30
    found = max(slips.run(Evidence(walk(30, 90), slip_model=model)), key=lambda one: one.measure or -99)
    assert found.time == walk().hit_objects[30].time and "px" in found.message
    assert list(slider_slips.run(Evidence(walk(30, 90), slip_model=model))) == []
    others = [one.message for one in slips.run(Evidence(walk(30, 90), slip_model=model)) if one is not found]
    assert all("in 1/4 beat" in message or "px off" in message or "other gaps" in message for message in others)


# ---------------------------------------------------------------------------------------------------------------------
# Words


def test_of_neighbours_the_likeliest_is_named_with_the_distance_that_it_breaks() -> None:
    loaded = dance(20, (-12, 0))
    (found,) = slips.run(evidence(loaded, positions=stump("exact_missing", 10.0, -9.0, 3.0)))
    assert found.time == loaded.hit_objects[20].time and found.measure == 3.0
    assert "112 px to the next object, where all 24 other gaps of 1/2 beat around have 100 px" in found.message
    assert found.actual.startswith("112 px") and found.expected[0].text == "100 px"
    assert found.numbers["log_odds"] == 3.0 and found.numbers["relations_kept"] < found.numbers["relations_kept_around"]


def catch_measures_of_a_figure(moved: int) -> Beatmap:
    """Ten measures of one figure, whose fifth fruit a hyperdash leads to; that of the sixth measure is moved by some px."""
    xs = [56, 136, 216, 136, 472, 400, 376, 296] * 10
    xs[44] += moved
    lines = [f"{x},192,{1000 + 250 * i},1,0,0:0:0:0:" for i, x in enumerate(xs)]
    return beatmap(lines, mode=2, timing_points=["1000,500,4,1,0,100,1,0"])


@pytest.mark.parametrize(
    ("moved", "words"), [(0, None), (-60, "px more would be a hyperdash, which the copies"), (-200, None)]
)
def test_a_hyperdash_that_the_copies_have_is_named(moved: int, words: str | None) -> None:
    loaded = catch_measures_of_a_figure(moved)
    always = Forest([], Trees(1.0))
    model = SlipModel(slip_model.FORMAT, always, always, catch=always)
    found = [one.message for one in slips.run(Evidence(loaded, slip_model=model)) if one.objects[0].index == 44]
    assert any(words is not None and words in message for message in found) is (words is not None), found


def test_objects_that_break_nothing_are_no_candidates() -> None:
    assert list(slips.run(evidence(dance(), positions=stump("exact", 99.0, slips.LEAST_LOG_ODDS - 0.1, 9.0)))) == []


@pytest.mark.parametrize(("px", "log_odds", "is_named"), [(3, -2.0, False), (3, 0.0, True), (8, -2.0, True)])
def test_a_few_pixels_count_only_if_much_shows_them(px: int, log_odds: float, is_named: bool) -> None:
    rows = [f"{40 + 9 * i},{100 + 120 * (i % 2) + px * (i == 20)},{1000 + 250 * i},1,0,0:0:0:0:" for i in range(48)]
    always = stump("exact_missing", -1.0, -9.0, log_odds)
    assert any(one.time == 6000 for one in slips.run(evidence(beatmap(rows), positions=always))) is is_named


def test_a_slider_unlike_its_copies() -> None:
    loaded = bodies(changed=17)
    (found,) = slider_slips.run(evidence(loaded, shapes=stump("off copy", 1.0, -9.0, 1.5)))
    assert found.time == loaded.hit_objects[17].time and found.rule.id == "sliders/slip"
    assert "off the most similar of the other 39 sliders of its length" in found.message


def test_bodies_of_catch_are_compared_with_their_y() -> None:
    loaded = replace(bodies(changed=17, by=30), mode=Mode.CATCH)
    shapes, nothing = stump("off copy", 1.0, -9.0, 1.5), Forest([], NOTHING)
    (one,) = slider_slips.run(evidence(loaded, shapes=shapes, catch=nothing))
    assert one.time == loaded.hit_objects[17].time
    assert "off the most similar of the other 39 juice streams of its length" in one.message


def curves(third: tuple[int, int] = (70, 30), last: int = 110) -> Beatmap:
    """Forty sliders with the same four control points, the third of one of them or the last elsewhere."""
    lines = []
    for i in range(40):
        x, y = 20 + 40 * (i % 10), 50 + 60 * (i // 10)
        (a, b), c = (third, last) if i == 17 else ((70, 30), 110)
        lines.append(f"{x},{y},{1000 + 1000 * i},2,0,B|{x + 30}:{y + 20}|{x + a}:{y + b}|{x + c}:{y},1,110")
    return beatmap(lines)


@pytest.mark.parametrize(
    ("loaded", "words"),
    [
        (curves((73, 34)), "all control points but one are those of 39 other sliders; that one is 4 px off"),
        (
            curves(last=160),
            "the path through its control points is 56 px longer than the slider, which ends before the",
        ),
        (curves((50, 20), 70), "px shorter than the slider, which runs straight on after the last of them, unlike"),
    ],
)
def test_a_control_point_elsewhere_than_those_of_other_sliders(loaded: Beatmap, words: str) -> None:
    found = list(slider_slips.run(evidence(loaded, shapes=stump("with_same_points", 0.5, 1.5, -9.0))))
    assert [one.time for one in found] == [18000]
    assert words in found[0].message


@pytest.mark.parametrize(
    ("gap", "name"),
    [
        (500, "1 beat"),
        (250, "1/2 beat"),
        (167, "1/3 beat"),
        (1000, "2 beats"),
        (750, "3/2 beats"),
        (281, "9/16 beat"),
        (292, "7/12 beat"),
        (230, "230 ms"),
    ],
)
def test_gaps_in_beats(gap: float, name: str) -> None:
    loaded = dance()
    assert slips.gap_name(Evidence(loaded), loaded.hit_objects[0], gap) == name


def test_the_highest_beside_each_object() -> None:
    assert slips.beside(np.array([1.0, 5.0, 2.0, 0.0, 9.0])).tolist() == [5.0, 2.0, 9.0, 9.0, 2.0]


def test_evidence_keeps_its_slips() -> None:
    one = evidence(dance())
    assert one.slips is one.slips
    assert replace(one, slip_model=None).slips is None


def test_the_velocity_of_steps_is_compared_whatever_their_gaps() -> None:
    """Distance snap of 0.2 px for each ms; one circle lies 9 px farther on."""
    lines, x, time = [], 20, 1000
    for i, gap in enumerate((250, 500, 250, 500, 250, 250, 250, 500)):
        lines.append(f"{x + 9 * (i == 4)},100,{time},1,0,0:0:0:0:")
        x, time = x + gap // 5, time + gap
    off = values(beatmap(lines), "off rate_in")
    assert off[4] == off[5] == pytest.approx(np.log2(1 + 9), abs=0.1) and off[[1, 2, 3, 6, 7]].max() < 0.1
    assert values(beatmap(lines), "off rate_out")[3] == off[4]


# ---------------------------------------------------------------------------------------------------------------------
# Other ways round


def lines_of_sliders(turned: int = -1) -> Beatmap:
    """Sliders to the right, each followed by a circle close to its end; one may run from its end to its start."""
    lines = []
    for i in range(24):
        x, y, time = 60 + 20 * (i % 4), 40 + 12 * i, 1000 + 1000 * i
        head, tail = (x + 100, x) if i == turned else (x, x + 100)
        lines.append(f"{head},{y},{time},2,0,L|{tail}:{y},1,100")
        lines.append(f"{x + 130},{y},{time + 500},1,0,0:0:0:0:")
    return beatmap(lines)


def zigzag(mirrored: range = range(0)) -> Beatmap:
    """Circles 60 px apart that go right and down in turn; some may be mirrored left to right within their space."""
    places = [(30 + 30 * (i % 14), 40 + 40 * (i % 2) + 90 * (i // 14)) for i in range(42)]
    if mirrored:
        twice = sum((min, max)[k](places[i][0] for i in mirrored) for k in (0, 1))
        places = [(twice - x, y) if i in mirrored else (x, y) for i, (x, y) in enumerate(places)]
    return beatmap([f"{x},{y},{1000 + 250 * i},1,0,0:0:0:0:" for i, (x, y) in enumerate(places)])


def zigzag_with_exchange(at: int = -1, mode: int = 0) -> Beatmap:
    """Circles along a line, 60 px apart, that turn at its ends; two may have changed places."""
    xs = [60 + 60 * min(i % 12, 12 - i % 12) for i in range(48)]
    if at >= 0:
        xs[at], xs[at + 1] = xs[at + 1], xs[at]
    return beatmap([f"{x},100,{1000 + 250 * i},1,0,0:0:0:0:" for i, x in enumerate(xs)], mode=mode)


def test_circles_that_were_exchanged_gain_by_changing_places() -> None:
    changed = zigzag_with_exchange(20)
    gains = values(changed, "exchanged_steps") + values(changed, "exchanged_turns")
    assert set(np.argsort(gains)[-2:]) == {20, 21} and min(gains[20], gains[21]) > 4
    assert values(changed, "exchanged_px")[20] == pytest.approx(np.log2(121))
    model = evidence(changed, positions=stump("exchanged_steps", 1.0, -9.0, 5.0))
    messages = [one.message for one in slips.run(model)]
    of_both = (
        "places with circle 22 after it, the way through both would be 120 px shorter",
        "places with circle 21 before it",
    )
    assert len(messages) == 2 and all(words in message for words, message in zip(of_both, messages, strict=True))
    usual = zigzag_with_exchange()
    assert (values(usual, "exchanged_steps") + values(usual, "exchanged_turns"))[2:-3].max() < 0.5
    spinner = replace(changed.hit_objects[20], kind=ObjectKind.SPINNER)
    objects = (*changed.hit_objects[:20], spinner, *changed.hit_objects[21:])
    columns = [position_alternatives.NAMES.index(f"exchanged_{name}") for name in ("steps", "turns", "px")]
    exchanged = position_slips.measure(changed, objects).alternatives.features[:, columns]
    assert not exchanged[20].any()


def test_a_slider_that_was_reversed_alone_gains_by_running_the_other_way() -> None:
    name = "reversed_steps"
    turned = values(lines_of_sliders(11), name)
    assert turned[22] > 4 and turned[22] == turned.max()
    assert values(lines_of_sliders(), name).max() < 0.5
    assert values(lines_of_sliders(11), "reversed_turns")[22] > 0


def test_a_figure_that_was_mirrored_alone_gains_by_being_mirrored_back() -> None:
    changed = zigzag(range(18, 22))
    measured = position_slips.measure(changed, changed.hit_objects).alternatives
    assert measured.figures[19].tolist() == [18, 4] and measured.axes[19] == 0
    assert measured.mirrored_px[19] == pytest.approx([50, 50], abs=1)
    begins = values(changed, "mirrored_from_steps")
    assert begins.argmax() == 18 and begins[18] > 3
    assert values(changed, "mirrored_to_steps").argmax() == 21
    assert values(zigzag(), "mirrored_with").max() < begins[18]


def test_an_object_elsewhere_and_a_few_together_gain_where_they_came_from() -> None:
    moved = values(dance(20, (60, 80)), "moved")
    assert moved.argmax() == 20 and moved[20] > 4
    assert 2 ** values(dance(20, (60, 80)), "moved_px")[20] - 1 == pytest.approx(120, abs=61)
    assert values(dance(), "moved").max() < 1
    # Its own step, and those that share its objects, say nothing of what is usual.
    assert values(dance(20, (60, 80)), "step_in_fit")[20] < -2.7
    together = beatmap(
        [
            f"{o.x + (90 if i in (20, 21) else 0):g},{o.y:g},{o.time:g},1,0,0:0:0:0:"
            for i, o in enumerate(dance().hit_objects)
        ]
    )
    assert values(together, "group_from").argmax() == 20 and values(together, "group_to").argmax() == 21


def test_a_map_in_parts_and_a_short_one_have_finite_numbers() -> None:
    values(dance(count=3300), "moved")
    assert (values(dance(count=6), "moved") == 0).all()


def test_words_say_the_distances_of_the_other_way_round() -> None:
    found = list(slider_slips.run(evidence(lines_of_sliders(11), shapes=stump("reversed_steps", 4.0, -9.0, 5.0))))
    assert [one.time for one in found] == [12000]
    assert (
        "16 px to its start and 130 px from its end to the next object; if it ran the other way, 111 and 30 px"
        in found[0].message
    )
    figure = evidence(zigzag(range(18, 22)), positions=stump("mirrored_from_steps", 3.0, -9.0, 5.0))
    (one,) = slips.run(figure)
    assert "mirrored left to right it would be 50 and 50 px" in one.message


def test_a_hyperdash_that_movements_with_the_gap_have_is_named_where_the_copies_say_nothing() -> None:
    always = Forest([], Trees(1.0))
    loaded = catch_measures_of_a_figure(-60)
    found = slip_model.find(SlipModel(slip_model.FORMAT, always, always, catch=always), loaded, loaded.hit_objects)
    assert found is not None and found.catcher is not None and found.copies is not None
    found.catcher[44, catch_slips.CATCHER_NAMES.index("map hyperdash in")] = 0.7
    found.copies[44] = 0.0
    one, *others = slips._hyperdash(found, 44)
    assert not others and one.words.endswith("px more would be a hyperdash, as 70 % of the movements with this gap are")
    found.catcher[44, catch_slips.CATCHER_NAMES.index("map hyperdash in")] = 0.3
    assert not list(slips._hyperdash(found, 44))


# ---------------------------------------------------------------------------------------------------------------------
# Bodies turned, figures scaled, ratios of distances


def pairs(turned: int = -1) -> Beatmap:
    """Sliders of 80 px that end 40 px before the next one, one of them turned by 45 degrees."""
    lines = []
    for i in range(32):
        x, y = 20 + 120 * (i % 4), 60 + 80 * (i // 4 % 4)
        end = f"{x + 57}:{y + 57}" if i == turned else f"{x + 80}:{y}"
        lines.append(f"{x},{y},{1000 + 800 * i},2,0,L|{end},1,80")
    return beatmap(lines)


def test_a_body_that_fits_the_steps_if_it_is_turned_back() -> None:
    as_it_was, changed = pairs(), pairs(turned=17)
    assert values(as_it_was, "turned_steps")[17] == 0
    assert values(changed, "turned_steps")[17] + values(changed, "turned_turns")[17] > 2
    assert values(changed, "turned_by")[17] == pytest.approx(45)


def test_distances_out_of_an_object_unlike_those_into_it() -> None:
    fits = values(dance(20, (60, 0)), "ratio_fit")
    assert fits[1:-1].argmin() + 1 in (19, 20, 21) and fits[20] < fits[10] - 1


def test_a_figure_that_would_fit_if_it_was_larger() -> None:
    corners = [(150, 100), (150 + SIDE, 100), (150 + SIDE, 100 + SIDE), (150, 100 + SIDE)]
    small = [(200 + 0.55 * (x - 200), 150 + 0.55 * (y - 150)) for x, y in corners]
    lines = [
        f"{x:.0f},{y:.0f},{1000 + 250 * i},1,0,0:0:0:0:"
        for i in range(48)
        for x, y in [(small if 20 <= i < 24 else corners)[i % 4]]
    ]
    gains = values(beatmap(lines), "scaled")
    assert gains[20:24].min() > 1 > gains[:16].max()


def test_equal_distances_are_said_once() -> None:
    def broken(*words: str) -> str:
        return slips._joined([slips.Broken("line", 0.0, 1.0, one) for one in words])

    line, middle = "it is 40 px off the line of its neighbours", "it is 40 px off the middle of its neighbours"
    assert broken(line, middle) == f"{line} and off the middle of its neighbours"
    assert broken(line, middle.replace("40", "12")) == f"{line} and 12 px off the middle of its neighbours"
    assert broken("74 px from the object before", line) == f"74 px from the object before; {line}"
