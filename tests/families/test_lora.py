"""Low-rank adapters: merged as the `peft` library merges them, under the names of the published files, or refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from maimod.app import main  # noqa: E402
from maimod.errors import CheckpointError  # noqa: E402
from maimod.families import lora  # noqa: E402
from maimod.families.checkpoint import Models, find_adapter, load_model, load_network  # noqa: E402
from maimod.families.registry import open_folder  # noqa: E402
from maimod.linter import cache  # noqa: E402
from maimod.linter.models import checkpoint_folders  # noqa: E402
from maimod.linter.settings import Settings  # noqa: E402
from tests import checkpoints, maps  # noqa: E402

LAYER = "transformer.model.decoder.layers.1"
CONFIG = {"peft_type": "LORA", "r": 2, "lora_alpha": 6}


def write(folder: Path, tensors: dict[str, torch.Tensor], **config: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | config))
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def pair(module: str, outputs: int = 32, inputs: int = 32, rank: int = 2) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(len(module))
    return {
        f"base_model.model.{module}.lora_A.weight": torch.randn(rank, inputs, generator=random),
        f"base_model.model.{module}.lora_B.weight": torch.randn(outputs, rank, generator=random),
    }


def product(tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    first, second = tensors.values()
    return second @ first


def weights(folder: Path, adapter: Path | None = None) -> dict[str, torch.Tensor]:
    return load_network(folder, "cpu", "fp32", adapter).state_dict()


@pytest.fixture(scope="module")
def v30(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.write(tmp_path_factory.mktemp("v30"), "v30")


def test_a_projection_is_changed_in_its_rows_of_the_joined_matrix(v30: Path, tmp_path: Path) -> None:
    """The value projection is the last third of Wqkv; alpha / rank = 3."""
    adapter = pair(f"{LAYER}.self_attn.v_proj")
    before, after = weights(v30), weights(v30, write(tmp_path / "adapter", adapter))
    changed = [name for name in before if not torch.equal(before[name], after[name])]
    assert changed == ["decoder.layers.1.self_attn.Wqkv.weight"]
    difference = after[changed[0]] - before[changed[0]]
    assert torch.equal(difference[:64], torch.zeros(64, 32))
    assert torch.allclose(difference[64:], 3 * product(adapter), atol=1e-5)


@pytest.mark.parametrize(
    ("config", "factor"),
    [({"use_rslora": True}, 6 / 2**0.5), ({"alpha_pattern": {"fc1": 4}}, 2.0), ({"alpha_pattern": {"c1": 4}}, 3.0)],
)
def test_scales(config: dict[str, object], factor: float, v30: Path, tmp_path: Path) -> None:
    adapter = pair(f"{LAYER}.fc1", outputs=48)
    name = "decoder.layers.1.fc1.weight"
    difference = weights(v30, write(tmp_path / "adapter", adapter, **config))[name] - weights(v30)[name]
    assert torch.allclose(difference, factor * product(adapter), atol=1e-5)


def test_tensors_that_were_trained_whole_take_the_place_of_the_old(v30: Path, tmp_path: Path) -> None:
    value = torch.full((32,), 0.25)
    adapter = write(tmp_path / "adapter", {"base_model.model.transformer.model.decoder.layer_norm.weight": value})
    assert torch.equal(weights(v30, adapter)["decoder.layer_norm.weight"], value)


def test_reports_name_the_adapter(v30: Path, tmp_path: Path) -> None:
    adapter = write(tmp_path / "mine", pair(f"{LAYER}.fc2", inputs=48))
    assert Models(v30, "cpu", name="base", adapter=adapter).info.id == "base + mine"
    assert Models(v30, "cpu", name="base").info.id == "base"


@pytest.mark.parametrize(
    ("tensors", "config", "said"),
    [
        (pair("transformer.model.decoder.layers.7.fc1", 48), {}, "which has no transformer.model.decoder.layers.7.fc1"),
        (pair(f"{LAYER}.fc1", 40), {}, "another shape"),
        (pair(f"{LAYER}.fc1", 32, 48), {}, "another shape"),
        (pair(f"{LAYER}.fc1", 48), {"use_dora": True}, "plain LoRA"),
        (pair(f"{LAYER}.fc1", 48), {"peft_type": "IA3"}, "plain LoRA"),
        (pair(f"{LAYER}.fc1", 48), {"lora_alpha": None}, "not a usable adapter"),
        (pair(f"{LAYER}.fc1", 48), {"lora_alpha": float("nan")}, "not a usable adapter"),
        (pair(f"{LAYER}.fc1", 48), {"alpha_pattern": ["fc1"]}, "not a usable adapter"),
        (pair(f"{LAYER}.fc1", 48), {"alpha_pattern": {"(": 2}}, "not a usable adapter"),
        (pair(f"{LAYER}.fc1", 48), {"peft_type": ["LORA"]}, "not a usable adapter"),
        (pair(f"{LAYER}.fc1", 48), {"alpha_pattern": {"\ud800": "x"}}, "not a usable adapter"),
        ({f"base_model.model.{LAYER}.fc1.lora_A.weight": torch.zeros(2, 32)}, {}, "not a usable adapter"),
        ({f"base_model.model.{LAYER}.fc1.lora_magnitude_vector": torch.zeros(48)}, {}, "cannot be used"),
    ],
)
def test_other_adapters_are_refused_in_one_line(
    tensors: dict[str, torch.Tensor], config: dict[str, object], said: str, v30: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=said) as caught:
        load_model(v30, "cpu", adapter=write(tmp_path / "adapter", tensors, **config))
    assert "\n" not in str(caught.value) and str(tmp_path / "adapter") in str(caught.value)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_adapters_are_refused_in_one_line(name: str, damage: str, v30: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "adapter", pair(f"{LAYER}.fc1", 48)) / name
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError) as caught:
        load_model(v30, "cpu", adapter=tmp_path / "adapter")
    assert "\n" not in str(caught.value) and str(tmp_path / "adapter") in str(caught.value)


def test_names_that_are_no_adapter() -> None:
    with pytest.raises(CheckpointError, match="no such adapter folder"):
        find_adapter("no such folder")


def test_score_takes_an_adapter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "map.osu"
    path.write_text(maps.text())
    adapter = write(tmp_path / "mine", pair("decoder.3.cross.query", 192, 192))

    def bits(*options: str) -> list[float]:
        assert main(["score", str(path), "--device=cpu", *options]) == 0
        return [json.loads(line)["surprisal"] for line in capsys.readouterr().out.splitlines()]

    assert bits() != bits(f"--lora={adapter}")
    other = write(tmp_path / "other", pair("decoder.9.cross.query", 192, 192))
    assert main(["score", str(path), f"--lora={other}"]) == 2
    message = capsys.readouterr().err
    assert "not an adapter of this checkpoint" in message and message.count("\n") == 1
    assert main(["score", str(path), "--lora=nothing"]) == 2
    assert (
        capsys.readouterr().err
        == "maimod: lora nothing: no such adapter folder, and not a Hugging Face id like owner/name\n"
    )


def test_cached_answers_know_the_adapter(tmp_path: Path) -> None:
    def key(adapter: Path | None) -> str:
        settings = Settings(lora=None if adapter is None else str(adapter))
        return cache.of_setup(settings, checkpoint_folders(settings))

    adapter = write(tmp_path / "mine", pair("decoder.3.cross.query"))
    before = key(adapter)
    write(adapter, pair("decoder.4.cross.out"))
    assert len({key(None), before, key(adapter)}) == 3


@pytest.mark.slow  # importing peft takes 5 s
@pytest.mark.parametrize("version", ["v29", "v31", "v32", "mini"])
def test_what_peft_trains_is_written_and_merged_as_peft_merges_it(version: str, tmp_path: Path) -> None:
    """With every layer changed, on our network; the file has the names that the checkpoint's own files have."""
    peft = pytest.importorskip("peft")
    folder = tmp_path / "base"
    if version == "mini":
        bundled = Path(__file__).parents[2] / "models" / "maimod-mini"
        folder.mkdir()
        (folder / "tokenizer.json").write_text((bundled / "tokenizer.json").read_text())
        shape = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "feed_forward": 48}
        (folder / "config.json").write_text(json.dumps(shape))
        save_file(open_folder(folder).make_network().state_dict(), folder / "model.safetensors")
    else:
        checkpoints.write(folder, version)
    model = load_model(folder, "cpu", "fp32", runtime="torch")
    tuned = peft.get_peft_model(
        model.runner.network, peft.LoraConfig(r=3, lora_alpha=6, target_modules=list(model.family.lora_modules))
    )
    random = torch.Generator().manual_seed(1)
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            parameter.data = torch.randn(parameter.shape, generator=random) * 0.1
    lora.write(tmp_path / "adapter", peft.get_peft_model_state_dict(tuned), model.family, 3, 6, "base")

    names = {name.removesuffix(".weight") for name in load_file(folder / "model.safetensors")}
    stored = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {name.removeprefix("base_model.model.").partition(".lora_")[0] for name in stored} <= names
    expected = tuned.merge_and_unload().state_dict()
    found = weights(folder, tmp_path / "adapter")
    plain = weights(folder)
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name], tensor, atol=1e-5, err_msg=name)
    # biases of the query, key and value projections are among what does not change
    assert sum(not torch.equal(found[name], plain[name]) for name in plain) == len(
        [name for name in plain if name.removesuffix(".weight").endswith(model.family.lora_modules)]
    )
