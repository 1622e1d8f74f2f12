"""The local web page of `maimod ui`: inputs, a run, and the findings viewer."""

from __future__ import annotations

import os
import sys


def main(path: str = "", port: int | None = None, browser: bool = True) -> int:
    """Serve the page on this computer until interrupted, and return an exit code.

    Args:
        path: mapset, .osu or .osz to fill in.
        port: to serve at; None takes the first free one from 7860 on.
        browser: whether to open the page in a browser.
    """
    # Before gradio is imported: no usage statistics, no search for newer versions.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import gradio  # noqa: F401
    except ImportError:
        # What uv and pipx install has no pip, and outside of it pip knows no maimod.
        how = 'pip install "maimod[ui]"; where uv or pipx installed maimod, its line with [ui] in the README'
        sys.stderr.write(f"maimod: the page needs gradio, which is not installed: {how}\n")
        return 2
    from maimod.ui.server import serve

    return serve(path, port, browser)
