"""Real corrections: are the places that a mapper changed later among the findings on the version before?

A folder of pairs has a folder for each pair with `before/map.osu`, `after/map.osu`, the song in both if there is one, and
`changes.json` (:mod:`maimod.training.differences`); `maimod pairs` makes them. A finding is right for a place if its
category is one of the place's and it lies within 60 ms of it. One about a section of more than 10 s, such as a part without
hitsounds, is right only where the section begins; places that it covers are counted apart. Stretches that were mapped anew
are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from maimod.errors import BeatmapError, UsageError
from maimod.events.schema import ANCHORS, EventKind, EventScore
from maimod.findings import Finding
from maimod.linter.session import analyse_beatmap
from maimod.linter.settings import Settings
from maimod.osu import parser
from maimod.osu.beatmap import PLAYFIELD_MODES, Beatmap, Mode
from maimod.rules.evidence import Evidence
from maimod.training.differences import Differences, Place
from maimod.training.evaluate import evaluation_resources, set_of
from maimod.training.hits import Span, in_map, is_near, mean_rank
from maimod.training.metrics import Figure, draws, figure, mean_over_maps
from maimod.training.processes import map_in_processes

TOP = 20
SAME_MS = 3.0
READERS = ("generator", "proofreader")
K = EventKind


class Group(NamedTuple):
    """Kinds of change that the networks see in the same way."""

    kinds: tuple[str, ...]
    events: tuple[EventKind, ...]
    """Of the generator, that show them."""
    corruptions: tuple[str, ...]
    """Of the proofreader, that are like them."""


GROUPS = {
    "new combo": Group(("new combo",), (K.NEW_COMBO,), ("combo",)),
    "hitsound": Group(("hitsound", "sample set"), (K.HITSOUND,), ("addition", "sample_set")),
    "added": Group(("object added",), (K.TIME,), ("missing",)),
    "removed": Group(("object removed",), (K.TIME, K.CIRCLE, K.SLIDER_HEAD, K.HOLD_NOTE), ("extra",)),
    "position": Group(("position",), (K.DISTANCE, K.POS_X, K.POS_Y, K.POS, K.COLUMN), ("place",)),
    "shape": Group(("slider shape",), (*ANCHORS, K.LAST_ANCHOR), ("shape",)),
    "length": Group(("slider length",), (K.SLIDER_END, K.TIME), ("length",)),
}
"""By name, for the percentiles."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A place that the mapper changed later."""

    pair: str
    mode: str
    time: float
    kinds: tuple[str, ...]
    rank: float | None
    """Of the best right finding on the version before; None if there is none."""
    rule: str = ""
    """Of that finding."""
    chance: float = 0.0
    """Share of the map's objects at which a place of this kind and length would have a right finding among the `TOP`."""
    gone: bool | None = None
    """Whether the version after has no finding of that rule there; None without a finding."""
    in_section: bool = False
    """Whether no right finding is there, but one of the `TOP` is about a longer section around it."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """How a network sees a corrected place, against the other objects of its map."""

    pair: str
    group: str
    """Of `GROUPS`."""
    reader: str
    """Of `READERS`."""
    value: float
    """Share of the other places that look less wrong; 0.5 is chance."""


@dataclass(frozen=True, slots=True)
class PairResult:
    """Results for one pair."""

    name: str
    places: tuple[Corrected, ...] = ()
    percentiles: tuple[Percentile, ...] = ()
    elsewhere: int = 0
    """Findings on the version before that are at none of its corrected places."""
    elsewhere_gone: int = 0
    """Those of them that the version after does not have."""
    only_hitsounds: bool = False
    """Whether the difficulty only collects hitsounds, and is not for playing."""


def pairs_in(folder: Path) -> list[Path]:
    """The folders of the pairs.

    Raises:
        UsageError: if there is none.
    """
    found = sorted(path.parent for path in folder.glob("*/changes.json"))
    if not found:
        raise UsageError(f"{folder}: no folder with changes.json; maimod pairs makes them")
    return found


def read_changes(path: Path) -> Differences:
    """Read `changes.json`.

    Raises:
        UsageError: if it cannot be used.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Differences)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from None
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: not a list of changes ({error})") from None


