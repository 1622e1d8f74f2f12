"""Where a map repeats itself: its cells, the copies of its passages, and what most of them have."""
