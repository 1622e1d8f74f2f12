"""Ids, prompts and legal successors follow from tokenizer.json."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from maimod.errors import CheckpointError
from maimod.events.grammar import successors
from maimod.events.schema import EventKind
from maimod.events.vocabulary import Conditioning, Vocabulary
from maimod.events.writer import from_beatmap
from maimod.families.mapperatorinator.versions import VERSIONS
from maimod.families.mini.encoding import tokenise
from maimod.families.registry import open_folder
from maimod.osu.beatmap import Mode
from maimod.osu.timing import BeatGrid
from tests import maps

BUNDLED = Path(__file__).parents[2] / "models" / "maimod-mini"

OBJECTS = [
    "100,100,0,5,2",
    "200,100,500,2,0,B|250:50|300:100|300:100|350:150,3,280,0|2|0|8,0:0|1:0|0:0|0:0",
    "256,192,4000,12,0,5000",
    "300,200,5500,1,8",
    "40,300,6000,2,0,P|90:250|140:300,1,140",
]
LINES = ["0,500,4,2,0,70,1,0", "2000,-50,4,1,0,40,0,1", "5500,400,3,3,0,80,1,0"]


@pytest.fixture(scope="module")
def bundled() -> Vocabulary:
    return open_folder(BUNDLED).vocabulary


def test_every_id_decodes_to_the_value_that_encodes_to_it(bundled: Vocabulary) -> None:
    for token in range(3, bundled.size_in):
        kind, value = bundled.decode(token)
        assert kind is not None
        if kind is not EventKind.TIME:
            assert bundled.encode(kind, value) == token
    assert [bundled.decode(token) for token in range(3)] == [(None, 0), (None, 1), (None, 2)]


def test_ranges_cover_all_ids_without_gaps(bundled: Vocabulary) -> None:
    spans = sorted((span.first_id, span.first_id + span.size) for span in bundled.ranges.values())
    assert spans[0][0] == 3 and spans[-1][1] == bundled.size_in
    assert all(before[1] == after[0] for before, after in pairwise(spans))


def test_values_out_of_range_are_clipped(bundled: Vocabulary) -> None:
    assert bundled.decode(bundled.encode(EventKind.VOLUME, 250)) == (EventKind.VOLUME, 100)
    assert bundled.decode(bundled.encode(EventKind.POS_X, -500))[1] == -32


def test_published_layouts_are_read_by_the_same_code() -> None:
    """V30's ids, from the table of the compatibility notes: times 3…3279, snap from 3280, circle 4595."""
    ranges = [
        ("t", 0, 3276),
        ("snap", 0, 16),
        ("dist", 0, 640),
        ("pos_x", -64, 192),
        ("pos_y", -64, 160),
        ("new_combo", 0, 0),
        ("hitsound", 0, 72),
        ("volume", 0, 100),
        ("circle", 0, 0),
    ]
    data = {
        "offset": 3,
        "input_event_ranges": [],
        "event_ranges": [{"type": t, "min_value": low, "max_value": high} for t, low, high in ranges],
    }
    vocabulary = Vocabulary(data, VERSIONS["V30"].schema)
    assert (
        vocabulary.encode(EventKind.SNAP, 0),
        vocabulary.encode(EventKind.POS_X, -64),
        vocabulary.encode(EventKind.CIRCLE, 0),
    ) == (3280, 3938, 4595)
    assert not vocabulary.ticks_for_time and vocabulary.time_step == 10


