"""The check command, once its options are read: lint, set aside what is known, report, and say with the exit code what
was found."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from maimod.commands import config as configuration
from maimod.commands.baseline import Baseline, BaselineError, since_last_run, stale, subtract, without
from maimod.commands.baseline import load as load_baseline
from maimod.commands.baseline import write as write_baseline
from maimod.commands.config import Config, ConfigError
from maimod.commands.options import FAILED, FOUND, Failure, outputs_of, prefixes_of, quiet_if_pipe_closed, say, suggest
from maimod.findings import BeatmapReport, Finding, Report, Severity
from maimod.linter.cache import Cache, default_folder
from maimod.linter.settings import Override, Settings
from maimod.osu.discovery import SUFFIXES
from maimod.reporters import REPORTERS
from maimod.reporters.view import View, shorten

if TYPE_CHECKING:
    from maimod.commands.baseline import Accepted
    from maimod.linter.pool import Limits
    from maimod.linter.session import Session
    from maimod.osu.discovery import Source
    from maimod.reporters.console import ProgressBar, Stream

MANY = 10
"""Files and findings named one by one on stderr."""


@dataclass(frozen=True)
class Check:
    """All that was asked for."""

    paths: tuple[str, ...]
    settings: Settings
    """By the command line."""
    given: frozenset[str]
    """Of :class:`Settings`, what the command line gave; the rest is up to configuration files."""
    config: Config | None
    """The only configuration to go by; None: the nearest of each mapset."""
    outputs: tuple[tuple[str, Path | None], ...]
    view: View
    jobs: int
    limits: Limits
    cache: Cache | None
    baseline: Path | None = None
    write_baseline: bool = False
    new_only: bool = False
    watch: bool = False


# ---------------------------------------------------------------------------------------------------------------------
# Options and configuration


def check_of(paths: Sequence[str], options: Mapping[str, Any], typed: Mapping[str, Any]) -> Check:
    """Bring together the options of the command line, those of them that were typed, and the configuration.

    Raises:
        Failure: if something is wrong with them; before anything slow begins.
    """
    from maimod.linter.pool import Limits
    from maimod.rules import RULES

    try:
        only = (
            Config()
            if options["isolated"]
            else configuration.load(Path(options["config"]))
            if options["config"]
            else None
        )
        config = configuration.discover(_common_folder(paths)) if only is None else only
    except ConfigError as error:
        raise Failure(str(error)) from None
    values = dict(options)
    for key, value in config.values.items():
        name = key.replace("-", "_")
        if name in values and name not in typed and not (name == "no_model" and "model" in typed):
            values[name] = _from_there(config, name, value)
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", values["device"]):
        raise typer.BadParameter(f"{values['device']!r} is none of auto, cpu, cuda, cuda:N, mps", param_hint="--device")
    known = list(RULES)
    settings = Settings(
        model=None if values["no_model"] else values["model"],
        device=values["device"],
        precision=values["precision"],
        difficulty=values["difficulty"],
        mapper_id=values["mapper_id"],
        year=values["year"],
        descriptors=tuple(values["descriptors"] or ()),
        audio_path=Path(values["audio_path"]) if values["audio_path"] else None,
        select=prefixes_of("--select", options["select"] or (), known),
        ignore=prefixes_of("--ignore", options["ignore"] or (), known),
        level=options["level"],
    )
    fail_on = None if values["fail_on"] == "never" else Severity(values["fail_on"])
    view = View(
        Severity(values["min_severity"]),
        values["max_findings"],
        values["statistics"],
        values["quiet"],
        values["raw_output"],
        fail_on,
        RULES,
    )
    cache = (
        None if values["no_cache"] else Cache(Path(values["cache_dir"]) if values["cache_dir"] else default_folder())
    )
    check = Check(
        tuple(paths),
        settings,
        frozenset(typed),
        only,
        tuple(outputs_of(values["format"] or ["console"], paths)),
        view,
        values["jobs"],
        Limits(values["timeout"] or None, values["memory"] or None),
        cache,
        Path(values["baseline"]) if values["baseline"] else None,
        values["write_baseline"],
        values["new_only"],
        values["watch"],
    )
    if check.write_baseline and check.baseline is None:
        raise Failure("--write-baseline: name the file with --baseline FILE")
    if check.baseline is not None and check.baseline.suffix.lower() in SUFFIXES:
        raise Failure(f"--baseline {check.baseline}: would overwrite a beatmap; maimod never changes one")
    if check.new_only and cache is None:
        raise Failure("--new-only needs the cache, which remembers the last run")
    if check.limits and any(name == "html" for name, _ in check.outputs):
        raise Failure(
            "--format html draws in this process, where --timeout and --memory do not hold: make the page in a second run"
        )
    if check.watch and any(name != "console" and target is None for name, target in check.outputs):
        raise Failure("--watch writes to the console; send other formats to files, as in --format json:report.json")
    return check


def _common_folder(paths: Sequence[str]) -> Path:
    """The folder that holds everything that was given."""
    folders = [path if path.is_dir() else path.parent for path in (Path(os.path.abspath(path)) for path in paths)]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # different drives
        return folders[0]


def _from_there(config: Config, name: str, value: Any) -> Any:
    """A value of a configuration file; paths are seen from there, and what is written stays there: maps come from
    strangers."""
    if config.path is None:
        return value
    folder = config.path.parent
    if name in ("baseline", "cache_dir") or (name == "model" and (folder / value).is_dir()):
        return str(folder / value)
    if name == "format":
        for given in value:
            target = Path(given.partition(":")[2].replace("\\", "/"))
            if target.is_absolute() or target.drive or ".." in target.parts:
                raise Failure(
                    f"{config.path}: format: {given}: may not leave the folder of this file; name it on the command line"
                )
        return [
            f"{kind}:{folder / target}" if target not in ("", "-") else given
            for given in value
            for kind, _, target in [given.partition(":")]
        ]
    return value


def described(check: Check) -> dict[str, Any]:
    """What a check would go by, as JSON values."""
    config = check.config if check.config is not None else configuration.discover(_common_folder(check.paths))
    settings = asdict(settings_by(config, check))
    return {
        "config": str(config.path) if config.path else None,
        **{name: str(value) if isinstance(value, Path) else value for name, value in settings.items()},
        "fail_on": check.view.fail_on or "never",
        "max_findings": check.view.max_findings,
        "format": [name if target is None else f"{name}:{target}" for name, target in check.outputs],
        "baseline": check.baseline and str(check.baseline),
        "cache_dir": check.cache and str(check.cache.folder),
        "jobs": check.jobs,
        "timeout": check.limits.seconds,
        "memory": check.limits.megabytes,
    }


def settings_by(config: Config, check: Check) -> Settings:
    """The settings of the command line, completed by a configuration file.

    Raises:
        Failure: if the file names a rule that there is not.
    """
    known = list(check.view.rules)
    values: Mapping[str, Any] = {
        key: value for key, value in config.values.items() if key.replace("-", "_") not in check.given
    }
    asked = _rules(values, known, f"{config.path}")
    settings = replace(check.settings, **{name: value for name, value in asked.items() if value})
    overrides = tuple(
        Override(
            one["name"],
            **_rules(
                {key: value for key, value in one.items() if key.replace("-", "_") not in check.given},
                known,
                f"{config.path}: override {one['name']!r}",
            ),
        )
        for one in config.values.get("override", ())
    )
    return replace(settings, overrides=overrides)


def _rules(values: Mapping[str, Any], known: Sequence[str], place: str) -> dict[str, Any]:
    """What a table of a configuration says of rules."""
    for key in ("severity", "min-score"):
        for prefix in values.get(key, {}):
            if not any(rule.startswith(prefix) for rule in known):
                raise Failure(f"{place}: {key}: {prefix}: no such rule{suggest(prefix, known)}")
    return {
        "select": prefixes_of(f"{place}: select", values.get("select", ()), known),
        "ignore": prefixes_of(f"{place}: ignore", values.get("ignore", ()), known),
        "severities": tuple(values.get("severity", {}).items()),
        "min_scores": tuple(values.get("min-score", {}).items()),
        "level": values.get("level"),
    }


# ---------------------------------------------------------------------------------------------------------------------
# Running


def once(check: Check, sources: Sequence[Source] | None = None, session: Session | None = None) -> int:
    """Lint, report, and return the exit code.

    Args:
        check: what was asked for.
        sources: what to lint, in place of all that the paths name.
        session: with the model loaded, for checks one after the other.
    """
    baseline = _baseline(check)
    album = None
    if any(name == "html" for name, _ in check.outputs):
        from maimod.reporters.html import Album

        album = Album()
        check = replace(check, view=replace(check.view, album=album))
    stage = _Stage(check, None if check.write_baseline else baseline)
    raw = _lint(check, stage, sources, session)
    if check.write_baseline:
        _accept(check, raw, baseline)
    report = replace(raw, beatmaps=tuple(stage.beatmaps))
    unreadable = all(beatmap.status == "error" for beatmap in report.beatmaps)
    for name, target in check.outputs:
        if unreadable and name == "console" and target is None:
            continue
        if stage.stream is not None and name == "console" and target is None:
            try:
                stage.stream.finish(report, shorten(report, check.view))
                sys.stdout.flush()
            except OSError as error:
                quiet_if_pipe_closed(error)
        else:
            _write(name, target, report, check.view)
    if unreadable:
        _tell_failures(report)
        return FAILED
    if not check.view.quiet:
        stage.tell_delta()
        if baseline is not None and check.baseline is not None and not check.write_baseline:
            _tell_stale(stale(raw, baseline, check.baseline, check.settings.selects), check.baseline)
    return FOUND if not check.write_baseline and fails(report, check.view.fail_on) else 0


def fails(report: Report, fail_on: Severity | None) -> bool:
    """Whether something at or above `fail_on` was found, listed or not."""
    return fail_on is not None and any(finding.severity.rank <= fail_on.rank for finding in report.findings)


class _Stage:
    """Takes reports as they come: sets aside what is known, and prints the rest at once if it goes to the console."""

    def __init__(self, check: Check, baseline: Baseline | None) -> None:
        self.check, self.baseline = check, baseline
        self.beatmaps: list[BeatmapReport] = []
        self.new = 0
        self.resolved: list[str] = []
        self.stream: Stream | None = None
        self.held: list[Report] = []
        self.streams = ("console", None) in check.outputs and check.view.max_findings is None
        self.bar: ProgressBar | None = None

    def arrived(self, report: Report, total: int) -> None:
        """Take the reports of one source."""
        check = self.check
        fresh: dict[int, tuple[Finding, ...]] = {}
        for place, beatmap in enumerate(report.beatmaps):
            delta = since_last_run(beatmap, repr(check.settings), check.cache) if check.cache else None
            if delta is not None:
                self.new += len(delta.new)
                self.resolved += [f"{beatmap.path}: {text}" for text in delta.resolved]
                fresh[place] = delta.new
        if self.baseline is not None and check.baseline is not None:
            report = subtract(report, self.baseline, check.baseline)
        if check.new_only:
            report = replace(
                report,
                beatmaps=tuple(
                    without(beatmap, [f for f in beatmap.findings if f in fresh[place]], "the last run found them, too")
                    if place in fresh
                    else beatmap
                    for place, beatmap in enumerate(report.beatmaps)
                ),
            )
        self.beatmaps += report.beatmaps
        if self.streams:
            self.print(report, total)

    def print(self, report: Report, total: int) -> None:
        """Print what is to be listed, but not before something could be read: if nothing can, that is said on stderr."""
        self.held.append(report)
        if all(beatmap.status == "error" for one in self.held for beatmap in one.beatmaps) and self.stream is None:
            return
        try:
            with self.bar.aside() if self.bar else nullcontext():
                if self.stream is None:
                    from maimod.reporters.console import Stream

                    self.stream = Stream(sys.stdout, self.check.view, total)
                for one in self.held:
                    for beatmap in shorten(one, self.check.view).report.beatmaps:
                        self.stream.add(beatmap, one.model)
                self.held.clear()
                sys.stdout.flush()
        except OSError as error:
            quiet_if_pipe_closed(error)

    def tell_delta(self) -> None:
        """Say on stderr what has changed since the last run."""
        if not self.new and not self.resolved:
            return
        say(f"since the last run: {self.new} new, {len(self.resolved)} resolved")
        for text in self.resolved[:MANY]:
            say(f"resolved: {text}")
        if len(self.resolved) > MANY:
            say(f"and {len(self.resolved) - MANY} more")


def _lint(check: Check, stage: _Stage, sources: Sequence[Source] | None, session: Session | None) -> Report:
    """Run the lint, with a progress bar if someone is watching."""
    from maimod.linter.api import lint
    from maimod.linter.pipeline import UsageError

    watched = not check.view.quiet and sys.stderr is not None and sys.stderr.isatty()
    if watched:
        from maimod.reporters.console import ProgressBar
    try:
        with ProgressBar(sys.stderr) if watched else nullcontext() as progress:
            stage.bar = progress
            album = check.view.album
            return lint(
                check.paths if sources is None else sources,
                check.settings,
                progress,
                album.add if album else None,
                jobs=check.jobs,
                cache=check.cache,
                limits=check.limits,
                arrived=stage.arrived,
                settings_of=settings_of(check),
                session=session,
            )
    except UsageError as error:
        raise Failure(str(error)) from None
    finally:
        stage.bar = None


def settings_of(check: Check) -> Callable[[Source], Settings]:
    """Settings of a source: by the one configuration there is, or by the nearest."""
    known: dict[Path, Settings] = {}

    def of(source: Source) -> Settings:
        folder = source.path.parent if source.is_archive else source.path
        if folder not in known:
            try:
                config = check.config if check.config is not None else configuration.discover(folder)
            except ConfigError as error:
                raise Failure(str(error)) from None
            known[folder] = settings_by(config, check)
        return known[folder]

    return of


# ---------------------------------------------------------------------------------------------------------------------
# Baseline


def _baseline(check: Check) -> Baseline | None:
    if check.baseline is None or (check.write_baseline and not check.baseline.exists()):
        return None
    try:
        return load_baseline(check.baseline)
    except BaselineError as error:
        raise Failure(str(error)) from None


def _accept(check: Check, report: Report, old: Baseline | None) -> None:
    assert check.baseline is not None
    try:
        count = write_baseline(check.baseline, report, old, check.settings.selects)
    except OSError as error:
        raise Failure(f"{check.baseline}: cannot be written ({error.strerror or error})") from None
    say(f"{count} finding{'s' * (count != 1)} accepted in {check.baseline}")


def _tell_stale(entries: Sequence[Accepted], path: Path) -> None:
    if not entries:
        return
    count = sum(one.count for one in entries)
    say(
        f"{path}: {count} accepted finding{'s are' if count != 1 else ' is'} no longer found; --write-baseline takes "
        f"{'them' if count != 1 else 'it'} out"
    )
    for one in entries[:MANY]:
        say(f"no longer found: {one.folder} [{one.difficulty}] {one.at} {one.rule}")
    if len(entries) > MANY:
        say(f"and {len(entries) - MANY} more")


# ---------------------------------------------------------------------------------------------------------------------
# Output


def _write(name: str, target: Path | None, report: Report, view: View) -> None:
    """Write one report to its place."""
    if target is None:
        try:
            REPORTERS[name](report, sys.stdout, view)
            sys.stdout.flush()
        except OSError as error:  # the exit code still says what was found
            quiet_if_pipe_closed(error)
        return
    text = io.StringIO()
    REPORTERS[name](report, text, replace(view, plain=True))
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        # Not a word of the old report is lost before the new one is whole.
        beside.write_text(text.getvalue(), encoding="utf-8", errors="replace", newline="\n")
        os.replace(beside, target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Failure(f"{target}: cannot be written ({error.strerror or error})") from None
    if not view.quiet:
        say(f"{name} report written to {target}")


def _tell_failures(report: Report) -> None:
    """Say on stderr why nothing could be read."""
    for beatmap in report.beatmaps[:MANY]:
        reason = "; ".join(beatmap.messages) or "cannot be read"
        say(reason if beatmap.path in reason else f"{beatmap.path}: {reason}")
    if len(report.beatmaps) > MANY:
        say(f"and {len(report.beatmaps) - MANY:,} more beatmaps that cannot be read")
