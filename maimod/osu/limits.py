"""How large a file, a map or a set may be: far more than any that is played, and little enough to be read in seconds.

Every limit is a line of the report where it is exceeded. Those of archives are in :mod:`maimod.osu.archive`, those of
songs in :mod:`maimod.audio.container`. "The corpus" are 3,161 maps, ranked ones and others.
"""

from __future__ import annotations

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Of a `.osu` file; the largest in the corpus has 1.9 MB, the largest marathon in circulation under 10 MB."""
MAX_OBJECTS = 100_000
"""The longest ranked marathons have about 15,000 hit objects."""
MAX_SLIDES_OF_ONE = 9_000  # lazer, `ConvertHitObjectParser`
MAX_SLIDES = 50_000
"""Of all sliders together; the most in the corpus is 9,000. 9,000 slides take 50 bytes to write."""
MAX_POINTS_OF_ONE = 10_000
"""Control points of a slider; the corpus has up to 2,800. The game takes the square of their number for a Bezier curve,
and so do star ratings."""
MAX_CONTROL_POINTS = 100_000
"""Of all sliders together; the corpus has up to 13,000."""
MAX_SLIDER_TICKS = 1_000_000
"""About, of all sliders together; star ratings, which are native code, take 60 bytes for each."""
MAX_TIMING_POINTS, MAX_EVENTS = 100_000, 200_000
"""Events also of a storyboard."""
MAX_BREAKS = 250
"""The corpus has up to 33."""
MAX_KEYS, MAX_SAME_KEYS, MAX_VALUE_CHARS = 1_000, 50, 5_000
"""Different keys of one section (colours too), times that one of them is there, and characters of a value; tags have up to
1,900."""

MAX_BEATMAPS = 200
"""Most `.osu` files of a folder. The largest mapsets have about 60; more are a collection."""
MAX_SET_LINES = 600_000
"""Objects, timing points and events of all difficulties of a folder, which are in memory together."""
MAX_STORYBOARD_BYTES = 64 * 1024 * 1024
MAX_VARIABLES, MAX_VARIABLE_CHARS, MAX_EVENT_CHARS = 200, 256, 1_024
"""Variables of a storyboard, characters of their values, and of a line of it that is kept: variables that name each other
could fill any memory."""
MAX_PICTURES, MAX_FRAMES = 100_000, 1_000
"""Pictures of a storyboard, frames of animations counted singly, and frames of one animation. The largest ranked storyboards
use about 2,000 files."""
