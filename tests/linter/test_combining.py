"""Findings that are one mistake become one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maimod.findings import Finding, Severity, Tier, editor_timestamp
from maimod.linter.deduplicate import deduplicate
from maimod.rules.evidence import Evidence
from tests import maps
from tests.linter.test_deduplicate import MAP, finding, rules


def test_ends_of_single_holds_are_told_with_their_stretch() -> None:
    def slip(index: int, score: float) -> Finding:
        return finding("rhythm/hold-slip", index, score, None, tier=Tier.ESTIMATED)

    stretch = replace(slip(2, 0.5), objects=(2, 3, 4), end_time=MAP.hit_objects[6].time, severity=Severity.MINOR)
    inside, faint, after = slip(6, 0.9), slip(4, 0.05), slip(9, 0.6)
    kept, _ = deduplicate([inside, stretch, faint, after], Evidence(MAP))
    assert [one.objects for one in kept] == [(2, 3, 4), (9,)]
    assert (kept[0].score, kept[0].severity) == (0.9, Severity.WARNING)
    assert [one["rule"] for one in kept[0].evidence["also"]] == ["rhythm/hold-slip"]
    # A stretch that is not listed names nothing.
    kept, _ = deduplicate([inside, replace(stretch, score=0.05)], Evidence(MAP))
    assert (6,) in [one.objects for one in kept]


@pytest.mark.parametrize(
    ("missing", "off"), [(4, "one object late"), (6, "one object early"), (3, "2 objects late"), (7, "2 objects early")]
)
def test_a_new_combo_few_objects_off_is_named_once(missing: int, off: str) -> None:
    words = "No new combo on the downbeat: 8 of 8 similar measures have one."
    lacks = replace(finding("new-combos/missing", missing, 0.3, severity=Severity.MINOR), message=words)
    extra = finding("new-combos/unexpected", 5, 0.9)
    (one,) = deduplicate([lacks, extra], Evidence(MAP))[0]
    assert one.message == f"The new combo is {off}, not on the downbeat: 8 of 8 similar measures have one."
    first, last = sorted((missing, 5))
    assert (one.rule, one.score, one.severity) == ("new-combos/missing", 0.9, Severity.WARNING)
    assert (one.objects, one.time, one.end_time) == (
        (first, last),
        MAP.hit_objects[first].time,
        MAP.hit_objects[last].time,
    )
    assert one.timestamp == editor_timestamp(MAP, one.time, [MAP.hit_objects[index] for index in (first, last)])
    assert [also["rule"] for also in one.evidence["also"]] == ["new-combos/unexpected"]


def test_other_pairs_of_new_combos_stay_two() -> None:
    lacks, extra = finding("new-combos/missing", 4, 0.3, None), finding("new-combos/unexpected", 5, 0.9, None)
    lacks, extra = (replace(one, tier=Tier.ESTIMATED) for one in (lacks, extra))
    for beside in (replace(lacks, objects=(2,)), replace(lacks, evidence={"places": 4}), replace(lacks, score=0.1)):
        assert len(rules(beside, extra)) == 2


def test_of_two_new_combos_in_a_row_the_surer_is_too_many() -> None:
    sure, other = finding("new-combos/unexpected", 6, 0.7), finding("new-combos/unexpected", 5, 0.4)
    (one,) = deduplicate([other, sure], Evidence(MAP))[0]
    assert one.objects == (6,) and one.evidence["also"][0]["rule"] == "new-combos/unexpected"


def test_new_combos_missing_at_several_places_list_those_beside_them() -> None:
    times = [MAP.hit_objects[index].time for index in (1, 4)]
    lacks = replace(
        finding("new-combos/missing", 1, 0.5, severity=Severity.MINOR), evidence={"places": 2, "times_ms": times}
    )
    near, far = finding("new-combos/unexpected", 6, 0.7), finding("new-combos/unexpected", 9, 0.4)
    one, other = deduplicate([near, lacks, far], Evidence(MAP))[0]
    assert (one.rule, one.score, one.severity) == ("new-combos/missing", 0.7, Severity.WARNING)
    assert other.rule == "new-combos/unexpected" and other.objects == (9,)
    assert [also["rule"] for also in one.evidence["also"]] == ["new-combos/unexpected"]


def test_notes_of_one_pattern_that_are_all_finishers_are_one_finding() -> None:
    def finisher(index: int, message: str = "It is 90 ms away. Leave room.") -> Finding:
        return replace(finding("rhythm/finisher", index, 0.65, None), message=message)

    run, other, apart = [finisher(index) for index in (2, 3, 4)], finisher(5, "It ends it."), finisher(8)
    kept, _ = deduplicate([apart, *run, other], Evidence(MAP))
    assert [one.objects for one in kept] == [(2, 3, 4), (5,), (8,)]
    assert kept[0].message == "It is 90 ms away; the same at 2 more places: 00:02:500, 00:03:000. Leave room."
    assert (kept[0].timestamp, kept[0].end_time, kept[0].evidence["places"]) == ("00:02:000 (3,4,1) -", 3000.0, 3)
    assert kept[0].evidence["times_ms"] == [2000.0, 2500.0, 3000.0] and kept[2] == apart
    assert len(deduplicate([finisher(2), finisher(4)], Evidence(MAP))[0]) == 2
    graver = replace(run[1], severity=Severity.PROBLEM)
    assert len(deduplicate([run[0], graver, run[2]], Evidence(MAP))[0]) == 3


def test_the_notes_of_a_chord_beside_another_difficulty_are_one_finding() -> None:
    chord = maps.beatmap([f"{x},192,1000,1,0,0:0:0:0:" for x in (64, 192)], mode=3, circle_size=4)
    both = [finding("mapset/beside-others", index, 0.7, None, beatmap=chord) for index in (0, 1)]
    ((one,), _) = deduplicate(both, Evidence(chord))
    assert one.objects == (0, 1) and one.timestamp == "00:01:000 (1000|0,1000|1) -"
    assert (one.message, one.end_time, one.evidence) == (both[0].message, None, {})


def test_stretches_without_additions_are_one_finding() -> None:
    short, long = (
        replace(
            finding("hitsounds/none", index, score, None, tier=Tier.ESTIMATED),
            message="No whistle, finish or clap for 30 s from here on. Listen.",
        )
        for index, score in ((1, 0.4), (8, 0.9))
    )
    (one,) = deduplicate([short, long], Evidence(MAP))[0]
    assert one.message == (
        "No whistle, finish or clap for 30 s from here on; none for a while at 1 more place: 00:01:500. Listen."
    )
    assert (one.time, one.evidence["times_ms"]) == (long.time, [short.time, long.time])
    assert deduplicate([short], Evidence(MAP))[0] == [short]


def test_a_stretch_without_additions_names_the_sounds_that_seem_lost_in_any_of_them() -> None:
    short, long = (
        replace(finding("hitsounds/none", index, score, None, tier=Tier.ESTIMATED), end_time=MAP.hit_objects[to].time)
        for index, to, score in ((1, 3, 0.4), (6, 9, 0.9))
    )
    lost = [
        replace(finding(rule, index, score, None, tier=Tier.ESTIMATED), severity=Severity.MINOR)
        for rule, index, score in (
            ("hitsounds/passage-lost", 1, 0.5),
            ("hitsounds/missing", 8, 0.3),
            ("hitsounds/missing", 4, 0.3),
            ("hitsounds/sample-set", 3, 0.3),
        )
    ]
    outside, of_set, bare = deduplicate([*lost, short, long], Evidence(MAP))[0]
    assert (of_set.rule, outside.time) == ("hitsounds/missing", MAP.hit_objects[3].time)
    assert [one["rule"] for one in bare.evidence["also"]] == ["hitsounds/missing", "hitsounds/passage-lost"]
    surer = replace(lost[0], score=0.95)
    assert surer in deduplicate([surer, short, long], Evidence(MAP))[0]
