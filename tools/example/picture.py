"""The background of the maps."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from maimod.evidence.svg import png_of_chunks


def picture() -> bytes:
    """The background: an evening sky of 1280 x 720 as PNG."""
    top, bottom = np.array([24.0, 28.0, 68.0]), np.array([226.0, 122.0, 92.0])
    share = np.linspace(0.0, 1.0, 720)[:, None] ** 1.5
    rows = np.rint(top + (bottom - top) * share).astype(np.uint8)
    pixels = b"".join(b"\0" + row.tobytes() * 1280 for row in rows)
    header = struct.pack(">IIBBBBB", 1280, 720, 8, 2, 0, 0, 0)
    return png_of_chunks([(b"IHDR", header), (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", b"")])
