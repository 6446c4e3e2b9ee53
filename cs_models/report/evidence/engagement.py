"""The frames behind the engagement score, support and the growth of those who stay (M11 to M13).

Grain in: facts as of a date, ended contracts.  Grain out: one frame a question.  Revenue retention
is that of ``evidence/kept.py``, the same as on the pages of renewals; only its intervals are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from cs_models.features.measures import score, support
from cs_models.features.measures.facts import Facts
from cs_models.features.outcomes import INVOLUNTARY
from cs_models.features.renewals import GONE
from cs_models.learn import measures
from cs_models.report.evidence import kept
from cs_models.report.evidence.rules import records

NO_NAMES: Final = "the events name no user, so how users engage cannot be told"
NO_TICKETS: Final = "the source has no tickets table, so support cannot be told"
NO_TERMS: Final = "no contract has come to its renewal yet, so nothing can be said of growth"
N_QUARTERS: Final = 8
MANY, FEW = "many cases", "few cases"
OPEN, HANDLED = "some left open", "all handled"


@dataclass(frozen=True)
class Told:
    """All that the page shows of M11 to M13.

    Attributes
    ----------
    on : datetime.date
    why : dict of str to str
        By measure: why it cannot be answered.
    today : DataFrame
        One row per running account: its score and points.
    past : DataFrame
        One row per ended contract: the score it had, and kept (bool).
    fifths, order : DataFrame
        Renewal rate by fifth of the score; how well the score and each part order renewals.
    load, severities, handled : DataFrame
        Cases by account; days to close by severity; renewal rate by many and left open.
    unresolved, volume : dict of str to float
        Difference in renewal: with against without open cases; many against few, none open.
    quarters, segments : DataFrame
        GRR and NRR with intervals, by quarter and by segment (all quarters of ``quarters``).
    growth : DataFrame
        ARR at the end per ARR before, of those who stayed, by segment.
    """

    on: date
    why: dict[str, str]
    today: pd.DataFrame
    past: pd.DataFrame
    fifths: pd.DataFrame
    order: pd.DataFrame
    load: pd.DataFrame
    severities: pd.DataFrame
    handled: pd.DataFrame
    unresolved: dict[str, float]
    volume: dict[str, float]
    quarters: pd.DataFrame
    segments: pd.DataFrame
    growth: pd.DataFrame


def tell(
    tables: Mapping[str, ir.Table],
    facts: Facts,
    history: pd.DataFrame,
    *,
    grace_days: int = 30,
    rng: np.random.Generator,
) -> Told:
    """Work out M11 to M13 as of the date of the facts.

    Parameters
    ----------
    tables : mapping of str to ibis Table
        Canonical tables; tickets where the source has it.
    facts : Facts
    history : DataFrame
        ``renewals.history`` as of the same date.
    grace_days : int, default 30
    rng : numpy.random.Generator
        Draws accounts again.

    Returns
    -------
    Told
    """
    scored = score.scores(facts)
    past = _judged(score.before_renewals(scored, history, facts)) if len(scored) else _nothing()
    points = [f"points_{name}" for name in score.PARTS]
    cases = support.tickets(tables, facts)
    handled = _handled(cases, history, facts)
    due = _due(history, facts.on, grace_days)
    return Told(
        on=facts.on,
        why=_unanswered(facts, tables, due),
        today=scored[scored["period"] == 0].reset_index(drop=True) if len(scored) else scored,
        past=past,
        fifths=measures.by_fifth(past),
        order=measures.order(past, ["score", *points], rng=rng),
        load=support.load(cases, facts),
        severities=measures.waits(cases, by=["severity"], within_days=90).table,
        handled=_rates(handled),
        unresolved=measures.difference(handled, "kept", "one", side="open"),
        volume=measures.difference(handled[~handled["open"]], "kept", "one", side="many"),
        quarters=_retention(due, ["quarter"]),
        segments=_retention(due, ["segment"]),
        growth=_growth(due),
    )


def listed(told: Told) -> list[dict[str, Any]]:
    """Return the measures for ``results.json``: one dict a measure and group.

    Parameters
    ----------
    told : Told

    Returns
    -------
    list of dict
        id, name, group, value, low, high, unit, n, n_accounts, period.
    """
    day = str(told.on)
    rows = [
        _row("M11", "renewed, by fifth of the score", f"fifth {r['fifth']}", r, "share", day)
        for r in records(told.fifths.rename(columns={"rate": "value"}))
    ]
    rows += [
        _row("M11", "kept above lost", r["column"], r | {"value": r["auc"]}, "share", day)
        for r in records(told.order)
    ]
    rows += [
        _row("M12", "renewed", f"{r['volume']}, {r['state']}", r, "share", day)
        for r in records(told.handled)
    ]
    rows += [
        _row("M12", "days until closed", r["severity"],
             r | {"value": r["median"], "low": r["median_low"], "high": r["median_high"]},
             "days", day)
        for r in records(told.severities)
    ]  # fmt: skip
    for name in ("grr", "nrr"):
        for frame, by in ((told.quarters, "label"), (told.segments, "segment")):
            rows += [
                _row("M13", name.upper(), r[by],
                     {"value": r[name], "low": r[f"{name}_low"], "high": r[f"{name}_high"],
                      "n": r["n_due"], "n_accounts": r["n_accounts"]}, "share", r[by])
                for r in records(frame)
            ]  # fmt: skip
    return rows


def _row(
    name: str, words: str, group: object, row: Mapping[str, Any], unit: str, period: str
) -> dict[str, Any]:
    kept_keys = {key: row[key] for key in ("value", "low", "high", "n", "n_accounts")}
    return {"id": name, "name": words, "group": group, "unit": unit, "period": period} | kept_keys


def _unanswered(facts: Facts, tables: Mapping[str, ir.Table], due: pd.DataFrame) -> dict[str, str]:
    found = {}
    if not facts.users_named:
        found["M11"] = NO_NAMES
    if "tickets" not in tables:
        found["M12"] = NO_TICKETS
    if due.empty:
        found["M13"] = NO_TERMS
    return found


def _nothing() -> pd.DataFrame:
    points = [f"points_{name}" for name in score.PARTS]
    frame = pd.DataFrame(columns=["subscription_id", "account_id", "score", *points, "kept"])
    return frame.astype({"kept": bool} | dict.fromkeys(["score", *points], "float64"))


def _judged(past: pd.DataFrame) -> pd.DataFrame:
    """Add whether the customer stayed; those acquired or out of business are left out."""
    own = past[past["outcome"] != INVOLUNTARY]
    return own.assign(kept=~own["outcome"].isin(GONE)).reset_index(drop=True)


def _handled(cases: pd.DataFrame, history: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Sort ended contracts by how many cases they had, and whether any was left open."""
    columns = ["account_id", "kept", "one", "many", "open"]
    if cases.empty:
        return pd.DataFrame(columns=columns).astype({"many": bool, "open": bool})
    rows = _judged(support.before_renewals(cases, history, facts))
    usual = rows.groupby("segment")["opened"].transform("median")
    rows = rows.assign(
        many=rows["opened"] > usual, open=rows["unresolved"] > 0,
        kept=rows["kept"].astype("float64"), one=1.0,
    )  # fmt: skip
    return rows[columns]


