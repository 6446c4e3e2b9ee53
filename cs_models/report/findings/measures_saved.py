"""Notebook 01 in brief, and its rows for ``results.json``.

Grain in: what the page's parts found.  Grain out: the statements of the answer, and one row a
measure, group and period: ``id``, ``name``, ``group``, ``value``, ``low``, ``high``, ``unit``,
``n``, ``n_accounts``, ``period``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cs_models.report.display import Statement
from cs_models.report.evidence.fit import Stuck
from cs_models.report.evidence.ramps import Ramp
from cs_models.report.evidence.rules import records
from cs_models.report.evidence.satisfaction import Voices
from cs_models.report.evidence.saydo import SayDo
from cs_models.report.findings import fit, ramps, satisfaction


def answer(
    measured: Sequence[Statement], late: Stuck, course: Ramp, clash: SayDo, currency: str
) -> list[Statement]:
    """Put the page's answer together: the measures first, then who needs a look.

    Parameters
    ----------
    measured : sequence of Statement
        What the measures say; the first is the page's answer.
    late : Stuck
    course : Ramp
    clash : SayDo
    currency : str
        ISO 4217 code.
    """
    parts = (
        fit.stuck(late, currency)[0],
        ramps.ramp(course, currency)[-1],
        satisfaction.say_do(clash, currency)[0],
    )
    more = [
        Statement(one.role, one.parts, one.verdict, f"{one.id}-brief")
        for one in parts
        if one.verdict is None
    ]
    return [*measured, *more]


def listed(told: Voices, course: Ramp, as_of: str) -> list[dict[str, Any]]:
    """Return the rows of M9 (corners, answers) and M10 (the ramp).

    Parameters
    ----------
    told : Voices
    course : Ramp
    as_of : str
        ISO date that closes the periods.
    """
    rows: list[dict[str, Any]] = []
    if told.cube is not None:
        period = f"180 days to {as_of}"
        rows += [
            _row("M9", "share of users who answered", row["corner"], row, "share",
                 told.n_answered, row["n_accounts"], period)
            for row in records(told.cube.corners)
        ]  # fmt: skip
        rows += [
            _row("M9", "users who answered", row["group"], row, "share", row["n"], None, period)
            for row in records(told.cube.response)
        ]
    full = ramps.full_week(course)
    if full is not None:
        week = {"share": full[0], "low": None, "high": None}
        rows.append(
            _row("M10", "week of usual use", "renewed", week, "week", course.usual.n_renewed, None,
                 f"to {as_of}")
        )  # fmt: skip
    if len(course.standing):
        below = {"share": float(course.standing["below"].mean()), "low": None, "high": None}
        rows.append(
            _row("M10", "under the usual ramp", "running", below, "share", len(course.standing),
                 int(course.standing["account_id"].nunique()), f"4 weeks to {as_of}")
        )  # fmt: skip
    return rows


def _row(
    measure: str, name: str, group: Any, row: dict[str, Any], unit: str, n: Any, n_accounts: Any,
    period: str,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": measure, "name": name, "group": str(group), "value": row["share"],
        "low": row["low"], "high": row["high"], "unit": unit, "n": n, "n_accounts": n_accounts,
        "period": period,
    }  # fmt: skip
