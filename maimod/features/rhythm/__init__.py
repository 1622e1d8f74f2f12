"""What another rhythm would gain, in the map and by the other difficulties."""
