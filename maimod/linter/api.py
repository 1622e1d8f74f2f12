"""From paths to a report: many sources, one after the other or side by side, what is known already from the cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from maimod import __version__
from maimod.findings import BeatmapReport, ModelInfo, Report
from maimod.linter import pool
from maimod.linter.cache import Cache
from maimod.linter.pipeline import Analysis, Progress, UsageError
from maimod.linter.pool import Limits, Task, WorkerError
from maimod.linter.session import Session
from maimod.linter.settings import Settings
from maimod.osu import discovery
from maimod.osu.discovery import InputError, Source

SOURCES_A_PROCESS = 4
"""Below that a process does not earn back the seconds in which it loads torch and the model."""
MAX_PROCESSES = 8
"""Each takes about 700 MB."""


def lint(
    paths: Sequence[str | Path | Source],
    settings: Settings | None = None,
    progress: Callable[[Progress], None] | None = None,
    analysed: Callable[[Analysis], None] | None = None,
    *,
    jobs: int = 1,
    cache: Cache | None = None,
    limits: Limits | None = None,
    arrived: Callable[[Report, int], None] | None = None,
    settings_of: Callable[[Source], Settings] | None = None,
    session: Session | None = None,
) -> Report:
    """Lint beatmaps.

    Args:
        paths: `.osu` files, `.osz` archives, mapset folders, Songs folders, or patterns of them; or sources that were
            found.
        settings: see :class:`Settings`.
        progress: called now and then.
        analysed: called with each beatmap that could be read, in order, with all that its report was made of; pictures
            are drawn from it. Whoever keeps it keeps the song and some 10 MB for each difficulty. Keeps the lint in
            this process.
        jobs: processes to work in; each loads a model of its own. 0: as many as are worth it.
        cache: what was found before is taken from here, and what is found is kept here.
        limits: of each beatmap; they need a process of its own even for one job.
        arrived: called with the reports of each source as soon as those before it are there, and the number of beatmaps
            in all.
        settings_of: settings of a source, where they differ; model, device and precision must not.
        session: of an earlier call with the same cache, which has the model loaded.

    Returns:
        One report for each `.osu` file, in the order of `paths` however many jobs there are; those that cannot be read
        have status "error" and a reason.

    Raises:
        UsageError: if a path does not exist, holds no beatmap, or the model cannot be loaded.
    """
    settings = settings or Settings()
    try:
        given = [path for path in paths if isinstance(path, Source)]
        sources = given or discovery.find([path for path in paths if not isinstance(path, Source)])
    except InputError as error:
        raise UsageError(str(error)) from None
    total = sum(len(source.entries) for source in sources)
    if settings.audio_path is not None and total > 1:
        raise UsageError("audio_path goes with a single beatmap")
    run = _Run(sources, [settings_of(source) if settings_of else settings for source in sources], progress, total)
    session = session or Session(cache)
    reports: list[BeatmapReport] = []
    jobs = jobs or _worth(sources, settings)
    alone = analysed is not None or (jobs == 1 and not limits)
    for found in run.alone(session, analysed) if alone else run.in_processes(session, jobs, limits or Limits()):
        reports += found
        if arrived:
            arrived(Report(__version__, run.info or session.info, tuple(found)), total)
    if cache:
        cache.tidy()
    return Report(__version__, run.info or session.info, tuple(reports))


def _worth(sources: Sequence[Source], settings: Settings) -> int:
    """How many processes pay for their start."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return (
        max(1, min(cores, len(sources) // SOURCES_A_PROCESS, MAX_PROCESSES))
        if settings.device in ("auto", "cpu")
        else 1
    )


class _Run:
    """One call of :func:`lint`."""

    def __init__(
        self,
        sources: Sequence[Source],
        settings: Sequence[Settings],
        progress: Callable[[Progress], None] | None,
        total: int,
    ) -> None:
        self.sources, self.settings, self.progress, self.total = sources, settings, progress, total
        self.done = [0.0] * len(sources)
        self.info: ModelInfo | None = None

    def tell(self, number: int, name: str, stage: str, done: float) -> None:
        self.done[number] = done
        if self.progress:
            self.progress(Progress(stage, name, sum(self.done), self.total))

    def alone(self, session: Session, analysed: Callable[[Analysis], None] | None) -> Iterator[list[BeatmapReport]]:
        """Reports of each source, in order, made in this process."""
        for number, (source, settings) in enumerate(zip(self.sources, self.settings, strict=True)):

            def tell(name: str, stage: str, done: float, number: int = number) -> None:
                self.tell(number, name, stage, done)

            known = None if analysed else session.recall(source, settings)
            yield session.lint(source, settings, tell, analysed) if known is None else known
            self.tell(number, "", "", len(source.entries))

    def in_processes(self, session: Session, jobs: int, limits: Limits) -> Iterator[list[BeatmapReport]]:
        """Reports of each source, in order, made wherever a process is free."""
        finished: dict[int, list[BeatmapReport]] = {}
        tasks = []
        for number, (source, settings) in enumerate(zip(self.sources, self.settings, strict=True)):
            known = session.recall(source, settings)
            if known is None:
                tasks.append(Task(number, source, settings))
            else:
                finished[number] = known
                self.tell(number, "", "", len(source.entries))
        # Only for archives: what a killed run leaves behind, nobody takes away.
        workplace = Path(tempfile.mkdtemp(prefix="maimod-")) if any(task.source.is_archive for task in tasks) else None
        upcoming = 0
        try:
            answers = pool.run(
                tasks, jobs, limits, session.cache.folder if session.cache else None, workplace, self.tell
            )
            while upcoming < len(self.sources):
                while upcoming not in finished:
                    task, reports, info = next(answers)
                    finished[task.number] = reports
                    self.info = self.info or info
                    self.tell(task.number, "", "", len(task.source.entries))
                yield finished.pop(upcoming)
                upcoming += 1
        except WorkerError as error:
            raise UsageError(str(error)) from None
        finally:
            if workplace is not None:
                shutil.rmtree(workplace, ignore_errors=True)
