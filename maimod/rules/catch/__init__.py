"""Rules of catch alone."""
