"""From evidence to a report: each stage does its part, in its place, and none reads anything."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from maimod.discriminator.features import grid_of
from maimod.discriminator.prediction import CorruptionLogits
from maimod.events.schema import Event, EventKind, EventScore
from maimod.findings import BeatmapReport, Category, Finding, Severity, Tier
from maimod.linter import pipeline
from maimod.linter.calibration import Calibration
from maimod.linter.gather import Gathered
from maimod.linter.pipeline import Analysis, SetAnalysis, analyse, analyse_set
from maimod.linter.settings import LISTED_SCORE, OFF, Override, Settings
from maimod.osu.folder import Folder
from maimod.osu.mapset import Mapset
from maimod.rules.base import Candidate, Curve, Rule, candidate
from maimod.rules.checks import BeatmapCheck, MapsetCheck
from maimod.rules.evidence import Evidence, MapsetEvidence
from tests import maps

LINES = [f"{50 * (i % 8)},100,{1000 + 500 * i},{5 if i % 4 == 0 else 1},0" for i in range(40)]
MAP = maps.beatmap(LINES)
CURVES = {"": Curve(middle=0.0, scale=1.0)}


def rule(name: str, tier: Tier = Tier.ESTIMATED) -> Rule:
    return Rule(name, name, Severity.PROBLEM, tier, ("model",), "why", "how", "ignore", "blind", curves=CURVES)


RHYTHM, POSITION, EXACT = rule("rhythm/a"), rule("positions/b"), rule("positions/c", Tier.EXACT)


def found(rule: Rule, index: int, measure: float | None = 3.0) -> Candidate:
    """A candidate about one object, by the model if it has a measure."""
    o = MAP.hit_objects[index]
    event = (
        None if measure is None else EventScore(Event(EventKind.TIME, round(o.time), round(o.time), 0, o), 9.0, 1.0, ())
    )
    return candidate(rule, time=o.time, line=o.line, message="Odd.", objects=[o], measure=measure, event=event)


def check(*candidates: Candidate, title: str = "Some") -> BeatmapCheck:
    return BeatmapCheck(Category.RHYTHM, title, (RHYTHM,), lambda evidence: iter(candidates))


@pytest.fixture
def run(monkeypatch) -> Callable[..., Analysis]:
    """Analyse the map with these checks alone."""
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)

    def analysed(*checks: BeatmapCheck, settings: Settings | None = None, **options) -> Analysis:
        monkeypatch.setattr(pipeline, "BEATMAP_CHECKS", checks)
        in_set = options.pop("in_set", None)
        gathered = Gathered(Evidence(MAP), **options)
        return analyse(gathered, "map.osu", settings or Settings(model=None), in_set)

    return analysed


def rules(analysis: Analysis) -> list[str]:
    return [finding.rule for finding in analysis.report.findings]


def test_candidates_are_scored_and_the_weak_are_left_out(run):
    analysis = run(check(found(RHYTHM, 3), found(RHYTHM, 9, -3.0)))
    (finding,) = analysis.report.findings
    assert finding.score == pytest.approx(0.9526, abs=1e-4) and finding.severity is Severity.PROBLEM
    assert analysis.report.status == "ok" and analysis.report.objects == 40 and not analysis.failed


def test_scores_are_by_the_calibration_of_the_model(run):
    gathered = Calibration(curves={RHYTHM.id: Curve(middle=3.0, scale=1.0)})
    (finding,) = run(check(found(RHYTHM, 3)), calibration=gathered).report.findings
    assert finding.score == 0.5


def test_what_surprises_again_and_again_is_lowered_before_one_mistake_is_one_finding(run):
    """Lowered after that, the findings that were folded into others would not count as often."""
    style = [found(RHYTHM, index, 1.2) for index in range(0, 40, 2)]
    wake = [found(POSITION, index, 1.0) for index in range(1, 5, 2)]
    assert rules(run(check(*style[:1], *wake[:1]))) == ["rhythm/a"]  # the position follows from the rhythm
    assert rules(run(check(*style, *wake))) == ["positions/b"] * 2  # the rhythm is the style of the map
    plain = [replace(one, event=None) for one in style]
    assert rules(run(check(*plain))).count("rhythm/a") == len(style)


def test_one_mistake_is_one_finding(run):
    (finding,) = run(check(found(RHYTHM, 3)), check(found(POSITION, 4))).report.findings
    assert finding.rule == "rhythm/a" and [one["rule"] for one in finding.evidence["also"]] == ["positions/b"]


def test_exact_findings_pass_whatever_the_model_thinks(run):
    style = [found(RHYTHM, index, 1.2) for index in range(40)]
    analysis = run(check(*style, *(found(EXACT, index, None) for index in range(0, 40, 2))))
    assert rules(analysis).count("positions/c") == 20
    assert {f.severity for f in analysis.report.findings if f.tier is Tier.EXACT} == {Severity.PROBLEM}


OFF_BY = {
    "ignore": Settings(model=None, ignore=("rhythm",)),
    "select": Settings(model=None, select=("positions",)),
    "severity": Settings(model=None, severities=(("rhythm", OFF),)),
    "override": Settings(model=None, overrides=(Override("version", ignore=("rhythm",)),)),
}


@pytest.mark.parametrize("way", OFF_BY)
def test_a_rule_that_is_off_takes_along_no_finding_of_another(run, way):
    checks = check(found(RHYTHM, 3)), check(found(POSITION, 4), found(POSITION, 20))
    assert rules(run(*checks)) == ["rhythm/a", "positions/b"]
    selected = run(*checks, settings=OFF_BY[way])
    assert rules(selected) == ["positions/b", "positions/b"] and selected.found == selected.report.findings
    elsewhere = Settings(model=None, overrides=(Override("other", ignore=("rhythm",)),))
    assert rules(run(*checks, settings=elsewhere)) == ["rhythm/a", "positions/b"]


def test_severities_and_scores_select_at_the_end(run):
    checks = check(found(RHYTHM, 3)), check(found(POSITION, 4), found(POSITION, 20))
    everything = run(*checks)
    # What is only too weak to be listed still explains.
    weak = run(*checks, settings=Settings(model=None, min_scores=(("rhythm", 1.0),)))
    assert rules(weak) == ["positions/b"] and weak.found == everything.found == everything.report.findings
    mild = Settings(model=None, overrides=(Override("version", severities=(("", Severity.MINOR),)),))
    assert {f.severity for f in run(*checks, settings=mild).report.findings} == {Severity.MINOR}
    assert [f.severity for f in run(*checks, settings=mild).found] == [f.severity for f in everything.found]


def test_findings_of_the_set_go_the_same_way(run):
    of_set = found(rule("mapset/d", Tier.EXACT), 4, None)
    in_set = SetAnalysis({MAP.path: [of_set]}, ("no files",))
    analysis = run(check(found(RHYTHM, 20)), in_set=in_set)
    assert rules(analysis) == ["mapset/d", "rhythm/a"] and all(finding.id for finding in analysis.report.findings)
    assert (analysis.report.status, analysis.report.messages) == ("partial", ("no files",))
    assert rules(run(check(), in_set=SetAnalysis({MAP.path / "other": [of_set]}))) == []


def test_a_rule_that_fails_costs_its_findings_only(run):
    def broken(evidence: Evidence) -> Iterator[Candidate]:
        yield found(RHYTHM, 3)
        raise ZeroDivisionError("by nothing")

    bad = BeatmapCheck(Category.RHYTHM, "Bad", (RHYTHM,), broken)
    analysis = run(bad, check(found(POSITION, 20), title="Good"))
    assert rules(analysis) == ["rhythm/a", "positions/b"] and analysis.failed and analysis.report.status == "partial"
    (message,) = analysis.report.messages
    assert message == "error: Bad failed here (a bug, ZeroDivisionError: by nothing); its findings are missing"


def test_what_the_discriminator_suggests_is_scored_with_the_rest(run, monkeypatch):
    grid = grid_of(MAP)
    assert grid is not None
    suspicious = Evidence(MAP, corruption=CorruptionLogits(grid, ("extra",), np.zeros((grid.count, 1))))
    judged = msgspec.structs.replace(RHYTHM, corruptions=("extra",))

    def propose(evidence: Evidence, corruption: CorruptionLogits) -> Iterator[Candidate]:
        assert evidence is suspicious and corruption is suspicious.corruption
        yield replace(found(judged, 20, None), proposed=6.0)
        raise KeyError("nothing more to suggest")

    suggesting = msgspec.structs.replace(check(found(POSITION, 3)), propose=propose)
    assert rules(run(suggesting)) == ["positions/b"]  # nobody to suggest anything
    monkeypatch.setattr(pipeline, "BEATMAP_CHECKS", (suggesting, check(found(POSITION, 9))))
    analysis = analyse(Gathered(suspicious), "map.osu", Settings(model=None))
    assert rules(analysis) == ["positions/b", "positions/b", "rhythm/a"] and analysis.failed
    assert analysis.report.findings[2].evidence["second_reading"] == 6.0 and "KeyError" in analysis.report.messages[0]


def test_what_is_missing_makes_a_report_partial_and_notes_do_not(run):
    noted = run(check(), notes=("not calibrated",))
    assert (noted.report.status, noted.report.messages) == ("ok", ("not calibrated",))
    missing = run(check(), missing=("no song",), notes=("not calibrated",), failed=True)
    assert (missing.report.status, missing.report.messages) == ("partial", ("no song", "not calibrated"))
    assert missing.failed


def test_rules_of_sets_name_the_difficulty_and_what_they_cannot_check(monkeypatch):
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    one = found(EXACT, 3, None)
    good = MapsetCheck("Good", (EXACT,), lambda evidence: iter([(MAP, one), (MAP, one)]))
    bad = MapsetCheck("Bad", (EXACT,), lambda evidence: 1 / 0)  # type: ignore[arg-type,return-value]
    whole = Mapset(MAP.path.parent, (MAP,))
    monkeypatch.setattr(pipeline, "MAPSET_CHECKS", (bad, good))
    analysis = analyse_set(MapsetEvidence(whole, [Evidence(MAP)]))
    assert analysis.candidates == {MAP.path: [one, one]} and analysis.failed
    assert analysis.missing[0].startswith("error: Bad failed here")
    monkeypatch.setattr(pipeline, "MAPSET_CHECKS", (good,))
    large = Folder()
    large.files = None
    unlisted = analyse_set(MapsetEvidence(msgspec.structs.replace(whole, contents=large), [Evidence(MAP)]))
    assert not unlisted.failed and "more than 5,000 files" in unlisted.missing[0]


def test_nothing_is_read(monkeypatch):
    gathered = Gathered(Evidence(MAP))
    settings = Settings(model=None)
    before = analyse(gathered, "map.osu", settings)

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"the pipeline reads {arguments[0]}")

    for place, name in ((builtins, "open"), (os, "stat"), (os, "listdir"), (os, "scandir")):
        monkeypatch.setattr(place, name, refuse)
    after = analyse(gathered, "map.osu", settings)
    monkeypatch.undo()
    assert after == before and after.report.messages == before.report.messages


def scored(rule: str, score: float, tier: Tier = Tier.ESTIMATED) -> Finding:
    return Finding(
        rule, Category(rule.partition("/")[0]), Severity.MINOR, score, "Odd.", 0.0, "00:00:000 -", 1, tier=tier
    )


@pytest.mark.parametrize(
    ("settings", "listed", "fainter"),
    [
        (Settings(), ["rhythm/b", "positions/exact"], 2),
        (Settings(min_score=0.05), ["rhythm/a", "rhythm/b", "positions/a", "positions/exact"], 0),
        (Settings(min_score=0.5), ["positions/exact"], 3),
        (Settings(min_scores=(("rhythm", 0.05),)), ["rhythm/a", "rhythm/b", "positions/exact"], 1),
        (Settings(ignore=("positions",)), ["rhythm/b"], 1),
    ],
)
def test_faint_estimates_are_counted_and_listed_on_demand(settings: Settings, listed: list[str], fainter: int) -> None:
    findings = (
        scored("rhythm/a", LISTED_SCORE - 0.01),
        scored("rhythm/b", LISTED_SCORE),
        scored("positions/a", 0.06),
        scored("positions/exact", 0.01, Tier.EXACT),
    )
    report = pipeline.select(BeatmapReport("a.osu", "ok", findings=findings), settings)
    assert [one.rule for one in report.findings] == listed and report.fainter == fainter


def test_settings_that_list_fewer_estimates_may_hide_one() -> None:
    assert Settings(min_score=0.5).may_hide("rhythm/a", "") and not Settings(min_score=0.05).may_hide("rhythm/a", "")
