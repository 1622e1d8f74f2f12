"""A map on stdin: checked by itself, with a song or without."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
import soundfile

from maimod.app import main
from tests.linter.test_api import FAULTY
from tests.songs import CLICKS_MS, clicks

CHECK = ["check", "-", "--no-model", "--format", "json"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("MAIMOD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def piped(monkeypatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))


def test_it_is_checked_without_its_set(monkeypatch, capsys):
    for _ in range(2):  # the second time from the cache
        piped(monkeypatch, FAULTY.encode())
        assert main(CHECK) == 1
        (beatmap,) = json.loads(capsys.readouterr().out)["beatmaps"]
        rules = {finding["rule"] for finding in beatmap["findings"]}
        assert beatmap["path"] == "stdin" and "rhythm/unsnapped" in rules
        # Neither files nor other difficulties nor a name of the file are there to be judged.
        assert not {rule for rule in rules if "missing" in rule or "file" in rule or "lowest" in rule}


def test_the_configuration_is_that_of_the_current_folder(tmp_path, monkeypatch, capsys):
    (tmp_path / "maimod.toml").write_text('ignore = ["rhythm"]')
    piped(monkeypatch, FAULTY.encode())
    main(CHECK)
    (beatmap,) = json.loads(capsys.readouterr().out)["beatmaps"]
    assert not [finding for finding in beatmap["findings"] if finding["rule"].startswith("rhythm")]


def test_a_song_can_be_given(tmp_path, monkeypatch, capsys):
    soundfile.write(tmp_path / "song.wav", clicks(CLICKS_MS, 20.0), 16_000)
    piped(monkeypatch, FAULTY.encode())
    main([*CHECK, "--audio", "song.wav"])
    (beatmap,) = json.loads(capsys.readouterr().out)["beatmaps"]
    assert beatmap["audio"] == "song.wav" and not any("no song" in message for message in beatmap["messages"])


def test_without_a_song_it_says_how_to_give_one(monkeypatch, capsys):
    piped(monkeypatch, FAULTY.encode())
    main(CHECK)
    (beatmap,) = json.loads(capsys.readouterr().out)["beatmaps"]
    (message,) = [one for one in beatmap["messages"] if "no song" in one]
    assert "--audio FILE gives it" in message and "folder" not in message


@pytest.mark.parametrize(
    ("content", "arguments", "line"),
    [
        (b" \n", [], "-: nothing on stdin; pipe a .osu file into it"),
        (b"x", [], "stdin:1: not a beatmap: the first line must be 'osu file format v…'"),
        (b"PK\3\4", [], "-: an archive on stdin; give its path instead"),
        (b"x", ["other.osu"], "-: stdin is the only path, where it is one"),
        (b"x", ["--new-only"], "-: stdin cannot be divided, or compared with a later or earlier run (--new-only)"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(monkeypatch, capsys, content, arguments, line):
    piped(monkeypatch, content)
    assert main([*CHECK, *arguments]) == 2
    assert capsys.readouterr().err == f"maimod: {line}\n"
