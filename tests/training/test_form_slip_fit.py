"""Objects that get another form, to fit the model of slips."""

from __future__ import annotations

import inspect
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from maimod.features.sliders import forms as slider_forms
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.training import form_slip_fit, slip_forest
from maimod.training.faults.classic import sliders
from maimod.training.faults.further import dragged, earlier
from tests.maps import beatmap, text

MEASURES = 60


def lines(turn: int = 0, measures: int = MEASURES) -> list[str]:
    """Two circles, a slider with a circle a span after it, and a slider with a repeat, in each measure of four beats."""
    found = []
    for number in range(measures):
        x, at = 150 + 20 * ((number + turn) % 5), 1000 + 2000 * number
        found += [
            f"{x},100,{at},1,0,0:0:0:0:",
            f"{x + 60},100,{at + 250},1,2,0:0:0:0:",
            f"{x},180,{at + 500},2,0,L|{x + 70}:180,1,70,0|8,0:0|0:0,0:0:0:0:",
            f"{x + 90},220,{at + 1000},1,0,0:0:0:0:",
            f"{x},260,{at + 1250},2,0,L|{x + 35}:260,2,35,0|0|0,0:0|0:0|0:0,0:0:0:0:",
        ]
    return found


MAP = beatmap(lines())


def planted(seed: int, loaded: Beatmap = MAP) -> form_slip_fit.FormVersion:
    return form_slip_fit.plant(loaded, loaded.hit_objects, np.random.default_rng(seed))


def test_every_kind_is_planted_and_the_map_stays_playable() -> None:
    seen: set[str] = set()
    for seed in range(25):
        version = planted(seed)
        objects = version.beatmap.hit_objects
        assert len(objects) == len(version.kinds) and [o.index for o in objects] == list(range(len(objects)))
        for a, b in pairwise(objects):
            assert a.end_time < b.time
        for o in objects:
            assert (o.slider is None) == (o.kind is ObjectKind.CIRCLE) == (o.end_time == o.time)
            points = o.slider.control_points if o.slider else ((o.x, o.y),)
            assert points[0] == (o.x, o.y) and all(0 <= x <= 512 and 0 <= y <= 384 for x, y in points)
        seen |= set(version.kinds)
    assert seen == {"", *form_slip_fit.KINDS}


def test_only_the_objects_named_differ() -> None:
    original = {(o.time, o.kind, o.end_time, o.slider) for o in MAP.hit_objects}
    for seed in range(5):
        version = planted(seed)
        for o, kind in zip(version.beatmap.hit_objects, version.kinds, strict=True):
            is_same = (o.time, o.kind, o.end_time, o.slider) in original
            assert is_same if not kind else not is_same or kind in ("split", "turned-on"), kind
        assert version == planted(seed)


def made(kind: str, loaded: Beatmap = MAP) -> list[list[HitObject]]:
    """The objects that each change of a kind made."""
    found = []
    for seed in range(25):
        version = planted(seed, loaded)
        groups = np.split(np.arange(len(version.kinds)), np.flatnonzero(np.diff([hash(k) for k in version.kinds])) + 1)
        found += [
            [version.beatmap.hit_objects[i] for i in group] for group in groups if version.kinds[group[0]] == kind
        ]
    assert found
    return found


def test_a_split_slider_has_circles_at_all_its_edges() -> None:
    for circles in made("split"):
        slider = next(o for o in MAP.hit_objects if o.time == circles[0].time)
        assert slider.slider is not None
        assert [o.time for o in circles] == [round(t) for t in slider.edge_times()]
        assert [o.hitsound for o in circles] == list(slider.slider.edge_sounds)
        assert [o.x for o in circles[::2]] == [slider.x] * len(circles[::2])


def test_joined_circles_and_repeats_for_circles_end_where_the_circle_was() -> None:
    starts = [o.time for o in MAP.hit_objects]
    for (o,) in (*made("joined"), *made("turned-back")):
        after = starts[starts.index(o.time) + 1]
        assert o.end_time == after
    for (o,) in made("joined"):  # at the velocity of the map: 140 px a beat
        assert o.slider is not None and o.slider.length == pytest.approx(140 * o.duration / 500)


def test_one_repeat_more_or_less() -> None:
    of = {o.time: o for o in MAP.hit_objects}
    for kind, by in (("repeat-more", 1), ("repeat-less", -1), ("turned-back", 1)):
        for (o,) in made(kind):
            before = of[o.time]
            assert o.slider is not None and before.slider is not None
            assert o.slider.slides == before.slider.slides + by and o.span_duration == before.span_duration
    for shorter, circle in made("turned-on"):
        assert shorter.slider is not None and shorter.slider.slides == 1
        assert circle.time == of[shorter.time].end_time and not circle.new_combo


def test_another_length_has_another_duration() -> None:
    of = {o.time: o for o in MAP.hit_objects}
    for (o,) in made("length"):
        before = of[o.time]
        assert o.slider is not None and before.slider is not None
        factor = o.slider.length / before.slider.length
        assert factor != 1 and o.duration == pytest.approx(before.duration * factor)


def test_nothing_is_shared_with_the_mistakes_of_the_evaluation() -> None:
    source = inspect.getsource(form_slip_fit).replace(":mod:`maimod.training.faults`", "")
    assert "training.faults" not in source
    assert not any("form_slip_fit" in inspect.getsource(one) for one in (dragged, earlier, sliders))


def test_a_forest_fitted_on_some_maps_finds_changes_in_another(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.osu"
        path.write_text(text(lines(number)), encoding="utf-8")
        paths.append(path)
    rows = [one for path in paths[:3] for one in form_slip_fit.FIT.examples_of(0, path)]
    assert len(rows) == 3 * form_slip_fit.VERSIONS
    assert all(one.features.shape == (len(one.real), len(slider_forms.NAMES)) for one in rows)
    assert 0 < sum(one.real.sum() for one in rows) < sum(len(one.real) for one in rows)
    forest = slip_forest.fitted(rows, slider_forms.NAMES, 0, {"max_iter": 30, "max_leaf_nodes": 6})
    loaded = slip_forest.load(paths[3])
    assert loaded is not None
    result = form_slip_fit.FIT.scored_map(forest, 0, paths[3], *loaded)
    assert len(result.clean) == len(loaded[1]) and len(result.others) == form_slip_fit.VERSIONS
    assert {name for name, _ in result.found} <= {f"form {kind}" for kind in form_slip_fit.KINDS}
    found = np.array([score for _, score in result.found])
    assert (found > np.quantile(result.clean, 0.98)).mean() > 0.8
