"""Ctrl+C and SIGTERM in real processes: what is done is reported, nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from maimod.app import main
from tests.linter.test_api import songs

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks for processes as Linux shows them"
)

ROOT = Path(__file__).parents[2]
HANG = """
import os, signal, time
from maimod.linter import session
real = session.gather
def gather(beatmap, *args):
    if beatmap.version == "hang":
        if "deaf" in os.environ:  # as native code: signals go to other threads and do not end the waiting
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        with open(os.environ["reached"], "w"): pass
        time.sleep(60)
    return real(beatmap, *args)
session.gather = gather
"""
FORMATS = ("json", "sarif", "junit", "github", "markdown", "html", "console")
LINE = "maimod: interrupted after"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which maimod hangs at difficulties that are called so."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(HANG)
    (tmp_path / "temp").mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), str(ROOT)]))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    monkeypatch.setenv("reached", str(tmp_path / "reached"))
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    return tmp_path


def hang(path: Path) -> None:
    path.write_text(path.read_text().replace("Version:Easy", "Version:hang").replace("Version:Hard", "Version:hang"))


def started(
    place: Path, arguments: Sequence[str], until: Callable[[], bool], script: Path = ROOT / "mai_mod.py"
) -> subprocess.Popen[str]:
    """Start a script as a terminal does, and wait for something."""
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own
        # Shells let what they start in the background ignore Ctrl+C, and what that starts inherits it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
        time.sleep(0.02)
    return process


def ended(process: subprocess.Popen[str], place: Path, number: signal.Signals, times: int = 1) -> tuple[str, str]:
    """Send a signal as a terminal does, to all processes of the group; the output."""
    for _ in range(times):
        os.killpg(process.pid, number)
        time.sleep(0.5 * (times > 1))
    out, err = process.communicate(timeout=20)
    assert process.returncode == 128 + number
    assert not list((place / "temp").iterdir()) and not processes_of(place)
    assert "Traceback" not in err and "Traceback" not in out
    return out, err


def processes_of(place: Path) -> list[str]:
    """Command lines of the processes that have the temporary folder of the test."""
    found = []
    time.sleep(0.1)  # a process that was killed takes a moment
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={place}/temp".encode() in (one / "environ").read_bytes():
                found.append((one / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_reports_of_what_is_done_are_written(place, jobs, number):
    songs(place / "Songs", 3)
    for path in (place / "Songs").rglob("*.osu"):  # equal mapsets share an entry of the cache
        path.write_text(path.read_text().replace("Creator:Creator", f"Creator:{path.parent.name[0]}"))
    hang(place / "Songs" / "1 Artist - Title" / "Hard.osu")
    cached = place / "cache"
    arguments = ["Songs", "--no-model", "--jobs", jobs, "--cache-dir", str(cached)]
    formats = [token for name in FORMATS for token in ("--format", f"{name}:report.{name}")]

    def reached() -> bool:
        """With two processes the third mapset is done as well. A mapset has an entry, as has each listed difficulty."""
        return (place / "reached").exists() and len(list(cached.rglob("*.z"))) == 3 + int(jobs)

    process = started(place, ["check", *arguments, *formats, "--format", "console"], reached)
    time.sleep(float(jobs) - 1)  # another process writes the entry a moment before its result arrives
    out, err = ended(process, place, number)
    written = ", ".join(f"{name}:report.{name}" for name in FORMATS)
    assert err == f"{LINE} {jobs} of 3 mapsets; unfinished reports written: {written}\n"

    done = ["0 Artist - Title/Easy.osu", "0 Artist - Title/Hard.osu", "1 Artist - Title/Easy.osu"]
    done += ["2 Artist - Title/Easy.osu", "2 Artist - Title/Hard.osu"] * (jobs == "2")
    missing = 6 - len(done)
    sentence = f"Unfinished: the run was interrupted after {len(done)} of 6 difficulties."
    report = {name: (place / f"report.{name}").read_text() for name in FORMATS}
    document = json.loads(report["json"])
    assert [beatmap["path"] for beatmap in document["beatmaps"]] == done and document["unfinished"] == missing
    (run,) = json.loads(report["sarif"])["runs"]
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][-1] == {"level": "error", "message": {"text": sentence}}
    *suites, last = ElementTree.fromstring(report["junit"])
    assert len(suites) == len(done) and last.find("testcase/error").get("message") == sentence
    assert f"::error title=maimod::{sentence}\n" in report["github"]
    assert f"\n**{sentence}**\n" in report["markdown"]
    assert f'"unfinished": {missing}' in report["html"] and f'data-strip="{len(done) - 1}"' in report["html"]
    assert sentence in " ".join(report["console"].split()) and sentence in " ".join(out.split())


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_second_interrupt_ends_it_at_once(place, jobs, monkeypatch):
    songs(place / "Songs", 2)
    hang(place / "Songs" / "0 Artist - Title" / "Easy.osu")
    shutil.make_archive(str(place / "set"), "zip", place / "Songs" / "0 Artist - Title")
    (place / "set.zip").rename(place / "set.osz")
    monkeypatch.setenv("deaf", "1")
    arguments = ["check", "set.osz", "Songs", "--no-model", "--no-cache", "--jobs", jobs, "--format", "json:a.json"]
    process = started(place, arguments, (place / "reached").exists)
    if jobs == "2":  # the first one is enough, because only the processes hang
        _, err = ended(process, place, signal.SIGINT)
        assert err.startswith(LINE) and (place / "a.json").exists()
    else:
        assert ended(process, place, signal.SIGINT, times=2) == ("", "") and not (place / "a.json").exists()


def test_the_same_interrupt_twice_is_one(place):
    """As of `timeout`, and of programs that pass on what the terminal has already sent to all."""
    songs(place / "Songs", 1)
    hang(place / "Songs" / "0 Artist - Title" / "Hard.osu")
    process = started(place, ["Songs", "--no-model", "--no-cache", "--jobs", "1"], (place / "reached").exists)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    out, err = ended(process, place, signal.SIGTERM)
    assert err == f"{LINE} 0 of 1 mapset\n" and "interrupted after 1 of 2 difficulties" in out


def test_an_old_baseline_stays(place):
    songs(place / "Songs", 1)
    hang(place / "Songs" / "0 Artist - Title" / "Hard.osu")
    (place / "old.json").write_text('{"schema": "maimod-baseline/1", "model": null, "findings": []}')
    before = (place / "old.json").read_bytes()
    arguments = ["Songs", "--no-model", "--no-cache", "--jobs", "1", "--baseline", "old.json", "--write-baseline"]
    _, err = ended(started(place, arguments, (place / "reached").exists), place, signal.SIGINT)
    assert err == f"{LINE} 0 of 1 mapset; old.json is left as it was\n" and (place / "old.json").read_bytes() == before


def test_watching_ends_in_the_middle_of_a_check(place):
    songs(place / "Songs", 1)
    hang(place / "Songs" / "0 Artist - Title" / "Hard.osu")
    arguments = [
        "Songs",
        "--no-model",
        "--no-cache",
        "--jobs",
        "1",
        "--watch",
        "--format",
        "console",
        "--format=json:a.json",
    ]
    _, err = ended(started(place, arguments, (place / "reached").exists), place, signal.SIGINT)
    assert err == f"{LINE} 0 of 1 mapset; unfinished reports written: json:a.json\n"


def test_an_interrupt_while_the_reports_are_written_waits_for_them(place):
    (place / "site" / "sitecustomize.py").write_text(
        """
