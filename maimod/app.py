"""The command line: arguments in, :func:`maimod.linter.api.lint`, a reporter out. Results go to stdout, everything else
to stderr.

Everything slow is imported where it is used: `--help` loads neither numpy nor torch nor rich.
"""

from __future__ import annotations

import gc

gc.disable()  # imports leave no garbage, and 44 collections meanwhile take a hundredth of a check

import errno
import io
import os
import re
import sys
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from maimod.commands import interrupts, training
from maimod.commands.command_line import (
    FAILED,
    Commands,
    Group,
    is_pipe_closed,
    outputs_of,
    rules_of,
    say,
    silence_stdout,
)
from maimod.commands.options import from_command_line, parameter, rule_names, takes
from maimod.errors import NO_TORCH, MaimodError, unwritable
from maimod.findings import Severity
from maimod.linter.limits import set_memory_policy
from maimod.linter.settings import BUNDLED_MODEL, Settings, Where

gc.freeze()
gc.enable()


COMPLETE = "_MAIMOD_COMPLETE"
"""Set by the script of `maimod completion` when it calls maimod."""

# ---------------------------------------------------------------------------------------------------------------------
# Commands

app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="A path alone means check; key=value works for --key value: python mai_mod.py beatmap_path=map.osu "
    "device=cpu",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit()


@app.callback()
def maimod(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """An AI modding assistant for osu! beatmaps: finds likely mistakes by exact rules, the song and a model.

    It explains and never changes a map.
    """


ModelName = Annotated[str, parameter("model")]
Device = Annotated[str, parameter("device")]


@app.command()
@takes(Where.CHECK)
def check(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            show_default=False,
            help=".osu files, .osz archives, mapset folders, a Songs folder, or patterns of them; the current folder "
            "if there is none.",
        ),
    ] = None,
    **options: Any,
) -> int:
    """Lint beatmaps and report likely mistakes.

    Exit code: 0 no finding of severity --fail-on or worse, 1 at least one, 2 bad usage or no readable map, 130 or 143
    interrupted by Ctrl+C or SIGTERM: the reports hold what was done until then.
    """
    paths = paths or ["."]
    if not all(path.strip() for path in paths):
        raise typer.BadParameter("an empty path", param_hint="PATH")
    from maimod.commands.resolve import dump, resolve

    resolved = resolve(paths, from_command_line(_given(context, options)))
    if resolved.options.show_settings:
        import json

        typer.echo(json.dumps(dump(resolved), indent=2))
        return 0
    if resolved.options.watch:
        from maimod.commands.watch import watch as run_watch

        return run_watch(resolved)
    from maimod.commands.check import once

    return once(resolved)


@app.command(short_help="Accept single findings in a baseline.")
def accept(
    context: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PATH", help="As for check.")],
    findings: Annotated[
        list[str],
        typer.Argument(
            metavar="RULE@TIME",
            help="rhythm/unsnapped@00:11:212; RULE alone if there is one such finding.",
            autocompletion=rule_names,
        ),
    ],
    baseline: Annotated[str, parameter("baseline", "Baseline that the findings are added to.")] = "",
    model: ModelName = BUNDLED_MODEL,
    no_model: Annotated[bool, parameter("no_model")] = False,
    device: Device = "auto",
    config: Annotated[str, parameter("config")] = "",
    isolated: Annotated[bool, parameter("isolated")] = False,
    no_cache: Annotated[bool, parameter("no_cache")] = False,
    cache_dir: Annotated[str, parameter("cache_dir")] = "",
) -> int:
    """Accept single findings in a baseline, which check --baseline then leaves out; use the options of that check."""
    from maimod.commands.accept import accept as run_accept
    from maimod.commands.resolve import resolve

    return run_accept(resolve([path], from_command_line(_given(context, context.params))), findings)


