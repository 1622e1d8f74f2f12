"""Train a checkpoint from a folder of mapsets: teacher forcing on random windows, next-token cross-entropy.

The shape (`config.json`) and the vocabulary (`tokenizer.json`) come from a folder, of our family or a published one,
and so may the weights to begin with. Training runs for a given time: the learning rate warms up, stays, and falls to
zero over the last third, whatever the machine. It can be stopped at any moment and goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from maimod.events.vocabulary import Vocabulary
from maimod.families import checkpoint, registry
from maimod.families.checkpoint import WEIGHTS, resolve_device
from maimod.families.errors import CheckpointError
from maimod.families.family import Family, Model
from maimod.families.inputs import IGNORED
from maimod.families.network import Network
from maimod.findings import ModelInfo
from maimod.training import corpus as corpora
from maimod.training.corpus import Corpus
from maimod.training.dataset import Sampler

TRAINER, CORPUS = "trainer.pt", "corpus.npz"
DEVELOPMENT_BATCHES = 16
NEW_RATE, TUNING_RATE = 1.5e-3, 1e-4
"""Peak learning rates: from nothing, and from weights that know something already."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to train."""

    minutes: float = 60.0
    rate: float | None = None
    """Peak learning rate; None is `NEW_RATE` or `TUNING_RATE`."""
    warm_up_steps: int = 200
    batch_cost: int = 6_500
    """Of a batch, as :class:`Sampler` counts."""
    max_tokens: int = 768
    """Longer windows are cut; published checkpoints have their own limit."""
    seed: int = 1
    device: str = "auto"
    evaluate_every: float = 600.0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a training is."""

    number: int
    minutes: float
    bits: float
    """Per event, a running mean."""
    rate: float


def loss_of(network: Network, batch: dict[str, np.ndarray], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy [nats], and per-token loss (B, T); in bfloat16 arithmetic."""
    inputs = {name: torch.from_numpy(array).to(device, non_blocking=True) for name, array in batch.items()}
    targets = inputs.pop("targets")
    with torch.autocast(device.type, dtype=torch.bfloat16):
        logits = network(**inputs)
    each = F.cross_entropy(logits.float().transpose(1, 2), targets, ignore_index=IGNORED, reduction="none")
    return each.sum() / (targets != IGNORED).sum().clamp(min=1), each


def development_batches(corpus: Corpus, family: Family[Any], options: Options) -> list[dict[str, np.ndarray]]:
    """A fixed set of windows of the held-out folders as they are, the same at every call."""
    held_out = Corpus(
        [replace(e, development=False) for e in corpus.examples if e.development and e.song >= 0], corpus.songs, []
    )
    sampler = Sampler(
        held_out, family, batch_cost=options.batch_cost, max_tokens=options.max_tokens, seed=7, augments=False
    )
    stream = sampler.batches()
    return [next(stream) for _ in range(DEVELOPMENT_BATCHES)] if sampler.examples else []


@torch.no_grad()
def evaluate(
    network: Network, batches: list[dict[str, np.ndarray]], vocabulary: Vocabulary, device: torch.device
) -> dict[str, float]:
    """Bits per event of each kind, and over all."""
    network.eval()
    bits: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for batch in batches:
        _, each = loss_of(network, batch, device)
        for target, loss in zip(batch["targets"].flatten().tolist(), each.flatten().tolist(), strict=True):
            if target != IGNORED:
                for name in (str(vocabulary.kinds[target] or "end"), "all"):
                    bits[name] += loss / np.log(2)
                    counts[name] += 1
    network.train()
    return {name: bits[name] / counts[name] for name in sorted(bits)}


def _rate(options: Options, peak: float, step: int, elapsed: float) -> float:
    """Learning rate: warm-up by steps, then constant, then linear to zero over the last third of the time."""
    share = elapsed / (60 * options.minutes)
    return peak * min(1.0, (step + 1) / options.warm_up_steps) * min(1.0, max(0.0, (1.0 - share) * 3))


