"""A session lints sources one after the other: loaded networks, cache, failures."""

from __future__ import annotations

import gc
import weakref
import zipfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from maimod.errors import UsageError
from maimod.findings import BeatmapReport, Scope, Tier
from maimod.linter import session as session_module
from maimod.linter.cache import Cache
from maimod.linter.models import Networks
from maimod.linter.progress import LOADING, Progress
from maimod.linter.session import Session
from maimod.linter.settings import Settings
from maimod.osu.discovery import Entry, Source, find
from tests.linter.test_api import MAP, NO_MODEL
from tests.songs import mp3, song_and_times


@pytest.fixture(autouse=True)
def no_debugging(monkeypatch):
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)


def source(tmp_path: Path, *names: str) -> Source:
    folder = tmp_path / "set"
    folder.mkdir()
    for name in names:
        (folder / f"{name}.osu").write_text(MAP.replace("Version:Version", f"Version:{name}"))
    (found,) = find([folder])
    return found


def reports(items) -> list[BeatmapReport]:
    return [item for item in items if isinstance(item, BeatmapReport)]


def test_networks_are_loaded_once_and_that_is_told(tmp_path):
    loaded = []

    def load(settings: Settings) -> Networks:
        loaded.append(settings.device)
        return Networks()

    one, session = source(tmp_path, "a"), Session(load=load)
    first = list(session.lint(one, Settings(device="cpu")))
    assert isinstance(first[0], Progress) and first[0].stage == LOADING
    again = list(session.lint(one, Settings(device="cpu", ignore=("rhythm",))))
    assert not any(isinstance(item, Progress) and item.stage == LOADING for item in again)
    list(session.lint(one, Settings(device="cpu", precision="bf16")))
    assert loaded == ["cpu", "cpu"]


def test_progress_counts_the_beatmaps_of_the_source(tmp_path):
    items = list(Session().lint(source(tmp_path, "a", "b"), NO_MODEL))
    steps = [item for item in items if isinstance(item, Progress)]
    assert [item.beatmap for item in items if isinstance(item, Progress) and item.stage == "reading"] == [
        "",
        "a.osu",
        "b.osu",
    ]
    assert {step.total for step in steps} == {2} and [step.done for step in steps] == sorted(
        step.done for step in steps
    )
    assert 1.8 < steps[-1].done < 2


def test_evidence_goes_with_its_map(tmp_path, monkeypatch):
    """Nothing that is computed from it refers back to it: else a set would need the memory of several maps until Python looks for cycles."""
    left, analyse = [], session_module.analyse

    def watched(gathered, *arguments):
        left.append(weakref.ref(gathered.evidence))
        return analyse(gathered, *arguments)

    monkeypatch.setattr(session_module, "analyse", watched)
    items = Session().lint(source(tmp_path, "a", "b"), NO_MODEL)
    gc.disable()
    try:
        assert [[found() for found in left] for item in items if isinstance(item, BeatmapReport)] == [
            [None],
            [None] * 2,
        ]
    finally:
        gc.enable()


def test_a_file_that_cannot_be_read_goes_the_way_of_the_others(tmp_path):
    one = source(tmp_path, "a", "b")
    (tmp_path / "set" / "a.osu").write_text("nothing")
    (tmp_path / "set" / "b.osu").rename(tmp_path / "set" / "b.txt")  # no beatmap by its name, and so of no set
    asked = msgspec.structs.replace(
        one, entries=(*one.entries[:1], Entry("b.txt", "b.txt", "b.txt"), Entry("c.osu", "c.osu", "c.osu"))
    )
    drawn: list[str] = []
    found = reports(Session().lint(asked, NO_MODEL, lambda analysis, ask: drawn.append(analysis.report.path)))
    assert [(report.path, report.status) for report in found] == [
        ("a.osu", "error"),
        ("b.txt", "partial"),
        ("c.osu", "error"),
    ]
    assert drawn == ["b.txt"] and "c.osu" in found[2].messages[0]


