"""Geometry of an osu! map: how far every object is from the relations that its neighbours keep.

Mappers place objects exactly: at the distance of the other steps with the same gap, on a line, a parallelogram, a
polygon, a mirror image, a stack, a grid. An object in none of the relations that its surroundings keep, and close to
several, may have slipped. What is irregular by choice cannot be told from this; see :mod:`maimod.linter.places`.

All distances are in osu! pixels. Positions are complex numbers, x + iy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec
import numpy as np

from maimod.osu import slider_path
from maimod.osu.beatmap import HitObject, ObjectKind, SliderPath

REACH = 12
"""Objects on either side that steps are compared with."""
REACH_MS = 3000.0
SAME_GAP_MS, SAME_GAP_SHARE = 6.0, 0.03
"""Gaps in time that differ by less are equal."""
EXACT_PX, NEAR_PX = 1.5, 25.0
"""A relation is kept up to the first distance and nearly kept up to the second."""
MODE_PX = 2.0
STEPS_AT_ONCE = 4096
"""Steps compared together, to bound memory."""
FAR_PX = 500.0
"""Residual where there is nothing to compare with."""
FIGURE = 4
"""Objects on either side of which parallelograms are made."""
AGAIN, AGAIN_PX = (3, 4, 5), 15.0
"""Circles of a figure that is compared with the one before it, and the most px between them; closer circles are a stack."""
SAME_LENGTH_PX = 3.0
PATH_POINTS = 9
MOST_ALIKE = 200
"""Sliders of one length that are compared with each other."""

RESIDUALS = (
    # The step to the object, and the step from it, beside others with the same gap in time.
    "step_in",  # least difference of the distances
    "step_in_2",  # second least
    "step_in_mode",  # from the most common distance
    "step_out",
    "step_out_2",
    "step_out_mode",
    "skip_2",  # least difference of the distance from the object two before
    "skip_3",
    "stack",  # the closest head or tail
    # Figures with the heads on either side.
    "parallelogram",
    "line",
    "midpoint",
    "extrapolation",
    "polygon",
    "trapezoid",
    # The playfield.
    "field_mirror",  # the closest mirror image of a head or tail
    "axis",  # the row or column of a head
    # The shape of a slider, compared with one of the same length.
    "copy",  # mirrored or not
    "turned_copy",  # turned by any angle
)
"""Residuals of an object: px by which it is off each relation."""
COUNTS = (
    "exact",  # relations that are kept
    "near",  # nearly kept
    "exact_around",  # mean number kept by the eight objects on either side
    "mode_share_in",  # share of the steps at the same gap with the most common distance
    "mode_share_out",
    "on_grid",  # whether x and y are multiples of 4
    "grid_around",  # share of the neighbours for which they are
    "again",  # circles of the figure around the object that lies where the figure before it does
    "again_share",  # share of the objects with such a figure
)
"""Numbers about all relations of an object."""
NAMES = (*RESIDUALS, *COUNTS)


class Relations(msgspec.Struct, frozen=True):
    """How objects compare with the relations that their neighbours keep, in order of time."""

    residuals: np.ndarray
    """(n_objects, len(RESIDUALS)) px, at most `FAR_PX`."""
    shares: np.ndarray
    """(n_objects, 2) shares of steps with the most common distance, into and out of each object."""
    steps: Steps | None
    """Of the steps between neighbours; None for a single object."""
    skips: Mapping[int, np.ndarray]
    """By 2 and 3, for the steps to the object so many later: least difference of the distance, px; (n_objects - skip,)."""
    bodies: np.ndarray
    """(n_objects, PATH_POINTS) of :func:`shape`; zeros for objects without a body."""


def measure(objects: Sequence[HitObject], relations: Relations | None = None) -> np.ndarray:
    """Measure every object of an osu! map.

    Args:
        objects: in order of time.
        relations: of :func:`compare`, if they are known.

    Returns:
        (n_objects, len(NAMES)); residuals as log2 of 1 + px, at most that of `FAR_PX`.
    """
    relations = relations or compare(objects)
    residuals, shares = relations.residuals, relations.shares
    heads = np.array([complex(o.x, o.y) for o in objects])
    exact = (residuals <= EXACT_PX).sum(axis=1)
    near = ((residuals > EXACT_PX) & (residuals <= NEAR_PX)).sum(axis=1)
    on_grid = ((heads.real % 4 == 0) & (heads.imag % 4 == 0)).astype(float)
    again = again_of(objects, heads)
    share = np.full(len(heads), (again > 0).mean() if len(heads) else 0.0)
    counts = (exact, near, around(exact, 8), shares, on_grid, around(on_grid, REACH), again, share)
    return np.column_stack([np.log2(1.0 + residuals), *counts])


def again_of(objects: Sequence[HitObject], heads: np.ndarray) -> np.ndarray:
    """(n_objects,) circles of the longest figure with each object that lies on the one before it; 0 without one."""
    found, starts = np.zeros(len(heads)), np.array([o.time for o in objects])
    is_circle = np.array([o.kind is ObjectKind.CIRCLE for o in objects], dtype=bool)
    gaps = np.diff(starts, prepend=starts[:1])
    is_even = np.abs(np.diff(gaps, prepend=gaps[:1])) <= SAME_GAP_MS
    moves = np.abs(np.diff(heads, prepend=heads[:1])) > AGAIN_PX
    for count in AGAIN:
        if len(heads) < 2 * count:
            break
        lies_on = (np.abs(heads[count:] - heads[:-count]) <= AGAIN_PX) & is_circle[count:] & is_circle[:-count]
        lies_on &= moves[count:] & is_even[count:]
        whole = np.lib.stride_tricks.sliding_window_view(lies_on, count).all(axis=1)
        for later in range(count):
            at = np.flatnonzero(whole) + count + later
            found[at] = count
    return found


def compare(objects: Sequence[HitObject]) -> Relations:
    """Compare every object with the relations that its neighbours keep.

    Args:
        objects: in order of time.
    """
    n = len(objects)
    heads = np.array([complex(o.x, o.y) for o in objects])
    tails = np.array([complex(*slider_path.tail(o.slider)) if o.slider else complex(o.x, o.y) for o in objects])
    starts, ends = np.array([o.time for o in objects]), np.array([o.end_time for o in objects])
    found = {name: np.full(n, FAR_PX) for name in RESIDUALS}
    shares = {"mode_share_in": np.zeros(n), "mode_share_out": np.zeros(n)}
    bodies = np.zeros((n, PATH_POINTS), dtype=complex)
    for i, o in enumerate(objects):
        if o.slider is not None:
            bodies[i] = shape(o.slider)
    steps, skips = _steps(found, shares, heads, tails, starts, ends)
    _stacks(found, heads, tails, starts)
    figures(found, heads)
    _copies(found, objects, bodies)
    residuals = np.stack([np.nan_to_num(found[name], nan=FAR_PX, posinf=FAR_PX) for name in RESIDUALS], axis=1)
    residuals = np.clip(residuals, 0.0, FAR_PX)
    residuals[[o.kind is ObjectKind.SPINNER for o in objects]] = FAR_PX
    return Relations(residuals, np.stack(list(shares.values()), axis=1), steps, skips, bodies)


def around(values: np.ndarray, reach: int) -> np.ndarray:
    """Mean of the neighbours on either side along the first axis, without the object itself."""
    sums = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    places = np.arange(len(values))
    low, high = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    others = np.maximum(high - low - 1, 1).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray((sums[high] - sums[low] - values) / others)


def shifted(values: np.ndarray, by: int) -> np.ndarray:
    """`values[i + by]` at i; not a number beyond the ends."""
    result = np.full(len(values), np.nan, dtype=values.dtype)
    if by > 0:
        result[:-by] = values[by:]
    else:
        result[-by:] = values[:by]
    return result


def _steps(
    found: dict[str, np.ndarray],
    shares: dict[str, np.ndarray],
    heads: np.ndarray,
    tails: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
) -> tuple[Steps | None, dict[int, np.ndarray]]:
    """Compare each step with those that have the same gap in time; returns what the relations keep of that."""
    n = len(heads)
    skips = {skip: np.zeros(0) for skip in (2, 3)}
    if n < 2:
        return None, skips
    steps = compare_steps(np.abs(heads[1:] - tails[:-1]), starts[1:] - ends[:-1])
    for name, at in (("step_in", slice(1, n)), ("step_out", slice(0, n - 1))):
        found[name][at], found[f"{name}_2"][at], found[f"{name}_mode"][at] = steps.least, steps.second, steps.off
        shares[name.replace("step", "mode_share")][at] = steps.share
    for skip in (2, 3):
        if n > skip:
            apart, gap = np.abs(heads[skip:] - heads[:-skip]), starts[skip:] - starts[:-skip]
            others, alike = _alike(gap, np.arange(n - skip))
            skips[skip] = np.where(alike, np.abs(apart[others] - apart[:, None]), FAR_PX).min(axis=1)
            found[f"skip_{skip}"][skip:] = skips[skip]
    return steps, skips


class Steps(msgspec.Struct, frozen=True):
    """Steps compared with the others of the same gap in time, up to `REACH` on either side; arrays (n_steps,)."""

    least: np.ndarray
    """Least difference of the distance to that of another one, px; `FAR_PX` if there is none."""
    second: np.ndarray
    """Second least difference."""
    mode: np.ndarray
    """Most common distance of the others (within `MODE_PX`), px; not a number if there is none."""
    share: np.ndarray
    """Share of the others with the most common distance; 0 if there is none."""
    count: np.ndarray
    """Number of the others."""
    spread: np.ndarray
    """Median distance of the others from their mode, px; `FAR_PX` if there is none."""
    off: np.ndarray
    """Difference from the mode, px; `FAR_PX` if there is none."""


def compare_steps(distances: np.ndarray, gaps: np.ndarray) -> Steps:
    """Compare each step with the others that have the same gap.

    Args:
        distances: (n_steps,) px, in order of time.
        gaps: (n_steps,) ms.
    """
    parts = [
        _compare_steps(distances, gaps, np.arange(first, min(first + STEPS_AT_ONCE, len(distances))))
        for first in range(0, max(len(distances), 1), STEPS_AT_ONCE)
    ]
    return Steps(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _alike(gaps: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steps on either side of the steps with the numbers `own`, and whether their gaps are equal: (n_own, 2 * `REACH`)
    each."""
    n = len(gaps)
    offsets = np.array([by for by in range(-REACH, REACH + 1) if by])
    others = own[:, None] + offsets
    inside = (others >= 0) & (others < n)
    others = np.clip(others, 0, n - 1)
    tolerance = np.maximum(SAME_GAP_MS, SAME_GAP_SHARE * gaps[own])[:, None]
    return others, inside & (np.abs(gaps[others] - gaps[own, None]) <= tolerance)


