"""Changes of figures and of slider bodies: objects placed, turned or exchanged together, sliders split, joined and turned."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from maimod.osu.beatmap import HEIGHT, WIDTH, Mode, ObjectKind, SliderPath
from maimod.osu.slider_path import tail
from maimod.training.corruption.copy import CLEAR_MS, MEASURE_SLOTS, CorruptedCopy, exchange, slider_from

_CENTRE = np.array([WIDTH / 2, HEIGHT / 2])
_MIRRORS = (np.diag([-1.0, 1.0]), np.diag([1.0, -1.0]), np.diag([-1.0, -1.0]))
_LEAST_STEP = 12.0
"""Smallest mean step of a figure's objects [osu! pixels] that counts as a mistake."""


def figure_moved(copy: CorruptedCopy, i: int) -> bool:
    """Two to six objects moved together, mirrored, turned, or closer together or farther apart."""
    chosen = list(range(i, min(i + int(copy.random.integers(2, 7)), len(copy.objects))))
    first, last = int(copy.starts[chosen[0]]), int(copy.starts[chosen[-1]])
    figure = [o for k in chosen if (o := copy.objects[k]) is not None and o.kind is not ObjectKind.SPINNER]
    if last - first > 2 * MEASURE_SLOTS or len(figure) < len(chosen) or not copy.is_clear(first, last):
        return False
    heads = np.array([(o.x, o.y) for o in figure])
    turn, at = _placed(copy, heads)
    changed = []
    for o, (x, y) in zip(figure, np.round(at).tolist(), strict=True):
        path = o.slider and _turned(o.slider, turn, (x, y))
        if not _is_inside(x, y) or (path and not _is_inside(*path.control_points[-1])):
            return False
        changed.append(replace(o, x=x, y=y, slider=path))
    if np.abs(np.round(at) - heads).sum(axis=1).mean() < _LEAST_STEP:
        return False
    for k, o in zip(chosen, changed, strict=True):
        if o != copy.objects[k]:
            copy.objects[k] = o
            copy.mark("place", o.time)
    copy.keep_clear(first, last)
    return True


