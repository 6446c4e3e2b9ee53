"""The few figures that a run comes down to, for the head of its index.

Grain in: a run as ``changes.said`` read it.  Grain out: one figure a question that was answered,
with its interval, what it is of, and the table on the page that made it.  What the index and the
leadership brief both show is made here once: :func:`kept`, :func:`at_risk`, :func:`below`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from cs_models.report import values
from cs_models.report.changes.amounts import about, num, text, whole
from cs_models.report.changes.said import OUTLOOK, THRESHOLDS, Said

MOST_SEGMENTS: Final = 4
_PAGE: Final = "report.html"
Ends = tuple[float | None, float | None]


@dataclass(frozen=True)
class Figure:
    """One figure of the run.

    Attributes
    ----------
    label : str
        What it is, in a few words.
    value : str
        The figure as it is printed.
    beside : str
        Its interval, or what it counts.
    href : str
        The table behind it, relative to the run's folder.
    """

    label: str
    value: str
    beside: str
    href: str


def figures(run: Said) -> list[Figure]:
    """Return what a run comes down to; fewer where it answered fewer questions.

    Parameters
    ----------
    run : Said
        The run and what it said.
    """
    return [*_outlook(run), *_levels(run), *_below(run)]


def kept(quarter: str, share: float, ends: Ends, due: float, currency: str, href: str) -> Figure:
    """Return the figure of what is likely kept of a quarter's ARR.

    Parameters
    ----------
    quarter : str
    share : float
        Of the ARR due, 0 to 1.
    ends : tuple of float or None
        Where it ends eight times in ten.
    due : float
        ARR due, currency a year.
    currency : str
        ISO 4217 code.
    href : str
        The table behind it.
    """
    beside = f"{values.interval(*ends)}, of {values.money(due, currency)}"
    return Figure(f"ARR of {quarter} likely to be kept", values.percent(share), beside, href)


def at_risk(quarter: str, loss: float, ends: Ends, currency: str, href: str) -> Figure:
    """Return the figure of what of it leaves on average; parameters as for `kept`."""
    low, high = ends
    beside = (
        "each contract weighed by its chance"
        if low is None or high is None
        else f"eight times in ten {about(low, currency)} to {about(high, currency)}"
    )
    return Figure(f"ARR at risk in {quarter}", about(loss, currency), beside, href)


def below(n: int, arr: float, currency: str, href: str) -> Figure:
    """Return the figure of who stands today on the side of a level that renewed less.

    Parameters
    ----------
    n : int
        Customers.
    arr : float
        What they pay, currency a year.
    currency : str
        ISO 4217 code.
    href : str
        The table behind it.
    """
    what = "customer" if n == 1 else "customers"
    beside = f"{what}, {values.money(arr, currency)} a year"
    return Figure("Today on the side that renewed less", values.integer(n), beside, href)


def _outlook(run: Said) -> Iterator[Figure]:
    """Yield the running quarter: what is likely kept, what is at risk, and how sure that is."""
    quarters = run.rows(OUTLOOK, "forecast")
    if not quarters:
        return
    row, href = quarters[0], _href(run, OUTLOOK, "kept")
    label = text(row, "label") or "the quarter"
    share, low, high = (num(row, f"grr_{name}") for name in ("p50", "p10", "p90"))
    due, risk = num(row, "due_arr"), num(row, "arr_at_risk")
    if share is not None and due is not None:
        yield kept(label, share, (low, high), due, run.currency, href)
    if risk is not None:
        ends = (num(row, "loss_p10"), num(row, "loss_p90"))
        yield at_risk(label, risk, ends, run.currency, _href(run, OUTLOOK, "at-risk"))
    hit, judged = num(row, "n_hit"), num(row, "n_judged")
    if hit is not None and judged:
        yield Figure(
            "Such intervals held before",
            f"{int(hit)} of {int(judged)}",
            "past quarters; meant to hold in eight of ten",
            _href(run, OUTLOOK, "intervals-held"),
        )


def _levels(run: Said) -> Iterator[Figure]:
    """Yield the announced level of each segment, the best first."""
    seen: dict[str, Mapping[str, Any]] = {}
    for row in run.rows(THRESHOLDS, "thresholds"):
        if text(row, "role") == "signal" and num(row, "cut") is not None:
            seen.setdefault(text(row, "segment") or "all customers", row)
    groups = [(name, row) for name, row in seen.items() if row.get("segment")] or list(seen.items())
    if not groups:
        return
    best = groups[0][1]
    shown = [
        (name, num(row, "cut") or 0.0)
        for name, row in groups[:MOST_SEGMENTS]
        if row.get("column") == best.get("column")
    ]
    yield Figure(
        values.short_name(f"Level of adoption in {', '.join(name for name, _ in shown)}"),
        " · ".join(whole(cut) for _, cut in shown),
        text(best, "counted"),
        _href(run, THRESHOLDS, "lift-1"),
    )


def _below(run: Said) -> Iterator[Figure]:
    found = run.findings(THRESHOLDS).get("arr-below", {})
    n, arr = num(found, "n"), num(found, "value")
    if n is not None and arr is not None:
        yield below(int(n), arr, run.currency, _href(run, THRESHOLDS, "arr-below"))


def _href(run: Said, notebook: str, finding: str) -> str:
    table = text(run.findings(notebook).get(finding, {}), "table")
    return f"{quote(notebook)}/{_PAGE}" + (f"#{quote(table)}" if table else "")
