"""Bad input gives one clear line and the right exit code, never a traceback, and the other maps are still linted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from maimod.app import main
from tests import maps

MAP = maps.text(
    [f"{100 + i % 200},{100 + i % 100},{1000 + 250 * i},1,0" for i in range(60)], general={"AudioFilename": "song.wav"}
)
MODEL = "--no-model"  # what the model does with odd maps: test_scoring.py


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A mapset folder with a song of 18 s of clicks."""
    samples = np.zeros(18 * 16_000, dtype=np.float32)
    samples[16_000::4_000] = 0.9
    soundfile.write(tmp_path / "song.wav", samples, 16_000)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["check", MODEL, *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, out, _ = run(capsys, *arguments, "--format", "json", "--fail-on", "never")
    assert code == 0
    return json.loads(out)


BROKEN: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)) * 40,
    "an mp3": b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE\x00\x00\x00" + b"\xff\xfb\x90\x00" * 400,
    "truncated": MAP.encode()[: MAP.index("[TimingPoints]") + 40],
    "no objects": maps.text([]).encode(),
    "no timing points": maps.text(timing_points=[]).encode(),
    "NaN beat": maps.text(timing_points=["0,NaN,4,2,0,70,1,0"]).encode(),
    "infinite beat": maps.text(timing_points=["0,Infinity,4,2,0,70,1,0"]).encode(),
    "a flood": maps.text(["0,0,1,1,0"] * 300_000).encode(),
    "beyond ten hours": maps.text(["0,0,36000500,1,0"]).encode(),
    "far away": maps.text(["1000000000,0,1000,1,0"]).encode(),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_map_alone_is_one_line_and_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = folder / f"{name}.osu"
    path.write_bytes(BROKEN[name])
    code, out, err = run(capsys, str(path))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("maimod: ") and path.name in err


def test_a_map_cut_inside_its_last_object_is_checked_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "map.osu").write_bytes(MAP.rstrip().encode()[:-8])
    (beatmap,) = report(capsys, str(folder / "map.osu"))["beatmaps"]
    assert beatmap["objects"] == 59 and any("cut off" in message for message in beatmap["messages"])


