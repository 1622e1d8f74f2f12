"""Measure how quickly the findings viewer answers in a browser: milliseconds from an input to the next drawn frame.

    python benchmarks/page.py [--objects 3000] [--findings 300] [--inputs 40] [--width 1280] [--height 800] [--slowdown 1]

It needs selenium, Chromium and its driver. The map is made here; each finding has the evidence of a real one. `--slowdown 4`
makes Chromium's processor four times slower, as on a phone. Figures are medians and the slowest of the inputs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

HOST = """
const root = document.getElementById("maimod");
const viewer = maimodViewer(root, {name: "benchmark", evidence: () => Promise.resolve(BODY)});
viewer.show(DATA);
"""
MEASURE = """
const [inputs, done] = [arguments[0], arguments[arguments.length - 1]];
const frame = () => new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn, 0)));
const all = css => [...document.querySelectorAll(css)];
const press = key => document.querySelector(".mm-list").dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
const search = document.querySelector(".mm-filters input");
const kinds = {
  "click an entry": i => all(".mm-row")[(i * 37) % all(".mm-row").length].click(),
  "next finding (j)": () => press("j"),
  "click a mark": i => all(".mm-mark")[(i * 53) % all(".mm-mark").length].click(),
  "filter a severity": () => document.querySelector('[data-filter="minor"]').click(),
  "type in the search": i => { search.value = i % 2 ? "" : "late"; search.dispatchEvent(new Event("input", {bubbles: true})); },
  "mark as done (d), undo": () => { press("d"); },
  "zoom the timeline (+)": i => press(i % 12 < 6 ? "+" : "-"),
};
(async () => {
  const found = {};
  for (const [name, act] of Object.entries(kinds)) {
    found[name] = [];
    for (let i = 0; i < inputs; i++) {
      await frame();
      const begun = performance.now();
      act(i);
      await frame();
      found[name].push(performance.now() - begun);
    }
  }
  done(found);
})();
"""


def page(objects: int, findings: int) -> str:
    """A page with the viewer, a made-up map, and findings all over it."""
    import numpy as np

    from maimod.audio.decode import Audio
    from maimod.audio.onsets import onset_envelope
    from maimod.evidence.evidence import evidence
    from maimod.findings import BeatmapReport, Category, Finding, Report, Severity, editor_timestamp
    from maimod.linter.pipeline import Analysis
    from maimod.linter.song import Song
    from maimod.osu.parser import parse
    from maimod.reporters import viewer
    from maimod.reporters.album import strip
    from maimod.rules import RULES
    from maimod.rules.evidence import Evidence

    lines = [
        f"{(i * 37) % 512},{(i * 23) % 384},{1000 + 120 * i},{5 if i % 8 == 0 else 1},0,0:0:0:0:"
        for i in range(objects)
    ]
    text = (
        "osu file format v14\n[General]\nAudioFilename: song.mp3\n[Metadata]\nTitle:Speed\nArtist:maimod\nCreator:maimod\n"
        "Version:Long\n[Difficulty]\nCircleSize:4\nSliderMultiplier:1.4\n[TimingPoints]\n0,480,4,2,0,70,1,0\n[HitObjects]\n"
    )
    beatmap = parse((text + "\n".join(lines) + "\n").encode())
    samples = np.random.default_rng(1).normal(scale=0.1, size=16 * (2000 + 120 * objects)).astype(np.float32)
    audio = Audio(None, samples, 16_000)
    rules = [
        rule for rule in RULES.values() if rule.category in (Category.RHYTHM, Category.POSITIONS, Category.HITSOUNDS)
    ]
    made = []
    for i in range(findings):
        o, rule = beatmap.hit_objects[i * objects // findings], rules[i % len(rules)]
        stamp, severity = editor_timestamp(beatmap, o.time, [o]), (Severity.WARNING, Severity.MINOR)[i % 2]
        words = f"The circle is {i} px away from where it would be expected, or {i % 9} ms late."
        made.append(
            Finding(
                rule.id,
                rule.category,
                severity,
                0.3 + i % 60 / 100,
                words,
                o.time,
                stamp,
                o.line,
                (o.index,),
                id=f"{i:08x}",
            )
        )
    report = BeatmapReport(
        "Long.osu",
        "ok",
        findings=tuple(made),
        title="Speed",
        artist="maimod",
        version="Long",
        mode="osu",
        objects=objects,
    )
    analysis = Analysis(report, Evidence(beatmap, None, None), Song(audio, onset_envelope(audio)))
    data = viewer.data(Report("0", None, (report,)))
    data["beatmaps"][0]["strip"] = strip(analysis)
    body = evidence(analysis, made[len(made) // 2])
    script = f"{viewer.script()}\nconst DATA = {json.dumps(data)}, BODY = {json.dumps(body)};\n{HOST}".replace(
        "</", "<\\/"
    )
    style = f"body {{ margin: 0 }} {viewer.style()}"
    return (
        f'<!doctype html><meta charset="utf-8"><style>{style}</style><main id="maimod"></main><script>{script}</script>'
    )


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (
        ("objects", 3000),
        ("findings", 300),
        ("inputs", 40),
        ("width", 1280),
        ("height", 800),
        ("slowdown", 1),
    ):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    from selenium import webdriver

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page(given.objects, given.findings), encoding="utf-8")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--window-size={given.width},{given.height}"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            driver.set_script_timeout(300)
            driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": given.slowdown})
            driver.get(file.as_uri())
            found = driver.execute_async_script(MEASURE, given.inputs)
        finally:
            driver.quit()
    print(
        f"{given.objects:,} objects, {given.findings} findings, {given.width}x{given.height}, slowdown {given.slowdown}"
    )
    print(f"{'input':26}{'median ms':>10}{'slowest':>10}")
    for name, times in found.items():
        print(f"{name:26}{sorted(times)[len(times) // 2]:>10.0f}{max(times):>10.0f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
