"""What the judge finds on songs that it was not fitted on, and how often its probabilities are right.

Both are measured on the examples of :mod:`maimod.training.judge_fit`, in maps that no network was trained on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from maimod.findings import Category
from maimod.linter.places import CATEGORIES
from maimod.training.faults import SETS
from maimod.training.judge_fit import UNCLEAR, UNTOUCHED, Examples, data_of

FALSE_A_MINUTE = 0.1, 1.0, 2.0
"""Findings on untouched maps that are allowed for each minute of them."""
BINS = 0.1, 0.2, 0.4, 0.6, 0.8, 1.01
"""Borders of the groups of probabilities that are compared with the share that was right."""
LEAST_IN_BIN = 10


def recall(examples: Sequence[Examples], logits: Sequence[np.ndarray], false_a_minute: float) -> dict[str, float]:
    """Share of the planted mistakes of each kind that are found, all categories of a map in one list.

    Args:
        examples: of maps of one mode.
        logits: (n,) log-odds of the places of each.
        false_a_minute: places of the untouched maps above the threshold, for each minute.

    Returns:
        By kind, all its doses together. What a fact names is found: a report lists it before every estimate.
    """
    minutes = sum(one.minutes for one in examples)
    untouched = np.sort(
        np.concatenate([own[one.copies == 0] for one, own in zip(examples, logits, strict=True)] or [np.zeros(0)])
    )[::-1]
    allowed = int(false_a_minute * minutes)
    threshold = untouched[allowed] if allowed < len(untouched) else -np.inf
    planted: dict[str, int] = defaultdict(int)
    found: dict[str, int] = defaultdict(int)
    for one, own in zip(examples, logits, strict=True):
        for name, count in one.planted.items():
            planted[_kind(name)] += count
        # A mistake has an example in each category that shows it. The mistakes of one copy are of different kinds.
        above = {(int(one.copies[place]), one.kinds[place]) for place in np.flatnonzero(own > threshold).tolist()}
        for _, name in above | one.told:
            if name not in (UNTOUCHED, UNCLEAR):
                found[_kind(name)] += 1
    return {kind: min(found[kind] / count, 1.0) for kind, count in planted.items()}


def _kind(name: str) -> str:
    return name.partition(":")[0]


def lines(examples: Sequence[Examples], checked: Mapping[Category, np.ndarray]) -> Iterator[str]:
    """Sentences about each mode and each category.

    Args:
        examples: that the judge was fitted to.
        checked: by category, the calibrated log-odds of its places by models that do not know their song.
    """
    by_map = [np.full(len(one.kinds), -np.inf) for one in examples]
    for category, odds in checked.items():
        is_own = [one.categories == CATEGORIES.index(category) for one in examples]
        parts = np.split(odds, np.cumsum([int(own.sum()) for own in is_own])[:-1])
        for logits, own, part in zip(by_map, is_own, parts, strict=True):
            logits[own] = part
    kinds = {name: {fault.kind for fault in faults} for name, faults in SETS.items()}
    for mode in sorted({one.mode for one in examples}):
        chosen = [number for number, one in enumerate(examples) if one.mode == mode and one.unseen]
        if not chosen:
            continue
        maps, odds_of = [examples[number] for number in chosen], [by_map[number] for number in chosen]
        found = [recall(maps, odds_of, rate) for rate in FALSE_A_MINUTE]
        shares = [
            f"{name} kinds "
            + " / ".join(f"{np.mean([share for kind, share in one.items() if kind in own]):.0%}" for one in found)
            for name, own in kinds.items()
            if own & found[0].keys()
        ]
        rates = " / ".join(f"{rate:g}" for rate in FALSE_A_MINUTE)
        yield f"{mode}: {len(maps)} maps unknown to the networks; found at {rates} false places a minute: {', '.join(shares)}"
    for category, odds in checked.items():
        data = data_of(examples, category)
        rows = data.is_example & data.unseen
        chance, real, weights = 1 / (1 + np.exp(-odds[rows])), data.real[rows], data.weights[rows]
        parts_of = [
            f"{np.average(chance[own], weights=weights[own]):.2f} → {np.average(real[own], weights=weights[own]):.2f}"
            for low, high in pairwise(BINS)
            if (own := (chance >= low) & (chance < high)).sum() >= LEAST_IN_BIN
        ]
        if parts_of:
            yield f"{category.value}: probability → share that was right: {', '.join(parts_of)}"
