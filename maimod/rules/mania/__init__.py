"""Rules of mania alone."""
