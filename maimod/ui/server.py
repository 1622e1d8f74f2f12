"""The page's server: gradio, which carries the calls and the uploads."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from importlib.resources import files
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from maimod import __version__
from maimod.commands.command_line import FAILED, say
from maimod.linter.cache import Cache, default_folder
from maimod.linter.models import MODELS_FOLDER
from maimod.linter.settings import BUNDLED_MODEL, LEAST_SCORE, LISTED_SCORE
from maimod.osu.folder import ARCHIVES, BEATMAP, PICTURES, SONGS, STORYBOARD
from maimod.osu.level import Level
from maimod.reporters import viewer
from maimod.ui.guard import MAX_UPLOAD_BYTES, Guard
from maimod.ui.page import NO_MODEL, Page
from maimod.ui.results import EXPORTS

HOST = "127.0.0.1"
"""Address of the server: loopback only."""
DEVICES = ("auto", "cpu", "cuda", "mps")
STABLE = (
    "AppData/Local/osu!/Songs",
    ".local/share/osu-wine/osu!/Songs",
    ".local/share/osu-stable/Songs",
    "Library/Application Support/osu-wine/drive_c/osu!/Songs",
)
"""Where osu! keeps its Songs folder, below the home folder."""
LAZER = ("AppData/Roaming/osu/exports", ".local/share/osu/exports", "Library/Application Support/osu/exports")
"""Where osu!lazer writes exported maps, below the home folder."""
MAPS = [BEATMAP, *ARCHIVES, *SONGS]
"""Endings of what is chosen file by file."""
UPLOADS = [*MAPS, STORYBOARD, *PICTURES, ".jpeg", ".mp4", ".avi", ".flv", ".mkv", ".webm"]
"""Endings of what may be uploaded: a whole mapset folder, so that none of its files seems to be missing."""
UPLOAD_LIFE_S = 3600
"""Age in seconds at which uploaded files are removed; the rest goes when the server ends."""
PRIVACY = (
    "Runs only on this computer: nothing is sent anywhere. Folders are listed so that you can choose, and only what you "
    "open is read. Maps are never changed."
)
EXAMPLE = Path(__file__).parents[2] / "examples" / "maimod example"
"""Mapset with planted mistakes; only in a checkout."""


def _models() -> list[str]:
    found = [path.parent.name for path in sorted(MODELS_FOLDER.glob("*/model.safetensors"))]
    return [*(found or [BUNDLED_MODEL]), NO_MODEL]


def build(page: Page, path: str = "") -> gr.Blocks:
    """Lay out the page: one element, which the script fills."""
    with gr.Blocks(
        title="maimod", analytics_enabled=False, fill_width=True, delete_cache=(UPLOAD_LIFE_S, UPLOAD_LIFE_S)
    ) as blocks:
        gr.HTML(
            "",
            html_template='<div class="mm mm-page"></div>',
            js_on_load=_script(path),
            elem_id="mm-page",
            apply_default_css=False,
            server_functions=page.calls,
        )
    return blocks


def _script(path: str) -> str:
    """The script of the page, with what it shows before the first call."""
    given = {
        "version": __version__,
        "privacy": PRIVACY,
        "path": path,
        "exports": list(EXPORTS),
        "models": _models(),
        "devices": DEVICES,
        "levels": [level.name.lower() for level in Level],
        "scores": [LISTED_SCORE, LEAST_SCORE, 0.5],
        "maps": MAPS,
        "most": MAX_UPLOAD_BYTES,
        "uploads": UPLOADS,
        "songs": next((str(Path.home() / place) for place in STABLE if (Path.home() / place).is_dir()), ""),
        "exported": next((str(Path.home() / place) for place in LAZER if (Path.home() / place).is_dir()), ""),
        "example": str(EXAMPLE) if EXAMPLE.is_dir() else "",
    }
    host = (files("maimod.ui") / "host.js").read_text(encoding="utf-8")
    return f"const GIVEN = {json.dumps(given)};\n{viewer.script()}\n{host}"


def _style() -> str:
    return viewer.style() + (files("maimod.ui") / "page.css").read_text(encoding="utf-8")


def serve(path: str, port: int | None, browser: bool) -> int:
    """Serve the page until interrupted, and return an exit code."""
    # Import torch in the background, so that the first run does not wait two seconds for it.
    threading.Thread(target=_warm_up, daemon=True).start()
    place = tempfile.TemporaryDirectory(prefix="maimod-ui-", ignore_cleanup_errors=True)
    os.environ["GRADIO_TEMP_DIR"] = place.name  # uploads end with the page
    blocks = build(Page(Cache(default_folder())), path)
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
