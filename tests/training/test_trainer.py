"""The training loop: the loss falls, the rate follows the schedule, and a resumed training ends like an uninterrupted
one."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from numpy.random import Generator  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from maimod.errors import UsageError  # noqa: E402
from maimod.training.objectives import Batch, Objective  # noqa: E402
from maimod.training.trainer import STATE, Options, Position, Progress, Schedule, Stream, Task, Trainer, accelerator  # noqa: E402

OPTIONS = Options(minutes=None, steps=12, rate=0.05, precision="fp32", device="cpu", evaluate_every=0.0)


class Line(Objective):
    """Learns y = 2 a - b."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(2, 1)
        self.seen: list[float] = []

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        self.seen.append(float(batch["inputs"][0, 0]))
        loss = (self.network(batch["inputs"])[:, 0] - batch["targets"]).square().mean()
        return {"loss": loss, "error": loss.detach()}

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        return {"error": float(np.mean([float(self(batch)["error"]) for batch in batches]))}


class Points:
    """Three batches a block."""

    def block(self, random: Generator) -> list[dict[str, np.ndarray]]:
        inputs = random.normal(size=(3, 8, 2)).astype(np.float32)
        return [{"inputs": each, "targets": 2 * each[:, 0] - each[:, 1]} for each in inputs]


class Nothing:
    """No batches."""

    def block(self, random: Generator) -> list[dict[str, np.ndarray]]:
        return []


def task(rate: float = 0.05, schedule: Schedule | None = None) -> Task:
    torch.manual_seed(5)
    objective = Line()
    held_out = Points().block(np.random.default_rng(9))
    return Task(
        objective,
        Points(),
        held_out,
        rate,
        schedule or Schedule("linear", 2 / 3, warm_up_steps=3),
        lambda folder: torch.save(objective.network.state_dict(), folder / "weights.pt"),
    )


def run(
    trained: Task, output: Path, options: Options = OPTIONS, stop_at: int | None = None
) -> tuple[dict[str, Tensor], list[Progress], list[str]]:
    """Train, or until a step; weights, progress and lines."""
    progress: list[Progress] = []
    lines: list[str] = []

    def watch(now: Progress) -> None:
        progress.append(replace(now, means=dict(now.means)))
        if now.step == stop_at:
            raise KeyboardInterrupt

    output.mkdir(exist_ok=True)
    with accelerator(options, output) as devices:
        try:
            Trainer(trained, devices, output, options, lines.append, watch).run()
        except KeyboardInterrupt:
            assert stop_at is not None
        weights: Mapping[str, Tensor] = trained.objective.network.state_dict()
        return {name: tensor.clone() for name, tensor in weights.items()}, progress, lines


def test_the_loss_falls(tmp_path: Path) -> None:
    _, progress, lines = run(task(), tmp_path, replace(OPTIONS, steps=150, evaluate_every=60.0))
    held_out = float(lines[-1].removeprefix('held out: {"error": ').removesuffix("}"))
    assert progress[0].means["error"] > 1 and held_out < 0.02
    assert lines[0].startswith("step 50, ") and [p.step for p in progress] == list(range(1, 151))
    assert torch.load(tmp_path / "weights.pt")["weight"].tolist()[0] == pytest.approx([2, -1], abs=0.1)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(OPTIONS, id="plain"),
        pytest.param(replace(OPTIONS, accumulate=2), id="accumulated"),
        pytest.param(replace(OPTIONS, workers=2), id="workers", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("stop_at", [2, 7])
def test_a_stopped_training_ends_with_the_same_weights(options: Options, stop_at: int, tmp_path: Path) -> None:
    whole_task, whole_steps = task(), 12
    whole, watched, _ = run(whole_task, tmp_path / "whole", options)
    stopped_task = task()
    stopped, _, _ = run(stopped_task, tmp_path / "stopped", options, stop_at=stop_at)
    assert any(not torch.equal(stopped[name], whole[name]) for name in whole)
    resumed_task = task()
    resumed, again, lines = run(resumed_task, tmp_path / "stopped", options)
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    # The state is written at the end of a step: the one in which it was stopped is done again.
    assert lines[0] == f"going on from step {stop_at - 1}" and again[-1].step == whole_steps
    assert [p.rate for p in again] == [p.rate for p in watched[stop_at - 1 :]]
    assert again[-1].means == watched[-1].means


def test_a_finished_training_stays_as_it_is_or_goes_on_longer(tmp_path: Path) -> None:
    done, _, _ = run(task(), tmp_path)
    again, progress, _ = run(task(), tmp_path)
    assert all(torch.equal(again[name], done[name]) for name in done) and not progress
    longer, progress, _ = run(task(), tmp_path, replace(OPTIONS, steps=14))
    assert [p.step for p in progress] == [13, 14] and not torch.equal(longer["weight"], done["weight"])


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path: Path) -> None:
    one, two = (run(task(), tmp_path / name)[0] for name in ("one", "two"))
    other, _, _ = run(task(), tmp_path / "other", replace(OPTIONS, seed=2))
    assert torch.equal(one["weight"], two["weight"]) and not torch.equal(one["weight"], other["weight"])


