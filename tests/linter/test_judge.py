"""The judge: a logistic model and trees for each category, read from a file that may be damaged."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maimod.findings import Category
from maimod.linter.calibration import FILE, Calibration
from maimod.linter.judge import Judge, style
from maimod.linter.places import NAMES

STUMP = {
    "start": -1.0,
    "roots": [0],
    "feature": [0, -1, -1],
    "threshold": [2.0, -0.5, 0.75],
    "left": [1, 0, 0],
    "right": [2, 0, 0],
}


def stored(**changes: Any) -> dict[str, Any]:
    model = {
        "features": ["slot combo"],
        "mean": [1.0],
        "scale": [2.0],
        "weights": [0.5],
        "bias": -3.0,
        "trees": STUMP,
        "shift": {"osu": 0.25},
        "slope": 0.8,
    }
    return {"format": 2, "rules": ["new-combos/missing"], "models": {"new-combos": model | changes}, "measured": {}}


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


def test_both_parts_are_averaged_and_calibrated(tmp_path: Path) -> None:
    judge = loaded(tmp_path, stored())
    (low,) = judge.logits(Category.NEW_COMBOS, row(slot_combo=2.0), "osu")
    assert low == pytest.approx(0.8 * (0.35 * (0.5 * 0.5 - 3.0) + 0.65 * (-1.0 - 0.5)) + 0.25)
    (high,) = judge.logits(Category.NEW_COMBOS, row(slot_combo=3.0), "catch")
    assert high == pytest.approx(0.8 * (0.35 * (0.5 * 1.0 - 3.0) + 0.65 * (-1.0 + 0.75)))


def test_a_mode_can_have_parts_of_its_own(tmp_path: Path) -> None:
    content = stored()
    other = {"features": ["slot place"], "mean": [0.0], "scale": [1.0], "weights": [2.0], "bias": 1.0}
    content["models"]["new-combos"]["apart"] = {"mania": other | {"trees": STUMP | {"roots": []}}}
    judge, places = loaded(tmp_path, content), row(slot_combo=3.0, slot_place=1.0)
    (usual,), (apart,) = (judge.logits(Category.NEW_COMBOS, places, mode) for mode in ("catch", "mania"))
    assert usual == pytest.approx(0.8 * (0.35 * (0.5 * 1.0 - 3.0) + 0.65 * (-1.0 + 0.75)))
    assert apart == pytest.approx(0.8 * (0.35 * (2.0 + 1.0) - 0.65))
    content["models"]["new-combos"]["apart"]["mania"]["mean"] = []
    with pytest.raises(ValueError, match="do not fit its features"):
        loaded(tmp_path, content)


def test_features_far_outside_the_training_are_bounded(tmp_path: Path) -> None:
    judge = loaded(tmp_path, stored(trees=STUMP | {"roots": []}))
    (value,) = judge.logits(Category.NEW_COMBOS, row(slot_combo=1e6), "taiko")
    assert value == pytest.approx(0.8 * (0.35 * (0.5 * 12.0 - 3.0) - 0.65))


def test_what_is_suspicious_again_and_again_is_the_style_of_the_map(tmp_path: Path) -> None:
    assert style(np.full(2, 0.0)) == 0 and style(np.full(400, -6.0)) == 0
    assert style(np.full(12, 0.0)) == pytest.approx(0.5 * math.log(6 / 1.5))
    assert style(np.full(48, 0.0), versions=4) == style(np.full(12, 0.0))
    judge, places = loaded(tmp_path, stored()), np.repeat(row(slot_combo=3.0), 200, axis=0)
    each, all_of_them = (f(Category.NEW_COMBOS, places, "osu") for f in (judge.logits, judge.logits_of_map))
    assert all_of_them == pytest.approx(each - style(each)) and style(each) > 1


def test_a_checkpoint_without_a_judge(tmp_path: Path) -> None:
    assert Calibration.load(tmp_path) == Calibration()


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"format": 2},
        stored() | {"format": 1},
        stored() | {"models": {"nothing": stored()["models"]["new-combos"]}},
        stored(features=["slot nothing"]),
        stored(mean=[1.0, 2.0]),
        stored(weights=["x"]),
        stored(scale=[0.0]),
        stored(bias=math.inf),
        stored(trees=STUMP | {"left": [1, 0]}),
        stored(trees=STUMP | {"feature": [1, -1, -1]}),
        stored(trees=STUMP | {"right": [3, 0, 0]}),
        stored(trees=STUMP | {"left": [0, 0, 0]}),
    ],
)
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, content: object) -> None:
    with pytest.raises(
        ValueError, match=r"calibration\.json: not a usable calibration .*; run maimod calibrate, or delete the file"
    ):
        Calibration.load(written(tmp_path, content))