def _rates(handled: pd.DataFrame) -> pd.DataFrame:
    rows = handled.assign(
        volume=np.where(handled["many"], MANY, FEW), state=np.where(handled["open"], OPEN, HANDLED)
    )
    return measures.pooled(rows, "kept", "one", by=["volume", "state"], share=True)


def _due(history: pd.DataFrame, on: date, grace_days: int) -> pd.DataFrame:
    """Return the contracts due in the last quarters that are known, and what they came to."""
    start = history["term_end"].dt.to_period("Q").dt.start_time.astype("datetime64[s]")
    due = history.assign(quarter=start)
    due = due[(due["term_start"] < due["quarter"]) & kept.known(due["quarter"], on, grace_days)]
    newest = np.sort(due["quarter"].unique())[-N_QUARTERS:]
    columns = ["subscription_id", "account_id", "segment", "quarter", "arr"]
    due = due[due["quarter"].isin(newest)][columns].reset_index(drop=True)
    return kept.came_to(due.assign(segment=due["segment"].fillna("not known")), history)


def _retention(due: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Add account-clustered intervals to what ``kept.retention`` adds up."""
    found = kept.retention(due, by)
    arr = due["arr"].astype("float64")
    rows = due.assign(arr=arr, kept_arr=np.minimum(due["arr_end"], arr))
    for name, column, share in (("grr", "kept_arr", True), ("nrr", "arr_end", False)):
        told = measures.pooled(rows, column, "arr", by=by, share=False)
        low = told[[*by, "low", "high", "n_accounts"]].rename(
            columns={"low": f"{name}_low", "high": f"{name}_high"}
        )
        if share:
            low[f"{name}_high"] = low[f"{name}_high"].clip(upper=1.0)
        drop = ["n_accounts"] if name == "nrr" else []
        found = found.merge(low.drop(columns=drop), on=by, how="left")
    if by == ["quarter"]:
        found.insert(1, "label", kept.labelled(found["quarter"]))
    return found


def _growth(due: pd.DataFrame) -> pd.DataFrame:
    """Return what those who stayed paid after the renewal, per unit of what they paid before."""
    stayed = due[due["outcome"].notna() & ~due["gone"].astype(bool) & (due["arr"] > 0)]
    stayed = stayed.assign(
        arr=stayed["arr"].astype("float64"), one=1.0,
        grew=(stayed["arr_end"] > stayed["arr"]).astype("float64"),
    )  # fmt: skip
    whole = stayed.assign(segment="all")
    both = pd.concat([whole, stayed], ignore_index=True)
    told = measures.pooled(both, "arr_end", "arr", by=["segment"])
    grew = measures.pooled(both, "grew", "one", by=["segment"], share=True)
    return told.assign(grew=grew["value"], n_terms=grew["n"])
