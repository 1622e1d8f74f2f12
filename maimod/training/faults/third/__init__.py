"""Kinds made after judge 14."""
