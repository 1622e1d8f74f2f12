"""Songs: decoding, spectrograms, onsets, container facts."""
