"""Train the proofreader: change small things in good maps, over and over, and let it say what was changed.

`python -m maimod.training.discriminator SONGS --output DIR --minutes 60`; goes on from DIR if it holds weights. On one
CPU core in bfloat16 about 30 windows of 192 slots a second.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from safetensors.torch import save_file
from torch import Tensor

from maimod.audio import decode, onsets, spectrogram
from maimod.discriminator import features
from maimod.discriminator.features import COLUMN, REACH, ContextFeatures
from maimod.discriminator.network import COVERED, Discriminator, DiscriminatorConfig, load
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.parser import BeatmapError, find_audio
from maimod.osu.parser import load as load_beatmap
from maimod.rules.rhythm_index import lag_of
from maimod.training.corruption import KINDS, corrupt, corrupt_lines

HELD_OUT_SHARE = 0.15
"""Share of the mapset folders that training leaves out: for watching the loss, and for fitting `calibration.json`."""
BATCH = 16
BUFFER = 640
"""Windows that are mixed, so that a batch is not of one map."""
CLEAN_SHARE = 0.35
"""Windows of the map as it is."""
COVER_SHARE, COVERED_SLOTS = 0.3, 0.15
"""Windows with covered slots, and the share of slots covered in them, one to five in a row."""
FILL_WEIGHT = 0.05
KIND_WEIGHT = {
    "combo": 2.0,
    "addition": 1.5,
    "sample_set": 1.5,
    "place": 2.0,
    "length": 1.5,
    "shape": 1.5,
    "volume": 2.0,
    "kiai": 0.5,
    "velocity": 0.5,
}
"""Of the loss, 1 for the others: rare kinds would be learned last."""
LEARNING_RATE, WARM_UP = 1.5e-3, 200
MODE_WEIGHT = {Mode.OSU: 1.0, Mode.TAIKO: 2.0, Mode.CATCH: 3.0, Mode.MANIA: 0.25}
SONGLESS_WEIGHT = 0.3


def is_held_out(folder: Path) -> bool:
    """Whether a mapset folder is left out, by its name; those that `maimod train` leaves out are among them."""
    digest = hashlib.sha256(folder.name.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT_SHARE


@dataclass(frozen=True)
class Example:
    """A map and what lies around it."""

    beatmap: Beatmap
    around: ContextFeatures
    has_song: bool


class _Reader:
    """Reads one mapset folder and keeps what is slow to measure; picklable."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def __call__(self, folder: Path) -> int:
        maps = []
        for path in sorted(folder.glob("*.osu")):
            try:
                maps.append(load_beatmap(path))
            except BeatmapError:
                continue
        song = lru_cache(maxsize=2)(_song)
        written = 0
        for beatmap in maps:
            target = self.cache / f"{_key(beatmap.path)}.npz"
            grid = features.grid_of(beatmap)
            if grid is None or target.exists():
                continue
            bands = envelope = None
            if song_path := find_audio(beatmap):
                with suppress(decode.AudioError):
                    bands, envelope = song(song_path)
            times = np.unique([o.time + beatmap.audio_offset for o in beatmap.hit_objects])
            alignment = onsets.alignment(envelope, times) if envelope is not None else None
            around = features.context_features(
                beatmap,
                grid,
                bands,
                envelope,
                lag_of(alignment),
                features.other_difficulties(beatmap, [m for m in maps if m is not beatmap]),
            )
            partial = target.with_suffix(".part.npz")
            np.savez(
                partial,
                song=around.song.astype(np.float16),
                place=around.position.astype(np.float16),
                siblings=around.siblings.astype(np.float16),
                alike=around.similar[0].astype(np.int16),
                weights=around.similar[1].astype(np.float16),
            )
            partial.rename(target)
            written += 1
        return written


def _song(path: Path) -> tuple[spectrogram.Bands, onsets.OnsetEnvelope]:
    decoded = decode.load(path)
    return spectrogram.song_bands(decoded), onsets.onset_envelope(decoded)


def _key(path: Path) -> str:
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).hexdigest()[:24]


def prepare(folder: Path, cache: Path, jobs: int, tell: Callable[[str], None]) -> None:
    """Measure what lies around every map below `folder`, once."""
    cache.mkdir(parents=True, exist_ok=True)
    folders = sorted({path.parent for path in folder.rglob("*.osu")})
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for done, _ in enumerate(pool.imap_unordered(_Reader(cache), folders, chunksize=4), start=1):
            if done % 50 == 0 or done == len(folders):
                tell(f"{done} of {len(folders)} folders measured")


def examples(
    folder: Path, cache: Path, accept: Callable[[Path], bool], known: frozenset[Path] = frozenset()
) -> list[Example]:
    """Maps of the accepted folders that have been measured, less the `known`."""
    found = []
    for path in sorted(folder.rglob("*.osu")):
        stored = cache / f"{_key(path)}.npz"
        if path in known or not accept(path.parent) or not stored.exists():
            continue
        beatmap = load_beatmap(path)
        grid = features.grid_of(beatmap)
        if grid is None:
            continue
        with np.load(stored) as arrays:
            around = ContextFeatures(
                grid, arrays["song"], arrays["place"], (arrays["alike"], arrays["weights"]), arrays["siblings"]
            )
        found.append(Example(beatmap, around, bool(around.song[:, -1].any())))
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Windows


