"""What the song, similar measures and other difficulties have: reasons for a finding, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.osu.beatmap import Beatmap, Break, HitObject, ObjectKind
from maimod.osu.hitsounds import CLAP, FINISH
from maimod.osu.mapset import Mapset
from maimod.rules import elsewhere
from maimod.rules.evidence import Evidence
from tests.maps import RED_LINE, beatmap
from tests.phrases import BEAT, MEASURE, SONG, VERSE, phrase_map

RHYTHM = "the rhythm suggests so"


def with_others(one: object, *others: object) -> Evidence:
    return Evidence(one, mapset=Mapset(Path(), (one, *others)))  # type: ignore[arg-type]


def shortened(changes: dict[int, tuple[float, ...]], path: str = "beatmap.osu") -> object:
    return phrase_map([changes.get(number, beats) for number, beats in enumerate(SONG)], path=path)


WITHOUT_BEAT_1 = (0.0, 1.5, 2.0, 3.0)
HOLE = 9 * MEASURE + BEAT


def test_what_agrees_is_a_reason_and_what_does_not_is_said_too() -> None:
    alone = Evidence(shortened({9: WITHOUT_BEAT_1}))  # type: ignore[arg-type]
    assert elsewhere.objects(alone, HOLE, True, RHYTHM, "there") == "8 of 8 similar measures have an object there"
    one, *others = (shortened({9: WITHOUT_BEAT_1}, f"{number}.osu") for number in range(4))
    assert elsewhere.objects(with_others(one, *others), HOLE, True, RHYTHM, "there") == (
        "8 of 8 similar measures have an object there, though none of 3 other difficulties have one"
    )
    for few in (others[:1], others[:2]):
        assert "though" not in elsewhere.objects(with_others(one, *few), HOLE, True, RHYTHM, "there")


def test_an_object_that_may_belong_elsewhere_is_usual_here_too() -> None:
    one = shortened({9: (0.0, 1.5, 2.0, 2.5, 3.0)}, "0.osu")
    both = [shortened({9: (0.0, 1.0, 1.5, 2.0, 2.5, 3.0)}, f"{number}.osu") for number in (1, 2)]
    only_there = [shortened({9: (0.0, 1.0, 1.5, 2.0, 3.0)}, f"{number}.osu") for number in (3, 4, 5)]
    here = 9 * MEASURE + 2.5 * BEAT
    said = "8 of 8 similar measures and {0} of {0} other difficulties have an object there"
    seen = elsewhere.objects(with_others(one, *both, *only_there[:2]), HOLE, True, RHYTHM, "there", here)
    assert seen == f"{said.format(4)}, though 2 of 4 other difficulties have one here"
    # Fewer than half, or two alone, say little.
    for others in ([*both, *only_there], both):
        seen = elsewhere.objects(with_others(one, *others), HOLE, True, RHYTHM, "there", here)
        assert seen == said.format(len(others))
    # Within one cell of the grid both places are the same.
    seen = elsewhere.objects(with_others(one, *both, *only_there), HOLE, True, RHYTHM, "there", HOLE + 1)
    assert "though" not in seen


def test_where_all_have_it_here_and_none_there_that_is_one_comparison() -> None:
    here = 9 * MEASURE + 2.5 * BEAT
    one, *same = (shortened({9: (0.0, 1.5, 2.0, 2.5, 3.0)}, f"{number}.osu") for number in range(4))
    assert elsewhere.objects(with_others(one, *same), HOLE, True, RHYTHM, "there", here) == (
        "8 of 8 similar measures have an object there, though none of 3 other difficulties have one there, but 3 of 3 here"
    )


def test_a_single_other_difficulty_that_has_it_here_alone_is_said() -> None:
    here = 9 * MEASURE + 2.5 * BEAT
    one, same = (shortened({9: (0.0, 1.5, 2.0, 2.5, 3.0)}, f"{number}.osu") for number in range(2))
    both = shortened({9: (0.0, 1.0, 1.5, 2.0, 2.5, 3.0)}, "2.osu")
    said = "8 of 8 similar measures have an object there, though the other difficulty has one here"
    assert elsewhere.objects(with_others(one, same), HOLE, True, RHYTHM, "there", here) == said
    assert "though" not in elsewhere.objects(with_others(one, both), HOLE, True, RHYTHM, "there", here)


def test_the_most_similar_measure_that_does_the_same_is_said() -> None:
    hole = shortened({9: WITHOUT_BEAT_1, 1: WITHOUT_BEAT_1})
    assert elsewhere.objects(Evidence(hole), HOLE, True, RHYTHM, "there") == (  # type: ignore[arg-type]
        "7 of 8 similar measures have an object there, though the most similar measure has none either (00:02:500)"
    )
    extra = shortened({9: (*VERSE, 3.5), 1: (*VERSE, 3.5)})
    assert elsewhere.objects(Evidence(extra), 9 * MEASURE + 3.5 * BEAT, False, RHYTHM) == (  # type: ignore[arg-type]
        "only 1 of 8 similar measures has an object here, though the most similar measure has one too (00:03:750)"
    )
    # One that is most similar, but not nearly the same, says nothing.
    unlike = shortened({9: (0.0, 1.5, 2.0, 2.5, 3.0, 3.5), 17: WITHOUT_BEAT_1})
    assert elsewhere.objects(Evidence(unlike), HOLE, True, RHYTHM, "there") == (  # type: ignore[arg-type]
        "6 of 8 similar measures have an object there"
    )


def test_one_of_one_is_the_one() -> None:
    one, whole = shortened({9: WITHOUT_BEAT_1}, "0.osu"), shortened({}, "1.osu")
    assert elsewhere.objects(with_others(one, whole), HOLE, True, RHYTHM) == (
        "8 of 8 similar measures and the other difficulty have an object here"
    )
    assert elsewhere._weighed(["1 of 1 other difficulties have one"], ["2 of 6 similar measures have one"], "") == (
        "the other difficulty has one, though 2 of 6 similar measures have one"
    )


def test_an_extra_object_is_agreed_on_by_those_that_have_none() -> None:
    one = shortened({9: (*VERSE, 3.5)})
    time = 9 * MEASURE + 3.5 * BEAT
    assert elsewhere.objects(with_others(one), time, False, RHYTHM) == "none of 8 similar measures have an object here"
    others = [shortened({9: (*VERSE, 3.5)}, f"{number}.osu") for number in range(3)]
    assert elsewhere.objects(with_others(one, *others), time, False, RHYTHM) == (
        "none of 8 similar measures have an object here, though 3 of 3 other difficulties have one"
    )


@pytest.mark.parametrize(
    ("with_it", "without", "said"),
    [(1, 0, "the other difficulty has one"), (1, 1, "1 of 2 other difficulties has one"), (0, 2, "")],
)
def test_few_difficulties_that_have_an_extra_object_too_are_named(with_it: int, without: int, said: str) -> None:
    one = shortened({9: (*VERSE, 3.5)})
    others = [
        *(shortened({9: (*VERSE, 3.5)}, f"{number}.osu") for number in range(with_it)),
        *(shortened({}, f"without {number}.osu") for number in range(without)),
    ]
    words = elsewhere.objects(with_others(one, *others), 9 * MEASURE + 3.5 * BEAT, False, RHYTHM)
    assert words.partition(", though ")[2] == said


def test_few_have_only_few() -> None:
    words = elsewhere._weighed(["0 of 1 other difficulties have an object"], ["0 of 1 similar measures have one"], "")
    assert words == "the other difficulty has no object, though the similar measure has none"
    of_eight, both = (
        "only 1 of 8 similar measures have one",
        "none of 8 similar measures and only 1 of 4 other difficulties have one",
    )
    assert elsewhere._weighed([of_eight], [], "") == "only 1 of 8 similar measures has one"
    assert elsewhere._weighed([both], [], "") == both
    assert [str(elsewhere._Share(count, 8, "measures")) for count in (0, 3, 4)] == [
        "none of 8 measures",
        "only 3 of 8 measures",
        "4 of 8 measures",
    ]
    none, alone = elsewhere._Share(0, 8, "measures"), elsewhere._Share(0, 1, "others")
    assert (elsewhere._all([none, alone]), elsewhere._all([alone])) == ("none of 8 measures", "0 of 1 others")


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ("a clear sound", "none of 8 similar measures have an object here, though the song has a clear sound"),
        (elsewhere.NO_SOUND, "the song has no sound here; none of 8 similar measures have an object"),
    ],
)
def test_a_sound_speaks_against_an_extra_object(heard: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "sound", lambda evidence, time: heard)
    one = shortened({9: (*VERSE, 3.5)})
    assert elsewhere.objects(with_others(one), 9 * MEASURE + 3.5 * BEAT, False, RHYTHM) == expected


def test_where_nothing_agrees_the_finding_rests_on_something_else() -> None:
    usual = Evidence(phrase_map())
    assert elsewhere.objects(usual, HOLE, False, RHYTHM) == (f"{RHYTHM}, though 8 of 8 similar measures have an object")
    lone = beatmap(["64,64,1000,1,0,0:0:0:0:"])
    assert elsewhere.objects(Evidence(lone), 1000.0, False, RHYTHM) == RHYTHM


@pytest.mark.parametrize(
    ("is_missing", "expected"),
    [(True, "8 of 8 similar measures have one"), (False, f"{RHYTHM}, though 8 of 8 similar measures have one")],
)
def test_new_combos(is_missing: bool, expected: str) -> None:
    assert elsewhere.flags(Evidence(phrase_map()), 9 * MEASURE, is_missing, RHYTHM) == expected


def test_what_the_other_difficulties_have_at_an_end() -> None:
    one, other = shortened({9: WITHOUT_BEAT_1}, "0.osu"), shortened({}, "1.osu")
    said = ", though {} an object or an end at this end as well"
    assert elsewhere.edges(with_others(one, other), HOLE) == said.format("the other difficulty has")
    assert elsewhere.edges(with_others(one, other, other, one), HOLE) == said.format("2 of 2 other difficulties have")
    assert elsewhere.edges(with_others(one, one), HOLE) == ""


def test_kinds_and_lengths() -> None:
    one = phrase_map(slider=[46])
    slider, circle = one.hit_objects[46], one.hit_objects[41]
    kinds = elsewhere.kinds(Evidence(one), slider.time, ["slider", "circle"], RHYTHM)
    assert kinds.startswith("none of ") and "similar measures have a slider, " in kinds and RHYTHM not in kinds
    assert elsewhere.kinds(Evidence(one), circle.time, ["circle", "slider"], RHYTHM).startswith(
        f"{RHYTHM}, though 8 of 8"
    )
    assert elsewhere.lengths(Evidence(one), slider, RHYTHM).startswith("none of 8 objects")
    assert elsewhere.lengths(Evidence(one), circle, RHYTHM).startswith(f"{RHYTHM}, though 8 of 8 objects here")


def test_every_kind_of_the_similar_measures_is_named() -> None:
    one = phrase_map(slider=[50])
    changed = {6: ObjectKind.SPINNER, 11: ObjectKind.SPINNER, 45: ObjectKind.SLIDER}
    objects = tuple(replace(o, kind=changed.get(o.index, o.kind)) for o in one.hit_objects)
    said = elsewhere.kinds(Evidence(replace(one, hit_objects=objects)), objects[50].time, ["slider", "circle"], RHYTHM)
    assert said == "1 of 8 similar measures has a slider, 5 a circle, 2 a spinner"


def test_a_border_of_a_section_is_named() -> None:
    lines = [RED_LINE, "8000,-100,4,2,0,70,0,1", "16003,-100,4,2,0,70,0,0"]
    map_ = replace(phrase_map(lines=lines), breaks=(Break(1, 21600.0, 21900.0),))
    last, first = (next(o for o in map_.hit_objects if o.time == time) for time in (21_500, 22_000))
    evidence = Evidence(map_)

    def said(*objects: HitObject, time: float | None = None) -> str:
        return elsewhere.border(evidence, objects[0].time if time is None else time, objects)

    assert said(time=8000.0) == "Kiai begins here." and said(time=16_000.0) == "Kiai ends here."
    assert said(time=8006.0) == said(time=10_000.0) == ""
    assert said(last) == "A break follows this object." and said(first) == "This object is the first after a break."
    assert said(map_.hit_objects[0], last) == "A break follows this object."
    assert said(map_.hit_objects[0]) == said(time=last.time) == ""


def test_sounds() -> None:
    lost = phrase_map(without_sound=[45])
    clap = lost.hit_objects[45]
    assert elsewhere.sounds(Evidence(lost), clap.time, "sound", RHYTHM).endswith("similar measures have a clap here")
    same = elsewhere.sounds(Evidence(phrase_map()), clap.time, "sound", RHYTHM)
    assert same.startswith(f"{RHYTHM}, though ") and same.endswith("have the same here")


def test_other_difficulties_that_sound_otherwise_are_a_reason_though_the_measures_are_alike() -> None:
    """Eight measures and one difficulty without the clap outnumber the four difficulties that have it."""
    bare, also_bare = (phrase_map(without_sound=range(400), path=f"bare {number}.osu") for number in range(2))
    whole = [phrase_map(path=f"whole {number}.osu") for number in range(4)]
    time = bare.hit_objects[45].time

    def said(*others: Beatmap) -> str:
        return elsewhere.sounds(with_others(bare, *others), time, "sound", RHYTHM, CLAP)

    assert said(also_bare, *whole) == (
        "4 of 5 other difficulties have a clap here, though 8 of 8 similar measures are like this one"
    )
    assert said(whole[0]) == "the other difficulty has a clap here, though 8 of 8 similar measures are like this one"
    assert said(whole[0], also_bare) == (
        f"{RHYTHM}, though 8 of 8 similar measures and 1 of 2 other difficulties have the same here"
    )


def test_one_addition_of_two_is_compared_alone() -> None:
    """The others have a clap and no finish."""
    map_ = phrase_map()
    clap = map_.hit_objects[45]
    both = replace(clap, hitsound=clap.hitsound | FINISH)
    other = replace(map_, hit_objects=tuple(both if o is clap else o for o in map_.hit_objects))
    evidence = Evidence(other)
    assert elsewhere.sounds(evidence, clap.time, "sound", RHYTHM).endswith("have a clap here")
    assert elsewhere.sounds(evidence, clap.time, "sound", RHYTHM, CLAP).endswith("have the same here")
    assert elsewhere.sounds(evidence, clap.time, "sound", RHYTHM, FINISH).endswith("have no finish here")
