"""Several processes: the same reports, enforced limits, nothing left behind after an aborted run."""

from __future__ import annotations

import gc
import multiprocessing
import os
from contextlib import closing
from pathlib import Path

import pytest

from maimod.errors import CheckpointError, UsageError
from maimod.findings import BeatmapReport, Report
from maimod.linter import pool
from maimod.linter.api import lint
from maimod.linter.limits import Limits
from maimod.linter.pool import LOST_IN_A_ROW
from maimod.linter.progress import Progress
from maimod.linter.settings import Settings
from tests.linter.test_api import FAULTY, MAP, NO_MODEL, ROOT, songs

LIMITS = Limits(seconds=60, megabytes=2_000)
STUMBLE = """
import os, time
from maimod.linter import session
real = session.gather
def gather(beatmap, *args):
    name = beatmap.path.name
    with open(beatmap.path.with_name("worked at"), "a") as file: file.write(name + "\\n")
    if "hang" in name: time.sleep(120)
    if "crash" in name: os._exit(3)
    times = open(beatmap.path.with_name("worked at")).read().split().count(name)
    if "killed" in name and ("always" in name or times == 1): os.kill(os.getpid(), 9)
    if "eat" in name: bytearray(4 << 30)
    return real(beatmap, *args)
session.gather = gather
"""
"""Processes are new interpreters, so failures are planted through `sitecustomize`."""


@pytest.fixture
def stumbling(tmp_path, monkeypatch) -> Path:
    """A folder of maps with names that make a process fail."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(STUMBLE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(ROOT)]))
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    (tmp_path / "set").mkdir()
    return tmp_path / "set"


def write(folder: Path, *names: str, text: str = MAP) -> None:
    for name in names:
        (folder / f"{name}.osu").write_text(text.replace("Version:Version", f"Version:{name}"))


def statuses(report: Report) -> list[tuple[str, str]]:
    return [(beatmap.path, beatmap.status) for beatmap in report.beatmaps]


def test_processes_give_the_same_report_in_the_same_order(tmp_path):
    songs(tmp_path, 5)
    (tmp_path / "broken.osu").write_text("nothing")
    alone = lint([tmp_path], NO_MODEL).report()
    side_by_side = lint([tmp_path], NO_MODEL, jobs=3).report()
    assert side_by_side == alone and len(alone.beatmaps) == 11


def test_a_map_that_takes_too_long_or_kills_its_process_costs_no_other(stumbling, monkeypatch):
    write(stumbling, "a", "crash", "eat", "hang", "z")
    limit = pool._limit
    # Only of the map that hangs, so that a slow machine has time for the others.
    monkeypatch.setattr(pool, "_limit", lambda one, limits: limit(one, limits) / (60 if "hang" in one.beatmap else 1))
    report = lint([stumbling], NO_MODEL, limits=LIMITS).report()
    assert statuses(report) == [
        ("a.osu", "partial"),
        ("crash.osu", "error"),
        ("eat.osu", "error"),
        ("hang.osu", "error"),
        ("z.osu", "partial"),
    ]
    assert report.beatmaps[1].messages == ("crash.osu: ended the process that linted it (exit code 3)",)
    assert "MemoryError" in report.beatmaps[2].messages[0] or os.name == "nt"
    assert report.beatmaps[3].messages == ("hang.osu: took longer than 1 s and was given up",)


@pytest.mark.skipif(os.name == "nt", reason="knows no signal that kills")
def test_a_map_whose_process_is_killed_from_outside_is_tried_once_more(stumbling):
    write(stumbling, "a", "always-killed", "killed-once", "z")
    report = lint([stumbling], NO_MODEL, limits=Limits(seconds=60)).report()
    assert statuses(report) == [
        ("a.osu", "partial"),
        ("always-killed.osu", "error"),
        ("killed-once.osu", "partial"),
        ("z.osu", "partial"),
    ]
    assert report.beatmaps[1].messages == (
        "always-killed.osu: lost its process twice (SIGKILL; too little memory?) and was given up",
    )
    worked = (stumbling / "worked at").read_text().splitlines()
    assert worked == ["a.osu", *["always-killed.osu"] * 2, *["killed-once.osu"] * 2, "z.osu"]


DYING = """
import os, sys
from pathlib import Path
if "multiprocessing.spawn" in " ".join(sys.orig_argv):
    from maimod.linter import session
    real = session.Session.lint
    def lint(*args, **options):
        deaths = Path(os.environ["DEATHS"])
        died = len(deaths.read_text())
        if died < int(os.environ["MOST_DEATHS"]):
            deaths.write_text("x" * (died + 1))
            os._exit(9)
        return real(*args, **options)
    session.Session.lint = lint
