"""Fit the judge (:mod:`maimod.linter.judge`) to the examples of :mod:`maimod.training.calibrate`.

Examples are weighted as if each map had `PRIOR` mistakes in most categories, all kinds equally often whatever their number of
doses, so the probabilities are those of maps that are nearly finished.

Needs scikit-learn and torch (`pip install "maimod[train]"`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from maimod.errors import UsageError
from maimod.features.models.layers import Layer, Scaling
from maimod.features.models.trees import Trees
from maimod.findings import Category
from maimod.linter.judge import PLACES_AHEAD, Judge, Model, Network, standing, strength_of
from maimod.linter.places import CATEGORIES, NAMES, RULE_IDS, SILENT, STRETCHES
from maimod.osu.beatmap import Mode
from maimod.rules import RULES

if TYPE_CHECKING:
    from torch import Tensor, nn

PRIOR, RARE_PRIOR = 0.7, 0.2
"""Mistakes of each category in a map, and of each of `RARE`."""
RARE = (Category.SCROLL_SPEED, Category.KIAI)
"""A map has few lines in which they can be wrong, and few kinds of mistakes in them. As likely as the others they would be half of the
false places above one in ten minutes."""
FOLDS = 3
MOST_OTHERS = 22_000
"""Places without a mistake that are used in one fit, each with a higher weight instead of the rest."""
TREES = {
    "max_iter": 200,
    "max_leaf_nodes": 16,
    "learning_rate": 0.07,
    "max_features": 0.2,
    "l2_regularization": 10.0,
    "max_bins": 63,
}
"""In maps that no network has seen, their loss in rhythm is lower by 8 % than with 8 leaves and a rate of 0.05, and by 3 % than
with 150 trees of at most six levels and a rate of 0.12. Fewer bins than the usual 255 cost nothing and save half of the time."""
LEAST_LEAF = 20
UNITS, MEMBERS = 192, 2
"""Units of each of two hidden layers, and networks whose mean counts."""
KIND_SHARE, LEAST_OF_KIND = 2.0, 8
"""Weight of the loss of kinds, and mistakes that a kind must have in the fit to be one of them. In rhythm, on songs left out, recall at
0.1, 0.3 and 1 false places a minute rises from 42.5, 61.0 and 75.7 % (48 units, kinds not learned, 0.3 of the mean with the
trees) to 51.1, 63.2 and 77.8 % (0.5 of it), the loss falls by 8 %; with 96 units 49.3, 62.0 and 77.1 %. Of sliders of kinds that
were not taught 60.8, 71.3 and 80.9 % become 60.6, 69.7 and 80.9 % (0.3), 58.3, 68.2 and 79.9 % (0.5)."""
EPOCHS, BATCH, RATE, DECAY = 30, 256, 2e-3, 0.05
"""Of the networks: rounds over the examples, examples in a step, highest learning rate, decay of the weights."""
INPUTS_DROPPED, UNITS_DROPPED = 0.2, 0.4
"""Shares of features and of hidden units that are left out at random. With one hidden layer of 24 units, none of them dropped, recall
at one false place a minute is 81.1 instead of 82.2 % for sliders and 87.6 instead of 88.7 % for hitsounds (mean with the trees,
songs left out)."""
BITS_OF = {
    Category.RHYTHM: ("time", "end", "kind"),
    Category.POSITIONS: ("position", "column"),
    Category.NEW_COMBOS: ("combo",),
    Category.SLIDERS: ("anchor", "end", "speed"),
    Category.HITSOUNDS: ("sound", "edge_sound", "volume"),
    Category.SCROLL_SPEED: ("speed",),
    Category.KIAI: (),
}
"""Groups of events that are evidence on mistakes of a category."""
SLIPS_OF = {
    Category.POSITIONS: ("position",),
    Category.SLIDERS: ("shape", "form"),
    Category.RHYTHM: ("chord", "end", "form"),
    Category.HITSOUNDS: ("colour",),
}
"""Slips that are evidence on mistakes of a category."""
MEASURES_OF = {
    Category.RHYTHM: (
        "expected_difference",
        "other",
        "halves",
        "moved",
        "same_alone",
        "same_unlike",
        "column_lost",
        "kind_other",
        "end_other",
        "chord_other",
        "elsewhere",
        "elsewhere_song",
    ),
    Category.POSITIONS: ("mirrored", "scaled"),
    Category.NEW_COMBOS: ("flags_earlier", "flags_earlier_long", "flag_other"),
    Category.HITSOUNDS: (
        "sounds_exchanged",
        "sounds_earlier",
        "sounds_half_beat_earlier",
        "sound_other",
        "whistle_lost",
        "finish_lost",
        "clap_lost",
        "addition_added",
        "lost_out_of_phrase",
        "finish_missing",
        "edges_bare",
    ),
}
"""What the measure or the object would gain otherwise, as evidence on mistakes of a category."""
LEAST_POSITIVES = 30
"""With fewer examples a category keeps the scores of its rules."""
APART = {Category.POSITIONS: (Mode.MANIA.label,)}
"""Modes that are fitted apart from the others. A column has nothing in common with a place on the playfield: with 70 maps of
mania, on songs left out of the fit, recall of mistakes in columns at 0.25 false places a minute rises from 27 to 35 %. Rhythm of
mania is no better apart (37 and 38 %)."""
LEAST_OF_RULE = 5
"""A rule that was the strongest at fewer mistakes keeps its own scores."""
UNSEEN_WEIGHT = 3.0
"""Of examples in maps that no network was trained on, beside 1 for the others: a network is surer of what it has seen. Such
maps also set the calibration, if they have enough mistakes: with all maps, scores of 0.6 to 0.8 were right in 0.5 to 0.7 of
unseen maps and in 0.8 to 0.9 of the others."""
CALIBRATION_PENALTY = 4.0
"""Of the squared distance of slope and shifts from 1 and 0, and of the squared weights of the places ahead."""
FEW_OF_RULE = 80
"""A rule that was the strongest at fewer mistakes, but at `LEAST_OF_RULE`, can add log-odds of its own: leaves of `LEAST_LEAF` examples mix
these mistakes with other places."""
RARE_SHARE = 0.05
"""Of the places without a mistake, at which such a rule has a candidate at most."""
BY_RULE = (Category.RHYTHM, Category.NEW_COMBOS, Category.SLIDERS, Category.HITSOUNDS)
"""Categories in which rules add. With the calibration fitted without the songs that it is measured on, recall of further kinds in osu! at 0.1, 1
and 2 false places a minute rises from 38.3, 64.6 and 72.7 to 40.4, 65.8 and 73.4 %, of classic ones it stays (41.2, 68.3, 76.6; 41.0,
68.5, 76.3): of broken ramps of volume at 1 from 21 to 53, of sample sets of lines from 48 to 64, of lost own sets from 23 to 40 %. The
loss falls in all four; in positions and kiai it does not."""
RULE_PENALTY = 1.0
"""Of the squared log-odds that a rule adds."""
UNTOUCHED = ""
"""Kind of the places without a mistake."""
UNCLEAR = "?"
"""Kind of the places near a mistake that are neither: no examples, but places with which others are compared."""


@dataclass(frozen=True)
class Examples:
    """Places of one map and of changed copies of it."""

    map: str
    song: str
    mode: str
    minutes: float
    """Drain time of one version."""
    features: np.ndarray
    """float32 (n, len(NAMES))."""
    categories: np.ndarray
    """(n,) index into `CATEGORIES`."""
    kinds: tuple[str, ...]
    """Name of the planted mistake of each place, else `UNTOUCHED` or `UNCLEAR`."""
    rules: tuple[str, ...]
    """Rule of the strongest candidate of each place."""
    copies: np.ndarray
    """(n,) which version of the map each place is in: 0 untouched, then the changed copies."""
    planted: Counter[str]
    """Number of planted mistakes by name, those without a place included."""
    versions: int = 1
    """The map and its copies."""
    unseen: bool = True
    """Whether no network was trained on the map."""
    told: frozenset[tuple[int, str]] = frozenset()
    """(version, name) of the planted mistakes that a fact names, which no place has to show."""


# ---------------------------------------------------------------------------------------------------------------------
# Fitting


@dataclass(frozen=True)
class Data:
    """All places of one category."""

    category: Category
    features: np.ndarray
    kinds: np.ndarray
    """Name of the planted mistake of each place without its dose; `UNTOUCHED` of the others, and of those that are no examples."""
    is_example: np.ndarray
    """Others are only compared with."""
    weights: np.ndarray
    songs: np.ndarray
    modes: np.ndarray
    lists: np.ndarray
    """Number of the version of a map that each place is in."""
    unseen: np.ndarray
    """Whether no network was trained on that map."""

    @cached_property
    def real(self) -> np.ndarray:
        """Whether each place has a planted mistake."""
        return self.kinds != UNTOUCHED


def data_of(examples: Sequence[Examples], category: Category, without: frozenset[str] = frozenset()) -> Data:
    """Places of a category; mistakes of the kinds `without` are no examples."""
    chosen = [one.categories == CATEGORIES.index(category) for one in examples]
    counts = [int(own.sum()) for own in chosen]
    kinds = np.array([k for one, own in zip(examples, chosen, strict=True) for k in np.array(one.kinds)[own].tolist()])
    is_example = ~np.isin(kinds, [UNCLEAR, *without])
    without_dose = np.array([kind.partition(":")[0] for kind in kinds.tolist()], dtype=str)
    without_dose[~is_example] = UNTOUCHED
    maps = np.repeat(np.arange(len(examples)), counts)
    modes = np.array([one.mode for one in examples])[maps]
    weights = is_example.astype(float)
    prior = RARE_PRIOR if category in RARE else PRIOR
    # By mode: a mode with few mistakes must not look as if it had none.
    for mode in set(modes.tolist()):
        versions = sum(one.versions for one in examples if one.mode == mode)
        by_kind = Counter(without_dose[(modes == mode) & (without_dose != UNTOUCHED)].tolist())
        for kind, count in by_kind.items():
            weights[(modes == mode) & (without_dose == kind)] = prior * versions / len(by_kind) / count
    copies = np.concatenate([one.copies[own] for one, own in zip(examples, chosen, strict=True)])
    return Data(
        category,
        np.concatenate([one.features[own] for one, own in zip(examples, chosen, strict=True)]),
        without_dose,
        is_example,
        weights,
        np.array([one.song for one in examples])[maps],
        modes,
        maps * (copies.max(initial=0) + 1) + copies,
        np.array([one.unseen for one in examples])[maps],
    )


def directions(category: Category) -> dict[str, int]:
    """Evidence on mistakes of a category: 1 if more of the feature can only raise what the trees say, -1 if it can only lower it.

    Without this, rare mistakes teach that strong evidence of one kind is weak evidence of another.
    """
    rules = [rule for rule in RULES.values() if rule.category is category]
    kinds = {kind for rule in rules for kind in rule.corruptions}
    more = ["own_best", "both_best", f"here {category.value}", *(f"rule {rule.id}" for rule in rules)]
    more += [f"{place} {kind}" for place in ("slot", "near", "wide") for kind in kinds]
    more += [f"bits {group}" for group in BITS_OF[category]]
    more += [f"stretch {name}" for name in STRETCHES if name == "around" or name.startswith("bits_of")]
    more += [f"measure {name}" for name in MEASURES_OF.get(category, ())]
    slips = [f"slip {what}{seen}" for what in SLIPS_OF.get(category, ()) for seen in ("", " in sequence")]
    more += [f"{slip} {name}" for slip in slips for name in ("log-odds", "lead")]
    if category is Category.RHYTHM:
        more += [f"holds {name}" for name in ("stretch alone", "stretch from", "stretch around", "ahead of kind")]
    if category is Category.POSITIONS:
        more += ["columns swapped", "columns elsewhere"]
    less = ["own_rank", "both_rank", *(f"rank {kind}" for kind in kinds)]
    less += [f"rank {group} bits" for group in BITS_OF[category]]
    less += [f"{slip} {name}" for slip in slips for name in ("rank", "a minute")]
    less += ["holds rank of kind"] if category is Category.RHYTHM else []
    return {name: sign for names, sign in ((more, 1), (less, -1)) for name in names if name in NAMES}


def _fit_parts(data: Data, rows: np.ndarray, seed: int, like: Model | None = None) -> Model:
    """Fit both parts on some rows, those of modes of `APART` with enough mistakes on their own; a model without calibration.

    The features are standardised as those of the model `like`, if it has them.
    """
    apart = {}
    for mode in APART.get(data.category, ()):
        is_own = data.modes[rows] == mode
        if min(data.real[rows[is_own]].sum(), data.real[rows[~is_own]].sum()) >= LEAST_POSITIVES:
            apart[mode] = _fit_mode_parts(
                data, rows[is_own], seed, None if like is None else like.apart.get(mode, like)
            )
            rows = rows[~is_own]
    return msgspec.structs.replace(_fit_mode_parts(data, rows, seed, like), apart=apart)


def _fit_mode_parts(data: Data, rows: np.ndarray, seed: int, like: Model | None) -> Model:
    """Both parts, fitted on all of the rows together."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    others = rows[~data.real[rows]]
    if len(others) > MOST_OTHERS:
        kept = np.random.default_rng(seed).permutation(others)[:MOST_OTHERS]
        rows = np.sort(np.concatenate([rows[data.real[rows]], kept]))
    x, y, w = data.features[rows].astype(np.float64), data.real[rows], data.weights[rows].copy()
    w[~y] *= max(len(others) / MOST_OTHERS, 1.0)
    used = np.flatnonzero(x.std(axis=0) > 1e-6)
    x, names = x[:, used], [NAMES[i] for i in used.tolist()]
    signs = directions(data.category)
    sign = np.array([signs.get(name, 0) for name in names])
    balanced, shift = _balanced(w, y), _shift(w, y)
    trees = HistGradientBoostingClassifier(
        **TREES, min_samples_leaf=LEAST_LEAF, monotonic_cst=sign, random_state=seed, early_stopping=False
    )
    trees.fit(x, y, sample_weight=balanced)
    network = _network(x, _scaling(x, names, like), data.kinds[rows], balanced, shift, seed)
    return Model(names, network, plain_trees(trees, shift))


