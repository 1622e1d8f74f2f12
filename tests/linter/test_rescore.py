"""Score and severity are made once: exact findings keep theirs, estimates are weighed, repetition is penalised."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.events.schema import Event, EventKind, EventScore
from maimod.features.layers import WITHIN as JUDGED_WITHIN
from maimod.findings import Category, Finding, Severity, Tier, clock
from maimod.linter import rescore as module
from maimod.linter.calibration import Calibration
from maimod.linter.judge import Judge
from maimod.linter.places import NAMES
from maimod.linter.rescore import rescore, severity
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.mapset import Mapset
from maimod.rules import (
    clashes,
    hitsounds,
    kiai,
    mania_columns,
    mania_slips,
    offscreen,
    positions,
    rhythm,
    slider_shapes,
    slider_velocities,
    slips,
    snaps,
    spacing,
    spinners,
    timing,
    velocity_steps,
)
from maimod.rules.base import Candidate, Certainty, Curve, Evidence, Ramp, Rule, candidate
from tests.features.test_passages import MEASURE, phrase_map
from tests.findings import doubted, judging, proposals_of
from tests.maps import RED_LINE, beatmap

MAP = beatmap([f"{64 + 40 * (i % 8)},192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(40)])
"""20 s, so that `USUAL_FINDINGS` and a third of `USUAL_FINDINGS_A_MINUTE` are usual."""
USUAL = module.USUAL_FINDINGS + MAP.drain_ms / 60_000 * module.USUAL_FINDINGS_A_MINUTE
WITHOUT = Evidence(MAP)
"""Without a discriminator."""


def found(rule: Rule, at: int = 10, **details: object) -> Candidate:
    o = MAP.hit_objects[at]
    return candidate(rule, time=o.time, line=o.line, objects=[o], message="message", **details)


def measured(rule: Rule, score: float, at: int = 10, *, by_model: bool = True) -> Candidate:
    """A candidate whose measure has this score on the rule's curve."""
    curve = rule.curves[""]
    assert isinstance(curve, Curve)
    measure = curve.middle + curve.scale * math.log(score / (1 - score))
    event = Event(EventKind.POS_X, 5, 0, 0, MAP.hit_objects[at])
    return found(rule, at, measure=measure, event=EventScore(event, 9.0, 3.0, ()) if by_model else None)


def scores(findings: list[Finding]) -> list[float]:
    return [finding.score for finding in findings]


class TestScores:
    @pytest.mark.parametrize(
        ("certainty", "expected"),
        [
            (Certainty.CERTAIN, Severity.PROBLEM),
            (Certainty.LIKELY, Severity.WARNING),
            (Certainty.GUIDELINE, Severity.WARNING),
            (Certainty.POSSIBLE, Severity.MINOR),
            (Certainty.HARMLESS, Severity.MINOR),
        ],
    )
    def test_certainty_of_a_fact(self, certainty: Certainty, expected: Severity) -> None:
        (finding,) = rescore([found(rhythm.UNSNAPPED, certainty=certainty)], WITHOUT, Calibration())
        assert (finding.severity, finding.score) == (expected, module.CERTAINTY_SCORES[certainty])

    @pytest.mark.parametrize(
        ("score", "expected"),
        [(0.85, Severity.PROBLEM), (0.849, Severity.WARNING), (0.6, Severity.WARNING), (0.599, Severity.MINOR)],
    )
    def test_severity_of_a_score(self, score: float, expected: Severity) -> None:
        assert severity(Severity.PROBLEM, score) is expected

    def test_no_severity_is_worse_than_the_rule_allows(self) -> None:
        assert severity(Severity.MINOR, 1.0) is Severity.MINOR
        (finding,) = rescore([measured(timing.OFFSET, 0.99, by_model=False)], WITHOUT, Calibration())
        assert finding.severity is Severity.WARNING

    @pytest.mark.parametrize(("score", "count"), [(0.31, 1), (0.29, 0)])
    def test_without_a_discriminator_an_estimate_needs_a_higher_score(self, score: float, count: int) -> None:
        assert len(rescore([measured(spacing.SPACING, score)], WITHOUT, Calibration())) == count

    def test_a_curve_within_bounds(self) -> None:
        curve = Curve(10.0, 2.0, lowest=0.3, highest=0.8, shift=-0.1)
        assert [round(curve(measure), 3) for measure in (-math.inf, 0.0, 10.0, 99.0)] == [0.2, 0.2, 0.4, 0.7]
        assert Curve(10.0, 2.0)(-math.inf) == 0.0 < Curve(10.0, 2.0)(9.0) < 0.5

    def test_a_ramp_is_constant_beyond_its_points(self) -> None:
        ramp = Ramp((1.0, 0.2), (3.0, 0.6))
        assert [round(ramp(measure), 3) for measure in (0.0, 1.0, 2.0, 3.0, 9.0)] == [0.2, 0.2, 0.4, 0.6, 0.6]

    def test_of_two_ways_to_one_finding_the_stronger_counts(self) -> None:
        weak, strong = (found(slider_shapes.SHAPE, measure=bits, curve="copy", copies=bits) for bits in (1.3, 2.0))
        for both in ([weak, strong], [strong, weak]):
            (finding,) = rescore(both, WITHOUT, Calibration())
            assert finding.evidence == {"copies": 2.0}

    def test_facts_about_one_object_all_stay(self) -> None:
        facts = [found(rhythm.UNSNAPPED), found(rhythm.UNSNAPPED)]
        assert len(rescore(facts, WITHOUT, Calibration())) == 2

    def test_a_checkpoint_may_bring_its_own_curves(self) -> None:
        stored = Calibration({"positions/unexpected-column": Curve(20.0, 1.0)})
        (before,) = rescore([found(mania_columns.UNEXPECTED_COLUMN, measure=9.0)], WITHOUT, Calibration())
        assert before.score == 0.8  # the bound of the declared curve
        assert rescore([found(mania_columns.UNEXPECTED_COLUMN, measure=9.0)], WITHOUT, stored) == []
        (after,) = rescore([found(mania_columns.UNEXPECTED_COLUMN, measure=30.0)], WITHOUT, stored)
        assert after.score == 0.8


