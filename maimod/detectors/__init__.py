"""All detectors, in report order. Adding one: docs/adding-a-detector.md."""

from maimod.detectors import hitsounds, kiai, new_combos, positions, rhythm, scroll_speed, sliders, timing
from maimod.detectors.base import Detector, Rule

DETECTORS: tuple[Detector, ...] = (
    rhythm.DETECTOR,
    timing.DETECTOR,
    positions.DETECTOR,
    new_combos.DETECTOR,
    sliders.DETECTOR,
    hitsounds.DETECTOR,
    scroll_speed.DETECTOR,
    kiai.DETECTOR,
)
RULES: dict[str, Rule] = {rule.id: rule for detector in DETECTORS for rule in detector.rules}
