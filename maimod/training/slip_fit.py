"""Fit the model of slips (:mod:`maimod.features.slip_model`) on mistakes planted in good maps, and measure it on others.

The modules :mod:`maimod.training.osu_slip_fit`, :mod:`maimod.training.taiko_slip_fit`, :mod:`maimod.training.catch_slip_fit`
and :mod:`maimod.training.mania_slip_fit` plant slips and make examples of them; :mod:`maimod.training.form_slip_fit` does so
with wrong forms of objects of osu! and catch.

Needs scikit-learn and torch (`pip install "maimod[train]"`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np

from maimod.errors import UsageError
from maimod.features import slip_model
from maimod.features.models.sequence_network import SequenceNetwork
from maimod.features.positions import slips as position_slips
from maimod.features.slip_model import FEATURES, FILE, FORMAT, NETWORK_FEATURES, OUTPUTS, Forest, SlipModel
from maimod.osu.beatmap import Mode
from maimod.training import catch_slip_fit, form_slip_fit, mania_slip_fit, osu_slip_fit, slip_forest, taiko_slip_fit
from maimod.training.corpus import is_held_out
from maimod.training.evaluate import sources
from maimod.training.osu_slip_fit import KINDS, POSITION, SHAPE, Rows
from maimod.training.processes import map_in_processes
from maimod.training.slip_forest import Labelled, Scored, SlipFit, figures, fitted

MODES = (Mode.OSU, Mode.TAIKO, Mode.CATCH, Mode.MANIA)
PER_SONG = {Mode.OSU: 4, Mode.TAIKO: 5, Mode.CATCH: 8, Mode.MANIA: 5}
"""Most maps of one song; there are few of the other modes."""
TREES = {**slip_forest.TREES, "max_iter": 400}
CATCH_TREES = {**slip_forest.TREES, "max_iter": 200, "max_leaf_nodes": 12, "l2_regularization": 8.0}
"""Smaller, for few maps."""
FORM_TREES = {**slip_forest.TREES, "max_iter": 160, "learning_rate": 0.1, "max_bins": 63}
"""As good as 250 trees with the usual rate on held-out maps, in two thirds of the time."""
OTHER_TREES = slip_forest.TREES
NETWORK_VERSIONS = {"osu": 16, "forms": 6, "catch": 24, "catch bodies": 16, "catch forms": 16, "taiko": 4, "mania": 12}
"""Planted versions of each map for the networks."""


def fit(examples: Sequence[Rows], seed: int = 0) -> SlipModel:
    """Fit both forests of osu!.

    Raises:
        UsageError: if scikit-learn is not installed.
    """
    features = np.concatenate([one.features for one in examples])
    what = np.array([KINDS[kind][0] if kind else "" for one in examples for kind in one.kinds])
    weights = np.concatenate([one.weights for one in examples])
    is_slider = np.concatenate([one.is_slider for one in examples])

    def forest(rows: np.ndarray, kind: str) -> Forest:
        chosen = slip_forest.Rows(features[rows], what[rows] == kind, weights[rows])
        return fitted([chosen], position_slips.NAMES, seed, TREES)

    # What moves a position may also change a body and the other way round, so neither is an example against the other.
    return SlipModel(FORMAT, forest(what != SHAPE, POSITION), forest((what != POSITION) & is_slider, SHAPE))


def command(
    songs: Path,
    target: Path,
    *,
    manifest: Path | None,
    test: Path | None,
    maps: int,
    seed: int,
    jobs: int,
    report: Callable[[str], None],
    modes: Sequence[Mode] = MODES,
) -> None:
    """Run `maimod slips`; its help describes the arguments.

    Raises:
        UsageError: if the folder has no maps, or none of osu! and the target has no model to add other modes to.
    """

    def accept(folder: Path) -> bool:  # the judge is fitted on the others
        return not is_held_out(folder)

    model, read = slip_model.load(target), 0
    for mode in modes:
        paths = _maps_of(songs, mode, manifest, seed, accept)[:maps]
        if mode is not Mode.OSU and not paths:
            continue
        if not paths or (model is None and mode is not Mode.OSU):
            raise UsageError(f"{songs}: no osu! map with a song")
        report(f"{mode.label}: {len(paths)} maps")
        started = _fit_mode(mode, model, paths, seed, jobs)
        about: dict[str, float | int | str] = {"maps": len(paths), "seed": seed}
        if test is not None:
            found = measured(started, mode, _maps_of(test, mode, manifest, seed), seed, jobs)
            about |= {f"test {name}": value for name, value in found.items()}
            report("\n".join(f"{name}: {value}" for name, value in about.items()))
        prefix = "" if mode is Mode.OSU else f"{mode.label} "
        kept = {} if model is None else {k: v for k, v in model.measured.items() if _mode_of(k) is not mode}
        new = {f"{prefix}{name}": value for name, value in about.items()}
        model, read = msgspec.structs.replace(started, measured=kept | new), read + len(paths)
    if model is None or not read:
        raise UsageError(f"{songs}: no map with a song")
    target.mkdir(parents=True, exist_ok=True)
    path = target / FILE
    path.write_bytes(msgspec.json.encode(model) + b"\n")
    report(f"{path}: fitted on {read} maps")


def _mode_of(measured: str) -> Mode:
    """The mode that a key of :attr:`SlipModel.measured` is about; those of osu! do not begin with their mode."""
    return next((mode for mode in MODES if mode is not Mode.OSU and measured.startswith(f"{mode.label} ")), Mode.OSU)


def _maps_of(
    songs: Path, mode: Mode, manifest: Path | None, seed: int, accept: Callable[[Path], bool] = lambda folder: True
) -> list[Path]:
    return sources(
        songs,
        mode,
        manifest,
        seed,
        per_song=PER_SONG[mode],
        unranked=mode is not Mode.OSU,
        without_song=True,
        accept=accept,
    )


def _fit_mode(mode: Mode, model: SlipModel | None, paths: Sequence[Path], seed: int, jobs: int) -> SlipModel:
    """The model with the forests and networks of one mode fitted anew."""

    def with_networks(model: SlipModel, keys: Mapping[str, Callable[[int, int, Path], list[Labelled]]]) -> SlipModel:
        new = {key: _networks(key, read, paths, seed, jobs) for key, read in keys.items()}
        return msgspec.structs.replace(model, networks=model.networks | new)

    if mode is Mode.OSU:
        new = fit(
            [row for _, rows in map_in_processes(partial(osu_slip_fit.examples_of, seed), paths, jobs) for row in rows],
            seed,
        )
        forms = _fitted(form_slip_fit.FIT, paths, seed, jobs, FORM_TREES)
        if model is not None:
            new = msgspec.structs.replace(model, positions=new.positions, shapes=new.shapes)
        new = msgspec.structs.replace(new, forms=forms)
        return with_networks(new, {"osu": osu_slip_fit.labelled, "forms": form_slip_fit.FIT.labelled})
    assert model is not None
    if mode is Mode.CATCH:
        new = msgspec.structs.replace(model, catch=_fitted(catch_slip_fit.FIT, paths, seed, jobs, CATCH_TREES))
        read = {
            "catch": catch_slip_fit.FIT.labelled,
            "catch bodies": osu_slip_fit.labelled,
            "catch forms": form_slip_fit.FIT.labelled,
        }
        return with_networks(new, read)
    if mode is Mode.TAIKO:
        new = msgspec.structs.replace(model, colours=_fitted(taiko_slip_fit.FIT, paths, seed, jobs, OTHER_TREES))
        return with_networks(new, {"taiko": taiko_slip_fit.FIT.labelled})
    parts = [rows for _, rows in map_in_processes(partial(mania_slip_fit.examples_of, seed), paths, jobs) if rows]
    forests = {
        part: fitted([row for rows in parts for row in rows[part]], FEATURES[part], seed, OTHER_TREES)
        for part in mania_slip_fit.PARTS
    }
    return with_networks(msgspec.structs.replace(model, **forests), {"mania": mania_slip_fit.labelled})


def _networks(
    key: str, read: Callable[[int, int, Path], list[Labelled]], paths: Sequence[Path], seed: int, jobs: int
) -> list[SequenceNetwork]:
    """The networks of one of the keys of `slip_model.OUTPUTS`.

    Raises:
        UsageError: if torch is not installed.
    """
    if find_spec("torch") is None:
        raise UsageError('fitting networks needs torch: pip install "maimod[train]"')
    from maimod.training import slip_network

    examples = [
        one for _, found in map_in_processes(partial(read, seed, NETWORK_VERSIONS[key]), paths, jobs) for one in found
    ]
    return slip_network.fitted(examples, NETWORK_FEATURES[key], OUTPUTS[key], slip_network.SHAPES[key], seed)


def _fitted(fit: SlipFit, paths: Sequence[Path], seed: int, jobs: int, trees: Mapping[str, float]) -> Forest:
    read = map_in_processes(partial(fit.examples_of, seed), paths, jobs)
    return fitted([row for _, rows in read for row in rows], fit.features, seed, trees)


def measured(model: SlipModel, mode: Mode, paths: Sequence[Path], seed: int, jobs: int) -> dict[str, float]:
    """AUC and recall of planted mistakes in other maps of a mode, as :func:`maimod.training.slip_forest.figures`."""
    look: Callable[[Path], tuple[float, dict[str, Scored]] | None]
    match mode:
        case Mode.OSU:
            look = partial(osu_slip_fit.scored, model, seed)
        case Mode.CATCH if model.catch is not None:
            look = partial(catch_slip_fit.FIT.scored, model.catch, seed)
        case Mode.TAIKO if model.colours is not None:
            look = partial(taiko_slip_fit.FIT.scored, model.colours, seed)
        case _:
            forests = {part: getattr(model, part) for part in mania_slip_fit.PARTS}
            look = partial(mania_slip_fit.scored, forests, seed)
    return figures([part for _, part in map_in_processes(look, paths, jobs) if part is not None])
