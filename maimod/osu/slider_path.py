"""Slider paths: control points flattened to a polyline that is measured by arc length.

Conventions: positions and lengths in osu! pixels, arrays of points (n_points, 2).
Source: osu!lazer's `ConvertHitObjectParser` (how a path is split into segments), `PathApproximator` (the curves) and
`SliderPath` (how the polyline is cut or extended to the length in the file); behaviour only.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise, starmap

import msgspec
import numpy as np

from maimod.osu.beatmap import SliderPath

ARC_TOLERANCE = 0.1
"""Largest distance of a polyline from its arc (lazer, `PathApproximator.CIRCULAR_ARC_TOLERANCE`)."""
MAX_ARC_POINTS = 1000
"""Flatter arcs are drawn as Bezier curves (lazer)."""
BEZIER_STEP = 4.0
"""Length of control polygon per vertex; a curve of 100 px is then within 0.05 px of lazer's."""
MAX_CURVE_POINTS = 512
MANY_POINTS = 64
"""From here on, de Casteljau's triangle of n squared steps for each vertex would take longer than the weights of the points."""
B_SPLINE_DETAIL = 4
"""Fewest vertices between two knots of a B-spline."""
VERTICES_AT_ONCE = 4096
"""Vertices of a B-spline computed together, to bound memory."""
CATMULL_DETAIL = 50
"""Vertices between two control points (lazer)."""


class Polyline(msgspec.Struct, frozen=True):
    """A path from a slider's head to its tail."""

    vertices: np.ndarray
    """(n_vertices, 2), head first."""
    distances: np.ndarray
    """(n_vertices,) arc length from the head."""
    natural_length: float
    """Arc length of the curve through all control points, before it is cut or extended."""

    @property
    def length(self) -> float:
        """Arc length."""
        return float(self.distances[-1])

    @property
    def end(self) -> tuple[float, float]:
        """End of the path: the tail if the number of slides is odd."""
        return float(self.vertices[-1, 0]), float(self.vertices[-1, 1])

    def at(self, distances: np.ndarray | float) -> np.ndarray:
        """(n, 2) points at these arc lengths, limited to the path."""
        distances = np.atleast_1d(np.asarray(distances, dtype=float))
        return np.stack([np.interp(distances, self.distances, self.vertices[:, axis]) for axis in (0, 1)], axis=-1)


@lru_cache(maxsize=16_384)
def flatten(slider: SliderPath) -> Polyline:
    """Flatten a slider's path and cut or extend it to its length, as the game does."""
    if len(slider.control_points) == 2 and slider.curve != "C":
        return _straight(slider)
    pieces = [_flatten_segment(points, curve) for points, curve in _segments(slider)]
    vertices = np.concatenate([np.array(slider.control_points[:1], dtype=float), *pieces])
    steps = vertices[1:] - vertices[:-1]
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    if not lengths.all():
        vertices = vertices[np.concatenate([[True], lengths > 0])]
        lengths = lengths[lengths > 0]
    distances = np.zeros(len(vertices))
    np.cumsum(lengths, out=distances[1:])
    natural = float(distances[-1])
    # A length of 0 in a file means "as long as the path".
    return _fit(vertices, distances, natural, slider.length or natural, slider)


def tail(slider: SliderPath) -> tuple[float, float]:
    """Position of the cursor at the end of the slider: the end of the path, or the head after an even number of
    slides."""
    return flatten(slider).end if slider.slides % 2 else slider.control_points[0]


def _fit(vertices: np.ndarray, distances: np.ndarray, natural: float, length: float, slider: SliderPath) -> Polyline:
    points = slider.control_points
    if length > natural:
        # Stable does not extend a path whose last two control points are equal.
        if len(vertices) < 2 or points[-1] == points[-2]:
            return Polyline(vertices, distances, natural)
        direction = (vertices[-1] - vertices[-2]) / (distances[-1] - distances[-2])
        last = vertices[-1] + direction * (length - natural)
        return Polyline(np.vstack([vertices, last]), np.append(distances, length), natural)
    kept = int(distances.searchsorted(length))  # vertices before the end
    if not kept:
        return Polyline(vertices[:1].repeat(2, axis=0), np.array([0.0, length]), natural)
    vertices, distances = vertices[: kept + 1].copy(), distances[: kept + 1].copy()
    if length < distances[kept]:
        share = (length - distances[kept - 1]) / (distances[kept] - distances[kept - 1])
        vertices[kept] = vertices[kept - 1] + share * (vertices[kept] - vertices[kept - 1])
        distances[kept] = length
    return Polyline(vertices, distances, natural)


