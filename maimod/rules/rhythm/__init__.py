"""Rules of rhythm: when objects start, turn and end."""
