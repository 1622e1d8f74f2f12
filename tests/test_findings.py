"""Findings hold plain JSON values."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.findings import Category, Finding, Severity, Tier, editor_link, in_ms


def test_a_finding_has_plain_numbers_whoever_measured_them():
    finding = Finding(
        rule="rhythm/unsnapped",
        category=Category.RHYTHM,
        severity=Severity.WARNING,
        message="Late.",
        timestamp="00:01:000 -",
        line=9,
        score=np.float32(0.5),
        time=np.int64(1000),
        end_time=np.float64(2.0),
        surprisal=np.float64("nan"),
        objects=tuple(np.array([1, 2])),
        evidence={
            "array": np.array([1.0, np.inf]),
            "number": np.float32(0.5),
            "truth": np.bool_(True),
            "pair": (1, "a"),
            "set": {"b", "a"},
            "inner": {1: np.int8(3)},
            "path": Path("x"),
        },
    )
    plain = {
        "array": [1.0, None],
        "number": 0.5,
        "truth": True,
        "pair": [1, "a"],
        "set": ["a", "b"],
        "inner": {"1": 3},
        "path": "x",
    }
    assert finding.evidence == plain and json.loads(json.dumps(finding.evidence)) == plain
    numbers = (finding.score, finding.time, finding.end_time, finding.surprisal, finding.objects)
    assert numbers == (0.5, 1000.0, 2.0, None, (1, 2))
    assert [type(number) for number in numbers[:3]] == [float] * 3 and {type(index) for index in finding.objects} == {
        int
    }
    assert type(finding.evidence["number"]) is float and finding.evidence["truth"] is True


def test_a_link_is_made_of_any_text():
    """A damaged cache entry may hold a letter that is no Unicode."""
    assert editor_link("00:01:000 (1) -") == "osu://edit/00:01:000%20%281%29"
    assert editor_link("\ud800 -") == "osu://edit/%3F"


PLACE = Finding("rhythm/a", Category.RHYTHM, Severity.MINOR, 0.3, "Late.", 1000.0, "00:01:000 -", 9)


@pytest.mark.parametrize(
    ("score", "words"),
    [
        (0.0, "unsure 1 %"),
        (0.39, "unsure 39 %"),
        (0.397, "unsure 39 %"),
        (0.7977, "likely 79 %"),
        (0.7, "likely 70 %"),
        (0.999, "likely 99 %"),
    ],
)
def test_an_estimate_is_never_certain(score: float, words: str) -> None:
    assert replace(PLACE, score=score).confidence == words


@pytest.mark.parametrize(
    ("time", "words"),
    [(0.04, "0 ms"), (2.44, "2.4 ms"), (3.0, "3 ms"), (-1.5, "-1.5 ms"), (9.96, "10 ms"), (12.4, "12 ms")],
)
def test_ms_have_one_form(time: float, words: str) -> None:
    assert in_ms(time) == words


def test_the_score_of_a_fact_is_no_probability() -> None:
    assert replace(PLACE, score=0.3, tier=Tier.EXACT).confidence == "fact"
