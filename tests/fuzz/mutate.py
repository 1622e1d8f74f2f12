"""Changes to inputs: of bytes, of lines, of fields within lines, of JSON and TOML values. Equal random states give equal
changes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

ODD_TEXTS = (
    *("nan", "-nan", "inf", "-Infinity", "1e400", "-1e400", "-0", "0", "-1", "1", "0.5", "1e-320", "1e308", "NaN(7)"),
    *(
        "2147483647",
        "-2147483648",
        "4294967296",
        "9" * 30,
        "9" * 5000,
        "1_0",
        "0x10",
        "١٢",
        "\uff11",
        "1,5",
        "1e",
        "+",
        "--1",
    ),
    *(
        "",
        " ",
        "x",
        "é",
        "\u202e",
        "\0",
        "\x1b[31m",
        "💥",
        "|",
        ":",
        ",",
        ";",
        "//",
        '"',
        "[",
        "]",
        "..",
        "../../x",
        "a" * 300,
        "[" * 5000,
        "{x=" * 3000,
    ),
)
"""Replacements of fields."""
ODD_BYTES = (
    b"\0",
    b"\xff",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r",
    b"\r\n",
    b"\n\n",
    b",,",
    b"::",
    b"||",
    b"\x1b",
    b"\x80\x80\x80\x80",
)
ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        3,
        0.5,
        -0.0,
        1e308,
        float("nan"),
        float("inf"),
        float("-inf"),
        3_000_000_000,
        2**63,
        2**200,
    ),
    *("", "x", "../..", "/etc/passwd", "\0", "\ud800", "a" * 5000, [], {}, [[]], [None], {"": None}, {"x": 1}),
)
"""Replacements of JSON values."""
_FIELDS = re.compile(rb"[^,:|\n\r]+")


def of_bytes(content: bytes, random: Random) -> bytes:
    """Change, insert, delete, repeat or cut bytes in a few places."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        place = random.randrange(len(data) + 1)
        length = random.choice((1, 1, 2, 4, 64, 1000))
        match random.randrange(7):
            case 0:
                data[place : place + 1] = bytes([random.randrange(256)])
            case 1 if data:
                data[min(place, len(data) - 1)] ^= 1 << random.randrange(8)
            case 2:
                data[place:place] = random.choice(ODD_BYTES)
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length] * random.choice((1, 2, 50))
            case 5:
                data[place : place + length] = random.randbytes(min(length, 64))
            case _:
                del data[place:]
    return bytes(data)


def of_lines(content: bytes, random: Random, other: bytes = b"") -> bytes:
    """Duplicate, drop, swap, move or repeat lines, or splice the beginning of one text with the end of another."""
    lines = content.split(b"\n")
    for _ in range(random.choice((1, 1, 2, 5))):
        first, second = random.randrange(len(lines)), random.randrange(len(lines))
        match random.randrange(7):
            case 0:
                lines.insert(second, lines[first])
            case 1:
                del lines[first : first + random.choice((1, 1, 10))]
            case 2:
                lines[first], lines[second] = lines[second], lines[first]
            case 3:
                lines[first:first] = [lines[first]] * random.choice((2, 20, 200))
            case 4:
                lines[first] += lines[second]
            case 5:
                others = other.split(b"\n")
                lines[first:] = others[random.randrange(len(others)) :]
            case _:
                others = other.split(b"\n")
                lines.insert(first, random.choice(others))
        lines = lines or [b""]
    return b"\n".join(lines)


def of_fields(content: bytes, random: Random) -> bytes:
    """Replace fields (numbers, names) by odd ones, or by fields of other places."""
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        fields = list(_FIELDS.finditer(content))
        if not fields:
            return content
        found = random.choice(fields)
        new = random.choice(fields)[0] if random.random() < 0.3 else random.choice(ODD_TEXTS).encode()
        if random.random() < 0.1:
            new = found[0] + new
        content = content[: found.start()] + new + content[found.end() :]
    return content


def of_text(content: bytes, random: Random, other: bytes = b"") -> bytes:
    """One or two of the changes above."""
    changes: Sequence[Callable[[bytes], bytes]] = (
        lambda text: of_bytes(text, random),
        lambda text: of_lines(text, random, other),
        lambda text: of_fields(text, random),
        lambda text: of_fields(text, random),
    )
    for _ in range(random.choice((1, 1, 2))):
        content = random.choice(changes)(content)
    return content


def of_value(value: Any, random: Random) -> Any:
    """Change JSON or TOML values in a few places: another type, null, deep nesting, a missing or unknown key."""
    value = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        places = list(_places(value, None, None))
        holder, key = random.choice(places)
        if holder is None:
            if random.random() < 0.1:
                value = _odd(random)
            continue
        match random.randrange(8):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[random.choice(("", "x", str(key) + " ", str(key).upper()))] = holder[key]
            case 2:
                holder[key] = [holder[key]]
            case 3:
                other, place = random.choice(places)
                holder[key] = copy.deepcopy(other[place]) if other is not None and place in _keys(other) else None
            case 4 if isinstance(holder[key], list) and holder[key]:
                holder[key] *= random.choice((0, 2, 100))
            case 5 if isinstance(holder[key], (int, float)) and not isinstance(holder[key], bool):
                holder[key] = random.choice(
                    (-holder[key], holder[key] + 1, holder[key] * 1000, float(holder[key]), str(holder[key]))
                )
            case _:
                holder[key] = _odd(random)
    return value


def of_json(value: Any, random: Random) -> bytes:
    """A JSON document of a changed value, or the document of the value with changes to its text."""
    text = json.dumps(value).encode()
    if random.random() < 0.7:
        return json.dumps(of_value(value, random)).encode()
    return of_text(text, random, text)


def _odd(random: Random) -> Any:
    if random.random() < 0.05:
        deep: Any = 0
        for _ in range(random.choice((50, 150))):
            deep = [deep] if random.random() < 0.5 else {"x": deep}
        return deep
    return copy.deepcopy(random.choice(ODD_VALUES))


def _keys(value: Any) -> Any:
    return value.keys() if isinstance(value, dict) else range(len(value))


def _places(value: Any, holder: Any, key: Any) -> Any:
    """(container, key) of a value and of all below it."""
    yield holder, key
    if isinstance(value, (dict, list)):
        for inner in list(_keys(value)):
            yield from _places(value[inner], value, inner)
