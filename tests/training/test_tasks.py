"""Training from the command line: both networks, from random weights and from a checkpoint, stopped and resumed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from safetensors.torch import load_file  # noqa: E402

from maimod import app  # noqa: E402
from maimod.discriminator import network as discriminator  # noqa: E402
from maimod.discriminator.checkpoint import DiscriminatorConfig  # noqa: E402
from maimod.discriminator.prediction import KINDS  # noqa: E402
from maimod.families.checkpoint import load_network  # noqa: E402
from maimod.families.registry import open_folder  # noqa: E402
from maimod.training import dataset, tasks  # noqa: E402
from maimod.training.dataset import CorruptionSampler  # noqa: E402
from maimod.training.trainer import Schedule  # noqa: E402
from tests import checkpoints  # noqa: E402

QUICK = ["--device=cpu", "--jobs=1"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few windows at once, and a small discriminator."""
    monkeypatch.setattr(dataset, "BLOCK_BATCHES", 2)
    monkeypatch.setattr(tasks, "CorruptionSampler", partial(CorruptionSampler, mixed_windows=4))
    shape = partial(DiscriminatorConfig, d_model=32, layers=1, heads=2, feed_forward=32)
    monkeypatch.setattr(tasks, "DiscriminatorConfig", shape)


def train(songs: Path, output: Path, *arguments: str) -> int:
    return app.main(["train", str(songs), f"--output={output}", *QUICK, *arguments])


