"""Answers to the script in the browser: runs, findings and inputs of the page."""

from __future__ import annotations

import glob
import math
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, cast

import msgspec

from maimod.commands.baseline import load as load_baseline
from maimod.commands.baseline import since_cleared
from maimod.commands.config_file import discover
from maimod.commands.resolve import restricted, settings_of
from maimod.errors import BeatmapError, ConfigError, MaimodError, UsageError, in_words
from maimod.linter.cache import Cache
from maimod.linter.session import Session
from maimod.linter.settings import BUNDLED_MODEL, LISTED_SCORE, Override, Settings
from maimod.osu import discovery, parser
from maimod.osu.archive import is_archive
from maimod.osu.beatmap import Mode
from maimod.osu.discovery import Entry, Source
from maimod.osu.folder import BEATMAP, Folder, has_ending, is_hidden, parts_of
from maimod.osu.level import parse_level, star_rating
from maimod.rules import RULES
from maimod.ui.editor import open_map
from maimod.ui.jobs import Job
from maimod.ui.results import Difficulty, Gone, Result, Results

NO_MODEL = "none: exact rules, the song and habits of the map"
MAX_DIFFICULTIES = 60
"""Most difficulties at once; their songs and scores stay in memory, some 25 MB each."""
MAX_PAGES = 20
"""Open pages whose wishes are kept."""
MAX_BROWSED = 200
"""Most mapsets listed of a Songs folder; a search finds the others."""
Call = Mapping[str, Any]
"""The argument of a call from the page."""


