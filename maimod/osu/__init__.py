"""The game: beatmap files, mapsets, timing, slider paths, hitsounds. No model, no song."""
