"""Describe events in words: "distance 170 px", "sound soft, clap"."""

from __future__ import annotations

from maimod.events.schema import ANCHORS, BEATS, SUSTAINS, Event, EventKind, EventSchema, hitsound_parts, position
from maimod.findings import editor_timestamp
from maimod.osu.beatmap import Beatmap, Mode
from maimod.osu.names import kind_name, taiko_note
from maimod.osu.timing import snap

NAMES = {
    EventKind.TIME: "time",
    EventKind.SNAP: "snap",
    EventKind.DISTANCE: "distance",
    EventKind.NEW_COMBO: "new combo",
    EventKind.HITSOUND: "sound",
    EventKind.VOLUME: "volume",
    EventKind.POS_X: "x",
    EventKind.POS_Y: "y",
    EventKind.POS: "place",
    EventKind.POS_REFINE: "place in the cell",
    EventKind.COLUMN: "column",
    EventKind.SCROLL_SPEED: "velocity",
    EventKind.KIAI: "kiai",
}


def words(event: Event, beatmap: Beatmap, schema: EventSchema | None) -> tuple[str, str]:
    """(name, value) of an event; an event that only gives the type of a group has the name "kind"."""
    kind, value = event.kind, event.value
    name = NAMES.get(kind, kind.value.replace("_", " "))
    match kind:
        case EventKind.TIME:
            return name, f"{editor_timestamp(beatmap, value).removesuffix(' -')} (1/{snap(beatmap, value).divisor})"
        case EventKind.SNAP:
            return name, f"1/{value}" if value else "none"
        case EventKind.DISTANCE:
            return name, f"{value} px"
        case EventKind.HITSOUND if beatmap.mode is Mode.TAIKO:
            _, _, additions = hitsound_parts(value)
            return "colour", taiko_note("whistle" in additions or "clap" in additions, "finish" in additions)
        case EventKind.HITSOUND:
            normal, addition, additions = hitsound_parts(value)
            return name, f"{normal} hitnormal" + "".join(f" + {addition} {one}" for one in additions)
        case EventKind.VOLUME:
            return name, f"{value} %"
        case EventKind.POS_X | EventKind.POS_Y if schema:
            return name, f"{position(event, schema)[0]:.0f}"
        case EventKind.POS if schema:
            x, y = position(event, schema)
            return name, f"around {x:.0f}, {y:.0f}"
        case EventKind.COLUMN:
            return name, str(value + 1)
        case EventKind.SCROLL_SPEED:
            return name, f"{value / 100:.2f}x"
        case EventKind.KIAI:
            return name, "on" if value else "off"
        case EventKind.CONTROL:
            return "kind", "nothing more here"
        case EventKind.NEW_COMBO:
            return name, "yes"
        case _ if kind in ANCHORS | SUSTAINS | BEATS or not value:
            own = kind.value.replace("_", " ")
            return "kind", kind_name(own, beatmap)
        case _:
            return name, str(value)
