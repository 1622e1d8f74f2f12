"""Events, their scores, and the switches by which event sequences differ between models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

import msgspec

from maimod.osu.beatmap import HitObject, TimingPoint
from maimod.osu.hitsounds import ADDITIONS, SAMPLE_SETS

CELL = 32
"""Width in osu! pixels of the cells of `positions` "cell" and "refined"."""
CELL_PART = 2
"""Width in osu! pixels of the parts of a cell that `POS_REFINE` tells apart."""
LEFT, TOP, RIGHT, BOTTOM = -256, -256, 768, 640
"""Coordinates beyond are clipped [osu! pixels]; the playfield is 0 to 512 by 0 to 384."""
CELLS_PER_ROW = (RIGHT - LEFT) // CELL + 1
PARTS_PER_ROW = CELL // CELL_PART
MAX_DISTANCE = 640
"""Farther ones are clipped [osu! pixels]: the diagonal of the playfield."""
CENTRE = (256.0, 192.0)
"""Assumed cursor position at the start and after a spinner."""


class EventKind(StrEnum):
    """Type of an event. Values are the names in `tokenizer.json` and in score files."""

    TIME = "t"
    SNAP = "snap"
    DISTANCE = "dist"
    NEW_COMBO = "new_combo"
    HITSOUND = "hitsound"
    VOLUME = "volume"
    CIRCLE = "circle"
    SPINNER = "spinner"
    SPINNER_END = "spinner_end"
    SLIDER_HEAD = "slider_head"
    BEZIER_ANCHOR = "bezier_anchor"
    PERFECT_ANCHOR = "perfect_anchor"
    CATMULL_ANCHOR = "catmull_anchor"
    RED_ANCHOR = "red_anchor"
    LAST_ANCHOR = "last_anchor"
    SLIDER_END = "slider_end"
    BEAT = "beat"
    MEASURE = "measure"
    TIMING_POINT = "timing_point"
    GAMEMODE = "gamemode"
    STYLE = "style"
    DIFFICULTY = "difficulty"
    MAPPER = "mapper"
    CS = "cs"
    YEAR = "year"
    HITSOUNDED = "hitsounded"
    SONG_LENGTH = "song_length"
    SONG_POSITION = "song_position"
    GLOBAL_SV = "global_sv"
    KEYCOUNT = "keycount"
    HOLD_NOTE_RATIO = "hold_note_ratio"
    SCROLL_SPEED_RATIO = "scroll_speed_ratio"
    DESCRIPTOR = "descriptor"
    POS_X = "pos_x"
    POS_Y = "pos_y"
    POS = "pos"
    KIAI = "kiai"
    COLUMN = "column"
    HOLD_NOTE = "hold_note"
    HOLD_NOTE_END = "hold_note_end"
    SCROLL_SPEED_CHANGE = "scroll_speed_change"
    SCROLL_SPEED = "scroll_speed"
    DRUMROLL = "drumroll"
    DRUMROLL_END = "drumroll_end"
    DENDEN = "denden"
    DENDEN_END = "denden_end"
    CONTROL = "control"
    """No event of a map: an end of sequence or another special token a model may expect; its value is the token."""
    SLIDER_SUSTAIN = "slider_sustain"
    SLIDER_REPEAT_SUSTAIN = "slider_repeat_sustain"
    SPINNER_SUSTAIN = "spinner_sustain"
    HOLD_NOTE_SUSTAIN = "hold_note_sustain"
    DRUMROLL_SUSTAIN = "drumroll_sustain"
    DENDEN_SUSTAIN = "denden_sustain"
    POS_REFINE = "pos_refine"


ANCHORS = frozenset({EventKind.BEZIER_ANCHOR, EventKind.PERFECT_ANCHOR, EventKind.CATMULL_ANCHOR, EventKind.RED_ANCHOR})
BEATS = frozenset({EventKind.BEAT, EventKind.MEASURE, EventKind.TIMING_POINT})
SUSTAINS = frozenset(
    {
        EventKind.SLIDER_SUSTAIN,
        EventKind.SLIDER_REPEAT_SUSTAIN,
        EventKind.SPINNER_SUSTAIN,
        EventKind.HOLD_NOTE_SUSTAIN,
        EventKind.DRUMROLL_SUSTAIN,
        EventKind.DENDEN_SUSTAIN,
    }
)
OBJECTS = ANCHORS | {
    EventKind.CIRCLE,
    EventKind.SPINNER,
    EventKind.SPINNER_END,
    EventKind.SLIDER_HEAD,
    EventKind.LAST_ANCHOR,
    EventKind.SLIDER_END,
    EventKind.HOLD_NOTE,
    EventKind.HOLD_NOTE_END,
    EventKind.DRUMROLL,
    EventKind.DRUMROLL_END,
    EventKind.DENDEN,
    EventKind.DENDEN_END,
}
TYPES = OBJECTS | BEATS | SUSTAINS | {EventKind.KIAI, EventKind.SCROLL_SPEED_CHANGE}
"""Types of groups: every group of events has exactly one of these."""


class Event(msgspec.Struct, frozen=True):  # made ten times as fast as a frozen dataclass; a map has 60,000 alternatives
    """One decision of a mapper."""

    kind: EventKind
    value: int
    """Meaning depends on `kind`: ms for `TIME`; otherwise the integer of the vocabulary, see :func:`position` and
    :func:`hitsound_parts`, which read what :func:`position_values` and :func:`hitsound_value` write; 100 times the speed for `SCROLL_SPEED`; 0 for kinds without a value."""
    time: int
    """Ms, of the group. Anchors of slider version 1 lie between head and tail, those of version 2 at the head."""
    group: int
    """Events of one hit, anchor, beat or change share this number; counted from 0 through all contexts."""
    source: HitObject | TimingPoint | None
    """The line of the file it was read from; `None` for an alternative of a model."""
    part: int = 0
    """Which part of the source.

    In an anchor's group, and for the place of a slider's last anchor: the index into `SliderPath.control_points` (from
    1). Hitsound and volume of a slider: 0 in the head's group, the edge number 1 … `slides` for repeats and tail; in
    the last anchor's group 0 is the body. Beats: their number from the timing point. Sustains: their number from 1.
    Else 0.
    """


class EventScore(msgspec.Struct, frozen=True):
    """A model's score of one event."""

    event: Event
    surprisal: float
    """Bits: -log2 of the probability of exactly this event."""
    entropy: float
    """Bits: entropy of the model's prediction."""
    expected: tuple[tuple[Event, float], ...]
    """(event, probability) of the legal alternatives, the actual event among them if it is likely; best first."""
    near: float = 0.0
    """Probability with tolerance: that of this event and, for ordinal kinds (times, positions, volumes, speeds), of the
    values within the tolerance of it. A model that gives 0.1 to each of ten neighbouring times is not surprised by one
    of them."""

    @property
    def likeliest(self) -> Event:
        """The best of the alternatives."""
        return self.expected[0][0]

    @property
    def tolerant_surprisal(self) -> float:
        """Bits: -log2 of `near`, never more than `surprisal`; the two are equal for kinds without an order.

        Findings are ranked by this; the `surprisal` that a report gives for an event is the exact one.
        """
        if self.near <= 0:
            return self.surprisal
        bits = -math.log2(self.near)
        return bits if bits < self.surprisal else self.surprisal  # three times as fast as min


