"""Resolve the options of a check from the command line and the configuration files.

The command line overrides a configuration file, which overrides the default. Options of the whole run come from the
configuration above all paths, settings of the lint from the nearest one of each mapset.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from maimod.commands.command_line import outputs_of, say, suggest
from maimod.commands.config_file import Config, discover, load, places
from maimod.commands.options import PRESETS, CheckOptions, Declared, declared
from maimod.commands.shards import numbers_of
from maimod.errors import UsageError, short
from maimod.findings import Severity
from maimod.linter.cache import Cache, default_folder
from maimod.linter.settings import Names, Override, Settings
from maimod.osu.folder import NEVER_WRITTEN
from maimod.reporters.view import Output, View

if TYPE_CHECKING:
    from maimod.linter.limits import Limits
    from maimod.osu.discovery import Source
    from maimod.rules.base import Rule


STDIN = "-"
"""The path that means a `.osu` file on stdin."""
FOR_THE_MODEL = ("lora", "difficulty", "mapper_id", "year", "descriptors")
"""Options that only a model reads."""
LEAST_MEMORY = 300
"""MB. With less, a process cannot even load the libraries, or ends in the middle of one."""


class Check(msgspec.Struct, frozen=True):
    """The resolved options of a check."""

    paths: tuple[str, ...]
    options: CheckOptions
    """Options of the run: the command line, completed by the configuration above all paths."""
    typed: Mapping[str, Any]
    """Options given on the command line, by name."""
    config: Config
    """The configuration above all paths."""
    outputs: tuple[Output, ...]
    view: View
    limits: Limits
    """Limits that were given, for processes of their own."""
    watched: Limits
    """Limits by default."""
    cache: Cache | None

    @property
    def settings(self) -> Settings:
        """Settings of the lint, without the mapsets' own configurations."""
        return self.options.settings

    def settings_of(self) -> Callable[[Source], Settings]:
        """A function from a source to its settings; it reads each configuration once."""
        return settings_of(self.typed, self.settings, self.view.rules, named_config(self.typed))

    def configurations(self, source: Source) -> list[Path]:
        """Files that the settings of a source are read from, or would be if they were there."""
        if self.typed.get("config"):
            return [Path(self.typed["config"])]
        return [] if self.typed.get("isolated") else places(_folder_of(source))


def resolve(paths: Sequence[str], typed: Mapping[str, Any]) -> Check:
    """Combine the options of the command line and the configuration.

    Args:
        paths: paths to lint.
        typed: options given on the command line, by name.

    Raises:
        UsageError: if an option is invalid; raised before anything slow begins.
    """
    from maimod.linter.limits import Limits
    from maimod.rules import RULES

    if typed.get("isolated") and typed.get("config"):
        raise UsageError("--isolated and --config exclude each other")
    if typed.get("no_model") and (unused := [declared()[name].flag for name in FOR_THE_MODEL if name in typed]):
        say(f"--no-model: no model reads {', '.join(unused)}")
    typed = {**PRESETS[typed.get("preset")], **typed}
    config = named_config(typed)
    if config is None:
        config, refused = restricted(discover(_common_folder(paths)), typed)
        for line in refused:
            say(line)
    options = options_of(config, typed, list(RULES))
    given = {name: getattr(options, name) or None for name in ("timeout", "memory")}
    by_default = {name: given.pop(name) for name in list(given) if name not in typed and name not in config.values}
    check = Check(
        paths=tuple(paths),
        options=options,
        typed=typed,
        config=config,
        outputs=tuple(outputs_of(options.format, paths)),
        view=_view(options, RULES),
        limits=Limits(given.get("timeout"), given.get("memory")),
        watched=Limits(by_default.get("timeout"), by_default.get("memory")),
        cache=None if options.no_cache else _cache(options),
    )
    _refuse_contradictions(check)
    return check


def _view(options: CheckOptions, rules: Mapping[str, Rule]) -> View:
    return View(
        min_severity=options.min_severity,
        max_findings=options.max_findings,
        statistics=options.statistics,
        quiet=options.quiet,
        plain=options.raw_output,
        verbose=options.verbose,
        fail_on=None if options.fail_on == "never" else Severity(options.fail_on),
        rules=rules,
    )


def _cache(options: CheckOptions) -> Cache:
    return Cache(options.cache_dir or default_folder(), options.cache_size << 20 if options.cache_size else None)


