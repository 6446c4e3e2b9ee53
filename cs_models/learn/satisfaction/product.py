"""Feedback to product: which features go with renewal, which do skilled, content people not need.

Grain in: one row per past contract term, and one row per user.  Grain out: one row per feature.

Active customers use everything, so every feature would seem to go with renewal.  Each is
therefore judged among customers who use the product as much in all, and one that goes with
renewal only beside another is called an echo of it (``methods.md`` 2.3, 2.4b).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.learn.engines import columns as engine
from cs_models.learn.engines import multiplier
from cs_models.learn.evaluation import bootstrap
from cs_models.learn.evaluation.rates import proportion

Float = NDArray[np.float64]
FEWEST_CHURNED: Final = 40
MOST_SIGNALS: Final = 5
LITTLE: Final = 0.2
SIGNAL, ECHO, LEAVING, NONE = "goes with renewal", "echo", "goes with leaving", "not told apart"

LINK_COLUMNS: Final = ("feature", "n", "n_accounts", "points", "low", "high", "p", "role")
USE_COLUMNS: Final = (
    "feature", "n_active", "n_users", "share", "low", "high", "n_content", "content_share",
    "content_low", "content_high",
)  # fmt: skip


@dataclass(frozen=True)
class Links:
    """How the use of each feature goes with renewal.

    Attributes
    ----------
    table : DataFrame, one row per feature
        ``feature``, ``n`` (terms), ``n_accounts``, ``points`` (renewal rate, −1 to 1, that goes
        with twice the use, among customers as active in all), ``low``, ``high`` (95 %), ``p``
        (adjusted for all features), ``role``.
    n, n_accounts, n_churned : int
    why_not : str
        Why nothing was judged; empty otherwise.
    """

    table: pd.DataFrame
    n: int
    n_accounts: int
    n_churned: int
    why_not: str = ""


def links(
    terms: pd.DataFrame,
    columns: Mapping[str, str],
    *,
    rng: np.random.Generator,
    n_draws: int = 1999,
    alpha: float = 0.05,
) -> Links:
    """Judge each feature's use early in the term against renewal, all features together.

    Parameters
    ----------
    terms : DataFrame, one row per past term
        ``account_id``, ``segment``, ``term_months``, ``term_no``, ``term_start``, ``arr``,
        ``churned`` (0/1, missing left out) and a count of use for each feature.
    columns : mapping of str to str
        Feature to its column in `terms`; a term in which a feature was not there yet (missing)
        counts as without use.
    rng : numpy.random.Generator
    n_draws : int, default 1999
    alpha : float, default 0.05
        How often one or more features may be announced where none goes with renewal.

    Returns
    -------
    Links

    Notes
    -----
    Likeness: segment, length and number of the term, yearly revenue, half-year of start, and all
    use together.  The strongest feature is accepted, its use joins the likeness, and the
    others are judged again, until none passes.
    """
    rows = terms.dropna(subset=["churned", "account_id"]).reset_index(drop=True)
    churned = rows["churned"].to_numpy(dtype=np.float64)
    n_lost = int(rows.loc[churned == 1, "account_id"].nunique()) if len(rows) else 0
    n_accounts = int(rows["account_id"].nunique())
    features = [f for f in columns if len(rows) and rows[columns[f]].fillna(0).gt(0).any()]
    if n_lost < FEWEST_CHURNED or not features:
        why = f"{n_lost} customers that left are too few to judge features by"
        empty = pd.DataFrame(columns=list(LINK_COLUMNS))
        return Links(empty, len(rows), n_accounts, int(churned.sum()), why)
    use = np.column_stack([rows[columns[f]].fillna(0).to_numpy(dtype=np.float64) for f in features])
    table = _judged(rows, churned, np.log1p(use), use.sum(axis=1), features, rng, n_draws, alpha)
    return Links(table, len(rows), n_accounts, int(churned.sum()))


def _judged(
    rows: pd.DataFrame, churned: Float, use: Float, total: Float, features: Sequence[str],
    rng: np.random.Generator, n_draws: int, alpha: float,
) -> pd.DataFrame:  # fmt: skip
    account, n_accounts = bootstrap.accounts(rows["account_id"])
    every, volume = np.arange(len(rows)), np.log1p(total)
    design = np.column_stack([_likeness(rows), volume, volume**2])
    first = multiplier.fit_null(design, churned, every)
    _, marginal = engine.test(use, first, account, n_draws=n_draws, rng=rng)
    slope, error = _doublings(use, first, account, n_accounts)
    role = np.where(marginal.p <= alpha, ECHO, NONE).astype(object)
    adjusted, accepted = marginal.p, list[int]()
    while len(accepted) < min(MOST_SIGNALS, len(features)):
        best = int(np.argmin(np.where(np.isin(np.arange(len(features)), accepted), 2, adjusted)))
        if adjusted[best] > alpha:
            break
        role[best] = SIGNAL if slope[best] > 0 else LEAVING
        accepted.append(best)
        own = use[:, accepted]
        model = multiplier.fit_null(np.column_stack([design, own, own**2]), churned, every)
        _, found = engine.test(use, model, account, n_draws=n_draws, rng=rng)
        adjusted = found.p
    table = pd.DataFrame(
        {
            "feature": features, "n": len(rows), "n_accounts": n_accounts, "points": slope,
            "low": slope - 1.96 * error, "high": slope + 1.96 * error, "p": marginal.p,
            "role": role,
        }
    )  # fmt: skip
    return table.sort_values(["p", "feature"], ignore_index=True)


def _doublings(
    use: Float, model: multiplier.NullModel, account: NDArray[np.int64], n_accounts: int
) -> tuple[Float, Float]:
    """Return what twice the use goes with in renewal rate, and its clustered error."""
    own = engine.cleared(use, model)
    variance = model.weight @ own**2
    variance = np.where(variance > 1e-9, variance, np.nan)
    scores = own * model.residual[:, None]
    sums = bootstrap.sums(scores, account, n_accounts)
    per_doubling = np.log(2) * float(model.weight.mean())
    slope = -scores.sum(axis=0) / variance * per_doubling
    return slope, np.sqrt((sums**2).sum(axis=1)) / variance * per_doubling


def _likeness(rows: pd.DataFrame) -> Float:
    start = pd.to_datetime(rows["term_start"])
    half = start.dt.year.astype(str) + "h" + ((start.dt.month > 6) + 1).astype(str)
    months = rows["term_months"].astype("Float64").fillna(0).clip(upper=36).round().astype(str)
    kinds = pd.DataFrame(
        {"segment": rows["segment"].astype(str), "months": months, "half": half}
    )  # fmt: skip
    dummies = pd.get_dummies(kinds, drop_first=True).to_numpy(dtype=np.float64)
    numbers = [
        np.log1p(rows["arr"].astype(float).fillna(0).to_numpy()),
        np.log(rows["term_no"].astype("Float64").fillna(1).to_numpy(dtype=np.float64)),
    ]
    return np.column_stack([dummies, *numbers])


def use_now(users: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """Say who uses each feature: of all active people, and of those who are skilled and content.

    Parameters
    ----------
    users : DataFrame, one row per user
        ``account_id``, ``active`` (bool: used anything in the window), ``content`` (bool: answered,
        satisfied and skilled) and ``uses:<feature>`` (0/1, in the same window) for each feature.
    features : sequence of str

    Returns
    -------
    DataFrame, one row per feature
        ``feature``, ``n_active``, ``n_users``, ``share`` (0 to 1, of the active), ``low``,
        ``high``, ``n_content``, ``content_share`` (of the content), ``content_low``,
        ``content_high``; accounts are the unit of the intervals.
    """
    active, content = users[users["active"]], users[users["content"]]
    rows = []
    for feature in features:
        own = proportion(active[f"uses:{feature}"], active["account_id"])
        theirs = proportion(content[f"uses:{feature}"], content["account_id"])
        rows.append(
            (feature, own.n, own.n_events, own.rate, own.low, own.high, theirs.n, theirs.rate,
             theirs.low, theirs.high)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(USE_COLUMNS))


def feedback(used: pd.DataFrame, linked: pd.DataFrame, *, little: float = LITTLE) -> pd.DataFrame:
    """Set use beside renewal, feature by feature, with what it says to product.

    Parameters
    ----------
    used : DataFrame
        What :func:`use_now` returned.
    linked : DataFrame
        ``Links.table``; empty where nothing could be judged.
    little : float, default 0.2
        A feature used by a smaller share of the active people is little used; one that surely
        fewer of the content ones use (the upper end of the interval) is not needed by them.

    Returns
    -------
    DataFrame, one row per feature, most used first
        The columns of both, ``widely`` (bool), ``not_needed`` (bool) and ``says``.
    """
    out = used.merge(linked.drop(columns=["n", "n_accounts", "low", "high"], errors="ignore"),
                     on="feature", how="left")  # fmt: skip
    out["link_low"] = out["feature"].map(linked.set_index("feature")["low"] if len(linked) else {})
    out["link_high"] = out["feature"].map(
        linked.set_index("feature")["high"] if len(linked) else {}
    )
    out["role"] = out["role"].fillna("not judged")
    out["widely"] = out["share"] >= little
    out["not_needed"] = (out["n_content"] > 0) & (out["content_high"] < little)
    out["says"] = [
        _says(str(role), bool(wide), bool(spare))
        for role, wide, spare in zip(out["role"], out["widely"], out["not_needed"], strict=True)
    ]
    return out.sort_values(["share", "feature"], ascending=[False, True], ignore_index=True)


def _says(role: str, widely: bool, not_needed: bool) -> str:
    if role == SIGNAL:
        return "Champion it." if widely else "Bring it to more customers: few use it yet."
    if role == LEAVING:
        return "Ask what it is used for: more of it went with leaving."
    if not_needed:
        return "Not needed even by skilled, content people: ask before building on."
    if not widely:
        return "Little used: find out whom it is for."
    return "A habit: keep it working."
