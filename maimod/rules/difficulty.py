"""Settings and length of a single difficulty: values that the game or the criteria do not allow, values unusual for its
level, keys, colours, drain time, breaks.

Of 1,046 ranked maps 10 have a break that does not fit, 5 are a few hundredths of a second short of 30 s, which is
tolerated.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import PLAYFIELD_MODES, Break, HitObject, Mode, ObjectKind
from maimod.osu.level import Level
from maimod.rules import criteria
from maimod.rules.base import ALL_MODES, BeatmapCheck, Candidate, Certainty, Evidence, Rule, candidate

_CRITERIA = "https://osu.ppy.sh/wiki/en/Ranking_criteria"
_LAZER = "https://github.com/ppy/osu/blob/master/osu.Game"
SETTING = Rule(
    "mapset/setting",
    "Difficulty setting out of bounds",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The game limits or rounds such values, so the map plays differently from its file.",
    how="Health, circle size, overall difficulty and approach rate lie between 0 and 10 and have one decimal at most; "
    "the slider velocity "
    "lies between 0.4 and 3.6. More decimals of a setting that the mode does not use are a minor.",
    advice="Set it within the bounds.",
    ignore_when="never",
    blind_spots="None.",
    source=f"{_LAZER}/Rulesets/Edit/Checks/CheckAbnormalDifficultySettings.cs",
    criteria=("setting", "slider-velocity"),
)
TICK_RATE = Rule(
    "mapset/tick-rate",
    "Slider tick rate that fits no rhythm",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Slider ticks are audible; at other rates they are between the beats.",
    how="The tick rate is a whole number or one of 0.5, 1.333 and 1.5.",
    advice="Choose a tick rate that follows the song.",
    ignore_when="the song has that rhythm throughout",
    blind_spots="Whether the rate suits the song.",
    source=f"{_CRITERIA}#general",
    modes=PLAYFIELD_MODES,
)
FOR_LEVEL = Rule(
    "mapset/unusual-for-level",
    "Setting unusual for the level",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Players choose a difficulty by its level; an approach rate or health that is unusual for the level surprises "
    "them.",
    how="Approach rate, overall difficulty, health and circle size, as far as the mode uses them, are compared with "
    "the "
    "guidelines for the level. A deviation of up to 1.5 is a minor, and none if the level is a guess. Health of taiko may "
    "be lower by 1, as the guidelines allow for many notes.",
    advice="Is it intended?",
    ignore_when="the tempo or the density of the song requires it",
    blind_spots="Difficulties with unknown level; taiko, catch and mania where the name of the difficulty does not "
    "tell it.",
    source=f"{_CRITERIA}/osu%21#difficulty-specific",
    criteria=("approach-rate", "overall-difficulty", "hp-drain-rate", "circle-size"),
)
DRAIN = Rule(
    "mapset/drain-time",
    "Drain time too short",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The ranking criteria require at least 30 seconds of play.",
    how="From the first object to the end of the last, without breaks.",
    advice="Map more of the song.",
    ignore_when="never",
    blind_spots="None.",
    source=f"{_CRITERIA}#beatmap",
    criteria=("drain-time",),
)
OVERFLOW = Rule(
    "mapset/score-overflow",
    "Score beyond what the game can count",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="In stable the score of a perfect play passes 2,147,483,647, the largest number that it counts to, and becomes negative.",
    how="Circles and sliders give 300 points each, and 300 times the combo times the difficulty multiplier divided by 25; the "
    "multiplier is computed from the settings and the density of objects.",
    advice="Use fewer objects, or lower settings.",
    ignore_when="the map is made for lazer alone",
    blind_spots="Mods, which multiply the score; bonus of spinners; other modes.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Score/ScoreV1/osu%21",
    modes=frozenset({Mode.OSU}),
)
BREAK = Rule(
    "mapset/break",
    "Break too short or too close to an object",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The game shows breaks by fading; one that is too short flickers, and one that overlaps with play hides "
    "objects. The editor makes no such breaks; they remain when objects are added, moved or copied between "
    "difficulties.",
    how="A break lasts 650 ms or more, begins 200 ms or more after an object ends, ends no later than the next object "
    "begins to appear (by the approach rate), contains no object, and has whole ms, because stable refuses a map with "
    "decimals. A border that is wrong by up to 50 ms is a warning, by up to 10 ms a minor.",
    advice="Set the break again in the editor.",
    ignore_when="never: the game or another editor will change it",
    blind_spots="Mania, which hardly uses breaks.",
    source=f"{_LAZER}/Rulesets/Edit/Checks/CheckBreaks.cs",
    modes=ALL_MODES - {Mode.MANIA},
)
MISSING_BREAK = Rule(
    "mapset/missing-break",
    "Long pause without a break",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Health drains during a pause that is not a break, and players do not know that they may rest.",
    how="There is no object for 10 s or more, and no break in between.",
    advice="Add a break.",
    ignore_when="a break would show too early whether the map continues",
    blind_spots="Pauses under 10 s; mania, where health does not drain by itself.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Break",
    modes=ALL_MODES - {Mode.MANIA},
)
OVERALL_APPROACH = Rule(
    "mapset/overall-differs-from-approach",
    "Overall difficulty differs from the approach rate",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Catch does not use the overall difficulty except for the score; the criteria ask for one value for both, so "
    "that "
    "scores of difficulties compare.",
    how="OverallDifficulty and ApproachRate of a catch map are different; none of 64 real maps but two jokes.",
    advice="Is it intended?",
    ignore_when="the score would overflow; then the overall difficulty is lower",
    blind_spots="None.",
    source=f"{_CRITERIA}/osu%21catch#general",
    modes=frozenset({Mode.CATCH}),
    criteria=("overall-is-approach",),
)
NO_SHOWER = Rule(
    "mapset/no-banana-shower",
    "No banana shower",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="Banana showers set the best scores apart; players expect at least one.",
    how="The difficulty has no spinner.",
    advice="Is there a sound for one?",
    ignore_when="nothing in the song suggests one",
    blind_spots="Whether the song has a place for one.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Hit_object/Banana",
    modes=frozenset({Mode.CATCH}),
)

COMBO_COLOURS = Rule(
    "mapset/combo-colours",
    "Combo colours",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Combos are distinguished by their colours, which must be visible against the background and must not glare.",
    how="At least two combo colours (none at all is a minor, unless the default skin is forced: the player's skin "
    "decides then). "
    "Perceived brightness "
    "(HSP) of combo "
    "colours and of the slider border: a problem below 30 (of the border, which sets of old have black, a warning), a warning below 43, or "
    "above 250 in maps with kiai, where "
    "objects flash.",
    advice="Set colours that stand out from the background.",
    ignore_when="the background is bright throughout",
    blind_spots="The background itself; default colours of the skin.",
    source=f"{_CRITERIA}#skinning",
    modes=PLAYFIELD_MODES,
)

USED: dict[Mode, tuple[str, ...]] = {
    Mode.OSU: ("HPDrainRate", "CircleSize", "OverallDifficulty", "ApproachRate"),
    Mode.TAIKO: ("HPDrainRate", "OverallDifficulty"),
    Mode.CATCH: ("HPDrainRate", "CircleSize", "ApproachRate"),
    Mode.MANIA: ("HPDrainRate", "OverallDifficulty"),
}
WORDS = {
    "HPDrainRate": "health drain",
    "CircleSize": "circle size",
    "OverallDifficulty": "overall difficulty",
    "ApproachRate": "approach rate",
    "SliderMultiplier": "slider velocity",
}
TICK_RATES = (0.5, 4 / 3, 1.5)
KEYS_OF_TABLE = {
    "ApproachRate": "approach-rate",
    "OverallDifficulty": "overall-difficulty",
    "HPDrainRate": "hp-drain-rate",
    "CircleSize": "circle-size",
}
FAR = 1.5
"""Distance from the guideline that the song cannot explain. Of 1,046 ranked maps 2 % exceed it; 7 % are outside the
guideline by less."""
SLIGHTLY = {(Mode.TAIKO, "HPDrainRate"): 1.0}
"""The guidelines let the health of taiko be slightly lower with many notes. Of 16 ranked maps up to Muzukashii 10 have it lower by
0.5 or 1, one by 2."""
DARK, DIM, GLARING = 30.0, 43.0, 250.0
"""HSP, Mapset Verifier."""

DRAIN_ROUNDING_MS = 50.0
MIN_BREAK_MS, MIN_BREAK_START_MS = 650.0, 200.0
LITTLE_MS, SOME_MS = 10.0, 50.0
"""A break that begins or ends this much wrong is a minor or a warning, not yet a problem: ranked maps have breaks that begin 167 and
195 ms after an object, and some that end 11 and 26 ms late."""
LARGEST_SCORE = 2**31 - 1
ROUNDING_MS = 1.0
LONG_PAUSE_MS = 10_000.0
"""Pause in ms; no ranked map has one as long."""


def run(evidence: Evidence) -> Iterator[Candidate]:
    mode = evidence.beatmap.mode
    yield from _bounds(evidence)
    yield from _unused_settings(evidence)
    yield from _playing_time(evidence)
    if mode in PLAYFIELD_MODES:
        yield from _tick_rate(evidence)
        if mode is Mode.OSU:
            yield from _overflow(evidence)
        yield from _colours(evidence)
    # In the other modes a guess is too often wrong.
    if evidence.level is not None and (mode is Mode.OSU or not evidence.level_guessed):
        yield from _for_level(evidence, evidence.level)
    if mode is Mode.CATCH:
        yield from _overall_approach(evidence)
    if mode is Mode.CATCH and not any(o.kind is ObjectKind.SPINNER for o in evidence.beatmap.hit_objects):
        yield _without_shower(evidence)


def _setting(
    evidence: Evidence,
    rule: Rule,
    key: str,
    certainty: Certainty,
    message: str,
    actual: str,
    expected: str,
    section: str = "Difficulty",
) -> Candidate:
    return candidate(
        rule,
        time=evidence.objects_by_time[0].time,
        line=evidence.beatmap.line_of(section, key),
        certainty=certainty,
        message=message,
        actual=actual,
        expected=[Expected(expected)] if expected else [],
        subject=key,
    )


def _bounds(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    written = beatmap.written.get("Difficulty", {})
    limits = {**dict.fromkeys(USED[beatmap.mode], "setting"), "SliderMultiplier": "slider-velocity"}
    for key, limit in limits.items():
        low, high = criteria.low(limit, beatmap.mode), criteria.high(limit, beatmap.mode)
        try:
            value = float(written.get(key, ""))
        except ValueError:
            continue
        if not low <= value <= high:
            yield _setting(
                evidence,
                SETTING,
                key,
                Certainty.CERTAIN,
                f"The {WORDS[key]} is {value:g}, outside of {low:g} to {high:g}.",
                f"{value:g}",
                f"{low:g} to {high:g}",
            )
        # The slider velocity may have any number of decimals; rounding errors of float32 come from the game.
        elif key != "SliderMultiplier" and abs(value - round(value, 1)) > 1e-4:
            yield _setting(
                evidence,
                SETTING,
                key,
                Certainty.CERTAIN,
                f"The {WORDS[key]} is {value:g}; it may have one decimal.",
                f"{value:g}",
                f"{round(value, 1):g}",
            )


def _unused_settings(evidence: Evidence) -> Iterator[Candidate]:
    """Values that the editor does not write, of settings that have no effect in this mode."""
    beatmap = evidence.beatmap
    # The circle size of mania is its number of keys.
    used = {*USED[beatmap.mode], *(("CircleSize",) if beatmap.mode is Mode.MANIA else ())}
    for key in (key for key in KEYS_OF_TABLE if key not in used):
        try:
            value = float(beatmap.written.get("Difficulty", {}).get(key, ""))
        except ValueError:
            continue
        # Values out of bounds are refused by the server, see submission/setting.
        if 0 <= value <= 10 and abs(value - round(value, 1)) > 1e-4:
            message = (
                f"The {WORDS[key]} is {value:g}, which the editor does not write; {beatmap.mode.label} does not use it."
            )
            yield _setting(evidence, SETTING, key, Certainty.HARMLESS, message, f"{value:g}", "0 to 10, one decimal")


def _overflow(evidence: Evidence) -> Iterator[Candidate]:
    beatmap, difficulty = evidence.beatmap, evidence.beatmap.difficulty
    density = min(len(beatmap.hit_objects) / max(beatmap.drain_ms / 1000, 1.0) * 8, 16.0)
    settings = difficulty.hp_drain_rate + difficulty.circle_size + difficulty.overall_difficulty
    multiplier = round((settings + density) / 38 * 5)
    score = combo = 0.0
    for o in evidence.objects_by_time:
        combo += 1
        if o.slider:
            beats = o.span_duration / beatmap.red_line_at(o.time).beat_length
            ticks = max(math.ceil(beats * difficulty.slider_tick_rate - 0.01) - 1, 0)
            combo += o.slider.slides * (ticks + 1)
        score += 300 + 300 * (combo - 1) * multiplier / 25
    if score > LARGEST_SCORE:
        yield candidate(
            OVERFLOW,
            time=evidence.objects_by_time[0].time,
            line=1,
            certainty=Certainty.LIKELY,
            actual=f"{score / 1e9:.2f} billion",
            expected=[Expected("2.14 billion or less")],
            message=f"A perfect play scores about {score / 1e9:.2f} billion points, more than stable can count.",
        )


def _tick_rate(evidence: Evidence) -> Iterator[Candidate]:
    rate = evidence.beatmap.difficulty.slider_tick_rate
    if abs(rate - round(rate)) > 0.01 and min(abs(rate - usual) for usual in TICK_RATES) > 0.01:
        yield _setting(
            evidence,
            TICK_RATE,
            "SliderTickRate",
            Certainty.CERTAIN,
            f"The slider tick rate is {rate:g}; whole numbers, 0.5, 1.333 and 1.5 follow a rhythm.",
            f"{rate:g}",
            "a whole number, 0.5, 1.333 or 1.5",
        )


def _for_level(evidence: Evidence, level: Level) -> Iterator[Candidate]:
    difficulty = evidence.beatmap.difficulty
    values = {
        "ApproachRate": difficulty.approach_rate,
        "OverallDifficulty": difficulty.overall_difficulty,
        "HPDrainRate": difficulty.hp_drain_rate,
        "CircleSize": difficulty.circle_size,
    }
    mode = evidence.beatmap.mode
    for key, value in values.items():
        limit = criteria.criterion(KEYS_OF_TABLE[key], mode, level) if key in USED[mode] else None
        allowed = FAR if evidence.level_guessed else SLIGHTLY.get((mode, key), 0.0) + 1e-6
        if limit is None or limit.allows(value, allowed):
            continue
        off = max(limit.low - value, value - limit.high)
        yield _setting(
            evidence,
            FOR_LEVEL,
            key,
            Certainty.GUIDELINE if off > FAR + 1e-6 else Certainty.POSSIBLE,
            f"The {WORDS[key]} is {value:g}; usual for {level.label_in(mode)} is {limit.range}.",
            f"{value:g}",
            limit.range,
        )


def _overall_approach(evidence: Evidence) -> Iterator[Candidate]:
    overall = evidence.beatmap.difficulty.overall_difficulty
    approach = evidence.beatmap.difficulty.approach_rate
    if abs(overall - approach) > 1e-6:
        yield _setting(
            evidence,
            OVERALL_APPROACH,
            "OverallDifficulty",
            Certainty.GUIDELINE if overall > approach else Certainty.POSSIBLE,
            f"The overall difficulty is {overall:g} and the approach rate {approach:g}; in catch they should be equal.",
            f"{overall:g}",
            f"{approach:g}",
        )


def _without_shower(evidence: Evidence) -> Candidate:
    first = evidence.objects_by_time[0]
    return candidate(
        NO_SHOWER,
        time=first.time,
        line=first.line,
        certainty=Certainty.HARMLESS,
        actual="none",
        expected=[Expected("at least one")],
        message="The difficulty has no banana shower.",
    )


def _colours(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    colours: dict[str, tuple[float, float, float]] = {}
    for key, text in beatmap.written.get("Colours", {}).items():
        try:
            red, green, blue = (float(part) for part in text.split(",")[:3])
        except ValueError:
            continue
        colours[key] = (red, green, blue)
    combos = [key for key in colours if key.startswith("Combo")]
    if not combos and beatmap.mode is Mode.OSU and beatmap.general.get("SkinPreference", "").strip() != "Default":
        yield _setting(
            evidence,
            COMBO_COLOURS,
            "none",
            Certainty.POSSIBLE,
            "The map has no combo colours; those of the player's skin are used.",
            "none",
            "2 or more",
            section="Colours",
        )
    if len(combos) == 1:
        yield _setting(
            evidence,
            COMBO_COLOURS,
            combos[0],
            Certainty.CERTAIN,
            "There is only 1 combo colour; 2 or more are needed to tell combos apart.",
            "1",
            "2 or more",
            section="Colours",
        )
    for key in (*combos, *(key for key in ("SliderBorder",) if key in colours)):
        red, green, blue = colours[key]
        brightness = math.sqrt(0.299 * red * red + 0.587 * green * green + 0.114 * blue * blue)
        name = "The slider border" if key == "SliderBorder" else f"Combo colour {key.removeprefix('Combo')}"
        of = f"{name} ({red:g}, {green:g}, {blue:g}) is"
        if brightness < DIM:
            is_hidden = brightness < DARK and key != "SliderBorder"
            certainty = Certainty.CERTAIN if is_hidden else Certainty.GUIDELINE
            yield _setting(
                evidence,
                COMBO_COLOURS,
                key,
                certainty,
                f"{of} very dark: brightness {brightness:.0f} of 255, {DIM:.0f} is the least.",
                f"{brightness:.0f}",
                "43 or more",
                section="Colours",
            )
        elif brightness > GLARING and beatmap.kiai_sections and key != "SliderBorder":
            yield _setting(
                evidence,
                COMBO_COLOURS,
                key,
                Certainty.GUIDELINE,
                f"{of} glaring in kiai: brightness {brightness:.0f} of 255, {GLARING:.0f} is the most.",
                f"{brightness:.0f}",
                "250 or less",
                section="Colours",
            )


# ---------------------------------------------------------------------------------------------------------------------
# Playing time


def _playing_time(evidence: Evidence) -> Iterator[Candidate]:
    beatmap = evidence.beatmap
    least = criteria.low("drain-time", beatmap.mode)
    if beatmap.drain_ms < least:
        yield candidate(
            DRAIN,
            time=evidence.objects_by_time[0].time,
            line=1,
            certainty=Certainty.CERTAIN if beatmap.drain_ms < least - DRAIN_ROUNDING_MS else Certainty.POSSIBLE,
            actual=f"{beatmap.drain_ms / 1000:.2f} s",
            expected=[Expected("30 s")],
            message=f"The drain time is {beatmap.drain_ms / 1000:.2f} s, less than 30 s.",
        )
    if beatmap.mode is Mode.MANIA:
        return
    for pause in beatmap.breaks:
        yield from _break(evidence, pause)
    yield from _missing_breaks(evidence)


def _break(evidence: Evidence, pause: Break) -> Iterator[Candidate]:
    wrong: list[tuple[Certainty, str, str, str]] = []
    starts, ends = evidence.object_times, evidence.object_end_times
    inside = int(np.sum((starts < pause.end - ROUNDING_MS) & (ends > pause.start + ROUNDING_MS)))
    before = max(ends[ends <= pause.start + ROUNDING_MS].tolist(), default=None)
    after = min(starts[starts >= pause.end - ROUNDING_MS].tolist(), default=None)
    preempt = evidence.beatmap.difficulty.preempt_ms
    length = pause.end - pause.start
    if inside:
        count = f"{inside} objects lie" if inside > 1 else "An object lies"
        wrong.append((Certainty.CERTAIN, f"{count} in this break", "objects", "none"))
    if length < MIN_BREAK_MS:
        is_rounding = length >= MIN_BREAK_MS - ROUNDING_MS
        wrong.append(
            (
                Certainty.POSSIBLE if is_rounding else Certainty.GUIDELINE,
                f"This break lasts {length:.0f} ms",
                f"{length:.0f} ms",
                f"{MIN_BREAK_MS:.0f} ms",
            )
        )
    if pause.start % 1 or pause.end % 1:
        written = f"{pause.start:.12g} to {pause.end:.12g} ms"
        wrong.append((Certainty.CERTAIN, "This break has decimals, which stable cannot read", written, "whole ms"))
    if not inside and before is not None and pause.start - before < MIN_BREAK_START_MS - ROUNDING_MS:
        gap = pause.start - before
        wrong.append(
            (
                _how_wrong(MIN_BREAK_START_MS - gap),
                f"This break begins {gap:.0f} ms after the object before it",
                f"{gap:.0f} ms",
                "200 ms",
            )
        )
    if not inside and after is not None and after - pause.end < preempt - ROUNDING_MS:
        gap = after - pause.end
        wrong.append(
            (
                _how_wrong(preempt - gap),
                f"This break ends {gap:.0f} ms before the next object, which begins to appear {preempt:.0f} ms before "
                "its time",
                f"{gap:.0f} ms",
                f"{preempt:.0f} ms",
            )
        )
    if wrong:
        certainty, message, actual, least = wrong[0]
        more = "".join(f"; {other[0].lower()}{other[1:]}" for _, other, _, _ in wrong[1:])
        yield candidate(
            BREAK,
            time=pause.start,
            end_time=pause.end,
            line=pause.line,
            certainty=certainty,
            message=f"{message}{more}.",
            actual=actual,
            expected=[Expected(least)],
            length_ms=round(length, 1),
        )


def _how_wrong(by_ms: float) -> Certainty:
    """For a border of a break that is wrong by some ms."""
    if by_ms <= 2 * ROUNDING_MS:
        return Certainty.HARMLESS
    if by_ms <= LITTLE_MS:
        return Certainty.POSSIBLE
    return Certainty.GUIDELINE if by_ms <= SOME_MS else Certainty.CERTAIN


def _missing_breaks(evidence: Evidence) -> Iterator[Candidate]:
    ends = 0.0
    last: HitObject | None = None
    for before, after in pairwise(evidence.objects_by_time):
        if before.end_time >= ends:
            last, ends = before, before.end_time
        pause = after.time - ends
        if (
            last is not None
            and pause >= LONG_PAUSE_MS
            and not any(one.start < after.time and one.end > ends for one in evidence.beatmap.breaks)
        ):
            yield candidate(
                MISSING_BREAK,
                time=ends,
                end_time=after.time,
                line=after.line,
                certainty=Certainty.POSSIBLE,
                actual="no break",
                expected=[Expected("a break")],
                message=f"There is no object for {pause / 1000:.1f} s, and no break.",
            )


CHECK = BeatmapCheck(
    Category.MAPSET,
    "Settings and length of a difficulty",
    (SETTING, TICK_RATE, FOR_LEVEL, COMBO_COLOURS, OVERALL_APPROACH, NO_SHOWER, DRAIN, OVERFLOW, BREAK, MISSING_BREAK),
    run,
)
