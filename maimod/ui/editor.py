"""The map that is open in osu!, by tosu, a program that reads the game's memory and serves it on this computer.

Source: https://github.com/tosuapp/tosu (`/json/v2`): `folders.songs` is the Songs folder, `directPath.beatmapFile` the path
of the difficulty from there, with the separators of Windows; without a running game it answers 500.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from maimod.errors import UsageError, short
from maimod.osu.folder import BEATMAP, has_ending, parts_of

URL = "http://127.0.0.1:24050/json/v2"
TIMEOUT_S = 2.0
MAX_BYTES = 8 << 20
EXPORTED = (
    "osu!lazer keeps no mapset folders: export the map there (File, Export for editing) and open the exported file."
)


@dataclass(frozen=True, slots=True)
class OpenMap:
    """A difficulty that is open in the game."""

    folder: str
    file: str
    """Its name in the folder."""


def open_map(url: str = URL) -> OpenMap:
    """The difficulty that is open in osu!.

    Raises:
        UsageError: if tosu or the game does not run, or has no map that can be read here; says what to do.
    """
    answer = _asked(url)
    if _text(answer, "client") == "lazer":
        raise UsageError(EXPORTED)
    songs, file = _text(answer, "folders", "songs"), _text(answer, "directPath", "beatmapFile")
    parts = parts_of(file)
    if not songs or not parts or not has_ending(parts[-1], BEATMAP):
        raise UsageError("no map is open in osu!: open one in its editor.")
    path = Path(songs).joinpath(*parts)
    if not path.is_file():
        raise UsageError(
            f"{short(str(path), 160)}: open in osu!, but not a file on this computer; enter the path of its folder."
        )
    return OpenMap(str(path.parent), path.name)


def _asked(url: str) -> dict[str, Any]:
    opener = build_opener(ProxyHandler({}))  # nothing leaves this computer
    try:
        with opener.open(url, timeout=TIMEOUT_S) as answer:
            content = answer.read(MAX_BYTES)
        value = json.loads(content)
    except HTTPError as error:
        error.close()
        raise UsageError("osu! is not running, or tosu does not see it yet: start osu! and open the map.") from None
    except (OSError, HTTPException):
        raise UsageError(
            "tosu is not running: start it beside osu! (github.com/tosuapp/tosu), or enter a path."
        ) from None
    except (ValueError, RecursionError):
        raise UsageError(f"{url}: not the answer of tosu; enter a path instead.") from None
    if not isinstance(value, dict) or "error" in value:
        raise UsageError("osu! is not running, or tosu does not see it yet: start osu! and open the map.")
    return value


def _text(answer: dict[str, Any], *names: str) -> str:
    value: Any = answer
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
