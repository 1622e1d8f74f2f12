"""Rules of scroll speed and slider velocity over time."""
