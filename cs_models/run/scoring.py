"""Score today's customers with a model that was learnt before.

Grain: a run file and the folder of a stored model in; one row per running contract term out.

The panel is made as the one that was learnt from: the same windows, features and tables, from the
recipe that is stored with the model.  The rule of the decision date is the model's too: it was
learnt ``decision_days`` before the renewal.  A term much nearer or further than that is scored on
what is known today and marked; where the renewal is on record, notice was given, or the contract
is shorter than that, there is no chance to give.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from cs_models import errors, files
from cs_models.features import readable
from cs_models.run.reading.run_file import Run

# Where a model stands below what a person may name: its folder, a notebook's, a run's.
_NO_CHANCE: Final = (readable.DECIDED, readable.NOTICE, readable.SHORT)
_PLACES: Final = (".", "model", "03_churn_predictors/model")


@dataclass(frozen=True)
class Scores:
    """What a stored model says of today's customers.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a running term, those that can be read first, most at risk first: the columns of
        ``churn.score``,
        ``days_to_renewal`` (missing without a renewal date), ``not_read_because`` ("" where the
        term is as far from its renewal as those learnt from, half a quarter more or less; else
        ``decided``, ``notice``, ``short``, ``soon`` or ``later``), ``in_notice`` (a cancellation
        was asked for already), ``base`` and each driver's part of the log-odds, ``reason_1`` …
        ``reason_3`` in words.
    trained_to : datetime.date
        The last renewal date that was learnt from.
    """

    table: pd.DataFrame
    trained_to: date


def find(folder: Path) -> Path:
    """Return the folder of the model that stands in or below a folder that somebody named.

    Raises
    ------
    DataError
        When there is none.
    """
    for place in _PLACES:
        if (folder / place / "model.json").is_file():
            return folder / place
    raise errors.DataError(
        "there is no model here",
        where=str(folder),
        got="no model.json in " + ", ".join(_PLACES),
        repair="name the folder of a run with 03_churn_predictors, or the model's own",
    )


def score(run: Run, folder: Path) -> Scores:
    """Score the terms that run at the run file's date.

    Parameters
    ----------
    run : Run
        Checked parameters: the source and the date.
    folder : Path
        Of a model, a notebook's report or a run.

    Returns
    -------
    Scores

    Raises
    ------
    DataError
        If there is no model, it was changed, the source breaks the contract, or it does not hold
        what the model reads.
    TooLittleDataError
        If no contract runs at that date.
    """
    from cs_models.data import sources
    from cs_models.learn import churn

    model = churn.load(find(folder))
    kept = _recipe(model)
    common = run.common
    tables = sources.read(
        run.resolved_source(),
        as_of=common.as_of,
        timezone=common.timezone,
        currency=common.currency,
    )
    frame = _panel(tables, common.as_of, model, kept)
    parts = churn.explain(model, frame)
    table = pd.concat(
        [
            churn.score(model, frame),
            _timing(frame, model.decision_days),
            parts.drop(columns=["subscription_id", "logit"]),
            churn.why(model, frame, parts).reset_index(drop=True),
        ],
        axis=1,
    )
    return Scores(_ordered(table), model.trained_to)


def write(scores: Scores, output: Path) -> None:
    """Write scores as CSV, whole or not at all, safe to open in a spreadsheet.

    Parameters
    ----------
    scores : Scores
    output : Path
        The file; dates as ISO text, chances from 0 to 1.
    """
    from cs_models.report import results

    table = scores.table.copy()
    for name in table.columns:
        if pd.api.types.is_datetime64_any_dtype(table[name]):
            table[name] = table[name].dt.strftime("%Y-%m-%d")
    files.write_bytes_atomic(output, results.csv(table))


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Put the terms that can be read first, most at risk first, and blank what is no chance."""
    blank = table["not_read_because"].isin(_NO_CHANCE)
    table.loc[blank, ["p_churn", "p_low", "p_high"]] = float("nan")
    table.loc[blank, "uncertain"] = False
    order = table.assign(unread=table["not_read_because"] != "").sort_values(
        ["unread", "p_churn", "subscription_id"],
        ascending=[True, False, True],
        kind="stable",
        ignore_index=True,
    )
    return order.drop(columns="unread")


def _panel(tables: Any, as_of: date, model: Any, kept: Any) -> pd.DataFrame:
    """Make the panel of today's terms as the one that the model learnt from was made."""
    from cs_models.features import cohort, panel

    chosen = cohort.running(
        tables, as_of, decision="before_renewal", days=max(1, model.decision_days)
    )
    if not chosen.points.count().execute():
        raise errors.TooLittleDataError(
            "no contract runs at this date: there is nobody to score",
            where="subscriptions",
            got=f"as_of {as_of}",
            repair="set as_of to the day of the export",
        )
    frame = panel.make(tables, chosen, _renewed(kept, tables, chosen.data_start))
    _refuse_unrecorded(frame, model)
    return frame


def _recipe(model: Any) -> Any:
    from cs_models.features import panel

    if not model.recipe:
        raise errors.DataError(
            "the model does not say how its panel was made",
            where="model.json, rule.recipe",
            repair="fit it on the frame that panel.build returned",
        )
    carrier = pd.DataFrame()
    carrier.attrs["recipe"] = model.recipe
    try:
        return panel.recipe_of(carrier)
    except (TypeError, KeyError) as error:
        raise errors.DataError(
            "the model's panel was made by another version",
            where="model.json, rule.recipe",
            got=str(error)[:200],
            repair="run 03_churn_predictors again",
        ) from error


def _renewed(kept: Any, tables: Any, data_start: date) -> Any:
    from cs_models.features import recipe as recipes

    try:
        fresh, _ = recipes.plan(
            tables,
            data_start,
            windows_days=kept.windows_days,
            first_days=kept.first_days,
            before_days=kept.before_days,
            min_accounts=1,
            features=kept.features,
            relations=kept.relations is not None,
        )
    except errors.ParameterError as error:
        raise errors.DataError(
            "the source lacks a feature that the model reads",
            where="events.feature",
            got=error.got,
            repair=f"map the events as they were mapped when it was learnt; {error.repair}",
        ) from error
    return recipes.renewed(kept, fresh)


def _refuse_unrecorded(frame: pd.DataFrame, model: Any) -> None:
    """Refuse a source that does not hold at all what every term learnt from had."""
    always = {number.name for number in model.encoder.numbers if not number.gaps}
    empty = [
        name
        for name in model.columns
        if name not in frame.columns or (name in always and frame[name].isna().all())
    ]
    if empty:
        raise errors.DataError(
            "the source does not hold what the model reads",
            where=empty[0],
            got=f"{len(empty)} of {len(model.columns)} columns are not recorded"
            + (f", {', '.join(empty[1:4])} among them" if empty[1:] else ""),
            repair="map the tables and columns that were mapped when it was learnt, or run "
            "03_churn_predictors again on this source",
        )


def _timing(frame: pd.DataFrame, decision_days: int) -> pd.DataFrame:
    days = (frame["term_end"] - frame["as_of_date"]).dt.days.astype("Int64")
    # Today's terms are all seen on the one day of the data.
    why = readable.why_not(
        frame, as_of=frame["as_of_date"].iloc[0].date(), decision_days=decision_days
    )
    return pd.DataFrame(
        {
            "days_to_renewal": days.reset_index(drop=True),
            "not_read_because": why.reset_index(drop=True),
            "in_notice": frame["in_notice"].astype("boolean").reset_index(drop=True),
        }
    )
