"""Code behind the page: runs that fill a result, stop and follow each other; calls. The page itself: test_browser.py."""

import os
import re
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

import maimod
from maimod.errors import UsageError
from maimod.findings import Tier
from maimod.linter.cache import Cache
from maimod.linter.progress import Progress
from maimod.linter.session import Session
from maimod.linter.settings import Settings
from maimod.osu.discovery import Entry, Source
from maimod.ui.jobs import Job
from maimod.ui.page import NO_MODEL, Page
from maimod.ui.results import Difficulty, Gone, Result, Results
from tests.evidence.test_evidence import analysis


def result(tmp_path: Path, session: Session | None = None, **options) -> Result:
    """A finished result of one difficulty with one finding."""
    one = analysis()
    (tmp_path / "hard.osu").touch()
    report = replace(one.report, file=(tmp_path / "hard.osu").as_posix())
    entry = Entry("hard.osu", report.path, report.location)
    source = Source(tmp_path, (entry,))
    difficulty = Difficulty(
        source, entry, report=report, is_complete=True, analysis=msgspec.structs.replace(one, report=report)
    )
    return Result([source], [difficulty], session or Session(), str(tmp_path), **options)


def fresh(tmp_path: Path, session: Session | None = None) -> Result:
    """A result of which nothing is known yet."""
    done = result(tmp_path, session)
    return replace(done, difficulties=[Difficulty(done.sources[0], done.sources[0].entries[0])])


KEY = f"0.{analysis().report.findings[0].id}.0"
"""Of the only finding."""


class Run:
    """Replaces the run of a lint and yields `steps`."""

    model = None

    def __init__(self, steps) -> None:
        self.steps, self.closed = steps, False

    def __iter__(self):
        return iter(self.steps)

    def close(self) -> None:
        self.closed = True


def run(monkeypatch, of: Result, lint, looks=(), settings: Settings | None = None, **options) -> Job:
    """A job whose session finds `looks` at once, and whose lint is replaced."""
    monkeypatch.setattr(maimod, "lint", lint, raising=False)
    monkeypatch.setattr(of.session, "first_look", lambda *_: list(looks))
    return Job(of, Settings(), lambda _: settings or Settings(), **options)


def exact(report):
    """The report with its finding made exact."""
    return replace(report, findings=tuple(replace(f, tier=Tier.EXACT, id="exact") for f in report.findings))


def test_exact_findings_come_before_the_model_and_the_rest_after(monkeypatch, tmp_path):
    shown = fresh(tmp_path)
    whole = result(tmp_path).difficulties[0]
    early = msgspec.structs.replace(whole.analysis, report=exact(whole.report), song=None)
    go = threading.Event()

    def lint(sources, settings, *, draw, **options):
        def steps():
            yield Progress("scoring", whole.report.path, 0.5, 1)
            assert go.wait(5)
            draw(whole.analysis, None)
            yield whole.report

        return Run(steps())

    job = run(monkeypatch, shown, lint, [early])
    job.start()
    while job.progress is None:
        time.sleep(0.01)
    assert [f.id for f in shown.report.findings] == ["exact"] and not shown.data()["beatmaps"][0]["complete"]
    assert job.status() == {"text": "0 of 1 complete · scoring Hard", "kind": "busy", "share": 0.5, "busy": True}
    version = shown.version
    go.set()
    assert job.wait(5) and not job.trouble and shown.version > version
    assert shown.difficulties[0].report == whole.report and shown.data()["beatmaps"][0]["complete"]
    assert job.status()["kind"] == "done" and shown.analysis(shown.difficulties[0])[0].song is whole.analysis.song


