"""Limits of one beatmap, and how they are watched in a process that must not be ended.

A limit that the user gives is enforced by a process of its own (:mod:`maimod.linter.pool`), which can be ended whatever
it does. That costs a start, so the defaults, which no map reaches by itself, are only watched: a thread looks every
quarter of a second, and raises :class:`OverLimit` in the thread that works. It is raised between two instructions of
Python, so it waits for a call into a library; everything that goes into one is bounded in size.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from maimod.linter.progress import SCORING, Steps

LOOK_S = 0.25
"""Seconds between two looks."""
AGAIN_S = 5.0
"""Seconds until it is raised again, because Python drops errors in finalizers."""
IDLE_LOOKS = 40
"""The thread ends after so many looks without work."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one beatmap; None is no limit."""

    seconds: float | None = None
    """Of a watched limit: without the scoring by a model, which is proportional to the map, but for each step of it."""
    megabytes: int | None = None
    """Of a watched limit: of what the map needs beside what is loaded already."""

    def __bool__(self) -> bool:
        return self.seconds is not None or self.megabytes is not None


DEFAULT_SECONDS, DEFAULT_MEGABYTES = 600.0, 4_000
DEFAULT = Limits(DEFAULT_SECONDS, DEFAULT_MEGABYTES)
"""Ten times what the heaviest maps within the parser's limits take on one core of a server."""


KEPT_BYTES = 32 << 20


def set_memory_policy() -> None:
    """Have this process look for garbage and return memory less often than Python and the C library do by themselves.

    A check makes some hundred thousand objects that live until its report, which the collector would visit again and
    again: a tenth of the time. glibc would return each freed array of over 128 KB to the system, and pay a page fault for
    every 4 KB of the next one.
    """
    gc.set_threshold(600_000, 20, 100)
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-1, KEPT_BYTES)  # M_TRIM_THRESHOLD
        mallopt(-3, KEPT_BYTES // 8)  # M_MMAP_THRESHOLD: larger arrays still come from the system and go back


class OverLimit(BaseException):
    """The current work exceeds a limit; the text says which. Not an `Exception`, so that no rule takes it for its own."""


@dataclass(slots=True)
class _Work:
    """What is being watched."""

    thread: int
    until: float
    """When the error is raised, or raised again, by `time.monotonic`."""
    most_bytes: float
    reason: str = ""
    """Why it was given up; empty if it was not."""


class Watch:
    """Gives up work of this process that exceeds limits."""

    def __init__(self, limits: Limits = Limits()) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._work: _Work | None = None
        self._looks = False
        """Whether the thread runs."""

    def run(self, work: Callable[[], Value]) -> Value:
        """Do some work.

        Raises:
            OverLimit: if it exceeds a limit.
        """
        return self._run(work, 0.0, _memory()) if self.limits else work()

    def steps(self, work: Steps[Value]) -> Steps[Value]:
        """Do the steps of some work; only the work itself takes time, and not the scoring.

        Raises:
            OverLimit: if they exceed a limit.
        """
        spent, before, stage = 0.0, _memory(), ""
        while True:
            start = time.monotonic()
            try:
                step = self._run(lambda: next(work), spent, before) if self.limits else next(work)
            except StopIteration as end:
                return end.value
            spent += 0.0 if stage == SCORING else time.monotonic() - start
            stage = step.stage
            yield step

    def _run(self, work: Callable[[], Value], spent: float, before: float) -> Value:
        limits = self.limits
        own = _Work(
            threading.get_ident(),
            float("inf") if limits.seconds is None else time.monotonic() + max(limits.seconds - spent, 0.0),
            float("inf") if limits.megabytes is None else before + (limits.megabytes << 20),
        )
        try:
            try:
                self._begin(own)
                return work()
            finally:
                self._end(own)
        except OverLimit:
            self._end(own)  # again, if it was raised within the first one
            gc.collect()
            raise OverLimit(own.reason) from None

    def _begin(self, work: _Work) -> None:
        with self._lock:
            self._work = work
            if not self._looks:
                self._looks = True
                threading.Thread(target=self._look, daemon=True, name="maimod limits").start()

    def _end(self, work: _Work) -> None:
        with self._lock:
            self._work = None
            if work.reason:  # what was not raised yet must not hit other code
                _raise_in(work.thread, None)

    def _look(self) -> None:
        """Look at the work until there is none for a while."""
        wait = min(LOOK_S, (self.limits.seconds or LOOK_S) / 4)
        idle = 0
        while idle < IDLE_LOOKS:
            time.sleep(wait)
            with self._lock:
                work = self._work
                idle = 0 if work else idle + 1
                if idle == IDLE_LOOKS:
                    self._looks = False
                if work is None:
                    continue
                over_time = time.monotonic() > work.until
                if not work.reason and over_time:
                    work.reason = f"took longer than {self.limits.seconds:g} s and was given up (--timeout)"
                elif not work.reason and _memory() > work.most_bytes:
                    work.reason, over_time = (
                        f"took more than {self.limits.megabytes:,} MB and was given up (--memory)",
                        True,
                    )
                if work.reason and over_time:
                    _raise_in(work.thread, OverLimit)
                    work.until = time.monotonic() + AGAIN_S


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raise an error in a thread as soon as it executes Python, or take one back that it has not met yet."""
    import ctypes  # here, because every command imports the defaults

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error) if error else None)


def _memory() -> float:
    """Bytes of this process in memory, without files and what it shares with others; 0 where the system does not say."""
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_bytes().split()
    except (OSError, ValueError):  # not Linux
        return 0.0
    return (int(resident) - int(shared)) * float(os.sysconf("SC_PAGE_SIZE"))
