"""What the song, similar measures and the other difficulties have at a time, in words for messages.

Similar measures are the copies of :mod:`maimod.rules.passages`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from maimod.osu.beatmap import HitObject, Mode, ObjectKind
from maimod.osu.hitsounds import BIG, KAT, addition_names, set_name
from maimod.osu.names import kind_name, noun, taiko_note
from maimod.rules.passages import SAME_VOLUME
from maimod.rules.rhythm_index import ONSET_WIDTH_MS, lag_of

if TYPE_CHECKING:
    from maimod.rules.base import Evidence

KINDS = [str(kind) for kind in ObjectKind]
CLEAR_SOUND, FAINT_SOUND = 0.5, 0.35
"""Onset strengths. Objects have about 1, empty 1/4 ticks 0.2."""


def sound(evidence: Evidence, time: float) -> str:
    """How clear the sound of the song is at a time [ms]: "a clear sound"; empty without a song."""
    if evidence.envelope is None:
        return ""
    strength = float(evidence.envelope.at(np.array([time + lag_of(evidence.alignment)]), ONSET_WIDTH_MS)[0])
    return "a clear sound" if strength >= CLEAR_SOUND else "a faint sound" if strength >= FAINT_SOUND else "no sound"


def objects(evidence: Evidence, time: float, where: str = "here") -> str:
    """As in "the song has a clear sound here; 6 of 8 similar measures and 2 of 3 other difficulties have a note";
    empty if there is nothing to compare with."""
    passages = evidence.passages
    shares = []
    if passages.cells.count:
        cell = passages.cells.of([time])
        seen, valid = passages.in_copies("head", cell)
        if valid.any():
            shares.append(f"{int((seen & valid).sum())} of {int(valid.sum())} similar measures")
        others = passages.in_siblings("head", cell)
        if others.size:
            shares.append(f"{int(others.sum())} of {others.size} other difficulties")
    parts = [f"the song has {heard} {where}"] if (heard := sound(evidence, time)) else []
    if shares:
        place = "" if parts else f" {where}"
        parts.append(f"{' and '.join(shares)} have {a(noun(evidence.beatmap))}{place}")
    return "; ".join(parts)


def kinds(evidence: Evidence, time: float, names: Sequence[str]) -> str:
    """As in "6 of 8 similar measures have a slider, 2 a circle"; empty without similar measures."""
    passages = evidence.passages
    if not passages.cells.count:
        return ""
    seen, valid = passages.in_copies("kind", passages.cells.of([time]))
    if not valid.any():
        return ""
    numbers = [int((valid & (seen == KINDS.index(name) + 1)).sum()) for name in names if name in KINDS]
    of = f"{int(valid.sum())} similar measures"
    words = [a(kind_name(name, evidence.beatmap)) for name in names]
    first, *rest = zip(numbers, words, strict=False)
    return ", ".join([f"{first[0]} of {of} have {first[1]}", *(f"{number} {name}" for number, name in rest)])


def flags(evidence: Evidence, time: float) -> str:
    """As in "5 of 8 similar measures and 2 of 3 other difficulties have one"; empty if there is nothing to compare with."""
    passages, shares = evidence.passages, []
    if passages.cells.count:
        cell = passages.cells.of([time])
        seen, valid = passages.in_copies("flag", cell)
        if valid.any():
            shares.append(f"{int((seen & valid).sum())} of {int(valid.sum())} similar measures")
        others = passages.in_siblings("flag", cell)
        if others.size:
            shares.append(f"{int(others.sum())} of {others.size} other difficulties")
    return f"{' and '.join(shares)} have one" if shares else ""


def sounds(evidence: Evidence, time: float, name: str) -> str:
    """What the same hit sounds like elsewhere: "6 of 8 similar measures have a whistle here", or that they have the same; empty
    without a hit to compare with.

    Args:
        evidence: of the map.
        time: of a hit [ms].
        name: sound, sample_set or volume, of :class:`maimod.rules.passages.Timeline`.
    """
    passages = evidence.passages
    if not passages.cells.count:
        return ""
    cell = passages.cells.of([time])
    (seen, valid), (heard, _) = passages.in_copies(name, cell), passages.in_copies("sound", cell)
    others, heard_in_others = passages.in_siblings(name, cell), passages.in_siblings("sound", cell) >= 0
    sides = [
        (values[there].tolist(), what)
        for values, there, what in (
            (seen, valid & (heard >= 0), "similar measures"),
            (others, heard_in_others, "other difficulties"),
        )
        if there.any()
    ]
    if not sides:
        return ""
    ((usual, _),) = Counter(value for values, _ in sides for value in values).most_common(1)
    shares = [f"{values.count(usual)} of {len(values)} {what}" for values, what in sides]
    own = int(getattr(passages.own, name)[cell[0]])
    is_same = abs(own - usual) <= SAME_VOLUME if name == "volume" else own == usual
    return f"{' and '.join(shares)} have {'the same' if is_same else _sound_name(evidence, name, usual)} here"


def _sound_name(evidence: Evidence, name: str, value: int) -> str:
    if name == "volume":
        return f"{value} % volume"
    if name == "sample_set":
        return f"the {set_name(value)} set"
    if evidence.beatmap.mode is Mode.TAIKO:
        return a(taiko_note(bool(value << 1 & KAT), bool(value << 1 & BIG)))
    return f"a {addition_names(value << 1)}" if value else "no addition"


def same_length(evidence: Evidence, o: HitObject) -> tuple[int, int]:
    """(objects at the same place of similar measures that last as long as this one, all objects there)."""
    passages = evidence.passages
    if not passages.cells.count:
        return 0, 0
    cell = passages.cells.of([o.time])
    heads, valid = passages.in_copies("head", cell)
    lengths, _ = passages.in_copies("length", cell)
    there = valid & heads
    return int((there & (lengths == passages.own.length[cell][:, None])).sum()), int(there.sum())


def a(name: str) -> str:
    """A noun with its article."""
    return f"a{'n' if name[0] in 'aeio' else ''} {name}"


def counted(number: int, name: str) -> str:
    """`1 object`, `2 difficulties`."""
    if number == 1:
        return f"1 {name}"
    return f"{number} {name[:-1]}ies" if name.endswith("y") else f"{number} {name}s"
