"""Markdown for modding discussions: what concerns the set, then by difficulty, one issue per line, timestamp first so that
the site links it.

https://osu.ppy.sh/wiki/en/Beatmap_discussion asks for one issue per post, so each line is complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from maimod.findings import BeatmapReport, Expected, Report, Scope, Severity
from maimod.reporters import triage
from maimod.reporters.json import left_out
from maimod.reporters.text import without_controls
from maimod.reporters.triage import Entry
from maimod.reporters.view import Shown, View, shorten

NAMES = {Severity.PROBLEM: "Problem", Severity.WARNING: "Warning", Severity.MINOR: "Minor"}
WORTH_NAMING = 0.1
"""Alternatives from this probability on are mentioned."""
ADVICE = "Leads to look at, not verdicts: unlikely is not wrong. Listen to each place and judge for yourself."

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&])")


def markdown(report: Report, out: TextIO, view: View) -> None:
    """Write the report for a discussion."""
    shown = shorten(report, view)
    if not view.quiet:
        out.write(f"{counts(shown.report)}. {ADVICE}\n")
    if report.interruption:
        out.write(f"\n**{report.interruption}**\n")
    out.write("".join(lines(report, shown)))


def lines(report: Report, shown: Shown) -> Iterator[str]:
    """The lines of all sections of a report as `shown`."""
    for sheet in triage.sheets(shown.report):
        if sheet.general:
            yield "\n## General\n\n"
        for entry in sheet.general:
            yield f"{issue(entry, shown.report)}  \n"
        for number in sheet.beatmaps:
            yield from section(shown.report, number, sheet.own[number], left_out(report.beatmaps[number], shown))


def counts(report: Report) -> str:
    """`2 problems, 1 warning, 4 minor findings in 3 difficulties`."""
    parts = [
        f"{number} {name}{'s' * (number != 1)}"
        for number, name in (
            (report.summary[severity], "minor finding" if severity is Severity.MINOR else severity.value)
            for severity in Severity
        )
    ]
    maps = len(report.beatmaps)
    return f"{', '.join(parts)} in {maps} difficult{'y' if maps == 1 else 'ies'}"


def section(report: Report, number: int, entries: Sequence[Entry], notes: Sequence[str] = ()) -> list[str]:
    """The lines of one difficulty; empty without entries."""
    beatmap = report.beatmaps[number]
    if not entries and not beatmap.messages and not notes:
        return []
    written = [f"\n## {title(beatmap)}\n\n"]
    written += [f"*{escape(message)}*  \n" for message in (*beatmap.messages, *notes)]
    if entries and len(written) > 1:
        written.append("\n")
    # Two spaces end a line without a bullet; a bullet before the timestamp would prevent the link.
    written += [f"{issue(entry, report)}  \n" for entry in entries]
    return written


def title(beatmap: BeatmapReport) -> str:
    """`Artist – Title [Difficulty]`, else the path."""
    song = " – ".join(part for part in (beatmap.artist, beatmap.title) if part)
    return escape(f"{song} [{beatmap.version}]" if song else beatmap.path)


def issue(entry: Entry, report: Report) -> str:
    """The line of one entry."""
    finding = entry.finding
    stamp = f"{finding.timestamp} " if finding.scope is Scope.PLACE else ""
    further = [f"{line[0].upper()}{line[1:]}." for line in (entry.where(report), *entry.further()) if line]
    return (
        f"{stamp}**{NAMES[finding.severity]}:** {escape(finding.message)}{_likelier(finding.expected)}"
        f"{''.join(f' {escape(line)}' for line in further)} `{finding.rule}`"
    )


def _likelier(expected: Sequence[Expected]) -> str:
    known = [escape(one.text) for one in expected if one.probability is None]
    judged = [
        f"{escape(one.text)} ({round(100 * one.probability)} %)"
        for one in expected
        if one.probability is not None and one.probability >= WORTH_NAMING
    ]
    text = f" Likelier: {', '.join(known)}." if known else ""
    return text + (f" The model expected {' or '.join(judged[:2])}." if judged else "")


def escape(text: str) -> str:
    """Escape text of a map for Markdown: no markup, links or line breaks."""
    return _SPECIAL.sub(r"\\\1", without_controls(text).replace("\ufffd", " ")).replace(
        "@", "@\u200b"
    )  # a title must not mention a user
