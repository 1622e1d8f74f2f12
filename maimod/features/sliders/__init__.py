"""Kinds, lengths, repeats and control points of sliders, and what others would gain."""
