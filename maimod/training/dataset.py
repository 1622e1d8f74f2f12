"""Windows to train on: drawn at random from the maps of a corpus, changed a little, batched by length.

What is changed, each with its own chance, so that few maps teach much and nothing is learned by heart: playfield and
columns are mirrored, the song runs faster or slower together with the map, it gets some noise, it is shifted against
the map by a few ms (as in real maps), it is left out, and what is told of the map is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from maimod.events.schema import CELL as CELL_PX
from maimod.events.schema import CELLS_PER_ROW, LEFT, TOP, EventKind
from maimod.events.vocabulary import Vocabulary
from maimod.families.mapperatorinator.config import WhisperConfig
from maimod.families.mapperatorinator.encoding import PublishedMap
from maimod.families.mini.config import ModelConfig
from maimod.families.mini.encoding import EncodedMap, WindowInputs, stack, window_inputs
from maimod.families.windows import Span, Window
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
NOISE_CHANCE, NOISE = 0.3, 0.15
"""How often noise is added, and how much at most: in deviations of the normalised log-mel frames."""
PCM_NOISE = 0.01
"""The same for samples of full scale 1."""
SHIFT_MS = 6.0
"""Maps lie this much beside their song without anybody calling them late."""
PAST_TOKENS = 64
"""Tokens before a window that are looked through for the last position."""
ENCODER_COST = 0.6
"""Time of an encoder position in that of a decoder token."""
DRAWN_AT_ONCE = 192
FORGETTABLE = (EventKind.DIFFICULTY, EventKind.MAPPER, EventKind.YEAR, EventKind.DESCRIPTOR)
"""Class tokens whose last id stands for "unknown" (COMPAT §2.7)."""
IGNORED = -100
"""Target of rows that are not learned from."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One window to train on."""

    inputs: WindowInputs
    targets: np.ndarray
    """(T,) the token that should follow each, or `IGNORED`."""

    @property
    def length(self) -> int:
        """Tokens."""
        return len(self.targets)


