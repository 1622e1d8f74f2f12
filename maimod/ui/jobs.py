"""Background lints of the page: one at a time, with progress, stopped by the page or when it is closed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

import maimod
from maimod.commands.baseline import Delta, since_last_run
from maimod.commands.resolve import settings_of
from maimod.errors import MaimodError
from maimod.findings import BeatmapReport, Report
from maimod.linter.cache import Cache
from maimod.linter.gather import PositionAsker
from maimod.linter.limits import DEFAULT
from maimod.linter.pipeline import Analysis
from maimod.linter.progress import Progress
from maimod.linter.settings import Settings
from maimod.osu.discovery import Source
from maimod.rules import RULES

_turn = threading.Lock()
"""Lints share the processor and the model's memory, so a second one waits."""


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
    effective: Sequence[Settings] = ()
    """Settings of each beatmap of the report."""
    analyses: dict[str, Analysis] = field(default_factory=dict)
    """Analyses by the path of the beatmap in the report."""
    ask: PositionAsker | None = None
    """Computes position posteriors with the model of the run."""
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
        except MaimodError as error:
            self.trouble = str(error)
        except Exception as error:
            self.trouble = f"unexpected {type(error).__name__}: {error} (a bug; the console holds the traceback)"
            raise
        finally:
            _turn.release()

    def _lint(self) -> None:
        typed = {"model": self.settings.model, "device": self.settings.device}
        run = maimod.lint(
            self.sources,
            self.settings,
            cache=self.cache,
            settings_of=settings_of(typed, self.settings, RULES),
            draw=self._keep,
            watched=DEFAULT,
        )
        beatmaps: list[BeatmapReport] = []
        with closing(run):
            for item in run:
                if self.cancelled:
                    self.analyses.clear()
                    return
                if isinstance(item, Progress):
                    self.progress = item
                else:
                    beatmaps.append(item)
        self.effective = run.settings
        for beatmap, settings in zip(beatmaps, run.settings, strict=True):
            delta = since_last_run(beatmap, settings, self.cache) if self.cache else None
            if delta is not None:
                self.deltas[beatmap.path] = delta
        self.report = Report(maimod.__version__, run.model, tuple(beatmaps))

    def _keep(self, analysis: Analysis, ask: PositionAsker) -> None:
        """Pictures are drawn later, when somebody looks at a finding."""
        self.analyses[analysis.report.path], self.ask = analysis, ask
