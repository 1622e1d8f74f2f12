"""Rules of passages that differ from their copies: rhythms, sounds, speeds, and measures as a whole."""
