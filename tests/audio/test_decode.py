"""Decoding of good, damaged and hostile files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from maimod.audio import decode
from maimod.errors import AudioError
from tests.songs import CLICKS_MS, clicks

SECONDS = 4.0

OPUS = {"format": "OGG", "subtype": "OPUS"}
FORMATS = [("wav", 44_100, {}), ("flac", 44_100, {}), ("ogg", 44_100, {}), ("mp3", 44_100, {}),
           ("opus", 48_000, OPUS)]  # fmt: skip


def write(path: Path, sample_rate: int = 44_100, **options: str) -> Path:
    mono = clicks(CLICKS_MS, SECONDS, sample_rate)
    soundfile.write(path, np.stack((mono, mono), axis=1), sample_rate, **options)
    return path


def lag_samples(first: np.ndarray, second: np.ndarray) -> int:
    n = min(len(first), len(second))
    product = np.fft.rfft(first[:n]) * np.conj(np.fft.rfft(second[:n]))
    lag = int(np.fft.irfft(product, n).argmax())
    return lag - n if lag > n // 2 else lag


@pytest.mark.parametrize(("suffix", "rate", "options"), FORMATS)
def test_formats_agree_in_length_and_timing(tmp_path: Path, suffix: str, rate: int, options: dict[str, str]) -> None:
    song = decode.load(write(tmp_path / f"song.{suffix}", rate, **options))
    assert song.sample_rate == decode.SAMPLE_RATE
    assert song.samples.dtype == np.float32
    assert song.messages == ()
    assert song.duration == pytest.approx(1000 * SECONDS, abs=1.0)
    reference = decode.load(write(tmp_path / "reference.wav", rate))
    assert lag_samples(song.samples, reference.samples) == 0


@pytest.mark.parametrize(("suffix", "rate", "options"), FORMATS)
def test_both_decoders_agree(tmp_path: Path, suffix: str, rate: int, options: dict[str, str]) -> None:
    path = write(tmp_path / f"song.{suffix}", rate, **options)
    first = decode._decode(path, 16_000, decode._soundfile_blocks)
    second = decode._decode(path, 16_000, decode._av_blocks)
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(first.samples, second.samples, atol=5e-3)  # Opus dithers


def test_m4a_needs_the_second_decoder(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "song.m4a"
    mono = clicks(CLICKS_MS, SECONDS, 44_100)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        stream.layout = "mono"
        for start in range(0, len(mono), 1024):
            frame = av.AudioFrame.from_ndarray(mono[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44_100, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    song = decode.load(path)
    assert song.duration == pytest.approx(1000 * SECONDS, abs=50)
    reference = decode.load(write(tmp_path / "reference.wav"))
    assert abs(lag_samples(song.samples, reference.samples)) <= 1


@pytest.mark.parametrize("name", ["song.osu", "song.ogg", "song.raw", "song", "sóng [x].mp3"])
def test_format_is_told_from_the_content(tmp_path: Path, name: str) -> None:
    data = write(tmp_path / "source.mp3").read_bytes()
    (tmp_path / name).write_bytes(data)
    assert decode.load(tmp_path / name).duration == pytest.approx(1000 * SECONDS, abs=1.0)


@pytest.mark.parametrize(("suffix", "rate", "options"), FORMATS)
def test_cut_file_keeps_its_start_and_says_so(tmp_path: Path, suffix: str, rate: int, options: dict[str, str]) -> None:
    path = write(tmp_path / f"song.{suffix}", rate, **options)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    song = decode.load(path)
    assert 1000 < song.duration < 3300
    assert len(song.messages) == 1
    assert "breaks off" in song.messages[0]


def mp3_frames(data: bytes) -> list[bytes]:
    """Frames of an mp3 of 44.1 kHz without tags before it."""
    rates = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    frames, place = [], 0
    while place + 4 <= len(data):
        length = 144_000 * rates[data[place + 2] >> 4] // 44_100 + (data[place + 2] >> 1 & 1)
        frames.append(data[place : place + length])
        place += length
    return frames


def test_an_mp3_without_a_stated_length_is_heard_to_its_end(tmp_path: Path) -> None:
    frames = mp3_frames(write(tmp_path / "song.mp3").read_bytes())
    assert b"Xing" in frames[0] or b"Info" in frames[0]
    large_first = sorted(frames[1:], key=len, reverse=True)[:20]
    (tmp_path / "bare.mp3").write_bytes(b"".join([*large_first, *frames[1:]]))
    song = decode.load(tmp_path / "bare.mp3")
    expected = 1000 * (len(frames) + 19) * 1152 / 44_100
    assert song.duration == pytest.approx(expected, abs=30) and song.messages == ()


def test_an_ogg_file_of_two_streams_is_heard_to_its_end(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{name}.ogg").read_bytes() for name in ("first", "second")]
    (tmp_path / "chained.ogg").write_bytes(b"".join(parts))
    song = decode.load(tmp_path / "chained.ogg")
    assert song.duration == pytest.approx(2000 * SECONDS, abs=60) and song.messages == ()


def test_absurdly_loud_samples_stay_numbers(tmp_path: Path) -> None:
    samples = clicks(CLICKS_MS, 4.0, 44_100)
    samples[20_000:20_010] = 3e38
    soundfile.write(tmp_path / "song.wav", samples, 44_100, subtype="FLOAT")
    song = decode.load(tmp_path / "song.wav")
    assert np.isfinite(song.samples).all() and np.abs(song.samples).max() <= 1


def test_damaged_packet_does_not_shift_what_follows(tmp_path: Path) -> None:
    path = write(tmp_path / "song.flac")
    reference = decode.load(path)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)
    song = decode.load(path)
    assert song.duration == pytest.approx(reference.duration, abs=1.0)
    assert any("damaged" in message for message in song.messages)
    n = 16_000
    np.testing.assert_allclose(song.samples[-n:], reference.samples[-n:], atol=1e-3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 bytes"),
        (b"osu file format v14\n\n[General]\n" * 50, "not audio"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://localhost/x.mp3\n", "not audio"),
        (b"ffconcat version 1.0\nfile other.wav\n", "not audio"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0\2\0\x10\0data\0\0\0\0",
         "nothing"),
    ],
)  # fmt: skip
def test_file_without_song_gives_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=reason) as caught:
        decode.load(path)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    assert "\n" not in caught.value.reason


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="No such file"):
        decode.load(tmp_path / "none.mp3")
    with pytest.raises(AudioError, match="folder"):
        decode.load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "song.mp3")
    with pytest.raises(AudioError, match="not a file"):
        decode.load(tmp_path / "song.mp3")


def test_samples_that_are_not_numbers(tmp_path: Path) -> None:
    samples = clicks(CLICKS_MS, 1.0)
    samples[100] = np.nan
    soundfile.write(tmp_path / "song.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="not numbers"):
        decode.load(tmp_path / "song.wav")


def test_video_without_sound(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(AudioError, match="no sound track"):
        decode.load(path)


def test_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_HOURS", 1 / 3600)
    with pytest.raises(AudioError, match="longer than"):
        decode.load(write(tmp_path / "song.wav"))


def test_decoders_are_imported_late() -> None:
    code = (
        "import sys, maimod.audio.decode, maimod.audio.onsets; "
        "print(sorted({'soundfile', 'av', 'soxr', 'torch', 'scipy'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert output.stdout.strip() == "[]"
