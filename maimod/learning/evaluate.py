"""Measure the detectors: plant known mistakes in good maps, lint, and count what is found and what is cried wolf about.

Two numbers belong together. For each kind, dose and mode of mistake: how often a finding leads to it, how high that finding ranks
in its map, and whether its category is right. For untouched maps: findings per minute. Ranked maps are taken to be right, so
findings on them count as false, although some are not.

`python -m maimod.learning.evaluate SONGS --model DIR --faults unsnapped,missing-object --maps 20 --seed 1 --markdown out.md`
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from maimod import reader
from maimod.audio import AudioError
from maimod.beatmap import Beatmap, Mode
from maimod.findings import BeatmapReport, Finding, Severity
from maimod.learning.faults import FAULTS, Fault, Planted, select
from maimod.linter import Linter, load_model
from maimod.onsets import OnsetEnvelope
from maimod.reader import BeatmapError
from maimod.settings import Settings

TOP = (5, 10, 20)
"""Recall is counted among this many findings of a map, best first: what a mapper reads before giving up."""
NEAR_BEATS = 1.0
NEAR_OBJECTS = 1
"""A finding leads to the mistake if it is this close to it, in time or in objects."""
NEAR_MS = (200.0, 1_000.0)
"""Bounds of a beat, for maps whose BPM is written twice or half as fast."""
LONG_FINDING_MS = 10_000.0
"""A finding about a longer stretch does not lead to a single object in it."""
APART_MS = 20_000.0
"""Between mistakes that share a copy."""
PLACES_TRIED = 20


@dataclass(frozen=True, slots=True)
class Trial:
    """One mistake in one map, and what became of it."""

    map: str
    mode: str
    kind: str
    dose: str
    note: str
    time: float
    """Where it starts, ms."""
    rank: int | None
    """Of the best finding that leads to it, 1 for the highest score in the map; None if it was missed."""
    right_rank: int | None
    """Of the best such finding of a right category."""
    rule: str = ""
    """Of the best finding of a right category, or of any."""
    score: float = 0.0
    """Of the same."""
    was_there: bool = False
    """Whether the untouched map has a finding of a right category at this place, so that this one may be luck."""
    n_findings: int = 0
    """In the changed map."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding on a map that is taken to be right."""

    rule: str
    severity: str
    score: float = 0.0
    timestamp: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Untouched:
    """What is reported of a map as it is."""

    map: str
    mode: str
    minutes: float
    """From the first object to the last, without breaks."""
    alarms: tuple[Alarm, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was measured."""

    seed: int
    model: str
    trials: tuple[Trial, ...] = ()
    untouched: tuple[Untouched, ...] = ()
    no_place: tuple[tuple[str, str], ...] = ()
    """(fault, mode) for each map that offers no place for it."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Trials of one kind, dose and mode, counted."""

    kind: str
    dose: str
    mode: str
    n: int
    found: float
    """Share with a finding that leads there."""
    right: float
    """Share with one of a right category."""
    right_at: tuple[float, ...]
    """The same among the `TOP` findings of the map."""
    median_rank: float | None
    """Of the right findings."""
    was_there: float
    """Share where the untouched map had such a finding already: recall by luck."""


# ---------------------------------------------------------------------------------------------------------------------
# Which maps


def sources(folder: Path, mode: Mode | None = None, manifest: Path | None = None, seed: int = 0, *, per_song: int = 1,
            unranked: bool = False, accept: Callable[[Path], bool] = lambda folder: True) -> list[Path]:
    """Pick beatmaps of different songs, in an order that depends on the seed alone.

    Args:
        folder: a Songs folder.
        mode: only maps of this mode; None picks of each mode.
        manifest: JSON lines that tell `map` (path below the manifest's folder), `mode`, `song_group`, `ranked` and `aligned`;
            only ranked maps that fit their song are picked. Without it every map with a song is picked from, by mapset folder.
        seed: chooses.
        per_song: maps of one mode and song; the first maps are those of different songs.
        unranked: with a manifest, whether maps that fit their song will do if they are not ranked.
        accept: of a mapset folder; a song with a folder that is not accepted is left out altogether.
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
        for path in reader.find_beatmaps(folder):
            if accept(path.parent) and (found := _mode_with_song(path)) is not None:
                songs[path.parent.name, found].append(path)

    def lot(*parts: object) -> int:
        return zlib.crc32("|".join(map(str, (seed, *parts))).encode())

    picked = [(place, lot(song, number), path) for (song, number), paths in songs.items()
              if song not in refused and mode in (None, number)
              for place, path in enumerate(sorted(paths, key=lambda path: (lot(path.name), path.name))[:per_song])]
    return [path for _, _, path in sorted(picked)]


def _mode_with_song(path: Path) -> int | None:
    try:
        loaded = reader.load(path)
    except BeatmapError:
        return None
    return int(loaded.mode) if reader.find_audio(loaded) else None


# ---------------------------------------------------------------------------------------------------------------------
# Hits


def leads_to(finding: Finding, planted: Planted) -> bool:
    """Whether a reader of `finding` would come across the mistake."""
    red = planted.beatmap.red_line_at(planted.start)
    near = NEAR_BEATS * min(max(red.beat_length, NEAR_MS[0]), NEAR_MS[1])
    low, high = planted.start - near, planted.end + near
    end_time = finding.time if finding.end_time is None else finding.end_time
    if not planted.is_local:
        return finding.time <= high and end_time >= low
    if finding.objects and planted.objects and min(finding.objects) <= planted.objects[-1] + NEAR_OBJECTS \
            and max(finding.objects) >= planted.objects[0] - NEAR_OBJECTS and len(finding.objects) <= len(planted.objects) + 8:
        return True
    if end_time - finding.time > LONG_FINDING_MS:
        end_time = finding.time
    return finding.time <= high and end_time >= low


def judge(planted: Planted, fault: Fault, findings: Sequence[Finding], before: Sequence[Finding], name: str) -> Trial:
    """Look for the mistake among the findings of the changed map.

    Args:
        planted: the mistake.
        fault: its kind.
        findings: of the changed map, less those that lead to other mistakes planted in it.
        before: of the untouched map.
        name: of the map.
    """
    ranked = sorted(findings, key=lambda f: (-f.score, f.time, f.rule))
    hits = [(rank, f) for rank, f in enumerate(ranked, start=1) if leads_to(f, planted)]
    right = [(rank, f) for rank, f in hits if fault.is_right(f.rule)]
    # A section that is wrong holds many findings by chance: only those that say so count.
    hits = hits if planted.is_local else right
    best = next((f for _, f in [*right, *hits]), None)
    was_there = any(fault.is_right(f.rule) and leads_to(f, planted) for f in before)
    return Trial(name, planted.beatmap.mode.label, fault.kind, fault.dose, planted.note, planted.start,
                 hits[0][0] if hits else None, right[0][0] if right else None, best.rule if best else "",
                 best.score if best else 0.0, was_there, len(findings))


# ---------------------------------------------------------------------------------------------------------------------
# Running


def _quiet(text: str) -> None:
    pass


def evaluate(linter: Linter, maps: Iterable[Beatmap], faults: Sequence[Fault] = FAULTS, seed: int = 0, *,
             max_maps: int | None = None, per_fault: int | None = None, together: int = 1,
             tell: Callable[[str], None] = _quiet) -> Evaluation:
    """Plant each fault in each map, one at a time, and lint the copies.

    Args:
        linter: with or without a model.
        maps: taken to be right.
        faults: what to plant.
        seed: chooses the places; a map, kind and seed give the same place whatever else is evaluated.
        max_maps: stop after so many maps.
        per_fault: plant each fault in so many maps of a mode at most.
        together: plant up to so many different local mistakes in one copy, `APART_MS` apart, which takes fewer lints;
            each is then ranked as if the findings about the others were not there.
        tell: told what is done.
    """
    trials: list[Trial] = []
    untouched: list[Untouched] = []
    no_place: list[tuple[str, str]] = []
    planted_in: Counter[tuple[str, Mode]] = Counter()
    for number, loaded in enumerate(maps):
        if number == max_maps:
            break
        began = time.monotonic()
        name = f"{loaded.path.parent.name}/{loaded.path.name}"
        wanted = [fault for fault in faults if loaded.mode in fault.modes
                  and (per_fault is None or planted_in[fault.name, loaded.mode] < per_fault)]
        report = linter.lint_beatmap(loaded, name)
        untouched.append(_untouched(name, loaded, report))
        envelope = _envelope(linter, loaded)
        copies = _copies(loaded, wanted, seed, envelope, together)
        for copy in copies:
            findings = linter.lint_beatmap(copy[-1][1].beatmap, name).findings
            for fault, planted in copy:
                others = [other for _, other in copy if other is not planted]
                own = [f for f in findings if leads_to(f, planted) or not any(leads_to(f, other) for other in others)]
                trials.append(judge(planted, fault, own, report.findings, name))
                planted_in[fault.name, loaded.mode] += 1
        planted_names = {fault.name for copy in copies for fault, _ in copy}
        no_place += [(fault.name, loaded.mode.label) for fault in wanted if fault.name not in planted_names]
        seconds = time.monotonic() - began
        tell(f"{number + 1}: {name[:80]}: {len(planted_names)} mistakes in {len(copies)} copies, {seconds:.0f} s")
    model = linter.model.info.id if linter.model else "none"
    return Evaluation(seed, model, tuple(trials), tuple(untouched), tuple(no_place))


def _envelope(linter: Linter, loaded: Beatmap) -> OnsetEnvelope | None:
    path = reader.find_audio(loaded)
    try:
        return linter.song(path).envelope if path else None
    except AudioError:
        return None


def _untouched(name: str, loaded: Beatmap, report: BeatmapReport) -> Untouched:
    alarms = tuple(Alarm(f.rule, f.severity.value, f.score, f.timestamp, f.message) for f in report.findings)
    return Untouched(name, loaded.mode.label, loaded.drain_ms / 60_000, alarms)


def _copies(loaded: Beatmap, faults: Sequence[Fault], seed: int, envelope: OnsetEnvelope | None,
            together: int) -> list[list[tuple[Fault, Planted]]]:
    """Changed maps, each a list of the mistakes in it; the map of the last one has them all."""
    copies: list[list[tuple[Fault, Planted]]] = []
    for fault in faults:
        # The dose is left out: all doses of a kind take one place.
        random = np.random.default_rng([seed, zlib.crc32(f"{loaded.path.name}|{fault.kind}".encode())])
        if together > 1 and any(_add(copy, fault, random, envelope, together) for copy in copies):
            continue
        planted = fault.inject(loaded, random, envelope)
        if planted is not None:
            copies.append([(fault, planted)])
    return copies


def _add(copy: list[tuple[Fault, Planted]], fault: Fault, random: np.random.Generator, envelope: OnsetEnvelope | None,
         together: int) -> bool:
    """Plant one more mistake in a copy if it stays away from the others."""
    if len(copy) >= together or any(fault.kind == f.kind or not p.is_local for f, p in copy):
        return False
    before = copy[-1][1].beatmap
    for _ in range(PLACES_TRIED):
        planted = fault.inject(before, random, envelope)
        if planted is None or not planted.is_local:
            return False
        if all(planted.start - p.end >= APART_MS or p.start - planted.end >= APART_MS for _, p in copy):
            added = len(planted.beatmap.hit_objects) - len(before.hit_objects)
            for place, (other, p) in enumerate(copy):
                objects = tuple(i + added * (p.start > planted.start) for i in p.objects)
                copy[place] = other, replace(p, beatmap=planted.beatmap, objects=objects)
            copy.append((fault, planted))
            return True
    return False


# ---------------------------------------------------------------------------------------------------------------------
# Counting


def recalls(trials: Iterable[Trial], by_mode: bool = True) -> list[Recall]:
    """Count trials by kind, dose and mode, in the order of `FAULTS`."""
    grouped: dict[tuple[str, str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        grouped[trial.kind, trial.dose, trial.mode if by_mode else "all"].append(trial)
    order = {(fault.kind, fault.dose): place for place, fault in enumerate(FAULTS)}
    modes = [mode.label for mode in Mode] + ["all"]
    return [_recall(*key, grouped[key]) for key in sorted(grouped, key=lambda k: (modes.index(k[2]), order.get(k[:2], -1)))]


def _recall(kind: str, dose: str, mode: str, trials: Sequence[Trial]) -> Recall:
    n = len(trials)
    ranks = [t.right_rank for t in trials if t.right_rank is not None]
    return Recall(kind, dose, mode, n, sum(t.rank is not None for t in trials) / n, len(ranks) / n,
                  tuple(sum(rank <= top for rank in ranks) / n for top in TOP), median(ranks) if ranks else None,
                  sum(t.was_there for t in trials) / n)


def per_minute(untouched: Sequence[Untouched], key: Callable[[Alarm], str]) -> dict[str, float]:
    """Findings per minute of play, by what `key` makes of them; the most frequent first."""
    minutes = sum(u.minutes for u in untouched)
    counts = Counter(key(alarm) for u in untouched for alarm in u.alarms)
    return {name: count / max(minutes, 1e-9) for name, count in counts.most_common()}


def markdown(evaluation: Evaluation) -> str:
    """The tables of the model card."""
    lines = [f"Seed {evaluation.seed}, model {evaluation.model}, {len(evaluation.untouched)} maps, "
             f"{len(evaluation.trials)} planted mistakes.", "",
             "## Planted mistakes", "",
             "*found*: a finding leads there; *right*: one of a right category, of any rank and among the first of its map; "
             "*there*: the untouched map has such a finding at the same place.", "",
             "| " + " | ".join(["mode", "mistake", "dose", "n", "found", "right", *(f"top {top}" for top in TOP), "median rank",
                                "there"]) + " |",
             "|---|---|---|--:|--:|--:|" + "--:|" * len(TOP) + "--:|--:|"]
    for r in recalls(evaluation.trials):
        cells = [r.mode, r.kind, r.dose, str(r.n), f"{r.found:.0%}", f"{r.right:.0%}", *(f"{share:.0%}" for share in r.right_at),
                 "" if r.median_rank is None else f"{r.median_rank:g}", f"{r.was_there:.0%}"]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Untouched maps", "", "Findings per minute of play, and the share of maps without any.", "",
              "| mode | maps | minutes | " + " | ".join(Severity) + " | without problems | without warnings |",
              "|---|--:|--:|" + "--:|" * (len(Severity) + 2)]
    modes = [mode.label for mode in Mode if any(u.mode == mode.label for u in evaluation.untouched)]
    for mode in [*modes, *(["all"] if len(modes) > 1 else [])]:
        own = [u for u in evaluation.untouched if mode in (u.mode, "all")]
        rates = per_minute(own, lambda alarm: alarm.severity)
        clean = [sum(all(Severity(alarm.severity).rank > worst.rank for alarm in u.alarms) for u in own) / len(own)
                 for worst in (Severity.PROBLEM, Severity.WARNING)]
        cells = [mode, str(len(own)), f"{sum(u.minutes for u in own):.1f}", *(f"{rates.get(s, 0.0):.2f}" for s in Severity),
                 *(f"{share:.0%}" for share in clean)]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| rule | " + " | ".join(f"{s} a minute" for s in Severity) + " | maps with it | most in a map |",
              "|---|" + "--:|" * (len(Severity) + 2)]
    rates = per_minute(evaluation.untouched, lambda alarm: f"{alarm.rule} {alarm.severity}")
    for rule in per_minute(evaluation.untouched, lambda alarm: alarm.rule):
        counts = [sum(alarm.rule == rule for alarm in u.alarms) for u in evaluation.untouched]
        cells = [rule, *(f"{rates.get(f'{rule} {s}', 0.0):.2f}" for s in Severity), str(sum(map(bool, counts))), str(max(counts))]
        lines.append("| " + " | ".join(cells) + " |")
    if evaluation.no_place:
        missing = Counter(f"{name} ({mode})" for name, mode in evaluation.no_place)
        lines += ["", "No place for: " + ", ".join(f"{name} in {count}" for name, count in missing.most_common()) + " maps."]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------------------------------------------------------------
# Command line, until `maimod evaluate` takes over


@dataclass(frozen=True, slots=True)
class _Job:
    """A share of the maps for one process."""

    paths: tuple[Path, ...]
    model: str | None
    faults: tuple[str, ...]
    seed: int
    per_fault: int | None
    together: int

    def run(self) -> Evaluation:
        settings = Settings(model=self.model)
        linter = Linter(settings, load_model(settings) if self.model else None)
        names = set(self.faults)
        chosen = [fault for fault in FAULTS if fault.name in names]
        loaded = (reader.load(path) for path in self.paths)
        return evaluate(linter, loaded, chosen, self.seed, per_fault=self.per_fault, together=self.together,
                        tell=lambda text: print(text, file=sys.stderr, flush=True))


def run(paths: Sequence[Path], model: str | None, faults: Sequence[Fault] = FAULTS, seed: int = 0, *,
        per_fault: int | None = None, together: int = 1, jobs: int = 1) -> Evaluation:
    """Evaluate beatmap files in `jobs` processes, each with its own `model`; the rest as for :func:`evaluate`."""
    names = tuple(fault.name for fault in faults)
    shares = [_Job(tuple(paths[i::jobs]), model, names, seed, per_fault and math.ceil(per_fault / jobs), together)
              for i in range(jobs)]
    if jobs == 1:
        parts = [shares[0].run()]
    else:
        with multiprocessing.get_context("spawn").Pool(jobs) as pool:
            parts = pool.map(_Job.run, shares, chunksize=1)
    return Evaluation(parts[0].seed, parts[0].model, tuple(t for p in parts for t in p.trials),
                      tuple(u for p in parts for u in p.untouched), tuple(n for p in parts for n in p.no_place))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m maimod.learning.evaluate",
                                     description="Plant known mistakes in good maps and count what is found.")
    parser.add_argument("songs", type=Path, help="a Songs folder of good maps")
    parser.add_argument("--manifest", type=Path, help="JSON lines about the maps; only ranked ones that fit their song are used")
    parser.add_argument("--model", default="maimod-mini", help="bundled name or checkpoint folder")
    parser.add_argument("--no-model", action="store_true", help="arithmetic and the song only: fast")
    parser.add_argument("--faults", default="", help="kinds, kind:dose or categories, with commas; all by default")
    parser.add_argument("--mode", choices=[mode.label for mode in Mode])
    parser.add_argument("--maps", type=int, default=20)
    parser.add_argument("--per-song", type=int, default=1)
    parser.add_argument("--unranked", action="store_true", help="with a manifest, maps that are not ranked as well")
    parser.add_argument("--per-fault", type=int, help="plant each fault in so many maps of a mode at most")
    parser.add_argument("--together", type=int, default=1, help="local mistakes planted in one copy")
    parser.add_argument("--held-out", action="store_true", help="only mapset folders that `maimod train` holds out of training")
    parser.add_argument("--untouched", action="store_true", help="plant nothing, only lint the maps as they are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--markdown", type=Path, help="write the tables here; else to stdout")
    parser.add_argument("--json", type=Path, help="write every trial here")
    options = parser.parse_args(arguments)
    try:
        faults = () if options.untouched else select(filter(None, options.faults.split(",")))
    except ValueError as error:
        parser.error(str(error))
    if options.held_out:
        from maimod.learning.corpus import is_development

        accept = is_development
    else:
        def accept(folder: Path) -> bool:
            return True
    mode = Mode[options.mode.upper()] if options.mode else None
    paths = sources(options.songs, mode, options.manifest, options.seed, per_song=options.per_song, unranked=options.unranked,
                    accept=accept)[:options.maps]
    if not paths:
        parser.error(f"{options.songs}: no map to plant mistakes in")
    evaluation = run(paths, None if options.no_model else options.model, faults, options.seed, per_fault=options.per_fault,
                     together=options.together, jobs=min(options.jobs, len(paths)))
    if options.json:
        options.json.write_text(json.dumps(asdict(evaluation), indent=1), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(markdown(evaluation), encoding="utf-8")
    else:
        print(markdown(evaluation), end="")


if __name__ == "__main__":
    main()
