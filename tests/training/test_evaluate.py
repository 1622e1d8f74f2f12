"""Hits and how they are counted, and an evaluation from end to end with one rule."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.findings import BeatmapReport, Category, Finding, Severity
from maimod.linter.pipeline import Analysis
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.timing import snap
from maimod.rules.base import Evidence
from maimod.training.evaluate import evaluate_map, judge, leads_to, sources
from maimod.training.faults import Planted, select
from maimod.training.metrics import (
    Alarm,
    Evaluation,
    Trial,
    Untouched,
    average_precision,
    compared,
    markdown,
    per_minute,
    recalls,
    reliability,
)
from tests.maps import beatmap, text


def finding(
    time: float,
    objects: tuple[int, ...] = (),
    rule: str = "rhythm/unsnapped",
    score: float = 0.9,
    end_time: float | None = None,
) -> Finding:
    return Finding(rule, Category(rule.partition("/")[0]), Severity.WARNING, score, "", time, "", 1, objects, end_time)


def even_map(n: int = 64) -> Beatmap:
    return beatmap([f"{100 + k % 5 * 60},192,{1000 + 500 * k},1,0,0:0:0:0:" for k in range(n)])


def local(index: int = 10) -> Planted:
    good = even_map()
    time = good.hit_objects[index].time
    return Planted(good, time, time, (index,))


@pytest.mark.parametrize(
    ("found", "is_hit"),
    [
        (finding(6000, (10,)), True),
        (finding(6500, (11,)), True),  # the next object
        (finding(6400), True),  # within a beat
        (finding(7200, (12, 13)), False),
        (finding(4000, end_time=6000), True),
        (finding(0, end_time=30_000), False),  # a finding about half the map is no hit for one object
    ],
)
def test_a_hit_leads_to_the_mistake(found: Finding, is_hit: bool) -> None:
    assert leads_to(found, local()) is is_hit


def test_ranks_are_by_score_and_categories_are_judged_apart() -> None:
    (fault,) = select(["unsnapped:10 ms"])
    findings = [
        finding(20_000, (38,), score=0.99),
        finding(6000, (10,), "positions/unexpected", 0.8),
        finding(6000, (10,), score=0.5),
    ]
    trial = judge(local(), fault, findings, [], "map")
    assert (trial.rank, trial.right_rank, trial.rule, trial.was_there) == (2, 3, "rhythm/unsnapped", False)
    missed = judge(local(), fault, findings[:1], findings[2:], "map")
    assert (missed.rank, missed.right_rank, missed.rule, missed.was_there) == (None, None, "", True)


def test_only_a_finding_that_says_so_finds_a_section() -> None:
    (fault,) = select(["section-shift:20 ms"])
    section = replace(local(), start=5000.0, end=20_000.0, objects=(), is_local=False)
    assert judge(section, fault, [finding(6000, (10,))], [], "map").rank is None
    assert judge(section, fault, [finding(9000, (), "timing/section", end_time=15_000)], [], "map").right_rank == 1


def snaps(loaded: Beatmap, name: str) -> Analysis:
    """Report unsnapped objects, without a model and a song."""
    off = [o for o in loaded.hit_objects if abs(snap(loaded, o.time).error) >= 2]
    found = tuple(finding(o.time, (o.index,)) for o in off)
    return Analysis(BeatmapReport(name, "ok", findings=found), Evidence(loaded))


@pytest.mark.parametrize("together", [1, 3])
def test_from_end_to_end(together: int) -> None:
    faults = select(["unsnapped:5 ms", "unsnapped:10 ms", "moved:60 px"])
    linted: list[int] = []
    done = evaluate_map(
        snaps,
        even_map(200),
        faults,
        1,
        together=together,
        analysed=lambda analysis, copy: linted.append(len(copy.mistakes)),
    )
    assert {(t.kind, t.right_rank) for t in done.trials} == {("unsnapped", 1), ("moved", None)}
    assert done.untouched[0].alarms == () and len(linted) == (4 if together == 1 else 3)
    assert [(r.kind, r.dose, r.right_at[0]) for r in recalls(done.trials)] == [
        ("unsnapped", "5 ms", 1.0),
        ("unsnapped", "10 ms", 1.0),
        ("moved", "60 px", 0.0),
    ]
    table = markdown(done)
    assert "| osu | unsnapped | 5 ms | 1 | 100% | 100% | 100% | 100% | 100% | 1 | 0% |" in table
    assert "No place" not in table
    # One of two kinds is always found, at every dose, and the untouched map has no findings.
    assert average_precision(done) == pytest.approx(0.5)
    assert "| 0.9 to 1 | 2 | 0.90 | 1.00 |" in table


def test_scores_are_held_against_what_is_real() -> None:
    trials = [Trial("a", "osu", "moved", dose, "", 0.0, 1, 1, score=0.75) for dose in ("60 px", "120 px")]
    maps = Untouched("a", "osu", 1.0, (Alarm("rhythm/x", "warning", 0.75),))
    assert reliability(Evaluation(0, "none", tuple(trials), (maps,))) == [(0.7, 0.8, 3, 0.75, 0.5)]


def test_the_plain_score_has_as_many_findings_as_ours() -> None:
    trials = [
        Trial("a", "osu", "moved", "60 px", "", 0.0, 1, 1, n_findings=5, plain_rank=rank, chance=0.5)
        for rank in (5, 6, None)
    ]
    assert compared(trials) == (1.0, 1 / 3, 1 - 0.5**5)


def test_untouched_maps_are_counted_by_the_minute() -> None:
    maps = [
        Untouched("a", "osu", 1.5, (Alarm("rhythm/x", "warning"), Alarm("rhythm/x", "minor"))),
        Untouched("b", "taiko", 0.5),
    ]
    assert per_minute(maps, lambda alarm: alarm.severity) == {"warning": 0.5, "minor": 0.5}
    table = markdown(Evaluation(0, "none", (), tuple(maps)))
    assert "| rhythm/x | 0.00 | 0.50 | 0.50 | 1 | 2 |" in table
    assert "| all | 2 | 2.0 | 0.00 | 0.50 | 0.50 | 100% | 50% |" in table


def test_trials_are_counted_by_rank() -> None:
    trials = [Trial(str(rank), "osu", "moved", "60 px", "", 0.0, rank, rank) for rank in (1, 7, 30, None)]
    (counted,) = recalls(trials)
    assert (counted.found, counted.right_at, counted.median_rank) == (0.75, (0.25, 0.5, 0.5), 7)


def test_one_map_of_each_song(tmp_path: Path) -> None:
    entries = []
    for song in ("one", "two"):
        (tmp_path / song).mkdir()
        for version, mode, ranked in (
            ("easy", 0, True),
            ("hard", 0, True),
            ("taiko", 1, True),
            ("graveyard", 0, False),
        ):
            path = tmp_path / song / f"{version}.osu"
            path.write_text(text(mode=mode), encoding="utf-8")
            (path.parent / "audio.mp3").touch()
            entries.append(
                {"map": f"{song}/{version}.osu", "mode": mode, "song_group": song, "ranked": ranked, "aligned": True}
            )
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("\n".join(map(json.dumps, entries)), encoding="utf-8")
    picked = sources(tmp_path, Mode.OSU, manifest, seed=3)
    assert sorted(path.parent.name for path in picked) == ["one", "two"]
    assert all(path.stem in ("easy", "hard") for path in picked)
    assert sources(tmp_path, Mode.OSU, manifest, seed=3) == picked
    assert len(sources(tmp_path, None, manifest)) == 4 and len(sources(tmp_path, Mode.TAIKO)) == 2
    assert np.unique([len(sources(tmp_path, None, seed=seed)) for seed in range(3)]) == 4
