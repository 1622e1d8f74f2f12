"""What the judge is fitted on: places at planted mistakes, and all places of the map as it is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maimod.errors import UsageError
from maimod.features.models.layers import Scaling
from maimod.features.models.trees import tree_sum
from maimod.findings import Category
from maimod.linter.calibration import Calibration
from maimod.linter.gather import Gathered
from maimod.linter.places import CATEGORIES, NAMES, SILENT, Place, RatedCandidate
from maimod.linter.settings import Settings
from maimod.osu.beatmap import Beatmap
from maimod.rules.base import Rule, candidate
from maimod.rules.positions import unexpected
from maimod.rules.rhythm import objects as rhythm_objects
from maimod.training import calibrate, judge_fit
from maimod.training.calibrate import examples_of, is_at, write
from maimod.training.faults import Copy, Planted, select
from maimod.training.judge_fit import UNCLEAR, UNTOUCHED, Examples, fit
from maimod.training.judge_mean import mean_of
from tests.findings import doubted, judgeable
from tests.maps import beatmap

LOADED = beatmap([f"{100 + 40 * (i % 8)},{100 + 25 * (i % 5)},{1000 + 500 * i},1,0,0:0:0:0:" for i in range(120)])


RHYTHM = rhythm_objects.MISSING_OBJECT


def look(changed: Beatmap) -> Gathered:
    return Gathered(judgeable(changed, {}, elsewhere=1.5))


def test_a_planted_mistake_is_one_example_of_each_right_category() -> None:
    found = examples_of(look, LOADED, select(["moved:200 px"]), seed=1, copies=(1, 1))
    assert found is not None
    planted = [place for place, kind in enumerate(found.kinds) if kind not in (UNTOUCHED, UNCLEAR)]
    assert [found.kinds[place] for place in planted] == ["moved:200 px"] * found.planted.total()
    assert {CATEGORIES[found.categories[place]] for place in planted} == {Category.POSITIONS}
    assert len(found.kinds) == len(found.features) == len(found.rules) == len(found.categories) == len(found.copies)
    assert found.kinds.count(UNTOUCHED) > 3 * 110 and found.versions == 3
    unclear = np.array([kind == UNCLEAR for kind in found.kinds])
    untouched, *copies = (found.copies == number for number in range(3))
    assert not (unclear & untouched).any() and all((unclear & copy).any() for copy in copies)
    # All places of each version are there, so that each can be compared with the others.
    assert {int(one.sum()) for one in (untouched, *copies)} <= {int(untouched.sum()) + extra for extra in range(-3, 4)}


def test_a_mistake_that_a_fact_names_is_told_also_without_a_place() -> None:
    found = examples_of(look, LOADED, select(["unsnapped:20 ms"]), seed=1, copies=(1, 1))
    assert found is not None and found.planted["unsnapped:20 ms"] == 2
    assert found.told == {(1, "unsnapped:20 ms"), (2, "unsnapped:20 ms")}


def test_a_map_that_the_networks_cannot_read_gives_no_examples() -> None:
    assert examples_of(lambda changed: Gathered(doubted(changed, {})), LOADED, select(["moved"]), 1, (1,)) is None


@pytest.mark.parametrize(
    ("time", "objects", "expected"),
    [(1000.0, (), True), (1059.0, (), True), (1061.0, (), False), (9000.0, (0,), True), (9000.0, (1,), False)],
)
def test_a_place_at_a_mistake(time: float, objects: tuple[int, ...], expected: bool) -> None:
    found = candidate(
        unexpected.UNEXPECTED, time=time, line=1, message="", objects=[LOADED.hit_objects[i] for i in objects]
    )
    assert is_at(found, Planted(LOADED, 1000.0, 1000.0, (0,))) is expected


def place_at(time: float, rule: Rule, strength: float, index: int | None = None) -> Place:
    """A place with one candidate of this strength, about an object or about none."""
    objects = [] if index is None else [LOADED.hit_objects[index]]
    one = candidate(rule, time=time, line=1, message="", objects=objects)
    return Place(rule.category, time, 0, 0, [RatedCandidate(one, strength, 0.0)])


def right(places: list[Place], kind: str, *before: Place, objects: tuple[int, ...] = (4,)) -> list[int]:
    """Numbers of the places that are examples of a mistake at 3000 ms."""
    return calibrate._right(places, select([kind])[0], Planted(LOADED, 3000.0, 3000.0, objects), before)


def test_a_mistake_is_an_example_in_the_categories_that_show_it() -> None:
    of_rhythm, of_position = place_at(3000.0, RHYTHM, 1.0, 4), place_at(3000.0, unexpected.UNEXPECTED, 1.0, 4)
    doubted_as_before = place_at(3000.0, RHYTHM, 0.8, 4)
    assert right([of_rhythm, of_position], "doubled-object") == [0, 1]
    assert right([of_rhythm, of_position], "doubled-object", doubted_as_before) == [1]
    assert right([of_rhythm, of_position], "doubled-object", place_at(9000.0, RHYTHM, 0.8, 16)) == [0, 1]
    # What shows nowhere is missed, and no reason to forget it.
    everywhere = doubted_as_before, place_at(3000.0, unexpected.UNEXPECTED, 0.8, 4)
    assert right([of_rhythm, of_position], "doubled-object", *everywhere) == [0, 1]


def test_in_another_column_the_other_note_of_the_chord_is_an_example_only_if_nothing_is_about_the_changed_one() -> None:
    def chord(rule: Rule) -> list[Place]:
        """The changed note and a stronger doubt about one that starts with it."""
        own, mate = place_at(3000.0, rule, 0.0, 4), place_at(3000.0, rule, 2.0, 5)
        together = replace(LOADED.hit_objects[5], time=LOADED.hit_objects[4].time)
        (rated,) = mate.candidates
        mate.candidates[0] = rated._replace(candidate=replace(rated.candidate, objects=(together,)))
        return [own, mate]

    assert right(chord(unexpected.UNEXPECTED), "moved") == [0] and right(chord(unexpected.UNEXPECTED)[1:], "moved") == [
        0
    ]
    # A chord with a note too many may be named by any of its notes.
    assert right(chord(RHYTHM), "missing-object") == [1]
    after = place_at(3000.0, unexpected.UNEXPECTED, 3.0, 6)
    assert right([*chord(unexpected.UNEXPECTED), after], "moved") == [2]


def test_while_a_changed_object_lasts_another_place_is_an_example_only_if_nothing_is_about_it() -> None:
    own, later, empty = (
        place_at(3000.0, RHYTHM, -3.0, 4),
        place_at(3500.0, RHYTHM, 2.0, 5),
        place_at(3750.0, RHYTHM, 3.0),
    )
    lasting = Planted(LOADED, 3000.0, 4000.0, (4,))
    kind = select(["hold-to-note"])[0]
    assert calibrate._right([own, later, empty], kind, lasting, ()) == [0]
    assert calibrate._right([later, empty], kind, lasting, ()) == [1]
    # Of an object that was deleted nothing is left; the places beside it are as good.
    assert calibrate._right([own, later, empty], kind, replace(lasting, objects=(3, 4)), ()) == [2]
    assert calibrate._right([own, later, empty], kind, replace(lasting, start=2900.0), ()) == [2]


@pytest.mark.parametrize(("time", "expected"), [(21_000.0, False), (22_900.0, False), (24_100.0, True)])
def test_places_beside_a_mistake_are_no_examples_without_one(time: float, expected: bool) -> None:
    copy = Copy(LOADED, ((select(["moved:200 px"])[0], Planted(LOADED, 20_000.0, 20_000.0, (0,))),))
    assert calibrate._is_clear(Place(Category.POSITIONS, time, 0, 0), copy) is expected


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Fits with fewer trees, units and rounds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(judge_fit.TREES, "max_iter", 40)
        patch.setattr(judge_fit, "UNITS", 48)
        patch.setattr(judge_fit, "EPOCHS", 15)
        yield


def separable(maps: int = 12) -> list[Examples]:
    """Examples of new combos that one feature tells apart, and of kiai that are too few."""
    random, column = np.random.default_rng(1), NAMES.index("slot combo")
    found = []
    for number in range(maps):
        real = np.arange(60) < 6
        features = np.zeros(
            (60, len(NAMES)), dtype=np.float32
        )  # constant features are left out, which keeps the fit quick
        features[:, [column, *range(column + 1, column + 12)]] = random.normal(size=(60, 12))
        features[:, column] += 6.0 * real
        categories = np.full(60, CATEGORIES.index(Category.NEW_COMBOS))
        categories[-1] = CATEGORIES.index(Category.KIAI)
        kinds = tuple("combo-missing" if one else UNTOUCHED for one in real)
        rules = ("new-combos/missing",) * 59 + ("kiai/misplaced",)
        found.append(
            Examples(
                f"{number}.osu",
                f"song {number}",
                "osu",
                2.0,
                features,
                categories,
                kinds,
                rules,
                np.zeros(60, dtype=int),
                Counter(),
            )
        )
    return found


@pytest.fixture(scope="module")
def fitted() -> tuple[Calibration, np.ndarray]:
    pytest.importorskip("sklearn")
    judge, checked = fit(separable())
    return Calibration(judge=judge), checked[Category.NEW_COMBOS]


def test_the_judge_tells_mistakes_from_other_places(fitted: tuple[Calibration, np.ndarray]) -> None:
    calibration, held_out = fitted
    judge = calibration.judge
    assert judge is not None and judge.rules == {"new-combos/missing"}
    assert set(judge.models) == {Category.NEW_COMBOS}
    real = np.concatenate([[kind != UNTOUCHED for kind in one.kinds[:-1]] for one in separable()])
    assert np.median(held_out[real]) > np.quantile(held_out[~real], 0.99) + 2
    row = np.zeros((2, len(NAMES)))
    row[1, NAMES.index("slot combo")] = 6.0
    low, high = judge.models[Category.NEW_COMBOS].mean_logits(row, "osu")
    assert low + 2 < high


def test_scores_are_those_of_maps_with_few_mistakes(fitted: tuple[Calibration, np.ndarray]) -> None:
    """The examples have 6 mistakes a map; the scores stand for `PRIOR`."""
    probabilities = 1 / (1 + np.exp(-fitted[1]))
    real = np.concatenate([[kind != UNTOUCHED for kind in one.kinds[:-1]] for one in separable()])
    weights = np.where(real, judge_fit.PRIOR * 12 / real.sum(), 1.0)
    assert 0.004 < np.average(probabilities, weights=weights) < 0.03


def test_mistakes_weigh_as_if_each_version_had_few_of_them_all_kinds_alike() -> None:
    """Whatever the doses of a kind."""
    kinds = ("moved:8 px", "moved:8 px", "moved:60 px", "doubled") + (UNTOUCHED,) * 56
    examples = [replace(one, kinds=kinds, versions=2) for one in separable(5)]
    data = judge_fit.data_of(examples, Category.NEW_COMBOS)
    assert data.weights[data.real].sum() == pytest.approx(judge_fit.PRIOR * 2 * 5)
    moved, doubled = data.weights[:3].sum(), data.weights[3]
    assert moved == pytest.approx(doubled) and (data.weights[~data.real] == 1.0).all()


def test_mistakes_in_kiai_are_rarer_than_others() -> None:
    kinds = ("kiai-moved",) * 4 + (UNTOUCHED,) * 56
    kiai = np.full(60, CATEGORIES.index(Category.KIAI))
    examples = [replace(one, kinds=kinds, categories=kiai) for one in separable(5)]
    data = judge_fit.data_of(examples, Category.KIAI)
    assert data.weights[data.real].sum() == pytest.approx(judge_fit.RARE_PRIOR * 5 * examples[0].versions)


def test_columns_of_mania_are_fitted_apart_if_there_are_enough() -> None:
    """In mania the same feature says the opposite."""
    pytest.importorskip("sklearn")
    random, column = np.random.default_rng(1), NAMES.index("hold")
    modes = np.repeat(["osu", "mania"], 400)
    real = np.tile(np.arange(400) < 60, 2)
    features = np.zeros((800, len(NAMES)))
    features[:, column] = random.normal(size=800) + np.where(real, np.where(modes == "mania", -4.0, 4.0), 0.0)
    names = np.arange(800).astype(str)
    every = np.ones(800, dtype=bool)
    kinds, rows = np.where(real, "moved", UNTOUCHED), np.arange(800)
    data = judge_fit.Data(Category.POSITIONS, features, kinds, every, np.ones(800), names, modes, rows, every)
    model = judge_fit._fit_parts(data, np.arange(800), 0)
    low, high = (model.mean_logits(features[:2] * 0 + value, "mania")[0] for value in (4.0, -4.0))
    assert list(model.apart) == ["mania"] and low + 3 < high
    assert model.mean_logits(features[:1] * 0 + 4.0, "osu")[0] > model.mean_logits(features[:1] * 0 - 4.0, "osu")[0] + 3
    held_out = judge_fit.held_out_logits(data, 0)
    assert np.quantile(held_out[real], 0.05) > np.quantile(held_out[~real], 0.9)
    few = np.flatnonzero((modes == "osu") | (np.arange(800) > 435))  # 24 of mania are too few
    assert not judge_fit._fit_parts(data, few, 0).apart


def test_the_style_of_a_map_is_part_of_the_calibration() -> None:
    """One map full of doubts that are no mistakes, and twenty in which the same doubts are right."""
    maps = np.repeat(np.arange(21), 40)
    real = (maps > 0) & (np.arange(840) % 40 == 0)
    logits = np.where(real | (maps == 0), 2.0, -6.0)
    data = judge_fit.Data(
        Category.KIAI,
        np.full((840, len(NAMES)), SILENT),
        np.where(real, "kiai-moved", UNTOUCHED),
        np.ones(840, dtype=bool),
        np.ones(840),
        maps.astype(str),
        np.full(840, "osu"),
        maps,
        np.ones(840, dtype=bool),
    )
    found = judge_fit._calibrated(logits, data)
    calibrated = judge_fit._applied(found, logits, data)
    assert min(found.ahead) >= 0 and max(found.ahead) > 0.1 and not found.by_rule
    assert calibrated[real].min() > calibrated[maps == 0].max() + 4


@pytest.mark.parametrize(
    ("mistakes", "others", "adds"), [(30, 2, True), (4, 2, False), (90, 2, False), (30, 60, False)]
)
def test_a_rule_of_few_mistakes_adds_what_both_parts_do_not_see(mistakes: int, others: int, adds: bool) -> None:
    """Its candidates are right, and neither part knows; not where it has too few mistakes, many, or candidates everywhere."""
    rows = np.arange(1000)
    real = rows < mistakes
    features = np.full((1000, len(NAMES)), SILENT)
    features[: mistakes + others, NAMES.index("rule hitsounds/volume-ramp")] = 3.0
    every = np.ones(1000, dtype=bool)
    names, logits, kinds = rows.astype(str), np.full(1000, -3.0), np.where(real, "ramp-broken", UNTOUCHED)
    data = judge_fit.Data(
        Category.HITSOUNDS, features, kinds, every, np.ones(1000), names, np.full(1000, "osu"), rows, every
    )
    found = judge_fit._calibrated(logits, data)
    assert set(found.by_rule) == ({"hitsounds/volume-ramp"} if adds else set())
    calibrated = judge_fit._applied(found, logits, data)
    assert (calibrated[0] > calibrated[-1] + 2) == adds


def test_places_that_are_no_examples_are_only_compared_with() -> None:
    """A doubt beside many that are unclear stands out less than the same doubt alone."""
    (example,) = separable(1)
    unclear = replace(example, kinds=tuple(UNCLEAR if 6 <= n < 36 else kind for n, kind in enumerate(example.kinds)))
    data = judge_fit.data_of([unclear], Category.NEW_COMBOS)
    assert data.is_example.sum() == 29 and data.real.sum() == 6 and not data.weights[6:36].any()
    logits = np.where(np.arange(59) < 36, 1.0, -5.0)
    others = judge_fit._standings(logits, replace(data, lists=np.arange(59) >= 6))
    assert (judge_fit._standings(logits, data)[:6] < 0.1).all() and (others[:6, 2:] > 8 - 1e-9).all()


def test_mistakes_of_kinds_that_are_left_out_are_no_examples() -> None:
    data = judge_fit.data_of(separable(2), Category.NEW_COMBOS, frozenset({"combo-missing"}))
    assert not data.real.any() and data.is_example.sum() == 2 * 53 and len(data.real) == 2 * 59


def test_maps_that_the_networks_have_not_seen_weigh_more_and_set_the_calibration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In these maps the evidence is much weaker."""
    pytest.importorskip("sklearn")
    examples = [replace(one, unseen=number % 2 == 0) for number, one in enumerate(separable(24))]
    column = NAMES.index("slot combo")
    for one in examples:
        if one.unseen:
            one.features[:6, column] -= 4.5  # the mistakes
    data = judge_fit.data_of(examples, Category.NEW_COMBOS)
    weights = judge_fit._unseen_first(data)
    assert weights.sum() == pytest.approx(data.weights.sum())
    assert weights[data.unseen].sum() == pytest.approx(judge_fit.UNSEEN_WEIGHT * weights[~data.unseen].sum(), rel=0.01)

    def loss(checked: dict[Category, np.ndarray]) -> float:
        """Cross-entropy in unseen maps."""
        odds, real = checked[Category.NEW_COMBOS][data.unseen], data.real[data.unseen]
        return float(np.average(np.logaddexp(0, odds) - real * odds, weights=data.weights[data.unseen]))

    (judge, checked), (alike, other) = fit(examples), fit([replace(one, unseen=True) for one in examples])
    assert loss(checked) < loss(other)
    monkeypatch.setattr(judge_fit, "UNSEEN_WEIGHT", 1.0)
    _, checked = fit(examples)
    assert loss(checked) < loss(other)
    assert judge.models[Category.NEW_COMBOS].slope != alike.models[Category.NEW_COMBOS].slope


