"""Steps between objects, in words."""

from __future__ import annotations

from maimod.rules import steps
from maimod.rules.evidence import Evidence
from tests.maps import beatmap
from tests.positions import circle, square


def test_usual_distances_are_not_given_as_reasons() -> None:
    """An object that is turned about the one before keeps that distance; one in the square keeps both."""
    loaded = square()
    usually = steps.UsualSteps(Evidence(loaded))
    assert usually.message(loaded.hit_objects[20]) == (
        "This circle is at x 100, y 100; the pattern of the objects before and after suggests another place."
    )
    paused = beatmap([circle(100, 100, 0), circle(300, 100, 500), circle(400, 300, 4500)])
    usually = steps.UsualSteps(Evidence(paused))
    assert usually.words(paused.hit_objects[1]) == "200 px from the object before (1 beat)"
    loaded = square({9: (200, 190), 10: (200, 290)})
    usually = steps.UsualSteps(Evidence(loaded))
    assert usually.words(loaded.hit_objects[10]) == "135 px from the next (1 beat, usually 100 px)"
