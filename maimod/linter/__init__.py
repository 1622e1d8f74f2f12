"""From paths to reports: gather the evidence of a map, apply the rules, score, deduplicate, select."""
