"""Beatmaps as sequences of events and tokens, in the schemas of the Mapperatorinator family."""
