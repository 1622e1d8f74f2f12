"""Settings of a single difficulty: values that the game or the criteria do not allow, values unusual for its level, colours."""

from __future__ import annotations

import math
from collections.abc import Iterator

from maimod.findings import Category, Expected, Severity, Tier
from maimod.osu.beatmap import ONLY_CATCH, ONLY_OSU, PLAYFIELD_MODES, Beatmap, Mode, ObjectKind
from maimod.osu.level import Level
from maimod.rules import criteria
from maimod.rules.base import Candidate, Certainty, Rule, candidate
from maimod.rules.checks import BeatmapCheck
from maimod.rules.evidence import Evidence

_LAZER = "https://github.com/ppy/osu/blob/master/osu.Game"
SETTING = Rule(
    "mapset/setting",
    "Difficulty setting out of bounds",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="The game limits or rounds such values, so the map plays differently from its file.",
    how="Health, circle size, overall difficulty and approach rate lie between 0 and 10 and have one decimal at most; "
    "the slider velocity lies between 0.4 and 3.6. More decimals of a setting that the mode does not use are a minor.",
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
    source=f"{criteria.PAGE}#general",
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
    "the guidelines for the level. A deviation of up to 1.5 is a minor, and none if the level is a guess. Health of "
    "taiko may be lower by 1, as the guidelines allow for many notes.",
    advice="Is it intended?",
    ignore_when="the tempo or the density of the song requires it",
    blind_spots="Difficulties with unknown level; taiko, catch and mania where the name of the difficulty does not "
    "tell it.",
    source=f"{criteria.PAGE}/osu%21#difficulty-specific",
    criteria=("approach-rate", "overall-difficulty", "hp-drain-rate", "circle-size"),
)
OVERFLOW = Rule(
    "mapset/score-overflow",
    "Score beyond what the game can count",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="In stable the score of a perfect play passes 2,147,483,647, the largest number that it counts to, and becomes "
    "negative.",
    how="Circles and sliders give 300 points each, and 300 times the combo times the difficulty multiplier divided by "
    "25; the multiplier is computed from the settings and the density of objects.",
    advice="Use fewer objects, or lower settings.",
    ignore_when="the map is made for lazer alone",
    blind_spots="Mods, which multiply the score; bonus of spinners; other modes.",
    source="https://osu.ppy.sh/wiki/en/Gameplay/Score/ScoreV1/osu%21",
    modes=ONLY_OSU,
)
OVERALL_APPROACH = Rule(
    "mapset/overall-differs-from-approach",
    "Overall difficulty differs from the approach rate",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Catch does not use the overall difficulty except for the score; the criteria ask for one value for both, so "
    "that scores of difficulties compare.",
    how="OverallDifficulty and ApproachRate of a catch map are different; none of 64 real maps but two jokes.",
    advice="Is it intended?",
    ignore_when="the score would overflow; then the overall difficulty is lower",
    blind_spots="None.",
    source=f"{criteria.PAGE}/osu%21catch#general",
    modes=ONLY_CATCH,
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
    modes=ONLY_CATCH,
)

COMBO_COLOURS = Rule(
    "mapset/combo-colours",
    "Combo colours",
    Severity.PROBLEM,
    Tier.EXACT,
    ("map",),
    why="Combos are distinguished by their colours, which must be visible against the background and must not glare.",
    how="At least two combo colours (none at all is a minor, unless the default skin is forced: the player's skin "
    "decides then). Perceived brightness (HSP) of combo colours and of the slider border: a problem below 30 (of the "
    "border, which sets of old have black, a warning), a warning below 43, or above 250 in maps with kiai, where "
    "objects flash.",
    advice="Set colours that stand out from the background.",
    ignore_when="the background is bright throughout",
    blind_spots="The background itself; default colours of the skin.",
    source=f"{criteria.PAGE}#skinning",
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

LARGEST_SCORE = 2**31 - 1


def run(evidence: Evidence) -> Iterator[Candidate]:
    mode = evidence.beatmap.mode
    yield from _bounds(evidence)
    yield from _unused_settings(evidence)
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
    *,
    certainty: Certainty,
    message: str,
    actual: str,
    expected: str,
    section: str = "Difficulty",
) -> Candidate:
    """A candidate about the line of a key."""
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
                certainty=Certainty.CERTAIN,
                message=f"The {WORDS[key]} is {value:g}, outside of {low:g} to {high:g}.",
                actual=f"{value:g}",
                expected=f"{low:g} to {high:g}",
            )
        # The slider velocity may have any number of decimals; rounding errors of float32 come from the game.
        elif key != "SliderMultiplier" and abs(value - round(value, 1)) > 1e-4:
            yield _setting(
                evidence,
                SETTING,
                key,
                certainty=Certainty.CERTAIN,
                message=f"The {WORDS[key]} is {value:g}; it may have one decimal.",
                actual=f"{value:g}",
                expected=f"{round(value, 1):g}",
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
            yield _setting(
                evidence,
                SETTING,
                key,
                certainty=Certainty.HARMLESS,
                message=message,
                actual=f"{value:g}",
                expected="0 to 10, one decimal",
            )


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
            certainty=Certainty.CERTAIN,
            message=f"The slider tick rate is {rate:g}; whole numbers, 0.5, 1.333 and 1.5 follow a rhythm.",
            actual=f"{rate:g}",
            expected="a whole number, 0.5, 1.333 or 1.5",
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
            certainty=Certainty.GUIDELINE if off > FAR + 1e-6 else Certainty.POSSIBLE,
            message=f"The {WORDS[key]} is {value:g}; usual for {level.one_in(mode)} is {limit.range}.",
            actual=f"{value:g}",
            expected=limit.range,
        )


