"""Titles and artists as names and markers: what follows a name in a standard form, and how it is written.

Source: Metadata, Standardisation, of https://osu.ppy.sh/wiki/en/Ranking_criteria#metadata.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import msgspec

from maimod.rules.base import Certainty


class Fault(msgspec.Struct, frozen=True):
    """Something written in another form than the criteria ask for."""

    message: str
    """What is wrong, as the end of a sentence that begins with the field and its value."""
    expected: str
    """As it should be written."""
    certainty: Certainty = Certainty.CERTAIN
    """LIKELY if the words may be the song's own, POSSIBLE if the criteria do not ask for it."""


class Marker(msgspec.Struct, frozen=True):
    """A marker of length, version or tempo in a title."""

    text: str
    """As written, with its brackets."""
    standard: str
    """As the criteria write it."""
    start: int
    is_sure: bool
    """Whether the words can hardly be anything else."""


LENGTHS = frozenset({"(TV Size)", "(Game Ver.)", "(Short Ver.)", "(Cut Ver.)", "(Extended Edit)"})
"""Only one of these fits a song."""
_AND = r"\s*(?:&|\+|and)\s*"
_VERSION = r"ver(?:sion\b|\.|\b)"
_OPEN, _CLOSE = r"[(\[<{~\u301c\uff08\u3010\u2015\u2212-]", r"[)\]>}~\u301c\uff09\u3011\u2015\u2212-]"
_GRAMMAR: tuple[tuple[str, str, str, str], ...] = (
    ("(Sped Up & Cut Ver.)", "up", rf"sped[\s-]*up{_AND}cut(?:[\s-]*{_VERSION})?", "sure"),
    ("(Nightcore & Cut Ver.)", "core", rf"nightcore{_AND}cut(?:[\s-]*{_VERSION})?", "sure"),
    ("(TV Size)", "tv", rf"tv[\s-]*(?:anime[\s-]*)?(?:size(?:[\s-]*{_VERSION})?|{_VERSION})", "sure"),
    ("(TV Size)", "tv", r"tv[\s-]*(?:edit|cut|mix)\b", "in brackets"),
    ("(Game Ver.)", "game", rf"game[\s-]*(?:size(?:[\s-]*{_VERSION})?|{_VERSION})", "sure"),
    ("(Game Ver.)", "game", r"game[\s-]*(?:edit|cut|mix)\b", "in brackets"),
    ("(Short Ver.)", "short", rf"short[\s-]*(?:size(?:[\s-]*{_VERSION})?|{_VERSION})", "sure"),
    ("(Short Ver.)", "short", r"short[\s-]*(?:edit|cut)\b", "in brackets"),
    ("(Cut Ver.)", "cut", rf"(?<!& )cut[\s-]*{_VERSION}", "sure"),
    ("(Sped Up Ver.)", "up", rf"sped[\s-]*up[\s-]*{_VERSION}", "sure"),
    ("(Sped Up Ver.)", "up", rf"(?:sped[\s-]*up|speed(?:ed)?[\s-]*up[\s-]*{_VERSION})", "in brackets"),
    ("(Nightcore Mix)", "core", rf"nightcore[\s-]*(?:{_VERSION}|mix\b|edit\b)", "sure"),
    ("(Extended Edit)", "extended", rf"extended[\s-]*(?:edit\b|{_VERSION})", "unsure"),
    ("(TV Size)", "", rf"(?:op|ed)[\s-]*(?:size|{_VERSION})", "unsure"),
)
"""Standard marker, letters without which none of the words is there, words that stand for it, and whether they can mean
anything else. "in brackets": only there, and even then not surely."""


@cache  # when it is needed: few titles have markers, and all expressions take 8 ms
def _attempt(words: str, kind: str) -> re.Pattern[str]:
    return re.compile(
        (
            rf"{_OPEN}\s*{words}\s*{_CLOSE}"
            if kind == "in brackets"
            else rf"(?:{_OPEN}\s*|\b){words}(?:\s*{_CLOSE}|(?!\w))"
        ),
        re.IGNORECASE,
    )


_OTHER_VERSION = re.compile(r"\(([^()]*\S)\s(ver\.?)\)", re.IGNORECASE)
"""A version of another kind in brackets, shortened: "(Arrange ver.)"."""


def markers(title: str) -> list[Marker]:
    """Markers of a title, in order; each place counts once, for the first of `_GRAMMAR` that fits."""
    found: list[Marker] = []
    small = title.casefold()
    for standard, letters, words, kind in _GRAMMAR:
        for match in _attempt(words, kind).finditer(title) if letters in small else ():
            if not any(one.start < match.end() and match.start() < one.start + len(one.text) for one in found):
                found.append(Marker(match[0].strip(), standard, match.start(), kind == "sure"))
    return sorted(found, key=lambda one: one.start)


def is_as_stylised(text: str, standard: str, whole: str) -> bool:
    """Whether a marker has its standard form, in the letters of a title that is all small or all capital."""
    text = unicodedata.normalize("NFKC", text)  # brackets of full width are brackets
    if text == standard:
        return True
    return (text == standard.lower() and _is_small(whole)) or (text == standard.upper() and _is_capital(whole))


def _is_small(text: str) -> bool:
    return text == text.lower() != text.upper()


