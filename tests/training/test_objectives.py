"""The losses: over which slots, with which weights, and that a network can follow them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from maimod.discriminator.checkpoint import COVERED, DiscriminatorConfig  # noqa: E402
from maimod.discriminator.features import CATEGORIES, COLUMN, N_CONTEXT, NUMBERS  # noqa: E402
from maimod.discriminator.network import Discriminator  # noqa: E402
from maimod.discriminator.prediction import KINDS  # noqa: E402
from maimod.events.schema import EventKind  # noqa: E402
from maimod.events.vocabulary import Vocabulary  # noqa: E402
from maimod.families.inputs import IGNORED  # noqa: E402
from maimod.families.mini.network import MiniNetwork  # noqa: E402
from maimod.families.registry import open_folder  # noqa: E402
from maimod.training.corruption import KIND  # noqa: E402
from maimod.training.objectives import FILL_WEIGHT, KIND_WEIGHT, CorruptionDetection, NextToken  # noqa: E402
from maimod.training.trainer import adamw  # noqa: E402

BUNDLED = Path(__file__).parents[2] / "models" / "maimod-mini"
SLOTS = 32


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return open_folder(BUNDLED).vocabulary


def tiny() -> CorruptionDetection:
    torch.manual_seed(3)
    config = DiscriminatorConfig(len(KINDS), d_model=32, layers=1, heads=2, feed_forward=32)
    return CorruptionDetection(Discriminator(config)).eval()  # without dropout


def batch(seed: int, told: bool = False, windows: int = 8) -> dict[str, Tensor]:
    """Random slots; with `told`, the labels stand among the numbers."""
    random = np.random.default_rng(seed)
    labels = (random.random((windows, SLOTS, len(KINDS))) < 0.05).astype(np.float32)
    numbers = random.normal(size=(windows, SLOTS, len(NUMBERS))).astype(np.float32)
    if told:
        numbers[..., : len(KINDS)] = 4 * labels
    arrays = {
        "categories": np.stack([random.integers(size, size=(windows, SLOTS)) for size in CATEGORIES.values()], axis=-1),
        "numbers": numbers,
        "context": np.zeros((windows, SLOTS, N_CONTEXT), dtype=np.float32),
        "covered": np.arange(SLOTS)[None] % 8 == np.zeros((windows, 1)),
        "labels": labels,
        "is_clean": np.arange(windows) % 2 == 0,
    }
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def test_a_network_that_is_told_the_answers_finds_them() -> None:
    objective = tiny()
    optimizer = adamw(objective, 1e-2)
    for step in range(180):
        optimizer.zero_grad()
        objective(batch(step, told=True))["loss"].backward()
        optimizer.step()
    with torch.no_grad():
        found = objective.evaluate([batch(1_000 + i, told=True) for i in range(4)])
    assert min(found[f"found {kind}"] for kind in KINDS) > 0.9, found
    with torch.no_grad():  # and not without the answers
        guessed = objective.evaluate([batch(1_000 + i) for i in range(4)])
    assert max(guessed[f"found {kind}"] for kind in KINDS) < 0.1, guessed


def test_changes_under_a_cover_are_not_learned() -> None:
    objective, given = tiny(), batch(0)
    covered = given["covered"][..., None]
    before = objective(given)
    hidden = objective(given | {"labels": torch.where(covered, 1 - given["labels"], given["labels"])})
    shown = objective(given | {"labels": torch.where(covered, given["labels"], 1 - given["labels"])})
    assert hidden["changes"] == before["changes"] and shown["changes"] != before["changes"]


def test_only_covered_slots_of_clean_windows_are_filled_in() -> None:
    objective, given = tiny(), batch(0)
    known = given["covered"] & given["is_clean"][:, None]
    sizes = torch.tensor(list(CATEGORIES.values()))
    others = (given["categories"] + 1) % sizes
    before = objective(given)

    def fill_loss(where: Tensor) -> Tensor:
        # The network reads the same slots; only the compared ones change.
        changed = given | {"categories": torch.where(where[..., None], others, given["categories"])}
        hidden = objective.network(given["categories"], given["numbers"], given["context"], given["covered"])[1]
        return objective._fill_loss(changed, hidden).detach()

    nowhere, elsewhere = torch.zeros_like(known), ~known
    assert fill_loss(nowhere) == fill_loss(elsewhere) == before["covers"] != fill_loss(known)
    nothing = objective(given | {"covered": torch.zeros_like(known)})
    assert nothing["covers"] == 0 and torch.isfinite(nothing["loss"])
    nothing["loss"].backward()  # a device of several waits for a gradient of every weight
    assert all(objective.network.filled[name].weight.grad is not None for name in COVERED)


def test_flags_are_filled_in_only_where_an_object_is() -> None:
    objective, given = tiny(), batch(0)
    empty = given["categories"].clone()
    empty[..., COLUMN["kind"]] = 0
    hidden = objective.network(empty, given["numbers"], given["context"], given["covered"])[1]
    first = objective._fill_loss(given | {"categories": empty}, hidden)
    empty = empty.clone()
    empty[..., COLUMN["combo"]] = 1 - empty[..., COLUMN["combo"]]
    assert objective._fill_loss(given | {"categories": empty}, hidden) == first


def test_the_loss_is_the_weighted_sum_of_its_parts() -> None:
    objective, given = tiny(), batch(0)
    losses = objective(given)
    assert losses["loss"].item() == pytest.approx(float(losses["changes"] + FILL_WEIGHT * losses["covers"]))
    logits, _ = objective.network(given["categories"], given["numbers"], given["context"], given["covered"])
    chances = torch.sigmoid(logits)
    by_hand = -(given["labels"] * chances.log() + (1 - given["labels"]) * (1 - chances).log())
    weights = torch.ones(len(KINDS))
    for kind, weight in KIND_WEIGHT.items():
        weights[KIND[kind]] = weight
    shown = (by_hand * weights).sum(dim=-1)[~given["covered"]]
    assert losses["changes"].item() == pytest.approx(shown.mean().item(), rel=1e-5)


class Table(nn.Module):
    """The same logits at every row."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(size))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.logits.expand(*tokens.shape, -1)


