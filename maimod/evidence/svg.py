"""Helpers that write SVG elements and PNG images."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable
from html import escape

import numpy as np


def number(value: float) -> str:
    """Format a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0").replace("-0.", "-.") if abs(value) >= 0.05 else "0"


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """Write an element. Attributes that are None are left out; `_` in a name becomes `-`, a trailing `_` is removed
    (`class_`)."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def text(content: str, **attributes: str | float | None) -> str:
    """Write a text element."""
    return element("text", escape(content), **attributes)


def polyline(points: Iterable[tuple[float, float]]) -> str:
    """Write the `d` attribute of a path through points."""
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)


def thin(vertices: np.ndarray, tolerance: float) -> np.ndarray:
    """Leave out vertices (n, 2) that lie within `tolerance` of the line without them (Ramer, Douglas, Peucker)."""
    keep = np.zeros(len(vertices), dtype=bool)
    keep[[0, -1]] = True
    stack = [(0, len(vertices) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        along = vertices[last] - vertices[first]
        offsets = vertices[first + 1 : last] - vertices[first]
        length = float(np.hypot(*along))
        distances = (
            np.abs(along[0] * offsets[:, 1] - along[1] * offsets[:, 0]) / length if length else np.hypot(*offsets.T)
        )
        far = int(distances.argmax())
        if distances[far] > tolerance:
            middle = first + 1 + far
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    return vertices[keep]


def palette(stops: Iterable[tuple[float, str]]) -> np.ndarray:
    """Interpolate colours `#rrggbb` at positions from 0 to 1 to a palette of (256, 3) bytes."""
    places, colours = zip(*stops, strict=True)
    channels = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours], dtype=float)
    at = np.linspace(0, 1, 256)
    return np.stack([np.interp(at, places, channels[:, i]) for i in range(3)], axis=-1).round().astype(np.uint8)


def png(indices: np.ndarray, colours: np.ndarray, opacities: np.ndarray | None = None) -> bytes:
    """Encode a PNG from palette indices (height, width) uint8, colours (n, 3) uint8 and opacities (n,).

    Source: https://www.w3.org/TR/png-3/ (one IDAT, no filters). Twelve lines, so no imaging library is needed.
    """
    height, width = indices.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with its filter type
    rows[:, 1:] = indices
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = [(b"PLTE", colours.astype(np.uint8).tobytes())]
    if opacities is not None:
        palette.append((b"tRNS", opacities.astype(np.uint8).tobytes()))
    return png_of_chunks([(b"IHDR", header), *palette, (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")])


def png_of_chunks(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A PNG of (kind, content) of each chunk."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def data_url(content: bytes, kind: str = "image/png") -> str:
    """Encode bytes as a `data:` URL."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
