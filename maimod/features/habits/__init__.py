"""What a map does at such places: at similar hits, at similar sounds of the song, and at the starts around."""
