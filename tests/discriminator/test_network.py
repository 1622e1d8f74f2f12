"""The discriminator: windows cover a map once, corruption is labelled where it happens, two log-odds give one score."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

torch = pytest.importorskip("torch")


from maimod.discriminator import features  # noqa: E402
from maimod.discriminator.checkpoint import DiscriminatorConfig  # noqa: E402
from maimod.discriminator.context import context_features  # noqa: E402
from maimod.discriminator.network import Discriminator, TorchRunner, deepened  # noqa: E402
from maimod.discriminator.prediction import KINDS, CorruptionLogits  # noqa: E402
from maimod.discriminator.runner import corruption_logits, load, windows  # noqa: E402
from maimod.errors import CheckpointError  # noqa: E402
from maimod.findings import Severity  # noqa: E402
from maimod.linter.calibration import Calibration  # noqa: E402
from maimod.linter.rescore import rescore  # noqa: E402
from maimod.osu.beatmap import Beatmap, Mode  # noqa: E402
from maimod.rules.base import Candidate, candidate  # noqa: E402
from maimod.rules.evidence import Evidence  # noqa: E402
from maimod.rules.positions import unexpected  # noqa: E402
from maimod.rules.rhythm import objects as rhythm_objects  # noqa: E402
from maimod.training.corruption import KIND, corrupt, corrupt_lines  # noqa: E402
from maimod.training.window_cache import RememberingRunner  # noqa: E402
from tests.families.test_scoring import a_map, a_song, surprisals, tiny_model  # noqa: E402
from tests.maps import beatmap  # noqa: E402


def long_map(n: int = 400, mode: int = 0) -> Beatmap:
    lines = [
        f"{64 + i * 37 % 384},{64 + i * 23 % 256},{1000 + 250 * i},{5 if i % 8 == 0 else 1},{8 if i % 4 == 2 else 0},0:0:0:0:"
        for i in range(n)
    ]
    return beatmap(lines, ["0,500,4,2,0,70,1,0", "9000,-100,4,2,0,70,0,1", "25000,-100,4,2,0,70,0,0"], mode=mode)


@pytest.mark.parametrize("count", [3, 192, 193, 500, 2011])
def test_windows_speak_for_each_slot_once(count: int) -> None:
    found = windows(count)
    assert [at.start for _, at in found] == [0, *(at.stop for _, at in found[:-1])] and found[-1][1].stop == count
    assert all(
        first <= at.start and at.stop <= first + max(features.REACH, count if count < features.REACH else 0)
        for first, at in found
    )


def test_reading_depends_on_what_is_near_alone() -> None:
    torch.manual_seed(0)
    config = DiscriminatorConfig(len(KINDS), d_model=32, layers=1, heads=2, feed_forward=32)
    network = TorchRunner(Discriminator(config).eval())
    good = long_map()
    grid = features.grid_of(good)
    assert grid is not None
    around = context_features(good, grid)
    before = corruption_logits(network, features.map_features(good, around))
    objects = tuple(replace(o, x=o.x + 50) if o.index == 300 else o for o in good.hit_objects)
    after = corruption_logits(network, features.map_features(replace(good, hit_objects=objects), around))
    changed = np.flatnonzero(np.abs(after - before).max(axis=1) > 1e-6)
    at = int(grid.locate([good.hit_objects[300].time])[0][0])
    assert before.shape == (grid.count, len(KINDS)) and at in changed and np.abs(changed - at).max() < features.REACH


@pytest.mark.parametrize("layers", [3, 5])
def test_added_layers_change_nothing_and_can_be_trained(layers: int) -> None:
    torch.manual_seed(0)
    config = DiscriminatorConfig(len(KINDS), d_model=32, layers=2, heads=2, feed_forward=32)
    network = Discriminator(config).eval()
    sizes = torch.tensor(list(features.CATEGORIES.values()))
    inputs = (
        torch.randint(0, 1000, (2, 20, len(sizes))) % sizes,
        torch.randn(2, 20, config.n_numbers),
        torch.randn(2, 20, config.n_surroundings),
    )
    deeper = deepened(network, layers).eval()
    assert len(deeper.layers) == deeper.config.layers == layers
    assert torch.equal(network(*inputs)[0], deeper(*inputs)[0])
    deeper(*inputs)[0].sum().backward()
    assert all(layer.feed[2].weight.grad.abs().sum() > 0 for layer in deeper.layers)
    assert torch.equal(deepened(network, 2).eval()(*inputs)[0], deeper(*inputs)[0])


@pytest.mark.parametrize("runtime", ["numpy", "torch"])
def test_what_cannot_be_loaded_says_why(tmp_path: Path, runtime: Literal["numpy", "torch"]) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"kinds": ["extra"]}))
    with pytest.raises(CheckpointError, match="not a usable proofreader"):
        load(tmp_path, runtime=runtime)
    (tmp_path / "config.json").write_text(json.dumps({"kinds": ["extra"], "layers": "six"}))
    with pytest.raises(CheckpointError, match=r"not a usable proofreader .*layers"):
        load(tmp_path, runtime=runtime)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_changes_are_labelled_where_they_are(mode: int) -> None:
    good = long_map(mode=mode)
    grid = features.grid_of(good)
    assert grid is not None
    changed, labels = corrupt(good, grid, np.random.default_rng(1))
    (before, numbers_before, _), (after, numbers_after, _) = (
        features.object_features(good, grid),
        features.object_features(changed, grid),
    )
    differs = (before != after).any(axis=1) | (
        np.abs(numbers_before - numbers_after)[:, : features.BEFORE.start] > 1e-6
    ).any(axis=1)
    marked = labels.any(axis=1)
    assert marked.sum() > grid.count / 60 and np.mean(differs[marked]) > 0.9
    # A change affects its own slots, besides held bodies and the sounds of their tails.
    assert np.mean(marked[differs]) > 0.8
    kiai = labels[:, KIND["kiai"]].copy()
    corrupt_lines(after, numbers_after, Mode(mode), labels, np.random.default_rng(3))
    kiai_differs = before[:, features.COLUMN["kiai"]] != after[:, features.COLUMN["kiai"]]
    assert np.array_equal(labels[:, KIND["kiai"]] & ~kiai, kiai_differs)


def evidence_with(logits: dict[str, float], at: int = 10) -> Evidence:
    """A map of 64 objects, of which one is doubted: log-odds by kind of corruption, -9 everywhere else."""
    loaded = long_map(64)
    grid = features.grid_of(loaded)
    assert grid is not None
    values = np.full((grid.count, len(KINDS)), -9.0)
    for kind, value in logits.items():
        values[grid.locate([loaded.hit_objects[at].time])[0], KIND[kind]] = value
    return Evidence(loaded, corruption=CorruptionLogits(grid, KINDS, values))


def a_candidate(evidence: Evidence, at: int) -> Candidate:
    o = evidence.beatmap.hit_objects[at]
    return candidate(unexpected.UNEXPECTED, time=o.time, line=o.line, objects=[o], measure=7.0, message="")


def test_the_discriminator_confirms_and_clears() -> None:
    sure, calm = evidence_with({"place": 4.0}), evidence_with({})
    assert [f.score > 0.7 for f in rescore([a_candidate(sure, 10)], sure, Calibration())] == [True]
    assert rescore([a_candidate(calm, 10)], calm, Calibration()) == []


def test_what_it_alone_saw_is_a_finding() -> None:
    evidence = evidence_with({"extra": 6.0})
    suggested = [one for one in rhythm_objects.CHECK.candidates(evidence) if one.proposed is not None]
    (finding,) = rescore(suggested, evidence, Calibration())
    # No warning, because there is no song that could contradict.
    assert (finding.rule, finding.objects, finding.severity) == ("rhythm/unexpected-object", (10,), Severity.MINOR)


def test_a_network_that_remembers_says_the_same() -> None:
    model = tiny_model()
    remembering = replace(model, runner=RememberingRunner(model.runner))
    song = a_song()
    for changed in (None, 30):
        loaded = a_map(changed=changed)
        assert np.allclose(surprisals(remembering, loaded, song), surprisals(model, loaded, song), atol=1e-2)
    known = len(remembering.runner.known)
    surprisals(remembering, a_map(changed=30), song)
    assert len(remembering.runner.known) == known


def test_slots_looked_up_together_are_those_looked_up_alone() -> None:
    grid = features.grid_of(beatmap([f"{50 * i},100,{1000 + 170 * i},1,0" for i in range(9)]))
    assert grid is not None
    logits = np.random.default_rng(2).normal(size=(grid.count, 2)).astype(np.float32)
    one, other = (CorruptionLogits(grid, ("place", "combo"), logits) for _ in range(2))
    times = [1000.0 + 170 * i for i in range(9)]
    other.locate(times)
    for a, b in itertools.pairwise(times):
        slots = grid.locate([a, b])[0]
        assert one.at(("place", "kiai"), [a, b]) == other.at(("place", "kiai"), [a, b]) == logits[slots, 0].max()
