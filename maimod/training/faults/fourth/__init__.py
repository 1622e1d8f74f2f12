"""Kinds made after judge 15."""