def test_a_saved_difficulty_shows_its_exact_findings_beside_the_estimated_ones_of_before(tmp_path):
    saved = result(tmp_path).difficulties[0]
    (estimated,) = saved.report.findings
    fixed = replace(estimated, tier=Tier.EXACT, id="fixed")
    saved.report = replace(saved.report, findings=(estimated, fixed))
    now = replace(estimated, tier=Tier.EXACT, id="now", time=estimated.time - 1)
    saved.show_early(msgspec.structs.replace(saved.analysis, report=replace(saved.report, findings=(now,), events=0)))
    assert [finding.id for finding in saved.report.findings] == ["now", estimated.id]
    assert saved.report.events == result(tmp_path).difficulties[0].report.events


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (UsageError("x: no such file or folder"), "x: no such file or folder"),
        (ValueError("odd"), "unexpected ValueError: odd"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_troubles_are_told(monkeypatch, tmp_path, error, trouble):
    def lint(*args, **options):
        raise error

    job = run(monkeypatch, fresh(tmp_path), lint)
    job.start()
    assert job.wait(5) and job.trouble.startswith(trouble) and job.status()["kind"] == "error"


def test_a_cancelled_run_keeps_what_it_has_and_the_next_one_lists_at_once(monkeypatch, tmp_path):
    whole = result(tmp_path).difficulties[0]
    early = msgspec.structs.replace(whole.analysis, report=exact(whole.report))
    runs, go = [], threading.Event()

    def lint(sources, settings, **options):
        def steps():
            while True:
                yield Progress("scoring", "x", 0, 1)
                go.wait(5)  # a long step

        runs.append(Run(steps()))
        return runs[-1]

    first = run(monkeypatch, fresh(tmp_path), lint, [early])
    first.start()
    while first.progress is None:
        time.sleep(0.01)
    first.cancel()
    assert not first.is_busy and first.result.report.findings
    assert first.status()["text"] == "Stopped: 0 of 1 complete, exact findings of the others."
    second = run(monkeypatch, fresh(tmp_path), lint, [early])
    second.start()
    while not second.waiting:
        time.sleep(0.01)
    assert second.result.report.findings and "waits" in second.status()["text"] and len(runs) == 1
    second.cancel()
    assert second.wait(5)
    go.set()
    assert first.wait(5) and runs[0].closed


def test_a_run_that_no_page_asks_about_ends(monkeypatch, tmp_path):
    def lint(sources, settings, **options):
        def steps():
            while True:
                yield Progress("scoring", "x", 0, 1)
                time.sleep(0.01)

        return Run(steps())

    job = run(monkeypatch, fresh(tmp_path), lint)
    job.start()
    while job.progress is None:
        time.sleep(0.01)
    job.asked_at -= 1000
    assert job.wait(5) and job.cancelled


def test_cached_reports_are_shown_at_once_and_their_evidence_on_demand(monkeypatch, tmp_path):
    whole = result(tmp_path).difficulties[0]
    shown = fresh(tmp_path)
    monkeypatch.setattr(shown.session, "recall", lambda *_: [whole.report])
    looks = []
    monkeypatch.setattr(shown.session, "look", lambda *asked: looks.append(asked) or (whole.analysis, None))
    job = run(monkeypatch, shown, None)
    job.start()
    assert job.wait(5) and not job.trouble and shown.report.beatmaps == (whole.report,) and not looks
    assert "mm-field" in shown.evidence(KEY) and "mm-strip" in shown.strip(0)["svg"] and len(looks) == 1


def test_new_and_resolved_are_kept_until_they_are_cleared(monkeypatch, tmp_path):
    whole = result(tmp_path).difficulties[0].report
    session = Session(Cache(tmp_path / "cache"))
    other = replace(whole, findings=(replace(whole.findings[0], id="other"),))
    page_ = Page()
    page_.session = session
    seen = []
    for report, clear in ((whole, False), (other, False), (other, True), (other, False)):
        shown = fresh(tmp_path, session)
        job = run(monkeypatch, shown, lambda *_, **__: Run([report]))  # noqa: B023
        job.start()
        assert job.wait(5)
        name = page_.results.keep(shown)
        if clear:
            page_.clear({"run": name})
        data = shown.data()
        seen.append(([f["change"] for f in data["beatmaps"][0]["findings"]], len(data["resolved"]), data["compared"]))
    assert seen == [([""], 0, False), (["new"], 1, True), (["same"], 0, True), (["same"], 0, True)]


def test_a_change_of_settings_makes_nothing_new_or_resolved(monkeypatch, tmp_path):
    whole = result(tmp_path).difficulties[0].report
    hidden = replace(whole, findings=())
    session = Session(Cache(tmp_path / "cache"))
    ignoring = Settings(ignore=("positions",))
    seen = []
    # Shown, hidden by settings, shown again; then, by the same settings, gone from the map.
    for report, settings in (
        (whole, Settings()),
        (hidden, ignoring),
        (hidden, ignoring),
        (whole, Settings()),
        (hidden, Settings()),
    ):
        shown = fresh(tmp_path, session)
        job = run(monkeypatch, shown, lambda *_, **__: Run([report]), settings=settings)  # noqa: B023
        job.start()
        assert job.wait(5) and shown.difficulties[0].settings == settings
        delta = shown.difficulties[0].delta
        seen.append(delta and (len(delta.new), len(delta.resolved)))
    assert seen == [None, None, (0, 0), (0, 0), (0, 1)]


def test_what_is_ignored_goes_into_the_baseline(tmp_path):
    baseline = tmp_path / "baseline.json"
    one = result(tmp_path, baseline=baseline)
    assert not one.data()["beatmaps"][0]["findings"][0]["ignored"] and not baseline.exists()
    assert one.mark([KEY], "done") == "" and not baseline.exists()
    assert one.mark([KEY], "ignored") == "baseline.json accepts 1 finding of this result"
    assert result(tmp_path, baseline=baseline).data()["beatmaps"][0]["findings"][0]["ignored"]
    one.mark([KEY], "")
    assert not result(tmp_path, baseline=baseline).data()["beatmaps"][0]["findings"][0]["ignored"]
    assert "this browser" in result(tmp_path).mark([KEY], "ignored")


def test_evidence_sound_and_exports(tmp_path):
    one = result(tmp_path)
    assert "mm-field" in one.evidence(KEY)
    assert one.clip(KEY, True)["url"].startswith("data:audio/wav;base64,") and one.clip(KEY, True)["start"] == -1500
    assert "00:01:000 (1)" in one.export("markdown", [KEY])["text"]
    assert '"findings": []' in one.export("json", [])["text"]
    assert '<template data-key="0.0">' in one.export("html", [KEY])["text"]


class GoesOn:
    """Replaces what computes continuations: two steps, then events for one continuation."""

    def __init__(self) -> None:
        self.asked, self.steps = [], 0

    def positions(self, *_):
        return []

    def continuations(self, beatmap, song, time, until):
        self.asked.append((time, until))
        for _ in range(2):
            self.steps += 1
            yield 0.5
        return [[]]


def test_the_model_goes_on_at_a_finding_and_is_in_no_export(tmp_path):
    one = result(tmp_path)
    with pytest.raises(UsageError, match="no model"):
        one.continuations(KEY, lambda: True)
    one.difficulties[0].expectations = GoesOn()
    found = one.continuations(KEY, lambda: True)
    assert one.difficulties[0].expectations.asked == [(1000.0, 3000.0)] and found["notes"] == [[]]
    assert "mm-ghost" in found["html"]
    exports = [one.export(name, [KEY])["text"] for name in ("html", "json", "markdown")]
    assert not any(re.search(r"mm-passage[^{]*role=", text) for text in exports)
    with pytest.raises(Gone, match="another finding"):
        one.continuations(KEY, lambda: False)


def test_a_page_that_asks_about_another_finding_ends_what_it_asked_before(tmp_path):
    page_, one = Page(), result(tmp_path)
    name = page_.results.keep(one)
    told = []

    class Slow(GoesOn):
        def continuations(self, beatmap, song, time, until):
            while True:
                self.steps += 1
                started.set()
                yield 0.0

    started, slow = threading.Event(), Slow()
    one.difficulties[0].expectations = slow

    def ask():
        try:
            page_.continuations({"run": name, "key": KEY, "page": "tab"})
        except Gone as error:
            told.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    assert started.wait(5)
    one.difficulties[0].expectations = GoesOn()
    assert page_.continuations({"run": name, "key": KEY, "page": "another tab"})["html"] and not told
    assert page_.continuations({"run": name, "key": "", "page": "tab"}) == {}
    thread.join(5)
    assert told == ["another finding was chosen"] and not thread.is_alive()
    for number in range(40):
        page_.continuations({"run": name, "key": "", "page": f"tab {number}"})
    assert len(page_.wanted) <= 20


def test_a_baseline_of_a_found_configuration_is_read_and_not_written(tmp_path):
    baseline = tmp_path / "baseline.json"
    result(tmp_path, baseline=baseline).mark([KEY], "ignored")
    before = baseline.read_bytes()
    one = result(tmp_path, baseline=baseline, is_read_only=True)
    assert one.data()["beatmaps"][0]["findings"][0]["ignored"]
    assert one.mark([KEY], "") == "" and "Name baseline.json on the page" in one.mark([KEY], "ignored")
    assert baseline.read_bytes() == before


def test_a_mark_keeps_what_the_settings_hide(tmp_path):
    baseline = tmp_path / "baseline.json"
    result(tmp_path, baseline=baseline).mark([KEY], "ignored")
    before = baseline.read_bytes()
    hidden = result(tmp_path, baseline=baseline)
    (difficulty,) = hidden.difficulties
    difficulty.report = replace(difficulty.report, findings=())
    for settings in (Settings(ignore=("positions",)), Settings(min_scores=(("positions/unexpected", 0.99),))):
        difficulty.settings, hidden.ignored = settings, {"an older mark"}
        hidden.mark([KEY], "")
        hidden.mark(["0.other.1"], "ignored")
        assert baseline.read_bytes() == before
    difficulty.settings = Settings(ignore=("rhythm",))
    hidden.mark(["0.other.2"], "ignored")
    assert b"positions" not in baseline.read_bytes()


def test_results_are_kept_for_reloads_and_other_tabs(tmp_path):
    results = Results()
    names = [results.keep(result(tmp_path)) for _ in range(3)]
    assert results[names[-1]] and results[names[-2]] and names[0] not in results
    with pytest.raises(Gone, match="run again"):
        results[names[0]]
    for i in range(6):
        results.keep(replace(result(tmp_path), path=str(i)))
    assert names[-1] not in results


def test_a_finding_that_a_later_part_of_the_run_removed_is_gone(tmp_path):
    with pytest.raises(Gone, match="no longer there"):
        result(tmp_path).evidence("0.other.0")


# --- Saving ---


class Maps:
    """A page that shows a set of two difficulties; its runs are replaced."""

    def __init__(self, tmp_path, monkeypatch) -> None:
        self.folder = tmp_path / "set"
        self.folder.mkdir()
        shutil.copytree(EXAMPLE, self.folder, dirs_exist_ok=True)
        (self.folder / "background.png").unlink()  # a finding about the set
        self.page = Page()
        self.linted: list[list[str]] = []

        def lint(sources, settings, *, draw, session, **options):
            self.linted.append([entry.inner for source in sources for entry in source.entries])
            reports = [
                replace(look.report, findings=(*look.report.findings, guess(look.report)))
                for source in sources
                for look in session.first_look(source, settings)
                if look.report.file in {entry.location for entry in source.entries}
            ]
            return Run(reports)

        monkeypatch.setattr(maimod, "lint", lint, raising=False)

    def start(self) -> str:
        return self.page.start({"path": str(self.folder), "model": NO_MODEL})["run"]

    def poll(self, name: str, **options):
        return self.page.poll({"run": name, "version": 0, **options})

    def done(self, name: str):
        assert self.page.jobs[name].wait(30)
        return self.poll(name)


def guess(report):
    """An estimated finding."""
    return replace(analysis().report.findings[0], id="guess", message=f"A guess about {report.version}.")


EXAMPLE = Path(__file__).parents[2] / "examples" / "maimod example"


@pytest.fixture
def maps(tmp_path, monkeypatch):
    return Maps(tmp_path, monkeypatch)


def save(path: Path) -> None:
    """Write one object 9 ms late."""
    text = path.read_text(encoding="utf-8")
    head, objects = text.split("[HitObjects]")
    lines = objects.strip().splitlines()
    parts = lines[20].split(",")
    parts[2] = str(int(parts[2]) + 9)
    lines[20] = ",".join(parts)
    path.write_text(head + "[HitObjects]\n" + "\n".join(lines) + "\n", encoding="utf-8")
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 10**9))


