"""Who is behind: the rule, drawn from past renewers of the same kind.

Grain in: one row per term.  Grain out: one flag per term and stage.  ``methods.md`` 1.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.features import catalogue
from cs_models.learn import peers

MOST_BEHIND: Final = 0.5  # of renewers: a rule that blames more of them calls the normal behind
_RECORDED: Final = 0.5  # share of a stage's measures without which nothing is said of it

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Placed:
    """Every term's percentile among the renewers of its kind, turned so that 0 is worst.

    ``kind`` is the label of each term, ``members`` the renewers that each label stands for.
    """

    good: Float
    kind: NDArray[np.object_]
    members: dict[str, Flags]

    @classmethod
    def of(
        cls,
        past: pd.DataFrame,
        values: Float,
        names: list[str],
        kinds: peers.Kinds,
        renewed: Flags,
    ) -> Placed:
        """Place the values of all terms among the renewers of their kinds."""
        kind = kinds.of(past).to_numpy(dtype=object)
        members = {k: kinds.members(past, k) & renewed for k in pd.unique(kind)}
        place = np.full(values.shape, np.nan)
        for k, mine in members.items():
            rows = kind == k
            place[rows] = peers.percentiles(values[mine], values[rows])
        worse = np.array([bool(peers.worse_when_more(name)) for name in names])
        return cls(np.where(worse, 1 - place, place), kind, members)


def flags(
    placed: Placed,
    chosen: Mapping[str, Sequence[str]],
    values: Float,
    names: list[str],
    renewed: Flags,
    thresholds: dict[str, float],
    behind: float,
) -> Float:
    """Say of every term and stage: 1 behind, 0 not, NaN not recorded."""
    out = np.full((len(values), len(chosen)), np.nan)
    for s, held in enumerate(chosen.values()):
        learned = [name for name in held if name in thresholds]
        if learned:
            out[:, s] = _below_levels(values, names, learned, thresholds)
        elif held:
            place = _by_measure(placed.good, names, held)
            out[:, s] = _below_peers(place, placed, renewed, behind)
    return out


def _by_measure(good: Float, names: list[str], held: Sequence[str]) -> Float:
    """Return the mean place in each measure: ten windows or features of one have one say."""
    measures: dict[str, list[int]] = {}
    for name in held:
        measures.setdefault(name.partition(catalogue.SEPARATOR)[0], []).append(names.index(name))
    out = np.full((len(good), len(measures)), np.nan)
    for m, columns in enumerate(measures.values()):
        known = ~np.isnan(good[:, columns])
        total, n = np.where(known, good[:, columns], 0.0).sum(axis=1), known.sum(axis=1)
        out[n > 0, m] = total[n > 0] / n[n > 0]
    return out


def _below_levels(
    values: Float, names: list[str], learned: list[str], thresholds: dict[str, float]
) -> Float:
    """Return 1 where a term is on the worse side of any learned level that is recorded of it."""
    block = values[:, [names.index(name) for name in learned]]
    cut = np.array([thresholds[name] for name in learned])
    worse = np.array([bool(peers.worse_when_more(name)) for name in learned])
    with np.errstate(invalid="ignore"):
        bad = np.where(worse, block > cut, block < cut).any(axis=1)
    return np.where(np.isnan(block).all(axis=1), np.nan, bad.astype(np.float64))


def _below_peers(place: Float, placed: Placed, renewed: Flags, behind: float) -> Float:
    """Return 1 where a term's mean place is among the last quarter of its kind's renewers."""
    known = ~np.isnan(place)
    enough = known.mean(axis=1) >= _RECORDED
    mean = np.where(known, place, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    mean = np.where(enough & known.any(axis=1), mean, np.nan)
    out = np.full(len(place), np.nan)
    for kind, mine in placed.members.items():
        rows = (placed.kind == kind) & ~np.isnan(mean)
        reference = mean[mine & renewed]
        reference = reference[~np.isnan(reference)]
        if reference.size:
            out[rows] = mean[rows] <= _cut(reference, behind)
    return out


def _cut(reference: Float, behind: float) -> float:
    """Return the last place that is behind: the share of renewers up to it is nearest to asked."""
    places, counts = np.unique(reference, return_counts=True)
    upto = np.cumsum(counts) / len(reference)
    best = int(np.argmin(np.abs(upto - behind)))
    # Where more than half of the renewers share the last place, it is not behind.
    return float(places[best]) if upto[best] <= MOST_BEHIND else -np.inf


def first(behind: Float) -> Whole:
    """Return the first stage behind: its number, -1 for none, -2 where nothing is recorded."""
    bad = behind == 1
    stage = np.where(bad.any(axis=1), bad.argmax(axis=1), -1)
    return np.where(np.isnan(behind).all(axis=1), -2, stage).astype(np.int64)
