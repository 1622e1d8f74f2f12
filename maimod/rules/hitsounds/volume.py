"""Volume of hitsounds: lone changes, barely audible hits, sections without additions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from maimod.events.schema import EventKind
from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import PLAYFIELD_MODES, ObjectKind
from maimod.osu.hitsounds import Hit
from maimod.osu.names import hit_name
from maimod.rules import elsewhere
from maimod.rules.base import Candidate, Certainty, Curve, Ramp, Rule, candidate
from maimod.rules.bundles import SHOWN_OBJECTS, TIMES, places_alike
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import Evidence
from maimod.rules.hitsounds.expected import HitsoundEvidence

LONE_CURVE = Curve(middle=8.0, scale=1.5)
"""Bits of rarity, weighed by the size of the change, and of the model's surprise."""
QUIET_MAP = 0.05
"""With a larger share of hits this quiet, the mapper intends it."""
QUIET_CURVE = Ramp((0.0, 0.5), (QUIET_MAP, 0.0))
"""Of that share times the number of places. 20 % is common in quiet intros and outros of ranked maps; lone dips are reported as such,
and of three findings in 53 minutes of ranked maps two were a hit that is as quiet at each of three or four places."""
BARE_CURVE = Curve(middle=32.0, scale=10.0)
"""Seconds."""

VOLUME = Rule(
    "hitsounds/volume",
    "Lone change of volume",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("model", "map"),
    why="One or two hits much quieter or louder than those around sound like a missed or doubled hit; usually a green "
    "line has the wrong volume.",
    how="Up to three hits in a row, not counting tails and repeats, differ from an equal volume before and after. The "
    "score is higher the fewer such places the map has, and with the model's surprise.",
    advice="Is the change of volume intended?",
    ignore_when="the song has a rest or an accent there",
    blind_spots="Longer passages, a volume that all of several other difficulties have as well, changes by less than 15 %, and maps that change volume all the time.",
    source=f"{PAGE}#audio",
    curves={"": LONE_CURVE},
    corruptions=("volume",),
    proposal="The volume breaks the pattern of the hits before and after it.",
)
MUTED = Rule(
    "hitsounds/muted",
    "Muted hit",
    Severity.WARNING,  # 3 % of good maps have them: too many for a problem
    Tier.EXACT,
    ("map",),
    why="Players need to hear their hits; a muted circle or slider head gives no feedback.",
    how="The volume of a circle, slider head or hold note is at most 5 %. Of 300 ranked and other maps 9 have such "
    "hits. A map of which half of the hits have 20 % or less is a minor, as is the quiet end of a fade.",
    advice="Raise the volume: players need to hear their hits.",
    ignore_when="the song is nearly silent there",
    blind_spots="Silent custom samples; slider tails and repeats, which many mappers mute on purpose.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckMutedObjects.cs",
)
QUIET = Rule(
    "hitsounds/quiet",
    "Barely audible hit",
    Severity.MINOR,
    Tier.ESTIMATED,
    ("map",),
    why="A hit much quieter than the others of the map gives little feedback.",
    how="The volume of a circle, slider head or hold note is 6 to 20 %, while at least 95 % of the map is louder than "
    "that. All of them are one finding, about the quietest; the more places, the lower its score.",
    advice="Raise the volume: players need to hear their hits.",
    ignore_when="the song is nearly silent there",
    blind_spots="Silent custom samples; slider tails and repeats; maps that are quiet throughout; times at which most "
    "of several other difficulties are as quiet.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckMutedObjects.cs",
    curves={"": QUIET_CURVE},
)
NONE = Rule(
    "hitsounds/none",
    "Stretch without additions",
    Severity.WARNING,
    Tier.ESTIMATED,
    ("map",),
    why="Long sections without hitsounds feel lifeless, and the ranking criteria require hitsounds.",
    how="There is no whistle, finish or clap and no change of the sample set for 24 s and 16 objects.",
    advice="Listen: which sounds of this part deserve one?",
    ignore_when="the song has nothing to stress, or custom samples carry the rhythm",
    blind_spots="Additions with silent custom samples.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckFewHitsounds.cs",
    modes=PLAYFIELD_MODES,
    curves={"": BARE_CURVE},
)

# ---------------------------------------------------------------------------------------------------------------------
# Volume

LONE_HITS = 3
LONE_CHANGE = 15
"""Percent of volume by which a run must differ from both sides; hand-set volume ramps have steps of 5 or 10."""
SAME_LEVEL = 10
"""Largest difference in percent of the volumes before and after."""


def _is_level(level: int, value: int) -> bool:
    return abs(value - level) <= SAME_LEVEL


