"""What rules declare fits together, and what checks yield fits what their rules declare."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from maimod.discriminator.prediction import KINDS
from maimod.findings import Severity, Tier
from maimod.osu import mapset
from maimod.osu.beatmap import Beatmap
from maimod.rules import BEATMAP_CHECKS, MAPSET_CHECKS, RULES
from maimod.rules.base import Candidate, Certainty, Rule
from maimod.rules.bundles import bundled
from maimod.rules.evidence import Evidence, MapsetEvidence
from tests.findings import doubted
from tests.maps import beatmap

EXAMPLES = Path(__file__).parents[2] / "examples" / "maimod example"
EACH_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)


@EACH_RULE
def test_only_facts_are_problems(rule: Rule) -> None:
    assert rule.tier is Tier.EXACT or rule.severity is not Severity.PROBLEM


def test_texts_have_their_headings_in_the_order_to_read_them() -> None:
    rule = msgspec.structs.replace(
        RULES["rhythm/unsnapped"],
        why="Why\n    so.",
        how="How.",
        proposal="Proposed.",
        advice="Look?",
        ignore_when="Meant.",
        blind_spots="Some.",
        source="https://osu.ppy.sh/wiki",
    )
    assert rule.texts == (
        ("Why it matters", "Why so."),
        ("How it is found", "How."),
        ("How only the proofreader finds it", "Proposed."),
        ("What to check", "Look?"),
        ("Ignore it when", "Meant."),
        ("Blind spots", "Some."),
        ("Source", "https://osu.ppy.sh/wiki"),
    )
    assert [heading for heading, _ in msgspec.structs.replace(rule, proposal="", source="").texts] == [
        "Why it matters",
        "How it is found",
        "What to check",
        "Ignore it when",
        "Blind spots",
    ]


@EACH_RULE
def test_facts_need_no_model_and_no_curve(rule: Rule) -> None:
    if rule.tier is Tier.EXACT:
        assert "model" not in rule.evidence
        assert not (rule.curves or rule.corruptions or rule.proposal or rule.discriminator_logit)


@EACH_RULE
def test_statistics_of_the_song_are_estimates(rule: Rule) -> None:
    if rule.id in ("timing/offset", "timing/section-shifted", "timing/bpm") or "model" in rule.evidence:
        assert rule.tier is Tier.ESTIMATED


@EACH_RULE
def test_what_is_declared_exists(rule: Rule) -> None:
    assert set(rule.corruptions) <= set(KINDS)
    assert not rule.proposal or rule.corruptions
    for other in rule.same_mistake:
        assert RULES[other].tier is rule.tier is Tier.EXACT


@pytest.mark.parametrize("check", BEATMAP_CHECKS, ids=lambda check: check.title)
def test_a_check_proposes_if_one_of_its_rules_says_so(check) -> None:
    assert (check.propose is not None) == any(rule.proposal for rule in check.rules)


def some_maps() -> list[Beatmap]:
    """The examples, and maps of each mode with most that can be wrong."""
    lines = [
        f"{64 + 48 * i % 512},{32 + 29 * i % 384},{1000 + 250 * i + (i % 7 == 0) * 9},1,{i % 16},0:0:0:{i % 3}:"
        for i in range(80)
    ]
    lines += ["256,192,21000,2,0,B|256:192,1,100", "256,192,21300,12,0,21400,0:0:0:0:", "256,192,21000,1,0,0:0:0:0:"]
    points = ["0,500,4,2,0,70,1,0", "0,400,4,2,0,70,1,0", "3013,-50,4,2,0,70,0,1", "9000,-50,4,1,0,3,0,0"]
    made = [beatmap(lines, points, mode, approach_rate=11, events=["2,1000,1200"]) for mode in range(4)]
    (examples,) = mapset.load(EXAMPLES)
    return [*made, *examples.beatmaps]


def check_of(one: Candidate, rules: tuple[Rule, ...]) -> None:
    rule = one.rule
    assert rule in rules and one.line >= 1 and one.message.endswith((".", "?")), one
    if one.proposed is not None:
        assert rule.proposal and one.measure is None
    elif rule.tier is Tier.EXACT or not rule.curves:
        assert one.measure is None and one.event is None
    else:
        assert one.measure is not None and one.curve in rule.curves


def test_checks_yield_what_their_rules_declare() -> None:
    seen: set[str] = set()
    for loaded in some_maps():
        evidence = doubted(loaded, {}, elsewhere=2.0)
        for check in BEATMAP_CHECKS:
            found = list(check.candidates(evidence))
            for one in found:
                check_of(one, check.rules)
            seen |= {one.rule.id for one in found}
    assert len(seen) > 30, sorted(seen)


def test_checks_of_sets_yield_what_their_rules_declare() -> None:
    (examples,) = mapset.load(EXAMPLES)
    evidence = MapsetEvidence(examples, [Evidence(one, mapset=examples) for one in examples.beatmaps])
    for check in MAPSET_CHECKS:
        for _, one in check.run(evidence):
            check_of(one, check.rules)


def test_the_notes_of_a_chord_are_one_place() -> None:
    rule = next(iter(RULES.values()))
    notes = [
        Candidate(rule, time, 1, "Too short.", certainty=Certainty.POSSIBLE)
        for time in (1000.0, 1000.0, 2000.0, 2000.0)
    ]
    (found,) = bundled(notes)
    assert found.message == "Too short; the same at 1 more place: 00:02:000."
    assert found.numbers == {"places": 2, "times_ms": [1000.0, 2000.0]}
    (chord,) = bundled(notes[:2])
    assert chord.message == "Too short."
