"""Compare few windows with the original's many, for the bundled network and the published architectures at full size.

    python benchmarks/published.py [--versions v30,v32-mini] [--seconds 180] [--device auto] [--precision auto] [--maps
    1] [--skip-exact]

Weights are random, which does not change the speed. Every run is its own process, so that its peak memory can be
measured; both ways run one after the other on the same machine. Seconds, and those of all cores together, are those of
scoring a map whose song is decoded, the model loaded and run once before. With --maps N, the same map is scored N times
in one process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def measure(version: str, exact: bool, seconds: int, device: str, precision: str, maps: int) -> dict[str, float]:
    """Score a synthetic map in this process."""
    import torch

    from benchmarks import speed
    from maimod.events.vocabulary import Conditioning
    from maimod.families import scoring
    from maimod.families.checkpoint import load_model
    from maimod.linter import song as songs
    from maimod.linter.models import MODELS_FOLDER
    from maimod.osu.parser import load

    speed.SECONDS = seconds
    with tempfile.TemporaryDirectory() as folder:
        path = speed.synthetic(Path(folder))
        if version == "bundled":
            model = load_model(MODELS_FOLDER / "maimod-mini", device, precision, runtime="torch")
        else:
            model = full_size(version, device, precision)
        loaded = load(path)
        song = songs.load(path.parent / "song.wav")
        sound = song.model_input(model.family)
        began = time.perf_counter()
        scoring.score(
            model, model.family.encode(loaded, sound[: len(sound) // 8], Conditioning(5.0))
        )  # kernels are chosen, memory is taken
        warm_up = time.perf_counter() - began
        began, used = time.perf_counter(), time.process_time()
        for _ in range(maps):
            forget(model)
            encoded = model.family.encode(loaded, sound, Conditioning(5.0), exact)
            scores = scoring.score(model, encoded, exact)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        elapsed, cpu_seconds = (time.perf_counter() - began) / maps, (time.process_time() - used) / maps
        tokens = sum(len(encoded.inputs(window).by_token["tokens"]) for window in encoded.windows)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
        return {
            "windows": len(encoded.windows),
            "tokens": tokens,
            "frames": len(encoded.windows) * model.config.encoder_positions,
            "events": sum(map(len, scores.values())),
            "seconds": elapsed,
            "cpu_seconds": cpu_seconds,
            "warm_up": warm_up,
            "peak_mb": peak,
            "gpu_mb": torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else 0.0,
            "parameters": sum(p.numel() for p in model.runner.network.parameters()) / 1e6,
        }


def forget(model) -> None:  # type: ignore[no-untyped-def]
    """Let the encoder run again on a song that it has read (V29 and V32 keep its output)."""
    getattr(model.runner, "_memories", {}).clear()


def full_size(version: str, device: str, precision: str):  # type: ignore[no-untyped-def]
    """A published architecture with random weights."""
    import torch

    from maimod.families import int8
    from maimod.families.checkpoint import resolve_device
    from maimod.families.family import Model
    from maimod.families.mapperatorinator.family import Mapperatorinator
    from maimod.findings import ModelInfo
    from tests import checkpoints

    name, size = version.partition("-")[0], checkpoints.FULL[version]
    family = Mapperatorinator(checkpoints.tokenizer(name, size), checkpoints.config(name, size))
    place = resolve_device(device)
    if precision == "auto":
        precision = "bf16" if place.type == "cuda" else "fp32"
    torch.manual_seed(1)
    network = family.make_network().eval().to(place)
    if precision == "bf16":
        network.to_precision(torch.bfloat16)
    if precision == "int8":
        int8.convert(network, family.lora_modules)
    info = ModelInfo(version, family.name, str(place), precision)
    return Model(family.torch_runner(network, torch.bfloat16 if precision == "amp" else None), family, info)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--versions", default="bundled,v29,v30,v31,v32,v32-mini")
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--maps", type=int, default=1)
    parser.add_argument("--skip-exact", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        version, exact = options.one.split(":")
        print(
            json.dumps(
                measure(version, exact == "exact", options.seconds, options.device, options.precision, options.maps)
            )
        )
        return
    print(
        f"{options.seconds} s song, device {options.device}, precision {options.precision}, {options.maps} map(s) a process"
    )
    print(
        f"{'':17}{'windows':>8}{'tokens':>9}{'frames':>9}{'seconds':>9}{'CPU-s':>9}{'x real time':>12}{'tokens/s':>10}{'peak MB':>9}{'GPU MB':>8}"
    )
    for version in options.versions.split(","):
        found = {}
        for way in ("fast", *([] if options.skip_exact else ["exact"])):
            command = [
                sys.executable,
                __file__,
                "--one",
                f"{version}:{way}",
                "--seconds",
                str(options.seconds),
                "--device",
                options.device,
                "--precision",
                options.precision,
                "--maps",
                str(options.maps),
            ]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
            if done.returncode:
                sys.exit(done.stderr)
            found[way] = row = json.loads(done.stdout)
            speed, rate = options.seconds / row["seconds"], row["tokens"] / row["seconds"]
            print(
                f"{version:10}{way:7}{row['windows']:>8}{row['tokens']:>9}{row['frames']:>9}{row['seconds']:>9.2f}"
                f"{row['cpu_seconds']:>9.2f}{speed:>12.1f}"
                f"{rate:>10.0f}{row['peak_mb']:>9.0f}{row['gpu_mb']:>8.0f}",
                flush=True,
            )
        if "exact" in found:
            ratios = [
                found["exact"][name] / found["fast"][name]
                for name in ("windows", "tokens", "frames", "seconds", "cpu_seconds")
            ]
            print(
                f"{version:10}{'x':7}{ratios[0]:>8.2f}{ratios[1]:>9.2f}{ratios[2]:>9.2f}{ratios[3]:>9.2f}{ratios[4]:>9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
