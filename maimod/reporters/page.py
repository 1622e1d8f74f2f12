"""A page of text for a terminal or a pipe: lines of any width, with colours and links on a terminal and without them in a pipe.

Lines are laid out here and only coloured by rich, so that a page is the same on every terminal and in every pipe.
"""

from __future__ import annotations

import errno
import os
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from maimod.findings import Severity
from maimod.osu.beatmap import Mode
from maimod.reporters.view import View

DEFAULT_WIDTH, MAX_WIDTH = 80, 120
"""Columns in a pipe, and the widest page that is comfortable to read."""

STYLES = {Severity.PROBLEM: "bold red", Severity.WARNING: "yellow", Severity.MINOR: "cyan"}
LETTERS = {Severity.PROBLEM: "P", Severity.WARNING: "W", Severity.MINOR: "M"}
MODES = {mode.label: mode.title for mode in Mode}

Part = str | tuple[str, str | Style]
"""Text, plain or with a style."""

_GLUE = "\u00a0"


def wrap(text: str, width: int) -> list[str]:
    """Break at spaces into lines of at most `width` columns. No-break spaces do not break and are printed as spaces."""
    lines, line = [], ""
    for word in text.split(" "):
        if line and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [part.replace(_GLUE, " ") for part in (*lines, line)]


def glue(text: str) -> str:
    """Replace spaces by no-break spaces."""
    return text.replace(" ", _GLUE)


def end_of(text: str, width: int) -> str:
    """The last `width` columns of a text, with `…` in front if it is longer."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return "…" + text


def start_of(text: str, width: int) -> str:
    """The first `width` columns of a text, with `…` at the end if it is longer."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"


class _Console(Console):
    """rich's console, but a closed pipe raises an error for the caller (rich would exit with 1)."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Page:
    """Prints lines to one stream."""

    def __init__(self, out: TextIO, view: View) -> None:
        self.console = _Console(
            file=out,
            highlight=False,
            markup=False,
            emoji=False,
            color_system=None if view.plain else "auto",
            force_terminal=False if view.plain else None,
        )
        self.width = view.width or min(self._columns(), MAX_WIDTH)

    def _columns(self) -> int:
        if self.console.is_terminal:
            return self.console.width
        # In a pipe the width of the window must have no effect, unless COLUMNS is set.
        asked = os.environ.get("COLUMNS", "")
        return max(int(asked), 20) if asked.isdecimal() else DEFAULT_WIDTH

    def line(self, *parts: Part) -> None:
        """Print one line of (text, style) parts without wrapping."""
        text = Text.assemble(*parts, end="")
        text.rstrip()
        self.console.print(text, soft_wrap=True)

    def paragraph(
        self, text: str, style: str = "", first: str = "", rest: int | None = None, first_style: str = ""
    ) -> None:
        """Print wrapped text: `first` before the first line, the others indented by `rest` columns."""
        indent = cell_len(first) if rest is None else rest
        lines = [line for line in wrap(text, self.width - max(indent, cell_len(first))) if line != "·"]
        for number, line in enumerate(lines):
            line = line.removesuffix(" ·").removeprefix("· ")  # no separator ends or begins a line
            self.line((first if not number else " " * indent, first_style), (line, style))

    def rule(self) -> None:
        """Print a line across the page."""
        self.line(("─" * self.width, "dim"))
