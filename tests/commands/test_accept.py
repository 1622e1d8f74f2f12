"""One finding accepted from the command line, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maimod.app import main
from maimod.commands.baseline import load
from tests.linter.test_api import songs

OPTIONS = ["--no-model", "--baseline", "known.json"]
TIMES = {"rhythm/unsnapped@00:03:507": 3507.0, "rhythm/unsnapped@8007": 8007.0}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MAIMOD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return songs(Path("Songs"), 1)


def unsnapped(capsys) -> list[float]:
    capsys.readouterr()
    main(["check", "Songs", *OPTIONS, "--jobs", "1", "--select", "rhythm/unsnapped", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["beatmaps"]
    return [finding["time"] for beatmap in found for finding in beatmap["findings"]]


def test_a_finding_is_accepted_by_rule_and_time_and_the_others_stay(folder, capsys):
    for name, time in TIMES.items():
        assert main(["accept", "Songs", name, *OPTIONS]) == 0
        assert "accepted in known.json: 0 Artist - Title/Hard.osu 00:0" in capsys.readouterr().err
        assert unsnapped(capsys) == sorted(set(TIMES.values()) - {time})
        Path("known.json").unlink()


def test_a_finding_is_accepted_by_its_id(folder, capsys):
    main(["check", "Songs", "--no-model", "--jobs", "1", "--select", "rhythm/unsnapped", "--format", "json"])
    (first, _) = [one for b in json.loads(capsys.readouterr().out)["beatmaps"] for one in b["findings"]]
    assert main(["accept", "Songs", f"rhythm/unsnapped@{first['id']}", *OPTIONS]) == 0
    assert unsnapped(capsys) == [8007.0]


def test_accepting_adds_to_the_file_and_once_only(folder, capsys):
    for name in TIMES:
        assert main(["accept", "Songs", name, *OPTIONS]) == 0
    before = Path("known.json").read_bytes()
    assert len(load(Path("known.json")).findings) == 2 and unsnapped(capsys) == []
    assert main(["accept", "Songs", *TIMES, *OPTIONS]) == 0
    assert "2 of the findings named are in known.json already" in capsys.readouterr().err
    assert main(["accept", "Songs", next(iter(TIMES)), *OPTIONS]) == 0
    assert "1 of the findings named is in known.json already" in capsys.readouterr().err
    assert Path("known.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rhythm/unsnapped"], "rhythm/unsnapped: 2 findings; add @TIME of one: 00:03:507 [Hard], 00:08:007 [Hard]"),
        (["rhythm/unsnapped@5"], "rhythm/unsnapped@5: no finding at this time; there are: 00:03:507 [Hard]"),
        (["rhythm/unsnaped@5"], "rhythm/unsnaped@5: no such rule; did you mean rhythm/unsnapped"),
        (
            ["00:03:507 (1) -  rhythm/unsnapped"],
            "00:03:507 (1) -  rhythm/unsnapped: write RULE@TIME, as in rhythm/unsnapped@00:03:507",
        ),
        (["rhythm@5"], "rhythm@5: a category; name one of its rules, as in rhythm/"),
        (["kiai/unsnapped@5"], "kiai/unsnapped@5: there is no finding of this rule"),
        ([*TIMES, "kiai/unsnapped"], "kiai/unsnapped: there is no finding of this rule"),
    ],
)
def test_a_wrong_name_is_said_in_one_line_and_writes_nothing(folder, capsys, arguments, line):
    assert main(["accept", "Songs", *arguments, *OPTIONS]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"maimod: {line}") and err.count("\n") == 1 and not Path("known.json").exists()


def test_the_file_is_named_on_the_command_line_because_a_configuration_may_come_with_a_map(folder, capsys):
    Path("maimod.toml").write_text('baseline = "known.json"')
    assert main(["accept", "Songs", "rhythm/unsnapped@8007", "--no-model"]) == 2
    assert capsys.readouterr().err.startswith("maimod: accept: name the file with --baseline FILE; what ")
    assert not Path("known.json").exists()
    assert main(["accept", "Songs", "rhythm/unsnapped@8007", "--no-model", "--config", "maimod.toml"]) == 0
    assert len(load(Path("known.json")).findings) == 1
