"""Progress of a lint: one type for all levels, from the scoring of a map to the whole run."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import msgspec

LOADING = "loading the model"
"""The stage that occurs once per process and belongs to no beatmap."""

SCORING = "scoring"
"""The stage in which a model scores the events of a map."""

Value = TypeVar("Value")


class Progress(msgspec.Struct, frozen=True):
    """Progress of a lint."""

    stage: str
    """Current stage."""
    beatmap: str
    """Name of the current beatmap in its report; empty if there is none yet."""
    done: float
    """Number of beatmaps done, with a fraction for the current one."""
    total: float = 1
    """Number of beatmaps in all, at the level that yields this."""


Steps = Generator[Progress, None, Value]
"""A generator that yields its progress and returns a value."""


def advance(steps: Steps[Value], past: float, total: float) -> Steps[Value]:
    """Run steps as a part of a larger task: `past` beatmaps are done before them, of `total`."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            return end.value
        yield msgspec.structs.replace(step, done=past + step.done, total=total)


def result_of(steps: Generator[Any, None, Value]) -> Value:
    """Run steps to their end and ignore the progress."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
