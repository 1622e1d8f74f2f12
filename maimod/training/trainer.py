"""The training loop of both networks, on `accelerate`: one device or many, mixed precision, resumable.

A training ends after a time or a number of steps. Its state lies in `OUTPUT/state` and is written at every evaluation;
a training resumed from there gives the same weights as an uninterrupted one. Nothing in the state can run
code when it is loaded: weights are safetensors, positions are JSON, and the rest is read with `weights_only`.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from maimod.errors import UsageError
from maimod.families.checkpoint import resolve_device
from maimod.training.objectives import Objective

if TYPE_CHECKING:
    from accelerate import Accelerator
    from numpy.random import Generator

STATE = "state"
LOG = "log"
LOG_STEPS = 50
"""Optimizer steps between two lines of the log."""
AVERAGING = 0.02
"""Weight of a step in the running means that are shown."""
MAX_GRADIENT_NORM = 1.0
WEIGHT_DECAY = 0.05
BETAS = (0.9, 0.98)
EMPTY_BLOCKS = 20
"""After this many blocks without a batch the training ends, because no map of the corpus can be used."""
GROUP_TIMEOUT = timedelta(hours=12)
"""How long processes wait for the one that reads the corpus."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Learning rate as a share of its peak: a linear warm-up by steps, times a decay by the progress of the training."""

    decay: Literal["linear", "cosine"]
    decay_from: float = 0.0
    """Progress at which the decay begins; the rate is constant before."""
    floor: float = 0.0
    """Where the decay ends."""
    warm_up_steps: int = 200

    def factor(self, step: int, progress: float) -> float:
        """Share of the peak.

        Args:
            step: optimizer steps done.
            progress: share of the training that is done, 0 to 1.
        """
        left = min(1.0, max(0.0, (1.0 - progress) / (1.0 - self.decay_from)))
        shape = left if self.decay == "linear" else 0.5 - 0.5 * math.cos(math.pi * left)
        return min(1.0, (step + 1) / self.warm_up_steps) * (self.floor + (1.0 - self.floor) * shape)


@dataclass(frozen=True, slots=True)
class Options:
    """How to train."""

    minutes: float | None = 60.0
    """Length of the training; the reading of the corpus does not count."""
    steps: int | None = None
    """The same in optimizer steps. With both, the first that is reached ends the training."""
    rate: float | None = None
    """Peak learning rate; None takes that of the task."""
    accumulate: int = 1
    """Batches per optimizer step."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Arithmetic; weights stay in fp32. auto is bf16, but fp32 on a CPU that has to emulate bf16."""
    device: str = "auto"
    seed: int = 1
    workers: int = 0
    """Processes per device that prepare batches; 0 prepares them between the steps."""
    evaluate_every: float = 600.0
    """Seconds between two evaluations; each also writes the checkpoint and the state."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a training."""

    step: int
    minutes: float
    share: float
    """Of the whole training, 0 to 1."""
    means: Mapping[str, float]
    """Running means of the logged values of the objective, without its loss."""
    rate: float


class Sampler(Protocol):
    """Source of batches."""

    def block(self, random: Generator) -> list[dict[str, np.ndarray]]:
        """Some batches, which depend on `random` alone."""


@dataclass
class Task:
    """Network, objective and data of a training."""

    objective: Objective
    sampler: Sampler
    held_out: Sequence[Mapping[str, np.ndarray]]
    """Batches of folders that are not trained on."""
    rate: float
    """Peak learning rate."""
    schedule: Schedule
    write: Callable[[Path], None]
    """Writes the network as a checkpoint into a folder."""
    draw: Callable[[Path], Any] | None = None
    """Plots predictions into a file and returns the figure; None plots nothing."""


# ---------------------------------------------------------------------------------------------------------------------
# Streams of batches


@dataclass(frozen=True, slots=True)
class Position:
    """The next batch of a stream. A stream belongs to one process and one of its workers."""

    process: int
    worker: int
    block: int = 0
    batch: int = 0
    """Number in the block."""


class Stream(IterableDataset[tuple[Position, dict[str, np.ndarray]]]):
    """Batches without end, each with the position after it.

    Every block has random numbers of its own, made from the seed and its position: to go on from a position takes one
    block.
    """

    def __init__(self, sampler: Sampler, seed: int, positions: Sequence[Position]) -> None:
        """Prepare streams from `positions`, one per worker."""
        self.sampler, self.seed, self.positions = sampler, seed, positions

    def __iter__(self) -> Iterator[tuple[Position, dict[str, np.ndarray]]]:
        worker = get_worker_info()
        at = self.positions[worker.id if worker else 0]
        n_empty = 0
        while n_empty < EMPTY_BLOCKS:
            random = np.random.default_rng([self.seed, at.process, at.worker, at.block])
            batches = self.sampler.block(random)
            for number in range(at.batch, len(batches)):
                yield Position(at.process, at.worker, at.block, number + 1), batches[number]
            n_empty = 0 if batches else n_empty + 1
            at = Position(at.process, at.worker, at.block + 1)
        raise UsageError("no map has enough events to train on; are the maps too short?")