import os, signal
from maimod.reporters import markdown
real = markdown.counts
def counts(report):
    os.kill(os.getpid(), signal.SIGTERM)
    return real(report)
markdown.counts = counts
"""
    )
    songs(place / "Songs", 1)
    arguments = ["Songs", "--no-model", "--no-cache", "--jobs", "1", "--format=markdown:a.md", "--format=json:a.json"]
    process = started(place, arguments, lambda: True)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert err.splitlines()[-1] == f"{LINE} 1 of 1 mapset; all reports are written"
    assert json.loads((place / "a.json").read_text())["unfinished"] == 0 and (place / "a.md").exists()


def test_processes_of_a_training_end_with_it(place):
    (place / "work.py").write_text(
        """
import sys, time
from pathlib import Path
from maimod.app import app, main
from maimod.training.processes import map_in_processes

def work(item):
    Path(f"at {item}").touch()
    time.sleep(60)

@app.command()
def wait() -> int:
    return len(list(map_in_processes(work, range(4), 2)))

if __name__ == "__main__":
    sys.exit(main(["wait"]))
"""
    )
    process = started(place, [], lambda: len(list(place.glob("at *"))) == 2, place / "work.py")
    assert ended(process, place, signal.SIGINT) == ("", "maimod: interrupted\n")


def test_an_interrupted_training_says_how_it_continues(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("maimod.training.tasks.train", interrupted)
    assert main(["train", str(tmp_path), "--output", str(tmp_path / "out")]) == 130
    line = f"maimod: interrupted; the same command continues from what is stored in {tmp_path / 'out'}\n"
    assert capsys.readouterr().err == line
