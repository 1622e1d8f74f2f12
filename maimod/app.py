"""The command line: arguments in, :func:`maimod.linter.pipeline.lint`, a reporter out. Results on stdout, all else on
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

from maimod.commands.options import FAILED, Commands, Failure, quiet_if_pipe_closed, say, silence_stdout, suggest
from maimod.findings import Severity
from maimod.linter.settings import BUNDLED_MODEL, Settings
from maimod.reporters import REPORTERS

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


ModelName = Annotated[
    str,
    typer.Option(
        "--model", "--model-path", metavar="NAME|DIR|ID", help="Bundled model, checkpoint folder or Hugging Face id."
    ),
]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")]
Precision = Annotated[
    Literal["auto", "fp32", "bf16", "amp"],
    typer.Option(help="Arithmetic of the model; auto is bf16 on CUDA, fp32 elsewhere."),
]
AudioPath = Annotated[str, typer.Option(metavar="FILE", help="Song to use in place of the one the map names.")]
Difficulty = Annotated[
    float | None,
    typer.Option(
        metavar="STARS", min=0, show_default=False, help="Star rating to tell the model in place of the computed one."
    ),
]
MapperId = Annotated[
    int | None, typer.Option(metavar="USER", show_default=False, help="Mapper to tell the model, if it knows mappers.")
]
Year = Annotated[int | None, typer.Option(min=2007, max=2076, show_default=False, help="Year to tell the model.")]
Descriptors = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", show_default=False, help="Words for the kind of map, of those the model knows. Repeatable."
    ),
]


@app.command()
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
    audio_path: AudioPath = "",
    model: ModelName = BUNDLED_MODEL,
    no_model: Annotated[bool, typer.Option("--no-model", help="Arithmetic and the song only.")] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    difficulty: Difficulty = None,
    mapper_id: MapperId = None,
    year: Year = None,
    descriptors: Descriptors = None,
    format: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:FILE]", show_default=False, help=f"{', '.join(REPORTERS)}; to stdout or a file. Repeatable."
        ),
    ] = None,
    fail_on: Annotated[
        Literal["problem", "warning", "minor", "never"], typer.Option(help="Exit with 1 from this severity on.")
    ] = "problem",
    min_severity: Annotated[
        Severity, typer.Option(help="List nothing milder; --fail-on still counts it.")
    ] = Severity.MINOR,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Rules to report, by prefix: rhythm,hitsounds/missing. Repeatable."),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Rules to leave out; of several matches the longest wins. Repeatable."),
    ] = None,
    level: Annotated[
        Literal["easy", "normal", "hard", "insane", "expert"] | None,
        typer.Option(show_default=False, help="What every difficulty is taken for, whatever it is called."),
    ] = None,
    max_findings: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, show_default=False, help="List the N findings of the highest score."),
    ] = None,
    new_only: Annotated[
        bool, typer.Option("--new-only", help="List only what the last run of the same map did not find.")
    ] = False,
    baseline: Annotated[
        str, typer.Option(metavar="FILE", help="Findings accepted in this file are not reported.")
    ] = "",
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Accept everything that is found now.")
    ] = False,
    statistics: Annotated[bool, typer.Option("--statistics", help="Add a table of rules by severity.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Findings only: no summary, no progress.")] = False,
    raw_output: Annotated[bool, typer.Option("--raw-output", help="No colours and no links.")] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", metavar="N", min=0, help="Processes; 0 takes as many as are worth it.")
    ] = 0,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Give up a beatmap that takes longer; 0 never does.")
    ] = 0.0,
    memory: Annotated[int, typer.Option(metavar="MB", min=0, help="What a process may take up; 0 is no limit.")] = 0,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Work everything out anew and keep nothing.")] = False,
    cache_dir: Annotated[
        str, typer.Option(metavar="DIR", help="Where results are kept, in place of the system's cache folder.")
    ] = "",
    config: Annotated[
        str, typer.Option(metavar="FILE", help="Configuration to use in place of the nearest maimod.toml.")
    ] = "",
    isolated: Annotated[bool, typer.Option("--isolated", help="Use no configuration file.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Lint again whenever a map is saved.")] = False,
    show_settings: Annotated[
        bool, typer.Option("--show-settings", help="Print the settings that would be used, and end.")
    ] = False,
) -> int:
    """Lint beatmaps and report what to look at.

    Exit code: 0 nothing from --fail-on upwards, 1 something, 2 bad usage or nothing that could be read.
    """
    if not all(path.strip() for path in paths):
        raise typer.BadParameter("an empty path", param_hint="PATH")
    from maimod.commands import check

    # The command line wins over configuration: what was typed, which need not differ from the default.
    typed = {
        name: value
        for name, value in context.params.items()
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
    asked = check.check_of(paths, context.params, typed)
    if show_settings:
        import json

        typer.echo(json.dumps(check.described(asked), indent=2))
        return 0
    signal.signal(signal.SIGTERM, _interrupt)  # what was unpacked is taken away before the end
    if watch:
        from maimod.commands.watch import watch as run_watch

        return run_watch(asked)
    return check.once(asked)


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
def score(
    path: Annotated[str, typer.Argument(metavar="MAP.osu", help="A beatmap, with its song beside it.")],
    output: Annotated[str, typer.Option(metavar="FILE", help="Where the lines go; - is stdout.")] = "-",
    audio_path: AudioPath = "",
    model: ModelName = BUNDLED_MODEL,
    exact: Annotated[
        bool, typer.Option("--exact", help="The original's windows, prompts and formulas: six times the work.")
    ] = False,
    device: Device = "auto",
    precision: Precision = "auto",
    difficulty: Difficulty = None,
    mapper_id: MapperId = None,
    year: Year = None,
    descriptors: Descriptors = None,
) -> int:
    """Write what the model thinks of each event, one JSON object a line: docs/how-scores-work.md says what is in it."""
    import json

    from maimod.linter.pipeline import UsageError, score_events

    settings = Settings(
        model=model,
        device=device,
        precision=precision,
        exact=exact,
        difficulty=difficulty,
        mapper_id=mapper_id,
        year=year,
        descriptors=tuple(descriptors or ()),
        audio_path=Path(audio_path) if audio_path else None,
    )
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
    start: Annotated[
        str, typer.Option("--from", metavar="NAME|DIR|ID", help="Checkpoint to train further; without it, anew.")
    ] = "",
    shape: Annotated[
        str, typer.Option(metavar="NAME|DIR", help="Where config.json and tokenizer.json come from.")
    ] = BUNDLED_MODEL,
    minutes: Annotated[float, typer.Option(min=0.01, help="How long to train, reading the songs not counted.")] = 60.0,
    rate: Annotated[float | None, typer.Option(min=0.0, show_default=False, help="Peak learning rate.")] = None,
    seed: Annotated[int, typer.Option(help="Of the weights and of the order of the windows.")] = 1,
    device: Device = "auto",
) -> int:
    """Train a checkpoint on a Songs folder; run again with the same --output, an interrupted training goes on.

    docs/training.md says how to specialise the bundled model or a published one to your maps.
    """
    from maimod.families.errors import CheckpointError
    from maimod.linter.pipeline import UsageError, model_folder
    from maimod.training.generator import Options
    from maimod.training.generator import train as run

    options = Options(minutes=minutes, rate=rate, seed=seed, device=device)
    watched = sys.stderr is not None and sys.stderr.isatty()
    if watched:
        from maimod.reporters.console import TrainingBar
    try:
        with TrainingBar(sys.stderr, minutes) if watched else nullcontext() as bar:
            run(
                songs,
                model_folder(shape),
                output,
                options,
                bar.say if bar else say,
                model_folder(start) if start else None,
                bar.show if bar else lambda step: None,
            )
    except (UsageError, CheckpointError, OSError) as error:
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
    device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
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
    from maimod.linter.pipeline import UsageError
    from maimod.training.evaluate import EvaluationError, command

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
            tell=say,
        )
    except (EvaluationError, UsageError, OSError) as error:
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
    device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    unranked: Annotated[
        bool, typer.Option("--unranked", help="With a manifest: osu! maps that are not ranked as well.")
    ] = False,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only folders that the training of the proofreader left out.")
    ] = False,
) -> int:
    """Measure what the scores of a checkpoint mean on a folder of good maps, and write calibration.json beside it."""
    from maimod.linter.pipeline import UsageError, model_folder
    from maimod.training.calibrate import CalibrationError, command

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
            tell=say,
        )
    except (CalibrationError, UsageError, OSError) as error:
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
    from maimod.linter.pipeline import UsageError, model_folder

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
        "evidence": list(rule.evidence),
        "modes": [mode.label for mode in sorted(rule.modes)],
        "why": rule.why,
        "how": rule.how,
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
