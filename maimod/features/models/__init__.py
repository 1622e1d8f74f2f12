"""The forms in which fitted models are kept and computed: trees, layers, networks over objects in order of time."""
