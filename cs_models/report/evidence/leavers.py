"""What the whole history says of those who leave: heavy use, health, and where it went wrong.

Grain in: panels before renewal.  Grain out: tables of the learning layer, or None where too few
left or stayed.  ``methods.md`` 1.3 and 5; question Q8.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import TooLittleDataError
from cs_models.learn import health, postmortem, profile
from cs_models.report.evidence import callers
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.predictors import Learnt, Today, label, limits

HEAVY, SIGNS, HEALTH, LOST = "heavy", "signs", "health-table", "lost-table"
_SIGNS: Final = {
    "spike__last_30d": "a burst of use",
    "export_spike__last_30d": "a burst of exports",
    "mix_change__last_28d": "another mix of features",
    "trend__last_28d": "falling use",
}


def heavy(history: pd.DataFrame, coming: Due) -> profile.HeavyUse | None:
    """Return heavy users whose use changes like that of past leavers; None with too few of them.

    Parameters
    ----------
    history : DataFrame
        Panel of past terms.
    coming : Due
    """
    if coming.terms.empty:
        return None
    try:
        return profile.heavy_but_leaving(history, coming.terms)
    except TooLittleDataError:
        return None


def heavy_terms(found: profile.HeavyUse | None, today: Today | None, coming: Due) -> pd.DataFrame:
    """Return the heavy users with a sign, the largest first, with their chance where one is said.

    Parameters
    ----------
    found : HeavyUse or None
    today : Today or None
    coming : Due

    Returns
    -------
    DataFrame, one row per term
        subscription_id, account_id, account_name, segment, arr (float), term_end, use, said (its
        signs in words), backed ("yes", "no", "not known"), p_churn (NaN where none is said).
    """
    columns = ["subscription_id", "account_id", "account_name", "segment", "arr", "term_end",
               "use", "said", "backed", "p_churn"]  # fmt: skip
    if found is None:
        return pd.DataFrame(columns=columns)
    terms = found.terms[found.terms["flag"].astype(bool)].drop(columns="account_id")
    about = coming.terms[["subscription_id", "account_id", "account_name", "segment", "arr",
                          "term_end"]]  # fmt: skip
    frame = terms.merge(about, on="subscription_id", how="left")
    frame["arr"] = pd.to_numeric(frame["arr"]).astype("float64")
    frame["said"] = [", ".join(map(sign, text.split(", "))) for text in frame["signs"]]
    frame["backed"] = [
        "not known" if pd.isna(value) else "yes" if value else "no" for value in frame["backed"]
    ]
    if today is None:
        frame["p_churn"] = np.nan
    else:
        chances = today.risk.set_index("subscription_id")["p_churn"]
        frame["p_churn"] = frame["subscription_id"].map(chances)
    return frame.sort_values("arr", ascending=False, ignore_index=True)[columns]


def sign(column: str) -> str:
    """Return a sign of off-boarding in words."""
    return _SIGNS.get(column, label(column))


def validated(
    learnt: Learnt, history: pd.DataFrame, play: health.Play | None, rng: np.random.Generator
) -> health.Validation | None:
    """Hold the colours, as they would have been given, against what customers did.

    Parameters
    ----------
    learnt : Learnt
    history : DataFrame
        Panel of past terms, with the CRM's score where there is one.
    play : health.Play or None
        What a call costs and is believed to save; sets the colours.
    rng : numpy.random.Generator

    Returns
    -------
    Validation or None
        None where nothing was foretold.
    """
    if learnt.past is None:
        return None
    seen = callers.with_crm(learnt.past.predictions, history)
    return health.validate(seen, limits(learnt.past, play), rng=rng)


def lost(history: pd.DataFrame) -> postmortem.PostMortem | None:
    """Return at which stage lost terms fell behind; None where too few left or renewed.

    Parameters
    ----------
    history : DataFrame
        Panel of past terms.
    """
    try:
        return postmortem.lost(history)
    except TooLittleDataError:
        return None
