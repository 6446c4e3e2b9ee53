"""The backtest: at each past quarter, what each level would have said, and which was believed.

Grain: judged terms in; one row per (origin, subscription_id) out.

At an origin everything is as it was then: the levels are fitted on the terms whose outcome was
known, and how they are calibrated and which of them is believed comes from what was seen before:
predictions that had come true, or not, by then: those for accounts held out of the training terms,
made anew whenever these have grown by half, and those of the quarters since.

Source: ``methods.md`` 3 (splits, ladder, recalibration).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from cs_models import progress
from cs_models.errors import TooLittleDataError
from cs_models.learn import splits
from cs_models.learn.evaluation import metrics
from cs_models.learn.predictors import (
    encoding,
    forms,
    importance,
    leaks,
    levels,
    seen,
)
from cs_models.learn.predictors.encoding import Encoder, Floats
from cs_models.learn.predictors.forms import Fitted, Task
from cs_models.learn.predictors.history import Terms

MIN_ORIGINS: Final = 4
TOO_GOOD_AUC: Final = 0.98
_FOLDS: Final = 5
_GROWTH: Final = 1.5  # hyper-parameters are chosen anew when the terms have grown by half
_DESCRIBED: Final = [
    "subscription_id",
    "account_id",
    "account_name",
    "segment",
    "term_months",
    "term_no",
    "arr",
    "as_of_date",
    "term_end",
    "churned",
]


@dataclass(frozen=True)
class Walk:
    """What the walk through the past quarters found.

    Attributes
    ----------
    predictions, ladder, origins, importance : pandas.DataFrame
        As ``churn.Backtest`` has them.
    chosen : str
        The level to believe today.
    calibrators : dict of str to Recalibration
        Of each level, from all quarters.
    n_embargoed : int
        Terms that at some origin were decided on and not yet known.
    """

    predictions: pd.DataFrame
    ladder: pd.DataFrame
    origins: pd.DataFrame
    importance: pd.DataFrame
    chosen: str
    calibrators: dict[str, Any]
    n_embargoed: int


def walk(
    terms: Terms,
    *,
    as_of: date,
    grace_days: int,
    rng: np.random.Generator,
    tried: Sequence[str] = levels.LEVELS,
) -> Walk:
    """Walk through the past quarters.

    Parameters
    ----------
    terms : Terms
        Of :func:`history.judged`.
    as_of : datetime.date
        Day of the data.
    grace_days : int
        Days after the renewal date at which an outcome is known.
    rng : numpy.random.Generator
    tried : sequence of str, default L0 to L4
        Levels, simplest first.

    Returns
    -------
    Walk

    Raises
    ------
    TooLittleDataError
        With fewer than four quarters to test.
    DataError
        If the predictions are too good to be true: a column knows the outcome.
    """
    rows, churned = terms.rows, terms.churned
    quarters = splits.rolling_origins(
        rows["as_of_date"].to_numpy(),
        rows["term_end"].to_numpy(),
        as_of=as_of,
        churned=churned,
        grace_days=grace_days,
    )
    if len(quarters) < MIN_ORIGINS:
        raise TooLittleDataError(
            "not enough history for a backtest",
            where="as_of",
            got=f"{len(quarters)} past quarters with enough known before them, of {MIN_ORIGINS}",
            repair="a longer history: about two years of renewals with known outcomes",
        )
    leaks.refuse(terms)
    due = rows["term_end"].to_numpy().astype("datetime64[D]") + np.timedelta64(grace_days, "D")
    tuned: dict[str, float | None] = {}
    n_tuned = 0
    before, every, told = seen.Seen(), seen.Seen(), []
    parts: list[pd.DataFrame] = []
    weighed: list[pd.DataFrame] = []
    for quarter in progress.through(quarters, "past quarters told again"):
        past, tested = terms.take(quarter.train), terms.take(quarter.test)
        learnt = past.rows
        grown = len(learnt) >= _GROWTH * n_tuned
        if grown:
            tuned, n_tuned = {}, len(learnt)
        stand = _stand(past, rng, tried, tuned)
        tuned = {name: fitted.tuned for name, fitted in stand.fitted.items()}
        if grown:  # what was said from so much less tells little of what is said now
            before = before.pending(quarter.origin)
            before.add(learnt, due[quarter.train], _held_out(past, rng, tried, tuned))
        known = before.at(quarter.origin)
        calibrators = known.calibrators()
        level = known.believed(calibrators)
        data = forms.encode_terms(stand.encoder, tested)
        logits = {name: fitted.logit(data) for name, fitted in stand.fitted.items()}
        part = _part(tested.rows, learnt, quarter.origin, level, logits, calibrators)
        parts.append(part)
        told.append(_told(quarter, learnt, part, level))
        weight = importance.of_drivers(
            stand.fitted[level],
            calibrators[level],
            stand.encoder,
            data,
            churned[quarter.test],
            rng,
            plain=level in levels.PLAIN,
        )
        weight.insert(0, "origin", quarter.origin.astype("datetime64[s]"))
        weighed.append(weight)
        before.add(tested.rows, due[quarter.test], logits)
        every.add(tested.rows, due[quarter.test], logits)
    predictions = pd.concat(parts, ignore_index=True)
    _not_too_good(predictions, terms)
    ladder, chosen = _ladder(predictions)
    return Walk(
        predictions=predictions,
        ladder=ladder,
        origins=pd.DataFrame(told),
        importance=pd.concat(weighed, ignore_index=True),
        chosen=chosen,
        calibrators=every.at(None).calibrators(),
        n_embargoed=len(set().union(*(quarter.embargoed.tolist() for quarter in quarters))),
    )


@dataclass(frozen=True)
class _Stand:
    """All levels, fitted on what was known on one day."""

    encoder: Encoder
    fitted: dict[str, Fitted]


def _stand(
    learnt: Terms,
    rng: np.random.Generator,
    tried: Sequence[str],
    tuned: dict[str, float | None],
) -> _Stand:
    encoder = encoding.learn_from(learnt.table, learnt.codes, learnt.at)
    task = task_of(encoder, learnt)
    fitted = {
        level: levels.fit(level, task, encoder, rng, tuned=tuned.get(level)) for level in tried
    }
    return _Stand(encoder, fitted)


def task_of(encoder: Encoder, terms: Terms) -> Task:
    """Return training terms as a task."""
    return Task(forms.encode_terms(encoder, terms), terms.churned, terms.account)


def _held_out(
    learnt: Terms,
    rng: np.random.Generator,
    tried: Sequence[str],
    tuned: dict[str, float | None],
) -> dict[str, Floats]:
    """Predict the first training terms, each by models that never saw its account."""
    fold = splits.grouped_folds(learnt.account, learnt.churned, n_folds=_FOLDS, rng=rng)
    logits = {level: np.zeros(len(fold)) for level in tried}
    for number in range(_FOLDS):
        held = np.flatnonzero(fold == number)
        stand = _stand(learnt.take(np.flatnonzero(fold != number)), rng, tried, tuned)
        data = forms.encode_terms(stand.encoder, learnt.take(held))
        for level, fitted in stand.fitted.items():
            logits[level][held] = fitted.logit(data)
    return logits


def _part(
    tested: pd.DataFrame,
    learnt: pd.DataFrame,
    origin: np.datetime64,
    level: str,
    logits: dict[str, Floats],
    calibrators: dict[str, Any],
) -> pd.DataFrame:
    """Return one quarter's predictions beside what came true."""
    part = tested[_DESCRIBED].copy().reset_index(drop=True)
    part["arr"] = pd.to_numeric(part["arr"]).astype("float64")
    part["origin"] = origin.astype("datetime64[s]")
    for name, logit in logits.items():
        part[f"p_{name}"] = calibrators[name].apply(logit)
    part["p_churn"] = part[f"p_{level}"]
    part["p_base"] = part["p_L0"]
    part["level"] = level
    part["cold"] = splits.cold(learnt["account_id"].to_numpy(), tested["account_id"].to_numpy())
    return part


