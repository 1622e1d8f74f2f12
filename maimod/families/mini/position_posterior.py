"""The mini network's joint distribution over the distance, x and y of an object.

A score gives the probability of x given the map's own distance, and of y given the map's own x. The joint distribution
needs the probabilities after every likely distance and x instead. These alternatives stand side by side in one sequence
(tree attention): each attends to the map before it and to its own branch, not to the other branches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from maimod.events.schema import EventKind
from maimod.events.vocabulary import Range
from maimod.families.family import Place
from maimod.families.mini.network import MiniNetwork
from maimod.families.mini.place_features import place_features
from maimod.families.network import Network
from maimod.families.windows import Window
from maimod.osu.beatmap import HitObject

if TYPE_CHECKING:
    from maimod.families.mini.encoding import MiniMap

N_DISTANCES, N_STEPS = 16, 600
"""Number of likeliest distances, and of pairs of a distance and an x, that are expanded."""
LEAST = 2e-5
"""Positions below this probability are left out."""


def position_posterior(network: Network, encoded: MiniMap, hit_object: HitObject) -> list[Place]:
    """Places where the network would put an object, given the map before it.

    Args:
        network: that the map was encoded for.
        encoded: the map.
        hit_object: of the map.

    Returns:
        (x, y, probability) in osu! pixels, likeliest first; none if the object's events are not distance, x and y.
    """
    events, vocabulary = encoded.events, encoded.vocabulary
    kinds = (EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y)
    at = next((i for i, event in enumerate(events) if event.source is hit_object and event.kind is kinds[0]), None)
    window = next((w for w in encoded.windows if at is not None and at in w.spans[0].owned), None)
    if at is None or window is None or tuple(event.kind for event in events[at : at + 3]) != kinds:
        return []
    d, x, y = (vocabulary.ranges[kind] for kind in kinds)
    branches = _Branches(network, encoded, window, at)

    chances, best = branches.after([], [], d)[0].topk(min(N_DISTANCES, d.size))
    distances = (best + d.first_id).tolist()
    joint = branches.after(distances, [], x) * chances[:, None]  # (n_distances, X)
    chances, best = joint.flatten().topk(min(N_STEPS, joint.numel()))
    pairs = [(one // x.size, x.first_id + one % x.size) for one in best.tolist()]
    joint = branches.after(distances, pairs, y) * chances[:, None]  # (n_pairs, Y)

    unit = vocabulary.schema.position_precision
    found: dict[tuple[float, float], float] = {}
    for row, column in (joint >= LEAST).nonzero().tolist():
        place = ((pairs[row][1] - x.first_id + x.low // x.step + 0.5) * unit, (column + y.low // y.step + 0.5) * unit)
        found[place] = found.get(place, 0.0) + float(joint[row, column])
    return sorted(((*place, chance) for place, chance in found.items()), key=lambda one: -one[2])


class _Branches:
    """The window of an object up to its position, and the distributions after other distances and x."""

    @torch.inference_mode()
    def __init__(self, network: Network, encoded: MiniMap, window: Window, at: int) -> None:
        assert isinstance(network, MiniNetwork)
        self.network, self.vocabulary, self.own = network, encoded.vocabulary, network.project.weight.dtype
        self.device = network.project.weight.device
        inputs = encoded.inputs(window)
        # Tokens before the distance.
        self.length = inputs.rows[0] + int(np.searchsorted(window.spans[0].events, at)) + 1
        self.by_token = {name: array[: self.length + 1] for name, array in inputs.by_token.items()}
        mel, grid = (
            torch.from_numpy(inputs.by_window[name][None]).to(self.device, self.own) for name in ("mel", "frame_grid")
        )
        self.memory = network.encode(mel, grid)
        # Place features depend on the last position alone.
        events, tokens = encoded.events, encoded.tokens.tokens
        last_y = next((i for i in range(at - 1, -1, -1) if events[i].kind is EventKind.POS_Y), None)
        last_x = next((i for i in range(last_y or 0, -1, -1) if events[i].kind is EventKind.POS_X), None)
        self.before = [int(tokens[i]) for i in (last_x, last_y) if i is not None]

    @torch.inference_mode()
    def after(self, distances: list[int], pairs: list[tuple[int, int]], kind: Range) -> Tensor:
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
        given = {name: torch.from_numpy(array[None]).to(self.device) for name, array in arrays.items()}
        hidden = self.network.decode(
            given["tokens"],
            given["times"],
            given["grid"].to(self.own),
            given["place"].to(self.own),
            self.memory,
            torch.from_numpy(index[None]).to(self.device),
            torch.from_numpy(seen).to(self.device),
        )[0]
        wanted = hidden[first + n :] if pairs else hidden[first:] if distances else hidden[-1:]
        logits = self.network.logits(wanted).float()[:, kind.first_id : kind.first_id + kind.size]
        return torch.softmax(logits, dim=-1).cpu()
