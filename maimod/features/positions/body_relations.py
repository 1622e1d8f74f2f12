"""How the bodies of an osu! map lie among its other objects: clearances, directions, copies.

A slider that was turned, or an object that was moved, often lies on an object that is still to be seen, which the map avoids
elsewhere; its end no longer points at the next object, and it is no longer parallel to a slider nearby or its mirror image.
Distances are in osu! pixels, clearances in radii of a circle. Positions are complex numbers, x + iy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.features.ordered import distinct
from maimod.features.positions.geometry import (
    EXACT_PX,
    FAR_PX,
    MOST_ALIKE,
    PATH_POINTS,
    SAME_LENGTH_PX,
    around,
    shifted,
)
from maimod.osu.beatmap import HitObject

BEFORE = 5
"""Objects before an object that may still be seen with it."""
STACKED_PX = 6.0
"""Closer heads are a stack."""
FAR_RADII = 8.0
"""Clearance where there is nothing."""
AIMED_PX = 4.0
"""An end points at an object if that is this close to its line."""
LEAST_CHORD_PX = 10.0
"""Shorter vectors have no direction."""
SIDES, AROUND = 6, 12
"""Sliders on either side with which directions are compared, and objects of which the shares are."""
ROUND_DEGREES, ROUND_WITHIN = 15.0, 1.0
"""Bodies turned by hand seldom lie at whole multiples of this angle."""

CLEARANCES = (
    "head_on_head",  # from a head to those before, without the last one and those that it is stacked on
    "head_on_body",  # from a head to the bodies before
    "body_on_head",  # from a body to the heads before
    "body_on_next",  # from a body to the heads after the next one
    "body_on_body",  # from a body to the bodies before
)
"""Radii to the closest object that may be seen at the same time; `FAR_RADII` without one."""
AIMS = (
    "aim_out",  # the next object, from the line in which the body ends
    "aim_in",  # the end of the object before, from the line in which the body begins
    "opposite",  # the chord, from the mirror image of that of a slider nearby
    "upright",  # the chord, from a right angle with that of a slider nearby
)
"""Px by which a direction is off; as a feature log2 of 1 + px."""
NAMES = (
    *CLEARANCES,
    *(f"{name}_rank" for name in CLEARANCES),  # share of the objects of the map with less
    *AIMS,
    *(f"{name}_around" for name in AIMS),  # share of the sliders around that keep the relation
    "round_angle",  # degrees from the closest multiple of `ROUND_DEGREES`
    "round_around",  # share of the sliders around that lie at such an angle
    "copies_share",  # of the sliders as long, those with exactly this shape or its mirror image
    "turned_share",  # those that have it if they are turned
    "turned_angle",  # the least angle by which these are turned
)
"""Names of the features."""


def measure(
    objects: Sequence[HitObject],
    heads: np.ndarray,
    tails: np.ndarray,
    bodies: np.ndarray,
    radius: float,
    preempt: float,
) -> np.ndarray:
    """Measure every object.

    Args:
        objects: in order of time.
        heads, tails: (n_objects,) complex.
        bodies: (n_objects, PATH_POINTS) complex points from the heads; 0 for objects without a body.
        radius: of the circles, px.
        preempt: ms for which an object is seen before it starts.

    Returns:
        (n_objects, len(NAMES)).
    """
    is_slider = np.array([o.slider is not None for o in objects], dtype=bool)
    columns = _clearances(objects, heads, bodies, is_slider, radius, preempt)
    columns += [_ranks(column) for column in columns]
    aims = _aims(objects, heads, tails, bodies, is_slider)
    columns += [np.log2(1 + aim) for aim in aims]
    columns += [_share(aim <= AIMED_PX, is_slider) for aim in aims]
    columns += _directions(bodies, is_slider)
    columns += _copies(objects, bodies)
    return np.stack(columns, axis=1)


def _clearances(
    objects: Sequence[HitObject],
    heads: np.ndarray,
    bodies: np.ndarray,
    is_slider: np.ndarray,
    radius: float,
    preempt: float,
) -> list[np.ndarray]:
    starts, ends = np.array([o.time for o in objects]), np.array([o.end_time for o in objects])
    points = np.where(is_slider[:, None], heads[:, None] + bodies, np.nan)
    found = {name: np.full(len(objects), FAR_RADII * radius) for name in CLEARANCES}

    def closer(name: str, distances: np.ndarray) -> None:
        found[name] = np.fmin(found[name], distances)

    for by in range(1, BEFORE + 1):
        if by >= len(objects):
            break
        seen = starts - shifted(ends, -by) <= preempt
        other, body = shifted(heads, -by), np.stack([shifted(p, -by) for p in points.T], axis=1)
        if by > 1:
            apart = np.abs(heads - other)
            closer("head_on_head", np.where(seen & (apart > STACKED_PX), apart, np.nan))
        of_body = body[:, : PATH_POINTS - 2] if by == 1 else body
        to_body = _least(np.abs(of_body - heads[:, None]))
        closer("head_on_body", np.where(seen & (np.abs(heads - other) > STACKED_PX), to_body, np.nan))
        to_head = _least(np.abs(points[:, 1:] - other[:, None]))
        closer("body_on_head", np.where(seen, to_head, np.nan))
        between = _least(np.abs(points[:, 1:, None] - body[:, None, : PATH_POINTS - 2]).reshape(len(objects), -1))
        closer("body_on_body", np.where(seen, between, np.nan))
        seen_after = shifted(starts, by) - ends <= preempt
        after = shifted(heads, by)
        closer(
            "body_on_next", np.where(seen_after, _least(np.abs(points[:, : PATH_POINTS - 2] - after[:, None])), np.nan)
        )
    return [np.minimum(found[name] / radius, FAR_RADII) for name in CLEARANCES]


def _least(distances: np.ndarray) -> np.ndarray:
    """Least along the last axis of those that are numbers; infinite without one."""
    return np.asarray(np.nan_to_num(distances, nan=np.inf).min(axis=1))


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.searchsorted(np.sort(values), values) / max(len(values), 1))


def _aims(
    objects: Sequence[HitObject], heads: np.ndarray, tails: np.ndarray, bodies: np.ndarray, is_slider: np.ndarray
) -> list[np.ndarray]:
    n = len(objects)
    comes_back = np.array([o.slider is not None and o.slider.slides % 2 == 0 for o in objects])
    leaving = np.where(comes_back, -bodies[:, 0], bodies[:, -1] - bodies[:, -2])
    found = [np.full(n, FAR_PX) for _ in AIMS]
    with np.errstate(divide="ignore", invalid="ignore"):
        found[0] = np.where(is_slider, _off_line(shifted(heads, 1) - tails, leaving), FAR_PX)
        found[1] = np.where(is_slider, _off_line(heads - shifted(tails, -1), bodies[:, 0]), FAR_PX)
        places = np.flatnonzero(is_slider & (np.abs(bodies[:, -1]) > LEAST_CHORD_PX))
        chords = bodies[places, -1]
        for by in (*range(-SIDES, 0), *range(1, SIDES + 1)):
            if abs(by) < len(places):
                other = shifted(chords, by) / np.abs(shifted(chords, by))
                opposite = np.minimum(np.abs((chords * other).imag), np.abs((chords * other).real))
                found[2][places] = np.fmin(found[2][places], opposite)
                found[3][places] = np.fmin(found[3][places], np.abs((chords * other.conjugate()).real))
    return [np.clip(np.nan_to_num(one, nan=FAR_PX, posinf=FAR_PX), 0.0, FAR_PX) for one in found]


def _off_line(way: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Px by which the end of a way is off a line; as far as it is behind it."""
    turned = way * direction.conjugate() / np.abs(direction)
    return np.asarray(np.where(turned.real > 0, np.abs(turned.imag), np.abs(way)))