# ---------------------------------------------------------------------------------------------------------------------
# One pair


def examine(
    name: str, changed: Differences, before: Evidence, found: Sequence[Finding], after: Sequence[Finding]
) -> PairResult:
    """Look for the corrected places among the findings on the version before.

    Args:
        name: of the pair.
        changed: what changed.
        before: the evidence about the version before.
        found: findings on the version before.
        after: findings on the version after.
    """
    found, after = in_map(found), in_map(after)
    places = [place for place in changed.places if not place.remap and place.categories]
    elsewhere = [f for f in found if not is_near(f, [(place.t0, place.t1) for place in changed.places])]
    return PairResult(
        name,
        tuple(_corrected(name, place, before.beatmap, found, after) for place in places),
        tuple(_percentiles(name, places, before)),
        len(elsewhere),
        sum(not _still_there(f, (f.time, f.time), after) for f in elsewhere),
        changed.hitsound_difficulty,
    )


def _corrected(
    name: str, place: Place, beatmap: Beatmap, found: Sequence[Finding], after: Sequence[Finding]
) -> Corrected:
    scores = [f.score for f in found]
    ranks = {id(f): mean_rank(f.score, scores) for f in found if f.category in place.categories}
    right = [f for f in found if id(f) in ranks and is_near(f, [(place.t0, place.t1)])]
    best = min(right, key=lambda f: ranks[id(f)], default=None)
    first = [f for f in found if ranks.get(id(f), math.inf) <= TOP]
    length = place.t1 - place.t0
    by_chance = [any(is_near(f, [(o.time, o.time + length)]) for f in first) for o in beatmap.hit_objects]
    return Corrected(
        name,
        beatmap.mode.label,
        place.t0,
        place.kinds,
        ranks[id(best)] if best else None,
        best.rule if best else "",
        sum(by_chance) / max(len(by_chance), 1),
        None if best is None else not _still_there(best, place.after, after),
        best is None and any(is_near(f, [(place.t0, place.t1)], whole=True) for f in first),
    )


def _still_there(finding: Finding, place: Span, after: Sequence[Finding]) -> bool:
    return any(f.rule == finding.rule and is_near(f, [place]) for f in after)


def _percentiles(name: str, places: Sequence[Place], evidence: Evidence) -> Iterator[Percentile]:
    """The mean percentile of the changed objects of each place, by group and reader."""
    for name_of_group, group in GROUPS.items():
        if not any(set(group.kinds) & set(place.kinds) for place in places):
            continue
        for reader in READERS:
            by = _by_generator if reader == "generator" else _by_proofreader
            seen = by(evidence, group)
            if seen is None:
                continue
            for place in places:
                times = sorted({change.bt for change in place.changes if change.kind in group.kinds})
                values = [percentile for time in times if (percentile := seen(time)) is not None]
                if values:
                    yield Percentile(name, name_of_group, reader, float(np.mean(values)))


Seen = Callable[[float], float | None]


def _percentile_at(times: np.ndarray, values: np.ndarray, is_next: bool = False) -> Seen:
    """Percentile of the value at a time among all values; equal values count half.

    Args:
        times: of the values [ms], ascending.
        values: larger looks more wrong.
        is_next: take the first value after the time instead, for an object that is not there yet.
    """

    def at(time: float) -> float | None:
        place = int(np.searchsorted(times, time + SAME_MS if is_next else time - SAME_MS))
        if place >= len(times) or (not is_next and times[place] > time + SAME_MS):
            return None
        value = values[place]
        return float((np.sum(values < value) + 0.5 * (np.sum(values == value) - 1)) / max(len(values) - 1, 1))

    return at


