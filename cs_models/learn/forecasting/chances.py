"""The chance of leaving of contracts that no predictor speaks of, and of those in notice.

Grain in: ended terms (``features.renewals.history``).  Grain out: one row per segment and length of
contract; one share of notices that were carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from cs_models.features import renewals
from cs_models.learn.forecasting import cells
from cs_models.learn.forecasting.cells import Float, Int, Layout, Shares

CHURNED, INVOLUNTARY = "churned", "involuntary"
# With fewer past notices than this a contract in notice is taken to leave.
FEWEST_NOTICES: Final = 10
# With as many terms a length's own half leaver weighs half of what it comes to.
FEWEST_TERMS: Final = 10.0
DAYS_PER_MONTH: Final = 365.25 / 12
STAYED, LEFT = 0, 1
PREDICTOR, BASE_RATE, NOTICE, DECIDED = "predictor", "base rate", "notice", "decided"


@dataclass(frozen=True)
class BaseRates:
    """How often contracts of a segment and length left at a renewal.

    Attributes
    ----------
    layout : Layout
    every, near : Shares
        Of all terms that came to a renewal, those that left by choice; the same of terms that
        still ran without notice 90 days before (or at their middle).  Kinds: stayed, left.
    gone, gone_near : Shares
        Likewise those that were lost for reasons of their own (acquired, out of business).
    """

    layout: Layout
    every: Shares
    near: Shares
    gone: Shares
    gone_near: Shares

    @property
    def table(self) -> pd.DataFrame:
        """One row per cell: segment, length, n_terms, n_churned, p_churn, p_low, p_high, …."""
        # Whole numbers: half a leaver counts in the shares alone.
        return self.layout.names().assign(
            n_terms=self.every.counts.sum(axis=1).astype(int),
            n_churned=self.every.counts[:, LEFT].astype(int),
            p_churn=self.every.mean[:, LEFT],
            p_low=self.every.quantile(LEFT, 0.1),
            p_high=self.every.quantile(LEFT, 0.9),
            p_near=self.near.mean[:, LEFT],
            n_involuntary=self.gone.counts[:, LEFT].astype(int),
            p_involuntary=self.gone.mean[:, LEFT],
            p_involuntary_near=self.gone_near.mean[:, LEFT],
        )


@dataclass(frozen=True)
class Notices:
    """How many of those who had asked to cancel did leave.

    Attributes
    ----------
    n, carried_out : int
        Past terms with a notice; those that ended with the customer gone.
    share, low, high : float
        The share and its 80 % interval (Jeffreys); 1, 1, 1 when assumed.
    assumed : bool
        Fewer than 10 past notices: whoever is in notice is taken to leave for certain.
    """

    n: int
    carried_out: int
    share: float
    low: float
    high: float
    assumed: bool

    def draw(self, n_draws: int, rng: np.random.Generator) -> Float:
        """Draw the share from its posterior, shape (n_draws,); all 1 when assumed."""
        if self.assumed:
            return np.ones(n_draws)
        stayed = self.n - self.carried_out
        return np.asarray(rng.beta(self.carried_out + 0.5, stayed + 0.5, n_draws))


def base_rates(history: pd.DataFrame) -> BaseRates:
    """Learn how often contracts left at a renewal, by segment and length.

    Parameters
    ----------
    history : pandas.DataFrame
        From ``features.renewals.history``: segment, term_months, term_start, term_end,
        closed_date, notice_date, outcome.

    Returns
    -------
    BaseRates
        Cells drawn to their length's share by a beta-binomial.  A length without history is given
        the rate of a month of all contracts, for as many months as the shortest of its kind; one
        that nobody has left yet, with enough history to show it, half a leaver (Jeffreys).
        Without any history every rate is .5, with the widest interval there is.
    """
    layout = Layout.of(history)
    cell = layout.cell_of(history)
    outcome = history["outcome"].to_numpy()
    left = np.where(outcome == CHURNED, LEFT, STAYED).astype(np.int64)
    gone = np.where(outcome == INVOLUNTARY, LEFT, STAYED).astype(np.int64)
    by_choice, near = gone == STAYED, renewals.in_doubt(history).to_numpy(dtype=bool)
    toward = _by_month(history, left)

    def losses(rows: NDArray[np.bool_]) -> Shares:
        return cells.shrink(cells.tally(cell[rows], gone[rows], layout.size, 2), nobody)

    def choices(rows: NDArray[np.bool_]) -> Shares:
        counts = cells.tally(cell[rows], left[rows], layout.size, 2)
        counts[:, LEFT] += _half_a_leaver(counts.sum(axis=1))
        return cells.shrink(counts, toward)

    seen = np.ones(len(cell), dtype=bool)
    # Of no loss on record without notice none is made up.
    nobody = None if len(cell) else np.tile([1.0, 0.0], (len(cells.LENGTHS), 1))
    return BaseRates(
        layout,
        every=choices(by_choice),
        near=choices(by_choice & near),
        gone=losses(seen),
        gone_near=losses(near),
    )


def notices(history: pd.DataFrame) -> Notices:
    """Learn the share of notices that were carried out.

    Parameters
    ----------
    history : pandas.DataFrame
        From ``features.renewals.history``: notice_date, outcome.

    Returns
    -------
    Notices

    Notes
    -----
    A notice that was withdrawn and blanked in the records cannot be counted: where the source
    does so, the share is too high.
    """
    asked = history["notice_date"].notna()
    n = int(asked.sum())
    left = int(history.loc[asked, "outcome"].isin([CHURNED, INVOLUNTARY]).sum())
    if n < FEWEST_NOTICES:
        return Notices(n, left, 1.0, 1.0, 1.0, assumed=True)
    low, high = stats.beta.ppf([0.1, 0.9], left + 0.5, n - left + 0.5)
    return Notices(n, left, left / n, float(low), float(high), assumed=False)


def fill(
    due: pd.DataFrame,
    base: BaseRates,
    *,
    scores: pd.DataFrame | None = None,
    refits: Float | None = None,
    within_days: int | None = None,
    rng: np.random.Generator,
    n_refits: int = 100,
) -> tuple[pd.DataFrame, Float]:
    """Give every contract due its chance of leaving, by the predictor or by its base rate.

    Parameters
    ----------
    due : pandas.DataFrame
        From ``revenue.book(...).due``.
    base : BaseRates
    scores : pandas.DataFrame, optional
        One row per subscription_id with ``p_churn``, 0 to 1 (``churn.score``).  It speaks of a
        contract's next renewal; later ones within the horizon get the base rate.
    refits : ndarray of float, shape (n_scores, n_refits), optional
        Probabilities of the bootstrap refits, rows as ``scores`` (``churn.spread``).
    within_days : int, optional
        The predictor is heard only of renewals at most so many days away, others get the base
        rate: it learnt from customers 90 days before theirs, and to ask it of those in the first
        weeks of a term is to extrapolate.  Everyone is asked of when not given.
    rng : numpy.random.Generator
    n_refits : int, default 100
        Draws of the base rates where ``refits`` is not given; else its width.

    Returns
    -------
    due : pandas.DataFrame
        The same rows with ``p_churn`` and ``p_involuntary`` (of one renewal, 0 to 1), ``p_early``
        (the part of leaving before the last 90 days, in p_churn) and ``p_from``: "predictor",
        "base rate", "notice" or "decided".  The last two keep a p_churn, which a forecast does
        not use.
    refits : ndarray of float, shape (n_due, n_refits)
        For base rates, draws from their posterior, the same draw for all rows of a cell.

    Notes
    -----
    A predictor, and ``BaseRates.near``, speak of customers who run without notice 90 days before
    the renewal.  Who is further from it may leave or give notice before that: the share of its
    kind that did, to the power of the share of that time still to come, comes on top.
    """
    width = n_refits if refits is None else refits.shape[1]
    cell = base.layout.cell_of(due)
    first = due["renewal_no"].to_numpy() == 1
    near, every = base.near.mean[cell, LEFT], base.every.mean[cell, LEFT]
    gone_near, gone = base.gone_near.mean[cell, LEFT], base.gone.mean[cell, LEFT]
    rate = near.copy()
    spread = base.near.draw(width, rng)[:, cell, LEFT].T
    asked = first if within_days is None else first & (due["due_in_days"] <= within_days)
    said = np.where(asked, _places(due, scores), -1)
    if scores is not None:
        spoken = said >= 0
        rate[spoken] = scores["p_churn"].to_numpy(dtype=np.float64)[said[spoken]]
        spread[spoken] = rate[spoken, None] if refits is None else refits[said[spoken]]
    ahead = _still_ahead(due)
    stays = _stays_until(near, every, ahead)
    later = base.every.draw(width, rng)[:, cell, LEFT].T
    told = due.assign(
        p_churn=np.where(first, 1.0 - (1.0 - rate) * stays, every),
        p_involuntary=np.where(
            first, 1.0 - (1.0 - gone_near) * _stays_until(gone_near, gone, ahead), gone
        ),
        p_early=np.where(first, 1.0 - stays, 0.0),
        p_from=np.select(
            [due["decided"].notna(), due["in_notice"].astype(bool), said >= 0],
            [DECIDED, NOTICE, PREDICTOR],
            BASE_RATE,
        ),
    )
    return told, np.where(first[:, None], 1.0 - (1.0 - spread) * stays[:, None], later)


def _places(due: pd.DataFrame, scores: pd.DataFrame | None) -> Int:
    """Return each contract's row among the scores; -1 where it has none."""
    if scores is None or not len(scores):
        return np.full(len(due), -1)
    place = pd.Index(scores["subscription_id"]).get_indexer(pd.Index(due["subscription_id"]))
    known = scores["p_churn"].notna().to_numpy()[place]
    return np.where(known, place, -1).astype(np.int64)