class Sampler:
    """Draws windows without end."""

    def __init__(
        self,
        corpus: Corpus,
        vocabulary: Vocabulary,
        config: ModelConfig | WhisperConfig,
        *,
        batch_cost: int,
        max_tokens: int,
        seed: int,
        augments: bool = True,
    ) -> None:
        """Prepare to draw from the examples that are not held out.

        Args:
            corpus: maps and songs.
            vocabulary: of the checkpoint.
            config: of the network.
            batch_cost: decoder tokens of a batch, its encoder positions counted as `ENCODER_COST` each.
            max_tokens: longer windows are cut.
            seed: of everything random.
            augments: whether to change what is drawn.
        """
        self.vocabulary, self.config, self.songs, self.augments = vocabulary, config, corpus.songs, augments
        self.batch_cost, self.max_tokens, self.random = batch_cost, max_tokens, np.random.default_rng(seed)
        needs_song = isinstance(config, WhisperConfig)
        self.examples = [
            e for e in corpus.examples if not e.development and e.length_ms > 0 and (e.song >= 0 or not needs_song)
        ]
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
            batches: list[list[Drawn]] = []
            for item in drawn:
                cost = item.length + ENCODER_COST * self.config.encoder_positions
                if not batches or cost * (len(batches[-1]) + 1) > self.batch_cost:
                    batches.append([])
                batches[-1].append(item)
            for i in self.random.permutation(len(batches)):
                yield collate(batches[i])

    def draw(self, example: Example) -> Drawn:
        """One window of one map."""
        random = self.random
        changes = self.augments
        rate = (
            float(np.exp(random.uniform(-TEMPO_RANGE, TEMPO_RANGE)))
            if changes and random.random() < TEMPO_CHANCE
            else 1.0
        )
        length = self.config.window_ms * rate
        start = round(
            random.uniform(example.first_ms - 0.5 * length, example.first_ms + example.length_ms - 0.2 * length)
        )
        shift = random.uniform(-SHIFT_MS, SHIFT_MS) if changes else 0.0
        if isinstance(example.encoded, PublishedMap):
            return self._published(example, example.encoded, start, rate, shift)
        return self._bundled(example, example.encoded, start, rate, shift)

    def _bundled(self, example: Example, encoded: EncodedMap, start: float, rate: float, shift: float) -> Drawn:
        config, random = self.config, self.random
        assert isinstance(config, ModelConfig)
        end_ms = start + config.window_ms * rate
        begin, end = (int(i) for i in np.searchsorted(np.maximum.accumulate(encoded.times), [start, end_ms]))
        while 0 < begin < len(encoded.groups) and encoded.groups[begin] == encoded.groups[begin - 1]:
            begin += 1
        end = min(end, begin + self.max_tokens)
        low = max(0, begin - PAST_TOKENS)
        tokens, prompt = encoded.tokens[low:end], encoded.prompt
        if self.augments:
            tokens, prompt = self._mirrored(tokens, example), self._forgotten(prompt)
        part = replace(
            encoded,
            prompt=prompt,
            tokens=tokens,
            times=encoded.times[low:end],
            groups=encoded.groups[low:end],
            phases=encoded.phases[low:end],
        )
        shown = np.arange(begin - low, end - low)
        mel = (
            self.songs[example.song]
            if example.song >= 0 and not (self.augments and random.random() < SONG_DROPOUT)
            else None
        )
        inputs = window_inputs(
            part,
            part.places(self.vocabulary),
            Window(start, end_ms, (Span(shown, shown),)),
            mel,
            frames=config.frames,
            frame_ms=config.frame_ms,
            n_mels=config.n_mels,
            audio_offset=example.audio_offset + shift,
            rate=rate,
        )
        if mel is not None and self.augments and random.random() < NOISE_CHANCE:
            frames = inputs.by_window["mel"]
            frames += random.normal(scale=random.uniform(0, NOISE), size=frames.shape).astype(np.float32)
        # The first time counts from an event outside of the window, so it cannot be known here.
        return Drawn(inputs, _targets(inputs, [len(shown)], skipped=0 if begin == 0 else 1))

    def _published(self, example: Example, encoded: PublishedMap, start: int, rate: float, shift: float) -> Drawn:
        config, random = self.config, self.random
        assert isinstance(config, WhisperConfig)
        shown = [
            np.flatnonzero((times >= start) & (times < start + config.window_ms * rate)) for times in encoded.times
        ]
        room = min(self.max_tokens, config.max_tokens - encoded.overhead) - sum(map(len, shown[:-1]))
        shown[-1] = shown[-1][: max(room, 0)]
        tokens, rows = encoded.prompt(start, shown, rate)
        if self.augments:
            tokens = self._forgotten(self._mirrored(tokens, example))
        song = self.songs[example.song]  # int16
        places = (start + shift) * config.samples_per_ms + np.arange(config.window_samples) * rate
        low, high = (min(max(int(place), 0), len(song)) for place in (places[0] - 1, places[-1] + 2))
        samples = np.zeros(config.window_samples, dtype=np.float32)
        if low < high:
            samples = np.interp(places, np.arange(low, high), song[low:high] / 32_767, left=0.0, right=0.0).astype(
                np.float32
            )
        if self.augments and random.random() < NOISE_CHANCE:
            samples += random.normal(scale=random.uniform(0, PCM_NOISE), size=samples.shape).astype(np.float32)
        conditions = encoded.conditions(start, config.window_ms * rate) if config.n_mappers else {}
        if conditions and self.augments and random.random() < FACT_DROPOUT:
            conditions["mapper"] = np.array(-1, dtype=np.int64)
        inputs = WindowInputs({"tokens": tokens}, {"samples": samples, **conditions}, rows)
        return Drawn(inputs, _targets(inputs, [len(events) for events in shown]))

    def _forgotten(self, tokens: np.ndarray) -> np.ndarray:
        """With some of what is told of the map replaced by "unknown"."""
        tokens = tokens.copy()
        for kind in FORGETTABLE:
            if kind in self.vocabulary and self.random.random() < FACT_DROPOUT:
                span = self.vocabulary.ranges[kind]
                tokens[(tokens >= span.first_id) & (tokens < span.first_id + span.size)] = span.first_id + span.size - 1
        return tokens

    def _mirrored(self, tokens: np.ndarray, example: Example) -> np.ndarray:
        """Left and right exchanged, top and bottom, both or neither."""
        random, vocabulary = self.random, self.vocabulary
        across, down = random.random() < 0.5, random.random() < 0.5
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


def _targets(inputs: WindowInputs, n_events: list[int], skipped: int = 0) -> np.ndarray:
    """The token after each row that predicts an event, or the end of a context that has a mark for it."""
    tokens = inputs.by_token["tokens"]
    targets = np.full(len(tokens), IGNORED, dtype=np.int64)
    for number, (row, count) in enumerate(zip(inputs.rows, n_events, strict=True)):
        end = row + count + (number < len(n_events) - 1)
        targets[row + skipped : end] = tokens[row + 1 + skipped : end + 1]
    return targets


def collate(drawn: list[Drawn]) -> dict[str, np.ndarray]:
    """Arrays (B, ...) of windows, right-padded, and their targets (B, T)."""
    arrays = stack([item.inputs for item in drawn])
    targets = np.full(arrays["tokens"].shape, IGNORED, dtype=np.int64)
    for row, item in enumerate(drawn):
        targets[row, : item.length] = item.targets
    return arrays | {"targets": targets}
