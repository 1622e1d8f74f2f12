"""The example of the documentation, `examples/maimod example`: a short song, a clean map of it, and the same map with known faults.

Everything comes from a score (:mod:`tools.example.score`): the song is synthesised from it, the map's rhythm follows its lead and
drums, and the faults are data (:data:`tools.example.faults.FAULTS`), which `tests/test_example.py` uses to check what is found.

Run `python -m tools.example`. The `.osu` files are the same every time; the song depends on the installed encoder.
"""
