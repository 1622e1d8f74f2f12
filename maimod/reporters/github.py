"""GitHub Actions: annotations by workflow commands, and a job summary.

Sources: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands (escapes as in
@actions/core's `command.ts`) and https://docs.github.com/rest/checks/runs. GitHub shows ten annotations of each level
per step and cuts summaries at 1 MiB, so only the highest-scored findings are annotated, and the number of others is
given.
"""

from __future__ import annotations

import os
from typing import TextIO

from maimod.errors import unwritable
from maimod.findings import BeatmapReport, Finding, Report, Severity, counted
from maimod.reporters.markdown import ADVICE, counts, escape, lines
from maimod.reporters.text import without_controls, without_hash_commands
from maimod.reporters.view import View, left_out, located, shorten

COMMANDS = {Severity.PROBLEM: "error", Severity.WARNING: "warning", Severity.MINOR: "notice"}
MAX_ANNOTATIONS = 10
MAX_SUMMARY_BYTES = 1_000_000
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def github(report: Report, out: TextIO, view: View) -> None:
    """Write annotations to `out` and, inside a workflow, the summary to the file named by `GITHUB_STEP_SUMMARY`.

    Raises:
        UsageError: if the summary cannot be written.
    """
    shown = shorten(report, view)
    if report.interruption:
        out.write(command("error", report.interruption, title="maimod"))
    for complete, beatmap in zip(report.beatmaps, shown.report.beatmaps, strict=True):
        if beatmap.status != "ok":
            level = "error" if beatmap.status == "error" else "warning"
            for message in beatmap.messages:
                out.write(command(level, message, file=beatmap.location, title="maimod"))
        for note in left_out(complete, shown):
            out.write(command("notice", note, file=beatmap.location, title="maimod"))
    pairs = [(beatmap, finding) for beatmap in shown.report.beatmaps for finding in beatmap.findings]
    for severity in Severity:
        ranked = sorted((pair for pair in pairs if pair[1].severity is severity), key=lambda pair: -pair[1].score)
        for beatmap, finding in ranked[:MAX_ANNOTATIONS]:
            out.write(_annotation(beatmap, finding))
        if len(ranked) > MAX_ANNOTATIONS:
            out.write(
                f"{len(ranked) - MAX_ANNOTATIONS} more of severity {severity.value} are not annotated: GitHub shows "
                f"{MAX_ANNOTATIONS} a step. All are in the job summary.\n"
            )
    path = os.environ.get(SUMMARY_VARIABLE)
    if path:
        try:
            with open(path, "a", encoding="utf-8", errors="replace", newline="\n") as file:
                file.write(summary(report, view))
        except OSError as error:
            raise unwritable(f"{SUMMARY_VARIABLE}={path}", error) from None


def _annotation(beatmap: BeatmapReport, finding: Finding) -> str:
    return command(
        COMMANDS[finding.severity],
        located(beatmap, finding),
        file=beatmap.location,
        line=finding.line,
        title=finding.rule,
    )


def command(name: str, message: str, **properties: str | int) -> str:
    """Write a workflow command; the texts are escaped so that they cannot end it."""
    data = ",".join(
        f"{key}={_escaped(str(value)).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items()
    )
    return f"::{name} {data}::{_escaped(message)}\n"


def _escaped(text: str) -> str:
    text = without_hash_commands(without_controls(text, keep="\r\n"))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def summary(report: Report, view: View) -> str:
    """The job summary: a table of the difficulties, then every finding, up to GitHub's size limit."""
    shown = shorten(report, view)
    head = [
        f"# maimod: {counts(shown.report)}\n\n{ADVICE}\n\n",
        f"**{report.interruption}**\n\n" if report.interruption else "",
        "| Difficulty | Problems | Warnings | Minor |\n|---|--:|--:|--:|\n",
    ]
    for beatmap in shown.report.beatmaps:
        numbers = [sum(finding.severity is severity for finding in beatmap.findings) for severity in Severity]
        cells = ["unreadable", "", ""] if beatmap.status == "error" else [str(number or "") for number in numbers]
        head.append(f"| {escape(beatmap.location)} | {' | '.join(cells)} |\n")
    text, left = [], MAX_SUMMARY_BYTES
    whole = [*head, *lines(report, shown, labelled=True)]
    for number, line in enumerate(whole):
        left -= len(line.encode("utf-8", "replace"))
        if left < 0:
            text.append(
                f"\n…and {counted(len(whole) - number, 'more line')}; GitHub takes no more. The JSON report has them all.\n"
            )
            break
        text.append(line)
    return "".join(text)
