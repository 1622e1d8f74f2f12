"""Calibrate a checkpoint: plant mistakes in good maps, and fit the judge that tells their places from the others.

In changed copies the strongest place of a right category within `TIGHT_MS` of a mistake is an example with one, another one than that of
the changed object only if nothing is about it: while a hold lasted that became a note, other places may be doubted more. A category in which the mistake does not
show, that is where the untouched map is doubted as much, gives no example if another one shows it: a mistyped velocity would
teach that anything is a mistake of rhythm. Of a mistake that is a stretch, only places that are stronger than in the untouched
map are examples: most of them show nothing of it, and the strongest would teach that any doubt is a mistake. Examples without
one are the places of the untouched map and those of the copies that are `CLEAR_MS` from every mistake: if they came from
untouched maps alone, whatever tells a copy from its original would seem to tell of a mistake. The other places of a copy are
kept too, because the judge compares each place with all others of its map.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from maimod.errors import UsageError
from maimod.findings import Category, Tier
from maimod.linter.calibration import FILE, FORMAT, Calibration, Stored
from maimod.linter.gather import Gathered, gather
from maimod.linter.judge import Judge
from maimod.linter.places import CATEGORIES, Place, RatedCandidate, both
from maimod.linter.progress import result_of
from maimod.linter.rescore import can_judge, judged_places
from maimod.linter.settings import Settings
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, Mode
from maimod.rules import BEATMAP_CHECKS
from maimod.rules.base import Candidate, Curve
from maimod.training import judge_check
from maimod.training.corpus import is_held_out
from maimod.training.evaluate import evaluation_resources, set_of, sources
from maimod.training.faults import FAULTS, Copy, Fault, Planted, plant_alone, plant_many
from maimod.training.faults.base import SAME_MS
from maimod.training.hits import NEW_NATS
from maimod.training.judge_fit import UNCLEAR, UNTOUCHED, Examples, fit
from maimod.training.judge_mean import mean_of
from maimod.training.processes import map_in_processes

TIGHT_MS = 60.0
STRETCH_MS = 1000.0
"""Mistakes that last this long are stretches."""
NO_EVIDENCE = -10.0
"""The least value of :func:`maimod.linter.places.both`."""
CLEAR_MS = 3000.0
MOST_MISTAKES = 12
"""Of a changed copy of a map."""
COPIES, UNSEEN_COPIES = 2, 11
"""Changed copies of a map, and of one that no network was trained on. With twice as many mistakes, recall at one false place a minute
of the category rises from 79 to 81 % of those of sliders and from 86 to 88 % of those of hitsounds (trees alone, judge 9)."""
PER_SONG, PER_UNSEEN_SONG = 2, 6
"""Most maps of one mode and song, and of a song that no network was trained on: these are few, and count more."""
SCARCE = (Mode.TAIKO, Mode.CATCH)
"""Modes of which collections have few maps: twice as many copies, and as many maps of a song as if none were known."""
LOCAL_FAULTS = tuple(fault for fault in FAULTS if fault.category in CATEGORIES)
"""Kinds that are judged place by place; timing is not."""


def examples_of(
    look: Callable[[Beatmap], Gathered], loaded: Beatmap, faults: Sequence[Fault], seed: int, copies: Sequence[int]
) -> Examples | None:
    """Collect examples.

    Args:
        look: gathers the evidence about the map or a changed copy of it.
        loaded: the map, assumed to have no mistakes.
        faults: what to plant.
        seed: chooses the places; neighbouring seeds share most copies.
        copies: most mistakes in each changed copy; their kinds differ. One more copy has a mistake that takes the whole map,
            such as a slip in every phrase.

    Returns:
        None if the networks cannot read the map.
    """
    untouched = look(loaded)
    if not can_judge(untouched.evidence):
        return None
    before, features, facts = _places(untouched)
    places, known = before, {_mark(one) for one in facts}
    kinds, rows, owners, planted = [UNTOUCHED] * len(places), [features], list(places), Counter[str]()
    told: set[tuple[int, str]] = set()
    envelope = untouched.evidence.envelope
    changed = [plant_many(loaded, faults, seed + number, most, envelope=envelope) for number, most in enumerate(copies)]
    for copy in (*changed, plant_alone(loaded, faults, seed, envelope)):
        if not copy.mistakes:
            continue
        after = look(copy.beatmap)
        if not can_judge(after.evidence):
            continue
        places, features, facts = _places(after)
        facts = [one for one in facts if _mark(one) not in known]
        named = [UNTOUCHED if _is_clear(one, copy) else UNCLEAR for one in places]
        for fault, mistake in copy.mistakes:
            planted[fault.name] += 1
            if any(fault.is_right(one.rule.id) and is_at(one, mistake) for one in facts):
                told.add((len(rows), fault.name))
            for place in _right(places, fault, mistake, before):
                named[place] = fault.name
        kinds += named
        rows.append(features)
        owners += places
    return Examples(
        loaded.path.name,
        loaded.path.parent.name,
        loaded.mode.label,
        loaded.drain_ms / 60_000,
        np.concatenate(rows),
        np.array([CATEGORIES.index(place.category) for place in owners]),
        tuple(kinds),
        tuple(place.best.candidate.rule.id for place in owners),
        np.repeat(np.arange(len(rows)), [len(one) for one in rows]),
        planted,
        len(rows),
        is_held_out(loaded.path.parent),
        frozenset(told),
    )


def _places(gathered: Gathered) -> tuple[list[Place], np.ndarray, list[Candidate]]:
    """The places, their features, and the facts: candidates of exact rules."""
    evidence = gathered.evidence
    candidates = [one for check in BEATMAP_CHECKS for one in check.candidates(evidence)]
    facts = [one for one in candidates if one.rule.tier is Tier.EXACT]
    return *judged_places(candidates, evidence, gathered.calibration), facts


def _mark(candidate: Candidate) -> tuple[str, float]:
    """What a fact has in common with the same one about another copy of the map."""
    return candidate.rule.id, candidate.time


def _is_clear(place: Place, copy: Copy) -> bool:
    """Whether a place is far from every mistake of a copy."""
    return not any(
        start - CLEAR_MS <= place.time <= end + CLEAR_MS
        for _, mistake in copy.mistakes
        for start, end in (*mistake.spans, (mistake.start, mistake.end))
    )


def _right(places: Sequence[Place], fault: Fault, mistake: Planted, before: Sequence[Place]) -> list[int]:
    """The strongest place at a mistake of each right category that shows it; if none does, of each right category.

    Args:
        places: of the changed map.
        fault: kind of the mistake.
        mistake: where it is.
        before: places of the untouched map.
    """
    is_stretch = max(end - start for start, end in mistake.spans) >= STRETCH_MS
    best: dict[Category, tuple[bool, float, int]] = {}
    for number, place in enumerate(places):
        right = [one for one in place.candidates if fault.is_right(one.candidate.rule.id)]
        if any(is_at(one.candidate, mistake) for one in right):
            strength = max(map(both, right))
            if is_stretch and strength < _strength_there(before, place) + NEW_NATS:
                continue
            of_another = _is_beside(right, mistake) or (
                place.category is Category.POSITIONS and _is_chord_mate(right[0].candidate, mistake)
            )
            found = (not of_another, strength, number)
            best[place.category] = max(best.get(place.category, found), found)
    shown = [
        number
        for category, (_, strength, number) in best.items()
        if strength >= _strength_before(before, category, mistake) + NEW_NATS
    ]
    return shown or [number for _, _, number in best.values()]


def _strength_there(before: Sequence[Place], place: Place) -> float:
    """Of the strongest place of the untouched map at the time of `place` and of its category."""
    near = [one for one in before if one.category is place.category and abs(one.time - place.time) <= TIGHT_MS]
    return max((both(one.best) for one in near), default=NO_EVIDENCE)


def _is_beside(right: Sequence[RatedCandidate], mistake: Planted) -> bool:
    """Whether no candidate is about the changed object, which starts where a mistake does that lasts."""
    if len(mistake.objects) != 1 or mistake.places or mistake.end - mistake.start <= TIGHT_MS:
        return False
    (index,) = mistake.objects
    starts_it = abs(mistake.beatmap.hit_objects[index].time - mistake.start) < SAME_MS
    return starts_it and not any(o.index == index for one in right for o in one.candidate.objects[:1])


def _is_chord_mate(candidate: Candidate, mistake: Planted) -> bool:
    """Whether a candidate is about an unchanged object that starts together with a changed one."""
    if not candidate.objects or candidate.objects[0].index in mistake.objects:
        return False
    objects = mistake.beatmap.hit_objects
    return any(abs(objects[index].time - candidate.objects[0].time) < SAME_MS for index in mistake.objects)


def _strength_before(before: Sequence[Place], category: Category, mistake: Planted) -> float:
    """The strongest doubt of a category in the untouched map where the mistake is."""
    near = [
        both(place.best)
        for place in before
        if place.category is category
        and any(start - TIGHT_MS <= place.time <= end + TIGHT_MS for start, end in mistake.spans)
    ]
    return max(near, default=-np.inf)


def is_at(candidate: Candidate, mistake: Planted) -> bool:
    """Whether a candidate is about a mistake: within `TIGHT_MS` of one of its places, or about its object."""
    near = any(start - TIGHT_MS <= candidate.time <= end + TIGHT_MS for start, end in mistake.spans)
    return near or any(o.index in mistake.objects for o in candidate.objects[:1])


# ---------------------------------------------------------------------------------------------------------------------
# Many maps


def examples_of_file(settings: Settings, seed: int, path: Path) -> Examples | None:
    """:func:`examples_of` of a beatmap file."""
    resources, whole = evaluation_resources(settings), set_of(path)

    def look(beatmap: Beatmap) -> Gathered:
        return result_of(gather(beatmap, path.name, settings, resources, whole))

    loaded = parser.load(path)
    copies = (UNSEEN_COPIES if is_held_out(path.parent) else COPIES) * (2 if loaded.mode in SCARCE else 1)
    return examples_of(look, loaded, LOCAL_FAULTS, seed, (MOST_MISTAKES,) * copies)


def collect(
    paths: Sequence[Path], settings: Settings, seed: int, jobs: int, report: Callable[[str], None]
) -> list[Examples]:
    """Examples of many maps, in `jobs` processes."""
    found = []
    work = partial(examples_of_file, settings, seed)
    for done, (_, part) in enumerate(map_in_processes(work, paths, jobs), start=1):
        if part is not None:
            found.append(part)
            report(f"{done} of {len(paths)}: {part.planted.total()} mistakes, {len(part.kinds)} places")
    return found


def command(
    songs: Path,
    settings: Settings,
    target: Path,
    *,
    manifest: Path | None,
    maps: int,
    seed: int,
    jobs: int,
    held_out: bool,
    unranked: bool,
    keep: float,
    report: Callable[[str], None],
) -> None:
    """Run `maimod calibrate`; its help describes the arguments.

    Raises:
        UsageError: if the folder has no maps to plant mistakes in, none of the mistakes was found, or there is no judge to keep.
    """
    earlier = _earlier(target) if keep else None
    paths = [path for mode in Mode for path in _maps(songs, mode, manifest, seed, held_out, unranked)[:maps]]
    if not paths:
        raise UsageError(f"{songs}: no map with a song to plant mistakes in")
    examples = collect(paths, settings, seed, jobs, report)
    mistakes = sum(sum(kind not in (UNTOUCHED, UNCLEAR) for kind in one.kinds) for one in examples)
    if not mistakes:
        raise UsageError(f"{songs}: no network sees any of the planted mistakes; is models/maimod-proofreader missing?")
    judge, checked = fit(examples, seed, report, like=earlier)
    for line in judge_check.lines(examples, checked):
        report(line)
    measured: dict[str, float | int | str] = {"maps": len(examples), "seed": seed, "mistakes": mistakes}
    target.mkdir(parents=True, exist_ok=True)
    if earlier is not None:
        judge = mean_of(earlier, judge, keep)
        measured["kept_share"] = keep
    report(
        f"{write(judge, measured, target)}: {len(judge.rules)} rules, from {mistakes} mistakes in {len(examples)} maps"
    )


def _earlier(folder: Path) -> Judge:
    """The judge of the `calibration.json` of a folder."""
    try:
        judge = Calibration.load(folder).judge
    except ValueError as error:
        raise UsageError(str(error)) from None
    if judge is None:
        raise UsageError(f"{folder}: no {FILE} there whose judge could be kept; leave out --keep")
    return judge


def _maps(songs: Path, mode: Mode, manifest: Path | None, seed: int, held_out: bool, unranked: bool) -> list[Path]:
    """Maps to plant mistakes in: first those that no network was trained on, and of these the ranked ones first."""
    # Few collections have enough ranked maps of modes other than osu!.
    kinds = [False, True] if manifest is not None and (unranked or mode is not Mode.OSU) else [False]
    unseen = [
        sources(songs, mode, manifest, seed, per_song=PER_UNSEEN_SONG, unranked=kind, accept=is_held_out)
        for kind in kinds
    ]
    per_song = PER_UNSEEN_SONG if mode in SCARCE else PER_SONG
    seen = [sources(songs, mode, manifest, seed, per_song=per_song, unranked=kind) for kind in kinds if not held_out]
    return list(dict.fromkeys(path for part in (*unseen, *seen) for path in part))


def write(judge: Judge, measured: dict[str, float | int | str], folder: Path) -> Path:
    """Write `calibration.json`, with the curves that an older one holds."""
    path = folder / FILE
    try:
        curves = msgspec.json.decode(path.read_bytes(), type=_Curves).curves
    except (OSError, msgspec.DecodeError):
        curves = {}
    stored = Stored(FORMAT, sorted(judge.rules), dict(judge.models), measured, curves)
    path.write_bytes(msgspec.json.encode(stored) + b"\n")
    return path


class _Curves(msgspec.Struct):
    curves: dict[str, Curve] = {}