def _compare_steps(distances: np.ndarray, gaps: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, ...]:
    """The fields of :class:`Steps` for the steps with the numbers `own`."""
    others, alike = _alike(gaps, own)
    ordered = np.sort(np.where(alike, np.abs(distances[others] - distances[own, None]), FAR_PX), axis=1)
    values = np.where(alike, distances[others], np.nan)
    same = np.abs(values[:, :, None] - values[:, None, :]) <= MODE_PX
    votes = np.where(alike, same.sum(axis=2), 0)
    rows, best, count = np.arange(len(own)), votes.argmax(axis=1), alike.sum(axis=1)
    mode = values[rows, best]
    from_mode = np.sort(np.nan_to_num(np.abs(values - mode[:, None]), nan=FAR_PX), axis=1)  # those without a value last
    return (
        ordered[:, 0],
        ordered[:, 1],
        mode,
        np.where(count > 0, votes[rows, best] / np.maximum(count, 1), 0.0),
        count,
        from_mode[rows, np.maximum(count - 1, 0) // 2],
        np.where(count > 0, np.abs(distances[own] - np.nan_to_num(mode)), FAR_PX),
    )


def _stacks(found: dict[str, np.ndarray], heads: np.ndarray, tails: np.ndarray, starts: np.ndarray) -> None:
    """Compare with heads and tails nearby, and with their mirror images in the field."""
    n = len(heads)
    mirrored = found["field_mirror"]
    for by in (*range(-REACH, 0), *range(1, REACH + 1)):
        if abs(by) >= n:
            continue
        near = np.abs(shifted(starts, by) - starts) <= REACH_MS
        other = shifted(heads, by)
        for point in (other, shifted(tails, by)):
            found["stack"] = np.fmin(found["stack"], np.where(near, np.abs(point - heads), np.nan))
        if abs(by) <= FIGURE:
            step = other - heads
            found["axis"] = np.fmin(found["axis"], np.minimum(np.abs(step.real), np.abs(step.imag)))
        for image in (512 - other.conjugate(), other.conjugate() + 384j, 512 + 384j - other):
            mirrored = np.fmin(mirrored, np.where(near, np.abs(image - heads), np.nan))
    found["field_mirror"] = mirrored


def figures(found: dict[str, np.ndarray], heads: np.ndarray) -> None:
    """Compare with lines, parallelograms, polygons and trapezoids of the neighbours."""
    n = len(heads)
    if n < 2 * FIGURE + 1:
        return
    at = {by: shifted(heads, by) for by in range(-FIGURE, FIGURE + 1) if by}
    for a, b in combinations(at, 2):
        for c in at:
            if c not in (a, b):
                found["parallelogram"] = np.fmin(found["parallelogram"], np.abs(at[a] + at[b] - at[c] - heads))
    with np.errstate(divide="ignore", invalid="ignore"):
        for a, b in ((-2, -1), (1, 2), (-1, 1)):
            way = at[b] - at[a]
            away = np.abs(((heads - at[a]) * way.conjugate()).imag) / np.abs(way)
            found["line"] = np.fmin(found["line"], np.where(np.abs(way) > 1, away, np.nan))
        found["midpoint"] = np.fmin(found["midpoint"], np.abs((at[-1] + at[1]) / 2 - heads))
        for sign in (-1, 1):
            first, second, third = at[sign], at[2 * sign], at[3 * sign]
            step, before = first - second, second - third
            found["extrapolation"] = np.fmin(found["extrapolation"], np.abs(first + step - heads))
            turn = step / before
            for factor in (turn, turn.conjugate()):
                found["polygon"] = np.fmin(found["polygon"], np.abs(first + step * factor - heads))
            # An isosceles trapezoid: the image of one neighbour in the bisector of the outer two.
            for one, low, high in ((at[sign], at[2 * sign], at[-sign]),):
                side = (high - low) / np.abs(high - low)
                image = (low + high) / 2 - ((one - (low + high) / 2) / side).conjugate() * side
                found["trapezoid"] = np.fmin(found["trapezoid"], np.abs(image - heads))


def _copies(found: dict[str, np.ndarray], objects: Sequence[HitObject], bodies: np.ndarray) -> None:
    """Compare the shapes of sliders of the same length."""
    alike: dict[int, list[int]] = defaultdict(list)
    for i, o in enumerate(objects):
        if o.slider is not None and o.slider.length > 0:
            alike[round(o.slider.length / SAME_LENGTH_PX)].append(i)
    for places in alike.values():
        places = places[:MOST_ALIKE]
        if len(places) < 2:
            continue
        shapes = bodies[places]
        own = (np.abs(shapes) ** 2).sum(axis=1)
        total = own[:, None] + own[None, :]
        plain, turned = np.full(total.shape, np.inf), np.full(total.shape, np.inf)
        for other in (shapes, shapes.conjugate()):
            product = shapes @ other.conjugate().T
            turned = np.minimum(turned, total - 2 * np.abs(product))
            plain = np.minimum(plain, total - 2 * np.abs(product.real))
        for name, squares in (("copy", plain), ("turned_copy", turned)):
            np.fill_diagonal(squares, np.inf)
            found[name][places] = np.sqrt(np.maximum(squares.min(axis=1), 0.0) / PATH_POINTS)


def shape(slider: SliderPath) -> np.ndarray:
    """(PATH_POINTS,) points of a slider at equal distances, from its head."""
    vertices = slider_path.flatten(slider).vertices
    points = vertices[:, 0] + 1j * vertices[:, 1]
    lengths = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(points)))])
    places = np.arange(1, PATH_POINTS + 1) * (lengths[-1] / PATH_POINTS)
    places[-1] = lengths[-1]
    return np.asarray(
        np.interp(places, lengths, points.real) + 1j * np.interp(places, lengths, points.imag) - points[0]
    )
