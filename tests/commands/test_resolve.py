"""Effective options of a check: command line, overrides, configuration, defaults; and limits of a discovered
configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from maimod.app import main
from maimod.commands.config_file import discover
from maimod.commands.resolve import resolve, restricted
from maimod.errors import ConfigError, UsageError
from maimod.linter.settings import Override, Settings
from maimod.osu.discovery import find
from tests.commands.test_options import GOOD, mapset, settings
from tests.linter.test_api import FAULTY

__all__ = ["mapset"]  # a fixture


def effective(*paths: str, **typed) -> list[Settings]:
    """The settings of each source."""
    of = resolve(paths, typed).settings_of()
    return [of(source) for source in find(paths)]


# --- Precedence ---


def test_the_command_line_wins(mapset, tmp_path, capsys):
    (tmp_path / "maimod.toml").write_text(GOOD)
    found = settings(capsys, "sets")
    assert (found["model"], found["fail_on"], found["ignore"], found["jobs"]) == (None, "warning", ["kiai"], 1)
    assert found["severities"] == [["rhythm/unsnapped", "minor"], ["hitsounds", "off"]] and found["min_scores"] == [
        ["rhythm", 0.5]
    ]
    assert found["overrides"][0]["pattern"] == "*Taiko*" and found["overrides"][0]["level"] == "hard"
    assert found["config"] == str(tmp_path / "maimod.toml")
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


def test_command_line_then_override_then_configuration_then_default(mapset, tmp_path):
    def level(**typed) -> str | None:
        (only,) = effective("sets", no_model=True, **typed)
        return only.of_difficulty("Version").level

    assert level() is None
    (tmp_path / "maimod.toml").write_text("level = 'normal'")
    assert level() == "normal"
    (tmp_path / "maimod.toml").write_text("level = 'normal'\n[[override]]\nname = 'VERS*'\nlevel = 'hard'")
    assert level() == "hard"
    assert level(level="easy") == "easy"


def test_no_model_of_a_file_gives_way_to_a_model_of_the_command_line_only(mapset, tmp_path):
    (tmp_path / "maimod.toml").write_text("no-model = true\nmodel = 'maimod-mini'")
    assert [one.model for one in effective("sets")] == [None]
    assert [one.model for one in effective("sets", model="maimod-mini")] == ["maimod-mini"]
    assert [one.model for one in effective("sets", model="maimod-mini", no_model=True)] == [None]
    (tmp_path / "maimod.toml").write_text("")
    assert [one.model for one in effective("sets", no_model=True)] == [None]


def test_each_mapset_goes_by_its_own(mapset, tmp_path, capsys):
    (tmp_path / "sets" / "b").mkdir()
    (tmp_path / "sets" / "b" / "Hard.osu").write_text(FAULTY)
    (tmp_path / "sets" / "maimod.toml").write_text("no-model = true\nignore = ['kiai']")
    (mapset / "maimod.toml").write_text("year = 2015\n[severity]\n'rhythm' = 'off'")
    assert effective("sets") == [
        Settings(None, year=2015, severities=(("rhythm", "off"),)),
        Settings(None, ignore=("kiai",)),
    ]
    main(["check", "sets", "--format", "json"])
    first, second = json.loads(capsys.readouterr().out)["beatmaps"]
    assert not [f for f in first["findings"] if f["category"] == "rhythm"] and [
        f for f in second["findings"] if f["category"] == "rhythm"
    ]


def test_the_model_and_its_device_are_those_of_the_run(mapset, tmp_path):
    (mapset / "maimod.toml").write_text("model = 'other'\ndevice = 'cpu'\nprecision = 'bf16'\nlevel = 'easy'")
    (tmp_path / "sets" / "b").mkdir()
    (tmp_path / "sets" / "b" / "Hard.osu").write_text(FAULTY)
    assert effective("sets") == [Settings(level="easy"), Settings()]


def test_one_configuration_for_all_if_it_is_named(mapset, tmp_path):
    (mapset / "maimod.toml").write_text("level = 'easy'")
    (tmp_path / "other.toml").write_text("level = 'hard'")
    assert effective("sets", config=Path("other.toml")) == [Settings(level="hard")]
    assert effective("sets", isolated=True) == [Settings()]
    # What is named counts more than a preset, and is never left out without a word.
    (screened,) = effective("sets", config=Path("other.toml"), preset="screen")
    assert screened.level == "hard"
    with pytest.raises(UsageError, match="exclude each other"):
        effective("sets", config=Path("other.toml"), isolated=True)


def test_what_leaves_no_rule_or_has_no_effect_is_said(mapset, capsys):
    with pytest.raises(UsageError, match="--select and --ignore leave no rule"):
        resolve(["sets"], {"select": ("rhythm",), "ignore": ("rhythm",)})
    resolve(["sets"], {"select": ("rhythm/unsnapped",), "ignore": ("rhythm",)})
    assert capsys.readouterr().err == ""
    resolve(["sets"], {"no_model": True, "lora": "adapter", "year": 2015})
    assert capsys.readouterr().err == "maimod: --no-model: no model reads --lora, --year\n"


def test_rules_may_be_joined_with_commas(mapset, tmp_path):
    (tmp_path / "maimod.toml").write_text(
        "ignore = ['kiai, rhythm/unsnapped']\n[[override]]\nname='X'\nselect=['kiai,sliders']"
    )
    assert effective("sets") == [
        Settings(ignore=("kiai", "rhythm/unsnapped"), overrides=(Override("X", select=("kiai", "sliders")),))
    ]
    assert effective("sets", ignore=("timing,kiai",), select=("hitsounds",)) == [
        Settings(ignore=("timing", "kiai"), select=("hitsounds",), overrides=(Override("X"),))
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ignore = ['rythm']", "maimod.toml: ignore rythm: no such rule; did you mean rhythm?"),
        ("[severity]\nrythm = 'off'", "maimod.toml: severity rythm: no such rule; did you mean rhythm?"),
        ("[min-score]\nrythm = 1", "maimod.toml: min-score rythm: no such rule; did you mean rhythm?"),
        (
            "[[override]]\nname = 'X'\nignore = ['rythm']",
            "maimod.toml: override 'X': ignore rythm: no such rule; did you mean rhythm?",
        ),
        ("format = ['jsn']", "--format jsn: no such format; did you mean json?"),
    ],
)
def test_misspelled_rules_and_formats_are_refused_before_the_lint(mapset, tmp_path, capsys, text, line):
    (tmp_path / "maimod.toml").write_text(text)
    assert main(["check", "sets", "--no-model"]) == 2
    out, err = capsys.readouterr()
    assert not out and line in err and err.count("\n") == 1


def test_a_missing_file_is_said(mapset, capsys):
    assert main(["check", "sets", "--config", "no.toml"]) == 2
    assert capsys.readouterr().err == "maimod: no.toml: cannot be read (No such file or directory)\n"


# --- Discovered configurations ---


def left_out(mapset: Path, text: str, **typed) -> tuple[dict, list[str]]:
    (mapset / "maimod.toml").write_text(text)
    config, lines = restricted(discover(mapset), typed)
    assert all(line.startswith(f"{mapset / 'maimod.toml'}: ") and "\n" not in line for line in lines)
    return dict(config.values), lines


def test_a_found_configuration_writes_nothing(mapset, tmp_path, capsys):
    values, (line,) = left_out(mapset, "format = ['console', 'json:report.json', 'sarif:x.sarif']")
    assert values == {"format": ("console",)}
    assert "report.json" in line and "x.sarif" in line and "give --format on the command line" in line
    assert left_out(mapset, "format = ['json:report.json']")[0] == {}
    assert left_out(mapset, "format = ['markdown', 'json:-']") == ({"format": ("markdown", "json:-")}, [])
    values, (line,) = left_out(mapset, "cache-dir = 'inside'\nno-cache = true")
    assert values == {"no_cache": True} and "give --cache-dir" in line
    (mapset / "maimod.toml").write_text("format = ['json:report.json']\ncache-dir = 'kept'\nfail-on = 'never'")
    before = sorted(tmp_path.rglob("*"))
    assert main(["check", "sets/a", "--no-model"]) == 0  # the rest is used, and the run continues
    out, err = capsys.readouterr()
    assert out.startswith("Artist") and err.count("\n") == 2 and err.count("maimod.toml: ") == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_found_configuration_loosens_no_limit(mapset, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert left_out(mapset, "jobs = 4\ntimeout = 5\nmemory = 900") == ({"jobs": 4, "timeout": 5.0, "memory": 900}, [])
    assert left_out(mapset, "jobs = 0")[1] == []
    for line, why in (
        ("jobs = 5", "5 is above 4"),
        ("timeout = 0", "0 is no limit"),
        ("memory = 99_999", "99999 is above"),
    ):
        values, (message,) = left_out(mapset, line)
        assert values == {} and why in message and "on the command line" in message
    assert left_out(mapset, "jobs = 5", jobs=9) == ({"jobs": 5}, [])  # the command line overrides it


@pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
def test_a_found_configuration_that_is_a_link_out_of_its_folder_is_not_opened(mapset, tmp_path):
    (tmp_path / "secret").write_text("password = 'x'")
    (mapset / "maimod.toml").symlink_to(tmp_path / "secret")
    with pytest.raises(ConfigError, match="a link that leads out of its folder"):
        discover(mapset)


def test_a_file_named_on_the_command_line_may_write(mapset, tmp_path, capsys):
    (mapset / "maimod.toml").write_text("format = ['json:report.json']\ncache-dir = 'kept'\nfail-on = 'never'")
    assert main(["check", "sets/a", "--no-model", "--config", "sets/a/maimod.toml"]) == 0
    assert (mapset / "report.json").exists() and (mapset / "kept").is_dir()


def test_what_the_command_line_gives_anyway_is_not_complained_about(mapset):
    text = "format = ['json:report.json']\ncache-dir = '/x'"
    assert left_out(mapset, text, format=("console",), cache_dir=Path("y"))[1] == []


def test_a_found_configuration_accepts_nothing(mapset, capsys):
    (mapset / "maimod.toml").write_text("baseline = 'known.json'")
    assert main(["check", "sets/a", "--no-model", "--write-baseline"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("maimod: --write-baseline: name the file with --baseline FILE; what ")
    assert "maimod.toml names is only read, unless --config names that too" in err and err.count("\n") == 1
    assert not (mapset / "known.json").exists()
    for by_hand in (["--baseline", "sets/a/known.json"], ["--config", "sets/a/maimod.toml"]):
        assert main(["check", "sets/a", "--no-model", "--write-baseline", *by_hand]) == 0
        (mapset / "known.json").unlink()


def outside(tmp_path: Path) -> Path:
    """A folder that is none of the mapset's, with a baseline and a checkpoint in it."""
    place = tmp_path / "private"
    (place / "model").mkdir(parents=True)
    (place / "model" / "config.json").write_text("{}")
    (place / "known.json").write_text("{}")
    return place


