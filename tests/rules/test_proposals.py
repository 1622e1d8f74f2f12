"""What the discriminator alone suggests: each rule that says so, where it says so, in the right words."""

from __future__ import annotations

import pytest

from maimod.discriminator.prediction import KINDS
from maimod.features.copies import usual_objects
from maimod.findings import clock
from maimod.osu.beatmap import Beatmap
from maimod.rules import RULES, elsewhere, new_combos
from maimod.rules.base import Candidate, Rule
from maimod.rules.evidence import LEAST_PROPOSED_LOGIT
from maimod.rules.hitsounds import habits
from maimod.rules.kiai import ends as kiai_ends
from maimod.rules.mania import columns as mania_columns
from maimod.rules.positions import unexpected
from maimod.rules.rhythm import objects as rhythm_objects
from maimod.rules.sliders import shapes as slider_shapes
from maimod.rules.velocity import scroll_speed
from tests.findings import doubted, proposals_of
from tests.maps import RED_LINE, beatmap

BEAT = 500  # 120 BPM
KIAI = (RED_LINE, "8000,-100,4,2,0,70,0,1", "16000,-100,4,2,0,70,0,0")
FASTER = ("5000,-80,4,2,0,70,0,0", "6000,-100,4,2,0,70,0,0")


def a_map(mode: int = 0) -> Beatmap:
    """A circle on each beat, every fourth a new combo, a clap on every second; from the 33rd on sliders of a beat. Two
    beats of another scroll speed in taiko and mania."""
    lines = []
    for i in range(48):
        head = f"{64 + 32 * (i % 4)},192,{1000 + BEAT * i}"
        combo, sound = 4 if i % 4 == 0 else 0, 8 if i % 2 else 0
        if i < 32 or mode == 3:
            lines.append(f"{head},{1 | combo},{sound},0:0:0:0:")
        elif i % 2 == 0:
            lines.append(f"{head},{2 | combo},{sound},L|356:192,1,140")
    return beatmap(lines, (*KIAI, *FASTER) if mode in (1, 3) else KIAI, mode, circle_size=4)


