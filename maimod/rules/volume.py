"""Loudness of hitsounds: lone changes of volume, hits that are barely audible, stretches in which nothing is stressed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

from maimod.events.schema import EventKind
from maimod.findings import Expected, Finding, Severity
from maimod.osu.beatmap import Mode, ObjectKind
from maimod.osu.hitsounds import Hit
from maimod.rules.base import Context, Rule
from maimod.rules.calibration import ALONE_SCORE, CANDIDATE_SCORE, Curve
from maimod.rules.hitsound_model import Hearing

HITSOUND_RULES = "https://osu.ppy.sh/wiki/en/Ranking_criteria#audio"

VOLUME = Rule(
    "hitsounds/volume",
    "Lone change of volume",
    Severity.WARNING,
    ("model", "map"),
    why="A hit or two much quieter or louder than all around is heard as a missed or doubled hit; it mostly comes from a green line with "
    "the wrong volume.",
    how="Up to three hits in a row, heads or tails apart, lie off one and the same volume before and after; the fewer of their kind the "
    "map has, the more that counts, and so does the model's surprise.",
    ignore_when="the song has a rest or an accent just there",
    blind_spots="Longer passages, changes by less than 15 %, and maps that change volume all the time.",
    source=HITSOUND_RULES,
)
MUTED = Rule(
    "hitsounds/muted",
    "Barely audible hit",
    Severity.PROBLEM,
    ("map",),
    why="Players need to hear what they hit; a muted circle or slider head gives no feedback.",
    how="The volume of circles, slider heads and hold notes is at most 5 % (up to 20 %: minor) while most of the map is louder.",
    ignore_when="the song is nearly silent there",
    blind_spots="Silent custom samples; slider tails and repeats, which many mappers mute on purpose.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckMutedObjects.cs",
)
NONE = Rule(
    "hitsounds/none",
    "Stretch without additions",
    Severity.WARNING,
    ("map",),
    why="Hitsounds are the map's voice: long stretches of bare hits feel lifeless, and the ranking criteria ask for them.",
    how="No whistle, finish or clap is heard, nor does a sample set change, for long: 24 s and 16 objects.",
    ignore_when="the song has nothing to stress, or custom samples carry the rhythm",
    blind_spots="Additions that custom samples leave silent.",
    source="https://github.com/ppy/osu/blob/master/osu.Game/Rulesets/Edit/Checks/CheckFewHitsounds.cs",
    modes=frozenset({Mode.OSU, Mode.CATCH}),
)

# ---------------------------------------------------------------------------------------------------------------------
# Volume

LONE_HITS = 3
LONE_CHANGE = 15
"""Percent of volume by which a run must lie off both sides; hand-set "automation" moves in steps of 5 or 10."""
SAME_LEVEL = 10
"""Percent by which the volumes before and after may differ and still be one level."""
LONE_EVIDENCE = Curve(middle=8.0, scale=1.5)
"""Bits of rarity, weighed by the size of the change, and of the model's surprise."""


def _is_level(level: int, value: int) -> bool:
    return abs(value - level) <= SAME_LEVEL


def _heard(hits: Sequence[Hit]) -> list[Hit]:
    """What a player presses; of a mania chord the loudest notes alone, since mappers layer quiet samples under them."""
    pressed = [hit for hit in hits if hit.is_active and hit.hit_object.kind is not ObjectKind.SPINNER]
    loudest: dict[float, int] = {}
    for hit in pressed:
        loudest[hit.time] = max(hit.volume, loudest.get(hit.time, 0))
    return [hit for hit in pressed if hit.volume == loudest[hit.time]]


