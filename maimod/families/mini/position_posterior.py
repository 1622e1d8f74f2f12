"""Where the bundled model would put an object: the joint probability of its distance, x and y.

A score tells what the model thinks of x once the map's own distance is said, and of y once its x is. To know where the
model would go by itself it is asked again with each likely distance, and each likely x, in place of the map's. All of
these stand side by side in one
sequence: each sees the map before it and what it goes on from, but not the others.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from maimod.events.schema import EventKind
from maimod.events.vocabulary import Range
from maimod.families.family import Model
from maimod.families.mini.encoding import MiniReading, place_features
from maimod.families.mini.network import Network
from maimod.families.windows import Window
from maimod.osu.beatmap import HitObject

N_DISTANCES, N_STEPS = 16, 600
"""Likeliest distances, and pairs of a distance and an x, that are followed up."""
LEAST = 2e-5
"""Probability below which a place is left out."""

Place = tuple[float, float, float]
"""(x, y, probability)."""


def position_posterior(model: Model, reading: MiniReading, hit_object: HitObject) -> list[Place]:
    """Ask where an object would be.

    Args:
        model: a checkpoint that tells distances, x and y.
        reading: its reading of the map.
        hit_object: of the map.

    Returns:
        Places in osu! pixels, likeliest first; none if the model is not asked where this object is.
    """
    events, vocabulary = reading.contexts["map"], model.vocabulary
    kinds = (EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y)
    at = next((i for i, event in enumerate(events) if event.source is hit_object and event.kind is kinds[0]), None)
    window = next((w for w in reading.windows if at is not None and at in w.spans[0].owned), None)
    if at is None or window is None or tuple(event.kind for event in events[at : at + 3]) != kinds:
        return []
    d, x, y = (vocabulary.ranges[kind] for kind in kinds)
    asked = _Asked(model, reading, window, at)

    chances, best = asked.after([], [], d)[0].topk(min(N_DISTANCES, d.size))
    distances = (best + d.first_id).tolist()
    joint = asked.after(distances, [], x) * chances[:, None]  # (n_distances, X)
    chances, best = joint.flatten().topk(min(N_STEPS, joint.numel()))
    pairs = [(one // x.size, x.first_id + one % x.size) for one in best.tolist()]
    joint = asked.after(distances, pairs, y) * chances[:, None]  # (n_pairs, Y)

    unit = vocabulary.schema.position_precision
    found: dict[tuple[float, float], float] = {}
    for row, column in (joint >= LEAST).nonzero().tolist():
        place = ((pairs[row][1] - x.first_id + x.low // x.step + 0.5) * unit, (column + y.low // y.step + 0.5) * unit)
        found[place] = found.get(place, 0.0) + float(joint[row, column])
    return sorted(((*place, chance) for place, chance in found.items()), key=lambda one: -one[2])


class _Asked:
    """The window of an object up to its place, and what follows upon other distances and x."""

    @torch.inference_mode()
    def __init__(self, model: Model, reading: MiniReading, window: Window, at: int) -> None:
        network = model.network
        assert isinstance(network, Network)
        self.network, self.vocabulary, self.own = network, model.vocabulary, network.project.weight.dtype
        self.device = network.project.weight.device
        inputs = reading.inputs(window)
        self.length = (
            inputs.rows[0] + int(np.searchsorted(window.spans[0].events, at)) + 1
        )  # tokens before the distance
        self.by_token = {name: array[: self.length + 1] for name, array in inputs.by_token.items()}
        mel, grid = (
            torch.from_numpy(inputs.by_window[name][None]).to(self.device, self.own) for name in ("mel", "frame_grid")
        )
        self.memory = network.encode(mel, grid)
        # All that is known of a place comes from the last position before it.
        events, tokens = reading.contexts["map"], reading.encoded.tokens
        last_y = next((i for i in range(at - 1, -1, -1) if events[i].kind is EventKind.POS_Y), None)
        last_x = next((i for i in range(last_y or 0, -1, -1) if events[i].kind is EventKind.POS_X), None)
        self.before = [int(tokens[i]) for i in (last_x, last_y) if i is not None]

    @torch.inference_mode()
    def after(self, distances: list[int], pairs: list[tuple[int, int]], kind: Range) -> Tensor:
        """Probabilities of the ids of one kind.

        Args:
            distances: tokens.
            pairs: (place in `distances`, token of an x).
            kind: what comes next.

        Returns:
            (n, size) after each pair, if there are any, else after each distance, else (1, size) after what is before
            them.
        """
        n, first = len(distances), self.length
        said = [[distance] for distance in distances] + [[distances[place], token] for place, token in pairs]
        total = first + len(said)
        # Whatever stands in place of the object's own distance or x has its time and beat.
        rows = np.minimum(np.arange(total), first)
        arrays = {name: array[rows].copy() for name, array in self.by_token.items()}
        index, seen = np.arange(total), np.tril(np.ones((total, total), dtype=bool))
        seen[first:, first:] = np.eye(len(said), dtype=bool)
        for place, tokens in enumerate(said):
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
        asked = hidden[first + n :] if pairs else hidden[first:] if distances else hidden[-1:]
        logits = self.network.logits(asked).float()[:, kind.first_id : kind.first_id + kind.size]
        return torch.softmax(logits, dim=-1).cpu()
