"""Decoding, log-mel frames, onsets and alignment, on songs made of clicks and tones."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from maimod.audio import decode, onsets, spectrogram
from maimod.audio.decode import Audio, AudioError

SECONDS = 4.0
CLICKS_MS = np.array([500.0, 1250.0, 1900.0, 2600.0, 3300.0])

OPUS = {"format": "OGG", "subtype": "OPUS"}
FORMATS = [("wav", 44_100, {}), ("flac", 44_100, {}), ("ogg", 44_100, {}), ("mp3", 44_100, {}),
           ("opus", 48_000, OPUS)]  # fmt: skip


def clicks(times_ms: np.ndarray, seconds: float, sample_rate: int = 16_000) -> np.ndarray:
    """Return short noise bursts at the times over faint noise, float32 of shape (n_samples,)."""
    random = np.random.default_rng(7)
    samples = random.normal(0.0, 1e-3, round(seconds * sample_rate))
    burst = np.exp(-np.arange(sample_rate // 25) / (sample_rate / 150))
    for time in times_ms:
        start = round(time * sample_rate / 1000)
        piece = samples[start : start + len(burst)]
        piece += (0.3 * burst * random.normal(size=len(burst)))[: len(piece)]
    return np.clip(samples, -1, 1).astype(np.float32)


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


def test_log_mel_equals_the_formula_for_one_frame() -> None:
    random = np.random.default_rng(1)
    samples = random.uniform(-1, 1, 8_000).astype(np.float32)
    mel = spectrogram.log_mel(samples)
    assert mel.shape == (51, 64)
    assert mel.dtype == np.float32

    n = np.arange(1024)
    piece = samples[20 * 160 - 512 : 20 * 160 + 512] * (0.5 - 0.5 * np.cos(2 * np.pi * n / 1024))
    bins = np.arange(513)
    power = np.abs(np.exp(-2j * np.pi * np.outer(bins, n) / 1024) @ piece) ** 2
    low, high = (2595 * np.log10(1 + f / 700) for f in (30.0, 8000.0))
    for band in (0, 5, 31, 63):
        mels = low + (high - low) * np.arange(band, band + 3) / 65
        left, centre, right = 700 * (10 ** (mels / 2595) - 1)
        f = bins * 16_000 / 1024
        weight = np.interp(f, [left, centre, right], [0.0, 1.0, 0.0])
        assert mel[20, band] == pytest.approx(np.log(1 + weight @ power), abs=1e-3)


def test_log_mel_does_not_depend_on_the_block() -> None:
    samples = clicks(CLICKS_MS, 25.0)  # more frames than one block
    whole = spectrogram.log_mel(samples)
    assert len(whole) > spectrogram.FRAME_BLOCK
    tail = spectrogram.log_mel(samples[160 * 1000 :])
    np.testing.assert_allclose(whole[1010:], tail[10:], atol=1e-5)


@pytest.mark.parametrize("n_samples", [0, 1, 159, 160])
def test_log_mel_of_almost_nothing(n_samples: int) -> None:
    mel = spectrogram.log_mel(np.zeros(n_samples, dtype=np.float32))
    assert mel.shape == (n_samples // 160 + 1, 64)
    assert not mel.any()


def song_and_times(seconds: float = 40.0, lag_ms: float = 0.0) -> tuple[Audio, np.ndarray]:
    """Return a song of clicks in an uneven rhythm, and times that they come `lag_ms` after."""
    random = np.random.default_rng(3)
    steps = random.choice([300.0, 150.0, 450.0], size=1000)
    times = 500 + np.cumsum(steps)
    times = times[times < 1000 * seconds - 500]
    return Audio(None, clicks(times + lag_ms, seconds), 16_000), times


def test_onset_of_a_click_within_5_ms() -> None:
    song, times = song_and_times(20.0)
    found = onsets.onset_times(onsets.onset_envelope(song))
    nearest = np.abs(found[:, None] - times).min(axis=0)
    assert nearest.max() < 5.0
    assert len(found) == len(times)


def test_strength_is_about_one_at_clicks_and_nothing_between() -> None:
    song, times = song_and_times(20.0)
    envelope = onsets.onset_envelope(song)
    assert envelope.frame_ms <= 5.0
    assert 0.7 < np.median(envelope.at(times, 15.0)) < 1.5
    assert envelope.at(times - 60.0, 15.0).max() < 0.3


def test_alignment_finds_a_shift_of_23_ms() -> None:
    song, times = song_and_times(lag_ms=23.0)
    result = onsets.alignment(onsets.onset_envelope(song), times)
    assert result.lag_ms == pytest.approx(23.0, abs=2.0)
    assert result.significance > onsets.MIN_SIGNIFICANCE
    assert result.contrast > 3
    assert result.n_times == len(times)


def test_alignment_does_not_trust_chance() -> None:
    song, _ = song_and_times()
    random = np.random.default_rng(5).uniform(500, 39_000, 60)
    assert onsets.alignment(onsets.onset_envelope(song), random).significance < 4


def test_local_alignment_finds_a_shifted_section_only() -> None:
    song, times = song_and_times(60.0)
    moved = times - np.where((times > 25_000) & (times < 40_000), 30.0, 0.0)
    local = onsets.local_alignment(onsets.onset_envelope(song), moved)
    off = np.abs(local.lags - local.map_lag_ms) > onsets.SECTION_SHIFT_MS
    off &= local.gains > onsets.SECTION_GAIN
    assert off.any()
    assert local.lags[off] == pytest.approx(30.0, abs=3.0)
    assert (local.starts[off] < 40_000).all()
    assert (local.ends[off] > 25_000).all()
    clean = onsets.local_alignment(onsets.onset_envelope(song), times)
    assert np.abs(clean.lags).max() < 3.0


def test_local_alignment_finds_a_section_of_wrong_tempo() -> None:
    song, times = song_and_times(60.0)
    inside = (times > 20_000) & (times < 40_000)
    moved = np.where(inside, 20_000 + (times - 20_000) / 1.01, times)
    local = onsets.local_alignment(onsets.onset_envelope(song), moved, slopes=onsets.SLOPES_MS_PER_S)
    off = np.abs(local.slopes) > onsets.SECTION_SLOPE
    off &= local.gains > onsets.SECTION_SLOPE_GAIN
    assert off.any()
    within = off & (local.starts > 20_000) & (local.ends < 40_000)
    assert np.median(local.slopes[within]) == pytest.approx(10.0, abs=1.0)
    assert not (off & (local.ends < 20_000)).any()


@pytest.mark.parametrize("percent", [-2.0, -0.5, 0.0, 0.5, 1.0])
def test_drift_finds_a_tempo_error(percent: float) -> None:
    song, times = song_and_times(20.0)
    result = onsets.drift(onsets.onset_envelope(song), times / (1 + percent / 100))
    assert result.slope == pytest.approx(10 * percent, abs=0.3)
    assert result.uncertainty < 1.0
    assert result.n_times == len(times)


ODD_SONGS = {
    "nothing": np.zeros(0, dtype=np.float32),
    "one sample": np.ones(1, dtype=np.float32),
    "shorter than a frame": np.full(50, 0.5, dtype=np.float32),
    "silence": np.zeros(48_000, dtype=np.float32),
    "constant": np.full(48_000, 0.7, dtype=np.float32),
    "rounding noise": np.full(48_000, 1e-30, dtype=np.float32),
}
ODD_TIMES = {
    "none": np.zeros(0),
    "outside": np.array([-5000.0, 1e12, np.nan, np.inf, -np.inf]),
    "one": np.array([100.0]),
    "equal": np.full(20, 100.0),
    "many": np.arange(-1000.0, 9000.0, 125.0),
}


@pytest.mark.parametrize("song", ODD_SONGS)
@pytest.mark.parametrize("times", ODD_TIMES)
def test_odd_songs_and_times_give_numbers(song: str, times: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        envelope = onsets.onset_envelope(Audio(None, ODD_SONGS[song], 16_000))
        assert np.isfinite(envelope.values).all()
        assert np.isfinite(onsets.onset_times(envelope)).all()
        assert np.isfinite(envelope.at(ODD_TIMES[times], 25.0)).all()
        result = onsets.alignment(envelope, ODD_TIMES[times])
        assert np.isfinite([result.lag_ms, result.contrast, result.significance]).all()
        local = onsets.local_alignment(envelope, ODD_TIMES[times], slopes=onsets.SLOPES_MS_PER_S)
        assert np.isfinite(local.gains).all()
        found = onsets.drift(envelope, ODD_TIMES[times])
        assert np.isfinite([found.slope, found.lag_ms, found.gain]).all()
        assert not np.isnan(found.uncertainty)


def test_decoders_are_imported_late() -> None:
    import subprocess

    code = (
        "import sys, maimod.audio.decode, maimod.audio.onsets; "
        "print(sorted({'soundfile', 'av', 'soxr', 'torch', 'scipy'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert output.stdout.strip() == "[]"
