"""Every rule says what is there, what it is compared with and what to check, in plain English; docs/messages.md shows it."""

from __future__ import annotations

import pytest

from maimod.rules import RULES
from maimod.rules.base import Rule
from tests import messages
from tests.messages import faults, names_a_number, recorded

EACH_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)


@EACH_RULE
def test_every_rule_has_an_example_that_a_test_wrote(rule: Rule) -> None:
    example = recorded().get(rule.id)
    assert example is not None, "write a test that plants the mistake, then run python -m tests.messages"
    path, name = example["test"].split("::")[0], example["test"].rpartition("::")[2].partition("[")[0]
    assert f"def {name}(" in (messages.ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("the circle is late.", "lower case"),
        ("The circle is late", "no end"),
        ("The model expects a slider (72 %).", 'says "model"'),
        ("A slider fits better, 72 %.", "a percentage of nothing"),
        ("The circle has 9.6 bits.", 'says "bits"'),
        ("The circle is late ; snap it.", "a hole"),
        ("The circle is 3.0 ms late.", "a decimal that says nothing"),
        ("The circle is late. " * 20 + "Snap it.", "characters"),
    ],
)
def test_the_rules_of_the_house_are_kept(message: str, fault: str) -> None:
    assert fault in ", ".join(faults(message))


def test_a_plain_message_has_no_fault() -> None:
    assert not faults('The volume of "kick.wav" is 5 % here, 70 % around it. Raise it to 70 %?')


NUMBERLESS = {
    "kiai/misplaced",
    "kiai/never-ends",
    "mapset/combo-colours",
    "mapset/hitnormal-missing",
    "mapset/mappers-guild",
    "mapset/no-banana-shower",
    "mapset/skin-set",
    "mapset/tags-genre-language",
    "rhythm/concurrent",
    "rhythm/hold-slip",
    "sliders/invisible",
    "sliders/shape-ambiguous",
    "timing/first-line",
}
"""Rules about what is there or not: nothing can be counted."""


@EACH_RULE
def test_every_example_keeps_the_rules_of_the_house(rule: Rule) -> None:
    message = recorded()[rule.id]["message"]
    assert not faults(f"{message} {rule.advice}")
    assert rule.advice[0].isupper() and rule.advice.endswith((".", "?")) and len(rule.advice) <= 90
    assert names_a_number(message) or rule.id in NUMBERLESS
