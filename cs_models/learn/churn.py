"""Who is likely to leave at the next renewal, why, and how well that was known in the past.

Grain: a panel before renewal in (one row per (subscription_id, as_of_date)); one row a term out.
A probability is never given alone: :func:`backtest` says how such probabilities fared in past
quarters, :func:`score` how far other customers would have moved it and whether the account is
like those that were learnt from, :func:`explain` what it went with.

>>> past = churn.backtest(panel, as_of=as_of)          # doctest: +SKIP
>>> model = churn.fit(panel, past)                     # doctest: +SKIP
>>> churn.score(model, today)                          # doctest: +SKIP

Source: ``methods.md`` 3.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError
from cs_models.learn.predictors import (
    columns as predictors,
)
from cs_models.learn.predictors import (
    encoding,
    history,
    ladder,
    levels,
    oddity,
    once_a_run,
    reasons,
    refits,
    stability,
    stored,
    threads,
)
from cs_models.learn.predictors import (
    past as past_quarters,
)
from cs_models.learn.predictors.model import Model
from cs_models.learn.predictors.past import Backtest
from cs_models.learn.predictors.reading import BAND, WIDE, explain, score, spread, why

__all__ = [
    "BAND",
    "DRIVERS",
    "LEVELS",
    "WIDE",
    "Backtest",
    "Model",
    "backtest",
    "columns",
    "driver",
    "explain",
    "fit",
    "load",
    "save",
    "score",
    "spread",
    "why",
]

DRIVERS: Final = predictors.DRIVERS
LEVELS: Final = levels.NAMES
driver = predictors.driver


def columns(frame: pd.DataFrame) -> list[str]:
    """Return the predictors that a panel offers, each known to a driver.

    Parameters
    ----------
    frame : pandas.DataFrame
        A panel.

    Returns
    -------
    list of str
    """
    return predictors.chosen(frame.columns)


@threads.sparing
def backtest(
    frame: pd.DataFrame,
    *,
    as_of: date,
    grace_days: int = 30,
    n_halves: int = 60,
    explainable_boosting: bool = False,
    up_to: str | None = None,
    random_state: int = 0,
) -> Backtest:
    """Stand at each past quarter and say what would have been said.

    Parameters
    ----------
    frame : pandas.DataFrame
        Panel before renewal, ``churned`` known where the customer chose.
    as_of : datetime.date
        Day of the data.
    grace_days : int, default 30
        Days after the renewal date at which an outcome is known.
    n_halves : int, default 60
        Random halves of the accounts on which columns are selected anew; 0 for none.
    explainable_boosting : bool, default False
        Whether to try level L5 too, which needs the extra ``ebm``.
    up_to : str, optional
        The last level to try, such as "L3" where many backtests must be quick.
    random_state : int, default 0

    Returns
    -------
    Backtest

    Raises
    ------
    ParameterError
        If level L5 is asked for and its library is not there, or ``up_to`` is no level that is
        tried.
    TooLittleDataError
        With fewer than four quarters to test, fewer than 40 accounts that left, or one outcome.
    DataError
        If an outcome is neither 0 nor 1, values are infinite, or the outcome was all but told
        (AUC above .98 out of time).

    Notes
    -----
    Source: ``methods.md`` 3.
    """
    tried = levels.tried(explainable_boosting=explainable_boosting)
    if up_to is not None and up_to not in tried:
        raise ParameterError(
            "no such level", where="up_to", got=repr(up_to), repair=", ".join(tried)
        )
    tried = tried if up_to is None else tried[: tried.index(up_to) + 1]
    terms = history.judged(frame)
    decides = (as_of, grace_days, random_state, tried)
    walked = once_a_run.walk(
        frame,
        decides,
        lambda: ladder.walk(
            terms,
            as_of=as_of,
            grace_days=grace_days,
            rng=np.random.default_rng(random_state),
            tried=tried,
        ),
    )
    # A stream of its own: the halves do not depend on whether the walk was made here.
    rng = np.random.default_rng([random_state, 1])
    encoder = encoding.learn_from(terms.table, terms.codes, terms.at)
    task = ladder.task_of(encoder, terms)
    return Backtest(
        predictions=walked.predictions,
        ladder=walked.ladder,
        origins=walked.origins,
        importance=walked.importance,
        stability=past_quarters.agreement(walked.importance),
        coefficients=stability.selected(task, encoder, n_halves=n_halves, rng=rng),
        chosen=walked.chosen,
        calibrators=walked.calibrators,
        n_embargoed=walked.n_embargoed,
        as_of=as_of,
        grace_days=grace_days,
    )


@threads.sparing
def fit(
    frame: pd.DataFrame,
    past: Backtest,
    *,
    level: str | None = None,
    n_refits: int = 100,
    random_state: int = 0,
) -> Model:
    """Fit the level that the past chose, on all terms whose outcome is known.

    Parameters
    ----------
    frame : pandas.DataFrame
        The panel that ``past`` was made from.
    past : Backtest
        Says which level, and how it is calibrated.
    level : str, optional
        Another level, such as "L3".
    n_refits : int, default 100
        Fits on redrawn accounts, for the band of :func:`score`.
    random_state : int, default 0

    Returns
    -------
    Model

    Raises
    ------
    ParameterError
        If there is no such level.
    TooLittleDataError, DataError
        As :func:`backtest`.
    """
    chosen = level or past.chosen
    if chosen not in levels.NAMES:
        raise ParameterError(
            "no such level", where="level", got=repr(chosen), repair=", ".join(levels.NAMES)
        )
    rng = np.random.default_rng(random_state)
    terms = history.judged(frame)
    rows = terms.rows
    encoder = encoding.learn_from(terms.table, terms.codes, terms.at)
    task = ladder.task_of(encoder, terms)
    del terms  # its table is as large as the task's
    fitted = levels.fit(chosen, task, encoder, rng)
    days = (rows["term_end"] - rows["as_of_date"]).dt.days
    return Model(
        level=chosen,
        name=levels.NAMES[chosen],
        encoder=encoder,
        fitted=fitted,
        calibrator=past.calibrators[chosen],
        refits=refits.draw(fitted, task, encoder, n_refits=n_refits, rng=rng),
        usual=oddity.learn(encoder, task.data),
        reference=reasons.typical(encoder, task.data, task.churned),
        decision_days=int(days.median()),
        trained_from=rows["term_end"].min().date(),
        trained_to=rows["term_end"].max().date(),
        n_terms=len(rows),
        n_accounts=rows["account_id"].nunique(),
        n_churned=int(rows["churned"].sum()),
        random_state=random_state,
        grace_days=past.grace_days,
        recipe=dict(frame.attrs.get("recipe", {})),
    )


def save(
    model: Model,
    folder: Path | str,
    *,
    metrics: pd.DataFrame | None = None,
    by_segment: pd.DataFrame | None = None,
) -> Path:
    """Write a model and its card into a folder, without pickle: see ``predictors.stored.save``.

    Parameters
    ----------
    model : Model
    folder : Path or str
    metrics, by_segment : pandas.DataFrame, optional
        Out-of-time measures for the card: metric, value, low, high; segment and numbers.

    Returns
    -------
    Path
        The folder.
    """
    return stored.save(model, folder, metrics=metrics, by_segment=by_segment)


def load(folder: Path | str) -> Model:
    """Return the model that :func:`save` wrote.

    Parameters
    ----------
    folder : Path or str

    Returns
    -------
    Model
        It scores as it did, bit for bit.

    Raises
    ------
    DataError
        If there is no model, it was changed, needs another version, or holds what no churn model
        has.  Nothing of it was run.
    """
    plain, estimators = stored.read(folder)
    try:
        return Model.restored(plain, estimators)
    except (KeyError, TypeError, ValueError, IndexError, StopIteration) as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise stored.refused("the model's description is not whole", folder, got) from error
