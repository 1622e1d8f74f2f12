"""Parsing of typed values (`key=value` tokens, rule prefixes, output formats) and messages on stderr.

Nothing heavy is imported here, because `--help` needs this module.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperGroup

from maimod.commands import interrupts
from maimod.errors import UsageError, in_words
from maimod.osu.folder import ARCHIVES, BEATMAP, NEVER_WRITTEN
from maimod.reporters import REPORTERS
from maimod.reporters.text import clean
from maimod.reporters.view import Output

if TYPE_CHECKING:
    from maimod.rules.base import Rule

FOUND, FAILED = 1, 2
"""Exit codes: something at or above --fail-on; bad usage or nothing that could be read."""


# ---------------------------------------------------------------------------------------------------------------------
# key=value


class Group(TyperGroup):
    """Commands that print their help, in its lines, where none of them is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the tokens."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(FAILED)
        for one in (*self.get_params(ctx), *(one for each in self.commands.values() for one in each.get_params(ctx))):
            _name_plainly(one)
        return super().parse_args(ctx, args)


class Commands(Group):
    """Commands that also take `key=value` for `--key value`, and a path alone for `check PATH`."""

    default = "check"
    """The command of a call without a command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Rewrite the tokens, then parse them as usual."""
        if not args or ctx.resilient_parsing:  # a shell completes them
            return super().parse_args(ctx, args)
        if args[0] not in self.commands and self._is_for_default(args[0]):
            args = [self.default, *args]
        command = self.commands.get(args[0])
        has_own_commands = hasattr(command, "commands")
        for one in (*self.get_params(ctx), *(command.get_params(ctx) if command else ())):
            setattr(one, "process_value", partial(_processed, one, one.process_value))  # noqa: B010
        return super().parse_args(
            ctx, args if command is None or has_own_commands else [args[0], *rewrite(args[1:], command)]
        )

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an interrupt that it does not handle itself ends it in one line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("interrupted")
            return interrupts.exit_code()

    def _is_for_default(self, token: str) -> bool:
        name, equals, _ = token.partition("=")
        if token.startswith("-"):
            own = {spelling for one in self.commands[self.default].params for spelling in one.opts}
            return name in own and name not in ("--help", "-h")
        return bool(equals) or os.path.exists(token) or any(mark in token for mark in (BEATMAP, *ARCHIVES, "/", "\\"))


def _name_plainly(parameter: Any) -> None:
    """Make the help say PATH and N in place of typer's PATH <list[str]> and <int range>."""
    kind = parameter.type_descriptor
    if parameter.param_type_name == "argument" and not kind.is_choice:
        setattr(parameter, "display_type_rich", lambda **_: "")  # noqa: B010
    elif parameter.param_type_name == "option" and (kind.is_ranged or kind.annotation is int):
        parameter.metavar = parameter.metavar or "N"


def _processed(parameter: Any, process: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    """The value of a parameter, by typer's `process` only if it has to be checked: that imports pydantic and builds a
    validator for each parameter, which takes a tenth of a second."""
    source = getattr(context.get_parameter_source(parameter.name), "name", "")
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    is_many = parameter.multiple or parameter.nargs == -1
    if source == "DEFAULT" and not parameter.required:
        value = () if value is None and is_many else value
    elif source == "COMMANDLINE" and kind is int and _is_plain_number(value, parameter.min, parameter.max):
        value = int(value)
    elif source == "COMMANDLINE" and kind == list[str] and is_many and all(isinstance(one, str) for one in value):
        value = list(value)
    elif source != "COMMANDLINE" or not (kind is str or (get_origin(kind) is Literal and value in get_args(kind))):
        return process(context, value)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)


def _is_plain_number(text: Any, least: float | None, most: float | None) -> bool:
    """Whether a text is digits alone, and a number that is allowed; anything else is left to typer and its messages."""
    if not (isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 10):
        return False
    return (least is None or int(text) >= least) and (most is None or int(text) <= most)


