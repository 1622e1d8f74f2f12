"""Windows to train on: drawn at random from the maps of a corpus, changed a little, batched by length.

What is changed, each with its own chance, so that few maps teach much and nothing is learned by heart: playfield and
columns are mirrored, the song runs faster or slower together with the map, it gets some noise, it is shifted against
the map by a few ms (as in real maps), it is left out, and what is told of the map is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from maimod.events.schema import CELL as CELL_PX
from maimod.events.schema import CELLS_PER_ROW, LEFT, TOP, EventKind
from maimod.events.vocabulary import Vocabulary
from maimod.families.family import Excerpt, Family
from maimod.families.inputs import IGNORED, TrainingWindow, stack
from maimod.osu.beatmap import Mode
from maimod.training.corpus import Corpus, Example

WIDTH, HEIGHT = 512, 384
MODE_WEIGHTS = {Mode.OSU: 1.0, Mode.TAIKO: 1.5, Mode.CATCH: 1.5, Mode.MANIA: 0.35}
"""How often a second of a map is drawn: the corpus has five times too much mania and too little taiko and catch."""
NO_SONG_WEIGHT = 0.3
"""Maps without a song teach patterns, but not listening."""
LONGEST_MS = 300_000.0
"""A marathon is drawn as often as five minutes of a map."""
SONG_DROPOUT = 0.05
"""Share of windows with a song that are shown without, so that a missing song lowers but does not break the scores."""
FACT_DROPOUT = 0.1
"""Share of windows that are not told one thing or another about their map."""
TEMPO_CHANCE, TEMPO_RANGE = 0.3, 0.12
"""How often the speed is changed, and by how much at most."""
NOISE_CHANCE = 0.3
"""How often noise is added to the song."""
SHIFT_MS = 6.0
"""Maps lie this much beside their song without anybody calling them late."""
ENCODER_COST = 0.6
"""Time of an encoder position in that of a decoder token."""
DRAWN_AT_ONCE = 192
FORGETTABLE = (EventKind.DIFFICULTY, EventKind.MAPPER, EventKind.YEAR, EventKind.DESCRIPTOR)
"""Class tokens whose last id stands for "unknown" (COMPAT §2.7)."""


class Sampler:
    """Draws windows without end."""

    def __init__(
        self, corpus: Corpus, family: Family[Any], *, batch_cost: int, max_tokens: int, seed: int, augments: bool = True
    ) -> None:
        """Prepare to draw from the examples that are not held out.

        Args:
            corpus: maps and songs.
            family: of the checkpoint.
            batch_cost: decoder tokens of a batch, its encoder positions counted as `ENCODER_COST` each.
            max_tokens: longer windows are cut.
            seed: of everything random.
            augments: whether to change what is drawn.
        """
        self.family, self.songs, self.augments = family, corpus.songs, augments
        self.batch_cost, self.max_tokens, self.random = batch_cost, max_tokens, np.random.default_rng(seed)
        self.examples = [e for e in corpus.examples if not e.development and e.length_ms > 0]
        weights = np.array(
            [
                min(e.length_ms, LONGEST_MS) * MODE_WEIGHTS[e.mode] * (1.0 if e.song >= 0 else NO_SONG_WEIGHT)
                for e in self.examples
            ]
        )
        self.weights = weights / weights.sum() if len(weights) else weights

    def batches(self) -> Iterator[dict[str, np.ndarray]]:
        """Inputs by the names of the network's parameters, and `targets`; windows of about equal length together."""
        while True:
            chosen = self.random.choice(len(self.examples), size=DRAWN_AT_ONCE, p=self.weights)
            drawn = sorted(
                (d for d in map(self.draw, (self.examples[i] for i in chosen)) if (d.targets != IGNORED).any()),
                key=lambda d: d.length,
            )
            batches: list[list[TrainingWindow]] = []
            for item in drawn:
                cost = item.length + ENCODER_COST * self.family.config.encoder_positions
                if not batches or cost * (len(batches[-1]) + 1) > self.batch_cost:
                    batches.append([])
                batches[-1].append(item)
            for i in self.random.permutation(len(batches)):
                yield collate(batches[i])

    def draw(self, example: Example) -> TrainingWindow:
        """One window of one map."""
        random, family = self.random, self.family
        changes = self.augments
        rate = (
            float(np.exp(random.uniform(-TEMPO_RANGE, TEMPO_RANGE)))
            if changes and random.random() < TEMPO_CHANCE
            else 1.0
        )
        length = family.config.window_ms * rate
        start = round(
            random.uniform(example.first_ms - 0.5 * length, example.first_ms + example.length_ms - 0.2 * length)
        )
        audio = self.songs[example.song] if example.song >= 0 else None
        if not changes:
            excerpt = Excerpt(start, self.max_tokens)
            return family.training_window(example.tokens, audio, example.audio_offset, excerpt)
        if not family.needs_song and random.random() < SONG_DROPOUT:
            audio = None
        excerpt = Excerpt(
            start,
            self.max_tokens,
            rate,
            random.uniform(-SHIFT_MS, SHIFT_MS),
            self._mirror(example),
            frozenset(kind for kind in FORGETTABLE if random.random() < FACT_DROPOUT),
        )
        drawn = family.training_window(example.tokens, audio, example.audio_offset, excerpt)
        if audio is not None and random.random() < NOISE_CHANCE:
            sound = drawn.inputs.by_window[family.audio_input]
            sound += random.normal(scale=random.uniform(0, family.audio_noise), size=sound.shape).astype(np.float32)
        return drawn

    def _mirror(self, example: Example) -> Callable[[np.ndarray], np.ndarray]:
        """Exchanges left and right, top and bottom, both or neither, of tokens."""
        vocabulary = self.family.vocabulary
        across, down = self.random.random() < 0.5, self.random.random() < 0.5

        def mirrored(tokens: np.ndarray) -> np.ndarray:
            if example.keys and across:
                return _mirror(tokens, vocabulary, EventKind.COLUMN, example.keys - 1)
            if example.mode not in (Mode.OSU, Mode.CATCH):
                return tokens
            precision = vocabulary.schema.position_precision
            if across:
                tokens = _mirror(tokens, vocabulary, EventKind.POS_X, WIDTH // precision - 1)
            if down:
                tokens = _mirror(tokens, vocabulary, EventKind.POS_Y, HEIGHT // precision - 1)
            return _mirror_cells(tokens, vocabulary, across, down)

        return mirrored


def _mirror(tokens: np.ndarray, vocabulary: Vocabulary, kind: EventKind, total: int) -> np.ndarray:
    """Replace values v of `kind` by total - v, where the range allows."""
    if kind not in vocabulary:
        return tokens
    span = vocabulary.ranges[kind]
    inside = (tokens >= span.first_id) & (tokens < span.first_id + span.size)
    values = total - (tokens[inside] - span.first_id + span.low)
    tokens = tokens.copy()
    tokens[inside] = np.clip(values, span.low, span.high) - span.low + span.first_id
    return tokens


def _mirror_cells(tokens: np.ndarray, vocabulary: Vocabulary, across: bool, down: bool) -> np.ndarray:
    """The same for cells (V29, V32) and the places in them (V32)."""
    for kind, per_row, columns, rows in (
        (
            EventKind.POS,
            CELLS_PER_ROW,
            WIDTH // CELL_PX - 1 - 2 * (LEFT // CELL_PX),
            HEIGHT // CELL_PX - 1 - 2 * (TOP // CELL_PX),
        ),
        (EventKind.POS_REFINE, 16, 15, 15),
    ):
        if kind not in vocabulary:
            continue
        span = vocabulary.ranges[kind]
        inside = (tokens >= span.first_id) & (tokens < span.first_id + span.size)
        row, column = np.divmod(tokens[inside] - span.first_id, per_row)
        column = np.clip(columns - column, 0, per_row - 1) if across else column
        row = np.clip(rows - row, 0, (span.size - 1) // per_row) if down else row
        tokens = tokens.copy()
        tokens[inside] = span.first_id + np.minimum(column + per_row * row, span.size - 1)
    return tokens


def collate(drawn: list[TrainingWindow]) -> dict[str, np.ndarray]:
    """Arrays (B, ...) of windows, right-padded, and their targets (B, T)."""
    arrays = stack([item.inputs for item in drawn])
    targets = np.full(arrays["tokens"].shape, IGNORED, dtype=np.int64)
    for row, item in enumerate(drawn):
        targets[row, : item.length] = item.targets
    return arrays | {"targets": targets}
