"""Knobs for JupyterLab over the same figures as the page.

Each explorer is a widget around a plain function that a script can call too.  Cells that show
one are tagged ``interactive``: headless runs and exports drop them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from cs_models.errors import ParameterError
from cs_models.features import catalogue
from cs_models.report.display import Exhibit
from cs_models.report.evidence import customer as customers_evidence
from cs_models.report.evidence import thresholds as evidence
from cs_models.report.evidence.coming import Due
from cs_models.report.evidence.predictors import Today
from cs_models.report.evidence.rules import WHOLE_BOOK
from cs_models.report.exhibits import customer as customer_exhibits
from cs_models.report.exhibits import thresholds as exhibits


def rule_at(column: str, cut: float, segment: str | None = None) -> dict[str, Any]:
    """Return a rule made by hand, in the form of a row of ``Search.table``.

    Parameters
    ----------
    column : str
        Panel column counted from the term's start.
    cut : float
        The level: at or above it, or below.
    segment : str, optional
        Whom it is about; all customers when None.

    Raises
    ------
    ParameterError
        When the column is not counted from the term's start.
    """
    measure = catalogue.parse(column)
    if measure is None or measure.anchor != "first":
        raise ParameterError(
            "a threshold is explored only in use in the first days of the term",
            where="column",
            got=column,
            repair="a column such as events__report_shared__first_60d",
        )
    return {
        "rule": f"at least {cut:,.4g} {measure.label()}",
        "counted": measure.label(),
        "members": None,
        "column": column,
        "cut": float(cut),
        "cut_low": float(cut),
        "cut_high": float(cut),
        "min_users": 1,
        "direction": "at_least",
        "segment": segment,
        "segment_by": None,
    }


def threshold(
    history: pd.DataFrame, column: str, cut: float, *, segment: str | None = None, by: str | None
) -> Exhibit:
    """Show the renewal rate on either side of a level chosen by hand.

    Parameters
    ----------
    history : DataFrame
        Panel, one row per evaluable term.
    column : str
        Panel column counted from the term's start.
    cut : float
        The level.
    segment : str, optional
        Only this segment.
    by : str or None
        Column that holds the segment.

    Returns
    -------
    Exhibit
        Its intervals do not allow for having chosen the level by eye: the search does.
    """
    rule = rule_at(column, cut, segment)
    rates = evidence.either_side(pd.DataFrame([rule]), history, by)
    return exhibits.rates(rates)


def thresholds(history: pd.DataFrame, *, by: str | None) -> Any:
    """Return the threshold explorer: choose a use, a group and a level, see both sides.

    Parameters
    ----------
    history : DataFrame
        Panel, one row per evaluable term.
    by : str or None
        Column that holds the segment.

    Returns
    -------
    ipywidgets.VBox
        Keyboard-usable: Tab moves between the knobs, arrow keys turn them.
    """
    import ipywidgets as widgets

    columns = catalogue.among(history.columns, anchor="first")
    named = {measure.label(): column for column in columns if (measure := catalogue.parse(column))}
    groups = [] if by is None else sorted(history[by].dropna().astype(str).unique())
    use = widgets.Dropdown(options=named, description="Use", layout={"width": "38em"})
    group = widgets.Dropdown(
        options=[(WHOLE_BOOK, None), *((name, name) for name in groups)],
        description="Who",
    )
    level = widgets.FloatSlider(description="Level", continuous_update=False, readout_format=".4g")

    def fit(*_: Any) -> None:
        values = history[use.value].dropna().astype(float)
        level.max = max(float(values.quantile(0.98)), 1.0)
        level.min, level.step = 0.0, max(level.max / 200, 0.001) if level.max < 20 else 1.0
        level.value = float(values.median())

    def draw(column: str, who: str | None, cut: float) -> None:
        from IPython.display import display

        display(  # type: ignore[no-untyped-call]
            threshold(history, column, cut, segment=who, by=by)
        )

    use.observe(fit, names="value")
    fit()
    shown = widgets.interactive_output(draw, {"column": use, "who": group, "cut": level})
    return widgets.VBox([use, widgets.HBox([group, level]), shown])


def customer(
    subscription_id: str,
    today: Today | None,
    coming: Due,
    history: pd.DataFrame,
    *,
    by: str | None,
    grace_days: int,
    currency: str,
    seed: int = 0,
) -> list[Any]:
    """Show one customer who comes up for renewal, as the page shows the first.

    Parameters
    ----------
    subscription_id : str
        The term.
    today : Today or None
        What ``evidence.predictors.today`` said.
    coming : Due
    history : DataFrame
        Panel of past terms.
    by : str or None
        Column that holds the segment.
    grace_days : int
        Days after the renewal date at which an outcome is known.
    currency : str
        ISO 4217 code.
    seed : int, default 0
        Draws the past terms by which the neighbours are judged.

    Returns
    -------
    list of Exhibit, Statement or Table
    """
    rng = np.random.default_rng(seed)
    seen = customers_evidence.look(
        subscription_id, today, coming, history, by=by, grace_days=grace_days, rng=rng
    )
    return list(customer_exhibits.customer(seen, currency))


def customers(
    today: Today | None,
    coming: Due,
    history: pd.DataFrame,
    *,
    by: str | None,
    grace_days: int,
    currency: str,
) -> Any:
    """Return the customer explorer: choose one who comes up, see what its chance is made of.

    Parameters
    ----------
    today, coming, history, by, grace_days, currency
        As in :func:`customer`.

    Returns
    -------
    ipywidgets.VBox
        Keyboard-usable; the most at stake first.
    """
    import ipywidgets as widgets

    risk = coming.terms.iloc[:0] if today is None else today.risk
    named = [
        (f"{name} ({term})", term)
        for name, term in zip(risk["account_name"], risk["subscription_id"], strict=True)
    ]
    who = widgets.Dropdown(options=named, description="Customer", layout={"width": "38em"})

    def draw(term: str | None) -> None:
        from IPython.display import display

        shown = customer(
            term or "", today, coming, history, by=by, grace_days=grace_days, currency=currency
        )
        display(*shown)  # type: ignore[no-untyped-call]

    return widgets.VBox([who, widgets.interactive_output(draw, {"term": who})])
