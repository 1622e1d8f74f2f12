"""Pictures and sounds of storyboards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maimod.rules.mapset import storyboards
from tests.mapset import EVENTS, hitsound, picture, versions, write_media
from tests.sets import found, rules


@pytest.mark.parametrize("time", ["nan", "-1e400", "1e308", "x"])
def test_sounds_of_a_storyboard_at_no_time_are_left_out(tmp_path, time):
    given = versions()
    given["Hard"] = replace(given["Hard"], events=(*given["Hard"].events, f'Sample,{time},0,"kick.wav",70'))
    write_media(tmp_path)
    assert found(tmp_path, storyboards.CHECK, given) == []


def test_pictures_of_the_storyboard(tmp_path):
    write_media(tmp_path)
    picture(tmp_path / "large.png", 5000, 3401)
    picture(tmp_path / "full.png", 5000, 3400)
    board = '[Events]\nSprite,Foreground,Centre,"large.png",320,240\nSprite,Overlay,Centre,"full.png",320,240\n'
    (tmp_path / "song.osb").write_text(board)
    findings = found(tmp_path, storyboards.CHECK, versions())
    assert rules(findings) == [("mapset/storyboard-file", "problem"), ("mapset/storyboard-file", "minor")]
    assert "large.png" in findings[0].message and "Overlay" in findings[1].message


def test_a_picture_is_missing_once_whichever_way_its_slash_leans(tmp_path):
    write_media(tmp_path)
    given = {
        name: replace(version, events=(*EVENTS, f'Sprite,Foreground,Centre,"{picture}",320,240'))
        for (name, version), picture in zip(versions().items(), ("sb/a.png", "sb\\a.png") * 2, strict=True)
    }
    messages = {finding.message for finding in found(tmp_path, storyboards.CHECK, given, "mapset/storyboard-file")}
    assert messages == {'The storyboard shows "sb/a.png", which the folder does not have.'}


def test_sounds_of_the_storyboard_of_the_set(tmp_path):
    write_media(tmp_path)
    hitsound(tmp_path / "drum.wav")
    (tmp_path / "song.osb").write_text('[Events]\nSample,1000,0,"drum.wav",70\n')
    assert rules(found(tmp_path, storyboards.CHECK, versions())) == [("mapset/storyboarded-hitsounds", "minor")]
