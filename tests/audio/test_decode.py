"""Decoding of good, damaged and hostile files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from maimod.audio import container, decode, probe
from maimod.errors import AudioError
from tests.songs import CLICKS_MS, clicks, mp3

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
    (part,) = container.parts(path)
    first = decode._decode(part, 16_000, decode._soundfile_blocks)
    second = decode._decode(part, 16_000, decode._av_blocks)
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


def test_samples_that_are_not_numbers_become_silence(tmp_path: Path) -> None:
    samples = clicks(CLICKS_MS, 1.0)
    soundfile.write(tmp_path / "good.wav", samples, 16_000, subtype="FLOAT")
    samples[100], samples[200] = np.nan, -np.inf
    soundfile.write(tmp_path / "song.wav", samples, 16_000, subtype="FLOAT")
    song = decode.load(tmp_path / "song.wav")
    assert song.messages == ("2 samples are not numbers and became silence.",)
    np.testing.assert_allclose(song.samples[300:], decode.load(tmp_path / "good.wav").samples[300:], atol=1e-6)
    soundfile.write(tmp_path / "song.wav", np.full(1000, np.nan), 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="no samples that are numbers"):
        decode.load(tmp_path / "song.wav")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "song.mp3")
    with pytest.raises(AudioError, match="not a regular file"):
        decode.load(tmp_path / "song.mp3")
    assert probe.probe(tmp_path / "song.mp3") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_a_song_that_is_replaced_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for replace in (
        Path.unlink,
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), os.mkfifo(path)),
    ):
        path = write(tmp_path / f"song{len(list(tmp_path.iterdir()))}.wav")
        whole = container.parts(path)
        replace(path)
        monkeypatch.setattr(decode, "parts", lambda path, whole=whole: whole)
        with pytest.raises(AudioError, match="cannot be read"):
            decode.load(path)


# ---------------------------------------------------------------------------------------------------------------------
# The whole song, whatever headers say


LOUD_THEN_QUIET = clicks(np.arange(250.0, 10_000.0, 250.0), 10.0, 44_100)
LOUD_THEN_QUIET[2 * 44_100 :] *= 1e-4


def test_an_mp3_whose_first_second_says_little_of_the_rest(tmp_path: Path) -> None:
    """libsndfile guesses the length from the first frame, and stops there."""
    song = decode.load(mp3(tmp_path / "song.mp3", LOUD_THEN_QUIET, average=True, header=False))
    assert song.duration == pytest.approx(10_000, abs=60) and song.messages == ()


def stale(path: Path, frames: float = 1.0, n_bytes: float = 1.0) -> Path:
    """Change what the header of an mp3 says."""
    data = bytearray(path.read_bytes())
    tag = max(data.find(b"Xing"), data.find(b"Info"))
    assert tag > 0 and data[tag + 7] & 3 == 3
    for place, factor in ((tag + 8, frames), (tag + 12, n_bytes)):
        value = round(int.from_bytes(data[place : place + 4], "big") * factor)
        data[place : place + 4] = value.to_bytes(4, "big")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("frames", "n_bytes"), [(0.5, 1.0), (2.0, 1.0), (0.5, 0.5)])
def test_an_mp3_with_a_header_of_another_song(tmp_path: Path, frames: float, n_bytes: float) -> None:
    samples = clicks(CLICKS_MS, SECONDS, 44_100)
    good = decode.load(mp3(tmp_path / "good.mp3", samples))
    song = decode.load(stale(mp3(tmp_path / "song.mp3", samples), frames, n_bytes))
    assert song.duration == pytest.approx(1000 * SECONDS, abs=60) and song.messages == ()
    assert lag_samples(song.samples[-16_000:], good.samples[-16_000 - len(good.samples) + len(song.samples) :]) == 0


def test_a_header_that_promises_bytes_that_are_not_there(tmp_path: Path) -> None:
    path = stale(mp3(tmp_path / "song.mp3", clicks(CLICKS_MS, SECONDS, 44_100)), 2.0, 2.0)
    assert decode.load(path).messages == (
        "The song breaks off: 4.0 s could be decoded of the 8.1 s that its header promises.",
    )


def test_an_mp3_that_lacks_its_middle(tmp_path: Path) -> None:
    data = mp3(tmp_path / "song.mp3", clicks(CLICKS_MS, SECONDS, 44_100)).read_bytes()
    (tmp_path / "song.mp3").write_bytes(data[: len(data) // 3] + data[2 * len(data) // 3 :])
    song = decode.load(tmp_path / "song.mp3")
    assert song.duration == pytest.approx(1000 * SECONDS * 2 / 3, abs=100)
    assert any("2.6 s could be decoded of the 4.0 s" in message for message in song.messages), song.messages


def at_rate(place: Path, rate: int, channels: int = 1, **options: str) -> bytes:
    """A file of the clicks."""
    path = place / f"{rate}-{channels}"
    samples = clicks(CLICKS_MS, SECONDS, rate)
    soundfile.write(path, np.stack([samples] * channels, axis=1), rate, **({"format": "OGG"} | options))
    return path.read_bytes()


@pytest.mark.parametrize(
    "second", [(44_100, 1, {}), (44_100, 2, {}), (22_050, 1, {}), (48_000, 1, {"subtype": "OPUS"})]
)
def test_ogg_files_joined_are_heard_to_the_end(tmp_path: Path, second: tuple[int, int, dict[str, str]]) -> None:
    rate, channels, options = second
    links = [at_rate(tmp_path, 44_100), at_rate(tmp_path, rate, channels, **options), at_rate(tmp_path, 44_100)]
    (tmp_path / "song.ogg").write_bytes(b"".join(links))
    song = decode.load(tmp_path / "song.ogg")
    assert song.duration == pytest.approx(3000 * SECONDS, abs=1) and song.messages == ()
    alone = []
    for link in links:
        (tmp_path / "link.ogg").write_bytes(link)
        alone.append(decode.load(tmp_path / "link.ogg").samples)
    np.testing.assert_allclose(song.samples, np.concatenate(alone), atol=5e-3)  # Opus dithers


def test_the_first_of_joined_files_that_cannot_be_decoded_ends_the_song(tmp_path: Path) -> None:
    good = at_rate(tmp_path, 44_100)
    setup = good.find(b"\x05vorbis")
    broken = good[: setup + 7] + b"\xff" * 200 + good[setup + 207 :]
    (tmp_path / "song.ogg").write_bytes(good + broken + good)
    song = decode.load(tmp_path / "song.ogg")
    assert song.duration == pytest.approx(1000 * SECONDS, abs=1)
    assert song.messages == ("Not all of the song could be decoded: 4.0 s of 8.0 s.",)
    (tmp_path / "song.ogg").write_bytes(good + broken)
    assert decode.load(tmp_path / "song.ogg").messages == ("Decoding stopped at an error after 4.0 s.",)
    (tmp_path / "song.ogg").write_bytes(broken + good)
    with pytest.raises(AudioError, match="not audio that can be decoded"):
        decode.load(tmp_path / "song.ogg")


def test_what_is_joined_to_a_file_that_was_cut_off_is_heard(tmp_path: Path) -> None:
    first, second = at_rate(tmp_path, 44_100), at_rate(tmp_path, 22_050)
    (tmp_path / "cut.ogg").write_bytes(first[: len(first) * 2 // 3])
    cut = decode.load(tmp_path / "cut.ogg").duration
    (tmp_path / "song.ogg").write_bytes(first[: len(first) * 2 // 3] + second)
    assert 0 < cut < 1000 * SECONDS
    assert decode.load(tmp_path / "song.ogg").duration == pytest.approx(cut + 1000 * SECONDS, abs=1)


@pytest.mark.parametrize("suffix", [".aiff", ".au"])
def test_the_first_half_of_a_file_that_states_its_length(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"song{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert decode.load(path).messages == (
        "The song breaks off: 2.0 s could be decoded of the 4.0 s that its header promises.",
    )


@pytest.mark.parametrize("rate", [48_000, 22_050])
def test_mp3_files_of_two_rates_joined(tmp_path: Path, rate: int) -> None:
    first = mp3(tmp_path / "first.mp3", clicks(CLICKS_MS, SECONDS, 44_100)).read_bytes()
    second = mp3(tmp_path / "second.mp3", clicks(CLICKS_MS, SECONDS, rate), rate).read_bytes()
    (tmp_path / "song.mp3").write_bytes(first + second)
    song = decode.load(tmp_path / "song.mp3")
    assert song.duration == pytest.approx(2000 * SECONDS, abs=200) and song.messages == ()


def test_a_flac_that_states_another_length(tmp_path: Path) -> None:
    path = write(tmp_path / "song.flac")
    data = bytearray(path.read_bytes())
    for total, messages in ((2 * 44_100, 0), (0, 0), (8 * 44_100, 1)):
        stated = int.from_bytes(data[18:26], "big") >> 36 << 36 | total  # 36 bits of STREAMINFO
        path.write_bytes(data[:18] + stated.to_bytes(8, "big") + data[26:])
        song = decode.load(path)
        assert song.duration == pytest.approx(1000 * SECONDS, abs=1) and len(song.messages) == messages, total


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


@pytest.mark.parametrize("counted", [True, False])
def test_too_long_is_refused(counted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its packets, and by its samples where no packets can be counted."""
    path = write(tmp_path / "song.wav")
    monkeypatch.setattr(container, "MAX_HOURS", 1 / 3600)
    if not counted:
        monkeypatch.setattr(decode, "measure", lambda part: None)
    with pytest.raises(AudioError, match="longer than"):
        decode.load(path)


