"""The mean of two judges."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from maimod.features.models.layers import Layer
from maimod.features.models.trees import Trees
from maimod.findings import Category
from maimod.linter.judge import Judge, Model, Network, check
from maimod.linter.places import NAMES
from maimod.training.judge_mean import mean_of

MEANS = {name: number / 100 for number, name in enumerate(NAMES)}
SCALES = {name: 0.5 + number / 1000 for number, name in enumerate(NAMES)}
RULE = "rhythm/wrong-tick"


def model(features: list[str], seed: int, members: int, **calibration: object) -> Model:
    """A model of random numbers, with two trees."""
    random = np.random.default_rng(seed)
    networks = [
        [
            Layer.of(random.normal(size=(4, len(features))), random.normal(size=4)),
            Layer.of(random.normal(size=(1, 4)), random.normal(size=1)),
        ]
        for _ in range(members)
    ]
    network = Network([MEANS[one] for one in features], [SCALES[one] for one in features], networks, random.normal())
    feature = [0, -1, -1, len(features) - 1, -1, -1]
    trees = Trees.of(random.normal(), feature, random.normal(size=6).tolist(), [1, 0, 0, 4, 0, 0], [2, 0, 0, 5, 0, 0])
    return msgspec.structs.replace(Model(features, network, trees), **{"slope": 1.0 + seed / 10, **calibration})


def judges(**of_later: object) -> tuple[Judge, Judge]:
    shifts = {"shift": {"osu": 0.5}, "by_rule": {RULE: 0.75}}
    apart = {"mania": model(NAMES[1:3], 5, 2)}
    earlier = model(NAMES[:4], 1, 2, ahead=(0.0, 0.5, 0.0, 0.0), apart=apart, **shifts)
    later = model([NAMES[1], *NAMES[3:7]], 2, 3, ahead=(0.0, 0.5, 0.0, 0.0), apart={"mania": model(NAMES[2:4], 6, 1)})
    later = msgspec.structs.replace(later, **{"shift": {"osu": -0.5, "taiko": 1.0}, **of_later})
    return (
        Judge({Category.RHYTHM: earlier, Category.KIAI: earlier}, frozenset({RULE})),
        Judge({Category.RHYTHM: later, Category.SLIDERS: later}, frozenset({"rhythm/moved"})),
    )


def features(count: int = 50) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(count, len(NAMES)))


@pytest.mark.parametrize("share", [0.25, 0.6])
@pytest.mark.parametrize("mode", ["osu", "mania"])
def test_log_odds_are_the_mean_of_those_of_both(share: float, mode: str) -> None:
    earlier, later = (
        Judge({c: msgspec.structs.replace(m, ahead=(0.0,) * 4) for c, m in one.models.items()}, one.rules)
        for one in judges()
    )
    places = features()
    found, of_earlier, of_later = (
        judge.logits(Category.RHYTHM, places, mode) for judge in (mean_of(earlier, later, share), earlier, later)
    )
    assert np.abs(of_earlier - of_later).max() > 1
    assert found == pytest.approx(share * of_earlier + (1 - share) * of_later, abs=0.02)  # weights are float16


def test_the_mean_can_be_stored_and_standing_out_counts_as_in_both() -> None:
    earlier, later = judges(ahead=(0.0, 0.0, 0.25, 0.0))
    found = mean_of(earlier, later, 0.5)
    check(found.models)
    assert found.models[Category.RHYTHM].ahead == (0.0, 0.25, 0.125, 0.0)


def test_what_one_of_them_judges_alone_stays() -> None:
    earlier, later = judges()
    found = mean_of(earlier, later, 0.5)
    assert found.models[Category.KIAI] is earlier.models[Category.KIAI]
    assert found.models[Category.SLIDERS] is later.models[Category.SLIDERS]
    assert found.rules == {RULE, "rhythm/moved"}


def test_features_that_are_standardised_otherwise_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier, _ = judges()
    monkeypatch.setitem(SCALES, NAMES[3], 7.0)
    _, later = judges()
    with pytest.raises(ValueError, match=NAMES[3]):
        mean_of(earlier, later, 0.5)


def test_models_with_other_modes_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="apart"):
        mean_of(*judges(apart={}), 0.5)
