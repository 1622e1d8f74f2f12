"""Sums of trees from files that may be damaged."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from maimod.features.models.trees import Trees, are_whole, tree_sum


class Nodes(NamedTuple):
    """What :meth:`Trees.of` is given."""

    feature: list[int]
    value: list[float]
    left: list[int]
    right: list[int]


STUMP = Nodes([0, -1, -1], [2.0, -0.5, 0.75], [1, 0, 0], [2, 0, 0])


def test_a_sum_of_trees() -> None:
    trees = Trees.of(
        0.5, [0, -1, -1, 1, -1, 5, -1, -1], [0.0, -1.0, 1.0, 0.5, 10.0, 7.0, 20.0, 30.0],
        [1, 0, 0, 4, 0, 6, 0, 0], [2, 0, 0, 5, 0, 7, 0, 0],
    )  # fmt: skip
    features = np.zeros((3, 6))
    features[1, 1] = 1.0
    features[2] = [1.0, 1.0, 0, 0, 0, 8.0]
    assert are_whole(trees, 6)
    assert tree_sum(trees, features).tolist() == [0.5 - 1 + 10, 0.5 - 1 + 20, 0.5 + 1 + 30]
    assert are_whole(Trees(0.5), 0)
    assert tree_sum(Trees(0.5), features).tolist() == [0.5] * 3


def walked(nodes: Nodes, roots: list[int], row: np.ndarray) -> float:
    """The sum for one row, node by node."""
    total = 0.0
    for node in roots:
        while nodes.feature[node] >= 0:
            is_left = row[nodes.feature[node]] <= np.float32(nodes.value[node])
            node = (nodes.left if is_left else nodes.right)[node]
        total += nodes.value[node]
    return total


def grown(random: np.random.Generator, n_trees: int, n_features: int) -> tuple[Nodes, list[int]]:
    """Random trees of 1 to 40 leaves, some of them deep, and their roots."""
    nodes, roots = Nodes([], [], [], []), []
    for _ in range(n_trees):
        roots.append(len(nodes.feature))
        open_leaves = [len(nodes.feature)]
        for column, value in zip(nodes, (-1, random.normal(), 0, 0), strict=True):
            column.append(value)  # type: ignore[attr-defined]
        for _ in range(random.integers(0, 40)):
            node = open_leaves.pop(random.integers(max(len(open_leaves) - 3, 0), len(open_leaves)))
            first = len(nodes.feature)
            nodes.feature[node], nodes.value[node] = int(random.integers(n_features)), float(random.normal())
            nodes.left[node], nodes.right[node] = first, first + 1
            for _ in range(2):
                for column, value in zip(nodes, (-1, random.normal(), 0, 0), strict=True):
                    column.append(value)  # type: ignore[attr-defined]
            open_leaves += [first, first + 1]
    return nodes, roots


def test_many_rows_go_the_ways_that_each_would_alone() -> None:
    random = np.random.default_rng(3)
    nodes, roots = grown(random, 30, 5)
    trees = msgspec.json.decode(msgspec.json.encode(Trees.of(0.25, *nodes)), type=Trees)
    rows = random.normal(size=(1500, 5)).astype(np.float32)
    rows[::7, 2] = nodes.value[0]  # equal is left
    assert are_whole(trees, 5)
    found = tree_sum(trees, rows)
    assert found.shape == (1500,)
    some = [0, 7, 8, 1023, 1024, 1499]
    assert found[some] == pytest.approx([0.25 + walked(nodes, roots, rows[row]) for row in some], abs=1e-12)
    assert tree_sum(trees, rows[:0]).shape == (0,)


@pytest.mark.parametrize(
    "changes",
    [
        {"left": [2, 0, 0]},
        {"left": [0, 0, 0]},
        {"right": [3, 0, 0]},
        {"value": [2.0, math.inf, 0.75]},
        {"feature": [1, -1, -1]},
        {"feature": [-2, -1, -1]},
    ],
)
def test_damaged_trees_are_noticed(changes: dict[str, list[float]]) -> None:
    assert are_whole(Trees.of(0.0, *STUMP), 1)
    assert not are_whole(Trees.of(0.0, **STUMP._asdict() | changes), 1)


def test_damaged_files_of_trees_are_noticed() -> None:
    trees = Trees.of(0.0, *STUMP)
    assert not are_whole(msgspec.structs.replace(trees, nodes=trees.nodes[:-1]), 1)
    assert not are_whole(msgspec.structs.replace(trees, start=math.nan), 1)
