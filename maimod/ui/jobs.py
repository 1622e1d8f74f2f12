"""Background runs of the page: exact findings first, estimated ones difficulty by difficulty, one model at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field

import maimod
from maimod.commands.baseline import since_cleared
from maimod.commands.edits import since_last_run
from maimod.errors import BeatmapError, ConfigError, MaimodError, UsageError
from maimod.findings import BeatmapReport
from maimod.linter.expectations import Expectations
from maimod.linter.limits import DEFAULT
from maimod.linter.pipeline import Analysis
from maimod.linter.progress import LOADING, Progress
from maimod.linter.settings import Settings
from maimod.osu.discovery import Source, opened
from maimod.osu.folder import read_file
from maimod.osu.limits import MAX_FILE_BYTES
from maimod.ui.results import Difficulty, Result

ABANDONED_S = 150.0
"""Seconds after which a run ends that no page asks about; browsers let a hidden page ask once a minute."""
_turn = threading.Lock()
"""Models share the processor and the memory, so a second run waits for the first. Exact findings wait for nothing."""


@dataclass
class Job:
    """A run in a thread of its own, which fills a result."""

    result: Result
    settings: Settings
    """Model and device; everything else comes from the mapsets' own configuration."""
    settings_of: Callable[[Source], Settings]
    only: Collection[str] | None = None
    """Locations of the difficulties whose estimated findings are made again; None: all."""
    progress: Progress | None = None
    waiting: bool = False
    """Whether it waits for another run's model."""
    trouble: str = ""
    """Why the run has failed."""
    asked_at: float = field(default_factory=time.monotonic)
    """When a page last asked about it."""

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="maimod lint")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def touch(self) -> None:
        """Note that a page asks about the run."""
        self.asked_at = time.monotonic()

    def cancel(self) -> None:
        """Stop the run: the result stays as it is, and the thread ends at its next step."""
        self._stopped.set()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._stopped.is_set()

    @property
    def is_busy(self) -> bool:
        """Whether the result is still being filled."""
        return self._thread.is_alive() and not self.cancelled

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` for the end, and return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            sources = self._at_once()
            self._find_edits()
            if sources and self._is_wanted():
                self._in_turn(sources)
        except MaimodError as error:
            self.trouble = str(error)
        except Exception as error:
            self.trouble = f"unexpected {type(error).__name__}: {error} (a bug; the console holds the traceback)"
            raise
        finally:
            self.result.changed()

    def _is_wanted(self) -> bool:
        """Whether the run goes on: it is not cancelled, and a page waits for it."""
        if time.monotonic() - self.asked_at > ABANDONED_S:
            self.cancel()
        return not self.cancelled

    def _at_once(self) -> list[Source]:
        """Publish cached reports and exact findings, and return the sources that are left for the model."""
        left = []
        for source in self.result.sources:
            if not self._is_wanted():
                break
            own = [one for one in self.result.difficulties if one.source is source]
            try:
                settings = self.settings_of(source)
            except (ConfigError, UsageError) as error:
                self._publish([(one, BeatmapReport(one.entry.name, "error", (str(error),))) for one in own])
                continue
            for one in own:
                one.settings = settings
            session = self.result.session
            known = session.recall(source, settings) if self.only is None else None
            if known is not None:
                self.result.model = session.info if self.settings.model else None
                self._publish(list(zip(own, known, strict=True)))
                continue
            looks = {one.report.path: one for one in session.first_look(source, settings)}
            with self.result.lock:
                for one in own:
                    if one.entry.name in looks:
                        one.show_early(looks[one.entry.name])
                self._compare([one for one in own if one.is_complete])
                self.result.changed()
            wanted = [one.entry for one in own if self.only is None or one.entry.location in self.only]
            if wanted:
                left.append(source.only(wanted))
        return left

    def _find_edits(self) -> None:
        """Find out what the mapper has changed since the last run, and remember the present versions."""
        cache = self.result.session.cache
        if cache is None:
            return
        for source in self.result.sources:
            own = [one for one in self.result.difficulties if one.source is source]
            with suppress(BeatmapError), opened(source) as (folder, _):
                for one in own:
                    with suppress(OSError):
                        content = read_file(folder / one.entry.inner, MAX_FILE_BYTES)
                        one.edits = since_last_run(one.entry.location, content, cache)
        if any(one.edits for one in self.result.difficulties):
            self.result.changed()

    def _in_turn(self, sources: Sequence[Source]) -> None:
        self.waiting = True
        while not _turn.acquire(timeout=0.1):
            if not self._is_wanted():
                return
        self.waiting = False
        try:
            self._lint(sources)
        finally:
            _turn.release()

    def _lint(self, sources: Sequence[Source]) -> None:
        session = self.result.session
        by_location = {one.entry.location: one for one in self.result.difficulties}
        made: dict[str, tuple[Analysis, Expectations]] = {}

        def keep(analysis: Analysis, expectations: Expectations) -> None:
            made[analysis.report.path] = analysis, expectations

        run = maimod.lint(
            sources,
            self.settings,
            cache=session.cache,
            settings_of=self.settings_of,
            session=session,
            draw=keep,
            watched=DEFAULT,
        )
        with closing(run):
            for item in run:
                if not self._is_wanted():
                    return
                if isinstance(item, Progress):
                    self.progress = item
                    continue
                self.result.model = run.model
                difficulty = by_location[item.file]
                with self.result.lock:
                    difficulty.analysis, difficulty.expectations = made.pop(item.path, (None, None))
                    self._publish([(difficulty, item)])

    def _publish(self, reports: Sequence[tuple[Difficulty, BeatmapReport]]) -> None:
        """Show complete reports."""
        with self.result.lock:
            for difficulty, report in reports:
                difficulty.report, difficulty.is_complete = report, True
            self._compare([difficulty for difficulty, _ in reports])
            self.result.changed()

    def _compare(self, difficulties: Sequence[Difficulty]) -> None:
        """Find out what is new in complete reports."""
        cache = self.result.session.cache
        for one in difficulties:
            one.delta = since_cleared(one.shown, one.settings, cache) if cache else None

    def status(self) -> dict[str, object]:
        """The state of the run for the page: text, kind, share done, and whether it goes on."""
        done = sum(one.is_complete for one in self.result.difficulties)
        total = len(self.result.difficulties)
        if self.trouble:
            return {"text": self.trouble, "kind": "error", "share": None, "busy": False}
        if not self.is_busy:
            text = f"Stopped: {done} of {total} complete, exact findings of the others." if done < total else ""
            return {"text": text, "kind": "stopped" if text else "done", "share": None, "busy": False}
        share = self.progress.done / max(self.progress.total, 1) if self.progress else 0.0
        return {"text": self._doing(done, total), "kind": "busy", "share": round(share, 3), "busy": True}

    def _doing(self, done: int, total: int) -> str:
        if self.waiting:
            return "Exact findings are listed; the model waits for another run to end"
        if self.progress is None:
            return "Exact findings first"
        if self.progress.stage == LOADING:
            return f"{done} of {total} complete · loading the model"
        names = {one.shown.path: one.shown.version for one in self.result.difficulties}
        name = names.get(self.progress.beatmap) or self.progress.beatmap
        return " · ".join(part for part in (f"{done} of {total} complete", f"{self.progress.stage} {name}") if part)
