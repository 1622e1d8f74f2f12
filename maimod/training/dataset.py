"""Training batches: windows drawn at random from the maps of a corpus.

The generator's windows are augmented, each change with its own chance: playfield and columns are mirrored, song and map
run faster or slower together, the song gets noise, is shifted against the map by a few ms (as in real maps) or left
out, and so are facts about the map. The discriminator's windows are corrupted, and some of their slots covered; they
are mirrored, played louder or softer, and their songs get noise, so that a map drawn for the hundredth time is not known
by heart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.random import Generator

from maimod.discriminator import features
from maimod.discriminator.features import N_COLUMNS, NUMBER, REACH, ContextFeatures
from maimod.events.schema import CELL as CELL_PX
from maimod.events.schema import CELLS_PER_ROW, LEFT, TOP, EventKind
from maimod.events.vocabulary import Vocabulary
from maimod.families.family import Excerpt, Family
from maimod.families.inputs import IGNORED, TrainingWindow, stack
from maimod.osu.beatmap import HEIGHT, PLAYFIELD_MODES, WIDTH, Beatmap, Mode
from maimod.training.corpus import SlotExample, TokenisedExample
from maimod.training.corruption import corrupt, corrupt_lines

NO_SONG_WEIGHT = 0.3
"""Share of draws from maps without a song, which contain patterns but no relation to a song."""
MODE_WEIGHTS = {Mode.OSU: 1.0, Mode.TAIKO: 1.5, Mode.CATCH: 1.5, Mode.MANIA: 0.35}
"""Relative frequency of a second of a map by mode: the usual corpus has much mania and little taiko and catch."""
LONGEST_MS = 300_000.0
"""A marathon is drawn as often as five minutes of a map."""
SONG_DROPOUT = 0.07
"""Share of windows whose song is left out, so that a missing song lowers the quality of scores but does not break them.
"""
FACT_DROPOUT = 0.3
"""How often each fact about the map is left out."""
TEMPO_CHANCE, TEMPO_RANGE = 0.5, 0.15
"""How often the speed is changed, and by how much at most."""
NOISE_CHANCE = 0.5
"""How often noise is added to the song."""
STRIPES_CHANCE, STRIPES, WIDEST_BANDS, LONGEST_FRAMES = 0.5, 2, 10, 30
"""How often stripes of a spectrogram are blanked, in both directions (SpecAugment, Park et al., 2019, arXiv:1904.08779);
how many in each, and the most mel bands and frames of one."""
SHIFT_MS = 6.0
"""Largest shift of the song in ms, the timing error of ranked maps."""
ENCODER_COST = 0.6
"""Cost of an encoder position relative to a decoder token."""
BLOCK_BATCHES = 24
"""Batches made of windows that are drawn at once."""
LENGTH_STEP = 130
"""Tokens; six steps hold the longest window with its prompt. A GPU takes 0.2 to 0.7 s for the first batch of a shape, and
0.04 s for the next (measured on an H200)."""
BATCH_COST, MAX_TOKENS = 6_500, 768
HELD_OUT_BATCHES = 16
FORGETTABLE = (EventKind.DIFFICULTY, EventKind.MAPPER, EventKind.YEAR, EventKind.DESCRIPTOR)
"""Class tokens whose last id stands for "unknown" (docs/compat.md §2.7)."""

CORRUPTED_MODE_WEIGHTS = {Mode.OSU: 1.0, Mode.TAIKO: 2.0, Mode.CATCH: 3.0, Mode.MANIA: 1.0}
"""Relative frequency of a map by mode."""
WINDOWS_PER_BATCH = 16
MIXED_WINDOWS = 640
"""Windows of slots drawn at once and shuffled, so that batches mix maps."""
HELD_OUT_WINDOWS = 640
TWIN_SHARE = 0.5
"""Share of the corrupted windows that come with the same window unchanged, in the same batch: the two differ by the
changes alone."""
COVER_SHARE, COVERED_SLOTS = 0.3, 0.15
"""Share of the windows with covered slots, and of the slots that are covered in them, one to five in a row."""
SIBLING_DROPOUT, SLOT_SONG_DROPOUT, SIMILAR_DROPOUT = 0.5, 0.1, 0.2
"""Probability of leaving out the other difficulties, the song, and slots with similar sound."""
VOLUME_CHANCE, LEAST_VOLUME = 0.3, 0.6
"""How often all volumes of a window are multiplied by a number below 1, and the least one."""
SLOT_NOISE_CHANCE, SLOT_NOISE = 0.3, 0.1
"""How often noise is added to the song's features, and its largest standard deviation."""


