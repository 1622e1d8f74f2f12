"""The model of slips: log-odds that an object of a map was changed by accident.

Sums of boosted trees, and networks that see the objects around too (:mod:`maimod.features.models.sequence_network`), over
:mod:`maimod.features.positions.slips`, :mod:`maimod.features.catch.slips` and :mod:`maimod.features.catch.copies`,
:mod:`maimod.features.sliders.forms`, :mod:`maimod.features.mania.slips` and :mod:`maimod.features.taiko.slips`. The numbers are in `slips.json` of
`models/maimod-slips`; `maimod slips` fits them on planted mistakes (:mod:`maimod.training.slip_fit`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from maimod.features.catch import copies as catch_copies
from maimod.features.catch import slips as catch_slips
from maimod.features.copies.passages import Passages
from maimod.features.mania import chords as mania_chords
from maimod.features.mania import columns as mania_columns
from maimod.features.mania import holds as mania_holds
from maimod.features.mania import slips as mania_slips
from maimod.features.mania.slips import ManiaMeasures
from maimod.features.models.sequence_network import SequenceNetwork
from maimod.features.models.trees import Trees, are_whole, tree_sum
from maimod.features.positions import slips as position_slips
from maimod.features.positions.slips import Measures
from maimod.features.sliders import forms as slider_forms
from maimod.features.taiko import slips as taiko_slips
from maimod.osu.beatmap import Beatmap, HitObject, Mode, ObjectKind

FILE = "slips.json"
FORMAT = 2
"""1 had trees as lists."""
LEAST_OBJECTS, MOST_OBJECTS = 30, 15_000
"""Fewest objects for a map's own habits; as many as the longest ranked marathons."""
NO_SLIP = -12.0
"""Log-odds where nothing can have slipped."""


class Forest(msgspec.Struct, frozen=True):
    """Model of one kind of slip."""

    features: list[str]
    """Names of the features that it uses, of `FEATURES`."""
    trees: Trees


class _Forests(msgspec.Struct, frozen=True):
    """Content of the file without the networks."""

    format: int
    positions: Forest
    """Objects of osu! that were moved."""
    shapes: Forest
    """Sliders whose body was changed: an anchor moved, mirrored, turned, reversed. Fitted on osu!, and used in catch as well."""
    measured: dict[str, float | int | str] = {}
    """What it was fitted on, and how it did on other maps."""
    catch: Forest | None = None
    """Objects of catch that were moved."""
    columns: Forest | None = None
    """Notes of mania in a wrong column."""
    chords: Forest | None = None
    """Chords of mania with a note too many or too few."""
    ends: Forest | None = None
    """Notes of mania that end at a wrong time."""
    colours: Forest | None = None
    """Notes of taiko with a wrong colour."""
    forms: Forest | None = None
    """Objects of a wrong kind, with a wrong duration or wrong repeats. Fitted on osu!, and used in catch as well."""


class SlipModel(_Forests, frozen=True):
    """Content of the file."""

    networks: dict[str, list[SequenceNetwork]] = {}
    """By the keys of `OUTPUTS`, several whose mean counts; the rules do without them, the judge weighs both."""


FEATURES: Mapping[str, Sequence[str]] = {
    "positions": position_slips.NAMES,
    "shapes": position_slips.NAMES,
    "catch": catch_copies.SLIP_NAMES,
    "columns": mania_columns.COLUMN_NAMES,
    "chords": mania_chords.CHORD_NAMES,
    "ends": mania_holds.END_NAMES,
    "colours": taiko_slips.SLIP_NAMES,
    "forms": slider_forms.NAMES,
}
"""Names of the features by the field of the model that uses them."""
MANIA_PARTS = ("columns", "chords", "ends")
"""Fields of :class:`ManiaMeasures` that the network of mania reads, beside each other."""
NETWORK_FEATURES: Mapping[str, Sequence[str]] = {
    "osu": position_slips.NAMES,
    "forms": slider_forms.NAMES,
    "catch": catch_copies.SLIP_NAMES,
    "catch bodies": position_slips.NAMES,
    "catch forms": slider_forms.NAMES,
    "taiko": taiko_slips.SLIP_NAMES,
    "mania": [f"{part} {name}" for part in MANIA_PARTS for name in FEATURES[part]],
}
"""Names of the features by network."""
OUTPUTS: Mapping[str, Sequence[str]] = {
    "osu": ("position", "shape"),
    "forms": ("form",),
    "catch": ("position",),
    "catch bodies": ("plane", "shape"),
    "catch forms": ("form",),
    "taiko": ("colour",),
    "mania": ("position", "chord", "end"),
}
"""What each network tells. The trees of bodies and forms are used in catch as they are, but the networks of forms of osu! find there less than
these trees alone: catch has its own. Bodies are seen as osu! sees them, with x and y: `plane` is that an object was moved in these."""
BESIDE: Mapping[str, str] = {"catch bodies": "osu"}
"""Networks that count beside those of a key, output for output."""


