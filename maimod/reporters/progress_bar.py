"""The progress bar of a run, on a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from rich.console import Console

from maimod.reporters.page import end_of
from maimod.reporters.text import clean

if TYPE_CHECKING:
    from rich.progress import Progress

PROGRESS_DELAY_S = 1.0
"""Runs shorter than this show no progress bar."""


class Step(Protocol):
    """Progress of a run."""

    @property
    def stage(self) -> str: ...
    @property
    def beatmap(self) -> str: ...
    @property
    def done(self) -> float: ...
    @property
    def total(self) -> float: ...


class ProgressBar:
    """Progress bar that appears only if a run takes long, and is removed at the end."""

    def __init__(self, err: TextIO) -> None:
        self.err = err
        self.lock = threading.Lock()
        self.timer = threading.Timer(PROGRESS_DELAY_S, self._show)
        self.timer.daemon = True
        self.step: Step | None = None
        self.bar: Progress | None = None
        self.finished = False

    def __enter__(self) -> ProgressBar:
        self.timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.timer.cancel()
        with self.lock:
            self.finished = True
            if self.bar is not None:
                self.bar.stop()

    def __call__(self, step: Step) -> None:
        """Show a step."""
        with self.lock:
            self.step = step
            self._update()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Hide the bar while something is printed."""
        with self.lock:
            if self.bar is not None:
                self.bar.stop()
            try:
                yield
            finally:
                if self.bar is not None:
                    self.bar.start()

    def _show(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with self.lock:
            if self.finished:
                return
            self.bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                console=Console(file=self.err),
                transient=True,
            )
            self.bar.add_task("loading", total=None)
            self.bar.start()
            self._update()

    def _update(self) -> None:
        if self.bar is not None and self.step is not None:
            name = end_of(clean(self.step.beatmap), 30)
            self.bar.update(
                self.bar.task_ids[0],
                completed=self.step.done,
                total=self.step.total,
                description=f"{self.step.stage} {name}".strip(),
            )
