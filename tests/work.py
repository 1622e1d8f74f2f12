"""Count work: steps of the interpreter, so that tests of growth do not depend on the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(run: Callable[[], object]) -> int:
    """Instructions of Python that a call executes; work inside of numpy is not counted."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def growth(run: Callable[[int], object], size: int, times: int = 4) -> float:
    """How many times the work grows when the size grows `times` times: `times` if linear, its square if quadratic."""
    run(8)  # imports, tables, caches
    return steps(lambda: run(size * times)) / steps(lambda: run(size))