class Slips(msgspec.Struct, frozen=True):
    """Log-odds of every object, in order of time; `NO_SLIP` where the kind of object or the mode has none."""

    positions: np.ndarray
    """(n_objects,) that the object was moved, in mania that it is in a wrong column."""
    shapes: np.ndarray
    """(n_objects,) that the body was changed."""
    chords: np.ndarray
    """(n_objects,) that the chord of a note has one too many or too few."""
    ends: np.ndarray
    """(n_objects,) that a note ends at a wrong time."""
    colours: np.ndarray
    """(n_objects,) that a note has the wrong colour."""
    measures: Measures | None = None
    """Of osu! and catch, in catch of x alone."""
    bodies: Measures | None = None
    """Of osu! and catch, always of x and y: what the bodies of sliders have in common."""
    on_plane: np.ndarray | None = None
    """(n_objects,) of catch, that the object was moved, by the relations of osu! in x and y: mappers copy and mirror figures with their y,
    so these find mirrored figures and exchanged fruits that x alone does not."""
    mania: ManiaMeasures | None = msgspec.field(default=None)
    """Of mania, and of the notes of taiko alone."""
    catcher: np.ndarray | None = msgspec.field(default=None)
    """(n_objects, len(catch_slips.CATCHER_NAMES)) how the catcher gets to each object of catch and on from it."""
    copies: np.ndarray | None = msgspec.field(default=None)
    """(n_objects, len(catch_copies.NAMES)) what the copies of its measure have in place of each object of catch."""
    read_by: Mapping[str, np.ndarray] = msgspec.field(default_factory=dict)
    """By network (:data:`OUTPUTS`): (n, len(NETWORK_FEATURES)) what it reads, of taiko of the notes alone."""


