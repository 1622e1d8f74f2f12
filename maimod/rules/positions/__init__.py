"""Rules of positions on the playfield: places, distances, what hides what."""
