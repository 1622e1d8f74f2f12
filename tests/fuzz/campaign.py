"""Run a target on many mutants and count what comes of it. A process of its own bounds memory and processor time.

Mutant number N of a seed is always the same, so an input that is found can be made again: `--first N --count 1`.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MAX_CPU_S = 20.0
"""A mutant that takes longer hangs."""
MAX_BYTES = 1_500_000_000
"""Of the process."""


class Broken(AssertionError):
    """A result that is wrong although nothing was raised."""


class Hangs(BaseException):
    """A mutant that takes more than `MAX_CPU_S`."""


@dataclass(frozen=True)
class Outcome:
    """What came of one mutant."""

    refused: bool = False
    bugs: tuple[str, ...] = ()
    """Messages with "(a bug"."""
    kind: str = ""
    """For the counts."""


@dataclass(frozen=True)
class Case:
    """One mutant, ready to run."""

    content: bytes
    """What is kept if it fails."""
    run: Callable[[], Outcome]


@dataclass
class Counts:
    """Of a campaign."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """By what was raised and where."""
    slowest_s: float = 0.0
    slowest: int = -1
    first_peak: float = 0.0

    @property
    def peak_mb(self) -> float:
        if resource is None:
            return 0.0
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)

    def lines(self) -> Iterator[str]:
        """As printed at the end."""
        for name in ("read", "refused", "bugs", "uncaught", "broken", "hangs"):
            yield f"{name}: {self.outcomes[name]:,}"
        for name in sorted(set(self.outcomes) - {"read", "refused", "bugs", "uncaught", "broken", "hangs"}):
            yield f"  {name}: {self.outcomes[name]:,}"
        yield f"slowest: {self.slowest_s:.1f} CPU-s (mutant {self.slowest})"
        yield f"peak: {self.peak_mb:,.0f} MB (before the first mutant {self.first_peak:,.0f} MB)"
        for what, count in self.failures.most_common(40):
            yield f"{count:6} {what}"

    @property
    def failed(self) -> int:
        return sum(self.outcomes[name] for name in ("bugs", "uncaught", "broken", "hangs"))


def run(
    make: Callable[[Random], Case], count: int, seed: int = 1, first: int = 0, keep: Path | None = None, every: int = 0
) -> Counts:
    """Run mutants `first` to `first + count`.

    Args:
        make: makes a case of a random state.
        count: number of mutants.
        seed: of all random states.
        first: number of the first mutant.
        keep: folder for the inputs that fail, three of each kind.
        every: print the counts after so many mutants; 0 never does.
    """
    counts = Counts()
    counts.first_peak = counts.peak_mb
    for number in range(first, first + count):
        case = make(Random(f"{seed}:{number}"))
        before = time.process_time()
        what = ""
        try:
            with limited():
                outcome = case.run()
        except Hangs as error:
            kind, what = "hangs", f"hangs: {_place(error)}"
        except Broken as error:
            kind, what = "broken", f"broken: {error}"[:300]
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            kind, what = "uncaught", f"{type(error).__name__}: {_place(error)}: {error}"[:300]
        else:
            kind = "refused" if outcome.refused else "read"
            if outcome.kind:
                counts.outcomes[outcome.kind] += 1
            if outcome.bugs:
                counts.outcomes["bugs"] += 1
                what = f"bug: {outcome.bugs[0]}"[:300]
        seconds = time.process_time() - before
        if seconds > counts.slowest_s:
            counts.slowest_s, counts.slowest = seconds, number
        counts.outcomes[kind] += 1
        if what:
            key = what.split(" (mutant")[0]
            counts.failures[key] += 1
            if keep is not None and counts.failures[key] <= 3:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{seed}-{number}").write_bytes(case.content)
                (keep / f"{seed}-{number}.txt").write_text(what + "\n", encoding="utf-8", errors="replace")
        if every and (number - first + 1) % every == 0:
            print(
                f"{number - first + 1:,}: {dict(counts.outcomes)}, slowest {counts.slowest_s:.1f} s, {counts.peak_mb:,.0f} MB",
                flush=True,
            )
    return counts


@contextmanager
def limited() -> Iterator[None]:
    """Raise :class:`Hangs` in what takes too long; where there are no such signals, nothing is limited."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def expire(number: int, frame: FrameType | None) -> None:
        raise Hangs

    before = signal.signal(signal.SIGPROF, expire)
    signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def limit_memory() -> None:
    """Let allocations of this process beyond the limit fail, where the system can."""
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_BYTES, MAX_BYTES))


def _place(error: BaseException) -> str:
    """The innermost line of maimod that an error came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/maimod/" in frame.filename]
    if not frames:
        frames = traceback.extract_tb(error.__traceback__)[-1:]
    return f"{frames[-1].filename.rpartition('/maimod/')[2]}:{frames[-1].lineno} {frames[-1].name}" if frames else "?"
