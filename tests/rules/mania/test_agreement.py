"""Samples that one difficulty of mania lacks where the others play them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from maimod.findings import Finding
from maimod.osu import mapset
from maimod.rules.evidence import Evidence, MapsetEvidence
from maimod.rules.mania import agreement as mania_agreement
from tests.findings import findings_of_set
from tests.mania import LINE, note
from tests.maps import text


def set_of(folder: Path, *versions: Sequence[str], events: Sequence[str] = ()) -> list[Finding]:
    for number, objects in enumerate(versions):
        content = text(
            objects,
            [LINE],
            mode=3,
            circle_size=4,
            metadata={"Version": f"V{number}"},
            events=events if number == 0 else (),
        )
        (folder / f"{number}.osu").write_text(content, encoding="utf-8")
    (whole,) = mapset.load(folder)
    return findings_of_set(mania_agreement.CHECK, MapsetEvidence(whole, [Evidence(one) for one in whole.beatmaps]))


FULL = [note(i % 4, 1000 + i * 400, sound=8 if i % 2 else 0) for i in range(20)]


def without(*places: int) -> list[str]:
    return [note(i % 4, 1000 + i * 400, sound=8 if i % 2 and i not in places else 0) for i in range(20)]


def test_a_sample_that_one_difficulty_lacks(tmp_path: Path):
    (finding,) = set_of(tmp_path, without(3), FULL, FULL)
    assert finding.rule == mania_agreement.MISSING.id and finding.severity == "warning" and finding.time == 2200


def test_samples_that_it_lacks_at_several_places_are_one_finding(tmp_path: Path):
    (finding,) = set_of(tmp_path, without(3, 7), FULL, FULL)
    assert "this difficulty does not; the same at 1 more place: 00:03:800." in finding.message
    assert finding.severity == "warning" and finding.evidence["objects_alike"] == [7]


def test_with_one_other_difficulty_it_is_a_minor(tmp_path: Path):
    assert [f.severity for f in set_of(tmp_path, without(3), FULL)] == ["minor"]


@pytest.mark.parametrize(
    ("first", "events"),
    [
        (FULL, ()),
        (without(3), ('Sample,2200,0,"soft-hitclap.wav",70',)),
        ([*without(3)[:3], note(3, 2200, sound=4), *without(3)[4:]], ()),
        (without(*range(20)), ()),
    ],
    ids=["the same", "in the storyboard", "no note is free", "hitsounds of its own"],
)
def test_difficulties_that_agree(tmp_path: Path, first: Sequence[str], events: Sequence[str]):
    assert set_of(tmp_path, first, FULL, FULL, events=events) == []
