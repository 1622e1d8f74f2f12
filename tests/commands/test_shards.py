"""Parts of a run, and reports joined again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maimod.app import main
from maimod.commands.shards import part_of
from maimod.osu.discovery import find
from tests.linter.test_api import MAP, songs

CHECK = ["check", "Songs", "--no-model", "--jobs", "1", "--fail-on", "never"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MAIMOD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return songs(Path("Songs"), 5)


def shards(of: int) -> list[str]:
    names = []
    for number in range(1, of + 1):
        names.append(f"{number}.json")
        assert main([*CHECK, "--shard", f"{number}/{of}", "--format", f"json:{names[-1]}"]) == 0
    return names


@pytest.mark.parametrize("of", [1, 3, 7])
def test_merged_shards_are_the_report_of_the_whole_run(folder, capsys, of):
    main([*CHECK, "--format", "json"])
    whole = capsys.readouterr().out
    assert main(["merge", *reversed(shards(of)), "--fail-on", "never", "--format", "json", "--quiet"]) == 0
    assert capsys.readouterr().out == whole


def test_merge_writes_every_format_with_the_exit_code_of_a_check(folder, capsys):
    names = shards(2)
    formats = [f"--format={name}:{name}.out" for name in ("sarif", "junit", "html", "markdown", "verdict")]
    main([*CHECK, *formats])
    before = {path: path.read_bytes() for path in Path().glob("*.out")}
    capsys.readouterr()
    assert main(["merge", *names, *formats, "--format", "console", "--fail-on", "never"]) == 0
    assert "rhythm/unsnapped" in capsys.readouterr().out and len(before) == 5
    for path, content in before.items():
        assert path.read_bytes() == content or path.name == "html.out"  # whose pictures no JSON report has
    assert main(["merge", *names]) == 1


def test_a_merged_report_has_the_numbers_that_its_last_lines_name(folder, capsys):
    names = shards(2)
    capsys.readouterr()
    main(["merge", *names])
    assert "Evidence: " not in capsys.readouterr().out
    main(["merge", *names, "--verbose"])
    assert "Evidence: " in capsys.readouterr().out


def test_shards_are_whole_sets_of_about_equal_size_and_each_once(folder):
    (folder / "0 Artist - Title" / "Long.osu").write_text(
        MAP.replace("[HitObjects]", "//" + "x" * 500_000 + "\n[HitObjects]")
    )
    sources = find([folder])
    parts = [part_of(sources, number, 3) for number in (1, 2, 3)]
    assert [part_of(sources, number, 3) for number in (1, 2, 3)] == parts
    assert sorted(source.path for part in parts for source in part) == sorted(source.path for source in sources)
    assert [len(part) for part in parts] == [1, 2, 2]  # the long one by itself


@pytest.mark.parametrize("given", ["0/2", "3/2"])
def test_a_shard_that_is_none_is_said_in_one_line(folder, capsys, given):
    assert main([*CHECK, "--shard", given]) == 2
    assert capsys.readouterr().err.startswith(f"maimod: --shard {given}: the first number goes from 1 to the second")


def changed(name: str, **values: object) -> str:
    content = json.loads(Path(name).read_text())
    Path("changed.json").write_text(json.dumps({**content, **values}))
    return "changed.json"


def test_reports_that_do_not_belong_together_are_said_to(folder, capsys):
    one, two = shards(2)
    main([*CHECK, "--format", "json:all.json"])
    Path("again.json").write_bytes(Path(one).read_bytes())
    Path("x.json").write_text("[]")
    Path("y.json").write_text('{"schema": "maimod-report/1", "beatmaps": 3}')
    model = {"id": "other", "family": "mini", "device": "cpu", "precision": "fp32"}
    cases = {
        (one,): "shard 2 of 2 is missing",
        (one, two, "again.json"): "shard 1/2 is there twice",
        (one, "all.json"): "all.json: not of the same run; ",
        (
            "all.json",
            changed("all.json", model=None),
        ): "Songs/0 Artist - Title/Easy.osu and 9 more: in more than one report",
        ("all.json", "x.json"): "x.json: not a JSON report of maimod (its schema must be maimod-report/1)",
        ("all.json", "y.json"): "y.json: not a JSON report of maimod (",
        ("all.json", "no.json"): "no.json: cannot be read (No such file or directory)",
    }
    for files, line in cases.items():
        capsys.readouterr()
        assert main(["merge", *files]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"maimod: {line}") and err.count("\n") == 1, files
    for values, line in (
        ({"tool": {"name": "maimod", "version": "9"}}, "changed.json is of maimod 9 and 1.json of "),
        ({"model": model}, "changed.json was made with other and 1.json with no model; make both with the same"),
    ):
        assert main(["merge", one, changed(two, **values)]) == 2
        assert capsys.readouterr().err.startswith(f"maimod: {line}")


def test_an_unfinished_shard_leaves_the_whole_unfinished(folder, capsys):
    one, two = shards(2)
    assert main(["merge", one, changed(two, unfinished=3), "--format", "json", "--fail-on", "never"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["unfinished"] == 3 and "Unfinished" in err
