"""Background lints of the page: one at a time, with progress, stopped by the page or when it is closed."""

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
"""Lints share the processor and the model's memory, so a second one waits."""


class Cancelled(BaseException):
    """Raised in the progress callback to end a lint. A BaseException, so that the handler for failing rules does not
    catch it."""


@dataclass
class Job:
    """A lint in a thread of its own."""

    sources: Sequence[Source]
    settings: Settings
    """Model and device; everything else comes from the mapsets' own configuration."""
    cache: Cache | None = None
    progress: Progress | None = None
    waiting: bool = True
    """Whether it waits for another lint to end."""
    report: Report | None = None
    analyses: dict[str, Analysis] = field(default_factory=dict)
    """Analyses by the path of the beatmap in the report."""
    deltas: dict[str, Delta] = field(default_factory=dict)
    """Changes since the last run, for beatmaps that had one, by their path in the report."""
    trouble: str = ""
    """Message if there is no report."""

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="maimod lint")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def cancel(self) -> None:
        """Stop the lint at its next progress step."""
        self._stopped.set()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopped.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for the end, and return whether it has ended."""
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
