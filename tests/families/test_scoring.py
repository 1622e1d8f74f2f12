"""Scoring: surprisals are in bits, nothing looks ahead, every event is scored once, and batching has no effect."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from maimod.errors import CheckpointError
from maimod.events.schema import Event, EventKind, EventScore
from maimod.events.vocabulary import SOS, Conditioning
from maimod.events.writer import from_beatmap
from maimod.families import measures, scoring
from maimod.families.checkpoint import Runtime, load_model
from maimod.families.family import Model
from maimod.families.measures import Measures, Targets
from maimod.families.mini.encoding import tokenise
from maimod.families.mini.family import Mini
from maimod.families.mini.numpy_network import NumpyMini
from maimod.families.operators import Weights
from maimod.families.registry import read_json
from maimod.findings import ModelInfo
from maimod.osu.beatmap import Beatmap
from tests import checkpoints, maps

SHAPE = Path(__file__).parents[2] / "models" / "maimod-mini"


def tiny_model(seed: int = 0, scale: float = 3.0, runtime: str = "numpy") -> Model:
    """A random network of the bundled vocabulary, small and with 4 s windows, so that a short map needs several."""
    shape = {
        "d_model": 32,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "heads": 2,
        "feed_forward": 64,
        "window_ms": 4000.0,
    }
    family = Mini(read_json(SHAPE / "tokenizer.json"), shape)
    return loaded(family, checkpoints.mini_weights(family, seed, scale), runtime)  # large: every input matters


def loaded(family: Mini, weights: dict[str, np.ndarray], runtime: str = "numpy") -> Model:
    info = ModelInfo("tiny", "maimod", "cpu", "fp32")
    if runtime == "numpy":
        return Model(family.numpy_runner(Weights(weights)), family, info)
    torch = pytest.importorskip("torch")
    network = family.make_network().eval()
    network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in weights.items()})
    return Model(family.torch_runner(network, None), family, info)


@pytest.fixture(scope="module", params=["numpy", "torch"])
def model(request: pytest.FixtureRequest) -> Model:
    return tiny_model(runtime=request.param)


def a_map(n: int = 40, changed: int | None = None, gap: int = 250) -> Beatmap:
    """A stream of circles; the one numbered `changed` has another position."""
    return maps.beatmap(
        [
            f"{100 + 7 * (i % 30) if i != changed else 400},{100 + (i % 5) * 20},{i * gap},1,{2 * (i % 3)}"
            for i in range(n)
        ],
        ["0,500,4,2,0,70,1,0"],
    )


def events_of(model: Model, beatmap: Beatmap) -> list[Event]:
    return from_beatmap(beatmap, model.vocabulary.schema)["map"]


def a_song(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1200, 64)).astype(np.float32)


def score(model: Model, beatmap: Beatmap, mel: np.ndarray | None, stars: float | None = None) -> tuple[EventScore, ...]:
    return scoring.score(model, model.family.encode(beatmap, mel, Conditioning(stars)))["map"]


def surprisals(model: Model, beatmap: Beatmap, mel: np.ndarray | None) -> np.ndarray:
    return np.array([s.surprisal for s in score(model, beatmap, mel)])


def test_uniform_logits_give_log2_of_the_vocabulary(model: Model) -> None:
    weights = checkpoints.mini_weights(model.family)
    weights["project.weight"][:] = 0
    flat = loaded(model.family, weights)
    scores = score(flat, a_map(), a_song())
    bits = math.log2(flat.vocabulary.size_out)
    assert all(
        s.surprisal == pytest.approx(bits, abs=1e-3) and s.entropy == pytest.approx(bits, abs=1e-3) for s in scores
    )


def test_surprisal_is_that_of_a_plain_forward_pass(model: Model) -> None:
    """One window, so the whole of scoring can be written down in a few lines."""
    beatmap = a_map(8)
    events = events_of(model, beatmap)
    encoded = tokenise(beatmap, events, model.vocabulary, Conditioning(3.0))
    assert encoded.prompt[-1] == SOS
    tokens = np.concatenate([encoded.prompt, encoded.tokens])
    n_prompt = len(encoded.prompt)
    mel = a_song()[:400]
    torch = pytest.importorskip("torch")
    with torch.no_grad():
        logits = tiny_model(runtime="torch").runner.network(
            mel=torch.from_numpy(mel)[None],
            frame_grid=torch.from_numpy(encoded.grid.features(np.arange(400) * 10.0))[None],
            tokens=torch.from_numpy(tokens)[None],
            times=torch.from_numpy(np.concatenate([np.zeros(n_prompt), encoded.times])).float()[None],
            grid=torch.from_numpy(np.concatenate([np.zeros((n_prompt, 15)), encoded.phases])).float()[None],
            place=torch.from_numpy(
                np.concatenate([np.zeros((n_prompt, 51)), encoded.places(model.vocabulary)])
            ).float()[None],
        )[0]
    expected = -torch.log_softmax(logits, -1)[
        torch.arange(n_prompt - 1, len(tokens) - 1), torch.from_numpy(encoded.tokens)
    ] / math.log(2)
    assert [s.surprisal for s in score(model, beatmap, mel, 3.0)] == pytest.approx(expected.tolist(), abs=1e-3)


def test_nothing_looks_ahead(model: Model) -> None:
    """Changing object 20 leaves every score before it unchanged and changes some after it."""
    before, after = surprisals(model, a_map(), a_song()), surprisals(model, a_map(changed=20), a_song())
    first_changed = next(
        i
        for i, (a, b) in enumerate(zip(events_of(model, a_map()), events_of(model, a_map(changed=20)), strict=True))
        if a.value != b.value
    )
    assert np.allclose(before[:first_changed], after[:first_changed], atol=1e-4)
    assert not np.allclose(
        before[first_changed + 1 : first_changed + 30], after[first_changed + 1 : first_changed + 30], atol=1e-2
    )


def test_the_song_is_listened_to_at_the_right_place(model: Model) -> None:
    """Noise in the last second changes the scores there and not those of windows that end before it."""
    song = a_song()
    louder = song.copy()
    louder[900:] += 5
    before, after = surprisals(model, a_map(), song), surprisals(model, a_map(), louder)
    times = np.array([e.time for e in events_of(model, a_map())])
    assert np.allclose(before[times < 4000], after[times < 4000], atol=1e-4)
    assert not np.allclose(before[times > 9000], after[times > 9000], atol=1e-2)


def test_every_event_is_scored_once_in_order(model: Model) -> None:
    beatmap = a_map(60)
    events = events_of(model, beatmap)
    assert [s.event for s in score(model, beatmap, None)] == events


def test_batches_change_nothing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    together = surprisals(model, a_map(60), a_song())
    if isinstance(model.runner, NumpyMini):  # one window at a time, and all in threads
        monkeypatch.setattr(model.runner, "threads", 3 if model.runner.threads == 1 else 1)
    else:
        monkeypatch.setitem(sys.modules["maimod.families.torch_runner"].BATCH_POSITIONS, "cpu", 1)
    assert np.allclose(together, surprisals(model, a_map(60), a_song()), atol=2e-3)


def test_alternatives_are_legal_sorted_and_probable(model: Model) -> None:
    for s in score(model, a_map(), None):
        probabilities = [p for _, p in s.expected]
        assert (
            len(probabilities) == 4 and probabilities == sorted(probabilities, reverse=True) and sum(probabilities) <= 1
        )
        if s.event.kind is EventKind.SNAP:
            assert {e.kind for e, _ in s.expected} <= {
                EventKind.DISTANCE,
                EventKind.SNAP,
                EventKind.SPINNER,
                EventKind.KIAI,
                EventKind.HITSOUND,
                EventKind.SCROLL_SPEED,
            }
        if s.event.kind is EventKind.TIME:
            assert all(e.kind is EventKind.TIME for e, _ in s.expected)


def test_ordinal_events_are_judged_with_a_tolerance(model: Model) -> None:
    for s in score(model, a_map(), None):
        assert 2**-s.surprisal <= s.near + 1e-6 <= 1 + 1e-6
        if s.event.kind is EventKind.POS_X:
            assert s.near > 2**-s.surprisal  # 16 px to either side count
        if s.event.kind is EventKind.CIRCLE:
            assert s.near == pytest.approx(2**-s.surprisal, rel=1e-3)


def save(folder: Path, seed: int = 0, scale: float = 3.0) -> None:
    family = tiny_model().family
    (folder / "config.json").write_text(json.dumps(family.stored))
    (folder / "tokenizer.json").write_text((SHAPE / "tokenizer.json").read_text())
    save_file(checkpoints.mini_weights(family, seed, scale), folder / "model.safetensors")


class TestCheckpoints:
    def test_a_saved_checkpoint_scores_as_before(self, model: Model, tmp_path: Path) -> None:
        save(tmp_path)
        stored = load_model(tmp_path, "cpu", runtime="numpy" if isinstance(model.runner, NumpyMini) else "torch")
        assert np.allclose(surprisals(stored, a_map(), a_song()), surprisals(model, a_map(), a_song()), atol=1e-5)

    @pytest.mark.parametrize("precision", ["bf16", "amp", "int8"])
    def test_lower_precision_stays_close(self, tmp_path: Path, precision: str) -> None:
        pytest.importorskip("torch")
        save(tmp_path, 3, 1.5)
        exact, rough = (surprisals(load_model(tmp_path, "cpu", p), a_map(12), a_song()) for p in ("fp32", precision))
        assert np.corrcoef(exact, rough)[0, 1] > 0.97

    @pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
    @pytest.mark.parametrize("damage", ["missing", "cut"])
    @pytest.mark.parametrize("runtime", ["numpy", "torch"])
    def test_damaged_checkpoints_are_refused_in_one_line(
        self, tmp_path: Path, name: str, damage: str, runtime: Runtime
    ) -> None:
        if runtime == "torch":
            pytest.importorskip("torch")
        save(tmp_path)
        path = tmp_path / name
        content = path.read_bytes()
        path.unlink()
        if damage == "cut":
            path.write_bytes(content[: len(content) // 2])
        with pytest.raises(CheckpointError) as caught:
            load_model(tmp_path, "cpu", runtime=runtime)
        assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)

    @pytest.mark.parametrize(
        "change, message",
        [
            ({"decoder_layers": 3}, "tensors are missing"),
            ({"decoder_layers": 1}, "not of this network"),
            ({"feed_forward": 32}, "of another shape"),
        ],
    )
    @pytest.mark.parametrize("runtime", ["numpy", "torch"])
    def test_weights_of_another_architecture_are_refused(
        self, tmp_path: Path, change: dict[str, int], message: str, runtime: Runtime
    ) -> None:
        if runtime == "torch":
            pytest.importorskip("torch")
        save(tmp_path)
        (tmp_path / "config.json").write_text(json.dumps(tiny_model().family.stored | change))
        with pytest.raises(CheckpointError, match=message):
            load_model(tmp_path, "cpu", runtime=runtime)

    def test_weights_in_bfloat16_run_in_torch(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        from safetensors.torch import load_file, save_file

        save(tmp_path)
        path = tmp_path / "model.safetensors"
        save_file({name: tensor.to(torch.bfloat16) for name, tensor in load_file(path).items()}, path)
        assert not isinstance(load_model(tmp_path).runner, NumpyMini)

    def test_unknown_devices_and_precisions(self, tmp_path: Path) -> None:
        pytest.importorskip("torch")
        save(tmp_path)
        with pytest.raises(CheckpointError, match="device 'banana'"):
            load_model(tmp_path, "banana")
        with pytest.raises(CheckpointError, match="precision 'int3'"):
            load_model(tmp_path, "cpu", "int3")


@pytest.mark.parametrize("exact", [False, True])
def test_a_gpu_measures_distributions_as_numpy_does(exact: bool) -> None:
    """The same code on a CPU; some tokens stand at the ends of their range and of the vocabulary."""
    torch = pytest.importorskip("torch")
    from maimod.families.torch_runner import measured

    random = np.random.default_rng(5)
    logits = random.normal(scale=4.0, size=(40, 60)).astype(np.float32)
    tokens = np.concatenate([[0, 59, 20, 29], random.integers(0, 60, 36)])
    first = np.where(tokens < 20, 0, np.where(tokens < 30, 20, 30))
    last = np.where(tokens < 20, 19, np.where(tokens < 30, 29, 59))
    low, high = np.maximum(first, tokens - 3), np.minimum(last, tokens + 3)
    table = random.random((5, 60)) < 0.5
    targets = Targets(tokens, low, high, random.integers(0, 5, 40), table, exact)
    found = Measures(*(column.numpy() for column in measured(torch.from_numpy(logits), targets)))
    expected = measures.measure(logits.copy(), targets)
    assert np.array_equal(found.chosen, expected.chosen)
    for name in ("surprisals", "entropies", "near", "best"):
        assert np.allclose(getattr(found, name), getattr(expected, name), atol=2e-5), name
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    assert expected.near == pytest.approx([shares[row, low[row] : high[row] + 1].sum() for row in range(40)], abs=1e-5)


def test_blocks_of_rows_are_measured_as_the_whole() -> None:
    random = np.random.default_rng(6)
    logits = random.normal(size=(2 * measures.BLOCK + 3, 9)).astype(np.float32)
    tokens = random.integers(0, 9, len(logits))
    targets = Targets(tokens, tokens, tokens, np.zeros_like(tokens), np.ones((1, 9), dtype=bool))
    whole = measures.measure(logits.copy(), targets)
    parts = measures.in_blocks(lambda hidden: hidden.copy(), logits, targets)
    assert np.array_equal(parts.surprisals, whole.surprisals) and np.array_equal(parts.chosen, whole.chosen)
