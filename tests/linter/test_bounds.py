"""No map costs more than in proportion to its size: four times the size is four times the work, not sixteen times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.audio import onsets
from maimod.linter.gather import Gathered
from maimod.linter.pipeline import analyse, analyse_set
from maimod.linter.settings import Settings
from maimod.osu import limits
from maimod.osu.beatmap import Beatmap
from maimod.osu.level import Level
from maimod.osu.mapset import Mapset, _storyboard_lines
from maimod.rules.evidence import Evidence, MapsetEvidence
from tests import maps
from tests.work import growth

SETTINGS = Settings(model=None)
LINEAR = 6.0
"""Growth of the work at four times the size, with some room for logarithms and constant parts."""


def circles(count: int, apart: float = 100.0) -> list[str]:
    return [f"{37 * i % 512},{53 * i % 384},{1000 + apart * i:.0f},1,{i % 7 * 2}" for i in range(count)]


def sliders(count: int, slides: int = 1) -> list[str]:
    return [
        f"{50 + i % 400},{i % 300},{1000 + 300 * i},2,0,B|{90 + i % 400}:{i % 200}|{i % 500}:{i % 99}|{i % 7}:{i % 11},"
        f"{slides},{30 + i % 50}"
        for i in range(count)
    ]


def green(count: int, kiai_every: int = 1, apart: float = 37.0) -> list[str]:
    return [
        maps.RED_LINE,
        *(
            f"{1 + apart * i},-{50 + i % 977 / 10},4,{1 + i % 3},0,{i % 101},0,{i // kiai_every % 2}"
            for i in range(count)
        ),
    ]


def notes(count: int, apart: int = 0, hold: bool = False) -> list[str]:
    return [
        f"{73 * (i % 7) + 10},192,{1000 + apart * i},{128 if hold else 1},0"
        + (f",{90_000 + i}:0:0:0:0:" if hold else "")
        for i in range(count)
    ]


MAPS: dict[str, Callable[[int], Beatmap]] = {
    "circles off the beat": lambda n: maps.beatmap(circles(n, 97.3)),
    "sliders with other velocities": lambda n: maps.beatmap(sliders(n), green(n, apart=299.0)),
    "slides": lambda n: maps.beatmap(sliders(3, n)),
    "sliders over each other": lambda n: maps.beatmap(
        [f"{i * 97 % 512},{i * 61 % 384},{1000 + i},2,0,L|{i * 89 % 512}:9,3,50" for i in range(n)]
    ),
    "spinners over each other": lambda n: maps.beatmap([f"256,192,{1000 + i},12,0,{90_000 + i}" for i in range(n)]),
    "kiai on and off": lambda n: maps.beatmap(circles(9), green(n)),
    "kiai for some beats": lambda n: maps.beatmap(circles(9), green(n, 9, 500.0)),
    "green lines after each circle": lambda n: maps.beatmap(circles(n, 37), green(n), mode=1),
    "taiko notes": lambda n: maps.beatmap(circles(n, 97.3), green(n, apart=311.0), mode=1),
    "bar lines": lambda n: maps.beatmap(circles(n, 97.3), [f"{i * 700},500,4,2,0,70,1,0" for i in range(n)], mode=1),
    "fruits": lambda n: maps.beatmap(circles(n, 97.3), mode=2),
    "drops": lambda n: maps.beatmap(sliders(n, 3), mode=2),
    "spinners between fruits": lambda n: maps.beatmap(
        [
            f"{i % 512},192,{1000 + 300 * i},{'12,0,' if i % 2 else '1,0'}{f'{1200 + 300 * i}' if i % 2 else ''}"
            for i in range(n)
        ],
        mode=2,
    ),
    "red lines at one time": lambda n: maps.beatmap(circles(9), [maps.RED_LINE] * n),
    "notes at one time": lambda n: maps.beatmap(notes(n), mode=3, circle_size=7),
    "long notes over each other": lambda n: maps.beatmap(notes(n, 1, True), mode=3, circle_size=7),
    "breaks": lambda n: maps.beatmap(
        circles(n, 1000), events=[f"2,{1000 * i + 100},{1000 * i + 900}" for i in range(n)]
    ),
    "samples": lambda n: maps.beatmap(events=[f'Sample,{i},0,"{i}.wav",70' for i in range(n)]),
}


@pytest.mark.parametrize("name", MAPS)
def test_a_map(name: str) -> None:
    def check(size: int) -> None:
        beatmap = MAPS[name](size)
        analyse(Gathered(Evidence(beatmap, level=Level.NORMAL)), "map", SETTINGS)

    assert growth(check, 200) < LINEAR


@pytest.mark.parametrize("name", ["samples", "kiai for some beats", "red lines at one time", "notes at one time"])
def test_a_set(name: str, tmp_path: Path) -> None:
    def check(size: int) -> None:
        beatmaps = tuple(MAPS[name](size + i) for i in range(4))
        whole = Mapset(tmp_path, tuple(replace(one, path=Path(f"{i}.osu")) for i, one in enumerate(beatmaps)))
        analyse_set(MapsetEvidence(whole, [Evidence(one, mapset=whole) for one in whole.beatmaps]))

    assert growth(check, 200) < LINEAR


def test_an_onset_costs_the_same_in_a_song_of_any_length() -> None:
    def look_up(frames: int) -> None:
        envelope = onsets.OnsetEnvelope(np.ones(frames, np.float32), 5.0)
        for time in range(50):
            envelope.at(np.array([float(time)]), 15.0)

    assert growth(look_up, 1000) < 1.5


def test_dense_objects_are_aligned_by_some_of_them() -> None:
    """100,000 objects in 100 s: every window with all of its objects would take minutes."""
    rng = np.random.default_rng(3)
    envelope = onsets.OnsetEnvelope(rng.random(20_000, dtype=np.float32) ** 4, 5.0)
    found = onsets.local_alignment(envelope, np.arange(0, 100_000, 1.0), slopes=onsets.SLOPES_MS_PER_S[::10])
    assert found.counts.max() == 10_000 and len(found.lags) > 30


def test_variables_of_a_storyboard_that_name_each_other_fill_no_memory() -> None:
    names = [f"$v{number:02}" for number in range(40)]
    variables = [f"{name}={following * 2}" for name, following in zip(names, [*names[1:], "x"], strict=True)]
    (line,) = _storyboard_lines("\n".join(("[Variables]", *variables, "[Events]", f"Sprite,{names[0]}")))
    assert len(line) <= limits.MAX_EVENT_CHARS
