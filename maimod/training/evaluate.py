"""Evaluate the rules: plant known mistakes in good maps, lint, and count hits and false alarms.

What counts as a hit: :mod:`maimod.training.hits`. Ranked maps are assumed to have no mistakes, so all findings on them
count as false, although some are real. Figures are made in :mod:`maimod.training.metrics`, tables in
:mod:`maimod.training.tables`.
"""

from __future__ import annotations

import platform
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from maimod import __version__
from maimod.audio.onsets import OnsetEnvelope
from maimod.errors import BeatmapError, UsageError
from maimod.findings import Finding, plain
from maimod.linter.gather import Resources, gather, gather_mapset, read_sets
from maimod.linter.models import load_networks
from maimod.linter.pipeline import Analysis, analyse, analyse_set
from maimod.linter.progress import result_of
from maimod.linter.session import analyse_beatmap
from maimod.linter.settings import Settings
from maimod.osu import discovery, parser
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.mapset import Mapset
from maimod.training.faults import FAULTS, Copy, Fault
from maimod.training.faults.copies import added
from maimod.training.hits import in_map, leads_to, trial_of
from maimod.training.metrics import Alarm, Evaluation, Untouched, summary
from maimod.training.processes import map_in_processes
from maimod.training.upstream_score import suggestions

APART_MS = 12_000.0
"""Ms between mistakes in one copy."""


# ---------------------------------------------------------------------------------------------------------------------
# Which maps


def sources(
    folder: Path,
    mode: Mode | None = None,
    manifest: Path | None = None,
    seed: int = 0,
    *,
    per_song: int = 1,
    unranked: bool = False,
    without_song: bool = False,
    accept: Callable[[Path], bool] = lambda folder: True,
) -> list[Path]:
    """Pick beatmaps of different songs, in an order that only depends on the seed.

    Args:
        folder: a Songs folder.
        mode: only maps of this mode; None picks of each mode.
        manifest: JSON lines with `map` (path below the manifest's folder), `mode`, `song_group`, `ranked` and
            `aligned`; only ranked maps that fit their song are picked. Without it all maps with a song can be picked,
            by mapset folder.
        seed: chooses.
        per_song: maps of one mode and song; the first maps are those of different songs.
        unranked: with a manifest, also pick unranked maps that fit their song.
        without_song: with a manifest, also pick maps that do not fit their song or have none.
        accept: whether to use a mapset folder; a song with a folder that is not accepted is left out.
    """
    songs: dict[tuple[str, int], list[Path]] = defaultdict(list)
    refused: set[str] = set()
    if manifest is not None:
        root = folder.resolve()
        for entry in _entries(manifest):
            path = manifest.parent / entry.map
            if not path.resolve().is_relative_to(root):
                continue
            if not accept(path.parent):
                refused.add(str(entry.song_group))
            if (entry.ranked or unranked) and (entry.aligned or without_song):
                songs[str(entry.song_group), entry.mode].append(path)
    else:
        folders = [source for source in discovery.find([folder]) if not source.is_archive]
        for path in [source.path / entry.inner for source in folders for entry in source.entries]:
            if accept(path.parent) and (found := _mode_with_song(path)) is not None:
                songs[path.parent.name, found].append(path)

    def lot(*parts: object) -> int:
        return zlib.crc32("|".join(map(str, (seed, *parts))).encode())

    picked = [
        (place, lot(song, number), path)
        for (song, number), paths in songs.items()
        if song not in refused and mode in (None, number)
        for place, path in enumerate(sorted(paths, key=lambda path: (lot(path.name), path.name))[:per_song])
    ]
    return [path for _, _, path in sorted(picked)]


class _Entry(msgspec.Struct, frozen=True):
    """A line of a manifest; other keys are left out."""

    map: str
    mode: int
    song_group: str | int
    ranked: bool
    aligned: bool


