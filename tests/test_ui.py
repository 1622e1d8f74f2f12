"""Behind the page: runs that wait, stop and end, and what is kept of them. The page itself: test_ui_browser.py."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from test_pictures import analysis

import maimod
from maimod.findings import BeatmapReport, Report
from maimod.linter import Progress, UsageError
from maimod.settings import Settings
from maimod.ui.jobs import Job
from maimod.ui.results import Gone, Result, Results


def result(tmp_path: Path, previous: Report | None = None) -> Result:
    one = analysis()
    beatmap = replace(one.beatmap, path=tmp_path / "hard.osu")
    (tmp_path / "hard.osu").touch()
    one = replace(one, context=replace(one.context, beatmap=beatmap))
    return Result([tmp_path], "tab", Report("0", None, (one.report,)), {one.report.path: one}, previous)


def test_a_run_gives_a_report(monkeypatch):
    one = analysis()

    def lint(paths, settings, progress, analysed):
        progress(Progress("scoring", "x", 0.5, 1))
        analysed(one)
        return Report("0", None, (one.report,))

    monkeypatch.setattr(maimod, "lint", lint, raising=False)
    job = Job([Path("x")], Settings())
    job.start()
    assert job.wait(5) and job.report is not None and job.analyses == {"set/hard.osu": one} and not job.trouble


@pytest.mark.parametrize(("error", "trouble"), [(UsageError("x: no such file or folder"), "x: no such file or folder"),
                                               (ValueError("odd"), "unexpected ValueError: odd")])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_troubles_are_told(monkeypatch, error, trouble):
    def lint(*args):
        raise error

    monkeypatch.setattr(maimod, "lint", lint, raising=False)
    job = Job([Path("x")], Settings())
    job.start()
    assert job.wait(5) and job.report is None and job.trouble.startswith(trouble)


def test_one_runs_and_the_other_waits_until_cancelled(monkeypatch):
    def lint(paths, settings, progress, analysed):
        while True:
            progress(Progress("scoring", "x", 0, 1))
            time.sleep(0.01)

    monkeypatch.setattr(maimod, "lint", lint, raising=False)
    first, second, third = (Job([Path("x")], Settings()) for _ in range(3))
    first.start()
    while first.waiting:
        time.sleep(0.01)
    second.start()
    third.start()
    assert not second.wait(0.15) and second.waiting
    second.cancel()
    assert second.wait(5) and second.report is None
    first.cancel()
    assert first.wait(5) and first.report is None and not first.trouble
    while third.waiting:  # the turn passes on
        time.sleep(0.01)
    third.cancel()
    assert third.wait(5)


def test_delta_against_the_previous_run(tmp_path):
    one = result(tmp_path)
    (beatmap,) = one.report.beatmaps
    (finding,) = beatmap.findings
    shown = replace(one, previous=one.report).data()
    assert shown["beatmaps"][0]["findings"][0]["change"] == "same" and shown["resolved"] == []
    other = replace(finding, id="other", message="Was odd.")
    shown = replace(one, previous=Report("0", None, (replace(beatmap, findings=(other,)),))).data()
    assert shown["beatmaps"][0]["findings"][0]["change"] == "new"
    assert [gone["message"] for gone in shown["resolved"]] == ["Was odd."]
    assert "compared" not in one.data()
    unread = Report("0", None, (BeatmapReport("elsewhere.osu", "ok", findings=(other,)),))
    assert replace(one, previous=unread).data()["resolved"] == []


def test_evidence_sound_and_exports(tmp_path):
    one = result(tmp_path)
    assert "mm-field" in one.evidence("0.0")
    assert one.clip("0.0", True)["url"].startswith("data:audio/wav;base64,") and one.clip("0.0", True)["start"] == -1500
    assert "00:01:000 (1)" in one.export("markdown", ["0.0"])["text"]
    assert '"findings": []' in one.export("json", [])["text"]
    assert '<template data-key="0.0">' in one.export("html", ["0.0"])["text"]


def test_a_save_is_noticed(tmp_path):
    one = result(tmp_path)
    assert not one.is_outdated()
    (tmp_path / "easy.osu").touch()
    assert one.is_outdated()


def test_results_go_with_their_page(tmp_path):
    results, one = Results(), result(tmp_path)
    first = results.keep(one.files, "tab", one.report, one.analyses)
    other = results.keep(one.files, "other tab", one.report, one.analyses)
    assert results[first].previous is None and results[other].previous is one.report
    results.forget("tab")
    assert results[other]
    with pytest.raises(Gone, match="run again"):
        results[first]
    names = [results.keep(one.files, "tab", one.report, one.analyses) for _ in range(3)]
    assert results[names[-1]] and results[names[-2]]
    with pytest.raises(Gone):
        results[names[0]]
