"""Numbers of a map, for rules and the judge: what its objects and measures are compared with, and the model of slips."""
