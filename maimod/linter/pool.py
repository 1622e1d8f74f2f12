"""Lint sources in several processes, each with its own model, and stop processes that exceed a limit.

If a process dies or takes too long, its current map becomes an error, and the rest of the set goes to a new process. A map
whose process was killed from outside, as the system does when memory runs out, is tried once more.
Processes are spawned, not forked: torch and its threads do not survive a fork.

Nothing heavy is imported here, so that a new process can set its limits before anything large is in memory.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from maimod.errors import CheckpointError, UsageError
from maimod.findings import BeatmapReport, ModelInfo
from maimod.linter.limits import Limits, Watch, set_memory_policy
from maimod.linter.progress import LOADING, Progress
from maimod.linter.task import Task

LOADING_S = 600.0
"""Seconds for loading the model; not counted for the limit of a map."""
LOST_IN_A_ROW = 3
"""Processes that may end while they load the model, one after the other, before the run is given up: one may be the
victim of a full memory, as many have a reason that the next one has too."""
KILLED = ("SIGKILL", "SIGTERM")
"""Deaths of a process that its map need not have caused."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Arguments of every process; must be picklable."""

    cache_folder: Path | None = None
    """None for no cache."""
    workplace: Path | None = None
    """Where archives are unpacked; the caller removes it."""
    draw: Callable[..., object] | None = None
    """See :data:`maimod.linter.session.Draw`."""
    watched: Limits = field(default_factory=Limits)
    """Limits that each process watches by itself."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None
    beatmap: str = ""
    """The current map; empty while a source is being opened."""
    loading: bool = False
    since: float = 0.0


Answer = tuple[int, Progress | BeatmapReport, ModelInfo | None]
"""Number of a task, its progress or report, and the model used."""


def run(tasks: Sequence[Task], jobs: int, limits: Limits, setup: Setup) -> Generator[Answer, None, None]:
    """Lint sources in `jobs` processes, which end when the generator is closed.

    Args:
        tasks: started in order.
        jobs: number of processes.
        limits: of each beatmap.
        setup: of each process.

    Yields:
        Progress and reports as they are made; reports of a task are in order.

    Raises:
        UsageError: if the processes cannot work at all.
    """
    jobs = min(jobs, len(tasks))
    threads = max(1, (os.cpu_count() or 1) // max(jobs, 1))
    waiting = deque(tasks)
    workers: list[_Worker] = []

    def start() -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, setup, limits.megabytes, threads), daemon=True)
        with without_ctrl_c():
            process.start()
        theirs.close()
        workers.append(_Worker(process, ours))
        give(workers[-1])

    def give(worker: _Worker) -> None:
        worker.task = None
        if waiting:
            task = waiting.popleft()
            worker.task, worker.beatmap, worker.loading, worker.since = task, "", True, time.monotonic()
            with suppress(OSError):  # it has died, which the next read of its pipe shows
                worker.pipe.send((task.source, task.settings, tuple(task.reported), tuple(task.given_up)))

    lost = 0
    tried: set[tuple[int, str]] = set()
    """Maps whose process was killed once, by their task."""
    try:
        for _ in range(jobs):
            start()
        while busy := [(worker, worker.task) for worker in workers if worker.task is not None]:
            ready = wait([worker.pipe for worker, _ in busy], _patience([worker for worker, _ in busy], limits))
            for worker, task in busy:
                how = ""
                if worker.pipe in ready:
                    try:
                        message = worker.pipe.recv()
                    except (EOFError, OSError):
                        worker.process.join()
                        how = _death(worker.process.exitcode)
                        if how in KILLED:
                            reason = f"lost its process twice ({how}; too little memory?) and was given up"
                        else:
                            reason = f"ended the process that linted it ({how})"
                        if worker.loading:
                            lost += 1
                            if lost == LOST_IN_A_ROW:
                                raise UsageError(
                                    f"{lost} processes in a row ended while they loaded the model ({how})"
                                ) from None
                    else:
                        match message:
                            case UsageError() | CheckpointError():
                                raise message
                            case None:
                                give(worker)
                            case (Progress() as progress, info):
                                _note(worker, progress)
                                yield task.number, progress, info
                            case (BeatmapReport() as report, info):
                                lost = 0
                                task.reported.append(task.left[0].inner)
                                yield task.number, report, info
                        continue
                elif time.monotonic() - worker.since > _limit(worker, limits):
                    reason = f"took longer than {_limit(worker, limits):g} s and was given up"
                    if worker.loading:
                        raise UsageError(f"loading the model {reason}")
                else:
                    continue
                _end(worker)
                workers.remove(worker)
                current = task.number, worker.beatmap
                if how in KILLED and current not in tried and not worker.loading:
                    tried.add(current)
                elif not worker.loading:
                    for report in _given_up(task, worker.beatmap, reason):
                        yield task.number, report, None
                if task.left:
                    waiting.appendleft(task)
                if waiting:
                    start()
    finally:
        for worker in workers:
            _end(worker)


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Ctrl+C reaches all processes of a terminal; those that are started in this block do not see it, from their first
    instruction on, because the process that started them ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # else the first process starts it, which unblocks the signal again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _note(worker: _Worker, progress: Progress) -> None:
    """Store the current map of a process and restart its time limit."""
    loading = progress.stage == LOADING
    if progress.beatmap != worker.beatmap or loading != worker.loading:
        worker.since = time.monotonic()
    worker.beatmap, worker.loading = progress.beatmap, loading


def _given_up(task: Task, beatmap: str, reason: str) -> list[BeatmapReport]:
    """Give up the current map; if there is none, the rest of the source."""
    lost = task.left[:1] if beatmap else task.left
    task.given_up += [entry.inner for entry in lost]
    return [BeatmapReport(entry.name, "error", (f"{entry.name}: {reason}",), file=entry.location) for entry in lost]


def _limit(worker: _Worker, limits: Limits) -> float:
    return LOADING_S if worker.loading else limits.seconds or float("inf")


def _patience(busy: Sequence[_Worker], limits: Limits) -> float | None:
    """Seconds until the first limit is reached."""
    left = min(worker.since + _limit(worker, limits) for worker in busy) - time.monotonic()
    return None if left == float("inf") else max(left, 0.0) + 0.01


def _death(code: int | None) -> str:
    """How a process ended, as in "SIGKILL"."""
    if code is not None and code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            pass
    return f"exit code {code}"


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


# ---------------------------------------------------------------------------------------------------------------------
# In the new process


def _work(pipe: Connection, setup: Setup, megabytes: int | None, threads: int) -> None:
    """Lint the tasks that arrive through the pipe, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # see without_ctrl_c; on Windows only from here on
    for name, count in (("OMP_NUM_THREADS", threads), ("MKL_NUM_THREADS", threads), ("OPENBLAS_NUM_THREADS", 1)):
        os.environ.setdefault(name, str(count))
    set_memory_policy()
    if megabytes is not None:
        _limit_memory(megabytes)
    from maimod.linter.cache import Cache
    from maimod.linter.session import Session

    session = Session(Cache(setup.cache_folder) if setup.cache_folder else None, setup.workplace)
    watch = Watch(setup.watched)
    try:
        while True:
            source, settings, reported, given_up = pipe.recv()
            try:
                items = session.lint(source, settings, setup.draw, watch=watch, reported=reported, given_up=given_up)
                for item in items:
                    pipe.send((item, session.info))
            except (UsageError, CheckpointError) as error:
                pipe.send(error)
            else:
                pipe.send(None)
    except (EOFError, OSError):
        return  # the main process is gone


def _limit_memory(megabytes: int) -> None:
    """Let allocations beyond the limit fail, if the system supports it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    # Data, not address space: torch reserves far more address space than it uses. Linux counts all allocations; macOS
    # accepts the limit and ignores it.
    limit = resource.RLIMIT_DATA
    resource.setrlimit(limit, (megabytes << 20, megabytes << 20))
