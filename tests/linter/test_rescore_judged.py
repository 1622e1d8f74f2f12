"""With both networks the judge makes the score of a place; what findings about ranked maps taught moves it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from maimod.audio.onsets import OnsetEnvelope
from maimod.findings import Category, Severity
from maimod.linter import adjustments
from maimod.linter import rescore as module
from maimod.linter.judge import Judge
from maimod.linter.places import NAMES
from maimod.linter.rescore import rescore
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.mapset import Mapset
from maimod.rules.base import Certainty, candidate
from maimod.rules.hitsounds import habits
from maimod.rules.mania import slips as mania_slips
from maimod.rules.positions import offscreen, slips, spacing, unexpected
from maimod.rules.rhythm import objects as rhythm_objects
from maimod.rules.rhythm import spinners
from maimod.rules.velocity import changes as velocity_changes
from tests.findings import doubted, judgeable, judging, with_proposals
from tests.linter.test_rescore import MAP, found, measured, scores
from tests.maps import RED_LINE, beatmap
from tests.phrases import MEASURE, phrase_map

BY_PLACE = judging(Category.POSITIONS, "slot place", 1.0, 0.0, "positions/unexpected")


@pytest.mark.parametrize("mode", [Mode.OSU, Mode.CATCH])
def test_what_was_read_in_ranked_osu_maps_moves_the_score_of_a_rule_or_category(mode: Mode) -> None:
    sounds = judging(Category.HITSOUNDS, "slot addition", 1.0, 0.0, "hitsounds/unexpected")
    others = judging(Category.POSITIONS, "slot place", 1.0, 0.0, "positions/slip")
    for rule, kind, calibration, by in (
        (habits.UNEXPECTED, "addition", sounds, 0.4),
        (unexpected.UNEXPECTED, "place", BY_PLACE, -0.8),
        (slips.SLIP, "place", others, 0.0),
    ):
        seen = judgeable(MAP, {(kind, MAP.hit_objects[10].time): 0.5})
        seen = replace(seen, beatmap=replace(MAP, mode=mode))
        (finding,) = rescore([found(rule, measure=9.0)], seen, calibration)
        logit = 0.5 + (by if mode is Mode.OSU else 0.0)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-3)


@pytest.mark.usefixtures("as_judged")
class TestJudge:
    def test_the_score_of_a_place_is_the_judge_s(self) -> None:
        evidence = judgeable(MAP, {("place", MAP.hit_objects[10].time): 0.5})
        (finding,) = with_proposals([measured(unexpected.UNEXPECTED, 0.04)], evidence, BY_PLACE)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-0.5)), abs=1e-3)
        assert finding.evidence["second_reading"] == 0.5

    @pytest.mark.parametrize(("logit", "count"), [(-2.9, 1), (-3.0, 0)])
    def test_places_below_the_least_score_are_not_reported(self, logit: float, count: int) -> None:
        evidence = judgeable(MAP, {("place", MAP.hit_objects[10].time): logit})
        assert len(with_proposals([], evidence, BY_PLACE)) == count

    def test_rules_that_it_does_not_know_keep_their_own_scores(self) -> None:
        evidence = judgeable(MAP, {})
        own = measured(rhythm_objects.UNUSUAL_SNAP, 0.7)
        (finding,) = with_proposals([own, measured(unexpected.UNEXPECTED, 0.7)], evidence, BY_PLACE)
        assert (finding.rule, finding.score) == (own.rule.id, 0.7)

    def test_a_place_that_was_judged_is_not_weighed_too(self) -> None:
        evidence = judgeable(MAP, {("place", MAP.hit_objects[10].time): 4.0})
        assert len(rescore([measured(unexpected.UNEXPECTED, 0.7)], evidence, BY_PLACE)) == 1

    def test_it_is_silent_about_a_rule_of_its_category_that_it_does_not_know(self) -> None:
        evidence = judgeable(MAP, {("place", MAP.hit_objects[10].time): 4.0})
        (finding,) = rescore([measured(spacing.SPACING, 0.7)], evidence, BY_PLACE)
        assert finding.score != pytest.approx(1 / (1 + math.exp(-4.0)), abs=1e-3)

    def test_without_the_generator_s_scores_there_is_no_judgement(self) -> None:
        evidence = replace(judgeable(MAP, {("place", MAP.hit_objects[10].time): 4.0}), scores=None)
        (finding,) = with_proposals([measured(unexpected.UNEXPECTED, 0.5)], evidence, BY_PLACE)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-0.6 * 4.0)), abs=1e-3)

    def test_a_rule_that_the_judge_does_not_know_hides_no_other_at_its_place(self) -> None:
        evidence = judgeable(MAP, {("place", MAP.hit_objects[10].time): 0.5})
        stronger = measured(slips.SLIP, 0.5)
        rules = {f.rule for f in with_proposals([measured(unexpected.UNEXPECTED, 0.04), stronger], evidence, BY_PLACE)}
        assert "positions/unexpected" in rules

    def test_a_place_is_compared_with_the_others_of_its_map(self) -> None:
        judge = BY_PLACE.judge
        assert judge is not None
        model = msgspec.structs.replace(judge.models[Category.POSITIONS], ahead=(0.0, 0.5, 0.0, 0.0))
        compared = msgspec.structs.replace(BY_PLACE, judge=Judge({Category.POSITIONS: model}, judge.rules))
        one, many = (
            scores(with_proposals([], judgeable(MAP, {("place", o.time): 0.5 for o in objects}), compared))
            for objects in (MAP.hit_objects[:1], MAP.hit_objects[::4])
        )
        assert many == pytest.approx([1 / (1 + math.exp(-0.5))] * 10, abs=0.01)
        assert one[0] > 0.9

    def test_facts_are_outside(self) -> None:
        fact = found(offscreen.OFFSCREEN, certainty=Certainty.LIKELY)
        calibration = judging(Category.POSITIONS, NAMES[0], 0.0, -20.0, "positions/unexpected", "positions/offscreen")
        assert scores(with_proposals([fact], judgeable(MAP, {}), calibration)) == [
            module.CERTAINTY_SCORES[Certainty.LIKELY]
        ]

    @pytest.mark.parametrize(("logit", "expected"), [(1.3, Severity.MINOR), (1.5, Severity.WARNING)])
    def test_a_warning_needs_more_than_a_likely_mistake(self, logit: float, expected: Severity) -> None:
        evidence = judgeable(MAP, {("place", MAP.hit_objects[10].time): logit})
        (finding,) = with_proposals([], evidence, BY_PLACE)
        assert finding.score == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-3)
        assert finding.severity is expected

    @pytest.mark.parametrize(("off", "expected"), [((9,), Severity.WARNING), (tuple(range(0, 20, 2)), Severity.MINOR)])
    def test_an_object_off_its_tick_where_similar_measures_have_one_is_no_warning(
        self, off: tuple[int, ...], expected: Severity
    ) -> None:
        """Circles on every beat; in the measures `off` the third is a quarter beat late."""
        times = [1000 * beat // 2 + 125 * (beat % 4 == 2 and beat // 4 in off) for beat in range(80)]
        loaded = beatmap([f"{64 + 40 * (i % 8)},192,{time},1,0,0:0:0:0:" for i, time in enumerate(times)])
        o = loaded.hit_objects[4 * off[-1] + 2]
        late = candidate(
            rhythm_objects.WRONG_TICK, time=o.time, line=o.line, objects=[o], message="message", measure=99.0
        )
        heard = replace(doubted(loaded, {}), envelope=OnsetEnvelope(np.zeros(12_000, dtype=np.float32), 5.0), scores=())
        sure = judging(Category.RHYTHM, NAMES[0], 0.0, 3.0, rhythm_objects.WRONG_TICK.id)
        (finding,) = (one for one in rescore([late], heard, sure) if one.time == o.time)
        assert finding.score > 0.9 and finding.severity is expected

    @pytest.mark.parametrize("key", ["positions/unexpected", "positions"])
    def test_a_rule_or_category_can_need_a_higher_score_to_be_listed(
        self, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(adjustments, "LEAST_LISTED", {key: 0.4})
        scores = []
        for logit in (-2.0, -1.0, -0.5, -0.3, 2.0):
            evidence = judgeable(MAP, {("place", MAP.hit_objects[10].time): logit})
            scores += [one.score for one in with_proposals([], evidence, BY_PLACE)]
        assert scores == pytest.approx([0.119, 0.198, 0.198, 0.426, 0.881], abs=1e-3)

    def test_a_mode_can_need_a_higher_score_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(adjustments, "LEAST_IN_MODE", {Mode.CATCH: {"positions": 0.4}})
        scores = []
        for mode in (Mode.CATCH, Mode.MANIA):
            seen = judgeable(MAP, {("place", MAP.hit_objects[10].time): -0.5})
            seen = replace(seen, beatmap=replace(MAP, mode=mode))
            scores += [one.score for one in rescore([found(unexpected.UNEXPECTED, measure=9.0)], seen, BY_PLACE)]
        assert scores == pytest.approx([0.198, 0.378], abs=1e-3)

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
        rule = habits.UNEXPECTED if category is Category.HITSOUNDS else unexpected.UNEXPECTED
        blind = judging(category, NAMES[0], 0.0, -9.0, rule.id)
        for logit, expected in ((4.0, count), (-4.0, 0)):
            seen = judgeable(MAP, {(kind, MAP.hit_objects[10].time): logit for kind in rule.corruptions})
            findings = rescore([measured(rule, 0.9)], replace(seen, beatmap=replace(MAP, mode=mode)), blind)
            assert len(findings) == expected
            assert all(f.score == pytest.approx(0.2, abs=0.01) and f.severity is Severity.MINOR for f in findings)

    @pytest.mark.parametrize(("logit", "count"), [(-0.9, 1), (-1.1, 0)])
    def test_what_the_proofreader_denies_is_no_kind_that_was_not_taught(self, logit: float, count: int) -> None:
        rule = habits.UNEXPECTED
        blind = judging(Category.HITSOUNDS, NAMES[0], 0.0, -9.0, rule.id)
        denied = judgeable(MAP, {(kind, MAP.hit_objects[10].time): logit for kind in rule.corruptions})
        assert len(rescore([measured(rule, 0.999)], denied, blind)) == count


@pytest.mark.usefixtures("as_judged")
class TestSet:
    def test_an_object_off_its_tick_is_less_in_doubt_where_the_set_has_one_too(self) -> None:
        calibration = judging(Category.RHYTHM, NAMES[0], 0.0, 0.5, rhythm_objects.WRONG_TICK.id)
        late = measured(rhythm_objects.WRONG_TICK, 0.9)
        bare = replace(MAP, hit_objects=MAP.hit_objects[:10], path=Path("bare.osu"))
        scores = []
        for others in ((), (bare, bare, replace(MAP, path=Path("a.osu"))), (bare, replace(MAP, path=Path("b.osu")))):
            seen = judgeable(MAP, {}, mapset=Mapset(Path(), (MAP, *others)))
            scores += [
                one.score for one in rescore([late], seen, calibration) if one.rule == rhythm_objects.WRONG_TICK.id
            ]
        less = 1 / (1 + math.exp(-0.5 - adjustments.SAME_START_LOGIT))
        assert scores == pytest.approx([0.622, 0.622, less], abs=1e-3)

    @pytest.mark.parametrize(("mode", "score"), [(Mode.TAIKO, 0.378), (Mode.OSU, 0.622)])
    def test_taiko_is_less_in_doubt_where_it_rests(self, mode: Mode, score: float) -> None:
        calibration = judging(Category.RHYTHM, NAMES[0], 0.0, 0.5, spinners.MISSING.id)
        seen = replace(judgeable(MAP, {}), beatmap=replace(MAP, mode=mode))
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
        less, least = (1 / (1 + math.exp(-by)) for by in (adjustments.SAME_FLAG_LOGIT, adjustments.SAME_COMBO_LOGIT))
        assert scores == pytest.approx([less, 0.5, least, 0.5, 0.5], abs=1e-3)

    def test_additions_are_less_in_doubt_where_all_of_the_set_has_the_same(self) -> None:
        calibration = judging(Category.HITSOUNDS, NAMES[0], 0.0, 2.0, habits.UNEXPECTED.id)
        scores = []
        for mode, count, sound in (
            (Mode.CATCH, 2, 0),
            (Mode.CATCH, 1, 0),
            (Mode.CATCH, 2, 4),
            (Mode.OSU, 2, 0),
            (Mode.OSU, 1, 0),
            (Mode.OSU, 0, 0),
            (Mode.OSU, 2, 4),
        ):
            own = replace(phrase_map(), mode=mode)
            hit = next(o for o in own.hit_objects if o.time == 9 * MEASURE)
            changed = [
                replace(o, hitsound=hit.hitsound | sound if o.time == hit.time else o.hitsound) for o in own.hit_objects
            ]
            others = [replace(own, path=Path(f"{name}.osu"), hit_objects=tuple(changed)) for name in range(count)]
            seen = judgeable(own, {}, mapset=Mapset(Path(), (own, *others)))
            doubt = candidate(habits.UNEXPECTED, time=hit.time, line=1, objects=[hit], message="", measure=9.0)
            scores += [one.score for one in rescore([doubt], seen, calibration)]
        least, less = (
            1 / (1 + math.exp(-2.0 - by)) for by in (adjustments.SAME_SOUND_LOGIT, adjustments.AS_MOST_LOGIT)
        )
        assert scores == pytest.approx([least, 0.881, 0.881, less, less, 0.881, 0.881], abs=1e-3)

    def test_sounds_that_most_of_the_map_and_the_set_have_keep_no_least_log_odds(self) -> None:
        blind = judging(Category.HITSOUNDS, NAMES[0], 0.0, -9.0, habits.UNEXPECTED.id)
        own = phrase_map()
        hit = next(o for o in own.hit_objects if o.time == 9 * MEASURE)
        doubt = candidate(habits.UNEXPECTED, time=hit.time, line=1, objects=[hit], message="", measure=9.0)
        for others, count in (((), 1), ((replace(own, path=Path("other.osu")),), 0)):
            seen = judgeable(own, {("addition", hit.time): 4.0}, mapset=Mapset(Path(), (own, *others)))
            assert len(rescore([doubt], seen, blind)) == count

    def test_an_object_is_less_in_doubt_where_one_other_has_it_and_none_has_the_other_tick(self) -> None:
        calibration = judging(Category.RHYTHM, NAMES[0], 0.0, 0.5, rhythm_objects.WRONG_TICK.id)
        time = MAP.hit_objects[10].time
        without = replace(MAP, hit_objects=(*MAP.hit_objects[:10], *MAP.hit_objects[11:]))
        bare, more, whole = (replace(without, path=Path(f"{name}.osu")) for name in ("bare", "more", "whole"))
        whole = replace(whole, hit_objects=MAP.hit_objects)
        scores = []
        for there, others in (
            (time + 250, (bare, more, whole)),
            (time + 250, (bare, more)),
            (time + 500, (bare, more, whole)),
            (None, (bare, more, whole)),
        ):
            given = replace(
                measured(rhythm_objects.WRONG_TICK, 0.9), numbers={} if there is None else {"expected_ms": there}
            )
            seen = judgeable(MAP, {}, mapset=Mapset(Path(), (MAP, *others)))
            scores += [
                one.score for one in rescore([given], seen, calibration) if one.rule == rhythm_objects.WRONG_TICK.id
            ]
        less = 1 / (1 + math.exp(-0.5 - adjustments.OTHERS_START_LOGIT))
        assert scores == pytest.approx([less, 0.622, 0.622, 0.622], abs=1e-3)

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
        seen = judgeable(own, {}, mapset=Mapset(Path(), maps))
        (score,) = [one.score for one in rescore([doubt], seen, calibration) if one.rule == mania_slips.END.id]
        less = 1 / (1 + math.exp(-0.5 - adjustments.SAME_HOLD_LOGIT))
        assert score == pytest.approx(less if is_alike else 0.622, abs=1e-3)

    @pytest.mark.parametrize(("against", "by"), [("", 0.0), ("another row has it too", adjustments.AGAINST_LOGIT)])
    def test_a_note_is_less_in_doubt_if_something_speaks_against_it(self, against: str, by: float) -> None:
        own = beatmap([f"64,192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(8)], mode=3, CircleSize=4)
        calibration, note = judging(Category.RHYTHM, NAMES[0], 0.0, 1.5, mania_slips.CHORD.id), own.hit_objects[4]
        doubt = candidate(
            mania_slips.CHORD, time=note.time, line=1, objects=[note], message="Two.", measure=9.0, against=against
        )
        (found,) = [
            one for one in rescore([doubt], judgeable(own, {}), calibration) if one.rule == mania_slips.CHORD.id
        ]
        assert found.score == pytest.approx(1 / (1 + math.exp(-1.5 - by)), abs=1e-3)
        assert found.message.startswith(f"Two, though {against}." if against else "Two.")

    @pytest.mark.parametrize(
        ("line", "at_lines", "by"),
        [
            ("6000,-80,4,2,0,70,0,0", (True, True), adjustments.SAME_SPEED_LOGIT),
            ("6000,-90,4,2,0,70,0,0", (True, True), 0.0),
            ("6500,-80,4,2,0,70,0,0", (True, True), 0.0),
            ("6000,-90,4,2,0,70,0,0", (True, False), adjustments.NO_LINES_LOGIT),
            ("6000,-90,4,2,0,70,0,0", (False, True), adjustments.NO_LINES_LOGIT),
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
        rule, begins, ends = velocity_changes.SCROLL_STRETCH, *at_lines
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
        seen = judgeable(own, {}, mapset=Mapset(Path(), (own, other)))
        (score,) = [one.score for one in rescore([doubt], seen, calibration) if one.rule == rule.id]
        assert score == pytest.approx(1 / (1 + math.exp(-0.5 - by)), abs=1e-3)