def _overall_approach(evidence: Evidence) -> Iterator[Candidate]:
    overall = evidence.beatmap.difficulty.overall_difficulty
    approach = evidence.beatmap.difficulty.approach_rate
    if abs(overall - approach) > 1e-6:
        yield _setting(
            evidence,
            OVERALL_APPROACH,
            "OverallDifficulty",
            certainty=Certainty.GUIDELINE if overall > approach else Certainty.POSSIBLE,
            message=f"The overall difficulty is {overall:g} and the approach rate {approach:g}; in catch they should be equal.",
            actual=f"{overall:g}",
            expected=f"{approach:g}",
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
    colours = _written_colours(beatmap)
    combos = [key for key in colours if key.startswith("Combo")]
    if not combos and beatmap.mode is Mode.OSU and beatmap.general.get("SkinPreference", "").strip() != "Default":
        yield _setting(
            evidence,
            COMBO_COLOURS,
            "none",
            certainty=Certainty.POSSIBLE,
            message="The map has no combo colours; those of the player's skin are used.",
            actual="none",
            expected="2 or more",
            section="Colours",
        )
    if len(combos) == 1:
        yield _setting(
            evidence,
            COMBO_COLOURS,
            combos[0],
            certainty=Certainty.CERTAIN,
            message="There is only 1 combo colour; 2 or more are needed to tell combos apart.",
            actual="1",
            expected="2 or more",
            section="Colours",
        )
    for key in (*combos, *(key for key in ("SliderBorder",) if key in colours)):
        yield from _brightness(evidence, key, colours[key])


def _written_colours(beatmap: Beatmap) -> dict[str, tuple[float, float, float]]:
    """Red, green and blue, 0 to 255, by key; without those that cannot be read."""
    colours: dict[str, tuple[float, float, float]] = {}
    for key, text in beatmap.written.get("Colours", {}).items():
        try:
            red, green, blue = (float(part) for part in text.split(",")[:3])
        except ValueError:
            continue
        colours[key] = (red, green, blue)
    return colours


def _brightness(evidence: Evidence, key: str, colour: tuple[float, float, float]) -> Iterator[Candidate]:
    """A colour that is too dark, or too bright while objects flash."""
    red, green, blue = colour
    brightness = math.sqrt(0.299 * red * red + 0.587 * green * green + 0.114 * blue * blue)
    is_border = key == "SliderBorder"
    name = "The slider border" if is_border else f"Combo colour {key.removeprefix('Combo')}"
    of = f"{name} ({red:g}, {green:g}, {blue:g}) is"
    if brightness < DIM:
        certainty = Certainty.CERTAIN if brightness < DARK and not is_border else Certainty.GUIDELINE
        message = f"{of} very dark: brightness {brightness:.0f} of 255, {DIM:.0f} is the least."
        expected = f"{DIM:.0f} or more"
    elif brightness > GLARING and evidence.beatmap.kiai_sections and not is_border:
        certainty = Certainty.GUIDELINE
        message = f"{of} glaring in kiai: brightness {brightness:.0f} of 255, {GLARING:.0f} is the most."
        expected = f"{GLARING:.0f} or less"
    else:
        return
    yield _setting(
        evidence,
        COMBO_COLOURS,
        key,
        certainty=certainty,
        message=message,
        actual=f"{brightness:.0f}",
        expected=expected,
        section="Colours",
    )


CHECK = BeatmapCheck(
    Category.MAPSET,
    "Settings of a difficulty",
    (SETTING, TICK_RATE, FOR_LEVEL, COMBO_COLOURS, OVERALL_APPROACH, NO_SHOWER, OVERFLOW),
    run,
)