def with_proposals(candidates: list[Candidate], evidence: Evidence, calibration: Calibration) -> list[Finding]:
    """Rescore candidates and what the discriminator suggests beside them."""
    proposals = proposals_of(evidence) if evidence.corruption is not None else []
    return rescore([*candidates, *proposals], evidence, calibration)


class TestDiscriminator:
    def place(self, logit: float, at: int = 10) -> Evidence:
        return doubted(MAP, {("place", MAP.hit_objects[at].time): logit})

    def test_both_log_odds_make_one_score(self) -> None:
        (finding,) = with_proposals([measured(positions.UNEXPECTED, 0.7)], self.place(2.0), Calibration())
        logit = module.NETWORK_WEIGHT * (math.log(0.7 / 0.3) + 2.0)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-3)
        assert (finding.evidence["first_reading"], finding.evidence["second_reading"]) == (0.85, 2.0)

    def test_it_confirms_and_clears(self) -> None:
        (sure,) = with_proposals([measured(positions.UNEXPECTED, 0.5)], self.place(4.0), Calibration())
        assert sure.severity is Severity.WARNING
        assert with_proposals([measured(positions.UNEXPECTED, 0.5)], self.place(-9.0), Calibration()) == []

    def test_without_the_song_a_rhythm_is_a_minor(self) -> None:
        missing = measured(rhythm.UNEXPECTED_OBJECT, 0.9)
        unheard = doubted(MAP, {("extra", MAP.hit_objects[10].time): 5.0})
        heard = replace(unheard, envelope=OnsetEnvelope(np.zeros(5_000, dtype=np.float32), 5.0))
        severities = [with_proposals([missing], one, Calibration())[0].severity for one in (heard, unheard)]
        assert severities == [Severity.WARNING, Severity.MINOR]

    @pytest.mark.parametrize(("heard", "expected"), [(False, Severity.WARNING), (True, Severity.MINOR)])
    def test_an_unusual_tick_that_the_song_has_is_a_minor(self, heard: bool, expected: Severity) -> None:
        lone = replace(measured(snaps.UNUSUAL_SNAP, 0.9), numbers={snaps.IS_HEARD: heard})
        song = replace(doubted(MAP, {}), envelope=OnsetEnvelope(np.zeros(5_000, dtype=np.float32), 5.0))
        assert [one.severity for one in rescore([lone], song, Calibration())] == [expected]

    def test_what_was_too_weak_alone_may_be_reported_with_it(self) -> None:
        weak = measured(positions.UNEXPECTED, 0.1)
        assert with_proposals([weak], WITHOUT, Calibration()) == []
        assert [f.surprisal for f in with_proposals([weak], self.place(4.0), Calibration())] == [9.0]

    def test_a_measure_that_says_nothing_gives_way_to_its_proposal(self) -> None:
        (finding,) = with_proposals([measured(positions.UNEXPECTED, 0.04)], self.place(9.0), Calibration())
        assert (finding.surprisal, finding.evidence["first_reading"]) == (None, -3.0)

    def test_it_proposes_nothing_where_the_rule_has_found_the_same(self) -> None:
        (finding,) = with_proposals([measured(positions.UNEXPECTED, 0.7)], self.place(4.0), Calibration())
        assert finding.surprisal == 9.0
        doubts = {("place", MAP.hit_objects[at].time): 4.0 for at in (10, 30)}
        two = with_proposals([measured(positions.UNEXPECTED, 0.7, at=30)], doubted(MAP, doubts), Calibration())
        assert [(f.objects, f.surprisal) for f in two] == [((30,), 9.0), ((10,), None)]

    def test_a_rule_that_it_does_not_cover_keeps_its_own_score(self) -> None:
        own = measured(rhythm.UNUSUAL_SNAP, 0.7)
        for evidence in (WITHOUT, self.place(9.0, at=30), doubted(MAP, {}, elsewhere=-30.0)):
            (finding,) = [f for f in with_proposals([own], evidence, Calibration()) if f.rule == own.rule.id]
            assert finding.score == 0.7 and "second_reading" not in finding.evidence

    @pytest.mark.parametrize(("doubted_at", "logit"), [(6125.0, 3.0), (6000.0, -12.0)])
    def test_a_hole_is_asked_about_where_it_is(self, doubted_at: float, logit: float) -> None:
        """Not at the object before it, which the finding names."""
        hole = replace(measured(rhythm.MISSING_OBJECT, 0.7), time=6125.0)
        corruption = doubted(MAP, {("missing", doubted_at): 3.0}).corruption
        assert corruption is not None
        assert module.discriminator_logit(corruption, hole) == logit

    def test_a_border_of_kiai_is_asked_about_by_the_beats_beside_it(self) -> None:
        border = candidate(kiai.MISPLACED, time=6000.0, line=9, message="", measure=15.0, curve="")
        doubts = {("kiai", 5500.0 + 125 * i): logit for i, logit in enumerate((1.0, 2.0, 3.0, 6.0))}
        corruption = doubted(MAP, doubts).corruption
        assert corruption is not None
        assert module.discriminator_logit(corruption, border) == 3.0

    def test_a_proposal_that_is_too_weak_is_not_weighed(self) -> None:
        strong, weak = (module.LEAST_WEIGHED_LOGIT + by for by in (8.0, -0.1))
        assert len(with_proposals([], self.place(strong), Calibration())) == 1
        assert with_proposals([], self.place(weak), Calibration()) == []


