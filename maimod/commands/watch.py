"""Lint again whenever a file of a mapset is saved.

Dates and sizes are checked a few times a second. That needs no library, works on every disk and network share, and a
mapset has few files. Only the changed mapset is linted again, and the model scores only its changed difficulties.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from maimod.commands import interrupts
from maimod.commands.check import once
from maimod.commands.command_line import say
from maimod.commands.resolve import Check
from maimod.errors import MaimodError, UsageError
from maimod.linter.session import Session
from maimod.osu.discovery import Source, find
from maimod.osu.folder import Folder

INTERVAL_S = 0.4
SETTLED_S = 0.2
"""Seconds without a change before a file is read, because editors write in several steps."""

State = dict[Path, tuple[int, int]]


def watch(check: Check) -> int:
    """Lint, and lint again after each save, until interrupted.

    Returns:
        The exit code of the last lint; after a lint that was interrupted, or SIGTERM, that of the interrupt.
    """
    state = _state(_sources(check))
    session = Session(check.cache)
    code = once(check, session=session)
    later = replace(check, options=replace(check.options, write_baseline=False))
    while not interrupts.received():
        say("watching; Ctrl+C ends it")
        try:
            changed, state = _wait(check, state)
        except KeyboardInterrupt:
            say("watching has ended")
            return code if interrupts.exit_code() == 130 else interrupts.exit_code()
        try:
            code = once(later, changed, session)
        except MaimodError as error:
            say(str(error))  # for example a configuration that is just being written
    return code


def _sources(check: Check) -> list[Source]:
    try:
        return find(check.paths)
    except UsageError:
        return []  # the lint reports it; the map may come back later


def _wait(check: Check, state: State) -> tuple[list[Source], State]:
    """Wait until a file is saved, and return the changed sources and the state of all files."""
    while True:
        time.sleep(INTERVAL_S)
        sources = _sources(check)
        now = _state(sources)
        if now == state:
            continue
        while True:
            time.sleep(SETTLED_S)
            sources = _sources(check)
            again = _state(sources)
            if again == now:
                break
            now = again
        saved = {path for path in now.keys() | state.keys() if now.get(path) != state.get(path)}
        changed = [
            source for source in sources if any(path == source.path or source.path in path.parents for path in saved)
        ]
        if changed:
            return changed, now
        state = now


def _state(sources: Sequence[Source]) -> State:
    """Modification time and size of each file of the sources."""
    state: State = {}
    for source in sources:
        here = Folder(source.path)
        places = [source.path] if source.is_archive else [*here.beatmaps(), *map(here.path_of, here.files or ())]
        for path in places:
            try:
                status = path.stat()
            except OSError:
                continue
            state[path] = status.st_mtime_ns, status.st_size
    return state