# ---------------------------------------------------------------------------------------------------------------------
# Devices


@contextmanager
def accelerator(options: Options, output: Path) -> Iterator[Accelerator]:
    """The devices to train on, released afterwards.

    Raises:
        UsageError: if accelerate is not installed.
        CheckpointError: if there is no such device.
    """
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs, InitProcessGroupKwargs
        from accelerate.state import AcceleratorState, GradientState
        from accelerate.utils import set_seed
    except ImportError:
        raise UsageError('training needs accelerate: pip install "maimod[train]"') from None
    resolve_device(options.device)  # raises one clear line if it is missing
    named = options.device not in ("auto", "cpu")
    if named:
        os.environ["ACCELERATE_TORCH_DEVICE"] = options.device
    try:
        made = Accelerator(
            cpu=options.device == "cpu",
            mixed_precision="bf16" if _computes_in_bf16(options) else "no",
            gradient_accumulation_steps=options.accumulate,
            log_with="tensorboard" if _has_tensorboard() else None,
            project_dir=output,
            kwargs_handlers=[
                InitProcessGroupKwargs(timeout=GROUP_TIMEOUT),
                DistributedDataParallelKwargs(gradient_as_bucket_view=True),
            ],
        )
        set_seed(options.seed)
        yield made
    finally:
        if named:
            del os.environ["ACCELERATE_TORCH_DEVICE"]
        # accelerate keeps one state per process: another training in it may use another precision or device.
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()


def _computes_in_bf16(options: Options) -> bool:
    """Whether to compute in bfloat16.

    An AVX-512 CPU without bfloat16 instructions took 2.6 times as long for a step of the discriminator and 3 times as
    long for one of the generator in bfloat16 as in float32.
    """
    if options.precision != "auto" or resolve_device(options.device).type != "cpu":
        return options.precision != "fp32"
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16"))


def _has_tensorboard() -> bool:
    try:
        from torch.utils import tensorboard  # noqa: F401
    except ImportError:
        return False
    return True


# ---------------------------------------------------------------------------------------------------------------------
# The loop


