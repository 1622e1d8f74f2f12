"""The options of `maimod check`, each declared once: its command line and `maimod.toml` are made from the declaration.

An option is a field of :class:`CheckOptions` or, if it belongs to the lint, of
:class:`maimod.linter.settings.Settings`. From
the fields come the parameters of the commands (:func:`takes`), the reading of configuration files (:func:`load`) and
their JSON schema (:func:`schema`).
"""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import typer

from maimod.errors import ConfigError, short
from maimod.findings import Severity
from maimod.linter.limits import DEFAULT_MEGABYTES, DEFAULT_SECONDS
from maimod.linter.settings import CACHE_MEGABYTES, Names, Option, Settings, Where
from maimod.osu.folder import read_file
from maimod.reporters import REPORTERS

if TYPE_CHECKING:
    from msgspec import Struct, ValidationError

Command = TypeVar("Command", bound=Callable[..., Any])

NAME = "maimod.toml"
SCHEMA_FILE = Path(__file__).parent / "config.schema.json"
"""JSON schema for editors; `tools/make_docs.py` writes it."""
MAX_BYTES = 1 << 20
COMMAND_LINE = Where.CHECK
"""For options that cannot be set in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions(Settings):
    """All options of `maimod check`: settings of the lint, of the output, and of the run."""

    no_model: Annotated[bool, Option(help="Use no model: only the map, its set and the song.")] = False
    format: Annotated[
        tuple[str, ...],
        Option(
            help=f"{', '.join(REPORTERS)}; to stdout or a file. Repeatable.", metavar="NAME[:FILE]", names=Names.REPORT
        ),
    ] = ("console",)
    fail_on: Annotated[
        Literal["problem", "warning", "minor", "never"],
        Option(help="Exit with 1 if there is a finding of this severity or worse."),
    ] = "problem"
    min_severity: Annotated[Severity, Option(help="List only this severity and worse; --fail-on still counts all.")] = (
        Severity.MINOR
    )
    max_findings: Annotated[
        int | None, Option(help="List only the N findings with the highest scores.", metavar="N", least=0)
    ] = None
    new_only: Annotated[
        bool, Option(help="List only findings that the last run of the same map without this option did not have.")
    ] = False
    baseline: Annotated[
        Path | None, Option(help="Findings accepted in this file are not reported.", metavar="FILE", names=Names.READ)
    ] = None
    write_baseline: Annotated[bool, Option(help="Accept all present findings.", where=COMMAND_LINE)] = False
    statistics: Annotated[bool, Option(help="Add a table of rules by severity.")] = False
    quiet: Annotated[bool, Option(help="Findings only: no summary, no progress.", spellings=("-q",))] = False
    verbose: Annotated[
        bool, Option(help="Print the evidence of each finding as well: bits, alternatives.", spellings=("-v",))
    ] = False
    raw_output: Annotated[bool, Option(help="No colours and no links.")] = False
    jobs: Annotated[
        int,
        Option(
            help="Number of processes; 0 chooses it by the number of maps.", metavar="N", spellings=("-j",), least=0
        ),
    ] = 0
    timeout: Annotated[
        float, Option(help="Give up a beatmap that takes longer; 0 is no limit.", metavar="SECONDS", least=0)
    ] = DEFAULT_SECONDS
    memory: Annotated[
        int, Option(help="Give up a beatmap that takes more memory; 0 is no limit.", metavar="MB", least=0)
    ] = DEFAULT_MEGABYTES
    no_cache: Annotated[bool, Option(help="Neither read nor write the cache.")] = False
    cache_dir: Annotated[
        Path | None, Option(help="Cache folder, instead of the system's.", metavar="DIR", names=Names.WRITTEN)
    ] = None
    preset: Annotated[
        Literal["ranked", "first-map", "screen"] | None,
        Option(
            help="Options for a purpose: every rule before ranking, the main points of a first map, "
            "or a verdict on each of many entries.",
            where=COMMAND_LINE,
        ),
    ] = None
    diff: Annotated[
        str | None,
        Option(
            help="List only findings that are new or worse since this revision of the git repository of the maps.",
            where=COMMAND_LINE,
            metavar="REF",
        ),
    ] = None
    shard: Annotated[
        str | None,
        Option(
            help="Check only the Nth of M equal parts of the mapsets; maimod merge joins the reports.",
            where=COMMAND_LINE,
            metavar="N/M",
            pattern=r"\d{1,6}/\d{1,6}",
            forms="1/8, 2/8, …",
        ),
    ] = None
    cache_size: Annotated[
        int, Option(help="Most MB of the cache; 0 is no limit.", where=COMMAND_LINE, metavar="MB", least=0)
    ] = CACHE_MEGABYTES
    scheduler: Annotated[
        str | None,
        Option(
            help="Check the mapsets on a Dask cluster: the address of its scheduler, or local for --jobs workers here.",
            where=COMMAND_LINE,
            metavar="ADDRESS",
        ),
    ] = None
    config: Annotated[
        Path | None,
        Option(help="Configuration to use instead of the nearest maimod.toml.", where=COMMAND_LINE, metavar="FILE"),
    ] = None
    isolated: Annotated[bool, Option(help="Use no configuration file.", where=COMMAND_LINE)] = False
    watch: Annotated[bool, Option(help="Lint again whenever a map is saved.", where=COMMAND_LINE)] = False
    show_settings: Annotated[bool, Option(help="Print the effective settings and exit.", where=COMMAND_LINE)] = False

    @property
    def settings(self) -> Settings:
        """Settings of the lint."""
        values = {one.name: getattr(self, one.name) for one in fields(Settings)}
        return Settings(**{**values, "model": None if self.no_model else self.model})


PRESETS: Mapping[str | None, Mapping[str, Any]] = {
    None: {},
    # What a nominator looks at: every rule, whatever a configuration leaves out.
    "ranked": {
        "select": (),
        "ignore": (),
        "severities": (),
        "min_scores": (),
        "tier": "all",
        "min_severity": Severity.MINOR,
        "max_findings": None,
        "fail_on": "problem",
        "statistics": True,
    },
    # What is worth learning first; not what only matters for ranking, or is fine tuning.
    "first-map": {
        "min_severity": Severity.WARNING,
        "max_findings": 20,
        "ignore": (
            "kiai",
            "hitsounds/passage",
            "positions/unstacked",
            "mapset/audio-encoded-up",
            "mapset/hitsound",
            "mapset/lowest-difficulty",
            "mapset/mappers-guild",
            "mapset/score-overflow",
            "mapset/skin",
            "mapset/spread-gap",
            "mapset/storyboard",
            "mapset/tags-genre-language",
        ),
    },
    # Entries of a contest, or of a generator: faults of the maps that nobody can argue about, not what only ranking asks of a
    # set or of a song that is given, and no configuration of the entry's own.
    "screen": {
        "isolated": True,
        "no_model": True,
        "tier": "exact",
        "format": ("verdict",),
        "fail_on": "problem",
        "ignore": (
            "mapset/audio-bitrate",
            "mapset/audio-encoded-up",
            "mapset/audio-format",
            "mapset/background",
            "mapset/drain-time",
            "mapset/lowest-difficulty",
            "mapset/mappers-guild",
            "mapset/preview",
            "mapset/spread-gap",
        ),
    },
}
"""Values of options by their names, as if they were given on the command line; what is given there replaces them."""


@dataclass(frozen=True, slots=True)
class Declared:
    """An option with the name, type and default of its field."""

    name: str
    kind: Any
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """The long option of the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def key(self) -> str:
        """The key in a configuration file."""
        return self.option.key or self.name.replace("_", "-")

    @property
    def is_path(self) -> bool:
        """Whether its value is a path."""
        return self.kind in (Path, Path | None)


