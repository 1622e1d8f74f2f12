"""Make text of maps safe for reports: titles and names are not trusted, and terminals and CI servers act on some
characters.

- Control characters drive terminals (ESC, BEL), and bidirectional ones turn the reading direction (https://trojansource.codes).
- GitHub's runner takes `##[command]` anywhere in a line, and `::command::` at its start, for a command to itself
  (https://github.com/actions/runner, `ActionCommand.cs`); Azure Pipelines takes `##vso[command]` (its logging commands).
"""

from __future__ import annotations

import re

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SPACES = "\t\n\r\u2028\u2029"
_HASHES = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)
_COLONS = re.compile(r"::(?=[A-Za-z])")


def clean(text: str) -> str:
    """One line of plain text: control characters become U+FFFD, line breaks become spaces, and a space splits anything
    that a CI server would read as a command."""
    return without_commands(without_controls(text))


def without_controls(text: str, keep: str = "") -> str:
    """Text without control and bidirectional characters, except those in `keep`."""

    def stand_in(match: re.Match[str]) -> str:
        if match[0] in keep:
            return match[0]
        return " " if match[0] in _SPACES else "\ufffd"

    return _CONTROLS.sub(stand_in, text)


def without_commands(text: str) -> str:
    """Text in which a space splits the marks of CI commands."""
    return _COLONS.sub(": :", without_hash_commands(text))


def without_hash_commands(text: str) -> str:
    """The same for commands that work anywhere in a line, for text that is not at its beginning."""
    return _HASHES.sub("# #", text)


def json_without_commands(text: str) -> str:
    """A JSON document of the same value, in which the marks of commands are written with an escape."""
    return _HASHES.sub(r"#\\u0023", text)


def markup_without_commands(text: str) -> str:
    """HTML or XML of the same content, in which the marks of commands are written as a character reference."""
    return _HASHES.sub("#&#35;", text)
