"""Evaluate the rules: plant known mistakes in good maps, lint, and count hits and false alarms.

For each kind, dose and mode of mistake: how often a finding points at it, how high that finding ranks in its map, and
whether its category is right. For untouched maps: findings per minute. Ranked maps are assumed to have no mistakes, so
all findings on them count as false, although some are real. Tables are made in :mod:`maimod.training.metrics`.
"""

from __future__ import annotations

import json
import platform
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from maimod.audio.onsets import OnsetEnvelope
from maimod.errors import BeatmapError, UsageError
from maimod.findings import BeatmapReport, Finding
from maimod.linter.gather import Resources, read_sets
from maimod.linter.models import load_networks
from maimod.linter.pipeline import Analysis
from maimod.linter.session import analyse_beatmap
from maimod.linter.settings import Settings
from maimod.osu import discovery, parser
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.mapset import Mapset
from maimod.training.faults import FAULTS, Copy, Fault, Planted, select
from maimod.training.faults.copies import added
from maimod.training.metrics import Alarm, Evaluation, Trial, Untouched
from maimod.training.processes import map_in_processes
from maimod.training.upstream_score import suggestions

NEAR_BEATS = 1.0
NEAR_OBJECTS = 1
"""A finding points at the mistake if it is this close to it, in time or in objects."""
NEAR_MS = (200.0, 1_000.0)
"""Bounds of a beat in ms, for maps with a doubled or halved BPM."""
LONG_FINDING_MS = 10_000.0
"""A finding about a longer section does not point at a single object in it."""
APART_MS = 20_000.0
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
        accept: whether to use a mapset folder; a song with a folder that is not accepted is left out.
    """
    songs: dict[tuple[str, int], list[Path]] = defaultdict(list)
    refused: set[str] = set()
    if manifest is not None:
        root = folder.resolve()
        for line in manifest.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            path = manifest.parent / entry["map"]
            if not path.resolve().is_relative_to(root):
                continue
            if not accept(path.parent):
                refused.add(str(entry["song_group"]))
            if (entry["ranked"] or unranked) and entry["aligned"]:
                songs[str(entry["song_group"]), int(entry["mode"])].append(path)
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


def _mode_with_song(path: Path) -> int | None:
    try:
        loaded = parser.load(path)
    except BeatmapError:
        return None
    return int(loaded.mode) if parser.find_audio(loaded) else None


# ---------------------------------------------------------------------------------------------------------------------
# Hits


def leads_to(finding: Finding, planted: Planted) -> bool:
    """Whether `finding` points at the mistake."""
    red = planted.beatmap.red_line_at(planted.start)
    near = NEAR_BEATS * min(max(red.beat_length, NEAR_MS[0]), NEAR_MS[1])
    low, high = planted.start - near, planted.end + near
    end_time = finding.time if finding.end_time is None else finding.end_time
    if not planted.is_local:
        return finding.time <= high and end_time >= low
    if (
        finding.objects
        and planted.objects
        and min(finding.objects) <= planted.objects[-1] + NEAR_OBJECTS
        and max(finding.objects) >= planted.objects[0] - NEAR_OBJECTS
        and len(finding.objects) <= len(planted.objects) + 8
    ):
        return True
    if end_time - finding.time > LONG_FINDING_MS:
        end_time = finding.time
    return finding.time <= high and end_time >= low


def judge(
    planted: Planted,
    fault: Fault,
    findings: Sequence[Finding],
    before: Sequence[Finding],
    name: str,
    plain: Sequence[Finding] = (),
) -> Trial:
    """Search the findings of the changed map for the mistake.

    Args:
        planted: the mistake.
        fault: its kind.
        findings: of the changed map, without those that point at other mistakes planted in it.
        before: of the untouched map.
        name: of the map.
        plain: suggestions of the plain score for the changed map, best first, without those that point at other
            mistakes.
    """
    ranked = sorted(findings, key=lambda f: (-f.score, f.time, f.rule))
    hits = [(rank, f) for rank, f in enumerate(ranked, start=1) if leads_to(f, planted)]
    right = [(rank, f) for rank, f in hits if fault.is_right(f.rule)]
    # A wrong section contains many findings by chance: only findings about the section count.
    hits = hits if planted.is_local else right
    best = next((f for _, f in [*right, *hits]), None)
    was_there = any(fault.is_right(f.rule) and leads_to(f, planted) for f in before)
    return Trial(
        name,
        planted.beatmap.mode.label,
        fault.kind,
        fault.dose,
        planted.note,
        planted.start,
        hits[0][0] if hits else None,
        right[0][0] if right else None,
        best.rule if best else "",
        best.score if best else 0.0,
        was_there,
        len(findings),
        next((rank for rank, f in enumerate(plain, start=1) if fault.is_right(f.rule) and leads_to(f, planted)), None),
        _chance(planted),
    )


def _chance(planted: Planted) -> float:
    """Share of the objects that point at the mistake; 0 for mistakes of a section or the whole map."""
    if not planted.is_local:
        return 0.0
    red = planted.beatmap.red_line_at(planted.start)
    near = NEAR_BEATS * min(max(red.beat_length, NEAR_MS[0]), NEAR_MS[1])
    objects = planted.beatmap.hit_objects
    return sum(planted.start - near <= o.time <= planted.end + near for o in objects) / max(len(objects), 1)


# ---------------------------------------------------------------------------------------------------------------------
# Running


def evaluate_map(
    analyse: Callable[[Beatmap, str], Analysis],
    loaded: Beatmap,
    faults: Sequence[Fault] = FAULTS,
    seed: int = 0,
    *,
    together: int = 1,
    model: str = "none",
    analysed: Callable[[Analysis, Copy], None] | None = None,
) -> Evaluation:
    """Plant each fault in a map and lint the copies.

    Args:
        analyse: called with the map or a changed copy and its name.
        loaded: assumed to have no mistakes.
        faults: what to plant.
        seed: chooses the places; map, kind and seed give the same place in every evaluation.
        together: plant up to this many different local mistakes in one copy, `APART_MS` apart, which takes fewer lints;
            each is ranked without the findings about the others.
        model: the model in use.
        analysed: called for the untouched map, without mistakes, and for every copy with its mistakes.
    """
    name = f"{loaded.path.parent.name}/{loaded.path.name}"
    wanted = [fault for fault in faults if loaded.mode in fault.modes]
    before = analyse(loaded, name)
    if analysed:
        analysed(before, Copy(loaded))
    copies = plant(loaded, wanted, seed, before.evidence.envelope, together)
    trials = []
    for copy in copies:
        after = analyse(copy.beatmap, name)
        if analysed:
            analysed(after, copy)
        plain = suggestions(after.evidence.scores or (), loaded.mode)
        for fault, planted in copy.mistakes:
            others = [other for _, other in copy.mistakes if other is not planted]
            own, own_plain = (
                [f for f in found if leads_to(f, planted) or not any(leads_to(f, other) for other in others)]
                for found in (after.report.findings, plain)
            )
            trials.append(judge(planted, fault, own, before.report.findings, name, own_plain))
    planted_names = {fault.name for copy in copies for fault, _ in copy.mistakes}
    return Evaluation(
        seed,
        model,
        tuple(trials),
        (_untouched(name, loaded, before.report),),
        tuple((fault.name, loaded.mode.label) for fault in wanted if fault.name not in planted_names),
    )


def merged(parts: Sequence[Evaluation], split: str = "") -> Evaluation:
    """Combine evaluations, with the versions of maimod and the libraries."""
    versions = [
        ("maimod", version("maimod")),
        ("Python", platform.python_version()),
        *((name, version(name)) for name in ("numpy", "torch", "soundfile")),
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


def _untouched(name: str, loaded: Beatmap, report: BeatmapReport) -> Untouched:
    alarms = tuple(Alarm(f.rule, f.severity.value, f.score, f.timestamp, f.message) for f in report.findings)
    return Untouched(name, loaded.mode.label, loaded.drain_ms / 60_000, alarms)


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


def evaluate_file(settings: Settings, faults: Sequence[str], seed: int, together: int, path: Path) -> Evaluation:
    """:func:`evaluate_map` of a beatmap file; `faults` are names."""
    resources, whole = evaluation_resources(settings), set_of(path)
    info = resources.networks.info
    return evaluate_map(
        lambda beatmap, name: analyse_beatmap(beatmap, settings, resources, name, whole),
        parser.load(path),
        [fault for fault in FAULTS if fault.name in faults],
        seed,
        together=together,
        model=info.id if info else "none",
    )


def run(
    paths: Sequence[Path],
    settings: Settings,
    faults: Sequence[Fault] = FAULTS,
    seed: int = 0,
    *,
    together: int = 1,
    jobs: int = 1,
    split: str = "",
    report: Callable[[int, Path], None] = lambda done, path: None,
) -> Evaluation:
    """Evaluate beatmap files in `jobs` processes.

    Args:
        paths: beatmaps.
        settings: of the lint.
        faults: what to plant.
        seed: chooses the places.
        together: as for :func:`evaluate_map`.
        jobs: number of processes.
        split: name of the maps, for the report.
        report: called with the number of maps done and the last of them.

    Raises:
        UsageError: if a process ends by itself.
    """
    work = partial(evaluate_file, settings, [fault.name for fault in faults], seed, together)
    parts = []
    for done, (path, part) in enumerate(map_in_processes(work, paths, jobs), start=1):
        parts.append(part)
        report(done, path)
    return merged(parts, split)


def command(
    songs: Path,
    settings: Settings,
    *,
    manifest: Path | None,
    mode: str | None,
    maps: int,
    seed: int,
    faults: str,
    together: int,
    jobs: int,
    unranked: bool,
    held_out: bool,
    json_file: Path | None,
    markdown_file: Path | None,
    report: Callable[[str], None],
) -> None:
    """Run `maimod evaluate`; its help describes the arguments.

    Raises:
        UsageError: if a fault is unknown, or there is no map to plant it in.
    """
    from maimod.training.corpus import GENERATOR_HELD_OUT, is_held_out
    from maimod.training.metrics import markdown

    try:
        chosen = () if faults == "none" else select(name.strip() for name in faults.split(",") if name.strip())
    except ValueError as error:
        raise UsageError(str(error)) from None
    paths = sources(
        songs,
        Mode[mode.upper()] if mode else None,
        manifest,
        seed,
        unranked=unranked,
        accept=partial(is_held_out, share=GENERATOR_HELD_OUT) if held_out else lambda folder: True,
    )[:maps]
    if not paths:
        raise UsageError(f"{songs}: no map with a song to plant mistakes in")
    began = time.monotonic()

    def report_map(done: int, path: Path) -> None:
        left = (time.monotonic() - began) / done * (len(paths) - done)
        report(f"{done} of {len(paths)}, about {left / 60:.0f} min left: {path.parent.name[:40]}/{path.name[-40:]}")

    split = f" of {songs.name}" + (", ranked" if manifest and not unranked else "") + (", held out" if held_out else "")
    done = run(paths, settings, chosen, seed, together=together, jobs=jobs, split=split, report=report_map)
    if json_file:
        json_file.write_text(json.dumps(asdict(done), indent=1), encoding="utf-8")
    text = markdown(done)
    if markdown_file:
        markdown_file.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
