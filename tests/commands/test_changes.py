"""Only what has changed since a revision: by object, whatever is renamed, moved or shifted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from maimod.app import main
from maimod.commands.changes import Alignment, paired
from maimod.osu import parser
from tests.linter.test_api import FAULTY, MAP, songs

CHECK = ["check", "Songs", "--no-model", "--jobs", "1", "--ignore", "mapset,submission,positions", "--fail-on", "minor"]
HARD = Path("Songs") / "0 Artist - Title" / "Hard.osu"


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    variables = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", *identity, *arguments], check=True, capture_output=True, encoding="utf-8", env=variables
    ).stdout.strip()


def commit(text: str = "work") -> None:
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", text)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("needs git")
    monkeypatch.setenv("MAIMOD_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    songs(Path("Songs"), 2)
    git("init", "-q", "-b", "main")
    commit("first")
    git("switch", "-q", "-c", "change")
    return tmp_path


def found(capsys, *options: str) -> tuple[int, list[tuple[str, str, float]], str]:
    """Exit code, difficulty, rule and time of each finding, and stderr."""
    capsys.readouterr()
    code = main([*CHECK, "--diff", "main", "--format", "json", *options])
    out, err = capsys.readouterr()
    beatmaps = json.loads(out)["beatmaps"] if out else []
    return code, [(b["version"], f["rule"], f["time"]) for b in beatmaps for f in b["findings"]], err


def edit(path: Path, *replacements: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def test_nothing_has_changed(repository, capsys):
    Path("notes.txt").write_text("outside of every set")
    code, listed, err = found(capsys)
    assert (code, listed, err) == (0, [], "maimod: --diff main: none of 2 mapsets has changed\n")
    assert main(["check", str(HARD.parent), *CHECK[2:], "--diff", "main"]) == 0
    assert "--diff main: the mapset has not changed\n" in capsys.readouterr().err


def test_a_new_mistake_is_listed_and_the_old_ones_beside_it_are_not(repository, capsys):
    edit(HARD, (",12000,1,0", ",12007,1,0"))
    code, listed, err = found(capsys)
    assert (code, listed) == (1, [("Hard", "rhythm/unsnapped", 12007.0)])
    assert re.search(r"1 of 2 mapsets changed; 1 new, 0 worse; not listed: \d+ as before", err)
    commit()  # also when it is committed
    assert found(capsys)[1] == listed
    # And when the base has moved on meanwhile.
    git("switch", "-q", "main")
    edit(HARD, (",3507,1,0", ",3500,1,0"))
    commit()
    git("switch", "-q", "change")
    assert found(capsys)[1] == listed


def test_a_commit_named_by_all_its_digits_is_shown_with_a_few(repository, capsys):
    edit(HARD, (",12000,1,0", ",12007,1,0"))
    commit = git("rev-parse", "main")
    main([*CHECK, "--diff", commit])
    out, err = capsys.readouterr()
    assert commit not in out + err
    assert f"--diff {commit[:10]}: 1 of 2 mapsets changed" in err and f"not listed: as at {commit[:10]}." in out


def test_a_mistake_stays_the_same_when_objects_come_and_go_around_it(repository, capsys):
    lines = HARD.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if ",3507,1,0" in line)
    HARD.write_text("".join([*lines[: at - 1], *lines[at:]]))  # the object before it is gone
    listed = found(capsys)[1]
    assert not [one for one in listed if one[1] == "rhythm/unsnapped"]


def test_a_mistake_that_is_moved_is_still_the_same_object(repository, capsys):
    edit(HARD, (",3507,1,0", ",3511,1,0"))
    assert found(capsys)[:2] == (0, [])


def test_a_shift_of_the_whole_map_makes_nothing_new(repository, capsys):
    head, lines, objects = re.split(r"\[TimingPoints\]|\[HitObjects\]", HARD.read_text())
    lines = re.sub(r"^(-?\d+),", lambda m: f"{int(m[1]) + 25},", lines, flags=re.M)
    objects = re.sub(r"^(\d+,\d+,)(\d+),", lambda m: f"{m[1]}{int(m[2]) + 25},", objects, flags=re.M)
    HARD.write_text(f"{head}[TimingPoints]{lines}[HitObjects]\n100,300,525,1,0{objects}")  # and one object more
    assert found(capsys)[:2] == (0, [])


@pytest.mark.parametrize("is_staged", [True, False])
def test_renamed_difficulties_files_and_folders_make_nothing_new(repository, capsys, is_staged):
    edit(HARD, ("Version:Hard", "Version:Insane"))
    HARD.rename(HARD.with_name("Insane.osu"))
    if is_staged:
        HARD.parent.rename(HARD.parent.with_name("renamed"))
        git("add", "-A")
    assert found(capsys)[:2] == (0, [])


def test_a_new_difficulty_and_a_new_set_are_new(repository, capsys):
    (HARD.parent / "Extra.osu").write_text(
        FAULTY.replace("Version:Version", "Version:Extra").replace("100,100,1000,1,0\n", "")
    )
    shutil.copytree("Songs/1 Artist - Title", "Songs/2 Artist - Title")
    code, listed, _ = found(capsys, "--select", "rhythm/unsnapped")
    assert code == 1 and sorted({version for version, _, _ in listed}) == ["Extra", "Hard"]


def test_a_worse_finding_is_listed_with_what_it_was(repository, capsys):
    edit(HARD, (",3507,1,0", ",3502,1,0"))
    commit()
    git("branch", "-f", "main")
    edit(HARD, (",3502,1,0", ",3520,1,0"))
    main([*CHECK, "--diff", "main", "--format", "json"])
    (one,) = [f for b in json.loads(capsys.readouterr().out)["beatmaps"] for f in b["findings"]]
    assert one["severity"] == "problem" and one["evidence"]["severity_before"] == "warning"
    assert one["message"].endswith("Before this change it was of severity warning.")


def test_songs_that_git_does_not_keep_were_there_before(repository, capsys):
    Path(".gitignore").write_text("*.mp3\n")
    commit()
    git("branch", "-f", "main")
    (HARD.parent / "audio.mp3").write_bytes(b"not a song")
    edit(HARD, (",12000,1,0", ",12007,1,0"))
    main(["check", "Songs", "--no-model", "--jobs", "1", "--diff", "main", "--format", "json"])
    (set_,) = {tuple(f["rule"] for f in b["findings"]) for b in json.loads(capsys.readouterr().out)["beatmaps"]} - {()}
    assert set_ == ("rhythm/unsnapped",)


def test_archives_are_compared_too(repository, capsys):
    for name in ("0 Artist - Title", "1 Artist - Title"):
        shutil.make_archive(f"Songs/{name}", "zip", f"Songs/{name}")
        Path(f"Songs/{name}.zip").rename(f"Songs/{name}.osz")
        shutil.rmtree(f"Songs/{name}")
    commit()
    git("branch", "-f", "main")
    assert found(capsys)[:2] == (0, [])
    shutil.unpack_archive("Songs/0 Artist - Title.osz", "unpacked", "zip")
    edit(Path("unpacked/Hard.osu"), (",12000,1,0", ",12007,1,0"))
    shutil.make_archive("new", "zip", "unpacked")
    shutil.rmtree("unpacked")
    Path("new.zip").replace("Songs/0 Artist - Title.osz")
    assert found(capsys)[:2] == (1, [("Hard", "rhythm/unsnapped", 12007.0)])


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--diff", "nowhere"], "--diff nowhere: no such revision in "),
        (["--diff", "-x"], "--diff -x: no such revision in "),
        (["--diff", "main", "--new-only"], "--diff and --new-only exclude each other"),
        (["--diff", "main", "--watch"], "--diff and --watch exclude each other"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(repository, capsys, options, line):
    assert main([*CHECK, *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"maimod: {line}") and err.count("\n") == 1


def test_maps_outside_of_a_repository_are_said_to_be(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(songs(tmp_path / "Songs", 1).parent)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main([*CHECK, "--diff", "main"]) == 2
    assert capsys.readouterr().err.endswith(": in no git repository\n")


def versions(tmp_path, *texts: str):
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.osu").write_text(text)
    return [parser.load(tmp_path / f"{number}.osu") for number in range(len(texts))]


def test_objects_are_matched_by_time_and_by_order_between_those(tmp_path):
    before, now = versions(
        tmp_path, MAP, MAP.replace(",3500,1,0", ",3507,1,0").replace("[HitObjects]\n", "[HitObjects]\n9,9,900,1,0\n")
    )
    aligned = Alignment.of(before, now)
    assert aligned.shift == 0 and aligned.before == {index + 1: index for index in range(60)}
    assert sorted(aligned.changes) == [(900.0, 900.0), (3507.0, 3507.0)]


def test_difficulties_are_paired_by_id_then_name_then_file_then_objects(tmp_path):
    def named(version: str, id: int = 0, text: str = MAP) -> str:
        return text.replace("Version:Version", f"Version:{version}\nBeatmapID:{id}")

    other = re.sub(r",(\d+),1,0", lambda m: f",{int(m[1]) + 125},1,0", MAP)
    a, b, c, d = versions(tmp_path, named("Hard", 5), named("Easy"), named("A"), named("B", text=other))
    e, f, g, h = versions(tmp_path, named("New name", 5), named("Easy"), named("C"), named("D", text=other))
    before = [("a.osu", a), ("b.osu", b), ("c.osu", c), ("d.osu", d)]
    now = [("z.osu", h), ("y.osu", f), ("c.osu", g), ("w.osu", e)]
    assert paired(before, now) == {"w.osu": "a.osu", "y.osu": "b.osu", "c.osu": "c.osu", "z.osu": "d.osu"}
