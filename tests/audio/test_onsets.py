"""Onset strength, alignment and drift, on songs with a known rhythm."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from maimod.audio import onsets
from maimod.audio.decode import Audio
from tests.songs import song_and_times


def test_the_envelope_peaks_within_5_ms_of_a_click() -> None:
    song, times = song_and_times(20.0)
    envelope = onsets.onset_envelope(song)
    offsets = np.arange(-40.0, 41.0)
    peaks = offsets[envelope.strength(times[:, None] + offsets).argmax(axis=1)]
    assert np.abs(peaks).max() < 5.0


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
        assert np.isfinite(envelope.at(ODD_TIMES[times], 25.0)).all()
        result = onsets.alignment(envelope, ODD_TIMES[times])
        assert np.isfinite([result.lag_ms, result.significance]).all()
        local = onsets.local_alignment(envelope, ODD_TIMES[times], slopes=onsets.SLOPES_MS_PER_S)
        assert np.isfinite(local.gains).all()
        found = onsets.drift(envelope, ODD_TIMES[times])
        assert np.isfinite([found.slope, found.lag_ms, found.gain]).all()
        assert not np.isnan(found.uncertainty)


@pytest.mark.parametrize("lags", [onsets.LAGS_MS, onsets.DRIFT_LAGS_MS], ids=["each ms", "every second ms"])
@pytest.mark.parametrize("first", [0.0, 60.0, 2900.0], ids=["beginning", "inside", "end"])
def test_curves_are_the_means_of_single_look_ups(lags: np.ndarray, first: float) -> None:
    song, _ = song_and_times()
    envelope = onsets.onset_envelope(song)
    grid = onsets._Grid(envelope, np.array([0.0, 3000.0]))
    rows = first + np.array([[0.0, 120.4, 250.0], [30.0, 41.6, 99.0]])
    expected = grid.at(rows[:, :, None] + lags).mean(axis=1)
    assert np.allclose(grid.curves(rows, lags), expected, atol=1e-6)


def envelope_of(onset_times: np.ndarray) -> onsets.OnsetEnvelope:
    """Triangles of 20 ms at these times, a frame for each ms."""
    values = np.zeros(int(onset_times.max()) + 1000, dtype=np.float32)
    for time in np.rint(onset_times).astype(int):
        around = np.arange(max(time - 10, 0), time + 11)
        values[around] = np.maximum(values[around], 1 - np.abs(around - time) / 10)
    return onsets.OnsetEnvelope(values, 1.0)


def irregular(count: int, start: float = 500.0) -> np.ndarray:
    """Times that no lag but 0 puts on each other, at least 150 ms apart."""
    return start + np.cumsum(np.random.default_rng(3).uniform(150, 500, count))


def test_the_lag_is_the_middle_of_the_top_of_the_curve() -> None:
    curve = np.array([0.0, 0.5, 0.95, 0.93, 1.0, 0.5])
    assert onsets._refine(curve, 4, np.arange(6)) == 3.0


def test_of_equal_fits_the_one_nearest_to_the_lag_of_the_map_counts() -> None:
    first = irregular(80)
    even = first[-1] + 1000 + 80.0 * np.arange(200)  # fits as well one note earlier or later
    around = even[0] + 80.0 * np.arange(-5, 210)
    local = onsets.local_alignment(envelope_of(np.concatenate([first, around])), np.concatenate([first, even]))
    assert np.abs(local.map_lag_ms) < 3 and np.abs(local.lags).max() < 3


def test_the_error_of_a_lag_is_how_far_the_parts_of_the_map_disagree() -> None:
    times = irregular(80)
    lags = np.repeat([10.0, 20.0, 10.0, 20.0], 20)
    error = onsets.lag_error(envelope_of(times + lags), times, 15.0)
    assert error == pytest.approx(5 / 3**0.5, abs=0.3)  # deviations of 5 ms, four parts
    assert onsets.lag_error(envelope_of(times), times[:7], 15.0) == float("inf")


def test_onsets_as_far_off_on_the_other_side_are_chance() -> None:
    times = irregular(40)
    off = np.repeat([15.0, -15.0, 0.0, 15.0], 10)
    envelope = envelope_of(times + off)
    assert onsets.share_alike(envelope, times, 0.0, 15.0) == pytest.approx((20 - 10) / 40)
    assert onsets.share_alike(envelope, times, 0.0, -15.0) == pytest.approx((10 - 20) / 40)


def test_what_a_silent_break_hums_is_no_onset() -> None:
    flux = np.zeros(8000, dtype=np.float32)
    flux[:4000:100], flux[4000::100] = 1.0, 0.01
    strength = flux / onsets._level(flux)
    assert strength[:3000].max() > 0.6 and strength[5000:].max() < 0.1


def test_the_error_of_a_slope_is_a_jackknife(monkeypatch: pytest.MonkeyPatch) -> None:
    slopes = iter(range(8))
    monkeypatch.setattr(onsets, "_slope_near", lambda *_: float(next(slopes)))
    times = np.arange(80.0)
    error = onsets._jackknife_error(onsets._Grid(envelope_of(times), times), times, times, 0.0, np.zeros(1))
    assert error == pytest.approx((7 / 8 * sum((k - 3.5) ** 2 for k in range(8))) ** 0.5)
