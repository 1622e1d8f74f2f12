"""Skin elements of a set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maimod.rules.mapset import skins
from tests.mapset import picture, versions, write_media
from tests.sets import found, rules


def test_skins(tmp_path):
    write_media(tmp_path)
    assert found(tmp_path, skins.CHECK, versions()) == []
    for name in ("cursor.png", "spinner-circle.png", "spinner-glow.png", "hitcircle@2x.png"):
        picture(tmp_path / name, 8, 8)
    findings = found(tmp_path, skins.CHECK)
    subjects = [finding.evidence["subject"] for finding in findings]
    assert subjects == ["cursor", "hit circle", "spinner", "new spinner", "spinners", "SliderBorder"]
    assert {finding.severity for finding in findings} == {"warning"}
    forced = tmp_path / "forced"
    forced.mkdir()
    given = {name: version.with_general(SkinPreference="Default") for name, version in versions().items()}
    picture(forced / "cursor.png", 8, 8)
    assert found(forced, skins.CHECK, given) == []


def test_formats_of_skin_elements(tmp_path):
    for name in ("cursor.jpg", "cursortrail.jpg", "cursortrail.png", "menu-background.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (finding,) = found(tmp_path, skins.CHECK, versions(), "mapset/skin-format")
    assert (finding.severity, finding.evidence["elements"]) == ("warning", ["cursor"])


@pytest.mark.parametrize(("mode", "count"), [("1", 1), ("2", 0), ("0", 0)])
def test_skin_elements_of_a_mode_that_the_set_does_not_have(tmp_path, mode: str, count: int):
    picture(tmp_path / "fruit-apple.png", 128, 128)
    given = {name: version.with_general(Mode=mode) for name, version in versions().items()}
    assert rules(found(tmp_path, skins.CHECK, given, "mapset/skin-unused")) == [("mapset/skin-unused", "minor")] * count


def test_hit_bursts_of_mania(tmp_path):
    (tmp_path / "mania-hit300-0.png").write_bytes(b"x")
    given = {"Hard": versions()["Hard"].with_general(Mode="3")}
    (finding,) = found(tmp_path, skins.CHECK, given, "mapset/skin-set")
    assert "mania-hit0, mania-hit50, mania-hit100, mania-hit200" in finding.message


def test_a_whole_set_of_skin_elements(tmp_path):
    for name in ("cursor.png", "cursortrail.png", "cursormiddle.png", "sliderb0.png", "sliderb1.png"):
        picture(tmp_path / name, 8, 8)
    for name in ("sliderfollowcircle-0.png", "sliderscorepoint.png"):
        picture(tmp_path / name, 8, 8)
    assert [finding.evidence["subject"] for finding in found(tmp_path, skins.CHECK, versions())] == ["SliderBorder"]


def test_skins_of_catch(tmp_path):
    for name, size in (("fruit-drop.png", (82, 103)), ("fruit-pear@2x.png", (256, 256)), ("fruit-apple.png", (64, 64))):
        picture(tmp_path / name, *size)
    picture(tmp_path / "fruit-catcher-idle-0.png", 300, 300)
    given = {"Cup": replace(versions()["Normal"], name="Cup").with_general(Mode="2")}
    findings = found(tmp_path, skins.CHECK, given)
    assert [finding.evidence["subject"] for finding in findings] == ["fruits", "catcher", "fruit-apple.png"]
    assert "fruit-catcher-fail" in findings[1].message and "skin.ini" in findings[1].message
