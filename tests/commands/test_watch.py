"""After a save only the saved difficulty is linted again, and only what is new is printed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maimod.app import main
from maimod.commands.watch import _saved_part
from maimod.osu.discovery import find
from tests import maps
from tests.linter.test_api import LINES, songs

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(os.name == "nt", reason="ends it as Ctrl+C does elsewhere")
def test_a_saved_map_is_linted_again(tmp_path):
    songs(tmp_path / "Songs", 2)
    out = tmp_path / "out"
    with open(out, "w") as stream:
        process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "mai_mod.py"),
                "check",
                "Songs",
                "--no-model",
                "--watch",
                "--select",
                "rhythm",
                "--jobs",
                "1",
            ],
            cwd=tmp_path,
            stdout=stream,
            stderr=subprocess.STDOUT,
            # Shells let what they start in the background ignore Ctrl+C, and what that starts inherits it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def seen(text: str, times: int) -> bool:
        return out.read_text().count(text) >= times

    def wait(text: str, times: int) -> None:
        deadline = time.monotonic() + 60
        while not seen(text, times):
            assert time.monotonic() < deadline and process.poll() is None, out.read_text()
            time.sleep(0.05)

    try:
        wait("watching; Ctrl+C ends it", 1)
        before = len(out.read_text())
        path = tmp_path / "Songs" / "0 Artist - Title" / "Hard.osu"
        path.write_text(maps.text(LINES).replace("Version:Version", "Version:Hard").replace(",9000,1,0", ",9007,1,0"))
        wait("watching; Ctrl+C ends it", 2)
        text = out.read_text()[before:]
        assert "00:09:007" in text and "since watching began: 1 new, 2 resolved" in text
        assert "changed in [Hard]: 3 objects moved in time" in text
        assert (
            text.count("00:03:507") == 1 and "1 Artist - Title" not in text
        )  # as resolved; the other set was left alone
        (tmp_path / "Songs" / "0 Artist - Title" / "Hard.osu").write_text("broken while it is being written")
        wait("watching; Ctrl+C ends it", 3)
        assert "not a beatmap" in out.read_text()
        gone = tmp_path / "Songs" / "1 Artist - Title" / "Hard.osu"
        before = len(out.read_text())
        gone.unlink()
        wait("watching; Ctrl+C ends it", 4)  # what is left of the set was compared with it
        text = out.read_text()[before:]
        assert f"gone: {gone.relative_to(tmp_path)}" in text and "0 Artist - Title" not in text
        before = len(out.read_text())
        (tmp_path / "maimod.toml").write_text('level = "master"')
        wait("watching; Ctrl+C ends it", 5)
        assert "maimod.toml: level" in out.read_text()[before:]
        (tmp_path / "maimod.toml").write_text('[severity]\nrhythm = "off"')
        wait("watching; Ctrl+C ends it", 6)
        assert "No findings in 3 maps" in out.read_text()[before:]  # those of all sets below it
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
    assert code == 1  # of the last lint: one map cannot be read


def test_only_the_saved_difficulties_are_linted_again(tmp_path):
    folder = songs(tmp_path / "Songs", 1)
    (source,) = find([folder])
    names = [source.path / entry.inner for entry in source.entries]
    assert len(names) > 1

    def inner(*saved):
        part = _saved_part(source, set(saved))
        return part and [entry.inner for entry in part.entries]

    assert inner(names[0]) == [names[0].name] and inner(*names) == [name.name for name in names]
    assert inner(names[0], source.path / "audio.mp3") == inner(source.path / "bg.png") == [name.name for name in names]
    assert inner() is None and inner(tmp_path / "other.osu") is None
    below, deleted = (
        source.path / "below" / "Hard.osu",
        source.path / "deleted.osu",
    )  # a set of its own, and one of this
    assert inner(below) is None and _saved_part(source, {below}, {below}) is None
    assert _saved_part(source, {deleted, names[0]}, {deleted}) == source == _saved_part(source, {deleted}, {deleted})


@pytest.mark.parametrize("options", [["--format", "json"], ["--format", "console:x.txt", "--format", "json"]])
def test_watching_writes_to_the_console(tmp_path, monkeypatch, capsys, options):
    monkeypatch.chdir(songs(tmp_path, 1))
    assert main(["check", ".", "--watch", *options]) == 2
    assert "--watch writes to the console" in capsys.readouterr().err