def _pressed(hits: Sequence[Hit]) -> list[Hit]:
    """Hits that a player presses; of a mania chord only the loudest notes, since mappers add quiet samples below
    them."""
    pressed = [hit for hit in hits if hit.is_active and hit.hit_object.kind is not ObjectKind.SPINNER]
    loudest: dict[float, int] = {}
    for hit in pressed:
        loudest[hit.time] = max(hit.volume, loudest.get(hit.time, 0))
    return [hit for hit in pressed if hit.volume == loudest[hit.time]]


def volumes(sounds: HitsoundEvidence) -> Iterator[Candidate]:
    """Find short runs of hits at another volume than before and after. Tails and repeats are left out, because they are
    silenced on purpose."""
    active = _pressed(sounds.habits.hits)
    lone = list(_lone_runs(active))
    kinds = Counter((hits_of_run[0].volume, level) for hits_of_run, level in lone)
    for run_of_hits, level in lone:
        first = run_of_hits[0]
        if elsewhere.is_in_all_others(sounds.evidence, first.time, "volume"):
            continue
        seen = elsewhere.sounds(sounds.evidence, first.time, "volume", "")
        # In bits: one such run in 256 hits is 8. The same change again is a motif of the song, and counts twice.
        rarity = math.log2(len(active) / len(lone)) - 2.0 * math.log2(kinds[first.volume, level])
        change = abs(first.volume - level) / max(level, first.volume)
        of_model = sounds.log_odds(first, EventKind.VOLUME, partial(_is_level, level))
        bits = rarity * (0.5 + change) + (of_model or 0.0) / 2
        objects = {hit.hit_object.index: hit.hit_object for hit in run_of_hits}
        quiet = "quieter" if first.volume < level else "louder"
        name = hit_name(first, sounds.evidence.beatmap)
        who = f"This {name} is" if len(run_of_hits) == 1 else f"These {len(run_of_hits)} hits are"
        words = f"{who} {quiet} than the hits before and after: {first.volume} % volume, {level} % there"
        yield candidate(
            VOLUME,
            time=first.time,
            message=f"{elsewhere.joined(words, seen)}.",
            measure=bits,
            line=_volume_line(first),
            objects=tuple(objects.values()),
            event=sounds.score(first, EventKind.VOLUME),
            actual=f"{first.volume} %",
            expected=(Expected(f"{level} %"),),
            hits=len(run_of_hits),
            lone_changes_in_map=len(lone),
            hits_in_map=len(active),
            bits=round(bits, 2),
        )


def _lone_runs(stream: Sequence[Hit]) -> Iterator[tuple[list[Hit], int]]:
    """Yield (hits of one volume, the level around them) for runs of up to :data:`LONE_HITS` moments."""
    runs = [list(hits_of_run) for _, hits_of_run in groupby(stream, key=lambda hit: hit.volume)]
    for before, run_of_hits, after in zip(runs, runs[1:], runs[2:], strict=False):
        sides, volume = (before[-1].volume, after[0].volume), run_of_hits[0].volume
        nearest = min(sides, key=lambda side: abs(side - volume))
        if (
            len({hit.time for hit in run_of_hits}) <= LONE_HITS
            and abs(sides[0] - sides[1]) <= SAME_LEVEL
            and abs(nearest - volume) >= LONE_CHANGE
            and (sides[0] < volume) == (sides[1] < volume)
        ):
            yield run_of_hits, nearest


def _volume_line(hit: Hit) -> int:
    return hit.hit_object.line if hit.hit_object.sample.volume else hit.point.line


MUTED_PERCENT, QUIET_PERCENT = 5, 20
"""lazer, CheckMutedObjects."""
MANY_MUTED = 8
"""More stretches of muted hits are one finding: the whole map is made like that, or a tool muted it."""


