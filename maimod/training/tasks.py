"""Training tasks: each network with its objective, batches and schedule, for the trainer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import nn

from maimod.discriminator import network as discriminator
from maimod.discriminator.checkpoint import DiscriminatorConfig
from maimod.discriminator.network import Discriminator
from maimod.discriminator.prediction import KINDS
from maimod.errors import CheckpointError, UsageError
from maimod.families import checkpoint, lora, registry
from maimod.families.checkpoint import WEIGHTS
from maimod.families.family import Family, Model
from maimod.families.network import Network
from maimod.findings import ModelInfo
from maimod.training import corpus
from maimod.training.corpus import DiscriminatorExtractor, GeneratorExtractor, is_held_out
from maimod.training.dataset import (
    BATCH_COST,
    WINDOWS_PER_BATCH,
    CorruptionSampler,
    TokenSampler,
    held_out_batches,
    held_out_windows,
)
from maimod.training.objectives import CorruptionDetection, NextToken
from maimod.training.trainer import STATE, Options, Progress, Schedule, Task, Trainer, accelerator

NEW_RATE, TUNING_RATE, LORA_RATE = 1.5e-3, 1e-4, 5e-4
"""Peak learning rates of a generator: with random weights, with trained ones, and of adapters."""
GENERATOR_SCHEDULE = Schedule("linear", decay_from=2 / 3)
ADAPTER_NAME = ".default"
"""What peft puts into the names of an adapter's tensors."""
DISCRIMINATOR_RATE = 1.5e-3
DISCRIMINATOR_SCHEDULE = Schedule("cosine", floor=0.02)


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters (Hu et al., 2021, arXiv:2106.09685): small matrices are trained in place of the weights."""

    rank: int
    alpha: int
    """The product of a pair of matrices counts `alpha / rank` times."""
    base: str
    """Name of the checkpoint, as the adapter's file states it."""


@dataclass(frozen=True, slots=True)
class Source:
    """Inputs of a training."""

    songs: Path
    """A Songs folder: one folder per mapset, with its song."""
    start: Path | None = None
    """Checkpoint whose weights to begin with; None begins with random ones."""
    shape: Path | None = None
    """Folder with `config.json` and `tokenizer.json` of a new generator."""
    batch: int | None = None
    """Size of a batch: tokens for the generator, windows for the discriminator; None takes the usual size."""
    cache: Path | None = None
    """Where the corpus keeps its arrays; None is a folder in the output."""
    jobs: int = 0
    """Processes that read the songs; 0 takes as many as there are cores."""
    lora: Lora | None = None
    """Train an adapter of `start`; None trains all weights."""
    layers: int | None = None
    """Layers of the discriminator; those that `start` lacks are added. None takes those of `start`, or the usual number."""


