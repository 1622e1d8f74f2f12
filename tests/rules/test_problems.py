"""Every rule that can be a problem, by the sentence of the criteria (or of the game and its server) that it comes from.

Each row has what breaks the sentence, and what just keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from maimod.findings import Severity
from maimod.osu import mapset
from maimod.osu.level import Level
from maimod.osu.parser import parse
from maimod.rules import BEATMAP_CHECKS, MAPSET_CHECKS, RULES
from maimod.rules.evidence import Evidence, MapsetEvidence
from tests.findings import findings_of, findings_of_set
from tests.maps import RED_LINE, text
from tests.mapset import Version, hitsound, picture, song, versions, write, write_media


@dataclass(frozen=True)
class Row:
    """A sentence, and two maps: `broken` and `kept` are arguments of :func:`tests.maps.text`."""

    rule: str
    sentence: str
    broken: Mapping[str, Any]
    kept: Mapping[str, Any]
    level: Level | None = None
    mode: int = 0
    colours: str = ""
    """Lines of `[Colours]`; those of the map that keeps the sentence have one more."""


def circles(*places: tuple[float, float]) -> list[str]:
    """Circles at (x, time)."""
    return [f"{x:g},192,{time:g},1,0,0:0:0:0:" for x, time in places]


def at(*times: float) -> list[str]:
    return circles(*((256, time) for time in times))


def lasting(start: float, end: float, kind: int = 12) -> str:
    """A spinner, or with kind 128 a hold note."""
    return (
        f"64,192,{start:g},{kind},0,{end:g}:0:0:0:0:" if kind == 128 else f"256,192,{start:g},{kind},0,{end:g},0:0:0:0:"
    )


def columns(*counts: int) -> list[str]:
    """Mania notes, so many in each column."""
    width = 512 / len(counts)
    return circles(*(((c + 0.5) * width, 1000 + 500 * i) for c, count in enumerate(counts) for i in range(count)))


TAIKO_LINE = "0,400,4,2,0,70,1,0"
"""150 BPM."""
LONG = at(*range(0, 40_000, 500))
ROWS = [
    Row(
        "rhythm/unsnapped",
        "Objects are less than 2 ms from a tick",
        {"objects": at(1000, 1503)},
        {"objects": at(1000, 1501)},
    ),
    Row(
        "rhythm/concurrent",
        "Two objects are never at one time",
        {"objects": at(1000, 1000)},
        {"objects": at(1000, 1500)},
    ),
    Row("rhythm/too-close", "10 ms after a circle", {"objects": at(1000, 1008)}, {"objects": at(1000, 1010)}),
    Row(
        "rhythm/too-close",
        "20 ms after a slider's end",
        {"objects": ["100,192,1000,2,0,L|240:192,1,140", *at(1518)]},
        {"objects": ["100,192,1000,2,0,L|240:192,1,140", *at(1520)]},
    ),
    Row(
        "rhythm/zero-length", "A spinner lasts", {"objects": [lasting(1000, 1000)]}, {"objects": [lasting(1000, 3000)]}
    ),
    Row(
        "rhythm/short-spinner",
        "Auto gets 1,000 points of bonus",
        {"objects": [lasting(1000, 1400)]},
        {"objects": [lasting(1000, 1550)]},
    ),
    Row(
        "rhythm/shower-gap",
        "250 ms between a fruit and a banana shower of a Cup",
        {"objects": [*at(1000), lasting(1240, 3000)]},
        {"objects": [*at(1000), lasting(1250, 3000)]},
        Level.EASY,
        2,
    ),
    Row(
        "rhythm/too-fast",
        "Notes of a Kantan are 1/2 apart",
        {"objects": at(4000, 4100), "timing_points": [TAIKO_LINE]},
        {"objects": at(4000, 4200), "timing_points": [TAIKO_LINE]},
        Level.EASY,
        1,
    ),
    Row(
        "rhythm/finisher",
        "A Kantan has no finisher within 1/2 of a note",
        {"objects": ["256,192,4000,1,0", "256,192,4200,1,4"], "timing_points": [TAIKO_LINE]},
        {"objects": ["256,192,4000,1,0", "256,192,4400,1,4"], "timing_points": [TAIKO_LINE]},
        Level.EASY,
        1,
    ),
    Row(
        "timing/duplicate-red-line",
        "No two uninherited points at one time",
        {"timing_points": [RED_LINE, "0,400,4,2,0,70,1,0"]},
        {"timing_points": [RED_LINE, "4000,400,4,2,0,70,1,0"]},
    ),
    Row(
        "timing/duplicate-green-line",
        "No two inherited points at one time",
        {"timing_points": [RED_LINE, "900,-50,4,2,0,70,0,0", "900,-80,4,2,0,70,0,0"]},
        {"timing_points": [RED_LINE, "900,-50,4,2,0,70,0,0", "950,-80,4,2,0,70,0,0"]},
    ),
    Row(
        "timing/first-line",
        "No inherited point before the first uninherited one",
        {"timing_points": ["0,-50,4,2,0,70,0,0", "500,500,4,2,0,70,1,0"]},
        {"timing_points": [RED_LINE, "0,-50,4,2,0,70,0,0"]},
    ),
    Row(
        "timing/first-line",
        "The first uninherited point toggles no kiai",
        {"timing_points": ["0,500,4,2,0,70,1,1"]},
        {"timing_points": [RED_LINE, "0,-100,4,2,0,70,0,1"]},
    ),
    Row(
        "timing/close-bar-lines",
        "Bar lines of taiko are not on top of each other",
        {"objects": LONG, "timing_points": [RED_LINE, "8020,500,4,2,0,70,1,0"]},
        {"objects": LONG, "timing_points": [RED_LINE, "8000,400,4,2,0,70,1,0"]},
        mode=1,
    ),
    Row(
        "positions/offscreen",
        "Nothing is off a 4:3 screen",
        {"objects": ["256,-60,1000,1,0"]},
        {"objects": ["256,0,1000,1,0"]},
    ),
    Row(
        "positions/column",
        "A column has one note at a time",
        {"objects": circles((64, 1000), (64, 1000), (192, 1500)), "circle_size": 4},
        {"objects": circles((64, 1000), (192, 1000), (64, 1500)), "circle_size": 4},
        mode=3,
    ),
    Row(
        "positions/should-overlap",
        "Objects of a Normal half a beat apart overlap",
        {"objects": circles((100, 1000), (250, 1140))},
        {"objects": circles((100, 1000), (150, 1140))},
        Level.NORMAL,
    ),
    Row(
        "positions/hyperdash",
        "A Cup has no hyperdashes",
        {"objects": circles((0, 1000), (400, 1250)), "circle_size": 5},
        {"objects": circles((0, 1000), (100, 1250)), "circle_size": 5},
        Level.EASY,
        2,
    ),
    Row(
        "positions/hyperdash-snap",
        "The fruits of a hyperdash of a Platter are 125 ms apart",
        {"objects": circles((0, 1000), (400, 1120)), "circle_size": 5},
        {"objects": circles((0, 1000), (400, 1125)), "circle_size": 5},
        Level.HARD,
        2,
    ),
    Row(
        "positions/hyperdash-run",
        "Two hyperdashes in a row of a Platter",
        {"objects": circles((0, 1000), (400, 1250), (0, 1500), (400, 1750)), "circle_size": 5},
        {"objects": circles((0, 1000), (400, 1250), (0, 1500)), "circle_size": 5},
        Level.HARD,
        2,
    ),
    Row(
        "positions/edge-dash",
        "A Salad has no edge dashes",
        {"objects": circles((0, 1000), (298.2, 1250)), "circle_size": 5},
        {"objects": circles((0, 1000), (250, 1250)), "circle_size": 5},
        Level.NORMAL,
        2,
    ),
    Row(
        "sliders/invisible",
        "A slider has a path",
        {"objects": ["100,192,1000,2,0,L|100:192,1,140"]},
        {"objects": ["100,192,1000,2,0,L|240:192,1,140"]},
    ),
    Row(
        "scroll-speed/for-level",
        "The scroll speed of an Easy of mania never changes",
        {"objects": columns(20, 20, 20, 20), "timing_points": [RED_LINE, "3000,-50,4,2,0,70,0,0"], "circle_size": 4},
        {"objects": columns(20, 20, 20, 20), "circle_size": 4},
        Level.EASY,
        3,
    ),
    Row("mapset/setting", "Settings lie between 0 and 10", {"approach_rate": 10.5}, {"approach_rate": 10}),
    Row("mapset/setting", "with one decimal", {"approach_rate": 9.35}, {"approach_rate": 9.3}),
    Row("mapset/tick-rate", "The tick rate fits the rhythm", {"slider_tick_rate": 1.25}, {"slider_tick_rate": 1.5}),
    Row("mapset/combo-colours", "Two combo colours", {}, {}, colours="Combo1 : 200,80,80\nCombo2 : 80,200,80"),
    Row("mapset/drain-time", "30 s of drain time", {"objects": at(0, 29_500)}, {"objects": at(0, 30_000)}),
    Row(
        "mapset/break",
        "A break holds no objects",
        {"objects": LONG, "events": ["2,20200,24800"]},
        {"objects": [o for o in LONG if not 20_100 < int(o.split(",")[2]) < 26_400], "events": ["2,20200,24800"]},
    ),
    Row(
        "mapset/key-count",
        "4 to 10 keys, or an even number up to 18",
        {"objects": columns(9, 9, 9), "circle_size": 3},
        {"objects": columns(9, 9, 9, 9), "circle_size": 4},
        mode=3,
    ),
    Row(
        "mapset/empty-column",
        "Every column is used",
        {"objects": columns(9, 9, 9, 0), "circle_size": 4},
        {"objects": columns(9, 9, 9, 9), "circle_size": 4},
        mode=3,
    ),
    Row(
        "mapset/large-chord",
        "6 notes at once at most",
        {"objects": columns(*[1] * 7), "circle_size": 7},
        {"objects": columns(*[1] * 6, 0), "circle_size": 7},
        Level.INSANE,
        3,
    ),
]


def severities(row: Row, which: str) -> set[Severity]:
    content = text(mode=row.mode, **getattr(row, which))
    if row.colours:
        colours = row.colours if which == "kept" else row.colours.partition("\n")[0]
        content = content.replace("[HitObjects]", f"[Colours]\n{colours}\n\n[HitObjects]")
    loaded = parse(content.encode(), Path("beatmap.osu"))
    evidence = Evidence(loaded, level=row.level)
    found = [finding for check in BEATMAP_CHECKS for finding in findings_of(check.run, evidence)]
    return {finding.severity for finding in found if finding.rule == row.rule}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.rule}: {row.sentence}")
def test_a_map_that_breaks_the_criterion_has_a_problem(row: Row) -> None:
    assert severities(row, "broken") == {Severity.PROBLEM}
    assert Severity.PROBLEM not in severities(row, "kept")


# ---------------------------------------------------------------------------------------------------------------------
# Sets

Change = Callable[[Path, dict[str, Version]], dict[str, Version]]


def of_hard(change: Callable[[Version], Version]) -> Change:
    """Change one difficulty."""
    return lambda folder, given: {**given, "Hard": change(given["Hard"])}


def of_all(change: Callable[[Version], Version]) -> Change:
    return lambda folder, given: {name: change(version) for name, version in given.items()}


def files(change: Callable[[Path], object]) -> Change:
    """Change files of the folder."""

    def changed(folder: Path, given: dict[str, Version]) -> dict[str, Version]:
        change(folder)
        return given

    return changed


def named(name: str, **difficulty: Any) -> Change:
    return lambda folder, given: {**given, name: replace(given["Hard"], name=name, **difficulty)}


def in_wav(folder: Path) -> None:
    import numpy as np
    import soundfile

    soundfile.write(folder / "audio.mp3", np.zeros(140 * 22_050), 22_050, format="WAV")


def mp3_as_hitsound(folder: Path) -> None:
    song(folder / "soft-hitclap2.wav", seconds=1)


SETS: list[tuple[str, str, Change]] = [
    ("mapset/title-marker", "Markers have standard forms", of_all(lambda one: one.with_metadata(BeatmapSetID="-1", Title="A (TV-size)", TitleUnicode="A (TV-size)"))),
    ("mapset/romanised", "Romanised fields are ASCII", of_all(lambda one: one.with_metadata(Artist="あ"))),
    ("mapset/left-over-difficulty", "A set holds difficulties to play only", named("Hitsounds")),
    ("mapset/audio-missing", "A set has its song", files(lambda folder: (folder / "audio.mp3").unlink())),
    ("mapset/audio-format", "The song is mp3 or Ogg Vorbis", files(in_wav)),
    ("mapset/audio-bitrate", "128 to 192 kbit/s", files(lambda folder: song(folder / "audio.mp3", kilobits=256))),
    ("mapset/objects-after-song", "Objects are within the song", files(lambda folder: song(folder / "audio.mp3", seconds=60))),
    ("mapset/background-missing", "Every difficulty has a background", of_hard(lambda one: replace(one, events=()))),
    ("mapset/background-size", "2560 x 1440 at most", files(lambda folder: picture(folder / "bg.png", 2600, 1440))),
    ("mapset/hitsound-format", "Hitsounds are wav or Ogg", files(mp3_as_hitsound)),
    ("mapset/hitsound-short", "A hitsound lasts 25 ms", files(lambda folder: hitsound(folder / "soft-hitclap2.wav", 20))),
    ("mapset/hitsound-delay", "A hitsound is 5 ms late at most", files(lambda folder: hitsound(folder / "soft-hitclap2.wav", 100, 8))),
    ("mapset/empty-file", "Files of no bytes do not work", files(lambda folder: (folder / "empty.wav").write_bytes(b""))),
    ("mapset/metadata", "Metadata are the same in all difficulties", of_hard(lambda one: one.with_metadata(Source="Other"))),
    ("mapset/ids", "Difficulties of a set have its id", of_hard(lambda one: one.with_metadata(BeatmapSetID="13"))),
    ("mapset/audio-differs", "A set has one song", of_hard(lambda one: one.with_general(AudioFilename="b.mp3"))),
    ("mapset/preview", "The preview point is the same in all difficulties", of_hard(lambda one: one.with_general(PreviewTime="99"))),
    ("mapset/red-lines", "Uninherited points are the same in all difficulties", of_hard(lambda one: replace(one, lines=("2000,401,4,2,0,70,1,0", *one.lines[1:])))),
    ("mapset/lowest-difficulty", "Under 2:30 a set begins with a Normal", lambda folder, given: {name: version for name, version in given.items() if name != "Normal"}),
    ("submission/length", "Titles of 80 characters at most", of_all(lambda one: one.with_metadata(Title="x" * 81, TitleUnicode="x" * 81))),
]  # fmt: skip
ELSEWHERE = {
    "mapset/video": "test_videos",
    "mapset/videos-differ": "test_video_at_two_times",
    "mapset/storyboard-file": "test_pictures_of_the_storyboard",
    "submission/file-name": "test_names_of_difficulties_and_their_files",
    "submission/file-type": "test_kinds_of_files",
    "submission/setting": "test_settings_that_the_mode_does_not_use",
    "submission/too-many-objects": "test_numbers_of_objects_and_old_formats",
}
"""Rules whose test needs more than a changed set, and a word of that test."""


@pytest.mark.parametrize(("rule", "sentence", "change"), SETS, ids=[f"{rule}: {words}" for rule, words, _ in SETS])
def test_a_set_that_breaks_the_criterion_has_a_problem(
    tmp_path: Path, rule: str, sentence: str, change: Change
) -> None:
    write_media(tmp_path)
    write(tmp_path, change(tmp_path, versions()))
    check = next(check for check in MAPSET_CHECKS if any(one.id == rule for one in check.rules))
    found = [finding for one in mapset.load(tmp_path) for finding in findings_of_set(check, evidence_of(one))]
    assert Severity.PROBLEM in {finding.severity for finding in found if finding.rule == rule}


def evidence_of(loaded: mapset.Mapset) -> MapsetEvidence:
    return MapsetEvidence(
        loaded, [Evidence(one, level=loaded.levels[one.path], mapset=loaded) for one in loaded.beatmaps]
    )


def test_an_ordinary_set_has_no_problem(tmp_path: Path) -> None:
    write_media(tmp_path)
    write(tmp_path, versions())
    (loaded,) = mapset.load(tmp_path)
    found = [finding for check in MAPSET_CHECKS for finding in findings_of_set(check, evidence_of(loaded))]
    assert [finding.rule for finding in found if finding.severity is Severity.PROBLEM] == []


def test_every_rule_that_can_be_a_problem_is_here() -> None:
    here = {row.rule for row in ROWS} | {rule for rule, *_ in SETS} | set(ELSEWHERE)
    assert here == {rule.id for rule in RULES.values() if rule.severity is Severity.PROBLEM}
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py"))
    assert all(tests.count(word) > 1 for word in ELSEWHERE.values())
