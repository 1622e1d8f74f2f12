"""The options of `maimod check`, each declared once, and the command line that is made from the declarations.

An option is a field of :class:`CheckOptions` or, if it belongs to the lint, of :class:`maimod.linter.settings.Settings`. From
the fields come the parameters of the commands (:func:`takes`), and :mod:`maimod.commands.config_file` makes of them what
a configuration file may hold.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_origin, get_type_hints

import msgspec
import typer

from maimod.findings import Severity
from maimod.linter.limits import DEFAULT_MEGABYTES, DEFAULT_SECONDS
from maimod.linter.settings import CACHE_MEGABYTES, Names, Option, Settings, Where
from maimod.reporters import REPORTERS

Command = TypeVar("Command", bound=Callable[..., Any])

COMMAND_LINE = Where.CHECK
"""For options that cannot be set in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions(Settings):
    """All options of `maimod check`: settings of the lint, of the output, and of the run."""

    no_model: Annotated[bool, Option(help="Use no model: only the map, its set and the song.")] = False
    format: Annotated[
        tuple[str, ...],
        Option(
            help=f"{', '.join(REPORTERS)}; to stdout or a file; console by default. Repeatable.",
            metavar="NAME[:FILE]",
            names=Names.REPORT,
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
        int | None, Option(help="List only N findings: the gravest, and of those the likeliest.", metavar="N", least=0)
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


class Declared(msgspec.Struct, frozen=True):
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


def parameter(name: str, help: str = "") -> Any:
    """The Typer option of a declared option, for commands that take few of them; `help` replaces its text."""
    one = declared()[name]
    is_optional = one.default is None or one.default == ()
    return typer.Option(
        one.flag,
        *one.option.spellings,
        metavar=one.option.metavar,
        min=one.option.least,
        max=one.option.most,
        show_default=not is_optional and one.kind is not bool and get_origin(one.kind) is not tuple,
        help=help or one.option.help,
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