def test_one_save_is_one_run_of_the_saved_difficulty(maps):
    first = maps.start()
    before = maps.done(first)["data"]
    saved = sorted(maps.folder.glob("*.osu"))[-1]
    assert "next" not in maps.poll(first, watch=True)
    save(saved)
    answers = [maps.poll(first, watch=True) for _ in range(3)]
    second = answers[-1]["next"]
    assert "next" not in answers[0]  # it may still be being written
    after = maps.done(second)["data"]
    assert "next" not in maps.poll(second, watch=True) and "next" not in maps.poll(second, watch=True)
    assert maps.linted == [[path.name for path in sorted(maps.folder.glob("*.osu"))], [saved.name]]
    for old, new in zip(before["beatmaps"], after["beatmaps"], strict=True):
        assert (
            new["complete"] and [f["message"] for f in new["findings"]].count(f"A guess about {new['version']}.") == 1
        )
        is_saved = new["path"].endswith(saved.name)
        assert (len(new["findings"]) > len(old["findings"])) is is_saved
    assert maps.poll(first)["next"] == second  # another tab follows, too
    of_set = [
        sum(finding["scope"] == "set" for beatmap in data["beatmaps"] for finding in beatmap["findings"])
        for data in (before, after)
    ]
    assert of_set[0] == of_set[1] > 0


