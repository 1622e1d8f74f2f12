"""Numbers by which :mod:`maimod.features.slip_model` finds objects of catch that were moved.

Only x counts in catch. So the relations of :mod:`maimod.features.positions.slips` are measured on one line: distances at equal
gaps in time, stacks, mirror images, figures that occur elsewhere. The way of the catcher adds how fast each movement is
compared with the others of its gap, and how close to a dash or hyperdash. Distances in osu! pixels, times in ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from maimod.features.positions import slips as position_slips
from maimod.features.positions.geometry import around
from maimod.features.positions.slips import MOST_COMPARED, Measures
from maimod.osu import slider_path
from maimod.osu.beatmap import Beatmap, HitObject, ObjectKind
from maimod.osu.catch import Movement, fruits, movements

SAME_GAP = 0.06
"""Gaps in time are equal if they differ by less than this share."""
LEAST_GAP_MS = 10.0
STILL_PX = 1.0
"""The catcher does not turn for less."""
REACH = 12
"""Objects on either side that are compared."""
FARTHEST_PX = 512.0

_SIDES = ("in", "out")
CATCHER_NAMES = (
    *(
        f"{what} {side}"
        for side in _SIDES
        for what in ("speed", "map speed", "around speed", "distance", "to hyperdash")
    ),
    *(f"{what} {side}" for side in _SIDES for what in ("hyperdash", "walked", "map hyperdash", "map walked")),
    *(f"{what} {side}" for side in _SIDES for what in ("same way", "map same way")),
    "turns",
    "turns around",
    "antiflow",
    "least to hyperdash",
    "edge",
    "on grid",
    "on grid around",
)
NAMES = (*position_slips.NAMES, *(f"way {name}" for name in CATCHER_NAMES))
"""Names of the features."""


def measure(beatmap: Beatmap, objects: Sequence[HitObject]) -> tuple[np.ndarray, Measures]:
    """Measure every object of a catch map.

    Args:
        beatmap: gives the width of the catcher.
        objects: in order of time.

    Returns:
        float32 (n_objects, len(NAMES)), and the relations on the line.
    """
    flat = [_on_line(o) for o in objects]
    with np.errstate(divide="ignore", invalid="ignore"):  # bodies on a line have no angles
        relations = position_slips.measure(beatmap, flat)
    catcher = _catcher_movements(beatmap, objects)
    return np.concatenate([relations.features, catcher], axis=1).astype(np.float32), relations


def _on_line(o: HitObject) -> HitObject:
    """The object with x alone: a slider goes straight to where the catcher leaves it."""
    if o.slider is None:
        return replace(o, y=0.0)
    end = float(np.clip(slider_path.tail(o.slider)[0], 0.0, FARTHEST_PX))
    # A path needs a length; less than a pixel is nowhere.
    end = end if abs(end - o.x) >= STILL_PX else o.x + 0.5
    path = replace(
        o.slider, curve="L", control_points=((o.x, 0.0), (end, 0.0)), slides=1, length=abs(end - o.x), segment_types=()
    )
    return replace(o, y=0.0, slider=path)


def _catcher_movements(beatmap: Beatmap, objects: Sequence[HitObject]) -> np.ndarray:
    """(n_objects, len(CATCHER_NAMES))."""
    n = len(objects)
    changed = replace(beatmap, hit_objects=tuple(objects))
    between: dict[int, Movement] = {}
    for one in movements(changed, fruits(changed)):
        if one.before.hit_object is not one.after.hit_object and not one.over_spinner:
            between[id(one.after.hit_object)] = one
    steps = [between.get(id(o)) for o in objects[1:]]
    there = np.array([step is not None for step in steps], dtype=bool)
    gap = np.array([max(step.ms, LEAST_GAP_MS) if step else 1e6 for step in steps])
    moved = np.array([step.after.x - step.before.x if step else 0.0 for step in steps])
    left = np.array([np.clip(step.to_hyperdash, -200, 400) if step else 400.0 for step in steps])
    hyper = np.array([bool(step and step.is_hyperdash) for step in steps])
    walked = np.array([step is None or step.is_walked for step in steps])
    way = np.sign(moved) * (np.abs(moved) > STILL_PX)
    before_way = np.concatenate([[0.0], way[:-1]]) if len(way) else way
    after_way = np.concatenate([way[1:], [0.0]]) if len(way) else way
    distance, turn = np.abs(moved), way * before_way
    of_steps = {
        "speed": distance / gap,
        "distance": distance,
        "to hyperdash": left,
        "hyperdash": hyper.astype(float),
        "walked": walked.astype(float),
        "same way": turn,
        **_compared(np.where(there, gap, np.nan), distance, hyper, walked, turn),
    }
    empty = np.zeros(min(n, 1))
    found: dict[str, np.ndarray] = {}
    for name, values in of_steps.items():
        found[f"{name} in"] = np.concatenate([empty, values])
        found[f"{name} out"] = np.concatenate([values, empty])
    turns = np.concatenate([empty, way * after_way])
    x = np.array([o.x for o in objects])
    on_grid = (x % 8 == 0).astype(float)
    found |= {
        "turns": turns,
        "turns around": around(turns, REACH),
        "antiflow": np.concatenate([empty, ((way * after_way < 0) & (hyper | ~walked)).astype(float)]),
        "least to hyperdash": np.minimum(np.abs(found["to hyperdash in"]), np.abs(found["to hyperdash out"])),
        "edge": np.minimum(x, FARTHEST_PX - x),
        "on grid": on_grid,
        "on grid around": around(on_grid, REACH),
    }
    columns = np.stack([found[name] for name in CATCHER_NAMES], axis=1)
    columns[[o.kind is ObjectKind.SPINNER for o in objects]] = 0.0
    return columns


def _compared(
    gap: np.ndarray, distance: np.ndarray, hyper: np.ndarray, walked: np.ndarray, turn: np.ndarray
) -> dict[str, np.ndarray]:
    """(n_steps,) shares of the other steps at the same gap that are no faster, are hyperdashes, are walked, turn alike;
    0.5 if there are none."""
    names = ("map speed", "around speed", "map hyperdash", "map walked", "map same way")
    found = {name: np.full(len(gap), 0.5) for name in names}
    for start in range(0, len(gap), MOST_COMPARED):
        part = slice(start, start + MOST_COMPARED)
        own = gap[part]
        same_gap = np.abs(own[:, None] - own) <= SAME_GAP * own[:, None]
        np.fill_diagonal(same_gap, False)
        near = np.abs(np.subtract.outer(np.arange(len(own)), np.arange(len(own)))) <= REACH
        slower = distance[part] <= distance[part][:, None] + STILL_PX
        found["map speed"][part] = _share(slower, same_gap)
        found["around speed"][part] = _share(slower, same_gap & near)
        found["map hyperdash"][part] = _share(hyper[part][None], same_gap)
        found["map walked"][part] = _share(walked[part][None], same_gap)
        found["map same way"][part] = _share(turn[part][None] == turn[part][:, None], same_gap)
    return found


def _share(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(n,) share of the true values of each row among some; 0.5 if there are none."""
    count = among.sum(axis=1)
    return np.asarray(np.where(count > 0, (values & among).sum(axis=1) / np.maximum(count, 1), 0.5))
