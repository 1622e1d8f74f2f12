"""Base scroll speeds and backgrounds of a taiko set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from maimod.findings import Finding
from maimod.osu import mapset
from maimod.osu.level import Level
from maimod.rules.evidence import Evidence, MapsetEvidence
from maimod.rules.taiko import sets as taiko_sets
from tests.findings import findings_of_set
from tests.maps import text
from tests.taiko import LINE, run_of


def set_of(folder: Path, velocities: Sequence[float], backgrounds: Sequence[str] = ()) -> list[Finding]:
    names = ("Kantan", "Futsuu", "Muzukashii", "Oni", "Inner Oni")
    events = backgrounds or ['0,0,"bg.png",0,0'] * len(velocities)
    for name, velocity, event in zip(names, velocities, events, strict=False):
        content = text(
            run_of(20, 400), [LINE], mode=1, metadata={"Version": name}, events=[event], slider_multiplier=velocity
        )
        (folder / f"{name}.osu").write_text(content, encoding="utf-8")
    (whole,) = mapset.load(folder)
    levels = dict(zip(names, Level, strict=True))
    evidence = MapsetEvidence(whole, [Evidence(one, level=levels[one.version]) for one in whole.beatmaps])
    return findings_of_set(taiko_sets.CHECK, evidence)


@pytest.mark.parametrize(
    ("velocities", "count"),
    [
        ((1.1, 1.2, 1.4, 1.4, 1.8), 0),
        ((1.4, 1.4, 1.2, 1.1), 0),
        ((1.4, 0.9), 0),
        ((1.4, 1.4, 1.4, 1.6, 1.4), 1),
        ((1.4, 1.1, 1.2, 1.4), 1),
    ],
)
def test_base_velocity_changes_in_one_direction(tmp_path: Path, velocities: Sequence[float], count: int):
    assert [f.rule for f in set_of(tmp_path, velocities)] == [taiko_sets.BASE_VELOCITY.id] * count


@pytest.mark.parametrize(
    ("backgrounds", "count"),
    [
        (('0,0,"bg.png",0,20', '0,0,"bg.png",0,20'), 0),
        (('0,0,"bg.png",0,20', '0,0,"bg.png"'), 1),
        (('0,0,"bg.png",0,20', '0,0,"other.png",0,0'), 0),
        (('0,0,"bg.png",5,20', '0,0,"bg.png",5,20'), 2),
    ],
)
def test_backgrounds_are_moved_alike(tmp_path: Path, backgrounds: Sequence[str], count: int):
    findings = set_of(tmp_path, (1.4, 1.4), backgrounds)
    assert [f.rule for f in findings] == [taiko_sets.BACKGROUND_OFFSET.id] * count
