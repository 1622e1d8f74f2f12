"""Sums of trees from files that may be damaged."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from maimod.features.trees import Trees, are_whole, tree_sum

STUMP = Trees(-1.0, [0], [0, -1, -1], [2.0, -0.5, 0.75], [1, 0, 0], [2, 0, 0])


def test_a_sum_of_trees() -> None:
    trees = Trees(
        0.5, [0, 3], [0, -1, -1, 1, -1, 5, -1, -1], [0.0, -1.0, 1.0, 0.5, 10.0, 7.0, 20.0, 30.0],
        [1, 0, 0, 4, 0, 6, 0, 0], [2, 0, 0, 5, 0, 7, 0, 0],
    )  # fmt: skip
    features = np.zeros((3, 6))
    features[1, 1] = 1.0
    features[2] = [1.0, 1.0, 0, 0, 0, 8.0]
    assert are_whole(trees, 6)
    assert tree_sum(trees, features).tolist() == [0.5 - 1 + 10, 0.5 - 1 + 20, 0.5 + 1 + 30]
    assert tree_sum(Trees(0.5, [], [], [], [], []), features).tolist() == [0.5] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"start": math.nan},
        {"threshold": [2.0, math.inf, 0.75]},
        {"threshold": [2.0, 0.75]},
        {"feature": [1, -1, -1]},
        {"feature": [-2, -1, -1]},
        {"left": [1, 0]},
        {"left": [0, 0, 0]},
        {"right": [3, 0, 0]},
        {"roots": [3]},
    ],
)
def test_damaged_trees_are_noticed(changes: dict[str, object]) -> None:
    assert are_whole(STUMP, 1)
    assert not are_whole(msgspec.structs.replace(STUMP, **changes), 1)
