"""Teacher forcing: the surprisal of every event of a map, given the song and the map so far.

The same code for every family: an :class:`EncodedMap` gives windows and their inputs; here they are batched, given to the
network's runner, and turned into scores. Everything is in bits. A surprisal is taken from the log-softmax in float32, without a floor; the
distribution is over the whole vocabulary, the alternatives shown are those that are legal at that place.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np

from maimod.events.grammar import successors
from maimod.events.schema import Event, EventKind, EventScore
from maimod.families.family import EncodedMap, Model
from maimod.families.inputs import WindowInputs
from maimod.families.measures import Measures, Targets
from maimod.families.windows import Window

TOLERANCES = {
    EventKind.TIME: 1,
    EventKind.DISTANCE: 16,
    EventKind.POS_X: 16,
    EventKind.POS_Y: 16,
    EventKind.VOLUME: 5,
    EventKind.SCROLL_SPEED: 5,
}
"""How far off an ordinal value still counts as the same: ticks or time steps, osu! pixels, percent, hundredths."""


def score(model: Model, encoded: EncodedMap, exact: bool = False) -> dict[str, tuple[EventScore, ...]]:
    """Score every event of a map, each exactly once; as :func:`score_in_steps`, without the steps."""
    steps = score_in_steps(model, encoded, exact)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def score_in_steps(
    model: Model, encoded: EncodedMap, exact: bool
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
        hidden = model.runner.hidden([part.inputs for part in batch], [np.concatenate(part.rows) for part in batch])
        for part, states in zip(batch, hidden, strict=True):
            ends = np.cumsum([len(rows) for rows in part.rows])
            for name, span, rows, end in zip(results, part.window.spans, part.rows, ends, strict=True):
                if len(rows):
                    targets = scorer.targets(part.tokens[rows + 1], name, span.owned)
                    measures = model.runner.measures(states[end - len(rows) : end], targets)
                    found = scorer.scores(measures, name, span.owned, part.window)
                    for index, one in zip(span.owned, found, strict=True):
                        results[name][index] = one
        done += len(batch)
        yield done / len(encoded.windows)
    assert all(found is not None for scores in results.values() for found in scores)
    return {name: tuple(found for found in scores if found is not None) for name, scores in results.items()}


class _Part:
    """A window with its inputs, without the tokens after the last that is scored: nothing depends on them."""

    def __init__(self, window: Window, inputs: WindowInputs) -> None:
        self.window, self.tokens = window, inputs.by_token["tokens"]
        self.rows = [
            np.searchsorted(span.events, span.owned) + first
            for span, first in zip(window.spans, inputs.rows, strict=True)
        ]
        """For each context the rows whose output predicts the events owned."""
        self.length = 1 + max((int(rows[-1]) for rows in self.rows if len(rows)), default=0)
        by_token = {name: array[: self.length] for name, array in inputs.by_token.items()}
        self.inputs = replace(inputs, by_token=by_token)


def _batches(model: Model, encoded: EncodedMap) -> Iterator[list[_Part]]:
    """Batch windows of about equal length, so that there is little padding; windows are made when needed, so that few
    are in memory."""
    batch: list[_Part] = []
    for window in sorted(encoded.windows, key=lambda window: window.n_events):
        part = _Part(window, encoded.inputs(window))
        longest = max(each.length for each in [*batch, part])
        if batch and (longest + model.config.encoder_positions) * (len(batch) + 1) > model.runner.batch_positions:
            yield batch
            batch = []
        batch.append(part)
    if batch:
        yield batch


class _Scorer:
    """Turns rows of logits into EventScores."""

    def __init__(self, model: Model, encoded: EncodedMap, exact: bool) -> None:
        self.vocabulary, self.encoded, self.exact = model.vocabulary, encoded, exact
        self.tolerances = self._tolerances()
        decoded = [self.vocabulary.decode(token) for token in range(self.vocabulary.size_out)]
        self.kinds = [kind or EventKind.CONTROL for kind, _ in decoded]
        self.values = np.array([value for _, value in decoded])
        self.is_time = np.array([kind is EventKind.TIME for kind in self.kinds])
        self.legal: dict[str, tuple[dict[EventKind | None, int], np.ndarray]] = {}
        for name, merged in zip(encoded.contexts, self.vocabulary.schema.contexts, strict=True):
            follow = successors(self.vocabulary.schema, encoded.beatmap.mode, merged)
            table = np.zeros((len(follow), self.vocabulary.size_out), dtype=bool)
            for row, kinds in enumerate(follow.values()):
                table[row, self.vocabulary.ids(kinds)] = True
            self.legal[name] = {kind: row for row, kind in enumerate(follow)}, table

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

    def targets(self, tokens: np.ndarray, context: str, indices: np.ndarray) -> Targets:
        """What the distributions before the events at `indices` of `context`, whose tokens are given, are measured
        against."""
        events = self.encoded.contexts[context]
        spans = [self.vocabulary.ranges[events[index].kind] for index in indices.tolist()]
        first, last, tolerance = np.array(
            [(span.first_id, span.first_id + span.size - 1, self.tolerances.get(span.kind, 0)) for span in spans]
        ).T
        rows, table = self.legal[context]
        before = [events[index - 1].kind if index else None for index in indices.tolist()]
        legal = np.array([rows.get(kind, rows[None]) for kind in before])
        low, high = np.maximum(first, tokens - tolerance), np.minimum(last, tokens + tolerance)
        return Targets(tokens, low, high, legal, table, self.exact)

    def scores(self, measures: Measures, context: str, indices: np.ndarray, window: Window) -> list[EventScore]:
        """Scores of the events at `indices` of `context` from their measures."""
        events, chosen = self.encoded.contexts[context], measures.chosen
        columns = (
            np.maximum(measures.surprisals, 0.0),
            np.maximum(measures.entropies, 0.0),
            np.minimum(measures.near, 1.0),
            measures.best,
            chosen,
        )
        values = self.values[chosen]
        if (is_time := self.is_time[chosen]).any():
            values = np.where(is_time, self.encoded.expected_times(values, indices, window), values)
        scores = []
        for index, surprisal, entropy, mass, shares, ids, row in zip(
            indices.tolist(), *(column.tolist() for column in columns), values.tolist(), strict=True
        ):
            actual = events[index]
            time, group, part = actual.time, actual.group, actual.part
            expected = tuple(
                [
                    (Event(self.kinds[one], value, time, group, None, part), share)
                    for one, value, share in zip(ids, row, shares, strict=True)
                    if share > 0 or one == ids[0]
                ]
            )
            scores.append(EventScore(actual, surprisal, entropy, expected, mass))
        return scores