def _share(keeps: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of the objects on either side that count and keep something."""
    return np.asarray(
        around((keeps & counts).astype(float), AROUND) / np.maximum(around(counts.astype(float), AROUND), 1e-9)
    )


def _directions(bodies: np.ndarray, is_slider: np.ndarray) -> list[np.ndarray]:
    has_chord = is_slider & (np.abs(bodies[:, -1]) > LEAST_CHORD_PX)
    degrees = np.degrees(np.angle(bodies[:, -1])) % ROUND_DEGREES
    off = np.where(has_chord, np.minimum(degrees, ROUND_DEGREES - degrees), ROUND_DEGREES / 2)
    return [off, _share(off <= ROUND_WITHIN, has_chord)]


def _copies(objects: Sequence[HitObject], bodies: np.ndarray) -> list[np.ndarray]:
    n = len(objects)
    plain_share, turned_share, angle = np.zeros(n), np.zeros(n), np.full(n, -1.0)
    places = np.array([i for i, o in enumerate(objects) if o.slider is not None and o.slider.length > 0], dtype=int)
    lengths = np.array([round(o.slider.length / SAME_LENGTH_PX) for i in places.tolist() if (o := objects[i]).slider])
    for length in distinct(lengths) if len(places) else ():
        alike = places[lengths == length][:MOST_ALIKE]
        if len(alike) < 2:
            continue
        shapes = bodies[alike]
        own = (np.abs(shapes) ** 2).sum(axis=1)
        total = own[:, None] + own[None]
        plain, turned, least = (np.full(total.shape, np.inf) for _ in range(3))
        for other in (shapes, shapes.conjugate()):
            product = shapes @ other.conjugate().T
            squares = total - 2 * np.abs(product)
            turned = np.minimum(turned, squares)
            plain = np.minimum(plain, total - 2 * np.abs(product.real))
            degrees = np.abs(np.degrees(np.angle(product)))
            exact = squares <= PATH_POINTS * EXACT_PX**2
            least = np.minimum(least, np.where(exact, np.minimum(degrees, 180 - degrees), np.inf))
        for squares in (plain, turned, least):
            np.fill_diagonal(squares, np.inf)
        limit = PATH_POINTS * EXACT_PX**2
        plain_share[alike] = (plain <= limit).sum(axis=1) / (len(alike) - 1)
        turned_share[alike] = (turned <= limit).sum(axis=1) / (len(alike) - 1)
        smallest = least.min(axis=1)
        angle[alike] = np.where(np.isfinite(smallest), smallest, -1.0)
    return [plain_share, turned_share, angle]
