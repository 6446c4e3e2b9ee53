"""Put probabilities right by what came true before: as much correction as the events allow.

Grain in: one row per past tested term, its logit and its outcome.  Grain out: one map from logit
to probability.  ``methods.md`` 3: under 100 events a shift of the level, from 100 on also the
slope, from 1,000 on an isotonic curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from cs_models.errors import ParameterError
from cs_models.learn.evaluation import logistic, rows

Float = NDArray[np.float64]
Method = Literal["none", "intercept", "logistic", "isotonic"]

EVENTS_FOR_SLOPE: Final = 100
EVENTS_FOR_CURVE: Final = 1000


@dataclass(frozen=True)
class Recalibration:
    """A growing map from a model's logit to the probability that past outcomes bear out.

    Attributes
    ----------
    method : {"none", "intercept", "logistic", "isotonic"}
        What was corrected; "none" where one class is missing.
    intercept, slope : float
        Of the straight methods: log odds = intercept + slope * logit; slope not below 0.
    at, rate : tuple of float
        Of the isotonic method: places (logits) and the probabilities there, straight between
        them and level beyond; empty else.
    n, n_churned : int
        Terms learnt from.
    """

    method: Method
    intercept: float = 0.0
    slope: float = 1.0
    at: tuple[float, ...] = ()
    rate: tuple[float, ...] = ()
    n: int = 0
    n_churned: int = 0

    def apply(self, logit: ArrayLike) -> Float:
        """Return corrected probabilities.

        Parameters
        ----------
        logit : array-like of float, shape (n_rows,)
            The model's log odds of leaving.

        Returns
        -------
        ndarray of float, shape (n_rows,)
            0 to 1, in the order of the logits; NaN where the logit is.
        """
        x = np.asarray(logit, dtype=np.float64)
        if self.method == "isotonic":
            return np.asarray(np.interp(x, self.at, self.rate))
        return logistic.expit(self.intercept + self.slope * x)

    def plain(self) -> dict[str, Any]:
        """Return what JSON can hold.

        Returns
        -------
        dict
        """
        return {
            "method": self.method,
            "intercept": self.intercept,
            "slope": self.slope,
            "at": list(self.at),
            "rate": list(self.rate),
            "n": self.n,
            "n_churned": self.n_churned,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Recalibration:
        """Read what :meth:`plain` wrote.

        Parameters
        ----------
        plain : mapping

        Returns
        -------
        Recalibration

        Raises
        ------
        ParameterError
            The method is none of those known, or the curve does not grow.
        """
        method, at, rate = str(plain["method"]), tuple(plain["at"]), tuple(plain["rate"])
        grows = len(at) == len(rate) and bool(
            (np.diff(at) > 0).all() and (np.diff(rate) >= 0).all()
        )
        known = method in {"none", "intercept", "logistic", "isotonic"}
        if not known or not grows or (method == "isotonic" and not at):
            raise ParameterError(
                "a stored correction of probabilities cannot be read",
                where="recalibration",
                got=f"method {method} with {len(at)} places",
            )
        return cls(
            cast("Method", method),
            float(plain["intercept"]),
            float(plain["slope"]),
            tuple(float(x) for x in at),
            tuple(float(x) for x in rate),
            int(plain["n"]),
            int(plain["n_churned"]),
        )


def recalibrate(
    logit: ArrayLike, churned: ArrayLike, *, method: Method | None = None
) -> Recalibration:
    """Learn the correction that past out-of-time logits allow.

    Parameters
    ----------
    logit : array-like of float, shape (n_rows,)
        Log odds of leaving said before the outcome, out of fold.
    churned : array-like of {0, 1}, shape (n_rows,)
    method : {"none", "intercept", "logistic", "isotonic"}, optional
        None: by the events of the rarer class: under 100 "intercept", under 1,000 "logistic",
        else "isotonic"; "none" without both classes.

    Returns
    -------
    Recalibration

    Raises
    ------
    ParameterError
        An outcome or a logit is missing, or a method that needs both classes lacks one.

    Notes
    -----
    The isotonic curve is joined through the centres of its steps (Oron and Flournoy 2017), so that
    it keeps the ranking between them; a first step without leavers, or a last one without stayers,
    is held off 0 and 1 by half a term.
    """
    left = rows.outcomes(churned)
    x = np.asarray(logit, dtype=np.float64)
    if x.shape != left.shape or not np.isfinite(x).all():
        raise ParameterError(
            "logits to correct are missing or differ in length from the outcomes",
            where="logit",
            got=f"shape {x.shape} for {len(left)} outcomes, {int((~np.isfinite(x)).sum())} missing",
        )
    both = rows.both_classes(left)
    chosen = method or (_by_events(left) if both else "none")
    if chosen != "none" and not both:
        raise ParameterError(
            "probabilities cannot be corrected by outcomes of one class",
            where="churned",
            got=f"{int(left.sum())} of {len(left)} left",
        )
    n, n_churned = len(left), int(left.sum())
    if chosen == "isotonic":
        at, rate = _isotonic(x, left)
        return Recalibration(chosen, at=at, rate=rate, n=n, n_churned=n_churned)
    intercept, slope = (0.0, 1.0) if chosen == "none" else _straight(x, left, chosen)
    return Recalibration(chosen, intercept, slope, n=n, n_churned=n_churned)


def _by_events(left: Float) -> Method:
    events = min(left.sum(), len(left) - left.sum())
    if events >= EVENTS_FOR_CURVE:
        return "isotonic"
    return "logistic" if events >= EVENTS_FOR_SLOPE else "intercept"


def _straight(x: Float, left: Float, method: Method) -> tuple[float, float]:
    """Return intercept and slope; a slope that would turn the ranking round is held at 0."""
    one, slope = np.ones((len(x), 1)), 1.0
    if method == "logistic":
        design = np.column_stack([one, x])
        intercept, slope = logistic.fit(design, left[:, None], start=np.array([0.0, 1.0]))[:, 0]
        if slope > 0:
            return float(intercept), float(slope)
        slope = 0.0 if slope <= 0 else 1.0  # NaN: classes apart, the slope has no bound
    level = logistic.fit(one, left[:, None], offset=slope * x)[0, 0]
    return float(level), slope


def _isotonic(x: Float, left: Float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the centres of the isotonic steps and their rates."""
    places, which, n = np.unique(x, return_inverse=True, return_counts=True)
    rates = np.bincount(which, weights=left) / n
    blocks = optimize.isotonic_regression(rates, weights=n).blocks
    size = np.add.reduceat(n, blocks[:-1]).astype(np.float64)
    centre = np.add.reduceat(n * places, blocks[:-1]) / size
    rate = np.add.reduceat(n * rates, blocks[:-1]) / size
    if rate[0] == 0:
        rate[0] = min(0.5 / (size[0] + 1), rate[1])
    if rate[-1] == 1:
        rate[-1] = max(1 - 0.5 / (size[-1] + 1), rate[-2])
    return tuple(centre.tolist()), tuple(rate.tolist())