def _by_generator(evidence: Evidence, group: Group) -> Seen | None:
    if not evidence.scores or (group is GROUPS["new combo"] and evidence.beatmap.mode not in PLAYFIELD_MODES):
        return None
    seen = []
    for o in evidence.objects_by_time:
        scores = evidence.scores_by_object.get(o.index, [])
        if group is GROUPS["new combo"]:
            seen.append((o.time, _against_flag(scores, o.new_combo)))
        elif own := [s.tolerant_surprisal for s in scores if s.event.kind in group.events]:
            seen.append((o.time, max(own)))
    if len(seen) < 2:
        return None
    times, values = (np.array(column) for column in zip(*seen, strict=True))
    return _percentile_at(times, values, is_next=group is GROUPS["added"])


def _against_flag(scores: Sequence[EventScore], is_set: bool) -> float:
    """Probability of the model that the flag of an object should be the other way."""
    if is_set:
        return next((1 - 2.0**-s.surprisal for s in scores if s.event.kind is EventKind.NEW_COMBO), 0.0)
    return max((p for s in scores for e, p in s.expected if e.kind is EventKind.NEW_COMBO), default=0.0)


def _by_proofreader(evidence: Evidence, group: Group) -> Seen | None:
    logits = evidence.corruption
    if logits is None:
        return None
    of_slot = np.max([logits.of(kind) for kind in group.corruptions], axis=0)
    slots, _ = logits.grid.locate([o.time for o in evidence.objects_by_time])
    if group is not GROUPS["added"]:
        return _percentile_at(evidence.object_times, of_slot[slots])
    empty = np.ones(len(of_slot), dtype=bool)
    empty[slots] = False
    values = np.sort(of_slot[empty])

    def at(time: float) -> float | None:
        slot = int(logits.grid.locate([time])[0][0])
        if not empty[slot]:
            return None
        below, equal = np.searchsorted(values, of_slot[slot], "left"), np.searchsorted(values, of_slot[slot], "right")
        return float((below + equal - 1) / 2 / max(len(values) - 1, 1))

    return at


# ---------------------------------------------------------------------------------------------------------------------
# Many pairs


def measure_file(settings: Settings, folder: Path) -> PairResult | str:
    """:func:`examine` of the folder of a pair, or a line that says why it cannot be used."""
    resources = evaluation_resources(settings)
    try:
        changed = read_changes(folder / "changes.json")
        before, after = (
            analyse_beatmap(parser.load(path), settings, resources, path.name, set_of(path))
            for path in (folder / version / "map.osu" for version in ("before", "after"))
        )
    except (UsageError, BeatmapError) as error:
        return f"left out: {error}"
    return examine(folder.name, changed, before.evidence, before.report.findings, after.report.findings)


def measure(
    folder: Path, settings: Settings, jobs: int, report: Callable[[str], None] = lambda line: None
) -> list[PairResult]:
    """Examine all pairs of a folder in `jobs` processes; those that cannot be used are reported and left out.

    Raises:
        UsageError: if there is none that can be used.
    """
    paths, results = pairs_in(folder), []
    for done, (path, result) in enumerate(map_in_processes(partial(measure_file, settings), paths, jobs), start=1):
        if isinstance(result, PairResult):
            results.append(result)
        report(f"pair {done} of {len(paths)}: {result if isinstance(result, str) else path.name}")
    if not results:
        raise UsageError(f"{folder}: none of its pairs can be used")
    return results


@dataclass(frozen=True, slots=True)
class Row:
    """Corrected places counted."""

    name: str
    places: int
    pairs: int
    found: Figure
    """Share with a right finding among the `TOP`."""
    chance: Figure
    any_rank: float
    in_section: float
    """Share of those that no right finding names, but that one about a longer section covers."""
    gone: tuple[int, int]
    """(findings at these places that the version after does not have, all)."""