def test_what_the_mapper_changed_is_told_with_the_run_after_the_save(maps, tmp_path):
    maps.page.session.cache = Cache(tmp_path / "cache")
    first = maps.start()
    assert maps.done(first)["data"]["edits"] == []
    saved = sorted(maps.folder.glob("*.osu"))[-1]
    save(saved)
    maps.poll(first, watch=True)
    data = maps.done(maps.poll(first, watch=True)["next"])["data"]
    assert [edit["text"] for edit in data["edits"]] == ["1 object moved in time"]
    assert data["edits"][0]["version"] in saved.name
    overview = maps.page.overview({"run": list(maps.page.jobs)[-1]})
    assert "Changed since the last run" in overview and re.search(r"osu://edit/\d\d:\d\d:\d\d\d", overview)
    again = maps.start()
    assert maps.done(again)["data"]["edits"] == []


def test_without_watching_a_save_starts_nothing(maps):
    first = maps.start()
    maps.done(first)
    save(sorted(maps.folder.glob("*.osu"))[0])
    assert all("next" not in maps.poll(first) for _ in range(3)) and len(maps.linted) == 1


def test_a_page_fetches_data_only_when_they_changed(maps):
    name = maps.start()
    version = maps.done(name)["data"]["version"]
    assert "data" not in maps.page.poll({"run": name, "version": version})


