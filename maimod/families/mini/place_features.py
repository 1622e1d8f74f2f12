"""Input features of the mini network: where the cursor is, and where the next position can be."""

from __future__ import annotations

import numpy as np

from maimod.events.schema import EventKind
from maimod.events.vocabulary import Vocabulary

WAVELENGTHS = (1024.0, 512.0, 256.0, 128.0, 64.0, 32.0)
"""Osu! pixels; the longest spans the playfield and its margins, the shortest distinguishes neighbouring cells of 8
px."""
N_PLACE_FEATURES = 4 * 2 * len(WAVELENGTHS) + 3


def _waves(values: np.ndarray) -> np.ndarray:
    """Sines and cosines (n, 2 * n_wavelengths) of values in osu! pixels."""
    angles = 2 * np.pi * values[:, None] / np.array(WAVELENGTHS)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def place_features(tokens: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Features of the cursor's place for each token, so that the network need not learn the geometry.

    They are the last position (x, y) and, in a group whose distance and x have been written, the two y that fit them.

    Args:
        tokens: (n,) ids of a context, from its beginning.
        vocabulary: theirs.

    Returns:
        float32 (n, N_PLACE_FEATURES); zeros for vocabularies without split positions and distances.
    """
    features = np.zeros((len(tokens), N_PLACE_FEATURES), dtype=np.float32)
    needed = (EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y)
    if not all(kind in vocabulary for kind in needed) or not len(tokens):
        return features
    index = np.arange(len(tokens))
    last, value = {}, {}
    for kind in needed:
        span = vocabulary.ranges[kind]
        is_kind = (tokens >= span.first_id) & (tokens < span.first_id + span.size)
        unit = span.step if kind is EventKind.DISTANCE else vocabulary.schema.position_precision
        pixels = ((tokens - span.first_id) + span.low / span.step + 0.5) * unit
        last[kind] = np.maximum.accumulate(np.where(is_kind, index, -1))
        value[kind] = np.where(last[kind] >= 0, pixels[np.maximum(last[kind], 0)], 0.0)
    has_position = last[EventKind.POS_Y] >= 0
    # The x of the last complete position: the last x before that y.
    x = np.where(has_position, value[EventKind.POS_X][np.maximum(last[EventKind.POS_Y], 0)], 256.0)
    y = np.where(has_position, value[EventKind.POS_Y], 192.0)
    knows_distance = last[EventKind.DISTANCE] > last[EventKind.POS_Y]
    knows_x = (last[EventKind.POS_X] > last[EventKind.POS_Y]) & knows_distance
    reach = np.sqrt(np.maximum(value[EventKind.DISTANCE] ** 2 - (value[EventKind.POS_X] - x) ** 2, 0.0))
    parts = [
        _waves(x),
        _waves(y),
        _waves(y - reach) * knows_x[:, None],
        _waves(y + reach) * knows_x[:, None],
        knows_distance[:, None],
        knows_x[:, None],
        (value[EventKind.DISTANCE] / 640 * knows_distance)[:, None],
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)
