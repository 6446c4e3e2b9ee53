"""What the head of the brief shows as figures: the findings that carry a number with its doubt.

Grain in: ``evidence.brief.Brief``.  Grain out: at most five findings by name.  The figures are
drawn of these and the answer leaves out what they say, so that one place decides what stands
where: a finding without its interval, or of a page that cannot be relied on, is no figure, and is
said in words.
"""

from __future__ import annotations

from typing import Final

from cs_models.report import values
from cs_models.report.evidence import brief as evidence
from cs_models.report.evidence.brief import Brief, Said

KEPT, AT_RISK, BELOW, GAP, HONEST = NAMES = (
    "kept", "at-risk", "arr-below", "lift-1", "observed-to-expected",
)  # fmt: skip
_FROM: Final = {
    KEPT: evidence.OUTLOOK,
    AT_RISK: evidence.OUTLOOK,
    BELOW: evidence.THRESHOLDS,
    GAP: evidence.THRESHOLDS,
    HONEST: evidence.BACKTEST,
}


def figures(brief: Brief) -> dict[str, Said]:
    """Return the findings that are shown as figures, by name, in the order shown.

    Parameters
    ----------
    brief : Brief

    Returns
    -------
    dict of str to Said
        Each with its value and what it is counted of; all but a plain count with both ends.
    """
    found = {name: _named(brief, name) for name in NAMES}
    return {name: said for name, said in found.items() if said is not None}


def quarter(brief: Brief) -> str:
    """Return the name of the quarter that the money is of; empty where no page tells it."""
    coming = evidence.quarters(brief)
    label = None if coming.empty else coming["label"].iloc[0]
    return label if isinstance(label, str) else ""


def _named(brief: Brief, name: str) -> Said | None:
    if name in (KEPT, AT_RISK) and not quarter(brief):
        return None
    said = next((one for one in brief.findings(_FROM[name], name) if one.id == name), None)
    if said is None or not said.href:
        return None
    counted = (said.value, said.n)
    needed = counted if name == BELOW else (*counted, said.low, said.high)
    return None if any(values.is_missing(part) for part in needed) else said
