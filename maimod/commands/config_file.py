"""Configuration files, `maimod.toml` and `[tool.maimod]` of `pyproject.toml`, and their JSON schema.

Keys, types and bounds are those of the declarations in :mod:`maimod.commands.options`.
"""

from __future__ import annotations

import inspect
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import is_dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from maimod.commands.options import CheckOptions, declared
from maimod.errors import ConfigError, short
from maimod.linter.settings import Names, Option, Where
from maimod.osu.folder import read_file

NAME = "maimod.toml"
SCHEMA_FILE = Path(__file__).parent / "config.schema.json"
"""JSON schema for editors; `tools/make_docs.py` writes it."""
MAX_BYTES = 1 << 20


class Config(msgspec.Struct, frozen=True):
    """Options of a configuration file."""

    path: Path | None = None
    values: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Values by the names of the options of :class:`CheckOptions`."""
    is_found: bool = False
    """Whether it was found beside the maps instead of named on the command line; then it is not trusted."""

    def __bool__(self) -> bool:
        return self.path is not None


def discover(folder: Path) -> Config:
    """The nearest configuration, from a folder upwards; an empty one if there is none.

    Raises:
        ConfigError: if it exists and is invalid.
    """
    for path in places(folder):
        # Not Path.is_file, which raises an error in a folder that may not be searched.
        if os.path.isfile(path):
            config = load(path, is_found=True)
            if config:
                return config
    return Config()


def places(folder: Path) -> list[Path]:
    """Where :func:`discover` looks, in order."""
    folder = folder.absolute()
    return [place / name for place in (folder, *folder.parents) for name in (NAME, "pyproject.toml")]


def load(path: Path, is_found: bool = False) -> Config:
    """Read a configuration file.

    Args:
        path: a `pyproject.toml`, or a file with the same keys at its top.
        is_found: whether it was found beside the maps; then a `pyproject.toml` without `[tool.maimod]` is an empty
            configuration.

    Raises:
        ConfigError: if it cannot be read, or has an unknown key or an invalid value.
    """
    is_project = path.name == "pyproject.toml"
    try:
        # What the user names may be a link or a pipe; what lies beside maps is opened as they are.
        content = read_file(path, MAX_BYTES) if is_found else path.read_bytes()
        if len(content) > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES >> 20} MB: not a configuration")
        table: Any = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8, which TOML is") from None
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError, or a number of thousands of digits
        if is_project and is_found:
            return Config()  # not a file of maimod; its own tools report the error
        reason = "nested too deeply" if isinstance(error, RecursionError) else short(error, 200)
        raise ConfigError(f"{path}: {reason}") from None
    if is_project:
        tools = table.get("tool", {})
        table = tools.get("maimod") if isinstance(tools, dict) else None
        if table is None:
            if is_found:
                return Config()
            raise ConfigError(f"{path}: no [tool.maimod] in it")
    try:
        return Config(path, decode(table, path.parent), is_found)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def decode(table: Any, folder: Path) -> dict[str, Any]:
    """Options of a table of a configuration file, by name; paths are relative to `folder`.

    Raises:
        ConfigError: if a key or a value is wrong; the message names it and suggests another.
    """

    try:
        read = msgspec.convert(table, _table(CheckOptions))
    except msgspec.ValidationError as error:
        raise ConfigError(_explained(error, table)) from None
    return {
        name: _seen_from(folder, value, declared()[name].option.names)
        for name, value in _values_of(read, CheckOptions).items()
    }


def _seen_from(folder: Path, value: Any, names: Names | None) -> Any:
    """A value of a file in that folder, with its paths resolved."""
    match names:
        case Names.READ | Names.WRITTEN:
            return folder / value
        case Names.CHECKPOINT:  # a folder beside the file comes before a bundled checkpoint of the same name
            return str(folder / value) if (folder / value).is_dir() else value
        case Names.REPORT:
            parts = [text.partition(":") for text in value]
            return tuple(
                f"{name}:{folder / target}" if target not in ("", "-") else name + colon + target
                for name, colon, target in parts
            )
    return value


def schema() -> dict[str, Any]:
    """The JSON schema of a configuration file, for editors."""
    (found,), parts = msgspec.json.schema_components([_table(CheckOptions)], ref_template="#/$defs/{name}")
    root = parts.pop(found["$ref"].rpartition("/")[2])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "maimod.toml, or [tool.maimod] of pyproject.toml",
        "description": "Long options of `maimod check` by their names; the command line overrides them. Paths are relative to the file.",
        "type": "object",
        "additionalProperties": False,
        "properties": root["properties"],
        "$defs": parts,
    }


@cache
def _table(kind: type) -> type[msgspec.Struct]:
    """Type of a table in the file: the options of a class that files may set, all optional."""
    return msgspec.defstruct(
        kind.__name__,
        [
            (
                one.name,
                Annotated[_in_file(one.kind, one.option), msgspec.Meta(description=one.option.help)],
                msgspec.NODEFAULT if one.default is inspect.Parameter.empty else msgspec.UNSET,
            )
            for one in declared(kind).values()
            if Where.FILE in one.option.where
        ],
        rename={one.name: one.key for one in declared(kind).values()},
        forbid_unknown_fields=True,
    )


def _in_file(kind: Any, option: Option) -> Any:
    """Type of a value of type `kind` in a file, with its bounds."""
    arguments = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        kinds = [one for one in arguments if one is not NoneType]
        return (
            Literal[tuple(word for one in kinds for word in _words(one))] if kinds[1:] else _in_file(kinds[0], option)
        )
    if get_origin(kind) is tuple:
        inner = arguments[0]
        if get_origin(inner) is tuple:  # pairs
            return dict[str, _in_file(get_args(inner)[1], option)]  # type: ignore[misc]
        return tuple[_in_file(inner, option), ...]  # type: ignore[misc]
    if kind in (int, float):
        return Annotated[kind, msgspec.Meta(ge=option.least, le=option.most)]
    if kind in (str, Path):
        return Annotated[str, msgspec.Meta(pattern=f"^({option.pattern})$" if option.pattern else None)]
    if _is_enum(kind):
        return Literal[_words(kind)]
    return _table(kind) if _is_table(kind) else kind


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and is_dataclass(kind)


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _words(kind: Any) -> tuple[str, ...]:
    """Possible texts of a value, if the type is an enumeration."""
    if _is_enum(kind):
        return tuple(one.value for one in kind)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _values_of(read: msgspec.Struct, kind: type) -> dict[str, Any]:
    """The values that a table has, by name, as the fields of `kind` have them."""
    found = {name: getattr(read, name) for name in read.__struct_fields__}
    return {
        name: _as_declared(value, declared(kind)[name].kind)
        for name, value in found.items()
        if value is not msgspec.UNSET
    }


def _as_declared(value: Any, kind: Any) -> Any:
    if isinstance(value, dict):
        return tuple(value.items())
    if _is_enum(kind):
        return kind(value)
    inner = get_args(kind)[0] if get_origin(kind) is tuple else Any
    return tuple(inner(**_values_of(one, inner)) for one in value) if _is_table(inner) else value


# ---------------------------------------------------------------------------------------------------------------------
# Error messages

_KINDS = {
    "str": "a text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "array": "a list",
    "object": "a table",
}


def _explained(error: msgspec.ValidationError, table: Any) -> str:
    """Rewrite an error of msgspec as one line with the key, the value, and a suggestion."""
    what, _, where = str(error).partition(" - at `$")
    place, value, kind = _found(where.rstrip("`"), table, _table(CheckOptions))
    lead = f"{short(place)}: " if place else ""
    if unknown := re.match("Object contains unknown field `(.*)`", what):
        keys = [one.encode_name for one in _fields(kind)]
        close = get_close_matches(unknown[1].replace("_", "-"), keys, 1, 0.6)
        guess = f"; did you mean {close[0]!r}?" if close else f" (there are: {', '.join(keys)})"
        return f"{lead}unknown key {_short(unknown[1])}{guess}"
    if missing := re.match("Object missing required field `(.*)`", what):
        return f"{lead}{missing[1]!r} is missing"
    if what.startswith("Invalid enum value") or "matching regex" in what:
        words = _words(kind) or tuple(_option(place).forms.split(", "))
        close = get_close_matches(str(value), words, 1)
        return f"{lead}{_short(value)} is not one of {', '.join(words)}" + (
            f"; did you mean {close[0]}?" if close else ""
        )
    if bound := re.match(r"Expected `\w+` ([<>])= (.*)", what):
        return (
            f"{lead}{_short(value)} must be at {'least' if bound[1] == '>' else 'most'} {bound[2].removesuffix('.0')}"
        )
    expected = re.match(r"Expected `(\w+)", what)
    return f"{lead}{_short(value)} is not {_KINDS[expected[1]]}" if expected else f"{lead}{what}"


def _found(where: str, value: Any, kind: Any) -> tuple[str, Any, Any]:
    """Follow a path of msgspec's, such as `.override[0].level`, to the spelling in the file, the value and its type."""
    place = ""
    for key, number in re.findall(r"\.([\w-]+)|\[(\d+|\.{3})\]", where):
        if key:
            place, value = f"{place}.{key}", value[key]
            kind = next(one.type for one in _fields(kind) if one.encode_name == key)
        elif number == "...":  # msgspec does not name the entry of a table
            kind = get_args(_bare(kind))[1]
            for name, one in value.items():
                try:
                    msgspec.convert(one, kind)
                except msgspec.ValidationError:
                    place, value = f"{place}.{name}", one
                    break
        else:
            place, value, kind = f"{place}[{number}]", value[int(number)], get_args(_bare(kind))[0]
    return place.lstrip("."), value, _bare(kind)


def _fields(kind: Any) -> tuple[Any, ...]:
    return msgspec.structs.fields(_bare(kind))


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _option(place: str) -> Option:
    return next(one.option for one in declared().values() if one.key == place)


def _short(value: Any) -> str:
    return short(repr(value), 40)
