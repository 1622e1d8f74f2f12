"""Completion by shells, also of what follows `--option=` and `key=`.

typer completes `--option value`. After `=` it offers the bare value, which only bash takes as the rest of the word, and
bash, for which `=` is a word of its own, is offered files as soon as a letter of the value is typed.
"""

from __future__ import annotations

from typing import Any

from typer._click.shell_completion import add_completion_class
from typer._completion_classes import BashComplete, FishComplete, PowerShellComplete, ZshComplete
from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]

FIRST_IN_ZSH = 'if [[ "$funcstack[1]" == _maimod ]]; then _maimod_completion "$@"; fi'
"""zsh runs the file `_maimod` at the first completion of a session: without this, that one would only define what completes the
next ones."""


class _AfterEquals:
    """Completes values after `=` too, mixed into the classes of typer."""

    def get_completions(self, args: list[str], incomplete: str) -> list[Any]:
        """Candidates for the last word, as typer's completion items."""
        if incomplete == "=":  # bash, right after it
            args, incomplete = [*args, "="], ""
        if len(args) > 1 and args[-1] == "=":
            name, equals = args[-2], ""
            args = args[:-2]
        else:
            name, equals, value = incomplete.partition("=")
            if not equals:
                return super().get_completions(args, incomplete)  # type: ignore[misc]
            incomplete = value
        option = name if name.startswith("-") else f"--{name.replace('_', '-')}"
        items = super().get_completions([*args, option], incomplete)  # type: ignore[misc]
        for item in items if equals else ():
            item.value = f"{name}={item.value}"
        return items


def script(shell: str, variable: str) -> str:
    """The script for a shell that calls maimod with `variable` set."""
    text: str = get_completion_script(prog_name="maimod", complete_var=variable, shell=shell)
    return f"{text}\n{FIRST_IN_ZSH}" if shell == "zsh" else text


def register() -> None:
    """Make typer answer the scripts of `maimod completion`."""
    completion_init()
    for name, base in (
        ("bash", BashComplete),
        ("zsh", ZshComplete),
        ("fish", FishComplete),
        ("powershell", PowerShellComplete),
        ("pwsh", PowerShellComplete),
    ):
        add_completion_class(type(base.__name__, (_AfterEquals, base), {}), name)
