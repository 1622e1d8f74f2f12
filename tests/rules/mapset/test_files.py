"""Songs, backgrounds and videos of a set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from maimod.audio import probe
from maimod.rules.mapset import files
from tests.mapset import BEAT_MS, EVENTS, FIRST_MS, SONG_SECONDS, picture, song, versions, video, write_media
from tests.sets import changed, found, rules


def test_a_song_of_another_format(tmp_path):
    import soundfile

    write_media(tmp_path)
    soundfile.write(tmp_path / "audio.mp3", np.zeros(int(SONG_SECONDS + 1) * 22_050), 22_050, format="WAV")
    findings = found(tmp_path, files.CHECK, versions())
    assert [finding.rule for finding in findings] == [
        "mapset/audio-format",
        "mapset/audio-bitrate",
        "mapset/audio-bitrate",
    ]
    assert findings[0].message == '"audio.mp3" is neither an mp3 nor an Ogg Vorbis file, but wav.'


@pytest.mark.parametrize(("rate", "count"), [(44_100, 0), (48_000, 0), (48_001, 1), (96_000, 1)])
def test_sample_rates_up_to_48_khz(tmp_path, monkeypatch, rate: int, count: int):
    write_media(tmp_path)
    probed = files.probe.probe
    monkeypatch.setattr(
        files.probe, "probe", lambda path, *given: structs.replace(probed(path, *given), sample_rate=rate)
    )
    findings = found(tmp_path, files.CHECK, versions(), "mapset/audio-bitrate")
    assert [finding.severity for finding in findings] == ["problem"] * count


@pytest.mark.parametrize(
    ("kilobits", "highest", "count"), [(160, 11.0, 1), (160, 15.3, 1), (160, 100.0, 0), (160, 17.3, 0), (96, 8.0, 0)]
)
def test_a_song_that_was_encoded_at_a_lower_rate(tmp_path, kilobits: int, highest: float, count: int):
    write_media(tmp_path)
    song(tmp_path / "audio.mp3", 8, kilobits=kilobits, level=0.1, highest_khz=highest, again_after=8)
    findings = found(tmp_path, files.CHECK, versions(), "mapset/audio-encoded-up")
    assert [finding.severity for finding in findings] == ["warning"] * count


def test_a_song_that_goes_on_for_long(tmp_path):
    write_media(tmp_path)
    song(tmp_path / "audio.mp3", seconds=10, kilobits=128)
    short = {
        name: version.with_objects(lambda lines: lines[:5]) for name, version in versions().items()
    }  # the longest ends at 5.2 s
    assert rules(found(tmp_path, files.CHECK, short)) == [("mapset/audio-unused", "warning")]


def test_a_song_that_ends_before_the_map(tmp_path):
    write_media(tmp_path)
    song(tmp_path / "audio.mp3", seconds=100)
    short = versions()
    short["Hard"] = short["Hard"].with_objects(lambda lines: lines[:5])
    findings = found(tmp_path, files.CHECK, short)
    assert rules(findings) == [("mapset/objects-after-song", "problem")] * 3
    media = probe.probe(tmp_path / "audio.mp3")
    assert media is not None and media.duration is not None and 0 < findings[0].time - media.duration <= 2 * BEAT_MS
    assert f"is {media.duration / 1000:.1f} s long" in findings[0].message


@pytest.mark.parametrize(("late", "expected"), [(900, []), (1_100, [("mapset/objects-after-song", "minor")])])
def test_a_spinner_held_while_the_song_ends(tmp_path, late: int, expected: list[tuple[str, str]]):
    write_media(tmp_path)
    media = probe.probe(tmp_path / "audio.mp3")
    assert media is not None and media.duration is not None
    spinner = f"256,192,{FIRST_MS},12,0,{round(media.duration) + late},0:0:0:0:"
    hard = versions()["Hard"].with_objects(lambda _: [spinner])
    assert rules(found(tmp_path, files.CHECK, {"Hard": hard})) == expected


@pytest.mark.parametrize(("rate", "expected"), [(44_100, 0), (48_000, 0), (96_000, 1), (22_050, 1)])
def test_the_sample_rate_of_the_song(tmp_path, rate: int, expected: int):
    import soundfile

    write_media(tmp_path)
    soundfile.write(tmp_path / "audio.ogg", np.random.default_rng(0).normal(0, 0.1, 5 * rate), rate, format="OGG")
    (tmp_path / "audio.ogg").write_bytes((tmp_path / "audio.ogg").read_bytes() * (int(SONG_SECONDS / 5) + 1))
    ogg = {name: version.with_general(AudioFilename="audio.ogg") for name, version in versions().items()}
    (tmp_path / "audio.mp3").unlink()
    named = [
        f.message
        for f in found(tmp_path, files.CHECK, ogg)
        if f"{rate / 1000:g} kHz" in f.message or f"{rate} samples" in f.message
    ]
    assert len(named) == expected


@pytest.mark.parametrize(
    ("size", "severity"),
    [((2560, 1440), None), ((2561, 100), "problem"), ((100, 100), "problem"), ((800, 600), "warning")],
)
def test_sizes_of_backgrounds(tmp_path, size: tuple[int, int], severity: str | None):
    write_media(tmp_path)
    picture(tmp_path / "bg.png", *size)
    assert [f.severity for f in found(tmp_path, files.CHECK, versions())] == ([] if severity is None else [severity])


def test_a_background_outside_the_folder_is_not_looked_at(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    write_media(folder)
    picture(tmp_path / "bg.png")
    given = changed(Hard={"events": ('0,0,"..\\bg.png",0,0',)})
    (finding,) = found(folder, files.CHECK, given)
    assert finding.message == 'The background "..\\bg.png" leads out of the folder.'


def test_videos(tmp_path):
    import av

    if "libx264" not in av.codecs_available:
        pytest.skip("no H.264 encoder")
    write_media(tmp_path)
    given = {name: replace(version, events=(*EVENTS, 'Video,0,"v.mp4"')) for name, version in versions().items()}
    video(tmp_path / "v.mp4")
    assert found(tmp_path, files.CHECK, given) == []
    video(tmp_path / "v.mp4", 1920, 1080, codec="mpeg4", with_sound=True)
    assert [finding.actual for finding in found(tmp_path, files.CHECK)] == ["1920 x 1080", "aac", "mpeg4"]
    (tmp_path / "v.mp4").write_bytes(b"nothing of the kind")
    assert rules(found(tmp_path, files.CHECK)) == [("mapset/video", "warning")]
