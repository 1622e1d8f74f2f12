"""What the model expects at a place: from models that can say it, with one encoded map at a time."""

from __future__ import annotations

from types import SimpleNamespace

from maimod.linter.expectations import Expectations
from maimod.linter.models import Networks
from maimod.linter.settings import Settings
from maimod.osu.beatmap import Beatmap, Mode
from tests import maps

SETTINGS = Settings(model="some", difficulty=5.0)


class Model:
    """Stands in for a checkpoint: keeps which maps it encoded."""

    needs_song = False

    def __init__(self, has_position_posterior: bool = True) -> None:
        self.has_position_posterior = has_position_posterior
        self.family, self.runner = self, "runner"
        self.encoded: list[Beatmap] = []

    def of(self, mode: Mode) -> Model:
        return self

    def encode(self, beatmap: Beatmap, *_: object) -> object:
        self.encoded.append(beatmap)
        return SimpleNamespace(position_posterior=lambda runner, hit_object: [(hit_object.x, 2.0, 0.5)])


def test_the_model_is_asked_about_one_encoded_map_at_a_time() -> None:
    model = Model()
    first, second = (maps.beatmap([f"{100 + i},100,{1000 + 250 * i},1,0" for i in range(n)]) for n in (20, 9))
    expected = Expectations(SETTINGS, Networks(model))  # type: ignore[arg-type]
    assert expected.positions(first, None, first.hit_objects[1]) == [(101.0, 2.0, 0.5)]
    expected.positions(first, None, first.hit_objects[2])
    expected.positions(second, None, second.hit_objects[0])
    assert model.encoded == [first, second]


def test_a_model_without_a_position_posterior_expects_no_place_and_encodes_nothing() -> None:
    silent, beatmap = Model(has_position_posterior=False), maps.beatmap(["100,100,1000,1,0"])
    for networks in (Networks(silent), Networks()):  # type: ignore[arg-type]
        assert Expectations(SETTINGS, networks).positions(beatmap, None, beatmap.hit_objects[0]) == []
    assert silent.encoded == []