def _given(context: typer.Context, options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given: they override the configuration even if they have the default value."""
    return {
        name: value
        for name, value in options.items()
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }


@app.command(short_help="Join JSON reports, such as those of shards.")
def merge(
    reports: Annotated[list[str], typer.Argument(metavar="REPORT.json", help="JSON reports, as of --shard.")],
    format: Annotated[list[str] | None, parameter("format")] = None,
    fail_on: Annotated[Literal["problem", "warning", "minor", "never"], parameter("fail_on")] = "problem",
    min_severity: Annotated[Severity, parameter("min_severity")] = Severity.MINOR,
    max_findings: Annotated[int | None, parameter("max_findings")] = None,
    statistics: Annotated[bool, parameter("statistics")] = False,
    verbose: Annotated[bool, parameter("verbose")] = False,
    quiet: Annotated[bool, parameter("quiet")] = False,
    raw_output: Annotated[bool, parameter("raw_output")] = False,
) -> int:
    """Join JSON reports, such as those of the shards of a run, into one report; exit codes as of check."""
    from maimod.commands.merge import merge as run_merge
    from maimod.reporters.view import View
    from maimod.rules import RULES

    view = View(
        min_severity=min_severity,
        max_findings=max_findings,
        statistics=statistics,
        quiet=quiet,
        plain=raw_output,
        verbose=verbose,
        fail_on=None if fail_on == "never" else Severity(fail_on),
        rules=RULES,
    )
    return run_merge(reports, outputs_of(format or ["console"], []), view)


@app.command(short_help="Explain a rule, and when to ignore it.")
def explain(
    rule: Annotated[
        str,
        typer.Argument(
            metavar="RULE", help="A rule or a prefix: positions, rhythm/unsnapped.", autocompletion=rule_names
        ),
    ],
) -> int:
    """Explain why a rule matters, how it is found, and when to ignore it."""
    from maimod.reporters import rule_list

    rule_list.explain(rules_of(rule), sys.stdout)
    return 0


@app.command()
def rules(format: Annotated[Literal["console", "json"], typer.Option(help="Format of the list.")] = "console") -> int:
    """List the rules."""
    from maimod.reporters import rule_list
    from maimod.rules import CHECKS

    if format == "json":
        import json

        typer.echo(json.dumps([rule_list.rule_as_json(rule) for check in CHECKS for rule in check.rules], indent=2))
    else:
        rule_list.rules(CHECKS, sys.stdout)
    return 0


@app.command(short_help="Write the model's score of each event as JSON lines.")
@takes(Where.SCORE)
def score(
    path: Annotated[str, typer.Argument(metavar="MAP.osu", help="A beatmap, with its song in the same folder.")],
    output: Annotated[str, typer.Option(metavar="FILE", help="Output file; - is stdout.")] = "-",
    **options: Any,
) -> int:
    """Write the model's score of each event, one JSON object per line; fields: docs/measuring.md."""
    import json

    from maimod.linter.api import score_events

    settings = Settings(**from_command_line(options))
    lines = [json.dumps(line) + "\n" for line in score_events(path, settings)]
    if output == "-":
        sys.stdout.writelines(lines)
    else:
        try:
            Path(output).write_text("".join(lines), encoding="utf-8", newline="\n")
        except OSError as error:
            raise unwritable(output, error) from None
    return 0


app.command(short_help="Train a network on a Songs folder.")(training.train)
app.command(short_help="Measure what is found of mistakes planted in good maps.")(training.evaluate)
app.command(short_help="Compare two evaluations of the same maps.")(training.compare)
app.command(short_help="Make pairs of versions of difficulties for evaluate.")(training.pairs)
app.command(short_help="Calibrate the scores of a checkpoint.")(training.calibrate)
app.command(short_help="Fit the model of slips.")(training.slips)


@app.command(short_help="Open the page in the browser, with pictures and sound.")
def ui(
    path: Annotated[str, typer.Argument(metavar="PATH", help="Path to fill in.")] = "",
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, show_default=False, help="Port; by default the first free one from 7860."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> int:
    """Open a local page to browse findings with pictures and sound: docs/ui.md."""
    from maimod.ui import main as serve

    return serve(path, port, not no_browser)


model_commands = typer.Typer(cls=Group, help="Describe checkpoints.", rich_markup_mode=None)
app.add_typer(model_commands, name="model")


@model_commands.command()
def info(
    model: Annotated[
        str, typer.Argument(metavar="NAME|DIR|ID", help="Bundled model, checkpoint folder or Hugging Face id.")
    ] = BUNDLED_MODEL,
    format: Annotated[Literal["console", "json"], typer.Option(help="Format of the description.")] = "console",
) -> int:
    """Describe a checkpoint without loading it."""
    from maimod.families import checkpoint
    from maimod.linter.models import model_folder

    found = checkpoint.describe_all(model_folder(model))
    if format == "json":
        import json

        typer.echo(json.dumps([each.to_dict() for each in found], indent=2))
    else:
        typer.echo("\n\n".join(each.to_text() for each in found))
    return 0


@app.command(short_help="Print a script that completes commands in a shell.")
def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish", "powershell"], typer.Argument(metavar="SHELL", help="The shell that you use.")
    ],
) -> int:
    """Print a script that completes commands, options, rules and paths; docs/ci.md says where it goes."""
    from maimod.commands.completion import script

    typer.echo(script(shell, COMPLETE))
    return 0


