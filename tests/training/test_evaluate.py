"""What counts as a hit, the figures made of hits, and an evaluation from end to end with one rule."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.app import main
from maimod.errors import UsageError
from maimod.findings import BeatmapReport, Category, Finding, Severity
from maimod.linter.pipeline import Analysis
from maimod.linter.settings import Settings
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.timing import snap
from maimod.rules.evidence import Evidence
from maimod.training import evaluation_commands
from maimod.training.evaluate import Planting, chosen_doses, evaluate_map, read, sources, to_json
from maimod.training.faults import FAULTS, Planted, select
from maimod.training.hits import is_near, leads_to, mean_rank, trial_of
from maimod.training.metrics import (
    Alarm,
    Arrays,
    Evaluation,
    Trial,
    Untouched,
    calibration,
    compared,
    difference,
    draws,
    figure,
    per_minute,
    quiet,
    recalls,
    summary,
)
from maimod.training.tables import comparison, markdown
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
    ("found", "is_hit", "is_caused"),
    [
        (finding(6060, (10,)), True, True),
        (finding(6061, (10,)), False, True),
        (finding(6500, (11,)), False, True),  # the next object
        (finding(6400), False, True),  # within a beat
        (finding(7200, (12, 13)), False, False),
        (finding(4000, end_time=6000), True, True),
        (finding(0, end_time=30_000), False, False),  # a finding about half the map is no hit for one object
    ],
)
def test_a_hit_lies_within_60_ms(found: Finding, is_hit: bool, is_caused: bool) -> None:
    assert is_near(found, local().spans) is is_hit
    assert leads_to(found, local()) is is_caused


def test_bundled_findings_are_at_their_places() -> None:
    bundled = replace(finding(1000, end_time=9000), evidence={"times_ms": [1000.0, 6000.0]})
    assert is_near(bundled, local().spans) and not is_near(bundled, [(5000.0, 5000.0)])


def test_ranks_are_by_score_and_categories_are_judged_apart() -> None:
    (fault,) = select(["unsnapped:10 ms"])
    findings = [
        finding(20_000, (38,), score=0.99),
        finding(6000, (10,), "positions/unexpected", 0.8),
        finding(6000, (10,), score=0.5),
    ]
    trial = trial_of(local(), fault, findings, [], "map")
    assert (trial.rank, trial.rule, trial.was_there) == (3, "rhythm/unsnapped", False)
    missed = trial_of(local(), fault, findings[:2], [], "map")
    assert (missed.rank, missed.rule, missed.score) == (None, "", 0.0)


def test_equal_scores_share_their_rank() -> None:
    assert mean_rank(0.9, [0.9, 0.95, 0.9, 0.9, 0.5]) == 3
    assert mean_rank(0.5, [0.5]) == 1


def test_a_finding_of_the_untouched_map_is_not_new() -> None:
    (fault,) = select(["unsnapped:10 ms"])
    was, surer = [finding(6000, (10,), score=0.5)], [finding(6000, (10,), score=0.8)]
    trial = trial_of(local(), fault, was, was, "map")
    assert (trial.rank, trial.was_there) == (None, True)
    assert trial_of(local(), fault, surer, was, "map").rank == 1


def test_only_a_finding_that_says_so_finds_a_section() -> None:
    (fault,) = select(["section-shift:20 ms"])
    section = replace(local(), start=5000.0, end=30_000.0, objects=(), is_local=False)
    assert trial_of(section, fault, [finding(6000, (10,))], [], "map").rank is None
    assert trial_of(section, fault, [finding(2000, (), "timing/section", end_time=25_000)], [], "map").rank == 1


def test_any_place_of_a_repeated_slip_is_a_hit() -> None:
    (fault,) = select(["repeated-combo-missing:4 phrases"])
    slip = replace(local(), places=((6000.0, 6000.0), (14_000.0, 14_000.0)))
    assert trial_of(slip, fault, [finding(14_000, (26,), "new-combos/missing")], [], "map").rank == 1
    assert trial_of(slip, fault, [finding(10_000, (18,), "new-combos/missing")], [], "map").rank is None


def snaps(loaded: Beatmap, name: str) -> Analysis:
    """Report unsnapped objects, without a model and a song."""
    off = [o for o in loaded.hit_objects if abs(snap(loaded, o.time).error) >= 2]
    found = tuple(finding(o.time, (o.index,)) for o in off)
    return Analysis(BeatmapReport(name, "ok", findings=found), Evidence(loaded))


@pytest.mark.parametrize("together", [1, 3])
def test_from_end_to_end(together: int) -> None:
    faults = select(["unsnapped:5 ms", "unsnapped:10 ms", "moved:60 px"])
    done = evaluate_map(snaps, even_map(200), Planting(tuple(fault.name for fault in faults), 1, together))
    assert {(t.kind, t.rank) for t in done.trials} == {("unsnapped", 1), ("moved", None)}
    assert done.untouched[0].alarms == ()
    rows = recalls(done, lambda t: f"{t.kind} {t.dose}")
    assert {r.name: r.hits[0].value for r in rows} == {"unsnapped 5 ms": 1, "unsnapped 10 ms": 1, "moved 60 px": 0}
    table = markdown(done)
    assert (
        "| osu | unsnapped | 5 ms | 1 | 100% | 100% | 100% | 100% | 100% | 100% | 1 | 0% |" in table
        and "No place" not in table
    )
    # One of two kinds is always found, at every dose, and the untouched map has no findings.
    assert summary(done)["average precision"].value == pytest.approx(0.5)


def trial(name: str, rank: float | None, score: float = 0.0, kind: str = "moved", dose: str = "") -> Trial:
    return Trial(name, "osu", kind, dose, "positions", "", 0.0, rank, "positions/x" if rank else "", score)


def untouched(name: str, *scores: float, minutes: float = 1.0) -> Untouched:
    return Untouched(name, "osu", minutes, tuple(Alarm("positions/x", "warning", score) for score in scores))


def test_recall_at_a_rate_of_false_findings_counts_equal_scores_half() -> None:
    maps = (untouched("a", 0.9, 0.7, 0.5), untouched("b", 0.8))
    trials = [trial("a", 1, score, kind) for kind, score in (("k", 0.95), ("l", 0.75), ("m", 0.7), ("n", 0.6))]
    arrays = Arrays(Evaluation(0, "none", tuple(trials), maps))
    ones = np.ones(2)
    # One a minute of two minutes is two findings; 0.7 is the next. One half a minute leaves 0.9.
    assert arrays.least_score(1, ones) == 0.7 and arrays.least_score(0.5, ones) == 0.8
    assert arrays.least_score(2, ones) == -math.inf
    assert arrays.recall_at(1)(ones) == pytest.approx(2.5 / 4)
    assert arrays.recall_at(2)(ones) == 1.0


def test_findings_about_the_set_are_no_false_ones_of_the_map() -> None:
    with_set = Untouched("a", "osu", 1.0, (Alarm("mapset/x", "problem", 1.0), Alarm("positions/x", "minor", 0.5)))
    arrays = Arrays(Evaluation(0, "none", (trial("a", 1, 0.9),), (with_set,)))
    assert arrays.false.tolist() == [0.5]


def test_average_precision_takes_equal_scores_in_one_step() -> None:
    maps = (untouched("a", 0.8),)
    arrays = Arrays(Evaluation(0, "none", (trial("a", 1, 0.8, "k"), trial("a", None, kind="l")), maps))
    assert arrays.average_precision(np.ones(1)) == pytest.approx(0.5 * 0.5)


def test_kinds_weigh_the_same_whatever_their_doses() -> None:
    trials = [trial("a", 1, 0.9, "k", "1"), trial("a", 1, 0.9, "k", "2"), trial("a", None, kind="l")]
    arrays = Arrays(Evaluation(0, "none", tuple(trials), (untouched("a"),)))
    assert arrays.hit_at(5)(np.ones(1)) == pytest.approx(0.5)


def test_intervals_come_from_draws_of_maps() -> None:
    drawn = draws(6)
    assert drawn.shape[1] == 6 and (drawn.sum(axis=1) == 6).all()
    steady = figure(lambda of_map: 1.0, drawn)
    assert (steady.value, steady.low, steady.high) == (1.0, 1.0, 1.0)
    trials = [trial(name, 1 if name < "d" else None, 0.9) for name in "abcdef"]
    arrays = Arrays(Evaluation(0, "none", tuple(trials), tuple(untouched(name) for name in "abcdef")))
    half = figure(arrays.hit_at(5), arrays.drawn)
    assert half.value == 0.5 and 0 < half.low <= 0.34 and 0.66 <= half.high < 1
    few = figure(lambda of_map: 1.0, draws(4))
    assert few.value == 1.0 and math.isnan(few.low), "four maps are too few for an interval"


def test_two_evaluations_are_compared_on_what_both_have() -> None:
    names = "abcdef"
    before = Evaluation(
        0,
        "old",
        tuple(trial(n, None if n < "d" else 1, 0.9) for n in (*names, "g")),
        tuple(untouched(n, 0.5) for n in (*names, "g")),
    )
    after = Evaluation(0, "new", tuple(trial(n, 2, 0.8) for n in reversed(names)), tuple(untouched(n) for n in names))
    rows = difference(before, after)
    gain = rows["top 5"][2]
    assert rows["top 5"][:2] == (0.5, 1.0) and gain.value == 0.5 and 0 < gain.low < 0.5 < gain.high < 1
    table = comparison(before, after, ("A.json", "B.json"))
    assert "| osu | top 5 | 0.500 | 1.000 | +0.500 [" in table
    assert "| osu | warnings a minute on untouched maps | 1.000 | 0.000 | -1.000" in table


def test_an_evaluation_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    done = Evaluation(3, "m", (trial("a", 1.5, 0.9), trial("b", None)), (untouched("a", 0.5), untouched("b")))
    (tmp_path / "a.json").write_text(json.dumps(to_json(done)))
    assert read(tmp_path / "a.json") == done
    assert json.loads((tmp_path / "a.json").read_text())["figures"]["osu"]["top 5"]["value"] == 0.5
    (tmp_path / "b.json").write_text('{"trials": 3}')
    with pytest.raises(UsageError, match=r"b.json: not written by maimod evaluate"):
        read(tmp_path / "b.json")


def test_scores_are_held_against_what_is_right_in_bins() -> None:
    trials = [trial("a", 1, 0.9, f"kind {i}") for i in range(3)]
    maps = (untouched("a", 0.8, 0.1, 0.1), untouched("b", 0.1, 0.1))
    rows = calibration(Evaluation(0, "none", tuple(trials), maps), size=4)
    assert [(row.n, row.mean_score, row.right) for row in rows] == [
        (4, pytest.approx(0.875), 0.75),
        (4, pytest.approx(0.1), 0.0),
    ]


def test_doses_are_drawn_by_map() -> None:
    drawn = [chosen_doses(FAULTS, name, 1, 1) for name in "abcdefgh"]
    assert all(len({f.kind for f in chosen}) == len(chosen) for chosen in drawn)
    assert len({f.name for chosen in drawn for f in chosen if f.kind == "moved"}) > 3
    assert chosen_doses(FAULTS, "a", 1, 0) == list(FAULTS)


def test_the_plain_score_has_as_many_findings_as_ours() -> None:
    trials = [replace(trial("a", 1), n_findings=5, plain_rank=rank, chance=0.5) for rank in (5, 6, None)]
    assert compared(trials) == (1.0, 1 / 3, 1 - 0.5**5)


def test_untouched_maps_are_counted_by_the_minute_with_and_without_their_set() -> None:
    maps = [
        Untouched("a", "osu", 1.5, (Alarm("rhythm/x", "warning"), Alarm("mapset/x", "problem"))),
        Untouched("b", "taiko", 0.5),
    ]
    assert per_minute(maps, lambda alarm: alarm.severity) == {"warning": 0.5, "problem": 0.5}
    own, whole = quiet(maps, False), quiet(maps, True)
    assert [rate.value for rate in own.rates] == [0.0, 0.5, 0.0] and whole.rates[0].value == 0.5
    assert [share.value for share in own.without] == [1.0, 0.5, 0.5]
    assert [share.value for share in whole.without] == [0.5, 0.5, 0.5]
    table = markdown(Evaluation(0, "none", (), tuple(maps)))
    assert "| rhythm/x | 0.00 | 0.50 | 0.00 | 1 | 1 |" in table and "| all | map | 2 | 2.0 | 0.00" in table


def test_the_commands_from_end_to_end(songs: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def run(faults: str, name: str) -> Path:
        evaluation_commands.evaluate(
            songs,
            Settings(None),
            manifest=None,
            mode="osu",
            maps=1,
            seed=1,
            faults=faults,
            together=2,
            doses=1,
            jobs=1,
            unranked=False,
            held_out=False,
            pairs=None,
            json_file=tmp_path / f"{name}.json",
            markdown_file=tmp_path / f"{name}.md",
            report=said.append,
        )
        return tmp_path / f"{name}.json"

    one, none = run("unsnapped,doubled-object", "one"), run("none", "none")
    assert len(said) == 2 and said[0].startswith("1 of 1")
    assert "| osu | 2 | 100% | 100% | 100% |" in one.with_suffix(".md").read_text(encoding="utf-8")
    assert "Planted mistakes" not in none.with_suffix(".md").read_text(encoding="utf-8")
    assert "| osu | top 5 | 1.000 | 1.000 | +0.000 |" in evaluation_commands.compare(one, one)
    with pytest.raises(UsageError, match="no fault is called 'typo'"):
        run("typo", "typo")
    with pytest.raises(UsageError, match="no map in common"):
        other = Evaluation(0, "none", (), (untouched("elsewhere"),))
        (tmp_path / "other.json").write_text(json.dumps(to_json(other)))
        evaluation_commands.compare(one, tmp_path / "other.json")


def test_bad_files_are_said_before_the_run(songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, line in (
        (["--json", str(tmp_path)], f"{tmp_path}: a folder; name a file"),
        (["--markdown", "no/x.md"], "no/x.md: there is no folder no; name a file"),
        (["--manifest", __file__], f"{__file__}:1: not a line of a manifest (Expected `object`, got `str`)\n"),
    ):
        assert main(["evaluate", str(songs), "--no-model", "--maps", "1", *arguments]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"maimod: {line}") and said.count("\n") == 1


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
