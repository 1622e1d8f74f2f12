"""New combos: a hit, a near miss, a clean map and a blind spot for each rule."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.rules import elsewhere, new_combos
from maimod.rules.evidence import Evidence
from tests.findings import findings_of
from tests.maps import beatmap

MEASURES = 24


def combos(flags: Collection[int], mode: int = 0, count: int = 4 * MEASURES) -> Beatmap:
    """A circle on every beat; those in `flags` start a combo."""
    return beatmap(
        [f"{100 + 50 * (i % 4)},100,{500 * i},{5 if i in flags else 1},0,0:0:0:0:" for i in range(count)], mode=mode
    )


REGULAR = frozenset(range(0, 4 * MEASURES, 4))


def find(loaded: Beatmap, scores: tuple[EventScore, ...] | None = None) -> list[Finding]:
    context = Evidence(loaded, scores)
    return findings_of(new_combos.run, context)


def scored(loaded: Beatmap, flag_probability: Mapping[int, float]) -> tuple[EventScore, ...]:
    """Scores of a model that expects flags where the map has them, but for the given objects."""
    scores = []
    for o in loaded.hit_objects:
        chance = flag_probability.get(o.index, 0.95 if o.new_combo else 0.05)
        flag = Event(EventKind.NEW_COMBO, 0, int(o.time), o.index, o if o.new_combo else None)
        sound = Event(EventKind.HITSOUND, 0, int(o.time), o.index, o)
        kinds = [(flag, chance)] if o.new_combo else [(sound, 1 - chance)]
        for event, probability in kinds:
            expected = tuple(sorted(((flag, chance), (sound, 1 - chance)), key=lambda offer: -offer[1]))
            bits = -math.log2(probability)
            scores.append(EventScore(event, bits, 1.0, expected, probability))
    return tuple(scores)


def test_regular_combos_are_silent() -> None:
    assert not find(combos(REGULAR))


def test_missing_flag_on_a_downbeat() -> None:
    (finding,) = find(combos(REGULAR - {40}))
    assert (finding.rule, finding.objects) == ("new-combos/missing", (40,))
    assert finding.severity is Severity.WARNING
    assert "on the downbeat" in finding.message
    assert "4 beats (22×)" in finding.message


def test_flag_inside_a_combo() -> None:
    (finding,) = find(combos(REGULAR | {42}))
    assert (finding.rule, finding.objects) == ("new-combos/unexpected", (42,))
    assert "on beat 3 of the measure" in finding.message


def test_without_networks_what_most_similar_measures_have_is_no_finding(monkeypatch) -> None:
    loaded = combos(REGULAR | {42})
    evidence = Evidence(loaded)
    same = [
        (beat, flag, elsewhere.has_same_flag(evidence, 500.0 * beat, flag))
        for beat in (40, 41, 42)
        for flag in (True, False)
    ]
    assert [one[:2] for one in same if one[2]] == [(40, True), (41, False), (42, False)]
    assert not elsewhere.has_same_flag(Evidence(combos(REGULAR, count=8)), 0.0, True)  # too few to compare with
    scores = scored(loaded, {42: 0.05})
    assert find(loaded) and find(loaded, scores)
    monkeypatch.setattr(elsewhere, "has_same_flag", lambda evidence, time, has_flag: True)
    assert not find(loaded) and find(loaded, scores)


def test_a_rest_belongs_to_no_combo() -> None:
    """Three beats before a rest of 20 and eight after it are nothing unusual, in a map with such combos."""
    flags, rest = REGULAR | {41, 44}, 43
    loaded = combos(flags)
    later = [
        f"{o.x:g},100,{500 * i + (10000 if i > rest else 0)},{5 if o.new_combo else 1},0,0:0:0:0:"
        for i, o in enumerate(loaded.hit_objects)
    ]
    lengths = new_combos.Combos(Evidence(beatmap(later))).lengths
    assert sorted(lengths) == [48, 144, 192]
    assert lengths[144] == 1


def test_misplaced_flag_is_one_finding() -> None:
    (finding,) = find(combos(REGULAR - {40} | {41}))
    assert (finding.rule, finding.objects) == ("new-combos/unexpected", (41,))
    assert "1 object earlier" in finding.message


def test_lengths_that_are_usual_are_no_reason() -> None:
    """The model doubts combos of the usual length: the words do not name it."""
    loaded = combos(REGULAR)
    seen = Evidence(loaded, scored(loaded, {42: 0.9999, 60: 0.0001}))
    words = {(one.rule.id, one.objects[0].index): one.message for one in new_combos.run(seen)}
    assert words["new-combos/missing", 42] == (
        "No new combo on beat 3 of the measure, where the objects around suggest one: this combo lasts 4 beats, or 2 and 2 with "
        "one here, though none of 8 similar measures have one."
    )
    assert words["new-combos/unexpected", 60] == (
        "New combo on the downbeat, where the objects around suggest none: it makes two combos of 4 beats, though 8 of 8 "
        "similar measures have one."
    )


def test_pattern_of_flags_is_style() -> None:
    assert not find(combos(REGULAR | {i + 2 for i in range(32, 64, 4)}))


def test_long_combos_now_and_then_are_style() -> None:
    assert not find(combos(REGULAR - {8, 20, 40, 52, 72}))


def test_model_agrees_or_objects() -> None:
    loaded = combos(REGULAR - {40})
    (sure,) = find(loaded, scored(loaded, {40: 0.97}))
    assert sure.expected[0].probability and sure.expected[0].probability > 0.9
    assert not find(loaded, scored(loaded, {40: 0.02}))


def test_irregular_combos_are_not_judged() -> None:
    """Blind spot: without a usual length no combo can be missing or additional."""
    flags, place = set(), 0
    for step in (3, 7, 5, 2, 9, 4, 6, 8, 11, 1, 10, 12):
        flags.add(place)
        place += step
    assert not find(combos(flags))


def test_other_modes_have_no_combos() -> None:
    assert not find(combos(REGULAR - {40}, mode=1))
    assert not find(combos(REGULAR - {40}, mode=3))


def test_map_of_one_object() -> None:
    assert not find(combos((), count=1))
