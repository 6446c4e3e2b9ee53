"""Who a term is compared with, where it stands among them, and which way is worse.

A term's peers are past terms of the same kind: same segment, same length of contract.  A kind
that too few accounts renewed or left in is compared with its whole segment, and a segment that
is too small with everybody, so that no quantile rests on a handful of customers.

Grain in: one row per (subscription_id, as_of_date).  Grain out: one label per row, or one row
per kind.  ``methods.md`` 1.4 (benchmarks at the same decision point).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from cs_models.errors import DataError, ParameterError, TooLittleDataError
from cs_models.features import catalogue

BY: Final = ("segment", "term_months")
FEWEST_ACCOUNTS: Final = 20  # with each outcome: below it a 10 % quantile is one customer
EVERYBODY: Final = "all"
UNKNOWN: Final = "unknown"

# In months.  A contract that was written a month short or long is still one of a year.
CONTRACTS: Final = {"monthly": 2, "under a year": 9, "annual": 18, "multi-year": np.inf}

# Measures of which more goes with leaving as often as not: more tickets or contacts may be care
# or trouble, a new decision maker either, and our own contacts follow risk as much as they
# precede it.
_NEITHER: Final = frozenset(
    {"share", "mix_change", "spike", "export_spike", "tickets", "open_tickets"}
    | {"customer_contacts", "days_since_customer_contact", "our_contacts_lagged"}
    | {"new_decision_makers", "nps_age_days", "csat_age_days", "proficiency_age_days"}
)
_WORSE_WHEN_MORE: Final = frozenset(
    {"days_since_last_use", "days_to_first", "severe_tickets", "open_severe_tickets"}
    | {"oldest_open_ticket_days", "escalated_tickets", "champions_left", "champion_silent_days"}
    | {"decision_makers_left", "onboarding_overdue_steps", "onboarding_days_late"}
    | {"goals_overdue", "idle_seats_share"}
)

Float = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Kinds:
    """Kinds of terms, and with which past terms each is compared.

    Attributes
    ----------
    table : DataFrame, one row per kind
        ``kind``, ``n_terms``, ``n_renewed``, ``n_churned``, ``n_accounts``, and ``merged``: the
        kind takes in terms that would be of a kind of their own, had it enough of them.
    by : tuple of str
        Columns that make a kind, widest first.
    """

    table: pd.DataFrame
    by: tuple[str, ...]

    def of(self, frame: pd.DataFrame) -> pd.Series:
        """Return the kind with which each row is compared: the finest that has enough terms.

        Parameters
        ----------
        frame : DataFrame, one row per (subscription_id, as_of_date)

        Returns
        -------
        Series of str, index of ``frame``
        """
        large = set(self.table["kind"])
        chosen = pd.Series(EVERYBODY, index=frame.index)
        for labels in _labels(frame, self.by):
            chosen = labels.where(labels.isin(large), chosen)
        return chosen

    def members(self, frame: pd.DataFrame, kind: str) -> NDArray[np.bool_]:
        """Say which rows a kind is compared with: all that it covers, finer kinds included.

        Parameters
        ----------
        frame : DataFrame, one row per (subscription_id, as_of_date)
        kind : str
            A kind of ``table``.

        Returns
        -------
        ndarray of bool, shape (n_rows,)
        """
        inside = np.full(len(frame), kind == EVERYBODY)
        for labels in _labels(frame, self.by):
            inside |= (labels == kind).to_numpy(dtype=bool)
        return inside


def kinds(
    history: pd.DataFrame,
    *,
    by: Sequence[str] = BY,
    cluster: str = "account_id",
    outcome: str = "churned",
    fewest_renewed: int = FEWEST_ACCOUNTS,
    fewest_churned: int = FEWEST_ACCOUNTS,
) -> Kinds:
    """Sort past terms into kinds that are large enough to be compared with.

    Parameters
    ----------
    history : DataFrame, one row per (subscription_id, as_of_date)
        Terms with known outcomes; rows whose outcome is missing are not counted.
    by : sequence of str, default ("segment", "term_months")
        Columns that make a kind, widest first; ``term_months`` is bucketed, and a column that
        the panel lacks is passed over.
    cluster, outcome : str, default "account_id", "churned"
        Account, and 1 for leaving, 0 for staying, null for not evaluable.
    fewest_renewed, fewest_churned : int, default 20
        Accounts with each outcome that a kind needs to stand alone.

    Returns
    -------
    Kinds

    Raises
    ------
    ParameterError
        The panel lacks the account or the outcome.
    TooLittleDataError
        Even all terms together have fewer accounts than that.

    Notes
    -----
    Source: ``methods.md`` 1.4: same segment and contract length at the same decision point.
    """
    need(history, cluster, outcome)
    past = history[history[outcome].notna() & history[cluster].notna()]
    present = tuple(name for name in by if name in past.columns)
    levels = [pd.Series(EVERYBODY, index=past.index), *_labels(past, present)]
    parts = [_counted(past, labels, cluster, outcome) for labels in levels]
    everybody = parts[0]
    if not _enough(everybody, fewest_renewed, fewest_churned).all():
        accounts = everybody[["accounts_renewed", "accounts_churned"]].sum()
        raise TooLittleDataError(
            "too few past customers renewed or left to compare anybody with them",
            where=outcome,
            got=f"{accounts.iloc[0]:g} renewed, {accounts.iloc[1]:g} left",
            repair=f"at least {fewest_renewed} accounts that renewed, {fewest_churned} that left",
        )
    kept = [part[_enough(part, fewest_renewed, fewest_churned)] for part in parts]
    table = pd.concat(kept, ignore_index=True)
    found = Kinds(table, present)
    compared = found.of(past).value_counts()
    finest = set(parts[-1]["kind"])
    table["merged"] = ~table["kind"].isin(finest)
    # A wide kind that nobody falls back on is not a kind of its own.
    used = table["kind"].isin(compared.index) | (table["kind"] == EVERYBODY)
    names = ["kind", "n_terms", "n_renewed", "n_churned", "n_accounts", "merged"]
    return Kinds(table.loc[used, names].reset_index(drop=True), present)


def contract(months: pd.Series) -> pd.Series:
    """Name the length of contracts: monthly, under a year, annual, multi-year.

    Parameters
    ----------
    months : Series of int
        Length of each term in months; missing is "unknown".

    Returns
    -------
    Series of str, index of ``months``
    """
    edges = [-np.inf, *CONTRACTS.values()]
    named = pd.cut(months.astype("float64"), edges, labels=list(CONTRACTS))
    return named.astype("object").where(months.notna(), UNKNOWN).astype(str)


def worse_when_more(column: str) -> bool | None:
    """Say whether more of a column is worse for a customer: None where it is neither.

    Parameters
    ----------
    column : str
        Panel column.

    Returns
    -------
    bool or None
        By the measure's name; a column that is no measure of the panel is better when more.
    """
    measure = column.partition(catalogue.SEPARATOR)[0]
    return None if measure in _NEITHER else measure in _WORSE_WHEN_MORE


def numbers(frame: pd.DataFrame, columns: Sequence[str]) -> Float:
    """Return columns as floats, with what is missing or infinite as NaN.

    Parameters
    ----------
    frame : DataFrame
    columns : sequence of str

    Returns
    -------
    ndarray of float, shape (n_rows, n_columns)

    Raises
    ------
    ParameterError
        The panel lacks a column.
    DataError
        A column holds no numbers.
    """
    need(frame, *columns)
    out = np.empty((len(frame), len(columns)))
    for place, name in enumerate(columns):
        try:
            out[:, place] = pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as fault:
            raise DataError(
                "a column to compare holds no numbers", where=name, repair="pass measures only"
            ) from fault
    out[~np.isfinite(out)] = np.nan
    return out


def percentiles(reference: Float, values: Float) -> Float:
    """Place values among a reference, ties counted half.

    Parameters
    ----------
    reference : ndarray of float, shape (n_reference, n_columns)
    values : ndarray of float, shape (n_rows, n_columns)

    Returns
    -------
    ndarray of float, shape (n_rows, n_columns)
        Share of known reference values below, plus half of those equal, 0 to 1; NaN where the
        value is missing or the reference has none.
    """
    out = np.full(values.shape, np.nan)
    for place in range(values.shape[1]):
        known = np.sort(reference[~np.isnan(reference[:, place]), place])
        here = ~np.isnan(values[:, place])
        if known.size:
            below = np.searchsorted(known, values[here, place], side="left")
            upto = np.searchsorted(known, values[here, place], side="right")
            out[here, place] = (below + upto) / (2 * known.size)
    return out


def gap(
    event: ArrayLike, first: ArrayLike, cluster: ArrayLike, *, level: float = 0.95
) -> tuple[float, float, float]:
    """Return how much more often an event holds in one group than in the other.

    Parameters
    ----------
    event : array-like of {0, 1}, shape (n_rows,)
    first : array-like of bool, shape (n_rows,)
        True in the one group, False in the other.
    cluster : array-like, shape (n_rows,)
        Account of each row; it may have rows in both groups.
    level : float, default 0.95
        Coverage.

    Returns
    -------
    tuple of float
        Difference of the shares (-1 to 1), and its interval; NaN where a group is empty.

    Notes
    -----
    The interval is the linearised one with accounts as units, Student's with the accounts of the
    smaller side.  Where the event is rare its variance is that of one more account in two more
    (Agresti & Caffo 2000), so that it does not collapse where nobody has it.
    """
    y, one = np.asarray(event, dtype=np.float64), np.asarray(first, dtype=bool)
    codes = pd.factorize(np.asarray(cluster))[0]
    if one.all() or not one.any():
        return np.nan, np.nan, np.nan
    shares, sizes, influence, added = [], [], np.zeros(len(y)), 0.0
    for rows, sign in ((one, 1.0), (~one, -1.0)):
        share, accounts = float(y[rows].mean()), len(np.unique(codes[rows]))
        influence[rows] = sign * (y[rows] - share) / int(rows.sum())
        smooth = (accounts * share + 1) / (accounts + 2)
        wider = smooth * (1 - smooth) / (accounts + 2) - share * (1 - share) / accounts
        added += max(wider, 0.0)
        shares.append(share)
        sizes.append(accounts)
    sums = np.bincount(codes, weights=influence)
    clustered = float(sums @ sums) * len(sums) / max(len(sums) - 1, 1)
    # With few accounts on a side their spread is itself a guess.
    times = float(stats.t.ppf(0.5 + level / 2, max(min(sizes) - 1, 1)))
    half = times * np.sqrt(clustered + added)
    difference = shares[0] - shares[1]
    return difference, max(-1.0, difference - half), min(1.0, difference + half)


def need(frame: pd.DataFrame, *columns: str) -> None:
    """Refuse a panel that lacks columns, all of them named at once.

    Parameters
    ----------
    frame : DataFrame
    *columns : str

    Raises
    ------
    ParameterError
        A column is absent.
    """
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise ParameterError("the panel lacks columns", where=", ".join(absent))


def _labels(frame: pd.DataFrame, by: Sequence[str]) -> list[pd.Series]:
    """Return each row's kind at every depth, widest first."""
    out: list[pd.Series] = []
    for name in by:
        part = contract(frame[name]) if name == "term_months" else _text(frame[name])
        out.append(out[-1] + ", " + part if out else part)
    return out


def _text(values: pd.Series) -> pd.Series:
    return values.astype("object").where(values.notna(), UNKNOWN).astype(str)


def _counted(past: pd.DataFrame, labels: pd.Series, cluster: str, outcome: str) -> pd.DataFrame:
    """Count terms and accounts by kind and outcome."""
    left = past[outcome].astype("float64") > 0
    rows = pd.DataFrame({"kind": labels, "account": past[cluster], "left": left})
    counted = rows.groupby("kind")["left"].agg(n_terms="size", n_churned="sum")
    counted["n_renewed"] = counted["n_terms"] - counted["n_churned"]
    counted["n_accounts"] = rows.groupby("kind")["account"].nunique()
    for name, side in (("accounts_renewed", ~left), ("accounts_churned", left)):
        held = rows[side].groupby("kind")["account"].nunique()
        counted[name] = held.reindex(counted.index, fill_value=0)
    return counted.reset_index()


def _enough(part: pd.DataFrame, renewed: int, churned: int) -> pd.Series:
    return (part["accounts_renewed"] >= renewed) & (part["accounts_churned"] >= churned)
