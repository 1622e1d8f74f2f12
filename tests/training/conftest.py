"""A tiny Songs folder, and tiny checkpoints of every family."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests import checkpoints, maps

BUNDLED = Path(__file__).parents[2] / "models" / "maimod-mini"
TINY = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "feed_forward": 32, "window_ms": 4_000.0}
TRAINED, HELD_OUT = "set", "set 7"
"""Folder names; the second is held out by every share."""


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Songs folder with the same map, of half a minute, in a set to train on and in one to hold out."""
    folder = tmp_path_factory.mktemp("songs")
    for name in (TRAINED, HELD_OUT):
        (folder / name).mkdir()
        (folder / name / "map.osu").write_text(map_text(), encoding="utf-8")
        soundfile.write(folder / name / "audio.wav", clicks(), 16_000)
    return folder


def map_text(mode: int = 0, seconds: int = 28) -> str:
    """120 BPM: an object on every half beat, claps and new combos in a pattern, a kiai."""
    objects = [
        f"{64 + i * 37 % 384},{64 + i * 23 % 256},{1000 + 250 * i},{5 if i % 8 == 0 else 1},{8 if i % 4 == 2 else 0},0:0:0:0:"
        for i in range(4 * seconds)
    ]
    lines = ["0,500,4,2,0,70,1,0", "9000,-100,4,2,0,70,0,1", "25000,-100,4,2,0,70,0,0"]
    return maps.text(objects, lines, mode, general={"AudioFilename": "audio.wav"})


def clicks(seconds: int = 30) -> np.ndarray:
    """A click on every half beat over noise."""
    random = np.random.default_rng(0)
    samples = random.normal(scale=0.01, size=seconds * 16_000)
    for start in range(0, len(samples) - 400, 4_000):
        samples[start : start + 400] += random.normal(scale=0.3, size=400) * np.linspace(1, 0, 400)
    return samples.astype(np.float32)


@pytest.fixture
def shape_of(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a tiny checkpoint: "bundled" is of our family and has no weights, "v29" to "v32" are published ones."""

    def make(version: str) -> Path:
        folder = tmp_path / f"shape {version}"
        if version != "bundled":
            return checkpoints.write(folder, version)
        folder.mkdir(exist_ok=True)
        shutil.copy(BUNDLED / "tokenizer.json", folder)
        (folder / "config.json").write_text(json.dumps(json.loads((BUNDLED / "config.json").read_text()) | TINY))
        return folder

    return make