def test_calls_answer_with_one_line_about_what_is_wrong(maps, monkeypatch):
    calls = {call.__name__: call for call in maps.page.calls}
    assert "no such file" in calls["start"]({"path": str(maps.folder / "none.osu")})["trouble"]
    assert "Enter a mapset folder" in calls["start"]({"path": ' "" '})["trouble"]
    assert calls["poll"]({"run": "old", "version": 0})["gone"]
    monkeypatch.setattr(
        os, "scandir", lambda folder: (_ for _ in ()).throw(PermissionError(13, "Permission denied", "x"))
    )
    assert calls["browse"]({"folder": str(maps.folder)}) == {"trouble": "x: Permission denied"}
    assert calls["difficulties"]({"path": "nothing"}) == {"value": []}
    assert len(calls["difficulties"]({"path": str(maps.folder)})["value"]) == len(list(maps.folder.glob("*.osu")))
    assert any(rule["id"] == "rhythm/unsnapped" and rule["texts"] for rule in calls["rules"]({})["value"])


def test_what_leads_nowhere_does_not_hide_the_rest_of_a_folder(maps, tmp_path):
    songs = tmp_path / "Songs"
    (songs / "1 Set").mkdir(parents=True)
    try:
        (songs / "gone.osz").symlink_to(tmp_path / "nothing")
    except OSError:
        pytest.skip("no links on this system")
    assert [row["name"] for row in maps.page.browse({"folder": str(songs)})["rows"]] == ["1 Set"]


