"""Families: a checkpoint folder is recognised and opened without torch, and training and scoring load songs the same
way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maimod.app import main
from maimod.audio.decode import Audio
from maimod.errors import CheckpointError
from maimod.families import registry
from maimod.families.mini.family import Mini
from maimod.families.registry import open_folder, read_json
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
    monkeypatch.setattr(registry, "FAMILIES", (OtherFamily, *registry.FAMILIES))
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