def test_the_rate_follows_the_schedule(tmp_path: Path) -> None:
    schedule = Schedule("linear", decay_from=0.5, warm_up_steps=2)
    _, progress, _ = run(task(schedule=schedule), tmp_path, replace(OPTIONS, steps=8, rate=None, evaluate_every=9.0))
    shares = [0.5, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert [p.rate / 0.05 for p in progress] == pytest.approx(shares)


def test_the_optimizer_takes_the_rate(tmp_path: Path) -> None:
    start = task().objective.network.state_dict()["bias"]
    weights, (progress,), _ = run(task(), tmp_path, replace(OPTIONS, steps=1))
    # The first step of Adam is as long as the rate, whatever the gradient.
    assert float((weights["bias"] - start).abs()) == pytest.approx(progress.rate, rel=1e-3)
    assert progress.rate == pytest.approx(0.05 / 3)


@pytest.mark.parametrize(
    ("schedule", "progress", "share"),
    [
        (Schedule("linear", 2 / 3), 0.6, 1.0),
        (Schedule("linear", 2 / 3), 5 / 6, 0.5),
        (Schedule("linear", 2 / 3), 1.0, 0.0),
        (Schedule("cosine", floor=0.02), 0.0, 1.0),
        (Schedule("cosine", floor=0.02), 0.5, 0.51),
        (Schedule("cosine", floor=0.02), 1.0, 0.02),
    ],
)
def test_schedules(schedule: Schedule, progress: float, share: float) -> None:
    assert schedule.factor(10_000, progress) == pytest.approx(share)
    assert schedule.factor(49, progress) == pytest.approx(share / 4)


def test_time_ends_a_training(tmp_path: Path) -> None:
    _, progress, _ = run(task(), tmp_path, replace(OPTIONS, minutes=0.002, steps=None, evaluate_every=60.0))
    assert progress and progress[-1].share == 1.0 and progress[-1].minutes >= 0.002
    _, both, _ = run(task(), tmp_path / "both", replace(OPTIONS, minutes=60.0, steps=3))
    assert len(both) == 3


def test_a_loss_that_is_no_number_does_not_overwrite_the_state(tmp_path: Path) -> None:
    run(task(), tmp_path, replace(OPTIONS, steps=2))
    broken = task()
    broken.sampler = type(
        "Broken",
        (),
        {"block": lambda self, random: [{**b, "targets": b["targets"] * math.nan} for b in Points().block(random)]},
    )()
    with pytest.raises(UsageError, match=r"not a number at step 3; .* lower --rate"):
        run(broken, tmp_path)
    assert run(task(), tmp_path)[2][0] == "going on from step 2"


def test_a_state_lives_through_a_kill_between_its_two_renames(tmp_path: Path) -> None:
    whole, _, _ = run(task(), tmp_path / "whole")
    run(task(), tmp_path / "killed", stop_at=5)
    (tmp_path / "killed" / STATE).rename(tmp_path / "killed" / f"{STATE}.old")
    (tmp_path / "killed" / f"{STATE}.new").mkdir()
    resumed, _, _ = run(task(), tmp_path / "killed")
    assert torch.equal(resumed["weight"], whole["weight"])


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    run(task(), tmp_path)
    other = task()
    other.objective.network = nn.Linear(2, 3)
    with pytest.raises(UsageError, match=r"not a state of this training .* give another --output"):
        run(other, tmp_path)


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    empty = task()
    empty.sampler = Nothing()
    with pytest.raises(UsageError, match="too short"):
        run(empty, tmp_path)


def test_streams_go_on_from_every_position() -> None:
    def first(stream: Stream, count: int) -> list[tuple[Position, float]]:
        return [
            (at, float(batch["inputs"][0, 0]))
            for at, batch in (next(it) for it in [iter(stream)] for _ in range(count))
        ]

    whole = first(Stream(Points(), 1, [Position(0, 0)]), 8)
    for done in range(1, 8):
        assert first(Stream(Points(), 1, [whole[done - 1][0]]), 8 - done) == whole[done:]
    others = {
        first(Stream(Points(), seed, [Position(p, w)]), 1)[0][1] for seed in (1, 2) for p in (0, 1) for w in (0, 1)
    }
    assert len(others) == 8


def test_without_accelerate_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "accelerate", None)
    with pytest.raises(UsageError, match=r'pip install "maimod\[train\]"'), accelerator(OPTIONS, tmp_path):
        pass
    shutil.rmtree(tmp_path)


SCRIPT = """
import os, sys
from pathlib import Path
import torch
from tests.training.test_trainer import OPTIONS, Points, run, task

class Stopping(Points):
    blocks = 0

    def block(self, random):
        self.blocks += 1
        if self.blocks > 2:
            raise KeyboardInterrupt
        return super().block(random)

output, trained = Path(sys.argv[1]), task()
if "stop" in sys.argv:
    trained.sampler = Stopping()
weights, _, lines = run(trained, output, OPTIONS, stop_at=99)
torch.save((weights, trained.objective.seen, lines), output / f"result {os.environ['RANK']}.pt")
"""


@pytest.mark.slow  # starts processes
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    """Each takes batches of its own, both end with the same weights, and a stop changes nothing."""
    (tmp_path / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    # What `accelerate launch` starts for several GPUs, but does not for a CPU.
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]

    def launched(folder: str, *arguments: str) -> list[tuple[dict[str, Tensor], list[float], list[str]]]:
        (tmp_path / folder).mkdir(exist_ok=True)
        command = [*launch, str(tmp_path / "script.py"), str(tmp_path / folder), *arguments]
        subprocess.run(command, env=environment, check=True, timeout=240)
        return [torch.load(tmp_path / folder / f"result {rank}.pt") for rank in (0, 1)]

    (first, seen, _), (second, others, silent) = launched("whole")
    assert torch.equal(first["weight"], second["weight"]) and not silent
    assert not set(seen) & set(others)
    assert not torch.equal(run(task(), tmp_path / "single")[0]["weight"], first["weight"])
    launched("stopped", "stop")
    (resumed, _, lines), _ = launched("stopped")
    assert lines[0] == "going on from step 6" and torch.equal(resumed["weight"], first["weight"])
