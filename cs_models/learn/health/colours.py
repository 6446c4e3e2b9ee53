"""Colours that mean something to do: red is worth a call even if few calls save anybody.

Grain in: one probability and one contract's money per term.  Grain out: one colour per term.
``methods.md`` 2.8 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from cs_models.errors import ParameterError
from cs_models.learn.shapes.calls import Play

__all__ = ["COLOURS", "Boundaries", "Play", "boundaries", "levels"]

COLOURS: Final = ("green", "amber", "red")
AMBER_MULTIPLE: Final = 1.0
RED_MULTIPLE: Final = 2.0

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Boundaries:
    """Probabilities of leaving from which a customer is amber, and red.

    Attributes
    ----------
    basis : {"play", "base_rate"}
        What the boundaries follow from.
    base_rate : float
        Past share that left, 0 to 1.
    play : Play or None
        With a play, a customer is amber from where the play pays at its highest save rate, and
        red from where it pays even at its lowest: each by its own ARR.
    amber_multiple, red_multiple : float
        Without a play, the boundaries as multiples of the base rate.
    """

    basis: Literal["play", "base_rate"]
    base_rate: float
    play: Play | None
    amber_multiple: float
    red_multiple: float

    def at(self, arr: ArrayLike) -> tuple[Float, Float]:
        """Return the boundaries of each term.

        Parameters
        ----------
        arr : array-like of float, shape (n_rows,)
            ARR in the currency of the play's cost; NaN where unknown.

        Returns
        -------
        amber, red : ndarray of float, shape (n_rows,)
            Probabilities; above 1 (and infinite) where the play can never pay, NaN where the ARR
            is unknown.

        Notes
        -----
        Act where p · s · V > k (``methods.md`` 2.8): a boundary is k / (s · margin · ARR), so
        that a large contract turns red at a smaller risk.  Without a play neither money nor cost
        is known: the red boundary is held halfway to certainty where the multiple would pass it.
        """
        money = np.asarray(arr, dtype=np.float64)
        if self.play is None:
            ceiling = (1 + self.base_rate) / 2
            amber, red = (
                np.full(money.shape, min(multiple * self.base_rate, ceiling))
                for multiple in (self.amber_multiple, self.red_multiple)
            )
            return amber, red
        cost, at_stake = float(self.play.cost), self.play.margin * money
        return (
            _pays_from(cost, self.play.save_rate_high * at_stake),
            _pays_from(cost, self.play.save_rate_low * at_stake),
        )


def boundaries(
    base_rate: float,
    *,
    play: Play | None = None,
    amber_multiple: float = AMBER_MULTIPLE,
    red_multiple: float = RED_MULTIPLE,
) -> Boundaries:
    """Say from which risk a customer is amber and red.

    Parameters
    ----------
    base_rate : float
        Past share that left, above 0 and below 1.
    play : Play, optional
        What a call costs and saves; without it, multiples of the base rate are taken.
    amber_multiple, red_multiple : float, default 1.0, 2.0
        Multiples of the base rate, used without a play.

    Returns
    -------
    Boundaries

    Raises
    ------
    ParameterError
        A number is out of its range.

    Notes
    -----
    Source: ``methods.md`` 5: from the cost of a decision, not terciles.
    """
    if not 0 < base_rate < 1:
        raise ParameterError(
            "out of range", where="base_rate", got=f"{base_rate:g}", repair="above 0, below 1"
        )
    if not 0 < amber_multiple <= red_multiple:
        raise ParameterError(
            "the multiples of the base rate ascend",
            where="amber_multiple, red_multiple",
            got=f"{amber_multiple:g}, {red_multiple:g}",
            repair="0 < amber <= red",
        )
    basis: Literal["play", "base_rate"] = "base_rate" if play is None else "play"
    return Boundaries(basis, base_rate, play, amber_multiple, red_multiple)


def levels(p: ArrayLike, amber: Float, red: Float) -> Float:
    """Return 0 for green, 1 for amber, 2 for red; NaN where risk or boundary is unknown.

    Parameters
    ----------
    p : array-like of float, shape (n_rows,)
        Probability of leaving, 0 to 1.
    amber, red : ndarray of float, shape (n_rows,)
        As :meth:`Boundaries.at` returns them.

    Returns
    -------
    ndarray of float, shape (n_rows,)
    """
    chance = np.asarray(p, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        level = (chance > amber).astype(np.float64) + (chance > red)
    level[np.isnan(chance) | np.isnan(amber) | np.isnan(red)] = np.nan
    return level


def named(level: Float) -> NDArray[np.object_]:
    """Return the names of levels; None where NaN."""
    names = np.array([*COLOURS, None], dtype=object)
    return np.asarray(names[np.where(np.isnan(level), len(COLOURS), level).astype(int)])


def numbered(colour: pd.Series) -> Float:
    """Return the levels of colours by name; NaN where missing."""
    codes = colour.map({name: float(place) for place, name in enumerate(COLOURS)})
    return np.asarray(codes.to_numpy(dtype=np.float64), dtype=np.float64)


def _pays_from(cost: float, gain: Float) -> Float:
    """Return the probability from which a play of a cost pays."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.where(gain > 0, cost / gain, np.inf)
    return np.asarray(np.where(np.isnan(gain), np.nan, out), dtype=np.float64)