def train(
    songs: Path,
    shape: Path,
    output: Path,
    options: Options,
    report: Callable[[str], None],
    start: Path | None = None,
    watch: Callable[[Step], None] = lambda step: None,
) -> None:
    """Train and write a checkpoint folder.

    Args:
        songs: a Songs folder.
        shape: folder with `config.json` and `tokenizer.json`.
        output: checkpoint folder to write; `trainer.pt` in it lets an interrupted training go on.
        options: how.
        report: called with a line now and then.
        start: checkpoint whose weights to begin with; it is the shape, too.
        watch: called after each step.

    Raises:
        CheckpointError: if the shape or the checkpoint cannot be used, or there is nothing to train on.
    """
    device = resolve_device(options.device)
    torch.manual_seed(options.seed)
    shape = start or shape
    family = registry.open_folder(shape)
    output.mkdir(parents=True, exist_ok=True)
    if shape.resolve() != output.resolve():
        shutil.copy(shape / "tokenizer.json", output / "tokenizer.json")
    corpus = _corpus(songs, output, family, report)
    network = _network(family, start).to(device)
    report(f"{sum(p.numel() for p in network.parameters()):,} parameters on {device}")
    peak = options.rate or (NEW_RATE if start is None else TUNING_RATE)
    decayed, others = [p for p in network.parameters() if p.ndim >= 2], [p for p in network.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
        lr=peak,
        betas=(0.9, 0.98),
        fused=device.type == "cuda",
    )
    step, before = _resume(output, network, optimizer, device, report)
    watched = development_batches(corpus, family, options)
    sampler = Sampler(
        corpus, family, batch_cost=options.batch_cost, max_tokens=options.max_tokens, seed=options.seed + step
    )
    if not sampler.examples:
        raise CheckpointError(
            f"{songs}: no beatmaps to train on (a Songs folder has one folder per mapset, with its song)"
        )
    journal = _Journal(
        output,
        songs,
        Model(network, family, ModelInfo(output.name, "training", str(device), "amp"), torch.bfloat16),
        report,
    )

    def write(elapsed: float) -> None:
        (output / "config.json").write_text(json.dumps(family.stored, indent=1) + "\n", encoding="utf-8")
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, output / WEIGHTS)
        torch.save({"optimizer": optimizer.state_dict(), "step": step, "elapsed": elapsed}, output / TRAINER)

    began, last_evaluation, average = time.monotonic(), time.monotonic(), None
    network.train()
    for batch in sampler.batches():
        elapsed = before + time.monotonic() - began
        if elapsed >= 60 * options.minutes:
            break
        rate = _rate(options, peak, step, elapsed)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, _ = loss_of(network, batch, device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        step += 1
        done = Step(step, elapsed / 60, average / float(np.log(2)), rate)
        watch(done)
        journal.note_step(done)
        if time.monotonic() - last_evaluation > options.evaluate_every:
            last_evaluation = time.monotonic()
            write(elapsed)
            journal.note_evaluation(step, evaluate(network, watched, family.vocabulary, device))
    write(60 * options.minutes)
    journal.note_evaluation(step, evaluate(network, watched, family.vocabulary, device))


def _network(family: Family[Any], start: Path | None) -> Network:
    """A network to train: of the weights of `start`, else of random ones."""
    if start is not None:
        return checkpoint.load_model(start, "cpu", "fp32").network
    if family.starts_from_weights:
        raise CheckpointError("a published architecture is trained further, not anew: give --from its checkpoint")
    return family.make_network()


def _corpus(songs: Path, output: Path, family: Family[Any], report: Callable[[str], None]) -> Corpus:
    cache = output / CORPUS
    if cache.exists():
        corpus = corpora.load(cache, family)
    else:
        corpus = corpora.read(
            songs, family, lambda done, total: report(f"reading {done}/{total}") if done % 50 == 0 else None
        )
        corpora.save(corpus, family, cache)
        for line in corpus.refused:
            report(f"left out: {line}")
    report(
        f"{len(corpus.examples)} maps, {len(corpus.songs)} songs, {sum(e.n_events for e in corpus.examples):,} events"
    )
    return corpus


def _resume(
    output: Path,
    network: Network,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
    report: Callable[[str], None],
) -> tuple[int, float]:
    """Steps and seconds of an interrupted training, whose weights are put into `network`."""
    if not (output / TRAINER).exists():
        return 0, 0.0
    saved = torch.load(output / TRAINER, map_location=device, weights_only=True)
    optimizer.load_state_dict(saved["optimizer"])
    network.load_state_dict(load_file(output / WEIGHTS))
    report(f"going on from step {saved['step']}")
    return int(saved["step"]), float(saved["elapsed"])


class _Journal:
    """What is kept of a training: lines, TensorBoard logs and pictures, these two if the `train` extra is installed."""

    def __init__(self, output: Path, songs: Path, model: Model, report: Callable[[str], None]) -> None:
        self.output, self.songs, self.model, self.report, self.board, self.example = (
            output,
            songs,
            model,
            report,
            None,
            None,
        )
        try:
            from torch.utils.tensorboard import SummaryWriter

            from maimod.training import plots

            self.board = SummaryWriter(str(output / "log"))
            self.example = plots.held_out_map(songs, model)
        except ImportError:
            report('no TensorBoard log and no plots: pip install "maimod[train]" brings them')

    def note_step(self, step: Step) -> None:
        """Once in a while, how far it is."""
        if step.number % 50 == 0:
            self.report(f"step {step.number}, {step.minutes:.1f} min, {step.bits:.3f} bits/event, rate {step.rate:.1e}")
            if self.board:
                self.board.add_scalar("train/bits", step.bits, step.number)
                self.board.add_scalar("train/rate", step.rate, step.number)

    def note_evaluation(self, step: int, bits: dict[str, float]) -> None:
        """What held-out windows say."""
        self.report("held out: " + json.dumps({kind: round(value, 3) for kind, value in bits.items()}))
        if not self.board:
            return
        for kind, value in bits.items():
            self.board.add_scalar(f"held out/{kind}", value, step)
        if self.example:
            from maimod.training import plots

            self.model.network.eval()
            figure = plots.draw(self.model, self.example, self.output / "plots" / f"step-{step:06d}.png")
            self.board.add_figure("held out", figure, step)
            self.model.network.train()
        self.board.flush()
