"""Limits that are watched from inside: what exceeds them is given up, and nothing else is hit."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from maimod.commands.resolve import resolve
from maimod.linter import limits, session
from maimod.linter.api import lint
from maimod.linter.cache import Cache
from maimod.linter.limits import DEFAULT_MEGABYTES, DEFAULT_SECONDS, Limits, OverLimit, Watch
from maimod.linter.progress import SCORING, Progress, Steps, result_of
from maimod.linter.settings import Settings
from tests import maps

NO_MODEL = Settings(model=None)


def busy(seconds: float) -> str:
    """Work in Python, inside a handler that takes every error for a failed rule."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            sum(range(100))
        except Exception:
            return "swallowed"
    return "done"


class TestTime:
    def test_what_takes_too_long_is_given_up_and_says_so(self) -> None:
        with pytest.raises(OverLimit, match=r"took longer than 0\.1 s and was given up \(--timeout\)"):
            Watch(Limits(seconds=0.1)).run(lambda: busy(40))

    def test_what_is_in_time_or_has_no_limit_is_not(self) -> None:
        watch = Watch(Limits(seconds=5))
        assert [watch.run(lambda: busy(0.01)) for _ in range(20)] == ["done"] * 20
        assert Watch().run(lambda: busy(0.01)) == "done"

    def test_what_follows_is_not_hit(self) -> None:
        """The end of the work and the end of its time come together again and again."""
        watch = Watch(Limits(seconds=0.02))
        for _ in range(40):
            try:
                watch.run(lambda: busy(0.022))
            except OverLimit as limit:
                assert "took longer" in f"{limit}"
            busy(0.002)
        busy(0.2)

    def test_an_error_that_gets_lost_is_raised_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "AGAIN_S", 0.1)
        lost = []

        def work() -> None:
            try:
                busy(40)
            except OverLimit as error:
                lost.append(error)
            busy(40)

        with pytest.raises(OverLimit, match="took longer"):
            Watch(Limits(seconds=0.1)).run(work)
        assert len(lost) == 1

    def test_a_caller_that_is_slow_between_the_steps_takes_no_time(self) -> None:
        def steps() -> Steps[str]:
            for _ in range(3):
                yield Progress("reading", "", 0.0)
            return "done"

        work = Watch(Limits(seconds=0.4)).steps(steps())
        for _ in range(3):
            next(work)
            time.sleep(0.3)
        assert result_of(work) == "done"

    def test_all_steps_together_have_the_time_but_scoring_has_it_step_by_step(self) -> None:
        def steps(stage: str) -> Steps[str]:
            for _ in range(8):
                yield Progress(stage, "", 0.0)
                busy(0.12)
            return "done"

        watch = Watch(Limits(seconds=0.6))
        assert result_of(watch.steps(steps(SCORING))) == "done"
        with pytest.raises(OverLimit):
            result_of(watch.steps(steps("detecting")))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory is in use")
def test_what_fills_the_memory_is_given_up() -> None:
    def fill() -> None:
        kept = []
        for _ in range(2_000):
            kept.append(bytearray(b"x" * 1_000_000))
            time.sleep(0.001)

    with pytest.raises(OverLimit, match=r"took more than 100 MB and was given up \(--memory\)"):
        Watch(Limits(seconds=60, megabytes=100)).run(fill)


def test_a_beatmap_over_its_limit_costs_no_other_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / f"{name}.osu").write_text(maps.text(metadata={"Version": name}))
    real = session.gather

    def gather(beatmap, *args):  # type: ignore[no-untyped-def]
        if beatmap.path.name == "b.osu":
            busy(40)
        return (yield from real(beatmap, *args))

    monkeypatch.setattr(session, "gather", gather)
    cache = Cache(tmp_path / "cache")
    report = lint([tmp_path], NO_MODEL, cache=cache, watched=Limits(seconds=2)).report()
    assert [(one.path, one.status) for one in report.beatmaps] == [
        ("a.osu", "partial"),
        ("b.osu", "error"),
        ("c.osu", "partial"),
    ]
    assert report.beatmaps[1].messages == ("b.osu: took longer than 2 s and was given up (--timeout)",)
    monkeypatch.setattr(session, "gather", real)
    again = lint([tmp_path], NO_MODEL, cache=cache, watched=Limits(seconds=20)).report()
    assert [one.status for one in again.beatmaps] == ["partial"] * 3


def test_a_set_over_its_limit_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.osu").write_text(maps.text())
    monkeypatch.setattr(session, "analyse_set", lambda evidence: busy(40))
    (report,) = lint([tmp_path], NO_MODEL, watched=Limits(seconds=2)).report().beatmaps
    assert report.status == "partial"
    assert "the set took longer than 2 s and was given up (--timeout)" in report.messages


@pytest.mark.parametrize(
    ("typed", "enforced", "watched"),
    [
        ({}, Limits(), Limits(DEFAULT_SECONDS, DEFAULT_MEGABYTES)),
        ({"timeout": 9.0}, Limits(seconds=9.0), Limits(megabytes=DEFAULT_MEGABYTES)),
        ({"memory": 900}, Limits(megabytes=900), Limits(seconds=DEFAULT_SECONDS)),
        ({"timeout": 0.0, "memory": 0}, Limits(), Limits()),
    ],
)
def test_a_limit_that_is_given_needs_a_process_and_the_default_none(
    tmp_path: Path, typed: dict[str, float], enforced: Limits, watched: Limits
) -> None:
    check = resolve([str(tmp_path)], {**typed, "isolated": True, "no_cache": True})
    assert (check.limits, check.watched) == (enforced, watched)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_freed_memory_is_used_again() -> None:
    code = (
        "import sys, resource, numpy as np; from maimod.linter.limits import set_memory_policy\n"
        "if sys.argv[1] == 'kept': set_memory_policy()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "for _ in range(100): np.ones(1 << 18, np.float32) * 2\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)"
    )
    kept, returned = (
        int(subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, check=True).stdout)
        for how in ("kept", "returned")
    )
    assert kept < 2_000 and kept < returned / 5
