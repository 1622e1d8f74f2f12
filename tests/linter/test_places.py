"""Places of a map: candidates about one place are judged together, by everything known there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from maimod.events.schema import Event, EventKind, EventScore
from maimod.features import slip_model
from maimod.features.models.layers import Layer
from maimod.features.models.sequence_network import SequenceNetwork
from maimod.features.models.trees import Trees
from maimod.features.slip_model import Forest, SlipModel
from maimod.findings import Category, Tier
from maimod.linter import places as module
from maimod.linter.calibration import Calibration
from maimod.linter.places import NAMES, Place, RatedCandidate
from maimod.linter.rescore import can_judge, judged_places
from maimod.osu.beatmap import Beatmap
from maimod.osu.mapset import Mapset
from maimod.rules import RULES, new_combos
from maimod.rules.base import Candidate, Rule, candidate
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import habits, own_sets, volume_changes
from maimod.rules.positions import unexpected
from maimod.rules.rhythm import objects as rhythm_objects
from maimod.rules.sliders import directions as slider_directions
from maimod.rules.sliders import shapes as slider_shapes
from tests.findings import doubted, judgeable
from tests.maps import beatmap

MAP = beatmap([f"{64 + 40 * (i % 8)},192,{1000 + 500 * i},{5 if i % 8 == 0 else 1},0,0:0:0:0:" for i in range(40)])


def evidence(doubts: dict[tuple[str, float], float] | None = None, scores: tuple[EventScore, ...] = ()) -> Evidence:
    return replace(doubted(MAP, doubts or {}), scores=scores)


def about(rule: Rule, at: int, **details: object) -> Candidate:
    o = MAP.hit_objects[at]
    details = {"time": o.time, "line": o.line, "objects": [o], "message": "message"} | details
    return candidate(rule, **details)  # type: ignore[arg-type]


def value(features: np.ndarray, name: str, row: int = 0) -> float:
    return float(features[row, NAMES.index(name)])


def test_every_name_is_a_column_and_only_once() -> None:
    _, features = judged_places([about(rhythm_objects.WRONG_TICK, 5, measure=5.0)], evidence(), Calibration())
    assert features.shape == (1, len(NAMES)) and len(set(NAMES)) == len(NAMES)
    assert features.dtype == np.float32


def test_candidates_of_one_category_at_one_object_are_one_place() -> None:
    found = [
        about(rhythm_objects.WRONG_TICK, 5, measure=5.0),
        about(rhythm_objects.UNEXPECTED_OBJECT, 5, proposed=-2.0),
        about(new_combos.MISSING, 5, measure=3.0),
        about(rhythm_objects.WRONG_TICK, 6, measure=5.0),
    ]
    places, _ = judged_places(found, evidence(), Calibration())
    assert [(p.category, p.rank, len(p.candidates)) for p in places] == [
        (Category.RHYTHM, 5, 2),
        (Category.NEW_COMBOS, 5, 1),
        (Category.RHYTHM, 6, 1),
    ]


def test_an_empty_slot_is_another_place_than_the_object_before_it() -> None:
    hole = about(rhythm_objects.MISSING_OBJECT, 5, time=MAP.hit_objects[5].time + 250, measure=9.0)
    places, features = judged_places(
        [about(rhythm_objects.WRONG_TICK, 5, measure=5.0), hole], evidence(), Calibration()
    )
    assert len(places) == 2
    assert [value(features, "empty", row) for row in range(2)] == [0.0, 1.0]


def test_exact_rules_have_no_place_but_are_known() -> None:
    exact = about(rhythm_objects.UNSNAPPED, 5)
    places, features = judged_places([exact, about(unexpected.UNEXPECTED, 5, measure=2.0)], evidence(), Calibration())
    assert [p.category for p in places] == [Category.POSITIONS]
    assert value(features, "exact_here") == 1.0
    assert {RULES[rule].tier for rule in module.RULE_IDS} == {Tier.ESTIMATED}


def test_what_a_rule_measured_and_what_the_discriminator_says_there() -> None:
    at = MAP.hit_objects[12]
    seen = evidence({("combo", at.time): 1.5, ("place", at.time + 125): -1.0, ("extra", at.time - 500): 0.5})
    _, features = judged_places([about(new_combos.MISSING, 12, measure=2.9)], seen, Calibration())
    assert value(features, "rule new-combos/missing") == 0.0  # the middle of its curve
    assert value(features, "rule rhythm/wrong-tick") == module.SILENT
    assert value(features, "slot combo") == 1.5 and value(features, "rank combo") == 0.0
    assert value(features, "slot place") == -12.0 and value(features, "near place") == -1.0
    assert value(features, "near extra") == -12.0 and value(features, "wide extra") == 0.5


def test_what_a_rule_measures_is_not_bounded_by_the_highest_score_that_it_has_alone() -> None:
    _, features = judged_places([about(own_sets.OWN_SETS, 5, measure=44.0)], evidence(), Calibration())
    assert value(features, "rule hitsounds/own-sets") == pytest.approx(2.0, abs=0.01)
    assert Calibration().score(own_sets.OWN_SETS, "", 44.0) == 0.29


def test_what_the_generator_says_there_and_beside_it() -> None:
    def surprised(at: int, kind: EventKind, bits: float, group: int) -> EventScore:
        o = MAP.hit_objects[at]
        return EventScore(Event(kind, 0, int(o.time), group, o), bits, 2.5, ())

    scores = (
        surprised(11, EventKind.TIME, 3.0, 1),
        surprised(12, EventKind.POS_X, 6.0, 2),
        surprised(12, EventKind.POS_Y, 1.0, 2),
        surprised(13, EventKind.HITSOUND, 4.0, 3),
    )
    _, features = judged_places([about(unexpected.UNEXPECTED, 12, measure=2.0)], evidence(scores=scores), Calibration())
    assert value(features, "bits position") == 7.0 and value(features, "rank position bits") == 0.0
    assert value(features, "before time") == 3.0 and value(features, "after sound") == 4.0


def test_what_the_model_of_slips_says_of_the_object_and_its_neighbours() -> None:
    always = Trees(-5.0)
    one = Trees.of(0.0, [0, -1, -1], [15.0, 3.0, -1.0], [1, 0, 0], [2, 0, 0])
    model = SlipModel(1, Forest(["exact"], one), Forest([], always))
    seen = replace(evidence(), slip_model=model)
    assert seen.slips is not None
    exact = (seen.slips.measures.residuals <= 1.5).sum(axis=1)
    found = [about(unexpected.UNEXPECTED, at, measure=2.0) for at in range(40)]
    _, features = judged_places(found, seen, Calibration())
    log_odds = [value(features, "slip position log-odds", row) for row in range(40)]
    assert log_odds == [3.0 if count <= 15.0 else -1.0 for count in exact.tolist()] and len(set(log_odds)) == 2
    high = log_odds.index(3.0)
    low = next(row for row in range(40) if max(log_odds[max(row - 2, 0) : row + 3]) == -1.0)
    assert value(features, "slip position lead", low) == 0.0
    assert value(features, "slip position beside", low) == -1.0
    assert value(features, "slip position rank", high) < value(features, "slip position rank", low)
    minutes = max(MAP.drain_ms / 60_000, 0.2)
    per_minute = value(features, "slip position rank", high) - np.log2(minutes)
    assert value(features, "slip position a minute", high) == pytest.approx(per_minute, abs=1e-4)
    assert value(features, "slip shape log-odds", high) == slip_model.NO_SLIP  # no sliders
    _, features = judged_places(found, evidence(), Calibration())
    assert value(features, "slip position log-odds", high) == slip_model.NO_SLIP


def test_what_the_model_of_forms_says() -> None:
    """A map of circles half a beat apart, and a slider with a repeat among them."""
    lines = [f"{100 + 20 * (i % 8)},192,{1000 + 250 * i},1,0,0:0:0:0:" for i in range(60) if i not in (31, 32)]
    lines.append("200,192,8500,2,0,L|235:192,2,35,0|0|0,0:0|0:0|0:0,0:0:0:0:")
    loaded = beatmap(sorted((line for line in lines if ",8500,1," not in line), key=lambda one: int(one.split(",")[2])))
    unknown = Trees.of(0.0, [0, -1, -1], [0.5, 2.0, -6.0], [1, 0, 0], [2, 0, 0])
    always = Forest([], Trees(-5.0))
    model = SlipModel(1, always, always, forms=Forest(["count form"], unknown))
    places = [
        candidate(rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
        for o in loaded.hit_objects
    ]

    def log_odds(model: SlipModel, name: str = "log-odds") -> list[float]:
        _, features = judged_places(places, judgeable(loaded, {}, slip_model=model), Calibration())
        return [value(features, f"slip form {name}", row) for row in range(len(places))]

    assert log_odds(model) == [2.0 if o.slider else -6.0 for o in loaded.hit_objects]
    odd = next(o.index for o in loaded.hit_objects if o.slider)
    assert log_odds(model, "lead")[odd] == 8.0 and log_odds(model, "rank")[odd] == 0.0
    without = SlipModel(1, always, always)
    assert set(log_odds(without)) == {slip_model.NO_SLIP}


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (3, {"position": -1.0, "chord": -2.0, "end": -3.0}),
        (1, {"colour": -4.0}),
        (2, {"position": -5.0, "form": 7.0, "plane": 9.0}),
    ],
)
def test_what_the_models_of_other_modes_say_goes_into_features_of_its_own(mode: int, says: dict[str, float]) -> None:
    def constant(value: float) -> Forest:
        return Forest([], Trees(value))

    parts = {"columns": -1.0, "chords": -2.0, "ends": -3.0, "colours": -4.0, "catch": -5.0, "forms": 7.0}
    model = SlipModel(1, constant(9.0), constant(9.0), **{name: constant(value) for name, value in parts.items()})
    loaded = beatmap([f"{64 + 40 * (i % 8)},192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(40)], mode=mode)
    o = loaded.hit_objects[7]
    found = [
        candidate(rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
    ]
    seen = judgeable(loaded, {}, slip_model=model)
    _, features = judged_places(found, seen, Calibration())
    kinds = ("position", "shape", "chord", "end", "colour", "form", "plane")
    assert {kind: value(features, f"slip {kind} log-odds") for kind in kinds} == {
        kind: says.get(kind, slip_model.NO_SLIP) for kind in kinds
    }


def always_saying(key: str, *values: float) -> list[SequenceNetwork]:
    """Networks of a key that say a number of each output whatever they read."""
    names = list(slip_model.NETWORK_FEATURES[key])[:1]
    last = Layer.of(np.zeros((len(values), 2)), np.array(values))
    first = Layer.of(np.zeros((1, 1)), np.zeros(1))
    return [SequenceNetwork([0.0], [1.0], names, list(slip_model.OUTPUTS[key]), first, [], last)]


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (0, {"position": 1.0, "form": 3.0}),
        (1, {"colour": 5.0}),
        # Bodies by the networks of catch and of osu!, forms by those of catch.
        (2, {"position": 4.0, "form": 11.0, "plane": 5.0}),
        (3, {"position": 6.0, "chord": 7.0, "end": 8.0}),
    ],
)
def test_what_the_networks_of_slips_say_goes_into_features_of_its_own(mode: int, says: dict[str, float]) -> None:
    always = Forest([], Trees(-5.0))
    networks = {
        "osu": always_saying("osu", 1.0, 2.0),
        "forms": always_saying("forms", 3.0),
        "catch": always_saying("catch", 4.0),
        "catch bodies": always_saying("catch bodies", 9.0, 10.0),
        "catch forms": always_saying("catch forms", 11.0),
        "taiko": always_saying("taiko", 5.0),
        "mania": always_saying("mania", 6.0, 7.0, 8.0),
    }
    forests = dict.fromkeys(("catch", "columns", "chords", "ends", "colours"), always)
    model = SlipModel(1, always, always, networks=networks, **forests)
    lines = [f"{64 + 40 * (i % 8)},192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(40)]
    lines[8] = "100,192,5000,12,0,5400"
    loaded = beatmap([line for line in lines if mode != 3 or ",12,0," not in line], mode=mode)
    found = [
        candidate(rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
        for o in loaded.hit_objects
    ]
    _, features = judged_places(found, judgeable(loaded, {}, slip_model=model), Calibration())
    kinds = ("position", "shape", "chord", "end", "colour", "form", "plane")
    assert {kind: value(features, f"slip {kind} in sequence log-odds", 7) for kind in kinds} == {
        kind: says.get(kind, slip_model.NO_SLIP) for kind in kinds
    }
    if mode == 0:  # a spinner cannot have slipped
        assert value(features, "slip position in sequence log-odds", 8) == slip_model.NO_SLIP
    two = {key: [*networks[key], *always_saying(key, *[9.0] * len(slip_model.OUTPUTS[key]))] for key in networks}
    seen = judgeable(loaded, {}, slip_model=msgspec.structs.replace(model, networks=two))
    _, features = judged_places(found, seen, Calibration())
    kind, alone = next(iter(says.items()))
    assert value(features, f"slip {kind} in sequence log-odds", 7) == (alone + 9.0) / 2


def test_bodies_of_catch_are_measured_with_their_y() -> None:
    """Sliders that go the same way in x, all but one with the same bow in y."""
    always = Forest([], Trees(-5.0))
    rows = [
        f"{100 + 20 * (i % 8)},100,{1000 + 500 * i},2,0,B|{150 + 20 * (i % 8)}:{180 if i == 17 else 140}|{200 + 20 * (i % 8)}:100,1,105"
        for i in range(40)
    ]
    rows[25] = rows[25].replace(":100,1", ":100|210:100,1")  # one control point more
    loaded = beatmap(rows, mode=2)
    places = [
        candidate(rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
        for o in loaded.hit_objects
    ]
    model = SlipModel(1, always, always, catch=always)
    _, features = judged_places(places, judgeable(loaded, {}, slip_model=model), Calibration())
    assert value(features, "slip shape log-odds", 17) == -5.0
    assert value(features, "lies copies_share", 17) < 0.1 < 0.8 < value(features, "lies copies_share", 20)
    assert value(features, "body points_odds", 25) > 1.0 > 0.0 > value(features, "body points_odds", 20)


def test_other_colours_and_the_copies_are_those_of_the_notes_alone() -> None:
    always = Forest([], Trees(-5.0))
    model = SlipModel(1, always, always, colours=always)
    lines = [f"256,192,{1000 + 250 * i},1,{8 * (i % 8 in (2, 4, 5, 7))},0:0:0:0:" for i in range(96)]
    lines[23] = "256,192,6750,2,0,L|300:192,1,10"  # a drum roll has no colour
    lines[44] = "256,192,12000,1,0,0:0:0:0:"  # a kat became a don
    loaded = beatmap(lines, mode=1)
    found = [
        candidate(rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
        for o in loaded.hit_objects
    ]
    _, features = judged_places(found, judgeable(loaded, {}, slip_model=model), Calibration())
    names = ("columns mirrored row", "chord copies other column")
    assert [value(features, name, 23) for name in (*names, "finisher odds")] == [0.0, 0.0, 0.0]
    assert value(features, "finisher odds", 44) < -3.0
    assert value(features, names[0], 44) > 3.0 > 1.0 > value(features, names[0], 60)
    assert value(features, names[1], 44) > 0.9 > 0.2 > value(features, names[1], 60)
    _, features = judged_places(found, judgeable(loaded, {}), Calibration())
    assert value(features, names[1], 44) == 0.0


def test_the_way_of_the_catcher_and_that_of_the_copies() -> None:
    always = Forest([], Trees(-5.0))
    model = SlipModel(1, always, always, catch=always)
    lines = [f"{(56, 136, 216, 136, 232, 456, 376, 296)[i % 8]},192,{1000 + 250 * i},1,0,0:0:0:0:" for i in range(64)]
    lines[37] = "336,192,10250,1,0,0:0:0:0:"
    loaded = beatmap(lines, mode=2)
    found = [
        candidate(rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
        for o in loaded.hit_objects
    ]
    _, features = judged_places(found, judgeable(loaded, {}, slip_model=model), Calibration())
    assert value(features, "way distance in", 45) == 224.0 and value(features, "way distance in", 37) == 104.0
    assert value(features, "catch copies longer", 37) > 0.99 > 0.2 > value(features, "catch copies longer", 45)
    _, features = judged_places(found, judgeable(loaded, {}), Calibration())
    assert value(features, "way distance in", 45) == value(features, "catch copies longer", 37) == 0.0


def test_the_other_difficulties_are_known() -> None:
    other = beatmap(
        [f"64,64,{1000 + 1000 * i},{5 if i % 2 else 1},0,0:0:0:0:" for i in range(20)],
        metadata={"Version": "Easy"},
        path="easy.osu",
    )
    seen = replace(evidence(), mapset=Mapset(Path(), (MAP, other)))
    found = [about(rhythm_objects.UNEXPECTED_OBJECT, at, measure=5.0) for at in (2, 3)]
    _, features = judged_places(found, seen, Calibration())
    assert [value(features, "siblings_with_object", row) for row in range(2)] == [1.0, 0.0]
    assert [value(features, "siblings_with_flag", row) for row in range(2)] == [1.0, 0.0]
    odds = [value(features, "starts extra", row) for row in range(2)]
    assert odds[0] < odds[1]


def test_the_holds_of_the_other_difficulties_are_known_in_mania_alone() -> None:
    always = Forest([], Trees(-5.0))
    model = SlipModel(1, always, always, columns=always, chords=always, ends=always, colours=always)

    def of(mode: int, lengths: Sequence[int], path: str) -> Beatmap:
        lines = [
            f"{64 + 128 * (i % 4)},192,{1000 + 500 * i},{f'128,0,{1000 + 500 * i + end}:' if end else '1,0,'}0:0:0:0:"
            for i, end in enumerate(lengths)
        ]
        return beatmap(lines, mode=mode, path=path)

    lengths = [250, 0] * 20
    other = of(3, lengths, "other.osu")
    for own, expected in (
        (of(3, [*lengths[:20], 375, *lengths[21:]], "own.osu"), 1.0),
        (of(1, 40 * [0], "own.osu"), 0.0),
    ):
        found = [
            candidate(rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
            for o in own.hit_objects
        ]
        seen = judgeable(own, {}, slip_model=model, mapset=Mapset(Path(), (own, other)))
        _, features = judged_places(found, seen, Calibration())
        assert value(features, "set other end", 20) == expected
        assert value(features, "set holds", 0) == expected and value(features, "set holds", 1) == 0.0


def test_notes_are_ranked_by_their_ends_apart_from_holds() -> None:
    always = Forest([], Trees(-9.0))
    ends = Forest(["hold"], Trees.of(0.0, [0, -1, -1], [0.5, -4.0, 2.0], [1, 0, 0], [2, 0, 0]))
    model = SlipModel(1, always, always, columns=always, chords=always, ends=ends, colours=always)
    lines = [
        f"{64 + 128 * (i % 4)},192,{1000 + 500 * i},{f'128,0,{1250 + 500 * i}:' if i % 2 else '1,0,'}0:0:0:0:"
        for i in range(40)
    ]
    own = beatmap(lines, mode=3)
    found = [
        candidate(rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
        for o in own.hit_objects
    ]
    _, features = judged_places(found, judgeable(own, {}, slip_model=model), Calibration())
    assert value(features, "slip end rank", 0) > value(features, "slip end rank", 1)
    assert value(features, "holds rank of kind", 0) == value(features, "holds rank of kind", 1) > 0
    assert value(features, "holds ahead of kind", 0) == 0


def test_the_notes_of_a_chord_have_the_gaps_of_the_chord() -> None:
    lines = [
        f"{64 + 128 * column},192,{1000 + 250 * row},1,0,0:0:0:0:" for row in range(4) for column in range(row + 1)
    ]
    hold = "448,192,1250,128,0,2750:0:0:0:0:"
    own = beatmap([*lines[:3], hold, *lines[3:]], mode=3)
    found = [
        candidate(rhythm_objects.UNEXPECTED_KIND, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
        for o in own.hit_objects
    ]
    _, features = judged_places(found, judgeable(own, {}), Calibration())
    gaps = [[round(2 ** value(features, f"gap_{side}", row), 2) for row in range(11)] for side in ("before", "after")]
    assert gaps == [[16.0] + 10 * [0.5], 7 * [0.5] + 4 * [16.0]]


def test_a_chord_of_another_difficulty_has_all_kinds_of_its_notes() -> None:
    def holds(*columns: int) -> Beatmap:
        lines = [
            f"{64 + 128 * column},192,1000,{'128,0,1500:' if column in columns else '1,0,'}0:0:0:0:"
            for column in (0, 1)
        ]
        return beatmap([*lines, "64,192,2000,1,0,0:0:0:0:"], mode=3, path=f"{columns}.osu")

    own = holds(0)
    found = [
        candidate(rhythm_objects.UNEXPECTED_KIND, time=o.time, line=o.line, objects=[o], message="message", measure=5.0)
        for o in own.hit_objects[:2]
    ]
    others = (own, holds(1), holds())
    seen = judgeable(own, {}, mapset=Mapset(Path(), others))
    _, features = judged_places(found, seen, Calibration())
    assert [value(features, "siblings_same_kind", row) for row in range(2)] == [0.5, 1.0]


def test_the_strongest_candidate_gives_the_words() -> None:
    weak, strong = about(slider_shapes.SHAPE, 4, measure=1.0), about(slider_directions.REPEATS, 4, measure=9.0)
    place = Place(Category.SLIDERS, 0.0, 4, 0, [RatedCandidate(weak, -2.0, -5.0), RatedCandidate(strong, 1.0, -7.0)])
    assert place.best.candidate is strong


@pytest.mark.parametrize("missing", ["scores", "corruption"])
def test_both_networks_are_needed(missing: str) -> None:
    assert can_judge(evidence())
    assert not can_judge(replace(evidence(), **{missing: None}))


def test_places_in_a_stretch_that_lacks_a_line_know_of_it() -> None:
    numbers = {"bits": 7.0, "bits_of_copies": 3.0, "bits_of_difficulties": 4.0, "ends_at_line": True, "beats": 8.0}
    found = [
        about(volume_changes.STEP, 5, measure=7.0, end_time=MAP.hit_objects[9].time, **numbers),
        about(habits.VOLUME, 7, proposed=-2.0),
        about(rhythm_objects.WRONG_TICK, 7, measure=5.0),
        about(habits.VOLUME, 12, proposed=-2.0),
    ]
    places, features = judged_places(found, evidence(), Calibration())
    assert [place.rank for place in places if place.category is Category.HITSOUNDS] == [5, 7, 12]
    at = {(place.rank, place.category): number for number, place in enumerate(places)}
    start, inside = at[5, Category.HITSOUNDS], at[7, Category.HITSOUNDS]
    assert value(features, "stretch bits_of_difficulties", start) == 4 and value(
        features, "stretch ends_at_line", start
    )
    assert value(features, "stretch bits_of_difficulties", inside) == 0
    around = [value(features, "stretch around", at[key]) for key in ((5, Category.HITSOUNDS), (7, Category.HITSOUNDS))]
    assert around == [7, 7]
    assert value(features, "stretch around", at[7, Category.RHYTHM]) == 0
    assert value(features, "stretch around", at[12, Category.HITSOUNDS]) == 0


def test_a_new_combo_unlike_those_around_is_first_of_its_map() -> None:
    lines = [
        f"{64 + 40 * (i % 8)},192,{1000 + 500 * i},{5 if i % 8 == 0 or i == 21 else 1},0,0:0:0:0:" for i in range(40)
    ]
    loaded = beatmap(lines)
    objects = [loaded.hit_objects[i] for i in (21, 30)]
    found = [about(new_combos.MISSING, 5, time=o.time, line=o.line, objects=[o], measure=3.0) for o in objects]
    _, features = judged_places(found, judgeable(loaded, {}), Calibration())
    assert value(features, "habit combo_off") > 1.0 > value(features, "habit combo_off", 1)
    assert value(features, "rank habit combo_off") == 0.0 < value(features, "rank habit combo_off", 1)
