"""Fields that the difficulties of a set should share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maimod.rules.mapset import consistency, shared_timing
from tests.mapset import EVENTS, versions, write, write_media
from tests.sets import changed, found, rules


def test_a_single_difficulty_agrees_with_itself(tmp_path):
    only = {"Normal": versions()["Normal"]}
    assert found(tmp_path, consistency.CHECK, only) == [] == found(tmp_path, shared_timing.CHECK)


def test_the_order_of_tags_and_missing_unicode_fields_do_not_matter(tmp_path):
    given = versions()
    given["Hard"] = given["Hard"].with_metadata(Tags="song pop English", TitleUnicode="", ArtistUnicode="")
    assert found(tmp_path, consistency.CHECK, given) == []


def test_a_new_difficulty_has_no_id_yet(tmp_path):
    given = versions()
    given["Hard"] = given["Hard"].with_metadata(BeatmapSetID="-1")
    assert rules(found(tmp_path, consistency.CHECK, given)) == [("mapset/ids", "minor")]


@pytest.mark.parametrize("text", ["--1", "²", "1e400", "9" * 5_000, "", "\u0661"])
def test_ids_that_are_no_numbers_are_none(tmp_path, text):
    given = {name: version.with_metadata(BeatmapSetID=text, BeatmapID=text) for name, version in versions().items()}
    write_media(tmp_path)
    assert found(tmp_path, consistency.CHECK, given) == []


def test_a_set_of_one_difficulty_has_no_preview_yet(tmp_path):
    only = {"Hard": versions()["Hard"].with_general(PreviewTime="-1")}
    (finding,) = found(tmp_path, consistency.CHECK, only)
    assert finding.message == "There is no preview point yet."


@pytest.mark.parametrize("text", ["nan", "inf", "-1e400", "1e308", "x"])
def test_previews_at_no_time_are_none(tmp_path, text):
    given = {name: version.with_general(PreviewTime=text) for name, version in versions().items()}
    write_media(tmp_path)
    assert [(one.rule, one.actual) for one in found(tmp_path, consistency.CHECK, given)] == [("mapset/preview", "none")]


def test_another_preview_is_named_by_its_time(tmp_path):
    given = versions()
    given["Hard"] = given["Hard"].with_general(PreviewTime="87894")
    (finding,) = found(tmp_path, consistency.CHECK, given, "mapset/preview")
    assert finding.message.startswith("The preview point is at 01:27:894 here and at 00:21:200 in")
    given["Hard"] = given["Hard"].with_general(PreviewTime="21200.0")
    assert found(tmp_path, consistency.CHECK, given, "mapset/preview") == []


def test_two_difficulties_with_one_id_or_name(tmp_path):
    given = versions()
    given["Hard"], given["Normal"] = (
        given["Hard"].with_metadata(BeatmapID="7"),
        given["Normal"].with_metadata(BeatmapID="7"),
    )
    assert [f.evidence["subject"] for f in found(tmp_path, consistency.CHECK, given)] == ["BeatmapID"]
    write(tmp_path, versions())
    (tmp_path / "copy.osu").write_text(versions()["Hard"].text())
    (finding,) = found(tmp_path, consistency.CHECK, only="mapset/ids")
    assert "only one of them can be submitted" in finding.message


def test_letterbox_matters_where_there_are_breaks_only(tmp_path):
    given = versions()
    given["Hard"] = given["Hard"].with_general(LetterboxInBreaks="1")
    assert found(tmp_path, consistency.CHECK, given) == []


def test_video_at_two_times(tmp_path):
    given = changed(
        **{
            name: {"events": (*EVENTS, f'Video,{start},"v.mp4"')}
            for name, start in (("Normal", 0), ("Hard", 0), ("Insane", 0), ("Expert", 40))
        }
    )
    assert rules(found(tmp_path, consistency.CHECK, given)) == [("mapset/videos-differ", "problem")]


@pytest.mark.parametrize(("other", "count"), [('Video,0,"b.mp4"', 1), ('Video,0,"v.mp4"', 0), ("", 0)])
def test_videos_of_two_modes(tmp_path, other: str, count: int):
    given = changed(**{name: {"events": (*EVENTS, 'Video,0,"v.mp4"')} for name in ("Normal", "Hard", "Insane")})
    given["Expert"] = replace(given["Expert"], events=(*EVENTS, other)).with_general(Mode="2")
    assert (
        rules(found(tmp_path, consistency.CHECK, given, "mapset/videos"))
        == [("mapset/videos-differ", "warning")] * count
    )


def test_one_difficulty_with_another_tick_rate(tmp_path):
    given = versions()
    given["Hard"] = replace(given["Hard"], difficulty={**given["Hard"].difficulty, "slider_tick_rate": 2})
    (finding,) = found(tmp_path, consistency.CHECK, given)
    assert rules([finding]) == [("mapset/tick-rates-differ", "minor")]
    assert finding.actual == "2" and finding.expected[0].text == "1"


@pytest.mark.parametrize(("name", "rate", "count"), [("Normal", 0.5, 0), ("Normal", 2, 1), ("Hard", 0.5, 1)])
def test_the_easiest_may_have_fewer_ticks(tmp_path, name: str, rate: float, count: int):
    given = versions()
    given[name] = replace(given[name], difficulty={**given[name].difficulty, "slider_tick_rate": rate})
    assert len(found(tmp_path, consistency.CHECK, given, "mapset/tick-rates-differ")) == count


def test_storyboards_of_single_difficulties(tmp_path):
    given = changed(Hard={"events": (*EVENTS, 'Sprite,Foreground,Centre,"bg.png",320,240')})
    (finding,) = found(tmp_path, consistency.CHECK, given)
    assert rules([finding]) == [("mapset/settings-differ", "minor")] and finding.evidence["subject"] == "storyboard"


def test_difficulties_without_a_name(tmp_path):
    given = {name: version for name, version in versions().items() if name in ("Normal", "Hard")}
    for name, version in given.items():
        (tmp_path / f"{name}.osu").write_text(version.text().replace(f"Version:{name}\n", ""))
    assert [finding.actual for finding in found(tmp_path, consistency.CHECK, only="mapset/ids")] == [""]


def test_another_song_is_named_as_it_is_written(tmp_path):
    given = {name: version.with_general(AudioFilename="Audio.mp3") for name, version in versions().items()}
    given["Hard"] = given["Hard"].with_general(AudioFilename="Other.mp3")
    (finding,) = found(tmp_path, consistency.CHECK, given, "mapset/audio-differs")
    assert '"Other.mp3" here and "Audio.mp3" in' in finding.message and finding.actual == "Other.mp3"
    given["Hard"] = given["Hard"].with_general(AudioFilename="audio.MP3")
    assert found(tmp_path, consistency.CHECK, given, "mapset/audio-differs") == []
