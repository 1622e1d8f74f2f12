"""Slips planted in catch and mania, and the parts of the model that are fitted on them."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.errors import UsageError
from maimod.features import slip_model
from maimod.features.models.trees import Trees
from maimod.features.slip_model import FILE, FORMAT, Forest, SlipModel
from maimod.osu.beatmap import Mode, ObjectKind
from maimod.osu.catch import movements
from maimod.training import catch_slip_fit, mania_slip_fit, osu_slip_fit, slip_fit, slip_forest
from maimod.training.faults.classic import modes as faults_of_modes
from tests.maps import beatmap, text

KEYS = 5
STAIRS = (0, 1, 2, 3, 4, 3, 2, 1)


def mania_lines(turn: int = 0, rows: int = 320) -> list[str]:
    """Stairs on 1/2 with a chord on each second beat and holds of a beat at the end of each measure."""
    found = []
    for i in range(rows):
        time, column = 1000 + 250 * i, (STAIRS[i % 8] + turn) % KEYS
        hold = i % 8 == 7
        found.append(_note(time, column, 200 if hold else 0))
        if i % 4 == 0:
            found.append(_note(time, (column + 2) % KEYS, 0))
    return found


def _note(time: int, column: int, held: int) -> str:
    x = int(512 / KEYS * (column + 0.5))
    return f"{x},192,{time},{128 if held else 1},0,{f'{time + held}:' if held else ''}0:0:0:0:"


def catch_lines(turn: int = 0, count: int = 200) -> list[str]:
    """Fruits to and fro with a slider at the end of each measure."""
    xs = (120, 180, 240, 300, 360, 300, 240, 180)
    found = []
    for i in range(count):
        x = xs[(i + turn) % 8]
        kind = f"2,0,L|{x}:{250},1,60" if i % 8 == 7 else "1,0,0:0:0:0:"
        found.append(f"{x},{100 + i % 3},{1000 + 500 * i},{kind}")
    return found


MANIA = beatmap(mania_lines(), mode=3, circle_size=KEYS)
CATCH = beatmap(catch_lines(), mode=2)
JUMPS = beatmap(
    [f"{(60, 250, 310, 60, 250, 290, 420, 230)[i % 8]},192,{1000 + 125 * i},1,0,0:0:0:0:" for i in range(200)], mode=2
)
"""Hyperdashes among dashes."""


def test_slips_of_mania_leave_every_column_playable() -> None:
    seen: set[str] = set()
    for seed in range(12):
        version = mania_slip_fit.plant(MANIA, MANIA.hit_objects, np.random.default_rng(seed))
        assert len(version.notes) == len(version.kinds) == len(version.inside)
        last = dict.fromkeys(range(KEYS), -1e9)
        for note in version.notes:
            column = MANIA.column(note)
            assert note.time >= last[column] + mania_slip_fit.BESIDE_MS
            assert note.end_time >= note.time and (note.kind is ObjectKind.HOLD) == (note.end_time > note.time)
            last[column] = note.end_time
        seen |= set(version.kinds)
    assert seen == {"", *mania_slip_fit.KINDS}


def test_only_the_notes_named_differ() -> None:
    version = mania_slip_fit.plant(MANIA, MANIA.hit_objects, np.random.default_rng(3))
    original = {(o.time, o.x, o.end_time) for o in MANIA.hit_objects}
    for note, kind in zip(version.notes, version.kinds, strict=True):
        is_same = (note.time, note.x, note.end_time) in original
        assert is_same or kind
        if kind in ("column", "notes-exchanged", "note-added", "end-moved", "hold-lost", "hold-made"):
            assert not is_same, kind
    assert version.kinds == mania_slip_fit.plant(MANIA, MANIA.hit_objects, np.random.default_rng(3)).kinds
    times = sorted({n.time for n, kind in zip(version.notes, version.kinds, strict=True) if kind})
    assert 12 <= len(times) <= 60


def test_the_notes_inside_an_exchanged_stretch_are_no_examples() -> None:
    for seed in range(20):
        version = mania_slip_fit.plant(MANIA, MANIA.hit_objects, np.random.default_rng(seed))
        inside = [kind for kind, within in zip(version.kinds, version.inside, strict=True) if within]
        assert set(inside) <= {"stretch-exchanged"}
        if inside:
            return
    pytest.fail("no stretch was long enough")


def test_moves_of_catch_change_x_alone_and_stay_inside() -> None:
    seen: set[str] = set()
    for seed in range(12):
        version = catch_slip_fit.plant(CATCH, CATCH.hit_objects, np.random.default_rng(seed))
        for before, after, kind, size in zip(
            CATCH.hit_objects, version.objects, version.kinds, version.sizes, strict=True
        ):
            assert (before == after) == (not kind) and before.y == after.y and 0 <= after.x <= 512
            assert not (kind and size) or abs(after.x - before.x) == size
            if after.slider and before.slider:
                assert [y for _, y in after.slider.control_points] == [y for _, y in before.slider.control_points]
                assert after.slider.control_points[0][0] == after.x
            seen.add(kind)
    assert seen == {"", *catch_slip_fit.KINDS} - {"hyperdash-lost", "hyperdash-made"}  # the fruits are too close


def test_hyperdashes_are_lost_and_made() -> None:
    planted = []
    for seed in range(12):
        version = catch_slip_fit.plant(JUMPS, JUMPS.hit_objects, np.random.default_rng(seed))
        after = {one.after.hit_object.index: one for one in movements(replace(JUMPS, hit_objects=version.objects))}
        for o, kind in zip(version.objects, version.kinds, strict=True):
            if kind.startswith("hyperdash"):
                planted.append(kind)
                assert after[o.index].is_hyperdash is (kind == "hyperdash-made"), kind
                assert abs(after[o.index].to_hyperdash) <= catch_slip_fit.MARGIN_PX[1] + 1
    assert {"hyperdash-lost", "hyperdash-made"} == set(planted)


def test_nothing_is_shared_with_the_mistakes_of_the_evaluation() -> None:
    for module in (catch_slip_fit, mania_slip_fit, osu_slip_fit, slip_fit, slip_forest):
        assert "training.faults" not in inspect.getsource(module).replace(":mod:`maimod.training.faults`", "")
    assert "slip_fit" not in inspect.getsource(faults_of_modes)


NOTHING = Forest([], Trees(-9.0))


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for folder, turn in (("one", 0), ("two", 1), ("three", 2), ("four", 3)):
        (tmp_path / folder).mkdir()
        general = {"AudioFilename": "song.wav"}
        mania, catch = (tmp_path / folder / f"{folder}-{mode}.osu" for mode in ("mania", "catch"))
        mania.write_text(text(mania_lines(turn), mode=3, general=general, circle_size=KEYS))
        catch.write_text(text(catch_lines(turn), mode=2, general=general))
        (tmp_path / folder / "song.wav").write_bytes(b"")
    return tmp_path


def test_other_modes_are_added_to_a_model(songs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("torch")
    small = {"max_iter": 12, "max_leaf_nodes": 6, "learning_rate": 0.3}
    monkeypatch.setattr(slip_forest, "LEAST_LEAF", 5)
    monkeypatch.setattr(slip_fit, "CATCH_TREES", small)
    monkeypatch.setattr(slip_fit, "OTHER_TREES", small)
    target = songs / "model"
    said: list[str] = []

    def fit(**options: object) -> None:
        slip_fit.command(
            songs, target, manifest=None, maps=9, seed=0, jobs=1, report=said.append, **{"test": None, **options}
        )

    with pytest.raises(UsageError, match="no osu! map"):
        fit(modes=(Mode.MANIA,))
    target.mkdir()
    (target / FILE).write_bytes(slip_fit.msgspec.json.encode(SlipModel(FORMAT, NOTHING, NOTHING, {"maps": 7})))
    fit(modes=(Mode.CATCH, Mode.MANIA), test=songs)
    model = slip_model.load(target)
    assert model is not None and model.positions == NOTHING and model.measured["maps"] == 7
    assert model.measured["catch maps"] == model.measured["mania maps"] == 3  # of four folders one is held out
    assert float(model.measured["mania test chords note-removed auc"]) > 0.95
    assert float(model.measured["mania test columns column auc"]) > 0.95
    assert float(model.measured["mania test ends end-moved auc"]) > 0.95
    assert float(model.measured["catch test catch moved 80 auc"]) > 0.95
    found = slip_model.find(model, CATCH, CATCH.hit_objects)
    assert found is not None and found.measures is not None
    assert set(model.networks) == {"catch", "catch bodies", "catch forms", "mania"}
    around = slip_model.in_sequence(model, found, CATCH.hit_objects)
    assert set(around) == {"position", "plane", "shape"} and around["position"].std() > 0
    found = slip_model.find(model, MANIA, MANIA.hit_objects)
    assert found is not None
    assert set(slip_model.in_sequence(model, found, MANIA.hit_objects)) == {"position", "chord", "end"}
    fit(modes=(Mode.CATCH,))
    model = slip_model.load(target)
    assert model is not None and model.measured["maps"] == 7
    # What was measured of forests that are there no more is not kept.
    assert {k for k in model.measured if k.startswith("catch")} == {"catch maps", "catch seed"}
    assert float(model.measured["mania test ends end-moved auc"]) > 0.95


def test_a_mistake_of_a_chord_is_one_of_all_its_notes(songs: Path) -> None:
    (one,) = mania_slip_fit.labelled(2, 1, songs / "one" / "one-mania.osu")
    kinds, starts = np.array(one.kinds), one.real.shape
    assert starts == one.known.shape == (len(kinds), 3)
    assert (one.real[:, 0] <= np.isin(kinds, mania_slip_fit.PARTS["columns"])).all()
    of_chord = np.isin(kinds, mania_slip_fit.PARTS["chords"])
    assert one.real[of_chord, 1].all() and one.real[:, 1].sum() > of_chord.sum() > 0
    assert (one.real[:, 2] == np.isin(kinds, mania_slip_fit.PARTS["ends"])).all() and one.real[:, 2].any()
    # A note of another mistake is an example for no part but its own.
    assert not one.known[(kinds != "") & ~one.real[:, 2], 2].any() and one.known[kinds == "", 2].all()


def test_figures_are_those_of_one_mode() -> None:
    names = {"maps": Mode.OSU, "test circle 5 auc": Mode.OSU, "taiko maps": Mode.TAIKO, "mania test x auc": Mode.MANIA}
    assert {name: slip_fit._mode_of(name) for name in names} == names
