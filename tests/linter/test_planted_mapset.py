"""A set of four difficulties: no findings without a fault, and each planted fault found once, in the report of its
difficulty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from maimod import lint
from maimod.findings import BeatmapReport
from maimod.linter.gather import gather_mapset
from maimod.linter.pipeline import analyse_set
from maimod.linter.settings import Settings
from maimod.osu import mapset
from tests.mapset import BEAT_MS, FIRST_MS, LINES, Version, hitsound, picture, song, versions, write, write_media

Found = dict[str, Version]


@dataclass(frozen=True)
class Fault:
    """A planted fault and the rule that must find it."""

    rule: str
    version: str
    """Difficulty whose report names it; the first by path for the whole set."""
    plant: Callable[[Found, Path], None]


def change(version: str, **changes: object) -> Callable[[Found, Path], None]:
    def plant(found: Found, folder: Path) -> None:
        found[version] = replace(found[version], **changes)

    return plant


def metadata(version: str, **changes: str) -> Callable[[Found, Path], None]:
    return lambda found, folder: found.update({version: found[version].with_metadata(**changes)})


def general(version: str, **changes: str) -> Callable[[Found, Path], None]:
    return lambda found, folder: found.update({version: found[version].with_general(**changes)})


def everywhere(plant: Callable[[str], Callable[[Found, Path], None]]) -> Callable[[Found, Path], None]:
    return lambda found, folder: [plant(version)(found, folder) for version in list(found)] and None


def objects(version: str, edit: Callable[[list[str]], list[str]]) -> Callable[[Found, Path], None]:
    return lambda found, folder: found.update({version: found[version].with_objects(edit)})


def without_object_at(half_beat: int) -> Callable[[list[str]], list[str]]:
    time = FIRST_MS + half_beat * BEAT_MS // 2
    return lambda lines: [line for line in lines if line.split(",")[2] != str(time)]


def without_additions_at(half_beat: int) -> Callable[[list[str]], list[str]]:
    time = FIRST_MS + half_beat * BEAT_MS // 2
    return lambda lines: [
        ",".join([*fields[:4], "0", *fields[5:]]) if fields[2] == str(time) else line
        for line in lines
        for fields in [line.split(",")]
    ]


def remove(name: str) -> Callable[[Found, Path], None]:
    return lambda found, folder: (folder / name).unlink()


def no_normal_or_hard(found: Found, folder: Path) -> None:
    del found["Normal"], found["Hard"]


LINES_MOVED = (LINES[0].replace(f"{FIRST_MS},", f"{FIRST_MS + 12},", 1), *LINES[1:])
FAULTS = {
    "tags": Fault("mapset/metadata", "Hard", metadata("Hard", Tags="english pop sogn")),
    "set id": Fault("mapset/ids", "Insane", metadata("Insane", BeatmapSetID="13")),
    "audio": Fault(
        "mapset/audio-differs",
        "Insane",
        lambda found, folder: (general("Insane", AudioFilename="other.mp3")(found, folder), song(folder / "other.mp3")),
    ),
    "preview": Fault("mapset/preview", "Normal", general("Normal", PreviewTime="21000")),
    "no preview": Fault("mapset/preview", "Expert", everywhere(lambda version: general(version, PreviewTime="-1"))),
    "countdown": Fault("mapset/settings-differ", "Hard", general("Hard", Countdown="1")),
    "background": Fault(
        "mapset/backgrounds-differ",
        "Hard",
        lambda found, folder: (
            change("Hard", events=('0,0,"other.png",0,0',))(found, folder),
            picture(folder / "other.png"),
        ),
    ),
    "offset": Fault("mapset/red-lines", "Hard", change("Hard", lines=LINES_MOVED)),
    "metre": Fault(
        "mapset/red-lines", "Hard", change("Hard", lines=(LINES[0].replace(",4,2,", ",3,2,", 1), *LINES[1:]))
    ),
    "tempo": Fault(
        "mapset/red-lines", "Hard", change("Hard", lines=(LINES[0].replace(",400,", ",401,", 1), *LINES[1:]))
    ),
    "no kiai": Fault("mapset/kiai", "Insane", change("Insane", lines=LINES[:1])),
    "late kiai": Fault(
        "mapset/kiai",
        "Insane",
        change(
            "Insane",
            lines=(LINES[0], LINES[1].replace(str(FIRST_MS + 48 * BEAT_MS), str(FIRST_MS + 52 * BEAT_MS)), LINES[2]),
        ),
    ),
    "lost object": Fault("mapset/missing-object", "Insane", objects("Insane", without_object_at(96))),
    "lost clap": Fault("mapset/missing-addition", "Normal", objects("Normal", without_additions_at(100))),
    "no low difficulty": Fault("mapset/lowest-difficulty", "Insane", no_normal_or_hard),
    "gap": Fault("mapset/spread-gap", "Insane", lambda found, folder: found.__delitem__("Hard")),
    "no song": Fault("mapset/audio-missing", "Expert", remove("audio.mp3")),
    "low bit rate": Fault(
        "mapset/audio-bitrate", "Expert", lambda found, folder: song(folder / "audio.mp3", kilobits=96)
    ),
    "no background": Fault("mapset/background-missing", "Expert", remove("bg.png")),
    "large background": Fault(
        "mapset/background-size", "Expert", lambda found, folder: picture(folder / "bg.png", 2600, 100)
    ),
    "late hitsound": Fault(
        "mapset/hitsound-delay", "Expert", lambda found, folder: hitsound(folder / "soft-hitclap2.wav", delay=8)
    ),
    "short hitsound": Fault(
        "mapset/hitsound-short", "Expert", lambda found, folder: hitsound(folder / "soft-hitclap2.wav", 12)
    ),
    "sprite": Fault(
        "mapset/storyboard-file",
        "Expert",
        lambda found, folder: (folder / "Artist - Song (Mapper).osb").write_text(
            '[Events]\nSprite,Foreground,Centre,"sb/dot.png",320,240\n'
        ),
    ),
    "left-over file": Fault(
        "mapset/unused-file", "Expert", lambda found, folder: (folder / "old bg.png").write_bytes(b"x")
    ),
    "empty file": Fault(
        "mapset/empty-file", "Expert", lambda found, folder: (folder / "soft-hitwhistle.wav").write_bytes(b"")
    ),
    "title": Fault(
        "mapset/title-marker",
        "Expert",
        everywhere(lambda version: metadata(version, Title="Song (TV size)", TitleUnicode="Song (TV size)")),
    ),
}


def lint_set(folder: Path, found: Found) -> dict[str, BeatmapReport]:
    write(folder, found)
    return {report.version: report for report in lint([folder], Settings(model=None)).report().beatmaps}


def of_set(reports: dict[str, BeatmapReport]) -> list[tuple[str, str]]:
    return [
        (name, finding.rule)
        for name, report in reports.items()
        for finding in report.findings
        if finding.category == "mapset"
    ]


def test_the_set_as_it_is_is_silent(tmp_path):
    write_media(tmp_path)
    reports = lint_set(tmp_path, versions())
    assert [
        (name, finding.rule, finding.message) for name, report in reports.items() for finding in report.findings
    ] == []
    assert all(report.status == "ok" for report in reports.values())


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_found_where_it_is_and_nothing_else(tmp_path, fault):
    found = versions()
    write_media(tmp_path)
    fault.plant(found, tmp_path)
    write(tmp_path, found)
    (whole,) = mapset.load(tmp_path)
    settings = Settings(model=None)
    found_in_set = analyse_set(gather_mapset(whole, frozenset(), settings))
    versions_by_path = {beatmap.path: beatmap.version for beatmap in whole.beatmaps}
    named = [(versions_by_path[path], one.rule.id) for path, own in found_in_set.candidates.items() for one in own]
    assert named == [(fault.version, fault.rule)] and found_in_set.missing == ()


def test_many_faults_at_once_are_all_found(tmp_path):
    found = versions()
    write_media(tmp_path)
    names = (
        "tags",
        "set id",
        "preview",
        "countdown",
        "tempo",
        "late kiai",
        "lost object",
        "lost clap",
        "low bit rate",
        "large background",
        "late hitsound",
        "left-over file",
        "title",
    )
    for name in names:
        FAULTS[name].plant(found, tmp_path)
    assert {(FAULTS[name].version, FAULTS[name].rule) for name in names} <= set(of_set(lint_set(tmp_path, found)))


def test_findings_have_ids_of_their_own(tmp_path):
    found = versions()
    write_media(tmp_path)
    found["Hard"] = found["Hard"].with_metadata(Source="a", Tags="english pop", Title="c")
    findings = lint_set(tmp_path, found)["Hard"].findings
    assert len({finding.id for finding in findings}) == len(findings) == 3
