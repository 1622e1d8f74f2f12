"""Measure a published architecture on a GPU: one map by stages, a run of many maps, precisions, batches, compilers.

    python benchmarks/gpu.py [--device cuda] [--version v30] [--maps 32] [--jobs 8,1,12] [--budget 70] [--json FILE]

The checkpoint has the shape of the published one and random weights from a seed, because the figures depend on shapes
alone; the agreement of precisions is therefore that of a random network. The song lasts three minutes (wav) and the map
has the density of benchmarks/speed.py. "One map" is what `maimod check` does for a map when its networks are loaded:
reading, decoding, scoring, detectors, rules, report. A run of many maps goes through :func:`maimod.linter.api.lint`,
as `maimod check FOLDER` does, each map in a folder of its own with its own copy of the song, so nothing is shared (but the
encoder's output of V29 and V32, which is kept by samples).

One line for each figure, and the same in the JSON file, which is written anew after each, so that a run that is ended
early leaves what it has measured. Variants that fail say so in one line; none begins after `--budget` seconds.
`--device cpu --layers 1 --seconds 20 --maps 3 --jobs 2,1 --repeats 1` tries the script itself where there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

if TYPE_CHECKING:
    import numpy as np

    from maimod.events.schema import EventScore
    from maimod.families.family import EncodedMap, Model
    from maimod.linter.models import Networks
    from maimod.linter.settings import Settings
    from maimod.osu.beatmap import Beatmap

PRECISIONS = ("fp32", "amp", "bf16")
BATCHES = (6_000, 16_000, 64_000, 256_000)
COMPILE_S = 15.0
"""Seconds that must be left before layers are compiled."""
COMPILE_MOST_S = 40.0
"""Seconds after which compiling them is given up, so that the runs of many maps have their time."""

T = TypeVar("T")


@dataclass
class Figures:
    """The figures so far."""

    target: Path | None
    budget: float
    began: float = field(default_factory=time.perf_counter)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, what: str, value: float | str, unit: str = "s") -> None:
        """Print a figure and keep it."""
        shown = value if isinstance(value, str) else f"{value:,.4f}" if value < 10 else f"{value:,.1f}"
        print(f"{what:72}{shown:>12} {unit}", flush=True)
        self.rows.append({"what": what, "value": value, "unit": unit})
        if self.target is not None:
            self.target.write_text(json.dumps(self.rows, indent=1))

    @property
    def left(self) -> float:
        """Seconds of the budget."""
        return self.budget - (time.perf_counter() - self.began)

    def variant(self, name: str, work: Callable[[], None], needs: float = 0.0, most: float = 0.0) -> None:
        """Run a variant if there is time, for `most` seconds if given; if it fails, one line says so."""
        if self.left <= needs:
            self.add(f"{name}: left out, {max(self.left, 0):.0f} s of the budget are left", "-", "")
            return
        try:
            with limited(min(most, self.left)):
                work()
        except Exception as error:  # the others are still worth running
            reason = " ".join(str(error).split())[:200]
            self.add(f"{name}: failed, {type(error).__name__}: {reason}", "-", "")


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """End a block by TimeoutError after some seconds; 0 and systems without timers set no limit."""
    if not seconds or not hasattr(signal, "setitimer"):
        yield
        return

    def late(*_: object) -> None:
        raise TimeoutError(f"not done after {seconds:.0f} s")

    kept = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)


@dataclass(frozen=True)
class Bench:
    """Options, maps and checkpoint that all variants share."""

    figures: Figures
    options: argparse.Namespace
    checkpoint: Path
    folders: list[Path]
    """Mapset folders with a map and its song each."""

    @property
    def map(self) -> Path:
        """The map that is measured by stages."""
        return self.folders[0] / "map.osu"

    def settings(self, precision: str = "auto") -> Settings:
        """Of a check with the checkpoint."""
        from maimod.linter.settings import Settings

        return Settings(model=str(self.checkpoint), device=self.options.device, precision=precision)

    def finish(self) -> None:
        """Wait for the GPU."""
        import torch

        if self.on_cuda:
            torch.cuda.synchronize()

    @property
    def on_cuda(self) -> bool:
        """Whether it runs on an NVIDIA GPU."""
        return str(self.options.device).startswith("cuda")

    def seconds(self, work: Callable[[], T], repeats: int | None = None) -> tuple[float, T]:
        """Median of wall-clock seconds, and the last result."""
        times = []
        for _ in range(repeats or self.options.repeats):
            self.finish()
            began = time.perf_counter()
            result = work()
            self.finish()
            times.append(time.perf_counter() - began)
        return statistics.median(times), result

    def scoring(self, model: Model, encoded: EncodedMap) -> tuple[float, dict[str, tuple[EventScore, ...]]]:
        """Median of the seconds of scoring a map, and the scores."""
        from benchmarks.published import forget
        from maimod.families import scoring

        def work() -> dict[str, tuple[EventScore, ...]]:
            forget(model)
            return scoring.score(model, encoded)

        return self.seconds(work)

    @contextmanager
    def peak(self, what: str) -> Iterator[None]:
        """Most memory of the GPU that tensors take in a block."""
        import torch

        if self.on_cuda:
            torch.cuda.reset_peak_memory_stats()
        yield
        if self.on_cuda:
            self.figures.add(f"{what}: peak memory of tensors", torch.cuda.max_memory_allocated() / 2**20, "MB")


# ---------------------------------------------------------------------------------------------------------------------
# What is measured


def make_checkpoint(folder: Path, version: str, layers: int | None) -> None:
    """Write a checkpoint of a published shape with random weights."""
    import torch
    from safetensors.torch import save_file

    from maimod.families.mapperatorinator.family import Mapperatorinator
    from maimod.families.mapperatorinator.network import LogMel, Whisper
    from tests import checkpoints

    name, size = version.partition("-")[0], checkpoints.FULL[version]
    if layers is not None:
        size = replace(size, encoder_layers=layers, decoder_layers=layers)
    tokenizer, config = checkpoints.tokenizer(name, size), checkpoints.config(name, size)
    torch.manual_seed(1)
    network = Mapperatorinator(tokenizer, config).make_network()
    assert isinstance(network, Whisper)
    for title, buffer in network.spectrogram.named_buffers():
        buffer.copy_(torch.rand_like(buffer) / len(buffer))
        if title == "window" and isinstance(network.spectrogram, LogMel):
            buffer.copy_(torch.hann_window(len(buffer)))
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "config.json").write_text(json.dumps(config))
    save_file(network.state_dict(), folder / "model.safetensors")


def make_maps(folder: Path, count: int, seconds: int) -> list[Path]:
    """Write mapset folders with the same song and map."""
    from benchmarks import speed

    speed.SECONDS = seconds
    first = folder / "set 0"
    first.mkdir(parents=True)
    speed.synthetic(first)  # wav: some builds of the decoders have no mp3
    folders = [first, *(folder / f"set {number}" for number in range(1, count))]
    for other in folders[1:]:
        shutil.copytree(first, other)
    return folders


# ---------------------------------------------------------------------------------------------------------------------
# Variants


def one_map(bench: Bench) -> None:
    """Loading, the first map, and a map by stages."""
    from maimod.linter.gather import Resources
    from maimod.linter.models import load_networks
    from maimod.linter.session import analyse_beatmap
    from maimod.osu.parser import load

    figures, settings = bench.figures, bench.settings()
    seconds, networks = bench.seconds(lambda: load_networks(settings), repeats=1)
    assert networks.models is not None
    figures.add(f"load the networks ({networks.models.info.precision})", seconds)

    def check() -> int:
        return len(analyse_beatmap(load(bench.map), settings, Resources(networks), "map").report.findings)

    with bench.peak("one map"):
        figures.add("first map, kernels chosen", bench.seconds(check, repeats=1)[0])
        seconds, found = bench.seconds(check)
    figures.add(f"one map, end to end ({found} findings)", seconds)
    _stages(bench, settings, networks)
    if bench.on_cuda:
        import torch

        free, whole = torch.cuda.mem_get_info()
        figures.add("memory of the GPU in use, CUDA itself included", (whole - free) / 2**20, "MB")


def _stages(bench: Bench, settings: Settings, networks: Networks) -> None:
    from maimod.linter import gather
    from maimod.linter import song as songs
    from maimod.linter.progress import result_of
    from maimod.linter.session import analyse_beatmap
    from maimod.osu.parser import find_audio, load

    parts: dict[str, float] = {}

    def stage(name: str, work: Callable[[], T], repeats: int | None = None) -> T:
        parts[name], result = bench.seconds(work, repeats)
        bench.figures.add(f"  {name}", parts[name])
        return result

    beatmap = stage("CPU: read the map", lambda: load(bench.map))
    path = find_audio(beatmap)
    assert path is not None
    song = stage("CPU: decode the song, onsets", lambda: songs.load(path))
    assert networks.models is not None
    model = networks.models.of(beatmap.mode)
    assert model is not None
    stage("CPU: decode it as the checkpoint was trained", lambda: model.family.load_audio(song.audio))
    song.model_input(model.family)
    _, encoded = stage("CPU: stars, events, tokens", lambda: gather.encode(beatmap, song, settings, networks))
    parts |= _network(bench, model, encoded)
    whole, _ = bench.scoring(model, encoded)
    bench.figures.add("  scoring as a whole: inputs, copies, network, measures, scores", whole)
    known = [seconds for name, seconds in parts.items() if name.startswith(("GPU", "CPU: inputs", "copies"))]
    bench.figures.add("  CPU: scores as objects, and what else scoring does", max(whole - sum(known), 0.0))

    def known_scores(*_: Any) -> Any:
        yield from ()
        return scores

    scores = result_of(gather.score(beatmap, song, settings, networks))
    kept, gather.score = gather.score, known_scores  # type: ignore[assignment]
    try:
        resources = gather.Resources(networks, _Decoded(song))  # type: ignore[arg-type]
        stage("CPU: detectors, rules, judge, report", lambda: analyse_beatmap(beatmap, settings, resources, "map"))
    finally:
        gather.score = kept
    gpu = sum(seconds for name, seconds in parts.items() if name.startswith(("GPU", "copies")))
    bench.figures.add("  GPU part of a map: copies, network, measures", gpu)


class _Decoded:
    """Songs that are decoded already, as :class:`maimod.linter.gather.Songs`."""

    def __init__(self, song: Any) -> None:
        self.song = song

    def load(self, path: Path) -> Any:
        """The song."""
        return self.song


def _inputs(model: Model, encoded: EncodedMap) -> tuple[list[Any], list[np.ndarray]]:
    """All windows of a map as one batch, with their scored rows."""
    import numpy as np

    from maimod.families import scoring

    parts = [scoring._Part(window, encoded.inputs(window)) for window in encoded.windows]
    return [part.inputs for part in parts], [np.concatenate(part.rows) for part in parts]


def _network(bench: Bench, model: Model, encoded: EncodedMap) -> dict[str, float]:
    """Stages of the network, all windows in one batch."""
    import numpy as np
    import torch

    from maimod.families import scoring
    from maimod.families.inputs import stack
    from maimod.families.mapperatorinator.network import Whisper
    from maimod.families.torch_runner import TorchRunner

    runner, parts = model.runner, {}
    assert isinstance(runner, TorchRunner) and isinstance(runner.network, Whisper)
    network = runner.network

    def stage(name: str, work: Callable[[], T]) -> T:
        parts[name], result = bench.seconds(work)
        bench.figures.add(f"  {name}", parts[name])
        return result

    windows, rows = stage("CPU: inputs of the windows", lambda: _inputs(model, encoded))
    arrays = stage("copies to the GPU", lambda: {name: runner.tensor(array) for name, array in stack(windows).items()})
    tokens = arrays.pop("tokens")
    shape = f"{tokens.shape[0]} windows, {tokens.shape[1]} tokens, {model.config.encoder_positions} positions"
    with torch.inference_mode(), runner.autocast():
        stage("GPU: mel bands", lambda: network.mel_bands(arrays["samples"]))
        memory = stage("GPU: encoder, mel bands included", lambda: network.encode(**arrays))
        parts["GPU: mel bands"] = 0.0
        hidden = stage(f"GPU: decoder ({shape})", lambda: network.decoder(network.decoder_embedder(tokens), memory))
    states = [hidden[number, runner.tensor(wanted)].float().cpu().numpy() for number, wanted in enumerate(rows)]
    scorer = scoring._Scorer(model, encoded, False)
    (name,) = encoded.contexts if len(encoded.contexts) == 1 else (None,)
    if name is None:
        return parts
    aims = [
        scorer.targets(window.by_token["tokens"].take(wanted + 1, mode="clip"), name, span.spans[0].owned)
        for window, wanted, span in zip(windows, rows, encoded.windows, strict=True)
    ]
    stage("GPU: logits and measures", lambda: [runner.measures(*pair) for pair in zip(states, aims, strict=True)])
    logits = [runner.logits(each) for each in states[:2]]
    share = sum(map(len, states)) / sum(map(len, logits))
    from maimod.families.measures import measure

    seconds, _ = bench.seconds(lambda: [measure(np.array(each), aim) for each, aim in zip(logits, aims, strict=False)])
    bench.figures.add("  for comparison: measures of all rows in numpy on the CPU", seconds * share)
    return parts


def _scored(bench: Bench, precision: str) -> tuple[Model, Beatmap, EncodedMap]:
    """A map encoded for the checkpoint in a precision."""
    from maimod.linter import gather
    from maimod.linter import song as songs
    from maimod.linter.models import Networks, load_models
    from maimod.osu.parser import find_audio, load

    settings = bench.settings(precision)
    beatmap = load(bench.map)
    path = find_audio(beatmap)
    assert path is not None
    model, encoded = gather.encode(beatmap, songs.load(path), settings, Networks(load_models(settings)))
    return model, beatmap, encoded


def precisions(bench: Bench) -> None:
    """Scoring in each precision, and how it ranks events."""
    import numpy as np

    from maimod.families import scoring

    reference: np.ndarray | None = None
    for precision in PRECISIONS:
        model, _, encoded = _scored(bench, precision)
        scoring.score(model, encoded)
        with bench.peak(f"scoring in {precision}"):
            seconds, scores = bench.scoring(model, encoded)
        bench.figures.add(f"scoring in {precision}", seconds)
        bits = np.array([one.surprisal for each in scores.values() for one in each])
        if reference is None:
            reference = bits
        else:
            ranks = [np.argsort(np.argsort(values)) for values in (reference, bits)]
            agreement = float(np.corrcoef(*ranks)[0, 1])
            bench.figures.add(f"scoring in {precision}: rank correlation with fp32, random weights", agreement, "")


def batches(bench: Bench) -> None:
    """Positions run at a time, and matrix products in TF32."""
    import torch

    from maimod.families import torch_runner

    model, _, encoded = _scored(bench, "auto")
    kind = str(bench.options.device).partition(":")[0]
    usual = torch_runner.BATCH_POSITIONS[kind]
    try:
        for positions in BATCHES:
            torch_runner.BATCH_POSITIONS[kind] = positions
            with bench.peak(f"batches of {positions:,} positions"):
                seconds, _ = bench.scoring(model, encoded)
            bench.figures.add(f"scoring in batches of {positions:,} positions", seconds)
    finally:
        torch_runner.BATCH_POSITIONS[kind] = usual
    if bench.on_cuda:
        model, _, encoded = _scored(bench, "fp32")
        torch.set_float32_matmul_precision("high")
        try:
            seconds, _ = bench.scoring(model, encoded)
        finally:
            torch.set_float32_matmul_precision("highest")
        bench.figures.add("scoring in fp32 with products in TF32", seconds)


def many_maps(bench: Bench, jobs: int) -> None:
    """A run over folders in some processes."""
    from maimod.findings import BeatmapReport
    from maimod.linter import api

    count = len(bench.folders) if jobs > 1 else min(len(bench.folders), 4)
    used, arrivals, began = os.times(), [], time.perf_counter()
    for item in api.lint(bench.folders[:count], bench.settings(), jobs=jobs):
        if isinstance(item, BeatmapReport):
            arrivals.append(time.perf_counter() - began)
            if item.status == "error" or any("the model" in line for line in item.messages):
                raise RuntimeError(item.messages[0])
    after = os.times()
    cpu = sum(getattr(after, name) - getattr(used, name) for name in ("user", "children_user", "system"))
    cpu += after.children_system - used.children_system
    name = f"{count} maps in {jobs} process{'es' if jobs > 1 else ''}"
    start = jobs if count > jobs else 0
    rate = (arrivals[-1] - arrivals[start - 1]) / (count - start) if start else arrivals[-1] / count
    bench.figures.add(f"{name}: all, start included", arrivals[-1])
    bench.figures.add(f"{name}: CPU-seconds a map, start included", cpu / count)
    bench.figures.add(f"{name}: seconds a map after the first {start}", rate)
    bench.figures.add(f"{name}: a thousand maps at that rate", (arrivals[0] + 1000 * rate) / 60, "min")


def chosen_jobs(bench: Bench) -> None:
    """How many processes `maimod check` would start by itself for a thousand maps."""
    from maimod.linter import api
    from maimod.osu import discovery

    sources = discovery.find(bench.folders[:1]) * 1000
    bench.figures.add("processes chosen for a thousand maps", api._worth(sources, bench.settings()), "")


def bundled(bench: Bench) -> None:
    """The bundled networks on the CPU, where they run in numpy, and on the device."""
    from maimod.families import scoring
    from maimod.families.operators import thread_count
    from maimod.linter import gather
    from maimod.linter import song as songs
    from maimod.linter.models import load_networks
    from maimod.linter.settings import Settings
    from maimod.osu.parser import find_audio, load

    beatmap = load(bench.map)
    path = find_audio(beatmap)
    assert path is not None
    song = songs.load(path)
    alignment = gather.onsets.alignment(song.envelope, gather.np.array([o.time for o in beatmap.hit_objects]))
    for device in dict.fromkeys(("cpu", bench.options.device)):
        settings = Settings(device=device)
        networks = load_networks(settings)
        model, encoded = gather.encode(beatmap, song, settings, networks)
        scoring.score(model, encoded)
        seconds, _ = bench.scoring(model, encoded)
        threads = f" ({thread_count()} threads)" if device == "cpu" else ""
        bench.figures.add(f"bundled generator on {device}{threads}: scoring", seconds)
        gather.corruption_logits(beatmap, song, alignment, None, networks)
        detect = partial(gather.corruption_logits, beatmap, song, alignment, None, networks)
        seconds, _ = bench.seconds(detect)
        bench.figures.add(f"bundled discriminator on {device}, its features included", seconds)


def graphs(bench: Bench) -> None:
    """The network as a CUDA graph, which saves the time of starting kernels."""
    import torch

    from maimod.families.inputs import stack
    from maimod.families.torch_runner import TorchRunner

    model, _, encoded = _scored(bench, "auto")
    runner = model.runner
    assert isinstance(runner, TorchRunner)
    windows, _ = _inputs(model, encoded)
    with torch.inference_mode():
        arrays = {name: runner.tensor(array) for name, array in stack(windows).items()}
        plain, _ = bench.seconds(lambda: runner.network.hidden(**arrays))
        bench.figures.add("network, one batch: as it is", plain)
        if not bench.on_cuda:
            return
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                runner.network.hidden(**arrays)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            runner.network.hidden(**arrays)
        seconds, _ = bench.seconds(graph.replay)
        bench.figures.add("network, one batch: as a CUDA graph", seconds)


def compiled(bench: Bench) -> None:
    """The layers compiled by torch, which joins the operations between products."""
    import torch

    from maimod.families.inputs import stack
    from maimod.families.mapperatorinator.network import Whisper
    from maimod.families.torch_runner import TorchRunner

    model, _, encoded = _scored(bench, "auto")
    runner = model.runner
    assert isinstance(runner, TorchRunner) and isinstance(runner.network, Whisper)
    windows, _ = _inputs(model, encoded)
    layers = [*runner.network.encoder.layers, *runner.network.decoder.layers]
    with torch.inference_mode():
        arrays = {name: runner.tensor(array) for name, array in stack(windows).items()}
        for layer in layers:
            layer.compile(dynamic=False)
        began = time.perf_counter()
        runner.network.hidden(**arrays)
        bench.finish()
        bench.figures.add("network, one batch: compiled layers, first time", time.perf_counter() - began)
        seconds, _ = bench.seconds(lambda: runner.network.hidden(**arrays))
    bench.figures.add("network, one batch: compiled layers", seconds)


def main() -> None:
    """Run all variants."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--version", default="v30", help="v29, v30, v31, v32 or v32-mini")
    parser.add_argument("--layers", type=int, help="fewer layers, to try the script")
    parser.add_argument("--seconds", type=int, default=180, help="length of the song")
    parser.add_argument("--maps", type=int, default=32, help="maps of a run in several processes")
    parser.add_argument("--jobs", default="8,1,12", help="numbers of processes, in order")
    parser.add_argument("--repeats", type=int, default=5, help="of everything that is a median")
    parser.add_argument("--budget", type=float, default=70.0, help="seconds after which no variant begins")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    figures = Figures(options.json, options.budget)
    import torch

    on_cuda = options.device.startswith("cuda")
    device = torch.cuda.get_device_name() if on_cuda else platform.processor() or "CPU"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    layers = f", {options.layers} layers" if options.layers is not None else ""
    print(
        f"{options.version}{layers}, random weights, {options.seconds} s song, {device}, {cores} cores, "
        f"torch {torch.__version__}, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory() as place:
        checkpoint = Path(place, "checkpoint")
        make_checkpoint(checkpoint, options.version, options.layers)
        folders = make_maps(Path(place, "sets"), options.maps, options.seconds)
        figures.add("(making the checkpoint and the maps)", time.perf_counter() - figures.began)
        bench = Bench(figures, options, checkpoint, folders)
        figures.variant("one map", lambda: one_map(bench))
        figures.variant("CUDA graph", lambda: graphs(bench))
        figures.variant("compiled layers", lambda: compiled(bench), COMPILE_S, COMPILE_MOST_S)
        figures.variant("processes", lambda: chosen_jobs(bench))
        for number in map(int, options.jobs.split(",")):
            figures.variant(f"{number} processes", lambda number=number: many_maps(bench, number))  # type: ignore[misc]
        figures.variant("precisions", lambda: precisions(bench))
        figures.variant("batches", lambda: batches(bench))
        figures.variant("bundled networks", lambda: bundled(bench))
    figures.add("(the whole benchmark)", time.perf_counter() - figures.began)


if __name__ == "__main__":
    main()
