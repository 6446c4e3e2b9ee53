"""Knobs for JupyterLab over the same figures as the page, and the plain functions behind them.

Every explorer is two things: a function that a script can call, which returns the display objects
for given knobs (:func:`threshold`, :func:`retention`, :func:`customer`, :func:`capacity`,
:func:`what_if`), and a view, a widget that works out once what is heavy and calls the same
function at every turn (``threshold_view`` …).  :func:`table` shows a table that can be sorted and
searched.  Cells that show a view are tagged ``interactive``: headless runs and exports drop them,
and importing this package loads none of it until a name is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cs_models.report.explore.accounts import customer, customer_view
    from cs_models.report.explore.calls import capacity, capacity_view
    from cs_models.report.explore.moving import what_if, what_if_view
    from cs_models.report.explore.sides import threshold, threshold_view
    from cs_models.report.explore.staying import retention, retention_view
    from cs_models.report.explore.tabling import table, tables

__all__ = [
    "capacity", "capacity_view", "customer", "customer_view", "retention", "retention_view",
    "table", "tables", "threshold", "threshold_view", "what_if", "what_if_view",
]  # fmt: skip

_STANDS_IN = {
    "capacity": "calls", "capacity_view": "calls", "customer": "accounts",
    "customer_view": "accounts", "retention": "staying", "retention_view": "staying",
    "table": "tabling", "tables": "tabling", "threshold": "sides", "threshold_view": "sides",
    "what_if": "moving", "what_if_view": "moving",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load what is asked for: widgets cost a second that no headless run should pay."""
    if name not in _STANDS_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_STANDS_IN[name]}"), name)
