"""The page: `maimod ui`. Input, a run, and the viewer of findings; everything else is the core's."""

from __future__ import annotations

import os
import sys


def main(path: str = "", port: int | None = None, browser: bool = True) -> int:
    """Serve the page on this machine until interrupted; returns an exit code.

    Args:
        path: what to lint first.
        port: to serve at; None takes the first free one from 7860 on.
        browser: whether to open the page in a browser.
    """
    # Before gradio is imported: it asks for neither usage statistics nor newer versions.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import gradio  # noqa: F401
    except ImportError:
        sys.stderr.write('maimod: the page needs gradio, which is not installed: pip install "maimod[ui]"\n')
        return 2
    from maimod.ui.page import serve

    return serve(path, port, browser)
