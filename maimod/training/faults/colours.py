"""Colours of the notes of taiko."""

from __future__ import annotations

from dataclasses import replace

from maimod.osu.beatmap import HitObject
from maimod.training.faults.base import CLAP, WHISTLE

KAT = WHISTLE | CLAP


def is_kat(o: HitObject) -> bool:
    """Whether a taiko note is a kat."""
    return bool(o.hitsound & KAT)


def coloured(o: HitObject, kat: bool) -> HitObject:
    """The note as a kat or a don."""
    return o if kat == is_kat(o) else replace(o, hitsound=o.hitsound | CLAP if kat else o.hitsound & ~KAT)
