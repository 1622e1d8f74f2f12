"""Presets: what each of them reports, and what overrides what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maimod.app import main
from maimod.commands.options import PRESETS, declared
from maimod.commands.resolve import resolve
from maimod.findings import Category, Finding, Severity, Tier
from maimod.linter.settings import Settings
from maimod.rules import RULES
from tests.linter.test_api import FAULTY, MAP


@pytest.fixture
def entries(tmp_path, monkeypatch):
    monkeypatch.setenv("MAIMOD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name, text in (("bad", FAULTY), ("good", MAP), ("none", "osu file format v14")):
        folder = Path("entries") / name
        folder.mkdir(parents=True)
        (folder / "Artist - Title (Creator) [Version].osu").write_text(text)
    return Path("entries")


def options(*paths: str, **typed):
    return resolve(paths or (".",), typed).options


@pytest.mark.parametrize("preset", [name for name in PRESETS if name])
def test_every_value_of_a_preset_is_one_of_an_option(preset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert PRESETS[preset].keys() <= declared().keys()
    assert options(preset=preset).preset == preset
    for prefix in PRESETS[preset].get("ignore", ()):
        assert any(rule.startswith(prefix) for rule in RULES)


def test_the_command_line_overrides_a_preset_which_overrides_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("maimod.toml").write_text(
        'ignore = ["kiai"]\nmin-severity = "problem"\n[[override]]\nname = "*"\nselect = ["rhythm"]'
    )
    found = options(preset="ranked")
    assert (found.ignore, found.min_severity) == ((), Severity.MINOR) and found.overrides[0].select == ()
    assert options(preset="first-map").min_severity is Severity.WARNING
    assert options(preset="first-map", max_findings=3).max_findings == 3


def test_screening_writes_one_verdict_for_each_entry_by_exact_rules_alone(entries, capsys):
    (entries / "bad" / "maimod.toml").write_text('ignore = ["rhythm"]')  # of the entry: has no say
    assert main(["check", "entries", "--preset", "screen", "--jobs", "1", "--ignore", "mapset"]) == 1
    bad, good, none = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [(one["entry"], one["verdict"]) for one in (bad, good, none)] == [
        ("entries/bad", "fail"),
        ("entries/good", "pass"),
        ("entries/none", "unreadable"),
    ]
    assert {RULES[reason["rule"]].tier.value for reason in bad["reasons"]} == {"exact"} and bad["problem"] == 2
    assert good["reasons"] == [] and good["difficulties"][0]["verdict"] == "pass" and none["unchecked"]


def test_entries_that_cannot_be_read_have_their_verdict_too(entries, capsys):
    assert main(["check", "entries/none", "--preset", "screen"]) == 2
    assert json.loads(capsys.readouterr().out)["verdict"] == "unreadable"


def test_each_archive_that_cannot_be_read_has_a_verdict_of_its_own(entries, capsys):
    for name in ("one.osz", "two.osz"):
        (entries / name).write_bytes(b"PK")
    assert main(["check", "entries", "--preset", "screen", "--jobs", "1", "--fail-on", "never"]) == 0
    verdicts = {one["entry"]: one["verdict"] for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert verdicts["entries/one.osz"] == verdicts["entries/two.osz"] == "unreadable" and len(verdicts) == 5


def test_verdicts_in_a_file_are_those_on_stdout(entries, capsys):
    main(["check", "entries", "--preset", "screen", "--jobs", "1"])
    printed = capsys.readouterr().out
    main(["check", "entries", "--preset", "screen", "--jobs", "1", "--format", "verdict:out.jsonl"])
    assert Path("out.jsonl").read_text() == printed


def test_the_exact_tier_alone():
    exact, estimated = (
        Finding("rhythm/unsnapped", Category.RHYTHM, Severity.WARNING, 0.5, "Odd.", 0.0, "00:00:000 -", 1, tier=tier)
        for tier in (Tier.EXACT, Tier.ESTIMATED)
    )
    every, only = Settings(), Settings(tier="exact")
    assert every.selected([exact, estimated], "Hard") == ((exact, estimated), 0)
    assert only.selected([exact, estimated], "Hard") == ((exact,), 0)
    assert only.without_selection == every.without_selection  # the cache has both
    assert only.may_hide("rhythm/unsnapped", "Hard") and only.key("Hard") != every.key("Hard")