CONTEXTS = frozenset({"timing", "kiai", "sv", "mania_sv", "map"})
"""Parts of a map that a schema may write as a sequence of their own or merge into another."""


class EventSchema(msgspec.Struct, frozen=True):
    """The switches by which the families of models differ."""

    type_first: bool
    """Whether a group begins with its type; otherwise it ends with it."""
    contexts: tuple[tuple[str, ...], ...]
    """Sequences to write, in order. Of each, the last name is the main one and names the result; the others are merged
    into it and go first at equal times, in the order given. Names: `timing`, `kiai`, `sv`, `mania_sv` (`sv` in mania,
    nothing in other modes), `map`."""
    distances: bool
    """Whether positions are preceded by the distance to the last one."""
    positions: Literal["split", "cell", "refined"]
    """`split`: x, then y. `cell`: a 32 px cell. `refined`: the cell, then the place inside of it to 2 px."""
    position_precision: int
    """Osu! pixels per unit of split positions."""
    slider_version: Literal[1, 2]
    """1: the last anchor has its place and its time together. 2: all anchors follow the head, then come the times."""
    sustains: bool
    """Whether long objects are repeated every 8 s."""
    velocities: bool
    """Whether slider heads carry the slider velocity."""
    timing_point_events: bool
    """Whether a timing point has another event type than a measure."""
    corrected: bool = False
    """Whether known errors of the original are corrected: timing points are sorted and their times not cut to seconds,
    kiai is kiai alone, a green line with a positive number sets velocity 1, heads and tails without edge sounds sound
    like their slider. Published models were trained with the errors."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EventSchema:
        """Read the values of :meth:`to_dict` (or JSON); unknown entries are refused.

        Raises:
            ValueError: if entries are missing, unknown or invalid.
        """
        if unknown := values.keys() - set(cls.__struct_fields__):
            raise ValueError(f"event language: unknown {sorted(unknown)}")
        try:
            schema = msgspec.convert(dict(values), cls)
        except msgspec.ValidationError as error:
            raise ValueError(f"event language: {error}") from None
        if (
            {name for names in schema.contexts for name in names} - CONTEXTS
            or not all(schema.contexts)
            or schema.position_precision < 1
        ):
            raise ValueError(f"event language: contexts {schema.contexts}, precision {schema.position_precision}")
        return schema

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**msgspec.structs.asdict(self), "contexts": [list(names) for names in self.contexts]}


_ADDITIONS, _SETS = 1 << len(ADDITIONS), len(SAMPLE_SETS)
"""Values of a `HITSOUND` event are additions + `_ADDITIONS` (sample set + `_SETS` addition set), docs/compat.md §4.4."""


def hitsound_value(hitsound: int, sample_set: int, addition_set: int) -> int:
    """Value of a `HITSOUND` event.

    Args:
        hitsound: addition bits of the file: 2 whistle, 4 finish, 8 clap; others are left out.
        sample_set: 1 normal, 2 soft, 3 drum.
        addition_set: the same.
    """
    return (hitsound >> 1) % _ADDITIONS + _ADDITIONS * (sample_set - 1 + _SETS * (addition_set - 1))


def hitsound_sets(value: int) -> tuple[int, int]:
    """Sample set and addition set of a `HITSOUND` value, numbered as in :func:`hitsound_value`.

    Vocabularies have an id for 72, one beyond the last combination: it counts as the last addition set without additions.
    """
    sets = value // _ADDITIONS
    return sets % _SETS + 1, min(sets // _SETS, _SETS - 1) + 1


def hitsound_parts(value: int) -> tuple[str, str, tuple[str, ...]]:
    """Name the sample set, the addition set and the additions of a `HITSOUND` value."""
    sample_set, addition_set = hitsound_sets(value)
    additions = tuple(name for bit, name in enumerate(ADDITIONS) if value >> bit & 1)
    return SAMPLE_SETS[sample_set - 1], SAMPLE_SETS[addition_set - 1], additions


def position_values(x: float, y: float, schema: EventSchema) -> list[tuple[EventKind, int]]:
    """Kinds and values of the events of a position [osu! pixels], in order.

    Coordinates are truncated, so the cells at 0 are twice as wide as the others; a refinement is rounded down, so left of
    and above the playfield it is not of the cell that is written (docs/compat.md §4.3).
    """
    inside_x, inside_y = min(max(x, LEFT), RIGHT), min(max(y, TOP), BOTTOM)
    if schema.positions == "split":
        unit = schema.position_precision
        return [(EventKind.POS_X, int(inside_x / unit)), (EventKind.POS_Y, int(inside_y / unit))]
    column, row = int(inside_x / CELL) - LEFT // CELL, int(inside_y / CELL) - TOP // CELL
    values = [(EventKind.POS, column + CELLS_PER_ROW * row)]
    if schema.positions == "refined":
        # At most the last part: of a coordinate just below a border, x % CELL is rounded to CELL.
        column, row = (min(int(value % CELL / CELL_PART), PARTS_PER_ROW - 1) for value in (x, y))
        values.append((EventKind.POS_REFINE, column + PARTS_PER_ROW * row))
    return values


def position(event: Event, schema: EventSchema) -> tuple[float, ...]:
    """Centre of the cell that an event of position names, in osu! pixels.

    Returns:
        (x,) or (y,) for split positions, (x, y) for a cell, (dx, dy) from the cell's corner for a refinement.

    Raises:
        ValueError: for events that are no position.
    """
    if event.kind in (EventKind.POS_X, EventKind.POS_Y):
        return (_cell_centre(event.value, schema.position_precision),)
    if event.kind is EventKind.POS:
        row, column = divmod(event.value, CELLS_PER_ROW)
        return _cell_centre(column + LEFT // CELL, CELL), _cell_centre(row + TOP // CELL, CELL)
    if event.kind is EventKind.POS_REFINE:
        row, column = divmod(event.value, PARTS_PER_ROW)
        return (column + 0.5) * CELL_PART, (row + 0.5) * CELL_PART
    raise ValueError(f"{event.kind} is no position")


def _cell_centre(cell: int, width: int) -> float:
    """Cells below 0 were truncated toward it; cell 0, which covers both sides, is treated as the one on the
    playfield."""
    return (cell + 0.5 if cell >= 0 else cell - 0.5) * width