def _scaling(x: np.ndarray, names: Sequence[str], like: Model | None) -> Scaling:
    """How features (n, n_names) are standardised: as those of the same name in `like`, the others by themselves."""
    own = Scaling.of(x)
    if like is None:
        return own
    known = dict(zip(like.features, zip(like.network.mean, like.network.scale, strict=True), strict=True))
    pairs = [known.get(name, usual) for name, usual in zip(names, zip(own.mean, own.scale, strict=True), strict=True)]
    return Scaling([mean for mean, _ in pairs], [scale for _, scale in pairs])


def _network(x: np.ndarray, scaling: Scaling, kinds: np.ndarray, w: np.ndarray, shift: float, seed: int) -> Network:
    """Fit `MEMBERS` networks, with log-odds lower by `shift`.

    They also learn which kind of mistake each is, by outputs that are not kept: what they learn of mistakes is then less about a
    few maps. Unlike in the trees no direction of evidence is prescribed: with it, two layers find only a third of what they find
    more than one.
    """
    import torch
    from torch import nn

    inputs = torch.tensor(scaling.standard(x), dtype=torch.float32)
    weights = torch.tensor(w / w.mean(), dtype=torch.float32)
    counts = Counter(kinds[kinds != UNTOUCHED].tolist())
    taught = sorted(kind for kind, count in counts.items() if count >= LEAST_OF_KIND)
    # Outputs: whether there is a mistake, which of the taught kinds, another kind.
    number = {UNTOUCHED: 0} | {kind: at for at, kind in enumerate(taught, start=1)}
    targets = torch.tensor([number.get(kind, len(number)) for kind in kinds.tolist()])
    members = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(MEMBERS):
            layers = [nn.Linear(x.shape[1], UNITS), nn.Linear(UNITS, UNITS), nn.Linear(UNITS, len(number) + 1)]
            hidden = [part for one in layers[:-1] for part in (one, nn.ReLU(), nn.Dropout(UNITS_DROPPED))]
            _descend(nn.Sequential(nn.Dropout(INPUTS_DROPPED), *hidden, layers[-1]), inputs, targets, weights)
            kept = [(one.weight.detach().numpy(), one.bias.detach().numpy()) for one in layers]
            *hidden_layers, (weight, bias) = kept
            members.append([Layer.of(*one) for one in (*hidden_layers, (weight[:1], bias[:1]))])
    return Network(scaling.mean, scaling.scale, members, -shift)


