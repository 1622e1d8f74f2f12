"""Scroll speed: placeholder until its rules are written."""

from __future__ import annotations

from collections.abc import Iterator

from maimod.detectors.base import Context, Detector
from maimod.findings import Category, Finding


def run(context: Context) -> Iterator[Finding]:
    yield from ()


DETECTOR = Detector(Category.SCROLL_SPEED, "Scroll speed", (), run)
