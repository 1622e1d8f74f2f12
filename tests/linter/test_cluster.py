"""A Dask cluster: the same reports in the same order, whatever happens to workers and single sets."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from maimod.app import main
from maimod.errors import UsageError
from maimod.findings import BeatmapReport
from maimod.linter import cluster
from maimod.linter.api import lint
from maimod.linter.cache import Cache, digest
from tests.linter.test_api import NO_MODEL, ROOT, songs

distributed = pytest.importorskip("distributed")

DYING = """
import os, signal
from maimod.linter import session
real = session.gather
def gather(beatmap, *args):
    place = beatmap.path.parent.name
    marker = os.path.join(os.environ["MARKERS"], place)
    if place.startswith("always") or (place.startswith("once") and not os.path.exists(marker)):
        with open(marker, "a") as file: file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    return real(beatmap, *args)
session.gather = gather
"""
"""For the workers, which are processes of their own: sets by whose name their worker is killed."""


@pytest.fixture(scope="module")
def address():
    """A scheduler with one worker of two threads in this process."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0", protocol="inproc"
    ) as local:
        yield local.scheduler_address
    cluster._session.cache_clear()


def reports(folder: Path, **options) -> list[BeatmapReport]:
    return list(lint([folder], NO_MODEL, **options).report().beatmaps)


def test_reports_are_those_of_one_process_in_its_order(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    songs(Path("Songs"), 4)
    alone = reports(Path("Songs"), jobs=1)
    cache = Cache(tmp_path / "shared")
    for _ in range(2):  # the second time from the cache
        assert reports(Path("Songs"), scheduler=address, cache=cache) == alone
    assert list(cache.folder.rglob("*.z"))


def test_a_set_that_fails_is_an_error_of_that_set(address, tmp_path, monkeypatch):
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    songs(tmp_path, 3)
    real = cluster.Session.lint

    def lint_one(session, source, *args, **options):
        if source.path.name.startswith("1"):
            raise ZeroDivisionError("by nothing")
        return real(session, source, *args, **options)

    monkeypatch.setattr(cluster.Session, "lint", lint_one)
    found = reports(tmp_path, scheduler=address)
    assert [one.status == "error" for one in found] == [False, False, True, True, False, False]
    assert "the worker failed here (a bug, ZeroDivisionError: by nothing)" in found[2].messages[0]


def test_a_set_that_the_workers_do_not_see_is_an_error_that_says_so(address, tmp_path, monkeypatch):
    songs(tmp_path, 1)
    monkeypatch.setattr(cluster, "_failed", lambda source, reason: [BeatmapReport(reason, "error")] * 2)
    sources = list(tmp_path.iterdir())
    run = lint(sources, NO_MODEL, scheduler=address)
    sources[0].rename(tmp_path / "gone")
    assert "the maps must be on shared storage" in run.report().beatmaps[0].path


def test_workers_with_another_maimod_are_refused(address, tmp_path, monkeypatch):
    songs(tmp_path, 1)
    programs = iter(["mine", "another"])
    monkeypatch.setattr(cluster, "of_program", lambda: next(programs))
    with pytest.raises(UsageError, match="has another maimod; install the same version there"):
        reports(tmp_path, scheduler=address)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nonsense://x"])
def test_a_scheduler_that_is_not_there_is_said_in_one_line(tmp_path, capsys, monkeypatch, address):
    monkeypatch.setattr(cluster, "CONNECTING_S", 0.3)
    songs(tmp_path, 1)
    assert main(["check", str(tmp_path), "--no-model", "--scheduler", address]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"maimod: --scheduler {address}: cannot be reached (") and err.count("\n") == 1


def test_workers_that_do_not_start_are_said_in_one_line(tmp_path, capsys, monkeypatch):
    def killed(**options):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", killed)
    songs(tmp_path)
    assert main(["check", str(tmp_path), "--scheduler", "local", "--no-model", "--no-cache"]) == 2
    err = capsys.readouterr().err
    assert err == "maimod: --scheduler local: its workers cannot be started (Nanny failed to start)\n"


def test_without_dask_one_line_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    songs(tmp_path, 1)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["check", str(tmp_path), "--no-model", "--scheduler", "local"]) == 2
    assert capsys.readouterr().err == (
        "maimod: --scheduler local: this needs Dask, which is not installed: "
        'pip install -c constraints.txt ".[cluster]", on the workers too\n'
    )


def test_a_cache_can_be_shared_by_machines(tmp_path, monkeypatch):
    cache, names = Cache(tmp_path), []
    real = os.replace
    monkeypatch.setattr("maimod.linter.cache.os.replace", lambda one, two: (names.append(one.name), real(one, two)))
    for _ in range(2):
        cache.put(digest("a"), "text")
    assert len(set(names)) == 2  # two machines may have processes of the same id

    def refused(path: Path) -> None:
        raise PermissionError("the entry is another user's")

    monkeypatch.setattr("maimod.linter.cache.os.utime", refused)
    assert cache.get(digest("a"), str) == "text"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills by signal")
def test_what_a_killed_worker_was_doing_is_done_again_and_what_kills_every_worker_is_given_up(
    tmp_path, capsys, monkeypatch
):
    import dask

    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(DYING)
    (tmp_path / "markers").mkdir()
    monkeypatch.setenv("MARKERS", str(tmp_path / "markers"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(ROOT)]))
    monkeypatch.setenv("MAIMOD_CACHE_DIR", str(tmp_path / "cache"))
    songs(tmp_path / "Songs", 6)
    for path in (tmp_path / "Songs").rglob("*.osu"):  # sets that differ, or the cache would know them
        path.write_text(path.read_text().replace("Creator:Creator", f"Creator:{path.parent.name[0]}"))
    for place, name in (("1", "once"), ("3", "always")):
        (tmp_path / "Songs" / f"{place} Artist - Title").rename(tmp_path / "Songs" / name)
    command = ["check", str(tmp_path / "Songs"), "--no-model", "--isolated", "--fail-on", "never", "--format", "json"]
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        assert main([*command, "--scheduler", "local", "--jobs", "2"]) == 0
    found = {one["path"]: one for one in json.loads(capsys.readouterr().out)["beatmaps"]}
    assert list(found) == sorted(found) and len(found) == 12
    lost = [path for path, one in found.items() if one["status"] == "error"]
    assert lost == ["always/Easy.osu", "always/Hard.osu"]
    assert "lost its worker again and again" in found["always/Easy.osu"]["messages"][0]
    assert (tmp_path / "markers" / "once").read_text() == "x"
    (tmp_path / "Songs" / "always").rename(tmp_path / "always")
    assert main([*command, "--jobs", "1", "--no-cache"]) == 0
    for one in json.loads(capsys.readouterr().out)["beatmaps"]:
        assert found[one["path"]] == one
