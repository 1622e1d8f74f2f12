"""Mapsets: which files belong together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod import lint
from maimod.findings import BeatmapReport
from maimod.linter.settings import Settings
from maimod.osu import folder, level, limits, mapset
from maimod.osu.level import Level
from tests.maps import beatmap
from tests.mapset import Version, versions, write


def lint_set(folder: Path, *paths: Path, **settings: object) -> dict[str, BeatmapReport]:
    report = lint(paths or [folder], Settings(model=None, **settings)).report()
    return {one.version or one.path: one for one in report.beatmaps}


def rules(report: BeatmapReport) -> list[tuple[str, object]]:
    return [
        (finding.rule, finding.evidence.get("subject")) for finding in report.findings if finding.category == "mapset"
    ]


def test_the_odd_difficulty_gets_the_finding(tmp_path):
    found = versions()
    found["Hard"] = found["Hard"].with_metadata(Source="Some Game")
    write(tmp_path, found)
    reports = lint_set(tmp_path, select=("mapset/metadata",))
    assert {name: rules(report) for name, report in reports.items()} == {
        "Expert": [],
        "Hard": [("mapset/metadata", "Source")],
        "Insane": [],
        "Normal": [],
    }
    (finding,) = reports["Hard"].findings
    assert (
        finding.message
        == 'Source is "Some Game" here and empty in [Expert], [Insane] and [Normal]. Make it the same everywhere.'
    )
    path = next(tmp_path.glob("*Hard*"))
    assert path.read_text().splitlines()[finding.line - 1] == "Source:Some Game"


def test_a_difficulty_alone_is_compared_with_its_siblings(tmp_path):
    found = versions()
    found["Hard"] = found["Hard"].with_metadata(Source="Some Game")
    paths = dict(zip(found, write(tmp_path, found), strict=True))
    assert rules(lint_set(tmp_path, paths["Hard"], select=("mapset/metadata",))["Hard"]) == [
        ("mapset/metadata", "Source")
    ]
    reports = lint_set(tmp_path, paths["Normal"], select=("mapset/metadata",))
    assert list(reports) == ["Normal"] and rules(reports["Normal"]) == []


def test_an_unreadable_difficulty_does_not_stop_the_set(tmp_path):
    found = versions()
    found["Insane"] = found["Insane"].with_metadata(Creator="Somebody")
    write(tmp_path, found)
    (tmp_path / "Artist - Song (Mapper) [Broken].osu").write_text("osu file format v14\n")
    reports = lint_set(tmp_path, select=("mapset/metadata",))
    assert len(reports) == 5 and rules(reports["Insane"]) == [("mapset/metadata", "Creator")]
    broken = next(report for name, report in reports.items() if "Broken" in name)
    assert broken.status == "error" and "no hit objects" in broken.messages[0]


def test_maps_of_other_songs_in_the_folder_are_other_sets(tmp_path):
    found = versions()
    other = (
        Version("Normal", found["Normal"].objects)
        .with_metadata(Title="Another", Tags="jazz")
        .with_general(AudioFilename="b.mp3")
    )
    write(tmp_path, found)
    (tmp_path / "another.osu").write_text(other.text())
    assert [len(one.beatmaps) for one in mapset.load(tmp_path)] == [4, 1]


def test_files_are_found_whatever_the_case_and_never_outside(tmp_path):
    write(tmp_path, versions())
    (tmp_path / "SB").mkdir()
    (tmp_path / "SB" / "Dot.png").write_bytes(b"x" * 7)
    (tmp_path.parent / "secret.png").write_bytes(b"x")
    (loaded,) = mapset.load(tmp_path)
    assert loaded.files[loaded.find('"sb\\dot.PNG"') or ""] == 7
    assert loaded.find("../secret.png") is None and loaded.find("SB/../SB/Dot.png") is None


def test_storyboard_variables_are_filled_in(tmp_path):
    write(tmp_path, versions())
    (tmp_path / "a.osb").write_text(
        '[Variables]\n$dot="sb/dot.png"\n[Events]\n//x\nSprite,Overlay,Centre,$dot,320,240\n F,0,0,1\n'
    )
    assert mapset.load(tmp_path)[0].storyboard == ('Sprite,Overlay,Centre,"sb/dot.png",320,240',)


@pytest.mark.parametrize(
    ("version", "stars", "expected"),
    [
        ("Hard", 3.1, Level.HARD),
        ("pishifat's Hard", 3.1, Level.HARD),
        ("Easy", 5.5, Level.EXPERT),
        ("Normal", None, Level.NORMAL),
        ("Celestial", None, None),
        ("Hard", 4.1, Level.HARD),
        ("Light Insane", 4.0, Level.INSANE),
        ("Someone’s Normal", 2.4, Level.NORMAL),
        ("Agonizing Insane", 3.9, Level.INSANE),
        ("Extra: Akashi", 5.2, Level.EXPERT),
        ("Very Hard", 4.2, None),  # harder than a Hard, but with the settings of a Normal
        ("Hard Way Home", 2.5, Level.HARD),
        ("The Hard Way", 2.5, Level.NORMAL),
        ("Lunatic", 4.5, Level.EXPERT),
        ("Hard-ka", 1.9, Level.NORMAL),
    ],
)
def test_level_by_name_and_stars(version: str, stars: float | None, expected: Level | None):
    assert level.level_of(beatmap(metadata={"Version": version}), stars) is expected


@pytest.mark.parametrize(
    ("version", "stars", "expected"),
    [
        ("Someone's Taiko Inner Oni", 4.0, Level.EXPERT),
        ("HT (Futsuu)", 2.0, Level.NORMAL),
        ("Chromoxx' Muzukashii", 3.0, Level.HARD),
        ("~Kantan~", 1.0, Level.EASY),
        ("Oni", 1.8, Level.INSANE),
        ("Oni", 5.2, Level.INSANE),
        ("Oni", 5.6, Level.EXPERT),
        ("Kantan", 5.5, Level.EXPERT),
        ("4K Hard Lv.10", 3.0, Level.HARD),
        ("Song - Hard (25)", 3.8, Level.HARD),
        ("Demonic Oni", 5.9, Level.EXPERT),
        ("Demonic Oni", 3.0, Level.INSANE),
        ("OniZoda", 3.9, Level.INSANE),
        ("MuzuZoda", 2.5, Level.HARD),
        ("Someone's Hellish Inner Oni", 4.5, Level.EXPERT),
        ("Primary - RooM // MX", 2.5, Level.INSANE),
        ("Insight - Normal (18)", 1.5, Level.NORMAL),
    ],
)
def test_levels_of_the_other_modes(version: str, stars: float, expected: Level):
    assert level.level_of(beatmap(mode=1, metadata={"Version": version}), stars) is expected


@pytest.mark.parametrize(
    ("mode", "version", "stars", "approach", "overall", "expected"),
    [
        (0, "Purple", 1.99, 5.0, 3.0, Level.NORMAL),  # not an Easy: its settings are a Normal's
        (0, "Brown", 1.48, 3.0, 2.0, Level.EASY),
        (0, "Celestial", 3.95, 8.5, 7.0, Level.INSANE),
        (0, "Celestial", 9.9, 10.0, 10.0, Level.EXPERT),
        (0, "Celestial", 0.1, 0.0, 0.0, Level.EASY),
        (0, "Celestial", 4.2, 7.5, 6.0, Level.INSANE),  # no easier than its stars
        (0, "Celestial", 5.5, 9.0, 5.0, Level.EXPERT),
        (0, "Test", 2.6, 10.0, 5.0, None),  # nothing fits
        (0, "Very Hard", 4.2, 8.5, 7.0, Level.INSANE),  # harder than a Hard
        (0, "Hard+", 4.25, 8.0, 4.0, None),
        (1, "Silver", 1.7, 10.0, 4.0, Level.NORMAL),  # the approach rate means nothing in taiko
        (2, "Silver", 1.8, 6.7, 6.7, Level.NORMAL),
        (3, "BLUE", 2.5, 5.0, 5.0, Level.HARD),  # the stars of mania
        (3, "IN", 1.96, 5.0, 5.0, Level.INSANE),
        (3, "Someone's 4K Future", 3.0, 5.0, 5.0, Level.INSANE),
        (3, "Future", 6.0, 5.0, 5.0, Level.EXPERT),
        (3, "The Future", 3.0, 5.0, 5.0, Level.HARD),
    ],
)
def test_level_where_the_name_says_nothing(
    mode: int, version: str, stars: float, approach: float, overall: float, expected: Level | None
):
    settings = {"approach_rate": approach, "overall_difficulty": overall}
    assert level.level_of(beatmap(mode=mode, metadata={"Version": version}, **settings), stars) is expected


@pytest.mark.parametrize(
    ("named", "mode", "expected"),
    [
        ("Hard", 0, Level.HARD),  # a Hard with fewer stars than 2.7
        ("Hard", 1, Level.NORMAL),  # of another mode
        ("Celestial", 0, Level.NORMAL),
        ("Expert", 0, Level.NORMAL),  # the stars contradict it
    ],
)
def test_a_difficulty_of_another_name_is_no_easier_than_those_below_it(named: str, mode: int, expected: Level):
    below = beatmap(mode=mode, metadata={"Version": named}, path="below.osu")
    own = beatmap(metadata={"Version": "Astray"}, path="own.osu")
    stars = {below.path: 2.3, own.path: 2.5}
    assert level.levels_of((below, own), stars)[own.path] is expected


@pytest.mark.parametrize(
    ("named", "stars", "expected"),
    [("Hard", 3.0, Level.INSANE), ("Hard", 5.5, Level.EXPERT), ("Expert", 5.6, Level.EXPERT)],
)
def test_in_other_modes_it_is_above_them(named: str, stars: float, expected: Level):
    below = beatmap(mode=3, metadata={"Version": named}, path="below.osu")
    own = beatmap(mode=3, metadata={"Version": "Chemistry"}, path="own.osu")
    levels = level.levels_of((below, own), {below.path: stars - 0.1, own.path: stars})
    assert levels[own.path] is expected


def test_a_folder_of_too_many_files_is_said_to_be_none(tmp_path, monkeypatch):
    write(tmp_path, versions())
    monkeypatch.setattr(folder, "MAX_FILES", 3)
    report = lint_set(tmp_path)["Hard"]
    assert report.status == "partial" and "the folder holds more than 3 files" in " ".join(report.messages)
    assert not any(rule == "mapset/background-missing" for rule, _ in rules(report))


def test_a_collection_of_very_many_maps_is_not_compared(tmp_path, monkeypatch):
    found = versions()
    found["Hard"] = found["Hard"].with_metadata(Source="Some Game")
    write(tmp_path, found)
    monkeypatch.setattr(limits, "MAX_BEATMAPS", 3)
    reports = lint_set(tmp_path)
    assert len(reports) == 4 and rules(reports["Hard"]) == []
    assert "more than 3 difficulties" in reports["Hard"].messages[-1] and reports["Hard"].status == "partial"


def test_difficulties_that_are_too_large_together_are_not_compared(tmp_path, monkeypatch):
    write(tmp_path, versions())
    monkeypatch.setattr(limits, "MAX_SET_LINES", 50)
    reports = lint_set(tmp_path)
    assert len(reports) == 4 and rules(reports["Hard"]) == []
    said = "the difficulties of the folder hold more than 50 objects, timing points and events: no mapset; they are not"
    assert said in reports["Hard"].messages[-1]


def test_maps_without_names_are_sets_of_their_own(tmp_path):
    for name in "ab":
        text = (
            Version(name, versions()["Normal"].objects)
            .with_general(AudioFilename="")
            .with_metadata(Title="", Artist="")
            .text()
        )
        (tmp_path / f"{name}.osu").write_text(text)
    assert [len(one.beatmaps) for one in mapset.load(tmp_path)] == [1, 1]


def test_a_difficulty_for_work_counts_in_nothing_but_its_own_finding(tmp_path):
    found = versions()
    write(tmp_path, found)
    without = lint_set(tmp_path)
    for name in ("Hitsounds", "timing diff"):
        # Other metadata, and two objects at once: neither matters.
        odd = replace(found["Hard"], name=name).with_metadata(Title="Else", Source="Some Game")
        write(tmp_path, {name: odd.with_objects(lambda lines: [lines[0], *lines])})
    reports = lint_set(tmp_path)
    for name in ("Hitsounds", "timing diff"):
        assert [f.rule for f in reports.pop(name).findings] == ["mapset/left-over-difficulty"]
    assert {k: [f.rule for f in r.findings] for k, r in reports.items()} == {
        k: [f.rule for f in r.findings] for k, r in without.items()
    }