def load(folder: Path, with_networks: bool = True) -> SlipModel | None:
    """Read the model of a folder; None if there is none.

    Args:
        folder: of `FILE`.
        with_networks: whether its networks are needed, which are three quarters of the file.

    Raises:
        ValueError: if it is there but damaged, or of another version.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        content = path.read_bytes()
        if with_networks:
            model = msgspec.json.decode(content, type=SlipModel)
        else:
            model = SlipModel(*msgspec.structs.astuple(msgspec.json.decode(content, type=_Forests)))
        if model.format != FORMAT:
            raise ValueError(f"format {model.format}, {FORMAT} expected")
        for part, names in FEATURES.items():
            forest: Forest | None = getattr(model, part)
            if forest is not None:
                _check(forest, names)
        for key, networks in model.networks.items():
            if key not in OUTPUTS or not networks:
                raise ValueError(f"no networks {key!r}")
            for network in networks:
                network.check(NETWORK_FEATURES[key], OUTPUTS[key])
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a usable model of slips ({str(error)[:160]}); install maimod again") from None
    return model


def _check(forest: Forest, names: Sequence[str]) -> None:
    """Raises:
    ValueError: if the forest does not fit this version's features or is not whole.
    """
    unknown = [name for name in forest.features if name not in names]
    if unknown:
        raise ValueError(f"unknown feature {unknown[0]!r}")
    if not are_whole(forest.trees, len(forest.features)):
        raise ValueError("damaged trees")


def find(
    model: SlipModel, beatmap: Beatmap, objects: Sequence[HitObject], passages: Passages | None = None
) -> Slips | None:
    """Log-odds of every object; None in modes that the model does not know and in maps with too few objects or too many.

    Args:
        model: of :func:`load`.
        beatmap: the map.
        objects: its objects in order of time.
        passages: the copies of its measures; made of the objects alone if None.
    """
    if not LEAST_OBJECTS <= len(objects) <= MOST_OBJECTS:
        return None
    match beatmap.mode:
        case Mode.OSU:
            return _of_osu(model, beatmap, objects)
        case Mode.CATCH if model.catch is not None:
            return _of_catch(model, model.catch, beatmap, objects, passages)
        case Mode.TAIKO if model.colours is not None:
            return _of_taiko(model.colours, beatmap, objects)
        case Mode.MANIA if model.columns is not None and model.chords is not None and model.ends is not None:
            return _of_mania(model.columns, model.chords, model.ends, beatmap, objects)
    return None


def _of_osu(model: SlipModel, beatmap: Beatmap, objects: Sequence[HitObject]) -> Slips:
    measures = position_slips.measure(beatmap, objects)
    silent = np.full(len(objects), NO_SLIP)
    return Slips(
        positions=_without_spinners(log_odds(model.positions, measures.features), objects),
        shapes=_of_bodies(model, measures),
        chords=silent,
        ends=silent,
        colours=silent,
        measures=measures,
        bodies=measures,
        read_by={"osu": measures.features},
    )


def _of_catch(
    model: SlipModel, moved: Forest, beatmap: Beatmap, objects: Sequence[HitObject], passages: Passages | None
) -> Slips:
    features, measures = catch_copies.measure(beatmap, objects, passages)
    bodies = position_slips.measure(beatmap, objects)
    n, n_copies = len(catch_slips.NAMES), len(catch_copies.NAMES)
    silent = np.full(len(objects), NO_SLIP)
    return Slips(
        positions=_without_spinners(log_odds(moved, features, catch_copies.SLIP_NAMES), objects),
        shapes=_of_bodies(model, bodies),
        chords=silent,
        ends=silent,
        colours=silent,
        measures=measures,
        bodies=bodies,
        on_plane=_without_spinners(log_odds(model.positions, bodies.features), objects),
        catcher=features[:, n - len(catch_slips.CATCHER_NAMES) : n],
        copies=features[:, n : n + n_copies],
        read_by={"catch bodies": bodies.features, "catch": features},
    )


def _of_taiko(model: Forest, beatmap: Beatmap, objects: Sequence[HitObject]) -> Slips | None:
    places = taiko_slips.notes_of(objects)
    if len(places) < LEAST_OBJECTS:
        return None
    mania = taiko_slips.measure_colours(beatmap, [objects[place] for place in places])
    features = taiko_slips.slip_features(mania)
    silent = np.full(len(objects), NO_SLIP)
    colours = silent.copy()
    colours[places] = log_odds(model, features, taiko_slips.SLIP_NAMES)
    return Slips(
        positions=silent,
        shapes=silent,
        chords=silent,
        ends=silent,
        colours=colours,
        mania=mania,
        read_by={"taiko": features},
    )


def _of_mania(columns: Forest, chords: Forest, ends: Forest, beatmap: Beatmap, objects: Sequence[HitObject]) -> Slips:
    mania = mania_slips.measure(beatmap, objects)
    silent = np.full(len(objects), NO_SLIP)
    return Slips(
        positions=log_odds(columns, mania.columns, mania_columns.COLUMN_NAMES),
        shapes=silent,
        chords=log_odds(chords, mania.chords, mania_chords.CHORD_NAMES),
        ends=log_odds(ends, mania.ends, mania_holds.END_NAMES),
        colours=silent,
        mania=mania,
        read_by={"mania": np.concatenate([getattr(mania, part) for part in MANIA_PARTS], axis=1)},
    )


def in_sequence(model: SlipModel, slips: Slips, objects: Sequence[HitObject]) -> dict[str, np.ndarray]:
    """Log-odds by the networks, which see the objects around too.

    Args:
        model: of :func:`load`.
        slips: of the map, by :func:`find`.
        objects: of the map in order of time.

    Returns:
        By output (`position`, `shape`, `chord`, `end`, `colour`, in catch `plane` too): (n_objects,), `NO_SLIP` where nothing can have
        slipped; without what the mode or the model has not.
    """
    found = {}
    for key, features in slips.read_by.items():
        for output, values in zip(OUTPUTS[key], logits(model, key, features).T, strict=True):
            if output == "colour":
                of_notes, values = values, np.full(len(objects), NO_SLIP)
                values[taiko_slips.notes_of(objects)] = of_notes
            elif output == "shape" and slips.bodies is not None:
                values = np.where(slips.bodies.is_slider, values, NO_SLIP)
            found[output] = _without_spinners(values, objects)
    return found


def logits(model: SlipModel, key: str, features: np.ndarray) -> np.ndarray:
    """(n, n_outputs) mean log-odds of the networks of a key of `OUTPUTS`, for (n, len(NETWORK_FEATURES[key])) of all objects in order of
    time; `NO_SLIP` if the model has none."""
    names = NETWORK_FEATURES[key]
    networks = [*model.networks.get(key, ()), *model.networks.get(BESIDE.get(key, ""), ())]
    if not networks:
        return np.full((len(features), len(OUTPUTS[key])), NO_SLIP)
    total = np.zeros((len(features), len(OUTPUTS[key])))
    for network in networks:
        is_whole = network.features == list(names)
        total += network.logits(features if is_whole else features[:, [names.index(one) for one in network.features]])
    return np.asarray(total / len(networks))


def _of_bodies(model: SlipModel, measures: Measures) -> np.ndarray:
    """(n_objects,) that the body was changed."""
    shapes = np.full(len(measures.is_slider), NO_SLIP)
    shapes[measures.is_slider] = log_odds(model.shapes, measures.features[measures.is_slider])
    return shapes


def _without_spinners(values: np.ndarray, objects: Sequence[HitObject]) -> np.ndarray:
    values[[o.kind is ObjectKind.SPINNER for o in objects]] = NO_SLIP
    return values


def log_odds(forest: Forest, features: np.ndarray, names: Sequence[str] = position_slips.NAMES) -> np.ndarray:
    """(n_objects,) of the features (n_objects, len(names))."""
    columns = [names.index(name) for name in forest.features]
    return tree_sum(forest.trees, features[:, columns])
