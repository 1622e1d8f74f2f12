"""Control points of sliders compared with those of the sliders of the map that are as long.

A control point that was lost, or a red one that became white, leaves a body with another number of points, a sharper corner or
a longer leg than theirs. Odds are natural logarithms, positive if those sliders are different.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.features.positions.geometry import SAME_LENGTH_PX
from maimod.features.sliders.alternatives import ELSEWHERE, LOCAL_SLIDERS, UNSEEN, parts
from maimod.osu.beatmap import HitObject, SliderPath

SAME_LENGTH, OTHER_LENGTH = 0.05, 0.05
"""Lengths that differ by less than this share, or by `SAME_LENGTH_PX`, are alike; weight of sliders of other lengths."""
SAME_CORNER = 0.2
"""Corners that differ by less than so many radians are alike."""
LEAST_LEG_PX = 0.5

NAMES = ("points", "red", "points_odds", "curve_odds", "corner", "corner_odds", "legs")
"""Number of control points and of red ones; odds that sliders of this length have other numbers, and another type of curve; the
sharpest corner at a white point, radians, and the odds that they have another; log2 of the longest leg from point to point over
the shortest."""


def features(objects: Sequence[HitObject]) -> np.ndarray:
    """(n_objects, len(NAMES)) for the objects of a map in order of time; zeros without a body."""
    found = np.zeros((len(objects), len(NAMES)))
    paths = [(i, o.slider) for i, o in enumerate(objects) if o.slider is not None and o.slider.length > 0]
    if not paths:
        return found
    own = np.array([_of_path(path) for _, path in paths])
    lengths = np.array([path.length for _, path in paths])
    curves = np.unique([path.curve for _, path in paths], return_inverse=True)[1]
    points, red, corner, legs = own.T
    columns = {"points": points, "red": red, "corner": corner, "legs": legs}
    columns |= {name: np.zeros(len(paths)) for name in NAMES if name.endswith("odds")}
    for asked, known in parts(len(paths)):

        def apart(values: np.ndarray, asked: slice = asked, known: slice = known) -> np.ndarray:
            return np.asarray(np.abs(np.subtract.outer(values[asked], values[known])))

        away = apart(np.arange(len(paths)))
        limit = np.maximum(SAME_LENGTH_PX, SAME_LENGTH * lengths[asked])[:, None]
        weights = (np.exp(-away / LOCAL_SLIDERS) + ELSEWHERE) * np.where(apart(lengths) <= limit, 1.0, OTHER_LENGTH)
        weights[away == 0] = 0.0
        alike = {
            "points_odds": (apart(points) == 0) & (apart(red) == 0),
            "curve_odds": apart(curves) == 0,
            "corner_odds": apart(corner) < SAME_CORNER,
        }
        for name, same in alike.items():
            of_same = (weights * same).sum(axis=1)
            columns[name][asked] = np.log((weights.sum(axis=1) - of_same + UNSEEN) / (of_same + UNSEEN))
    found[[i for i, _ in paths]] = np.stack([columns[name] for name in NAMES], axis=1)
    return found


def _of_path(path: SliderPath) -> tuple[float, float, float, float]:
    """Points, red points, sharpest white corner and ratio of the legs of one path."""
    points = np.array([complex(*point) for point in path.control_points])
    is_new = np.concatenate([[True], points[1:] != points[:-1]])
    distinct = points[is_new]
    repeats = np.bincount(np.cumsum(is_new) - 1) > 1
    legs = np.diff(distinct)
    if len(legs) < 2:
        return len(distinct), repeats.sum(), 0.0, 0.0
    corners = np.where(repeats[1:-1], 0.0, np.abs(np.angle(legs[1:] / legs[:-1])))
    sizes = np.abs(legs)
    return len(distinct), repeats.sum(), corners.max(), np.log2(sizes.max() / max(sizes.min(), LEAST_LEG_PX))
