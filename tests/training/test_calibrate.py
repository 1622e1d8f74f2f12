"""What the weights are fitted on: planted mistakes with both log-odds, and findings of the map as it is."""

from __future__ import annotations

from maimod.linter.gather import Gathered
from maimod.linter.rescore import SILENT_LOGIT
from maimod.osu.beatmap import Beatmap
from maimod.rules import RULES
from maimod.training.calibrate import JUDGED_RULES, samples
from maimod.training.faults import select
from tests.findings import doubted
from tests.maps import beatmap

LOADED = beatmap([f"{100 + 40 * (i % 8)},{100 + 25 * (i % 5)},{1000 + 500 * i},1,0,0:0:0:0:" for i in range(120)])


def doubting_everything(changed: Beatmap) -> Gathered:
    return Gathered(doubted(changed, {}, elsewhere=1.5))


def test_a_planted_mistake_is_noted_with_what_leads_to_it() -> None:
    found = samples(doubting_everything, LOADED, select(["moved:200 px"]), seed=1)
    planted = [one for one in found if one.real]
    assert [(one.kind, one.rule, one.second) for one in planted] == [("moved", "positions/unexpected", 1.5)]
    untouched = [one for one in found if not one.real]
    assert {one.rule for one in untouched} <= set(JUDGED_RULES)
    assert {(one.first, one.second, one.kind) for one in untouched} == {(SILENT_LOGIT, 1.5, "")}


def test_a_planted_mistake_that_nothing_leads_to_has_no_rule() -> None:
    found = samples(lambda changed: Gathered(doubted(changed, {})), LOADED, select(["moved:200 px"]), seed=1)
    assert [(one.kind, one.rule) for one in found if one.real] == [("moved", "")]


def test_weights_are_fitted_for_what_the_discriminator_covers() -> None:
    assert set(JUDGED_RULES) == {rule.id for rule in RULES.values() if rule.corruptions} and len(JUDGED_RULES) == 22
