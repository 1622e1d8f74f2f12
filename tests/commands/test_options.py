"""Options: declared once, read from the command line and from files, with the right precedence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_origin

import jsonschema
import pytest
import typer

from maimod import app
from maimod.app import main
from maimod.commands.config_file import schema
from maimod.commands.options import CheckOptions, Declared, declared
from maimod.findings import Severity
from maimod.linter.settings import Settings, Where
from tests.linter.test_api import FAULTY

GOOD = """
fail-on = "warning"
format = ["console"]
jobs = 1
no-model = true
ignore = ["kiai"]
[severity]
"rhythm/unsnapped" = "minor"
hitsounds = "off"
[min-score]
rhythm = 0.5
[[override]]
name = "*Taiko*"
level = "hard"
severity = { rhythm = "problem" }
"""
ON_COMMAND_LINE = [one for one in declared().values() if Where.CHECK in one.option.where]
IN_FILE = [one for one in declared().values() if Where.FILE in one.option.where]


def named(one: Declared) -> str:
    return one.name


@pytest.fixture
def mapset(tmp_path, monkeypatch):
    (tmp_path / "sets" / "a").mkdir(parents=True)
    (tmp_path / "sets" / "a" / "Hard.osu").write_text(FAULTY)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "sets" / "a"


def settings(capsys, *arguments: str) -> dict[str, Any]:
    assert main(["check", *arguments, "--show-settings"]) == 0
    return json.loads(capsys.readouterr().out)


# --- One declaration ---


def other(one: Declared) -> Any:
    """A value that is not the default, as a file has it."""
    own = {"fail_on": "never", "min_severity": "warning", "precision": "fp32", "device": "cpu", "level": "hard"}
    own |= {"severities": {"kiai": "off"}, "min_scores": {"kiai": 0.5}, "overrides": [{"name": "X", "level": "easy"}]}
    own |= {
        "select": ["rhythm"],
        "ignore": ["kiai"],
        "format": ["markdown"],
        "year": 2015,
        "mapper_id": 7,
        "memory": 3000,
        "tier": "exact",
    }
    if one.name in own:
        return own[one.name]
    if one.kind is bool:
        return True
    return ["x"] if get_origin(one.kind) is tuple else 3 if one.kind in (int, float, int | None) else "x.json"


@pytest.mark.parametrize("one", ON_COMMAND_LINE, ids=named)
def test_an_option_is_on_the_command_line_as_it_is_declared(one):
    found = {parameter.name: parameter for parameter in typer.main.get_command(app.app).commands["check"].params}
    parameter = found[one.name]
    assert {one.flag, *one.option.spellings} == set(parameter.opts) and not parameter.secondary_opts
    assert (parameter.help, parameter.metavar) == (one.option.help, one.option.metavar)
    assert parameter.is_flag == (one.kind is bool) and parameter.multiple == (get_origin(one.kind) is tuple)


@pytest.mark.parametrize("one", [one for one in ON_COMMAND_LINE if one.option.least is not None], ids=named)
def test_bounds_hold_on_the_command_line(mapset, capsys, one):
    inside, beyond = [one.option.least], [one.option.least - 1]
    if one.option.most is not None:
        inside, beyond = [*inside, one.option.most], [*beyond, one.option.most + 1]
    for value in inside:
        assert settings(capsys, "sets", f"{one.flag}={value}")[one.name] == value
    for value in beyond:
        assert main(["check", "sets", f"{one.flag}={value}", "--show-settings"]) == 2
        assert one.flag in capsys.readouterr().err


def test_the_command_line_has_no_other_options():
    commands = typer.main.get_command(app.app).commands
    names = {name: {one.name for one in commands[name].params if one.name != "help"} for name in ("check", "score")}
    assert names["check"] == {one.name for one in ON_COMMAND_LINE} | {"paths"}
    assert names["score"] == {name for name, one in declared().items() if Where.SCORE in one.option.where} | {
        "path",
        "output",
    }


@pytest.mark.parametrize("one", IN_FILE, ids=named)
def test_an_option_is_in_files_their_schema_and_the_settings_shown(mapset, capsys, one):
    assert schema()["properties"][one.key]["description"] == one.option.help
    value = other(one)
    assert jsonschema.Draft202012Validator(schema()).is_valid({one.key: value})
    before = settings(capsys, "sets", "--isolated")[one.name]
    write({one.key: value}, Path("by-hand.toml"))
    after = settings(capsys, "sets", "--config", "by-hand.toml")
    assert before != after[one.name] or (one.name == "model" and after["model"] == value)


@pytest.mark.parametrize("one", [one for one in IN_FILE if one in ON_COMMAND_LINE], ids=named)
def test_the_command_line_wins_over_a_file_also_with_the_default(mapset, capsys, one):
    if one.kind is bool:
        return  # a flag can only be given
    write({one.key: other(one)}, Path("by-hand.toml"))
    texts = {"select": "timing", "ignore": "timing", "format": "console", "descriptors": "y", "level": "easy"}
    texts |= {"mapper_id": "8", "year": "2020", "max_findings": "9", "baseline": "y.json", "cache_dir": "y"}
    typed = texts.get(one.name) or str(one.default)
    alone = settings(capsys, "sets", "--isolated", one.flag, typed)[one.name]
    assert settings(capsys, "sets", "--config", "by-hand.toml", one.flag, typed)[one.name] == alone


def write(values: dict[str, Any], path: Path) -> None:
    """Write a table of TOML."""

    def text(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {text(one)}" for key, one in value.items()) + "}"
        return "[" + ", ".join(map(text, value)) + "]" if isinstance(value, list) else json.dumps(value)

    path.write_text("".join(f"{key} = {text(value)}\n" for key, value in values.items()))


def test_the_options_of_both_and_of_one():
    """The list is a decision, so it is written down here as well."""
    assert {one.name for one in ON_COMMAND_LINE} - {one.name for one in IN_FILE} == {
        "preset",
        "diff",
        "shard",
        "scheduler",
        "cache_size",
        "audio_path",
        "difficulty",
        "min_score",
        "write_baseline",
        "config",
        "isolated",
        "watch",
        "show_settings",
    }
    assert {one.name for one in IN_FILE} - {one.name for one in ON_COMMAND_LINE} == {
        "severities",
        "min_scores",
        "overrides",
    }


def test_settings_are_the_options_a_lint_goes_by():
    options = CheckOptions("m", "cpu", ignore=("kiai",), quiet=True, min_severity=Severity.WARNING)
    assert options.settings == Settings("m", "cpu", ignore=("kiai",))
    assert CheckOptions("m", no_model=True).settings == Settings(None)
