"""Measure a lint: CPU-seconds of each stage and peak memory, for one map, side by side with an earlier revision.

    python benchmarks/speed.py [MAP.osu] [--before REVISION] [--model DIR] [--device auto] [--precision fp32] [--threads N] [--repeat 3]

Without a map, a synthetic three-minute song and a map for it are made. Every figure is the best of the repeats of a
process for each revision, and `share` is its part of the total, so that machines can be compared by ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[1]
SOURCE = os.environ.get("MAIMOD_SOURCE", str(ROOT))
sys.path[:0] = [SOURCE, str(ROOT)]

from benchmarks.revisions import BEFORE, earlier  # noqa: E402

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
    """Least CPU time of some runs [s], and the result."""
    shortest = float("inf")
    for _ in range(repeat):
        start = cpu_seconds()
        result = work()
        shortest = min(shortest, cpu_seconds() - start)
    return shortest, result


def cpu_seconds() -> float:
    """Of this process and of those that it waited for."""
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


def subprocess_seconds(repeat: int, code: str) -> float:
    """CPU time of a fresh interpreter that runs `code` [s]."""
    environment = {**os.environ, "PYTHONPATH": SOURCE}
    return best(
        repeat,
        lambda: subprocess.run(
            [sys.executable, "-c", code], cwd=SOURCE, env=environment, check=True, capture_output=True
        ),
    )[0]


def measured(options: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Stages of a lint by the modules of `SOURCE`, in this process."""
    rows: list[tuple[str, float]] = [
        ("python alone", subprocess_seconds(options.repeat, "pass")),
        ("--help", subprocess_seconds(options.repeat, "from maimod.app import main; main(['--help'])")),
        ("import", subprocess_seconds(options.repeat, "import maimod.linter.session, maimod.families.scoring")),
    ]
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
    from maimod.rules.evidence import Evidence

    def rules(evidence: Evidence) -> int:
        return sum(1 for check in BEATMAP_CHECKS for _ in check.run(evidence))

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
    seconds, _ = best(options.repeat, lambda: rules(replace(evidence)))  # without what the last run has measured
    rows.append(("rules", seconds))
    seconds, analysis = best(1, lambda: analyse_beatmap(load(path), settings, Resources(networks), path.name))
    rows.append(("lint, total", seconds))
    report = analysis.report

    return {
        "rows": rows,
        "song_s": song.duration / 1000,
        "what": f"{song.duration / 1000:.0f} s song, {len(loaded.hit_objects)} objects, "
        f"{sum(map(len, contexts.values()))} events, {len(report.findings)} findings; {model.info.device} {model.info.precision}",
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2),
    }


def of_revision(source: Path, path: Path, options: argparse.Namespace) -> dict[str, Any] | None:
    """The same in a new process with the modules of a folder; None, and a line, if that fails."""
    given = [f"--{name}={getattr(options, name)}" for name in ("model", "device", "precision", "threads", "repeat")]
    environment = {**os.environ, "MAIMOD_SOURCE": str(source)}
    command = [sys.executable, __file__, str(path), *given, "--rows"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(f"{source}: {done.stderr.strip().splitlines()[-1]}")
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("map", nargs="?", type=Path)
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--model", default="maimod-mini")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rows", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does
    if options.rows:
        print(json.dumps(measured(options, options.map)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.map.resolve() if options.map else synthetic(Path(folder))
        before = earlier(options.before, Path(folder) / "before")
        was, now = (of_revision(source, path, options) if source else None for source in (before, ROOT))
    if now is None:
        sys.exit(1)
    total = now["rows"][-1][1]
    known = dict(was["rows"]) if was else {}
    print(now["what"])
    print(f"{'stage':<34}{'before':>9}{'now':>9}{'share':>8}   CPU-seconds")
    for name, seconds in now["rows"]:
        earlier_seconds = f"{known[name]:.3f}" if name in known else "-"
        print(f"{name:<34}{earlier_seconds:>9}{seconds:>9.3f}{seconds / total:>8.0%}")
    print(f"{'speed':<34}{'':>9}{now['song_s'] / total:>8.0f}x{'':>8}   (song seconds per second)")
    peak = f"{was['peak_mb']:.0f}" if was else "-"
    print(f"{'peak memory':<34}{peak:>9}{now['peak_mb']:>9.0f} MB")


if __name__ == "__main__":
    main()
