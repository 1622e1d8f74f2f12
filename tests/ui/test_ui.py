"""Code behind the page: runs that wait, stop and end, and their results. The page itself: test_browser.py."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

import maimod
from maimod.errors import UsageError
from maimod.findings import Report
from maimod.linter.cache import Cache
from maimod.linter.progress import Progress
from maimod.linter.settings import Settings
from maimod.osu.discovery import Entry, Source
from maimod.ui.jobs import Job
from maimod.ui.results import Gone, Result, Results
from tests.evidence.test_evidence import analysis


def result(tmp_path: Path, **options) -> Result:
    one = analysis()
    (tmp_path / "hard.osu").touch()
    report = replace(one.report, file=(tmp_path / "hard.osu").as_posix())
    source = Source(tmp_path, (Entry("hard.osu", "hard.osu", report.location),))
    analyses = {report.path: replace(one, report=report)}
    return Result([source], Report("0", None, (report,)), [Settings()], analyses, **options)


class Run:
    """Replaces the run of a lint and yields `steps`."""

    model = None

    def __init__(self, steps, settings: Settings | None = None) -> None:
        self.steps, self.settings, self.closed = steps, (settings or Settings(),), False

    def __iter__(self):
        return iter(self.steps)

    def close(self) -> None:
        self.closed = True


def run(monkeypatch, lint) -> Job:
    monkeypatch.setattr(maimod, "lint", lint, raising=False)
    return Job([], Settings())


def test_a_run_gives_a_report(monkeypatch):
    one = analysis()

    def lint(sources, settings, *, draw, **options):
        def steps():
            yield Progress("scoring", "x", 0.5, 1)
            draw(one, None)
            yield one.report

        return Run(steps())

    job = run(monkeypatch, lint)
    job.start()
    assert job.wait(5) and job.report is not None and job.analyses == {"set/hard.osu": one} and not job.trouble


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (UsageError("x: no such file or folder"), "x: no such file or folder"),
        (ValueError("odd"), "unexpected ValueError: odd"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_troubles_are_told(monkeypatch, error, trouble):
    def lint(*args, **options):
        raise error

    job = run(monkeypatch, lint)
    job.start()
    assert job.wait(5) and job.report is None and job.trouble.startswith(trouble)


def test_one_runs_and_the_other_waits_until_cancelled(monkeypatch):
    runs = []

    def lint(sources, settings, **options):
        def steps():
            while True:
                yield Progress("scoring", "x", 0, 1)
                time.sleep(0.01)

        runs.append(Run(steps()))
        return runs[-1]

    first, second, third = (run(monkeypatch, lint) for _ in range(3))
    first.start()
    while first.waiting:
        time.sleep(0.01)
    second.start()
    third.start()
    assert not second.wait(0.15) and second.waiting
    second.cancel()
    assert second.wait(5) and second.report is None
    first.cancel()
    assert first.wait(5) and first.report is None and not first.trouble and runs[0].closed
    while third.waiting:  # the turn passes on
        time.sleep(0.01)
    third.cancel()
    assert third.wait(5)


def test_delta_against_the_last_run(monkeypatch, tmp_path):
    one = analysis()
    reports = [one.report, replace(one.report, findings=()), one.report]

    def lint(sources, settings, **options):
        return Run([reports.pop(0)])

    jobs = []
    for _ in range(3):
        monkeypatch.setattr(maimod, "lint", lint, raising=False)
        jobs.append(Job([], Settings(), Cache(tmp_path)))
        jobs[-1].start()
        assert jobs[-1].wait(5)
    first, second, third = (job.deltas.get("set/hard.osu") for job in jobs)
    assert first is None and third is not None
    assert second is not None and second.resolved == ("00:01:000 (1) - positions/unexpected",)
    shown = result(tmp_path, deltas={"set/hard.osu": replace(third, new=())}).data()
    assert shown["compared"] and shown["beatmaps"][0]["findings"][0]["change"] == "same"
    known = result(tmp_path)
    shown = replace(
        known, deltas={"set/hard.osu": replace(third, new=known.report.beatmaps[0].findings, resolved=("gone",))}
    ).data()
    assert shown["beatmaps"][0]["findings"][0]["change"] == "new" and shown["resolved"] == [
        {"version": "Hard", "text": "gone"}
    ]
    assert not result(tmp_path).data()["compared"]


def test_what_is_ignored_goes_into_the_baseline(tmp_path):
    baseline = tmp_path / "baseline.json"
    one = result(tmp_path, baseline=baseline)
    assert not one.data()["beatmaps"][0]["findings"][0]["ignored"] and not baseline.exists()
    assert one.mark("0.0", "done") == "" and not baseline.exists()
    assert one.mark("0.0", "ignored") == "baseline.json accepts 1 finding of this result"
    assert result(tmp_path, baseline=baseline).data()["beatmaps"][0]["findings"][0]["ignored"]
    one.mark("0.0", "")
    assert not result(tmp_path, baseline=baseline).data()["beatmaps"][0]["findings"][0]["ignored"]
    assert "this browser" in result(tmp_path).mark("0.0", "ignored")


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
    results = Results()
    first, other = (results.keep(result(tmp_path, session=session)) for session in ("tab", "other tab"))
    results.forget("tab")
    assert results[other]
    with pytest.raises(Gone, match="run again"):
        results[first]
    names = [results.keep(result(tmp_path, session="tab")) for _ in range(3)]
    assert results[names[-1]] and results[names[-2]]
    with pytest.raises(Gone):
        results[names[0]]


def test_a_baseline_of_a_found_configuration_is_read_and_not_written(tmp_path):
    baseline = tmp_path / "baseline.json"
    result(tmp_path, baseline=baseline).mark("0.0", "ignored")
    before = baseline.read_bytes()
    one = result(tmp_path, baseline=baseline, is_read_only=True)
    assert one.data()["beatmaps"][0]["findings"][0]["ignored"]
    assert one.mark("0.0", "") == "" and "Name baseline.json on the page" in one.mark("0.0", "ignored")
    assert baseline.read_bytes() == before


def test_a_mark_keeps_what_the_settings_hide(tmp_path):
    baseline = tmp_path / "baseline.json"
    result(tmp_path, baseline=baseline).mark("0.0", "ignored")
    before = baseline.read_bytes()
    hidden = result(tmp_path, baseline=baseline)
    hidden.report = replace(hidden.report, beatmaps=(replace(hidden.report.beatmaps[0], findings=()),))
    for settings in (Settings(ignore=("positions",)), Settings(min_scores=(("positions/unexpected", 0.99),))):
        hidden.settings, hidden.ignored = [settings], {"an older mark"}
        hidden.mark("0.0", "")
        hidden.mark("0.1", "ignored")
        assert baseline.read_bytes() == before
    hidden.settings = [Settings(ignore=("rhythm",))]
    hidden.mark("0.2", "ignored")
    assert b"positions" not in baseline.read_bytes()


def test_a_change_of_settings_makes_nothing_new_or_resolved(monkeypatch, tmp_path):
    one = analysis()
    hidden = replace(one.report, findings=())
    seen = []
    # Shown, hidden, hidden, shown again by settings; then, by the same settings, gone from the map.
    ignoring = Settings(ignore=("positions",))
    for report, settings in (
        (one.report, Settings()),
        (hidden, ignoring),
        (hidden, ignoring),
        (one.report, Settings()),
        (hidden, Settings()),
    ):
        job = run(monkeypatch, lambda *_, **__: Run([report], settings))  # noqa: B023
        job.cache = Cache(tmp_path)
        job.start()
        assert job.wait(5) and job.effective == (settings,)
        delta = job.deltas.get("set/hard.osu")
        seen.append(delta and (len(delta.new), len(delta.resolved)))
    assert seen == [None, None, (0, 0), (0, 0), (0, 1)]
