"""Fields of a `.osu` file: numbers and times as the game reads them, and why a line is left out."""

from __future__ import annotations

import re

from maimod.osu.beatmap import MAX_TIME_MS

MAX_VALUE = 2_147_483_647  # of 32 bits
LAZER_VERSION = 128
"""First format of lazer; positions have decimals from here on."""
UNREADABLE = "that cannot be read"
NO_TIME = "at a time that is not a number or beyond 10 hours"

_INTEGER = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)


class Skip(Exception):
    """A line that is left out; the message is why, as in "skipped 2 timing point lines that cannot be read"."""


def decimal(text: str) -> float:
    """Read a decimal as the game does; NaN and infinity are allowed here and checked where the value is used.

    Raises:
        ValueError: if it is none.
    """
    if "_" in text or not text.isascii():  # which Python allows within numbers
        raise ValueError(f"not a number: {text[:40]}")
    return float(text)


def decimal_with_commas(text: str) -> float:
    """The same where the game ignores commas in front of the point, so that 4,2 is 42.

    Raises:
        ValueError: if it is none.
    """
    whole, point, rest = text.partition(".")
    return decimal(whole[:1] + whole[1:].replace(",", "") + point + rest)


def integer(text: str) -> int:
    """Read an integer as the game does: it takes no decimals, not even .0.

    Raises:
        ValueError: if it is none.
    """
    value = int(text) if len(text) < 40 and _INTEGER.fullmatch(text) else MAX_VALUE + 1
    if not -MAX_VALUE - 1 <= value <= MAX_VALUE:
        raise ValueError(f"not a whole number: {text[:40]}")
    return value


def integer_or_0(text: str) -> int:
    """Read an integer of a field in which the game takes anything else for 0."""
    try:
        return integer(text)
    except ValueError:
        return 0


def time_ms(text: str, offset: float) -> float:
    """A time of the file as the game has it.

    Args:
        text: the field.
        offset: ms that the game adds to the times of this format.

    Raises:
        Skip: if it is no time.
    """
    try:
        time = decimal(text)
    except ValueError:
        raise Skip(UNREADABLE) from None
    if not abs(time) <= MAX_TIME_MS:  # also true for NaN
        raise Skip(NO_TIME)
    return time + offset