def test_more_evidence_never_lowers_what_the_trees_say(fitted: tuple[Calibration, np.ndarray]) -> None:
    judge = fitted[0].judge
    assert judge is not None
    model = judge.models[Category.NEW_COMBOS]
    signs = judge_fit.directions(Category.NEW_COMBOS)
    assert (signs["slot combo"], signs["rule new-combos/missing"], signs["rank combo"]) == (1, 1, -1)
    assert "slot volume" not in signs
    rows = np.random.default_rng(3).normal(size=(50, len(NAMES)))
    more = rows.copy()
    for name, sign in signs.items():
        more[:, NAMES.index(name)] += 0.8 * sign
    chosen = [NAMES.index(name) for name in model.features]
    before, after = (tree_sum(model.trees, one[:, chosen]) for one in (rows, more))
    assert (after >= before - 1e-9).all() and (after > before).any()


def test_the_trees_are_written_as_scikit_learn_has_them() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    random = np.random.default_rng(2)
    x = random.normal(size=(300, 5)).astype(np.float32)
    y = x[:, 0] + x[:, 1] * x[:, 2] + random.normal(size=300) > 0.4
    trees = ensemble.HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=6, random_state=0).fit(x, y)
    ours = tree_sum(judge_fit.plain_trees(trees, 0.25), x)
    assert ours == pytest.approx(trees.decision_function(x) - 0.25, abs=1e-3)


