"""Probing media files by their content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from maimod.audio import container, decode, probe
from maimod.errors import AudioError
from tests.songs import CLICKS_MS, clicks, mp3

JPEG = (
    b"\xff\xd8"
    + b"\xff\xe1"  # metadata before the size
    + (502).to_bytes(2, "big")
    + b"\0" * 500
    + b"\xff\xc0"
    + b"\x00\x11\x08"
    + (720).to_bytes(2, "big")
    + (1280).to_bytes(2, "big")
    + b"\0" * 20
)
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (JPEG, (1280, 720, "jpg")),
        (PNG, (640, 480, "png")),
        (JPEG[:300], None),
        (PNG[:20], None),
        (b"GIF89a" + b"\0" * 40, None),
        (b"", None),
    ],
)
def test_a_picture_is_measured_by_its_header(
    tmp_path: Path, content: bytes, found: tuple[int, int, str] | None
) -> None:
    (tmp_path / "picture").write_bytes(content)
    assert probe.picture_size(tmp_path / "picture") == found


@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("mp3", "mp3float"), ("ogg", "vorbis")])
def test_a_song_is_described_whatever_its_name(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, clicks(CLICKS_MS, 4.0, 44_100), 44_100)
    path.rename(tmp_path / "song.bin")
    found = probe.probe(tmp_path / "song.bin")
    assert found is not None and found.audio_codec == codec and found.video_codec is None
    assert found.sample_rate == 44_100 and found.duration == pytest.approx(4000, abs=60)
    size = (tmp_path / "song.bin").stat().st_size
    assert found.bit_rate == pytest.approx(size * 8 / 4000, rel=0.12)
    assert probe.probe(tmp_path / "song.bin", rate=False).bit_rate is None  # type: ignore[union-attr]


def test_what_is_no_media_is_none(tmp_path: Path) -> None:
    (tmp_path / "song.mp3").write_bytes(b"osu file format v14\n" * 40)
    assert probe.probe(tmp_path / "song.mp3") is None
    assert probe.measure_sample(tmp_path / "song.mp3") is None


def test_the_delay_of_a_sample_is_the_silence_before_it(tmp_path: Path) -> None:
    sound = np.zeros(4410, dtype=np.float32)
    sound[441:] = 0.5
    sound[:441] = 0.5 * probe.AUDIBLE / 2  # below what can be heard
    soundfile.write(tmp_path / "soft-hitclap.wav", sound, 44_100, subtype="FLOAT")
    found = probe.measure_sample(tmp_path / "soft-hitclap.wav")
    assert found is not None
    assert (found.container, found.duration, found.peak, found.delay) == ("WAV", 100.0, 0.5, 10.0)
    soundfile.write(tmp_path / "silent.wav", np.zeros(441), 44_100)
    silent = probe.measure_sample(tmp_path / "silent.wav")
    assert silent is not None and (silent.peak, silent.delay) == (0.0, 0.0)


def test_the_length_is_that_of_the_packets(tmp_path: Path) -> None:
    samples = clicks(CLICKS_MS, 10.0, 44_100)
    samples[2 * 44_100 :] *= 1e-4
    found = probe.probe(mp3(tmp_path / "song.mp3", samples, average=True, header=False))
    assert found is not None and found.duration == pytest.approx(10_000, abs=60)
    soundfile.write(tmp_path / "song.ogg", samples, 44_100)
    (tmp_path / "song.ogg").write_bytes(2 * (tmp_path / "song.ogg").read_bytes())
    found = probe.probe(tmp_path / "song.ogg")
    assert found is not None and found.duration == pytest.approx(20_000, abs=60)


def test_a_codec_that_nobody_knows(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "song.mkv"), "w") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(clicks(CLICKS_MS, 1.0, 48_000)[None], format="flt", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = (tmp_path / "song.mkv").read_bytes()
    assert data.count(b"A_OPUS") == 1
    (tmp_path / "song.mkv").write_bytes(data.replace(b"A_OPUS", b"A_NONE"))
    found = probe.probe(tmp_path / "song.mkv")
    assert found is None or found.audio_codec is None
    with pytest.raises(AudioError):
        decode.load(tmp_path / "song.mkv")


def test_packets_of_a_file_are_counted_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    measured = container._measured
    monkeypatch.setattr(container, "_measured", lambda part: counted.append(part) or measured(part))
    path = tmp_path / "song.wav"
    for seconds in (2, 3):
        soundfile.write(path, np.zeros(seconds * 8000), 8000)
        found = probe.probe(path)
        assert found is not None and found.duration == pytest.approx(1000 * seconds)
        assert decode.load(path).duration == pytest.approx(1000 * seconds)
    assert len(counted) == 2


def test_a_sample_begins_where_it_can_be_heard(tmp_path: Path) -> None:
    samples = np.zeros((4000, 2))
    samples[400:], samples[800:] = 0.004, 0.8  # from 50 ms on 0.005 of the peak, which is not yet audible
    samples[600:800] = 0.008
    samples[:, 1] /= 2
    soundfile.write(tmp_path / "hit.wav", samples, 8000, subtype="FLOAT")
    found = probe.measure_sample(tmp_path / "hit.wav")
    assert found is not None and found.delay == pytest.approx(75.0)
    assert (found.duration, found.peak, found.balance) == pytest.approx((500.0, 0.8, 0.5))
