"""The kinds of planted mistakes of the first published figures."""
