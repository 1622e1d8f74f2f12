"""A small network over the objects of a map: what it computes, and which files it refuses."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from maimod.features.models.layers import Layer, Scaling
from maimod.features.models.sequence_network import SequenceNetwork

NAMES, OUTPUTS = ("place", "gap", "unused"), ("moved", "changed")
UNITS = 3


def network(seed: int = 1) -> SequenceNetwork:
    random = np.random.default_rng(seed)

    def layer(units: int, inputs: int) -> Layer:
        return Layer.of(random.normal(size=(units, inputs)), random.normal(size=units))

    around = [layer(4, 5 * UNITS), layer(UNITS, 3 * 4)]
    first, last = layer(UNITS, 2), layer(2, 2 * UNITS)
    return SequenceNetwork([0.5, -1.0], [2.0, 0.25], ["place", "gap"], list(OUTPUTS), first, around, last)


def by_hand(one: SequenceNetwork, features: np.ndarray) -> np.ndarray:
    """Object by object, without anything beyond the ends of the map."""
    standard = np.clip((features - one.mean) / one.scale, -4.0, 6.0)

    def read(layer: Layer, inputs: list[float]) -> list[float]:
        weights = np.frombuffer(layer.weights, "<f2").astype(float).reshape(len(layer.offsets), -1)
        return [float(row @ inputs + offset) for row, offset in zip(weights, layer.offsets, strict=True)]

    def positive(rows: list[list[float]]) -> list[list[float]]:
        return [[max(value, 0.0) for value in row] for row in rows]

    own = positive([read(one.first, row.tolist()) for row in standard])
    values = own
    for layer, width in zip(one.around, (5, 3), strict=True):
        nothing = [0.0] * len(values[0])
        inputs = [
            [
                number
                for k in range(i - width // 2, i + width // 2 + 1)
                for number in (values[k] if 0 <= k < len(values) else nothing)
            ]
            for i in range(len(values))
        ]
        values = positive([read(layer, row) for row in inputs])
    return np.array([read(one.last, [*around, *alone]) for around, alone in zip(values, own, strict=True)])


@pytest.mark.parametrize("n", [1, 2, 9])
def test_every_object_is_seen_with_those_around_it(n: int) -> None:
    features = np.random.default_rng(2).normal(size=(n, 2)).astype(np.float32)
    assert network().logits(features) == pytest.approx(by_hand(network(), features), abs=1e-4)


def test_an_object_further_away_than_both_convolutions_reach_changes_nothing() -> None:
    features = np.random.default_rng(3).normal(size=(20, 2)).astype(np.float32)
    changed = features.copy()
    changed[10] += 1.0
    differs = np.abs(network().logits(features) - network().logits(changed)).max(axis=1) > 1e-6
    assert differs[7] and differs[10] and differs[13] and not differs[:7].any() and not differs[14:].any()


def test_a_file_keeps_it() -> None:
    kept = msgspec.json.decode(msgspec.json.encode(network()), type=SequenceNetwork)
    kept.check(NAMES, OUTPUTS)
    features = np.ones((4, 2), dtype=np.float32)
    assert (kept.logits(features) == network().logits(features)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": ["place", "other"]}, "unknown feature 'other'"),
        ({"mean": [0.0]}, "do not fit together"),
        ({"scale": [1.0, 0.0]}, "do not fit together"),
        ({"mean": [0.0, float("nan")]}, "do not fit together"),
        ({"first": Layer(b"", [])}, "do not fit together"),
        (
            {"around": [Layer.of(np.ones((UNITS, 2 * UNITS)), np.zeros(UNITS))]},
            "do not fit together",
        ),  # of an even number
        ({"around": [Layer.of(np.full((UNITS, UNITS), np.inf), np.zeros(UNITS))]}, "do not fit together"),
        ({"around": []}, None),
        ({"last": Layer.of(np.ones((2, UNITS)), np.zeros(2))}, "do not fit together"),
        ({"last": Layer.of(np.ones((1, 2 * UNITS)), np.zeros(1))}, "outputs moved, changed of a network"),
        ({"outputs": ["changed", "moved"]}, "outputs changed, moved of a network, moved, changed expected"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(change: dict[str, object], message: str | None) -> None:
    one = msgspec.structs.replace(network(), **change)
    if message is None:
        one.check(NAMES, OUTPUTS)
        assert one.logits(np.ones((3, 2))).shape == (3, 2)
    else:
        with pytest.raises(ValueError, match=message):
            one.check(NAMES, OUTPUTS)


def test_features_are_standardised_by_the_examples() -> None:
    scaling = Scaling.of(np.array([[1.0, 5.0], [3.0, 5.0]]))
    assert scaling.standard(np.array([[2.0, 5.0], [4.0, 5.0], [900.0, -900.0]])).tolist() == [[0, 0], [2, 0], [6, -4]]
    assert scaling.fits(2) and not scaling.fits(1)
