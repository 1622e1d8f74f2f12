"""The report as one self-contained HTML page: findings with filters, timelines, pictures of the evidence."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, Any, TextIO

from maimod.evidence.evidence import evidence
from maimod.findings import Finding, Report
from maimod.reporters import viewer
from maimod.reporters.text import clean, json_without_commands, markup_without_commands, without_controls
from maimod.reporters.view import View, shorten

if TYPE_CHECKING:
    from maimod.linter.pipeline import Analysis

# The page loads nothing and runs only its own script, even if a map contains HTML.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
_STYLE = "body { margin: 0; } #maimod { max-width: 1900px; margin: 0 auto; padding: 14px 18px; min-height: 100vh; } "
_LINES = "\n\t"
_HOST = """
const bodies = new Map([...document.querySelectorAll("template[data-key]")].map(one => [one.dataset.key, one.innerHTML]));
const root = document.getElementById("maimod");
const dark = matchMedia("(prefers-color-scheme: dark)");
const shade = () => { root.classList.toggle("mm-dark", dark.matches); document.body.style.background = dark.matches ? "#14161d" : "#fff"; };
dark.addEventListener("change", shade);
shade();
maimodViewer(root, {
  evidence: key => Promise.resolve(bodies.get(key) || '<p class="mm-wait">This page holds no pictures of this finding.</p>'),
}).show(JSON.parse(document.getElementById("maimod-data").textContent));
"""


class Album:
    """The pictures of a report, drawn while its beatmaps are linted: hand :meth:`add` to `lint` as `analysed`.

    Only text is kept of each beatmap, neither its song nor its scores.
    """

    def __init__(self) -> None:
        self.strips: dict[str, dict[str, Any]] = {}
        self._bodies: dict[tuple[str, str, str], str] = {}

    def add(self, analysis: Analysis) -> None:
        """Draw everything about a beatmap."""
        path = analysis.report.path
        self.strips[path] = viewer.strip(analysis)
        for finding in analysis.report.findings:
            self._bodies[path, finding.id, finding.timestamp] = evidence(analysis, finding)

    def body(self, path: str, finding: Finding) -> str | None:
        """The evidence for a finding of the beatmap at `path`; None if it was not drawn."""
        return self._bodies.get((path, finding.id, finding.timestamp))


def page(report: Report, out: TextIO, view: View) -> None:
    """Write the page; without `view.album` it has no pictures."""
    shown = shorten(report, view).report
    album = view.album or Album()
    titles = sorted({f"{beatmap.artist} - {beatmap.title}" for beatmap in shown.beatmaps if beatmap.title})
    title = f"maimod: {titles[0] if len(titles) == 1 else f'{len(shown.beatmaps)} beatmaps'}"
    script = viewer.script() + _HOST
    policy = _POLICY.format(digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"))
    content = json.dumps(viewer.data(report, album.strips, view), ensure_ascii=True, allow_nan=False)
    # An escaped `<` can neither end the element nor open a comment in it, in which the parser would look for another
    # end.
    content = json_without_commands(content.replace("<", "\\u003c"))
    out.write(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{markup_without_commands(escape(clean(title)))}</title>\n<style>{_STYLE}{viewer.style()}</style></head>\n"
        '<body><main id="maimod"><noscript>This report needs JavaScript.</noscript></main>\n'
    )
    for b, beatmap in enumerate(shown.beatmaps):
        for f, finding in enumerate(beatmap.findings):
            body = album.body(beatmap.path, finding)
            if body is not None:
                out.write(
                    f'<template data-key="{b}.{f}">{markup_without_commands(without_controls(body, keep=_LINES))}</template>\n'
                )
    out.write(
        f'<script type="application/json" id="maimod-data">{content}</script>\n'
        f"<script>{script}</script></body></html>\n"
    )
