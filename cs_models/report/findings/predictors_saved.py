"""What notebook 03 leaves for other readers: findings, predictions, and the model in its folder.

Grain in: what the page says.  Grain out: findings and tables of ``results.json``, and ``model/``.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cs_models.learn import churn
from cs_models.learn.postmortem import PostMortem
from cs_models.report.evidence import callers, foretold
from cs_models.report.evidence import predictors as evidence
from cs_models.report.evidence.callers import Calls
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.foretold import Judged
from cs_models.report.evidence.predictors import Learnt, Today
from cs_models.report.findings import foretold as ladder_words
from cs_models.report.findings import net_benefit
from cs_models.report.findings import predictors as answer
from cs_models.report.findings.words import text
from cs_models.report.results import Finding

MODEL_FOLDER = "model"
SAID = ("account_id", "subscription_id", "term_end", "arr", "p_churn", "p_low", "p_high",
        "colour", "colour_raw")  # fmt: skip
_PAST = ("origin", "subscription_id", "account_id", "account_name", "segment", "arr",
         "as_of_date", "term_end", "level", "p_churn", "p_base", "cold", "churned")  # fmt: skip


def findings(
    learnt: Learnt,
    coming: Due,
    today: Today | None,
    judged: Judged | None,
    called: Calls | None,
    currency: str,
) -> list[Finding]:
    """Return what was found, machine-readable.

    Parameters
    ----------
    learnt, coming, today, judged, called
        What the page was made from.
    currency : str
        ISO 4217 code: the unit of the money.

    Returns
    -------
    list of Finding
        ``too-little-data`` alone, or ``model`` (how well), ``drivers``, ``warnings``,
        ``net-benefit`` (calls by the chance beside calling all and none) and ``arr-at-risk``.
    """
    if learnt.past is None or judged is None:
        return [Finding(
            id="too-little-data", statement=answer.too_little(learnt).text,
            value=learnt.counts["n_churned_accounts"], unit="customers who left",
            n=learnt.counts["n_accounts"], verdict="too_little_data", table="exclusions",
        )]  # fmt: skip
    auc = judged.value("auc")
    found = [Finding(
        id="model", statement=answer.doubt(learnt, judged, None)[0].text, value=auc["value"],
        low=auc["low"], high=auc["high"], unit="share", n=learnt.counts["n_foretold"],
        verdict=None if learnt.better else "none", table=foretold.MEASURES,
    )]  # fmt: skip
    found.append(Finding(
        id="drivers", statement=ladder_words.drivers(learnt.past)[0].text,
        n=learnt.counts["n_foretold"], table=foretold.DRIVERS,
    ))  # fmt: skip
    if called is not None:
        model = called.value("model", "precision")
        found.append(Finding(
            id="warnings", statement=answer.warnings(called).text, value=model["value"],
            low=model["low"], high=model["high"], unit="share", n=learnt.counts["n_foretold"],
            table=callers.CALLS,
        ))  # fmt: skip
        found += net_benefit.findings(called)
    if today is not None:
        found.append(Finding(
            id="arr-at-risk",
            statement="".join(map(text, answer.at_stake(today, coming, currency))),
            value=today.totals["expected_loss"], low=today.totals["expected_loss_low"],
            high=today.totals["expected_loss_high"], unit=currency,
            n=int(today.totals["n_terms"]), table=evidence.TOTALS,
        ))  # fmt: skip
    return found


def said(today: Today | None) -> pd.DataFrame:
    """Return what is said of each term today, for the report that will judge it one day."""
    return pd.DataFrame(columns=list(SAID)) if today is None else today.risk[list(SAID)]


def at_risk(today: Today | None) -> pd.DataFrame:
    """Return the whole list of customers, the most at stake first."""
    return pd.DataFrame(columns=list(SAID)) if today is None else today.risk


def past_predictions(learnt: Learnt) -> pd.DataFrame:
    """Return what would have been said of past terms, and what came true."""
    if learnt.past is None:
        return pd.DataFrame(columns=list(_PAST))
    return learnt.past.predictions[list(_PAST)]


def ladder(learnt: Learnt) -> pd.DataFrame:
    """Return the models and what each added."""
    return pd.DataFrame() if learnt.past is None else learnt.past.ladder


def drivers(learnt: Learnt) -> pd.DataFrame:
    """Return how much worse each past quarter is told without each driver."""
    return pd.DataFrame() if learnt.past is None else learnt.past.importance


def lost_terms(found: PostMortem | None) -> pd.DataFrame:
    """Return each lost term with the stage at which it first fell behind past renewers."""
    return pd.DataFrame() if found is None else found.terms


def metrics(learnt: Learnt, judged: Judged | None) -> dict[str, object]:
    """Return the measures of the model with their intervals; its level alone without a past."""
    if learnt.past is None or judged is None:
        return {"model": None}
    return {**judged.plain(), "model": learnt.past.chosen, "better": learnt.better}


def model(output_dir: str | None, learnt: Learnt, judged: Judged | None) -> Path | None:
    """Write the model and its card into ``model/``; nothing without a folder or a model.

    Parameters
    ----------
    output_dir : str or None
        Folder of the notebook in its run.
    learnt : Learnt
    judged : Judged or None
    """
    if output_dir is None or learnt.model is None or judged is None:
        return None
    folder = Path(output_dir) / MODEL_FOLDER
    return churn.save(learnt.model, folder, metrics=judged.card(), by_segment=judged.segments)
