"""What changed between versions, pairs of versions from a history, and whether corrected places are found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from maimod.discriminator.features import grid_of
from maimod.discriminator.prediction import CorruptionLogits
from maimod.errors import UsageError
from maimod.findings import Category, Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from maimod.training.corrections import (
    PairResult,
    examine,
    measure,
    pairs_in,
    percentile_rows,
    place_differences,
    place_rows,
)
from maimod.training.differences import Change, Differences, Place, differences
from maimod.training.tables import corrections
from maimod.training.versions import write_pairs
from tests.maps import RED_LINE, beatmap, text

LINES = [f"{100 + k % 5 * 60},192,{1000 + 500 * k},{5 if k % 8 == 0 else 1},0,0:0:0:0:" for k in range(40)]
SLIDER = "100,100,6000,2,0,L|170:100,1,70,0|0,0:0|0:0,0:0:0:0:"


def changed(*lines: tuple[int, str | None], points: tuple[str, ...] = (), mode: int = 0) -> Differences:
    """Differences after lines were replaced (None: taken away), and green lines added."""
    after: list[str | None] = list(LINES)
    for place, line in lines:
        after[place] = line
    new = beatmap([line for line in after if line], [RED_LINE, *points], mode)
    return differences(beatmap(LINES, [RED_LINE], mode), new)


def kinds(found: Differences) -> list[tuple[str, ...]]:
    return [place.kinds for place in found.places]


def test_equal_versions_have_no_places() -> None:
    assert changed().places == () and changed().general == ()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (None, ("object removed",)),
        ("300,200,6000,1,0,0:0:0:0:", ("position",)),
        ("100,192,6000,5,0,0:0:0:0:", ("new combo",)),
        ("100,192,6000,1,8,0:0:0:0:", ("hitsound",)),
        ("100,192,6000,1,0,2:0:0:0:", ("hitsound",)),
        ("100,192,6125,1,0,0:0:0:0:", ("snap",)),
        ("100,192,6000,2,0,L|170:192,1,70,,,0:0:0:0:", ("object kind",)),
    ],
)
def test_a_change_of_an_object_has_its_kind_and_place(line: str | None, expected: tuple[str, ...]) -> None:
    (place,) = changed((10, line)).places
    assert place.kinds == expected and (place.t0, place.remap) == (6000, False)


def test_objects_in_between_are_added() -> None:
    found = differences(beatmap(LINES), beatmap([*LINES, "100,192,6250,1,0,0:0:0:0:"]))
    assert [(p.t0, p.kinds) for p in found.places] == [(6250, ("object added",))]


def test_sliders_change_in_shape_length_and_place_apart() -> None:
    def against(line: str) -> tuple[str, ...]:
        one, two = (beatmap([*LINES[:10], own, *LINES[11:]]) for own in (SLIDER, line))
        (place,) = differences(one, two).places
        return place.kinds

    assert against("100,100,6000,2,0,L|170:120,1,70,0|0,0:0|0:0,0:0:0:0:") == ("slider shape",)
    assert against("110,100,6000,2,0,L|180:100,1,70,0|0,0:0|0:0,0:0:0:0:") == ("position",)
    assert against("100,100,6000,2,0,L|170:100,1,35,0|0,0:0|0:0,0:0:0:0:") == ("slider length",)
    assert against("100,100,6000,2,0,L|170:100,1,70,0|2,0:0|0:0,0:0:0:0:") == ("hitsound",)


def test_lines_change_where_objects_are_under_them() -> None:
    found = changed(points=("6000,-50,4,2,0,40,0,1", "8000,-100,4,2,0,70,0,0"))
    (place,) = found.places
    assert place.kinds == ("kiai", "volume") and (place.t0, place.t1) == (6000, 6000)
    assert {(c.t0, c.t1) for c in place.changes} == {(6000, 8000)}
    assert changed(points=("60000,-50,4,2,0,40,0,1",)).places == ()


def test_the_velocity_changes_where_it_shows() -> None:
    points = ("6000,-50,4,2,0,70,0,0", "8000,-100,4,2,0,70,0,0")
    (scrolling,) = changed(points=points, mode=1).places
    assert scrolling.kinds == ("scroll speed",) and not changed(points=points).places
    one, two = (beatmap([*LINES[:10], SLIDER, *LINES[11:]], [RED_LINE, *extra]) for extra in ((), points))
    (place,) = differences(one, two).places
    assert "scroll speed" in place.kinds and place.t0 == 6000


def test_a_map_that_moved_as_a_whole_has_no_places() -> None:
    later = [line.replace(f",{1000 + 500 * k},", f",{1020 + 500 * k},") for k, line in enumerate(LINES)]
    found = differences(beatmap(LINES), beatmap(later, [RED_LINE.replace("0,500", "20,500", 1)]))
    assert found.places == () and found.general[0].kind == "offset"


def test_close_changes_are_one_place_and_a_stretch_mapped_anew_is_marked() -> None:
    two = changed((10, None), (11, None), (20, None))
    assert [(p.t0, p.t1) for p in two.places] == [(6000, 6500), (11_000, 11_000)]
    (anew,) = changed(*((k, None) for k in range(10, 24))).places
    assert anew.remap


def test_metadata_settings_and_breaks_are_remarks() -> None:
    after = beatmap(LINES, events=["2,3000,4000"], metadata={"Title": "Other"}, circle_size=5)
    remarks = {remark.kind for remark in differences(beatmap(LINES), after).general}
    assert remarks == {"metadata", "setting", "breaks"}


# ---------------------------------------------------------------------------------------------------------------------
# Histories


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false", "-c", "core.autocrlf=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A mapset with four commits: added, a new combo changed, renamed and an object deleted, only the tags changed."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    root = tmp_path / "repository"
    folder = root / "1 Artist - Títle"
    folder.mkdir(parents=True)
    git(root, "init", "-q")
    (folder / "audio.mp3").write_bytes(b"song")
    versions = [
        ("map.osu", text(LINES)),
        ("map.osu", text([*LINES[:10], "100,192,6000,5,0,0:0:0:0:", *LINES[11:]])),
        ("other.osu", text([*LINES[:10], "100,192,6000,5,0,0:0:0:0:", *LINES[12:]])),
        ("other.osu", text([*LINES[:10], "100,192,6000,5,0,0:0:0:0:", *LINES[12:]], metadata={"Tags": "new"})),
    ]
    for name, content in versions:
        for old in folder.glob("*.osu"):
            old.unlink()
        (folder / name).write_text(content, encoding="utf-8")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "a version")
    return root


def test_pairs_come_from_the_history_of_a_repository(repository: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert write_pairs(repository, tmp_path / "pairs", said.append) == 2
    one, two = pairs_in(tmp_path / "pairs")
    assert len(said) == 2 and "belong to their authors" in (tmp_path / "pairs" / "README.md").read_text()
    assert json.loads((one / "changes.json").read_text())["places"][0]["kinds"] == ["new combo"]
    stored = json.loads((two / "changes.json").read_text())
    assert stored["places"][0]["kinds"] == ["object removed"] and stored["song"] is True
    assert (two / "before" / "audio.mp3").read_bytes() == (two / "after" / "audio.mp3").read_bytes() == b"song"
    assert (two / "before" / "map.osu").read_bytes() == (one / "after" / "map.osu").read_bytes()


def test_a_folder_below_the_repository_is_enough(repository: Path, tmp_path: Path) -> None:
    (repository / "empty").mkdir()
    assert write_pairs(repository / "1 Artist - Títle", tmp_path / "pairs") == 2
    with pytest.raises(UsageError, match="no difficulty with two versions"):
        write_pairs(repository / "empty", tmp_path / "none")


def test_nothing_that_a_repository_configures_is_run(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path / 'sprung'}'\n")
    trap.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "diff.osu.textconv", "core.pager"):
        git(repository, "config", key, str(trap))
    (repository / ".gitattributes").write_text("*.osu diff=osu\n")
    assert write_pairs(repository, tmp_path / "pairs") == 2
    assert not (tmp_path / "sprung").exists()


def test_songs_outside_the_folder_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    for number, lines in enumerate((LINES, LINES[:-1])):
        path = folder / f"{number}.osu"
        path.write_text(text(lines, general={"AudioFilename": "../secret.txt"}), encoding="utf-8")
        os.utime(path, (number, number))
    assert write_pairs(folder, tmp_path / "pairs") == 1
    assert [p.name for p in (tmp_path / "pairs").rglob("*") if p.is_file() and p.suffix == ".txt"] == []


def test_pairs_come_from_backups_in_order_of_their_time(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    (folder / "old").mkdir(parents=True)
    (folder / "audio.mp3").write_bytes(b"song")
    for name, lines, when in (("old/b.osu", LINES, 1), ("old/a.osu", LINES[:-1], 2), ("map.osu", LINES[:-2], 3)):
        (folder / name).write_text(text(lines), encoding="utf-8")
        os.utime(folder / name, (when, when))
    (folder / "broken.osu").write_text("no map")
    assert write_pairs(folder, tmp_path / "pairs") == 2
    first = json.loads((pairs_in(tmp_path / "pairs")[0] / "changes.json").read_text())
    assert (first["objects_before"], first["objects_after"], first["song"]) == (40, 39, True)


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs" / "file").touch()
    with pytest.raises(UsageError, match="not empty"):
        write_pairs(tmp_path, tmp_path / "pairs")


# ---------------------------------------------------------------------------------------------------------------------
# Are they found?


def finding(time: float, rule: str, score: float) -> Finding:
    return Finding(rule, Category(rule.partition("/")[0]), Severity.WARNING, score, "", time, "", 1)


def place(time: float, *kinds: str, remap: bool = False) -> Place:
    changes = tuple(Change(kind, time, time, "", time, time) for kind in kinds)
    return Place(time, time, changes, kinds, remap)


def of(*places: Place) -> Differences:
    return Differences(0, "", "", "", "", "", 40, 40, places=places)


def test_places_are_found_by_right_findings_near_them() -> None:
    loaded = beatmap(LINES)
    found = [
        finding(6000, "new-combos/missing", 0.9),
        finding(11_000, "rhythm/x", 0.8),
        finding(15_000, "rhythm/x", 0.5),
    ]
    after = [finding(15_000, "rhythm/x", 0.5)]
    changes = of(place(6000, "new combo"), place(11_000, "position"), place(15_030, "object added", remap=True))
    result = examine("a", changes, Evidence(loaded), found, after)
    one, two = result.places
    assert (one.rank, one.rule, one.gone) == (1, "new-combos/missing", True)
    assert one.chance == 1 / 40
    assert (two.rank, two.gone, two.chance) == (None, None, 0.0)
    assert (result.elsewhere, result.elsewhere_gone) == (0, 0)
    every, *_ = place_rows([result])
    assert (every.places, every.found.value, every.gone) == (2, 0.5, (1, 1))


def test_a_finding_about_a_longer_section_names_it_and_not_the_place() -> None:
    loaded, section = beatmap(LINES), replace(finding(2000, "hitsounds/none", 0.9), end_time=15_000)
    changes = of(place(2000, "hitsound"), place(6000, "hitsound"), place(6000, "position"), place(16_000, "hitsound"))
    result = examine("a", changes, Evidence(loaded), [section], [])
    assert [one.in_section for one in result.places] == [False, True, False, False]
    assert [one.rank for one in result.places] == [1, None, None, None]
    (row, *_) = place_rows([result])
    assert (row.found.value, row.in_section) == (0.25, 0.25) and "| 25% | 25% |" in corrections([result])


def test_difficulties_that_only_collect_hitsounds_are_counted_apart() -> None:
    played, collected = (
        examine(
            name,
            replace(of(place(6000, "hitsound")), hitsound_difficulty=name == "b"),
            Evidence(beatmap(LINES)),
            [],
            [],
        )
        for name in "ab"
    )
    assert [(row.name, row.places) for row in place_rows([played, collected])] == [
        ("all", 2),
        ("without hitsound difficulties", 1),
        ("hitsound", 2),
    ]
    assert "without hitsound difficulties" not in [row.name for row in place_rows([played])]


def test_findings_elsewhere_are_counted_as_the_chance_to_go() -> None:
    found = [finding(2000, "rhythm/x", 0.9), finding(3000, "rhythm/x", 0.8)]
    result = examine("a", of(place(6000, "new combo")), Evidence(beatmap(LINES)), found, found[:1])
    assert (result.elsewhere, result.elsewhere_gone) == (2, 1)
    assert "Of 2 findings elsewhere 1 are gone too." in corrections([result])


def doubting(loaded: Beatmap, kind: str, *times: float) -> Evidence:
    """The proofreader doubts these times most."""
    grid = grid_of(loaded)
    assert grid is not None
    logits = np.zeros((grid.count, 1))
    logits[grid.locate(times)[0]] = 5.0
    return Evidence(loaded, corruption=CorruptionLogits(grid, (kind,), logits))


def test_percentiles_rank_the_corrected_object_among_all() -> None:
    result = examine("a", of(place(6000, "new combo")), doubting(beatmap(LINES), "combo", 6000), [], [])
    assert [(one.group, one.reader, one.value) for one in result.percentiles] == [("new combo", "proofreader", 1.0)]
    other = examine("b", of(place(6000, "new combo")), doubting(beatmap(LINES), "combo", 6500), [], [])
    assert other.percentiles[0].value == pytest.approx(19 / 39)
    (row,) = percentile_rows([result, other])
    assert (row.group, row.reader, row.places, row.pairs) == ("new combo", "proofreader", 2, 2)
    assert row.mean.value == pytest.approx((1 + 19 / 39) / 2)


def test_added_objects_are_ranked_among_empty_slots() -> None:
    loaded = beatmap(LINES)
    result = examine("a", of(place(6250, "object added")), doubting(loaded, "missing", 6250), [], [])
    assert [(one.group, one.value) for one in result.percentiles] == [("added", 1.0)]


def test_pairs_without_a_model_are_measured_from_end_to_end(tmp_path: Path) -> None:
    from maimod.linter.settings import Settings

    folder = tmp_path / "pairs" / "one"
    unsnapped = [*LINES[:10], "100,192,6040,1,0,0:0:0:0:", *LINES[11:]]
    for version, lines in (("before", unsnapped), ("after", LINES)):
        (folder / version).mkdir(parents=True)
        (folder / version / "map.osu").write_text(text(lines), encoding="utf-8")
    stored = replace(differences(beatmap(unsnapped), beatmap(LINES)), song=False)
    (folder / "changes.json").write_text(json.dumps(asdict(stored)))
    (result,) = measure(tmp_path / "pairs", Settings(None), 1)
    assert [(one.kinds, one.rank, one.gone) for one in result.places] == [(("snap",), 1.0, True)]
    shown = corrections([result])
    assert "| snap | 1 | 1 | 100% |" in shown and "percentile" not in shown  # without a network, no empty table


def test_two_evaluations_are_compared_at_the_places_that_both_have() -> None:
    loaded = beatmap(LINES)

    def results(*hit: str) -> list[PairResult]:
        found = [finding(6000, "new-combos/missing", 0.9)]
        changes = of(place(6000, "new combo"), place(11_000, "position"))
        return [examine(name, changes, Evidence(loaded), found if name in hit else [], []) for name in "abcdef"]

    every, combo, position = place_differences(results("a"), results("a", "b", "c", "d"))
    assert every[:4] == ("all", 12, 1 / 12, 4 / 12) and every.gain.value == pytest.approx(0.25)
    assert combo[:4] == ("new combo", 6, 1 / 6, 4 / 6) and 0 < combo.gain.low < 0.5 < combo.gain.high
    assert position.gain.value == 0.0


def test_pairs_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    from maimod.linter.settings import Settings

    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "changes.json").write_text(json.dumps(asdict(of(place(1.0, "snap")))))
    said: list[str] = []
    with pytest.raises(UsageError, match="none of its pairs"):
        measure(tmp_path, Settings(None), 1, said.append)
    assert said[0].startswith("pair 1 of 1: left out: ") and "map.osu" in said[0]


def test_damaged_lists_are_one_line(tmp_path: Path) -> None:
    from maimod.training.corrections import read_changes

    (tmp_path / "changes.json").write_text("[]")
    with pytest.raises(UsageError, match="not a list of changes"):
        read_changes(tmp_path / "changes.json")
    with pytest.raises(UsageError, match="no folder with changes"):
        pairs_in(tmp_path)
    assert msgspec.convert(asdict(of(place(1.0, "snap"))), Differences) == of(place(1.0, "snap"))
