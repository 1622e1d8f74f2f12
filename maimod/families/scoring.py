"""Teacher forcing: the surprisal of every event of a map, given the song and the map so far.

The same code for every family: an :class:`EncodedMap` gives windows and their inputs; here they are batched, run, and
turned into scores. Everything is in bits. A surprisal is taken from the log-softmax in float32, without a floor; the
distribution is over the whole vocabulary, the alternatives shown are those that are legal at that place.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from maimod.events.grammar import successors
from maimod.events.schema import EventKind, EventScore
from maimod.families.family import EncodedMap, Model
from maimod.families.inputs import WindowInputs, stack
from maimod.families.windows import Window

BATCH_POSITIONS = {"cpu": 6_000, "cuda": 64_000, "mps": 16_000}
"""Encoder positions and padded tokens run at a time. This bounds the memory; more is not faster on that kind of
device."""
N_EXPECTED = 4
"""Alternatives kept per event."""
TOLERANCES = {
    EventKind.TIME: 1,
    EventKind.DISTANCE: 16,
    EventKind.POS_X: 16,
    EventKind.POS_Y: 16,
    EventKind.VOLUME: 5,
    EventKind.SCROLL_SPEED: 5,
}
"""How far off an ordinal value still counts as the same: ticks or time steps, osu! pixels, percent, hundredths."""
EXACT_FLOOR = 1e-10
"""The original adds this to probabilities before the logarithm, which limits surprisals to 33.2 bits (docs/compat.md
§9)."""


def score(model: Model, encoded: EncodedMap, exact: bool = False) -> dict[str, tuple[EventScore, ...]]:
    """Score every event of a map, each exactly once; as :func:`score_in_steps`, without the steps."""
    steps = score_in_steps(model, encoded, exact)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@torch.inference_mode()
def score_in_steps(
    model: Model, encoded: EncodedMap, exact: bool = False
) -> Generator[float, None, dict[str, tuple[EventScore, ...]]]:
    """Score every event of a map, each exactly once.

    Args:
        model: a checkpoint.
        encoded: the map, from :meth:`maimod.families.family.Family.encode`.
        exact: surprisal and entropy by the original's formula, and alternatives from the whole vocabulary, legal or
            not.

    Yields:
        The share that is done, after each batch.

    Returns:
        One EventScore per event, in order, by the name of the context.
    """
    results: dict[str, list[EventScore | None]] = {
        name: [None] * len(events) for name, events in encoded.contexts.items()
    }
    scorer = _Scorer(model, encoded, exact)
    done = 0
    for batch in _batches(model, encoded):
        hidden = _run(model, [inputs for _, inputs in batch])
        for row, (window, inputs) in enumerate(batch):
            for name, span, first in zip(results, window.spans, inputs.rows, strict=True):
                if len(span.owned):
                    offsets = np.searchsorted(span.events, span.owned) + first
                    targets = inputs.by_token["tokens"][offsets + 1]
                    with _autocast(model):
                        logits = model.network.logits(hidden[row, torch.from_numpy(offsets).to(hidden.device)])
                    for index, found in zip(
                        span.owned, scorer.scores(logits, targets, name, span.owned, window), strict=True
                    ):
                        results[name][index] = found
        done += len(batch)
        yield done / len(encoded.windows)
    assert all(found is not None for scores in results.values() for found in scores)
    return {name: tuple(found for found in scores if found is not None) for name, scores in results.items()}


def _batches(model: Model, encoded: EncodedMap) -> Iterator[list[tuple[Window, WindowInputs]]]:
    """Batch windows of about equal length, so that there is little padding; windows are made when needed, so that few
    are in memory."""
    limit = BATCH_POSITIONS.get(_device(model).type, BATCH_POSITIONS["cpu"])
    batch: list[tuple[Window, WindowInputs]] = []
    for window in sorted(encoded.windows, key=lambda window: window.n_events):
        inputs = encoded.inputs(window)
        longest = max(len(each.by_token["tokens"]) for _, each in [*batch, (window, inputs)])
        if batch and (longest + model.config.encoder_positions) * (len(batch) + 1) > limit:
            yield batch
            batch = []
        batch.append((window, inputs))
    if batch:
        yield batch


def _run(model: Model, inputs: Sequence[WindowInputs]) -> Tensor:
    """Last hidden states (B, T, D), windows right-padded."""
    arrays = {name: torch.from_numpy(array).to(_device(model)) for name, array in stack(inputs).items()}
    with _autocast(model):
        hidden: Tensor = model.network.hidden(**arrays)
    return hidden


def _device(model: Model) -> torch.device:
    return next(model.network.parameters()).device


def _autocast(model: Model) -> torch.autocast:
    return torch.autocast(_device(model).type, dtype=model.dtype or torch.bfloat16, enabled=model.dtype is not None)


class _Scorer:
    """Turns rows of logits into EventScores."""

    def __init__(self, model: Model, encoded: EncodedMap, exact: bool) -> None:
        self.vocabulary, self.encoded, self.exact, self.device = model.vocabulary, encoded, exact, _device(model)
        self.tolerances = self._tolerances()
        self.legal: dict[str, tuple[dict[EventKind | None, int], Tensor]] = {}
        for name, merged in zip(encoded.contexts, self.vocabulary.schema.contexts, strict=True):
            follow = successors(self.vocabulary.schema, encoded.beatmap.mode, merged)
            table = torch.zeros(len(follow), self.vocabulary.size_out, dtype=torch.bool)
            for row, kinds in enumerate(follow.values()):
                table[row, torch.from_numpy(self.vocabulary.ids(kinds))] = True
            self.legal[name] = {kind: row for row, kind in enumerate(follow)}, table.to(self.device)

    def _tolerances(self) -> dict[EventKind, int]:
        """Tolerance of each ordinal kind in ids."""
        units = {}
        for kind, tolerance in TOLERANCES.items():
            if kind not in self.vocabulary:
                continue
            unit = self.vocabulary.ranges[kind].step
            if kind in (EventKind.POS_X, EventKind.POS_Y):
                unit *= self.vocabulary.schema.position_precision
            units[kind] = max(1, tolerance // unit)
        return units

    def scores(
        self, logits: Tensor, targets: np.ndarray, context: str, indices: np.ndarray, window: Window
    ) -> list[EventScore]:
        """Scores of the events at `indices` of `context`, whose tokens are `targets`, from their rows (n, V)."""
        events = self.encoded.contexts[context]
        token = torch.from_numpy(targets).to(self.device)[:, None]
        if self.exact:
            probabilities = torch.softmax(logits.float(), dim=-1)
            bits = -torch.log2(probabilities + EXACT_FLOOR)
        else:
            bits = torch.log_softmax(logits.float(), dim=-1) * -(1 / np.log(2.0))
            probabilities = torch.exp2(-bits)
        surprisals = bits.gather(1, token)[:, 0]
        entropies = (probabilities * bits.clamp(max=1e4)).sum(dim=-1)
        near = self._near(probabilities, token, [events[index].kind for index in indices])
        allowed = probabilities if self.exact else self._allowed(probabilities, context, indices)
        best, chosen = allowed.topk(min(N_EXPECTED, allowed.shape[1]), dim=-1)
        columns = (values.tolist() for values in (surprisals, entropies, near, best, chosen))
        scores = []
        for index, surprisal, entropy, mass, shares, ids in zip(indices.tolist(), *columns, strict=True):
            expected = tuple(
                (self.encoded.expected(one, context, index, window), share)
                for one, share in zip(ids, shares, strict=True)
                if share > 0 or one == ids[0]
            )
            scores.append(EventScore(events[index], max(surprisal, 0.0), max(entropy, 0.0), expected, min(mass, 1.0)))
        return scores

    def _near(self, probabilities: Tensor, token: Tensor, kinds: Sequence[EventKind]) -> Tensor:
        """(n,) probability within the tolerance of each token."""
        spans = [self.vocabulary.ranges[kind] for kind in kinds]
        bounds = np.array(
            [(span.first_id, span.first_id + span.size - 1, self.tolerances.get(span.kind, 0)) for span in spans]
        )
        low, high, tolerance = (torch.from_numpy(bounds[:, i : i + 1]).to(self.device) for i in range(3))
        reach = int(tolerance.max())
        ids = token + torch.arange(-reach, reach + 1, device=self.device)
        inside = (ids >= torch.maximum(low, token - tolerance)) & (ids <= torch.minimum(high, token + tolerance))
        return (probabilities.gather(1, ids.clamp(0, probabilities.shape[1] - 1)) * inside).sum(dim=-1)

    def _allowed(self, probabilities: Tensor, context: str, indices: np.ndarray) -> Tensor:
        """Probabilities with those of illegal tokens at 0."""
        rows, table = self.legal[context]
        events = self.encoded.contexts[context]
        before = [events[index - 1].kind if index else None for index in indices.tolist()]
        legal = torch.tensor([rows.get(kind, rows[None]) for kind in before], device=self.device)
        return probabilities * table[legal]