def _straight(slider: SliderPath) -> Polyline:
    """The path of two control points, as half of all sliders have, without arrays until it is done."""
    (ax, ay), (bx, by) = slider.control_points
    natural = math.hypot(bx - ax, by - ay)
    if not natural:  # stable does not extend it
        n_vertices = 1 if slider.length > 0 else 2
        return Polyline(np.array([(ax, ay)] * n_vertices, dtype=float), np.zeros(n_vertices), 0.0)
    length = slider.length or natural
    share = length / natural
    end = (ax + share * (bx - ax), ay + share * (by - ay))
    if length > natural:
        return Polyline(np.array([(ax, ay), (bx, by), end]), np.array([0.0, natural, length]), natural)
    return Polyline(np.array([(ax, ay), end]), np.array([0.0, length]), natural)


def _segments(slider: SliderPath) -> list[tuple[list[tuple[float, float]], str]]:
    """Control points of each curve with its letter; neighbours share their end points."""
    points = list(slider.control_points)
    bounds = [(0, slider.curve), *slider.segment_types]
    segments = []
    for (start, curve), (stop, _) in zip(bounds, [*bounds[1:], (len(points) - 1, "")], strict=True):
        part = points[start : stop + 1]
        if curve == "P":
            curve = "B" if len(part) != 3 else "L" if _is_straight(part) else "P"
        if curve == "C":
            segments.append((part, curve))
            continue
        run = [part[0]]
        last = len(part) - (1 if stop == len(points) - 1 else 2)  # of the points that belong to no next curve
        for place, (previous, point) in enumerate(pairwise(part), start=1):
            if point == previous and place < last:  # a red anchor: one curve ends, the next begins
                segments.append((run, curve))
                run = []
            run.append(point)
        segments.append((run, curve))
    return [(run, curve) for run, curve in segments if len(run) > 1]


def _is_straight(points: list[tuple[float, float]]) -> bool:
    (ax, ay), (bx, by), (cx, cy) = points
    return abs((by - ay) * (cx - ax) - (bx - ax) * (cy - ay)) < 1e-3


def _flatten_segment(points: list[tuple[float, float]], curve: str) -> np.ndarray:
    """(n, 2) vertices after the first control point."""
    control = np.array(points, dtype=float)
    if curve == "L" or len(points) == 2:
        return control[1:]
    if curve == "P":
        arc = _arc(control)
        if arc is not None:
            return arc
    if curve == "C":
        return _catmull(control)
    degree = int(curve[1:] or 0)
    return _b_spline(control, degree) if 0 < degree < len(points) - 1 else _bezier(control)


def _arc(control: np.ndarray) -> np.ndarray | None:
    """The circle through three points; None if they are nearly on a line."""
    (x, y), *others = control.tolist()
    (bx, by), (cx, cy) = ((px - x, py - y) for px, py in others)
    determinant = 2 * (bx * cy - by * cx)
    if abs(determinant) < 1e-3:
        return None
    b, c = bx * bx + by * by, cx * cx + cy * cy
    centre_x, centre_y = (cy * b - by * c) / determinant, (bx * c - cx * b) / determinant
    radius = math.hypot(centre_x, centre_y)
    start, middle, end = (math.atan2(py - centre_y, px - centre_x) for px, py in ((0.0, 0.0), (bx, by), (cx, cy)))
    turn = (end - start) % (2 * math.pi)
    if (middle - start) % (2 * math.pi) > turn:  # the middle point lies on the other side
        turn -= 2 * math.pi
    count = (
        2 if 2 * radius <= ARC_TOLERANCE else max(2, math.ceil(abs(turn) / (2 * math.acos(1 - ARC_TOLERANCE / radius))))
    )
    if count >= MAX_ARC_POINTS:
        return None
    # With so few vertices the polyline is up to 0.3 % too short; four times as many give the length to 0.02 %.
    theta = start + turn * _parameters(4 * count)
    found = np.empty((len(theta), 2))
    np.cos(theta, out=found[:, 0])
    np.sin(theta, out=found[:, 1])
    found *= radius
    found += (x + centre_x, y + centre_y)
    return found


