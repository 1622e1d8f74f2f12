"""How a note of taiko is coloured by the figure that it is in, and where the same figure comes again.

Notes with the same gaps before and after, at the same place in the beat, are compared by what is around them: the more of the notes
around have the same distance and the same colour, the more the colour of a note says about the other. A figure that comes again
with dons and kats exchanged counts too. No distance in time is given in advance, unlike in :mod:`maimod.features.mania.rows`, and one
note that differs does not end a comparison, unlike in its contexts. Which colours follow each other in a burst differs little from
map to map, so the figure itself is measured as well. Gaps in ticks.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from maimod.features.mania.rows import Rows
from maimod.osu.timing import TICKS_PER_BEAT

REACH = 8
"""Notes on either side that are compared."""
MOST_PARTNERS = 256
"""Notes with the same rhythm that each is compared with, those closest in the map."""
AT_ONCE = 64
SHARPNESS, RHYTHM_SHARPNESS = 14.0, 8.0
"""A partner of which a share s of the notes around agrees has the weight exp(SHARPNESS * (s - 1)); the second is for gaps alone."""
ALIKE = 0.8
PRIOR, RHYTHM_PRIOR = 0.05, 0.5
"""Weight of one partner that agrees wholly is 1."""
FAST_TICKS, FASTEST_TICKS = TICKS_PER_BEAT // 2, TICKS_PER_BEAT // 4
"""A burst goes on while its gaps are equal and at most the first, or at most the second."""
NO_GAP = 4 * TICKS_PER_BEAT
AROUND_NOTES = 8
NEIGHBOURS = (-3, -2, -1, 1, 2, 3)

NAMES = (
    # Sums of the weights of the partners. A margin is by how much the other colour is likelier, natural logarithm.
    "votes own",  # partners with the colour of the note
    "votes other",
    "votes margin",
    "votes margin exchanged",  # with the partners whose colours are exchanged
    # Share of the notes around that agree with the most similar partner of each colour.
    "nearest own",
    "nearest other",
    "nearest margin",
    "nearest margin exchanged",
    # Partners that agree almost wholly.
    "alike own",
    "alike other",
    # Share of the notes with this colour.
    "rhythm share",  # among those with the same rhythm
    "place share",  # among those at the same place of the measure
    *(f"same {by}" for by in NEIGHBOURS),  # whether a neighbour has the colour; -1 if there is none
    "gap -2",  # log2 of the beats before the note before
    "gap 2",  # log2 of the beats after the note after
    # Notes of its burst.
    "burst before",
    "burst after",
    "burst length",
    "beat place",  # ticks since the beat
    "measure place",  # ticks since the measure
    "share around",  # share of the notes around with this colour
)
"""Names of the features."""


class Alike(msgspec.Struct, frozen=True):
    """The notes that have the same rhythm as a note, and around which nearly all is the same."""

    own: int
    """Those of the same colour."""
    other: int
    """Those of the other one."""
    example: float
    """Ms of the most similar of the other colour; not a number if there is none."""


def measure(rows: Rows) -> np.ndarray:
    """Measure every note.

    Args:
        rows: of the notes, with dons and kats as two columns.

    Returns:
        (n_notes, len(NAMES)).
    """
    figures = Figures(rows)
    found = figures.by_partners() | _by_figure(rows, figures.kat)
    return np.stack([found[name][rows.row_of] for name in NAMES], axis=1)


class Figures:
    """Every note of a map, by row, with the notes around."""

    def __init__(self, rows: Rows) -> None:
        ticks = rows.ticks_between
        self.rows = rows
        self.kat = np.zeros(rows.count, dtype=bool)
        self.kat[rows.row_of] = rows.column > 0
        offsets = np.array([*range(-REACH, 0), *range(1, REACH + 1)])
        at = np.arange(rows.count)[:, None] + offsets
        self.is_there = (at >= 0) & (at < rows.count)
        at = np.clip(at, 0, rows.count - 1)
        # Long rests are alike, so distances are sums of gaps and not times.
        time = np.concatenate([[0], np.cumsum(ticks[1:-1])])
        self.distance = np.where(self.is_there, time[at] - time[:, None], np.iinfo(np.int32).max).astype(np.int32)
        self.colour = np.where(self.is_there, self.kat[at], -1).astype(np.int8)
        weight = 1.0 / np.sqrt(np.abs(offsets))
        self.weight = weight / weight.sum()
        rhythm = np.stack([ticks[:-1], ticks[1:], rows.in_measure % TICKS_PER_BEAT], axis=1)
        self.group = np.unique(rhythm, axis=0, return_inverse=True)[1].reshape(-1)
        """Notes of one number have the same gaps before and after and the same place in the beat."""

    def by_partners(self) -> dict[str, np.ndarray]:
        """(n_rows,) of the features that compare notes of one group."""
        found = {name: np.zeros(self.rows.count) for name in NAMES[: NAMES.index("place share")]}
        for number in range(int(self.group.max(initial=-1)) + 1):
            members = np.flatnonzero(self.group == number)
            for first in range(0, len(members), AT_ONCE):
                own = members[first : first + AT_ONCE]
                for name, values in self._compared(own, _closest(members, first + AT_ONCE // 2)).items():
                    found[name][own] = values
        return found

    def alike(self, row: int) -> Alike:
        """The notes that are coloured alike around."""
        members = np.flatnonzero(self.group == self.group[row])
        partners = _closest(members, int(np.searchsorted(members, row)))
        partners = partners[partners != row]
        has_same = (self.distance[row] == self.distance[partners]) & (self.colour[row] == self.colour[partners])
        agreed = (has_same * self.weight).sum(axis=1)
        same, near = self.kat[partners] == self.kat[row], agreed > ALIKE
        others = partners[near & ~same]
        example = float(self.rows.time[others[agreed[near & ~same].argmax()]]) if len(others) else math.nan
        return Alike(int((near & same).sum()), len(others), example)

    def _compared(self, own: np.ndarray, partners: np.ndarray) -> dict[str, np.ndarray]:
        has_gap = self.distance[own][:, None] == self.distance[partners]
        has_colour = self.colour[own][:, None] == self.colour[partners]
        both = self.is_there[own][:, None] & self.is_there[partners]
        is_other = own[:, None] != partners
        return _votes(
            ((has_gap & has_colour) * self.weight).sum(axis=2),
            ((has_gap & ~has_colour & both) * self.weight).sum(axis=2),
            (has_gap * self.weight).sum(axis=2),
            self.kat[own][:, None] == self.kat[partners],
            is_other,
        )


def _closest(members: np.ndarray, place: int) -> np.ndarray:
    """The members with which those about `place` are compared."""
    low = max(min(place - MOST_PARTNERS // 2, len(members) - MOST_PARTNERS), 0)
    return members[low : low + MOST_PARTNERS]


def _votes(
    agreed: np.ndarray, exchanged: np.ndarray, in_rhythm: np.ndarray, same: np.ndarray, is_other: np.ndarray
) -> dict[str, np.ndarray]:
    """The features of some notes by their partners.

    Args:
        agreed: (n_notes, n_partners) share of the notes around that agree.
        exchanged: those that agree if the colours of the partner are exchanged.
        in_rhythm: those that agree in their distance alone.
        same: whether note and partner have the same colour.
        is_other: whether the partner is not the note itself.
    """
    weight, weight_exchanged = (is_other * np.exp(SHARPNESS * (share - 1.0)) for share in (agreed, exchanged))
    own, other = (weight * same).sum(axis=1), (weight * ~same).sum(axis=1)
    more_own, more_other = (weight_exchanged * ~same).sum(axis=1), (weight_exchanged * same).sum(axis=1)
    nearest_own, nearest_other = (np.where(is_other & of, agreed, -1.0).max(axis=1) for of in (same, ~same))
    exchanged_own, exchanged_other = (np.where(is_other & of, exchanged, -1.0).max(axis=1) for of in (~same, same))
    rhythm = is_other * np.exp(RHYTHM_SHARPNESS * (in_rhythm - 1.0))
    return {
        "votes own": own,
        "votes other": other,
        "votes margin": np.log((other + PRIOR) / (own + PRIOR)),
        "votes margin exchanged": np.log((other + more_other + PRIOR) / (own + more_own + PRIOR)),
        "nearest own": nearest_own,
        "nearest other": nearest_other,
        "nearest margin": nearest_other - nearest_own,
        "nearest margin exchanged": np.maximum(nearest_other, exchanged_other) - np.maximum(nearest_own, exchanged_own),
        "alike own": (is_other & same & (agreed > ALIKE)).sum(axis=1),
        "alike other": (is_other & ~same & (agreed > ALIKE)).sum(axis=1),
        "rhythm share": ((rhythm * same).sum(axis=1) + RHYTHM_PRIOR / 2) / (rhythm.sum(axis=1) + RHYTHM_PRIOR),
    }


def _by_figure(rows: Rows, kat: np.ndarray) -> dict[str, np.ndarray]:
    ticks = rows.ticks_between
    place = np.stack([rows.in_measure, np.minimum(ticks[1:], TICKS_PER_BEAT)], axis=1)
    group = np.unique(place, axis=0, return_inverse=True)[1].reshape(-1)
    share = (np.bincount(group, weights=kat)[group] - kat + 1.0) / (np.bincount(group)[group] + 1.0)
    padded = np.pad(kat.astype(float), max(-NEIGHBOURS[0], NEIGHBOURS[-1]), constant_values=np.nan)
    beside = {by: padded[NEIGHBOURS[-1] + by :][: rows.count] for by in NEIGHBOURS}
    kernel = np.ones(2 * AROUND_NOTES + 1)
    around = (
        np.convolve(kat, kernel)[AROUND_NOTES:-AROUND_NOTES]
        / np.convolve(np.ones(rows.count), kernel)[AROUND_NOTES:-AROUND_NOTES]
    )
    gaps = np.concatenate([[NO_GAP], ticks, [NO_GAP]])
    before, after = _bursts(ticks)
    return {
        "place share": np.where(kat, share, 1.0 - share),
        **{f"same {by}": np.where(np.isnan(one), -1.0, one == kat) for by, one in beside.items()},
        "gap -2": np.log2(np.maximum(gaps[: rows.count], 1) / TICKS_PER_BEAT),
        "gap 2": np.log2(np.maximum(gaps[3:], 1) / TICKS_PER_BEAT),
        "burst before": before,
        "burst after": after,
        "burst length": before + after,
        "beat place": rows.in_measure % TICKS_PER_BEAT,
        "measure place": rows.in_measure,
        "share around": np.where(kat, around, 1.0 - around),
    }


def _bursts(ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n_rows,) each: notes of its burst before and after each note."""
    count = len(ticks) - 1
    goes_on = (ticks <= FASTEST_TICKS) | ((ticks <= FAST_TICKS) & (ticks == np.roll(ticks, 1)))
    goes_on[[0, -1]] = False
    before, after = np.zeros(count), np.zeros(count)
    for row in range(1, count):
        before[row] = before[row - 1] + 1 if goes_on[row] else 0
    for row in range(count - 2, -1, -1):
        after[row] = after[row + 1] + 1 if goes_on[row + 1] else 0
    return before, after
