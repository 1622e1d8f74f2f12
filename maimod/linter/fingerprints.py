"""Ids of findings that survive edits elsewhere, and how a finding names those that are folded into it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from maimod.findings import Finding
from maimod.osu.beatmap import Beatmap
from maimod.rules import MAPSET_CHECKS

RULES_OF_SETS = frozenset(rule.id for check in MAPSET_CHECKS for rule in check.rules)


def fingerprint(beatmap: Beatmap, finding: Finding) -> str:
    """Make an id that survives shifts of the map and edits elsewhere, from the rule, the difficulty, the objects and
    their neighbours.

    The id of a finding about the whole set does not depend on the difficulty that reports it.
    """
    if finding.rule in RULES_OF_SETS and not finding.objects:
        return hashlib.sha256(f"{finding.rule}\n{finding.evidence.get('subject', '')}".encode()).hexdigest()[:16]
    count = len(beatmap.hit_objects)
    if finding.objects:
        first, last = min(finding.objects), max(finding.objects)
    else:
        first = last = beatmap.closest_object(finding.time)
    around = [beatmap.hit_objects[i] for i in range(max(first - 1, 0), min(last + 2, count))]
    # Findings of one rule without objects are distinguished by their subject, such as a key or a file name.
    parts = [
        finding.rule,
        beatmap.metadata.get("Version", ""),
        str(finding.evidence.get("subject", "")),
        *(f"{o.kind}:{round(o.x)}:{round(o.y)}:{o.combo_number}" for o in around),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def listed(folded: Sequence[Finding], beatmap: Beatmap) -> list[dict[str, str]]:
    """Timestamp, rule, severity and fingerprint of each, as under "also" in the evidence of the finding that stands for them."""
    return [
        {"timestamp": f.timestamp, "rule": f.rule, "severity": f.severity.value, "id": fingerprint(beatmap, f)}
        for f in sorted(folded, key=lambda f: (f.timestamp, f.rule))
    ]
