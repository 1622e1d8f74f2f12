"""Options: declared once, read from the command line and from files, with the right precedence."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from pathlib import Path
from typing import Any, get_origin

import jsonschema
import pytest
import typer

from maimod import app
from maimod.app import main
from maimod.commands.options import SCHEMA_FILE, CheckOptions, Declared, declared, decode, discover, load, schema
from maimod.errors import ConfigError
from maimod.findings import Severity
from maimod.linter.settings import Override, Settings, Where
from tests.linter.test_api import FAULTY

ROOT = Path(__file__).parents[2]
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


def test_the_schema_file_is_that_of_the_declarations():
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "tools" / "make_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert SCHEMA_FILE.read_text(encoding="utf-8") == module.schema_file(), "run python tools/make_docs.py"


# --- Reading a file ---


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("fail_on = 'never'", "unknown key 'fail_on'; did you mean 'fail-on'?"),
        ("igonre = []", "unknown key 'igonre'; did you mean 'ignore'?"),
        ("xyz = 1", "unknown key 'xyz' (there are: model, "),
        ("watch = true", "unknown key 'watch'"),
        (
            "fail-on = 'warnings'",
            "fail-on: 'warnings' is not one of problem, warning, minor, never; did you mean warning?",
        ),
        ("min-severity = 'mild'", "min-severity: 'mild' is not one of problem, warning, minor"),
        ("device = 'cdua'", "device: 'cdua' is not one of auto, cpu, cuda, cuda:N, mps; did you mean cuda?"),
        ("device = 'cuda:1x'", "device: 'cuda:1x' is not one of "),
        ("jobs = 'two'", "jobs: 'two' is not a whole number"),
        ("jobs = 2.5", "jobs: 2.5 is not a whole number"),
        ("jobs = true", "jobs: True is not a whole number"),
        ("jobs = -1", "jobs: -1 must be at least 0"),
        ("year = 2077", "year: 2077 must be at most 2076"),
        ("year = 2006", "year: 2006 must be at least 2007"),
        ("timeout = '9'", "timeout: '9' is not a number"),
        ("quiet = 1", "quiet: 1 is not true or false"),
        ("ignore = 'kiai'", "ignore: 'kiai' is not a list"),
        ("ignore = ['kiai', 3]", "ignore[1]: 3 is not a text"),
        ("severity = 'off'", "severity: 'off' is not a table"),
        (
            "[severity]\nkiai = 'off'\nrhythm = 'bad'",
            "severity.rhythm: 'bad' is not one of problem, warning, minor, off",
        ),
        ("[severity]\nkiai = 'off'\nrhythm = 3", "severity.rhythm: 3 is not a text"),
        ("[min-score]\nkiai = 0\nrhythm = 2", "min-score.rhythm: 2 must be at most 1"),
        ("[min-score]\nrhythm = -0.1", "min-score.rhythm: -0.1 must be at least 0"),
        ("[[override]]\nlevel = 'hard'", "override[0]: 'name' is missing"),
        ("[[override]]\nname = 'x'\nfail-on = 'never'", "override[0]: unknown key 'fail-on'"),
        (
            "[[override]]\nname = 'x'\n[[override]]\nname = 'y'\nlevel = 'Hard'",
            "override[1].level: 'Hard' is not one of",
        ),
        ("[[override]]\nname = 'x'\nmin-score = { kiai = 3 }", "override[0].min-score.kiai: 3 must be at most 1"),
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
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert not jsonschema.Draft202012Validator(schema()).is_valid(value)  # the schema agrees


@pytest.mark.parametrize("key", ["fail-on", "device", "jobs", "severity.rhythm", "xyz", '"' + "x" * 5000 + '"'])
def test_long_values_are_cut_in_messages(tmp_path, key):
    path = tmp_path / "maimod.toml"
    path.write_text(f"{key} = '{'a' * 5000}'")
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: ") and len(str(error.value)) < 600


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (1 << 20) + b"##", "larger than 1 MB"),
        (None, "cannot be read"),
        (b"ignore = " + b"[" * 10_000, "nested too deeply"),
        (b"jobs = " + b"9" * 5_000, "digits"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, content, trouble):
    path = tmp_path / "maimod.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=trouble):
        load(path)


def test_a_project_file_needs_its_table_only_if_it_is_named(tmp_path):
    path = tmp_path / "pyproject.toml"
    for text in ("", "[tool]\nx = 1", "tool = 3"):
        path.write_text(text)
        assert not load(path, is_found=True)
        with pytest.raises(ConfigError, match=r"no \[tool.maimod\] in it"):
            load(path)
    path.write_text("[tool.maimod]\nigonre = []")
    with pytest.raises(ConfigError, match="did you mean 'ignore'"):
        load(path, is_found=True)
    path.write_text("nothing like TOML")
    assert not load(path, is_found=True)


def test_values_come_as_they_are_declared(tmp_path):
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(tomllib.loads(GOOD), schema())
    (tmp_path / "maimod.toml").write_text(GOOD)
    values = load(tmp_path / "maimod.toml").values
    assert values == {
        "fail_on": "warning",
        "format": ("console",),
        "jobs": 1,
        "no_model": True,
        "ignore": ("kiai",),
        "severities": (("rhythm/unsnapped", "minor"), ("hitsounds", "off")),
        "min_scores": (("rhythm", 0.5),),
        "overrides": (Override("*Taiko*", level="hard", severities=(("rhythm", "problem"),)),),
    }
    hash(CheckOptions(**values).settings)
    assert decode({"min-severity": "warning"}, tmp_path)["min_severity"] is Severity.WARNING


def test_paths_are_seen_from_the_file(tmp_path):
    table = {"baseline": "a.json", "cache-dir": "/b", "format": ["console", "json:c.json", "json:-", "junit:/d.xml"]}
    assert decode(table, tmp_path) == {
        "baseline": tmp_path / "a.json",
        "cache_dir": Path("/b"),
        "format": ("console", f"json:{tmp_path / 'c.json'}", "json:-", "junit:/d.xml"),
    }
    assert decode({"model": "owner/name"}, tmp_path) == {"model": "owner/name"}
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert decode({"model": "owner/name"}, tmp_path) == {"model": str(tmp_path / "owner" / "name")}


def test_the_nearest_file_upwards_counts(mapset, tmp_path):
    (tmp_path / "maimod.toml").write_text("jobs = 1")
    assert discover(mapset).path == tmp_path / "maimod.toml"
    (tmp_path / "sets" / "pyproject.toml").write_text("[project]\nname = 'x'")
    assert discover(mapset).path == tmp_path / "maimod.toml"
    (tmp_path / "sets" / "pyproject.toml").write_text("[tool.maimod]\njobs = 2")
    assert discover(mapset).values == {"jobs": 2} and discover(mapset).is_found
    (mapset / "maimod.toml").write_text("")
    assert discover(mapset).path == mapset / "maimod.toml"


def test_settings_are_the_options_a_lint_goes_by():
    options = CheckOptions("m", "cpu", ignore=("kiai",), quiet=True, min_severity=Severity.WARNING)
    assert options.settings == Settings("m", "cpu", ignore=("kiai",))
    assert CheckOptions("m", no_model=True).settings == Settings(None)