def _is_capital(text: str) -> bool:
    return text == text.upper() != text.lower()


def _name(title: str, found: list[Marker]) -> str:
    """A title without its markers."""
    for one in reversed(found):
        title = title[: one.start] + title[one.start + len(one.text) :]
    return title


def title_faults(title: str, tags: str = "") -> Iterator[Fault]:
    """Faults of the markers of one title, romanised or not.

    Args:
        title: the field.
        tags: of the map; nightcore there tells what a faster tempo is called.
    """
    found = markers(title)
    # Scripts without small and capital letters do not stylise the marker.
    styled = title if any(letter.lower() != letter.upper() for letter in _name(title, found)) else ""
    words = set(re.findall(r"\w+", tags.lower()))
    for one in found:
        if "Sped Up" in one.standard and "nightcore" in words:
            # The other marker is wanted, so the form of this one does not matter.
            wanted = "(Nightcore & Cut Ver.)" if "Cut" in one.standard else "(Nightcore Mix)"
            yield Fault(
                f"has the marker {one.text}, but nightcore in its tags, which is {wanted}", wanted, Certainty.LIKELY
            )
        elif not is_as_stylised(one.text, one.standard, styled):
            yield Fault(
                f'should have its marker "{one.text}" as {one.standard}',
                one.standard,
                Certainty.CERTAIN if one.is_sure else Certainty.LIKELY,
            )
        elif one.start and _is_narrow(title[one.start - 1]):
            yield Fault(f"needs a space before {one.text}", f" {one.text}", Certainty.LIKELY)
    lengths = [one.text for one in found if one.standard in LENGTHS]
    others = [match for match in _OTHER_VERSION.finditer(title) if not any(one.text == match[0] for one in found)]
    lengths += [match[0] for match in others if match[1].lower() in ("full", "long")] if lengths else []
    if len(lengths) > 1:
        yield Fault(f"has more than one marker of length: {' and '.join(lengths)}", lengths[0], Certainty.LIKELY)
    for match in others:
        standard = f"({match[1]} Ver.)"
        if match[2] not in ("Ver.", *_styled("Ver.", title)):
            yield Fault(f"has {match[0]}, where other titles write {standard}", standard, Certainty.POSSIBLE)


def _styled(word: str, whole: str) -> Iterator[str]:
    """Forms of a word that the letters of the whole allow besides its own."""
    if _is_small(whole):
        yield word.lower()
    if _is_capital(whole):
        yield word.upper()


# ---------------------------------------------------------------------------------------------------------------------
# Credits


_FEAT = re.compile(r"(?:(?<=\s)|(?<=[(\[])|^)(?:ft|feat|featuring)\b\.?", re.IGNORECASE)
_VERSUS = re.compile(r"(?<=\s)(?:vs|versus)\b\.?(?=\s|\w|$)", re.IGNORECASE)
_VOICE = re.compile(r"(?:(?<=[\s(\[\uff08])|^)(c\.?v|v\.?o)(?:\.\s?:?|\s?[:\uff1a]|\s(?=[^)]*\)))", re.IGNORECASE)
_TIGHT = re.compile(r"(?<=[^\W\d])[,&](?=\w)|(?<=\d),(?=[^\W\d])")
"""A comma or & without a space after it; "10,000" is a number."""


def credit_faults(field: str, is_artist: bool) -> Iterator[Fault]:
    """Faults of the credits in an artist or a title.

    Args:
        field: the value, romanised or not.
        is_artist: whether it is the artist, whose commas and & link names.
    """
    for pattern, standard in ((_FEAT, "feat."), (_VERSUS, "vs.")):
        for match in pattern.finditer(field):
            if match[0] not in (standard, *_styled(standard, field)):
                yield Fault(f'has "{match[0]}" instead of "{standard}"', standard)
            elif _is_tight(field, match.end()):
                yield Fault(f'needs a space after "{match[0]}"', f"{match[0]} ")
    for match in _VOICE.finditer(field):
        standard = f"({match[1].replace('.', '').upper()}: …)"
        # Full-width characters bring their own space.
        is_wide = match[0].endswith("\uff1a") or field[: match.start()].endswith("\uff08")
        letters = match[0].rstrip()
        plain = standard[1:4]
        if not is_wide and letters not in (plain, *_styled(plain, field)):
            yield Fault(f'has "{letters}" instead of "{plain}"', plain)
        elif not is_wide and _is_tight(field, match.end()):
            yield Fault(f'needs a space after "{letters}"', f"{letters} ")
        elif match.start() and field[match.start() - 1] not in "([\uff08":
            yield Fault(f'needs brackets around the voice: "{standard}"', standard)
        elif match.start() > 1 and field[match.start() - 1] in "([" and _is_narrow(field[match.start() - 2]):
            yield Fault(f'needs a space before "{field[match.start() - 1]}{letters}"', f" ({letters}")
    if is_artist and (tight := _TIGHT.search(field)):
        yield Fault(f'needs a space after "{tight[0]}"', f"{tight[0]} ", Certainty.LIKELY)


def _is_tight(field: str, end: int) -> bool:
    return end < len(field) and _is_narrow(field[end])


def _is_narrow(letter: str) -> bool:
    """Whether a letter needs a space beside it; those of full width bring their own."""
    return letter.isalnum() and unicodedata.east_asian_width(letter) not in "WF"