def _entries(manifest: Path) -> Iterator[_Entry]:
    """The lines of a manifest.

    Raises:
        UsageError: if one is none.
    """
    for number, line in enumerate(manifest.read_bytes().splitlines(), start=1):
        try:
            yield msgspec.json.decode(line, type=_Entry)
        except msgspec.DecodeError as error:
            raise UsageError(f"{manifest}:{number}: not a line of a manifest ({error})") from None


def _mode_with_song(path: Path) -> int | None:
    try:
        loaded = parser.load(path)
    except BeatmapError:
        return None
    return int(loaded.mode) if parser.find_audio(loaded) else None


# ---------------------------------------------------------------------------------------------------------------------
# Running


class Planting(msgspec.Struct, frozen=True):
    """Which mistakes an evaluation plants in each map."""

    faults: tuple[str, ...]
    """Names of the kinds with their doses."""
    seed: int = 0
    """Chooses doses and places; map, kind and seed give the same ones in every evaluation."""
    together: int = 1
    """Up to this many different local mistakes are planted in one copy, `APART_MS` apart, which takes fewer lints; each is
    ranked without the findings about the others."""
    doses: int = 0
    """Most doses of each kind in a map; 0 plants all."""

    def of_map(self, beatmap: Beatmap) -> list[Fault]:
        """The faults that are planted in a map."""
        fitting = [fault for fault in FAULTS if fault.name in self.faults and beatmap.mode in fault.modes]
        return chosen_doses(fitting, beatmap.path.name, self.seed, self.doses)


def evaluate_map(
    analyse: Callable[[Beatmap, str], Analysis],
    loaded: Beatmap,
    planting: Planting,
    *,
    model: str = "none",
    untouched: tuple[Analysis, Sequence[Finding]] | None = None,
) -> Evaluation:
    """Plant each fault in a map and lint the copies.

    Args:
        analyse: called with the map or a changed copy and its name.
        loaded: assumed to have no mistakes.
        planting: what to plant.
        model: the model in use.
        untouched: of the map as it is the analysis, and the findings with those about its set, if they are known.
    """
    name = f"{loaded.path.parent.name}/{loaded.path.name}"
    wanted = planting.of_map(loaded)
    before, listed = untouched or (analyse(loaded, name), None)
    copies = plant(loaded, wanted, planting.seed, before.evidence.envelope, planting.together)
    trials = []
    for copy in copies:
        after = analyse(copy.beatmap, name)
        found, suggested = in_map(after.report.findings), suggestions(after.evidence.scores or (), loaded.mode)
        for fault, planted in copy.mistakes:
            others = [other for _, other in copy.mistakes if other is not planted]
            own, own_plain = (
                [f for f in some if leads_to(f, planted) or not any(leads_to(f, other) for other in others)]
                for some in (found, suggested)
            )
            trials.append(trial_of(planted, fault, own, in_map(before.report.findings), name, own_plain))
    planted_names = {fault.name for copy in copies for fault, _ in copy.mistakes}
    listed = before.report.findings if listed is None else listed
    alarms = tuple(Alarm(f.rule, f.severity.value, f.score, f.timestamp, f.message) for f in listed)
    return Evaluation(
        planting.seed,
        model,
        tuple(trials),
        (Untouched(name, loaded.mode.label, loaded.drain_ms / 60_000, alarms),),
        tuple((fault.name, loaded.mode.label) for fault in wanted if fault.name not in planted_names),
    )


def chosen_doses(faults: Sequence[Fault], name: str, seed: int, doses: int) -> list[Fault]:
    """Up to `doses` doses of each kind for a map of this name; 0 is all."""
    by_kind: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_kind[fault.kind].append(fault)
    chosen = []
    for kind, own in by_kind.items():
        random = np.random.default_rng([seed, zlib.crc32(f"{name}|{kind}|dose".encode())])
        places = random.permutation(len(own))[: doses or len(own)]
        chosen += [own[int(place)] for place in sorted(places)]
    return chosen


