"""Relations of positions in osu!, and what other positions would gain."""
