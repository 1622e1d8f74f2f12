"""Reports of a check: printed while it goes on, or written at its end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from maimod.commands.command_line import printing
from maimod.commands.whole_file import whole_file
from maimod.errors import unwritable
from maimod.findings import Report
from maimod.reporters import REPORTERS
from maimod.reporters.view import Output, View, shorten

if TYPE_CHECKING:
    from maimod.reporters.console import Stream as ConsoleStream


class Stream(Protocol):
    """Prints a report on stdout while the run goes on."""

    def add(self, report: Report, total: int) -> None:
        """Take the next report.

        Args:
            report: of one beatmap.
            total: beatmaps in all.
        """

    def finish(self, report: Report) -> None:
        """Print what follows after the last one; `report` is of the whole run."""


def stream_of(outputs: Sequence[Output], view: View) -> Stream | None:
    """The report on stdout that is printed while the run goes on; None if there is none, or it needs the whole run."""
    if Output("verdict") in outputs:
        return _Verdicts(view)
    return _Beatmaps(view) if Output("console") in outputs and view.max_findings is None else None


class _Verdicts:
    """Prints verdicts as their entries are finished."""

    def __init__(self, view: View) -> None:
        from maimod.reporters.verdict import Verdicts

        self._lines = Verdicts(sys.stdout, view)

    def add(self, report: Report, total: int) -> None:
        with printing():
            for beatmap in report.beatmaps:
                self._lines.add(beatmap)

    def finish(self, report: Report) -> None:
        with printing():
            self._lines.finish(report)


class _Beatmaps:
    """Prints the console report mapset by mapset.

    It is held back until one beatmap could be read; if none can, stderr has the reasons.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self._console: ConsoleStream | None = None
        self._held: list[Report] = []

    def add(self, report: Report, total: int) -> None:
        self._held.append(report)
        if self._console is None and all(beatmap.status == "error" for beatmap in report.beatmaps):
            return
        with printing():
            if self._console is None:
                from maimod.reporters.console import Stream as ConsoleStream

                self._console = ConsoleStream(sys.stdout, self.view, total)
            for one in self._held:
                for beatmap in shorten(one, self.view).report.beatmaps:
                    self._console.add(beatmap, one.model)
            self._held.clear()

    def finish(self, report: Report) -> None:
        if self._console is None:
            return
        with printing():
            self._console.finish(report, shorten(report, self.view))


def write(output: Output, report: Report, view: View, stream: Stream | None) -> None:
    """Write a report, or the end of one that was printed beatmap by beatmap."""
    if output.file is not None or output.name not in ("console", "verdict"):
        write_report(output, report, view)
    elif stream is not None:
        stream.finish(report)
    elif any(beatmap.status != "error" for beatmap in report.beatmaps):  # else stderr has the reasons
        write_report(output, report, view)


def write_report(output: Output, report: Report, view: View) -> None:
    """Write a report to stdout or its file.

    Raises:
        UsageError: if the file cannot be written.
    """
    if output.file is None:
        with printing():
            REPORTERS[output.name](report, sys.stdout, view)
        return
    try:
        with whole_file(output.file) as out:
            REPORTERS[output.name](report, out, msgspec.structs.replace(view, plain=True))
    except OSError as error:
        raise unwritable(output.file, error) from None
