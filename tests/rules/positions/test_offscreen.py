"""Objects outside the screen."""

from __future__ import annotations

from maimod.findings import Finding, Severity
from maimod.osu.beatmap import Beatmap
from maimod.rules.evidence import Evidence
from maimod.rules.positions import offscreen
from tests.findings import findings_of
from tests.maps import beatmap
from tests.positions import square


def find(loaded: Beatmap) -> list[Finding]:
    return findings_of(offscreen.run, Evidence(loaded))


def test_offscreen_circle_depends_on_its_size() -> None:
    place = {10: (536.0, 100.0)}
    (finding,) = find(square(place, circle_size=2))
    assert finding.severity is Severity.PROBLEM
    assert not find(square(place, circle_size=4))


def test_a_part_of_a_pixel_is_not_called_none() -> None:
    assert [offscreen._pixels(distance) for distance in (0.4, 1.2)] == ["less than 1 px", "1 px"]


def test_offscreen_body_is_a_warning() -> None:
    loaded = beatmap(["100,300,1000,2,0,B|200:620|300:300,1,400"])
    (finding,) = find(loaded)
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("The body")


def test_a_map_that_leaves_the_screen_again_and_again_is_one_finding() -> None:
    loaded = beatmap([f"{-80 if i % 2 else 300},100,{1000 + 500 * i},1,0" for i in range(24)])
    (finding,) = find(loaded)
    assert len(finding.objects) == 12 and "12 objects" in finding.message and finding.time == 1500