def test_a_set_is_read_once_for_a_look_and_the_lint_after_it(tmp_path, monkeypatch):
    read, true_read = [], session_module.read_sets
    monkeypatch.setattr(session_module, "read_sets", lambda folder: read.append(folder) or true_read(folder))
    one, session = source(tmp_path, "a", "b"), Session()
    looks = session.first_look(one, NO_MODEL)
    (first, second) = reports(session.lint(one, NO_MODEL))
    session.look(one, one.entries[0], NO_MODEL, with_model=False)
    assert len(read) == 1
    for look, report in zip(looks, (first, second), strict=True):
        exact = [finding for finding in report.findings if finding.tier is Tier.EXACT]
        assert exact and [f.id for f in look.report.findings] == [f.id for f in exact]
    assert reports(Session().lint(one, NO_MODEL)) == [first, second]
    read.clear()
    # A save, another file of the folder, other settings and another selection are read again.
    (tmp_path / "set" / "a.osu").write_text(MAP.replace("Version:Version", "Version:c"))
    assert reports(session.lint(one, NO_MODEL))[0].version == "c"
    (tmp_path / "set" / "bg.png").touch()
    list(session.lint(one, NO_MODEL))
    list(session.lint(one, replace(NO_MODEL, level="easy")))
    list(session.lint(msgspec.structs.replace(one, entries=one.entries[:1]), replace(NO_MODEL, level="easy")))
    assert len(read) == 4


def test_too_many_difficulties_are_linted_each_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr("maimod.osu.limits.MAX_BEATMAPS", 1)
    for report in reports(Session().lint(source(tmp_path, "a", "b"), NO_MODEL)):
        assert report.messages[-1] == "the folder holds more than 1 difficulties: no mapset; they are not compared"
        assert not [finding for finding in report.findings if finding.rule == "mapset/preview"]


def test_a_set_that_cannot_be_read_costs_what_is_said_of_sets(tmp_path, monkeypatch):
    monkeypatch.setattr(session_module, "gather_mapset", lambda *_: 1 / 0)
    cache = Cache(tmp_path / "kept")
    (report,) = reports(Session(cache).lint(source(tmp_path, "a"), NO_MODEL))
    assert report.status == "partial" and "reading the set failed here (a bug, ZeroDivisionError" in report.messages[-1]
    assert {f.rule for f in report.findings}.isdisjoint({"mapset/preview", "mapset/tags-genre-language"})
    assert not list(cache.folder.rglob("*.z"))  # it need not fail again


def test_pictures_that_cannot_be_drawn_cost_the_pictures(tmp_path):
    def draw(analysis, ask):
        raise ValueError("no ink")

    one, cache = source(tmp_path, "a"), Cache(tmp_path / "kept")
    (with_pictures,) = reports(Session(cache).lint(one, NO_MODEL, draw))
    (without,) = reports(Session().lint(one, NO_MODEL))
    assert with_pictures.findings == without.findings and "no ink" in with_pictures.messages[-1]
    assert Session(cache).recall(one, NO_MODEL) is None


def test_only_what_is_wanted_is_drawn_and_all_is_kept(tmp_path):
    one, cache, drawn = source(tmp_path, "a"), Cache(tmp_path / "kept"), []
    wanted = replace(NO_MODEL, min_scores=(("", 1.0), ("mapset/preview", 0.0)))
    (report,) = reports(Session(cache).lint(one, wanted, lambda analysis, ask: drawn.append(analysis.report.findings)))
    assert [finding.rule for finding in report.findings] == ["mapset/preview"] and drawn == [report.findings]
    assert Session(cache).recall(one, wanted) == [report]
    assert Session(cache).recall(one, NO_MODEL) == reports(Session().lint(one, NO_MODEL))


