"""Relations of the ends of sliders and of their control points, in an osu! map.

:mod:`maimod.features.positions.geometry` compares heads. Mappers place the ends of sliders as exactly: on a line, a parallelogram or a
trapezoid with the heads and ends around, in one row or column with them, as far from the next object as the head. A slider that
was turned, or whose anchor was moved, keeps the relations of its head alone. Its control points no longer are those of another
slider, or of its own mirror image, and its path has another length than the game ends it at.

Distances are in osu! pixels. Positions are complex numbers, x + iy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from maimod.features.positions import geometry
from maimod.features.positions.geometry import EXACT_PX, FAR_PX, around, shifted
from maimod.osu import slider_path
from maimod.osu.beatmap import HEIGHT, WIDTH, HitObject

FIGURES = ("parallelogram", "line", "midpoint", "extrapolation", "polygon", "trapezoid")
"""Relations of :mod:`maimod.features.positions.geometry` among all heads and ends, in the order in which they are played."""
PLACES = (
    "row",  # the row or column of one of the four points on either side
    "image",  # the mirror image in the playfield of one of them
    "centre",  # the middle row or column of the playfield
    "stack",  # a point of the whole map, without the objects beside
)
"""Relations of a head or an end to places."""
ENDS = (
    "apart_next",  # how much farther the next object is from the end than from the head
    "apart_last",  # how much farther the end is than the head from the object before
    "chord_out",  # least difference of the chord from the way to the next object
    "chord_in",  # least difference of the chord from the way to the slider
    "round",  # how far the body is from a circle about an object nearby
    "legs",  # least difference of two legs of the control polygon
    "polygon_symmetry",  # the polygon from its mirror image, or from itself turned upside down
)
"""Relations of a slider as a whole."""
RESIDUALS = (*(f"head {name}" for name in (*FIGURES, *PLACES)), *(f"end {name}" for name in (*FIGURES, *PLACES)), *ENDS)
"""Residuals, px, of heads and of the far ends of sliders."""
REACH, AROUND = 4, 12
ROUND_BY = (-3, -2, -1, 1, 2, 3)
"""Objects about which a body may go round."""
BODY_PX, LEAST_ON_BODY = (25.0, 180.0), 6
"""Distances at which it can, and the fewest of its points there."""
LEAST_STACK_APART = 2
MOST_STACKED = 1500
MOST_ALIKE = 150
"""Sliders with equally many control points that are compared with each other."""
SAME_POINT_PX = 1.0

POINTS = (
    "points",  # number of control points
    # Log2 of 1 + px by which they differ at most from those of another slider, mirrored or from its end.
    "same_points",  # all of them
    "but_one_point",  # without the one that differs most
    "odd_point",  # how far that one is off
    # Log2 of 1 + the number of sliders with the same points.
    "with_same_points",
    "with_but_one",  # with all but one of them
    # As the first two, for the lengths of the legs and the diagonals, which no turn changes.
    "turned_polygon",
    "turned_but_one",
    # Px by which the path of the control points is longer than the slider.
    "beyond",  # log2 of 1 + px, with its sign
    "beyond_rank",  # share of the sliders with less
    "beyond_usual",  # share of the sliders with about the same
    "anchors_grid",  # share of the anchors on multiples of 4 px
    "anchors_grid_map",  # the same in the map
)
"""Numbers about control points."""
NAMES = (*(f"{name} off" for name in RESIDUALS), *(f"{name} kept" for name in RESIDUALS), *POINTS)
"""Names of the features. `off`: log2 of 1 + residual. `kept`: share of the objects around that keep the relation."""


def measure(objects: Sequence[HitObject], heads: np.ndarray, tails: np.ndarray, bodies: np.ndarray) -> np.ndarray:
    """Measure every object.

    Args:
        objects: in order of time.
        heads, tails: (n_objects,) complex; tails where the objects end.
        bodies: (n_objects, PATH_POINTS) complex points from the heads; 0 for objects without a body.

    Returns:
        float32 (n_objects, len(NAMES)).
    """
    n = len(objects)
    has_end = np.abs(bodies[:, -1]) > 1.0
    found = {name: np.full(n, FAR_PX) for name in RESIDUALS}
    _of_points(found, heads, heads + bodies[:, -1], has_end)
    _of_ends(found, heads, tails, bodies, has_end)
    points = _control_points(found, objects)
    off = np.stack([found[name] for name in RESIDUALS], axis=1)
    off = np.clip(np.nan_to_num(off, nan=FAR_PX, posinf=FAR_PX), 0.0, FAR_PX)
    is_counted = np.stack([np.ones(n) if name.startswith("head ") else has_end for name in RESIDUALS], axis=1)
    kept = around((off <= EXACT_PX) * is_counted, AROUND) / np.maximum(around(is_counted, AROUND), 1e-9)
    return np.concatenate([np.log2(1 + off), kept, points], axis=1).astype(np.float32)


def _of_points(found: dict[str, np.ndarray], heads: np.ndarray, ends: np.ndarray, has_end: np.ndarray) -> None:
    """Compare heads and ends with the others around."""
    n = len(heads)
    order = np.argsort(np.concatenate([2 * np.arange(n), 2 * np.flatnonzero(has_end) + 1]), kind="stable")
    points = np.concatenate([heads, ends[has_end]])[order]
    owner = np.concatenate([np.arange(n), np.flatnonzero(has_end)])[order]
    is_end = (np.arange(len(points)) >= n)[order]
    of_points = {name: np.full(len(points), FAR_PX) for name in (*FIGURES, *PLACES)}
    geometry.figures(of_points, points)
    middle = complex(WIDTH / 2, HEIGHT / 2)
    off_centre = np.minimum(np.abs((points - middle).real), np.abs((points - middle).imag))
    of_points["centre"] = off_centre
    for by in (*range(-REACH, 0), *range(1, REACH + 1)):
        if abs(by) < len(points):
            other = shifted(points, by)
            step = other - points
            row = np.minimum(np.abs(step.real), np.abs(step.imag))
            of_points["row"] = np.fmin(of_points["row"], row)
            for image in (WIDTH - other.conjugate(), other.conjugate() + 1j * HEIGHT, complex(WIDTH, HEIGHT) - other):
                of_points["image"] = np.fmin(of_points["image"], np.abs(image - points))
    of_points["stack"] = _stacks(points, owner)
    for name, values in of_points.items():
        found[f"head {name}"][owner[~is_end]] = values[~is_end]
        found[f"end {name}"][owner[is_end]] = values[is_end]


def _stacks(points: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Largest of the differences in x and y to the closest point of the map that is not of the same object or one beside it."""
    found = np.full(len(points), FAR_PX)
    for start in range(0, len(points), MOST_STACKED):
        part = slice(start, start + MOST_STACKED)
        x, y = points[part].real.astype(np.float32), points[part].imag.astype(np.float32)
        away = np.maximum(np.abs(np.subtract.outer(x, x)), np.abs(np.subtract.outer(y, y)))
        for by in range(-2 * LEAST_STACK_APART, 2 * LEAST_STACK_APART + 1):
            rows = np.arange(max(0, -by), min(len(x), len(x) - by))
            beside = rows[np.abs(owner[part][rows + by] - owner[part][rows]) < LEAST_STACK_APART]
            away[beside, beside + by] = FAR_PX
        found[part] = away.min(axis=1)
    return found


