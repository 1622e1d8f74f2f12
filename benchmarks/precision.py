"""Compare precisions of a checkpoint on real maps: CPU time, and how the surprisals of the events agree with float32.

    python benchmarks/precision.py MAP.osu ... [--model maimod-mini] [--device cpu] [--precisions bf16,int8]

The network runs in torch. Agreement says something only of trained weights: those of the bundled model, or of a
published checkpoint that is at hand.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

TOP = 20
"""Most surprising events that are compared."""


def main() -> None:
    """Print a line for each map and precision."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("maps", nargs="+", type=Path)
    parser.add_argument("--model", default="maimod-mini")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precisions", default="bf16,int8")
    options = parser.parse_args()

    import numpy as np

    from maimod.families import scoring
    from maimod.families.checkpoint import load_model
    from maimod.linter import gather
    from maimod.linter import song as songs
    from maimod.linter.models import model_folder
    from maimod.osu.level import star_rating
    from maimod.osu.parser import find_audio, load

    names = ["fp32", *options.precisions.split(",")]
    folder = model_folder(options.model)
    models = {name: load_model(folder, options.device, name, runtime="torch") for name in names}
    print(
        f"{'map':50}{'events':>8}  {'':6}{'CPU-s':>7}{'ranks':>9}{f'same of {TOP}':>12}{'bits apart':>12}{'largest':>9}"
    )
    for path in options.maps:
        beatmap = load(path)
        song_path = find_audio(beatmap)
        song = songs.load(song_path) if song_path else None
        reference = None
        for name, model in models.items():
            audio = song.model_input(model.family) if song else None
            conditioning = gather.Conditioning(star_rating(beatmap))
            encoded = model.family.encode(beatmap, audio, conditioning)
            began = time.process_time()
            scores = scoring.score(model, encoded)
            seconds = time.process_time() - began
            bits = np.array([one.surprisal for each in scores.values() for one in each])
            reference = bits if reference is None else reference
            ranks = [np.argsort(np.argsort(values)) for values in (reference, bits)]
            tops = [set(np.argsort(-values)[:TOP].tolist()) for values in (reference, bits)]
            apart = np.abs(reference - bits)
            print(
                f"{path.stem[:48]:50}{len(bits):>8}  {name:6}{seconds:>7.2f}{np.corrcoef(*ranks)[0, 1]:>9.5f}"
                f"{len(tops[0] & tops[1]):>12}{apart.mean():>12.4f}{apart.max():>9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