@pytest.mark.parametrize("damage", [{}, {"event_ranges": [{"type": "banana"}], "input_event_ranges": []}])
def test_damaged_files_are_refused_in_one_line(damage: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer.json cannot be used") as caught:
        Vocabulary(damage, VERSIONS["V30"].schema)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", [*VERSIONS, "bundled"])
def test_every_event_is_a_legal_successor_of_the_one_before(mode: Mode, name: str, bundled: Vocabulary) -> None:
    schema = VERSIONS[name].schema if name in VERSIONS else bundled.schema
    objects = (
        OBJECTS if mode is not Mode.MANIA else ["64,192,0,128,0,900:0:0:0:0:", "192,192,0,1,0", "320,192,1000,1,2"]
    )
    contexts = from_beatmap(maps.beatmap(objects, LINES, int(mode), events=["2,6500,7500"]), schema)
    for merged, events in zip(schema.contexts, contexts.values(), strict=True):
        follow = successors(schema, mode, merged)
        before = None
        for event in events:
            assert event.kind in follow[before], (before, event)
            before = event.kind


def test_the_prompt_tells_mode_difficulty_and_settings(bundled: Vocabulary) -> None:
    beatmap = maps.beatmap(OBJECTS, LINES, circle_size=4.2, slider_multiplier=1.8)
    kinds = [bundled.decode(token) for token in bundled.prompt(beatmap, Conditioning(stars=5.3))]
    assert kinds == [
        (EventKind.GAMEMODE, 0),
        (EventKind.DIFFICULTY, 10),
        (EventKind.HITSOUNDED, 1),
        (EventKind.GLOBAL_SV, 189),
        (EventKind.CS, 8),
    ]
    assert bundled.decode(bundled.prompt(beatmap, Conditioning())[1]) == (EventKind.DIFFICULTY, 24)


@pytest.fixture(scope="module")
def describing() -> Vocabulary:
    """A vocabulary with all class tokens whose values are computed, and nothing else but what it must have."""
    ranges = [("song_length", 0, 60), ("keycount", 1, 18), ("hold_note_ratio", -1, 12), ("scroll_speed_ratio", -1, 12)]
    ranges += [("global_sv", 40, 360), ("cs", 0, 21)]
    described = [{"type": kind, "min_value": low, "max_value": high} for kind, low, high in ranges]
    return Vocabulary({"event_ranges": [], "input_event_ranges": described}, VERSIONS["V32"].schema)


@pytest.mark.parametrize(("song_ms", "length"), [(0, 0), (9_999, 0), (10_000, 1), (599_999, 59), (10_000_000, 60)])
def test_song_length_is_in_tens_of_seconds(describing: Vocabulary, song_ms: float, length: int) -> None:
    tokens = describing.prompt(maps.beatmap(), Conditioning(song_ms=song_ms))
    assert (EventKind.SONG_LENGTH, length) in map(describing.decode, tokens)


@pytest.mark.parametrize(
    ("n_holds", "n_notes", "value"), [(0, 4, -1), (1, 24, 0), (1, 3, 2), (3, 1, 8), (24, 1, 10), (4, 0, 11)]
)
def test_ratios_are_in_tenths_with_values_of_their_own_for_none_and_all(
    describing: Vocabulary, n_holds: int, n_notes: int, value: int
) -> None:
    notes = [f"64,192,{100 * i},1,0" for i in range(n_notes)]
    holds = [f"192,192,{100 * i},128,0,{100 * i + 90}:0:0:0:0:" for i in range(n_holds)]
    mania = maps.beatmap([*notes, *holds], mode=3, circle_size=4)
    values = dict(map(describing.decode, describing.prompt(mania, Conditioning(), scroll_speed_ratio=0.34)))
    assert values[EventKind.HOLD_NOTE_RATIO] == value
    assert (values[EventKind.KEYCOUNT], values[EventKind.SCROLL_SPEED_RATIO]) == (4, 3)
    assert not {EventKind.CS, EventKind.GLOBAL_SV} & set(values)


def test_times_are_ticks_since_the_previous_time_whatever_the_tempo(bundled: Vocabulary) -> None:
    def shifts(beat_length: float) -> list[int]:
        beats = [0, 1, 1.5, 1.75, 4]
        beatmap = maps.beatmap([f"0,0,{round(b * beat_length)},1,0" for b in beats], [f"0,{beat_length},4,1,0,50,1,0"])
        encoded = tokenise(beatmap, from_beatmap(beatmap, bundled.schema)["map"], bundled, Conditioning())
        return [bundled.decode(int(t))[1] for t in encoded.tokens if bundled.kinds[t] is EventKind.TIME]

    assert shifts(500) == shifts(333.333) == [0, 48, 24, 12, 108]


class TestBeatGrid:
    grid = BeatGrid(maps.beatmap(["0,0,0,1,0"], ["0,500,4,1,0,50,1,0", "2001,250,3,1,0,50,1,0"]))

    def test_ticks_go_on_across_red_lines(self) -> None:
        assert self.grid.ticks(np.array([-250, 0, 250, 1999, 2001, 2126])).tolist() == [-24, 0, 24, 192, 192, 216]

    def test_times_invert_ticks(self) -> None:
        ticks = np.arange(-48, 400)
        assert self.grid.ticks(self.grid.times(ticks)).tolist() == ticks.tolist()

    def test_features_are_equal_at_equal_places_of_the_beat(self) -> None:
        assert np.allclose(self.grid.features(np.array([125.0])), self.grid.features(np.array([2001 - 2001 + 125.0])))
        features = self.grid.features(np.array([0.0, 2000.0 / 4, 2001.0]))
        assert features.shape == (3, 15) and np.isfinite(features).all() and np.abs(features).max() <= 1.5


def test_the_bundled_tokenizer_file_is_tidy() -> None:
    stored = json.loads((BUNDLED / "tokenizer.json").read_text())
    assert stored["offset"] == 3 and set(stored) == {"offset", "event_ranges", "input_event_ranges", "maimod"}
