"""Red lines and kiai that the difficulties of a set should share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from maimod.osu import mapset
from maimod.rules.evidence import Evidence, MapsetEvidence
from maimod.rules.mapset import shared_timing
from tests.findings import findings_of_set
from tests.maps import text
from tests.mapset import LINES, versions
from tests.sets import changed, found, rules
from tests.taiko import LINE, run_of


def test_rounding_of_red_lines_is_forgiven(tmp_path):
    line = LINES[0].replace("2000,400,", "2000.7,400.0000001,", 1)
    assert found(tmp_path, shared_timing.CHECK, changed(Hard={"lines": (line, *LINES[1:])})) == []


def test_a_kiai_that_each_difficulty_has_for_itself_is_style(tmp_path):
    def late(beats: int) -> dict[str, object]:
        return {"lines": (LINES[0], LINES[1].replace("21200", str(21_200 + beats * 400)), LINES[2])}

    given = changed(Normal=late(4), Hard=late(8), Insane=late(12))
    assert found(tmp_path, shared_timing.CHECK, given, "mapset/kiai") == []


@pytest.mark.parametrize(
    ("usual", "own", "words"),
    [
        (21_200, 22_800, "Kiai begins here, and at 00:21:200 in [Expert], [Insane] and [Normal]."),
        (46_800, 43_600, "Kiai ends here, and at 00:46:800 in [Expert], [Insane] and [Normal]."),
    ],
)
def test_kiai_that_one_difficulty_has_elsewhere(tmp_path, usual: int, own: int, words: str):
    given = changed(Hard={"lines": tuple(line.replace(str(usual), str(own)) for line in LINES)})
    (finding,) = found(tmp_path, shared_timing.CHECK, given, "mapset/kiai")
    assert finding.message == words and finding.time == own


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ((21_200, 46_800), None),
        (
            (21_200, 30_000, 34_000, 46_800),
            "Kiai is off from here to 00:34:000, but not in [Expert], [Insane] and [Normal].",
        ),
        (
            (21_200, 46_800, 52_000, 56_000),
            "Kiai is on from here to 00:56:000, but not in [Expert], [Insane] and [Normal].",
        ),
    ],
)
def test_kiai_that_one_difficulty_interrupts_or_adds(tmp_path, own: tuple[int, ...], words: str | None):
    lines = tuple(f"{time},-100,4,2,0,70,0,{1 - place % 2}" for place, time in enumerate(own))
    findings = found(tmp_path, shared_timing.CHECK, changed(Hard={"lines": (LINES[0], *lines)}), "mapset/kiai")
    assert [finding.message for finding in findings] == ([words] if words else [])


def test_tempos_differ_by_their_decimals(tmp_path):
    line = LINES[0].replace(",400,", ",400.01,", 1)
    (finding,) = found(tmp_path, shared_timing.CHECK, changed(Hard={"lines": (line, *LINES[1:])}), "mapset/red-lines")
    assert finding.severity == "problem" and "149.996 BPM here and 150.000" in finding.message


def test_a_bar_line_that_one_difficulty_of_taiko_omits(tmp_path):
    given = {name: one.with_general(Mode="1") for name, one in versions().items()}
    line = LINES[0].rpartition(",")[0] + ",8"
    given["Hard"] = replace(given["Hard"], lines=(line, *LINES[1:]))
    (finding,) = found(tmp_path, shared_timing.CHECK, given)
    assert rules([finding]) == [("mapset/bar-lines", "warning")] and finding.actual == "omitted"


@pytest.mark.parametrize(
    ("extra", "message"),
    [("50000,400,4,2,0,70,1,0", "There is no red line at 00:50:000 in [Expert], [Insane] and [Normal]."), (None, None)],
)
def test_red_lines_too_many(tmp_path, extra: str | None, message: str | None):
    lines = LINES if extra is None else (*LINES, extra)
    messages = [finding.message for finding in found(tmp_path, shared_timing.CHECK, changed(Hard={"lines": lines}))]
    assert messages == ([] if message is None else [message])


def test_a_red_line_that_was_moved_and_one_that_is_missing(tmp_path):
    common = (*LINES, "60000,400,4,2,0,70,1,0", "90000,400,4,2,0,70,1,0")
    given = {name: replace(version, lines=common) for name, version in versions().items()}
    given["Hard"] = replace(given["Hard"], lines=(*LINES, "60010,400,4,2,0,70,1,0"))
    (finding,) = found(tmp_path, shared_timing.CHECK, given)
    assert (
        finding.message
        == (
            "The red line at 01:00:010 is at 01:00:000 in [Expert], [Insane] and [Normal]; "
            "1 more of its red lines differs."
        )
        and finding.time == 60_010
    )


@pytest.mark.parametrize(("mode", "severities"), [(1, ["minor"]), (0, [])])
def test_kiai_of_a_pair_differs(tmp_path: Path, mode: int, severities: list[str]):
    for name, start in (("A", 8000), ("B", 12_000)):
        lines = [LINE, f"{start},-100,4,2,0,70,0,1", "20000,-100,4,2,0,70,0,0"]
        content = text(run_of(60, 400), lines, mode, metadata={"Version": name})
        (tmp_path / f"{name}.osu").write_text(content, encoding="utf-8")
    (whole,) = mapset.load(tmp_path)
    evidence = MapsetEvidence(whole, [Evidence(one) for one in whole.beatmaps])
    findings = [f for f in findings_of_set(shared_timing.CHECK, evidence) if f.rule == shared_timing.KIAI.id]
    assert [f.severity for f in findings] == severities
