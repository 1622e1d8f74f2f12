"""Sources linted in several processes, each with its own model, that can be stopped when a map takes too much.

A process that dies or overstays is blamed on the map it had in hand: the map becomes an error, the rest of its set goes
to a fresh process. Processes are spawned, not forked: torch and its threads do not survive a fork.

Only the standard library is imported here, so that a new process can set its limits before anything heavy starts.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from maimod.findings import BeatmapReport, ModelInfo
from maimod.linter.settings import Settings
from maimod.osu.discovery import Source

LOADING_S = 600.0
"""For the model; the limit of a map does not count it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one beatmap may take; None is no limit."""

    seconds: float | None = None
    megabytes: int | None = None

    def __bool__(self) -> bool:
        return self.seconds is not None or self.megabytes is not None


@dataclass(slots=True)
class Task:
    """A source to lint."""

    number: int
    source: Source
    settings: Settings
    given_up: dict[str, str] = field(default_factory=dict)
    """Why, by inner name."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    beatmap: str = ""
    """The map in hand."""
    loading: bool = False
    since: float = 0.0


class WorkerError(Exception):
    """The processes cannot work at all; one line that says why."""


def run(
    tasks: Sequence[Task],
    jobs: int,
    limits: Limits,
    cache_folder: Path | None,
    workplace: Path | None,
    tell: Callable[[int, str, str, float], None],
) -> Iterator[tuple[Task, list[BeatmapReport], ModelInfo | None]]:
    """Lint sources in `jobs` processes.

    Args:
        tasks: what to do; begun in order.
        jobs: number of processes.
        limits: of each beatmap.
        cache_folder: of the cache; None for none.
        workplace: where archives are unpacked; whoever gave it removes it.
        tell: called with a task's number, the name of a beatmap, what is being done and how many beatmaps of the task
            are done.

    Yields:
        Each task with its reports and the model that judged, as they are done.

    Raises:
        WorkerError: if the work cannot be done, whatever the map.
    """
    jobs = min(jobs, len(tasks))
    threads = max(1, (os.cpu_count() or 1) // max(jobs, 1))
    waiting = deque(tasks)
    workers: list[_Worker] = []

    def start() -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, cache_folder, workplace, limits.megabytes, threads), daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def give(worker: _Worker) -> None:
        if waiting:
            worker.task, worker.beatmap, worker.loading, worker.since = waiting.popleft(), "", True, time.monotonic()
            worker.pipe.send((worker.task.source, worker.task.settings, frozenset(worker.task.given_up)))

    try:
        for _ in range(jobs):
            workers.append(start())
            give(workers[-1])
        while busy := [worker for worker in workers if worker.task is not None]:
            ready = wait([worker.pipe for worker in busy], _patience(busy, limits))
            for worker in busy:
                task = worker.task
                assert task is not None
                reason = ""
                if worker.pipe in ready:
                    try:
                        message = worker.pipe.recv()
                    except (EOFError, OSError):
                        worker.process.join()
                        reason = _death(worker.process.exitcode)
                    else:
                        match message:
                            case ("at", name, stage, done, loading):
                                if name != worker.beatmap or loading != worker.loading:
                                    worker.since = time.monotonic()
                                worker.beatmap, worker.loading = name, loading
                                tell(task.number, name, stage, done)
                            case ("failed", why):
                                raise WorkerError(why)
                            case (reports, info):
                                yield task, _with_given_up(task, reports), info
                                worker.task = None
                                give(worker)
                        continue
                elif time.monotonic() - worker.since > _limit(worker, limits):
                    reason = f"took longer than {_limit(worker, limits):g} s and was given up"
                if reason:
                    _end(worker)
                    if worker.loading:
                        raise WorkerError(f"a process that was loading the model {reason}")
                    _blame(task, worker.beatmap, reason)
                    if len(task.given_up) < len(task.source.entries):
                        waiting.appendleft(task)
                    else:
                        yield task, _with_given_up(task, []), None
                    workers.remove(worker)
                    if waiting:
                        workers.append(start())
                        give(workers[-1])
    finally:
        for worker in workers:
            _end(worker)


def _limit(worker: _Worker, limits: Limits) -> float:
    return LOADING_S if worker.loading else limits.seconds or float("inf")


def _patience(busy: Sequence[_Worker], limits: Limits) -> float | None:
    """Seconds until the first limit is reached."""
    left = min(worker.since + _limit(worker, limits) for worker in busy) - time.monotonic()
    return None if left == float("inf") else max(left, 0.0) + 0.01


def _blame(task: Task, name: str, reason: str) -> None:
    """Give up the map in hand; without one, the whole source."""
    for entry in task.source.entries:
        if not name or entry.name == name:
            task.given_up.setdefault(entry.inner, reason)


def _with_given_up(task: Task, reports: Sequence[BeatmapReport]) -> list[BeatmapReport]:
    """Reports of all entries, in their order."""
    rest = iter(reports)
    return [
        BeatmapReport(entry.name, "error", (f"{entry.name}: {task.given_up[entry.inner]}",), file=entry.location)
        if entry.inner in task.given_up
        else next(rest)
        for entry in task.source.entries
    ]


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            return f"ended the process that linted it ({signal.Signals(-code).name})"
        except ValueError:
            pass
    return f"ended the process that linted it (exit code {code})"


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


# ---------------------------------------------------------------------------------------------------------------------
# In the new process


def _work(
    pipe: Connection, cache_folder: Path | None, workplace: Path | None, megabytes: int | None, threads: int
) -> None:
    """Lint what comes through the pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches all processes; the first one ends the others
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    if megabytes is not None:
        _limit_memory(megabytes)
    from maimod.linter.cache import Cache
    from maimod.linter.pipeline import UsageError
    from maimod.linter.session import LOADING, Session

    def tell(name: str, stage: str, done: float) -> None:
        try:
            pipe.send(("at", name, stage, done, stage == LOADING))
        except OSError:
            raise SystemExit from None  # whoever asked is gone; this is no mistake of the map in hand

    session = Session(Cache(cache_folder) if cache_folder else None, workplace)
    try:
        while True:
            source, settings, without = pipe.recv()
            tell("", "reading", 0.0)
            answer: Any
            try:
                answer = (session.lint(source, settings, tell, without=without), session.info)
            except UsageError as error:
                answer = ("failed", str(error))
            pipe.send(answer)
    except (EOFError, OSError):
        return


def _limit_memory(megabytes: int) -> None:
    """Let allocations beyond the limit fail, where the system can do that."""
    try:
        import resource
    except ImportError:  # Windows
        return
    # Data, not address space: torch reserves far more of that than it ever uses. Linux counts all that a process
    # allocates; macOS takes the limit and does not keep it.
    limit = resource.RLIMIT_DATA
    resource.setrlimit(limit, (megabytes << 20, megabytes << 20))
