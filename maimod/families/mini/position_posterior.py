"""The mini network's joint distribution over the distance, x and y of an object.

A score gives the probability of x given the map's own distance, and of y given the map's own x. The joint distribution
needs the probabilities after every likely distance and x instead. These alternatives stand side by side in one sequence
(tree attention): each attends to the map before it and to its own branch, not to the other branches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maimod.events.schema import EventKind
from maimod.events.vocabulary import Range, Vocabulary
from maimod.families.family import LikelyPosition
from maimod.families.inputs import WindowInputs
from maimod.families.mini.place_features import place_features
from maimod.families.runner import BranchingRunner

POSITION_KINDS = (EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y)
"""Events of the position of an object, in order."""
N_DISTANCES, N_STEPS = 16, 600
"""Number of likeliest distances, and of pairs of a distance and an x, that are expanded."""
LEAST = 2e-5
"""Positions below this probability are left out."""


def position_posterior(branches: Branches) -> list[LikelyPosition]:
    """Where the network would place an object, given the map before it; likeliest first.

    Args:
        branches: of the object.
    """
    vocabulary = branches.vocabulary
    d, x, y = (vocabulary.ranges[kind] for kind in POSITION_KINDS)
    chances, best = _likeliest(branches.after([], [], d)[0], N_DISTANCES)
    distances = (best + d.first_id).tolist()
    joint = branches.after(distances, [], x) * chances[:, None]  # (n_distances, X)
    chances, best = _likeliest(joint.ravel(), N_STEPS)
    pairs = [(one // x.size, x.first_id + one % x.size) for one in best.tolist()]
    joint = branches.after(distances, pairs, y) * chances[:, None]  # (n_pairs, Y)

    unit = vocabulary.schema.position_precision
    found: dict[tuple[float, float], float] = {}
    for row, column in np.argwhere(joint >= LEAST).tolist():
        place = ((pairs[row][1] - x.first_id + x.low // x.step + 0.5) * unit, (column + y.low // y.step + 0.5) * unit)
        found[place] = found.get(place, 0.0) + float(joint[row, column])
    likely = (LikelyPosition(*place, chance) for place, chance in found.items())
    return sorted(likely, key=lambda position: -position.probability)


def _likeliest(chances: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest of (n,), at most `most`, and where they are."""
    best = np.argsort(-chances, kind="stable")[:most]
    return chances[best], best


class Branches:
    """The window of an object up to its position, and the distributions after other distances and x."""

    def __init__(
        self, runner: BranchingRunner, vocabulary: Vocabulary, inputs: WindowInputs, length: int, before: Sequence[int]
    ) -> None:
        """Read the window.

        Args:
            runner: of the network that the window was encoded for.
            vocabulary: of the network.
            inputs: of the window.
            length: tokens of the window before the distance of the object.
            before: tokens of the last x and y before the object, as far as there are any; place features depend on them alone.
        """
        self.runner, self.vocabulary, self.length, self.before = runner, vocabulary, length, list(before)
        self.by_token = {name: array[: length + 1] for name, array in inputs.by_token.items()}
        self.memory = runner.encode(**inputs.by_window)

    def after(self, distances: list[int], pairs: list[tuple[int, int]], kind: Range) -> np.ndarray:
        """Probabilities of the ids of one kind.

        Args:
            distances: tokens.
            pairs: (index into `distances`, token of an x).
            kind: ids of the next token.

        Returns:
            (n, size) after each pair, if there are any, else after each distance, else (1, size) after the map before
            the object.
        """
        n, first = len(distances), self.length
        branches = [[distance] for distance in distances] + [[distances[place], token] for place, token in pairs]
        total = first + len(branches)
        # Every alternative has the time and beat of the object itself.
        rows = np.minimum(np.arange(total), first)
        arrays = {name: array[rows].copy() for name, array in self.by_token.items()}
        index, seen = np.arange(total), np.tril(np.ones((total, total), dtype=bool))
        seen[first:, first:] = np.eye(len(branches), dtype=bool)
        for place, tokens in enumerate(branches):
            row = first + place
            arrays["tokens"][row] = tokens[-1]
            arrays["place"][row] = place_features(np.array(self.before + tokens), self.vocabulary)[-1]
            index[row] = first + len(tokens) - 1
        for place, (distance, _) in enumerate(pairs):
            seen[first + n + place, first + distance] = True
        wanted = np.arange(first + n if pairs else first if distances else total - 1, total)
        hidden = self.runner.decode(**arrays, memory=self.memory, rows=wanted, index=index, seen=seen)
        logits = self.runner.logits(hidden)[:, kind.first_id : kind.first_id + kind.size]
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))
