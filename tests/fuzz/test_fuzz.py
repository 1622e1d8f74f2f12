"""A few deterministic mutants for each target, and the harness itself. `python -m tests.fuzz` runs more."""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maimod.commands import baseline
from maimod.errors import CheckpointError, ConfigError
from maimod.families import registry
from maimod.osu import parser
from tests.fuzz import campaign, mutate, seeds
from tests.fuzz.campaign import Broken, Case, Outcome
from tests.fuzz.targets import TARGETS, object_lines

COUNTS = {
    "reader": 500,
    "lint": 40,
    "vanishing": 12,
    "archive": 120,
    "song": 60,
    "configuration": 200,
    "baseline": 100,
    "report": 60,
    "cache": 120,
    "checkpoint": 25,
}
SLOW = {"lint-with-model": 6}


def fuzz(target: str, count: int, place: Path) -> None:
    counts = campaign.run(TARGETS[target](place, None), count, seed=7, keep=place / "failed")
    assert not counts.failed, "\n".join(counts.lines())
    assert counts.outcomes["read"]


@pytest.mark.parametrize("target", COUNTS)
def test_mutants_are_read_or_refused_in_one_line(target, tmp_path, monkeypatch):
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    if target == "checkpoint":  # adapters and published checkpoints
        pytest.importorskip("torch")
    fuzz(target, COUNTS[target], tmp_path)


@pytest.mark.slow  # loads the model
@pytest.mark.parametrize("target", SLOW)
def test_mutants_for_the_model(target, tmp_path, monkeypatch):
    monkeypatch.delenv("MAIMOD_DEBUG", raising=False)
    fuzz(target, SLOW[target], tmp_path)


def test_every_target_has_its_test():
    assert {*COUNTS, *SLOW} == set(TARGETS)


# --- Any JSON at all ---


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("schema", "model", "findings", "folder", "difficulty", "rule", "id", "count", "at")
TOKENIZER_KEYS = (
    "event_ranges",
    "input_event_ranges",
    "offset",
    "maimod",
    "language",
    "time",
    "mapper_idx",
    "context_sos",
)


def tables(keys: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the keys, and any values."""
    return st.dictionaries(st.sampled_from(keys), VALUES, max_size=len(keys))


@settings(derandomize=True, max_examples=150, deadline=None)
@given(tables(KEYS), st.lists(tables(KEYS), max_size=3))
def test_any_json_is_a_baseline_or_refused(tmp_path_factory, value, findings):
    path = tmp_path_factory.getbasetemp() / "baseline.json"
    path.write_text(json.dumps({"findings": findings, **value, "schema": baseline.SCHEMA}))
    try:
        baseline.load(path)
    except ConfigError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(tables(TOKENIZER_KEYS), VALUES)
def test_any_json_is_a_checkpoint_or_refused(tmp_path_factory, tokenizer, shape):
    folder = tmp_path_factory.getbasetemp() / "checkpoint"
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "config.json").write_text(json.dumps(shape))
    with pytest.raises(CheckpointError) as raised:
        registry.open_folder(folder)
    assert "checkpoint" in str(raised.value) and "\n" not in str(raised.value)


# --- The harness ---


def test_a_mutant_is_always_the_same_and_there_are_many():
    def mutants(target: str, place: Path) -> list[bytes]:
        return [TARGETS[target](place, None)(Random(f"1:{number}")).content for number in range(30)]

    place = Path("unused")
    for target in ("reader", "archive", "song", "configuration"):
        assert mutants(target, place) == mutants(target, place) and len(set(mutants(target, place))) > 25


def test_more_seeds(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.osu").write_bytes(b"of the folder")
    (tmp_path / "large.osu").write_bytes(bytes(50_000))
    assert seeds.more_beatmaps(tmp_path) == [*seeds.beatmaps(), b"of the folder"]


def test_the_seeds_are_read():
    for content in seeds.beatmaps():
        beatmap = parser.parse(content)
        assert len(beatmap.hit_objects) == len(object_lines(content))


@pytest.mark.skipif(campaign.resource is None, reason="no limits on Windows")
def test_what_goes_wrong_is_counted_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "MAX_CPU_S", 0.2)

    def make(random: Random) -> Case:
        number = random.randrange(5)

        def run() -> Outcome:
            match number:
                case 0:
                    raise IndexError("odd")
                case 1:
                    raise Broken("not so")
                case 2:
                    while True:
                        pass
                case 3:
                    return Outcome(bugs=("error: x failed here (a bug, KeyError: 1)",))
            return Outcome(refused=number == 4)

        return Case(b"content %d" % number, run)

    counts = campaign.run(make, 30, keep=tmp_path)
    assert all(counts.outcomes[kind] for kind in ("uncaught", "broken", "hangs", "bugs", "refused"))
    assert counts.failed == 30 - counts.outcomes["refused"] and counts.slowest_s > 0.1
    assert {path.read_bytes() for path in tmp_path.glob("1-*[0-9]")} == {b"content %d" % number for number in range(4)}
    assert any("IndexError" in line for line in counts.lines())


def test_lost_objects_are_noticed(tmp_path, monkeypatch):
    real = parser.parse

    def losing(content: bytes) -> Any:
        beatmap = real(content)
        object.__setattr__(beatmap, "hit_objects", beatmap.hit_objects[1:])
        return beatmap

    monkeypatch.setattr(parser, "parse", losing)
    counts = campaign.run(TARGETS["reader"](tmp_path, None), 20)
    assert counts.outcomes["broken"] == 20 - counts.outcomes["refused"] > 0


@pytest.mark.parametrize("value", [{"a": [1, {"b": None}], "c": "x"}, [1, 2], 3])
def test_values_change(value):
    before = json.dumps(value)
    changed = [json.dumps(mutate.of_value(value, Random(number))) for number in range(40)]
    assert json.dumps(value) == before and len(set(changed)) > 10


def test_processor_time_is_counted(tmp_path):
    def make(random: Random) -> Case:
        def run() -> Outcome:
            end = time.process_time() + 0.05
            while time.process_time() < end:
                pass
            return Outcome()

        return Case(b"", run)

    assert campaign.run(make, 2).slowest_s >= 0.05
