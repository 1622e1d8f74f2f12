"""What is fuzzed: each target makes a case of a random state."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import struct
import tomllib
import warnings
import xml.etree.ElementTree as ElementTree
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import maimod.linter.api as linting
from maimod.audio import decode, probe
from maimod.commands import baseline as known
from maimod.commands import config_file, merge, resolve
from maimod.errors import AudioError, BeatmapError, CheckpointError, MaimodError
from maimod.findings import BeatmapReport, Report, Shard
from maimod.linter.cache import Cache
from maimod.linter.session import Session
from maimod.linter.settings import Settings
from maimod.osu import discovery, parser
from maimod.reporters import REPORTERS
from maimod.reporters.json import as_json
from maimod.reporters.view import View
from maimod.rules import RULES
from tests.fuzz import mutate, seeds
from tests.fuzz.campaign import Broken, Case, Outcome

MAX_MESSAGE = 600
"""Letters: longer ones echo their input."""
Make = Callable[[Random], Case]


def one_line(message: str) -> None:
    """Check a message: one line of a moderate length, without characters that control a terminal."""
    if "\n" in message or "\r" in message:
        raise Broken(f"a message of several lines: {message[:80]!r}")
    if len(message) > MAX_MESSAGE:
        raise Broken(f"a message of {len(message) // 100}00 letters: {message[:60]!r}")


# ---------------------------------------------------------------------------------------------------------------------
# Reader


def reader(place: Path, more: Path | None) -> Make:
    """Bytes of a `.osu` file."""
    choices = seeds.more_beatmaps(more)

    def make(random: Random) -> Case:
        content = mutate.of_text(seeds.pick(choices, random), random, seeds.pick(choices, random))
        return Case(content, lambda: _read(content))

    return make


def _read(content: bytes) -> Outcome:
    try:
        beatmap = parser.parse(content)
    except BeatmapError as error:
        one_line(str(error))
        return Outcome(refused=True)
    for message in beatmap.messages:
        one_line(message)
    times = [time for o in beatmap.hit_objects for time in (o.time, o.end_time)]
    times += [point.time for point in beatmap.timing_points] + [
        time for one in beatmap.breaks for time in (one.start, one.end)
    ]
    if not all(map(math.isfinite, times)):
        raise Broken("a time that is not finite")
    numbers = object_lines(content)
    named = sum(
        int(found)
        for text in beatmap.messages
        for found in re.findall(r"skipped (\d+) (?:hit object|\[HitObjects\]) line", text)
    )
    if len(beatmap.hit_objects) + named != len(numbers):
        raise Broken("object lines are lost without a message")
    if not {o.line for o in beatmap.hit_objects} <= set(numbers):
        raise Broken("an object has the number of another line")
    return Outcome()


def object_lines(content: bytes) -> list[int]:
    """Numbers of the lines in `[HitObjects]` that hold something, counted without the reader."""
    if content.startswith(b"\xff\xfe") or content.startswith(b"\xfe\xff"):
        text = content.decode("utf-16", errors="replace")
    else:
        text = content.decode("utf-8-sig", errors="replace")
    numbers, section = [], ""
    for number, raw in enumerate(re.split("\r\n|\r|\n", text), start=1):
        line = raw.strip()
        bare = line if section == "Metadata" else re.sub("//.*", "", line).rstrip()
        if re.fullmatch(r"\[.*\]", bare, re.S) and not raw.startswith((" ", "_")):
            section = bare[1:-1].strip()
        elif section == "HitObjects" and line and not line.startswith("//"):
            numbers.append(number)
    return numbers


# ---------------------------------------------------------------------------------------------------------------------
# Lint


def lint(place: Path, more: Path | None) -> Make:
    """A folder of one or two mutated difficulties with a song, without the model."""
    return _lint(place, more, Session())


def lint_with_model(place: Path, more: Path | None) -> Make:
    """The same with the bundled model."""
    return _lint(place, more, Session(), Settings(device="cpu"))


def _lint(place: Path, more: Path | None, session: Session, settings: Settings | None = None) -> Make:
    choices = seeds.more_beatmaps(more)
    settings = settings or Settings(model=None)
    folder = place / "set"

    def make(random: Random) -> Case:
        names = ("a.osu", "b.osu")[: random.choice((1, 1, 2))]
        seed = seeds.pick(choices, random)
        texts = {name: mutate.of_text(seed, random, seeds.pick(choices, random)) for name in names}
        reporting = random.random() < 0.2

        def run() -> Outcome:
            _write(folder, {"audio.wav": seeds.song(), **texts})
            report = linting.lint([folder], settings, session=session).report()
            if [beatmap.path for beatmap in report.beatmaps] != list(names):
                raise Broken("a difficulty has no report")
            if reporting:
                check_formats(report)
            return outcome_of(report)

        return Case(b"\n=====\n".join(texts.values()), run)

    return make


def vanishing(place: Path, more: Path | None) -> Make:
    """A mapset whose files are deleted, cut or replaced by folders while it is linted."""
    folder, session = place / "set", Session()
    files = {name: content for name, content in seeds.archive_entries().items() if "/" not in name}
    files |= {"audio.wav": seeds.song(), "c.osu": seeds.beatmaps()[0]}

    def make(random: Random) -> Case:
        when, what, how = random.randrange(60), random.choice(list(files)), random.randrange(4)

        def run() -> Outcome:
            _write(folder, files)
            steps, reports = 0, list[BeatmapReport]()
            with closing(linting.lint([folder], Settings(model=None), session=session)) as items:
                for item in items:
                    if isinstance(item, BeatmapReport):
                        reports.append(item)
                    if steps == when:
                        _spoil(folder / what, how)
                    steps += 1
            if len(reports) != sum(name.endswith(".osu") for name in files):
                raise Broken("a difficulty has no report")
            return outcome_of(Report("", None, tuple(reports)))

        return Case(f"{when} {what} {how}".encode(), run)

    return make


def _spoil(path: Path, how: int) -> None:
    if how == 0:
        path.write_bytes(path.read_bytes()[:50])
        return
    path.unlink()
    if how == 1:
        path.mkdir()
    elif how == 2:
        path.write_bytes(b"")


def _write(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def outcome_of(report: Report) -> Outcome:
    """Check the messages of a report."""
    messages = [message for beatmap in report.beatmaps for message in beatmap.messages]
    for message in messages:
        one_line(message)
    for beatmap in report.beatmaps:
        if beatmap.status == "error" and not beatmap.messages:
            raise Broken("an error without a reason")
    refused = all(beatmap.status == "error" for beatmap in report.beatmaps)
    return Outcome(refused, tuple(message for message in messages if "(a bug" in message))


def check_formats(report: Report) -> None:
    """Write a report in every format, and read those that have a form."""
    for name, write in REPORTERS.items():
        out = io.StringIO()
        write(report, out, View(rules=RULES, plain=True))
        text = out.getvalue()
        if name in ("json", "sarif"):
            json.loads(text, parse_constant=_no_constant)
        if name == "junit":
            ElementTree.fromstring(text)


def _no_constant(name: str) -> None:
    raise Broken(f"JSON with {name}")


# ---------------------------------------------------------------------------------------------------------------------
# Archives


def archive(place: Path, more: Path | None) -> Make:
    """Bytes, or entries, of an archive beside a good map."""

    def make(random: Random) -> Case:
        content = _archive(random)

        def run() -> Outcome:
            inbox = place / "inbox"
            _write(inbox, {"set.osz": content, "good.osu": seeds.beatmaps()[0]})
            sources = discovery.find([inbox])
            if not any(entry.name == "good.osu" for source in sources for entry in source.entries):
                raise Broken("the map beside it is lost")
            (source,) = [source for source in sources if source.is_archive]
            if source.trouble:
                one_line(source.trouble)
                return Outcome(refused=True)
            shutil.rmtree(place / "out", ignore_errors=True)
            (place / "out").mkdir()
            try:
                with discovery.opened(source, place / "out") as (folder, messages):
                    return _unpacked(inbox / "set.osz", folder, messages)
            except BeatmapError as error:
                one_line(str(error))
                return Outcome(refused=True)

        return Case(content, run)

    return make


def _unpacked(path: Path, folder: Path, messages: Sequence[str]) -> Outcome:
    """Check what was unpacked: inside the folder, plain files, nothing lost in silence."""
    for message in messages:
        one_line(message)
        if any(not letter.isprintable() for letter in message):
            raise Broken("a message with characters that control a terminal")
    found = [one for one in folder.rglob("*") if not one.is_dir()]
    if any(one.is_symlink() or not one.is_file() for one in folder.rglob("*") if not one.is_dir()):
        raise Broken("not a plain file")
    if {one.name for one in folder.parent.iterdir()} != {folder.name}:
        raise Broken("a file outside the folder")
    with zipfile.ZipFile(path) as packed:
        listed = [one for one in packed.infolist() if not one.orig_filename.endswith("/")]
    if len(found) + len(messages) < len(listed):
        raise Broken("an entry is lost without a message")
    return Outcome(kind="entries left out" if messages else "")


def _archive(random: Random) -> bytes:
    if random.random() < 0.5:
        return mutate.of_bytes(seeds.archive(), random)
    file = io.BytesIO()
    entries = list(seeds.archive_entries().items())
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as packed:
        warnings.simplefilter("ignore")  # of duplicate names
        for name, content in entries:
            if random.random() < 0.4:
                name = random.choice((*_ODD_NAMES, name.upper(), random.choice(entries)[0], name + "/x", "../" + name))
            entry = zipfile.ZipInfo(name)
            entry.compress_type = random.choice((0, 8, 8, 8, 12, 14))
            if random.random() < 0.1:
                entry.external_attr = random.choice((0o120777, 0o060644, 0o040755, 0o104755)) << 16
            packed.writestr(entry, content)
    content = bytearray(file.getvalue())
    for _ in range(random.choice((0, 1, 3))):  # a field of a record: version, flags, method, date, CRC, sizes, lengths
        heads = [found.start() for found in re.finditer(rb"PK\x01\x02|PK\x03\x04|PK\x05\x06", content)]
        at = random.choice(heads) + random.randrange(4, 46)
        value = struct.pack("<H", random.choice((0, 1, 8, 0xFFFF, 0x800, random.randrange(65536))))
        content[at : at + 2] = value[: len(content) - at]
    return bytes(content)


_ODD_NAMES = (
    "",
    "/",
    "//",
    ".",
    "..",
    "a/..",
    "\\",
    "C:\\x.osu",
    "\0",
    "\0.osu",
    "a\0b",
    "CON",
    "a:b",
    "x" * 300,
    "a/" * 20 + "b",
    "\u202e.osu",
    "\x1b[2J.osu",
    " ",
    "a\nb.osu",
)


# ---------------------------------------------------------------------------------------------------------------------
# Songs


def song(place: Path, more: Path | None) -> Make:
    """Bytes of songs in all containers: decoding, probing, measuring."""

    def make(random: Random) -> Case:
        suffix, content = random.choice(list(seeds.songs().items()))
        content = mutate.of_bytes(content, random)
        path = place / f"song.{suffix}"

        def run() -> Outcome:
            path.write_bytes(content)
            probe.probe(path)
            probe.measure_sample(path)
            probe.picture_size(path)
            try:
                loaded = decode.load(path)
            except AudioError as error:
                one_line(str(error))
                return Outcome(refused=True)
            for message in loaded.messages:
                one_line(message)
            if not np.isfinite(loaded.samples).all() or not len(loaded.samples):
                raise Broken("samples that are not finite, or none")
            return Outcome(kind="short" if loaded.duration < 3900 and not loaded.messages else "")

        return Case(content, run)

    return make


# ---------------------------------------------------------------------------------------------------------------------
# Configurations


def configuration(place: Path, more: Path | None) -> Make:
    """Text, or values, of a `maimod.toml` beside a mapset."""

    def make(random: Random) -> Case:
        content = random.choice(seeds.CONFIGURATIONS)
        if random.random() < 0.5:
            content = mutate.of_text(content, random, random.choice(seeds.CONFIGURATIONS))
        else:
            content = toml(mutate.of_value(tomllib.loads(content.decode()), random)).encode("utf-8", "surrogatepass")

        def run() -> Outcome:
            path = place / config_file.NAME
            path.write_bytes(content)
            try:
                found, refused = resolve.restricted(config_file.load(path, is_found=True), {})
                for line in refused:
                    one_line(line)
                own = resolve.options_of(found, {}, list(RULES)).settings
            except MaimodError as error:
                one_line(str(error))
                if config_file.NAME not in str(error):
                    raise Broken(f"an error without the file: {error}") from None
                return Outcome(refused=True)
            own.key("Hard")
            return Outcome()

        return Case(content, run)

    return make


def toml(value: Any) -> str:
    """A table as TOML; what TOML cannot hold is written as JSON, which is then a mistake to be named."""

    def inline(one: Any) -> str:
        if isinstance(one, dict):
            return "{" + ", ".join(f"{json.dumps(str(key))} = {inline(inner)}" for key, inner in one.items()) + "}"
        if isinstance(one, list):
            return "[" + ", ".join(map(inline, one)) + "]"
        if isinstance(one, float) and not math.isfinite(one):
            return str(one)
        return json.dumps(one)

    if not isinstance(value, dict):
        return f"x = {inline(value)}\n"
    return "".join(f"{json.dumps(str(key))} = {inline(inner)}\n" for key, inner in value.items())


# ---------------------------------------------------------------------------------------------------------------------
# Baselines


def baseline(place: Path, more: Path | None) -> Make:
    """Values, or text, of a baseline, used with a report that it fits."""
    path = place / "baseline.json"
    folder = place / "set"
    _write(folder, {"audio.wav": seeds.song(), "a.osu": seeds.beatmaps()[0]})
    report = linting.lint([folder], Settings(model=None)).report()
    settings = [Settings(model=None)] * len(report.beatmaps)
    known.write(path, report, settings)
    whole = json.loads(path.read_text())
    whole["findings"] = whole["findings"][:5]

    def make(random: Random) -> Case:
        content = mutate.of_json(whole, random)

        def run() -> Outcome:
            path.write_bytes(content)
            try:
                found = known.load(path)
            except MaimodError as error:
                one_line(str(error))
                if path.name not in str(error):
                    raise Broken(f"an error without the file: {error}") from None
                return Outcome(refused=True)
            known.subtract(report, found, path)
            known.stale(report, found, path, settings)
            known.write(place / "new.json", report, settings, found)
            known.load(place / "new.json")
            return Outcome()

        return Case(content, run)

    return make


# ---------------------------------------------------------------------------------------------------------------------
# Entries of the cache


def cache(place: Path, more: Path | None) -> Make:
    """Values of an entry, compressed as it should be: the reports are complete, whatever it holds."""
    folder = place / "set"
    _write(folder, {"audio.wav": seeds.song(), "a.osu": seeds.beatmaps()[0], "b.osu": seeds.beatmaps()[1]})
    kept = Cache(place / "cache")
    settings = Settings(model=None)
    fresh = linting.lint([folder], settings, cache=kept).report()
    for beatmap in fresh.beatmaps:
        known.since_last_run(beatmap, settings, kept)
    found = {path: path.read_bytes() for path in kept.folder.rglob("*.z")}
    # Their names depend on the code, and with them what an order by name would make of a seed.
    entries = dict(sorted(found.items(), key=lambda one: zlib.decompress(one[1])))

    def make(random: Random) -> Case:
        path, packed = random.choice(list(entries.items()))
        value = json.loads(zlib.decompress(packed))
        content = (
            zlib.compress(json.dumps(mutate.of_value(value, random)).encode())
            if random.random() < 0.9
            else mutate.of_bytes(packed, random)
        )

        def run() -> Outcome:
            for other, whole in entries.items():
                other.write_bytes(whole)
            path.write_bytes(content)
            report = linting.lint([folder], settings, cache=kept).report()
            if [beatmap.path for beatmap in report.beatmaps] != ["a.osu", "b.osu"]:
                raise Broken("a difficulty has no report")
            for beatmap in report.beatmaps:
                known.since_last_run(beatmap, settings, kept)
            check_formats(report)
            return Outcome(refused=report == fresh, kind="" if report == fresh else "believed")

        return Case(content, run)

    return make


# ---------------------------------------------------------------------------------------------------------------------
# Checkpoints


def checkpoint(place: Path, more: Path | None) -> Make:
    """Values of a file of a checkpoint folder, or bytes of its weights: describing, loading, scoring."""
    from maimod.families import checkpoint as checkpoints
    from maimod.linter.models import load_networks
    from tests import checkpoints as build

    mini = build.mini(place / "mini")
    adapter = build.adapter(place / "adapter", mini)
    wholes = [build.write(place / "v30", "v30"), build.write(place / "v32", "v32", shards=2), mini, adapter]
    folder = place / "map"
    _write(folder, {"audio.wav": seeds.song(), "a.osu": seeds.beatmaps()[0]})

    def make(random: Random) -> Case:
        whole = random.choice(wholes)
        path = random.choice(
            [one for one in sorted(whole.iterdir()) if one.suffix == ".json" or random.random() < 0.3]
            or [whole / "config.json"]
        )
        content = path.read_bytes()
        if path.suffix == ".json" and random.random() < 0.9:
            content = json.dumps(mutate.of_value(json.loads(content), random)).encode()
        else:
            content = mutate.of_bytes(content[:200_000], random)

        def run() -> Outcome:
            spoilt = place / "spoilt"
            shutil.rmtree(spoilt, ignore_errors=True)
            shutil.copytree(whole, spoilt)
            (spoilt / path.name).write_bytes(content)
            settings = Settings(str(spoilt), "cpu")
            if whole == adapter:
                settings = Settings(str(mini), "cpu", lora=str(spoilt))
            try:
                for one in () if whole == adapter else checkpoints.describe_all(spoilt):
                    json.dumps(one.to_dict())
                    one.to_text()
                networks = load_networks(settings)
            except CheckpointError as error:
                one_line(str(error))
                if "spoilt" not in str(error) and "json" not in str(error):
                    raise Broken(f"an error without the file: {error}") from None
                return Outcome(refused=True)
            report = linting.lint([folder], settings, session=Session(load=lambda given: networks)).report()
            return outcome_of(report)

        return Case(content, run)

    return make


# ---------------------------------------------------------------------------------------------------------------------
# Reports to merge


def report(place: Path, more: Path | None) -> Make:
    """Values, or text, of a JSON report, joined with another one."""
    path = place / "report.json"
    folder = place / "set"
    _write(folder, {"audio.wav": seeds.song(), "a.osu": seeds.beatmaps()[0]})
    made = linting.lint([folder], Settings(model=None)).report()
    whole = as_json(replace(made, shard=Shard(1, 2, (0,))))
    whole["beatmaps"][0]["findings"] = whole["beatmaps"][0]["findings"][:5]
    other = Report(made.version, made.model, (), shard=Shard(2, 2))

    def make(random: Random) -> Case:
        content = mutate.of_json(whole, random)

        def run() -> Outcome:
            path.write_bytes(content)
            try:
                merged = merge.merged_of({"other.json": other, str(path): merge.read(path)})
            except MaimodError as error:
                one_line(str(error))
                return Outcome(refused=True)
            check_formats(merged)
            return Outcome()

        return Case(content, run)

    return make


TARGETS: dict[str, Callable[[Path, Path | None], Make]] = {
    "reader": reader,
    "lint": lint,
    "lint-with-model": lint_with_model,
    "vanishing": vanishing,
    "archive": archive,
    "song": song,
    "configuration": configuration,
    "baseline": baseline,
    "report": report,
    "cache": cache,
    "checkpoint": checkpoint,
}
"""By name: called with a folder to work in and a folder of further seeds."""
