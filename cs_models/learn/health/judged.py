"""Was health right: what each colour promised and what came true, quarter by quarter.

Grain in: one row per past term as it was judged before its outcome.  Grain out: one row per
quarter and colour.  ``methods.md`` 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn import peers
from cs_models.learn.evaluation import bootstrap, ordering, rates
from cs_models.learn.health import colours
from cs_models.learn.health.colours import Boundaries

CRM: Final = ("crm_health", "crm_health__to_date")

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Validation:
    """Health held against what customers did.

    Attributes
    ----------
    quarters : DataFrame, one row per (origin, colour) that had terms
        ``origin``, ``colour``, ``n``, ``n_accounts``, ``expected`` and ``observed`` (terms that
        were to leave, and that left), ``expected_rate``, ``observed_rate`` (0 to 1), ``ratio``
        (observed ÷ expected), its interval ``low``, ``high``, and ``kept`` (1 lies inside).
    colours : DataFrame, one row per colour that had terms
        The same over all quarters.
    ordered : bool or None
        Observed rates rise from green over amber to red, all quarters together; None with fewer
        than two colours.
    n_quarters_ordered, n_quarters_compared : int
        Quarters in which they do, of those with at least two colours.
    against_crm : dict or None
        ``auc`` of health and ``auc_crm`` of the CRM's score on the same terms, ``difference``
        with ``low`` and ``high``, ``n_terms``, ``n_accounts``, ``n_churned``; NaN where nobody
        left or nobody stayed.  None without a CRM score.
    n_without_colour : int
        Terms whose ARR, which the colour needs, is unknown.
    """

    quarters: pd.DataFrame
    colours: pd.DataFrame
    ordered: bool | None
    n_quarters_ordered: int
    n_quarters_compared: int
    against_crm: dict[str, float] | None
    n_without_colour: int


def validate(
    predictions: pd.DataFrame,
    limits: Boundaries,
    *,
    crm: str | None = None,
    cluster: str = "account_id",
    outcome: str = "churned",
    rng: np.random.Generator,
    n_boot: int = 500,
    level: float = 0.95,
) -> Validation:
    """Hold health, as it would have been said, against what customers did.

    Parameters
    ----------
    predictions : DataFrame, one row per (origin, subscription_id)
        ``origin``, the account, ``arr``, ``p_churn`` and the outcome, of terms judged before.
    limits : Boundaries
        Those of the colours to judge.
    crm : str, optional
        Column of the CRM's score at the decision date, higher for healthier; by default
        ``crm_health`` or ``crm_health__to_date`` where it is there.
    cluster, outcome : str, default "account_id", "churned"
        Account, and 1 for leaving, 0 for staying; rows without an outcome are left out.
    rng : numpy.random.Generator
        Draws the accounts for the comparison with the CRM.
    n_boot : int, default 500
        Drawings of accounts.
    level : float, default 0.95
        Coverage of the intervals.

    Returns
    -------
    Validation

    Raises
    ------
    ParameterError
        A column is missing.

    Notes
    -----
    Source: ``methods.md`` 5.  The interval of a ratio is Wilson's of the observed share, at the
    size that is left when an account's terms count together, over the expected share: given the
    probabilities, only what happened is random.  With a play, a colour means "worth a call" and
    not "likelier to leave": a large contract is red at a small risk, and colours need not be
    ordered by their rates for being right; ``ratio`` says whether they were.
    """
    peers.need(predictions, "origin", cluster, "arr", "p_churn", outcome)
    known = predictions[predictions[[outcome, "p_churn"]].notna().all(axis=1)]
    amber, red = limits.at(pd.to_numeric(known["arr"]).to_numpy(dtype=np.float64))
    rows = pd.DataFrame(
        {
            "origin": known["origin"].to_numpy(),
            "colour": colours.named(colours.levels(known["p_churn"], amber, red)),
            "account": known[cluster].to_numpy(),
            "p": known["p_churn"].to_numpy(dtype=np.float64),
            "y": known[outcome].to_numpy(dtype=np.float64),
        }
    )
    coloured = rows[rows["colour"].notna()]
    quarters = _table(coloured, ["origin", "colour"], level)
    pooled = _table(coloured, ["colour"], level)
    orders = [_rising(part) for _, part in quarters.groupby("origin")]
    compared = [order for order in orders if order is not None]
    return Validation(
        quarters=quarters,
        colours=pooled,
        ordered=_rising(pooled),
        n_quarters_ordered=sum(compared),
        n_quarters_compared=len(compared),
        against_crm=_against(known, rows, crm, rng, n_boot, level),
        n_without_colour=len(rows) - len(coloured),
    )


_COUNTS: Final = ["n", "n_accounts", "expected", "observed", "expected_rate", "observed_rate"]


def _table(rows: pd.DataFrame, by: list[str], level: float) -> pd.DataFrame:
    """Return promised and come true of every cell, colours from green to red."""
    told = []
    for key, part in rows.groupby(by, sort=True):
        share = rates.proportion(part["y"], part["account"], level=level)
        expected = float(part["p"].mean())
        counts = share.n, share.n_clusters, expected * share.n, share.n_events
        told.append((*key, *counts, expected, share.rate, share.low, share.high))
    table = pd.DataFrame(told, columns=[*by, *_COUNTS, "low", "high"])
    promised = table["expected_rate"].where(table["expected_rate"] > 0)
    table.insert(len(table.columns) - 2, "ratio", table["observed_rate"] / promised)
    table["low"], table["high"] = table["low"] / promised, table["high"] / promised
    table["kept"] = (table["low"] <= 1) & (table["high"] >= 1)
    place = table["colour"].map({name: place for place, name in enumerate(colours.COLOURS)})
    order = [table[name] for name in by if name != "colour"]
    keys = pd.concat([*order, place], axis=1)
    return table.loc[keys.sort_values(list(keys.columns)).index].reset_index(drop=True)


def _rising(part: pd.DataFrame) -> bool | None:
    """Say whether observed rates do not fall from green to red; None with fewer than two."""
    if len(part) < 2:
        return None
    return bool((np.diff(part["observed_rate"].to_numpy(dtype=np.float64)) >= 0).all())


def _against(
    known: pd.DataFrame,
    rows: pd.DataFrame,
    crm: str | None,
    rng: np.random.Generator,
    n_boot: int,
    level: float,
) -> dict[str, float] | None:
    """Compare health with the CRM's score in ordering the same terms."""
    names = CRM if crm is None else (crm,)
    if crm is not None:
        peers.need(known, crm)
    column = next((name for name in names if name in known.columns), None)
    manual = np.full(0, np.nan) if column is None else peers.numbers(known, [column])[:, 0]
    scored = ~np.isnan(manual)
    if not scored.any():
        return None
    y, p = rows["y"].to_numpy()[scored], rows["p"].to_numpy()[scored]
    account = rows["account"].to_numpy()[scored]
    both = np.column_stack([p, -manual[scored]])
    value, drawn = ordering.aucs(y, both, account=account, n_boot=n_boot, rng=rng)
    low, high = bootstrap.interval(drawn[:, :1] - drawn[:, 1:], level=level)
    return {
        "auc": float(value[0]),
        "auc_crm": float(value[1]),
        "difference": float(value[0] - value[1]),
        "low": float(low[0]),
        "high": float(high[0]),
        "n_terms": len(y),
        "n_accounts": len(pd.unique(account)),
        "n_churned": int(y.sum()),
    }
