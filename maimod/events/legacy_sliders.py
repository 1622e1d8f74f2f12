"""Ends of sliders by the formulas of the `slider` package.

They differ from the game's (:mod:`maimod.osu.slider_path`), but the published models were trained on events made with
them. Even the last bit matters, because results are truncated and often lie on an integer.

Conventions: osu! pixels, control points truncated to integers.
Source: https://github.com/llllllllll/slider (behaviour only).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import accumulate, pairwise

import numpy as np

from maimod.osu.beatmap import SliderPath

PATH_SAMPLES = 50
"""Number of points by which the package measures a Bezier curve."""


def curve_kind(slider: SliderPath) -> str:
    """Curve letter L, C, P or B; the original treats a path as a single curve."""
    if slider.curve == "P":
        points = integer_points(slider)
        return "P" if len(points) == 3 and _circle_centre(points) is not None else "B"
    return slider.curve if slider.curve in "LC" else "B"


def integer_points(slider: SliderPath) -> list[tuple[int, int]]:
    """Control points, head first."""
    return [(int(x), int(y)) for x, y in slider.control_points]


def path_ends(sliders: Mapping[int, SliderPath]) -> dict[int, tuple[float, float]]:
    """End (x, y) of the path of each slider, also if the ball ends at the head after an even number of slides.

    All Bezier curves of a map are measured together; one by one they would take most of the time of writing events.
    """
    ends: dict[int, tuple[float, float]] = {}
    pieces: dict[int, list[list[tuple[int, int]]]] = {}
    for key, slider in sliders.items():
        points, curve = integer_points(slider), curve_kind(slider)
        if curve == "C" or len(points) < 2:
            ends[key] = points[-1]
        elif curve == "P":
            ends[key] = _arc_end(points, slider.length)
        else:
            pieces[key] = [[a, b] for a, b in pairwise(points)] if curve == "L" else _runs(points)
    lengths = _bezier_lengths([piece for of_slider in pieces.values() for piece in of_slider])

    begin = 0
    chosen: list[tuple[int, list[tuple[int, int]], float]] = []  # (slider, piece, curve parameter of its end)
    for key, of_slider in pieces.items():
        own = lengths[begin : begin + len(of_slider)]
        begin += len(of_slider)
        total = sum(own)
        target = max(0.0, own[-1] - (total - sliders[key].length))
        piece, parameter = of_slider[-1], target / own[-1] if own[-1] else 0.0
        for index, reached in enumerate(accumulate(own[:-1])):
            if total and reached / total == 1.0:  # the curves after this one have no length
                piece, parameter = of_slider[index], 1.0
                break
        chosen.append((key, piece, parameter))

    by_degree: dict[int, list[tuple[int, list[tuple[int, int]], float]]] = defaultdict(list)
    for choice in chosen:
        by_degree[len(choice[1]) - 1].append(choice)
    for choices in by_degree.values():
        points_at = _bezier(
            np.array([piece for _, piece, _ in choices], float), np.array([[parameter] for _, _, parameter in choices])
        )
        for (key, piece, _), (x, y) in zip(choices, points_at[:, 0].tolist(), strict=True):
            # Extrapolating a short curve of high degree to a great length overflows.
            ends[key] = (x, y) if math.isfinite(x) and math.isfinite(y) else piece[-1]
    return ends


def _runs(points: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Split a Bezier path at its red anchors: a point that equals the next ends a curve."""
    runs = [[points[0]]]
    for previous, point in pairwise(points):
        if point == previous:
            runs.append([])
        runs[-1].append(point)
    return runs


def _bezier(points: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Evaluate curves of one degree: (curves, degree + 1, 2) and (curves or 1, samples) to (curves, samples, 2)."""
    index = np.arange(points.shape[1])
    degree = len(index) - 1
    # The package's operations in its order, also of powers, because the result is often an integer and is truncated. Its
    # binomials are these up to degree 39.
    weights = np.array([math.comb(degree, number) for number in range(degree + 1)], dtype=float)
    weights = weights * (1 - parameters)[..., None] ** (degree - index) * parameters[..., None] ** index
    result = np.zeros((points.shape[0], parameters.shape[1], 2))
    for number in range(degree + 1):
        result += weights[..., number, None] * points[:, None, number]
    return result


def _bezier_lengths(pieces: Sequence[Sequence[tuple[int, int]]]) -> list[float]:
    """Length of each curve, measured along a polyline."""
    lengths = np.zeros(len(pieces))
    by_degree: dict[int, list[int]] = defaultdict(list)
    for index, piece in enumerate(pieces):
        by_degree[len(piece) - 1].append(index)
    for indices in by_degree.values():
        samples = _bezier(np.array([pieces[index] for index in indices], float), _sample_parameters())
        steps = np.diff(samples, axis=1)
        lengths[indices] = np.sqrt(steps[..., 0] ** 2 + steps[..., 1] ** 2).sum(axis=1)
    return lengths.tolist()


@cache
def _sample_parameters() -> np.ndarray:
    return np.linspace(0, 1, PATH_SAMPLES)[None]


def _circle_centre(points: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """Centre of the circle through three points; None if they lie on a line."""
    (ax, ay), (bx, by), (cx, cy) = points
    a = (bx - cx) ** 2 + (by - cy) ** 2
    b = (ax - cx) ** 2 + (ay - cy) ** 2
    c = (ax - bx) ** 2 + (ay - by) ** 2
    s, t, u = a * (b + c - a), b * (a + c - b), c * (a + b - c)
    total = s + t + u
    if not (a and b and c and total):  # integers: the original's "close to 0" is 0
        return None
    return (s * ax + t * bx + u * cx) / total, (s * ay + t * by + u * cy) / total


def _arc_end(points: Sequence[tuple[int, int]], length: float) -> tuple[float, float]:
    centre = _circle_centre(points)
    assert centre is not None
    x, y = points[0][0] - centre[0], points[0][1] - centre[1]
    start = float(np.arctan2(y, x))
    end = float(np.arctan2(points[2][1] - centre[1], points[2][0] - centre[0]))
    angle = (end + 2 * math.pi if end < start else end) - start  # in this order: the last bit matters
    chord_x, chord_y = points[2][0] - points[0][0], points[2][1] - points[0][1]
    if chord_y * (points[1][0] - points[0][0]) - chord_x * (points[1][1] - points[0][1]) < 0:
        angle = -(2 * math.pi - angle)
    arc = abs(angle * math.sqrt(x * x + y * y))
    if arc > length:
        angle *= length / arc
    cosine, sine = float(np.cos(angle)), float(np.sin(angle))
    return x * cosine - y * sine + centre[0], x * sine + y * cosine + centre[1]