def test_a_songs_folder_is_browsed_by_words_the_last_changed_first(maps, tmp_path):
    songs = tmp_path / "Songs"
    for number, name in enumerate(("1 xi - FREEDOM DiVE", "2 Mili - Vulnerability", "3 xi - Glorious Crown")):
        (songs / name).mkdir(parents=True)
        os.utime(songs / name, (1000 - number, 1000 - number))
    (songs / "4 xi - Halcyon.osz").touch()
    (songs / "notes.txt").touch()
    (songs / ".hidden").mkdir()
    (songs / "3 xi - Glorious Crown" / "a.osu").touch()

    def rows(folder, text="") -> list[tuple[str, str]]:
        return [(row["kind"], row["name"]) for row in maps.page.browse({"folder": str(folder), "text": text})["rows"]]

    os.utime(songs / "3 xi - Glorious Crown", (998, 998))
    assert rows(f'"{songs}"', "XI -") == [
        ("set", "4 xi - Halcyon.osz"),
        ("folder", "1 xi - FREEDOM DiVE"),
        ("set", "3 xi - Glorious Crown"),
    ]
    listed = maps.page.browse({"folder": str(songs), "text": "mili"})
    assert listed["rows"][0]["path"] == str(songs / "2 Mili - Vulnerability")
    assert (listed["folder"], listed["parent"]) == (str(songs), str(tmp_path))
    assert rows(songs / "3 xi - Glorious Crown") == [("here", "3 xi - Glorious Crown")]
    with pytest.raises(UsageError, match="no such folder"):
        maps.page.browse({"folder": str(songs / "none")})


def test_without_a_folder_the_users_own_is_listed(maps, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / "Music").mkdir()
    found = maps.page.browse({"folder": ""})
    assert found["folder"] == str(tmp_path) and "Music" in [row["name"] for row in found["rows"]]
    assert maps.page.browse({"folder": tmp_path.anchor})["parent"] == ""


def test_levels_of_single_difficulties_are_given_on_the_page(maps):
    name = maps.page.difficulties({"path": str(maps.folder)})[0]["name"]
    run = maps.page.start({"path": str(maps.folder), "model": NO_MODEL, "levels": {name: "insane"}})["run"]
    maps.done(run)
    levels = {
        one.shown.version: one.settings.of_difficulty(one.shown.version).level
        for one in maps.page.results[run].difficulties
    }
    assert levels.pop(name) == "insane" and set(levels.values()) == {None}
    odd = maps.page.start({"path": str(maps.folder), "model": NO_MODEL, "levels": {"[?*]": "easy"}})["run"]
    maps.done(odd)
    assert {one.settings.of_difficulty("anything").level for one in maps.page.results[odd].difficulties} == {None}
    of_all = maps.page.start({"path": str(maps.folder), "model": NO_MODEL, "level": "easy"})["run"]
    maps.done(of_all)  # of several difficulties, each has its own
    assert {one.settings.of_difficulty(one.shown.version).level for one in maps.page.results[of_all].difficulties} == {
        None
    }
    alone = maps.page.start({"path": str(next(maps.folder.glob("*.osu"))), "model": NO_MODEL, "level": "easy"})["run"]
    maps.done(alone)
    assert [one.settings.level for one in maps.page.results[alone].difficulties] == ["easy"]
    with pytest.raises(UsageError, match="not one of easy"):
        maps.page.start({"path": str(maps.folder), "levels": {name: "impossible"}})


def test_only_uploads_are_gathered(maps, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    (tmp_path / "secret.osu").touch()
    sent = [tmp_path / "uploads" / name for name in ("a.osu", "song.mp3")]
    for path in sent:
        path.touch()
    with pytest.raises(UsageError, match="not uploaded"):
        maps.page.gather({"files": [str(tmp_path / "secret.osu")]})
    folder = Path(maps.page.gather({"files": [str(path) for path in sent]}))
    assert sorted(path.name for path in folder.iterdir()) == ["a.osu", "song.mp3"]


def test_an_uploaded_folder_keeps_its_tree(maps, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    (tmp_path / "uploads").mkdir()
    sent = [str(tmp_path / "uploads" / name) for name in ("a.osu", "song.mp3", "star.png")]
    for path in sent:
        Path(path).touch()
    names = ["1 A - B/a.osu", "1 A - B/song.mp3", "1 A - B/sb/star.png"]
    folder = Path(maps.page.gather({"files": sent, "names": names}))
    assert folder.name == "1 A - B"
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*")) == ["a.osu", "sb/star.png", "song.mp3"]
    for wrong in ("../../a.osu", "x/../../../a.osu", ""):
        with pytest.raises(UsageError, match="lead out"):
            maps.page.gather({"files": sent[:1], "names": [wrong]})
    absolute = Path(maps.page.gather({"files": sent[:1], "names": ["/etc/a.osu"]}))
    assert absolute.is_relative_to(tmp_path / "uploads")
    with pytest.raises(UsageError, match="lead out"):
        maps.page.gather({"files": sent, "names": names[:2]})
