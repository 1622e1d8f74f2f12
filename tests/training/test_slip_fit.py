"""The command that fits the model of slips: a model that is fitted, measured and read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maimod.errors import UsageError
from maimod.features import slip_model
from maimod.features.sliders import forms as slider_forms
from maimod.training import slip_fit, slip_forest
from tests.maps import beatmap, text
from tests.training.test_osu_slip_fit import lines


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for folder, turn in (("one", 0), ("two", 1), ("three", 2), ("four", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.osu").write_text(text(lines(turn), general={"AudioFilename": "song.wav"}))
        (tmp_path / folder / "song.wav").write_bytes(b"")
    return tmp_path


def test_a_model_is_fitted_measured_and_read_again(songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("torch")
    monkeypatch.setattr(slip_fit, "TREES", {"max_iter": 30, "max_leaf_nodes": 6, "learning_rate": 0.2})
    monkeypatch.setattr(slip_fit, "FORM_TREES", {"max_iter": 10, "max_leaf_nodes": 6, "learning_rate": 0.2})
    monkeypatch.setattr(slip_forest, "LEAST_LEAF", 5)
    said: list[str] = []
    target = songs / "model"
    slip_fit.command(songs, target, manifest=None, test=songs, maps=9, seed=0, jobs=1, report=said.append)
    model = slip_model.load(target)
    assert model is not None and model.measured["maps"] == 3  # of four folders one is held out
    assert model.measured["test maps"] == 4
    recalls = [v for k, v in model.measured.items() if k.startswith("test circle") and k.endswith("auc")]
    assert len(recalls) > 3 and np.mean([float(v) for v in recalls]) > 0.97
    lengths = float(model.measured["test form length auc"]), int(model.measured["test form length n"])
    assert lengths[0] > 0.9 and lengths[1] > 5
    assert model.forms is not None and model.forms.features == list(slider_forms.NAMES)
    moved = beatmap([*lines()[:80], "162,109,81000,1,0,0:0:0:0:", *lines()[81:]])
    found = slip_model.find(model, moved, moved.hit_objects)
    assert found is not None and found.positions.argmax() == 80
    assert {key: len(one) for key, one in model.networks.items()} == {"osu": 1, "forms": 2}
    assert slip_model.in_sequence(model, found, moved.hit_objects)["position"].argmax() == 80


def test_a_folder_without_maps_is_said(tmp_path: Path) -> None:
    (tmp_path / "map.osu").write_text(text(lines(), mode=1))
    with pytest.raises(UsageError, match="no osu! map"):
        slip_fit.command(tmp_path, tmp_path, manifest=None, test=None, maps=1, seed=0, jobs=1, report=lambda line: None)