def _descend(network: nn.Module, inputs: Tensor, targets: Tensor, weights: Tensor) -> None:
    """Train a network in place, by AdamW with a rate that rises and falls."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

    steps = EPOCHS * -(-len(targets) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(targets)), BATCH):
            outputs, kind = network(inputs[rows]), targets[rows]
            is_real = (kind > 0).float()
            any_kind = binary_cross_entropy_with_logits(outputs[:, 0], is_real, reduction="none")
            which_kind = is_real * cross_entropy(outputs[:, 1:], (kind - 1).clamp(min=0), reduction="none")
            loss = (weights[rows] * (any_kind + KIND_SHARE * which_kind)).mean()
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()


def _balanced(weights: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Weights with which mistakes weigh a fifth of all: fits with rare mistakes are unstable."""
    result = weights.copy()
    result[real] *= 0.25 * weights[~real].sum() / max(weights[real].sum(), 1e-9)
    return result


def _shift(weights: np.ndarray, real: np.ndarray) -> float:
    """Log-odds by which :func:`_balanced` raises every prediction."""
    return float(np.log(0.25 * weights[~real].sum() / max(weights[real].sum(), 1e-9)))


def plain_trees(fitted: Any, shift: float) -> Trees:
    """The trees of a fitted `HistGradientBoostingClassifier`, with log-odds lower by `shift`.

    scikit-learn keeps them in a private attribute; a test compares ours with its predictions.
    """
    feature: list[int] = []
    value: list[float] = []
    left: list[int] = []
    right: list[int] = []
    for (tree,) in fitted._predictors:
        first = len(feature)
        for node in tree.nodes:
            leaf = bool(node["is_leaf"])
            feature.append(-1 if leaf else int(node["feature_idx"]))
            value.append(float(f"{node['value']:.5g}" if leaf else f"{node['num_threshold']:.9g}"))
            left.append(0 if leaf else first + int(node["left"]))
            right.append(0 if leaf else first + int(node["right"]))
    return Trees.of(float(fitted._baseline_prediction.item()) - shift, feature, value, left, right)