"""
"""Processes that end before they have loaded anything, as often as the test says."""


@pytest.mark.parametrize("deaths", [LOST_IN_A_ROW - 1, LOST_IN_A_ROW])
def test_a_process_that_ends_while_it_loads_the_model_is_replaced_but_not_for_ever(tmp_path, monkeypatch, deaths):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(DYING)
    (tmp_path / "deaths").write_text("")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(ROOT)]))
    monkeypatch.setenv("DEATHS", str(tmp_path / "deaths"))
    monkeypatch.setenv("MOST_DEATHS", str(deaths))
    (tmp_path / "set").mkdir()
    write(tmp_path / "set", "a", "b")
    run = lint([tmp_path / "set"], NO_MODEL, limits=Limits(seconds=60))
    if deaths < LOST_IN_A_ROW:
        assert statuses(run.report()) == [("a.osu", "partial"), ("b.osu", "partial")]
    else:
        with pytest.raises(UsageError, match=r"3 processes in a row ended while they loaded the model \(exit code 9\)"):
            run.report()


def test_what_was_reported_before_a_crash_is_neither_linted_nor_reported_again(stumbling):
    write(stumbling, "a", text=FAULTY)
    write(stumbling, "b", "crash", "d")
    report = lint([stumbling], NO_MODEL, limits=LIMITS).report()
    assert statuses(report) == [
        (f"{name}.osu", "error" if name == "crash" else "partial") for name in ("a", "b", "crash", "d")
    ]
    assert (stumbling / "worked at").read_text().split() == ["a.osu", "b.osu", "crash.osu", "d.osu"]
    (stumbling / "worked at").unlink()
    rest = lint([stumbling / f"{name}.osu" for name in "abd"], NO_MODEL).report()
    assert [b.findings for b in report.beatmaps if b.status != "error"] == [b.findings for b in rest.beatmaps]
    # Findings about the whole set are only in the first report.
    assert [[f.rule for f in b.findings].count("mapset/preview") for b in rest.beatmaps] == [1, 0, 0]


def test_a_run_that_is_dropped_leaves_no_process(tmp_path):
    songs(tmp_path, 4)
    for item in lint([tmp_path], NO_MODEL, jobs=2):
        if isinstance(item, BeatmapReport):
            break
    del item
    gc.collect()
    assert multiprocessing.active_children() == []
    with closing(lint([tmp_path], NO_MODEL, jobs=2)) as run:
        next(run)
        assert len(multiprocessing.active_children()) == 2
    assert multiprocessing.active_children() == []
    assert list(run) == []


def test_a_model_that_cannot_be_loaded_is_told_in_one_line(tmp_path):
    songs(tmp_path, 1)
    (tmp_path / "model").mkdir()
    with pytest.raises(CheckpointError, match="model") as raised:
        lint([tmp_path], Settings(model=str(tmp_path / "model"), device="cpu"), limits=Limits(seconds=60)).report()
    assert "\n" not in str(raised.value)


def test_progress_of_all_processes_adds_up(tmp_path):
    songs(tmp_path, 3)
    steps = [item for item in lint([tmp_path], NO_MODEL, jobs=2) if isinstance(item, Progress)]
    done = [step.done for step in steps]
    assert done == sorted(done) and {step.total for step in steps} == {6} and 4 < done[-1] < 6
    assert {step.beatmap for step in steps} == {
        "",
        *(f"{number} Artist - Title/{name}.osu" for number in range(3) for name in ("Easy", "Hard")),
    }