@cache
def declared(kind: type = CheckOptions) -> Mapping[str, Declared]:
    """The options of a class by name, in the order of its constructor."""
    hints = get_type_hints(kind, include_extras=True)
    return {
        name: Declared(name, hints[name].__origin__, parameter.default, hints[name].__metadata__[0])
        for name, parameter in inspect.signature(kind).parameters.items()
    }


# ---------------------------------------------------------------------------------------------------------------------
# The command line


def takes(where: Where) -> Callable[[Command], Command]:
    """Replace the `**options` of a Typer command by the options declared for it."""

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        own = [
            parameter.replace(annotation=hints[name])
            for name, parameter in inspect.signature(command).parameters.items()
            if parameter.kind is not parameter.VAR_KEYWORD
        ]
        options = [_parameter(one) for one in declared().values() if where in one.option.where]
        setattr(command, "__signature__", inspect.Signature([*own, *options]))  # noqa: B010
        return command

    return decorate


def parameter(name: str) -> Any:
    """The Typer option of a declared option, for commands that take few of them."""
    one = declared()[name]
    is_optional = one.default is None or one.default == ()
    return typer.Option(
        one.flag,
        *one.option.spellings,
        metavar=one.option.metavar,
        min=one.option.least,
        max=one.option.most,
        show_default=not is_optional and one.kind is not bool and get_origin(one.kind) is not tuple,
        help=one.option.help,
        autocompletion=rule_names if one.option.are_rules else _formats if one.option.names is Names.REPORT else None,
    )


