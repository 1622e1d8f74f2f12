"""Prompts and samples of the published checkpoints: what is in force when a window begins, and times at any rate."""

from __future__ import annotations

import numpy as np
import pytest

from maimod.events.schema import EventKind
from maimod.events.vocabulary import SOS, Conditioning
from maimod.families.family import Excerpt
from maimod.families.mapperatorinator.encoding import FULL_SCALE
from maimod.families.mapperatorinator.family import Mapperatorinator
from maimod.families.windows import Span, Window
from maimod.osu.beatmap import Beatmap
from tests import checkpoints, maps

OBJECTS = [f"{100 + 40 * (i % 8)},200,{300 * i},1,0,0:0:0:0:" for i in range(40)]
LINES = ["0,300,4,2,0,70,1,0", "3000,-50,4,2,0,70,0,1", "6000,-200,4,2,0,70,0,0"]
SAMPLES = 12_000 * 16


def opened(version: str) -> Mapperatorinator:
    return Mapperatorinator(checkpoints.tokenizer(version), checkpoints.config(version))


def a_map() -> Beatmap:
    return maps.beatmap(OBJECTS, LINES, mode=1)  # taiko: scroll speeds are written where they change


def state(family: Mapperatorinator, start: float, exact: bool) -> list[tuple[str, int]]:
    """Kinds and values of the tokens before SOS that tell what is in force at `start`."""
    encoded = family.encode(a_map(), np.zeros(SAMPLES, dtype=np.float32), Conditioning(), exact)
    nothing = np.zeros(0, dtype=np.int64)
    window = Window(start, start + family.config.window_ms, tuple(Span(nothing, nothing) for _ in encoded.contexts))
    tokens = encoded.inputs(window).by_token["tokens"].tolist()
    count = len(family.version.state)
    decoded = [family.vocabulary.decode(token) for token in tokens[: tokens.index(SOS)][-count:]] if count else []
    return [(str(kind), value) for kind, value in decoded]


@pytest.mark.parametrize(
    ("start", "kiai", "speed", "position"),
    [(0.0, 0, 100, -1), (3000.0, 0, 100, 25), (3001.0, 1, 200, 25), (6001.0, 0, 50, 50), (12_000.0, 0, 50, 101)],
)
def test_prompts_tell_what_is_in_force_before_the_window(start: float, kiai: int, speed: int, position: int) -> None:
    """A change at the beginning of a window is in the window, not in force before it."""
    told = {"kiai": kiai, "scroll_speed": speed, "song_position": position}
    for version, kinds in (
        ("v29", ["kiai", "scroll_speed", "song_position"]),
        ("v31", ["kiai", "scroll_speed"]),
        ("v32", ["scroll_speed", "song_position"]),
    ):
        assert state(opened(version), start, exact=False) == [(kind, told[kind]) for kind in kinds]


def test_the_original_tells_v29_that_kiai_is_off() -> None:
    assert state(opened("v29"), 3001.0, exact=True)[0] == ("kiai", 0)
    assert state(opened("v31"), 3001.0, exact=True)[0] == ("kiai", 1)


@pytest.mark.parametrize("version", ["v29", "v30", "v31", "v32"])
@pytest.mark.parametrize("rate", [1.0, 0.8, 1.25])
def test_times_and_song_run_at_one_rate(version: str, rate: float) -> None:
    """The song is a straight line, so each sample tells where it was taken from."""
    family = opened(version)
    song = (np.arange(SAMPLES) // 8).astype(np.int16)
    tokens = family.tokenise(maps.beatmap(OBJECTS, LINES), song, Conditioning(4.0))
    assert tokens is not None
    length = family.config.window_ms * rate
    drawn = family.training_window(tokens, song, Excerpt(1_000, 800, rate, shift_ms=5.0)).inputs
    found = family.vocabulary
    kinds = [found.kinds[token] for token in drawn.by_token["tokens"]]
    ticks = [found.decode(int(t))[1] for t, kind in zip(drawn.by_token["tokens"], kinds, strict=True) if kind == "t"]
    shown = np.concatenate([times[(times >= 1_000) & (times < 1_000 + length)] for times in tokens.times])
    assert max(ticks) == int((shown.max() - 1_000) / rate / 10) and len(ticks) > 5
    assert set(ticks) <= {int((time - 1_000) / rate / 10) for time in shown}
    places = (1_005 * 16 + np.arange(family.config.window_samples) * rate) / 8 / FULL_SCALE
    assert drawn.by_window["samples"] == pytest.approx(places, abs=1.5 / FULL_SCALE)


def test_an_unknown_mapper_is_forgotten_by_the_vector_too() -> None:
    family = opened("v31")
    song = np.zeros(SAMPLES, dtype=np.int16)
    tokens = family.tokenise(maps.beatmap(OBJECTS, LINES), song, Conditioning(4.0, mapper_id=20))
    assert tokens is not None

    def mapper(forgotten: frozenset[EventKind]) -> int:
        drawn = family.training_window(tokens, song, Excerpt(0, 800, forgotten=forgotten))
        return int(drawn.inputs.by_window["mapper"])

    assert (mapper(frozenset()), mapper(frozenset({EventKind.MAPPER}))) == (1, -1)


@pytest.mark.parametrize("version", ["v29", "v30", "v31", "v32"])
@pytest.mark.parametrize("conditioning", [Conditioning(), Conditioning(4.0, mapper_id=20)])
def test_arrays_of_a_map_are_the_map(version: str, conditioning: Conditioning) -> None:
    family, song = opened(version), np.zeros(SAMPLES, dtype=np.int16)
    tokens = family.tokenise(maps.beatmap(OBJECTS, LINES), song, conditioning)
    assert tokens is not None
    again = family.from_arrays(family.to_arrays(tokens))
    for name in ("tokens", "is_time", "times", "groups"):
        assert all(map(np.array_equal, getattr(tokens, name), getattr(again, name)))
    for name in ("head", "marks", "state", "stars", "mapper", "song_ms"):
        assert getattr(tokens, name) == getattr(again, name)