class TestJudge:
    BY_PLACE = judging(Category.POSITIONS, "slot place", 1.0, 0.0, "positions/unexpected")

    @pytest.fixture(autouse=True)
    def _as_the_judge_says(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        if "read" not in request.function.__name__:
            monkeypatch.setattr(module, "READ_LOGITS", {})
            monkeypatch.setattr(module, "LEAST_LISTED", {})

    def seen(self, doubts: dict[tuple[str, float], float]) -> Evidence:
        return replace(doubted(MAP, doubts), scores=())

    @pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
    def test_what_was_read_in_ranked_osu_maps_moves_the_score_of_a_rule_or_category(self, mode: Mode) -> None:
        sounds = judging(Category.HITSOUNDS, "slot addition", 1.0, 0.0, "hitsounds/unexpected")
        others = judging(Category.POSITIONS, "slot place", 1.0, 0.0, "positions/slip")
        for rule, kind, calibration, by in (
            (hitsounds.UNEXPECTED, "addition", sounds, 0.4),
            (positions.UNEXPECTED, "place", self.BY_PLACE, -0.8),
            (slips.SLIP, "place", others, 0.0),
        ):
            seen = self.seen({(kind, MAP.hit_objects[10].time): 0.5})
            seen = replace(seen, beatmap=replace(MAP, mode=mode))
            (finding,) = rescore([found(rule, measure=9.0)], seen, calibration)
            logit = 0.5 + (by if mode is Mode.OSU else 0.0)
            assert finding.score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-3)

    def test_the_score_of_a_place_is_the_judge_s(self) -> None:
        evidence = self.seen({("place", MAP.hit_objects[10].time): 0.5})
        (finding,) = with_proposals([measured(positions.UNEXPECTED, 0.04)], evidence, self.BY_PLACE)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-0.5)), abs=1e-3)
        assert finding.evidence["second_reading"] == 0.5

    @pytest.mark.parametrize(("logit", "count"), [(-2.9, 1), (-3.0, 0)])
    def test_places_below_the_least_score_are_not_reported(self, logit: float, count: int) -> None:
        evidence = self.seen({("place", MAP.hit_objects[10].time): logit})
        assert len(with_proposals([], evidence, self.BY_PLACE)) == count

    def test_rules_that_it_does_not_know_keep_their_own_scores(self) -> None:
        evidence = self.seen({})
        own = measured(rhythm.UNUSUAL_SNAP, 0.7)
        (finding,) = with_proposals([own, measured(positions.UNEXPECTED, 0.7)], evidence, self.BY_PLACE)
        assert (finding.rule, finding.score) == (own.rule.id, 0.7)

    def test_a_place_that_was_judged_is_not_weighed_too(self) -> None:
        evidence = self.seen({("place", MAP.hit_objects[10].time): 4.0})
        assert len(rescore([measured(positions.UNEXPECTED, 0.7)], evidence, self.BY_PLACE)) == 1

    def test_it_is_silent_about_a_rule_of_its_category_that_it_does_not_know(self) -> None:
        evidence = self.seen({("place", MAP.hit_objects[10].time): 4.0})
        (finding,) = rescore([measured(spacing.SPACING, 0.7)], evidence, self.BY_PLACE)
        assert finding.score != pytest.approx(1 / (1 + math.exp(-4.0)), abs=1e-3)

    def test_without_the_generator_s_scores_there_is_no_judgement(self) -> None:
        evidence = replace(self.seen({("place", MAP.hit_objects[10].time): 4.0}), scores=None)
        (finding,) = with_proposals([measured(positions.UNEXPECTED, 0.5)], evidence, self.BY_PLACE)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-0.6 * 4.0)), abs=1e-3)

    def test_a_rule_that_the_judge_does_not_know_hides_no_other_at_its_place(self) -> None:
        evidence = self.seen({("place", MAP.hit_objects[10].time): 0.5})
        stronger = measured(slips.SLIP, 0.5)
        rules = {
            f.rule for f in with_proposals([measured(positions.UNEXPECTED, 0.04), stronger], evidence, self.BY_PLACE)
        }
        assert "positions/unexpected" in rules

    def test_the_same_doubt_in_every_phrase_is_one_finding_that_names_all_places(self) -> None:
        places = [o.time for o in MAP.hit_objects[2::8]]
        evidence = replace(doubted(MAP, {("combo", time): -1.0 for time in places}, elsewhere=-6.0), scores=())
        calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
        (finding,) = with_proposals([], evidence, calibration)
        others = 0.15 * 4 * (-1.0 - JUDGED_WITHIN[0])
        assert finding.score == pytest.approx(1 / (1 + math.exp(1.0 - others)), abs=0.01)
        assert finding.evidence["times_ms"] == places and finding.evidence["places"] == 5
        assert "the same in 4 more phrases: 00:06:000, 00:10:000" in finding.message

    @pytest.mark.parametrize(
        ("logits", "found"),
        [
            ((-1.0, -0.5, -0.8), [(1, 3)]),
            ((-1.0, -0.5, 0.5, -0.8), [(1, 3), (2, None)]),  # one is likely
            ((0.5, -1.0, -0.5), [(0, None), (2, 2)]),
            ((0.5, 1.0, -0.5), [(0, None), (1, None), (2, None)]),
            ((-1.0, -0.5), [(0, None), (1, None)]),
            ((-1.0, -0.5, -2.0), [(0, None), (1, None), (2, None)]),  # one is not listed
        ],
    )
    def test_many_doubtful_scroll_speeds_are_one_question(
        self, logits: tuple[float, ...], found: list[tuple[int, int | None]]
    ) -> None:
        times = [9000.0 + 8000 * place for place in range(4)]
        lines = [f"{time:.0f},-{80 + 20 * (place % 2):.0f},4,2,0,70,0,0" for place, time in enumerate(times)]
        notes = [f"256,192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(80)]
        loaded = beatmap(notes, (RED_LINE, *lines), mode=1)
        doubts = {("velocity", time): logit for time, logit in zip(times, logits, strict=False)}
        seen = replace(doubted(loaded, doubts, elsewhere=-6.0), scores=())
        calibration = judging(Category.SCROLL_SPEED, "slot velocity", 1.0, 0.0, "scroll-speed/unexpected")
        findings = sorted(with_proposals([], seen, calibration), key=lambda finding: finding.time)
        assert [(round(f.time - 9000) // 8000, f.evidence.get("places")) for f in findings] == found
        if found == [(1, 3)]:
            assert "; the scroll speed is as doubtful at 2 more places: 00:09:000, 00:25:000." in findings[0].message

    @pytest.mark.parametrize(
        ("mode", "logits", "found"),
        [
            (2, (-1.0, -0.5, -0.8), [(1, 3)]),
            (2, (-1.0, -0.5), [(0, None), (1, None)]),
            (2, (-1.0, 1.0, -0.8), [(1, None), (2, 2)]),  # what is likely is a finding of its own
            (0, (-1.0, -0.5, -0.8), [(0, None), (1, None), (2, None)]),
        ],
    )
    def test_many_doubtful_combos_of_catch_are_one_question(
        self, mode: int, logits: tuple[float, ...], found: list[tuple[int, int | None]]
    ) -> None:
        # Not at the same place of phrases, which would be one finding in all modes.
        times = [9000.0 + 8500 * place for place in range(3)]
        circles = [f"256,192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(80)]
        doubts = {("combo", time): logit for time, logit in zip(times, logits, strict=False)}
        seen = replace(doubted(beatmap(circles, mode=mode), doubts, elsewhere=-6.0), scores=())
        calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
        findings = sorted(with_proposals([], seen, calibration), key=lambda finding: finding.time)
        assert [(round(f.time - 9000) // 8500, f.evidence.get("places")) for f in findings] == found
        if found == [(1, 3)]:
            assert "; a new combo is as likely at 2 more places: 00:09:000, 00:26:000." in findings[0].message

    def test_a_question_about_copies_of_a_phrase_names_each_place_once(self) -> None:
        loaded = replace(phrase_map(), mode=Mode.CATCH)
        times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
        others = [4 * MEASURE + 1625.0, 6 * MEASURE + 375.0]
        doubts = {("combo", time): -0.5 for time in times} | {("combo", time): -1.0 for time in others}
        seen = replace(doubted(loaded, doubts, elsewhere=-6.0), scores=())
        calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
        (finding,) = with_proposals([], seen, calibration)
        assert finding.evidence["times_ms"] == sorted([*times, *others]) and finding.evidence["places"] == 4
        assert finding.message.count("; ") == 2 and finding.message.count(clock(times[1])) == 1

    @pytest.mark.parametrize(
        ("logits", "found"),
        [
            ((1.0, 0.5), [(1, 2)]),  # one mistake, at its likeliest place
            ((1.0, -1.0), [(1, 2)]),
            ((1.0, -2.0), [(1, None), (9, None)]),  # the other one is not listed
        ],
    )
    def test_the_same_doubt_in_two_copies_of_a_measure_is_one_finding(
        self, logits: tuple[float, float], found: list[tuple[int, int | None]]
    ) -> None:
        loaded = phrase_map()
        times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
        doubts = {("combo", time): logit for time, logit in zip(times, logits, strict=True)}
        seen = replace(doubted(loaded, doubts, elsewhere=-6.0), scores=())
        calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
        findings = sorted(with_proposals([], seen, calibration), key=lambda finding: finding.time)
        assert [(round(f.time - 1000) // MEASURE, f.evidence.get("places")) for f in findings] == found
        if found[0][1]:
            assert findings[0].evidence["times_ms"] == times and findings[0].score == pytest.approx(0.73, abs=0.01)
            assert "; the same in 1 more phrase: 00:19:000." in findings[0].message

    def test_other_sounds_in_two_copies_of_a_measure_are_two_findings(self) -> None:
        loaded = phrase_map()
        times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
        objects = [next(o for o in loaded.hit_objects if o.time == time) for time in times]
        seen = replace(doubted(loaded, {("addition", time): 1.0 for time in times}, elsewhere=-6.0), scores=())
        calibration = judging(Category.HITSOUNDS, "slot addition", 1.0, 0.0, "hitsounds/unexpected")

        def unexpected(*sounds: str) -> list[Finding]:
            given = [
                candidate(
                    hitsounds.UNEXPECTED, time=o.time, line=o.line, objects=[o], message="", measure=9.0, actual=sound
                )
                for o, sound in zip(objects, sounds, strict=True)
            ]
            return rescore(given, seen, calibration)

        assert len(unexpected("finish", "whistle")) == 2 and len(unexpected("finish", "finish")) == 1

    @pytest.mark.parametrize(
        ("mode", "category", "count"),
        [
            (Mode.OSU, Category.HITSOUNDS, 1),
            (Mode.OSU, Category.POSITIONS, 0),
            (Mode.MANIA, Category.HITSOUNDS, 0),
            (Mode.CATCH, Category.HITSOUNDS, 0),
        ],
    )
    def test_a_kind_that_was_not_taught_is_a_minor_if_rule_and_proofreader_are_sure(
        self, mode: Mode, category: Category, count: int
    ) -> None:
        rule = hitsounds.UNEXPECTED if category is Category.HITSOUNDS else positions.UNEXPECTED
        blind = judging(category, NAMES[0], 0.0, -9.0, rule.id)
        for logit, expected in ((4.0, count), (-4.0, 0)):
            seen = self.seen({(kind, MAP.hit_objects[10].time): logit for kind in rule.corruptions})
            findings = rescore([measured(rule, 0.9)], replace(seen, beatmap=replace(MAP, mode=mode)), blind)
            assert len(findings) == expected
            assert all(f.score == pytest.approx(0.2, abs=0.01) and f.severity is Severity.MINOR for f in findings)

    @pytest.mark.parametrize(("logit", "count"), [(-0.9, 1), (-1.1, 0)])
    def test_what_the_proofreader_denies_is_no_kind_that_was_not_taught(self, logit: float, count: int) -> None:
        rule = hitsounds.UNEXPECTED
        blind = judging(Category.HITSOUNDS, NAMES[0], 0.0, -9.0, rule.id)
        denied = self.seen({(kind, MAP.hit_objects[10].time): logit for kind in rule.corruptions})
        assert len(rescore([measured(rule, 0.999)], denied, blind)) == count

    def test_what_every_phrase_lacks_is_no_warning(self) -> None:
        calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
        places = [o.time for o in MAP.hit_objects[2::8]]
        every = replace(doubted(MAP, {("combo", time): 3.0 for time in places}, elsewhere=-6.0), scores=())
        one = replace(doubted(MAP, {("combo", places[0]): 3.0}, elsewhere=-6.0), scores=())
        (pooled,), (single,) = (with_proposals([], seen, calibration) for seen in (every, one))
        assert pooled.score > 0.8 and pooled.severity is Severity.MINOR and pooled.evidence["phrases"] == 5
        assert single.score > 0.8 and single.severity is Severity.WARNING

    @pytest.mark.parametrize(("has_flags", "is_pooled"), [(True, True), (False, False)])
    def test_what_the_other_difficulties_lack_too_is_not_likelier_in_every_phrase(
        self, has_flags: bool, is_pooled: bool
    ) -> None:
        calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
        places = [o.time for o in MAP.hit_objects[2::8]]
        others = [
            replace(MAP, path=Path(name), hit_objects=tuple(replace(o, new_combo=has_flags) for o in MAP.hit_objects))
            for name in ("one.osu", "two.osu")
        ]
        doubts = {("combo", time): -1.0 for time in places}
        seen = replace(doubted(MAP, doubts, elsewhere=-6.0), scores=(), mapset=Mapset(Path(), (MAP, *others)))
        (finding,) = with_proposals([], seen, calibration)
        assert (finding.score > 0.3) is is_pooled and finding.evidence["places"] == 5

    @pytest.mark.parametrize("key", ["positions/unexpected", "positions"])
    def test_a_rule_or_category_can_need_a_higher_score_to_be_listed(
        self, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "LEAST_LISTED", {key: 0.4})
        scores = []
        for logit in (-2.0, -1.0, -0.5, -0.3, 2.0):
            evidence = self.seen({("place", MAP.hit_objects[10].time): logit})
            scores += [one.score for one in with_proposals([], evidence, self.BY_PLACE)]
        assert scores == pytest.approx([0.119, 0.198, 0.198, 0.426, 0.881], abs=1e-3)

    def test_an_object_off_its_tick_is_less_in_doubt_where_the_set_has_one_too(self) -> None:
        calibration = judging(Category.RHYTHM, NAMES[0], 0.0, 0.5, rhythm.WRONG_TICK.id)
        late = measured(rhythm.WRONG_TICK, 0.9)
        bare = replace(MAP, hit_objects=MAP.hit_objects[:10], path=Path("bare.osu"))
        scores = []
        for others in ((), (bare, bare, replace(MAP, path=Path("a.osu"))), (bare, replace(MAP, path=Path("b.osu")))):
            seen = replace(self.seen({}), mapset=Mapset(Path(), (MAP, *others)))
            scores += [one.score for one in rescore([late], seen, calibration) if one.rule == rhythm.WRONG_TICK.id]
        less = 1 / (1 + math.exp(-0.5 - module.SAME_START_LOGIT))
        assert scores == pytest.approx([0.622, 0.622, less], abs=1e-3)

    @pytest.mark.parametrize(("mode", "score"), [(Mode.TAIKO, 0.378), (Mode.OSU, 0.622)])
    def test_taiko_is_less_in_doubt_where_it_rests(self, mode: Mode, score: float) -> None:
        calibration = judging(Category.RHYTHM, NAMES[0], 0.0, 0.5, spinners.MISSING.id)
        seen = replace(self.seen({}), beatmap=replace(MAP, mode=mode))
        (finding,) = rescore([measured(spinners.MISSING, 0.9)], seen, calibration)
        assert finding.score == pytest.approx(score, abs=1e-3)

    def test_a_new_combo_is_less_in_doubt_where_the_set_does_the_same(self) -> None:
        loaded, calibration = phrase_map(), judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
        time = 9 * MEASURE + 1000.0  # within a measure, where neither copies nor the other difficulty have one
        scores = []
        flagged = tuple(replace(o, new_combo=o.new_combo or o.time == time) for o in loaded.hit_objects)
        for mode, count, objects in (
            (Mode.OSU, 1, loaded.hit_objects),
            (Mode.OSU, 0, loaded.hit_objects),
            (Mode.CATCH, 1, loaded.hit_objects),
            (Mode.CATCH, 0, loaded.hit_objects),
            (Mode.CATCH, 1, flagged),
        ):
            own = replace(loaded, mode=mode, path=Path("own.osu"))
            other = replace(own, path=Path("other.osu"), hit_objects=objects)
            seen = doubted(own, {("combo", time): 0.0}, elsewhere=-6.0)
            seen = replace(seen, scores=(), mapset=Mapset(Path(), (own, other)[: 1 + count]))
            scores += [one.score for one in with_proposals([], seen, calibration)]
        less, least = (1 / (1 + math.exp(-by)) for by in (module.SAME_FLAG_LOGIT, module.SAME_COMBO_LOGIT))
        assert scores == pytest.approx([less, 0.5, least, 0.5, 0.5], abs=1e-3)

    def test_additions_are_less_in_doubt_where_all_of_the_set_has_the_same(self) -> None:
        calibration = judging(Category.HITSOUNDS, NAMES[0], 0.0, 2.0, hitsounds.UNEXPECTED.id)
        scores = []
        for mode, count, sound in ((Mode.CATCH, 2, 0), (Mode.CATCH, 1, 0), (Mode.CATCH, 2, 4), (Mode.OSU, 2, 0)):
            own = replace(phrase_map(), mode=mode)
            hit = next(o for o in own.hit_objects if o.time == 9 * MEASURE)
            changed = [
                replace(o, hitsound=hit.hitsound | sound if o.time == hit.time else o.hitsound) for o in own.hit_objects
            ]
            others = [replace(own, path=Path(f"{name}.osu"), hit_objects=tuple(changed)) for name in range(count)]
            seen = replace(doubted(own, {}), scores=(), mapset=Mapset(Path(), (own, *others)))
            doubt = candidate(hitsounds.UNEXPECTED, time=hit.time, line=1, objects=[hit], message="", measure=9.0)
            scores += [one.score for one in rescore([doubt], seen, calibration)]
        less = 1 / (1 + math.exp(-2.0 - module.SAME_SOUND_LOGIT))
        assert scores == pytest.approx([less, 0.881, 0.881, 0.881], abs=1e-3)

    @pytest.mark.parametrize(("ends", "is_alike"), [((2000, 2000), True), ((2000, 2250), False), ((2000,), False)])
    def test_the_end_of_a_hold_is_less_in_doubt_where_two_others_have_the_same(
        self, ends: tuple[int, ...], is_alike: bool
    ) -> None:
        def held(end: int, path: str = "own.osu") -> Beatmap:
            notes = [f"64,192,{3000 + 500 * i},1,0,0:0:0:0:" for i in range(8)]
            return beatmap([f"64,192,1000,128,0,{end}:0:0:0:0:", *notes], mode=3, path=path, CircleSize=4)

        own, calibration = held(2000), judging(Category.RHYTHM, NAMES[0], 0.0, 0.5, mania_slips.END.id)
        maps = (own, *(held(end, f"{number}.osu") for number, end in enumerate(ends)))
        hold = own.hit_objects[0]
        doubt = candidate(mania_slips.END, time=hold.time, line=1, objects=[hold], message="", measure=9.0)
        seen = replace(doubted(own, {}), scores=(), mapset=Mapset(Path(), maps))
        (score,) = [one.score for one in rescore([doubt], seen, calibration) if one.rule == mania_slips.END.id]
        less = 1 / (1 + math.exp(-0.5 - module.SAME_HOLD_LOGIT))
        assert score == pytest.approx(less if is_alike else 0.622, abs=1e-3)

    @pytest.mark.parametrize(
        ("line", "at_lines", "by"),
        [
            ("6000,-80,4,2,0,70,0,0", (True, True), module.SAME_SPEED_LOGIT),
            ("6000,-90,4,2,0,70,0,0", (True, True), 0.0),
            ("6500,-80,4,2,0,70,0,0", (True, True), 0.0),
            ("6000,-90,4,2,0,70,0,0", (True, False), module.NO_LINES_LOGIT),
            ("6000,-90,4,2,0,70,0,0", (False, True), module.NO_LINES_LOGIT),
        ],
    )
    def test_scroll_speed_is_less_in_doubt_by_the_lines_of_the_set_and_of_the_map(
        self, line: str, at_lines: tuple[bool, bool], by: float
    ) -> None:
        notes = [f"256,192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(20)]
        own, other = (
            beatmap(notes, (RED_LINE, one), mode=1, path=path)
            for one, path in (("6000,-80,4,2,0,70,0,0", "own.osu"), (line, "other.osu"))
        )
        rule, begins, ends = velocity_steps.SCROLL_STRETCH, *at_lines
        calibration = judging(Category.SCROLL_SPEED, NAMES[0], 0.0, 0.5, rule.id)
        doubt = candidate(
            rule,
            time=6000.0,
            line=1,
            objects=own.hit_objects[10:14],
            message="",
            measure=9.0,
            begins_at_line=begins,
            ends_at_line=ends,
        )
        seen = replace(doubted(own, {}), scores=(), mapset=Mapset(Path(), (own, other)))
        (score,) = [one.score for one in rescore([doubt], seen, calibration) if one.rule == rule.id]
        assert score == pytest.approx(1 / (1 + math.exp(-0.5 - by)), abs=1e-3)

    def test_a_mode_can_need_a_higher_score_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "LEAST_IN_MODE", {Mode.CATCH: {"positions": 0.4}})
        scores = []
        for mode in (Mode.CATCH, Mode.MANIA):
            seen = self.seen({("place", MAP.hit_objects[10].time): -0.5})
            seen = replace(seen, beatmap=replace(MAP, mode=mode))
            scores += [one.score for one in rescore([found(positions.UNEXPECTED, measure=9.0)], seen, self.BY_PLACE)]
        assert scores == pytest.approx([0.198, 0.378], abs=1e-3)

    def test_what_two_copies_of_a_measure_have_is_no_warning(self) -> None:
        times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
        seen = replace(doubted(phrase_map(), {("combo", time): 3.0 for time in times}, elsewhere=-6.0), scores=())
        (finding,) = with_proposals(
            [], seen, judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
        )
        assert finding.score > 0.9 and finding.severity is Severity.MINOR and finding.evidence["places"] == 2

    @pytest.mark.parametrize(("off", "expected"), [((9,), Severity.WARNING), (tuple(range(0, 20, 2)), Severity.MINOR)])
    def test_an_object_off_its_tick_where_similar_measures_have_one_is_no_warning(
        self, off: tuple[int, ...], expected: Severity
    ) -> None:
        """Circles on every beat; in the measures `off` the third is a quarter beat late."""
        times = [1000 * beat // 2 + 125 * (beat % 4 == 2 and beat // 4 in off) for beat in range(80)]
        loaded = beatmap([f"{64 + 40 * (i % 8)},192,{time},1,0,0:0:0:0:" for i, time in enumerate(times)])
        o = loaded.hit_objects[4 * off[-1] + 2]
        late = candidate(rhythm.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=99.0)
        heard = replace(doubted(loaded, {}), envelope=OnsetEnvelope(np.zeros(12_000, dtype=np.float32), 5.0), scores=())
        sure = judging(Category.RHYTHM, NAMES[0], 0.0, 3.0, rhythm.WRONG_TICK.id)
        (finding,) = (one for one in rescore([late], heard, sure) if one.time == o.time)
        assert finding.score > 0.9 and finding.severity is expected

    @pytest.mark.parametrize(("logit", "expected"), [(1.3, Severity.MINOR), (1.5, Severity.WARNING)])
    def test_a_warning_needs_more_than_a_likely_mistake(self, logit: float, expected: Severity) -> None:
        evidence = self.seen({("place", MAP.hit_objects[10].time): logit})
        (finding,) = with_proposals([], evidence, self.BY_PLACE)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-3)
        assert finding.severity is expected

    def test_facts_are_outside(self) -> None:
        fact = found(offscreen.OFFSCREEN, certainty=Certainty.LIKELY)
        calibration = judging(Category.POSITIONS, NAMES[0], 0.0, -20.0, "positions/unexpected", "positions/offscreen")
        assert scores(with_proposals([fact], self.seen({}), calibration)) == [module.CERTAINTY_SCORES[Certainty.LIKELY]]

    def test_a_place_is_compared_with_the_others_of_its_map(self) -> None:
        judge = self.BY_PLACE.judge
        assert judge is not None
        model = msgspec.structs.replace(judge.models[Category.POSITIONS], ahead=(0.0, 0.5, 0.0, 0.0))
        compared = replace(self.BY_PLACE, judge=Judge({Category.POSITIONS: model}, judge.rules))
        one, many = (
            scores(with_proposals([], self.seen({("place", o.time): 0.5 for o in objects}), compared))
            for objects in (MAP.hit_objects[:1], MAP.hit_objects[::4])
        )
        assert many == pytest.approx([1 / (1 + math.exp(-0.5))] * 10, abs=0.01)
        assert one[0] > 0.9


class TestExact:
    FACTS = (
        (rhythm.UNSNAPPED, Certainty.CERTAIN),
        (offscreen.OFFSCREEN, Certainty.LIKELY),
        (clashes.CONCURRENT, Certainty.CERTAIN),
        (slider_shapes.CONTROL_POINTS, Certainty.LIKELY),
        (rhythm.SLIGHTLY_LATE, Certainty.HARMLESS),
        (hitsounds.MUTED, Certainty.CERTAIN),
    )

    @pytest.mark.parametrize(("rule", "certainty"), FACTS, ids=lambda value: getattr(value, "id", value))
    @pytest.mark.parametrize("elsewhere", [-30.0, 30.0])
    def test_no_network_changes_a_fact(self, rule: Rule, certainty: Certainty, elsewhere: float) -> None:
        fact = found(rule, certainty=certainty)
        alone = with_proposals([fact], WITHOUT, Calibration())
        with_networks = with_proposals([fact], doubted(MAP, {}, elsewhere), Calibration())
        assert [f for f in with_networks if f.tier is Tier.EXACT] == alone
        assert alone[0].score == module.CERTAINTY_SCORES[certainty]

    def test_a_fact_that_holds_of_every_object_is_no_style(self) -> None:
        facts = [found(rule, at, certainty=certainty) for at in range(40) for rule, certainty in self.FACTS]
        assert scores(with_proposals(facts, WITHOUT, Calibration())) == [
            module.CERTAINTY_SCORES[certainty] for _ in range(40) for _, certainty in self.FACTS
        ]


class TestRepetition:
    def test_a_rule_that_reports_again_and_again_is_lowered(self) -> None:
        often = [measured(positions.UNEXPECTED, 0.8, at) for at in range(6)]
        findings = with_proposals(often, WITHOUT, Calibration())
        assert scores(findings) == [round(0.8 * USUAL / 6, 4)] * 6
        assert {finding.severity for finding in findings} == {Severity.MINOR}

    def test_what_is_lowered_too_far_is_left_out(self) -> None:
        assert (
            with_proposals([measured(positions.UNEXPECTED, 0.9, at) for at in range(20)], WITHOUT, Calibration()) == []
        )

    def test_what_the_discriminator_alone_sees_again_and_again_is_lowered(self) -> None:
        times = [o.time for o in MAP.hit_objects[::4]]
        evidence = doubted(MAP, {("place", time): 9.0 for time in times})
        (alone,) = with_proposals([], doubted(MAP, {("place", times[0]): 9.0}), Calibration())
        assert scores(with_proposals([], evidence, Calibration())) == [round(alone.score * USUAL / 10, 4)] * 10

    def test_a_few_are_no_repetition(self) -> None:
        assert scores(
            with_proposals([measured(positions.UNEXPECTED, 0.8, at) for at in (3, 9)], WITHOUT, Calibration())
        ) == [0.8, 0.8]

    def test_habits_of_the_map_are_not_what_a_network_repeats(self) -> None:
        own = [measured(spacing.SPACING, 0.8, at, by_model=False) for at in range(12)]
        assert scores(with_proposals(own, WITHOUT, Calibration())) == [0.8] * 12

    def test_each_rule_is_lowered_by_its_own_repetition(self) -> None:
        often = [measured(positions.UNEXPECTED, 0.8, at) for at in range(6)]
        three = [measured(slider_velocities.VELOCITY, 0.8, at) for at in range(20, 23)]
        lone = measured(rhythm.UNEXPECTED_KIND, 0.8, 30)
        findings = with_proposals([*often, *three, lone], WITHOUT, Calibration())
        assert scores(findings) == [round(0.8 * USUAL / 6, 4)] * 6 + [round(0.8 * USUAL / 3, 4)] * 3 + [0.8]


def test_a_finding_has_all_that_the_candidate_says() -> None:
    o = MAP.hit_objects[10]
    whole = replace(
        measured(positions.UNEXPECTED, 0.7),
        end_time=7000.0,
        actual="x:1",
        numbers={"bits": 3.0},
        words=lambda: "Words.",
    )
    (finding,) = with_proposals([whole], WITHOUT, Calibration())
    assert (finding.rule, finding.category.value, finding.tier) == ("positions/unexpected", "positions", Tier.ESTIMATED)
    assert (finding.time, finding.end_time, finding.line, finding.objects) == (o.time, 7000.0, o.line, (10,))
    assert finding.timestamp == "00:06:000 (11) -" and finding.evidence == {"bits": 3.0}
    assert (finding.surprisal, finding.entropy, finding.actual) == (9.0, 3.0, "x:1")
    assert finding.message == f"Words. {positions.UNEXPECTED.advice}"


def test_words_that_fail_cost_no_other_finding() -> None:
    one = measured(positions.UNEXPECTED, 0.9)
    object.__setattr__(one, "words", lambda: str(1 // 0))  # past the recorder of messages
    (found,) = with_proposals([one], WITHOUT, Calibration())
    assert found.rule == "positions/unexpected" and "ZeroDivisionError" in found.message
