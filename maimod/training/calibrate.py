"""Fit the weights of :mod:`maimod.linter.rescore`: plant mistakes in good maps, and record both log-odds of the
findings that point at them and of the findings on the untouched maps.

Findings are weighted as if each map had one mistake of each kind, as in :mod:`maimod.training.metrics`.
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from maimod.discriminator.prediction import NO_PREDICTION
from maimod.errors import UsageError
from maimod.linter.calibration import DEFAULT_WEIGHTS, Calibration, Weights
from maimod.linter.gather import Gathered, Resources, gather
from maimod.linter.progress import result_of
from maimod.linter.rescore import SILENT_LOGIT, Weighed, weigh
from maimod.linter.settings import Settings
from maimod.osu import parser
from maimod.osu.beatmap import Beatmap, Mode
from maimod.rules import BEATMAP_CHECKS, RULES
from maimod.training.evaluate import evaluation_resources, plant, set_of, sources
from maimod.training.faults import FAULTS, Fault
from maimod.training.hits import leads_to
from maimod.training.processes import map_in_processes

PRIOR_SPREAD = Weights(bias=2.0, first=0.4, second=0.4)
"""Standard deviations of the prior around the default weights, so that few findings change them little."""
OWN_FINDINGS = 12.0
"""With this many real findings a rule has its own weights; with fewer its prior are the weights of all rules."""
LOCAL_FAULTS = tuple(fault for fault in FAULTS if not fault.is_alone)
"""Kinds without the timing of sections and whole maps, which the discriminator does not cover."""
JUDGED_RULES = tuple(rule.id for rule in RULES.values() if rule.corruptions)
"""Rules that the discriminator covers."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Both log-odds of a finding or a candidate, and whether it is real."""

    rule: str
    """Rule of the finding; empty for a planted mistake without one."""
    kind: str
    """Kind of the planted mistake; empty if there is none."""
    first: float
    second: float
    real: bool


def samples(
    look: Callable[[Beatmap], Gathered], loaded: Beatmap, faults: Sequence[Fault], seed: int, together: int = 8
) -> list[Sample]:
    """Collect samples at one planted mistake of each kind, and all samples of the untouched map.

    Args:
        look: gathers the evidence about the map or a changed copy of it.
        loaded: the map, assumed to have no mistakes.
        faults: what to plant.
        seed: chooses the places.
        together: mistakes in one copy.
    """
    random = np.random.default_rng([seed, zlib.crc32(loaded.path.name.encode())])
    of_kind: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        if loaded.mode in fault.modes:
            of_kind[fault.kind].append(fault)
    faults = [own[int(random.integers(len(own)))] for own in of_kind.values()]
    untouched = look(loaded)
    found = [
        Sample(one.finding.rule, "", one.rule_logit, one.discriminator_logit, False) for one in _weighed(untouched)
    ]
    for copy in plant(loaded, faults, seed, untouched.evidence.envelope, together):
        seen = _weighed(look(copy.beatmap))
        for fault, planted in copy.mistakes:
            # Of several findings the one with the highest sum of log-odds.
            right = [
                (one.rule_logit + one.discriminator_logit, one.finding.rule, one.rule_logit, one.discriminator_logit)
                for one in seen
                if fault.is_right(one.finding.rule) and leads_to(one.finding, planted)
            ]
            _, rule, first, second = max(right, default=(0.0, "", NO_PREDICTION, NO_PREDICTION))
            found.append(Sample(rule, fault.kind, first, second, True))
    return found


def _weighed(gathered: Gathered) -> list[Weighed]:
    candidates = [candidate for check in BEATMAP_CHECKS for candidate in check.candidates(gathered.evidence)]
    return weigh(candidates, gathered.evidence, gathered.calibration)


# ---------------------------------------------------------------------------------------------------------------------
# Fitting


def fit(found: Sequence[Sample], use: tuple[bool, bool] = (True, True)) -> dict[str, Weights]:
    """Weights by rule: logistic regression with a prior; `use` leaves out one kind of evidence, for ablations."""
    everything = _fit([sample for sample in found if sample.rule], DEFAULT_WEIGHTS, use)
    weights = {}
    for rule in JUDGED_RULES:
        own = [sample for sample in found if sample.rule == rule]
        if any(sample.real for sample in own):
            weights[rule] = _fit(own, everything, use, min(1.0, sum(sample.real for sample in own) / OWN_FINDINGS))
        elif own:  # never real: only the bias is fitted
            weights[rule] = _fit(own, everything, use, 0.3)
    return weights


def _fit(found: Sequence[Sample], prior: Weights, use: tuple[bool, bool], trust: float = 1.0) -> Weights:
    import scipy.optimize

    features = np.array([(1.0, s.first * use[0], s.second * use[1]) for s in found])
    real = np.array([s.real for s in found], dtype=float)
    centre = np.array([prior.bias, prior.first, prior.second])
    spread = np.array([PRIOR_SPREAD.bias, PRIOR_SPREAD.first, PRIOR_SPREAD.second])

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logits = features @ values
        errors = 1 / (1 + np.exp(-logits)) - real
        pulls = (values - centre) / spread
        total = float((np.logaddexp(0, logits) - real * logits).sum() * trust + 0.5 * (pulls**2).sum())
        return total, features.T @ errors * trust + pulls / spread

    best = scipy.optimize.minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=[(-8, 8), (0, 2), (0, 2)]).x
    best *= np.array([1.0, *use])
    return Weights(*(round(float(value), 4) for value in best))