@pytest.fixture(autouse=True)
def nothing_is_too_unlike_the_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The map is so even that no similar measure has what is missing in one."""
    monkeypatch.setattr(elsewhere, "LEAST_COMPARED", 99)


def proposals(loaded: Beatmap, *doubts: tuple[str, float, float]) -> list[Candidate]:
    """Those of all checks that are more than a place to judge, for log-odds given as (kind of corruption, time in ms,
    log-odds)."""
    evidence = doubted(loaded, {(kind, time): logit for kind, time, logit in doubts})
    return [one for one in proposals_of(evidence) if one.proposed is not None and one.proposed > LEAST_PROPOSED_LOGIT]


CASES: list[tuple[Rule, int, str, float]] = [
    (rhythm_objects.UNEXPECTED_OBJECT, 0, "extra", 5000),
    (rhythm_objects.MISSING_OBJECT, 0, "missing", 5250),
    (rhythm_objects.UNEXPECTED_END, 0, "length", 18_000),
    (new_combos.MISSING, 0, "combo", 5500),
    (new_combos.UNEXPECTED, 0, "combo", 5000),
    (habits.MISSING, 0, "addition", 5000),
    (habits.UNEXPECTED, 0, "addition", 5500),
    (habits.SAMPLE_SET, 0, "sample_set", 5000),
    (habits.VOLUME, 0, "volume", 5000),
    (habits.COLOUR, 1, "addition", 5000),
    (unexpected.UNEXPECTED, 0, "place", 5000),
    (unexpected.UNEXPECTED, 2, "place", 5000),
    (mania_columns.UNEXPECTED_COLUMN, 3, "place", 5000),
    (slider_shapes.SHAPE, 0, "shape", 18_000),
    (slider_shapes.SHAPE, 2, "shape", 18_000),
    (scroll_speed.UNEXPECTED, 1, "velocity", 5000),
    (scroll_speed.UNEXPECTED, 3, "velocity", 5000),
    (kiai_ends.MISPLACED, 0, "kiai", 8000),
]


@pytest.mark.parametrize(("rule", "mode", "kind", "time"), CASES, ids=lambda value: getattr(value, "id", value))
def test_a_doubted_place_is_proposals_of(rule: Rule, mode: int, kind: str, time: float) -> None:
    # A border of kiai needs a beat that is doubted as a whole.
    doubts = [(kind, time + BEAT / 4 * i, 3.0) for i in range(4 if kind == "kiai" else 1)]
    (found,) = proposals(a_map(mode), *doubts)
    assert (found.rule.id, found.time, found.proposed) == (rule.id, time, 3.0)
    assert found.measure is None and found.message.endswith(".")
    assert kind in rule.corruptions


def test_every_rule_that_says_so_is_proposed_and_no_other() -> None:
    assert {rule.id for rule, *_ in CASES} | {rhythm_objects.WRONG_TICK.id} == {
        r.id for r in RULES.values() if r.proposal
    }
    everything = [doubted(a_map(mode), {}, elsewhere=2.0) for mode in range(4)]
    seen = {one.rule.id for evidence in everything for one in proposals_of(evidence)}
    assert seen and all(RULES[rule].proposal for rule in seen)


def test_without_a_doubt_there_are_only_places_to_judge() -> None:
    """Borders of kiai, and in osu! and catch all positions, because other evidence may speak against them."""
    found = [proposals_of(doubted(a_map(mode), {}, elsewhere=-12.0)) for mode in range(4)]
    assert [{one.rule.id for one in own} for own in found] == [
        {"kiai/misplaced", "positions/unexpected"},
        {"kiai/misplaced"},
        {"kiai/misplaced", "positions/unexpected"},
        {"kiai/misplaced"},
    ]
    assert len(found[0]) == 2 + len(a_map().hit_objects)


def test_a_weak_doubt_beside_another_is_no_object_on_the_wrong_tick() -> None:
    found = proposals(a_map(), ("extra", 5000, 2.0), ("missing", 5125, rhythm_objects.LEAST_MISPLACED_LOGIT - 0.1))
    assert [one.rule.id for one in found] == ["rhythm/unexpected-object", "rhythm/missing-object"]


@pytest.mark.parametrize(("hole", "word"), [(5125, "later"), (4875, "earlier")])
def test_an_object_too_many_and_a_hole_beside_it_are_one_object_on_the_wrong_tick(hole: float, word: str) -> None:
    (found,) = proposals(a_map(), ("extra", 5000, 2.0), ("missing", hole, 3.0))
    assert (found.rule.id, found.proposed) == ("rhythm/wrong-tick", 3.0)
    assert f"1/4 beat {word} (125 ms)" in found.message
    assert (found.actual, found.expected[0].text) == (clock(5000), clock(hole))


@pytest.mark.parametrize("mode", [1, 3])
@pytest.mark.parametrize(("velocity", "count"), [(80, 0), (83, 0), (85, 1), (100, 1)])
def test_a_velocity_that_evens_out_a_tempo_is_no_other_scroll_speed(mode: int, velocity: int, count: int) -> None:
    notes = [f"64,192,{1000 + BEAT * i},1,0,0:0:0:0:" for i in range(12)]
    slower = ["7000,625,4,2,0,70,1,0", f"7000,-{velocity},4,2,0,70,0,0"]  # 96 BPM, the same scroll speed at 1.25x
    notes += [f"64,192,{7000 + 625 * i},1,0,0:0:0:0:" for i in range(12)]
    found = proposals(beatmap(notes, (RED_LINE, *slower), mode, circle_size=4), ("velocity", 7000, 3.0))
    assert [one.rule.id for one in found] == ["scroll-speed/unexpected"] * count


def test_what_no_similar_measure_has_is_no_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "LEAST_COMPARED", 4)
    assert proposals(a_map(), ("missing", 6250, 3.0)) == []


def test_a_length_of_most_similar_measures_is_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    even = beatmap([f"100,100,{1000 * i},2,0,L|240:100,1,140" for i in range(24)])
    assert proposals(even, ("length", 12_000, 3.0)) == []
    monkeypatch.setattr(usual_objects, "LEAST_ALIKE", 99)
    assert len(proposals(even, ("length", 12_000, 3.0))) == 1


def test_a_hole_far_away_is_another_mistake() -> None:
    found = proposals(a_map(), ("extra", 5000, 2.0), ("missing", 6250, 3.0))
    assert [one.rule.id for one in found] == ["rhythm/unexpected-object", "rhythm/missing-object"]
    missing = found[1]
    assert (missing.time, missing.objects[0].time, missing.expected[0].text) == (6250, 6000, "an object at 00:06:250")


@pytest.mark.parametrize(
    ("border", "doubted_from", "verb", "word"),
    [
        (8000, 7500, "begins", "earlier"),  # the beat before the start belongs to what follows
        (8000, 8000, "begins", "later"),
        (16_000, 15_500, "ends", "earlier"),
        (16_000, 16_000, "ends", "later"),
    ],
)
def test_kiai_that_begins_or_ends_a_beat_off(border: float, doubted_from: float, verb: str, word: str) -> None:
    doubts = [("kiai", doubted_from + BEAT / 4 * i, 3.0) for i in range(4)]
    (found,) = proposals(a_map(), *doubts)
    assert (found.time, found.objects) == (border, ())
    assert found.message == f"Kiai {verb} on a downbeat; the song and the objects around suggest a little {word}."
    assert found.actual == f"kiai {verb}"


def test_what_is_doubted_is_named() -> None:
    loaded = a_map()
    words = {
        (kind, time): one.message
        for kind, time in (("addition", 5000), ("addition", 5500), ("sample_set", 5000), ("volume", 5000))
        for one in proposals(loaded, (kind, time, 2.0))
    }
    assert [message.partition(";")[0] for message in words.values()] == [
        "This circle has no addition",
        "This circle has a clap",
        "This circle plays the soft set",
        "This circle is at 70 % volume",
    ]
    assert all("similar measures have" in message for message in words.values())


def test_the_end_of_what_cannot_end_is_not_doubted() -> None:
    assert proposals(a_map(), ("length", 5000, 5.0), ("shape", 5000, 5.0)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_corruption_leads_to_some_rule(kind: str) -> None:
    assert any(kind in rule.corruptions and rule.proposal for rule in RULES.values())
