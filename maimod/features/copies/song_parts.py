"""How alike parts of a song are by its spectrum, and where a part of it comes again."""

from __future__ import annotations

import numpy as np

from maimod.audio.spectrogram import Bands
from maimod.features.copies.cells import CELLS_PER_BEAT, LONGEST_MEASURE, QUARTER, Cells

WEIGHT_OF_ONSETS = 0.5
"""Beside 1 for the loudness. Of 13 maps with several sections of kiai, measures are in kiai if those most alike are, with an AUC of
0.87 by loudness in each band, 0.85 by its onsets, 0.71 by the onsets of the whole song, and 0.71 by the rhythm of the map."""
QUARTER_FRAMES = 4
"""Frames of loudness for a quarter of a beat, as many as fit in one at 180 BPM."""

LOUD_BEFORE_MS, LOUD_AFTER_MS = 250.0, 1000.0


def similarity(cells: Cells, bands: Bands, lag_ms: float) -> np.ndarray:
    """(n_measures, n_measures) correlation of the measures of a map by loudness and onsets in each band of the song.

    Args:
        cells: of the map.
        bands: of its song.
        lag_ms: from a time of the map to its onset.
    """
    rows = _rows(cells, bands, lag_ms, cells.starts, LONGEST_MEASURE // 2)
    return np.asarray(rows @ rows.T)


def beats(cells: Cells, bands: Bands, lag_ms: float) -> np.ndarray:
    """(n_beats, n_values) of the beats of a map; the product of two rows is their correlation. Arguments as of
    :func:`similarity`."""
    return _rows(cells, bands, lag_ms, np.arange(0, cells.count, CELLS_PER_BEAT), CELLS_PER_BEAT)


def _rows(cells: Cells, bands: Bands, lag_ms: float, starts: np.ndarray, length: int) -> np.ndarray:
    """(n_starts, n_values) of the parts of `length` cells from each start."""
    index = starts[:, None] + np.arange(0, length, QUARTER)
    frames = ((cells.times(index.ravel()) + lag_ms) / bands.frame_ms).astype(np.int64).reshape(index.shape)

    def taken(values: np.ndarray, first: int, last: int) -> list[np.ndarray]:
        return [values[np.clip(frames + by, 0, len(values) - 1)] for by in range(first, last)]

    loudness = _normed(np.mean(taken(bands.loudness, 0, QUARTER_FRAMES), axis=0))
    onsets = _normed(np.max(taken(bands.flux, -1, 2), axis=0))
    both = np.concatenate([loudness, onsets * np.float32(WEIGHT_OF_ONSETS**0.5)], axis=1)
    return np.asarray(both / np.float32((1.0 + WEIGHT_OF_ONSETS) ** 0.5))


def loudness(bands: Bands, times: np.ndarray) -> np.ndarray:
    """(n_times,) mean loudness of a song around times of it [ms]: a little before and a second after."""
    values = bands.loudness.mean(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first, last = (
        np.clip(((times + by) / bands.frame_ms).astype(np.int64), 0, len(values))
        for by in (-LOUD_BEFORE_MS, LOUD_AFTER_MS)
    )
    return np.asarray((sums[last] - sums[first]) / np.maximum(last - first, 1))


def _normed(values: np.ndarray) -> np.ndarray:
    rows = values.reshape(len(values), -1).astype(np.float32)
    rows = rows - rows.mean(axis=0)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def again(alike: np.ndarray, start: int, length: int) -> np.ndarray:
    """(n_measures - length + 1,) how alike a part is to the one that begins at each measure.

    Args:
        alike: of :func:`similarity`.
        start: first measure of the part.
        length: measures in it.
    """
    n = len(alike) - length + 1
    return np.asarray(sum(alike[by : n + by, start + by] for by in range(length)) / length)
