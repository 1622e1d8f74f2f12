"""`maimod.toml`, or `[tool.maimod]` of `pyproject.toml`: read, checked against `config.schema.json`, and nothing else.

The schema is the one place that says which keys there are; editors that know JSON Schema use the same file.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

NAME = "maimod.toml"
SCHEMA_FILE = Path(__file__).parent / "config.schema.json"
MAX_BYTES = 1 << 20


class ConfigError(Exception):
    """A configuration file that cannot be used; one line with its path."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says, by the names of the options."""

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.path is not None


def discover(folder: Path) -> Config:
    """The nearest configuration, from a folder upwards; an empty one if there is none.

    Raises:
        ConfigError: if it is there but wrong.
    """
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        if (place / NAME).is_file():
            return load(place / NAME)
        if (place / "pyproject.toml").is_file():
            config = load(place / "pyproject.toml", optional=True)
            if config:
                return config
    return Config()


def load(path: Path, optional: bool = False) -> Config:
    """Read a configuration file.

    Args:
        path: a `pyproject.toml`, or a file with the same keys at its top.
        optional: whether a `pyproject.toml` without `[tool.maimod]` is an empty configuration.

    Raises:
        ConfigError: if it cannot be read, or says something unknown or impossible.
    """
    is_project = path.name == "pyproject.toml"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES >> 20} MB: not a configuration")
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8, which TOML is") from None
    except tomllib.TOMLDecodeError as error:
        if is_project and optional:
            return Config()  # somebody else's file, and somebody else's to complain
        raise ConfigError(f"{path}: {error}") from None
    if is_project:
        table = values.get("tool", {}).get("maimod") if isinstance(values.get("tool", {}), dict) else None
        if table is None:
            if optional:
                return Config()
            raise ConfigError(f"{path}: no [tool.maimod] in it")
        values = table
    trouble = _trouble(values, schema(), "")
    if trouble:
        raise ConfigError(f"{path}: {trouble}")
    return Config(path, values)


@cache
def schema() -> dict[str, Any]:
    """The schema of the file."""
    return dict(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def _trouble(value: Any, rules: Mapping[str, Any], place: str) -> str:
    """What is wrong with a value by the part of JSON Schema that the schema uses; empty if nothing is."""
    if "$ref" in rules:
        rules = schema()["$defs"][rules["$ref"].rsplit("/", 1)[-1]]
    lead = f"{place}: " if place else ""
    allowed = rules.get("enum")
    if allowed is not None and value not in allowed:
        close = get_close_matches(str(value), [str(one) for one in allowed], 1)
        return f"{lead}{value!r} is none of {', '.join(map(str, allowed))}" + (
            f"; did you mean {close[0]}?" if close else ""
        )
    kind = rules.get("type")
    if kind is not None and not _is(value, kind):
        return f"{lead}{_short(value)} is not {_KINDS[kind][1]}"
    if "minimum" in rules and value < rules["minimum"]:
        return f"{lead}{value} must be at least {rules['minimum']}"
    if "maximum" in rules and value > rules["maximum"]:
        return f"{lead}{value} must be at most {rules['maximum']}"
    if kind == "array":
        return next(
            (text for i, one in enumerate(value) if (text := _trouble(one, rules["items"], f"{place}[{i}]"))), ""
        )
    if kind == "object":
        known, others = rules.get("properties", {}), rules.get("additionalProperties", True)
        for key, one in value.items():
            if key not in known and others is False:
                close = get_close_matches(key, [*known, *(name.replace("-", "_") for name in known)], 1, 0.6)
                return f"{lead}unknown key {key!r}" + (
                    f"; did you mean {close[0].replace('_', '-')!r}?" if close else f" (there are: {', '.join(known)})"
                )
            inner = known.get(key, others)
            text = _trouble(one, inner, f"{place}.{key}" if place else key) if isinstance(inner, dict) else ""
            if text:
                return text
        missing = [key for key in rules.get("required", ()) if key not in value]
        return f"{lead}{missing[0]!r} is missing" if missing else ""
    return ""


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a text"),
    "boolean": ((bool,), "true or false"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "array": ((list,), "a list"),
    "object": ((dict,), "a table"),
}


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _KINDS[kind][0]) and (kind == "boolean" or not isinstance(value, bool))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