def merged(parts: Sequence[Evaluation], split: str = "") -> Evaluation:
    """Combine evaluations, with the versions of maimod and the libraries."""
    versions = [
        ("maimod", __version__),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in ("numpy", "torch", "soundfile") if find_spec(name)),
    ]
    return Evaluation(
        parts[0].seed,
        parts[0].model,
        tuple(t for p in parts for t in p.trials),
        tuple(u for p in parts for u in p.untouched),
        tuple(n for p in parts for n in p.no_place),
        split,
        tuple(versions),
    )


def plant(
    loaded: Beatmap, faults: Sequence[Fault], seed: int, envelope: OnsetEnvelope | None, together: int
) -> list[Copy]:
    """Changed maps, each with up to `together` mistakes of different kinds, `APART_MS` apart."""
    copies: list[Copy] = []
    for fault in faults:
        # Without the dose: all doses of a kind use one place.
        random = np.random.default_rng([seed, zlib.crc32(f"{loaded.path.name}|{fault.kind}".encode())])
        for place, copy in enumerate(copies):
            if _has_room(copy, fault, together) and (more := added(copy, fault, random, APART_MS, envelope)):
                copies[place] = more
                break
        else:
            alone = added(Copy(loaded), fault, random, APART_MS, envelope)
            copies += [alone] if alone else []
    return copies


def _has_room(copy: Copy, fault: Fault, together: int) -> bool:
    return len(copy.mistakes) < together and not any(
        fault.is_alone or other.is_alone or fault.kind == other.kind for other, _ in copy.mistakes
    )


# ---------------------------------------------------------------------------------------------------------------------
# Many maps


@lru_cache(maxsize=1)
def evaluation_resources(settings: Settings) -> Resources:
    """The networks of this process, with a window cache, since copies of a map share most windows."""
    if settings.model is None:
        return Resources()
    from maimod.training.window_cache import remembering

    return Resources(load_networks(settings, remembering))


def set_of(path: Path) -> Mapset | None:
    """The set that a map belongs to."""
    sets, _ = read_sets(path.parent)
    return next((found for found in sets if any(beatmap.path == path for beatmap in found.beatmaps)), None)


def evaluate_file(settings: Settings, planting: Planting, path: Path) -> Evaluation:
    """:func:`evaluate_map` of a beatmap file."""
    resources, whole, loaded = evaluation_resources(settings), set_of(path), parser.load(path)
    info = resources.networks.info
    gathered = result_of(gather(loaded, path.name, settings, resources, whole))
    in_set = analyse_set(gather_mapset(whole, frozenset({path}), settings)) if whole else None
    return evaluate_map(
        lambda beatmap, name: analyse_beatmap(beatmap, settings, resources, name, whole),
        loaded,
        planting,
        model=info.id if info else "none",
        untouched=(
            analyse(gathered, path.name, settings),
            analyse(gathered, path.name, settings, in_set).report.findings,
        ),
    )


def run(
    paths: Sequence[Path],
    settings: Settings,
    planting: Planting,
    *,
    jobs: int = 1,
    split: str = "",
    report: Callable[[int, Path], None] = lambda done, path: None,
) -> Evaluation:
    """Evaluate beatmap files in `jobs` processes.

    Args:
        paths: beatmaps.
        settings: of the lint.
        planting: what to plant in each.
        jobs: number of processes.
        split: name of the maps, for the report.
        report: called with the number of maps done and the last of them.

    Raises:
        UsageError: if a process ends by itself.
    """
    work = partial(evaluate_file, settings, planting)
    parts = []
    for done, (path, part) in enumerate(map_in_processes(work, paths, jobs), start=1):
        parts.append(part)
        report(done, path)
    return merged(parts, split)


def to_json(done: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON values, with its main figures by mode."""
    figures = {
        mode: {name: asdict(found) for name, found in summary(done.of_mode(mode)).items()}
        for mode in done.modes
        if done.of_mode(mode).trials
    }
    return dict(plain({**asdict(done), "figures": figures}))


def read(path: Path) -> Evaluation:
    """Read an evaluation.

    Raises:
        UsageError: if the file cannot be read, or is no evaluation.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evaluation)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from None
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: not written by maimod evaluate --json ({error})") from None
