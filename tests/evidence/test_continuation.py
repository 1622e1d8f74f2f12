"""What a model has written is drawn beside the map, as a ghost."""

import xml.etree.ElementTree as ElementTree

import pytest

from maimod.events.schema import Event, EventKind
from maimod.events.writer import from_beatmap
from maimod.evidence.continuation import continuation, end_of
from maimod.evidence.sketch import of_events, of_map
from maimod.families.checkpoint import load_model
from maimod.families.mapperatorinator.versions import VERSIONS
from maimod.linter.models import MODELS_FOLDER
from maimod.osu import slider_path
from maimod.osu.beatmap import Mode, ObjectKind
from tests import maps
from tests.evidence.test_evidence import analysis

OWN = load_model(MODELS_FOLDER / "maimod-mini", "cpu", "fp32", runtime="numpy").vocabulary.schema
SCHEMAS = {"own": OWN, **{name: version.schema for name, version in VERSIONS.items()}}
STANDARD = (
    "100,100,1000,5,0,0:0:0:0:",
    "200,100,1500,2,0,B|300:100|300:100|300:200,2,200",
    "60,300,3000,2,0,P|120:340|180:300,1,140",
    "400,300,3500,2,0,L|400:200|460:200,1,150",
    "400,300,4500,1,2,0:0:0:0:",
    "256,192,5000,12,0,6000,0:0:0:0:",
)
TAIKO = ("100,100,1000,5,0", "100,100,1500,1,12", "200,100,2000,2,0,L|300:100,1,140", "256,192,4000,12,0,5000")
MANIA = ("64,192,1000,1,0", "192,192,1000,128,0,1750:0:0:0:0:", "448,192,1500,1,0")
MAPS = {Mode.OSU: STANDARD, Mode.TAIKO: TAIKO, Mode.CATCH: STANDARD, Mode.MANIA: MANIA}


def written(beatmap, schema) -> list[Event]:
    """The events of a map, as if a model had written them."""
    contexts = from_beatmap(beatmap, schema)
    return next(contexts[names[-1]] for names in schema.contexts if "map" in names)


@pytest.mark.parametrize("mode", list(MAPS))
@pytest.mark.parametrize("name", SCHEMAS)
def test_events_of_a_map_are_read_back_as_its_objects(name, mode):
    if name == "V30" and mode is not Mode.OSU:
        pytest.skip("V30 covers osu! alone")
    schema, beatmap = SCHEMAS[name], maps.beatmap(MAPS[mode], mode=mode)
    known = of_map(beatmap, beatmap.hit_objects)
    found = of_events(written(beatmap, schema), schema, mode, 9000.0)
    assert len(found) == len(known)
    is_placed, near = mode in (Mode.OSU, Mode.CATCH), 23.0 if schema.positions == "cell" else 8.0
    for one, other in zip(found, known, strict=True):
        assert (one.kind, one.column, one.additions, one.time) == (
            other.kind,
            other.column,
            other.additions if one.kind is ObjectKind.CIRCLE else one.additions,
            pytest.approx(other.time, abs=1),
        )
        assert one.end_time == pytest.approx(other.end_time, abs=3)
        if not is_placed or one.kind is ObjectKind.SPINNER:
            continue
        assert (one.x, one.y) == (pytest.approx(other.x, abs=near), pytest.approx(other.y, abs=near))
        assert (one.path is None) == (other.path is None)
        if one.path is not None and other.path is not None and schema.positions != "cell":
            assert one.path.slides == other.path.slides
            ends = slider_path.flatten(one.path).end, slider_path.flatten(other.path).end
            assert ends[0] == (pytest.approx(ends[1][0], abs=12), pytest.approx(ends[1][1], abs=12))


def test_what_a_model_has_not_ended_lasts_until_the_end_and_parts_without_a_head_are_left_out():
    beatmap = maps.beatmap(MANIA, mode=3)
    events = written(beatmap, OWN)
    cut = next(i for i, event in enumerate(events) if event.kind is EventKind.HOLD_NOTE) + 1
    found = of_events(events[:cut], OWN, Mode.MANIA, 1600.0)
    assert [one.end_time for one in found if one.kind is ObjectKind.HOLD] == [1600.0]
    tail = written(maps.beatmap(STANDARD), OWN)
    head = next(i for i, event in enumerate(tail) if event.kind is EventKind.SLIDER_HEAD)
    rest = of_events(tail[head + 1 :], OWN, Mode.OSU, 9000.0)
    assert (rest[0].kind, rest[0].time) == (ObjectKind.SLIDER, 3000)
    assert of_events([], OWN, Mode.OSU, 1.0) == []


@pytest.mark.parametrize("mode", list(MAPS))
def test_each_continuation_is_a_picture_of_its_own_marked_as_the_models(mode):
    one = analysis(mode=mode, objects=MAPS[mode])
    until = end_of(one.beatmap, 1000.0)
    assert until == 3000.0  # four beats
    schema = one.evidence.schema
    events = [event for event in written(one.beatmap, schema) if 1000 <= event.time < until]
    drawn = continuation(one, 1000.0, until, [events, []])
    root = ElementTree.fromstring(f"<div>{drawn['html']}</div>")
    pictures = [node for node in root.iter() if "mm-passage" in node.get("class", "")]
    assert ["mm-ghost" in node.get("class", "") for node in pictures] == [False, True, True]
    assert "no proposal" in "".join(root.itertext()) and "no export" in "".join(root.itertext())
    own = [o for o in one.beatmap.hit_objects if o.time < until]
    assert len(drawn["notes"][0]) == len(own) and drawn["notes"][1] == []
    assert [note[0] for note in drawn["notes"][0]] == [o.time for o in own]


def test_long_and_short_beats_have_continuations_that_can_be_seen():
    assert end_of(maps.beatmap(timing_points=("0,100,4,2,0,70,1,0",)), 0) == 1200
    assert end_of(maps.beatmap(timing_points=("0,3000,4,2,0,70,1,0",)), 0) == 4000
