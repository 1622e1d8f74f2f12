"""Kinds that differ from the classic ones in what the mapper did."""