class TokenSampler:
    """Draws windows of tokenised maps."""

    def __init__(
        self,
        examples: Sequence[TokenisedExample],
        family: Family[Any],
        *,
        batch_cost: int = BATCH_COST,
        max_tokens: int = MAX_TOKENS,
        augments: bool = True,
    ) -> None:
        """Prepare to draw.

        Args:
            examples: maps to draw from.
            family: of the checkpoint.
            batch_cost: decoder tokens of a batch, its encoder positions counted as `ENCODER_COST` each.
            max_tokens: longer windows are cut.
            augments: whether to change the windows drawn.
        """
        self.family, self.augments, self.batch_cost, self.max_tokens = family, augments, batch_cost, max_tokens
        self.examples = [example for example in examples if example.length_ms > 0]
        self.weights = _shares(
            min(e.length_ms, LONGEST_MS) * MODE_WEIGHTS[e.mode] * (1.0 if e.song is not None else NO_SONG_WEIGHT)
            for e in self.examples
        )

    def block(self, random: Generator) -> list[dict[str, np.ndarray]]:
        """About `BLOCK_BATCHES` batches: inputs by the names of the network's parameters, and `targets`.

        The windows of a batch are about equally long. All batches have one of a few shapes: they are padded to a length
        of whole `LENGTH_STEP`, and with empty windows to as many as the cost allows.
        """
        if not self.examples:
            return []
        batches: list[dict[str, np.ndarray]] = []
        waiting: dict[int, list[TrainingWindow]] = defaultdict(list)
        cost = 0.0
        while cost < BLOCK_BATCHES * self.batch_cost:
            cost += ENCODER_COST * self.family.config.encoder_positions  # also if there is nothing to learn from
            window = self.draw(self.examples[int(random.choice(len(self.examples), p=self.weights))], random)
            if not (window.targets != IGNORED).any():
                continue
            length = -(-window.length // LENGTH_STEP) * LENGTH_STEP
            cost += length
            waiting[length].append(window)
            if len(waiting[length]) == self._count(length):
                batches.append(collate(waiting.pop(length), length))
        batches += [collate(windows, length, self._count(length)) for length, windows in waiting.items()]
        return [batches[i] for i in random.permutation(len(batches))]

    def _count(self, length: int) -> int:
        """Windows of a batch, by their length."""
        cost = length + ENCODER_COST * self.family.config.encoder_positions
        return max(int(self.batch_cost / cost), 1)

    def draw(self, example: TokenisedExample, random: Generator) -> TrainingWindow:
        """One window of one map."""
        family, changes = self.family, self.augments
        rate = (
            float(np.exp(random.uniform(-TEMPO_RANGE, TEMPO_RANGE)))
            if changes and random.random() < TEMPO_CHANCE
            else 1.0
        )
        length = family.config.window_ms * rate
        start = round(
            random.uniform(example.first_ms - 0.5 * length, example.first_ms + example.length_ms - 0.2 * length)
        )
        audio = example.song
        if not changes:
            excerpt = Excerpt(start, self.max_tokens)
            return family.training_window(example.tokens, audio, excerpt)
        if not family.needs_song and random.random() < SONG_DROPOUT:
            audio = None
        excerpt = Excerpt(
            start,
            self.max_tokens,
            rate,
            random.uniform(-SHIFT_MS, SHIFT_MS),
            self._mirror(example, random),
            frozenset(kind for kind in FORGETTABLE if random.random() < FACT_DROPOUT),
        )
        drawn = family.training_window(example.tokens, audio, excerpt)
        if audio is not None and random.random() < NOISE_CHANCE:
            sound = drawn.inputs.by_window[family.audio_input]
            sound += random.normal(scale=random.uniform(0, family.audio_noise), size=sound.shape).astype(np.float32)
        if audio is not None and random.random() < STRIPES_CHANCE:
            _blank_stripes(drawn.inputs.by_window[family.audio_input], random)
        return drawn

    def _mirror(self, example: TokenisedExample, random: Generator) -> Callable[[np.ndarray], np.ndarray]:
        """Mirrors tokens left-right, top-bottom, both or neither."""
        vocabulary = self.family.vocabulary
        across, down = random.random() < 0.5, random.random() < 0.5

        def mirrored(tokens: np.ndarray) -> np.ndarray:
            if example.keys and across:
                return _mirror(tokens, vocabulary, EventKind.COLUMN, example.keys - 1)
            if example.mode not in PLAYFIELD_MODES:
                return tokens
            precision = vocabulary.schema.position_precision
            if across:
                tokens = _mirror(tokens, vocabulary, EventKind.POS_X, int(WIDTH) // precision - 1)
            if down:
                tokens = _mirror(tokens, vocabulary, EventKind.POS_Y, int(HEIGHT) // precision - 1)
            return _mirror_cells(tokens, vocabulary, across, down)

        return mirrored


def _blank_stripes(sound: np.ndarray, random: Generator) -> None:
    """Blank stripes of a normalised spectrogram (n_frames, n_bands), whose mean is 0; samples of a song are left as they are."""
    if sound.ndim != 2:
        return
    n_frames, n_bands = sound.shape
    for _ in range(STRIPES):
        first = int(random.integers(n_bands))
        sound[:, first : first + int(random.integers(WIDEST_BANDS + 1))] = 0.0
        first = int(random.integers(n_frames))
        sound[first : first + int(random.integers(LONGEST_FRAMES + 1))] = 0.0


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
            int(WIDTH) // CELL_PX - 1 - 2 * (LEFT // CELL_PX),
            int(HEIGHT) // CELL_PX - 1 - 2 * (TOP // CELL_PX),
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


def collate(drawn: Sequence[TrainingWindow], length: int = 0, count: int = 0) -> dict[str, np.ndarray]:
    """Arrays (B, ...) of windows, right-padded, and their targets (B, T).

    Args:
        drawn: the windows.
        length: T is at least this.
        count: B is at least this; what is missing are windows of padding without targets.
    """
    arrays = stack([item.inputs for item in drawn], length)
    missing = max(count - len(drawn), 0)
    arrays = (
        {name: np.pad(a, [(0, missing)] + [(0, 0)] * (a.ndim - 1)) for name, a in arrays.items()} if missing else arrays
    )
    targets = np.full(arrays["tokens"].shape, IGNORED, dtype=np.int64)
    for row, item in enumerate(drawn):
        targets[row, : item.length] = item.targets
    return arrays | {"targets": targets}


def held_out_batches(sampler: TokenSampler) -> list[dict[str, np.ndarray]]:
    """Some batches that are the same at every call."""
    random = np.random.default_rng(7)
    found: list[dict[str, np.ndarray]] = []
    while len(found) < HELD_OUT_BATCHES and (block := sampler.block(random)):
        found += block
    return found[:HELD_OUT_BATCHES]


def _shares(weights: Iterable[float]) -> np.ndarray:
    """Weights scaled to a sum of 1."""
    found = np.array(list(weights))
    return found / found.sum() if len(found) else found


# ---------------------------------------------------------------------------------------------------------------------
# The discriminator: windows of slots, corrupted or not, some slots covered


@dataclass(frozen=True, slots=True)
class SlotWindow:
    """`REACH` slots of a map."""

    categories: np.ndarray
    numbers: np.ndarray
    context: np.ndarray
    neighbours: np.ndarray
    """As in :class:`maimod.discriminator.features.MapFeatures`; neighbours counted from the start of the window."""
    labels: np.ndarray
    """(REACH, len(KINDS)) bool: kinds of change in each slot."""
    is_clean: bool
    """Whether nothing of the map was changed."""


class CorruptionSampler:
    """Draws windows of maps, corrupted again for every draw."""

    def __init__(
        self,
        examples: Sequence[SlotExample],
        windows_per_batch: int = WINDOWS_PER_BATCH,
        mixed_windows: int = MIXED_WINDOWS,
    ) -> None:
        """Prepare to draw.

        Args:
            examples: maps to draw from.
            windows_per_batch: size of a batch.
            mixed_windows: windows of a block.
        """
        self.mixed_windows = max(mixed_windows, windows_per_batch)
        self.examples = [example for example in examples if example.context.grid.count >= REACH]
        self.windows_per_batch = windows_per_batch
        self.weights = _shares(
            CORRUPTED_MODE_WEIGHTS[e.beatmap.mode] * (1.0 if e.has_song else NO_SONG_WEIGHT) for e in self.examples
        )

    def block(self, random: Generator) -> list[dict[str, np.ndarray]]:
        """Batches of windows of many maps."""
        groups: list[list[SlotWindow]] = []
        while self.examples and sum(map(len, groups)) < self.mixed_windows:
            drawn = int(random.choice(len(self.examples), p=self.weights))
            groups.extend(slot_windows(self.examples[drawn], random))
        return batches_of(groups, self.windows_per_batch, random)


def held_out_windows(
    examples: Sequence[SlotExample], seed: int, windows_per_batch: int = WINDOWS_PER_BATCH
) -> list[dict[str, np.ndarray]]:
    """Batches of fixed windows of every fourth map with a song, with all context features."""
    random = np.random.default_rng(seed)
    watched = [example for example in examples if example.has_song and example.context.grid.count >= REACH][::4]
    groups = [group for example in watched for group in slot_windows(example, random, augments=False)]
    chosen = [groups[i] for i in random.permutation(len(groups))[: HELD_OUT_WINDOWS // 2]]
    return batches_of(chosen, min(windows_per_batch, max(sum(map(len, chosen)), 1)), random)


def slot_windows(example: SlotExample, random: Generator, augments: bool = True) -> Iterator[list[SlotWindow]]:
    """Corrupt a map and cut it into windows, each alone or with its unchanged twin.

    Args:
        example: at least `REACH` slots.
        random: chooses the changes, the cuts and the augmentation.
        augments: whether to mirror windows, to change their volumes and songs, and to sometimes leave out the song,
            similar slots and other difficulties.
    """
    context = _dropped(example.context, random) if augments else example.context
    slots, weights = context.similar
    context = msgspec.structs.replace(context, similar=(slots.astype(np.int64), weights.astype(np.float32)))
    changed, labels = corrupt(example.beatmap, context.grid, random)
    categories, numbers, neighbours = features.object_features(changed, context.grid)
    corrupt_lines(categories, numbers, changed.mode, labels, random)
    features.fill_contrasts(categories, numbers)
    corrupted = categories, numbers, context.combined(features.summary(categories, numbers)), neighbours
    categories, numbers, neighbours = example.unchanged
    clean = categories, numbers, context.combined(features.summary(categories, numbers)), neighbours
    for first in range(int(random.integers(REACH // 2)), context.grid.count - REACH + 1, REACH):
        marks = labels[first : first + REACH]
        twins = [(corrupted, marks, False)]
        if random.random() < TWIN_SHARE:
            twins.append((clean, np.zeros_like(marks), True))
        augment = _Augmentation.draw(example.beatmap, random) if augments else _Augmentation()
        yield [_window(arrays, first, marks, is_clean, augment) for arrays, marks, is_clean in twins]


def _window(
    arrays: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    first: int,
    labels: np.ndarray,
    is_clean: bool,
    augment: _Augmentation,
) -> SlotWindow:
    categories, numbers, context, neighbours = (array[first : first + REACH] for array in arrays)
    return SlotWindow(
        categories, augment.numbers(numbers), augment.context(context), neighbours - first, labels, is_clean
    )


_HORIZONTAL, _VERTICAL = (
    np.array([NUMBER[name] for name in (axis, f"end_{axis}", f"before_d{axis}", f"after_d{axis}", f"bend_{axis}")])
    for axis in ("x", "y")
)
_TURNS = np.array([NUMBER["before_turn_sin"], NUMBER["after_turn_sin"]])
_VOLUMES = np.array([NUMBER[name] for name in ("volume", "volume_before", "volume_after")])


@dataclass(frozen=True, slots=True)
class _Augmentation:
    """Changes of a whole window that leave a good map good and a mistake a mistake."""

    mirrors_x: bool = False
    """Left and right are exchanged; in mania the columns."""
    mirrors_y: bool = False
    keys: int = 0
    """Mania columns; 0 in other modes."""
    volume: float = 1.0
    """Factor of all volumes."""
    noise: np.ndarray | None = None
    """(REACH, N_SONG) added to the song's features; None for no noise."""

    @classmethod
    def draw(cls, beatmap: Beatmap, random: Generator) -> _Augmentation:
        noise = None
        if random.random() < SLOT_NOISE_CHANCE:
            noise = random.normal(scale=random.uniform(0.0, SLOT_NOISE), size=(REACH, features.N_SONG))
        return cls(
            bool(random.random() < 0.5),
            bool(random.random() < 0.5),
            beatmap.keys if beatmap.mode is Mode.MANIA else 0,
            float(random.uniform(LEAST_VOLUME, 1.0)) if random.random() < VOLUME_CHANCE else 1.0,
            noise,
        )

    def numbers(self, numbers: np.ndarray) -> np.ndarray:
        """`MapFeatures.numbers` of a window."""
        numbers = numbers.copy()
        if self.mirrors_x:
            numbers[:, _HORIZONTAL] *= -1
        if self.mirrors_y:
            numbers[:, _VERTICAL] *= -1
        if self.mirrors_x != self.mirrors_y:
            numbers[:, _TURNS] *= -1
        if self.mirrors_x and 0 < self.keys <= N_COLUMNS:
            columns = slice(NUMBER["column_0"], NUMBER["column_0"] + self.keys)
            numbers[:, columns] = numbers[:, columns][:, ::-1]
        numbers[:, _VOLUMES] *= self.volume
        return numbers

    def context(self, context: np.ndarray) -> np.ndarray:
        """`MapFeatures.context` of a window. The last of the song's features is whether there is one."""
        if self.noise is None or not context[:, features.N_SONG - 1].any():
            return context
        context = context.copy()
        context[:, : features.N_SONG - 1] += self.noise[:, :-1]
        return context


def _dropped(context: ContextFeatures, random: Generator) -> ContextFeatures:
    """Leave out the other difficulties, the song or similar slots, each with its probability."""
    without_siblings, without_song, without_similar = random.random(3) < (
        SIBLING_DROPOUT,
        SLOT_SONG_DROPOUT,
        SIMILAR_DROPOUT,
    )
    slots, weights = context.similar
    return msgspec.structs.replace(
        context,
        siblings=np.zeros_like(context.siblings) if without_siblings else context.siblings,
        song=np.zeros_like(context.song) if without_song else context.song,
        similar=(slots, np.zeros_like(weights) if without_song or without_similar else weights),
    )


def cover(window: SlotWindow, random: Generator) -> tuple[np.ndarray, np.ndarray]:
    """(covered, numbers): slots to mask, and the numbers without information about masked slots."""
    covered = np.zeros(REACH, dtype=bool)
    while covered.mean() < COVERED_SLOTS:
        first = int(random.integers(REACH))
        covered[first : first + int(random.choice([1, 1, 2, 3, 5]))] = True
    numbers = window.numbers.copy()
    for side, columns in ((0, features.BEFORE), (1, features.AFTER)):
        beside = window.neighbours[:, side]
        is_hidden = (beside >= 0) & (beside < REACH) & covered[np.clip(beside, 0, REACH - 1)]
        numbers[np.ix_(is_hidden, np.arange(columns.start, columns.stop))] = 0.0
    numbers[:, features.CONTRASTS] = 0.0
    return covered, numbers


def batches_of(groups: Sequence[list[SlotWindow]], size: int, random: Generator) -> list[dict[str, np.ndarray]]:
    """Mixed batches of `size` windows, twins beside each other; the remainder is dropped."""
    windows = [window for i in random.permutation(len(groups)) for window in groups[i]]
    return [collate_slots(windows[first : first + size], random) for first in range(0, len(windows) - size + 1, size)]


def collate_slots(windows: Sequence[SlotWindow], random: Generator) -> dict[str, np.ndarray]:
    """Arrays (B, ...) of windows; a share of `COVER_SHARE` of them has masked slots."""
    covers, numbers = [], []
    for window in windows:
        covered, own = np.zeros(REACH, dtype=bool), window.numbers
        if random.random() < COVER_SHARE:
            covered, own = cover(window, random)
        covers.append(covered)
        numbers.append(own)
    return {
        "categories": np.stack([window.categories for window in windows]).astype(np.int64),
        "numbers": np.stack(numbers),
        "covered": np.stack(covers),
        "context": np.stack([window.context for window in windows]),
        "labels": np.stack([window.labels for window in windows]).astype(np.float32),
        "is_clean": np.array([window.is_clean for window in windows]),
    }
