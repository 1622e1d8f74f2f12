"""Fruits of catch."""

from __future__ import annotations

from itertools import accumulate


def fruit(x: float, time: float, new_combo: bool = False) -> str:
    return f"{x:g},192,{time:g},{5 if new_combo else 1},0,0:0:0:0:"


def way(*steps: tuple[float, float]) -> list[str]:
    """Fruits from 1 s on, each (px, ms) from the one before; the leftmost is at 0."""
    x, time = -min(0.0, *accumulate(px for px, _ in steps)), 1000.0
    objects = [fruit(x, time)]
    for px, ms in steps:
        x, time = x + px, time + ms
        objects.append(fruit(x, time))
    return objects