def _told(
    quarter: splits.Origin, learnt: pd.DataFrame, part: pd.DataFrame, level: str
) -> dict[str, Any]:
    return {
        "origin": quarter.origin.astype("datetime64[s]"),
        "n_train": len(learnt),
        "n_train_churned": int(learnt["churned"].sum()),
        "n_embargoed": len(quarter.embargoed),
        "n_test": len(part),
        "n_test_accounts": part["account_id"].nunique(),
        "n_test_churned": int(part["churned"].sum()),
        "n_cold": int(part["cold"].sum()),
        "n_pending": quarter.n_pending,
        "level": level,
    }


def _ladder(predictions: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Compare the levels on all quarters; each has to beat the last that was promoted."""
    churned = predictions["churned"].to_numpy(dtype="float64")
    account = predictions["account_id"].to_numpy()
    columns_of = {name: f"p_{name}" for name in levels.NAMES if f"p_{name}" in predictions}
    chances = {name: predictions[column].to_numpy() for name, column in columns_of.items()}
    chosen = seen.simplest(churned, account, chances)
    lines, last = [], levels.LEVELS[0]
    for level, p in chances.items():
        gain = metrics.gain(churned, p, chances[last], account=account)
        promoted = level != last and gain.value > gain.se
        lines.append(
            {
                "level": level,
                "name": levels.NAMES[level],
                "n_terms": len(churned),
                "log_loss": metrics.log_loss(churned, p),
                "auc": metrics.auc(churned, p),
                "compared_with": last if level != last else None,
                "gain": gain.value if level != last else np.nan,
                "gain_se": gain.se if level != last else np.nan,
                "promoted": promoted,
                "chosen": level == chosen,
            }
        )
        last = level if promoted else last
    return pd.DataFrame(lines), chosen


def _not_too_good(predictions: pd.DataFrame, terms: Terms) -> None:
    """Stop when the outcome is all but told: somebody wrote it down before it happened."""
    area = metrics.auc(predictions["churned"].to_numpy(), predictions["p_churn"].to_numpy())
    if not area > TOO_GOOD_AUC:
        return
    name, _ = leaks.worst(terms)
    raise leaks.refusal(name, f"AUC {area:.3f} out of time, above {TOO_GOOD_AUC}")
