"""Numbers of mania: rows, columns, chords and holds."""