def train(
    network: Literal["generator", "discriminator"],
    source: Source,
    output: Path,
    options: Options,
    report: Callable[[str], None],
    watch: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Train a network and write its checkpoint, continuing an interrupted training in `output`.

    Args:
        network: the network to train.
        source: maps and weights.
        output: folder of the checkpoint and of the training's state.
        options: of the trainer.
        report: called with lines about the training.
        watch: called after each optimizer step.

    Raises:
        UsageError: if there is nothing to train on, or an option is invalid.
        CheckpointError: if a checkpoint cannot be used.
    """
    if any((output / name).exists() for name in (WEIGHTS, lora.WEIGHTS)) and not (output / STATE).exists():
        raise UsageError(
            f"{output}: holds a checkpoint, but no interrupted training; give it as --from, and another --output"
        )
    output.mkdir(parents=True, exist_ok=True)
    make = generator_task if network == "generator" else discriminator_task
    with accelerator(options, output) as devices:
        say = report if devices.is_main_process else lambda line: None
        with devices.local_main_process_first():  # the main process fills the cache
            task = make(source, output, options.seed, say)
        Trainer(task, devices, output, options, report, watch).run()


def generator_task(source: Source, output: Path, seed: int, report: Callable[[str], None]) -> Task:
    """Next-token training of a generator on tokenised maps.

    Raises:
        UsageError: if there is nothing to train on.
        CheckpointError: if the checkpoint or the shape cannot be used.
    """
    if source.layers is not None:
        raise UsageError("--layers is for the discriminator; the layers of a generator are in its --shape")
    shape = source.start or source.shape
    if shape is None:
        raise UsageError("a new generator needs --shape")
    family = registry.open_folder(shape)
    network = _generator(family, source.start)
    if source.lora is not None:
        _add_adapters(network, family, source)
    tokenizer = (shape / "tokenizer.json").read_bytes()
    trained, held_out = _read(source, output, GeneratorExtractor(family, tokenizer), report)
    cost = source.batch or BATCH_COST
    sampler = TokenSampler(trained, family, batch_cost=cost)
    _check(sampler.examples, source.songs)
    n_events = sum(example.n_events for example in sampler.examples)
    report(f"{len(trained)} maps with {n_events:,} events to train on, {len(held_out)} maps held out")
    report(_size(network))
    with_song = [example for example in held_out if example.song is not None]

    def write(folder: Path) -> None:
        if source.lora is not None:
            own = {name.replace(ADAPTER_NAME, ""): tensor for name, tensor in network.state_dict().items()}
            adapter = {name: tensor for name, tensor in own.items() if ".lora_" in name}
            lora.write(folder, adapter, family, source.lora.rank, source.lora.alpha, source.lora.base)
            return
        (folder / "tokenizer.json").write_bytes(tokenizer)
        _write_json(family.stored, folder / "config.json")
        save_weights(network, folder)

    return Task(
        NextToken(network, family.vocabulary),
        sampler,
        held_out_batches(TokenSampler(with_song, family, batch_cost=cost, augments=False)),
        NEW_RATE if source.start is None else LORA_RATE if source.lora else TUNING_RATE,
        GENERATOR_SCHEDULE,
        write,
        _painter(network, family, source.songs, report),
    )


def _generator(family: Family[Any], start: Path | None) -> Network:
    """A network to train, with the weights of `start` or random ones."""
    if start is not None:
        return checkpoint.load_network(start, "cpu", "fp32")
    if family.starts_from_weights:
        raise CheckpointError(
            "a published architecture cannot be trained from random weights: give its checkpoint with --from"
        )
    return family.make_network()


def _add_adapters(network: Network, family: Family[Any], source: Source) -> None:
    """Put trainable low-rank adapters into the linear layers of a network, and freeze its weights."""
    if source.start is None or source.lora is None:
        raise UsageError("an adapter changes a trained checkpoint: give it as --from")
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise UsageError('adapters need peft: pip install "maimod[train]"') from None
    config = LoraConfig(
        r=source.lora.rank, lora_alpha=source.lora.alpha, target_modules=list(family.lora_modules), bias="none"
    )
    inject_adapter_in_model(config, network)


def _painter(
    network: Network, family: Family[Any], songs: Path, report: Callable[[str], None]
) -> Callable[[Path], Any] | None:
    """Function that plots the network's predictions on a held-out map; None without matplotlib or such a map."""
    try:
        from maimod.training import plots
    except ImportError:
        report('no pictures: pip install "maimod[train]" brings matplotlib')
        return None
    runner = family.torch_runner(network, torch.bfloat16)
    model = Model(runner, family, ModelInfo("training", family.name, "", "amp"))
    example = plots.held_out_map(songs, model)
    return (lambda path: plots.draw(model, example, path)) if example else None


def discriminator_task(source: Source, output: Path, seed: int, report: Callable[[str], None]) -> Task:
    """Training of the discriminator on maps that are corrupted in many small ways.

    Raises:
        UsageError: if there is nothing to train on, or the weights to begin with cannot be used.
    """
    if source.lora is not None:
        raise UsageError("adapters are for the generator; train the discriminator without --lora-rank")
    network = _discriminator(source.start, source.layers)
    trained, held_out = _read(source, output, DiscriminatorExtractor(), report)
    size = source.batch or WINDOWS_PER_BATCH
    sampler = CorruptionSampler(trained, size)
    _check(sampler.examples, source.songs)
    report(f"{len(sampler.examples)} maps to train on, {len(held_out)} held out")
    report(_size(network))

    def write(folder: Path) -> None:
        _write_json({**asdict(network.config), "kinds": KINDS}, folder / "config.json")
        save_weights(network, folder)

    return Task(
        CorruptionDetection(network),
        sampler,
        held_out_windows(held_out, seed, size),
        DISCRIMINATOR_RATE,
        DISCRIMINATOR_SCHEDULE,
        write,
    )


def _discriminator(start: Path | None, layers: int | None) -> Discriminator:
    if start is None:
        usual = DiscriminatorConfig(len(KINDS))
        return Discriminator(replace(usual, layers=layers or usual.layers))
    network, kinds = discriminator.load_network(start)
    if kinds != KINDS:
        raise UsageError(f"{start}: was trained on other kinds of corruption; train a new one, without --from")
    given = network.config.layers
    if layers is not None and layers < given:
        raise UsageError(f"{start}: has {given} layers; --layers {layers} would remove some, and layers are only added")
    return (discriminator.deepened(network, layers) if layers is not None and layers > given else network).train()


def _read(
    source: Source, output: Path, extractor: corpus.Extractor[corpus.Example], report: Callable[[str], None]
) -> tuple[list[corpus.Example], list[corpus.Example]]:
    """Examples to train on, and those held out."""
    trained: list[corpus.Example] = []
    held_out: list[corpus.Example] = []
    cache = source.cache or output / "corpus"
    for folder, examples in corpus.read(source.songs, extractor, cache, source.jobs, report):
        (held_out if is_held_out(folder) else trained).extend(examples)
    return trained, held_out


def _check(examples: list[Any], songs: Path) -> None:
    if not examples:
        raise UsageError(f"{songs}: no beatmaps to train on (a Songs folder has one folder per mapset, with its song)")


def _size(network: nn.Module) -> str:
    total = sum(parameter.numel() for parameter in network.parameters())
    trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    return f"{total:,} parameters" + (f", of which {trained:,} are trained" if trained < total else "")


def _write_json(values: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def save_weights(network: nn.Module, folder: Path) -> None:
    """Write `model.safetensors`."""
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, folder / WEIGHTS)
