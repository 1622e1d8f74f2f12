"""Paths of sliders: the other way round, and how far two are apart [px]."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from maimod.osu.beatmap import HitObject, SliderPath
from maimod.osu.slider_path import flatten

BODY_POINTS = 32


def is_whole(slider: SliderPath) -> bool:
    """Whether the path ends at its last control point; one that is cut off before it would become another path backwards."""
    return math.dist(flatten(slider).end, slider.control_points[-1]) <= 5


def backwards(o: HitObject) -> HitObject:
    """A slider from its last control point to its first."""
    assert o.slider is not None
    points = o.slider.control_points[::-1]
    return replace(o, x=points[0][0], y=points[0][1], slider=replace(o.slider, control_points=points))


def farthest_apart(a: SliderPath, b: SliderPath) -> float:
    """Most px between two paths at the same share of their way."""
    shares = np.linspace(0, 1, BODY_POINTS)
    one, other = (path.at(shares * path.length) for path in (flatten(a), flatten(b)))
    return float(np.hypot(*(one - other).T).max())
