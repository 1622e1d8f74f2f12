"""Configuration: found upwards from the map, checked against its schema, and the command line wins."""

from __future__ import annotations

import json

import jsonschema
import pytest

from maimod.app import main
from maimod.commands import config
from maimod.commands.config import ConfigError, discover, load, schema
from tests.linter.test_api import FAULTY

GOOD = """
fail-on = "warning"
format = ["console", "json:report.json"]
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


@pytest.fixture
def mapset(tmp_path, monkeypatch):
    (tmp_path / "sets" / "a").mkdir(parents=True)
    (tmp_path / "sets" / "a" / "Hard.osu").write_text(FAULTY)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "sets" / "a"


def settings(capsys, *arguments: str) -> dict:
    assert main(["check", *arguments, "--show-settings"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("fail_on = 'never'", "unknown key 'fail_on'; did you mean 'fail-on'?"),
        ("igonre = []", "unknown key 'igonre'; did you mean 'ignore'?"),
        ("xyz = 1", "unknown key 'xyz' (there are: model, "),
        (
            "fail-on = 'warnings'",
            "fail-on: 'warnings' is none of problem, warning, minor, never; did you mean warning?",
        ),
        ("jobs = 'two'", "jobs: 'two' is not a whole number"),
        ("jobs = true", "jobs: True is not a whole number"),
        ("jobs = -1", "jobs: -1 must be at least 0"),
        ("ignore = 'kiai'", "ignore: 'kiai' is not a list"),
        ("ignore = ['kiai', 3]", "ignore[1]: 3 is not a text"),
        ("[severity]\nrhythm = 'bad'", "severity.rhythm: 'bad' is none of problem, warning, minor, off"),
        ("[min-score]\nrhythm = 2", "min-score.rhythm: 2 must be at most 1"),
        ("[[override]]\nlevel = 'hard'", "override[0]: 'name' is missing"),
        ("[[override]]\nname = 'x'\nfail-on = 'never'", "override[0]: unknown key 'fail-on'"),
        ("[override]\nname = 'x'", "override: {'name': 'x'} is not a list"),
        ("jobs = x", "Invalid value (at line 1, column 8)"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, text, trouble):
    path = tmp_path / "maimod.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: {trouble}") and "\n" not in str(error.value)
    try:
        value = config.tomllib.loads(text)
    except config.tomllib.TOMLDecodeError:
        return
    assert not jsonschema.Draft202012Validator(schema()).is_valid(value)  # editors say the same


def test_the_schema_is_one_and_takes_what_we_take(tmp_path):
    jsonschema.Draft202012Validator.check_schema(schema())
    (tmp_path / "maimod.toml").write_text(GOOD)
    jsonschema.validate(load(tmp_path / "maimod.toml").values, schema())


def test_every_key_is_an_option_or_about_rules(capsys):
    import typer

    from maimod import app

    options = {one.name for one in typer.main.get_command(app.app).commands["check"].params}
    keys = {key.replace("-", "_") for key in schema()["properties"]} - {"severity", "min_score", "override"}
    assert keys <= options
    assert options - keys == {
        "paths",
        "audio_path",
        "difficulty",
        "write_baseline",
        "config",
        "isolated",
        "watch",
        "show_settings",
    }


def test_the_nearest_file_upwards_counts(mapset, tmp_path):
    (tmp_path / "maimod.toml").write_text("jobs = 1")
    assert discover(mapset).path == tmp_path / "maimod.toml"
    (tmp_path / "sets" / "pyproject.toml").write_text("[project]\nname = 'x'")
    assert discover(mapset).path == tmp_path / "maimod.toml"
    (tmp_path / "sets" / "pyproject.toml").write_text("[tool.maimod]\njobs = 2")
    assert discover(mapset).values == {"jobs": 2}
    (mapset / "maimod.toml").write_text("")
    assert discover(mapset).path == mapset / "maimod.toml"


def test_the_command_line_wins(mapset, tmp_path, capsys):
    (tmp_path / "maimod.toml").write_text(GOOD)
    found = settings(capsys, "sets")
    assert (found["model"], found["fail_on"], found["ignore"], found["jobs"]) == (None, "warning", ["kiai"], 1)
    assert found["severities"] == [["rhythm/unsnapped", "minor"], ["hitsounds", "off"]] and found["min_scores"] == [
        ["rhythm", 0.5]
    ]
    assert found["overrides"][0]["pattern"] == "*Taiko*" and found["overrides"][0]["level"] == "hard"
    found = settings(
        capsys, "sets", "--fail-on", "problem", "--model", "maimod-mini", "--ignore", "rhythm", "--level", "easy"
    )
    assert (found["model"], found["fail_on"], found["ignore"], found["level"]) == (
        "maimod-mini",
        "problem",
        ["rhythm"],
        "easy",
    )
    assert found["overrides"][0]["level"] is None
    assert settings(capsys, "sets", "--isolated")["ignore"] == []
    (tmp_path / "other.toml").write_text("fail-on = 'never'")
    assert settings(capsys, "sets", "--config", "other.toml")["fail_on"] == "never"


def test_each_mapset_goes_by_its_own(mapset, tmp_path, capsys):
    (tmp_path / "sets" / "b").mkdir()
    (tmp_path / "sets" / "b" / "Hard.osu").write_text(FAULTY)
    (tmp_path / "sets" / "maimod.toml").write_text("no-model = true")
    (mapset / "maimod.toml").write_text("[severity]\n'rhythm' = 'off'")
    main(["check", "sets", "--format", "json"])
    first, second = json.loads(capsys.readouterr().out)["beatmaps"]
    assert not [f for f in first["findings"] if f["category"] == "rhythm"] and [
        f for f in second["findings"] if f["category"] == "rhythm"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ignore = ['rythm']", "maimod.toml: ignore rythm: no such rule; did you mean rhythm?"),
        ("[severity]\nrythm = 'off'", "maimod.toml: severity: rythm: no such rule; did you mean rhythm?"),
        (
            "[[override]]\nname = 'X'\nignore = ['rythm']",
            "maimod.toml: override 'X': ignore rythm: no such rule; did you mean rhythm?",
        ),
        ("format = ['jsn']", "--format jsn: no such format; did you mean json?"),
    ],
)
def test_slips_of_the_pen_are_found_before_the_lint(mapset, tmp_path, capsys, text, line):
    (tmp_path / "maimod.toml").write_text(text)
    assert main(["check", "sets", "--no-model"]) == 2
    out, err = capsys.readouterr()
    assert not out and line in err and err.count("\n") == 1


def test_paths_are_seen_from_the_file_and_nothing_is_written_elsewhere(mapset, tmp_path, capsys):
    (mapset / "maimod.toml").write_text(
        "format = ['console', 'json:report.json']\nbaseline = 'known.json'\nmodel = 'owner/name'"
    )
    found = settings(capsys, "sets/a")
    assert found["format"] == ["console", f"json:{mapset / 'report.json'}"] and found["baseline"] == str(
        mapset / "known.json"
    )
    assert found["model"] == "owner/name"
    (mapset / "owner" / "name").mkdir(parents=True)
    assert settings(capsys, "sets/a")["model"] == str(mapset / "owner" / "name")
    for target in ("/tmp/x.json", "../x.json", "a/../../x.json", "..\\\\x.json"):
        (mapset / "maimod.toml").write_text(f'format = ["json:{target}"]')
        assert main(["check", "sets/a", "--no-model"]) == 2
        assert "may not leave the folder of this file" in capsys.readouterr().err


def test_a_missing_file_is_said(mapset, capsys):
    assert main(["check", "sets", "--config", "no.toml"]) == 2
    assert capsys.readouterr().err == "maimod: no.toml: cannot be read (No such file or directory)\n"
