"""Fruits that have no places yet."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from maimod.findings import Finding, Severity
from maimod.rules.catch import places
from maimod.rules.evidence import Evidence
from tests.findings import findings_of
from tests.maps import beatmap


def find(
    middle: Collection[int], y: int = 192, mode: int = 2, sliders: Collection[int] = (), count: int = 40
) -> list[Finding]:
    """Fruits from side to side each half second, those with these numbers in the middle."""

    def line(i: int) -> str:
        x = 256 if i in middle else 100 + 60 * (i % 5)
        body = f"2,0,L|{x + 40}:{y},1,40" if i in sliders else "1,0,0:0:0:0:"
        return f"{x},{y if i in middle else 192},{1000 + 500 * i},{body}"

    return findings_of(places.run, Evidence(beatmap([line(i) for i in range(count)], mode=mode)))


def test_fruits_as_in_taiko_are_a_warning() -> None:
    (finding,) = find(range(10, 16))
    assert finding.rule == "positions/not-placed" and finding.severity is Severity.WARNING
    assert (finding.time, finding.end_time) == (6000, 8500) and finding.evidence["fruits"] == 6
    assert finding.message.startswith("6 fruits in a row are in the middle of the playfield")


def test_fruits_at_another_height_are_a_minor() -> None:
    (finding,) = find(range(10, 14), y=200)
    assert finding.severity is Severity.MINOR


@pytest.mark.parametrize(
    "silent",
    [
        {"middle": range(10, 13)},
        {"middle": [*range(10, 14), *range(20, 24)]},
        {"middle": range(10, 16), "mode": 0},
        {"middle": range(10, 15), "sliders": (12,)},
    ],
)
def test_what_is_usual(silent: dict[str, Collection[int]]) -> None:
    """Three in a row; two rows; circles of osu!; a juice stream among them."""
    assert not find(**silent)  # type: ignore[arg-type]
