"""New combos that a mapper chose."""

from __future__ import annotations

from maimod.osu.combos import chosen_combos
from tests.maps import beatmap


def test_combos_after_rests_and_spinners_were_not_chosen() -> None:
    """120 BPM: a rest of 4 beats ends at 4 s, a spinner at 7 s."""
    objects = [
        "100,100,1000,5,0,0:0:0:0:",  # the first object
        "100,100,1500,5,0,0:0:0:0:",
        "100,100,2000,1,0,0:0:0:0:",
        "100,100,4000,5,0,0:0:0:0:",  # after a rest of 4 beats
        "100,100,5999,5,0,0:0:0:0:",
        "256,192,6500,12,0,7000,0:0:0:0:",  # a spinner, and what follows it
        "100,100,7500,5,0,0:0:0:0:",
    ]
    assert [o.time for o in chosen_combos(beatmap(objects, ["1000,500,4,2,0,60,1,0"]))] == [1500, 5999]
