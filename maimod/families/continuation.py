"""How a model would go on with a map: continuations drawn from its own predictions. Evidence alone, never an edit."""

from __future__ import annotations

from collections.abc import Generator
from typing import cast

import msgspec
import numpy as np

from maimod.events.schema import Event, EventKind
from maimod.families.draft import Branch
from maimod.families.family import EncodedMap, Model
from maimod.families.runner import ContinuingRunner

MAX_TOKENS = 240
"""Of one continuation; the densest seconds of a ranked map take fewer."""


class Sampling(msgspec.Struct, frozen=True):
    """How continuations are drawn."""

    count: int = 3
    temperature: float = 0.9
    """Below 1 likely tokens are drawn more often than the model predicts."""
    top_p: float = 0.9
    """Tokens beyond this share of the probability are not drawn."""
    seed: int = 1


def continuations(
    model: Model, encoded: EncodedMap, time: float, until: float, sampling: Sampling | None = None
) -> Generator[float, None, list[list[Event]]]:
    """Let the model go on with a map several times, side by side.

    Args:
        model: that the map was encoded for.
        encoded: the map; what it has from `time` on is not given to the model.
        time: ms.
        until: ms at which continuations end; earlier if the model's window does.
        sampling: None is the default. The same sampling of the same place gives the same.

    Yields:
        The share that is done, after each token; closing the generator ends it.

    Returns:
        The events of each continuation, with times from `time` on and before `until`; the last objects may lack their
        ends.
    """
    sampling = sampling or Sampling()
    draft = encoded.draft(time, until - time)
    until = min(until, draft.end)
    growing = cast(ContinuingRunner, model.runner).begin(draft.inputs, sampling.count)
    random = [np.random.default_rng([sampling.seed, copy]) for copy in range(sampling.count)]
    branches = [draft.branch() for _ in range(sampling.count)]
    hidden = np.repeat(growing.first[None], sampling.count, axis=0)
    left = list(range(sampling.count))
    for number in range(MAX_TOKENS):
        logits, rows, goes_on = model.runner.logits(hidden), {}, []
        for row, copy in enumerate(left):
            token = _drawn(logits[row], branches[copy], time, sampling, random[copy])
            if token is not None:
                rows[copy] = branches[copy].append(token)
                if branches[copy].time < until:
                    goes_on.append(copy)
        left = goes_on
        if not left:
            break
        reached = min(branches[copy].time for copy in left)
        yield min(max((reached - time) / max(until - time, 1.0), number / MAX_TOKENS, 0.0), 1.0)
        by_token = {name: np.stack([rows[copy][name] for copy in left]) for name in rows[left[0]]}
        hidden = growing.extend(left, by_token)
    return [[event for event in branch.events if time - 1 < event.time < until] for branch in branches]


def _drawn(
    logits: np.ndarray, branch: Branch, time: float, sampling: Sampling, random: np.random.Generator
) -> int | None:
    """A legal token, drawn by its probability; None if there is none."""
    ids = np.flatnonzero(branch.legal())
    ids = ids[[not _is_past(branch, int(token), time) for token in ids]] if branch.time < time else ids
    if not len(ids):
        return None
    scaled = logits[ids].astype(float) / sampling.temperature
    chances = np.exp(scaled - scaled.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(chances[order]), sampling.top_p)) + 1]
    shares = chances[kept] / chances[kept].sum()
    return int(ids[kept[random.choice(len(kept), p=shares)]])


def _is_past(branch: Branch, token: int, time: float) -> bool:
    """Whether a token puts an event before the place: the map has been decided there."""
    kind, value = branch.vocabulary.decode(token)
    return kind is EventKind.TIME and branch.time_of(value) < time - 1
