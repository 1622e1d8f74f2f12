"""Stretches in which evidence adds up."""

from __future__ import annotations

import numpy as np

from maimod.rules.stretches import LEAST_BITS, bits_of, names, parts, totals

ALL, LATER = np.full(6, 2.0), np.array([-1.0, -1.0, -1.0, 2.0, 2.0, 2.0])


def test_each_kind_of_evidence_may_see_where_a_stretch_begins() -> None:
    assert parts([ALL]) == [(0, 6)] and parts([LATER]) == [(3, 6)]
    assert parts([ALL, LATER]) == [(0, 6), (3, 6)]


def test_several_stretches_and_none() -> None:
    assert parts([np.array([2.0, 2.0, -9.0, 2.0, -9.0, -9.0, 2.0])]) == [(0, 2), (3, 4), (6, 7)]
    assert parts([np.array([0.3, 0.3, 0.3])]) == [] == parts([np.zeros(0)])


def test_a_long_run_of_single_hits_ends() -> None:
    assert len(parts([np.tile([2.0, -9.0], 3000)])) == 3000


def test_bits_are_bounded() -> None:
    is_other = np.array([[True] * 8, [False] * 8, [False] * 8])
    is_same = np.array([[False] * 8, [True] * 8, [False] * 8])
    assert bits_of(is_other, is_same).tolist() == [2.0, -2.0, 0.0]
    assert totals([ALL, LATER], np.arange(6)) == [8.0, 3.0]


def test_those_who_say_so_are_named() -> None:
    assert names(LEAST_BITS, 0.0) == "similar measures" and names(0.0, LEAST_BITS) == "the other difficulties"
    assert (
        names(LEAST_BITS, LEAST_BITS) == "similar measures and the other difficulties" and names(0.0, 0.0) == "others"
    )