def _refuse_contradictions(check: Check) -> None:
    """Raise UsageError for options that exclude each other."""
    options = check.options
    is_chosen = "select" in check.typed or "ignore" in check.typed
    if is_chosen and not options.overrides and not any(map(options.selects, check.view.rules)):
        raise UsageError("--select and --ignore leave no rule")
    if options.write_baseline:
        writable_baseline(check, "--write-baseline")
    if options.baseline is not None and options.baseline.suffix.lower() in NEVER_WRITTEN:
        raise UsageError(f"--baseline {options.baseline}: would overwrite a file of a map; maimod never changes one")
    if 0 < options.memory < LEAST_MEMORY:
        raise UsageError(
            f"--memory {options.memory}: maimod itself takes most of {LEAST_MEMORY} MB; give that or more, or 0 for no limit"
        )
    if options.new_only and check.cache is None:
        raise UsageError("--new-only needs the cache, which remembers the last run")
    if STDIN in check.paths:
        if check.paths != (STDIN,):
            raise UsageError("-: stdin is the only path, where it is one")
        if given := _flags_given(options, "watch", "new_only", "diff", "shard", "scheduler"):
            raise UsageError(f"-: stdin cannot be divided, or compared with a later or earlier run ({given})")
    if options.diff and (given := _flags_given(options, "watch", "new_only", "write_baseline")):
        raise UsageError(f"--diff and {given} exclude each other")
    if options.scheduler and (given := _flags_given(options, "watch", "diff")):
        raise UsageError(f"--scheduler and {given} exclude each other")
    if options.shard:
        numbers_of(options.shard)
        if given := _flags_given(options, "watch", "write_baseline"):
            raise UsageError(f"--shard and {given} exclude each other")
    if options.watch and any(output.name != "console" and output.file is None for output in check.outputs):
        raise UsageError("--watch writes to the console; send other formats to files, as in --format json:report.json")


def writable_baseline(check: Check, asker: str) -> Path:
    """The baseline to write; a configuration that was found, which may come with somebody else's map, names none.

    Args:
        check: the options.
        asker: what wants to write it, for the error.

    Raises:
        UsageError: if no file is named that may be written.
    """
    path = check.options.baseline
    if path is None or ("baseline" not in check.typed and check.config.is_found):
        read_only = (
            "" if path is None else f"; what {check.config.path} names is only read, unless --config names that too"
        )
        raise UsageError(f"{asker}: name the file with --baseline FILE{read_only}")
    return path


def _flags_given(options: CheckOptions, *names: str) -> str:
    """The flags of the options among `names` that have a value, with commas."""
    return ", ".join(declared()[name].flag for name in names if getattr(options, name))


def dump(check: Check) -> dict[str, Any]:
    """The resolved options as JSON values."""
    values = {one.name: getattr(check.options, one.name) for one in fields(check.options)}
    values |= {one.name: getattr(check.settings, one.name) for one in fields(check.settings)}
    values |= {
        "config": check.config.path,
        "format": [str(output) for output in check.outputs],
        "cache_dir": check.cache and check.cache.folder,
    }
    return dict(msgspec.to_builtins(values, enc_hook=str))


# ---------------------------------------------------------------------------------------------------------------------
# Command line and configuration


def named_config(typed: Mapping[str, Any]) -> Config | None:
    """The single configuration to use, empty for none; None means the nearest of each mapset."""
    path = typed.get("config")  # before `isolated`, which may come from a preset
    if path:
        return load(path)
    return Config() if typed.get("isolated") else None


def options_of(config: Config, typed: Mapping[str, Any], rules: Sequence[str]) -> CheckOptions:
    """The options of the command line, completed by a configuration and the defaults.

    Raises:
        UsageError: if one of them names an unknown rule.
    """
    values = {name: value for name, value in config.values.items() if name not in typed}
    if "model" in typed:
        values.pop("no_model", None)
    own = _with_rules(values, rules, lambda one: f"{config.path}: {one.key}")
    if "overrides" in own:
        own["overrides"] = tuple(_override(one, typed, rules, f"{config.path}") for one in own["overrides"])
    return CheckOptions(**own, **_with_rules(typed, rules, lambda one: one.flag))


def _override(override: Override, typed: Mapping[str, Any], rules: Sequence[str], place: str) -> Override:
    """An override without the settings that the command line gives."""
    values = {name: getattr(override, name) for name in declared(Override) if name not in typed or name == "pattern"}
    return Override(
        **_with_rules(values, rules, lambda one: f"{place}: override {short(repr(override.pattern))}: {one.key}")
    )