def rule_names(incomplete: str) -> list[tuple[str, str]]:
    """Rules that begin like this, with their titles, for completion by a shell."""
    from maimod.rules import RULES

    before, comma, last = incomplete.rpartition(",")
    return [(before + comma + rule.id, rule.title) for rule in RULES.values() if rule.id.startswith(last)]


def _formats(incomplete: str) -> list[str]:
    return [name for name in REPORTERS if name.startswith(incomplete)]


def _parameter(one: Declared) -> inspect.Parameter:
    kind, default = one.kind, one.default
    if get_origin(kind) is tuple:
        kind, default = list[str] | None, None
    elif one.is_path:
        kind, default = str, ""
    elif kind == str | None:
        kind = str
    return inspect.Parameter(
        one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, parameter(one.name)]
    )


def from_command_line(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the command line, by name, as :class:`CheckOptions` declares them; other parameters are left out.

    Raises:
        typer.BadParameter: if a text does not match its form.
    """
    known = declared()
    for name, value in values.items():
        if (
            name in known
            and known[name].option.pattern
            and value is not None
            and not re.fullmatch(known[name].option.pattern, value)
        ):
            raise typer.BadParameter(f"{value!r} is not one of {known[name].option.forms}", param_hint=known[name].flag)
    return {name: _typed(known[name], value) for name, value in values.items() if name in known}


def _typed(one: Declared, value: Any) -> Any:
    if one.is_path:
        return Path(value) if value else None
    return tuple(value or ()) if get_origin(one.kind) is tuple else value


# ---------------------------------------------------------------------------------------------------------------------
# The configuration file


@dataclass(frozen=True, slots=True)
class Config:
    """Options of a configuration file."""

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
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
    folder = folder.absolute()
    for place in (folder, *folder.parents):
        if (place / NAME).is_file():
            return load(place / NAME, is_found=True)
        if (place / "pyproject.toml").is_file():
            config = load(place / "pyproject.toml", is_found=True)
            if config:
                return config
    return Config()


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
    import msgspec

    try:
        read = msgspec.convert(table, _table(CheckOptions))
    except msgspec.ValidationError as error:
        raise ConfigError(_explained(error, table)) from None
    return {
        name: _seen_from(folder, value, declared()[name].option.names)
        for name, value in _given(read, CheckOptions).items()
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
    import msgspec

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
def _table(kind: type) -> type[Struct]:
    """Type of a table in the file: the options of a class that files may set, all optional."""
    import msgspec

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
    import msgspec

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


def _given(read: Struct, kind: type) -> dict[str, Any]:
    """Convert a table to the field types of `kind`."""
    import msgspec

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
    return tuple(inner(**_given(one, inner)) for one in value) if _is_table(inner) else value


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


def _explained(error: ValidationError, table: Any) -> str:
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
    import msgspec

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
    import msgspec

    return msgspec.structs.fields(_bare(kind))


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _option(place: str) -> Option:
    return next(one.option for one in declared().values() if one.key == place)


def _short(value: Any) -> str:
    return short(repr(value), 40)
