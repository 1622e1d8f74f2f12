"""Rules of kiai times."""