def _unseen_first(data: Data) -> np.ndarray:
    """Weights of the examples, those in unseen maps `UNSEEN_WEIGHT` times the others, with the same sum as before."""
    weights = data.weights * np.where(data.unseen, UNSEEN_WEIGHT, 1.0)
    return np.asarray(weights * (data.weights.sum() / weights.sum()))


def _standings(logits: np.ndarray, data: Data) -> np.ndarray:
    """:func:`maimod.linter.judge.standing` of every place in its version of its map."""
    found = np.zeros((len(logits), len(PLACES_AHEAD)))
    order = np.argsort(data.lists, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(data.lists[order])) + 1):
        found[rows] = standing(logits[rows])
    return found


class _Calibration(msgspec.Struct, frozen=True):
    """What makes log-odds true; fields as of :class:`maimod.linter.judge.Model`."""

    slope: float
    ahead: tuple[float, ...]
    shift: dict[str, float]
    by_rule: dict[str, float]


def _rules_of_few(data: Data) -> list[str]:
    """Rules of the category that were the strongest at few mistakes and have few candidates elsewhere."""
    if data.category not in BY_RULE:
        return []
    names = [f"rule {rule}" for rule in RULE_IDS if RULES[rule].category is data.category]
    measured = data.features[:, [NAMES.index(name) for name in names]]
    has_any = measured.max(axis=1, initial=SILENT) > SILENT
    counts = np.bincount(measured[data.real & has_any].argmax(axis=1), minlength=len(names))
    shares = (measured[data.is_example & ~data.real] > SILENT).mean(axis=0)
    return [
        name.removeprefix("rule ")
        for name, count, share in zip(names, counts, shares, strict=True)
        if LEAST_OF_RULE <= count < FEW_OF_RULE and share <= RARE_SHARE
    ]


