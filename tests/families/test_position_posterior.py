"""The position posterior agrees with the scores and does not depend on later objects."""

import pytest

from maimod.events.schema import EventKind
from maimod.linter.expectations import Expectations
from maimod.linter.gather import encode, score
from maimod.linter.models import Networks, load_models
from maimod.linter.progress import result_of
from maimod.linter.settings import Settings
from tests import maps

OBJECTS = [f"{100 + 60 * (i % 5)},{100 + 40 * (i % 3)},{1000 + 500 * i},1,0,0:0:0:0:" for i in range(12)]


SETTINGS = Settings(device="cpu")


@pytest.fixture(scope="module")
def networks():
    return Networks(load_models(SETTINGS))


def test_branches_give_the_probabilities_of_the_scores(networks):
    beatmap = maps.beatmap(OBJECTS)
    scores = result_of(score(beatmap, None, SETTINGS, networks))["map"]
    model, encoded = encode(beatmap, None, SETTINGS, networks)
    at = [i for i, one in enumerate(scores) if one.event.kind is EventKind.DISTANCE][7]
    branches = encoded.branches(model.runner, beatmap.hit_objects[7])
    ranges = model.vocabulary.ranges
    distance, x, y = (ranges[one.event.kind] for one in scores[at : at + 3])
    said = [int(encoded.tokens.tokens[at + i]) for i in range(3)]
    other = distance.first_id + 1
    found = (
        branches.after([], [], distance)[0],
        branches.after([other, said[0]], [], x)[1],
        branches.after([other, said[0]], [(1, said[1])], y)[0],
    )
    for one, token, span, chances in zip(scores[at : at + 3], said, (distance, x, y), found, strict=True):
        assert float(chances[token - span.first_id]) == pytest.approx(2**-one.surprisal, rel=0.02, abs=1e-6)


def test_places_are_a_share_of_all(networks):
    beatmap = maps.beatmap(OBJECTS)
    model, encoded = encode(beatmap, None, SETTINGS, networks)
    places = encoded.position_posterior(model.runner, beatmap.hit_objects[7])
    assert 0.2 < sum(chance for _, _, chance in places) <= 1.001
    assert places == sorted(places, key=lambda place: -place[2]) and places[0][2] > 0
    later = maps.beatmap([*OBJECTS[:8], "500,380,6000,1,0"])
    assert Expectations(SETTINGS, networks).positions(later, None, later.hit_objects[7])[0][:2] == places[0][:2]


def test_modes_without_positions_have_no_places(networks):
    taiko = maps.beatmap(OBJECTS, mode=1)
    model, encoded = encode(taiko, None, SETTINGS, networks)
    assert encoded.position_posterior(model.runner, taiko.hit_objects[3]) == []
