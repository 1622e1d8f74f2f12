"""A corpus: held-out folders, and cached maps that equal the ones read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from maimod.audio import decode, onsets, spectrogram
from maimod.discriminator.context import context_features
from maimod.events.vocabulary import Conditioning
from maimod.families.registry import open_folder
from maimod.osu import parser
from maimod.osu.beatmap import Mode
from maimod.osu.level import star_rating
from maimod.rules.rhythm_index import lag_of
from maimod.training import corpus
from maimod.training.corpus import DiscriminatorExtractor, Extractor, GeneratorExtractor, TokenisedExample, is_held_out
from tests.training.conftest import HELD_OUT, TRAINED, map_text

NAMES = [Path(f"{i} Artist - Title") for i in range(3_000)]


def nothing(line: str) -> None:
    """A report function without output."""


def generator(shape: Path) -> GeneratorExtractor:
    return GeneratorExtractor(open_folder(shape), (shape / "tokenizer.json").read_bytes())


def test_about_the_share_of_the_folders_is_held_out() -> None:
    assert np.mean([is_held_out(name) for name in NAMES]) == pytest.approx(corpus.HELD_OUT, abs=0.02)


def test_the_name_of_a_folder_alone_decides_whether_it_is_held_out() -> None:
    assert is_held_out(Path("elsewhere") / HELD_OUT) and is_held_out(Path(HELD_OUT)) and not is_held_out(Path(TRAINED))


@pytest.mark.parametrize("network", ["bundled", "v31", "discriminator"])
def test_a_corpus_is_read_once(
    network: str, songs: Path, shape_of: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extractor: Extractor[object] = (
        DiscriminatorExtractor() if network == "discriminator" else generator(shape_of(network))
    )
    mine = tmp_path / "songs"
    shutil.copytree(songs, mine)
    first = dict(corpus.read(mine, extractor, tmp_path / "cache", 1, nothing))
    assert {folder.name: len(examples) for folder, examples in first.items()} == {TRAINED: 1, HELD_OUT: 1}
    extracted: list[str] = []
    real = extractor.extract
    monkeypatch.setattr(
        extractor, "extract", lambda folder, refused: extracted.append(folder.name) or real(folder, refused)
    )
    again = dict(corpus.read(mine, extractor, tmp_path / "cache", 1, nothing))
    assert not extracted and {folder: len(examples) for folder, examples in again.items()} == dict.fromkeys(first, 1)
    path = next((mine / TRAINED).glob("*.osu"))
    path.write_text(path.read_text(encoding="utf-8").replace("OverallDifficulty:5", "OverallDifficulty:6"))
    list(corpus.read(mine, extractor, tmp_path / "cache", 1, nothing))
    assert extracted == [TRAINED]


def test_checkpoints_of_another_vocabulary_read_anew(shape_of: Callable[[str], Path]) -> None:
    keys = [generator(shape_of(version)).key for version in ("bundled", "v30", "v31", "v30")]
    assert len(set(keys)) == 3 and DiscriminatorExtractor().key not in keys


@pytest.mark.parametrize("version", ["bundled", "v29", "v30", "v31", "v32"])
def test_examples_are_what_the_family_makes_of_a_map(
    version: str, songs: Path, shape_of: Callable[[str], Path], tmp_path: Path
) -> None:
    extractor = generator(shape_of(version))
    examples = dict(corpus.read(songs, extractor, tmp_path / "cache", 1, nothing))[songs / TRAINED]
    (example,) = examples
    family = extractor.family
    beatmap = parser.load(next((songs / TRAINED).glob("*.osu")))
    song = family.compact_audio(family.load_audio(songs / TRAINED / "audio.wav"))
    tokens = family.tokenise(beatmap, song, Conditioning(star_rating(beatmap)))
    assert tokens is not None and example.song is not None
    expected, found = family.to_arrays(tokens), family.to_arrays(example.tokens)
    assert expected.keys() == found.keys() and all(np.array_equal(expected[name], found[name]) for name in expected)
    assert np.array_equal(example.song, song) and example.song.dtype == song.dtype
    assert (example.mode, example.keys) == (Mode.OSU, 0)
    assert example.n_events == sum(map(len, tokens.context_times)) > 300
    assert example.length_ms == pytest.approx(beatmap.hit_objects[-1].end_time - example.first_ms, abs=50)


def test_maps_of_a_set_share_their_song(songs: Path, shape_of: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "songs" / "set"
    shutil.copytree(songs / TRAINED, folder)
    (folder / "taiko.osu").write_text(map_text(mode=1), encoding="utf-8")
    (folder / "broken.osu").write_text("osu file format v14\n\n[HitObjects]\nnonsense\n")
    lines: list[str] = []
    ((_, examples),) = corpus.read(
        tmp_path / "songs", generator(shape_of("bundled")), tmp_path / "cache", 1, lines.append
    )
    assert sorted(example.mode for example in examples) == [Mode.OSU, Mode.TAIKO]
    assert examples[0].song is examples[1].song
    assert any(line.startswith("left out: ") and "broken.osu" in line for line in lines)


def test_maps_without_a_song_are_kept_where_the_family_can_use_them(
    songs: Path, shape_of: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "songs" / "silent").mkdir(parents=True)
    shutil.copy(next((songs / TRAINED).glob("*.osu")), tmp_path / "songs" / "silent")

    def examples(version: str) -> list[TokenisedExample]:
        extractor = generator(shape_of(version))
        return dict(corpus.read(tmp_path / "songs", extractor, tmp_path / "cache", 1, nothing))[
            tmp_path / "songs" / "silent"
        ]

    assert [example.song for example in examples("bundled")] == [None] and examples("v30") == []


def test_context_features_are_kept_in_half_precision(songs: Path, tmp_path: Path) -> None:
    (example,) = dict(corpus.read(songs, DiscriminatorExtractor(), tmp_path, 1, nothing))[songs / TRAINED]
    decoded = decode.load(songs / TRAINED / "audio.wav")
    envelope = onsets.onset_envelope(decoded)
    beatmap, grid = example.beatmap, example.context.grid
    times = np.unique([o.time for o in beatmap.hit_objects])
    lag = lag_of(onsets.alignment(envelope, times))
    context = context_features(beatmap, grid, spectrogram.song_bands(decoded), envelope, lag)
    for name in ("song", "position", "siblings"):
        assert np.allclose(getattr(example.context, name), getattr(context, name), rtol=1e-3, atol=1e-3)
    assert np.array_equal(example.context.similar[0], context.similar[0]) and example.has_song


def test_processes_read_the_same(songs: Path, tmp_path: Path) -> None:
    one, two = (
        dict(corpus.read(songs, DiscriminatorExtractor(), tmp_path / str(jobs), jobs, nothing)) for jobs in (1, 2)
    )
    assert [path.name for path in sorted((tmp_path / "1").iterdir())] == [
        path.name for path in sorted((tmp_path / "2").iterdir())
    ]
    assert all(np.array_equal(one[folder][0].context.song, two[folder][0].context.song) for folder in one)
