"""Plot a held-out map during training: the song, the map's events and the model's predictions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from maimod.errors import AudioError, BeatmapError
from maimod.events.schema import EventKind
from maimod.events.vocabulary import Conditioning
from maimod.families import scoring
from maimod.families.family import Model
from maimod.linter import song
from maimod.linter.song import Song
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap
from maimod.osu.level import star_rating
from maimod.training.corpus import is_held_out

matplotlib.use("Agg")
from matplotlib import pyplot

from maimod.audio import spectrogram

SHOWN_MS = 8_000.0
N_MELS = 80
"""Bands of the picture's spectrogram, not of the model's."""


@dataclass(frozen=True)
class Example:
    """A map that is drawn repeatedly."""

    beatmap: Beatmap
    song: Song


def held_out_map(songs: Path, model: Model) -> Example | None:
    """The first map with a song that training holds out and the model can read."""
    for path in sorted(songs.rglob("*.osu")):
        if not is_held_out(path.parent):
            continue
        try:
            loaded = parser.load(path)
            found = parser.find_audio(loaded)
            if found is not None and loaded.mode in model.vocabulary.modes and len(loaded.hit_objects) > 50:
                return Example(loaded, song.load(found))
        except (BeatmapError, AudioError):
            continue
    return None


def draw(model: Model, example: Example, path: Path) -> Any:
    """Draw the densest section of the map to a PNG.

    Returns:
        The figure.
    """
    beatmap = example.beatmap
    encoded = model.family.encode(beatmap, example.song.model_input(model.family), Conditioning(star_rating(beatmap)))
    scores = [score for context in scoring.score(model, encoded).values() for score in context]
    times = np.array([o.time for o in beatmap.hit_objects])
    start = float(times[np.argmax([np.count_nonzero((times >= t) & (times < t + SHOWN_MS)) for t in times])])
    figure, (sound, objects, bits) = pyplot.subplots(3, 1, figsize=(14, 7), sharex=True, height_ratios=(3, 1, 2))
    first = round(start * example.song.audio.sample_rate / 1000)
    samples = example.song.audio.samples[
        max(first, 0) : first + round(SHOWN_MS * example.song.audio.sample_rate / 1000)
    ]
    mel = spectrogram.log_mel(samples, n_mels=N_MELS)
    sound.imshow(
        np.log(mel + 1e-4).T, origin="lower", aspect="auto", extent=(start, start + SHOWN_MS, 0, N_MELS), cmap="magma"
    )
    sound.set_ylabel("mel band")
    inside = [score for score in scores if start <= score.event.time < start + SHOWN_MS]
    objects.vlines(
        [score.event.time for score in inside if score.event.kind is EventKind.TIME],
        0.5,
        1.0,
        "tab:blue",
        label="the map",
    )
    offered = [
        (event.value, share)
        for score in inside
        if score.event.kind is EventKind.TIME
        for event, share in score.expected
        if event.kind is EventKind.TIME and share > 0.02
    ]
    if offered:
        objects.vlines(
            [at for at, _ in offered], 0.0, [share / 2 for _, share in offered], "tab:orange", label="the model"
        )
    objects.set(ylabel="times", ylim=(0, 1), yticks=[])
    objects.legend(loc="upper right", fontsize="small")
    kinds = sorted({score.event.kind for score in inside})
    for kind in kinds:
        own = [score for score in inside if score.event.kind is kind]
        bits.plot([score.event.time for score in own], [score.surprisal for score in own], ".", label=kind.value)
    bits.set(xlabel="ms", ylabel="bits", xlim=(start, start + SHOWN_MS))
    bits.legend(loc="upper right", fontsize="x-small", ncols=6)
    figure.suptitle(
        f"{beatmap.metadata.get('Title', '')} [{beatmap.metadata.get('Version', '')}]: "
        f"{np.mean([score.surprisal for score in scores]):.2f} bits/event"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90, bbox_inches="tight")
    pyplot.close(figure)
    return figure