@pytest.mark.parametrize("name", ["../../private/known.json", "{private}/known.json", "link.json", "link/known.json"])
def test_a_found_configuration_reads_no_baseline_outside_its_folder(mapset, tmp_path, name):
    private = outside(tmp_path)
    os.symlink(private / "known.json", mapset / "link.json")
    os.symlink(private, mapset / "link")
    values, (line,) = left_out(mapset, f"baseline = '{name.format(private=private)}'")
    assert (values == {} and "known.json" in line) or "link.json" in line
    (mapset / "own.json").touch()
    assert left_out(mapset, "baseline = 'own.json'") == ({"baseline": mapset / "own.json"}, [])


def test_links_within_the_folder_are_followed(mapset, tmp_path):
    (mapset / "kept").mkdir()
    (mapset / "kept" / "known.json").touch()
    os.symlink(mapset / "kept", mapset / "link")
    assert left_out(mapset, "baseline = 'link/known.json'") == ({"baseline": mapset / "link" / "known.json"}, [])
    os.symlink(mapset / "round", mapset / "round")
    assert left_out(mapset, "baseline = 'round'")[0] == {}
    # The folder itself may be a link, because the user gave it.
    os.symlink(mapset, tmp_path / "elsewhere")
    assert restricted(discover(tmp_path / "elsewhere"), {})[1] != []
    assert left_out(tmp_path / "elsewhere", "baseline = 'kept/known.json'")[1] == []


@pytest.mark.parametrize(
    "name", ["owner/name", "../../private/model", "{private}/model", "link", "half", "no-such-model", ".."]
)
def test_a_found_configuration_names_no_model_outside_its_folder(mapset, tmp_path, name):
    private = outside(tmp_path)
    os.symlink(private / "model", mapset / "link")
    (mapset / "half").mkdir()
    os.symlink(private / "model" / "config.json", mapset / "half" / "config.json")
    values, (line,) = left_out(mapset, f"model = '{name.format(private=private)}'")
    assert values == {} and "model" in line and "give --model" in line


def test_a_found_configuration_may_name_a_bundled_model_or_one_of_its_own(mapset):
    assert left_out(mapset, "model = 'maimod-mini'") == ({"model": "maimod-mini"}, [])
    (mapset / "own").mkdir()
    (mapset / "own" / "config.json").touch()
    assert left_out(mapset, "model = 'own'") == ({"model": str(mapset / "own")}, [])


def test_the_rest_is_up_to_a_found_configuration(mapset):
    values, lines = left_out(mapset, GOOD)
    assert lines == [] and set(values) >= {"ignore", "severities", "min_scores", "overrides", "fail_on"}
