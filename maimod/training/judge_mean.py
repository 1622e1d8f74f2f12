"""The mean of two judges: a new one knows kinds of mistakes that an earlier one was not taught, and the earlier one what it learned from examples that are gone.

Both must standardise their common features alike (`like` of :func:`maimod.training.judge_fit.fit`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from maimod.features.models.layers import Layer
from maimod.features.models.trees import NODE, Trees
from maimod.linter.judge import Judge, Model, Network
from maimod.linter.places import NAMES


def mean_of(earlier: Judge, later: Judge, share: float) -> Judge:
    """A judge whose log-odds are `share` times those of the earlier one and the rest those of the later one.

    How far a place stands out is measured by the mean of both, so the log-odds of maps in which the two differ in that are between theirs, but not
    exactly the mean. Categories that only one of them judges stay as they are.

    Raises:
        ValueError: if they do not standardise a feature alike.
    """
    both = earlier.models.keys() & later.models.keys()
    means = {category: _model(earlier.models[category], later.models[category], share) for category in both}
    return Judge({**earlier.models, **later.models, **means}, earlier.rules | later.rules)


def _model(earlier: Model, later: Model, share: float) -> Model:
    if earlier.apart.keys() != later.apart.keys():
        raise ValueError("the judges have other modes apart")
    of_earlier, of_later = share, (1 - share) * later.slope / earlier.slope
    apart = {mode: _parts(part, later.apart[mode], of_earlier, of_later) for mode, part in earlier.apart.items()}
    mean = _parts(earlier, later, of_earlier, of_later)
    return msgspec.structs.replace(
        mean,
        slope=earlier.slope,
        ahead=tuple(share * one + (1 - share) * other for one, other in zip(earlier.ahead, later.ahead, strict=True)),
        shift=_mean_by_name(earlier.shift, later.shift, share),
        by_rule=_mean_by_name(earlier.by_rule, later.by_rule, share),
        apart=apart,
    )


def _mean_by_name(earlier: Mapping[str, float], later: Mapping[str, float], share: float) -> dict[str, float]:
    names = sorted(earlier.keys() | later.keys())
    return {name: share * earlier.get(name, 0.0) + (1 - share) * later.get(name, 0.0) for name in names}


def _parts(earlier: Model, later: Model, of_earlier: float, of_later: float) -> Model:
    """A model without calibration, whose networks and trees add up to so much of those of both."""
    used = {*earlier.features, *later.features}
    features = [name for name in NAMES if name in used]
    scaling: dict[str, tuple[float, float]] = {}
    members, nodes = [], []
    n_members = len(earlier.network.members) + len(later.network.members)
    for model, by in ((earlier, of_earlier), (later, of_later)):
        own = zip(model.features, model.network.mean, model.network.scale, strict=True)
        for name, mean, scale in own:
            if scaling.setdefault(name, (mean, scale)) != (mean, scale):
                raise ValueError(f"the judges do not standardise {name!r} alike")
        columns = np.array([features.index(name) for name in model.features])
        weight = by * n_members / len(model.network.members)  # a network takes the mean of its members
        members += [_member(layers, columns, len(features), weight) for layers in model.network.members]
        nodes.append(_nodes(model.trees, columns, by))
    network = Network(
        [scaling[name][0] for name in features],
        [scaling[name][1] for name in features],
        members,
        of_earlier * earlier.network.bias + of_later * later.network.bias,
    )
    start = of_earlier * earlier.trees.start + of_later * later.trees.start
    return Model(features, network, Trees(start, b"".join(nodes)))


def _member(layers: list[Layer], columns: np.ndarray, n_features: int, by: float) -> list[Layer]:
    """A network whose inputs are at `columns` of more features and whose output is `by` times as much."""
    arrays = [(weights.T, offsets) for weights, offsets in (layer.arrays for layer in layers)]
    wide = np.zeros((len(arrays[0][0]), n_features), dtype=np.float32)
    wide[:, columns] = arrays[0][0]
    arrays[0] = wide, arrays[0][1]
    arrays[-1] = by * arrays[-1][0], by * arrays[-1][1]
    return [Layer.of(*one) for one in arrays]


def _nodes(trees: Trees, columns: np.ndarray, by: float) -> bytes:
    """The nodes of trees that add `by` times as much, with features by their place among more."""
    nodes = np.frombuffer(trees.nodes, NODE).copy()
    is_leaf = nodes["feature"] < 0
    nodes["value"][is_leaf] *= by
    nodes["feature"][~is_leaf] = columns[nodes["feature"][~is_leaf]]
    return nodes.tobytes()