def test_findings_are_selected_once(tmp_path, monkeypatch):
    selected = []
    real = Settings.selected
    monkeypatch.setattr(Settings, "selected", lambda *arguments: selected.append(1) or real(*arguments))
    reports(Session().lint(source(tmp_path, "a", "b"), NO_MODEL))
    assert len(selected) == 2


def test_what_was_saved_meanwhile_is_not_kept(tmp_path):
    one, cache = source(tmp_path, "a"), Cache(tmp_path / "kept")
    content = (tmp_path / "set" / "a.osu").read_text()
    for item in Session(cache).lint(one, NO_MODEL):
        if isinstance(item, BeatmapReport):
            (tmp_path / "set" / "a.osu").write_text(content + "\n")
    assert Session(cache).recall(one, NO_MODEL) is None
    (tmp_path / "set" / "a.osu").write_text(content)  # the report may be of either
    assert Session(cache).recall(one, NO_MODEL) is None


def test_usage_errors_end_the_lint(tmp_path, monkeypatch):
    def gather(*_):
        raise UsageError("no such mapper")
        yield

    monkeypatch.setattr(session_module, "gather", gather)
    with pytest.raises(UsageError, match="no such mapper"):
        list(Session().lint(source(tmp_path, "a"), NO_MODEL))


def test_of_very_many_entries_left_out_some_are_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.osz", "w") as archive:
        archive.writestr("a.osu", MAP)
        for number in range(30):
            archive.writestr(f"../{number}.txt", "")
    (one,) = find([tmp_path / "set.osz"])
    (report,) = reports(Session().lint(one, NO_MODEL))
    assert sum("left out" in message for message in report.messages) == 21
    assert report.messages[-1] == f"{tmp_path / 'set.osz'}: 10 more entries are left out"


def test_a_first_look_gives_exact_findings_without_networks_or_song(tmp_path):
    def load(settings: Settings) -> Networks:
        raise AssertionError("no network is needed")

    one = source(tmp_path, "a", "b")
    (tmp_path / "set" / "a.osu").write_text("broken")
    (look,) = Session(load=load).first_look(one, Settings())
    whole = reports(Session().lint(one, NO_MODEL))[1]
    assert look.report.findings == tuple(f for f in whole.findings if f.tier is Tier.EXACT) != ()
    assert (look.report.path, look.report.version, look.song) == (whole.path, "b", None)


def test_a_first_look_at_an_archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.osz", "w") as archive:
        archive.writestr("b.osu", MAP)
    (one,) = find([tmp_path / "set.osz"])
    (look,) = Session().first_look(one, Settings())
    assert look.report.file.endswith("set.osz/b.osu") and look.report.findings


def test_a_look_gathers_the_evidence_of_one_map_again(tmp_path):
    one = source(tmp_path, "a", "b")
    song, _ = song_and_times(8.0)
    mp3(tmp_path / "set" / "audio.mp3", song.samples, song.sample_rate)
    seen = []
    session = Session()
    list(session.lint(one, NO_MODEL, lambda analysis, ask: seen.append(analysis)))
    again, _ = session.look(one, one.entries[1], NO_MODEL)
    assert again.report.path == seen[1].report.path and again.song is seen[1].song is not None
    assert again.evidence.beatmap.version == "b" and again.evidence.mapset is not None


def test_what_the_set_reports_is_not_reported_again_beside_it(tmp_path):
    one = source(tmp_path, "a", "b")
    first, second = reports(Session().lint(one, NO_MODEL))
    of_set = {f.id for f in first.findings if f.scope is Scope.SET}
    assert of_set and not of_set & {f.id for f in second.findings}
    (again,) = reports(Session().lint(one.only(one.entries[1:]), NO_MODEL))
    assert again.findings == second.findings
    cached = Session(Cache(tmp_path / "cache"))
    alone = msgspec.structs.replace(one, entries=one.entries[1:])
    assert len(reports(cached.lint(alone, NO_MODEL))[0].findings) > len(second.findings)
    assert cached.recall(one.only(one.entries[1:]), NO_MODEL) is None
