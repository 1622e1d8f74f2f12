"""The commands `maimod evaluate` and `maimod compare`: which maps, progress, and the files that are written."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from maimod.errors import UsageError
from maimod.findings import plain
from maimod.linter.settings import Settings
from maimod.osu.beatmap import Mode
from maimod.reporters.page import end_of, start_of
from maimod.training import corrections, tables
from maimod.training.corpus import is_held_out
from maimod.training.evaluate import Planting, read, run, sources, to_json
from maimod.training.faults import select
from maimod.training.metrics import Evaluation


def evaluate(
    songs: Path | None,
    settings: Settings,
    *,
    manifest: Path | None,
    mode: str | None,
    maps: int,
    seed: int,
    faults: str,
    together: int,
    doses: int,
    jobs: int,
    unranked: bool,
    held_out: bool,
    pairs: Path | None,
    json_file: Path | None,
    markdown_file: Path | None,
    report: Callable[[str], None],
) -> None:
    """Run `maimod evaluate`; its help describes the arguments.

    Raises:
        UsageError: if a file cannot be written, a fault is unknown, there is no map to plant it in, or the folder of pairs has none.
    """
    if songs is None and pairs is None:
        raise UsageError("nothing to evaluate on: give a folder of good maps, or --pairs DIR")
    for file in (json_file, markdown_file):  # a run takes minutes to hours
        if file and (file.is_dir() or not file.parent.is_dir()):
            raise UsageError(
                f"{file}: {'a folder' if file.is_dir() else f'there is no folder {file.parent}'}; name a file"
            )
    stored: dict[str, Any] = {"seed": seed, "model": settings.model or "none"}
    text = ""
    if songs is not None:
        paths = sources(
            songs,
            Mode[mode.upper()] if mode else None,
            manifest,
            seed,
            unranked=unranked,
            accept=is_held_out if held_out else lambda folder: True,
        )[:maps]
        if not paths:
            raise UsageError(f"{songs}: no map with a song to plant mistakes in")
        ranked = ", ranked" if manifest and not unranked else ""
        split = f" of {songs.name}{ranked}" + (", held out" if held_out else "")
        planting = Planting(_chosen(faults), seed, together, doses)
        done = _run(paths, settings, planting, jobs, split, report)
        stored, text = to_json(done), tables.markdown(done)
    if pairs is not None:
        results = corrections.measure(pairs, settings, jobs, report)
        stored["corrections"] = [asdict(result) for result in results]
        text += ("\n" if text else "") + tables.corrections(results)
    if json_file:
        json_file.write_text(json.dumps(plain(stored), indent=1), encoding="utf-8")
    if markdown_file:
        markdown_file.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


def _chosen(faults: str) -> tuple[str, ...]:
    """Names of the faults that an option names."""
    names = [name.strip() for name in faults.split(",") if name.strip()]
    try:
        return () if faults == "none" else tuple(fault.name for fault in select(names))
    except ValueError as error:
        raise UsageError(str(error)) from None


def _run(
    paths: list[Path], settings: Settings, planting: Planting, jobs: int, split: str, report: Callable[[str], None]
) -> Evaluation:
    """Evaluate with the time left after each map."""
    began = time.monotonic()

    def report_map(done: int, path: Path) -> None:
        left = (time.monotonic() - began) / done * (len(paths) - done)
        name = f"{start_of(path.parent.name, 40)}/{end_of(path.name, 40)}"
        report(f"{done} of {len(paths)}, about {left / 60:.0f} min left: {name}")

    return run(paths, settings, planting, jobs=jobs, split=split, report=report_map)


def compare(one: Path, two: Path) -> str:
    """The tables of `maimod compare`.

    Raises:
        UsageError: if a file is no evaluation, or both have no map in common.
    """
    first, second = read(one), read(two)
    pairs = corrections.place_differences(corrections.read_results(one), corrections.read_results(two))
    if not ({u.map for u in first.untouched} & {u.map for u in second.untouched}) and not pairs:
        raise UsageError(f"{one} and {two}: no map in common; evaluate both on the same folder with the same --seed")
    return tables.comparison(first, second, (one.name, two.name), pairs)
