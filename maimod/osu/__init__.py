"""The game: beatmap files, mapsets, timing, slider paths, hitsounds. Nothing here uses a model or the song."""
