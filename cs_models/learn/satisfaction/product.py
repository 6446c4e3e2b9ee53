"""Feedback to product: which features go with renewal, which do skilled, content people not need.

Grain in: one row per past contract term, and one row per user.  Grain out: one row per feature.

Active customers use everything, so every feature would seem to go with renewal.  Each is
therefore judged among customers who use the product as much in all, and one that goes with
renewal only beside another is called an echo of it (``methods.md`` 2.3, 2.4b).  More of a feature
need not go with more: each is asked for a bend too, and one that carries data away is never
called good for going with renewal, since heavy use may be off-boarding (``methods.md`` 1.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cs_models.features.relations.records import carries_data_away
from cs_models.learn.engines import columns as engine
from cs_models.learn.engines import multiplier
from cs_models.learn.evaluation import bootstrap
from cs_models.learn.evaluation.rates import proportion

Float = NDArray[np.float64]
FEWEST_CHURNED: Final = 40
MOST_SIGNALS: Final = 5
LITTLE: Final = 0.2
SIGNAL, ECHO, LEAVING, NONE = "goes with renewal", "echo", "goes with leaving", "not told apart"
ENDS, MIDDLE = "most renewed at both ends", "most renewed in the middle"
SHAPES: Final = (SIGNAL, LEAVING, ENDS, MIDDLE)
_INSIDE: Final = (0.1, 0.9)  # where a bend must turn to be one: between these shares of the terms

LINK_COLUMNS: Final = (
    "feature", "n", "n_accounts", "points", "low", "high", "p", "p_alone", "turns_at", "role",
)  # fmt: skip
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
        (the one that decided: the larger of ``p_alone`` and that with the accepted features
        known, both adjusted for all features, lines and bends), ``turns_at`` (uses at which a
        bend turns; missing for a line), ``role``.
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
    use together.  Of the features that pass alone the strongest is accepted, its use joins the
    likeness, and the others are judged again, until none passes; an accepted one that does not
    pass beside the others accepted is an echo.  A feature is named by its bend where the square
    of its (logarithmic) use, cleared of the line, passes and turns between the lowest and the
    highest tenth of the terms; lines and bends share one correction.
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

    def known(accepted: Sequence[int]) -> multiplier.NullModel:
        own = use[:, list(accepted)]
        return multiplier.fit_null(np.column_stack([design, own, own**2]), churned, every)

    def judged(accepted: Sequence[int]) -> Float:
        model = known(accepted)
        both = np.column_stack([use, _bends(use, model)])
        return np.asarray(engine.test(both, model, account, n_draws=n_draws, rng=rng)[1].p)

    first = known([])
    slope, error = _doublings(use, first, account, n_accounts)
    turns, ends = _turns(use, first)
    every_p, many = judged([]), len(features)
    bent = (every_p[many:] <= alpha) & ~np.isnan(turns)
    read = np.arange(many) + many * bent  # the column by which a feature is judged
    alone = every_p[read]
    accepted, decided = _accepted(alone, read, judged, alpha)
    shape = np.where(slope > 0, SIGNAL, LEAVING).astype(object)
    shape[bent] = np.where(ends[bent], ENDS, MIDDLE)
    role = np.where(alone <= alpha, ECHO, NONE).astype(object)
    role[accepted] = shape[accepted]
    table = pd.DataFrame(
        {
            "feature": features, "n": len(rows), "n_accounts": n_accounts, "points": slope,
            "low": slope - 1.96 * error, "high": slope + 1.96 * error, "p": decided,
            "p_alone": alone, "turns_at": np.where(bent, np.expm1(turns), np.nan), "role": role,
        }
    )  # fmt: skip
    return table.sort_values(["p", "p_alone", "feature"], ignore_index=True)


def _accepted(
    alone: Float, read: NDArray[np.int64], judged: Callable[[Sequence[int]], Float], alpha: float
) -> tuple[list[int], Float]:
    """Return the features that pass alone and beside each other, and the p that decided of each.

    Only a feature that passes alone is ever asked beside others: what passes once another is
    known and not before is as likely picked by chance.
    """
    accepted, adjusted = list[int](), alone
    open_ = [int(place) for place in np.flatnonzero(alone <= alpha)]
    decided = alone.copy()
    while open_ and len(accepted) < MOST_SIGNALS:
        best = min(open_, key=lambda place: float(adjusted[place]))
        if adjusted[best] > alpha:
            break
        accepted.append(best)
        open_.remove(best)
        adjusted = judged(accepted)[read]
    decided[open_] = np.maximum(alone, adjusted)[open_]
    for place in list(accepted) if len(accepted) > 1 else []:
        beside = judged([other for other in accepted if other != place])[read[place]]
        decided[place] = max(alone[place], beside)
        if beside > alpha:
            accepted.remove(place)
    return accepted, decided


def _bends(use: Float, model: multiplier.NullModel) -> Float:
    """Return the square of each use less the line through it, given the covariates."""
    square = use**2
    line, own = engine.cleared(use, model), engine.cleared(square, model)
    size = model.weight @ line**2
    share = np.where(size > 1e-9, (model.weight @ (line * own)) / np.maximum(size, 1e-9), 0.0)
    return np.asarray(square - share * use)


def _turns(use: Float, model: multiplier.NullModel) -> tuple[Float, NDArray[np.bool_]]:
    """Return where renewal turns along each use, missing where at an end, and if it is a low."""
    line, bend = engine.cleared(use, model), engine.cleared(_bends(use, model), model)
    own = engine.cleared(use**2, model)
    sizes = [np.maximum(model.weight @ part**2, 1e-9) for part in (line, bend)]
    share = (model.weight @ (line * own)) / sizes[0]
    slope, curve = (model.residual @ part / size for part, size in
                    zip((line, bend), sizes, strict=True))  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = (share * curve - slope) / (2 * curve)
    low, high = np.quantile(use, _INSIDE, axis=0)
    inside = (turn > low) & (turn < high)
    # The residual is of leaving: the most leaving in the middle is the most renewed at the ends.
    return np.where(inside, turn, np.nan), curve < 0


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


def feedback(
    used: pd.DataFrame,
    linked: pd.DataFrame,
    *,
    little: float = LITTLE,
    exports: Sequence[str] | None = None,
) -> pd.DataFrame:
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
    exports : sequence of str, optional
        Features that carry data away, besides those whose name says so.

    Returns
    -------
    DataFrame, one row per feature, most used first
        The columns of both, ``widely``, ``not_needed``, ``carries_away`` (bool) and ``says``.

    Notes
    -----
    A feature that carries data away is never championed: use may be packing (``methods.md`` 1.3).
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
    out["carries_away"] = [f in (exports or ()) or carries_data_away(f) for f in out["feature"]]
    marks = ["role", "widely", "not_needed", "carries_away"]
    out["says"] = [
        _says(str(role), bool(wide), bool(spare), bool(away))
        for role, wide, spare, away in zip(*(out[mark] for mark in marks), strict=True)
    ]
    return out.sort_values(["share", "feature"], ascending=[False, True], ignore_index=True)


def _says(role: str, widely: bool, not_needed: bool, carries_away: bool) -> str:
    if carries_away and role in SHAPES:
        return "Ask what it is used for: exports can be a sign of packing."
    if role == ENDS:
        return "More is not better: least renewed in the middle. Ask who the two ends are."
    if role == MIDDLE:
        return "More is not better: most renewed in the middle. Ask what the heaviest use is for."
    if role == SIGNAL:
        return "Champion it." if widely else "Bring it to more customers: few use it yet."
    if role == LEAVING:
        return "Ask what it is used for: more of it went with leaving."
    if not_needed:
        return "Not needed even by skilled, content people: ask before building on."
    if not widely:
        return "Little used: find out whom it is for."
    return "A habit: keep it working."