def place_rows(results: Sequence[PairResult]) -> list[Row]:
    """Counts over all places, by mode if there are several, without difficulties that only collect hitsounds, and by kind of
    change; a place with several kinds counts in each."""
    places = [place for result in results for place in result.places]
    modes = [mode.label for mode in Mode if any(place.mode == mode.label for place in places)]
    kinds = sorted({kind for place in places for kind in place.kinds}, key=lambda k: -sum(k in p.kinds for p in places))
    named = [("all", places)]
    if len(modes) > 1:
        named += [(f"all of {mode}", [place for place in places if place.mode == mode]) for mode in modes]
    played = [place for result in results if not result.only_hitsounds for place in result.places]
    if len(played) < len(places):
        named.append(("without hitsound difficulties", played))
    named += [(kind, [place for place in places if kind in place.kinds]) for kind in kinds]
    return [_row(name, own) for name, own in named if own]


def _row(name: str, own: Sequence[Corrected]) -> Row:
    names = sorted({place.pair for place in own})
    maps = np.array([names.index(place.pair) for place in own])
    drawn, ones = draws(len(names)), np.ones(len(own))

    def share(values: Sequence[float]) -> Figure:
        return figure(mean_over_maps(np.array(values, dtype=float), ones, maps), drawn)

    seen = [place for place in own if place.rank is not None]
    return Row(
        name,
        len(own),
        len(names),
        share([place.rank is not None and place.rank <= TOP for place in own]),
        share([place.chance for place in own]),
        len(seen) / len(own),
        sum(place.in_section for place in own) / len(own),
        (sum(bool(place.gone) for place in seen), len(seen)),
    )


class PercentileRow(NamedTuple):
    """Percentiles of one group by one reader."""

    group: str
    reader: str
    places: int
    pairs: int
    mean: Figure


def percentile_rows(results: Sequence[PairResult]) -> list[PercentileRow]:
    """The percentiles of all pairs together, by group and reader."""
    seen = [one for result in results for one in result.percentiles]
    table = []
    for group in GROUPS:
        for reader in READERS:
            own = [one for one in seen if (one.group, one.reader) == (group, reader)]
            if own:
                names = sorted({one.pair for one in own})
                maps = np.array([names.index(one.pair) for one in own])
                mean = mean_over_maps(np.array([one.value for one in own]), np.ones(len(own)), maps)
                table.append(PercentileRow(group, reader, len(own), len(names), figure(mean, draws(len(names)))))
    return table


class PlaceDifference(NamedTuple):
    """Places of one kind of change in two evaluations."""

    kind: str
    """Of change; "all" for all of them."""
    places: int
    before: float
    """Share found among the `TOP` by the first evaluation."""
    after: float
    """By the second one."""
    gain: Figure
    """The second minus the first."""


def place_differences(one: Sequence[PairResult], two: Sequence[PairResult]) -> list[PlaceDifference]:
    """Two evaluations on the places that both have, by kind of change; each draw takes the same pairs of both."""

    def hits(results: Sequence[PairResult]) -> dict[tuple[str, float, tuple[str, ...]], bool]:
        return {
            (place.pair, place.time, place.kinds): place.rank is not None and place.rank <= TOP
            for result in results
            for place in result.places
        }

    first, second = hits(one), hits(two)
    both = [key for key in first if key in second]
    kinds = sorted({kind for _, _, own in both for kind in own}, key=lambda k: (-sum(k in own for *_, own in both), k))
    table = []
    for kind in ("all", *kinds):
        own = [key for key in both if kind == "all" or kind in key[2]]
        if not own:
            continue
        names = sorted({pair for pair, *_ in own})
        maps, ones = np.array([names.index(pair) for pair, *_ in own]), np.ones(len(own))
        was, now = (np.array([hit[key] for key in own], dtype=float) for hit in (first, second))
        gain = figure(mean_over_maps(now - was, ones, maps), draws(len(names)))
        table.append(PlaceDifference(kind, len(own), float(was.mean()), float(now.mean()), gain))
    return table


class _Stored(msgspec.Struct):
    """The part of an evaluation's JSON that is about pairs."""

    corrections: tuple[PairResult, ...] = ()


def read_results(path: Path) -> tuple[PairResult, ...]:
    """Results for pairs in the JSON of an evaluation; none if it has none.

    Raises:
        UsageError: if the file cannot be used.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Stored).corrections
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from None
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path}: not written by maimod evaluate --json ({error})") from None