def _still_ahead(due: pd.DataFrame) -> Float:
    """Return which share of the time before the last 90 days (or half the term) is to come."""
    months = due["term_months"].astype("Float64").fillna(12).to_numpy(dtype=np.float64)
    days = np.maximum(months, 1.0) * DAYS_PER_MONTH
    last = np.minimum(renewals.AHEAD_DAYS, days / 2)
    left = due["due_in_days"].to_numpy(dtype=np.float64) - last
    return np.asarray(np.clip(left / (days - last), 0.0, 1.0))


def _stays_until(near: Float, every: Float, ahead: Float) -> Float:
    """Return the chance to come to the last 90 days, from rates with and without those who do."""
    stay = np.divide(1.0 - every, 1.0 - near, out=np.ones_like(every), where=near < 1.0)
    return np.asarray(np.clip(stay, 0.0, 1.0) ** ahead)


def _by_month(history: pd.DataFrame, left: Int) -> Float:
    """Return what each length would leave by, were a month of every contract alike."""
    months = history["term_months"].astype("Float64").fillna(12).to_numpy(dtype=np.float64)
    hazard = (left.sum() + 0.5) / (months.sum() + 1.0) if len(months) else np.log(2.0)
    rate = -np.expm1(-hazard * np.array([1.0, 3.0, 12.0, 24.0])) if len(months) else np.full(4, 0.5)
    return np.column_stack([1.0 - rate, rate])


def _half_a_leaver(terms: Float) -> Float:
    """Return what counts as leavers of each cell beside those that left, shape (n_cells,).

    Half a leaver a length (Jeffreys), shared among its cells by their terms: of a length that
    nobody has left yet, "nobody ever will" is no estimate.  It grows in as terms come that could
    have shown one; a length with few of them keeps the rate of all contracts.
    """
    of_length = terms.reshape(-1, len(cells.LENGTHS)).sum(axis=0)
    known = np.tile(of_length, len(terms) // len(cells.LENGTHS))
    return np.asarray(0.5 * terms / (known + FEWEST_TERMS))
