"""Lint many sources, one after the other or in parallel, using the cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from maimod import __version__
from maimod.errors import ConfigError, UsageError
from maimod.findings import BeatmapReport, ModelInfo, Report
from maimod.linter.cache import Cache
from maimod.linter.gather import Songs, score
from maimod.linter.limits import Limits, Watch
from maimod.linter.models import Networks, load_models, processes_that_fit
from maimod.linter.progress import Progress, result_of
from maimod.linter.session import Draw, Session
from maimod.linter.settings import Settings
from maimod.linter.task import Task
from maimod.osu import discovery, parser
from maimod.osu.discovery import Source

SOURCES_A_PROCESS = 4
"""Fewest beatmaps per process; with fewer, loading torch and the model takes longer than is saved."""
MAX_PROCESSES = 8
"""Most processes by default; each takes about 700 MB."""


def lint(
    paths: str | Path | Sequence[str | Path | Source],
    settings: Settings | None = None,
    *,
    jobs: int = 1,
    cache: Cache | None = None,
    limits: Limits | None = None,
    watched: Limits | None = None,
    settings_of: Callable[[Source], Settings] | None = None,
    session: Session | None = None,
    draw: Draw | None = None,
    scheduler: str | None = None,
) -> Run:
    """Lint beatmaps.

    Args:
        paths: `.osu` files, `.osz` archives, mapset folders, Songs folders, or patterns of them, one or several; or
            sources that were found.
        settings: see :class:`Settings`.
        jobs: number of processes, each with its own model; 0 chooses it by the number of beatmaps. A script that asks for
            several calls this below `if __name__ == "__main__":`, because each process imports the script.
        cache: cache for reports and scores.
        limits: of each beatmap; they need a process of its own even for one job.
        watched: limits that need none, and that wait for calls into libraries; :data:`maimod.linter.limits.DEFAULT`.
        settings_of: settings of a source, where they differ; model, device and precision must not. A source for which
            it raises a ConfigError or a UsageError cannot be read.
        session: of an earlier call with the same cache, which has the model loaded.
        draw: called with the analysis of each readable beatmap, in the process that made it; with several jobs or
            limits it must be picklable. Reports are then not taken from the cache. A kept analysis holds the song and
            some 10 MB per difficulty.
        scheduler: address of the scheduler of a Dask cluster that does the work, or `local`; then `limits` are watched by the
            workers, and nothing is drawn.

    Returns:
        The run, which works while it is iterated over. It yields one report for each `.osu` file, always in the order
        of `paths`; unreadable files have status "error" and a reason.

    Raises:
        UsageError: if a path does not exist or holds no beatmap, or the settings name a rule that there is not; while it runs, if the settings name something that the
            model does not know.
        CheckpointError: while it runs, if the model cannot be loaded.
    """
    settings = settings or Settings()
    _refuse_unknown_rules(settings)
    paths = [paths] if isinstance(paths, (str, Path)) else paths
    given = [path for path in paths if isinstance(path, Source)]
    sources = given or discovery.find([path for path in paths if not isinstance(path, Source)])
    if settings.audio_path is not None and sum(len(source.entries) for source in sources) > 1:
        raise UsageError("--audio-path is the song of one difficulty: give one .osu file")
    tasks = [_task(number, source, settings, settings_of) for number, source in enumerate(sources)]
    session = session or Session(cache)
    limits, watched = limits or Limits(), watched or Limits()
    if scheduler:
        items = _in_cluster(tasks, session, scheduler, jobs, limits, watched)
    elif (jobs := jobs or _worth(sources, settings)) == 1 and not limits:
        items = _alone(tasks, session, draw, watched)
    else:
        items = _in_processes(tasks, session, draw, jobs, limits, watched)
    return Run(tasks, session, items)


def _refuse_unknown_rules(settings: Settings) -> None:
    """Raise an error for a mistyped rule, which would select nothing and find nothing."""
    tables = (*settings.severities, *settings.min_scores)
    names = [*settings.select, *settings.ignore, *(name for name, _ in tables)]
    if names:  # most runs have none, and a run that the cache answers needs no rules
        from maimod.rules import RULES

        if unknown := [name for name in names if not any(rule.startswith(name) for rule in RULES)]:
            raise UsageError(f"{unknown[0]}: no such rule")


def _task(number: int, source: Source, settings: Settings, settings_of: Callable[[Source], Settings] | None) -> Task:
    """A source with its settings; a configuration that cannot be used costs the mapsets that it is for, not the run."""
    try:
        return Task(number, source, settings_of(source) if settings_of else settings)
    except (ConfigError, UsageError) as error:
        return Task(number, msgspec.structs.replace(source, trouble=str(error)), settings)


class Run(Iterator[Progress | BeatmapReport]):
    """One call of :func:`lint`: an iterator of progress and reports. It keeps none of them.

    Its processes end with it: when it comes to its end, is closed, or is dropped.
    """

    def __init__(self, tasks: Sequence[Task], session: Session, items: Numbered) -> None:
        self.total = sum(len(task.source.entries) for task in tasks)
        """Beatmaps."""
        self.settings = tuple(task.settings for task in tasks for _ in task.source.entries)
        """Settings of each beatmap, in the order of the reports."""
        self.mapsets = len(tasks)
        """Sources."""
        self._session, self._tasks = session, tasks
        self._arrived = [0] * len(tasks)
        self._held: dict[int, deque[BeatmapReport]] = {}
        self._items = self._in_order(items)

    @property
    def model(self) -> ModelInfo | None:
        """The model used; known once there is a report."""
        return self._session.info

    def __next__(self) -> Progress | BeatmapReport:
        return next(self._items)

    def report(self) -> Report:
        """Run to the end and return all reports that were not iterated over before."""
        beatmaps = tuple(item for item in self if isinstance(item, BeatmapReport))
        return Report(__version__, self.model, beatmaps)

    def close(self) -> None:
        """Stop the run."""
        self._items.close()

    @property
    def finished(self) -> int:
        """Sources whose beatmaps all have their report."""
        return sum(count == len(task.source.entries) for count, task in zip(self._arrived, self._tasks, strict=True))

    def held(self) -> list[tuple[BeatmapReport, Settings]]:
        """Of a run that was stopped: reports, with their settings, that were made while an earlier one was missing."""
        return [
            (report, self._tasks[number].settings) for number in sorted(self._held) for report in self._held[number]
        ]

    def _in_order(self, items: Numbered) -> Generator[Progress | BeatmapReport, None, None]:
        """Progress over all tasks, and their reports in order."""
        done, held = [0.0] * len(self._tasks), self._held
        upcoming, past = 0, 0.0
        with closing(items):
            for number, item in items:
                before = done[number]
                if isinstance(item, Progress):
                    done[number] = item.done
                    past += item.done - before
                    yield msgspec.structs.replace(item, done=past, total=self.total)
                    continue
                self._arrived[number] += 1
                done[number] = self._arrived[number]
                past += done[number] - before
                held.setdefault(number, deque()).append(item)
                while held.get(upcoming):
                    yield held[upcoming].popleft()
                    if not held[upcoming]:
                        del held[upcoming]
                        upcoming += self._arrived[upcoming] == len(self._tasks[upcoming].source.entries)
        if self._session.cache:
            self._session.cache.tidy()


Numbered = Generator[tuple[int, Progress | BeatmapReport], None, None]
"""Progress and reports with the number of their task; reports of a task are in order, tasks may be mixed."""


def _alone(tasks: Sequence[Task], session: Session, draw: Draw | None, watched: Limits) -> Numbered:
    """Run the tasks in this process."""
    watch = Watch(watched)
    for task in tasks:
        known = None if draw else session.recall(task.source, task.settings)
        items = session.lint(task.source, task.settings, draw, watch=watch) if known is None else known
        for item in items:
            yield task.number, item


def _in_processes(
    tasks: Sequence[Task], session: Session, draw: Draw | None, jobs: int, limits: Limits, watched: Limits
) -> Numbered:
    """Run the tasks in several processes."""
    from maimod.linter import pool

    unknown = []
    for task in tasks:
        known = None if draw else session.recall(task.source, task.settings)
        if known is None:
            unknown.append(task)
        for report in known or ():
            yield task.number, report
    # Only for archives, because a killed run leaves the folder behind.
    workplace = (
        Path(tempfile.mkdtemp(prefix=discovery.TEMPORARY_PREFIX))
        if any(task.source.is_archive for task in unknown)
        else None
    )
    cache_folder = session.cache.folder if session.cache else None
    try:
        setup = pool.Setup(cache_folder, workplace, draw, watched)
        with closing(pool.run(unknown, jobs, limits, setup)) as answers:
            for number, item, info in answers:
                session.info = session.info or info
                yield number, item
    finally:
        if workplace is not None:
            shutil.rmtree(workplace, ignore_errors=True)


def _in_cluster(
    tasks: Sequence[Task], session: Session, scheduler: str, jobs: int, limits: Limits, watched: Limits
) -> Numbered:
    """Run the tasks on a cluster, which looks into the cache itself: to read every file here would take too long."""
    from maimod.linter import cluster

    both = Limits(
        watched.seconds if limits.seconds is None else limits.seconds,
        watched.megabytes if limits.megabytes is None else limits.megabytes,
    )
    cache_folder = session.cache.folder if session.cache else None
    with closing(cluster.run(tasks, scheduler, jobs, cache_folder, both)) as answers:
        for number, item, info in answers:
            session.info = session.info or info
            yield number, item


def _worth(sources: Sequence[Source], settings: Settings) -> int:
    """Number of processes that are worth their start."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = max(1, min(cores, len(sources) // SOURCES_A_PROCESS, MAX_PROCESSES))
    return min(most, processes_that_fit(settings)) if most > 1 else 1


def score_events(path: str | Path, settings: Settings) -> Iterator[dict[str, Any]]:
    """Score the events of a beatmap with the model alone.

    Yields:
        For each event in prompt order per context: context, index, time [ms], type, value, surprisal and entropy
            [bits], expected_type, expected_value, and `near`, the probability within the tolerance. Values are those of
            :class:`maimod.events.schema.Event`.

    Raises:
        BeatmapError, AudioError, CheckpointError: if the map, its song or the model cannot be used.
        UsageError: if the settings name something that the model does not know.
    """
    networks = Networks(load_models(settings))
    beatmap = parser.load(path)
    song_path = settings.audio_path or parser.find_audio(beatmap)
    contexts = result_of(score(beatmap, Songs().load(song_path) if song_path else None, settings, networks))
    for context, scores in contexts.items():
        for index, scored in enumerate(scores):
            event, likeliest = scored.event, scored.likeliest
            yield {
                "context": context,
                "index": index,
                "time": event.time,
                "type": event.kind.value,
                "value": event.value,
                "surprisal": round(scored.surprisal, 5),
                "entropy": round(scored.entropy, 5),
                "near": round(scored.near, 6),
                "expected_type": likeliest.kind.value,
                "expected_value": likeliest.value,
            }
