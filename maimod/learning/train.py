"""Train a checkpoint from a folder of mapsets: teacher forcing on random windows, next-token cross-entropy.

The shape (`config.json`) and the vocabulary (`tokenizer.json`) are read from a folder, so they are data. Training runs for a
given time: the learning rate warms up, stays, and falls to zero over the last third, whatever the machine.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from maimod.beatgrid import N_FEATURES
from maimod.beatmap import Mode
from maimod.configs import CheckpointError, ModelConfig
from maimod.encoding import N_PLACE_FEATURES, EncodedMap, WindowInputs, stack, window_inputs
from maimod.events import EventKind
from maimod.learning import corpus as corpora
from maimod.learning.corpus import Corpus, Example
from maimod.model import Network, resolve_device
from maimod.tokens import Vocabulary
from maimod.windows import Span, Window

MODE_WEIGHTS = {Mode.OSU: 1.0, Mode.TAIKO: 1.5, Mode.CATCH: 1.5, Mode.MANIA: 0.35}
"""How often a second of a map is drawn: the corpus has five times too much mania and too little taiko and catch."""
NO_SONG_WEIGHT = 0.3
"""Maps without a song teach patterns, but not listening."""
SONG_DROPOUT = 0.05
"""Share of windows with a song that are shown without, so that a missing song lowers but does not break the scores."""
FRAMES_COST = 150
"""Encoding a window costs as much time as decoding this many tokens."""
PAST_TOKENS = 64
"""Tokens before a window that are looked through for the last position."""
CLASS_DROPOUT = 0.1
"""Share of windows whose difficulty is unknown."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to train."""

    minutes: float = 60.0
    peak_rate: float = 1.5e-3
    warm_up_steps: int = 200
    batch_cost: int = 4_000
    """Tokens of a batch, each window's frames counted as `FRAMES_COST` more."""
    max_tokens: int = 768
    """Longer windows are cut."""
    seed: int = 1
    device: str = "auto"
    evaluate_every: float = 600.0
    """Seconds."""


def _mirror(tokens: np.ndarray, vocabulary: Vocabulary, kind: EventKind, total: int) -> np.ndarray:
    """Replace values v of `kind` by total - v, where the range allows."""
    if kind not in vocabulary:
        return tokens
    span = vocabulary.ranges[kind]
    inside = (tokens >= span.first_id) & (tokens < span.first_id + span.size)
    values = total - (tokens[inside] - span.first_id + span.low)
    tokens = tokens.copy()
    tokens[inside] = np.clip(values, span.low, span.high) - span.low + span.first_id
    return tokens


