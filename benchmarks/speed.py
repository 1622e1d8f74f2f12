"""Measure a lint: seconds per stage and peak memory, for one map on this machine.

    python benchmarks/speed.py [MAP.osu] [--model DIR] [--device auto] [--precision fp32] [--threads N] [--repeat 3]

Without a map, a synthetic three-minute song and a map for it are made. Every figure is the best of the repeats, and
`share` is its part of the total, so that machines can be compared by ratios.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

T = TypeVar("T")
SECONDS, TEMPO = 180, 174.0


def synthetic(folder: Path) -> Path:
    """Write a song of clicks and noise and a map on its beats."""
    import numpy as np
    import soundfile

    random = np.random.default_rng(1)
    rate, beat = 44_100, 60_000 / TEMPO
    samples = random.normal(scale=0.01, size=SECONDS * rate).astype(np.float32)
    lines, time_ms, x = [], 1000.0, 256.0
    while time_ms < (SECONDS - 2) * 1000:
        start = int(time_ms * rate / 1000)
        samples[start : start + 2000] += (random.normal(size=2000) * np.exp(-np.arange(2000) / 300)).astype(
            np.float32
        ) * 0.5
        x = (x + random.uniform(40, 160)) % 512
        if random.random() < 0.25:
            lines.append(f"{x:.0f},150,{time_ms:.0f},2,0,B|{x:.0f}:200|{(x + 60) % 512:.0f}:220,1,70")
        else:
            kind, sound = 5 if len(lines) % 8 == 0 else 1, random.choice([0, 0, 2, 8])
            lines.append(f"{x:.0f},{random.integers(40, 340)},{time_ms:.0f},{kind},{sound}")
        time_ms += beat * random.choice([0.5, 0.5, 1.0])
    soundfile.write(folder / "song.wav", samples / np.abs(samples).max(), rate)
    header = (
        "osu file format v14\n[General]\nAudioFilename: song.wav\n[Difficulty]\nCircleSize:4\nSliderMultiplier:1.4\n"
    )
    (folder / "map.osu").write_text(
        f"{header}[TimingPoints]\n1000,{beat},4,2,0,70,1,0\n[HitObjects]\n" + "\n".join(lines) + "\n"
    )
    return folder / "map.osu"


def best(repeat: int, work: Callable[[], T]) -> tuple[float, T]:
    """Shortest time of some runs [s], and the result."""
    shortest = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest, result


def subprocess_seconds(repeat: int, code: str) -> float:
    """Wall time of a fresh interpreter that runs `code` [s]."""
    return best(
        repeat, lambda: subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    )[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("map", nargs="?", type=Path)
    parser.add_argument("--model", default="maimod-mini")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()

    rows: list[tuple[str, float]] = [
        ("python alone", subprocess_seconds(options.repeat, "pass")),
        ("--help", subprocess_seconds(options.repeat, "from maimod.app import main; main(['--help'])")),
        ("import", subprocess_seconds(options.repeat, "import maimod.linter.session, maimod.families.scoring")),
    ]
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

    from maimod.audio import decode, onsets
    from maimod.events import writer
    from maimod.linter.gather import Resources, score
    from maimod.linter.models import load_networks
    from maimod.linter.progress import result_of
    from maimod.linter.session import analyse_beatmap
    from maimod.linter.settings import Settings
    from maimod.osu.level import star_rating
    from maimod.osu.parser import find_audio, load
    from maimod.rules import BEATMAP_CHECKS

    with tempfile.TemporaryDirectory() as folder:
        path = options.map or synthetic(Path(folder))
        settings = Settings(model=options.model, device=options.device, precision=options.precision)
        seconds, networks = best(1, lambda: load_networks(settings))
        rows.append(("load the model", seconds))
        models = networks.models
        assert models is not None
        seconds, loaded = best(options.repeat, lambda: load(path))
        model = models.of(loaded.mode)
        if model is None:
            sys.exit(f"{options.model} does not cover {loaded.mode.label}")
        rows.append(("parse the map", seconds))
        song_path = find_audio(loaded)
        if song_path is None:
            sys.exit(f"{path}: its song is missing")
        seconds, song = best(options.repeat, lambda: decode.load(song_path))
        rows.append(("decode the song", seconds))
        seconds, envelope = best(options.repeat, lambda: onsets.onset_envelope(song))
        rows.append(("onsets", seconds))
        seconds, _ = best(options.repeat, lambda: star_rating(loaded))
        rows.append(("star rating", seconds))
        seconds, contexts = best(options.repeat, lambda: writer.from_beatmap(loaded, model.vocabulary.schema))
        rows.append(("events", seconds))
        from maimod.linter.song import Song

        whole = Song(song, envelope)
        seconds, _ = best(options.repeat, lambda: Song(song, envelope).model_input(model.family))
        rows.append(("input audio of the model", seconds))
        seconds, _ = best(options.repeat, lambda: result_of(score(loaded, whole, settings, networks)))
        rows.append(("score (song and stars included)", seconds))
        evidence = analyse_beatmap(loaded, settings, Resources(networks)).evidence
        seconds, _ = best(options.repeat, lambda: [f for check in BEATMAP_CHECKS for f in check.run(evidence)])
        rows.append(("rules", seconds))
        start = time.perf_counter()
        report = analyse_beatmap(load(path), settings, Resources(networks), path.name).report
        rows.append(("lint, total", time.perf_counter() - start))

    total = rows[-1][1]
    n_events = sum(len(context) for context in contexts.values())
    print(
        f"{song.duration / 1000:.0f} s song, {len(loaded.hit_objects)} objects, {n_events} events, {len(report.findings)} findings; "
        f"{model.info.device} {model.info.precision}"
    )
    print(f"{'stage':<34}{'seconds':>9}{'share':>8}")
    for name, seconds in rows:
        print(f"{name:<34}{seconds:>9.3f}{seconds / total:>8.0%}")
    print(f"{'speed':<34}{song.duration / 1000 / total:>8.0f}x{'':>8}(song seconds per second)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    print(f"{'peak memory':<34}{peak:>8.0f} MB")


if __name__ == "__main__":
    main()
