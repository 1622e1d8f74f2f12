"""The commands that train networks, fit the judge and the model of slips, and measure what is found."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from maimod.commands import interrupts
from maimod.commands.command_line import files_named, say
from maimod.commands.options import parameter
from maimod.linter.settings import BUNDLED_MODEL, Settings

Device = Annotated[str, parameter("device")]
GoodMaps = Annotated[
    Path, typer.Argument(metavar="SONGS_DIR", exists=True, file_okay=False, help="Folder of good maps.")
]
Processes = Annotated[int, typer.Option(min=1, help="Processes.")]


def _manifest(used: str) -> Any:
    """The option of a file with a line of JSON about each map, and which maps it leaves to be used."""
    return typer.Option(metavar="FILE", exists=True, dir_okay=False, help=f"JSON lines about the maps: {used}")


def train(
    songs: Annotated[
        Path, typer.Argument(metavar="SONGS_DIR", exists=True, file_okay=False, help="Folder of mapset folders.")
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="Checkpoint folder to write, or to continue.")],
    network: Annotated[
        Literal["generator", "discriminator"],
        typer.Option(help="generator: a network for --model; discriminator: the proofreader."),
    ] = "generator",
    start: Annotated[
        str, typer.Option("--from", metavar="NAME|DIR|ID", help="Checkpoint to start from; without it, random weights.")
    ] = "",
    shape: Annotated[
        str, typer.Option(metavar="NAME|DIR", help="Where config.json and tokenizer.json of a new generator come from.")
    ] = BUNDLED_MODEL,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01, show_default=False, help="Training time, without reading the songs; 60 without --steps."
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, show_default=False, help="Training length in optimizer steps.")
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
    accumulate: Annotated[int, typer.Option(min=1, help="Batches per optimizer step.")] = 1,
    layers: Annotated[
        int | None,
        typer.Option(min=1, show_default=False, help="Layers of a discriminator; those that --from lacks are added."),
    ] = None,
    lora_rank: Annotated[
        int, typer.Option(min=0, help="Train a low-rank adapter of this rank for --lora; 0 trains the whole network.")
    ] = 0,
    lora_alpha: Annotated[
        int | None,
        typer.Option(
            min=1,
            show_default=False,
            help="The adapter is multiplied by this over its rank; by default the rank itself.",
        ),
    ] = None,
    precision: Annotated[
        Literal["auto", "bf16", "fp32"],
        typer.Option(help="Arithmetic; the weights stay in fp32. auto is bf16 where the device has it."),
    ] = "auto",
    device: Device = "auto",
    seed: Annotated[int, typer.Option(help="Random seed of weights and windows.")] = 1,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes per device that prepare batches; 0 prepares them between steps.")
    ] = 0,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", metavar="N", min=0, help="Processes that read the songs; 0 is all cores.")
    ] = 0,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the songs once read; by default in the output folder."),
    ] = None,
) -> int:
    """Train a network on a Songs folder; the same command with the same --output resumes an interrupted training.

    docs/training.md describes fine-tuning the bundled model or a published one on your maps, and GPUs.
    """
    from maimod.linter.models import model_folder
    from maimod.training import tasks
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
        from maimod.commands.training_bar import TrainingBar
    try:
        lora = tasks.Lora(lora_rank, lora_alpha or lora_rank, start) if lora_rank else None
        source = tasks.Source(
            songs, model_folder(start) if start else None, model_folder(shape), batch, cache, jobs, lora, layers
        )
        with files_named(), TrainingBar(sys.stderr) if watched else nullcontext() as bar:
            tasks.train(
                network, source, output, options, bar.say if bar else say, bar.show if bar else lambda progress: None
            )
    except KeyboardInterrupt:
        say(f"interrupted; the same command continues from what is stored in {output}")
        return interrupts.exit_code()
    return 0


def evaluate(
    songs: Annotated[
        Path | None,
        typer.Argument(
            metavar="SONGS_DIR", exists=True, file_okay=False, show_default=False, help="Folder of good maps."
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Folder of real corrections, as maimod pairs writes it: also look for those.",
        ),
    ] = None,
    manifest: Annotated[Path | None, _manifest("only ranked ones that fit their song are used.")] = None,
    mode: Annotated[Literal["osu", "taiko", "catch", "mania", "all"], typer.Option(help="Mode of the maps.")] = "all",
    maps: Annotated[int, typer.Option(min=1, help="Number of maps, of different songs.")] = 20,
    seed: Annotated[int, typer.Option(help="Random seed for maps and places.")] = 0,
    faults: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Kinds (moved), doses (moved:60 px), categories (rhythm) or sets (classic, further, third, fourth, fifth) of "
            "mistakes, with commas; all by default. none: only the untouched maps.",
        ),
    ] = "",
    together: Annotated[
        int, typer.Option(min=1, help="Number of local mistakes planted in one copy, far apart; 1 is slowest.")
    ] = 6,
    doses: Annotated[
        int, typer.Option(min=0, help="Doses of each kind planted in a map, drawn for each map; 0 is all of them.")
    ] = 1,
    jobs: Processes = 1,
    model: Annotated[
        str, typer.Option("--model", "--model-path", metavar="NAME|DIR", help="Bundled model or checkpoint folder.")
    ] = BUNDLED_MODEL,
    no_model: Annotated[
        bool, typer.Option("--no-model", help="Use no model: only the map, its set and the song.")
    ] = False,
    device: Device = "auto",
    unranked: Annotated[
        bool, typer.Option("--unranked", help="With a manifest: maps that are not ranked as well.")
    ] = False,
    held_out: Annotated[bool, typer.Option("--held-out", help="Only folders held out of training.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="File for all trials.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File for the tables; by default stdout.")
    ] = None,
) -> int:
    """Measure what is found: known mistakes planted in good maps, false findings on the maps as they are, and places
    that mappers corrected.

    docs/measuring.md describes the tables. About 15 s a map and core with the defaults.
    """
    from maimod.training import evaluation_commands

    with files_named():
        settings = Settings(None if no_model else model, device)
        evaluation_commands.evaluate(
            songs,
            settings,
            manifest=manifest,
            mode=None if mode == "all" else mode,
            maps=maps,
            seed=seed,
            faults=faults,
            together=together,
            doses=doses,
            jobs=jobs,
            unranked=unranked,
            held_out=held_out,
            pairs=pairs,
            json_file=json_file,
            markdown_file=markdown,
            report=say,
        )
    return 0


def compare(
    one: Annotated[Path, typer.Argument(metavar="A.json", exists=True, dir_okay=False, help="File of --json.")],
    two: Annotated[Path, typer.Argument(metavar="B.json", exists=True, dir_okay=False, help="The other one.")],
) -> int:
    """Compare two evaluations of the same maps: figures of A and B, and B - A with intervals."""
    from maimod.training import evaluation_commands

    typer.echo(evaluation_commands.compare(one, two), nl=False)
    return 0


def pairs(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="REPO",
            exists=True,
            file_okay=False,
            help="A git repository with .osu files in its history, or a folder with several versions of difficulties.",
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="DIR", help="New folder for the pairs.")],
) -> int:
    """Make pairs of versions of a difficulty, and lists of what changed, for maimod evaluate --pairs."""
    from maimod.training.versions import write_pairs

    with files_named():
        count = write_pairs(source, output, say)
    say(f"{count} {'pair' if count == 1 else 'pairs'} in {output}")
    return 0


def calibrate(
    songs: GoodMaps,
    model: Annotated[
        str, typer.Option("--model", "--model-path", metavar="NAME|DIR", help="Checkpoint to calibrate.")
    ] = BUNDLED_MODEL,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for calibration.json; by default the checkpoint's.")
    ] = None,
    manifest: Annotated[
        Path | None, _manifest("only those that fit their song are used, of osu! only ranked ones.")
    ] = None,
    maps: Annotated[
        int,
        typer.Option(min=1, help="Maps of each mode, two per song; first those held out of training, six per song."),
    ] = 40,
    seed: Annotated[int, typer.Option(help="Random seed for maps and places.")] = 0,
    jobs: Processes = 1,
    device: Device = "auto",
    unranked: Annotated[
        bool, typer.Option("--unranked", help="With a manifest: osu! maps that are not ranked as well.")
    ] = False,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only folders held out of the training of the proofreader.")
    ] = False,
    keep: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=0.99,
            help="Weight of the judge that calibration.json holds already, in the mean with the new one; 0 replaces it.",
        ),
    ] = 0.0,
) -> int:
    """Calibrate the scores of a checkpoint on a folder of good maps, and write calibration.json beside it."""
    from maimod.linter.models import model_folder
    from maimod.training.calibrate import command

    with files_named():
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
            keep=keep,
            report=say,
        )
    return 0


def slips(
    songs: GoodMaps,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder for slips.json.")],
    manifest: Annotated[Path | None, _manifest("only ranked ones are used.")] = None,
    test: Annotated[
        Path | None,
        typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of other maps to measure the model on."),
    ] = None,
    mode: Annotated[
        Literal["osu", "taiko", "catch", "mania", "all"],
        typer.Option(help="Mode to fit; the file in --output keeps the others."),
    ] = "all",
    maps: Annotated[int, typer.Option(min=1, help="Number of maps of each mode, a few per song.")] = 600,
    seed: Annotated[int, typer.Option(help="Random seed for maps, places and trees.")] = 0,
    jobs: Processes = 1,
) -> int:
    """Fit the model of slips on mistakes planted in good maps, and write slips.json."""
    from maimod.training.slip_fit import MODES, command

    modes = [one for one in MODES if mode in (one.label, "all")]
    with files_named():
        command(songs, output, manifest=manifest, test=test, maps=maps, seed=seed, jobs=jobs, report=say, modes=modes)
    return 0
