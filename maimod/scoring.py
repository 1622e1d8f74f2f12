"""Teacher forcing: show the network the map so far and the song, and ask how likely what really comes next was.

Everything is in bits. A surprisal is taken from the log-softmax in float32, without a floor; the distribution is over the whole
vocabulary, the alternatives shown are those that are legal at that place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from maimod.beatmap import Beatmap, Mode
from maimod.encoding import EncodedMap, WindowInputs, encode, window_inputs
from maimod.events import Event, EventKind, EventScore
from maimod.findings import ModelInfo
from maimod.model import CheckpointError, ModelConfig, Network, load_network, resolve_device
from maimod.tokens import PAD, Vocabulary, VocabularyError, successors
from maimod.windows import Window, split

HOP_SHARE = 0.5
"""Windows start half a window apart: everything is scored with at least half a window of map before it."""
MAX_WINDOW_EVENTS = 1_536
"""Windows of denser maps are shortened, which bounds time and memory; three times the densest part of a ranked map."""
TOKENS_PER_BATCH = 6_000
N_EXPECTED = 4
"""Alternatives kept per event."""
TOLERANCES = {EventKind.TIME: 1, EventKind.DISTANCE: 16, EventKind.POS_X: 16, EventKind.POS_Y: 16, EventKind.VOLUME: 5,
              EventKind.SCROLL_SPEED: 5}
"""How far off an ordinal value still counts as the same: ticks or time steps, osu! pixels, percent, hundredths."""


@dataclass(frozen=True)
class Model:
    """A loaded checkpoint."""

    network: Network
    vocabulary: Vocabulary
    config: ModelConfig
    info: ModelInfo
    dtype: torch.dtype | None
    """Of autocast; None runs in the weights' own type."""


def load_model(folder: Path, device: str = "auto", precision: str = "fp32") -> Model:
    """Load a checkpoint folder (`config.json`, `tokenizer.json`, `model.safetensors`).

    Args:
        folder: the checkpoint.
        device: auto, cpu, cuda, cuda:N or mps.
        precision: fp32; bf16 (weights too); amp (weights fp32, bf16 arithmetic).

    Raises:
        CheckpointError: if it cannot be used; says why.
    """
    if precision not in ("fp32", "bf16", "amp"):
        raise CheckpointError(f"precision {precision!r}: give fp32, bf16 or amp")
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such checkpoint folder")
    place = resolve_device(device)
    try:
        vocabulary = Vocabulary.load(folder)
    except VocabularyError as error:
        raise CheckpointError(str(error)) from None
    network = load_network(folder, place)
    if network.config.vocab_size_out != vocabulary.size_out or network.config.vocab_size_in != vocabulary.size_in:
        raise CheckpointError(f"{folder}: tokenizer.json and config.json speak of different vocabularies")
    if precision == "bf16":
        network = network.to(torch.bfloat16)
    info = ModelInfo(folder.name, "maimod", str(place), precision)
    return Model(network, vocabulary, network.config, info, torch.bfloat16 if precision != "fp32" else None)


@torch.inference_mode()
def score(model: Model, beatmap: Beatmap, events: Sequence[Event], mel: np.ndarray | None, stars: float | None = None,
          progress: Callable[[float], None] | None = None) -> tuple[EventScore, ...]:
    """Score every event of one context, each exactly once.

    Args:
        model: from :func:`load_model`.
        beatmap: the map.
        events: of the map, in order.
        mel: (n_frames, n_mels) normalised log-mel frames; None without a song.
        stars: star rating if known.
        progress: called with the share done.

    Returns:
        One EventScore per event, in order.
    """
    encoded = encode(beatmap, events, model.vocabulary, stars)
    window_ms = model.config.window_ms
    windows = split(encoded.times, encoded.groups, window_ms, window_ms * HOP_SHARE, MAX_WINDOW_EVENTS)
    places = encoded.places(model.vocabulary)
    reader = _Reader(model, beatmap.mode, encoded, events)
    results: list[EventScore | None] = [None] * len(events)
    done = 0
    for batch in _batches(windows):
        inputs = [window_inputs(encoded, places, window, mel, frames=model.config.frames, frame_ms=model.config.frame_ms,
                                n_mels=model.config.n_mels, audio_offset=beatmap.audio_offset) for window in batch]
        log_probabilities = _forward(model, inputs)
        for row, window in enumerate(batch):
            first = len(encoded.prompt) + window.owned.start - window.events.start - 1
            length = window.owned.stop - window.owned.start
            results[window.owned] = reader.read(log_probabilities[row, first:first + length], window.owned)
        done += len(batch)
        if progress:
            progress(done / len(windows))
    assert all(result is not None for result in results)
    return tuple(result for result in results if result is not None)


def _batches(windows: Sequence[Window]) -> list[list[Window]]:
    """Windows of about equal length together, so that little is padding."""
    batches: list[list[Window]] = []
    for window in sorted(windows, key=lambda w: w.events.stop - w.events.start):
        length = window.events.stop - window.events.start + 16
        if not batches or length * (len(batches[-1]) + 1) > TOKENS_PER_BATCH:
            batches.append([])
        batches[-1].append(window)
    return batches