@pytest.mark.parametrize("version", ["bundled", "v31"])
def test_a_generator_is_trained_and_goes_on(
    version: str,
    songs: Path,
    tmp_path: Path,
    shape_of: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if version != "bundled":
        monkeypatch.setattr(tasks, "_painter", lambda *arguments: None)
    shape, output = shape_of(version), tmp_path / "trained"
    source = [f"--shape={shape}"] if version == "bundled" else [f"--from={shape}"]
    assert train(songs, output, *source, "--batch=500", "--steps=2") == 0
    once = load_network(output, "cpu", "fp32").state_dict()
    assert open_folder(output).name == ("maimod" if version == "bundled" else "Mapperatorinator V31")
    first = capsys.readouterr().err
    assert '"all": ' in first and "held out: {" in first and "going on" not in first
    assert [path.name for path in output.glob("plots/*")] == (["step-000002.png"] if version == "bundled" else [])
    monkeypatch.setattr(tasks, "_painter", lambda *arguments: None)
    assert train(songs, output, *source, "--batch=500", "--steps=4") == 0
    assert "going on from step 2" in capsys.readouterr().err
    more = load_network(output, "cpu", "fp32").state_dict()
    changed = [name for name, tensor in once.items() if not torch.equal(tensor, more[name])]
    assert "spectrogram.filters" not in changed and len(changed) > len(more) / 2


def test_a_discriminator_is_trained_and_goes_on(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    arguments = ["--network=discriminator", "--batch=2", f"--cache={tmp_path / 'cache'}"]
    assert train(songs, one, *arguments, "--steps=2") == 0
    network, kinds = discriminator.load_network(one)
    assert kinds == KINDS and network.config.layers == 1
    capsys.readouterr()
    assert train(songs, one, *arguments, "--steps=3") == 0
    assert "going on from step 2" in capsys.readouterr().err
    assert train(songs, two, *arguments, f"--from={one}", "--steps=1", "--rate=1e-9") == 0
    assert "going on" not in capsys.readouterr().err
    weights, further = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    assert all(torch.allclose(weights[name], further[name], atol=1e-7) for name in weights)
    assert not (one / "corpus").exists() and len(list((tmp_path / "cache").iterdir())) == 2


def test_the_bundled_discriminator_can_be_trained_further(songs: Path, tmp_path: Path) -> None:
    source = tasks.Source(songs, Path(__file__).parents[2] / "models" / "maimod-proofreader", jobs=1)
    task = tasks.discriminator_task(source, tmp_path, 1, lambda line: None)
    bundled = load_file(source.start / "model.safetensors") if source.start else {}
    network = task.objective.network.state_dict()
    assert bundled and all(torch.equal(network[name], bundled[name]) for name in bundled)


def test_a_discriminator_is_made_deeper(songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    arguments = ["--network=discriminator", "--batch=2", f"--cache={tmp_path / 'cache'}", "--steps=1"]
    assert train(songs, one, *arguments, "--layers=2") == 0
    assert train(songs, two, *arguments, f"--from={one}", "--layers=3") == 0
    assert [discriminator.load_network(folder)[0].config.layers for folder in (one, two)] == [2, 3]
    capsys.readouterr()
    assert train(songs, tmp_path / "fewer", *arguments, f"--from={two}", "--layers=1") == 2
    assert "has 3 layers" in capsys.readouterr().err
    assert train(songs, tmp_path / "other", "--layers=3") == 2
    assert "--layers is for the discriminator" in capsys.readouterr().err


def test_a_published_architecture_is_not_trained_from_nothing(
    songs: Path, tmp_path: Path, shape_of: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(songs, tmp_path / "out", f"--shape={shape_of('v30')}", "--steps=1") == 2
    assert "with --from" in capsys.readouterr().err


def test_a_checkpoint_is_not_overwritten(songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = checkpoints.write(tmp_path / "mine", "v30")
    before = (folder / "model.safetensors").read_bytes()
    assert train(songs, folder, "--steps=1") == 2
    assert "give it as --from, and another --output" in capsys.readouterr().err
    assert (folder / "model.safetensors").read_bytes() == before


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_folder_without_maps_is_said(network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "songs").mkdir()
    assert train(tmp_path / "songs", tmp_path / "out", f"--network={network}", "--steps=1") == 2
    assert "no beatmaps to train on" in capsys.readouterr().err


def test_a_discriminator_of_other_kinds_is_refused(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundled = Path(__file__).parents[2] / "models" / "maimod-proofreader"
    shutil.copytree(bundled, tmp_path / "other")
    stored = json.loads((bundled / "config.json").read_text())
    stored["kinds"] = stored["kinds"][::-1]
    (tmp_path / "other" / "config.json").write_text(json.dumps(stored))
    assert train(songs, tmp_path / "out", "--network=discriminator", f"--from={tmp_path / 'other'}", "--steps=1") == 2
    assert "other kinds of corruption" in capsys.readouterr().err


@pytest.mark.parametrize(
    "version", ["v30", *(pytest.param(name, marks=pytest.mark.slow) for name in ("v29", "v31", "v32", "bundled"))]
)
def test_an_adapter_merged_at_load_time_is_the_trained_network(
    version: str, songs: Path, tmp_path: Path, shape_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    monkeypatch.setattr(tasks, "_painter", lambda *arguments: None)
    monkeypatch.setattr(tasks, "GENERATOR_SCHEDULE", Schedule("linear", warm_up_steps=1))
    base = shape_of(version)
    if version == "bundled":
        torch.manual_seed(1)
        tasks.save_weights(open_folder(base).make_network(), base)
    kept: list[tasks.Task] = []
    real = tasks.generator_task
    monkeypatch.setattr(tasks, "generator_task", lambda *given: kept.append(real(*given)) or kept[-1])
    adapter = tmp_path / "adapter"
    arguments = ["--lora-rank=4", "--lora-alpha=6", f"--from={base}", "--batch=600", "--rate=0.05"]
    assert train(songs, adapter, *arguments, "--steps=1") == 0
    assert train(songs, adapter, *arguments, "--steps=3") == 0  # goes on
    assert not (adapter / "model.safetensors").exists() and not (adapter / "tokenizer.json").exists()
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)

    trained, plain = kept[-1].objective.network.eval(), load_network(base, "cpu", "fp32")
    merged = load_network(base, "cpu", "fp32", adapter)
    batch = {name: torch.from_numpy(array) for name, array in kept[-1].held_out[0].items() if name != "targets"}
    with torch.no_grad():
        expected, found, before = trained(**batch), merged(**batch), plain(**batch)
    assert torch.allclose(found, expected, atol=1e-4) and not torch.allclose(before, expected, atol=1e-2)
    frozen = {name.replace(".base_layer", ""): tensor for name, tensor in trained.state_dict().items()}
    assert all(torch.equal(frozen[name], tensor) for name, tensor in plain.state_dict().items())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lora-rank=4"], "give it as --from"),
        (["--lora-rank=4", "--network=discriminator"], "adapters are for the generator"),
    ],
)
def test_adapters_need_a_generator_to_change(
    arguments: list[str], words: str, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(songs, tmp_path / "out", *arguments, "--steps=1") == 2
    assert words in capsys.readouterr().err


def test_the_launcher_of_several_devices_can_start_the_command_line() -> None:
    """`accelerate launch -m maimod.app`, as docs/training.md has it."""
    root = Path(__file__).parents[2]
    started = subprocess.run(
        [sys.executable, "-m", "maimod.app", "--version"], cwd=root, capture_output=True, text=True
    )
    assert started.returncode == 0 and started.stdout.startswith("maimod ")
    assert "-m maimod.app train" in (root / "docs" / "training.md").read_text(encoding="utf-8")