def _of_ends(
    found: dict[str, np.ndarray], heads: np.ndarray, tails: np.ndarray, bodies: np.ndarray, has_end: np.ndarray
) -> None:
    """Compare distances from the ends of sliders with those from their heads, and bodies with circles about objects."""
    ends, chords = heads + bodies[:, -1], np.abs(bodies[:, -1])
    after, before = shifted(heads, 1), shifted(tails, -1)
    ways = {
        "apart_next": np.abs(after - ends) - np.abs(after - heads),
        "apart_last": np.abs(before - ends) - np.abs(before - heads),
        "chord_out": np.abs(after - tails) - chords,
        "chord_in": np.abs(before - heads) - chords,
    }
    for name, way in ways.items():
        found[name] = np.where(has_end, np.abs(way), FAR_PX)
    low, high = BODY_PX
    best = np.full(len(heads), FAR_PX)
    for by in ROUND_BY:
        for others in (heads, tails):
            if abs(by) < len(heads):
                away = np.abs(heads[:, None] + bodies - shifted(others, by)[:, None])
                inside = (away >= low) & (away <= high)
                spread = np.where(inside, away, -np.inf).max(axis=1) - np.where(inside, away, np.inf).min(axis=1)
                best = np.fmin(best, np.where(inside.sum(axis=1) >= LEAST_ON_BODY, spread, np.nan))
    found["round"] = np.where(has_end, best, FAR_PX)


# ---------------------------------------------------------------------------------------------------------------------
# Control points


def _control_points(found: dict[str, np.ndarray], objects: Sequence[HitObject]) -> np.ndarray:
    """(n_objects, len(POINTS)), and the residuals of the control polygons."""
    columns = {name: np.zeros(len(objects)) for name in POINTS}
    places = [i for i, o in enumerate(objects) if o.slider is not None]
    if not places:
        return np.stack(list(columns.values()), axis=1)
    alike: dict[int, list[int]] = defaultdict(list)
    polygons: dict[int, np.ndarray] = {}
    beyond = np.zeros(len(places))
    for number, i in enumerate(places):
        slider = objects[i].slider
        assert slider is not None
        polygon = np.array(slider.control_points)
        polygons[i] = polygon[:, 0] + 1j * polygon[:, 1]
        alike[len(polygon)].append(i)
        natural = slider_path.flatten(slider).natural_length
        excess = natural - (slider.length or natural)
        beyond[number] = np.sign(excess) * np.log2(1 + abs(excess))
        columns["points"][i] = len(polygon)
        columns["anchors_grid"][i] = (polygon[1:] % 4 == 0).all(axis=1).mean() if len(polygon) > 1 else 0.0
    columns["beyond"][places] = beyond
    order = np.sort(beyond)
    columns["beyond_rank"][places] = np.searchsorted(order, beyond) / len(beyond)
    near = np.searchsorted(order, beyond + 0.5, side="right") - np.searchsorted(order, beyond - 0.5) - 1
    columns["beyond_usual"][places] = near / max(len(beyond) - 1, 1)
    columns["anchors_grid_map"][places] = columns["anchors_grid"][places].mean()
    for name in ("same_points", "but_one_point", "odd_point", "turned_polygon", "turned_but_one"):
        columns[name][places] = np.log2(1 + FAR_PX)
    for count, of_count in alike.items():
        shapes = np.stack([polygons[i] for i in of_count])
        if count >= 3:
            _symmetries(found, of_count, shapes)
        for start in range(0, len(of_count), MOST_ALIKE):
            part = np.array(of_count[start : start + MOST_ALIKE])
            if count >= 2 and len(part) >= 2:
                _compared(columns, part, shapes[start : start + MOST_ALIKE])
    return np.stack([columns[name] for name in POINTS], axis=1)


