"""Moves planted in good osu! maps, to fit the model of slips (:mod:`maimod.training.slip_fit`).

Every planted version of a map has a move in each stretch of a dozen or two objects, of 2 to 200 px: of circles and whole
sliders, of heads, of a few objects together, mirrored figures; anchors, and bodies reversed, mirrored or turned. The other
objects of the same version are the examples without one, because whatever tells a version from its original must not seem
to tell of a move. Nothing is shared with the mistakes of :mod:`maimod.training.faults`, by which findings are evaluated.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.random import Generator

from maimod.features.positions import slips as position_slips
from maimod.features.slip_model import SlipModel, log_odds
from maimod.osu.beatmap import HEIGHT, WIDTH, Beatmap, HitObject, ObjectKind
from maimod.osu.slider_path import flatten
from maimod.osu.timing import edited_length
from maimod.training import form_slip_fit
from maimod.training.slip_forest import KEPT_OTHERS, Labelled, Scored, chooser, is_close, load, versions

RIGID = frozenset({"together", "figure-mirrored", "figure-turned"})
"""Kinds that keep the relations inside a few objects."""
LEAST_LEFT_PX = 20.0
"""Least of the greatest distance in a figure that is left on its copy; closer circles are a stack."""
SCALES = (0.6, 0.75, 1.3, 1.5)
SIZES = (2, 3, 4, 5, 8, 10, 16, 20, 32, 40, 60, 90, 120, 160, 200)
"""Px of planted moves."""
APART = (14, 28)
"""Objects from one planted move to the next."""
VERSIONS = 4
"""Planted versions of each map."""
POSITION, SHAPE = "position", "shape"
KINDS = {
    "moved": (POSITION, 10),
    "turned-about-neighbour": (POSITION, 2),
    "head": (POSITION, 3),
    "together": (POSITION, 2),
    "figure-mirrored": (POSITION, 3),
    "figure-turned": (POSITION, 1),
    "figure-scaled": (POSITION, 2),
    "exchanged": (POSITION, 2),
    "left-behind": (POSITION, 2),
    "anchor": (SHAPE, 8),
    "anchor-lost": (SHAPE, 1),
    "reversed": (SHAPE, 3),
    "body-mirrored": (SHAPE, 1),
    "body-turned": (SHAPE, 4),
}
"""Kinds of moves: what of an object they change, and how often they are planted."""


@dataclass(frozen=True)
class Version:
    """A map with planted moves."""

    objects: tuple[HitObject, ...]
    """In order of time."""
    kinds: tuple[str, ...]
    """Of the move of each object; empty without one."""
    sizes: np.ndarray
    """(n_objects,) px; 0 where a move has no size."""


@dataclass(frozen=True)
class Rows:
    """Examples of one map."""

    features: np.ndarray
    """float32 (n, len(position_slips.NAMES))."""
    kinds: tuple[str, ...]
    sizes: np.ndarray
    is_slider: np.ndarray
    weights: np.ndarray


def plant(beatmap: Beatmap, objects: Sequence[HitObject], random: Generator) -> Version:
    """Plant moves all over a map.

    Args:
        beatmap: a good map.
        objects: its objects in order of time.
        random: chooses places, kinds and sizes.
    """
    changed, kinds, sizes = list(objects), [""] * len(objects), np.zeros(len(objects))
    names, chances = list(KINDS), np.array([chance for _, chance in KINDS.values()], dtype=float)
    at = int(random.integers(2, APART[1]))
    while at < len(objects) - 1:
        kind = str(random.choice(names, p=chances / chances.sum()))
        size = float(random.choice(SIZES))
        moved = _MOVES[kind](objects, at, size, random)
        if kind in RESNAPPED and moved:
            moved = _resnapped(beatmap, objects, at, moved[0])
        if moved and all(o.kind is not ObjectKind.SPINNER for o in objects[at : at + len(moved)]):
            for by, o in enumerate(moved):
                if o != objects[at + by]:
                    changed[at + by], kinds[at + by] = o, kind
                    sizes[at + by] = size if kind in SIZED else 0.0
            at += len(moved) - 1
        at += int(random.integers(*APART))
    return Version(tuple(changed), tuple(kinds), sizes)


def _points(o: HitObject) -> list[complex]:
    return [complex(*point) for point in o.slider.control_points] if o.slider else [complex(o.x, o.y)]


def _with_points(o: HitObject, points: Iterable[complex]) -> HitObject | None:
    """The object at other whole points; None if one is outside the playfield."""
    whole = [(float(round(p.real)), float(round(p.imag))) for p in points]
    if not all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in whole):
        return None
    slider = o.slider and replace(o.slider, control_points=tuple(whole))
    return replace(o, x=whole[0][0], y=whole[0][1], slider=slider)


def _offsets(size: float, random: Generator) -> list[complex]:
    """Moves of a size: a few in any direction, or along the axes as with a key held."""
    if random.random() < 0.15:
        return [size * complex(direction) for direction in random.permutation([1, -1, 1j, -1j])]
    return [cmath.rect(size, turn) for turn in random.uniform(0, 2 * math.pi, 8)]


def _resnapped(beatmap: Beatmap, objects: Sequence[HitObject], at: int, new: HitObject) -> list[HitObject]:
    """The slider with the length that the editor gives it anew; none if it would last until the next object."""
    old = objects[at].slider
    if old is None or new.slider is None:
        return []
    length = edited_length(beatmap, new.time, old.length, flatten(new.slider).natural_length)
    if length is None:
        return []
    slider = replace(new.slider, length=length)
    end = new.end_time if length == old.length else new.time + beatmap.slider_duration(slider, new.time)
    is_free = at + 1 == len(objects) or end < objects[at + 1].time or length <= old.length
    return [replace(new, slider=slider, end_time=end)] if is_free else []


def _first(found: Iterable[HitObject | None]) -> list[HitObject]:
    return next(([o] for o in found if o is not None), [])


def _moved(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    o = objects[at]
    return _first(_with_points(o, (p + offset for p in _points(o))) for offset in _offsets(size, random))


def _turned_about_neighbour(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    """The distance to the object before stays, as with distance snap."""
    o, before = objects[at], complex(objects[at - 1].x, objects[at - 1].y)
    offset = complex(o.x, o.y) - before
    if abs(offset) < size / 2 or abs(offset) < 1:
        return []
    angle = 2 * math.asin(min(size / (2 * abs(offset)), 1.0))
    moves = [offset * cmath.exp(1j * sign * angle) - offset for sign in random.permutation([-1, 1])]
    return _first(_with_points(o, (p + move for p in _points(o))) for move in moves)


def _head(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    o = objects[at]
    if o.slider is None:
        return []
    head, *anchors = _points(o)
    return _first(_with_points(o, (head + offset, *anchors)) for offset in _offsets(size, random))


def _together(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    group = objects[at : at + int(random.integers(2, 6))]
    for offset in _offsets(size, random):
        moved = [_with_points(o, (p + offset for p in _points(o))) for o in group]
        if all(moved):
            return [o for o in moved if o is not None]
    return []


def _figure_mirrored(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    """A few objects are mirrored within the space that they take."""
    group = objects[at : at + int(random.integers(2, 6))]
    points = [p for o in group for p in _points(o)]
    x, y = [p.real for p in points], [p.imag for p in points]
    if random.random() < 0.5:
        middle = (min(x) + max(x)) / 2
        moved = [_with_points(o, (complex(2 * middle - p.real, p.imag) for p in _points(o))) for o in group]
    else:
        middle = (min(y) + max(y)) / 2
        moved = [_with_points(o, (complex(p.real, 2 * middle - p.imag) for p in _points(o))) for o in group]
    return [o for o in moved if o is not None] if all(moved) else []


def _around_middle(group: Sequence[HitObject], factor: complex) -> list[HitObject]:
    """The objects turned and scaled about the middle of their heads; none if one leaves the playfield."""
    middle = sum(complex(o.x, o.y) for o in group) / len(group)
    new = [_with_points(o, (middle + (p - middle) * factor for p in _points(o))) for o in group]
    return [o for o in new if o is not None] if all(new) else []


def _figure_turned(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    group = objects[at : at + int(random.integers(2, 6))]
    angles = random.permutation([sign * a for sign in (-1, 1) for a in np.deg2rad([15, 30, 45, 90, 180])]).tolist()
    return next(filter(None, (_around_middle(group, cmath.exp(1j * a)) for a in angles)), [])


def _figure_scaled(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    """Circles alone, because sliders would get another duration."""
    group = objects[at : at + int(random.integers(2, 6))]
    if any(o.slider is not None for o in group):
        return []
    return next(filter(None, (_around_middle(group, factor) for factor in random.permutation(SCALES).tolist())), [])


def _exchanged(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    """A circle and the next one in each other's place."""
    first, second = objects[at : at + 2]
    if {first.kind, second.kind} != {ObjectKind.CIRCLE} or math.dist((first.x, first.y), (second.x, second.y)) < 20:
        return []
    return [replace(first, x=second.x, y=second.y), replace(second, x=first.x, y=first.y)]


