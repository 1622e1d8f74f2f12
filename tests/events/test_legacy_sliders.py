"""Ends of sliders are those of the `slider` package, with which the published models were trained."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from maimod.events.legacy_sliders import path_ends
from maimod.osu.beatmap import SliderPath


def a_slider(random: np.random.Generator, curve: str) -> SliderPath:
    """Points on whole pixels, some of them repeated: red anchors, and now and then three on a line."""
    count = 3 if curve == "P" else int(random.integers(2, 12))
    points = [tuple(int(c) for c in random.integers(-50, 550, 2)) for _ in range(count)]
    if curve == "B":
        points = [point for point in points for _ in range(2 if random.random() < 0.25 else 1)]
    if curve == "P" and random.random() < 0.2:
        points[2] = (2 * points[1][0] - points[0][0], 2 * points[1][1] - points[0][1])
    drawn = sum(math.dist(a, b) for a, b in pairwise(points))
    length = max(drawn, 1.0) * random.choice([0.3, 0.8, 1.0, 1.02, 1.4])
    return SliderPath(curve, tuple((float(x), float(y)) for x, y in points), 1, float(length))


@pytest.mark.parametrize("curve", ["L", "P", "B", "C"])
def test_ends_are_those_of_the_slider_package(curve: str) -> None:
    """To the last bit: the coordinates are truncated afterwards, and often lie on a whole pixel."""
    package = pytest.importorskip("slider.curve")
    position = pytest.importorskip("slider").Position
    random = np.random.default_rng(ord(curve))
    sliders = {number: a_slider(random, curve) for number in range(400)}
    found = path_ends(sliders)
    for number, slider in sliders.items():
        points = [position(*point) for point in slider.control_points]
        if curve == "C":  # with new versions of numpy the package raises
            assert found[number] == slider.control_points[-1]
            continue
        end = package.Curve.from_kind_and_points(curve, points, slider.length)(1.0)
        assert found[number] == (float(end.x), float(end.y)), slider
