"""What the upload server refuses: each limit, and what it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.findings import Finding
from maimod.osu import mapset
from maimod.osu.beatmap import Mode
from maimod.rules.evidence import Evidence, MapsetEvidence
from maimod.rules.mapset import submission
from tests.findings import findings_of_set
from tests.mapset import Version, versions, write, write_media


def found(folder: Path, given: dict[str, Version]) -> list[Finding]:
    write(folder, given)
    write_media(folder)
    (loaded,) = mapset.load(folder)
    return findings_of_set(submission.CHECK, MapsetEvidence(loaded, [Evidence(one) for one in loaded.beatmaps]))


def with_all(**metadata: str) -> dict[str, Version]:
    return {name: version.with_metadata(**metadata) for name, version in versions().items()}


def test_an_ordinary_set_is_taken(tmp_path):
    (tmp_path / "skin.ini").write_text("x")
    (tmp_path / "Thumbs.db").write_text("x")
    (tmp_path / "notes.md").write_text("x")
    assert found(tmp_path, versions()) == []


@pytest.mark.parametrize(("key", "longest"), [("Title", 80), ("ArtistUnicode", 80), ("Source", 200), ("Tags", 1000)])
def test_lengths(tmp_path, key: str, longest: int):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir(), outside.mkdir()
    assert found(inside, with_all(**{key: "x" * longest})) == []
    (finding,) = found(outside, with_all(**{key: "x" * (longest + 1)}))
    assert (finding.rule, finding.severity, finding.evidence["subject"]) == ("submission/length", "problem", key)


@pytest.mark.parametrize(("key", "what"), [("Title", "Title"), ("Creator", "Creator")])
def test_fields_that_may_not_be_empty(tmp_path, key: str, what: str):
    findings = found(tmp_path, with_all(**{key: " "}))
    assert [(one.message, one.severity) for one in findings if one.rule == "submission/length"] == [
        (f"The {what} is empty.", "problem")
    ]


@pytest.mark.parametrize(
    ("length", "rules"),
    [
        (80, []),
        (100, [("submission/length", "problem")]),
        (110, [("submission/length", "problem"), ("submission/file-name", "warning")]),
        (130, [("submission/length", "problem"), ("submission/file-name", "problem")]),
    ],
)
def test_names_of_difficulties_and_their_files(tmp_path, length: int, rules: list[tuple[str, str]]):
    given = versions()
    given["Hard"] = replace(given["Hard"], name="x" * length)
    assert [(finding.rule, finding.severity) for finding in found(tmp_path, given)] == rules


def test_the_name_that_the_game_gives(tmp_path):
    (tmp_path / "map.osu").write_text(versions()["Hard"].with_metadata(Version="Other").text())
    (finding,) = found(tmp_path, versions())
    assert (finding.rule, finding.severity) == ("submission/file-name", "minor")


def test_kinds_of_files(tmp_path):
    for name in ("project.psd", "other.PSD", "song.flac", "README"):
        (tmp_path / name).write_text("x")
    findings = found(tmp_path, versions())
    assert {finding.rule for finding in findings} == {"submission/file-type"}
    assert sorted(finding.evidence["subject"] for finding in findings) == ["", ".flac", ".psd"]


def test_settings_that_the_mode_does_not_use(tmp_path):
    given = versions()
    hard = given["Hard"].with_general(Mode=str(Mode.TAIKO.value))
    given["Hard"] = replace(hard, difficulty={**hard.difficulty, "approach_rate": 11, "overall_difficulty": 12})
    (finding,) = found(tmp_path, given)
    assert finding.evidence["subject"] == "ApproachRate"


def test_numbers_of_objects_and_old_formats(tmp_path, monkeypatch):
    monkeypatch.setattr(submission, "MOST_OBJECTS", 79)
    monkeypatch.setattr(Version, "text", lambda self, text=Version.text: text(self).replace("v14", "v13", 1))
    rules = {finding.rule for finding in found(tmp_path, versions())}
    assert rules == {"submission/too-many-objects", "submission/format"}
