"""Where the model would put an object: the same words as the scores, and none of what comes after."""

import pytest

from maimod.events.schema import EventKind
from maimod.families.mini.position_posterior import _Branches
from maimod.linter.pipeline import Linter, load_model
from maimod.linter.settings import Settings
from tests import maps

OBJECTS = [f"{100 + 60 * (i % 5)},{100 + 40 * (i % 3)},{1000 + 500 * i},1,0,0:0:0:0:" for i in range(12)]


@pytest.fixture(scope="module")
def linter():
    settings = Settings(device="cpu")
    return Linter(settings, load_model(settings))


def test_branches_give_the_probabilities_of_the_scores(linter):
    beatmap = maps.beatmap(OBJECTS)
    scores = linter.score(beatmap, None)["map"]
    model, encoded = linter.read(beatmap, None)
    at = [i for i, score in enumerate(scores) if score.event.kind is EventKind.DISTANCE][7]
    branches = _Branches(model.network, encoded, encoded.windows[0], at)
    ranges = model.vocabulary.ranges
    distance, x, y = (ranges[score.event.kind] for score in scores[at : at + 3])
    said = [int(encoded.tokens.tokens[at + i]) for i in range(3)]
    other = distance.first_id + 1
    found = (
        branches.after([], [], distance)[0],
        branches.after([other, said[0]], [], x)[1],
        branches.after([other, said[0]], [(1, said[1])], y)[0],
    )
    for score, token, span, chances in zip(scores[at : at + 3], said, (distance, x, y), found, strict=True):
        assert float(chances[token - span.first_id]) == pytest.approx(2**-score.surprisal, rel=0.02, abs=1e-6)


def test_places_are_a_share_of_all(linter):
    beatmap = maps.beatmap(OBJECTS)
    model, encoded = linter.read(beatmap, None)
    places = encoded.position_posterior(model.network, beatmap.hit_objects[7])
    assert 0.2 < sum(chance for _, _, chance in places) <= 1.001
    assert places == sorted(places, key=lambda place: -place[2]) and places[0][2] > 0
    later = maps.beatmap([*OBJECTS[:8], "500,380,6000,1,0"])
    assert linter.position_posterior(later, None, later.hit_objects[7])[0][:2] == places[0][:2]


def test_modes_without_positions_have_no_places(linter):
    taiko = maps.beatmap(OBJECTS, mode=1)
    model, encoded = linter.read(taiko, None)
    assert encoded.position_posterior(model.network, taiko.hit_objects[3]) == []
