"""JUnit XML, for the test pages of CI servers, in the dialect of Jenkins and pytest.

Each beatmap is a suite. Its first case is whether it could be read; each finding is another case, failed if its
severity is --fail-on or worse, else skipped. So the suite fails exactly when the exit code is 1.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import TextIO

from maimod.findings import BeatmapReport, Finding, Report, counted
from maimod.reporters.text import markup_without_commands
from maimod.reporters.view import View, left_out, shorten

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # https://www.w3.org/TR/xml/#charsets


def junit(report: Report, out: TextIO, view: View) -> None:
    """Write the report as JUnit XML, with letters outside ASCII as references. An interrupted run has one more suite,
    with an error."""
    shown = shorten(report, view)
    root = ElementTree.Element("testsuites", name="maimod")
    for complete, beatmap in zip(report.beatmaps, shown.report.beatmaps, strict=True):
        _suite(root, beatmap, [*beatmap.messages, *left_out(complete, shown)], view, _unlisted(complete, beatmap, view))
    if report.interruption:
        suite = ElementTree.SubElement(root, "testsuite", name="maimod")
        case = ElementTree.SubElement(suite, "testcase", classname="maimod", name="is complete")
        ElementTree.SubElement(case, "error", type="interrupted", message=report.interruption)
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    document = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True).decode("ascii")
    out.write(markup_without_commands(document) + "\n")


def _unlisted(complete: BeatmapReport, listed: BeatmapReport, view: View) -> list[Finding]:
    """Findings of severity --fail-on or worse that are not listed, which count for the exit code."""
    return [one for one in complete.findings if _fails(one, view) and one not in listed.findings]


def _fails(finding: Finding, view: View) -> bool:
    return view.fail_on is not None and finding.severity.rank <= view.fail_on.rank


def _suite(
    root: ElementTree.Element, beatmap: BeatmapReport, messages: list[str], view: View, unlisted: list[Finding]
) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=_text(beatmap.location))
    reading = ElementTree.SubElement(
        suite, "testcase", classname=_text(beatmap.location), name="is readable", file=_text(beatmap.location)
    )
    if beatmap.status == "error":
        ElementTree.SubElement(reading, "error", type="unreadable", message=_text("; ".join(messages)))
    elif messages:
        ElementTree.SubElement(reading, "system-out").text = _text("\n".join(messages))
    for finding in beatmap.findings:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=_text(beatmap.location),
            name=_text(f"{finding.place} {finding.rule}".lstrip()),
            file=_text(beatmap.location),
            line=str(finding.line),
        )
        kind = "failure" if _fails(finding, view) else "skipped"
        mark = ElementTree.SubElement(case, kind, type=finding.severity.value, message=_text(finding.message))
        mark.text = _text(_details(beatmap, finding))
    if unlisted:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_text(beatmap.location), name="not listed", file=_text(beatmap.location)
        )
        text = f"{counted(len(unlisted), 'finding')} that --fail-on counts, but the list leaves out"
        ElementTree.SubElement(case, "failure", type=unlisted[0].severity.value, message=text)
    _count(suite)


def _details(beatmap: BeatmapReport, finding: Finding) -> str:
    link = [finding.link] if finding.place else []
    lines = [f"{beatmap.location}:{finding.line}", *link, finding.confidence]
    if finding.actual:
        lines.append(f"in the map: {finding.actual}")
    if finding.expected:
        lines.append("expected: " + ", ".join(one.text for one in finding.expected))
    return "\n".join(lines)


def _count(element: ElementTree.Element) -> None:
    """Set the counts of cases by outcome on an element."""
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(1 for _ in element.iter(tag))))


def _text(text: str) -> str:
    """Replace characters that XML does not allow."""
    return _NOT_XML.sub("\ufffd", text)
