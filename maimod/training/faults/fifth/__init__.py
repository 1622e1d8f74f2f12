"""Kinds made after judge 16."""
