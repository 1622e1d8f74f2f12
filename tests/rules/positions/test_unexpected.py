"""Positions that the model does not expect, as the units of each schema give them."""

from __future__ import annotations

import pytest

from maimod.events.schema import EventKind, EventSchema, EventScore
from maimod.families.mapperatorinator.versions import VERSIONS
from maimod.findings import Finding
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from maimod.rules.positions import unexpected
from tests.findings import findings_of
from tests.maps import beatmap
from tests.positions import LOOP, N, circle, scored, square


def find(
    loaded: Beatmap, rule: str, scores: tuple[EventScore, ...] | None = None, schema: EventSchema | None = None
) -> list[Finding]:
    evidence = Evidence(loaded, scores, schema=schema)
    return [finding for finding in findings_of(unexpected.run, evidence) if finding.rule == rule]


PLACE = (EventKind.DISTANCE, EventKind.POS_X, EventKind.POS_Y)


def test_model_finds_an_unexpected_position_once() -> None:
    loaded = square({10: (400, 300)})
    scores = scored(loaded, {(10, EventKind.DISTANCE): 9, (10, EventKind.POS_X): 4, (11, EventKind.DISTANCE): 5}, PLACE)
    (finding,) = find(loaded, "positions/unexpected", scores)
    assert finding.objects == (10,)
    assert finding.surprisal == 9
    assert "px from the object before" in finding.actual


def test_jump_in_a_map_full_of_jumps_is_silent() -> None:
    loaded = square()
    scores = scored(loaded, {(i, EventKind.DISTANCE): 9.0 for i in range(0, N, 4)}, PLACE)
    assert not find(loaded, "positions/unexpected", scores)


def test_cells_speak_of_places() -> None:
    loaded = square({10: (400, 300)})
    scores = scored(loaded, {(10, EventKind.POS): 14}, (EventKind.POS,))
    (finding,) = find(loaded, "positions/unexpected", scores, VERSIONS["V29"].schema)
    assert finding.actual == "x 400, y 300"
    assert finding.expected[0].text == "x 144, y -272"


@pytest.mark.parametrize("x", [1, 400])
def test_coordinates_are_in_the_unit_of_the_schema(x: int) -> None:
    """In units of 4 px cell 12 is 50 px, also for an object whose own coordinate would fit other units."""
    loaded = square({10: (x, 300)})
    scores = scored(loaded, {(10, EventKind.POS_X): 14}, (EventKind.POS_X,))
    (finding,) = find(loaded, "positions/unexpected", scores, VERSIONS["V31"].schema)
    assert (finding.actual, finding.expected[0].text) == (f"x {x}", "x 50")


def test_taiko_has_no_positions() -> None:
    assert not findings_of(unexpected.run, Evidence(beatmap([circle(900, 900, 1000)], mode=1)))


def test_height_means_nothing_in_catch() -> None:
    lines = [circle(*LOOP[i % 4], 500 * i) for i in range(N)]
    loaded = beatmap(lines, mode=2)
    assert not find(loaded, "positions/unexpected", scored(loaded, {(10, EventKind.POS_Y): 15}, PLACE))
    assert find(loaded, "positions/unexpected", scored(loaded, {(10, EventKind.POS_X): 15}, PLACE))
