"""Rules of taiko alone."""
