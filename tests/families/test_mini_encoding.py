"""Inputs of the mini network: the song, the beat and the cursor are those of the times and tokens they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maimod.events.schema import EventKind
from maimod.events.vocabulary import Conditioning
from maimod.families.family import Excerpt
from maimod.families.inputs import IGNORED
from maimod.families.mini.family import Mini
from maimod.families.mini.place_features import WAVELENGTHS, place_features
from maimod.families.registry import read_json
from maimod.osu.beatmap import Beatmap
from maimod.osu.timing import PHASE_DIVISORS
from tests import maps

MODEL = Path(__file__).parents[2] / "models" / "maimod-mini"
OBJECTS = [
    f"{100 + 40 * (i % 8)},{100 + 50 * (i % 3)},{500 + 125 * (2 * i + i * i % 5)},1,0,0:0:0:0:" for i in range(40)
]
"""Circles on quarter beats, in no regular rhythm."""
BEAT_SINE = 0
"""Column of the sine of a whole beat; the tempo is the last one."""


@pytest.fixture(scope="module")
def family() -> Mini:
    return Mini(read_json(MODEL / "tokenizer.json"), {"window_ms": 4_000.0})


def a_map() -> Beatmap:
    return maps.beatmap(OBJECTS)


def numbered_frames(count: int = 2_000) -> np.ndarray:
    """Frames that hold their own number."""
    return np.repeat(np.arange(count, dtype=np.float16)[:, None], 64, axis=1)


def test_frames_are_those_of_the_window(family: Mini) -> None:
    encoded = family.encode(a_map(), numbered_frames(), Conditioning())
    for window in encoded.windows:
        first = round(window.start / 10)
        assert encoded.inputs(window).by_window["mel"][:, 0].tolist() == list(range(first, first + 400))


def test_the_song_is_silent_beyond_its_ends(family: Mini) -> None:
    encoded = family.encode(a_map(), numbered_frames(100) + 1, Conditioning())
    assert encoded.windows[0].start == 0.0
    assert encoded.inputs(encoded.windows[0]).by_window["mel"][:, 0].tolist() == [*range(1, 101), *[0] * 300]


def test_each_token_and_frame_has_the_phase_of_its_own_time(family: Mini) -> None:
    beatmap = a_map()
    encoded = family.encode(beatmap, None, Conditioning())
    window = encoded.windows[1]
    inputs = encoded.inputs(window)
    prompt = inputs.rows[0] + 1
    times = np.array([event.time for event in encoded.contexts["map"]])[window.spans[0].events]
    assert inputs.by_token["times"][prompt:] == pytest.approx(times - window.start)
    assert inputs.by_token["grid"][prompt:, BEAT_SINE] == pytest.approx(np.sin(2 * np.pi * times / 500), abs=1e-5)
    frames = window.start + 10.0 * np.arange(400)
    assert inputs.by_window["frame_grid"][:, BEAT_SINE] == pytest.approx(np.sin(2 * np.pi * frames / 500), abs=1e-5)
    for name in ("times", "grid", "place"):
        assert not inputs.by_token[name][:prompt].any()


@pytest.mark.parametrize("rate", [0.8, 1.25])
def test_song_map_and_beat_run_at_one_rate(family: Mini, rate: float) -> None:
    tokens = family.tokenise(a_map(), None, Conditioning())
    excerpt = Excerpt(1_000, 500, rate, shift_ms=30.0)
    inputs = family.training_window(tokens, numbered_frames(), excerpt).inputs
    plain = family.training_window(tokens, numbered_frames(), Excerpt(1_000, 500)).inputs

    frames = inputs.by_window["mel"][:, 0]
    assert frames.tolist() == (103 + np.round(np.arange(400) * rate)).tolist()
    prompt = inputs.rows[0] + 1
    shown = inputs.by_token["times"][prompt:]
    times = tokens.times[(tokens.times >= 1_000) & (tokens.times < 1_000 + 4_000 * rate)]
    assert shown == pytest.approx((times - 1_000) / rate)
    count = min(len(shown), len(plain.by_token["times"]) - prompt)
    assert shown[:count] == pytest.approx(plain.by_token["times"][prompt:][:count] / rate)
    # The phases of the tokens stay, the tempo is that of the shown song.
    columns = 2 * len(PHASE_DIVISORS) + 2
    grids = (inputs.by_token["grid"][prompt:][:count], plain.by_token["grid"][prompt:][:count])
    assert grids[0][:, :columns] == pytest.approx(grids[1][:, :columns])
    assert grids[0][:, -1] == pytest.approx(np.log2(500 / rate / 400) / 2, abs=1e-5)
    assert inputs.by_window["frame_grid"][:, -1] == pytest.approx(np.log2(500 / rate / 400) / 2, abs=1e-5)
    at = 1_000 + 10.0 * np.arange(400) * rate
    assert inputs.by_window["frame_grid"][:, BEAT_SINE] == pytest.approx(np.sin(2 * np.pi * at / 500), abs=1e-4)


def test_windows_of_training_begin_with_a_whole_group_and_do_not_predict_its_time(family: Mini) -> None:
    tokens = family.tokenise(a_map(), None, Conditioning())
    drawn = family.training_window(tokens, None, Excerpt(1_100, 500))
    first = drawn.inputs.rows[0] + 1
    kinds = [family.vocabulary.kinds[token] for token in drawn.inputs.by_token["tokens"]]
    assert kinds[first] is EventKind.TIME
    assert drawn.inputs.by_token["times"][first] == tokens.times[tokens.times >= 1_100][0] - 1_100
    assert drawn.targets[first - 1] == IGNORED and (drawn.targets[first:-1] != IGNORED).all()
    beginning = family.training_window(tokens, None, Excerpt(0, 500))
    assert beginning.targets[beginning.inputs.rows[0]] != IGNORED


def test_features_of_places_are_the_geometry_of_the_cursor(family: Mini) -> None:
    """From (104, 104) at a distance of 50 with x at 144: y is 104 ± 30."""
    vocabulary = family.vocabulary
    unit = vocabulary.schema.position_precision

    def centre(kind: EventKind, pixels: float) -> int:
        return vocabulary.encode(kind, int(pixels // (unit if kind is not EventKind.DISTANCE else 1)))

    written = [
        (EventKind.POS_X, 104.0),
        (EventKind.POS_Y, 104.0),
        (EventKind.DISTANCE, 50.0),
        (EventKind.POS_X, 144.0),
        (EventKind.POS_Y, 136.0),
    ]
    tokens = np.array([centre(kind, pixels) for kind, pixels in written])
    spans = vocabulary.ranges

    def pixels_of(token: int, kind: EventKind) -> float:
        span = spans[kind]
        step = span.step if kind is EventKind.DISTANCE else unit
        return ((token - span.first_id) + span.low / span.step + 0.5) * step

    x0, y0, distance, x1, y1 = (pixels_of(int(token), kind) for token, (kind, _) in zip(tokens, written, strict=True))
    features = place_features(tokens, vocabulary)

    def waves(value: float) -> np.ndarray:
        angles = 2 * np.pi * value / np.array(WAVELENGTHS)
        return np.concatenate([np.sin(angles), np.cos(angles)])

    n = 2 * len(WAVELENGTHS)
    for row, (x, y) in enumerate([(256.0, 192.0), (x0, y0), (x0, y0), (x0, y0), (x1, y1)]):
        assert features[row, :n] == pytest.approx(waves(x), abs=1e-5)
        assert features[row, n : 2 * n] == pytest.approx(waves(y), abs=1e-5)
    reach = np.sqrt(distance**2 - (x1 - x0) ** 2)
    assert features[3, 2 * n : 4 * n] == pytest.approx(np.concatenate([waves(y0 - reach), waves(y0 + reach)]), abs=1e-5)
    assert not features[[0, 1, 2, 4], 2 * n : 4 * n].any()
    assert features[:, 4 * n].tolist() == [0, 0, 1, 1, 0] and features[:, 4 * n + 1].tolist() == [0, 0, 0, 1, 0]
    assert features[2:4, -1] == pytest.approx(distance / 640)


def test_arrays_of_a_map_are_the_map(family: Mini) -> None:
    tokens = family.tokenise(a_map(), None, Conditioning(4.0))
    again = family.from_arrays(family.to_arrays(tokens))
    for name in ("prompt", "tokens", "times", "groups", "phases"):
        assert np.array_equal(getattr(tokens, name), getattr(again, name))
    assert np.array_equal(
        again.grid.features(np.arange(0.0, 9_000.0, 7.0)), tokens.grid.features(np.arange(0.0, 9_000.0, 7.0))
    )
