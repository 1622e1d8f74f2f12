"""Measure what a check of one map costs from cold, side by side with an earlier revision, in one run.

    python benchmarks/cold.py [MAP.osu] [--before REVISION] [--set FOLDER] [--repeat 5] [--sets 8]

Each figure is that of a new process with an empty cache: CPU-seconds (user and system) and peak memory, the best of the
repeats, of both revisions in turn. Compiled modules are there, as after an installation. The earlier revision comes from
git. Without a map, a synthetic three-minute song and a map for it are made; --set adds a folder of several difficulties.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.revisions import BEFORE, earlier  # noqa: E402

CHECK = "import sys; from maimod.app import main; sys.argv[1:] = ['check', {path!r}, '--fail-on=never', *{more!r}]; sys.exit(main())"


def cold(source: Path, code: str, repeat: int) -> tuple[float, float, float]:
    """CPU-seconds, seconds and peak MB of a new interpreter that runs `code` with the modules of `source`."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    kept = Path(os.environ["PYTHONPYCACHEPREFIX"]).with_name("kept")
    environment["MAIMOD_CACHE_DIR"] = str(kept)
    best = (float("inf"), float("inf"), float("inf"))
    for number in range(repeat + 1):
        shutil.rmtree(kept, ignore_errors=True)
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=source, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        if status:
            sys.exit(f"{source}: {said}")
        if number:  # the first one compiles
            peak = used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
            best = min(best, (used.ru_utime + used.ru_stime, time.perf_counter() - began, peak))
    return best


def made(folder: Path) -> Path:
    """A synthetic song and a map for it."""
    code = f"from pathlib import Path; from benchmarks.speed import synthetic; synthetic(Path({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return folder / "map.osu"


def networks(path: Path, repeat: int) -> None:
    """Both bundled networks in torch and in numpy."""
    try:
        import torch
    except ModuleNotFoundError:
        print("networks: torch is not installed, so there is nothing to compare with")
        return
    import numpy as np

    from maimod.audio import onsets
    from maimod.discriminator import features
    from maimod.discriminator import runner as discriminators
    from maimod.discriminator.context import context_features
    from maimod.events.vocabulary import Conditioning
    from maimod.families import scoring
    from maimod.families.checkpoint import load_model
    from maimod.linter import song as songs
    from maimod.linter.models import MODELS_FOLDER, PROOFREADER
    from maimod.osu.parser import find_audio, load

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    loaded = load(path)
    audio = find_audio(loaded)
    assert audio is not None
    song = songs.load(audio)
    grid = features.grid_of(loaded)
    assert grid is not None
    lag = onsets.alignment(song.envelope, np.array([o.time for o in loaded.hit_objects])).lag_ms
    around = context_features(loaded, grid, song.bands, song.envelope, lag, [])
    given = features.map_features(loaded, around)
    seconds: dict[str, list[float]] = {}
    surprisals, logits = {}, {}
    for runtime in ("torch", "numpy"):
        model = load_model(MODELS_FOLDER / "maimod-mini", "cpu", "fp32", runtime=runtime)  # type: ignore[arg-type]
        encoded = model.family.encode(loaded, song.model_input(model.family), Conditioning(4.0))
        judge, _ = discriminators.load(MODELS_FOLDER / PROOFREADER, "cpu", runtime)  # type: ignore[arg-type]
        seconds[runtime] = [float("inf")] * 2
        for _ in range(repeat):
            began = time.process_time()
            scores = scoring.score(model, encoded)["map"]
            between = time.process_time()
            logits[runtime] = discriminators.corruption_logits(judge, given)
            took = (between - began, time.process_time() - between)
            seconds[runtime] = [min(pair) for pair in zip(seconds[runtime], took, strict=True)]
        surprisals[runtime] = np.array([score.surprisal for score in scores])
    away = np.abs(surprisals["torch"] - surprisals["numpy"]).max()
    print(f"{'':34}{'torch':>18}{'numpy':>18}   CPU-seconds, {os.environ['OMP_NUM_THREADS']} thread")
    for number, name in enumerate((f"generator, {len(encoded.events)} events scored", "discriminator")):
        print(f"{name:34}{seconds['torch'][number]:>18.2f}{seconds['numpy'][number]:>18.2f}")
    print(
        f"largest difference: {away:.1e} bits of {surprisals['torch'].max():.0f}, "
        f"{np.abs(logits['torch'] - logits['numpy']).max():.1e} in the log-odds\n"
    )


