"""The example of the documentation: no findings in the clean maps, and each planted fault found at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from maimod.findings import BeatmapReport, Category, Finding, Severity
from maimod.linter.api import lint
from maimod.linter.gather import Resources
from maimod.linter.models import load_networks
from maimod.linter.session import analyse_beatmap
from maimod.linter.settings import Settings
from maimod.osu import parser
from tools.example.beatmap import SONG
from tools.example.faults import FAULTS, TAIKO_FAULTS, Fault
from tools.example.folder import FOLDER, maps, readme
from tools.example.score import BEAT_MS, MEASURE_MS

PLANTED = {"Faulty": FAULTS, "Faulty Taiko": TAIKO_FAULTS}


def path_of(version: str) -> Path:
    return FOLDER / f"maimod - Example (maimod) [{version}].osu"


def reports_of(settings: Settings) -> dict[str, BeatmapReport]:
    """Each map of the example by itself."""
    resources = Resources(load_networks(settings))
    return {
        one.version: analyse_beatmap(parser.load(path_of(one.version)), settings, resources, one.version).report
        for one in maps()
    }


@pytest.fixture(scope="module")
def reports() -> dict[str, BeatmapReport]:
    return reports_of(Settings(model=None))


def plain_faults() -> list[tuple[str, Fault]]:
    return [(version, fault) for version, faults in PLANTED.items() for fault in faults if not fault.needs_model]


def findings_of(report: BeatmapReport, fault: Fault) -> list[Finding]:
    """Findings of a right rule at the place of a fault."""
    end = fault.time + fault.span * MEASURE_MS
    return [
        f
        for f in report.findings
        if f.rule.startswith(fault.rules)
        and f.time <= end + BEAT_MS
        and (f.end_time if f.end_time is not None else f.time) >= fault.time - BEAT_MS
    ]


@pytest.mark.parametrize("version", ["Hard", "Taiko"])
def test_clean_maps_are_silent(reports, version):
    report = reports[version]
    assert report.status == "ok", report.messages
    assert [(f.rule, f.message) for f in report.findings if f.severity is not Severity.MINOR] == []
    assert len(report.findings) <= 1


@pytest.mark.parametrize(("version", "fault"), plain_faults(), ids=lambda value: getattr(value, "name", value))
def test_fault_is_found_without_a_model(reports, version, fault):
    found = findings_of(reports[version], fault)
    assert len(found) == 1, [(f.rule, f.message) for f in reports[version].findings]
    fields = path_of(version).read_text(encoding="utf-8").splitlines()[found[0].line - 1].split(",")
    written = float(fields[0]) if len(fields) == 8 and fields[2] == "4" else float(fields[2])
    if not fault.span:
        assert abs(written - fault.time) <= BEAT_MS / 2


def test_every_finding_of_the_faulty_maps_is_a_planted_fault(reports):
    for version, faults in PLANTED.items():
        explained = {id(f) for fault in faults for f in findings_of(reports[version], fault)}
        # If a slider ends elsewhere, the next object, at most two beats later, is too far away as well.
        after = 2 * BEAT_MS
        explained |= {id(f) for f in reports[version].findings for fault in faults if 0 <= f.time - fault.time <= after}
        assert [(f.rule, f.message) for f in reports[version].findings if id(f) not in explained] == []


def test_files_are_what_the_tool_writes():
    for beatmap in maps():
        assert path_of(beatmap.version).read_bytes().decode() == beatmap.text().replace("\n", "\r\n")
    assert (FOLDER.parent / "README.md").read_text(encoding="utf-8") == readme()
    assert 0 < (FOLDER / SONG).stat().st_size <= 1_300_000


@pytest.fixture(scope="module")
def judged() -> dict[str, BeatmapReport]:
    """With the bundled model, on the CPU, as a check of the folder gives them: each beside the other difficulties."""
    pytest.importorskip("torch")
    return {report.version: report for report in lint([FOLDER], Settings(device="cpu")).report().beatmaps}


@pytest.mark.parametrize("version", ["Hard", "Taiko"])
def test_clean_maps_are_silent_to_the_model_too(judged, version):
    assert judged[version].events > 1000
    about_the_map = [f for f in judged[version].findings if f.category is not Category.MAPSET]
    assert [(f.rule, f.message) for f in about_the_map if f.severity is not Severity.MINOR] == []


def test_the_model_finds_what_arithmetic_cannot(judged):
    missed = [
        fault.name for version, faults in PLANTED.items() for fault in faults if not findings_of(judged[version], fault)
    ]
    assert missed == []


def test_surprisals_come_with_the_findings(judged):
    found = [f for f in judged["Faulty"].findings if f.surprisal is not None]
    assert all(f.surprisal >= 0 and f.entropy >= 0 for f in found)
    assert sum(bool(f.expected) for f in found) >= 5  # a shape has no single one