def test_broken_maps_among_others_are_errors_with_a_reason(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in BROKEN.items():
        (folder / f"{name}.osu").write_bytes(content)
    (folder / "good.osu").write_text(MAP)
    beatmaps = {b["path"]: b for b in report(capsys, str(folder))["beatmaps"]}
    assert beatmaps.pop("good.osu")["status"] == "ok"
    assert len(beatmaps) == len(BROKEN)
    for beatmap in beatmaps.values():
        assert beatmap["status"] == "error" and len(beatmap["messages"]) == 1 and "\n" not in beatmap["messages"][0]


@pytest.mark.parametrize(
    ("text", "line"),
    [(MAP.rstrip()[:-8], "line 86"), (MAP.replace("0,500,4,2,0,70,1,0", "0,0,4,2,0,70,1,0"), "line 24")],
    ids=["cut inside the last object", "zero beat"],
)
def test_what_the_game_forgives_is_linted_and_named(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, line: str
) -> None:
    assert text != MAP
    (folder / "map.osu").write_text(text)
    (beatmap,) = report(capsys, str(folder / "map.osu"))["beatmaps"]
    assert beatmap["status"] == "partial" and any(line in message for message in beatmap["messages"])


@pytest.mark.parametrize("make", ["missing.osu", "nothing here", "set.osz"])
def test_paths_that_lead_nowhere(tmp_path: Path, capsys: pytest.CaptureFixture[str], make: str) -> None:
    (tmp_path / "nothing here").mkdir()
    (tmp_path / "set.osz").write_bytes(b"PK")
    code, out, err = run(capsys, str(tmp_path / make))
    assert (code, out, err.count("\n")) == (2, "", 1) and make in err


def test_a_folder_that_may_not_be_searched_costs_no_other(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("locked", "open"):
        (folder / name).mkdir()
        (folder / name / "map.osu").write_text(MAP)

    def refused(call: Any, below: Path | None = None) -> Any:  # whoever tests as root may read everything
        def answer(path: Any, *arguments: Any, **options: Any) -> Any:
            if not isinstance(path, int) and folder / "locked" in (Path(path), *Path(path).parents)[below is None :]:
                raise PermissionError(13, "Permission denied", str(path))
            return call(path, *arguments, **options)

        return answer

    for name in ("stat", "lstat", "open"):
        monkeypatch.setattr(os, name, refused(getattr(os, name)))
    monkeypatch.setattr(os, "scandir", refused(os.scandir, folder))
    for given in ("locked", "locked/map.osu"):
        code, out, err = run(capsys, str(folder / given))
        assert (code, out, err.count("\n")) == (2, "", 1) and "Permission denied" in err and "a bug" not in err
    code, out, err = run(capsys, str(folder), "--format", "concise")
    assert "locked: cannot be listed (Permission denied)" in out and "open/map.osu" in out and not err


def test_the_stars_of_a_map_whose_lines_end_at_cr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stars = []
    for end in (b"\n", b"\r"):
        (folder / "map.osu").write_bytes(MAP.encode().replace(b"\n", end))
        stars.append(report(capsys, str(folder / "map.osu"))["beatmaps"][0]["stars"])
    assert stars[0] == stars[1] > 0.5


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "is not in the folder"), (b"", "empty"), (b"this is no song" * 100, "song.wav"), (bytes(5000), "song.wav")],
)
def test_without_a_usable_song_the_rest_is_checked(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    (folder / "song.wav").unlink()
    if content is not None:
        (folder / "song.wav").write_bytes(content)
    (folder / "map.osu").write_text(MAP.replace(",1500,1,0", ",1507,1,0"))
    (beatmap,) = report(capsys, str(folder / "map.osu"))["beatmaps"]
    assert beatmap["status"] == "partial" and beatmap["audio"] is None
    (message,) = beatmap["messages"]
    assert reason in message and message.startswith("no song (") and ".)" not in message
    rules = {f["rule"] for f in beatmap["findings"]}
    assert "rhythm/unsnapped" in rules
    # One finding for one cause: a file of no bytes is of no format either.
    assert len(rules & {"mapset/audio-missing", "mapset/audio-format", "mapset/empty-file"}) == 1


def test_a_song_cut_in_the_middle(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = (folder / "song.wav").read_bytes()
    (folder / "song.wav").write_bytes(content[: len(content) // 2])
    (folder / "map.osu").write_text(MAP)
    (beatmap,) = report(capsys, str(folder / "map.osu"))["beatmaps"]
    assert (beatmap["status"], beatmap["audio"]) == ("partial", "song.wav") and "breaks off after 9.0 s" in beatmap[
        "messages"
    ][0]


@pytest.mark.slow
def test_a_song_of_twenty_minutes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = np.zeros(20 * 60 * 8_000, dtype=np.int16)
    samples[8_000::2_000] = 20_000
    soundfile.write(folder / "song.wav", samples, 8_000)
    (folder / "map.osu").write_text(MAP)
    assert report(capsys, str(folder / "map.osu"))["beatmaps"][0]["status"] == "ok"


@pytest.mark.parametrize(
    "name", ["[Insane].osu", 'it\'s "quoted".osu', "ピアノ – 協奏曲.osu", "a=b.osu", "-dash.osu", "50% & co.osu"]
)
def test_odd_file_names(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (folder / name).write_text(MAP)
    assert report(capsys, str(folder / name))["beatmaps"][0]["path"].endswith(name)
    code, out, _ = run(capsys, str(folder / name), "--fail-on", "never")
    assert code == 0 and out


def test_bytes_of_another_encoding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "map.osu").write_bytes(MAP.encode().replace(b"Title:Title", b"Title:\xcc\xe3\xb8\xe8"))
    (beatmap,) = report(capsys, str(folder / "map.osu"))["beatmaps"]
    assert beatmap["status"] == "partial" and "not UTF-8" in beatmap["messages"][0]


def test_the_same_input_gives_the_same_bytes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "map.osu").write_text(MAP)
    first, second = (run(capsys, str(folder), "--format", "json")[1] for _ in range(2))
    assert first == second


def test_less_memory_than_maimod_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "map.osu").write_text(MAP)
    code, out, err = run(capsys, str(folder / "map.osu"), "--memory", "5")
    assert (code, out) == (2, "") and err.startswith("maimod: --memory 5: ") and err.count("\n") == 1


def test_a_cache_that_cannot_be_written_is_said_in_one_line(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.osu").write_text(MAP)
    place = tmp_path_factory.mktemp("elsewhere") / "file"
    place.touch()
    code, out, err = run(capsys, str(folder), "--cache-dir", str(place))
    assert code in (0, 1) and "Version" in out
    assert err == (
        f"maimod: the cache: {place} is not a folder, so the next run begins anew; --cache-dir names another folder\n"
    )
    assert run(capsys, str(folder), "--cache-dir", str(place), "--quiet")[2] == ""
    assert "the cache" not in run(capsys, str(folder), "--no-cache")[2]
