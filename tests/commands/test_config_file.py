"""Configuration files: their schema, what is wrong in them, and which one counts."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

import jsonschema
import pytest

from maimod.commands.config_file import SCHEMA_FILE, decode, discover, load, schema
from maimod.commands.options import CheckOptions
from maimod.errors import ConfigError
from maimod.findings import Severity
from maimod.linter.settings import Override
from tests.commands.test_options import GOOD

ROOT = Path(__file__).parents[2]


def test_the_schema_file_is_that_of_the_declarations():
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "tools" / "make_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert SCHEMA_FILE.read_text(encoding="utf-8") == module.schema_file(), "run python tools/make_docs.py"


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


def test_the_nearest_file_upwards_counts(tmp_path):
    mapset = tmp_path / "sets" / "a"
    mapset.mkdir(parents=True)
    (tmp_path / "maimod.toml").write_text("jobs = 1")
    assert discover(mapset).path == tmp_path / "maimod.toml"
    (tmp_path / "sets" / "pyproject.toml").write_text("[project]\nname = 'x'")
    assert discover(mapset).path == tmp_path / "maimod.toml"
    (tmp_path / "sets" / "pyproject.toml").write_text("[tool.maimod]\njobs = 2")
    assert discover(mapset).values == {"jobs": 2} and discover(mapset).is_found
    (mapset / "maimod.toml").write_text("")
    assert discover(mapset).path == mapset / "maimod.toml"
