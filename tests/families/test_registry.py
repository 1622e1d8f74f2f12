"""Families: a checkpoint folder is recognised and opened without torch, and training and scoring load songs the same
way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maimod.app import main
from maimod.audio.decode import Audio
from maimod.errors import CheckpointError
from maimod.families import registry
from maimod.families.checkpoint import describe_all
from maimod.families.mini.family import Mini
from maimod.families.registry import open_folder, read_json
from maimod.linter.calibration import Calibration
from tests import checkpoints, maps

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "models" / "maimod-mini"


@pytest.mark.parametrize("version", ["v29", "v30", "v31", "v32"])
def test_published_versions_are_told_apart_by_their_vocabulary(version: str, tmp_path: Path) -> None:
    assert open_folder(checkpoints.write(tmp_path, version)).name == f"Mapperatorinator {version.upper()}"


def test_a_vocabulary_of_its_own_is_the_mini_family() -> None:
    assert open_folder(BUNDLED).name == "maimod"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"event_ranges": None}, "cannot be used"),
        ({"event_ranges": [], "input_event_ranges": []}, "no known version"),
        ({"maimod": {"language": {}}}, "cannot be used"),
    ],
)
def test_unknown_vocabularies_are_refused_in_one_line(changes: dict[str, object], said: str, tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path, "v30") / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(CheckpointError, match=said) as caught:
        open_folder(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def _mini(changes: Mapping[str, object]) -> dict[str, object]:
    """Keys of the `maimod` object replaced."""
    return {"maimod": json.loads((BUNDLED / "tokenizer.json").read_text())["maimod"] | dict(changes)}


RANGE = {"type": "t", "min_value": 0, "max_value": 1}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("tokenizer.json", {"event_ranges": [RANGE | {"max_value": 3_000_000_000}]}),
        (
            "tokenizer.json",
            {"event_ranges": [{"type": kind, "min_value": 0, "max_value": 999_999} for kind in ["t", "snap"]]},
        ),
        ("tokenizer.json", {"event_ranges": [RANGE | {"max_value": -1}]}),
        ("tokenizer.json", {"event_ranges": [RANGE, RANGE]}),
        ("tokenizer.json", {"event_ranges": [RANGE | {"min_value": "0"}]}),
        ("tokenizer.json", {"event_ranges": [None]}),
        ("tokenizer.json", {"offset": -1}),
        ("tokenizer.json", {"offset": 1e400}),
        ("tokenizer.json", {"context_sos": {"map": 99_999}}),
        ("tokenizer.json", {"mapper_idx": None}),
        ("tokenizer.json", {"mapper_idx": {"x": 1}}),
        ("tokenizer.json", {"beatmap_descriptors": {"1": 3}}),
        ("tokenizer.json", _mini({"time": None})),
        ("tokenizer.json", _mini({"time": {"unit": "tick", "step": [1]}})),
        ("tokenizer.json", _mini({"steps": {"pos_x": 0}})),
        ("tokenizer.json", _mini({"language": 3})),
        ("config.json", {"heads": 0}),
        ("config.json", {"heads": 7}),
        ("config.json", {"encoder_layers": 1_000_000_000}),
        ("config.json", {"window_ms": float("nan")}),
        ("config.json", {"window_ms": 1e300}),
        ("config.json", {"frame_ms": 0}),
        ("config.json", {"d_model": "192"}),
        ("config.json", {"d_model": None}),
    ],
)
@pytest.mark.parametrize("load", [open_folder, describe_all], ids=["open", "describe"])
def test_wrong_values_are_refused_in_one_line(
    name: str, changes: dict[str, object], load: Callable[[Path], object], tmp_path: Path
) -> None:
    folder = checkpoints.mini(tmp_path / "mini")
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | changes))
    with pytest.raises(CheckpointError) as caught:
        load(folder)
    why = "tokenizer.json cannot be used" if name == "tokenizer.json" else "config.json: not a usable configuration"
    assert str(folder) in str(caught.value) and why in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone_config": None},
        {"backbone_config": {"decoder_attention_heads": 0}},
        {"backbone_config": {"decoder_attention_heads": 5}},
        {"backbone_config": {"max_source_positions": float("inf")}},
        {"backbone_config": {"max_source_positions": 1_000_000}},
        {"backbone_config": {"rope_scaling": [1]}},
        {"hop_length": 0},
        {"n_mels": 2.5},
        {"cond_dim": [16]},
    ],
)
def test_wrong_shapes_of_published_networks_are_refused_in_one_line(changes: dict[str, Any], tmp_path: Path) -> None:
    path = checkpoints.write(tmp_path, "v30") / "config.json"
    stored = json.loads(path.read_text())
    if isinstance(changes.get("backbone_config"), dict):
        changes = {"backbone_config": stored["backbone_config"] | changes["backbone_config"]}
    path.write_text(json.dumps(stored | changes))
    with pytest.raises(CheckpointError, match=r"config\.json") as caught:
        open_folder(tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "[]", "null", "NaN", "\0"])
def test_files_that_are_no_objects_are_refused_in_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"config\.json") as caught:
        read_json(tmp_path / "config.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "parts",
    [
        None,
        [],
        {},
        {"a": None},
        {"a": ["x"]},
        {"a": "../x"},
        {"a": "\0"},
        {"a": "a" * 5000},
        {"\ud800": 1},
        {"a": "absent"},
    ],
)
def test_wrong_lists_of_weights_are_refused_in_one_line(parts: object, tmp_path: Path) -> None:
    folder = checkpoints.write(tmp_path, "v30", shards=2)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    with pytest.raises(CheckpointError, match="download it again") as caught:
        describe_all(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        {"format": 1, "rules": [], "models": {}},
        {"format": 2, "rules": None, "models": {}},
        {"format": 2, "rules": [], "models": {"timing": None}},
        {"format": 2, "rules": [], "models": {}, "curves": {"timing/offset": {"middle": 1.0, "scale": 0.0}}},
        {"format": 2, "rules": [], "models": {}, "curves": {"timing/offset": None}},
    ],
)
def test_wrong_calibrations_are_refused_in_one_line(stored: object, tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text(json.dumps(stored))
    with pytest.raises(ValueError, match=r"calibration\.json: not a usable calibration") as caught:
        Calibration.load(tmp_path)
    assert "\n" not in str(caught.value)


class OtherFamily(Mini):
    """A family that nothing but the registry knows."""

    @staticmethod
    def recognises(tokenizer: Mapping[str, Any]) -> bool:
        return "other" in tokenizer

    def __init__(self, tokenizer: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(tokenizer, config)
        self.name = "other family"


def test_a_line_of_the_registry_is_all_that_another_family_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is described, loaded, and scores and lints maps."""
    save_file = pytest.importorskip("safetensors.torch").save_file
    folder, path = tmp_path / "other", tmp_path / "map.osu"
    folder.mkdir()
    path.write_text(maps.text())
    tokenizer = read_json(BUNDLED / "tokenizer.json") | {"other": True}
    shape = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "feed_forward": 32}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "config.json").write_text(json.dumps(shape))
    monkeypatch.setattr(registry, "families", lambda known=registry.families: iter((OtherFamily, *known())))
    save_file(open_folder(folder).make_network().state_dict(), folder / "model.safetensors")
    assert main(["model", "info", str(folder)]) == 0 and "other family" in capsys.readouterr().out
    assert main(["score", str(path), f"--model={folder}", "--device=cpu"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5
    run = ["check", str(path), f"--model={folder}", "--device=cpu", "--jobs=1", "--format=json", "--fail-on=never"]
    assert main(run) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"]["family"] == "other family" and report["beatmaps"][0]["events"] > 5


def test_files_of_no_family_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="of no known model family"):
        open_folder(tmp_path)


def test_a_checkpoint_of_other_input_features_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text((BUNDLED / "tokenizer.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(read_json(BUNDLED / "config.json") | {"n_place": 7}))
    with pytest.raises(CheckpointError, match="train a new one"):
        open_folder(tmp_path)


@pytest.mark.parametrize("wrong", [{"d_model": "192"}, {"heads": 2.5}, {"frame_ms": None}])
def test_a_configuration_of_other_types_is_refused(wrong: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text((BUNDLED / "tokenizer.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(read_json(BUNDLED / "config.json") | wrong))
    with pytest.raises(CheckpointError, match=f"not a usable configuration .*{next(iter(wrong))}"):
        open_folder(tmp_path)


def test_checkpoints_are_described_without_torch(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, "v31")
    code = (
        "import sys; from pathlib import Path; from maimod.families.checkpoint import describe; "
        f"describe(Path({str(tmp_path)!r})); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


@pytest.mark.parametrize("frame_ms", [10.0, 20.0])
def test_frames_of_the_song_are_as_long_as_the_shape_says(frame_ms: float) -> None:
    """A click after 1,500 ms is in frame 1,500 / frame_ms, and the frames are normalised."""
    family = Mini(read_json(BUNDLED / "tokenizer.json"), {"frame_ms": frame_ms})
    samples = np.random.default_rng(0).normal(scale=1e-3, size=48_000).astype(np.float32)
    samples[24_000] = 1.0
    frames = family.load_audio(Audio(None, samples, 16_000))
    assert len(frames) == pytest.approx(3_000 / frame_ms, abs=1.5)
    assert frames.sum(axis=1).argmax() == round(1_500 / frame_ms)
    assert frames.mean() == pytest.approx(0.0, abs=1e-3) and frames.std() == pytest.approx(1.0, abs=1e-3)
