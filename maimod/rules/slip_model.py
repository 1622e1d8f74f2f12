"""The model of slips: log-odds that an object of an osu! map was moved, or its body changed, by accident.

Two sums of boosted trees over :mod:`maimod.rules.slip_measures`. The numbers are in `slips.json` of
`models/maimod-slips`; `maimod slips` fits them on planted moves (:mod:`maimod.training.slip_fit`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind
from maimod.rules import slip_measures
from maimod.rules.slip_measures import Measures
from maimod.rules.trees import Trees, are_whole, tree_sum

FILE = "slips.json"
FORMAT = 1
LEAST_OBJECTS, MOST_OBJECTS = 30, 15_000
"""Fewest objects for a map's own habits; as many as the longest ranked marathons."""
NO_SLIP = -12.0
"""Log-odds where nothing can have slipped."""


class Forest(msgspec.Struct, frozen=True):
    """Model of one kind of slip."""

    features: list[str]
    """Names of the features that it uses, of `slip_measures.NAMES`."""
    trees: Trees


class SlipModel(msgspec.Struct, frozen=True):
    """Content of the file."""

    format: int
    positions: Forest
    """Objects that were moved."""
    shapes: Forest
    """Sliders whose body was changed: an anchor moved, mirrored, turned, reversed."""
    measured: dict[str, float | int | str] = {}
    """What it was fitted on, and how it did on other maps."""


@dataclass(frozen=True)
class Slips:
    """Log-odds of every object, in order of time."""

    positions: np.ndarray
    """(n_objects,) that the object was moved; `NO_SLIP` for spinners."""
    shapes: np.ndarray
    """(n_objects,) that the body was changed; `NO_SLIP` for objects without one."""
    measures: Measures


def load(folder: Path) -> SlipModel | None:
    """Read the model of a folder; None if there is none.

    Raises:
        ValueError: if it is there but damaged, or of another version.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        model = msgspec.json.decode(path.read_bytes(), type=SlipModel)
        if model.format != FORMAT:
            raise ValueError(f"format {model.format}, {FORMAT} expected")
        for forest in (model.positions, model.shapes):
            unknown = [name for name in forest.features if name not in slip_measures.NAMES]
            if unknown:
                raise ValueError(f"unknown feature {unknown[0]!r}")
            if not are_whole(forest.trees, len(forest.features)):
                raise ValueError("damaged trees")
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a usable model of slips ({str(error)[:160]}); install maimod again") from None
    return model


def find(model: SlipModel, beatmap: Beatmap, objects: Sequence[HitObject]) -> Slips | None:
    """Log-odds of every object; None in other modes and in maps with too few objects or too many.

    Args:
        model: of :func:`load`.
        beatmap: the map.
        objects: its objects in order of time.
    """
    if beatmap.mode is not Mode.OSU or not LEAST_OBJECTS <= len(objects) <= MOST_OBJECTS:
        return None
    measures = slip_measures.measure(beatmap, objects)
    positions, shapes = (log_odds(forest, measures.features) for forest in (model.positions, model.shapes))
    positions[[o.kind is ObjectKind.SPINNER for o in objects]] = NO_SLIP
    shapes[~measures.is_slider] = NO_SLIP
    return Slips(positions, shapes, measures)


def log_odds(forest: Forest, features: np.ndarray) -> np.ndarray:
    """(n_objects,) of the features (n_objects, len(NAMES))."""
    columns = [slip_measures.NAMES.index(name) for name in forest.features]
    return tree_sum(forest.trees, features[:, columns])