def _placed(copy: CorruptedCopy, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A (2, 2) matrix that turns directions, and the new places of (n, 2) heads [osu! pixels]."""
    random, centre, kept = copy.random, heads.mean(axis=0), np.eye(2)
    if copy.beatmap.mode is Mode.CATCH:
        if random.random() < 0.4:
            return _MIRRORS[0], _CENTRE + (heads - _CENTRE) @ _MIRRORS[0]
        if random.random() < 0.4:
            return kept, np.stack([centre[0] + (heads[:, 0] - centre[0]) * _scale(random), heads[:, 1]], axis=1)
        return kept, heads + np.array([random.normal(0, 60), 0.0])
    draw = random.random()
    if draw < 0.4:
        mirror = _MIRRORS[int(random.integers(3))]
        return mirror, _CENTRE + (heads - _CENTRE) @ mirror
    if draw < 0.6:
        return kept, heads + random.normal(0, 60, size=2)
    if draw < 0.8:
        return kept, centre + (heads - centre) * _scale(random)
    turn = _turn(float(random.choice([-1, 1]) * random.uniform(15, 180)))
    return turn, centre + (heads - centre) @ turn.T


def _scale(random: np.random.Generator) -> float:
    return float(random.choice([0.5, 0.6, 0.7, 0.8, 1.25, 1.4, 1.6, 1.8]))


def _turn(degrees: float) -> np.ndarray:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s], [s, c]])


def _turned(path: SliderPath, turn: np.ndarray, head: tuple[float, float]) -> SliderPath:
    """A body turned about its head, which is placed elsewhere."""
    points = np.array(path.control_points)
    placed = np.round((points - points[0]) @ turn.T) + head
    return replace(path, control_points=tuple((x, y) for x, y in placed.tolist()))


def _is_inside(x: float, y: float) -> bool:
    return 0 <= x <= WIDTH and 0 <= y <= HEIGHT


def places_exchanged(copy: CorruptedCopy, i: int) -> bool:
    """Two circles in turn, each at the place of the other."""
    o, after = copy.objects[i], copy.around(i)[1]
    if o is None or after is None or o.kind is not ObjectKind.CIRCLE or after.kind is not ObjectKind.CIRCLE:
        return False
    slots = int(copy.starts[i]), int(copy.starts[i + 1])
    if slots[0] == slots[1] or not copy.is_clear(*slots) or math.dist((o.x, o.y), (after.x, after.y)) < 2 * _LEAST_STEP:
        return False
    copy.objects[i], copy.objects[i + 1] = replace(o, x=after.x, y=after.y), replace(after, x=o.x, y=o.y)
    copy.mark("place", o.time, after.time)
    copy.keep_clear(*slots)
    return True


def body_turned(copy: CorruptedCopy, i: int) -> bool:
    """A slider's body turned about its head."""
    o = slider_from(copy, i)
    if o is None or o.slider is None:
        return False
    turned = _turned(
        o.slider, _turn(float(copy.random.choice([-1, 1]) * np.exp(copy.random.uniform(2.3, 5.2)))), (o.x, o.y)
    )
    if turned == o.slider or not _is_inside(*turned.control_points[-1]):
        return False
    exchange(copy, o, replace(o, slider=turned))
    copy.mark("shape", o.time)
    return True


def slider_split(copy: CorruptedCopy, i: int) -> bool:
    """A slider without repeats becomes two circles, at its head and its tail."""
    o = slider_from(copy, i)
    if o is None or o.slider is None or o.slider.slides > 1 or o.duration < 2 * CLEAR_MS:
        return False
    x, y = map(round, tail(o.slider))
    sounds = o.slider.edge_sounds or (o.hitsound, o.hitsound)
    head = replace(o, kind=ObjectKind.CIRCLE, end_time=o.time, slider=None, hitsound=sounds[0])
    end = float(round(o.end_time))
    copy.added.append(
        replace(
            head, time=end, end_time=end, x=float(x), y=float(y), hitsound=sounds[-1], new_combo=False, combo_skip=0
        )
    )
    exchange(copy, o, head)
    copy.mark("length", o.time)
    copy.mark("extra", end)
    copy.keep_clear(*(int(slot) for slot in copy.grid.locate([o.time, end])[0]))
    return True


def circles_joined(copy: CorruptedCopy, i: int) -> bool:
    """Two circles at most a beat apart become a slider of the velocity that a slider close by has."""
    o, after = copy.objects[i], copy.around(i)[1]
    if o is None or after is None or o.kind is not ObjectKind.CIRCLE or after.kind is not ObjectKind.CIRCLE:
        return False
    slots, duration = (int(copy.starts[i]), int(copy.starts[i + 1])), after.time - o.time
    if after.new_combo or duration > 1.05 * copy.beat(o.time) or slots[0] == slots[1] or not copy.is_clear(*slots):
        return False
    near = (copy.objects[k] for k in range(max(i - 24, 0), min(i + 24, len(copy.objects))))
    model = next((n for n in near if n and n.slider and n.duration > 0), None)
    way = np.array([after.x - o.x, after.y - o.y])
    if model is None or model.slider is None or not way.any():
        return False
    length = model.slider.length / model.span_duration * duration
    end = np.round(np.array([o.x, o.y]) + way / np.hypot(*way) * length)
    if length < 15 or not _is_inside(*end.tolist()):
        return False
    sounds = (o.hitsound, after.hitsound)
    path = SliderPath("L", ((o.x, o.y), (float(end[0]), float(end[1]))), 1, length, sounds)
    copy.objects[i] = replace(o, kind=ObjectKind.SLIDER, end_time=after.time, slider=path)
    copy.objects[i + 1] = None
    copy.mark("length", o.time)
    copy.mark("missing", after.time)
    copy.keep_clear(*slots)
    return True
