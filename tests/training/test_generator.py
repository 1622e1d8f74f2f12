"""Training: what is drawn teaches the next token of the map, changed maps stay maps, and an interrupted training goes
on."""

from __future__ import annotations

import json
import multiprocessing.dummy
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from maimod import app
from maimod.events.schema import EventKind
from maimod.events.vocabulary import Vocabulary
from maimod.families.checkpoint import load_model
from maimod.families.mapperatorinator.family import Mapperatorinator
from maimod.families.registry import open_folder
from maimod.osu.timing import TICKS_PER_BEAT
from maimod.training import corpus as corpora
from maimod.training import dataset
from maimod.training.corpus import Corpus
from maimod.training.dataset import IGNORED, Sampler, collate
from tests import checkpoints

ROOT = Path(__file__).parents[2]
BUNDLED, EXAMPLE = ROOT / "models" / "maimod-mini", ROOT / "examples" / "maimod example"
TINY = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "feed_forward": 32, "window_ms": 4_000.0}


def shape_of(version: str, folder: Path) -> Path:
    """A tiny checkpoint of ours, without weights, or of a published family."""
    if version != "bundled":
        return checkpoints.write(folder, version)
    folder.mkdir()
    shutil.copy(BUNDLED / "tokenizer.json", folder)
    (folder / "config.json").write_text(json.dumps(json.loads((BUNDLED / "config.json").read_text()) | TINY))
    return folder


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Songs folder with one osu! map of the example."""
    folder = tmp_path_factory.mktemp("songs")
    (folder / "set").mkdir()
    shutil.copy(EXAMPLE / "audio.mp3", folder / "set")
    shutil.copy(EXAMPLE / "maimod - Example (maimod) [Hard].osu", folder / "set")
    return folder


def drawn(version: str, songs: Path, folder: Path, augments: bool) -> tuple[Sampler, Vocabulary, Corpus]:
    family = open_folder(shape_of(version, folder))
    part = corpora._Reader(family)(songs / "set")
    assert not part.refused
    return Sampler(part, family, batch_cost=3_000, max_tokens=400, seed=3, augments=augments), family.vocabulary, part


@pytest.mark.parametrize("version", ["bundled", "v29", "v30", "v31", "v32"])
def test_targets_are_the_events_that_follow(version: str, songs: Path, tmp_path: Path) -> None:
    sampler, vocabulary, part = drawn(version, songs, tmp_path / "shape", augments=False)
    marks = set(vocabulary.context_end.values())
    for _ in range(6):
        item = sampler.draw(part.examples[0])
        tokens = item.inputs.by_token["tokens"]
        learned = np.flatnonzero(item.targets != IGNORED)
        assert np.array_equal(item.targets[learned], tokens[learned + 1])
        for token in item.targets[learned]:
            assert token in marks or (vocabulary.kinds[token] and token < vocabulary.size_out)


@pytest.mark.parametrize("version", ["bundled", "v30", "v32"])
def test_changed_windows_are_still_maps(version: str, songs: Path, tmp_path: Path) -> None:
    sampler, vocabulary, part = drawn(version, songs, tmp_path / "shape", augments=True)
    items = [sampler.draw(part.examples[0]) for _ in range(12)]
    batch = collate(items)
    assert np.isfinite([array.sum() for array in batch.values()]).all()
    inside = batch["targets"] != IGNORED
    assert inside.any() and batch["targets"][inside].max() < vocabulary.size_out
    if version == "bundled":  # rhythm is told in ticks, which no change of speed touches
        ticks = [
            vocabulary.decode(int(token))[1]
            for token in batch["targets"][inside]
            if vocabulary.kinds[token] is EventKind.TIME
        ]
        assert set(ticks) <= set(range(0, 9 * TICKS_PER_BEAT))


@pytest.mark.parametrize(("kind", "values"), [(EventKind.POS_X, range(128)), (EventKind.POS_Y, range(96))])
def test_mirrored_coordinates(kind: EventKind, values: range) -> None:
    vocabulary = Mapperatorinator(checkpoints.tokenizer("v30"), checkpoints.config("v30")).vocabulary
    tokens = np.array([vocabulary.encode(kind, value) for value in values])
    assert np.array_equal(dataset._mirror(tokens, vocabulary, kind, len(values) - 1), tokens[::-1])


@pytest.mark.parametrize(
    ("kind", "values", "columns"),
    [
        (EventKind.POS, [8 + x + 33 * (8 + y) for y in range(12) for x in range(16)], 16),
        (EventKind.POS_REFINE, list(range(256)), 16),
    ],
)
def test_mirrored_cells(kind: EventKind, values: list[int], columns: int) -> None:
    vocabulary = Mapperatorinator(checkpoints.tokenizer("v32"), checkpoints.config("v32")).vocabulary
    grid = np.array([vocabulary.encode(kind, value) for value in values]).reshape(-1, columns)
    assert np.array_equal(
        dataset._mirror_cells(grid.ravel(), vocabulary, True, False).reshape(grid.shape), grid[:, ::-1]
    )
    assert np.array_equal(dataset._mirror_cells(grid.ravel(), vocabulary, False, True).reshape(grid.shape), grid[::-1])


@pytest.mark.parametrize("version", ["bundled", "v31"])
def test_training_writes_a_checkpoint_and_goes_on(
    version: str, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        corpora, "multiprocessing", SimpleNamespace(get_context=lambda kind: multiprocessing.dummy)
    )  # one process
    shape, output = shape_of(version, tmp_path / "shape"), tmp_path / "trained"
    source = [f"--shape={shape}"] if version == "bundled" else [f"--from={shape}"]
    assert app.main(["train", str(songs), f"--output={output}", *source, "--minutes=0.015", "--device=cpu"]) == 0
    assert load_model(output, "cpu").info.family == ("maimod" if version == "bundled" else "Mapperatorinator V31")
    first = capsys.readouterr().err
    assert app.main(["train", str(songs), f"--output={output}", *source, "--minutes=0.025", "--device=cpu"]) == 0
    assert "going on from step" in capsys.readouterr().err and "going on" not in first


def test_a_published_architecture_is_not_trained_from_nothing(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = checkpoints.write(tmp_path / "shape", "v30")
    assert app.main(["train", str(tmp_path), f"--output={tmp_path / 'out'}", f"--shape={shape}", "--minutes=0.01"]) == 2
    assert "give --from" in capsys.readouterr().err
