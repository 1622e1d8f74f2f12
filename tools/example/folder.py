"""The folder with everything in it, and the page that lists the faults."""

from __future__ import annotations

from pathlib import Path

import soundfile

from tools.example.beatmap import BACKGROUND, SONG, Map, clean_map, taiko_map
from tools.example.faults import FAULTS, TAIKO_FAULTS, Fault, faulty_map, faulty_taiko_map
from tools.example.picture import picture
from tools.example.song import SAMPLE_RATE, synthesise

FOLDER = Path(__file__).parents[2] / "examples" / "maimod example"


def maps() -> list[Map]:
    """All difficulties."""
    return [clean_map(), faulty_map(), taiko_map(), faulty_taiko_map()]


def readme() -> str:
    """`examples/README.md`, with the faults as a table."""

    def table(faults: tuple[Fault, ...]) -> list[str]:
        rows = ["| time | fault | what was done | rule | without the model |", "|---|---|---|---|---|"]
        for fault in faults:
            stamp = f"{int(fault.time) // 60_000:02d}:{int(fault.time) // 1000 % 60:02d}:{int(fault.time) % 1000:03d}"
            rule = fault.rules[0] + ("…" if fault.rules[0].endswith("/") else "")
            rows.append(
                f"| {stamp} | {fault.name} | {fault.note} | `{rule}` | {'no' if fault.needs_model else 'yes'} |"
            )
        return rows

    return "\n".join(
        [
            "# Example",
            "",
            "`maimod example/` is a mapset folder in osu!'s layout: a song of 75 s, a map of it in osu! (*Hard*) and taiko (*Taiko*), and each",
            "map once more with known faults (*Faulty*, *Faulty Taiko*). Song and maps are made by `tools/example`; nothing in it is",
            "anyone else's.",
            "",
            "```",
            'maimod check "examples/maimod example"',
            'maimod check --no-model "examples/maimod example"',
            "```",
            "",
            "The last column: whether the fault is found without the model.",
            "",
            "## Faulty",
            "",
            *table(FAULTS),
            "",
            "## Faulty Taiko",
            "",
            *table(TAIKO_FAULTS),
            "",
            "`maimod.ipynb` checks the same folder in a notebook, and needs no installation of your own.",
            "",
        ]
    )


def write() -> None:
    """Write the folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    soundfile.write(
        FOLDER / SONG, synthesise(), SAMPLE_RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=0.66
    )
    (FOLDER / BACKGROUND).write_bytes(picture())
    for beatmap in maps():
        path = FOLDER / f"maimod - Example (maimod) [{beatmap.version}].osu"
        path.write_bytes(beatmap.text().replace("\n", "\r\n").encode())
    (FOLDER.parent / "README.md").write_text(readme(), encoding="utf-8")