@app.command()
def version() -> int:
    """Print the version."""
    from maimod import __version__

    typer.echo(f"maimod {__version__}")
    return 0


# ---------------------------------------------------------------------------------------------------------------------
# Entry point


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code; no exception leaves it."""
    # The threads of numpy's OpenBLAS wait for their next product in a loop: for products of the size of ours a second one
    # doubles the CPU time, and on a busy machine takes ten times as long. Windows and maps run side by side instead.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    set_memory_policy()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Titles of songs use every script, which code pages of Windows cannot encode.
            stream.reconfigure(encoding="utf-8" if os.name == "nt" else None, errors="replace")
    try:
        if COMPLETE in os.environ:
            from maimod.commands import completion as shells

            shells.register()
        with interrupts.handled():
            words = sys.argv[1:] if argv is None else list(argv)
            code = _command_line(words).main(words, prog_name="maimod", standalone_mode=False)
            sys.stdout.flush()
        return int(code or 0)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        say(f"{_plain(error.format_message())}{hint}")
        return FAILED
    except MaimodError as error:
        say(str(error))
        return FAILED
    except ModuleNotFoundError as error:
        if error.name != "torch":
            return _unexpected(error)
        say(NO_TORCH)
        return FAILED
    except SystemExit as end:
        if COMPLETE in os.environ:  # its answer to a shell: fish offers files after a 1
            return int(end.code or 0)
        silence_stdout()  # typer's answer to a closed pipe
        return 0
    except OSError as error:
        if error.errno == errno.ENOSPC:
            silence_stdout()  # the interpreter flushes it once more
            say(str(unwritable(error.filename or "the output", error)))
            return FAILED
        if not is_pipe_closed(error):
            return _unexpected(error)
        silence_stdout()
        return 0
    except Exception as error:
        return _unexpected(error)
    finally:
        if argv is None:  # a last collection before the process ends would take a twentieth of a check
            gc.freeze()


_WORDS = (
    (r"Value error, ", ""),
    (r", unable to parse.*", ""),
    (r"Input should be a valid integer", "must be a whole number"),
    (r"Input should be a valid number", "must be a number"),
    (r"Input should be ", "must be "),
    (r"greater than or equal to", "at least"),
    (r"less than or equal to", "at most"),
    (r"^No such (\w+):? ", r"no such \1 "),
    (r"^(?=Missing|Invalid)(\w)", lambda found: found[1].lower()),
    (r" \(Possible options: (.*)\)", lambda found: f"; did you mean {found[1].replace(', ', ' or ')}?"),
    (r"\. Did you mean ", "; did you mean "),
    (r"^Got unexpected extra argument\(s\) \((.*)\)", r"one argument or more too many: \1"),
    (r"\bdir (?='.*' does not exist)", "folder "),
    (r"\.$", ""),
)
"""Words of typer and pydantic, as patterns, and ours, which are those of the other messages and of configuration files."""


def _plain(message: str) -> str:
    """A message of typer's in one line and in our words."""
    message = " ".join(message.split())
    for theirs, ours in _WORDS:
        message = re.sub(theirs, ours, message)
    return message


def _command_line(words: Sequence[str]) -> Any:
    """The command that words begin with, or all of them: typer reads the signature of each, which takes 20 ms."""
    named = [one for one in app.registered_commands if words and _name_of(one) == words[0]]
    if not named:
        return typer.main.get_command(app)
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = named, []
    return typer.main.get_command(alone)


def _name_of(command: Any) -> str:
    return command.name or typer.main.get_command_name(command.callback.__name__)


def _unexpected(error: Exception) -> int:
    if os.environ.get("MAIMOD_DEBUG"):
        import traceback

        traceback.print_exception(error)
    else:
        say(f"unexpected {type(error).__name__}: {error} (a bug; MAIMOD_DEBUG=1 shows the traceback)")
    return FAILED


if __name__ == "__main__":  # accelerate launch -m maimod.app
    sys.exit(main())