@dataclass(frozen=True)
class Window:
    """A piece of a map."""

    categories: np.ndarray
    numbers: np.ndarray
    context: np.ndarray
    labels: np.ndarray
    neighbours: np.ndarray
    """As in :class:`maimod.discriminator.features.MapFeatures`, from the start of the window."""
    is_clean: bool


def pieces(example: Example, random: Generator, training: bool = True) -> Iterator[Window]:
    """Cut a map, changed or not, into windows."""
    around, grid = example.around, example.around.grid
    if grid.count < REACH:
        return
    alike = around.similar[0].astype(np.int64), around.similar[1].astype(np.float32)
    song, siblings = around.song, around.siblings
    if training:
        drops = random.random(3)
        if drops[0] < 0.5:
            siblings = np.zeros_like(siblings)
        if drops[1] < 0.1:
            song, alike = np.zeros_like(song), (alike[0], np.zeros_like(alike[1]))
        elif drops[2] < 0.2:
            alike = alike[0], np.zeros_like(alike[1])
    around = replace(around, similar=alike, song=song, siblings=siblings)
    changed, labels = corrupt(example.beatmap, grid, random)
    versions = [(example.beatmap, np.zeros_like(labels), True), (changed, labels, False)]
    made = []
    for beatmap, marks, is_clean in versions:
        categories, numbers, neighbours = features.object_features(beatmap, grid)
        if not is_clean:
            corrupt_lines(categories, numbers, beatmap.mode, marks, random)
            features.fill_contrasts(categories, numbers)
        made.append(
            (categories, numbers, around.combined(features.summary(categories, numbers)), marks, neighbours, is_clean)
        )
    for first in range(int(random.integers(REACH // 2)), grid.count - REACH + 1, REACH):
        at = slice(first, first + REACH)
        categories, numbers, surrounding, marks, neighbours, is_clean = made[0 if random.random() < CLEAN_SHARE else 1]
        yield Window(categories[at], numbers[at], surrounding[at], marks[at], neighbours[at] - first, is_clean)


def _cover(window: Window, random: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which slots to cover, and the numbers with the steps from and to what is covered taken out."""
    covered = np.zeros(REACH, dtype=bool)
    while covered.mean() < COVERED_SLOTS:
        first = int(random.integers(REACH))
        covered[first : first + int(random.choice([1, 1, 2, 3, 5]))] = True
    numbers = window.numbers.copy()
    for side, columns in ((0, features.BEFORE), (1, features.AFTER)):
        beside = window.neighbours[:, side]
        hides = (beside >= 0) & (beside < REACH) & covered[np.clip(beside, 0, REACH - 1)]
        numbers[np.ix_(hides, np.arange(columns.start, columns.stop))] = 0.0
    numbers[:, features.CONTRASTS] = 0.0  # they tell of what is covered beside them
    return covered, numbers


def batches(found: Sequence[Example], random: Generator) -> Iterator[dict[str, Tensor]]:
    """Mixed batches without end."""
    buffer: list[Window] = []
    while True:
        weights = np.array([MODE_WEIGHT[e.beatmap.mode] * (1.0 if e.has_song else SONGLESS_WEIGHT) for e in found])
        weights /= weights.sum()
        while len(buffer) < BUFFER:
            buffer.extend(pieces(found[int(random.choice(len(found), p=weights))], random))
        yield collate([buffer.pop(int(random.integers(len(buffer)))) for _ in range(BATCH)], random)


def collate(chosen: Sequence[Window], random: Generator) -> dict[str, Tensor]:
    """Stack windows; some get covers."""
    covers, numbers = [], []
    for window in chosen:
        covered, own = np.zeros(REACH, dtype=bool), window.numbers
        if random.random() < COVER_SHARE:
            covered, own = _cover(window, random)
        covers.append(covered)
        numbers.append(own)
    return {
        "categories": torch.from_numpy(np.stack([w.categories for w in chosen])).long(),
        "numbers": torch.from_numpy(np.stack(numbers)),
        "covered": torch.from_numpy(np.stack(covers)),
        "context": torch.from_numpy(np.stack([w.context for w in chosen])),
        "labels": torch.from_numpy(np.stack([w.labels for w in chosen])).float(),
        "is_clean": torch.tensor([w.is_clean for w in chosen]),
    }


def losses(network: Discriminator, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """(loss of changes, loss of covered slots, logits of changes)."""
    covered = batch["covered"]
    logits, read = network(batch["categories"], batch["numbers"], batch["context"], covered)
    per_slot = F.binary_cross_entropy_with_logits(logits.float(), batch["labels"], reduction="none")
    per_slot = (per_slot * torch.tensor([KIND_WEIGHT.get(kind, 1.0) for kind in KINDS])).sum(dim=-1)
    changes = per_slot[~covered].mean()
    right = covered & batch["is_clean"][:, None]
    fills = logits.new_zeros((), dtype=torch.float32)
    if right.any():
        categories = batch["categories"][right]
        begins = categories[:, COLUMN["kind"]] > 0
        for name in COVERED:
            given = network.filled[name](read[right]).float()
            loss = F.cross_entropy(given, categories[:, COLUMN[name]], reduction="none")
            # A flag or a sound belongs to something: asked for where there is something.
            fills = fills + (
                loss.mean() if name in ("starts", "kind") else (loss * begins).sum() / begins.sum().clamp(min=1)
            )
    return changes, fills, logits


# ---------------------------------------------------------------------------------------------------------------------
# Training


def train(songs: Path, output: Path, cache: Path, minutes: float, seed: int, tell: Callable[[str], None]) -> None:
    """Train for some minutes; write weights now and then."""
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    found = examples(songs, cache, lambda folder: not is_held_out(folder))
    watched = [e for e in examples(songs, cache, is_held_out) if e.has_song][::4]
    network = (
        load(output)[0].train()
        if (output / "model.safetensors").exists()
        else Discriminator(DiscriminatorConfig(len(KINDS)))
    )
    tell(
        f"{len(found)} maps to learn from, {len(watched)} to watch, {sum(p.numel() for p in network.parameters()):,} parameters"
    )
    decayed = [p for p in network.parameters() if p.dim() > 1]
    others = [p for p in network.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
        lr=LEARNING_RATE,
        betas=(0.9, 0.98),
    )
    check = _fixed(watched, seed)
    stream, began, saved, step = batches(found, random), time.monotonic(), 0.0, 0
    averages = [0.0, 0.0]
    while (spent := (time.monotonic() - began) / 60) < minutes:
        step += 1
        rate = (
            LEARNING_RATE * min(step / WARM_UP, 1.0) * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * spent / minutes)))
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16):
            changes, fills, _ = losses(network, next(stream))
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(changes + FILL_WEIGHT * fills)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        for i, value in enumerate((changes, fills)):
            averages[i] += (float(value.detach()) - averages[i]) * max(0.01, 1 / step)
        if step % 200 == 0:
            tell(f"{spent:.1f} min, step {step}: changes {averages[0]:.4f}, covers {averages[1]:.3f}")
        if spent - saved > 5:
            saved = spent
            save(network, output)
            tell(report(network, check))
            # Measuring may still go on in another process.
            found += examples(
                songs, cache, lambda folder: not is_held_out(folder), frozenset(e.beatmap.path for e in found)
            )
    save(network, output)
    tell(report(network, check))


def _fixed(watched: Sequence[Example], seed: int) -> list[dict[str, Tensor]]:
    random = np.random.default_rng(seed)
    chosen = [window for example in watched for window in pieces(example, random, training=False)]
    order = random.permutation(len(chosen))[:640]
    return [collate([chosen[i] for i in order[k : k + BATCH]], random) for k in range(0, len(order) - BATCH + 1, BATCH)]


@torch.inference_mode()
def report(network: Discriminator, check: Sequence[dict[str, Tensor]]) -> str:
    """Losses on the watched maps, and for each kind the share of changes found where 1 slot in 1,000 is wrongly marked."""
    network.eval()
    sums, logits, labels = np.zeros(2), [], []
    for batch in check:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            changes, fills, found = losses(network, batch)
        sums += float(changes), float(fills)
        keep = ~batch["covered"]
        logits.append(found[keep].float().numpy())
        labels.append(batch["labels"][keep].numpy() > 0)
    network.train()
    all_logits, all_labels = np.concatenate(logits), np.concatenate(labels)
    shares = []
    for k, kind in enumerate(KINDS):
        own, right = all_logits[:, k], all_labels[:, k]
        if right.sum() >= 10:
            shares.append(f"{kind} {np.mean(own[right] > np.quantile(own[~right], 0.999)):.0%}")
    return f"watched: changes {sums[0] / len(check):.4f}, covers {sums[1] / len(check):.3f}; " + ", ".join(shares)


def save(network: Discriminator, output: Path) -> None:
    """Write weights and config."""
    output.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: value.detach().clone().contiguous() for name, value in network.state_dict().items()},
        output / "model.safetensors",
    )
    config = {**asdict(network.config), "kinds": KINDS}
    (output / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m maimod.training.discriminator", description="Train the proofreader."
    )
    parser.add_argument("songs", type=Path, help="a Songs folder of good maps")
    parser.add_argument("--output", type=Path, required=True, help="folder of the weights; goes on from what is there")
    parser.add_argument("--cache", type=Path, help="where measurements are kept; OUTPUT/cache by default")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=None, help="processes that measure the songs")
    parser.add_argument("--prepare", action="store_true", help="only measure")
    options = parser.parse_args(arguments)
    cache = options.cache or options.output / "cache"

    def tell(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    prepare(options.songs, cache, options.jobs or multiprocessing.cpu_count(), tell)
    if not options.prepare:
        train(options.songs, options.output, cache, options.minutes, options.seed, tell)


if __name__ == "__main__":
    main()