def _forward(model: Model, inputs: Sequence[WindowInputs]) -> Tensor:
    """Log2-probabilities (B, T, V), float32, of the token after each token."""
    device = next(model.network.parameters()).device
    longest = max(len(window.tokens) for window in inputs)

    def stack(name: str, pad_to: int | None, dtype: torch.dtype) -> Tensor:
        arrays = [getattr(window, name) for window in inputs]
        if pad_to is not None:
            arrays = [np.pad(a, [(0, pad_to - len(a)), *[(0, 0)] * (a.ndim - 1)], constant_values=PAD) for a in arrays]
        return torch.from_numpy(np.stack(arrays)).to(device, dtype)

    weights = next(model.network.parameters()).dtype
    with torch.autocast(device.type, dtype=model.dtype or torch.bfloat16, enabled=model.dtype is not None):
        logits = model.network(
            stack("mel", None, weights), stack("frame_phases", None, weights), stack("tokens", longest, torch.int64),
            stack("times", longest, torch.float32), stack("phases", longest, weights),
            stack("places", longest, weights))
    return torch.log_softmax(logits.float(), dim=-1) / np.log(2.0)


class _Reader:
    """Turns rows of log-probabilities into EventScores."""

    def __init__(self, model: Model, mode: Mode, encoded: EncodedMap, events: Sequence[Event]) -> None:
        self.vocabulary, self.encoded, self.events = model.vocabulary, encoded, events
        self.successors = successors(model.vocabulary.language, mode)
        self.legal_ids: dict[EventKind | None, Tensor] = {}
        self.tolerance_ids = self.tolerances()

    def tolerances(self) -> dict[EventKind, int]:
        """Tolerance of each ordinal kind in ids."""
        units = {}
        for kind, tolerance in TOLERANCES.items():
            if kind not in self.vocabulary:
                continue
            unit = self.vocabulary.ranges[kind].step
            if kind in (EventKind.POS_X, EventKind.POS_Y):
                unit *= self.vocabulary.language.position_precision
            units[kind] = max(1, tolerance // unit)
        return units

    def legal(self, before: EventKind | None) -> Tensor:
        if before not in self.legal_ids:
            kinds = self.successors.get(before) or self.successors[None]
            self.legal_ids[before] = torch.from_numpy(self.vocabulary.ids(kinds))
        return self.legal_ids[before]

    def read(self, rows: Tensor, owned: slice) -> list[EventScore]:
        """Scores of the owned events from their rows (n_owned, V)."""
        rows = rows.cpu()
        probabilities = rows.exp2()
        tokens = self.encoded.tokens[owned]
        entropies = -(probabilities * rows.clamp(min=-1e4)).sum(dim=-1)
        surprisals = -rows[torch.arange(len(tokens)), torch.from_numpy(tokens)]
        cumulative = torch.nn.functional.pad(probabilities.cumsum(dim=-1, dtype=torch.float64), (1, 0))
        scores: list[EventScore | None] = [None] * len(tokens)
        before = [self.events[i - 1].kind if i else None for i in range(owned.start, owned.stop)]
        for kind in set(before):
            places = [i for i, b in enumerate(before) if b == kind]
            legal = self.legal(kind)
            best, chosen = probabilities[places][:, legal].topk(min(N_EXPECTED, len(legal)), dim=-1)
            for place, best_row, ids_row in zip(places, best.tolist(), legal[chosen].tolist(), strict=True):
                event = self.events[owned.start + place]
                expected = tuple((self.event(token, owned.start + place), p) for token, p in zip(ids_row, best_row, strict=True))
                near = self.near(cumulative[place], event.kind, int(tokens[place]))
                scores[place] = EventScore(event, max(float(surprisals[place]), 0.0), max(float(entropies[place]), 0.0), expected, near)
        return [score for score in scores if score is not None]

    def near(self, cumulative: Tensor, kind: EventKind, token: int) -> float:
        """Probability within the tolerance of a token."""
        span, tolerance = self.vocabulary.ranges[kind], self.tolerance_ids.get(kind, 0)
        low, high = max(token - tolerance, span.first_id), min(token + tolerance, span.first_id + span.size - 1)
        return min(float(cumulative[high + 1] - cumulative[low]), 1.0)

    def event(self, token: int, index: int) -> Event:
        """The event a token would have been in place of the event at `index`."""
        actual = self.events[index]
        kind, value = self.vocabulary.decode(token)
        if kind is EventKind.TIME and self.vocabulary.ticks_for_time:
            value = round(float(self.encoded.grid.times(self.tick_before(index) + value)))
        return Event(kind or EventKind.CONTROL, value, actual.time, actual.group, None, actual.part)

    def tick_before(self, index: int) -> int:
        """Ticks of the time event before `index`."""
        while index > 0:
            index -= 1
            if self.events[index].kind is EventKind.TIME:
                return int(self.encoded.grid.ticks(self.events[index].time))
        return int(self.encoded.grid.ticks(self.events[0].time))
