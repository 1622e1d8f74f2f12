"""Rules of timing points: red lines, and lines compared with each other."""
