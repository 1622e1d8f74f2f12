"""Markdown for modding discussions: what concerns the set, then by difficulty, one issue per line, timestamp first so that
the site links it.

https://osu.ppy.sh/wiki/en/Beatmap_discussion asks for one issue per post, so each line is complete.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from maimod.findings import BeatmapReport, Report, Severity, counted
from maimod.reporters import triage
from maimod.reporters.text import without_controls
from maimod.reporters.triage import Entry
from maimod.reporters.view import Shown, View, left_out, shorten

ADVICE = "These are leads, not verdicts: please look and listen before you change anything."

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&])")


def markdown(report: Report, out: TextIO, view: View) -> None:
    """Write the report for a discussion."""
    shown = shorten(report, view)
    if not view.quiet:
        out.write(f"Found with maimod: {counts(shown.report)}. {ADVICE}\n")
    if report.interruption:
        out.write(f"\n**{report.interruption}**\n")
    out.write("".join(lines(report, shown)))


def lines(report: Report, shown: Shown, labelled: bool = False) -> Iterator[str]:
    """The lines of all sections of a report as `shown`; `labelled` ones name severity, rule and confidence, for summaries of CI."""
    sheets = triage.sheets(shown.report)
    for sheet in sheets:
        if len(sheets) > 1 and (song := _song(shown.report, sheet.beatmaps)):
            yield f"\n# {song}\n"
        if sheet.general or sheet.messages:
            yield "\n## General\n\n"
        yield from _notes(sheet.messages)
        if sheet.general and sheet.messages:
            yield "\n"
        for entry in sheet.general:
            yield f"{issue(entry, shown.report, labelled)}  \n"
        for number in sheet.beatmaps:
            own = [one for one in shown.report.beatmaps[number].messages if one not in sheet.messages]
            notes = (*own, *left_out(report.beatmaps[number], shown))
            yield from section(shown.report, number, sheet.own[number], notes, labelled)


def _notes(messages: Iterable[str]) -> Iterator[str]:
    for message in messages:
        yield f"*{escape(message)}*  \n"


def _song(report: Report, numbers: Sequence[int]) -> str:
    """`Artist – Title` of the first difficulty that could be read."""
    names = (report.beatmaps[number] for number in numbers)
    return next((escape(f"{one.artist} – {one.title}") for one in names if one.artist or one.title), "")


def counts(report: Report) -> str:
    """`2 problems, 1 warning, 4 minor findings in 3 difficulties`."""
    parts = [
        f"{counted(number, name)}"
        for number, name in (
            (report.summary[severity], "minor finding" if severity is Severity.MINOR else severity.value)
            for severity in Severity
        )
    ]
    return f"{', '.join(parts)} in {counted(len(report.beatmaps), 'difficulty')}"


def section(
    report: Report, number: int, entries: Sequence[Entry], notes: Sequence[str] = (), labelled: bool = False
) -> list[str]:
    """The lines of one difficulty; none without entries and notes."""
    beatmap = report.beatmaps[number]
    if not entries and not notes:
        return []
    written = [f"\n## {title(beatmap)}\n\n", *_notes(notes)]
    if entries and notes:
        written.append("\n")
    # Two spaces end a line without a bullet; a bullet before the timestamp would prevent the link.
    written += [f"{issue(entry, report, labelled)}  \n" for entry in entries]
    return written


def title(beatmap: BeatmapReport) -> str:
    """`[Difficulty]`, else the path."""
    return escape(f"[{beatmap.version}]" if beatmap.version else beatmap.path)


def issue(entry: Entry, report: Report, labelled: bool) -> str:
    """The line of one entry, as a modder writes it: timestamp, what is there, what to check, where else."""
    finding = entry.finding
    stamp = f"{finding.place} ".lstrip()
    where = [f"{where[0].upper()}{where[1:]}."] if (where := entry.where(report)) else []
    mark = f"**{finding.severity.value.capitalize()}:** " if labelled or finding.severity is Severity.PROBLEM else ""
    label = f" `{finding.rule}` ({finding.confidence})" if labelled else ""
    return (
        stamp + mark + escape(" ".join([finding.message, *where, *(f"{line}." for line in entry.more_alike())])) + label
    )


def escape(text: str) -> str:
    """Escape text of a map for Markdown: no markup, links or line breaks."""
    escaped = _SPECIAL.sub(r"\\\1", without_controls(text).replace("\ufffd", " "))
    return escaped.replace("@", "@\u200b")  # a title must not mention a user
