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
    pool = _Pool(tasks, jobs, limits, setup)
    try:
        yield from pool.answers()
    finally:
        pool.end()


class _Pool:
    """Processes, and the tasks that wait for one."""

    def __init__(self, tasks: Sequence[Task], jobs: int, limits: Limits, setup: Setup) -> None:
        self.jobs, self.limits, self.setup = min(jobs, len(tasks)), limits, setup
        self.waiting = deque(tasks)
        self.workers: list[_Worker] = []
        self.lost = 0
        """Processes in a row that ended while they loaded the model."""
        self.tried: set[tuple[int, str]] = set()
        """Maps whose process was killed once, by their task."""

    def answers(self) -> Iterator[Answer]:
        """Start the processes, and yield what they answer until no task is left."""
        for _ in range(self.jobs):
            self.start()
        while busy := [(worker, worker.task) for worker in self.workers if worker.task is not None]:
            ready = wait([worker.pipe for worker, _ in busy], _patience([worker for worker, _ in busy], self.limits))
            for worker, task in busy:
                if worker.pipe in ready:
                    yield from self.received(worker, task)
                elif time.monotonic() - worker.since > _limit(worker, self.limits):
                    reason = f"took longer than {_limit(worker, self.limits):g} s and was given up"
                    if worker.loading:
                        raise UsageError(f"loading the model {reason}")
                    yield from self.replaced(worker, task, reason)

    def start(self) -> None:
        """Start a process with the next task."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        threads = max(1, (os.cpu_count() or 1) // max(self.jobs, 1))
        process = context.Process(target=_work, args=(theirs, self.setup, self.limits.megabytes, threads), daemon=True)
        with without_ctrl_c():
            process.start()
        theirs.close()
        self.workers.append(_Worker(process, ours))
        self.give(self.workers[-1])

    def give(self, worker: _Worker) -> None:
        """Give a process the next task, if there is one."""
        worker.task = None
        if self.waiting:
            task = self.waiting.popleft()
            worker.task, worker.beatmap, worker.loading, worker.since = task, "", True, time.monotonic()
            with suppress(OSError):  # it has died, which the next read of its pipe shows
                worker.pipe.send((task.source, task.settings, tuple(task.reported), tuple(task.given_up)))

    def received(self, worker: _Worker, task: Task) -> Iterator[Answer]:
        """Read what a process has sent; one that sends no more has died.

        Raises:
            UsageError, CheckpointError: if the processes cannot work at all.
        """
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            yield from self.died(worker, task)
            return
        match message:
            case UsageError() | CheckpointError():
                raise message
            case None:
                self.give(worker)
            case (Progress() as progress, info):
                _note(worker, progress)
                yield task.number, progress, info
            case (BeatmapReport() as report, info):
                self.lost = 0
                task.reported.append(task.left[0].inner)
                yield task.number, report, info

    def died(self, worker: _Worker, task: Task) -> Iterator[Answer]:
        """Give up what a process was linting that has died; what was killed from outside is tried once more.

        Raises:
            UsageError: if too many have died while they loaded the model.
        """
        worker.process.join()
        how = _death(worker.process.exitcode)
        if worker.loading:
            self.lost += 1
            if self.lost == LOST_IN_A_ROW:
                raise UsageError(f"{self.lost} processes in a row ended while they loaded the model ({how})") from None
        current = task.number, worker.beatmap
        if how not in KILLED:
            reason = f"ended the process that linted it ({how})"
        elif current in self.tried:
            reason = f"lost its process twice ({how}; too little memory?) and was given up"
        else:
            reason = ""
            if not worker.loading:
                self.tried.add(current)
        yield from self.replaced(worker, task, reason)

    def replaced(self, worker: _Worker, task: Task, reason: str) -> Iterator[Answer]:
        """End a process and start another one if something is left to do.

        Args:
            worker: the process.
            task: what it was given.
            reason: why its current map is given up; empty if that is tried again.
        """
        _end(worker)
        self.workers.remove(worker)
        if reason and not worker.loading:
            for report in _given_up(task, worker.beatmap, reason):
                yield task.number, report, None
        if task.left:
            self.waiting.appendleft(task)
        if self.waiting:
            self.start()

    def end(self) -> None:
        """End all processes."""
        for worker in self.workers:
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
