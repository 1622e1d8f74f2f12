"""Continuations: drawn from what the network predicts, token by token as in one pass, and from nothing after the place."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from maimod.events.grammar import successors
from maimod.events.schema import Event, EventKind
from maimod.events.vocabulary import Conditioning
from maimod.families.checkpoint import load_model
from maimod.families.continuation import Sampling, continuations
from maimod.families.family import Model
from maimod.linter.models import MODELS_FOLDER
from maimod.osu.beatmap import Beatmap, Mode
from tests import checkpoints, maps
from tests.families.test_numpy_networks import a_map, a_song

PLACE, UNTIL = 9000.0, 11_000.0


@pytest.fixture(scope="module")
def bundled():
    return load_model(MODELS_FOLDER / "maimod-mini", "cpu", "fp32", runtime="numpy")


def drawn(model: Model, beatmap: Beatmap, song, **sampling) -> list[list[Event]]:
    encoded = model.family.encode(beatmap, song, Conditioning(4.0))
    steps = continuations(model, encoded, PLACE, UNTIL, Sampling(**sampling))
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as end:
            assert shares == [share for share in shares if 0 <= share <= 1] and shares
            return end.value


@pytest.mark.parametrize("mode", range(4))
def test_continuations_are_legal_and_lie_between_the_place_and_the_end(bundled, mode):
    found = drawn(bundled, a_map(mode), a_song())
    follow = successors(bundled.vocabulary.schema, Mode(mode), bundled.vocabulary.schema.contexts[0])
    assert len(found) == 3 and any(found)
    for events in found:
        times = [event.time for event in events]
        assert times == sorted(times) and all(PLACE - 1 < time < UNTIL for time in times)
        for before, event in pairwise(events):
            assert event.kind in follow[before.kind]
        assert all(event.source is None for event in events)  # of no line of the map


def test_the_same_place_gives_the_same_and_another_seed_others(bundled):
    first, again = (drawn(bundled, a_map(0), a_song()) for _ in range(2))
    assert first == again and first[0] != first[1]
    assert drawn(bundled, a_map(0), a_song(), seed=2) != first
    # The likeliest token each time: all copies are the same.
    greedy = drawn(bundled, a_map(0), a_song(), top_p=0.0)
    assert greedy[0] == greedy[1] == greedy[2]


def test_what_the_map_has_at_the_place_and_after_it_does_not_matter(bundled):
    whole = a_map(0)
    cut = maps.beatmap([maps_line for maps_line in _lines(whole) if int(maps_line.split(",")[2]) < PLACE], mode=0)
    changed = maps.beatmap([*_lines(cut), "10,10,9000,1,8,0:0:0:0:", "500,380,9100,1,8,0:0:0:0:"], mode=0)
    facts = [drawn(bundled, beatmap, a_song()) for beatmap in (cut, changed)]
    assert facts[0] == facts[1]


def _lines(beatmap: Beatmap) -> list[str]:
    return [
        f"{o.x:.0f},{o.y:.0f},{o.time:.0f},1,{o.hitsound},0:0:0:0:" for o in beatmap.hit_objects if o.slider is None
    ]


SLIDERS = [
    "100,100,9000,2,0,L|200:100,1,100",
    "100,100,9500,2,0,B|150:50|200:100|200:100|250:150,3,140",
    "256,192,11000,12,0,12000",
    "100,300,12500,1,8",
]
OF_MODE = {
    0: SLIDERS,
    1: SLIDERS,
    2: SLIDERS,
    3: ["64,192,9000,128,0,9900:0:0:0:0:", "192,192,9000,1,0", "320,192,9500,1,2"],
}


@pytest.mark.parametrize("mode", range(4))
def test_what_a_mapper_wrote_is_a_legal_continuation(bundled, mode):
    encoded = bundled.family.encode(
        maps.beatmap(["64,192,8500,1,0", *OF_MODE[mode]], mode=mode), None, Conditioning(4.0)
    )
    branch = encoded.draft(9000.0, 2000.0).branch()
    first = next(place for place, event in enumerate(encoded.events) if event.time >= 9000)
    for event, token in zip(encoded.events[first:], encoded.tokens.tokens[first:].tolist(), strict=True):
        assert branch.legal()[token], event
        branch.append(token)
    written = [(event.kind, event.group) for event in encoded.events[first:]]
    assert [(event.kind, event.group) for event in branch.events] == written


def test_after_a_pause_nothing_is_drawn_before_the_place(bundled):
    paused = maps.beatmap([line for line in _lines(a_map(0)) if int(line.split(",")[2]) < PLACE - 2000], mode=0)
    encoded = bundled.family.encode(paused, a_song(), Conditioning(4.0))
    found = drawn(bundled, paused, a_song(), count=8, temperature=3.0, top_p=1.0)
    assert any(found)
    for events in found:
        assert not events or events[0].group == encoded.events[-1].group + 1  # none was drawn and left out


def test_whoever_stops_asking_ends_it(bundled, monkeypatch):
    encoded = bundled.family.encode(a_map(0), a_song(), Conditioning(4.0))
    asked = []
    runner = replace(bundled).runner
    monkeypatch.setattr(type(runner), "logits", lambda self, hidden: asked.append(1) or self.project(hidden))
    steps = continuations(bundled, encoded, PLACE, UNTIL)
    for _ in range(3):
        next(steps)
    steps.close()
    assert len(asked) == 3


# --- Token by token as in one pass ---


def compare(model: Model, encoded) -> None:
    """The hidden states of tokens that are added one by one, copies ending on the way, and those of one pass."""
    draft = encoded.draft(PLACE, 2000.0)
    tokens = draft.inputs.by_token["tokens"]
    length, added = len(tokens) - 12, range(len(tokens) - 12, len(tokens))
    start = replace(draft.inputs, by_token={name: array[:length] for name, array in draft.inputs.by_token.items()})
    growing = model.runner.begin(start, 3)
    found = [growing.first]
    for row in added:
        copies = [0, 1, 2] if row < length + 4 else [0, 2] if row < length + 8 else [2]
        by_token = {
            name: np.repeat(array[row : row + 1], len(copies), axis=0) for name, array in draft.inputs.by_token.items()
        }
        found.append(growing.extend(copies, by_token)[-1])
    (whole,) = model.runner.hidden([draft.inputs], [np.arange(length - 1, len(tokens))])
    assert np.abs(np.stack(found) - whole).max() < 2e-4 * max(1.0, float(np.abs(whole).max()))
    assert np.abs(whole[0] - whole[-1]).max() > 1e-2


@pytest.mark.parametrize("runtime", ["numpy", "torch"])
def test_the_bundled_network_goes_on_as_in_one_pass(runtime):
    if runtime == "torch":
        pytest.importorskip("torch")
    model = load_model(MODELS_FOLDER / "maimod-mini", "cpu", "fp32", runtime=runtime)
    compare(model, model.family.encode(a_map(0), a_song(), Conditioning(4.0)))


@pytest.mark.parametrize(
    ("version", "mode"),
    [("v29", 0), ("v29", 1), ("v30", 0), ("v31", 2), ("v31", 3), ("v32", 0), ("v32", 1), ("v32", 3)],
)
def test_published_networks_go_on_as_in_one_pass_and_are_drawn_from(version, mode, tmp_path):
    pytest.importorskip("torch")
    model = load_model(checkpoints.write(tmp_path / version, version), "cpu", "fp32")
    song = np.random.default_rng(1).normal(size=16_000 * 20).astype(np.float32)
    encoded = model.family.encode(a_map(mode, 60), song, Conditioning(4.0))
    assert encoded.draft(PLACE, 400.0).end >= PLACE + 400
    compare(model, encoded)
    shares = list(continuations(model, encoded, PLACE, PLACE + 1100, Sampling(count=8)))
    assert shares and all(0 <= share <= 1 for share in shares)


def test_times_of_published_networks_never_go_back(tmp_path):
    pytest.importorskip("torch")
    model = load_model(checkpoints.write(tmp_path / "v30", "v30"), "cpu", "fp32")
    encoded = model.family.encode(a_map(0, 60), np.zeros(16_000 * 20, np.float32), Conditioning(4.0))
    branch = encoded.draft(PLACE, 400.0).branch()
    times = [t for t in np.flatnonzero(branch.legal()).tolist() if model.vocabulary.kinds[t] is EventKind.TIME]
    before = branch.time
    branch.append(times[0])
    assert before - 10 <= branch.time <= before + 10
    branch.append(int(np.flatnonzero(branch.legal())[0]))  # its snap
    assert not branch.legal()[times].any()
