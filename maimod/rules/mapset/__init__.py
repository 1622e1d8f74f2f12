"""Rules of the set: metadata, files, settings, and differences between difficulties."""
