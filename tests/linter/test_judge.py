"""The judge: a small network and trees for each category, read from a file that may be damaged."""

from __future__ import annotations

import copy
import json
import math
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maimod.features.models.trees import Trees
from maimod.findings import Category
from maimod.linter.calibration import FILE, FORMAT, Calibration
from maimod.linter.judge import FURTHEST, NO_PLACE, Judge, standing
from maimod.linter.places import NAMES, SILENT


def stump(feature: int = 0, left: int = 1, right: int = 2) -> dict[str, Any]:
    """A tree that asks for one feature, as in the file."""
    trees = Trees.of(-1.0, [feature, -1, -1], [2.0, -0.5, 0.75], [left, 0, 0], [right, 0, 0])
    return {"start": trees.start, "nodes": b64encode(trees.nodes).decode()}


STUMP = stump()
NO_TREES = STUMP | {"nodes": ""}


def packed(weights: list[float]) -> str:
    """Of all units of a layer, as in the file."""
    return b64encode(np.array(weights, dtype="<f2").tobytes()).decode()


NETWORK = {
    "mean": [1.0],
    "scale": [2.0],
    "members": [
        [
            {"weights": packed([0.5, -1.0]), "offsets": [0.25, 0.0]},
            {"weights": packed([1.0, 2.0, 0.5, -1.0]), "offsets": [0.0, 0.125]},
            {"weights": packed([2.0, 1.0]), "offsets": [-1.5]},
        ],
        [{"weights": packed([4.0]), "offsets": [-1.0]}],
    ],
    "bias": -3.0,
}


def stored(network: Any = NETWORK, **changes: Any) -> dict[str, Any]:
    model = {
        "features": ["slot combo"],
        "network": network,
        "trees": STUMP,
        "slope": 0.8,
        "ahead": [0.0] * 4,
        "shift": {"osu": 0.25},
    }
    return {
        "format": FORMAT,
        "rules": ["new-combos/missing"],
        "models": {"new-combos": model | changes},
        "measured": {},
    }


def written(folder: Path, content: object) -> Path:
    (folder / FILE).write_text(json.dumps(content))
    return folder


def loaded(folder: Path, content: object) -> Judge:
    judge = Calibration.load(written(folder, content)).judge
    assert judge is not None
    return judge


def row(**values: float) -> np.ndarray:
    found = np.zeros((1, len(NAMES)))
    for name, value in values.items():
        found[0, NAMES.index(name.replace("_", " "))] = value
    return found


def of_network(standard: float) -> float:
    """What `NETWORK` makes of a standardised feature."""
    first = max(0.5 * standard + 0.25, 0.0), max(-standard, 0.0)
    second = max(first[0] + 2.0 * first[1], 0.0), max(0.5 * first[0] - first[1] + 0.125, 0.0)
    return (2.0 * second[0] + second[1] - 1.5 + 4.0 * standard - 1.0) / 2 - 3.0


def changed(member: int, layer: int, **changes: Any) -> dict[str, Any]:
    """`NETWORK` with another layer."""
    network: dict[str, Any] = copy.deepcopy(NETWORK)
    network["members"][member][layer] |= changes
    return network


def test_both_parts_are_averaged_and_calibrated(tmp_path: Path) -> None:
    judge = loaded(tmp_path, stored())
    (low,) = judge.logits(Category.NEW_COMBOS, row(slot_combo=2.0), "osu")
    assert low == pytest.approx(0.8 * (0.4 * of_network(0.5) + 0.6 * (-1.0 - 0.5)) + 0.25)
    (high,) = judge.logits(Category.NEW_COMBOS, row(slot_combo=3.0), "catch")
    assert high == pytest.approx(0.8 * (0.4 * of_network(1.0) + 0.6 * (-1.0 + 0.75)))


def test_a_mode_can_have_parts_of_its_own(tmp_path: Path) -> None:
    content = stored()
    other = {"features": ["slot place"], "network": NETWORK | {"mean": [0.0], "scale": [1.0]}}
    content["models"]["new-combos"]["apart"] = {"mania": other | {"trees": NO_TREES}}
    judge, places = loaded(tmp_path, content), row(slot_combo=3.0, slot_place=2.0)
    (usual,), (apart,) = (judge.logits(Category.NEW_COMBOS, places, mode) for mode in ("catch", "mania"))
    assert usual == pytest.approx(0.8 * (0.4 * of_network(1.0) + 0.6 * (-1.0 + 0.75)))
    assert apart == pytest.approx(0.8 * (0.4 * of_network(2.0) - 0.6))
    content["models"]["new-combos"]["apart"]["mania"]["network"]["mean"] = []
    with pytest.raises(ValueError, match="do not fit its features"):
        loaded(tmp_path, content)


def test_features_far_outside_the_training_are_bounded(tmp_path: Path) -> None:
    judge = loaded(tmp_path, stored(trees=NO_TREES))
    (value,) = judge.logits(Category.NEW_COMBOS, row(slot_combo=1e6), "taiko")
    assert value == pytest.approx(0.8 * (0.4 * of_network(6.0) - 0.6))


