"""Objects of the wrong kind, length or number of repeats, by a model of one question."""

from __future__ import annotations

from dataclasses import replace

from maimod.features import slip_model
from maimod.features.slip_model import Forest, SlipModel
from maimod.osu.beatmap import Beatmap, Mode
from maimod.rules.base import Candidate
from maimod.rules.evidence import Evidence
from maimod.rules.sliders import forms
from tests.features.sliders.test_alternatives import ODD, of_circles, of_sliders
from tests.maps import beatmap
from tests.slips import NOTHING, stump

HEAD = 3 * ODD + 1


def found(loaded: Beatmap, model: Forest | None) -> list[Candidate]:
    nothing = Forest([], NOTHING)
    return list(forms.run(Evidence(loaded, slip_model=SlipModel(slip_model.FORMAT, nothing, nothing, forms=model))))


def unknown_forms(at_unknown: float = 2.0) -> Forest:
    """Forms that the map has nowhere else."""
    return stump("count form", 0.5, at_unknown, -9.0)


def test_a_repeat_that_no_other_slider_has() -> None:
    (one,) = found(of_sliders("repeat"), unknown_forms())
    assert one.rule.id == "sliders/form" and one.measure == 2.0 and one.actual == "slider, 1 repeat"
    assert one.objects[0].index == HEAD and [e.text for e in one.expected] == ["one repeat less"]
    assert one.message.startswith(
        "This slider of 2 beats may have the wrong kind or length: one repeat less would be more usual; none of 8 objects here"
    )


def test_a_slider_in_place_of_two_circles() -> None:
    named = found(of_circles(joined=True), stump("own odds measure", 1.0, -9.0, 1.0))
    (one,) = (one for one in named if one.objects[0].slider and one.objects[0].index == 4 * ODD + 1)
    assert [e.text for e in one.expected] == ["circles"]


def test_circles_in_place_of_a_slider() -> None:
    (one,) = found(of_sliders("split"), stump("own odds measure", 1.0, -9.0, 1.0))
    assert one.objects[0].index == HEAD and one.message.endswith(
        "none of 8 similar measures have a circle, 8 a slider."
    )
    assert [e.text for e in one.expected] == ["a slider up to the next object"]


def test_what_most_similar_measures_have_is_meant() -> None:
    assert found(of_sliders(), stump("count form", 0.5, 9.0, 1.0)) == []


def test_the_likeliest_of_those_side_by_side() -> None:
    lines = [f"100,100,{500 * i},1,0,0:0:0:0:" for i in range(40)]
    lines[20:22] = ["100,100,10000,2,0,L|135:100,1,35", "100,100,10500,2,0,L|170:100,1,70"]
    assert len(found(beatmap(lines), unknown_forms())) == 2  # as unlikely as each other
    assert found(beatmap(lines), unknown_forms(-3.1)) == []


def test_forms_are_compared_in_catch_too() -> None:
    loaded = replace(of_sliders("repeat"), mode=Mode.CATCH)
    (one,) = found(loaded, unknown_forms())
    assert one.objects[0].index == HEAD and "one repeat less would be more usual" in one.message
    (one,) = found(replace(of_sliders("split"), mode=Mode.CATCH), stump("own odds measure", 1.0, -9.0, 1.0))
    assert "a juice stream up to the next object would be more usual" in one.message


def test_without_a_model_of_forms_or_in_another_mode() -> None:
    assert found(replace(of_sliders("repeat"), mode=Mode.TAIKO), unknown_forms()) == []
    assert found(of_sliders("repeat"), None) == []
    assert list(forms.run(Evidence(of_sliders("repeat")))) == []
