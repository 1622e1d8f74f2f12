"""How far a lint is: the one shape of progress, from the scoring of a map up to the whole run."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

LOADING = "loading the model"
"""The stage that comes once per process and belongs to no beatmap."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a lint is."""

    stage: str
    """What is being done."""
    beatmap: str
    """The beatmap in work, as its report calls it; empty if there is none yet."""
    done: float
    """Beatmaps, with fractions of the current one."""
    total: float = 1
    """Beatmaps in all, of whoever yields this."""


Steps = Generator[Progress, None, Value]
"""Work that yields its progress and returns a value."""


def advance(steps: Steps[Value], past: float, total: float) -> Steps[Value]:
    """Run steps that are a part of something larger: `past` beatmaps are done before them, of `total`."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        yield replace(step, done=past + step.done, total=total)


def result_of(steps: Generator[Any, None, Value]) -> Value:
    """Run steps to their end without looking at the progress."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
