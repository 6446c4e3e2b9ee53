"""How near the predictors come to what could have been known, judged on worlds with planted truth.

Grain out: one record a world.  Everything is out of time: what was said at a past quarter's start
about the terms decided on in it, with what was known then (``churn.backtest``).  Beside it stand
the chances of :mod:`planted.leavers` and a regression of the law's own form fitted on the same
terms of the past: what is left of its distance to the oracle is the price of learning the law's
numbers from so many terms, whatever the form.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from cs_models.learn import churn, splits
from cs_models.learn.evaluation import calibration, metrics
from planted import leavers
from planted.leavers import TRUE

ENOUGH = 3000  # terms to learn from, from which the bar speaks (methods.md 7)
ORACLES = ("hidden", "mood", "recorded")
CAUSES = ("part_key", "part_gradual", "part_u", "part_tickets", "champion_lost", "mood_told")
Float = NDArray[np.float64]


def judge(frame: pd.DataFrame) -> dict[str, Any]:
    """Judge the predictors on one world.

    Parameters
    ----------
    frame : DataFrame
        Of :class:`leavers.Leavers`.

    Returns
    -------
    dict
        Figures of all past quarters and, after ``late_``, of those with at least 3,000 terms to
        learn from: the bar's.  ``gap_…`` is the AUC of an oracle less that of what was said.
    """
    started = time.process_time()
    seen = frame[[name for name in frame.columns if not name.startswith(TRUE)]]
    past = churn.backtest(seen, as_of=leavers.AS_OF, n_halves=0)
    seconds = time.process_time() - started
    said = past.predictions.merge(true_form(frame), on="subscription_id", validate="1:1")
    hidden = ["subscription_id", *(name for name in frame.columns if name.startswith(TRUE))]
    said = said.merge(frame[hidden], on="subscription_id", validate="1:1")
    n_train = said["origin"].map(past.origins.set_index("origin")["n_train"])
    late = said[n_train >= ENOUGH]
    found = {f"late_{name}": value for name, value in _figures(late).items()} if len(late) else {}
    return (
        _figures(said)
        | found
        | {"n_quarters": past.n_origins, "chosen": past.chosen, "cpu_seconds": seconds}
    )


def true_form(frame: pd.DataFrame) -> pd.DataFrame:
    """Fit the law's own form on the terms of the past, quarter by quarter.

    Returns
    -------
    DataFrame, one row per term tested
        ``subscription_id``, ``true_form``: its chance.
    """
    rows = frame[frame["churned"].notna()].reset_index(drop=True)
    churned = rows["churned"].to_numpy(dtype=float)
    causes = rows[[f"{TRUE}{name}" for name in CAUSES]].to_numpy(dtype=float)
    segments = pd.get_dummies(rows["segment"].fillna("")).to_numpy(dtype=float)
    design = np.hstack([causes, segments])
    parts = []
    for quarter in splits.rolling_origins(
        rows["as_of_date"], rows["term_end"], as_of=leavers.AS_OF, churned=churned
    ):
        model = LogisticRegression(C=100.0, max_iter=500)
        model.fit(design[quarter.train], churned[quarter.train])
        chance = model.predict_proba(design[quarter.test])[:, 1]
        known = rows["subscription_id"].iloc[quarter.test].to_numpy()
        parts.append(pd.DataFrame({"subscription_id": known, "true_form": chance}))
    return pd.concat(parts, ignore_index=True)


def _figures(said: pd.DataFrame) -> dict[str, float]:
    churned, chance = said["churned"].to_numpy(dtype=float), said["p_churn"].to_numpy()
    area = metrics.auc(churned, chance)
    figures = {"n_terms": float(len(said)), "n_churned": float(churned.sum()), "auc": area}
    oracles = {name: said[f"{TRUE}{name}"].to_numpy() for name in ORACLES}
    for name, oracle in oracles.items():
        figures |= {f"auc_{name}": metrics.auc(churned, oracle)}
        figures |= {f"gap_{name}": figures[f"auc_{name}"] - area}
    form = metrics.auc(churned, said["true_form"].to_numpy())
    figures |= {"gap_form": form - area, "form_gap": figures["auc_recorded"] - form}
    for level in (name for name in churn.LEVELS if f"p_{name}" in said):
        own = metrics.auc(churned, said[f"p_{level}"].to_numpy())
        figures |= {f"auc_{level}": own, f"gap_{level}": figures["auc_recorded"] - own}
    figures["boosted"] = float((said["level"] == "L4").mean())
    figures["within_recorded"] = _within(said, oracles["recorded"]) - _within(said, chance)
    figures |= _calibrated(said, chance, "")
    figures |= _calibrated(said, oracles["recorded"], "oracle_")
    # The quarters' shocks move what came, and nobody could have said them.
    moved = said[f"{TRUE}shocked"].to_numpy() / oracles["recorded"]
    unshocked = figures["ratio"] * chance.sum() / (chance * moved).sum()
    return figures | {
        "ratio_off": abs(figures["ratio"] - 1),
        "unshocked_off": abs(float(unshocked) - 1),
    }


def _within(said: pd.DataFrame, chance: Float) -> float:
    """Return the mean AUC of the quarters, weighted by their terms: their levels do not count."""
    parts = said.assign(said=chance)[["origin", "churned", "said"]].groupby("origin")
    areas = [(len(own), metrics.auc(own["churned"], own["said"])) for _, own in parts]
    known = [(n, area) for n, area in areas if np.isfinite(area)]
    return float(np.average([area for _, area in known], weights=[n for n, _ in known]))


def _calibrated(said: pd.DataFrame, chance: Float, before: str) -> dict[str, float]:
    told = calibration.table(
        said["churned"], chance, account=said["account_id"], n_null=1, rng=np.random.default_rng(0)
    ).set_index("measure")["value"]
    return {
        f"{before}slope": float(told["slope"]),
        f"{before}ratio": float(told["observed_to_expected"]),
    }
