"""Hitsound samples."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.rules.mapset import samples
from tests.mapset import FIRST_MS, Version, hitsound, picture, song, versions, write_media
from tests.sets import found, rules


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