class Trainer:
    """Trains one task."""

    def __init__(
        self,
        task: Task,
        accelerator: Accelerator,
        output: Path,
        options: Options,
        report: Callable[[str], None],
        watch: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """Prepare a training.

        Args:
            task: what to train.
            accelerator: on which devices.
            output: folder of the checkpoint, the state, the log and the pictures.
            options: of the trainer.
            report: called with lines about the training.
            watch: called after each optimizer step; an exception from it stops the training.
        """
        self.task, self.accelerator, self.output, self.options = task, accelerator, output, options
        self.report: Callable[[str], None] = report if accelerator.is_main_process else lambda line: None
        self.watch: Callable[[Progress], None] = watch if accelerator.is_main_process else lambda progress: None
        self.peak = options.rate or task.rate
        optimizer = adamw(task.objective, self.peak, fused=accelerator.device.type in ("cpu", "cuda"))
        self.objective, self.optimizer = accelerator.prepare(task.objective, optimizer)
        self.step, self.seconds, self.means = 0, 0.0, dict[str, float]()
        n_streams = max(1, options.workers)
        self.positions = [Position(accelerator.process_index, worker) for worker in range(n_streams)]
        """Of the streams, in the order in which they are due."""

    def run(self) -> None:
        """Train to the end, from the state in `output` if there is one.

        Raises:
            UsageError: if there is no usable map, the state is of another network, or the loss is not a number.
        """
        self._resume()
        self.accelerator.init_trackers(LOG)
        began, last_evaluation, before = time.monotonic(), time.monotonic(), self.seconds
        self.objective.train()
        batches = self._batches()
        while (share := self._share()) < 1.0:
            rate = self.peak * self.task.schedule.factor(self.step, share)
            self._optimize(batches, rate)
            self.seconds = before + time.monotonic() - began
            progress = Progress(self.step, self.seconds / 60, self._share(), self.means, rate)
            self._log(progress)
            self.watch(progress)
            if self._agreed(time.monotonic() - last_evaluation) >= self.options.evaluate_every:
                self._evaluate()
                last_evaluation = time.monotonic()
        self._evaluate()
        self.accelerator.end_training()

    def _share(self) -> float:
        """Progress of the training, the same in all processes."""
        shares = []
        if self.options.minutes is not None:
            shares.append(self._agreed(self.seconds) / (60 * self.options.minutes))
        if self.options.steps is not None:
            shares.append(self.step / max(self.options.steps, 1))
        return min(max(shares, default=1.0), 1.0)

    def _agreed(self, value: float) -> float:
        """Send the main process's value to every process."""
        if self.accelerator.num_processes == 1:
            return value
        from accelerate.utils import broadcast

        shared = torch.tensor(value, dtype=torch.float32, device=self.accelerator.device)
        return float(broadcast(shared))

    def _batches(self) -> Iterator[Mapping[str, torch.Tensor]]:
        """Batches on the device; keeps `positions`."""
        stream = Stream(self.task.sampler, self.options.seed, self.positions)
        loader = DataLoader(stream, batch_size=None, num_workers=self.options.workers)
        for position, batch in loader:
            # Workers deliver batches in turn, so the one that just delivered is next last. Set before the batch is
            # used, because a state written after this step must continue with the next batch.
            self.positions = [*self.positions[1:], position]
            yield self._on_device(batch)

    def _on_device(self, batch: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        device = self.accelerator.device
        return {name: torch.as_tensor(array).to(device, non_blocking=True) for name, array in batch.items()}

    def _optimize(self, batches: Iterator[Mapping[str, torch.Tensor]], rate: float) -> None:
        """One optimizer step at a learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for _ in range(self.options.accumulate):
            with self.accelerator.accumulate(self.objective):
                losses = self.objective(next(batches))
                self.accelerator.backward(losses.pop("loss"))
                if self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.objective.parameters(), MAX_GRADIENT_NORM)
                self.optimizer.step()
                self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        for name, value in losses.items():
            mean = self.means.get(name)
            self.means[name] = float(value) if mean is None else mean + AVERAGING * (float(value) - mean)

    def _log(self, progress: Progress) -> None:
        if progress.step % LOG_STEPS:
            return
        means = ", ".join(f"{name} {value:.4g}" for name, value in progress.means.items())
        self.report(f"step {progress.step}, {progress.minutes:.1f} min, {means}, rate {progress.rate:.1e}")
        logged = {f"train/{name}": value for name, value in progress.means.items()}
        self.accelerator.log({**logged, "train/rate": progress.rate}, step=progress.step)

    # -----------------------------------------------------------------------------------------------------------------
    # Evaluation, checkpoint, state

    def _evaluate(self) -> None:
        """Write the checkpoint and the state, and measure the network on held-out batches."""
        if not all(math.isfinite(value) for value in self.means.values()):
            raise UsageError(
                f"the loss is not a number at step {self.step}; the state in {self.output} is older: try a lower --rate"
            )
        self._save()
        if self.accelerator.is_main_process:
            objective = self.accelerator.unwrap_model(self.objective)
            objective.eval()
            with torch.no_grad(), self.accelerator.autocast():
                measures = objective.evaluate(map(self._on_device, self.task.held_out))
            if measures:
                rounded = {name: round(value, 3) for name, value in measures.items()}
                self.report("held out: " + json.dumps(rounded))
                self.accelerator.log({f"held out/{name}": value for name, value in measures.items()}, step=self.step)
            self._draw()
            objective.train()
        self.accelerator.wait_for_everyone()

    def _draw(self) -> None:
        if self.task.draw is None:
            return
        figure = self.task.draw(self.output / "plots" / f"step-{self.step:06d}.png")
        for tracker in self.accelerator.trackers:
            if tracker.name == "tensorboard":
                tracker.writer.add_figure("held out", figure, self.step)

    def _save(self) -> None:
        """Write the state beside the old one and swap them; then write the checkpoint."""
        new, old = self.output / f"{STATE}.new", self.output / f"{STATE}.old"
        if self.accelerator.is_main_process:
            shutil.rmtree(new, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(new))
        stored = {
            "step": self.step,
            "seconds": self.seconds,
            "means": self.means,
            "positions": [asdict(position) for position in self.positions],
        }
        index = self.accelerator.process_index
        (new / f"position_{index}.json").write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            state = self.output / STATE
            if state.exists():
                state.rename(old)
            new.rename(state)
            shutil.rmtree(old, ignore_errors=True)
            self.task.write(self.output)

    def _resume(self) -> None:
        """Load the state of an interrupted training, if there is one."""
        state, old = self.output / STATE, self.output / f"{STATE}.old"
        if not state.exists() and old.exists():  # stopped between the two renames of _save
            if self.accelerator.is_main_process:
                old.rename(state)
            self.accelerator.wait_for_everyone()
        if not state.exists():
            return
        try:
            self.accelerator.load_state(str(state))
            stored = json.loads((state / "position_0.json").read_text(encoding="utf-8"))
            own = state / f"position_{self.accelerator.process_index}.json"
            if own.exists():  # a training can be resumed with more processes
                positions = json.loads(own.read_text(encoding="utf-8"))["positions"]
                self.positions = _continued([Position(**each) for each in positions], self.positions)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise UsageError(f"{state}: not a state of this training ({reason}); give another --output") from None
        self.step, self.seconds, self.means = int(stored["step"]), float(stored["seconds"]), dict(stored["means"])
        self.report(f"going on from step {self.step}")


def _continued(stored: list[Position], fresh: list[Position]) -> list[Position]:
    """The stored positions; additional workers start at their first ones."""
    known = {position.worker for position in stored}
    return [*stored, *(position for position in fresh if position.worker not in known)][: len(fresh)]


def adamw(module: nn.Module, rate: float, fused: bool = False) -> torch.optim.AdamW:
    """AdamW over the trainable weights, with weight decay for matrices only."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim >= 2], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=rate,
        betas=BETAS,
        fused=fused,
    )
