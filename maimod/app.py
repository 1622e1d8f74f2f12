"""The command line: arguments in, :func:`maimod.linter.api.lint`, a reporter out. Results on stdout, all else on
stderr.

Everything slow is imported where it is used: `--help` loads neither numpy nor torch nor rich.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from maimod.commands.command_line import FAILED, Commands, Failure, quiet_if_pipe_closed, say, silence_stdout, suggest
from maimod.commands.options import from_command_line, parameter, takes
from maimod.linter.settings import BUNDLED_MODEL, Settings, Where

if TYPE_CHECKING:
    from maimod.rules.base import Rule


# ---------------------------------------------------------------------------------------------------------------------
# Commands

app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="A path alone means check; key=value works for --key value: python mai_mod.py beatmap_path=map.osu device=cpu",
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
    """An AI modding assistant for osu! beatmaps: finds what the song, the map and a model call doubtful.

    It explains and never changes a map.
    """


ModelName = Annotated[str, parameter("model")]
Device = Annotated[str, parameter("device")]


@app.command()
@takes(Where.CHECK)
def check(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            show_default=False,
            help=".osu files, .osz archives, mapset folders, a Songs folder, or patterns of them.",
        ),
    ],
    **options: Any,
) -> int:
    """Lint beatmaps and report what to look at.

    Exit code: 0 nothing from --fail-on upwards, 1 something, 2 bad usage or nothing that could be read.
    """
    if not all(path.strip() for path in paths):
        raise typer.BadParameter("an empty path", param_hint="PATH")
    from maimod.commands.resolve import dump, resolve

    # What was typed wins over a configuration, also where it is the default.
    typed = {
        name: value
        for name, value in options.items()
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
    resolved = resolve(paths, from_command_line(typed))
    if resolved.options.show_settings:
        import json

        typer.echo(json.dumps(dump(resolved), indent=2))
        return 0
    signal.signal(signal.SIGTERM, _interrupt)  # what was unpacked is taken away before the end
    if resolved.options.watch:
        from maimod.commands.watch import watch as run_watch

        return run_watch(resolved)
    from maimod.commands.check import once

    return once(resolved)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


@app.command()
def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule or a prefix: positions, rhythm/unsnapped.")],
) -> int:
    """Tell why a rule matters, how it is found, and when to ignore it."""
    from maimod.reporters import console

    console.explain(_matching(rule), sys.stdout)
    return 0


@app.command()
def rules(format: Annotated[Literal["console", "json"], typer.Option(help="Form of the list.")] = "console") -> int:
    """List the rules."""
    from maimod.rules import CHECKS

    if format == "json":
        import json

        typer.echo(json.dumps([_rule_as_json(rule) for check in CHECKS for rule in check.rules], indent=2))
    else:
        from maimod.reporters import console

        console.rules(CHECKS, sys.stdout)
    return 0


@app.command()
@takes(Where.SCORE)
def score(
    path: Annotated[str, typer.Argument(metavar="MAP.osu", help="A beatmap, with its song beside it.")],
    output: Annotated[str, typer.Option(metavar="FILE", help="Where the lines go; - is stdout.")] = "-",
    **options: Any,
) -> int:
    """Write what the model thinks of each event, one JSON object a line: docs/how-scores-work.md says what is in it."""
    import json

    from maimod.linter.api import score_events
    from maimod.linter.models import UsageError

    settings = Settings(**from_command_line(options))
    try:
        lines = [json.dumps(line) + "\n" for line in score_events(path, settings)]
    except UsageError as error:
        raise Failure(str(error)) from None
    if output == "-":
        sys.stdout.writelines(lines)
    else:
        try:
            Path(output).write_text("".join(lines), encoding="utf-8", newline="\n")
        except OSError as error:
            raise Failure(f"{output}: cannot be written ({error.strerror or error})") from None
    return 0


@app.command()
def train(
    songs: Annotated[
        Path, typer.Argument(metavar="SONGS_DIR", exists=True, file_okay=False, help="Folder of mapset folders.")
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Checkpoint folder to write, or to go on with.")],
    network: Annotated[
        Literal["generator", "discriminator"],
        typer.Option(help="generator is what --model takes; discriminator is the proofreader."),
    ] = "generator",
    start: Annotated[
        str, typer.Option("--from", metavar="NAME|DIR|ID", help="Checkpoint to train further; without it, anew.")
    ] = "",
    shape: Annotated[
        str, typer.Option(metavar="NAME|DIR", help="config.json and tokenizer.json of a new generator.")
    ] = BUNDLED_MODEL,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01, show_default=False, help="How long to train, reading the songs not counted; 60 without --steps."
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="The same in steps of the optimizer.")
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.0, show_default=False, help="Peak learning rate.")] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default=False,
            help="Size of a batch: tokens for the generator (6500), windows for the discriminator (16).",
        ),
    ] = None,
    accumulate: Annotated[int, typer.Option(min=1, help="Batches for each step of the optimizer.")] = 1,
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        typer.Option(help="Arithmetic; the weights stay in fp32. auto is bf16 where the device has it."),
    ] = "auto",
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Of the weights and of the order of the windows.")] = 1,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes for each device that prepare batches; 0 prepares them between steps.")
    ] = 0,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", metavar="N", min=0, help="Processes that read the songs; 0 is all cores.")
    ] = 0,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the songs are kept once read; else in the output.")
    ] = None,
) -> int:
    """Train a network on a Songs folder; run again with the same --output, an interrupted training goes on.

    docs/training.md says how to specialise the bundled model or a published one to your maps, and how to use GPUs.
    """
    from maimod.families.errors import CheckpointError
    from maimod.linter.models import UsageError, model_folder
    from maimod.training import tasks
    from maimod.training.errors import TrainingError
    from maimod.training.trainer import Options

    options = Options(
        minutes=60.0 if minutes is None and steps is None else minutes,
        steps=steps,
        rate=rate,
        accumulate=accumulate,
        precision=precision,
        device=device,
        seed=seed,
        workers=workers,
    )
    watched = sys.stderr is not None and sys.stderr.isatty()
    if watched:
        from maimod.reporters.console import TrainingBar
    try:
        source = tasks.Source(songs, model_folder(start) if start else None, model_folder(shape), batch, cache, jobs)
        with TrainingBar(sys.stderr) if watched else nullcontext() as bar:
            tasks.train(
                network, source, output, options, bar.say if bar else say, bar.show if bar else lambda progress: None
            )
    except (UsageError, CheckpointError, TrainingError, OSError) as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        raise Failure(f"stopped; the same command goes on from the last checkpoint in {output}") from None
    return 0


@app.command()
def evaluate(
    songs: Annotated[
        Path, typer.Argument(metavar="SONGS_DIR", exists=True, file_okay=False, help="Folder of good maps.")
    ],
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="JSON lines about the maps: only ranked ones that fit their song are used.",
        ),
    ] = None,
    mode: Annotated[Literal["osu", "taiko", "catch", "mania", "all"], typer.Option(help="Maps of which mode.")] = "all",
    maps: Annotated[int, typer.Option(min=1, help="How many maps, of different songs.")] = 20,
    seed: Annotated[int, typer.Option(help="Chooses the maps and the places.")] = 0,
    faults: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Kinds (moved), doses (moved:60 px) or categories (rhythm) of mistakes, "
            "with commas; none: only the untouched maps.",
        ),
    ] = "",
    together: Annotated[
        int, typer.Option(min=1, help="Local mistakes planted in one copy, far apart; 1 is slowest.")
    ] = 6,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    model: Annotated[
        str, typer.Option("--model", "--model-path", metavar="NAME|DIR", help="Bundled model or checkpoint folder.")
    ] = BUNDLED_MODEL,
    no_model: Annotated[bool, typer.Option("--no-model", help="Arithmetic and the song alone.")] = False,
    device: Device = "auto",
    unranked: Annotated[
        bool, typer.Option("--unranked", help="With a manifest: maps that are not ranked as well.")
    ] = False,
    held_out: Annotated[bool, typer.Option("--held-out", help="Only folders that training leaves out.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every trial here.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the tables here; else to stdout.")
    ] = None,
) -> int:
    """Plant known mistakes in good maps and count what is found, and what untouched maps are told:
    docs/how-scores-work.md."""
    from maimod.linter.models import UsageError
    from maimod.training.errors import TrainingError
    from maimod.training.evaluate import command

    try:
        settings = Settings(None if no_model else model, device)
        command(
            songs,
            settings,
            manifest=manifest,
            mode=None if mode == "all" else mode,
            maps=maps,
            seed=seed,
            faults=faults,
            together=together,
            jobs=jobs,
            unranked=unranked,
            held_out=held_out,
            json_file=json_file,
            markdown_file=markdown,
            report=say,
        )
    except (TrainingError, UsageError, OSError) as error:
        raise Failure(str(error)) from None
    return 0


@app.command()
def calibrate(
    songs: Annotated[
        Path, typer.Argument(metavar="SONGS_DIR", exists=True, file_okay=False, help="Folder of good maps.")
    ],
    model: Annotated[
        str, typer.Option("--model", "--model-path", metavar="NAME|DIR", help="Checkpoint to calibrate.")
    ] = BUNDLED_MODEL,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where calibration.json goes; else beside the checkpoint.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="JSON lines about the maps: only those that fit their song are used, of osu! only ranked ones.",
        ),
    ] = None,
    maps: Annotated[int, typer.Option(min=1, help="How many maps of each mode, two of a song at most.")] = 40,
    seed: Annotated[int, typer.Option(help="Chooses the maps and the places.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
    device: Device = "auto",
    unranked: Annotated[
        bool, typer.Option("--unranked", help="With a manifest: osu! maps that are not ranked as well.")
    ] = False,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only folders that the training of the proofreader left out.")
    ] = False,
) -> int:
    """Measure what the scores of a checkpoint mean on a folder of good maps, and write calibration.json beside it."""
    from maimod.linter.models import UsageError, model_folder
    from maimod.training.calibrate import command
    from maimod.training.errors import TrainingError

    try:
        command(
            songs,
            Settings(model, device),
            output or model_folder(model),
            manifest=manifest,
            maps=maps,
            seed=seed,
            jobs=jobs,
            held_out=held_out,
            unranked=unranked,
            report=say,
        )
    except (TrainingError, UsageError, OSError) as error:
        raise Failure(str(error)) from None
    return 0


@app.command()
def ui(
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="What to lint first.")] = "",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, show_default=False, help="Port; else the first free from 7860 on.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> int:
    """Open a page on this computer to browse findings, see and hear their evidence: docs/ui.md."""
    from maimod.ui import main as serve

    return serve(path, port, not no_browser)


model_commands = typer.Typer(help="Look at checkpoints.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(model_commands, name="model")


@model_commands.command()
def info(
    model: Annotated[
        str, typer.Argument(metavar="NAME|DIR|ID", help="Bundled model, checkpoint folder or Hugging Face id.")
    ] = BUNDLED_MODEL,
    format: Annotated[Literal["console", "json"], typer.Option(help="Form of the answer.")] = "console",
) -> int:
    """Tell what a checkpoint is and can do, without loading it."""
    from maimod.families import checkpoint
    from maimod.families.errors import CheckpointError
    from maimod.linter.models import UsageError, model_folder

    try:
        found = checkpoint.describe_all(model_folder(model))
    except (UsageError, CheckpointError) as error:
        raise Failure(str(error)) from None
    if format == "json":
        import json

        typer.echo(json.dumps([each.to_dict() for each in found], indent=2))
    else:
        typer.echo("\n\n".join(each.to_text() for each in found))
    return 0


@app.command()
def version() -> int:
    """Print the version."""
    from maimod import __version__

    typer.echo(f"maimod {__version__}")
    return 0


# ---------------------------------------------------------------------------------------------------------------------
# What the commands are made of


def _matching(prefix: str) -> list[Rule]:
    """The rule of this name, else those it is the beginning of."""
    from maimod.rules import CHECKS

    known = {rule.id: rule for check in CHECKS for rule in check.rules}
    if prefix in known:
        return [known[prefix]]
    found = [rule for name, rule in known.items() if prefix and name.startswith(prefix)]
    if not found:
        raise Failure(f"{prefix}: no such rule{suggest(prefix, list(known)) or '; see maimod rules'}")
    return found


def _rule_as_json(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "category": rule.category.value,
        "severity": rule.severity.value,
        "tier": rule.tier.value,
        "evidence": list(rule.evidence),
        "modes": [mode.label for mode in sorted(rule.modes)],
        "why": rule.why,
        "how": rule.how,
        "proposal": rule.proposal,
        "ignore_when": rule.ignore_when,
        "blind_spots": rule.blind_spots,
        "source": rule.source,
    }


# ---------------------------------------------------------------------------------------------------------------------
# The entry


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code; no exception leaves it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Songs have titles in every script; the code pages of Windows do not.
            stream.reconfigure(encoding="utf-8" if os.name == "nt" else None, errors="replace")
    try:
        code = typer.main.get_command(app).main(
            sys.argv[1:] if argv is None else list(argv), prog_name="maimod", standalone_mode=False
        )
        sys.stdout.flush()
        return int(code or 0)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        say(" ".join(error.format_message().replace("Value error, ", "").split()) + hint)
        return FAILED
    except SystemExit:  # typer's answer to a closed pipe
        silence_stdout()
        return 0
    except OSError as error:
        try:
            quiet_if_pipe_closed(error)
        except OSError:
            return _unexpected(error)
        return 0
    except Exception as error:
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    if os.environ.get("MAIMOD_DEBUG"):
        import traceback

        traceback.print_exception(error)
    else:
        say(f"unexpected {type(error).__name__}: {error} (a bug; MAIMOD_DEBUG=1 shows the traceback)")
    return FAILED
