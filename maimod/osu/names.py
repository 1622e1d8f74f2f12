"""Objects in the words of their mode: don, kat, fruit, hold note."""

from __future__ import annotations

import re

from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import BIG, KAT, Hit

KINDS = {
    Mode.TAIKO: {"circle": "note", "slider": "drumroll", "spinner": "denden"},
    Mode.CATCH: {"circle": "fruit", "slider": "juice stream", "spinner": "banana shower"},
    Mode.MANIA: {"circle": "note", "hold": "hold note", "hold note": "hold note"},
}
"""Names of the kinds of objects in modes that have their own."""
NOUNS = {Mode.TAIKO: "note", Mode.MANIA: "note"}


def noun(beatmap: Beatmap) -> str:
    """Any object of the mode: a note, else an object."""
    return NOUNS.get(beatmap.mode, "object")


def kind_name(kind: str, beatmap: Beatmap) -> str:
    """A kind of object in the words of the mode."""
    return KINDS.get(beatmap.mode, {}).get(kind, kind)


def in_words_of_mode(text: str, beatmap: Beatmap) -> str:
    """A text about circles and sliders, in the words of the mode."""
    for kind, name in KINDS.get(beatmap.mode, {}).items():
        text = re.sub(rf"\b{kind}(?=s?\b)", name, text)
    return text


def object_name(hit_object: HitObject, beatmap: Beatmap) -> str:
    """An object in the words of its mode; taiko notes by their colour."""
    if beatmap.mode is Mode.TAIKO and hit_object.kind is ObjectKind.CIRCLE:
        return taiko_note(bool(hit_object.hitsound & KAT), bool(hit_object.hitsound & BIG))
    return kind_name(str(hit_object.kind), beatmap)


def hit_name(hit: Hit, beatmap: Beatmap) -> str:
    """The object of a hit and the part of it that is hit: slider head, drumroll, kat."""
    o = hit.hit_object
    if o.kind is ObjectKind.CIRCLE or beatmap.mode not in PLAYFIELD_MODES:
        return object_name(o, beatmap)
    return hit.place.replace(str(o.kind), kind_name(str(o.kind), beatmap))


def taiko_note(is_kat: bool, is_big: bool) -> str:
    """Don or kat, big if it is a finisher."""
    return f"{'big ' * is_big}{'kat' if is_kat else 'don'}"
