"""Ctrl+C and SIGTERM. The first one raises KeyboardInterrupt, so that the command can keep what is done; the second one
ends the process at once.

Python runs signal handlers between two instructions of the main thread, so a decoder or a network that computes for
seconds delays them. The second signal is therefore seen by a thread, through the wakeup file descriptor, into which the
interpreter writes each signal immediately.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from maimod.osu.discovery import TEMPORARY_PREFIX

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO_S = 0.3
"""A signal this soon after the first is the same one again: a terminal sends Ctrl+C to all processes, and some of those
that started this one pass it on; `timeout` sends SIGTERM to its child and to the group."""

_received: list[int] = []
"""The signals of this call of the command line."""
_raises = True
"""See :func:`raising`."""


def received() -> bool:
    """Whether this call of the command line was interrupted."""
    return bool(_received)


def exit_code() -> int:
    """The exit code of an interrupted call: 128 and the number of the signal, as shells have it; 130 is Ctrl+C."""
    return 128 + (_received[0] if _received else signal.SIGINT)


@contextmanager
def handled() -> Iterator[None]:
    """Handle the signals as described above; where they are ignored, as after `nohup`, they stay ignored."""
    _received.clear()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(ours,), daemon=True)
    watcher.start()
    try:
        for number in SIGNALS:
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, _interrupt)
        yield
    finally:
        for number in SIGNALS:  # an echo must not end the process with another exit code
            signal.signal(number, signal.SIG_IGN if _received else before[number] or signal.SIG_DFL)
        signal.set_wakeup_fd(wakeup)
        theirs.close()
        watcher.join()
        ours.close()


@contextmanager
def raising(now: bool) -> Iterator[None]:
    """Whether an interrupt raises KeyboardInterrupt in this block. A postponed one is raised when a block begins that
    has `now`, and can be seen in :func:`received`."""
    global _raises
    before, _raises = _raises, now
    try:
        if now and _received:
            raise KeyboardInterrupt
        yield
    finally:
        _raises = before


def _interrupt(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    if _raises and len(_received) == 1:
        raise KeyboardInterrupt


def _watch(pipe: socket.socket) -> None:
    """Read the numbers of signals until the pipe is closed, and end the process at the second one."""
    first = 0.0
    while numbers := pipe.recv(1):
        if numbers[0] not in SIGNALS:
            continue
        now = time.monotonic()
        if not first:
            first = now
        elif now - first > ECHO_S:
            _end_at_once(128 + numbers[0])


def _end_at_once(code: int) -> None:
    """End this process, its children and its temporary files without any other care."""
    multiprocessing = sys.modules.get("multiprocessing")
    for child in multiprocessing.active_children() if multiprocessing else ():
        child.kill()
    for folder in Path(tempfile.gettempdir()).glob(f"{TEMPORARY_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(code)