def volumes(sounds: Hearing) -> Iterator[Finding]:
    """Find short runs of hits at another volume than before and after. Tails and repeats are silenced one by one on
    purpose."""
    context = sounds.context
    active = _heard(sounds.habits.hits)
    lone = list(_lone_runs(active))
    kinds = Counter((hits_of_run[0].volume, level) for hits_of_run, level in lone)
    for run_of_hits, level in lone:
        first = run_of_hits[0]
        # In bits: one such run in 256 hits is 8. The same change again is a motif of the song, and counts twice.
        rarity = math.log2(len(active) / len(lone)) - 2.0 * math.log2(kinds[first.volume, level])
        change = abs(first.volume - level) / max(level, first.volume)
        of_model = sounds.log_odds(first, EventKind.VOLUME, partial(_is_level, level))
        bits = rarity * (0.5 + change) + (of_model or 0.0) / 2
        score = context.calibration.score(VOLUME.id, bits, LONE_EVIDENCE)
        if score < CANDIDATE_SCORE:
            continue
        objects = {hit.hit_object.index: hit.hit_object for hit in run_of_hits}
        quiet = "quieter" if first.volume < level else "louder"
        who = f"The {first.place} is" if len(run_of_hits) == 1 else f"{len(run_of_hits)} hits are"
        yield context.finding(
            VOLUME,
            time=first.time,
            message=f"{who} {quiet} than what comes before and after: {first.volume} % instead of {level} %.",
            score=score,
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


MUTED_PERCENT, LOW_PERCENT = 5, 20
"""lazer, CheckMutedObjects."""
MUTED_SCORE, LOW_SCORE = 0.95, 0.5
"""Of one such hit in a map. 20 % is common in quiet intros and outros of ranked maps; lone dips are reported as such.
"""
QUIET_MAP = 0.05
"""Share of hits that quiet beyond which the mapper means it."""
SHOWN_OBJECTS = 8


def muted(context: Context, found: Sequence[Hit]) -> Iterator[Finding]:
    """Find hits that can hardly be heard; neighbours are one finding."""
    active = _heard(found)
    for least, most, highest in ((0, MUTED_PERCENT, MUTED_SCORE), (MUTED_PERCENT + 1, LOW_PERCENT, LOW_SCORE)):
        share = sum(hit.volume <= most for hit in active) / max(1, len(active))
        score = highest * (1.0 - min(share / QUIET_MAP, 1.0))
        if score < ALONE_SCORE:
            continue
        for is_quiet, quiet_hits in groupby(active, key=lambda hit: least <= hit.volume <= most):
            run_of_hits = list(quiet_hits)
            if not is_quiet:
                continue
            first, quietest = run_of_hits[0], min(hit.volume for hit in run_of_hits)
            who = "This hit is" if len(run_of_hits) == 1 else f"These {len(run_of_hits)} hits are"
            yield context.finding(
                MUTED,
                time=first.time,
                end_time=run_of_hits[-1].time if len(run_of_hits) > 1 else None,
                message=f"{who} barely audible at {quietest} % volume.",
                score=score,
                line=_volume_line(first),
                objects=tuple(hit.hit_object for hit in run_of_hits[:SHOWN_OBJECTS]),
                actual=f"{quietest} %",
                expected=(Expected(f"more than {LOW_PERCENT} %"),),
                hits=len(run_of_hits),
                share_of_map=round(share, 4),
            )


# ---------------------------------------------------------------------------------------------------------------------
# Stretches without additions

BARE_MS, BARE_OBJECTS = 24_000.0, 16
"""lazer, CheckFewHitsounds: a problem from 24 s with 16 objects on."""
BARE_SCORE = Curve(middle=32.0, scale=10.0)
"""Seconds."""


def without_additions(context: Context, found: Sequence[Hit]) -> Iterator[Finding]:
    """Find long stretches in which nothing but one hitnormal is heard."""
    if context.beatmap.mode not in NONE.modes:
        return
    bare: list[Hit] = []
    previous: Hit | None = None
    for hit in [*found, None]:
        changes = hit is None or hit.additions
        if hit is not None and previous is not None:
            changes = changes or (hit.normal_set, hit.index) != (previous.normal_set, previous.index)
        if not changes and hit is not None:
            bare.append(hit)
        elif bare:
            yield from _bare_stretch(context, bare)
            bare = []
        previous = hit


def _bare_stretch(context: Context, bare: Sequence[Hit]) -> Iterator[Finding]:
    objects = {hit.hit_object.index: hit.hit_object for hit in bare}
    start, end = bare[0].time, bare[-1].time
    rests = sum(max(0.0, min(pause.end, end) - max(pause.start, start)) for pause in context.beatmap.breaks)
    seconds = (end - start - rests) / 1000
    score = context.calibration.score(NONE.id, seconds, BARE_SCORE)
    if seconds < BARE_MS / 1000 or len(objects) < BARE_OBJECTS or score < ALONE_SCORE:
        return
    first = bare[0].hit_object
    yield context.finding(
        NONE,
        time=start,
        end_time=end,
        message=f"No whistle, finish or clap for {seconds:.0f} s and {len(objects)} objects.",
        score=score,
        line=first.line,
        objects=(first,),
        actual="no additions",
        expected=(Expected("additions"),),
        seconds=round(seconds, 1),
        stretch_objects=len(objects),
    )
