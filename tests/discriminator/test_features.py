"""Slots: what lies where in the row, what the numbers say, and that nothing of a place is told twice."""

from __future__ import annotations

import numpy as np

from maimod.audio import spectrogram
from maimod.audio.decode import Audio
from maimod.audio.onsets import onset_envelope
from maimod.discriminator import features
from maimod.discriminator.features import COLUMN, NUMBER, OFFSETS, REACH
from maimod.discriminator.prediction import NOWHERE, CorruptionLogits
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap


def circles(*times: int, x: int = 100, mode: int = 0) -> Beatmap:
    return beatmap([f"{x + 10 * i},192,{time},1,0,0:0:0:0:" for i, time in enumerate(times)], mode=mode)


def column(found: features.Slots | tuple[np.ndarray, ...], name: str) -> np.ndarray:
    categories = found.categories if isinstance(found, features.Slots) else found[0]
    return categories[:, COLUMN[name]]


def test_thirds_and_eighths_lie_within_a_slot() -> None:
    # 500 ms a beat: a beat, a third, two thirds, an eighth behind three quarters, and 1 ms before the next beat
    loaded = circles(1000, 1167, 1333, 1438, 1999)
    row = features.row_of(loaded)
    assert row is not None
    places, offsets = row.places([o.time for o in loaded.hit_objects])
    assert np.diff(places).tolist() == [1, 1, 1, 5]
    assert [OFFSETS[i] for i in offsets] == [0, 4, 8, 6, 0]
    starts = column(features.content(loaded, row), "starts")
    assert [int(starts[i]) for i in places] == [1, 1 << 2, 1 << 4, 1 << 3, 1]


def test_a_slider_is_held_until_its_end() -> None:
    loaded = beatmap(["100,100,1000,2,0,L|240:100,1,140"])  # one beat
    row = features.row_of(loaded)
    assert row is not None
    found = features.content(loaded, row)
    at = int(row.places([1000])[0][0])
    assert column(found, "held")[at : at + 6].tolist() == [0, 1, 1, 1, 0, 0]
    assert column(found, "hit")[at : at + 6].tolist() == [1, 0, 0, 0, 3, 0]
    assert column(found, "kind")[at] == 2 and column(found, "ends")[at + 4] == 1


def test_contrasts_tell_of_the_neighbours() -> None:
    lines = [
        f"{100 + 50 * i},192,{1000 + 500 * i},{5 if i == 2 else 1},0,0:0:0:{20 if i == 3 else 60}:" for i in range(6)
    ]
    loaded = beatmap(lines)
    row = features.row_of(loaded)
    assert row is not None
    _, numbers, _ = features.content(loaded, row)
    at = row.places([o.time for o in loaded.hit_objects])[0]
    assert np.allclose(numbers[at, NUMBER["volume_before"]], [0, 0, 0, -1.2, 1.2, 0], atol=1e-5)
    assert np.allclose(numbers[at, NUMBER["bend_x"]], [-25 / 128, 0, 0, 0, 0, 25 / 128], atol=1e-5)
    # The first object starts a combo whatever its flag, and only flags count here.
    assert np.allclose(numbers[at, NUMBER["combo_objects_before"]], [3, 3, 3, 0.5, np.log2(3) / 2, 1])


def test_places_that_sound_alike_are_far_away() -> None:
    random = np.random.default_rng(0)
    phrase = random.normal(size=16_000 * 16).astype(np.float32) * np.repeat(random.random(128), 2000).astype(np.float32)
    song = Audio(None, np.tile(phrase, 4), 16_000)
    loaded = circles(*range(0, 60_000, 500))
    row = features.row_of(loaded)
    assert row is not None
    around = features.surroundings(loaded, row, spectrogram.song_bands(song), onset_envelope(song), 0.0)
    places, weights = around.alike
    at = 100
    assert np.all(np.abs(places - np.arange(row.count)[:, None])[weights > 0] >= REACH)
    assert np.abs(places[at][weights[at].argmax()] - at) % (16 * 8) == 0  # 16 s of 500 ms beats
    read = features.read(loaded, around)
    assert read.surroundings.shape == (row.count, features.N_SURROUNDINGS) and np.isfinite(read.surroundings).all()


def test_versions_of_one_difficulty_are_no_witnesses() -> None:
    own, copy, other = (
        circles(*range(1000, 9000, 250)),
        circles(*range(1000, 9000, 250)),
        circles(*range(1000, 9000, 500), x=200),
    )
    assert features.other_difficulties(own, [copy, other, circles(1000, mode=1)]) == [other]


def test_absurd_maps_have_no_row() -> None:
    assert features.row_of(beatmap(["256,192,1000,1,0", "256,192,30000000,1,0"])) is None


def test_doubts_are_asked_by_time_and_have_peaks() -> None:
    row = features.row_of(circles(1000, 3000))
    assert row is not None
    logits = np.full((row.count, 2), -5.0)
    logits[12, 0], logits[13, 0] = 1.0, 2.0
    corruption = CorruptionLogits(row, ("extra", "missing"), logits)
    time = float(row.times[13])
    assert corruption.at(("extra",), [time]) == 2.0 and corruption.at(("extra", "missing"), [time + 500]) == -5.0
    assert list(corruption.peaks("extra", 0.0)) == [(13, 2.0)]
    assert corruption.at(("kiai",), [time]) == NOWHERE and corruption.at(("extra",), []) == NOWHERE
