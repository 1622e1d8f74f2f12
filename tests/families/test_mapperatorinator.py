"""The published checkpoints: the original's numbers for each version; few windows that agree with many; incomplete ones
are refused."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from maimod.errors import BeatmapError, CheckpointError, UsageError
from maimod.events.schema import EventScore
from maimod.events.vocabulary import Conditioning
from maimod.families import checkpoint, scoring
from maimod.families.checkpoint import Models, describe_all, find, load_model
from maimod.families.family import Model
from maimod.families.inputs import WindowInputs, stack
from maimod.families.mapperatorinator import legacy_audio
from maimod.families.registry import open_folder
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.level import star_rating
from tests import checkpoints, maps

VERSIONS = ("v29", "v30", "v31", "v32")
VECTORS = Path(__file__).parents[3] / "shared" / "vectors"
GOLDEN = Path(__file__).parents[1] / "golden" / "published.json"

OBJECTS = [
    "100,100,300,5,2",
    "200,100,600,2,0,B|250:50|300:100|300:100|350:150,3,280,0|2|0|8,0:0|1:0|0:0|0:0",
    "256,192,4100,12,0,4900",
    "300,200,5400,1,8",
    "40,300,5700,2,0,P|90:250|140:300,1,140",
    *(f"{60 + 40 * i},220,{6300 + 150 * i},1,{4 * (i % 2)}" for i in range(9)),
]
LINES = ["0,300,4,2,0,70,1,0", "2400,-50,4,1,0,40,0,1", "5400,-80,3,3,0,80,0,0"]


def a_map(mode: Mode = Mode.OSU) -> Beatmap:
    objects = (
        OBJECTS if mode is not Mode.MANIA else ["64,192,300,128,0,900:0:0:0:0:", "192,192,300,1,0", "320,192,7500,1,2"]
    )
    return maps.beatmap(objects, LINES, int(mode))


def a_song(seconds: float = 9.0) -> np.ndarray:
    samples = np.random.default_rng(5).normal(scale=0.02, size=round(16_000 * seconds))
    for start in range(0, len(samples) - 800, 4800):
        samples[start : start + 800] += 0.5 * np.sin(np.arange(800) * 0.3) * np.exp(-np.arange(800) / 200)
    return (samples / np.abs(samples).max()).astype(np.float32)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        version: checkpoints.write(tmp_path_factory.mktemp("checkpoints") / version, version) for version in VERSIONS
    }


@pytest.fixture(scope="module")
def models(folders: dict[str, Path]) -> dict[str, Model]:
    return {version: load_model(folder, "cpu", "fp32") for version, folder in folders.items()}


def modes_of(version: str) -> list[Mode]:
    return [Mode.OSU] if version == "v30" else list(Mode)


def judged(
    model: Model, beatmap: Beatmap, exact: bool, conditioning: Conditioning | None = None
) -> dict[str, tuple[EventScore, ...]]:
    return scoring.score(
        model, model.family.encode(beatmap, a_song(), conditioning or Conditioning(stars=4.2), exact), exact
    )


# ---------------------------------------------------------------------------------------------------------------------
# The original's numbers


QUICK = ("v29-small-taiko", "v30-small-std_all", "v31-small-mania4k", "v32-mini-small-taiko")
"""One of each version; `pytest -m ""` runs the others too."""


def vectors() -> list[object]:
    names = sorted(path.name.removesuffix(".meta.json") for path in (VECTORS / "expected").glob("*.meta.json"))
    return [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", vectors() or [pytest.param("", marks=pytest.mark.skip("no recorded vectors here"))])
def test_recorded_results_of_the_original_are_met(name: str) -> None:
    """Every prompt token for token; surprisal and entropy to 1e-3 bits; the expected event, or one that is as likely to
    1e-4."""
    checkpoint, played = name.rsplit("-", 1)
    model = load_model(VECTORS / "checkpoints" / checkpoint, "cpu", "fp32")
    beatmap = parser.load(VECTORS / "maps" / f"{played}.osu")
    encoded = model.family.encode(
        beatmap, legacy_audio.load(VECTORS / "maps" / f"{played}.flac"), Conditioning(star_rating(beatmap)), exact=True
    )
    for window, line in zip(encoded.windows, _lines(VECTORS / "expected" / f"{name}.windows.jsonl.gz"), strict=True):
        assert (window.start, encoded.inputs(window).by_token["tokens"].tolist()) == (line["time"], line["prompt"])
    contexts = scoring.score(model, encoded, exact=True)
    lines = _lines(VECTORS / "expected" / f"{name}.jsonl.gz")
    assert len(lines) == sum(map(len, contexts.values()))
    for line in lines:
        score = contexts[line["context"]][line["index"]]
        assert ([score.event.kind, score.event.value], score.event.time) == (line["event"], line["time"])
        assert (score.surprisal, score.entropy) == pytest.approx(
            (line["surprisal_bits"], line["entropy_bits"]), abs=1e-3
        )
        ties = [[event.kind, event.value] for event, p in score.expected if p > score.expected[0][1] - 1e-4]
        assert line["expected"] in ties


def _lines(path: Path) -> list[dict]:  # type: ignore[type-arg]
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize("version", VERSIONS)
def test_numbers_stay_as_they_were_when_the_vectors_were_met(version: str, models: dict[str, Model]) -> None:
    """Recorded by tools/make_golden.py with code that meets all vectors, on a checkpoint made in the tests."""
    golden = json.loads(GOLDEN.read_text())[version]
    for name, scores in judged(models[version], a_map(), exact=True).items():
        assert [s.surprisal for s in scores] == pytest.approx(golden[name], abs=1e-3)


def test_resampling_is_that_of_audioop() -> None:
    """A straight line between samples, cut to whole numbers: 3 input samples to 2 output samples, worked out by hand."""
    converter = legacy_audio.RateConverter(24_000, 16)
    block = np.array([[300], [-600], [900], [150], [0], [10]], dtype=np.int16)
    parts = [converter.convert(part)[:, 0].tolist() for part in (block[:1], block[1:4], block[4:])]
    # Output m lies 1.5 m samples after the first: 300; halfway from -600 to 900; 150; halfway from 0 to 10.
    assert [sample for part in parts for sample in part] == [300, 150, 150, 5]


def test_what_lies_above_the_new_range_folds_back() -> None:
    """A 12 kHz tone appears at 4 kHz, as in the training of the published networks."""
    converter = legacy_audio.RateConverter(48_000, 16)
    tone = (20_000 * np.sin(2 * np.pi * 12_000 * np.arange(48_000) / 48_000 + 0.4)).astype(np.int16)
    spectrum = np.abs(np.fft.rfft(converter.convert(tone[:, None])[:, 0]))
    assert spectrum.argmax() == 4_000 and spectrum[4_000] > 0.3 * 16_000 / 2 * 20_000


def test_channels_are_mixed_down_by_whole_numbers() -> None:
    assert legacy_audio.mix_down(np.array([[3, 4], [-3, -4]])).tolist() == [3, -4]
    assert legacy_audio.mix_down(np.array([[5, 5, 5], [-1, 0, 1]])).tolist() == [3, -1]


# ---------------------------------------------------------------------------------------------------------------------
# Exact and fast


@pytest.mark.parametrize("version", VERSIONS)
def test_every_event_of_every_mode_is_scored_once_both_ways(version: str, models: dict[str, Model]) -> None:
    for mode in modes_of(version):
        for exact in (True, False):
            encoded = models[version].family.encode(a_map(mode), a_song(), Conditioning(), exact)
            contexts = scoring.score(models[version], encoded, exact)
            assert {name: [s.event for s in scores] for name, scores in contexts.items()} == encoded.contexts
            assert all(np.isfinite(s.surprisal) and s.expected for scores in contexts.values() for s in scores)


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_looks_ahead_whatever_the_batch(version: str, models: dict[str, Model]) -> None:
    """docs/compat.md §11.2: the original's V32 does, when nothing is padded."""
    model, encoded = models[version], models[version].family.encode(a_map(), a_song(), Conditioning(), exact=True)
    tokens = encoded.inputs(encoded.windows[0]).by_token["tokens"]
    import torch

    inputs = {name: torch.from_numpy(array) for name, array in stack([encoded.inputs(encoded.windows[0])]).items()}
    changed = inputs | {"tokens": inputs["tokens"].clone()}
    changed["tokens"][0, -5:] = 3
    with torch.inference_mode():
        before, after = model.runner.network.hidden(**inputs), model.runner.network.hidden(**changed)
    kept = len(tokens) - 5
    assert torch.allclose(before[:, :kept], after[:, :kept], atol=1e-5) and not torch.allclose(
        before[:, kept:], after[:, kept:], atol=1e-3
    )


