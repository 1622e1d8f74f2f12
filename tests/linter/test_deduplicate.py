"""One mistake, one finding."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Category, Finding, Severity, Tier
from maimod.linter.causes import CAUSES, order_of_causes
from maimod.linter.deduplicate import MOST_OF_RULE, deduplicate
from maimod.linter.fingerprints import fingerprint
from maimod.linter.rescore import rests_on_network
from maimod.osu.beatmap import Beatmap
from maimod.rules import RULES
from maimod.rules.evidence import Evidence
from tests import maps

MAP = maps.beatmap([f"{50 * (i % 8)},100,{1000 + 500 * i},{5 if i % 4 == 0 else 1},0" for i in range(12)])


def finding(
    rule: str,
    index: int | None,
    score: float = 0.8,
    bits: float | None = 12.0,
    time: float | None = None,
    end_time: float | None = None,
    beatmap: Beatmap = MAP,
    severity: Severity = Severity.WARNING,
    tier: Tier | None = None,
) -> Finding:
    """A finding of an object, or of a section from `time` to `end_time`; exact where no network had a part in it."""
    at = time if index is None else beatmap.hit_objects[index].time
    assert at is not None
    return Finding(
        rule,
        Category(rule.split("/")[0]),
        severity,
        score,
        "message",
        at,
        "00:00:000 -",
        1,
        () if index is None else (index,),
        end_time,
        surprisal=bits,
        tier=tier or (Tier.EXACT if bits is None and end_time is None else Tier.ESTIMATED),
    )


def rules(*findings: Finding) -> list[str]:
    return [f.rule for f in deduplicate(findings, Evidence(MAP))[0]]


class TestFolding:
    def test_a_green_line_after_a_bar_line_and_its_note_is_named_once(self) -> None:
        bar = finding("timing/line-after-bar-line", None, 0.65, None, 2000.0)
        note, later = (
            finding("scroll-speed/line-after-object", index, 0.9, None, tier=Tier.ESTIMATED) for index in (2, 3)
        )
        kept, _ = deduplicate([note, bar, later], Evidence(MAP))
        assert [(one.rule, one.time) for one in kept] == [(bar.rule, 2000.0), (later.rule, 2500.0)]
        assert [one["rule"] for one in kept[0].evidence["also"]] == [note.rule]
        several = replace(bar, time=1000.0, evidence={"times_ms": [1000.0, 2000.0, 2500.0]})
        assert rules(note, several, later) == [bar.rule]
        assert rules(note, later) == [note.rule, later.rule]

    @pytest.mark.parametrize("is_slip_surer", [True, False])
    def test_a_slip_and_the_uneven_step_to_it_are_named_once(self, is_slip_surer: bool) -> None:
        def pair(slipped: int, uneven: int, *steps: str) -> list[str]:
            slip = finding("positions/slip", slipped, 0.8 if is_slip_surer else 0.4, None, tier=Tier.ESTIMATED)
            step = finding("positions/spacing", uneven, 0.6, None, tier=Tier.ESTIMATED)
            return rules(slip, replace(step, evidence={"uneven_steps": list(steps)}))

        kept = ["positions/slip" if is_slip_surer else "positions/spacing"]
        assert pair(5, 5, "before") == pair(5, 4, "next") == pair(4, 5, "before", "next") == kept
        assert len(pair(6, 4, "next")) == len(pair(4, 6, "before")) == 2
        # What is surer and comes first explains the step after it in any case; not the one before it.
        first, last = (5, 4) if is_slip_surer else (4, 5)
        assert len(pair(first, last, "before" if is_slip_surer else "next")) == 2

    def test_a_border_of_kiai_is_named_once(self) -> None:
        fact = finding("mapset/kiai", None, 0.4, None, 4000.0, severity=Severity.MINOR)
        here, beside = (
            finding("kiai/misplaced", None, score, 14.0, time) for time, score in ((4001.0, 0.9), (4500.0, 0.5))
        )
        section = finding("kiai/section", None, 0.3, None, 4000.0, 8000.0)
        assert rules(here, section, fact, beside) == ["mapset/kiai", "kiai/misplaced"]
        assert rules(here, section) == ["kiai/misplaced"]  # the surer one
        assert len(rules(fact, replace(fact, time=4001.0))) == 2  # facts are kept
        of_all = replace(fact, time=1000.0, evidence={"added": [], "missing": [1000.0, 4000.0]})
        assert rules(of_all, here, section, beside) == ["mapset/kiai", "kiai/misplaced"]

    def test_a_line_after_the_head_of_a_slider_explains_its_length(self) -> None:
        late = finding("sliders/late-line", 3, 0.65, None)
        kind, velocity, other = (
            finding(rule, index, 0.92)
            for rule, index in (("rhythm/unexpected-kind", 3), ("sliders/velocity", 3), ("rhythm/unexpected-kind", 9))
        )
        assert rules(kind, late, velocity, other) == ["sliders/late-line", "rhythm/unexpected-kind"]

    def test_a_lone_jack_explains_which_of_its_notes_seems_to_be_in_a_wrong_column(self) -> None:
        jack = replace(finding("positions/lone-jack", 3, 0.5, None, severity=Severity.MINOR), objects=(4, 3))
        slips = [finding("positions/column-slip", index, 0.56, tier=Tier.ESTIMATED) for index in (3, 8)]
        assert rules(*slips, jack) == ["positions/lone-jack", "positions/column-slip"]

    def test_a_passage_on_another_divisor_explains_its_objects(self) -> None:
        passage = replace(finding("mapset/snaps-differ", 3, 0.7, None), end_time=MAP.hit_objects[6].time)
        beside = [finding("mapset/beside-others", index, 0.7, None, tier=Tier.ESTIMATED) for index in (3, 5, 9)]
        addition = finding("mapset/missing-addition", 5, 0.7, None, tier=Tier.ESTIMATED)
        assert rules(*beside, addition, passage) == [
            "mapset/snaps-differ",
            "mapset/missing-addition",
            "mapset/beside-others",
        ]
        assert len(rules(*beside, replace(passage, score=0.4, severity=Severity.MINOR))) == 4

    def test_a_finding_about_several_places_stands_for_estimates_at_all_of_them(self) -> None:
        lacks = replace(finding("mapset/missing-addition", 3, 0.7), evidence={"objects_alike": [7]})
        here, there, elsewhere = (finding("hitsounds/missing", index, 0.5) for index in (3, 7, 9))
        assert rules(lacks, here, there, elsewhere) == ["mapset/missing-addition", "hitsounds/missing"]

    def test_a_passage_that_names_its_copies_explains_estimates_in_all_of_them(self) -> None:
        passage = replace(finding("hitsounds/passage-volume", 6, 0.8), end_time=MAP.hit_objects[8].time)
        inside = [finding("hitsounds/volume", index, 0.3, None, tier=Tier.ESTIMATED) for index in (1, 2, 4, 7)]
        assert rules(passage, *inside) == ["hitsounds/volume"] * 3 + ["hitsounds/passage-volume"]
        everywhere = replace(passage, evidence={"times_ms": [MAP.hit_objects[1].time, passage.time]})
        assert rules(everywhere, *inside) == ["hitsounds/volume", "hitsounds/passage-volume"]

    def test_additions_that_others_have_are_said_by_likelier_estimates_about_all_of_them(self) -> None:
        lacks = finding("mapset/missing-addition", 3, 0.4, None, severity=Severity.MINOR, tier=Tier.ESTIMATED)
        lacks = replace(lacks, evidence={"objects_alike": [7]})
        here, there = (finding("hitsounds/missing", index, 0.7, None, tier=Tier.ESTIMATED) for index in (3, 7))
        assert rules(lacks, here, there) == ["hitsounds/missing"] * 2
        assert rules(lacks, here) == ["hitsounds/missing", "mapset/missing-addition"]
        assert rules(lacks, replace(here, rule="positions/a", category=Category.POSITIONS), there) == [
            "positions/a",
            "mapset/missing-addition",
            "hitsounds/missing",
        ]

    @pytest.mark.parametrize("rule", ["rhythm/missing-object", "rhythm/passage-object"])
    def test_the_object_at_a_wrong_tick_is_the_one_that_is_missing_before_it(self, rule: str) -> None:
        moved = finding("rhythm/wrong-tick", 4, 0.9)
        assert rules(moved, finding(rule, 3, 0.5)) == ["rhythm/wrong-tick"]
        assert rules(moved, finding(rule, 2, 0.5)) == [rule, "rhythm/wrong-tick"]
        assert rules(finding("rhythm/unexpected-kind", 4, 0.9), finding(rule, 3, 0.5)) == [
            rule,
            "rhythm/unexpected-kind",
        ]

    @pytest.mark.parametrize("rule", ["rhythm/unsnapped", "rhythm/unusual-snap"])
    def test_the_object_before_one_off_the_grid_is_not_on_a_wrong_tick_too(self, rule: str) -> None:
        off = finding(rule, 5, 0.9, None)
        assert rules(finding("rhythm/wrong-tick", 4, 0.6), off) == [rule]
        assert len(rules(finding("rhythm/wrong-tick", 3, 0.6), off)) == 2

    @pytest.mark.parametrize("score", [0.3, 0.9])
    def test_an_object_beside_its_place_is_the_one_that_the_other_difficulties_have(self, score: float) -> None:
        minor = {"severity": Severity.MINOR}
        tick = finding("rhythm/wrong-tick", 5, score, **minor)  # at 3500, half a beat from 3250 and 3750
        hole = finding("mapset/missing-object", None, 0.4, None, 3250.0, tier=Tier.ESTIMATED, **minor)
        (kept,) = deduplicate([hole, tick], Evidence(MAP))[0]
        assert kept.rule == "rhythm/wrong-tick" and kept.evidence["also"][0]["rule"] == "mapset/missing-object"
        assert len(rules(hole, replace(tick, rule="rhythm/unexpected-kind"))) == 2
        assert len(rules(replace(hole, time=2900.0), tick)) == 2  # beside another object
        both = replace(hole, evidence={"times_ms": [3250.0, 5250.0]})
        assert len(rules(both, tick)) == 2  # the second is no object off its place
        assert len(rules(both, tick, finding("rhythm/unsnapped", 8, score, None))) == 2

    @pytest.mark.parametrize(
        ("ticks", "holes", "count"),
        [
            ((2000.0, 5000.0), (2250.0, 5250.0), 1),  # after the objects
            ((2000.0, 5000.0), (1750.0, 4750.0), 1),  # before them
            ((2000.0, 5000.0), (2250.0, 6250.0), 2),
            ((2000.0, 5000.0, 6500.0), (2250.0, 5250.0), 2),
        ],
    )
    @pytest.mark.parametrize("score", [0.3, 0.7])
    def test_objects_at_a_wrong_tick_of_every_copy_leave_the_holes_there(
        self, ticks: tuple[float, ...], holes: tuple[float, ...], count: int, score: float
    ) -> None:
        # Each is named at its own likeliest place: the tick at the first copy, the hole at the second.
        tick = replace(finding("rhythm/wrong-tick", 2, score), evidence={"times_ms": list(ticks)})
        hole = replace(finding("rhythm/missing-object", 8, 0.5), evidence={"times_ms": list(holes)})
        assert len(rules(tick, hole)) == (1 if count == 1 or (len(ticks) > 2 and score > 0.5) else 2)

    def test_a_form_explains_doubts_about_the_kind_and_the_end_of_the_object(self) -> None:
        minor = {"severity": Severity.MINOR}
        form = finding("sliders/form", 4, 0.7, **minor)
        for rule in ("rhythm/unexpected-end", "rhythm/unexpected-kind"):
            assert rules(form, finding(rule, 4, 0.5, **minor)) == ["sliders/form"]
        assert len(rules(form, finding("rhythm/wrong-tick", 4, 0.5, **minor))) == 2

    def test_the_strongest_of_one_object_stays_and_names_the_rest(self) -> None:
        kept, _ = deduplicate([finding("rhythm/a", 3, 0.7), finding("rhythm/b", 3, 0.9)], Evidence(MAP))
        assert [f.rule for f in kept] == ["rhythm/b"] and kept[0].evidence["also"] == [
            {
                "timestamp": "00:00:000 -",
                "rule": "rhythm/a",
                "severity": "warning",
                "id": fingerprint(MAP, finding("rhythm/a", 3)),
            }
        ]

    def test_a_step_is_named_at_the_end_where_it_surprises_the_generator(self) -> None:
        step = finding("positions/b", 4, 0.8)
        before = finding("positions/a", 3, 0.3, bits=None, tier=Tier.ESTIMATED)
        assert rules(step, before) == ["positions/b"]
        assert rules(step, replace(before, score=0.9)) == ["positions/a"]  # a surer cause, and the step its consequence
        for other in (
            finding("positions/a", 3, 0.3),
            finding("positions/a", 2, 0.3, bits=None, tier=Tier.ESTIMATED),
            finding("sliders/a", 3, 0.3, bits=None, tier=Tier.ESTIMATED),
        ):
            assert rules(step, other) == [other.rule, "positions/b"]

    def test_faint_estimates_are_folded_and_not_named(self) -> None:
        scores = {MAP.hit_objects[3]: [EventScore(Event(EventKind.TIME, 0, 0, 0, MAP.hit_objects[3]), 20.0, 1.0, ())]}
        evidence = Evidence(MAP, scores=tuple(one for own in scores.values() for one in own))
        kept, unexplained = deduplicate([finding("rhythm/b", 3, 0.9), finding("rhythm/a", 3, 0.1)], evidence)
        assert [f.rule for f in kept] == ["rhythm/b"] and "also" not in kept[0].evidence and unexplained == 0
        assert deduplicate([finding("rhythm/a", 3, 0.1)], evidence)[1] == 1

    @pytest.mark.parametrize(("column", "kept"), [(0.95, "positions/column-slip"), (0.85, "rhythm/chord-slip")])
    def test_a_chord_and_a_column_are_one_mistake_and_the_surer_is_named(self, column: float, kept: str) -> None:
        assert rules(finding("rhythm/chord-slip", 3, 0.9), finding("positions/column-slip", 3, column)) == [kept]
        assert rules(finding("rhythm/other", 3, 0.9), finding("positions/column-slip", 3, 0.95)) == ["rhythm/other"]

    @pytest.mark.parametrize(("column", "count"), [(0.7, 1), (0.95, 2)])
    def test_notes_of_a_passage_with_exchanged_columns_are_not_named_beside_it(self, column: float, count: int) -> None:
        passage = finding("positions/columns-exchanged", 3, 0.8, end_time=MAP.hit_objects[8].time, tier=Tier.ESTIMATED)
        slip = finding("positions/column-slip", 7, column, tier=Tier.ESTIMATED)
        assert len(deduplicate([passage, slip], Evidence(MAP))[0]) == count

    @pytest.mark.parametrize("later", [0.95, 0.85])
    def test_notes_that_exchanged_columns_are_named_once(self, later: float) -> None:
        slips = [
            finding("positions/column-slip", at, score, None, tier=Tier.ESTIMATED)
            for at, score in ((3, 0.9), (4, later))
        ]
        found, _ = deduplicate(slips, Evidence(MAP))
        assert [f.objects for f in found] == [(4,) if later > 0.9 else (3,)] and len(found[0].evidence["also"]) == 1
        apart = finding("positions/column-slip", 5, later, None, tier=Tier.ESTIMATED)
        assert len(deduplicate([slips[0], apart], Evidence(MAP))[0]) == 2
        jump = finding("positions/jump", 4, 0.95, None, tier=Tier.ESTIMATED)
        assert len(deduplicate([slips[0], jump], Evidence(MAP))[0]) == 2

    def test_what_follows_right_after_is_its_wake(self) -> None:
        assert rules(finding("rhythm/a", 3, 0.9), finding("positions/b", 4)) == ["rhythm/a"]

    @pytest.mark.parametrize(
        ("other", "index", "score", "kept"),
        [
            ("hitsounds/missing", 6, 0.3, False),
            ("hitsounds/missing", 9, 0.3, True),
            ("hitsounds/missing", 6, 0.9, True),
            ("new-combos/missing", 6, 0.3, True),
        ],
    )
    @pytest.mark.parametrize("rule", ["hitsounds/passage-lost", "hitsounds/volume-step"])
    def test_a_passage_is_named_once_where_it_begins(
        self, rule: str, other: str, index: int, score: float, kept: bool
    ) -> None:
        passage = finding(rule, 3, 0.8, end_time=MAP.hit_objects[8].time)
        assert (other in rules(passage, finding(other, index, score))) == kept
        assert rule in rules(passage, finding(other, index, score))

    def test_facts_in_a_passage_stay(self) -> None:
        passage = finding("sliders/passage-velocity", 3, 0.8, end_time=MAP.hit_objects[8].time)
        assert "rhythm/fact" in rules(passage, finding("rhythm/fact", 6, 0.3, bits=None))

    def test_of_two_equally_sure_findings_the_earlier_is_the_cause(self) -> None:
        both = [finding("rhythm/a", 3), finding("rhythm/b", 4)]
        assert rules(*both) == rules(*reversed(both)) == ["rhythm/a"]

    def test_two_objects_later_is_another_mistake(self) -> None:
        assert rules(finding("rhythm/a", 3, 0.9), finding("positions/b", 5)) == ["rhythm/a", "positions/b"]

    def test_what_comes_before_is_no_wake(self) -> None:
        assert rules(finding("rhythm/a", 3, 0.9), finding("rhythm/b", 2)) == ["rhythm/b", "rhythm/a"]

    def test_unrelated_mistakes_of_one_object_both_stay(self) -> None:
        assert rules(finding("positions/a", 3), finding("hitsounds/b", 3)) == ["positions/a", "hitsounds/b"]

    def test_exact_findings_are_no_wake_of_another_object(self) -> None:
        assert rules(finding("rhythm/a", 3, 0.9), finding("rhythm/unsnapped", 4, bits=None)) == [
            "rhythm/a",
            "rhythm/unsnapped",
        ]

    def test_a_section_out_of_time_explains_the_rhythm_inside_it(self) -> None:
        section = finding("timing/section", None, 0.5, None, time=500, end_time=5000)
        assert rules(section, finding("rhythm/a", 4, 0.95), finding("rhythm/b", 9), finding("positions/c", 4)) == [
            "timing/section",
            "positions/c",
            "rhythm/b",
        ]

    def test_nothing_is_lost_without_being_counted(self) -> None:
        surprising = EventScore(Event(EventKind.POS_X, 5, 1000, 0, MAP.hit_objects[0]), 14.0, 2.0, ())
        mild = EventScore(Event(EventKind.POS_X, 5, 1500, 1, MAP.hit_objects[1]), 4.0, 2.0, ())
        context = Evidence(MAP, scores=(surprising, mild))
        assert deduplicate([], context)[1] == 1
        assert deduplicate([finding("positions/a", 0)], context)[1] == 0


class TestTiers:
    """An estimate hides no fact; a fact hides another one only if they are declared to be one mistake."""

    def test_an_object_off_every_tick_stays_a_problem_however_sure_an_estimate_is(self) -> None:
        fact = finding("rhythm/unsnapped", 3, 0.95, None, severity=Severity.PROBLEM)
        kept, _ = deduplicate([finding("rhythm/wrong-tick", 3, 0.99), fact], Evidence(MAP))
        assert [(f.rule, f.severity) for f in kept] == [("rhythm/unsnapped", Severity.PROBLEM)]
        assert [(one["rule"], one["severity"]) for one in kept[0].evidence["also"]] == [
            ("rhythm/wrong-tick", "warning")
        ]

    @pytest.mark.parametrize("rule", ["positions/offscreen", "sliders/invisible", "rhythm/short-spinner"])
    def test_a_guess_about_the_rhythm_of_an_object_hides_no_fact_about_it(self, rule: str) -> None:
        fact = finding(rule, 3, 0.95, None, severity=Severity.PROBLEM)
        assert rule in rules(finding("rhythm/unusual-snap", 3, 0.99), fact)

    def test_a_section_out_of_time_hides_no_fact_inside_it(self) -> None:
        section = finding("timing/section-shifted", None, 0.9, None, time=0, end_time=6000)
        fact = finding("rhythm/unsnapped", 4, 0.95, None)
        assert rules(section, fact, finding("rhythm/wrong-tick", 6)) == ["timing/section-shifted", "rhythm/unsnapped"]

    def test_what_other_difficulties_have_hides_no_fact(self) -> None:
        agreement = finding("mapset/beside-others", 3, 0.7, None, tier=Tier.ESTIMATED)
        assert rules(agreement, finding("rhythm/unsnapped", 3, 0.65, None)) == ["rhythm/unsnapped"]
        muted = finding("hitsounds/muted", 3, 0.95, None)
        assert rules(agreement, muted) == ["hitsounds/muted", "mapset/beside-others"]

    def test_a_minor_fact_hides_no_warning(self) -> None:
        fact = finding("rhythm/slightly-unsnapped", 3, 0.3, None, severity=Severity.MINOR)
        assert rules(finding("rhythm/wrong-tick", 3, 0.7), fact) == ["rhythm/slightly-unsnapped", "rhythm/wrong-tick"]

    def test_two_facts_about_one_object_both_stay(self) -> None:
        assert rules(finding("rhythm/unsnapped", 3, 0.95, None), finding("positions/offscreen", 3, 0.95, None)) == [
            "rhythm/unsnapped",
            "positions/offscreen",
        ]

    def test_two_facts_that_are_one_mistake_are_one_finding(self) -> None:
        same = [finding("rhythm/concurrent", 3, 0.95, None), finding("rhythm/too-close", 3, 0.95, None)]
        assert rules(*same) == rules(*reversed(same)) == ["rhythm/concurrent"]
        apart = [finding("rhythm/concurrent", 3, 0.95, None), finding("rhythm/too-close", 4, 0.95, None)]
        assert rules(*apart) == ["rhythm/concurrent", "rhythm/too-close"]

    def test_no_fact_is_folded_into_a_milder_one(self) -> None:
        mild = finding("rhythm/concurrent", 3, 0.95, None, severity=Severity.WARNING)
        grave = finding("rhythm/too-close", 3, 0.7, None, severity=Severity.PROBLEM)
        assert rules(mild, grave) == ["rhythm/concurrent", "rhythm/too-close"]


class TestManyOfOneRule:
    def test_the_gravest_are_listed_and_the_last_says_how_many_more_there_are(self) -> None:
        problems = [finding("kiai/a", None, 0.95, None, float(i), severity=Severity.PROBLEM) for i in range(60)]
        warnings = [finding("kiai/a", None, 0.7, None, 1000.0 - i) for i in range(2_000)]
        others = [finding("timing/b", None, 0.7, None, float(i)) for i in range(MOST_OF_RULE)]
        kept, _ = deduplicate([*warnings, *problems, *others], Evidence(MAP))
        own = [one for one in kept if one.rule == "kiai/a"]
        assert len(own) == MOST_OF_RULE and sum(one.severity is Severity.PROBLEM for one in own) == 60
        assert own[-1].message == "message And 1,960 more like it." and own[-1].evidence["more"] == 1_960
        assert [one.time for one in own] == sorted(one.time for one in own) and own[0].message == "message"
        assert sum(one.rule == "timing/b" and one.message == "message" for one in kept) == MOST_OF_RULE


class TestManyFindings:
    """Each of these would take minutes if every finding were compared with every other."""

    MANY = 15_000

    def test_without_objects(self) -> None:
        breaks = [finding("rhythm/break", None, bits=None, time=float(i)) for i in range(self.MANY)]
        sections = [finding("timing/section", None, time=float(i), end_time=i + 9_000.0) for i in range(self.MANY)]
        assert len(rules(*breaks, *sections)) == 2 * MOST_OF_RULE

    def test_on_one_object(self) -> None:
        facts = [finding("hitsounds/a", 3, 0.95, None) for _ in range(self.MANY)]
        estimates = [finding("hitsounds/b", 3, 0.7) for _ in range(self.MANY)]
        kept, _ = deduplicate([*facts, *estimates], Evidence(MAP))
        assert len(kept) == MOST_OF_RULE and len(kept[0].evidence["also"]) == self.MANY

    def test_inside_many_sections(self) -> None:
        sections = [
            finding("timing/section", None, 0.5 + i / 1e6, time=-float(i), end_time=90_000.0) for i in range(self.MANY)
        ]
        kept, _ = deduplicate([*sections, *(finding("rhythm/a", 4) for _ in range(self.MANY))], Evidence(MAP))
        (listing,) = (one for one in kept if "also" in one.evidence)
        assert listing.score == max(one.score for one in kept) and len(listing.evidence["also"]) == self.MANY

    def test_the_same_as_by_comparing_all(self) -> None:
        rng = random.Random(7)
        names = (
            "rhythm/a",
            "rhythm/concurrent",
            "rhythm/too-close",
            "positions/b",
            "hitsounds/c",
            "mapset/d",
            "kiai/e",
        )
        for _ in range(100):
            found = [
                replace(
                    finding(
                        rng.choice(names),
                        rng.randrange(12),
                        rng.choice((0.3, 0.7, 0.9)),
                        rng.choice((None, 12.0)),
                        severity=rng.choice(tuple(Severity)),
                        tier=rng.choice(tuple(Tier)),
                    ),
                    objects=tuple(sorted(rng.sample(range(12), rng.randrange(4)))),
                )
                for _ in range(25)
            ] + [
                finding(
                    "timing/section", None, rng.random(), time=rng.uniform(-2000, 3000), end_time=rng.uniform(0, 9000)
                )
                for _ in range(3)
            ]
            found = [one if one.objects or one.end_time else replace(one, time=-9.0 * i) for i, one in enumerate(found)]
            kept, _ = deduplicate(found, Evidence(MAP))
            folded = [len(one.evidence.get("also", ())) for one in kept]
            expected = by_comparing_all(found)
            assert [(one.rule, one.score, one.objects) for one in kept] == [
                (one.rule, one.score, one.objects) for one, _ in expected
            ]
            assert folded == [n for _, n in expected]


def by_comparing_all(findings: list[Finding]) -> list[tuple[Finding, int]]:
    """Kept findings with the number folded into each, by the definition: the first cause explains."""

    def explains(cause: Finding, other: Finding) -> bool:
        shared = set(cause.objects) & set(other.objects)
        if other.tier is Tier.EXACT:
            same = cause.rule in RULES and other.rule in RULES[cause.rule].same_mistake
            return bool(shared) and same and cause.severity.rank <= other.severity.rank
        if other.category not in CAUSES[cause.category] or not other.objects:
            return False
        is_step = other.category is cause.category is Category.POSITIONS and cause.surprisal is not None
        if is_step and other.surprisal is None and max(other.objects) + 1 in cause.objects:
            return True
        if not cause.objects:
            is_section = cause.category is Category.TIMING and cause.end_time is not None
            return is_section and cause.time + 1500 <= other.time <= (cause.end_time or 0.0) - 1500
        surprised = rests_on_network(other) and (rests_on_network(cause) or cause.category is Category.RHYTHM)
        is_next = min(other.objects) - max(cause.objects) == 1
        return bool(shared) or (is_next and (other.category is Category.POSITIONS or surprised))

    kept: list[tuple[Finding, int]] = []
    for one in sorted(findings, key=order_of_causes):
        cause = next((i for i, (other, _) in enumerate(kept) if explains(other, one)), None)
        if cause is None:
            kept.append((one, 0))
        else:
            kept[cause] = kept[cause][0], kept[cause][1] + 1
    order = list(Category)
    return sorted(kept, key=lambda pair: (pair[0].time, order.index(pair[0].category), pair[0].rule))
