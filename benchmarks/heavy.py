"""Small maps that are much work: CPU seconds and peak memory of a check of each. For Linux and macOS.

    python benchmarks/heavy.py [NAME ...] [--model] [--seconds 60] [--keep FOLDER]

Each map fills one bound of the format: slides, control points, timing points, breaks, colours, objects at one time. None
may take more than some seconds, whatever its bound. Without --model the networks are not used. A check that takes longer
than --seconds is ended.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
RED_LINE = "0,500,4,2,0,70,1,0"


def osu(
    objects: Iterable[str] = ("256,192,1000,1,0",),
    points: Iterable[str] = (RED_LINE,),
    mode: int = 0,
    events: Iterable[str] = (),
    colours: Iterable[str] = (),
    version: str = "Heavy",
) -> str:
    """The text of a map."""
    keys = 7 if mode == 3 else 4
    sections = {
        "General": ("AudioFilename: song.wav", f"Mode: {mode}"),
        "Metadata": ("Title:Heavy", "Artist:maimod", "Creator:maimod", f"Version:{version}"),
        "Difficulty": (f"CircleSize:{keys}", "OverallDifficulty:5", "ApproachRate:5", "SliderMultiplier:1.4"),
        "Events": events,
        "TimingPoints": points,
        "Colours": colours,
        "HitObjects": objects,
    }
    return "osu file format v14\n\n" + "\n\n".join("\n".join((f"[{name}]", *lines)) for name, lines in sections.items())


def slides(count: int, each: int, length: float = 0.0, apart: int = 10, y: int = 192) -> Iterator[str]:
    """Sliders with many slides."""
    return (f"{50 + i % 400},{y},{1000 + apart * i},2,0,L|{100 + i % 400}:{y},{each},{length:g}" for i in range(count))


def curve(letter: str, count: int, seed: int = 1) -> str:
    """A slider with many control points."""
    draw = random.Random(seed)
    points = "|".join(f"{draw.randrange(512)}:{draw.randrange(384)}" for _ in range(count))
    return f"256,192,1000,2,0,{letter}|{points},1,30000"


def circles(count: int, apart: float, at: float = 1000.0) -> Iterator[str]:
    """Circles at equal distances of time, on a few places."""
    return (f"{(37 * i) % 512},{(53 * i) % 384},{at + apart * i:.0f},1,{(i % 7) * 2}" for i in range(count))


def toggles(count: int, apart: float = 10.0) -> Iterator[str]:
    """A red line, then green lines that switch kiai on and off and change samples."""
    yield RED_LINE
    yield from (f"{1 + apart * i:g},-{50 + i % 100},4,{1 + i % 3},0,{i % 101},0,{i % 2}" for i in range(count))


def red_lines(count: int) -> Iterator[str]:
    """Red lines with different tempos."""
    return (f"{20 * i},{300 + i % 200},4,2,0,70,1,{i % 2}" for i in range(count))


CASES: dict[str, Callable[[], str]] = {
    "50 sliders of 9,000 slides": lambda: osu(slides(50, 9_000)),
    "200 sliders of 9,000 slides": lambda: osu(slides(200, 9_000)),
    "1,000 sliders of 9,000 slides": lambda: osu(slides(1_000, 9_000)),
    "catch: 3,000 sliders of 9,000 slides": lambda: osu(slides(3_000, 9_000), mode=2),
    **{
        f"{name}: 50,000 slides in {count:,} sliders": lambda mode=mode, count=count: osu(
            slides(count, 50_000 // count, 50.0), mode=mode
        )
        for mode, name in ((0, "osu"), (1, "taiko"), (2, "catch"), (3, "mania"))
        for count in (6, 1_000, 16_000)
    },
    **{
        f"{letter} slider of 10,000 points": lambda letter=letter: osu([curve(letter, 10_000)])
        for letter in ("B", "B4", "B16", "C", "L", "P")
    },
    "B slider of 190,000 points": lambda: osu([curve("B", 190_000)]),
    "C slider of 190,000 points": lambda: osu([curve("C", 190_000)]),
    "2,000 B sliders of 100 points": lambda: osu(
        [curve("B", 99, i).replace(",1000,2,", f",{1000 + 500 * i},2,") for i in range(2_000)]
    ),
    "30,000 breaks": lambda: osu(events=(f"2,{i * 1000},{i * 1000 + 700}" for i in range(30_000))),
    "300,000 colours": lambda: osu(colours=(f"Combo{i + 1} : {i % 256},{i % 9},{i % 5}" for i in range(300_000))),
    "50,000 green lines toggle kiai": lambda: osu(points=toggles(50_000)),
    "100,000 green lines, 20,000 circles": lambda: osu(circles(20_000, 50), toggles(99_999, 10)),
    "20,000 red lines, 20,000 circles": lambda: osu(circles(20_000, 20), red_lines(20_000)),
    "100,000 red lines at one time": lambda: osu(circles(5_000, 20), [RED_LINE] * 100_000),
    "mania: 20,000 notes at one time": lambda: osu(
        [f"{73 * (i % 7) + 10},192,1000,1,0" for i in range(20_000)], mode=3
    ),
    "mania: 100,000 long notes over each other": lambda: osu(
        [f"{73 * (i % 7) + 10},192,{1000 + i},128,0,{300_000 + i}:0:0:0:0:" for i in range(100_000)], mode=3
    ),
    **{
        f"{name}: 100,000 circles over 10 h": lambda mode=mode: osu(circles(100_000, 359.0), mode=mode)
        for mode, name in ((0, "osu"), (1, "taiko"), (2, "catch"), (3, "mania"))
    },
    **{
        f"{name}: 100,000 circles over 100 s": lambda mode=mode: osu(circles(100_000, 1.0), mode=mode)
        for mode, name in ((0, "osu"), (1, "taiko"), (2, "catch"), (3, "mania"))
    },
    "100,000 circles at one time and place": lambda: osu(["256,192,1000,1,0"] * 100_000),
    "10,000 spinners over each other": lambda: osu([f"256,192,{1000 + i},12,0,{900_000 + i}" for i in range(10_000)]),
    "10,000 long sliders over each other": lambda: osu(slides(10_000, 5, 60_000.0)),
    "200,000 events": lambda: osu(events=(f'Sample,{i},0,"{i}.wav",70' for i in range(200_000))),
    "1,000,000 keys": lambda: osu(colours=(f"Key{i} : 1" for i in range(1_000_000))),
}


def sets(folder: Path) -> dict[str, Callable[[], Path]]:
    """Mapsets of many or large difficulties."""

    def archive(name: str, difficulties: int, text: Callable[[str], str]) -> Path:
        path = folder / f"{name}.osz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for i in range(difficulties):
                packed.writestr(f"d{i}.osu", text(f"Difficulty {i}"))
        return path

    def of_16_mb(version: str) -> str:
        return osu(points=[RED_LINE] * (16 * 1024 * 1024 // (len(RED_LINE) + 1)), version=version)

    return {
        "set of 60 difficulties of 16 MB": lambda: archive("timing", 60, of_16_mb),
        "set of 60 difficulties of 20,000 circles": lambda: archive(
            "circles", 60, lambda version: osu(circles(20_000, 50), version=version)
        ),
        "set of 200 difficulties of 2,000 circles": lambda: archive(
            "many", 200, lambda version: osu(circles(2_000, 150), version=version)
        ),
    }


def check(path: Path, arguments: list[str], seconds: int) -> str:
    """CPU seconds, peak MB, exit code and size of the report of a check in a process of its own, as one line."""
    code = (
        "import resource, runpy, sys\n"
        f"resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds + 1}))\n"
        "runpy.run_module('maimod.app', run_name='__main__')\n"
    )
    command = [sys.executable, "-c", code, "check", str(path), "--isolated", "--no-cache", "-j1", *arguments]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as report:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, cwd=ROOT, stdout=report, stderr=subprocess.STDOUT, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        report.seek(0)
        size = len(report.read())
    cpu = usage.ru_utime + usage.ru_stime
    ended = f"rc {process.returncode}" if process.returncode >= 0 else f"ended by signal {-process.returncode}"
    return f"{cpu:7.1f} CPU-s {usage.ru_maxrss >> 10:6,} MB  {ended:22}{size >> 10:7,} kB of report"


def song(folder: Path, seconds: int) -> None:
    """Write a song of clicks."""
    import numpy as np
    import soundfile

    samples = np.zeros((seconds * 8000,), dtype=np.int16)
    samples[::4000] = 20_000
    soundfile.write(folder / "song.wav", samples, 8000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of the names of cases; all by default")
    parser.add_argument("--model", action="store_true")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="folder for the maps; a temporary one by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)

        def written(name: str, text: Callable[[], str]) -> Path:
            path = folder / "".join(c if c.isalnum() else "-" for c in name) / "map.osu"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(), encoding="utf-8")
            song(path.parent, 60)
            return path

        cases = {name: (lambda name=name, text=text: written(name, text)) for name, text in CASES.items()} | sets(
            folder
        )
        for name, make in cases.items():
            if not options.names or any(part in name for part in options.names):
                path = make()
                size = path.stat().st_size / 1024
                line = check(path, [] if options.model else ["--no-model"], options.seconds)
                print(f"{name:45}{size:9,.0f} kB {line}", flush=True)


if __name__ == "__main__":
    main()
