"""Where the model would put an object: the same words as the scores, and none of what comes after."""

import pytest

from maimod.events.schema import EventKind
from maimod.families.mini.position_posterior import _Asked, position_posterior
from maimod.linter.pipeline import Linter, load_model
from maimod.linter.settings import Settings
from tests import maps

OBJECTS = [f"{100 + 60 * (i % 5)},{100 + 40 * (i % 3)},{1000 + 500 * i},1,0,0:0:0:0:" for i in range(12)]


@pytest.fixture(scope="module")
def linter():
    settings = Settings(device="cpu")
    return Linter(settings, load_model(settings))


def test_what_is_asked_is_what_was_scored(linter):
    beatmap = maps.beatmap(OBJECTS)
    scores = linter.score(beatmap, None)["map"]
    model, reading = linter.read(beatmap, None)
    at = [i for i, score in enumerate(scores) if score.event.kind is EventKind.DISTANCE][7]
    asked = _Asked(model, reading, reading.windows[0], at)
    ranges = model.vocabulary.ranges
    distance, x, y = (ranges[score.event.kind] for score in scores[at : at + 3])
    said = [int(reading.encoded.tokens[at + i]) for i in range(3)]
    other = distance.first_id + 1
    found = (
        asked.after([], [], distance)[0],
        asked.after([other, said[0]], [], x)[1],
        asked.after([other, said[0]], [(1, said[1])], y)[0],
    )
    for score, token, span, chances in zip(scores[at : at + 3], said, (distance, x, y), found, strict=True):
        assert float(chances[token - span.first_id]) == pytest.approx(2**-score.surprisal, rel=0.02, abs=1e-6)


def test_places_are_a_share_of_all(linter):
    beatmap = maps.beatmap(OBJECTS)
    places = position_posterior(*linter.read(beatmap, None), beatmap.hit_objects[7])
    assert 0.2 < sum(chance for _, _, chance in places) <= 1.001
    assert places == sorted(places, key=lambda place: -place[2]) and places[0][2] > 0
    later = maps.beatmap([*OBJECTS[:8], "500,380,6000,1,0"])
    assert linter.position_posterior(later, None, later.hit_objects[7])[0][:2] == places[0][:2]


def test_models_are_not_asked_what_they_do_not_say(linter):
    taiko = maps.beatmap(OBJECTS, mode=1)
    assert position_posterior(*linter.read(taiko, None), taiko.hit_objects[3]) == []