class Page:
    """State that all open pages share. Each public function answers one kind of call."""

    def __init__(self, cache: Cache | None = None) -> None:
        self.session = Session(cache)
        self.results = Results()
        self.jobs: dict[str, Job] = {}
        """The run of each result, by the id of the result."""
        self.followers: dict[str, str] = {}
        """Result that was started when a map of another one was saved."""
        self.wanted: dict[str, object] = {}
        """The last request of each page for :meth:`continuations`."""
        self._lock = threading.Lock()

    # Runs.

    def start(self, call: Call) -> dict[str, str]:
        """Begin a run of the path and options of the page, and end the one that it replaces.

        Raises:
            UsageError, ConfigError: if there is nothing to lint at the path.
        """
        given = _cleaned(call.get("path", ""))
        sources = _sources(given, call.get("picked") or [])
        typed_baseline = _cleaned(call.get("baseline", ""))
        baseline = _baseline(sources, typed_baseline)
        base = _settings(call)
        typed = {"model": base.model, "device": base.device, "min_score": base.min_score}
        if sum(len(source.entries) for source in sources) > 1:  # each has a level of its own
            base = replace(base, level=None)
        if base.level is not None:
            typed["level"] = base.level
        difficulties = [Difficulty(source, entry) for source in sources for entry in source.entries]
        result = Result(sources, difficulties, self.session, given, baseline, is_read_only=not typed_baseline)
        self.cancel({"run": call.get("instead", "")})
        of = _with_levels(settings_of(typed, base, RULES), call.get("levels") or {})
        return {"run": self._begin(Job(result, base, of))}

    def _begin(self, job: Job) -> str:
        name = self.results.keep(job.result)
        with self._lock:
            self.jobs = {one: other for one, other in self.jobs.items() if other.is_busy or one in self.results}
            self.jobs[name] = job
        job.start()
        return name

    def poll(self, call: Call) -> dict[str, Any]:
        """Status of a run, its data if they have changed since `version`, and the run that has followed it.

        With `watch`, a saved map begins the next run.
        """
        name = call["run"]
        result, job = self.results[name], self.jobs.get(name)
        if job is not None:
            job.touch()
        status = job.status() if job else {"text": "", "kind": "done", "share": None, "busy": False}
        answer: dict[str, Any] = {"status": status, "path": result.path}
        if call.get("watch") and not status["busy"]:
            self._follow(name, result)
        if name in self.followers and self.followers[name] in self.results:
            answer["next"] = self.followers[name]
        if call.get("version") != result.version:
            answer["data"] = result.data()
        return answer

    def _follow(self, name: str, result: Result) -> None:
        """Begin the next run if a map was saved and is no longer being written."""
        with self._lock:
            now = result.dates()
            settled, result.seen = now == result.seen, now
            saved = result.saved_since()
            before = self.jobs.get(name)
            if not saved or not settled or name in self.followers or before is None:
                return
            self.followers[name] = ""  # so that no other page begins it
        try:
            self.followers[name] = self._begin(_next_job(before, saved))
        except MaimodError:  # the map is being deleted or renamed
            with self._lock:
                del self.followers[name]

    def cancel(self, call: Call) -> None:
        """Stop a run; what it has found stays."""
        job = self.jobs.get(call["run"])
        if job is not None:
            job.cancel()

    def clear(self, call: Call) -> None:
        """From now on nothing that is known is new."""
        result = self.results[call["run"]]
        cache = self.session.cache
        with result.lock:
            for one in result.difficulties:
                if cache and one.is_complete:
                    since_cleared(one.shown, one.settings, cache, clear=True)
                    one.delta = since_cleared(one.shown, one.settings, cache)
            result.changed()

    # One finding.

    def strip(self, call: Call) -> dict[str, Any]:
        """Timeline of a difficulty."""
        return self.results[call["run"]].strip(int(call["beatmap"]))

    def overview(self, call: Call) -> str:
        """Return the overview HTML of a result."""
        return self.results[call["run"]].overview()

    def evidence(self, call: Call) -> str:
        """Return the evidence HTML of a finding."""
        return self.results[call["run"]].evidence(call["key"])

    def continuations(self, call: Call) -> dict[str, Any]:
        """Draw continuations of the model from a finding, and end those that the same page requested before.

        Without a key it only ends that.
        """
        wanted = object()
        self.wanted[call["page"]] = wanted
        while len(self.wanted) > MAX_PAGES:
            self.wanted.pop(next(iter(self.wanted)))
        if not call.get("key"):
            return {}
        return self.results[call["run"]].continuations(call["key"], lambda: self.wanted.get(call["page"]) is wanted)

    def clip(self, call: Call) -> dict[str, Any]:
        """Return the song around a finding."""
        return self.results[call["run"]].clip(call["key"], bool(call["hits"]))

    def export(self, call: Call) -> dict[str, str]:
        """Return a report of chosen findings."""
        return self.results[call["run"]].export(call["format"], call["keys"])

    def mark(self, call: Call) -> str:
        """Store the mapper's mark on findings."""
        return self.results[call["run"]].mark(call["keys"], call["state"])

    # Inputs.

    def difficulties(self, call: Call) -> list[dict[str, str]]:
        """Difficulties of a path to pick from; none for a folder of several mapsets."""
        path = _cleaned(call.get("path", ""))
        given = Path(path)
        choices: list[dict[str, str]] = []
        if path and (is_archive(given) or (given.is_dir() and Folder(given).beatmaps())):
            try:
                sources = discovery.find([given])
            except UsageError:
                sources = []
            named = [(_difficulty(source, entry), entry) for source in sources for entry in source.entries]
            named.sort(key=lambda one: one[0][1])
            choices = [{"name": name, "location": entry.location} for (name, _), entry in named]
        return choices if 1 < len(choices) <= MAX_DIFFICULTIES else []

    def browse(self, call: Call) -> dict[str, Any]:
        """List the mapsets and archives of a folder, and its folders whose names have all words of a text, the
        last changed first. Without a folder, the user's own is listed.

        Returns:
            `folder`, `parent` (empty at the top), `rows` of `name`, `path` and `kind`: "set", "folder", or "here" for the
            folder itself if it is a set.

        Raises:
            UsageError: if there is no such folder.
            OSError: if it cannot be listed.
        """
        typed = _cleaned(call.get("folder", ""))
        folder = Path(typed) if typed else Path.home()
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder; enter the Songs folder of osu!")
        words = str(call.get("text", "")).lower().split()
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_hidden(entry.name) or not all(word in entry.name.lower() for word in words):
                    continue
                try:  # a link may lead nowhere, and a file may be deleted meanwhile
                    if entry.is_dir() or is_archive(Path(entry.name)):
                        found.append((entry.stat().st_mtime, entry.name))
                except OSError:
                    continue
        rows = [{"name": folder.name or str(folder), "path": str(folder), "kind": "here"}] if _is_set(folder) else []
        for _, name in sorted(found, reverse=True)[:MAX_BROWSED]:
            path = folder / name
            rows.append({"name": name, "path": str(path), "kind": "set" if _is_set(path) else "folder"})
        parent = "" if folder.parent == folder else str(folder.parent)
        return {"folder": str(folder), "parent": parent, "rows": rows}

    def editor(self, call: Call) -> dict[str, str]:
        """Return the mapset and the difficulty that are open in osu!."""
        found = open_map()
        return {"path": found.folder, "file": found.file}

    def gather(self, call: Call) -> str:
        """Put uploaded files into one folder, so that a map finds its song, and return the path to lint.

        `names` are their names in the folder that they come from, where they come from one.

        Raises:
            UsageError: if a file is not an upload, or its name leads out of the folder.
        """
        place = Path(os.environ["GRADIO_TEMP_DIR"]).resolve()
        paths = [Path(path).resolve() for path in call["files"]]
        if not paths or not all(path.is_relative_to(place) and path.is_file() for path in paths):
            raise UsageError("The files were not uploaded; drop them again.")
        if len(paths) == 1 and is_archive(paths[0]):
            return str(paths[0])
        names = [parts_of(str(name)) for name in call.get("names") or [path.name for path in paths]]
        if len(names) != len(paths) or not all(names):
            raise UsageError("The names of the files lead out of their folder; drop them again.")
        folder = Path(tempfile.mkdtemp(dir=place))
        for path, parts in zip(paths, names, strict=True):
            target = folder.joinpath(*(parts or ()))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        inner = [one for one in folder.iterdir() if not is_hidden(one.name)]
        return str(inner[0] if len(inner) == 1 and inner[0].is_dir() else folder)

    def rules(self, call: Call) -> list[dict[str, Any]]:
        """Documentation of all rules."""
        return [
            {
                "id": rule.id,
                "title": rule.title,
                "severity": rule.severity.value,
                "tier": rule.tier.value,
                "texts": rule.texts,
                "source": rule.source,
            }
            for rule in RULES.values()
        ]

    @property
    def calls(self) -> list[Callable[[Any], dict[str, Any]]]:
        """The functions that the page can call."""
        functions: list[Callable[[Any], Any]] = [
            self.start,
            self.poll,
            self.cancel,
            self.clear,
            self.strip,
            self.overview,
            self.evidence,
            self.continuations,
            self.clip,
            self.export,
            self.mark,
            self.difficulties,
            self.browse,
            self.editor,
            self.gather,
            self.rules,
        ]
        return [_served(function) for function in functions]