def test_next_token_loss_counts_targets_only(vocabulary: Vocabulary) -> None:
    objective = NextToken(Table(vocabulary.size_out), vocabulary)
    circle, x = (vocabulary.ranges[kind].first_id for kind in (EventKind.CIRCLE, EventKind.POS_X))
    targets = torch.tensor([[circle, IGNORED, x, IGNORED], [x, IGNORED, IGNORED, IGNORED]])
    given = {"tokens": torch.zeros_like(targets), "targets": targets}
    assert objective(given)["bits"].item() == pytest.approx(math.log2(vocabulary.size_out), rel=1e-5)
    assert objective(given)["loss"].item() == pytest.approx(math.log(vocabulary.size_out), rel=1e-5)
    with torch.no_grad():
        objective.network.logits[circle] = 50.0
        found = objective.evaluate([given])
    assert found["circle"] == pytest.approx(0, abs=1e-6) and found["pos_x"] > 50
    assert found["all"] == pytest.approx(2 / 3 * found["pos_x"])
    objective = NextToken(Table(vocabulary.size_out), vocabulary)
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.5)
    for _ in range(60):
        optimizer.zero_grad()
        objective(given)["loss"].backward()
        optimizer.step()
    assert objective(given)["bits"].item() < 1.5  # one third circles, two thirds x: 0.92 bits


def test_some_tokens_lose_their_embedding_while_training_and_none_afterwards(shape_of: Callable[[str], Path]) -> None:
    network = open_folder(shape_of("bundled")).make_network()
    assert isinstance(network, MiniNetwork)
    tokens = torch.ones((8, 500), dtype=torch.int64)
    torch.manual_seed(1)
    lost = (network.train()._embedded(tokens) == 0).all(dim=-1)
    assert 0.03 < lost.float().mean() < 0.07
    assert not (network.eval()._embedded(tokens) == 0).any()
