"""The check command, once its options are resolved: lint, set aside what is known, report, and say with the exit code what
was found."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from maimod.commands.baseline import Baseline, BaselineError, since_last_run, stale, subtract, without
from maimod.commands.baseline import load as load_baseline
from maimod.commands.baseline import write as write_baseline
from maimod.commands.command_line import FAILED, FOUND, Failure, quiet_if_pipe_closed, say
from maimod.commands.resolve import Check
from maimod.findings import BeatmapReport, Finding, Report, Severity
from maimod.reporters import REPORTERS
from maimod.reporters.view import View, shorten

if TYPE_CHECKING:
    from maimod.commands.baseline import Accepted
    from maimod.linter.session import Session
    from maimod.osu.discovery import Source
    from maimod.reporters.console import ProgressBar, Stream

MANY = 10
"""Files and findings named one by one on stderr."""


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
    stage = _Stage(check, None if check.options.write_baseline else baseline)
    raw = _lint(check, stage, sources, session)
    if check.options.write_baseline:
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
        if baseline is not None and check.options.baseline is not None and not check.options.write_baseline:
            _tell_stale(stale(raw, baseline, check.options.baseline, check.settings.selects), check.options.baseline)
    return FOUND if not check.options.write_baseline and fails(report, check.view.fail_on) else 0


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
        if self.baseline is not None and check.options.baseline is not None:
            report = subtract(report, self.baseline, check.options.baseline)
        if check.options.new_only:
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
                jobs=check.options.jobs,
                cache=check.cache,
                limits=check.limits,
                arrived=stage.arrived,
                settings_of=check.settings_of(),
                session=session,
            )
    except UsageError as error:
        raise Failure(str(error)) from None
    finally:
        stage.bar = None


# ---------------------------------------------------------------------------------------------------------------------
# Baseline


def _baseline(check: Check) -> Baseline | None:
    if check.options.baseline is None or (check.options.write_baseline and not check.options.baseline.exists()):
        return None
    try:
        return load_baseline(check.options.baseline)
    except BaselineError as error:
        raise Failure(str(error)) from None


def _accept(check: Check, report: Report, old: Baseline | None) -> None:
    assert check.options.baseline is not None
    try:
        count = write_baseline(check.options.baseline, report, old, check.settings.selects)
    except OSError as error:
        raise Failure(f"{check.options.baseline}: cannot be written ({error.strerror or error})") from None
    say(f"{count} finding{'s' * (count != 1)} accepted in {check.options.baseline}")


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
