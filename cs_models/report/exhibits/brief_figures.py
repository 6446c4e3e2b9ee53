"""The few figures that head the leadership brief, each as its own page saved it.

Grain in: ``evidence.brief.Brief``.  Grain out: one row of figures, or none.  Nothing is worked
out here: a figure that no page of the run can vouch for is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cs_models.report import values
from cs_models.report.changes.amounts import about
from cs_models.report.evidence import brief as evidence
from cs_models.report.evidence.brief import Brief, Said
from cs_models.report.tiles import KeyFigure, KeyFigures


def row(brief: Brief, currency: str) -> Sequence[KeyFigures]:
    """Return the brief's figures: money kept and at risk, who is below, the gap, past forecasts.

    Parameters
    ----------
    brief : Brief
    currency : str
        ISO 4217 code.

    Returns
    -------
    sequence of KeyFigures
        One row; empty where no page can be relied on.
    """
    figures = [*_money(brief, currency), *_use(brief, currency), *_honest(brief)]
    return [KeyFigures(figures)] if figures else []


def _money(brief: Brief, currency: str) -> Iterator[KeyFigure]:
    """Yield what is likely kept of the running quarter's ARR, and what is at risk of it."""
    coming = evidence.quarters(brief)
    first: dict[str, Any] = {} if coming.empty else dict(coming.iloc[0])
    quarter = first.get("label")
    if not isinstance(quarter, str) or not quarter:
        return
    for kept in _known(brief, evidence.OUTLOOK, "kept"):
        due = values.money(first.get("due_arr"), currency)
        yield KeyFigure(
            f"ARR of {quarter} likely to be kept",
            values.percent(kept.value),
            f"{values.interval(kept.low, kept.high)}, of {due}",
            kept.href,
        )
    for risk in _known(brief, evidence.OUTLOOK, "at-risk"):
        low, high = about(float(risk.low), currency), about(float(risk.high), currency)
        yield KeyFigure(
            f"ARR at risk in {quarter}",
            about(float(risk.value), currency),
            f"eight times in ten {low} to {high}",
            risk.href,
        )


def _use(brief: Brief, currency: str) -> Iterator[KeyFigure]:
    """Yield who stands below an announced level, and how far its two sides lie apart."""
    for below in brief.findings(evidence.THRESHOLDS, "arr-below"):
        if below.n is not None and not values.is_missing(below.value):
            yield KeyFigure(
                "Customers today on the side of a level that renewed less",
                values.integer(below.n),
                f"{values.money(below.value, currency)} a year",
                below.href,
            )
    for gap in _known(brief, evidence.THRESHOLDS, "lift-1"):
        yield KeyFigure(
            _gap_of(brief, gap),
            values.points(gap.value, digits=0),
            f"{values.interval(gap.low, gap.high, 'points')}, {values.integer(gap.n)} terms",
            gap.href,
        )


def _gap_of(brief: Brief, gap: Said) -> str:
    """Return of whom, and at which level, a gap in renewal is."""
    found = brief.rows(evidence.THRESHOLDS, "thresholds")
    rules = found.reindex(columns=["lift_within_strata", "role", "segment", "rule"])
    # A finding carries its own values and no rule: the announced rule that has them.
    own = rules[rules["role"].eq("signal") & rules["lift_within_strata"].eq(gap.value)].head(1)
    if own.empty:
        return "Gap in renewal at the first level, like customers"
    segment, rule = own["segment"].iloc[0], own["rule"].iloc[0]
    who = "customers" if values.is_missing(segment) else f"{segment} customers"
    return f"Gap in renewal between like {who}: {rule}, or not"


def _honest(brief: Brief) -> Iterator[KeyFigure]:
    """Yield how many left for each one that was expected to, in past quarters."""
    for ratio in _known(brief, evidence.BACKTEST, "observed-to-expected"):
        yield KeyFigure(
            "Customers who left in past quarters, for each 1 expected to",
            values.number(ratio.value, 2),
            f"{values.interval(ratio.low, ratio.high, 'number', 2)}, "
            f"{values.integer(ratio.n)} contracts",
            ratio.href,
        )


def _known(brief: Brief, notebook: str, name: str) -> list[Said]:
    """Return the finding of that name, when it has a value, both ends and what it is counted of."""
    return [
        said
        for said in brief.findings(notebook, name)
        if said.id == name
        and not any(values.is_missing(part) for part in (said.value, said.low, said.high, said.n))
    ][:1]
