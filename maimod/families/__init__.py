"""Generator networks: one folder per model family, and what all of them share."""
