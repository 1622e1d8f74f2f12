"""Lint again whenever a file of a mapset is saved.

Dates and sizes are checked a few times a second. That needs no library, works on every disk and network share, and a
mapset has few files. Only the saved difficulties are linted again (the whole set after another of its files, its configuration or a deleted difficulty),
and only what is new since the watch began is printed, after what the mapper has changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from pathlib import Path

import msgspec

from maimod.commands import interrupts
from maimod.commands.baseline import Reference
from maimod.commands.check import once
from maimod.commands.command_line import say
from maimod.commands.edits import Versions, lines
from maimod.commands.resolve import Check, resolve
from maimod.errors import MaimodError, UsageError
from maimod.linter.session import Session
from maimod.osu.discovery import Source, find
from maimod.osu.folder import ARCHIVES, BEATMAP, Folder, has_ending

INTERVAL_S = 0.4
SETTLED_S = 0.2
"""Seconds without a change before a file is read, because editors write in several steps."""

State = dict[Path, tuple[int, int]]
"""Modification time in ns and size of each file."""


class Saved(msgspec.Struct, frozen=True):
    """What was saved since the last look."""

    sources: list[Source]
    """Sources to lint again, with the difficulties that it concerns."""
    is_configured: bool
    """Whether the configuration of one has changed."""
    state: State
    """Of all files now."""


def watch(check: Check) -> int:
    """Lint, and lint again after each save, until interrupted.

    Returns:
        The exit code of the last lint; after a lint that was interrupted, or SIGTERM, that of the interrupt.
    """
    sources = _sources(check)
    state, versions = _state(check, sources), Versions(sources)
    session = Session(check.cache)
    reference = Reference()
    code = once(check, session=session, reference=reference)
    later = _later(check)
    while not interrupts.received():
        say("watching; Ctrl+C ends it")
        try:
            saved = _wait(check, state)
        except KeyboardInterrupt:
            say("watching has ended")
            return code if interrupts.exit_code() == 130 else interrupts.exit_code()
        state = saved.state
        for edits in versions.changed(saved.sources) if not check.view.quiet else ():
            for line in lines(edits):
                say(line)
        try:
            if saved.is_configured:
                later = _later(resolve(check.paths, check.typed))
            code = once(later, saved.sources, session, reference)
        except MaimodError as error:
            say(str(error))  # for example a configuration that is just being written
    return code


def _later(check: Check) -> Check:
    """A check of what was saved, which lists what is new."""
    return msgspec.structs.replace(check, options=replace(check.options, write_baseline=False, new_only=True))


def _sources(check: Check) -> list[Source]:
    try:
        return find(check.paths)
    except UsageError:
        return []  # the lint reports it; the map may come back later


def _wait(check: Check, state: State) -> Saved:
    """Wait until a file of the sources or their configurations is saved or deleted."""
    while True:
        time.sleep(INTERVAL_S)
        sources = _sources(check)
        now = _state(check, sources)
        if now == state:
            continue
        while True:
            time.sleep(SETTLED_S)
            sources = _sources(check)
            again = _state(check, sources)
            if again == now:
                break
            now = again
        saved = {path for path in now.keys() | state.keys() if now.get(path) != state.get(path)}
        gone = state.keys() - now.keys()
        if not check.view.quiet:
            for path in sorted(gone):
                if has_ending(path.name, BEATMAP, *ARCHIVES):
                    say(f"gone: {path}")
        configured = [source for source in sources if not saved.isdisjoint(check.configurations(source))]
        parts = [source if source in configured else _saved_part(source, saved, gone) for source in sources]
        if changed := [part for part in parts if part is not None]:
            return Saved(changed, bool(configured), now)
        state = now


def _saved_part(source: Source, saved: Set[Path], gone: Set[Path] = frozenset()) -> Source | None:
    """A source with the saved difficulties alone, or whole if another of its files was saved or a difficulty was deleted, which
    the others were compared with; None if nothing was."""
    own = {path for path in saved if path == source.path or source.path in path.parents}
    entries = tuple(entry for entry in source.entries if source.path / entry.inner in own)
    is_other = source.is_archive or any(
        not has_ending(path.name, BEATMAP) or (path in gone and path.parent == source.path) for path in own
    )
    if not own or (not entries and not is_other):  # nothing, or difficulties of a set in a folder below
        return None
    return source if is_other else source.only(entries)


def _state(check: Check, sources: Sequence[Source]) -> State:
    """Modification time and size of each file of the sources, and of their configurations."""
    state: State = {}
    _look({path for source in sources for path in check.configurations(source)}, state)
    for source in sources:
        here = Folder(source.path)
        places = [source.path] if source.is_archive else [*here.beatmaps(), *map(here.path_of, here.files or ())]
        _look(places, state)
    return state


def _look(paths: Iterable[Path], state: State) -> None:
    """Put modification time and size of files that are there into a state."""
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        state[path] = status.st_mtime_ns, status.st_size
