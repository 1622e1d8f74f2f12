"""The table of limits: complete by level, one entry for each place, read by the rules that name it."""

from __future__ import annotations

import pytest

from maimod.osu.beatmap import Mode
from maimod.osu.level import Level
from maimod.rules import RULES, criteria


def test_every_place_has_one_limit():
    places = [(one.key, mode, one.level) for one in criteria.TABLE for mode in one.modes]
    assert len(places) == len(set(places))


@pytest.mark.parametrize("one", criteria.TABLE, ids=lambda one: f"{one.key} {one.level}")
def test_limits_are_sentences_with_a_link_and_a_range(one: criteria.Criterion):
    assert one.sentence.endswith(".") and "{" not in one.sentence and "inf" not in one.sentence
    assert one.link.startswith(criteria.PAGE) and "#" in one.link
    assert one.low <= one.high


def test_rules_name_limits_of_their_modes():
    keys = {one.key for one in criteria.TABLE}
    for rule in RULES.values():
        assert set(rule.criteria) <= keys, rule.id
        assert not rule.criteria or criteria.described(rule.criteria, rule.modes), rule.id


@pytest.mark.parametrize(
    ("low", "high", "unit", "words"),
    [
        (4, 6, "", "4 to 6"),
        (-criteria.INF, 1.3, "x", "1.3x or less"),
        (0.5, criteria.INF, "beats", "1/2 beat or more"),
        (250, criteria.INF, "ms", "250 ms or more"),
        (30_000, criteria.INF, "ms", "30 s or more"),
        (-criteria.INF, 17e6, "px", "17,000,000 px or less"),
        (1, 1, "x", "1x"),
        (-criteria.INF, 1, "hyperdashes", "1 hyperdash or less"),
        (criteria.INF, criteria.INF, "ms", "none"),
    ],
)
def test_ranges_in_words(low: float, high: float, unit: str, words: str):
    assert criteria.in_words(low, high, unit) == words


def test_a_level_without_a_limit_of_its_own_takes_that_of_the_mode():
    assert criteria.low("hold-length", Mode.MANIA, Level.HARD) == 1 / 4
    assert criteria.low("hold-length", Mode.MANIA, Level.EXPERT) == 1 / 12
    assert criteria.low("hold-length", Mode.OSU) == -criteria.INF
    assert criteria.criterion("approach-rate", Mode.TAIKO, Level.EASY) is None
    assert not criteria.criterion("hyperdash-gap", Mode.CATCH, Level.EASY).allows(5_000)
    assert criteria.high("approach-rate", Mode.OSU, Level.INSANE) == 9.3
