"""Lints that run while a page waits: one at a time, with progress, and stopped when their page says so or goes away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maimod.findings import Report
from maimod.linter import Analysis, Progress, UsageError
from maimod.settings import Settings

_turn = threading.Lock()
"""Lints share the processor and the model's memory: a second one waits."""


class Cancelled(BaseException):
    """Ends a lint from within its progress callback; no Exception, so that no rule's safety net catches it."""


@dataclass
class Job:
    """A lint in a thread of its own."""

    paths: Sequence[Path]
    settings: Settings
    session: str = ""
    """Of the page that asked for it."""
    progress: Progress | None = None
    waiting: bool = True
    """For another lint to end."""
    report: Report | None = None
    analyses: dict[str, Analysis] = field(default_factory=dict)
    """By the path of the beatmap in the report."""
    trouble: str = ""
    """Why there is no report."""

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="maimod lint")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to stop; it does so at its next sign of life."""
        self._stopped.set()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopped.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, so long at most; returns whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not _turn.acquire(timeout=0.1):
            if self.cancelled:
                return
        self.waiting = False
        try:
            self._lint()
        except Cancelled:
            self.analyses.clear()
        except UsageError as error:
            self.trouble = str(error)
        except Exception as error:
            self.trouble = f"unexpected {type(error).__name__}: {error} (a bug; the console holds the traceback)"
            raise
        finally:
            _turn.release()

    def _lint(self) -> None:
        from maimod import lint

        def tell(progress: Progress) -> None:
            if self.cancelled:
                raise Cancelled
            self.progress = progress

        def keep(analysis: Analysis) -> None:
            self.analyses[analysis.report.path] = analysis

        self.report = lint(self.paths, self.settings, tell, keep)


Describe = Callable[[Job], str]