def _left_behind(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    """A figure of circles lies where the one before it is, as a copy that was not moved."""
    count = int(random.integers(3, 6))
    before, group = objects[max(at - count, 0) : at], objects[at : at + count]
    if len(before) != len(group) or any(o.kind is not ObjectKind.CIRCLE for o in (*before, *group)):
        return []
    gaps = np.diff([o.time for o in (*before, *group)])
    moves = [math.dist((a.x, a.y), (b.x, b.y)) for a, b in pairwise((*before, group[0]))]
    if gaps.max() - gaps.min() > 4 or max(moves) < LEAST_LEFT_PX:
        return []
    return [replace(o, x=a.x, y=a.y) for a, o in zip(before, group, strict=True)]


def _anchor_lost(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    o, points = objects[at], _points(objects[at])
    places = [k for k in range(1, len(points) - 1) if points[k] not in (points[k - 1], points[k + 1])]
    if o.slider is None or o.slider.segment_types or not places:
        return []
    k = int(random.choice(places))
    return _first([_with_points(o, (*points[:k], *points[k + 1 :]))])


def _anchor(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    o, points = objects[at], _points(objects[at])
    # A red anchor is two equal points, which stay together.
    places = [k for k in range(1, len(points)) if points[k] not in (points[k - 1], *points[k + 1 : k + 2])]
    if o.slider is None or not places:
        return []
    k = int(random.choice(places))
    return _first(
        _with_points(o, (*points[:k], points[k] + offset, *points[k + 1 :])) for offset in _offsets(size, random)
    )


def _reversed(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    o = objects[at]
    return [] if o.slider is None or o.slider.segment_types else _first([_with_points(o, reversed(_points(o)))])


def _body_mirrored(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    """Mirrored through its head: across its chord, or along an axis."""
    o = objects[at]
    if o.slider is None:
        return []
    head, *anchors = _points(o)
    chord = anchors[-1] - head if anchors else 0j
    axis = chord / abs(chord) if abs(chord) > 1 and random.random() < 0.5 else complex(random.choice([1, 1j]))
    return _first([_with_points(o, (head, *(head + ((p - head) / axis).conjugate() * axis for p in anchors)))])


def _body_turned(objects: Sequence[HitObject], at: int, size: float, random: Generator) -> list[HitObject]:
    o = objects[at]
    if o.slider is None:
        return []
    head, *anchors = _points(o)
    angles = random.permutation([sign * a for sign in (-1, 1) for a in np.deg2rad([5, 10, 20, 45, 90])]).tolist()
    return _first(_with_points(o, (head, *(head + (p - head) * cmath.exp(1j * a) for p in anchors))) for a in angles)


_Move = Callable[[Sequence[HitObject], int, float, Generator], list[HitObject]]
_MOVES: dict[str, _Move] = {
    "moved": _moved,
    "turned-about-neighbour": _turned_about_neighbour,
    "head": _head,
    "together": _together,
    "figure-mirrored": _figure_mirrored,
    "figure-turned": _figure_turned,
    "figure-scaled": _figure_scaled,
    "exchanged": _exchanged,
    "left-behind": _left_behind,
    "anchor": _anchor,
    "anchor-lost": _anchor_lost,
    "reversed": _reversed,
    "body-mirrored": _body_mirrored,
    "body-turned": _body_turned,
}
RESNAPPED = frozenset({"head", "anchor", "anchor-lost"})
"""Kinds that change the path of a slider, which the editor then ends at the last tick that it reaches."""
SIZED = frozenset({"moved", "turned-about-neighbour", "head", "together", "anchor"})


# ---------------------------------------------------------------------------------------------------------------------
# Examples


def examples_of(seed: int, path: Path) -> list[Rows]:
    """Examples of planted versions of a map, most of those without a move left out."""
    loaded = load(path)
    if loaded is None:
        return []
    random = chooser(path, seed)
    found = []
    for version in versions(path, seed, VERSIONS, partial(plant, *loaded)):
        measures = position_slips.measure(loaded[0], version.objects)
        moved = np.array([bool(kind) for kind in version.kinds])
        close = is_close(moved)
        kept = np.flatnonzero((close | (random.random(len(moved)) < KEPT_OTHERS)) & ~_is_inside_group(version.kinds))
        weights = np.where(close, 1.0, 1 / KEPT_OTHERS)[kept]
        kinds = tuple(version.kinds[i] for i in kept.tolist())
        found.append(Rows(measures.features[kept], kinds, version.sizes[kept], measures.is_slider[kept], weights))
    return found


def labelled(seed: int, count: int, path: Path) -> list[Labelled]:
    """So many planted versions of a map, for the network."""
    loaded = load(path)
    if loaded is None:
        return []
    found = []
    for version in versions(path, seed, count, partial(plant, *loaded)):
        measures, what = (
            position_slips.measure(loaded[0], version.objects),
            [KINDS.get(k, ("",))[0] for k in version.kinds],
        )
        is_position, is_shape = np.array(what) == POSITION, np.array(what) == SHAPE
        inside = _is_inside_group(version.kinds)
        # What moves a position may also change a body and the other way round, so neither is an example against the other.
        real = np.stack([is_position & ~inside, is_shape], axis=1)
        known = np.stack([~inside & ~is_shape, measures.is_slider & ~is_position], axis=1)
        found.append(Labelled(measures.features, version.kinds, real, known))
    return found


def _is_inside_group(kinds: Sequence[str]) -> np.ndarray:
    """Objects moved together with both neighbours, which keep their relations to each other."""
    return np.array(
        [
            kind in RIGID and 0 < i < len(kinds) - 1 and kinds[i - 1] == kind == kinds[i + 1]
            for i, kind in enumerate(kinds)
        ]
    )


def scored(model: SlipModel, seed: int, path: Path) -> tuple[float, dict[str, Scored]] | None:
    """Minutes and log-odds of a map as it is and with planted moves; None for one that is too short or too long."""
    loaded = load(path)
    if loaded is None:
        return None
    beatmap, objects = loaded
    clean = position_slips.measure(beatmap, objects)
    planted = [
        (version, position_slips.measure(beatmap, version.objects))
        for version in versions(path, seed, VERSIONS, partial(plant, beatmap, objects))
    ]
    found = (
        {}
        if model.forms is None
        else {"forms": form_slip_fit.FIT.scored_map(model.forms, seed, path, beatmap, objects)}
    )
    for what, forest in ((POSITION, model.positions), (SHAPE, model.shapes)):
        rows = clean.is_slider if what == SHAPE else np.ones(len(objects), dtype=bool)
        result = Scored(log_odds(forest, clean.features)[rows])
        for version, measures in planted:
            scores = log_odds(forest, measures.features)
            moved = np.array([bool(kind) for kind in version.kinds])
            result.others.append(scores[~is_close(moved) & rows])
            for i in np.flatnonzero(moved & ~_is_inside_group(version.kinds)).tolist():
                kind, size = version.kinds[i], version.sizes[i]
                if KINDS[kind][0] == what:
                    name = kind if kind != "moved" else "slider" if measures.is_slider[i] else "circle"
                    result.found.append((f"{name} {size:g}" if size else name, float(scores[i])))
        found[what] = result
    return beatmap.drain_ms / 60_000, found