def installed() -> None:
    """Sizes of the packages that are installed, with everything that they need."""
    from packaging.requirements import Requirement

    def closure(names: list[str]) -> set[str]:
        found: set[str] = set()
        while names:
            name = names.pop().lower().replace("_", "-")
            if name in found:
                continue
            try:
                needs = distribution(name).requires or []
            except PackageNotFoundError:
                continue
            found.add(name)
            wanted = map(Requirement, needs)
            names += [one.name for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
        return found

    def megabytes(names: set[str]) -> float:
        sizes = (file.locate() for name in names for file in distribution(name).files or ())
        return sum(os.path.getsize(path) for path in sizes if os.path.isfile(path)) / 1e6

    listed = (ROOT / "requirements-light.txt").read_text(encoding="utf-8").splitlines()
    light = closure([line.partition("==")[0] for line in listed if "==" in line])
    whole = closure([*light, "torch", "huggingface_hub", "scipy"])
    own = sum(path.stat().st_size for folder in ("maimod", "models") for path in (ROOT / folder).rglob("*.*")) / 1e6
    print(f"{'installed, MB':34}{megabytes(whole) + own:>18.0f}{megabytes(light) + own:>18.0f}   with torch; light")


def side_by_side(path: Path, whole_set: Path | None, before: Path | None, repeat: int) -> None:
    """Whole processes of both revisions."""
    print(f"{'':34}{'before':>18}{'now':>18}   CPU-seconds, peak MB")
    checks = [
        ("check --no-model", path, ["--no-cache", "--no-model"]),
        ("check", path, ["--no-cache"]),
        ("check, into an empty cache", path, []),
        *([("check --no-model of the set", whole_set, ["--no-cache", "--no-model"])] if whole_set else []),
        *([("check of the set", whole_set, ["--no-cache"])] if whole_set else []),
    ]
    for name, code in (
        ("--help", "from maimod.app import main; main(['--help'])"),
        *((name, CHECK.format(path=str(given), more=["--jobs=1", *more])) for name, given, more in checks),
    ):
        best = dict.fromkeys((before, ROOT), (float("inf"),) * 3)
        for _ in range(repeat):
            for source in best:
                if source:
                    best[source] = min(best[source], cold(source, code, 1))
        cells = [f"{one[0]:.2f} s {one[2]:.0f} MB" if one[0] < float("inf") else "-" for one in best.values()]
        print(f"{name:34}{cells[0]:>18}{cells[1]:>18}", flush=True)
    print()


def jobs(path: Path, count: int, before: Path | None) -> None:
    """Several sets in one process and in two. On a machine that does other work as well, only the CPU time that the second
    process adds says what it costs."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            shutil.copytree(path.parent, Path(folder) / f"set {number}")
        for name, source in (("before", before), ("now", ROOT)):
            if source is None:
                continue
            one, two = (
                cold(source, CHECK.format(path=folder, more=["--no-cache", f"--jobs={number}"]), 1) for number in (1, 2)
            )
            print(
                f"{f'{count} sets, --jobs 1 and 2, {name}':34}{f'{one[0]:.1f} s':>18}{f'{two[0]:.1f} s':>18}   CPU-seconds; "
                f"{one[1] / two[1]:.2f} x as fast"
            )
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("map", nargs="?", type=Path)
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--set", type=Path, help="a mapset folder")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--sets", type=int, default=8, help="0 leaves out --jobs")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["PYTHONPYCACHEPREFIX"] = str(place / "compiled")
        (place / "set").mkdir()
        path = options.map.resolve() if options.map else made(place / "set")
        before = earlier(options.before, place / "before")
        side_by_side(path, options.set and options.set.resolve(), before, options.repeat)
        if options.sets:
            jobs(path, options.sets, before)
        # From here on numpy is loaded, and new processes begin with the peak of this one.
        networks(path, options.repeat)
        installed()


if __name__ == "__main__":
    main()
