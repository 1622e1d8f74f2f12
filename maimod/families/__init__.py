"""Generator networks: one folder per model family, and the code that all families share."""
