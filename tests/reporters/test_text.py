"""Names in maps stay plain text in every format, on stdout and stderr."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree

import pytest

from maimod.commands.command_line import say
from maimod.findings import BeatmapReport, Category, Finding, Report, Severity
from maimod.reporters import REPORTERS
from maimod.reporters.text import clean, json_without_commands, markup_without_commands
from maimod.reporters.view import View
from maimod.rules import RULES

HOSTILE = (
    "##[add-mask]a ##vso[task.setvariable variable=X]1 ::stop-commands::x\x1b]0;t\x07 \u202egnp <!--<script> ###[b"
)


def report() -> Report:
    finding = Finding(
        "rhythm/unsnapped", Category.RHYTHM, Severity.PROBLEM, 1.0, HOSTILE, 1.0, "00:00:001 -", 3, actual=HOSTILE
    )
    beatmap = BeatmapReport(
        f"{HOSTILE}.osu", "partial", (HOSTILE,), HOSTILE, HOSTILE, HOSTILE, HOSTILE, "osu", HOSTILE, findings=(finding,)
    )
    return Report("0", None, (beatmap,))


@pytest.mark.parametrize("name", sorted(REPORTERS))
def test_no_format_holds_a_command_or_a_control(name, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    out = io.StringIO()
    REPORTERS[name](report(), out, View(rules=RULES))
    text = out.getvalue()
    assert "##[" not in text and "##vso[" not in text
    assert not set(text) & {"\x1b", "\x07", "\u202e"}
    commands = [line for line in text.splitlines() if line.strip().startswith("::")]
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in commands)
    assert bool(commands) is (name == "github")
    assert name != "html" or "<!--" not in text


def test_json_and_xml_mean_the_same():
    assert json.loads(json_without_commands(json.dumps(HOSTILE))) == HOSTILE
    assert ElementTree.fromstring(markup_without_commands("<a>##[x] ##vso[y]</a>")).text == "##[x] ##vso[y]"


def test_stderr_holds_no_command(capsys):
    say(f"no longer found: {HOSTILE}")
    err = capsys.readouterr().err
    assert "##[" not in err and "##VSO[" not in err.upper() and "\x1b" not in err and "\u202e" not in err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("##[x]", "# #[x]"),
        ("##VSO[x]", "# #VSO[x]"),
        ("a ::error::b", "a : :error: :b"),
        ("Drum::", "Drum::"),
        ("## 1", "## 1"),
        ("a\tb\r\nc\x9b", "a b  c\ufffd"),
        ("日本 é", "日本 é"),
    ],
)
def test_clean(text, shown):
    assert clean(text) == shown
