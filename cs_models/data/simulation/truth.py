"""What was true of an invented world, for tests and readers of its ``truth.json``.

Grain: :func:`terms` one row a contract term; :func:`summary` one document a world.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cs_models.data.simulation import calendar
from cs_models.data.simulation.calendar import Flags, Floats, Ints
from cs_models.data.simulation.contracts import CHANCE_DOWN, DOWN, OUTCOMES, PENDING, Contracts
from cs_models.data.simulation.merges import Merges
from cs_models.data.simulation.outcomes import (
    DAYS_PER_MONTH,
    Causes,
    Law,
    monthly_hazard_of,
)
from cs_models.data.simulation.portfolio import Periods, Portfolio
from cs_models.data.simulation.scenarios import (
    FEATURES,
    GRADUAL_FEATURE,
    KEY_FEATURE,
    SEGMENTS,
    U_SHAPED_FEATURE,
    WINDOW_DAYS,
    Scenario,
)

GRACE_DAYS = 30


def terms(
    portfolio: Portfolio,
    causes: Causes,
    law: Law,
    contracts: Contracts,
    merges: Merges,
    scenario: Scenario,
) -> pd.DataFrame:
    """Return one row a term: what it depended on, its true hazard, and what became of it.

    Columns: subscription_id, account_id, segment, term_start, term_end (true dates, before dirt),
    term_months, x (key feature's actions in the first 60 days), below (x under the cut), hazard
    (probability to leave at this renewal, early leaving apart), churn_probability (by the end of
    the term, given that it is alive at day 60), churned (1 voluntary, 0 stayed or involuntary),
    involuntary, outcome (as recorded), arr, evaluable (begun within the telemetry, alive at day
    60, of 120 days or more, ended 30 days before `as_of`).
    """
    p = contracts.period
    monthly = contracts.months == 1
    hazard = np.where(monthly, monthly_hazard_of(law.hazard[p]), law.hazard[p])
    cancel = np.array(scenario.early_cancel_monthly)[portfolio.segment[contracts.account]]
    at_risk = np.maximum(contracts.end - contracts.start - WINDOW_DAYS, 0) / DAYS_PER_MONTH
    no_cancel = np.where(monthly, 1.0, np.exp(-cancel * at_risk))
    as_of = calendar.day(scenario.as_of)
    alive = np.minimum(contracts.ended, contracts.end) >= contracts.start + WINDOW_DAYS
    evaluable = (
        (contracts.start >= calendar.day(scenario.data_start))
        & (contracts.end + GRACE_DAYS <= as_of)
        & (contracts.months >= 4)
        & alive
        & (contracts.outcome != PENDING)
    )
    return pd.DataFrame(
        {
            "subscription_id": [f"s-{i:07d}" for i in range(contracts.size)],
            "account_id": [
                f"a-{i:07d}" for i in merges.current(contracts.account, contracts.start)
            ],
            "segment": np.array(SEGMENTS)[portfolio.segment[contracts.account]],
            "term_start": contracts.start.astype("datetime64[D]"),
            "term_end": contracts.end.astype("datetime64[D]"),
            "term_months": contracts.months,
            "x": causes.key[p],
            "below": law.below[p],
            "hazard": hazard,
            "churn_probability": 1.0 - no_cancel * (1.0 - hazard),
            "churned": (contracts.fate == OUTCOMES.index("churned")).astype(np.int64),
            "involuntary": contracts.fate == OUTCOMES.index("involuntary"),
            "outcome": np.array(OUTCOMES)[contracts.outcome],
            "arr": contracts.arr_cents / 100.0,
            "evaluable": evaluable,
        }
    )


def correlations(
    counts: Ints, portfolio: Portfolio, periods: Periods, lived: Flags, scenario: Scenario
) -> dict[str, float | None]:
    """Return each feature's correlation with v: log1p of the first 60 days' actions, before dirt.

    Taken within segments, whose levels differ.
    """
    opened, closed = calendar.day(scenario.data_start), calendar.day(scenario.as_of)
    whole = lived & (periods.start >= opened) & (periods.start + WINDOW_DAYS <= closed)
    segment = portfolio.segment[periods.account[whole]]
    vigour = _centred(periods.vigour[whole], segment)
    listed: dict[str, float | None] = {}
    for k, feature in enumerate(FEATURES):
        used = _centred(np.log1p(counts[whole, k]), segment)
        scale = float(np.sqrt((used**2).sum() * (vigour**2).sum()))
        listed[feature.name] = round(float(used @ vigour) / scale, 3) if scale > 0 else None
    return listed


def _centred(values: Floats, group: Ints) -> Floats:
    size = np.maximum(np.bincount(group, minlength=3), 1)
    mean = np.bincount(group, weights=values, minlength=3) / size
    centred: Floats = values - mean[group]
    return centred


def summary(
    scenario: Scenario,
    seed: int,
    n_accounts: int,
    law: Law,
    terms: pd.DataFrame,
    correlations: dict[str, float | None],
    dirt: dict[str, int],
) -> dict[str, Any]:
    """Return the document written as ``truth.json``."""
    learnt = terms[terms["evaluable"]]
    cuts = dict(zip(SEGMENTS, scenario.cuts, strict=True))
    planted = scenario.beta_threshold != 0
    return {
        "scenario": scenario.name,
        "seed": seed,
        "n_accounts": n_accounts,
        "as_of": scenario.as_of.isoformat(),
        "data_start": scenario.data_start.isoformat(),
        "feature": KEY_FEATURE if planted else None,
        "window_days": WINDOW_DAYS if planted else None,
        "cuts": cuts if planted else None,
        "rule": _rule(cuts) if planted else "no threshold was planted",
        "numbers": scenario.as_dict(),
        "features": {
            feature.name: {
                "effect": _effect(feature.name, scenario),
                "correlation_with_vigour": correlations[feature.name],
            }
            for feature in FEATURES
        },
        "intercepts": dict(zip(SEGMENTS, _rounded(law.intercepts, 4), strict=True)),
        "quarter_shocks": {
            calendar.quarter_label(q): round(shock, 4) for q, shock in law.shocks.items()
        },
        "oracle": _oracle(learnt),
        "evaluable_terms": _by_segment(learnt),
        "expected_grr": _expected_grr(terms),
        "dirt": dirt,
        "terms": {
            "subscription_id": terms["subscription_id"].tolist(),
            "x": terms["x"].tolist(),
            "hazard": _rounded(terms["hazard"].to_numpy(), 4),
        },
    }


def _rule(cuts: dict[str, int]) -> str:
    listed = ", ".join(f"{segment} {cut}" for segment, cut in cuts.items())
    return (
        f"a term whose first {WINDOW_DAYS} days hold fewer {KEY_FEATURE} actions than the "
        f"segment's cut ({listed}) is likelier to churn"
    )


def _effect(name: str, scenario: Scenario) -> str:
    effects = {
        KEY_FEATURE: "step"
        if scenario.beta_threshold
        else ("slope" if scenario.beta_slope else "none"),
        GRADUAL_FEATURE: "slope" if scenario.beta_gradual else "none",
        U_SHAPED_FEATURE: "u-shape" if scenario.beta_u else "none",
    }
    return effects.get(name, "none")


def _oracle(learnt: pd.DataFrame) -> dict[str, Any]:
    """Return how well the true probabilities tell the outcomes: no model can do better."""
    y = learnt["churned"].to_numpy()
    p = learnt["churn_probability"].to_numpy()
    if y.size == 0 or y.min() == y.max():
        return {"auc": None, "brier": None, "n_terms": int(y.size), "n_churned": int(y.sum())}
    return {
        "auc": round(auc(p, y), 4),
        "brier": round(float(np.mean((p - y) ** 2)), 4),
        "n_terms": int(y.size),
        "n_churned": int(y.sum()),
    }


def auc(score: Floats, outcome: np.ndarray) -> float:
    """Return the probability that a churned term scores above another one, ties halved."""
    rank = pd.Series(score).rank().to_numpy()
    positive = outcome == 1
    n, m = int(positive.sum()), int((~positive).sum())
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * m))


def _by_segment(learnt: pd.DataFrame) -> dict[str, dict[str, Any]]:
    listed = {}
    for segment in SEGMENTS:
        rows = learnt[learnt["segment"] == segment]
        below = rows[rows["below"]]["churned"]
        above = rows[~rows["below"]]["churned"]
        listed[segment] = {
            "n_terms": len(rows),
            "n_accounts": int(rows["account_id"].nunique()),
            "n_churned": int(rows["churned"].sum()),
            "share_below": _mean(rows["below"]),
            "churn_below": _mean(below),
            "churn_above": _mean(above),
        }
    return listed


def _expected_grr(terms: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the expected gross revenue retention of the ARR due in each quarter.

    A term keeps its ARR unless it leaves, and loses on average a quarter of it when contracted.
    """
    due = terms.assign(
        quarter=calendar.quarter_index(
            terms["term_end"].to_numpy().astype("datetime64[D]").astype(np.int64)
        ),
        kept=terms["arr"]
        * (1 - terms["churn_probability"])
        * np.where(terms["term_months"] > 1, 1 - CHANCE_DOWN * (1 - sum(DOWN) / 2), 1.0),
    )
    grouped = due.groupby("quarter").agg(arr=("arr", "sum"), kept=("kept", "sum"), n=("x", "size"))
    return {
        calendar.quarter_label(int(str(quarter))): {
            "due_arr": round(float(row["arr"]), 2),
            "expected_grr": round(float(row["kept"] / row["arr"]), 4),
            "n_terms": int(row["n"]),
        }
        for quarter, row in grouped.iterrows()
    }


def _mean(values: pd.Series) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None


def _rounded(values: Floats, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