def test_the_networks_are_written_as_torch_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    fitted = []
    monkeypatch.setattr(judge_fit, "_descend", lambda network, *given: fitted.append(network.eval()))
    x = np.random.default_rng(4).normal(2.0, 3.0, size=(50, 3))
    network = judge_fit._network(x, Scaling.of(x), np.where(x[:, 0] > 2, "moved", UNTOUCHED), np.ones(50), 0.25, seed=0)
    standard = torch.tensor((x - x.mean(axis=0)) / x.std(axis=0), dtype=torch.float32)
    with torch.no_grad():
        each = [one(standard)[:, 0].numpy() for one in fitted]
    assert len(each) == judge_fit.MEMBERS and np.abs(each[0] - each[1]).max() > 0.05
    assert network.logits(x) == pytest.approx(np.mean(each, axis=0) - 0.25, abs=0.01)


def test_a_network_learns_what_only_two_features_together_say(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(judge_fit, "BATCH", 32)
    monkeypatch.setattr(judge_fit, "RATE", 1e-2)
    x = np.random.default_rng(5).normal(size=(1500, 4))
    real = x[:, 0] * x[:, 1] > 0
    kinds = np.where(real[:1000], "moved", UNTOUCHED)
    network = judge_fit._network(x[:1000], Scaling.of(x[:1000]), kinds, np.ones(1000), 0.0, seed=0)
    assert ((network.logits(x[1000:]) > 0) == real[1000:]).mean() > 0.85
    again = judge_fit._network(x[:1000], Scaling.of(x[:1000]), kinds, np.ones(1000), 0.0, seed=0)
    assert again == network


def test_examples_weigh_in_the_networks() -> None:
    """Half of the examples say the opposite of the others, which weigh more."""
    pytest.importorskip("torch")
    x = np.random.default_rng(6).normal(size=(1200, 2))
    is_heavy = np.arange(1200) % 2 == 0
    real = (x[:, 0] > 0) == is_heavy
    kinds = np.where(real, "moved", UNTOUCHED)
    network = judge_fit._network(x, Scaling.of(x), kinds, np.where(is_heavy, 5.0, 1.0), 0.0, seed=0)
    assert ((network.logits(x) > 0) == (x[:, 0] > 0)).mean() > 0.9


def test_the_networks_also_learn_of_which_kind_a_mistake_is(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    fitted, descend = [], judge_fit._descend

    def kept(network: torch.nn.Module, *given: torch.Tensor) -> None:
        descend(network, *given)
        fitted.append(network.eval())

    monkeypatch.setattr(judge_fit, "_descend", kept)
    monkeypatch.setattr(judge_fit, "BATCH", 32)
    x = np.random.default_rng(7).normal(size=(1200, 3))
    kinds = np.where(x[:, 0] > 0.5, np.where(x[:, 1] > 0, "moved", "doubled"), UNTOUCHED)
    rare = np.flatnonzero(kinds == "moved")[: judge_fit.LEAST_OF_KIND - 1]
    kinds[rare] = "mirrored"
    judge_fit._network(x, Scaling.of(x), kinds, np.ones(1200), 0.0, seed=0)
    with torch.no_grad():
        outputs = fitted[0](torch.tensor((x - x.mean(axis=0)) / x.std(axis=0), dtype=torch.float32)).numpy()
    real = kinds != UNTOUCHED
    assert outputs.shape == (1200, 4)  # any, doubled, moved, and kinds with few mistakes
    assert ((outputs[:, 0] > 0) == real).mean() > 0.93
    assert ((outputs[real, 2] > outputs[real, 1]) == (kinds[real] != "doubled")).mean() > 0.93


def test_the_mean_with_an_earlier_judge_is_between_both(fitted: tuple[Calibration, np.ndarray]) -> None:
    """Other songs have the features further apart; only if they are standardised as before can the mean be taken."""
    earlier, other = fitted[0].judge, separable(8)
    assert earlier is not None
    later, _ = fit([replace(one, features=2 * one.features + 1) for one in other], like=earlier)
    models = [one.models[Category.NEW_COMBOS] for one in (earlier, later)]
    assert models[0].network.mean == models[1].network.mean and models[0].network.scale == models[1].network.scale
    mean = mean_of(earlier, later, 0.5).models[Category.NEW_COMBOS]
    logits = [model.mean_logits(other[0].features, "osu") for model in (*models, mean)]
    expected = (models[0].slope * logits[0] + models[1].slope * logits[1]) / 2
    assert mean.slope * logits[2] == pytest.approx(expected, abs=0.05)


def test_what_was_kept_of_an_earlier_judge_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fitted: tuple[Calibration, np.ndarray]
) -> None:
    earlier = fitted[0].judge
    assert earlier is not None
    write(earlier, {}, tmp_path)
    monkeypatch.setattr(calibrate, "_maps", lambda *_: [Path("map.osu")])
    monkeypatch.setattr(calibrate, "collect", lambda *_: separable(8))
    monkeypatch.setattr(calibrate, "fit", lambda *_, like: (earlier, []))
    monkeypatch.setattr(calibrate.judge_check, "lines", lambda *_: [])
    calibrate.command(
        tmp_path,
        Settings(),
        tmp_path,
        manifest=None,
        maps=1,
        seed=0,
        jobs=1,
        held_out=False,
        unranked=False,
        keep=0.25,
        report=lambda line: None,
    )
    measured = json.loads((tmp_path / "calibration.json").read_text())["measured"]
    assert measured["kept_share"] == 0.25 and measured["maps"] == len(separable(8))


def test_no_judge_to_keep_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no calibration\.json there"):
        calibrate._earlier(tmp_path)
    (tmp_path / "calibration.json").write_text("{}")
    with pytest.raises(UsageError, match="not a usable calibration"):
        calibrate._earlier(tmp_path)


def test_what_was_written_is_read_again(tmp_path: Path, fitted: tuple[Calibration, np.ndarray]) -> None:
    judge = fitted[0].judge
    assert judge is not None
    (tmp_path / "calibration.json").write_text('{"curves": {"positions/unexpected": {"middle": 9.0, "scale": 2.0}}}')
    write(judge, {"maps": 12}, tmp_path)
    loaded = Calibration.load(tmp_path)
    assert loaded.judge == judge
    assert loaded.curves["positions/unexpected"].middle == 9.0


def test_measures_that_are_evidence_are_features_of_places() -> None:
    for category, names in judge_fit.MEASURES_OF.items():
        signs = judge_fit.directions(category)
        assert {signs[f"measure {name}"] for name in names} == {1}
