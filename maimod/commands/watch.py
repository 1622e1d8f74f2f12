"""Lint again whenever a file of a mapset is saved.

By looking at dates and sizes a few times a second: it needs no library, works on every disk, network shares included,
and a mapset has few files. Only the mapset that changed is linted again; of that, only the difficulty that changed is
shown to the model again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from maimod.commands.check import once
from maimod.commands.command_line import Failure, say
from maimod.commands.resolve import Check
from maimod.linter.session import Session
from maimod.osu.discovery import InputError, Source, find

INTERVAL_S = 0.4
SETTLED_S = 0.2
"""Editors write a file in several steps; it is read once it has been left alone for that long."""

State = dict[Path, tuple[int, int]]


def watch(check: Check) -> int:
    """Lint, and lint again what is saved, until interrupted."""
    state = _state(_sources(check))
    session = Session(check.cache)
    code = once(check, session=session)
    later = replace(check, options=replace(check.options, write_baseline=False))
    try:
        while True:
            say("watching; Ctrl+C ends it")
            changed, state = _wait(check, state)
            try:
                code = once(later, changed, session)
            except Failure as error:
                say(error.format_message())  # a configuration in the middle of being written, for example
    except KeyboardInterrupt:
        return code


def _sources(check: Check) -> list[Source]:
    try:
        return find(check.paths)
    except InputError:
        return []  # the linting says so; while watching, the map may come back


def _wait(check: Check, state: State) -> tuple[list[Source], State]:
    """Wait until something is saved; which sources that is, and how all files are then."""
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
    """When each file of the sources was last saved, and its size."""
    state: State = {}
    for source in sources:
        if source.is_archive:
            places = [source.path]
        else:
            places = [
                Path(place, name)
                for place, folders, names in os.walk(source.path)
                for name in names
                if not name.startswith(".")
            ]
        for path in places:
            try:
                status = path.stat()
            except OSError:
                continue
            state[path] = status.st_mtime_ns, status.st_size
    return state
