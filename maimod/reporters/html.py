"""The report as one self-contained HTML page: findings with filters, timelines, pictures of the evidence."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from maimod.evidence.evidence import evidence
from maimod.findings import Finding, Report
from maimod.reporters import viewer
from maimod.reporters.text import clean, json_without_commands, markup_without_commands, without_controls
from maimod.reporters.view import View, shorten

if TYPE_CHECKING:
    from maimod.linter.expectations import Expectations
    from maimod.linter.pipeline import Analysis

# The page loads nothing and runs only its own script, even if a map contains HTML.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
_STYLE = "body { margin: 0; } #maimod { max-width: 1900px; margin: 0 auto; padding: 14px 18px; min-height: 100vh; } "
_LINES = "\n\t"
_HOST = """
const bodies = new Map([...document.querySelectorAll("template[data-key]")].map(one => [one.dataset.key, one.innerHTML]));
const root = document.getElementById("maimod");
const dark = matchMedia("(prefers-color-scheme: dark)");
const shade = () => {
  root.classList.toggle("mm-dark", dark.matches);
  document.documentElement.style.colorScheme = dark.matches ? "dark" : "light";  // the scroll bars of the window too
  document.body.style.background = dark.matches ? "#14161d" : "#fff";
};
dark.addEventListener("change", shade);
shade();
const data = JSON.parse(document.getElementById("maimod-data").textContent);
for (const strip of document.querySelectorAll("script[data-strip]")) data.beatmaps[strip.dataset.strip].strip = JSON.parse(strip.textContent);
maimodViewer(root, {
  evidence: key => Promise.resolve(bodies.get(key) || '<p class="mm-wait">This page holds no pictures of this finding.</p>'),
}).show(data);
"""


@dataclass(frozen=True)
class Album:
    """Pictures of the evidence: a folder with one file for each beatmap.

    :meth:`draw` goes to `lint` as `draw` and works in any process, so pictures of a run of any size take the memory of
    one beatmap.
    """

    folder: Path
    """Must exist; its creator removes it."""

    def draw(self, analysis: Analysis, expectations: Expectations | None) -> None:
        """Draw everything about a beatmap."""
        bodies = {_name(finding): evidence(analysis, finding, expectations) for finding in analysis.report.findings}
        file = self._file(analysis.report.path)
        beside = file.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps({"strip": viewer.strip(analysis), "bodies": bodies}), encoding="ascii")
        os.replace(beside, file)

    def pictures(self, path: str) -> Pictures:
        """Pictures of the beatmap with this path in its report."""
        file = self._file(path)
        return Pictures(**json.loads(file.read_text(encoding="ascii"))) if file.exists() else Pictures()

    def _file(self, path: str) -> Path:
        return self.folder / f"{hashlib.sha256(path.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.json"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one beatmap, as text."""

    strip: dict[str, Any] | None = None
    """See :func:`maimod.reporters.viewer.strip`; None if nothing was drawn."""
    bodies: dict[str, str] = field(default_factory=dict)
    """HTML of the evidence by the name of the finding."""

    def body(self, finding: Finding) -> str | None:
        """The evidence for a finding; None if it was not drawn."""
        return self.bodies.get(_name(finding))


def _name(finding: Finding) -> str:
    """Key of a finding within its beatmap."""
    return f"{finding.id} {finding.timestamp}"


def page(report: Report, out: TextIO, view: View) -> None:
    """Write the page; without `view.album` it has no pictures."""
    shown = shorten(report, view).report
    titles = sorted({f"{beatmap.artist} - {beatmap.title}" for beatmap in shown.beatmaps if beatmap.title})
    title = f"maimod: {titles[0] if len(titles) == 1 else f'{len(shown.beatmaps)} beatmaps'}"
    script = viewer.script() + _HOST
    policy = _POLICY.format(digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"))
    out.write(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{markup_without_commands(escape(clean(title)))}</title>\n<style>{_STYLE}{viewer.style()}</style></head>\n"
        '<body><main id="maimod"><noscript>This report needs JavaScript.</noscript></main>\n'
    )
    for b, beatmap in enumerate(shown.beatmaps if view.album else ()):
        assert view.album is not None
        pictures = view.album.pictures(beatmap.path)  # of one beatmap at a time
        for f, finding in enumerate(beatmap.findings):
            body = pictures.body(finding)
            if body is not None:
                body = markup_without_commands(without_controls(body, keep=_LINES))
                out.write(f'<template data-key="{b}.{f}">{body}</template>\n')
        if pictures.strip is not None:
            out.write(f'<script type="application/json" data-strip="{b}">{_embedded(pictures.strip)}</script>\n')
    out.write(
        f'<script type="application/json" id="maimod-data">{_embedded(viewer.data(report, view))}</script>\n'
        f"<script>{script}</script></body></html>\n"
    )


def _embedded(value: Any) -> str:
    """JSON for a script element. An escaped `<` can neither end the element nor open a comment in it, in which the
    parser would look for another end."""
    return json_without_commands(json.dumps(value, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c"))
