"""Score and severity are made once: exact findings keep theirs, estimates are weighed, repetition is penalised."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import Finding, Severity, Tier
from maimod.linter import rescore as module
from maimod.linter.calibration import Calibration
from maimod.linter.rescore import rescore, severity
from maimod.osu.beatmap import Mode
from maimod.rules.base import Candidate, Certainty, Curve, Ramp, Rule, candidate
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds import habits, volume
from maimod.rules.kiai import ends as kiai_ends
from maimod.rules.mania import columns as mania_columns
from maimod.rules.positions import offscreen, spacing, unexpected
from maimod.rules.rhythm import clashes, snaps
from maimod.rules.rhythm import objects as rhythm_objects
from maimod.rules.sliders import shapes as slider_shapes
from maimod.rules.sliders import velocities as slider_velocities
from maimod.rules.timing import alignment
from tests.findings import doubted, with_proposals
from tests.maps import beatmap

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
        (finding,) = rescore([found(rhythm_objects.UNSNAPPED, certainty=certainty)], WITHOUT, Calibration())
        assert (finding.severity, finding.score) == (expected, module.CERTAINTY_SCORES[certainty])

    @pytest.mark.parametrize(
        ("score", "expected"),
        [(0.85, Severity.PROBLEM), (0.849, Severity.WARNING), (0.6, Severity.WARNING), (0.599, Severity.MINOR)],
    )
    def test_severity_of_a_score(self, score: float, expected: Severity) -> None:
        assert severity(Severity.PROBLEM, score) is expected

    def test_no_severity_is_worse_than_the_rule_allows(self) -> None:
        assert severity(Severity.MINOR, 1.0) is Severity.MINOR
        (finding,) = rescore([measured(alignment.OFFSET, 0.99, by_model=False)], WITHOUT, Calibration())
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

    def test_sliders_of_catch_are_juice_streams(self) -> None:
        said = replace(
            found(slider_shapes.SHAPE, measure=2.0, curve="copy"), words="This slider, unlike other sliders."
        )
        for mode, words in (
            (Mode.OSU, "slider, unlike other sliders"),
            (Mode.CATCH, "juice stream, unlike other juice streams"),
        ):
            (finding,) = rescore([said], Evidence(replace(MAP, mode=mode)), Calibration())
            assert finding.message.startswith(f"This {words}. ")

    def test_facts_about_one_object_all_stay(self) -> None:
        facts = [found(rhythm_objects.UNSNAPPED), found(rhythm_objects.UNSNAPPED)]
        assert len(rescore(facts, WITHOUT, Calibration())) == 2

    def test_a_checkpoint_may_bring_its_own_curves(self) -> None:
        stored = Calibration({"positions/unexpected-column": Curve(20.0, 1.0)})
        (before,) = rescore([found(mania_columns.UNEXPECTED_COLUMN, measure=9.0)], WITHOUT, Calibration())
        assert before.score == 0.8  # the bound of the declared curve
        assert rescore([found(mania_columns.UNEXPECTED_COLUMN, measure=9.0)], WITHOUT, stored) == []
        (after,) = rescore([found(mania_columns.UNEXPECTED_COLUMN, measure=30.0)], WITHOUT, stored)
        assert after.score == 0.8


class TestDiscriminator:
    def place(self, logit: float, at: int = 10) -> Evidence:
        return doubted(MAP, {("place", MAP.hit_objects[at].time): logit})

    def test_both_log_odds_make_one_score(self) -> None:
        (finding,) = with_proposals([measured(unexpected.UNEXPECTED, 0.7)], self.place(2.0), Calibration())
        logit = module.NETWORK_WEIGHT * (math.log(0.7 / 0.3) + 2.0)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-3)
        assert (finding.evidence["first_reading"], finding.evidence["second_reading"]) == (0.85, 2.0)

    def test_it_confirms_and_clears(self) -> None:
        (sure,) = with_proposals([measured(unexpected.UNEXPECTED, 0.5)], self.place(4.0), Calibration())
        assert sure.severity is Severity.WARNING
        assert with_proposals([measured(unexpected.UNEXPECTED, 0.5)], self.place(-9.0), Calibration()) == []

    def test_without_the_song_a_rhythm_is_a_minor(self) -> None:
        missing = measured(rhythm_objects.UNEXPECTED_OBJECT, 0.9)
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
        weak = measured(unexpected.UNEXPECTED, 0.1)
        assert with_proposals([weak], WITHOUT, Calibration()) == []
        assert [f.surprisal for f in with_proposals([weak], self.place(4.0), Calibration())] == [9.0]

    def test_a_measure_that_says_nothing_gives_way_to_its_proposal(self) -> None:
        (finding,) = with_proposals([measured(unexpected.UNEXPECTED, 0.04)], self.place(9.0), Calibration())
        assert (finding.surprisal, finding.evidence["first_reading"]) == (None, -3.0)

    def test_it_proposes_nothing_where_the_rule_has_found_the_same(self) -> None:
        (finding,) = with_proposals([measured(unexpected.UNEXPECTED, 0.7)], self.place(4.0), Calibration())
        assert finding.surprisal == 9.0
        doubts = {("place", MAP.hit_objects[at].time): 4.0 for at in (10, 30)}
        two = with_proposals([measured(unexpected.UNEXPECTED, 0.7, at=30)], doubted(MAP, doubts), Calibration())
        assert [(f.objects, f.surprisal) for f in two] == [((30,), 9.0), ((10,), None)]

    def test_a_rule_that_it_does_not_cover_keeps_its_own_score(self) -> None:
        own = measured(rhythm_objects.UNUSUAL_SNAP, 0.7)
        for evidence in (WITHOUT, self.place(9.0, at=30), doubted(MAP, {}, elsewhere=-30.0)):
            (finding,) = [f for f in with_proposals([own], evidence, Calibration()) if f.rule == own.rule.id]
            assert finding.score == 0.7 and "second_reading" not in finding.evidence

    @pytest.mark.parametrize(("doubted_at", "logit"), [(6125.0, 3.0), (6000.0, -12.0)])
    def test_a_hole_is_asked_about_where_it_is(self, doubted_at: float, logit: float) -> None:
        """Not at the object before it, which the finding names."""
        hole = replace(measured(rhythm_objects.MISSING_OBJECT, 0.7), time=6125.0)
        corruption = doubted(MAP, {("missing", doubted_at): 3.0}).corruption
        assert corruption is not None
        assert module.discriminator_logit(corruption, hole) == logit

    def test_a_border_of_kiai_is_asked_about_by_the_beats_beside_it(self) -> None:
        border = candidate(kiai_ends.MISPLACED, time=6000.0, line=9, message="", measure=15.0, curve="")
        doubts = {("kiai", 5500.0 + 125 * i): logit for i, logit in enumerate((1.0, 2.0, 3.0, 6.0))}
        corruption = doubted(MAP, doubts).corruption
        assert corruption is not None
        assert module.discriminator_logit(corruption, border) == 3.0

    def test_a_proposal_that_is_too_weak_is_not_weighed(self) -> None:
        strong, weak = (module.LEAST_WEIGHED_LOGIT + by for by in (8.0, -0.1))
        assert len(with_proposals([], self.place(strong), Calibration())) == 1
        assert with_proposals([], self.place(weak), Calibration()) == []


class TestExact:
    FACTS = (
        (rhythm_objects.UNSNAPPED, Certainty.CERTAIN),
        (offscreen.OFFSCREEN, Certainty.LIKELY),
        (clashes.CONCURRENT, Certainty.CERTAIN),
        (slider_shapes.CONTROL_POINTS, Certainty.LIKELY),
        (rhythm_objects.SLIGHTLY_LATE, Certainty.HARMLESS),
        (habits.MUTED, Certainty.CERTAIN),
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
        often = [measured(unexpected.UNEXPECTED, 0.8, at) for at in range(6)]
        findings = with_proposals(often, WITHOUT, Calibration())
        assert scores(findings) == [round(0.8 * USUAL / 6, 4)] * 6
        assert {finding.severity for finding in findings} == {Severity.MINOR}

    def test_what_is_lowered_too_far_is_left_out(self) -> None:
        assert (
            with_proposals([measured(unexpected.UNEXPECTED, 0.9, at) for at in range(20)], WITHOUT, Calibration()) == []
        )

    def test_what_the_discriminator_alone_sees_again_and_again_is_lowered(self) -> None:
        times = [o.time for o in MAP.hit_objects[::4]]
        evidence = doubted(MAP, {("place", time): 9.0 for time in times})
        (alone,) = with_proposals([], doubted(MAP, {("place", times[0]): 9.0}), Calibration())
        assert scores(with_proposals([], evidence, Calibration())) == [round(alone.score * USUAL / 10, 4)] * 10

    def test_a_few_are_no_repetition(self) -> None:
        assert scores(
            with_proposals([measured(unexpected.UNEXPECTED, 0.8, at) for at in (3, 9)], WITHOUT, Calibration())
        ) == [0.8, 0.8]

    def test_habits_of_the_map_are_not_what_a_network_repeats(self) -> None:
        own = [measured(spacing.SPACING, 0.8, at, by_model=False) for at in range(12)]
        assert scores(with_proposals(own, WITHOUT, Calibration())) == [0.8] * 12

    def test_each_rule_is_lowered_by_its_own_repetition(self) -> None:
        often = [measured(unexpected.UNEXPECTED, 0.8, at) for at in range(6)]
        three = [measured(slider_velocities.VELOCITY, 0.8, at) for at in range(20, 23)]
        lone = measured(rhythm_objects.UNEXPECTED_KIND, 0.8, 30)
        findings = with_proposals([*often, *three, lone], WITHOUT, Calibration())
        assert scores(findings) == [round(0.8 * USUAL / 6, 4)] * 6 + [round(0.8 * USUAL / 3, 4)] * 3 + [0.8]


def test_a_finding_has_all_that_the_candidate_says() -> None:
    o = MAP.hit_objects[10]
    whole = replace(
        measured(unexpected.UNEXPECTED, 0.7),
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
    assert finding.message == f"Words. {unexpected.UNEXPECTED.advice}"


def test_a_border_of_kiai_is_said_of_sounds_and_not_of_positions() -> None:
    lines = ["0,500,4,1,0,100,1,0", f"{MAP.hit_objects[10].time:.0f},-100,4,1,0,100,0,1"]
    evidence = Evidence(beatmap([f"{64 + 40 * (i % 8)},192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(40)], lines))
    doubts = [measured(rule, 0.9, at) for rule, at in ((volume.VOLUME, 10), (volume.VOLUME, 11), (spacing.SPACING, 10))]
    messages = sorted(one.message for one in with_proposals(doubts, evidence, Calibration()))
    assert messages == [
        f"message {spacing.SPACING.advice}",
        *sorted([f"message Kiai begins here. {volume.VOLUME.advice}", f"message {volume.VOLUME.advice}"]),
    ]


def test_words_that_fail_cost_no_other_finding() -> None:
    one = measured(unexpected.UNEXPECTED, 0.9)
    object.__setattr__(one, "words", lambda: str(1 // 0))  # past the recorder of messages
    (found,) = with_proposals([one], WITHOUT, Calibration())
    assert found.rule == "positions/unexpected" and "ZeroDivisionError" in found.message