def _calibrated(logits: np.ndarray, data: Data) -> _Calibration:
    """Make log-odds true, on the examples in maps that no network has seen, if they have enough mistakes.

    Args:
        logits: of all places, by models without calibration.
        data: the places.

    Returns:
        Slope, weights of the places ahead, shifts by mode and what rules add, with a prior of 1 and of 0 for the others.
    """
    import scipy.optimize

    rows = data.is_example & data.unseen
    if (data.real & rows).sum() < LEAST_POSITIVES:
        rows = data.is_example
    modes = sorted(set(data.modes.tolist()))
    of_modes = data.modes[:, None] == np.array(modes)
    rules = _rules_of_few(data)
    x = np.column_stack([logits, _standings(logits, data), of_modes, strength_of(data.features, rules)])[rows]
    y, w = data.real[rows], data.weights[rows]
    usual = np.concatenate([[1.0], np.zeros(x.shape[1] - 1)])
    penalty = np.full(x.shape[1], CALIBRATION_PENALTY)
    penalty[len(penalty) - len(rules) :] = RULE_PENALTY

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        odds, away = x @ values, values - usual
        total = float((w * (np.logaddexp(0, odds) - y * odds)).sum() + (penalty * away**2).sum())
        return total, x.T @ (w * (1 / (1 + np.exp(-odds)) - y)) + 2 * penalty * away

    bounds = [(0.2, 4.0), *[(0, 1)] * len(PLACES_AHEAD), *[(-4, 4)] * len(modes), *[(0, 6)] * len(rules)]
    best = scipy.optimize.minimize(loss, usual, jac=True, method="L-BFGS-B", bounds=bounds).x
    slope, *rest = [round(float(value), 4) for value in best]
    ahead, shifts, added = np.split(rest, np.cumsum([len(PLACES_AHEAD), len(modes)]))
    by_rule = {rule: value for rule, value in zip(rules, added.tolist(), strict=True) if value > 0}
    return _Calibration(slope, tuple(ahead.tolist()), dict(zip(modes, shifts.tolist(), strict=True)), by_rule)


