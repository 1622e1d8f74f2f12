"""Features of the discriminator, which must stay those that its weights were trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from maimod.audio import spectrogram
from maimod.audio.decode import Audio
from maimod.audio.onsets import onset_envelope
from maimod.discriminator import features
from maimod.discriminator.context import context_features
from maimod.discriminator.features import COLUMN, NUMBER, OFFSETS
from maimod.discriminator.prediction import NO_PREDICTION, CorruptionLogits
from maimod.osu.beatmap import Beatmap
from tests.maps import beatmap
from tests.songs import clicks

GOLDEN = Path(__file__).parents[1] / "golden" / "discriminator_features.json"


def circles(*times: int, x: int = 100, mode: int = 0) -> Beatmap:
    return beatmap([f"{x + 10 * i},192,{time},1,0,0:0:0:0:" for i, time in enumerate(times)], mode=mode)


def column(found: features.MapFeatures | tuple[np.ndarray, ...], name: str) -> np.ndarray:
    categories = found.categories if isinstance(found, features.MapFeatures) else found[0]
    return categories[:, COLUMN[name]]


def grid_of(loaded: Beatmap) -> features.Grid:
    grid = features.grid_of(loaded)
    assert grid is not None
    return grid


def steps(loaded: Beatmap, place: int) -> dict[str, float]:
    """Features of the step to an object from the one before."""
    grid = grid_of(loaded)
    _, numbers, _ = features.object_features(loaded, grid)
    slot = int(grid.locate([loaded.hit_objects[place].time])[0][0])
    return dict(zip(features.STEPS, numbers[slot, features.BEFORE].tolist(), strict=True))


def test_thirds_and_eighths_lie_within_a_slot() -> None:
    # 500 ms a beat: a beat, a third, two thirds, an eighth behind three quarters, and 1 ms before the next beat
    loaded = circles(1000, 1167, 1333, 1438, 1999)
    grid = grid_of(loaded)
    places, offsets = grid.locate([o.time for o in loaded.hit_objects])
    assert np.diff(places).tolist() == [1, 1, 1, 5]
    assert [OFFSETS[i] for i in offsets] == [0, 4, 8, 6, 0]
    starts = column(features.object_features(loaded, grid), "starts")
    assert [int(starts[i]) for i in places] == [1, 1 << 2, 1 << 4, 1 << 3, 1]


def test_a_head_says_how_a_slot_sounds_where_a_tail_ends_at_the_same_time() -> None:
    loaded = beatmap(
        [
            "100,100,1000,2,0,L|240:100,1,140,0|8,0:0|3:0",
            "9,9,1500,1,2,1:0:0:40:",
            "9,9,1501,1,4,2:0:0:50:",
            "9,9,1545,1,8,0:0:0:0:",
        ]
    )
    found = features.object_features(loaded, grid_of(loaded))
    slot = int(grid_of(loaded).locate([1500])[0][0])
    heard = {name: int(column(found, name)[slot]) for name in ("additions", "normal_set", "hit")}
    # clap of the tail, whistle and finish of the circles; the circle 45 ms later lies elsewhere in the slot
    assert heard == {"additions": 0b111, "normal_set": 1, "hit": 1}
    assert found[1][slot, NUMBER["volume"]] == pytest.approx(0.4)


def test_a_slider_is_held_until_its_end() -> None:
    loaded = beatmap(["100,100,1000,2,0,L|240:100,1,140"])  # one beat
    grid = grid_of(loaded)
    found = features.object_features(loaded, grid)
    at = int(grid.locate([1000])[0][0])
    assert column(found, "held")[at : at + 6].tolist() == [0, 1, 1, 1, 0, 0]
    assert column(found, "hit")[at : at + 6].tolist() == [1, 0, 0, 0, 3, 0]
    assert column(found, "kind")[at] == 2 and column(found, "ends")[at + 4] == 1


def test_contrasts_compare_with_the_neighbours() -> None:
    lines = [
        f"{100 + 50 * i},192,{1000 + 500 * i},{5 if i == 2 else 1},0,0:0:0:{20 if i == 3 else 60}:" for i in range(6)
    ]
    loaded = beatmap(lines)
    grid = grid_of(loaded)
    _, numbers, _ = features.object_features(loaded, grid)
    at = grid.locate([o.time for o in loaded.hit_objects])[0]
    assert np.allclose(numbers[at, NUMBER["volume_before"]], [0, 0, 0, -1.2, 1.2, 0], atol=1e-5)
    assert np.allclose(numbers[at, NUMBER["bend_x"]], [-25 / 128, 0, 0, 0, 0, 25 / 128], atol=1e-5)
    # The first object starts a combo whatever its flag, and only flags count here.
    assert np.allclose(numbers[at, NUMBER["combo_objects_before"]], [3, 3, 3, 0.5, np.log2(3) / 2, 1])


def test_absurd_maps_have_no_grid() -> None:
    assert features.grid_of(beatmap(["256,192,1000,1,0", "256,192,30000000,1,0"])) is None


def test_logits_are_found_by_time_and_have_peaks() -> None:
    grid = grid_of(circles(1000, 3000))
    logits = np.full((grid.count, 2), -5.0)
    logits[12, 0], logits[13, 0] = 1.0, 2.0
    corruption = CorruptionLogits(grid, ("extra", "missing"), logits)
    time = float(grid.times[13])
    assert corruption.at(("extra",), [time]) == 2.0 and corruption.at(("extra", "missing"), [time + 500]) == -5.0
    assert list(corruption.peaks("extra", 0.0)) == [(13, 2.0)]
    assert list(corruption.peaks("extra", 0.0, apart=0)) == [(12, 1.0), (13, 2.0)]
    logits[-1, 1] = 1.0
    assert list(CorruptionLogits(grid, corruption.kinds, logits).peaks("missing", 0.0, apart=2)) == [
        (grid.count - 1, 1.0)
    ]
    assert corruption.at(("kiai",), [time]) == NO_PREDICTION and corruption.at(("extra",), []) == NO_PREDICTION


@pytest.mark.parametrize(("y", "sin"), [(292, 1.0), (92, -1.0)])
def test_a_turn_clockwise_is_positive(y: int, sin: float) -> None:
    turn = steps(beatmap(["100,192,1000,1,0", "200,192,1250,1,0", f"200,{y},1500,1,0"]), 2)
    assert (turn["turn_cos"], turn["turn_sin"]) == (pytest.approx(0.0), pytest.approx(sin))
    assert (turn["dx"], turn["dy"], turn["distance"]) == (0.0, (y - 192) / 128, 100 / 128)
    # A slider sends the cursor on in its own direction.
    turn = steps(beatmap(["100,192,1000,2,0,L|200:192,1,70", f"170,{y},1500,1,0"]), 1)
    assert (turn["turn_cos"], turn["turn_sin"]) == (pytest.approx(0.0), pytest.approx(sin))


def test_steps_back_and_on_are_told_apart() -> None:
    on = steps(beatmap(["100,192,1000,1,0", "200,192,1250,1,0", "300,192,1500,1,0"]), 2)
    back = steps(beatmap(["100,192,1000,1,0", "200,192,1250,1,0", "150,192,1500,1,0"]), 2)
    assert (on["turn_cos"], back["turn_cos"]) == (pytest.approx(1.0), pytest.approx(-1.0))
    assert on["speed"] == pytest.approx(100 / (200 * 0.5))  # 100 px in half a beat


def a_set() -> tuple[Beatmap, Beatmap]:
    """A map with something of everything, and another difficulty."""
    lines = ["100,500,4,2,0,70,1,0", "2100,-50,4,1,0,40,0,1", "3100,-100,4,3,0,90,0,0"]
    objects = [
        "100,100,1100,5,0,0:0:0:0:",
        "200,100,1350,1,8,0:0:0:0:",
        "250,200,1600,2,0,P|300:150|350:200,2,140,2|0|4,0:0|1:0|0:3,0:0:0:0:",
        "300,300,2850,6,0,L|400:300,1,105",
        "120,80,3267,1,2,0:0:0:55:",
        "256,192,3600,12,0,4600,0:0:0:0:",
    ]
    other = ["60,60,1100,1,4,0:0:0:0:", "80,60,2100,1,8,0:0:0:0:", "90,60,3600,1,0,0:0:0:0:"]
    return beatmap(objects, lines, circle_size=3.5), beatmap(other, lines)


def described() -> dict[str, dict[str, float]]:
    """Features other than 0 of each slot with an object, and the means of the context's columns."""
    own, other = a_set()
    grid = grid_of(own)
    song = Audio(None, clicks(np.array([o.time + 29 for o in own.hit_objects]), 6.0), 16_000)
    context = context_features(own, grid, spectrogram.song_bands(song), onset_envelope(song), siblings=[other])
    found = features.map_features(own, context)
    table = {}
    for slot in np.flatnonzero(found.categories[:, COLUMN["hit"]]):
        columns = dict(zip(features.CATEGORIES, found.categories[slot].tolist(), strict=True))
        columns |= dict(zip(features.NUMBERS, np.round(found.numbers[slot].astype(float), 4).tolist(), strict=True))
        table[f"{grid.times[slot]:.0f} ms"] = {name: value for name, value in columns.items() if value}
    means = np.round(found.context.mean(axis=0).astype(float), 3)
    table["context"] = {str(i): float(value) for i, value in enumerate(means)}
    return table


def test_features_are_those_that_the_weights_were_trained_on() -> None:
    """To write them anew, after which the network has to be trained anew as well: json.dump(described(), ...)."""
    golden = json.loads(GOLDEN.read_text())
    found = described()
    assert found.keys() == golden.keys()
    for place, columns in golden.items():
        assert found[place] == pytest.approx(columns, abs=2e-3), place
