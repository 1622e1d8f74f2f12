"""The networks of slips learn from the objects around, and their plain numbers are those of the fitted ones."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from maimod.features.models.layers import Scaling  # noqa: E402
from maimod.training import slip_network  # noqa: E402
from maimod.training.slip_forest import Labelled  # noqa: E402
from maimod.training.slip_network import Shape, fitted  # noqa: E402

SHAPE = Shape(units=16, epochs=150, members=1, dropped=0.0)


def examples(seed: int, count: int = 24, hidden: bool = False) -> list[Labelled]:
    """Mistakes are objects between two high numbers; those of an odd kind are no examples for the second output."""
    random, found = np.random.default_rng(seed), []
    for _ in range(count):
        x = random.random((70, 1)).astype(np.float32)
        high = np.pad(x[:, 0] > 0.6, 1)
        is_between = high[:-2] & high[2:]
        kinds = ["odd" if is_one and i % 2 else "even" if is_one else "" for i, is_one in enumerate(is_between)]
        real = np.stack([is_between, is_between], axis=1)
        known = np.stack([np.ones(70, bool), np.array([kind != "odd" for kind in kinds])], axis=1)
        found.append(Labelled(x, kinds, real, known & (not hidden)))
    return found


def test_what_only_the_neighbours_show_is_learned() -> None:
    (network,) = fitted(examples(1), ["x"], ["first", "second"], SHAPE, 0)
    network.check(["x"], ["first", "second"])
    for one in examples(9, 4):
        found = network.logits(one.features)
        for column in (0, 1):
            assert found[one.real[:, 0], column].mean() > found[~one.real[:, 0], column].mean() + 2.0


def test_objects_that_are_no_examples_teach_nothing() -> None:
    (network,) = fitted(examples(1, hidden=True), ["x"], ["first", "second"], SHAPE, 0)
    (before,) = fitted(examples(1, hidden=True), ["x"], ["first", "second"], Shape(8, 1, 1, 0.0), 0)
    one = examples(9, 1)[0]
    for found in (network.logits(one.features)[:, 0], before.logits(one.features)[:, 0]):
        assert abs(found[one.real[:, 0]].mean() - found[~one.real[:, 0]].mean()) < 1.0


def test_the_same_seed_fits_the_same_and_members_differ() -> None:
    shape = Shape(4, 1, members=2)
    first, second = fitted(examples(1, 3), ["x"], ["a", "b"], shape, 5)
    again, _ = fitted(examples(1, 3), ["x"], ["a", "b"], shape, 5)
    assert first.first == again.first and first.first != second.first


def test_the_plain_numbers_compute_what_torch_does() -> None:
    torch.manual_seed(3)
    scaling = Scaling([1.0, 2.0], [2.0, 0.5])
    module = slip_network._Module(2, 5, Shape(6, 1)).eval()
    plain = module.plain(scaling, ["a", "b"], ["first", "second", "third"])
    features = np.random.default_rng(1).normal(size=(11, 2)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(scaling.standard(features))[None], torch.ones(1, 11))[0, :, :3].numpy()
    assert plain.logits(features) == pytest.approx(expected, abs=0.01)  # float16


def test_nothing_lies_beyond_the_end_of_a_map() -> None:
    torch.manual_seed(3)
    module, features = slip_network._Module(2, 3, Shape(6, 1)).eval(), torch.rand(1, 9, 2)
    is_there = torch.tensor([[1.0] * 6 + [0.0] * 3])
    with torch.no_grad():
        alone, longer = module(features[:, :6], is_there[:, :6]), module(features, is_there)
    assert torch.allclose(alone, longer[:, :6], atol=1e-6)
