"""What the what-if explorer says of a customer with moved numbers: words, cautions, the figure.

Grain in: what a model says before and after.  Grain out: display objects.  Each says what it is:
the model's word on a customer with these numbers, not what would happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from cs_models.learn.predictors.moved import Said
from cs_models.report.display import Column, Exhibit, Statement, Table
from cs_models.report.evidence.predictors import label
from cs_models.report.figures import customer as figures
from cs_models.report.findings import colours
from cs_models.report.values import interval, number, percent

MOST_STEPS: Final = 41
_RANGE: Final = (0.01, 0.99)  # of past terms: a slider does not leave what was seen
NOT_MOVED: Final = "not recorded"
NOT_A_FORECAST = (
    "This is what the model would say of a customer with these numbers, not what would happen."
)


def levels(column: pd.Series) -> tuple[float, ...]:
    """Return values that past terms showed, from the 1st to the 99th of 100, at most forty.

    Parameters
    ----------
    column : Series
        Of the panel of past terms.

    Returns
    -------
    tuple of float
        Ascending; NaN first where some terms have none.
    """
    values = pd.to_numeric(column).to_numpy(dtype=np.float64)
    known = values[np.isfinite(values)]
    if not len(known):
        return (np.nan,)
    low, high = np.quantile(known, _RANGE)
    distinct = np.unique(known[(known >= low) & (known <= high)])
    if len(distinct) > MOST_STEPS:
        distinct = distinct[np.unique(np.linspace(0, len(distinct) - 1, MOST_STEPS).astype(int))]
    return (*([np.nan] if len(known) < len(values) else []), *distinct.tolist())


def options(levels: Sequence[float], own: float) -> tuple[list[tuple[str, str]], int]:
    """Return a slider's steps, the customer's own among them and marked, and where that stands.

    Parameters
    ----------
    levels : sequence of float
        What :func:`levels` returned; NaN for a gap.
    own : float
        The customer's own number.
    """
    every = sorted({level for level in (*levels, own) if not np.isnan(level)})
    steps = [np.nan, *every] if any(np.isnan(v) for v in (*levels, own)) else every
    index = next(place for place, level in enumerate(steps) if same(level, own))
    words = [NOT_MOVED if np.isnan(level) else number(level, _digits(level)) for level in steps]
    words[index] += " (its own)"
    # A value that is no number equals nothing, itself included: steps are kept as texts.
    return [(word, repr(level)) for word, level in zip(words, steps, strict=True)], index


def _digits(level: float) -> int:
    return 0 if level == round(level) else 2


def same(one: float, other: float) -> bool:
    """Say whether two numbers are the same; a gap is the same as a gap."""
    return one == other or (np.isnan(one) and np.isnan(other))


def said(
    name: str,
    before: Said,
    after: Said,
    scored: Sequence[pd.Series],
    *,
    moved: bool,
    by_play: bool,
) -> Statement:
    """Say what the model says of a customer, with its own numbers or with moved ones.

    Parameters
    ----------
    name : str
        The customer's.
    before, after : Said
        With its own numbers, and with those asked about.
    scored : sequence of Series
        Rows of ``health.score`` for the two.
    moved : bool
        Whether any number was.
    by_play : bool
        Colours follow from what a call costs.
    """
    old, new = scored
    answers = colours.answers(by_play=by_play)
    band = interval(after.p_low, after.p_high)
    if not moved:
        return Statement.of(
            "answer", f"{name}, with its own numbers: a chance of leaving of "
            f"{percent(after.p_churn, 1)} ({band}), health {new['health']:.0f}"
            f"{_colour(new, answers)}.",
        )  # fmt: skip
    return Statement.of(
        "answer", f"{name}, with the numbers moved: the model would say "
        f"{percent(after.p_churn, 1)} ({band}) instead of {percent(before.p_churn, 1)}; health "
        f"{new['health']:.0f}{_colour(new, answers)} instead of {old['health']:.0f}"
        f"{_colour(old, answers)}. "
        f"{NOT_A_FORECAST}",
    )  # fmt: skip


def _colour(scored: pd.Series, answers: Mapping[str, str]) -> str:
    return f", {answers[scored['colour']]}" if isinstance(scored["colour"], str) else ""


def odd(after: Said, before: Said) -> Statement:
    """Caution that few past customers had such numbers together.

    Parameters
    ----------
    after, before : Said
    """
    named = "; ".join(label(name) for name in after.odd_columns.split(", ") if name)
    why = f": {named}" if named else ""
    own = " Its own numbers were so before." if before.out_of_distribution else ""
    return Statement.of(
        "caution", f"Few past customers had such numbers together{why}. What the model says here "
        f"is a guess beyond what it has learnt from.{own}",
    )  # fmt: skip


def figure(name: str, parts: pd.DataFrame, base: float, chance: float) -> Exhibit:
    """Show what the chance asked about is made of.

    Parameters
    ----------
    name : str
        The customer's.
    parts : DataFrame
        What ``evidence.customer.parts`` returned.
    base, chance : float
        Of the typical renewer, and of the customer with these numbers; 0 to 1.
    """
    spoken = "; ".join(
        f"{said} {points:+.1f}" for said, points in zip(parts["said"], parts["points"], strict=True)
    )
    return Exhibit(
        id="what-if",
        title=f"{name}, asked about with these numbers: what the chance is made of",
        figure=figures.parts(parts, base=base, chance=chance),
        table=Table.of(
            parts, id="what-if-table", title=f"{name}: what the chance is made of",
            columns={"said": Column("Kind of record"),
                     "points": Column("Points of 100", kind="number", digits=1)},
        ),
        alt=f"Points added to the chance: {spoken}.",
        caption=NOT_A_FORECAST,
    )  # fmt: skip
