"""Rules of sliders: shapes, lengths, velocities, directions, and whether an object should be one."""