def held_out_logits(data: Data, seed: int) -> np.ndarray:
    """Log-odds of every example by models fitted without its song, before calibration."""
    songs = sorted(set(data.songs.tolist()))
    folds = {
        song: number % FOLDS for number, song in enumerate(np.random.default_rng(seed).permutation(songs).tolist())
    }
    fold = np.array([folds[song] for song in data.songs.tolist()])
    logits = np.zeros(len(data.real))
    for number in range(FOLDS):
        model = _fit_parts(data, np.flatnonzero((fold != number) & data.is_example), seed)
        for mode in set(data.modes.tolist()):
            own = (fold == number) & (data.modes == mode)
            logits[own] = model.mean_logits(data.features[own], mode)
    return logits


def fit(
    examples: Sequence[Examples],
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
    categories: Sequence[Category] = CATEGORIES,
    like: Judge | None = None,
) -> tuple[Judge, dict[Category, np.ndarray]]:
    """Fit the models of categories, with features standardised as those of the judge `like`, so that :func:`maimod.training.judge_mean.mean_of` can
    take the mean with it.

    Returns:
        The judge, and for each category the calibrated log-odds of its places by models that do not know their song.

    Raises:
        UsageError: if scikit-learn or torch is not installed.
    """
    if find_spec("sklearn") is None or find_spec("torch") is None:
        raise UsageError('calibration needs scikit-learn and torch: pip install "maimod[train]"')
    models: dict[Category, Model] = {}
    checked: dict[Category, np.ndarray] = {}
    for category in categories:
        data = data_of(examples, category)
        if data.real.sum() < LEAST_POSITIVES:
            report(f"{category.value}: {data.real.sum()} mistakes are too few, so its rules keep their own scores")
            continue
        models[category], checked[category] = fit_category(
            data, seed, None if like is None else like.models.get(category)
        )
        others = (data.is_example & ~data.real).sum()
        report(f"{category.value}: {data.real.sum()} mistakes, {others} other places, slope {models[category].slope}")
    return Judge(models, _known_rules(examples)), checked


def fit_category(data: Data, seed: int, like: Model | None = None) -> tuple[Model, np.ndarray]:
    """Model of a category, and the calibrated log-odds of all places by models that do not know their song."""
    fitted = replace(data, weights=_unseen_first(data))
    logits = held_out_logits(fitted, seed)
    found = _calibrated(logits, data)
    model = _fit_parts(fitted, np.flatnonzero(data.is_example), seed, like)
    return msgspec.structs.replace(model, **msgspec.structs.asdict(found)), _applied(found, logits, data)


def _applied(found: _Calibration, logits: np.ndarray, data: Data) -> np.ndarray:
    """Calibrated log-odds."""
    checked = found.slope * logits + _standings(logits, data) @ np.array(found.ahead)
    checked += [found.shift[mode] for mode in data.modes.tolist()]
    return np.asarray(checked + strength_of(data.features, found.by_rule) @ np.array(list(found.by_rule.values())))


def _known_rules(examples: Sequence[Examples]) -> frozenset[str]:
    """Rules whose candidates were often the strongest at a mistake."""
    counts = Counter(
        rule
        for one in examples
        for rule, kind in zip(one.rules, one.kinds, strict=True)
        if kind not in (UNTOUCHED, UNCLEAR)
    )
    return frozenset(rule for rule, count in counts.items() if count >= LEAST_OF_RULE)