def _served(function: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    """A function that answers with a value, or a line that says why there is none. Gradio sets attributes on it."""

    @wraps(function)
    def served(call: Any) -> dict[str, Any]:
        try:
            return {"value": function(call)}
        except Gone as error:
            return {"trouble": str(error), "gone": True}
        except MaimodError as error:
            return {"trouble": str(error)}
        except OSError as error:
            return {"trouble": in_words(error)}
        except Exception as error:
            return {"trouble": f"unexpected {type(error).__name__}: {error}"}

    return served


def _next_job(before: Job, saved: set[Path]) -> Job:
    """The run after some maps were saved: only these get new estimated findings.

    Raises:
        UsageError: if the path holds no beatmap any more.
    """
    old = before.result
    known = {one.entry.location: one for one in old.difficulties}
    picked = [] if len(old.difficulties) == sum(len(one.entries) for one in discovery.find([old.path])) else list(known)
    difficulties, only = [], []
    sources = _sources(old.path, picked)
    for source in sources:
        for entry in source.entries:
            was_saved = (source.path if source.is_archive else source.path / entry.inner) in saved
            one = known.get(entry.location)
            if one is None or was_saved or not one.is_complete:
                only.append(entry.location)
            difficulties.append(
                replace(one.again(entry.location in only), source=source, entry=entry)
                if one
                else Difficulty(source, entry)
            )
    result = Result(sources, difficulties, old.session, old.path, old.baseline, old.is_read_only, old.model)
    return Job(result, before.settings, before.settings_of, frozenset(only))


def _cleaned(path: str) -> str:
    """Clean a typed or pasted path: Explorer's "Copy as path" adds quotes."""
    path = (path or "").strip()
    return path[1:-1] if len(path) > 1 and path[0] == path[-1] and path[0] in "'\"" else path


def _sources(given: str, picked: Sequence[str]) -> list[Source]:
    """Return the sources to lint: the picked difficulties if they belong to the path, else all.

    Raises:
        UsageError: if there is nothing to lint, or more than a page can keep.
    """
    if not given:
        raise UsageError("Enter a mapset folder, a .osu file or a .osz archive, or drop one on the page.")
    sources = discovery.find([given])
    chosen = [
        msgspec.structs.replace(source, entries=tuple(entry for entry in source.entries if entry.location in picked))
        for source in sources
    ]
    sources = [source for source in chosen if source.entries] or sources
    count = sum(len(source.entries) for source in sources)
    if count > MAX_DIFFICULTIES:
        raise UsageError(
            f"{given} holds {count} difficulties, more than a page can keep ({MAX_DIFFICULTIES}): name one mapset. "
            "maimod check takes them all."
        )
    return sources


def _baseline(sources: Sequence[Source], given: str) -> Path | None:
    """Path of the baseline file: as given, relative to the mapset, else from the mapset's configuration.

    Raises:
        ConfigError: if it is not a baseline file, or the configuration is wrong.
    """
    first = sources[0]
    folder = first.path.parent if first.is_archive else first.path
    config, _ = restricted(discover(folder), {})
    path = folder / given if given else config.values.get("baseline")
    if path is not None and path.suffix.lower() != ".json":
        raise ConfigError(f"{path}: a baseline is a .json file")
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no such folder")
    if path is not None and path.exists():
        load_baseline(path)
    return path


def _difficulty(source: Source, entry: Entry) -> tuple[str, tuple[int, float]]:
    """(name of a difficulty, sort key: by mode and stars); for one in an archive, taken from its file name."""
    last = len(Mode), math.inf
    if source.is_archive:
        found = re.search(r"\[(.*)\]\.osu$", entry.inner)
        return (found[1] if found else entry.inner), last
    try:
        beatmap = parser.load(source.path / entry.inner)
    except BeatmapError:
        return f"{entry.inner} (unreadable)", last
    stars = star_rating(beatmap)
    return beatmap.metadata.get("Version") or entry.inner, (beatmap.mode.value, math.inf if stars is None else stars)


def _settings(call: Call) -> Settings:
    model, level = call.get("model", ""), call.get("level") or None
    return Settings(
        model=None if model == NO_MODEL else model or BUNDLED_MODEL,
        device=call.get("device") or "auto",
        level=level,
        min_score=float(call.get("least") or LISTED_SCORE),
    )


def _with_levels(of: Callable[[Source], Settings], levels: Mapping[str, str]) -> Callable[[Source], Settings]:
    """Settings with the levels that the page gives to single difficulties, by their names.

    Raises:
        UsageError: if a level is none.
    """
    try:
        for level in levels.values():
            parse_level(level)
    except ValueError as error:
        raise UsageError(str(error)) from None
    given = tuple(Override(glob.escape(name), level=cast(Any, level)) for name, level in levels.items())

    def settings(source: Source) -> Settings:
        found = of(source)
        return replace(found, overrides=(*found.overrides, *given)) if given else found

    return settings


def _is_set(path: Path) -> bool:
    """Whether a path can be opened as a mapset."""
    if is_archive(path):
        return True
    try:
        with os.scandir(path) as entries:
            return any(has_ending(entry.name, BEATMAP) for entry in entries)
    except OSError:
        return False
