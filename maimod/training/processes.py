"""Work on many files in several processes."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from maimod.errors import UsageError
from maimod.linter.pool import without_ctrl_c

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_processes(work: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[tuple[Item, Result]]:
    """Call `work` on every item; with one job, in this process.

    Args:
        work: picklable, as are items and results.
        items: what to work on.
        jobs: number of processes. Each computes with its share of the cores.

    Yields:
        (item, result), in the order of `items`.

    Raises:
        UsageError: if a process ends by itself, as the system ends processes that take too much memory.
    """
    jobs = min(jobs, len(items))
    if jobs <= 1:
        for item in items:
            yield item, work(item)
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), initializer=limit_threads, initargs=(threads,)
    ) as executor:
        with without_ctrl_c():
            # Not `executor.map`: it cancels what waits when it is interrupted, and the executor's thread fails with a
            # traceback if its processes then end.
            results = deque(executor.submit(work, item) for item in items)
        try:
            for item in items:
                yield item, results.popleft().result()
        except BrokenProcessPool:
            raise UsageError(f"one of {jobs} processes ended; if memory ran out, give fewer --jobs") from None
        except (KeyboardInterrupt, GeneratorExit):  # the executor would wait for what they work on
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
            raise
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def limit_threads(count: int) -> None:
    """Compute with at most `count` threads in this process; read when torch is imported, so call it before."""
    os.environ["OMP_NUM_THREADS"] = str(count)
