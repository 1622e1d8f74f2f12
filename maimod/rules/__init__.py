"""All detectors, in report order. Adding one: docs/adding-a-detector.md."""

from maimod.detectors import (
    agreement,
    clashes,
    consistency,
    difficulty,
    files,
    hitsounds,
    kiai,
    late_ticks,
    lines,
    metadata,
    new_combos,
    playing_time,
    positions,
    readability,
    rhythm,
    samples,
    scroll_speed,
    shared_timing,
    sliders,
    spread,
    timing,
)
from maimod.detectors.base import Detector, MapsetDetector, Rule

DETECTORS: tuple[Detector | MapsetDetector, ...] = (
    rhythm.DETECTOR,
    clashes.DETECTOR,
    late_ticks.DETECTOR,
    timing.DETECTOR,
    lines.DETECTOR,
    positions.DETECTOR,
    readability.DETECTOR,
    new_combos.DETECTOR,
    sliders.DETECTOR,
    hitsounds.DETECTOR,
    scroll_speed.DETECTOR,
    kiai.DETECTOR,
    metadata.DETECTOR,
    files.DETECTOR,
    samples.DETECTOR,
    playing_time.DETECTOR,
    difficulty.DETECTOR,
    consistency.DETECTOR,
    shared_timing.DETECTOR,
    spread.DETECTOR,
    agreement.DETECTOR,
)
BEATMAP_DETECTORS: tuple[Detector, ...] = tuple(detector for detector in DETECTORS if isinstance(detector, Detector))
"""Those that look at one difficulty."""
MAPSET_DETECTORS: tuple[MapsetDetector, ...] = tuple(detector for detector in DETECTORS if isinstance(detector, MapsetDetector))
"""Those that look at a whole set."""
RULES: dict[str, Rule] = {rule.id: rule for detector in DETECTORS for rule in detector.rules}
