"""The few figures that head the leadership brief, each as its own page saved it.

Grain in: ``evidence.brief.Brief``.  Grain out: one row of figures, or none.  Nothing is worked
out here: a figure that no page of the run can vouch for is left out.  What a figure is goes into
two short lines; the answer's sentences and the sections below say the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from cs_models.report import key_figures, values
from cs_models.report.evidence import brief as evidence
from cs_models.report.evidence import foremost
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
    makers = {
        foremost.KEPT: _kept,
        foremost.AT_RISK: _at_risk,
        foremost.BELOW: _below,
        foremost.GAP: _gap,
        foremost.HONEST: _honest,
    }
    found = foremost.figures(brief)
    figures = [makers[name](brief, said, currency) for name, said in found.items()]
    return [KeyFigures(figures)] if figures else []


def _kept(brief: Brief, kept: Said, currency: str) -> KeyFigure:
    """Return what is likely kept of the running quarter's ARR."""
    due = float(evidence.quarters(brief)["due_arr"].iloc[0])
    ends = (kept.low, kept.high)
    made = key_figures.kept(foremost.quarter(brief), kept.value, ends, due, currency, kept.href)
    return _tile(made)


def _at_risk(brief: Brief, risk: Said, currency: str) -> KeyFigure:
    """Return what of it leaves on average."""
    ends = (float(risk.low), float(risk.high))
    quarter, loss = foremost.quarter(brief), float(risk.value)
    return _tile(key_figures.at_risk(quarter, loss, ends, currency, risk.href))


def _below(_: Brief, below: Said, currency: str) -> KeyFigure:
    """Return who stands today on the side of an announced level that renewed less."""
    return _tile(key_figures.below(int(below.n or 0), below.value, currency, below.href))


def _tile(made: key_figures.Figure) -> KeyFigure:
    return KeyFigure(made.label, made.value, made.beside, made.href)


def _gap(brief: Brief, gap: Said, _: str) -> KeyFigure:
    """Return how far the two sides of the first level lie apart, among customers alike."""
    return KeyFigure(
        f"Renewal gap at the level{_of(brief, gap)}",
        values.points(gap.value, digits=0),
        f"like customers, {values.interval(gap.low, gap.high, 'points')}, "
        f"{values.integer(gap.n)} terms",
        gap.href,
    )


def _of(brief: Brief, gap: Said) -> str:
    """Return of whom a gap in renewal is; nothing where it is of all customers."""
    found = brief.rows(evidence.THRESHOLDS, "thresholds")
    rules = found.reindex(columns=["lift_within_strata", "role", "segment"])
    # A finding carries its own values and no rule: the announced rule that has them.
    own = rules[rules["role"].eq("signal") & rules["lift_within_strata"].eq(gap.value)].head(1)
    segments = [name for name in own["segment"] if not values.is_missing(name)]
    return f" of {segments[0]}" if segments else ""


def _honest(_: Brief, ratio: Said, __: str) -> KeyFigure:
    """Return how many left for each one that was expected to, in past quarters."""
    return KeyFigure(
        "Left, for each one expected to",
        values.number(ratio.value, 2),
        f"{values.interval(ratio.low, ratio.high, 'number', 2)}, "
        f"{values.integer(ratio.n)} past contracts",
        ratio.href,
    )