FALSE_A_MINUTE = 2.0
USES = {"both": (True, True), "rules only": (True, False), "proofreader only": (False, True)}


def ablation(fitted_on: Sequence[Sample], judged_on: Sequence[Sample], minutes: float) -> dict[str, dict[str, float]]:
    """For each use of the evidence: share of the planted mistakes of each kind that score higher than all but the best
    `FALSE_A_MINUTE` findings per minute on the untouched maps, which last `minutes`. "rules only" has only
    findings of the rules' own measures."""
    table = {}
    for name, use in USES.items():
        weights = fit(fitted_on, use)
        scores = np.array(
            [
                weights[s.rule](s.first, s.second) if s.rule in weights and (use[1] or s.first > SILENT_LOGIT) else 0.0
                for s in judged_on
            ]
        )
        false = np.sort([score for score, s in zip(scores, judged_on, strict=True) if not s.real])[::-1]
        allowed = round(FALSE_A_MINUTE * minutes)
        least = float(false[allowed]) if allowed < len(false) else 0.0
        kinds = sorted({s.kind for s in judged_on if s.real})
        seen = [(s.kind, score > least) for score, s in zip(scores, judged_on, strict=True) if s.real]
        table[name] = {kind: float(np.mean([is_seen for own, is_seen in seen if own == kind])) for kind in kinds}
    return table


# ---------------------------------------------------------------------------------------------------------------------
# Many maps


@lru_cache(maxsize=1)
def _uncalibrated_resources(settings: Settings) -> Resources:
    """The networks of this process with the curves of their rules, on which weights are fitted, and default weights."""
    loaded = evaluation_resources(settings)
    calibration = Calibration(loaded.networks.calibration.curves)
    return replace(loaded, networks=replace(loaded.networks, calibration=calibration))


def samples_of_file(settings: Settings, seed: int, path: Path) -> list[Sample]:
    """:func:`samples` of a beatmap file."""
    resources, whole = _uncalibrated_resources(settings), set_of(path)

    def look(beatmap: Beatmap) -> Gathered:
        return result_of(gather(beatmap, path.name, settings, resources, whole))

    return samples(look, parser.load(path), LOCAL_FAULTS, seed)


def collect(
    paths: Sequence[Path], settings: Settings, seed: int, jobs: int, report: Callable[[str], None]
) -> list[Sample]:
    """Samples of many maps, in `jobs` processes."""
    found: list[Sample] = []
    work = partial(samples_of_file, settings, seed)
    for done, (_, part) in enumerate(map_in_processes(work, paths, jobs), start=1):
        found += part
        seen, others = sum(s.real and bool(s.rule) for s in part), sum(not s.real for s in part)
        report(f"{done} of {len(paths)}: {seen} mistakes seen, {others} findings without one")
    return found


def write(weights: dict[str, Weights], counts: dict[str, object], target: Path) -> None:
    """Write `calibration.json` and keep its curves."""
    stored = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    stored |= {"weights": {rule: asdict(own) for rule, own in sorted(weights.items())}, "measured": counts}
    target.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def command(
    songs: Path,
    settings: Settings,
    target: Path,
    *,
    manifest: Path | None,
    maps: int,
    seed: int,
    jobs: int,
    held_out: bool,
    unranked: bool,
    report: Callable[[str], None],
) -> None:
    """Run `maimod calibrate`; its help describes the arguments.

    Raises:
        UsageError: if the folder has no maps to plant mistakes in, or none of the mistakes was found.
    """
    from maimod.training.corpus import DISCRIMINATOR_HELD_OUT, is_held_out

    # Few collections have enough ranked maps of modes other than osu!.
    paths = [
        path
        for mode in Mode
        for path in sources(
            songs,
            mode,
            manifest,
            seed,
            per_song=2,
            unranked=unranked or mode is not Mode.OSU,
            accept=partial(is_held_out, share=DISCRIMINATOR_HELD_OUT) if held_out else lambda folder: True,
        )[:maps]
    ]
    if not paths:
        raise UsageError(f"{songs}: no map with a song to plant mistakes in")
    found = collect(paths, settings, seed, jobs, report)
    if not any(sample.real and sample.rule for sample in found):
        raise UsageError(f"{songs}: none of the planted mistakes was found; is models/maimod-proofreader missing?")
    counts: dict[str, object] = {
        "maps": len(paths),
        "seed": seed,
        "mistakes": sum(s.real for s in found),
        "others": sum(not s.real for s in found),
    }
    target.mkdir(parents=True, exist_ok=True)
    write(fit(found), counts, target / "calibration.json")
    report(
        f"{target / 'calibration.json'}: weights of {len(JUDGED_RULES)} rules from {counts['mistakes']} planted mistakes and "
        f"{counts['others']} findings without one, in {len(paths)} maps"
    )
