"""Grammar of events: which kind can follow which. Alternatives of a model are limited to these.

Groups are those of docs/compat.md §4.1 and §4.5; the order inside a group and its parts follow from the checkpoint's
event schema.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from maimod.events.schema import ANCHORS, BEATS, EventKind, EventSchema
from maimod.osu.beatmap import PLAYFIELD_MODES, Mode


def _group_templates(schema: EventSchema, mode: Mode) -> list[list[str]]:
    """Groups of docs/compat.md §4.1 and §4.5 as lists of short names, type last, with every optional part present.

    A trailing `?` marks an optional part, `*` a part that may repeat together with the one before it.
    """
    if mode in PLAYFIELD_MODES:
        place = (["dist"] if schema.distances else []) + {
            "split": ["pos_x", "pos_y"],
            "cell": ["pos"],
            "refined": ["pos", "pos_refine"],
        }[schema.positions]
    else:
        place = ["column"] if mode is Mode.MANIA else []
    combo = ["new_combo?"] if mode in PLAYFIELD_MODES else []
    speed = ["scroll_speed"] if schema.velocities else []
    hit, when = ["hitsound", "volume"], ["t", "snap"]
    groups = [
        [*when, *place, *combo, *(["scroll_speed"] if mode is Mode.TAIKO else []), *hit, "circle"],
        [*when, *place, *combo, *speed, *hit, "slider_head"],
        *(
            [*place, kind]
            for kind in ("bezier_anchor", "perfect_anchor", "catmull_anchor", "red_anchor", "last_anchor")
        ),
        [*when, *(place if schema.slider_version == 1 else []), *hit, "*", "last_anchor"],
        [*when, *place, *hit, "slider_end"],
        [*when, "spinner"],
        [*when, *hit, "spinner_end"],
        [*when, "scroll_speed", *hit, "drumroll"],
        [*when, "drumroll_end"],
        [*when, "scroll_speed", *hit, "denden"],
        [*when, "denden_end"],
        [*when, *place, *hit, "hold_note"],
        [*when, *place, "hold_note_end"],
        *(
            [
                ["t", kind]
                for kind in (
                    "slider_sustain",
                    "slider_repeat_sustain",
                    "spinner_sustain",
                    "drumroll_sustain",
                    "denden_sustain",
                )
            ]
            if schema.sustains
            else []
        ),
        *([["t", *place, "hold_note_sustain"]] if schema.sustains else []),
        [*when, "kiai"],
        [*when, "scroll_speed", "scroll_speed_change"],
        ["t", "beat"],
        ["t", "measure"],
        ["t", "timing_point"],
    ]
    taiko_only = {"drumroll", "drumroll_end", "denden", "denden_end"}
    slider_kinds = {"slider_head", "slider_end", "last_anchor"} | {
        name for name in EventKind if name.endswith("_anchor")
    }

    def fits(group: list[str]) -> bool:
        kind = group[-1]
        if mode is Mode.TAIKO:
            return kind not in slider_kinds | {"spinner", "spinner_end"} and not kind.startswith("hold_note")
        return kind not in taiko_only and (mode is Mode.MANIA or not kind.startswith("hold_note"))

    return [group for group in groups if fits(group)]


_OWN_CONTEXTS = {
    "kiai": ("kiai",),
    "scroll_speed_change": ("sv", "mania_sv"),
    "beat": ("timing",),
    "measure": ("timing",),
    "timing_point": ("timing",),
}
"""Contexts of groups; groups not listed belong to `map`."""


@cache
def successors(
    schema: EventSchema, mode: Mode, contexts: tuple[str, ...]
) -> dict[EventKind | None, frozenset[EventKind]]:
    """Kinds that can follow each kind of event.

    Args:
        schema: of the checkpoint.
        mode: of the map.
        contexts: the names merged into the sequence, an entry of `schema.contexts`.

    Returns:
        Possible next kinds by kind; the key None is the beginning of the sequence.
    """
    follow: dict[EventKind | None, set[EventKind]] = {}
    firsts: set[EventKind] = set()
    timeless_firsts: set[EventKind] = set()
    lasts: set[EventKind] = set()
    for template in _group_templates(schema, mode):
        if not set(contexts) & set(_OWN_CONTEXTS.get(template[-1], ("map",))):
            continue
        group = [template[-1], *template[:-1]] if schema.type_first else template
        kinds = [name for name in group if name != "*"]
        for names in ([name.rstrip("?") for name in kinds], [name for name in kinds if not name.endswith("?")]):
            events = [EventKind(name) for name in names]
            (firsts if "t" in names else timeless_firsts).add(events[0])
            lasts.add(events[-1])
            for before, after in pairwise(events):
                follow.setdefault(before, set()).add(after)
        if "*" in group:
            follow.setdefault(EventKind.VOLUME, set()).add(EventKind.HITSOUND)
            if schema.type_first:
                lasts.add(EventKind.VOLUME)
    # Groups without a time are slider anchors; a beat or a change may come between them. If the type comes first, the
    # last event of a group does not show which group ended.
    between = ANCHORS | BEATS | {EventKind.SLIDER_HEAD, EventKind.KIAI, EventKind.SCROLL_SPEED_CHANGE}
    before_anchors = lasts if schema.type_first else lasts & between
    for last in [None, *lasts]:
        follow.setdefault(last, set()).update(firsts)
    for last in before_anchors:
        follow[last].update(timeless_firsts)
    return {kind: frozenset(kinds) for kind, kinds in follow.items()}
