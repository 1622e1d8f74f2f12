"""Vocabulary of a checkpoint: events to token ids and back, the prompt, and which kinds of event can come next.

Everything comes from the checkpoint's `tokenizer.json`, so another checkpoint is data and not code. The file has the layout of
the Mapperatorinator family (`offset`, `event_ranges`, `input_event_ranges`: lists of type, min_value, max_value in id order),
plus, in checkpoints of ours, a `maimod` object:

- `language`: the :class:`~maimod.events.EventLanguage`;
- `time`: `{"unit": "ms", "step": 10}` for times since the window's start, or `{"unit": "tick"}` for ticks since the previous time;
- `steps`: type -> how many units of the event's value share one id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from maimod.beatmap import Beatmap, Mode, ObjectKind
from maimod.events import ANCHORS, BEATS, LANGUAGES, EventKind, EventLanguage

PAD, SOS, EOS = 0, 1, 2
FIRST_FREE_ID = 3

class VocabularyError(Exception):
    """A `tokenizer.json` that cannot be used."""


@dataclass(frozen=True, slots=True)
class Range:
    """Consecutive ids of one kind of event."""

    kind: EventKind
    low: int
    high: int
    first_id: int
    step: int = 1

    @property
    def size(self) -> int:
        """Number of ids."""
        return (self.high - self.low) // self.step + 1


class Vocabulary:
    """Ids of one checkpoint."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Build from the parsed `tokenizer.json`.

        Raises:
            VocabularyError: if needed keys are missing or name unknown types.
        """
        try:
            own = data.get("maimod", {})
            steps = own.get("steps", {})
            next_id = data.get("offset", FIRST_FREE_ID)
            self.ranges: dict[EventKind, Range] = {}
            for number, entry in enumerate([*data["event_ranges"], *data["input_event_ranges"]]):
                if number == len(data["event_ranges"]):
                    self.size_out = next_id
                kind = EventKind(entry["type"])
                span = Range(kind, entry["min_value"], entry["max_value"], next_id, steps.get(entry["type"], 1))
                self.ranges[kind] = span
                next_id += span.size
            if not data["input_event_ranges"]:
                self.size_out = next_id
            self.size_in = next_id
            self.language = EventLanguage.from_dict(own["language"]) if "language" in own else LANGUAGES[data["version"]]
            time = own.get("time", {"unit": "ms", "step": 10})
        except (AttributeError, KeyError, ValueError, TypeError) as error:
            raise VocabularyError(f"tokenizer.json cannot be used ({type(error).__name__}: {error})") from None
        self.ticks_for_time: bool = time["unit"] == "tick"
        self.time_step: int = time.get("step", 1)
        self.kinds: list[EventKind | None] = [None] * self.size_in
        for span in self.ranges.values():
            self.kinds[span.first_id:span.first_id + span.size] = [span.kind] * span.size

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Read `tokenizer.json` of a checkpoint folder.

        Raises:
            VocabularyError: if it is missing or damaged.
        """
        path = folder / "tokenizer.json"
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")))
        except OSError:
            raise VocabularyError(f"{folder}: no tokenizer.json in this checkpoint folder") from None
        except ValueError as error:
            raise VocabularyError(f"{path}: not JSON ({error})") from None
        except VocabularyError as error:
            raise VocabularyError(f"{folder}: {error}") from None

    def __contains__(self, kind: EventKind) -> bool:
        return kind in self.ranges

    def encode(self, kind: EventKind, value: int) -> int:
        """Token id of an event's value, which is clipped to the range. Times: :meth:`encode_times`."""
        span = self.ranges[kind]
        return span.first_id + (min(max(value, span.low), span.high) - span.low) // span.step

    def encode_ticks(self, ticks: np.ndarray) -> np.ndarray:
        """Ids of time events from ticks since the previous time event, clipped to the range."""
        span = self.ranges[EventKind.TIME]
        return np.clip(ticks, span.low, span.high) + span.first_id

    def decode(self, token: int) -> tuple[EventKind | None, int]:
        """Kind and value (the middle of those that share the id) of a token; (None, id) for control tokens."""
        kind = self.kinds[token]
        if kind is None:
            return None, token
        span = self.ranges[kind]
        return kind, min(span.low + (token - span.first_id) * span.step + (span.step - 1) // 2, span.high)

    def ids(self, kinds: Iterable[EventKind]) -> np.ndarray:
        """Sorted output ids of the given kinds; kinds the vocabulary lacks are passed over."""
        spans = [self.ranges[kind] for kind in kinds if kind in self.ranges]
        parts = [np.arange(span.first_id, span.first_id + span.size) for span in spans if span.first_id < self.size_out]
        return np.sort(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.int64)

    def prompt(self, beatmap: Beatmap, stars: float | None) -> list[int]:
        """Class tokens that tell the decoder what map this is, then SOS (COMPAT §7; kinds the vocabulary lacks are left out).

        Args:
            beatmap: the map.
            stars: star rating, None if unknown.
        """
        tokens = [self.encode(kind, value) for kind, value in _class_values(beatmap, stars) if kind in self.ranges]
        return [*tokens, SOS]


def _class_values(beatmap: Beatmap, stars: float | None) -> list[tuple[EventKind, int]]:
    """Class tokens in prompt order; values by COMPAT §2.7."""
    mode, settings, objects = beatmap.mode, beatmap.difficulty, beatmap.hit_objects
    values = [(EventKind.GAMEMODE, int(mode)),
              (EventKind.DIFFICULTY, 24 if stars is None else min(max(int(stars * 2), 0), 23)),
              (EventKind.HITSOUNDED, int(any(o.hitsound for o in objects)))]
    if mode in (Mode.OSU, Mode.CATCH):
        values += [(EventKind.GLOBAL_SV, round(settings.slider_multiplier * 100)),
                   (EventKind.CS, min(int(settings.circle_size * 2), 20))]
    if mode is Mode.MANIA:
        holds = sum(o.kind is ObjectKind.HOLD for o in objects) / max(len(objects), 1)
        values += [(EventKind.KEYCOUNT, beatmap.keys),
                   (EventKind.HOLD_NOTE_RATIO, -1 if holds <= 0 else 11 if holds >= 1 else round(10 * holds))]
    return values


# ---------------------------------------------------------------------------------------------------------------------
# Which kind can follow which


def _group_templates(language: EventLanguage, mode: Mode) -> list[list[str]]:
    """Groups of COMPAT §4.1 and §4.5 as lists of short names, type last, with every optional part present.

    A trailing `?` marks what may be absent, `*` what may repeat with the part before it.
    """
    if mode in (Mode.OSU, Mode.CATCH):
        place = (["dist"] if language.distances else []) + {
            "split": ["pos_x", "pos_y"], "cell": ["pos"], "refined": ["pos", "pos_refine"]}[language.positions]
    else:
        place = ["column"] if mode is Mode.MANIA else []
    combo = ["new_combo?"] if mode in (Mode.OSU, Mode.CATCH) else []
    speed = ["scroll_speed"] if language.velocities else []
    hit, when = ["hitsound", "volume"], ["t", "snap"]
    groups = [
        [*when, *place, *combo, *(["scroll_speed"] if mode is Mode.TAIKO else []), *hit, "circle"],
        [*when, *place, *combo, *speed, *hit, "slider_head"],
        *([*place, kind] for kind in ("bezier_anchor", "perfect_anchor", "catmull_anchor", "red_anchor", "last_anchor")),
        [*when, *(place if language.slider_version == 1 else []), *hit, "*", "last_anchor"],
        [*when, *place, *hit, "slider_end"],
        [*when, "spinner"], [*when, *hit, "spinner_end"],
        [*when, "scroll_speed", *hit, "drumroll"], [*when, "drumroll_end"],
        [*when, "scroll_speed", *hit, "denden"], [*when, "denden_end"],
        [*when, *place, *hit, "hold_note"], [*when, *place, "hold_note_end"],
        *([["t", kind] for kind in ("slider_sustain", "slider_repeat_sustain", "spinner_sustain", "drumroll_sustain",
                                     "denden_sustain")] if language.sustains else []),
        *([["t", *place, "hold_note_sustain"]] if language.sustains else []),
        [*when, "kiai"], [*when, "scroll_speed", "scroll_speed_change"],
        ["t", "beat"], ["t", "measure"], ["t", "timing_point"],
    ]
    taiko_only = {"drumroll", "drumroll_end", "denden", "denden_end"}
    slider_kinds = {"slider_head", "slider_end", "last_anchor"} | {name for name in EventKind if name.endswith("_anchor")}

    def fits(group: list[str]) -> bool:
        kind = group[-1]
        if mode is Mode.TAIKO:
            return kind not in slider_kinds | {"spinner", "spinner_end"} and not kind.startswith("hold_note")
        return kind not in taiko_only and (mode is Mode.MANIA or not kind.startswith("hold_note"))

    return [group for group in groups if fits(group)]


@cache
def successors(language: EventLanguage, mode: Mode) -> dict[EventKind | None, frozenset[EventKind]]:
    """Kinds that can follow each kind of event in `mode`; the key None is the beginning of a context."""
    follow: dict[EventKind | None, set[EventKind]] = {}
    firsts: set[EventKind] = set()
    timeless_firsts: set[EventKind] = set()
    lasts: set[EventKind] = set()
    for template in _group_templates(language, mode):
        group = [template[-1], *template[:-1]] if language.type_first else template
        kinds = [name for name in group if name != "*"]
        for names in ([name.rstrip("?") for name in kinds], [name for name in kinds if not name.endswith("?")]):
            events = [EventKind(name) for name in names]
            (firsts if "t" in names else timeless_firsts).add(events[0])
            lasts.add(events[-1])
            for before, after in pairwise(events):
                follow.setdefault(before, set()).add(after)
        if "*" in group:
            follow.setdefault(EventKind.VOLUME, set()).add(EventKind.HITSOUND)
            if language.type_first:
                lasts.add(EventKind.VOLUME)
    # Groups without a time are slider anchors, among which a beat or a change may fall. With types in front, the last event of a
    # group does not tell what ended.
    between = ANCHORS | BEATS | {EventKind.SLIDER_HEAD, EventKind.KIAI, EventKind.SCROLL_SPEED_CHANGE}
    before_anchors = lasts if language.type_first else lasts & between
    for last in [None, *lasts]:
        follow.setdefault(last, set()).update(firsts)
    for last in before_anchors:
        follow[last].update(timeless_firsts)
    return {kind: frozenset(kinds) for kind, kinds in follow.items()}
