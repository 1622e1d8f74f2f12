"""Lints that run while a page waits: one at a time, with progress, and stopped when their page says so or goes away."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import maimod
from maimod.commands.baseline import Delta, since_last_run
from maimod.commands.command_line import Failure
from maimod.commands.resolve import settings_of
from maimod.findings import Report
from maimod.linter.cache import Cache
from maimod.linter.pipeline import Analysis, Progress, UsageError
from maimod.linter.settings import Settings
from maimod.osu.discovery import Source
from maimod.rules import RULES

_turn = threading.Lock()
"""Lints share the processor and the model's memory: a second one waits."""


class Cancelled(BaseException):
    """Ends a lint from within its progress callback; no Exception, so that no rule's safety net catches it."""


@dataclass
class Job:
    """A lint in a thread of its own."""

    sources: Sequence[Source]
    settings: Settings
    """Model and device; the rest is up to the mapsets' own configuration."""
    cache: Cache | None = None
    progress: Progress | None = None
    waiting: bool = True
    """For another lint to end."""
    report: Report | None = None
    analyses: dict[str, Analysis] = field(default_factory=dict)
    """By the path of the beatmap in the report."""
    deltas: dict[str, Delta] = field(default_factory=dict)
    """What has changed since the last run, of beatmaps that had one; by their path in the report."""
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
        except Failure as error:
            self.trouble = error.format_message()
        except Exception as error:
            self.trouble = f"unexpected {type(error).__name__}: {error} (a bug; the console holds the traceback)"
            raise
        finally:
            _turn.release()

    def _lint(self) -> None:
        def tell(progress: Progress) -> None:
            if self.cancelled:
                raise Cancelled
            self.progress = progress

        def keep(analysis: Analysis) -> None:
            self.analyses[analysis.report.path] = analysis

        typed = {"model": self.settings.model, "device": self.settings.device}
        report = maimod.lint(
            self.sources,
            self.settings,
            tell,
            keep,
            cache=self.cache,
            settings_of=settings_of(typed, self.settings, RULES),
        )
        for beatmap in report.beatmaps:
            delta = since_last_run(beatmap, repr(self.settings), self.cache) if self.cache else None
            if delta is not None:
                self.deltas[beatmap.path] = delta
        self.report = report