def muted(found: Sequence[Hit]) -> Iterator[Candidate]:
    """Barely audible hits: neighbours are one finding, and so are all hits of a map with many."""
    active = _pressed(found)
    runs = list(_quiet_runs(active, 0, MUTED_PERCENT))
    if len(runs) > MANY_MUTED:
        runs = [[hit for run in runs for hit in run]]
    for run in runs:
        one = _quiet_candidate(MUTED, run)
        yield replace(one, certainty=Certainty.POSSIBLE) if _fades(active, run) else one
    usual = sorted(hit.volume for hit in active)[len(active) // 2] if active else 100
    if not runs and usual <= QUIET_PERCENT:
        yield replace(
            _quiet_candidate(MUTED, [hit for hit in active if hit.volume <= QUIET_PERCENT]),
            certainty=Certainty.POSSIBLE,
            words=f"The hits of this map are barely audible: half of them have {usual} % volume or less.",
            actual=f"{usual} % or less",
        )


def _fades(active: Sequence[Hit], run: Sequence[Hit]) -> bool:
    """Whether a run of hits is the quiet end of a fade: those after it grow louder by and by, or those before it quieter."""
    volumes, place = [hit.volume for hit in active], active.index(run[0])
    before, after = volumes[max(place - 2, 0) : place], volumes[place + len(run) :][:2]
    return any(
        len(two) == 2 and run_volume < two[0] < two[1] and two[0] <= QUIET_PERCENT
        for two, run_volume in ((after, run[-1].volume), (before[::-1], run[0].volume))
    )


def quiet(evidence: Evidence, found: Sequence[Hit]) -> Iterator[Candidate]:
    """One finding for the hits that are quieter than most of the map, unless all other difficulties are as quiet there."""
    active = _pressed(found)
    share = sum(hit.volume <= QUIET_PERCENT for hit in active) / max(1, len(active))
    if not 0 < share < QUIET_MAP:
        return
    runs = [
        run
        for run in _quiet_runs(active, MUTED_PERCENT + 1, QUIET_PERCENT)
        if not elsewhere.is_in_all_others(evidence, run[0].time, "volume")
    ]
    if not runs:
        return
    first = min(runs, key=lambda run: min(hit.volume for hit in run))
    others = [run[0].time for run in runs if run is not first]
    one = _quiet_candidate(QUIET, first)
    yield replace(
        one,
        words=f"{one.message[:-1]}{places_alike(others)}.",
        measure=share * len(runs),  # what is done at several places is meant
        numbers={
            "hits": sum(map(len, runs)),
            "share_of_map": round(share, 4),
            "places": len(runs),
            TIMES: [run[0].time for run in runs],
        },
    )


def _quiet_runs(active: Sequence[Hit], least: int, most: int) -> Iterator[list[Hit]]:
    """Hits in a row with a volume from `least` to `most` percent."""
    for is_quiet, run in groupby(active, key=lambda hit: least <= hit.volume <= most):
        if is_quiet:
            yield list(run)


def _quiet_candidate(rule: Rule, run: Sequence[Hit]) -> Candidate:
    first, quietest = run[0], min(hit.volume for hit in run)
    who = "This hit is" if len(run) == 1 else f"These {len(run)} hits are"
    usual = f"more than {QUIET_PERCENT} %" if quietest < QUIET_PERCENT else "more"
    return candidate(
        rule,
        time=first.time,
        end_time=run[-1].time if len(run) > 1 else None,
        message=f"{who} barely audible at {quietest} % volume; {usual} is usual.",
        line=_volume_line(first),
        objects=tuple(hit.hit_object for hit in run[:SHOWN_OBJECTS]),
        actual=f"{quietest} %",
        expected=(Expected(f"more than {QUIET_PERCENT} %"),),
        hits=len(run),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Sections without additions

BARE_MS, BARE_OBJECTS = 24_000.0, 16
"""lazer, CheckFewHitsounds: a problem from 24 s with 16 objects on."""


def without_additions(evidence: Evidence, found: Sequence[Hit]) -> Iterator[Candidate]:
    """Find long sections with only one hitnormal sample and no additions."""
    if evidence.beatmap.mode not in NONE.modes:
        return
    bare: list[Hit] = []
    previous: Hit | None = None
    for hit in [*found, None]:
        changes = hit is None or hit.additions
        if hit is not None and previous is not None:
            changes = changes or (hit.normal_set, hit.sample_index) != (previous.normal_set, previous.sample_index)
        if not changes and hit is not None:
            bare.append(hit)
        elif bare:
            yield from _bare_stretch(evidence, bare, len(bare) == len(found))
            bare = []
        previous = hit


def _bare_stretch(evidence: Evidence, bare: Sequence[Hit], is_all: bool) -> Iterator[Candidate]:
    objects = {hit.hit_object.index: hit.hit_object for hit in bare}
    start, end = bare[0].time, bare[-1].time
    rests = sum(max(0.0, min(pause.end, end) - max(pause.start, start)) for pause in evidence.beatmap.breaks)
    seconds = (end - start - rests) / 1000
    if seconds < BARE_MS / 1000 or len(objects) < BARE_OBJECTS:
        return
    first = bare[0].hit_object
    where = "in the whole map" if is_all else f"for {seconds:.0f} s, over {len(objects)} objects from here on"
    yield candidate(
        NONE,
        time=start,
        end_time=end,
        message=f"No whistle, finish or clap {where}.",
        measure=seconds,
        line=first.line,
        objects=(first,),
        actual="no additions",
        expected=(Expected("additions"),),
        seconds=round(seconds, 1),
        stretch_objects=len(objects),
    )
