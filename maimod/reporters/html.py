"""The report as one self-contained HTML page: findings with filters, timelines, pictures of the evidence."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import Any, TextIO

from maimod.findings import Report
from maimod.reporters import viewer
from maimod.reporters.text import clean, json_without_commands, markup_without_commands, without_controls
from maimod.reporters.view import View, shorten

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