def test_few_windows_are_few(models: dict[str, Model]) -> None:
    many, few = (models["v30"].family.encode(a_map(), a_song(), Conditioning(), exact) for exact in (True, False))
    assert len(many.windows) >= 4 * len(few.windows)


def test_alternatives_are_of_the_map_unless_the_original_is_wanted(models: dict[str, Model]) -> None:
    contexts = judged(models["v31"], a_map(), exact=False)
    assert {event.kind for score in contexts["timing"] for event, _ in score.expected} <= {
        "t",
        "beat",
        "measure",
        "timing_point",
    }
    assert any(
        event.kind not in ("t", "beat", "measure", "timing_point")
        for score in judged(models["v31"], a_map(), exact=True)["timing"]
        for event, _ in score.expected
    )


# ---------------------------------------------------------------------------------------------------------------------
# Conditioning


def test_facts_reach_the_prompt_and_the_original_is_told_nothing(models: dict[str, Model]) -> None:
    model = models["v32"]
    known = maps.beatmap(OBJECTS, LINES, metadata={"BeatmapID": "75"})

    def head(beatmap: Beatmap, conditioning: Conditioning, exact: bool) -> dict[str, int]:
        encoded = model.family.encode(beatmap, a_song(), conditioning, exact)
        tokens = encoded.inputs(encoded.windows[0]).by_token["tokens"][:14]
        return {str(kind): value for kind, value in (model.vocabulary.decode(int(token)) for token in tokens) if kind}

    assert head(known, Conditioning(), exact=True) | {"mapper": 3, "descriptor": 2} == head(
        known, Conditioning(), exact=True
    )
    assert head(known, Conditioning(), exact=False) | {"mapper": 1, "descriptor": 1} == head(
        known, Conditioning(), exact=False
    )
    told = head(a_map(), Conditioning(4.2, mapper_id=30, year=2015, descriptors=("streams",)), exact=True)
    assert told | {"mapper": 2, "year": 2015, "descriptor": 0, "difficulty": 8} == told


