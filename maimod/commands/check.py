"""Run the check command: lint, remove known findings, report, and return the exit code."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from maimod.commands import interrupts
from maimod.commands.baseline import Baseline, Delta, Reference, Subtraction, gone, since_last_run, stale, without
from maimod.commands.baseline import load as load_baseline
from maimod.commands.baseline import write as write_baseline
from maimod.commands.command_line import FAILED, FOUND, say
from maimod.commands.output import Stream, stream_of, write
from maimod.commands.resolve import STDIN, Check
from maimod.commands.shards import numbers_of, part_of, shard_of
from maimod.errors import UsageError, unwritable
from maimod.findings import BeatmapReport, Report, Severity, counted
from maimod.osu.discovery import TEMPORARY_PREFIX, find
from maimod.osu.limits import MAX_FILE_BYTES

if TYPE_CHECKING:
    from maimod.commands.baseline import Accepted
    from maimod.commands.changes import Changes
    from maimod.linter.progress import Progress
    from maimod.linter.session import Session
    from maimod.linter.settings import Settings
    from maimod.osu.discovery import Source
    from maimod.reporters.progress_bar import ProgressBar

MANY = 10
"""Most files or findings named one by one on stderr."""


# ---------------------------------------------------------------------------------------------------------------------
# Running


def once(
    check: Check,
    sources: Sequence[Source] | None = None,
    session: Session | None = None,
    reference: Reference | None = None,
) -> int:
    """Lint, report, and return the exit code.

    After an interrupt everything that is done is reported, marked as unfinished, and one line on stderr says so.

    Args:
        check: the resolved options.
        sources: sources to lint, instead of all sources of the paths.
        session: session with the loaded model, to run several checks.
        reference: of a watch: what was found when it began; None compares with the last run.
    """
    with interrupts.raising(False), _stdin(check) as typed_in:
        sources = [typed_in] if typed_in else sources
        is_html = any(output.name == "html" for output in check.outputs)
        if is_html and check.options.scheduler:
            say("the HTML report has no pictures: they would be drawn on the workers of the cluster")
        if not is_html or check.options.scheduler:
            return _once(check, sources, session, reference)
        from maimod.reporters.album import Album

        with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX) as folder:
            view = msgspec.structs.replace(check.view, album=Album(Path(folder)))
            return _once(msgspec.structs.replace(check, view=view), sources, session, reference)


@contextmanager
def _stdin(check: Check) -> Iterator[Source | None]:
    """The map on stdin as a source, if that is the path.

    Raises:
        UsageError: if there is none.
    """
    if check.paths != (STDIN,):
        yield None
        return
    with interrupts.raising(True):
        content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1) if sys.stdin is not None else b""
    if not content.strip():
        raise UsageError("-: nothing on stdin; pipe a .osu file into it")
    if content[:2] == b"PK":
        raise UsageError("-: an archive on stdin; give its path instead")
    from maimod.osu.discovery import Entry, Source

    with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX) as folder:
        (Path(folder) / "stdin.osu").write_bytes(content)
        yield Source(Path(folder), (Entry("stdin.osu", "stdin", "stdin"),), is_lone=True)


def _once(check: Check, sources: Sequence[Source] | None, session: Session | None, reference: Reference | None) -> int:
    baseline = _baseline(check)
    shard = numbers_of(check.options.shard) if check.options.shard else None
    everything = sources
    if everything is None and (shard or check.options.diff):
        with interrupts.raising(True):
            everything = find(check.paths)
        sources = part_of(everything, *shard) if shard else everything
    changes = _changes(check, sources) if check.options.diff and sources else None
    listing = _Listing(check, None if check.options.write_baseline else baseline, reference, changes)
    stream = stream_of(check.outputs, check.view)
    raw, progress = _lint(check, listing, stream, changes.sources if changes else sources, session)
    report = replace(raw, beatmaps=tuple(listing.beatmaps))
    if shard and everything is not None:
        report = shard_of(report, everything, *shard)
    if raw.unfinished:
        return _interrupted(check, report, stream, progress)
    if check.options.write_baseline:
        _accept(check, raw, listing.settings, baseline)
    unreadable = bool(report.beatmaps) and all(beatmap.status == "error" for beatmap in report.beatmaps)
    for output in check.outputs:
        write(output, report, check.view, stream)
        if output.file is not None and not check.view.quiet:
            say(f"{output.name} report written to {output.file}")
    if interrupts.received():  # meanwhile
        say(f"interrupted after {progress}; all reports are written")
        return interrupts.exit_code()
    if unreadable:
        _report_failures(report)
        return FAILED
    if not check.view.quiet:
        if check.cache and check.cache.obstacle and reference is None:
            say(f"the cache: {check.cache.obstacle}, so the next run begins anew; --cache-dir names another folder")
        listing.report_delta()
        if baseline is not None and check.options.baseline is not None and not check.options.write_baseline:
            _report_other_model(baseline, raw, check.options.baseline)
            _report_stale(stale(raw, baseline, check.options.baseline, listing.settings), check.options.baseline)
            _report_gone(gone(raw, baseline, check.options.baseline), check.options.baseline)
    return FOUND if not check.options.write_baseline and fails(report, check.view.fail_on) else 0


def _changes(check: Check, sources: Sequence[Source]) -> Changes:
    """Check the changed sources as they were at the revision of --diff."""
    from maimod.commands.changes import Changes
    from maimod.linter.api import lint

    with interrupts.raising(True), tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX) as folder:
        changes = Changes(sources, check.options.diff or "")
        former = changes.write(Path(folder))
        if former and not check.view.quiet:
            say(f"checking {counted(len(former), 'mapset')} as at {changes.ref}")
        settings_of, present = check.settings_of(), {one.path: source for source, one in former}
        reports: list[BeatmapReport] = []
        if former:
            run = lint(
                [one for _, one in former],
                check.settings,
                jobs=check.options.jobs,
                cache=check.cache,
                limits=check.limits,
                watched=check.watched,
                settings_of=lambda one: settings_of(present[one.path]),
            )
            reports += run.report().beatmaps
        for source, one in former:
            changes.learn(source, one, reports[: len(one.entries)])
            del reports[: len(one.entries)]
    return changes


def _interrupted(check: Check, report: Report, stream: Stream | None, progress: str) -> int:
    """Write what an interrupted run has, and say so in one line."""
    written = []
    for output in check.outputs:
        try:
            write(output, report, check.view, stream)
        except UsageError as error:
            say(str(error))
        else:
            written += [str(output)] if output.file is not None else []
    left = f"; {check.options.baseline} is left as it was" if check.options.write_baseline else ""
    reports = f"; unfinished reports written: {', '.join(written)}" if written else ""
    say(f"interrupted after {progress}{reports}{left}")
    return interrupts.exit_code()


def fails(report: Report, fail_on: Severity | None) -> bool:
    """Whether something at or above `fail_on` was found, listed or not, or a difficulty could not be checked at all."""
    return fail_on is not None and (
        any(beatmap.status == "error" for beatmap in report.beatmaps)
        or any(finding.severity.rank <= fail_on.rank for finding in report.findings)
    )


def _lint(
    check: Check, listing: _Listing, stream: Stream | None, sources: Sequence[Source] | None, session: Session | None
) -> tuple[Report, str]:
    """Run the lint, with a progress bar on a terminal, until it ends or is interrupted.

    Returns:
        The full report, and how many mapsets it covers, in words.
    """
    from maimod import __version__
    from maimod.linter.api import lint

    if sources is not None and not sources:  # an empty shard, or nothing has changed
        return Report(__version__, None, ()), "0 of 0 mapsets"
    watched = not check.view.quiet and sys.stderr is not None and sys.stderr.isatty()
    if watched:
        from maimod.reporters.progress_bar import ProgressBar

    beatmaps: list[BeatmapReport] = []
    with interrupts.raising(True):  # finding the maps of a large folder may take long
        run = lint(
            check.paths if sources is None else sources,
            check.settings,
            jobs=check.options.jobs,
            cache=check.cache,
            limits=check.limits,
            watched=check.watched,
            settings_of=check.settings_of(),
            session=session,
            draw=check.view.album.draw if check.view.album else None,
            scheduler=check.options.scheduler,
        )

    def add(beatmap: BeatmapReport, settings: Settings, bar: ProgressBar | None = None) -> None:
        listed = listing.add(beatmap, settings)
        beatmaps.append(beatmap)
        if stream is not None:
            with bar.aside() if bar else nullcontext():
                stream.add(Report(__version__, run.model, (listed,)), run.total)

    try:
        with ProgressBar(sys.stderr) if watched else nullcontext() as bar, closing(run):
            items = iter(run)
            while (item := _next(items)) is not None:
                if isinstance(item, BeatmapReport):
                    add(item, run.settings[len(beatmaps)], bar)
                elif bar:
                    bar(item)
    except KeyboardInterrupt:
        for beatmap, settings in run.held():
            add(beatmap, settings)
    report = Report(__version__, run.model, tuple(beatmaps), run.total - len(beatmaps))
    return report, f"{run.finished:,} of {counted(run.mapsets, 'mapset')}"


def _next(items: Iterator[Progress | BeatmapReport]) -> Progress | BeatmapReport | None:
    """The next item of a run; an interrupt is raised in it, not while its reports are printed."""
    with interrupts.raising(True):
        return next(items, None)


class _Listing:
    """Removes findings that a baseline accepts, that were there at the revision of --diff and, with --new-only, that the last
    run found."""

    def __init__(
        self, check: Check, baseline: Baseline | None, reference: Reference | None, changes: Changes | None = None
    ) -> None:
        self.check, self.reference, self.changes = check, reference, changes
        self.accepted = Subtraction(baseline, check.options.baseline) if baseline and check.options.baseline else None
        self.beatmaps: list[BeatmapReport] = []
        self.settings: list[Settings] = []
        """Of each beatmap."""
        self.new = 0
        self.resolved: list[str] = []
        self.known = 0
        """Findings that --new-only leaves out."""
        self.uncompared = 0
        """Difficulties without a run to compare with, of --new-only."""

    def add(self, beatmap: BeatmapReport, settings: Settings) -> BeatmapReport:
        """Take the next report with its settings, and return it with the listed findings."""
        check = self.check
        self.settings.append(settings)
        delta = self._delta(beatmap, settings)
        listed = self.changes.of(beatmap) if self.changes else beatmap
        listed = self.accepted.of(listed) if self.accepted else listed
        if delta is not None:
            self.new += len(delta.new)
            self.resolved += [f"{beatmap.path}: {text}" for text in delta.resolved]
            if check.options.new_only:
                new = [finding for finding in listed.findings if finding in delta.new]
                self.known += len(listed.findings) - len(new)
                listed = without(listed, new, f"also found {self._when}")
        elif check.options.new_only and beatmap.status != "error":
            self.uncompared += 1
        self.beatmaps.append(listed)
        return listed

    def _delta(self, beatmap: BeatmapReport, settings: Settings) -> Delta | None:
        """Changes since the last run, or since watching began."""
        check = self.check
        delta = None
        if check.cache and check.paths != (STDIN,) and not check.options.diff:
            # What is not listed must stay new, or a second run would pass with what the first one failed for.
            is_whole = not check.options.write_baseline and (not check.options.new_only or self.reference is not None)
            delta = since_last_run(beatmap, settings, check.cache, is_remembered=is_whole)
        return delta if self.reference is None else self.reference.since(beatmap)

    @property
    def _since(self) -> str:
        return "the last run" if self.reference is None else "watching began"

    @property
    def _when(self) -> str:
        return "by the last run without --new-only" if self.reference is None else "when watching began"

    def report_delta(self) -> None:
        """Print changes since the last run, or since the revision of --diff, on stderr."""
        if self.changes:
            say(self.changes.summary)
        if self.known and self.reference is None:
            found = "finding" if self.known == 1 else "findings"
            say(f"--new-only: {self.known} {found} of the last run without it not listed, and not counted by --fail-on")
        if self.uncompared and self.reference is None:
            maps = "difficulty was" if self.uncompared == 1 else "difficulties were"
            say(f"--new-only: {self.uncompared} {maps} never checked without it, so all their findings are listed")
        if not self.new and not self.resolved:
            return
        say(f"since {self._since}: {self.new} new, {len(self.resolved)} resolved")
        for text in self.resolved[:MANY]:
            say(f"resolved: {text}")
        if len(self.resolved) > MANY:
            say(f"and {len(self.resolved) - MANY} more")


# ---------------------------------------------------------------------------------------------------------------------
# Baseline

_CLEANS = "--write-baseline removes {}, and accepts all that is found now"


def _baseline(check: Check) -> Baseline | None:
    if check.options.baseline is None or (check.options.write_baseline and not check.options.baseline.exists()):
        return None
    return load_baseline(check.options.baseline)


def _accept(check: Check, report: Report, settings: Sequence[Settings], old: Baseline | None) -> None:
    assert check.options.baseline is not None
    try:
        count = write_baseline(check.options.baseline, report, settings, old)
    except OSError as error:
        raise unwritable(check.options.baseline, error) from None
    say(f"{counted(count, 'finding')} accepted in {check.options.baseline}")


def _report_other_model(baseline: Baseline, report: Report, path: Path) -> None:
    then, now = (model or "no model" for model in (baseline.model, report.model.id if report.model else None))
    if baseline.findings and report.beatmaps and then != now:  # an empty run has loaded no model
        say(f"{path}: written with {then}, and this run is with {now}: accepted mistakes may be listed as new")


def _report_stale(entries: Sequence[Accepted], path: Path) -> None:
    if not entries:
        return
    count = sum(one.count for one in entries)
    say(
        f"{path}: {count} accepted finding{'s are' if count != 1 else ' is'} no longer found; "
        f"{_CLEANS.format('them' if count != 1 else 'it')}"
    )
    for one in entries[:MANY]:
        say(f"no longer found: {one.folder} [{one.difficulty}] {one.at} {one.rule}")
    if len(entries) > MANY:
        say(f"and {len(entries) - MANY} more")


def _report_gone(entries: Sequence[Accepted], path: Path) -> None:
    if not entries:
        return
    count = sum(one.count for one in entries)
    names = list(dict.fromkeys(f"{one.folder} [{one.difficulty}]" for one in entries))
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    say(
        f"{path}: {count} accepted finding{'s are' if count != 1 else ' is'} of difficulties that are renamed or no longer "
        f"there: {', '.join(names[:MANY])}{more}; {_CLEANS.format('them' if count != 1 else 'it')}"
    )


# ---------------------------------------------------------------------------------------------------------------------
# Failures


def _report_failures(report: Report) -> None:
    """Print on stderr why nothing could be read, once for beatmaps with the same reason."""
    alike: dict[str, list[BeatmapReport]] = {}
    for beatmap in report.beatmaps:
        alike.setdefault("; ".join(beatmap.messages) or "cannot be read", []).append(beatmap)
    for reason, (beatmap, *others) in list(alike.items())[:MANY]:
        more = f" and {len(others):,} more" if others else ""
        say(reason if beatmap.path in reason else f"{beatmap.path}{more}: {reason}")
    if beyond := sum(len(same) for same in list(alike.values())[MANY:]):
        say(f"and {beyond:,} more beatmaps that cannot be read")