def _key(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


def _spellings(command: Any) -> tuple[dict[str, Any], bool]:
    """The options of a command by key, and whether it takes paths."""
    options = {
        _key(name): one
        for one in command.params
        if one.param_type_name == "option"
        for name in one.opts
        if name.startswith("--")
    }
    return options, any(one.param_type_name == "argument" and one.name in ("paths", "path") for one in command.params)


def rewrite(args: Sequence[str], command: Any) -> list[str]:
    """Turn `key=value` tokens into options of `command`; other tokens with an `=` are unchanged.

    `beatmap_path=` is the positional path. One pair of quotes around a value is removed, so that values quoted for
    Hydra work. A token that is the name of an existing file is always a path.
    """
    options, takes_paths = _spellings(command)
    short = {
        name: one for one in command.params for name in one.opts if name.startswith("-") and not name.startswith("--")
    }
    rewritten: list[str] = []
    paths: list[str] = []
    tokens = iter(args)
    for token in tokens:
        if token == "--":
            paths += tokens
        elif token.startswith("-") and token != "-":
            rewritten.append(token)
            option = options.get(_key(token)) if token.startswith("--") else short.get(token)
            if option is not None and not option.is_flag:
                rewritten += [value for value in [next(tokens, None)] if value is not None]
        else:
            key, equals, value = token.partition("=")
            value = _unquote(value)
            key = _key(key)
            if not equals or os.path.exists(token) or not (key in options or (key == "beatmap_path" and takes_paths)):
                paths.append(token)
                if equals and not os.path.exists(token) and key.isidentifier():
                    close = get_close_matches(key, [*options, "beatmap_path"], 1, 0.75)
                    if close:
                        raise UsageError(f"{key}=: no such option; did you mean {close[0]}=?")
            elif key == "beatmap_path":
                if not value:
                    raise UsageError("beatmap_path is empty: give the path of a .osu file")
                paths.append(value)
            elif options[key].is_flag:
                rewritten += _flag(key, value, options[key].opts[0])
            elif value:
                rewritten.append(f"{options[key].opts[0]}={value}")
    return [*rewritten, "--", *paths] if paths else rewritten


def _unquote(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return os.path.expanduser(value)  # a shell expands ~ only at the start of a word


def _flag(key: str, value: str, option: str) -> list[str]:
    if value.lower() in ("true", "yes", "on", "1"):
        return [option]
    if value.lower() in ("false", "no", "off", "0", ""):
        return []
    raise UsageError(f"{key}={value}: must be true or false")


# ---------------------------------------------------------------------------------------------------------------------
# Values


def outputs_of(formats: Sequence[str], paths: Sequence[str]) -> list[Output]:
    """The reports to write; errors are raised before anything slow begins."""
    outputs: list[Output] = []
    for given in formats:
        name, _, target = given.partition(":")
        if name not in REPORTERS:
            raise UsageError(
                f"--format {name}: no such format{suggest(name, list(REPORTERS))} (there are: {', '.join(REPORTERS)})"
            )
        path = Path(target) if target not in ("", "-") else None
        if path is not None:
            if path.suffix.lower() in NEVER_WRITTEN or any(_is_same(path, other) for other in paths):
                raise UsageError(f"--format {given}: would overwrite a file of a map; maimod never changes one")
            if path.is_dir():
                raise UsageError(f"--format {given}: this is a folder; name a file")
            if not path.parent.is_dir():
                raise UsageError(f"--format {given}: there is no folder {path.parent}; make it first")
            if not os.access(path.parent, os.W_OK):
                raise UsageError(f"--format {given}: no right to write in {path.parent}; name a file elsewhere")
        outputs.append(Output(name, path))
    if sum(output.file is None for output in outputs) > 1:
        raise UsageError(
            "only one --format can go to stdout; send the other to a file, as in --format json:report.json"
        )
    return outputs


def _is_same(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def suggest(given: str, known: Sequence[str]) -> str:
    """`; did you mean …?`, or an empty text."""
    parts = {part: name for name in known for part in (name.partition("/")[0], name.partition("/")[2], name) if part}
    categories = {name.partition("/")[0] for name in known}
    close = [part if part in categories else parts[part] for part in get_close_matches(given.strip("/"), parts, 3, 0.6)]
    return f"; did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""


def rules_of(prefix: str) -> list[Rule]:
    """The rule of this name, else all rules with this prefix.

    Raises:
        UsageError: if there is none.
    """
    from maimod.rules import CHECKS

    known = {rule.id: rule for check in CHECKS for rule in check.rules}
    if prefix in known:
        return [known[prefix]]
    found = [rule for name, rule in known.items() if name.startswith(prefix)]
    if not prefix:
        raise UsageError("an empty name; maimod rules lists the rules")
    if not found:
        raise UsageError(f"{prefix}: no such rule{suggest(prefix, list(known)) or '; see maimod rules'}")
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Answers


def say(text: str) -> None:
    """Print one line on stderr, without characters that control the terminal."""
    print(f"maimod: {clean(text)}", file=sys.stderr)


def is_pipe_closed(error: OSError) -> bool:
    """Whether an error of stdout means that its reader has closed the pipe, as `| head` does."""
    return error.errno == errno.EPIPE or (os.name == "nt" and error.errno == errno.EINVAL)


def silence_stdout() -> None:
    """Discard further output, so that the interpreter's final flush raises no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@contextmanager
def printing() -> Iterator[None]:
    """Flush what is printed, and end the output if the reader has closed the pipe: the exit code is still that of the findings."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if not is_pipe_closed(error):
            raise
        silence_stdout()


@contextmanager
def files_named() -> Iterator[None]:
    """Report files and folders of the command line that cannot be read or written as bad usage.

    Raises:
        UsageError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(in_words(error)) from None