def test_v31_says_its_mapper_by_a_vector_alone(models: dict[str, Model]) -> None:
    """Its vocabulary has ids for mappers, from older code (docs/compat.md §2.9); the prompt does not."""
    encoded = models["v31"].family.encode(a_map(), a_song(), Conditioning(mapper_id=20), exact=True)
    inputs = encoded.inputs(encoded.windows[0])
    assert "mapper" not in [models["v31"].vocabulary.kinds[token] for token in inputs.by_token["tokens"]]
    assert int(inputs.by_window["mapper"]) == 1


@pytest.mark.parametrize(
    ("conditioning", "said"),
    [(Conditioning(mapper_id=11), "mapper_id=11"), (Conditioning(descriptors=("strems",)), "did you mean streams")],
)
def test_unknown_facts_are_refused(conditioning: Conditioning, said: str, models: dict[str, Model]) -> None:
    with pytest.raises(UsageError, match=said):
        models["v32"].family.encode(a_map(), a_song(), conditioning)
    with pytest.raises(UsageError, match="does not take a year"):
        models["v30"].family.encode(a_map(), a_song(), Conditioning(year=2015))


# ---------------------------------------------------------------------------------------------------------------------
# Checkpoint folders


def test_shards_are_joined(folders: dict[str, Path], models: dict[str, Model], tmp_path: Path) -> None:
    sharded = load_model(checkpoints.write(tmp_path, "v30", shards=3), "cpu", "fp32")
    whole = models["v30"].runner.network.state_dict()
    assert all(np.array_equal(tensor, whole[name]) for name, tensor in sharded.runner.network.state_dict().items())
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match="model-00002-of-00003"):
        load_model(tmp_path, "cpu")


def test_sub_folders_serve_their_mode(tmp_path: Path) -> None:
    checkpoints.write(tmp_path, "v32", seed=1)
    checkpoints.write(tmp_path / "gamemode=1", "v32", seed=2)
    found = Models(tmp_path, "cpu")
    taiko, catch = found.of(Mode.TAIKO), found.of(Mode.CATCH)
    assert taiko is not None and catch is not None and taiko.info.id == "gamemode=1" and catch.info.id == tmp_path.name
    assert [description.folder.name for description in describe_all(tmp_path)] == [tmp_path.name, "gamemode=1"]


def test_modes_a_checkpoint_never_learned_are_not_judged(folders: dict[str, Path]) -> None:
    assert Models(folders["v30"], "cpu").of(Mode.TAIKO) is None
    assert all(Models(folders["v31"], "cpu").of(mode) for mode in Mode)


