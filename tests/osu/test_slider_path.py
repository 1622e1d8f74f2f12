"""Slider paths against numbers from closed formulas."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from maimod.osu import slider_path
from maimod.osu.beatmap import SliderPath


def path(curve: str, *points: tuple[float, float], length: float = 0.0, slides: int = 1) -> slider_path.Polyline:
    return slider_path.flatten(SliderPath(curve, points, slides, length))


def test_line_is_cut_and_measured() -> None:
    line = path("L", (0, 0), (30, 40), (30, 140), length=100)
    assert line.natural_length == 150
    assert line.length == 100
    assert line.end == pytest.approx((30, 90))
    assert line.at([0, 25, 60]) == pytest.approx(np.array([[0, 0], [15, 20], [30, 50]]))


def test_line_is_extended_straight() -> None:
    assert path("L", (0, 0), (100, 0), length=150).end == pytest.approx((150, 0))


def test_path_that_ends_in_a_red_anchor_is_not_extended() -> None:
    assert path("B", (0, 0), (100, 0), (100, 0), length=150).end == pytest.approx((100, 0))


def test_length_zero_means_the_whole_path() -> None:
    assert path("L", (0, 0), (100, 0)).length == 100


@pytest.mark.parametrize(
    ("middle", "turn"), [((100, 100), math.pi), ((100 - 100 / math.sqrt(2), 100 / math.sqrt(2)), math.pi)]
)
def test_circle_through_three_points(middle: tuple[float, float], turn: float) -> None:
    arc = path("P", (0, 0), middle, (200, 0))
    assert arc.natural_length == pytest.approx(100 * turn, rel=2e-3)
    assert arc.at(arc.length / 2)[0] == pytest.approx((100, 100), abs=0.5)
    assert np.hypot(*(arc.vertices - [100, 0]).T) == pytest.approx(np.full(len(arc.vertices), 100))


def test_circle_goes_by_its_middle_point() -> None:
    assert path("P", (0, 0), (100, -100), (200, 0)).at(157)[0][1] == pytest.approx(-100, abs=0.1)


def test_circle_on_a_line_is_a_line() -> None:
    assert path("P", (0, 0), (50, 0), (100, 0)).natural_length == 100


def test_a_red_anchor_at_the_end_is_a_point_of_the_curve() -> None:
    points = ((0.0, 0.0), (0.0, 100.0), (100.0, 100.0), (100.0, 100.0))
    double = slider_path.flatten(SliderPath("B", points, 1, 0.0))
    cubic = slider_path.flatten(SliderPath("B", (*points[:3], (100.0, 100.0 + 1e-9)), 1, 0.0))
    assert double.natural_length == pytest.approx(cubic.natural_length, abs=1e-3)
    # Before another type the end of the curve is the start of the next, and the point before that may be an anchor.
    followed = SliderPath("B", (*points, (200.0, 100.0)), 1, 0.0, segment_types=((3, "L"),))
    assert slider_path.flatten(followed).natural_length == pytest.approx(cubic.natural_length + 100, abs=1e-3)


def test_circle_of_four_points_is_a_bezier() -> None:
    points = ((0, 0), (0, 100), (100, 100), (100, 0))
    assert path("P", *points).vertices == pytest.approx(path("B", *points).vertices)


def test_quadratic_bezier() -> None:
    curve = path("B", (0, 0), (50, 100), (100, 0))
    # Arc length of the parabola y = 2x - x²/50 from 0 to 100, by its closed form.
    assert curve.natural_length == pytest.approx((math.sqrt(5) * 2 + math.asinh(2)) * 25, rel=1e-3)
    assert curve.at(curve.length / 2)[0] == pytest.approx((50, 50), abs=0.1)


def test_red_anchor_splits_a_bezier() -> None:
    assert path("B", (0, 0), (100, 0), (100, 0), (100, 50)).natural_length == 150


def test_catmull_goes_through_its_points() -> None:
    curve = path("C", (0, 0), (100, 50), (200, 0))
    assert np.hypot(*(curve.vertices - [100, 50]).T).min() == pytest.approx(0, abs=1e-9)
    assert curve.end == pytest.approx((200, 0))


def test_segment_types_of_format_128() -> None:
    mixed = slider_path.flatten(
        SliderPath("L", ((0, 0), (100, 0), (200, 100), (300, 0)), 1, 0.0, segment_types=((1, "P"),))
    )
    assert mixed.natural_length == pytest.approx(100 + math.pi * 100, rel=1e-3)


def test_tail_of_an_even_number_of_slides_is_the_head() -> None:
    assert slider_path.tail(SliderPath("L", ((0, 0), (100, 0)), 2, 100.0)) == (0, 0)
    assert slider_path.tail(SliderPath("L", ((0, 0), (100, 0)), 3, 100.0)) == (100, 0)


@pytest.mark.parametrize("points", [((5, 5),), ((5, 5), (5, 5)), ((5, 5), (5, 5), (5, 5))])
def test_degenerate_paths_are_points(points: tuple[tuple[float, float], ...]) -> None:
    assert path("B", *points, length=100).length == 0


@pytest.mark.parametrize("n", [65, 200, 1000])
def test_a_bezier_of_many_points_is_the_same_curve(n):
    random = np.random.default_rng(n)
    control = np.cumsum(random.normal(0, 20, (n, 2)), axis=0)
    count = 40
    points = np.broadcast_to(control, (count, n, 2))
    t = np.linspace(0, 1, count + 1)[1:, None, None]
    while points.shape[1] > 1:
        points = points[:, :-1] * (1 - t) + points[:, 1:] * t
    np.testing.assert_allclose(slider_path._bezier_of_many(control, count), points[:, 0], atol=1e-7)


def test_a_bezier_of_ten_thousand_points_is_flattened():
    points = tuple((float(100 + i % 50), float(100 + i // 100)) for i in range(10_000))
    line = slider_path.flatten(SliderPath("B", points, 1, 150.0))
    assert len(line.vertices) <= slider_path.MAX_CURVE_POINTS + 2 and line.length == pytest.approx(150)


SEVEN = ((0, 0), (100, 0), (100, -100), (-100, -100), (-100, 100), (300, 200), (300, 0))


def distance_to(path: np.ndarray, point: tuple[float, float]) -> float:
    steps = np.diff(path, axis=0)
    along = np.clip(((point - path[:-1]) * steps).sum(axis=1) / (steps**2).sum(axis=1), 0, 1)
    return float(np.hypot(*(path[:-1] + along[:, None] * steps - point).T).min())


def test_b_splines_of_lazer() -> None:
    path = slider_path.flatten(SliderPath("B4", SEVEN, 1, 0.0)).vertices
    assert tuple(path[-1]) == SEVEN[-1]
    # A vertex in the tests of osu-framework, `TestPathApproximator.TestBSpline`.
    assert distance_to(path, (-11.415, -69.065)) < 0.02
    # Of degree 1 it is the control polygon, of the highest degree the Bezier curve.
    polygon = slider_path.flatten(SliderPath("B1", SEVEN, 1, 0.0))
    assert polygon.length == pytest.approx(slider_path.flatten(SliderPath("L", SEVEN, 1, 0.0)).length)
    for curve in ("B6", "B16"):
        assert np.array_equal(
            slider_path.flatten(SliderPath(curve, SEVEN, 1, 0.0)).vertices,
            slider_path.flatten(SliderPath("B", SEVEN, 1, 0.0)).vertices,
        )


def test_a_b_spline_of_degree_2_touches_the_middles_of_its_polygon() -> None:
    path = slider_path.flatten(SliderPath("B2", SEVEN, 1, 0.0)).vertices
    for a, b in pairwise(SEVEN[1:-1]):
        assert distance_to(path, ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)) < 0.1


@pytest.mark.parametrize(("length", "n_vertices"), [(0.0, 2), (50.0, 1)])
def test_two_equal_control_points_are_a_point(length, n_vertices):
    found = slider_path.flatten(SliderPath("L", ((30.0, 40.0), (30.0, 40.0)), 1, length))
    assert found.vertices.tolist() == [[30.0, 40.0]] * n_vertices
    assert (found.length, found.natural_length) == (0.0, 0.0)


@pytest.mark.parametrize("length", [0.0, 30.0, 100.0, 170.0])
def test_a_line_is_the_same_however_it_is_written(length):
    straight = slider_path.flatten(SliderPath("L", ((10.0, 20.0), (90.0, 80.0)), 1, length))
    halves = slider_path.flatten(SliderPath("L", ((10.0, 20.0), (50.0, 50.0), (90.0, 80.0)), 1, length))
    assert straight.end == pytest.approx(halves.end)
    assert straight.length == pytest.approx(halves.length) == (length or 100.0)
    assert straight.natural_length == pytest.approx(100.0)
    np.testing.assert_allclose(straight.at(np.arange(0, 170, 7.0)), halves.at(np.arange(0, 170, 7.0)))
