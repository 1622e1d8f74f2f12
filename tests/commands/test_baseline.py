"""Accepted findings stay accepted when the map is shifted; new, resolved and stale findings are reported."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from maimod.app import main
from maimod.commands.baseline import Accepted, Reference, add, load, stale, subtract, write
from maimod.errors import ConfigError
from maimod.findings import BeatmapReport, Category, Finding, Report, Severity
from maimod.linter.settings import Settings
from tests import maps
from tests.linter.test_api import FAULTY, LINES, songs

CHECK = ["check", "Songs", "--no-model", "--fail-on", "minor", "--jobs", "1"]
ACCEPT = [*CHECK, "--baseline", "known.json", "--write-baseline"]
KNOWN = [*CHECK, "--baseline", "known.json"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MAIMOD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return songs(Path("Songs"), 2)


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    return code, *capsys.readouterr()


def shifted(text: str, ms: int) -> str:
    """The same map, later."""
    head, timing, objects = re.split(r"\[TimingPoints\]|\[HitObjects\]", text)
    timing = re.sub(r"^(-?\d+),", lambda m: f"{int(m[1]) + ms},", timing, flags=re.M)
    objects = re.sub(r"^(\d+,\d+,)(\d+),", lambda m: f"{m[1]}{int(m[2]) + ms},", objects, flags=re.M)
    return f"{head}[TimingPoints]{timing}[HitObjects]{objects}"


def test_accepted_findings_are_not_reported_and_do_not_fail(folder, capsys):
    assert run(capsys, *CHECK)[0] == 1
    code, _, err = run(capsys, *ACCEPT)
    assert code == 0 and re.search(r"\d+ findings accepted in known.json", err)
    code, out, err = run(capsys, *KNOWN)
    assert code == 0 and "not listed: accepted in known.json" in out and "no longer found" not in err
    first = Path("known.json").read_bytes()
    run(capsys, *ACCEPT)
    assert Path("known.json").read_bytes() == first
    accepted = load(Path("known.json")).findings
    assert list(accepted) == sorted(accepted) and {one.folder for one in accepted} == {
        "Songs/0 Artist - Title",
        "Songs/1 Artist - Title",
    }


@pytest.mark.parametrize("ms", [-7, 1, 5, 40])
def test_they_stay_known_when_the_whole_map_moves(folder, capsys, ms):
    run(capsys, *ACCEPT)
    for path in folder.rglob("*.osu"):
        path.write_text(shifted(path.read_text(), ms))
    code, _, err = run(capsys, *KNOWN)
    assert code == 0 and "no longer found" not in err


def test_they_stay_known_when_the_file_is_renamed_and_from_wherever_it_is_linted(folder, capsys, monkeypatch):
    run(capsys, *ACCEPT, "--ignore", "submission")  # the name of the file is a finding of its own
    (folder / "0 Artist - Title" / "Hard.osu").rename(
        folder / "0 Artist - Title" / "Artist - Title (Mapper) [Hard].osu"
    )
    monkeypatch.chdir(folder / "0 Artist - Title")
    code, _, err = run(capsys, "check", ".", *CHECK[2:], "--baseline", "../../known.json", "--ignore", "submission")
    assert code == 0 and "no longer found" not in err


def test_they_stay_known_in_a_workflow_that_runs_in_a_folder_of_the_checkout(folder, capsys, monkeypatch, tmp_path):
    run(capsys, *ACCEPT)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(folder)
    code, _, err = run(capsys, "check", ".", *CHECK[2:], "--baseline", "../known.json")
    assert code == 0 and "no longer found" not in err


def test_a_new_fault_is_new_and_equal_ones_are_counted(folder, capsys):
    run(capsys, *ACCEPT)
    path = folder / "1 Artist - Title" / "Hard.osu"
    path.write_text(FAULTY.replace("Version:Version", "Version:Hard").replace(",12000,1,0", ",12007,1,0"))
    code, out, _ = run(capsys, *KNOWN, "--format", "json")
    found = [f for b in json.loads(out)["beatmaps"] for f in b["findings"]]
    assert code == 1 and [(f["rule"], f["time"]) for f in found] == [("rhythm/unsnapped", 12007.0)]


def test_stale_entries_are_reported_and_taken_out(folder, capsys):
    run(capsys, *ACCEPT)
    before = len(load(Path("known.json")).findings)
    path = folder / "0 Artist - Title" / "Hard.osu"
    path.write_text(maps.text(LINES).replace("Version:Version", "Version:Hard"))
    code, _, err = run(capsys, *KNOWN)
    assert code == 0 and "accepted findings are no longer found" in err
    assert "no longer found: Songs/0 Artist - Title [Hard] 00:03:507 (11) - rhythm/unsnapped" in err
    # Nothing about parts that were not linted: another set, other rules, another kind of evidence.
    for options in (["--select", "kiai"], ["--ignore", "rhythm"]):
        assert "rhythm/unsnapped" not in run(capsys, *KNOWN, *options)[2]
    assert "no longer found" not in run(capsys, "check", "Songs/1 Artist - Title", *KNOWN[2:])[2]
    run(capsys, "check", "Songs/1 Artist - Title", *ACCEPT[2:])
    assert len(load(Path("known.json")).findings) == before
    run(capsys, *ACCEPT)
    assert len(load(Path("known.json")).findings) < before
    assert "no longer found" not in run(capsys, *KNOWN)[2]


def difficulties(path: Path) -> set[tuple[str, str]]:
    return {(one.folder, one.difficulty) for one in load(path).findings}


def test_entries_of_a_renamed_difficulty_are_named_in_one_line_and_taken_out(folder, capsys):
    run(capsys, *ACCEPT)
    hard = folder / "0 Artist - Title" / "Hard.osu"
    hard.write_text(hard.read_text().replace("Version:Hard", "Version:Advanced"))
    code, out, err = run(capsys, *KNOWN)
    line = re.compile(
        r"maimod: known\.json: \d+ accepted findings are of difficulties that are renamed or no longer there: "
        r"Songs/0 Artist - Title \[Hard\]; --write-baseline removes them, and accepts all that is found now\n"
    )
    assert code == 1 and "rhythm/unsnapped" in out and len(line.findall(err)) == 1 and "no longer found" not in err
    # Where not every difficulty of the set is checked or can be read, the name may be that of another one.
    easy = folder / "0 Artist - Title" / "Easy.osu"
    assert "renamed" not in run(capsys, "check", str(hard), *KNOWN[2:])[2]
    content = easy.read_bytes()
    easy.write_bytes(b"nothing")
    assert "renamed" not in run(capsys, *KNOWN)[2]
    run(capsys, *ACCEPT)
    assert ("Songs/0 Artist - Title", "Hard") in difficulties(Path("known.json"))
    easy.write_bytes(content)
    run(capsys, *ACCEPT)
    assert ("Songs/0 Artist - Title", "Hard") not in difficulties(Path("known.json"))
    code, _, err = run(capsys, *KNOWN)
    assert code == 0 and "renamed" not in err


def test_entries_of_a_renamed_mapset_are_named_where_its_neighbours_are_checked(folder, capsys, tmp_path):
    run(capsys, *ACCEPT)
    (folder / "0 Artist - Title").rename(folder / "2 Artist - Title")
    names = "Songs/0 Artist - Title [Easy], Songs/0 Artist - Title [Hard];"
    assert f"are of difficulties that are renamed or no longer there: {names}" in run(capsys, *KNOWN)[2]
    other = songs(tmp_path / "Other", 1)
    assert "renamed" not in run(capsys, "check", str(other), *KNOWN[2:])[2]
    run(capsys, "check", str(other), *ACCEPT[2:])
    assert ("Songs/0 Artist - Title", "Hard") in difficulties(Path("known.json"))
    run(capsys, *ACCEPT)
    assert {folder for folder, _ in difficulties(Path("known.json"))} == {
        "Songs/1 Artist - Title",
        "Songs/2 Artist - Title",
        "Other/0 Artist - Title",
    }


def test_entries_of_a_difficulty_renamed_in_an_archive_are_named(folder, capsys):
    mapset, archive = folder / "0 Artist - Title", folder / "0.osz"

    def pack() -> None:
        with ZipFile(archive, "w") as out:
            for path in sorted(mapset.iterdir()):
                out.write(path, path.name)

    pack()
    run(capsys, "check", str(archive), *ACCEPT[2:])
    hard = mapset / "Hard.osu"
    hard.write_text(hard.read_text().replace("Version:Hard", "Version:Advanced"))
    pack()
    err = run(capsys, "check", str(archive), *KNOWN[2:])[2]
    assert "renamed or no longer there: Songs/0.osz [Hard]; --write-baseline removes them" in err


def test_what_another_model_found_is_not_called_gone(folder, capsys):
    run(capsys, *ACCEPT)
    path = folder / "0 Artist - Title" / "Hard.osu"
    path.write_text(maps.text(LINES).replace("Version:Version", "Version:Hard"))
    value = json.loads(Path("known.json").read_text())
    Path("known.json").write_text(json.dumps({**value, "model": "maimod-mini"}))
    assert "no longer found" not in run(capsys, *KNOWN)[2]
    Path("known.json").write_text(json.dumps(value))
    assert "no longer found" in run(capsys, *KNOWN)[2]


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (None, "cannot be read"),
        ("{}", "not a maimod baseline"),
        ("[]", "not a maimod baseline"),
        ("x", "a damaged baseline"),
        ('{"schema": "maimod-baseline/1", "findings": [{"no": 1}], "model": null}', "a damaged baseline"),
    ],
)
def test_a_file_that_is_no_baseline_is_said_and_never_overwritten(folder, capsys, content, trouble):
    if content is not None:
        Path("known.json").write_text(content)
    code, out, err = run(capsys, *KNOWN)
    assert (code, out) == (2, "") and trouble in err and err.count("\n") == 1
    if content is not None:
        assert run(capsys, *ACCEPT)[0] == 2 and Path("known.json").read_text() == content


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--write-baseline"], "--write-baseline: name the file with --baseline FILE"),
        (
            ["--baseline", "a.osu", "--write-baseline"],
            "--baseline a.osu: would overwrite a file of a map; maimod never changes one",
        ),
        (["--new-only", "--no-cache"], "--new-only needs the cache, which remembers the last run"),
    ],
)
def test_what_cannot_be_asked(folder, capsys, options, line):
    assert run(capsys, *CHECK, *options) == (2, "", f"maimod: {line}\n")


def test_the_last_run_is_remembered(folder, capsys):
    assert "since the last run" not in run(capsys, *CHECK)[2]
    assert "since the last run" not in run(capsys, *CHECK)[2]  # nothing has changed
    path = folder / "0 Artist - Title" / "Hard.osu"
    path.write_text(path.read_text().replace(",3507,1,0", ",3500,1,0").replace(",12000,1,0", ",12007,1,0"))
    code, out, err = run(capsys, *CHECK, "--new-only", "--format", "json")
    assert "maimod: since the last run: 1 new, 1 resolved\n" in err
    assert "maimod: resolved: 0 Artist - Title/Hard.osu: 00:03:507 (11) - rhythm/unsnapped\n" in err
    hard = json.loads(out)["beatmaps"][1]
    assert code == 1 and [f["time"] for f in hard["findings"]] == [12007.0]
    assert any("also found by the last run" in message for message in hard["messages"])


def test_only_what_is_new_stays_new_until_a_run_lists_all(folder, capsys):
    new_only = [*CHECK, "--new-only"]
    for _ in range(2):  # a run that failed must not pass when it is run again
        code, _, err = run(capsys, *new_only)
        assert code == 1 and "4 difficulties were never checked without it, so all their findings are listed" in err
    run(capsys, *ACCEPT)
    assert run(capsys, *new_only)[0] == 1  # accepted somewhere else
    run(capsys, *CHECK)
    code, _, err = run(capsys, *new_only)
    assert code == 0 and re.search(r"--new-only: \d+ findings of the last run without it not listed", err)
    path = folder / "0 Artist - Title" / "Hard.osu"
    path.write_text(path.read_text().replace(",12000,1,0", ",12007,1,0"))
    for _ in range(2):
        code, out, _ = run(capsys, *new_only)
        assert code == 1 and "00:12:007" in out and "00:03:507" not in out


def test_order_of_entries_is_that_of_the_file():
    assert sorted([Accepted("b", "x", "r", "1"), Accepted("a", "z", "r", "2")])[0].folder == "a"


# --- A change of settings is no change of the map ---


def findings(capsys, *arguments: str) -> tuple[set[str], str]:
    """Rules found, and the text on stderr."""
    _, out, err = run(capsys, *arguments, "--format", "json")
    return {finding["rule"] for beatmap in json.loads(out)["beatmaps"] for finding in beatmap["findings"]}, err


HIDING = {
    "ignore": "ignore = ['rhythm', 'timing']",
    "select": "select = ['kiai']",
    "severity": "[severity]\n'rhythm' = 'off'\n'timing' = 'off'",
    "score": "[min-score]\n'rhythm' = 1\n'timing' = 1",
    "override": "[[override]]\nname = '*'\nignore = ['rhythm', 'timing']",
}


@pytest.mark.parametrize("way", HIDING)
@pytest.mark.parametrize("place", [".", "Songs/0 Artist - Title"])
def test_what_a_configuration_hides_is_neither_resolved_nor_new(folder, capsys, way, place):
    before, _ = findings(capsys, *CHECK)
    assert "rhythm/unsnapped" in before
    (Path(place) / "maimod.toml").write_text(HIDING[way])
    hidden, err = findings(capsys, *CHECK)
    assert "since the last run" not in err and ("rhythm/unsnapped" not in hidden or place != ".")
    assert "since the last run" not in findings(capsys, *CHECK)[1]
    (Path(place) / "maimod.toml").unlink()
    code, out, err = run(capsys, *CHECK, "--new-only", "--format", "json")
    assert code == 0 and "since the last run" not in err
    assert not [finding for beatmap in json.loads(out)["beatmaps"] for finding in beatmap["findings"]]


@pytest.mark.parametrize("hiding", [["--ignore", "rhythm"], ["--select", "kiai"], ["--level", "easy"]])
def test_what_the_command_line_hides_is_neither_resolved_nor_new(folder, capsys, hiding):
    for options in ([], hiding, []):
        assert "since the last run" not in run(capsys, *CHECK, *options)[2]


def test_changes_of_the_map_are_told_for_each_settings(folder, capsys):
    path = folder / "0 Artist - Title" / "Hard.osu"
    ignoring = [*CHECK, "--ignore", "timing"]
    run(capsys, *ignoring)
    run(capsys, *CHECK)
    path.write_text(path.read_text().replace(",12000,1,0", ",12007,1,0"))
    for command in (ignoring, CHECK):
        assert "since the last run: 1 new, 0 resolved" in run(capsys, *command)[2]
        assert "since the last run" not in run(capsys, *command)[2]


def test_an_override_for_other_difficulties_forgets_nothing(folder, capsys):
    run(capsys, *CHECK)
    Path("maimod.toml").write_text("[[override]]\nname = 'Insane'\nignore = ['rhythm']")
    path = folder / "0 Artist - Title" / "Hard.osu"
    path.write_text(path.read_text().replace(",12000,1,0", ",12007,1,0"))
    assert "since the last run: 1 new, 0 resolved" in run(capsys, *CHECK)[2]


@pytest.mark.parametrize("way", HIDING)
def test_what_a_configuration_hides_stays_accepted(folder, capsys, way):
    run(capsys, *ACCEPT)
    before = load(Path("known.json")).findings
    Path("maimod.toml").write_text(HIDING[way])
    assert "rhythm/unsnapped" not in run(capsys, *KNOWN)[2]  # not reported as gone
    run(capsys, *ACCEPT)
    assert [one for one in load(Path("known.json")).findings if one.rule == "rhythm/unsnapped"] == [
        one for one in before if one.rule == "rhythm/unsnapped"
    ]
    Path("maimod.toml").unlink()
    assert run(capsys, *KNOWN)[0] == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"count": "2"}, "Expected `int`, got `str` - at `findings[0].count`"),
        ({"count": 0}, "Expected `int` >= 1 - at `findings[0].count`"),
        ({"rule": None}, "Expected `str`, got `null` - at `findings[0].rule`"),
    ],
)
def test_a_damaged_baseline_says_where(tmp_path, change, reason):
    entry = {"folder": "a", "difficulty": "b", "rule": "kiai/late", "id": "1", **change}
    path = tmp_path / "known.json"
    path.write_text(json.dumps({"schema": "maimod-baseline/1", "model": None, "findings": [entry]}))
    with pytest.raises(ConfigError) as error:
        load(path)
    assert str(error.value) == f"{path}: a damaged baseline ({reason}); --write-baseline makes a new one"


def test_what_is_new_since_a_reference_stays_new():
    reference = Reference()
    first = BeatmapReport("a.osu", "ok", findings=(made("one"), made("two")))
    assert reference.since(first) is None
    changed = replace(first, findings=(made("two"), made("three")))
    for _ in range(2):
        delta = reference.since(changed)
        assert delta is not None and [finding.id for finding in delta.new] == ["three"]
        assert delta.resolved == ("00:00:000 - rhythm/unsnapped",)
    assert reference.since(BeatmapReport("a.osu", "error")) is None
    assert reference.since(replace(first, path="b.osu")) is None


def made(name: str) -> Finding:
    return Finding("rhythm/unsnapped", Category.RHYTHM, Severity.WARNING, 0.5, "Odd.", 0.0, "00:00:000 -", 1, id=name)


def test_what_was_folded_into_an_accepted_finding_is_accepted_when_it_is_listed_by_itself(tmp_path):
    path, cause, consequence = tmp_path / "known.json", with_folded("cause", "consequence"), made("consequence")
    write(path, report_of(cause, made("other")), [Settings()])
    known = load(path)
    assert [one.also for one in known.findings] == [("consequence",), ()]
    assert '"also"' not in path.read_text().partition('"other"')[2]

    def new(*findings: Finding) -> list[str]:
        return [one.id for one in subtract(report_of(*findings), known, path).findings]

    assert new(consequence) == [] and new(consequence, consequence) == ["consequence"]
    # Where it is folded as before, another one that is like it is new.
    assert new(cause, consequence) == ["consequence"] and new(cause, made("other")) == []
    gone = stale(report_of(made("other")), known, path, [Settings()])
    assert [one.id for one in gone] == ["cause"]
    assert stale(report_of(consequence, made("other")), known, path, [Settings()]) == []


def test_two_equal_findings_accept_what_was_folded_into_either(tmp_path):
    path = tmp_path / "known.json"
    write(path, report_of(with_folded("cause", "b"), with_folded("cause", "a", "b")), [Settings()])
    add(path, [(report_of().beatmaps[0], with_folded("cause", "c", "cause"))], load(path), None)
    assert [(one.count, one.also) for one in load(path).findings] == [(3, ("a", "b", "c"))]


def with_folded(name: str, *others: str) -> Finding:
    return replace(made(name), evidence={"also": [{"id": other} for other in others]})


def report_of(*findings: Finding) -> Report:
    return Report("", None, (BeatmapReport("a.osu", "ok", findings=findings),))


def test_a_baseline_of_another_model_is_named(folder, capsys):
    run(capsys, *ACCEPT)
    assert "written with" not in run(capsys, *KNOWN)[2]
    value = json.loads(Path("known.json").read_text())
    Path("known.json").write_text(json.dumps(value | {"model": "other"}))
    assert "known.json: written with other, and this run is with no model: " in run(capsys, *KNOWN)[2]