def test_maps_that_cannot_be_said_are_refused(models: dict[str, Model]) -> None:
    with pytest.raises(BeatmapError, match="no tokens for column"):
        models["v30"].family.encode(a_map(Mode.MANIA), a_song(), Conditioning())


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "model.safetensors").unlink(), "no model.safetensors"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "run any code"),
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]), "damaged"),
        (lambda f: _edit(f / "config.json", vocab_size=17), "different vocabularies"),
        (lambda f: _edit(f / "config.json", n_mels=80), "of another shape"),
        (lambda f: _edit(f / "config.json", do_style_embed=True), "do_style_embed=True"),
        (lambda f: _edit(f / "config.json", spectrogram_log_scale=False), "spectrogram"),
        (lambda f: _edit(f / "config.json", backbone_model_name="google-t5/t5-small"), "t5-small"),
        (lambda f: _edit(f / "tokenizer.json", event_start={"t": 7}), "contradict"),
        (lambda f: (f / "config.json").write_text("[1, 2]"), "not a JSON object"),
        (lambda f: (f / "tokenizer.json").write_text("{"), "not JSON"),
    ],
)
def test_damaged_checkpoints_are_refused_in_one_line(damage, said: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    damage(checkpoints.write(tmp_path, "v31"))
    with pytest.raises(CheckpointError, match=said) as caught:
        Models(tmp_path, "cpu")
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("version", ["v29", "v32"])
def test_difficulties_of_a_song_share_the_encoder(
    version: str, folders: dict[str, Path], models: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it reads the song alone; the numbers are those of a model that has seen no other difficulty."""
    model, encoded = load_model(folders[version], "cpu", "fp32"), []
    network = model.runner.network  # type: ignore[attr-defined]
    encode = network.encode
    monkeypatch.setattr(network, "encode", lambda samples: encoded.append(len(samples)) or encode(samples))
    hard, easy = a_map(), maps.beatmap(OBJECTS[3:], ["100,290,4,2,0,70,1,0"])  # beats elsewhere too
    first, count = judged(model, hard, exact=False), sum(encoded)
    second = judged(model, easy, exact=False)
    assert sum(encoded) == count > 1
    for scores, beatmap in ((first, hard), (second, easy)):
        alone = judged(load_model(folders[version], "cpu", "fp32"), beatmap, exact=False)
        for name, expected in alone.items():
            assert [s.surprisal for s in scores[name]] == pytest.approx([s.surprisal for s in expected], abs=1e-5)
    monkeypatch.setattr("maimod.families.mapperatorinator.torch_runner.KEPT_BYTES", 1)
    model.runner.hidden(*_two_windows(model, hard))
    assert len(model.runner._memories) == 1  # type: ignore[attr-defined]


def _two_windows(model: Model, beatmap: Beatmap) -> tuple[list[WindowInputs], list[np.ndarray]]:
    encoded = model.family.encode(beatmap, a_song(), Conditioning(4.2))
    inputs = [encoded.inputs(window) for window in encoded.windows[:2]]
    return inputs, [np.array([0])] * len(inputs)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_copied_into_larger_tensors_is_known_by_name(version: str, folders: dict[str, Path]) -> None:
    """Else its pages of the file would stay in memory beside the copy."""
    from safetensors.torch import load_file

    family = open_folder(folders[version])
    tensors = load_file(folders[version] / "model.safetensors")
    places = {name: tensor.data_ptr() for name, tensor in tensors.items() if tensor.numel()}
    kept = {tensor.data_ptr() for tensor in family.rename(tensors).values()}
    copied = {name for name, place in places.items() if place not in kept}
    assert {name for name in copied if "_proj." in name} == {name for name in places if family.joins(name)}
    assert bool(copied & {name for name in places if "q_proj.weight" in name}) == (version != "v32")


@pytest.mark.parametrize("name", ["no such folder", "C:\\models\\v30"])
def test_names_that_are_nothing(name: str) -> None:
    with pytest.raises(CheckpointError, match="no such checkpoint folder"):
        find(name)


@pytest.mark.parametrize("precision", ["bf16", "amp", "int8"])
@pytest.mark.parametrize("version", VERSIONS)
def test_lower_precision_stays_close_and_hears_in_full(
    version: str, precision: str, folders: dict[str, Path], models: dict[str, Model]
) -> None:
    import torch

    rough = load_model(folders[version], "cpu", precision)
    exact, close = (
        np.array([s.surprisal for scores in judged(model, a_map(), exact=False).values() for s in scores])
        for model in (models[version], rough)
    )
    assert np.corrcoef(exact, close)[0, 1] > 0.99
    samples = torch.from_numpy(a_song()[: rough.config.window_samples])[None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(rough.runner.network.mel_bands(samples), models[version].runner.network.mel_bands(samples))


@pytest.mark.slow
def test_loading_leaves_the_compiler_of_torch_alone(folders: dict[str, Path]) -> None:
    """It costs a second at every start."""
    code = (
        "import sys; from pathlib import Path; from maimod.families.checkpoint import load_model; "
        f"load_model(Path({str(folders['v30'])!r}), 'cpu'); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_converted_weights_do_not_keep_the_file_in_memory(precision, folders, monkeypatch):
    read = []
    weights = checkpoint._weights
    monkeypatch.setattr(checkpoint, "_weights", lambda *of: read.append(weights(*of)) or dict(read[-1]))
    network = load_model(folders["v30"], "cpu", precision).runner.network
    of_file = {tensor.data_ptr() for tensor in read[0].values()}
    assert len(of_file) > 20
    assert of_file.isdisjoint(tensor.data_ptr() for tensor in (*network.parameters(), *network.buffers()))
