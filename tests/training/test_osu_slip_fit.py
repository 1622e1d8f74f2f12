"""Moves planted in osu! maps, and the examples that are made of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from maimod.features.positions import slips as position_slips
from maimod.osu.slider_path import flatten
from maimod.training import osu_slip_fit
from maimod.training.osu_slip_fit import KINDS, POSITION, SHAPE, plant
from tests.maps import beatmap, text

CORNERS = [(150, 100), (250, 100), (250, 200), (150, 200)]


def lines(turn: int = 0, count: int = 160) -> list[str]:
    """Circles and straight sliders around a square."""
    found = []
    for i in range(count):
        x, y = CORNERS[(i + turn) % 4]
        kind = f"2,0,L|{x + 60}:{y + 30}|{x + 120}:{y},1,105" if i % 4 == 3 else "1,0,0:0:0:0:"
        found.append(f"{x},{y},{1000 + 1000 * i},{kind}")
    return found


MAP = beatmap(lines())
OBJECTS = MAP.hit_objects


def test_only_the_objects_named_are_moved_and_stay_inside() -> None:
    seen, lengths = set[str](), set[float]()
    for seed in range(40):
        version = plant(MAP, OBJECTS, np.random.default_rng(seed))
        for before, after, kind, size in zip(OBJECTS, version.objects, version.kinds, version.sizes, strict=True):
            assert (before == after) == (not kind)
            assert (before.time, before.line, before.new_combo) == (after.time, after.line, after.new_combo)
            points = after.slider.control_points if after.slider else [(after.x, after.y)]
            assert all(0 <= x <= 512 and 0 <= y <= 384 and x == round(x) and y == round(y) for x, y in points)
            assert points[0] == (after.x, after.y)
            head = math.dist((before.x, before.y), (after.x, after.y))
            if kind in ("moved", "head", "together", "turned-about-neighbour"):
                assert abs(head - size) <= 1.0
            elif kind and KINDS[kind][0] == SHAPE and kind != "reversed":
                assert head == 0
            if kind in osu_slip_fit.RESNAPPED:  # the editor ends it at a quarter beat anew
                assert before.slider is not None and after.slider is not None
                beyond = flatten(after.slider).natural_length - after.slider.length
                assert after.slider.length % 35 == 0 and -1 < beyond < 35
                lasted = after.slider.length / 140 * 500
                assert after.duration == pytest.approx(lasted) and after.end_time < before.time + 1000
                lengths.add(after.slider.length - before.slider.length)
            elif before.slider and after.slider:
                assert before.slider.length == after.slider.length
            seen.add(kind)
    assert {-35, 0, 35} <= lengths
    assert seen == {"", *KINDS} - {"left-behind"}


def test_a_figure_left_on_the_one_before_it() -> None:
    circles = beatmap([f"{100 + 20 * (i % 13)},{80 + 9 * (i % 7)},{1000 + 500 * i},1,0,0:0:0:0:" for i in range(160)])
    found = 0
    for seed in range(40):
        version = plant(circles, circles.hit_objects, np.random.default_rng(seed))
        left = [i for i, kind in enumerate(version.kinds) if kind == "left-behind"]
        for first in [i for i in left if i - 1 not in left]:
            count = next(k for k in range(1, 9) if first + k not in left)
            places = [(o.x, o.y) for o in version.objects[first : first + count]]
            assert places == [(o.x, o.y) for o in circles.hit_objects[first - count : first]]
            assert 3 <= count <= 5
            found += 1
    assert found
    assert not osu_slip_fit._is_inside_group(["left-behind"] * 3).any()


def test_moves_are_far_apart_and_depend_on_the_seed_alone() -> None:
    one, two, other = (plant(MAP, OBJECTS, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.objects == two.objects != other.objects
    moved = [i for i, kind in enumerate(one.kinds) if kind]
    gaps = np.diff(moved)
    assert ((gaps == 1) | (gaps >= osu_slip_fit.APART[0])).all() and len(moved) >= 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "one").mkdir()
    found = tmp_path / "one" / "one.osu"
    found.write_text(text(lines(), general={"AudioFilename": "song.wav"}))
    (tmp_path / "one" / "song.wav").write_bytes(b"")
    return found


def test_a_moved_object_is_no_example_for_bodies_and_the_other_way_round(path: Path) -> None:
    first, second, third = osu_slip_fit.labelled(3, 3, path)
    assert first.kinds != second.kinds and first.features.shape == (len(first.kinds), len(position_slips.NAMES))
    for one in (first, second, third):
        what = np.array([KINDS[kind][0] if kind else "" for kind in one.kinds])
        inside = osu_slip_fit._is_inside_group(one.kinds)
        assert (one.real == np.stack([(what == POSITION) & ~inside, what == SHAPE], axis=1)).all()
        assert not one.known[what == SHAPE, 0].any() and not one.known[what == POSITION, 1].any()
        assert one.known[what == "", 0].all() and one.known[~inside & (what == POSITION), 0].all()
        assert 0 < one.known[:, 1].sum() < len(what) / 2  # sliders alone


def test_what_is_no_example_against_which(path: Path) -> None:
    first, second, *_ = osu_slip_fit.examples_of(3, path)
    moved = np.array([bool(kind) for kind in first.kinds])
    assert moved.sum() >= 4 and first.features.shape == (len(moved), len(position_slips.NAMES))
    # Others are left out at random, and weigh more instead; those beside a move are all there.
    assert set(first.weights.tolist()) == {1.0, 1 / osu_slip_fit.KEPT_OTHERS} and (first.weights[moved] == 1).all()
    assert abs(first.weights.sum() - 160) < 40
    assert {KINDS[kind][0] for kind in (*first.kinds, *second.kinds) if kind} == {POSITION, SHAPE}
