"""Lint mapsets on the workers of a Dask cluster: one task for each set, results as they come.

Workers need the same maimod, and the maps at the same paths. What a lost worker was doing, Dask gives to another one; a set
that loses its worker again and again is given up, and the others go on. Dask is imported when it is asked for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from maimod.errors import NO_CLUSTER, CheckpointError, UsageError, short
from maimod.findings import BeatmapReport, ModelInfo
from maimod.linter.bugs import bug
from maimod.linter.cache import Cache, KeptReports, of_program
from maimod.linter.limits import Limits, Watch
from maimod.linter.pool import Answer, without_ctrl_c
from maimod.linter.progress import Progress
from maimod.linter.session import Session
from maimod.linter.settings import Settings
from maimod.linter.task import Task
from maimod.osu.discovery import Source

if TYPE_CHECKING:
    from distributed import Client

LOCAL = "local"
"""Instead of an address: worker processes of this computer."""
CONNECTING_S = 30.0
WORKERS_S = 120.0
"""Seconds to wait for the scheduler, and for the first worker."""
AHEAD = 4
"""Sets that each thread of the cluster has in its queue."""
LEAST_AHEAD = 32
COUNTED_EVERY_S = 20.0
"""Seconds after which the workers are counted again; some may have joined."""


def run(
    tasks: Sequence[Task], address: str, jobs: int, cache_folder: Path | None, watched: Limits
) -> Generator[Answer, None, None]:
    """Lint sources on a cluster.

    Args:
        tasks: started in order.
        address: of the scheduler; :data:`LOCAL` starts one with `jobs` workers, which end with the generator.
        jobs: number of local workers; 0 is one for each core.
        cache_folder: cache that the workers share; None for no cache.
        watched: limits of each beatmap.

    Yields:
        Reports and progress as the sets are finished, those of a set together.

    Raises:
        UsageError: if Dask is not installed, the scheduler cannot be reached, has no workers, or goes away, or if the workers
            have another maimod or lack something that the settings name.
    """
    if not tasks:
        return
    try:
        from distributed import as_completed
    except ImportError:
        raise UsageError(f"--scheduler {address}: {NO_CLUSTER}") from None
    with _client(address, jobs) as client:
        waiting, running = deque(tasks), dict[Any, Task]()
        doubtful: deque[Task] = deque()
        """Sets whose workers were lost too often. Another set on the same workers may be to blame, so they run alone at the
        end."""
        finished = as_completed()
        most, counted = 0, -COUNTED_EVERY_S
        try:
            while waiting or running or doubtful:
                is_end = not waiting and not running
                if time.monotonic() - counted > COUNTED_EVERY_S:
                    most, counted = max(LEAST_AHEAD, AHEAD * sum(client.nthreads().values())), time.monotonic()
                while is_end or (waiting and len(running) < most):
                    task = (doubtful if is_end else waiting).popleft()
                    future = _submit(client, task, cache_folder, watched)
                    running[future] = task
                    finished.add(future)
                    if is_end:
                        break
                future = next(finished)
                task = running.pop(future)
                outcome = _outcome(future, address)
                if not is_end and _is_lost(outcome):
                    doubtful.append(task)
                    continue
                reports, info = _result(outcome, task, address)
                for report in reports:
                    yield task.number, report, info
                entries = len(task.source.entries)
                yield task.number, Progress("checked on the cluster", reports[-1].path, entries, entries), info
        finally:
            with suppress(Exception):  # the scheduler may be gone
                client.cancel(list(running))


def _outcome(future: Any, address: str) -> KeptReports | Exception:
    """Reports of a set, or what went wrong. A result may be lost with its worker until it is here."""
    try:
        kept: KeptReports = future.result()
    except Exception as error:
        if future.status == "cancelled":
            raise UsageError(f"--scheduler {address}: it has gone away") from None
        return error
    except asyncio.CancelledError:
        raise UsageError(f"--scheduler {address}: it has gone away") from None
    return kept


def _is_lost(outcome: KeptReports | Exception) -> bool:
    from distributed import KilledWorker

    return isinstance(outcome, KilledWorker)


@contextmanager
def _client(address: str, jobs: int) -> Iterator[Client]:
    """A connection to a scheduler that has workers.

    Raises:
        UsageError: if there is none.
    """
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in the reports
    local = None
    try:
        if address == LOCAL:
            with without_ctrl_c():  # which the threads that start the workers inherit
                try:
                    local = LocalCluster(
                        n_workers=jobs or os.cpu_count() or 1,
                        threads_per_worker=1,
                        dashboard_address="127.0.0.1:0",
                        silence_logs=logging.CRITICAL,
                    )
                except (OSError, RuntimeError) as error:  # a worker was killed before it was ready
                    raise UsageError(
                        f"--scheduler {address}: its workers cannot be started ({short(str(error).rstrip('.'))})"
                    ) from None
        try:
            client = Client(local or address, timeout=CONNECTING_S)
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"--scheduler {address}: cannot be reached ({short(str(error) or 'no answer')})") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=WORKERS_S)
            except TimeoutError:
                raise UsageError(f"--scheduler {address}: no worker has joined it within {WORKERS_S:g} s") from None
            yield client
    finally:
        if local is not None:
            local.close()


def _submit(client: Client, task: Task, cache_folder: Path | None, watched: Limits) -> Any:
    return client.submit(
        lint_set,
        msgspec.structs.replace(task.source, path=task.source.path.absolute()),
        _anywhere(task.settings),
        cache_folder and cache_folder.absolute(),
        watched,
        of_program(),
        pure=False,
    )


def _anywhere(settings: Settings) -> Settings:
    """Settings whose paths mean the same in every working directory."""

    def there(path: str | None) -> str | None:
        return str(Path(path).absolute()) if path and Path(path).exists() else path

    song = settings.audio_path and settings.audio_path.absolute()
    return replace(settings, model=there(settings.model), lora=there(settings.lora), audio_path=song)


def _result(outcome: KeptReports | Exception, task: Task, address: str) -> tuple[list[BeatmapReport], ModelInfo | None]:
    """Reports of a finished task; if it failed, an error for each beatmap."""
    if isinstance(outcome, KeptReports):
        return outcome.at(task.source.path), outcome.model
    if _is_lost(outcome):
        return _failed(task.source, "lost its worker again and again (too little memory?) and was given up"), None
    if isinstance(outcome, (UsageError, CheckpointError)):
        raise outcome
    if isinstance(outcome, ModuleNotFoundError) and (outcome.name or "").split(".")[0] == "maimod":
        raise UsageError(f"--scheduler {address}: a worker has no maimod; install this version there")
    return _failed(task.source, bug("the worker", outcome)), None


def _failed(source: Source, reason: str) -> list[BeatmapReport]:
    return [
        BeatmapReport(entry.name, "error", (f"{entry.name}: {reason}",), file=entry.location)
        for entry in source.entries
    ]


# ---------------------------------------------------------------------------------------------------------------------
# On a worker

_working = Lock()
"""Threads of a worker take turns: they would share one interpreter and one watch anyway."""


@cache
def _session(cache_folder: Path | None) -> Session:
    """The session of this process, with its networks loaded."""
    return Session(Cache(cache_folder) if cache_folder else None)


def lint_set(
    source: Source, settings: Settings, cache_folder: Path | None, watched: Limits, program: str
) -> KeptReports:
    """Lint a source, or take its reports from the cache.

    Raises:
        UsageError: if this worker has another maimod than `program`, or lacks something that the settings name.
    """
    if program != of_program():
        raise UsageError(f"the worker on {socket.gethostname()} has another maimod; install the same version there")
    session = _session(cache_folder)
    with _working:
        if not source.path.exists() and not source.trouble:
            reports = _failed(
                source, f"not there on the worker {socket.gethostname()}; the maps must be on shared storage"
            )
        else:
            known = session.recall(source, settings)
            items = session.lint(source, settings, watch=Watch(watched)) if known is None else known
            reports = [item for item in items if isinstance(item, BeatmapReport)]
    return KeptReports.of(reports, session.info, source.path)