def _symmetries(found: dict[str, np.ndarray], places: Sequence[int], shapes: np.ndarray) -> None:
    legs = np.sort(np.abs(np.diff(shapes, axis=1)), axis=1)
    found["legs"][places] = np.diff(legs, axis=1).min(axis=1)
    middle, chord = (shapes[:, 0] + shapes[:, -1]) / 2, shapes[:, -1] - shapes[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        upright = (shapes - middle[:, None]) / (chord / np.abs(chord))[:, None]
        mirrored = np.abs(upright + upright[:, ::-1].conjugate()).max(axis=1)
        turned = np.abs(upright + upright[:, ::-1]).max(axis=1)
    found["polygon_symmetry"][places] = np.fmin(np.fmin(mirrored, turned), FAR_PX)


def _compared(columns: dict[str, np.ndarray], places: np.ndarray, shapes: np.ndarray) -> None:
    """Compare control points of sliders that have equally many."""
    own = shapes[:, 1:] - shapes[:, :1]
    back = shapes[:, -2::-1] - shapes[:, -1:]
    x, y = own.real.astype(np.float32), own.imag.astype(np.float32)
    best = {name: np.full(len(places), FAR_PX) for name in ("same", "but_one", "odd")}
    same, but_one = np.zeros((2, len(places)))
    itself = np.eye(len(places), dtype=bool)
    for others in (own, back):
        for sign_x in (-1, 1):
            for sign_y in (-1, 1):
                other_x = (sign_x * others.real).astype(np.float32)
                other_y = (sign_y * others.imag).astype(np.float32)
                most, second = (np.zeros((len(places), len(places)), dtype=np.float32) for _ in range(2))
                for k in range(x.shape[1]):
                    off_x = np.abs(np.subtract.outer(x[:, k], other_x[:, k]))
                    off = np.maximum(off_x, np.abs(np.subtract.outer(y[:, k], other_y[:, k])))
                    second = np.maximum(second, np.minimum(most, off))
                    most = np.maximum(most, off)
                most[itself] = second[itself] = FAR_PX
                best["same"] = np.minimum(best["same"], most.min(axis=1))
                same = np.maximum(same, (most <= SAME_POINT_PX).sum(axis=1))
                if x.shape[1] > 1:
                    but_one = np.maximum(but_one, ((second <= SAME_POINT_PX) & (most > SAME_POINT_PX)).sum(axis=1))
                    closest = (second + most / 1000).argmin(axis=1)
                    rows = np.arange(len(places))
                    closer = second[rows, closest] < best["but_one"]
                    best["but_one"] = np.where(closer, second[rows, closest], best["but_one"])
                    best["odd"] = np.where(closer, most[rows, closest], best["odd"])
    columns["same_points"][places] = np.log2(1 + best["same"])
    columns["but_one_point"][places] = np.log2(1 + best["but_one"])
    columns["odd_point"][places] = np.log2(1 + best["odd"])
    columns["with_same_points"][places] = np.log2(1 + same)
    columns["with_but_one"][places] = np.log2(1 + but_one)
    sides = [np.abs(np.diff(shapes, axis=1)), np.abs(shapes[:, 2:] - shapes[:, :-2])]
    lengths = np.concatenate(sides, axis=1).astype(np.float32)
    reversed_lengths = np.concatenate([side[:, ::-1] for side in sides], axis=1).astype(np.float32)
    turned, left_out = np.full((2, len(places)), FAR_PX)
    for others_lengths in (lengths, reversed_lengths):
        most, second = (np.zeros((len(places), len(places)), dtype=np.float32) for _ in range(2))
        for k in range(lengths.shape[1]):
            off = np.abs(np.subtract.outer(lengths[:, k], others_lengths[:, k]))
            second = np.maximum(second, np.minimum(most, off))
            most = np.maximum(most, off)
        most[itself] = second[itself] = FAR_PX
        turned, left_out = np.minimum(turned, most.min(axis=1)), np.minimum(left_out, second.min(axis=1))
    columns["turned_polygon"][places] = np.log2(1 + turned)
    columns["turned_but_one"][places] = np.log2(1 + left_out)
