"""The Gradio page around the viewer: inputs, progress, and the viewer's server functions."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import wraps
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from maimod import __version__
from maimod.commands.baseline import load as load_baseline
from maimod.commands.command_line import FAILED, say
from maimod.commands.options import discover
from maimod.commands.resolve import restricted
from maimod.errors import BeatmapError, ConfigError, UsageError
from maimod.linter.cache import Cache, default_folder
from maimod.linter.models import MODELS_FOLDER
from maimod.linter.settings import BUNDLED_MODEL, Settings
from maimod.osu import discovery, parser
from maimod.osu.archive import is_archive
from maimod.osu.discovery import Entry, Source
from maimod.osu.folder import Folder
from maimod.reporters import viewer
from maimod.ui.guard import MAX_UPLOAD_BYTES, Guard
from maimod.ui.jobs import Job
from maimod.ui.results import EXPORTS, Gone, Result, Results

HOST = "127.0.0.1"
"""Address of the server: loopback only."""
NO_MODEL = "none: only exact rules and the song"
DEVICES = ("auto", "cpu", "cuda", "mps")
MAX_RECENT = 12
MAX_DIFFICULTIES = 60
"""Most difficulties at once; their songs and scores stay in memory, some 25 MB each."""
STEP_S = 0.15
"""Seconds between two checks of a running lint."""
UPLOADS = [".osu", ".osz", ".olz", ".mp3", ".ogg", ".wav", ".flac", ".opus", ".m4a"]
UPLOAD_LIFE_S = 3600
"""Age in seconds at which uploaded files are removed; the rest goes when the server ends."""
PRIVACY = (
    "Runs only on this computer: nothing is sent anywhere, and only the paths and files you give are read. "
    "Maps are never changed."
)


class Page:
    """State that the handlers of all open pages share."""

    def __init__(self, cache: Cache | None = None) -> None:
        self.cache = cache
        self.results = Results()
        self.jobs: dict[str, Job] = {}
        """Running lints by session."""

    # Functions called by the viewer. Gradio passes one value and returns one.

    def load(self, name: str) -> dict[str, Any]:
        """Return all data of a result."""
        return _answer(lambda: self.results[name].data())

    def evidence(self, asked: dict[str, str]) -> dict[str, Any]:
        """Return the evidence HTML of a finding."""
        return _answer(lambda: self.results[asked["run"]].evidence(asked["key"]))

    def clip(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the song around a finding."""
        return _answer(lambda: self.results[asked["run"]].clip(asked["key"], bool(asked["clicks"])))

    def export(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return a report of chosen findings."""
        return _answer(lambda: self.results[asked["run"]].export(asked["format"], asked["keys"]))

    def outdated(self, name: str) -> bool:
        """Return whether a beatmap of the result was saved since."""
        try:
            return self.results[name].is_outdated()
        except Gone:
            return False

    def mark(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Store the mapper's mark on a finding."""
        return _answer(lambda: self.results[asked["run"]].mark(asked["key"], asked["state"]))

    # Handlers of the inputs.

    def difficulties(self, path: str) -> Any:
        """Choices of the difficulty picker for a path; empty for a folder of several mapsets."""
        given = Path(_cleaned(path))
        choices: list[tuple[str, str]] = []
        if _cleaned(path) and (is_archive(given) or (given.is_dir() and Folder(given).beatmaps())):
            try:
                sources = discovery.find([given])
            except UsageError:
                sources = []
            choices = [(_difficulty(source, entry), entry.location) for source in sources for entry in source.entries]
        return gr.update(
            choices=choices if len(choices) <= MAX_DIFFICULTIES else [], value=[], visible=len(choices) > 1
        )

    def run(
        self,
        path: str,
        picked: list[str],
        baseline: str,
        model: str,
        device: str,
        recent: list[str] | None,
        request: gr.Request,
    ) -> Iterator[tuple[Any, ...]]:
        """Lint with progress; yields (status, result, recent paths, run button, cancel button)."""
        session = request.session_hash or ""
        given = _cleaned(path)
        recent = recent or []
        idle = (gr.update(interactive=True), gr.update(visible=False))
        try:
            sources = _sources(given, picked)
            accepted = _baseline(sources, _cleaned(baseline))
        except (UsageError, ConfigError) as error:
            yield _status(str(error), "error"), gr.skip(), recent, *idle
            return
        # Starting a second run cancels the first.
        if session in self.jobs:
            self.jobs[session].cancel()
        job = self.jobs[session] = Job(sources, _settings(model, device), self.cache)
        job.start()
        busy = (gr.update(interactive=False), gr.update(visible=True))
        yield _status("Starting"), gr.skip(), recent, *busy
        try:
            while not job.wait(STEP_S) and not job.cancelled:
                yield _progress(job), gr.skip(), recent, *busy
        finally:
            # Also reached when the page is closed during the run.
            job.cancel()
            is_last = self.jobs.get(session) is job
            if is_last:
                del self.jobs[session]
        if not is_last:  # another run has taken its place on the page
            return
        if job.report is None:
            yield _status(job.trouble or "Cancelled.", "error" if job.trouble else ""), gr.skip(), recent, *idle
            return
        if all(beatmap.status == "error" for beatmap in job.report.beatmaps):
            yield _status(" ".join(job.report.beatmaps[0].messages), "error"), gr.skip(), recent, *idle
            return
        name = self.results.keep(
            Result(
                sources,
                job.report,
                job.effective,
                job.analyses,
                job.ask,
                job.deltas,
                accepted,
                is_read_only=not _cleaned(baseline),
                session=session,
            )
        )
        if not given.startswith(os.environ["GRADIO_TEMP_DIR"]):  # dropped files are removed with the page
            recent = [given, *(one for one in recent if one != given)][:MAX_RECENT]
        yield _status(_summary(job), "done"), json.dumps({"run": name}), recent, *idle

    def cancel(self, request: gr.Request) -> None:
        """Stop the run of a page; the run itself updates the status."""
        job = self.jobs.get(request.session_hash or "")
        if job is not None:
            job.cancel()

    def close(self, request: gr.Request) -> None:
        """End the run and drop the results of a closed page."""
        session = request.session_hash or ""
        if session in self.jobs:
            self.jobs.pop(session).cancel()
        self.results.forget(session)


def _served(ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap a method in a function, because gradio sets attributes on it."""

    @wraps(ask)
    def served(asked: Any) -> Any:
        return ask(asked)

    return served


def _answer(ask: Any) -> dict[str, Any]:
    """The result, or a line that says why there is none."""
    try:
        return {"value": ask()}
    except (Gone, ConfigError, OSError) as error:
        return {"trouble": str(error)}
    except Exception as error:
        return {"trouble": f"unexpected {type(error).__name__}: {error}"}


def _cleaned(path: str) -> str:
    """Clean a typed or pasted path: Explorer's "Copy as path" adds quotes."""
    path = (path or "").strip()
    return path[1:-1] if len(path) > 1 and path[0] == path[-1] and path[0] in "'\"" else path


def _sources(given: str, picked: Sequence[str]) -> list[Source]:
    """Return the sources to lint: the picked difficulties if they belong to the path, else all.

    Raises:
        UsageError: if there is nothing to lint, or more than a page can keep.
    """
    if not given:
        raise UsageError("Enter a mapset folder, a .osu file or a .osz archive, or drop one above.")
    sources = discovery.find([given])
    chosen = [
        replace(source, entries=tuple(entry for entry in source.entries if entry.location in picked))
        for source in sources
    ]
    sources = [source for source in chosen if source.entries] or sources
    count = sum(len(source.entries) for source in sources)
    if count > MAX_DIFFICULTIES:
        raise UsageError(
            f"{given} holds {count} difficulties, more than a page can keep ({MAX_DIFFICULTIES}): name one mapset. "
            "maimod check takes them all."
        )
    return sources


def _baseline(sources: Sequence[Source], given: str) -> Path | None:
    """Path of the baseline file: as given, relative to the mapset, else from the mapset's configuration.

    Raises:
        ConfigError: if it is not a baseline file, or the configuration is wrong.
    """
    first = sources[0]
    folder = first.path.parent if first.is_archive else first.path
    config, _ = restricted(discover(folder), {})
    path = folder / given if given else config.values.get("baseline")
    if path is not None and path.suffix.lower() != ".json":
        raise ConfigError(f"{path}: a baseline is a .json file")
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no such folder")
    if path is not None and path.exists():
        load_baseline(path)
    return path


def _difficulty(source: Source, entry: Entry) -> str:
    """Name of a difficulty; for one in an archive, taken from its file name."""
    if source.is_archive:
        found = re.search(r"\[(.*)\]\.osu$", entry.inner)
        return found[1] if found else entry.inner
    try:
        return parser.load(source.path / entry.inner).metadata.get("Version") or entry.inner
    except BeatmapError:
        return f"{entry.inner} (unreadable)"


def _summary(job: Job) -> str:
    assert job.report is not None
    count, maps = len(job.report.findings), len(job.report.beatmaps)
    text = f"{count} finding{'s' * (count != 1)} in {maps} difficult{'ies' if maps != 1 else 'y'}"
    if job.deltas:
        new, gone = (sum(len(getattr(delta, name)) for delta in job.deltas.values()) for name in ("new", "resolved"))
        text += f"; since the last run {new} new, {gone} resolved"
    return text + "."


def _settings(model: str, device: str) -> Settings:
    return Settings(model=None if model == NO_MODEL else model or BUNDLED_MODEL, device=device)


def _models() -> list[str]:
    found = [path.parent.name for path in sorted(MODELS_FOLDER.glob("*/model.safetensors"))]
    return [*(found or [BUNDLED_MODEL]), NO_MODEL]


def _status(text: str, kind: str = "", share: float | None = None) -> str:
    bar = "" if share is None else f'<progress max="1" value="{share:.3f}"></progress>'
    return f'<div class="mm-run {kind}" role="status">{bar}<span>{escape(text)}</span></div>'


def _progress(job: Job) -> str:
    if job.waiting:
        return _status("Waiting for another page's run to end")
    progress = job.progress
    if progress is None:
        return _status("Loading the model")
    return _status(
        f"{progress.stage}: {progress.beatmap} ({int(progress.done) + 1} of {int(progress.total)})",
        "",
        progress.done / max(progress.total, 1),
    )


def _gathered(uploaded: list[str] | None) -> str:
    """Put uploaded files into one folder, so that a map finds its song, and return the path to lint."""
    if not uploaded:
        return ""
    if len(uploaded) == 1 and is_archive(Path(uploaded[0])):
        return uploaded[0]
    folder = Path(tempfile.mkdtemp(dir=os.environ["GRADIO_TEMP_DIR"]))
    for path in uploaded:
        shutil.copy(path, folder / Path(path).name)
    return str(folder)


def build(page: Page, path: str = "") -> gr.Blocks:
    """Lay out the page."""
    with gr.Blocks(
        title="maimod", analytics_enabled=False, fill_width=True, delete_cache=(UPLOAD_LIFE_S, UPLOAD_LIFE_S)
    ) as blocks:
        recent = gr.BrowserState([], storage_key="maimod-recent", secret="maimod")
        gr.HTML(f'<div class="mm-brand"><b>maimod</b> <span>{__version__}</span> <p>{PRIVACY}</p></div>')
        with gr.Row(equal_height=True, elem_classes="mm-input"):
            with gr.Column(scale=6, min_width=400):
                place = gr.Textbox(
                    path,
                    label="Mapset folder, .osu or .osz",
                    placeholder="Paste a path and press Enter",
                    elem_id="mm-path",
                    lines=1,
                    max_lines=1,
                )
                with gr.Row():
                    lately = gr.Dropdown(
                        [], label="Recent", value=None, elem_id="mm-recent", interactive=True, visible=False, scale=1
                    )
                    picked = gr.Dropdown(
                        [],
                        label="Difficulties (none chosen: all)",
                        multiselect=True,
                        visible=False,
                        scale=2,
                        elem_id="mm-difficulties",
                    )
                    baseline = gr.Textbox(
                        label="Baseline",
                        placeholder="optional .json file",
                        elem_id="mm-baseline",
                        lines=1,
                        max_lines=1,
                        scale=1,
                    )
            upload = gr.File(
                label="Drop .osz, or .osu and song",
                file_count="multiple",
                file_types=UPLOADS,
                scale=2,
                min_width=210,
                height=112,
                elem_id="mm-upload",
            )
            with gr.Column(scale=3, min_width=300):
                with gr.Row():
                    model = gr.Dropdown(
                        _models(), value=_models()[0], label="Model", allow_custom_value=True, min_width=160, scale=2
                    )
                    device = gr.Dropdown(
                        list(DEVICES), value="auto", label="Device", min_width=90, allow_custom_value=True, scale=1
                    )
                with gr.Row():
                    go = gr.Button("Run", variant="primary", elem_id="mm-go", min_width=90)
                    stop = gr.Button("Cancel", visible=False, elem_id="mm-stop", min_width=90)
                again = gr.Checkbox(False, label="Run again when a map is saved", elem_id="mm-again", container=False)
        status = gr.HTML(_status("Enter a mapset or drop it above, then Run."), elem_id="mm-status")
        asks = [_served(ask) for ask in (page.load, page.evidence, page.clip, page.export, page.mark)]
        shown = gr.HTML(
            "",
            html_template='<div class="mm-root"></div>',
            js_on_load=_script(),
            elem_id="mm-viewer",
            apply_default_css=False,
            server_functions=asks,
        )
        current = gr.State("")
        timer = gr.Timer(1.0, active=False)

        discovery, outputs = [place, picked, baseline, model, device, recent], [status, shown, recent, go, stop]
        quietly: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None}
        for event in (place.blur, place.submit):
            event(page.difficulties, place, picked, **quietly)
        for event in (go.click, place.submit):
            event(page.run, discovery, outputs, trigger_mode="multiple", **quietly)
        for chosen in (
            upload.upload(_gathered, upload, place, **quietly),
            lately.input(lambda path: path or "", lately, place, **quietly),
        ):
            chosen.then(page.difficulties, place, picked, **quietly).then(page.run, discovery, outputs, **quietly)
        stop.click(page.cancel, None, None, **quietly)
        gr.on(
            [recent.change, blocks.load],
            lambda known: gr.update(choices=known or [], visible=bool(known), value=None),
            recent,
            lately,
            **quietly,
        )
        shown.change(lambda value: json.loads(value or "{}").get("run", ""), shown, current, **quietly)
        again.change(lambda on: gr.Timer(active=on), again, timer, **quietly)
        saved = gr.Textbox(visible=False)
        timer.tick(
            lambda name: str(time.time()) if name and page.outdated(name) else gr.skip(), current, saved, **quietly
        )
        saved.change(page.run, discovery, outputs, **quietly)
        if path:
            blocks.load(page.difficulties, place, picked, **quietly).then(page.run, discovery, outputs, **quietly)
        blocks.unload(page.close)
    return blocks


def _script() -> str:
    host = (files("maimod.ui") / "host.js").read_text(encoding="utf-8")
    return f"const EXPORTS = {json.dumps(list(EXPORTS))};\n{viewer.script()}\n{host}"


def _style() -> str:
    return viewer.style() + (files("maimod.ui") / "page.css").read_text(encoding="utf-8")


def serve(path: str = "", port: int | None = None, browser: bool = True) -> int:
    """Serve the page until interrupted, and return an exit code."""
    # Import torch in the background, so that the first run does not wait two seconds for it.
    threading.Thread(target=_warm_up, daemon=True).start()
    place = tempfile.TemporaryDirectory(prefix="maimod-ui-", ignore_cleanup_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = place.name  # uploads end with the page
    blocks = build(Page(Cache(default_folder())), path)
    blocks.queue(default_concurrency_limit=8)
    font = ["system-ui", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif"]
    theme = gr.themes.Base(
        primary_hue="pink", neutral_hue="slate", font=font, font_mono=["ui-monospace", "Menlo", "monospace"]
    )
    try:
        blocks.launch(
            server_name=HOST,
            server_port=port,
            inbrowser=browser,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            theme=theme,
            css=_style(),
            footer_links=[],
            ssr_mode=False,
            mcp_server=False,
            pwa=False,
            enable_monitoring=False,
            allowed_paths=[],
            max_file_size=MAX_UPLOAD_BYTES,
            app_kwargs={"middleware": [Middleware(Guard, uploads=Path(place.name), suffixes=frozenset(UPLOADS))]},
            strict_cors=True,
        )
    except OSError:
        place.cleanup()
        say(
            f"port {port} is taken; choose another with --port"
            if port
            else "no port from 7860 on is free; choose one with --port"
        )
        return FAILED
    print(f"maimod {__version__}: {blocks.local_url} (Ctrl+C ends it)", flush=True)
    try:
        blocks.block_thread()
    except KeyboardInterrupt:
        pass
    finally:
        blocks.close(verbose=False)
        place.cleanup()
    return 0


def _warm_up() -> None:
    import maimod.families.scoring  # noqa: F401