def _with_rules(values: Mapping[str, Any], rules: Sequence[str], name_of: Callable[[Declared], str]) -> dict[str, Any]:
    """Split lists of rules at commas. A prefix without a rule is refused, because it would select or ignore nothing.

    Raises:
        UsageError: if a prefix matches no rule.
    """
    checked = dict(values)
    for name, value in values.items():
        one = declared().get(name)
        if one is None or not one.option.are_rules:
            continue
        is_table = bool(value) and not isinstance(value[0], str)
        if not is_table:
            checked[name] = tuple(part.strip() for text in value for part in text.split(",") if part.strip())
        for prefix in [key for key, _ in value] if is_table else checked[name]:
            if not any(rule.startswith(prefix) for rule in rules):
                raise UsageError(f"{name_of(one)} {short(prefix)}: no such rule{suggest(prefix, rules)}")
    return checked


def settings_of(
    typed: Mapping[str, Any], run: Settings, rules: Iterable[str], only: Config | None = None
) -> Callable[[Source], Settings]:
    """A function from a source to its settings.

    Args:
        typed: options given on the command line, by name.
        run: settings of the run, which give the model and its device.
        rules: ids of all rules.
        only: the single configuration to use; None: the nearest of each source.
    """
    known: dict[Path, Settings] = {}
    of_run = {one.name: getattr(run, one.name) for one in declared(Settings).values() if one.option.is_for_run}

    def of(source: Source) -> Settings:
        folder = _folder_of(source)
        if folder not in known:
            config = discover(folder) if only is None else only
            known[folder] = replace(options_of(config, typed, list(rules)).settings, **of_run)
        return known[folder]

    return of


def _folder_of(source: Source) -> Path:
    """The folder from which the configuration of a source is looked for upwards."""
    return Path() if source.is_lone else source.path.parent if source.is_archive else source.path


def _common_folder(paths: Sequence[str]) -> Path:
    """Common folder of all paths."""
    folders = [path if os.path.isdir(path) else path.parent for path in (Path(os.path.abspath(path)) for path in paths)]
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # different drives
        return folders[0]


# ---------------------------------------------------------------------------------------------------------------------
# Discovered configurations may come with maps of unknown people and are not trusted


def restricted(config: Config, typed: Mapping[str, Any]) -> tuple[Config, list[str]]:
    """Restrict a configuration found beside maps: it may not write, open files outside its folder, or loosen the limits.

    Args:
        config: any configuration.
        typed: options given on the command line, by name; they override the file, so nothing is refused for them.

    Returns:
        The configuration without refused values, and one line for each of these.
    """
    if not config.is_found or config.path is None:
        return config, []
    values, refused = dict(config.values), []
    for name in [name for name in values if name not in typed]:
        one = declared()[name]
        value, why = _permitted(one, values[name], config.path.parent)
        if why:
            refused.append(
                f"{config.path}: {one.key}: {why}, not allowed in a configuration found beside maps, so it is ignored; "
                f"give {one.flag} on the command line, or this file with --config"
            )
        if value is None:
            del values[name]
        else:
            values[name] = value
    return msgspec.structs.replace(config, values=values), refused


def _permitted(one: Declared, value: Any, folder: Path) -> tuple[Any, str]:
    """The permitted part of a value, None if there is none, and what the refused part would do; empty if nothing is
    refused."""
    most = {"jobs": os.cpu_count() or 1, "timeout": one.default, "memory": one.default}.get(one.name)
    # 0 is no limit, but of jobs it is as many as are worth it.
    if most is not None and not (0 < value <= most or (value == 0 and one.name == "jobs")):
        return None, f"{value:g} is {'no limit' if value == 0 else f'above {most:g}'}"
    match one.option.names:
        case Names.WRITTEN:
            return None, f"writes to {short(value, 300)}"
        case Names.REPORT:
            beyond = [text for text in value if text.partition(":")[2] not in ("", "-")]
            kept = tuple(text for text in value if text not in beyond)
            return kept or None, f"writes {short(', '.join(beyond), 300)}" if beyond else ""
        case Names.READ | Names.CHECKPOINT:
            is_bundled = one.option.names is Names.CHECKPOINT and _is_bundled(value)
            return (
                (value, "")
                if is_bundled or _lies_in(Path(value), folder)
                else (None, f"opens {short(value, 300)} outside its folder")
            )
    return value, ""


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether a file or folder with all its content is inside a folder, links followed."""
    try:
        root = folder.resolve()
        places = [path, *(path.rglob("*") if path.is_dir() else ())]
        return path.is_absolute() and all(place.resolve().is_relative_to(root) for place in places)
    except (OSError, RuntimeError):  # a link that leads to itself
        return False


def _is_bundled(model: str) -> bool:
    from maimod.linter.models import MODELS_FOLDER

    return model == Path(model).name and (MODELS_FOLDER / model / "config.json").is_file()
