"""Hitsound files, and what else plays or shows files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maimod.rules import samples
from tests.mapset import EVENTS, FIRST_MS, Version, hitsound, picture, song, versions, write_media
from tests.sets import found, rules


@pytest.mark.parametrize("time", ["nan", "-1e400", "1e308", "x"])
def test_sounds_of_a_storyboard_at_no_time_are_left_out(tmp_path, time):
    given = versions()
    given["Hard"] = replace(given["Hard"], events=(*given["Hard"].events, f'Sample,{time},0,"kick.wav",70'))
    write_media(tmp_path)
    assert found(tmp_path, samples.CHECK, given) == []


@pytest.mark.parametrize(
    ("milliseconds", "delay", "level", "expected"),
    [
        (100, 0, 0.5, []),
        (100, 2, 0.5, [("mapset/hitsound-delay", "minor")]),
        (100, 6, 0.5, [("mapset/hitsound-delay", "problem")]),
        (20, 0, 0.5, [("mapset/hitsound-short", "problem")]),
        (100, 0, 0, [("mapset/hitsound-silent", "minor")]),
    ],
)
def test_hitsounds(tmp_path, milliseconds: float, delay: float, level: float, expected: list[tuple[str, str]]):
    write_media(tmp_path)
    hitsound(tmp_path / "soft-hitclap2.wav", milliseconds, delay, level)
    assert rules(found(tmp_path, samples.CHECK, versions())) == expected


def test_an_mp3_as_hitsound(tmp_path):
    write_media(tmp_path)
    song(tmp_path / "soft-hitclap2.wav", 0.5, level=0.05)
    findings = found(tmp_path, samples.CHECK, versions())
    assert rules(findings) == [("mapset/hitsound-format", "problem")] and "but mp3" in findings[0].message


def test_the_empty_wav_file_is_how_to_be_silent(tmp_path):
    write_media(tmp_path)
    hitsound(tmp_path / "soft-hitwhistle.wav", 0)
    assert (tmp_path / "soft-hitwhistle.wav").stat().st_size == 44
    assert found(tmp_path, samples.CHECK, versions()) == []


def test_hitsounds_that_no_hit_plays(tmp_path):
    write_media(tmp_path)
    for name in ("soft-hitnormal3.wav", "taiko-soft-hitclap2.wav", "drum-hitclap2.wav"):
        hitsound(tmp_path / name)
    (finding,) = found(tmp_path, samples.CHECK, versions())
    assert finding.rule == "mapset/unused-file" and "hitsounds that no hit plays" in finding.message
    assert finding.evidence["files"] == ["drum-hitclap2.wav", "soft-hitnormal3.wav"]


def test_a_hitsound_that_cannot_be_read(tmp_path):
    write_media(tmp_path)
    (tmp_path / "soft-hitclap2.wav").write_bytes(b"RIFF" + b"x" * 100)
    (finding,) = found(tmp_path, samples.CHECK, versions())
    assert rules([finding]) == [("mapset/hitsound-format", "warning")]


@pytest.mark.parametrize(("right", "severity"), [(0.5, None), (0.3, None), (0.2, "minor"), (0.0, "warning")])
def test_hitsounds_on_one_side(tmp_path, right: float, severity: str | None):
    import soundfile

    write_media(tmp_path)
    soundfile.write(tmp_path / "soft-hitclap2.wav", np.full((4410, 2), (0.5, right)), 44_100)
    assert rules(found(tmp_path, samples.CHECK, versions())) == (
        [("mapset/hitsound-balance", severity)] if severity else []
    )


def test_frequent_finishes(tmp_path):
    write_media(tmp_path)
    hitsound(tmp_path / "soft-hitfinish2.wav")

    def often(lines: list[str]) -> list[str]:
        return [line.replace(",8,0:0:2:0:", ",12,0:0:2:0:") for line in lines]

    given = versions()
    given["Normal"] = given["Normal"].with_objects(often)
    assert rules(found(tmp_path, samples.CHECK, given)) == [("mapset/hitsound-finish", "minor")]
    given["Normal"] = given["Normal"].with_objects(lambda lines: [*lines[:-20], *often(lines[-20:])])
    sparse = tmp_path / "sparse"
    sparse.mkdir()
    given["Normal"] = versions()["Normal"].with_objects(lambda lines: [*lines[:-20], *often(lines[-20:])])
    write_media(sparse)
    hitsound(sparse / "soft-hitfinish2.wav")
    assert found(sparse, samples.CHECK, given) == []


def test_pictures_of_the_storyboard(tmp_path):
    write_media(tmp_path)
    picture(tmp_path / "large.png", 5000, 3401)
    picture(tmp_path / "full.png", 5000, 3400)
    board = '[Events]\nSprite,Foreground,Centre,"large.png",320,240\nSprite,Overlay,Centre,"full.png",320,240\n'
    (tmp_path / "song.osb").write_text(board)
    findings = found(tmp_path, samples.CHECK, versions())
    assert rules(findings) == [("mapset/storyboard-file", "problem"), ("mapset/storyboard-file", "minor")]
    assert "large.png" in findings[0].message and "Overlay" in findings[1].message


def test_a_picture_is_missing_once_whichever_way_its_slash_leans(tmp_path):
    write_media(tmp_path)
    given = {
        name: replace(version, events=(*EVENTS, f'Sprite,Foreground,Centre,"{picture}",320,240'))
        for (name, version), picture in zip(versions().items(), ("sb/a.png", "sb\\a.png") * 2, strict=True)
    }
    messages = {finding.message for finding in found(tmp_path, samples.CHECK, given, "mapset/storyboard-file")}
    assert messages == {'The storyboard shows "sb/a.png", which the folder does not have.'}


def test_sounds_of_the_storyboard_of_the_set(tmp_path):
    write_media(tmp_path)
    hitsound(tmp_path / "drum.wav")
    (tmp_path / "song.osb").write_text('[Events]\nSample,1000,0,"drum.wav",70\n')
    assert rules(found(tmp_path, samples.CHECK, versions())) == [("mapset/storyboarded-hitsounds", "minor")]


def of_mania(*lines: str) -> dict[str, Version]:
    return {"Hard": Version("Hard", [f"64,192,{FIRST_MS},1,0,0:0:0:0:", *lines]).with_general(Mode="3")}


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("64,192,9000,1,0,0:0:0:0:", (), ["mapset/hitnormal-missing"]),
        ("64,192,9000,1,0,0:0:0:0:bell.wav", ("bell.wav",), []),  # keysounds
        ("64,192,9000,1,0,0:0:0:0:", ("soft-hitnormal.wav",), []),
        ("64,192,9000,1,8,0:0:3:0:", ("soft-hitnormal3.wav",), ["mapset/sample-missing"]),  # no soft-hitclap3
        ("64,192,9000,1,8,0:0:3:0:", ("soft-hitnormal3.wav", "soft-hitclap3.wav"), []),
        ("64,192,9000,1,8,0:0:1:0:", ("soft-hitnormal.wav",), []),  # the player's clap is meant
    ],
)
def test_samples_of_mania(tmp_path, line: str, files: tuple[str, ...], expected: list[str]):
    for name in files:
        hitsound(tmp_path / name)
    picture(tmp_path / "bg.png")
    kinds = ("mapset/hitnormal-missing", "mapset/sample-missing")
    findings = [one for one in found(tmp_path, samples.CHECK, of_mania(line)) if one.rule in kinds]
    assert rules(findings) == [(rule, "minor") for rule in expected]


def test_named_samples_and_storyboards(tmp_path):
    write_media(tmp_path)
    given = versions()
    given["Hard"] = given["Hard"].with_objects(
        lambda lines: [lines[0].replace("0:0:0:0:", "0:0:0:0:kick.wav"), *lines[1:]]
    )
    board = (
        '[Events]\nAnimation,Foreground,Centre,"sb/a.png",320,240,2,100\nSprite,Foreground,Centre,"sb/b.png",320,240\n'
    )
    (tmp_path / "song.osb").write_text(board)
    (tmp_path / "sb").mkdir()
    for name in ("a0.png", "b.png", "c.png"):
        (tmp_path / "sb" / name).write_bytes(b"x")
    findings = found(tmp_path, samples.CHECK, given)
    assert [(finding.rule, finding.actual) for finding in findings] == [
        ("mapset/sample-missing", "kick.wav"),
        ("mapset/storyboard-file", "sb/a1.png"),
        ("mapset/unused-file", "sb/c.png"),
    ]
    (tmp_path / "kick.wav").write_bytes(b"RIFF")
    (tmp_path / "sb" / "a1.png").write_bytes(b"x")
    assert [finding.actual for finding in found(tmp_path, samples.CHECK)] == ["sb/c.png"]


def test_elements_of_a_skin_and_what_git_needs_are_no_left_overs(tmp_path):
    write_media(tmp_path)
    for name in (
        "hitcircle.png",
        "cursor@2x.png",
        "skin.ini",
        "combobreak.wav",
        ".gitignore",
        "maimod.toml",
        "README.md",
    ):
        (tmp_path / name).write_bytes(b"x" * 50)
    assert found(tmp_path, samples.CHECK, versions()) == []
