"""The progress bar of a training."""

from __future__ import annotations

from types import TracebackType
from typing import TextIO

from rich import progress
from rich.console import Console

from maimod.reporters.text import clean
from maimod.training.trainer import Progress


class TrainingBar:
    """A bar that fills with the progress of a training; lines are printed above it."""

    def __init__(self, err: TextIO) -> None:
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TimeRemainingColumn(),
            console=Console(file=err),
        )
        self.task = self.bar.add_task("reading the songs", total=1.0)

    def __enter__(self) -> TrainingBar:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self.bar.console.print(f"maimod: {clean(line)}", markup=False, highlight=False)

    def show(self, done: Progress) -> None:
        """Show how far a training is."""
        means = ", ".join(f"{name} {value:.3f}" for name, value in done.means.items())
        self.bar.update(self.task, completed=done.share, description=f"step {done.step:,}, {means}")