def test_places_stand_out_from_the_others_of_their_map() -> None:
    logits = np.arange(30.0)[::-1] / 8
    found = standing(logits)
    assert found[0] == pytest.approx([1 / 8, 3 / 8, 1.0, 26 / 8])  # the strongest: others begin after it
    assert found[2] == pytest.approx([-2 / 8, 1 / 8, 6 / 8, 24 / 8])
    assert found[29] == pytest.approx([-29 / 8, -27 / 8, -22 / 8, -4 / 8])
    assert standing(logits[::-1])[::-1] == pytest.approx(found)  # in any order
    assert standing(np.zeros(40)) == pytest.approx(0.0)  # equal places are others to each other
    assert standing(np.array([-4.0])) == pytest.approx(np.full((1, 4), -4.0 - NO_PLACE))
    assert np.abs(standing(np.array([-40.0, 40.0]))).max() == FURTHEST


def test_what_is_doubted_again_and_again_is_the_style_of_the_map(tmp_path: Path) -> None:
    judge = loaded(tmp_path, stored(ahead=[0.1, 0.2, 0.0, 0.0]))
    one, many = (np.repeat(row(slot_combo=3.0), count, axis=0) for count in (1, 200))
    (alone,) = judge.logits(Category.NEW_COMBOS, one, "osu")
    together = judge.logits(Category.NEW_COMBOS, many, "osu")
    own = 0.4 * of_network(1.0) + 0.6 * (-1.0 + 0.75)
    assert together == pytest.approx(0.8 * own + 0.25)
    assert alone == pytest.approx(0.8 * own + 0.3 * min(own - NO_PLACE, FURTHEST) + 0.25)


def test_rules_of_few_mistakes_add_log_odds_by_their_strength(tmp_path: Path) -> None:
    judge = loaded(tmp_path, stored(by_rule={"new-combos/missing": 1.5, "new-combos/passage-late": 0.4}))
    measures = np.array([SILENT, -4.0, 2.0, 9.0])
    places = np.repeat(row(slot_combo=3.0), 4, axis=0)
    places[:, [name.startswith("rule ") for name in NAMES]] = SILENT
    places[:, NAMES.index("rule new-combos/missing")] = measures
    found = judge.logits(Category.NEW_COMBOS, places, "osu")
    assert found - found[0] == pytest.approx([0.0, 0.0, 1.5 * 6 / 8, 1.5])
    places[:, NAMES.index("rule new-combos/passage-late")] = measures[::-1]
    assert judge.logits(Category.NEW_COMBOS, places, "osu") - found == pytest.approx([0.4, 0.4 * 6 / 8, 0.0, 0.0])


def test_a_checkpoint_without_a_judge(tmp_path: Path) -> None:
    assert Calibration.load(tmp_path) == Calibration()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"format": FORMAT},
        stored() | {"format": FORMAT - 1},
        stored() | {"models": {"nothing": stored()["models"]["new-combos"]}},
        stored(features=["slot nothing"]),
        stored(NETWORK | {"mean": [1.0, 2.0]}),
        stored(NETWORK | {"members": []}),
        stored(NETWORK | {"members": [[]]}),
        stored(changed(0, 0, weights=[[0.5], [-1.0]])),
        stored(changed(0, 0, weights="?")),
        stored(changed(0, 0, weights=packed([0.5]) + "AAA=")),
        stored(changed(0, 0, weights=packed([1.0, 2.0, 1.0]))),
        stored(changed(0, 0, weights=packed([math.inf, 1.0]))),
        stored(changed(0, 0, offsets=[1.0])),
        stored(changed(0, 1, weights=packed([1.0, 0.5]))),
        stored(changed(0, 2, weights="", offsets=[])),
        stored(changed(1, 0, weights=packed([1.0, 1.0]), offsets=[0.0, 0.0])),
        stored(NETWORK | {"scale": [0.0]}),
        stored(NETWORK | {"bias": math.inf}),
        stored(ahead=[0.0]),
        stored(by_rule={"new-combos/other": 1.0}),
        stored(by_rule={"new-combos/missing": math.inf}),
        stored(trees=STUMP | {"nodes": STUMP["nodes"] + "AAAA"}),
        stored(trees=STUMP | {"nodes": "?"}),
        stored(trees=stump(feature=1)),
        stored(trees=stump(right=3)),
        stored(trees=stump(left=0)),
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: object) -> None:
    with pytest.raises(
        ValueError, match=r"calibration\.json: not a usable calibration .*; run maimod calibrate, or delete the file"
    ):
        Calibration.load(written(tmp_path, content))


def test_a_file_with_trees_as_lists_is_of_another_format(tmp_path: Path) -> None:
    trees = {"start": 0.0, "roots": [0], "feature": [-1], "threshold": [1.0], "left": [0], "right": [0]}
    with pytest.raises(ValueError, match=r"\(format 5, 6 expected\)"):
        Calibration.load(written(tmp_path, stored(trees=trees) | {"format": 5}))