@lru_cache(maxsize=MAX_CURVE_POINTS)
def _parameters(count: int) -> np.ndarray:
    """(count,) evenly from 1 / count to 1."""
    return np.linspace(0.0, 1.0, count + 1)[1:]


def _n_vertices(control: np.ndarray) -> int:
    """Vertices of a curve, by the length of its control polygon."""
    polygon = sum(starmap(math.dist, pairwise(control.tolist())))
    return int(min(max(polygon / BEZIER_STEP, 8), MAX_CURVE_POINTS))


def _b_spline(control: np.ndarray, degree: int) -> np.ndarray:
    """A uniform B-spline that begins and ends in its outer control points, by de Boor's algorithm.

    Args:
        control: (n, 2) control points.
        degree: less than n - 1; from n - 1 on it would be a Bezier curve.
    """
    n_spans = len(control) - degree
    knots = np.clip(np.arange(len(control) + degree + 1) - degree, 0, n_spans).astype(float)
    n_vertices = max(math.ceil(_n_vertices(control) / n_spans), B_SPLINE_DETAIL) * n_spans  # every knot is one
    pieces = []
    for first in range(1, n_vertices + 1, VERTICES_AT_ONCE):
        parameters = np.arange(first, min(first + VERTICES_AT_ONCE, n_vertices + 1)) * (n_spans / n_vertices)
        span = np.minimum(parameters.astype(np.int64), n_spans - 1) + degree  # knots around each parameter
        at = span[:, None] + np.arange(-degree, 1)
        points = control[at]  # (n_parameters, degree + 1, 2)
        for level in range(1, degree + 1):
            low, high = knots[at[:, level:]], knots[at[:, level:] + degree - level + 1]
            share = ((parameters[:, None] - low) / (high - low))[..., None]
            points = points[:, :-1] * (1 - share) + points[:, 1:] * share
        pieces.append(points[:, 0])
    return np.concatenate(pieces)


def _bezier(control: np.ndarray) -> np.ndarray:
    count = _n_vertices(control)
    if len(control) > MANY_POINTS:
        return _bezier_of_many(control, count)
    parameters = _parameters(count)[:, None, None]
    points = np.broadcast_to(control, (count, *control.shape))
    while points.shape[1] > 1:  # de Casteljau: safe at any degree
        points = points[:, :-1] * (1 - parameters) + points[:, 1:] * parameters
    return points[:, 0]


def _bezier_of_many(control: np.ndarray, count: int) -> np.ndarray:
    """Evaluate a Bezier curve by its Bernstein polynomials, using only those with a noticeable weight at each
    parameter.

    The weights of n points at t are a binomial distribution with mean n t and variance n t (1 - t) <= n / 4. Beyond eight
    standard deviations they are below 1e-14 together, so n points cost the square root of n for each vertex.
    """
    degree = len(control) - 1
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, degree + 1)))])  # log k!
    parameters = np.linspace(0, 1, count + 1)[1:-1, None]
    half = math.ceil(4 * math.sqrt(degree)) + 1
    k = np.round(parameters * degree).astype(np.int64) + np.arange(-half, half + 1)
    inside = (k >= 0) & (k <= degree)
    k = np.clip(k, 0, degree)
    log_weights = (
        logs[degree] - logs[k] - logs[degree - k] + k * np.log(parameters) + (degree - k) * np.log1p(-parameters)
    )
    weights = np.where(inside, np.exp(log_weights), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.vstack([np.einsum("vk,vkd->vd", weights, control[k]), control[-1:]])


def _catmull(control: np.ndarray) -> np.ndarray:
    before = np.vstack([control[:1], control[:-2]])
    first, second = control[:-1], control[1:]
    after = np.vstack([control[2:], 2 * second[-1:] - first[-1:]])
    t = (np.arange(1, CATMULL_DETAIL + 1) / CATMULL_DETAIL)[:, None]
    pieces = [
        0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
        for p0, p1, p2, p3 in zip(before, first, second, after, strict=True)
    ]
    return np.concatenate(pieces)