def test_songs_that_are_too_long_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "song.wav")
    whole, packets = container.parts(path), container.measure(container.parts(path)[0])
    assert packets is not None
    monkeypatch.setattr(decode, "parts", lambda path: whole * 3)
    monkeypatch.setattr(decode, "measure", lambda part: packets)
    monkeypatch.setattr(container, "MAX_HOURS", 2.5 * packets.seconds / 3600)
    with pytest.raises(AudioError, match="longer than"):
        decode.load(path)


def test_decoders_are_imported_late() -> None:
    code = (
        "import sys, maimod.audio.decode, maimod.audio.onsets; "
        "print(sorted({'soundfile', 'av', 'soxr', 'torch', 'scipy'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert output.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("first", "count", "expected"),
    [
        (1, 2, [2, 3]),
        (-2, 4, [0, 0, 1, 2]),
        (2, 3, [3, 0, 0]),
        (-1, 6, [0, 1, 2, 3, 0, 0]),
        (-5, 2, [0, 0]),
        (7, 2, [0, 0]),
    ],
)
def test_a_piece_of_a_song_is_silent_beyond_its_ends(first: int, count: int, expected: list[int]) -> None:
    song = decode.Audio(None, np.array([1, 2, 3], dtype=np.float32), 1000)
    assert song.piece(first, count).tolist() == expected


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT"])
def test_full_scale_is_1_in_samples_of_every_type(tmp_path: Path, subtype: str) -> None:
    samples = np.stack([np.linspace(-0.9, 0.9, 2000), np.full(2000, 0.25)], axis=1)
    soundfile.write(tmp_path / "song.wav", samples, 8000, subtype=subtype)
    (part,) = container.parts(tmp_path / "song.wav")
    with container.open_container(part) as opened:
        frames = list(decode.av_frames(opened, opened.streams.audio[0]))
        found = np.concatenate([decode.channels_of(frame) for frame in frames], axis=1)
    np.testing.assert_allclose(found, samples.T, atol=1 / 100)
