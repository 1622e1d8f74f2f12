"""Skin elements of the set: complete sets, two styles of spinners, the border of sliders, sizes of fruits, formats, unused ones.

Source: https://osu.ppy.sh/wiki/en/Ranking_criteria/Skin_set_list
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from maimod.audio import probe
from maimod.findings import Expected, Severity, Tier
from maimod.osu.beatmap import ALL_MODES, ONLY_CATCH, ONLY_MANIA, ONLY_OSU, ONLY_TAIKO, Mode
from maimod.rules.base import Certainty, Rule
from maimod.rules.checks import MapsetCheck
from maimod.rules.criteria import PAGE
from maimod.rules.evidence import MapsetEvidence, Placed

SKIN_SET = Rule(
    "mapset/skin-set",
    "Incomplete set of skin elements",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Elements that the set lacks come from the player's skin, and the two do not go together.",
    how="If the folder has one element of a set of the criteria's list (cursor, hit bursts, hit circle, slider track, "
    "numbers, spinner of one style, taiko objects, fruits, catcher, hit bursts of each mode, scorebar, score numbers), it has all that are required, or "
    "the default skin is forced. Spinners of two styles, and a hit circle or slider track without SliderBorder in [Colours], are named "
    "too.",
    advice="Add the missing elements, or remove the others.",
    ignore_when="the missing elements are of objects that the difficulties do not have",
    blind_spots="Notes and keys of mania, which only the player's skin has; what the pictures show.",
    source=f"{PAGE}/Skin_set_list",
)
SKIN_SIZE = Rule(
    "mapset/skin-size",
    "Skin element of another size",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Fruits of another size do not show what the plate catches.",
    how="Fruits have 128 x 128 px, drops 82 x 103 px, and twice that with @2x in their names.",
    advice="Make it the size of the game's own.",
    ignore_when="never",
    blind_spots="Catchers; the part of the picture that is drawn.",
    source=f"{PAGE}/osu%21catch#skinning",
    modes=ONLY_CATCH,
)
SKIN_FORMAT = Rule(
    "mapset/skin-format",
    "Skin element that is no PNG",
    Severity.WARNING,
    Tier.EXACT,
    ("map",),
    why="Only a PNG can be transparent; around the picture of another format there is a rectangle.",
    how="An element of the criteria's list is a JPEG by its name, and there is no PNG of it.",
    advice="Save it as png, if it has a transparent part.",
    ignore_when="the element has no transparent part",
    blind_spots="Elements that are on no list, such as menus; JPEGs named as PNG.",
    source=f"{PAGE}#skinning",
)
SKIN_UNUSED = Rule(
    "mapset/skin-unused",
    "Skin elements of a mode that the set does not have",
    Severity.MINOR,
    Tier.EXACT,
    ("map",),
    why="They make every download of the set larger.",
    how="Elements of the criteria's list belong to a mode that no difficulty has. Difficulties of osu! can be played in every mode, so "
    "that a set with one has none unused.",
    advice="Remove the elements.",
    ignore_when="difficulties of that mode are still to come",
    blind_spots="Elements that a storyboard shows; elements of all modes.",
    source=f"{PAGE}#general",
)


class _Set(msgspec.Struct, frozen=True):
    """Elements that belong together."""

    name: str
    modes: frozenset[Mode]
    elements: tuple[str, ...]
    """Names without ending and number; all are required."""
    own: tuple[str, ...] = ()
    """Elements that only this set has; all if empty."""


_SPINNER = ("spinner-approachcircle", "spinner-clear", "spinner-spin")
_OLD_SPINNER = ("spinner-background", "spinner-circle", "spinner-metre")
_NEW_SPINNER = ("spinner-bottom", "spinner-glow", "spinner-middle", "spinner-middle2", "spinner-top")
_FRUITS = tuple(
    f"fruit-{name}{part}"
    for name in ("apple", "grapes", "orange", "pear", "bananas", "drop")
    for part in ("", "-overlay")
)
SETS = (
    _Set("cursor", ALL_MODES, ("cursor", "cursortrail")),
    _Set("hit bursts", ONLY_OSU, ("hit0", "hit50", "hit100", "hit100k", "hit300", "hit300g", "hit300k")),
    _Set(
        "hit circle",
        ONLY_OSU,
        (
            "approachcircle",
            "followpoint",
            "hitcircle",
            "hitcircleoverlay",
            "reversearrow",
            "sliderendcircle",
            "sliderendcircleoverlay",
            "sliderstartcircle",
            "sliderstartcircleoverlay",
        ),
    ),
    _Set(
        "slider track",
        ONLY_OSU,
        ("sliderb", "sliderfollowcircle", "sliderscorepoint"),
        ("sliderb", "sliderfollowcircle"),
    ),
    _Set("numbers", ONLY_OSU, tuple(f"default-{digit}" for digit in range(10))),
    _Set("spinner", ONLY_OSU, _OLD_SPINNER + _SPINNER, _OLD_SPINNER),
    _Set("new spinner", ONLY_OSU, _NEW_SPINNER + _SPINNER, _NEW_SPINNER),
    _Set(
        "taiko objects",
        ONLY_TAIKO,
        (
            "taikobigcircle",
            "taikobigcircleoverlay",
            "taikohitcircle",
            "taikohitcircleoverlay",
            "taiko-roll-middle",
            "taiko-roll-end",
            "spinner-warning",
        ),
    ),
    _Set("taiko hit bursts", ONLY_TAIKO, tuple(f"taiko-hit{name}" for name in ("0", "100", "100k", "300", "300k"))),
    _Set(
        "mania hit bursts", ONLY_MANIA, tuple(f"mania-hit{name}" for name in ("0", "50", "100", "200", "300", "300g"))
    ),
    _Set("fruits", ONLY_CATCH, _FRUITS),
    _Set(
        "catcher",
        ONLY_CATCH,
        ("fruit-catcher-fail", "fruit-catcher-idle", "fruit-catcher-kiai", "skin.ini"),
        ("fruit-catcher-fail", "fruit-catcher-idle", "fruit-catcher-kiai"),
    ),
    _Set(
        "scorebar",
        ALL_MODES,
        tuple(f"scorebar-{name}" for name in ("bg", "colour", "ki", "kidanger", "kidanger2", "marker")),
    ),
    _Set(
        "score numbers", ALL_MODES, tuple(f"score-{name}" for name in (*map(str, range(10)), "comma", "dot", "percent"))
    ),
)
FRUIT, DROP = (128, 128), (82, 103)


def run(evidence: MapsetEvidence) -> Iterator[Placed]:
    files = {_element(name): name for name in evidence.mapset.files if "/" not in name}
    modes = {beatmap.mode for beatmap in evidence.beatmaps}
    forced = all(beatmap.general.get("SkinPreference", "").strip() == "Default" for beatmap in evidence.beatmaps)
    if not forced:
        yield from _incomplete(evidence, set(files), modes)
    if Mode.CATCH in modes:
        yield from _sizes(evidence)
    yield from _formats(evidence)
    yield from _unused(evidence, files, modes)


def _element(name: str) -> str:
    """Name of the element that a file shows: without ending, @2x, and the number of a frame."""
    if name.lower() == "skin.ini":
        return "skin.ini"
    stem, _, ending = name.lower().rpartition(".")
    if ending not in ("png", "jpg", "jpeg"):
        return ""
    stem = stem.removesuffix("@2x")
    if re.fullmatch(r"sliderb\d+", stem):
        return "sliderb"
    return stem if stem.startswith(("default-", "score-")) else re.sub(r"-\d+$", "", stem)


def _incomplete(evidence: MapsetEvidence, elements: set[str], modes: set[Mode]) -> Iterator[Placed]:
    for one in SETS:
        there = elements & set(one.own or one.elements)
        missing = [name for name in one.elements if name not in elements]
        if there and missing and one.modes & modes:
            shown = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
            yield from evidence.candidate(
                SKIN_SET,
                [beatmap for beatmap in evidence.beatmaps if beatmap.mode in one.modes],
                certainty=Certainty.LIKELY,
                subject=one.name,
                actual=sorted(there)[0],
                expected=[Expected(missing[0])],
                message=f"The skin elements of the {one.name} are not complete: there is {sorted(there)[0]}, but not {shown}.",
            )
    osu = [beatmap for beatmap in evidence.beatmaps if beatmap.mode is Mode.OSU]
    if osu and elements & set(_OLD_SPINNER) and elements & set(_NEW_SPINNER):
        yield from evidence.candidate(
            SKIN_SET,
            osu,
            certainty=Certainty.LIKELY,
            subject="spinners",
            message="There are elements of both styles of spinners; the old one is shown.",
        )
    bodies = elements & {"hitcircle", "hitcircleoverlay", "sliderb", "sliderstartcircle"}
    without = [beatmap for beatmap in osu if "SliderBorder" not in beatmap.written.get("Colours", {})]
    if bodies and without:
        yield from evidence.candidate(
            SKIN_SET,
            without,
            certainty=Certainty.LIKELY,
            subject="SliderBorder",
            expected=[Expected("SliderBorder in [Colours]")],
            message=f"The folder has {sorted(bodies)[0]}, but no colour for the border of sliders (SliderBorder) is set.",
        )


def _formats(evidence: MapsetEvidence) -> Iterator[Placed]:
    listed = {element for one in SETS for element in one.elements}
    endings: dict[str, set[str]] = defaultdict(set)
    for name in evidence.mapset.files:
        if "/" not in name and (element := _element(name)) in listed:
            endings[element].add(name.lower().rpartition(".")[2])
    others = sorted(element for element, found in endings.items() if element != "skin.ini" and "png" not in found)
    if others:
        more = f" and {len(others) - 1} more skin elements" if len(others) > 1 else ""
        yield from evidence.candidate(
            SKIN_FORMAT,
            evidence.beatmaps,
            certainty=Certainty.LIKELY,
            actual=others[0],
            expected=[Expected(f"{others[0]}.png")],
            message=f'"{others[0]}"{more} {"are" if more else "is"} a JPEG, which cannot be transparent.',
            elements=others,
        )


def _unused(evidence: MapsetEvidence, files: Mapping[str, str], modes: set[Mode]) -> Iterator[Placed]:
    if Mode.OSU in modes:
        return
    for one in SETS:
        there = sorted(files[element] for element in set(files) & set(one.own or one.elements))
        if there and not one.modes & modes:
            yield from evidence.candidate(
                SKIN_UNUSED,
                evidence.beatmaps,
                certainty=Certainty.POSSIBLE,
                subject=one.name,
                actual=there[0],
                message=f'"{there[0]}" belongs to the {one.name} of {next(iter(one.modes)).label}, which no difficulty has.',
            )


def _sizes(evidence: MapsetEvidence) -> Iterator[Placed]:
    for name in evidence.mapset.files:
        element = _element(name) if "/" not in name else ""
        if element not in _FRUITS:
            continue
        found = probe.picture_size(evidence.mapset.path_of(name))
        factor = 2 if "@2x" in name.lower() else 1
        width, height = (side * factor for side in (DROP if element.startswith("fruit-drop") else FRUIT))
        if found is not None and found[:2] != (width, height):
            yield from evidence.candidate(
                SKIN_SIZE,
                [beatmap for beatmap in evidence.beatmaps if beatmap.mode is Mode.CATCH],
                certainty=Certainty.LIKELY,
                subject=name,
                actual=f"{found[0]} x {found[1]}",
                expected=[Expected(f"{width} x {height}")],
                message=f'"{name}" has {found[0]} x {found[1]} px instead of {width} x {height}.',
            )


CHECK = MapsetCheck("Skin", (SKIN_SET, SKIN_SIZE, SKIN_FORMAT, SKIN_UNUSED), run)
