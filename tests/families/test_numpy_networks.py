"""The networks in numpy compute what those in torch do: operators by their definition, both bundled networks on maps of
all modes."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from maimod import app
from maimod.discriminator import features
from maimod.discriminator import runner as discriminators
from maimod.discriminator.context import context_features
from maimod.events.vocabulary import Conditioning
from maimod.families import lora, operators, scoring
from maimod.families.checkpoint import load_model
from maimod.linter.models import MODELS_FOLDER, PROOFREADER
from maimod.osu.beatmap import Beatmap
from tests import checkpoints, maps

BUNDLED = MODELS_FOLDER / "maimod-mini"
LINES = ["0,500,4,2,0,70,1,0", "9000,-80,4,2,0,50,0,1", "15000,-100,4,2,0,60,0,0"]


def a_map(mode: int, n: int = 120) -> Beatmap:
    """Half a minute with sliders, combos and sounds, so two windows and more."""
    objects = []
    for i in range(n):
        x, y = (64 + 128 * (i % 4), 192) if mode == 3 else (64 + i * 37 % 384, 64 + i * 23 % 256)
        kind, sound = 5 if i % 8 == 0 else 1, (0, 2, 8, 4)[i % 4]
        tail = f",2,{sound},L|{x + 60}:{y},1,70" if i % 5 == 2 and mode != 3 else f",{kind},{sound},0:0:0:0:"
        objects.append(f"{x},{y},{1000 + 250 * i}{tail}")
    return maps.beatmap(objects, LINES, mode=mode)


def a_song() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3300, 64)).astype(np.float32)


def test_operators_are_what_their_names_say() -> None:
    x = np.linspace(-60, 60, 70 * 96, dtype=np.float32).reshape(70, 96)
    exact = np.array([v / 2 * (1 + math.erf(v / math.sqrt(2))) for v in x.ravel().tolist()]).reshape(x.shape)
    assert np.abs(operators.gelu(x.copy()) - exact).max() < 5e-6
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x.astype(float) ** 3)
    assert np.abs(operators.gelu_by_tanh(x.copy()) - x / 2 * (1 + np.tanh(inner))).max() < 1e-5
    assert np.allclose((operators.rms_normed(x) ** 2).mean(axis=1), 1, atol=1e-5)
    spread = np.random.default_rng(1).normal(1.0, 2.0, size=(70, 96)).astype(np.float32)
    deviations = np.sqrt(spread.var(axis=1, keepdims=True) + 1e-5)
    assert np.allclose(operators.divided_by_deviation(spread), spread / deviations, atol=1e-5)
    assert np.abs(operators.divided_by_deviation(np.full((2, 96), np.float32(3)))).max() < 1000


@pytest.mark.parametrize("length", [5, operators.BLOCK, 2 * operators.BLOCK + 70])
@pytest.mark.parametrize("size", [1.0, 50.0])
def test_attention_in_blocks_is_attention(length: int, size: float) -> None:
    random = np.random.default_rng(1)
    query, key, value = (random.normal(size=(length, 2, 8)).astype(np.float32) for _ in range(3))
    query[:, 1] *= size  # of 50: exponentials of its logits are beyond float32
    for first in (None, 0, 3):
        asked = query if first is None else query[first:]
        seen = (
            np.ones((len(asked), length), dtype=bool)
            if first is None
            else np.tri(len(asked), length, first, dtype=bool)
        )
        logits = np.where(seen, np.einsum("thk,shk->hts", asked, key), -np.inf)
        shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        expected = np.einsum("hts,shk->thk", shares, value).reshape(len(asked), -1)
        in_bits = asked * np.float32(operators.BITS)
        assert np.allclose(operators.attend(in_bits, key, value, first), expected, atol=1e-5 * size)
        assert np.allclose(operators.attend(in_bits, key, value, None, seen), expected, atol=1e-5 * size)


def test_windows_of_the_original_without_an_event_are_passed_over() -> None:
    beatmap = maps.beatmap(["100,100,1000,1,0", "300,100,31000,1,0"])
    model = load_model(BUNDLED, "cpu", "fp32", runtime="numpy")
    encoded = model.family.encode(beatmap, a_song(), Conditioning(3.0), exact=True)
    assert any(not len(window.spans[0].owned) for window in encoded.windows)
    scores = scoring.score(model, encoded, exact=True)["map"]
    assert len(scores) == len(encoded.contexts["map"])


@pytest.mark.parametrize("mode", range(4))
def test_the_generator_scores_as_in_torch(mode: int) -> None:
    pytest.importorskip("torch")
    beatmap = a_map(mode)
    found = []
    for runtime in ("numpy", "torch"):
        model = load_model(BUNDLED, "cpu", "fp32", runtime=runtime)  # type: ignore[arg-type]
        scores = scoring.score(model, model.family.encode(beatmap, a_song(), Conditioning(4.0)))["map"]
        found.append(scores)
    ours, reference = found
    assert len(ours) > 300
    for name in ("surprisal", "entropy"):
        both = np.array([[getattr(one, name), getattr(other, name)] for one, other in zip(*found, strict=True)])
        assert np.abs(both[:, 0] - both[:, 1]).max() < 1e-3, name
    same = [
        [e for e, _ in one.expected[:2]] == [e for e, _ in other.expected[:2]]
        for one, other in zip(*found, strict=True)
    ]
    assert np.mean(same) > 0.99
    assert max(abs(one.near - other.near) for one, other in zip(ours, reference, strict=True)) < 1e-3


@pytest.mark.parametrize("mode", range(4))
def test_the_discriminator_predicts_as_in_torch(mode: int) -> None:
    pytest.importorskip("torch")
    beatmap = a_map(mode, 260)
    grid = features.grid_of(beatmap)
    assert grid is not None and grid.count > features.REACH
    given = features.map_features(beatmap, context_features(beatmap, grid))
    (ours, kinds), (reference, _) = (
        discriminators.load(MODELS_FOLDER / PROOFREADER, "cpu", runtime)  # type: ignore[arg-type]
        for runtime in ("numpy", "torch")
    )
    found, expected = (discriminators.corruption_logits(one, given) for one in (ours, reference))
    assert found.shape == (grid.count, len(kinds)) and expected.std() > 0.5
    arrays = [array[None, : features.REACH] for array in (given.categories, given.numbers, given.context)]
    whole, part = (ours.logits(*arrays, [wanted])[0] for wanted in (slice(None), slice(40, 50)))
    assert np.allclose(part, whole[40:50], atol=1e-4)
    assert np.abs(found - expected).max() < 1e-3


# --- Without torch ---


def write(folder: Path, objects: list[str]) -> Path:
    (folder / "map.osu").write_text(maps.text(objects))
    return folder / "map.osu"


def run(code: str) -> subprocess.CompletedProcess[str]:
    """In a process in which torch and scipy cannot be imported."""
    hidden = "import sys; sys.modules['torch'] = sys.modules['scipy'] = sys.modules['huggingface_hub'] = None\n"
    return subprocess.run(
        [sys.executable, "-c", hidden + code], capture_output=True, text=True, cwd=Path(app.__file__).parents[1]
    )


def test_a_check_needs_no_torch(tmp_path: Path) -> None:
    path = write(tmp_path, [f"{100 + i},100,{1000 + 500 * i},1,0" for i in range(30)])
    done = run(
        f"from maimod.app import main; sys.exit(main(['check', {str(path)!r}, '--no-cache', '--fail-on=never', '--format=json']))"
    )
    assert done.returncode == 0 and '"id": "maimod-mini"' in done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "MAP.osu", "--precision=bf16"],
        ["check", "MAP.osu", "--device=cuda"],
        ["check", "MAP.osu", "--lora=LORA"],
        ["check", "MAP.osu", "--model=V30"],
        ["check", "MAP.osu", "--model=some/where"],
        ["train", "SONGS", "--output=OUT"],
    ],
    ids=lambda given: f"{given[0]} {given[-1]}",
)
def test_what_needs_torch_says_in_one_line_how_to_get_it(tmp_path: Path, arguments: list[str]) -> None:
    write(tmp_path, ["100,100,1000,1,0"]).rename(tmp_path / "MAP.osu")
    (tmp_path / "SONGS").mkdir()
    checkpoints.write(tmp_path / "V30", "v30")
    (tmp_path / "LORA").mkdir()
    for name in (lora.CONFIG, lora.WEIGHTS):
        (tmp_path / "LORA" / name).write_bytes(b"{}")
    given = [re.sub("MAP.osu|SONGS|OUT|LORA|V30", lambda found: str(tmp_path / found[0]), one) for one in arguments]
    done = run(f"from maimod.app import main; sys.exit(main({given!r}))")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "pip install torch" in done.stderr
