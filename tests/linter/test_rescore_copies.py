"""Places that the judge doubts alike, as those of every phrase, become one finding that names them all."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from maimod.features.models.layers import WITHIN as JUDGED_WITHIN
from maimod.findings import Category, Finding, Severity, clock
from maimod.linter.rescore import rescore
from maimod.osu.beatmap import Mode
from maimod.osu.mapset import Mapset
from maimod.rules.base import Rule, candidate
from maimod.rules.hitsounds import habits
from maimod.rules.sliders import forms
from maimod.rules.sliders import slips as slider_slips
from tests.findings import judgeable, judging, with_proposals
from tests.linter.test_rescore import MAP
from tests.maps import RED_LINE, beatmap
from tests.phrases import MEASURE, phrase_map

pytestmark = pytest.mark.usefixtures("as_judged")


def test_the_same_doubt_in_every_phrase_is_one_finding_that_names_all_places() -> None:
    places = [o.time for o in MAP.hit_objects[2::8]]
    evidence = judgeable(MAP, {("combo", time): -1.0 for time in places}, elsewhere=-6.0)
    calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
    (finding,) = with_proposals([], evidence, calibration)
    others = 0.15 * 4 * (-1.0 - JUDGED_WITHIN[0])
    assert finding.score == pytest.approx(1 / (1 + math.exp(1.0 - others)), abs=0.01)
    assert finding.evidence["times_ms"] == places and finding.evidence["places"] == 5
    assert "the same in 4 more phrases: 00:06:000, 00:10:000" in finding.message


@pytest.mark.parametrize(
    ("logits", "found"),
    [
        ((1.0, 0.5), [(1, 2)]),  # one mistake, at its likeliest place
        ((1.0, -1.0), [(1, 2)]),
        ((1.0, -2.0), [(1, None), (9, None)]),  # the other one is not listed
    ],
)
def test_the_same_doubt_in_two_copies_of_a_measure_is_one_finding(
    logits: tuple[float, float], found: list[tuple[int, int | None]]
) -> None:
    loaded = phrase_map()
    times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
    doubts = {("combo", time): logit for time, logit in zip(times, logits, strict=True)}
    seen = judgeable(loaded, doubts, elsewhere=-6.0)
    calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
    findings = sorted(with_proposals([], seen, calibration), key=lambda finding: finding.time)
    assert [(round(f.time - 1000) // MEASURE, f.evidence.get("places")) for f in findings] == found
    if found[0][1]:
        assert findings[0].evidence["times_ms"] == times and findings[0].score == pytest.approx(0.73, abs=0.01)
        assert "; the same in 1 more phrase: 00:19:000." in findings[0].message


def test_other_sounds_in_two_copies_of_a_measure_are_two_findings() -> None:
    loaded = phrase_map()
    times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
    objects = [next(o for o in loaded.hit_objects if o.time == time) for time in times]
    seen = judgeable(loaded, {("addition", time): 1.0 for time in times}, elsewhere=-6.0)
    calibration = judging(Category.HITSOUNDS, "slot addition", 1.0, 0.0, "hitsounds/unexpected")

    def unexpected(*sounds: str) -> list[Finding]:
        given = [
            candidate(habits.UNEXPECTED, time=o.time, line=o.line, objects=[o], message="", measure=9.0, actual=sound)
            for o, sound in zip(objects, sounds, strict=True)
        ]
        return rescore(given, seen, calibration)

    assert len(unexpected("finish", "whistle")) == 2 and len(unexpected("finish", "finish")) == 1


def test_the_same_form_in_two_copies_of_a_measure_is_one_finding() -> None:
    loaded = phrase_map()
    times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
    objects = [next(o for o in loaded.hit_objects if o.time == time) for time in times]
    seen = judgeable(loaded, {("length", time): 1.0 for time in times}, elsewhere=-6.0)

    def doubted(rule: Rule) -> list[Finding]:
        given = [candidate(rule, time=o.time, line=o.line, objects=[o], message="", measure=9.0) for o in objects]
        return rescore(given, seen, judging(Category.SLIDERS, "slot length", 1.0, 0.0, rule.id))

    (form,) = doubted(forms.FORM)
    assert form.evidence["times_ms"] == times
    assert len(doubted(slider_slips.SLIP)) == 2  # the shape is mostly made anew


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
    logits: tuple[float, ...], found: list[tuple[int, int | None]]
) -> None:
    times = [9000.0 + 8000 * place for place in range(4)]
    lines = [f"{time:.0f},-{80 + 20 * (place % 2):.0f},4,2,0,70,0,0" for place, time in enumerate(times)]
    notes = [f"256,192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(80)]
    loaded = beatmap(notes, (RED_LINE, *lines), mode=1)
    doubts = {("velocity", time): logit for time, logit in zip(times, logits, strict=False)}
    seen = judgeable(loaded, doubts, elsewhere=-6.0)
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
    mode: int, logits: tuple[float, ...], found: list[tuple[int, int | None]]
) -> None:
    # Not at the same place of phrases, which would be one finding in all modes.
    times = [9000.0 + 8500 * place for place in range(3)]
    circles = [f"256,192,{1000 + 500 * i},1,0,0:0:0:0:" for i in range(80)]
    doubts = {("combo", time): logit for time, logit in zip(times, logits, strict=False)}
    seen = judgeable(beatmap(circles, mode=mode), doubts, elsewhere=-6.0)
    calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
    findings = sorted(with_proposals([], seen, calibration), key=lambda finding: finding.time)
    assert [(round(f.time - 9000) // 8500, f.evidence.get("places")) for f in findings] == found
    if found == [(1, 3)]:
        assert "; a new combo is as likely at 2 more places: 00:09:000, 00:26:000." in findings[0].message


def test_a_question_about_copies_of_a_phrase_names_each_place_once() -> None:
    loaded = replace(phrase_map(), mode=Mode.CATCH)
    times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
    others = [4 * MEASURE + 1625.0, 6 * MEASURE + 375.0]
    doubts = {("combo", time): -0.5 for time in times} | {("combo", time): -1.0 for time in others}
    seen = judgeable(loaded, doubts, elsewhere=-6.0)
    calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
    (finding,) = with_proposals([], seen, calibration)
    assert finding.evidence["times_ms"] == sorted([*times, *others]) and finding.evidence["places"] == 4
    assert finding.message.count("; ") == 2 and finding.message.count(clock(times[1])) == 1


def test_what_every_phrase_lacks_is_no_warning() -> None:
    calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
    places = [o.time for o in MAP.hit_objects[2::8]]
    every = judgeable(MAP, {("combo", time): 3.0 for time in places}, elsewhere=-6.0)
    one = judgeable(MAP, {("combo", places[0]): 3.0}, elsewhere=-6.0)
    (pooled,), (single,) = (with_proposals([], seen, calibration) for seen in (every, one))
    assert pooled.score > 0.8 and pooled.severity is Severity.MINOR and pooled.evidence["phrases"] == 5
    assert single.score > 0.8 and single.severity is Severity.WARNING


@pytest.mark.parametrize(("has_flags", "is_pooled"), [(True, True), (False, False)])
def test_what_the_other_difficulties_lack_too_is_not_likelier_in_every_phrase(has_flags: bool, is_pooled: bool) -> None:
    calibration = judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing")
    places = [o.time for o in MAP.hit_objects[2::8]]
    others = [
        replace(MAP, path=Path(name), hit_objects=tuple(replace(o, new_combo=has_flags) for o in MAP.hit_objects))
        for name in ("one.osu", "two.osu")
    ]
    doubts = {("combo", time): -1.0 for time in places}
    seen = judgeable(MAP, doubts, elsewhere=-6.0, mapset=Mapset(Path(), (MAP, *others)))
    (finding,) = with_proposals([], seen, calibration)
    assert (finding.score > 0.3) is is_pooled and finding.evidence["places"] == 5


def test_what_two_copies_of_a_measure_have_is_no_warning() -> None:
    times = [measure * MEASURE + 1000.0 for measure in (1, 9)]
    seen = judgeable(phrase_map(), {("combo", time): 3.0 for time in times}, elsewhere=-6.0)
    (finding,) = with_proposals([], seen, judging(Category.NEW_COMBOS, "slot combo", 1.0, 0.0, "new-combos/missing"))
    assert finding.score > 0.9 and finding.severity is Severity.MINOR and finding.evidence["places"] == 2
