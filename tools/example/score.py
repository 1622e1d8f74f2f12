"""The score: sections, measures and the notes of the lead, which song and map follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BPM = 150.0
BEAT_MS = 60_000 / BPM
HALF_MS = BEAT_MS / 2
MEASURE_MS = 4 * BEAT_MS
OFFSET_MS = 1_000.0
"""Time of the first beat in the map, ms."""

SECTIONS = (("intro", 4), ("verse", 16), ("build", 8), ("chorus", 16), ("end", 2))
"""Sections: name and number of measures."""
RHYTHMS = {
    "intro": ("c.c.L...", "c.c.c.c."),
    "verse": ("L..cc.S.", "L..cL..c"),
    "build": ("c.ccL..c", "c.ccc.S."),
    "chorus": ("ccL..cS.", "L..cccS."),
    "end": ("L...L...", "c......."),
}
"""Rhythms of two measures in half beats: circle, slider of half a beat (S) or a whole one (L)."""
PHRASE = (0, 2, 4, 2, 5, 4, 2, 1)
"""Scale degrees of the lead, repeated over its notes; each section starts at another one."""
STARTS = {"intro": 0, "verse": 2, "build": 4, "chorus": 1, "end": 0}


def measures() -> Iterator[tuple[int, str, int]]:
    """Yield (number, section, number within the section)."""
    number = 0
    for section, length in SECTIONS:
        for inner in range(length):
            yield number, section, inner
            number += 1


def start_of(section: str) -> int:
    """First measure of a section."""
    return next(number for number, name, _ in measures() if name == section)


def time_of(measure: float, half: float = 0.0) -> float:
    """Ms in the map of a half beat (0 to 7) of a measure."""
    return OFFSET_MS + measure * MEASURE_MS + half * HALF_MS


@dataclass(frozen=True)
class Note:
    """A note of the lead and its object."""

    measure: int
    half: int
    length: int
    """In half beats; 0 for a circle."""
    section: str
    degree: int


def lead() -> list[Note]:
    """Notes of the lead, which the map follows."""
    notes: list[Note] = []
    for measure, section, inner in measures():
        if inner % 4 == 0:
            step = STARTS[section]
        for half, letter in enumerate(RHYTHMS[section][inner % 2]):
            if letter != ".":
                notes.append(Note(measure, half, {"c": 0, "S": 1, "L": 2}[letter], section, PHRASE[step % len(PHRASE)]))
                step += 1
    return notes


def lead_gap(number: int) -> int:
    """Half beats from a note of the lead to the next; 0 after the last."""
    notes = lead()
    if number + 1 == len(notes):
        return 0
    this, following = notes[number], notes[number + 1]
    return 8 * (following.measure - this.measure) + following.half - this.half