class Sampler:
    """Draws random windows, augmented, in batches of about equal length."""

    def __init__(self, corpus: Corpus, vocabulary: Vocabulary, config: ModelConfig, options: Options) -> None:
        self.vocabulary, self.config, self.options, self.songs = vocabulary, config, options, corpus.songs
        self.random = np.random.default_rng(options.seed)
        self.examples = [e for e in corpus.examples if not e.development and len(e.encoded.tokens)]
        weights = np.array([
            np.ptp(e.encoded.times) * MODE_WEIGHTS[e.mode] * (1.0 if e.song >= 0 else NO_SONG_WEIGHT) for e in self.examples])
        self.weights = np.minimum(weights, 300_000.0)  # a marathon is no more than five minutes of a map
        self.weights /= self.weights.sum()

    def draw(self, example: Example) -> tuple[WindowInputs, int, bool]:
        """One window: its inputs, prompt length, and whether it begins with the map's first event."""
        encoded, random = example.encoded, self.random
        start = random.uniform(encoded.times[0] - 0.5 * self.config.window_ms, encoded.times[-1] - 0.2 * self.config.window_ms)
        begin, end = np.searchsorted(np.maximum.accumulate(encoded.times), [start, start + self.config.window_ms])
        while 0 < begin < len(encoded.groups) and encoded.groups[begin] == encoded.groups[begin - 1]:
            begin += 1
        end = min(int(end), int(begin) + self.options.max_tokens)
        low = max(0, int(begin) - PAST_TOKENS)
        part = self.augment(replace(encoded, tokens=encoded.tokens[low:end], times=encoded.times[low:end],
                                    groups=encoded.groups[low:end], phases=encoded.phases[low:end]), example)
        shown = np.arange(int(begin) - low, end - low)
        window = Window(start, start + self.config.window_ms, (Span(shown, shown),))
        mel = self.songs[example.song] if example.song >= 0 and random.random() >= SONG_DROPOUT else None
        inputs = window_inputs(part, part.places(self.vocabulary), window, mel, frames=self.config.frames,
                               frame_ms=self.config.frame_ms, n_mels=self.config.n_mels, audio_offset=example.audio_offset)
        return inputs, len(encoded.prompt), begin == 0

    def augment(self, encoded: EncodedMap, example: Example) -> EncodedMap:
        tokens, prompt, random = encoded.tokens, encoded.prompt, self.random
        precision = self.vocabulary.language.position_precision
        if example.mode in (Mode.OSU, Mode.CATCH):
            if random.random() < 0.5:
                tokens = _mirror(tokens, self.vocabulary, EventKind.POS_X, 512 // precision - 1)
            if random.random() < 0.5:
                tokens = _mirror(tokens, self.vocabulary, EventKind.POS_Y, 384 // precision - 1)
        elif example.keys and random.random() < 0.5:
            tokens = _mirror(tokens, self.vocabulary, EventKind.COLUMN, example.keys - 1)
        if random.random() < CLASS_DROPOUT and EventKind.DIFFICULTY in self.vocabulary:
            span = self.vocabulary.ranges[EventKind.DIFFICULTY]
            known = (prompt >= span.first_id) & (prompt < span.first_id + span.size)
            prompt = np.where(known, span.first_id + span.high, prompt)
        return replace(encoded, tokens=tokens, prompt=prompt)

    def batches(self) -> Iterator[dict[str, torch.Tensor]]:
        """Endless."""
        while True:
            chosen = self.random.choice(len(self.examples), size=192, p=self.weights)
            drawn = [self.draw(self.examples[i]) for i in chosen]
            drawn = sorted((d for d in drawn if len(d[0].by_token["tokens"]) > d[1] + 1), key=lambda d: len(d[0].by_token["tokens"]))
            batches: list[list[tuple[WindowInputs, int, bool]]] = []
            current: list[tuple[WindowInputs, int, bool]] = []
            for item in drawn:
                if current and (len(item[0].by_token["tokens"]) + FRAMES_COST) * (len(current) + 1) > self.options.batch_cost:
                    batches.append(current)
                    current = []
                current.append(item)
            batches.append(current)
            for i in self.random.permutation(len(batches)):
                yield collate(batches[i])


def collate(drawn: list[tuple[WindowInputs, int, bool]]) -> dict[str, torch.Tensor]:
    """Stack windows, right-padded. Targets are -100 on the prompt, the padding and an unforeseeable first time."""
    arrays = stack([inputs for inputs, _, _ in drawn])
    targets = np.full(arrays["tokens"].shape, -100, dtype=np.int64)
    for row, (inputs, prompt_length, is_beginning) in enumerate(drawn):
        tokens = inputs.by_token["tokens"]
        # The first time counts from an event outside of the window, so it cannot be known here.
        first = prompt_length if is_beginning else prompt_length + 1
        targets[row, first - 1:len(tokens) - 1] = tokens[first:]
    return {name: torch.from_numpy(array) for name, array in arrays.items()} | {"targets": torch.from_numpy(targets)}


def loss_of(network: Network, batch: dict[str, torch.Tensor], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy [nats], and per-token loss (B, T)."""
    inputs = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
    targets = inputs.pop("targets")
    with torch.autocast(device.type, dtype=torch.bfloat16):
        logits = network(**inputs)
    each = F.cross_entropy(logits.float().transpose(1, 2), targets, ignore_index=-100, reduction="none")
    return each.sum() / (targets >= 0).sum().clamp(min=1), each


def development_batches(corpus: Corpus, vocabulary: Vocabulary, config: ModelConfig, options: Options) -> list[dict[str, torch.Tensor]]:
    """A fixed set of windows of the held-out folders, the same at every call."""
    held_out = Corpus([replace(e, development=False) for e in corpus.examples if e.development and e.song >= 0], corpus.songs, [])
    if not held_out.examples:
        return []
    sampler = Sampler(held_out, vocabulary, config, replace(options, seed=7))
    stream = sampler.batches()
    return [next(stream) for _ in range(16)]


@torch.no_grad()
def evaluate(network: Network, batches: list[dict[str, torch.Tensor]], vocabulary: Vocabulary, device: torch.device) -> dict[str, float]:
    """Bits per event of each kind, and over all."""
    network.eval()
    bits: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for batch in batches:
        _, each = loss_of(network, batch, device)
        for target, loss in zip(batch["targets"].flatten().tolist(), each.flatten().tolist(), strict=True):
            if target >= 0:
                for name in (str(vocabulary.kinds[target]), "all"):
                    bits[name] += loss / np.log(2)
                    counts[name] += 1
    network.train()
    return {name: bits[name] / counts[name] for name in sorted(bits)}


def _rate(options: Options, step: int, elapsed: float) -> float:
    """Learning rate: warm-up by steps, then constant, then linear to zero over the last third of the time."""
    share = elapsed / (60 * options.minutes)
    return options.peak_rate * min(1.0, (step + 1) / options.warm_up_steps) * min(1.0, max(0.0, (1.0 - share) * 3))


def train(songs: Path, shape: Path, output: Path, options: Options, report: Callable[[str], None]) -> None:
    """Train and write a checkpoint folder.

    Args:
        songs: a Songs folder.
        shape: folder with `config.json` and `tokenizer.json`.
        output: checkpoint folder to write; `trainer.pt` in it lets an interrupted training go on.
        options: how.
        report: called with a line now and then.
    """
    device = resolve_device(options.device)
    torch.manual_seed(options.seed)
    vocabulary = Vocabulary.load(shape)
    stored = json.loads((shape / "config.json").read_text(encoding="utf-8"))
    stored |= {"vocab_size_in": vocabulary.size_in, "vocab_size_out": vocabulary.size_out}
    stored |= {"n_grid": N_FEATURES, "n_place": N_PLACE_FEATURES}
    config = ModelConfig.from_dict(stored)
    output.mkdir(parents=True, exist_ok=True)
    if shape.resolve() != output.resolve():
        shutil.copy(shape / "tokenizer.json", output / "tokenizer.json")
    cache = output / "corpus.npz"
    if cache.exists():
        corpus = corpora.load(cache)
    else:
        corpus = corpora.read(songs, shape, config, lambda done, total: report(f"reading {done}/{total}") if done % 50 == 0 else None)
        corpora.save(corpus, cache)
        for line in corpus.refused:
            report(f"left out: {line}")
    report(f"{len(corpus.examples)} maps, {len(corpus.songs)} songs, "
           f"{sum(len(e.encoded.tokens) for e in corpus.examples):,} tokens")

    if all(example.development for example in corpus.examples):
        raise CheckpointError(f"{songs}: no beatmaps to train on (a Songs folder has one folder per mapset)")
    network = Network(config).to(device)
    report(f"{sum(p.numel() for p in network.parameters()):,} parameters on {device}")
    decayed = [p for p in network.parameters() if p.ndim >= 2]
    others = [p for p in network.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
                                  lr=options.peak_rate, betas=(0.9, 0.98), fused=device.type == "cuda")
    state, step, before = output / "trainer.pt", 0, 0.0
    if state.exists():
        saved = torch.load(state, map_location=device, weights_only=True)
        optimizer.load_state_dict(saved["optimizer"])
        step, before = saved["step"], saved["elapsed"]
        network.load_state_dict(load_file(output / "model.safetensors"))
        report(f"going on from step {step}")
    watched = development_batches(corpus, vocabulary, config, options)
    sampler = Sampler(corpus, vocabulary, config, replace(options, seed=options.seed + step))

    def write(elapsed: float) -> None:
        (output / "config.json").write_text(json.dumps(stored | asdict(config), indent=1) + "\n", encoding="utf-8")
        save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, output / "model.safetensors")
        torch.save({"optimizer": optimizer.state_dict(), "step": step, "elapsed": elapsed}, state)

    began, last_evaluation, average = time.monotonic(), time.monotonic(), None
    network.train()
    for batch in sampler.batches():
        elapsed = before + time.monotonic() - began
        if elapsed >= 60 * options.minutes:
            break
        for group in optimizer.param_groups:
            group["lr"] = _rate(options, step, elapsed)
        loss, _ = loss_of(network, batch, device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        step += 1
        if step % 50 == 0:
            report(f"step {step}, {elapsed / 60:.1f} min, {average / np.log(2):.3f} bits/event, rate {_rate(options, step, elapsed):.1e}")
        if time.monotonic() - last_evaluation > options.evaluate_every:
            last_evaluation = time.monotonic()
            report("held out: " + json.dumps({k: round(v, 3) for k, v in evaluate(network, watched, vocabulary, device).items()}))
            write(elapsed)
    write(60 * options.minutes)
    report("held out: " + json.dumps({k: round(v, 3) for k, v in evaluate(network, watched, vocabulary, device).items()}))
